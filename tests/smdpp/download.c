/* GetBoundProfilePackage and CancelSession: each row broken by itself, confirmation codes, retries,
 * reasons; orders that change under a session. */
#include "rig.h"

#include "smdpp/core.h"

#include <stdio.h>
#include <string.h>

static const struct fake_knobs NONE;

/* ---- GetBoundProfilePackage ---- */

static void signature(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs bad = {.bad_signature2 = true};
    struct fake_knobs point = {.bad_otpk = true};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &bad, NULL), "8.1", "6.1");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &point, NULL), "8.1", "6.1");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_null(rig_profile(rig, 1).bound_eid);
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL));
}

static void chip_cannot_prepare(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs error = {.chip_says = 2};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct rsp_get_bound_profile_package_request *request =
        fake_prepare(&rig->nist, &error, &rig->arena);
    struct rsp_get_bound_profile_package_response answer;
    for (int i = 0; i < 2; i++) {
        assert_refused(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &answer),
                       "8.1", "4.2");
    }
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    rig_to_downloaded(rig, &rig->nist, "ABC");
}

static void confirmation_code(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs wrong = {.code = "4321"};
    struct fake_knobs right = {.code = "1234"};
    struct rsp_get_bound_profile_package_response answer;
    rig_release(rig, 1, "ABC", NULL, "1234");
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_true(rig->nist.cc_required);
    /* missing: nothing is counted */
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL), "8.2.7", "2.2");
    assert_int_equal(rig_profile(rig, 1).cc_failures, 0);
    /* wrong, and the same once more because the answer was lost: counted once */
    struct rsp_get_bound_profile_package_request *request =
        fake_prepare(&rig->nist, &wrong, &rig->arena);
    for (int i = 0; i < 2; i++) {
        assert_refused(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &answer),
                       "8.2.7", "3.8");
        assert_non_null(strstr(rig->err.next, "2 more"));
        assert_int_equal(rig_profile(rig, 1).cc_failures, 1);
    }
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 1);
    assert_non_null(strstr(rig_outbox(rig, 0), "\"notificationPointId\":2"));
    assert_non_null(strstr(rig_outbox(rig, 0), "\"8.2.7\""));
    /* right, in the same session */
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &right, NULL));
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    assert_int_equal(rig_profile(rig, 1).cc_failures, 0);
}

static void confirmation_code_too_often(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs wrong = {.code = "4321"};
    struct fake_knobs right = {.code = "1234"};
    rig_release(rig, 1, "ABC", NULL, "1234");
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &wrong, NULL), "8.2.7", "3.8");
    /* the count is the order's, not the session's */
    rig_to_authenticated(rig, &rig->nist2, "ABC");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist2, &wrong, NULL), "8.2.7", "3.8");
    struct rsp_get_bound_profile_package_request *request =
        fake_prepare(&rig->nist2, &wrong, &rig->arena);
    struct rsp_get_bound_profile_package_response answer;
    for (int i = 0; i < 2; i++) {
        assert_refused(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &answer),
                       "8.2.7", "6.4");
    }
    rig_assert_state(rig, 1, SMDPP_ERROR);
    assert_refused(rig, rig_get_bpp(rig, &rig->nist2, &right, NULL), "8.10.1", "3.9");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &right, NULL), "8.2.6", "3.8");
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 3);
    assert_non_null(strstr(rig_outbox(rig, 2), "\"6.4\""));
}

static void confirmation_code_of_another_session(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs right = {.code = "1234"};
    struct fake_knobs random = {.random_hash = true};
    rig_release(rig, 1, "ABC", NULL, "1234");
    rig_to_authenticated(rig, &rig->nist, "ABC");
    /* hashCc goes over the TransactionID: a recorded one does not fit */
    uint8_t id[RSP_MAX_TRANSACTION_ID];
    struct rsp_get_bound_profile_package_request *old =
        fake_prepare(&rig->nist, &right, &rig->arena);
    memcpy(id, rig->nist.transaction_id, sizeof(id));
    rig_to_authenticated(rig, &rig->nist, "ABC");
    old->transaction_id = cr_span_of(rig->nist.transaction_id, rig->nist.transaction_id_size);
    struct rsp_get_bound_profile_package_response answer;
    assert_refused(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, old, &answer), "8.10.1",
                   "3.9");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &random, NULL), "8.2.7", "3.8");
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &right, NULL));
    /* a code that nobody asked for does no harm */
    rig_release(rig, 2, "DEF", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist2, "DEF");
    assert_false(rig->nist2.cc_required);
    assert_ok(rig, rig_get_bpp(rig, &rig->nist2, &right, NULL));
}

static void order_of_checks(void **state)
{
    struct rig *rig = *state;
    struct smdpp_policy policy = {.order_ms = 1000};
    static const uint8_t other[] = {1};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "ABC", NULL, "1234");
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct fake_knobs knobs = {
        .signed_id = CR_SPAN_ARRAY(other), .bad_signature2 = true, .code = "wrong"};
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL), "8.10.1", "3.9");
    knobs.signed_id = (cr_span){0};
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL), "8.1", "6.1");
    assert_int_equal(rig_profile(rig, 1).cc_failures, 0);
    rig->now_ms += 1000;
    knobs.bad_signature2 = false;
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL), "8.8.5", "4.10");
    assert_int_equal(rig_profile(rig, 1).cc_failures, 0);
    rig_assert_state(rig, 1, SMDPP_ERROR);
}

/* ---- retries ---- */

/* What is behind BF23 in a BPP, and its smdpOtpk. */
static cr_span body_of(struct rig *rig, cr_span bpp, cr_span *otpk)
{
    struct rsp_bound_profile_package p;
    assert_ok(rig,
              asn1_decode(&rsp_bound_profile_package_type, bpp, 0, &rig->arena, &p, &rig->err));
    cr_span channel = p.initialise_secure_channel.raw;
    *otpk = p.initialise_secure_channel.smdp_otpk;
    size_t at = (size_t)(channel.p - bpp.p) + channel.n;
    return cr_span_sub(bpp, at, bpp.n);
}

static void open_and_compare(struct rig *rig, struct fake_chip *chip, cr_span bpp, int n)
{
    cr_buf upp = {0};
    cr_buf metadata = {0};
    const struct smdpp_identity *identity =
        smdpp_identity_under(&rig->config, CR_SPAN_ARRAY(chip->ci));
    fake_open_bpp(chip, bpp, identity->pb.point, &upp, &metadata, &rig->arena);
    assert_true(cr_span_equal(cr_buf_span(&upp), rig_upp(rig, rig_iccid(n), 2, 3000)));
    cr_buf_free(&upp);
    cr_buf_free(&metadata);
}

static void retry_with_the_same_key(void **state)
{
    struct rig *rig = *state;
    cr_span first;
    cr_span second;
    cr_span otpk1;
    cr_span otpk2;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, &first));
    open_and_compare(rig, &rig->nist, first, 1);
    cr_span body1 = body_of(rig, first, &otpk1);

    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_true(rig->nist.has_offered_otpk);
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, &second));
    cr_span body2 = body_of(rig, second, &otpk2);
    assert_true(cr_span_equal(body1, body2)); /* never other plain text under the same keys */
    assert_true(cr_span_equal(otpk1, otpk2));
    assert_false(cr_span_equal(first, second)); /* BF23 is of the new session */
    open_and_compare(rig, &rig->nist, second, 1);
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    assert_int_equal(rig_profile(rig, 1).downloads, 2);
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

static void retry_with_another_key(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs fresh = {.fresh_otpk = true};
    cr_span first;
    cr_span second;
    cr_span otpk1;
    cr_span otpk2;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, &first));
    cr_span body1 = body_of(rig, first, &otpk1);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &fresh, &second));
    cr_span body2 = body_of(rig, second, &otpk2);
    assert_false(cr_span_equal(body1, body2));
    assert_false(cr_span_equal(otpk1, otpk2));
    open_and_compare(rig, &rig->nist, second, 1);
}

static void rebinding_refused_by_policy(void **state)
{
    struct rig *rig = *state;
    struct smdpp_policy policy = {.refuse_rebinding = true};
    struct fake_knobs fresh = {.fresh_otpk = true};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    rig_to_downloaded(rig, &rig->nist, "ABC"); /* with the same key it may */
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &fresh, NULL), "8.2", "3.7");
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
}

static void retry_by_another_chip(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs abc = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", NULL, NULL);
    /* both are let in while nobody has the package; the first to fetch it has it */
    rig_to_authenticated(rig, &rig->nist2, "ABC");
    rig_to_downloaded(rig, &rig->nist, "ABC");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist2, &NONE, NULL), "8.1.1", "3.8");
    fake_new_session(&rig->nist2);
    assert_ok(rig, rig_initiate(rig, &rig->nist2, &NONE));
    assert_refused(rig, rig_authenticate(rig, &rig->nist2, &abc), "8.1.1", "3.8");
    assert_string_equal(rig_profile(rig, 1).bound_eid, RIG_EID);
}

static void retry_under_the_other_curve(void **state)
{
    struct rig *rig = *state;
    cr_span bpp;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    /* the same EID comes back under the CI of the other curve: bound anew, nothing offered */
    rig_to_authenticated(rig, &rig->brainpool, "ABC");
    assert_false(rig->brainpool.has_offered_otpk);
    assert_ok(rig, rig_get_bpp(rig, &rig->brainpool, &NONE, &bpp));
    open_and_compare(rig, &rig->brainpool, bpp, 1);
    assert_ok(rig, rig_result(rig, &rig->brainpool, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

/* ---- CancelSession ---- */

static void cancel_rows(void **state)
{
    struct rig *rig = *state;
    static const uint8_t oid[] = {0x88, 0x37, 0x0B};
    struct fake_knobs bad = {.bad_cancel_signature = true, .smdp_oid = CR_SPAN_ARRAY(oid)};
    struct fake_knobs other = {.smdp_oid = CR_SPAN_ARRAY(oid)};
    struct fake_knobs error = {.cancel_error = true};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_refused(rig, rig_cancel(rig, &rig->nist, &error, 0), "8.10.1", "3.9");
    assert_refused(rig, rig_cancel(rig, &rig->nist, &bad, 0), "8.1", "6.1"); /* before the OID */
    assert_refused(rig, rig_cancel(rig, &rig->nist, &other, 0), "8.8", "3.10");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL)); /* the session lives */
}

static void cancel_reasons(void **state)
{
    struct rig *rig = *state;
    static const struct {
        int64_t reason;
        const char *subject, *why; /* NULL: nobody is told */
    } rows[] = {
        {0, "\"8.8.5\"", "\"3.8\""},
        {1, NULL, NULL},
        {2, NULL, NULL},
        {3, "\"8.2.8\"", "\"1.2\""},
        {4, "\"8.2.9\"", "\"3.11\""},
        {5, "\"8.2.10\"", "\"4.2\""},
        {99, "\"8\"", "\"4.2\""},
        {127, "\"8\"", "\"4.2\""},
    };
    int told = 0;
    for (int i = 0; i < (int)CR_COUNT(rows); i++) {
        for (int bound = 0; bound < 2; bound++) {
            int n = 2 * i + bound;
            char id[16];
            (void)snprintf(id, sizeof(id), "M-%d", n);
            rig_release(rig, n, id, NULL, NULL);
            if (bound) {
                rig_to_downloaded(rig, &rig->nist, id);
            } else {
                rig_to_authenticated(rig, &rig->nist, id);
            }
            assert_ok(rig, rig_cancel(rig, &rig->nist, &NONE, rows[i].reason));
            if (!rows[i].subject) {
                rig_assert_state(rig, n, bound ? SMDPP_DOWNLOADED : SMDPP_RELEASED);
                assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), told);
                rig_to_downloaded(rig, &rig->nist, id); /* comes back later */
            } else {
                rig_assert_state(rig, n, SMDPP_ERROR);
                const char *body = rig_outbox(rig, told++);
                assert_non_null(body);
                assert_non_null(strstr(body, rows[i].subject));
                assert_non_null(strstr(body, rows[i].why));
                assert_non_null(rig_profile(rig, n).last_error);
                assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), told);
            }
        }
    }
}

static void late_cancel_of_an_old_session(void **state)
{
    struct rig *rig = *state;
    struct rsp_cancel_session_response_es9 answer;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    struct rsp_cancel_session_request_es9 *late =
        fake_cancel(&rig->nist, &NONE, 0, rig->config.oid, &rig->arena);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    assert_ok(rig, rig_call(rig, RSP_ES9_CANCEL_SESSION, late, &answer));
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    /* and one that comes after the installation changes nothing either */
    assert_ok(rig, rig_cancel(rig, &rig->nist, &NONE, 5));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

/* Two chips know the code, the first to fetch has the profile: the other's word ends nothing. */
static void cancel_by_a_chip_that_came_second(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    rig_to_authenticated(rig, &rig->nist2, "ABC");
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL));
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    assert_ok(rig, rig_cancel(rig, &rig->nist2, &NONE, 0));
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 0);
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

/* ---- the order changes under the session ---- */

static void order_anew(struct rig *rig, const char *matching_id)
{
    assert_ok(rig,
              rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, NULL, "Available"));
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, matching_id, NULL,
                                     NULL, true, NULL));
}

static void order_cancelled_meanwhile(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    assert_ok(rig,
              rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, NULL, "Available"));
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_AVAILABLE);
}

static void iccid_ordered_by_somebody_else_meanwhile(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    order_anew(rig, "XYZ");
    /* the holder of the old code gets nothing, and cannot end the new order */
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL), "8.10.1", "3.9");
    assert_ok(rig, rig_cancel(rig, &rig->nist, &NONE, 0));
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    rig_to_installed(rig, &rig->nist2, 1, "XYZ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(signature),
        TEST(chip_cannot_prepare),
        TEST(confirmation_code),
        TEST(confirmation_code_too_often),
        TEST(confirmation_code_of_another_session),
        TEST(order_of_checks),
        TEST(retry_with_the_same_key),
        TEST(retry_with_another_key),
        TEST(rebinding_refused_by_policy),
        TEST(retry_by_another_chip),
        TEST(retry_under_the_other_curve),
        TEST(cancel_rows),
        TEST(cancel_reasons),
        TEST(late_cancel_of_an_old_session),
        TEST(cancel_by_a_chip_that_came_second),
        TEST(order_cancelled_meanwhile),
        TEST(iccid_ordered_by_somebody_else_meanwhile),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
