/*
 * What the functions of ES9+ share: reading session and order, writing both back, refusals that are
 * given again.
 */
#include "smdpp/es9plus.h"

#include "base/text.h"

cr_span smdpp_signature_tlv(struct smdpp_signature_tlv *tlv, cr_span signature)
{
    tlv->bytes[0] = 0x5F;
    tlv->bytes[1] = 0x37;
    tlv->bytes[2] = CRYPTO_SIGNATURE;
    if (signature.n == CRYPTO_SIGNATURE) {
        memcpy(tlv->bytes + 3, signature.p, CRYPTO_SIGNATURE);
    }
    return CR_SPAN_ARRAY(tlv->bytes);
}

cr_span smdpp_hash(cr_arena *arena, const cr_span *parts, size_t count)
{
    uint8_t *hash = cr_arena_alloc(arena, CRYPTO_SHA256);
    if (!hash) {
        return (cr_span){0};
    }
    crypto_sha256_parts(parts, count, hash);
    return cr_span_of(hash, CRYPTO_SHA256);
}

cr_status smdpp_sign(const struct pki_key *key, const cr_span *parts, size_t count, cr_arena *arena,
                     cr_span *out, struct cr_err *err)
{
    uint8_t *signature = cr_arena_alloc(arena, CRYPTO_SIGNATURE);
    if (!signature) {
        return cr_fail_memory(err);
    }
    CR_TRY(pki_key_sign(key, parts, count, signature, err));
    *out = cr_span_of(signature, CRYPTO_SIGNATURE);
    return CR_OK;
}

cr_status smdpp_unknown_transaction(struct cr_err *err, const char *why)
{
    cr_status status = cr_refuse(err, "8.10.1", "3.9", "SGP.22 5.6", "%s", why);
    return cr_err_next(err, status, "start a new session: RSP sessions end after a few minutes");
}

/* ---- what a handler reads at its start ---------------------------------------------------------
 */

/* The package of an order is asked for next: small ones are remembered until then. */
static cr_status load_order(struct store_tx *tx, struct smdpp_load *load, struct cr_err *err)
{
    struct smdpp_profile *p = &load->profile;
    CR_TRY(smdpp_profile_by_matching_id(tx, load->matching_id, load->arena, p, &load->has_profile,
                                        err));
    if (!load->has_profile || (p->state != SMDPP_RELEASED && p->state != SMDPP_DOWNLOADED) ||
        p->size > (int64_t)SMDPP_MEMO_PACKAGE) {
        return CR_OK;
    }
    return smdpp_package_get(tx, p->iccid, false, load->arena, &load->package, err);
}

static cr_status load_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct smdpp_load *load = ctx;
    CR_TRY(smdpp_session_get(tx, load->transaction_id, load->now_ms, load->arena, &load->session,
                             &load->has_session, err));
    if (!load->has_session) {
        return CR_OK;
    }
    if (load->matching_id.n > 0) {
        return load_order(tx, load, err);
    }
    if (!load->session.iccid.p) {
        return CR_OK;
    }
    const char *iccid = cr_arena_strn(load->arena, load->session.iccid);
    if (!iccid) {
        return cr_fail_memory(err);
    }
    CR_TRY(smdpp_profile_by_iccid(tx, iccid, load->arena, &load->profile, &load->has_profile, err));
    /* Cancelled and ordered anew meanwhile: that order is none of this session's business. */
    load->has_profile =
        load->has_profile && load->profile.matching_id &&
        cr_span_equal(cr_span_str(load->profile.matching_id), load->session.matching_id);
    if (load->has_profile && load->want_package) {
        CR_TRY(smdpp_package_get(tx, iccid, false, load->arena, &load->package, err));
    }
    return CR_OK;
}

/* Only what the memo does not have. */
static cr_status load_rest_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct smdpp_load *load = ctx;
    if (load->matching_id.n > 0) {
        return load_order(tx, load, err);
    }
    return smdpp_package_get(tx, load->profile.iccid, false, load->arena, &load->package, err);
}

/* Copies: what is answered may point into them. */
static bool load_memo(struct smdpp_load *load, struct smdpp_memo *memo)
{
    if (!smdpp_session_copy(&memo->session, load->arena, &load->session) ||
        (memo->has_profile && !smdpp_profile_copy(&memo->profile, load->arena, &load->profile)) ||
        (load->want_package && !smdpp_package_copy(&memo->package, load->arena, &load->package))) {
        return false;
    }
    load->guessed = true;
    load->has_session = true;
    load->has_profile = memo->has_profile;
    load->key = memo->key;
    memo->key = NULL;
    return true;
}

cr_status smdpp_load(struct smdpp *dp, struct smdpp_load *load, enum smdpp_session_state state,
                     struct cr_err *err)
{
    struct smdpp_memo *memo = smdpp_memo_take(dp->memos, load->transaction_id, state, load->now_ms);
    bool remembered = memo && state && load_memo(load, memo);
    smdpp_memo_free(memo);
    if (!remembered) {
        return store_read(dp->store, load_work, load, err);
    }
    bool package_missing = load->want_package && load->has_profile && !load->package.segments.p;
    if (load->matching_id.n > 0 || package_missing) {
        return store_read(dp->store, load_rest_work, load, err);
    }
    return CR_OK;
}

cr_status smdpp_load_end(struct smdpp_load *load, cr_status status, bool *lost)
{
    *lost = *lost || (load->guessed && status != CR_OK);
    crypto_public_free(load->key);
    load->key = NULL;
    return status;
}

/* ---- refusals that are given again -------------------------------------------------------------
 */

void smdpp_remember_failure(struct smdpp_session *session, cr_span request_hash,
                            const struct cr_err *err)
{
    session->failed_request_hash = request_hash;
    session->failed_subject = cr_span_str(err->subject);
    session->failed_reason = cr_span_str(err->reason);
    session->failed_cause = cr_span_str(err->cause);
    session->failed_next = cr_span_str(err->next);
}

bool smdpp_failed_before(const struct smdpp_session *session, cr_span request_hash,
                         struct cr_err *err)
{
    if (!session->failed_request_hash.p ||
        !cr_span_equal(session->failed_request_hash, request_hash)) {
        return false;
    }
    if (err) {
        (void)cr_fail(err, CR_REFUSED, "SGP.22 5.6", "%.*s", (int)session->failed_cause.n,
                      (const char *)session->failed_cause.p);
        (void)cr_str_copy(err->subject, sizeof(err->subject), session->failed_subject);
        (void)cr_str_copy(err->reason, sizeof(err->reason), session->failed_reason);
        (void)cr_str_copy(err->next, sizeof(err->next), session->failed_next);
    }
    return true;
}

/* ---- what a handler writes at its end ----------------------------------------------------------
 */

static cr_status change_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct smdpp_change *c = ctx;
    c->queued = false;
    /* Rows are saved from copies: a commit that fails must leave the caller's view as it was. */
    if (c->session) {
        c->saved_session = *c->session;
        CR_TRY(smdpp_session_save(tx, &c->saved_session, c->from, c->to, err));
    }
    if (c->profile) {
        struct smdpp_profile *profile = &c->saved_profile;
        *profile = *c->profile;
        int64_t now = cr_now_ms(c->dp->env);
        CR_TRY(c->event == SMDPP_EV_BPP
                   ? smdpp_profile_save_binding(tx, profile, c->event, now, err)
                   : smdpp_profile_save_progress(tx, profile, c->event, now, err));
        if (c->report) {
            CR_TRY(smdpp_report(c->dp, tx, profile, c->eid, c->point, c->status, c->result_data,
                                &c->queued, err));
        }
    }
    return CR_OK;
}

static void change_written(void *ctx)
{
    struct smdpp_change *c = ctx;
    if (c->queued) {
        smdpp_wake_outbox(c->dp);
    }
}

static cr_status commit_now(struct smdpp *dp, const struct smdpp_call *call,
                            struct smdpp_change *change, struct cr_err *err)
{
    CR_TRY(smdpp_write(dp, call, change_work, change, change->soft, change_written, err));
    if (change->session) {
        *change->session = change->saved_session;
    }
    if (change->profile) {
        *change->profile = change->saved_profile;
    }
    return CR_OK;
}

/* The rows as they will be, so that the handler can go on with them. */
static cr_status expect(const struct smdpp_change *change, struct cr_err *err)
{
    struct smdpp_profile *p = change->profile;
    enum smdpp_state to = p ? p->state : 0;
    if (p && change->event && !(to = smdpp_state_next(p->state, change->event))) {
        return cr_fail(err, CR_INTERNAL, "SGP.22 3.1.6", "%s is not allowed in state %s",
                       smdpp_event_name(change->event), smdpp_state_name(p->state));
    }
    if (p) {
        p->state = to;
        p->revision++;
        p->updated_ms = cr_now_ms(change->dp->env);
    }
    if (change->session) {
        change->session->state = change->to;
        change->session->revision++;
    }
    return CR_OK;
}

/* The caller's change is on its stack and points to what may end before it is written. */
static cr_status commit_later(struct smdpp *dp, const struct smdpp_call *call,
                              const struct smdpp_change *change, struct cr_err *err)
{
    struct {
        struct smdpp_change change;
        struct smdpp_session session;
        struct smdpp_profile profile;
    } *later = cr_arena_alloc(call->arena, sizeof(*later));
    if (!later) {
        return cr_fail_memory(err);
    }
    struct smdpp_change *own = &later->change;
    *own = *change;
    bool sound = true;
    if (change->session) {
        own->session = &later->session;
        sound = smdpp_session_copy(change->session, call->arena, own->session);
    }
    if (change->profile) {
        own->profile = &later->profile;
        sound = smdpp_profile_copy(change->profile, call->arena, own->profile) && sound;
    }
    if (change->eid) {
        (void)cr_str_copy(own->eid_text, sizeof(own->eid_text), cr_span_str(change->eid));
        own->eid = own->eid_text;
    }
    if (change->status) {
        own->own_status = *change->status;
        own->status = &own->own_status;
    }
    own->result_data = cr_arena_copy(call->arena, change->result_data);
    if (!sound || (change->result_data.p && !own->result_data.p)) {
        return cr_fail_memory(err);
    }
    CR_TRY(expect(change, err));
    return smdpp_write(dp, call, change_work, own, own->soft, change_written, err);
}

cr_status smdpp_with_retries(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                             void *response, smdpp_attempt_fn attempt, struct cr_err *err)
{
    struct cr_err local = {0}; /* what is told to the peer is kept too, so it has to be somewhere */
    err = err ? err : &local;
    for (int i = 0; i < SMDPP_CAS_TRIES; i++) {
        bool lost = false;
        if (call->deferred) {
            *call->deferred = (struct smdpp_deferred){0};
        }
        cr_status status = attempt(dp, call, request, response, &lost, err);
        if (!lost) {
            return status;
        }
    }
    return cr_fail(err, CR_RESOURCE, NULL, "too many requests for the same profile at once");
}

cr_status smdpp_commit(struct smdpp *dp, const struct smdpp_call *call, struct smdpp_change *change,
                       bool *lost, struct cr_err *err)
{
    struct cr_err local;
    change->dp = dp;
    cr_status status = call->deferred ? commit_later(dp, call, change, &local)
                                      : commit_now(dp, call, change, &local);
    *lost = status == CR_RESOURCE && local.code == SMDPP_LOST;
    if (status != CR_OK && err) {
        *err = local;
    }
    return status;
}

/* ---- ends ---------------------------------------------------------------------------------------
 */

cr_status smdpp_check_order(const struct smdpp_profile *p, const char *eid, int64_t now_ms,
                            struct cr_err *err)
{
    if (p->expires_ms && now_ms >= p->expires_ms) {
        return cr_refuse(err, "8.8.5", "4.10", "SGP.22 5.6.3", "the download order has expired");
    }
    if ((p->eid && strcmp(p->eid, eid) != 0) ||
        (p->state == SMDPP_DOWNLOADED && p->bound_eid && strcmp(p->bound_eid, eid) != 0)) {
        return cr_refuse(err, "8.1.1", "3.8", "SGP.22 5.6.3", "the order is for another eUICC");
    }
    if (p->state == SMDPP_RELEASED || p->state == SMDPP_DOWNLOADED) {
        return CR_OK;
    }
    if (p->state == SMDPP_CONFIRMED) {
        cr_status status =
            cr_refuse(err, "8.2", "1.2", "SGP.22 5.6.3", "the profile is not released yet");
        return cr_err_next(err, status, "the operator has to release it");
    }
    cr_status status = cr_refuse(err, "8.2.6", "3.8", "SGP.22 5.6.3",
                                 "the order of this MatchingID is over: its profile is %s",
                                 smdpp_state_name(p->state));
    return cr_err_next(err, status, "ask the operator for a new order");
}

cr_status smdpp_end_with(struct smdpp *dp, const struct smdpp_call *call,
                         struct smdpp_session *session, cr_span request_hash,
                         struct smdpp_profile *profile, enum smdpp_event event, const char *eid,
                         enum rsp_notification_point point, bool *lost, cr_status failure,
                         struct cr_err *err)
{
    struct rsp_function_status status = smdpp_failed_status(err->subject, err->reason, err->cause);
    profile->last_error = err->cause;
    smdpp_remember_failure(session, request_hash, err);
    struct smdpp_change change = {
        .session = session,
        .from = (enum smdpp_session_state)session->state,
        .to = SMDPP_SESSION_CLOSED,
        .profile = profile,
        .event = event,
        .report = true,
        .eid = eid,
        .point = point,
        .status = &status,
    };
    struct cr_err local;
    cr_status committed = smdpp_commit(dp, call, &change, lost, &local);
    if (committed != CR_OK) {
        *err = local;
        return committed;
    }
    return failure;
}

cr_status smdpp_close_session(struct smdpp *dp, const struct smdpp_call *call,
                              struct smdpp_session *session, cr_span request_hash, bool *lost,
                              cr_status failure, struct cr_err *err)
{
    struct smdpp_change change = {
        .session = session,
        .from = (enum smdpp_session_state)session->state,
        .to = SMDPP_SESSION_CLOSED,
        .soft = true, /* strangers can have this as often as they like */
    };
    struct cr_err local;
    smdpp_remember_failure(session, request_hash, err);
    cr_status committed = smdpp_commit(dp, call, &change, lost, &local);
    if (committed != CR_OK) {
        *err = local;
        return committed;
    }
    return failure;
}

cr_status smdpp_end_order(struct smdpp *dp, const struct smdpp_call *call, struct smdpp_load *load,
                          cr_span request_hash, const char *eid, bool *lost, cr_status failure,
                          struct cr_err *err)
{
    struct smdpp_profile *p = &load->profile;
    bool expired = p->expires_ms && load->now_ms >= p->expires_ms;
    if (expired && smdpp_state_next(p->state, SMDPP_EV_EXPIRED)) {
        return smdpp_end_with(dp, call, &load->session, request_hash, p, SMDPP_EV_EXPIRED, eid,
                              RSP_POINT_ELIGIBILITY, lost, failure, err);
    }
    return smdpp_close_session(dp, call, &load->session, request_hash, lost, failure, err);
}
