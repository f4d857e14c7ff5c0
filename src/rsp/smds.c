#include "rsp/smds.h"

#include "rsp/schema.h"
#include "rsp/status.h"

const struct asn1_name rsp_event_type_names[] = {
    {RSP_EVENT_TYPE_PROFILE_DOWNLOAD, "profileDownload"},
    {RSP_EVENT_TYPE_RPM, "rpm"},
    {0, NULL},
};

const struct asn1_name rsp_verify_smds_error_names[] = {
    {RSP_VERIFY_SMDS_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_VERIFY_SMDS_NO_SESSION, "noSession"},
    {RSP_VERIFY_SMDS_INVALID_TRANSACTION_ID, "invalidTransactionId"},
    {RSP_VERIFY_SMDS_UNDEFINED, "undefinedError"},
    {0, NULL},
};

static STRING_TYPE(hashed_iccid_type, "HashedIccid", 0x04, ASN1_OCTETS, 0, RSP_HASH, RSP_HASH);

#define T struct rsp_event_record_v3
static const struct asn1_field event_record_v3[] = {
    UTF8(event_id, "eventId", 0, 0, 0),
    UTF8(rsp_server_address, "rspServerAddress", 0, 0, 0),
    INT(event_type, "eventType", 0, 0, rsp_event_type_names),
    LIST(hashed_iccids, "hashedIccids", 0, OPT, hashed_iccid_type, 0, 0),
    OCTETS(salt, "salt", 0, OPT, RSP_MIN_SALT, RSP_MAX_SALT),
    UTF8(service_provider_name, "serviceProviderName", 0x91, OPT, RSP_MAX_SPN),
    SEQ_OPT(operator_id, "operatorId", 0xB7, 0, rsp_operator_id_type),
};
SEQUENCE(rsp_event_record_v3_type, "EventRecordV3", 0x30, event_record_v3);
#undef T

#define T struct rsp_event_list
static const struct asn1_field event_list[] = {
    LIST(event_entries, "eventEntries", 0xA1, 0, rsp_event_record_v3_type, 0, 0),
    OCTETS(ec_id, "ecId", 0x82, OPT, RSP_MIN_ECID, RSP_MAX_ECID),
    TIME(push_service_refresh_time, "pushServiceRefreshTime", 0x83, OPT),
};
static SEQUENCE(event_list_type, "EventList", 0x30, event_list);
#undef T

#define T struct rsp_push_service_registration_result
static const struct asn1_field push_service_registration_result[] = {
    TIME(push_service_refresh_time, "pushServiceRefreshTime", 0x83, OPT),
};
static SEQUENCE(push_service_registration_result_type, "PushServiceRegistrationResult", 0x30,
                push_service_registration_result);
#undef T

#define T struct rsp_smds_signed_data
static const struct asn1_field smds_signed_data[] = {
    SEQ(event_list, "eventList", 0xA0, 0, event_list_type),
    SEQ(push_service_registration_result, "pushServiceRegistrationResult", 0xA1, 0,
        push_service_registration_result_type),
};
static CHOICE_OF(smds_signed_data_type, "SignedData", 0, smds_signed_data);
#undef T

#define T struct rsp_smds_signed2
static const struct asn1_field smds_signed2[] = {
    TRANSACTION_ID(0x80),
    CHOICE(signed_data, "signedData", 0, 0, smds_signed_data_type),
};
SEQUENCE_RAW(rsp_smds_signed2_type, "SmdsSigned2", 0x30, smds_signed2);
#undef T

#define T struct rsp_verify_smds_response_request
static const struct asn1_field verify_smds_response_request[] = {
    SEQ(smds_signed2, "smdsSigned2", 0xA1, 0, rsp_smds_signed2_type),
    SIGNATURE(smds_signature2, "smdsSignature2"),
};
SEQUENCE(rsp_verify_smds_response_request_type, "VerifySmdsResponseRequest", 0xBF45,
         verify_smds_response_request);
#undef T

#define T struct rsp_verify_smds_response_response
static const struct asn1_field verify_smds_response_response[] = {
    NULL_IS(ok, "verifySmdsResponseOk", 0x80),
    INT(error, "verifySmdsResponseError", 0x81, 0, rsp_verify_smds_error_names),
};
CHOICE_OF(rsp_verify_smds_response_response_type, "VerifySmdsResponseResponse", 0xBF45,
          verify_smds_response_response);
#undef T

#define T struct rsp_check_event_request
static const struct asn1_field check_event_request[] = {
    OCTETS(ec_id, "ecId", 0x80, 0, RSP_MIN_ECID, RSP_MAX_ECID),
    UTF8(smds_address, "smdsAddress", 0x81, 0, 0),
};
SEQUENCE(rsp_check_event_request_type, "CheckEventRequest", 0xBF46, check_event_request);
#undef T

#define T struct rsp_check_event_ok
static const struct asn1_field check_event_ok[] = {
    BOOLEAN(is_pending_event, "isPendingEvent", 0x80),
};
static SEQUENCE(check_event_ok_type, "CheckEventOk", 0x30, check_event_ok);
#undef T

#define T struct rsp_check_event_response
static const struct asn1_field check_event_response[] = {
    SEQ(ok, "checkEventOk", 0xA0, 0, check_event_ok_type),
    INT(error, "checkEventError", 0x81, 0, rsp_check_event_error_names),
};
CHOICE_OF(rsp_check_event_response_type, "CheckEventResponse", 0xBF46, check_event_response);
#undef T

/* ---- AlertData ---- */

#define T struct rsp_metadata_update_enabled_profile
static const struct asn1_field metadata_update_enabled_profile[] = {
    ICCID(iccid, "iccid", 0x5A, OPT),
    OCTETS(tag_list, "tagList", 0x5C, 0, 0, 0),
};
static SEQUENCE(metadata_update_enabled_profile_type, "MetadataUpdateEnabledProfile", 0x30,
                metadata_update_enabled_profile);
#undef T

#define T struct rsp_pending_operation_alert
static const struct asn1_field pending_operation_alert[] = {
    OCTETS(polling_address, "pollingAddress", 0x80, 0, 0, 0),
    OCTETS(root_smds, "rootSmds", 0x81, 0, 0, 0),
    OCTETS(default_smdp, "defaultSmdp", 0x82, 0, 0, 0),
    UTF8(explicit_address, "explicitAddress", 0x83, 0, 0),
};
static CHOICE_OF(pending_operation_alert_type, "PendingOperationAlert", 0, pending_operation_alert);
#undef T

#define T struct rsp_alert_data
static const struct asn1_field alert_data[] = {
    SEQ(metadata_update_enabled_profile, "metadataUpdateEnabledProfile", 0xA0, 0,
        metadata_update_enabled_profile_type),
    CHOICE(pending_operation_alert, "pendingOperationAlert", 0xA1, 0, pending_operation_alert_type),
};
CHOICE_OF(rsp_alert_data_type, "AlertData", 0xBF4A, alert_data);
#undef T
