/*
 * SMS-PP download: an ENVELOPE brings a message, messages make a secured packet, the packet a
 * script for what its TAR names, and the proof of receipt goes back (TS 31.115, TS 102 225;
 * SGP.02 4.1.3). Packets that come over a channel of the card's own (CAT_TP) go the same way from
 * where they are whole.
 */
#include "asn1/der.h"
#include "gp/internal.h"
#include "ota/packet.h"

static const uint8_t response_header[] = {0x02, 0x71, 0x00};

/* A packet on its way through the card. */
struct packet {
    struct gp *gp;
    const struct gp_registry *reg; /* of the target; NULL = nobody has the TAR */
    enum ota_dialect dialect;
    const struct sms_address *sender; /* OTA_SMS */
    struct ota_command_header header;
    struct gp_object target;
    uint16_t owner;           /* domain whose keys secure it */
    uint8_t kic_kvn, kid_kvn; /* versions that were found; 0 = none */
    struct ota_key kic, kid;  /* secret */
    uint64_t counter;
    cr_buf scratch; /* deciphered; secret */
    cr_buf answer;  /* response script */
};

/* --- who and with what keys --------------------------------------------------------------------
 */

bool gp_reachable(const struct gp_object *o)
{
    return !(o->state & GP_LOCKED) && o->state >= GP_SELECTABLE &&
           (o->kind == GP_DOMAIN || o->kind == GP_RFM);
}

/* What a TAR names, when it can be reached now. */
static bool target_of(const struct gp_registry *reg, const uint8_t tar[3], struct gp_object *out)
{
    return gp_object_by_tar(reg, tar, out) && gp_reachable(out);
}

static bool find_target(struct packet *p)
{
    struct gp *gp = p->gp;
    if (gp->hooks.card && target_of(gp->hooks.card, p->header.tar, &p->target)) {
        p->reg = gp->hooks.card;
    } else if (p->dialect == OTA_SMS && gp->visible &&
               target_of(&gp->reg, p->header.tar, &p->target)) {
        p->reg = &gp->reg;
    }
    return p->reg != NULL;
}

static bool has_keys(const struct gp_registry *reg, uint16_t domain, uint8_t first, uint8_t last)
{
    struct gp_key key;
    bool found = gp_key_next(reg, domain, (uint8_t)(first - 1), 0xFF, &key) && key.kvn <= last;
    cr_wipe(&key, sizeof key);
    return found;
}

uint16_t gp_owner_of(const struct gp_registry *reg, const struct gp_object *target, uint8_t first,
                     uint8_t last)
{
    struct gp_object o;
    uint16_t id = target->kind == GP_DOMAIN ? target->id : target->domain;
    for (unsigned n = 0; n < GP_MAX_OBJECTS && gp_object_get(reg, id, &o); n++) {
        if (o.state & GP_LOCKED) {
            return 0;
        }
        if (has_keys(reg, id, first, last)) {
            return id;
        }
        if (o.domain == id) {
            return 0;
        }
        id = o.domain;
    }
    return 0;
}

static bool key_convert(const struct gp_key *from, struct ota_key *out)
{
    *out = (struct ota_key){.n = from->n, .mac_size = from->mac_size};
    if (from->type == GP_KEY_AES) {
        out->algorithm = OTA_AES;
    } else if (from->type == GP_KEY_DES) {
        out->algorithm = from->n == 24 ? OTA_3DES_3 : from->n == 16 ? OTA_3DES_2 : OTA_DES_CBC;
    } else {
        return false;
    }
    memcpy(out->value, from->value, from->n);
    return true;
}

/* Does a key suit the algorithm that a header byte asks for? The packet codec decides; this chooses
 * among versions when none is named. */
static bool key_suits(const struct ota_key *key, enum ota_algorithm wanted)
{
    return wanted == OTA_ALGORITHM_IMPLICIT || (key->algorithm == OTA_AES) == (wanted == OTA_AES);
}

/* The key that KIc or KID names: by version, or for version 0 the first that suits. The version it
 * has; 0 = none. */
static uint8_t key_find(const struct gp_registry *reg, uint16_t owner, uint8_t kid, uint8_t name,
                        struct ota_key *out)
{
    struct gp_key key;
    uint8_t wanted = OTA_KVN(name), found = 0;
    for (uint8_t kvn = wanted ? wanted : 1; !found && kvn <= (wanted ? wanted : GP_KVN_SCP80_LAST);
         kvn++) {
        if (gp_key_get(reg, owner, kvn, kid, &key) && key_convert(&key, out) &&
            (wanted || key_suits(out, OTA_ALGORITHM(name)))) {
            found = kvn;
        }
    }
    cr_wipe(&key, sizeof key);
    return found;
}

static struct ota_keys keys_of(const struct packet *p)
{
    return (struct ota_keys){.kic = p->kic_kvn ? &p->kic : NULL,
                             .kid = p->kid_kvn ? &p->kid : NULL};
}

/* --- acceptance --------------------------------------------------------------------------------
 */

static bool by_cc(const struct packet *p)
{
    return (p->header.spi[0] & OTA_SPI1_CHECK) == OTA_SPI1_CC;
}

static bool ciphered(const struct packet *p)
{
    return (p->header.spi[0] & OTA_SPI1_CIPHER) != 0;
}

/* A domain executes nothing without a cryptographic checksum, whatever its parameters say. */
static uint8_t minimum_level(const struct gp_object *target)
{
    uint8_t level = target->has_msl ? target->msl : OTA_SPI1_CC;
    if (target->kind == GP_DOMAIN && (level & OTA_SPI1_CHECK) < OTA_SPI1_CC) {
        level = (uint8_t)((level & ~OTA_SPI1_CHECK) | OTA_SPI1_CC);
    }
    return level;
}

/* The counter of the key version that proves the sender. Nobody else may move it. */
static enum ota_result count(struct packet *p)
{
    struct gp_counters counters;
    struct cr_err err;
    uint8_t kvn = by_cc(p) ? p->kid_kvn : ciphered(p) ? p->kic_kvn : 0;
    bool proved = by_cc(p) || (ciphered(p) && (p->header.spi[0] & OTA_SPI1_CHECK) == OTA_SPI1_RC);
    uint64_t next;
    gp_counters_get(p->reg, p->owner, kvn, &counters);
    enum ota_result result =
        ota_counter_check(p->header.spi[0], counters.packets, p->counter, &next);
    if (result == OTA_OK && proved && next != counters.packets) {
        counters.packets = next;
        if (gp_counters_put(p->reg, p->owner, kvn, &counters, &err) != CR_OK) {
            return OTA_COUNTER_BLOCKED; /* what is not remembered must not be executed */
        }
    }
    return result;
}

/* The four steps of ota/packet.h. */
static enum ota_result accept_packet(struct packet *p, struct ota_command *command)
{
    struct cr_err err;
    if (!find_target(p)) {
        return OTA_TAR_UNKNOWN;
    }
    p->owner = gp_owner_of(p->reg, &p->target, 1, GP_KVN_SCP80_LAST);
    if (p->owner) {
        p->kic_kvn = key_find(p->reg, p->owner, GP_KID_ENC, p->header.kic, &p->kic);
        p->kid_kvn = key_find(p->reg, p->owner, GP_KID_MAC, p->header.kid, &p->kid);
    }
    enum ota_result result = ota_command_open(&p->header, keys_of(p), &p->scratch, command, &err);
    if (result != OTA_OK) {
        return result;
    }
    p->counter = command->counter;
    if (!ota_spi_sufficient(p->header.spi[0], minimum_level(&p->target))) {
        return OTA_LEVEL_INSUFFICIENT;
    }
    return count(p);
}

/* --- the way back ------------------------------------------------------------------------------
 */

struct sender {
    struct packet *p;
    uint8_t reference;
};

static cr_status send_segment(void *ctx, uint8_t number, uint8_t count_all, cr_span ud,
                              struct cr_err *err)
{
    const struct sender *s = ctx;
    struct sms_tpdu t = {.type = SMS_SUBMIT,
                         .has_header = true,
                         .reference = s->reference,
                         .address = *s->p->sender,
                         .pid = SMS_PID_USIM_DOWNLOAD,
                         .dcs = SMS_DCS_8BIT_CLASS2,
                         .ud = ud};
    cr_buf tpdu = {0};
    const struct gp_hooks *hooks = &s->p->gp->hooks;
    cr_span smsc = hooks->smsc ? hooks->smsc(hooks->ctx) : (cr_span){0};
    (void)number;
    (void)count_all;
    cr_status status = sms_encode(&t, &tpdu, err);
    if (status == CR_OK) {
        status = uicc_proactive_send_sms(s->p->gp->uicc, smsc, cr_buf_span(&tpdu), UICC_RETRY_ANY,
                                         NULL, NULL, err);
    }
    cr_buf_free(&tpdu);
    return status;
}

/* By SMS-SUBMIT, in as many as it takes; all or none. */
static bool send_submit(struct packet *p, cr_span response)
{
    struct gp *gp = p->gp;
    struct sender s = {.p = p, .reference = ++gp->sms_reference};
    struct sms_cut cut = {.packet = SMS_IEI_RESPONSE_PACKET,
                          .reference = gp->sms_reference,
                          .max_segments = GP_MAX_SCRIPT_SMS};
    size_t n = sms_segment_count(&cut, response.n);
    return n <= GP_MAX_SCRIPT_SMS && n <= uicc_proactive_room(gp->uicc) &&
           sms_segment(&cut, response, send_segment, &s, NULL) == CR_OK;
}

static bool build(const struct packet *p, const struct ota_response_fields *fields, uint8_t status,
                  cr_span data, cr_buf *out)
{
    cr_buf_reset(out);
    return ota_response_build(fields, keys_of(p), status, data, out, NULL) == CR_OK;
}

/* In the answer to the ENVELOPE: RP-ACK, or with an error status RP-ERROR. */
static uicc_sw report(struct uicc_call *call, uint8_t status, cr_span response)
{
    cr_buf_append(call->out, response_header, sizeof response_header);
    cr_buf_append_span(call->out, response);
    return status == OTA_STATUS_OK || status == OTA_STATUS_FOLLOWS_SMS ? UICC_SW_OK
                                                                       : UICC_SW_REPORT_ERROR;
}

/* False: nothing is told. */
static bool response_fields(const struct packet *p, enum ota_result result,
                            struct ota_response_fields *out)
{
    const struct ota_result_row *row = ota_result_row(result);
    if (row->tell == OTA_TELL_NOTHING || !ota_response_wanted(p->header.spi[1], row->status)) {
        return false;
    }
    if ((row->tell == OTA_TELL_UNPROVED || result == OTA_LEVEL_INSUFFICIENT) && p->reg &&
        gp_is_card(p->gp, p->reg)) {
        return false; /* SGP.02 2.2.5.1: dropped without a word */
    }
    ota_response_fields_of(&p->header, p->counter, out);
    if (row->tell == OTA_TELL_UNPROVED) {
        out->spi[1] &= (uint8_t) ~(OTA_SPI2_CHECK | OTA_SPI2_CIPHER);
    }
    return true;
}

static uicc_sw respond(struct packet *p, struct uicc_call *call, enum ota_result result)
{
    const struct ota_result_row *row = ota_result_row(result);
    struct ota_response_fields fields;
    cr_buf response = {0};
    uint8_t spi2 = p->header.spi[1], status = row->status;
    cr_span data = cr_buf_span(&p->answer);
    uicc_sw sw = UICC_SW_OK;
    if (!response_fields(p, result, &fields)) {
        return UICC_SW_OK;
    }
    /* Who is not proved gets an answer on the way he came, never a message that costs somebody
     * something. */
    bool submit = (spi2 & OTA_SPI2_SUBMIT) && row->tell == OTA_TELL_STATUS;
    bool built = build(p, &fields, status, data, &response);
    if (built && submit) {
        if (!send_submit(p, cr_buf_span(&response)) &&
            build(p, &fields, OTA_STATUS_NO_MEMORY, (cr_span){0}, &response)) {
            /* What cannot be told for its size is told to be so; nothing more can be done for a
             * terminal that does not send messages. */
            (void)send_submit(p, cr_buf_span(&response));
        }
    } else if (built && response.n + sizeof response_header > GP_REPORT_MAX) {
        status =
            send_submit(p, cr_buf_span(&response)) ? OTA_STATUS_FOLLOWS_SMS : OTA_STATUS_NO_MEMORY;
        if (build(p, &fields, status, (cr_span){0}, &response)) {
            sw = report(call, status, cr_buf_span(&response));
        }
    } else if (built) {
        sw = report(call, status, cr_buf_span(&response));
    }
    cr_buf_free(&response);
    return sw;
}

/* --- a whole packet ----------------------------------------------------------------------------
 */

static void execute(struct packet *p, cr_span data)
{
    struct gp *gp = p->gp;
    struct cr_err err;
    struct gp_script script = {.gp = gp,
                               .reg = p->reg,
                               .target = p->target,
                               .spi1 = p->header.spi[0],
                               .packet_domain = p->owner,
                               .packet_kvn = by_cc(p) ? p->kid_kvn : p->kic_kvn};
    struct gp_air *air = gp_air_of(gp, p->reg);
    size_t mark = nvm_mark(p->reg->nvm);
    p->answer.limit = GP_MAX_RESPONSE + 64;
    if (gp_script_run(&script, data, &p->answer, &err) != CR_OK) {
        nvm_rollback_to(p->reg->nvm, mark); /* the counter stays */
        cr_buf_reset(&p->answer);
        air->chain.object = 0;
        gp_context_drop(&air->ctx);
        gp_sync(gp);
    }
}

#define TRIGGER 0x81 /* a bare TLV instead of a script */

static bool is_trigger(const struct packet *p, const struct ota_command *command)
{
    return p->gp->hooks.trigger && p->target.kind == GP_DOMAIN && command->data.n &&
           command->data.p[0] == TRIGGER;
}

/* Takes a packet and executes what it brings; command points into p->scratch. */
static enum ota_result packet_take(struct packet *p, cr_span bytes, struct ota_command *command)
{
    struct cr_err err;
    enum ota_result result = ota_command_read(p->dialect, bytes, &p->header, &err);
    if (result != OTA_OK) {
        return result;
    }
    if (!ciphered(p) && p->header.body.n >= OTA_COUNTER) {
        for (size_t i = 0; i < OTA_COUNTER; i++) {
            p->counter = p->counter << 8 | p->header.body.p[i];
        }
    }
    result = accept_packet(p, command);
    if (result == OTA_OK && command->data.n && !is_trigger(p, command)) {
        execute(p, command->data);
    }
    return result;
}

/* The layer above hears of what came for the card's own domains. */
static void packet_heard(const struct packet *p, const struct ota_command *command)
{
    struct gp *gp = p->gp;
    const struct gp_requester who = {.gp = gp,
                                     .reg = p->reg,
                                     .domain = &p->target,
                                     .remote = true,
                                     .level = p->header.spi[0],
                                     .kvn = by_cc(p) ? p->kid_kvn : p->kic_kvn,
                                     .trusted = p->owner == p->target.id};
    if (is_trigger(p, command)) {
        gp->hooks.trigger(gp->hooks.ctx, &who, command->data);
    }
    if (gp_is_card(gp, p->reg) && gp->hooks.answered) {
        gp->hooks.answered(gp->hooks.ctx, &who);
    }
}

static void packet_end(struct packet *p)
{
    cr_wipe(&p->kic, sizeof p->kic);
    cr_wipe(&p->kid, sizeof p->kid);
    cr_buf_free(&p->scratch);
    cr_buf_free(&p->answer);
}

static uicc_sw packet_run(struct gp *gp, struct uicc_call *call, const struct sms_address *sender,
                          cr_span bytes)
{
    struct packet p = {.gp = gp, .dialect = OTA_SMS, .sender = sender, .scratch = {.secret = true}};
    struct ota_command command;
    enum ota_result result = packet_take(&p, bytes, &command);
    uicc_sw sw = respond(&p, call, result);
    if (result == OTA_OK) {
        packet_heard(&p, &command);
    }
    packet_end(&p);
    return sw;
}

enum ota_result gp_card_packet(struct gp *gp, cr_span bytes, size_t room, cr_buf *response)
{
    struct packet p = {.gp = gp, .dialect = OTA_BIP, .scratch = {.secret = true}};
    struct ota_response_fields fields;
    struct ota_command command;
    cr_buf built = {0};
    enum ota_result result = packet_take(&p, bytes, &command);
    if (response_fields(&p, result, &fields)) {
        bool good =
            build(&p, &fields, ota_result_row(result)->status, cr_buf_span(&p.answer), &built);
        if (good && built.n > room) {
            good = build(&p, &fields, OTA_STATUS_NO_MEMORY, (cr_span){0}, &built);
        }
        if (good) {
            cr_buf_append_span(response, cr_buf_span(&built));
        }
    }
    cr_buf_free(&built);
    if (result == OTA_OK) {
        packet_heard(&p, &command);
    }
    packet_end(&p);
    return result;
}

/* --- a message ---------------------------------------------------------------------------------
 */

static uicc_sw sms_pp(void *ctx, struct uicc_call *call, const struct cat_envelope *envelope)
{
    struct gp *gp = ctx;
    struct sms_tpdu t;
    cr_span tpdu;
    if (envelope->source != CAT_DEVICE_NETWORK || envelope->target != CAT_DEVICE_UICC ||
        !cat_find(envelope->tlvs, CAT_TAG_SMS_TPDU, &tpdu) ||
        sms_decode(SMS_TO_CARD, tpdu, &t, NULL) != CR_OK || t.type != SMS_DELIVER) {
        return UICC_SW_WRONG_DATA;
    }
    if ((!gp->visible && !gp->hooks.card) || t.pid != SMS_PID_USIM_DOWNLOAD ||
        !sms_dcs_is_8bit_class2(t.dcs) || !t.has_header) {
        return UICC_NOT_MINE;
    }
    enum sms_assembly state;
    uint8_t packet = 0;
    cr_buf whole = {.secret = true};
    uicc_sw sw = UICC_SW_OK;
    cr_status status =
        sms_assembler_add(gp->assembler, &t.address, t.has_header, t.ud,
                          cr_now_ms(uicc_env(gp->uicc)), &state, &packet, &whole, NULL);
    if (status == CR_OK && state == SMS_ASSEMBLED) {
        sw = packet == SMS_IEI_COMMAND_PACKET
                 ? packet_run(gp, call, &t.address, cr_buf_span(&whole))
                 : UICC_NOT_MINE;
    } else if (status == CR_RESOURCE) {
        sw = UICC_SW_TOOLKIT_BUSY;
    }
    /* What waits for its other parts, came twice or is broken: taken, nothing to say. */
    cr_buf_free(&whole);
    return sw;
}

cr_status gp_endpoint_new(struct gp *gp, struct cr_err *err)
{
    struct sms_assembler_limits limits = {.segments = GP_MAX_SCRIPT_SMS};
    struct uicc_toolkit_owner owner = {
        .ctx = gp, .envelopes = UICC_ENVELOPE_BIT(CAT_SMS_PP_DOWNLOAD), .envelope = sms_pp};
    CR_TRY(sms_assembler_new(&limits, &gp->assembler, err));
    cr_status status = uicc_toolkit_register(gp->uicc, &owner, &gp->toolkit, err);
    if (status != CR_OK) {
        sms_assembler_free(gp->assembler);
    }
    return status;
}

void gp_endpoint_reset(struct gp *gp)
{
    sms_assembler_clear(gp->assembler);
}

void gp_endpoint_free(struct gp *gp)
{
    uicc_toolkit_unregister(gp->uicc, gp->toolkit);
    sms_assembler_free(gp->assembler);
}
