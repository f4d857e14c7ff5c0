#include "rsp/types.h"

#include "rsp/schema.h"

/* ---- names ---- */

const struct asn1_name rsp_profile_class_names[] = {
    {RSP_CLASS_TEST, "test"},
    {RSP_CLASS_PROVISIONING, "provisioning"},
    {RSP_CLASS_OPERATIONAL, "operational"},
    {0, NULL},
};

const struct asn1_name rsp_profile_state_names[] = {
    {RSP_STATE_DISABLED, "disabled"},
    {RSP_STATE_ENABLED, "enabled"},
    {0, NULL},
};

const struct asn1_name rsp_icon_type_names[] = {
    {RSP_ICON_JPEG, "jpg"},
    {RSP_ICON_PNG, "png"},
    {0, NULL},
};

const struct asn1_name rsp_euicc_category_names[] = {
    {RSP_CATEGORY_OTHER, "other"},
    {RSP_CATEGORY_BASIC, "basicEuicc"},
    {RSP_CATEGORY_MEDIUM, "mediumEuicc"},
    {RSP_CATEGORY_CONTACTLESS, "contactlessEuicc"},
    {0, NULL},
};

const struct asn1_name rsp_lpa_mode_names[] = {
    {RSP_LPA_MODE_LPAD, "lpad"},
    {RSP_LPA_MODE_LPAE, "lpae"},
    {0, NULL},
};

const struct asn1_name rsp_form_factor_names[] = {
    {RSP_EUICC_REMOVABLE, "removableEuicc"},
    {RSP_EUICC_NON_REMOVABLE, "nonRemovableEuicc"},
    {0, NULL},
};

const struct asn1_name rsp_authenticate_error_names[] = {
    {RSP_AUTHENTICATE_INVALID_CERTIFICATE, "invalidCertificate"},
    {RSP_AUTHENTICATE_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_AUTHENTICATE_UNSUPPORTED_CURVE, "unsupportedCurve"},
    {RSP_AUTHENTICATE_NO_SESSION, "noSession"},
    {RSP_AUTHENTICATE_INVALID_OID, "invalidOid"},
    {RSP_AUTHENTICATE_EUICC_CHALLENGE_MISMATCH, "euiccChallengeMismatch"},
    {RSP_AUTHENTICATE_CI_PK_UNKNOWN, "ciPKUnknown"},
    {RSP_AUTHENTICATE_TRANSACTION_ID_ERROR, "transactionIdError"},
    {RSP_AUTHENTICATE_MISSING_CRL, "missingCrl"},
    {RSP_AUTHENTICATE_INVALID_CRL_SIGNATURE, "invalidCrlSignature"},
    {RSP_AUTHENTICATE_REVOKED_CERT, "revokedCert"},
    {RSP_AUTHENTICATE_INVALID_CERT_OR_CRL_TIME, "invalidCertOrCrlTime"},
    {RSP_AUTHENTICATE_INVALID_CERT_OR_CRL_CONFIGURATION, "invalidCertOrCrlConfiguration"},
    {RSP_AUTHENTICATE_INVALID_ICCID, "invalidIccid"},
    {RSP_AUTHENTICATE_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_download_error_names[] = {
    {RSP_DOWNLOAD_INVALID_CERTIFICATE, "invalidCertificate"},
    {RSP_DOWNLOAD_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_DOWNLOAD_UNSUPPORTED_CURVE, "unsupportedCurve"},
    {RSP_DOWNLOAD_NO_SESSION, "noSession"},
    {RSP_DOWNLOAD_INVALID_TRANSACTION_ID, "invalidTransactionId"},
    {RSP_DOWNLOAD_UNDEFINED, "undefinedError"},
    {0, NULL},
};

const struct asn1_name rsp_cancel_reason_names[] = {
    {RSP_CANCEL_END_USER_REJECTION, "endUserRejection"},
    {RSP_CANCEL_POSTPONED, "postponed"},
    {RSP_CANCEL_TIMEOUT, "timeout"},
    {RSP_CANCEL_PPR_NOT_ALLOWED, "pprNotAllowed"},
    {RSP_CANCEL_METADATA_MISMATCH, "metadataMismatch"},
    {RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR, "loadBppExecutionError"},
    {RSP_CANCEL_SESSION_ABORTED, "sessionAborted"},
    {RSP_CANCEL_ENTERPRISE_PROFILES_NOT_SUPPORTED, "enterpriseProfilesNotSupported"},
    {RSP_CANCEL_ENTERPRISE_RULES_NOT_ALLOWED, "enterpriseRulesNotAllowed"},
    {RSP_CANCEL_ENTERPRISE_PROFILE_NOT_ALLOWED, "enterpriseProfileNotAllowed"},
    {RSP_CANCEL_ENTERPRISE_OID_MISMATCH, "enterpriseOidMismatch"},
    {RSP_CANCEL_ENTERPRISE_RULES_ERROR, "enterpriseRulesError"},
    {RSP_CANCEL_ENTERPRISE_PROFILES_ONLY, "enterpriseProfilesOnly"},
    {RSP_CANCEL_LPR_NOT_SUPPORTED, "lprNotSupported"},
    {RSP_CANCEL_LPR_NETWORK_DATA_NOT_ALLOWED, "lprNetworkDataNotAllowed"},
    {RSP_CANCEL_EMPTY_PROFILE_OR_SP_NAME, "emptyProfileOrSpName"},
    {RSP_CANCEL_RPM_DISABLED, "rpmDisabled"},
    {RSP_CANCEL_INVALID_RPM_PACKAGE, "invalidRpmPackage"},
    {RSP_CANCEL_LOAD_RPM_PACKAGE_ERROR, "loadRpmPackageError"},
    {RSP_CANCEL_OPERATION_ABANDONED, "operationAbandoned"},
    {RSP_CANCEL_UNDEFINED, "undefinedReason"},
    {0, NULL},
};

const struct asn1_name rsp_bpp_command_names[] = {
    {RSP_BPP_INITIALISE_SECURE_CHANNEL, "initialiseSecureChannel"},
    {RSP_BPP_CONFIGURE_ISDP, "configureISDP"},
    {RSP_BPP_STORE_METADATA, "storeMetadata"},
    {RSP_BPP_STORE_METADATA2, "storeMetadata2"},
    {RSP_BPP_REPLACE_SESSION_KEYS, "replaceSessionKeys"},
    {RSP_BPP_LOAD_PROFILE_ELEMENTS, "loadProfileElements"},
    {0, NULL},
};

const struct asn1_name rsp_install_error_names[] = {
    {RSP_INSTALL_INCORRECT_INPUT_VALUES, "incorrectInputValues"},
    {RSP_INSTALL_INVALID_SIGNATURE, "invalidSignature"},
    {RSP_INSTALL_INVALID_TRANSACTION_ID, "invalidTransactionId"},
    {RSP_INSTALL_UNSUPPORTED_CRT_VALUES, "unsupportedCrtValues"},
    {RSP_INSTALL_UNSUPPORTED_REMOTE_OPERATION_TYPE, "unsupportedRemoteOperationType"},
    {RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS, "unsupportedProfileClass"},
    {RSP_INSTALL_BSP_STRUCTURE_ERROR, "bspStructureError"},
    {RSP_INSTALL_BSP_SECURITY_ERROR, "bspSecurityError"},
    {RSP_INSTALL_ICCID_ALREADY_EXISTS, "installFailedDueToIccidAlreadyExistsOnEuicc"},
    {RSP_INSTALL_INSUFFICIENT_MEMORY, "installFailedDueToInsufficientMemoryForProfile"},
    {RSP_INSTALL_INTERRUPTION, "installFailedDueToInterruption"},
    {RSP_INSTALL_PE_PROCESSING_ERROR, "installFailedDueToPEProcessingError"},
    {RSP_INSTALL_DATA_MISMATCH, "installFailedDueToDataMismatch"},
    {RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY, "testProfileInstallFailedDueToInvalidNaaKey"},
    {RSP_INSTALL_PPR_NOT_ALLOWED, "pprNotAllowed"},
    {RSP_INSTALL_ENTERPRISE_PROFILES_NOT_SUPPORTED, "enterpriseProfilesNotSupported"},
    {RSP_INSTALL_ENTERPRISE_RULES_NOT_ALLOWED, "enterpriseRulesNotAllowed"},
    {RSP_INSTALL_ENTERPRISE_PROFILE_NOT_ALLOWED, "enterpriseProfileNotAllowed"},
    {RSP_INSTALL_ENTERPRISE_OID_MISMATCH, "enterpriseOidMismatch"},
    {RSP_INSTALL_ENTERPRISE_RULES_ERROR, "enterpriseRulesError"},
    {RSP_INSTALL_ENTERPRISE_PROFILES_ONLY, "enterpriseProfilesOnly"},
    {RSP_INSTALL_LPR_NOT_SUPPORTED, "lprNotSupported"},
    {RSP_INSTALL_UNKNOWN_TLV_IN_METADATA, "unknownTlvInMetadata"},
    {RSP_INSTALL_INSUFFICIENT_MINIMUM_SECURITY_LEVEL, "insufficientMinimumSecurityLevel"},
    {RSP_INSTALL_SERVER_ADDRESS_ABSENT_IN_ALLOW_LIST, "serverAddressAbsentInAllowList"},
    {RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR, "installFailedDueToUnknownError"},
    {0, NULL},
};

const struct asn1_name rsp_notification_event_names[] = {
    {0, "notificationInstall"},     {1, "notificationLocalEnable"}, {2, "notificationLocalDisable"},
    {3, "notificationLocalDelete"}, {4, "notificationRpmEnable"},   {5, "notificationRpmDisable"},
    {6, "notificationRpmDelete"},   {7, "loadRpmPackageResult"},    {0, NULL},
};

const struct asn1_name rsp_ppr_names[] = {
    {0, "pprUpdateControl"},
    {1, "ppr1"},
    {2, "ppr2"},
    {0, NULL},
};

const struct asn1_name rsp_ppr_flag_names[] = {
    {0, "consentRequired"},
    {0, NULL},
};

const struct asn1_name rsp_operation_type_names[] = {
    {0, "profileDownload"},
    {1, "rpm"},
    {0, NULL},
};

const struct asn1_name rsp_euicc_capability_names[] = {
    {0, "additionalProfile"},
    {1, "loadCrlSupport"},
    {2, "rpmSupport"},
    {3, "testProfileSupport"},
    {4, "deviceInfoExtensibilitySupport"},
    {5, "serviceSpecificDataSupport"},
    {6, "hriServerAddressSupport"},
    {7, "serviceProviderMessageSupport"},
    {8, "lpaProxySupport"},
    {9, "enterpriseProfilesSupport"},
    {10, "serviceDescriptionSupport"},
    {11, "deviceChangeSupport"},
    {12, "encryptedDeviceChangeDataSupport"},
    {13, "estimatedProfileSizeIndicationSupport"},
    {14, "profileSizeInProfilesInfoSupport"},
    {15, "crlStaplingV3Support"},
    {16, "certChainV3VerificationSupport"},
    {17, "signedSmdsResponseV3Support"},
    {18, "euiccRspCapInInfo1"},
    {19, "osUpdateSupport"},
    {20, "cancelForEmptySpnPnSupport"},
    {21, "updateNotifConfigInfoSupport"},
    {22, "updateMetadataV3Support"},
    {0, NULL},
};

const struct asn1_name rsp_lpa_capability_names[] = {
    {0, "crlStaplingV3Support"},
    {1, "certChainV3Support"},
    {2, "apduApiSupport"},
    {3, "enterpriseCapableDevice"},
    {4, "lpaProxySupport"},
    {5, "signedSmdsResponseV3Support"},
    {6, "euiccCiUpdateSupport"},
    {7, "eventCheckingSupport"},
    {8, "pushServiceSupport"},
    {9, "pendingOperationAlertingSupport"},
    {0, NULL},
};

const struct asn1_name rsp_server_capability_names[] = {
    {0, "crlStaplingV3Support"},
    {1, "eventListSigningV3Support"},
    {2, "pushServiceV3Support"},
    {3, "cancelForEmptySpnPnSupport"},
    {0, NULL},
};

const struct asn1_name rsp_uicc_capability_names[] = {
    {0, "contactlessSupport"},
    {1, "usimSupport"},
    {2, "isimSupport"},
    {3, "csimSupport"},
    {4, "akaMilenage"},
    {5, "akaCave"},
    {6, "akaTuak128"},
    {7, "akaTuak256"},
    {8, "usimTestAlgorithm"},
    {10, "gbaAuthenUsim"},
    {11, "gbaAuthenISim"},
    {12, "mbmsAuthenUsim"},
    {13, "eapClient"},
    {14, "javacard"},
    {15, "multos"},
    {16, "multipleUsimSupport"},
    {17, "multipleIsimSupport"},
    {18, "multipleCsimSupport"},
    {19, "berTlvFileSupport"},
    {20, "dfLinkSupport"},
    {21, "catTp"},
    {22, "getIdentity"},
    {23, "profile-a-x25519"},
    {24, "profile-b-p256"},
    {25, "suciCalculatorApi"},
    {26, "dns-resolution"},
    {27, "scp11ac"},
    {28, "scp11c-authorization-mechanism"},
    {29, "s16mode"},
    {30, "eaka"},
    {31, "iotminimal"},
    {0, NULL},
};

const struct asn1_name rsp_tre_property_names[] = {
    {0, "isDiscrete"},
    {1, "isIntegrated"},
    {2, "usesRemoteMemory"},
    {0, NULL},
};

const struct asn1_name rsp_cat_class_names[] = {
    {0, "a"},  {1, "b"},  {2, "c"},   {3, "d"},   {4, "e"},   {5, "f"},   {6, "g"},  {7, "h"},
    {8, "i"},  {9, "j"},  {10, "k"},  {11, "l"},  {12, "m"},  {13, "n"},  {14, "o"}, {15, "p"},
    {16, "q"}, {17, "r"}, {18, "s"},  {19, "t"},  {20, "u"},  {21, "v"},  {22, "w"}, {23, "x"},
    {24, "y"}, {25, "z"}, {26, "aa"}, {27, "ab"}, {28, "ac"}, {29, "ad"}, {0, NULL},
};

/* ---- elements and stand-alone values ---- */

STRING_TYPE(rsp_octet_string_type, "OCTET STRING", 0x04, ASN1_OCTETS, 0, 0, 0);
STRING_TYPE(rsp_utf8_string_type, "UTF8String", 0x0C, ASN1_UTF8, 0, 0, 0);
STRING_TYPE(rsp_oid_type, "OBJECT IDENTIFIER", 0x06, ASN1_OID, 0, 0, 0);
STRING_TYPE(rsp_version_type, "VersionType", 0x04, ASN1_OCTETS, ASN1_VERSION, RSP_VERSION,
            RSP_VERSION);
STRING_TYPE(rsp_subject_key_id_type, "SubjectKeyIdentifier", 0x04, ASN1_OCTETS, 0, 0, RSP_MAX_PKID);
STRING_TYPE(rsp_signature_type, "Signature", 0x5F37, ASN1_OCTETS, 0, RSP_SIGNATURE, RSP_SIGNATURE);
STRING_TYPE(rsp_certificate_type, "Certificate", 0x30, ASN1_RAW, 0, 0, 0);
STRING_TYPE(rsp_crl_type, "CertificateList", 0x30, ASN1_RAW, 0, 0, 0);
STRING_TYPE(rsp_iccid_type, "Iccid", 0x5A, ASN1_OCTETS, ASN1_DIGITS_SWAPPED, RSP_ICCID, RSP_ICCID);

const struct asn1_type rsp_lpa_rsp_capability_type = {.name = "LpaRspCapability",
                                                      .tag = 0x03,
                                                      .kind = ASN1_BITS,
                                                      .raw_offset = ASN1_NO_OFFSET,
                                                      .size = sizeof(uint64_t),
                                                      .names = rsp_lpa_capability_names};

/* ---- small shared structs ---- */

#define T struct rsp_operator_id
static const struct asn1_field operator_id[] = {
    OCTETS(mcc_mnc, "mccMnc", 0x80, 0, RSP_MCC_MNC, RSP_MCC_MNC),
    OCTETS(gid1, "gid1", 0x81, OPT, 0, RSP_MAX_GID),
    OCTETS(gid2, "gid2", 0x82, OPT, 0, RSP_MAX_GID),
};
SEQUENCE(rsp_operator_id_type, "OperatorId", 0x30, operator_id);
#undef T

#define T struct rsp_vendor_extension
static const struct asn1_field vendor_extension[] = {
    OID(vendor_oid, "vendorOid", 0x80, 0),
    RAW(data, "vendorSpecificData", 0, 0), /* A1{..}; one compiler makes it 81 */
};
SEQUENCE(rsp_vendor_extension_type, "VendorSpecificExtension", 0x30, vendor_extension);
#undef T

#define T struct rsp_notification_metadata
static const struct asn1_field notification_metadata[] = {
    INT(seq_number, "seqNumber", 0x80, 0, NULL),
    BITS(profile_management_operation, "profileManagementOperation", 0x81, 0,
         rsp_notification_event_names),
    UTF8(notification_address, "notificationAddress", 0x0C, 0, 0),
    ICCID(iccid, "iccid", 0x5A, OPT),
};
SEQUENCE_RAW(rsp_notification_metadata_type, "NotificationMetadata", 0xBF2F, notification_metadata);
#undef T

#define T struct rsp_control_ref_template
static const struct asn1_field control_ref_template[] = {
    OCTETS(key_type, "keyType", 0x80, 0, 1, 1),
    OCTETS(key_len, "keyLen", 0x81, 0, 1, 1),
    OCTETS(host_id, "hostId", 0x84, 0, 1, RSP_MAX_HOST_ID),
};
SEQUENCE_RAW(rsp_control_ref_template_type, "ControlRefTemplate", 0xA6, control_ref_template);
#undef T

#define T struct rsp_profile_identifier
static const struct asn1_field profile_identifier[] = {
    AID(isdp_aid, "isdpAid", 0x4F, 0),
    ICCID(iccid, "iccid", 0x5A, 0),
};
CHOICE_OF(rsp_profile_identifier_type, "ProfileIdentifier", 0, profile_identifier);
#undef T

/* ---- deviceInfo ---- */

#define T struct rsp_device_additional_features
static const struct asn1_field device_additional_features[] = {
    VERSION(nai_support, "naiSupport", 0x80, OPT),
};
static SEQUENCE(device_additional_features_type, "DeviceAdditionalFeatureSupport", 0x30,
                device_additional_features);
#undef T

#define T struct rsp_device_capabilities
static const struct asn1_field device_capabilities[] = {
    VERSION(gsm_supported_release, "gsmSupportedRelease", 0x80, OPT),
    VERSION(utran_supported_release, "utranSupportedRelease", 0x81, OPT),
    VERSION(cdma2000onex_supported_release, "cdma2000onexSupportedRelease", 0x82, OPT),
    VERSION(cdma2000hrpd_supported_release, "cdma2000hrpdSupportedRelease", 0x83, OPT),
    VERSION(cdma2000ehrpd_supported_release, "cdma2000ehrpdSupportedRelease", 0x84, OPT),
    VERSION(eutran_epc_supported_release, "eutranEpcSupportedRelease", 0x85, OPT),
    VERSION(contactless_supported_release, "contactlessSupportedRelease", 0x86, OPT),
    VERSION(rsp_crl_supported_version, "rspCrlSupportedVersion", 0x87, OPT),
    VERSION(nr_epc_supported_release, "nrEpcSupportedRelease", 0x88, OPT),
    VERSION(nr5gc_supported_release, "nr5gcSupportedRelease", 0x89, OPT),
    VERSION(eutran5gc_supported_release, "eutran5gcSupportedRelease", 0x8A, OPT),
    VERSION(lpa_svn, "lpaSvn", 0x8B, V3),
    BITS_OPT(cat_supported_classes, "catSupportedClasses", 0x8C, V3, rsp_cat_class_names),
    INT_OPT(euicc_form_factor_type, "euiccFormFactorType", 0x8D, V3, rsp_form_factor_names),
    SEQ_OPT(device_additional_feature_support, "deviceAdditionalFeatureSupport", 0xAE, OPT,
            device_additional_features_type),
};
SEQUENCE(rsp_device_capabilities_type, "DeviceCapabilities", 0x30, device_capabilities);
#undef T

#define T struct rsp_device_info
static const struct asn1_field device_info[] = {
    OCTETS(tac, "tac", 0x80, ASN1_DIGITS_SWAPPED, RSP_TAC, RSP_TAC),
    SEQ(device_capabilities, "deviceCapabilities", 0xA1, 0, rsp_device_capabilities_type),
    OCTETS(imei, "imei", 0x82, OPT | ASN1_DIGITS_SWAPPED, RSP_IMEI, RSP_IMEI),
    LIST(preferred_languages, "preferredLanguages", 0xA3, V3, rsp_utf8_string_type, 0, 0),
    NULL_V3(device_test_mode, "deviceTestMode", 0x84),
    BITS_OPT(lpa_rsp_capability, "lpaRspCapability", 0x85, V3, rsp_lpa_capability_names),
};
SEQUENCE(rsp_device_info_type, "DeviceInfo", 0x30, device_info);
#undef T

/* ---- ctxParams1 ---- */

#define T struct rsp_matching_id_source
static const struct asn1_field matching_id_source[] = {
    NULL_IS(none, "none", 0x80),
    NULL_IS(activation_code, "activationCode", 0x81),
    OID(smds_oid, "smdsOid", 0x82, 0),
};
static CHOICE_OF(matching_id_source_type, "MatchingIdSource", 0, matching_id_source);
#undef T

#define T struct rsp_ctx_common_authentication
static const struct asn1_field ctx_common_authentication[] = {
    UTF8(matching_id, "matchingId", 0x80, OPT, 0),
    SEQ(device_info, "deviceInfo", 0xA1, 0, rsp_device_info_type),
    BITS_DEFAULT(operation_type, "operationType", 0x82, V3, rsp_operation_type_names,
                 RSP_OPERATION_PROFILE_DOWNLOAD),
    ICCID(iccid, "iccid", 0x5A, V3),
    CHOICE(matching_id_source, "matchingIdSource", 0xA3, V3, matching_id_source_type),
    LIST(vendor_specific_extension, "vendorSpecificExtension", 0xA4, V3, rsp_vendor_extension_type,
         0, 0),
};
static SEQUENCE(ctx_common_authentication_type, "CtxParamsForCommonAuthentication", 0x30,
                ctx_common_authentication);
#undef T

#define T struct rsp_ctx_device_change
static const struct asn1_field ctx_device_change[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    SEQ(device_info, "deviceInfo", 0xA1, 0, rsp_device_info_type),
    OCTETS(target_eid_value, "targetEidValue", 0x5A, OPT | ASN1_DIGITS, RSP_EID, RSP_EID),
    OCTETS(target_tac_value, "targetTacValue", 0x82, OPT | ASN1_DIGITS_SWAPPED, RSP_TAC, RSP_TAC),
    LIST(vendor_specific_extension, "vendorSpecificExtension", 0xA3, OPT, rsp_vendor_extension_type,
         0, 0),
};
static SEQUENCE(ctx_device_change_type, "CtxParamsForDeviceChange", 0x30, ctx_device_change);
#undef T

#define T struct rsp_ctx_profile_recovery
static const struct asn1_field ctx_profile_recovery[] = {
    ICCID(iccid, "iccid", 0x5A, 0),
    SEQ(device_info, "deviceInfo", 0xA1, 0, rsp_device_info_type),
    LIST(vendor_specific_extension, "vendorSpecificExtension", 0xA2, OPT, rsp_vendor_extension_type,
         0, 0),
};
static SEQUENCE(ctx_profile_recovery_type, "CtxParamsForProfileRecovery", 0x30,
                ctx_profile_recovery);
#undef T

#define T struct rsp_ctx_push_service_registration
static const struct asn1_field ctx_push_service_registration[] = {
    OID(selected_push_service, "selectedPushService", 0x80, 0),
    UTF8(push_token, "pushToken", 0x81, 0, 0),
};
static SEQUENCE(ctx_push_service_registration_type, "CtxParamsForPushServiceRegistration", 0x30,
                ctx_push_service_registration);
#undef T

#define T struct rsp_ctx_params1
static const struct asn1_field ctx_params1[] = {
    SEQ(common_authentication, "ctxParamsForCommonAuthentication", 0xA0, 0,
        ctx_common_authentication_type),
    SEQ(device_change, "ctxParamsForDeviceChange", 0xA1, ASN1_SINCE_V3, ctx_device_change_type),
    SEQ(profile_recovery, "ctxParamsForProfileRecovery", 0xA2, ASN1_SINCE_V3,
        ctx_profile_recovery_type),
    SEQ(push_service_registration, "ctxParamsForPushServiceRegistration", 0xA3, ASN1_SINCE_V3,
        ctx_push_service_registration_type),
};
CHOICE_OF_RAW(rsp_ctx_params1_type, "CtxParams1", 0, ctx_params1);
#undef T

/* ---- EUICCInfo ---- */

#define T struct rsp_euicc_info1
static const struct asn1_field euicc_info1[] = {
    VERSION(lowest_svn, "lowestSvn", 0x82, 0),
    LIST(euicc_ci_pkid_list_for_verification, "euiccCiPKIdListForVerification", 0xA9, 0,
         rsp_subject_key_id_type, 0, 0),
    LIST(euicc_ci_pkid_list_for_signing, "euiccCiPKIdListForSigning", 0xAA, 0,
         rsp_subject_key_id_type, 0, 0),
    LIST(euicc_ci_pkid_list_for_signing_v3, "euiccCiPKIdListForSigningV3", 0xB1, V3,
         rsp_subject_key_id_type, 0, 0),
    BITS_OPT(euicc_rsp_capability, "euiccRspCapability", 0x88, V3, rsp_euicc_capability_names),
    VERSION(highest_svn, "highestSvn", 0x93, V3),
};
SEQUENCE_RAW(rsp_euicc_info1_type, "EUICCInfo1", 0xBF20, euicc_info1);
#undef T

#define T struct rsp_certification_data_object
static const struct asn1_field certification_data_object[] = {
    UTF8(platform_label, "platformLabel", 0x80, 0, 0),
    UTF8(discovery_base_url, "discoveryBaseURL", 0x81, 0, 0),
};
static SEQUENCE(certification_data_object_type, "CertificationDataObject", 0x30,
                certification_data_object);
#undef T

#define T struct rsp_euicc_info2
static const struct asn1_field euicc_info2[] = {
    VERSION(base_profile_package_version, "baseProfilePackageVersion", 0x81, 0),
    VERSION(lowest_svn, "lowestSvn", 0x82, 0),
    VERSION(euicc_firmware_version, "euiccFirmwareVersion", 0x83, 0),
    OCTETS(ext_card_resource, "extCardResource", 0x84, 0, 0, 0),
    BITS(uicc_capability, "uiccCapability", 0x85, 0, rsp_uicc_capability_names),
    VERSION(ts102241_version, "ts102241Version", 0x86, OPT),
    VERSION(globalplatform_version, "globalplatformVersion", 0x87, OPT),
    BITS(euicc_rsp_capability, "euiccRspCapability", 0x88, 0, rsp_euicc_capability_names),
    LIST(euicc_ci_pkid_list_for_verification, "euiccCiPKIdListForVerification", 0xA9, 0,
         rsp_subject_key_id_type, 0, 0),
    LIST(euicc_ci_pkid_list_for_signing, "euiccCiPKIdListForSigning", 0xAA, 0,
         rsp_subject_key_id_type, 0, 0),
    INT_OPT(euicc_category, "euiccCategory", 0x8B, 0, rsp_euicc_category_names),
    BITS_OPT(forbidden_profile_policy_rules, "forbiddenProfilePolicyRules", 0x99, 0, rsp_ppr_names),
    VERSION(pp_version, "ppVersion", 0x04, 0),
    UTF8(sas_accreditation_number, "sasAcreditationNumber", 0x0C, 0, RSP_MAX_SAS_NUMBER),
    SEQ_OPT(certification_data_object, "certificationDataObject", 0xAC, 0,
            certification_data_object_type),
    BITS_OPT(tre_properties, "treProperties", 0x8D, 0, rsp_tre_property_names),
    UTF8(tre_product_reference, "treProductReference", 0x8E, OPT, 0),
    LIST(additional_euicc_profile_package_versions, "additionalEuiccProfilePackageVersions", 0xAF,
         OPT, rsp_version_type, 0, 0),
    INT_OPT(lpa_mode, "lpaMode", 0x90, V3, rsp_lpa_mode_names),
    LIST(euicc_ci_pkid_list_for_signing_v3, "euiccCiPKIdListForSigningV3", 0xB1, V3,
         rsp_subject_key_id_type, 0, 0),
    OCTETS(additional_euicc_info, "additionalEuiccInfo", 0x92, V3, 0, RSP_MAX_ADDITIONAL_INFO),
    VERSION(highest_svn, "highestSvn", 0x93, V3),
};
SEQUENCE_RAW(rsp_euicc_info2_type, "EUICCInfo2", 0xBF22, euicc_info2);
#undef T

/* ---- helpers ---- */

bool rsp_span_list_has(const rsp_span_list *list, cr_span value)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cr_span_equal(list->items[i], value)) {
            return true;
        }
    }
    return false;
}

cr_status rsp_retag(cr_arena *arena, cr_span tlv, uint32_t tag, cr_span *out, struct cr_err *err)
{
    struct der_tlv in;
    CR_TRY(der_next(&tlv, DER_BER_LENGTHS, &in, err));
    if (tlv.n) {
        return cr_fail(err, CR_MALFORMED, NULL, "%zu bytes after the TLV", tlv.n);
    }
    size_t size = der_header_size(tag, in.value.n) + in.value.n;
    cr_buf room = {.p = cr_arena_alloc(arena, size), .cap = size, .limit = size};
    if (!room.p) {
        return cr_fail_memory(err);
    }
    der_put(&room, tag, in.value);
    *out = cr_buf_span(&room);
    return CR_OK;
}

bool rsp_install_error_temporary(int64_t reason)
{
    return reason == RSP_INSTALL_INSUFFICIENT_MEMORY || reason == RSP_INSTALL_INTERRUPTION;
}

#define COMMAND(c)      (1U << (c))
#define ANY_COMMAND     (COMMAND(6) - 1)
#define AFTER_CHANNEL   (ANY_COMMAND - COMMAND(RSP_BPP_INITIALISE_SECURE_CHANNEL))
#define INITIALISE_ONLY COMMAND(RSP_BPP_INITIALISE_SECURE_CHANNEL)
#define METADATA_ONLY   COMMAND(RSP_BPP_STORE_METADATA)
#define ELEMENTS_ONLY   COMMAND(RSP_BPP_LOAD_PROFILE_ELEMENTS)

/* SGP.22 2.5.6: which command can fail with which reason. */
static const struct {
    int64_t reason;
    unsigned commands;
} allowed_commands[] = {
    {RSP_INSTALL_INCORRECT_INPUT_VALUES, ANY_COMMAND},
    {RSP_INSTALL_INVALID_SIGNATURE, INITIALISE_ONLY},
    {RSP_INSTALL_INVALID_TRANSACTION_ID, INITIALISE_ONLY},
    {RSP_INSTALL_UNSUPPORTED_CRT_VALUES, INITIALISE_ONLY},
    {RSP_INSTALL_UNSUPPORTED_REMOTE_OPERATION_TYPE, INITIALISE_ONLY},
    {RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS, METADATA_ONLY},
    {RSP_INSTALL_BSP_STRUCTURE_ERROR, AFTER_CHANNEL},
    {RSP_INSTALL_BSP_SECURITY_ERROR, AFTER_CHANNEL},
    {RSP_INSTALL_ICCID_ALREADY_EXISTS, METADATA_ONLY},
    {RSP_INSTALL_INSUFFICIENT_MEMORY,
     COMMAND(RSP_BPP_CONFIGURE_ISDP) | METADATA_ONLY | ELEMENTS_ONLY},
    {RSP_INSTALL_INTERRUPTION, ANY_COMMAND},
    {RSP_INSTALL_PE_PROCESSING_ERROR, ELEMENTS_ONLY},
    {RSP_INSTALL_DATA_MISMATCH, ELEMENTS_ONLY},
    {RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY, ELEMENTS_ONLY},
    {RSP_INSTALL_PPR_NOT_ALLOWED, METADATA_ONLY},
    {RSP_INSTALL_ENTERPRISE_PROFILES_NOT_SUPPORTED, METADATA_ONLY},
    {RSP_INSTALL_ENTERPRISE_RULES_NOT_ALLOWED, METADATA_ONLY},
    {RSP_INSTALL_ENTERPRISE_PROFILE_NOT_ALLOWED, METADATA_ONLY},
    {RSP_INSTALL_ENTERPRISE_OID_MISMATCH, METADATA_ONLY},
    {RSP_INSTALL_ENTERPRISE_RULES_ERROR, METADATA_ONLY},
    {RSP_INSTALL_ENTERPRISE_PROFILES_ONLY, METADATA_ONLY},
    {RSP_INSTALL_LPR_NOT_SUPPORTED, METADATA_ONLY},
    {RSP_INSTALL_UNKNOWN_TLV_IN_METADATA, METADATA_ONLY},
    {RSP_INSTALL_INSUFFICIENT_MINIMUM_SECURITY_LEVEL, ANY_COMMAND},
    {RSP_INSTALL_SERVER_ADDRESS_ABSENT_IN_ALLOW_LIST, ANY_COMMAND},
    {RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR, ANY_COMMAND},
};

bool rsp_install_error_allowed(int64_t command, int64_t reason)
{
    for (size_t i = 0; i < CR_COUNT(allowed_commands); i++) {
        if (allowed_commands[i].reason == reason) {
            return command >= 0 && command <= RSP_BPP_LOAD_PROFILE_ELEMENTS &&
                   (allowed_commands[i].commands >> command & 1);
        }
    }
    return false;
}

void rsp_bits_text(const struct asn1_name *names, uint64_t bits, cr_buf *out)
{
    const char *comma = "";
    for (int i = 0; i < 64; i++) {
        if (!(bits >> i & 1)) {
            continue;
        }
        const char *name = asn1_name_of(names, i);
        if (name) {
            cr_buf_appendf(out, "%s%s", comma, name);
        } else {
            cr_buf_appendf(out, "%s%d", comma, i);
        }
        comma = ", ";
    }
}

/* ---- extCardResource ---- */

static bool unsigned_of(cr_span value, uint64_t *out)
{
    if (value.n > sizeof(*out)) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < value.n; i++) {
        v = v << 8 | value.p[i];
    }
    *out = v;
    return true;
}

cr_status rsp_ext_card_resource_parse(cr_span value, struct rsp_ext_card_resource *out,
                                      struct cr_err *err)
{
    struct rsp_ext_card_resource read = {0};
    while (value.n) {
        struct der_tlv tlv;
        CR_TRY(der_next(&value, DER_BER_LENGTHS, &tlv, err));
        uint64_t *to = tlv.tag == 0x81   ? &read.installed_applications
                       : tlv.tag == 0x82 ? &read.free_non_volatile
                       : tlv.tag == 0x83 ? &read.free_volatile
                                         : NULL;
        if (to && !unsigned_of(tlv.value, to)) {
            return cr_fail(err, CR_MALFORMED, "TS 102 226 8.2.1.7.2",
                           "extCardResource has a number of %zu bytes", tlv.value.n);
        }
    }
    *out = read;
    return CR_OK;
}

static void put_unsigned(cr_buf *out, uint32_t tag, uint64_t v)
{
    size_t bytes = 1;
    while (bytes < sizeof(v) && v >> (8 * bytes)) {
        bytes++;
    }
    der_put_header(out, tag, bytes);
    cr_buf_append_be(out, v, bytes);
}

void rsp_ext_card_resource_build(const struct rsp_ext_card_resource *value, cr_buf *out)
{
    put_unsigned(out, 0x81, value->installed_applications);
    put_unsigned(out, 0x82, value->free_non_volatile);
    put_unsigned(out, 0x83, value->free_volatile);
}
