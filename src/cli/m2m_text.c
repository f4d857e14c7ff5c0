/*
 * Messages of SGP.02 as text and JSON, by their tables.
 */
#include "cli/json_line.h"
#include "cli/m2m.h"

#include "base/text.h"

#define INDENT    2
#define MAX_SHOWN 96 /* characters of a value on one line */

static const void *value_of(const struct soap_row *row, const void *base)
{
    return (const uint8_t *)base + row->offset;
}

/* How many values a row has, and where the first one is. */
static size_t values_of(const struct soap_row *row, const void *base, const void **first)
{
    *first = value_of(row, base);
    if (!soap_row_present(row, base)) {
        return 0;
    }
    if (row->flags & SOAP_REPEATED) {
        const struct soap_list *list = *first;
        *first = list->items;
        return list->count;
    }
    return 1;
}

/* ---- text --------------------------------------------------------------------------------------
 */

static void put_simple(struct cli *cli, const struct soap_row *row, const void *value)
{
    cr_buf text = {0};
    if (row->flags & SOAP_SECRET) {
        cr_buf_append_str(&text, "(secret)");
    } else if (row->kind == SOAP_RAW) {
        cr_buf_appendf(&text, "(%zu bytes of XML)", ((const cr_span *)value)->n);
    } else {
        soap_row_text(row, value, &text);
    }
    char *shown = cr_arena_strn(&cli->arena, cr_buf_span(&text));
    if (shown) {
        cr_text_clean(shown);
    }
    /* Certificates and answers of the eUICC are whole in the JSON. */
    if (text.n > MAX_SHOWN && row->kind == SOAP_HEX) {
        (void)fprintf(cli->out, "%.*s... (%zu bytes)\n", MAX_SHOWN, shown ? shown : "",
                      ((const cr_span *)value)->n);
    } else {
        (void)fprintf(cli->out, "%s\n", shown ? shown : "");
    }
    cr_buf_free(&text);
}

static void put_row(struct cli *cli, const struct soap_row *row, const void *base, int indent)
{
    const void *first;
    const size_t count = values_of(row, base, &first), size = soap_row_size(row);
    for (size_t i = 0; i < count; i++) {
        const void *value = (const uint8_t *)first + i * size;
        (void)fprintf(cli->out, "%*s%s:", indent, "", row->name);
        if (row->kind == SOAP_COMPLEX) {
            (void)fputc('\n', cli->out);
            cli_m2m_print_type(cli, row->type, value, indent + INDENT);
        } else {
            (void)fputc(' ', cli->out);
            put_simple(cli, row, value);
        }
    }
}

void cli_m2m_print_type(struct cli *cli, const struct soap_type *type, const void *value,
                        int indent)
{
    for (const struct soap_row *row = type->rows; row->name; row++) {
        put_row(cli, row, value, indent);
    }
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *simple_json(const struct soap_row *row, const void *value)
{
    if (row->kind == SOAP_BOOL) {
        return json_boolean(*(const bool *)value);
    }
    if (row->kind == SOAP_UINT) {
        return json_integer(*(const int64_t *)value);
    }
    cr_buf text = {0};
    soap_row_text(row, value, &text);
    json_t *json = json_stringn(text.n ? (const char *)text.p : "", text.n);
    cr_buf_free(&text);
    return json;
}

static void add_row(json_t *object, const struct soap_row *row, const void *base)
{
    const void *first;
    const size_t count = values_of(row, base, &first), size = soap_row_size(row);
    const bool repeated = (row->flags & SOAP_REPEATED) != 0;
    json_t *list = repeated ? json_array() : NULL;
    if (row->flags & SOAP_SECRET) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const void *value = (const uint8_t *)first + i * size;
        json_t *json = row->kind == SOAP_COMPLEX ? cli_m2m_type_json(row->type, value)
                                                 : simple_json(row, value);
        (void)(repeated ? json_array_append_new(list, json)
                        : json_object_set_new(object, row->name, json));
    }
    if (count > 0 && repeated) {
        (void)json_object_set(object, row->name, list);
    }
    json_decref(list);
}

void *cli_m2m_type_json(const struct soap_type *type, const void *value)
{
    json_t *object = json_object();
    for (const struct soap_row *row = type->rows; row->name; row++) {
        add_row(object, row, value);
    }
    return object;
}

/* ---- whole messages ----------------------------------------------------------------------------
 */

void cli_m2m_print(struct cli *cli, const struct soap_message *m, bool json, void *extra)
{
    struct soap_use uses[SOAP_MAX_USES];
    size_t count;
    json_t *object = json ? json_object() : NULL;
    soap_message_uses(m->function, m->kind, uses, &count);
    if (json) {
        cli_json_text(object, "interface", soap_interface_name(m->function->interface));
        cli_json_text(object, "function", m->function->name);
        (void)json_object_update_missing(object, extra);
        json_decref(extra);
    }
    for (size_t i = 0; i < count; i++) {
        const struct soap_row *row = &soap_elements[uses[i].element];
        if (json) {
            add_row(object, row, &m->body);
        } else {
            put_row(cli, row, &m->body, INDENT);
        }
    }
    if (json) {
        cli_put_json(cli, object);
    }
}
