/* ES9+ GetBoundProfilePackage (SGP.22 5.6.2). */
#include "smdpp/es9plus.h"

#include "profile/bpp.h"
#include "rsp/ids.h"

#define HOST_ID_SIZE 16

/* euiccSignature2 over euiccSigned2 || smdpSignature2 TLV. */
static cr_status verify_signed2(const struct smdpp_session *session,
                                const struct rsp_prepare_download_ok *ok,
                                const struct crypto_public *key, struct cr_err *err)
{
    struct smdpp_signature_tlv tlv;
    const cr_span parts[] = {ok->euicc_signed2.raw,
                             smdpp_signature_tlv(&tlv, session->smdp_signature2)};
    cr_status status = crypto_verify(key, parts, 2, ok->euicc_signature2, NULL);
    if (status != CR_OK) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.2", "euiccSignature2 is wrong");
    }
    return CR_OK;
}

/* CR_OK, or refused with *failed = true when a wrong code was given. */
static cr_status check_confirmation(const struct smdpp *dp, const struct smdpp_session *session,
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
    uint8_t code[SMDPP_CODE_HASH];
    uint8_t expected[CRYPTO_SHA256];
    CR_TRY(smdpp_unseal_code(&dp->seal, profile->iccid, profile->cc_hash, code, err));
    const cr_span parts[] = {CR_SPAN_ARRAY(code), session->transaction_id};
    crypto_sha256_parts(parts, 2, expected);
    cr_wipe(code, sizeof(code));
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
static cr_status confirmation_failed(struct smdpp *dp, const struct smdpp_call *call,
                                     struct smdpp_session *session, cr_span request_hash,
                                     struct smdpp_profile *profile, const char *eid, bool *lost,
                                     cr_status failure, struct cr_err *err)
{
    profile->cc_failures++;
    if (profile->cc_failures >= profile->cc_limit) {
        return smdpp_end_with(dp, call, session, request_hash, profile, SMDPP_EV_ATTEMPTS, eid,
                              RSP_POINT_CONFIRMATION_FAILURE, lost, failure, err);
    }
    struct rsp_function_status status = smdpp_failed_status(err->subject, err->reason, err->cause);
    smdpp_remember_failure(session, request_hash, err);
    struct smdpp_change change = {
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
    cr_status committed = smdpp_commit(dp, call, &change, lost, &local);
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
        status = store_unseal(&dp->seal, "ppk", profile->iccid, package->ppk, &keys, err);
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
        status = smdpp_sign(identity->pb_key, &data, 1, arena, &channel.smdp_sign, err);
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

static cr_status bind_package(struct smdpp *dp, const struct smdpp_call *call,
                              const struct rsp_get_bound_profile_package_request *in,
                              struct rsp_get_bound_profile_package_response *out,
                              struct smdpp_load *load, bool *lost, struct cr_err *err)
{
    const struct rsp_prepare_download_response *answer = &in->prepare_download_response;
    cr_arena *arena = call->arena;
    CR_TRY(smdpp_load(dp, load, SMDPP_SESSION_AUTHENTICATED, err));
    struct smdpp_session *session = &load->session;
    struct smdpp_profile *profile = &load->profile;
    cr_span hash = smdpp_hash(arena, &answer->raw, 1);
    if (!hash.p) {
        return cr_fail_memory(err);
    }
    if (load->has_session && smdpp_failed_before(session, hash, err)) {
        return CR_REFUSED;
    }
    if (!load->has_session || session->state < SMDPP_SESSION_AUTHENTICATED ||
        session->state == SMDPP_SESSION_CLOSED) {
        return smdpp_unknown_transaction(err, "the TransactionID is not known");
    }
    if (!load->has_profile) {
        return smdpp_unknown_transaction(err, "the order of this session was cancelled");
    }
    out->ok.transaction_id = session->transaction_id;
    if (session->state == SMDPP_SESSION_BOUND) {
        if (!cr_span_equal(session->bpp_request_hash, hash) ||
            !cr_span_equal(profile->transaction_id, session->transaction_id)) {
            return smdpp_unknown_transaction(err, "the session is past GetBoundProfilePackage");
        }
        return assemble(session->init_secure_channel, profile->bound_head, load->package.segments,
                        arena, out, err);
    }
    if (answer->which == RSP_PREPARE_DOWNLOAD_ERROR) {
        if (!cr_span_equal(answer->error.transaction_id, in->transaction_id)) {
            return smdpp_unknown_transaction(err, "the eUICC's TransactionID is another one");
        }
        const char *name =
            asn1_name_of(rsp_download_error_names, answer->error.download_error_code);
        cr_status status =
            cr_refuse(err, "8.1", "4.2", "SGP.22 5.6.2",
                      "the eUICC could not prepare the download: %s (%lld)",
                      name ? name : "unknown error", (long long)answer->error.download_error_code);
        return smdpp_close_session(dp, call, session, hash, lost, status, err);
    }
    const struct rsp_prepare_download_ok *ok = &answer->ok;
    if (!cr_span_equal(ok->euicc_signed2.transaction_id, in->transaction_id)) {
        return smdpp_unknown_transaction(err, "the signed TransactionID is another one");
    }
    if (!load->key) {
        CR_TRY(crypto_public_new((enum crypto_curve)session->euicc_curve, session->euicc_point,
                                 &load->key, err));
    }
    CR_TRY(verify_signed2(session, ok, load->key, err));
    char eid[RSP_EID_TEXT];
    (void)rsp_eid_text(session->eid, eid);
    cr_status status = smdpp_check_order(profile, eid, load->now_ms, err);
    if (status != CR_OK) {
        return load->guessed ? status
                             : smdpp_end_order(dp, call, load, hash, eid, lost, status, err);
    }
    bool wrong_code = false;
    status = check_confirmation(dp, session, profile, ok->euicc_signed2.hash_cc, &wrong_code, err);
    if (status != CR_OK) {
        return wrong_code && !load->guessed
                   ? confirmation_failed(dp, call, session, hash, profile, eid, lost, status, err)
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
        status = bind_new(dp, identity, session, profile, &load->package,
                          ok->euicc_signed2.euicc_otpk, arena, &body, err);
        cr_buf_free(&body);
        CR_TRY(status);
    }
    CR_TRY(sign_channel(identity, session, profile, arena, &session->init_secure_channel, err));
    session->bpp_request_hash = hash;
    session->expires_ms = load->now_ms + dp->policy.session_ms;
    profile->transaction_id = session->transaction_id;
    profile->bound_eid = cr_arena_printf(arena, "%s", eid);
    profile->euicc_key = session->euicc_point;
    profile->euicc_curve = session->euicc_curve;
    profile->cc_failures = 0;
    CR_TRY(assemble(session->init_secure_channel, profile->bound_head, load->package.segments,
                    arena, out, err));
    struct smdpp_change change = {
        .session = session,
        .from = SMDPP_SESSION_AUTHENTICATED,
        .to = SMDPP_SESSION_BOUND,
        .profile = profile,
        .event = SMDPP_EV_BPP,
        .report = dp->policy.report_all_points,
        .eid = eid,
        .point = RSP_POINT_BPP_DOWNLOAD,
    };
    CR_TRY(smdpp_commit(dp, call, &change, lost, err));
    smdpp_memo_keep(dp->memos, session, profile, NULL, &load->key);
    return CR_OK;
}

static cr_status bpp_once(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                          void *response, bool *lost, struct cr_err *err)
{
    const struct rsp_get_bound_profile_package_request *in = request;
    struct smdpp_load load = {.transaction_id = in->transaction_id,
                              .now_ms = cr_now_ms(dp->env),
                              .arena = call->arena,
                              .want_package = true};
    cr_status status = bind_package(dp, call, in, response, &load, lost, err);
    return smdpp_load_end(&load, status, lost);
}

cr_status smdpp_get_bound_profile_package(struct smdpp *dp, const struct smdpp_call *call,
                                          const void *request, void *response, struct cr_err *err)
{
    return smdpp_with_retries(dp, call, request, response, bpp_once, err);
}
