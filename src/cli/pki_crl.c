/*
 * crisp pki crl: the CRLs of a directory, shown and renewed.
 */
#include "cli/pki.h"

#include "cli/cert_text.h"
#include "cli/input.h"
#include "pki/hierarchy.h"

struct crl_values {
    const char *dir;
    bool renew;
};

static cr_status show(struct cli *cli, const char *path, struct cr_err *err)
{
    cr_span der;
    struct pki_crl crl;
    cr_buf text = {0};
    CR_TRY(cli_input_der(cli, path, &der, err));
    CR_TRY(pki_crl_decode(der, &crl, err));
    cli_crl_text(&crl, 2, cr_now_ms(cli->env), &text);
    (void)fprintf(cli->out, "%s\n%.*s", path, (int)text.n, (const char *)text.p);
    cr_buf_free(&text);
    return CR_OK;
}

static cr_status crl_of(struct cli *cli, const struct crl_values *v, enum crypto_curve curve,
                        struct cr_err *err)
{
    if (v->renew) {
        CR_TRY(pki_hierarchy_revoke(v->dir, curve, NULL, 0, cli->env, err));
    }
    const char *path =
        cr_arena_printf(&cli->arena, "%s/%s/ci.crl", v->dir, pki_hierarchy_curve_dir(curve));
    if (!path) {
        return cr_fail_memory(err);
    }
    cr_status status = show(cli, path, err);
    return status == CR_OK ? CR_OK : cr_err_next(err, status, "make it anew with --renew");
}

static int crl_run(struct cli *cli, const void *values)
{
    const struct crl_values *v = values;
    struct cr_err err;
    size_t found = 0;
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        if (!pki_hierarchy_has(v->dir, (enum crypto_curve)c)) {
            continue;
        }
        found++;
        if (crl_of(cli, v, (enum crypto_curve)c, &err) != CR_OK) {
            return cli_fail(cli, &err, false);
        }
    }
    if (found == 0) {
        (void)pki_hierarchy_absent(v->dir, &err);
        return cli_fail(cli, &err, false);
    }
    return CLI_OK;
}

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Directory made by 'crisp pki init'.",
     .required = true,
     .offset = offsetof(struct crl_values, dir)},
};

static const struct cli_option options[] = {
    {.name = "renew",
     .kind = CLI_FLAG,
     .help = "Issue the lists anew first: next number, valid for a year from now.",
     .offset = offsetof(struct crl_values, renew)},
};

const struct cli_command cli_pki_crl = {
    .name = "crl",
    .summary = "show and renew the CRLs of a directory",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct crl_values),
    .run = crl_run,
};
