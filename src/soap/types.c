#include "soap/types.h"

#include <stddef.h>

/* One line for each element: wire name, kind, flags, member, has-member, limits. */
#define ROW(s, n, k, f, m, lo, hi)                                                                 \
    {                                                                                              \
        .name = (n), .kind = (k), .flags = (f), .offset = offsetof(struct s, m),                   \
        .has = SOAP_NO_OFFSET, .min = (lo), .max = (hi)                                            \
    }
#define ROW_HAS(s, n, k, f, m, h, lo, hi)                                                          \
    {                                                                                              \
        .name = (n), .kind = (k), .flags = (f), .offset = offsetof(struct s, m),                   \
        .has = offsetof(struct s, h), .min = (lo), .max = (hi)                                     \
    }
#define ROW_ENUM(s, n, f, m, list)                                                                 \
    {                                                                                              \
        .name = (n), .kind = SOAP_ENUM, .flags = (f), .offset = offsetof(struct s, m),             \
        .has = SOAP_NO_OFFSET, .names = (list)                                                     \
    }
#define ROW_ENUMS(s, n, f, m, list, hi)                                                            \
    {                                                                                              \
        .name = (n), .kind = SOAP_ENUM, .flags = (f) | SOAP_REPEATED,                              \
        .offset = offsetof(struct s, m), .has = SOAP_NO_OFFSET, .max = (hi), .names = (list)       \
    }
#define ROW_TYPE(s, n, f, m, h, t)                                                                 \
    {                                                                                              \
        .name = (n), .kind = SOAP_COMPLEX, .flags = (f), .offset = offsetof(struct s, m),          \
        .has = offsetof(struct s, h), .type = &(t)                                                 \
    }
#define ROW_TYPES(s, n, f, m, t, lo, hi)                                                           \
    {                                                                                              \
        .name = (n), .kind = SOAP_COMPLEX, .flags = (f) | SOAP_REPEATED,                           \
        .offset = offsetof(struct s, m), .has = SOAP_NO_OFFSET, .min = (lo), .max = (hi),          \
        .type = &(t)                                                                               \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define TYPE(c, n, s, r)                                                                           \
    const struct soap_type c = {                                                                   \
        .name = (n), .size = sizeof(struct s), .raw = SOAP_NO_OFFSET, .rows = (r)}

#define MIN_AID 5
#define MAX_AID 16
#define OPT     SOAP_OPTIONAL

/* ---- status -----------------------------------------------------------------------------------
 */

const char *const soap_execution_names[] = {"EXECUTED_SUCCESS", "EXECUTED_WITHWARNING", "FAILED",
                                            "EXPIRED", NULL};

static const struct soap_row status_code_rows[] = {
    ROW(soap_status_code, "Subject", SOAP_OID, 0, subject, 1, 32),
    ROW(soap_status_code, "Reason", SOAP_OID, 0, reason, 1, 32),
    ROW(soap_status_code, "SubjectIdentifier", SOAP_TEXT, OPT, subject_identifier, 0, 0),
    ROW(soap_status_code, "Message", SOAP_TEXT, OPT, message, 0, 1024),
    END,
};
TYPE(soap_status_code_type, "StatusCodeDataType", soap_status_code, status_code_rows);

static const struct soap_row status_rows[] = {
    ROW_ENUM(soap_status, "Status", 0, status, soap_execution_names),
    ROW_TYPE(soap_status, "StatusCodeData", OPT, code, has_code, soap_status_code_type),
    END,
};
TYPE(soap_status_type, "ExecutionStatusType", soap_status, status_rows);

/* ---- subscription address, policy, authorisations ----------------------------------------------
 */

static const struct soap_row address_rows[] = {
    ROW(soap_subscription_address, "Imsi", SOAP_DIGITS, OPT, imsi, 5, 15),
    ROW(soap_subscription_address, "Msisdn", SOAP_DIGITS, OPT, msisdn, 1, 15),
    END,
};
TYPE(soap_address_type, "SubscriptionAddressType", soap_subscription_address, address_rows);

static const char *const pol2_subjects[] = {"PROFILE", NULL};
static const char *const pol2_actions[] = {"ENABLE", "DISABLE", "DELETE", NULL};
static const char *const pol2_qualifications[] = {"Not-Allowed", "Auto-Delete", NULL};

static const struct soap_row pol2_rule_rows[] = {
    ROW_ENUM(soap_pol2_rule, "Subject", 0, subject, pol2_subjects),
    ROW_ENUM(soap_pol2_rule, "Action", 0, action, pol2_actions),
    ROW_ENUM(soap_pol2_rule, "Qualification", 0, qualification, pol2_qualifications),
    END,
};
TYPE(soap_pol2_rule_type, "POL2RuleType", soap_pol2_rule, pol2_rule_rows);

static const struct soap_row pol2_rows[] = {
    ROW_TYPES(soap_pol2, "Rule", OPT, rules, soap_pol2_rule_type, 0, SOAP_MAX_RULES),
    END,
};
TYPE(soap_pol2_type, "POL2Type", soap_pol2, pol2_rows);

/* Functions first, then consents to lose an attribute, then notifications: the notifications are
 * the tail, so that one table serves PLMA and ONC. */
const char *const soap_plma_operations[] = {
    "GetEIS",
    "AuditEIS",
    "EnableProfile",
    "DisableProfile",
    "DeleteProfile",
    "UpdateSubscriptionAddress",
    "SetFallBackAttribute",
    "SetEmergencyProfileAttribute",
    "UnsetFallBackAttribute",
    "UnsetEmergencyProfileAttribute",
    "HandleProfileDownloadedNotification",
    "HandleProfileEnabledNotification",
    "HandleProfileDisabledNotification",
    "HandleProfileDeletedNotification",
    "HandleProfilePOL2UpdatedNotification",
    "HandleSMSRChangeNotification",
    "HandleEmergencyProfileAttributeSetNotification",
    "HandleEmergencyProfileAttributeUnsetNotification",
    "HandleFallBackAttributeSetNotification",
    "HandleFallBackAttributeUnsetNotification",
    NULL,
};
const char *const soap_notifications[] = {
    "HandleProfileDownloadedNotification",
    "HandleProfileEnabledNotification",
    "HandleProfileDisabledNotification",
    "HandleProfileDeletedNotification",
    "HandleProfilePOL2UpdatedNotification",
    "HandleSMSRChangeNotification",
    "HandleEmergencyProfileAttributeSetNotification",
    "HandleEmergencyProfileAttributeUnsetNotification",
    "HandleFallBackAttributeSetNotification",
    "HandleFallBackAttributeUnsetNotification",
    NULL,
};

#define UNVERIFIED SOAP_UNVERIFIED
static const struct soap_row plma_rows[] = {
    ROW(soap_plma, "Mno-id", SOAP_OID, UNVERIFIED, mno_id, 0, 0),
    ROW(soap_plma, "M2M-sp-id", SOAP_OID, UNVERIFIED, m2m_sp_id, 0, 0),
    ROW(soap_plma, "ProfileType", SOAP_TEXT, UNVERIFIED, profile_type, 1, 100),
    ROW_ENUMS(soap_plma, "AuthorisedOperation", OPT | UNVERIFIED, operations, soap_plma_operations,
              64),
    END,
};
TYPE(soap_plma_type, "PLMAType", soap_plma, plma_rows);

static const struct soap_row onc_rows[] = {
    ROW(soap_onc, "Mno-id", SOAP_OID, UNVERIFIED, mno_id, 0, 0),
    ROW(soap_onc, "ProfileType", SOAP_TEXT, UNVERIFIED, profile_type, 1, 100),
    ROW_ENUMS(soap_onc, "DiscardedNotification", OPT | UNVERIFIED, discarded, soap_notifications,
              64),
    END,
};
TYPE(soap_onc_type, "ONCType", soap_onc, onc_rows);

/* ---- security domains --------------------------------------------------------------------------
 */

static const char *const role_names[] = {"ISD-R", "ECASD", NULL};
static const char *const keyset_names[] = {
    "SCP03", "SCP80", "SCP81", "TokenGeneration", "ReceiptVerification", "CA", NULL};

static const struct soap_row key_component_rows[] = {
    ROW(soap_key_component, "type", SOAP_HEX, SOAP_ATTRIBUTE, type, 1, 1),
    ROW(soap_key_component, "value", SOAP_HEX, SOAP_ATTRIBUTE | SOAP_SECRET, value, 1, 1024),
    END,
};
TYPE(soap_key_component_type, "KeyComponentType", soap_key_component, key_component_rows);

static const struct soap_row key_rows[] = {
    ROW(soap_key, "kcv", SOAP_HEX, SOAP_ATTRIBUTE, kcv, 1, 16),
    ROW_HAS(soap_key, "Index", SOAP_UINT, 0, index, has_index, 1, 127),
    ROW_TYPES(soap_key, "KeyComponents", 0, components, soap_key_component_type, 1, 16),
    END,
};
TYPE(soap_key_type, "KeyType", soap_key, key_rows);

static const struct soap_row certificate_rows[] = {
    ROW_HAS(soap_certificate, "Index", SOAP_UINT, 0, index, has_index, 1, 127),
    ROW(soap_certificate, "CaId", SOAP_OID, 0, ca_id, 0, 0),
    ROW(soap_certificate, "Value", SOAP_HEX, 0, value, 1, SOAP_MAX_CERT),
    END,
};
TYPE(soap_certificate_type, "CertificateType", soap_certificate, certificate_rows);

static const struct soap_row keyset_rows[] = {
    ROW_HAS(soap_keyset, "Version", SOAP_UINT, 0, version, has_version, 1, 127),
    ROW_ENUM(soap_keyset, "Type", OPT, type, keyset_names),
    ROW_HAS(soap_keyset, "Cntr", SOAP_UINT, OPT, counter, has_counter, 0, 0),
    ROW_TYPES(soap_keyset, "Key", OPT, keys, soap_key_type, 0, SOAP_MAX_KEYS),
    ROW_TYPES(soap_keyset, "Certificate", OPT, certificates, soap_certificate_type, 0,
              SOAP_MAX_KEYS),
    END,
};
TYPE(soap_keyset_type, "KeysetType", soap_keyset, keyset_rows);

static const struct soap_row security_domain_rows[] = {
    ROW(soap_security_domain, "Aid", SOAP_HEX, 0, aid, MIN_AID, MAX_AID),
    {.name = "Tar",
     .kind = SOAP_HEX,
     .flags = OPT | SOAP_REPEATED,
     .offset = offsetof(struct soap_security_domain, tars),
     .has = SOAP_NO_OFFSET,
     .min = 3,
     .max = 3},
    ROW(soap_security_domain, "Sin", SOAP_HEX, 0, sin, 1, 16),
    ROW(soap_security_domain, "Sdin", SOAP_HEX, 0, sdin, 1, 16),
    ROW_ENUM(soap_security_domain, "Role", 0, role, role_names),
    ROW_TYPES(soap_security_domain, "Keyset", OPT, keysets, soap_keyset_type, 0, SOAP_MAX_KEYSETS),
    END,
};
TYPE(soap_security_domain_type, "SecurityDomainType", soap_security_domain, security_domain_rows);

/* ---- EIS ---------------------------------------------------------------------------------------
 */

static const struct soap_row capabilities_rows[] = {
    ROW_HAS(soap_capabilities, "CattpSupport", SOAP_BOOL, 0, cattp, has_cattp, 0, 0),
    ROW(soap_capabilities, "CattpVersion", SOAP_VERSION, OPT, cattp_version, 0, 0),
    ROW_HAS(soap_capabilities, "HttpSupport", SOAP_BOOL, 0, http, has_http, 0, 0),
    ROW(soap_capabilities, "HttpVersion", SOAP_VERSION, OPT, http_version, 0, 0),
    ROW(soap_capabilities, "SecurePacketVersion", SOAP_VERSION, 0, secure_packet_version, 0, 0),
    ROW(soap_capabilities, "RemoteProvisioningVersion", SOAP_VERSION, 0,
        remote_provisioning_version, 0, 0),
    END,
};
TYPE(soap_capabilities_type, "EuiccCapabilitiesType", soap_capabilities, capabilities_rows);

/* Optional but for the EID, since notifications carry a part of it (annex E). RegisterEIS and
 * HandoverEUICC ask for all. */
static const struct soap_row signed_info_rows[] = {
    ROW(soap_eum_signed_info, "Eid", SOAP_EID, 0, eid, 0, 0),
    ROW(soap_eum_signed_info, "Eum-id", SOAP_OID, OPT, eum_id, 0, 0),
    ROW_HAS(soap_eum_signed_info, "ProductionDate", SOAP_TIME, OPT, production_date,
            has_production_date, 0, 0),
    ROW(soap_eum_signed_info, "PlatformType", SOAP_TEXT, OPT, platform_type, 0, 100),
    ROW(soap_eum_signed_info, "PlatformVersion", SOAP_VERSION, OPT, platform_version, 0, 0),
    ROW(soap_eum_signed_info, "Isd-p-loadfile-aid", SOAP_HEX, OPT, isdp_loadfile_aid, MIN_AID,
        MAX_AID),
    ROW(soap_eum_signed_info, "Isd-p-module-aid", SOAP_HEX, OPT, isdp_module_aid, MIN_AID, MAX_AID),
    ROW_TYPE(soap_eum_signed_info, "Ecasd", OPT, ecasd, has_ecasd, soap_security_domain_type),
    ROW_TYPE(soap_eum_signed_info, "EuiccCapabilities", OPT, capabilities, has_capabilities,
             soap_capabilities_type),
    END,
};
const struct soap_type soap_eum_signed_info_type = {
    .name = "EumSignedInfoType",
    .size = sizeof(struct soap_eum_signed_info),
    .raw = offsetof(struct soap_eum_signed_info, raw),
    .rows = signed_info_rows,
};

static const char *const profile_states[] = {"Created", "Disabled", "Enabled", NULL};

static const struct soap_row profile_info_rows[] = {
    ROW(soap_profile_info, "Iccid", SOAP_DIGITS, 0, iccid, 18, 20),
    ROW(soap_profile_info, "Isd-p-aid", SOAP_HEX, OPT, isdp_aid, MIN_AID, MAX_AID),
    ROW(soap_profile_info, "Mno-id", SOAP_OID, OPT, mno_id, 0, 0),
    ROW_HAS(soap_profile_info, "FallbackAttribute", SOAP_BOOL, OPT, fallback, has_fallback, 0, 0),
    ROW_TYPE(soap_profile_info, "SubscriptionAddress", OPT, address, has_address,
             soap_address_type),
    ROW_ENUM(soap_profile_info, "State", OPT, state, profile_states),
    ROW(soap_profile_info, "Smdp-id", SOAP_OID, OPT, smdp_id, 0, 0),
    ROW(soap_profile_info, "ProfileType", SOAP_TEXT, OPT, profile_type, 0, 100),
    ROW_HAS(soap_profile_info, "AllocatedMemory", SOAP_UINT, OPT, allocated_memory,
            has_allocated_memory, 0, 0),
    ROW_HAS(soap_profile_info, "FreeMemory", SOAP_UINT, OPT, free_memory, has_free_memory, 0, 0),
    ROW_TYPE(soap_profile_info, "pol2", OPT, pol2, has_pol2, soap_pol2_type),
    ROW_HAS(soap_profile_info, "EmergencyProfileAttribute", SOAP_BOOL, OPT | UNVERIFIED, emergency,
            has_emergency, 0, 0),
    END,
};
TYPE(soap_profile_info_type, "ProfileInfoType", soap_profile_info, profile_info_rows);

static const struct soap_row audit_record_rows[] = {
    ROW(soap_audit_record, "Eid", SOAP_EID, 0, eid, 0, 0),
    ROW(soap_audit_record, "Smsr-id", SOAP_OID, 0, smsr_id, 0, 0),
    ROW_HAS(soap_audit_record, "OperationDate", SOAP_TIME, 0, date, has_date, 0, 0),
    ROW(soap_audit_record, "OperationType", SOAP_HEX, 0, operation_type, 2, 2),
    ROW(soap_audit_record, "RequesterId", SOAP_OID, OPT, requester_id, 0, 0),
    ROW_TYPE(soap_audit_record, "OperationExecutionStatus", OPT, status, has_status,
             soap_status_type),
    ROW(soap_audit_record, "Isd-p-aid", SOAP_HEX, OPT, isdp_aid, MIN_AID, MAX_AID),
    ROW(soap_audit_record, "Iccid", SOAP_DIGITS, OPT, iccid, 18, 20),
    ROW(soap_audit_record, "Imei", SOAP_HEX, OPT, imei, 1, 16),
    ROW(soap_audit_record, "Meid", SOAP_HEX, OPT, meid, 1, 16),
    END,
};
TYPE(soap_audit_record_type, "AuditTrailRecordType", soap_audit_record, audit_record_rows);

static const struct soap_row audit_trail_rows[] = {
    ROW_TYPES(soap_audit_trail, "Record", OPT, records, soap_audit_record_type, 0, SOAP_MAX_AUDIT),
    END,
};
TYPE(soap_audit_trail_type, "AuditTrailType", soap_audit_trail, audit_trail_rows);

/* Attributes are written; one peer has child elements of these names, which are read too: see
 * soap_read_type(). */
static const struct soap_row property_rows[] = {
    ROW(soap_property, "key", SOAP_TEXT, SOAP_ATTRIBUTE | UNVERIFIED, key, 1, 100),
    ROW(soap_property, "value", SOAP_TEXT, SOAP_ATTRIBUTE | UNVERIFIED, value, 0, 1024),
    END,
};
TYPE(soap_property_type, "PropertyType", soap_property, property_rows);

static const struct soap_row properties_rows[] = {
    ROW_TYPES(soap_properties, "Property", 0, properties, soap_property_type, 1, 256),
    END,
};
TYPE(soap_properties_type, "AdditionalPropertiesType", soap_properties, properties_rows);

/* The schema says that content may be partial: what a function needs, it checks. */
static const struct soap_row eis_rows[] = {
    ROW_TYPE(soap_eis, "EumSignedInfo", OPT, signed_info, has_signed_info,
             soap_eum_signed_info_type),
    ROW(soap_eis, "EumSignature", SOAP_RAW, OPT, eum_signature, 0, 0),
    ROW_HAS(soap_eis, "RemainingMemory", SOAP_UINT, OPT, remaining_memory, has_remaining_memory, 0,
            0),
    ROW_HAS(soap_eis, "AvailableMemoryForProfiles", SOAP_UINT, OPT, available_memory,
            has_available_memory, 0, 0),
    ROW_HAS(soap_eis, "LastAuditDate", SOAP_TIME, OPT, last_audit, has_last_audit, 0, 0),
    ROW(soap_eis, "Smsr-id", SOAP_OID, OPT, smsr_id, 0, 0),
    ROW_TYPES(soap_eis, "ProfileInfo", OPT, profiles, soap_profile_info_type, 0, SOAP_MAX_PROFILES),
    ROW_TYPE(soap_eis, "Isd-r", OPT, isdr, has_isdr, soap_security_domain_type),
    ROW_TYPE(soap_eis, "AuditTrail", OPT, audit_trail, has_audit_trail, soap_audit_trail_type),
    ROW_TYPE(soap_eis, "AdditionalProperties", OPT, properties, has_properties,
             soap_properties_type),
    END,
};
TYPE(soap_eis_type, "EISType", soap_eis, eis_rows);

const struct soap_type *const soap_types[] = {
    &soap_status_code_type,
    &soap_status_type,
    &soap_address_type,
    &soap_pol2_rule_type,
    &soap_pol2_type,
    &soap_plma_type,
    &soap_onc_type,
    &soap_key_component_type,
    &soap_key_type,
    &soap_certificate_type,
    &soap_keyset_type,
    &soap_security_domain_type,
    &soap_capabilities_type,
    &soap_eum_signed_info_type,
    &soap_profile_info_type,
    &soap_audit_record_type,
    &soap_audit_trail_type,
    &soap_property_type,
    &soap_properties_type,
    &soap_eis_type,
    NULL,
};
