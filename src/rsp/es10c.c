#include "rsp/es10c.h"

#include "rsp/schema.h"

const struct asn1_name rsp_profiles_info_error_names[] = {
    {RSP_PROFILES_INFO_INCORRECT_INPUT_VALUES, "incorrectInputValues"},
    {RSP_PROFILES_INFO_PROFILE_CHANGE_ONGOING, "profileChangeOngoing"},
    {RSP_PROFILES_INFO_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_enable_result_names[] = {
    {RSP_PROFILE_OK, "ok"},
    {RSP_PROFILE_ICCID_OR_AID_NOT_FOUND, "iccidOrAidNotFound"},
    {RSP_PROFILE_NOT_IN_EXPECTED_STATE, "profileNotInDisabledState"},
    {RSP_PROFILE_DISALLOWED_BY_POLICY, "disallowedByPolicy"},
    {RSP_PROFILE_WRONG_REENABLING, "wrongProfileReenabling"},
    {RSP_PROFILE_CAT_BUSY, "catBusy"},
    {RSP_PROFILE_DISALLOWED_BY_ENTERPRISE_RULE, "disallowedByEnterpriseRule"},
    {RSP_PROFILE_COMMAND_ERROR, "commandError"},
    {RSP_PROFILE_ENABLE_DISALLOWED_FOR_RPM, "disallowedForRpm"},
    {RSP_PROFILE_NO_ESIM_PORT_AVAILABLE, "noEsimPortAvailable"},
    {RSP_PROFILE_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_disable_result_names[] = {
    {RSP_PROFILE_OK, "ok"},
    {RSP_PROFILE_ICCID_OR_AID_NOT_FOUND, "iccidOrAidNotFound"},
    {RSP_PROFILE_NOT_IN_EXPECTED_STATE, "profileNotInEnabledState"},
    {RSP_PROFILE_DISALLOWED_BY_POLICY, "disallowedByPolicy"},
    {RSP_PROFILE_CAT_BUSY, "catBusy"},
    {RSP_PROFILE_COMMAND_ERROR, "commandError"},
    {RSP_PROFILE_DISABLE_DISALLOWED_FOR_RPM, "disallowedForRpm"},
    {RSP_PROFILE_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_delete_result_names[] = {
    {RSP_PROFILE_OK, "ok"},
    {RSP_PROFILE_ICCID_OR_AID_NOT_FOUND, "iccidOrAidNotFound"},
    {RSP_PROFILE_NOT_IN_EXPECTED_STATE, "profileNotInDisabledState"},
    {RSP_PROFILE_DISALLOWED_BY_POLICY, "disallowedByPolicy"},
    {RSP_PROFILE_WRONG_REENABLING, "disallowedInTestMode"},
    {RSP_PROFILE_COMMAND_ERROR, "commandError"},
    {RSP_PROFILE_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_reset_option_names[] = {
    {0, "deleteOperationalProfiles"},  {1, "deleteFieldLoadedTestProfiles"},
    {2, "resetDefaultSmdpAddress"},    {3, "deletePreLoadedTestProfiles"},
    {4, "deleteProvisioningProfiles"}, {0, NULL},
};

const struct asn1_name rsp_reset_result_names[] = {
    {RSP_RESET_OK, "ok"},
    {RSP_RESET_NOTHING_TO_DELETE, "nothingToDelete"},
    {RSP_RESET_CAT_BUSY, "catBusy"},
    {RSP_RESET_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_set_nickname_result_names[] = {
    {RSP_SET_NICKNAME_OK, "ok"},
    {RSP_SET_NICKNAME_ICCID_NOT_FOUND, "iccidNotFound"},
    {RSP_SET_NICKNAME_UNDEFINED, "undefinedError"},
    {0, NULL},
};

/* ---- GetProfilesInfo ---- */

#define T struct rsp_profiles_search
static const struct asn1_field profiles_search[] = {
    AID(isdp_aid, "isdpAid", 0x4F, 0),
    ICCID(iccid, "iccid", 0x5A, 0),
    INT(profile_class, "profileClass", 0x95, 0, rsp_profile_class_names),
};
static CHOICE_OF(profiles_search_type, "SearchCriteria", 0, profiles_search);
#undef T

#define T struct rsp_profile_info_list_request
static const struct asn1_field profile_info_list_request[] = {
    ICCID(iccid, "iccid", 0x5A, OPT), /* not in the standard: an old host build sends it */
    CHOICE(search_criteria, "searchCriteria", 0xA0, OPT, profiles_search_type),
    OCTETS(tag_list, "tagList", 0x5C, OPT, 0, 0),
};
SEQUENCE(rsp_profile_info_list_request_type, "ProfileInfoListRequest", 0xBF2D,
         profile_info_list_request);
#undef T

#define T struct rsp_profile_info_list_response
static const struct asn1_field profile_info_list_response[] = {
    LIST(profile_info_list_ok, "profileInfoListOk", 0xA0, 0, rsp_profile_info_type, 0, 0),
    INT(profile_info_list_error, "profileInfoListError", 0x81, 0, rsp_profiles_info_error_names),
};
CHOICE_OF(rsp_profile_info_list_response_type, "ProfileInfoListResponse", 0xBF2D,
          profile_info_list_response);
#undef T

/* ---- EnableProfile, DisableProfile, DeleteProfile ---- */

#define T struct rsp_enable_profile_request
static const struct asn1_field enable_profile_request[] = {
    CHOICE(profile_identifier, "profileIdentifier", 0xA0, 0, rsp_profile_identifier_type),
    BOOLEAN(refresh_flag, "refreshFlag", 0x81),
    INT_OPT(target_esim_port, "targetEsimPort", 0x82, V3, NULL),
};
SEQUENCE(rsp_enable_profile_request_type, "EnableProfileRequest", 0xBF31, enable_profile_request);
#undef T

#define T struct rsp_enable_profile_response
static const struct asn1_field enable_profile_response[] = {
    INT(enable_result, "enableResult", 0x80, 0, rsp_enable_result_names),
    INT_OPT(target_esim_port, "targetEsimPort", 0x81, V3, NULL),
};
SEQUENCE(rsp_enable_profile_response_type, "EnableProfileResponse", 0xBF31,
         enable_profile_response);
#undef T

#define T struct rsp_disable_profile_request
static const struct asn1_field disable_profile_request[] = {
    CHOICE(profile_identifier, "profileIdentifier", 0xA0, 0, rsp_profile_identifier_type),
    BOOLEAN(refresh_flag, "refreshFlag", 0x81),
};
SEQUENCE(rsp_disable_profile_request_type, "DisableProfileRequest", 0xBF32,
         disable_profile_request);
#undef T

#define T struct rsp_disable_profile_response
static const struct asn1_field disable_profile_response[] = {
    INT(disable_result, "disableResult", 0x80, 0, rsp_disable_result_names),
};
SEQUENCE(rsp_disable_profile_response_type, "DisableProfileResponse", 0xBF32,
         disable_profile_response);
#undef T

#define T struct rsp_profile_identifier
static const struct asn1_field delete_profile_request[] = {
    AID(isdp_aid, "isdpAid", 0x4F, 0),
    ICCID(iccid, "iccid", 0x5A, 0),
};
CHOICE_OF(rsp_delete_profile_request_type, "DeleteProfileRequest", 0xBF33, delete_profile_request);
#undef T

#define T struct rsp_delete_profile_response
static const struct asn1_field delete_profile_response[] = {
    INT(delete_result, "deleteResult", 0x80, 0, rsp_delete_result_names),
};
SEQUENCE(rsp_delete_profile_response_type, "DeleteProfileResponse", 0xBF33,
         delete_profile_response);
#undef T

/* ---- eUICCMemoryReset, GetEuiccData, SetNickname ---- */

#define T struct rsp_euicc_memory_reset_request
static const struct asn1_field euicc_memory_reset_request[] = {
    BITS(reset_options, "resetOptions", 0x82, 0, rsp_reset_option_names),
};
SEQUENCE(rsp_euicc_memory_reset_request_type, "EuiccMemoryResetRequest", 0xBF34,
         euicc_memory_reset_request);
#undef T

#define T struct rsp_euicc_memory_reset_response
static const struct asn1_field euicc_memory_reset_response[] = {
    INT(reset_result, "resetResult", 0x80, 0, rsp_reset_result_names),
};
SEQUENCE(rsp_euicc_memory_reset_response_type, "EuiccMemoryResetResponse", 0xBF34,
         euicc_memory_reset_response);
#undef T

#define T struct rsp_get_euicc_data_request
static const struct asn1_field get_euicc_data_request[] = {
    OCTETS(tag_list, "tagList", 0x5C, 0, 0, 0),
};
SEQUENCE(rsp_get_euicc_data_request_type, "GetEuiccDataRequest", 0xBF3E, get_euicc_data_request);
#undef T

#define T struct rsp_get_euicc_data_response
static const struct asn1_field get_euicc_data_response[] = {
    OCTETS(eid_value, "eidValue", 0x5A, ASN1_DIGITS, RSP_EID, RSP_EID),
};
SEQUENCE(rsp_get_euicc_data_response_type, "GetEuiccDataResponse", 0xBF3E, get_euicc_data_response);
#undef T

#define T struct rsp_set_nickname_request
static const struct asn1_field set_nickname_request[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    UTF8(profile_nickname, "profileNickname", 0x90, 0, RSP_MAX_NICKNAME),
};
SEQUENCE(rsp_set_nickname_request_type, "SetNicknameRequest", 0xBF29, set_nickname_request);
#undef T

#define T struct rsp_set_nickname_response
static const struct asn1_field set_nickname_response[] = {
    INT(set_nickname_result, "setNicknameResult", 0x80, 0, rsp_set_nickname_result_names),
};
SEQUENCE(rsp_set_nickname_response_type, "SetNicknameResponse", 0xBF29, set_nickname_response);
#undef T
