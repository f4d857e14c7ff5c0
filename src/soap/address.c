/*
 * Addresses and MessageIDs of annex B: URIs that carry the logical header in their arguments.
 */
#include "soap/address.h"
#include "base/env.h"
#include "base/text.h"

static cr_span trim(cr_span s)
{
    while (s.n && s.p[0] <= ' ') {
        s = cr_span_sub(s, 1, s.n - 1);
    }
    while (s.n && s.p[s.n - 1] <= ' ') {
        s.n--;
    }
    return s;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 and + are read as peers write them; anything else stays as it is. */
static cr_span percent_decoded(cr_span s, cr_arena *arena)
{
    uint8_t *out = cr_arena_alloc(arena, s.n);
    size_t n = 0;
    if (!out) {
        return (cr_span){0};
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 &&
            hex_value(s.p[i + 2]) >= 0) {
            out[n++] = (uint8_t)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return cr_span_of(out, n);
}

/* Peers join arguments with '&', with a second '?', with spaces beside them. */
void soap_uri_split(cr_span text, cr_arena *arena, cr_span *base, struct soap_argument *arguments,
                    size_t count)
{
    size_t at = 0;
    while (at < text.n && text.p[at] != '?') {
        at++;
    }
    *base = trim(cr_span_sub(text, 0, at));
    while (at < text.n) {
        size_t start = ++at;
        while (at < text.n && text.p[at] != '?' && text.p[at] != '&') {
            at++;
        }
        cr_span part = cr_span_sub(text, start, at - start);
        const uint8_t *equals = part.n ? memchr(part.p, '=', part.n) : NULL;
        if (!equals) {
            continue;
        }
        size_t name_size = (size_t)(equals - part.p);
        cr_span name = trim(cr_span_sub(part, 0, name_size));
        cr_span value = trim(cr_span_sub(part, name_size + 1, part.n - name_size - 1));
        for (size_t i = 0; i < count; i++) {
            if (!arguments[i].value->p &&
                cr_span_equal_nocase(name, cr_span_str(arguments[i].name))) {
                *arguments[i].value = percent_decoded(value, arena);
            }
        }
    }
}

void soap_address_read(cr_span text, cr_arena *arena, struct soap_end *out)
{
    *out = (struct soap_end){0};
    struct soap_argument arguments[] = {
        {"EntityId", &out->entity_id},
        {"EntityName", &out->entity_name},
        {"UserName", &out->user_name},
    };
    soap_uri_split(trim(text), arena, &out->uri, arguments, CR_COUNT(arguments));
}

/* What would end or split an argument is written as %xx. */
static void append_argument(cr_buf *out, char mark, const char *name, cr_span value)
{
    static const char digits[] = "0123456789ABCDEF";
    cr_buf_append_byte(out, (uint8_t)mark);
    cr_buf_appendf(out, "%s=", name);
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        if (c <= ' ' || c == '%' || c == '&' || c == '?' || c == '#' || c >= 0x7F) {
            cr_buf_append_byte(out, '%');
            cr_buf_append_byte(out, (uint8_t)digits[c >> 4]);
            cr_buf_append_byte(out, (uint8_t)digits[c & 0xF]);
        } else {
            cr_buf_append_byte(out, c);
        }
    }
}

void soap_address_write(const struct soap_end *end, cr_buf *out)
{
    const struct {
        const char *name;
        cr_span value;
    } arguments[] = {
        {"EntityId", end->entity_id},
        {"EntityName", end->entity_name},
        {"UserName", end->user_name},
    };
    char mark = '?';
    cr_buf_append_span(out, end->uri);
    for (size_t i = 0; i < CR_COUNT(arguments); i++) {
        if (arguments[i].value.p) {
            append_argument(out, mark, arguments[i].name, arguments[i].value);
            mark = '&';
        }
    }
}

void soap_message_id_read(cr_span text, cr_arena *arena, struct soap_header *out)
{
    cr_span base, date = {0};
    struct soap_argument arguments[] = {
        {"TransactionId", &out->transaction_id},
        {"ContextId", &out->context_id},
        {"MessageDate", &date},
    };
    out->message_id = trim(text);
    soap_uri_split(out->message_id, arena, &base, arguments, CR_COUNT(arguments));
    out->has_message_date = date.p && cr_time_parse(date, &out->message_date);
}

cr_span soap_message_id_base(cr_span message_id)
{
    size_t n = 0;
    while (n < message_id.n && message_id.p[n] != '?') {
        n++;
    }
    return trim(cr_span_sub(message_id, 0, n));
}

cr_status soap_new_uuid(const cr_env *env, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    uint8_t r[16];
    CR_TRY(cr_random(env, r, sizeof r, err));
    r[6] = (uint8_t)((r[6] & 0x0F) | 0x40); /* RFC 4122: version 4, random */
    r[8] = (uint8_t)((r[8] & 0x3F) | 0x80);
    char *text = cr_arena_printf(
        arena, "urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
        r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13],
        r[14], r[15]);
    *out = cr_span_str(text);
    return text ? CR_OK : cr_fail_memory(err);
}

cr_status soap_new_poll_address(const cr_env *env, cr_arena *arena, cr_span *out,
                                struct cr_err *err)
{
    cr_span uuid;
    CR_TRY(soap_new_uuid(env, arena, &uuid, err));
    const size_t scheme = sizeof "urn:uuid:" - 1;
    char *text = cr_arena_printf(arena, SOAP_POLL_ANONYMOUS "?id=%.*s", (int)(uuid.n - scheme),
                                 (const char *)uuid.p + scheme);
    *out = cr_span_str(text);
    return text ? CR_OK : cr_fail_memory(err);
}

cr_status soap_new_message_id(const cr_env *env, cr_span entity_id, cr_span transaction_id,
                              cr_span context_id, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    cr_span uuid;
    CR_TRY(soap_new_uuid(env, arena, &uuid, err));
    cr_buf text = {0};
    char mark = '?', date[CR_TIME_TEXT];
    cr_buf_append_str(&text, "//");
    cr_buf_append_span(&text, entity_id);
    cr_buf_append_byte(&text, '/');
    cr_buf_append_span(&text, uuid);
    if (transaction_id.p) {
        append_argument(&text, mark, "TransactionId", transaction_id);
        mark = '&';
    }
    if (context_id.p) {
        append_argument(&text, mark, "ContextID", context_id);
        mark = '&';
    }
    append_argument(&text, mark, "MessageDate", cr_span_str(cr_time_format(date, cr_now_ms(env))));
    *out = cr_arena_copy(arena, cr_buf_span(&text));
    bool good = cr_buf_ok(&text) && out->p;
    cr_buf_free(&text);
    return good ? CR_OK : cr_fail_memory(err);
}
