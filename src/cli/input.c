#include "cli/input.h"

#include "base/file.h"
#include "base/text.h"

#include <ctype.h>

#define PEM_BEGIN "-----BEGIN "
#define PEM_END   "-----END "
#define PEM_DASH  "-----"

const char *cli_form_name(enum cli_form form)
{
    static const char *const names[] = {
        [CLI_FORM_BINARY] = "binary", [CLI_FORM_HEX] = "hex",   [CLI_FORM_BASE64] = "base64",
        [CLI_FORM_PEM] = "PEM",       [CLI_FORM_JSON] = "JSON", [CLI_FORM_TEXT] = "text"};
    return names[form];
}

static cr_span trim(cr_span s)
{
    while (s.n > 0 && isspace(s.p[0])) {
        s = cr_span_sub(s, 1, s.n);
    }
    while (s.n > 0 && isspace(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

static bool all_in(cr_span s, const char *more, int (*kind)(int))
{
    for (size_t i = 0; i < s.n; i++) {
        if (!kind(s.p[i]) && (s.p[i] == 0 || !strchr(more, s.p[i]))) {
            return false;
        }
    }
    return s.n > 0;
}

static bool is_readable(cr_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] < ' ' && !isspace(s.p[i])) || s.p[i] == 0x7F) {
            return false;
        }
    }
    return cr_utf8_valid(s);
}

static bool starts_with(cr_span s, const char *text)
{
    size_t n = strlen(text);
    return s.p && s.n >= n && memcmp(s.p, text, n) == 0;
}

static cr_span without_prefix(cr_span s)
{
    return starts_with(s, "0x") || starts_with(s, "0X") ? cr_span_sub(s, 2, s.n) : s;
}

enum cli_form cli_form_of(cr_span content)
{
    if (!is_readable(content)) {
        return CLI_FORM_BINARY;
    }
    cr_span s = trim(content);
    if (s.p && memmem(s.p, s.n, PEM_BEGIN, strlen(PEM_BEGIN))) {
        return CLI_FORM_PEM;
    }
    const bool section = s.p && s.n > 1 && s.p[0] == '[' && isalpha(s.p[1]); /* of an INI file */
    if (starts_with(s, "{") || (starts_with(s, "[") && !section)) {
        return CLI_FORM_JSON;
    }
    if (all_in(without_prefix(s), ": \t\r\n", isxdigit)) {
        return CLI_FORM_HEX;
    }
    /* Words are no base64: without a line end there is no blank in it. */
    if (all_in(s, "+/-_=\r\n", isalnum) && s.n >= 4) {
        return CLI_FORM_BASE64;
    }
    return CLI_FORM_TEXT;
}

cr_status cli_input_read(struct cli *cli, const char *path, cr_span *out, struct cr_err *err)
{
    cr_buf file = {0};
    cr_status status = cr_file_read(path, CLI_MAX_INPUT, &file, err);
    if (status == CR_OK && file.n == 0) {
        status = cr_fail(err, CR_MALFORMED, NULL, "%s is empty",
                         strcmp(path, "-") == 0 ? "standard input" : path);
    }
    if (status == CR_OK) {
        *out = cr_arena_copy(&cli->arena, cr_buf_span(&file));
        status = out->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&file);
    return status;
}

bool cli_pem_next(cr_span *text, cr_span *label, cr_span *base64)
{
    const uint8_t *begin = memmem(text->p, text->n, PEM_BEGIN, strlen(PEM_BEGIN));
    if (!begin) {
        return false;
    }
    cr_span rest = cr_span_sub(*text, (size_t)(begin - text->p) + strlen(PEM_BEGIN), text->n);
    const uint8_t *dash = memmem(rest.p, rest.n, PEM_DASH, strlen(PEM_DASH));
    if (!dash) {
        return false;
    }
    *label = cr_span_of(rest.p, (size_t)(dash - rest.p));
    rest = cr_span_sub(rest, label->n + strlen(PEM_DASH), rest.n);
    const uint8_t *end = memmem(rest.p, rest.n, PEM_END, strlen(PEM_END));
    if (!end) {
        return false;
    }
    *base64 = cr_span_of(rest.p, (size_t)(end - rest.p));
    *text = cr_span_sub(rest, base64->n + strlen(PEM_END), rest.n);
    return true;
}

static cr_status undo(cr_span text, bool hex, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    cr_buf bytes = {0};
    cr_status status = hex ? cr_hex_decode(&bytes, text, err) : cr_base64_decode(&bytes, text, err);
    if (status == CR_OK) {
        *out = cr_arena_copy(arena, cr_buf_span(&bytes));
        status = out->p ? CR_OK : cr_fail_memory(err);
    }
    cr_wipe(bytes.p, bytes.n);
    cr_buf_free(&bytes);
    return status;
}

cr_status cli_input_bytes(cr_arena *arena, cr_span content, cr_span *out, struct cr_err *err)
{
    cr_span label;
    cr_span base64;
    switch (cli_form_of(content)) {
    case CLI_FORM_HEX:
        return undo(without_prefix(trim(content)), true, arena, out, err);
    case CLI_FORM_BASE64:
        return undo(trim(content), false, arena, out, err);
    case CLI_FORM_PEM:
        if (!cli_pem_next(&content, &label, &base64)) {
            return cr_fail(err, CR_MALFORMED, NULL, "the PEM block has no end");
        }
        return undo(base64, false, arena, out, err);
    case CLI_FORM_BINARY:
    case CLI_FORM_JSON:
    case CLI_FORM_TEXT:
        break;
    }
    *out = content;
    return CR_OK;
}

cr_status cli_input_der(struct cli *cli, const char *path, cr_span *out, struct cr_err *err)
{
    cr_span content;
    CR_TRY(cli_input_read(cli, path, &content, err));
    if (cli_form_of(content) == CLI_FORM_JSON) {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL,
                                   "%s is JSON, where DER is needed (binary, hex or base64)", path);
        return cr_err_next(err, status,
                           "`crisp profile build` makes a package of a description in JSON");
    }
    cr_status status = cli_input_bytes(&cli->arena, content, out, err);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
}
