#include "fake_server.h"

#include "crypto/symmetric.h"

/* ---- making ------------------------------------------------------------------------------------
 */

static struct fake_server *make(enum crypto_curve curve, const char *auth)
{
    static const uint8_t host_id[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
    struct cr_err err = {0};
    struct fake_server *s = calloc(1, sizeof(*s));
    MUST(s);
    s->curve = curve;
    MUST_OK(pki_hierarchy_load(bed_pki(), curve, "ci", &s->arena, &s->ci, NULL, &err));
    MUST_OK(pki_hierarchy_load(bed_pki(), curve, auth, &s->arena, &s->auth, &s->auth_key, &err));
    MUST_OK(pki_hierarchy_load(bed_pki(), curve, "dppb", &s->arena, &s->pb, &s->pb_key, &err));
    s->address = cr_span_str("testsmdpplus1.example.com");
    MUST_OK(rsp_eid_parse(cr_span_str(BED_EID), s->eid, &err));
    memcpy(s->host_id, host_id, sizeof(host_id));
    s->metadata.iccid = fake_iccid(s, 1);
    s->metadata.service_provider_name = cr_span_str("GSMA_TEST");
    s->metadata.profile_name = cr_span_str("GSMA_TEST_PROFILE");
    s->metadata.profile_class = RSP_CLASS_OPERATIONAL;
    return s;
}

struct fake_server *fake_new(enum crypto_curve curve)
{
    return make(curve, "dpauth");
}

struct fake_server *fake_new_ds(enum crypto_curve curve)
{
    return make(curve, "dsauth");
}

void fake_free(struct fake_server *s)
{
    if (s) {
        pki_key_free(s->auth_key);
        pki_key_free(s->pb_key);
        crypto_private_free(s->otsk);
        crypto_public_free(s->otpk_euicc);
        cr_buf_free(&s->body);
        cr_buf_free(&s->bpp);
        cr_arena_free(&s->arena);
        free(s);
    }
}

cr_span fake_iccid(struct fake_server *s, unsigned n)
{
    struct cr_err err = {0};
    uint8_t *iccid = cr_arena_alloc(&s->arena, RSP_ICCID);
    char digits[RSP_ICCID_TEXT];
    MUST(iccid);
    (void)snprintf(digits, sizeof(digits), "8900000000%010u", n);
    MUST_OK(rsp_iccid_parse(cr_span_str(digits), iccid, &err));
    return cr_span_of(iccid, RSP_ICCID);
}

/* ---- signing -----------------------------------------------------------------------------------
 */

static cr_span sign(struct fake_server *s, const struct pki_key *key, const cr_span *parts,
                    size_t count, bool spoil)
{
    struct cr_err err = {0};
    uint8_t *signature = cr_arena_alloc(&s->arena, RSP_SIGNATURE);
    MUST(signature);
    MUST_OK(pki_key_sign(key, parts, count, signature, &err));
    signature[40] ^= spoil ? 0x01 : 0;
    return cr_span_of(signature, RSP_SIGNATURE);
}

static cr_span spoiled(struct fake_server *s, cr_span bytes, size_t from_end)
{
    cr_span copy = cr_arena_copy(&s->arena, bytes);
    MUST(copy.p);
    uint8_t *p = cr_arena_alloc(&s->arena, bytes.n);
    MUST(p);
    memcpy(p, copy.p, copy.n);
    p[copy.n - from_end] ^= 0x01;
    return cr_span_of(p, copy.n);
}

static cr_span signature_tlv(struct fake_server *s, cr_span signature)
{
    uint8_t *tlv = cr_arena_alloc(&s->arena, 3 + RSP_SIGNATURE);
    MUST(tlv && signature.n == RSP_SIGNATURE);
    tlv[0] = 0x5F;
    tlv[1] = 0x37;
    tlv[2] = RSP_SIGNATURE;
    memcpy(tlv + 3, signature.p, RSP_SIGNATURE);
    return cr_span_of(tlv, 3 + RSP_SIGNATURE);
}

static const uint8_t garbage[] = {0x30, 0x03, 0x02, 0x01, 0x05};

/* ---- authentication ----------------------------------------------------------------------------
 */

cr_span fake_authenticate(struct fake_server *s, struct bed *bed)
{
    static const uint8_t no_key[20] = {1, 2, 3};
    static const uint8_t tac[] = {0x53, 0x61, 0x33, 0x01};
    struct cr_err err = {0};
    struct rsp_authenticate_server_request request = {0};
    struct rsp_server_signed1 *signed1 = &request.server_signed1;
    cr_span out;
    s->challenge = cr_arena_copy(&s->arena, bed_challenge(bed));
    MUST_OK(cr_random(cr_env_system(), s->transaction_id, sizeof(s->transaction_id), &err));
    MUST_OK(cr_random(cr_env_system(), s->own_challenge, sizeof(s->own_challenge), &err));
    *signed1 = (struct rsp_server_signed1){.transaction_id = CR_SPAN_ARRAY(s->transaction_id),
                                           .euicc_challenge = s->broken == FAKE_CHALLENGE
                                                                  ? CR_SPAN_ARRAY(s->own_challenge)
                                                                  : s->challenge,
                                           .server_address = s->address,
                                           .server_challenge = CR_SPAN_ARRAY(s->own_challenge)};
    MUST_OK(asn1_encode_arena(&rsp_server_signed1_type, signed1, ASN1_ENCODE_V2, &s->arena,
                              &signed1->raw, &err));
    bool by_pb = s->broken == FAKE_SIGNATURE1_BY_PB || s->broken == FAKE_CERT_ROLE;
    request.server_signature1 =
        sign(s, by_pb ? s->pb_key : s->auth_key, &signed1->raw, 1, s->broken == FAKE_SIGNATURE1);
    if (s->broken == FAKE_SIGNED1_CHANGED) {
        signed1->raw = spoiled(s, signed1->raw, 1);
    }
    request.euicc_ci_pkid_to_be_used = s->ci_pkid.p ? s->ci_pkid : s->ci.ski;
    if (s->broken == FAKE_CI_PKID) {
        request.euicc_ci_pkid_to_be_used = CR_SPAN_ARRAY(no_key);
    }
    request.server_certificate = s->auth.raw;
    if (s->broken == FAKE_CERT_GARBAGE) {
        request.server_certificate = CR_SPAN_ARRAY(garbage);
    } else if (s->broken == FAKE_CERT_ROLE) {
        request.server_certificate = s->pb.raw;
    } else if (s->broken == FAKE_CERT_SIGNATURE) {
        request.server_certificate = spoiled(s, s->auth.raw, 1);
    }
    request.ctx_params1.which = RSP_CTX_COMMON_AUTHENTICATION;
    request.ctx_params1.common_authentication.operation_type = RSP_OPERATION_PROFILE_DOWNLOAD;
    request.ctx_params1.common_authentication.matching_id = cr_span_str("MATCHING-ID");
    request.ctx_params1.common_authentication.device_info.tac = CR_SPAN_ARRAY(tac);
    MUST_OK(asn1_encode_arena(&rsp_authenticate_server_request_type, &request, ASN1_ENCODE_V2,
                              &s->arena, &out, &err));
    return out;
}

static struct crypto_public *euicc_key(struct fake_server *s, cr_span euicc_cert, cr_span eum_cert)
{
    struct cr_err err = {0};
    struct pki_cert chain[2];
    struct pki_trust *trust = pki_trust_new();
    struct crypto_public *key = NULL;
    struct pki_expect expect = {.role = PKI_ROLE_EUICC,
                                .now_ms = cr_now_ms(cr_env_system()),
                                .ci_key_id = s->ci_pkid.p ? s->ci_pkid : s->ci.ski};
    MUST(trust);
    MUST_OK(pki_hierarchy_trust(bed_pki(), trust, &err));
    MUST_OK(pki_cert_decode(euicc_cert, &chain[0], &err));
    MUST_OK(pki_cert_decode(eum_cert, &chain[1], &err));
    MUST_OK(pki_chain_verify(trust, chain, 2, &expect, NULL, &key, &err));
    pki_trust_free(trust);
    return key;
}

int64_t fake_try_authenticate(struct fake_server *s, struct bed *bed)
{
    struct cr_err err = {0};
    struct rsp_authenticate_server_response response;
    uint16_t sw = bed_store(bed, fake_authenticate(s, bed));
    assert_int_equal(sw & 0xFE00, 0x9000);
    cr_span copy = cr_arena_copy(&s->arena, cr_buf_span(&bed->out));
    MUST_OK(
        asn1_decode(&rsp_authenticate_server_response_type, copy, 0, &s->arena, &response, &err));
    if (response.which == RSP_AUTHENTICATE_RESPONSE_ERROR) {
        assert_true(cr_span_equal(response.error.transaction_id, CR_SPAN_ARRAY(s->transaction_id)));
        return response.error.authenticate_error_code;
    }
    const struct rsp_euicc_signed1 *signed1 = &response.ok.euicc_signed1;
    struct crypto_public *key =
        euicc_key(s, response.ok.euicc_certificate, response.ok.next_cert_in_chain);
    assert_int_equal(crypto_verify(key, &signed1->raw, 1, response.ok.euicc_signature1, NULL),
                     CR_OK);
    crypto_public_free(key);
    assert_true(cr_span_equal(signed1->transaction_id, CR_SPAN_ARRAY(s->transaction_id)));
    assert_true(cr_span_equal(signed1->server_challenge, CR_SPAN_ARRAY(s->own_challenge)));
    assert_true(cr_span_equal(signed1->server_address, s->address));
    assert_true(cr_span_equal(signed1->ctx_params1.common_authentication.matching_id,
                              cr_span_str("MATCHING-ID")));
    assert_true(signed1->euicc_info2.uicc_capability & RSP_UICC_USIM);
    s->euicc_signature1 = response.ok.euicc_signature1;
    return 0;
}

void fake_run_authenticate(struct fake_server *s, struct bed *bed)
{
    assert_int_equal(fake_try_authenticate(s, bed), 0);
}

/* ---- preparation -------------------------------------------------------------------------------
 */

cr_span fake_prepare(struct fake_server *s)
{
    struct cr_err err = {0};
    struct rsp_prepare_download_request request = {0};
    struct rsp_smdp_signed2 *signed2 = &request.smdp_signed2;
    cr_span out;
    *signed2 = (struct rsp_smdp_signed2){.transaction_id = s->broken == FAKE_SIGNED2_TID
                                                               ? CR_SPAN_ARRAY(s->own_challenge)
                                                               : CR_SPAN_ARRAY(s->transaction_id),
                                         .cc_required_flag = s->confirmation_code,
                                         .bpp_euicc_otpk = s->bpp_euicc_otpk};
    MUST_OK(asn1_encode_arena(&rsp_smdp_signed2_type, signed2, ASN1_ENCODE_V2, &s->arena,
                              &signed2->raw, &err));
    const cr_span parts[] = {signed2->raw, signature_tlv(s, s->euicc_signature1)};
    request.smdp_signature2 =
        sign(s, s->broken == FAKE_PB_ROLE ? s->auth_key : s->pb_key, parts,
             s->broken == FAKE_SIGNATURE2_ALONE ? 1 : 2, s->broken == FAKE_SIGNATURE2);
    request.hash_cc = s->hash_cc;
    request.smdp_certificate = s->broken == FAKE_PB_ROLE      ? s->auth.raw
                               : s->broken == FAKE_PB_GARBAGE ? CR_SPAN_ARRAY(garbage)
                                                              : s->pb.raw;
    s->smdp_signature2 = request.smdp_signature2;
    MUST_OK(asn1_encode_arena(&rsp_prepare_download_request_type, &request, ASN1_ENCODE_V2,
                              &s->arena, &out, &err));
    return out;
}

int64_t fake_try_prepare(struct fake_server *s, struct bed *bed)
{
    struct cr_err err = {0};
    struct rsp_prepare_download_response response;
    uint16_t sw = bed_store(bed, fake_prepare(s));
    assert_int_equal(sw & 0xFE00, 0x9000);
    cr_span copy = cr_arena_copy(&s->arena, cr_buf_span(&bed->out));
    MUST_OK(asn1_decode(&rsp_prepare_download_response_type, copy, 0, &s->arena, &response, &err));
    if (response.which == RSP_PREPARE_DOWNLOAD_ERROR) {
        return response.error.download_error_code;
    }
    const struct euicc_ci *ci = euicc_ci_of(bed->euicc, s->ci_pkid.p ? s->ci_pkid : s->ci.ski);
    MUST(ci);
    struct crypto_public *key = euicc_key(s, ci->euicc_cert, ci->eum_cert);
    const cr_span parts[] = {response.ok.euicc_signed2.raw, signature_tlv(s, s->smdp_signature2)};
    assert_int_equal(crypto_verify(key, parts, 2, response.ok.euicc_signature2, NULL), CR_OK);
    crypto_public_free(key);
    assert_true(
        cr_span_equal(response.ok.euicc_signed2.transaction_id, CR_SPAN_ARRAY(s->transaction_id)));
    assert_true(cr_span_equal(response.ok.euicc_signed2.hash_cc, s->hash_cc));
    crypto_public_free(s->otpk_euicc);
    MUST_OK(
        crypto_public_new(s->curve, response.ok.euicc_signed2.euicc_otpk, &s->otpk_euicc, &err));
    return 0;
}

void fake_run_prepare(struct fake_server *s, struct bed *bed)
{
    assert_int_equal(fake_try_prepare(s, bed), 0);
}

/* ---- binding -----------------------------------------------------------------------------------
 */

static struct profile_binding binding_of(struct fake_server *s)
{
    struct cr_err err = {0};
    if (!s->otsk) {
        MUST_OK(crypto_private_generate(s->curve, &s->otsk, &err));
    }
    return (struct profile_binding){.transaction_id = CR_SPAN_ARRAY(s->transaction_id),
                                    .host_id = CR_SPAN_ARRAY(s->host_id),
                                    .eid = CR_SPAN_ARRAY(s->eid),
                                    .otsk = s->otsk,
                                    .otpk_euicc = s->otpk_euicc,
                                    .signer = s->pb_key,
                                    .configure_isdp = s->configure,
                                    .upp = s->upp};
}

static cr_span metadata_of(struct fake_server *s)
{
    struct cr_err err = {0};
    cr_span out;
    if (s->metadata_tlv.p) {
        return s->metadata_tlv;
    }
    MUST_OK(asn1_encode_arena(&rsp_store_metadata_type, &s->metadata, ASN1_ENCODE_V2, &s->arena,
                              &out, &err));
    return out;
}

void fake_bind(struct fake_server *s, cr_span euicc_otpk)
{
    struct cr_err err = {0};
    struct profile_ppp ppp = {0};
    if (euicc_otpk.p) {
        crypto_public_free(s->otpk_euicc);
        MUST_OK(crypto_public_new(s->curve, euicc_otpk, &s->otpk_euicc, &err));
    }
    struct profile_binding binding = binding_of(s);
    binding.store_metadata = metadata_of(s);
    if (s->body.n == 0) {
        if (s->random_keys) {
            MUST_OK(profile_protect(s->upp, cr_env_system(), &ppp, &err));
            binding.ppp = &ppp;
        }
        MUST_OK(profile_bind_body(&binding, &s->body, &err));
        cr_buf_free(&ppp.segments);
    }
    cr_buf_reset(&s->bpp);
    MUST_OK(profile_bind(&binding, cr_buf_span(&s->body), &s->bpp, &err));
}

void fake_rebind(struct fake_server *s)
{
    struct cr_err err = {0};
    struct profile_binding binding = binding_of(s);
    uint8_t point[CRYPTO_POINT];
    const uint8_t key_type = s->broken == FAKE_CHANNEL_KEY_TYPE ? 0x80 : 0x88;
    const uint8_t key_len = s->broken == FAKE_CHANNEL_KEY_LENGTH ? 0x20 : 0x10;
    cr_buf covered = {0};
    crypto_private_point(binding.otsk, point);
    if (s->broken == FAKE_CHANNEL_POINT) {
        point[20] ^= 0x55;
    }
    struct rsp_initialise_secure_channel channel = {
        .remote_op_id = s->broken == FAKE_CHANNEL_OPERATION ? 2 : RSP_REMOTE_OP_INSTALL_BPP,
        .transaction_id = s->broken == FAKE_CHANNEL_TID ? CR_SPAN_ARRAY(s->own_challenge)
                                                        : CR_SPAN_ARRAY(s->transaction_id),
        .control_ref_template = {.key_type = cr_span_of(&key_type, 1),
                                 .key_len = cr_span_of(&key_len, 1),
                                 .host_id = CR_SPAN_ARRAY(s->host_id)},
        .smdp_otpk = CR_SPAN_ARRAY(point)};
    if (s->broken == FAKE_CHANNEL_WHOLE) {
        const uint8_t header[] = {0xBF, 0x23, 0x81, 0xA0};
        cr_buf_append_span(&covered, CR_SPAN_ARRAY(header));
    }
    MUST_OK(rsp_initialise_secure_channel_signed(&channel, crypto_public_point(s->otpk_euicc),
                                                 &covered, &err));
    cr_span data = cr_buf_span(&covered);
    channel.smdp_sign = sign(s, s->pb_key, &data, 1, s->broken == FAKE_CHANNEL_SIGNATURE);
    cr_buf_reset(&s->bpp);
    size_t mark = der_open(&s->bpp, 0xBF36);
    MUST_OK(asn1_encode(&rsp_initialise_secure_channel_type, &channel, 0, &s->bpp, &err));
    cr_buf_append_span(&s->bpp, cr_buf_span(&s->body));
    der_close(&s->bpp, mark);
    cr_buf_free(&covered);
}

cr_span fake_keys(struct fake_server *s)
{
    struct cr_err err = {0};
    uint8_t key[BSP_KEY];
    cr_span out;
    memset(key, FAKE_PPK, sizeof(key));
    struct rsp_replace_session_keys keys = {.initial_mac_chaining_value = CR_SPAN_ARRAY(key),
                                            .ppk_enc = CR_SPAN_ARRAY(key),
                                            .ppk_cmac = CR_SPAN_ARRAY(key)};
    MUST_OK(asn1_encode_arena(&rsp_replace_session_keys_type, &keys, 0, &s->arena, &out, &err));
    return out;
}

static void put_list(struct fake_server *s, struct bsp *bsp, uint32_t tag, uint8_t item,
                     cr_span plain, size_t cut)
{
    struct cr_err err = {0};
    size_t mark = der_open(&s->body, tag);
    size_t most = cut ? cut : 1007;
    for (size_t at = 0; at < plain.n; at += most) {
        MUST_OK(bsp_protect(bsp, item, cr_span_sub(plain, at, most), &s->body, &err));
    }
    der_close(&s->body, mark);
}

/* One 86 whose last block is FF: encrypted and signed by hand. */
static void put_unpadded(struct fake_server *s, const struct bsp_keys *keys)
{
    struct cr_err err = {0};
    uint8_t icv[CRYPTO_AES_BLOCK] = {0};
    uint8_t data[32];
    uint8_t mac[16];
    uint8_t tlv[2 + sizeof(data)] = {0x86, sizeof(data) + 8};
    cr_span enc = CR_SPAN_ARRAY(keys->s_enc);
    memset(data, 0xFF, sizeof(data));
    icv[15] = 1; /* the counter begins anew behind ReplaceSessionKeys */
    MUST_OK(crypto_aes_block(enc, icv, icv, &err));
    MUST_OK(crypto_aes_cbc(true, enc, icv, data, sizeof(data), tlv + 2, &err));
    const cr_span parts[] = {CR_SPAN_ARRAY(keys->mcv), CR_SPAN_ARRAY(tlv)};
    MUST_OK(crypto_cmac(CR_SPAN_ARRAY(keys->s_mac), parts, 2, mac, &err));
    size_t mark = der_open(&s->body, 0xA3);
    cr_buf_append_span(&s->body, CR_SPAN_ARRAY(tlv));
    cr_buf_append(&s->body, mac, 8);
    der_close(&s->body, mark);
}

void fake_bind_plan(struct fake_server *s, const struct fake_plan *plan)
{
    static const uint8_t empty[] = {0xBF, 0x24, 0x00};
    struct cr_err err = {0};
    uint8_t z[CRYPTO_SCALAR];
    struct bsp_keys keys;
    struct bsp *bsp = NULL;
    struct profile_binding binding = binding_of(s);
    MUST_OK(crypto_ecka(binding.otsk, s->otpk_euicc, z, &err));
    MUST_OK(bsp_derive(CR_SPAN_ARRAY(z), BSP_KEY_TYPE_AES, BSP_KEY_LENGTH, binding.host_id,
                       binding.eid, &keys, &err));
    MUST_OK(bsp_new(&keys, &bsp, &err));
    cr_buf_reset(&s->body);
    put_list(s, bsp, 0xA0, 0x87, plan->configure.p ? plan->configure : CR_SPAN_ARRAY(empty),
             plan->configure_cut);
    put_list(s, bsp, 0xA1, 0x88, plan->metadata.p ? plan->metadata : metadata_of(s),
             plan->metadata_cut);
    if (plan->keys.p) {
        put_list(s, bsp, 0xA2, 0x87, plan->keys, plan->keys_cut);
        memset(&keys, FAKE_PPK, sizeof(keys));
        MUST_OK(bsp_replace_keys(bsp, &keys, &err));
    }
    if (plan->bad_padding) {
        put_unpadded(s, &keys);
    } else {
        put_list(s, bsp, 0xA3, 0x86, plan->upp.p ? plan->upp : s->upp, plan->upp_cut);
    }
    bsp_free(bsp);
    fake_rebind(s);
}

/* ---- loading -----------------------------------------------------------------------------------
 */

void fake_verify_result(struct bed *bed, const struct rsp_profile_installation_result *result)
{
    struct cr_err err = {0};
    bool verified = false;
    for (size_t i = 0; i < bed->euicc->ci_count; i++) {
        struct pki_cert cert;
        struct crypto_public *key = NULL;
        MUST_OK(pki_cert_decode(bed->euicc->cis[i].euicc_cert, &cert, &err));
        MUST_OK(crypto_public_new(cert.curve, cert.point, &key, &err));
        verified = verified ||
                   crypto_verify(key, &result->data.raw, 1, result->euicc_sign_pir, NULL) == CR_OK;
        crypto_public_free(key);
    }
    assert_true(verified);
    const struct rsp_final_result *final = &result->data.final_result;
    if (final->which == RSP_INSTALL_FAILURE) {
        assert_true(rsp_install_error_allowed(final->error_result.bpp_command_id,
                                              final->error_result.error_reason));
    }
}

void fake_verify_notification(const struct rsp_pending_notification *pending)
{
    struct cr_err err = {0};
    struct pki_cert cert;
    struct crypto_public *key = NULL;
    const struct rsp_other_signed_notification *n = &pending->other_signed_notification;
    assert_int_equal(pending->which, RSP_PENDING_OTHER_SIGNED_NOTIFICATION);
    MUST_OK(pki_cert_decode(n->euicc_certificate, &cert, &err));
    MUST_OK(crypto_public_new(cert.curve, cert.point, &key, &err));
    assert_int_equal(crypto_verify(key, &n->tbs_other_notification.raw, 1,
                                   n->euicc_notification_signature, NULL),
                     CR_OK);
    crypto_public_free(key);
}

struct rsp_profile_installation_result fake_load(struct fake_server *s, struct bed *bed,
                                                 uint16_t *sw)
{
    struct cr_err err = {0};
    struct rsp_profile_installation_result result = {0};
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    uint16_t last = 0x9000;
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&s->bpp), &err));
    while (rsp_segmenter_next(&segmenter, &segment)) {
        last = bed_store(bed, segment.bytes);
        if (last != 0x9000 && last >> 8 != 0x91) {
            break;
        }
        if (bed->out.n) {
            cr_span copy = cr_arena_copy(&s->arena, cr_buf_span(&bed->out));
            MUST_OK(asn1_decode(&rsp_profile_installation_result_type, copy, 0, &s->arena, &result,
                                &err));
            fake_verify_result(bed, &result);
            assert_true(
                cr_span_equal(result.data.transaction_id, CR_SPAN_ARRAY(s->transaction_id)));
            break;
        }
    }
    if (sw) {
        *sw = last;
    }
    return result;
}

struct rsp_profile_installation_result fake_download(struct fake_server *s, struct bed *bed)
{
    fake_run_authenticate(s, bed);
    fake_run_prepare(s, bed);
    cr_buf_reset(&s->body);
    fake_bind(s, (cr_span){0});
    return fake_load(s, bed, NULL);
}

void fake_install(struct fake_server *s, struct bed *bed)
{
    ASSERT_INSTALLED(fake_download(s, bed));
}

const char *fake_result_text(const struct rsp_profile_installation_result *result)
{
    static char text[512];
    cr_arena arena = {0};
    cr_buf sima = {0};
    rsp_euicc_response_list responses = {0};
    const struct rsp_final_result *final = &result->data.final_result;
    cr_span response = final->which == RSP_INSTALL_SUCCESS   ? final->success_result.sima_response
                       : final->which == RSP_INSTALL_FAILURE ? final->error_result.sima_response
                                                             : (cr_span){0};
    if (response.p && rsp_sima_response_decode(response, &arena, &responses, NULL) == CR_OK) {
        rsp_sima_response_text(&responses, &sima);
    }
    const char *elements = response.p ? cr_buf_cstr(&sima) : "";
    if (final->which == RSP_INSTALL_FAILURE) {
        (void)snprintf(text, sizeof(text), "command %d, reason %d, %s",
                       (int) final->error_result.bpp_command_id,
                       (int) final->error_result.error_reason, elements);
    } else {
        (void)snprintf(text, sizeof(text), "%s, %s",
                       final->which == RSP_INSTALL_SUCCESS ? "installed" : "no result", elements);
    }
    cr_buf_free(&sima);
    cr_arena_free(&arena);
    return text;
}
