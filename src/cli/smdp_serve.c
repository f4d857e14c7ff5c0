/*
 * crisp smdp serve: the SM-DP as a network service.
 */
#include "cli/smdp.h"

#include "cli/units.h"

#include "base/file.h"
#include "m2m/service.h"
#include "pki/hierarchy.h"
#include "store/home.h"

#include <stdlib.h>
#include <unistd.h>

#define TICK_MS     200
#define OPEN_FILES  8192 /* connections of parties */
#define MAX_WORKERS 256

struct serve_values {
    const char *dir, *parties, *pki, *listen, *port_file;
    struct cli_list eums;
    int64_t workers;
    bool master_delete;
};

/* What smdp_open() borrows. */
struct serving {
    struct m2m_parties parties;
    struct pki_trust *trust;
    struct pki_cert eums[SMDP_MAX_EUMS];
    struct pki_key *keys[SMDP_MAX_IDENTITIES];
    struct smdp_options options;
    struct smdp *dp;
    int claim; /* of the directory */
};

static void end_serving(struct serving *s)
{
    smdp_close(s->dp);
    if (s->claim >= 0) {
        (void)close(s->claim);
    }
    for (size_t i = 0; i < SMDP_MAX_IDENTITIES; i++) {
        pki_key_free(s->keys[i]);
    }
    pki_trust_free(s->trust);
    m2m_parties_free(&s->parties);
}

static cr_status load_curve(struct cli *cli, const char *pki, enum crypto_curve curve,
                            struct serving *s, struct cr_err *err)
{
    struct smdp_options *o = &s->options;
    struct gpcert cert;
    if (!pki_hierarchy_has(pki, curve)) {
        return CR_OK;
    }
    cr_status status = pki_hierarchy_load_gp(pki, curve, "m2mdp", &cli->arena, &cert,
                                             &s->keys[o->identity_count], err);
    if (status != CR_OK) {
        return cr_err_advise(err, status,
                             "make a directory with certificates of SGP.02: crisp pki init DIR");
    }
    o->identities[o->identity_count] =
        (struct smdp_identity){.certificate = cert.raw, .key = s->keys[o->identity_count]};
    o->identity_count++;
    return pki_hierarchy_load(pki, curve, "eum", &cli->arena, &s->eums[o->eum_count++], NULL, err);
}

static cr_status load_pki(struct cli *cli, const struct serve_values *v, struct serving *s,
                          struct cr_err *err)
{
    struct smdp_options *o = &s->options;
    s->trust = pki_trust_new();
    if (!s->trust) {
        return cr_fail_memory(err);
    }
    CR_TRY(pki_hierarchy_trust(v->pki, s->trust, err));
    CR_TRY(load_curve(cli, v->pki, CRYPTO_P256, s, err));
    CR_TRY(load_curve(cli, v->pki, CRYPTO_BRAINPOOL, s, err));
    for (size_t i = 0; i < v->eums.count; i++) {
        if (o->eum_count == SMDP_MAX_EUMS) {
            return cr_fail(err, CR_REFUSED, NULL, "at most %d certificates of EUMs", SMDP_MAX_EUMS);
        }
        CR_TRY(pki_cert_load(v->eums.items[i], &cli->arena, &s->eums[o->eum_count++], err));
    }
    o->trust = s->trust;
    o->eums = s->eums;
    return CR_OK;
}

static cr_status begin_serving(struct cli *cli, const struct serve_values *v, struct serving *s,
                               struct cr_err *err)
{
    CR_TRY(m2m_parties_load(v->parties, &s->parties, err));
    if (s->parties.role != SOAP_SMDP) {
        return cr_err_next(err,
                           cr_fail(err, CR_REFUSED, NULL, "%s is the file of a party that is '%s'",
                                   v->parties, soap_party_name(s->parties.role)),
                           "give the file whose [self] has role = smdp.");
    }
    s->options = (struct smdp_options){
        .dir = v->dir, .parties = &s->parties, .env = cli->env, .token_keys = v->master_delete};
    CR_TRY(load_pki(cli, v, s, err));
    CR_TRY(smdp_open(&s->options, &s->dp, err));
    return store_home_claim(v->dir, &s->claim, err);
}

static cr_status write_port(const char *path, uint16_t port, struct cr_err *err)
{
    cr_buf line = {0};
    cr_buf_appendf(&line, "{\"port\":%u,\"pid\":%ld}\n", port, (long)getpid());
    cr_status status = cr_file_write(path, cr_buf_span(&line), 0644, err);
    cr_buf_free(&line);
    return status;
}

static cr_status run_service(struct cli *cli, const struct serve_values *v, struct serving *s,
                             struct cr_err *err)
{
    struct m2m_service *service = NULL;
    struct m2m_service_options o = {.m2m = smdp_m2m(s->dp),
                                    .workers = (unsigned)v->workers,
                                    .authorise = smdp_authorise_smsr,
                                    .ctx = s->dp};
    o.port = cli_url_port(s->parties.address); /* where the others are told to go */
    if (v->listen) {
        CR_TRY(cli_host_port(&cli->arena, v->listen, &o.host, &o.port, err));
    }
    cli_catch_signals();
    cli_raise_files(OPEN_FILES);
    CR_TRY(m2m_service_start(&o, &service, err));
    uint16_t port = m2m_service_port(service);
    cr_status status = v->port_file ? write_port(v->port_file, port, err) : CR_OK;
    if (status == CR_OK) {
        (void)fprintf(cli->out,
                      "SM-DP %s, OID %s, %zu parties\nES2, ES3: https://%s:%u, called %s\n"
                      "stop with Ctrl-C\n",
                      s->parties.name, s->parties.oid, s->parties.count,
                      o.host ? o.host : "127.0.0.1", port, s->parties.address);
        (void)fflush(cli->out);
    }
    while (status == CR_OK && !cli_stop) {
        struct cr_err tick = {0};
        (void)usleep(TICK_MS * 1000);
        m2m_service_tick(service);
        if (smdp_tick(s->dp, &tick) != CR_OK) {
            cr_log(cli->env, CR_LOG_ERROR, "%s", tick.cause);
        }
    }
    m2m_service_stop(service);
    return status;
}

static int serve_run(struct cli *cli, const void *values)
{
    const struct serve_values *v = values;
    struct serving s = {.claim = -1};
    struct cr_err err;
    const char *host;
    uint16_t port;
    if (v->listen && cli_host_port(&cli->arena, v->listen, &host, &port, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = begin_serving(cli, v, &s, &err);
    if (status == CR_OK) {
        status = run_service(cli, v, &s, &err);
    }
    end_serving(&s);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define SERVE(member) .offset = offsetof(struct serve_values, member)

static const struct cli_option serve_options[] = {
    CLI_SMDP_DIR(offsetof(struct serve_values, dir)),
    CLI_SMDP_PARTIES(offsetof(struct serve_values, parties)),
    {.name = "pki",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "A directory of 'crisp pki init': CERT.DP.ECDSA and its key, the CIs that are "
             "trusted, the EUM.",
     .required = true,
     SERVE(pki)},
    {.name = "eum",
     .kind = CLI_LIST,
     .metavar = "FILE",
     .help = "X.509 certificate of another EUM, under a CI of --pki.",
     SERVE(eums)},
    {.name = "listen",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where operators and SM-SRs connect; port 0 takes a free one. Unless given: this "
             "machine alone, at the port of the address that they know.",
     SERVE(listen)},
    {.name = "master-delete",
     .kind = CLI_FLAG,
     .help = "Give each Profile a key for Master Delete when it is downloaded.",
     SERVE(master_delete)},
    {.name = "workers",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Requests that are worked on at the same time; 0 = 8 for each processor.",
     .fallback = "0",
     .min = 0,
     .max = MAX_WORKERS,
     SERVE(workers)},
    {.name = "port-file",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write port and process id there as JSON when the server is ready.",
     SERVE(port_file)},
};

const struct cli_command cli_smdp_serve = {
    .name = "serve",
    .summary = "run the SM-DP",
    .description =
        "Serves ES2 to operators and takes the notifications of SM-SRs (ES3), over HTTPS with "
        "client certificates. What is ordered is written down before it is acknowledged, and goes "
        "on after a restart.",
    .options = serve_options,
    .option_count = CR_COUNT(serve_options),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
    .examples = "# parties and certificates of a lab, then the server\n"
                "crisp pki init pki\n"
                "crisp pki m2m-parties lab\n"
                "crisp smdp serve --dir dp --parties lab/smdp.ini --pki pki",
};
