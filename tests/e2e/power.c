/*
 * Power cuts under an LPA: a download, enable, disable and delete against an SM-DP+, and the chip
 * loses its power before and behind every command, at every write to its memory, and before and
 * behind every commit. Whatever the moment: the chip comes back whole, what it signed is told once,
 * and the LPA finishes the job.
 *
 * CRISP_POWER_STRIDE=N looks at each Nth moment only, for slow builds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bed.h"
#include "world.h"

enum moment { BEFORE_COMMAND, AFTER_COMMAND, IN_MEMORY };

enum step { DOWNLOAD, ENABLE, DISABLE, DELETE, STEPS };

/* The chip between the LPA and its memory; dead from the cut on. */
struct cutter {
    enum moment moment;
    size_t at, count; /* from 1 */
    bool fired;
    bool dead;
    struct card chip;
};

struct job {
    struct world *world;
    struct nvm *pristine;
    struct cutter cutter;
    cr_arena arena;
    char iccid[24], matching_id[24];
    enum step step;   /* under way */
    int64_t highest;  /* sequence number seen so far */
    size_t sent;      /* notifications that the server acknowledged */
    size_t left_used; /* bytes in use behind a job that nobody disturbed */
};

/* ---- the chip ---- */

static bool hit(struct cutter *c)
{
    bool now = ++c->count == c->at;
    c->fired = c->fired || now;
    return now;
}

static bool at_point(void *ctx, enum nvm_point point)
{
    struct cutter *c = ctx;
    (void)point;
    return c->moment == IN_MEMORY && hit(c);
}

static cr_status gone(struct cutter *c, cr_buf *response, size_t before, struct cr_err *err)
{
    c->dead = true;
    response->n = before;
    return cr_fail(err, CR_RESOURCE, NULL, "the card has no power");
}

static cr_status cut_transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct cutter *c = ctx;
    size_t before = response->n;
    if (c->dead || (c->moment == BEFORE_COMMAND && hit(c))) {
        return gone(c, response, before, err);
    }
    cr_status status = c->chip.transmit(c->chip.ctx, command, response, err);
    if (status != CR_OK || (c->moment == AFTER_COMMAND && hit(c))) {
        return gone(c, response, before, err);
    }
    return CR_OK;
}

static cr_status cut_reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct cutter *c = ctx;
    return c->dead ? gone(c, atr, atr->n, err) : c->chip.reset(c->chip.ctx, atr, err);
}

static void cut_close(void *ctx)
{
    (void)ctx;
}

/* Puts a chip with this memory into the world, behind the cutter or not. */
static void insert(struct job *j, struct nvm *nvm, bool cuts)
{
    struct world *w = j->world;
    struct cr_err err = {0};
    es10_free(w->lpa.card);
    w->lpa.card = NULL;
    euicc_free(w->chip);
    w->chip = NULL;
    if (cuts) {
        nvm_set_fault(nvm, at_point, &j->cutter);
    }
    if (euicc_open(nvm, &w->env, &w->chip, &err) != CR_OK) {
        fail_msg("the chip does not start: %s", err.cause);
    }
    euicc_card(w->chip, &w->card);
    if (cuts) {
        j->cutter.chip = w->card;
        w->card = (struct card){
            .ctx = &j->cutter, .transmit = cut_transmit, .reset = cut_reset, .close = cut_close};
    }
}

/* ---- the LPA ---- */

static cr_status open_lpa(struct job *j, struct cr_err *err)
{
    struct es10_options options = {0};
    struct world *w = j->world;
    return w->lpa.card ? CR_OK : es10_open(&w->card, &options, &w->lpa.where, &w->lpa.card, err);
}

static void count_sent(void *ctx, const struct lpa_notification *n, enum lpa_sent sent,
                       const struct cr_err *err)
{
    struct job *j = ctx;
    (void)n;
    (void)err;
    j->sent += sent == LPA_SENT || sent == LPA_SENT_NOT_REMOVED;
}

static cr_status run_step(struct job *j, struct cr_err *err)
{
    struct lpa *lpa = &j->world->lpa;
    struct lpa_change change = {0};
    struct lpa_change_options how = {
        .refresh = LPA_REFRESH_NO, .notify = LPA_NOTIFY_OPERATION, .report = count_sent, .ctx = j};
    struct lpa_download_result result;
    cr_span iccid = cr_span_str(j->iccid);
    switch (j->step) {
    case DOWNLOAD:
        return world_download(j->world, j->matching_id, NULL, &j->arena, &result, err);
    case ENABLE:
        return lpa_profile_enable(lpa, iccid, &how, &j->arena, &change, err);
    case DISABLE:
        return lpa_profile_disable(lpa, iccid, &how, &j->arena, &change, err);
    case DELETE:
        return lpa_profile_delete(lpa, iccid, &how, &j->arena, &change, err);
    case STEPS:
        break;
    }
    return CR_OK;
}

/* From where it is to the end, or to the cut. */
static cr_status run(struct job *j, struct cr_err *err)
{
    CR_TRY(open_lpa(j, err));
    for (; j->step < STEPS; j->step++) {
        CR_TRY(run_step(j, err));
        if (j->cutter.dead) { /* the step was done, its notification was not sent */
            return cr_fail(err, CR_RESOURCE, NULL, "the card has no power");
        }
    }
    return CR_OK;
}

/* ---- what has to hold ---- */

/* What is pending is in order, no number is used twice, and one installation has one result. */
static void check_notifications(struct job *j)
{
    struct cr_err err = {0};
    struct lpa_notification_list known = {0};
    size_t results = 0;
    int64_t last = 0;
    if (lpa_notification_list(&j->world->lpa, &j->arena, &known, &err) != CR_OK) {
        fail_msg("the notifications cannot be listed: %s", err.cause);
    }
    for (size_t i = 0; i < known.count; i++) {
        assert_true(known.items[i].seq_number > last);
        last = known.items[i].seq_number;
        results += known.items[i].event == RSP_EVENT_INSTALL;
    }
    /* A result of the try that was cut; never one of a try that did not begin to install. */
    assert_true(results <= 1);
    assert_true(known.count <= 2);
    if (last > j->highest) {
        j->highest = last;
    }
}

static bool on_chip(struct job *j, bool *enabled)
{
    struct cr_err err = {0};
    rsp_profile_info_list list = {0};
    const struct rsp_profile_info *found = NULL;
    if (lpa_profile_list(&j->world->lpa, &j->arena, &list, &err) != CR_OK) {
        fail_msg("the profiles cannot be listed: %s", err.cause);
    }
    assert_true(list.count <= 1);
    if (list.count == 0) {
        return false;
    }
    assert_int_equal(lpa_profile_find(&list, cr_span_str(j->iccid), &found, &err), CR_OK);
    *enabled = lpa_profile_enabled(found);
    return true;
}

/* Bytes in use but for what a job may leave: the counter, unused one-time keys. */
static size_t bytes_left(const struct nvm *nvm)
{
    return nvm_used(nvm) - nvm_size_prefix(nvm, cr_span_str("ot/"), NULL) -
           nvm_size_prefix(nvm, cr_span_str("seq"), NULL);
}

static int64_t sequence(const struct nvm *nvm)
{
    cr_span v = nvm_get(nvm, cr_span_str("seq"));
    int64_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        n = n << 8 | v.p[i];
    }
    return n;
}

/* The end of every job, cut or not. */
static void check_done(struct job *j)
{
    struct nvm *nvm = euicc_nvm(j->world->chip);
    struct lpa_notification_list pending = {0};
    struct cr_err err = {0};
    bool enabled = false;
    bed_check_memory(nvm);
    assert_true(sequence(nvm) >= j->highest);
    assert_false(on_chip(j, &enabled));
    assert_int_equal(lpa_notification_list(&j->world->lpa, &j->arena, &pending, &err), CR_OK);
    assert_int_equal(pending.count, 0);
    assert_int_equal(world_state(j->world, j->iccid), SMDPP_DELETED);
    if (j->left_used) {
        assert_int_equal(bytes_left(nvm), j->left_used);
    }
}

/* After the cut: power on, look, finish. */
static void recover(struct job *j)
{
    struct cr_err err = {0};
    struct nvm *left = NULL;
    struct lpa_send_options everything = {.all = true, .report = count_sent, .ctx = j};
    struct lpa_send_result sent = {0};
    bool enabled = false;
    assert_int_equal(nvm_clone_committed(euicc_nvm(j->world->chip), &left, &err), CR_OK);
    int64_t before = sequence(left);
    insert(j, left, false);
    j->cutter.dead = false;
    bed_check_memory(euicc_nvm(j->world->chip));
    assert_true(sequence(euicc_nvm(j->world->chip)) >= before);
    assert_int_equal(open_lpa(j, &err), CR_OK);
    check_notifications(j);
    bool there = on_chip(j, &enabled);
    /* Nothing but the step that was cut may have happened, wholly or not at all. */
    assert_true(there || j->step == DOWNLOAD || j->step == DELETE);
    assert_false(enabled && (j->step == DOWNLOAD || j->step == DELETE));
    /* A sane LPA first tells what is waiting to be told. */
    if (lpa_notification_send(&j->world->lpa, &everything, &sent, &err) != CR_OK || sent.failed) {
        fail_msg("what was pending is not taken: %s %s", err.cause, sent.first.cause);
    }
    if ((j->step == DOWNLOAD && there) || (j->step == DELETE && !there)) {
        j->step++;
    }
    if (run(j, &err) != CR_OK) {
        fail_msg("the LPA cannot finish: %s [%s/%s]", err.cause, err.subject, err.reason);
    }
}

/* ---- jobs ---- */

static size_t number; /* of jobs so far: each has an order of its own */

/* One job with a cut at a moment; false when it was through before that. */
static bool one_job(struct job *j, enum moment moment, size_t at)
{
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    es10_free(j->world->lpa.card); /* it says goodbye to the chip before */
    j->world->lpa.card = NULL;
    number++;
    (void)snprintf(j->iccid, sizeof(j->iccid), "8900%015zu", number);
    (void)snprintf(j->matching_id, sizeof(j->matching_id), "POWER-%zu", number);
    j->step = DOWNLOAD;
    j->highest = 0;
    j->cutter = (struct cutter){.moment = moment, .at = at};
    world_order(j->world, world_package(&j->arena, j->iccid), j->iccid, j->matching_id, NULL,
                RSP_CLASS_OPERATIONAL);
    assert_int_equal(nvm_clone_committed(j->pristine, &nvm, &err), CR_OK);
    /* Only what happens in the job counts, not power on. */
    j->cutter.at = 0;
    insert(j, nvm, true);
    j->cutter.count = 0;
    j->cutter.at = at;
    cr_status status = run(j, &err);
    if (status != CR_OK && !j->cutter.fired) {
        fail_msg("nobody cut, and it failed: %s", err.cause);
    }
    if (status != CR_OK || j->cutter.dead) {
        recover(j);
    }
    j->cutter.at = 0; /* looking is not the job */
    check_done(j);
    if (!j->cutter.fired) {
        j->left_used = bytes_left(euicc_nvm(j->world->chip));
    }
    cr_arena_reset(&j->arena);
    return j->cutter.fired;
}

static size_t stride(void)
{
    const char *text = getenv("CRISP_POWER_STRIDE");
    size_t n = text ? strtoul(text, NULL, 10) : 1;
    return n ? n : 1;
}

static void sweep(void **state, enum moment moment, size_t least)
{
    struct job *j = *state;
    size_t at = 1;
    size_t tried = 0;
    assert_false(one_job(j, moment, 0)); /* undisturbed: what it leaves behind */
    while (one_job(j, moment, at)) {
        at += stride();
        tried++;
    }
    print_message("%zu moments, %zu tried\n", at - 1, tried);
    assert_true(at > least);
}

static void before_every_command(void **state)
{
    sweep(state, BEFORE_COMMAND, 50);
}

static void behind_every_command(void **state)
{
    sweep(state, AFTER_COMMAND, 50);
}

static void at_every_write_and_commit(void **state)
{
    sweep(state, IN_MEMORY, 150);
}

static int set_up(void **state)
{
    struct job *j = test_calloc(1, sizeof(*j));
    j->world = world_new();
    assert_int_equal(nvm_clone_committed(euicc_nvm(j->world->chip), &j->pristine, NULL), CR_OK);
    *state = j;
    return 0;
}

static int tear_down(void **state)
{
    struct job *j = *state;
    nvm_close(j->pristine);
    world_free(j->world);
    cr_arena_free(&j->arena);
    test_free(j);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(before_every_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(behind_every_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_every_write_and_commit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
