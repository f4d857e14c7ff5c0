#include "rsp/es8.h"

#include "rsp/schema.h"

const struct asn1_name rsp_pe_status_names[] = {
    {RSP_PE_OK, "ok"},
    {RSP_PE_NOT_SUPPORTED, "pe-not-supported"},
    {RSP_PE_MEMORY_FAILURE, "memory-failure"},
    {RSP_PE_BAD_VALUES, "bad-values"},
    {RSP_PE_NOT_ENOUGH_MEMORY, "not-enough-memory"},
    {RSP_PE_INVALID_REQUEST_FORMAT, "invalid-request-format"},
    {RSP_PE_INVALID_PARAMETER, "invalid-parameter"},
    {RSP_PE_RUNTIME_NOT_SUPPORTED, "runtime-not-supported"},
    {RSP_PE_LIB_NOT_SUPPORTED, "lib-not-supported"},
    {RSP_PE_TEMPLATE_NOT_SUPPORTED, "template-not-supported"},
    {RSP_PE_FEATURE_NOT_SUPPORTED, "feature-not-supported"},
    {RSP_PE_PIN_CODE_MISSING, "pin-code-missing"},
    {RSP_PE_UNSUPPORTED_PROFILE_VERSION, "unsupported-profile-version"},
    {0, NULL},
};

static const struct asn1_name remote_op_names[] = {
    {RSP_REMOTE_OP_INSTALL_BPP, "installBoundProfilePackage"},
    {0, NULL},
};

#define T struct rsp_initialise_secure_channel
static const struct asn1_field initialise_secure_channel[] = {
    INT(remote_op_id, "remoteOpId", 0x82, 0, remote_op_names),
    TRANSACTION_ID(0x80),
    SEQ(control_ref_template, "controlRefTemplate", 0xA6, 0, rsp_control_ref_template_type),
    OTPK(smdp_otpk, "smdpOtpk", 0),
    SIGNATURE(smdp_sign, "smdpSign"),
};
SEQUENCE_RAW(rsp_initialise_secure_channel_type, "InitialiseSecureChannelRequest", 0xBF23,
             initialise_secure_channel);
#undef T

#define T struct rsp_configure_isdp
static const struct asn1_field configure_isdp[] = {
    SEQ_OPT(dp_proprietary_data, "dpProprietaryData", 0xB8, 0, rsp_dp_proprietary_data_type),
};
SEQUENCE_RAW(rsp_configure_isdp_type, "ConfigureISDPRequest", 0xBF24, configure_isdp);
#undef T

#define T struct rsp_replace_session_keys
static const struct asn1_field replace_session_keys[] = {
    OCTETS(initial_mac_chaining_value, "initialMacChainingValue", 0x80, ASN1_SECRET, 16, 16),
    OCTETS(ppk_enc, "ppkEnc", 0x81, ASN1_SECRET, 16, 16),
    OCTETS(ppk_cmac, "ppkCmac", 0x82, ASN1_SECRET, 16, 16),
};
SEQUENCE(rsp_replace_session_keys_type, "ReplaceSessionKeysRequest", 0xBF26, replace_session_keys);
#undef T

/* ---- BoundProfilePackage ---- */

#define MAX_PROTECTED_TLVS 65536

static STRING_TYPE(protected_87_type, "protected 87", 0x87, ASN1_RAW, 0, 0, 0);
static STRING_TYPE(protected_88_type, "protected 88", 0x88, ASN1_RAW, 0, 0, 0);
static STRING_TYPE(protected_86_type, "protected 86", 0x86, ASN1_RAW, 0, 0, 0);

#define T struct rsp_bound_profile_package
static const struct asn1_field bound_profile_package[] = {
    SEQ(initialise_secure_channel, "initialiseSecureChannelRequest", 0, 0,
        rsp_initialise_secure_channel_type),
    LIST(first_sequence_of_87, "firstSequenceOf87", 0xA0, 0, protected_87_type, 1, 0),
    LIST(sequence_of_88, "sequenceOf88", 0xA1, 0, protected_88_type, 1, 0),
    LIST(second_sequence_of_87, "secondSequenceOf87", 0xA2, OPT, protected_87_type, 1, 0),
    LIST(sequence_of_86, "sequenceOf86", 0xA3, 0, protected_86_type, 1, MAX_PROTECTED_TLVS),
};
SEQUENCE_RAW(rsp_bound_profile_package_type, "BoundProfilePackage", 0xBF36, bound_profile_package);
#undef T

/* ---- ProfileInstallationResult ---- */

#define T struct rsp_install_success
static const struct asn1_field install_success[] = {
    AID(aid, "aid", 0x4F, 0),
    OCTETS(sima_response, "simaResponse", 0x04, 0, 0, 0),
};
static SEQUENCE(install_success_type, "SuccessResult", 0x30, install_success);
#undef T

#define T struct rsp_install_failure
static const struct asn1_field install_failure[] = {
    INT(bpp_command_id, "bppCommandId", 0x80, 0, rsp_bpp_command_names),
    INT(error_reason, "errorReason", 0x81, 0, rsp_install_error_names),
    OCTETS(sima_response, "simaResponse", 0x82, OPT, 0, 0),
};
static SEQUENCE(install_failure_type, "ErrorResult", 0x30, install_failure);
#undef T

#define T struct rsp_final_result
static const struct asn1_field final_result[] = {
    SEQ(success_result, "successResult", 0xA0, 0, install_success_type),
    SEQ(error_result, "errorResult", 0xA1, 0, install_failure_type),
};
static CHOICE_OF(final_result_type, "FinalResult", 0, final_result);
#undef T

#define T struct rsp_profile_installation_result_data
static const struct asn1_field profile_installation_result_data[] = {
    TRANSACTION_ID(0x80),
    SEQ(notification_metadata, "notificationMetadata", 0, 0, rsp_notification_metadata_type),
    OID(smdp_oid, "smdpOid", 0, OPT), /* the first v2 module had none */
    CHOICE(final_result, "finalResult", 0xA2, 0, final_result_type),
};
SEQUENCE_RAW(rsp_profile_installation_result_data_type, "ProfileInstallationResultData", 0xBF27,
             profile_installation_result_data);
#undef T

#define T struct rsp_profile_installation_result
static const struct asn1_field profile_installation_result[] = {
    SEQ(data, "profileInstallationResultData", 0, 0, rsp_profile_installation_result_data_type),
    SIGNATURE(euicc_sign_pir, "euiccSignPIR"),
};
SEQUENCE_RAW(rsp_profile_installation_result_type, "ProfileInstallationResult", 0xBF37,
             profile_installation_result);
#undef T

/* ---- EUICCResponse ---- */

#define T struct rsp_pe_status
static const struct asn1_field pe_status[] = {
    INT(status, "status", 0x80, 0, rsp_pe_status_names),
    INT_OPT(identification, "identification", 0x81, 0, NULL),
    INT_OPT(additional_information, "additional-information", 0x82, 0, NULL),
    INT_OPT(offset, "offset", 0x83, 0, NULL),
};
SEQUENCE(rsp_pe_status_type, "PEStatus", 0x30, pe_status);
#undef T

#define T struct rsp_euicc_response
static const struct asn1_field euicc_response[] = {
    LIST(pe_status, "peStatus", 0xA0, 0, rsp_pe_status_type, 0, 0),
    NULL_OPT(profile_installation_aborted, "profileInstallationAborted", 0x81),
    UTF8(status_message, "statusMessage", 0x82, OPT, 0),
};
SEQUENCE(rsp_euicc_response_type, "EUICCResponse", 0x30, euicc_response);
#undef T

cr_status rsp_sima_response_decode(cr_span sima_response, cr_arena *arena,
                                   rsp_euicc_response_list *out, struct cr_err *err)
{
    size_t count = 0;
    for (cr_span in = sima_response; in.n; count++) {
        struct der_tlv tlv;
        CR_TRY(der_next(&in, DER_BER_LENGTHS, &tlv, err));
    }
    if (count > RSP_MAX_SIMA_RESPONSES) {
        return cr_fail(err, CR_MALFORMED, NULL, "simaResponse has %zu parts, the limit is %d",
                       count, RSP_MAX_SIMA_RESPONSES);
    }
    struct rsp_euicc_response *items = cr_arena_alloc_array(arena, count, sizeof(*items));
    if (!items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        CR_TRY(asn1_decode_next(&rsp_euicc_response_type, &sima_response, ASN1_DECODE_BER_LENGTHS,
                                arena, &items[i], err));
    }
    out->items = items;
    out->count = count;
    out->present = true;
    return CR_OK;
}

static void pe_status_text(const struct rsp_pe_status *s, cr_buf *out)
{
    if (s->has_identification) {
        cr_buf_appendf(out, "pe %lld: ", (long long)s->identification);
    }
    const char *name = asn1_name_of(rsp_pe_status_names, s->status);
    if (name) {
        cr_buf_appendf(out, "%s (%lld)", name, (long long)s->status);
    } else if (s->status >= 0x6000 && s->status <= 0x9FFF) {
        cr_buf_appendf(out, "status word %04llX", (unsigned long long)s->status);
    } else {
        cr_buf_appendf(out, "status %lld", (long long)s->status);
    }
    if (s->has_additional_information) {
        cr_buf_appendf(out, ", additional %lld", (long long)s->additional_information);
    }
    if (s->has_offset) {
        cr_buf_appendf(out, ", offset %lld", (long long)s->offset);
    }
}

void rsp_sima_response_text(const rsp_euicc_response_list *responses, cr_buf *out)
{
    const char *separator = "";
    bool aborted = false;
    for (size_t i = 0; i < responses->count; i++) {
        const struct rsp_euicc_response *r = &responses->items[i];
        aborted = aborted || r->profile_installation_aborted;
        for (size_t k = 0; k < r->pe_status.count; k++) {
            if (r->pe_status.items[k].status == RSP_PE_OK) {
                continue;
            }
            cr_buf_append_str(out, separator);
            pe_status_text(&r->pe_status.items[k], out);
            separator = "; ";
        }
        if (r->status_message.n) {
            cr_buf_append_str(out, separator);
            cr_buf_append_span(out, r->status_message);
            separator = "; ";
        }
    }
    if (aborted) {
        cr_buf_append_str(out, *separator ? ", aborted" : "aborted");
    } else if (!*separator) {
        cr_buf_append_str(out, "ok");
    }
}

/* ---- smdpSign ---- */

cr_status rsp_initialise_secure_channel_signed(const struct rsp_initialise_secure_channel *m,
                                               cr_span euicc_otpk, cr_buf *out, struct cr_err *err)
{
    cr_buf fresh = {0};
    size_t before = out->n;
    cr_span in = m->raw;
    cr_status status = CR_OK;
    if (!cr_span_present(in)) {
        struct rsp_initialise_secure_channel copy = *m;
        static const uint8_t unsigned_yet[RSP_SIGNATURE];
        copy.smdp_sign = CR_SPAN_ARRAY(unsigned_yet);
        status = asn1_encode(&rsp_initialise_secure_channel_type, &copy, 0, &fresh, err);
        in = cr_buf_span(&fresh);
    }
    struct der_tlv message;
    if (status == CR_OK) {
        status = der_expect(&in, DER_BER_LENGTHS, 0xBF23, &message, err);
    }
    cr_span rest = status == CR_OK ? message.value : (cr_span){0};
    while (status == CR_OK && rest.n && der_peek(rest) != 0x5F37) {
        struct der_tlv tlv;
        status = der_next(&rest, DER_BER_LENGTHS, &tlv, err);
        if (status == CR_OK) {
            cr_buf_append_span(out, tlv.all);
        }
    }
    cr_buf_free(&fresh);
    if (status != CR_OK) {
        out->n = before;
        return status;
    }
    der_put(out, 0x5F49, euicc_otpk);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}
