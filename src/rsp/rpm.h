/*
 * Remote profile management (v3; SGP.22 5.7.24, LoadRpmPackage BF44): package, commands, result.
 */
#ifndef CRISP_RSP_RPM_H
#define CRISP_RSP_RPM_H

#include "rsp/es10c.h"

/* ---- RpmPackage ---- */

struct rsp_rpm_target {
    cr_span iccid; /* 5A */
};

enum { RSP_RPM_LIST_BY_ICCID = 1, RSP_RPM_LIST_BY_OWNER };
struct rsp_rpm_list_profile_info {
    struct rsp_rpm_list_search {
        int which;
        union {
            cr_span iccid;             /* 5A */
            cr_span profile_owner_oid; /* 80 */
        };
    } search_criteria; /* A0 */
    cr_span tag_list;  /* 5C opt */
};

struct rsp_rpm_update_metadata {
    cr_span iccid;                              /* 5A */
    struct rsp_update_metadata update_metadata; /* BF2A */
};

struct rsp_rpm_contact_pcmp {
    cr_span iccid;   /* 5A */
    cr_span dpi_rpm; /* 0C opt */
};

enum {
    RSP_RPM_COMMAND_ENABLE = 1,        /* A1 */
    RSP_RPM_COMMAND_DISABLE,           /* A2 */
    RSP_RPM_COMMAND_DELETE,            /* A3 */
    RSP_RPM_COMMAND_LIST_PROFILE_INFO, /* A4 */
    RSP_RPM_COMMAND_UPDATE_METADATA,   /* A5 */
    RSP_RPM_COMMAND_CONTACT_PCMP       /* A6 */
};
struct rsp_rpm_command_details {
    int which;
    union {
        struct rsp_rpm_target enable;
        struct rsp_rpm_target disable;
        struct rsp_rpm_target delete_profile;
        struct rsp_rpm_list_profile_info list_profile_info;
        struct rsp_rpm_update_metadata update_metadata;
        struct rsp_rpm_contact_pcmp contact_pcmp;
    };
};

struct rsp_rpm_command {      /* 30 */
    bool continue_on_failure; /* 80 NULL */
    struct rsp_rpm_command_details rpm_command_details;
};
typedef ASN1_LIST(struct rsp_rpm_command) rsp_rpm_command_list;
extern const struct asn1_type rsp_rpm_command_type;
extern const struct asn1_type rsp_rpm_package_type; /* rsp_rpm_command_list, tag 30 (ES2+) */

/* SmdpSigned3. */
struct rsp_smdp_signed3 {
    cr_span raw;
    cr_span transaction_id;           /* 80 */
    rsp_rpm_command_list rpm_package; /* A1 */
    bool rpm_pending;                 /* 82 NULL */
};
extern const struct asn1_type rsp_smdp_signed3_type; /* 30 */

struct rsp_load_rpm_package_request {     /* BF44 */
    struct rsp_smdp_signed3 smdp_signed3; /* 30 */
    cr_span smdp_signature3;              /* 5F37 */
    bool has_target_esim_port;            /* 02 opt */
    int64_t target_esim_port;
};
extern const struct asn1_type rsp_load_rpm_package_request_type;

/* ---- result ---- */

enum rsp_rpm_terminated {
    RSP_RPM_RESULT_SIZE_OVERFLOW = 1,
    RSP_RPM_UNKNOWN_OR_DAMAGED_COMMAND = 2,
    RSP_RPM_INTERRUPTION = 3,
    RSP_RPM_COMMANDS_WITH_REFRESH_EXCEEDED = 4,
    RSP_RPM_COMMAND_AFTER_CONTACT_PCMP = 5,
    RSP_RPM_COMMAND_PACKAGE_TOO_LARGE = 6
};
extern const struct asn1_name rsp_rpm_terminated_names[];

enum rsp_contact_pcmp_error {
    RSP_CONTACT_PCMP_PROFILE_NOT_ENABLED = 2,
    RSP_CONTACT_PCMP_COMMAND_ERROR = 7,
    RSP_CONTACT_PCMP_NO_LPR_CONFIGURATION = 13,
    RSP_CONTACT_PCMP_UNDEFINED = 127
};
extern const struct asn1_name rsp_contact_pcmp_error_names[];

enum { RSP_CONTACT_PCMP_OK = 1, RSP_CONTACT_PCMP_ERROR };
struct rsp_contact_pcmp_response {
    int which;
    union {
        struct rsp_contact_pcmp_ok {
            cr_span pcmp_address; /* 80 UTF8 */
        } ok;                     /* A0 */
        int64_t error;            /* 81 */
    };
};

enum {
    RSP_RPM_RESULT_ENABLE = 1,        /* BF31 */
    RSP_RPM_RESULT_DISABLE,           /* BF32 */
    RSP_RPM_RESULT_DELETE,            /* BF33 */
    RSP_RPM_RESULT_LIST_PROFILE_INFO, /* BF2D */
    RSP_RPM_RESULT_UPDATE_METADATA,   /* 9F2A */
    RSP_RPM_RESULT_CONTACT_PCMP,      /* A0 */
    RSP_RPM_RESULT_TERMINATED         /* 02 */
};
struct rsp_rpm_command_result_data {
    int which;
    union {
        struct rsp_enable_profile_response enable_result;
        struct rsp_disable_profile_response disable_result;
        struct rsp_delete_profile_response delete_result;
        struct rsp_profile_info_list_response list_profile_info_result;
        int64_t update_metadata_result; /* enum rsp_update_metadata_result */
        struct rsp_contact_pcmp_response contact_pcmp_result;
        int64_t rpm_processing_terminated; /* enum rsp_rpm_terminated */
    };
};

struct rsp_rpm_command_result { /* 30 */
    cr_span iccid;              /* 5A opt */
    struct rsp_rpm_command_result_data rpm_command_result_data;
};
extern const struct asn1_type rsp_rpm_command_result_type;

enum rsp_load_rpm_error {
    RSP_LOAD_RPM_INVALID_SIGNATURE = 2,
    RSP_LOAD_RPM_NO_SESSION = 4, /* not signed */
    RSP_LOAD_RPM_INVALID_TRANSACTION_ID = 5,
    RSP_LOAD_RPM_UNDEFINED = 127
};
extern const struct asn1_name rsp_load_rpm_error_names[];

enum { RSP_RPM_EXECUTED = 1, RSP_RPM_NOT_EXECUTED };
struct rsp_load_rpm_package_result_data_signed {
    cr_span raw;            /* euiccSignRPR covers it (tag form unverified) */
    cr_span transaction_id; /* 80 */
    struct rsp_notification_metadata notification_metadata; /* BF2F */
    cr_span smdp_oid;                                       /* 06, of CERT.DPauth */
    struct rsp_rpm_final_result {
        int which;
        union {
            ASN1_LIST(struct rsp_rpm_command_result) rpm_package_execution_result; /* A0 */
            int64_t load_rpm_package_error_code_signed;                            /* 81 */
        };
    } final_result; /* A2 */
};

/* LoadRpmPackageResultSigned: A0 of BF44, A1 of PendingNotification. */
struct rsp_load_rpm_package_result_signed {
    cr_span raw;
    struct rsp_load_rpm_package_result_data_signed data; /* A0 */
    cr_span euicc_sign_rpr;                              /* 81 */
};
extern const struct asn1_type rsp_load_rpm_package_result_signed_type; /* 30 */

struct rsp_load_rpm_package_result_not_signed {
    cr_span transaction_id;                         /* 80 */
    int64_t load_rpm_package_error_code_not_signed; /* 02 */
};

enum { RSP_LOAD_RPM_RESULT_SIGNED = 1, RSP_LOAD_RPM_RESULT_NOT_SIGNED };
struct rsp_load_rpm_package_response { /* BF44 */
    int which;
    union {
        struct rsp_load_rpm_package_result_signed result_signed;         /* A0 */
        struct rsp_load_rpm_package_result_not_signed result_not_signed; /* A1 */
    };
};
extern const struct asn1_type rsp_load_rpm_package_response_type;

#endif
