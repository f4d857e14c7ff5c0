/*
 * The default notification (SGP.02 4.1.1.11, 3.15.1): what it says, and its way by SMS.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "euicc/https.h"
#include "ota/packet.h"
#include "ota/sms.h"

static const uint8_t ISDR_TAR[] = {0x00, 0x00, 0x01};

void euicc_m2m_note_build(const struct euicc_m2m *m, const struct m2m_state *state, cr_buf *out)
{
    const uint8_t type = (uint8_t)state->note;
    const uint8_t sequence[] = {(uint8_t)(state->sequence >> 8), (uint8_t)state->sequence};
    uint8_t aid[M2M_AID];
    size_t mark = der_open(out, 0xE1);
    der_put(out, 0x4C, m->e->config.eid);
    der_put(out, 0x4D, cr_span_of(&type, 1));
    der_put(out, 0x4E, CR_SPAN_ARRAY(sequence));
    der_put(out, 0x2F, euicc_isdp_aid(euicc_id_get(m->e->nvm, "on"), aid));
    if (m->imei_size) {
        der_put(out, 0x14, cr_span_of(m->imei, m->imei_size));
    }
    if (m->meid_size) {
        der_put(out, 0x6D, cr_span_of(m->meid, m->meid_size));
    }
    der_close(out, mark);
}

/* The set that secured the last command of the SM-SR, before any: the lowest. */
static bool note_key(const struct euicc_m2m *m, const struct m2m_state *state, struct gp_key *key)
{
    if (state->kvn >= 1 && state->kvn <= GP_KVN_SCP80_LAST &&
        gp_key_get(&m->reg, m->isdr, (uint8_t)state->kvn, GP_KID_MAC, key)) {
        return true;
    }
    for (uint8_t kvn = 1; kvn <= GP_KVN_SCP80_LAST; kvn++) {
        if (gp_key_get(&m->reg, m->isdr, kvn, GP_KID_MAC, key)) {
            return true;
        }
    }
    return false;
}

cr_status euicc_m2m_note_packet(const struct euicc_m2m *m, const struct m2m_state *state,
                                cr_buf *out, struct cr_err *err)
{
    struct gp_key key;
    struct ota_key kid = {.algorithm = OTA_AES, .mac_size = 8};
    if (!note_key(m, state, &key) || key.type != GP_KEY_AES) {
        cr_wipe(&key, sizeof key);
        return cr_fail(err, CR_REFUSED, "SGP.02 2.4.3", "the ISD-R has no SCP80 keys");
    }
    struct ota_command_fields fields = {.dialect = OTA_SMS,
                                        .spi = {OTA_SPI1_CC, 0x00},
                                        .kic = (uint8_t)(key.kvn << 4),
                                        .kid = (uint8_t)(key.kvn << 4 | OTA_AES)};
    cr_buf note = {0};
    memcpy(fields.tar, ISDR_TAR, sizeof fields.tar);
    kid.n = key.n;
    memcpy(kid.value, key.value, key.n);
    euicc_m2m_note_build(m, state, &note);
    cr_status status = cr_buf_ok(&note) ? ota_command_build(&fields, (struct ota_keys){.kid = &kid},
                                                            cr_buf_span(&note), out, err)
                                        : cr_fail_memory(err);
    cr_buf_free(&note);
    cr_wipe(&key, sizeof key);
    cr_wipe(&kid, sizeof kid);
    return status;
}

cr_span euicc_m2m_smsc(const struct euicc_m2m *m)
{
    struct gp_object isdp;
    const struct uicc_fs *visible = uicc_profile(m->e->uicc);
    char prefix[EUICC_PREFIX];
    struct gp_object next = {0};
    /* Of the profile that the terminal has, until it has the other one. */
    while (visible && euicc_m2m_isdp_next(&m->reg, next.id, &next)) {
        isdp = next;
        if (cr_span_equal(euicc_profile_prefix(euicc_m2m_isdp_id(&isdp), prefix),
                          cr_span_of(visible->prefix, visible->prefix_size))) {
            return euicc_m2m_parameter(&m->reg, isdp.id, 0xA0, 0x06);
        }
    }
    return (cr_span){0};
}

/* ---- SMS ---------------------------------------------------------------------------------------
 */

struct sender {
    struct euicc_m2m *m;
    struct sms_address to;
};

static void sent(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    (void)uicc;
    if (answer->outcome != UICC_RESET) {
        euicc_m2m_note_sent(ctx,
                            answer->outcome == UICC_ANSWERED && answer->result == CAT_RESULT_OK);
    }
}

static cr_status send_segment(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                              struct cr_err *err)
{
    const struct sender *s = ctx;
    struct sms_tpdu t = {.type = SMS_SUBMIT,
                         .has_header = true,
                         .reference = s->m->reference,
                         .address = s->to,
                         .pid = SMS_PID_USIM_DOWNLOAD,
                         .dcs = SMS_DCS_8BIT_CLASS2,
                         .ud = ud};
    cr_buf tpdu = {0};
    bool last = number == count;
    cr_status status = sms_encode(&t, &tpdu, err);
    if (status == CR_OK) {
        status =
            uicc_proactive_send_sms(s->m->e->uicc, euicc_m2m_smsc(s->m), cr_buf_span(&tpdu),
                                    UICC_RETRY_ANY, last ? sent : NULL, last ? s->m : NULL, err);
    }
    cr_buf_free(&tpdu);
    return status;
}

static bool send_sms(struct euicc_m2m *m, const struct m2m_state *state)
{
    struct sender s = {.m = m};
    struct sms_cut cut = {
        .packet = SMS_IEI_COMMAND_PACKET, .reference = ++m->reference, .max_segments = 4};
    cr_span address = euicc_m2m_parameter(&m->reg, m->isdr, 0xA3, 0x81);
    cr_buf packet = {0};
    bool good = address.p && sms_address_take(&address, &s.to, NULL) == CR_OK &&
                euicc_m2m_note_packet(m, state, &packet, NULL) == CR_OK &&
                sms_segment_count(&cut, packet.n) <= uicc_proactive_room(m->e->uicc) &&
                sms_segment(&cut, cr_buf_span(&packet), send_segment, &s, NULL) == CR_OK;
    cr_buf_free(&packet);
    return good;
}

static bool send_https(struct euicc_m2m *m, const struct m2m_state *state)
{
    cr_buf note = {0};
    euicc_m2m_note_build(m, state, &note);
    bool sent = cr_buf_ok(&note) && euicc_m2m_https_note(m, cr_buf_span(&note));
    cr_buf_free(&note);
    return sent;
}

/* HTTPS where it can be, then the one and the other in turn; whichever way there is, if only one.
 */
bool euicc_m2m_note_send(struct euicc_m2m *m, struct m2m_state *state)
{
    bool first = m->timing.transport == EUICC_M2M_HTTPS ||
                 (m->timing.transport == EUICC_M2M_AUTO && !(state->tries > 1 && state->https));
    bool both = m->timing.transport == EUICC_M2M_AUTO;
    state->https = first;
    if (first ? send_https(m, state) : send_sms(m, state)) {
        return true;
    }
    state->https = !first;
    return both && (first ? send_sms(m, state) : send_https(m, state));
}
