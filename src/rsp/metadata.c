#include "rsp/metadata.h"

#include "rsp/schema.h"

const struct asn1_name rsp_rpm_type_names[] = {
    {0, "enable"},          {1, "disable"},     {2, "delete"},
    {3, "listProfileInfo"}, {4, "contactPcmp"}, {0, NULL},
};

const struct asn1_name rsp_enterprise_rule_names[] = {
    {0, "referenceEnterpriseRule"},
    {1, "priorityEnterpriseProfile"},
    {2, "onlyEnterpriseProfilesCanBeInstalled"},
    {0, NULL},
};

const struct asn1_name rsp_service_description_names[] = {
    {0, "voice"},
    {1, "data"},
    {0, NULL},
};

const struct asn1_name rsp_update_metadata_result_names[] = {
    {RSP_UPDATE_METADATA_OK, "ok"},
    {RSP_UPDATE_METADATA_ENTERPRISE_CONFIG_NOT_ALLOWED, "enterpriseConfigurationNotAllowed"},
    {RSP_UPDATE_METADATA_COMMAND_ERROR, "commandError"},
    {RSP_UPDATE_METADATA_PPR_UPDATE_INVALID_SETTING, "pprUpdateInvalidSetting"},
    {RSP_UPDATE_METADATA_INVALID_RPM_CONFIGURATION, "invalidRpmConfiguration"},
    {RSP_UPDATE_METADATA_DELETE_NOT_ALLOWED, "deleteNotAllowed"},
    {RSP_UPDATE_METADATA_UNDEFINED, "undefinedError"},
    {0, NULL},
};

#define T struct rsp_notification_configuration
static const struct asn1_field notification_configuration[] = {
    BITS(profile_management_operation, "profileManagementOperation", 0x80, 0,
         rsp_notification_event_names),
    UTF8(notification_address, "notificationAddress", 0x81, 0, 0),
};
SEQUENCE(rsp_notification_configuration_type, "NotificationConfigurationInformation", 0x30,
         notification_configuration);
#undef T

#define T struct rsp_managing_dp
static const struct asn1_field managing_dp[] = {
    OID(managing_dp_oid, "managingDpOid", 0x80, 0),
    BITS_OPT(rpm_type, "rpmType", 0x81, 0, rsp_rpm_type_names),
    OCTETS(tag_list, "tagList", 0x5C, OPT, 0, 0),
};
static SEQUENCE(managing_dp_type, "ManagingDp", 0x30, managing_dp);
#undef T

#define T struct rsp_rpm_configuration
static const struct asn1_field rpm_configuration[] = {
    LIST(managing_dp_list, "managingDpList", 0xA0, 0, managing_dp_type, 0, 0),
    UTF8(polling_address, "pollingAddress", 0x81, OPT, 0),
    PKID(allowed_ci_pkid, "allowedCiPKId", 0x82, OPT),
    OID(profile_owner_oid, "profileOwnerOid", 0x83, 0),
};
SEQUENCE(rsp_rpm_configuration_type, "RpmConfiguration", 0xBA, rpm_configuration);
#undef T

#define T struct rsp_lpr_configuration
static const struct asn1_field lpr_configuration[] = {
    UTF8(pcmp_address, "pcmpAddress", 0x80, 0, 0),
    UTF8(dpi_enable, "dpiEnable", 0x81, OPT, 0),
    NULL_OPT(trigger_lpr_on_enable_profile, "triggerLprOnEnableProfile", 0x82),
};
SEQUENCE(rsp_lpr_configuration_type, "LprConfiguration", 0xBC, lpr_configuration);
#undef T

#define T struct rsp_enterprise_rules
static const struct asn1_field enterprise_rules[] = {
    BITS(enterprise_rule_bits, "enterpriseRuleBits", 0x80, 0, rsp_enterprise_rule_names),
    INT(number_of_non_enterprise_profiles, "numberOfNonEnterpriseProfiles", 0x81, 0, NULL),
};
static SEQUENCE(enterprise_rules_type, "EnterpriseRules", 0x30, enterprise_rules);
#undef T

#define T struct rsp_enterprise_configuration
static const struct asn1_field enterprise_configuration[] = {
    OID(enterprise_oid, "enterpriseOid", 0x80, 0),
    UTF8(enterprise_name, "enterpriseName", 0x81, 0, 64),
    SEQ_OPT(enterprise_rules, "enterpriseRules", 0xA2, 0, enterprise_rules_type),
};
SEQUENCE(rsp_enterprise_configuration_type, "EnterpriseConfiguration", 0xBD,
         enterprise_configuration);
#undef T

#define T struct rsp_service_provider_message
static const struct asn1_field service_provider_message[] = {
    UTF8(service_provider_message_language, "serviceProviderMessageLanguage", 0x80, OPT, 0),
    UTF8(service_provider_message, "serviceProviderMessage", 0x81, 0, 0),
};
SEQUENCE(rsp_service_provider_message_type, "ServiceProviderMessage", 0xBE,
         service_provider_message);
#undef T

#define T struct rsp_dc_request_to_dp
static const struct asn1_field dc_request_to_dp[] = {
    UTF8(smdp_address_for_dc, "smdpAddressForDc", 0x80, 0, 0),
    PKID(allowed_ci_pkid, "allowedCiPKId", 0x81, OPT),
    NULL_OPT(eid_required, "eidRequired", 0x82),
    NULL_OPT(tac_required, "tacRequired", 0x83),
};
static SEQUENCE(dc_request_to_dp_type, "RequestToDp", 0x30, dc_request_to_dp);
#undef T

#define T struct rsp_dc_using_stored_ac
static const struct asn1_field dc_using_stored_ac[] = {
    UTF8(activation_code_for_dc, "activationCodeForDc", 0x80, 0, RSP_MAX_AC_DEVICE_CHANGE),
    NULL_OPT(delete_old_profile, "deleteOldProfile", 0x81),
};
static SEQUENCE(dc_using_stored_ac_type, "UsingStoredAc", 0x30, dc_using_stored_ac);
#undef T

#define T struct rsp_device_change_configuration
static const struct asn1_field device_change_configuration[] = {
    SEQ(request_to_dp, "requestPerformedToDp", 0xA0, 0, dc_request_to_dp_type),
    SEQ(using_stored_ac, "usingStoredAc", 0xA1, 0, dc_using_stored_ac_type),
};
CHOICE_OF(rsp_device_change_configuration_type, "DeviceChangeConfiguration", 0xBF20,
          device_change_configuration);
#undef T

#define T struct rsp_carrier_ref_do
static const struct asn1_field carrier_ref_do[] = {
    OCTETS(device_app_id_ref_do, "deviceAppIdRefDo", 0xC1, 0, 0, 32),
    UTF8(package_name, "pkgRefDo", 0xCA, OPT, 0),
};
static SEQUENCE(carrier_ref_do_type, "RefDo", 0xE1, carrier_ref_do);
#undef T

#define T struct rsp_carrier_ar_do
static const struct asn1_field carrier_ar_do[] = {
    OCTETS(perm_ar_do, "permArDo", 0xDB, OPT, 0, 8),
};
static SEQUENCE(carrier_ar_do_type, "ArDo", 0xE3, carrier_ar_do);
#undef T

#define T struct rsp_carrier_privilege_rule
static const struct asn1_field carrier_privilege_rule[] = {
    SEQ(ref_do, "refDo", 0, 0, carrier_ref_do_type),
    SEQ_OPT(ar_do, "arDo", 0, 0, carrier_ar_do_type),
};
SEQUENCE(rsp_carrier_privilege_rule_type, "RefArDo", 0xE2, carrier_privilege_rule);
#undef T

/* Rows that the three metadata types share. */
#define SERVICE_PROVIDER_NAME                                                                      \
    UTF8(service_provider_name, "serviceProviderName", 0x91, 0, RSP_MAX_SPN)
#define SERVICE_PROVIDER_NAME_OPT                                                                  \
    UTF8(service_provider_name, "serviceProviderName", 0x91, OPT, RSP_MAX_SPN)
#define PROFILE_NAME     UTF8(profile_name, "profileName", 0x92, 0, RSP_MAX_PROFILE_NAME)
#define PROFILE_NAME_OPT UTF8(profile_name, "profileName", 0x92, OPT, RSP_MAX_PROFILE_NAME)
#define ICON_TYPE        INT_OPT(icon_type, "iconType", 0x93, 0, rsp_icon_type_names)
#define ICON             OCTETS(icon, "icon", 0x94, OPT, 0, RSP_MAX_ICON)
#define NOTIFICATION_CONFIGURATION(flags)                                                          \
    LIST(notification_configuration_info, "notificationConfigurationInfo", 0xB6, flags,            \
         rsp_notification_configuration_type, 0, 0)
#define PROFILE_OWNER SEQ_OPT(profile_owner, "profileOwner", 0xB7, 0, rsp_operator_id_type)
#define PROFILE_POLICY_RULES                                                                       \
    BITS_OPT(profile_policy_rules, "profilePolicyRules", 0x99, 0, rsp_ppr_names)
#define DATA_STORED                                                                                \
    LIST(service_specific_data_stored_in_euicc, "serviceSpecificDataStoredInEuicc", 0xBF22, OPT,   \
         rsp_vendor_extension_type, 0, 0)
#define RPM_CONFIGURATION                                                                          \
    SEQ_OPT(rpm_configuration, "rpmConfiguration", 0xBA, V3, rsp_rpm_configuration_type)
#define HRI_SERVER_ADDRESS UTF8(hri_server_address, "hriServerAddress", 0x9B, V3, 0)
#define LPR_CONFIGURATION                                                                          \
    SEQ_OPT(lpr_configuration, "lprConfiguration", 0xBC, V3, rsp_lpr_configuration_type)
#define ENTERPRISE_CONFIGURATION                                                                   \
    SEQ_OPT(enterprise_configuration, "enterpriseConfiguration", 0xBD, V3,                         \
            rsp_enterprise_configuration_type)
#define SERVICE_DESCRIPTION                                                                        \
    BITS_OPT(service_description, "serviceDescription", 0x9F1F, V3, rsp_service_description_names)
#define DEVICE_CHANGE_CONFIGURATION                                                                \
    CHOICE(device_change_configuration, "deviceChangeConfiguration", 0xBF20, V3,                   \
           rsp_device_change_configuration_type)
#define CARRIER_PRIVILEGE_RULES                                                                    \
    LIST(carrier_privilege_rules, "carrierPrivilegeRules", 0xBF76, OPT,                            \
         rsp_carrier_privilege_rule_type, 0, 0)

#define T struct rsp_store_metadata
static const struct asn1_field store_metadata[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    SERVICE_PROVIDER_NAME,
    PROFILE_NAME,
    ICON_TYPE,
    ICON,
    INT_DEFAULT(profile_class, "profileClass", 0x95, 0, rsp_profile_class_names,
                RSP_CLASS_OPERATIONAL),
    NOTIFICATION_CONFIGURATION(OPT),
    PROFILE_OWNER,
    PROFILE_POLICY_RULES,
    DATA_STORED,
    LIST(service_specific_data_not_stored_in_euicc, "serviceSpecificDataNotStoredInEuicc", 0xBF23,
         OPT, rsp_vendor_extension_type, 0, 0),
    RPM_CONFIGURATION,
    HRI_SERVER_ADDRESS,
    SEQ_OPT(service_provider_message, "serviceProviderMessage", 0xBE, V3,
            rsp_service_provider_message_type),
    LPR_CONFIGURATION,
    ENTERPRISE_CONFIGURATION,
    SERVICE_DESCRIPTION,
    DEVICE_CHANGE_CONFIGURATION,
    INT_OPT(estimated_profile_size, "estimatedProfileSize", 0x9F21, V3, NULL),
    CARRIER_PRIVILEGE_RULES,
};
SEQUENCE_RAW(rsp_store_metadata_type, "StoreMetadataRequest", 0xBF25, store_metadata);
#undef T

#define T struct rsp_update_metadata
static const struct asn1_field update_metadata[] = {
    SERVICE_PROVIDER_NAME_OPT,
    PROFILE_NAME_OPT,
    ICON_TYPE,
    ICON,
    PROFILE_POLICY_RULES,
    DATA_STORED,
    NOTIFICATION_CONFIGURATION(V3),
    OCTETS(tags_for_deletion, "tagsForDeletion", 0x5C, V3, 0, 0),
    RPM_CONFIGURATION,
    HRI_SERVER_ADDRESS,
    LPR_CONFIGURATION,
    ENTERPRISE_CONFIGURATION,
    DEVICE_CHANGE_CONFIGURATION,
};
SEQUENCE_RAW(rsp_update_metadata_type, "UpdateMetadataRequest", 0xBF2A, update_metadata);
#undef T

#define T struct rsp_dp_proprietary_data
static const struct asn1_field dp_proprietary_data[] = {
    OID(dp_oid, "dpOid", 0x80, 0),
};
SEQUENCE_RAW(rsp_dp_proprietary_data_type, "DpProprietaryData", 0xB8, dp_proprietary_data);
#undef T

#define T struct rsp_profile_info
static const struct asn1_field profile_info[] = {
    ICCID(iccid, "iccid", 0x5A, OPT),
    AID(isdp_aid, "isdpAid", 0x4F, OPT),
    INT_OPT(profile_state, "profileState", 0x9F70, 0, rsp_profile_state_names),
    UTF8(profile_nickname, "profileNickname", 0x90, OPT, RSP_MAX_NICKNAME),
    SERVICE_PROVIDER_NAME_OPT,
    PROFILE_NAME_OPT,
    ICON_TYPE,
    ICON,
    INT_OPT(profile_class, "profileClass", 0x95, 0, rsp_profile_class_names),
    NOTIFICATION_CONFIGURATION(OPT),
    PROFILE_OWNER,
    SEQ_OPT(dp_proprietary_data, "dpProprietaryData", 0xB8, 0, rsp_dp_proprietary_data_type),
    PROFILE_POLICY_RULES,
    DATA_STORED,
    RPM_CONFIGURATION,
    HRI_SERVER_ADDRESS,
    LPR_CONFIGURATION,
    ENTERPRISE_CONFIGURATION,
    SERVICE_DESCRIPTION,
    DEVICE_CHANGE_CONFIGURATION,
    INT_OPT(enabled_on_esim_port, "enabledOnEsimPort", 0x9F24, V3, NULL),
    INT_OPT(profile_size, "profileSize", 0x9F25, V3, NULL),
    CARRIER_PRIVILEGE_RULES,
};
SEQUENCE(rsp_profile_info_type, "ProfileInfo", 0xE3, profile_info);
#undef T

/* ---- tag lists ---- */

bool rsp_tag_list_has(cr_span tag_list, uint32_t tag)
{
    while (tag_list.n) {
        uint32_t t = tag_list.p[0];
        size_t n = 1;
        if ((t & 0x1F) == 0x1F) {
            do {
                if (n == tag_list.n || n == sizeof(t)) {
                    return false; /* cut, or no tag of ours: nothing after it can be told apart */
                }
                t = t << 8 | tag_list.p[n];
                n++;
            } while (tag_list.p[n - 1] & 0x80);
        }
        if (t == tag) {
            return true;
        }
        tag_list = cr_span_sub(tag_list, n, tag_list.n);
    }
    return false;
}

static void clear_member(const struct asn1_field *f, struct rsp_profile_info *info)
{
    uint8_t *at = (uint8_t *)info + f->offset;
    if (f->has != ASN1_NO_OFFSET) {
        memset((uint8_t *)info + f->has, 0, sizeof(bool));
    } else if (f->kind == ASN1_SEQUENCE_OF) {
        memset(at, 0, sizeof(struct asn1_list));
    } else if (f->kind == ASN1_CHOICE) {
        memset(at, 0, sizeof(int));
    } else {
        memset(at, 0, sizeof(cr_span));
    }
}

void rsp_profile_info_select(struct rsp_profile_info *info, cr_span tag_list)
{
    static const uint8_t usual[] = RSP_PROFILE_INFO_DEFAULT_TAGS;
    if (!cr_span_present(tag_list)) {
        tag_list = CR_SPAN_ARRAY(usual);
    }
    for (size_t i = 0; i < CR_COUNT(profile_info); i++) {
        if (!rsp_tag_list_has(tag_list, profile_info[i].tag)) {
            clear_member(&profile_info[i], info);
        }
    }
}
