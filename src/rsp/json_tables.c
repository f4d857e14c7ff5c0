#include "rsp/json_tables.h"

#include "rsp/es2plus.h"
#include "rsp/es9plus.h"

/* Members are rows; T is the struct of the message. Clauses: SGP.22 6.5.2 for ES9+ and ES11, 5.3
 * for ES2+, 5.9 for ES12. Names without a second source are marked "unverified". */
#define MEMBER_(m, name_, kind_)                                                                   \
    .name = name_, .kind = kind_, .offset = offsetof(T, m), .has = ASN1_NO_OFFSET
#define WITH_MARK_(m, name_, kind_)                                                                \
    .name = name_, .kind = kind_, .offset = offsetof(T, m), .has = offsetof(T, has_##m),           \
    .optional = true
#define TRANSACTION_ID(m)                                                                          \
    MEMBER_(m, "transactionId", RSP_JSON_HEX), .min = 1, .max = RSP_MAX_TRANSACTION_ID,            \
                                               .subject = "8.10.1"
#define TLV(m, name_, type_) MEMBER_(m, name_, RSP_JSON_TLV), .type = &(type_)
#define TLV_LIST(m, name_, type_)                                                                  \
    MEMBER_(m, name_, RSP_JSON_TLV_LIST), .type = &(type_), .optional = true, .since_v3 = true
#define SIGNATURE(m, name_) TLV(m, name_, rsp_signature_type)
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define MESSAGE(var, name_, rows_)                                                                 \
    const struct rsp_json_message var = {                                                          \
        .name = name_, .size = sizeof(T), .which = ASN1_NO_OFFSET, .fields = rows_}
#define CHOICE_MESSAGE(var, name_, default_, rows_)                                                \
    const struct rsp_json_message var = {.name = name_,                                            \
                                         .size = sizeof(T),                                        \
                                         .which = offsetof(T, which),                              \
                                         .default_which = default_,                                \
                                         .fields = rows_}

#define MAX_ADDRESS     255
#define MAX_TEXT        1024
#define MAX_MATCHING_ID 128

/* ---- ES9+, ES11 ---- */

#define T struct rsp_initiate_authentication_request
static const struct rsp_json_field initiate_authentication_request[] = {
    {MEMBER_(euicc_challenge, "euiccChallenge", RSP_JSON_BASE64), .min = RSP_CHALLENGE,
     .max = RSP_CHALLENGE},
    {MEMBER_(smdp_address, "smdpAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS},
    {TLV(euicc_info1, "euiccInfo1", rsp_euicc_info1_type)},
    {WITH_MARK_(lpa_rsp_capability, "lpaRspCapability", RSP_JSON_TLV),
     .type = &rsp_lpa_rsp_capability_type, .since_v3 = true}, /* form unverified */
    END,
};
MESSAGE(rsp_json_initiate_authentication_request, "initiateAuthentication request",
        initiate_authentication_request);
#undef T

#define T struct rsp_initiate_authentication_response
static const struct rsp_json_field initiate_authentication_response[] = {
    {TRANSACTION_ID(ok.transaction_id)},
    {TLV(ok.server_signed1, "serverSigned1", rsp_server_signed1_type)},
    {SIGNATURE(ok.server_signature1, "serverSignature1")},
    {TLV(ok.euicc_ci_pkid_to_be_used, "euiccCiPKIdToBeUsed", rsp_subject_key_id_type),
     .optional = true},
    {TLV(ok.server_certificate, "serverCertificate", rsp_certificate_type)},
    {TLV_LIST(ok.other_certs_in_chain, "otherCertsInChain", rsp_certificate_type)},
    {TLV_LIST(ok.crl_list, "crlList", rsp_crl_type)},
    END,
};
CHOICE_MESSAGE(rsp_json_initiate_authentication_response, "initiateAuthentication response",
               RSP_INITIATE_AUTHENTICATION_OK, initiate_authentication_response);
#undef T

#define T struct rsp_authenticate_client_request
static const struct rsp_json_field authenticate_client_request[] = {
    {TRANSACTION_ID(transaction_id)},
    {TLV(authenticate_server_response, "authenticateServerResponse",
         rsp_authenticate_server_response_type)},
    {WITH_MARK_(delete_notification_for_dc, "deleteNotificationForDc", RSP_JSON_TLV),
     .type = &rsp_delete_notification_for_dc_type, .since_v3 = true},
    END,
};
MESSAGE(rsp_json_authenticate_client_request, "authenticateClient request",
        authenticate_client_request);
#undef T

#define T       struct rsp_authenticate_client_response
#define OK      .when = RSP_AUTHENTICATE_CLIENT_OK
#define OK_RPM  .when = RSP_AUTHENTICATE_CLIENT_OK_RPM, .since_v3 = true
#define OK_MOVE .when = RSP_AUTHENTICATE_CLIENT_OK_DEVICE_CHANGE, .since_v3 = true
static const struct rsp_json_field authenticate_client_response[] = {
    {TRANSACTION_ID(ok.transaction_id), OK},
    {.name = "profileMetadata",
     .kind = RSP_JSON_TLV,
     .offset = offsetof(T, ok.profile_metadata),
     .has = offsetof(T, ok.has_profile_metadata),
     .optional = true,
     .type = &rsp_store_metadata_type,
     OK},
    {TLV(ok.smdp_signed2, "smdpSigned2", rsp_smdp_signed2_type), OK},
    {SIGNATURE(ok.smdp_signature2, "smdpSignature2"), OK},
    {TLV(ok.smdp_certificate, "smdpCertificate", rsp_certificate_type), OK},
    {TRANSACTION_ID(ok_rpm.transaction_id), OK_RPM},
    {TLV(ok_rpm.smdp_signed3, "smdpSigned3", rsp_smdp_signed3_type), OK_RPM, .selects = true},
    {SIGNATURE(ok_rpm.smdp_signature3, "smdpSignature3"), OK_RPM}, /* names unverified */
    {TRANSACTION_ID(ok_device_change.transaction_id), OK_MOVE},
    {TLV(ok_device_change.smdp_signed4, "smdpSigned4", rsp_smdp_signed4_type), OK_MOVE,
     .selects = true},
    {SIGNATURE(ok_device_change.smdp_signature4, "smdpSignature4"), OK_MOVE},
    {.name = "serviceProviderMessageForDc",
     .kind = RSP_JSON_TLV,
     .offset = offsetof(T, ok_device_change.service_provider_message_for_dc),
     .has = offsetof(T, ok_device_change.has_service_provider_message_for_dc),
     .optional = true,
     .type = &rsp_service_provider_message_type,
     OK_MOVE},
    END,
};
CHOICE_MESSAGE(rsp_json_authenticate_client_response, "authenticateClient response",
               RSP_AUTHENTICATE_CLIENT_OK, authenticate_client_response);
#undef T
#undef OK
#undef OK_RPM
#undef OK_MOVE

#define T struct rsp_event_entry
static const struct rsp_json_field event_entry[] = {
    {MEMBER_(event_id, "eventId", RSP_JSON_TEXT), .max = MAX_TEXT},
    {MEMBER_(rsp_server_address, "rspServerAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS},
    END,
};
static MESSAGE(event_entry_message, "eventEntry", event_entry);
#undef T

#define T     struct rsp_authenticate_client_response_ds
#define OK    .when = RSP_AUTHENTICATE_CLIENT_DS_OK
#define OK_V3 .when = RSP_AUTHENTICATE_CLIENT_DS_OK_V3, .since_v3 = true
static const struct rsp_json_field authenticate_client_response_ds[] = {
    {TRANSACTION_ID(ok.transaction_id), OK},
    {MEMBER_(ok.event_entries, "eventEntries", RSP_JSON_OBJECT_LIST), .optional = true,
     .message = &event_entry_message, OK},
    {TRANSACTION_ID(ok_v3.transaction_id), OK_V3},
    {TLV(ok_v3.smds_signed2, "smdsSigned2", rsp_smds_signed2_type), OK_V3, .selects = true},
    {SIGNATURE(ok_v3.smds_signature2, "smdsSignature2"), OK_V3},
    END,
};
CHOICE_MESSAGE(rsp_json_authenticate_client_response_ds, "authenticateClient response",
               RSP_AUTHENTICATE_CLIENT_DS_OK, authenticate_client_response_ds);
#undef T
#undef OK
#undef OK_V3

#define T struct rsp_get_bound_profile_package_request
static const struct rsp_json_field get_bound_profile_package_request[] = {
    {TRANSACTION_ID(transaction_id)},
    {TLV(prepare_download_response, "prepareDownloadResponse", rsp_prepare_download_response_type)},
    END,
};
MESSAGE(rsp_json_get_bound_profile_package_request, "getBoundProfilePackage request",
        get_bound_profile_package_request);
#undef T

static const struct asn1_type bound_profile_package_type = {.name = "BoundProfilePackage",
                                                            .tag = 0xBF36,
                                                            .kind = ASN1_RAW,
                                                            .raw_offset = ASN1_NO_OFFSET,
                                                            .size = sizeof(cr_span)};

#define T struct rsp_get_bound_profile_package_response
static const struct rsp_json_field get_bound_profile_package_response[] = {
    {TRANSACTION_ID(ok.transaction_id)},
    {TLV(ok.bound_profile_package, "boundProfilePackage", bound_profile_package_type)},
    END,
};
CHOICE_MESSAGE(rsp_json_get_bound_profile_package_response, "getBoundProfilePackage response",
               RSP_GET_BOUND_PROFILE_PACKAGE_OK, get_bound_profile_package_response);
#undef T

#define T struct rsp_handle_notification_request
static const struct rsp_json_field handle_notification_request[] = {
    {TLV(pending_notification, "pendingNotification", rsp_pending_notification_type)},
    END,
};
MESSAGE(rsp_json_handle_notification_request, "handleNotification request",
        handle_notification_request);
#undef T

#define T struct rsp_cancel_session_request_es9
static const struct rsp_json_field cancel_session_request_es9[] = {
    {TRANSACTION_ID(transaction_id)},
    {TLV(cancel_session_response, "cancelSessionResponse", rsp_cancel_session_response_type)},
    END,
};
MESSAGE(rsp_json_cancel_session_request_es9, "cancelSession request", cancel_session_request_es9);
#undef T

static const struct rsp_json_field nothing[] = {END};

#define T struct rsp_cancel_session_response_es9
CHOICE_MESSAGE(rsp_json_cancel_session_response_es9, "cancelSession response",
               RSP_CANCEL_SESSION_ES9_OK, nothing);
#undef T

#define T struct rsp_header_only
MESSAGE(rsp_json_header_only, "response", nothing);
#undef T

#define T struct rsp_confirm_device_change_request
static const struct rsp_json_field confirm_device_change_request[] = {
    {TRANSACTION_ID(transaction_id)},
    {TLV(prepare_device_change_response, "prepareDeviceChangeResponse",
         rsp_prepare_device_change_response_type)}, /* name unverified */
    END,
};
MESSAGE(rsp_json_confirm_device_change_request, "confirmDeviceChange request",
        confirm_device_change_request);
#undef T

#define T struct rsp_confirm_device_change_response
static const struct rsp_json_field confirm_device_change_response[] = {
    {TRANSACTION_ID(ok.transaction_id)},
    {TLV(ok.smdp_signed5, "smdpSigned5", rsp_smdp_signed5_type)},
    {SIGNATURE(ok.smdp_signature5, "smdpSignature5")},
    END,
};
CHOICE_MESSAGE(rsp_json_confirm_device_change_response, "confirmDeviceChange response",
               RSP_CONFIRM_DEVICE_CHANGE_OK, confirm_device_change_response);
#undef T

#define T struct rsp_check_event_request
static const struct rsp_json_field check_event_request[] = {
    {MEMBER_(ec_id, "ecId", RSP_JSON_HEX), .min = RSP_MIN_ECID, .max = RSP_MAX_ECID,
     .subject = "8.9.6"}, /* names and form unverified */
    {MEMBER_(smds_address, "smdsAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS, .subject = "8.9.1"},
    END,
};
MESSAGE(rsp_json_check_event_request, "checkEvent request", check_event_request);
#undef T

#define T struct rsp_check_event_response
static const struct rsp_json_field check_event_response[] = {
    {MEMBER_(ok.is_pending_event, "isPendingEvent", RSP_JSON_BOOL)},
    END,
};
CHOICE_MESSAGE(rsp_json_check_event_response, "checkEvent response", RSP_CHECK_EVENT_OK,
               check_event_response);
#undef T

/* ---- ES2+ ---- */

#define T struct rsp_request_header
static const struct rsp_json_field request_header[] = {
    {MEMBER_(function_requester_identifier, "functionRequesterIdentifier", RSP_JSON_TEXT),
     .max = MAX_TEXT, .subject = "1.1"},
    {MEMBER_(function_call_identifier, "functionCallIdentifier", RSP_JSON_TEXT), .max = MAX_TEXT},
    END,
};
static MESSAGE(request_header_message, "header", request_header);
#undef T

#define HEADER MEMBER_(header, "header", RSP_JSON_OBJECT), .message = &request_header_message
#define EID    MEMBER_(eid, "eid", RSP_JSON_EID), .subject = "8.1.1"
#define ICCID  MEMBER_(iccid, "iccid", RSP_JSON_ICCID), .subject = "8.2.1"
#define MATCHING_ID                                                                                \
    MEMBER_(matching_id, "matchingId", RSP_JSON_TEXT), .max = MAX_MATCHING_ID, .subject = "8.2.6"
#define OPTIONAL .optional = true

#define T struct rsp_download_order_request
static const struct rsp_json_field download_order_request[] = {
    {HEADER},
    {EID, OPTIONAL},
    {ICCID, OPTIONAL},
    {MEMBER_(profile_type, "profileType", RSP_JSON_TEXT), .max = MAX_TEXT, .subject = "8.2.5",
     OPTIONAL},
    END,
};
MESSAGE(rsp_json_download_order_request, "downloadOrder request", download_order_request);
#undef T

#define T struct rsp_download_order_response
static const struct rsp_json_field download_order_response[] = {{ICCID}, END};
MESSAGE(rsp_json_download_order_response, "downloadOrder response", download_order_response);
#undef T

#define T struct rsp_confirm_order_request
static const struct rsp_json_field confirm_order_request[] = {
    {HEADER},
    {ICCID},
    {EID, OPTIONAL},
    {MATCHING_ID, OPTIONAL},
    {MEMBER_(confirmation_code, "confirmationCode", RSP_JSON_TEXT), .max = MAX_TEXT, OPTIONAL,
     .secret = true, .subject = "8.2.7"},
    {MEMBER_(smds_address, "smdsAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS, OPTIONAL,
     .subject = "8.9.1"},
    {MEMBER_(release_flag, "releaseFlag", RSP_JSON_BOOL)},
    END,
};
MESSAGE(rsp_json_confirm_order_request, "confirmOrder request", confirm_order_request);
#undef T

#define T struct rsp_confirm_order_response
static const struct rsp_json_field confirm_order_response[] = {
    {EID, OPTIONAL},
    {MATCHING_ID},
    {MEMBER_(smdp_address, "smdpAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS, OPTIONAL},
    END,
};
MESSAGE(rsp_json_confirm_order_response, "confirmOrder response", confirm_order_response);
#undef T

#define T struct rsp_cancel_order_request
static const struct rsp_json_field cancel_order_request[] = {
    {HEADER},
    {ICCID},
    {EID, OPTIONAL},
    {MATCHING_ID, OPTIONAL},
    {MEMBER_(final_profile_status_indicator, "finalProfileStatusIndicator", RSP_JSON_TEXT),
     .max = MAX_TEXT},
    END,
};
MESSAGE(rsp_json_cancel_order_request, "cancelOrder request", cancel_order_request);
#undef T

#define T struct rsp_release_profile_request
static const struct rsp_json_field release_profile_request[] = {{HEADER}, {ICCID}, END};
MESSAGE(rsp_json_release_profile_request, "releaseProfile request", release_profile_request);
#undef T

#define T struct rsp_rpm_order_request
static const struct rsp_json_field rpm_order_request[] = {
    {HEADER},
    {EID},
    {MEMBER_(rpm_script, "rpmScript", RSP_JSON_BASE64), .subject = "8.10.2"},
    {MATCHING_ID, OPTIONAL},
    {MEMBER_(root_smds_address, "rootSmdsAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS, OPTIONAL},
    {MEMBER_(alt_smds_address, "altSmdsAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS, OPTIONAL},
    END,
};
MESSAGE(rsp_json_rpm_order_request, "rpmOrder request", rpm_order_request);
#undef T

#define T struct rsp_rpm_order_response
static const struct rsp_json_field rpm_order_response[] = {{MATCHING_ID}, END};
MESSAGE(rsp_json_rpm_order_response, "rpmOrder response", rpm_order_response);
#undef T

const struct asn1_name rsp_notification_point_names[] = {
    {RSP_POINT_ELIGIBILITY, "eligibility and retry limit check"},
    {RSP_POINT_CONFIRMATION_FAILURE, "confirmation code failure"},
    {RSP_POINT_BPP_DOWNLOAD, "BPP download"},
    {RSP_POINT_BPP_INSTALLATION, "BPP installation"},
    {RSP_POINT_DELETE, "delete"},
    {RSP_POINT_ENABLE, "enable"},
    {RSP_POINT_DISABLE, "disable"},
    {0, NULL},
};

#define T struct rsp_handle_download_progress_info_request
static const struct rsp_json_field handle_download_progress_info_request[] = {
    {HEADER},
    {EID, OPTIONAL},
    {ICCID},
    {MEMBER_(profile_type, "profileType", RSP_JSON_TEXT), .max = MAX_TEXT},
    {MEMBER_(timestamp, "timestamp", RSP_JSON_TEXT), .alias = "timeStamp", .max = MAX_TEXT},
    {MEMBER_(notification_point_id, "notificationPointId", RSP_JSON_INTEGER)},
    {MEMBER_(notification_point_status, "notificationPointStatus", RSP_JSON_STATUS)},
    {MEMBER_(result_data, "resultData", RSP_JSON_BASE64), OPTIONAL},
    END,
};
MESSAGE(rsp_json_handle_download_progress_info_request, "handleDownloadProgressInfo request",
        handle_download_progress_info_request);
#undef T

#define T struct rsp_es2_handle_notification_request
static const struct rsp_json_field es2_handle_notification_request[] = {
    {HEADER},
    {EID, OPTIONAL},
    {ICCID},
    {MEMBER_(profile_type, "profileType", RSP_JSON_TEXT), .max = MAX_TEXT, OPTIONAL},
    {MEMBER_(timestamp, "timestamp", RSP_JSON_TEXT), .alias = "timeStamp", .max = MAX_TEXT},
    {MEMBER_(notification_event, "notificationEvent", RSP_JSON_INTEGER)},
    {MEMBER_(notification_event_status, "notificationEventStatus", RSP_JSON_STATUS)},
    {MEMBER_(result_data, "resultData", RSP_JSON_BASE64), OPTIONAL},
    END,
};
MESSAGE(rsp_json_es2_handle_notification_request, "handleNotification request",
        es2_handle_notification_request);
#undef T

#define T struct rsp_handle_device_change_request
static const struct rsp_json_field handle_device_change_request[] = {
    {HEADER},
    {ICCID},
    {MEMBER_(target_eid, "targetEid", RSP_JSON_EID), OPTIONAL},
    {MEMBER_(target_tac, "targetTac", RSP_JSON_TEXT), .max = MAX_TEXT, OPTIONAL},
    END,
};
MESSAGE(rsp_json_handle_device_change_request, "handleDeviceChangeRequest request",
        handle_device_change_request);
#undef T

#define T struct rsp_handle_device_change_response
static const struct rsp_json_field handle_device_change_response[] = {
    {MEMBER_(new_profile_iccid, "newProfileIccid", RSP_JSON_ICCID), OPTIONAL},
    {MEMBER_(service_provider_message, "serviceProviderMessage", RSP_JSON_TEXT), OPTIONAL},
    {MEMBER_(confirmation_code, "confirmationCode", RSP_JSON_TEXT), .max = MAX_TEXT, OPTIONAL,
     .secret = true},
    END,
};
MESSAGE(rsp_json_handle_device_change_response, "handleDeviceChangeRequest response",
        handle_device_change_response);
#undef T

/* ---- ES12, ES15 ---- */

#define T struct rsp_register_event_request
static const struct rsp_json_field register_event_request[] = {
    {HEADER},
    {EID},
    {MEMBER_(rsp_server_address, "rspServerAddress", RSP_JSON_TEXT), .max = MAX_ADDRESS},
    {MEMBER_(event_id, "eventId", RSP_JSON_TEXT), .max = MAX_TEXT, .subject = "8.9.5"},
    {MEMBER_(forwarding_indicator, "forwardingIndicator", RSP_JSON_BOOL)},
    {WITH_MARK_(event_type, "eventType", RSP_JSON_INTEGER), .since_v3 = true},
    {MEMBER_(service_provider_name, "serviceProviderName", RSP_JSON_TEXT), .max = RSP_MAX_SPN,
     OPTIONAL, .since_v3 = true},
    END,
};
MESSAGE(rsp_json_register_event_request, "registerEvent request", register_event_request);
#undef T

#define T struct rsp_delete_event_request
static const struct rsp_json_field delete_event_request[] = {
    {HEADER},
    {EID},
    {MEMBER_(event_id, "eventId", RSP_JSON_TEXT), .max = MAX_TEXT, .subject = "8.9.5"},
    END,
};
MESSAGE(rsp_json_delete_event_request, "deleteEvent request", delete_event_request);
#undef T
