/*
 * CreateISDP (SGP.02 3.1.1): the row is there, In-Creation, before the command leaves.
 */
#include "smsr/engine.h"

cr_status smsr_start_create(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_profile row;
    cr_buf commands = {0};
    CR_TRY(smsr_profile_get(run->tx, run->p.eid, cr_span_str(run->p.iccid), run->arena, &row, err));
    smsr_es5_create_isdp(&run->e, row.aid, row.allocated_memory, &commands);
    *to = SMSR_STATE_SENT;
    return smsr_run_send(run, (cr_span){0}, &commands, run->p.more_to_do ? SMSR_SEND_MORE : 0, err);
}

static cr_status created(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_profile row;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &row, &there, err));
    if (there && row.state == SMSR_IN_CREATION) {
        row.state = SMSR_CREATED;
        run->e.remaining_memory -= row.allocated_memory;
        run->e.remaining_memory = run->e.remaining_memory < 0 ? 0 : run->e.remaining_memory;
        CR_TRY(smsr_profile_put(run->tx, &row, err));
    }
    return smsr_run_audit(run, SMSR_OP_CREATE, SOAP_EXECUTED_SUCCESS, err);
}

static cr_status forget_row(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_profile row;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &row, &there, err));
    return there && row.state == SMSR_IN_CREATION
               ? smsr_profile_delete(run->tx, run->p.eid, cr_span_str(row.iccid), err)
               : CR_OK;
}

static cr_status judge(struct smsr_run *run, bool *done, struct cr_err *err)
{
    struct smsr_profile row;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &row, &there, err));
    *done = there && row.state == SMSR_CREATED;
    return CR_OK;
}

static cr_status on_command(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        *to = smsr_run_ends(run, SMSR_STATE_DONE);
        return created(run, err);
    case SMSR_EV_ERROR:
        *to = smsr_run_refused(run);
        CR_TRY(smsr_run_audit(run, SMSR_OP_CREATE, SOAP_FAILED, err));
        return forget_row(run, err);
    case SMSR_EV_UNREACHABLE:
        *to = smsr_run_refused(run);
        return forget_row(run, err);
    case SMSR_EV_UNANSWERED:
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_DEADLINE:
        CR_TRY(smsr_expire(run, to, err));
        return *to == SMSR_STATE_EXPIRED ? forget_row(run, err) : CR_OK;
    default:
        return cr_fail(err, CR_INTERNAL, NULL, "no event of CreateISDP");
    }
}

cr_status smsr_on_create(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const bool late = run->p.state == SMSR_STATE_DOUBT &&
                      (run->event == SMSR_EV_OK || run->event == SMSR_EV_ERROR);
    return run->p.state == SMSR_STATE_SENT || late ? on_command(run, to, err)
                                                   : smsr_settle(run, judge, to, err);
}
