#include "rsp/es10a.h"

#include "rsp/schema.h"

const struct asn1_name rsp_set_default_dp_address_result_names[] = {
    {RSP_SET_DEFAULT_DP_OK, "ok"},
    {RSP_SET_DEFAULT_DP_UNSUPPORTED_CI_PKID, "unsupportedCiPKId"},
    {RSP_SET_DEFAULT_DP_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_lpae_support_names[] = {
    {0, "lpaeUsingCat"}, {1, "lpaeUsingScws"}, {2, "enabledProfile"}, {3, "lpaeUsingE4E"},
    {0, NULL},
};

const struct asn1_name rsp_lpae_option_names[] = {
    {0, "activateCatBasedLpae"},
    {1, "activateScwsBasedLpae"},
    {0, NULL},
};

const struct asn1_name rsp_lpae_activation_result_names[] = {
    {RSP_LPAE_ACTIVATION_OK, "ok"},
    {RSP_LPAE_NOT_SUPPORTED, "notSupported"},
    {0, NULL},
};

EMPTY(rsp_get_euicc_configured_data_request_type, "EuiccConfiguredDataRequest", 0xBF3C);

#define T struct rsp_ci_info
static const struct asn1_field ci_info[] = {
    PKID(ci_pkid, "ciPKId", 0x80, 0),
    UTF8(ci_name, "ciName", 0x81, OPT, 0),
};
static SEQUENCE(ci_info_type, "CiInfo", 0x30, ci_info);
#undef T

#define T struct rsp_euicc_configured_data
static const struct asn1_field euicc_configured_data[] = {
    UTF8(default_dp_address, "defaultDpAddress", 0x80, OPT, 0),
    UTF8(root_ds_address, "rootDsAddress", 0x81, 0, 0),
    LIST(additional_root_ds_addresses, "additionalRootDsAddresses", 0xA2, V3, rsp_utf8_string_type,
         0, 0),
    PKID(allowed_ci_pkid, "allowedCiPKId", 0x83, V3),
    LIST(ci_list, "ciList", 0xA4, V3, ci_info_type, 0, 0),
};
SEQUENCE(rsp_euicc_configured_data_type, "EuiccConfiguredDataResponse", 0xBF3C,
         euicc_configured_data);
#undef T

#define T struct rsp_set_default_dp_address_request
static const struct asn1_field set_default_dp_address_request[] = {
    UTF8(default_dp_address, "defaultDpAddress", 0x80, 0, 0),
    PKID(allowed_ci_pkid, "allowedCiPKId", 0x81, V3),
};
SEQUENCE(rsp_set_default_dp_address_request_type, "SetDefaultDpAddressRequest", 0xBF3F,
         set_default_dp_address_request);
#undef T

#define T struct rsp_set_default_dp_address_response
static const struct asn1_field set_default_dp_address_response[] = {
    INT(set_default_dp_address_result, "setDefaultDpAddressResult", 0x80, 0,
        rsp_set_default_dp_address_result_names),
};
SEQUENCE(rsp_set_default_dp_address_response_type, "SetDefaultDpAddressResponse", 0xBF3F,
         set_default_dp_address_response);
#undef T

#define T struct rsp_isdr_template
static const struct asn1_field isdr_template[] = {
    VERSION(lowest_svn, "lowestSvn", 0x82, 0),
    BITS_OPT(lpae_support, "lpaeSupport", 0, 0, rsp_lpae_support_names),
};
SEQUENCE(rsp_isdr_template_type, "ISDRProprietaryApplicationTemplate", 0xE0, isdr_template);
#undef T

#define T struct rsp_isdr_fci
static const struct asn1_field isdr_fci[] = {
    OCTETS(dedicated_file_name, "dedicatedFileName", 0x84, OPT, 0, RSP_MAX_AID),
    RAW(proprietary_data, "proprietaryData", 0xA5, OPT),
    SEQ_OPT(isdr_template, "isdrProprietaryApplicationTemplate", 0, 0, rsp_isdr_template_type),
};
SEQUENCE(rsp_isdr_fci_type, "FCITemplate", 0x6F, isdr_fci);
#undef T

#define T struct rsp_lpae_activation_request
static const struct asn1_field lpae_activation_request[] = {
    BITS(lpae_option, "lpaeOption", 0x80, 0, rsp_lpae_option_names),
};
SEQUENCE(rsp_lpae_activation_request_type, "LpaeActivationRequest", 0xBF42,
         lpae_activation_request);
#undef T

#define T struct rsp_lpae_activation_response
static const struct asn1_field lpae_activation_response[] = {
    INT(lpae_activation_result, "lpaeActivationResult", 0x80, 0, rsp_lpae_activation_result_names),
};
SEQUENCE(rsp_lpae_activation_response_type, "LpaeActivationResponse", 0xBF42,
         lpae_activation_response);
#undef T
