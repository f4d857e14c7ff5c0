/*
 * crisp bench fleet: machines under an SM-SR and an SM-DP in processes of their own.
 *
 * Campaign one, for each size of the fleet: the operator asks the SM-SR over and over to enable the
 * other profile of a chip (ES4), which goes to the chip and comes back by SMS: command, proof of
 * receipt, notification, confirmation, proof of receipt. Campaign two: it orders profiles at the
 * SM-DP (ES2), which makes the ISD-P, agrees keys with the chip and loads the profile through the
 * SM-SR, over an HTTPS session that the chip opens; then all are deleted, and so on.
 *
 * What is measured are the servers: CPU time and memory of their processes from /proc, and the
 * SM-SR's database. Neighbours, which are registered and have no chip, make the fleet as large as
 * asked for.
 */
#include "cli/bench_fleet.h"

#include <jansson.h>
#include <stdlib.h>

/* ---- sizes -------------------------------------------------------------------------------------
 */

static cr_status read_sizes(struct fleet *f, const char *text, struct cr_err *err)
{
    size_t before = 0;
    for (const char *at = text; *at;) {
        char *end;
        const unsigned long n = strtoul(at, &end, 10);
        if (end == at || (*end && *end != ',') || n < 1 || n > BENCH_MAX_FLEET || n <= before) {
            return cr_fail(err, CR_REFUSED, NULL,
                           "--fleet has rising numbers from 1 to %d with commas between them",
                           BENCH_MAX_FLEET);
        }
        if (f->size_count == FLEET_MAX_SIZES) {
            return cr_fail(err, CR_REFUSED, NULL, "--fleet has at most %d sizes", FLEET_MAX_SIZES);
        }
        before = n;
        f->sizes[f->size_count++].registered = n > f->chip_count ? n : f->chip_count;
        at = *end ? end + 1 : end;
    }
    return f->size_count ? CR_OK : cr_fail(err, CR_REFUSED, NULL, "--fleet is empty");
}

/* ---- the run -----------------------------------------------------------------------------------
 */

static cr_status run_size(struct fleet *f, struct fleet_size *size, struct cr_err *err)
{
    CR_TRY(fleet_register(f, size->registered, err));
    if (!f->devices) {
        CR_TRY(fleet_start_devices(f, err));
    }
    CR_TRY(fleet_start_smsr(f, err));
    CR_TRY(fleet_wait_for_quiet(f, err));
    size->smsr_rss_mb_begin = bench_process_rss_mb(&f->smsr);
    CR_TRY(fleet_campaign(f, FLEET_ENABLE, (double)f->options->seconds * 1000, &size->enable, err));
    size->smsr_rss_mb = bench_process_rss_mb(&f->smsr);
    return CR_OK;
}

static cr_status run_enabling(struct fleet *f, struct cr_err *err)
{
    for (size_t i = 0; i < f->size_count; i++) {
        if (i > 0) {
            bench_process_stop(&f->smsr);
            f->sizes[i - 1].smsr_db_mb = fleet_smsr_db_mb(f);
        }
        CR_TRY(run_size(f, &f->sizes[i], err));
    }
    return CR_OK;
}

static cr_status run_downloads(struct fleet *f, struct cr_err *err)
{
    const double seconds = (double)f->options->seconds;
    size_t before;
    do {
        before = f->download.done;
        CR_TRY(fleet_campaign(f, FLEET_DOWNLOAD, (seconds - f->download.seconds) * 1000,
                              &f->download, err));
        CR_TRY(fleet_campaign(f, FLEET_DELETE, 0, &f->deletion, err));
    } while (f->download.seconds < seconds && f->download.done > before);
    return CR_OK;
}

static cr_status run(struct fleet *f, struct cr_err *err)
{
    CR_TRY(fleet_make_parties(f, err));
    CR_TRY(fleet_make_chips(f, err));
    CR_TRY(fleet_make_stock(f, err));
    CR_TRY(fleet_start_smdp(f, err));
    CR_TRY(fleet_desk_open(f, err));
    CR_TRY(run_enabling(f, err));
    CR_TRY(run_downloads(f, err));
    bench_process_stop(&f->smsr);
    f->sizes[f->size_count - 1].smsr_db_mb = fleet_smsr_db_mb(f);
    return CR_OK;
}

/* ---- what it says ------------------------------------------------------------------------------
 */

/* What each server cannot do without, milliseconds. Connections between parties may last, and are
 * not counted; that of a chip is. Bytes: of what goes through TLS, and under the keys of SMS. */
struct floors {
    double smsr_enable, smsr_download, smdp_download;
};

#define PARTY_BYTES 8000 /* request, answer, notification, each with its HTTP head */
#define SMS_BYTES   600  /* five packets */

static struct floors floors_of(const struct bench_floor *b, double package)
{
    const double sealed = b->cbc_us_per_byte + b->cmac_us_per_byte;
    /* The SM-DP sends the profile in hex digits, the SM-SR passes the bytes on. */
    const double hex = 2 * package + 4 * PARTY_BYTES;
    return (struct floors){
        .smsr_enable = (PARTY_BYTES * b->tls_us_per_byte + SMS_BYTES * sealed) / 1000,
        .smsr_download =
            (b->psk_handshake_us + (hex + package) * b->tls_us_per_byte + SMS_BYTES * sealed) /
            1000,
        .smdp_download = (b->sign_us + b->verify_us + b->keypair_us + b->agree_us + b->point_us +
                          hex * b->tls_us_per_byte + package * sealed) /
                         1000};
}

static double each(double sum, const struct fleet_tally *t)
{
    return t->done ? sum / (double)t->done : 0;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static double rate(const struct fleet_tally *t)
{
    return ratio((double)t->done, t->seconds);
}

static double disk_kb(const struct fleet_size *s)
{
    return s->smsr_db_mb * 1024 / (double)s->registered;
}

/* Memory that a registered chip adds: between the smallest fleet and the largest. */
static double memory_kb(const struct fleet *f)
{
    const struct fleet_size *a = &f->sizes[0], *z = &f->sizes[f->size_count - 1];
    return z->registered > a->registered
               ? (z->smsr_rss_mb - a->smsr_rss_mb) * 1024 / (double)(z->registered - a->registered)
               : 0;
}

static void print_failure(FILE *out, const char *what, const struct fleet_tally *t)
{
    if (t->failed > 0) {
        const struct cr_err *e = &t->first_failure;
        (void)fprintf(out, "%zu of %s failed, the first one: %s %s %s\n", t->failed, what,
                      e->subject, e->reason, e->cause);
    }
}

static void print_row(FILE *out, const char *what, struct fleet_tally *t)
{
    (void)fprintf(out, "%-18s %8zu %9.1f %8.1f %8.1f %10.3f %10.3f\n", what, t->done, rate(t),
                  bench_latencies_at(&t->latencies, 0.5), bench_latencies_at(&t->latencies, 0.99),
                  each(t->smsr_cpu_ms, t), each(t->smdp_cpu_ms, t));
}

static void print_tables(struct fleet *f, const struct bench_floor *b)
{
    FILE *out = f->cli->out;
    (void)fprintf(out,
                  "floor, microseconds of bare OpenSSL: sign %.1f, verify %.1f, key pair %.1f, key "
                  "agreement %.1f, TLS-PSK handshake %.1f\n",
                  b->sign_us, b->verify_us, b->keypair_us, b->agree_us, b->psk_handshake_us);
    (void)fprintf(out, "%zu chips, %lld procedures at a time, package %zu bytes\n", f->chip_count,
                  (long long)f->options->parallel, f->package_size);
    (void)fprintf(out, "%-18s %8s %9s %8s %8s %10s %10s\n", "PROCEDURE", "DONE", "A SECOND",
                  "P50 MS", "P99 MS", "SM-SR MS", "SM-DP MS");
    for (size_t i = 0; i < f->size_count; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "enable of %zu", f->sizes[i].registered);
        print_row(out, what, &f->sizes[i].enable);
        print_failure(out, "them", &f->sizes[i].enable);
    }
    print_row(out, "download", &f->download);
    print_failure(out, "them", &f->download);
    print_row(out, "delete", &f->deletion);
    print_failure(out, "them", &f->deletion);
    (void)fprintf(out, "%-18s %8s %9s\n", "REGISTERED", "RSS MB", "DISK KB");
    for (size_t i = 0; i < f->size_count; i++) {
        (void)fprintf(out, "%-18zu %8.1f %9.2f\n", f->sizes[i].registered, f->sizes[i].smsr_rss_mb,
                      disk_kb(&f->sizes[i]));
    }
}

static void put(json_t *o, const char *name, double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%.6g", value); /* not more digits than there are */
    (void)json_object_set_new(o, name, json_real(strtod(text, NULL)));
}

static void put_count(json_t *o, const char *name, size_t value)
{
    (void)json_object_set_new(o, name, json_integer((json_int_t)value));
}

static void put_tally(json_t *o, const char *count, const char *one, struct fleet_tally *t)
{
    const struct {
        const char *front, *word, *back;
        double value;
    } members[] = {
        {"", count, "_per_second", rate(t)},
        {"", one, "_seconds", t->seconds},
        {"", one, "_p50_ms", bench_latencies_at(&t->latencies, 0.5)},
        {"", one, "_p99_ms", bench_latencies_at(&t->latencies, 0.99)},
        {"smsr_cpu_ms_per_", one, "", each(t->smsr_cpu_ms, t)},
        {"smdp_cpu_ms_per_", one, "", each(t->smdp_cpu_ms, t)},
    };
    put_count(o, count, t->done);
    for (size_t i = 0; i < CR_COUNT(members); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s%s", members[i].front, members[i].word,
                       members[i].back);
        put(o, name, members[i].value);
    }
}

static json_t *sizes_json(struct fleet *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->size_count; i++) {
        struct fleet_size *s = &f->sizes[i];
        json_t *o = json_object();
        put_count(o, "registered", s->registered);
        put_tally(o, "enables", "enable", &s->enable);
        put_count(o, "failed", s->enable.failed);
        put(o, "smsr_rss_mb_begin", s->smsr_rss_mb_begin);
        put(o, "smsr_rss_mb", s->smsr_rss_mb);
        put(o, "smsr_disk_kb_per_chip", disk_kb(s));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static void add_up(const struct fleet_tally *t, struct fleet_tally *sum)
{
    sum->done += t->done;
    sum->failed += t->failed;
    sum->seconds += t->seconds;
    sum->smsr_cpu_ms += t->smsr_cpu_ms;
    sum->smdp_cpu_ms += t->smdp_cpu_ms;
}

static struct fleet_tally all_of(const struct fleet *f)
{
    struct fleet_tally sum = {0};
    add_up(&f->download, &sum);
    add_up(&f->deletion, &sum);
    for (size_t i = 0; i < f->size_count; i++) {
        add_up(&f->sizes[i].enable, &sum);
    }
    return sum;
}

static cr_status print_json(struct fleet *f, const struct bench_floor *b, struct cr_err *err)
{
    const struct floors floors = floors_of(b, (double)f->package_size);
    const struct fleet_tally all = all_of(f);
    struct fleet_tally *largest = &f->sizes[f->size_count - 1].enable;
    json_t *o = json_object();
    put_count(o, "chips", f->chip_count);
    put_count(o, "parallel", (size_t)f->options->parallel);
    put_count(o, "package_bytes", f->package_size);
    put_count(o, "procedures", all.done);
    put_count(o, "failed", all.failed);
    put(o, "procedures_per_second", rate(&all));
    put_tally(o, "enables", "enable", largest);
    put(o, "smsr_crypto_floor_ms_per_enable", floors.smsr_enable);
    put(o, "smsr_efficiency_enable",
        ratio(floors.smsr_enable, each(largest->smsr_cpu_ms, largest)));
    put_tally(o, "downloads", "download", &f->download);
    put(o, "smsr_crypto_floor_ms_per_download", floors.smsr_download);
    put(o, "smsr_efficiency_download",
        ratio(floors.smsr_download, each(f->download.smsr_cpu_ms, &f->download)));
    put(o, "smdp_crypto_floor_ms_per_download", floors.smdp_download);
    put(o, "smdp_efficiency_download",
        ratio(floors.smdp_download, each(f->download.smdp_cpu_ms, &f->download)));
    put_tally(o, "deletes", "delete", &f->deletion);
    put(o, "smsr_memory_kb_per_chip", memory_kb(f));
    (void)json_object_set_new(o, "fleet", sizes_json(f));
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!text) {
        return cr_fail_memory(err);
    }
    (void)fprintf(f->cli->out, "%s\n", text);
    free(text);
    return CR_OK;
}

static cr_status report(struct fleet *f, struct cr_err *err)
{
    struct bench_floor floor;
    CR_TRY(bench_floor_measure(&floor, err));
    print_tables(f, &floor);
    CR_TRY(print_json(f, &floor, err));
    return all_of(f).done > 0 ? CR_OK
                              : cr_fail(err, CR_RESOURCE, NULL, "no procedure came to its end");
}

int bench_fleet_run(struct cli *cli, const void *values)
{
    const struct bench_fleet_values *v = values;
    struct fleet f = {.cli = cli,
                      .options = v,
                      .env = *cli->env,
                      .chip_count = (size_t)v->chips,
                      .smsr = {.name = "the SM-SR"},
                      .smdp = {.name = "the SM-DP"}};
    struct cr_err err = {0};
    f.env.log = NULL;
    cli_catch_signals();
    cli_raise_files((size_t)v->parallel * 4 + 256);
    device_config_init(&f.network);
    if (read_sizes(&f, v->fleet, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    if (bench_dir_open(v->dir, f.dir, &err) != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    cr_status status = run(&f, &err);
    if (status == CR_OK) {
        status = report(&f, &err);
    }
    fleet_free_world(&f);
    for (size_t i = 0; i < f.size_count; i++) {
        bench_latencies_free(&f.sizes[i].enable.latencies);
    }
    bench_latencies_free(&f.download.latencies);
    bench_latencies_free(&f.deletion.latencies);
    if (!v->dir) {
        bench_dir_remove(f.dir);
    }
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}
