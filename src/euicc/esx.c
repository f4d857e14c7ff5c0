/*
 * What the device may say to the chip (ESx, SGP.02 4.1.4): Test and Emergency Profile, without a
 * secure channel; and the ECASD, which everybody may ask for the EID. The coding of the four
 * functions is this program's own, in one table.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"

enum which { TEST, EMERGENCY };

struct esx_row {
    uint16_t dgi;
    enum which which;
    bool enable;
};

static const struct esx_row rows[] = {{0x3A0B, TEST, true},
                                      {0x3A0C, TEST, false},
                                      {0x3A0D, EMERGENCY, true},
                                      {0x3A0E, EMERGENCY, false}};

/* ---- the switch --------------------------------------------------------------------------------
 */

static bool find(const struct euicc_m2m *m, const struct m2m_state *state, enum which which,
                 struct gp_object *out)
{
    struct gp_object isdp = {0};
    while (euicc_m2m_isdp_next(&m->reg, isdp.id, &isdp)) {
        bool right = which == TEST ? (euicc_m2m_marks(&m->reg, &isdp) & M2M_MARK_TEST) != 0
                                   : euicc_m2m_isdp_id(&isdp) == state->emergency;
        if (right && isdp.state >= M2M_DISABLED) {
            *out = isdp;
            return true;
        }
    }
    return false;
}

/* A change that waits for its confirmation gives way to an emergency: it is rolled back, and the
 * notification of that waits until the local switch ends. */
static cr_status undo_change(struct euicc_m2m *m, struct m2m_state *state, struct cr_err *err)
{
    struct gp_object old;
    if ((state->cause == M2M_BY_ENABLE || state->cause == M2M_BY_DISABLE) &&
        euicc_m2m_isdp(&m->reg, (uint16_t)state->from, &old)) {
        return euicc_m2m_switch(m, state, M2M_BY_ROLL_BACK, (uint16_t)state->to,
                                (uint16_t)state->from, err);
    }
    return CR_OK;
}

static uicc_sw go(struct euicc_m2m *m, struct m2m_state *state, uint16_t to)
{
    uint16_t from = euicc_id_get(m->e->nvm, "on");
    if (euicc_m2m_switch(m, state, M2M_BY_LOCAL, from, to, NULL) != CR_OK) {
        return UICC_SW_MEMORY;
    }
    euicc_m2m_switch_go(m);
    return UICC_SW_OK;
}

static uicc_sw enable(struct euicc_m2m *m, struct m2m_state *state, enum which which,
                      const struct gp_object *isdp)
{
    struct gp_object emergency;
    bool in_emergency = find(m, state, EMERGENCY, &emergency) && emergency.state == M2M_ENABLED;
    bool change = state->cause == M2M_BY_ENABLE || state->cause == M2M_BY_DISABLE;
    if (isdp->state == M2M_ENABLED || m->switching || (which == TEST && (in_emergency || change))) {
        return UICC_SW_CONDITIONS;
    }
    if (undo_change(m, state, NULL) != CR_OK) {
        return UICC_SW_MEMORY;
    }
    if (!state->local) {
        state->local = euicc_id_get(m->e->nvm, "on");
    }
    return go(m, state, euicc_m2m_isdp_id(isdp));
}

static uicc_sw disable(struct euicc_m2m *m, struct m2m_state *state, const struct gp_object *isdp)
{
    struct gp_object back;
    if (isdp->state != M2M_ENABLED || !state->local || m->switching) {
        return UICC_SW_CONDITIONS;
    }
    if (!euicc_m2m_isdp(&m->reg, (uint16_t)state->local, &back) &&
        !euicc_m2m_isdp(&m->reg, (uint16_t)state->fall_back, &back)) {
        return UICC_SW_CONDITIONS;
    }
    state->local = 0;
    return go(m, state, euicc_m2m_isdp_id(&back));
}

static uicc_sw run(struct euicc_m2m *m, const struct esx_row *row)
{
    struct m2m_state state;
    struct gp_object isdp;
    if (!euicc_m2m_state_get(m->e->nvm, &state)) {
        return UICC_SW_MEMORY;
    }
    if (!find(m, &state, row->which, &isdp)) {
        return UICC_SW_NO_REFERENCE;
    }
    return row->enable ? enable(m, &state, row->which, &isdp) : disable(m, &state, &isdp);
}

/* ---- ISD-R as an application ------------------------------------------------------------------
 */

static const uint8_t ISDR_AID[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                   0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};
static const uint8_t ECASD_AID[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                    0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x02, 0x00};

static uicc_sw put_fci(struct uicc_call *call, cr_span aid)
{
    static const uint8_t longest[] = {0x9F, 0x65, 0x01, 0xFF};
    size_t mark = der_open(call->out, 0x6F);
    der_put(call->out, 0x84, aid);
    der_put(call->out, 0xA5, CR_SPAN_ARRAY(longest));
    der_close(call->out, mark);
    return UICC_SW_OK;
}

static uicc_sw isdr_select(void *ctx, struct uicc_call *call)
{
    (void)ctx;
    return put_fci(call, CR_SPAN_ARRAY(ISDR_AID));
}

static uicc_sw isdr_process(void *ctx, struct uicc_call *call)
{
    const struct uicc_apdu *a = call->apdu;
    if (a->ins != 0xE2) {
        return UICC_SW_WRONG_INS;
    }
    if (!a->proprietary) {
        return UICC_SW_WRONG_CLA;
    }
    if (a->p1 != 0x88 || a->p2 != 0x00) {
        return UICC_SW_WRONG_P1P2;
    }
    if (a->data.n != 3 || a->data.p[2] != 0x00) {
        return UICC_SW_WRONG_DATA;
    }
    uint16_t dgi = (uint16_t)(a->data.p[0] << 8 | a->data.p[1]);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (rows[i].dgi == dgi) {
            uicc_sw sw = run(ctx, &rows[i]);
            call->discard = sw != UICC_SW_OK;
            return sw;
        }
    }
    return UICC_SW_SECURITY; /* the rest of STORE DATA is the SM-SR's */
}

/* What the last command left in RAM may be more than the memory has. */
static void isdr_aborted(void *ctx)
{
    struct euicc_m2m *m = ctx;
    char prefix[EUICC_PREFIX];
    uint16_t enabled = euicc_id_get(m->e->nvm, "on");
    const struct uicc_fs *visible = uicc_profile(m->e->uicc);
    cr_span wanted = enabled ? euicc_profile_prefix(enabled, prefix) : (cr_span){0};
    cr_span seen = visible ? cr_span_of(visible->prefix, visible->prefix_size) : (cr_span){0};
    euicc_m2m_establishment_drop(m);
    euicc_m2m_download_drop(m);
    m->listed = 0;
    m->sending = false;
    m->switching = !cr_span_equal(wanted, seen);
    m->e->refresh_pending = m->switching && uicc_proactive_pending(m->e->uicc) > 0;
}

/* ---- ECASD as an application ------------------------------------------------------------------
 */

static uicc_sw ecasd_select(void *ctx, struct uicc_call *call)
{
    (void)ctx;
    return put_fci(call, CR_SPAN_ARRAY(ECASD_AID));
}

static uicc_sw ecasd_process(void *ctx, struct uicc_call *call)
{
    const struct euicc_m2m *m = ctx;
    const struct uicc_apdu *a = call->apdu;
    if (a->ins != 0xCA) {
        return UICC_SW_WRONG_INS;
    }
    if (a->p1 != 0x00 || a->p2 != 0x5A) {
        return UICC_SW_NO_REFERENCE;
    }
    der_put(call->out, 0x5A, m->e->config.eid);
    return UICC_SW_OK;
}

cr_status euicc_m2m_applications(struct euicc_m2m *m, struct cr_err *err)
{
    struct uicc_app isdr = {.ctx = m,
                            .aid_size = sizeof ISDR_AID,
                            .select = isdr_select,
                            .process = isdr_process,
                            .aborted = isdr_aborted};
    struct uicc_app ecasd = {
        .ctx = m, .aid_size = sizeof ECASD_AID, .select = ecasd_select, .process = ecasd_process};
    memcpy(isdr.aid, ISDR_AID, sizeof ISDR_AID);
    memcpy(ecasd.aid, ECASD_AID, sizeof ECASD_AID);
    CR_TRY(uicc_register(m->e->uicc, &isdr, err));
    return uicc_register(m->e->uicc, &ecasd, err);
}
