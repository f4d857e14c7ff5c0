/*
 * crisp bench chips: installations into many chips, against an SM-DP+ in the same process.
 *
 * What is measured is the chip: CPU time of the thread within its commands, and the memory
 * that is allocated before and after they were made. Against the time stands the bare cost of the
 * same cryptography, measured in the same run.
 */
#include "cli/bench.h"

#include "cli/bench_process.h"
#include "cli/progress.h"
#include "euicc/euicc.h"
#include "lpa/download.h"
#include "lpa/profiles.h"
#include "pki/hierarchy.h"
#include "rsp/json_binding.h"
#include "smdpp/es9plus.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BENCH_HOST          "smdpp.bench"
#define PROFILES_PER_SECOND 500
#define CONTROL_BYTES       600 /* of a bound package that are not the profile */

struct bench {
    struct cli *cli;
    const struct bench_chips_values *options;
    char dir[BENCH_DIR], pki[BENCH_PATH];
    struct smdpp_config config;
    struct smdpp *dp;
    struct euicc **chips;
    size_t chip_count, profiles, package_size;
    atomic_size_t next, done, failed;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the following */
    double cpu_ms;
    struct cr_err first_failure;
};

/* A thread with a share of the chips. */
struct worker {
    struct bench *b;
    pthread_t thread;
    size_t index, of;
    struct lpa lpa;
    struct card chip; /* what the counting card stands before */
    struct card card;
    double cpu_ms; /* in commands of chips */
};

/* ---- measuring ---------------------------------------------------------------------------------
 */

/* CPU time of this thread. */
static double thread_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Bytes that are allocated: what the process has from the system says nothing here, because the
 * inventory has been made in the same memory before. */
static double allocated_kb(void)
{
    struct mallinfo2 info = mallinfo2();
    return ((double)info.uordblks + (double)info.hblkhd) / 1024;
}

static cr_status card_transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct worker *w = ctx;
    double start = thread_ms();
    cr_status status = w->chip.transmit(w->chip.ctx, command, response, err);
    w->cpu_ms += thread_ms() - start;
    return status;
}

static cr_status card_reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct worker *w = ctx;
    return w->chip.reset(w->chip.ctx, atr, err);
}

static void card_close(void *ctx)
{
    (void)ctx; /* the chip stays */
}

/* ---- the server, called by function ------------------------------------------------------------
 */

static cr_status post(void *ctx, const char *server, const char *path, cr_span body,
                      int *http_status, cr_buf *response, struct cr_err *err)
{
    struct bench *b = ctx;
    const struct rsp_function *function = rsp_function_by_path(RSP_ES9PLUS, cr_span_str(path));
    cr_arena arena = {0};
    struct smdpp_call call = {.arena = &arena};
    struct cr_err failure = {0};
    void *in = NULL;
    (void)server;
    if (!function) {
        return cr_fail(err, CR_INTERNAL, NULL, "no function at %.80s", path);
    }
    void *out = function->notification ? NULL : rsp_function_new_response(function, &arena);
    smdpp_handler handler = smdpp_handler_of(function->id);
    cr_status status = rsp_json_parse_request(function, body, &arena, &in, &failure);
    if (status == CR_OK) {
        status = handler ? handler(b->dp, &call, in, out, &failure)
                         : cr_refuse(&failure, "1.6", "3.1", NULL, "not offered");
    }
    struct rsp_function_status failed;
    rsp_status_from_err(&failure, &failed);
    if (!function->notification) {
        status = rsp_json_build_response(function, out, status == CR_OK ? NULL : &failed,
                                         RSP_JSON_V2, response, err);
    } else {
        status = CR_OK;
    }
    *http_status = function->notification ? 204 : 200;
    cr_arena_free(&arena);
    return status;
}

/* ---- installing --------------------------------------------------------------------------------
 */

static cr_status install(struct worker *w, size_t profile, cr_arena *arena, struct cr_err *err)
{
    char id[BENCH_MATCHING_ID];
    bench_matching_id(profile, id);
    struct lpa_download_order order = {.smdp_address = cr_span_str(BENCH_HOST),
                                       .matching_id = cr_span_str(id)};
    struct lpa_download_options how = {.notify = LPA_NOTIFY_OPERATION};
    struct lpa_download_hooks hooks = {0};
    struct lpa_download_result result = {0};
    CR_TRY(lpa_download(&w->lpa, &order, &how, &hooks, arena, &result, err));
    return result.notified ? CR_OK
                           : cr_fail(err, CR_RESOURCE, NULL, "the result was not delivered: %.150s",
                                     result.send.first.cause);
}

static cr_status remove_again(struct worker *w, size_t profile, cr_arena *arena, struct cr_err *err)
{
    char iccid[BENCH_ICCID];
    struct lpa_change change;
    struct lpa_change_options quiet = {.notify = LPA_NOTIFY_NONE};
    bench_iccid(profile, iccid);
    return lpa_profile_delete(&w->lpa, cr_span_str(iccid), &quiet, arena, &change, err);
}

/* One profile into one chip. What the LPA does besides is not counted. */
static cr_status one(struct worker *w, struct euicc *chip, size_t profile, cr_arena *arena,
                     struct cr_err *err)
{
    struct es10_options options = {0};
    euicc_card(chip, &w->chip);
    CR_TRY(es10_open(&w->card, &options, &w->lpa.where, &w->lpa.card, err));
    cr_status status = install(w, profile, arena, err);
    double counted = w->cpu_ms;
    if (status == CR_OK) {
        status = remove_again(w, profile, arena, err);
    }
    es10_free(w->lpa.card);
    w->lpa.card = NULL;
    w->cpu_ms = counted;
    return status;
}

static void *worker_main(void *ctx)
{
    struct worker *w = ctx;
    struct bench *b = w->b;
    cr_arena arena = {0};
    struct cr_err err = {0};
    w->card = (struct card){
        .ctx = w, .transmit = card_transmit, .reset = card_reset, .close = card_close};
    for (size_t chip = w->index; !atomic_load(&b->stop); chip += w->of) {
        size_t profile = atomic_fetch_add(&b->next, 1);
        if (profile >= b->profiles) {
            break;
        }
        chip = chip < b->chip_count ? chip : w->index;
        if (one(w, b->chips[chip], profile, &arena, &err) == CR_OK) {
            atomic_fetch_add(&b->done, 1);
        } else if (atomic_fetch_add(&b->failed, 1) == 0) {
            (void)pthread_mutex_lock(&b->lock);
            b->first_failure = err;
            (void)pthread_mutex_unlock(&b->lock);
        }
        cr_arena_reset(&arena);
    }
    (void)pthread_mutex_lock(&b->lock);
    b->cpu_ms += w->cpu_ms;
    (void)pthread_mutex_unlock(&b->lock);
    cr_arena_free(&arena);
    return NULL;
}

/* ---- the run -----------------------------------------------------------------------------------
 */

static cr_status make_chips(struct bench *b, struct cr_err *err)
{
    struct cli_progress progress;
    struct euicc_options options = {0};
    cr_status status = CR_OK;
    cli_progress_start(&progress, b->cli, "making chips", b->chip_count);
    for (size_t i = 0; status == CR_OK && i < b->chip_count && !cli_stop; i++) {
        struct nvm *nvm = NULL;
        status = euicc_create_ram(b->pki, &options, b->cli->env, &nvm, err);
        if (status == CR_OK) {
            status = euicc_open(nvm, b->cli->env, &b->chips[i], err);
        }
        cli_progress_at(&progress, i + 1);
    }
    cli_progress_end(&progress);
    return status == CR_OK && cli_stop ? cr_fail(err, CR_RESOURCE, NULL, "stopped") : status;
}

static cr_status run_workers(struct bench *b, struct worker *workers, size_t count, double *seconds,
                             struct cr_err *err)
{
    struct lpa_transport transport = {.ctx = b, .post = post};
    struct cli_progress progress;
    size_t started = 0;
    double start = bench_now_ms();
    cr_status status = CR_OK;
    for (; status == CR_OK && started < count; started++) {
        struct worker *w = &workers[started];
        *w = (struct worker){.b = b, .index = started, .of = count, .lpa.env = b->cli->env};
        status = es9_new(&transport, &w->lpa.where, &w->lpa.server, err);
        if (status == CR_OK && pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            es9_free(w->lpa.server);
            status = cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
        }
        if (status != CR_OK) {
            break;
        }
    }
    cli_progress_start(&progress, b->cli, "installing, seconds", (size_t)b->options->seconds);
    while (status == CR_OK && !cli_stop && atomic_load(&b->next) < b->profiles &&
           bench_now_ms() - start < (double)b->options->seconds * 1000) {
        (void)usleep(50000);
        cli_progress_at(&progress, (size_t)((bench_now_ms() - start) / 1000));
    }
    cli_progress_end(&progress);
    atomic_store(&b->stop, true);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        es9_free(workers[i].lpa.server);
    }
    *seconds = (bench_now_ms() - start) / 1000;
    return status;
}

static cr_status report(struct bench *b, double seconds, double kb_per_chip, struct cr_err *err)
{
    struct bench_floor floor;
    CR_TRY(bench_floor_measure(&floor, err));
    size_t installs = atomic_load(&b->done);
    double cpu = installs ? b->cpu_ms / (double)installs : 0;
    double floor_ms = bench_floor_install_ms(&floor, (double)b->package_size + CONTROL_BYTES);
    (void)fprintf(b->cli->out,
                  "floor, microseconds of bare OpenSSL: sign %.1f, verify %.1f, key pair %.1f, key "
                  "agreement %.1f\npackage %zu bytes, %zu chips, %zu installations, %zu failed\n",
                  floor.sign_us, floor.verify_us, floor.keypair_us, floor.agree_us, b->package_size,
                  b->chip_count, installs, atomic_load(&b->failed));
    if (atomic_load(&b->failed) > 0) {
        (void)fprintf(b->cli->out, "the first failure: %s\n", b->first_failure.cause);
    }
    (void)fprintf(b->cli->out,
                  "{\"chips\":%zu,\"installs\":%zu,\"seconds\":%.2f,\"installs_per_second\":%.1f,"
                  "\"chip_cpu_ms_per_install\":%.3f,\"crypto_floor_ms_per_install\":%.3f,"
                  "\"efficiency\":%.3f,\"memory_kb_per_chip\":%.1f,\"package_bytes\":%zu,"
                  "\"failed\":%zu}\n",
                  b->chip_count, installs, seconds, seconds > 0 ? (double)installs / seconds : 0,
                  cpu, floor_ms, cpu > 0 ? floor_ms / cpu : 0, kb_per_chip, b->package_size,
                  atomic_load(&b->failed));
    if (installs == 0) {
        *err = b->first_failure;
        return err->category ? err->category
                             : cr_fail(err, CR_RESOURCE, NULL, "nothing was installed");
    }
    return CR_OK;
}

static cr_status run(struct bench *b, struct cr_err *err)
{
    static const char *const names[] = {"localhost", NULL};
    struct pki_hierarchy_options pki = {.dp_host = BENCH_HOST, .extra_names = names};
    struct worker *workers = NULL;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = b->options->threads ? (size_t)b->options->threads
                     : processors > 0    ? (size_t)processors
                                         : 1;
    double seconds = 0;
    threads = threads > b->chip_count ? b->chip_count : threads;
    CR_TRY(pki_hierarchy_init(b->pki, &pki, b->cli->env, err));
    CR_TRY(smdpp_config_from_pki(b->pki, b->cli->env, &b->config, err));
    struct smdpp_options dp = {.config = &b->config, .env = b->cli->env};
    CR_TRY(smdpp_open(&dp, &b->dp, err));
    CR_TRY(bench_inventory_fill(b->cli, b->dp, b->profiles, &b->package_size, err));
    double before = allocated_kb();
    CR_TRY(make_chips(b, err));
    double kb_per_chip = (allocated_kb() - before) / (double)b->chip_count;
    workers = cr_arena_alloc_array(&b->cli->arena, threads, sizeof(*workers));
    if (!workers) {
        return cr_fail_memory(err);
    }
    CR_TRY(run_workers(b, workers, threads, &seconds, err));
    return report(b, seconds, kb_per_chip, err);
}

int bench_chips_run(struct cli *cli, const void *values)
{
    const struct bench_chips_values *v = values;
    struct bench b = {.cli = cli, .options = v, .chip_count = (size_t)v->chips};
    struct cr_err err = {0};
    cli_catch_signals();
    b.profiles = (size_t)(v->profiles ? v->profiles : v->seconds * PROFILES_PER_SECOND);
    if (bench_dir_open(NULL, b.dir, &err) != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    (void)snprintf(b.pki, sizeof(b.pki), "%s/pki", b.dir);
    (void)pthread_mutex_init(&b.lock, NULL);
    b.chips = calloc(b.chip_count, sizeof(struct euicc *));
    cr_status status = b.chips ? run(&b, &err) : cr_fail_memory(&err);
    for (size_t i = 0; b.chips && i < b.chip_count; i++) {
        euicc_free(b.chips[i]);
    }
    free(b.chips);
    if (b.dp) {
        smdpp_close(b.dp);
    }
    smdpp_config_free(&b.config);
    (void)pthread_mutex_destroy(&b.lock);
    bench_dir_remove(b.dir);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}
