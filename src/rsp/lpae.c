#include "rsp/lpae.h"

#include "rsp/schema.h"

const struct asn1_name rsp_e4e_result_names[] = {
    {RSP_E4E_SUCCESS, "success"},
    {RSP_E4E_BUSY, "busy"},
    {RSP_E4E_COMMUNICATION_ERROR, "communicationError"},
    {RSP_E4E_AUTHENTICATION_ERROR, "authenticationError"},
    {RSP_E4E_NO_PROFILE, "noProfile"},
    {RSP_E4E_ELIGIBILITY_ERROR, "eligibilityError"},
    {RSP_E4E_INSTALL_ERROR, "installError"},
    {RSP_E4E_PIN_ERROR, "pinError"},
    {RSP_E4E_PROFILE_REFERENCE_ERROR, "profileReferenceError"},
    {RSP_E4E_ALREADY_ENABLED, "alreadyEnabled"},
    {RSP_E4E_ALREADY_DISABLED, "alreadyDisabled"},
    {RSP_E4E_CONFIRMATION_CODE_ERROR, "confirmationCodeError"},
    {RSP_E4E_RPM_DISABLED, "rpmDisabled"},
    {RSP_E4E_PROFILE_DOES_NOT_EXIST, "profileDoesNotExist"},
    {RSP_E4E_UNDEFINED, "undefinedError"},
    {0, NULL},
};

#define PIN(tag_)                                                                                  \
    STRING_(pin, "pin", tag_, ASN1_UTF8, OPT | ASN1_SECRET, RSP_E4E_MIN_PIN, RSP_E4E_MAX_PIN)

#define T struct rsp_e4e_start_download
static const struct asn1_field start_download[] = {
    UTF8(activation_code, "activationCode", 0x80, 0, 0),
};
static SEQUENCE(start_download_type, "StartDownload", 0x30, start_download);
#undef T

#define T struct rsp_e4e_confirm_download
static const struct asn1_field confirm_download[] = {
    NULL_OPT(enable, "enable", 0x80),
    UTF8(confirmation_code, "confirmationCode", 0x81, OPT | ASN1_SECRET, 0),
    PIN(0x82),
};
static SEQUENCE(confirm_download_type, "ConfirmDownload", 0x30, confirm_download);
#undef T

#define T struct rsp_rpm_target
static const struct asn1_field target[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
};
static SEQUENCE(target_type, "Target", 0x30, target);
#undef T

#define T struct rsp_e4e_delete_profile
static const struct asn1_field delete_profile[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    PIN(0x81),
};
static SEQUENCE(delete_profile_type, "DeleteProfile", 0x30, delete_profile);
#undef T

#define T struct rsp_e4e_pin
static const struct asn1_field pin_only[] = {
    PIN(0x80),
};
static SEQUENCE(pin_only_type, "PinOnly", 0x30, pin_only);
#undef T

#define T struct rsp_e4e_poll_rpm_package
static const struct asn1_field poll_rpm_package[] = {
    ICCID(iccid, "iccid", 0x5A, OPT),
};
static SEQUENCE(poll_rpm_package_type, "PollRpmPackage", 0x30, poll_rpm_package);
#undef T

#define T struct rsp_e4e_request
static const struct asn1_field e4e_request[] = {
    SEQ(start_download, "startDownload", 0xA0, 0, start_download_type),
    SEQ(confirm_download, "confirmDownload", 0xA1, 0, confirm_download_type),
    NULL_IS(list_profiles, "listProfiles", 0x82),
    SEQ(enable, "enable", 0xA3, 0, target_type),
    SEQ(disable, "disable", 0xA4, 0, target_type),
    SEQ(delete_profile, "delete", 0xA5, 0, delete_profile_type),
    SEQ(memory_reset, "memoryReset", 0xA6, 0, pin_only_type),
    STRING_(change_pin, "changePin", 0x87, ASN1_UTF8, ASN1_SECRET, 9, 17),
    BOOLEAN(set_rpm_allow, "setRpmAllow", 0x88),
    SEQ(poll_rpm_package, "pollRpmPackage", 0xA9, 0, poll_rpm_package_type),
    SEQ(confirm_rpm_package, "confirmRpmPackage", 0xAA, 0, pin_only_type),
    NULL_IS(cancel_session, "cancelSession", 0x8B),
};
CHOICE_OF(rsp_e4e_request_type, "E4ERequest", 0xE4, e4e_request);
#undef T

/* ---- response ---- */

#define T struct rsp_e4e_start_download_data
static const struct asn1_field start_download_data[] = {
    UTF8(service_provider_name, "serviceProviderName", 0x91, 0, RSP_MAX_SPN),
    UTF8(profile_name, "profileName", 0x92, 0, RSP_MAX_PROFILE_NAME),
    NULL_OPT(cc_required, "ccRequired", 0x80),
};
static SEQUENCE(start_download_data_type, "StartDownloadResponse", 0x30, start_download_data);
#undef T

#define T struct rsp_e4e_profile
static const struct asn1_field e4e_profile[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    INT(profile_state, "profileState", 0x9F70, 0, rsp_profile_state_names),
    UTF8(service_provider_name, "serviceProviderName", 0x91, 0, RSP_MAX_SPN),
    UTF8(profile_name, "profileName", 0x92, 0, RSP_MAX_PROFILE_NAME),
};
static SEQUENCE(e4e_profile_type, "E4EProfileInfo", 0x30, e4e_profile);
#undef T

#define T struct rsp_e4e_poll_rpm_package_data
static const struct asn1_field poll_rpm_package_data[] = {
    LIST(rpm_package, "rpmPackage", 0xA0, 0, rsp_rpm_command_type, 0, 0),
    NULL_OPT(rpm_pending, "rpmPending", 0x81),
};
static SEQUENCE(poll_rpm_package_data_type, "PollRpmPackageResponse", 0x30, poll_rpm_package_data);
#undef T

#define T struct rsp_e4e_confirm_rpm_package_data
static const struct asn1_field confirm_rpm_package_data[] = {
    ICCID(iccid, "iccid", 0x5A, OPT),
};
static SEQUENCE(confirm_rpm_package_data_type, "ConfirmRpmPackageResponse", 0x30,
                confirm_rpm_package_data);
#undef T

#define T struct rsp_e4e_response_data
static const struct asn1_field e4e_response_data[] = {
    SEQ(start_download, "startDownload", 0xA0, 0, start_download_data_type),
    LIST(list_profiles, "listProfiles", 0xA3, 0, e4e_profile_type, 0, 0),
    SEQ(poll_rpm_package, "pollRpmPackage", 0xA4, 0, poll_rpm_package_data_type),
    SEQ(confirm_rpm_package, "confirmRpmPackage", 0xA5, 0, confirm_rpm_package_data_type),
};
static CHOICE_OF(e4e_response_data_type, "ResponseData", 0, e4e_response_data);
#undef T

#define T struct rsp_e4e_response
static const struct asn1_field e4e_response[] = {
    INT(result_code, "resultCode", 0x80, 0, rsp_e4e_result_names),
    CHOICE(response_data, "responseData", 0xA1, OPT, e4e_response_data_type),
};
SEQUENCE(rsp_e4e_response_type, "E4EResponse", 0xE4, e4e_response);
#undef T
