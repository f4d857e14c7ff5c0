/*
 * SetFallBackAttribute (SGP.02 3.24) and SetEmergencyProfileAttribute (3.25): the attribute moves.
 */
#include "smsr/engine.h"

static bool is_fallback(const struct smsr_run *run)
{
    return run->p.kind == SMSR_PROC_FALLBACK;
}

static uint16_t operation_of(const struct smsr_run *run)
{
    return is_fallback(run) ? SMSR_OP_FALLBACK : SMSR_OP_EMERGENCY;
}

static bool *flag_of(const struct smsr_run *run, struct smsr_profile *p)
{
    return is_fallback(run) ? &p->fallback : &p->emergency;
}

cr_status smsr_start_attribute(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    cr_buf commands = {0};
    if (is_fallback(run)) {
        smsr_es5_set_fallback(run->p.aid, &commands);
    } else {
        smsr_es5_set_emergency(run->p.aid, &commands);
    }
    *to = SMSR_STATE_SENT;
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
}

/* The flag, and the news about it. */
static cr_status set_flag(struct smsr_run *run, const char *iccid, bool value,
                          const char *requester, struct cr_err *err)
{
    struct smsr_profile p;
    bool there;
    CR_TRY(smsr_run_profile(run, iccid, &p, &there, err));
    if (!there || *flag_of(run, &p) == value) {
        return CR_OK;
    }
    *flag_of(run, &p) = value;
    CR_TRY(smsr_profile_put(run->tx, &p, err));
    const enum soap_name name = is_fallback(run) ? (value ? SOAP_FALLBACK_SET : SOAP_FALLBACK_UNSET)
                                : value          ? SOAP_EMERGENCY_SET
                                                 : SOAP_EMERGENCY_UNSET;
    return smsr_run_news(run, name, &p, requester, err);
}

static cr_status moved(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_profile target;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &there, err));
    CR_TRY(set_flag(run, run->p.other, false, NULL, err));
    if (there) {
        CR_TRY(set_flag(run, target.iccid, true, smsr_run_requester(run, &target), err));
    }
    return smsr_run_audit(run, operation_of(run), SOAP_EXECUTED_SUCCESS, err);
}

static cr_status judge(struct smsr_run *run, bool *done, struct cr_err *err)
{
    struct smsr_profile target;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &there, err));
    *done = there && *flag_of(run, &target);
    return CR_OK;
}

static cr_status on_command(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        *to = smsr_run_ends(run, SMSR_STATE_DONE);
        return moved(run, err);
    case SMSR_EV_ERROR:
        *to = smsr_run_refused(run);
        return smsr_run_audit(run, operation_of(run), SOAP_FAILED, err);
    case SMSR_EV_UNREACHABLE:
        *to = smsr_run_refused(run);
        return CR_OK;
    case SMSR_EV_UNANSWERED:
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_DEADLINE:
        return smsr_expire(run, to, err);
    default:
        return cr_fail(err, CR_INTERNAL, NULL, "no event of an attribute");
    }
}

cr_status smsr_on_attribute(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const bool late = run->p.state == SMSR_STATE_DOUBT &&
                      (run->event == SMSR_EV_OK || run->event == SMSR_EV_ERROR);
    return run->p.state == SMSR_STATE_SENT || late ? on_command(run, to, err)
                                                   : smsr_settle(run, judge, to, err);
}
