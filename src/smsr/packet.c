#include "smsr/packet.h"

#include "asn1/der.h"
#include "smsr/core.h"

#define SPI1         (OTA_SPI1_CC | OTA_SPI1_CIPHER | OTA_SPI1_CNT_HIGHER)
#define SPI2_SECURED (OTA_SPI2_CC | OTA_SPI2_CIPHER | OTA_SPI2_SUBMIT) /* proofs of receipt */
#define TAR_IN_AID   12                                                /* offset */
#define KEY_AES      0x88
#define MAX_KVN      0x0F
#define BLOCK        16
#define PACKET_FIXED 22 /* bytes of a packet before the data: CPL to CC */
#define CIPHERED     14 /* of these: CNTR, PCNTR, CC */
#define CLAUSE       "SGP.02 2.4.3"

/* ---- scripts -----------------------------------------------------------------------------------
 */

/* STORE DATA of the first part of a key establishment: P1 09, more blocks follow. */
static bool opens_context(cr_span commands)
{
    struct der_tlv tlv, last = {0};
    bool first = true;
    while (commands.n && der_next(&commands, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (first && tlv.tag >= 0x84 && tlv.tag <= 0x86) {
            return true;
        }
        first = false;
        last = tlv;
    }
    return last.tag == OTA_TAG_C_APDU && last.value.n >= 3 && last.value.p[0] == 0x80 &&
           last.value.p[1] == 0xE2 && last.value.p[2] == 0x09;
}

uint8_t smsr_packet_chaining(bool open, const struct smsr_script *script)
{
    if (script->more_to_do && opens_context(script->commands)) {
        return open ? OTA_CHAIN_MIDDLE : OTA_CHAIN_FIRST_KEEP;
    }
    return open ? OTA_CHAIN_LAST : 0;
}

cr_status smsr_packet_script(enum ota_form form, uint8_t chaining, cr_span commands, cr_buf *out,
                             struct cr_err *err)
{
    struct ota_writer w;
    struct der_tlv tlv;
    ota_writer_begin(&w, form, OTA_COMMANDS, out);
    if (chaining) {
        CR_TRY(ota_writer_chaining(&w, chaining, err));
    }
    while (commands.n) {
        CR_TRY(der_next(&commands, DER_BER_LENGTHS, &tlv, err));
        CR_TRY(tlv.tag == OTA_TAG_C_APDU ? ota_writer_command(&w, tlv.value, err)
                                         : ota_writer_tlv(&w, tlv.all, err));
    }
    return ota_writer_end(&w, err);
}

cr_status smsr_packet_push(cr_span channel, const struct ota_push *link, cr_buf *out,
                           struct cr_err *err)
{
    struct ota_push requests[] = {{.kind = OTA_PUSH_CHANNEL, .tlvs = channel}, *link};
    cr_buf commands = {0};
    cr_status status = CR_OK;
    requests[1].kind = OTA_PUSH_CATTP;
    for (size_t i = 0; i < CR_COUNT(requests) && status == CR_OK; i++) {
        const size_t mark = der_open(&commands, OTA_TAG_C_APDU);
        status = ota_push_write(&commands, &requests[i], err);
        der_close(&commands, mark);
    }
    if (status == CR_OK) {
        status = cr_buf_ok(&commands)
                     ? smsr_packet_script(OTA_FORM_DEFINITE, 0, cr_buf_span(&commands), out, err)
                     : cr_fail_memory(err);
    }
    cr_buf_free(&commands);
    return status;
}

static void take_item(const struct ota_item *item, cr_buf *tlvs, enum smsr_event *event,
                      const char **why)
{
    switch (item->kind) {
    case OTA_ITEM_APDU:
        der_put(tlvs, OTA_TAG_R_APDU, item->value);
        break;
    case OTA_ITEM_SCP03T:
        cr_buf_append_span(tlvs, item->value);
        break;
    case OTA_ITEM_CHAINING:
        der_put(tlvs, OTA_TAG_CHAINING, item->value);
        *event = SMSR_EV_ERROR;
        *why = "the eUICC says that the script does not continue the one before";
        break;
    case OTA_ITEM_BAD_FORMAT:
        der_put(tlvs, OTA_TAG_BAD_FORMAT, item->value);
        *event = SMSR_EV_ERROR;
        *why = "the eUICC says that the script has a bad format";
        break;
    case OTA_ITEM_COUNT:
    case OTA_ITEM_IMMEDIATE:
    case OTA_ITEM_ERROR_ACTION:
        break;
    }
}

cr_status smsr_packet_outcome(cr_span response, cr_buf *tlvs, enum smsr_event *event,
                              const char **why, struct cr_err *err)
{
    struct ota_reader *reader;
    struct ota_item item;
    enum ota_step step;
    *event = SMSR_EV_OK;
    *why = NULL;
    if (response.n == 0) {
        return CR_OK;
    }
    CR_TRY(ota_reader_new(OTA_RESPONSES, false, &reader, err));
    cr_status status = ota_reader_feed(reader, response, err);
    ota_reader_finish(reader);
    step = status == CR_OK ? OTA_STEP_ITEM : OTA_STEP_BAD;
    while (step == OTA_STEP_ITEM) {
        step = ota_reader_next(reader, &item, err);
        if (step == OTA_STEP_ITEM) {
            take_item(&item, tlvs, event, why);
        }
    }
    if (status == CR_RESOURCE) {
        ota_reader_free(reader);
        return status;
    }
    if (step != OTA_STEP_END) {
        *event = SMSR_EV_UNANSWERED;
        *why = "the answer of the eUICC is no response script";
    }
    ota_reader_free(reader);
    return cr_buf_ok(tlvs) ? CR_OK : cr_fail_memory(err);
}

/* ---- keys --------------------------------------------------------------------------------------
 */

struct opened {
    struct ota_key kic, kid;
    uint8_t version;
};

static bool take_key(const struct smsr_key *key, struct ota_key *out)
{
    if (key->type != KEY_AES || (key->size != 16 && key->size != 24 && key->size != 32)) {
        return false;
    }
    *out = (struct ota_key){.algorithm = OTA_AES, .n = key->size, .mac_size = OTA_MAC_MAX};
    memcpy(out->value, key->value, key->size);
    return true;
}

/* version 0 = the lowest. *out is to be wiped. */
static cr_status open_keys(struct smsr *sr, struct store_tx *tx, cr_span eid, uint8_t version,
                           struct opened *out, struct cr_err *err)
{
    struct smsr_keyset keyset;
    CR_TRY(smsr_keyset_get(sr, tx, eid, SOAP_KEYSET_SCP80, version, &keyset, err));
    const bool good = keyset.version >= 1 && keyset.version <= MAX_KVN &&
                      take_key(&keyset.keys[0], &out->kic) && take_key(&keyset.keys[1], &out->kid);
    out->version = keyset.version;
    cr_wipe(&keyset, sizeof keyset);
    return good ? CR_OK
                : cr_refuse(err, "8.1.1", "5.1", CLAUSE,
                            "key set %u of the eUICC has no AES keys for SCP80", out->version);
}

static struct ota_keys keys_of(const struct opened *keys)
{
    return (struct ota_keys){.kic = &keys->kic, .kid = &keys->kid};
}

/* ---- commands ----------------------------------------------------------------------------------
 */

size_t smsr_packet_size(size_t n)
{
    return PACKET_FIXED + n + (BLOCK - (CIPHERED + n) % BLOCK) % BLOCK;
}

static cr_status tar_of(const struct smsr_sealing *what, uint8_t out[OTA_TAR], struct cr_err *err)
{
    const cr_span tars = what->euicc->isdr_tars;
    const cr_span aid = what->target.p ? what->target : what->euicc->isdr_aid;
    if (!what->target.p && tars.n >= OTA_TAR) {
        memcpy(out, tars.p, OTA_TAR);
        return CR_OK;
    }
    if (aid.n < TAR_IN_AID + OTA_TAR) {
        return cr_refuse(err, "8.1.1", "5.1", "SGP.02 2.2.3", "an AID without a TAR");
    }
    memcpy(out, aid.p + TAR_IN_AID, OTA_TAR);
    return CR_OK;
}

cr_status smsr_packet_seal(struct smsr *sr, struct store_tx *tx, const struct smsr_sealing *what,
                           cr_span payload, cr_buf *packet, uint8_t *version, uint64_t *counter,
                           struct cr_err *err)
{
    struct opened keys = {0};
    struct ota_command_fields fields = {
        .dialect = what->on_link ? OTA_BIP : OTA_SMS,
        .spi = {SPI1, what->por ? (uint8_t)(SPI2_SECURED | what->por) : 0}};
    CR_TRY(tar_of(what, fields.tar, err));
    cr_status status = open_keys(sr, tx, what->euicc->eid, what->version, &keys, err);
    *counter = what->counter;
    for (unsigned i = 0; i <= what->keep && status == CR_OK && !what->counter; i++) {
        status = smsr_keyset_count(tx, what->euicc->eid, keys.version, counter, err);
    }
    if (status == CR_OK) {
        *version = keys.version;
        fields.kic = fields.kid = (uint8_t)(keys.version << 4 | OTA_AES);
        fields.counter = *counter;
        status = ota_command_build(&fields, keys_of(&keys), payload, packet, err);
    }
    cr_wipe(&keys, sizeof keys);
    return status;
}

cr_status smsr_packet_answer(struct smsr *sr, struct store_tx *tx, const struct smsr_script *script,
                             cr_span response, cr_buf *scratch, struct ota_response *out,
                             struct cr_err *err)
{
    struct ota_command_header header;
    struct ota_response_fields fields;
    struct opened keys = {0};
    const bool on_link = script->channel == SMSR_CATTP && script->left;
    if (ota_command_read(on_link ? OTA_BIP : OTA_SMS, script->packet, &header, err) != OTA_OK) {
        return cr_fail(err, CR_INTERNAL, NULL, "the packet of a script cannot be read");
    }
    ota_response_fields_of(&header, script->counter, &fields);
    cr_status status = open_keys(sr, tx, script->eid, script->keyset, &keys, err);
    if (status == CR_OK) {
        /* An answer without a check is a hint for a person at best: SGP.02 knows none. */
        status = ota_response_open(&fields, keys_of(&keys), false, response, scratch, out, err);
    }
    cr_wipe(&keys, sizeof keys);
    return status;
}

/* ---- notifications -----------------------------------------------------------------------------
 */

static bool find_either(cr_span in, uint32_t a, uint32_t b, size_t size, cr_span *out)
{
    struct der_tlv tlv;
    if (!der_find(in, a, &tlv) && !der_find(in, b, &tlv)) {
        return false;
    }
    *out = tlv.value;
    return tlv.value.n == size;
}

cr_status smsr_notification_read(cr_span e1, struct smsr_notification *out, struct cr_err *err)
{
    struct der_tlv frame, tlv;
    cr_span type, number;
    *out = (struct smsr_notification){0};
    CR_TRY(der_expect(&e1, DER_BER_LENGTHS, 0xE1, &frame, err));
    const cr_span in = frame.value;
    if (e1.n || !find_either(in, 0x4C, 0x4C, SOAP_EID_SIZE, &out->eid) ||
        !find_either(in, 0x4D, 0x4D, 1, &type) || !find_either(in, 0x4E, 0x4E, 2, &number) ||
        !(find_either(in, 0x2F, 0xAF, 16, &out->aid) ||
          find_either(in, 0x4F, 0x4F, 16, &out->aid))) {
        return cr_fail(err, CR_MALFORMED, "SGP.02 4.1.1.11",
                       "a notification without EID, type, number or AID");
    }
    out->type = type.p[0];
    out->number = (uint16_t)(number.p[0] << 8 | number.p[1]);
    if (!find_either(in, 0x14, 0x94, 8, &out->imei)) {
        out->imei = (cr_span){0};
    }
    if ((der_find(in, 0x6D, &tlv) || der_find(in, 0xED, &tlv)) &&
        (tlv.value.n == 7 || tlv.value.n == 8)) {
        out->meid = tlv.value;
    }
    return CR_OK;
}

/* The eUICC is named inside what its key protects: nothing of it is believed before the check. */
static cr_status claimed_eid(const struct ota_command_header *header, cr_span *out,
                             struct cr_err *err)
{
    struct smsr_notification claim;
    const size_t skip = OTA_COUNTER + 1 + header->check_size;
    if ((header->spi[0] & OTA_SPI1_CHECK) != OTA_SPI1_CC || (header->spi[0] & OTA_SPI1_CIPHER) ||
        OTA_ALGORITHM(header->kid) != OTA_AES || header->check_size != OTA_MAC_MAX ||
        header->body.n <= skip) {
        return cr_fail(err, CR_REFUSED, "SGP.02 4.1.1.11",
                       "a packet from an eUICC that is no notification with a CC");
    }
    CR_TRY(smsr_notification_read(cr_span_sub(header->body, skip, header->body.n), &claim, err));
    *out = claim.eid;
    return CR_OK;
}

cr_status smsr_packet_notification(struct smsr *sr, struct store_tx *tx, cr_span packet,
                                   cr_buf *scratch, struct smsr_notification *out,
                                   struct cr_err *err)
{
    struct ota_command_header header;
    struct ota_command command;
    struct opened keys = {0};
    cr_span eid;
    if (ota_command_read(OTA_SMS, packet, &header, err) != OTA_OK) {
        return CR_MALFORMED;
    }
    CR_TRY(claimed_eid(&header, &eid, err));
    if (OTA_KVN(header.kid) == 0) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "a notification that names no key set");
    }
    cr_status status = open_keys(sr, tx, eid, OTA_KVN(header.kid), &keys, err);
    if (status == CR_OK) {
        const enum ota_result result =
            ota_command_open(&header, keys_of(&keys), scratch, &command, err);
        if (result != OTA_OK) {
            status = err && err->category == CR_RESOURCE
                         ? CR_RESOURCE
                         : cr_fail(err, CR_REFUSED, CLAUSE, "a notification whose CC is wrong");
        }
    }
    cr_wipe(&keys, sizeof keys);
    CR_TRY(status);
    return smsr_notification_read(command.data, out, err);
}
