#include "base/text.h"
#include "rsp/json_binding.h"
#include "rsp/json_tree.h"
#include "rsp/types.h"

#include <stdio.h>

#define MAX_INTEGER_DIGITS 18

struct reader {
    cr_arena *arena;
    struct cr_err *err;
};

static cr_status read_object(const struct reader *r, const struct rsp_json_message *m,
                             const struct rsp_json *object, void *out);

/* ---- failures ---- */

static cr_status set_codes(struct cr_err *err, const char *subject, const char *reason)
{
    if (err) {
        (void)snprintf(err->subject, sizeof(err->subject), "%s", subject);
        (void)snprintf(err->reason, sizeof(err->reason), "%s", reason);
    }
    return CR_MALFORMED;
}

static cr_status bad(const struct reader *r, const struct rsp_json_field *f, const char *what)
{
    (void)cr_fail(r->err, CR_MALFORMED, "SGP.22 6.5.2", "%s is %s", f->name, what);
    (void)cr_err_field(r->err, CR_MALFORMED, f->name);
    return set_codes(r->err, f->subject ? f->subject : "1.3.1", "2.1");
}

static cr_status missing(const struct reader *r, const struct rsp_json_field *f)
{
    (void)cr_fail(r->err, CR_MALFORMED, "SGP.22 6.5.2", "%s is missing", f->name);
    (void)cr_err_field(r->err, CR_MALFORMED, f->name);
    return set_codes(r->err, f->subject ? f->subject : "1.6", "2.2");
}

/* ---- values ---- */

static cr_status check_size(const struct reader *r, const struct rsp_json_field *f, size_t n)
{
    if (n < f->min) {
        return bad(r, f, "too short");
    }
    return f->max && n > f->max ? bad(r, f, "too long") : CR_OK;
}

static cr_status keep(const struct reader *r, cr_span value, cr_span *out)
{
    cr_span copy = cr_arena_copy(r->arena, value);
    if (!cr_span_present(copy)) {
        return cr_fail_memory(r->err);
    }
    *out = copy;
    return CR_OK;
}

static cr_status read_eid(const struct reader *r, const struct rsp_json_field *f, cr_span text,
                          cr_span *out)
{
    if (text.n != 32 || !cr_is_digits(text)) {
        return bad(r, f, "not 32 digits");
    }
    return keep(r, text, out);
}

static cr_status read_iccid(const struct reader *r, const struct rsp_json_field *f, cr_span text,
                            cr_span *out)
{
    while (text.n && (text.p[text.n - 1] == 'F' || text.p[text.n - 1] == 'f')) {
        text.n--;
    }
    if (text.n < 18 || text.n > 20 || !cr_is_digits(text)) {
        return bad(r, f, "not 18 to 20 digits");
    }
    return keep(r, text, out);
}

/* A buffer over room in the arena: what is decoded goes where it stays. */
static bool room_new(const struct reader *r, size_t n, cr_buf *room)
{
    *room = (cr_buf){.p = cr_arena_alloc(r->arena, n), .cap = n, .limit = n};
    return room->p != NULL;
}

static cr_status read_hex(const struct reader *r, const struct rsp_json_field *f, cr_span text,
                          cr_span *out)
{
    cr_buf room;
    if (!room_new(r, text.n / 2 + 1, &room)) {
        return cr_fail_memory(r->err);
    }
    if (cr_hex_decode(&room, text, NULL) != CR_OK) {
        return bad(r, f, "not hexadecimal");
    }
    CR_TRY(check_size(r, f, room.n));
    *out = cr_buf_span(&room);
    return CR_OK;
}

static cr_status read_base64(const struct reader *r, const struct rsp_json_field *f, cr_span text,
                             cr_span *out)
{
    cr_buf room;
    if (!room_new(r, text.n / 4 * 3 + 3, &room)) {
        return cr_fail_memory(r->err);
    }
    if (cr_base64_decode(&room, text, NULL) != CR_OK) {
        return bad(r, f, "not base64");
    }
    CR_TRY(check_size(r, f, room.n));
    *out = cr_buf_span(&room);
    return CR_OK;
}

static cr_status read_tlv(const struct reader *r, const struct rsp_json_field *f, cr_span text,
                          void *out)
{
    cr_span tlv;
    CR_TRY(read_base64(r, f, text, &tlv));
    cr_status status = asn1_decode(f->type, tlv, ASN1_DECODE_BER_LENGTHS, r->arena, out, r->err);
    if (status == CR_OK || status == CR_RESOURCE) {
        return status;
    }
    (void)cr_err_context(r->err, status, "%s", f->name);
    return set_codes(r->err, f->subject ? f->subject : "1.3.1", "2.1");
}

static cr_status read_string(const struct reader *r, const struct rsp_json_field *f,
                             const struct rsp_json *value, void *out)
{
    if (value->type != RSP_JSON_T_STRING) {
        return bad(r, f, "not a string");
    }
    cr_span text = value->text;
    switch ((enum rsp_json_kind)f->kind) {
    case RSP_JSON_EID:
        return read_eid(r, f, text, out);
    case RSP_JSON_ICCID:
        return read_iccid(r, f, text, out);
    case RSP_JSON_HEX:
        return read_hex(r, f, text, out);
    case RSP_JSON_BASE64:
        return read_base64(r, f, text, out);
    case RSP_JSON_TLV:
        return read_tlv(r, f, text, out);
    case RSP_JSON_TEXT:
    case RSP_JSON_TLV_LIST:
    case RSP_JSON_BOOL:
    case RSP_JSON_INTEGER:
    case RSP_JSON_STATUS:
    case RSP_JSON_OBJECT:
    case RSP_JSON_OBJECT_LIST:
        break;
    }
    CR_TRY(check_size(r, f, text.n));
    return keep(r, text, out);
}

static cr_status read_integer(const struct reader *r, const struct rsp_json_field *f,
                              const struct rsp_json *value, int64_t *out)
{
    if (value->type == RSP_JSON_T_INTEGER) {
        *out = value->integer;
        return CR_OK;
    }
    cr_span text = rsp_json_text(value);
    if (text.n == 0 || text.n > MAX_INTEGER_DIGITS || !cr_is_digits(text)) {
        return bad(r, f, "not an integer");
    }
    int64_t v = 0;
    for (size_t i = 0; i < text.n; i++) {
        v = v * 10 + (text.p[i] - '0');
    }
    *out = v;
    return CR_OK;
}

/* ---- status ---- */

static bool status_word(cr_span text, enum rsp_execution_status *out)
{
    for (int i = RSP_EXECUTED_SUCCESS; i <= RSP_EXPIRED; i++) {
        const char *name = rsp_execution_status_name((enum rsp_execution_status)i);
        if (text.p && cr_span_equal_nocase(text, cr_span_str(name))) {
            *out = (enum rsp_execution_status)i;
            return true;
        }
    }
    return false;
}

static void text_of(char *out, size_t size, const struct rsp_json *object, const char *name)
{
    (void)cr_str_copy(out, size, rsp_json_text(rsp_json_member(object, name)));
}

static bool read_status(const struct rsp_json *object, struct rsp_function_status *out)
{
    memset(out, 0, sizeof(*out));
    if (!status_word(rsp_json_text(rsp_json_member(object, "status")), &out->status)) {
        return false;
    }
    const struct rsp_json *data = rsp_json_member(object, "statusCodeData");
    text_of(out->subject_code, sizeof(out->subject_code), data, "subjectCode");
    text_of(out->reason_code, sizeof(out->reason_code), data, "reasonCode");
    text_of(out->subject_identifier, sizeof(out->subject_identifier), data, "subjectIdentifier");
    text_of(out->message, sizeof(out->message), data, "message");
    return true;
}

/* ---- lists ---- */

static cr_status list_new(const struct reader *r, const struct rsp_json_field *f,
                          const struct rsp_json *value, size_t size, struct asn1_list *out)
{
    if (value->type != RSP_JSON_T_ARRAY) {
        return bad(r, f, "not an array");
    }
    size_t count = value->count;
    if (count > RSP_JSON_MAX_ITEMS) {
        return bad(r, f, "too long");
    }
    out->items = cr_arena_alloc_array(r->arena, count, size);
    if (!out->items) {
        return cr_fail_memory(r->err);
    }
    out->count = count;
    out->present = true;
    return CR_OK;
}

static cr_status read_list(const struct reader *r, const struct rsp_json_field *f,
                           const struct rsp_json *value, struct asn1_list *out)
{
    bool objects = f->kind == RSP_JSON_OBJECT_LIST;
    size_t size = objects ? f->message->size : sizeof(cr_span);
    struct asn1_list list;
    CR_TRY(list_new(r, f, value, size, &list));
    uint8_t *at = list.items;
    for (const struct rsp_json *item = value->first; item; item = item->next, at += size) {
        if (objects) {
            CR_TRY(read_object(r, f->message, item, at));
        } else if (item->type == RSP_JSON_T_STRING) {
            CR_TRY(read_tlv(r, f, item->text, at));
        } else {
            return bad(r, f, "not an array of strings");
        }
    }
    *out = list;
    return CR_OK;
}

/* ---- objects ---- */

static cr_status read_value(const struct reader *r, const struct rsp_json_field *f,
                            const struct rsp_json *value, void *out)
{
    switch ((enum rsp_json_kind)f->kind) {
    case RSP_JSON_TEXT:
    case RSP_JSON_EID:
    case RSP_JSON_ICCID:
    case RSP_JSON_HEX:
    case RSP_JSON_BASE64:
    case RSP_JSON_TLV:
        return read_string(r, f, value, out);
    case RSP_JSON_TLV_LIST:
    case RSP_JSON_OBJECT_LIST:
        return read_list(r, f, value, out);
    case RSP_JSON_BOOL:
        if (value->type != RSP_JSON_T_TRUE && value->type != RSP_JSON_T_FALSE) {
            return bad(r, f, "not a boolean");
        }
        *(bool *)out = value->type == RSP_JSON_T_TRUE;
        return CR_OK;
    case RSP_JSON_INTEGER:
        return read_integer(r, f, value, out);
    case RSP_JSON_STATUS:
        return read_status(value, out) ? CR_OK : bad(r, f, "no execution status");
    case RSP_JSON_OBJECT:
        return read_object(r, f->message, value, out);
    }
    return cr_fail(r->err, CR_INTERNAL, NULL, "the table has kind %d", f->kind);
}

/* NULL when the member is absent or null. */
static const struct rsp_json *member(const struct rsp_json *object, const struct rsp_json_field *f)
{
    const struct rsp_json *value = rsp_json_member(object, f->name);
    if (!value && f->alias) {
        value = rsp_json_member(object, f->alias);
    }
    return value && value->type == RSP_JSON_T_NULL ? NULL : value;
}

static int selected(const struct rsp_json_message *m, const struct rsp_json *object)
{
    for (const struct rsp_json_field *f = m->fields; f->name; f++) {
        if (f->selects && member(object, f)) {
            return f->when;
        }
    }
    return m->default_which;
}

static cr_status read_object(const struct reader *r, const struct rsp_json_message *m,
                             const struct rsp_json *object, void *out)
{
    if (object->type != RSP_JSON_T_OBJECT) {
        (void)cr_fail(r->err, CR_MALFORMED, "SGP.22 6.5.2", "%s is not a JSON object", m->name);
        return set_codes(r->err, "1.3.1", "2.1");
    }
    int which = 0;
    if (m->which != ASN1_NO_OFFSET) {
        which = selected(m, object);
        *(int *)(void *)((uint8_t *)out + m->which) = which;
    }
    for (const struct rsp_json_field *f = m->fields; f->name; f++) {
        if (f->when && f->when != which) {
            continue;
        }
        const struct rsp_json *value = member(object, f);
        if (!value) {
            if (!f->optional) {
                return missing(r, f);
            }
            continue;
        }
        CR_TRY(read_value(r, f, value, (uint8_t *)out + f->offset));
        if (f->has != ASN1_NO_OFFSET) {
            *(bool *)((uint8_t *)out + f->has) = true;
        }
    }
    return CR_OK;
}

/* ---- texts ---- */

/* Three bytes of text ("[],") are a hundred of memory once they are read: counted before that. */
static bool too_many_values(cr_span body)
{
    size_t count = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.n; i++) {
        uint8_t c = body.p[i];
        if (in_string) {
            in_string = c != '"';
            i += c == '\\';
        } else if (c == '"') {
            in_string = true;
        } else if ((c == ',' || c == '[' || c == '{') && ++count > RSP_JSON_MAX_VALUES) {
            return true;
        }
    }
    return false;
}

static cr_status load(cr_span body, cr_arena *arena, const struct rsp_json **out,
                      struct cr_err *err)
{
    static const char bom[] = "\xEF\xBB\xBF";
    if (body.n > RSP_JSON_MAX_BODY) {
        (void)cr_fail(err, CR_MALFORMED, "SGP.22 6.5.2", "a body of %zu bytes, the limit is %zu",
                      body.n, RSP_JSON_MAX_BODY);
        return set_codes(err, "1.3.1", "2.1");
    }
    if (body.n >= 3 && memcmp(body.p, bom, 3) == 0) {
        body = cr_span_sub(body, 3, body.n);
    }
    if (too_many_values(body)) {
        (void)cr_fail(err, CR_MALFORMED, "SGP.22 6.5.2", "a body of more than %d values",
                      RSP_JSON_MAX_VALUES);
        return set_codes(err, "1.3.1", "2.1");
    }
    cr_status status = CR_MALFORMED;
    if (body.n == 0) {
        (void)cr_fail(err, CR_MALFORMED, "SGP.22 6.5.2", "no JSON: the body is empty");
    } else {
        status = rsp_json_parse(body, arena, out, err);
    }
    return status == CR_MALFORMED ? set_codes(err, "1.3.1", "2.1") : status;
}

unsigned rsp_json_hex_flags(cr_span body)
{
    static const char name[] = "\"transactionId\"";
    const uint8_t *found = body.n ? memmem(body.p, body.n, name, sizeof(name) - 1) : NULL;
    if (!found) {
        return 0;
    }
    size_t at = (size_t)(found - body.p) + sizeof(name) - 1;
    for (int quotes = 0; at < body.n && quotes < 2; at++) {
        if (body.p[at] == '"') {
            quotes++;
        } else if (quotes && body.p[at] >= 'a' && body.p[at] <= 'f') {
            return RSP_JSON_LOWER_HEX;
        }
    }
    return 0;
}

cr_status rsp_json_parse_request(const struct rsp_function *function, cr_span body, cr_arena *arena,
                                 void **request, struct cr_err *err)
{
    const struct reader r = {.arena = arena, .err = err};
    const struct rsp_json *text;
    CR_TRY(load(body, arena, &text, err));
    void *at = rsp_function_new_request(function, arena);
    cr_status status = at ? read_object(&r, function->json_request, text, at) : cr_fail_memory(err);
    CR_TRY(status);
    *request = at;
    return CR_OK;
}

/* What a server got wrong is no status code of the server. */
static cr_status answer_fail(const struct rsp_function *function, cr_status status,
                             struct cr_err *err)
{
    if (err) {
        err->subject[0] = 0;
        err->reason[0] = 0;
        (void)cr_err_context(err, status, "answer to %s", function->name);
    }
    return status;
}

static cr_status read_answer(const struct rsp_function *function, const struct rsp_json *text,
                             cr_arena *arena, void **response, struct rsp_function_status *status,
                             struct cr_err *err)
{
    const struct reader r = {.arena = arena, .err = err};
    const struct rsp_json *header = rsp_json_member(text, "header");
    struct rsp_function_status read;
    if (!read_status(rsp_json_member(header, "functionExecutionStatus"), &read)) {
        (void)cr_fail(err, CR_MALFORMED, "SGP.22 6.5.2",
                      "no header with functionExecutionStatus and a known status");
        return answer_fail(function, CR_MALFORMED, err);
    }
    *status = read;
    CR_TRY(rsp_status_to_err(&read, function->name, err));
    void *at = rsp_function_new_response(function, arena);
    if (!at) {
        return cr_fail_memory(err);
    }
    cr_status done = read_object(&r, function->json_response, text, at);
    if (done != CR_OK) {
        return answer_fail(function, done, err);
    }
    *response = at;
    return CR_OK;
}

cr_status rsp_json_parse_response(const struct rsp_function *function, cr_span body,
                                  cr_arena *arena, void **response,
                                  struct rsp_function_status *status, struct cr_err *err)
{
    struct rsp_function_status unused;
    struct rsp_function_status *to = status ? status : &unused;
    memset(to, 0, sizeof(*to));
    const struct rsp_json *text;
    if (function->notification) {
        /* 204 without a body, or a 200 with anything: any answer with a 2xx is an acknowledgement
         */
        *response = NULL;
        return CR_OK;
    }
    cr_status done = load(body, arena, &text, err);
    if (done != CR_OK) {
        return answer_fail(function, done, err);
    }
    done = read_answer(function, text, arena, response, to, err);
    return done;
}
