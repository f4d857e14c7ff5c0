/*
 * ES10c, local profile management (SGP.22 5.7.15 to 5.7.22).
 */
#ifndef CRISP_RSP_ES10C_H
#define CRISP_RSP_ES10C_H

#include "rsp/metadata.h"

/* ---- GetProfilesInfo BF2D ---- */

enum { RSP_PROFILES_BY_AID = 1, RSP_PROFILES_BY_ICCID, RSP_PROFILES_BY_CLASS };
struct rsp_profiles_search {
    int which;
    union {
        cr_span isdp_aid;      /* 4F */
        cr_span iccid;         /* 5A */
        int64_t profile_class; /* 95 */
    };
};

struct rsp_profile_info_list_request {
    cr_span iccid;                              /* 5A directly in BF2D: an old host build sends the
                                                   search so; treat as search by ICCID, never send */
    struct rsp_profiles_search search_criteria; /* A0 opt */
    cr_span tag_list;                           /* 5C opt; rsp_tag_list_has() */
};
extern const struct asn1_type rsp_profile_info_list_request_type;

enum rsp_profiles_info_error {
    RSP_PROFILES_INFO_INCORRECT_INPUT_VALUES = 1,
    RSP_PROFILES_INFO_PROFILE_CHANGE_ONGOING = 11, /* v3 */
    RSP_PROFILES_INFO_UNDEFINED = 127
};
extern const struct asn1_name rsp_profiles_info_error_names[];

enum { RSP_PROFILE_INFO_LIST_OK = 1, RSP_PROFILE_INFO_LIST_ERROR };
struct rsp_profile_info_list_response {
    int which;
    union {
        rsp_profile_info_list profile_info_list_ok; /* A0; may be empty, never left out */
        int64_t profile_info_list_error;            /* 81 */
    };
};
extern const struct asn1_type rsp_profile_info_list_response_type;

/* ---- EnableProfile BF31, DisableProfile BF32, DeleteProfile BF33 ---- */

/* Results of the three; not every value occurs with each (see the names tables). */
enum rsp_profile_result {
    RSP_PROFILE_OK = 0,
    RSP_PROFILE_ICCID_OR_AID_NOT_FOUND = 1,
    RSP_PROFILE_NOT_IN_EXPECTED_STATE = 2, /* enable, delete: not disabled; disable: not enabled */
    RSP_PROFILE_DISALLOWED_BY_POLICY = 3,
    RSP_PROFILE_WRONG_REENABLING = 4,              /* enable; delete v3: disallowedInTestMode */
    RSP_PROFILE_CAT_BUSY = 5,                      /* enable, disable */
    RSP_PROFILE_DISALLOWED_BY_ENTERPRISE_RULE = 6, /* enable v3 */
    RSP_PROFILE_COMMAND_ERROR = 7,                 /* v3 */
    RSP_PROFILE_ENABLE_DISALLOWED_FOR_RPM = 9,     /* enable v3 */
    RSP_PROFILE_NO_ESIM_PORT_AVAILABLE = 10,       /* enable v3 */
    RSP_PROFILE_DISABLE_DISALLOWED_FOR_RPM = 10,   /* disable v3 */
    RSP_PROFILE_UNDEFINED = 127
};
extern const struct asn1_name rsp_enable_result_names[];
extern const struct asn1_name rsp_disable_result_names[];
extern const struct asn1_name rsp_delete_result_names[];

struct rsp_enable_profile_request {
    struct rsp_profile_identifier profile_identifier; /* A0 */
    bool refresh_flag;                                /* 81 */
    bool has_target_esim_port;                        /* 82 v3 opt */
    int64_t target_esim_port;
};
extern const struct asn1_type rsp_enable_profile_request_type;

struct rsp_enable_profile_response {
    int64_t enable_result;     /* 80 */
    bool has_target_esim_port; /* 81 v3 opt */
    int64_t target_esim_port;
};
extern const struct asn1_type rsp_enable_profile_response_type;

struct rsp_disable_profile_request {
    struct rsp_profile_identifier profile_identifier; /* A0 */
    bool refresh_flag;                                /* 81 */
};
extern const struct asn1_type rsp_disable_profile_request_type;

struct rsp_disable_profile_response {
    int64_t disable_result; /* 80 */
};
extern const struct asn1_type rsp_disable_profile_response_type;

/* BF33 carries 4F or 5A directly: the struct is the CHOICE itself. */
extern const struct asn1_type rsp_delete_profile_request_type; /* struct rsp_profile_identifier */

struct rsp_delete_profile_response {
    int64_t delete_result; /* 80 */
};
extern const struct asn1_type rsp_delete_profile_response_type;

/* ---- eUICCMemoryReset BF34 ---- */

enum rsp_reset_option {
    RSP_RESET_DELETE_OPERATIONAL_PROFILES = 1 << 0,
    RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES = 1 << 1,
    RSP_RESET_DEFAULT_SMDP_ADDRESS = 1 << 2,
    RSP_RESET_DELETE_PRE_LOADED_TEST_PROFILES = 1 << 3, /* v3 */
    RSP_RESET_DELETE_PROVISIONING_PROFILES = 1 << 4     /* v3 */
};
extern const struct asn1_name rsp_reset_option_names[];

struct rsp_euicc_memory_reset_request {
    uint64_t reset_options; /* 82 */
};
extern const struct asn1_type rsp_euicc_memory_reset_request_type;

enum rsp_reset_result {
    RSP_RESET_OK = 0,
    RSP_RESET_NOTHING_TO_DELETE = 1,
    RSP_RESET_CAT_BUSY = 5,
    RSP_RESET_UNDEFINED = 127
};
extern const struct asn1_name rsp_reset_result_names[];

struct rsp_euicc_memory_reset_response {
    int64_t reset_result; /* 80 */
};
extern const struct asn1_type rsp_euicc_memory_reset_response_type;

/* ---- GetEuiccData (GetEID) BF3E ---- */

struct rsp_get_euicc_data_request {
    cr_span tag_list; /* 5C = 5A */
};
extern const struct asn1_type rsp_get_euicc_data_request_type;

struct rsp_get_euicc_data_response {
    cr_span eid_value; /* 5A, 16 bytes */
};
extern const struct asn1_type rsp_get_euicc_data_response_type;

/* ---- SetNickname BF29 ---- */

struct rsp_set_nickname_request {
    cr_span iccid;            /* 5A */
    cr_span profile_nickname; /* 90 UTF8 0..64; empty removes */
};
extern const struct asn1_type rsp_set_nickname_request_type;

enum rsp_set_nickname_result {
    RSP_SET_NICKNAME_OK = 0,
    RSP_SET_NICKNAME_ICCID_NOT_FOUND = 1,
    RSP_SET_NICKNAME_UNDEFINED = 127
};
extern const struct asn1_name rsp_set_nickname_result_names[];

struct rsp_set_nickname_response {
    int64_t set_nickname_result; /* 80 */
};
extern const struct asn1_type rsp_set_nickname_response_type;

#endif
