/*
 * The 85 functions of the off-card interfaces of SGP.02 v4.2 as one table: ES1 (2), ES2 (25),
 * ES3 (28), ES4 (23), ES4A (4), ES7 (3). Servers route and authorise by it, clients call by it,
 * the XSD and the operator's command line are printed from it.
 *
 * Every message of every function is one struct soap_body; which members a function uses is in its
 * row. So a relay (ES2 to ES3) copies members and changes the function.
 */
#ifndef CRISP_SOAP_FUNCTIONS_H
#define CRISP_SOAP_FUNCTIONS_H

#include "soap/types.h"

enum soap_interface {
    SOAP_ES1 = 1, /* EUM -> SM-SR */
    SOAP_ES2,     /* operator -> SM-DP; notifications back */
    SOAP_ES3,     /* SM-DP -> SM-SR; notifications back */
    SOAP_ES4,     /* operator, M2M SP -> SM-SR; notifications back */
    SOAP_ES4A,    /* operator -> SM-SR */
    SOAP_ES7      /* SM-SR -> SM-SR */
};
const char *soap_interface_name(enum soap_interface interface); /* "ES4A" */
enum soap_interface soap_interface_from_name(cr_span name);     /* any case; 0 = none */

/* How an answer comes (SGP.02 annex B). */
enum soap_pattern {
    SOAP_SYNC = 1,    /* needs no eUICC: natural on the same connection */
    SOAP_ASYNC,       /* needs the eUICC or a second server: callback or polling */
    SOAP_NOTIFICATION /* one way */
};

/* Who may call: bits. */
enum soap_party {
    SOAP_EUM = 1 << 0,
    SOAP_OPERATOR = 1 << 1,
    SOAP_SMDP = 1 << 2,
    SOAP_SMSR = 1 << 3,
    SOAP_M2MSP = 1 << 4
};
const char *
soap_party_name(enum soap_party party); /* "eum", "operator", "smdp", "smsr", "m2m-sp" */
enum soap_party soap_party_from_name(cr_span name); /* 0 = none */

/* ---- messages ---------------------------------------------------------------------------------
 */

enum soap_ecc_length { SOAP_ECC_256 = 1, SOAP_ECC_384, SOAP_ECC_512, SOAP_ECC_521 };

#define SOAP_MAX_DATA 65536 /* bytes of SendData/Data and of EuiccResponseData */

struct soap_body {
    /* Base of a request. */
    cr_span function_call_identifier;
    bool has_validity_period;
    int64_t validity_period; /* seconds from reception */

    /* Base of a response. */
    bool has_processing_start, has_processing_end;
    int64_t processing_start, processing_end; /* milliseconds since 1970 */
    bool has_acceptable_validity_period;
    int64_t acceptable_validity_period; /* seconds */
    bool has_status;
    struct soap_status status;

    /* Elements, by the names of the standard. */
    cr_span eid; /* 16 bytes */
    cr_span iccid;
    SOAP_LIST(cr_span) iccids; /* AuditEIS */
    cr_span smsr_id;           /* Sm-sr-id, Smsr-id, CurrentSMSRid, TargetSmsr-id */
    cr_span mno_id, m2m_sp_id;
    cr_span profile_type;
    bool has_enable_profile, enable_profile;
    bool has_pol2;
    struct soap_pol2 pol2;
    bool has_address; /* newSubscriptionAddress, SubscriptionAddress */
    struct soap_subscription_address address;
    bool has_completion_timestamp;
    int64_t completion_timestamp;
    bool has_eis;
    struct soap_eis eis;
    bool has_plma;
    struct soap_plma plma;
    SOAP_LIST(struct soap_plma) plmas;
    bool has_onc;
    struct soap_onc onc;
    SOAP_LIST(struct soap_onc) oncs;
    bool has_properties;
    struct soap_properties properties;
    bool has_required_memory;
    int64_t required_memory; /* bytes */
    bool has_more_to_do, more_to_do;
    cr_span isdp_aid, sd_aid;
    cr_span data;                /* SendData: command TLVs without AA/AE */
    cr_span euicc_response_data; /* response TLVs without AB/AF */
    cr_span connectivity_parameters;
    cr_span smsr_certificate; /* 7F21 */
    cr_span random_challenge; /* 16 or 32 bytes */
    bool has_key_version_number;
    int64_t key_version_number;
    bool has_initial_sequence_counter;
    int64_t initial_sequence_counter;
    int ecc_key_length; /* enum soap_ecc_length */
    bool has_scenario_parameter;
    int64_t scenario_parameter;
    cr_span host_id, ephemeral_public_key, signature, derivation_random, receipt;
};

/* Rows of struct soap_body: the one place where an element's name and limits stand. */
enum soap_element {
    SOAP_EL_END = 0,
    SOAP_EL_EID,
    SOAP_EL_ICCID,
    SOAP_EL_ICCIDS,
    SOAP_EL_SM_SR_ID, /* "Sm-sr-id": ES2 DownloadProfile and EnableProfile */
    SOAP_EL_SMSR_ID,  /* "Smsr-id": the rest of ES2 */
    SOAP_EL_CURRENT_SMSR_ID,
    SOAP_EL_TARGET_SMSR_ID,
    SOAP_EL_MNO_ID,
    SOAP_EL_M2M_SP_ID,
    SOAP_EL_PROFILE_TYPE,
    SOAP_EL_ENABLE_PROFILE,
    SOAP_EL_POL2,
    SOAP_EL_NEW_ADDRESS,
    SOAP_EL_ADDRESS,
    SOAP_EL_COMPLETION_TIMESTAMP,
    SOAP_EL_EIS,
    SOAP_EL_PLMA,
    SOAP_EL_PLMAS,
    SOAP_EL_ONC,
    SOAP_EL_ONCS,
    SOAP_EL_ADDITIONAL_PROPERTIES,
    SOAP_EL_REQUIRED_MEMORY,
    SOAP_EL_MORE_TO_DO,
    SOAP_EL_ISDP_AID,
    SOAP_EL_SD_AID,
    SOAP_EL_DATA,
    SOAP_EL_EUICC_RESPONSE_DATA,
    SOAP_EL_CONNECTIVITY_PARAMETERS,
    SOAP_EL_SMSR_CERTIFICATE,
    SOAP_EL_RANDOM_CHALLENGE,
    SOAP_EL_KEY_VERSION_NUMBER,
    SOAP_EL_INITIAL_SEQUENCE_COUNTER,
    SOAP_EL_ECC_KEY_LENGTH,
    SOAP_EL_SCENARIO_PARAMETER,
    SOAP_EL_HOST_ID,
    SOAP_EL_EPHEMERAL_PUBLIC_KEY,
    SOAP_EL_SIGNATURE,
    SOAP_EL_DERIVATION_RANDOM,
    SOAP_EL_RECEIPT,
    /* Bases; not named in function rows. */
    SOAP_EL_FUNCTION_CALL_IDENTIFIER,
    SOAP_EL_VALIDITY_PERIOD,
    SOAP_EL_PROCESSING_START,
    SOAP_EL_PROCESSING_END,
    SOAP_EL_ACCEPTABLE_VALIDITY_PERIOD,
    SOAP_EL_STATUS,
    SOAP_ELEMENTS
};
extern const struct soap_row soap_elements[SOAP_ELEMENTS]; /* by enum soap_element */

enum soap_presence { SOAP_M, SOAP_O, SOAP_C }; /* C: by a rule of the function, in its handler */

struct soap_use {
    uint8_t element;  /* enum soap_element; SOAP_EL_END ends a list */
    uint8_t presence; /* enum soap_presence */
};

/* ---- the table --------------------------------------------------------------------------------
 */

/* Functions by name, the same on every interface. */
enum soap_name {
    SOAP_REGISTER_EIS = 1,
    SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES,
    SOAP_GET_EIS,
    SOAP_AUDIT_EIS,
    SOAP_DOWNLOAD_PROFILE,
    SOAP_UPDATE_POLICY_RULES,
    SOAP_UPDATE_SUBSCRIPTION_ADDRESS,
    SOAP_UPDATE_CONNECTIVITY_PARAMETERS,
    SOAP_CREATE_ISDP,
    SOAP_SEND_DATA,
    SOAP_PROFILE_DOWNLOAD_COMPLETED,
    SOAP_ENABLE_PROFILE,
    SOAP_DISABLE_PROFILE,
    SOAP_DELETE_PROFILE, /* ES2, ES4 DeleteProfile; ES3 DeleteISDP */
    SOAP_SET_FALLBACK_ATTRIBUTE,
    SOAP_SET_EMERGENCY_ATTRIBUTE,
    SOAP_SET_PLMA,
    SOAP_GET_PLMA,
    SOAP_SET_ONC,
    SOAP_GET_ONC,
    SOAP_PREPARE_SMSR_CHANGE,
    SOAP_SMSR_CHANGE,
    SOAP_CREATE_ADDITIONAL_KEY_SET,
    SOAP_HANDOVER_EUICC,
    SOAP_AUTHENTICATE_SMSR,
    /* Notifications */
    SOAP_PROFILE_ENABLED,
    SOAP_PROFILE_DISABLED,
    SOAP_PROFILE_DELETED,
    SOAP_PROFILE_DOWNLOADED,
    SOAP_PROFILE_POL2_UPDATED,
    SOAP_PLMA_CHANGED,
    SOAP_SMSR_CHANGED,
    SOAP_EMERGENCY_SET,
    SOAP_EMERGENCY_UNSET,
    SOAP_FALLBACK_SET,
    SOAP_FALLBACK_UNSET,
    SOAP_NAMES
};

/* Seconds a function may take when the caller names no ValidityPeriod. */
#define SOAP_VALIDITY_READ     60
#define SOAP_VALIDITY_CARD     900
#define SOAP_VALIDITY_PLATFORM 7200
#define SOAP_VALIDITY_DOWNLOAD 14400
#define SOAP_VALIDITY_HANDOVER 10000

struct soap_function {
    uint8_t number;    /* 1..85, as the standard lists them */
    uint8_t interface; /* enum soap_interface */
    uint8_t id;        /* enum soap_name */
    uint8_t pattern;   /* enum soap_pattern */
    uint8_t callers;   /* enum soap_party bits: who sends the request or notification */
    const char *name;  /* "EnableProfile", "HandleProfileEnabledNotification" */
    const char *alias; /* another spelling that is read; NULL */
    const char *group; /* of wsa:Action: "ProfileManagement" */
    const struct soap_use *request;
    const struct soap_use *response; /* NULL for a notification */
    int validity;                    /* seconds, default of ValidityPeriod; 0 for a notification */
    const char *summary;             /* what it does, one line */
};

#define SOAP_FUNCTIONS 85
extern const struct soap_function soap_functions[SOAP_FUNCTIONS];

/* NULL = the interface has no such function. */
const struct soap_function *soap_function(enum soap_interface interface, enum soap_name id);
/* By name, any case, with or without "Handle...Notification"; NULL = none. */
const struct soap_function *soap_function_named(enum soap_interface interface, cr_span name);

enum soap_message_kind {
    SOAP_REQUEST = 1,
    SOAP_RESPONSE,
    SOAP_NOTICE,          /* the body of a notification */
    SOAP_MAKE_CONNECTION, /* WS-MakeConnection: a poll for an answer */
    SOAP_FAULT,           /* the peer could not read or would not take the message */
    SOAP_EMPTY            /* an acknowledgement */
};

/* The name of a message's body element, "ES3-CreateISDPRequest"; out is NUL-terminated, returns
 * out. */
#define SOAP_MAX_NAME 96
char *soap_message_name(char out[SOAP_MAX_NAME], const struct soap_function *function,
                        enum soap_message_kind kind);

/* The rows of a message in their order: base, then the function's. *count in: room, at least
 * SOAP_MAX_USES; out: how many. */
#define SOAP_MAX_USES 24
void soap_message_uses(const struct soap_function *function, enum soap_message_kind kind,
                       struct soap_use uses[SOAP_MAX_USES], size_t *count);

#endif
