/*
 * Procedures as rows, and the engine that moves them.
 */
#include "smsr/engine.h"

#include "base/text.h"
#include "smsr/handlers.h"

const struct smsr_kind_ops smsr_kinds[SMSR_KINDS] = {
    [SMSR_PROC_ENABLE] = {smsr_start_switch, smsr_on_switch},
    [SMSR_PROC_DISABLE] = {smsr_start_switch, smsr_on_switch},
    [SMSR_PROC_DELETE] = {smsr_start_delete, smsr_on_delete},
    [SMSR_PROC_CREATE_ISDP] = {smsr_start_create, smsr_on_create},
    [SMSR_PROC_SEND_DATA] = {smsr_start_data, smsr_on_data},
    [SMSR_PROC_AUDIT] = {smsr_start_audit, smsr_on_audit},
    [SMSR_PROC_CONNECTIVITY] = {smsr_start_data, smsr_on_data},
    [SMSR_PROC_FALLBACK] = {smsr_start_attribute, smsr_on_attribute},
    [SMSR_PROC_EMERGENCY] = {smsr_start_attribute, smsr_on_attribute},
    [SMSR_PROC_MASTER_DELETE] = {smsr_start_delete, smsr_on_delete},
    [SMSR_PROC_ADDRESSING] = {smsr_start_data, smsr_on_data},
    [SMSR_PROC_CHANGE] = {smsr_start_change, smsr_on_change},
    [SMSR_PROC_TAKEOVER] = {smsr_start_takeover, smsr_on_takeover},
};

/* ---- rows --------------------------------------------------------------------------------------
 */

#define COLUMNS                                                                                    \
    "SELECT id, revision, kind, state, before, eid, exchange, requester, function, iccid, other,"  \
    " aid, data, response, more_to_do, switched, started_ms, deadline_ms, ended_ms, due_ms,"       \
    " status, subject, reason, identifier, message FROM procedure "

struct reading {
    cr_arena *arena;
    struct smsr_procedure *out;
    size_t room, count;
};

static cr_status take_procedure(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    if (r->count == r->room) {
        return CR_OK;
    }
    struct smsr_procedure *p = &r->out[r->count++];
    *p = (struct smsr_procedure){.id = store_int(row, 0),
                                 .revision = store_int(row, 1),
                                 .kind = (enum smsr_kind)store_int(row, 2),
                                 .state = (enum smsr_proc_state)store_int(row, 3),
                                 .before = (enum smsr_proc_state)store_int(row, 4),
                                 .exchange = store_int(row, 6),
                                 .function = (int)store_int(row, 8),
                                 .more_to_do = store_int(row, 14) != 0,
                                 .switched = store_int(row, 15) != 0,
                                 .started_ms = store_int(row, 16),
                                 .deadline_ms = store_int(row, 17),
                                 .ended_ms = store_int(row, 18),
                                 .due_ms = store_int(row, 19)};
    CR_TRY(smsr_take_bytes(row, 5, r->arena, &p->eid, err));
    CR_TRY(smsr_take_text(row, 7, r->arena, &p->requester, err));
    CR_TRY(smsr_take_text(row, 9, r->arena, &p->iccid, err));
    CR_TRY(smsr_take_text(row, 10, r->arena, &p->other, err));
    CR_TRY(smsr_take_bytes(row, 11, r->arena, &p->aid, err));
    CR_TRY(smsr_take_bytes(row, 12, r->arena, &p->data, err));
    CR_TRY(smsr_take_bytes(row, 13, r->arena, &p->response, err));
    return smsr_take_status(row, 20, r->arena, &p->result, err);
}

cr_status smsr_procedure_get(struct store_tx *tx, int64_t id, cr_arena *arena,
                             struct smsr_procedure *out, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = 1};
    CR_TRY(store_exec(tx, COLUMNS "WHERE id = ?", STORE_VALUES(STORE_I(id)), take_procedure, &r,
                      NULL, err));
    return r.count ? CR_OK : cr_fail(err, CR_REFUSED, NULL, "there is no such procedure");
}

cr_status smsr_procedure_list(struct store_tx *tx, cr_span eid, bool open_only, int64_t after,
                              cr_arena *arena, struct smsr_procedure *out, size_t room,
                              size_t *count, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = room};
    const char *sql = eid.p ? COLUMNS "WHERE eid = ?1 AND id > ?2 AND (?3 = 0 OR ended_ms IS NULL)"
                                      " ORDER BY id LIMIT ?4"
                            : COLUMNS
                          "WHERE ?1 IS NULL AND id > ?2 AND (?3 = 0 OR ended_ms IS NULL)"
                          " ORDER BY id LIMIT ?4";
    CR_TRY(store_exec(
        tx, sql,
        STORE_VALUES(STORE_B(eid), STORE_I(after), STORE_I(open_only), STORE_I((int64_t)room)),
        take_procedure, &r, NULL, err));
    *count = r.count;
    return CR_OK;
}

static cr_status take_id(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

static cr_status insert_row(struct store_tx *tx, struct smsr_procedure *p, struct cr_err *err)
{
    return store_exec(
        tx,
        "INSERT INTO procedure(revision, kind, state, before, eid, exchange, requester, function,"
        " iccid, other, aid, data, more_to_do, switched, started_ms, deadline_ms, due_ms, status)"
        " VALUES(0, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0) RETURNING id",
        STORE_VALUES(STORE_I(p->kind), STORE_I(p->state), STORE_B(p->eid), STORE_I(p->exchange),
                     STORE_T(p->requester), STORE_I(p->function), STORE_T(p->iccid),
                     STORE_T(p->other), STORE_B(p->aid), STORE_B(p->data), STORE_I(p->more_to_do),
                     STORE_I(p->started_ms), STORE_I(p->deadline_ms), STORE_I(p->deadline_ms)),
        take_id, &p->id, NULL, err);
}

/* By compare-and-set: nobody may have moved it meanwhile. */
static cr_status update_row(struct store_tx *tx, struct smsr_procedure *p, struct cr_err *err)
{
    const struct store_value none = {.kind = STORE_NULL};
    const struct soap_status_code *code = &p->result.code;
    int64_t changed = 0;
    CR_TRY(store_exec(
        tx,
        "UPDATE procedure SET revision = revision + 1, state = ?, before = ?, exchange = ?,"
        " data = ?, response = ?, switched = ?, deadline_ms = ?, ended_ms = ?, due_ms = ?,"
        " status = ?, subject = ?, reason = ?, identifier = ?, message = ?"
        " WHERE id = ? AND revision = ?",
        STORE_VALUES(STORE_I(p->state), STORE_I(p->before), STORE_I(p->exchange), STORE_B(p->data),
                     STORE_B(p->response), STORE_I(p->switched), STORE_I(p->deadline_ms),
                     p->ended_ms ? STORE_I(p->ended_ms) : none,
                     p->due_ms ? STORE_I(p->due_ms) : none, STORE_I(p->result.status),
                     STORE_S(code->subject), STORE_S(code->reason),
                     STORE_S(code->subject_identifier), STORE_S(code->message), STORE_I(p->id),
                     STORE_I(p->revision)),
        NULL, NULL, &changed, err));
    p->revision++;
    return changed == 1 ? CR_OK
                        : cr_fail(err, CR_INTERNAL, NULL, "a procedure was moved by another");
}

cr_status smsr_procedure_forget(struct store_tx *tx, int64_t before_ms, int64_t limit,
                                struct cr_err *err)
{
    return store_exec(tx,
                      "DELETE FROM procedure WHERE id IN (SELECT id FROM procedure WHERE"
                      " ended_ms < ? LIMIT ?)",
                      STORE_VALUES(STORE_I(before_ms), STORE_I(limit)), NULL, NULL, NULL, err);
}

/* ---- answering ---------------------------------------------------------------------------------
 */

static enum soap_interface interface_of(const struct smsr_procedure *p)
{
    return p->function > 0 && p->function <= SOAP_FUNCTIONS
               ? (enum soap_interface)soap_functions[p->function - 1].interface
               : 0;
}

static cr_status fill_eis(struct smsr_run *run, struct soap_body *body, struct cr_err *err)
{
    const bool smdp = interface_of(&run->p) == SOAP_ES3;
    body->has_eis = true;
    return smsr_eis_show(run->sr, run->tx, &run->e, smdp ? SMSR_VIEW_SMDP : SMSR_VIEW_OPERATOR,
                         run->p.requester, run->arena, &body->eis, err);
}

cr_status smsr_run_answer(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    struct soap_body body = {.has_status = true, .status = p->result};
    struct cr_err why = {0};
    const bool good =
        p->result.status == SOAP_EXECUTED_SUCCESS || p->result.status == SOAP_EXECUTED_WITHWARNING;
    if (!p->exchange) {
        return CR_OK;
    }
    body.euicc_response_data = p->response;
    if (good && p->kind == SMSR_PROC_CREATE_ISDP) {
        body.isdp_aid = p->aid;
    }
    if (good && p->kind == SMSR_PROC_AUDIT) {
        CR_TRY(fill_eis(run, &body, err));
    }
    cr_status status = m2m_answer(run->sr->m2m, run->tx, p->exchange, &body, &why);
    if (status == CR_REFUSED && why.code == M2M_ANSWERED) {
        status = CR_OK; /* the connection was held as long as could be */
    } else if (status != CR_OK && err) {
        *err = why;
    }
    p->exchange = 0;
    return status;
}

/* ---- the engine --------------------------------------------------------------------------------
 */

bool smsr_run_allows(const struct smsr_procedure *p, enum smsr_event event)
{
    for (const struct smsr_transition *t = smsr_transitions; t->from; t++) {
        if ((t->kinds & SMSR_KIND(p->kind)) && t->from == p->state && t->event == event) {
            return true;
        }
    }
    return false;
}

static bool in_table(const struct smsr_procedure *p, enum smsr_event event, enum smsr_proc_state to)
{
    for (const struct smsr_transition *t = smsr_transitions; t->from; t++) {
        if ((t->kinds & SMSR_KIND(p->kind)) && t->from == p->state && t->event == event &&
            t->to == to) {
            return true;
        }
    }
    return false;
}

static cr_status end(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    if (!p->result.status) {
        p->result.status = p->state == SMSR_STATE_DONE ? SOAP_EXECUTED_SUCCESS : SOAP_FAILED;
    }
    p->ended_ms = run->now_ms;
    p->due_ms = 0;
    p->data = (cr_span){0};
    CR_TRY(smsr_run_recall(run, err));
    if (run->e.procedure == p->id) {
        run->e.procedure = 0;
        run->e.in_doubt = false;
    }
    if (run->e.handover == p->id) {
        run->e.handover = 0;
    }
    return smsr_run_answer(run, err);
}

cr_status smsr_run_expired(struct smsr_run *run, const char *sentence, struct cr_err *err)
{
    struct cr_err why = {0};
    (void)cr_refuse(&why, "1.6", "5.3", "SGP.02 annex A", "%s", sentence);
    soap_status_from_err(&why, run->arena, &run->p.result);
    return smsr_run_answer(run, err);
}

static cr_status enter_doubt(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    const int64_t period = p->deadline_ms - p->started_ms;
    run->e.in_doubt = true;
    p->due_ms = run->now_ms + (period > 0 ? period : run->sr->policy.again_ms);
    return smsr_run_told(run)
               ? CR_OK
               : smsr_run_expired(
                     run, "the eUICC has not reported in time: what it did is not known yet", err);
}

/* There the action says when it goes on. */
static bool has_own_time(enum smsr_proc_state state)
{
    return state == SMSR_STATE_SETTLING || state == SMSR_STATE_ASKING || state == SMSR_STATE_PAUSED;
}

static cr_status move(struct smsr_run *run, enum smsr_proc_state to, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    const bool enters = p->state != to || run->event == SMSR_EV_DEADLINE;
    p->state = to;
    if (smsr_proc_ended(to)) {
        CR_TRY(end(run, err));
    } else if (to == SMSR_STATE_DOUBT) {
        if (enters) {
            CR_TRY(enter_doubt(run, err));
        }
    } else if (!has_own_time(to)) {
        const bool over = smsr_run_told(run) || p->deadline_ms <= run->now_ms;
        p->due_ms = over ? run->now_ms + run->sr->policy.again_ms : p->deadline_ms;
    }
    CR_TRY(smsr_run_tell(run, err));
    if (!run->gone) {
        CR_TRY(smsr_euicc_update(run->tx, &run->e, err));
    }
    return update_row(run->tx, p, err);
}

cr_status smsr_run_event(struct smsr_run *run, struct cr_err *err)
{
    const struct smsr_procedure *p = &run->p;
    enum smsr_proc_state to = p->state;
    if (!smsr_run_allows(p, run->event)) {
        cr_log(run->sr->env, CR_LOG_INFO, "procedure %lld, %s: '%s' in '%s' is passed over",
               (long long)p->id, smsr_kind_name(p->kind), smsr_event_name(run->event),
               smsr_proc_state_name(p->state));
        return CR_OK;
    }
    CR_TRY(smsr_kinds[p->kind].event(run, &to, err));
    if (!in_table(p, run->event, to)) {
        return cr_fail(err, CR_INTERNAL, NULL, "%s: '%s' in '%s' cannot lead to '%s'",
                       smsr_kind_name(p->kind), smsr_event_name(run->event),
                       smsr_proc_state_name(p->state), smsr_proc_state_name(to));
    }
    cr_log(run->sr->env, CR_LOG_INFO, "procedure %lld, %s: %s -> %s (%s)", (long long)p->id,
           smsr_kind_name(p->kind), smsr_proc_state_name(p->state), smsr_proc_state_name(to),
           smsr_event_name(run->event));
    return move(run, to, err);
}

cr_status smsr_run_load(struct smsr *sr, struct store_tx *tx, int64_t procedure, cr_arena *arena,
                        struct smsr_run *run, struct cr_err *err)
{
    *run = (struct smsr_run){.sr = sr, .tx = tx, .arena = arena, .now_ms = cr_now_ms(sr->env)};
    struct cr_err none = {0};
    CR_TRY(smsr_procedure_get(tx, procedure, arena, &run->p, err));
    cr_status status = smsr_euicc_load(tx, run->p.eid, arena, &run->e, &none);
    if (status == CR_REFUSED && run->p.kind == SMSR_PROC_TAKEOVER) { /* not here yet */
        run->gone = true;
        run->e = (struct smsr_euicc){.eid = run->p.eid};
        return CR_OK;
    }
    if (status != CR_OK && err) {
        *err = none;
    }
    return status;
}

/* ---- starting ----------------------------------------------------------------------------------
 */

/* An eUICC that was taken over and does not have our addresses yet would report a switch to the
 * SM-SR before. */
static cr_status check_reports(struct store_tx *tx, const struct smsr_euicc *euicc,
                               enum smsr_kind kind, struct cr_err *err)
{
    int64_t id = 0;
    if (kind != SMSR_PROC_ENABLE && kind != SMSR_PROC_DISABLE && kind != SMSR_PROC_DELETE) {
        return CR_OK;
    }
    CR_TRY(store_exec(tx,
                      "SELECT id FROM procedure WHERE eid = ? AND kind = ? AND state = ?"
                      " AND before IN (?, ?) LIMIT 1",
                      STORE_VALUES(STORE_B(euicc->eid), STORE_I(SMSR_PROC_TAKEOVER),
                                   STORE_I(SMSR_STATE_PAUSED), STORE_I(SMSR_STATE_FINALISING),
                                   STORE_I(SMSR_STATE_ADDRESSING)),
                      take_id, &id, NULL, err));
    return id ? cr_refuse(
                    err, "1.2", "4.4", "SGP.02 3.8",
                    "the eUICC does not have the addresses of this SM-SR yet: it would report "
                    "to the one before (procedure %lld)",
                    (long long)id)
              : CR_OK;
}

/* A doubt does not keep anybody from looking. */
cr_status smsr_run_admit(struct store_tx *tx, const struct smsr_euicc *euicc, enum smsr_kind kind,
                         bool *holds, struct cr_err *err)
{
    struct smsr_procedure other;
    *holds = true;
    if (euicc->handover) {
        return cr_refuse(err, "1.2", "4.4", "SGP.02 3.8", "the eUICC is being handed over");
    }
    if (!euicc->procedure) {
        return check_reports(tx, euicc, kind, err);
    }
    cr_arena arena = {0};
    cr_status status = smsr_procedure_get(tx, euicc->procedure, &arena, &other, err);
    *holds = !(kind == SMSR_PROC_AUDIT && status == CR_OK && other.state == SMSR_STATE_DOUBT);
    if (status == CR_OK && *holds) {
        status = cr_refuse(err, "1.2", "4.4", "SGP.02 3", "%s holds the eUICC (procedure %lld, %s)",
                           smsr_kind_name(other.kind), (long long)other.id,
                           smsr_proc_state_name(other.state));
    }
    cr_arena_free(&arena);
    return status;
}

static cr_status start(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    enum smsr_proc_state to = SMSR_STATE_SENT;
    bool holds = false;
    run->gone = p->kind == SMSR_PROC_TAKEOVER; /* it comes with HandoverEUICC */
    if (!run->gone) {
        CR_TRY(smsr_euicc_get(run->tx, p->eid, run->arena, &run->e, err));
        CR_TRY(smsr_run_admit(run->tx, &run->e, p->kind, &holds, err));
    }
    p->state = SMSR_STATE_SENT;
    p->started_ms = run->now_ms;
    CR_TRY(insert_row(run->tx, p, err));
    if (holds) {
        run->e.procedure = p->id;
    }
    CR_TRY(smsr_kinds[p->kind].start(run, &to, err));
    p->state = to;
    p->due_ms = p->deadline_ms;
    if (!run->gone) {
        CR_TRY(smsr_euicc_update(run->tx, &run->e, err));
    }
    return update_row(run->tx, p, err);
}

cr_status smsr_procedure_start(struct smsr *sr, struct m2m_call *call,
                               const struct smsr_procedure *what, struct cr_err *err)
{
    struct smsr_run run = {
        .sr = sr, .tx = call->tx, .arena = call->arena, .now_ms = call->now_ms, .p = *what};
    run.p.exchange = what->kind == SMSR_PROC_TAKEOVER ? 0 : call->id; /* answered at once */
    run.p.requester = call->caller->oid;
    run.p.function = call->function->number;
    run.p.deadline_ms = call->deadline_ms;
    CR_TRY(start(&run, err));
    call->later = run.p.exchange != 0;
    return CR_OK;
}

cr_status smsr_procedure_start_own(struct smsr *sr, struct store_tx *tx, cr_arena *arena,
                                   const struct smsr_procedure *what, int64_t period_ms,
                                   int64_t *id, struct cr_err *err)
{
    struct smsr_run run = {
        .sr = sr, .tx = tx, .arena = arena, .now_ms = cr_now_ms(sr->env), .p = *what};
    run.p.exchange = 0;
    run.p.function = 0;
    run.p.deadline_ms = run.now_ms + period_ms;
    CR_TRY(start(&run, err));
    *id = run.p.id;
    return CR_OK;
}

/* ---- events ------------------------------------------------------------------------------------
 */

/* What the status word says, where the core has to judge it. */
static enum smsr_event event_of(struct smsr_run *run)
{
    struct smsr_r_apdu last = {0};
    const bool audit = run->p.kind == SMSR_PROC_AUDIT || run->p.state == SMSR_STATE_SETTLING;
    const bool found = smsr_es5_last(run->outcome->response, &last);
    run->sw = found ? last.sw : 0;
    if (run->outcome->event != SMSR_EV_OK || run->p.kind == SMSR_PROC_SEND_DATA || audit) {
        return run->outcome->event;
    }
    return found && smsr_es5_good(last.sw) ? SMSR_EV_OK : SMSR_EV_ERROR;
}

/* A confirmation that belongs to no procedure: what POL1 deleted is gone. */
static cr_status confirmed_alone(struct smsr *sr, struct store_tx *tx,
                                 const struct smsr_script *script,
                                 const struct smsr_outcome *outcome, cr_arena *arena,
                                 struct cr_err *err)
{
    struct smsr_run run = {
        .sr = sr, .tx = tx, .arena = arena, .now_ms = cr_now_ms(sr->env), .outcome = outcome};
    struct smsr_r_apdu last;
    cr_span list, aid;
    if (outcome->event != SMSR_EV_OK || !smsr_es5_last(outcome->response, &last) ||
        !smsr_es5_good(last.sw) || !smsr_es5_deleted(last.data, &list)) {
        return CR_OK; /* the eUICC repeats its notification */
    }
    CR_TRY(smsr_euicc_get(tx, script->eid, arena, &run.e, err));
    run.p.eid = script->eid;
    while (smsr_es5_next_deleted(&list, &aid)) {
        struct smsr_profile gone;
        bool found;
        CR_TRY(smsr_profile_by_aid(tx, script->eid, aid, arena, &gone, &found, err));
        if (found) {
            CR_TRY(smsr_run_deleted(&run, &gone, SMSR_OP_DELETE, NULL, err));
        }
    }
    CR_TRY(smsr_run_tell(&run, err));
    return smsr_euicc_update(tx, &run.e, err);
}

cr_status smsr_procedure_answered(struct smsr *sr, struct store_tx *tx,
                                  const struct smsr_script *script,
                                  const struct smsr_outcome *outcome, struct cr_err *err)
{
    cr_arena arena = {0};
    struct smsr_run run;
    struct cr_err gone = {0};
    cr_status status;
    if (!script->procedure) {
        status = confirmed_alone(sr, tx, script, outcome, &arena, err);
    } else {
        status = smsr_run_load(sr, tx, script->procedure, &arena, &run, &gone);
        if (status == CR_OK) {
            run.script = script;
            run.outcome = outcome;
            run.event = event_of(&run);
            status = smsr_run_event(&run, err);
        } else if (status == CR_REFUSED) {
            status = CR_OK; /* the procedure or the eUICC is not here any more */
        } else if (err) {
            *err = gone;
        }
    }
    cr_arena_free(&arena);
    return status;
}

struct due {
    int64_t *ids;
    size_t room, count;
};

static cr_status take_due(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct due *due = ctx;
    (void)err;
    if (due->count < due->room) {
        due->ids[due->count++] = store_int(row, 0);
    }
    return CR_OK;
}

static cr_status tick_one(struct smsr *sr, struct store_tx *tx, int64_t id, struct cr_err *err)
{
    cr_arena arena = {0};
    struct smsr_run run;
    cr_status status = smsr_run_load(sr, tx, id, &arena, &run, err);
    if (status == CR_OK) {
        const bool again = run.p.state == SMSR_STATE_SETTLING && !smsr_run_told(&run) &&
                           run.now_ms < run.p.deadline_ms;
        run.event = again ? SMSR_EV_AGAIN : SMSR_EV_DEADLINE;
        status = smsr_run_event(&run, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status smsr_procedure_postpone(struct smsr *sr, struct store_tx *tx, struct cr_err *err)
{
    const int64_t now = cr_now_ms(sr->env);
    return store_exec(tx,
                      "UPDATE procedure SET due_ms = ? WHERE id = (SELECT id FROM procedure WHERE"
                      " due_ms <= ? ORDER BY due_ms LIMIT 1)",
                      STORE_VALUES(STORE_I(now + sr->policy.again_ms), STORE_I(now)), NULL, NULL,
                      NULL, err);
}

cr_status smsr_procedure_tick(struct smsr *sr, struct store_tx *tx, int64_t limit, bool *more,
                              struct cr_err *err)
{
    cr_arena arena = {0};
    struct due due = {.room = (size_t)limit};
    due.ids = cr_arena_alloc_array(&arena, due.room, sizeof *due.ids);
    cr_status status = due.ids ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = store_exec(
            tx, "SELECT id FROM procedure WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
            STORE_VALUES(STORE_I(cr_now_ms(sr->env)), STORE_I(limit)), take_due, &due, NULL, err);
    }
    for (size_t i = 0; status == CR_OK && i < due.count; i++) {
        status = tick_one(sr, tx, due.ids[i], err);
    }
    *more = due.count == due.room;
    cr_arena_free(&arena);
    return status;
}
