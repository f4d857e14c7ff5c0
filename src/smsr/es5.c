#include "smsr/es5.h"

#include "asn1/der.h"
#include "ota/establish.h"

#define TAG_COMMAND  0x22
#define TAG_RESPONSE 0x23
#define TAG_AID      0x4F
#define MAX_APDU     255 /* bytes of data */

/* ---- commands ----------------------------------------------------------------------------------
 */

enum le { WITHOUT_LE, WITH_LE };

static void put_apdu(cr_buf *out, uint32_t header, const cr_buf *data, enum le le)
{
    if (!cr_buf_ok(data) || data->n > MAX_APDU) {
        out->failed = true;
        return;
    }
    size_t mark = der_open(out, TAG_COMMAND);
    cr_buf_append_be(out, header, 4);
    if (data->n) {
        cr_buf_append_byte(out, (uint8_t)data->n);
        cr_buf_append_span(out, cr_buf_span(data));
    }
    if (le == WITH_LE) {
        cr_buf_append_byte(out, 0x00);
    }
    der_close(out, mark);
}

/* STORE DATA, last block, one DGI (2 bytes, length of 1 or FF and 2). */
static void put_dgi(cr_buf *out, uint8_t p1, uint16_t dgi, cr_span content, enum le le)
{
    cr_buf data = {0};
    cr_buf_append_be(&data, dgi, 2);
    if (content.n >= 0xFF) {
        cr_buf_append_byte(&data, 0xFF);
        cr_buf_append_be(&data, content.n, 2);
    } else {
        cr_buf_append_byte(&data, (uint8_t)content.n);
    }
    cr_buf_append_span(&data, content);
    put_apdu(out, 0x80E20000 | (uint32_t)p1 << 8, &data, le);
    cr_buf_free(&data);
}

static void put_dgi_aid(cr_buf *out, uint16_t dgi, cr_span aid)
{
    cr_buf content = {0};
    der_put(&content, TAG_AID, aid);
    put_dgi(out, 0x88, dgi, cr_buf_span(&content), WITHOUT_LE);
    cr_buf_free(&content);
}

static void put_lv(cr_buf *out, cr_span value)
{
    cr_buf_append_byte(out, (uint8_t)value.n);
    cr_buf_append_span(out, value);
}

void smsr_es5_create_isdp(const struct smsr_euicc *euicc, cr_span aid, int64_t memory, cr_buf *out)
{
    static const uint8_t privileges[] = {0x80, 0xC0, 0x00};
    static const uint8_t scp03[] = {0x81, 0x02, 0x03, 0x70};
    cr_buf data = {0}, parameters = {0}, quota = {0};
    put_lv(&data, euicc->isdp_loadfile);
    put_lv(&data, euicc->isdp_module);
    put_lv(&data, aid);
    put_lv(&data, CR_SPAN_ARRAY(privileges));
    der_put(&parameters, 0xC9, CR_SPAN_ARRAY(scp03));
    if (memory > 0) {
        cr_buf bytes = {0};
        cr_buf_append_be(&bytes, (uint64_t)memory, memory > 0xFFFF ? 4 : 2);
        der_put(&quota, 0x83, cr_buf_span(&bytes));
        der_put(&parameters, 0xEF, cr_buf_span(&quota));
        cr_buf_free(&bytes);
    }
    put_lv(&data, cr_buf_span(&parameters));
    cr_buf_append_byte(&data, 0x00); /* no token */
    put_apdu(out, 0x80E60C00, &data, WITH_LE);
    cr_buf_free(&data);
    cr_buf_free(&parameters);
    cr_buf_free(&quota);
}

void smsr_es5_enable(cr_span aid, cr_buf *out)
{
    put_dgi_aid(out, 0x3A03, aid);
}

void smsr_es5_disable(cr_span aid, cr_buf *out)
{
    put_dgi_aid(out, 0x3A04, aid);
}

void smsr_es5_set_fallback(cr_span aid, cr_buf *out)
{
    put_dgi_aid(out, 0x3A05, aid);
}

void smsr_es5_set_emergency(cr_span aid, cr_buf *out)
{
    put_dgi_aid(out, 0x3A09, aid);
}

void smsr_es5_establish(cr_span data, bool last, uint8_t *block, cr_buf *out)
{
    while (data.n) {
        cr_buf apdu = {0};
        if (establish_next_command(&data, last, block, &apdu, NULL) != CR_OK) {
            out->failed = true;
            data.n = 0;
        }
        der_put(out, TAG_COMMAND, cr_buf_span(&apdu));
        cr_buf_free(&apdu);
    }
}

void smsr_es5_finalise(const struct smsr_key_range *keep, size_t count, cr_buf *out)
{
    cr_buf data = {0};
    for (size_t i = 0; i < count; i++) {
        const uint8_t range[] = {keep[i].version, keep[i].first, keep[i].last};
        der_put(&data, 0xF2, CR_SPAN_ARRAY(range));
    }
    put_apdu(out, 0x80E40000, &data, WITH_LE);
    cr_buf_free(&data);
}

void smsr_es5_delete(cr_span aid, cr_buf *out)
{
    cr_buf data = {0};
    der_put(&data, TAG_AID, aid);
    put_apdu(out, 0x80E40040, &data, WITH_LE);
    cr_buf_free(&data);
}

void smsr_es5_master_delete(cr_span aid, const struct smsr_delete_token *token, cr_buf *out)
{
    cr_buf data = {0};
    der_put(&data, TAG_AID, aid);
    size_t mark = der_open(&data, 0xB6);
    der_put(&data, 0x42, token->provider_id);
    der_put(&data, 0x45, token->image_number);
    der_put(&data, 0x5F20, token->application_provider);
    der_put(&data, 0x93, token->token_id);
    der_close(&data, mark);
    der_put(&data, 0x9E, token->token);
    put_apdu(out, 0x80E40040, &data, WITH_LE);
    cr_buf_free(&data);
}

void smsr_es5_confirm(uint16_t number, cr_buf *out)
{
    const uint8_t content[] = {0x4E, 0x02, (uint8_t)(number >> 8), (uint8_t)number};
    put_dgi(out, 0x89, 0x3A08, CR_SPAN_ARRAY(content), WITH_LE);
}

void smsr_es5_parameters(cr_span tlvs, cr_buf *out)
{
    put_dgi(out, 0x88, 0x3A07, tlvs, WITHOUT_LE);
}

void smsr_es5_audit(bool next, cr_buf *out)
{
    /* All ISD-Ps; AID, state, properties, granted and remaining memory of each. */
    static const uint8_t list[] = {0x4F, 0x00, 0x5C, 0x06, 0x4F, 0x9F, 0x70, 0x53, 0x8F, 0x91};
    cr_buf data = {0}, none = {0};
    cr_buf_append(&data, list, sizeof list);
    if (!next) {
        put_apdu(out, 0x80CAFF21, &none, WITH_LE);
    }
    put_apdu(out, next ? 0x80F24003 : 0x80F24002, &data, WITH_LE);
    cr_buf_free(&data);
}

/* ---- answers -----------------------------------------------------------------------------------
 */

bool smsr_es5_next(cr_span *response, struct smsr_r_apdu *out)
{
    struct der_tlv tlv;
    while (response->n && der_next(response, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag == TAG_RESPONSE && tlv.value.n >= 2) {
            const uint8_t *sw = tlv.value.p + tlv.value.n - 2;
            out->data = cr_span_sub(tlv.value, 0, tlv.value.n - 2);
            out->sw = (uint16_t)(sw[0] << 8 | sw[1]);
            return true;
        }
    }
    return false;
}

bool smsr_es5_last(cr_span response, struct smsr_r_apdu *out)
{
    bool found = false;
    while (smsr_es5_next(&response, out)) {
        found = true;
    }
    return found;
}

bool smsr_es5_good(uint16_t sw)
{
    return sw == SMSR_SW_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

cr_status smsr_es5_refusal(uint16_t sw, const char *iccid, struct cr_err *err)
{
    static const struct {
        uint16_t sw;
        const char *subject, *reason, *what;
    } rows[] = {
        {SMSR_SW_POL1, "8.2.2", "3.8", "POL1 forbids it"},
        {SMSR_SW_CONDITION, "8.2.1", "1.2", "the state of its Profiles does not allow it"},
        {SMSR_SW_NO_SPACE, "8.1", "4.8", "it has not enough memory"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (rows[i].sw == sw) {
            return cr_refuse(err, rows[i].subject, rows[i].reason, "SGP.02 4.1.1",
                             "the eUICC refused with %04X: %s (%s)", sw, rows[i].what,
                             iccid ? iccid : "-");
        }
    }
    return cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.1", "the eUICC refused with %04X (%s)", sw,
                     iccid ? iccid : "-");
}

bool smsr_es5_deleted(cr_span data, cr_span *list)
{
    struct der_tlv tlv;
    *list = (cr_span){0};
    if (data.n == 0) {
        return true;
    }
    if (der_expect(&data, DER_BER_LENGTHS, 0x80, &tlv, NULL) != CR_OK || data.n) {
        return false;
    }
    *list = tlv.value;
    return true;
}

bool smsr_es5_next_deleted(cr_span *list, cr_span *aid)
{
    struct der_tlv tlv;
    while (list->n && der_next(list, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag == TAG_AID) {
            *aid = tlv.value;
            return true;
        }
    }
    return false;
}

/* A number of at most 8 bytes; -1 = none. */
static int64_t number_of(cr_span contents, uint32_t tag)
{
    struct der_tlv tlv;
    uint64_t value = 0;
    if (!der_find(contents, tag, &tlv) || tlv.value.n == 0 || tlv.value.n > 7) {
        return -1;
    }
    for (size_t i = 0; i < tlv.value.n; i++) {
        value = value << 8 | tlv.value.p[i];
    }
    return (int64_t)value;
}

bool smsr_es5_next_isdp(cr_span *data, struct smsr_es5_isdp *out)
{
    struct der_tlv entry, aid;
    while (data->n && der_next(data, DER_BER_LENGTHS, &entry, NULL) == CR_OK) {
        if (entry.tag == 0xE3 && der_find(entry.value, TAG_AID, &aid)) {
            const int64_t state = number_of(entry.value, 0x9F70);
            const int64_t properties = number_of(entry.value, 0x53);
            *out = (struct smsr_es5_isdp){.aid = aid.value,
                                          .state = state > 0xFF ? -1 : (int)state,
                                          .properties = properties > 0xFF ? -1 : (int)properties,
                                          .granted = number_of(entry.value, 0x8F),
                                          .remaining = number_of(entry.value, 0x91)};
            return true;
        }
    }
    return false;
}

bool smsr_es5_memory(cr_span data, int64_t *free_memory)
{
    struct der_tlv tlv;
    if (der_expect(&data, DER_BER_LENGTHS, 0xFF21, &tlv, NULL) != CR_OK) {
        return false;
    }
    *free_memory = number_of(tlv.value, 0x82);
    return *free_memory >= 0;
}
