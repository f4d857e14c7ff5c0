/*
 * The operator: asks for procedures on many chips at the same time and takes the answers that are
 * called back, and the notifications.
 */
#include "cli/bench_fleet.h"
#include "cli/operator.h"
#include "cli/progress.h"

#include "m2m/caller.h"
#include "m2m/service.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 120000 /* ValidityPeriod of a procedure */
#define LOOK_MS     50
#define DELIVERERS  32

struct fleet_desk {
    struct fleet *f;
    struct store *store;
    struct m2m *m2m;
    struct m2m_service *service;
    struct m2m_row rows[SOAP_FUNCTIONS + 1];
    const struct m2m_party *smsr, *smdp;
    pthread_mutex_t lock; /* of what follows */
    enum fleet_kind kind;
    struct fleet_tally *tally;
    double until_ms;
    bool endless; /* each chip again and again */
    struct fleet_chip *first, **last;
    size_t under_way, ended;
    size_t next_profile; /* of the stock */
};

/* ---- asking ------------------------------------------------------------------------------------
 */

static const struct {
    enum soap_interface interface;
    enum soap_name name;
    const char *what; /* of the progress line */
} kinds[FLEET_KINDS] = {
    [FLEET_ENABLE] = {SOAP_ES4, SOAP_ENABLE_PROFILE, "enabling profiles, chips"},
    [FLEET_DOWNLOAD] = {SOAP_ES2, SOAP_DOWNLOAD_PROFILE, "downloading profiles, chips"},
    [FLEET_DELETE] = {SOAP_ES4, SOAP_DELETE_PROFILE, "deleting profiles, chips"},
};

static void wait_again(struct fleet_desk *d, struct fleet_chip *chip)
{
    chip->next = NULL;
    *d->last = chip;
    d->last = &chip->next;
}

/* With the lock held. The next chip and what is asked about it; NULL = no more. */
static struct fleet_chip *next_chip(struct fleet_desk *d, char iccid[BENCH_ICCID])
{
    struct fleet_chip *chip = d->first;
    if (!chip || cli_stop || bench_now_ms() >= d->until_ms ||
        (d->kind == FLEET_DOWNLOAD && d->next_profile > d->f->profiles)) {
        return NULL;
    }
    d->first = chip->next;
    if (!d->first) {
        d->last = &d->first;
    }
    if (d->kind == FLEET_ENABLE) {
        fleet_iccid((size_t)(chip - d->f->chips), 1 - chip->enabled, iccid);
    } else {
        chip->loaded = d->kind == FLEET_DOWNLOAD ? d->next_profile++ : chip->loaded;
        bench_iccid(chip->loaded, iccid);
    }
    chip->started_ms = bench_now_ms();
    d->under_way++;
    return chip;
}

/* One more procedure, if there is one to ask for. */
static cr_status ask_next(struct fleet_desk *d, struct store_tx *tx, struct cr_err *err)
{
    char iccid[BENCH_ICCID], context[M2M_MAX_CONTEXT];
    (void)pthread_mutex_lock(&d->lock);
    const struct fleet_chip *chip = next_chip(d, iccid);
    const enum fleet_kind kind = d->kind;
    (void)pthread_mutex_unlock(&d->lock);
    if (!chip) {
        return CR_OK;
    }
    struct soap_body body = {.eid = CR_SPAN_ARRAY(chip->eid_bytes), .iccid = cr_span_str(iccid)};
    if (kind == FLEET_DOWNLOAD) {
        body.smsr_id = cr_span_str(d->smsr->oid);
        body.has_enable_profile = true;
    }
    (void)snprintf(context, sizeof context, "%zu", (size_t)(chip - d->f->chips));
    const struct m2m_request request = {.to = kind == FLEET_DOWNLOAD ? d->smdp : d->smsr,
                                        .function =
                                            soap_function(kinds[kind].interface, kinds[kind].name),
                                        .body = &body,
                                        .context = context,
                                        .deadline_ms = cr_now_ms(&d->f->env) + PATIENCE_MS};
    return m2m_ask(d->m2m, tx, &request, err);
}

/* ---- answers -----------------------------------------------------------------------------------
 */

/* With the lock held. */
static void take(struct fleet_desk *d, struct fleet_chip *chip, const struct m2m_answered *answer)
{
    struct cr_err err = {0};
    d->under_way--;
    d->ended++;
    if (soap_status_to_err(&answer->body->status, answer->function->name, &err) != CR_OK) {
        if (d->tally->failed++ == 0) {
            d->tally->first_failure = err;
        }
        if (d->kind == FLEET_DOWNLOAD) {
            chip->loaded = 0;
        }
        return;
    }
    d->tally->done++;
    bench_latencies_add(&d->tally->latencies, bench_now_ms() - chip->started_ms);
    if (d->kind == FLEET_ENABLE) {
        chip->enabled = 1 - chip->enabled;
    } else if (d->kind == FLEET_DELETE) {
        chip->loaded = 0;
    }
    if (d->endless) {
        wait_again(d, chip);
    }
}

static cr_status on_answer(void *ctx, const struct m2m_answered *answer, struct cr_err *err)
{
    struct fleet_desk *d = ctx;
    size_t chip = strtoul(answer->context, NULL, 10);
    if (chip >= d->f->chip_count) {
        return cr_fail(err, CR_INTERNAL, NULL, "an answer about no chip");
    }
    (void)pthread_mutex_lock(&d->lock);
    take(d, &d->f->chips[chip], answer);
    (void)pthread_mutex_unlock(&d->lock);
    return ask_next(d, answer->tx, err);
}

static cr_status on_notice(void *ctx, struct m2m_call *call, const struct soap_body *notice,
                           struct soap_body *response, struct cr_err *err)
{
    (void)ctx;
    (void)call;
    (void)notice;
    (void)response;
    (void)err;
    return CR_OK; /* an operator would write it down */
}

/* ---- campaigns ---------------------------------------------------------------------------------
 */

static cr_status begin_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct fleet_desk *d = ctx;
    for (int64_t i = 0; i < d->f->options->parallel; i++) {
        CR_TRY(ask_next(d, tx, err));
    }
    return CR_OK;
}

static void prepare(struct fleet_desk *d, enum fleet_kind kind, double ms,
                    struct fleet_tally *tally)
{
    (void)pthread_mutex_lock(&d->lock);
    d->kind = kind;
    d->tally = tally;
    d->endless = kind == FLEET_ENABLE && ms > 0;
    d->until_ms = ms > 0 ? bench_now_ms() + ms : HUGE_VAL;
    d->first = NULL;
    d->last = &d->first;
    d->ended = 0;
    for (size_t i = 0; i < d->f->chip_count; i++) {
        struct fleet_chip *chip = &d->f->chips[i];
        if (kind == FLEET_ENABLE || (chip->loaded != 0) == (kind == FLEET_DELETE)) {
            wait_again(d, chip);
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
}

static void wait_for_the_last(struct fleet_desk *d)
{
    struct cli_progress progress;
    size_t under_way = 0;
    cli_progress_start(&progress, d->f->cli, kinds[d->kind].what, 0);
    do {
        (void)usleep(LOOK_MS * 1000);
        m2m_service_tick(d->service);
        (void)pthread_mutex_lock(&d->lock);
        under_way = d->under_way;
        const size_t ended = d->ended;
        (void)pthread_mutex_unlock(&d->lock);
        cli_progress_at(&progress, ended);
    } while (under_way > 0 && !cli_stop);
    cli_progress_end(&progress);
}

cr_status fleet_campaign(struct fleet *f, enum fleet_kind kind, double ms,
                         struct fleet_tally *tally, struct cr_err *err)
{
    struct fleet_desk *d = f->desk;
    if (!tally->latencies.ms) {
        CR_TRY(bench_latencies_new(&tally->latencies, err));
    }
    const double smsr_ms = bench_process_cpu_ms(&f->smsr);
    const double smdp_ms = bench_process_cpu_ms(&f->smdp);
    const double start = bench_now_ms();
    prepare(d, kind, ms, tally);
    CR_TRY(store_run(d->store, begin_work, d, err));
    m2m_poke(d->m2m);
    wait_for_the_last(d);
    tally->seconds += (bench_now_ms() - start) / 1000;
    tally->smsr_cpu_ms += bench_process_cpu_ms(&f->smsr) - smsr_ms;
    tally->smdp_cpu_ms += bench_process_cpu_ms(&f->smdp) - smdp_ms;
    return cli_stop ? cr_fail(err, CR_RESOURCE, NULL, "stopped") : CR_OK;
}

/* ---- life --------------------------------------------------------------------------------------
 */

static cr_status open_desk(struct fleet_desk *d, struct cr_err *err)
{
    static const struct store_migration steps[] = {{1, m2m_schema}};
    const struct store_options memory = {
        .url = ":memory:", .migrations = steps, .migration_count = 1};
    struct m2m_service_options service = {.deliverers = DELIVERERS};
    const struct m2m_parties *self = &d->f->desk_parties;
    d->smsr = m2m_party_named(self, "smsr-1");
    d->smdp = m2m_party_named(self, "smdp");
    if (!d->smsr || !d->smdp ||
        !m2m_caller_bind(self->address, &d->f->cli->arena, &service.host, &service.port)) {
        return cr_fail(err, CR_INTERNAL, NULL, "the lab has no operator");
    }
    cli_operator_notices(on_notice, d->rows);
    CR_TRY(store_open(&memory, &d->store, err));
    const struct m2m_options options = {.store = d->store,
                                        .parties = self,
                                        .env = &d->f->env,
                                        .rows = d->rows,
                                        .answered = on_answer,
                                        .ctx = d};
    CR_TRY(m2m_new(&options, &d->m2m, err));
    service.m2m = d->m2m;
    return m2m_service_start(&service, &d->service, err);
}

cr_status fleet_desk_open(struct fleet *f, struct cr_err *err)
{
    struct fleet_desk *d = calloc(1, sizeof *d);
    if (!d) {
        return cr_fail_memory(err);
    }
    d->f = f;
    d->next_profile = 1;
    (void)pthread_mutex_init(&d->lock, NULL);
    cr_status status = open_desk(d, err);
    if (status != CR_OK) {
        fleet_desk_close(d);
        return status;
    }
    f->desk = d;
    return CR_OK;
}

void fleet_desk_close(struct fleet_desk *d)
{
    if (d) {
        m2m_service_stop(d->service);
        m2m_free(d->m2m);
        store_close(d->store);
        (void)pthread_mutex_destroy(&d->lock);
        free(d);
    }
}
