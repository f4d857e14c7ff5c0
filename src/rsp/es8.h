/*
 * ES8+ (SGP.22 5.5): the Bound Profile Package and what is inside, the profile installation result
 * (2.5.6) and the EUICCResponse of the profile package specification that it carries.
 */
#ifndef CRISP_RSP_ES8_H
#define CRISP_RSP_ES8_H

#include "rsp/metadata.h"

/* InitialiseSecureChannelRequest BF23. smdpSign covers 82 || 80 || A6 || 5F49 of this message and
 * the 5F49 of euiccSigned2, without the BF23 header: rsp_initialise_secure_channel_signed(). */
#define RSP_REMOTE_OP_INSTALL_BPP 1
struct rsp_initialise_secure_channel {
    cr_span raw;
    int64_t remote_op_id;                                 /* 82; 1 installBoundProfilePackage */
    cr_span transaction_id;                               /* 80 */
    struct rsp_control_ref_template control_ref_template; /* A6 */
    cr_span smdp_otpk;                                    /* 5F49, 65 bytes */
    cr_span smdp_sign;                                    /* 5F37, 64 bytes */
};
extern const struct asn1_type rsp_initialise_secure_channel_type;

/* Appends the bytes that smdpSign covers. With m->raw present they are taken from it as received;
 * otherwise they are encoded from the members. euicc_otpk = contents of the 5F49 of euiccSigned2.
 */
cr_status rsp_initialise_secure_channel_signed(const struct rsp_initialise_secure_channel *m,
                                               cr_span euicc_otpk, cr_buf *out,
                                               struct cr_err *err) CR_MUST_CHECK;

/* ConfigureISDPRequest BF24, the plain text of the first 87. */
struct rsp_configure_isdp {
    cr_span raw;
    bool has_dp_proprietary_data; /* B8 opt */
    struct rsp_dp_proprietary_data dp_proprietary_data;
};
extern const struct asn1_type rsp_configure_isdp_type;

/* ReplaceSessionKeysRequest BF26. Secret. */
struct rsp_replace_session_keys {
    cr_span initial_mac_chaining_value; /* 80, 16 bytes */
    cr_span ppk_enc;                    /* 81, 16 bytes */
    cr_span ppk_cmac;                   /* 82, 16 bytes */
};
extern const struct asn1_type rsp_replace_session_keys_type;

/* BoundProfilePackage BF36, every list element a complete protected TLV. For looking at; an LPA
 * cuts the received bytes with rsp/segment.h instead. */
struct rsp_bound_profile_package {
    cr_span raw;
    struct rsp_initialise_secure_channel initialise_secure_channel; /* BF23 */
    rsp_span_list first_sequence_of_87;                             /* A0 */
    rsp_span_list sequence_of_88;                                   /* A1 */
    rsp_span_list second_sequence_of_87;                            /* A2 opt */
    rsp_span_list sequence_of_86;                                   /* A3 */
};
extern const struct asn1_type rsp_bound_profile_package_type;

/* ---- result ---- */

struct rsp_install_success {
    cr_span aid;           /* 4F */
    cr_span sima_response; /* 04; rsp_sima_response_decode() */
};

struct rsp_install_failure {
    int64_t bpp_command_id; /* 80, enum rsp_bpp_command */
    int64_t error_reason;   /* 81, enum rsp_install_error */
    cr_span sima_response;  /* 82 opt */
};

enum { RSP_INSTALL_SUCCESS = 1, RSP_INSTALL_FAILURE };
struct rsp_final_result {
    int which;
    union {
        struct rsp_install_success success_result; /* A0 */
        struct rsp_install_failure error_result;   /* A1 */
    };
};

/* ProfileInstallationResultData BF27. raw is what euiccSignPIR covers. */
struct rsp_profile_installation_result_data {
    cr_span raw;
    cr_span transaction_id;                                 /* 80 */
    struct rsp_notification_metadata notification_metadata; /* BF2F */
    cr_span smdp_oid;                                       /* 06; opt in the first v2 module */
    struct rsp_final_result final_result;                   /* A2 */
};
extern const struct asn1_type rsp_profile_installation_result_data_type;

/* ProfileInstallationResult BF37. */
struct rsp_profile_installation_result {
    cr_span raw;
    struct rsp_profile_installation_result_data data; /* BF27 */
    cr_span euicc_sign_pir;                           /* 5F37 */
};
extern const struct asn1_type rsp_profile_installation_result_type;

/* ---- EUICCResponse (profile package specification) ---- */

enum rsp_pe_status_code {
    RSP_PE_OK = 0,
    RSP_PE_NOT_SUPPORTED = 1,
    RSP_PE_MEMORY_FAILURE = 2,
    RSP_PE_BAD_VALUES = 3,
    RSP_PE_NOT_ENOUGH_MEMORY = 4,
    RSP_PE_INVALID_REQUEST_FORMAT = 5,
    RSP_PE_INVALID_PARAMETER = 6,
    RSP_PE_RUNTIME_NOT_SUPPORTED = 7,
    RSP_PE_LIB_NOT_SUPPORTED = 8,
    RSP_PE_TEMPLATE_NOT_SUPPORTED = 9,
    RSP_PE_FEATURE_NOT_SUPPORTED = 10,
    RSP_PE_PIN_CODE_MISSING = 11,
    RSP_PE_UNSUPPORTED_PROFILE_VERSION = 31
    /* 0x6000..0x6FFF and 0x9000..0x9FFF: ISO status words */
};
extern const struct asn1_name rsp_pe_status_names[];

struct rsp_pe_status {
    int64_t status;                  /* 80 */
    bool has_identification;         /* 81 opt */
    int64_t identification;          /* of the PE, from its header */
    bool has_additional_information; /* 82 opt */
    int64_t additional_information;
    bool has_offset; /* 83 opt */
    int64_t offset;
};
extern const struct asn1_type rsp_pe_status_type; /* 30 */

struct rsp_euicc_response {
    ASN1_LIST(struct rsp_pe_status) pe_status; /* A0 */
    bool profile_installation_aborted;         /* 81 NULL */
    cr_span status_message;                    /* 82 opt UTF8 2..64 */
};
extern const struct asn1_type rsp_euicc_response_type; /* 30 */

typedef ASN1_LIST(struct rsp_euicc_response) rsp_euicc_response_list;
#define RSP_MAX_SIMA_RESPONSES 256

/* simaResponse = one or more EUICCResponse back to back, warnings first. */
cr_status rsp_sima_response_decode(cr_span sima_response, cr_arena *arena,
                                   rsp_euicc_response_list *out, struct cr_err *err) CR_MUST_CHECK;

/* "pe 13: runtime-not-supported (7), offset 9" for each PEStatus that is not ok, joined with "; ",
 * then ", aborted". Appends "ok" when there is nothing to complain about. */
void rsp_sima_response_text(const rsp_euicc_response_list *responses, cr_buf *out);

#endif
