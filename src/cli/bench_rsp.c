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
#include "base/text.h"
#include "cli/progress.h"
#include "euicc/euicc.h"
#include "lpa/download.h"
#include "lpa/es9_http.h"
#include "lpa/profiles.h"
#include "pki/hierarchy.h"
#include "rsp/ids.h"
#include "smdpp/smdpp.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define BENCH_HOST          "smdpp.bench"
#define PROFILES_PER_SECOND 600
#define MEMORY_LOOKS        3 /* at the server's memory: begin, middle, end */
#define MAX_LATENCIES       ((size_t)1 << 20)
#define START_TIMEOUT_MS    20000

struct bench {
    struct cli *cli;
    const struct bench_rsp_values *options;
    char dir[512], pki[600], smdpp[600], ci[640], port_file[640];
    pid_t server;
    uint16_t port;
    char connect_to[64];
    size_t profiles;
    size_t package_size;
    struct nvm **chips; /* one for each client */

    atomic_size_t next; /* profile to be downloaded */
    atomic_size_t done, failed;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the following */
    double *latencies_ms;
    size_t latency_count;
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

static void exec_server(const struct bench *b)
{
    char workers[16];
    (void)snprintf(workers, sizeof(workers), "%lld", (long long)b->options->workers);
    const char *argv[] = {"crisp",       "smdpp",      "serve",     "--dir",       b->smdpp,
                          "--pki",       b->pki,       "--es9",     "127.0.0.1:0", "--no-es2",
                          "--port-file", b->port_file, "--workers", workers,       NULL};
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

static cr_status read_port(struct bench *b, struct cr_err *err)
{
    cr_buf content = {0};
    cr_status status = cr_file_read(b->port_file, 4096, &content, err);
    if (status == CR_OK) {
        json_t *json = json_loadb((const char *)content.p, content.n, 0, NULL);
        b->port = (uint16_t)json_integer_value(json_object_get(json, "es9"));
        json_decref(json);
        status =
            b->port ? CR_OK : cr_fail(err, CR_MALFORMED, NULL, "%s names no port", b->port_file);
    }
    cr_buf_free(&content);
    return status;
}

static cr_status start_server(struct bench *b, struct cr_err *err)
{
    b->server = fork();
    if (b->server < 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start a process: %s", strerror(errno));
    }
    if (b->server == 0) {
        exec_server(b);
    }
    for (int waited = 0; !cr_file_exists(b->port_file); waited += 20) {
        if (waitpid(b->server, NULL, WNOHANG) == b->server || waited > START_TIMEOUT_MS) {
            b->server = waited > START_TIMEOUT_MS ? b->server : 0;
            return cr_fail(err, CR_RESOURCE, NULL, "the SM-DP+ did not start");
        }
        (void)usleep(20000);
    }
    CR_TRY(read_port(b, err));
    (void)snprintf(b->connect_to, sizeof(b->connect_to), "127.0.0.1:%u", b->port);
    return CR_OK;
}

static void stop_server(struct bench *b)
{
    if (b->server > 0) {
        (void)kill(b->server, SIGTERM);
        (void)waitpid(b->server, NULL, 0);
        b->server = 0;
    }
}

/* CPU milliseconds (user and system) that the server has used so far. */
static double server_cpu_ms(const struct bench *b)
{
    char path[64];
    char line[1024] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)b->server);
    FILE *f = fopen(path, "r");
    if (!f) {
        return 0;
    }
    (void)!fgets(line, sizeof(line), f);
    (void)fclose(f);
    /* Fields 14 and 15 (utime, stime) in ticks; the name in field 2 may have blanks, so from its
     * closing bracket on. */
    char *at = strrchr(line, ')');
    for (int field = 2; at && field < 14; field++) {
        at = strchr(at + 1, ' ');
    }
    if (!at) {
        return 0;
    }
    unsigned long user = strtoul(at, &at, 10);
    unsigned long system = strtoul(at, NULL, 10);
    return (double)(user + system) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
}

static double server_rss_mb(const struct bench *b)
{
    char path[64];
    char line[256];
    double kb = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)b->server);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtod(line + 6, NULL);
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return kb / 1024;
}

/* ---- the clients -------------------------------------------------------------------------------
 */

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

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
    double start = now_ms();
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
    *ms = now_ms() - start;
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
        if (b->latency_count < MAX_LATENCIES) {
            b->latencies_ms[b->latency_count++] = ms;
        }
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

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct bench *b, double p)
{
    if (b->latency_count == 0) {
        return 0;
    }
    size_t i = (size_t)(p * (double)(b->latency_count - 1) + 0.5);
    return b->latencies_ms[i];
}

static void report(struct bench *b, double seconds, double cpu_ms, const struct bench_floor *floor)
{
    size_t downloads = atomic_load(&b->done);
    double each = downloads ? cpu_ms / (double)downloads : 0;
    /* JSON and base64 make 4/3 of the package; certificates, signatures and headers about 9 KB. */
    double tls_bytes = (double)b->package_size * 4 / 3 + 9000;
    double floor_ms = bench_floor_download_ms(floor, tls_bytes, 600);
    FILE *out = b->cli->out;
    qsort(b->latencies_ms, b->latency_count, sizeof(double), by_value);
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
                  each > 0 ? floor_ms / each : 0, percentile(b, 0.5), percentile(b, 0.99),
                  b->rss_mb[2], b->rss_mb[0], b->rss_mb[1], atomic_load(&b->failed));
}

static cr_status drive(struct bench *b, struct client *clients, struct cr_err *err)
{
    struct bench_floor floor;
    struct cli_progress progress;
    size_t count = (size_t)b->options->clients;
    double cpu = server_cpu_ms(b);
    double start = now_ms();
    size_t looks = 0;
    size_t started = 0;
    while (started < count &&
           pthread_create(&clients[started].thread, NULL, client_thread, &clients[started]) == 0) {
        started++;
    }
    cli_progress_start(&progress, b->cli, "downloading, seconds", (size_t)b->options->seconds);
    while (now_ms() - start < (double)b->options->seconds * 1000 && !cli_stop &&
           atomic_load(&b->next) < b->profiles) {
        (void)usleep(50000);
        /* The first after a tenth of the time: everything has been used once. */
        double gone = (now_ms() - start) / ((double)b->options->seconds * 1000);
        if ((looks == 0 && gone > 0.1) || (looks == 1 && gone > 0.5)) {
            b->rss_mb[looks++] = server_rss_mb(b);
        }
        cli_progress_at(&progress, (size_t)((now_ms() - start) / 1000));
    }
    cli_progress_end(&progress);
    atomic_store(&b->stop, true);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(clients[i].thread, NULL);
    }
    double seconds = (now_ms() - start) / 1000;
    cpu = server_cpu_ms(b) - cpu;
    while (looks < MEMORY_LOOKS) {
        b->rss_mb[looks++] = server_rss_mb(b);
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
    CR_TRY(cr_dir_make(b->dir, err));
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

static void remove_tree(const char *dir)
{
    /* A directory of our own making under the system's temporary one. */
    char command[600];
    (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", dir);
    if (strchr(dir, '\'') == NULL && system(command) != 0) {
        (void)fprintf(stderr, "could not remove %s\n", dir);
    }
}

int bench_rsp_run(struct cli *cli, const void *values)
{
    const struct bench_rsp_values *v = values;
    struct bench b = {.cli = cli, .options = v};
    struct cr_err err = {0};
    bool temporary = v->dir == NULL;
    cli_catch_signals();
    (void)snprintf(b.dir, sizeof(b.dir), "%s", temporary ? "/tmp/crisp-bench-XXXXXX" : v->dir);
    if (temporary && !mkdtemp(b.dir)) {
        (void)cr_fail(&err, CR_RESOURCE, NULL, "cannot make a temporary directory");
        return cli_fail(cli, &err, false);
    }
    b.profiles = (size_t)(v->profiles ? v->profiles : v->seconds * PROFILES_PER_SECOND);
    b.latencies_ms = calloc(MAX_LATENCIES, sizeof(double));
    struct client *clients = calloc((size_t)v->clients, sizeof(*clients));
    (void)pthread_mutex_init(&b.lock, NULL);
    cr_status status = b.latencies_ms && clients ? run(&b, clients, &err) : cr_fail_memory(&err);
    stop_server(&b);
    for (size_t i = 0; clients && i < (size_t)v->clients; i++) {
        close_client(&clients[i]);
    }
    free(clients);
    free(b.latencies_ms);
    (void)pthread_mutex_destroy(&b.lock);
    if (temporary) {
        remove_tree(b.dir);
    }
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}
