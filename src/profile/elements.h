/*
 * The profile elements of a package as C structs (TCA "eUICC Profile Package: Interoperable Format
 * Technical Specification", v2.3.1 and v3.x).
 *
 * Read by profile_element_next() and written by profile_element_encode() of profile/package.h.
 * Spans point into the package or the arena given to the reader. Members carry the names of the
 * standard's ASN.1 module; absent OPTIONAL strings have .p == NULL, present empty ones .p != NULL
 * with .n == 0 (shortEFID, filePath and linkPath need the difference).
 *
 * Values with a DEFAULT that is an octet string (lcsi, keyAccess, sqnOptions, ...) are absent when
 * the package does not state them; the constants below say what absence means. Integers with a
 * DEFAULT (pinAttributes, retry bytes, macLength, numberOfKeccak) are filled in.
 */
#ifndef CRISP_PROFILE_ELEMENTS_H
#define CRISP_PROFILE_ELEMENTS_H

#include "asn1/asn1.h"

struct profile_template;        /* profile/template.h */
struct profile_template_member; /* profile/template.h */

/* One value for each alternative of ProfileElement. */
enum profile_element_kind {
    PROFILE_UNKNOWN = 0, /* a tag that no version of the standard names: raw, tag, header */
    PROFILE_HEADER,
    PROFILE_GFM, /* genericFileManagement */
    PROFILE_PIN_CODES,
    PROFILE_PUK_CODES,
    PROFILE_AKA,
    PROFILE_CDMA,
    PROFILE_SECURITY_DOMAIN,
    PROFILE_RFM,
    PROFILE_APPLICATION,
    PROFILE_NON_STANDARD,
    PROFILE_END,
    /* the elements made of template files, see profile_kind_has_files() */
    PROFILE_MF,
    PROFILE_CD,
    PROFILE_TELECOM,
    PROFILE_USIM,
    PROFILE_OPT_USIM,
    PROFILE_ISIM,
    PROFILE_OPT_ISIM,
    PROFILE_PHONEBOOK,
    PROFILE_GSM_ACCESS,
    PROFILE_CSIM,
    PROFILE_OPT_CSIM,
    PROFILE_EAP,
    PROFILE_DF_5GS,
    PROFILE_DF_SAIP,
    PROFILE_DF_SNPN,
    PROFILE_DF_5GPROSE,
    PROFILE_IOT,
    PROFILE_OPT_IOT,
    PROFILE_KINDS
};

static inline bool profile_kind_has_files(enum profile_element_kind kind)
{
    return kind >= PROFILE_MF && kind <= PROFILE_OPT_IOT;
}

/* The standard's name ("genericFileManagement", "opt-usim"); "unknown" for PROFILE_UNKNOWN. */
const char *profile_kind_name(enum profile_element_kind kind);
/* The tag of the element (A0 ... BF21); 0 for PROFILE_UNKNOWN. */
uint32_t profile_kind_tag(enum profile_element_kind kind);
enum profile_element_kind profile_kind_from_tag(uint32_t tag);
enum profile_element_kind profile_kind_from_name(const char *name);

/* PEHeader: every element but the ProfileHeader starts with one. */
struct profile_pe_header {
    bool mandated;          /* 80: a conditional problem aborts the installation */
    int64_t identification; /* 81: 0..32767, unique in the package */
};

/* ------------------------------------------------------------------ ProfileHeader (A0) */

/* eUICC-Mandatory-services: the context tag of each NULL. */
enum profile_service {
    PROFILE_SERVICE_CONTACTLESS = 0,
    PROFILE_SERVICE_USIM,
    PROFILE_SERVICE_ISIM,
    PROFILE_SERVICE_CSIM,
    PROFILE_SERVICE_MILENAGE,
    PROFILE_SERVICE_TUAK128,
    PROFILE_SERVICE_CAVE,
    PROFILE_SERVICE_GBA_USIM,
    PROFILE_SERVICE_GBA_ISIM,
    PROFILE_SERVICE_MBMS,
    PROFILE_SERVICE_EAP,
    PROFILE_SERVICE_JAVACARD,
    PROFILE_SERVICE_MULTOS,
    PROFILE_SERVICE_MULTIPLE_USIM,
    PROFILE_SERVICE_MULTIPLE_ISIM,
    PROFILE_SERVICE_MULTIPLE_CSIM,
    PROFILE_SERVICE_TUAK256,
    PROFILE_SERVICE_USIM_TEST_ALGORITHM,
    PROFILE_SERVICE_BER_TLV,
    PROFILE_SERVICE_DFLINK,
    PROFILE_SERVICE_CAT_TP,
    PROFILE_SERVICE_GET_IDENTITY,
    PROFILE_SERVICE_PROFILE_A_X25519,
    PROFILE_SERVICE_PROFILE_B_P256,
    PROFILE_SERVICE_SUCI_CALCULATOR_API,
    PROFILE_SERVICE_DNS_RESOLUTION,
    PROFILE_SERVICE_SCP11AC,
    PROFILE_SERVICE_SCP11C_AUTHORIZATION_MECHANISM,
    PROFILE_SERVICE_S16MODE,
    PROFILE_SERVICE_EAKA,
    PROFILE_SERVICES
};

/* "usim", "multiple-usim", ...; NULL when there is no such service. */
const char *profile_service_name(int service);

struct profile_mandatory_aid {
    cr_span aid;     /* 80: 5..16 bytes */
    cr_span version; /* 81: 2 bytes */
};

struct profile_iot_options {
    cr_span pix; /* 80: 7..11 bytes, behind A000000087 the AID of the only application */
};

struct profile_header {
    int64_t major_version;           /* 80 */
    int64_t minor_version;           /* 81 */
    cr_span profile_type;            /* 82: UTF-8, 1..100 bytes, OPTIONAL */
    cr_span iccid;                   /* 83: 10 bytes, digits in reading order, F padded */
    cr_span pol;                     /* 84: OPTIONAL, POL1 */
    bool services[PROFILE_SERVICES]; /* A5: by enum profile_service */
    ASN1_LIST(cr_span) gfste_list;   /* A6: template OIDs (contents) the eUICC must know */
    cr_span connectivity_parameters; /* 87: OPTIONAL */
    ASN1_LIST(struct profile_mandatory_aid) mandatory_aids; /* A8: OPTIONAL */
    bool has_iot_options;                                   /* A9 */
    struct profile_iot_options iot_options;
};

/* ------------------------------------------------------------------ files */

#define PROFILE_LCSI_DEFAULT         0x05
#define PROFILE_SPECIAL_DEFAULT      0x00
#define PROFILE_SPECIAL_HIGH_UPDATE  0x80 /* b8 of specialFileInformation */
#define PROFILE_SPECIAL_DEACTIVATED  0x40 /* b7: readable and updatable when deactivated */
#define PROFILE_MAX_PATH             8    /* bytes of filePath, linkPath */
#define PROFILE_MAX_PATTERN          200  /* bytes of fillPattern, repeatPattern */
#define PROFILE_MAX_OFFSET           65535
#define PROFILE_DESCRIPTOR_SHAREABLE 0x40 /* b7 of the first byte of fileDescriptor */

struct profile_proprietary {   /* A5 proprietaryEFInfo */
    cr_span special_file_info; /* C0: 1 byte, absent = 00 */
    cr_span fill_pattern;      /* C1: once, then its last byte to the end (per record) */
    cr_span repeat_pattern;    /* C2: repeated as a whole (per record) */
    cr_span file_details;      /* 84: BER-TLV files, absent = 01 */
    cr_span maximum_file_size; /* 86: BER-TLV files */
};

struct profile_fcp {
    cr_span file_descriptor;                /* 82: 2..4 bytes; third and fourth: record length */
    cr_span file_id;                        /* 83: 2 bytes */
    cr_span df_name;                        /* 84: 5..16 bytes */
    cr_span lcsi;                           /* 8A: 1 byte */
    cr_span security_attributes_referenced; /* 8B: 1 or 3 bytes */
    cr_span ef_file_size;                   /* 80: big endian */
    cr_span pin_status_template_do;         /* C6: key references, one a byte */
    cr_span short_efid;                     /* 88: absent, empty and 1 byte all differ */
    bool has_proprietary;                   /* A5, may be present and empty */
    struct profile_proprietary proprietary;
    cr_span link_path; /* C7: 0..8 bytes */
};

/* Alternatives of an item of a File, in the order of the module. */
enum profile_file_item_kind {
    PROFILE_ITEM_DO_NOT_CREATE = 1, /* 80 */
    PROFILE_ITEM_FCP,               /* A1 */
    PROFILE_ITEM_OFFSET,            /* 82: bytes to skip from the current write position */
    PROFILE_ITEM_CONTENT            /* 83: bytes to write at the current position */
};

struct profile_file_item {
    int which; /* enum profile_file_item_kind */
    union {
        bool do_not_create;
        struct profile_fcp fcp;
        int64_t fill_file_offset;
        cr_span fill_file_content;
    };
};

/* One member of a file-system element. A second, third, ... Fcp among the items starts a further
 * instance of the file with its own content behind it. */
struct profile_file {
    unsigned member; /* context tag number in the element: 2, 3, ... */
    /* Its row of the template; NULL when the template is unknown or has no such member. */
    const struct profile_template_member *row;
    ASN1_LIST(struct profile_file_item) items; /* in the order of the package */
};

#define PROFILE_MAX_MEMBERS 128 /* members of one file-system element */

/* All of PE-MF ... PE-OPT-IoT. */
struct profile_files {
    cr_span template_id;                     /* 81: contents of the OID */
    const struct profile_template *template; /* NULL when this OID is not known */
    struct profile_file *files;              /* the members present, in the order of the package */
    size_t count;
};

/* Alternatives of a file management command. */
enum profile_gfm_item_kind {
    PROFILE_GFM_PATH = 1, /* 80: filePath from the MF without 3F00; empty = MF */
    PROFILE_GFM_FCP,      /* 62: createFCP below the current DF */
    PROFILE_GFM_OFFSET,   /* 02: fillFileOffset (universal tag) */
    PROFILE_GFM_CONTENT   /* 81: fillFileContent */
};

struct profile_gfm_item {
    int which; /* enum profile_gfm_item_kind */
    union {
        cr_span file_path;
        struct profile_fcp create_fcp;
        int64_t fill_file_offset;
        cr_span fill_file_content;
    };
};

struct profile_gfm_command {
    ASN1_LIST(struct profile_gfm_item) items;
};

struct profile_gfm {
    ASN1_LIST(struct profile_gfm_command) commands; /* A1 fileManagementCMD */
};

/* ------------------------------------------------------------------ codes and keys */

#define PROFILE_PIN             8    /* bytes of a PIN or PUK value */
#define PROFILE_PIN_ENABLED     0x01 /* b1 of pinAttributes */
#define PROFILE_PIN_CHANGEABLE  0x02
#define PROFILE_PIN_DISABLEABLE 0x04
#define PROFILE_PIN_MAX         26 /* PINs of one element */

struct profile_pin {
    int64_t key_reference; /* 80: 1..8, 0A..0E, 81..88, 8A..8E */
    cr_span pin_value;     /* 81: 8 bytes, FF padded */
    bool has_unblocking_pin_reference;
    int64_t unblocking_pin_reference;          /* 82: absent = this PIN has no PUK */
    int64_t pin_attributes;                    /* 83: DEFAULT 7 */
    int64_t max_num_of_attemps_retry_num_left; /* 84: DEFAULT 33 hex, max and left as nibbles */
};

enum profile_pin_codes_kind { PROFILE_PIN_CONFIG = 1, PROFILE_PIN_FILE_PATH };

struct profile_pin_codes_choice {
    int which; /* enum profile_pin_codes_kind */
    union {
        ASN1_LIST(struct profile_pin) pinconfig; /* A0 */
        cr_span file_path;                       /* 81: share the PINs of that DF or ADF */
    };
};

struct profile_pin_codes {
    struct profile_pin_codes_choice codes; /* A1 */
};

struct profile_puk {
    int64_t key_reference;                     /* 80 */
    cr_span puk_value;                         /* 81: 8 bytes */
    int64_t max_num_of_attemps_retry_num_left; /* 82: DEFAULT AA hex */
};

struct profile_puk_codes {
    ASN1_LIST(struct profile_puk) codes; /* A1 */
};

#define PROFILE_AKA_MILENAGE        1
#define PROFILE_AKA_TUAK            2
#define PROFILE_AKA_TEST            3
#define PROFILE_SQN_COUNT           32 /* entries of sqnInit */
#define PROFILE_SQN_OPTIONS_DEFAULT 0x02
#define PROFILE_SQN_LIMIT_DEFAULT   0x000010000000 /* sqnDelta, sqnAgeLimit */

struct profile_aka_mapping {
    cr_span mapping_options; /* 80: 1 byte */
    cr_span mapping_source;  /* 81: AID of the NAA whose keys are used */
};

struct profile_aka_algorithm {
    int64_t algorithm_id;       /* 80: PROFILE_AKA_... */
    cr_span algorithm_options;  /* 81: 1 byte */
    cr_span key;                /* 82: 16 or 32 bytes; secret */
    cr_span opc;                /* 83: OPc 16 or TOPc 32 bytes; secret */
    cr_span rotation_constants; /* 84: 5 bytes in bits, absent = 40 00 20 40 60 */
    cr_span xoring_constants;   /* 85: 80 bytes c1..c5, absent = 0, 1, 2, 4, 8 */
    cr_span auth_counter_max;   /* 86: 3 bytes, OPTIONAL */
    int64_t number_of_keccak;   /* 87: DEFAULT 1 */
};

enum profile_aka_kind { PROFILE_AKA_MAPPED = 1, PROFILE_AKA_OWN };

struct profile_aka_choice {
    int which; /* enum profile_aka_kind */
    union {
        struct profile_aka_mapping mapping_parameter;
        struct profile_aka_algorithm algo_parameter;
    };
};

struct profile_aka {
    struct profile_aka_choice algo_configuration; /* A1 */
    cr_span sqn_options;                          /* 82: 1 byte, absent = 02 */
    cr_span sqn_delta;                            /* 83: 6 bytes, absent = 000010000000 */
    cr_span sqn_age_limit;                        /* 84: 6 bytes, absent = 000010000000 */
    ASN1_LIST(cr_span) sqn_init; /* A5: 32 times SEQ without IND, 6 bytes; absent = zero */
};

struct profile_cdma {
    cr_span authentication_key;              /* 81 */
    cr_span ssd;                             /* 82: 16 bytes, OPTIONAL */
    cr_span hrpd_access_authentication_data; /* 83: 2..32, OPTIONAL */
    cr_span simple_ip_authentication_data;   /* 84: 3..483, OPTIONAL */
    cr_span mobile_ip_authentication_data;   /* 85: 5..957, OPTIONAL */
};

/* ------------------------------------------------------------------ security domains, applets */

struct profile_application_parameters { /* EA applicationParameters */
    cr_span uicc_toolkit;               /* 80: uiccToolkitApplicationSpecificParametersField */
    cr_span uicc_access;                /* 81 */
    cr_span uicc_administrative_access; /* 82 */
};

struct profile_system_parameters {           /* EF systemSpecificParameters */
    cr_span volatile_memory_quota;           /* C7 */
    cr_span non_volatile_memory_quota;       /* C8 */
    cr_span global_service_parameters;       /* CB */
    cr_span implicit_selection_parameter;    /* CF */
    cr_span volatile_reserved_memory;        /* D7 */
    cr_span non_volatile_reserved_memory;    /* D8 */
    cr_span sim_file_access_toolkit;         /* CA */
    cr_span additional_contactless;          /* A0, complete TLV */
    cr_span contactless_protocol;            /* D9 */
    cr_span user_interaction_contactless;    /* DA */
    cr_span cumulative_granted_volatile;     /* 82 */
    cr_span cumulative_granted_non_volatile; /* 83 */
};

#define PROFILE_LIFE_CYCLE_DEFAULT      0x07
#define PROFILE_LIFE_CYCLE_PERSONALIZED 0x0F

struct profile_instance {                       /* ApplicationInstance */
    cr_span application_load_package_aid;       /* 4F */
    cr_span class_aid;                          /* 4F */
    cr_span instance_aid;                       /* 4F */
    cr_span extradite_security_domain_aid;      /* 4F, OPTIONAL */
    cr_span application_privileges;             /* 82 */
    cr_span life_cycle_state;                   /* 83: 1 byte, absent = 07 */
    cr_span application_specific_parameters_c9; /* C9 */
    bool has_system_specific_parameters;
    struct profile_system_parameters system_specific_parameters; /* EF */
    bool has_application_parameters;
    struct profile_application_parameters application_parameters; /* EA */
    ASN1_LIST(cr_span) process_data;                              /* 30: OPTIONAL */
    cr_span control_reference_template;                           /* B0, complete TLV, OPTIONAL */
};

#define PROFILE_KEY_TYPE_DES     0x80
#define PROFILE_KEY_TYPE_TLS_PSK 0x85
#define PROFILE_KEY_TYPE_AES     0x88

struct profile_key_component {
    cr_span key_type;   /* 80: 1 byte */
    cr_span key_data;   /* 86: secret */
    int64_t mac_length; /* 87: DEFAULT 8 */
};

struct profile_key {
    cr_span key_usage_qualifier;                            /* 95: 1..2 bytes */
    cr_span key_access;                                     /* 96: 1 byte, absent = 00 */
    cr_span key_identifier;                                 /* 82: 1 byte */
    cr_span key_version_number;                             /* 83: 1 byte */
    cr_span key_counter_value;                              /* 85: OPTIONAL */
    ASN1_LIST(struct profile_key_component) key_components; /* 30 */
};

struct profile_open_perso {       /* A4 openPersoData */
    cr_span restrict_parameter;   /* D9: 1 byte */
    cr_span contactless_protocol; /* 04 */
};

struct profile_cat_tp { /* A5 catTpParameters */
    int64_t max_sdu_size;
    int64_t max_pdu_size;
};

struct profile_security_domain {
    struct profile_instance instance;       /* A1 */
    ASN1_LIST(struct profile_key) key_list; /* A2: OPTIONAL */
    ASN1_LIST(cr_span) sd_perso_data;       /* A3: OPTIONAL, one complete DGI each */
    bool has_open_perso_data;
    struct profile_open_perso open_perso_data; /* A4 */
    bool has_cat_tp_parameters;
    struct profile_cat_tp cat_tp_parameters; /* A5 */
};

struct profile_adf_rfm_access {
    cr_span adf_aid;                 /* 80 */
    cr_span adf_access_domain;       /* 81 */
    cr_span adf_admin_access_domain; /* 82 */
};

struct profile_rfm {
    cr_span instance_aid;             /* 4F */
    cr_span security_domain_aid;      /* 4F, absent = MNO-SD */
    ASN1_LIST(cr_span) tar_list;      /* A0: 3 bytes each, absent = bytes 13..15 of the AID */
    cr_span minimum_security_level;   /* 81: 1 byte */
    cr_span uicc_access_domain;       /* 04 */
    cr_span uicc_admin_access_domain; /* 04 */
    bool has_adf_rfm_access;
    struct profile_adf_rfm_access adf_rfm_access; /* 30: absent = MF */
};

struct profile_load_package {
    cr_span load_package_aid;        /* 4F */
    cr_span security_domain_aid;     /* 4F, absent = MNO-SD */
    cr_span non_volatile_code_limit; /* C6 */
    cr_span volatile_data_limit;     /* C7 */
    cr_span non_volatile_data_limit; /* C8 */
    cr_span hash_value;              /* C1 */
    cr_span load_block_object;       /* C4 */
};

struct profile_application {
    bool has_load_block;
    struct profile_load_package load_block;           /* A1 */
    ASN1_LIST(struct profile_instance) instance_list; /* A2: OPTIONAL */
};

struct profile_non_standard {
    cr_span issuer_id; /* 81: contents of the OID */
    cr_span content;   /* 82 */
};

/* ------------------------------------------------------------------ the element */

struct profile_element {
    /* The received TLV. profile_element_encode() writes it as it is when present: whoever changes
     * a member clears raw first. Its place in the package is raw.p - package.p. */
    cr_span raw;
    uint32_t tag;
    enum profile_element_kind kind;
    struct profile_pe_header
        header; /* not of PROFILE_HEADER; of PROFILE_UNKNOWN when there is one */

    /* A component that the standard does not name was met and skipped (it stays in raw): the
     * answer is invalid-parameter, fatal only when mandated. Offset of its tag in raw. */
    bool has_unknown;
    uint32_t unknown_tag;
    size_t unknown_offset;

    union {
        struct profile_header profile_header;
        struct profile_gfm gfm;
        struct profile_pin_codes pin_codes;
        struct profile_puk_codes puk_codes;
        struct profile_aka aka;
        struct profile_cdma cdma;
        struct profile_security_domain sd;
        struct profile_rfm rfm;
        struct profile_application application;
        struct profile_non_standard non_standard;
        struct profile_files fs; /* profile_kind_has_files(kind) */
    };
};

#endif
