/*
 * The enabled profile changes (SGP.02 3.2, 3.3, 3.4, 3.15): journal, attachment, notification until
 * it is confirmed, roll-back, fall-back.
 *
 *   SETTLED --enable, disable--> BY_ENABLE, BY_DISABLE --confirmed--> SETTLED
 *                                   | no attachment, or tries used up
 *                                   v
 *                                BY_ROLL_BACK --service--> SETTLED, notification 03 pending
 *                                   | no attachment
 *                                   v
 *   SETTLED --service lost-----> BY_FALL_BACK --service--> SETTLED, notification 05 pending
 *                                   | no attachment: the other one of the two, again and again
 *
 * What was decided is in the memory before the terminal hears of it; timers and what was seen of
 * the network are RAM, and begin anew with the power.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "euicc/cattp.h"
#include "euicc/https.h"

/* ---- alarms ------------------------------------------------------------------------------------
 */

#define POLL_SECONDS 30

void euicc_m2m_alarm_stop(struct euicc_m2m *m, struct m2m_alarm *a)
{
    uicc_timer_stop(m->e->uicc, a->timer);
    a->timer = 0;
    a->polls = 0;
}

static bool alarm_runs(const struct m2m_alarm *a)
{
    return a->timer || a->polls;
}

static void alarm_by_polls(struct m2m_alarm *a, uint32_t seconds)
{
    a->timer = 0;
    a->polls = (seconds + POLL_SECONDS - 1) / POLL_SECONDS;
}

static void alarm_heard(void *ctx, struct uicc *uicc, unsigned timer, enum uicc_timer_news news,
                        uint32_t seconds)
{
    struct m2m_alarm *a = ctx;
    (void)uicc;
    if (timer != a->timer) {
        return;
    }
    a->timer = 0;
    if (news == UICC_TIMER_EXPIRED) {
        a->rings(a->ctx);
    } else if (news == UICC_TIMER_FAILED) {
        alarm_by_polls(a, seconds ? seconds : POLL_SECONDS);
    }
}

void euicc_m2m_alarm_start(struct euicc_m2m *m, struct m2m_alarm *a, uint32_t seconds)
{
    struct cr_err err;
    euicc_m2m_alarm_stop(m, a);
    seconds = seconds == 0 ? 1 : seconds > CAT_MAX_TIMER ? CAT_MAX_TIMER : seconds;
    if (uicc_timer_start(m->e->uicc, seconds, alarm_heard, a, &a->timer, &err) != CR_OK) {
        alarm_by_polls(a, seconds);
    }
}

/* ---- the terminal follows ----------------------------------------------------------------------
 */

static void watch(struct euicc_m2m *m);

static void show(struct euicc_m2m *m)
{
    /* Fails for a wrong prefix only, and this one is made here. */
    cr_status status = euicc_show_profile(m->e, NULL);
    (void)status;
    euicc_m2m_https_leave(m);
    m->switching = false;
    m->service = false;
    watch(m);
}

static void refreshed(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    (void)uicc;
    if (answer->outcome != UICC_RESET) {
        show(ctx);
    }
}

/* REFRESH behind what waits to be fetched: the answer to the command first. */
void euicc_m2m_switch_go(struct euicc_m2m *m)
{
    if (!m->switching || m->e->refresh_pending) {
        return;
    }
    euicc_m2m_https_leave(m);
    if (uicc_toolkit_offers(m->e->uicc, CAT_REFRESH, CAT_REFRESH_UICC_RESET) &&
        uicc_proactive_refresh(m->e->uicc, CAT_REFRESH_UICC_RESET, refreshed, m, NULL) == CR_OK) {
        m->e->refresh_pending = true;
        return;
    }
    show(m);
}

/* ---- the change --------------------------------------------------------------------------------
 */

static cr_status put_state(struct euicc_m2m *m, uint16_t id, uint8_t state, struct cr_err *err)
{
    struct gp_object isdp;
    if (!euicc_m2m_isdp(&m->reg, id, &isdp)) {
        return CR_OK;
    }
    isdp.state = state;
    return gp_object_put(&m->reg, &isdp, err);
}

static void new_note(struct m2m_state *state, int64_t type)
{
    state->note = type;
    state->sequence = (state->sequence + 1) & 0xFFFF;
    state->tries = 0;
}

/* A profile that fall-back leaves against its POL1 is the only one to go back to. */
static void move_pin(struct euicc_m2m *m, struct m2m_state *state, enum m2m_cause cause,
                     uint16_t from, uint16_t to)
{
    struct gp_object isdp;
    if (state->pinned == to) {
        state->pinned = 0;
    }
    if (cause == M2M_BY_FALL_BACK && euicc_m2m_isdp(&m->reg, from, &isdp) &&
        (euicc_m2m_pol1(&m->reg, &isdp) & M2M_POL1_NO_DISABLE)) {
        state->pinned = from;
    }
}

static int64_t note_of(const struct euicc_m2m *m, enum m2m_cause cause)
{
    switch (cause) {
    case M2M_BY_ENABLE:
        return M2M_NOTE_CHANGED;
    case M2M_BY_DISABLE:
        return m->timing.disable_type;
    case M2M_BY_ROLL_BACK:
        return M2M_NOTE_ROLLED_BACK;
    case M2M_BY_FALL_BACK:
        return M2M_NOTE_FALL_BACK;
    case M2M_SETTLED:
    case M2M_BY_LOCAL:
        break;
    }
    return M2M_NOTE_NONE;
}

cr_status euicc_m2m_switch(struct euicc_m2m *m, struct m2m_state *state, enum m2m_cause cause,
                           uint16_t from, uint16_t to, struct cr_err *err)
{
    CR_TRY(put_state(m, from, M2M_DISABLED, err));
    CR_TRY(put_state(m, to, M2M_ENABLED, err));
    CR_TRY(euicc_id_put(m->e->nvm, "on", to, err));
    move_pin(m, state, cause, from, to);
    if (cause != M2M_BY_LOCAL) {
        state->cause = cause;
        state->from = from;
        state->to = to;
        new_note(state, note_of(m, cause));
    }
    CR_TRY(euicc_m2m_state_put(m->e->nvm, state, err));
    euicc_m2m_alarm_stop(m, &m->attach);
    euicc_m2m_alarm_stop(m, &m->confirm);
    euicc_m2m_alarm_stop(m, &m->loss);
    m->switching = true;
    return CR_OK;
}

/* By the chip itself: nobody waits for an answer. */
static void switch_now(struct euicc_m2m *m, struct m2m_state *state, enum m2m_cause cause,
                       uint16_t to)
{
    if (euicc_m2m_switch(m, state, cause, euicc_id_get(m->e->nvm, "on"), to, NULL) == CR_OK) {
        euicc_m2m_switch_go(m);
    }
}

static bool exists(const struct euicc_m2m *m, int64_t id)
{
    struct gp_object isdp;
    return euicc_m2m_isdp(&m->reg, (uint16_t)id, &isdp) && isdp.state == M2M_DISABLED;
}

static void roll_back(struct euicc_m2m *m, struct m2m_state *state)
{
    if (exists(m, state->from)) {
        switch_now(m, state, M2M_BY_ROLL_BACK, (uint16_t)state->from);
        return;
    }
    /* There was no profile before: this one stays, and goes on telling. */
    state->cause = M2M_SETTLED;
    cr_status status = euicc_m2m_state_put(m->e->nvm, state, NULL);
    (void)status;
    watch(m);
}

static bool has_fall_back(const struct euicc_m2m *m, const struct m2m_state *state)
{
    return state->fall_back != euicc_id_get(m->e->nvm, "on") && exists(m, state->fall_back);
}

/* ---- attachment --------------------------------------------------------------------------------
 */

static void attach_failed(struct euicc_m2m *m)
{
    struct m2m_state state;
    if (!euicc_m2m_state_get(m->e->nvm, &state) || state.local) {
        return;
    }
    switch (state.cause) {
    case M2M_BY_ENABLE:
    case M2M_BY_DISABLE:
        roll_back(m, &state);
        return;
    case M2M_BY_ROLL_BACK:
        if (has_fall_back(m, &state)) {
            switch_now(m, &state, M2M_BY_FALL_BACK, (uint16_t)state.fall_back);
            return;
        }
        break;
    case M2M_BY_FALL_BACK:
        if (exists(m, state.from)) {
            switch_now(m, &state, M2M_BY_FALL_BACK, (uint16_t)state.from);
            return;
        }
        break;
    default:
        if (has_fall_back(m, &state)) {
            switch_now(m, &state, M2M_BY_FALL_BACK, (uint16_t)state.fall_back);
            return;
        }
        break;
    }
    watch(m); /* nothing better is there */
}

static uint32_t attach_step(const struct euicc_m2m *m)
{
    return m->attach_left < m->timing.look ? m->attach_left : (uint32_t)m->timing.look;
}

static void located(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    cr_span location;
    (void)uicc;
    if (answer->outcome == UICC_ANSWERED && answer->result == CAT_RESULT_OK &&
        cat_find(answer->tlvs, CAT_TAG_LOCATION, &location)) {
        euicc_m2m_location(ctx, CAT_SERVICE_NORMAL);
    }
}

static void attach_rings(void *ctx)
{
    struct euicc_m2m *m = ctx;
    uint32_t step = attach_step(m);
    m->attach_left -= step;
    if (m->attach_left == 0) {
        attach_failed(m);
        return;
    }
    euicc_m2m_alarm_start(m, &m->attach, attach_step(m));
    cr_status status =
        uicc_proactive_local_information(m->e->uicc, CAT_LOCAL_LOCATION, located, m, NULL);
    (void)status; /* not offered: the event tells */
}

/* Waits for service where somebody has to hear of it. */
static void watch(struct euicc_m2m *m)
{
    struct m2m_state state;
    if (m->started && !m->service && euicc_m2m_state_get(m->e->nvm, &state) && !state.local &&
        (state.note || !state.declared || state.cause)) {
        m->attach_left = (uint32_t)m->timing.attach;
        euicc_m2m_alarm_start(m, &m->attach, attach_step(m));
    }
}

/* ---- notification ------------------------------------------------------------------------------
 */

static void try_note(struct euicc_m2m *m)
{
    struct m2m_state state;
    if (m->sending || alarm_runs(&m->confirm) || !euicc_m2m_state_get(m->e->nvm, &state) ||
        !state.note || state.local) {
        return;
    }
    if (state.tries <= m->timing.repeats) {
        state.tries++;
    }
    m->sending = euicc_m2m_note_send(m, &state);
    if (euicc_m2m_state_put(m->e->nvm, &state, NULL) != CR_OK || !m->sending) {
        euicc_m2m_note_sent(m, false);
    }
}

static void confirm_rings(void *ctx)
{
    struct euicc_m2m *m = ctx;
    struct m2m_state state;
    if (!euicc_m2m_state_get(m->e->nvm, &state) || !state.note) {
        return;
    }
    bool change = state.cause == M2M_BY_ENABLE || state.cause == M2M_BY_DISABLE;
    if (state.tries > m->timing.repeats && change) {
        roll_back(m, &state);
        return;
    }
    try_note(m);
}

/* The confirmation is waited for from here, also for one that did not get away. */
void euicc_m2m_note_sent(struct euicc_m2m *m, bool sent)
{
    struct m2m_state state;
    (void)sent;
    m->sending = false;
    if (euicc_m2m_state_get(m->e->nvm, &state) && state.note && !m->switching) {
        bool change = state.cause == M2M_BY_ENABLE || state.cause == M2M_BY_DISABLE;
        bool slow = !change && state.tries > m->timing.repeats;
        euicc_m2m_alarm_start(m, &m->confirm,
                              (uint32_t)(slow ? m->timing.slow : m->timing.confirm));
    }
}

static uicc_sw answer_confirmation(const struct m2m_state *state, cr_buf *out)
{
    uint8_t aid[M2M_AID];
    if (state->deleted) {
        size_t mark = der_open(out, 0x80);
        der_put(out, 0x4F, euicc_isdp_aid((uint16_t)state->deleted, aid));
        der_close(out, mark);
    }
    return UICC_SW_OK;
}

/* POL1 of the profile that was disabled may want it deleted now. */
static cr_status follow_up(struct euicc_m2m *m, struct m2m_state *state, struct cr_err *err)
{
    struct gp_object old;
    bool change = state->cause == M2M_BY_ENABLE || state->cause == M2M_BY_DISABLE;
    state->deleted = 0;
    if (change && euicc_m2m_isdp(&m->reg, (uint16_t)state->from, &old) &&
        old.state == M2M_DISABLED && state->from != state->fall_back &&
        euicc_m2m_pol1_deletes(euicc_m2m_pol1(&m->reg, &old))) {
        state->deleted = state->from;
        state->emergency = state->emergency == state->from ? 0 : state->emergency;
        return euicc_m2m_isdp_delete(&m->reg, &old, err);
    }
    return CR_OK;
}

uicc_sw euicc_m2m_confirm(struct euicc_m2m *m, uint16_t sequence, cr_buf *out)
{
    struct m2m_state state;
    struct cr_err err;
    if (!euicc_m2m_state_get(m->e->nvm, &state)) {
        return UICC_SW_MEMORY;
    }
    if (state.has_confirmed && state.confirmed == sequence &&
        !(state.note && state.sequence == sequence)) {
        return answer_confirmation(&state, out); /* the answer was lost */
    }
    if (!state.note || state.sequence != sequence || m->switching) {
        return UICC_SW_NO_REFERENCE;
    }
    if (follow_up(m, &state, &err) != CR_OK) {
        return UICC_SW_MEMORY;
    }
    state.declared = state.declared || state.note == M2M_NOTE_DECLARATION;
    state.note = M2M_NOTE_NONE;
    state.cause = M2M_SETTLED;
    state.from = state.to = 0;
    state.tries = 0;
    state.confirmed = sequence;
    state.has_confirmed = true;
    if (euicc_m2m_state_put(m->e->nvm, &state, &err) != CR_OK) {
        return UICC_SW_MEMORY;
    }
    euicc_m2m_alarm_stop(m, &m->confirm);
    euicc_m2m_alarm_stop(m, &m->attach);
    return answer_confirmation(&state, out);
}

/* ---- what the network gives --------------------------------------------------------------------
 */

static void have_service(struct euicc_m2m *m)
{
    struct m2m_state state;
    m->service = true;
    euicc_m2m_alarm_stop(m, &m->attach);
    euicc_m2m_alarm_stop(m, &m->loss);
    if (!euicc_m2m_state_get(m->e->nvm, &state) || state.local) {
        return;
    }
    bool settled = state.cause == M2M_BY_ROLL_BACK || state.cause == M2M_BY_FALL_BACK;
    bool declare = state.note == M2M_NOTE_NONE && !state.declared;
    if (settled) {
        state.cause = M2M_SETTLED;
        state.from = state.to = 0;
    }
    if (declare) {
        new_note(&state, M2M_NOTE_DECLARATION);
    }
    if ((settled || declare) && euicc_m2m_state_put(m->e->nvm, &state, NULL) != CR_OK) {
        return;
    }
    try_note(m);
}

static void loss_rings(void *ctx)
{
    struct euicc_m2m *m = ctx;
    struct m2m_state state;
    if (euicc_m2m_state_get(m->e->nvm, &state) && !m->service && !state.local &&
        state.cause == M2M_SETTLED && has_fall_back(m, &state)) {
        switch_now(m, &state, M2M_BY_FALL_BACK, (uint16_t)state.fall_back);
    }
}

void euicc_m2m_location(struct euicc_m2m *m, uint8_t status)
{
    struct m2m_state state;
    if (m->switching) {
        return; /* of the profile that goes */
    }
    if (status == CAT_SERVICE_NORMAL) {
        have_service(m);
        return;
    }
    m->service = false;
    if (euicc_m2m_state_get(m->e->nvm, &state) && state.cause == M2M_SETTLED && !state.local &&
        has_fall_back(m, &state) && !alarm_runs(&m->loss)) {
        euicc_m2m_alarm_start(m, &m->loss, (uint32_t)m->timing.loss);
    }
}

/* ---- the session -------------------------------------------------------------------------------
 */

static void identity(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    struct euicc_m2m *m = ctx;
    cr_span imei;
    (void)uicc;
    if (answer->outcome == UICC_ANSWERED && cat_find(answer->tlvs, CAT_TAG_IMEI, &imei) &&
        imei.n == sizeof m->imei) {
        memcpy(m->imei, imei.p, imei.n);
        m->imei_size = (uint8_t)imei.n;
    }
}

void euicc_m2m_switch_started(struct euicc_m2m *m)
{
    struct cr_err err;
    cr_status status =
        uicc_toolkit_events(m->e->uicc, m->owner, CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS), &err);
    (void)status; /* not offered: asked for */
    m->started = true;
    if (!m->imei_size) {
        status = uicc_proactive_local_information(m->e->uicc, CAT_LOCAL_IMEI, identity, m, &err);
    }
    watch(m);
}

void euicc_m2m_switch_reset(struct euicc_m2m *m)
{
    m->started = m->service = m->switching = m->sending = false;
    m->attach.polls = m->confirm.polls = m->loss.polls = 0;
    m->attach.timer = m->confirm.timer = m->loss.timer = 0;
}

void euicc_m2m_alarm_poll(struct m2m_alarm *a)
{
    if (a->polls && --a->polls == 0) {
        a->rings(a->ctx);
    }
}

void euicc_m2m_switch_polled(struct euicc_m2m *m)
{
    euicc_m2m_alarm_poll(&m->attach);
    euicc_m2m_alarm_poll(&m->confirm);
    euicc_m2m_alarm_poll(&m->loss);
    euicc_m2m_https_polled(m);
    euicc_m2m_cattp_polled(m);
}

void euicc_m2m_switch_init(struct euicc_m2m *m)
{
    m->attach = (struct m2m_alarm){.ctx = m, .rings = attach_rings};
    m->confirm = (struct m2m_alarm){.ctx = m, .rings = confirm_rings};
    m->loss = (struct m2m_alarm){.ctx = m, .rings = loss_rings};
}
