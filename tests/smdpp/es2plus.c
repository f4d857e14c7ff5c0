/* ES2+ of the SM-DP+: each row of 5.3, calls that come again, whose profile it is, and races. */
#include "rig.h"

#include "base/text.h"

#include "smdpp/core.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct rig_metadata OPERATIONAL = {.profile_class = RSP_CLASS_OPERATIONAL};

static void import_owned(struct rig *rig, int n, const char *type, const char *owner)
{
    rig_import_as(rig, n, type, owner, &OPERATIONAL, 2, 100);
}

/* ---- DownloadOrder ---- */

static void download_order_rows(void **state)
{
    struct rig *rig = *state;
    import_owned(rig, 1, "gold", "");
    import_owned(rig, 2, "silver", RIG_OTHER);
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(2), NULL, NULL),
                   "8.2.1", "1.2");
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(9), NULL, NULL),
                   "8.2.1", "3.9");
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, NULL, "silver", NULL),
                   "8.2.5", "1.2");
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, NULL, "tin", NULL),
                   "8.2.5", "3.9");
    assert_refused(rig,
                   rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), "tin", NULL),
                   "8.2.5", "3.8");
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, NULL, NULL, NULL),
                   "8.2.1", "2.3");
    assert_refused(rig,
                   rig_download_order(rig, RIG_OPERATOR, NULL, "123", rig_iccid(1), NULL, NULL),
                   "8.1.1", "2.1");
    rig_assert_state(rig, 1, SMDPP_AVAILABLE);

    const char *got = NULL;
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, NULL, "gold", &got));
    assert_string_equal(got, rig_iccid(1));
    rig_assert_state(rig, 1, SMDPP_ALLOCATED);
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, NULL, "gold", NULL),
                   "8.2.5", "3.7");
    /* the same order again is no error, another for the same ICCID is */
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    assert_refused(rig,
                   rig_download_order(rig, RIG_OPERATOR, NULL, RIG_EID, rig_iccid(1), NULL, NULL),
                   "8.2.1", "3.3");
    assert_refused(rig, rig_download_order(rig, RIG_OTHER, NULL, NULL, rig_iccid(1), NULL, NULL),
                   "8.2.1", "1.2");
    assert_ok(rig, rig_download_order(rig, RIG_OTHER, NULL, RIG_EID, NULL, "silver", &got));
    rig_assert_state(rig, 2, SMDPP_LINKED);
    assert_string_equal(rig_profile(rig, 2).eid, RIG_EID);
}

static void command_line_may_order_all(void **state)
{
    struct rig *rig = *state;
    const char *got = NULL;
    import_owned(rig, 1, "gold", RIG_OPERATOR);
    assert_ok(rig, rig_download_order(rig, NULL, NULL, NULL, NULL, "gold", &got));
    assert_string_equal(got, rig_iccid(1));
    /* it is the owner's order: he may go on with it */
    assert_ok(rig,
              rig_confirm_order(rig, RIG_OPERATOR, NULL, got, NULL, "ABC", NULL, NULL, true, NULL));
    assert_refused(rig, rig_cancel_order(rig, RIG_OTHER, NULL, got, NULL, NULL, "Available"),
                   "8.2.1", "1.2");
    assert_ok(rig, rig_cancel_order(rig, NULL, NULL, got, NULL, NULL, "Available"));
}

static void download_order_resent(void **state)
{
    struct rig *rig = *state;
    const char *first = NULL;
    const char *second = NULL;
    const char *third = NULL;
    import_owned(rig, 1, "gold", "");
    import_owned(rig, 2, "gold", "");
    import_owned(rig, 3, "gold", "");
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "call-1", NULL, NULL, "gold", &first));
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "call-1", NULL, NULL, "gold", &second));
    assert_string_equal(first, second);
    /* another caller's call of that name, and other parameters, are other calls */
    assert_ok(rig, rig_download_order(rig, RIG_OTHER, "call-1", NULL, NULL, "gold", &second));
    assert_string_not_equal(first, second);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "call-1", RIG_EID, NULL, "gold", &third));
    assert_string_not_equal(first, third);
    assert_string_not_equal(second, third);
    /* still the same answer when the order has gone on */
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "call-2", NULL, first, NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, first, NULL, "ABC", NULL, NULL, true,
                                     NULL));
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "call-2", NULL, first, NULL, &second));
    assert_string_equal(first, second);
    /* a careless operator numbers all its calls alike: a cancelled order is made anew */
    assert_ok(rig, rig_cancel_order(rig, RIG_OPERATOR, "x", first, NULL, "ABC", "Available"));
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "call-2", NULL, first, NULL, &second));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM profile WHERE state = 2"), 2);
    /* and the memory of calls is swept after a day */
    assert_true(rig_number(rig, "SELECT count(*) FROM call") > 0);
    rig->now_ms += (int64_t)25 * 3600 * 1000;
    assert_ok(rig, smdpp_purge(rig->dp, 1000, &rig->err));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM call"), 0);
}

/* ---- ConfirmOrder ---- */

/* What recognises a call again is no way to its confirmation code either. */
static void code_is_not_in_the_record_of_calls(void **state)
{
    struct rig *rig = *state;
    uint8_t lengths[6][9] = {{0}};
    uint8_t guess[CRYPTO_SHA256];
    static const uint8_t release[] = {1};
    const cr_span parameters[] = {cr_span_str(rig_iccid(1)), {0}, cr_span_str("ABC"),
                                  cr_span_str("1234"),       {0}, CR_SPAN_ARRAY(release)};
    cr_span parts[12];
    char sql[160];
    char hex[2 * CRYPTO_SHA256 + 1];
    rig_import(rig, 1);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, "call", rig_iccid(1), NULL, "ABC", "1234",
                                     NULL, true, NULL));
    for (size_t i = 0; i < 6; i++) {
        lengths[i][0] = parameters[i].p != NULL;
        lengths[i][1] = (uint8_t)parameters[i].n;
        parts[2 * i] = CR_SPAN_ARRAY(lengths[i]);
        parts[2 * i + 1] =
            cr_span_of(parameters[i].p ? parameters[i].p : lengths[i], parameters[i].n);
    }
    crypto_sha256_parts(parts, CR_COUNT(parts), guess);
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM call WHERE request_hash = x'%s'",
                   cr_hex_into(hex, sizeof(hex), CR_SPAN_ARRAY(guess)));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM call WHERE function = 'confirmOrder'"),
                     1);
    assert_int_equal(rig_number(rig, sql), 0);
}

static void confirm_rows(void **state)
{
    struct rig *rig = *state;
    const char *one = rig_iccid(1);
    import_owned(rig, 1, "gold", "");
    import_owned(rig, 2, "gold", RIG_OTHER);
    import_owned(rig, 3, "gold", "");
    import_owned(rig, 4, "gold", "");
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(2), NULL, "ABC", NULL, NULL,
                                     true, NULL),
                   "8.2.1", "1.2");
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(9), NULL, "ABC", NULL, NULL,
                                     true, NULL),
                   "8.2.1", "3.9");
    assert_refused(
        rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "ABC", NULL, NULL, true, NULL),
        "8.2.1", "3.5"); /* Available */
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL));
    assert_refused(
        rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "", NULL, NULL, true, NULL),
        "8.1.1", "2.2");
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "ABC", NULL,
                                     "ds.example.com", true, NULL),
                   "8.1.1", "2.2");
    assert_refused(
        rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, "89", "ABC", NULL, NULL, true, NULL),
        "8.1.1", "2.1");
    static const char *const bad_ids[] = {"A$B", "A B", "A\nB", "\xC3\x84", " "};
    for (size_t i = 0; i < CR_COUNT(bad_ids); i++) {
        assert_refused(rig,
                       rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, bad_ids[i], NULL, NULL,
                                         true, NULL),
                       "8.2.6", "2.1");
    }
    char long_id[200];
    memset(long_id, 'A', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = 0;
    assert_refused(
        rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, long_id, NULL, NULL, true, NULL),
        "8.2.6", "2.1");
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OPERATOR, NULL, one, RIG_EID, "ABC", NULL,
                                     "ds.example.com", true, NULL),
                   "8.9", "5.1");
    rig_assert_state(rig, 1, SMDPP_ALLOCATED);
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "EVENT_001", NULL, NULL,
                                     true, NULL));
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    /* MatchingID in use; EID tied */
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, RIG_EID, rig_iccid(3), NULL, NULL));
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(3), NULL, "EVENT_001", NULL,
                                     NULL, true, NULL),
                   "8.2.6", "3.3");
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(3), RIG_EID_2, "DEF", NULL,
                                     NULL, true, NULL),
                   "8.1.1", "3.10");
    rig_assert_state(rig, 3, SMDPP_LINKED);
    assert_null(rig_profile(rig, 3).matching_id);
    /* another MatchingID for an order that has one */
    assert_refused(
        rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "OTHER", NULL, NULL, true, NULL),
        "8.2.6", "3.10");
    /* a generated one */
    const char *generated = NULL;
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(3), NULL, NULL, "1234",
                                     NULL, false, &generated));
    assert_int_equal(strlen(generated), 23);
    assert_string_equal(rig_profile(rig, 3).matching_id, generated);
    rig_assert_state(rig, 3, SMDPP_CONFIRMED);
    /* A code has few digits: whoever steals the database must not be able to try them all. */
    uint8_t guess[CRYPTO_SHA256];
    crypto_sha256(cr_span_str("1234"), guess);
    cr_span kept = rig_profile(rig, 3).cc_hash;
    assert_true(kept.n > CRYPTO_SHA256);
    assert_null(memmem(kept.p, kept.n, guess, sizeof(guess)));
    /* the EID may come with the confirmation */
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(4), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(4), RIG_EID_2, "", NULL,
                                     NULL, true, &generated));
    assert_string_equal(generated, "");
    assert_string_equal(rig_profile(rig, 4).eid, RIG_EID_2);
}

static void confirm_resent(void **state)
{
    struct rig *rig = *state;
    const char *first = NULL;
    const char *second = NULL;
    const char *one = rig_iccid(1);
    import_owned(rig, 1, "gold", "");
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL));
    assert_ok(rig,
              rig_confirm_order(rig, RIG_OPERATOR, "c", one, NULL, NULL, "1", NULL, false, &first));
    assert_ok(
        rig, rig_confirm_order(rig, RIG_OPERATOR, "c", one, NULL, NULL, "1", NULL, false, &second));
    assert_string_equal(first, second);
    assert_ok(rig, rig_release_profile(rig, RIG_OPERATOR, "r", one));
    assert_ok(rig, rig_release_profile(rig, RIG_OPERATOR, "r", one));
    assert_ok(
        rig, rig_confirm_order(rig, RIG_OPERATOR, "c", one, NULL, NULL, "1", NULL, false, &second));
    assert_string_equal(first, second);
    /* under another name: alike in everything is no error, else it is */
    assert_ok(rig,
              rig_confirm_order(rig, RIG_OPERATOR, "d", one, NULL, first, "1", NULL, true, NULL));
    assert_refused(
        rig, rig_confirm_order(rig, RIG_OPERATOR, "e", one, NULL, first, "2", NULL, true, NULL),
        "8.2.1", "3.5");
    assert_refused(rig,
                   rig_confirm_order(rig, RIG_OTHER, "c", one, NULL, NULL, "1", NULL, false, NULL),
                   "8.2.1", "1.2");
}

/* ---- CancelOrder, ReleaseProfile ---- */

static void cancel_rows(void **state)
{
    struct rig *rig = *state;
    const char *one = rig_iccid(1);
    import_owned(rig, 1, "gold", "");
    assert_refused(rig,
                   rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(9), NULL, NULL, "Available"),
                   "8.2.1", "3.9");
    assert_refused(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, one, NULL, NULL, "Available"),
                   "8.2.1", "3.5");
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, RIG_EID, one, NULL, NULL));
    assert_ok(rig,
              rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "ABC", NULL, NULL, true, NULL));
    assert_refused(rig, rig_cancel_order(rig, RIG_OTHER, NULL, one, RIG_EID, NULL, "Available"),
                   "8.2.1", "1.2");
    assert_refused(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, one, RIG_EID, NULL, "available"),
                   "1.6", "2.1");
    assert_refused(rig,
                   rig_cancel_order(rig, RIG_OPERATOR, NULL, one, RIG_EID_2, NULL, "Available"),
                   "8.1.1", "3.10");
    assert_refused(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, one, NULL, NULL, "Available"),
                   "8.1.1", "2.2");
    assert_refused(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, one, RIG_EID, "X", "Available"),
                   "8.2.6", "3.10");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_ok(rig, rig_cancel_order(rig, RIG_OPERATOR, "k", one, RIG_EID, "ABC", "Available"));
    assert_ok(rig, rig_cancel_order(rig, RIG_OPERATOR, "k", one, RIG_EID, "ABC", "Available"));
    struct smdpp_profile p = rig_profile(rig, 1);
    assert_int_equal(p.state, SMDPP_AVAILABLE);
    assert_null(p.requester);
    assert_null(p.matching_id);
    assert_null(p.eid);
    assert_null(p.cc_hash.p);
    /* in every state of an order, both ways */
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL));
    assert_ok(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, one, NULL, NULL, "Available"));
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL));
    assert_ok(
        rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "ABC", NULL, NULL, false, NULL));
    assert_ok(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, one, NULL, NULL, "Unavailable"));
    rig_assert_state(rig, 1, SMDPP_UNAVAILABLE);
    assert_refused(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL), "8.2.1",
                   "3.3");
    /* not when it is downloaded or installed */
    rig_release(rig, 2, "DEF", NULL, NULL);
    rig_to_downloaded(rig, &rig->nist, "DEF");
    assert_refused(rig,
                   rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(2), NULL, NULL, "Available"),
                   "8.2.1", "3.3");
    assert_ok(rig, rig_result(rig, &rig->nist, 2, 0));
    assert_refused(
        rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(2), NULL, NULL, "Unavailable"),
        "8.2.1", "3.3");
    rig_assert_state(rig, 2, SMDPP_INSTALLED);
}

static void release_rows(void **state)
{
    struct rig *rig = *state;
    const char *one = rig_iccid(1);
    import_owned(rig, 1, "gold", "");
    assert_refused(rig, rig_release_profile(rig, RIG_OPERATOR, NULL, rig_iccid(9)), "8.2.1", "3.9");
    assert_refused(rig, rig_release_profile(rig, RIG_OPERATOR, NULL, one), "8.2.1", "3.5");
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL));
    assert_refused(rig, rig_release_profile(rig, RIG_OPERATOR, NULL, one), "8.2.1", "3.5");
    assert_refused(rig, rig_release_profile(rig, RIG_OTHER, NULL, one), "8.2.1", "1.2");
    assert_ok(rig,
              rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, NULL, NULL, NULL, false, NULL));
    assert_ok(rig, rig_release_profile(rig, RIG_OPERATOR, "r", one));
    assert_refused(rig, rig_release_profile(rig, RIG_OPERATOR, "s", one), "8.2.1", "3.5");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
}

/* ---- what ES2+ cannot say ---- */

static void adjust(void **state)
{
    struct rig *rig = *state;
    const char *one = rig_iccid(1);
    struct smdpp_order_extras limits = {
        .expires_ms = rig->now_ms + 1000, .download_limit = 1, .cc_limit = 1};
    struct rig_metadata named = {.name = "Other name", .profile_class = RSP_CLASS_TEST};
    struct smdpp_order_extras renamed = {.metadata = rig_metadata(rig, one, &named)};
    struct smdpp_order_extras wrong = {.metadata = rig_metadata(rig, rig_iccid(2), &named)};
    struct smdpp_order_extras garbage = {.metadata = cr_span_str("garbage")};
    import_owned(rig, 1, "gold", "");
    assert_refused(rig, smdpp_order_adjust(rig->dp, one, &limits, &rig->err), "8.2.1", "3.5");
    assert_refused(rig, smdpp_order_adjust(rig->dp, rig_iccid(9), &limits, &rig->err), "8.2.1",
                   "3.9");
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, one, NULL, NULL));
    assert_int_equal(smdpp_order_adjust(rig->dp, one, &wrong, &rig->err), CR_REFUSED);
    assert_int_equal(smdpp_order_adjust(rig->dp, one, &garbage, &rig->err), CR_MALFORMED);
    assert_ok(rig, smdpp_order_adjust(rig->dp, one, &limits, &rig->err));
    assert_ok(rig, smdpp_order_adjust(rig->dp, one, &renamed, &rig->err));
    struct smdpp_profile p = rig_profile(rig, 1);
    assert_int_equal(p.expires_ms, limits.expires_ms);
    assert_int_equal(p.download_limit, 1);
    assert_int_equal(p.cc_limit, 1);
    assert_int_equal(p.profile_class, RSP_CLASS_TEST);
    assert_true(cr_span_equal(p.metadata, renamed.metadata));
    assert_ok(rig,
              rig_confirm_order(rig, RIG_OPERATOR, NULL, one, NULL, "ABC", NULL, NULL, true, NULL));
    rig_to_downloaded(rig, &rig->nist, "ABC");
    assert_refused(rig, smdpp_order_adjust(rig->dp, one, &limits, &rig->err), "8.2.1", "3.5");
}

/* ---- races ---- */

#define RACERS 8

struct racer {
    pthread_t thread;
    struct rig *rig;
    int number;
    cr_status status;
    struct cr_err err;
    char got[RSP_ICCID_TEXT];
    cr_arena arena;
};

static void race(struct rig *rig, struct racer *racers, void *(*run)(void *))
{
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.rig = rig, .number = i};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, run, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        cr_arena_free(&racers[i].arena);
    }
}

static void *order_by_type(void *ctx)
{
    struct racer *r = ctx;
    struct smdpp_call call = {.arena = &r->arena, .requester = RIG_OPERATOR};
    struct rsp_download_order_request request = {.profile_type = cr_span_str("gold")};
    struct rsp_download_order_response answer = {0};
    r->status = smdpp_download_order(r->rig->dp, &call, &request, &answer, &r->err);
    (void)cr_str_copy(r->got, sizeof(r->got), answer.iccid);
    return NULL;
}

static void one_profile_for_each(void **state)
{
    struct rig *rig = *state;
    struct racer racers[RACERS];
    for (int i = 0; i < RACERS - 1; i++) {
        import_owned(rig, i, "gold", "");
    }
    race(rig, racers, order_by_type);
    int won = 0;
    for (int i = 0; i < RACERS; i++) {
        won += racers[i].status == CR_OK;
        for (int j = 0; racers[i].status == CR_OK && j < i; j++) {
            assert_string_not_equal(racers[i].got, racers[j].got);
        }
        if (racers[i].status != CR_OK) {
            assert_string_equal(racers[i].err.subject, "8.2.5");
            assert_string_equal(racers[i].err.reason, "3.7");
        }
    }
    assert_int_equal(won, RACERS - 1);
}

static void *confirm_with_own_id(void *ctx)
{
    struct racer *r = ctx;
    char id[16];
    (void)snprintf(id, sizeof(id), "RACE-%d", r->number);
    struct smdpp_call call = {.arena = &r->arena, .requester = RIG_OPERATOR};
    struct rsp_confirm_order_request request = {.iccid = cr_span_str("89000123450000000001"),
                                                .matching_id = cr_span_str(id),
                                                .release_flag = true};
    struct rsp_confirm_order_response answer = {0};
    r->status = smdpp_confirm_order(r->rig->dp, &call, &request, &answer, &r->err);
    return NULL;
}

static void one_confirmation_wins(void **state)
{
    struct rig *rig = *state;
    struct racer racers[RACERS];
    import_owned(rig, 1, "gold", "");
    assert_string_equal(rig_iccid(1), "89000123450000000001");
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    race(rig, racers, confirm_with_own_id);
    int won = -1;
    for (int i = 0; i < RACERS; i++) {
        if (racers[i].status == CR_OK) {
            assert_int_equal(won, -1);
            won = i;
        } else {
            assert_string_equal(racers[i].err.subject, "8.2.6");
        }
    }
    char id[16];
    (void)snprintf(id, sizeof(id), "RACE-%d", won);
    assert_string_equal(rig_profile(rig, 1).matching_id, id);
}

static struct rsp_get_bound_profile_package_request *race_requests[RACERS];

static void *fetch(void *ctx)
{
    struct racer *r = ctx;
    struct smdpp_call call = {.arena = &r->arena};
    struct rsp_get_bound_profile_package_response answer = {0};
    r->status = smdpp_get_bound_profile_package(r->rig->dp, &call, race_requests[r->number],
                                                &answer, &r->err);
    return NULL;
}

/* Several chips with the same activation code at the same moment: one gets the package. */
static void one_chip_wins(void **state)
{
    struct rig *rig = *state;
    struct racer racers[RACERS];
    struct fake_chip chips[RACERS];
    rig_release(rig, 1, "ABC", NULL, NULL);
    for (int i = 0; i < RACERS; i++) {
        char eid[RSP_EID_TEXT];
        (void)snprintf(eid, sizeof(eid), "8904903200000000000000000000%04d", i);
        fake_chip_make(&chips[i], rig_pki, CRYPTO_P256, eid, rig->config.address);
        rig_to_authenticated(rig, &chips[i], "ABC");
        struct fake_knobs none = {0};
        race_requests[i] = fake_prepare(&chips[i], &none, &rig->arena);
    }
    race(rig, racers, fetch);
    int won = -1;
    for (int i = 0; i < RACERS; i++) {
        if (racers[i].status == CR_OK) {
            assert_int_equal(won, -1);
            won = i;
        } else {
            assert_string_equal(racers[i].err.subject, "8.1.1");
            assert_string_equal(racers[i].err.reason, "3.8");
        }
    }
    assert_true(won >= 0);
    assert_string_equal(rig_profile(rig, 1).bound_eid, chips[won].eid_text);
    for (int i = 0; i < RACERS; i++) {
        fake_chip_free(&chips[i]);
    }
}

/* The same request from several connections at once: one answer, done once. */
static void same_request_at_once(void **state)
{
    struct rig *rig = *state;
    struct racer racers[RACERS];
    struct fake_knobs wrong = {.code = "0"};
    rig_release(rig, 1, "ABC", NULL, "1234");
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct rsp_get_bound_profile_package_request *request =
        fake_prepare(&rig->nist, &wrong, &rig->arena);
    for (int i = 0; i < RACERS; i++) {
        race_requests[i] = request;
    }
    race(rig, racers, fetch);
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(racers[i].status, CR_REFUSED);
        assert_string_equal(racers[i].err.reason, "3.8");
    }
    assert_int_equal(rig_profile(rig, 1).cc_failures, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(download_order_rows),
        TEST(command_line_may_order_all),
        TEST(download_order_resent),
        TEST(code_is_not_in_the_record_of_calls),
        TEST(confirm_rows),
        TEST(confirm_resent),
        TEST(cancel_rows),
        TEST(release_rows),
        TEST(adjust),
        TEST(one_profile_for_each),
        TEST(one_confirmation_wins),
        TEST(one_chip_wins),
        TEST(same_request_at_once),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
