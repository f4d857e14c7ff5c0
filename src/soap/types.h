/*
 * The complex types of the SGP.02 messages (annex A): status, EIS, policy rules, authorisations.
 * Each is a struct and a table (soap/schema.h). A decoded struct points into its arena.
 */
#ifndef CRISP_SOAP_TYPES_H
#define CRISP_SOAP_TYPES_H

#include "soap/schema.h"

#define SOAP_EID_SIZE     16
#define SOAP_MAX_PROFILES 64   /* ProfileInfo of one EIS */
#define SOAP_MAX_KEYSETS  127  /* of one security domain */
#define SOAP_MAX_KEYS     128  /* of one key set */
#define SOAP_MAX_AUDIT    4096 /* records of one audit trail */
#define SOAP_MAX_RULES    16   /* of one POL2; the standard needs 4 */
#define SOAP_MAX_PLMAS    1024 /* of one answer */
#define SOAP_MAX_CERT     2048 /* bytes of a certificate 7F21 */

/* ---- ExecutionStatusType ---- */

enum soap_execution {
    SOAP_EXECUTED_SUCCESS = 1,
    SOAP_EXECUTED_WITHWARNING,
    SOAP_FAILED,
    SOAP_EXPIRED
};

struct soap_status_code {
    cr_span subject, reason; /* "8.2.1", "3.9" */
    cr_span subject_identifier, message;
};

struct soap_status {
    int status; /* enum soap_execution */
    bool has_code;
    struct soap_status_code code;
};

/* ---- SubscriptionAddressType ---- */

struct soap_subscription_address {
    cr_span imsi, msisdn;
};

/* ---- POL2Type ---- */

enum soap_pol2_action { SOAP_POL2_ENABLE = 1, SOAP_POL2_DISABLE, SOAP_POL2_DELETE };
enum soap_pol2_qualification { SOAP_POL2_NOT_ALLOWED = 1, SOAP_POL2_AUTO_DELETE };

struct soap_pol2_rule {
    int subject;       /* 1 = PROFILE */
    int action;        /* enum soap_pol2_action */
    int qualification; /* enum soap_pol2_qualification */
};

struct soap_pol2 {
    SOAP_LIST(struct soap_pol2_rule) rules;
};

/* ---- PLMAType, ONCType ---- */

struct soap_plma {
    cr_span mno_id, m2m_sp_id, profile_type;
    SOAP_LIST(int) operations; /* 1 + index in soap_plma_operations */
};

struct soap_onc {
    cr_span mno_id, profile_type;
    SOAP_LIST(int) discarded; /* 1 + index in soap_notifications */
};

/* What a PLMA can authorise: functions, consents and notifications; the notifications an ONC can
 * discard. End with NULL. */
extern const char *const soap_plma_operations[];
extern const char *const soap_notifications[];

/* ---- SecurityDomainType ---- */

enum soap_role { SOAP_ROLE_ISD_R = 1, SOAP_ROLE_ECASD };
enum soap_keyset_type {
    SOAP_KEYSET_SCP03 = 1,
    SOAP_KEYSET_SCP80,
    SOAP_KEYSET_SCP81,
    SOAP_KEYSET_TOKEN_GENERATION,
    SOAP_KEYSET_RECEIPT_VERIFICATION,
    SOAP_KEYSET_CA
};

struct soap_key_component {
    cr_span type;  /* one byte, GlobalPlatform key type */
    cr_span value; /* wrapped by the transport key on ES1 */
};

struct soap_key {
    cr_span kcv;
    bool has_index;
    int64_t index; /* key identifier */
    SOAP_LIST(struct soap_key_component) components;
};

struct soap_certificate {
    bool has_index;
    int64_t index;
    cr_span ca_id; /* OID */
    cr_span value; /* 7F21 */
};

struct soap_keyset {
    bool has_version;
    int64_t version; /* key version number */
    int type;        /* enum soap_keyset_type; 0 = absent */
    bool has_counter;
    int64_t counter; /* last used */
    SOAP_LIST(struct soap_key) keys;
    SOAP_LIST(struct soap_certificate) certificates;
};

struct soap_security_domain {
    cr_span aid;
    SOAP_LIST(cr_span) tars;
    cr_span sin, sdin;
    int role; /* enum soap_role */
    SOAP_LIST(struct soap_keyset) keysets;
};

/* ---- EISType ---- */

struct soap_capabilities {
    bool has_cattp, cattp;
    cr_span cattp_version;
    bool has_http, http;
    cr_span http_version;
    cr_span secure_packet_version;
    cr_span remote_provisioning_version;
};

/* Signed by the EUM at production. raw is the canonical form of what came: it goes out unchanged,
 * the members are for reading. */
struct soap_eum_signed_info {
    cr_span raw;
    cr_span eid, eum_id;
    bool has_production_date;
    int64_t production_date;
    cr_span platform_type, platform_version;
    cr_span isdp_loadfile_aid, isdp_module_aid;
    bool has_ecasd;
    struct soap_security_domain ecasd;
    bool has_capabilities;
    struct soap_capabilities capabilities;
};

enum soap_profile_state { SOAP_STATE_CREATED = 1, SOAP_STATE_DISABLED, SOAP_STATE_ENABLED };

struct soap_profile_info {
    cr_span iccid; /* digits */
    cr_span isdp_aid;
    cr_span mno_id;
    bool has_fallback, fallback;
    bool has_address;
    struct soap_subscription_address address;
    int state; /* enum soap_profile_state; 0 = absent */
    cr_span smdp_id;
    cr_span profile_type;
    bool has_allocated_memory;
    int64_t allocated_memory;
    bool has_free_memory;
    int64_t free_memory;
    bool has_pol2;
    struct soap_pol2 pol2;
    bool has_emergency, emergency;
};

struct soap_audit_record {
    cr_span eid, smsr_id;
    bool has_date;
    int64_t date;
    cr_span operation_type; /* 2 bytes */
    cr_span requester_id;
    bool has_status;
    struct soap_status status;
    cr_span isdp_aid, iccid, imei, meid;
};

struct soap_audit_trail {
    SOAP_LIST(struct soap_audit_record) records;
};

struct soap_property {
    cr_span key, value;
};

struct soap_properties {
    SOAP_LIST(struct soap_property) properties;
};

/* What is there depends on the function (SGP.02 annex E): receivers look at has_... and .p. */
struct soap_eis {
    bool has_signed_info;
    struct soap_eum_signed_info signed_info;
    cr_span eum_signature; /* the element as it came, canonical */
    bool has_remaining_memory;
    int64_t remaining_memory;
    bool has_available_memory;
    int64_t available_memory;
    bool has_last_audit;
    int64_t last_audit;
    cr_span smsr_id;
    SOAP_LIST(struct soap_profile_info) profiles;
    bool has_isdr;
    struct soap_security_domain isdr;
    bool has_audit_trail;
    struct soap_audit_trail audit_trail;
    bool has_properties;
    struct soap_properties properties;
};

extern const struct soap_type soap_status_type, soap_status_code_type, soap_address_type,
    soap_pol2_type, soap_pol2_rule_type, soap_plma_type, soap_onc_type, soap_security_domain_type,
    soap_keyset_type, soap_key_type, soap_key_component_type, soap_certificate_type,
    soap_capabilities_type, soap_eum_signed_info_type, soap_profile_info_type,
    soap_audit_record_type, soap_audit_trail_type, soap_property_type, soap_properties_type,
    soap_eis_type;

/* All of them, for the XSD; ends with NULL. */
extern const struct soap_type *const soap_types[];

extern const char *const soap_execution_names[]; /* by enum soap_execution - 1 */

#endif
