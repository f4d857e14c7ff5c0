/*
 * E4E: the LPA in the eUICC driven by ENVELOPE (v3; SGP.22 5.7.x, tag E4).
 */
#ifndef CRISP_RSP_LPAE_H
#define CRISP_RSP_LPAE_H

#include "rsp/rpm.h"

#define RSP_E4E_MIN_PIN 4
#define RSP_E4E_MAX_PIN 8

struct rsp_e4e_pin {
    cr_span pin; /* 80 opt, 4..8: secret */
};

enum {
    RSP_E4E_START_DOWNLOAD = 1,  /* A0 */
    RSP_E4E_CONFIRM_DOWNLOAD,    /* A1 */
    RSP_E4E_LIST_PROFILES,       /* 82 */
    RSP_E4E_ENABLE,              /* A3 */
    RSP_E4E_DISABLE,             /* A4 */
    RSP_E4E_DELETE,              /* A5 */
    RSP_E4E_MEMORY_RESET,        /* A6 */
    RSP_E4E_CHANGE_PIN,          /* 87 */
    RSP_E4E_SET_RPM_ALLOW,       /* 88 */
    RSP_E4E_POLL_RPM_PACKAGE,    /* A9 */
    RSP_E4E_CONFIRM_RPM_PACKAGE, /* AA */
    RSP_E4E_CANCEL_SESSION       /* 8B */
};
struct rsp_e4e_request { /* E4 */
    int which;
    union {
        struct rsp_e4e_start_download {
            cr_span activation_code; /* 80 UTF8 */
        } start_download;
        struct rsp_e4e_confirm_download {
            bool enable;               /* 80 NULL */
            cr_span confirmation_code; /* 81 opt: secret */
            cr_span pin;               /* 82 opt: secret */
        } confirm_download;
        bool list_profiles; /* NULL */
        struct rsp_rpm_target enable;
        struct rsp_rpm_target disable;
        struct rsp_e4e_delete_profile {
            cr_span iccid; /* 5A */
            cr_span pin;   /* 81 opt: secret */
        } delete_profile;
        struct rsp_e4e_pin memory_reset;
        cr_span change_pin; /* 9..17 characters: secret */
        bool set_rpm_allow; /* BOOLEAN */
        struct rsp_e4e_poll_rpm_package {
            cr_span iccid; /* 5A opt */
        } poll_rpm_package;
        struct rsp_e4e_pin confirm_rpm_package;
        bool cancel_session; /* NULL */
    };
};
extern const struct asn1_type rsp_e4e_request_type;

enum rsp_e4e_result {
    RSP_E4E_SUCCESS = 0,
    RSP_E4E_BUSY = 1,
    RSP_E4E_COMMUNICATION_ERROR = 2,
    RSP_E4E_AUTHENTICATION_ERROR = 3,
    RSP_E4E_NO_PROFILE = 4,
    RSP_E4E_ELIGIBILITY_ERROR = 5,
    RSP_E4E_INSTALL_ERROR = 6,
    RSP_E4E_PIN_ERROR = 7,
    RSP_E4E_PROFILE_REFERENCE_ERROR = 8,
    RSP_E4E_ALREADY_ENABLED = 9,
    RSP_E4E_ALREADY_DISABLED = 10,
    RSP_E4E_CONFIRMATION_CODE_ERROR = 11,
    RSP_E4E_RPM_DISABLED = 12,
    RSP_E4E_PROFILE_DOES_NOT_EXIST = 13,
    RSP_E4E_UNDEFINED = 127
};
extern const struct asn1_name rsp_e4e_result_names[];

struct rsp_e4e_profile {           /* 30 */
    cr_span iccid;                 /* 5A */
    int64_t profile_state;         /* 9F70 */
    cr_span service_provider_name; /* 91 */
    cr_span profile_name;          /* 92 */
};

enum {
    RSP_E4E_DATA_START_DOWNLOAD = 1, /* A0 */
    RSP_E4E_DATA_LIST_PROFILES,      /* A3 */
    RSP_E4E_DATA_POLL_RPM_PACKAGE,   /* A4 */
    RSP_E4E_DATA_CONFIRM_RPM_PACKAGE /* A5 */
};
struct rsp_e4e_response_data {
    int which;
    union {
        struct rsp_e4e_start_download_data {
            cr_span service_provider_name; /* 91 */
            cr_span profile_name;          /* 92 */
            bool cc_required;              /* 80 NULL */
        } start_download;
        ASN1_LIST(struct rsp_e4e_profile) list_profiles;
        struct rsp_e4e_poll_rpm_package_data {
            rsp_rpm_command_list rpm_package; /* A0 */
            bool rpm_pending;                 /* 81 NULL */
        } poll_rpm_package;
        struct rsp_e4e_confirm_rpm_package_data {
            cr_span iccid; /* 5A */
        } confirm_rpm_package;
    };
};

struct rsp_e4e_response {                       /* E4 */
    int64_t result_code;                        /* 80 */
    struct rsp_e4e_response_data response_data; /* A1 opt */
};
extern const struct asn1_type rsp_e4e_response_type;

#endif
