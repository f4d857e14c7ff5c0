/*
 * crisp pki show: certificates and CRLs, readable.
 */
#include "cli/pki.h"

#include "cli/cert_text.h"
#include "cli/input.h"
#include "cli/json_line.h"

struct show_values {
    struct cli_list files;
    bool json;
};

static cr_status show_der(struct cli *cli, cr_span der, const char *path, bool json,
                          struct cr_err *err)
{
    struct pki_cert cert;
    struct pki_crl crl;
    cr_buf text = {0};
    int64_t now = cr_now_ms(cli->env);
    struct gpcert gp;
    bool is_gp = gpcert_is(der);
    bool is_crl = !is_gp && pki_crl_decode(der, &crl, NULL) == CR_OK;
    if (is_gp) {
        CR_TRY(gpcert_decode(der, &gp, err));
    } else if (!is_crl) {
        CR_TRY(pki_cert_decode(der, &cert, err));
    }
    if (json) {
        json_t *line = is_gp    ? cli_gpcert_json(&gp)
                       : is_crl ? cli_crl_json(&crl)
                                : cli_cert_json(&cert);
        cli_json_text(line, "file", path);
        cli_put_json(cli, line);
        return CR_OK;
    }
    if (is_gp) {
        cli_gpcert_text(&gp, 2, now, &text);
    } else if (is_crl) {
        cli_crl_text(&crl, 2, now, &text);
    } else {
        cli_cert_text(&cert, 2, now, &text);
    }
    (void)fprintf(cli->out, "%s: %s\n%.*s", path,
                  is_gp    ? "GlobalPlatform certificate"
                  : is_crl ? "CRL"
                           : "certificate",
                  (int)text.n, (const char *)text.p);
    cr_buf_free(&text);
    return CR_OK;
}

static cr_status show_file(struct cli *cli, const char *path, bool json, struct cr_err *err)
{
    cr_span content;
    cr_span der;
    CR_TRY(cli_input_read(cli, path, &content, err));
    if (cli_form_of(content) != CLI_FORM_PEM) {
        CR_TRY(cli_input_bytes(&cli->arena, content, &der, err));
        return show_der(cli, der, path, json, err);
    }
    cr_span label;
    cr_span base64;
    size_t shown = 0;
    while (cli_pem_next(&content, &label, &base64)) {
        if (!memmem(label.p, label.n, "KEY", 3) && !memmem(label.p, label.n, "PARAMETERS", 10)) {
            CR_TRY(cli_input_bytes(&cli->arena, base64, &der, err));
            CR_TRY(show_der(cli, der, path, json, err));
            shown++;
        }
    }
    return shown ? CR_OK : cr_fail(err, CR_MALFORMED, NULL, "there is no certificate in it");
}

static int show_run(struct cli *cli, const void *values)
{
    const struct show_values *v = values;
    int code = CLI_OK;
    for (size_t i = 0; i < v->files.count; i++) {
        struct cr_err err;
        cr_status status = show_file(cli, v->files.items[i], v->json, &err);
        if (status != CR_OK) {
            if (!strstr(err.cause, v->files.items[i])) {
                (void)cr_err_context(&err, status, "%s", v->files.items[i]);
            }
            code = cli_fail(cli, &err, v->json);
        }
    }
    return code;
}

static const struct cli_option arguments[] = {
    {.name = "FILE",
     .kind = CLI_LIST,
     .help = "Certificate (X.509 or GlobalPlatform's 7F21) or CRL: DER, PEM, hex or base64; '-' is "
             "standard input.",
     .required = true,
     .offset = offsetof(struct show_values, files)},
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "A JSON object for each, one a line.",
     .offset = offsetof(struct show_values, json)},
};

const struct cli_command cli_pki_show = {
    .name = "show",
    .summary = "print certificates and CRLs readably",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct show_values),
    .run = show_run,
    .examples = "# what 'crisp pki init' made\ncrisp pki show pki/nist/*.der pki/nist/ci.crl",
};
