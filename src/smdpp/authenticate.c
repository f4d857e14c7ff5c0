/* ES9+ AuthenticateClient (SGP.22 5.6.3). */
#include "smdpp/es9plus.h"

#include "rsp/ids.h"
#include "smdpp/eligibility.h"

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

/* euiccSigned1: signature, challenge, version. */
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
    struct smdpp_load *load = ctx;
    return smdpp_profile_by_default_order(tx, load->eid, load->arena, &load->profile,
                                          &load->has_profile, err);
}

/* The order of a MatchingID was read together with the session; a default order can be looked for
 * only now that the EID is proven. */
static cr_status find_order(struct smdpp *dp, struct smdpp_load *load, const char *eid,
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
    struct smdpp_signature_tlv tlv;
    const cr_span parts[] = {signed2_tlv, smdpp_signature_tlv(&tlv, euicc_signature1)};
    CR_TRY(smdpp_sign(identity->pb_key, parts, 2, arena, &session->smdp_signature2, err));
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
                           const struct rsp_authenticate_response_ok *ok, struct smdpp_load *load,
                           cr_span hash, struct client *client,
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
        return status == CR_REFUSED
                   ? smdpp_close_session(dp, call, session, hash, lost, status, err)
                   : status;
    }
    status = smdpp_check_order(profile, client->eid_text, load->now_ms, err);
    if (status != CR_OK) {
        return smdpp_end_order(dp, call, load, hash, client->eid_text, lost, status, err);
    }
    session->iccid = cr_span_str(profile->iccid);
    session->attempt = ++profile->downloads;
    if (profile->downloads > profile->download_limit) {
        status = cr_refuse(err, "8.8.5", "6.4", "SGP.22 5.6.3",
                           "the profile was asked for more than %lld times",
                           (long long)profile->download_limit);
        status = cr_err_next(err, status, "ask the operator for a new order");
        return smdpp_end_with(dp, call, session, hash, profile, SMDPP_EV_ATTEMPTS, client->eid_text,
                              RSP_POINT_ELIGIBILITY, lost, status, err);
    }
    bool temporary = false;
    status = smdpp_check_eligibility(profile, &s->euicc_info2, &temporary, err);
    if (status != CR_OK) {
        return smdpp_end_with(dp, call, session, hash, profile,
                              temporary ? 0 : SMDPP_EV_NOT_ELIGIBLE, client->eid_text,
                              RSP_POINT_ELIGIBILITY, lost, status, err);
    }
    CR_TRY(
        offer(identity, session, profile, client->eid_text, ok->euicc_signature1, arena, out, err));
    session->expires_ms = load->now_ms + dp->policy.session_ms;
    /* No InitiateAuthentication is answered from it any more. */
    session->start_answer = (cr_span){0};
    session->start_request_hash = (cr_span){0};
    struct smdpp_change change = {
        .session = session,
        .from = SMDPP_SESSION_STARTED,
        .to = SMDPP_SESSION_AUTHENTICATED,
        .profile = profile,
        .soft = !dp->policy.report_all_points,
        .report = dp->policy.report_all_points,
        .eid = client->eid_text,
        .point = RSP_POINT_ELIGIBILITY,
    };
    CR_TRY(smdpp_commit(dp, call, &change, lost, err));
    smdpp_memo_keep(dp->memos, session, profile, &load->package, &client->key);
    return CR_OK;
}

static cr_status authenticate(struct smdpp *dp, const struct smdpp_call *call,
                              const struct rsp_authenticate_client_request *in,
                              struct rsp_authenticate_client_response *out, struct smdpp_load *load,
                              bool *lost, struct cr_err *err)
{
    const struct rsp_authenticate_server_response *answer = &in->authenticate_server_response;
    if (answer->which == RSP_AUTHENTICATE_RESPONSE_OK) {
        const struct rsp_ctx_params1 *ctx = &answer->ok.euicc_signed1.ctx_params1;
        load->matching_id = ctx->which == RSP_CTX_COMMON_AUTHENTICATION
                                ? ctx->common_authentication.matching_id
                                : (cr_span){0};
    }
    CR_TRY(smdpp_load(dp, load, SMDPP_SESSION_STARTED, err));
    cr_span hash = smdpp_hash(call->arena, &answer->raw, 1);
    if (!hash.p) {
        return cr_fail_memory(err);
    }
    if (load->has_session && smdpp_failed_before(&load->session, hash, err)) {
        return CR_REFUSED;
    }
    if (!load->has_session || load->session.state == SMDPP_SESSION_CLOSED) {
        return smdpp_unknown_transaction(err, "the TransactionID is not known");
    }
    if (load->session.state != SMDPP_SESSION_STARTED) {
        if (!cr_span_equal(load->session.auth_request_hash, hash)) {
            return smdpp_unknown_transaction(err, "the session is past AuthenticateClient");
        }
        return asn1_decode(&rsp_authenticate_client_response_type, load->session.auth_answer, 0,
                           call->arena, out, err);
    }
    load->session.auth_request_hash = hash;
    if (answer->which == RSP_AUTHENTICATE_RESPONSE_ERROR) {
        if (!cr_span_equal(answer->error.transaction_id, in->transaction_id)) {
            return smdpp_unknown_transaction(err, "the eUICC's TransactionID is another one");
        }
        const char *name =
            asn1_name_of(rsp_authenticate_error_names, answer->error.authenticate_error_code);
        cr_status status = cr_refuse(
            err, "8.1", "6.1", "SGP.22 5.6.3", "the eUICC refused this server: %s (%lld)",
            name ? name : "unknown error", (long long)answer->error.authenticate_error_code);
        return smdpp_close_session(dp, call, &load->session, hash, lost, status, err);
    }
    const struct rsp_authenticate_response_ok *ok = &answer->ok;
    if (!cr_span_equal(ok->euicc_signed1.transaction_id, in->transaction_id)) {
        return smdpp_unknown_transaction(err, "the signed TransactionID is another one");
    }
    struct client client = {0};
    cr_status status = verify_client(dp, ok, load->session.euicc_ci, &client, err);
    if (status == CR_OK) {
        status = verify_signed1(&load->session, ok, client.key, err);
    }
    if (status == CR_OK) {
        status = authorise(dp, call, ok, load, hash, &client, out, lost, err);
    }
    crypto_public_free(client.key);
    return status;
}

static cr_status authenticate_once(struct smdpp *dp, const struct smdpp_call *call,
                                   const void *request, void *response, bool *lost,
                                   struct cr_err *err)
{
    const struct rsp_authenticate_client_request *in = request;
    struct smdpp_load load = {
        .transaction_id = in->transaction_id, .now_ms = cr_now_ms(dp->env), .arena = call->arena};
    cr_status status = authenticate(dp, call, in, response, &load, lost, err);
    return smdpp_load_end(&load, status, lost);
}

cr_status smdpp_authenticate_client(struct smdpp *dp, const struct smdpp_call *call,
                                    const void *request, void *response, struct cr_err *err)
{
    return smdpp_with_retries(dp, call, request, response, authenticate_once, err);
}
