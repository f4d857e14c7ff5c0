/*
 * Profile metadata (SGP.22 2.4.4, 5.5.3, 5.4.1, 5.7.15): StoreMetadataRequest BF25 of the BPP,
 * UpdateMetadataRequest BF2A of ES6 and RPM, ProfileInfo E3 of the profile list, and their parts.
 */
#ifndef CRISP_RSP_METADATA_H
#define CRISP_RSP_METADATA_H

#include "rsp/types.h"

/* One entry of notificationConfigurationInfo B6. An entry with several bits means a notification
 * for each of its events. */
struct rsp_notification_configuration {
    uint64_t profile_management_operation; /* 80, enum rsp_notification_event */
    cr_span notification_address;          /* 81 UTF8 */
};
typedef ASN1_LIST(struct rsp_notification_configuration) rsp_notification_configuration_list;
extern const struct asn1_type rsp_notification_configuration_type; /* the element, 30 */

/* RpmType bits, v3. */
enum rsp_rpm_type {
    RSP_RPM_ENABLE = 1 << 0,
    RSP_RPM_DISABLE = 1 << 1,
    RSP_RPM_DELETE = 1 << 2,
    RSP_RPM_LIST_PROFILE_INFO = 1 << 3,
    RSP_RPM_CONTACT_PCMP = 1 << 4
};
extern const struct asn1_name rsp_rpm_type_names[];

struct rsp_managing_dp {     /* v3 */
    cr_span managing_dp_oid; /* 80 */
    bool has_rpm_type;       /* 81 opt */
    uint64_t rpm_type;
    cr_span tag_list; /* 5C opt */
};

struct rsp_rpm_configuration {                          /* BA v3 */
    ASN1_LIST(struct rsp_managing_dp) managing_dp_list; /* A0 */
    cr_span polling_address;                            /* 81 opt UTF8 */
    cr_span allowed_ci_pkid;                            /* 82 opt */
    cr_span profile_owner_oid;                          /* 83 */
};
extern const struct asn1_type rsp_rpm_configuration_type;

struct rsp_lpr_configuration {          /* BC v3 */
    cr_span pcmp_address;               /* 80 UTF8 */
    cr_span dpi_enable;                 /* 81 opt UTF8 */
    bool trigger_lpr_on_enable_profile; /* 82 NULL */
};
extern const struct asn1_type rsp_lpr_configuration_type;

enum rsp_enterprise_rule {
    RSP_ENTERPRISE_REFERENCE_RULE = 1 << 0,
    RSP_ENTERPRISE_PRIORITY_PROFILE = 1 << 1,
    RSP_ENTERPRISE_ONLY_CAN_BE_INSTALLED = 1 << 2
};
extern const struct asn1_name rsp_enterprise_rule_names[];

struct rsp_enterprise_rules {
    uint64_t enterprise_rule_bits;             /* 80 */
    int64_t number_of_non_enterprise_profiles; /* 81 */
};

struct rsp_enterprise_configuration { /* BD v3 */
    cr_span enterprise_oid;           /* 80 */
    cr_span enterprise_name;          /* 81 UTF8 0..64 */
    bool has_enterprise_rules;        /* A2 opt */
    struct rsp_enterprise_rules enterprise_rules;
};
extern const struct asn1_type rsp_enterprise_configuration_type;

struct rsp_service_provider_message {          /* BE v3 */
    cr_span service_provider_message_language; /* 80 opt; absent = "en" */
    cr_span service_provider_message;          /* 81 UTF8 */
};
extern const struct asn1_type rsp_service_provider_message_type;

enum rsp_service_description { RSP_SERVICE_VOICE = 1 << 0, RSP_SERVICE_DATA = 1 << 1 };
extern const struct asn1_name rsp_service_description_names[];

enum { RSP_DEVICE_CHANGE_REQUEST_TO_DP = 1, RSP_DEVICE_CHANGE_USING_STORED_AC };
struct rsp_device_change_configuration { /* BF20 v3 */
    int which;
    union {
        struct rsp_dc_request_to_dp {
            cr_span smdp_address_for_dc; /* 80 UTF8 */
            cr_span allowed_ci_pkid;     /* 81 opt */
            bool eid_required;           /* 82 NULL */
            bool tac_required;           /* 83 NULL */
        } request_to_dp;                 /* A0 */
        struct rsp_dc_using_stored_ac {
            cr_span activation_code_for_dc; /* 80 UTF8 ..255 */
            bool delete_old_profile;        /* 81 NULL */
        } using_stored_ac;                  /* A1 */
    };
};
extern const struct asn1_type rsp_device_change_configuration_type;

/* One carrier-privilege rule of BF76 (platform extension, not in SGP.22). */
struct rsp_carrier_privilege_rule {
    struct rsp_carrier_ref_do {
        cr_span device_app_id_ref_do; /* C1, certificate hash of 20 or 32 bytes */
        cr_span package_name;         /* CA opt */
    } ref_do;                         /* E1 */
    bool has_ar_do;                   /* E3 opt */
    struct rsp_carrier_ar_do {
        cr_span perm_ar_do; /* DB, 8 bytes */
    } ar_do;
};
typedef ASN1_LIST(struct rsp_carrier_privilege_rule) rsp_carrier_privilege_rule_list;
extern const struct asn1_type rsp_carrier_privilege_rule_type; /* the element, E2 */

/* StoreMetadataRequest BF25, also the profileMetadata of ES9+. raw is what the BPP carries. */
struct rsp_store_metadata {
    cr_span raw;
    cr_span iccid;                 /* 5A */
    cr_span service_provider_name; /* 91 UTF8 0..32 */
    cr_span profile_name;          /* 92 UTF8 0..64 */
    bool has_icon_type;            /* 93 opt; never one without the other */
    int64_t icon_type;
    cr_span icon;          /* 94 opt, 0..1024 */
    int64_t profile_class; /* 95, default RSP_CLASS_OPERATIONAL; set it before encoding */
    rsp_notification_configuration_list notification_configuration_info; /* B6 opt */
    bool has_profile_owner;                                              /* B7 opt */
    struct rsp_operator_id profile_owner;
    bool has_profile_policy_rules; /* 99 opt */
    uint64_t profile_policy_rules;
    rsp_vendor_extension_list service_specific_data_stored_in_euicc;     /* BF22 opt */
    rsp_vendor_extension_list service_specific_data_not_stored_in_euicc; /* BF23 opt */
    bool has_rpm_configuration;                                          /* BA v3 opt */
    struct rsp_rpm_configuration rpm_configuration;
    cr_span hri_server_address;        /* 9B v3 opt */
    bool has_service_provider_message; /* BE v3 opt */
    struct rsp_service_provider_message service_provider_message;
    bool has_lpr_configuration; /* BC v3 opt */
    struct rsp_lpr_configuration lpr_configuration;
    bool has_enterprise_configuration; /* BD v3 opt */
    struct rsp_enterprise_configuration enterprise_configuration;
    bool has_service_description; /* 9F1F v3 opt */
    uint64_t service_description;
    struct rsp_device_change_configuration device_change_configuration; /* BF20 v3 opt */
    bool has_estimated_profile_size;                                    /* 9F21 v3 opt */
    int64_t estimated_profile_size;
    rsp_carrier_privilege_rule_list carrier_privilege_rules; /* BF76 opt */
};
extern const struct asn1_type rsp_store_metadata_type;

/* UpdateMetadataRequest BF2A (ES6, RPM); all opt. */
struct rsp_update_metadata {
    cr_span raw;
    cr_span service_provider_name; /* 91 */
    cr_span profile_name;          /* 92 */
    bool has_icon_type;            /* 93 */
    int64_t icon_type;
    cr_span icon;                  /* 94 */
    bool has_profile_policy_rules; /* 99 */
    uint64_t profile_policy_rules;
    rsp_vendor_extension_list service_specific_data_stored_in_euicc;     /* BF22 */
    rsp_notification_configuration_list notification_configuration_info; /* B6 v3 */
    cr_span tags_for_deletion;                                           /* 5C v3 */
    bool has_rpm_configuration;                                          /* BA v3 */
    struct rsp_rpm_configuration rpm_configuration;
    cr_span hri_server_address; /* 9B v3 */
    bool has_lpr_configuration; /* BC v3 */
    struct rsp_lpr_configuration lpr_configuration;
    bool has_enterprise_configuration; /* BD v3 */
    struct rsp_enterprise_configuration enterprise_configuration;
    struct rsp_device_change_configuration device_change_configuration; /* BF20 v3 */
};
extern const struct asn1_type rsp_update_metadata_type;

/* Result of UpdateMetadata (9F2A in RPM results). */
enum rsp_update_metadata_result {
    RSP_UPDATE_METADATA_OK = 0,
    RSP_UPDATE_METADATA_ENTERPRISE_CONFIG_NOT_ALLOWED = 6,
    RSP_UPDATE_METADATA_COMMAND_ERROR = 7,
    RSP_UPDATE_METADATA_PPR_UPDATE_INVALID_SETTING = 12,
    RSP_UPDATE_METADATA_INVALID_RPM_CONFIGURATION = 14,
    RSP_UPDATE_METADATA_DELETE_NOT_ALLOWED = 15,
    RSP_UPDATE_METADATA_UNDEFINED = 127
};
extern const struct asn1_name rsp_update_metadata_result_names[];

/* DpProprietaryData B8: dpOid first, then what the SM-DP+ likes; at most 128 bytes. */
struct rsp_dp_proprietary_data {
    cr_span raw;    /* keeps what follows the OID */
    cr_span dp_oid; /* 80 */
};
extern const struct asn1_type rsp_dp_proprietary_data_type;

/* ProfileInfo E3; all opt. The order is the type's, not the tagList's. */
struct rsp_profile_info {
    cr_span iccid;          /* 5A */
    cr_span isdp_aid;       /* 4F */
    bool has_profile_state; /* 9F70 */
    int64_t profile_state;
    cr_span profile_nickname;      /* 90 */
    cr_span service_provider_name; /* 91 */
    cr_span profile_name;          /* 92 */
    bool has_icon_type;            /* 93 */
    int64_t icon_type;
    cr_span icon;           /* 94 */
    bool has_profile_class; /* 95; absent = operational for a host */
    int64_t profile_class;
    rsp_notification_configuration_list notification_configuration_info; /* B6 */
    bool has_profile_owner;                                              /* B7 */
    struct rsp_operator_id profile_owner;
    bool has_dp_proprietary_data; /* B8 */
    struct rsp_dp_proprietary_data dp_proprietary_data;
    bool has_profile_policy_rules; /* 99 */
    uint64_t profile_policy_rules;
    rsp_vendor_extension_list service_specific_data_stored_in_euicc; /* BF22 */
    bool has_rpm_configuration;                                      /* BA v3 */
    struct rsp_rpm_configuration rpm_configuration;
    cr_span hri_server_address; /* 9B v3 */
    bool has_lpr_configuration; /* BC v3 */
    struct rsp_lpr_configuration lpr_configuration;
    bool has_enterprise_configuration; /* BD v3 */
    struct rsp_enterprise_configuration enterprise_configuration;
    bool has_service_description; /* 9F1F v3 */
    uint64_t service_description;
    struct rsp_device_change_configuration device_change_configuration; /* BF20 v3 */
    bool has_enabled_on_esim_port;                                      /* 9F24 v3 */
    int64_t enabled_on_esim_port;
    bool has_profile_size; /* 9F25 v3 */
    int64_t profile_size;
    rsp_carrier_privilege_rule_list carrier_privilege_rules; /* BF76 */
};
typedef ASN1_LIST(struct rsp_profile_info) rsp_profile_info_list;
extern const struct asn1_type rsp_profile_info_type;

/* Tags returned when GetProfilesInfo has no tagList (5.7.15), ready as a tagList. */
#define RSP_PROFILE_INFO_DEFAULT_TAGS                                                              \
    {                                                                                              \
        0x5A, 0x4F, 0x9F, 0x70, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95                                 \
    }

/* True when a tagList (concatenated tags of one, two or three bytes) names this tag. Never fails:
 * unknown tags are ignored, a cut one at the end too. */
bool rsp_tag_list_has(cr_span tag_list, uint32_t tag);

/* Clears every component of info whose tag is not in the tagList. An absent tagList stands for the
 * default set. */
void rsp_profile_info_select(struct rsp_profile_info *info, cr_span tag_list);

#endif
