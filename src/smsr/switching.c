/*
 * EnableProfile and DisableProfile (SGP.02 3.2 to 3.5), and the disable part of DeleteProfile: the
 * eUICC answers, switches, comes back on the other Profile, reports, and is confirmed.
 */
#include "smsr/engine.h"

static uint16_t operation_of(const struct smsr_run *run)
{
    return run->p.kind == SMSR_PROC_ENABLE ? SMSR_OP_ENABLE : SMSR_OP_DISABLE;
}

cr_status smsr_start_switch(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    cr_buf commands = {0};
    if (run->p.kind == SMSR_PROC_ENABLE) {
        smsr_es5_enable(run->p.aid, &commands);
    } else {
        smsr_es5_disable(run->p.aid, &commands);
    }
    *to = SMSR_STATE_SENT;
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_SWITCH, err);
}

/* ---- states ------------------------------------------------------------------------------------
 */

cr_status smsr_switch_changed(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_followed followed;
    CR_TRY(smsr_follow(run, run->notification->aid, &followed, err));
    CR_TRY(smsr_run_recall(run, err));
    *to = SMSR_STATE_CONFIRMING;
    return smsr_run_confirm(run, err);
}

/* Notifications and the deadline mean the same in all states before the end. */
static cr_status on_notification(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_CHANGED:
        return smsr_switch_changed(run, to, err);
    case SMSR_EV_ROLLED_BACK:
        *to = smsr_run_failed(run, "8.4", "4.2", "the eUICC could not switch and rolled back");
        return CR_OK;
    case SMSR_EV_FELL_BACK:
        *to = smsr_run_failed(run, "8.4", "4.2", "the eUICC fell back to the Fall-Back Profile");
        return CR_OK;
    case SMSR_EV_OTHER:
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_DEADLINE:
        return smsr_expire(run, to, err);
    default:
        return cr_fail(err, CR_INTERNAL, NULL, "no event of a switch");
    }
}

static cr_status on_command(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        *to = SMSR_STATE_SWITCHING;
        return smsr_run_audit(run, operation_of(run), SOAP_EXECUTED_SUCCESS, err);
    case SMSR_EV_UNANSWERED:
        CR_TRY(smsr_settle_later(run, to, err));
        return smsr_run_audit(run, operation_of(run), 0, err);
    case SMSR_EV_ERROR:
        *to = smsr_run_refused(run);
        return smsr_run_audit(run, operation_of(run), SOAP_FAILED, err);
    case SMSR_EV_UNREACHABLE:
        *to = smsr_run_refused(run);
        return CR_OK;
    case SMSR_EV_CHANGED:
        CR_TRY(smsr_run_audit(run, operation_of(run), SOAP_EXECUTED_SUCCESS, err));
        return on_notification(run, to, err);
    default:
        return on_notification(run, to, err);
    }
}

/* ---- the confirmation was executed: the switch is final ----------------------------------------
 */

static cr_status remove_deleted(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_r_apdu last;
    cr_span list, aid;
    if (!smsr_es5_last(run->outcome->response, &last) || !smsr_es5_deleted(last.data, &list)) {
        return CR_OK; /* an answer without a list: an audit will find what is gone */
    }
    while (smsr_es5_next_deleted(&list, &aid)) {
        struct smsr_profile gone;
        bool found;
        CR_TRY(smsr_profile_by_aid(run->tx, run->p.eid, aid, run->arena, &gone, &found, err));
        if (found && gone.state != SMSR_ENABLED) {
            /* The requester of DeleteProfile has its Response; who asked for a switch is told. */
            const bool asked =
                run->p.kind == SMSR_PROC_DELETE && smsr_same(gone.iccid, run->p.iccid);
            CR_TRY(smsr_run_deleted(run, &gone, SMSR_OP_DELETE,
                                    asked ? smsr_run_requester(run, &gone) : NULL, err));
        }
    }
    return CR_OK;
}

static cr_status tell_switch(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_profile target, other;
    bool has_target, has_other;
    const bool enable = run->p.kind == SMSR_PROC_ENABLE;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &has_target, err));
    CR_TRY(smsr_run_profile(run, run->p.other, &other, &has_other, err));
    if (!enable && has_target) {
        /* Nobody who asked for a deletion was told of the disable. */
        CR_TRY(smsr_run_news(run, SOAP_PROFILE_DISABLED, &target, smsr_run_requester(run, &target),
                             err));
    }
    if (has_other) {
        CR_TRY(smsr_run_news(run, enable ? SOAP_PROFILE_DISABLED : SOAP_PROFILE_ENABLED, &other,
                             NULL, err));
    }
    if (enable && has_target) {
        CR_TRY(smsr_run_news(run, SOAP_PROFILE_ENABLED, &target, smsr_run_requester(run, &target),
                             err));
    }
    return CR_OK;
}

/* POL2: the Profile that became Disabled has to go, unless POL1 was quicker. */
static cr_status clean(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_profile left;
    bool there;
    const char *iccid = run->p.kind == SMSR_PROC_ENABLE ? run->p.other : run->p.iccid;
    *to = smsr_run_ends(run, SMSR_STATE_DONE);
    CR_TRY(smsr_run_profile(run, iccid, &left, &there, err));
    if (!there || run->p.kind == SMSR_PROC_DELETE) {
        return CR_OK;
    }
    const struct smsr_subject subject = {.pol2 = left.pol2,
                                         .state = (enum soap_profile_state)left.state,
                                         .fallback = left.fallback,
                                         .iccid = left.iccid};
    if (!smsr_policy_deletes(&subject, true)) {
        return CR_OK;
    }
    cr_buf commands = {0};
    smsr_es5_delete(left.aid, &commands);
    *to = SMSR_STATE_CLEANING;
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
}

static cr_status on_confirmed(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    CR_TRY(tell_switch(run, err));
    CR_TRY(remove_deleted(run, err));
    return clean(run, to, err);
}

static cr_status on_confirming(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        return on_confirmed(run, to, err);
    case SMSR_EV_ERROR:
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_UNANSWERED:
        /* It may have it and repeats nothing then: asked again it answers again. */
        return run->now_ms < run->p.deadline_ms ? smsr_run_confirm_again(run, err) : CR_OK;
    case SMSR_EV_UNREACHABLE:
        return CR_OK; /* stays; the eUICC repeats its notification */
    default:
        return on_notification(run, to, err);
    }
}

/* ---- POL2's deletion ---------------------------------------------------------------------------
 */

static cr_status on_cleaning(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_profile left;
    bool there;
    const char *iccid = run->p.kind == SMSR_PROC_ENABLE ? run->p.other : run->p.iccid;
    const bool gone =
        run->event == SMSR_EV_OK ||
        (run->event == SMSR_EV_ERROR && (run->sw == SMSR_SW_NO_DATA || run->sw == SMSR_SW_NO_FILE));
    CR_TRY(smsr_run_profile(run, iccid, &left, &there, err));
    if (gone && there) {
        CR_TRY(smsr_run_deleted(run, &left, SMSR_OP_DELETE, NULL, err));
    } else if (!gone) {
        cr_log(run->sr->env, CR_LOG_WARNING, "POL2 wants %s deleted, but it is not", iccid);
        smsr_run_warned(run);
        if (run->event == SMSR_EV_ERROR) {
            CR_TRY(smsr_run_audit(run, SMSR_OP_DELETE, SOAP_FAILED, err));
        }
    }
    *to = smsr_run_ends(run, SMSR_STATE_DONE);
    return CR_OK;
}

/* ---- doubt -------------------------------------------------------------------------------------
 */

static cr_status judge(struct smsr_run *run, bool *done, struct cr_err *err)
{
    struct smsr_profile target;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &there, err));
    *done = run->p.kind == SMSR_PROC_ENABLE ? there && target.state == SMSR_ENABLED
                                            : !there || target.state == SMSR_DISABLED;
    return CR_OK;
}

/* A late answer: to the confirmation, it makes the switch final; to the switch itself, the eUICC
 * will report, get no confirmation and roll back. */
static cr_status on_late_answer(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    if (run->event == SMSR_EV_OK && run->script->is_confirmation) {
        return on_confirmed(run, to, err);
    }
    if (run->event == SMSR_EV_ERROR && run->script->is_switch) {
        *to = SMSR_STATE_EXPIRED;
        return smsr_run_audit(run, operation_of(run), SOAP_FAILED, err);
    }
    return CR_OK;
}

cr_status smsr_switch_part(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->p.state) {
    case SMSR_STATE_SENT:
    case SMSR_STATE_DISABLING:
        return on_command(run, to, err);
    case SMSR_STATE_SWITCHING:
        return on_notification(run, to, err);
    case SMSR_STATE_CONFIRMING:
        return on_confirming(run, to, err);
    case SMSR_STATE_DOUBT:
        if (run->event == SMSR_EV_OK || run->event == SMSR_EV_ERROR) {
            return on_late_answer(run, to, err);
        }
        return smsr_settle(run, judge, to, err);
    case SMSR_STATE_SETTLING:
        return smsr_settle(run, judge, to, err);
    default:
        return cr_fail(err, CR_INTERNAL, NULL, "no state of a switch");
    }
}

cr_status smsr_on_switch(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    return run->p.state == SMSR_STATE_CLEANING ? on_cleaning(run, to, err)
                                               : smsr_switch_part(run, to, err);
}
