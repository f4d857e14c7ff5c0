/*
 * crisp pki revoke: certificates put on the CRL of their CI.
 */
#include "cli/pki.h"

#include "pki/hierarchy.h"

struct revoke_values {
    const char *dir;
    struct cli_list certs;
};

static bool issued_by(struct cli *cli, const char *dir, enum crypto_curve curve, const char *name,
                      const struct pki_cert *cert)
{
    struct pki_cert issuer;
    return pki_hierarchy_load(dir, curve, name, &cli->arena, &issuer, NULL, NULL) == CR_OK &&
           cr_span_present(cert->aki) && cr_span_equal(cert->aki, issuer.ski);
}

static cr_status revoke(struct cli *cli, const char *dir, const char *path, struct cr_err *err)
{
    struct pki_cert cert;
    CR_TRY(cli_cert_load(cli, path, &cert, err));
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        enum crypto_curve curve = (enum crypto_curve)c;
        if (issued_by(cli, dir, curve, "ci", &cert)) {
            CR_TRY(pki_hierarchy_revoke(dir, curve, &cert.serial, 1, cli->env, err));
            (void)fprintf(cli->out, "%s is revoked: %s/%s/ci.crl lists it\n", path, dir,
                          pki_hierarchy_curve_dir(curve));
            return CR_OK;
        }
        if (issued_by(cli, dir, curve, "eum", &cert)) {
            cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 4.6",
                                       "%s is the certificate of an eUICC: no CRL lists it", path);
            return cr_err_next(err, status, "revoke the certificate of its EUM (%s/%s/eum.der)",
                               dir, pki_hierarchy_curve_dir(curve));
        }
    }
    cr_status status = cr_fail(err, CR_REFUSED, NULL, "%s was not issued by a CI in %s", path, dir);
    return cr_err_next(err, status, "name the directory whose CI issued it");
}

static int revoke_run(struct cli *cli, const void *values)
{
    const struct revoke_values *v = values;
    for (size_t i = 0; i < v->certs.count; i++) {
        struct cr_err err;
        if (revoke(cli, v->dir, v->certs.items[i], &err) != CR_OK) {
            return cli_fail(cli, &err, false);
        }
    }
    return CLI_OK;
}

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Directory made by 'crisp pki init'.",
     .required = true,
     .offset = offsetof(struct revoke_values, dir)},
    {.name = "CERT",
     .kind = CLI_LIST,
     .help = "Certificate to revoke, issued by a CI of the directory.",
     .required = true,
     .offset = offsetof(struct revoke_values, certs)},
};

const struct cli_command cli_pki_revoke = {
    .name = "revoke",
    .summary = "put certificates on the CRL",
    .description = "Adds the certificates to the list of their CI (DIR/CURVE/ci.crl) and issues it "
                   "anew. Servers read the list when they start.",
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct revoke_values),
    .run = revoke_run,
    .examples = "# no chip of this EUM is believed any more\n"
                "crisp pki revoke pki pki/nist/eum.der",
};
