#include "rsp/es9plus.h"

#include "rsp/schema.h"
#include "rsp/status.h"

/* ---- InitiateAuthentication ---- */

#define T struct rsp_initiate_authentication_request
static const struct asn1_field initiate_authentication_request[] = {
    OCTETS(euicc_challenge, "euiccChallenge", 0x81, 0, RSP_CHALLENGE, RSP_CHALLENGE),
    UTF8(smdp_address, "smdpAddress", 0x83, 0, 0),
    SEQ(euicc_info1, "euiccInfo1", 0, 0, rsp_euicc_info1_type),
    BITS_OPT(lpa_rsp_capability, "lpaRspCapability", 0x03, V3, rsp_lpa_capability_names),
};
SEQUENCE(rsp_initiate_authentication_request_type, "InitiateAuthenticationRequest", 0xBF39,
         initiate_authentication_request);
#undef T

#define T struct rsp_initiate_authentication_ok
static const struct asn1_field initiate_authentication_ok[] = {
    TRANSACTION_ID(0x80),
    SEQ(server_signed1, "serverSigned1", 0, 0, rsp_server_signed1_type),
    SIGNATURE(server_signature1, "serverSignature1"),
    PKID(euicc_ci_pkid_to_be_used, "euiccCiPKIdToBeUsed", 0x04, OPT),
    RAW(server_certificate, "serverCertificate", 0x30, 0),
    LIST(other_certs_in_chain, "otherCertsInChain", 0xA1, V3, rsp_certificate_type, 0, 0),
    LIST(crl_list, "crlList", 0xA2, V3, rsp_crl_type, 0, 0),
};
static SEQUENCE(initiate_authentication_ok_type, "InitiateAuthenticationOkEs9", 0x30,
                initiate_authentication_ok);
#undef T

#define T struct rsp_initiate_authentication_response
static const struct asn1_field initiate_authentication_response[] = {
    SEQ(ok, "initiateAuthenticationOk", 0xA0, 0, initiate_authentication_ok_type),
    INT(error, "initiateAuthenticationError", 0x81, 0, rsp_initiate_authentication_error_names),
};
CHOICE_OF(rsp_initiate_authentication_response_type, "InitiateAuthenticationResponse", 0xBF39,
          initiate_authentication_response);
#undef T

/* ---- AuthenticateClient ---- */

#define T struct rsp_authenticate_client_request
static const struct asn1_field authenticate_client_request[] = {
    TRANSACTION_ID(0x80),
    CHOICE(authenticate_server_response, "authenticateServerResponse", 0xBF38, ASN1_NESTED,
           rsp_authenticate_server_response_type),
    SEQ_OPT(delete_notification_for_dc, "deleteNotificationForDc", 0xA1, V3,
            rsp_delete_notification_for_dc_type),
};
SEQUENCE(rsp_authenticate_client_request_type, "AuthenticateClientRequest", 0xBF3B,
         authenticate_client_request);
#undef T

#define PROFILE_METADATA                                                                           \
    SEQ_OPT(profile_metadata, "profileMetadata", 0xBF25, ASN1_NESTED, rsp_store_metadata_type)

#define T struct rsp_authenticate_client_ok
static const struct asn1_field authenticate_client_ok[] = {
    TRANSACTION_ID(0x80),
    PROFILE_METADATA,
    SEQ(smdp_signed2, "smdpSigned2", 0, 0, rsp_smdp_signed2_type),
    SIGNATURE(smdp_signature2, "smdpSignature2"),
    RAW(smdp_certificate, "smdpCertificate", 0x30, 0),
};
static SEQUENCE(authenticate_client_ok_type, "AuthenticateClientOk", 0x30, authenticate_client_ok);
static const struct asn1_field authenticate_client_ok_v3[] = {
    TRANSACTION_ID(0x80),
    PROFILE_METADATA,
    SEQ(smdp_signed2, "smdpSigned2", 0xA1, ASN1_NESTED, rsp_smdp_signed2_type),
    SIGNATURE(smdp_signature2, "smdpSignature2"),
    RAW(smdp_certificate, "smdpCertificate", 0x30, 0),
};
static SEQUENCE(authenticate_client_ok_v3_type, "AuthenticateClientOk", 0x30,
                authenticate_client_ok_v3);
#undef T

#define T struct rsp_authenticate_client_ok_rpm
static const struct asn1_field authenticate_client_ok_rpm[] = {
    TRANSACTION_ID(0x80),
    SEQ(smdp_signed3, "smdpSigned3", 0xA3, ASN1_NESTED, rsp_smdp_signed3_type),
    SIGNATURE(smdp_signature3, "smdpSignature3"),
};
static SEQUENCE(authenticate_client_ok_rpm_type, "AuthenticateClientOkRpm", 0x30,
                authenticate_client_ok_rpm);
#undef T

#define T struct rsp_authenticate_client_ok_device_change
static const struct asn1_field authenticate_client_ok_device_change[] = {
    TRANSACTION_ID(0x80),
    SEQ(smdp_signed4, "smdpSigned4", 0xA1, ASN1_NESTED, rsp_smdp_signed4_type),
    SIGNATURE(smdp_signature4, "smdpSignature4"),
    SEQ_OPT(service_provider_message_for_dc, "serviceProviderMessageForDc", 0xA1, ASN1_NESTED,
            rsp_service_provider_message_type),
};
static SEQUENCE(authenticate_client_ok_device_change_type, "AuthenticateClientOkDeviceChange", 0x30,
                authenticate_client_ok_device_change);
#undef T

#define T struct rsp_authenticate_client_response
#define AUTHENTICATE_CLIENT_RESPONSE(ok_type)                                                      \
    SEQ(ok, "authenticateClientOk", 0xA0, 0, ok_type),                                             \
        INT(error, "authenticateClientError", 0x81, 0, rsp_authenticate_client_error_names),       \
        SEQ(ok_rpm, "authenticateClientOkRpm", 0xA2, ASN1_SINCE_V3,                                \
            authenticate_client_ok_rpm_type),                                                      \
        SEQ(ok_device_change, "authenticateClientOkDeviceChange", 0xA3, ASN1_SINCE_V3,             \
            authenticate_client_ok_device_change_type)
static const struct asn1_field authenticate_client_response[] = {
    AUTHENTICATE_CLIENT_RESPONSE(authenticate_client_ok_type),
};
CHOICE_OF(rsp_authenticate_client_response_type, "AuthenticateClientResponseEs9", 0xBF3B,
          authenticate_client_response);
static const struct asn1_field authenticate_client_response_v3[] = {
    AUTHENTICATE_CLIENT_RESPONSE(authenticate_client_ok_v3_type),
};
CHOICE_OF(rsp_authenticate_client_response_v3_type, "AuthenticateClientResponseEs9", 0xBF3B,
          authenticate_client_response_v3);
#undef T

#define T struct rsp_event_entry
static const struct asn1_field event_entry[] = {
    UTF8(event_id, "eventId", 0x80, 0, 0),
    UTF8(rsp_server_address, "rspServerAddress", 0x81, 0, 0),
};
SEQUENCE(rsp_event_entry_type, "EventEntries", 0x30, event_entry);
#undef T

#define T struct rsp_authenticate_client_ok_ds
static const struct asn1_field authenticate_client_ok_ds[] = {
    TRANSACTION_ID(0x80),
    LIST(event_entries, "eventEntries", 0xA1, 0, rsp_event_entry_type, 0, 0),
};
static SEQUENCE(authenticate_client_ok_ds_type, "AuthenticateClientOkDs", 0x30,
                authenticate_client_ok_ds);
#undef T

#define T struct rsp_authenticate_client_ok_ds_v3
static const struct asn1_field authenticate_client_ok_ds_v3[] = {
    TRANSACTION_ID(0x80),
    SEQ(smds_signed2, "smdsSigned2", 0xA1, ASN1_NESTED, rsp_smds_signed2_type),
    SIGNATURE(smds_signature2, "smdsSignature2"),
};
static SEQUENCE(authenticate_client_ok_ds_v3_type, "AuthenticateClientOkDsV3", 0x30,
                authenticate_client_ok_ds_v3);
#undef T

#define T struct rsp_authenticate_client_response_ds
static const struct asn1_field authenticate_client_response_ds[] = {
    SEQ(ok, "authenticateClientOk", 0xA0, 0, authenticate_client_ok_ds_type),
    INT(error, "authenticateClientError", 0x81, 0, rsp_authenticate_client_ds_error_names),
    SEQ(ok_v3, "authenticateClientOkV3", 0xA2, ASN1_SINCE_V3, authenticate_client_ok_ds_v3_type),
};
CHOICE_OF(rsp_authenticate_client_response_ds_type, "AuthenticateClientResponseEs11", 0xBF40,
          authenticate_client_response_ds);
#undef T

/* ---- GetBoundProfilePackage ---- */

#define T struct rsp_get_bound_profile_package_request
static const struct asn1_field get_bound_profile_package_request[] = {
    TRANSACTION_ID(0x80),
    CHOICE(prepare_download_response, "prepareDownloadResponse", 0xBF21, ASN1_NESTED,
           rsp_prepare_download_response_type),
};
SEQUENCE(rsp_get_bound_profile_package_request_type, "GetBoundProfilePackageRequest", 0xBF3A,
         get_bound_profile_package_request);
#undef T

#define T struct rsp_get_bound_profile_package_ok
static const struct asn1_field get_bound_profile_package_ok[] = {
    TRANSACTION_ID(0x80),
    RAW(bound_profile_package, "boundProfilePackage", 0xBF36, 0),
};
static SEQUENCE(get_bound_profile_package_ok_type, "GetBoundProfilePackageOk", 0x30,
                get_bound_profile_package_ok);
#undef T

#define T struct rsp_get_bound_profile_package_response
static const struct asn1_field get_bound_profile_package_response[] = {
    SEQ(ok, "getBoundProfilePackageOk", 0xA0, 0, get_bound_profile_package_ok_type),
    INT(error, "getBoundProfilePackageError", 0x81, 0, rsp_get_bound_profile_package_error_names),
};
CHOICE_OF(rsp_get_bound_profile_package_response_type, "GetBoundProfilePackageResponse", 0xBF3A,
          get_bound_profile_package_response);
#undef T

/* ---- HandleNotification ---- */

#define T struct rsp_handle_notification_request
static const struct asn1_field handle_notification_request[] = {
    CHOICE(pending_notification, "pendingNotification", 0xA0, 0, rsp_pending_notification_type),
};
SEQUENCE(rsp_handle_notification_request_type, "HandleNotification", 0xBF3D,
         handle_notification_request);
#undef T

/* ---- CancelSession ---- */

#define T struct rsp_cancel_session_request_es9
static const struct asn1_field cancel_session_request_es9[] = {
    TRANSACTION_ID(0x80),
    CHOICE(cancel_session_response, "cancelSessionResponse", 0xA1, ASN1_NESTED,
           rsp_cancel_session_response_type),
};
SEQUENCE(rsp_cancel_session_request_es9_type, "CancelSessionRequestEs9", 0xBF41,
         cancel_session_request_es9);
#undef T

static EMPTY(cancel_session_es9_ok_type, "CancelSessionOk", 0x30);

#define T struct rsp_cancel_session_response_es9
static const struct asn1_field cancel_session_response_es9[] = {
    SEQ(ok, "cancelSessionOk", 0xA0, 0, cancel_session_es9_ok_type),
    INT(error, "cancelSessionError", 0x81, 0, rsp_cancel_session_es9_error_names),
};
CHOICE_OF(rsp_cancel_session_response_es9_type, "CancelSessionResponseEs9", 0xBF41,
          cancel_session_response_es9);
#undef T

/* ---- the envelope ---- */

#define T struct rsp_remote_provisioning_request
static const struct asn1_field remote_provisioning_request[] = {
    SEQ(initiate_authentication, "initiateAuthenticationRequest", 0, 0,
        rsp_initiate_authentication_request_type),
    SEQ(authenticate_client, "authenticateClientRequest", 0, 0,
        rsp_authenticate_client_request_type),
    SEQ(get_bound_profile_package, "getBoundProfilePackageRequest", 0, 0,
        rsp_get_bound_profile_package_request_type),
    SEQ(cancel_session, "cancelSessionRequestEs9", 0, 0, rsp_cancel_session_request_es9_type),
    SEQ(handle_notification, "handleNotification", 0, 0, rsp_handle_notification_request_type),
    SEQ(check_event, "checkEventRequest", 0, ASN1_SINCE_V3, rsp_check_event_request_type),
    SEQ(confirm_device_change, "confirmDeviceChangeRequest", 0, ASN1_SINCE_V3,
        rsp_confirm_device_change_request_type),
};
CHOICE_OF(rsp_remote_provisioning_request_type, "RemoteProfileProvisioningRequest", 0xA2,
          remote_provisioning_request);
#undef T

#define T struct rsp_remote_provisioning_response
static const struct asn1_field remote_provisioning_response[] = {
    CHOICE(initiate_authentication, "initiateAuthenticationResponse", 0, 0,
           rsp_initiate_authentication_response_type),
    CHOICE(authenticate_client, "authenticateClientResponseEs9", 0, 0,
           rsp_authenticate_client_response_type),
    CHOICE(get_bound_profile_package, "getBoundProfilePackageResponse", 0, 0,
           rsp_get_bound_profile_package_response_type),
    CHOICE(cancel_session, "cancelSessionResponseEs9", 0, 0, rsp_cancel_session_response_es9_type),
    CHOICE(authenticate_client_ds, "authenticateClientResponseEs11", 0, 0,
           rsp_authenticate_client_response_ds_type),
    CHOICE(check_event, "checkEventResponse", 0, ASN1_SINCE_V3, rsp_check_event_response_type),
    CHOICE(confirm_device_change, "confirmDeviceChangeResponse", 0, ASN1_SINCE_V3,
           rsp_confirm_device_change_response_type),
};
CHOICE_OF(rsp_remote_provisioning_response_type, "RemoteProfileProvisioningResponse", 0xA2,
          remote_provisioning_response);
#undef T
