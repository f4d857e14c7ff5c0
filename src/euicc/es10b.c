/*
 * ES10b (SGP.22 5.7.5 to 5.7.14): what the chip is, mutual authentication, preparation of a
 * download, cancellation, rules, CRLs. Each function reads like the list of its checks; nothing is
 * signed before all of them hold.
 */
#include "euicc/chip.h"

#include <stdio.h>

/* ---- EUICCInfo1, EUICCInfo2 --------------------------------------------------------------------
 */

static rsp_span_list ci_list(const struct euicc *e, cr_arena *arena)
{
    rsp_span_list list = {.present = true};
    list.items = cr_arena_alloc_array(arena, e->ci_count, sizeof(cr_span));
    for (size_t i = 0; list.items && i < e->ci_count; i++) {
        list.items[list.count++] = e->cis[i].key_id;
    }
    return list;
}

static uicc_sw get_info1(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    struct rsp_euicc_info1 *out = response;
    (void)request;
    out->lowest_svn = e->config.svn;
    out->euicc_ci_pkid_list_for_verification = ci_list(e, arena);
    out->euicc_ci_pkid_list_for_signing = out->euicc_ci_pkid_list_for_verification;
    return UICC_SW_OK;
}

static size_t profile_count(const struct euicc *e)
{
    size_t count = 0;
    (void)nvm_size_prefix(e->nvm, cr_span_str("m/"), &count);
    return count;
}

static cr_span card_resource(const struct euicc *e, cr_arena *arena)
{
    cr_buf bytes = {0};
    struct rsp_ext_card_resource resource = {.installed_applications = profile_count(e),
                                             .free_non_volatile = euicc_free_memory(e),
                                             .free_volatile = EUICC_MAX_COMMAND};
    rsp_ext_card_resource_build(&resource, &bytes);
    cr_span copy = cr_arena_copy(arena, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
    return copy;
}

#define UICC_CAPABILITIES                                                                          \
    (RSP_UICC_USIM | RSP_UICC_ISIM | RSP_UICC_CSIM | RSP_UICC_MILENAGE | RSP_UICC_TUAK128 |        \
     RSP_UICC_TUAK256 | RSP_UICC_USIM_TEST_ALGORITHM | RSP_UICC_MULTIPLE_USIM |                    \
     RSP_UICC_MULTIPLE_ISIM | RSP_UICC_MULTIPLE_CSIM | RSP_UICC_BER_TLV | RSP_UICC_DF_LINK |       \
     RSP_UICC_GET_IDENTITY | RSP_UICC_PROFILE_A_X25519 | RSP_UICC_PROFILE_B_P256 |                 \
     RSP_UICC_GBA_USIM | RSP_UICC_GBA_ISIM | RSP_UICC_IOT_MINIMAL)

static void fill_info2(struct euicc *e, cr_arena *arena, struct rsp_euicc_info2 *out)
{
    static const uint8_t package_version[] = {2, 3, 1};
    static const uint8_t package_version3[] = {3, 3, 1};
    static const uint8_t firmware[] = {0, 1, 0};
    static const uint8_t ts102241[] = {9, 2, 0};
    static const uint8_t globalplatform[] = {2, 3, 0};
    static const uint8_t pp_version[] = {1, 0, 0};
    static cr_span more_versions[] = {{package_version3, sizeof(package_version3)}};
    out->base_profile_package_version = CR_SPAN_ARRAY(package_version);
    out->lowest_svn = e->config.svn;
    out->euicc_firmware_version = CR_SPAN_ARRAY(firmware);
    out->ext_card_resource = card_resource(e, arena);
    out->uicc_capability = UICC_CAPABILITIES;
    out->ts102241_version = CR_SPAN_ARRAY(ts102241);
    out->globalplatform_version = CR_SPAN_ARRAY(globalplatform);
    out->euicc_rsp_capability =
        RSP_EUICC_ADDITIONAL_PROFILE | RSP_EUICC_LOAD_CRL | RSP_EUICC_DEVICE_INFO_EXTENSIBILITY;
    if (!e->config.no_test_profiles) {
        out->euicc_rsp_capability |= RSP_EUICC_TEST_PROFILE;
    }
    out->euicc_ci_pkid_list_for_verification = ci_list(e, arena);
    out->euicc_ci_pkid_list_for_signing = out->euicc_ci_pkid_list_for_verification;
    out->has_euicc_category = true;
    out->euicc_category = RSP_CATEGORY_OTHER;
    out->has_forbidden_profile_policy_rules = e->config.forbidden_pprs != 0;
    out->forbidden_profile_policy_rules = e->config.forbidden_pprs;
    out->pp_version = CR_SPAN_ARRAY(pp_version);
    out->sas_accreditation_number = cr_span_str("");
    out->additional_euicc_profile_package_versions.items = more_versions;
    out->additional_euicc_profile_package_versions.count = 1;
    out->additional_euicc_profile_package_versions.present = true;
}

static uicc_sw get_info2(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    (void)request;
    fill_info2(e, arena, response);
    return UICC_SW_OK;
}

/* ---- GetEUICCChallenge -------------------------------------------------------------------------
 */

static uicc_sw get_challenge(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    struct rsp_get_euicc_challenge_response *out = response;
    (void)arena;
    (void)request;
    euicc_session_drop(e);
    /* A download that was under way is over without a result of its own: clean up now. */
    if (euicc_bpp_recover(e, NULL) != CR_OK ||
        cr_random(e->env, e->session.challenge, sizeof(e->session.challenge), NULL) != CR_OK) {
        return UICC_SW_TECHNICAL;
    }
    e->session.state = EUICC_CHALLENGE;
    out->euicc_challenge = CR_SPAN_ARRAY(e->session.challenge);
    return UICC_SW_OK;
}

/* ---- AuthenticateServer ------------------------------------------------------------------------
 */

static int64_t authenticate_error_of(enum pki_problem problem)
{
    switch (problem) {
    case PKI_UNKNOWN_CI:
        return RSP_AUTHENTICATE_CI_PK_UNKNOWN;
    case PKI_WRONG_CURVE:
        return RSP_AUTHENTICATE_UNSUPPORTED_CURVE;
    case PKI_OK:
    case PKI_BAD_SIGNATURE:
    case PKI_EXPIRED:
    case PKI_REVOKED:
    case PKI_BAD_PROFILE:
    case PKI_WRONG_ROLE:
    case PKI_EID_RANGE:
    case PKI_MALFORMED:
        break;
    }
    return RSP_AUTHENTICATE_INVALID_CERTIFICATE;
}

/* The server's certificate under a CI of ours, in the role of an SM-DP+ or an SM-DS. 0 = fine. */
static int64_t verify_server(struct euicc *e, const struct rsp_authenticate_server_request *in,
                             struct pki_cert *cert, struct crypto_public **key)
{
    struct pki_verdict verdict = {0};
    if (pki_cert_decode(in->server_certificate, cert, NULL) != CR_OK) {
        return RSP_AUTHENTICATE_INVALID_CERTIFICATE;
    }
    /* The chip has no clock: dates are for those who have one. */
    struct pki_expect expect = {.role = cert->role == PKI_ROLE_DS_AUTH ? PKI_ROLE_DS_AUTH
                                                                       : PKI_ROLE_DP_AUTH};
    if (pki_chain_verify(e->trust, cert, 1, &expect, &verdict, key, NULL) != CR_OK) {
        bool no_oid = verdict.problem == PKI_BAD_PROFILE && !cert->registered_id.p;
        return no_oid ? RSP_AUTHENTICATE_INVALID_OID : authenticate_error_of(verdict.problem);
    }
    if (!cert->registered_id.p || cert->registered_id.n > EUICC_MAX_OID) {
        return RSP_AUTHENTICATE_INVALID_OID;
    }
    return 0;
}

/* All checks in order; 0 = fine. */
static int64_t check_server(struct euicc *e, const struct rsp_authenticate_server_request *in,
                            struct pki_cert *cert)
{
    const struct rsp_server_signed1 *s = &in->server_signed1;
    struct crypto_public *key = NULL;
    if (e->session.state != EUICC_CHALLENGE) {
        return RSP_AUTHENTICATE_NO_SESSION;
    }
    int64_t code = verify_server(e, in, cert, &key);
    if (code == 0 && crypto_verify(key, &s->raw, 1, in->server_signature1, NULL) != CR_OK) {
        code = RSP_AUTHENTICATE_INVALID_SIGNATURE;
    }
    crypto_public_free(key);
    if (code) {
        return code;
    }
    if (!cr_span_equal_ct(s->euicc_challenge, CR_SPAN_ARRAY(e->session.challenge))) {
        return RSP_AUTHENTICATE_EUICC_CHALLENGE_MISMATCH;
    }
    if (!euicc_ci_of(e, in->euicc_ci_pkid_to_be_used)) {
        return RSP_AUTHENTICATE_CI_PK_UNKNOWN;
    }
    if (s->server_address.n > EUICC_MAX_ADDRESS) {
        return RSP_AUTHENTICATE_UNDEFINED;
    }
    return 0;
}

static void remember_server(struct euicc *e, const struct rsp_authenticate_server_request *in,
                            const struct pki_cert *cert)
{
    struct euicc_session *s = &e->session;
    const struct rsp_server_signed1 *signed1 = &in->server_signed1;
    memcpy(s->transaction_id, signed1->transaction_id.p, signed1->transaction_id.n);
    s->transaction_id_size = signed1->transaction_id.n;
    memcpy(s->server_address, signed1->server_address.p, signed1->server_address.n);
    s->server_address[signed1->server_address.n] = 0;
    memcpy(s->server_oid, cert->registered_id.p, cert->registered_id.n);
    s->server_oid_size = cert->registered_id.n;
    s->server_is_dp = cert->role == PKI_ROLE_DP_AUTH;
    s->ci = euicc_ci_of(e, in->euicc_ci_pkid_to_be_used);
}

static uicc_sw authenticate_error(struct rsp_authenticate_server_response *out,
                                  const struct rsp_authenticate_server_request *in, int64_t code)
{
    memset(out, 0, sizeof(*out));
    out->which = RSP_AUTHENTICATE_RESPONSE_ERROR;
    out->error.transaction_id = in->server_signed1.transaction_id;
    out->error.authenticate_error_code = code;
    return UICC_SW_OK;
}

static uicc_sw authenticate_server(struct euicc *e, cr_arena *arena, const void *request,
                                   void *response)
{
    const struct rsp_authenticate_server_request *in = request;
    struct rsp_authenticate_server_response *out = response;
    struct pki_cert cert = {0};
    int64_t code = check_server(e, in, &cert);
    /* One try for each challenge, whatever comes of it. */
    e->session.state = EUICC_IDLE;
    cr_wipe(e->session.challenge, sizeof(e->session.challenge));
    if (code) {
        return authenticate_error(out, in, code);
    }
    remember_server(e, in, &cert);
    out->which = RSP_AUTHENTICATE_RESPONSE_OK;
    struct rsp_euicc_signed1 *s = &out->ok.euicc_signed1;
    s->transaction_id = in->server_signed1.transaction_id;
    s->server_address = in->server_signed1.server_address;
    s->server_challenge = in->server_signed1.server_challenge;
    fill_info2(e, arena, &s->euicc_info2);
    s->ctx_params1 = in->ctx_params1; /* its raw bytes go into what is signed */
    if (asn1_encode_arena(&rsp_euicc_signed1_type, s, 0, arena, &s->raw, NULL) != CR_OK ||
        euicc_sign(e->session.ci, &s->raw, 1, e->session.euicc_signature1, NULL) != CR_OK) {
        return authenticate_error(out, in, RSP_AUTHENTICATE_UNDEFINED);
    }
    out->ok.euicc_signature1 = CR_SPAN_ARRAY(e->session.euicc_signature1);
    out->ok.euicc_certificate = e->session.ci->euicc_cert;
    out->ok.next_cert_in_chain = e->session.ci->eum_cert;
    e->session.state = EUICC_AUTHENTICATED;
    return UICC_SW_OK;
}

/* ---- PrepareDownload ---------------------------------------------------------------------------
 */

static bool is_transaction(const struct euicc *e, cr_span transaction_id)
{
    return cr_span_equal(transaction_id,
                         cr_span_of(e->session.transaction_id, e->session.transaction_id_size));
}

/* The 5F37 TLV of a signature. */
static void signature_tlv(cr_span signature, uint8_t out[3 + RSP_SIGNATURE])
{
    out[0] = 0x5F;
    out[1] = 0x37;
    out[2] = RSP_SIGNATURE;
    memcpy(out + 3, signature.p, RSP_SIGNATURE);
}

/* CERT.DPpb: chain, role, same OID as CERT.DPauth; smdpSignature2. 0 = fine. */
static int64_t verify_binder(struct euicc *e, const struct rsp_prepare_download_request *in,
                             struct crypto_public **key)
{
    struct pki_cert cert;
    struct pki_verdict verdict = {0};
    struct pki_expect expect = {.role = PKI_ROLE_DP_PB};
    uint8_t signature1[3 + RSP_SIGNATURE];
    if (pki_cert_decode(in->smdp_certificate, &cert, NULL) != CR_OK) {
        return RSP_DOWNLOAD_INVALID_CERTIFICATE;
    }
    if (pki_chain_verify(e->trust, &cert, 1, &expect, &verdict, key, NULL) != CR_OK) {
        return verdict.problem == PKI_WRONG_CURVE ? RSP_DOWNLOAD_UNSUPPORTED_CURVE
                                                  : RSP_DOWNLOAD_INVALID_CERTIFICATE;
    }
    if (!cr_span_equal(cert.registered_id,
                       cr_span_of(e->session.server_oid, e->session.server_oid_size))) {
        return RSP_DOWNLOAD_INVALID_CERTIFICATE;
    }
    signature_tlv(CR_SPAN_ARRAY(e->session.euicc_signature1), signature1);
    const cr_span parts[] = {in->smdp_signed2.raw, CR_SPAN_ARRAY(signature1)};
    if (crypto_verify(*key, parts, 2, in->smdp_signature2, NULL) != CR_OK) {
        return RSP_DOWNLOAD_INVALID_SIGNATURE;
    }
    return 0;
}

static int64_t check_prepare(struct euicc *e, const struct rsp_prepare_download_request *in,
                             struct crypto_public **key)
{
    /* A second PrepareDownload in one session is for another try of the confirmation code. */
    if ((e->session.state != EUICC_AUTHENTICATED && e->session.state != EUICC_PREPARED) ||
        !e->session.server_is_dp) {
        return RSP_DOWNLOAD_NO_SESSION;
    }
    int64_t code = verify_binder(e, in, key);
    if (code) {
        return code;
    }
    if (!is_transaction(e, in->smdp_signed2.transaction_id)) {
        return RSP_DOWNLOAD_INVALID_TRANSACTION_ID;
    }
    if (in->smdp_signed2.cc_required_flag && !in->hash_cc.p) {
        return RSP_DOWNLOAD_UNDEFINED;
    }
    return 0;
}

/* Room for one more pair: the others are promises that nobody has to keep. */
static cr_status limit_one_time_keys(struct euicc *e, struct cr_err *err)
{
    cr_span key;
    cr_span value;
    size_t count = 0;
    (void)nvm_size_prefix(e->nvm, cr_span_str("ot/"), &count);
    while (count >= EUICC_MAX_ONE_TIME_KEYS &&
           nvm_next(e->nvm, cr_span_str("ot/"), (cr_span){0}, &key, &value)) {
        CR_TRY(nvm_delete(e->nvm, key, err));
        count--;
    }
    return CR_OK;
}

/* The stored pair when the server asks for it and it is this server's, else a new one that is
 * stored before its public half leaves the chip. */
static cr_status one_time_key(struct euicc *e, cr_span wanted, enum crypto_curve curve,
                              cr_arena *arena, struct crypto_private **out, struct cr_err *err)
{
    cr_span oid = cr_span_of(e->session.server_oid, e->session.server_oid_size);
    struct euicc_otk otk;
    if (wanted.p && euicc_otk_get(e->nvm, oid, arena, &otk) && cr_span_equal(otk.point, wanted) &&
        otk.curve == (int64_t)curve) {
        return crypto_private_new(curve, otk.scalar, out, err);
    }
    uint8_t scalar[CRYPTO_SCALAR];
    uint8_t point[CRYPTO_POINT];
    CR_TRY(euicc_otk_delete(e->nvm, oid, err));
    CR_TRY(limit_one_time_keys(e, err));
    CR_TRY(crypto_private_generate(curve, out, err));
    crypto_private_scalar(*out, scalar);
    crypto_private_point(*out, point);
    otk = (struct euicc_otk){
        .curve = curve, .scalar = CR_SPAN_ARRAY(scalar), .point = CR_SPAN_ARRAY(point)};
    cr_status status = euicc_otk_put(e->nvm, oid, &otk, err);
    cr_wipe(scalar, sizeof(scalar));
    if (status != CR_OK) {
        crypto_private_free(*out);
        *out = NULL;
    }
    return status;
}

static cr_status sign_prepared(struct euicc *e, const struct rsp_prepare_download_request *in,
                               cr_arena *arena, struct rsp_prepare_download_ok *ok,
                               struct cr_err *err)
{
    uint8_t *point = cr_arena_alloc(arena, CRYPTO_POINT + RSP_SIGNATURE);
    uint8_t signature2[3 + RSP_SIGNATURE];
    if (!point) {
        return cr_fail_memory(err);
    }
    uint8_t *signature = point + CRYPTO_POINT;
    crypto_private_point(e->session.otsk, point);
    ok->euicc_signed2.transaction_id = in->smdp_signed2.transaction_id;
    ok->euicc_signed2.euicc_otpk = cr_span_of(point, CRYPTO_POINT);
    ok->euicc_signed2.hash_cc = in->hash_cc;
    CR_TRY(asn1_encode_arena(&rsp_euicc_signed2_type, &ok->euicc_signed2, ASN1_ENCODE_V2, arena,
                             &ok->euicc_signed2.raw, err));
    signature_tlv(in->smdp_signature2, signature2);
    const cr_span parts[] = {ok->euicc_signed2.raw, CR_SPAN_ARRAY(signature2)};
    CR_TRY(euicc_sign(e->session.ci, parts, 2, signature, err));
    ok->euicc_signature2 = cr_span_of(signature, RSP_SIGNATURE);
    return CR_OK;
}

static uicc_sw prepare_download(struct euicc *e, cr_arena *arena, const void *request,
                                void *response)
{
    const struct rsp_prepare_download_request *in = request;
    struct rsp_prepare_download_response *out = response;
    struct crypto_public *key = NULL;
    struct crypto_private *otsk = NULL;
    int64_t code = check_prepare(e, in, &key);
    if (code == 0 && one_time_key(e, in->smdp_signed2.bpp_euicc_otpk, crypto_public_curve(key),
                                  arena, &otsk, NULL) != CR_OK) {
        code = RSP_DOWNLOAD_UNDEFINED;
    }
    if (code == 0) {
        crypto_public_free(e->session.pb_key);
        crypto_private_free(e->session.otsk);
        e->session.pb_key = key;
        e->session.otsk = otsk;
        key = NULL;
        out->which = RSP_PREPARE_DOWNLOAD_OK;
        code = sign_prepared(e, in, arena, &out->ok, NULL) == CR_OK ? 0 : RSP_DOWNLOAD_UNDEFINED;
    }
    crypto_public_free(key);
    if (code) {
        memset(out, 0, sizeof(*out));
        out->which = RSP_PREPARE_DOWNLOAD_ERROR;
        out->error.transaction_id = in->smdp_signed2.transaction_id;
        out->error.download_error_code = code;
        return UICC_SW_OK;
    }
    e->session.state = EUICC_PREPARED;
    return UICC_SW_OK;
}

/* ---- CancelSession -----------------------------------------------------------------------------
 */

static cr_status sign_cancel(struct euicc *e, const struct rsp_cancel_session_request *in,
                             cr_arena *arena, struct rsp_cancel_session_ok *ok, struct cr_err *err)
{
    struct rsp_euicc_cancel_session_signed *s = &ok->euicc_cancel_session_signed;
    uint8_t *signature = cr_arena_alloc(arena, RSP_SIGNATURE);
    s->transaction_id = in->transaction_id;
    s->smdp_oid =
        cr_arena_copy(arena, cr_span_of(e->session.server_oid, e->session.server_oid_size));
    s->reason = in->reason;
    if (!signature || !s->smdp_oid.p) {
        return cr_fail_memory(err);
    }
    CR_TRY(asn1_encode_arena(&rsp_euicc_cancel_session_signed_type, s, ASN1_ENCODE_V2, arena,
                             &s->raw, err));
    CR_TRY(euicc_sign(e->session.ci, &s->raw, 1, signature, err));
    ok->euicc_cancel_session_signature = cr_span_of(signature, RSP_SIGNATURE);
    return CR_OK;
}

static uicc_sw cancel_session(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_cancel_session_request *in = request;
    struct rsp_cancel_session_response *out = response;
    out->which = RSP_CANCEL_SESSION_ERROR;
    if (e->session.state < EUICC_AUTHENTICATED || !is_transaction(e, in->transaction_id)) {
        out->error = RSP_CANCEL_SESSION_INVALID_TRANSACTION_ID;
        return UICC_SW_OK;
    }
    if (sign_cancel(e, in, arena, &out->ok, NULL) != CR_OK || euicc_bpp_abandon(e, NULL) != CR_OK) {
        memset(out, 0, sizeof(*out));
        out->which = RSP_CANCEL_SESSION_ERROR;
        out->error = RSP_CANCEL_SESSION_UNDEFINED;
        return UICC_SW_OK;
    }
    out->which = RSP_CANCEL_SESSION_OK;
    euicc_session_drop(e);
    return UICC_SW_OK;
}

/* ---- GetRAT, LoadCRL ---------------------------------------------------------------------------
 */

static uicc_sw get_rat(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    (void)request;
    return asn1_decode(&rsp_get_rat_response_type, e->config.rat, 0, arena, response, NULL) == CR_OK
               ? UICC_SW_OK
               : UICC_SW_TECHNICAL;
}

/* Big-endian numbers of any length. */
static int compare_numbers(cr_span a, cr_span b)
{
    while (a.n > 0 && a.p[0] == 0) {
        a = cr_span_sub(a, 1, a.n);
    }
    while (b.n > 0 && b.p[0] == 0) {
        b = cr_span_sub(b, 1, b.n);
    }
    if (a.n != b.n) {
        return a.n < b.n ? -1 : 1;
    }
    return cr_span_compare(a, b);
}

#define CRL_KEY 32

/* One record for each CI, and one for each part of a list that comes in parts. */
static bool crl_key(size_t ci, cr_span partial_number, char out[CRL_KEY])
{
    int64_t part = 0;
    if (!partial_number.p) {
        (void)snprintf(out, CRL_KEY, "crl/%zu", ci);
        return true;
    }
    if (der_integer(partial_number, &part, NULL) != CR_OK || part < 0) {
        return false;
    }
    (void)snprintf(out, CRL_KEY, "crl/%zu/%llX", ci, (unsigned long long)part);
    return true;
}

/* 0 = loaded. */
static int64_t load_crl_into(struct euicc *e, cr_span der)
{
    struct pki_crl crl;
    struct pki_crl old;
    char key[CRL_KEY];
    if (pki_crl_decode(der, &crl, NULL) != CR_OK) {
        return RSP_LOAD_CRL_INVALID_CRL_FORMAT;
    }
    const struct euicc_ci *ci = euicc_ci_of(e, crl.aki);
    if (!ci) {
        return RSP_LOAD_CRL_VERIFICATION_KEY_NOT_FOUND;
    }
    if (!crl_key((size_t)(ci - e->cis), crl.partial_number, key)) {
        return RSP_LOAD_CRL_INVALID_CRL_FORMAT;
    }
    cr_span stored = nvm_get(e->nvm, cr_span_str(key));
    if (stored.p && pki_crl_decode(stored, &old, NULL) == CR_OK &&
        compare_numbers(crl.number, old.number) <= 0) {
        return RSP_LOAD_CRL_FRESHER_CRL_ALREADY_LOADED;
    }
    if (der.n > euicc_free_memory(e)) {
        return RSP_LOAD_CRL_NOT_ENOUGH_MEMORY_SPACE;
    }
    if (pki_trust_add_crl(e->trust, der, NULL) != CR_OK) {
        return RSP_LOAD_CRL_INVALID_SIGNATURE;
    }
    return nvm_put(e->nvm, cr_span_str(key), der, NULL) == CR_OK
               ? 0
               : RSP_LOAD_CRL_NOT_ENOUGH_MEMORY_SPACE;
}

static uicc_sw load_crl(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_load_crl_request *in = request;
    struct rsp_load_crl_response *out = response;
    cr_span der;
    int64_t code = rsp_retag(arena, in->crl, 0x30, &der, NULL) == CR_OK
                       ? load_crl_into(e, der)
                       : RSP_LOAD_CRL_INVALID_CRL_FORMAT;
    out->which = code ? RSP_LOAD_CRL_RESPONSE_ERROR : RSP_LOAD_CRL_RESPONSE_OK;
    if (code) {
        out->error = code;
    }
    return UICC_SW_OK;
}

const struct euicc_function_row euicc_es10b_functions[] = {
    {0xBF20, &rsp_get_euicc_info1_request_type, &rsp_euicc_info1_type, get_info1},
    {0xBF22, &rsp_get_euicc_info2_request_type, &rsp_euicc_info2_type, get_info2},
    {0xBF2E, &rsp_get_euicc_challenge_request_type, &rsp_get_euicc_challenge_response_type,
     get_challenge},
    {0xBF38, &rsp_authenticate_server_request_type, &rsp_authenticate_server_response_type,
     authenticate_server},
    {0xBF21, &rsp_prepare_download_request_type, &rsp_prepare_download_response_type,
     prepare_download},
    {0xBF41, &rsp_cancel_session_request_type, &rsp_cancel_session_response_type, cancel_session},
    {0xBF43, &rsp_get_rat_request_type, &rsp_get_rat_response_type, get_rat},
    {0xBF35, &rsp_load_crl_request_type, &rsp_load_crl_response_type, load_crl},
};
const size_t euicc_es10b_count = CR_COUNT(euicc_es10b_functions);
