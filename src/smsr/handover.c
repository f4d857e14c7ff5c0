/*
 * SM-SR change: its rows, and the messages between the two SM-SRs.
 */
#include "smsr/handover.h"

#include <stdio.h>
#include <stdlib.h>

#define CONTEXT "change-"

/* handover  smsr/handover.h
 * departed  eUICCs that were handed over, and to whom */
const char smsr_handover_schema[] =
    "ALTER TABLE euicc_state ADD COLUMN arriving INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE departed ("
    " eid BLOB PRIMARY KEY,"
    " smsr TEXT NOT NULL," /* OID */
    " when_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE handover ("
    " procedure INTEGER PRIMARY KEY,"
    " call TEXT,"
    " exchange INTEGER NOT NULL,"
    " certificate BLOB,"
    " challenge BLOB,"
    " objects BLOB,"
    " one_time BLOB," /* sealed */
    " versions BLOB,"
    " version INTEGER NOT NULL,"
    " deletes INTEGER NOT NULL,"
    " committed INTEGER NOT NULL,"
    " announced INTEGER NOT NULL,"
    " tries INTEGER NOT NULL);"
    "CREATE TRIGGER handover_forgotten AFTER DELETE ON procedure BEGIN"
    " DELETE FROM handover WHERE procedure = OLD.id; END;";

/* ---- rows --------------------------------------------------------------------------------------
 */

struct reading {
    cr_arena *arena;
    struct smsr_handover *out;
    bool found;
};

static cr_status take_handover(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    struct smsr_handover *h = r->out;
    r->found = true;
    *h = (struct smsr_handover){.procedure = store_int(row, 0),
                                .exchange = store_int(row, 2),
                                .version = (uint8_t)store_int(row, 8),
                                .deletes = store_int(row, 9) != 0,
                                .committed = store_int(row, 10) != 0,
                                .announced = store_int(row, 11) != 0,
                                .tries = (int)store_int(row, 12)};
    const struct {
        int column;
        cr_span *out;
    } spans[] = {
        {3, &h->certificate}, {4, &h->challenge}, {5, &h->objects},
        {6, &h->one_time},    {7, &h->versions},
    };
    for (size_t i = 0; i < CR_COUNT(spans); i++) {
        CR_TRY(smsr_take_bytes(row, spans[i].column, r->arena, spans[i].out, err));
    }
    return smsr_take_text(row, 1, r->arena, &h->call, err);
}

cr_status smsr_handover_get(struct store_tx *tx, int64_t procedure, cr_arena *arena,
                            struct smsr_handover *out, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx,
                      "SELECT procedure, call, exchange, certificate, challenge, objects, one_time,"
                      " versions, version, deletes, committed, announced, tries FROM handover"
                      " WHERE procedure = ?",
                      STORE_VALUES(STORE_I(procedure)), take_handover, &r, NULL, err));
    return r.found ? CR_OK : cr_fail(err, CR_INTERNAL, NULL, "a hand-over without its row");
}

cr_status smsr_handover_put(struct store_tx *tx, const struct smsr_handover *h, struct cr_err *err)
{
    return store_exec(
        tx, "INSERT OR REPLACE INTO handover VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        STORE_VALUES(STORE_I(h->procedure), STORE_T(h->call), STORE_I(h->exchange),
                     STORE_B(h->certificate), STORE_B(h->challenge), STORE_B(h->objects),
                     STORE_B(h->one_time), STORE_B(h->versions), STORE_I(h->version),
                     STORE_I(h->deletes), STORE_I(h->committed), STORE_I(h->announced),
                     STORE_I(h->tries)),
        NULL, NULL, NULL, err);
}

/* ---- who ---------------------------------------------------------------------------------------
 */

cr_status smsr_may_initiate(const struct smsr *sr, const struct m2m_call *call, struct cr_err *err)
{
    return (call->caller->roles & SOAP_OPERATOR) || sr->policy.allow_m2msp_change
               ? CR_OK
               : cr_refuse(err, "1.6", "1.2", "SGP.02 3.8", "only an operator may ask for it");
}

cr_status smsr_find_peer(const struct smsr *sr, cr_span oid, const struct m2m_party **out,
                         struct cr_err *err)
{
    const struct m2m_party *peer = m2m_party_by_oid(sr->parties, oid);
    *out = peer;
    return peer && (peer->roles & SOAP_SMSR) && m2m_party_url(peer, SOAP_ES7)
               ? CR_OK
               : cr_refuse(err, "8.7", "3.9", "SGP.02 3.8",
                           "that SM-SR is not known here, or cannot be called");
}

/* ---- messages ----------------------------------------------------------------------------------
 */

cr_status smsr_handover_ask(struct smsr_run *run, enum soap_name name, const struct soap_body *body,
                            int64_t deadline_ms, struct cr_err *err)
{
    const struct m2m_party *peer = NULL;
    struct soap_body call = *body;
    char context[64];
    /* With the time: a directory that was restored or made anew gives numbers once more, and what
     * the other one did under such a number is not this hand-over. */
    (void)snprintf(context, sizeof context, CONTEXT "%lld-%lld", (long long)run->p.id,
                   (long long)run->p.started_ms);
    if (name == SOAP_HANDOVER_EUICC) {
        call.function_call_identifier = cr_span_str(context); /* a repetition has the same */
    }
    CR_TRY(smsr_find_peer(run->sr, cr_span_str(run->p.other), &peer, err));
    const struct m2m_request request = {.to = peer,
                                        .function = soap_function(SOAP_ES7, name),
                                        .body = &call,
                                        .context = context,
                                        .deadline_ms = deadline_ms};
    return m2m_ask(run->sr->m2m, run->tx, &request, err);
}

/* Which answer the state waits for. */
static bool waits_for(const struct smsr_procedure *p, enum soap_name name)
{
    if (p->kind == SMSR_PROC_CHANGE) {
        return name == SOAP_HANDOVER_EUICC;
    }
    return p->kind == SMSR_PROC_TAKEOVER &&
           ((p->state == SMSR_STATE_AUTHENTICATING && name == SOAP_AUTHENTICATE_SMSR) ||
            (p->state == SMSR_STATE_ESTABLISHING && name == SOAP_CREATE_ADDITIONAL_KEY_SET));
}

static enum smsr_event event_of(const struct m2m_answered *answer)
{
    const int status = answer->body->status.status;
    if (answer->none || status == SOAP_EXPIRED) {
        return SMSR_EV_PEER_SILENT;
    }
    return status == SOAP_EXECUTED_SUCCESS || status == SOAP_EXECUTED_WITHWARNING
               ? SMSR_EV_PEER_DONE
               : SMSR_EV_PEER_REFUSED;
}

cr_status smsr_handover_answered(void *ctx, const struct m2m_answered *answer, struct cr_err *err)
{
    struct smsr_run run;
    struct cr_err gone = {0};
    if (strncmp(answer->context, CONTEXT, strlen(CONTEXT)) != 0) {
        return CR_OK;
    }
    const int64_t id = strtoll(answer->context + strlen(CONTEXT), NULL, 10);
    cr_status status = smsr_run_load(ctx, answer->tx, id, answer->arena, &run, &gone);
    if (status == CR_REFUSED) {
        return CR_OK; /* the procedure is forgotten, or its eUICC has gone */
    }
    if (status != CR_OK) {
        return cr_fail(err, status, NULL, "%s", gone.cause);
    }
    if (!waits_for(&run.p, (enum soap_name)answer->function->id)) {
        return CR_OK;
    }
    run.es7 = answer->body;
    run.event = event_of(answer);
    return smsr_run_event(&run, err);
}

void smsr_handover_refused(struct smsr_run *run)
{
    const struct soap_status *said = &run->es7->status;
    if (smsr_run_told(run)) {
        return;
    }
    run->p.result = *said;
    run->p.result.status = SOAP_FAILED;
}
