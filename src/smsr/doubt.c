/*
 * When it is not known what the eUICC did: an audit asks it, and the EIS follows (SGP.02 3.9 and
 * off-card 7.5). The eUICC wins for states, attributes, memory and existence; POL2 and owners are
 * the SM-SR's.
 */
#include "smsr/engine.h"

/* ---- audits ------------------------------------------------------------------------------------
 */

#define CARD_SELECTABLE   0x07
#define CARD_PERSONALIZED 0x0F
#define CARD_DISABLED     0x1F
#define CARD_ENABLED      0x3F
#define CARD_FALLBACK     0x01 /* of tag 53 */
#define CARD_EMERGENCY    0x02

static enum smsr_profile_state state_of(const struct smsr_profile *row, int card)
{
    switch (card) {
    case CARD_ENABLED:
        return SMSR_ENABLED;
    case CARD_DISABLED:
        /* Installed, but its SM-DP has not said so yet: no POL2, no owner's consent. */
        return row->state == SMSR_CREATED || row->state == SMSR_IN_CREATION ? SMSR_CREATED
                                                                            : SMSR_DISABLED;
    case CARD_SELECTABLE:
    case CARD_PERSONALIZED:
    case 0x03:
        return SMSR_CREATED;
    default:
        return row->state;
    }
}

static bool find_entry(cr_span response, cr_span aid, struct smsr_es5_isdp *out)
{
    struct smsr_r_apdu r;
    while (smsr_es5_next(&response, &r)) {
        while (smsr_es5_good(r.sw) && smsr_es5_next_isdp(&r.data, out)) {
            if (cr_span_equal(out->aid, aid)) {
                return true;
            }
        }
    }
    return false;
}

static size_t count_entries(cr_span response)
{
    struct smsr_r_apdu r;
    struct smsr_es5_isdp entry;
    size_t count = 0;
    while (smsr_es5_next(&response, &r)) {
        while (smsr_es5_good(r.sw) && smsr_es5_next_isdp(&r.data, &entry)) {
            count++;
        }
    }
    return count;
}

/* Owners hear of what changed behind their backs. */
static cr_status tell(struct smsr_run *run, const struct smsr_profile *before,
                      const struct smsr_profile *now, struct cr_err *err)
{
    const struct {
        bool happened;
        enum soap_name name;
    } news[] = {
        {before->state == SMSR_ENABLED && now->state == SMSR_DISABLED, SOAP_PROFILE_DISABLED},
        {before->state == SMSR_DISABLED && now->state == SMSR_ENABLED, SOAP_PROFILE_ENABLED},
        {before->fallback && !now->fallback, SOAP_FALLBACK_UNSET},
        {!before->fallback && now->fallback, SOAP_FALLBACK_SET},
        {before->emergency && !now->emergency, SOAP_EMERGENCY_UNSET},
        {!before->emergency && now->emergency, SOAP_EMERGENCY_SET},
    };
    for (size_t i = 0; i < CR_COUNT(news); i++) {
        if (news[i].happened) {
            const bool asked = smsr_same(now->iccid, run->p.iccid);
            CR_TRY(smsr_run_news(run, news[i].name, now,
                                 asked ? smsr_run_requester(run, now) : NULL, err));
        }
    }
    return CR_OK;
}

static cr_status follow_row(struct smsr_run *run, const struct smsr_profile *before,
                            const struct smsr_es5_isdp *card, struct cr_err *err)
{
    struct smsr_profile now = *before;
    now.state = state_of(before, card->state);
    if (card->properties >= 0) {
        now.fallback = (card->properties & CARD_FALLBACK) != 0;
        now.emergency = (card->properties & CARD_EMERGENCY) != 0;
    }
    /* Zero is said by cards that grant no quota: what was registered or ordered stays. */
    now.allocated_memory = card->granted > 0 ? card->granted : now.allocated_memory;
    now.free_memory = card->remaining >= 0 ? card->remaining : now.free_memory;
    if (before->state == SMSR_IN_CREATION) {
        run->e.remaining_memory -= now.allocated_memory;
    }
    CR_TRY(smsr_profile_put(run->tx, &now, err));
    return tell(run, before, &now, err);
}

static cr_status follow_all(struct smsr_run *run, struct cr_err *err)
{
    const cr_span response = run->p.response;
    struct smsr_profiles rows;
    CR_TRY(smsr_profile_list(run->tx, run->e.eid, run->arena, &rows, err));
    size_t known = 0;
    for (size_t i = 0; i < rows.count; i++) {
        struct smsr_es5_isdp card;
        if (find_entry(response, rows.items[i].aid, &card)) {
            known++;
            CR_TRY(follow_row(run, &rows.items[i], &card, err));
        } else {
            const bool asked = smsr_same(rows.items[i].iccid, run->p.iccid);
            CR_TRY(smsr_run_deleted(run, &rows.items[i], 0,
                                    asked ? smsr_run_requester(run, &rows.items[i]) : NULL, err));
        }
    }
    if (known < count_entries(response)) {
        cr_log(run->sr->env, CR_LOG_WARNING, "an audit shows ISD-Ps that are not in the EIS");
    }
    return CR_OK;
}

/* The eUICC's figure wins over what was reckoned. */
static void take_memory(struct smsr_run *run)
{
    cr_span response = run->p.response;
    struct smsr_r_apdu r;
    int64_t memory;
    while (smsr_es5_next(&response, &r)) {
        if (smsr_es5_good(r.sw) && smsr_es5_memory(r.data, &memory)) {
            run->e.remaining_memory = memory;
            return;
        }
    }
}

/* An eUICC that executes scripts has a Profile that is Enabled: a list without an entry is none. */
static bool complete(cr_span response)
{
    struct smsr_r_apdu last;
    return smsr_es5_last(response, &last) &&
           (last.sw == SMSR_SW_OK || last.sw == SMSR_SW_NO_DATA) && count_entries(response) > 0;
}

cr_status smsr_take_audit(struct smsr_run *run, bool *good, bool *more, struct cr_err *err)
{
    struct cr_err why = {0};
    *more = false;
    *good = smsr_run_answered(run, &why) == CR_OK;
    if (!*good) {
        return why.category == CR_REFUSED ? CR_OK : cr_fail_memory(err);
    }
    if (run->sw == SMSR_SW_MORE) {
        cr_buf commands = {0};
        smsr_es5_audit(true, &commands);
        *more = true;
        return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
    }
    *good = complete(run->p.response);
    if (!*good) {
        return CR_OK;
    }
    CR_TRY(follow_all(run, err));
    take_memory(run);
    run->e.last_audit_ms = run->now_ms;
    return smsr_run_audit(run, SMSR_OP_AUDIT, SOAP_EXECUTED_SUCCESS, err);
}

/* ---- SETTLING ----------------------------------------------------------------------------------
 */

static int64_t period_of(const struct smsr_run *run)
{
    const int64_t period = run->p.deadline_ms - run->p.started_ms;
    return period > 0 ? period : run->sr->policy.again_ms;
}

static cr_status send_audit(struct smsr_run *run, struct cr_err *err)
{
    cr_buf commands = {0};
    run->p.response = (cr_span){0};
    run->p.due_ms = smsr_run_told(run) ? run->now_ms + period_of(run) : run->p.deadline_ms;
    smsr_es5_audit(false, &commands);
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
}

cr_status smsr_begin_settling(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    if (p->state != SMSR_STATE_DOUBT && p->state != SMSR_STATE_SETTLING) {
        p->before = p->state;
    }
    *to = SMSR_STATE_SETTLING;
    CR_TRY(smsr_run_recall(run, err));
    return send_audit(run, err);
}

/* No audit this time. */
static void later(struct smsr_run *run, enum smsr_proc_state *to)
{
    if (smsr_run_told(run)) {
        *to = SMSR_STATE_DOUBT;
        return;
    }
    const int64_t again = run->now_ms + run->sr->policy.again_ms;
    run->p.due_ms = again < run->p.deadline_ms ? again : run->p.deadline_ms;
    *to = SMSR_STATE_SETTLING;
}

cr_status smsr_settle_later(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    (void)err;
    run->p.before = run->p.state;
    later(run, to);
    return CR_OK;
}

static cr_status on_audit(struct smsr_run *run, smsr_judge_fn judge, enum smsr_proc_state *to,
                          struct cr_err *err)
{
    bool good, more, done = false;
    CR_TRY(smsr_take_audit(run, &good, &more, err));
    if (more) {
        *to = SMSR_STATE_SETTLING;
        return CR_OK;
    }
    run->p.response = (cr_span){0}; /* not what the requester asked for */
    if (!good) {
        later(run, to);
        return CR_OK;
    }
    CR_TRY(judge(run, &done, err));
    *to = done ? smsr_run_ends(run, SMSR_STATE_DONE)
               : smsr_run_failed(run, "8.1.1", "5.2",
                                 "the eUICC did not answer; an audit shows that it was not done");
    return CR_OK;
}

static cr_status on_settling(struct smsr_run *run, smsr_judge_fn judge, enum smsr_proc_state *to,
                             struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        return on_audit(run, judge, to, err);
    case SMSR_EV_AGAIN:
    case SMSR_EV_OTHER: /* no longer left the time to tell by itself */
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_DEADLINE:
        *to = SMSR_STATE_DOUBT;
        return smsr_run_recall(run, err);
    case SMSR_EV_CHANGED:
        *to = SMSR_STATE_SETTLING;
        return smsr_run_told(run) ? CR_OK : smsr_switch_changed(run, to, err);
    case SMSR_EV_ROLLED_BACK:
        *to = smsr_run_failed(run, "8.4", "4.2", "the eUICC could not switch and rolled back");
        return CR_OK;
    case SMSR_EV_FELL_BACK:
        *to = smsr_run_failed(run, "8.4", "4.2", "the eUICC fell back to the Fall-Back Profile");
        return CR_OK;
    default:
        later(run, to);
        return CR_OK;
    }
}

/* ---- DOUBT -------------------------------------------------------------------------------------
 */

static cr_status on_doubt(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_DEADLINE:
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_ROLLED_BACK:
    case SMSR_EV_FELL_BACK:
    case SMSR_EV_AUDITED:
        *to = SMSR_STATE_EXPIRED;
        return CR_OK;
    default:
        *to = SMSR_STATE_DOUBT;
        return CR_OK;
    }
}

cr_status smsr_settle(struct smsr_run *run, smsr_judge_fn judge, enum smsr_proc_state *to,
                      struct cr_err *err)
{
    return run->p.state == SMSR_STATE_SETTLING ? on_settling(run, judge, to, err)
                                               : on_doubt(run, to, err);
}

cr_status smsr_expire(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    const bool lasting = p->kind != SMSR_PROC_SEND_DATA && p->kind != SMSR_PROC_AUDIT &&
                         p->kind != SMSR_PROC_CONNECTIVITY && p->kind != SMSR_PROC_ADDRESSING;
    bool left;
    CR_TRY(smsr_run_has_left(run, &left, err));
    left = left || p->state == SMSR_STATE_SWITCHING || p->state == SMSR_STATE_CONFIRMING;
    if (left && lasting) {
        p->before = p->state;
        *to = SMSR_STATE_DOUBT;
        return CR_OK;
    }
    struct cr_err why = {0};
    (void)cr_refuse(&why, "1.6", "5.3", "SGP.02 annex A", "the time of the request is over");
    soap_status_from_err(&why, run->arena, &p->result);
    *to = SMSR_STATE_EXPIRED;
    return CR_OK;
}
