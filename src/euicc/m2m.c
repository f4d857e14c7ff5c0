/*
 * The machine's personality as an object: registry, what a cut left behind, and the ways in:
 * secured packets (gp/gp.h) and the toolkit.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "euicc/cattp.h"
#include "euicc/https.h"

#include <stdlib.h>

#define REGISTRY "c/"

bool euicc_m2m_registry(struct nvm *nvm, struct gp_registry *out)
{
    return gp_registry_init(out, nvm, cr_span_str(REGISTRY));
}

/* ---- ISD-Ps ------------------------------------------------------------------------------------
 */

uint16_t euicc_m2m_isdp_id(const struct gp_object *isdp)
{
    return isdp->aid.n == M2M_AID ? (uint16_t)(isdp->aid.p[13] << 8 | isdp->aid.p[14]) : 0;
}

bool euicc_m2m_isdp_by_aid(const struct gp_registry *reg, cr_span aid, struct gp_object *out)
{
    uint8_t expected[M2M_AID];
    struct gp_object o;
    if (aid.n != M2M_AID) {
        return false;
    }
    uint16_t id = (uint16_t)(aid.p[13] << 8 | aid.p[14]);
    if (id < M2M_FIRST_TAR || !cr_span_equal(euicc_isdp_aid(id, expected), aid) ||
        !gp_object_by_aid(reg, aid, &o) || o.kind != GP_DOMAIN) {
        return false;
    }
    *out = o;
    return true;
}

bool euicc_m2m_isdp(const struct gp_registry *reg, uint16_t id, struct gp_object *out)
{
    uint8_t aid[M2M_AID];
    return id && euicc_m2m_isdp_by_aid(reg, euicc_isdp_aid(id, aid), out);
}

bool euicc_m2m_isdp_next(const struct gp_registry *reg, uint16_t after, struct gp_object *out)
{
    struct gp_object o = {.id = after};
    while (gp_object_next(reg, o.id, &o)) {
        if (euicc_m2m_isdp_by_aid(reg, gp_aid_span(&o.aid), out)) {
            return true;
        }
    }
    return false;
}

cr_status euicc_m2m_isdp_delete(struct gp_registry *reg, const struct gp_object *isdp,
                                struct cr_err *err)
{
    char prefix[EUICC_PREFIX];
    CR_TRY(nvm_delete_prefix(reg->nvm, euicc_profile_prefix(euicc_m2m_isdp_id(isdp), prefix), err));
    return gp_object_delete(reg, isdp->id, err);
}

static uint64_t number(const struct gp_registry *reg, const struct gp_object *isdp, uint8_t tag)
{
    cr_span data = gp_data_get(reg, isdp->id, tag);
    uint64_t value = 0;
    for (size_t i = 2; i < data.n; i++) {
        value = value << 8 | data.p[i];
    }
    return value;
}

cr_status euicc_m2m_number_put(const struct gp_registry *reg, const struct gp_object *isdp,
                               uint8_t tag, uint64_t value, size_t bytes, struct cr_err *err)
{
    uint8_t tlv[10] = {tag, (uint8_t)bytes};
    for (size_t i = 0; i < bytes; i++) {
        tlv[2 + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    }
    return gp_data_put(reg, isdp->id, tag, cr_span_of(tlv, 2 + bytes), err);
}

uint8_t euicc_m2m_pol1(const struct gp_registry *reg, const struct gp_object *isdp)
{
    return (uint8_t)number(reg, isdp, M2M_DATA_POL1);
}

uint8_t euicc_m2m_marks(const struct gp_registry *reg, const struct gp_object *isdp)
{
    return (uint8_t)number(reg, isdp, M2M_DATA_MARKS);
}

uint32_t euicc_m2m_quota(const struct gp_registry *reg, const struct gp_object *isdp)
{
    return (uint32_t)number(reg, isdp, M2M_DATA_QUOTA);
}

size_t euicc_m2m_size(const struct gp_registry *reg, const struct gp_object *isdp)
{
    char prefix[EUICC_PREFIX];
    return nvm_size_prefix(reg->nvm, euicc_profile_prefix(euicc_m2m_isdp_id(isdp), prefix), NULL);
}

size_t euicc_m2m_free_memory(const struct euicc_m2m *m)
{
    struct gp_object isdp = {0};
    size_t promised = 0, unused = euicc_free_memory(m->e);
    while (euicc_m2m_isdp_next(&m->reg, isdp.id, &isdp)) {
        size_t quota = euicc_m2m_quota(&m->reg, &isdp), size = euicc_m2m_size(&m->reg, &isdp);
        promised += quota > size ? quota - size : 0;
    }
    return promised < unused ? unused - promised : 0;
}

/* A download that a reset interrupted leaves its ISD-P as it was before. */
cr_status euicc_m2m_recover(struct nvm *nvm, const struct gp_registry *reg, struct cr_err *err)
{
    struct gp_object isdp = {0};
    char prefix[EUICC_PREFIX];
    while (euicc_m2m_isdp_next(reg, isdp.id, &isdp)) {
        if (isdp.state < M2M_DISABLED && euicc_m2m_size(reg, &isdp)) {
            CR_TRY(nvm_delete_prefix(nvm, euicc_profile_prefix(euicc_m2m_isdp_id(&isdp), prefix),
                                     err));
        }
    }
    return CR_OK;
}

/* ---- packets -----------------------------------------------------------------------------------
 */

static uicc_sw on_command(void *ctx, const struct gp_requester *who, const struct uicc_apdu *apdu,
                          cr_buf *out)
{
    struct euicc_m2m *m = ctx;
    struct gp_object isdp;
    if (who->domain->id == m->isdr) {
        return euicc_m2m_es5(m, who, apdu, out);
    }
    if (euicc_m2m_isdp_by_aid(&m->reg, gp_aid_span(&who->domain->aid), &isdp)) {
        return euicc_m2m_es8(m, who, apdu, out);
    }
    return UICC_SW_WRONG_INS; /* the ECASD serves domains of the card only */
}

static uicc_sw on_personalize(void *ctx, const struct gp_requester *who, cr_span aid)
{
    struct euicc_m2m *m = ctx;
    return who->reg == &m->reg ? UICC_SW_NO_REFERENCE : euicc_m2m_es6_personalize(m, who, aid);
}

/* 0070 takes identifiers of the provider: what the chip keeps beside them is not its business. */
static uicc_sw check_identifiers(cr_span value)
{
    struct der_tlv tlv;
    while (value.n) {
        if (der_next(&value, DER_DEFINITE, &tlv, NULL) != CR_OK ||
            (tlv.tag != 0x42 && tlv.tag != 0x45 && tlv.tag != 0x5F20 && tlv.tag != 0x93)) {
            return UICC_SW_WRONG_DATA;
        }
    }
    return UICC_NOT_MINE;
}

static uicc_sw on_store(void *ctx, const struct gp_requester *who, cr_span aid, uint16_t dgi,
                        cr_span value, bool last, cr_buf *out)
{
    struct euicc_m2m *m = ctx;
    struct gp_object isdp;
    (void)out;
    if (who->reg != &m->reg) {
        return euicc_m2m_es6_store(m, who, dgi, value, last);
    }
    if (!euicc_m2m_isdp_by_aid(&m->reg, aid, &isdp)) {
        return UICC_SW_NO_REFERENCE;
    }
    switch (dgi) {
    case 0x3A07:
        return euicc_m2m_store_parameters(&m->reg, isdp.id, 0xA0, value);
    case 0x0070:
        return check_identifiers(value);
    default:
        return UICC_SW_WRONG_DATA;
    }
}

static bool on_segments(void *ctx, const struct gp_requester *who)
{
    return euicc_m2m_download_begin(ctx, who);
}

static uicc_sw on_segment(void *ctx, const struct gp_requester *who, cr_span plain, cr_buf *out)
{
    return euicc_m2m_download_segment(ctx, who, plain, out);
}

static void on_answered(void *ctx, const struct gp_requester *who)
{
    struct euicc_m2m *m = ctx;
    struct m2m_state state;
    if (euicc_m2m_state_get(m->e->nvm, &state) && state.kvn != who->kvn) {
        state.kvn = who->kvn;
        /* Not kept: the next notification is under an older key, that the SM-SR knows as well. */
        cr_status status = euicc_m2m_state_put(m->e->nvm, &state, NULL);
        (void)status;
    }
    if (!euicc_m2m_cattp_busy(m)) {
        euicc_m2m_switch_go(m);
    }
}

static void on_trigger(void *ctx, const struct gp_requester *who, cr_span tlv)
{
    struct euicc_m2m *m = ctx;
    euicc_m2m_https_trigger(m, who->reg, who->domain->id, tlv);
}

static cr_span on_smsc(void *ctx)
{
    return euicc_m2m_smsc(ctx);
}

/* ---- toolkit -----------------------------------------------------------------------------------
 */

static void toolkit_started(void *ctx, struct uicc *uicc)
{
    (void)uicc;
    euicc_m2m_switch_started(ctx);
}

static void toolkit_reset(void *ctx, struct uicc *uicc)
{
    struct euicc_m2m *m = ctx;
    (void)uicc;
    euicc_m2m_establishment_drop(m);
    euicc_m2m_download_drop(m);
    euicc_m2m_https_drop(m);
    euicc_m2m_cattp_drop(m);
    m->listed = 0;
    euicc_m2m_switch_reset(m);
}

static void toolkit_event(void *ctx, struct uicc *uicc, uint8_t event,
                          const struct cat_envelope *envelope)
{
    cr_span status;
    (void)uicc;
    if (event == CAT_EVENT_LOCATION_STATUS &&
        cat_find(envelope->tlvs, CAT_TAG_LOCATION_STATUS, &status) && status.n == 1) {
        euicc_m2m_location(ctx, status.p[0]);
    }
}

static void toolkit_polled(void *ctx, struct uicc *uicc)
{
    (void)uicc;
    euicc_m2m_switch_polled(ctx);
}

/* ---- the object --------------------------------------------------------------------------------
 */

static cr_status attach(struct euicc_m2m *m, struct cr_err *err)
{
    const struct gp_hooks hooks = {.ctx = m,
                                   .personalize = on_personalize,
                                   .store = on_store,
                                   .card = &m->reg,
                                   .command = on_command,
                                   .segments = on_segments,
                                   .segment = on_segment,
                                   .trigger = on_trigger,
                                   .answered = on_answered,
                                   .smsc = on_smsc};
    const struct uicc_toolkit_owner owner = {.ctx = m,
                                             .started = toolkit_started,
                                             .reset = toolkit_reset,
                                             .event = toolkit_event,
                                             .polled = toolkit_polled};
    CR_TRY(euicc_m2m_applications(m, err));
    CR_TRY(gp_new(m->e->uicc, &hooks, &m->e->gp, err));
    return uicc_toolkit_register(m->e->uicc, &owner, &m->owner, err);
}

cr_status euicc_m2m_new(struct euicc *e, struct cr_err *err)
{
    struct euicc_m2m *m = calloc(1, sizeof(*m));
    struct gp_object root;
    if (!m) {
        return cr_fail_memory(err);
    }
    m->e = e;
    e->m2m = m;
    euicc_m2m_switch_init(m);
    CR_TRY(euicc_m2m_https_init(m, err));
    CR_TRY(euicc_m2m_cattp_init(m, err));
    if (!euicc_m2m_registry(e->nvm, &m->reg) || !gp_object_root(&m->reg, &root) ||
        !euicc_m2m_timing_get(e->nvm, &m->timing)) {
        return cr_fail(err, CR_MALFORMED, NULL, "the chip's registry is damaged");
    }
    m->isdr = root.id;
    return attach(m, err);
}

void euicc_m2m_free(struct euicc_m2m *m)
{
    if (m) {
        euicc_m2m_establishment_drop(m);
        euicc_m2m_download_drop(m);
        euicc_m2m_https_free(m);
        euicc_m2m_cattp_free(m);
        free(m);
    }
}
