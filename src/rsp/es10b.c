#include "rsp/es10b.h"

#include "rsp/schema.h"

const struct asn1_name rsp_cancel_session_error_names[] = {
    {RSP_CANCEL_SESSION_INVALID_TRANSACTION_ID, "invalidTransactionId"},
    {RSP_CANCEL_SESSION_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_notifications_list_error_names[] = {
    {RSP_NOTIFICATIONS_NO_RESULT_AVAILABLE, "noResultAvailable"},
    {RSP_NOTIFICATIONS_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_delete_notification_status_names[] = {
    {RSP_DELETE_NOTIFICATION_OK, "ok"},
    {RSP_DELETE_NOTIFICATION_NOTHING_TO_DELETE, "nothingToDelete"},
    {RSP_DELETE_NOTIFICATION_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_load_crl_error_names[] = {
    {RSP_LOAD_CRL_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_LOAD_CRL_INVALID_CRL_FORMAT, "invalidCRLFormat"},
    {RSP_LOAD_CRL_NOT_ENOUGH_MEMORY_SPACE, "notEnoughMemorySpace"},
    {RSP_LOAD_CRL_VERIFICATION_KEY_NOT_FOUND, "verificationKeyNotFound"},
    {RSP_LOAD_CRL_FRESHER_CRL_ALREADY_LOADED, "fresherCrlAlreadyLoaded"},
    {RSP_LOAD_CRL_BASE_CRL_MISSING, "baseCrlMissing"},
    {RSP_LOAD_CRL_UNDEFINED, "undefinedError"},
    {0, NULL},
};

EMPTY(rsp_get_euicc_info1_request_type, "GetEuiccInfo1Request", 0xBF20);
EMPTY(rsp_get_euicc_info2_request_type, "GetEuiccInfo2Request", 0xBF22);
EMPTY(rsp_get_euicc_challenge_request_type, "GetEuiccChallengeRequest", 0xBF2E);
EMPTY(rsp_get_rat_request_type, "GetRatRequest", 0xBF43);

#define T struct rsp_get_euicc_challenge_response
static const struct asn1_field get_euicc_challenge_response[] = {
    OCTETS(euicc_challenge, "euiccChallenge", 0x80, 0, RSP_CHALLENGE, RSP_CHALLENGE),
};
SEQUENCE(rsp_get_euicc_challenge_response_type, "GetEuiccChallengeResponse", 0xBF2E,
         get_euicc_challenge_response);
#undef T

/* ---- AuthenticateServer ---- */

#define T struct rsp_session_context
static const struct asn1_field session_context[] = {
    VERSION(server_svn, "serverSvn", 0x80, 0),
    BOOLEAN(crl_stapling_v3_used, "crlStaplingV3Used", 0x81),
    PKID(euicc_ci_pkid_to_be_used_v3, "euiccCiPKIdToBeUsedV3", 0x82, OPT),
    LIST(supported_push_services, "supportedPushServices", 0xA3, OPT, rsp_oid_type, 0, 0),
};
static SEQUENCE(session_context_type, "SessionContext", 0x30, session_context);
#undef T

#define T struct rsp_server_signed1
static const struct asn1_field server_signed1[] = {
    TRANSACTION_ID(0x80),
    OCTETS(euicc_challenge, "euiccChallenge", 0x81, 0, RSP_CHALLENGE, RSP_CHALLENGE),
    UTF8(server_address, "serverAddress", 0x83, 0, 0),
    OCTETS(server_challenge, "serverChallenge", 0x84, 0, RSP_CHALLENGE, RSP_CHALLENGE),
    SEQ_OPT(session_context, "sessionContext", 0xA5, V3, session_context_type),
    BITS_OPT(server_rsp_capability, "serverRspCapability", 0x86, V3, rsp_server_capability_names),
};
SEQUENCE_RAW(rsp_server_signed1_type, "ServerSigned1", 0x30, server_signed1);
#undef T

#define T struct rsp_authenticate_server_request
static const struct asn1_field authenticate_server_request[] = {
    SEQ(server_signed1, "serverSigned1", 0, 0, rsp_server_signed1_type),
    SIGNATURE(server_signature1, "serverSignature1"),
    PKID(euicc_ci_pkid_to_be_used, "euiccCiPKIdToBeUsed", 0x04, OPT),
    RAW(server_certificate, "serverCertificate", 0x30, 0),
    CHOICE(ctx_params1, "ctxParams1", 0, 0, rsp_ctx_params1_type),
    LIST(other_certs_in_chain, "otherCertsInChain", 0xA1, V3, rsp_certificate_type, 0, 0),
    LIST(crl_list, "crlList", 0xA2, V3, rsp_crl_type, 0, 0),
};
SEQUENCE(rsp_authenticate_server_request_type, "AuthenticateServerRequest", 0xBF38,
         authenticate_server_request);
#undef T

#define T struct rsp_euicc_signed1
static const struct asn1_field euicc_signed1[] = {
    TRANSACTION_ID(0x80),
    UTF8(server_address, "serverAddress", 0x83, 0, 0),
    OCTETS(server_challenge, "serverChallenge", 0x84, 0, RSP_CHALLENGE, RSP_CHALLENGE),
    SEQ(euicc_info2, "euiccInfo2", 0, 0, rsp_euicc_info2_type),
    CHOICE(ctx_params1, "ctxParams1", 0, 0, rsp_ctx_params1_type),
};
SEQUENCE_RAW(rsp_euicc_signed1_type, "EuiccSigned1", 0x30, euicc_signed1);
#undef T

#define T struct rsp_authenticate_response_ok
static const struct asn1_field authenticate_response_ok[] = {
    SEQ(euicc_signed1, "euiccSigned1", 0, 0, rsp_euicc_signed1_type),
    SIGNATURE(euicc_signature1, "euiccSignature1"),
    RAW(euicc_certificate, "euiccCertificate", 0x30, 0),
    RAW(next_cert_in_chain, "nextCertInChain", 0x30, 0),
    LIST(other_certs_in_chain, "otherCertsInChain", 0xA0, V3, rsp_certificate_type, 0, 0),
};
static SEQUENCE(authenticate_response_ok_type, "AuthenticateResponseOk", 0x30,
                authenticate_response_ok);
#undef T

#define T struct rsp_authenticate_response_error
static const struct asn1_field authenticate_response_error[] = {
    TRANSACTION_ID(0x80),
    INT(authenticate_error_code, "authenticateErrorCode", 0, 0, rsp_authenticate_error_names),
};
static SEQUENCE(authenticate_response_error_type, "AuthenticateResponseError", 0x30,
                authenticate_response_error);
#undef T

#define T struct rsp_authenticate_server_response
static const struct asn1_field authenticate_server_response[] = {
    SEQ(ok, "authenticateResponseOk", 0xA0, 0, authenticate_response_ok_type),
    SEQ(error, "authenticateResponseError", 0xA1, 0, authenticate_response_error_type),
};
CHOICE_OF_RAW(rsp_authenticate_server_response_type, "AuthenticateServerResponse", 0xBF38,
              authenticate_server_response);
#undef T

/* ---- PrepareDownload ---- */

#define T struct rsp_smdp_signed2
static const struct asn1_field smdp_signed2[] = {
    TRANSACTION_ID(0x80),
    BOOLEAN(cc_required_flag, "ccRequiredFlag", 0),
    OTPK(bpp_euicc_otpk, "bppEuiccOtpk", OPT),
    NULL_V3(rpm_pending, "rpmPending", 0),
};
SEQUENCE_RAW(rsp_smdp_signed2_type, "SmdpSigned2", 0x30, smdp_signed2);
#undef T

#define T struct rsp_prepare_download_request
static const struct asn1_field prepare_download_request[] = {
    SEQ(smdp_signed2, "smdpSigned2", 0, 0, rsp_smdp_signed2_type),
    SIGNATURE(smdp_signature2, "smdpSignature2"),
    OCTETS(hash_cc, "hashCc", 0, OPT, RSP_HASH, RSP_HASH),
    RAW(smdp_certificate, "smdpCertificate", 0x30, 0),
};
SEQUENCE(rsp_prepare_download_request_type, "PrepareDownloadRequest", 0xBF21,
         prepare_download_request);
#undef T

#define T struct rsp_euicc_signed2
static const struct asn1_field euicc_signed2[] = {
    TRANSACTION_ID(0x80),
    OTPK(euicc_otpk, "euiccOtpk", 0),
    OCTETS(hash_cc, "hashCc", 0, OPT, RSP_HASH, RSP_HASH),
    RAW(additional_information, "additionalInformation", 0x30, V3),
};
SEQUENCE_RAW(rsp_euicc_signed2_type, "EUICCSigned2", 0x30, euicc_signed2);
#undef T

#define T struct rsp_prepare_download_ok
static const struct asn1_field prepare_download_ok[] = {
    SEQ(euicc_signed2, "euiccSigned2", 0, 0, rsp_euicc_signed2_type),
    SIGNATURE(euicc_signature2, "euiccSignature2"),
};
static SEQUENCE(prepare_download_ok_type, "PrepareDownloadResponseOk", 0x30, prepare_download_ok);
#undef T

#define T struct rsp_prepare_download_error
static const struct asn1_field prepare_download_error[] = {
    TRANSACTION_ID(0x80),
    INT(download_error_code, "downloadErrorCode", 0, 0, rsp_download_error_names),
};
static SEQUENCE(prepare_download_error_type, "PrepareDownloadResponseError", 0x30,
                prepare_download_error);
#undef T

#define T struct rsp_prepare_download_response
static const struct asn1_field prepare_download_response[] = {
    SEQ(ok, "downloadResponseOk", 0xA0, 0, prepare_download_ok_type),
    SEQ(error, "downloadResponseError", 0xA1, 0, prepare_download_error_type),
};
CHOICE_OF_RAW(rsp_prepare_download_response_type, "PrepareDownloadResponse", 0xBF21,
              prepare_download_response);
#undef T

/* ---- CancelSession ---- */

#define T struct rsp_cancel_session_request
static const struct asn1_field cancel_session_request[] = {
    TRANSACTION_ID(0x80),
    INT(reason, "reason", 0x81, 0, rsp_cancel_reason_names),
};
SEQUENCE(rsp_cancel_session_request_type, "CancelSessionRequest", 0xBF41, cancel_session_request);
#undef T

#define T struct rsp_euicc_cancel_session_signed
static const struct asn1_field euicc_cancel_session_signed[] = {
    TRANSACTION_ID(0x80),
    OID(smdp_oid, "smdpOid", 0x81, 0),
    INT(reason, "reason", 0x82, 0, rsp_cancel_reason_names),
};
SEQUENCE_RAW(rsp_euicc_cancel_session_signed_type, "EuiccCancelSessionSigned", 0x30,
             euicc_cancel_session_signed);
#undef T

#define T struct rsp_cancel_session_ok
static const struct asn1_field cancel_session_ok[] = {
    SEQ(euicc_cancel_session_signed, "euiccCancelSessionSigned", 0, 0,
        rsp_euicc_cancel_session_signed_type),
    SIGNATURE(euicc_cancel_session_signature, "euiccCancelSessionSignature"),
};
static SEQUENCE(cancel_session_ok_type, "CancelSessionResponseOk", 0x30, cancel_session_ok);
#undef T

#define T struct rsp_cancel_session_response
static const struct asn1_field cancel_session_response[] = {
    SEQ(ok, "cancelSessionResponseOk", 0xA0, 0, cancel_session_ok_type),
    INT(error, "cancelSessionResponseError", 0x81, 0, rsp_cancel_session_error_names),
};
CHOICE_OF_RAW(rsp_cancel_session_response_type, "CancelSessionResponse", 0xBF41,
              cancel_session_response);
#undef T

/* ---- notifications ---- */

#define T struct rsp_list_notification_request
static const struct asn1_field list_notification_request[] = {
    BITS_OPT(profile_management_operation, "profileManagementOperation", 0x81, 0,
             rsp_notification_event_names),
};
SEQUENCE(rsp_list_notification_request_type, "ListNotificationRequest", 0xBF28,
         list_notification_request);
#undef T

#define T struct rsp_list_notification_response
static const struct asn1_field list_notification_response[] = {
    LIST(notification_metadata_list, "notificationMetadataList", 0xA0, 0,
         rsp_notification_metadata_type, 0, 0),
    INT(list_notifications_result_error, "listNotificationsResultError", 0x81, 0,
        rsp_notifications_list_error_names),
};
CHOICE_OF(rsp_list_notification_response_type, "ListNotificationResponse", 0xBF28,
          list_notification_response);
#undef T

#define T struct rsp_retrieve_search
static const struct asn1_field retrieve_search[] = {
    INT(seq_number, "seqNumber", 0x80, 0, NULL),
    BITS(profile_management_operation, "profileManagementOperation", 0x81, 0,
         rsp_notification_event_names),
};
static CHOICE_OF(retrieve_search_type, "SearchCriteria", 0, retrieve_search);
#undef T

#define T struct rsp_retrieve_notifications_list_request
static const struct asn1_field retrieve_notifications_list_request[] = {
    CHOICE(search_criteria, "searchCriteria", 0xA0, OPT, retrieve_search_type),
};
SEQUENCE(rsp_retrieve_notifications_list_request_type, "RetrieveNotificationsListRequest", 0xBF2B,
         retrieve_notifications_list_request);
#undef T

#define T struct rsp_other_signed_notification
static const struct asn1_field other_signed_notification[] = {
    SEQ(tbs_other_notification, "tbsOtherNotification", 0, 0, rsp_notification_metadata_type),
    SIGNATURE(euicc_notification_signature, "euiccNotificationSignature"),
    RAW(euicc_certificate, "euiccCertificate", 0x30, 0),
    RAW(next_cert_in_chain, "nextCertInChain", 0x30, 0),
    LIST(other_certs_in_chain, "otherCertsInChain", 0xA1, V3, rsp_certificate_type, 0, 0),
};
SEQUENCE_RAW(rsp_other_signed_notification_type, "OtherSignedNotification", 0x30,
             other_signed_notification);
#undef T

#define T struct rsp_pending_notification
static const struct asn1_field pending_notification[] = {
    SEQ(profile_installation_result, "profileInstallationResult", 0, 0,
        rsp_profile_installation_result_type),
    SEQ(other_signed_notification, "otherSignedNotification", 0, 0,
        rsp_other_signed_notification_type),
    SEQ(load_rpm_package_result_signed, "loadRpmPackageResultSigned", 0xA1, ASN1_SINCE_V3,
        rsp_load_rpm_package_result_signed_type),
};
CHOICE_OF_RAW(rsp_pending_notification_type, "PendingNotification", 0, pending_notification);
#undef T

#define T struct rsp_retrieve_notifications_list_response
static const struct asn1_field retrieve_notifications_list_response[] = {
    LIST(notification_list, "notificationList", 0xA0, 0, rsp_pending_notification_type, 0, 0),
    INT(notifications_list_result_error, "notificationsListResultError", 0x81, 0,
        rsp_notifications_list_error_names),
};
CHOICE_OF(rsp_retrieve_notifications_list_response_type, "RetrieveNotificationsListResponse",
          0xBF2B, retrieve_notifications_list_response);
#undef T

#define T struct rsp_notification_sent_request
static const struct asn1_field notification_sent_request[] = {
    INT(seq_number, "seqNumber", 0x80, 0, NULL),
};
SEQUENCE(rsp_notification_sent_request_type, "NotificationSentRequest", 0xBF30,
         notification_sent_request);
#undef T

#define T struct rsp_notification_sent_response
static const struct asn1_field notification_sent_response[] = {
    INT(delete_notification_status, "deleteNotificationStatus", 0x80, 0,
        rsp_delete_notification_status_names),
};
SEQUENCE(rsp_notification_sent_response_type, "NotificationSentResponse", 0xBF30,
         notification_sent_response);
#undef T

const struct rsp_notification_metadata *
rsp_pending_notification_metadata(const struct rsp_pending_notification *pending)
{
    switch (pending->which) {
    case RSP_PENDING_PROFILE_INSTALLATION_RESULT:
        return &pending->profile_installation_result.data.notification_metadata;
    case RSP_PENDING_OTHER_SIGNED_NOTIFICATION:
        return &pending->other_signed_notification.tbs_other_notification;
    case RSP_PENDING_LOAD_RPM_PACKAGE_RESULT:
        return &pending->load_rpm_package_result_signed.data.notification_metadata;
    default:
        return NULL;
    }
}

/* ---- GetRAT ---- */

#define T struct rsp_profile_policy_authorisation_rule
static const struct asn1_field profile_policy_authorisation_rule[] = {
    BITS(ppr_ids, "pprIds", 0x80, 0, rsp_ppr_names),
    LIST(allowed_operators, "allowedOperators", 0xA1, 0, rsp_operator_id_type, 0, 0),
    BITS(ppr_flags, "pprFlags", 0x82, 0, rsp_ppr_flag_names),
};
SEQUENCE(rsp_profile_policy_authorisation_rule_type, "ProfilePolicyAuthorisationRule", 0x30,
         profile_policy_authorisation_rule);
#undef T

#define T struct rsp_get_rat_response
static const struct asn1_field get_rat_response[] = {
    LIST(rat, "rat", 0xA0, 0, rsp_profile_policy_authorisation_rule_type, 0, 0),
};
SEQUENCE(rsp_get_rat_response_type, "GetRatResponse", 0xBF43, get_rat_response);
#undef T

/* ---- LoadCRL ---- */

#define T struct rsp_load_crl_request
static const struct asn1_field load_crl_request[] = {
    RAW(crl, "crl", 0xA0, 0),
};
SEQUENCE(rsp_load_crl_request_type, "LoadCRLRequest", 0xBF35, load_crl_request);
#undef T

#define T struct rsp_missing_part_old_form
static const struct asn1_field missing_part_old_form[] = {
    INT(number, "number", 0x80, 0, NULL),
};
static SEQUENCE(missing_part_old_form_type, "MissingPartOldForm", 0x30, missing_part_old_form);
#undef T

#define T struct rsp_missing_part
static const struct asn1_field missing_part[] = {
    INT(number, "number", 0, 0, NULL),
    SEQ(old_form, "oldForm", 0, 0, missing_part_old_form_type),
};
static CHOICE_OF(missing_part_type, "MissingPart", 0, missing_part);
#undef T

#define T struct rsp_load_crl_ok
static const struct asn1_field load_crl_ok[] = {
    LIST(missing_parts, "missingParts", 0xA0, OPT, missing_part_type, 0, 0),
};
static SEQUENCE(load_crl_ok_type, "LoadCRLResponseOk", 0x30, load_crl_ok);
#undef T

#define T struct rsp_load_crl_response
static const struct asn1_field load_crl_response[] = {
    SEQ(ok, "loadCRLResponseOk", 0xA0, 0, load_crl_ok_type),
    INT(error, "loadCRLResponseError", 0x81, 0, rsp_load_crl_error_names),
};
CHOICE_OF(rsp_load_crl_response_type, "LoadCRLResponse", 0xBF35, load_crl_response);
#undef T
