/*
 * crisp decode: what these bytes are.
 */
#include "cli/decode.h"

#include "cli/input.h"

#include "base/text.h"
#include "rsp/messages.h"

#include <stdlib.h>
#include <strings.h>

struct decode_values {
    const char *file, *type, *kic, *kid;
    bool json, types;
};

/* Types beside the messages of SGP.22. */
static const struct {
    const char *name, *remark;
} other_types[] = {
    {"Certificate", "X.509"},
    {"CRL", "X.509"},
    {"GPCertificate", "GlobalPlatform, 7F21"},
    {"ProfilePackage", "elements of a profile package"},
    {"ActivationCode", "SGP.22 4.1"},
    {"TLV", "any TLVs, as a tree of tags"},
};

static bool is_type(const struct cli_decoder *d, const char *name)
{
    return d->type && strcasecmp(d->type, name) == 0;
}

/* Number of a kind of short messages, packets or scripts; SIZE_MAX when it is none. */
static size_t ota_type(const char *type)
{
    const char *name;
    const char *remark;
    for (size_t i = 0; cli_decode_ota_type(i, &name, &remark); i++) {
        if (strcasecmp(name, type) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool is_toolkit(const char *name)
{
    const char *known;
    for (size_t i = 0; cli_decode_toolkit_type(i, &known); i++) {
        if (strcasecmp(known, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool type_known(const char *name)
{
    for (size_t i = 0; i < CR_COUNT(other_types); i++) {
        if (strcasecmp(other_types[i].name, name) == 0) {
            return true;
        }
    }
    return ota_type(name) < SIZE_MAX || is_toolkit(name) ||
           rsp_message_by_name(cr_span_str(name)) != NULL;
}

static int print_types(struct cli *cli)
{
    for (size_t i = 0; i < CR_COUNT(other_types); i++) {
        (void)fprintf(cli->out, "%-40s %s\n", other_types[i].name, other_types[i].remark);
    }
    const char *name;
    const char *remark;
    for (size_t i = 0; cli_decode_ota_type(i, &name, &remark); i++) {
        (void)fprintf(cli->out, "%-40s %s\n", name, remark);
    }
    for (size_t i = 0; cli_decode_toolkit_type(i, &name); i++) {
        if (ota_type(name) == SIZE_MAX) {
            (void)fprintf(cli->out, "%-40s TS 102 223\n", name);
        }
    }
    for (size_t i = 0; i < rsp_message_count; i++) {
        (void)fprintf(cli->out, "%-40s %s, tag %X\n", rsp_messages[i].name,
                      rsp_messages[i].interface, rsp_messages[i].tag);
    }
    return CLI_OK;
}

static cr_status decode_pem(struct cli_decoder *d, cr_span text, struct cr_err *err)
{
    cr_span label;
    cr_span base64;
    size_t blocks = 0;
    while (cli_pem_next(&text, &label, &base64)) {
        cr_span der;
        blocks++;
        if (memmem(label.p, label.n, "PRIVATE KEY", 11)) {
            cli_decode_head(d, "private key", "not shown");
            continue;
        }
        CR_TRY(cli_input_bytes(&d->cli->arena, base64, &der, err));
        CR_TRY(cli_decode_tlvs(d, der, err));
    }
    return blocks ? CR_OK : cr_fail(err, CR_MALFORMED, NULL, "the PEM block has no end");
}

/* Anything of SMS or OTA that can be told by looking. */
static bool decode_ota(struct cli_decoder *d, cr_span bytes)
{
    const char *name;
    const char *remark;
    for (size_t i = 0; cli_decode_ota_type(i, &name, &remark); i++) {
        if (cli_decode_ota(d, i, true, bytes)) {
            return true;
        }
    }
    return false;
}

/* As the type that --type names. An ENVELOPE is of both: one with a short message is shown with
 * what is inside, any other as the toolkit's. */
static bool decode_as(struct cli_decoder *d, cr_span bytes)
{
    size_t ota = ota_type(d->type);
    return (ota < SIZE_MAX && cli_decode_ota(d, ota, false, bytes)) ||
           (is_toolkit(d->type) && cli_decode_toolkit(d, bytes));
}

static cr_status decode_bytes(struct cli_decoder *d, cr_span bytes, struct cr_err *err)
{
    if (is_type(d, "ProfilePackage")) {
        return cli_decode_package(d, bytes)
                   ? CR_OK
                   : cr_fail(err, CR_MALFORMED, NULL, "this is no profile package");
    }
    if (!d->type && (cli_decode_package(d, bytes) || decode_ota(d, bytes) ||
                     cli_decode_toolkit(d, bytes) || cli_decode_apdu(d, bytes))) {
        return CR_OK;
    }
    if (d->type && (ota_type(d->type) < SIZE_MAX || is_toolkit(d->type))) {
        return decode_as(d, bytes) ? CR_OK
                                   : cr_fail(err, CR_MALFORMED, NULL, "this is no %s", d->type);
    }
    return cli_decode_tlvs(d, bytes, err);
}

static cr_status decode_content(struct cli_decoder *d, cr_span content, struct cr_err *err)
{
    cr_span bytes;
    enum cli_form form = cli_form_of(content);
    if (is_type(d, "ActivationCode") ||
        (form == CLI_FORM_TEXT && !d->type && memchr(content.p, '$', content.n))) {
        return cli_decode_activation_code(d, content, err);
    }
    switch (form) {
    case CLI_FORM_PEM:
        return decode_pem(d, content, err);
    case CLI_FORM_JSON:
        return cli_decode_json(d, content, err);
    case CLI_FORM_TEXT: {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL,
                                   "this is a text that is neither hex, "
                                   "base64, PEM, JSON nor an activation "
                                   "code");
        return cr_err_next(err, status, "give the bytes of a message in one of these forms");
    }
    case CLI_FORM_HEX:
    case CLI_FORM_BASE64:
    case CLI_FORM_BINARY:
        break;
    }
    cr_status status = cli_input_bytes(&d->cli->arena, content, &bytes, err);
    if (status == CR_OK) {
        status = decode_bytes(d, bytes, err);
    }
    return status == CR_OK ? CR_OK
                           : cr_err_context(err, status, "taken for %s", cli_form_name(form));
}

/* One object for one thing, an array for several. */
static void put_array(struct cli *cli, json_t *array)
{
    const json_t *what = json_array_size(array) == 1 ? json_array_get(array, 0) : array;
    char *text = json_dumps(what, JSON_INDENT(2));
    (void)fprintf(cli->out, "%s\n", text ? text : "[]");
    free(text);
}

static int decode_run(struct cli *cli, const void *values)
{
    const struct decode_values *v = values;
    struct cr_err err;
    cr_span content;
    if (v->types) {
        return print_types(cli);
    }
    if (!v->file) {
        return cli_usage(cli, "FILE is missing; '-' is standard input");
    }
    if (v->type && !type_known(v->type)) {
        return cli_usage(cli, "there is no type '%s'; --types lists them", v->type);
    }
    struct cli_decoder d = {.cli = cli,
                            .type = v->type,
                            .kic = v->kic,
                            .kid = v->kid,
                            .array = v->json ? json_array() : NULL};
    cr_status status = cli_input_read(cli, v->file, &content, &err);
    if (status == CR_OK) {
        status = decode_content(&d, content, &err);
        if (status != CR_OK) {
            (void)cr_err_context(&err, status, "%s",
                                 strcmp(v->file, "-") == 0 ? "standard input" : v->file);
        }
    }
    if (d.array && (status == CR_OK || json_array_size(d.array) > 0)) {
        put_array(cli, d.array);
    } else {
        (void)fwrite(d.text.p ? (const char *)d.text.p : "", 1, d.text.n, cli->out);
    }
    json_decref(d.array);
    cr_buf_free(&d.text);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct decode_values, member)

static const struct cli_option arguments[] = {
    {.name = "FILE",
     .kind = CLI_STRING,
     .help = "Message in DER, hex, base64, PEM or JSON; '-' is standard input.",
     FIELD(file)},
};

static const struct cli_option options[] = {
    {.name = "type",
     .letter = 't',
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Take it for this type instead of finding out.",
     FIELD(type)},
    {.name = "kic",
     .kind = CLI_STRING,
     .metavar = "KEY",
     .help = "Key in hex that deciphers a secured packet.",
     FIELD(kic)},
    {.name = "kid",
     .kind = CLI_STRING,
     .metavar = "KEY",
     .help = "Key in hex that verifies a secured packet.",
     FIELD(kid)},
    {.name = "types", .kind = CLI_FLAG, .help = "List the names for --type.", FIELD(types)},
    {.name = "json", .kind = CLI_FLAG, .help = "Print JSON.", FIELD(json)},
};

const struct cli_command cli_decode = {
    .name = "decode",
    .summary = "explain messages, certificates, profile packages and activation codes",
    .description =
        "Explains any message of SGP.22: ASN.1 of all interfaces, alone or several behind each "
        "other, JSON bodies of ES9+ and ES2+ with what is inside, STORE DATA commands and their "
        "answers, certificates, CRLs, profile packages and activation codes; what a card's toolkit "
        "and a terminal say to each other (proactive commands, TERMINAL RESPONSE, ENVELOPE, "
        "TERMINAL PROFILE); and what travels to a card by radio: short messages, secured packets "
        "(opened with their keys) and scripts of remote commands. Names are those of the "
        "standards. The form of the input is found out by looking.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct decode_values),
    .run = decode_run,
    .examples = "# a message from a log\n"
                "echo BF3E125A1089049032123451234512345678901235 | crisp decode -\n"
                "# the body of an HTTP request\n"
                "crisp decode authenticateClient.json\n"
                "# a short message to a card, its packet opened\n"
                "crisp decode --kic 000102030405060708090A0B0C0D0E0F"
                " --kid 101112131415161718191A1B1C1D1E1F deliver.hex",
};
