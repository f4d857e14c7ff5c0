/*
 * A recorded session is the same when it is played again, signatures and keys included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/euicc_random.h"
#include "lab/chip.h"
#include "lab/exchange.h"
#include "world.h"

struct bench {
    struct world *world;
    struct lab_chip *lab;
    cr_buf recording;
    cr_arena arena;
};

static cr_status draw(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    return lab_chip_random(ctx, p, n, err);
}

static void note(void *ctx, const struct lab_event *event)
{
    struct bench *b = ctx;
    lab_recording_event(event, &b->recording);
}

static cr_status transmit(struct lab_chip *lab, cr_span command, cr_buf *response,
                          struct cr_err *err)
{
    bool cut = false;
    cli_random_from(draw, lab);
    cr_status status = lab_chip_transmit(lab, command, response, &cut, NULL, err);
    cli_random_from(NULL, NULL);
    return cut ? cr_fail(err, CR_RESOURCE, NULL, "the power was cut") : status;
}

static cr_status bench_transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct bench *b = ctx;
    return transmit(b->lab, command, response, err);
}

static cr_status bench_reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct bench *b = ctx;
    CR_TRY(lab_chip_power(b->lab, LAB_POWER_RESET, err));
    euicc_atr(lab_chip_euicc(b->lab), atr);
    return CR_OK;
}

static void bench_close(void *ctx)
{
    (void)ctx;
}

static void bench_open(struct bench *b, const char *const *faults, size_t fault_count)
{
    struct cr_err err = {0};
    struct es10_options options = {0};
    *b = (struct bench){.world = world_new()};
    struct world *w = b->world;
    struct lab_chip_options how = {
        .env = &w->env, .faults = faults, .fault_count = fault_count, .event = note, .ctx = b};
    assert_int_equal(nvm_clone_committed(euicc_nvm(w->chip), &how.nvm, &err), CR_OK);
    assert_int_equal(lab_chip_open(&how, &b->lab, &err), CR_OK);
    assert_int_equal(lab_chip_snapshot(b->lab, "test", &b->recording, &err), CR_OK);
    es10_free(w->lpa.card);
    w->lpa.card = NULL;
    w->card = (struct card){
        .ctx = b, .transmit = bench_transmit, .reset = bench_reset, .close = bench_close};
    assert_int_equal(es10_open(&w->card, &options, &w->lpa.where, &w->lpa.card, &err), CR_OK);
}

static void bench_free(struct bench *b)
{
    world_free(b->world);
    lab_chip_free(b->lab);
    cr_buf_free(&b->recording);
    cr_arena_free(&b->arena);
}

/* Plays it; how many answers differ, and whether the chip asked the world for the same. */
static size_t play(cr_span text, bool *drew_the_same, size_t *exchanges)
{
    struct cr_err err = {0};
    cr_arena arena = {0};
    struct lab_recording r;
    struct lab_chip *lab = NULL;
    size_t different = 0;
    *drew_the_same = true;
    *exchanges = 0;
    if (lab_recording_read(text, &arena, &r, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    struct lab_chip_options how = {.nvm = r.memory,
                                   .env = cr_env_system(),
                                   .faults = r.head.faults,
                                   .fault_count = r.head.fault_count,
                                   .replay = true};
    assert_int_equal(lab_chip_open(&how, &lab, &err), CR_OK);
    for (size_t i = 0; i < r.count; i++) {
        cr_buf response = {0};
        if (r.events[i].kind == LAB_EXCHANGE) {
            lab_chip_give(lab, &r.events[i]);
            (void)transmit(lab, r.events[i].command, &response, &err);
            different += !cr_span_equal(cr_buf_span(&response), r.events[i].response);
            *drew_the_same = *drew_the_same && lab_chip_drew_the_same(lab);
            (*exchanges)++;
        } else if (r.events[i].kind != LAB_CUT) {
            assert_int_equal(lab_chip_power(lab, r.events[i].kind, &err), CR_OK);
        }
        cr_buf_free(&response);
    }
    lab_chip_free(lab);
    cr_arena_free(&arena);
    return different;
}

#define ICCID "8900000000000000017"

static void a_download_is_the_same_again(void **state)
{
    (void)state;
    struct bench b;
    struct cr_err err = {0};
    struct lpa_download_result result;
    struct lpa_change change;
    struct lpa_change_options how = {.refresh = LPA_REFRESH_YES, .notify = LPA_NOTIFY_OPERATION};
    bool same = false;
    size_t exchanges = 0;
    bench_open(&b, NULL, 0);
    world_order(b.world, world_package(&b.arena, ICCID), ICCID, "M", NULL, RSP_CLASS_OPERATIONAL);
    if (world_download(b.world, "M", NULL, &b.arena, &result, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_int_equal(
        lpa_profile_enable(&b.world->lpa, cr_span_str(ICCID), &how, &b.arena, &change, &err),
        CR_OK);
    assert_int_equal(play(cr_buf_span(&b.recording), &same, &exchanges), 0);
    assert_true(same);
    assert_true(exchanges > 40);
    /* One other byte of what was drawn, and a signature or a key is another. */
    const char *text = cr_buf_cstr(&b.recording);
    char *at = strstr((char *)(uintptr_t)text, "\"random\":\"");
    assert_non_null(at);
    at += strlen("\"random\":\"");
    *at = *at == '0' ? '1' : '0';
    assert_true(play(cr_buf_span(&b.recording), &same, &exchanges) > 0);
    bench_free(&b);
}

static void faults_are_the_same_again(void **state)
{
    (void)state;
    static const char *const faults[] = {"flip 3 of response 9 STORE DATA", "cut at write 9",
                                         "drop every 11 STORE DATA"};
    struct bench b;
    struct cr_err err = {0};
    struct lpa_download_result result;
    bool same = false;
    size_t exchanges = 0;
    bench_open(&b, faults, CR_COUNT(faults));
    world_order(b.world, world_package(&b.arena, ICCID), ICCID, "M", NULL, RSP_CLASS_OPERATIONAL);
    assert_int_not_equal(world_download(b.world, "M", NULL, &b.arena, &result, &err), CR_OK);
    assert_int_equal(play(cr_buf_span(&b.recording), &same, &exchanges), 0);
    assert_true(same);
    bench_free(&b);
}

int main(void)
{
    struct cr_err err;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_download_is_the_same_again),
        cmocka_unit_test(faults_are_the_same_again),
    };
    return cli_random_hook(&err) == CR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
