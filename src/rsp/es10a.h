/*
 * ES10a (SGP.22 5.7.3, 5.7.4), the answer to SELECT ISD-R (5.7.1) and LpaeActivation.
 */
#ifndef CRISP_RSP_ES10A_H
#define CRISP_RSP_ES10A_H

#include "rsp/types.h"

/* ---- GetEuiccConfiguredAddresses (v2) / GetEuiccConfiguredData (v3) BF3C ---- */

extern const struct asn1_type rsp_get_euicc_configured_data_request_type; /* struct rsp_empty */

struct rsp_ci_info { /* v3 */
    cr_span ci_pkid; /* 80 */
    cr_span ci_name; /* 81 opt UTF8 */
};

struct rsp_euicc_configured_data {
    cr_span default_dp_address;                 /* 80 opt; send empty rather than absent, one
                                                   platform breaks on a missing 80 */
    cr_span root_ds_address;                    /* 81 */
    rsp_span_list additional_root_ds_addresses; /* A2 v3 opt */
    cr_span allowed_ci_pkid;                    /* 83 v3 opt */
    ASN1_LIST(struct rsp_ci_info) ci_list;      /* A4 v3 opt */
};
extern const struct asn1_type rsp_euicc_configured_data_type;

/* ---- SetDefaultDpAddress BF3F ---- */

struct rsp_set_default_dp_address_request {
    cr_span default_dp_address; /* 80; empty clears */
    cr_span allowed_ci_pkid;    /* 81 v3 opt */
};
extern const struct asn1_type rsp_set_default_dp_address_request_type;

enum rsp_set_default_dp_address_result {
    RSP_SET_DEFAULT_DP_OK = 0,
    RSP_SET_DEFAULT_DP_UNSUPPORTED_CI_PKID = 8, /* v3 */
    RSP_SET_DEFAULT_DP_UNDEFINED = 127
};
extern const struct asn1_name rsp_set_default_dp_address_result_names[];

struct rsp_set_default_dp_address_response {
    int64_t set_default_dp_address_result; /* 80 */
};
extern const struct asn1_type rsp_set_default_dp_address_response_type;

/* ---- SELECT ISD-R ---- */

enum rsp_lpae_support {
    RSP_LPAE_USING_CAT = 1 << 0,
    RSP_LPAE_USING_SCWS = 1 << 1,
    RSP_LPAE_ENABLED_PROFILE = 1 << 2, /* v3 */
    RSP_LPAE_USING_E4E = 1 << 3        /* v3 */
};
extern const struct asn1_name rsp_lpae_support_names[];

/* ISDRProprietaryApplicationTemplate E0. */
struct rsp_isdr_template {
    cr_span lowest_svn;    /* 82; v2: svn */
    bool has_lpae_support; /* 03 opt; mandatory from v3 */
    uint64_t lpae_support;
};
extern const struct asn1_type rsp_isdr_template_type;

/* FCI template 6F. */
struct rsp_isdr_fci {
    cr_span dedicated_file_name; /* 84 opt */
    cr_span proprietary_data;    /* A5 opt, complete TLV */
    bool has_isdr_template;      /* E0 opt; a host refuses the eUICC without it */
    struct rsp_isdr_template isdr_template;
};
extern const struct asn1_type rsp_isdr_fci_type;

/* ---- LpaeActivation BF42 ---- */

enum rsp_lpae_option { RSP_LPAE_ACTIVATE_CAT = 1 << 0, RSP_LPAE_ACTIVATE_SCWS = 1 << 1 };
extern const struct asn1_name rsp_lpae_option_names[];

struct rsp_lpae_activation_request {
    uint64_t lpae_option; /* 80 */
};
extern const struct asn1_type rsp_lpae_activation_request_type;

enum rsp_lpae_activation_result { RSP_LPAE_ACTIVATION_OK = 0, RSP_LPAE_NOT_SUPPORTED = 1 };
extern const struct asn1_name rsp_lpae_activation_result_names[];

struct rsp_lpae_activation_response {
    int64_t lpae_activation_result; /* 80 */
};
extern const struct asn1_type rsp_lpae_activation_response_type;

#endif
