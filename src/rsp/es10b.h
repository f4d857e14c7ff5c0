/*
 * ES10b (SGP.22 5.7.5 to 5.7.14): EUICCInfo, challenge, mutual authentication, download
 * preparation, cancellation, notifications, Rules Authorisation Table, CRLs.
 * LoadBoundProfilePackage is in rsp/es8.h and rsp/segment.h, the functions of v3 in rsp/rpm.h,
 * rsp/device_change.h and rsp/smds.h.
 */
#ifndef CRISP_RSP_ES10B_H
#define CRISP_RSP_ES10B_H

#include "rsp/es8.h"
#include "rsp/rpm.h"

/* ---- GetEuiccInfo1 BF20, GetEuiccInfo2 BF22; answers in rsp/types.h ---- */

extern const struct asn1_type rsp_get_euicc_info1_request_type; /* struct rsp_empty */
extern const struct asn1_type rsp_get_euicc_info2_request_type; /* struct rsp_empty */

/* ---- GetEUICCChallenge BF2E ---- */

extern const struct asn1_type rsp_get_euicc_challenge_request_type; /* struct rsp_empty */
struct rsp_get_euicc_challenge_response {
    cr_span euicc_challenge; /* 80, 16 bytes */
};
extern const struct asn1_type rsp_get_euicc_challenge_response_type;

/* ---- AuthenticateServer BF38 ---- */

struct rsp_session_context {               /* v3 */
    cr_span server_svn;                    /* 80, 3 bytes */
    bool crl_stapling_v3_used;             /* 81 */
    cr_span euicc_ci_pkid_to_be_used_v3;   /* 82 opt */
    rsp_span_list supported_push_services; /* A3 opt, OIDs */
};

/* ServerSigned1. raw is what serverSignature1 covers. */
struct rsp_server_signed1 {
    cr_span raw;
    cr_span transaction_id;   /* 80, 1..16 */
    cr_span euicc_challenge;  /* 81, 16 */
    cr_span server_address;   /* 83 UTF8 FQDN */
    cr_span server_challenge; /* 84, 16 */
    bool has_session_context; /* A5 v3 opt */
    struct rsp_session_context session_context;
    bool has_server_rsp_capability; /* 86 v3 opt */
    uint64_t server_rsp_capability;
};
extern const struct asn1_type rsp_server_signed1_type; /* 30 */

struct rsp_authenticate_server_request {
    struct rsp_server_signed1 server_signed1; /* 30 */
    cr_span server_signature1;                /* 5F37 */
    cr_span euicc_ci_pkid_to_be_used;         /* 04; v3 opt, absent or empty when sessionContext
                                                 names one */
    cr_span server_certificate;               /* 30 */
    struct rsp_ctx_params1 ctx_params1;       /* A0..A3 */
    rsp_span_list other_certs_in_chain;       /* A1 v3 opt */
    rsp_span_list crl_list;                   /* A2 v3 opt */
};
extern const struct asn1_type rsp_authenticate_server_request_type;

/* EuiccSigned1. raw is what euiccSignature1 covers. */
struct rsp_euicc_signed1 {
    cr_span raw;
    cr_span transaction_id;             /* 80 */
    cr_span server_address;             /* 83 */
    cr_span server_challenge;           /* 84 */
    struct rsp_euicc_info2 euicc_info2; /* BF22 */
    struct rsp_ctx_params1 ctx_params1; /* A0..A3, exactly as received from the LPA */
};
extern const struct asn1_type rsp_euicc_signed1_type; /* 30 */

struct rsp_authenticate_response_ok {
    struct rsp_euicc_signed1 euicc_signed1; /* 30 */
    cr_span euicc_signature1;               /* 5F37 */
    cr_span euicc_certificate;              /* 30 */
    cr_span next_cert_in_chain;             /* 30; v2: eumCertificate */
    rsp_span_list other_certs_in_chain;     /* A0 v3 opt */
};

struct rsp_authenticate_response_error {
    cr_span transaction_id;          /* 80 */
    int64_t authenticate_error_code; /* 02, enum rsp_authenticate_error */
};

enum { RSP_AUTHENTICATE_RESPONSE_OK = 1, RSP_AUTHENTICATE_RESPONSE_ERROR };
struct rsp_authenticate_server_response {
    int which;
    cr_span raw;
    union {
        struct rsp_authenticate_response_ok ok;       /* A0 */
        struct rsp_authenticate_response_error error; /* A1 */
    };
};
extern const struct asn1_type rsp_authenticate_server_response_type;

/* ---- PrepareDownload BF21 ---- */

/* SmdpSigned2. smdpSignature2 covers raw || 5F37 TLV of euiccSignature1. */
struct rsp_smdp_signed2 {
    cr_span raw;
    cr_span transaction_id; /* 80 */
    bool cc_required_flag;  /* 01 */
    cr_span bpp_euicc_otpk; /* 5F49 opt */
    bool rpm_pending;       /* 05 v3 NULL */
};
extern const struct asn1_type rsp_smdp_signed2_type; /* 30 */

struct rsp_prepare_download_request {
    struct rsp_smdp_signed2 smdp_signed2; /* 30 */
    cr_span smdp_signature2;              /* 5F37 */
    cr_span hash_cc;                      /* 04 opt, 32 */
    cr_span smdp_certificate;             /* 30, CERT.DPpb */
};
extern const struct asn1_type rsp_prepare_download_request_type;

/* EUICCSigned2. euiccSignature2 covers raw || 5F37 TLV of smdpSignature2. */
struct rsp_euicc_signed2 {
    cr_span raw;
    cr_span transaction_id;         /* 80 */
    cr_span euicc_otpk;             /* 5F49, 65 */
    cr_span hash_cc;                /* 04 opt, 32 */
    cr_span additional_information; /* 30 v3 opt, complete TLV */
};
extern const struct asn1_type rsp_euicc_signed2_type; /* 30 */

struct rsp_prepare_download_ok {
    struct rsp_euicc_signed2 euicc_signed2; /* 30 */
    cr_span euicc_signature2;               /* 5F37 */
};

struct rsp_prepare_download_error {
    cr_span transaction_id;      /* 80 */
    int64_t download_error_code; /* 02, enum rsp_download_error */
};

enum { RSP_PREPARE_DOWNLOAD_OK = 1, RSP_PREPARE_DOWNLOAD_ERROR };
struct rsp_prepare_download_response {
    int which;
    cr_span raw;
    union {
        struct rsp_prepare_download_ok ok;       /* A0 */
        struct rsp_prepare_download_error error; /* A1 */
    };
};
extern const struct asn1_type rsp_prepare_download_response_type;

/* ---- CancelSession BF41 ---- */

struct rsp_cancel_session_request {
    cr_span transaction_id; /* 80 */
    int64_t reason;         /* 81, enum rsp_cancel_reason */
};
extern const struct asn1_type rsp_cancel_session_request_type;

/* EuiccCancelSessionSigned. raw is what euiccCancelSessionSignature covers. */
struct rsp_euicc_cancel_session_signed {
    cr_span raw;
    cr_span transaction_id; /* 80 */
    cr_span smdp_oid;       /* 81 */
    int64_t reason;         /* 82 */
};
extern const struct asn1_type rsp_euicc_cancel_session_signed_type; /* 30 */

struct rsp_cancel_session_ok {
    struct rsp_euicc_cancel_session_signed euicc_cancel_session_signed; /* 30 */
    cr_span euicc_cancel_session_signature;                             /* 5F37 */
};

enum rsp_cancel_session_error {
    RSP_CANCEL_SESSION_INVALID_TRANSACTION_ID = 5,
    RSP_CANCEL_SESSION_UNDEFINED = 127
};
extern const struct asn1_name rsp_cancel_session_error_names[];

enum { RSP_CANCEL_SESSION_OK = 1, RSP_CANCEL_SESSION_ERROR };
struct rsp_cancel_session_response {
    int which;
    cr_span raw; /* tag BF41, or A1 when it came in the ASN.1 binding */
    union {
        struct rsp_cancel_session_ok ok; /* A0 */
        int64_t error;                   /* 81 */
    };
};
extern const struct asn1_type rsp_cancel_session_response_type;

/* ---- notifications: BF28, BF2B, BF30 ---- */

struct rsp_list_notification_request {
    bool has_profile_management_operation; /* 81 opt */
    uint64_t profile_management_operation; /* enum rsp_notification_event */
};
extern const struct asn1_type rsp_list_notification_request_type;

enum rsp_notifications_list_error {
    RSP_NOTIFICATIONS_NO_RESULT_AVAILABLE = 1, /* older text; read it as an empty list */
    RSP_NOTIFICATIONS_UNDEFINED = 127
};
extern const struct asn1_name rsp_notifications_list_error_names[];

enum { RSP_LIST_NOTIFICATION_OK = 1, RSP_LIST_NOTIFICATION_ERROR };
struct rsp_list_notification_response {
    int which;
    union {
        ASN1_LIST(struct rsp_notification_metadata) notification_metadata_list; /* A0 */
        int64_t list_notifications_result_error;                                /* 81 */
    };
};
extern const struct asn1_type rsp_list_notification_response_type;

enum { RSP_RETRIEVE_BY_SEQ_NUMBER = 1, RSP_RETRIEVE_BY_EVENT };
struct rsp_retrieve_notifications_list_request {
    struct rsp_retrieve_search {
        int which;
        union {
            int64_t seq_number;                    /* 80 */
            uint64_t profile_management_operation; /* 81 */
        };
    } search_criteria; /* A0 opt */
};
extern const struct asn1_type rsp_retrieve_notifications_list_request_type;

struct rsp_other_signed_notification { /* 30 */
    cr_span raw;
    struct rsp_notification_metadata tbs_other_notification; /* BF2F */
    cr_span euicc_notification_signature;                    /* 5F37 */
    cr_span euicc_certificate;                               /* 30 */
    cr_span next_cert_in_chain;                              /* 30; v2: eumCertificate */
    rsp_span_list other_certs_in_chain;                      /* A1 v3 opt */
};
extern const struct asn1_type rsp_other_signed_notification_type;

enum {
    RSP_PENDING_PROFILE_INSTALLATION_RESULT = 1, /* BF37 */
    RSP_PENDING_OTHER_SIGNED_NOTIFICATION,       /* 30 */
    RSP_PENDING_LOAD_RPM_PACKAGE_RESULT          /* A1 v3 */
};
struct rsp_pending_notification {
    int which;
    cr_span raw;
    union {
        struct rsp_profile_installation_result profile_installation_result;
        struct rsp_other_signed_notification other_signed_notification;
        struct rsp_load_rpm_package_result_signed load_rpm_package_result_signed;
    };
};
typedef ASN1_LIST(struct rsp_pending_notification) rsp_pending_notification_list;
extern const struct asn1_type rsp_pending_notification_type;

/* The metadata of whichever it is; NULL when which is none of the three. */
const struct rsp_notification_metadata *
rsp_pending_notification_metadata(const struct rsp_pending_notification *pending);

enum { RSP_RETRIEVE_NOTIFICATIONS_OK = 1, RSP_RETRIEVE_NOTIFICATIONS_ERROR };
struct rsp_retrieve_notifications_list_response {
    int which;
    union {
        rsp_pending_notification_list notification_list; /* A0 */
        int64_t notifications_list_result_error;         /* 81 */
    };
};
extern const struct asn1_type rsp_retrieve_notifications_list_response_type;

struct rsp_notification_sent_request { /* RemoveNotificationFromList */
    int64_t seq_number;                /* 80 */
};
extern const struct asn1_type rsp_notification_sent_request_type;

enum rsp_delete_notification_status {
    RSP_DELETE_NOTIFICATION_OK = 0,
    RSP_DELETE_NOTIFICATION_NOTHING_TO_DELETE = 1, /* counts as done */
    RSP_DELETE_NOTIFICATION_UNDEFINED = 127
};
extern const struct asn1_name rsp_delete_notification_status_names[];

struct rsp_notification_sent_response {
    int64_t delete_notification_status; /* 80 */
};
extern const struct asn1_type rsp_notification_sent_response_type;

/* ---- GetRAT BF43 ---- */

extern const struct asn1_type rsp_get_rat_request_type; /* struct rsp_empty */

struct rsp_profile_policy_authorisation_rule {           /* 30 */
    uint64_t ppr_ids;                                    /* 80, enum rsp_ppr */
    ASN1_LIST(struct rsp_operator_id) allowed_operators; /* A1 */
    uint64_t ppr_flags;                                  /* 82, enum rsp_ppr_flag */
};
extern const struct asn1_type rsp_profile_policy_authorisation_rule_type;

struct rsp_get_rat_response {
    ASN1_LIST(struct rsp_profile_policy_authorisation_rule) rat; /* A0; empty = no PPR allowed */
};
extern const struct asn1_type rsp_get_rat_response_type;

/* ---- LoadCRL BF35, v2 ---- */

struct rsp_load_crl_request {
    cr_span crl; /* A0, complete TLV; rsp_retag(.., 0x30, ..) gives the CertificateList */
};
extern const struct asn1_type rsp_load_crl_request_type;

enum rsp_load_crl_error {
    RSP_LOAD_CRL_INVALID_SIGNATURE = 1,
    RSP_LOAD_CRL_INVALID_CRL_FORMAT = 2,
    RSP_LOAD_CRL_NOT_ENOUGH_MEMORY_SPACE = 3,
    RSP_LOAD_CRL_VERIFICATION_KEY_NOT_FOUND = 4,
    RSP_LOAD_CRL_FRESHER_CRL_ALREADY_LOADED = 5,
    RSP_LOAD_CRL_BASE_CRL_MISSING = 6,
    RSP_LOAD_CRL_UNDEFINED = 127
};
extern const struct asn1_name rsp_load_crl_error_names[];

enum { RSP_MISSING_PART_NUMBER = 1, RSP_MISSING_PART_OLD_FORM };
struct rsp_missing_part {
    int which;
    union {
        int64_t number; /* 02 */
        struct rsp_missing_part_old_form {
            int64_t number; /* 80 */
        } old_form;         /* 30, older module */
    };
};

enum { RSP_LOAD_CRL_RESPONSE_OK = 1, RSP_LOAD_CRL_RESPONSE_ERROR };
struct rsp_load_crl_response {
    int which;
    union {
        struct rsp_load_crl_ok {
            ASN1_LIST(struct rsp_missing_part) missing_parts; /* A0 opt */
        } ok;                                                 /* A0 */
        int64_t error;                                        /* 81 */
    };
};
extern const struct asn1_type rsp_load_crl_response_type;

#endif
