/*
 * SM-DP+, LPA and chip together, in one process: downloads that succeed, downloads that are
 * interrupted anywhere, and what is left where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

#define TS48_ICCID "89000123456789012341"
#define TS48_FILE  "ts48/ts48-v7-bertlv-suci.der"

struct fixture {
    struct world *world;
    cr_arena arena;
    cr_span upp;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->world = world_new();
    f->upp = world_data(&f->arena, TS48_FILE);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    world_free(f->world);
    cr_arena_free(&f->arena);
    test_free(f);
    return 0;
}

#define NEED_DATA(f)                                                                               \
    if (!(f)->upp.p) {                                                                             \
        print_message("the test profiles are not here\n");                                         \
        skip();                                                                                    \
    }

static void expect_ok(cr_status status, const struct cr_err *err)
{
    if (status != CR_OK) {
        fail_msg("%s [%s/%s] %s", err->cause, err->subject, err->reason, err->next);
    }
}

static size_t installed(struct fixture *f)
{
    struct cr_err err = {0};
    rsp_profile_info_list list = {0};
    expect_ok(lpa_profile_list(&f->world->lpa, &f->arena, &list, &err), &err);
    return list.count;
}

static void downloads_and_enables(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    struct lpa_download_result result;
    struct lpa_change change;
    struct lpa_change_options options = {0};
    NEED_DATA(f);
    world_order(f->world, f->upp, TS48_ICCID, "ONE", NULL, RSP_CLASS_OPERATIONAL);
    expect_ok(world_download(f->world, "ONE", NULL, &f->arena, &result, &err), &err);
    assert_true(result.notified);
    assert_int_equal(world_state(f->world, TS48_ICCID), SMDPP_INSTALLED);
    expect_ok(lpa_profile_enable(&f->world->lpa, cr_span_str(TS48_ICCID), &options, &f->arena,
                                 &change, &err),
              &err);
    assert_true(change.verified);
    assert_int_equal(world_state(f->world, TS48_ICCID), SMDPP_ENABLED);
    expect_ok(lpa_profile_disable(&f->world->lpa, cr_span_str(TS48_ICCID), &options, &f->arena,
                                  &change, &err),
              &err);
    expect_ok(lpa_profile_delete(&f->world->lpa, cr_span_str(TS48_ICCID), &options, &f->arena,
                                 &change, &err),
              &err);
    assert_int_equal(world_state(f->world, TS48_ICCID), SMDPP_DELETED);
    assert_int_equal(installed(f), 0);
}

static void wrong_code_then_right_code(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    struct lpa_download_result result;
    NEED_DATA(f);
    world_order(f->world, f->upp, TS48_ICCID, "CODE", "4711", RSP_CLASS_OPERATIONAL);
    assert_int_not_equal(world_download(f->world, "CODE", "0815", &f->arena, &result, &err), CR_OK);
    assert_string_equal(err.subject, "8.2.7");
    assert_int_equal(installed(f), 0);
    expect_ok(world_download(f->world, "CODE", "4711", &f->arena, &result, &err), &err);
    assert_int_equal(world_state(f->world, TS48_ICCID), SMDPP_INSTALLED);
}

/* The line fails before each call and after each: the second try has to end well. */
static void any_lost_message_is_survived(void **state)
{
    struct fixture *f = *state;
    NEED_DATA(f);
    for (int lost_answer = 0; lost_answer < 2; lost_answer++) {
        for (size_t at = 1; at <= 4; at++) {
            struct cr_err err = {0};
            struct lpa_download_result result;
            struct world *w = world_new();
            struct fixture g = {.world = w};
            world_order(w, f->upp, TS48_ICCID, "LOST", NULL, RSP_CLASS_OPERATIONAL);
            *(lost_answer ? &w->lose_answer : &w->fail_post) = at;
            cr_status first = world_download(w, "LOST", NULL, &g.arena, &result, &err);
            if (at < 4) {
                assert_int_not_equal(first, CR_OK);
                expect_ok(world_download(w, "LOST", NULL, &g.arena, &result, &err), &err);
            } else {
                /* Installed; only the result did not get through. */
                struct lpa_send_options all = {.all = true};
                struct lpa_send_result sent = {0};
                expect_ok(first, &err);
                assert_false(result.notified);
                expect_ok(lpa_notification_send(&w->lpa, &all, &sent, &err), &err);
                assert_int_equal(sent.failed, 0);
            }
            assert_int_equal(world_state(w, TS48_ICCID), SMDPP_INSTALLED);
            assert_int_equal(installed(&g), 1);
            cr_arena_free(&g.arena);
            world_free(w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(downloads_and_enables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_code_then_right_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_lost_message_is_survived, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
