/*
 * crisp pki issue: one certificate of any role.
 */
#include "cli/pki.h"

#include "base/text.h"
#include "pki/hierarchy.h"
#include "rsp/ids.h"
#include "rsp/types.h"

#define DAY_MS   ((int64_t)86400000)
#define MAX_DAYS 2000000
#define OPERATOR "operator"
#define PARTY    "party"

struct issue_values {
    const char *dir, *role, *curve, *name, *eid, *cn, *organization, *oid, *ein, *issuer, *crl_url;
    struct cli_list dns;
    int64_t days;
    bool v3, force;
};

/* The words of pki_role_name() that can be issued, the certificates of operators (client) and of
 * parties of SGP.02 (client and server), and GlobalPlatform certificates. */
static const char *const role_words[] = {
    "ci-subca", "eum",    "eum-subca", "euicc",  "dp-subca", "dp-tls",
    "dp-auth",  "dp-pb",  "ds-subca",  "ds-tls", "ds-auth",  OPERATOR,
    PARTY,      "m2m-dp", "m2m-sr",    "ecasd",  NULL,
};

static struct pki_request request_of(const struct cli *cli, const struct issue_values *v)
{
    struct pki_request r = {
        .role = pki_role_from_name(cr_span_str(v->role)),
        .operator_tls = strcmp(v->role, OPERATOR) == 0 || strcmp(v->role, PARTY) == 0,
        .common_name = v->cn,
        .organization = v->organization,
        .eid = v->eid,
        .ein_prefix = v->ein,
        .registered_id = v->oid,
        .dns_names = v->dns.items,
        .crl_url = v->crl_url,
        .v3 = v->v3,
    };
    if (v->days) {
        r.not_before_ms = cr_now_ms(cli->env) / 1000 * 1000 - 3600 * 1000;
        r.not_after_ms = r.not_before_ms + v->days * DAY_MS - 1000;
    }
    return r;
}

static bool has_x509_options(const struct issue_values *v)
{
    return v->cn || v->organization || v->oid || v->ein || v->issuer || v->crl_url || v->v3 ||
           v->dns.count > 0;
}

/* What the role needs and the command line can say better than the issuer. */
static int check(struct cli *cli, const struct issue_values *v)
{
    enum gpcert_role role;
    bool gp = gpcert_role_from_name(cr_span_str(v->role), &role);
    bool euicc = strcmp(v->role, "euicc") == 0 || (gp && role == GPCERT_ROLE_NONE);
    bool eum = strncmp(v->role, "eum", 3) == 0;
    if (euicc && !v->eid) {
        return cli_usage(cli, "a certificate of an eUICC needs --eid");
    }
    if (!euicc && v->eid) {
        return cli_usage(cli, "--eid is for the roles euicc and ecasd only");
    }
    if (!eum && v->ein) {
        return cli_usage(cli, "--ein is for the roles eum and eum-subca only");
    }
    if (gp && has_x509_options(v)) {
        return cli_usage(cli, "a GlobalPlatform certificate has --eid, --days and --curve only");
    }
    if (!euicc && !gp && !v->cn) {
        return cli_usage(cli, "a certificate of the role %s needs --cn", v->role);
    }
    return CLI_OK;
}

/* As `crisp euicc create` has it: no chip may have such an EID. */
static cr_status check_eid(const char *text, struct cr_err *err)
{
    uint8_t eid[RSP_EID];
    CR_TRY(rsp_eid_parse(cr_span_str(text), eid, err));
    return rsp_eid_refuse_bad_check(CR_SPAN_ARRAY(eid), err);
}

static int issue_gp(struct cli *cli, const struct issue_values *v, enum gpcert_role role)
{
    enum crypto_curve curve = crypto_curve_from_name(cr_span_str(v->curve));
    struct pki_gp_request request = {.role = role, .eid = v->eid};
    struct gpcert cert;
    struct cr_err err;
    cr_buf line = {0};
    if (v->days) {
        request.expiry = gpcert_date(cr_now_ms(cli->env) + v->days * DAY_MS);
    }
    cr_status status =
        pki_hierarchy_issue_gp_files(v->dir, curve, v->name, &request, v->force, cli->env, &err);
    if (status == CR_OK) {
        status = pki_hierarchy_load_gp(v->dir, curve, v->name, &cli->arena, &cert, NULL, &err);
    }
    if (status == CR_OK) {
        gpcert_summary(&cert, &line);
        (void)fprintf(cli->out, "%s/%s/%s.gp and .key: %.*s\n", v->dir,
                      pki_hierarchy_curve_dir(curve), v->name, (int)line.n, (const char *)line.p);
    }
    cr_buf_free(&line);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static int issue_run(struct cli *cli, const void *values)
{
    const struct issue_values *v = values;
    int code = check(cli, v);
    if (code != CLI_OK) {
        return code;
    }
    struct cr_err err;
    cr_status status = v->eid ? check_eid(v->eid, &err) : CR_OK;
    if (status != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    enum gpcert_role role;
    if (gpcert_role_from_name(cr_span_str(v->role), &role)) {
        return issue_gp(cli, v, role);
    }
    enum crypto_curve curve = crypto_curve_from_name(cr_span_str(v->curve));
    struct pki_request request = request_of(cli, v);
    const char *tls_names[] = {v->cn, NULL};
    if (!request.dns_names &&
        (request.role == PKI_ROLE_DP_TLS || request.role == PKI_ROLE_DS_TLS)) {
        request.dns_names = tls_names;
    }
    if (request.role == PKI_ROLE_EUICC && !request.common_name) {
        request.common_name = "eUICC";
    }
    status = pki_hierarchy_issue_files(v->dir, curve, v->name, &request, v->issuer, v->force,
                                       cli->env, &err);
    if (status != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    struct pki_cert cert;
    cr_buf line = {0};
    status = pki_hierarchy_load(v->dir, curve, v->name, &cli->arena, &cert, NULL, &err);
    if (status == CR_OK) {
        pki_cert_summary(&cert, &line);
        (void)fprintf(cli->out, "%s/%s/%s.der and .key: %.*s\n", v->dir,
                      pki_hierarchy_curve_dir(curve), v->name, (int)line.n, (const char *)line.p);
    }
    cr_buf_free(&line);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct issue_values, member)

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Directory made by 'crisp pki init'.",
     .required = true,
     FIELD(dir)},
    {.name = "ROLE",
     .kind = CLI_STRING,
     .help = "What the certificate is for.",
     .one_of = role_words,
     .required = true,
     FIELD(role)},
};

static const struct cli_option options[] = {
    {.name = "name",
     .letter = 'n',
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Name of the files: DIR/CURVE/NAME.der (NAME.gp for m2m-dp, m2m-sr and ecasd) and "
             "NAME.key.",
     .required = true,
     FIELD(name)},
    {.name = "curve",
     .kind = CLI_STRING,
     .metavar = "CURVE",
     .help = "Curve of the key and of the CI above.",
     .fallback = "nist",
     .one_of = cli_curve_words,
     FIELD(curve)},
    {.name = "eid",
     .kind = CLI_STRING,
     .metavar = "EID",
     .help = "EID of the eUICC, 32 digits within the range of the EUM.",
     FIELD(eid)},
    {.name = "cn",
     .kind = CLI_STRING,
     .metavar = "TEXT",
     .help = "Common name; of an operator: the name it orders under.",
     FIELD(cn)},
    {.name = "organization",
     .kind = CLI_STRING,
     .metavar = "TEXT",
     .help = "Organisation; for an eUICC that of its EUM unless given.",
     FIELD(organization)},
    {.name = "oid",
     .kind = CLI_STRING,
     .metavar = "OID",
     .help = "Registered id of a server or an EUM.",
     FIELD(oid)},
    {.name = "dns",
     .kind = CLI_LIST,
     .metavar = "NAME",
     .help = "Host name or IP address in a TLS certificate; the common name unless given.",
     FIELD(dns)},
    {.name = "ein",
     .kind = CLI_STRING,
     .metavar = "DIGITS",
     .help = "First digits of the EIDs that an EUM may issue; several divided by commas.",
     FIELD(ein)},
    {.name = "issuer",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Issue with the key of this name in the directory instead of the one that the role "
             "needs (the CI; the EUM for an eUICC).",
     FIELD(issuer)},
    {.name = "crl-url",
     .kind = CLI_STRING,
     .metavar = "URL",
     .help = "CRL distribution point; none unless given.",
     FIELD(crl_url)},
    {.name = "days",
     .kind = CLI_INT,
     .metavar = "DAYS",
     .help = "How long it is valid; what is usual for the role unless given.",
     .min = 1,
     .max = MAX_DAYS,
     FIELD(days)},
    {.name = "v3", .kind = CLI_FLAG, .help = "Role policies of SGP.22 v3.", FIELD(v3)},
    {.name = "force", .kind = CLI_FLAG, .help = "Overwrite files of this name.", FIELD(force)},
};

const struct cli_command cli_pki_issue = {
    .name = "issue",
    .summary = "issue one certificate",
    .description = "Makes a key and issues a certificate for it in a directory of 'crisp pki "
                   "init'. What a verifier would not believe (an EID outside of the EUM's range, "
                   "a role its issuer may not give) is refused, and an EID whose check digits are "
                   "wrong.\n\nFor SGP.02: m2m-dp and m2m-sr are CERT.DP.ECDSA and CERT.SR.ECDSA by "
                   "the CI, ecasd is CERT.ECASD.ECKA by the EUM, GlobalPlatform certificates all "
                   "three; party is the TLS certificate of a server that is a client too.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct issue_values),
    .run = issue_run,
    .examples = "# a client certificate for another operator\n"
                "crisp pki issue pki operator --name acme --cn \"ACME Mobile\"\n"
                "# TLS for a second host name\n"
                "crisp pki issue pki dp-tls --name dptls2 --cn rsp.example.org --oid 2.999.10\n"
                "# a second SM-SR for chips of SGP.02, and its TLS certificate in a lab\n"
                "crisp pki issue pki m2m-sr --name m2msr2\n"
                "crisp pki issue lab party --name smsr-3 --cn \"SM-SR 3\" --dns 127.0.0.1",
};
