/*
 * Scripts of remote commands: the writer.
 */
#include "ota/script.h"

#include "asn1/der.h"

#define CLAUSE "TS 102 226 5"

void ota_writer_begin(struct ota_writer *w, enum ota_form form, enum ota_direction direction,
                      cr_buf *out)
{
    *w = (struct ota_writer){.out = out, .start = out->n, .form = form, .direction = direction};
    if (form == OTA_FORM_INDEFINITE) {
        cr_buf_append_byte(out, direction == OTA_COMMANDS ? OTA_TAG_COMMANDS_INDEFINITE
                                                          : OTA_TAG_RESPONSES_INDEFINITE);
        cr_buf_append_byte(out, 0x80);
    }
}

static cr_status not_here(struct cr_err *err, const char *what)
{
    return cr_fail(err, CR_MALFORMED, CLAUSE, "%s has no place in this script", what);
}

cr_status ota_writer_chaining(struct ota_writer *w, uint8_t value, struct cr_err *err)
{
    if (w->form == OTA_FORM_COMPACT) {
        return not_here(err, "script chaining");
    }
    der_put(w->out, OTA_TAG_CHAINING, cr_span_of(&value, 1));
    return CR_OK;
}

cr_status ota_writer_command(struct ota_writer *w, cr_span apdu, struct cr_err *err)
{
    if (w->direction != OTA_COMMANDS) {
        return not_here(err, "a command");
    }
    if (apdu.n < OTA_APDU_MIN || apdu.n > OTA_APDU_MAX) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "a command APDU has 4 to 261 bytes, not %zu",
                       apdu.n);
    }
    if (w->form != OTA_FORM_COMPACT) {
        der_put(w->out, OTA_TAG_C_APDU, apdu);
        return CR_OK;
    }
    cr_buf_append_span(w->out, apdu);
    if (apdu.n == OTA_APDU_MIN) {
        cr_buf_append_byte(w->out, 0x00); /* P3 is never left out in the compact form */
    }
    return CR_OK;
}

static bool tlv_allowed(enum ota_direction direction, uint32_t tag)
{
    bool scp03t = tag >= 0x84 && tag <= 0x88;
    bool error = tag >= 0x9F44 && tag <= 0x9F46;
    return scp03t || tag == OTA_TAG_IMMEDIATE ||
           (direction == OTA_COMMANDS ? tag == OTA_TAG_ERROR_ACTION : error);
}

cr_status ota_writer_tlv(struct ota_writer *w, cr_span tlv, struct cr_err *err)
{
    struct der_tlv parsed;
    cr_span rest = tlv;
    CR_TRY(der_next(&rest, DER_BER_LENGTHS, &parsed, err));
    if (rest.n != 0 || w->form == OTA_FORM_COMPACT || !tlv_allowed(w->direction, parsed.tag)) {
        return not_here(err, "this TLV");
    }
    cr_buf_append_span(w->out, tlv);
    w->count += parsed.tag >= 0x84 ? 1 : 0;
    return CR_OK;
}

cr_status ota_writer_response(struct ota_writer *w, cr_span data, uint16_t sw, struct cr_err *err)
{
    if (w->direction != OTA_RESPONSES) {
        return not_here(err, "a response");
    }
    if (data.n > 0xFFFF || (w->form == OTA_FORM_COMPACT && w->count == 0xFF)) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "a response does not fit its script");
    }
    w->count++;
    if (w->form == OTA_FORM_COMPACT) { /* only the last is told */
        if (w->out->n > w->start) {
            cr_wipe(w->out->p + w->start, w->out->n - w->start);
            w->out->n = w->start;
        }
        cr_buf_append_byte(w->out, (uint8_t)w->count);
        cr_buf_append_be(w->out, sw, 2);
        cr_buf_append_span(w->out, data);
        return CR_OK;
    }
    der_put_header(w->out, OTA_TAG_R_APDU, data.n + 2);
    cr_buf_append_span(w->out, data);
    cr_buf_append_be(w->out, sw, 2);
    return CR_OK;
}

cr_status ota_writer_bad_format(struct ota_writer *w, enum ota_bad_format what, struct cr_err *err)
{
    if (w->direction != OTA_RESPONSES || w->form == OTA_FORM_COMPACT) {
        return not_here(err, "a bad format TLV");
    }
    const uint8_t value = (uint8_t)what;
    der_put(w->out, OTA_TAG_BAD_FORMAT, cr_span_of(&value, 1));
    return CR_OK;
}

/* Puts tag, length and the count of executed commands before the body. */
static void close_definite(struct ota_writer *w)
{
    uint8_t front[DER_HEADER_MAX + 4];
    uint8_t count[4];
    size_t count_size = 0;
    if (w->direction == OTA_RESPONSES) {
        count[count_size++] = OTA_TAG_COUNT;
        count[count_size++] = w->count > 0xFF ? 2 : 1;
        if (w->count > 0xFF) {
            count[count_size++] = (uint8_t)(w->count >> 8);
        }
        count[count_size++] = (uint8_t)w->count;
    }
    size_t body = w->out->n - w->start;
    uint8_t tag = w->direction == OTA_COMMANDS ? OTA_TAG_COMMANDS : OTA_TAG_RESPONSES;
    size_t n = der_header_write(front, tag, count_size + body);
    memcpy(front + n, count, count_size);
    n += count_size;
    if (cr_buf_extend(w->out, n)) {
        uint8_t *p = w->out->p + w->start;
        memmove(p + n, p, body);
        memcpy(p, front, n);
    }
}

cr_status ota_writer_end(struct ota_writer *w, struct cr_err *err)
{
    if (w->form == OTA_FORM_INDEFINITE) {
        cr_buf_append_be(w->out, 0, 2);
    } else if (w->form == OTA_FORM_DEFINITE && cr_buf_ok(w->out)) {
        close_definite(w);
    }
    if (!cr_buf_ok(w->out) || w->count > 0xFFFF) {
        if (w->out->n > w->start) {
            cr_wipe(w->out->p + w->start, w->out->n - w->start);
            w->out->n = w->start;
        }
        return cr_fail(err, CR_RESOURCE, NULL, "no memory for the script");
    }
    return CR_OK;
}
