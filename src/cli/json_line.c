#include "cli/json_line.h"

#include "base/text.h"

#include <stdlib.h>

void cli_put_json(struct cli *cli, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    (void)fprintf(cli->out, "%s\n", text ? text : "{}");
    free(text);
    json_decref(json);
}

void cli_json_text(json_t *object, const char *name, const char *text)
{
    if (text && text[0]) {
        (void)json_object_set_new(object, name, json_string(text));
    }
}

void cli_json_span(json_t *object, const char *name, cr_span text)
{
    if (text.n > 0 && !cr_utf8_valid(text)) {
        cli_json_hex(object, name, text);
    } else if (text.n > 0) {
        (void)json_object_set_new(object, name, json_stringn((const char *)text.p, text.n));
    }
}

void cli_json_hex(json_t *object, const char *name, cr_span bytes)
{
    cr_buf hex = {0};
    if (bytes.n > 0) {
        cr_hex_append(&hex, bytes);
        cli_json_text(object, name, cr_buf_cstr(&hex));
    }
    cr_buf_free(&hex);
}
