/*
 * ES9+ and ES11 (SGP.22 5.6, 5.8, 6.5): requests and answers of the functions that an LPA calls.
 *
 * One struct for a request and one for an answer, whichever binding carried them: rsp/functions.h
 * ties them to the ASN.1 tables below and to the JSON tables of rsp/json_binding.h. Handlers fill
 * `which` and the matching member of an answer, or fail with subject and reason code; the bindings
 * turn that into the error number (rsp/status.h) or the Failed header.
 */
#ifndef CRISP_RSP_ES9PLUS_H
#define CRISP_RSP_ES9PLUS_H

#include "rsp/device_change.h"
#include "rsp/es10b.h"
#include "rsp/smds.h"

/* ---- InitiateAuthentication BF39 (ES9+ and ES11) ---- */

struct rsp_initiate_authentication_request {
    cr_span euicc_challenge;            /* 81, 16 bytes */
    cr_span smdp_address;               /* 83 UTF8, as the LPA typed it, port included */
    struct rsp_euicc_info1 euicc_info1; /* BF20 */
    bool has_lpa_rsp_capability;        /* 03 v3 opt */
    uint64_t lpa_rsp_capability;
};
extern const struct asn1_type rsp_initiate_authentication_request_type;

struct rsp_initiate_authentication_ok {
    cr_span transaction_id;                   /* 80 */
    struct rsp_server_signed1 server_signed1; /* 30 */
    cr_span server_signature1;                /* 5F37 */
    cr_span euicc_ci_pkid_to_be_used;         /* 04 */
    cr_span server_certificate;               /* 30 */
    rsp_span_list other_certs_in_chain;       /* A1 v3 opt */
    rsp_span_list crl_list;                   /* A2 v3 opt */
};

enum { RSP_INITIATE_AUTHENTICATION_OK = 1, RSP_INITIATE_AUTHENTICATION_ERROR };
struct rsp_initiate_authentication_response {
    int which;
    union {
        struct rsp_initiate_authentication_ok ok; /* A0 */
        int64_t error;                            /* 81; set by the binding */
    };
};
extern const struct asn1_type rsp_initiate_authentication_response_type;

/* ---- AuthenticateClient BF3B (answer ES9+ BF3B, ES11 BF40) ---- */

struct rsp_authenticate_client_request {
    cr_span transaction_id;                                               /* 80 */
    struct rsp_authenticate_server_response authenticate_server_response; /* BF38 */
    bool has_delete_notification_for_dc;                                  /* A1 v3 opt */
    struct rsp_delete_notification_for_dc delete_notification_for_dc;
};
extern const struct asn1_type rsp_authenticate_client_request_type;

struct rsp_authenticate_client_ok {
    cr_span transaction_id;    /* 80 */
    bool has_profile_metadata; /* BF25; opt in v3 */
    struct rsp_store_metadata profile_metadata;
    struct rsp_smdp_signed2 smdp_signed2; /* 30; A1 in the v3 ASN.1 binding */
    cr_span smdp_signature2;              /* 5F37 */
    cr_span smdp_certificate;             /* 30, CERT.DPpb */
};

struct rsp_authenticate_client_ok_rpm {   /* v3 */
    cr_span transaction_id;               /* 80 */
    struct rsp_smdp_signed3 smdp_signed3; /* A3; 30 in JSON */
    cr_span smdp_signature3;              /* 5F37 */
};

struct rsp_authenticate_client_ok_device_change { /* v3 */
    cr_span transaction_id;                       /* 80 */
    struct rsp_smdp_signed4 smdp_signed4;         /* A1; 30 in JSON */
    cr_span smdp_signature4;                      /* 5F37 */
    bool has_service_provider_message_for_dc;     /* A1 opt; BE in JSON (unverified) */
    struct rsp_service_provider_message service_provider_message_for_dc;
};

enum {
    RSP_AUTHENTICATE_CLIENT_OK = 1,
    RSP_AUTHENTICATE_CLIENT_ERROR,
    RSP_AUTHENTICATE_CLIENT_OK_RPM,          /* v3 */
    RSP_AUTHENTICATE_CLIENT_OK_DEVICE_CHANGE /* v3 */
};
struct rsp_authenticate_client_response {
    int which;
    union {
        struct rsp_authenticate_client_ok ok;                             /* A0 */
        int64_t error;                                                    /* 81 */
        struct rsp_authenticate_client_ok_rpm ok_rpm;                     /* A2 */
        struct rsp_authenticate_client_ok_device_change ok_device_change; /* A3 */
    };
};
/* smdpSigned2 under 30 (v2 module) and under A1 (v3 module). */
extern const struct asn1_type rsp_authenticate_client_response_type;
extern const struct asn1_type rsp_authenticate_client_response_v3_type;

struct rsp_event_entry {
    cr_span event_id;           /* 80 UTF8 */
    cr_span rsp_server_address; /* 81 UTF8 */
};
extern const struct asn1_type rsp_event_entry_type; /* 30 */

struct rsp_authenticate_client_ok_ds {
    cr_span transaction_id;                          /* 80 */
    ASN1_LIST(struct rsp_event_entry) event_entries; /* A1 */
};

struct rsp_authenticate_client_ok_ds_v3 {
    cr_span transaction_id;               /* 80 */
    struct rsp_smds_signed2 smds_signed2; /* A1; 30 in JSON */
    cr_span smds_signature2;              /* 5F37 */
};

enum {
    RSP_AUTHENTICATE_CLIENT_DS_OK = 1,
    RSP_AUTHENTICATE_CLIENT_DS_ERROR,
    RSP_AUTHENTICATE_CLIENT_DS_OK_V3
};
struct rsp_authenticate_client_response_ds {
    int which;
    union {
        struct rsp_authenticate_client_ok_ds ok;       /* A0 */
        int64_t error;                                 /* 81 */
        struct rsp_authenticate_client_ok_ds_v3 ok_v3; /* A2 */
    };
};
extern const struct asn1_type rsp_authenticate_client_response_ds_type;

/* ---- GetBoundProfilePackage BF3A ---- */

struct rsp_get_bound_profile_package_request {
    cr_span transaction_id;                                         /* 80 */
    struct rsp_prepare_download_response prepare_download_response; /* BF21 */
};
extern const struct asn1_type rsp_get_bound_profile_package_request_type;

struct rsp_get_bound_profile_package_ok {
    cr_span transaction_id;        /* 80 */
    cr_span bound_profile_package; /* BF36, complete TLV; see rsp/segment.h */
};

enum { RSP_GET_BOUND_PROFILE_PACKAGE_OK = 1, RSP_GET_BOUND_PROFILE_PACKAGE_ERROR };
struct rsp_get_bound_profile_package_response {
    int which;
    union {
        struct rsp_get_bound_profile_package_ok ok; /* A0 */
        int64_t error;                              /* 81 */
    };
};
extern const struct asn1_type rsp_get_bound_profile_package_response_type;

/* ---- HandleNotification BF3D (no answer) ---- */

struct rsp_handle_notification_request {
    struct rsp_pending_notification pending_notification; /* A0 */
};
extern const struct asn1_type rsp_handle_notification_request_type;

/* ---- CancelSession BF41 ---- */

struct rsp_cancel_session_request_es9 {
    cr_span transaction_id;                                     /* 80 */
    struct rsp_cancel_session_response cancel_session_response; /* A1; BF41 in JSON */
};
extern const struct asn1_type rsp_cancel_session_request_es9_type;

enum { RSP_CANCEL_SESSION_ES9_OK = 1, RSP_CANCEL_SESSION_ES9_ERROR };
struct rsp_cancel_session_response_es9 {
    int which;
    union {
        struct rsp_empty ok; /* A0 */
        int64_t error;       /* 81 */
    };
};
extern const struct asn1_type rsp_cancel_session_response_es9_type;

/* ---- the envelope A2 of the ASN.1 binding (6.5), for looking at ---- */

struct rsp_remote_provisioning_request {
    int which;
    union {
        struct rsp_initiate_authentication_request initiate_authentication;     /* BF39 */
        struct rsp_authenticate_client_request authenticate_client;             /* BF3B */
        struct rsp_get_bound_profile_package_request get_bound_profile_package; /* BF3A */
        struct rsp_cancel_session_request_es9 cancel_session;                   /* BF41 */
        struct rsp_handle_notification_request handle_notification;             /* BF3D */
        struct rsp_check_event_request check_event;                             /* BF46 v3 */
        struct rsp_confirm_device_change_request confirm_device_change;         /* BF4C v3 */
    };
};
extern const struct asn1_type rsp_remote_provisioning_request_type;

struct rsp_remote_provisioning_response {
    int which;
    union {
        struct rsp_initiate_authentication_response initiate_authentication;     /* BF39 */
        struct rsp_authenticate_client_response authenticate_client;             /* BF3B */
        struct rsp_get_bound_profile_package_response get_bound_profile_package; /* BF3A */
        struct rsp_cancel_session_response_es9 cancel_session;                   /* BF41 */
        struct rsp_authenticate_client_response_ds authenticate_client_ds;       /* BF40 */
        struct rsp_check_event_response check_event;                             /* BF46 v3 */
        struct rsp_confirm_device_change_response confirm_device_change;         /* BF4C v3 */
    };
};
extern const struct asn1_type rsp_remote_provisioning_response_type;

#endif
