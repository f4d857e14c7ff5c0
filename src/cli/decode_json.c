/*
 * crisp decode: JSON bodies. The tables of the JSON binding tell what a member is.
 */
#include "cli/decode.h"

#include "asn1/json.h"
#include "base/text.h"
#include "rsp/functions.h"
#include "rsp/json_binding.h"
#include "rsp/messages.h"

#include <stdlib.h>

#define MAX_DEPTH 16

static const struct rsp_json_field *field_in(const struct rsp_json_message *message,
                                             const char *name, unsigned depth)
{
    for (const struct rsp_json_field *f = message ? message->fields : NULL; f && f->name; f++) {
        if (strcmp(f->name, name) == 0 || (f->alias && strcmp(f->alias, name) == 0)) {
            return f;
        }
        if (f->message && depth < MAX_DEPTH) {
            const struct rsp_json_field *below = field_in(f->message, name, depth + 1);
            if (below) {
                return below;
            }
        }
    }
    return NULL;
}

/* The member of any function with this name; NULL when there is none. */
static const struct rsp_json_field *field_named(const char *name)
{
    size_t count;
    const struct rsp_function *functions = rsp_function_table(&count);
    for (size_t i = 0; name && i < count; i++) {
        const struct rsp_json_field *f = field_in(functions[i].json_request, name, 0);
        f = f ? f : field_in(functions[i].json_response, name, 0);
        if (f) {
            return f;
        }
    }
    return NULL;
}

static bool is_binary(const struct rsp_json_field *f)
{
    return f &&
           (f->kind == RSP_JSON_BASE64 || f->kind == RSP_JSON_TLV || f->kind == RSP_JSON_TLV_LIST);
}

static cr_status explain_bytes(struct cli_decoder *d, const struct rsp_json_field *f, cr_span bytes,
                               unsigned depth, struct cr_err *err);
static cr_status explain(struct cli_decoder *d, const char *name, json_t *value, unsigned depth,
                         struct cr_err *err);

/* ---- text -------------------------------------------------------------------------------------
 */

static cr_status explain_string(struct cli_decoder *d, const struct rsp_json_field *f,
                                const char *text, unsigned depth, struct cr_err *err)
{
    cr_buf bytes = {0};
    if (f && f->secret) {
        cr_buf_appendf(&d->text, " (secret)\n");
        return CR_OK;
    }
    if (!is_binary(f)) {
        cr_buf_append_str(&d->text, " ");
        rsp_json_append_string(&d->text, cr_span_str(text));
        cr_buf_append_str(&d->text, "\n");
        return CR_OK;
    }
    if (cr_base64_decode(&bytes, cr_span_str(text), NULL) != CR_OK) {
        cr_buf_appendf(&d->text, " not base64: \"%.60s\"\n", text);
        cr_buf_free(&bytes);
        return CR_OK;
    }
    cr_span copy = cr_arena_copy(&d->cli->arena, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
    return copy.p ? explain_bytes(d, f, copy, depth, err) : cr_fail_memory(err);
}

static bool decode_value(struct cli_decoder *d, const struct rsp_json_field *f, cr_span bytes,
                         const struct asn1_type **type, void **value)
{
    const struct rsp_message *m;
    *type = f->type;
    if (*type) {
        *value = cr_arena_alloc(&d->cli->arena, (*type)->size);
        if (*value && asn1_decode(*type, bytes, ASN1_DECODE_BER_LENGTHS, &d->cli->arena, *value,
                                  NULL) == CR_OK) {
            return true;
        }
    }
    if (rsp_message_decode(bytes, &d->cli->arena, &m, value, NULL) == CR_OK) {
        *type = m->type;
        return true;
    }
    return false;
}

static cr_status explain_bytes(struct cli_decoder *d, const struct rsp_json_field *f, cr_span bytes,
                               unsigned depth, struct cr_err *err)
{
    const struct asn1_type *type;
    void *value;
    if (f->kind == RSP_JSON_BASE64) {
        cr_buf_append_str(&d->text, " ");
        cr_hex_append(&d->text, cr_span_sub(bytes, 0, 64));
        cr_buf_appendf(&d->text, "%s (%zu bytes)\n", bytes.n > 64 ? "..." : "", bytes.n);
        return CR_OK;
    }
    bool known = decode_value(d, f, bytes, &type, &value);
    cr_buf_appendf(&d->text, " %s, %zu bytes\n", known ? type->name : "not decodable", bytes.n);
    size_t start = d->text.n;
    cr_status status = known ? asn1_print(type, value, &cli_decode_hooks, &d->text, err)
                             : asn1_print_tlv(bytes, &d->text, NULL);
    if (!known && status != CR_OK) {
        cr_hex_append(&d->text, cr_span_sub(bytes, 0, 64));
        cr_buf_append_str(&d->text, "\n");
        status = CR_OK;
    }
    cli_decode_indent(&d->text, start, 2 * depth + 2);
    return status;
}

static cr_status explain_object(struct cli_decoder *d, json_t *object, unsigned depth,
                                struct cr_err *err)
{
    const char *name;
    json_t *value;
    cr_buf_append_str(&d->text, "\n");
    json_object_foreach(object, name, value)
    {
        cr_buf_appendf(&d->text, "%*s%s:", (int)(2 * depth + 2), "", name);
        CR_TRY(explain(d, name, value, depth + 1, err));
    }
    return CR_OK;
}

static cr_status explain_array(struct cli_decoder *d, const char *name, const json_t *array,
                               unsigned depth, struct cr_err *err)
{
    cr_buf_appendf(&d->text, " (%zu)\n", json_array_size(array));
    for (size_t i = 0; i < json_array_size(array); i++) {
        cr_buf_appendf(&d->text, "%*s[%zu]:", (int)(2 * depth + 2), "", i);
        CR_TRY(explain(d, name, json_array_get(array, i), depth + 1, err));
    }
    return CR_OK;
}

static cr_status explain(struct cli_decoder *d, const char *name, json_t *value, unsigned depth,
                         struct cr_err *err)
{
    if (depth > MAX_DEPTH) {
        return cr_fail(err, CR_MALFORMED, NULL, "more than %d levels of JSON", MAX_DEPTH);
    }
    if (json_is_object(value)) {
        return explain_object(d, value, depth, err);
    }
    if (json_is_array(value)) {
        return explain_array(d, name, value, depth, err);
    }
    if (json_is_string(value)) {
        return explain_string(d, field_named(name), json_string_value(value), depth, err);
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    cr_buf_appendf(&d->text, " %s\n", text ? text : "?");
    free(text);
    return CR_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

/* The same tree with the messages in place of their base64; a new reference. */
static json_t *expanded(struct cli_decoder *d, const char *name, json_t *value, unsigned depth)
{
    if (depth > MAX_DEPTH) {
        return json_incref(value);
    }
    if (json_is_object(value)) {
        json_t *copy = json_object();
        const char *key;
        json_t *member;
        json_object_foreach(value, key, member)
        {
            (void)json_object_set_new(copy, key, expanded(d, key, member, depth + 1));
        }
        return copy;
    }
    if (json_is_array(value)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(value); i++) {
            (void)json_array_append_new(copy,
                                        expanded(d, name, json_array_get(value, i), depth + 1));
        }
        return copy;
    }
    const struct rsp_json_field *f = json_is_string(value) ? field_named(name) : NULL;
    cr_buf bytes = {0};
    json_t *json = NULL;
    if (f && (f->kind == RSP_JSON_TLV || f->kind == RSP_JSON_TLV_LIST) &&
        cr_base64_decode(&bytes, cr_span_str(json_string_value(value)), NULL) == CR_OK) {
        const struct asn1_type *type;
        void *at;
        cr_span copy = cr_arena_copy(&d->cli->arena, cr_buf_span(&bytes));
        if (copy.p && decode_value(d, f, copy, &type, &at) &&
            asn1_to_json(type, at, &json, NULL) != CR_OK) {
            json = NULL;
        }
    }
    cr_buf_free(&bytes);
    return json ? json : json_incref(value);
}

cr_status cli_decode_json(struct cli_decoder *d, cr_span text, struct cr_err *err)
{
    json_error_t problem;
    json_t *json = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    if (!json) {
        return cr_fail(err, CR_MALFORMED, NULL, "JSON line %d column %d: %s", problem.line,
                       problem.column, problem.text);
    }
    cr_status status = CR_OK;
    if (d->array) {
        (void)json_array_append_new(d->array, expanded(d, NULL, json, 0));
    } else {
        cr_buf_append_str(&d->text, "JSON body");
        status = explain(d, NULL, json, 0, err);
    }
    json_decref(json);
    return status;
}
