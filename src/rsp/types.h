/*
 * Data types of SGP.22 that more than one message uses: limits, enumerations with their name
 * tables, capability bit strings, deviceInfo, EUICCInfo1/2, ctxParams1, notification metadata.
 *
 * How to read the structs of this folder:
 *
 *   - A struct mirrors one ASN.1 type; `extern const struct asn1_type rsp_..._type` beside it is
 *     its table (asn1/asn1.h says how kinds look in C). Decode with asn1_decode(&rsp_x_type, ...),
 *     flag ASN1_DECODE_BER_LENGTHS towards peers; encode with asn1_encode() and ASN1_ENCODE_V2 when
 *     the peer is older than v3.
 *   - Comments give tag and size. "v3" = marked ASN1_SINCE_V3. "opt" = absent when .p == NULL,
 *     has_... is false, .which == 0, .present is false.
 *   - Where v2 and v3 name the same component differently the tables use the v3 name.
 *   - `raw` is the TLV as received; the encoder sends it again byte for byte. Zero it before
 *     encoding a changed struct.
 *   - Certificates and CRLs are spans over the complete DER.
 *   - Bit strings are uint64_t; the enums of their bits are masks (bit i of the standard is 1 <<
 * i).
 *   - A CHOICE has `which`; the enum before its struct gives the values.
 */
#ifndef CRISP_RSP_TYPES_H
#define CRISP_RSP_TYPES_H

#include "asn1/asn1.h"

/* Sizes in bytes (SGP.22 annex H unless said). */
#define RSP_MAX_TRANSACTION_ID   16
#define RSP_CHALLENGE            16
#define RSP_SIGNATURE            64 /* r || s */
#define RSP_OTPK                 65 /* 04 || X || Y */
#define RSP_HASH                 32
#define RSP_ICCID                10
#define RSP_EID                  16
#define RSP_VERSION              3
#define RSP_PKID                 20 /* Subject Key Identifier of a CI public key, in practice */
#define RSP_MAX_PKID             64 /* what is accepted */
#define RSP_MIN_AID              5
#define RSP_MAX_AID              16
#define RSP_TAC                  4
#define RSP_IMEI                 8
#define RSP_MCC_MNC              3
#define RSP_MAX_GID              8
#define RSP_MAX_NICKNAME         64
#define RSP_MAX_SPN              32
#define RSP_MAX_PROFILE_NAME     64
#define RSP_MAX_ICON             1024
#define RSP_MAX_HOST_ID          16
#define RSP_MAX_DP_PROPRIETARY   128
#define RSP_MAX_SAS_NUMBER       64
#define RSP_MAX_ADDITIONAL_INFO  32
#define RSP_MAX_RPM_PACKAGE      1057
#define RSP_MAX_AC_DEVICE_CHANGE 255

/* Lists of strings (identifiers, names, certificates). */
typedef ASN1_LIST(cr_span) rsp_span_list;

/* True when the list has an element with exactly these bytes. */
bool rsp_span_list_has(const rsp_span_list *list, cr_span value);

/* A TLV with the same contents under another tag, in the arena: A0 of LoadCRL -> 30, 30 smdsSigned2
 * -> A1 of VerifySmdsResponse and back. CR_MALFORMED when tlv is no TLV. */
cr_status rsp_retag(cr_arena *arena, cr_span tlv, uint32_t tag, cr_span *out,
                    struct cr_err *err) CR_MUST_CHECK;

/* ---- element and stand-alone types (value: cr_span unless said) ---- */
extern const struct asn1_type rsp_octet_string_type;       /* 04 */
extern const struct asn1_type rsp_utf8_string_type;        /* 0C */
extern const struct asn1_type rsp_oid_type;                /* 06 */
extern const struct asn1_type rsp_version_type;            /* 04, 3 bytes */
extern const struct asn1_type rsp_subject_key_id_type;     /* 04 */
extern const struct asn1_type rsp_signature_type;          /* 5F37, 64 bytes */
extern const struct asn1_type rsp_certificate_type;        /* 30, complete TLV */
extern const struct asn1_type rsp_crl_type;                /* 30, complete TLV */
extern const struct asn1_type rsp_iccid_type;              /* 5A, 10 bytes */
extern const struct asn1_type rsp_lpa_rsp_capability_type; /* 03; value uint64_t */

/* A request or an answer without components. */
struct rsp_empty {
    cr_span raw;
};

/* ---- enumerations; names tables end with name NULL, use asn1_name_of() ---- */

enum rsp_profile_class {
    RSP_CLASS_TEST = 0,
    RSP_CLASS_PROVISIONING = 1,
    RSP_CLASS_OPERATIONAL = 2
};
extern const struct asn1_name rsp_profile_class_names[];

enum rsp_profile_state { RSP_STATE_DISABLED = 0, RSP_STATE_ENABLED = 1 };
extern const struct asn1_name rsp_profile_state_names[];

enum rsp_icon_type { RSP_ICON_JPEG = 0, RSP_ICON_PNG = 1 };
extern const struct asn1_name rsp_icon_type_names[];

enum rsp_euicc_category {
    RSP_CATEGORY_OTHER = 0,
    RSP_CATEGORY_BASIC = 1,
    RSP_CATEGORY_MEDIUM = 2,
    RSP_CATEGORY_CONTACTLESS = 3
};
extern const struct asn1_name rsp_euicc_category_names[];

enum rsp_lpa_mode { RSP_LPA_MODE_LPAD = 0, RSP_LPA_MODE_LPAE = 1 };
extern const struct asn1_name rsp_lpa_mode_names[];

enum rsp_form_factor { RSP_EUICC_REMOVABLE = 0, RSP_EUICC_NON_REMOVABLE = 1 };
extern const struct asn1_name rsp_form_factor_names[];

/* AuthenticateErrorCode (AuthenticateServer). */
enum rsp_authenticate_error {
    RSP_AUTHENTICATE_INVALID_CERTIFICATE = 1,
    RSP_AUTHENTICATE_INVALID_SIGNATURE = 2,
    RSP_AUTHENTICATE_UNSUPPORTED_CURVE = 3,
    RSP_AUTHENTICATE_NO_SESSION = 4,
    RSP_AUTHENTICATE_INVALID_OID = 5,
    RSP_AUTHENTICATE_EUICC_CHALLENGE_MISMATCH = 6,
    RSP_AUTHENTICATE_CI_PK_UNKNOWN = 7,
    RSP_AUTHENTICATE_TRANSACTION_ID_ERROR = 8,               /* v3 */
    RSP_AUTHENTICATE_MISSING_CRL = 9,                        /* v3 */
    RSP_AUTHENTICATE_INVALID_CRL_SIGNATURE = 10,             /* v3 */
    RSP_AUTHENTICATE_REVOKED_CERT = 11,                      /* v3 */
    RSP_AUTHENTICATE_INVALID_CERT_OR_CRL_TIME = 12,          /* v3 */
    RSP_AUTHENTICATE_INVALID_CERT_OR_CRL_CONFIGURATION = 13, /* v3 */
    RSP_AUTHENTICATE_INVALID_ICCID = 14,                     /* v3 */
    RSP_AUTHENTICATE_UNDEFINED = 127
};
extern const struct asn1_name rsp_authenticate_error_names[];

/* DownloadErrorCode (PrepareDownload, PrepareDeviceChange). */
enum rsp_download_error {
    RSP_DOWNLOAD_INVALID_CERTIFICATE = 1,
    RSP_DOWNLOAD_INVALID_SIGNATURE = 2,
    RSP_DOWNLOAD_UNSUPPORTED_CURVE = 3, /* v2 */
    RSP_DOWNLOAD_NO_SESSION = 4,
    RSP_DOWNLOAD_INVALID_TRANSACTION_ID = 5,
    RSP_DOWNLOAD_UNDEFINED = 127
};
extern const struct asn1_name rsp_download_error_names[];

/* CancelSessionReason. 16 and above (but 127) from v3. */
enum rsp_cancel_reason {
    RSP_CANCEL_END_USER_REJECTION = 0,
    RSP_CANCEL_POSTPONED = 1,
    RSP_CANCEL_TIMEOUT = 2,
    RSP_CANCEL_PPR_NOT_ALLOWED = 3,
    RSP_CANCEL_METADATA_MISMATCH = 4,
    RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR = 5,
    RSP_CANCEL_SESSION_ABORTED = 16,
    RSP_CANCEL_ENTERPRISE_PROFILES_NOT_SUPPORTED = 17,
    RSP_CANCEL_ENTERPRISE_RULES_NOT_ALLOWED = 18,
    RSP_CANCEL_ENTERPRISE_PROFILE_NOT_ALLOWED = 19,
    RSP_CANCEL_ENTERPRISE_OID_MISMATCH = 20,
    RSP_CANCEL_ENTERPRISE_RULES_ERROR = 21,
    RSP_CANCEL_ENTERPRISE_PROFILES_ONLY = 22,
    RSP_CANCEL_LPR_NOT_SUPPORTED = 23,
    RSP_CANCEL_LPR_NETWORK_DATA_NOT_ALLOWED = 24,
    RSP_CANCEL_EMPTY_PROFILE_OR_SP_NAME = 25,
    RSP_CANCEL_RPM_DISABLED = 27,
    RSP_CANCEL_INVALID_RPM_PACKAGE = 28,
    RSP_CANCEL_LOAD_RPM_PACKAGE_ERROR = 29,
    RSP_CANCEL_OPERATION_ABANDONED = 30, /* late v3, unverified */
    RSP_CANCEL_UNDEFINED = 127
};
extern const struct asn1_name rsp_cancel_reason_names[];

/* bppCommandId of ProfileInstallationResult. */
enum rsp_bpp_command {
    RSP_BPP_INITIALISE_SECURE_CHANNEL = 0,
    RSP_BPP_CONFIGURE_ISDP = 1,
    RSP_BPP_STORE_METADATA = 2,
    RSP_BPP_STORE_METADATA2 = 3,
    RSP_BPP_REPLACE_SESSION_KEYS = 4,
    RSP_BPP_LOAD_PROFILE_ELEMENTS = 5
};
extern const struct asn1_name rsp_bpp_command_names[];

/* errorReason of ProfileInstallationResult. */
enum rsp_install_error {
    RSP_INSTALL_INCORRECT_INPUT_VALUES = 1,
    RSP_INSTALL_INVALID_SIGNATURE = 2,
    RSP_INSTALL_INVALID_TRANSACTION_ID = 3,
    RSP_INSTALL_UNSUPPORTED_CRT_VALUES = 4,
    RSP_INSTALL_UNSUPPORTED_REMOTE_OPERATION_TYPE = 5,
    RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS = 6,
    RSP_INSTALL_BSP_STRUCTURE_ERROR = 7, /* v2: scp03tStructureError */
    RSP_INSTALL_BSP_SECURITY_ERROR = 8,  /* v2: scp03tSecurityError */
    RSP_INSTALL_ICCID_ALREADY_EXISTS = 9,
    RSP_INSTALL_INSUFFICIENT_MEMORY = 10, /* temporary */
    RSP_INSTALL_INTERRUPTION = 11,        /* temporary */
    RSP_INSTALL_PE_PROCESSING_ERROR = 12,
    RSP_INSTALL_DATA_MISMATCH = 13,
    RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY = 14,
    RSP_INSTALL_PPR_NOT_ALLOWED = 15,
    RSP_INSTALL_ENTERPRISE_PROFILES_NOT_SUPPORTED = 17, /* 17..26 v3 */
    RSP_INSTALL_ENTERPRISE_RULES_NOT_ALLOWED = 18,
    RSP_INSTALL_ENTERPRISE_PROFILE_NOT_ALLOWED = 19,
    RSP_INSTALL_ENTERPRISE_OID_MISMATCH = 20,
    RSP_INSTALL_ENTERPRISE_RULES_ERROR = 21,
    RSP_INSTALL_ENTERPRISE_PROFILES_ONLY = 22,
    RSP_INSTALL_LPR_NOT_SUPPORTED = 23,
    RSP_INSTALL_UNKNOWN_TLV_IN_METADATA = 26,
    RSP_INSTALL_INSUFFICIENT_MINIMUM_SECURITY_LEVEL = 31, /* v2.7, unverified */
    RSP_INSTALL_SERVER_ADDRESS_ABSENT_IN_ALLOW_LIST = 32, /* v2.7, unverified */
    RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR = 127
};
extern const struct asn1_name rsp_install_error_names[];

/* True for the reasons after which a retry makes sense (10 and 11). */
bool rsp_install_error_temporary(int64_t reason);

/* True when the standard allows this errorReason together with this bppCommandId. */
bool rsp_install_error_allowed(int64_t command, int64_t reason);

/* ---- bit strings ---- */

/* NotificationEvent. notificationMetadata has exactly one bit. */
enum rsp_notification_event {
    RSP_EVENT_INSTALL = 1 << 0,
    RSP_EVENT_LOCAL_ENABLE = 1 << 1,
    RSP_EVENT_LOCAL_DISABLE = 1 << 2,
    RSP_EVENT_LOCAL_DELETE = 1 << 3,
    RSP_EVENT_RPM_ENABLE = 1 << 4, /* v3 from here */
    RSP_EVENT_RPM_DISABLE = 1 << 5,
    RSP_EVENT_RPM_DELETE = 1 << 6,
    RSP_EVENT_LOAD_RPM_PACKAGE_RESULT = 1 << 7
};
extern const struct asn1_name rsp_notification_event_names[];

/* PprIds. */
enum rsp_ppr {
    RSP_PPR_UPDATE_CONTROL = 1 << 0,
    RSP_PPR1 = 1 << 1, /* disabling not allowed */
    RSP_PPR2 = 1 << 2  /* deletion not allowed */
};
extern const struct asn1_name rsp_ppr_names[];

enum rsp_ppr_flag { RSP_PPR_CONSENT_REQUIRED = 1 << 0 };
extern const struct asn1_name rsp_ppr_flag_names[];

enum rsp_operation_type { RSP_OPERATION_PROFILE_DOWNLOAD = 1 << 0, RSP_OPERATION_RPM = 1 << 1 };
extern const struct asn1_name rsp_operation_type_names[];

/* euiccRspCapability (EUICCInfo2 tag 88; v2: rspCapability). */
enum rsp_euicc_capability {
    RSP_EUICC_ADDITIONAL_PROFILE = 1 << 0,
    RSP_EUICC_LOAD_CRL = 1 << 1, /* v2: crlSupport */
    RSP_EUICC_RPM = 1 << 2,
    RSP_EUICC_TEST_PROFILE = 1 << 3,
    RSP_EUICC_DEVICE_INFO_EXTENSIBILITY = 1 << 4,
    RSP_EUICC_SERVICE_SPECIFIC_DATA = 1 << 5,
    RSP_EUICC_HRI_SERVER_ADDRESS = 1 << 6,
    RSP_EUICC_SERVICE_PROVIDER_MESSAGE = 1 << 7,
    RSP_EUICC_LPA_PROXY = 1 << 8,
    RSP_EUICC_ENTERPRISE_PROFILES = 1 << 9,
    RSP_EUICC_SERVICE_DESCRIPTION = 1 << 10,
    RSP_EUICC_DEVICE_CHANGE = 1 << 11,
    RSP_EUICC_ENCRYPTED_DEVICE_CHANGE_DATA = 1 << 12,
    RSP_EUICC_ESTIMATED_PROFILE_SIZE = 1 << 13,
    RSP_EUICC_PROFILE_SIZE_IN_PROFILES_INFO = 1 << 14,
    RSP_EUICC_CRL_STAPLING_V3 = 1 << 15,
    RSP_EUICC_CERT_CHAIN_V3_VERIFICATION = 1 << 16,
    RSP_EUICC_SIGNED_SMDS_RESPONSE_V3 = 1 << 17,
    RSP_EUICC_RSP_CAP_IN_INFO1 = 1 << 18,
    RSP_EUICC_OS_UPDATE = 1 << 19,
    RSP_EUICC_CANCEL_FOR_EMPTY_SPN_PN = 1 << 20,
    RSP_EUICC_UPDATE_NOTIF_CONFIG_INFO = 1 << 21,
    RSP_EUICC_UPDATE_METADATA_V3 = 1 << 22
};
extern const struct asn1_name rsp_euicc_capability_names[];

/* lpaRspCapability, v3. */
enum rsp_lpa_capability {
    RSP_LPA_CRL_STAPLING_V3 = 1 << 0,
    RSP_LPA_CERT_CHAIN_V3 = 1 << 1,
    RSP_LPA_APDU_API = 1 << 2,
    RSP_LPA_ENTERPRISE_CAPABLE_DEVICE = 1 << 3,
    RSP_LPA_LPA_PROXY = 1 << 4,
    RSP_LPA_SIGNED_SMDS_RESPONSE_V3 = 1 << 5,
    RSP_LPA_EUICC_CI_UPDATE = 1 << 6,
    RSP_LPA_EVENT_CHECKING = 1 << 7,
    RSP_LPA_PUSH_SERVICE = 1 << 8,
    RSP_LPA_PENDING_OPERATION_ALERTING = 1 << 9
};
extern const struct asn1_name rsp_lpa_capability_names[];

/* serverRspCapability, v3. */
enum rsp_server_capability {
    RSP_SERVER_CRL_STAPLING_V3 = 1 << 0,
    RSP_SERVER_EVENT_LIST_SIGNING_V3 = 1 << 1,
    RSP_SERVER_PUSH_SERVICE_V3 = 1 << 2,
    RSP_SERVER_CANCEL_FOR_EMPTY_SPN_PN = 1 << 3
};
extern const struct asn1_name rsp_server_capability_names[];

/* UICCCapability of the profile package specification (EUICCInfo2 tag 85). */
enum rsp_uicc_capability {
    RSP_UICC_CONTACTLESS = 1 << 0,
    RSP_UICC_USIM = 1 << 1,
    RSP_UICC_ISIM = 1 << 2,
    RSP_UICC_CSIM = 1 << 3,
    RSP_UICC_MILENAGE = 1 << 4,
    RSP_UICC_CAVE = 1 << 5,
    RSP_UICC_TUAK128 = 1 << 6,
    RSP_UICC_TUAK256 = 1 << 7,
    RSP_UICC_USIM_TEST_ALGORITHM = 1 << 8,
    RSP_UICC_GBA_USIM = 1 << 10,
    RSP_UICC_GBA_ISIM = 1 << 11,
    RSP_UICC_MBMS = 1 << 12,
    RSP_UICC_EAP = 1 << 13,
    RSP_UICC_JAVACARD = 1 << 14,
    RSP_UICC_MULTOS = 1 << 15,
    RSP_UICC_MULTIPLE_USIM = 1 << 16,
    RSP_UICC_MULTIPLE_ISIM = 1 << 17,
    RSP_UICC_MULTIPLE_CSIM = 1 << 18,
    RSP_UICC_BER_TLV = 1 << 19,
    RSP_UICC_DF_LINK = 1 << 20,
    RSP_UICC_CAT_TP = 1 << 21,
    RSP_UICC_GET_IDENTITY = 1 << 22,
    RSP_UICC_PROFILE_A_X25519 = 1 << 23,
    RSP_UICC_PROFILE_B_P256 = 1 << 24,
    RSP_UICC_SUCI_CALCULATOR_API = 1 << 25
};
#define RSP_UICC_IOT_MINIMAL ((uint64_t)1 << 31) /* no int */
extern const struct asn1_name rsp_uicc_capability_names[];

enum rsp_tre_property {
    RSP_TRE_IS_DISCRETE = 1 << 0,
    RSP_TRE_IS_INTEGRATED = 1 << 1,
    RSP_TRE_USES_REMOTE_MEMORY = 1 << 2
};
extern const struct asn1_name rsp_tre_property_names[];

/* catSupportedClasses: bit 0 = class a ... bit 29 = class ad. */
extern const struct asn1_name rsp_cat_class_names[];

/* Names of a bit string as "a, b, 7" appended to out; nothing for 0. */
void rsp_bits_text(const struct asn1_name *names, uint64_t bits, cr_buf *out);

/* ---- small shared structs ---- */

/* OperatorId (2.4a.1). In a RAT entry mccMnc nibbles E are wildcards and a gid of length zero
 * matches any. */
struct rsp_operator_id {
    cr_span mcc_mnc; /* 80, 3 bytes as TS 24.008 */
    cr_span gid1;    /* 81 opt */
    cr_span gid2;    /* 82 opt */
};
extern const struct asn1_type rsp_operator_id_type;

/* One element of VendorSpecificExtension. */
struct rsp_vendor_extension {
    cr_span vendor_oid; /* 80 */
    cr_span data;       /* complete TLV: A1{...}; some encoders send 81 */
};
typedef ASN1_LIST(struct rsp_vendor_extension) rsp_vendor_extension_list;
extern const struct asn1_type rsp_vendor_extension_type; /* the element, 30 */

/* NotificationMetadata BF2F. raw is what euiccNotificationSignature covers. */
struct rsp_notification_metadata {
    cr_span raw;
    int64_t seq_number;                    /* 80 */
    uint64_t profile_management_operation; /* 81, exactly one enum rsp_notification_event */
    cr_span notification_address;          /* 0C */
    cr_span iccid;                         /* 5A opt */
};
extern const struct asn1_type rsp_notification_metadata_type;

/* ControlRefTemplate A6 (BF23 and encrypted device change data). */
struct rsp_control_ref_template {
    cr_span raw;
    cr_span key_type; /* 80, 1 byte, 88 */
    cr_span key_len;  /* 81, 1 byte, 10 */
    cr_span host_id;  /* 84, 1..16 bytes */
};
extern const struct asn1_type rsp_control_ref_template_type;

/* Either way to name a profile: ProfileIdentifier CHOICE. */
enum { RSP_PROFILE_BY_AID = 1, RSP_PROFILE_BY_ICCID };
struct rsp_profile_identifier {
    int which;
    union {
        cr_span isdp_aid; /* 4F */
        cr_span iccid;    /* 5A */
    };
};
extern const struct asn1_type rsp_profile_identifier_type;

/* ---- deviceInfo (4.2) ---- */

/* DeviceCapabilities: 3-byte versions, all opt. The table is mandatory in deviceInfo but may be
 * empty (A1 00 is sent by real LPAs). */
struct rsp_device_capabilities {
    cr_span gsm_supported_release;           /* 80 */
    cr_span utran_supported_release;         /* 81 */
    cr_span cdma2000onex_supported_release;  /* 82 */
    cr_span cdma2000hrpd_supported_release;  /* 83 */
    cr_span cdma2000ehrpd_supported_release; /* 84 */
    cr_span eutran_epc_supported_release;    /* 85 */
    cr_span contactless_supported_release;   /* 86 */
    cr_span rsp_crl_supported_version;       /* 87, v2 */
    cr_span nr_epc_supported_release;        /* 88 */
    cr_span nr5gc_supported_release;         /* 89 */
    cr_span eutran5gc_supported_release;     /* 8A */
    cr_span lpa_svn;                         /* 8B v3 */
    bool has_cat_supported_classes;          /* 8C v3 */
    uint64_t cat_supported_classes;
    bool has_euicc_form_factor_type; /* 8D v3 */
    int64_t euicc_form_factor_type;
    bool has_device_additional_feature_support; /* AE, v2.5 */
    struct rsp_device_additional_features {
        cr_span nai_support; /* 80 opt */
    } device_additional_feature_support;
};
extern const struct asn1_type rsp_device_capabilities_type;

struct rsp_device_info {
    cr_span tac; /* 80, 4 bytes; nibble-swapped, but see rsp_tac_text() */
    struct rsp_device_capabilities device_capabilities; /* A1 */
    cr_span imei;                                       /* 82 opt, 8 bytes; rsp_imei_text() */
    rsp_span_list preferred_languages;                  /* A3 v3 opt */
    bool device_test_mode;                              /* 84 v3 NULL */
    bool has_lpa_rsp_capability;                        /* 85 v3 opt */
    uint64_t lpa_rsp_capability;
};
extern const struct asn1_type rsp_device_info_type;

/* ---- ctxParams1 (5.7.13). The eUICC copies raw unchanged into euiccSigned1. ---- */

enum { RSP_MATCHING_ID_SOURCE_NONE = 1, RSP_MATCHING_ID_SOURCE_AC, RSP_MATCHING_ID_SOURCE_SMDS };
struct rsp_matching_id_source {
    int which;
    bool none;            /* 80 NULL */
    bool activation_code; /* 81 NULL */
    cr_span smds_oid;     /* 82 */
};

struct rsp_ctx_common_authentication {
    cr_span matching_id;                /* 80 opt; empty and absent mean the same */
    struct rsp_device_info device_info; /* A1 */
    uint64_t operation_type;            /* 82 v3; default RSP_OPERATION_PROFILE_DOWNLOAD, which the
                                           decoder fills in; set it before encoding */
    cr_span iccid;                      /* 5A v3 opt */
    struct rsp_matching_id_source matching_id_source;    /* A3 v3 opt */
    rsp_vendor_extension_list vendor_specific_extension; /* A4 v3 opt */
};

struct rsp_ctx_device_change {                           /* v3 */
    cr_span iccid;                                       /* 5A */
    struct rsp_device_info device_info;                  /* A1 */
    cr_span target_eid_value;                            /* 5A opt, 16 bytes */
    cr_span target_tac_value;                            /* 82 opt */
    rsp_vendor_extension_list vendor_specific_extension; /* A3 opt */
};

struct rsp_ctx_profile_recovery {                        /* v3 */
    cr_span iccid;                                       /* 5A */
    struct rsp_device_info device_info;                  /* A1 */
    rsp_vendor_extension_list vendor_specific_extension; /* A2 opt */
};

struct rsp_ctx_push_service_registration { /* v3 */
    cr_span selected_push_service;         /* 80 OID */
    cr_span push_token;                    /* 81 UTF8 */
};

enum {
    RSP_CTX_COMMON_AUTHENTICATION = 1, /* A0 */
    RSP_CTX_DEVICE_CHANGE,             /* A1 v3 */
    RSP_CTX_PROFILE_RECOVERY,          /* A2 v3 */
    RSP_CTX_PUSH_SERVICE_REGISTRATION  /* A3 v3 */
};
struct rsp_ctx_params1 {
    int which;
    cr_span raw;
    union {
        struct rsp_ctx_common_authentication common_authentication;
        struct rsp_ctx_device_change device_change;
        struct rsp_ctx_profile_recovery profile_recovery;
        struct rsp_ctx_push_service_registration push_service_registration;
    };
};
extern const struct asn1_type rsp_ctx_params1_type;

/* ---- EUICCInfo (5.7.8) ---- */

/* EUICCInfo1 BF20. */
struct rsp_euicc_info1 {
    cr_span raw;
    cr_span lowest_svn;                                /* 82, 3 bytes; v2: svn */
    rsp_span_list euicc_ci_pkid_list_for_verification; /* A9 */
    rsp_span_list euicc_ci_pkid_list_for_signing;      /* AA */
    rsp_span_list euicc_ci_pkid_list_for_signing_v3;   /* B1 v3 opt */
    bool has_euicc_rsp_capability;                     /* 88 v3 opt */
    uint64_t euicc_rsp_capability;
    cr_span highest_svn; /* 93 v3 opt */
};
extern const struct asn1_type rsp_euicc_info1_type;

struct rsp_certification_data_object {
    cr_span platform_label;     /* 80 UTF8 */
    cr_span discovery_base_url; /* 81 UTF8 */
};

/* EUICCInfo2 BF22. */
struct rsp_euicc_info2 {
    cr_span raw;
    cr_span base_profile_package_version;              /* 81; v2: profileVersion */
    cr_span lowest_svn;                                /* 82; v2: svn */
    cr_span euicc_firmware_version;                    /* 83 */
    cr_span ext_card_resource;                         /* 84; rsp_ext_card_resource_parse() */
    uint64_t uicc_capability;                          /* 85 */
    cr_span ts102241_version;                          /* 86 opt; v2: javacardVersion */
    cr_span globalplatform_version;                    /* 87 opt */
    uint64_t euicc_rsp_capability;                     /* 88; v2: rspCapability */
    rsp_span_list euicc_ci_pkid_list_for_verification; /* A9 */
    rsp_span_list euicc_ci_pkid_list_for_signing;      /* AA */
    bool has_euicc_category;                           /* 8B opt */
    int64_t euicc_category;
    bool has_forbidden_profile_policy_rules; /* 99 opt */
    uint64_t forbidden_profile_policy_rules;
    cr_span pp_version;                 /* 04, 3 bytes */
    cr_span sas_accreditation_number;   /* 0C, 0..64 */
    bool has_certification_data_object; /* AC opt */
    struct rsp_certification_data_object certification_data_object;
    bool has_tre_properties; /* 8D opt */
    uint64_t tre_properties;
    cr_span tre_product_reference;                           /* 8E opt UTF8 */
    rsp_span_list additional_euicc_profile_package_versions; /* AF opt, 3 bytes each */
    bool has_lpa_mode;                                       /* 90 v3 opt */
    int64_t lpa_mode;
    rsp_span_list euicc_ci_pkid_list_for_signing_v3; /* B1 v3 opt */
    cr_span additional_euicc_info;                   /* 92 v3 opt, 0..32 */
    cr_span highest_svn;                             /* 93 v3 opt */
};
extern const struct asn1_type rsp_euicc_info2_type;

/* extCardResource (TS 102 226 8.2.1.7.2): 81, 82, 83 in bytes. */
struct rsp_ext_card_resource {
    uint64_t installed_applications; /* 81 */
    uint64_t free_non_volatile;      /* 82, what LPAs show as free space */
    uint64_t free_volatile;          /* 83 */
};

/* Unknown members are skipped, missing ones are 0. CR_MALFORMED when it is no TLV list. */
cr_status rsp_ext_card_resource_parse(cr_span value, struct rsp_ext_card_resource *out,
                                      struct cr_err *err) CR_MUST_CHECK;
void rsp_ext_card_resource_build(const struct rsp_ext_card_resource *value, cr_buf *out);

#endif
