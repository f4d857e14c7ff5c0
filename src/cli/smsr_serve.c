/*
 * crisp smsr serve: the SM-SR as a network service.
 */
#include "cli/smsr.h"

#include "cli/units.h"

#include "base/file.h"
#include "m2m/party.h"
#include "pki/hierarchy.h"
#include "smsr/service.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS     200
#define SECOND_MS   1000
#define DAY_MS      ((int64_t)86400000)
#define DEFAULT_ES5 "127.0.0.1:8446"
#define OPEN_FILES  16384 /* connections of chips and parties */
#define MAX_WORKERS 1024

#define DEFAULT_IDENTITY "m2msr"

struct serve_values {
    const char *dir, *parties, *config, *pki, *identity, *ci, *soap, *es5, *cattp, *port_file;
    int64_t workers, hold_seconds, script_seconds, audit_minutes, keep_days, max_euiccs;
    bool no_https, no_onc, allow_m2m_sp_change;
};

/* All that is read from files. */
struct server {
    struct m2m_parties parties;
    struct smsr_radio_config radio;
    struct pki_key *keys[SMSR_MAX_IDENTITIES];
    struct smsr_service_options options;
};

/* CERT.SR.ECDSA on a curve. One that is not named need not be there. */
static cr_status load_identity(struct cli *cli, const struct serve_values *v,
                               enum crypto_curve curve, struct server *s, struct cr_err *err)
{
    struct smsr_options *o = &s->options.core;
    const char *name = v->identity ? v->identity : DEFAULT_IDENTITY;
    const char *path =
        cr_arena_printf(&cli->arena, "%s/%s/%s.gp", v->pki, pki_hierarchy_curve_dir(curve), name);
    struct gpcert cert;
    if (!path) {
        return cr_fail_memory(err);
    }
    if (!cr_file_exists(path)) {
        return CR_OK;
    }
    CR_TRY(pki_hierarchy_load_gp(v->pki, curve, name, &cli->arena, &cert,
                                 &s->keys[o->identity_count], err));
    o->identities[o->identity_count] =
        (struct smsr_identity){.certificate = cert.raw, .key = s->keys[o->identity_count]};
    o->identity_count++;
    return CR_OK;
}

static cr_status load_identities(struct cli *cli, const struct serve_values *v, struct server *s,
                                 struct cr_err *err)
{
    if (!v->pki) {
        return CR_OK;
    }
    CR_TRY(load_identity(cli, v, CRYPTO_P256, s, err));
    CR_TRY(load_identity(cli, v, CRYPTO_BRAINPOOL, s, err));
    if (v->identity && !s->options.core.identity_count) {
        return cr_err_next(err,
                           cr_fail(err, CR_REFUSED, NULL, "%s has no %s.gp", v->pki, v->identity),
                           "make it: crisp pki issue %s m2m-sr --name %s", v->pki, v->identity);
    }
    return CR_OK;
}

static cr_status load(struct cli *cli, const struct serve_values *v, struct server *s,
                      struct cr_err *err)
{
    CR_TRY(m2m_parties_load(v->parties, &s->parties, err));
    if (s->parties.role != SOAP_SMSR) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "%s describes no SM-SR", v->parties);
        return cr_err_next(err, status, "in its section [self] stands role = %s",
                           soap_party_name(s->parties.role));
    }
    smsr_radio_defaults(&s->radio);
    if (v->config) {
        CR_TRY(smsr_radio_load(v->config, &s->radio, err));
    }
    struct smsr_service_options *o = &s->options;
    *o = (struct smsr_service_options){
        .core = {.dir = v->dir,
                 .ci_file = v->ci ? v->ci : v->pki,
                 .parties = &s->parties,
                 .policy = {.no_onc = v->no_onc,
                            .allow_m2msp_change = v->allow_m2m_sp_change,
                            .hold_ms = v->hold_seconds * SECOND_MS,
                            .script_ms = v->script_seconds * SECOND_MS,
                            .again_ms = v->audit_minutes * 60 * SECOND_MS,
                            .keep_ms = v->keep_days * DAY_MS,
                            .max_euiccs = v->max_euiccs},
                 .env = cli->env,
                 .radio = &s->radio},
        .radio = &s->radio,
        .soap_port = cli_url_port(s->parties.address), /* where the parties are told to go */
        .no_https = v->no_https,
        .workers = (unsigned)v->workers};
    CR_TRY(load_identities(cli, v, s, err));
    if (v->soap) {
        CR_TRY(cli_host_port(&cli->arena, v->soap, &o->soap_host, &o->soap_port, err));
    }
    s->radio.cattp = o->cattp = v->cattp != NULL;
    if (v->cattp) {
        CR_TRY(cli_host_port(&cli->arena, v->cattp, &o->cattp_host, &o->cattp_port, err));
    }
    return cli_host_port(&cli->arena, v->es5, &o->https_host, &o->https_port, err);
}

static cr_status write_ports(const char *path, const struct smsr_service *service,
                             const char *address, struct cr_err *err)
{
    json_t *ports = json_object();
    (void)json_object_set_new(ports, "soap", json_integer(smsr_service_soap_port(service)));
    if (smsr_service_https_port(service)) {
        (void)json_object_set_new(ports, "es5", json_integer(smsr_service_https_port(service)));
    }
    if (smsr_service_cattp_port(service)) {
        (void)json_object_set_new(ports, "cattp", json_integer(smsr_service_cattp_port(service)));
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

/* radio.ini asks for a channel that is not served: its commands fail. */
static bool misses_cattp(const struct server *s)
{
    bool wanted = s->radio.channel == SMSR_CATTP;
    for (size_t i = 0; i < s->radio.forced_count; i++) {
        wanted = wanted || s->radio.forced[i].channel == SMSR_CATTP;
    }
    return wanted && !s->options.cattp;
}

static void announce(struct cli *cli, const struct server *s, const struct smsr_service *service)
{
    const char *local = "127.0.0.1";
    const struct smsr_service_options *o = &s->options;
    (void)fprintf(cli->out, "%s, OID %s, %zu parties\n",
                  s->parties.name ? s->parties.name : "SM-SR", s->parties.oid, s->parties.count);
    (void)fprintf(cli->out, "SOAP (parties):   https://%s:%u, known to them as %s\n",
                  o->soap_host ? o->soap_host : local, smsr_service_soap_port(service),
                  s->parties.address);
    if (smsr_service_https_port(service)) {
        (void)fprintf(cli->out, "ES5 (eUICCs):     https://%s:%u%s, by pre-shared keys\n",
                      o->https_host ? o->https_host : local, smsr_service_https_port(service),
                      s->radio.path);
    }
    if (smsr_service_cattp_port(service)) {
        (void)fprintf(cli->out, "ES5 (eUICCs):     CAT_TP at %s, UDP port %u\n",
                      o->cattp_host ? o->cattp_host : local, smsr_service_cattp_port(service));
    }
    if (!smsr_service_https_port(service) && !smsr_service_cattp_port(service)) {
        (void)fprintf(cli->out, "ES5 (eUICCs):     by SMS only\n");
    }
    for (size_t i = 0; i < s->radio.smsc_count; i++) {
        const struct smsr_smsc *smsc = &s->radio.smsc[i];
        (void)fprintf(cli->out, "SMSC %s: %s:%u as %s, number %s, for %s%s\n", smsc->name,
                      smsc->host ? smsc->host : local, smsc->port, smsc->system_id, smsc->number,
                      smsc->prefix[0] ? "+" : "all numbers", smsc->prefix);
    }
    if (misses_cattp(s)) {
        (void)fprintf(cli->out, "CAT_TP is configured for eUICCs, and not served (--cattp)\n");
    }
    if (!s->radio.smsc_count) {
        (void)fprintf(cli->out, "no SMSC is configured: no eUICC can be woken (--config)\n");
    }
    if (!o->core.ci_file) {
        (void)fprintf(cli->out, "no CI is trusted: no EUM can register eUICCs (--pki or --ci)\n");
    }
    if (!o->core.identity_count) {
        (void)fprintf(cli->out, "no certificate to show to eUICCs: none can be taken over\n");
    }
    (void)fprintf(cli->out, "stop with Ctrl-C\n");
    (void)fflush(cli->out);
}

static cr_status run_service(struct cli *cli, const struct serve_values *v, struct server *s,
                             struct cr_err *err)
{
    struct smsr_service *service = NULL;
    CR_TRY(load(cli, v, s, err));
    cli_catch_signals();
    cli_raise_files(OPEN_FILES);
    CR_TRY(smsr_service_start(&s->options, &service, err));
    announce(cli, s, service);
    cr_status status =
        v->port_file ? write_ports(v->port_file, service, s->parties.address, err) : CR_OK;
    while (status == CR_OK && !cli_stop) {
        (void)usleep(TICK_MS * 1000);
        smsr_service_tick(service);
    }
    smsr_service_stop(service);
    if (status == CR_OK) {
        cr_log(cli->env, CR_LOG_INFO, "stopped");
    }
    return status;
}

static int serve_run(struct cli *cli, const void *values)
{
    const struct serve_values *v = values;
    struct server s = {.options = {.soap_port = 0}};
    struct cr_err err;
    const char *host;
    uint16_t port = 0;
    if (v->ci && v->pki) {
        return cli_usage(cli, "--ci and --pki exclude each other");
    }
    if ((v->soap && cli_host_port(&cli->arena, v->soap, &host, &port, &err) != CR_OK) ||
        (v->cattp && cli_host_port(&cli->arena, v->cattp, &host, &port, &err) != CR_OK) ||
        cli_host_port(&cli->arena, v->es5, &host, &port, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    if (v->ci && v->identity) {
        return cli_usage(cli, "--identity is a name in the directory of --pki");
    }
    cr_status status = run_service(cli, v, &s, &err);
    for (size_t i = 0; i < SMSR_MAX_IDENTITIES; i++) {
        pki_key_free(s.keys[i]);
    }
    m2m_parties_free(&s.parties);
    smsr_radio_free(&s.radio);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct serve_values, member)

static const struct cli_option options[] = {
    {.name = "dir",
     .letter = 'd',
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Directory of the SM-SR: database and sealing key; made when it is not there.",
     .required = true,
     FIELD(dir)},
    {.name = "parties",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Who this SM-SR is, and the parties that it talks to: a file as 'crisp pki "
             "m2m-parties' writes it.",
     .required = true,
     FIELD(parties)},
    {.name = "config",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "The radio: SMSCs, triggers, channels. Without it no chip can be reached.",
     FIELD(config)},
    {.name = "pki",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "A directory of 'crisp pki init': its CIs are those of EUMs.",
     FIELD(pki)},
    {.name = "identity",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "The certificate in the directory of --pki (NAME.gp) that this SM-SR shows to chips "
             "which it takes over from another SM-SR; m2msr unless given.",
     FIELD(identity)},
    {.name = "ci",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "CI certificates (PEM) under which the certificates of EUMs stand, instead of --pki.",
     FIELD(ci)},
    {.name = "soap",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where the parties are served; port 0 takes a free one. Unless given: this machine "
             "alone, at the port of the address that the parties know.",
     FIELD(soap)},
    {.name = "es5",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where administration sessions of chips are served (HTTPS); port 0 takes a free one.",
     .fallback = DEFAULT_ES5,
     FIELD(es5)},
    {.name = "no-https",
     .kind = CLI_FLAG,
     .help = "No administration sessions: reach chips by SMS, and by CAT_TP if that is served.",
     FIELD(no_https)},
    {.name = "cattp",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where links of CAT_TP are served to chips (UDP); port 0 takes a free one. Unless "
             "given: CAT_TP is not used.",
     FIELD(cattp)},
    {.name = "hold-seconds",
     .kind = CLI_INT,
     .metavar = "SECONDS",
     .help = "How long a chip that asks for work is held when more was announced.",
     .fallback = "20",
     .min = 1,
     .max = 60,
     FIELD(hold_seconds)},
    {.name = "script-seconds",
     .kind = CLI_INT,
     .metavar = "SECONDS",
     .help = "How long the result of a script is waited for in a session; then the chip is called "
             "by SMS.",
     .fallback = "60",
     .min = 1,
     .max = 3600,
     FIELD(script_seconds)},
    {.name = "audit-minutes",
     .kind = CLI_INT,
     .metavar = "MINUTES",
     .help = "Pause between two audits of a chip of which it is not known what it did.",
     .fallback = "5",
     .min = 1,
     .max = 1440,
     FIELD(audit_minutes)},
    {.name = "keep-days",
     .kind = CLI_INT,
     .metavar = "DAYS",
     .help = "How long ended procedures are kept.",
     .fallback = "90",
     .min = 1,
     .max = 36500,
     FIELD(keep_days)},
    {.name = "max-euiccs",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "With so many chips none is taken over from another SM-SR; 0: no limit.",
     .fallback = "0",
     .min = 0,
     .max = 1000000000,
     FIELD(max_euiccs)},
    {.name = "allow-m2m-sp-change",
     .kind = CLI_FLAG,
     .help = "M2M service providers may ask for a change of the SM-SR.",
     FIELD(allow_m2m_sp_change)},
    {.name = "no-onc",
     .kind = CLI_FLAG,
     .help = "Refuse SetONC and GetONC: operators cannot turn notifications off.",
     FIELD(no_onc)},
    {.name = "workers",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Threads for requests of the parties, and as many for chips; 0: 32.",
     .fallback = "0",
     .min = 0,
     .max = MAX_WORKERS,
     FIELD(workers)},
    {.name = "port-file",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write the ports into this file as JSON when the server listens.",
     FIELD(port_file)},
};

const struct cli_command cli_smsr_serve = {
    .name = "serve",
    .summary = "run the server",
    .description =
        "Serves the parties of SGP.02 (SOAP over HTTPS with client certificates) and the chips: "
        "SMS through the SMSCs of the configuration (SMPP 3.4), administration sessions over TLS "
        "with pre-shared keys, links of CAT_TP over UDP. What was under way when it was stopped "
        "goes on when it is started "
        "again.",
    .options = options,
    .option_count = CR_COUNT(options),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
    .examples = "# an SM-SR for tests on this machine\n"
                "crisp smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki",
};
