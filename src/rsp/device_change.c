#include "rsp/device_change.h"

#include "rsp/schema.h"
#include "rsp/status.h"

const struct asn1_name rsp_verify_device_change_error_names[] = {
    {RSP_VERIFY_DEVICE_CHANGE_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_VERIFY_DEVICE_CHANGE_NO_SESSION, "noSession"},
    {RSP_VERIFY_DEVICE_CHANGE_INVALID_TRANSACTION_ID, "invalidTransactionId"},
    {RSP_VERIFY_DEVICE_CHANGE_UNSUPPORTED_CRT_VALUES, "unsupportedCrtValues"},
    {RSP_VERIFY_DEVICE_CHANGE_INVALID_DATA, "invalidData"},
    {RSP_VERIFY_DEVICE_CHANGE_PROFILE_NOT_IN_DISABLED_STATE, "profileNotInDisabledState"},
    {RSP_VERIFY_DEVICE_CHANGE_UNDEFINED, "undefinedError"},
    {0, NULL},
};

#define T struct rsp_smdp_signed4
static const struct asn1_field smdp_signed4[] = {
    TRANSACTION_ID(0x80),
    BOOLEAN(cc_required_flag, "ccRequiredFlag", 0),
    UTF8(activation_code_for_profile_recovery, "activationCodeForProfileRecovery", 0x81, OPT, 0),
};
SEQUENCE_RAW(rsp_smdp_signed4_type, "SmdpSigned4", 0x30, smdp_signed4);
#undef T

#define T struct rsp_device_change_data
static const struct asn1_field device_change_data[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    UTF8(activation_code_for_dc, "activationCodeForDc", 0x80, 0, RSP_MAX_AC_DEVICE_CHANGE),
    NULL_OPT(delete_old_profile, "deleteOldProfile", 0x81),
    NULL_OPT(delete_notification_for_dc_support, "deleteNotificationForDcSupport", 0x82),
    UTF8(notification_address, "notificationAddress", 0x83, OPT, 0),
    NULL_OPT(profile_recovery_support, "profileRecoverySupport", 0x84),
    TIME(profile_recovery_validity_period, "profileRecoveryValidityPeriod", 0x85, OPT),
};
SEQUENCE(rsp_device_change_data_type, "DeviceChangeData", 0x30, device_change_data);
#undef T

static STRING_TYPE(protected_87_type, "protected 87", 0x87, ASN1_RAW, 0, 0, 0);

#define T struct rsp_encrypted_device_change_data
static const struct asn1_field encrypted_device_change_data[] = {
    SEQ(control_ref_template, "controlRefTemplate", 0, 0, rsp_control_ref_template_type),
    OTPK(smdp_otpk, "smdpOtpk", 0),
    LIST(sequence_of_87, "sequenceOf87", 0xA1, 0, protected_87_type, 1, 0),
};
static SEQUENCE_RAW(encrypted_device_change_data_type, "EncryptedDeviceChangeData", 0x30,
                    encrypted_device_change_data);
#undef T

#define T struct rsp_device_change_response
static const struct asn1_field device_change_response[] = {
    SEQ(device_change_data, "deviceChangeData", 0xA0, 0, rsp_device_change_data_type),
    SEQ(encrypted_device_change_data, "encryptedDeviceChangeData", 0xA1, 0,
        encrypted_device_change_data_type),
};
static CHOICE_OF(device_change_response_type, "DeviceChangeResponse", 0, device_change_response);
#undef T

#define T struct rsp_smdp_signed5
static const struct asn1_field smdp_signed5[] = {
    TRANSACTION_ID(0x80),
    CHOICE(device_change_response, "deviceChangeResponse", 0xA1, OPT, device_change_response_type),
};
SEQUENCE_RAW(rsp_smdp_signed5_type, "SmdpSigned5", 0x30, smdp_signed5);
#undef T

/* ---- PrepareDeviceChange ---- */

#define T struct rsp_prepare_device_change_request
static const struct asn1_field prepare_device_change_request[] = {
    SEQ(smdp_signed4, "smdpSigned4", 0, 0, rsp_smdp_signed4_type),
    SIGNATURE(smdp_signature4, "smdpSignature4"),
    OCTETS(hash_cc, "hashCc", 0, OPT, RSP_HASH, RSP_HASH),
};
SEQUENCE(rsp_prepare_device_change_request_type, "PrepareDeviceChangeRequest", 0xBF4D,
         prepare_device_change_request);
#undef T

#define T struct rsp_euicc_signed3
static const struct asn1_field euicc_signed3[] = {
    TRANSACTION_ID(0x80),
    OTPK(euicc_otpk, "euiccOtpk", OPT),
    OCTETS(hash_cc, "hashCc", 0, OPT, RSP_HASH, RSP_HASH),
    RAW(additional_information, "additionalInformation", 0x30, OPT),
};
SEQUENCE_RAW(rsp_euicc_signed3_type, "EuiccSigned3", 0x30, euicc_signed3);
#undef T

#define T struct rsp_prepare_device_change_ok
static const struct asn1_field prepare_device_change_ok[] = {
    SEQ(euicc_signed3, "euiccSigned3", 0, 0, rsp_euicc_signed3_type),
    SIGNATURE(euicc_signature3, "euiccSignature3"),
};
static SEQUENCE(prepare_device_change_ok_type, "PrepareDeviceChangeResponseOk", 0x30,
                prepare_device_change_ok);
#undef T

#define T struct rsp_prepare_device_change_error
static const struct asn1_field prepare_device_change_error[] = {
    TRANSACTION_ID(0x80),
    INT(download_error_code, "downloadErrorCode", 0, 0, rsp_download_error_names),
};
static SEQUENCE(prepare_device_change_error_type, "PrepareDeviceChangeResponseError", 0x30,
                prepare_device_change_error);
#undef T

#define T struct rsp_prepare_device_change_response
static const struct asn1_field prepare_device_change_response[] = {
    SEQ(ok, "prepareDeviceChangeResponseOk", 0xA0, 0, prepare_device_change_ok_type),
    SEQ(error, "prepareDeviceChangeResponseError", 0xA1, 0, prepare_device_change_error_type),
};
CHOICE_OF_RAW(rsp_prepare_device_change_response_type, "PrepareDeviceChangeResponse", 0xBF4D,
              prepare_device_change_response);
#undef T

/* ---- ConfirmDeviceChange ---- */

#define T struct rsp_confirm_device_change_request
static const struct asn1_field confirm_device_change_request[] = {
    OCTETS(transaction_id, "transactionId", 0x04, 0, 1, RSP_MAX_TRANSACTION_ID),
    CHOICE(prepare_device_change_response, "prepareDownloadResponse", 0xBF21, ASN1_NESTED,
           rsp_prepare_device_change_response_type),
};
SEQUENCE(rsp_confirm_device_change_request_type, "ConfirmDeviceChangeRequest", 0xBF4C,
         confirm_device_change_request);
static const struct asn1_field confirm_device_change_request_alt[] = {
    OCTETS(transaction_id, "transactionId", 0x04, 0, 1, RSP_MAX_TRANSACTION_ID),
    CHOICE(prepare_device_change_response, "prepareDeviceChangeResponse", 0, 0,
           rsp_prepare_device_change_response_type),
};
SEQUENCE(rsp_confirm_device_change_request_alt_type, "ConfirmDeviceChangeRequest", 0xBF4C,
         confirm_device_change_request_alt);
#undef T

#define T struct rsp_confirm_device_change_ok
static const struct asn1_field confirm_device_change_ok[] = {
    TRANSACTION_ID(0x80),
    SEQ(smdp_signed5, "smdpSigned5", 0, 0, rsp_smdp_signed5_type),
    OCTETS(smdp_signature5, "smdpSignature5", 0x04, 0, RSP_SIGNATURE, RSP_SIGNATURE),
};
static SEQUENCE(confirm_device_change_ok_type, "ConfirmDeviceChangeOk", 0x30,
                confirm_device_change_ok);
#undef T

#define T struct rsp_confirm_device_change_response
static const struct asn1_field confirm_device_change_response[] = {
    SEQ(ok, "confirmDeviceChangeOk", 0xA0, 0, confirm_device_change_ok_type),
    INT(error, "confirmDeviceChangeError", 0x81, 0, rsp_confirm_device_change_error_names),
};
CHOICE_OF(rsp_confirm_device_change_response_type, "ConfirmDeviceChangeResponse", 0xBF4C,
          confirm_device_change_response);
#undef T

/* ---- VerifyDeviceChange ---- */

#define T struct rsp_device_change_confirmation
static const struct asn1_field device_change_confirmation[] = {
    SEQ(smdp_signed5, "smdpSigned5", 0, 0, rsp_smdp_signed5_type),
    SIGNATURE(smdp_signature5, "smdpSignature5"),
};
static SEQUENCE(device_change_confirmation_type, "DeviceChangeConfirmation", 0x30,
                device_change_confirmation);
#undef T

#define T struct rsp_profile_recovery_response
static const struct asn1_field profile_recovery_response[] = {
    SEQ(smdp_signed4, "smdpSigned4", 0, 0, rsp_smdp_signed4_type),
    SIGNATURE(smdp_signature4, "smdpSignature4"),
};
static SEQUENCE(profile_recovery_response_type, "ProfileRecoveryResponse", 0x30,
                profile_recovery_response);
#undef T

#define T struct rsp_verify_device_change_request
static const struct asn1_field verify_device_change_request[] = {
    SEQ(device_change_confirmation, "deviceChangeConfirmation", 0xA0, 0,
        device_change_confirmation_type),
    SEQ(profile_recovery_response, "profileRecoveryResponse", 0xA1, 0,
        profile_recovery_response_type),
};
CHOICE_OF(rsp_verify_device_change_request_type, "VerifyDeviceChangeRequest", 0xBF4B,
          verify_device_change_request);
#undef T

#define T struct rsp_verify_device_change_ok
static const struct asn1_field verify_device_change_ok[] = {
    NULL_IS(no_data, "noData", 0x80),
    SEQ(device_change_data, "deviceChangeData", 0xA1, 0, rsp_device_change_data_type),
};
static CHOICE_OF(verify_device_change_ok_type, "VerifyDeviceChangeOk", 0, verify_device_change_ok);
#undef T

#define T struct rsp_verify_device_change_response
static const struct asn1_field verify_device_change_response[] = {
    CHOICE(ok, "verifyDeviceChangeOk", 0xA0, 0, verify_device_change_ok_type),
    INT(error, "verifyDeviceChangeError", 0x81, 0, rsp_verify_device_change_error_names),
};
CHOICE_OF(rsp_verify_device_change_response_type, "VerifyDeviceChangeResponse", 0xBF4B,
          verify_device_change_response);
#undef T

#define T struct rsp_delete_notification_for_dc
static const struct asn1_field delete_notification_for_dc[] = {
    SEQ(notification_metadata, "notificationMetadata", 0xA0, ASN1_NESTED,
        rsp_notification_metadata_type),
    OCTETS(euicc_notification_signature, "euiccNotificationSignature", 0x81, 0, RSP_SIGNATURE,
           RSP_SIGNATURE),
};
SEQUENCE_RAW(rsp_delete_notification_for_dc_type, "DeleteNotificationForDc", 0x30,
             delete_notification_for_dc);
#undef T
