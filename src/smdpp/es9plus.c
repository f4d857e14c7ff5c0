/*
 * ES9+ (SGP.22 5.6): InitiateAuthentication, AuthenticateClient, GetBoundProfilePackage,
 * HandleNotification, CancelSession at the SM-DP+.
 *
 * Each reads like the list of checks in the standard, in its order; the first that fails answers.
 */
#include "smdpp/core.h"

#include "base/text.h"
#include "profile/bpp.h"
#include "rsp/ids.h"
#include "smdpp/eligibility.h"
#include "smdpp/session.h"

#define TAG_SIGNATURE 0x5F37
#define HOST_ID_SIZE  16

/* The 5F37 TLV of a 64-byte signature, as it stands in signed concatenations. */
struct signature_tlv {
    uint8_t bytes[3 + CRYPTO_SIGNATURE];
};

static cr_span signature_tlv(struct signature_tlv *tlv, cr_span signature)
{
    tlv->bytes[0] = 0x5F;
    tlv->bytes[1] = 0x37;
    tlv->bytes[2] = CRYPTO_SIGNATURE;
    if (signature.n == CRYPTO_SIGNATURE) {
        memcpy(tlv->bytes + 3, signature.p, CRYPTO_SIGNATURE);
    }
    return CR_SPAN_ARRAY(tlv->bytes);
}

static cr_span hash_in_arena(cr_arena *arena, const cr_span *parts, size_t count)
{
    uint8_t *hash = cr_arena_alloc(arena, CRYPTO_SHA256);
    if (!hash) {
        return (cr_span){0};
    }
    crypto_sha256_parts(parts, count, hash);
    return cr_span_of(hash, CRYPTO_SHA256);
}

/* Signs parts with a key handle into the arena. */
static cr_status sign(const struct pki_key *key, const cr_span *parts, size_t count,
                      cr_arena *arena, cr_span *out, struct cr_err *err)
{
    uint8_t *signature = cr_arena_alloc(arena, CRYPTO_SIGNATURE);
    if (!signature) {
        return cr_fail_memory(err);
    }
    CR_TRY(pki_key_sign(key, parts, count, signature, err));
    *out = cr_span_of(signature, CRYPTO_SIGNATURE);
    return CR_OK;
}

static cr_status unknown_transaction(struct cr_err *err, const char *why)
{
    cr_status status = cr_refuse(err, "8.10.1", "3.9", "SGP.22 5.6", "%s", why);
    return cr_err_next(err, status, "start a new session: RSP sessions end after a few minutes");
}

/* ---- what a handler reads at its start ---------------------------------------------------------
 */

struct load {
    cr_span transaction_id;
    int64_t now_ms;
    cr_arena *arena;
    struct smdpp_session session;
    bool has_session;
    cr_span matching_id;          /* of an AuthenticateClient: the order to find */
    const char *eid;              /* of a default order */
    struct smdpp_profile profile; /* with that MatchingID, or the one the session is about */
    bool has_profile;
    bool want_package;
    struct smdpp_package package;
};

/* The session, its profile, and (want_package) the package, in one look. */
static cr_status load_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct load *load = ctx;
    CR_TRY(smdpp_session_get(tx, load->transaction_id, load->now_ms, load->arena, &load->session,
                             &load->has_session, err));
    if (!load->has_session) {
        return CR_OK;
    }
    if (load->matching_id.n > 0) {
        return smdpp_profile_by_matching_id(tx, load->matching_id, load->arena, &load->profile,
                                            &load->has_profile, err);
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

/* ---- refusals that are given again -------------------------------------------------------------
 */

/* Keeps what *err says for a request that comes again. */
static void remember_failure(struct smdpp_session *session, cr_span request_hash,
                             const struct cr_err *err)
{
    session->failed_request_hash = request_hash;
    session->failed_subject = cr_span_str(err->subject);
    session->failed_reason = cr_span_str(err->reason);
    session->failed_cause = cr_span_str(err->cause);
    session->failed_next = cr_span_str(err->next);
}

/* True when this very request was refused before; *err is then what it got. */
static bool failed_before(const struct smdpp_session *session, cr_span request_hash,
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

struct change {
    struct smdpp *dp;
    struct smdpp_session *session; /* NULL = not moved */
    enum smdpp_session_state from, to;
    struct smdpp_profile *profile; /* NULL = not written */
    enum smdpp_event event;        /* 0 = write without a move */
    bool soft;                     /* a power cut may undo it: the session is begun again */
    bool report;                   /* tell the operator */
    const char *eid;
    enum rsp_notification_point point;
    const struct rsp_function_status *status;
    cr_span result_data;
};

static cr_status change_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct change *c = ctx;
    /* Rows are saved from copies: a commit that fails must leave the caller's view as it was. */
    if (c->session) {
        struct smdpp_session session = *c->session;
        CR_TRY(smdpp_session_save(tx, &session, c->from, c->to, err));
    }
    if (c->profile) {
        struct smdpp_profile profile = *c->profile;
        int64_t now = cr_now_ms(c->dp->env);
        CR_TRY(c->event == SMDPP_EV_BPP
                   ? smdpp_profile_save_binding(tx, &profile, c->event, now, err)
                   : smdpp_profile_save_progress(tx, &profile, c->event, now, err));
        if (c->report) {
            CR_TRY(smdpp_report(c->dp, tx, &profile, c->eid, c->point, c->status, c->result_data,
                                err));
        }
    }
    return CR_OK;
}

static cr_status commit(struct smdpp *dp, struct change *change, struct cr_err *err)
{
    change->dp = dp;
    CR_TRY(change->soft ? store_run_soft(dp->store, change_work, change, err)
                        : store_run(dp->store, change_work, change, err));
    if (change->report) {
        smdpp_wake_outbox(dp);
    }
    return CR_OK;
}

/* Runs attempt until it does not lose a compare-and-set. */
typedef cr_status (*attempt_fn)(struct smdpp *dp, const struct smdpp_call *call,
                                const void *request, void *response, bool *lost,
                                struct cr_err *err);

static cr_status with_retries(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                              void *response, attempt_fn attempt, struct cr_err *err)
{
    struct cr_err local = {0}; /* what is told to the peer is kept too, so it has to be somewhere */
    err = err ? err : &local;
    for (int i = 0; i < SMDPP_CAS_TRIES; i++) {
        bool lost = false;
        cr_status status = attempt(dp, call, request, response, &lost, err);
        if (!lost) {
            return status;
        }
    }
    return cr_fail(err, CR_RESOURCE, NULL, "too many requests for the same profile at once");
}

/* As commit(); a lost compare-and-set (and nothing else of CR_RESOURCE) sets *lost. */
static cr_status commit_or_lose(struct smdpp *dp, struct change *change, bool *lost,
                                struct cr_err *err)
{
    struct cr_err local;
    cr_status status = commit(dp, change, &local);
    *lost = status == CR_RESOURCE && local.code == SMDPP_LOST;
    if (status != CR_OK && err) {
        *err = local;
    }
    return status;
}

/* ---- InitiateAuthentication (5.6.1) ------------------------------------------------------------
 */

/* Host part of an address as peers send it: port and trailing dot do not count. */
static cr_span host_of(cr_span address)
{
    while (address.n > 0 && (address.p[0] == ' ' || address.p[0] == '\t')) {
        address = cr_span_sub(address, 1, address.n);
    }
    size_t n = 0;
    while (n < address.n && address.p[n] != ':' && address.p[n] > ' ') {
        n++;
    }
    if (n > 0 && address.p[n - 1] == '.') {
        n--;
    }
    return cr_span_sub(address, 0, n);
}

static cr_status check_version(const struct rsp_euicc_info1 *info, struct cr_err *err)
{
    struct rsp_version lowest;
    struct rsp_version highest;
    if (!rsp_version_from_bytes(info->lowest_svn, &lowest)) {
        return cr_refuse(err, "8.8.3", "3.1", "SGP.22 5.6.1", "the eUICC's svn is no version");
    }
    if (!rsp_version_from_bytes(info->highest_svn, &highest)) {
        highest = lowest;
    }
    /* We speak version 2: the range of the chip has to reach into it. */
    if (lowest.major > 2 || highest.major < 2) {
        return cr_refuse(err, "8.8.3", "3.1", "SGP.22 5.6.1",
                         "the eUICC speaks version %u.%u.%u, this SM-DP+ version 2", lowest.major,
                         lowest.minor, lowest.revision);
    }
    return CR_OK;
}

/* The CI that the eUICC shall sign under: the first of its list that we trust. */
static cr_span choose_euicc_ci(const struct smdpp *dp, const rsp_span_list *signing)
{
    for (size_t i = 0; i < signing->count; i++) {
        if (pki_trust_ci(dp->config->trust, signing->items[i])) {
            return signing->items[i];
        }
    }
    return (cr_span){0};
}

static void fill_initiate_ok(const struct smdpp_identity *identity,
                             const struct smdpp_session *session, cr_span signed1,
                             cr_span signature, struct rsp_initiate_authentication_response *out)
{
    out->which = RSP_INITIATE_AUTHENTICATION_OK;
    out->ok.transaction_id = session->transaction_id;
    out->ok.server_signed1.raw = signed1;
    out->ok.server_signature1 = signature;
    out->ok.euicc_ci_pkid_to_be_used = session->euicc_ci;
    out->ok.server_certificate = identity->auth.raw;
}

struct start {
    struct smdpp_session *session; /* to be added */
    int64_t now_ms;
    cr_arena *arena;
    struct smdpp_session earlier; /* that answered this very request */
    bool repeated;
};

/* The same request again (the LPA did not get the answer) gets the session that it started. */
static cr_status start_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct start *start = ctx;
    CR_TRY(smdpp_session_by_start(tx, start->session->euicc_challenge,
                                  start->session->start_request_hash, start->now_ms, start->arena,
                                  &start->earlier, &start->repeated, err));
    return start->repeated ? CR_OK : smdpp_session_add(tx, start->session, err);
}

/* An address from outside for a message: what cannot be printed is not. */
static const char *printable(cr_arena *arena, cr_span text)
{
    char *out = cr_arena_strn(arena, cr_span_sub(text, 0, 64));
    for (char *at = out; at && *at; at++) {
        if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
    return out ? out : "";
}

cr_status smdpp_initiate_authentication(struct smdpp *dp, const struct smdpp_call *call,
                                        const void *request, void *response, struct cr_err *err)
{
    const struct rsp_initiate_authentication_request *in = request;
    const struct rsp_euicc_info1 *info = &in->euicc_info1;
    cr_arena *arena = call->arena;
    int64_t now = cr_now_ms(dp->env);

    if (!cr_span_equal_nocase(host_of(in->smdp_address), cr_span_str(dp->config->address))) {
        cr_status status =
            cr_refuse(err, "8.8.1", "3.8", "SGP.22 5.6.1", "the address '%s' is not ours",
                      printable(arena, in->smdp_address));
        return cr_err_next(err, status, "this SM-DP+ is %s", dp->config->address);
    }
    CR_TRY(check_version(info, err));
    cr_span euicc_ci = choose_euicc_ci(dp, &info->euicc_ci_pkid_list_for_signing);
    if (!euicc_ci.p) {
        return cr_refuse(err, "8.8.2", "3.1", "SGP.22 5.6.1",
                         "none of the CIs that the eUICC signs under is trusted here");
    }
    const struct smdpp_identity *identity =
        smdpp_identity_for(dp->config, info->euicc_ci_pkid_list_for_verification.items,
                           info->euicc_ci_pkid_list_for_verification.count);
    if (!identity) {
        return cr_refuse(err, "8.8.4", "3.7", "SGP.22 5.6.1",
                         "there is no certificate under a CI that the eUICC verifies with");
    }

    uint8_t *fresh = cr_arena_alloc(arena, SMDPP_TRANSACTION_ID + RSP_CHALLENGE);
    if (!fresh) {
        return cr_fail_memory(err);
    }
    CR_TRY(cr_random(dp->env, fresh, SMDPP_TRANSACTION_ID + RSP_CHALLENGE, err));
    struct smdpp_session session = {
        .transaction_id = cr_span_of(fresh, SMDPP_TRANSACTION_ID),
        .server_challenge = cr_span_of(fresh + SMDPP_TRANSACTION_ID, RSP_CHALLENGE),
        .euicc_challenge = in->euicc_challenge,
        .server_ci = identity->ci_key_id,
        .euicc_ci = euicc_ci,
        .svn = info->lowest_svn,
        .expires_ms = now + dp->policy.session_ms,
    };
    struct rsp_server_signed1 signed1 = {
        .transaction_id = session.transaction_id,
        .euicc_challenge = in->euicc_challenge,
        .server_address = cr_span_str(dp->config->address),
        .server_challenge = session.server_challenge,
    };
    cr_span signed1_tlv;
    cr_span signature;
    CR_TRY(asn1_encode_arena(&rsp_server_signed1_type, &signed1, ASN1_ENCODE_V2, arena,
                             &signed1_tlv, err));
    CR_TRY(sign(identity->auth_key, &signed1_tlv, 1, arena, &signature, err));

    cr_buf answer = {0};
    cr_buf_append_span(&answer, signed1_tlv);
    cr_buf_append_span(&answer, signature);
    session.start_answer = cr_arena_copy(arena, cr_buf_span(&answer));
    cr_buf_free(&answer);
    const cr_span hashed[] = {in->euicc_challenge, info->raw, in->smdp_address};
    session.start_request_hash = hash_in_arena(arena, hashed, CR_COUNT(hashed));
    if (!session.start_answer.p || !session.start_request_hash.p) {
        return cr_fail_memory(err);
    }
    struct start start = {.session = &session, .now_ms = now, .arena = arena};
    CR_TRY(store_run_soft(dp->store, start_work, &start, err));
    if (start.repeated) {
        session = start.earlier;
        identity = smdpp_identity_under(dp->config, session.server_ci);
        if (!identity || session.start_answer.n <= CRYPTO_SIGNATURE) {
            return cr_fail(err, CR_INTERNAL, NULL,
                           "a stored session does not fit the configuration");
        }
    }
    size_t n = session.start_answer.n - CRYPTO_SIGNATURE;
    fill_initiate_ok(identity, &session, cr_span_sub(session.start_answer, 0, n),
                     cr_span_sub(session.start_answer, n, CRYPTO_SIGNATURE), response);
    return CR_OK;
}

/* ---- AuthenticateClient (5.6.3) ----------------------------------------------------------------
 */

/* A chain's verdict as subject and reason. */
static cr_status refuse_chain(const struct pki_verdict *verdict, const char *cause,
                              struct cr_err *err)
{
    const char *subject = verdict->failed_at > 0 ? "8.1.2" : "8.1.3";
    bool of_ci = verdict->failed_at < 0 && verdict->problem == PKI_EXPIRED;
    if (verdict->problem == PKI_UNKNOWN_CI || of_ci) {
        return cr_refuse(err, "8.11.1", "3.9", "SGP.22 5.6.3", "%s", cause);
    }
    if (verdict->problem == PKI_EXPIRED) {
        return cr_refuse(err, subject, "6.3", "SGP.22 5.6.3", "%s", cause);
    }
    return cr_refuse(err, subject, "6.1", "SGP.22 5.6.3", "%s", cause);
}

struct client {
    uint8_t eid[RSP_EID];
    char eid_text[RSP_EID_TEXT];
    struct crypto_public *key; /* owned */
};

/* CERT.EUICC, CERT.EUM (and what stands between them and the CI in v3 chains). */
static cr_status verify_client(struct smdpp *dp, const struct rsp_authenticate_response_ok *ok,
                               cr_span euicc_ci, struct client *client, struct cr_err *err)
{
    struct pki_cert chain[PKI_MAX_CHAIN];
    cr_span certificates[PKI_MAX_CHAIN] = {ok->euicc_certificate, ok->next_cert_in_chain};
    size_t count = 2 + ok->other_certs_in_chain.count;
    if (count > PKI_MAX_CHAIN) {
        return cr_refuse(err, "8.1.2", "6.1", "SGP.22 4.5.2", "the eUICC's chain is too long");
    }
    for (size_t i = 2; i < count; i++) {
        certificates[i] = ok->other_certs_in_chain.items[i - 2];
    }
    for (size_t i = 0; i < count; i++) {
        struct cr_err local;
        if (pki_cert_decode(certificates[i], &chain[i], &local) != CR_OK) {
            return cr_refuse(err, i ? "8.1.2" : "8.1.3", "6.1", "SGP.22 5.6.3", "%s", local.cause);
        }
    }
    struct pki_expect expect = {
        .role = PKI_ROLE_EUICC, .now_ms = cr_now_ms(dp->env), .ci_key_id = euicc_ci};
    struct pki_verdict verdict;
    struct cr_err local = {0};
    cr_status status =
        pki_chain_verify(dp->config->trust, chain, count, &expect, &verdict, &client->key, &local);
    if (status == CR_INTERNAL || status == CR_RESOURCE) {
        if (err) {
            *err = local;
        }
        return status;
    }
    if (status != CR_OK) {
        return refuse_chain(&verdict, local.cause, err);
    }
    if (rsp_eid_parse(chain[0].subject_serial, client->eid, NULL) != CR_OK ||
        !rsp_eid_text(CR_SPAN_ARRAY(client->eid), client->eid_text)) {
        return cr_refuse(err, "8.1.3", "6.1", "SGP.22 4.5.2.1",
                         "the serialNumber of CERT.EUICC is no EID");
    }
    if (!rsp_eid_check(CR_SPAN_ARRAY(client->eid))) {
        if (dp->policy.refuse_bad_eid) {
            return cr_refuse(err, "8.1.1", "2.1", "SGP.29", "the EID's check digits are wrong");
        }
        cr_log(dp->env, CR_LOG_WARNING, "EID %s has wrong check digits", client->eid_text);
    }
    return CR_OK;
}

/* euiccSigned1: signature, challenge, address, version. */
static cr_status verify_signed1(const struct smdpp_session *session,
                                const struct rsp_authenticate_response_ok *ok,
                                const struct crypto_public *key, struct cr_err *err)
{
    const struct rsp_euicc_signed1 *s = &ok->euicc_signed1;
    if (crypto_verify(key, &s->raw, 1, ok->euicc_signature1, NULL) != CR_OK) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.3", "euiccSignature1 is wrong");
    }
    if (!cr_span_equal_ct(s->server_challenge, session->server_challenge)) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.3",
                         "serverChallenge is not the one of this session");
    }
    if (!cr_span_equal(s->euicc_info2.lowest_svn, session->svn)) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.3",
                         "svn in EUICCInfo2 differs from EUICCInfo1");
    }
    return CR_OK;
}

static cr_status default_order_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct load *load = ctx;
    return smdpp_profile_by_default_order(tx, load->eid, load->arena, &load->profile,
                                          &load->has_profile, err);
}

/* The order of a MatchingID was read together with the session; a default order can be looked for
 * only now that the EID is proven. */
static cr_status find_order(struct smdpp *dp, struct load *load, const char *eid,
                            struct cr_err *err)
{
    load->eid = eid;
    if (load->matching_id.n == 0) {
        CR_TRY(store_read(dp->store, default_order_work, load, err));
    }
    if (load->has_profile) {
        return CR_OK;
    }
    if (load->matching_id.n > 0) {
        cr_status status = cr_refuse(err, "8.2.6", "3.8", "SGP.22 5.6.3",
                                     "there is no pending order with this MatchingID");
        return cr_err_next(err, status,
                           "check the activation code for typing errors, or ask the operator");
    }
    cr_status status = cr_refuse(err, "8.1.1", "3.8", "SGP.22 5.6.3",
                                 "there is no pending default order for this EID");
    return cr_err_next(err, status, "use the activation code that the operator gave");
}

/* What the order itself says about this chip asking now. */
static cr_status check_order(const struct smdpp_profile *p, const char *eid, int64_t now_ms,
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

/* Ends the session and tells the order (and the operator) why: the failure in *err is what the LPA
 * gets. */
static cr_status end_with(struct smdpp *dp, struct smdpp_session *session, cr_span request_hash,
                          struct smdpp_profile *profile, enum smdpp_event event, const char *eid,
                          enum rsp_notification_point point, bool *lost, cr_status failure,
                          struct cr_err *err)
{
    struct rsp_function_status status = smdpp_failed_status(err->subject, err->reason, err->cause);
    profile->last_error = err->cause;
    remember_failure(session, request_hash, err);
    struct change change = {
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
    cr_status committed = commit_or_lose(dp, &change, lost, &local);
    if (committed != CR_OK) {
        *err = local;
        return committed;
    }
    return failure;
}

/* Ends the session; the order is not touched. */
static cr_status close_session(struct smdpp *dp, struct smdpp_session *session,
                               cr_span request_hash, bool *lost, cr_status failure,
                               struct cr_err *err)
{
    struct change change = {
        .session = session,
        .from = (enum smdpp_session_state)session->state,
        .to = SMDPP_SESSION_CLOSED,
        .soft = true, /* strangers can have this as often as they like */
    };
    struct cr_err local;
    remember_failure(session, request_hash, err);
    cr_status committed = commit_or_lose(dp, &change, lost, &local);
    if (committed != CR_OK) {
        *err = local;
        return committed;
    }
    return failure;
}

/* An order that has run out: the first who asks for it moves it. */
static cr_status end_order(struct smdpp *dp, struct load *load, cr_span request_hash,
                           const char *eid, bool *lost, cr_status failure, struct cr_err *err)
{
    struct smdpp_profile *p = &load->profile;
    bool expired = p->expires_ms && load->now_ms >= p->expires_ms;
    if (expired && smdpp_state_next(p->state, SMDPP_EV_EXPIRED)) {
        return end_with(dp, &load->session, request_hash, p, SMDPP_EV_EXPIRED, eid,
                        RSP_POINT_ELIGIBILITY, lost, failure, err);
    }
    return close_session(dp, &load->session, request_hash, lost, failure, err);
}

/* smdpSigned2, its signature and the rest of the answer. */
static cr_status offer(const struct smdpp_identity *identity, struct smdpp_session *session,
                       const struct smdpp_profile *profile, const char *eid,
                       cr_span euicc_signature1, cr_arena *arena,
                       struct rsp_authenticate_client_response *out, struct cr_err *err)
{
    bool same_keys = profile->state == SMDPP_DOWNLOADED && profile->bound_eid &&
                     strcmp(profile->bound_eid, eid) == 0 && profile->bound_head.p &&
                     profile->otpk_curve == (int64_t)identity->pb.curve;
    struct rsp_smdp_signed2 signed2 = {
        .transaction_id = session->transaction_id,
        .cc_required_flag = profile->cc_hash.p != NULL,
        .bpp_euicc_otpk = same_keys ? profile->otpk_euicc : (cr_span){0},
    };
    cr_span signed2_tlv;
    CR_TRY(asn1_encode_arena(&rsp_smdp_signed2_type, &signed2, ASN1_ENCODE_V2, arena, &signed2_tlv,
                             err));
    struct signature_tlv tlv;
    const cr_span parts[] = {signed2_tlv, signature_tlv(&tlv, euicc_signature1)};
    CR_TRY(sign(identity->pb_key, parts, 2, arena, &session->smdp_signature2, err));
    session->cc_required = signed2.cc_required_flag;
    out->which = RSP_AUTHENTICATE_CLIENT_OK;
    out->ok.transaction_id = session->transaction_id;
    out->ok.has_profile_metadata = true;
    out->ok.profile_metadata.raw = profile->metadata;
    out->ok.smdp_signed2.raw = signed2_tlv;
    out->ok.smdp_signature2 = session->smdp_signature2;
    out->ok.smdp_certificate = identity->pb.raw;
    return asn1_encode_arena(&rsp_authenticate_client_response_type, out, ASN1_ENCODE_V2, arena,
                             &session->auth_answer, err);
}

/* The checks on the order, and the offer; session and client are verified. */
static cr_status authorise(struct smdpp *dp, const struct smdpp_call *call,
                           const struct rsp_authenticate_response_ok *ok, struct load *load,
                           cr_span hash, const struct client *client,
                           struct rsp_authenticate_client_response *out, bool *lost,
                           struct cr_err *err)
{
    cr_arena *arena = call->arena;
    const struct rsp_euicc_signed1 *s = &ok->euicc_signed1;
    struct smdpp_session *session = &load->session;
    struct smdpp_profile *profile = &load->profile;
    const struct smdpp_identity *identity = smdpp_identity_under(dp->config, session->server_ci);

    if (!identity) {
        return cr_fail(err, CR_INTERNAL, NULL, "the session's CI is not configured any more");
    }
    if (s->ctx_params1.which != RSP_CTX_COMMON_AUTHENTICATION) {
        return cr_refuse(err, "1.3.1", "2.2", "SGP.22 5.6.3",
                         "ctxParams1 is not for a profile download");
    }
    session->eid = CR_SPAN_ARRAY(client->eid);
    session->euicc_point = crypto_public_point(client->key);
    session->euicc_curve = crypto_public_curve(client->key);
    session->matching_id =
        cr_span_of(load->matching_id.n ? load->matching_id.p : client->eid, load->matching_id.n);
    cr_status status = find_order(dp, load, client->eid_text, err);
    if (status != CR_OK) {
        return status == CR_REFUSED ? close_session(dp, session, hash, lost, status, err) : status;
    }
    status = check_order(profile, client->eid_text, load->now_ms, err);
    if (status != CR_OK) {
        return end_order(dp, load, hash, client->eid_text, lost, status, err);
    }
    session->iccid = cr_span_str(profile->iccid);
    session->attempt = ++profile->downloads;
    if (profile->downloads > profile->download_limit) {
        status = cr_refuse(err, "8.8.5", "6.4", "SGP.22 5.6.3",
                           "the profile was asked for more than %lld times",
                           (long long)profile->download_limit);
        status = cr_err_next(err, status, "ask the operator for a new order");
        return end_with(dp, session, hash, profile, SMDPP_EV_ATTEMPTS, client->eid_text,
                        RSP_POINT_ELIGIBILITY, lost, status, err);
    }
    bool temporary = false;
    status = smdpp_check_eligibility(profile, &s->euicc_info2, &temporary, err);
    if (status != CR_OK) {
        return end_with(dp, session, hash, profile, temporary ? 0 : SMDPP_EV_NOT_ELIGIBLE,
                        client->eid_text, RSP_POINT_ELIGIBILITY, lost, status, err);
    }
    CR_TRY(
        offer(identity, session, profile, client->eid_text, ok->euicc_signature1, arena, out, err));
    session->expires_ms = load->now_ms + dp->policy.session_ms;
    struct change change = {
        .session = session,
        .from = SMDPP_SESSION_STARTED,
        .to = SMDPP_SESSION_AUTHENTICATED,
        .profile = profile,
        .soft = !dp->policy.report_all_points,
        .report = dp->policy.report_all_points,
        .eid = client->eid_text,
        .point = RSP_POINT_ELIGIBILITY,
    };
    return commit_or_lose(dp, &change, lost, err);
}

static cr_status authenticate_once(struct smdpp *dp, const struct smdpp_call *call,
                                   const void *request, void *response, bool *lost,
                                   struct cr_err *err)
{
    const struct rsp_authenticate_client_request *in = request;
    const struct rsp_authenticate_server_response *answer = &in->authenticate_server_response;
    struct rsp_authenticate_client_response *out = response;
    struct load load = {
        .transaction_id = in->transaction_id, .now_ms = cr_now_ms(dp->env), .arena = call->arena};
    if (answer->which == RSP_AUTHENTICATE_RESPONSE_OK) {
        const struct rsp_ctx_params1 *ctx = &answer->ok.euicc_signed1.ctx_params1;
        load.matching_id = ctx->which == RSP_CTX_COMMON_AUTHENTICATION
                               ? ctx->common_authentication.matching_id
                               : (cr_span){0};
    }
    CR_TRY(store_read(dp->store, load_work, &load, err));
    cr_span hash = hash_in_arena(call->arena, &answer->raw, 1);
    if (!hash.p) {
        return cr_fail_memory(err);
    }
    if (load.has_session && failed_before(&load.session, hash, err)) {
        return CR_REFUSED;
    }
    if (!load.has_session || load.session.state == SMDPP_SESSION_CLOSED) {
        return unknown_transaction(err, "the TransactionID is not known");
    }
    if (load.session.state != SMDPP_SESSION_STARTED) {
        if (!cr_span_equal(load.session.auth_request_hash, hash)) {
            return unknown_transaction(err, "the session is past AuthenticateClient");
        }
        return asn1_decode(&rsp_authenticate_client_response_type, load.session.auth_answer, 0,
                           call->arena, out, err);
    }
    load.session.auth_request_hash = hash;
    if (answer->which == RSP_AUTHENTICATE_RESPONSE_ERROR) {
        if (!cr_span_equal(answer->error.transaction_id, in->transaction_id)) {
            return unknown_transaction(err, "the eUICC's TransactionID is another one");
        }
        const char *name =
            asn1_name_of(rsp_authenticate_error_names, answer->error.authenticate_error_code);
        cr_status status = cr_refuse(
            err, "8.1", "6.1", "SGP.22 5.6.3", "the eUICC refused this server: %s (%lld)",
            name ? name : "unknown error", (long long)answer->error.authenticate_error_code);
        return close_session(dp, &load.session, hash, lost, status, err);
    }
    const struct rsp_authenticate_response_ok *ok = &answer->ok;
    if (!cr_span_equal(ok->euicc_signed1.transaction_id, in->transaction_id)) {
        return unknown_transaction(err, "the signed TransactionID is another one");
    }
    struct client client = {0};
    cr_status status = verify_client(dp, ok, load.session.euicc_ci, &client, err);
    if (status == CR_OK) {
        status = verify_signed1(&load.session, ok, client.key, err);
    }
    if (status == CR_OK) {
        status = authorise(dp, call, ok, &load, hash, &client, out, lost, err);
    }
    crypto_public_free(client.key);
    return status;
}

cr_status smdpp_authenticate_client(struct smdpp *dp, const struct smdpp_call *call,
                                    const void *request, void *response, struct cr_err *err)
{
    return with_retries(dp, call, request, response, authenticate_once, err);
}

/* ---- GetBoundProfilePackage (5.6.2) ------------------------------------------------------------
 */

/* euiccSignature2 over euiccSigned2 || smdpSignature2 TLV. */
static cr_status verify_signed2(const struct smdpp_session *session,
                                const struct rsp_prepare_download_ok *ok, struct cr_err *err)
{
    struct crypto_public *key = NULL;
    CR_TRY(crypto_public_new((enum crypto_curve)session->euicc_curve, session->euicc_point, &key,
                             err));
    struct signature_tlv tlv;
    const cr_span parts[] = {ok->euicc_signed2.raw, signature_tlv(&tlv, session->smdp_signature2)};
    cr_status status = crypto_verify(key, parts, 2, ok->euicc_signature2, NULL);
    crypto_public_free(key);
    if (status != CR_OK) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.2", "euiccSignature2 is wrong");
    }
    return CR_OK;
}

/* CR_OK, or refused with *failed = true when a wrong code was given. */
static cr_status check_confirmation(const struct smdpp_session *session,
                                    const struct smdpp_profile *profile, cr_span hash_cc,
                                    bool *failed, struct cr_err *err)
{
    *failed = false;
    if (!profile->cc_hash.p) {
        return CR_OK;
    }
    if (!hash_cc.p) {
        cr_status status =
            cr_refuse(err, "8.2.7", "2.2", "SGP.22 5.6.2", "the confirmation code is missing");
        return cr_err_next(err, status, "enter the confirmation code that the operator gave");
    }
    uint8_t expected[CRYPTO_SHA256];
    const cr_span parts[] = {profile->cc_hash, session->transaction_id};
    crypto_sha256_parts(parts, 2, expected);
    if (cr_span_equal_ct(hash_cc, CR_SPAN_ARRAY(expected))) {
        return CR_OK;
    }
    *failed = true;
    if (profile->cc_failures + 1 >= profile->cc_limit) {
        cr_status status = cr_refuse(err, "8.2.7", "6.4", "SGP.22 5.6.2",
                                     "the confirmation code was wrong too often");
        return cr_err_next(err, status, "ask the operator for a new order");
    }
    cr_status status =
        cr_refuse(err, "8.2.7", "3.8", "SGP.22 5.6.2", "the confirmation code is wrong");
    return cr_err_next(err, status, "%lld more tries are left",
                       (long long)(profile->cc_limit - profile->cc_failures - 1));
}

/* A wrong code: counted, told to the operator; the session stays for another try. */
static cr_status confirmation_failed(struct smdpp *dp, struct smdpp_session *session,
                                     cr_span request_hash, struct smdpp_profile *profile,
                                     const char *eid, bool *lost, cr_status failure,
                                     struct cr_err *err)
{
    profile->cc_failures++;
    if (profile->cc_failures >= profile->cc_limit) {
        return end_with(dp, session, request_hash, profile, SMDPP_EV_ATTEMPTS, eid,
                        RSP_POINT_CONFIRMATION_FAILURE, lost, failure, err);
    }
    struct rsp_function_status status = smdpp_failed_status(err->subject, err->reason, err->cause);
    remember_failure(session, request_hash, err);
    struct change change = {
        .session = session,
        .from = SMDPP_SESSION_AUTHENTICATED,
        .to = SMDPP_SESSION_AUTHENTICATED,
        .profile = profile,
        .report = true,
        .eid = eid,
        .point = RSP_POINT_CONFIRMATION_FAILURE,
        .status = &status,
    };
    struct cr_err local;
    cr_status committed = commit_or_lose(dp, &change, lost, &local);
    if (committed != CR_OK) {
        *err = local;
        return committed;
    }
    return failure;
}

/* Binds the PPP to the chip's one-time key with a fresh key of our own: fills the binding of the
 * profile row. Gives the whole body. */
static cr_status bind_new(struct smdpp *dp, const struct smdpp_identity *identity,
                          const struct smdpp_session *session, struct smdpp_profile *profile,
                          const struct smdpp_package *package, cr_span euicc_otpk, cr_arena *arena,
                          cr_buf *body, struct cr_err *err)
{
    struct crypto_private *otsk = NULL;
    struct crypto_public *peer = NULL;
    struct profile_ppp ppp = {0};
    cr_buf keys = {.secret = true};
    uint8_t *host_id = cr_arena_alloc(arena, HOST_ID_SIZE);
    uint8_t *otpk = cr_arena_alloc(arena, CRYPTO_POINT);
    cr_status status = host_id && otpk ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        struct cr_err local;
        status = crypto_public_new(identity->pb.curve, euicc_otpk, &peer, &local);
        if (status != CR_OK) {
            status = cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.2", "otPK.EUICC: %s", local.cause);
        }
    }
    if (status == CR_OK) {
        status = cr_random(dp->env, host_id, HOST_ID_SIZE, err);
    }
    if (status == CR_OK) {
        status = crypto_private_generate(identity->pb.curve, &otsk, err);
    }
    if (status == CR_OK) {
        status = smdpp_unseal(&dp->seal, "ppk", profile->iccid, package->ppk, &keys, err);
    }
    if (status == CR_OK && keys.n != sizeof(ppp.ppk)) {
        status = cr_fail(err, CR_INTERNAL, NULL, "the sealed keys have a wrong size");
    }
    if (status == CR_OK) {
        memcpy(&ppp.ppk, keys.p, sizeof(ppp.ppk));
        /* A view on the stored segments: never freed, never grown. */
        ppp.segments = (cr_buf){.p = (uint8_t *)(uintptr_t)package->segments.p,
                                .n = package->segments.n,
                                .cap = package->segments.n};
        crypto_private_point(otsk, otpk);
        struct profile_binding binding = {
            .transaction_id = session->transaction_id,
            .host_id = cr_span_of(host_id, HOST_ID_SIZE),
            .eid = session->eid,
            .otsk = otsk,
            .otpk_euicc = peer,
            .signer = identity->pb_key,
            .store_metadata = profile->metadata,
            .ppp = &ppp,
        };
        status = profile_bind_body(&binding, body, err);
    }
    if (status == CR_OK) {
        profile->bound_head =
            cr_arena_copy(arena, cr_span_sub(cr_buf_span(body), 0, body->n - package->segments.n));
        profile->host_id = cr_span_of(host_id, HOST_ID_SIZE);
        profile->otpk_dp = cr_span_of(otpk, CRYPTO_POINT);
        profile->otpk_euicc = cr_arena_copy(arena, euicc_otpk);
        profile->otpk_curve = identity->pb.curve;
        status = profile->bound_head.p && profile->otpk_euicc.p ? CR_OK : cr_fail_memory(err);
    }
    cr_wipe(&ppp.ppk, sizeof(ppp.ppk));
    cr_buf_free(&keys);
    crypto_private_free(otsk);
    crypto_public_free(peer);
    return status;
}

/* BF23 for this session, signed: over the same one-time keys as the body. */
static cr_status sign_channel(const struct smdpp_identity *identity,
                              const struct smdpp_session *session,
                              const struct smdpp_profile *profile, cr_arena *arena, cr_span *out,
                              struct cr_err *err)
{
    static const uint8_t key_type[] = {BSP_KEY_TYPE_AES};
    static const uint8_t key_length[] = {BSP_KEY_LENGTH};
    struct rsp_initialise_secure_channel channel = {
        .remote_op_id = RSP_REMOTE_OP_INSTALL_BPP,
        .transaction_id = session->transaction_id,
        .control_ref_template = {.key_type = CR_SPAN_ARRAY(key_type),
                                 .key_len = CR_SPAN_ARRAY(key_length),
                                 .host_id = profile->host_id},
        .smdp_otpk = profile->otpk_dp,
    };
    cr_buf signed_bytes = {0};
    cr_status status =
        rsp_initialise_secure_channel_signed(&channel, profile->otpk_euicc, &signed_bytes, err);
    if (status == CR_OK) {
        cr_span data = cr_buf_span(&signed_bytes);
        status = sign(identity->pb_key, &data, 1, arena, &channel.smdp_sign, err);
    }
    cr_buf_free(&signed_bytes);
    CR_TRY(status);
    return asn1_encode_arena(&rsp_initialise_secure_channel_type, &channel, ASN1_ENCODE_V2, arena,
                             out, err);
}

/* BF36 { BF23, body head, segments } in the arena. */
static cr_status assemble(cr_span channel, cr_span head, cr_span segments, cr_arena *arena,
                          struct rsp_get_bound_profile_package_response *out, struct cr_err *err)
{
    size_t length = channel.n + head.n + segments.n;
    size_t header = der_header_size(0xBF36, length);
    uint8_t *bytes = cr_arena_alloc(arena, header + length);
    if (!bytes) {
        return cr_fail_memory(err);
    }
    cr_buf at = {.p = bytes, .cap = header + length, .limit = header + length};
    der_put_header(&at, 0xBF36, length);
    cr_buf_append_span(&at, channel);
    cr_buf_append_span(&at, head);
    cr_buf_append_span(&at, segments);
    if (!cr_buf_ok(&at) || at.p != bytes) {
        return cr_fail(err, CR_INTERNAL, NULL, "the package has another size than its parts");
    }
    out->which = RSP_GET_BOUND_PROFILE_PACKAGE_OK;
    out->ok.bound_profile_package = cr_buf_span(&at);
    return CR_OK;
}

static cr_status bpp_once(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                          void *response, bool *lost, struct cr_err *err)
{
    const struct rsp_get_bound_profile_package_request *in = request;
    const struct rsp_prepare_download_response *answer = &in->prepare_download_response;
    struct rsp_get_bound_profile_package_response *out = response;
    cr_arena *arena = call->arena;
    struct load load = {.transaction_id = in->transaction_id,
                        .now_ms = cr_now_ms(dp->env),
                        .arena = arena,
                        .want_package = true};
    CR_TRY(store_read(dp->store, load_work, &load, err));
    struct smdpp_session *session = &load.session;
    struct smdpp_profile *profile = &load.profile;
    cr_span hash = hash_in_arena(arena, &answer->raw, 1);
    if (!hash.p) {
        return cr_fail_memory(err);
    }
    if (load.has_session && failed_before(session, hash, err)) {
        return CR_REFUSED;
    }
    if (!load.has_session || session->state < SMDPP_SESSION_AUTHENTICATED ||
        session->state == SMDPP_SESSION_CLOSED) {
        return unknown_transaction(err, "the TransactionID is not known");
    }
    if (!load.has_profile) {
        return unknown_transaction(err, "the order of this session was cancelled");
    }
    out->ok.transaction_id = session->transaction_id;
    if (session->state == SMDPP_SESSION_BOUND) {
        if (!cr_span_equal(session->bpp_request_hash, hash) ||
            !cr_span_equal(profile->transaction_id, session->transaction_id)) {
            return unknown_transaction(err, "the session is past GetBoundProfilePackage");
        }
        return assemble(session->init_secure_channel, profile->bound_head, load.package.segments,
                        arena, out, err);
    }
    if (answer->which == RSP_PREPARE_DOWNLOAD_ERROR) {
        if (!cr_span_equal(answer->error.transaction_id, in->transaction_id)) {
            return unknown_transaction(err, "the eUICC's TransactionID is another one");
        }
        const char *name =
            asn1_name_of(rsp_download_error_names, answer->error.download_error_code);
        cr_status status =
            cr_refuse(err, "8.1", "4.2", "SGP.22 5.6.2",
                      "the eUICC could not prepare the download: %s (%lld)",
                      name ? name : "unknown error", (long long)answer->error.download_error_code);
        return close_session(dp, session, hash, lost, status, err);
    }
    const struct rsp_prepare_download_ok *ok = &answer->ok;
    if (!cr_span_equal(ok->euicc_signed2.transaction_id, in->transaction_id)) {
        return unknown_transaction(err, "the signed TransactionID is another one");
    }
    CR_TRY(verify_signed2(session, ok, err));
    char eid[RSP_EID_TEXT];
    (void)rsp_eid_text(session->eid, eid);
    cr_status status = check_order(profile, eid, load.now_ms, err);
    if (status != CR_OK) {
        return end_order(dp, &load, hash, eid, lost, status, err);
    }
    bool wrong_code = false;
    status = check_confirmation(session, profile, ok->euicc_signed2.hash_cc, &wrong_code, err);
    if (status != CR_OK) {
        return wrong_code ? confirmation_failed(dp, session, hash, profile, eid, lost, status, err)
                          : status;
    }
    const struct smdpp_identity *identity = smdpp_identity_under(dp->config, session->server_ci);
    if (!identity) {
        return cr_fail(err, CR_INTERNAL, NULL, "the session's CI is not configured any more");
    }
    bool bound = profile->bound_head.p != NULL;
    bool same_key = bound && profile->otpk_curve == (int64_t)identity->pb.curve &&
                    cr_span_equal(profile->otpk_euicc, ok->euicc_signed2.euicc_otpk);
    if (bound && !same_key && dp->policy.refuse_rebinding) {
        return cr_refuse(err, "8.2", "3.7", "SGP.22 5.6.2",
                         "the eUICC came back with another one-time key");
    }
    cr_buf body = {0};
    if (!same_key) {
        status = bind_new(dp, identity, session, profile, &load.package,
                          ok->euicc_signed2.euicc_otpk, arena, &body, err);
        cr_buf_free(&body);
        CR_TRY(status);
    }
    CR_TRY(sign_channel(identity, session, profile, arena, &session->init_secure_channel, err));
    session->bpp_request_hash = hash;
    session->expires_ms = load.now_ms + dp->policy.session_ms;
    profile->transaction_id = session->transaction_id;
    profile->bound_eid = cr_arena_printf(arena, "%s", eid);
    profile->euicc_key = session->euicc_point;
    profile->euicc_curve = session->euicc_curve;
    profile->cc_failures = 0;
    CR_TRY(assemble(session->init_secure_channel, profile->bound_head, load.package.segments, arena,
                    out, err));
    struct change change = {
        .session = session,
        .from = SMDPP_SESSION_AUTHENTICATED,
        .to = SMDPP_SESSION_BOUND,
        .profile = profile,
        .event = SMDPP_EV_BPP,
        .report = dp->policy.report_all_points,
        .eid = eid,
        .point = RSP_POINT_BPP_DOWNLOAD,
    };
    return commit_or_lose(dp, &change, lost, err);
}

cr_status smdpp_get_bound_profile_package(struct smdpp *dp, const struct smdpp_call *call,
                                          const void *request, void *response, struct cr_err *err)
{
    return with_retries(dp, call, request, response, bpp_once, err);
}

/* ---- CancelSession (5.6.5) ---------------------------------------------------------------------
 */

static cr_status verify_cancel(const struct smdpp *dp, const struct smdpp_session *session,
                               const struct rsp_cancel_session_ok *ok, struct cr_err *err)
{
    const struct rsp_euicc_cancel_session_signed *s = &ok->euicc_cancel_session_signed;
    struct crypto_public *key = NULL;
    CR_TRY(crypto_public_new((enum crypto_curve)session->euicc_curve, session->euicc_point, &key,
                             err));
    cr_status status = crypto_verify(key, &s->raw, 1, ok->euicc_cancel_session_signature, NULL);
    crypto_public_free(key);
    if (status != CR_OK) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.5", "euiccCancelSessionSignature is wrong");
    }
    if (!cr_span_equal(s->smdp_oid, dp->config->oid)) {
        return cr_refuse(err, "8.8", "3.10", "SGP.22 5.6.5", "smdpOid is not ours");
    }
    return CR_OK;
}

static cr_status cancel_once(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                             void *response, bool *lost, struct cr_err *err)
{
    const struct rsp_cancel_session_request_es9 *in = request;
    const struct rsp_cancel_session_response *answer = &in->cancel_session_response;
    struct rsp_cancel_session_response_es9 *out = response;
    struct load load = {
        .transaction_id = in->transaction_id, .now_ms = cr_now_ms(dp->env), .arena = call->arena};
    CR_TRY(store_read(dp->store, load_work, &load, err));
    if (!load.has_session) {
        return unknown_transaction(err, "the TransactionID is not known");
    }
    out->which = RSP_CANCEL_SESSION_ES9_OK;
    if (answer->which != RSP_CANCEL_SESSION_OK || !load.session.euicc_point.p) {
        /* The chip could not sign, or nothing was offered yet: there is nobody to believe. */
        return unknown_transaction(err, "the session has nothing to cancel");
    }
    const struct rsp_euicc_cancel_session_signed *s = &answer->ok.euicc_cancel_session_signed;
    if (!cr_span_equal(s->transaction_id, in->transaction_id)) {
        return unknown_transaction(err, "the signed TransactionID is another one");
    }
    CR_TRY(verify_cancel(dp, &load.session, &answer->ok, err));
    if (load.session.state == SMDPP_SESSION_CLOSED) {
        return CR_OK; /* a repeated request gets the same answer */
    }
    struct rsp_function_status status;
    bool tell = rsp_cancel_reason_status(s->reason, false, &status);
    char eid[RSP_EID_TEXT];
    (void)rsp_eid_text(load.session.eid, eid);
    enum smdpp_event event = tell ? SMDPP_EV_CANCELLED : SMDPP_EV_POSTPONED;
    struct change change = {
        .session = &load.session,
        .from = (enum smdpp_session_state)load.session.state,
        .to = SMDPP_SESSION_CLOSED,
    };
    /* A late message of a session that a newer one has replaced does not end the newer one's. */
    bool current = load.has_profile && load.profile.downloads == load.session.attempt;
    if (current && smdpp_state_next(load.profile.state, event)) {
        const char *name = asn1_name_of(rsp_cancel_reason_names, s->reason);
        change.profile = &load.profile;
        change.event = event;
        change.report = tell;
        change.eid = eid;
        change.point = load.profile.state == SMDPP_DOWNLOADED ? RSP_POINT_BPP_INSTALLATION
                                                              : RSP_POINT_ELIGIBILITY;
        change.status = &status;
        if (tell) {
            load.profile.last_error = cr_arena_printf(call->arena, "cancelled by the device: %s",
                                                      name ? name : "unknown reason");
        }
    }
    return commit_or_lose(dp, &change, lost, err);
}

cr_status smdpp_cancel_session(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                               void *response, struct cr_err *err)
{
    return with_retries(dp, call, request, response, cancel_once, err);
}
