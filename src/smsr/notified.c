/*
 * Default notifications of the eUICC (SGP.02 4.1.1.11; off-card 7.2, 7.5 to 7.7): which event they
 * are, and whether they are confirmed.
 */
#include "smsr/engine.h"

enum type { FIRST_ATTACH = 1, PROFILE_CHANGED = 2, CHANGE_FAILED = 3, AFTER_FALLBACK = 5 };

struct hearing {
    struct smsr_run run; /* p.id 0 when no procedure holds the eUICC */
    const struct smsr_notification *n;
    bool confirm; /* by a script of nobody */
    bool handled; /* a procedure put the confirmation */
};

/* ---- repetitions -------------------------------------------------------------------------------
 */

/* Distance in the circle of 16 bits: above 0 = newer. */
static int age(uint16_t number, uint16_t last)
{
    const unsigned distance = ((unsigned)number - last) & 0xFFFF;
    return distance < 0x8000 ? (int)distance : (int)distance - 0x10000;
}

static bool same_as_last(const struct smsr_euicc *e, const struct smsr_notification *n)
{
    return e->has_notification && e->notification_number == n->number &&
           e->notification_type == n->type && cr_span_equal(e->notification_aid, n->aid);
}

static bool is_late(const struct hearing *h)
{
    const struct smsr_procedure *p = &h->run.p;
    return smsr_run_told(&h->run) || h->n->received_ms > p->deadline_ms;
}

/* Same confirmation again, while the deadline of the change allows it. */
static cr_status repeated(struct hearing *h, struct cr_err *err)
{
    const struct smsr_procedure *p = &h->run.p;
    const bool change = p->id && smsr_run_allows(p, SMSR_EV_CHANGED) &&
                        h->n->type != CHANGE_FAILED && h->n->type != FIRST_ATTACH;
    if (change && is_late(h)) {
        return CR_OK;
    }
    if (p->id && p->state == SMSR_STATE_CONFIRMING) {
        CR_TRY(smsr_run_recall(&h->run, err));
        h->handled = true;
        return smsr_run_confirm(&h->run, err);
    }
    h->confirm = true;
    return CR_OK;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static cr_status deliver(struct hearing *h, enum smsr_event event, struct cr_err *err)
{
    h->run.event = event;
    h->run.notification = h->n;
    return smsr_run_event(&h->run, err);
}

/* The AID that is Enabled when the change that was asked for is done. */
static cr_status expected_aid(struct hearing *h, cr_span *out, struct cr_err *err)
{
    const struct smsr_procedure *p = &h->run.p;
    struct smsr_profile other;
    bool there;
    *out = (cr_span){0};
    if (p->kind == SMSR_PROC_ENABLE) {
        *out = p->aid;
        return CR_OK;
    }
    CR_TRY(smsr_run_profile(&h->run, p->other, &other, &there, err));
    *out = there ? other.aid : (cr_span){0};
    return CR_OK;
}

/* EIS follows an event that the eUICC decided on; owners hear of it when nobody else is told. */
static cr_status follow(struct hearing *h, bool tell, struct cr_err *err)
{
    struct smsr_followed f;
    CR_TRY(smsr_follow(&h->run, h->n->aid, &f, err));
    if (!tell || !f.changed) {
        return CR_OK;
    }
    if (h->run.p.kind == SMSR_PROC_CHANGE) { /* the EIS that was handed over is not true any more */
        CR_TRY(deliver(h, SMSR_EV_OTHER, err));
    }
    if (f.was.iccid) {
        CR_TRY(smsr_run_news(&h->run, SOAP_PROFILE_DISABLED, &f.was, NULL, err));
    }
    return smsr_run_news(&h->run, SOAP_PROFILE_ENABLED, &f.now, NULL, err);
}

/* Nobody asked for this: the eUICC is asked what it did, and confirmed when the EIS has followed.
 */
static cr_status audit_first(struct hearing *h, struct cr_err *err)
{
    const uint8_t data[3] = {(uint8_t)(h->n->number >> 8), (uint8_t)h->n->number,
                             h->n->from ? SMSR_SMS : SMSR_HTTPS};
    const struct smsr_procedure what = {
        .kind = SMSR_PROC_AUDIT, .eid = h->n->eid, .data = CR_SPAN_ARRAY(data)};
    struct smsr_run *run = &h->run;
    int64_t id;
    if (run->e.procedure || run->e.handover) {
        /* Busy: the eUICC repeats its notification. What is handed over is not true any more. */
        return run->p.kind == SMSR_PROC_CHANGE ? deliver(h, SMSR_EV_OTHER, err) : CR_OK;
    }
    CR_TRY(smsr_euicc_update(run->tx, &run->e, err));
    CR_TRY(smsr_procedure_start_own(run->sr, run->tx, run->arena, &what,
                                    (int64_t)SOAP_VALIDITY_CARD * 1000, &id, err));
    return smsr_euicc_get(run->tx, h->n->eid, run->arena, &run->e, err);
}

/* A change that was asked for; past its deadline it is not confirmed, so that it rolls back. */
static cr_status changed(struct hearing *h, struct cr_err *err)
{
    struct smsr_procedure *p = &h->run.p;
    if (h->n->received_ms > p->deadline_ms && !smsr_run_told(&h->run)) {
        CR_TRY(deliver(h, SMSR_EV_DEADLINE, err));
    }
    CR_TRY(deliver(h, SMSR_EV_CHANGED, err));
    h->handled = p->state == SMSR_STATE_CONFIRMING;
    return CR_OK;
}

static cr_status on_change(struct hearing *h, struct cr_err *err)
{
    const struct smsr_procedure *p = &h->run.p;
    cr_span expected;
    if (p->id && smsr_run_allows(p, SMSR_EV_CHANGED)) {
        CR_TRY(expected_aid(h, &expected, err));
        return cr_span_equal(expected, h->n->aid) ? changed(h, err)
                                                  : deliver(h, SMSR_EV_OTHER, err);
    }
    struct smsr_profile enabled;
    bool there;
    CR_TRY(smsr_profile_special(h->run.tx, h->n->eid, SMSR_THE_ENABLED, h->run.arena, &enabled,
                                &there, err));
    if (there && cr_span_equal(enabled.aid, h->n->aid)) {
        h->confirm = true;
        return CR_OK;
    }
    return audit_first(h, err);
}

static cr_status on_rolled_back(struct hearing *h, struct cr_err *err)
{
    const bool expected = h->run.p.id && smsr_run_allows(&h->run.p, SMSR_EV_ROLLED_BACK);
    h->confirm = true;
    CR_TRY(follow(h, !expected, err));
    return expected ? deliver(h, SMSR_EV_ROLLED_BACK, err) : CR_OK;
}

static cr_status on_fallback(struct hearing *h, struct cr_err *err)
{
    const struct smsr_procedure *p = &h->run.p;
    cr_span expected = {0};
    /* Some eUICCs report a disable like this. */
    if (p->id && p->kind != SMSR_PROC_ENABLE && smsr_run_allows(p, SMSR_EV_CHANGED)) {
        CR_TRY(expected_aid(h, &expected, err));
    }
    if (expected.p && cr_span_equal(expected, h->n->aid)) {
        return changed(h, err);
    }
    h->confirm = true;
    CR_TRY(follow(h, true, err));
    return p->id ? deliver(h, SMSR_EV_FELL_BACK, err) : CR_OK;
}

static cr_status dispatch(struct hearing *h, struct cr_err *err)
{
    switch (h->n->type) {
    case FIRST_ATTACH:
        h->confirm = true;
        return follow(h, true, err);
    case PROFILE_CHANGED:
        return on_change(h, err);
    case CHANGE_FAILED:
        return on_rolled_back(h, err);
    case AFTER_FALLBACK:
        return on_fallback(h, err);
    default:
        cr_log(h->run.sr->env, CR_LOG_INFO, "a notification of type %02X is settled by audit",
               h->n->type);
        return audit_first(h, err);
    }
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static cr_status record(struct hearing *h, struct cr_err *err)
{
    struct smsr_profile now;
    bool there;
    CR_TRY(smsr_profile_by_aid(h->run.tx, h->n->eid, h->n->aid, h->run.arena, &now, &there, err));
    const struct smsr_audit audit = {.eid = h->n->eid,
                                     .operation = h->n->type,
                                     .aid = h->n->aid,
                                     .imei = h->n->imei,
                                     .meid = h->n->meid,
                                     .iccid = there ? now.iccid : NULL};
    return smsr_audit_add(h->run.sr, h->run.tx, &audit, err);
}

static void remember(struct hearing *h)
{
    struct smsr_euicc *e = &h->run.e;
    e->has_notification = true;
    e->notification_number = h->n->number;
    e->notification_type = h->n->type;
    e->notification_aid = h->n->aid;
    e->notification_confirmed = false;
}

/* Another SM-SR may have the eUICC already (handover.h): what it reports is that one's to confirm,
 * and is repeated until it is. */
static bool may_be_gone(const struct smsr_procedure *p)
{
    return p->kind == SMSR_PROC_CHANGE &&
           (p->state == SMSR_STATE_ESTABLISHED || p->state == SMSR_STATE_ASKING);
}

static cr_status hear(struct hearing *h, struct cr_err *err)
{
    struct smsr_euicc *e = &h->run.e;
    if (may_be_gone(&h->run.p)) {
        return CR_OK;
    }
    if (h->n->imei.p) {
        e->imei = h->n->imei;
    }
    if (h->n->from) {
        e->msisdn = h->n->from;
    }
    if (same_as_last(e, h->n) && e->notification_confirmed) {
        CR_TRY(repeated(h, err));
    } else if (same_as_last(e, h->n)) {
        CR_TRY(dispatch(h, err)); /* it may be that the eUICC was busy the first time */
        e->notification_confirmed |= h->confirm || h->handled;
    } else if (e->has_notification && age(h->n->number, e->notification_number) <= 0) {
        cr_log(h->run.sr->env, CR_LOG_WARNING, "an old notification, or one of a used number");
        return CR_OK;
    } else {
        CR_TRY(record(h, err));
        remember(h);
        CR_TRY(dispatch(h, err));
        e->notification_confirmed |= h->confirm || h->handled;
    }
    if (h->confirm) {
        struct smsr_run alone = h->run;
        alone.p = (struct smsr_procedure){.eid = h->n->eid};
        alone.notification = h->n;
        CR_TRY(smsr_run_confirm(&alone, err));
    }
    CR_TRY(smsr_run_tell(&h->run, err));
    return smsr_euicc_update(h->run.tx, e, err);
}

cr_status smsr_procedure_notified(struct smsr *sr, struct store_tx *tx,
                                  const struct smsr_notification *notification, bool *confirm,
                                  struct cr_err *err)
{
    cr_arena arena = {0};
    struct hearing h = {.n = notification,
                        .run = {.sr = sr,
                                .tx = tx,
                                .arena = &arena,
                                .now_ms = cr_now_ms(sr->env),
                                .notification = notification}};
    cr_status status = smsr_euicc_get(tx, notification->eid, &arena, &h.run.e, err);
    if (status == CR_OK && h.run.e.procedure) {
        status = smsr_procedure_get(tx, h.run.e.procedure, &arena, &h.run.p, err);
    }
    h.run.p.eid = notification->eid;
    if (status == CR_OK) {
        status = hear(&h, err);
    }
    *confirm = status == CR_OK && (h.confirm || h.handled);
    cr_arena_free(&arena);
    return status;
}
