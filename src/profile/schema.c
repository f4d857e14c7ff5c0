/*
 * The ASN.1 module of the profile package as tables. SIZE constraints of the module are in the
 * rows; what is a rule of the text and not of the module is in check.c.
 */
#include "profile/schema.h"

#define ROW(asn1_name, asn1_tag, asn1_kind, in, member)                                            \
    .name = (asn1_name), .tag = (asn1_tag), .kind = ASN1_##asn1_kind,                              \
    .offset = offsetof(in, member), .has = ASN1_NO_OFFSET
#define OPTIONAL         .flags = ASN1_OPTIONAL
#define SIZED(low, high) .min = (low), .max = (high)

#define SEQUENCE_TYPE(asn1_name, asn1_tag, in, rows)                                               \
    {                                                                                              \
        .name = (asn1_name), .tag = (asn1_tag), .kind = ASN1_SEQUENCE,                             \
        .raw_offset = ASN1_NO_OFFSET, .field_count = CR_COUNT(rows), .size = sizeof(in),           \
        .fields = (rows)                                                                           \
    }
#define CHOICE_TYPE(asn1_name, in, rows)                                                           \
    {                                                                                              \
        .name = (asn1_name), .kind = ASN1_CHOICE, .raw_offset = ASN1_NO_OFFSET,                    \
        .field_count = CR_COUNT(rows), .size = sizeof(in), .fields = (rows)                        \
    }
#define LIST_TYPE(asn1_name, asn1_tag, of)                                                         \
    {                                                                                              \
        .name = (asn1_name), .tag = (asn1_tag), .kind = ASN1_SEQUENCE_OF,                          \
        .raw_offset = ASN1_NO_OFFSET, .size = sizeof(struct asn1_list), .element = (of)            \
    }
#define OCTETS_TYPE(asn1_name, low, high)                                                          \
    {                                                                                              \
        .name = (asn1_name), .tag = 0x04, .kind = ASN1_OCTETS, .raw_offset = ASN1_NO_OFFSET,       \
        .size = sizeof(cr_span), .min = (low), .max = (high)                                       \
    }

#define LIMIT_ANY (512 * 1024) /* octets without a SIZE of their own: one element */

static const struct asn1_type octets_type = OCTETS_TYPE("OCTET STRING", 0, LIMIT_ANY);

/* ------------------------------------------------------------------ PEHeader, ProfileHeader */

static const struct asn1_field pe_header_rows[] = {
    {ROW("mandated", 0x80, NULL, struct profile_pe_header, mandated), OPTIONAL},
    {ROW("identification", 0x81, INTEGER, struct profile_pe_header, identification)},
};
const struct asn1_type profile_schema_pe_header =
    SEQUENCE_TYPE("PEHeader", 0xA0, struct profile_pe_header, pe_header_rows);

struct services {
    bool has[PROFILE_SERVICES];
};

#define SERVICE(n, service_name)                                                                   \
    {                                                                                              \
        .name = (service_name), .tag = 0x80 + (n), .kind = ASN1_NULL, .flags = ASN1_OPTIONAL,      \
        .offset = (n), .has = ASN1_NO_OFFSET                                                       \
    }

/* The row of service n is row n: profile_service_name() relies on it. */
static const struct asn1_field service_rows[PROFILE_SERVICES] = {
    SERVICE(PROFILE_SERVICE_CONTACTLESS, "contactless"),
    SERVICE(PROFILE_SERVICE_USIM, "usim"),
    SERVICE(PROFILE_SERVICE_ISIM, "isim"),
    SERVICE(PROFILE_SERVICE_CSIM, "csim"),
    SERVICE(PROFILE_SERVICE_MILENAGE, "milenage"),
    SERVICE(PROFILE_SERVICE_TUAK128, "tuak128"),
    SERVICE(PROFILE_SERVICE_CAVE, "cave"),
    SERVICE(PROFILE_SERVICE_GBA_USIM, "gba-usim"),
    SERVICE(PROFILE_SERVICE_GBA_ISIM, "gba-isim"),
    SERVICE(PROFILE_SERVICE_MBMS, "mbms"),
    SERVICE(PROFILE_SERVICE_EAP, "eap"),
    SERVICE(PROFILE_SERVICE_JAVACARD, "javacard"),
    SERVICE(PROFILE_SERVICE_MULTOS, "multos"),
    SERVICE(PROFILE_SERVICE_MULTIPLE_USIM, "multiple-usim"),
    SERVICE(PROFILE_SERVICE_MULTIPLE_ISIM, "multiple-isim"),
    SERVICE(PROFILE_SERVICE_MULTIPLE_CSIM, "multiple-csim"),
    SERVICE(PROFILE_SERVICE_TUAK256, "tuak256"),
    SERVICE(PROFILE_SERVICE_USIM_TEST_ALGORITHM, "usim-test-algorithm"),
    SERVICE(PROFILE_SERVICE_BER_TLV, "ber-tlv"),
    SERVICE(PROFILE_SERVICE_DFLINK, "dfLink"),
    SERVICE(PROFILE_SERVICE_CAT_TP, "cat-tp"),
    SERVICE(PROFILE_SERVICE_GET_IDENTITY, "get-identity"),
    SERVICE(PROFILE_SERVICE_PROFILE_A_X25519, "profile-a-x25519"),
    SERVICE(PROFILE_SERVICE_PROFILE_B_P256, "profile-b-p256"),
    SERVICE(PROFILE_SERVICE_SUCI_CALCULATOR_API, "suciCalculatorApi"),
    SERVICE(PROFILE_SERVICE_DNS_RESOLUTION, "dns-resolution"),
    SERVICE(PROFILE_SERVICE_SCP11AC, "scp11ac"),
    SERVICE(PROFILE_SERVICE_SCP11C_AUTHORIZATION_MECHANISM, "scp11c-authorization-mechanism"),
    SERVICE(PROFILE_SERVICE_S16MODE, "s16mode"),
    SERVICE(PROFILE_SERVICE_EAKA, "eaka"),
};
static const struct asn1_type services_type =
    SEQUENCE_TYPE("ServicesList", 0, struct services, service_rows);

const char *profile_service_name(int service)
{
    return service >= 0 && service < PROFILE_SERVICES ? service_rows[service].name : NULL;
}

static const struct asn1_type oid_type = {
    .name = "OBJECT IDENTIFIER",
    .tag = 0x06,
    .kind = ASN1_OID,
    .raw_offset = ASN1_NO_OFFSET,
    .size = sizeof(cr_span),
};

static const struct asn1_field mandatory_aid_rows[] = {
    {ROW("aid", 0x80, OCTETS, struct profile_mandatory_aid, aid), SIZED(5, 16)},
    {ROW("version", 0x81, OCTETS, struct profile_mandatory_aid, version), SIZED(2, 2)},
};
static const struct asn1_type mandatory_aid_type =
    SEQUENCE_TYPE("MandatoryAID", 0x30, struct profile_mandatory_aid, mandatory_aid_rows);

static const struct asn1_field iot_options_rows[] = {
    {ROW("pix", 0x80, OCTETS, struct profile_iot_options, pix), SIZED(7, 11)},
};
static const struct asn1_type iot_options_type =
    SEQUENCE_TYPE("IotOptions", 0, struct profile_iot_options, iot_options_rows);

#define HEADER_ROW(asn1_name, asn1_tag, asn1_kind, member)                                         \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_element, profile_header.member)

static const struct asn1_field header_rows[] = {
    {HEADER_ROW("major-version", 0x80, INTEGER, major_version)},
    {HEADER_ROW("minor-version", 0x81, INTEGER, minor_version)},
    {HEADER_ROW("profileType", 0x82, UTF8, profile_type), SIZED(1, 100), OPTIONAL},
    {HEADER_ROW("iccid", 0x83, OCTETS, iccid), SIZED(10, 10), .flags = ASN1_DIGITS},
    {HEADER_ROW("pol", 0x84, OCTETS, pol), SIZED(0, LIMIT_ANY), OPTIONAL},
    {HEADER_ROW("eUICC-Mandatory-services", 0xA5, SEQUENCE, services), .type = &services_type},
    {HEADER_ROW("eUICC-Mandatory-GFSTEList", 0xA6, SEQUENCE_OF, gfste_list), .type = &oid_type},
    {HEADER_ROW("connectivityParameters", 0x87, OCTETS, connectivity_parameters),
     SIZED(0, LIMIT_ANY), OPTIONAL},
    {HEADER_ROW("eUICC-Mandatory-AIDs", 0xA8, SEQUENCE_OF, mandatory_aids),
     .type = &mandatory_aid_type, OPTIONAL},
    {.name = "iotOptions",
     .tag = 0xA9,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_element, profile_header.iot_options),
     .has = offsetof(struct profile_element, profile_header.has_iot_options),
     .type = &iot_options_type},
};

/* ------------------------------------------------------------------ files */

static const struct asn1_field proprietary_rows[] = {
    {ROW("specialFileInformation", 0xC0, OCTETS, struct profile_proprietary, special_file_info),
     SIZED(1, 1), OPTIONAL},
    {ROW("fillPattern", 0xC1, OCTETS, struct profile_proprietary, fill_pattern),
     SIZED(1, PROFILE_MAX_PATTERN), OPTIONAL},
    {ROW("repeatPattern", 0xC2, OCTETS, struct profile_proprietary, repeat_pattern),
     SIZED(1, PROFILE_MAX_PATTERN), OPTIONAL},
    {ROW("maximumFileSize", 0x86, OCTETS, struct profile_proprietary, maximum_file_size),
     SIZED(1, 8), OPTIONAL},
    {ROW("fileDetails", 0x84, OCTETS, struct profile_proprietary, file_details), SIZED(1, 1),
     OPTIONAL},
};
static const struct asn1_type proprietary_type =
    SEQUENCE_TYPE("ProprietaryInfo", 0xA5, struct profile_proprietary, proprietary_rows);

#define FCP_ROW(asn1_name, asn1_tag, asn1_kind, member)                                            \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_fcp, member)

static const struct asn1_field fcp_rows[] = {
    {FCP_ROW("fileDescriptor", 0x82, OCTETS, file_descriptor), SIZED(2, 4), OPTIONAL},
    {FCP_ROW("fileID", 0x83, OCTETS, file_id), SIZED(2, 2), OPTIONAL},
    {FCP_ROW("dfName", 0x84, OCTETS, df_name), SIZED(5, 16), OPTIONAL},
    {FCP_ROW("lcsi", 0x8A, OCTETS, lcsi), SIZED(1, 1), OPTIONAL},
    {FCP_ROW("securityAttributesReferenced", 0x8B, OCTETS, security_attributes_referenced),
     SIZED(1, 3), OPTIONAL},
    {FCP_ROW("efFileSize", 0x80, OCTETS, ef_file_size), SIZED(1, 8), OPTIONAL},
    {FCP_ROW("pinStatusTemplateDO", 0xC6, OCTETS, pin_status_template_do), SIZED(0, 255), OPTIONAL},
    {FCP_ROW("shortEFID", 0x88, OCTETS, short_efid), SIZED(0, 1), OPTIONAL},
    {.name = "proprietaryEFInfo",
     .tag = 0xA5,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_fcp, proprietary),
     .has = offsetof(struct profile_fcp, has_proprietary),
     .type = &proprietary_type},
    {FCP_ROW("linkPath", 0xC7, OCTETS, link_path), SIZED(0, PROFILE_MAX_PATH), OPTIONAL},
};
const struct asn1_type profile_schema_fcp =
    SEQUENCE_TYPE("Fcp", 0x62, struct profile_fcp, fcp_rows);

static const struct asn1_field file_item_rows[] = {
    {ROW("doNotCreate", 0x80, NULL, struct profile_file_item, do_not_create)},
    {ROW("fileDescriptor", 0xA1, SEQUENCE, struct profile_file_item, fcp),
     .type = &profile_schema_fcp},
    {ROW("fillFileOffset", 0x82, INTEGER, struct profile_file_item, fill_file_offset)},
    {ROW("fillFileContent", 0x83, OCTETS, struct profile_file_item, fill_file_content),
     SIZED(0, LIMIT_ANY)},
};
const struct asn1_type profile_schema_file_item =
    CHOICE_TYPE("FileItem", struct profile_file_item, file_item_rows);
const struct asn1_type profile_schema_file = LIST_TYPE("File", 0x30, &profile_schema_file_item);

static const struct asn1_field gfm_item_rows[] = {
    {ROW("filePath", 0x80, OCTETS, struct profile_gfm_item, file_path), SIZED(0, PROFILE_MAX_PATH)},
    {ROW("createFCP", 0x62, SEQUENCE, struct profile_gfm_item, create_fcp),
     .type = &profile_schema_fcp},
    {ROW("fillFileOffset", 0x02, INTEGER, struct profile_gfm_item, fill_file_offset)},
    {ROW("fillFileContent", 0x81, OCTETS, struct profile_gfm_item, fill_file_content),
     SIZED(0, LIMIT_ANY)},
};
static const struct asn1_type gfm_item_type =
    CHOICE_TYPE("FileManagementItem", struct profile_gfm_item, gfm_item_rows);
static const struct asn1_type gfm_command_type = LIST_TYPE("FileManagement", 0x30, &gfm_item_type);

/* ------------------------------------------------------------------ the other elements */

#define PE_ROW(asn1_name, asn1_tag, asn1_kind, member)                                             \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_element, member)
#define PE_HEADER(asn1_name)                                                                       \
    {                                                                                              \
        PE_ROW(asn1_name, 0xA0, SEQUENCE, header), .type = &profile_schema_pe_header               \
    }

static const struct asn1_field gfm_rows[] = {
    PE_HEADER("gfm-header"),
    {PE_ROW("fileManagementCMD", 0xA1, SEQUENCE_OF, gfm.commands), .type = &gfm_command_type},
};

static const struct asn1_field pin_rows[] = {
    {ROW("keyReference", 0x80, INTEGER, struct profile_pin, key_reference)},
    {ROW("pinValue", 0x81, OCTETS, struct profile_pin, pin_value), SIZED(PROFILE_PIN, PROFILE_PIN)},
    {.name = "unblockingPINReference",
     .tag = 0x82,
     .kind = ASN1_INTEGER,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_pin, unblocking_pin_reference),
     .has = offsetof(struct profile_pin, has_unblocking_pin_reference)},
    {ROW("pinAttributes", 0x83, INTEGER, struct profile_pin, pin_attributes), .flags = ASN1_DEFAULT,
     .def = 7},
    {ROW("maxNumOfAttemps-retryNumLeft", 0x84, INTEGER, struct profile_pin,
         max_num_of_attemps_retry_num_left),
     .flags = ASN1_DEFAULT, .def = 0x33},
};
static const struct asn1_type pin_type =
    SEQUENCE_TYPE("PINConfiguration", 0x30, struct profile_pin, pin_rows);
static const struct asn1_field pin_choice_rows[] = {
    {ROW("pinconfig", 0xA0, SEQUENCE_OF, struct profile_pin_codes_choice, pinconfig),
     .type = &pin_type, SIZED(1, PROFILE_PIN_MAX)},
    {ROW("filePath", 0x81, OCTETS, struct profile_pin_codes_choice, file_path),
     SIZED(0, PROFILE_MAX_PATH)},
};
static const struct asn1_type pin_choice_type =
    CHOICE_TYPE("PINCodes", struct profile_pin_codes_choice, pin_choice_rows);
static const struct asn1_field pin_codes_rows[] = {
    PE_HEADER("pin-Header"),
    {PE_ROW("pinCodes", 0xA1, CHOICE, pin_codes.codes), .type = &pin_choice_type},
};

static const struct asn1_field puk_rows[] = {
    {ROW("keyReference", 0x80, INTEGER, struct profile_puk, key_reference)},
    {ROW("pukValue", 0x81, OCTETS, struct profile_puk, puk_value), SIZED(PROFILE_PIN, PROFILE_PIN)},
    {ROW("maxNumOfAttemps-retryNumLeft", 0x82, INTEGER, struct profile_puk,
         max_num_of_attemps_retry_num_left),
     .flags = ASN1_DEFAULT, .def = 0xAA},
};
static const struct asn1_type puk_type =
    SEQUENCE_TYPE("PUKConfiguration", 0x30, struct profile_puk, puk_rows);
static const struct asn1_field puk_codes_rows[] = {
    PE_HEADER("puk-Header"),
    {PE_ROW("pukCodes", 0xA1, SEQUENCE_OF, puk_codes.codes), .type = &puk_type},
};

static const struct asn1_name algorithm_names[] = {
    {PROFILE_AKA_MILENAGE, "milenage"},
    {PROFILE_AKA_TUAK, "tuak"},
    {PROFILE_AKA_TEST, "usim-test"},
    {0, NULL},
};
static const struct asn1_field mapping_rows[] = {
    {ROW("mappingOptions", 0x80, OCTETS, struct profile_aka_mapping, mapping_options), SIZED(1, 1)},
    {ROW("mappingSource", 0x81, OCTETS, struct profile_aka_mapping, mapping_source), SIZED(5, 16)},
};
static const struct asn1_type mapping_type =
    SEQUENCE_TYPE("MappingParameter", 0xA0, struct profile_aka_mapping, mapping_rows);

#define ALGO_ROW(asn1_name, asn1_tag, asn1_kind, member)                                           \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_aka_algorithm, member)

static const struct asn1_field algorithm_rows[] = {
    {ALGO_ROW("algorithmID", 0x80, INTEGER, algorithm_id), .names = algorithm_names},
    {ALGO_ROW("algorithmOptions", 0x81, OCTETS, algorithm_options), SIZED(1, 1)},
    {ALGO_ROW("key", 0x82, OCTETS, key), SIZED(0, 64), .flags = ASN1_SECRET},
    {ALGO_ROW("opc", 0x83, OCTETS, opc), SIZED(0, 64), .flags = ASN1_OPTIONAL | ASN1_SECRET},
    {ALGO_ROW("rotationConstants", 0x84, OCTETS, rotation_constants), SIZED(5, 5), OPTIONAL},
    {ALGO_ROW("xoringConstants", 0x85, OCTETS, xoring_constants), SIZED(80, 80), OPTIONAL},
    {ALGO_ROW("authCounterMax", 0x86, OCTETS, auth_counter_max), SIZED(3, 3), OPTIONAL},
    {ALGO_ROW("numberOfKeccak", 0x87, INTEGER, number_of_keccak), .flags = ASN1_DEFAULT, .def = 1},
};
static const struct asn1_type algorithm_type =
    SEQUENCE_TYPE("AlgoParameter", 0xA1, struct profile_aka_algorithm, algorithm_rows);
static const struct asn1_field aka_choice_rows[] = {
    {ROW("mappingParameter", 0xA0, SEQUENCE, struct profile_aka_choice, mapping_parameter),
     .type = &mapping_type},
    {ROW("algoParameter", 0xA1, SEQUENCE, struct profile_aka_choice, algo_parameter),
     .type = &algorithm_type},
};
static const struct asn1_type aka_choice_type =
    CHOICE_TYPE("AlgoConfiguration", struct profile_aka_choice, aka_choice_rows);
static const struct asn1_type sqn_type = OCTETS_TYPE("SQN", 6, 6);
static const struct asn1_field aka_rows[] = {
    PE_HEADER("aka-header"),
    {PE_ROW("algoConfiguration", 0xA1, CHOICE, aka.algo_configuration), .type = &aka_choice_type},
    {PE_ROW("sqnOptions", 0x82, OCTETS, aka.sqn_options), SIZED(1, 1), OPTIONAL},
    {PE_ROW("sqnDelta", 0x83, OCTETS, aka.sqn_delta), SIZED(6, 6), OPTIONAL},
    {PE_ROW("sqnAgeLimit", 0x84, OCTETS, aka.sqn_age_limit), SIZED(6, 6), OPTIONAL},
    {PE_ROW("sqnInit", 0xA5, SEQUENCE_OF, aka.sqn_init), .type = &sqn_type,
     SIZED(PROFILE_SQN_COUNT, PROFILE_SQN_COUNT), OPTIONAL},
};

static const struct asn1_field cdma_rows[] = {
    PE_HEADER("cdma-header"),
    {PE_ROW("authenticationKey", 0x81, OCTETS, cdma.authentication_key), SIZED(8, 8),
     .flags = ASN1_SECRET},
    {PE_ROW("ssd", 0x82, OCTETS, cdma.ssd), SIZED(16, 16), .flags = ASN1_OPTIONAL | ASN1_SECRET},
    {PE_ROW("hrpdAccessAuthenticationData", 0x83, OCTETS, cdma.hrpd_access_authentication_data),
     SIZED(2, 32), OPTIONAL},
    {PE_ROW("simpleIPAuthenticationData", 0x84, OCTETS, cdma.simple_ip_authentication_data),
     SIZED(3, 483), OPTIONAL},
    {PE_ROW("mobileIPAuthenticationData", 0x85, OCTETS, cdma.mobile_ip_authentication_data),
     SIZED(5, 957), OPTIONAL},
};

/* ------------------------------------------------------------------ security domains, applets */

#define SYSTEM_ROW(asn1_name, asn1_tag, asn1_kind, member)                                         \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_system_parameters, member),                 \
        SIZED(0, LIMIT_ANY), OPTIONAL

static const struct asn1_field system_rows[] = {
    {SYSTEM_ROW("volatileMemoryQuotaC7", 0xC7, OCTETS, volatile_memory_quota)},
    {SYSTEM_ROW("nonVolatileMemoryQuotaC8", 0xC8, OCTETS, non_volatile_memory_quota)},
    {SYSTEM_ROW("globalServiceParameters", 0xCB, OCTETS, global_service_parameters)},
    {SYSTEM_ROW("implicitSelectionParameter", 0xCF, OCTETS, implicit_selection_parameter)},
    {SYSTEM_ROW("volatileReservedMemory", 0xD7, OCTETS, volatile_reserved_memory)},
    {SYSTEM_ROW("nonVolatileReservedMemory", 0xD8, OCTETS, non_volatile_reserved_memory)},
    {SYSTEM_ROW("ts102226SIMFileAccessToolkitParameter", 0xCA, OCTETS, sim_file_access_toolkit)},
    {SYSTEM_ROW("ts102226AdditionalContactlessParameters", 0xA0, RAW, additional_contactless)},
    {SYSTEM_ROW("contactlessProtocolParameters", 0xD9, OCTETS, contactless_protocol)},
    {SYSTEM_ROW("userInteractionContactlessParameters", 0xDA, OCTETS,
                user_interaction_contactless)},
    {SYSTEM_ROW("cumulativeGrantedVolatileMemory", 0x82, OCTETS, cumulative_granted_volatile)},
    {SYSTEM_ROW("cumulativeGrantedNonVolatileMemory", 0x83, OCTETS,
                cumulative_granted_non_volatile)},
};
static const struct asn1_type system_type = SEQUENCE_TYPE(
    "ApplicationSystemParameters", 0xEF, struct profile_system_parameters, system_rows);

static const struct asn1_field uicc_rows[] = {
    {ROW("uiccToolkitApplicationSpecificParametersField", 0x80, OCTETS,
         struct profile_application_parameters, uicc_toolkit),
     SIZED(0, LIMIT_ANY), OPTIONAL},
    {ROW("uiccAccessApplicationSpecificParametersField", 0x81, OCTETS,
         struct profile_application_parameters, uicc_access),
     SIZED(0, LIMIT_ANY), OPTIONAL},
    {ROW("uiccAdministrativeAccessApplicationSpecificParametersField", 0x82, OCTETS,
         struct profile_application_parameters, uicc_administrative_access),
     SIZED(0, LIMIT_ANY), OPTIONAL},
};
static const struct asn1_type uicc_type = SEQUENCE_TYPE(
    "UICCApplicationParameters", 0xEA, struct profile_application_parameters, uicc_rows);

#define INSTANCE_ROW(asn1_name, asn1_tag, asn1_kind, member)                                       \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_instance, member)

static const struct asn1_field instance_rows[] = {
    {INSTANCE_ROW("applicationLoadPackageAID", 0x4F, OCTETS, application_load_package_aid),
     SIZED(5, 16)},
    {INSTANCE_ROW("classAID", 0x4F, OCTETS, class_aid), SIZED(5, 16)},
    {INSTANCE_ROW("instanceAID", 0x4F, OCTETS, instance_aid), SIZED(5, 16)},
    {INSTANCE_ROW("extraditeSecurityDomainAID", 0x4F, OCTETS, extradite_security_domain_aid),
     SIZED(5, 16), OPTIONAL},
    {INSTANCE_ROW("applicationPrivileges", 0x82, OCTETS, application_privileges), SIZED(1, 3)},
    {INSTANCE_ROW("lifeCycleState", 0x83, OCTETS, life_cycle_state), SIZED(1, 1), OPTIONAL},
    {INSTANCE_ROW("applicationSpecificParametersC9", 0xC9, OCTETS,
                  application_specific_parameters_c9),
     SIZED(0, LIMIT_ANY)},
    {.name = "systemSpecificParameters",
     .tag = 0xEF,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_instance, system_specific_parameters),
     .has = offsetof(struct profile_instance, has_system_specific_parameters),
     .type = &system_type},
    {.name = "applicationParameters",
     .tag = 0xEA,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_instance, application_parameters),
     .has = offsetof(struct profile_instance, has_application_parameters),
     .type = &uicc_type},
    {INSTANCE_ROW("processData", 0x30, SEQUENCE_OF, process_data), .type = &octets_type, OPTIONAL},
    {INSTANCE_ROW("controlReferenceTemplate", 0xB0, RAW, control_reference_template),
     SIZED(0, LIMIT_ANY), OPTIONAL},
};
static const struct asn1_type instance_type =
    SEQUENCE_TYPE("ApplicationInstance", 0x30, struct profile_instance, instance_rows);

static const struct asn1_field component_rows[] = {
    {ROW("keyType", 0x80, OCTETS, struct profile_key_component, key_type), SIZED(1, 1)},
    {ROW("keyData", 0x86, OCTETS, struct profile_key_component, key_data), SIZED(0, LIMIT_ANY),
     .flags = ASN1_SECRET},
    {ROW("macLength", 0x87, INTEGER, struct profile_key_component, mac_length),
     .flags = ASN1_DEFAULT, .def = 8},
};
static const struct asn1_type component_type =
    SEQUENCE_TYPE("KeyComponent", 0x30, struct profile_key_component, component_rows);

#define KEY_ROW(asn1_name, asn1_tag, asn1_kind, member)                                            \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_key, member)

static const struct asn1_field key_rows[] = {
    {KEY_ROW("keyUsageQualifier", 0x95, OCTETS, key_usage_qualifier), SIZED(1, 2)},
    {KEY_ROW("keyAccess", 0x96, OCTETS, key_access), SIZED(1, 1), OPTIONAL},
    {KEY_ROW("keyIdentifier", 0x82, OCTETS, key_identifier), SIZED(1, 1)},
    {KEY_ROW("keyVersionNumber", 0x83, OCTETS, key_version_number), SIZED(1, 1)},
    {KEY_ROW("keyCounterValue", 0x85, OCTETS, key_counter_value), SIZED(0, 16), OPTIONAL},
    {KEY_ROW("keyCompontents", 0x30, SEQUENCE_OF, key_components), .type = &component_type},
};
static const struct asn1_type key_type =
    SEQUENCE_TYPE("KeyObject", 0x30, struct profile_key, key_rows);

static const struct asn1_field open_perso_rows[] = {
    {ROW("restrictParameter", 0xD9, OCTETS, struct profile_open_perso, restrict_parameter),
     SIZED(0, LIMIT_ANY), OPTIONAL},
    {ROW("contactlessProtocolParameters", 0x04, OCTETS, struct profile_open_perso,
         contactless_protocol),
     SIZED(0, LIMIT_ANY), OPTIONAL},
};
static const struct asn1_type open_perso_type =
    SEQUENCE_TYPE("OpenPersoData", 0, struct profile_open_perso, open_perso_rows);

static const struct asn1_field cat_tp_rows[] = {
    {ROW("catTpMaxSduSize", 0x80, INTEGER, struct profile_cat_tp, max_sdu_size)},
    {ROW("catTpMaxPduSize", 0x81, INTEGER, struct profile_cat_tp, max_pdu_size)},
};
static const struct asn1_type cat_tp_type =
    SEQUENCE_TYPE("CatTpParameters", 0, struct profile_cat_tp, cat_tp_rows);

static const struct asn1_field sd_rows[] = {
    PE_HEADER("sd-Header"),
    {PE_ROW("instance", 0xA1, SEQUENCE, sd.instance), .type = &instance_type},
    {PE_ROW("keyList", 0xA2, SEQUENCE_OF, sd.key_list), .type = &key_type, OPTIONAL},
    {PE_ROW("sdPersoData", 0xA3, SEQUENCE_OF, sd.sd_perso_data), .type = &octets_type, OPTIONAL},
    {.name = "openPersoData",
     .tag = 0xA4,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_element, sd.open_perso_data),
     .has = offsetof(struct profile_element, sd.has_open_perso_data),
     .type = &open_perso_type},
    {.name = "catTpParameters",
     .tag = 0xA5,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_element, sd.cat_tp_parameters),
     .has = offsetof(struct profile_element, sd.has_cat_tp_parameters),
     .type = &cat_tp_type},
};

static const struct asn1_field adf_rfm_rows[] = {
    {ROW("adfAID", 0x80, OCTETS, struct profile_adf_rfm_access, adf_aid), SIZED(5, 16)},
    {ROW("adfAccessDomain", 0x81, OCTETS, struct profile_adf_rfm_access, adf_access_domain),
     SIZED(0, LIMIT_ANY)},
    {ROW("adfAdminAccessDomain", 0x82, OCTETS, struct profile_adf_rfm_access,
         adf_admin_access_domain),
     SIZED(0, LIMIT_ANY)},
};
static const struct asn1_type adf_rfm_type =
    SEQUENCE_TYPE("ADFRFMAccess", 0x30, struct profile_adf_rfm_access, adf_rfm_rows);
static const struct asn1_type tar_type = OCTETS_TYPE("TAR", 3, 3);

/* The header and the TAR list both have tag A0; their places tell them apart. */
static const struct asn1_field rfm_rows[] = {
    PE_HEADER("rfm-header"),
    {PE_ROW("instanceAID", 0x4F, OCTETS, rfm.instance_aid), SIZED(5, 16)},
    {PE_ROW("securityDomainAID", 0x4F, OCTETS, rfm.security_domain_aid), SIZED(5, 16), OPTIONAL},
    {PE_ROW("tarList", 0xA0, SEQUENCE_OF, rfm.tar_list), .type = &tar_type, OPTIONAL},
    {PE_ROW("minimumSecurityLevel", 0x81, OCTETS, rfm.minimum_security_level), SIZED(1, 1)},
    {PE_ROW("uiccAccessDomain", 0x04, OCTETS, rfm.uicc_access_domain), SIZED(0, LIMIT_ANY)},
    {PE_ROW("uiccAdminAccessDomain", 0x04, OCTETS, rfm.uicc_admin_access_domain),
     SIZED(0, LIMIT_ANY)},
    {.name = "adfRFMAccess",
     .tag = 0x30,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_element, rfm.adf_rfm_access),
     .has = offsetof(struct profile_element, rfm.has_adf_rfm_access),
     .type = &adf_rfm_type},
};

#define LOAD_ROW(asn1_name, asn1_tag, asn1_kind, member)                                           \
    ROW(asn1_name, asn1_tag, asn1_kind, struct profile_load_package, member)

static const struct asn1_field load_rows[] = {
    {LOAD_ROW("loadPackageAID", 0x4F, OCTETS, load_package_aid), SIZED(5, 16)},
    {LOAD_ROW("securityDomainAID", 0x4F, OCTETS, security_domain_aid), SIZED(5, 16), OPTIONAL},
    {LOAD_ROW("nonVolatileCodeLimitC6", 0xC6, OCTETS, non_volatile_code_limit), SIZED(0, LIMIT_ANY),
     OPTIONAL},
    {LOAD_ROW("volatileDataLimitC7", 0xC7, OCTETS, volatile_data_limit), SIZED(0, LIMIT_ANY),
     OPTIONAL},
    {LOAD_ROW("nonVolatileDataLimitC8", 0xC8, OCTETS, non_volatile_data_limit), SIZED(0, LIMIT_ANY),
     OPTIONAL},
    {LOAD_ROW("hashValue", 0xC1, OCTETS, hash_value), SIZED(0, LIMIT_ANY), OPTIONAL},
    {LOAD_ROW("loadBlockObject", 0xC4, OCTETS, load_block_object), SIZED(0, LIMIT_ANY)},
};
static const struct asn1_type load_type =
    SEQUENCE_TYPE("ApplicationLoadPackage", 0x30, struct profile_load_package, load_rows);

static const struct asn1_field application_rows[] = {
    PE_HEADER("app-Header"),
    {.name = "loadBlock",
     .tag = 0xA1,
     .kind = ASN1_SEQUENCE,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct profile_element, application.load_block),
     .has = offsetof(struct profile_element, application.has_load_block),
     .type = &load_type},
    {PE_ROW("instanceList", 0xA2, SEQUENCE_OF, application.instance_list), .type = &instance_type,
     OPTIONAL},
};

static const struct asn1_field non_standard_rows[] = {
    PE_HEADER("nonStandard-header"),
    {PE_ROW("issuerID", 0x81, OID, non_standard.issuer_id)},
    {PE_ROW("content", 0x82, OCTETS, non_standard.content), SIZED(0, LIMIT_ANY)},
};
static const struct asn1_field end_rows[] = {PE_HEADER("end-header")};

/* ------------------------------------------------------------------ the alternatives */

#define ELEMENT(asn1_name, asn1_tag, rows)                                                         \
    {                                                                                              \
        .name = (asn1_name), .tag = (asn1_tag), .kind = ASN1_SEQUENCE,                             \
        .raw_offset = offsetof(struct profile_element, raw), .field_count = CR_COUNT(rows),        \
        .size = sizeof(struct profile_element), .fields = (rows)                                   \
    }
/* An element with files: its components are rows of a template (package.c). */
#define FILES(asn1_name, asn1_tag)                                                                 \
    {                                                                                              \
        .name = (asn1_name), .tag = (asn1_tag)                                                     \
    }

static const struct asn1_type element_types[PROFILE_KINDS] = {
    [PROFILE_UNKNOWN] = {.name = "unknown"},
    [PROFILE_HEADER] = ELEMENT("header", 0xA0, header_rows),
    [PROFILE_GFM] = ELEMENT("genericFileManagement", 0xA1, gfm_rows),
    [PROFILE_PIN_CODES] = ELEMENT("pinCodes", 0xA2, pin_codes_rows),
    [PROFILE_PUK_CODES] = ELEMENT("pukCodes", 0xA3, puk_codes_rows),
    [PROFILE_AKA] = ELEMENT("akaParameter", 0xA4, aka_rows),
    [PROFILE_CDMA] = ELEMENT("cdmaParameter", 0xA5, cdma_rows),
    [PROFILE_SECURITY_DOMAIN] = ELEMENT("securityDomain", 0xA6, sd_rows),
    [PROFILE_RFM] = ELEMENT("rfm", 0xA7, rfm_rows),
    [PROFILE_APPLICATION] = ELEMENT("application", 0xA8, application_rows),
    [PROFILE_NON_STANDARD] = ELEMENT("nonStandard", 0xA9, non_standard_rows),
    [PROFILE_END] = ELEMENT("end", 0xAA, end_rows),
    [PROFILE_MF] = FILES("mf", 0xB0),
    [PROFILE_CD] = FILES("cd", 0xB1),
    [PROFILE_TELECOM] = FILES("telecom", 0xB2),
    [PROFILE_USIM] = FILES("usim", 0xB3),
    [PROFILE_OPT_USIM] = FILES("opt-usim", 0xB4),
    [PROFILE_ISIM] = FILES("isim", 0xB5),
    [PROFILE_OPT_ISIM] = FILES("opt-isim", 0xB6),
    [PROFILE_PHONEBOOK] = FILES("phonebook", 0xB7),
    [PROFILE_GSM_ACCESS] = FILES("gsm-access", 0xB8),
    [PROFILE_CSIM] = FILES("csim", 0xB9),
    [PROFILE_OPT_CSIM] = FILES("opt-csim", 0xBA),
    [PROFILE_EAP] = FILES("eap", 0xBB),
    [PROFILE_DF_5GS] = FILES("df-5gs", 0xBC),
    [PROFILE_DF_SAIP] = FILES("df-saip", 0xBD),
    [PROFILE_DF_SNPN] = FILES("df-snpn", 0xBE),
    [PROFILE_DF_5GPROSE] = FILES("df-5gprose", 0xBF1F),
    [PROFILE_IOT] = FILES("iot", 0xBF20),
    [PROFILE_OPT_IOT] = FILES("opt-iot", 0xBF21),
};

const struct asn1_type *profile_schema_of(enum profile_element_kind kind)
{
    return kind > PROFILE_UNKNOWN && kind < PROFILE_MF ? &element_types[kind] : NULL;
}

const char *profile_schema_header_name(enum profile_element_kind kind)
{
    if (profile_kind_has_files(kind)) {
        return kind == PROFILE_OPT_USIM   ? "optusim-header"
               : kind == PROFILE_OPT_ISIM ? "optisim-header"
               : kind == PROFILE_OPT_CSIM ? "optcsim-header"
                                          : "header";
    }
    return kind > PROFILE_HEADER && kind < PROFILE_MF ? element_types[kind].fields[0].name : NULL;
}

const char *profile_kind_name(enum profile_element_kind kind)
{
    return element_types[kind < PROFILE_KINDS ? kind : PROFILE_UNKNOWN].name;
}

uint32_t profile_kind_tag(enum profile_element_kind kind)
{
    return element_types[kind < PROFILE_KINDS ? kind : PROFILE_UNKNOWN].tag;
}

enum profile_element_kind profile_kind_from_tag(uint32_t tag)
{
    for (int i = PROFILE_HEADER; i < PROFILE_KINDS; i++) {
        if (element_types[i].tag == tag) {
            return (enum profile_element_kind)i;
        }
    }
    return PROFILE_UNKNOWN;
}

enum profile_element_kind profile_kind_from_name(const char *name)
{
    for (int i = PROFILE_HEADER; i < PROFILE_KINDS; i++) {
        if (strcmp(element_types[i].name, name) == 0) {
            return (enum profile_element_kind)i;
        }
    }
    return PROFILE_UNKNOWN;
}
