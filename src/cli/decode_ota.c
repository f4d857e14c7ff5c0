/*
 * crisp decode: short messages, secured packets and scripts of remote commands.
 */
#include "cli/decode.h"

#include "asn1/der.h"
#include "cli/ota.h"
#include "ota/cattp.h"

#define INS_ENVELOPE        0xC2
#define TAG_SMS_PP_DOWNLOAD 0xD1
#define TAG_PROACTIVE       0xD0
#define SEND_SHORT_MESSAGE  0x13
#define COMPREHENSION       0x80
#define TAG_COMMAND_DETAILS 0x01
#define TAG_TPDU            0x0B

/* One of these is asked for by --type, or tried in this order. */
struct kind {
    const char *name, *remark;
    /* The object for bytes that are of this kind, NULL when they are not; sure: only what can
     * hardly be anything else. */
    json_t *(*explain)(const struct cli_decoder *d, cr_span bytes, bool sure);
};

/* ---- packets ---- */

/* What is not ciphered can be read by everybody, though nothing proves it. */
static void put_clear(json_t *o, const struct ota_command_header *h)
{
    size_t front = OTA_COUNTER + 1 + h->check_size;
    if (h->spi[0] & OTA_SPI1_CIPHER || h->body.n < front) {
        return;
    }
    (void)json_object_set_new(o, "verified", json_false());
    json_int_t counter = 0;
    for (size_t i = 0; i < OTA_COUNTER; i++) {
        counter = counter * 256 + h->body.p[i];
    }
    (void)json_object_set_new(o, "counter", json_integer(counter));
    (void)json_object_set_new(
        o, "content", cli_ota_content(OTA_COMMANDS, cr_span_sub(h->body, front, h->body.n)));
}

/* Opens a packet with the keys of the command line. */
static cr_status open_command(const struct cli_decoder *d, const struct ota_command_header *h,
                              json_t *o, struct cr_err *err)
{
    struct ota_key kic = {0};
    struct ota_key kid = {0};
    struct ota_command c;
    cr_buf scratch = {0};
    cr_status status = d->kic ? cli_ota_key("kic", d->kic, h->kic, &kic, err) : CR_OK;
    if (status == CR_OK && d->kid) {
        status = cli_ota_key("kid", d->kid, h->kid, &kid, err);
        kid.mac_size = h->check_size == 4 ? 4 : 8;
    }
    const struct ota_keys keys = {d->kic ? &kic : NULL, d->kid ? &kid : NULL};
    if (status == CR_OK && ota_command_open(h, keys, &scratch, &c, err) != OTA_OK) {
        status = CR_REFUSED;
    }
    if (status == CR_OK) {
        bool proved = (h->spi[0] & OTA_SPI1_CHECK) == OTA_SPI1_CC;
        (void)json_object_set_new(o, "verified", json_boolean(proved));
        (void)json_object_set_new(o, "counter", json_integer((json_int_t)c.counter));
        (void)json_object_set_new(o, "content", cli_ota_content(OTA_COMMANDS, c.data));
    }
    cr_wipe(&kic, sizeof kic);
    cr_wipe(&kid, sizeof kid);
    cr_buf_free(&scratch);
    return status;
}

/* A packet with keys becomes its content; without them its clear part. */
static json_t *command_object(const struct cli_decoder *d, enum ota_dialect dialect, cr_span packet)
{
    struct ota_command_header h;
    struct cr_err err;
    if (ota_command_read(dialect, packet, &h, &err) != OTA_OK) {
        return NULL;
    }
    json_t *o = cli_ota_command_header(&h);
    if (open_command(d, &h, o, &err) != CR_OK) {
        if (d->kic || d->kid) {
            cli_json_text(o, "error", err.cause);
        }
        put_clear(o, &h);
    }
    return o;
}

/* The clear header of a response: SPI, which says what follows, is in the command only. */
static json_t *response_object(enum ota_dialect dialect, cr_span packet)
{
    struct ota_response_header h;
    if (ota_response_read(dialect, packet, &h, NULL) != CR_OK) {
        return NULL;
    }
    json_t *o = json_object();
    cli_json_hex(o, "tar", CR_SPAN_ARRAY(h.tar));
    (void)json_object_set_new(o, "checksumBytes", json_integer((json_int_t)h.check_size));
    cli_json_hex(o, "body", h.body);
    cli_json_text(o, "next", "crisp ota unpack opens it with SPI, keys and counter of the command");
    return o;
}

static json_t *packet_object(const struct cli_decoder *d, uint8_t iei, cr_span packet)
{
    return iei == SMS_IEI_COMMAND_PACKET    ? command_object(d, OTA_SMS, packet)
           : iei == SMS_IEI_RESPONSE_PACKET ? response_object(OTA_SMS, packet)
                                            : NULL;
}

/* A bare packet is taken for one when it looks like those that are in use. */
static bool usual_header_length(cr_span packet, unsigned without_check)
{
    unsigned check = packet.n > 2 ? packet.p[2] - without_check : 99U;
    return check == 0 || check == 2 || check == 4 || check == 8;
}

static json_t *explain_command(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    if (bytes.n > 3 && bytes.p[0] == 2 && bytes.p[1] == SMS_IEI_COMMAND_PACKET) {
        return command_object(d, OTA_SMS, cr_span_sub(bytes, 3, bytes.n));
    }
    if (sure && (bytes.n < 16 || bytes.p[0] > 0x10 || !usual_header_length(bytes, 0x0D))) {
        return NULL;
    }
    json_t *o = command_object(d, OTA_SMS, bytes);
    return o || sure ? o : command_object(d, OTA_BIP, bytes);
}

static json_t *explain_response(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    (void)d;
    if (bytes.n > 3 && bytes.p[0] == 2 && bytes.p[1] == SMS_IEI_RESPONSE_PACKET) {
        return response_object(OTA_SMS, cr_span_sub(bytes, 3, bytes.n));
    }
    if (sure && (bytes.n < 13 || bytes.p[0] > 0x10 || !usual_header_length(bytes, 0x0A))) {
        return NULL;
    }
    json_t *o = response_object(OTA_SMS, bytes);
    return o || sure ? o : response_object(OTA_BIP, bytes);
}

/* ---- CAT_TP ---- */

/* "SYN ACK" */
static void put_flags(json_t *o, uint8_t flags)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {{CATTP_SYN, "SYN"}, {CATTP_ACK, "ACK"}, {CATTP_EAK, "EAK"},
                 {CATTP_RST, "RST"}, {CATTP_NUL, "NUL"}, {CATTP_SEG, "SEG"}};
    cr_buf text = {0};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        if (flags & names[i].flag) {
            cr_buf_appendf(&text, "%s%s", text.n ? " " : "", names[i].name);
        }
    }
    cli_json_text(o, "flags", cr_buf_cstr(&text));
    cr_buf_free(&text);
}

static void put_variable(json_t *o, const struct cattp_pdu *pdu)
{
    if (pdu->flags & CATTP_SYN) {
        (void)json_object_set_new(o, "maxPdu", json_integer(pdu->max_pdu));
        (void)json_object_set_new(o, "maxSdu", json_integer(pdu->max_sdu));
        cli_json_hex(o, "identification", pdu->identification);
    }
    if (pdu->flags & CATTP_EAK) {
        cr_buf text = {0};
        for (size_t i = 0; i < pdu->out_count; i++) {
            cr_buf_appendf(&text, "%s%u", i ? " " : "", pdu->out_of_sequence[i]);
        }
        cli_json_text(o, "outOfSequence", cr_buf_cstr(&text));
        cr_buf_free(&text);
    }
    if (pdu->flags & CATTP_RST) {
        cli_json_text(o, "reason", cattp_reason_name(pdu->reason));
    }
}

/* Data are a secured packet where they are whole. */
static void put_data(const struct cli_decoder *d, json_t *o, const struct cattp_pdu *pdu)
{
    json_t *packet = NULL;
    if (pdu->data.n == 0) {
        return;
    }
    cli_json_hex(o, "data", pdu->data);
    if (!(pdu->flags & CATTP_SEG)) {
        packet = command_object(d, OTA_BIP, pdu->data);
        packet = packet ? packet : response_object(OTA_BIP, pdu->data);
    }
    if (packet) {
        (void)json_object_set_new(o, "packet", packet);
    }
}

/* The checksum makes it sure. */
static json_t *explain_cattp(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    struct cattp_pdu pdu;
    (void)sure;
    if (cattp_pdu_read(bytes, &pdu, NULL) != CR_OK) {
        return NULL;
    }
    json_t *o = json_object();
    put_flags(o, pdu.flags);
    (void)json_object_set_new(o, "sourcePort", json_integer(pdu.source));
    (void)json_object_set_new(o, "destinationPort", json_integer(pdu.destination));
    (void)json_object_set_new(o, "sequence", json_integer(pdu.sequence));
    if (pdu.flags & CATTP_ACK) {
        (void)json_object_set_new(o, "acknowledgement", json_integer(pdu.acknowledgement));
    }
    (void)json_object_set_new(o, "window", json_integer(pdu.window));
    put_variable(o, &pdu);
    put_data(d, o, &pdu);
    return o;
}

/* ---- short messages ---- */

static json_t *explain_tpdu(const struct cli_decoder *d, enum sms_way way, cr_span bytes, bool sure)
{
    struct sms_tpdu t;
    struct sms_header h = {0};
    cr_span rest = {0};
    if (sms_decode(way, bytes, &t, NULL) != CR_OK) {
        return NULL;
    }
    bool header = t.has_header && sms_header_take(t.ud, &h, &rest, NULL) == CR_OK;
    bool download =
        t.type == SMS_DELIVER && t.pid == SMS_PID_USIM_DOWNLOAD && sms_dcs_is_8bit_class2(t.dcs);
    if (sure && !(header && h.packet) && !download) {
        return NULL;
    }
    json_t *o = cli_ota_tpdu(&t);
    json_t *packet = header && h.count == 1 ? packet_object(d, h.packet, rest) : NULL;
    if (packet) {
        (void)json_object_set_new(o, "packet", packet);
    }
    return o;
}

static json_t *explain_deliver(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    return explain_tpdu(d, SMS_TO_CARD, bytes, sure);
}

static json_t *explain_submit(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    return explain_tpdu(d, SMS_FROM_CARD, bytes, sure);
}

static json_t *explain_report_error(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    return sure ? NULL : explain_tpdu(d, SMS_FROM_CARD_ERROR, bytes, sure);
}

/* The TPDU among the objects of an ENVELOPE or a proactive command. */
static bool find_tpdu(cr_span contents, cr_span *tpdu)
{
    struct der_tlv tlv;
    bool found =
        der_find(contents, TAG_TPDU | COMPREHENSION, &tlv) || der_find(contents, TAG_TPDU, &tlv);
    if (found) {
        *tpdu = tlv.value;
    }
    return found;
}

static json_t *explain_envelope(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    struct der_tlv tlv;
    cr_span tpdu;
    (void)sure;
    if (bytes.n > 5 && (bytes.p[0] & 0x80) && bytes.p[1] == INS_ENVELOPE &&
        (bytes.n == 5U + bytes.p[4] || bytes.n == 6U + bytes.p[4])) {
        bytes = cr_span_sub(bytes, 5, bytes.p[4]);
    }
    bool ok = der_expect(&bytes, DER_BER_LENGTHS, TAG_SMS_PP_DOWNLOAD, &tlv, NULL) == CR_OK &&
              bytes.n == 0 && find_tpdu(tlv.value, &tpdu);
    return ok ? explain_deliver(d, tpdu, false) : NULL;
}

static json_t *explain_send(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    struct der_tlv tlv;
    struct der_tlv details;
    cr_span tpdu;
    (void)sure;
    bool ok = der_expect(&bytes, DER_BER_LENGTHS, TAG_PROACTIVE, &tlv, NULL) == CR_OK &&
              bytes.n == 0 &&
              (der_find(tlv.value, TAG_COMMAND_DETAILS | COMPREHENSION, &details) ||
               der_find(tlv.value, TAG_COMMAND_DETAILS, &details)) &&
              details.value.n == 3 && details.value.p[1] == SEND_SHORT_MESSAGE &&
              find_tpdu(tlv.value, &tpdu);
    return ok ? explain_submit(d, tpdu, false) : NULL;
}

/* ---- scripts ---- */

/* With --type a broken script is shown as far as it goes. */
static json_t *explain_script(enum ota_direction direction, bool compact, cr_span bytes, bool sure)
{
    unsigned tag = direction == OTA_COMMANDS ? OTA_TAG_COMMANDS : OTA_TAG_RESPONSES;
    unsigned indefinite =
        direction == OTA_COMMANDS ? OTA_TAG_COMMANDS_INDEFINITE : OTA_TAG_RESPONSES_INDEFINITE;
    if (bytes.n == 0 || (!compact && bytes.p[0] != tag && bytes.p[0] != indefinite)) {
        return NULL;
    }
    json_t *o = cli_ota_script(direction, compact, bytes);
    if (sure &&
        (json_object_get(o, "error") || json_array_size(json_object_get(o, "items")) == 0)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *explain_commands(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    (void)d;
    return explain_script(OTA_COMMANDS, false, bytes, sure);
}

static json_t *explain_responses(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    (void)d;
    return explain_script(OTA_RESPONSES, false, bytes, sure);
}

static json_t *explain_compact(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    (void)d;
    return sure ? NULL : explain_script(OTA_COMMANDS, true, bytes, sure);
}

static json_t *explain_compact_response(const struct cli_decoder *d, cr_span bytes, bool sure)
{
    (void)d;
    return sure ? NULL : explain_script(OTA_RESPONSES, true, bytes, sure);
}

/* ---- the table ---- */

static const struct kind kinds[] = {
    {"ENVELOPE", "SMS-PP DOWNLOAD, TS 31.111", explain_envelope},
    {"SendShortMessage", "proactive command, TS 102 223", explain_send},
    {"CAT_TP", "PDU, TS 102 127", explain_cattp},
    {"CommandScript", "expanded, TS 102 226", explain_commands},
    {"ResponseScript", "expanded, TS 102 226", explain_responses},
    {"SMS-DELIVER", "TS 23.040", explain_deliver},
    {"SMS-SUBMIT", "TS 23.040; SMS-DELIVER-REPORT too", explain_submit},
    {"SMS-DELIVER-REPORT", "for RP-ERROR, TS 23.040", explain_report_error},
    {"CommandPacket", "TS 102 225; opened with --kic and --kid", explain_command},
    {"ResponsePacket", "TS 102 225; its clear header", explain_response},
    {"CompactScript", "TS 102 226", explain_compact},
    {"CompactResponse", "TS 102 226", explain_compact_response},
};

bool cli_decode_ota_type(size_t i, const char **name, const char **remark)
{
    if (i >= CR_COUNT(kinds)) {
        return false;
    }
    *name = kinds[i].name;
    *remark = kinds[i].remark;
    return true;
}

bool cli_decode_ota(struct cli_decoder *d, size_t i, bool sure, cr_span bytes)
{
    json_t *o = kinds[i].explain(d, bytes, sure);
    if (!o) {
        return false;
    }
    cli_decode_head(d, kinds[i].name, kinds[i].remark);
    if (d->array) {
        cli_decode_value(d, "value", o);
    } else {
        cli_ota_print(&d->text, o, 2);
        json_decref(o);
    }
    return true;
}
