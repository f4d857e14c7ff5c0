#include "fake_chip.h"

#include "base/text.h"
#include "rsp/segment.h"

#include <string.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct cr_err err = {0};                                                                   \
        if ((call) != CR_OK) {                                                                     \
            fail_msg("%s: %s", #call, err.cause);                                                  \
        }                                                                                          \
    } while (0)

static const uint8_t SVN[] = {2, 5, 0};

void fake_chip_make(struct fake_chip *chip, const char *pki, enum crypto_curve curve,
                    const char *eid, const char *host)
{
    *chip = (struct fake_chip){.curve = curve, .host = cr_span_str(host)};
    (void)cr_str_copy(chip->eid_text, sizeof(chip->eid_text), cr_span_str(eid));
    OK(rsp_eid_parse(cr_span_str(eid), chip->eid, &err));
    OK(pki_issue_euicc(pki, curve, eid, cr_env_system(), &chip->certificate, &chip->eum, &chip->key,
                       &err));
    struct pki_cert eum;
    OK(pki_cert_decode(cr_buf_span(&chip->eum), &eum, &err));
    assert_int_equal(eum.aki.n, sizeof(chip->ci));
    memcpy(chip->ci, eum.aki.p, sizeof(chip->ci));
    fake_new_session(chip);
}

void fake_chip_free(struct fake_chip *chip)
{
    cr_buf_free(&chip->certificate);
    cr_buf_free(&chip->eum);
    crypto_private_free(chip->key);
    crypto_private_free(chip->otsk);
}

void fake_new_session(struct fake_chip *chip)
{
    OK(cr_random(cr_env_system(), chip->challenge, sizeof(chip->challenge), &err));
    chip->transaction_id_size = 0;
}

/* Encodes and decodes: what a binding makes of it. */
static void *through_wire(const struct asn1_type *type, const void *value, cr_arena *arena)
{
    cr_span tlv;
    void *out = cr_arena_alloc(arena, type->size);
    assert_non_null(out);
    OK(asn1_encode_arena(type, value, 0, arena, &tlv, &err));
    OK(asn1_decode(type, tlv, ASN1_DECODE_BER_LENGTHS, arena, out, &err));
    return out;
}

static cr_span encode(const struct asn1_type *type, const void *value, cr_arena *arena)
{
    cr_span tlv;
    OK(asn1_encode_arena(type, value, 0, arena, &tlv, &err));
    return tlv;
}

static cr_span sign(const struct crypto_private *key, const cr_span *parts, size_t count, bool bad,
                    cr_arena *arena)
{
    uint8_t *signature = cr_arena_alloc(arena, RSP_SIGNATURE);
    assert_non_null(signature);
    OK(crypto_sign(key, parts, count, signature, &err));
    signature[RSP_SIGNATURE - 1] ^= bad ? 1 : 0;
    return cr_span_of(signature, RSP_SIGNATURE);
}

static void verify(cr_span cert_der, const cr_span *parts, size_t count, cr_span signature)
{
    struct pki_cert cert;
    struct crypto_public *key;
    OK(pki_cert_decode(cert_der, &cert, &err));
    OK(crypto_public_new(cert.curve, cert.point, &key, &err));
    OK(crypto_verify(key, parts, count, signature, &err));
    crypto_public_free(key);
}

static void believe(struct pki_trust *trust, cr_span cert_der, enum pki_role role, cr_span ci)
{
    struct pki_cert cert;
    struct pki_expect expect = {.role = role, .ci_key_id = ci};
    OK(pki_cert_decode(cert_der, &cert, &err));
    OK(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, &err));
}

static cr_span signature_tlv(cr_span signature, cr_arena *arena)
{
    cr_buf out = {0};
    der_put(&out, 0x5F37, signature);
    cr_span copy = cr_arena_copy(arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return copy;
}

static cr_span own_id(const struct fake_chip *chip)
{
    return cr_span_of(chip->transaction_id, chip->transaction_id_size);
}

static cr_span pick(cr_span knob, cr_span otherwise)
{
    return knob.p ? knob : otherwise;
}

/* ---- InitiateAuthentication ---- */

static void ci_list(rsp_span_list *list, const cr_span *knob, size_t count, cr_span own,
                    cr_arena *arena)
{
    list->present = true;
    list->count = knob ? count : 1;
    list->items = cr_arena_alloc_array(arena, list->count, sizeof(cr_span));
    assert_non_null(list->items);
    for (size_t i = 0; i < list->count; i++) {
        list->items[i] = knob ? knob[i] : own;
    }
}

struct rsp_initiate_authentication_request *
fake_initiate(struct fake_chip *chip, const struct fake_knobs *knobs, cr_arena *arena)
{
    cr_span own = CR_SPAN_ARRAY(chip->ci);
    struct rsp_initiate_authentication_request r = {
        .euicc_challenge = CR_SPAN_ARRAY(chip->challenge),
        .smdp_address = knobs->address ? cr_span_str(knobs->address) : chip->host,
        .euicc_info1 = {.lowest_svn = cr_span_of(knobs->svn ? knobs->svn : SVN, 3)},
    };
    if (knobs->highest_svn) {
        r.euicc_info1.highest_svn = cr_span_of(knobs->highest_svn, 3);
    }
    ci_list(&r.euicc_info1.euicc_ci_pkid_list_for_verification, knobs->verification,
            knobs->verification_count, own, arena);
    ci_list(&r.euicc_info1.euicc_ci_pkid_list_for_signing, knobs->signing, knobs->signing_count,
            own, arena);
    return through_wire(&rsp_initiate_authentication_request_type, &r, arena);
}

void fake_take_initiate(struct fake_chip *chip, struct pki_trust *trust,
                        const struct rsp_initiate_authentication_response *answer)
{
    struct rsp_server_signed1 s;
    cr_arena arena = {0};
    assert_int_equal(answer->which, RSP_INITIATE_AUTHENTICATION_OK);
    OK(asn1_decode(&rsp_server_signed1_type, answer->ok.server_signed1.raw, 0, &arena, &s, &err));
    believe(trust, answer->ok.server_certificate, PKI_ROLE_DP_AUTH, CR_SPAN_ARRAY(chip->ci));
    verify(answer->ok.server_certificate, &s.raw, 1, answer->ok.server_signature1);
    assert_true(cr_span_equal(s.euicc_challenge, CR_SPAN_ARRAY(chip->challenge)));
    assert_true(cr_span_equal(s.transaction_id, answer->ok.transaction_id));
    assert_true(cr_span_equal(answer->ok.euicc_ci_pkid_to_be_used, CR_SPAN_ARRAY(chip->ci)));
    assert_true(s.transaction_id.n <= sizeof(chip->transaction_id));
    assert_int_equal(s.server_challenge.n, RSP_CHALLENGE);
    memcpy(chip->transaction_id, s.transaction_id.p, s.transaction_id.n);
    chip->transaction_id_size = s.transaction_id.n;
    memcpy(chip->server_challenge, s.server_challenge.p, RSP_CHALLENGE);
    cr_arena_free(&arena);
}

/* ---- AuthenticateClient ---- */

static void fill_info2(const struct fake_chip *chip, const struct fake_knobs *knobs,
                       struct rsp_euicc_info2 *info, cr_arena *arena)
{
    static const uint8_t package_2[] = {2, 3, 1};
    static const uint8_t firmware[] = {1, 0, 0};
    uint8_t *package = cr_arena_alloc(arena, 3);
    cr_buf resource = {0};
    struct rsp_ext_card_resource free_space = {
        .installed_applications = 1, .free_non_volatile = 1000000, .free_volatile = 10000};
    assert_non_null(package);
    memcpy(package, package_2, 3);
    package[0] = knobs->package_major ? knobs->package_major : package[0];
    if (knobs->free_memory) {
        free_space.free_non_volatile = knobs->free_memory < 0 ? 0 : (uint64_t)knobs->free_memory;
    }
    rsp_ext_card_resource_build(&free_space, &resource);
    *info = (struct rsp_euicc_info2){
        .base_profile_package_version = cr_span_of(package, 3),
        .lowest_svn = cr_span_of(knobs->svn2  ? knobs->svn2
                                 : knobs->svn ? knobs->svn
                                              : SVN,
                                 3),
        .euicc_firmware_version = CR_SPAN_ARRAY(firmware),
        .ext_card_resource = cr_arena_copy(arena, cr_buf_span(&resource)),
        .uicc_capability = RSP_UICC_USIM | RSP_UICC_MILENAGE,
        .euicc_rsp_capability = knobs->has_capability
                                    ? knobs->capability
                                    : RSP_EUICC_ADDITIONAL_PROFILE | RSP_EUICC_TEST_PROFILE,
        .has_forbidden_profile_policy_rules = knobs->forbidden != 0,
        .forbidden_profile_policy_rules = knobs->forbidden,
        .pp_version = CR_SPAN_ARRAY(firmware),
        .sas_accreditation_number = cr_span_str("TEST-1"),
    };
    cr_buf_free(&resource);
    ci_list(&info->euicc_ci_pkid_list_for_verification, NULL, 0, CR_SPAN_ARRAY(chip->ci), arena);
    ci_list(&info->euicc_ci_pkid_list_for_signing, NULL, 0, CR_SPAN_ARRAY(chip->ci), arena);
}

static void fill_ctx(const struct fake_knobs *knobs, struct rsp_ctx_params1 *ctx)
{
    static const uint8_t tac[] = {0x53, 0x08, 0x00, 0x10};
    static const uint8_t iccid[RSP_ICCID] = {0x98};
    struct rsp_device_info device = {.tac = CR_SPAN_ARRAY(tac)};
    if (knobs->no_ctx) {
        ctx->which = RSP_CTX_DEVICE_CHANGE;
        ctx->device_change =
            (struct rsp_ctx_device_change){.iccid = CR_SPAN_ARRAY(iccid), .device_info = device};
        return;
    }
    ctx->which = RSP_CTX_COMMON_AUTHENTICATION;
    ctx->common_authentication = (struct rsp_ctx_common_authentication){
        .matching_id = cr_span_str(knobs->matching_id),
        .device_info = device,
        .operation_type = RSP_OPERATION_PROFILE_DOWNLOAD,
    };
}

struct rsp_authenticate_client_request *
fake_authenticate(struct fake_chip *chip, const struct fake_knobs *knobs, cr_arena *arena)
{
    struct rsp_authenticate_client_request r = {.transaction_id =
                                                    pick(knobs->outer_id, own_id(chip))};
    struct rsp_authenticate_server_response *answer = &r.authenticate_server_response;
    if (knobs->chip_says) {
        answer->which = RSP_AUTHENTICATE_RESPONSE_ERROR;
        answer->error = (struct rsp_authenticate_response_error){
            .transaction_id = pick(knobs->signed_id, own_id(chip)),
            .authenticate_error_code = knobs->chip_says};
        return through_wire(&rsp_authenticate_client_request_type, &r, arena);
    }
    static const uint8_t zeros[RSP_CHALLENGE];
    struct rsp_authenticate_response_ok *ok = &answer->ok;
    answer->which = RSP_AUTHENTICATE_RESPONSE_OK;
    ok->euicc_signed1 = (struct rsp_euicc_signed1){
        .transaction_id = pick(knobs->signed_id, own_id(chip)),
        .server_address = chip->host,
        .server_challenge =
            knobs->bad_challenge ? CR_SPAN_ARRAY(zeros) : CR_SPAN_ARRAY(chip->server_challenge),
    };
    fill_info2(chip, knobs, &ok->euicc_signed1.euicc_info2, arena);
    fill_ctx(knobs, &ok->euicc_signed1.ctx_params1);
    ok->euicc_signed1.raw = encode(&rsp_euicc_signed1_type, &ok->euicc_signed1, arena);
    ok->euicc_signature1 = sign(knobs->signer ? knobs->signer : chip->key, &ok->euicc_signed1.raw,
                                1, knobs->bad_signature1, arena);
    memcpy(chip->signature1, ok->euicc_signature1.p, RSP_SIGNATURE);
    ok->euicc_certificate = pick(knobs->certificate, cr_buf_span(&chip->certificate));
    ok->next_cert_in_chain = pick(knobs->eum, cr_buf_span(&chip->eum));
    return through_wire(&rsp_authenticate_client_request_type, &r, arena);
}

void fake_take_authenticate(struct fake_chip *chip, struct pki_trust *trust,
                            const struct rsp_authenticate_client_response *answer)
{
    struct rsp_smdp_signed2 s;
    cr_arena arena = {0};
    assert_int_equal(answer->which, RSP_AUTHENTICATE_CLIENT_OK);
    assert_true(cr_span_equal(answer->ok.transaction_id, own_id(chip)));
    OK(asn1_decode(&rsp_smdp_signed2_type, answer->ok.smdp_signed2.raw, 0, &arena, &s, &err));
    believe(trust, answer->ok.smdp_certificate, PKI_ROLE_DP_PB, CR_SPAN_ARRAY(chip->ci));
    const cr_span parts[] = {s.raw, signature_tlv(CR_SPAN_ARRAY(chip->signature1), &arena)};
    verify(answer->ok.smdp_certificate, parts, 2, answer->ok.smdp_signature2);
    assert_true(cr_span_equal(s.transaction_id, own_id(chip)));
    chip->cc_required = s.cc_required_flag;
    chip->has_offered_otpk = s.bpp_euicc_otpk.p != NULL;
    if (chip->has_offered_otpk) {
        assert_int_equal(s.bpp_euicc_otpk.n, RSP_OTPK);
        memcpy(chip->offered_otpk, s.bpp_euicc_otpk.p, RSP_OTPK);
    }
    memcpy(chip->smdp_signature2, answer->ok.smdp_signature2.p, RSP_SIGNATURE);
    cr_arena_free(&arena);
}

/* ---- GetBoundProfilePackage ---- */

static cr_span hash_cc(const struct fake_chip *chip, const struct fake_knobs *knobs,
                       cr_arena *arena)
{
    uint8_t *out = cr_arena_alloc(arena, RSP_HASH);
    uint8_t first[RSP_HASH];
    assert_non_null(out);
    crypto_sha256(cr_span_str(knobs->code ? knobs->code : "nothing"), first);
    const cr_span parts[] = {CR_SPAN_ARRAY(first), own_id(chip)};
    crypto_sha256_parts(parts, 2, out);
    return cr_span_of(out, RSP_HASH);
}

struct rsp_get_bound_profile_package_request *
fake_prepare(struct fake_chip *chip, const struct fake_knobs *knobs, cr_arena *arena)
{
    struct rsp_get_bound_profile_package_request r = {.transaction_id =
                                                          pick(knobs->outer_id, own_id(chip))};
    struct rsp_prepare_download_response *answer = &r.prepare_download_response;
    if (knobs->chip_says) {
        answer->which = RSP_PREPARE_DOWNLOAD_ERROR;
        answer->error = (struct rsp_prepare_download_error){
            .transaction_id = own_id(chip), .download_error_code = knobs->chip_says};
        return through_wire(&rsp_get_bound_profile_package_request_type, &r, arena);
    }
    uint8_t otpk[RSP_OTPK];
    if (chip->otsk && !knobs->fresh_otpk && chip->has_offered_otpk) {
        /* the server offered to go on with the pair that the chip kept */
        crypto_private_point(chip->otsk, otpk);
        assert_memory_equal(otpk, chip->offered_otpk, RSP_OTPK);
    } else {
        crypto_private_free(chip->otsk);
        OK(crypto_private_generate(chip->curve, &chip->otsk, &err));
        crypto_private_point(chip->otsk, otpk);
    }
    otpk[RSP_OTPK - 1] ^= knobs->bad_otpk ? 1 : 0;
    struct rsp_prepare_download_ok *ok = &answer->ok;
    answer->which = RSP_PREPARE_DOWNLOAD_OK;
    ok->euicc_signed2 = (struct rsp_euicc_signed2){
        .transaction_id = pick(knobs->signed_id, own_id(chip)), .euicc_otpk = CR_SPAN_ARRAY(otpk)};
    if (knobs->code || knobs->random_hash) {
        ok->euicc_signed2.hash_cc = hash_cc(chip, knobs, arena);
    }
    ok->euicc_signed2.raw = encode(&rsp_euicc_signed2_type, &ok->euicc_signed2, arena);
    const cr_span parts[] = {ok->euicc_signed2.raw,
                             signature_tlv(CR_SPAN_ARRAY(chip->smdp_signature2), arena)};
    ok->euicc_signature2 =
        sign(knobs->signer ? knobs->signer : chip->key, parts, 2, knobs->bad_signature2, arena);
    return through_wire(&rsp_get_bound_profile_package_request_type, &r, arena);
}

static void open_list(struct bsp *bsp, const rsp_span_list *list, cr_buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        OK(bsp_open(bsp, list->items[i], out, &err));
    }
}

void fake_open_bpp(struct fake_chip *chip, cr_span bpp, cr_span dppb_point, cr_buf *upp,
                   cr_buf *metadata, cr_arena *arena)
{
    struct rsp_bound_profile_package p;
    struct rsp_segmenter segments;
    OK(rsp_segmenter_start(&segments, bpp, &err)); /* as an LPA looks at it */
    OK(asn1_decode(&rsp_bound_profile_package_type, bpp, 0, arena, &p, &err));
    const struct rsp_initialise_secure_channel *channel = &p.initialise_secure_channel;
    uint8_t otpk[RSP_OTPK];
    cr_buf covered = {0};
    struct crypto_public *dp;
    crypto_private_point(chip->otsk, otpk);
    OK(rsp_initialise_secure_channel_signed(channel, CR_SPAN_ARRAY(otpk), &covered, &err));
    OK(crypto_public_new(chip->curve, dppb_point, &dp, &err));
    cr_span part = cr_buf_span(&covered);
    OK(crypto_verify(dp, &part, 1, channel->smdp_sign, &err));
    crypto_public_free(dp);
    cr_buf_free(&covered);
    assert_true(cr_span_equal(channel->transaction_id, own_id(chip)));
    assert_int_equal(channel->remote_op_id, RSP_REMOTE_OP_INSTALL_BPP);

    struct crypto_public *peer;
    uint8_t z[CRYPTO_SCALAR];
    struct bsp_keys keys;
    struct bsp *bsp;
    OK(crypto_public_new(chip->curve, channel->smdp_otpk, &peer, &err));
    OK(crypto_ecka(chip->otsk, peer, z, &err));
    OK(bsp_derive(CR_SPAN_ARRAY(z), BSP_KEY_TYPE_AES, BSP_KEY_LENGTH,
                  channel->control_ref_template.host_id, CR_SPAN_ARRAY(chip->eid), &keys, &err));
    OK(bsp_new(&keys, &bsp, &err));
    cr_buf isdp = {0};
    cr_buf replaced = {0};
    open_list(bsp, &p.first_sequence_of_87, &isdp);
    struct rsp_configure_isdp configure;
    OK(asn1_decode(&rsp_configure_isdp_type, cr_buf_span(&isdp), 0, arena, &configure, &err));
    open_list(bsp, &p.sequence_of_88, metadata);
    open_list(bsp, &p.second_sequence_of_87, &replaced);
    struct rsp_replace_session_keys random_keys;
    OK(asn1_decode(&rsp_replace_session_keys_type, cr_buf_span(&replaced), 0, arena, &random_keys,
                   &err));
    memcpy(keys.mcv, random_keys.initial_mac_chaining_value.p, BSP_KEY);
    memcpy(keys.s_enc, random_keys.ppk_enc.p, BSP_KEY);
    memcpy(keys.s_mac, random_keys.ppk_cmac.p, BSP_KEY);
    OK(bsp_replace_keys(bsp, &keys, &err));
    open_list(bsp, &p.sequence_of_86, upp);
    bsp_free(bsp);
    crypto_public_free(peer);
    cr_buf_free(&isdp);
    cr_buf_free(&replaced);
}

/* ---- CancelSession ---- */

struct rsp_cancel_session_request_es9 *fake_cancel(struct fake_chip *chip,
                                                   const struct fake_knobs *knobs, int64_t reason,
                                                   cr_span smdp_oid, cr_arena *arena)
{
    struct rsp_cancel_session_request_es9 r = {.transaction_id =
                                                   pick(knobs->outer_id, own_id(chip))};
    struct rsp_cancel_session_response *answer = &r.cancel_session_response;
    if (knobs->cancel_error) {
        answer->which = RSP_CANCEL_SESSION_ERROR;
        answer->error = RSP_CANCEL_SESSION_INVALID_TRANSACTION_ID;
        return through_wire(&rsp_cancel_session_request_es9_type, &r, arena);
    }
    struct rsp_euicc_cancel_session_signed *s = &answer->ok.euicc_cancel_session_signed;
    answer->which = RSP_CANCEL_SESSION_OK;
    *s = (struct rsp_euicc_cancel_session_signed){
        .transaction_id = pick(knobs->signed_id, own_id(chip)),
        .smdp_oid = pick(knobs->smdp_oid, smdp_oid),
        .reason = reason,
    };
    s->raw = encode(&rsp_euicc_cancel_session_signed_type, s, arena);
    answer->ok.euicc_cancel_session_signature =
        sign(chip->key, &s->raw, 1, knobs->bad_cancel_signature, arena);
    return through_wire(&rsp_cancel_session_request_es9_type, &r, arena);
}

/* ---- notifications ---- */

static cr_span iccid_bytes(const char *iccid, cr_arena *arena)
{
    uint8_t *bytes = cr_arena_alloc(arena, RSP_ICCID);
    assert_non_null(bytes);
    OK(rsp_iccid_parse(cr_span_str(iccid), bytes, &err));
    return cr_span_of(bytes, RSP_ICCID);
}

struct rsp_handle_notification_request *fake_result(struct fake_chip *chip,
                                                    const struct fake_knobs *knobs,
                                                    const char *iccid, int64_t reason,
                                                    cr_span smdp_oid, cr_arena *arena)
{
    static const uint8_t aid[] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0x89, 0,    0,    0x10, 0};
    static const uint8_t sima[] = {0x30, 7, 0xA0, 5, 0x30, 3, 0x80, 1, 0};
    struct rsp_handle_notification_request r = {0};
    struct rsp_profile_installation_result *pir =
        &r.pending_notification.profile_installation_result;
    r.pending_notification.which = RSP_PENDING_PROFILE_INSTALLATION_RESULT;
    pir->data = (struct rsp_profile_installation_result_data){
        .transaction_id = pick(knobs->signed_id, own_id(chip)),
        .notification_metadata = {.seq_number = ++chip->sequence,
                                  .profile_management_operation = RSP_EVENT_INSTALL,
                                  .notification_address = chip->host},
        .smdp_oid = smdp_oid,
    };
    if (!knobs->without_iccid) {
        pir->data.notification_metadata.iccid = iccid_bytes(iccid, arena);
    }
    if (reason == 0) {
        pir->data.final_result.which = RSP_INSTALL_SUCCESS;
        pir->data.final_result.success_result = (struct rsp_install_success){
            .aid = CR_SPAN_ARRAY(aid), .sima_response = CR_SPAN_ARRAY(sima)};
    } else {
        pir->data.final_result.which = RSP_INSTALL_FAILURE;
        pir->data.final_result.error_result = (struct rsp_install_failure){
            .bpp_command_id = 5, .error_reason = reason, .sima_response = CR_SPAN_ARRAY(sima)};
    }
    pir->data.raw = encode(&rsp_profile_installation_result_data_type, &pir->data, arena);
    pir->euicc_sign_pir = sign(chip->key, &pir->data.raw, 1, knobs->bad_result_signature, arena);
    return through_wire(&rsp_handle_notification_request_type, &r, arena);
}

struct rsp_handle_notification_request *fake_notification(struct fake_chip *chip,
                                                          const struct fake_knobs *knobs,
                                                          const char *iccid, uint64_t operation,
                                                          int64_t sequence, cr_arena *arena)
{
    struct rsp_handle_notification_request r = {0};
    struct rsp_other_signed_notification *n = &r.pending_notification.other_signed_notification;
    r.pending_notification.which = RSP_PENDING_OTHER_SIGNED_NOTIFICATION;
    chip->sequence = sequence ? sequence : chip->sequence + 1;
    n->tbs_other_notification =
        (struct rsp_notification_metadata){.seq_number = chip->sequence,
                                           .profile_management_operation = operation,
                                           .notification_address = chip->host,
                                           .iccid = iccid_bytes(iccid, arena)};
    n->tbs_other_notification.raw =
        encode(&rsp_notification_metadata_type, &n->tbs_other_notification, arena);
    n->euicc_notification_signature =
        sign(chip->key, &n->tbs_other_notification.raw, 1, knobs->bad_result_signature, arena);
    n->euicc_certificate = pick(knobs->certificate, cr_buf_span(&chip->certificate));
    n->next_cert_in_chain = pick(knobs->eum, cr_buf_span(&chip->eum));
    return through_wire(&rsp_handle_notification_request_type, &r, arena);
}
