#include "rsp/rpm.h"

#include "rsp/schema.h"

const struct asn1_name rsp_rpm_terminated_names[] = {
    {RSP_RPM_RESULT_SIZE_OVERFLOW, "resultSizeOverflow"},
    {RSP_RPM_UNKNOWN_OR_DAMAGED_COMMAND, "unknownOrDamagedCommand"},
    {RSP_RPM_INTERRUPTION, "interruption"},
    {RSP_RPM_COMMANDS_WITH_REFRESH_EXCEEDED, "commandsWithRefreshExceeded"},
    {RSP_RPM_COMMAND_AFTER_CONTACT_PCMP, "commandAfterContactPcmp"},
    {RSP_RPM_COMMAND_PACKAGE_TOO_LARGE, "commandPackageTooLarge"},
    {0, NULL},
};

const struct asn1_name rsp_contact_pcmp_error_names[] = {
    {RSP_CONTACT_PCMP_PROFILE_NOT_ENABLED, "profileNotEnabled"},
    {RSP_CONTACT_PCMP_COMMAND_ERROR, "commandError"},
    {RSP_CONTACT_PCMP_NO_LPR_CONFIGURATION, "noLprConfiguration"},
    {RSP_CONTACT_PCMP_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_load_rpm_error_names[] = {
    {RSP_LOAD_RPM_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_LOAD_RPM_NO_SESSION, "noSession"},
    {RSP_LOAD_RPM_INVALID_TRANSACTION_ID, "invalidTransactionId"},
    {RSP_LOAD_RPM_UNDEFINED, "undefinedError"},
    {0, NULL},
};

/* ---- RpmPackage ---- */

#define T struct rsp_rpm_target
static const struct asn1_field rpm_target[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
};
static SEQUENCE(rpm_target_type, "RpmTarget", 0x30, rpm_target);
#undef T

#define T struct rsp_rpm_list_search
static const struct asn1_field rpm_list_search[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    OID(profile_owner_oid, "profileOwnerOid", 0x80, 0),
};
static CHOICE_OF(rpm_list_search_type, "SearchCriteria", 0, rpm_list_search);
#undef T

#define T struct rsp_rpm_list_profile_info
static const struct asn1_field rpm_list_profile_info[] = {
    CHOICE(search_criteria, "searchCriteria", 0xA0, 0, rpm_list_search_type),
    OCTETS(tag_list, "tagList", 0x5C, OPT, 0, 0),
};
static SEQUENCE(rpm_list_profile_info_type, "ListProfileInfo", 0x30, rpm_list_profile_info);
#undef T

#define T struct rsp_rpm_update_metadata
static const struct asn1_field rpm_update_metadata[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    SEQ(update_metadata, "updateMetadataRequest", 0, 0, rsp_update_metadata_type),
};
static SEQUENCE(rpm_update_metadata_type, "UpdateMetadata", 0x30, rpm_update_metadata);
#undef T

#define T struct rsp_rpm_contact_pcmp
static const struct asn1_field rpm_contact_pcmp[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    UTF8(dpi_rpm, "dpiRpm", 0, OPT, 0),
};
static SEQUENCE(rpm_contact_pcmp_type, "ContactPcmp", 0x30, rpm_contact_pcmp);
#undef T

#define T struct rsp_rpm_command_details
static const struct asn1_field rpm_command_details[] = {
    SEQ(enable, "enable", 0xA1, 0, rpm_target_type),
    SEQ(disable, "disable", 0xA2, 0, rpm_target_type),
    SEQ(delete_profile, "delete", 0xA3, 0, rpm_target_type),
    SEQ(list_profile_info, "listProfileInfo", 0xA4, 0, rpm_list_profile_info_type),
    SEQ(update_metadata, "updateMetadata", 0xA5, 0, rpm_update_metadata_type),
    SEQ(contact_pcmp, "contactPcmp", 0xA6, 0, rpm_contact_pcmp_type),
};
static CHOICE_OF(rpm_command_details_type, "RpmCommandDetails", 0, rpm_command_details);
#undef T

#define T struct rsp_rpm_command
static const struct asn1_field rpm_command[] = {
    NULL_OPT(continue_on_failure, "continueOnFailure", 0x80),
    CHOICE(rpm_command_details, "rpmCommandDetails", 0, 0, rpm_command_details_type),
};
SEQUENCE(rsp_rpm_command_type, "RpmCommand", 0x30, rpm_command);
#undef T

const struct asn1_type rsp_rpm_package_type = {.name = "RpmPackage",
                                               .tag = 0x30,
                                               .kind = ASN1_SEQUENCE_OF,
                                               .raw_offset = ASN1_NO_OFFSET,
                                               .size = sizeof(rsp_rpm_command_list),
                                               .element = &rsp_rpm_command_type};

#define T struct rsp_smdp_signed3
static const struct asn1_field smdp_signed3[] = {
    TRANSACTION_ID(0x80),
    LIST(rpm_package, "rpmPackage", 0xA1, 0, rsp_rpm_command_type, 0, 0),
    NULL_OPT(rpm_pending, "rpmPending", 0x82),
};
SEQUENCE_RAW(rsp_smdp_signed3_type, "SmdpSigned3", 0x30, smdp_signed3);
#undef T

#define T struct rsp_load_rpm_package_request
static const struct asn1_field load_rpm_package_request[] = {
    SEQ(smdp_signed3, "smdpSigned3", 0, 0, rsp_smdp_signed3_type),
    SIGNATURE(smdp_signature3, "smdpSignature3"),
    INT_OPT(target_esim_port, "targetEsimPort", 0, 0, NULL),
};
SEQUENCE(rsp_load_rpm_package_request_type, "LoadRpmPackageRequest", 0xBF44,
         load_rpm_package_request);
#undef T

/* ---- result ---- */

#define T struct rsp_contact_pcmp_ok
static const struct asn1_field contact_pcmp_ok[] = {
    UTF8(pcmp_address, "pcmpAddress", 0x80, 0, 0),
};
static SEQUENCE(contact_pcmp_ok_type, "ContactPcmpResponseOk", 0x30, contact_pcmp_ok);
#undef T

#define T struct rsp_contact_pcmp_response
static const struct asn1_field contact_pcmp_response[] = {
    SEQ(ok, "contactPcmpResponseOk", 0xA0, 0, contact_pcmp_ok_type),
    INT(error, "contactPcmpResponseError", 0x81, 0, rsp_contact_pcmp_error_names),
};
static CHOICE_OF(contact_pcmp_response_type, "ContactPcmpResponse", 0, contact_pcmp_response);
#undef T

#define T struct rsp_rpm_command_result_data
static const struct asn1_field rpm_command_result_data[] = {
    SEQ(enable_result, "enableResult", 0, 0, rsp_enable_profile_response_type),
    SEQ(disable_result, "disableResult", 0, 0, rsp_disable_profile_response_type),
    SEQ(delete_result, "deleteResult", 0, 0, rsp_delete_profile_response_type),
    CHOICE(list_profile_info_result, "listProfileInfoResult", 0, 0,
           rsp_profile_info_list_response_type),
    INT(update_metadata_result, "updateMetadataResult", 0x9F2A, 0,
        rsp_update_metadata_result_names),
    CHOICE(contact_pcmp_result, "contactPcmpResult", 0xA0, 0, contact_pcmp_response_type),
    INT(rpm_processing_terminated, "rpmProcessingTerminated", 0, 0, rsp_rpm_terminated_names),
};
static CHOICE_OF(rpm_command_result_data_type, "RpmCommandResultData", 0, rpm_command_result_data);
#undef T

#define T struct rsp_rpm_command_result
static const struct asn1_field rpm_command_result[] = {
    ICCID(iccid, "iccid", 0x5A, OPT),
    CHOICE(rpm_command_result_data, "rpmCommandResultData", 0, 0, rpm_command_result_data_type),
};
SEQUENCE(rsp_rpm_command_result_type, "RpmCommandResult", 0x30, rpm_command_result);
#undef T

#define T struct rsp_rpm_final_result
static const struct asn1_field rpm_final_result[] = {
    LIST(rpm_package_execution_result, "rpmPackageExecutionResult", 0xA0, 0,
         rsp_rpm_command_result_type, 0, 0),
    INT(load_rpm_package_error_code_signed, "loadRpmPackageErrorCodeSigned", 0x81, 0,
        rsp_load_rpm_error_names),
};
static CHOICE_OF(rpm_final_result_type, "FinalResult", 0, rpm_final_result);
#undef T

#define T struct rsp_load_rpm_package_result_data_signed
static const struct asn1_field load_rpm_package_result_data_signed[] = {
    TRANSACTION_ID(0x80),
    SEQ(notification_metadata, "notificationMetadata", 0, 0, rsp_notification_metadata_type),
    OID(smdp_oid, "smdpOid", 0, 0),
    CHOICE(final_result, "finalResult", 0xA2, 0, rpm_final_result_type),
};
static SEQUENCE_RAW(load_rpm_package_result_data_signed_type, "LoadRpmPackageResultDataSigned",
                    0x30, load_rpm_package_result_data_signed);
#undef T

#define T struct rsp_load_rpm_package_result_signed
static const struct asn1_field load_rpm_package_result_signed[] = {
    SEQ(data, "loadRpmPackageResultDataSigned", 0xA0, 0, load_rpm_package_result_data_signed_type),
    OCTETS(euicc_sign_rpr, "euiccSignRPR", 0x81, 0, RSP_SIGNATURE, RSP_SIGNATURE),
};
SEQUENCE_RAW(rsp_load_rpm_package_result_signed_type, "LoadRpmPackageResultSigned", 0x30,
             load_rpm_package_result_signed);
#undef T

#define T struct rsp_load_rpm_package_result_not_signed
static const struct asn1_field load_rpm_package_result_not_signed[] = {
    TRANSACTION_ID(0x80),
    INT(load_rpm_package_error_code_not_signed, "loadRpmPackageErrorCodeNotSigned", 0, 0,
        rsp_load_rpm_error_names),
};
static SEQUENCE(load_rpm_package_result_not_signed_type, "LoadRpmPackageResultNotSigned", 0x30,
                load_rpm_package_result_not_signed);
#undef T

#define T struct rsp_load_rpm_package_response
static const struct asn1_field load_rpm_package_response[] = {
    SEQ(result_signed, "loadRpmPackageResultSigned", 0xA0, 0,
        rsp_load_rpm_package_result_signed_type),
    SEQ(result_not_signed, "loadRpmPackageResultNotSigned", 0xA1, 0,
        load_rpm_package_result_not_signed_type),
};
CHOICE_OF(rsp_load_rpm_package_response_type, "LoadRpmPackageResult", 0xBF44,
          load_rpm_package_response);
#undef T
