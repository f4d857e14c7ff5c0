/*
 * Two SM-DP+ processes on one database: what one of them remembers of a session is no reason to
 * answer anything that the database does not bear out.
 */
#include "rig.h"

#include "smdpp/memo.h"

static const struct fake_knobs ABC = {.matching_id = "ABC"};

struct pair {
    char dir[64];
    struct smdpp *second;
};

/* The rig's SM-DP+ on a directory, and another one beside it. */
static struct pair open_pair(struct rig *rig)
{
    struct pair pair;
    rig_dir_make(pair.dir);
    rig_reopen(rig, pair.dir, NULL);
    pair.second = rig->dp;
    rig->dp = NULL;
    rig_reopen(rig, pair.dir, NULL);
    return pair;
}

static void change_sides(struct rig *rig, struct pair *pair)
{
    struct smdpp *dp = rig->dp;
    rig->dp = pair->second;
    pair->second = dp;
}

static void close_pair(struct rig *rig, struct pair *pair)
{
    smdpp_close(pair->second);
    rig_reopen(rig, NULL, NULL);
    rig_dir_remove(pair->dir);
}

static void steps_in_turns(void **state)
{
    struct rig *rig = *state;
    struct pair pair = open_pair(rig);
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &ABC));
    change_sides(rig, &pair);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &ABC));
    change_sides(rig, &pair);
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &ABC, NULL));
    change_sides(rig, &pair);
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    close_pair(rig, &pair);
}

static void repeated_at_the_other(void **state)
{
    struct rig *rig = *state;
    struct pair pair = open_pair(rig);
    struct fake_knobs none = {0};
    struct rsp_get_bound_profile_package_response first = {0};
    struct rsp_get_bound_profile_package_response again = {0};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    struct rsp_get_bound_profile_package_request *request =
        fake_prepare(&rig->nist, &none, &rig->arena);
    change_sides(rig, &pair);
    assert_ok(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &first));
    int64_t revision = rig_profile(rig, 1).revision;
    change_sides(rig, &pair); /* remembers the session as it was before that */
    assert_ok(rig, rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, request, &again));
    assert_true(cr_span_equal(first.ok.bound_profile_package, again.ok.bound_profile_package));
    assert_int_equal(rig_profile(rig, 1).revision, revision);
    close_pair(rig, &pair);
}

static void cancelled_at_the_other(void **state)
{
    struct rig *rig = *state;
    struct pair pair = open_pair(rig);
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    change_sides(rig, &pair);
    assert_ok(rig,
              rig_cancel_order(rig, RIG_OPERATOR, "x", rig_iccid(1), NULL, "ABC", "Available"));
    change_sides(rig, &pair);
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &ABC, NULL), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_AVAILABLE);
    close_pair(rig, &pair);
}

static void table(void **state)
{
    (void)state;
    struct smdpp_memo_table *memos = NULL;
    uint8_t id[SMDPP_TRANSACTION_ID] = {1};
    struct smdpp_session session = {.transaction_id = CR_SPAN_ARRAY(id),
                                    .euicc_challenge = cr_span_str("challenge"),
                                    .state = SMDPP_SESSION_STARTED,
                                    .revision = 7,
                                    .expires_ms = 1000};
    assert_int_equal(smdpp_memo_table_new(&memos, NULL), CR_OK);
    assert_null(smdpp_memo_take(memos, CR_SPAN_ARRAY(id), SMDPP_SESSION_STARTED, 0));

    smdpp_memo_keep(memos, &session, NULL, NULL, NULL);
    session.euicc_challenge = cr_span_str("gone");
    struct smdpp_memo *memo = smdpp_memo_take(memos, CR_SPAN_ARRAY(id), SMDPP_SESSION_STARTED, 999);
    assert_non_null(memo);
    assert_int_equal(memo->session.revision, 7);
    assert_true(cr_span_equal(memo->session.euicc_challenge, cr_span_str("challenge")));
    assert_false(memo->has_profile);
    smdpp_memo_free(memo);
    /* taken is taken */
    assert_null(smdpp_memo_take(memos, CR_SPAN_ARRAY(id), SMDPP_SESSION_STARTED, 999));

    smdpp_memo_keep(memos, &session, NULL, NULL, NULL);
    assert_null(smdpp_memo_take(memos, CR_SPAN_ARRAY(id), SMDPP_SESSION_STARTED, 1000)); /* late */
    smdpp_memo_keep(memos, &session, NULL, NULL, NULL);
    assert_null(smdpp_memo_take(memos, CR_SPAN_ARRAY(id), SMDPP_SESSION_BOUND, 0));
    smdpp_memo_keep(memos, &session, NULL, NULL, NULL);
    id[15] ^= 1; /* the same place in the table, another session */
    assert_null(smdpp_memo_take(memos, CR_SPAN_ARRAY(id), SMDPP_SESSION_STARTED, 0));
    smdpp_memo_table_free(memos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_in_turns, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(repeated_at_the_other, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(cancelled_at_the_other, rig_setup, rig_teardown),
        cmocka_unit_test(table),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
