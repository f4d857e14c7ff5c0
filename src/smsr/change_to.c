/*
 * SM-SR change, the SM-SR that takes an eUICC over (SGP.02 3.8; SM-SR2 there), up to the commit
 * point: the receipt that shows that the eUICC has our key set.
 */
#include "smsr/handlers.h"
#include "smsr/handover.h"

#define HOST_ID    16 /* bytes */
#define LAST_SCP80 0x0F

/* ---- PrepareSMSRChange -------------------------------------------------------------------------
 */

static cr_status take_id(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

/* The one that has not come to its commit point. *id 0 = none. */
static cr_status find_open(struct store_tx *tx, cr_span eid, int64_t *id, struct cr_err *err)
{
    *id = 0;
    return store_exec(tx,
                      "SELECT id FROM procedure WHERE eid = ? AND kind = ? AND state IN (?, ?, ?)"
                      " LIMIT 1",
                      STORE_VALUES(STORE_B(eid), STORE_I(SMSR_PROC_TAKEOVER),
                                   STORE_I(SMSR_STATE_PREPARED), STORE_I(SMSR_STATE_AUTHENTICATING),
                                   STORE_I(SMSR_STATE_ESTABLISHING)),
                      take_id, id, NULL, err);
}

/* True in *out when the eUICC is ours. */
static cr_status is_managed(struct store_tx *tx, cr_span eid, cr_arena *arena, bool *out,
                            struct cr_err *err)
{
    struct smsr_euicc euicc;
    struct cr_err unknown = {0};
    cr_status status = smsr_euicc_get(tx, eid, arena, &euicc, &unknown);
    *out = status == CR_OK;
    return status == CR_OK || status == CR_REFUSED
               ? CR_OK
               : cr_fail(err, status, NULL, "%s", unknown.cause);
}

static cr_status check_capacity(const struct smsr *sr, struct store_tx *tx, struct cr_err *err)
{
    int64_t count = 0;
    if (!sr->policy.max_euiccs) {
        return CR_OK;
    }
    CR_TRY(store_exec(tx, "SELECT count(*) FROM euicc_state", NULL, take_id, &count, NULL, err));
    return count < sr->policy.max_euiccs
               ? CR_OK
               : cr_refuse(err, "1.2", "4.8", "SGP.02 3.8", "this SM-SR takes no more eUICCs");
}

/* The same initiator may prepare anew, with other parameters; nobody else meanwhile. */
static cr_status make_room(struct smsr *sr, struct m2m_call *call, cr_span eid, struct cr_err *err)
{
    struct smsr_run run;
    int64_t id;
    CR_TRY(find_open(call->tx, eid, &id, err));
    if (!id) {
        return CR_OK;
    }
    CR_TRY(smsr_run_load(sr, call->tx, id, call->arena, &run, err));
    if (run.p.state != SMSR_STATE_PREPARED || !smsr_same(run.p.requester, call->caller->oid)) {
        return cr_refuse(err, "1.2", "4.4", "SGP.02 3.8",
                         "a change of the SM-SR is under way for this eUICC");
    }
    run.event = SMSR_EV_PREPARE;
    return smsr_run_event(&run, err);
}

cr_status smsr_prepare_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    const struct m2m_party *peer;
    bool managed;
    (void)response;
    CR_TRY(smsr_may_initiate(sr, call, err));
    CR_TRY(is_managed(call->tx, request->eid, call->arena, &managed, err));
    if (managed) {
        return cr_refuse(err, "8.1.1", "3.3", "SGP.02 3.8", "the eUICC is managed here already");
    }
    CR_TRY(smsr_find_peer(sr, request->smsr_id, &peer, err));
    CR_TRY(smsr_identity_check(sr, err));
    CR_TRY(check_capacity(sr, call->tx, err));
    CR_TRY(make_room(sr, call, request->eid, err));
    const struct smsr_procedure what = {
        .kind = SMSR_PROC_TAKEOVER, .eid = request->eid, .other = peer->oid};
    return smsr_procedure_start(sr, call, &what, err);
}

cr_status smsr_start_takeover(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const struct smsr_handover h = {.procedure = run->p.id};
    *to = SMSR_STATE_PREPARED;
    return smsr_handover_put(run->tx, &h, err);
}

/* ---- HandoverEUICC -----------------------------------------------------------------------------
 */

/* One that was carried out before: its answer was lost, or its time was over there. */
static cr_status find_done(struct m2m_call *call, cr_span eid, cr_span identifier, int64_t *id,
                           struct cr_err *err)
{
    *id = 0;
    return store_exec(call->tx,
                      "SELECT p.id FROM procedure p JOIN handover h ON h.procedure = p.id"
                      " WHERE p.eid = ? AND p.kind = ? AND p.other = ? AND h.call = ?"
                      " AND h.committed = 1 LIMIT 1",
                      STORE_VALUES(STORE_B(eid), STORE_I(SMSR_PROC_TAKEOVER),
                                   STORE_T(call->caller->oid), STORE_S(identifier)),
                      take_id, id, NULL, err);
}

static cr_status no_takeover(struct m2m_call *call, cr_span eid, cr_span identifier,
                             struct soap_body *response, struct cr_err *err)
{
    int64_t done;
    bool managed;
    CR_TRY(find_done(call, eid, identifier, &done, err));
    CR_TRY(is_managed(call->tx, eid, call->arena, &managed, err));
    struct cr_err why = {0};
    cr_status status =
        managed || done
            ? cr_refuse(&why, "8.1.1", "3.3", "SGP.02 3.8", "the eUICC is managed here already")
            : cr_refuse(&why, "8.1.1", "1.1", "SGP.02 3.8", "nobody prepared this SM-SR change");
    if (!done) {
        *err = why;
        return status;
    }
    soap_status_from_err(&why, call->arena, &response->status);
    response->has_status = true;
    response->status.status = SOAP_EXECUTED_WITHWARNING;
    return CR_OK;
}

cr_status smsr_handover(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    const cr_span eid = request->eis.signed_info.eid;
    struct smsr_run run;
    struct smsr_handover h;
    int64_t id;
    if (!eid.p) {
        return cr_refuse(err, "8.6", "2.1", "SGP.02 annex E", "the EIS has no EID");
    }
    CR_TRY(find_open(call->tx, eid, &id, err));
    if (!id) {
        return no_takeover(call, eid, request->function_call_identifier, response, err);
    }
    CR_TRY(smsr_run_load(ctx, call->tx, id, call->arena, &run, err));
    CR_TRY(smsr_handover_get(call->tx, id, call->arena, &h, err));
    if (!smsr_same(run.p.other, call->caller->oid) || call->now_ms >= run.p.deadline_ms) {
        return cr_refuse(err, "8.1.1", "1.1", "SGP.02 3.8",
                         "nobody prepared an SM-SR change from %s, or its time is over",
                         call->caller->name);
    }
    if (run.p.state != SMSR_STATE_PREPARED &&
        !cr_span_equal(cr_span_str(h.call), request->function_call_identifier)) {
        return cr_refuse(err, "1.2", "4.4", "SGP.02 3.8",
                         "another hand-over of the eUICC is under way");
    }
    run.event = SMSR_EV_HANDOVER;
    run.call = call;
    run.es7 = request;
    CR_TRY(smsr_run_event(&run, err));
    call->later = true;
    return CR_OK;
}

/* A tenth of the time is left for the answer to find its way back: what is not done by then is done
 * after it. */
static int64_t deadline_of(const struct m2m_call *call)
{
    return call->deadline_ms - (call->deadline_ms - call->now_ms) / 10;
}

static cr_status keep_versions(struct smsr_run *run, struct smsr_handover *h, struct cr_err *err)
{
    const struct soap_security_domain *isdr = &run->es7->eis.isdr;
    uint8_t *versions = cr_arena_alloc(run->arena, isdr->keysets.count + 1);
    if (!versions) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < isdr->keysets.count; i++) {
        versions[i] = (uint8_t)isdr->keysets.items[i].version;
    }
    h->versions = cr_span_of(versions, isdr->keysets.count);
    return CR_OK;
}

/* The EIS is verified and kept as arriving; we show ourselves. */
static cr_status begin(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                       struct cr_err *err)
{
    const struct soap_eis *eis = &run->es7->eis;
    const struct smsr_identity *identity;
    CR_TRY(smsr_eis_take(run->sr, run->tx, run->call->caller, eis, false, run->arena, err));
    CR_TRY(smsr_euicc_load(run->tx, run->p.eid, run->arena, &run->e, err));
    run->gone = false;
    run->e.procedure = run->e.handover = run->p.id;
    CR_TRY(smsr_identity_for(run->sr, &run->e, &identity, err));
    CR_TRY(keep_versions(run, h, err));
    CR_TRY(smsr_text(run->es7->function_call_identifier, run->arena, &h->call, err));
    CR_TRY(smsr_handover_put(run->tx, h, err));
    run->p.exchange = run->call->id;
    run->p.deadline_ms = deadline_of(run->call);
    *to = SMSR_STATE_AUTHENTICATING;
    const struct soap_body body = {.eid = run->p.eid, .smsr_certificate = identity->certificate};
    return smsr_handover_ask(run, SOAP_AUTHENTICATE_SMSR, &body, run->p.deadline_ms, err);
}

/* The same once more, while we wait for that SM-SR ourselves: the answer goes to the newer. */
static cr_status repeated(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    CR_TRY(smsr_run_expired(run, "it was asked once more", err));
    p->result = (struct soap_status){0};
    p->exchange = run->call->id;
    return CR_OK;
}

/* ---- the key set -------------------------------------------------------------------------------
 */

/* What was taken in is dropped; the SM-SR before keeps the eUICC. */
static cr_status drop(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                      struct cr_err *err)
{
    *to = SMSR_STATE_FAILED;
    run->gone = true;
    h->one_time = (cr_span){0};
    CR_TRY(smsr_handover_put(run->tx, h, err));
    return smsr_euicc_delete(run->tx, run->p.eid, err);
}

static cr_status fail(struct smsr_run *run, struct smsr_handover *h, const struct cr_err *why,
                      enum smsr_proc_state *to, struct cr_err *err)
{
    (void)smsr_run_failed(run, why->subject, why->reason, why->cause);
    return drop(run, h, to, err);
}

static bool is_used(const struct smsr_handover *h, uint8_t version)
{
    for (size_t i = 0; i < h->versions.n; i++) {
        if (h->versions.p[i] == version) {
            return true;
        }
    }
    return false;
}

/* A free version; when there is none the highest, in the place of all others: the session is
 * secured by the lowest. */
static uint8_t free_version(const struct smsr_handover *h, bool *deletes)
{
    uint8_t version = 1;
    while (version < LAST_SCP80 && is_used(h, version)) {
        version++;
    }
    *deletes = is_used(h, version);
    return version;
}

static cr_status ask_key_set(struct smsr_run *run, struct smsr_handover *h, struct cr_err *err)
{
    uint8_t point[CRYPTO_POINT], signature[CRYPTO_SIGNATURE], host[HOST_ID];
    bool deletes;
    h->version = free_version(h, &deletes);
    struct establish_template t = establish_template_scp80(h->version, SMSR_FIRST_COUNTER);
    t.parameters |= deletes ? ESTABLISH_DELETE_KEYS : 0;
    CR_TRY(cr_random(run->sr->env, host, sizeof host, err));
    if (run->e.sdin.n && run->e.sdin.n <= ESTABLISH_MAX_HOST && run->e.sin.n &&
        run->e.sin.n <= ESTABLISH_MAX_HOST) {
        t.parameters |= ESTABLISH_WITH_HOST;
        t.host_id = CR_SPAN_ARRAY(host);
        t.sdin = run->e.sdin;
    }
    CR_TRY(smsr_keys_begin(run, &t, h, point, signature, err));
    CR_TRY(smsr_handover_put(run->tx, h, err));
    const struct soap_body body = {.eid = run->p.eid,
                                   .has_key_version_number = true,
                                   .key_version_number = t.kvn,
                                   .has_initial_sequence_counter = true,
                                   .initial_sequence_counter = (int64_t)t.counter,
                                   .ecc_key_length = SOAP_ECC_256,
                                   .has_scenario_parameter = true,
                                   .scenario_parameter = t.parameters,
                                   .host_id = CR_SPAN_ARRAY(host),
                                   .ephemeral_public_key = CR_SPAN_ARRAY(point),
                                   .signature = CR_SPAN_ARRAY(signature)};
    return smsr_handover_ask(run, SOAP_CREATE_ADDITIONAL_KEY_SET, &body, run->p.deadline_ms, err);
}

static cr_status challenged(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                            struct cr_err *err)
{
    struct cr_err why = {0};
    const cr_span rc = run->es7->random_challenge;
    if (rc.n != 16 && rc.n != 32) {
        (void)cr_refuse(&why, "8.7", "2.1", NULL, "the other SM-SR gave no random challenge");
        return fail(run, h, &why, to, err);
    }
    h->challenge = rc;
    *to = SMSR_STATE_ESTABLISHING;
    cr_status status = ask_key_set(run, h, &why);
    if (status == CR_REFUSED) {
        return fail(run, h, &why, to, err);
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

/* The commit point: the eUICC is ours. */
static cr_status commit(struct smsr_run *run, struct smsr_handover *h,
                        const struct establish_keys *keys, enum smsr_proc_state *to,
                        struct cr_err *err)
{
    CR_TRY(smsr_keys_keep(run, h, keys, err));
    h->committed = true;
    run->e.arriving = false;
    run->e.handover = 0;
    CR_TRY(smsr_euicc_arrived(run->tx, run->p.eid, err));
    return smsr_finish_step(run, h, SMSR_STATE_FINALISING, to, err);
}

static cr_status established(struct smsr_run *run, struct smsr_handover *h,
                             enum smsr_proc_state *to, struct cr_err *err)
{
    const struct soap_body *b = run->es7;
    const cr_span dr = b->derivation_random.n ? b->derivation_random : (cr_span){0};
    struct establish_keys keys = {0};
    struct cr_err why = {0};
    cr_status status = smsr_keys_finish(run, h, dr, b->receipt, &keys, &why);
    if (status == CR_OK) {
        status = commit(run, h, &keys, to, err);
    } else if (status == CR_REFUSED) {
        status = fail(run, h, &why, to, err);
    } else if (err) {
        *err = why;
    }
    establish_keys_wipe(&keys);
    return status;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static cr_status on_prepared(struct smsr_run *run, struct smsr_handover *h,
                             enum smsr_proc_state *to, struct cr_err *err)
{
    struct cr_err why = {0};
    switch ((int)run->event) {
    case SMSR_EV_HANDOVER:
        return begin(run, h, to, err);
    case SMSR_EV_PREPARE:
        *to = smsr_run_failed(run, "1.2", "4.5", "it was prepared anew");
        return CR_OK;
    default:
        (void)cr_refuse(&why, "1.6", "5.3", NULL, "HandoverEUICC did not come in time");
        soap_status_from_err(&why, run->arena, &run->p.result);
        *to = SMSR_STATE_EXPIRED;
        return CR_OK;
    }
}

static cr_status on_asking(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                           struct cr_err *err)
{
    struct cr_err why = {0};
    switch ((int)run->event) {
    case SMSR_EV_HANDOVER:
        return repeated(run, err);
    case SMSR_EV_PEER_DONE:
        return run->p.state == SMSR_STATE_AUTHENTICATING ? challenged(run, h, to, err)
                                                         : established(run, h, to, err);
    case SMSR_EV_PEER_REFUSED:
        smsr_handover_refused(run);
        return drop(run, h, to, err);
    default: /* SILENT, DEADLINE */
        (void)cr_refuse(&why, "8.7", "5.2", NULL, "the other SM-SR did not answer in time");
        return fail(run, h, &why, to, err);
    }
}

cr_status smsr_on_takeover(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_handover h;
    switch ((int)run->p.state) {
    case SMSR_STATE_PREPARED:
        CR_TRY(smsr_handover_get(run->tx, run->p.id, run->arena, &h, err));
        return on_prepared(run, &h, to, err);
    case SMSR_STATE_AUTHENTICATING:
    case SMSR_STATE_ESTABLISHING:
        CR_TRY(smsr_handover_get(run->tx, run->p.id, run->arena, &h, err));
        return on_asking(run, &h, to, err);
    default:
        return smsr_on_finish(run, to, err);
    }
}
