/* HandleNotification: results of installations and what becomes of a profile later; forged, late,
 * repeated, out of order, unknown. */
#include "rig.h"

#include "smdpp/core.h"

#include <string.h>

static const struct fake_knobs NONE;

static int64_t told(struct rig *rig)
{
    return rig_number(rig, "SELECT count(*) FROM outbox");
}

static int64_t kept(struct rig *rig)
{
    return rig_number(rig, "SELECT count(*) FROM notification");
}

static void result_success(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    struct rsp_handle_notification_request *request =
        fake_result(&rig->nist, &NONE, rig_iccid(1), 0, rig->config.oid, &rig->arena);
    int wakes = rig->wakes;
    assert_ok(rig, rig_notify(rig, request));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    assert_int_equal(told(rig), 1);
    assert_int_equal(rig->wakes, wakes + 1);
    const char *body = rig_outbox(rig, 0);
    assert_non_null(strstr(body, "\"notificationPointId\":4"));
    assert_non_null(strstr(body, "Executed-Success"));
    assert_non_null(strstr(body, "resultData"));
    assert_non_null(strstr(body, rig_iccid(1)));
    assert_non_null(strstr(body, RIG_EID));
    /* again: accepted, nothing happens */
    int64_t revision = rig_profile(rig, 1).revision;
    assert_ok(rig, rig_notify(rig, request));
    assert_int_equal(rig_profile(rig, 1).revision, revision);
    assert_int_equal(told(rig), 1);
    assert_int_equal(kept(rig), 1);
}

static void result_temporary(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    for (int64_t reason = 10; reason <= 11; reason++) {
        rig_to_downloaded(rig, &rig->nist, "ABC");
        assert_ok(rig, rig_result(rig, &rig->nist, 1, reason));
        rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
        assert_non_null(strstr(rig_profile(rig, 1).last_error, reason == 10 ? "(10)" : "(11)"));
    }
    assert_int_equal(told(rig), 2);
    assert_non_null(strstr(rig_outbox(rig, 0), "\"8.2.10\""));
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    assert_null(rig_profile(rig, 1).last_error);
}

static void result_permanent(void **state)
{
    struct rig *rig = *state;
    static const int64_t reasons[] = {1, 2, 8, 9, 12, 13, 15, 99, 127};
    for (int i = 0; i < (int)CR_COUNT(reasons); i++) {
        char id[2] = {(char)('A' + i), 0};
        rig_release(rig, i, id, NULL, NULL);
        rig_to_downloaded(rig, &rig->nist, id);
        assert_ok(rig, rig_result(rig, &rig->nist, i, reasons[i]));
        rig_assert_state(rig, i, SMDPP_ERROR);
        assert_non_null(strstr(rig_outbox(rig, i), "\"4.2\""));
        assert_non_null(rig_profile(rig, i).last_error);
    }
}

static void result_forged(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs bad = {.bad_result_signature = true};
    static const uint8_t other[] = {1, 2, 3};
    struct fake_knobs unknown = {.signed_id = CR_SPAN_ARRAY(other), .without_iccid = true};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    assert_ok(rig, rig_notify(rig, fake_result(&rig->nist, &bad, rig_iccid(1), 0, rig->config.oid,
                                               &rig->arena)));
    /* by another chip that knows the TransactionID */
    memcpy(rig->nist2.transaction_id, rig->nist.transaction_id, RSP_MAX_TRANSACTION_ID);
    rig->nist2.transaction_id_size = rig->nist.transaction_id_size;
    assert_ok(rig, rig_result(rig, &rig->nist2, 1, 12));
    assert_ok(rig, rig_notify(rig, fake_result(&rig->nist, &unknown, rig_iccid(1), 0,
                                               rig->config.oid, &rig->arena)));
    assert_ok(rig, rig_result(rig, &rig->nist, 77, 0)); /* an ICCID that is not ours */
    rig_assert_state(rig, 1, SMDPP_INSTALLED);          /* of our transaction, though */
    assert_int_equal(told(rig), 1);
}

static void result_forged_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs bad = {.bad_result_signature = true};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    assert_ok(rig, rig_notify(rig, fake_result(&rig->nist, &bad, rig_iccid(1), 12, rig->config.oid,
                                               &rig->arena)));
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    assert_int_equal(told(rig), 0);
    assert_int_equal(kept(rig), 0);
    /* and does not use up the sequence number of the true one */
    rig->nist.sequence--;
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
}

/* The chip installed, the LPA never told; the user tried again: the new session fails since the
 * ICCID is there already, the old result says why. */
static void result_of_an_earlier_session(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    struct rsp_handle_notification_request *success =
        fake_result(&rig->nist, &NONE, rig_iccid(1), 0, rig->config.oid, &rig->arena);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    struct rsp_handle_notification_request *exists =
        fake_result(&rig->nist, &NONE, rig_iccid(1), 9, rig->config.oid, &rig->arena);
    assert_ok(rig, rig_notify(rig, success));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    assert_ok(rig, rig_notify(rig, exists));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    assert_int_equal(told(rig), 1);

    /* an earlier session's failure does not end the one that runs */
    rig_release(rig, 2, "DEF", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "DEF");
    struct rsp_handle_notification_request *failure =
        fake_result(&rig->nist, &NONE, rig_iccid(2), 12, rig->config.oid, &rig->arena);
    rig_to_downloaded(rig, &rig->nist, "DEF");
    assert_ok(rig, rig_notify(rig, failure));
    rig_assert_state(rig, 2, SMDPP_DOWNLOADED);
}

static void result_after_cancellation(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "ABC");
    struct rsp_handle_notification_request *late =
        fake_result(&rig->nist, &NONE, rig_iccid(1), 0, rig->config.oid, &rig->arena);
    assert_ok(rig, rig_cancel(rig, &rig->nist, &NONE, 5));
    assert_ok(rig,
              rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, NULL, "Available"));
    assert_ok(rig, rig_notify(rig, late));
    rig_assert_state(rig, 1, SMDPP_AVAILABLE);
}

/* ---- enable, disable, delete ---- */

static void notify(struct rig *rig, struct fake_chip *chip, int n, uint64_t operation,
                   int64_t sequence)
{
    assert_ok(rig, rig_notify(rig, fake_notification(chip, &NONE, rig_iccid(n), operation, sequence,
                                                     &rig->arena)));
}

static void life(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_ENABLE, 0);
    rig_assert_state(rig, 1, SMDPP_ENABLED);
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_DISABLE, 0);
    rig_assert_state(rig, 1, SMDPP_DISABLED);
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_DELETE, 0);
    rig_assert_state(rig, 1, SMDPP_DELETED);
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_ENABLE, 0); /* cannot be */
    rig_assert_state(rig, 1, SMDPP_DELETED);
    assert_int_equal(told(rig), 4);
    assert_non_null(strstr(rig_outbox(rig, 1), "\"notificationPointId\":101"));
    assert_non_null(strstr(rig_outbox(rig, 2), "\"notificationPointId\":102"));
    assert_non_null(strstr(rig_outbox(rig, 3), "\"notificationPointId\":5"));
}

static void order_and_duplicates(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_ENABLE, 10);
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_DISABLE, 12);
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_ENABLE, 11); /* overtaken */
    rig_assert_state(rig, 1, SMDPP_DISABLED);
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_DISABLE, 12); /* signed anew, the same */
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_ENABLE, 10);
    rig_assert_state(rig, 1, SMDPP_DISABLED);
    assert_int_equal(told(rig), 3);
    /* what overtakes the result proves the installation */
    rig_release(rig, 2, "DEF", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "DEF");
    rig->nist.sequence = 20;
    struct rsp_handle_notification_request *result =
        fake_result(&rig->nist, &NONE, rig_iccid(2), 0, rig->config.oid, &rig->arena);
    notify(rig, &rig->nist, 2, RSP_EVENT_LOCAL_ENABLE, 22);
    rig_assert_state(rig, 2, SMDPP_ENABLED);
    assert_ok(rig, rig_notify(rig, result));
    rig_assert_state(rig, 2, SMDPP_ENABLED);
}

static void not_believed(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs bad = {.bad_result_signature = true};
    static const uint8_t garbage[] = {0x30, 3, 2, 1, 0};
    struct fake_knobs no_cert = {.certificate = CR_SPAN_ARRAY(garbage)};
    struct fake_knobs no_eum = {.eum = CR_SPAN_ARRAY(garbage)};
    struct fake_knobs mixed = {.certificate = cr_buf_span(&rig->nist2.certificate)};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    const struct fake_knobs *rows[] = {&bad, &no_cert, &no_eum, &mixed};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_ok(rig, rig_notify(rig, fake_notification(&rig->nist, rows[i], rig_iccid(1),
                                                         RSP_EVENT_LOCAL_DELETE, 0, &rig->arena)));
        rig_assert_state(rig, 1, SMDPP_INSTALLED);
    }
    notify(rig, &rig->nist2, 1, RSP_EVENT_LOCAL_DELETE, 0); /* a chip without this profile */
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    notify(rig, &rig->nist, 99, RSP_EVENT_LOCAL_DELETE, 0); /* unknown profile */
    notify(rig, &rig->nist, 1, RSP_EVENT_INSTALL, 0);       /* says nothing new */
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    assert_int_equal(told(rig), 1);
}

/* Operators that want to follow along hear of every step; the others of ends only. */
static void every_point(void **state)
{
    struct rig *rig = *state;
    struct smdpp_policy policy = {.report_all_points = true};
    static const char *const points[] = {"\"notificationPointId\":1", "\"notificationPointId\":3",
                                         "\"notificationPointId\":4"};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    assert_int_equal(told(rig), 3);
    for (int i = 0; i < 3; i++) {
        assert_non_null(strstr(rig_outbox(rig, i), points[i]));
        assert_non_null(strstr(rig_outbox(rig, i), "Executed-Success"));
        assert_non_null(strstr(rig_outbox(rig, i), "\"profileType\":\"type\""));
    }
    /* an operator that listens nowhere is not kept waiting for */
    rig_import(rig, 2);
    assert_ok(rig, rig_download_order(rig, RIG_OTHER, NULL, NULL, rig_iccid(2), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OTHER, NULL, rig_iccid(2), NULL, "DEF", NULL, NULL,
                                     true, NULL));
    rig_to_installed(rig, &rig->nist, 2, "DEF");
    assert_int_equal(told(rig), 3);
}

/* A chip made anew under its old EID counts its notifications from the beginning. */
static void chip_made_anew(void **state)
{
    struct rig *rig = *state;
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_DELETE, 50);
    rig_assert_state(rig, 1, SMDPP_DELETED);
    rig->nist.sequence = 0;
    rig_release(rig, 2, "DEF", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 2, "DEF");
    /* the same profile, ordered again */
    rig->nist.sequence = 0;
    assert_ok(rig,
              rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, NULL, "Available"));
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, "GHI", NULL, NULL,
                                     true, NULL));
    rig_to_installed(rig, &rig->nist, 1, "GHI");
    notify(rig, &rig->nist, 1, RSP_EVENT_LOCAL_ENABLE, 0);
    rig_assert_state(rig, 1, SMDPP_ENABLED);
}

static void other_kinds(void **state)
{
    struct rig *rig = *state;
    /* A result of an RPM package is none of the other two, whatever stands in memory. */
    struct rsp_handle_notification_request request;
    memset(&request, 0xA5, sizeof(request));
    request.pending_notification.which = RSP_PENDING_LOAD_RPM_PACKAGE_RESULT;
    request.pending_notification.raw = cr_span_str("raw");
    assert_ok(rig, rig_notify(rig, &request));
    request.pending_notification.which = 0;
    assert_refused(rig, rig_notify(rig, &request), "1.3.1", "2.1");
    assert_int_equal(kept(rig), 0);
}

/* Old ones go, but for the last of each profile: what is sent again then changes nothing. */
static void old_ones_go(void **state)
{
    struct rig *rig = *state;
    const int64_t day = 86400000;
    enum { PROFILES = 3 };
    struct rsp_handle_notification_request *old = NULL;
    for (int n = 1; n <= PROFILES; n++) {
        char id[2] = {(char)('A' + n), 0};
        rig_release(rig, n, id, NULL, NULL);
        rig_to_installed(rig, &rig->nist, n, id);
        for (int i = 0; i < 4; i++) {
            struct rsp_handle_notification_request *request = fake_notification(
                &rig->nist, &NONE, rig_iccid(n),
                i % 2 ? RSP_EVENT_LOCAL_DISABLE : RSP_EVENT_LOCAL_ENABLE, 0, &rig->arena);
            assert_ok(rig, rig_notify(rig, request));
            old = n == 1 && i == 2 ? request : old; /* the second time it was enabled */
        }
        rig_assert_state(rig, n, SMDPP_DISABLED);
    }
    assert_int_equal(kept(rig), PROFILES * 5);
    rig->now_ms += 90 * day;
    for (int i = 0; i < 20; i++) {
        assert_ok(rig, smdpp_purge(rig->dp, 1, &rig->err));
    }
    assert_int_equal(kept(rig), PROFILES * 5);
    rig->now_ms += day;
    assert_ok(rig, smdpp_purge(rig->dp, 1, &rig->err)); /* a stretch: one profile */
    assert_int_equal(kept(rig), PROFILES * 5 - 4);
    for (int i = 0; i < 20; i++) {
        assert_ok(rig, smdpp_purge(rig->dp, 1, &rig->err));
    }
    assert_int_equal(kept(rig), PROFILES);
    assert_non_null(old);
    assert_ok(rig, rig_notify(rig, old));
    rig_assert_state(rig, 1, SMDPP_DISABLED);
    assert_int_equal(told(rig), PROFILES * 5);

    /* another retention, and another look not before an hour is over */
    struct smdpp_policy policy = {.retention_ms = 60000};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "X", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "X");
    assert_ok(rig, smdpp_purge(rig->dp, 100, &rig->err));
    assert_ok(rig, smdpp_purge(rig->dp, 100, &rig->err)); /* this one has found the end */
    for (int i = 0; i < 2; i++) {
        assert_ok(rig, rig_notify(rig, fake_notification(&rig->nist, &NONE, rig_iccid(1),
                                                         i ? RSP_EVENT_LOCAL_DISABLE
                                                           : RSP_EVENT_LOCAL_ENABLE,
                                                         0, &rig->arena)));
    }
    rig->now_ms += 120000;
    assert_ok(rig, smdpp_purge(rig->dp, 100, &rig->err));
    assert_int_equal(kept(rig), 3);
    rig->now_ms += 3600000;
    assert_ok(rig, smdpp_purge(rig->dp, 100, &rig->err));
    assert_int_equal(kept(rig), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(result_success),
        TEST(result_temporary),
        TEST(result_permanent),
        TEST(result_forged),
        TEST(result_forged_changes_nothing),
        TEST(result_of_an_earlier_session),
        TEST(result_after_cancellation),
        TEST(life),
        TEST(order_and_duplicates),
        TEST(not_believed),
        TEST(every_point),
        TEST(chip_made_anew),
        TEST(old_ones_go),
        TEST(other_kinds),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
