/*
 * crisp pki verify: a chain, checked as the parties check it.
 */
#include "cli/pki.h"

#include "cli/input.h"
#include "cli/units.h"
#include "pki/gpcert.h"
#include "rsp/ids.h"

struct verify_values {
    struct cli_list trust, chain;
    const char *role, *cert, *dns, *at;
    bool client, no_clock;
};

static const char *const role_words[] = {
    "none",  "ci-subca", "eum",    "eum-subca", "euicc",  "dp-subca", "dp-tls", "dp-auth",
    "dp-pb", "ds-subca", "ds-tls", "ds-auth",   "m2m-dp", "m2m-sr",   "ecasd",  NULL,
};

static cr_status load_chain(struct cli *cli, const struct verify_values *v,
                            struct pki_cert chain[PKI_MAX_CHAIN], size_t *count, struct cr_err *err)
{
    CR_TRY(cli_cert_load(cli, v->cert, &chain[0], err));
    for (size_t i = 0; i < v->chain.count; i++) {
        CR_TRY(cli_cert_load(cli, v->chain.items[i], &chain[i + 1], err));
    }
    *count = 1 + v->chain.count;
    return CR_OK;
}

static int report(struct cli *cli, const struct verify_values *v, cr_status status,
                  const struct pki_verdict *verdict, const struct cr_err *err)
{
    if (status == CR_OK) {
        cr_buf line = {0};
        pki_cert_summary(verdict->ci, &line);
        (void)fprintf(cli->out, "%s is valid, under the CI %.*s\n", v->cert, (int)line.n,
                      (const char *)line.p);
        cr_buf_free(&line);
        return CLI_OK;
    }
    const char *at = verdict->failed_at > 0 && (size_t)verdict->failed_at <= v->chain.count
                         ? v->chain.items[verdict->failed_at - 1]
                         : v->cert;
    (void)fprintf(cli->out, "%s is not valid: %s\n", v->cert, pki_problem_name(verdict->problem));
    (void)fprintf(cli->out, "  certificate: %s\n  cause:       %s\n", at, err->cause);
    if (err->field[0]) {
        (void)fprintf(cli->out, "  field:       %s\n", err->field);
    }
    if (err->clause[0]) {
        (void)fprintf(cli->out, "  rule:        %s\n", err->clause);
    }
    return CLI_NEGATIVE;
}

static cr_status verify(struct cli *cli, const struct verify_values *v, int64_t at_ms,
                        struct pki_trust *trust, int *code, struct cr_err *err)
{
    struct pki_cert chain[PKI_MAX_CHAIN];
    size_t count = 0;
    struct pki_expect expect = {
        .role = pki_role_from_name(cr_span_str(v->role)),
        .now_ms = v->no_clock ? 0 : at_ms,
        .dns_name = cr_span_str(v->dns),
        .tls_client = v->client,
    };
    for (size_t i = 0; i < v->trust.count; i++) {
        CR_TRY(cli_trust_add(cli, v->trust.items[i], trust, err));
    }
    CR_TRY(load_chain(cli, v, chain, &count, err));
    struct pki_verdict verdict = {.failed_at = -1};
    cr_status status = pki_chain_verify(trust, chain, count, &expect, &verdict, NULL, err);
    if (status == CR_RESOURCE || status == CR_INTERNAL) {
        return status;
    }
    *code = report(cli, v, status, &verdict, err);
    if (status == CR_OK && expect.role == PKI_ROLE_EUICC &&
        !rsp_eid_text_check(chain[0].subject_serial)) {
        (void)fprintf(cli->out, "  note: the check digits of its EID are wrong; SM-DP+ may refuse "
                                "it\n");
    }
    return CR_OK;
}

/* --- GlobalPlatform certificates --- */

static int report_gp(struct cli *cli, const struct verify_values *v, cr_status status,
                     const struct gpcert *cert, const struct cr_err *err)
{
    cr_buf line = {0};
    if (status == CR_OK) {
        gpcert_summary(cert, &line);
        (void)fprintf(cli->out, "%s is valid: %.*s\n", v->cert, (int)line.n, (const char *)line.p);
        cr_buf_free(&line);
        return CLI_OK;
    }
    (void)fprintf(cli->out, "%s is not valid: %s\n  cause:       %s\n", v->cert,
                  pki_problem_name((enum pki_problem)err->code), err->cause);
    if (err->field[0]) {
        (void)fprintf(cli->out, "  field:       %s\n", err->field);
    }
    if (err->clause[0]) {
        (void)fprintf(cli->out, "  rule:        %s\n", err->clause);
    }
    return CLI_NEGATIVE;
}

static cr_status verify_gp(struct cli *cli, const struct verify_values *v, enum gpcert_role role,
                           int64_t now_ms, struct pki_trust *trust, int *code, struct cr_err *err)
{
    struct gpcert cert;
    struct pki_cert eum;
    cr_span der;
    const struct gpcert_expect expect = {.role = role, .now_ms = now_ms};
    for (size_t i = 0; i < v->trust.count; i++) {
        CR_TRY(cli_trust_add(cli, v->trust.items[i], trust, err));
    }
    CR_TRY(cli_input_der(cli, v->cert, &der, err));
    cr_status status = gpcert_decode(der, &cert, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", v->cert);
    }
    if (role == GPCERT_ROLE_NONE) {
        CR_TRY(cli_cert_load(cli, v->chain.items[0], &eum, err));
        status = gpcert_verify_ecasd(&cert, &eum, trust, cert.subject, now_ms, NULL, err);
    } else {
        status = gpcert_verify_server(&cert, trust, &expect, NULL, err);
    }
    if (status == CR_RESOURCE || status == CR_INTERNAL) {
        return status;
    }
    *code = report_gp(cli, v, status, &cert, err);
    return CR_OK;
}

static int verify_run(struct cli *cli, const void *values)
{
    const struct verify_values *v = values;
    struct cr_err err;
    int code = CLI_FAILED;
    if (v->chain.count + 1 > PKI_MAX_CHAIN) {
        return cli_usage(cli, "a chain has at most %d certificates without the CI", PKI_MAX_CHAIN);
    }
    enum gpcert_role role = GPCERT_ROLE_NONE;
    bool gp = gpcert_role_from_name(cr_span_str(v->role), &role);
    if (gp && v->chain.count != (role == GPCERT_ROLE_NONE ? 1U : 0U)) {
        return cli_usage(cli, "%s",
                         role == GPCERT_ROLE_NONE
                             ? "a certificate of an ECASD needs that of its EUM behind it"
                             : "above a certificate of this role is the CI only");
    }
    int64_t at_ms = cr_now_ms(cli->env);
    if (v->at && cli_time(v->at, at_ms, &at_ms, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    struct pki_trust *trust = pki_trust_new();
    if (!trust) {
        return cli_fail_memory(cli);
    }
    cr_status status = gp ? verify_gp(cli, v, role, v->no_clock ? 0 : at_ms, trust, &code, &err)
                          : verify(cli, v, at_ms, trust, &code, &err);
    if (status != CR_OK) {
        code = cli_fail(cli, &err, false);
    }
    pki_trust_free(trust);
    return code;
}

#define FIELD(member) .offset = offsetof(struct verify_values, member)

static const struct cli_option arguments[] = {
    {.name = "CERT",
     .kind = CLI_STRING,
     .help = "The certificate in question.",
     .required = true,
     FIELD(cert)},
    {.name = "CHAIN",
     .kind = CLI_LIST,
     .help = "Its issuers upwards, without the CI (for an eUICC and an ECASD: the EUM).",
     FIELD(chain)},
};

static const struct cli_option options[] = {
    {.name = "trust",
     .kind = CLI_LIST,
     .metavar = "DIR|FILE",
     .help = "Whom to believe: a directory of 'crisp pki init', or a file with CI certificates or "
             "CRLs.",
     .required = true,
     FIELD(trust)},
    {.name = "role",
     .kind = CLI_STRING,
     .metavar = "ROLE",
     .help = "What it has to be; none: a certificate without a role policy, as operators have.",
     .one_of = role_words,
     .required = true,
     FIELD(role)},
    {.name = "dns",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Host name or address that a TLS certificate has to be for.",
     FIELD(dns)},
    {.name = "client",
     .kind = CLI_FLAG,
     .help = "The certificate is used by a TLS client instead of a server.",
     FIELD(client)},
    {.name = "at",
     .kind = CLI_STRING,
     .metavar = "TIME",
     .help = "Verify as of this time (2026-12-31T00:00:00Z, or 30d from now) instead of now.",
     FIELD(at)},
    {.name = "no-clock",
     .kind = CLI_FLAG,
     .help = "Do not look at dates, as a chip without a clock.",
     FIELD(no_clock)},
};

const struct cli_command cli_pki_verify = {
    .name = "verify",
    .summary = "verify a certificate chain",
    .description =
        "Checks signatures, validity, key usage, role policy, the EID range of the EUM and "
        "revocation, as SM-DP+ and eUICC do (SGP.22 4.5.2). m2m-dp, m2m-sr and ecasd are "
        "GlobalPlatform certificates, verified as SM-SR, SM-DP and eUICC of SGP.02 do. The exit "
        "status is 4 when the chain is not valid.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct verify_values),
    .run = verify_run,
    .examples = "# the chain of a chip\n"
                "crisp pki verify --trust pki --role euicc euicc.der pki/nist/eum.der\n"
                "# what an SM-SR hands to a chip\n"
                "crisp pki verify --trust pki --role m2m-sr pki/nist/m2msr.gp",
};
