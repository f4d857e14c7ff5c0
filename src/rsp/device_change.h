/*
 * Device change and profile recovery (v3; SGP.22 3.11, 5.7.27 ff.): PrepareDeviceChange BF4D,
 * ConfirmDeviceChange BF4C (ES9+), VerifyDeviceChange BF4B.
 */
#ifndef CRISP_RSP_DEVICE_CHANGE_H
#define CRISP_RSP_DEVICE_CHANGE_H

#include "rsp/types.h"

struct rsp_smdp_signed4 {
    cr_span raw;
    cr_span transaction_id;                       /* 80 */
    bool cc_required_flag;                        /* 01 */
    cr_span activation_code_for_profile_recovery; /* 81 opt UTF8 */
};
extern const struct asn1_type rsp_smdp_signed4_type; /* 30 */

struct rsp_device_change_data {
    cr_span iccid;                            /* 5A */
    cr_span activation_code_for_dc;           /* 80 UTF8 ..255 */
    bool delete_old_profile;                  /* 81 NULL */
    bool delete_notification_for_dc_support;  /* 82 NULL */
    cr_span notification_address;             /* 83 opt UTF8 */
    bool profile_recovery_support;            /* 84 NULL */
    cr_span profile_recovery_validity_period; /* 85 opt GeneralizedTime */
};
extern const struct asn1_type rsp_device_change_data_type; /* 30 */

struct rsp_encrypted_device_change_data {
    cr_span raw;
    struct rsp_control_ref_template control_ref_template; /* A6 */
    cr_span smdp_otpk;                                    /* 5F49 */
    rsp_span_list sequence_of_87;                         /* A1, complete 87 TLVs */
};

enum { RSP_DEVICE_CHANGE_DATA_CLEAR = 1, RSP_DEVICE_CHANGE_DATA_ENCRYPTED };
struct rsp_smdp_signed5 {
    cr_span raw;
    cr_span transaction_id; /* 80 */
    struct rsp_device_change_response {
        int which;
        union {
            struct rsp_device_change_data device_change_data;                     /* A0 */
            struct rsp_encrypted_device_change_data encrypted_device_change_data; /* A1 */
        };
    } device_change_response; /* A1 opt */
};
extern const struct asn1_type rsp_smdp_signed5_type; /* 30 */

/* ---- PrepareDeviceChange BF4D ---- */

struct rsp_prepare_device_change_request {
    struct rsp_smdp_signed4 smdp_signed4; /* 30 */
    cr_span smdp_signature4;              /* 5F37 */
    cr_span hash_cc;                      /* 04 opt, 32 bytes */
};
extern const struct asn1_type rsp_prepare_device_change_request_type;

struct rsp_euicc_signed3 {
    cr_span raw;
    cr_span transaction_id;         /* 80 */
    cr_span euicc_otpk;             /* 5F49 opt */
    cr_span hash_cc;                /* 04 opt */
    cr_span additional_information; /* 30 opt, complete TLV */
};
extern const struct asn1_type rsp_euicc_signed3_type; /* 30 */

struct rsp_prepare_device_change_ok {
    struct rsp_euicc_signed3 euicc_signed3; /* 30 */
    cr_span euicc_signature3;               /* 5F37 */
};

struct rsp_prepare_device_change_error {
    cr_span transaction_id;      /* 80 */
    int64_t download_error_code; /* 02, enum rsp_download_error */
};

enum { RSP_PREPARE_DEVICE_CHANGE_OK = 1, RSP_PREPARE_DEVICE_CHANGE_ERROR };
struct rsp_prepare_device_change_response {
    int which;
    cr_span raw;
    union {
        struct rsp_prepare_device_change_ok ok;       /* A0 */
        struct rsp_prepare_device_change_error error; /* A1 */
    };
};
extern const struct asn1_type rsp_prepare_device_change_response_type;

/* ---- ConfirmDeviceChange BF4C (ES9+) ---- */

/* The module names and tags the second component as if it were a PrepareDownloadResponse (BF21);
 * its content is the answer to PrepareDeviceChange. The ..._alt_ table takes BF4D instead. */
struct rsp_confirm_device_change_request {
    cr_span transaction_id;                                                   /* 04 */
    struct rsp_prepare_device_change_response prepare_device_change_response; /* BF21 */
};
extern const struct asn1_type rsp_confirm_device_change_request_type;
extern const struct asn1_type rsp_confirm_device_change_request_alt_type;

struct rsp_confirm_device_change_ok {
    cr_span transaction_id;               /* 80 */
    struct rsp_smdp_signed5 smdp_signed5; /* 30 */
    cr_span smdp_signature5;              /* 04, 64 bytes (5F37 TLV in JSON) */
};

enum { RSP_CONFIRM_DEVICE_CHANGE_OK = 1, RSP_CONFIRM_DEVICE_CHANGE_ERROR };
struct rsp_confirm_device_change_response {
    int which;
    union {
        struct rsp_confirm_device_change_ok ok; /* A0 */
        int64_t error;                          /* 81; numbers in rsp/status.h */
    };
};
extern const struct asn1_type rsp_confirm_device_change_response_type;

/* ---- VerifyDeviceChange BF4B ---- */

struct rsp_device_change_confirmation {
    struct rsp_smdp_signed5 smdp_signed5; /* 30 */
    cr_span smdp_signature5;              /* 5F37 */
};

struct rsp_profile_recovery_response {
    struct rsp_smdp_signed4 smdp_signed4; /* 30 */
    cr_span smdp_signature4;              /* 5F37 */
};

enum { RSP_VERIFY_DEVICE_CHANGE_CONFIRMATION = 1, RSP_VERIFY_PROFILE_RECOVERY };
struct rsp_verify_device_change_request {
    int which;
    union {
        struct rsp_device_change_confirmation device_change_confirmation; /* A0 */
        struct rsp_profile_recovery_response profile_recovery_response;   /* A1 */
    };
};
extern const struct asn1_type rsp_verify_device_change_request_type;

enum rsp_verify_device_change_error {
    RSP_VERIFY_DEVICE_CHANGE_INVALID_SIGNATURE = 2,
    RSP_VERIFY_DEVICE_CHANGE_NO_SESSION = 4,
    RSP_VERIFY_DEVICE_CHANGE_INVALID_TRANSACTION_ID = 5,
    RSP_VERIFY_DEVICE_CHANGE_UNSUPPORTED_CRT_VALUES = 6,
    RSP_VERIFY_DEVICE_CHANGE_INVALID_DATA = 7,
    RSP_VERIFY_DEVICE_CHANGE_PROFILE_NOT_IN_DISABLED_STATE = 8,
    RSP_VERIFY_DEVICE_CHANGE_UNDEFINED = 127
};
extern const struct asn1_name rsp_verify_device_change_error_names[];

enum { RSP_VERIFY_DEVICE_CHANGE_OK = 1, RSP_VERIFY_DEVICE_CHANGE_ERROR };
enum { RSP_VERIFY_OK_NO_DATA = 1, RSP_VERIFY_OK_DEVICE_CHANGE_DATA };
struct rsp_verify_device_change_response {
    int which;
    union {
        struct rsp_verify_device_change_ok {
            int which;
            union {
                bool no_data;                                     /* 80 NULL */
                struct rsp_device_change_data device_change_data; /* A1 */
            };
        } ok;          /* A0 */
        int64_t error; /* 81 */
    };
};
extern const struct asn1_type rsp_verify_device_change_response_type;

/* DeleteNotificationForDc: the delete notification of the old device, brought by the new one. */
struct rsp_delete_notification_for_dc {
    cr_span raw;
    struct rsp_notification_metadata notification_metadata; /* A0; the signature covers it as BF2F
                                                               (unverified) */
    cr_span euicc_notification_signature;                   /* 81 */
};
extern const struct asn1_type rsp_delete_notification_for_dc_type; /* 30 */

#endif
