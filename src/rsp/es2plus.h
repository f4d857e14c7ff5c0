/*
 * ES2+ (SGP.22 5.3) and ES12/ES15 (5.9, 5.10): what operators and servers say to each other in
 * JSON. Texts are spans; absent members have .p == NULL, an empty text is present with n == 0 (an
 * empty matchingId means "no MatchingID", an absent one "make one").
 */
#ifndef CRISP_RSP_ES2PLUS_H
#define CRISP_RSP_ES2PLUS_H

#include "asn1/asn1.h"
#include "rsp/status.h"

/* The header object of every request. The pair identifies a resent call. */
struct rsp_request_header {
    cr_span function_requester_identifier;
    cr_span function_call_identifier;
};

/* ---- DownloadOrder ---- */
struct rsp_download_order_request {
    struct rsp_request_header header;
    cr_span eid;          /* 32 digits, opt */
    cr_span iccid;        /* 18..20 digits without F, opt */
    cr_span profile_type; /* opt; this or iccid */
};
struct rsp_download_order_response {
    cr_span iccid;
};

/* ---- ConfirmOrder ---- */
struct rsp_confirm_order_request {
    struct rsp_request_header header;
    cr_span iccid;
    cr_span eid;               /* opt */
    cr_span matching_id;       /* opt */
    cr_span confirmation_code; /* opt, clear text: secret */
    cr_span smds_address;      /* opt */
    bool release_flag;
};
struct rsp_confirm_order_response {
    cr_span eid; /* opt */
    cr_span matching_id;
    cr_span smdp_address; /* opt */
};

/* ---- CancelOrder ---- */
struct rsp_cancel_order_request {
    struct rsp_request_header header;
    cr_span iccid;
    cr_span eid;                            /* opt */
    cr_span matching_id;                    /* opt */
    cr_span final_profile_status_indicator; /* "Available" or "Unavailable" */
};

/* ---- ReleaseProfile ---- */
struct rsp_release_profile_request {
    struct rsp_request_header header;
    cr_span iccid;
};

/* ---- HandleDownloadProgressInfo (v2, SM-DP+ to operator, 204) ---- */
enum rsp_notification_point {
    RSP_POINT_ELIGIBILITY = 1,
    RSP_POINT_CONFIRMATION_FAILURE = 2,
    RSP_POINT_BPP_DOWNLOAD = 3,
    RSP_POINT_BPP_INSTALLATION = 4,
    RSP_POINT_DELETE = 5, /* 5, 101, 102: seen in deployments */
    RSP_POINT_ENABLE = 101,
    RSP_POINT_DISABLE = 102
};
extern const struct asn1_name rsp_notification_point_names[];

struct rsp_handle_download_progress_info_request {
    struct rsp_request_header header;
    cr_span eid; /* opt */
    cr_span iccid;
    cr_span profile_type;
    cr_span timestamp;             /* "2026-11-21T09:05:00Z"; "timeStamp" is read too */
    int64_t notification_point_id; /* enum rsp_notification_point */
    struct rsp_function_status notification_point_status;
    cr_span result_data; /* opt, bytes: a PendingNotification TLV */
};

/* ---- HandleNotification (v3, SM-DP+ to operator, 204; member names unverified) ---- */
struct rsp_es2_handle_notification_request {
    struct rsp_request_header header;
    cr_span eid; /* opt */
    cr_span iccid;
    cr_span profile_type; /* opt */
    cr_span timestamp;
    int64_t notification_event; /* enum rsp_notification_point */
    struct rsp_function_status notification_event_status;
    cr_span result_data; /* opt */
};

/* ---- RpmOrder (v3) ---- */
struct rsp_rpm_order_request {
    struct rsp_request_header header;
    cr_span eid;               /* mandatory by rule 8.1.1/2.2 */
    cr_span rpm_script;        /* bytes: RpmPackage TLV (rsp_rpm_package_type) */
    cr_span matching_id;       /* opt */
    cr_span root_smds_address; /* opt */
    cr_span alt_smds_address;  /* opt */
};
struct rsp_rpm_order_response {
    cr_span matching_id;
};

/* ---- HandleDeviceChangeRequest (v3, SM-DP+ to operator; answer names unverified) ---- */
struct rsp_handle_device_change_request {
    struct rsp_request_header header;
    cr_span iccid;
    cr_span target_eid; /* opt */
    cr_span target_tac; /* opt */
};
struct rsp_handle_device_change_response {
    cr_span new_profile_iccid;        /* opt */
    cr_span service_provider_message; /* opt */
    cr_span confirmation_code;        /* opt: secret */
};

/* ---- ES12, ES15: RegisterEvent, DeleteEvent ---- */
struct rsp_register_event_request {
    struct rsp_request_header header;
    cr_span eid;
    cr_span rsp_server_address;
    cr_span event_id;
    bool forwarding_indicator;
    bool has_event_type; /* v3 opt; names of these unverified */
    int64_t event_type;
    cr_span service_provider_name; /* v3 opt */
};
struct rsp_delete_event_request {
    struct rsp_request_header header;
    cr_span eid;
    cr_span event_id;
};

/* Answers that are a header only. */
struct rsp_header_only {
    int nothing;
};

#endif
