/*
 * crisp bench rsp: complete downloads against an SM-DP+ in a process of its own.
 *
 * The clients are virtual chips that check and install everything, each behind an LPA with one TLS
 * connection for each download. What is measured is the server: CPU time and memory of its process
 * from /proc, between the first and the last download; against it stands the bare cost of the same
 * cryptography, measured in the same run.
 */
#include "cli/bench.h"

#include "base/file.h"
#include "cli/bench_process.h"
#include "cli/progress.h"
#include "euicc/euicc.h"
#include "lpa/download.h"
#include "lpa/es9_http.h"
#include "lpa/profiles.h"
#include "pki/hierarchy.h"
#include "rsp/ids.h"
#include "smdpp/smdpp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define BENCH_HOST          "smdpp.bench"
#define PROFILES_PER_SECOND 600
#define MEMORY_LOOKS        3 /* at the server's memory: begin, middle, end */

struct bench {
    struct cli *cli;
    const struct bench_rsp_values *options;
    char dir[BENCH_DIR], pki[BENCH_PATH - 32], smdpp[BENCH_PATH], ci[BENCH_PATH];
    char port_file[BENCH_PATH], log_file[BENCH_PATH];
    struct bench_process server;
    char connect_to[64];
    size_t profiles;
    size_t package_size;
    struct nvm **chips; /* one for each client */

    atomic_size_t next; /* profile to be downloaded */
    atomic_size_t done, failed;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the following */
    struct bench_latencies latencies;
    struct cr_err first_failure;
    double rss_mb[MEMORY_LOOKS];
};

/* ---- the inventory -----------------------------------------------------------------------------
 */

static cr_status fill_inventory(struct bench *b, struct cr_err *err)
{
    struct smdpp_config config;
    struct smdpp *dp = NULL;
    CR_TRY(smdpp_config_from_pki(b->pki, b->cli->env, &config, err));
    struct smdpp_options options = {.dir = b->smdpp, .config = &config, .env = b->cli->env};
    cr_status status = smdpp_open(&options, &dp, err);
    if (status == CR_OK) {
        status = bench_inventory_fill(b->cli, dp, b->profiles, &b->package_size, err);
    }
    smdpp_close(dp);
    smdpp_config_free(&config);
    return status;
}

/* ---- the server --------------------------------------------------------------------------------
 */

static cr_status start_server(struct bench *b, struct cr_err *err)
{
    char workers[16];
    uint16_t port = 0;
    (void)snprintf(workers, sizeof(workers), "%lld", (long long)b->options->workers);
    const char *argv[] = {"crisp",       "smdpp",      "serve",     "--dir",       b->smdpp,
                          "--pki",       b->pki,       "--es9",     "127.0.0.1:0", "--no-es2",
                          "--port-file", b->port_file, "--workers", workers,       NULL};
    CR_TRY(bench_process_start(&b->server, argv, b->port_file, b->log_file, err));
    CR_TRY(bench_process_port(b->port_file, "es9", &port, err));
    (void)snprintf(b->connect_to, sizeof(b->connect_to), "127.0.0.1:%u", port);
    return CR_OK;
}

/* ---- the clients -------------------------------------------------------------------------------
 */

struct client {
    struct bench *b;
    struct lpa lpa;
    struct card card;
    pthread_t thread;
    size_t index;
};

/* One download over a connection of its own; the profile is deleted again to keep the chip's memory
 * free. */
static cr_status download_one(struct client *c, size_t i, cr_arena *arena, double *ms,
                              struct cr_err *err)
{
    char id[32];
    struct es9_http *http = NULL;
    struct es9_http_options options = {
        .ca_file = c->b->ci, .connect_to = c->b->connect_to, .env = c->b->cli->env};
    bench_matching_id(i, id);
    struct lpa_download_order order = {.smdp_address = cr_span_str(BENCH_HOST),
                                       .matching_id = cr_span_str(id)};
    struct lpa_download_options how = {.notify = LPA_NOTIFY_OPERATION};
    struct lpa_download_hooks hooks = {0};
    struct lpa_download_result result = {0};
    double start = bench_now_ms();
    CR_TRY(es9_http_new(&options, &http, err));
    struct lpa_transport transport = es9_http_transport(http);
    cr_status status = es9_new(&transport, &c->lpa.where, &c->lpa.server, err);
    if (status == CR_OK) {
        status = lpa_download(&c->lpa, &order, &how, &hooks, arena, &result, err);
    }
    if (status == CR_OK && !result.notified) {
        status = cr_fail(err, CR_RESOURCE, NULL, "the result was not delivered: %s",
                         result.send.first.cause);
    }
    *ms = bench_now_ms() - start;
    es9_free(c->lpa.server);
    c->lpa.server = NULL;
    es9_http_free(http);
    if (status == CR_OK) {
        char iccid[RSP_ICCID_TEXT];
        struct lpa_change change;
        struct lpa_change_options quiet = {.notify = LPA_NOTIFY_NONE};
        bench_iccid(i, iccid);
        status = lpa_profile_delete(&c->lpa, cr_span_str(iccid), &quiet, arena, &change, err);
    }
    return status;
}

static void note(struct bench *b, cr_status status, double ms, const struct cr_err *err)
{
    (void)pthread_mutex_lock(&b->lock);
    if (status == CR_OK) {
        bench_latencies_add(&b->latencies, ms);
        atomic_fetch_add(&b->done, 1);
    } else {
        if (atomic_fetch_add(&b->failed, 1) == 0) {
            b->first_failure = *err;
        }
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static void *client_thread(void *ctx)
{
    struct client *c = ctx;
    cr_arena arena = {0};
    while (!atomic_load(&c->b->stop)) {
        struct cr_err err = {0};
        double ms = 0;
        size_t i = atomic_fetch_add(&c->b->next, 1);
        if (i >= c->b->profiles) {
            break;
        }
        cr_status status = download_one(c, i, &arena, &ms, &err);
        note(c->b, status, ms, &err);
        cr_arena_reset(&arena);
    }
    cr_arena_free(&arena);
    return NULL;
}

static cr_status open_client(struct bench *b, struct client *c, size_t index, struct cr_err *err)
{
    struct euicc_options options = {0};
    struct nvm *nvm = NULL;
    struct euicc *euicc = NULL;
    struct es10_options how = {0};
    c->b = b;
    c->index = index;
    c->lpa.env = b->cli->env;
    CR_TRY(euicc_create_ram(b->pki, &options, b->cli->env, &nvm, err));
    CR_TRY(euicc_open(nvm, b->cli->env, &euicc, err));
    euicc_card(euicc, &c->card);
    return es10_open(&c->card, &how, &c->lpa.where, &c->lpa.card, err);
}

static void close_client(struct client *c)
{
    es10_free(c->lpa.card);
    if (c->card.close) {
        c->card.close(c->card.ctx);
    }
}

/* ---- the run -----------------------------------------------------------------------------------
 */

static void report(struct bench *b, double seconds, double cpu_ms, const struct bench_floor *floor)
{
    size_t downloads = atomic_load(&b->done);
    double each = downloads ? cpu_ms / (double)downloads : 0;
    /* JSON and base64 make 4/3 of the package; certificates, signatures and headers about 9 KB. */
    double tls_bytes = (double)b->package_size * 4 / 3 + 9000;
    double floor_ms = bench_floor_download_ms(floor, tls_bytes, 600);
    FILE *out = b->cli->out;
    (void)fprintf(out,
                  "floor, microseconds of bare OpenSSL: sign %.1f, verify %.1f, key pair %.1f, key "
                  "agreement %.1f, TLS 1.3 handshake %.1f\n",
                  floor->sign_us, floor->verify_us, floor->keypair_us, floor->agree_us,
                  floor->handshake_us);
    (void)fprintf(out, "package %zu bytes, %lld clients, %zu downloads, %zu failed\n",
                  b->package_size, (long long)b->options->clients, downloads,
                  atomic_load(&b->failed));
    if (atomic_load(&b->failed) > 0) {
        (void)fprintf(out, "the first failure: %s %s %s\n", b->first_failure.subject,
                      b->first_failure.reason, b->first_failure.cause);
    }
    (void)fprintf(out,
                  "{\"downloads\":%zu,\"seconds\":%.2f,\"downloads_per_second\":%.1f,"
                  "\"server_cpu_ms_per_download\":%.3f,\"crypto_floor_ms_per_download\":%.3f,"
                  "\"efficiency\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"server_rss_mb\":%.1f,"
                  "\"server_rss_mb_begin\":%.1f,\"server_rss_mb_middle\":%.1f,\"failed\":%zu}\n",
                  downloads, seconds, seconds > 0 ? (double)downloads / seconds : 0, each, floor_ms,
                  each > 0 ? floor_ms / each : 0, bench_latencies_at(&b->latencies, 0.5),
                  bench_latencies_at(&b->latencies, 0.99), b->rss_mb[2], b->rss_mb[0], b->rss_mb[1],
                  atomic_load(&b->failed));
}

static cr_status drive(struct bench *b, struct client *clients, struct cr_err *err)
{
    struct bench_floor floor;
    struct cli_progress progress;
    size_t count = (size_t)b->options->clients;
    double cpu = bench_process_cpu_ms(&b->server);
    double start = bench_now_ms();
    size_t looks = 0;
    size_t started = 0;
    while (started < count &&
           pthread_create(&clients[started].thread, NULL, client_thread, &clients[started]) == 0) {
        started++;
    }
    cli_progress_start(&progress, b->cli, "downloading, seconds", (size_t)b->options->seconds);
    while (bench_now_ms() - start < (double)b->options->seconds * 1000 && !cli_stop &&
           atomic_load(&b->next) < b->profiles) {
        (void)usleep(50000);
        /* The first after a tenth of the time: everything has been used once. */
        double gone = (bench_now_ms() - start) / ((double)b->options->seconds * 1000);
        if ((looks == 0 && gone > 0.1) || (looks == 1 && gone > 0.5)) {
            b->rss_mb[looks++] = bench_process_rss_mb(&b->server);
        }
        cli_progress_at(&progress, (size_t)((bench_now_ms() - start) / 1000));
    }
    cli_progress_end(&progress);
    atomic_store(&b->stop, true);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(clients[i].thread, NULL);
    }
    double seconds = (bench_now_ms() - start) / 1000;
    cpu = bench_process_cpu_ms(&b->server) - cpu;
    while (looks < MEMORY_LOOKS) {
        b->rss_mb[looks++] = bench_process_rss_mb(&b->server);
    }
    CR_TRY(bench_floor_measure(&floor, err));
    report(b, seconds, cpu, &floor);
    if (atomic_load(&b->done) == 0) {
        *err = b->first_failure;
        return err->category ? err->category
                             : cr_fail(err, CR_RESOURCE, NULL, "no download was finished");
    }
    return CR_OK;
}

static cr_status prepare(struct bench *b, struct cr_err *err)
{
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};
    struct pki_hierarchy_options pki = {.dp_host = BENCH_HOST, .extra_names = names, .force = true};
    (void)snprintf(b->pki, sizeof(b->pki), "%s/pki", b->dir);
    (void)snprintf(b->smdpp, sizeof(b->smdpp), "%s/smdpp", b->dir);
    (void)snprintf(b->ci, sizeof(b->ci), "%s/nist/ci.der", b->pki);
    (void)snprintf(b->port_file, sizeof(b->port_file), "%s/port.json", b->dir);
    (void)snprintf(b->log_file, sizeof(b->log_file), "%s/smdpp.log", b->dir);
    CR_TRY(pki_hierarchy_init(b->pki, &pki, b->cli->env, err));
    return fill_inventory(b, err);
}

static cr_status run(struct bench *b, struct client *clients, struct cr_err *err)
{
    CR_TRY(prepare(b, err));
    for (size_t i = 0; i < (size_t)b->options->clients; i++) {
        CR_TRY(open_client(b, &clients[i], i, err));
    }
    CR_TRY(start_server(b, err));
    return drive(b, clients, err);
}

int bench_rsp_run(struct cli *cli, const void *values)
{
    const struct bench_rsp_values *v = values;
    struct bench b = {.cli = cli, .options = v, .server = {.name = "the SM-DP+"}};
    struct cr_err err = {0};
    cli_catch_signals();
    if (bench_dir_open(v->dir, b.dir, &err) != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    b.profiles = (size_t)(v->profiles ? v->profiles : v->seconds * PROFILES_PER_SECOND);
    struct client *clients = calloc((size_t)v->clients, sizeof(*clients));
    (void)pthread_mutex_init(&b.lock, NULL);
    cr_status status = clients ? bench_latencies_new(&b.latencies, &err) : cr_fail_memory(&err);
    if (status == CR_OK) {
        status = run(&b, clients, &err);
    }
    bench_process_stop(&b.server);
    for (size_t i = 0; clients && i < (size_t)v->clients; i++) {
        close_client(&clients[i]);
    }
    free(clients);
    bench_latencies_free(&b.latencies);
    (void)pthread_mutex_destroy(&b.lock);
    if (!v->dir) {
        bench_dir_remove(b.dir);
    }
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}
