/*
 * crisp smdpp serve: the SM-DP+ as a network service.
 */
#include "cli/smdpp.h"

#include "cli/units.h"

#include "base/file.h"
#include "rsp/activation_code.h"
#include "smdpp/service.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define HTTPS        443
#define TICK_MS      200
#define MINUTE_MS    ((int64_t)60000)
#define DAY_MS       ((int64_t)86400000)
#define DEFAULT_ES9  "127.0.0.1:8443"
#define DEFAULT_ES2  "127.0.0.1:8444"
#define MAX_WORKERS  256
#define MAX_ATTEMPTS 1000000

struct serve_values {
    struct cli_smdpp_place place;
    const char *es9, *es2, *port_file;
    struct cli_list notify, notify_ca;
    int64_t workers, session_minutes, download_limit, cc_limit, order_days, retention_days;
    bool no_es2, plain, refuse_rebinding, refuse_bad_eid, report_all;
};

static cr_status set_operators(struct cli *cli, const struct serve_values *v,
                               struct smdpp_config *config, struct cr_err *err)
{
    const char *name;
    const char *value;
    for (size_t i = 0; i < v->notify.count; i++) {
        CR_TRY(cli_pair(&cli->arena, v->notify.items[i], "--notify", &name, &value, err));
        CR_TRY(smdpp_operator_set(config, name, value, NULL, err));
    }
    for (size_t i = 0; i < v->notify_ca.count; i++) {
        CR_TRY(cli_pair(&cli->arena, v->notify_ca.items[i], "--notify-ca", &name, &value, err));
        const struct smdpp_operator *op = smdpp_operator_named(config, name);
        if (!op || !op->notify) {
            return cr_fail(err, CR_REFUSED, NULL,
                           "--notify-ca names the operator '%s', which no --notify names", name);
        }
        if (!cr_file_exists(value)) {
            return cr_file_fail(err, "cannot open", value);
        }
        CR_TRY(smdpp_operator_set(config, name, NULL, value, err));
    }
    return CR_OK;
}

static cr_status set_options(struct cli *cli, const struct serve_values *v, struct cli_smdpp *smdpp,
                             struct smdpp_service_options *o, struct cr_err *err)
{
    smdpp->policy = (struct smdpp_policy){.session_ms = v->session_minutes * MINUTE_MS,
                                          .download_limit = v->download_limit,
                                          .cc_limit = v->cc_limit,
                                          .order_ms = v->order_days * DAY_MS,
                                          .retention_ms = v->retention_days * DAY_MS,
                                          .refuse_rebinding = v->refuse_rebinding,
                                          .refuse_bad_eid = v->refuse_bad_eid,
                                          .report_all_points = v->report_all};
    *o = (struct smdpp_service_options){.dir = v->place.dir,
                                        .config = &smdpp->config,
                                        .policy = smdpp->policy,
                                        .env = cli->env,
                                        .es9_port = 0,
                                        .workers = (unsigned)v->workers,
                                        .plain = v->plain};
    CR_TRY(set_operators(cli, v, &smdpp->config, err));
    /* These have been read once already, by check_places(). */
    CR_TRY(cli_host_port(&cli->arena, v->es9, &o->es9_host, &o->es9_port, err));
    /* Without a word about ES2+ it is there when the identity says who may speak it. */
    o->es2 = !v->no_es2 && (v->es2 || smdpp->config.operator_ca);
    return o->es2 ? cli_host_port(&cli->arena, v->es2 ? v->es2 : DEFAULT_ES2, &o->es2_host,
                                  &o->es2_port, err)
                  : CR_OK;
}

static cr_status write_ports(const char *path, uint16_t es9, uint16_t es2, const char *address,
                             struct cr_err *err)
{
    json_t *ports = json_object();
    (void)json_object_set_new(ports, "es9", json_integer(es9));
    if (es2) {
        (void)json_object_set_new(ports, "es2", json_integer(es2));
    }
    (void)json_object_set_new(ports, "address", json_string(address));
    (void)json_object_set_new(ports, "pid", json_integer(getpid()));
    char *text = json_dumps(ports, JSON_COMPACT);
    cr_buf line = {0};
    cr_buf_appendf(&line, "%s\n", text ? text : "{}");
    cr_status status = cr_file_write(path, cr_buf_span(&line), 0644, err);
    cr_buf_free(&line);
    free(text);
    json_decref(ports);
    return status;
}

/* Of an address for activation codes: 443 unless it says another. */
static int port_of(const char *address)
{
    const char *bracket = strrchr(address, ']');
    const char *colon = strrchr(bracket ? bracket : address, ':');
    return colon ? (int)strtol(colon + 1, NULL, 10) : HTTPS;
}

static void announce(struct cli *cli, const struct serve_values *v,
                     const struct smdpp_service_options *o, const struct cli_smdpp *smdpp,
                     uint16_t es9, uint16_t es2)
{
    const char *local = "127.0.0.1";
    char oid[DER_OID_TEXT];
    if (der_oid_text(smdpp->config.oid, oid, NULL) != CR_OK) {
        (void)snprintf(oid, sizeof(oid), "unknown");
    }
    (void)fprintf(cli->out, "SM-DP+ %s, OID %s, under %zu CI%s\n", smdpp->config.address, oid,
                  smdpp->config.identity_count, smdpp->config.identity_count == 1 ? "" : "s");
    (void)fprintf(cli->out, "ES9+ (LPAs):      %s://%s:%u\n", v->plain ? "http" : "https",
                  o->es9_host ? o->es9_host : local, es9);
    if (o->es2) {
        (void)fprintf(cli->out, "ES2+ (operators): https://%s:%u\n",
                      o->es2_host ? o->es2_host : local, es2);
    } else {
        (void)fprintf(cli->out, "ES2+ (operators): off%s\n",
                      v->no_es2 ? "" : ": the configuration names no operator-ca");
    }
    (void)fprintf(cli->out, "activation codes name %s\n", smdpp->address);
    if (port_of(smdpp->address) != es9) {
        (void)fprintf(
            cli->out,
            "  at port %d, ES9+ is served on %u: unless something stands between, LPAs need "
            "'--connect HOST:%u',\n  or give '--public-address %s:%u' once\n",
            port_of(smdpp->address), es9, es9, smdpp->config.address, es9);
    }
    (void)fprintf(cli->out, "stop with Ctrl-C\n");
    (void)fflush(cli->out);
}

/* What requests use again and again is not given back to the kernel in between, which costs a
 * system call and page faults each time. */
static void keep_memory(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
    (void)mallopt(M_TOP_PAD, 256 << 10);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

static cr_status run_service(struct cli *cli, const struct serve_values *v, struct cli_smdpp *smdpp,
                             struct cr_err *err)
{
    struct smdpp_service_options o;
    struct smdpp_service *service = NULL;
    CR_TRY(set_options(cli, v, smdpp, &o, err));
    cli_catch_signals();
    keep_memory();
    CR_TRY(smdpp_service_start(&o, &service, err));
    uint16_t es9 = smdpp_service_es9_port(service);
    uint16_t es2 = smdpp_service_es2_port(service);
    cr_status status = cli_smdpp_remember(cli, v->place.dir, smdpp, true, err);
    if (status == CR_OK) {
        announce(cli, v, &o, smdpp, es9, es2);
        status = v->port_file ? write_ports(v->port_file, es9, es2, smdpp->address, err) : CR_OK;
    }
    while (status == CR_OK && !cli_stop) {
        (void)usleep(TICK_MS * 1000);
        smdpp_service_tick(service);
    }
    smdpp_service_stop(service);
    if (status == CR_OK) {
        cr_log(cli->env, CR_LOG_INFO, "stopped");
    }
    return status;
}

/* Before anything is made or remembered. */
static cr_status check_places(struct cli *cli, const struct serve_values *v, struct cr_err *err)
{
    const char *host;
    uint16_t port;
    CR_TRY(cli_host_port(&cli->arena, v->es9, &host, &port, err));
    if (v->es2) {
        CR_TRY(cli_host_port(&cli->arena, v->es2, &host, &port, err));
    }
    const char *address = v->place.public_address;
    if (address && address[0] && !rsp_address_valid(cr_span_str(address))) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "--public-address '%.80s' is no host name", address);
        return cr_err_next(err, status, "write HOST or HOST:PORT, without https:// and a path");
    }
    const char *name;
    const char *url;
    for (size_t i = 0; i < v->notify.count; i++) {
        CR_TRY(cli_pair(&cli->arena, v->notify.items[i], "--notify", &name, &url, err));
        if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://127.", 11) != 0) {
            cr_status status =
                cr_fail(err, CR_MALFORMED, NULL, "--notify cannot go to '%.80s'", url);
            return cr_err_next(err, status, "write OPERATOR=https://HOST:PORT");
        }
    }
    for (size_t i = 0; i < v->notify_ca.count; i++) {
        CR_TRY(cli_pair(&cli->arena, v->notify_ca.items[i], "--notify-ca", &name, &url, err));
    }
    return CR_OK;
}

static int serve_run(struct cli *cli, const void *values)
{
    const struct serve_values *v = values;
    struct cli_smdpp smdpp;
    struct cr_err err;
    if (v->no_es2 && v->es2) {
        return cli_usage(cli, "--es2 and --no-es2 exclude each other");
    }
    if (check_places(cli, v, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = cli_smdpp_identity(cli, &v->place, &smdpp, &err);
    if (status == CR_OK) {
        status = run_service(cli, v, &smdpp, &err);
    }
    cli_smdpp_close(&smdpp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct serve_values, member)

static const struct cli_option options[] = {
    CLI_SMDPP_ROWS(offsetof(struct serve_values, place)),
    {.name = "es9",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where LPAs are served; port 0 takes a free one.",
     .fallback = DEFAULT_ES9,
     FIELD(es9)},
    {.name = "es2",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where operators are served (" DEFAULT_ES2 " unless given).",
     FIELD(es2)},
    {.name = "no-es2", .kind = CLI_FLAG, .help = "Do not serve operators.", FIELD(no_es2)},
    {.name = "notify",
     .kind = CLI_LIST,
     .metavar = "OPERATOR=URL",
     .help = "Where an operator listens for download progress and notifications (ES2+).",
     FIELD(notify)},
    {.name = "notify-ca",
     .kind = CLI_LIST,
     .metavar = "OPERATOR=FILE",
     .help = "CA that issued the certificate of that listener; the system's CAs unless given.",
     FIELD(notify_ca)},
    {.name = "report-all",
     .kind = CLI_FLAG,
     .help = "Tell operators about eligibility checks and downloads that went well, too.",
     FIELD(report_all)},
    {.name = "session-minutes",
     .kind = CLI_INT,
     .metavar = "MINUTES",
     .help = "Life of a download session.",
     .fallback = "10",
     .min = 1,
     .max = 1440,
     FIELD(session_minutes)},
    {.name = "download-limit",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Download attempts for one order.",
     .fallback = "10",
     .min = 1,
     .max = MAX_ATTEMPTS,
     FIELD(download_limit)},
    {.name = "cc-limit",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Wrong confirmation codes for one order.",
     .fallback = "3",
     .min = 1,
     .max = MAX_ATTEMPTS,
     FIELD(cc_limit)},
    {.name = "order-days",
     .kind = CLI_INT,
     .metavar = "DAYS",
     .help = "Life of an order; 0: without end.",
     .fallback = "0",
     .min = 0,
     .max = 36500,
     FIELD(order_days)},
    {.name = "retention-days",
     .kind = CLI_INT,
     .metavar = "DAYS",
     .help = "How long notifications of eUICCs are kept; the last one of each profile stays. "
             "Messages that an operator does not take are given up after 30 days, calls of ES2+ "
             "forgotten after one.",
     .fallback = "90",
     .min = 1,
     .max = 36500,
     FIELD(retention_days)},
    {.name = "refuse-rebinding",
     .kind = CLI_FLAG,
     .help = "Refuse a chip that comes back with another one-time key instead of binding the "
             "profile anew.",
     FIELD(refuse_rebinding)},
    {.name = "refuse-bad-eid",
     .kind = CLI_FLAG,
     .help = "Refuse EIDs with wrong check digits instead of serving them.",
     FIELD(refuse_bad_eid)},
    {.name = "workers",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Threads for requests that wait (ES2+); 0: 8 for each processor.",
     .fallback = "0",
     .min = 0,
     .max = MAX_WORKERS,
     FIELD(workers)},
    {.name = "plain",
     .kind = CLI_FLAG,
     .help = "ES9+ without TLS: behind a proxy that does it, or for measurements.",
     FIELD(plain)},
    {.name = "port-file",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write the ports into this file as JSON when the server listens.",
     FIELD(port_file)},
};

const struct cli_command cli_smdpp_serve = {
    .name = "serve",
    .summary = "run the server",
    .description =
        "Serves ES9+ (JSON and ASN.1 binding) and ES2+ over HTTPS until it is stopped. Refused "
        "requests are logged with the subject and reason code that the peer got. Several servers "
        "may work on one directory.",
    .options = options,
    .option_count = CR_COUNT(options),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
    .examples = "# a server for tests on this machine\n"
                "crisp smdpp serve --dir dp --pki pki\n"
                "# tell the operator what becomes of its orders\n"
                "crisp smdpp serve --dir dp --notify operator=https://127.0.0.1:9443 "
                "--notify-ca operator=pki/nist/ci.der",
};
