/*
 * Events of the SM-DS (v3; SGP.22 5.7.25 VerifySmdsResponse BF45, 5.8.4 CheckEvent BF46) and the
 * eUICC's AlertData BF4A.
 */
#ifndef CRISP_RSP_SMDS_H
#define CRISP_RSP_SMDS_H

#include "rsp/types.h"

enum rsp_event_type { RSP_EVENT_TYPE_PROFILE_DOWNLOAD = 1, RSP_EVENT_TYPE_RPM = 2 };
extern const struct asn1_name rsp_event_type_names[];

#define RSP_MIN_ECID 16
#define RSP_MAX_ECID 32
#define RSP_MIN_SALT 8
#define RSP_MAX_SALT 16

struct rsp_event_record_v3 {       /* 30 */
    cr_span event_id;              /* 0C */
    cr_span rsp_server_address;    /* 0C */
    int64_t event_type;            /* 02 */
    rsp_span_list hashed_iccids;   /* 30{04..} opt; SHA256(ICCID) or SHA256(ICCID || salt) */
    cr_span salt;                  /* 04 opt, 8..16 */
    cr_span service_provider_name; /* 91 opt */
    bool has_operator_id;          /* B7 opt */
    struct rsp_operator_id operator_id;
};
typedef ASN1_LIST(struct rsp_event_record_v3) rsp_event_record_v3_list;
extern const struct asn1_type rsp_event_record_v3_type;

struct rsp_event_list {
    rsp_event_record_v3_list event_entries; /* A1 */
    cr_span ec_id;                          /* 82 opt, 16..32 */
    cr_span push_service_refresh_time;      /* 83 opt GeneralizedTime */
};

struct rsp_push_service_registration_result {
    cr_span push_service_refresh_time; /* 83 opt GeneralizedTime */
};

enum { RSP_SMDS_EVENT_LIST = 1, RSP_SMDS_PUSH_SERVICE_REGISTRATION_RESULT };
struct rsp_smds_signed2 {
    cr_span raw;
    cr_span transaction_id; /* 80 */
    struct rsp_smds_signed_data {
        int which;
        union {
            struct rsp_event_list event_list;                                             /* A0 */
            struct rsp_push_service_registration_result push_service_registration_result; /* A1 */
        };
    } signed_data;
};
extern const struct asn1_type rsp_smds_signed2_type; /* 30 */

/* ---- VerifySmdsResponse BF45 ---- */

/* Inside the message the tag of smdsSigned2 is A1, elsewhere and under the signature it is 30: raw
 * has the tag of where it was read, see rsp_retag(). */
struct rsp_verify_smds_response_request {
    struct rsp_smds_signed2 smds_signed2; /* A1 */
    cr_span smds_signature2;              /* 5F37 */
};
extern const struct asn1_type rsp_verify_smds_response_request_type;

enum rsp_verify_smds_error {
    RSP_VERIFY_SMDS_INVALID_SIGNATURE = 2,
    RSP_VERIFY_SMDS_NO_SESSION = 4,
    RSP_VERIFY_SMDS_INVALID_TRANSACTION_ID = 5,
    RSP_VERIFY_SMDS_UNDEFINED = 127
};
extern const struct asn1_name rsp_verify_smds_error_names[];

enum { RSP_VERIFY_SMDS_OK = 1, RSP_VERIFY_SMDS_ERROR };
struct rsp_verify_smds_response_response {
    int which;
    union {
        bool ok;       /* 80 NULL */
        int64_t error; /* 81 */
    };
};
extern const struct asn1_type rsp_verify_smds_response_response_type;

/* ---- CheckEvent BF46 (ES11) ---- */

struct rsp_check_event_request {
    cr_span ec_id;        /* 80 */
    cr_span smds_address; /* 81 UTF8 */
};
extern const struct asn1_type rsp_check_event_request_type;

enum { RSP_CHECK_EVENT_OK = 1, RSP_CHECK_EVENT_ERROR };
struct rsp_check_event_response {
    int which;
    union {
        struct rsp_check_event_ok {
            bool is_pending_event; /* 80 */
        } ok;                      /* A0 */
        int64_t error;             /* 81; numbers in rsp/status.h */
    };
};
extern const struct asn1_type rsp_check_event_response_type;

/* ---- AlertData BF4A ---- */

struct rsp_metadata_update_enabled_profile {
    cr_span iccid;    /* 5A opt */
    cr_span tag_list; /* 5C */
};

enum {
    RSP_ALERT_POLLING_ADDRESS = 1,
    RSP_ALERT_ROOT_SMDS,
    RSP_ALERT_DEFAULT_SMDP,
    RSP_ALERT_EXPLICIT_ADDRESS
};
struct rsp_pending_operation_alert {
    int which;
    union {
        cr_span polling_address;  /* 80; contents as they are (type unverified) */
        cr_span root_smds;        /* 81; normally empty */
        cr_span default_smdp;     /* 82; normally empty */
        cr_span explicit_address; /* 83 UTF8 */
    };
};

enum { RSP_ALERT_METADATA_UPDATE = 1, RSP_ALERT_PENDING_OPERATION };
struct rsp_alert_data {
    int which;
    union {
        struct rsp_metadata_update_enabled_profile metadata_update_enabled_profile; /* A0 */
        struct rsp_pending_operation_alert pending_operation_alert;                 /* A1 */
    };
};
extern const struct asn1_type rsp_alert_data_type;

#endif
