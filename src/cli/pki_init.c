/*
 * crisp pki init: a directory with a complete test hierarchy.
 */
#include "cli/pki.h"

#include "asn1/der.h"
#include "base/text.h"
#include "pki/hierarchy.h"
#include "rsp/ids.h"

struct init_values {
    const char *dir, *host, *ds_host, *operator_name, *ein, *dp_oid, *ds_oid, *eum_oid, *crl_url;
    const char *ci_cert_nist, *ci_key_nist, *ci_cert_brainpool, *ci_key_brainpool;
    struct cli_list extra_names;
    bool force;
};

static bool is_name(const char *text)
{
    return !strpbrk(text, " \t/\\@") && cr_utf8_valid(cr_span_str(text));
}

/* "89049032,8903302": 1 to 32 digits each. */
static bool is_ein_list(const char *text)
{
    for (;;) {
        size_t n = strcspn(text, ",");
        if (n > RSP_EID_DIGITS || !cr_is_digits(cr_span_of(text, n))) {
            return false;
        }
        if (text[n] == 0) {
            return true;
        }
        text += n + 1;
    }
}

static bool is_oid(const char *text)
{
    cr_buf contents = {0};
    cr_status status = der_oid_from_text(&contents, cr_span_str(text), NULL);
    cr_buf_free(&contents);
    return status == CR_OK;
}

/* What the certificates could not say is said in the words of the command line. */
static int check_values(struct cli *cli, const struct init_values *v)
{
    const struct {
        const char *option, *value, *is_no;
        bool fine;
    } rows[] = {
        {"host", v->host, "host name", is_name(v->host)},
        {"ds-host", v->ds_host, "host name", is_name(v->ds_host)},
        {"ein", v->ein, "list of first digits of EIDs", is_ein_list(v->ein)},
        {"oid", v->dp_oid, "OID (2.999.10)", is_oid(v->dp_oid)},
        {"ds-oid", v->ds_oid, "OID (2.999.15)", is_oid(v->ds_oid)},
        {"eum-oid", v->eum_oid, "OID (2.999.5)", is_oid(v->eum_oid)},
        {"crl-url", v->crl_url, "URL", strstr(v->crl_url, "://") != NULL},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (!rows[i].fine) {
            return cli_usage(cli, "--%s '%s' is no %s", rows[i].option, rows[i].value,
                             rows[i].is_no);
        }
    }
    for (size_t i = 0; i < v->extra_names.count; i++) {
        if (!is_name(v->extra_names.items[i])) {
            return cli_usage(cli, "--extra-name '%s' is no host name and no IP address",
                             v->extra_names.items[i]);
        }
    }
    if (!v->ci_cert_nist != !v->ci_key_nist) {
        return cli_usage(cli, "--ci-cert-nist and --ci-key-nist go together");
    }
    if (!v->ci_cert_brainpool != !v->ci_key_brainpool) {
        return cli_usage(cli, "--ci-cert-brainpool and --ci-key-brainpool go together");
    }
    return CLI_OK;
}

static int init_run(struct cli *cli, const void *values)
{
    const struct init_values *v = values;
    struct pki_hierarchy_options options = {
        .ci_cert = {[CRYPTO_P256] = v->ci_cert_nist, [CRYPTO_BRAINPOOL] = v->ci_cert_brainpool},
        .ci_key = {[CRYPTO_P256] = v->ci_key_nist, [CRYPTO_BRAINPOOL] = v->ci_key_brainpool},
        .dp_host = v->host,
        .ds_host = v->ds_host,
        .operator_name = v->operator_name,
        .ein_prefix = v->ein,
        .dp_oid = v->dp_oid,
        .ds_oid = v->ds_oid,
        .eum_oid = v->eum_oid,
        .force = v->force,
        .crl_url = v->crl_url,
        .extra_names = v->extra_names.items,
    };
    int code = check_values(cli, v);
    if (code != CLI_OK) {
        return code;
    }
    struct cr_err err;
    cr_status status = pki_hierarchy_init(v->dir, &options, cli->env, &err);
    if (status != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    (void)fprintf(
        cli->out,
        "%s holds a test hierarchy on NIST P-256 and brainpoolP256r1:\n"
        "  nist, brainpool   CI, EUM, DPauth, DPpb, DSauth with their keys, and the CRL;\n"
        "                    m2mdp.gp, m2msr.gp: SM-DP and SM-SR for chips of SGP.02\n"
        "  nist              TLS of the SM-DP+ (%s) and of the SM-DS (%s),\n"
        "                    client certificate of the operator '%s'\n"
        "  EIDs begin with   %s\n"
        "The keys are for tests: whoever has the directory can issue what these CIs "
        "vouch for.\n",
        v->dir, v->host, v->ds_host, v->operator_name, v->ein);
    return CLI_OK;
}

#define FIELD(member) .offset = offsetof(struct init_values, member)

static const struct cli_option arguments[] = {
    {.name = "DIR", .kind = CLI_STRING, .help = "Directory to make.", .required = true, FIELD(dir)},
};

static const struct cli_option options[] = {
    {.name = "host",
     .kind = CLI_STRING,
     .metavar = "FQDN",
     .help = "Host name of the SM-DP+: in its TLS certificate and in activation codes.",
     .fallback = PKI_DEFAULT_DP_HOST,
     FIELD(host)},
    {.name = "ds-host",
     .kind = CLI_STRING,
     .metavar = "FQDN",
     .help = "Host name of the SM-DS.",
     .fallback = PKI_DEFAULT_DS_HOST,
     FIELD(ds_host)},
    {.name = "extra-name",
     .kind = CLI_LIST,
     .metavar = "NAME",
     .help = "One more host name or IP address in the TLS certificates of SM-DP+ and SM-DS "
             "(localhost, 127.0.0.1).",
     FIELD(extra_names)},
    {.name = "operator",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Name of the operator that gets a client certificate for ES2+.",
     .fallback = PKI_DEFAULT_OPERATOR,
     FIELD(operator_name)},
    {.name = "ein",
     .kind = CLI_STRING,
     .metavar = "DIGITS",
     .help = "First digits of the EIDs that the EUM may issue; several divided by commas.",
     .fallback = PKI_DEFAULT_EIN_PREFIX,
     FIELD(ein)},
    {.name = "oid",
     .kind = CLI_STRING,
     .metavar = "OID",
     .help = "OID of the SM-DP+ (registeredID of its certificates).",
     .fallback = PKI_DEFAULT_DP_OID,
     FIELD(dp_oid)},
    {.name = "ds-oid",
     .kind = CLI_STRING,
     .metavar = "OID",
     .help = "OID of the SM-DS.",
     .fallback = PKI_DEFAULT_DS_OID,
     FIELD(ds_oid)},
    {.name = "eum-oid",
     .kind = CLI_STRING,
     .metavar = "OID",
     .help = "OID of the EUM.",
     .fallback = PKI_DEFAULT_EUM_OID,
     FIELD(eum_oid)},
    {.name = "crl-url",
     .kind = CLI_STRING,
     .metavar = "URL",
     .help = "CRL distribution point in every certificate.",
     .fallback = PKI_DEFAULT_CRL_URL,
     FIELD(crl_url)},
    {.name = "ci-cert-nist",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Issue under this CI on NIST P-256 (PEM or DER) instead of making one; its key is "
             "copied into the directory.",
     FIELD(ci_cert_nist)},
    {.name = "ci-key-nist",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Private key of --ci-cert-nist.",
     FIELD(ci_key_nist)},
    {.name = "ci-cert-brainpool",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "The same for the CI on brainpoolP256r1.",
     FIELD(ci_cert_brainpool)},
    {.name = "ci-key-brainpool",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Private key of --ci-cert-brainpool.",
     FIELD(ci_key_brainpool)},
    {.name = "force",
     .kind = CLI_FLAG,
     .help = "Overwrite the set that is in the directory.",
     FIELD(force)},
};

const struct cli_command cli_pki_init = {
    .name = "init",
    .summary = "make a complete test hierarchy",
    .description =
        "Makes a directory with a CI, an EUM, and the certificates and keys of an SM-DP+, an SM-DS "
        "and an operator after SGP.26, on both curves, and what SM-DP and SM-SR of SGP.02 show to "
        "chips (CERT.DP.ECDSA, CERT.SR.ECDSA). 'crisp smdpp serve --pki' and 'crisp euicc "
        "create --pki' take their identities from it.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct init_values),
    .run = init_run,
    .examples = "# a set for a server on this machine\n"
                "crisp pki init pki --host smdpp.test --extra-name localhost --extra-name "
                "127.0.0.1\n"
                "# certificates that chips with the SGP.26 test CI believe\n"
                "crisp pki init pki --ci-cert-nist CERT_CI_ECDSA_NIST.pem --ci-key-nist "
                "SK_CI_ECDSA_NIST.pem",
};
