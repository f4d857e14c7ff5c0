/*
 * crisp pki: certificates.
 */
#include "cli/pki.h"

#include "cli/input.h"

#include "base/text.h"
#include "pki/hierarchy.h"

#include <sys/stat.h>

const char *const cli_curve_words[] = {"nist", "brainpool", NULL};

cr_status cli_cert_load(struct cli *cli, const char *path, struct pki_cert *out, struct cr_err *err)
{
    cr_span der;
    CR_TRY(cli_input_der(cli, path, &der, err));
    cr_status status =
        gpcert_is(der) ? cr_fail(err, CR_MALFORMED, NULL,
                                 "a GlobalPlatform certificate (7F21) where an X.509 one is wanted")
                       : pki_cert_decode(der, out, err);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
}

static cr_status add_der(struct pki_trust *trust, cr_span der, bool crl, struct cr_err *err)
{
    return crl ? pki_trust_add_crl(trust, der, err) : pki_trust_add_ci(trust, der, err);
}

static cr_status add_pem(struct cli *cli, cr_span text, struct pki_trust *trust, struct cr_err *err)
{
    cr_span label;
    cr_span base64;
    size_t added = 0;
    while (cli_pem_next(&text, &label, &base64)) {
        bool crl = cr_span_equal(label, cr_span_str("X509 CRL"));
        if (!crl && !cr_span_equal(label, cr_span_str("CERTIFICATE"))) {
            continue;
        }
        cr_span der;
        CR_TRY(cli_input_bytes(&cli->arena, base64, &der, err));
        CR_TRY(add_der(trust, der, crl, err));
        added++;
    }
    return added ? CR_OK : cr_fail(err, CR_MALFORMED, NULL, "there is no certificate in it");
}

static cr_status add_file(struct cli *cli, const char *path, struct pki_trust *trust,
                          struct cr_err *err)
{
    cr_span content;
    cr_span der;
    struct pki_crl crl;
    CR_TRY(cli_input_read(cli, path, &content, err));
    cr_status status = CR_OK;
    if (cli_form_of(content) == CLI_FORM_PEM) {
        status = add_pem(cli, content, trust, err);
    } else {
        status = cli_input_bytes(&cli->arena, content, &der, err);
        if (status == CR_OK) {
            status = add_der(trust, der, pki_crl_decode(der, &crl, NULL) == CR_OK, err);
        }
    }
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
}

cr_status cli_trust_add(struct cli *cli, const char *path, struct pki_trust *trust,
                        struct cr_err *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return pki_hierarchy_trust(path, trust, err);
    }
    return add_file(cli, path, trust, err);
}

static const struct cli_command *const children[] = {
    &cli_pki_init,   &cli_pki_issue, &cli_pki_show,        &cli_pki_verify,
    &cli_pki_revoke, &cli_pki_crl,   &cli_pki_m2m_parties, NULL,
};

const struct cli_command cli_pki = {
    .name = "pki",
    .summary = "make, read and check certificates",
    .description =
        "Certificates of Remote SIM Provisioning as SGP.22 4.5 and SGP.26 profile them: a complete "
        "test hierarchy on both curves, single certificates of every role, verification as the "
        "parties do it, revocation; the GlobalPlatform certificates of SGP.02, and the parties of "
        "a "
        "lab with their TLS certificates.",
    .children = children,
};
