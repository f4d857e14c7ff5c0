/*
 * What the actions of procedures are made of.
 */
#include "smsr/engine.h"

/* ---- scripts -----------------------------------------------------------------------------------
 */

/* How long a script may try: as long as the procedure, or, when its time is over, as long as it had
 * from the beginning. */
static int64_t script_deadline(const struct smsr_run *run)
{
    const struct smsr_procedure *p = &run->p;
    return run->now_ms < p->deadline_ms ? p->deadline_ms
                                        : run->now_ms + (p->deadline_ms - p->started_ms);
}

cr_status smsr_run_send(struct smsr_run *run, cr_span target, cr_buf *commands, unsigned flags,
                        struct cr_err *err)
{
    const struct smsr_script script = {.procedure = run->p.id,
                                       .eid = run->p.eid,
                                       .target = target,
                                       .commands = cr_buf_span(commands),
                                       .more_to_do = (flags & SMSR_SEND_MORE) != 0,
                                       .is_switch = (flags & SMSR_SEND_SWITCH) != 0,
                                       .deadline_ms = script_deadline(run)};
    cr_status status =
        cr_buf_ok(commands) ? smsr_script_put(run->sr, run->tx, &script, err) : cr_fail_memory(err);
    cr_buf_free(commands);
    return status;
}

cr_status smsr_run_confirm(struct smsr_run *run, struct cr_err *err)
{
    const struct smsr_notification *n = run->notification;
    cr_buf commands = {0};
    smsr_es5_confirm(n->number, &commands);
    const struct smsr_script script = {
        .procedure = run->p.id,
        .eid = n->eid,
        .commands = cr_buf_span(&commands),
        .is_confirmation = true,
        .channel = n->from ? SMSR_SMS : SMSR_HTTPS,
        .deadline_ms = run->p.id ? script_deadline(run) : run->now_ms + run->sr->policy.again_ms};
    cr_status status = cr_buf_ok(&commands) ? smsr_script_put(run->sr, run->tx, &script, err)
                                            : cr_fail_memory(err);
    cr_buf_free(&commands);
    return status;
}

cr_status smsr_run_confirm_again(struct smsr_run *run, struct cr_err *err)
{
    const struct smsr_notification last = {
        .eid = run->p.eid, .number = run->e.notification_number, .from = ""};
    struct smsr_run again = *run;
    again.notification = &last;
    return smsr_run_confirm(&again, err);
}

cr_status smsr_run_recall(struct smsr_run *run, struct cr_err *err)
{
    return store_exec(run->tx, "DELETE FROM script WHERE procedure = ?",
                      STORE_VALUES(STORE_I(run->p.id)), NULL, NULL, NULL, err);
}

static cr_status take_one(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)row;
    (void)err;
    *(bool *)ctx = true;
    return CR_OK;
}

cr_status smsr_run_has_left(struct smsr_run *run, bool *left, struct cr_err *err)
{
    *left = false;
    return store_exec(run->tx, "SELECT 1 FROM script WHERE procedure = ? AND has_left = 1 LIMIT 1",
                      STORE_VALUES(STORE_I(run->p.id)), take_one, left, NULL, err);
}

cr_status smsr_run_answered(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    const cr_span more = run->outcome->response;
    if (!more.n) {
        return CR_OK;
    }
    if (p->response.n + more.n > SOAP_MAX_DATA) {
        return cr_fail(err, CR_REFUSED, NULL, "the eUICC answered more than %d bytes",
                       SOAP_MAX_DATA);
    }
    uint8_t *all = cr_arena_alloc(run->arena, p->response.n + more.n);
    if (!all) {
        return cr_fail_memory(err);
    }
    if (p->response.n) {
        memcpy(all, p->response.p, p->response.n);
    }
    memcpy(all + p->response.n, more.p, more.n);
    p->response = cr_span_of(all, p->response.n + more.n);
    return CR_OK;
}

/* ---- results -----------------------------------------------------------------------------------
 */

bool smsr_run_told(const struct smsr_run *run)
{
    return run->p.result.status == SOAP_EXPIRED;
}

enum smsr_proc_state smsr_run_ends(const struct smsr_run *run, enum smsr_proc_state state)
{
    return smsr_run_told(run) ? SMSR_STATE_EXPIRED : state;
}

static void set_result(struct smsr_run *run, enum soap_execution status, const struct cr_err *why)
{
    struct smsr_procedure *p = &run->p;
    if (smsr_run_told(run)) {
        return;
    }
    soap_status_from_err(why, run->arena, &p->result);
    p->result.status = (int)status;
    p->result.code.subject_identifier = cr_span_str(p->iccid);
}

/* Why the outcome is none that was wished. */
static void reason_of(const struct smsr_run *run, struct cr_err *why)
{
    const char *said = run->outcome && run->outcome->why ? run->outcome->why : NULL;
    switch ((int)run->event) {
    case SMSR_EV_UNREACHABLE:
        (void)cr_refuse(why, "8.1.1", "5.1", "SGP.02 4.1", "the eUICC cannot be reached%s%s",
                        said ? ": " : "", said ? said : "");
        break;
    case SMSR_EV_UNANSWERED:
        (void)cr_refuse(why, "8.1.1", "5.2", "SGP.02 4.1", "the eUICC does not answer%s%s",
                        said ? ": " : "", said ? said : "");
        break;
    case SMSR_EV_DEADLINE:
        (void)cr_refuse(why, "1.6", "5.3", "SGP.02 annex A", "the time of the request is over");
        break;
    default:
        if (run->sw) {
            (void)smsr_es5_refusal(run->sw, run->p.iccid, why);
        } else {
            (void)cr_refuse(why, "8.4", "4.2", "SGP.02 4.1", "the script was not executed%s%s",
                            said ? ": " : "", said ? said : "");
        }
        break;
    }
}

enum smsr_proc_state smsr_run_refused(struct smsr_run *run)
{
    struct cr_err why = {0};
    reason_of(run, &why);
    set_result(run, SOAP_FAILED, &why);
    if (run->outcome && run->outcome->response.n && !run->p.response.n) {
        run->p.response = run->outcome->response; /* what the requester should see */
    }
    return smsr_run_ends(run, SMSR_STATE_FAILED);
}

void smsr_run_warned(struct smsr_run *run)
{
    struct cr_err why = {0};
    reason_of(run, &why);
    set_result(run, SOAP_EXECUTED_WITHWARNING, &why);
}

enum smsr_proc_state smsr_run_failed(struct smsr_run *run, const char *subject, const char *reason,
                                     const char *sentence)
{
    struct cr_err why = {0};
    (void)cr_refuse(&why, subject, reason, NULL, "%s", sentence);
    set_result(run, SOAP_FAILED, &why);
    return smsr_run_ends(run, SMSR_STATE_FAILED);
}

void smsr_run_warn(struct smsr_run *run, const char *subject, const char *reason,
                   const char *sentence)
{
    struct cr_err why = {0};
    (void)cr_refuse(&why, subject, reason, NULL, "%s", sentence);
    set_result(run, SOAP_EXECUTED_WITHWARNING, &why);
}

/* ---- records and news --------------------------------------------------------------------------
 */

cr_status smsr_run_audit(struct smsr_run *run, uint16_t operation, enum soap_execution status,
                         struct cr_err *err)
{
    struct soap_status result = {.status = (int)status};
    struct cr_err why = {0};
    if (status == SOAP_FAILED) {
        reason_of(run, &why);
        soap_status_from_err(&why, run->arena, &result);
    }
    const struct smsr_audit record = {.eid = run->p.eid,
                                      .operation = operation,
                                      .requester = run->p.requester,
                                      .status = status ? &result : NULL,
                                      .aid = run->p.aid,
                                      .iccid = run->p.iccid};
    return smsr_audit_add(run->sr, run->tx, &record, err);
}

static bool by_smdp(const struct smsr_run *run)
{
    const int n = run->p.function;
    return n > 0 && n <= SOAP_FUNCTIONS && soap_functions[n - 1].interface == SOAP_ES3;
}

const char *smsr_run_requester(const struct smsr_run *run, const struct smsr_profile *target)
{
    if (smsr_run_told(run) || !run->p.function) {
        return NULL;
    }
    return by_smdp(run) ? target->mno_id : run->p.requester;
}

struct smsr_told {
    struct smsr_told *next;
    struct smsr_profile profile; /* texts in the arena of the run */
    struct smsr_news news;
};

cr_status smsr_run_news(struct smsr_run *run, enum soap_name name,
                        const struct smsr_profile *profile, const char *requester,
                        struct cr_err *err)
{
    struct smsr_told *told = cr_arena_alloc(run->arena, sizeof *told);
    if (!told) {
        return cr_fail_memory(err);
    }
    told->profile = *profile;
    told->news = (struct smsr_news){.name = name, .requester = requester, .by_smdp = by_smdp(run)};
    *(run->news ? run->news_end : &run->news) = told;
    run->news_end = &told->next;
    return CR_OK;
}

cr_status smsr_run_tell(struct smsr_run *run, struct cr_err *err)
{
    for (struct smsr_told *told = run->news; told; told = told->next) {
        told->news.profile = &told->profile;
        CR_TRY(smsr_fan_out(run->sr, run->tx, &told->news, err));
    }
    run->news = NULL;
    return CR_OK;
}

cr_status smsr_run_deleted(struct smsr_run *run, const struct smsr_profile *gone,
                           uint16_t operation, const char *requester, struct cr_err *err)
{
    /* A container without a Profile is nobody's news. */
    const bool was_profile = gone->state == SMSR_DISABLED || gone->state == SMSR_ENABLED;
    CR_TRY(smsr_profile_delete(run->tx, gone->eid, cr_span_str(gone->iccid), err));
    if (gone->state != SMSR_IN_CREATION) {
        run->e.remaining_memory += gone->allocated_memory;
        if (run->e.remaining_memory > run->e.available_memory) {
            run->e.remaining_memory = run->e.available_memory;
        }
    }
    if (operation) {
        const struct soap_status done = {.status = SOAP_EXECUTED_SUCCESS};
        const struct smsr_audit record = {.eid = gone->eid,
                                          .operation = operation,
                                          .requester = run->p.requester,
                                          .status = &done,
                                          .aid = gone->aid,
                                          .iccid = gone->iccid};
        CR_TRY(smsr_audit_add(run->sr, run->tx, &record, err));
    }
    return was_profile ? smsr_run_news(run, SOAP_PROFILE_DELETED, gone, requester, err) : CR_OK;
}

/* ---- Profiles ----------------------------------------------------------------------------------
 */

cr_status smsr_run_profile(struct smsr_run *run, const char *iccid, struct smsr_profile *out,
                           bool *found, struct cr_err *err)
{
    struct cr_err why = {0};
    *found = false;
    if (!iccid) {
        return CR_OK;
    }
    cr_status status =
        smsr_profile_get(run->tx, run->p.eid, cr_span_str(iccid), run->arena, out, &why);
    *found = status == CR_OK;
    if (status != CR_OK && status != CR_REFUSED) {
        if (err) {
            *err = why;
        }
        return status;
    }
    return CR_OK;
}

cr_status smsr_follow(struct smsr_run *run, cr_span aid, struct smsr_followed *out,
                      struct cr_err *err)
{
    bool was = false;
    *out = (struct smsr_followed){0};
    CR_TRY(smsr_profile_by_aid(run->tx, run->e.eid, aid, run->arena, &out->now, &out->known, err));
    if (!out->known) {
        cr_log(run->sr->env, CR_LOG_WARNING,
               "a notification names an ISD-P that is not in the EIS");
        return CR_OK;
    }
    CR_TRY(smsr_profile_special(run->tx, run->e.eid, SMSR_THE_ENABLED, run->arena, &out->was, &was,
                                err));
    if (was && smsr_same(out->was.iccid, out->now.iccid)) {
        out->was = (struct smsr_profile){0};
        return CR_OK;
    }
    out->changed = true;
    if (was) {
        out->was.state = SMSR_DISABLED;
        CR_TRY(smsr_profile_put(run->tx, &out->was, err));
    } else {
        out->was = (struct smsr_profile){0};
    }
    out->now.state = SMSR_ENABLED;
    return smsr_profile_put(run->tx, &out->now, err);
}
