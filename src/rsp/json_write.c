#include "base/text.h"
#include "rsp/json_binding.h"
#include "rsp/types.h"

struct writer {
    unsigned flags; /* enum rsp_json_flag */
    cr_buf *out;
    cr_buf scratch; /* one TLV at a time on its way into base64 */
    struct cr_err *err;
};

static cr_status write_members(struct writer *w, const struct rsp_json_message *m,
                               const void *value, bool first);

void rsp_json_append_string(cr_buf *out, cr_span text)
{
    bool valid = cr_utf8_valid(text);
    size_t from = 0; /* of a run that needs no escape */
    cr_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && (c < 0x80 || valid)) {
            continue;
        }
        cr_buf_append_span(out, cr_span_sub(text, from, i - from));
        from = i + 1;
        if (c >= 0x80) {
            cr_buf_append_byte(out, '?');
        } else if (c < 0x20) {
            cr_buf_appendf(out, "\\u%04X", c);
        } else {
            cr_buf_append_byte(out, '\\');
            cr_buf_append_byte(out, c);
        }
    }
    cr_buf_append_span(out, cr_span_sub(text, from, text.n));
    cr_buf_append_byte(out, '"');
}

static void write_name(struct writer *w, const char *name, bool *first)
{
    cr_buf_append_str(w->out, *first ? "" : ",");
    *first = false;
    rsp_json_append_string(w->out, cr_span_str(name));
    cr_buf_append_byte(w->out, ':');
}

static void write_text(struct writer *w, const char *name, const char *text, bool *first)
{
    write_name(w, name, first);
    rsp_json_append_string(w->out, cr_span_str(text));
}

static void write_status(struct writer *w, const struct rsp_function_status *status)
{
    bool first = true;
    cr_buf_append_byte(w->out, '{');
    write_text(w, "status", rsp_execution_status_name(status->status), &first);
    if (status->subject_code[0]) {
        write_name(w, "statusCodeData", &first);
        first = true;
        cr_buf_append_byte(w->out, '{');
        write_text(w, "subjectCode", status->subject_code, &first);
        write_text(w, "reasonCode", status->reason_code, &first);
        if (status->subject_identifier[0]) {
            write_text(w, "subjectIdentifier", status->subject_identifier, &first);
        }
        if (status->message[0]) {
            write_text(w, "message", status->message, &first);
        }
        cr_buf_append_byte(w->out, '}');
    }
    cr_buf_append_byte(w->out, '}');
}

static void write_base64(struct writer *w, cr_span bytes)
{
    cr_buf_append_byte(w->out, '"');
    cr_base64_append(w->out, bytes);
    cr_buf_append_byte(w->out, '"');
}

static void write_hex(struct writer *w, cr_span bytes)
{
    cr_buf_append_byte(w->out, '"');
    size_t from = w->out->n;
    cr_hex_append(w->out, bytes);
    for (size_t i = from; (w->flags & RSP_JSON_LOWER_HEX) && i < w->out->n; i++) {
        if (w->out->p[i] >= 'A') {
            w->out->p[i] |= 0x20;
        }
    }
    cr_buf_append_byte(w->out, '"');
}

/* The TLV as it lies there, when it need not be encoded: a package of half a megabyte is not
 * copied once more. */
static cr_span tlv_at_hand(const struct asn1_type *type, const void *value)
{
    cr_span raw = {0};
    if (type->kind == ASN1_RAW) {
        raw = *(const cr_span *)value;
    } else if (type->raw_offset != ASN1_NO_OFFSET) {
        raw = *(const cr_span *)(const void *)((const uint8_t *)value + type->raw_offset);
    }
    return raw.n && type->tag && der_peek(raw) == type->tag ? raw : (cr_span){0};
}

static cr_status write_tlv(struct writer *w, const struct rsp_json_field *f, const void *value)
{
    cr_span tlv = tlv_at_hand(f->type, value);
    if (!cr_span_present(tlv)) {
        unsigned flags = w->flags & RSP_JSON_V2 ? ASN1_ENCODE_V2 : 0;
        cr_buf_reset(&w->scratch);
        cr_status status = asn1_encode(f->type, value, flags, &w->scratch, w->err);
        if (status != CR_OK) {
            return cr_err_context(w->err, status, "%s", f->name);
        }
        tlv = cr_buf_span(&w->scratch);
    }
    write_base64(w, tlv);
    return CR_OK;
}

static cr_status write_list(struct writer *w, const struct rsp_json_field *f,
                            const struct asn1_list *list)
{
    size_t size = f->kind == RSP_JSON_OBJECT_LIST ? f->message->size : sizeof(cr_span);
    cr_buf_append_byte(w->out, '[');
    for (size_t i = 0; i < list->count; i++) {
        const void *item = (const uint8_t *)list->items + i * size;
        cr_buf_append_str(w->out, i ? "," : "");
        if (f->kind == RSP_JSON_TLV_LIST) {
            CR_TRY(write_tlv(w, f, item));
            continue;
        }
        cr_buf_append_byte(w->out, '{');
        CR_TRY(write_members(w, f->message, item, true));
        cr_buf_append_byte(w->out, '}');
    }
    cr_buf_append_byte(w->out, ']');
    return CR_OK;
}

static cr_status write_value(struct writer *w, const struct rsp_json_field *f, const void *at)
{
    switch ((enum rsp_json_kind)f->kind) {
    case RSP_JSON_TEXT:
    case RSP_JSON_EID:
    case RSP_JSON_ICCID:
        rsp_json_append_string(w->out, *(const cr_span *)at);
        return CR_OK;
    case RSP_JSON_HEX:
        write_hex(w, *(const cr_span *)at);
        return CR_OK;
    case RSP_JSON_BASE64:
        write_base64(w, *(const cr_span *)at);
        return CR_OK;
    case RSP_JSON_TLV:
        return write_tlv(w, f, at);
    case RSP_JSON_TLV_LIST:
    case RSP_JSON_OBJECT_LIST:
        return write_list(w, f, at);
    case RSP_JSON_BOOL:
        cr_buf_append_str(w->out, *(const bool *)at ? "true" : "false");
        return CR_OK;
    case RSP_JSON_INTEGER:
        cr_buf_appendf(w->out, "%lld", (long long)*(const int64_t *)at);
        return CR_OK;
    case RSP_JSON_STATUS:
        write_status(w, at);
        return CR_OK;
    case RSP_JSON_OBJECT:
        cr_buf_append_byte(w->out, '{');
        CR_TRY(write_members(w, f->message, at, true));
        cr_buf_append_byte(w->out, '}');
        return CR_OK;
    }
    return cr_fail(w->err, CR_INTERNAL, NULL, "the table has kind %d", f->kind);
}

/* ---- objects ---- */

static bool tlv_present(const struct asn1_type *type, const void *at)
{
    switch ((enum asn1_kind)type->kind) {
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
    case ASN1_RAW:
        return cr_span_present(*(const cr_span *)at);
    case ASN1_CHOICE:
        return *(const int *)at != 0;
    case ASN1_SEQUENCE_OF:
        return ((const struct asn1_list *)at)->present;
    case ASN1_BOOLEAN:
    case ASN1_INTEGER:
    case ASN1_NULL:
    case ASN1_BITS:
    case ASN1_SEQUENCE:
        break;
    }
    return true;
}

static bool is_present(const struct rsp_json_field *f, const void *base)
{
    const void *at = (const uint8_t *)base + f->offset;
    if (f->has != ASN1_NO_OFFSET) {
        return *((const bool *)base + f->has);
    }
    switch ((enum rsp_json_kind)f->kind) {
    case RSP_JSON_TEXT:
    case RSP_JSON_EID:
    case RSP_JSON_ICCID:
    case RSP_JSON_HEX:
    case RSP_JSON_BASE64:
        return cr_span_present(*(const cr_span *)at);
    case RSP_JSON_TLV:
        return tlv_present(f->type, at);
    case RSP_JSON_TLV_LIST:
    case RSP_JSON_OBJECT_LIST:
        return ((const struct asn1_list *)at)->present;
    case RSP_JSON_BOOL:
    case RSP_JSON_INTEGER:
    case RSP_JSON_STATUS:
    case RSP_JSON_OBJECT:
        break;
    }
    return true;
}

static cr_status write_members(struct writer *w, const struct rsp_json_message *m,
                               const void *value, bool first)
{
    int which = 0;
    if (m->which != ASN1_NO_OFFSET) {
        which = *(const int *)(const void *)((const uint8_t *)value + m->which);
    }
    for (const struct rsp_json_field *f = m->fields; f->name; f++) {
        bool hidden = f->since_v3 && (w->flags & RSP_JSON_V2);
        if (hidden || (f->when && f->when != which)) {
            continue;
        }
        if (!is_present(f, value)) {
            if (f->optional) {
                continue;
            }
            (void)cr_fail(w->err, CR_REFUSED, "SGP.22 6.5.2", "%s needs %s", m->name, f->name);
            return cr_err_field(w->err, CR_REFUSED, f->name);
        }
        write_name(w, f->name, &first);
        CR_TRY(write_value(w, f, (const uint8_t *)value + f->offset));
    }
    return CR_OK;
}

/* Nothing stays in out when something failed. */
static cr_status finish(struct writer *w, size_t before, cr_status status)
{
    cr_buf_free(&w->scratch);
    if (status == CR_OK && !cr_buf_ok(w->out)) {
        status = cr_fail_memory(w->err);
    }
    if (status != CR_OK) {
        w->out->n = before;
    }
    return status;
}

cr_status rsp_json_build_request(const struct rsp_function *function, const void *request,
                                 unsigned flags, cr_buf *out, struct cr_err *err)
{
    struct writer w = {.flags = flags, .out = out, .err = err};
    size_t before = out->n;
    cr_buf_append_byte(out, '{');
    cr_status status = write_members(&w, function->json_request, request, true);
    cr_buf_append_byte(out, '}');
    return finish(&w, before, status);
}

/* The alternative that says "error" is told in the header: a handler does not fill it. */
static bool is_error_alternative(const struct rsp_function *function, const void *response)
{
    const struct rsp_json_message *m = function->json_response;
    if (m->which == ASN1_NO_OFFSET) {
        return false;
    }
    int which = *(const int *)(const void *)((const uint8_t *)response + m->which);
    if (which == m->default_which) {
        return false;
    }
    for (const struct rsp_json_field *f = m->fields; f->name; f++) {
        if (f->when == which) {
            return false;
        }
    }
    return true;
}

cr_status rsp_json_build_response(const struct rsp_function *function, const void *response,
                                  const struct rsp_function_status *status, unsigned flags,
                                  cr_buf *out, struct cr_err *err)
{
    static const struct rsp_function_status success = {.status = RSP_EXECUTED_SUCCESS};
    struct writer w = {.flags = flags, .out = out, .err = err};
    size_t before = out->n;
    status = status ? status : &success;
    bool executed =
        status->status == RSP_EXECUTED_SUCCESS || status->status == RSP_EXECUTED_WITH_WARNING;
    bool members = executed && function->json_response && response;
    if (members && is_error_alternative(function, response)) {
        return cr_fail(err, CR_INTERNAL, NULL, "%s: the response has no successful alternative",
                       function->name);
    }
    cr_buf_append_str(out, "{\"header\":{\"functionExecutionStatus\":");
    write_status(&w, status);
    cr_buf_append_byte(out, '}');
    cr_status done = members ? write_members(&w, function->json_response, response, false) : CR_OK;
    cr_buf_append_byte(out, '}');
    return finish(&w, before, done);
}
