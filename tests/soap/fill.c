#include "fill.h"

#include <assert.h>

static cr_span text_of(const struct soap_row *row, unsigned seed, cr_arena *arena)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_TEXT:
        return cr_span_str(cr_arena_printf(arena, "a <text> & \"%u\"", seed));
    case SOAP_DIGITS: {
        /* As long as allowed, so that both ends of the limits occur with different rows. */
        size_t n = row->max ? row->max : 10;
        char *digits = cr_arena_alloc(arena, n);
        for (size_t i = 0; i < n; i++) {
            digits[i] = (char)('0' + (seed + i) % 10);
        }
        return cr_span_of(digits, n);
    }
    case SOAP_OID:
        return cr_span_str(cr_arena_printf(arena, "1.3.6.1.4.1.%u", seed));
    case SOAP_VERSION:
        return cr_span_str(cr_arena_printf(arena, "4.2.%u", seed));
    case SOAP_HEX: {
        size_t n = row->min ? row->min : 5;
        uint8_t *bytes = cr_arena_alloc(arena, n);
        memset(bytes, (int)(seed & 0x7F), n);
        return cr_span_of(bytes, n);
    }
    case SOAP_EID: {
        static const uint8_t eid[] = {0x89, 0x00, 0x10, 0x12, 0x01, 0x23, 0x41, 0x23,
                                      0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x24};
        return cr_arena_copy(arena, CR_SPAN_ARRAY(eid));
    }
    case SOAP_RAW:
        return cr_span_str("<rps3:EumSignature xmlns:rps3=\"" SOAP_NS_RPS "\"><ds:SignedInfo "
                           "xmlns:ds=\"" SOAP_NS_DSIG "\"></ds:SignedInfo></rps3:EumSignature>");
    case SOAP_UINT:
    case SOAP_BOOL:
    case SOAP_TIME:
    case SOAP_ENUM:
    case SOAP_COMPLEX:
        break;
    }
    return (cr_span){0};
}

static void fill_value(const struct soap_row *row, void *value, unsigned seed, cr_arena *arena)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_UINT:
        *(int64_t *)value = row->max ? (int64_t)row->max : 70000 + (int64_t)seed;
        break;
    case SOAP_BOOL:
        *(bool *)value = seed % 2;
        break;
    case SOAP_TIME:
        *(int64_t *)value = 1767225600000 + (int64_t)seed * 1000;
        break;
    case SOAP_ENUM: {
        int count = 0;
        while (row->names[count]) {
            count++;
        }
        *(int *)value = 1 + (int)(seed % (unsigned)count);
        break;
    }
    case SOAP_COMPLEX:
        fill_type(row->type, value, seed, arena);
        break;
    case SOAP_TEXT:
    case SOAP_DIGITS:
    case SOAP_OID:
    case SOAP_VERSION:
    case SOAP_HEX:
    case SOAP_EID:
    case SOAP_RAW:
        *(cr_span *)value = text_of(row, seed, arena);
        break;
    }
}

void fill_row(const struct soap_row *row, void *base, unsigned seed, cr_arena *arena)
{
    void *value = (uint8_t *)base + row->offset;
    if (row->has != SOAP_NO_OFFSET) {
        *(bool *)((uint8_t *)base + row->has) = true;
    }
    if (!(row->flags & SOAP_REPEATED)) {
        fill_value(row, value, seed, arena);
        return;
    }
    struct soap_list *list = value;
    list->count = 2;
    list->items = cr_arena_alloc_array(arena, list->count, soap_row_size(row));
    for (size_t i = 0; i < list->count; i++) {
        fill_value(row, (uint8_t *)list->items + i * soap_row_size(row), seed + (unsigned)i, arena);
    }
}

void fill_type(const struct soap_type *type, void *out, unsigned seed, cr_arena *arena)
{
    for (const struct soap_row *row = type->rows; row->name; row++) {
        fill_row(row, out, ++seed, arena);
    }
}

void fill_message(struct soap_message *m, const struct soap_function *f,
                  enum soap_message_kind kind, bool bare, cr_arena *arena)
{
    struct soap_use uses[SOAP_MAX_USES];
    size_t count;
    *m = (struct soap_message){.kind = kind, .function = f};
    m->header.from = (struct soap_end){.uri = cr_span_str("https://a.example/rps"),
                                       .entity_id = cr_span_str("1.3.6.1.4.1.50101"),
                                       .entity_name = cr_span_str("A & B"),
                                       .user_name = cr_span_str("ops7")};
    m->header.to = (struct soap_end){.uri = cr_span_str("https://b.example/es"),
                                     .entity_id = cr_span_str("1.3.6.1.4.1.50420")};
    m->header.message_id = cr_span_str("//1.3.6.1.4.1.50101/urn:uuid:1?TransactionId=t&"
                                       "ContextID=c&MessageDate=2026-03-02T08:15:00Z");
    if (kind == SOAP_RESPONSE) {
        m->header.relates_to = cr_span_str("//1.3.6.1.4.1.50420/urn:uuid:2");
    } else if (kind == SOAP_REQUEST && f->pattern == SOAP_ASYNC) {
        m->header.reply = SOAP_REPLY_CALLBACK;
        m->header.reply_to = (struct soap_end){.uri = cr_span_str("https://a.example/callback")};
    }
    soap_message_uses(f, kind, uses, &count);
    for (size_t i = 0; i < count; i++) {
        if (!bare || uses[i].presence == SOAP_M) {
            fill_row(&soap_elements[uses[i].element], &m->body, f->number + (unsigned)i, arena);
        }
    }
    if (kind == SOAP_RESPONSE) {
        m->body.status.status = SOAP_EXECUTED_SUCCESS;
    }
}
