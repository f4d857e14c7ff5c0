/*
 * SM-SR change, the SM-SR that hands an eUICC over (SGP.02 3.8; SM-SR1 there).
 *
 * Until the other SM-SR has the receipt it can have taken nothing over: whatever fails then ends
 * the hand-over. From then on only its word counts, and it is asked until it gives it.
 */
#include "pki/gpcert.h"
#include "smsr/admission.h"
#include "smsr/handlers.h"
#include "smsr/handover.h"

/* ---- requests ----------------------------------------------------------------------------------
 */

/* The initiator has something on the eUICC: it owns a Profile there. */
static cr_status owns_one(struct m2m_call *call, cr_span eid, struct cr_err *err)
{
    struct smsr_profiles all;
    CR_TRY(smsr_profile_list(call->tx, eid, call->arena, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        if (smsr_same(all.items[i].mno_id, call->caller->oid)) {
            return CR_OK;
        }
    }
    return cr_refuse(err, "8.1", "1.2", "SGP.02 3.8", "%s has no Profile on this eUICC",
                     call->caller->name);
}

cr_status smsr_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                      struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    const struct m2m_party *peer;
    (void)response;
    CR_TRY(smsr_may_initiate(sr, call, err));
    CR_TRY(smsr_admit_euicc(call, request->eid, &euicc, err));
    if (call->caller->roles & SOAP_OPERATOR) {
        CR_TRY(owns_one(call, request->eid, err));
    }
    CR_TRY(smsr_find_peer(sr, request->smsr_id, &peer, err));
    const struct smsr_procedure what = {
        .kind = SMSR_PROC_CHANGE, .eid = request->eid, .other = peer->oid};
    return smsr_procedure_start(sr, call, &what, err);
}

static cr_status not_under_way(struct cr_err *err)
{
    return cr_refuse(err, "1.6", "1.2", "SGP.02 3.8",
                     "the eUICC is not being handed over to the caller");
}

/* The hand-over that a request on ES7 is about: in time, and to its sender. */
static cr_status load_change(struct smsr *sr, struct m2m_call *call, cr_span eid,
                             struct smsr_run *run, struct cr_err *err)
{
    struct smsr_euicc euicc;
    CR_TRY(smsr_euicc_get(call->tx, eid, call->arena, &euicc, err));
    if (!euicc.handover || euicc.handover != euicc.procedure) {
        return not_under_way(err);
    }
    CR_TRY(smsr_run_load(sr, call->tx, euicc.procedure, call->arena, run, err));
    if (run->p.kind != SMSR_PROC_CHANGE || !smsr_same(run->p.other, call->caller->oid)) {
        return not_under_way(err);
    }
    return call->now_ms < run->p.deadline_ms
               ? CR_OK
               : cr_refuse(err, "1.6", "1.2", "SGP.02 3.8", "the time of the hand-over is over");
}

static cr_status happen(struct smsr_run *run, struct m2m_call *call,
                        const struct soap_body *request, enum smsr_event event, struct cr_err *err)
{
    run->event = event;
    run->call = call;
    run->es7 = request;
    if (!smsr_run_allows(&run->p, event)) {
        return cr_refuse(err, "1.6", "1.2", "SGP.02 3.8",
                         "it is not the time for this step of the hand-over");
    }
    CR_TRY(smsr_run_event(run, err));
    call->later = true;
    return CR_OK;
}

/* CERT.SR.ECDSA, under a CI that we trust too. */
static cr_status check_certificate(struct smsr *sr, cr_span certificate, struct crypto_public **key,
                                   struct cr_err *err)
{
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_SR, .now_ms = cr_now_ms(sr->env)};
    struct gpcert cert;
    struct cr_err why = {0};
    cr_status status = gpcert_decode(certificate, &cert, &why);
    if (status == CR_OK) {
        status = gpcert_verify_server(&cert, sr->trust, &expect, key, &why);
    }
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return cr_refuse(err, "8.5.3", why.code == PKI_EXPIRED ? "6.3" : "6.1", "SGP.02 5.6.3",
                         "the certificate of the SM-SR: %s", why.cause);
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

cr_status smsr_authenticate(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err)
{
    const cr_span eid = request->eid.p ? request->eid : request->eis.signed_info.eid;
    struct smsr_run run;
    (void)response;
    if (!eid.p) {
        return cr_refuse(err, "1.6", "2.3", "SGP.02 5.6.3", "neither Eid nor Eis is there");
    }
    CR_TRY(load_change(ctx, call, eid, &run, err));
    CR_TRY(check_certificate(ctx, request->smsr_certificate, NULL, err));
    return happen(&run, call, request, SMSR_EV_AUTHENTICATE, err);
}

cr_status smsr_create_key_set(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    struct smsr_run run;
    (void)response;
    CR_TRY(load_change(ctx, call, request->eid, &run, err));
    return happen(&run, call, request, SMSR_EV_KEY_SET, err);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

/* A message has its limit (SOAP_MAX_MESSAGE): of a longer audit trail the newest go along. */
#define MAX_TRAIL 1000

/* HandoverEUICC: the EIS with everything but key values. */
static cr_status offer(struct smsr_run *run, int64_t deadline_ms, struct cr_err *err)
{
    struct soap_body body = {.has_eis = true};
    CR_TRY(smsr_eis_show(run->sr, run->tx, &run->e, SMSR_VIEW_HANDOVER, NULL, run->arena, &body.eis,
                         err));
    struct soap_audit_trail *trail = &body.eis.audit_trail;
    if (trail->records.count > MAX_TRAIL) {
        trail->records.items += trail->records.count - MAX_TRAIL;
        trail->records.count = MAX_TRAIL;
    }
    return smsr_handover_ask(run, SOAP_HANDOVER_EUICC, &body, deadline_ms, err);
}

cr_status smsr_start_change(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const struct smsr_handover h = {.procedure = run->p.id};
    run->e.handover = run->p.id;
    *to = SMSR_STATE_OFFERED;
    CR_TRY(smsr_handover_put(run->tx, &h, err));
    return offer(run, run->p.deadline_ms, err);
}

/* The answer to what the other SM-SR asked last. */
static cr_status reply(struct smsr_run *run, struct smsr_handover *h, const struct soap_body *body,
                       struct cr_err *err)
{
    struct cr_err why = {0};
    if (!h->exchange) {
        return CR_OK;
    }
    cr_status status = m2m_answer(run->sr->m2m, run->tx, h->exchange, body, &why);
    h->exchange = 0;
    if (status == CR_REFUSED && why.code == M2M_ANSWERED) {
        return CR_OK; /* the connection was held as long as could be */
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

/* The same with the result of the procedure, which is no good one. */
static cr_status reply_failure(struct smsr_run *run, struct smsr_handover *h, struct cr_err *err)
{
    const struct soap_body body = {.has_status = true, .status = run->p.result};
    CR_TRY(reply(run, h, &body, err));
    return smsr_handover_put(run->tx, h, err);
}

/* The first STORE DATA: the certificate. More will follow. */
static cr_status authenticate(struct smsr_run *run, struct smsr_handover *h,
                              enum smsr_proc_state *to, struct cr_err *err)
{
    cr_buf data = {0}, commands = {0};
    uint8_t block = 0;
    h->exchange = run->call->id;
    h->certificate = run->es7->smsr_certificate;
    h->challenge = (cr_span){0};
    *to = SMSR_STATE_AUTHENTICATING;
    CR_TRY(smsr_handover_put(run->tx, h, err));
    cr_status status = establish_put_certificate(h->certificate, ESTABLISH_LENGTH_DGI, &data, err);
    if (status == CR_OK) {
        smsr_es5_establish(cr_buf_span(&data), false, &block, &commands);
        status = smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_MORE, err);
    }
    cr_buf_free(&data);
    return status;
}

static cr_status challenged(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                            struct cr_err *err)
{
    struct smsr_r_apdu last;
    cr_span rc;
    if (!smsr_es5_last(run->outcome->response, &last) ||
        establish_take_challenge(last.data, &rc, NULL) != CR_OK) {
        *to = smsr_run_failed(run, "8.4", "4.2", "the eUICC gave no random challenge");
        return reply_failure(run, h, err);
    }
    const struct soap_body body = {.random_challenge = rc};
    *to = SMSR_STATE_CHALLENGED;
    h->challenge = rc;
    CR_TRY(reply(run, h, &body, err));
    return smsr_handover_put(run->tx, h, err);
}

/* ---- the key set -------------------------------------------------------------------------------
 */

static cr_status key_set_wrong(struct cr_err *err, const char *what)
{
    return cr_refuse(err, "1.6", "2.1", "SGP.02 5.6.1", "CreateAdditionalKeySet: %s", what);
}

/* KVN of ours are not given away, unless they all go. */
static cr_status check_version(struct smsr_run *run, const struct establish_template *t,
                               struct cr_err *err)
{
    struct smsr_keysets sets;
    CR_TRY(smsr_keyset_list(run->tx, run->p.eid, run->arena, &sets, err));
    for (size_t i = 0; i < sets.count; i++) {
        if (sets.items[i].version == t->kvn && !(t->parameters & ESTABLISH_DELETE_KEYS)) {
            return cr_refuse(err, "8.4", "3.3", "SGP.02 5.6.1", "key set %u is in use", t->kvn);
        }
    }
    return CR_OK;
}

static cr_status template_of(struct smsr_run *run, struct establish_template *t, struct cr_err *err)
{
    const struct soap_body *b = run->es7;
    struct cr_err why = {0};
    if (b->ecc_key_length != SOAP_ECC_256) {
        return key_set_wrong(err, "curves here have 256 bits");
    }
    if (b->key_version_number > 0x0F || b->initial_sequence_counter > 0xFFFFFFFFFE) {
        return key_set_wrong(err, "an SCP80 key set has a version of 1 to 15 and a counter of 5 "
                                  "bytes");
    }
    *t = establish_template_scp80((uint8_t)b->key_version_number,
                                  (uint64_t)b->initial_sequence_counter);
    t->parameters = (uint8_t)b->scenario_parameter;
    if (t->parameters & ESTABLISH_WITH_HOST) {
        t->host_id = b->host_id.p ? b->host_id : cr_span_str("");
        t->sdin = run->e.sdin;
    }
    if (establish_check(t, ESTABLISH_ISDR, &why) != CR_OK) {
        return key_set_wrong(err, why.cause);
    }
    return check_version(run, t, err);
}

/* The second command, in the form that the other SM-SR signed: which one, its key tells. */
static cr_status rebuild(struct smsr_run *run, const struct smsr_handover *h,
                         const struct establish_template *t, cr_buf *data, struct cr_err *err)
{
    struct gpcert ecasd;
    struct crypto_public *signer = NULL;
    struct cr_err why = {0};
    CR_TRY(gpcert_decode(run->e.ecasd_certificate, &ecasd, err));
    CR_TRY(check_certificate(run->sr, h->certificate, &signer, err));
    cr_status status = establish_rebuild(t, run->es7->ephemeral_public_key, ecasd.curve,
                                         h->challenge, run->es7->signature, signer, data, &why);
    crypto_public_free(signer);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return cr_refuse(err, "8.5.3", "6.1", "SGP.02 5.6.1",
                         "no form of the key set verifies under the certificate of the SM-SR");
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

static cr_status establish(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                           struct cr_err *err)
{
    struct establish_template t;
    cr_buf data = {0}, sent = {0}, commands = {0};
    uint8_t block = 0; /* counting goes on behind the certificate's blocks */
    CR_TRY(template_of(run, &t, err));
    cr_status status = rebuild(run, h, &t, &data, err);
    if (status == CR_OK) {
        cr_buf certificate = {0};
        status = establish_put_certificate(h->certificate, ESTABLISH_LENGTH_DGI, &certificate, err);
        smsr_es5_establish(cr_buf_span(&certificate), false, &block, &sent);
        cr_buf_free(&certificate);
        cr_buf_free(&sent);
    }
    if (status == CR_OK) {
        h->exchange = run->call->id;
        h->version = t.kvn;
        h->deletes = (t.parameters & ESTABLISH_DELETE_KEYS) != 0;
        status = smsr_handover_put(run->tx, h, err);
    }
    if (status == CR_OK) {
        smsr_es5_establish(cr_buf_span(&data), true, &block, &commands);
        status = smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
    }
    cr_buf_free(&data);
    *to = SMSR_STATE_ESTABLISHING;
    return status;
}

/* Our key sets are gone from the eUICC, but for the one of the session. */
static cr_status drop_deleted(struct smsr_run *run, struct cr_err *err)
{
    const bool sms = run->script && run->script->channel == SMSR_SMS;
    struct smsr_keysets sets;
    uint8_t kept = sms ? run->script->keyset : 0;
    CR_TRY(smsr_keyset_list(run->tx, run->p.eid, run->arena, &sets, err));
    for (size_t i = 0; i < sets.count && !kept; i++) {
        kept = sets.items[i].type == SOAP_KEYSET_SCP81 ? sets.items[i].version : 0;
    }
    for (size_t i = 0; i < sets.count; i++) {
        if (sets.items[i].version != kept) {
            CR_TRY(smsr_keyset_delete(run->tx, run->p.eid, sets.items[i].version, err));
        }
    }
    return CR_OK;
}

/* ---- clearing ----------------------------------------------------------------------------------
 */

#define MAX_RANGES 16 /* that an eUICC takes in one command */

static cr_status own_ranges(struct smsr_run *run, struct smsr_key_range *out, size_t *count,
                            struct cr_err *err)
{
    struct smsr_keysets sets;
    *count = 0;
    CR_TRY(smsr_keyset_list(run->tx, run->p.eid, run->arena, &sets, err));
    for (size_t i = 0; i < sets.count && *count < MAX_RANGES; i++) {
        struct smsr_keyset set;
        struct smsr_key_range range = {.version = sets.items[i].version};
        CR_TRY(smsr_keyset_get(run->sr, run->tx, run->p.eid, sets.items[i].type,
                               sets.items[i].version, &set, err));
        for (size_t k = 0; k < CR_COUNT(set.keys); k++) {
            if (set.keys[k].size) {
                range.first = range.first ? range.first : (uint8_t)(k + 1);
                range.last = (uint8_t)(k + 1);
            }
        }
        cr_wipe(&set, sizeof set);
        if (range.first) {
            out[(*count)++] = range;
        }
    }
    return CR_OK;
}

/* The key set of the other SM-SR is on the eUICC, or may be: FinaliseISDRhandover keeps ours. */
static cr_status clear(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_key_range ranges[MAX_RANGES];
    size_t count;
    cr_buf commands = {0};
    *to = SMSR_STATE_CLEARING;
    CR_TRY(smsr_run_recall(run, err));
    CR_TRY(own_ranges(run, ranges, &count, err));
    smsr_es5_finalise(ranges, count, &commands);
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
}

static cr_status on_clearing(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    *to = smsr_run_ends(run, SMSR_STATE_FAILED);
    if (run->event == SMSR_EV_OK || run->event == SMSR_EV_ERROR) {
        return smsr_run_audit(run, SMSR_OP_FINALISE,
                              run->event == SMSR_EV_OK ? SOAP_EXECUTED_SUCCESS : SOAP_FAILED, err);
    }
    cr_log(run->sr->env, CR_LOG_WARNING,
           "a key set of the SM-SR %s may still be on an eUICC that it did not take over",
           run->p.other);
    return CR_OK;
}

/* ---- ends --------------------------------------------------------------------------------------
 */

/* TAKEOVER procedures of the eUICC that still have something to do: it is not ours any more. */
static cr_status take_id(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

static cr_status end_paused(struct smsr_run *run, struct cr_err *err)
{
    for (;;) {
        struct smsr_run paused;
        int64_t id = 0;
        CR_TRY(store_exec(run->tx,
                          "SELECT id FROM procedure WHERE eid = ? AND kind = ? AND state = ?"
                          " LIMIT 1",
                          STORE_VALUES(STORE_B(run->p.eid), STORE_I(SMSR_PROC_TAKEOVER),
                                       STORE_I(SMSR_STATE_PAUSED)),
                          take_id, &id, NULL, err));
        if (!id) {
            return CR_OK;
        }
        CR_TRY(smsr_run_load(run->sr, run->tx, id, run->arena, &paused, err));
        paused.event = SMSR_EV_DEADLINE;
        CR_TRY(smsr_run_event(&paused, err));
    }
}

/* The other one has the eUICC. */
static cr_status gone(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const struct soap_status *said = &run->es7->status;
    if (!smsr_run_told(run)) {
        run->p.result = *said;
        run->p.result.status = said->status == SOAP_EXECUTED_SUCCESS ? SOAP_EXECUTED_SUCCESS
                                                                     : SOAP_EXECUTED_WITHWARNING;
    }
    *to = smsr_run_ends(run, SMSR_STATE_DONE);
    run->gone = true;
    CR_TRY(smsr_euicc_depart(run->tx, run->p.eid, run->p.other, run->now_ms, err));
    return end_paused(run, err);
}

/* It did not take the eUICC over; or says "I have it" in this way. */
static bool says_managed(const struct smsr_run *run)
{
    const struct soap_status_code *code = &run->es7->status.code;
    return cr_span_equal(code->subject, cr_span_str("8.1.1")) &&
           cr_span_equal(code->reason, cr_span_str("3.3"));
}

/* One that is not configured now may be so again. */
static cr_status offer_again(struct smsr_run *run, int64_t next_ms, struct cr_err *err)
{
    struct cr_err why = {0};
    const cr_status status = offer(run, next_ms, &why);
    if (status == CR_REFUSED) {
        cr_log(run->sr->env, CR_LOG_WARNING,
               "whether the SM-SR %s took an eUICC over cannot be asked: %s", run->p.other,
               why.cause);
        return CR_OK;
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

static cr_status ask_again(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const int64_t next = run->now_ms + run->sr->policy.again_ms;
    if (!smsr_run_told(run) && run->now_ms >= run->p.deadline_ms) {
        CR_TRY(smsr_run_expired(run,
                                "the other SM-SR has not said whether it took the eUICC over: it "
                                "is asked until it does",
                                err));
    }
    *to = SMSR_STATE_ASKING;
    run->p.due_ms = smsr_run_told(run) || next < run->p.deadline_ms ? next : run->p.deadline_ms;
    return offer_again(run, next, err);
}

/* Once it has the receipt: ESTABLISHED, ASKING. */
static cr_status on_waiting(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_PEER_DONE:
        return gone(run, to, err);
    case SMSR_EV_PEER_REFUSED:
        if (says_managed(run)) {
            return gone(run, to, err);
        }
        smsr_handover_refused(run);
        return clear(run, to, err);
    case SMSR_EV_PEER_SILENT:
        if (run->p.state == SMSR_STATE_ASKING) {
            return CR_OK; /* its time comes */
        }
        return ask_again(run, to, err);
    default:
        return ask_again(run, to, err);
    }
}

/* ---- events ------------------------------------------------------------------------------------
 */

/* What ends it before the other SM-SR has the receipt: the result, and the end. */
static cr_status give_up(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct cr_err why = {0};
    *to = SMSR_STATE_FAILED;
    switch ((int)run->event) {
    case SMSR_EV_PEER_DONE:
        (void)smsr_run_failed(
            run, "8.7", "4.2",
            "the other SM-SR says that it took the eUICC over, without a key set");
        return CR_OK;
    case SMSR_EV_PEER_REFUSED:
    case SMSR_EV_PEER_SILENT:
        smsr_handover_refused(run);
        return CR_OK;
    case SMSR_EV_FELL_BACK:
    case SMSR_EV_OTHER:
        (void)smsr_run_failed(run, "1.2", "4.5",
                              "the eUICC changed its Profile during the hand-over: ask once more");
        return CR_OK;
    case SMSR_EV_DEADLINE:
        (void)cr_refuse(&why, "1.6", "5.3", NULL, "the other SM-SR did not go on in time");
        soap_status_from_err(&why, run->arena, &run->p.result);
        *to = SMSR_STATE_EXPIRED;
        return CR_OK;
    default:
        (void)err;
        (void)smsr_run_refused(run);
        run->p.response = (cr_span){0}; /* no answer of this function has it */
        return CR_OK;
    }
}

static cr_status on_authenticating(struct smsr_run *run, struct smsr_handover *h,
                                   enum smsr_proc_state *to, struct cr_err *err)
{
    if (run->event == SMSR_EV_OK) {
        return challenged(run, h, to, err);
    }
    CR_TRY(give_up(run, to, err));
    if (run->event == SMSR_EV_ERROR && run->sw) {
        *to =
            smsr_run_failed(run, "8.5.3", "6.1", "the eUICC refused the certificate of the SM-SR");
    }
    return reply_failure(run, h, err);
}

static cr_status established(struct smsr_run *run, struct smsr_handover *h,
                             enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_r_apdu last;
    struct soap_body body = {0};
    CR_TRY(smsr_run_audit(run, SMSR_OP_ESTABLISH, SOAP_EXECUTED_SUCCESS, err));
    if (h->deletes) {
        CR_TRY(drop_deleted(run, err));
    }
    if (!smsr_es5_last(run->outcome->response, &last) ||
        establish_take_answer(last.data, &body.derivation_random, &body.receipt, NULL) != CR_OK) {
        (void)smsr_run_failed(run, "8.4", "4.2", "the eUICC gave no receipt");
        CR_TRY(reply_failure(run, h, err));
        return clear(run, to, err);
    }
    *to = SMSR_STATE_ESTABLISHED;
    CR_TRY(reply(run, h, &body, err));
    return smsr_handover_put(run->tx, h, err);
}

/* The second command is on its way: when nothing is known of it the eUICC may have the key set. */
static cr_status on_establishing(struct smsr_run *run, struct smsr_handover *h,
                                 enum smsr_proc_state *to, struct cr_err *err)
{
    bool left = run->event == SMSR_EV_UNANSWERED;
    if (run->event == SMSR_EV_OK) {
        return established(run, h, to, err);
    }
    if (!left) {
        CR_TRY(smsr_run_has_left(run, &left, err));
    }
    CR_TRY(give_up(run, to, err));
    if (run->event == SMSR_EV_ERROR) {
        if (run->sw == SMSR_SW_SECURITY) {
            *to = smsr_run_failed(run, "8.5", "6.1", "the eUICC refused the signature");
        }
        CR_TRY(smsr_run_audit(run, SMSR_OP_ESTABLISH, SOAP_FAILED, err));
    }
    CR_TRY(reply_failure(run, h, err));
    if (*to == SMSR_STATE_EXPIRED && left) {
        CR_TRY(smsr_run_answer(run, err)); /* EXPIRED now; the rest is ours */
    }
    return left ? clear(run, to, err) : CR_OK;
}

cr_status smsr_on_change(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_handover h;
    CR_TRY(smsr_handover_get(run->tx, run->p.id, run->arena, &h, err));
    switch ((int)run->p.state) {
    case SMSR_STATE_AUTHENTICATING:
        return on_authenticating(run, &h, to, err);
    case SMSR_STATE_ESTABLISHING:
        return on_establishing(run, &h, to, err);
    case SMSR_STATE_ESTABLISHED:
    case SMSR_STATE_ASKING:
        return on_waiting(run, to, err);
    case SMSR_STATE_CLEARING:
        return on_clearing(run, to, err);
    default: /* OFFERED, CHALLENGED */
        break;
    }
    switch ((int)run->event) {
    case SMSR_EV_AUTHENTICATE:
        return authenticate(run, &h, to, err);
    case SMSR_EV_KEY_SET:
        return establish(run, &h, to, err);
    default:
        return give_up(run, to, err);
    }
}
