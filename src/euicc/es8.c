/*
 * ES8+ at the chip (SGP.22 5.5, 5.7.6): a Bound Profile Package, segment by segment, into an ISD-P.
 *
 * Each segment is one transaction. The record "work" says in the memory what is under way; whatever
 * ends the work - success, refusal, power cut, cancellation - removes it together with everything
 * that was half done, and success and refusal leave their signed result in the same transaction.
 */
#include "euicc/chip.h"

#include <stdio.h>

/* What an installation came to. */
struct verdict {
    bool ended;
    int64_t reason; /* enum rsp_install_error; 0 = installed */
};

#define CONTINUES ((struct verdict){false, 0})
#define INSTALLED ((struct verdict){true, 0})

static struct verdict refused(enum rsp_install_error reason)
{
    return (struct verdict){true, reason};
}

bool euicc_bpp_tag(uint32_t tag)
{
    switch (tag) {
    case 0xBF36:
    case 0xA0:
    case 0xA1:
    case 0xA2:
    case 0xA3:
    case 0x86:
    case 0x87:
    case 0x88:
        return true;
    default:
        return false;
    }
}

/* ---- the result --------------------------------------------------------------------------------
 */

struct result_facts {
    cr_span transaction_id, server_address, smdp_oid, iccid;
    const struct euicc_ci *ci;
    int64_t command, reason;
    uint16_t isdp;
    cr_span sima_response;
};

/* Signs, stores and appends BF37. */
static cr_status make_result(struct euicc *e, const struct result_facts *f, cr_arena *arena,
                             cr_buf *out, struct cr_err *err)
{
    struct rsp_profile_installation_result result = {0};
    struct rsp_profile_installation_result_data *data = &result.data;
    uint8_t signature[RSP_SIGNATURE];
    uint8_t aid[16];
    cr_span tlv;
    data->transaction_id = f->transaction_id;
    data->notification_metadata.profile_management_operation = RSP_EVENT_INSTALL;
    data->notification_metadata.notification_address = f->server_address;
    data->notification_metadata.iccid = f->iccid;
    data->smdp_oid = f->smdp_oid;
    if (f->reason == 0) {
        data->final_result.which = RSP_INSTALL_SUCCESS;
        data->final_result.success_result.aid = euicc_isdp_aid(f->isdp, aid);
        data->final_result.success_result.sima_response = f->sima_response;
    } else {
        data->final_result.which = RSP_INSTALL_FAILURE;
        data->final_result.error_result.bpp_command_id = f->command;
        data->final_result.error_result.error_reason = f->reason;
        data->final_result.error_result.sima_response =
            f->sima_response.n ? f->sima_response : (cr_span){0};
    }
    CR_TRY(euicc_next_sequence(e, &data->notification_metadata.seq_number, err));
    CR_TRY(asn1_encode_arena(&rsp_profile_installation_result_data_type, data, ASN1_ENCODE_V2,
                             arena, &data->raw, err));
    CR_TRY(euicc_sign(f->ci, &data->raw, 1, signature, err));
    result.euicc_sign_pir = CR_SPAN_ARRAY(signature);
    CR_TRY(asn1_encode_arena(&rsp_profile_installation_result_type, &result, ASN1_ENCODE_V2, arena,
                             &tlv, err));
    CR_TRY(euicc_keep_notification(e, data->notification_metadata.seq_number, tlv, err));
    if (out) {
        cr_buf_append_span(out, tlv);
    }
    return CR_OK;
}

/* Everything half done goes, but for the record of it. */
static cr_status remove_half(struct euicc *e, uint16_t isdp, struct cr_err *err)
{
    char prefix[EUICC_PREFIX];
    CR_TRY(euicc_work_delete(e->nvm, err));
    return isdp ? nvm_delete_prefix(e->nvm, euicc_profile_prefix(isdp, prefix), err) : CR_OK;
}

cr_status euicc_bpp_recover(struct euicc *e, struct cr_err *err)
{
    cr_arena arena = {0};
    struct euicc_work work;
    cr_status status = CR_OK;
    if (euicc_work_get(e->nvm, &arena, &work)) {
        const struct euicc_ci *ci = euicc_ci_of(e, work.ci_key_id);
        struct result_facts facts = {.transaction_id = work.transaction_id,
                                     .server_address = work.server_address,
                                     .smdp_oid = work.smdp_oid,
                                     .iccid = work.iccid,
                                     .ci = ci ? ci : &e->cis[0],
                                     .command = work.command,
                                     .reason = RSP_INSTALL_INTERRUPTION};
        status = remove_half(e, (uint16_t)work.isdp, err);
        if (status == CR_OK) {
            status = make_result(e, &facts, &arena, NULL, err);
        }
    }
    cr_arena_free(&arena);
    return status;
}

cr_status euicc_bpp_abandon(struct euicc *e, struct cr_err *err)
{
    return remove_half(e, e->session.isdp, err);
}

/* Ends the installation: result, notifications, keys, session. */
static uicc_sw finish(struct euicc *e, struct verdict verdict, cr_arena *arena, cr_buf *out)
{
    struct euicc_session *s = &e->session;
    cr_span oid = cr_span_of(s->server_oid, s->server_oid_size);
    struct result_facts facts = {
        .transaction_id = cr_span_of(s->transaction_id, s->transaction_id_size),
        .server_address = cr_span_str(s->server_address),
        .smdp_oid = oid,
        .iccid = s->has_iccid ? CR_SPAN_ARRAY(s->iccid) : (cr_span){0},
        .ci = s->ci,
        .command = s->command,
        .reason = verdict.reason,
        .isdp = s->isdp,
    };
    if (s->installer) {
        facts.sima_response = euicc_installer_response(s->installer);
    }
    cr_status status =
        verdict.reason ? remove_half(e, s->isdp, NULL) : euicc_work_delete(e->nvm, NULL);
    if (status == CR_OK) {
        status = make_result(e, &facts, arena, out, NULL);
    }
    /* A temporary failure keeps the one-time key: the server may send the same package again. */
    if (status == CR_OK && !rsp_install_error_temporary(verdict.reason)) {
        status = euicc_otk_delete(e->nvm, oid, NULL);
    }
    if (status == CR_OK && verdict.reason == 0) {
        struct euicc_profile profile;
        status = euicc_profile_get(e->nvm, s->isdp, arena, &profile)
                     ? euicc_notify(e, &profile, RSP_EVENT_INSTALL, NULL)
                     : CR_INTERNAL;
    }
    euicc_session_drop(e);
    return status == CR_OK ? UICC_SW_OK : UICC_SW_MEMORY;
}

/* ---- InitialiseSecureChannel -------------------------------------------------------------------
 */

static bool transaction_agrees(const struct euicc_session *s, cr_span transaction_id)
{
    return cr_span_equal(transaction_id, cr_span_of(s->transaction_id, s->transaction_id_size));
}

static bool channel_signed(const struct euicc_session *s,
                           const struct rsp_initialise_secure_channel *channel)
{
    uint8_t otpk[CRYPTO_POINT];
    cr_buf bytes = {0};
    crypto_private_point(s->otsk, otpk);
    bool ok =
        rsp_initialise_secure_channel_signed(channel, CR_SPAN_ARRAY(otpk), &bytes, NULL) == CR_OK;
    cr_span data = cr_buf_span(&bytes);
    ok = ok && crypto_verify(s->pb_key, &data, 1, channel->smdp_sign, NULL) == CR_OK;
    cr_buf_free(&bytes);
    return ok;
}

static bool crt_supported(const struct rsp_control_ref_template *crt)
{
    return crt->key_type.n == 1 && crt->key_type.p[0] == BSP_KEY_TYPE_AES && crt->key_len.n == 1 &&
           crt->key_len.p[0] == BSP_KEY_LENGTH && crt->host_id.n >= 1 &&
           crt->host_id.n <= RSP_MAX_HOST_ID;
}

static cr_status derive_keys(struct euicc *e, const struct rsp_initialise_secure_channel *channel,
                             struct cr_err *err)
{
    struct euicc_session *s = &e->session;
    struct crypto_public *peer = NULL;
    struct bsp_keys keys;
    uint8_t z[CRYPTO_SCALAR];
    CR_TRY(crypto_public_new(crypto_private_curve(s->otsk), channel->smdp_otpk, &peer, err));
    cr_status status = crypto_ecka(s->otsk, peer, z, err);
    if (status == CR_OK) {
        status = bsp_derive(CR_SPAN_ARRAY(z), BSP_KEY_TYPE_AES, BSP_KEY_LENGTH,
                            channel->control_ref_template.host_id, e->config.eid, &keys, err);
    }
    if (status == CR_OK) {
        status = bsp_new(&keys, &s->bsp, err);
    }
    cr_wipe(z, sizeof(z));
    cr_wipe(&keys, sizeof(keys));
    crypto_public_free(peer);
    return status;
}

/* The record of the work goes into the memory with the first segment, and follows what is done. */
static cr_status record_work(struct euicc *e, struct cr_err *err)
{
    struct euicc_session *s = &e->session;
    struct euicc_work work = {
        .transaction_id = cr_span_of(s->transaction_id, s->transaction_id_size),
        .server_address = cr_span_str(s->server_address),
        .smdp_oid = cr_span_of(s->server_oid, s->server_oid_size),
        .ci_key_id = s->ci->key_id,
        .isdp = s->isdp,
        .command = s->command,
        .iccid = s->has_iccid ? CR_SPAN_ARRAY(s->iccid) : (cr_span){0},
    };
    return euicc_work_put(e->nvm, &work, err);
}

static struct verdict initialise_channel(struct euicc *e, cr_arena *arena, cr_span tlv)
{
    struct euicc_session *s = &e->session;
    struct rsp_initialise_secure_channel channel;
    s->command = RSP_BPP_INITIALISE_SECURE_CHANNEL;
    if (asn1_decode(&rsp_initialise_secure_channel_type, tlv, ASN1_DECODE_BER_LENGTHS, arena,
                    &channel, NULL) != CR_OK) {
        return refused(RSP_INSTALL_INCORRECT_INPUT_VALUES);
    }
    if (!channel_signed(s, &channel)) {
        return refused(RSP_INSTALL_INVALID_SIGNATURE);
    }
    if (!transaction_agrees(s, channel.transaction_id)) {
        return refused(RSP_INSTALL_INVALID_TRANSACTION_ID);
    }
    if (!crt_supported(&channel.control_ref_template)) {
        return refused(RSP_INSTALL_UNSUPPORTED_CRT_VALUES);
    }
    if (channel.remote_op_id != RSP_REMOTE_OP_INSTALL_BPP) {
        return refused(RSP_INSTALL_UNSUPPORTED_REMOTE_OPERATION_TYPE);
    }
    if (derive_keys(e, &channel, NULL) != CR_OK) {
        return refused(RSP_INSTALL_INCORRECT_INPUT_VALUES);
    }
    return CONTINUES;
}

/* First segment: header of BF36 and BF23. */
static struct verdict first_segment(struct euicc *e, cr_arena *arena, cr_span segment)
{
    struct euicc_session *s = &e->session;
    uint32_t tag;
    size_t header;
    size_t length;
    s->command = RSP_BPP_INITIALISE_SECURE_CHANNEL;
    s->state = EUICC_INSTALLING;
    if (der_header(segment, DER_BER_LENGTHS, &tag, &header, &length, NULL) != CR_OK) {
        return refused(RSP_INSTALL_INCORRECT_INPUT_VALUES);
    }
    cr_span body = cr_span_sub(segment, header, segment.n);
    if (body.n > length) {
        return refused(RSP_INSTALL_INCORRECT_INPUT_VALUES);
    }
    s->bpp_left = length - body.n;
    s->part = EUICC_BPP_CONFIGURE;
    return initialise_channel(e, arena, body);
}

/* ---- protected data ----------------------------------------------------------------------------
 */

/* Opens one protected TLV with this tag, appends its data. 0 = fine, else the reason. */
static int64_t open_tlv(struct euicc_session *s, cr_span tlv, uint32_t tag, cr_buf *out)
{
    if (der_peek(tlv) != tag) {
        return RSP_INSTALL_BSP_STRUCTURE_ERROR;
    }
    switch (bsp_open(s->bsp, tlv, out, NULL)) {
    case CR_OK:
        return 0;
    case CR_MALFORMED:
        return RSP_INSTALL_BSP_STRUCTURE_ERROR;
    case CR_REFUSED:
        return RSP_INSTALL_BSP_SECURITY_ERROR;
    case CR_RESOURCE:
    case CR_INTERNAL:
        break;
    }
    return RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR;
}

/* The bytes of a list item that came; false = more than the list has. */
static bool take_from_list(struct euicc_session *s, cr_span segment)
{
    if (segment.n > s->list_left) {
        return false;
    }
    s->list_left -= segment.n;
    return true;
}

/* Takes a segment of A0 or A2: its header when it is the first, and any number of 87. Hosts send
 * the list whole, or header and first 87 and the others alone (SGP.22 2.5.5). list_left tells when
 * it is complete. */
static int64_t open_list(struct euicc_session *s, cr_span segment, bool first)
{
    cr_span rest = segment;
    struct der_tlv item;
    if (first) {
        uint32_t tag;
        size_t header;
        size_t length;
        if (der_header(segment, DER_BER_LENGTHS, &tag, &header, &length, NULL) != CR_OK ||
            length == 0 || length > s->bpp_left - header) {
            return RSP_INSTALL_BSP_STRUCTURE_ERROR;
        }
        s->list_left = length;
        cr_buf_free(&s->control);
        s->control.secret = true;
        s->control.limit = EUICC_MAX_CONTROL;
        rest = cr_span_sub(segment, header, segment.n);
    }
    if (!take_from_list(s, rest)) {
        return RSP_INSTALL_BSP_STRUCTURE_ERROR;
    }
    while (rest.n > 0) {
        if (der_next(&rest, DER_BER_LENGTHS, &item, NULL) != CR_OK) {
            return RSP_INSTALL_BSP_STRUCTURE_ERROR;
        }
        int64_t reason = open_tlv(s, item.all, 0x87, &s->control);
        if (reason) {
            return reason;
        }
    }
    return 0;
}

/* ---- ConfigureISDP -----------------------------------------------------------------------------
 */

static int64_t keep_configuration(struct euicc *e, cr_arena *arena, cr_span plain)
{
    struct euicc_session *s = &e->session;
    struct rsp_configure_isdp configure;
    if (asn1_decode(&rsp_configure_isdp_type, plain, ASN1_DECODE_BER_LENGTHS, arena, &configure,
                    NULL) != CR_OK) {
        return RSP_INSTALL_INCORRECT_INPUT_VALUES;
    }
    if (configure.has_dp_proprietary_data &&
        configure.dp_proprietary_data.raw.n > RSP_MAX_DP_PROPRIETARY + 4) {
        return RSP_INSTALL_INCORRECT_INPUT_VALUES;
    }
    s->isdp = euicc_profile_free_id(e->nvm);
    if (!s->isdp) {
        return RSP_INSTALL_INSUFFICIENT_MEMORY;
    }
    if (configure.has_dp_proprietary_data) {
        char prefix[EUICC_PREFIX];
        char key[EUICC_PREFIX + 8];
        (void)snprintf(key, sizeof(key), "%sB8",
                       (const char *)euicc_profile_prefix(s->isdp, prefix).p);
        if (nvm_put(e->nvm, cr_span_str(key), configure.dp_proprietary_data.raw, NULL) != CR_OK) {
            return RSP_INSTALL_INSUFFICIENT_MEMORY;
        }
    }
    return 0;
}

static struct verdict configure_isdp(struct euicc *e, cr_arena *arena, cr_span segment, bool first)
{
    struct euicc_session *s = &e->session;
    s->command = RSP_BPP_CONFIGURE_ISDP;
    s->part = EUICC_BPP_CONFIGURE_REST;
    int64_t reason = open_list(s, segment, first);
    if (!reason && s->list_left == 0) {
        reason = keep_configuration(e, arena, cr_buf_span(&s->control));
        s->part = EUICC_BPP_METADATA_HEAD;
    }
    return reason ? refused((enum rsp_install_error)reason) : CONTINUES;
}

/* ---- StoreMetadata -----------------------------------------------------------------------------
 */

static bool iccid_installed(struct euicc *e, cr_span iccid, cr_arena *arena)
{
    struct euicc_profile profile = {0};
    while (euicc_profile_next(e->nvm, profile.id, arena, &profile)) {
        if (cr_span_equal(profile.iccid, iccid)) {
            return true;
        }
    }
    return false;
}

/* The checks of 4.5 step 4; 0 = fine. */
static int64_t check_metadata(struct euicc *e, cr_arena *arena, const struct rsp_store_metadata *m)
{
    char digits[RSP_ICCID_TEXT];
    if (!rsp_iccid_text(m->iccid, digits) || m->has_icon_type != (m->icon.p != NULL)) {
        return RSP_INSTALL_INCORRECT_INPUT_VALUES;
    }
    memcpy(e->session.iccid, m->iccid.p, RSP_ICCID);
    e->session.has_iccid = true;
    if (iccid_installed(e, m->iccid, arena)) {
        return RSP_INSTALL_ICCID_ALREADY_EXISTS;
    }
    if (m->profile_class < RSP_CLASS_TEST || m->profile_class > RSP_CLASS_OPERATIONAL ||
        (m->profile_class == RSP_CLASS_TEST && e->config.no_test_profiles)) {
        return RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS;
    }
    if (!euicc_rules_allowed(e, m)) {
        return RSP_INSTALL_PPR_NOT_ALLOWED;
    }
    return 0;
}

static cr_status open_installer(struct euicc *e, const struct rsp_store_metadata *m,
                                struct cr_err *err)
{
    struct euicc_session *s = &e->session;
    char prefix[EUICC_PREFIX];
    struct euicc_installer_options options = {
        .nvm = e->nvm,
        .prefix = euicc_profile_prefix(s->isdp, prefix),
        .strict_test_keys = e->config.strict_test_keys,
        .test_profile = m->profile_class == RSP_CLASS_TEST,
        .iccid = CR_SPAN_ARRAY(s->iccid),
    };
    return euicc_installer_new(&options, &s->installer, err);
}

static struct verdict metadata_complete(struct euicc *e, cr_arena *arena)
{
    struct euicc_session *s = &e->session;
    struct rsp_store_metadata metadata;
    if (asn1_decode(&rsp_store_metadata_type, cr_buf_span(&s->metadata), ASN1_DECODE_BER_LENGTHS,
                    arena, &metadata, NULL) != CR_OK) {
        return refused(RSP_INSTALL_INCORRECT_INPUT_VALUES);
    }
    int64_t reason = check_metadata(e, arena, &metadata);
    if (!reason && open_installer(e, &metadata, NULL) != CR_OK) {
        reason = RSP_INSTALL_INSUFFICIENT_MEMORY;
    }
    s->part = EUICC_BPP_KEYS_OR_ELEMENTS;
    return reason ? refused((enum rsp_install_error)reason) : CONTINUES;
}

/* A header alone (A1 or A3); its list is list_left bytes. */
static struct verdict list_header(struct euicc_session *s, cr_span segment, uint32_t want,
                                  enum euicc_bpp_part next)
{
    uint32_t tag;
    size_t header;
    size_t length;
    if (der_header(segment, DER_BER_LENGTHS, &tag, &header, &length, NULL) != CR_OK ||
        tag != want || header != segment.n || length == 0 || length > s->bpp_left - header) {
        return refused(RSP_INSTALL_BSP_STRUCTURE_ERROR);
    }
    if (next == EUICC_BPP_ELEMENTS && length != s->bpp_left - header) {
        return refused(RSP_INSTALL_BSP_STRUCTURE_ERROR); /* something behind the last list */
    }
    if (next == EUICC_BPP_METADATA && length > EUICC_MAX_METADATA) {
        return refused(RSP_INSTALL_INCORRECT_INPUT_VALUES);
    }
    s->list_left = length;
    s->part = next;
    return CONTINUES;
}

static struct verdict metadata_segment(struct euicc *e, cr_arena *arena, cr_span segment)
{
    struct euicc_session *s = &e->session;
    s->command = RSP_BPP_STORE_METADATA;
    if (!take_from_list(s, segment)) {
        return refused(RSP_INSTALL_BSP_STRUCTURE_ERROR);
    }
    int64_t reason = open_tlv(s, segment, 0x88, &s->metadata);
    if (reason) {
        return refused((enum rsp_install_error)reason);
    }
    return s->list_left ? CONTINUES : metadata_complete(e, arena);
}

/* ---- ReplaceSessionKeys ------------------------------------------------------------------------
 */

static int64_t replace_keys_with(struct euicc_session *s, cr_arena *arena, cr_span plain)
{
    struct rsp_replace_session_keys request;
    struct bsp_keys keys;
    if (asn1_decode(&rsp_replace_session_keys_type, plain, ASN1_DECODE_BER_LENGTHS, arena, &request,
                    NULL) != CR_OK ||
        request.initial_mac_chaining_value.n != BSP_KEY || request.ppk_enc.n != BSP_KEY ||
        request.ppk_cmac.n != BSP_KEY) {
        return RSP_INSTALL_INCORRECT_INPUT_VALUES;
    }
    memcpy(keys.mcv, request.initial_mac_chaining_value.p, BSP_KEY);
    memcpy(keys.s_enc, request.ppk_enc.p, BSP_KEY);
    memcpy(keys.s_mac, request.ppk_cmac.p, BSP_KEY);
    cr_status status = bsp_replace_keys(s->bsp, &keys, NULL);
    cr_wipe(&keys, sizeof(keys));
    return status == CR_OK ? 0 : RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR;
}

static struct verdict replace_keys(struct euicc *e, cr_arena *arena, cr_span segment, bool first)
{
    struct euicc_session *s = &e->session;
    s->command = RSP_BPP_REPLACE_SESSION_KEYS;
    s->part = EUICC_BPP_KEYS_REST;
    int64_t reason = open_list(s, segment, first);
    if (!reason && s->list_left == 0) {
        reason = replace_keys_with(s, arena, cr_buf_span(&s->control));
        cr_buf_free(&s->control);
        s->part = EUICC_BPP_ELEMENTS_HEAD;
    }
    return reason ? refused((enum rsp_install_error)reason) : CONTINUES;
}

/* ---- LoadProfileElements -----------------------------------------------------------------------
 */

/* The package is complete: the profile becomes one of the chip's. */
static struct verdict profile_complete(struct euicc *e, cr_arena *arena)
{
    struct euicc_session *s = &e->session;
    char prefix[EUICC_PREFIX];
    char key[EUICC_PREFIX + 8];
    struct rsp_store_metadata metadata;
    if (asn1_decode(&rsp_store_metadata_type, cr_buf_span(&s->metadata), ASN1_DECODE_BER_LENGTHS,
                    arena, &metadata, NULL) != CR_OK) {
        return refused(RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR);
    }
    cr_span files = euicc_profile_prefix(s->isdp, prefix);
    (void)snprintf(key, sizeof(key), "%sB8", prefix);
    struct euicc_profile profile = {
        .id = s->isdp,
        .iccid = CR_SPAN_ARRAY(s->iccid),
        .metadata = cr_buf_span(&s->metadata),
        .dp_proprietary_data = cr_arena_copy(arena, nvm_get(e->nvm, cr_span_str(key))),
        .smdp_oid = cr_span_of(s->server_oid, s->server_oid_size),
        .ci_key_id = s->ci->key_id,
        .profile_class = metadata.profile_class,
        .policy_rules = metadata.has_profile_policy_rules ? metadata.profile_policy_rules : 0,
        .size = (int64_t)nvm_size_prefix(e->nvm, files, NULL),
    };
    return euicc_profile_put(e->nvm, &profile, NULL) == CR_OK
               ? INSTALLED
               : refused(RSP_INSTALL_INSUFFICIENT_MEMORY);
}

static struct verdict after_element(struct euicc *e, cr_arena *arena, enum euicc_install_step step)
{
    switch (step) {
    case EUICC_INSTALL_MORE:
        return CONTINUES;
    case EUICC_INSTALL_DONE:
        return profile_complete(e, arena);
    case EUICC_INSTALL_ABORTED:
        return refused(RSP_INSTALL_PE_PROCESSING_ERROR);
    case EUICC_INSTALL_MISMATCH:
        return refused(RSP_INSTALL_DATA_MISMATCH);
    case EUICC_INSTALL_TEST_KEY:
        return refused(RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY);
    case EUICC_INSTALL_MEMORY:
        return refused(RSP_INSTALL_INSUFFICIENT_MEMORY);
    }
    return refused(RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR);
}

/* What came is no sequence of elements with an end. */
static struct verdict stop_elements(struct euicc *e, cr_arena *arena,
                                    enum rsp_pe_status_code status)
{
    return after_element(e, arena, euicc_installer_abort(e->session.installer, status));
}

/* Executes every element that is complete; what is left waits for more bytes. */
static struct verdict run_elements(struct euicc *e, cr_arena *arena)
{
    struct euicc_session *s = &e->session;
    struct verdict verdict = CONTINUES;
    cr_span rest = cr_buf_span(&s->elements);
    while (!verdict.ended && rest.n > 0) {
        uint32_t tag;
        size_t header;
        size_t length;
        cr_status status = der_header(rest, DER_BER_LENGTHS, &tag, &header, &length, NULL);
        if (status == CR_MALFORMED) {
            return stop_elements(e, arena, RSP_PE_INVALID_REQUEST_FORMAT);
        }
        if (status == CR_OK && length > PROFILE_MAX_ELEMENT) {
            return stop_elements(e, arena, RSP_PE_NOT_ENOUGH_MEMORY);
        }
        if (status != CR_OK || rest.n - header < length) {
            break;
        }
        cr_span element = cr_span_sub(rest, 0, header + length);
        rest = cr_span_sub(rest, header + length, rest.n);
        if (tag == profile_kind_tag(PROFILE_END) && (rest.n > 0 || s->list_left > 0)) {
            return stop_elements(e, arena, RSP_PE_INVALID_REQUEST_FORMAT); /* more behind it */
        }
        verdict = after_element(e, arena, euicc_installer_element(s->installer, element, arena));
    }
    if (rest.n > 0) {
        memmove(s->elements.p, rest.p, rest.n);
    }
    s->elements.n = rest.n;
    return verdict;
}

static struct verdict elements_segment(struct euicc *e, cr_arena *arena, cr_span segment)
{
    struct euicc_session *s = &e->session;
    s->command = RSP_BPP_LOAD_PROFILE_ELEMENTS;
    s->elements.secret = true;
    if (!take_from_list(s, segment)) {
        return refused(RSP_INSTALL_BSP_STRUCTURE_ERROR);
    }
    int64_t reason = open_tlv(s, segment, 0x86, &s->elements);
    if (reason) {
        return refused((enum rsp_install_error)reason);
    }
    struct verdict verdict = run_elements(e, arena);
    if (!verdict.ended && s->list_left == 0) {
        return stop_elements(e, arena, RSP_PE_INVALID_REQUEST_FORMAT); /* no end element came */
    }
    return verdict;
}

/* ---- one segment -------------------------------------------------------------------------------
 */

/* The segment goes to the part that comes next. */
static struct verdict run_part(struct euicc *e, cr_arena *arena, cr_span segment)
{
    struct euicc_session *s = &e->session;
    switch (s->part) {
    case EUICC_BPP_CONFIGURE:
        s->command = RSP_BPP_CONFIGURE_ISDP;
        return der_peek(segment) == 0xA0 ? configure_isdp(e, arena, segment, true)
                                         : refused(RSP_INSTALL_BSP_STRUCTURE_ERROR);
    case EUICC_BPP_CONFIGURE_REST:
        return configure_isdp(e, arena, segment, false);
    case EUICC_BPP_METADATA_HEAD:
        s->command = RSP_BPP_STORE_METADATA;
        return list_header(s, segment, 0xA1, EUICC_BPP_METADATA);
    case EUICC_BPP_METADATA:
        return metadata_segment(e, arena, segment);
    case EUICC_BPP_KEYS_OR_ELEMENTS:
        if (der_peek(segment) == 0xA2) {
            return replace_keys(e, arena, segment, true);
        }
        s->command = RSP_BPP_LOAD_PROFILE_ELEMENTS;
        return list_header(s, segment, 0xA3, EUICC_BPP_ELEMENTS);
    case EUICC_BPP_KEYS_REST:
        return replace_keys(e, arena, segment, false);
    case EUICC_BPP_ELEMENTS_HEAD:
        s->command = RSP_BPP_LOAD_PROFILE_ELEMENTS;
        return list_header(s, segment, 0xA3, EUICC_BPP_ELEMENTS);
    case EUICC_BPP_ELEMENTS:
        return elements_segment(e, arena, segment);
    }
    return refused(RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR);
}

/* Profiles leave the reserve alone: it is for what ends an installation. */
static struct verdict next_segment(struct euicc *e, cr_arena *arena, cr_span segment)
{
    size_t capacity = nvm_capacity(e->nvm);
    if (segment.n > e->session.bpp_left) {
        if (e->session.part == EUICC_BPP_CONFIGURE) {
            e->session.command = RSP_BPP_CONFIGURE_ISDP; /* the channel itself was fine */
        }
        return refused(RSP_INSTALL_BSP_STRUCTURE_ERROR);
    }
    nvm_set_capacity(e->nvm, capacity > EUICC_RESERVE ? capacity - EUICC_RESERVE : 0);
    struct verdict verdict = run_part(e, arena, segment);
    nvm_set_capacity(e->nvm, capacity);
    e->session.bpp_left -= segment.n;
    return verdict;
}

uicc_sw euicc_bpp_segment(struct euicc *e, cr_arena *arena, cr_span segment, cr_buf *out)
{
    struct euicc_session *s = &e->session;
    struct verdict verdict;
    if (der_peek(segment) == 0xBF36) {
        if (s->state != EUICC_PREPARED) {
            return UICC_SW_CONDITIONS;
        }
        verdict = first_segment(e, arena, segment);
    } else if (s->state != EUICC_INSTALLING) {
        return UICC_SW_CONDITIONS;
    } else {
        verdict = next_segment(e, arena, segment);
    }
    if (verdict.ended) {
        return finish(e, verdict, arena, out);
    }
    return record_work(e, NULL) == CR_OK ? UICC_SW_OK : UICC_SW_MEMORY;
}
