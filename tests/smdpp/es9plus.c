/* ES9+ of the SM-DP+: the golden path on both curves with everything that a chip checks. */
#include "rig.h"

#include "smdpp/core.h"
#include "smdpp/session.h"

#include <stdio.h>
#include <string.h>

struct stored {
    struct rig *rig;
    const char *iccid;
    struct smdpp_package package;
};

static cr_status stored_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct stored *s = ctx;
    return smdpp_package_get(tx, s->iccid, true, &s->rig->arena, &s->package, err);
}

/* The UPP that stands in the store. */
static void stored_upp(struct rig *rig, int n, cr_buf *upp)
{
    struct stored s = {.rig = rig, .iccid = rig_iccid(n)};
    assert_ok(rig, store_read(rig->dp->store, stored_work, &s, &rig->err));
    assert_ok(rig,
              store_unseal(&rig->dp->seal, "upp", rig_iccid(n), s.package.upp, upp, &rig->err));
}

static void download(struct rig *rig, struct fake_chip *chip, int n, const char *matching_id)
{
    struct fake_knobs knobs = {.matching_id = matching_id};
    cr_span bpp;
    cr_buf upp = {0};
    cr_buf expected = {0};
    cr_buf metadata = {0};
    fake_new_session(chip);
    assert_ok(rig, rig_initiate(rig, chip, &knobs));
    rig_assert_state(rig, n, SMDPP_RELEASED);
    assert_ok(rig, rig_authenticate(rig, chip, &knobs));
    assert_false(chip->cc_required);
    assert_false(chip->has_offered_otpk);
    rig_assert_state(rig, n, SMDPP_RELEASED);
    assert_int_equal(rig_profile(rig, n).downloads, 1);
    assert_ok(rig, rig_get_bpp(rig, chip, &knobs, &bpp));
    rig_assert_state(rig, n, SMDPP_DOWNLOADED);
    assert_string_equal(rig_profile(rig, n).bound_eid, chip->eid_text);
    const struct smdpp_identity *identity =
        smdpp_identity_under(&rig->config, CR_SPAN_ARRAY(chip->ci));
    fake_open_bpp(chip, bpp, identity->pb.point, &upp, &metadata, &rig->arena);
    stored_upp(rig, n, &expected);
    assert_true(cr_span_equal(cr_buf_span(&upp), cr_buf_span(&expected)));
    assert_true(cr_span_equal(cr_buf_span(&upp), rig_upp(rig, rig_iccid(n), 2, 3000)));
    assert_true(cr_span_equal(cr_buf_span(&metadata), rig_profile(rig, n).metadata));
    assert_ok(rig, rig_result(rig, chip, n, 0));
    rig_assert_state(rig, n, SMDPP_INSTALLED);
    assert_null(rig_profile(rig, n).last_error);
    cr_buf_free(&upp);
    cr_buf_free(&expected);
    cr_buf_free(&metadata);
}

static void golden_nist(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    download(rig, &rig->nist, 1, "ABC");
}

static void golden_brainpool(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    download(rig, &rig->brainpool, 1, "ABC");
}

static void secrets_are_not_in_clear(void **state)
{
    struct rig *rig = *state;
    rig_import(rig, 1);
    struct stored s = {.rig = rig, .iccid = rig_iccid(1)};
    cr_span upp = rig_upp(rig, rig_iccid(1), 2, 3000);
    assert_ok(rig, store_read(rig->dp->store, stored_work, &s, &rig->err));
    assert_null(memmem(s.package.upp.p, s.package.upp.n, upp.p + 200, 32));
    assert_null(memmem(s.package.segments.p, s.package.segments.n, upp.p + 200, 32));
    /* A sealed value cannot be moved to another profile. */
    cr_buf out = {0};
    assert_int_equal(
        store_unseal(&rig->dp->seal, "upp", rig_iccid(2), s.package.upp, &out, &rig->err),
        CR_REFUSED);
    assert_int_equal(
        store_unseal(&rig->dp->seal, "ppk", rig_iccid(1), s.package.upp, &out, &rig->err),
        CR_REFUSED);
    cr_buf_free(&out);
}

/* ---- InitiateAuthentication ---- */

static void initiate_address(void **state)
{
    struct rig *rig = *state;
    static const char *const good[] = {
        "TestSMDPplus1.example.com", "testsmdpplus1.example.com:8443", "testsmdpplus1.example.com.",
        " testsmdpplus1.example.com", "testsmdpplus1.example.com.:443\n"};
    static const char *const bad[] = {"",
                                      "testsmdpplus1.example.co",
                                      "evil.example.com",
                                      "testsmdpplus1.example.com.evil.org",
                                      ":443",
                                      "xtestsmdpplus1.example.com",
                                      "evil\n\x1B[2J"};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        struct fake_knobs knobs = {.address = good[i]};
        fake_new_session(&rig->nist);
        assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    }
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct fake_knobs knobs = {.address = bad[i]};
        assert_refused(rig, rig_initiate(rig, &rig->nist, &knobs), "8.8.1", "3.8");
        assert_null(strpbrk(rig->err.cause, "\n\x1B"));
    }
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), CR_COUNT(good));
}

static void initiate_version(void **state)
{
    struct rig *rig = *state;
    static const struct {
        uint8_t lowest[3], highest[3];
        bool has_highest, good;
    } rows[] = {
        {{1, 0, 0}, {0}, false, false},     {{3, 0, 0}, {0}, false, false},
        {{2, 0, 0}, {0}, false, true},      {{2, 2, 1}, {0}, false, true},
        {{2, 2, 2}, {0}, false, true},      {{2, 3, 0}, {0}, false, true},
        {{2, 6, 0}, {0}, false, true},      {{2, 255, 255}, {0}, false, true},
        {{2, 2, 2}, {3, 1, 0}, true, true}, {{1, 0, 0}, {1, 9, 0}, true, false},
        {{1, 0, 0}, {2, 0, 0}, true, true},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake_knobs knobs = {.svn = rows[i].lowest,
                                   .highest_svn = rows[i].has_highest ? rows[i].highest : NULL};
        fake_new_session(&rig->nist);
        if (rows[i].good) {
            assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
        } else {
            assert_refused(rig, rig_initiate(rig, &rig->nist, &knobs), "8.8.3", "3.1");
        }
    }
}

static void initiate_keys(void **state)
{
    struct rig *rig = *state;
    static const uint8_t unknown_id[RSP_PKID] = {1, 2, 3};
    cr_span unknown = CR_SPAN_ARRAY(unknown_id);
    cr_span empty = cr_span_of(unknown_id, 0);
    cr_span nist = CR_SPAN_ARRAY(rig->nist.ci);
    cr_span brainpool = CR_SPAN_ARRAY(rig->brainpool.ci);
    struct fake_knobs signing = {.signing = &unknown, .signing_count = 1};
    struct fake_knobs nothing = {.signing = &unknown, .signing_count = 0};
    struct fake_knobs hollow = {.signing = &empty, .signing_count = 1};
    struct fake_knobs verification = {.verification = &unknown, .verification_count = 1};
    struct fake_knobs both = {
        .signing = &unknown, .signing_count = 1, .verification = &unknown, .verification_count = 1};
    assert_refused(rig, rig_initiate(rig, &rig->nist, &signing), "8.8.2", "3.1");
    assert_refused(rig, rig_initiate(rig, &rig->nist, &nothing), "8.8.2", "3.1");
    assert_refused(rig, rig_initiate(rig, &rig->nist, &hollow), "8.8.2", "3.1");
    assert_refused(rig, rig_initiate(rig, &rig->nist, &verification), "8.8.4", "3.7");
    assert_refused(rig, rig_initiate(rig, &rig->nist, &both), "8.8.2", "3.1");

    /* The first of the chip's list that we know decides, on each side by itself. */
    const cr_span preferred[] = {unknown, brainpool, nist};
    struct fake_knobs order = {
        .verification = preferred, .verification_count = 3, .signing = &nist, .signing_count = 1};
    struct rsp_initiate_authentication_response answer = {0};
    assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION,
                            fake_initiate(&rig->nist, &order, &rig->arena), &answer));
    assert_true(cr_span_equal(answer.ok.euicc_ci_pkid_to_be_used, nist));
    struct pki_cert cert;
    assert_ok(rig, pki_cert_decode(answer.ok.server_certificate, &cert, &rig->err));
    assert_true(cr_span_equal(cert.aki, brainpool));
}

static void initiate_order_of_checks(void **state)
{
    struct rig *rig = *state;
    static const uint8_t svn[] = {1, 0, 0};
    static const uint8_t unknown_id[RSP_PKID] = {1};
    cr_span unknown = CR_SPAN_ARRAY(unknown_id);
    struct fake_knobs knobs = {.address = "other.example.com",
                               .svn = svn,
                               .signing = &unknown,
                               .signing_count = 1,
                               .verification = &unknown,
                               .verification_count = 1};
    assert_refused(rig, rig_initiate(rig, &rig->nist, &knobs), "8.8.1", "3.8");
    knobs.address = NULL;
    assert_refused(rig, rig_initiate(rig, &rig->nist, &knobs), "8.8.3", "3.1");
    knobs.svn = NULL;
    assert_refused(rig, rig_initiate(rig, &rig->nist, &knobs), "8.8.2", "3.1");
    knobs.signing = NULL;
    assert_refused(rig, rig_initiate(rig, &rig->nist, &knobs), "8.8.4", "3.7");
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 0);
}

static void initiate_repeated(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    struct rsp_initiate_authentication_request *request =
        fake_initiate(&rig->nist, &none, &rig->arena);
    struct rsp_initiate_authentication_response first = {0};
    struct rsp_initiate_authentication_response second = {0};
    assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION, request, &first));
    assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION, request, &second));
    assert_true(cr_span_equal(first.ok.transaction_id, second.ok.transaction_id));
    assert_true(cr_span_equal(first.ok.server_signed1.raw, second.ok.server_signed1.raw));
    assert_true(cr_span_equal(first.ok.server_signature1, second.ok.server_signature1));
    assert_true(cr_span_equal(first.ok.server_certificate, second.ok.server_certificate));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 1);
    fake_take_initiate(&rig->nist, rig->config.trust, &second);

    /* The same challenge with another body, and after its session ended, is a new session. */
    struct fake_knobs other = {.address = "TESTSMDPPLUS1.example.com"};
    assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION,
                            fake_initiate(&rig->nist, &other, &rig->arena), &second));
    assert_false(cr_span_equal(first.ok.transaction_id, second.ok.transaction_id));
    rig->now_ms += 11 * 60 * 1000;
    assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION, request, &second));
    assert_false(cr_span_equal(first.ok.transaction_id, second.ok.transaction_id));
}

/* One challenge in many bodies: no request may have to look at all sessions of the others. */
static void initiate_same_challenge_many_bodies(void **state)
{
    struct rig *rig = *state;
    struct rsp_initiate_authentication_response answer = {0};
    for (int i = 0; i < 50; i++) {
        char address[64];
        (void)snprintf(address, sizeof(address), "%s:%d", rig->config.address, i);
        struct fake_knobs knobs = {.address = address};
        assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION,
                                fake_initiate(&rig->nist, &knobs, &rig->arena), &answer));
    }
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 50);
    assert_int_equal(rig_number(rig, "SELECT count(DISTINCT transaction_id) FROM session"), 50);
}

static void initiate_repeated_after_more(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    struct rsp_initiate_authentication_response answer = {0};
    rig_release(rig, 1, "ABC", NULL, NULL);
    struct rsp_initiate_authentication_request *request =
        fake_initiate(&rig->nist, &knobs, &rig->arena);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    assert_ok(rig, rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION, request, &answer));
    assert_false(
        cr_span_equal(answer.ok.transaction_id,
                      cr_span_of(rig->nist.transaction_id, rig->nist.transaction_id_size)));
    /* and the running session is as it was */
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL));
}

/* ---- sessions ---- */

static void unknown_transaction(void **state)
{
    struct rig *rig = *state;
    static const uint8_t other[RSP_MAX_TRANSACTION_ID] = {9};
    struct fake_knobs knobs = {.outer_id = CR_SPAN_ARRAY(other), .signed_id = CR_SPAN_ARRAY(other)};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.10.1", "3.9");
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL), "8.10.1", "3.9");
    assert_refused(rig, rig_cancel(rig, &rig->nist, &knobs, 0), "8.10.1", "3.9");
    assert_non_null(strstr(rig->err.next, "new session"));
}

static void session_expires(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    int64_t life = 10 * 60 * 1000;
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    rig->now_ms += life;
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.10.1", "3.9");
    assert_ok(rig, smdpp_purge(rig->dp, 100, &rig->err));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 0);

    fake_new_session(&rig->nist);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    rig->now_ms += life - 1;
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    rig->now_ms += life - 1; /* each step gives new life: a user thinks */
    assert_ok(rig, smdpp_purge(rig->dp, 100, &rig->err));
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL));
    rig->now_ms += life;
    assert_refused(rig, rig_cancel(rig, &rig->nist, &knobs, 5), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    /* The result is not bound to the life of the session. */
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

/* One call of the housekeeping takes all that is over, in transactions of some rows each. */
static void dead_sessions_go_as_fast_as_they_come(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    for (int i = 0; i < 35; i++) {
        fake_new_session(&rig->nist);
        assert_ok(rig, rig_initiate(rig, &rig->nist, &none));
    }
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 35);
    rig->now_ms += 10 * 60 * 1000;
    assert_ok(rig, smdpp_purge(rig->dp, 10, &rig->err));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 0);
}

/* Anybody can begin a session; only so many are stored at a time, and it heals with their end. */
static void sessions_have_a_limit(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    struct smdpp_policy few = {.session_limit = 3};
    rig_reopen(rig, NULL, &few);
    for (int i = 0; i < 3; i++) {
        fake_new_session(&rig->nist);
        assert_ok(rig, rig_initiate(rig, &rig->nist, &none));
    }
    /* The request that was answered is answered again, another one is not. */
    assert_ok(rig, rig_initiate(rig, &rig->nist, &none));
    fake_new_session(&rig->nist);
    assert_int_equal(rig_initiate(rig, &rig->nist, &none), CR_RESOURCE);
    rig->now_ms += 10 * 60 * 1000;
    assert_ok(rig, smdpp_purge(rig->dp, 10, &rig->err));
    assert_ok(rig, rig_initiate(rig, &rig->nist, &none));
}

static void wrong_order_of_functions(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL), "8.10.1", "3.9");
    assert_refused(rig, rig_cancel(rig, &rig->nist, &knobs, 0), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    /* Another AuthenticateClient in the same session: signed anew, so another request. */
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.10.1", "3.9");
    assert_int_equal(rig_profile(rig, 1).downloads, 1);
}

static void another_session_between(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    uint8_t first[RSP_MAX_TRANSACTION_ID];
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    memcpy(first, rig->nist.transaction_id, sizeof(first));
    fake_new_session(&rig->nist);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    /* inner and outer TransactionID differ: both are live sessions */
    struct fake_knobs mixed = {.matching_id = "ABC", .signed_id = CR_SPAN_ARRAY(first)};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &mixed), "8.10.1", "3.9");
    mixed.outer_id = CR_SPAN_ARRAY(first);
    mixed.signed_id = (cr_span){0};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &mixed), "8.10.1", "3.9");
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    struct fake_knobs signed_other = {.signed_id = CR_SPAN_ARRAY(first)};
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &signed_other, NULL), "8.10.1", "3.9");
    assert_refused(rig, rig_cancel(rig, &rig->nist, &signed_other, 0), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
}

static void old_answers_in_a_new_session(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    struct rsp_authenticate_client_response answer;
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    struct rsp_authenticate_client_request *old =
        fake_authenticate(&rig->nist, &knobs, &rig->arena);
    fake_new_session(&rig->nist);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    old->transaction_id = cr_span_of(rig->nist.transaction_id, rig->nist.transaction_id_size);
    assert_refused(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, old, &answer), "8.10.1", "3.9");
    assert_int_equal(rig_profile(rig, 1).downloads, 0);
}

static void another_chips_answer(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct fake_knobs stolen = {.signer = rig->nist2.key};
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &stolen, NULL), "8.1", "6.1");
    /* nist2 says its own things in the session of nist */
    memcpy(rig->nist2.transaction_id, rig->nist.transaction_id, RSP_MAX_TRANSACTION_ID);
    rig->nist2.transaction_id_size = rig->nist.transaction_id_size;
    memcpy(rig->nist2.smdp_signature2, rig->nist.smdp_signature2, RSP_SIGNATURE);
    assert_refused(rig, rig_get_bpp(rig, &rig->nist2, &knobs, NULL), "8.1", "6.1");
    assert_refused(rig, rig_cancel(rig, &rig->nist2, &knobs, 0), "8.1", "6.1");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    /* and none of that hurt nist */
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL));
    assert_ok(rig, rig_result(rig, &rig->nist2, 1, 0));
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
}

/* ---- the same request again ---- */

static void authenticate_repeated(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    struct rsp_authenticate_client_response first = {0};
    struct rsp_authenticate_client_response second = {0};
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    struct rsp_authenticate_client_request *request =
        fake_authenticate(&rig->nist, &knobs, &rig->arena);
    assert_ok(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &first));
    for (int i = 0; i < 2; i++) {
        assert_ok(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &second));
        cr_span a;
        cr_span b;
        assert_ok(rig, asn1_encode_arena(&rsp_authenticate_client_response_type, &first,
                                         ASN1_ENCODE_V2, &rig->arena, &a, &rig->err));
        assert_ok(rig, asn1_encode_arena(&rsp_authenticate_client_response_type, &second,
                                         ASN1_ENCODE_V2, &rig->arena, &b, &rig->err));
        assert_true(cr_span_equal(a, b));
        fake_take_authenticate(&rig->nist, rig->config.trust, &second);
        assert_int_equal(rig_profile(rig, 1).downloads, 1);
        if (i == 0) { /* also when the session is further on */
            assert_ok(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL));
        }
    }
}

static void bpp_repeated(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    struct rsp_get_bound_profile_package_response first = {0};
    struct rsp_get_bound_profile_package_response second = {0};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct rsp_get_bound_profile_package_request *request =
        fake_prepare(&rig->nist, &none, &rig->arena);
    assert_ok(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &first));
    int64_t revision = rig_profile(rig, 1).revision;
    assert_ok(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &second));
    assert_true(cr_span_equal(first.ok.bound_profile_package, second.ok.bound_profile_package));
    assert_true(cr_span_equal(first.ok.transaction_id, second.ok.transaction_id));
    assert_int_equal(rig_profile(rig, 1).revision, revision);
    /* another request in a session that has its package */
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &none, NULL), "8.10.1", "3.9");
    /* after the installation the package is still that of this session and this chip */
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

static void cancel_repeated(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    struct rsp_cancel_session_response_es9 answer;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct rsp_cancel_session_request_es9 *request =
        fake_cancel(&rig->nist, &none, 0, rig->config.oid, &rig->arena);
    for (int i = 0; i < 3; i++) {
        assert_ok(rig, rig_call(rig, RSP_ES9_CANCEL_SESSION, request, &answer));
    }
    rig_assert_state(rig, 1, SMDPP_ERROR);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 1);
    /* nothing else goes on in a cancelled session */
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &none, NULL), "8.10.1", "3.9");
}

static void refusals_repeated(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "UNKNOWN"};
    struct rsp_authenticate_client_response answer;
    assert_ok(rig, rig_initiate(rig, &rig->nist, &knobs));
    struct rsp_authenticate_client_request *request =
        fake_authenticate(&rig->nist, &knobs, &rig->arena);
    char next[sizeof(rig->err.next)];
    assert_refused(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &answer), "8.2.6",
                   "3.8");
    memcpy(next, rig->err.next, sizeof(next));
    assert_refused(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &answer), "8.2.6",
                   "3.8");
    assert_string_equal(rig->err.next, next);
    /* the session is over for anything else, but a polite LPA may say so */
    rig_release(rig, 1, "ABC", NULL, NULL);
    knobs.matching_id = "ABC";
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.10.1", "3.9");
    assert_ok(rig, rig_cancel(rig, &rig->nist, &knobs, 5));
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    /* handlers may be called without anybody listening to their errors */
    struct smdpp_call call = {.arena = &rig->arena};
    assert_int_equal(smdpp_authenticate_client(rig->dp, &call, request, &answer, NULL), CR_REFUSED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(golden_nist),
        TEST(golden_brainpool),
        TEST(secrets_are_not_in_clear),
        TEST(initiate_address),
        TEST(initiate_version),
        TEST(initiate_keys),
        TEST(initiate_order_of_checks),
        TEST(initiate_repeated),
        TEST(initiate_repeated_after_more),
        TEST(initiate_same_challenge_many_bodies),
        TEST(unknown_transaction),
        TEST(session_expires),
        TEST(dead_sessions_go_as_fast_as_they_come),
        TEST(sessions_have_a_limit),
        TEST(wrong_order_of_functions),
        TEST(another_session_between),
        TEST(old_answers_in_a_new_session),
        TEST(another_chips_answer),
        TEST(authenticate_repeated),
        TEST(bpp_repeated),
        TEST(cancel_repeated),
        TEST(refusals_repeated),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
