/*
 * AuditEIS (SGP.02 3.9), and the audits of our own after a notification that nobody expected. Runs
 * beside a procedure in doubt, and settles it.
 */
#include "smsr/engine.h"

cr_status smsr_start_audit(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    cr_buf commands = {0};
    smsr_es5_audit(false, &commands);
    *to = SMSR_STATE_SENT;
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
}

/* The other one's run shares our eUICC: what it changes has to be seen by both. */
static cr_status settle_doubt(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_run other = *run;
    if (!run->e.procedure || run->e.procedure == run->p.id) {
        return CR_OK;
    }
    CR_TRY(smsr_procedure_get(run->tx, run->e.procedure, run->arena, &other.p, err));
    if (other.p.state != SMSR_STATE_DOUBT) {
        return CR_OK;
    }
    other.event = SMSR_EV_AUDITED;
    other.news = NULL; /* ours stay ours */
    CR_TRY(smsr_run_event(&other, err));
    run->e = other.e;
    return CR_OK;
}

/* data: number of the notification that waits for its confirmation, and where it came from. */
static cr_status confirm_waiting(struct smsr_run *run, struct cr_err *err)
{
    if (run->p.data.n < 3) {
        return CR_OK;
    }
    const uint8_t *d = run->p.data.p;
    const struct smsr_notification n = {.eid = run->p.eid,
                                        .number = (uint16_t)(d[0] << 8 | d[1]),
                                        .from = d[2] == SMSR_SMS ? "" : NULL};
    struct smsr_run alone = *run;
    if (run->e.notification_number != n.number) {
        return CR_OK; /* a newer one came: this is not waited for any more */
    }
    alone.p = (struct smsr_procedure){.eid = run->p.eid};
    alone.notification = &n;
    run->e.notification_confirmed = true;
    return smsr_run_confirm(&alone, err);
}

static cr_status on_answer(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    bool good, more;
    CR_TRY(smsr_take_audit(run, &good, &more, err));
    if (more) {
        *to = SMSR_STATE_SENT;
        return CR_OK;
    }
    if (!good) {
        run->event = SMSR_EV_ERROR;
        *to = smsr_run_refused(run);
        run->event = SMSR_EV_OK;
        return CR_OK;
    }
    run->p.response = (cr_span){0};
    *to = SMSR_STATE_DONE;
    CR_TRY(settle_doubt(run, err));
    return confirm_waiting(run, err);
}

cr_status smsr_on_audit(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        return on_answer(run, to, err);
    case SMSR_EV_DEADLINE:
        return smsr_expire(run, to, err);
    case SMSR_EV_ERROR:
        *to = smsr_run_refused(run);
        return smsr_run_audit(run, SMSR_OP_AUDIT, SOAP_FAILED, err);
    default:
        *to = smsr_run_refused(run);
        return CR_OK;
    }
}
