#include "net/smpp_pdu.h"

#include "base/text.h"

#include <stddef.h>

#define TLV_RECEIPTED_MESSAGE_ID 0x001E
#define TLV_MESSAGE_PAYLOAD      0x0424
#define TLV_MESSAGE_STATE        0x0427
#define INTERFACE_VERSION        0x34

/* ---- bodies as tables --------------------------------------------------------------------------
 */

enum kind {
    TEXT,   /* C-octet string of at most size bytes, its NUL counted */
    BYTE,   /* one byte */
    FIXED,  /* one byte whose value (size) is written, and not looked at when read */
    SHORT,  /* sm_length and short_message */
    NOTHING /* C-octet string that is skipped, and written empty */
};

struct field {
    uint8_t kind;
    uint8_t size;
    uint16_t offset; /* of a member of struct smpp_pdu that has room for size bytes */
};

#define AT(m) offsetof(struct smpp_pdu, m)

/* SMPP 3.4 4.1.1, 4.1.2, 4.4.1, 4.4.2, 4.6.1, 4.6.2. */
static const struct field bind_fields[] = {
    {TEXT, SMPP_MAX_NAME + 1, AT(system_id)},
    {TEXT, 9, AT(password)},
    {NOTHING, 13, 0}, /* system_type */
    {FIXED, INTERFACE_VERSION, 0},
    {FIXED, 0, 0},    /* addr_ton */
    {FIXED, 0, 0},    /* addr_npi */
    {NOTHING, 41, 0}, /* address_range */
};
static const struct field bind_resp_fields[] = {{TEXT, SMPP_MAX_NAME + 1, AT(system_id)}};
static const struct field sm_fields[] = {
    {NOTHING, 6, 0}, /* service_type */
    {BYTE, 1, AT(message.from_ton)},
    {BYTE, 1, AT(message.from_npi)},
    {TEXT, SMPP_MAX_ADDRESS + 1, AT(message.from)},
    {BYTE, 1, AT(message.to_ton)},
    {BYTE, 1, AT(message.to_npi)},
    {TEXT, SMPP_MAX_ADDRESS + 1, AT(message.to)},
    {BYTE, 1, AT(message.esm_class)},
    {BYTE, 1, AT(message.protocol_id)},
    {FIXED, 0, 0},    /* priority_flag */
    {NOTHING, 17, 0}, /* schedule_delivery_time */
    {NOTHING, 17, 0}, /* validity_period */
    {BYTE, 1, AT(message.registered_delivery)},
    {FIXED, 0, 0}, /* replace_if_present_flag */
    {BYTE, 1, AT(message.data_coding)},
    {FIXED, 0, 0}, /* sm_default_msg_id */
    {SHORT, 0, 0},
};
static const struct field submit_resp_fields[] = {{TEXT, SMPP_MAX_ID + 1, AT(id)}};
static const struct field deliver_resp_fields[] = {{NOTHING, SMPP_MAX_ID + 1, 0}};

struct shape {
    uint32_t command;
    const struct field *fields;
    size_t count;
    bool tlvs;     /* optional parameters may follow */
    bool may_lack; /* an answer that refuses may be a bare header */
};

#define SHAPE(c, f, t, l)                                                                          \
    {                                                                                              \
        (c), (f), CR_COUNT(f), (t), (l)                                                            \
    }
static const struct shape shapes[] = {
    {SMPP_GENERIC_NACK, NULL, 0, false, false},
    {SMPP_UNBIND, NULL, 0, false, false},
    {SMPP_UNBIND | SMPP_RESPONSE, NULL, 0, false, false},
    {SMPP_ENQUIRE_LINK, NULL, 0, false, false},
    {SMPP_ENQUIRE_LINK | SMPP_RESPONSE, NULL, 0, false, false},
    SHAPE(SMPP_BIND_RECEIVER, bind_fields, false, false),
    SHAPE(SMPP_BIND_TRANSMITTER, bind_fields, false, false),
    SHAPE(SMPP_BIND_TRANSCEIVER, bind_fields, false, false),
    SHAPE(SMPP_BIND_RECEIVER | SMPP_RESPONSE, bind_resp_fields, true, true),
    SHAPE(SMPP_BIND_TRANSMITTER | SMPP_RESPONSE, bind_resp_fields, true, true),
    SHAPE(SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE, bind_resp_fields, true, true),
    SHAPE(SMPP_SUBMIT_SM, sm_fields, true, false),
    SHAPE(SMPP_SUBMIT_SM | SMPP_RESPONSE, submit_resp_fields, true, true),
    SHAPE(SMPP_DELIVER_SM, sm_fields, true, false),
    SHAPE(SMPP_DELIVER_SM | SMPP_RESPONSE, deliver_resp_fields, true, true),
};

static const struct shape *shape_of(uint32_t command)
{
    for (size_t i = 0; i < CR_COUNT(shapes); i++) {
        if (shapes[i].command == command) {
            return &shapes[i];
        }
    }
    return NULL;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

size_t smpp_pdu_length(const uint8_t header[4])
{
    uint32_t n = be32(header);
    return n < SMPP_HEADER || n > SMPP_MAX_PDU ? 0 : n;
}

static bool take(cr_span *in, size_t n, cr_span *out)
{
    if (in->n < n) {
        return false;
    }
    *out = cr_span_sub(*in, 0, n);
    *in = cr_span_sub(*in, n, in->n - n);
    return true;
}

/* Ends at its NUL; out has room for size bytes. Texts of peers are cleaned. */
static bool take_text(cr_span *in, size_t size, char *out)
{
    const uint8_t *end = in->n ? memchr(in->p, 0, in->n) : NULL;
    size_t n = end ? (size_t)(end - in->p) : size;
    cr_span text;
    if (n >= size || !take(in, n + 1, &text)) {
        return false;
    }
    if (out) {
        (void)cr_str_copy(out, size, cr_span_sub(text, 0, n));
        cr_text_clean(out);
    }
    return true;
}

static bool take_short(cr_span *in, struct smpp_message *out)
{
    cr_span length, text;
    if (!take(in, 1, &length) || length.p[0] > SMPP_MAX_TEXT || !take(in, length.p[0], &text)) {
        return false;
    }
    out->text_size = text.n;
    memcpy(out->text, text.p, text.n);
    return true;
}

static bool take_field(cr_span *in, const struct field *f, struct smpp_pdu *out)
{
    cr_span byte;
    switch ((enum kind)f->kind) {
    case TEXT:
        return take_text(in, f->size, (char *)out + f->offset);
    case NOTHING:
        return take_text(in, f->size, NULL);
    case BYTE:
        if (!take(in, 1, &byte)) {
            return false;
        }
        *((uint8_t *)out + f->offset) = byte.p[0];
        return true;
    case FIXED:
        return take(in, 1, &byte);
    case SHORT:
        return take_short(in, &out->message);
    }
    return false;
}

static bool take_tlv(cr_span *in, struct smpp_pdu *out)
{
    cr_span head, value;
    if (!take(in, 4, &head) || !take(in, (size_t)head.p[2] << 8 | head.p[3], &value)) {
        return false;
    }
    switch (head.p[0] << 8 | head.p[1]) {
    case TLV_RECEIPTED_MESSAGE_ID:
        return take_text(&value, sizeof out->id, out->id) && value.n == 0;
    case TLV_MESSAGE_STATE:
        out->message_state = value.n == 1 ? value.p[0] : 0;
        return value.n == 1;
    case TLV_MESSAGE_PAYLOAD:
        if (out->message.text_size || value.n > SMPP_MAX_TEXT) {
            return false;
        }
        out->message.text_size = value.n;
        memcpy(out->message.text, value.p, value.n);
        return true;
    default:
        return true;
    }
}

bool smpp_pdu_read(cr_span bytes, struct smpp_pdu *out, bool *known)
{
    *out = (struct smpp_pdu){0};
    *known = false;
    if (bytes.n < SMPP_HEADER || smpp_pdu_length(bytes.p) != bytes.n) {
        return false;
    }
    out->command = be32(bytes.p + 4);
    out->status = be32(bytes.p + 8);
    out->sequence = be32(bytes.p + 12);
    const struct shape *shape = shape_of(out->command);
    *known = shape != NULL;
    cr_span in = cr_span_sub(bytes, SMPP_HEADER, bytes.n - SMPP_HEADER);
    if (!shape) {
        return false;
    }
    if (in.n == 0 && shape->may_lack) {
        return true;
    }
    for (size_t i = 0; i < shape->count; i++) {
        if (!take_field(&in, &shape->fields[i], out)) {
            return false;
        }
    }
    while (shape->tlvs && in.n) {
        if (!take_tlv(&in, out)) {
            return false;
        }
    }
    return in.n == 0;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static bool put_field(const struct field *f, const struct smpp_pdu *pdu, cr_buf *out)
{
    const uint8_t *value = (const uint8_t *)pdu + f->offset;
    size_t n;
    switch ((enum kind)f->kind) {
    case TEXT:
        n = strnlen((const char *)value, f->size);
        cr_buf_append(out, value, n);
        cr_buf_append_byte(out, 0);
        return n < f->size;
    case NOTHING:
        cr_buf_append_byte(out, 0);
        return true;
    case BYTE:
        cr_buf_append_byte(out, *value);
        return true;
    case FIXED:
        cr_buf_append_byte(out, f->size);
        return true;
    case SHORT:
        n = pdu->message.text_size;
        cr_buf_append_byte(out, (uint8_t)n);
        cr_buf_append(out, pdu->message.text, n <= SMPP_MAX_TEXT ? n : 0);
        return n <= SMPP_MAX_TEXT;
    }
    return false;
}

/* A receipt names its message by optional parameters. */
static void put_receipt(const struct smpp_pdu *pdu, cr_buf *out)
{
    size_t n = strnlen(pdu->id, sizeof pdu->id);
    cr_buf_append_be(out, TLV_RECEIPTED_MESSAGE_ID, 2);
    cr_buf_append_be(out, n + 1, 2);
    cr_buf_append(out, pdu->id, n);
    cr_buf_append_byte(out, 0);
    cr_buf_append_be(out, TLV_MESSAGE_STATE, 2);
    cr_buf_append_be(out, 1, 2);
    cr_buf_append_byte(out, pdu->message_state);
}

bool smpp_pdu_write(const struct smpp_pdu *pdu, cr_buf *out)
{
    const struct shape *shape = shape_of(pdu->command);
    cr_buf body = {.limit = SMPP_MAX_PDU - SMPP_HEADER};
    bool good = shape != NULL;
    for (size_t i = 0; good && i < shape->count; i++) {
        good = put_field(&shape->fields[i], pdu, &body);
    }
    if (good && pdu->command == SMPP_DELIVER_SM && pdu->id[0]) {
        put_receipt(pdu, &body);
    }
    good = good && cr_buf_ok(&body);
    if (good) {
        cr_buf_append_be(out, SMPP_HEADER + body.n, 4);
        cr_buf_append_be(out, pdu->command, 4);
        cr_buf_append_be(out, pdu->status, 4);
        cr_buf_append_be(out, pdu->sequence, 4);
        cr_buf_append_span(out, cr_buf_span(&body));
    }
    cr_buf_free(&body);
    return good && cr_buf_ok(out);
}
