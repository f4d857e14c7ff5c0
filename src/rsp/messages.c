#include "rsp/messages.h"

#include "base/text.h"
#include "rsp/es10a.h"
#include "rsp/es9plus.h"
#include "rsp/lpae.h"

/* A signed part or an answer without a tag of its own stands under 30; the order within a tag is
 * the order of trying. Where a request and its answer can look the same, the one that is more
 * particular about its contents comes first. */
const struct rsp_message rsp_messages[] = {
    {0x30, RSP_DATA, "OtherSignedNotification", "ES9+", &rsp_other_signed_notification_type},
    {0x30, RSP_DATA, "EuiccSigned1", "ES9+", &rsp_euicc_signed1_type},
    {0x30, RSP_DATA, "ServerSigned1", "ES9+", &rsp_server_signed1_type},
    {0x30, RSP_DATA, "EUICCSigned2", "ES9+", &rsp_euicc_signed2_type},
    {0x30, RSP_DATA, "SmdpSigned2", "ES9+", &rsp_smdp_signed2_type},
    {0x30, RSP_DATA, "EuiccCancelSessionSigned", "ES9+", &rsp_euicc_cancel_session_signed_type},
    {0x30, RSP_DATA, "SmdsSigned2", "ES11", &rsp_smds_signed2_type},
    {0x30, RSP_DATA, "SmdpSigned3", "ES9+", &rsp_smdp_signed3_type},
    {0x30, RSP_DATA, "SmdpSigned4", "ES9+", &rsp_smdp_signed4_type},
    {0x30, RSP_DATA, "EUICCResponse", "ES8+", &rsp_euicc_response_type},
    {0x30, RSP_DATA, "DeleteNotificationForDc", "ES9+", &rsp_delete_notification_for_dc_type},
    {0x30, RSP_DATA, "RpmPackage", "ES2+", &rsp_rpm_package_type},
    {0x30, RSP_DATA, "SmdpSigned5", "ES9+", &rsp_smdp_signed5_type},
    {0x30, RSP_DATA, "EuiccSigned3", "ES9+", &rsp_euicc_signed3_type},
    {0x6F, RSP_RESPONSE, "SelectIsdrResponse", "ISO 7816-4", &rsp_isdr_fci_type},
    {0xA0, RSP_DATA, "CtxParams1", "ES10b", &rsp_ctx_params1_type},
    {0xA1, RSP_DATA, "PendingNotification", "ES9+", &rsp_pending_notification_type},
    {0xA1, RSP_DATA, "CtxParams1", "ES10b", &rsp_ctx_params1_type},
    {0xA2, RSP_REQUEST, "RemoteProfileProvisioningRequest", "ES9+",
     &rsp_remote_provisioning_request_type},
    {0xA2, RSP_RESPONSE, "RemoteProfileProvisioningResponse", "ES9+",
     &rsp_remote_provisioning_response_type},
    {0xA2, RSP_DATA, "CtxParams1", "ES10b", &rsp_ctx_params1_type},
    {0xA3, RSP_DATA, "CtxParams1", "ES10b", &rsp_ctx_params1_type},
    {0xE0, RSP_DATA, "ISDRProprietaryApplicationTemplate", "ISO 7816-4", &rsp_isdr_template_type},
    {0xE3, RSP_DATA, "ProfileInfo", "ES10c", &rsp_profile_info_type},
    {0xE4, RSP_RESPONSE, "E4EResponse", "LPAe", &rsp_e4e_response_type},
    {0xE4, RSP_REQUEST, "E4ERequest", "LPAe", &rsp_e4e_request_type},
    {0xBF20, RSP_RESPONSE, "EUICCInfo1", "ES10b", &rsp_euicc_info1_type},
    {0xBF20, RSP_REQUEST, "GetEuiccInfo1Request", "ES10b", &rsp_get_euicc_info1_request_type},
    {0xBF20, RSP_DATA, "DeviceChangeConfiguration", "ES10c", &rsp_device_change_configuration_type},
    {0xBF21, RSP_REQUEST, "PrepareDownloadRequest", "ES10b", &rsp_prepare_download_request_type},
    {0xBF21, RSP_RESPONSE, "PrepareDownloadResponse", "ES10b", &rsp_prepare_download_response_type},
    {0xBF22, RSP_RESPONSE, "EUICCInfo2", "ES10b", &rsp_euicc_info2_type},
    {0xBF22, RSP_REQUEST, "GetEuiccInfo2Request", "ES10b", &rsp_get_euicc_info2_request_type},
    {0xBF23, RSP_REQUEST, "InitialiseSecureChannelRequest", "ES8+",
     &rsp_initialise_secure_channel_type},
    {0xBF24, RSP_REQUEST, "ConfigureISDPRequest", "ES8+", &rsp_configure_isdp_type},
    {0xBF25, RSP_REQUEST, "StoreMetadataRequest", "ES8+", &rsp_store_metadata_type},
    {0xBF26, RSP_REQUEST, "ReplaceSessionKeysRequest", "ES8+", &rsp_replace_session_keys_type},
    {0xBF27, RSP_DATA, "ProfileInstallationResultData", "ES8+",
     &rsp_profile_installation_result_data_type},
    {0xBF28, RSP_REQUEST, "ListNotificationRequest", "ES10b", &rsp_list_notification_request_type},
    {0xBF28, RSP_RESPONSE, "ListNotificationResponse", "ES10b",
     &rsp_list_notification_response_type},
    {0xBF29, RSP_REQUEST, "SetNicknameRequest", "ES10c", &rsp_set_nickname_request_type},
    {0xBF29, RSP_RESPONSE, "SetNicknameResponse", "ES10c", &rsp_set_nickname_response_type},
    {0xBF2A, RSP_REQUEST, "UpdateMetadataRequest", "ES6", &rsp_update_metadata_type},
    {0xBF2B, RSP_REQUEST, "RetrieveNotificationsListRequest", "ES10b",
     &rsp_retrieve_notifications_list_request_type},
    {0xBF2B, RSP_RESPONSE, "RetrieveNotificationsListResponse", "ES10b",
     &rsp_retrieve_notifications_list_response_type},
    {0xBF2D, RSP_REQUEST, "ProfileInfoListRequest", "ES10c", &rsp_profile_info_list_request_type},
    {0xBF2D, RSP_RESPONSE, "ProfileInfoListResponse", "ES10c",
     &rsp_profile_info_list_response_type},
    {0xBF2E, RSP_RESPONSE, "GetEuiccChallengeResponse", "ES10b",
     &rsp_get_euicc_challenge_response_type},
    {0xBF2E, RSP_REQUEST, "GetEuiccChallengeRequest", "ES10b",
     &rsp_get_euicc_challenge_request_type},
    {0xBF2F, RSP_DATA, "NotificationMetadata", "ES10b", &rsp_notification_metadata_type},
    {0xBF30, RSP_REQUEST, "NotificationSentRequest", "ES10b", &rsp_notification_sent_request_type},
    {0xBF30, RSP_RESPONSE, "NotificationSentResponse", "ES10b",
     &rsp_notification_sent_response_type},
    {0xBF31, RSP_REQUEST, "EnableProfileRequest", "ES10c", &rsp_enable_profile_request_type},
    {0xBF31, RSP_RESPONSE, "EnableProfileResponse", "ES10c", &rsp_enable_profile_response_type},
    {0xBF32, RSP_REQUEST, "DisableProfileRequest", "ES10c", &rsp_disable_profile_request_type},
    {0xBF32, RSP_RESPONSE, "DisableProfileResponse", "ES10c", &rsp_disable_profile_response_type},
    {0xBF33, RSP_REQUEST, "DeleteProfileRequest", "ES10c", &rsp_delete_profile_request_type},
    {0xBF33, RSP_RESPONSE, "DeleteProfileResponse", "ES10c", &rsp_delete_profile_response_type},
    {0xBF34, RSP_REQUEST, "EuiccMemoryResetRequest", "ES10c", &rsp_euicc_memory_reset_request_type},
    {0xBF34, RSP_RESPONSE, "EuiccMemoryResetResponse", "ES10c",
     &rsp_euicc_memory_reset_response_type},
    {0xBF35, RSP_REQUEST, "LoadCRLRequest", "ES10b", &rsp_load_crl_request_type},
    {0xBF35, RSP_RESPONSE, "LoadCRLResponse", "ES10b", &rsp_load_crl_response_type},
    {0xBF36, RSP_REQUEST, "BoundProfilePackage", "ES8+", &rsp_bound_profile_package_type},
    {0xBF37, RSP_DATA, "ProfileInstallationResult", "ES8+", &rsp_profile_installation_result_type},
    {0xBF38, RSP_REQUEST, "AuthenticateServerRequest", "ES10b",
     &rsp_authenticate_server_request_type},
    {0xBF38, RSP_RESPONSE, "AuthenticateServerResponse", "ES10b",
     &rsp_authenticate_server_response_type},
    {0xBF39, RSP_REQUEST, "InitiateAuthenticationRequest", "ES9+",
     &rsp_initiate_authentication_request_type},
    {0xBF39, RSP_RESPONSE, "InitiateAuthenticationResponse", "ES9+",
     &rsp_initiate_authentication_response_type},
    {0xBF3A, RSP_REQUEST, "GetBoundProfilePackageRequest", "ES9+",
     &rsp_get_bound_profile_package_request_type},
    {0xBF3A, RSP_RESPONSE, "GetBoundProfilePackageResponse", "ES9+",
     &rsp_get_bound_profile_package_response_type},
    {0xBF3B, RSP_REQUEST, "AuthenticateClientRequest", "ES9+",
     &rsp_authenticate_client_request_type},
    {0xBF3B, RSP_RESPONSE, "AuthenticateClientResponseEs9", "ES9+",
     &rsp_authenticate_client_response_type},
    {0xBF3B, RSP_RESPONSE, "AuthenticateClientResponseEs9V3", "ES9+",
     &rsp_authenticate_client_response_v3_type},
    {0xBF3C, RSP_RESPONSE, "EuiccConfiguredDataResponse", "ES10a", &rsp_euicc_configured_data_type},
    {0xBF3C, RSP_REQUEST, "EuiccConfiguredDataRequest", "ES10a",
     &rsp_get_euicc_configured_data_request_type},
    {0xBF3D, RSP_REQUEST, "HandleNotification", "ES9+", &rsp_handle_notification_request_type},
    {0xBF3E, RSP_REQUEST, "GetEuiccDataRequest", "ES10c", &rsp_get_euicc_data_request_type},
    {0xBF3E, RSP_RESPONSE, "GetEuiccDataResponse", "ES10c", &rsp_get_euicc_data_response_type},
    {0xBF3F, RSP_RESPONSE, "SetDefaultDpAddressResponse", "ES10a",
     &rsp_set_default_dp_address_response_type},
    {0xBF3F, RSP_REQUEST, "SetDefaultDpAddressRequest", "ES10a",
     &rsp_set_default_dp_address_request_type},
    {0xBF40, RSP_RESPONSE, "AuthenticateClientResponseEs11", "ES11",
     &rsp_authenticate_client_response_ds_type},
    {0xBF41, RSP_REQUEST, "CancelSessionRequest", "ES10b", &rsp_cancel_session_request_type},
    {0xBF41, RSP_RESPONSE, "CancelSessionResponse", "ES10b", &rsp_cancel_session_response_type},
    {0xBF41, RSP_REQUEST, "CancelSessionRequestEs9", "ES9+", &rsp_cancel_session_request_es9_type},
    {0xBF41, RSP_RESPONSE, "CancelSessionResponseEs9", "ES9+",
     &rsp_cancel_session_response_es9_type},
    {0xBF42, RSP_REQUEST, "LpaeActivationRequest", "ES10a", &rsp_lpae_activation_request_type},
    {0xBF42, RSP_RESPONSE, "LpaeActivationResponse", "ES10a", &rsp_lpae_activation_response_type},
    {0xBF43, RSP_RESPONSE, "GetRatResponse", "ES10b", &rsp_get_rat_response_type},
    {0xBF43, RSP_REQUEST, "GetRatRequest", "ES10b", &rsp_get_rat_request_type},
    {0xBF44, RSP_REQUEST, "LoadRpmPackageRequest", "ES10b", &rsp_load_rpm_package_request_type},
    {0xBF44, RSP_RESPONSE, "LoadRpmPackageResult", "ES10b", &rsp_load_rpm_package_response_type},
    {0xBF45, RSP_REQUEST, "VerifySmdsResponseRequest", "ES10b",
     &rsp_verify_smds_response_request_type},
    {0xBF45, RSP_RESPONSE, "VerifySmdsResponseResponse", "ES10b",
     &rsp_verify_smds_response_response_type},
    {0xBF46, RSP_REQUEST, "CheckEventRequest", "ES11", &rsp_check_event_request_type},
    {0xBF46, RSP_RESPONSE, "CheckEventResponse", "ES11", &rsp_check_event_response_type},
    {0xBF4A, RSP_DATA, "AlertData", "ES10b", &rsp_alert_data_type},
    {0xBF4B, RSP_REQUEST, "VerifyDeviceChangeRequest", "ES10b",
     &rsp_verify_device_change_request_type},
    {0xBF4B, RSP_RESPONSE, "VerifyDeviceChangeResponse", "ES10b",
     &rsp_verify_device_change_response_type},
    {0xBF4C, RSP_REQUEST, "ConfirmDeviceChangeRequest", "ES9+",
     &rsp_confirm_device_change_request_type},
    {0xBF4C, RSP_REQUEST, "ConfirmDeviceChangeRequestAlt", "ES9+",
     &rsp_confirm_device_change_request_alt_type},
    {0xBF4C, RSP_RESPONSE, "ConfirmDeviceChangeResponse", "ES9+",
     &rsp_confirm_device_change_response_type},
    {0xBF4D, RSP_REQUEST, "PrepareDeviceChangeRequest", "ES10b",
     &rsp_prepare_device_change_request_type},
    {0xBF4D, RSP_RESPONSE, "PrepareDeviceChangeResponse", "ES10b",
     &rsp_prepare_device_change_response_type},
};
const size_t rsp_message_count = CR_COUNT(rsp_messages);

const struct rsp_message *rsp_message_candidates(uint32_t tag, size_t *count)
{
    const struct rsp_message *first = NULL;
    *count = 0;
    for (size_t i = 0; i < rsp_message_count; i++) {
        if (rsp_messages[i].tag == tag) {
            first = first ? first : &rsp_messages[i];
            (*count)++;
        }
    }
    return first;
}

const struct rsp_message *rsp_message_by_name(cr_span name)
{
    for (size_t i = 0; i < rsp_message_count; i++) {
        if (cr_span_equal_nocase(cr_span_str(rsp_messages[i].name), name)) {
            return &rsp_messages[i];
        }
    }
    return NULL;
}

/* True when nothing of the TLV was passed over as unknown or written in an unusual way. */
static bool is_complete(const struct asn1_type *type, const void *value, cr_span tlv)
{
    cr_buf again = {0};
    bool same = asn1_encode(type, value, ASN1_ENCODE_NO_RAW, &again, NULL) == CR_OK &&
                cr_span_equal(cr_buf_span(&again), tlv);
    cr_buf_free(&again);
    return same;
}

const struct rsp_message *rsp_message_likeliest(cr_span tlv)
{
    size_t count;
    size_t most = 0;
    const struct rsp_message *candidate = rsp_message_candidates(der_peek(tlv), &count);
    const struct rsp_message *best = candidate;
    for (size_t i = 0; i < count; i++) {
        size_t known = asn1_coverage(candidate[i].type, tlv);
        if (known > most) {
            most = known;
            best = &candidate[i];
        }
    }
    return best;
}

/* A SEQUENCE can be anything: there the order of the table is the better guess. */
static bool tag_is_ours(uint32_t tag)
{
    return tag != 0x30;
}

cr_status rsp_message_decode(cr_span tlv, cr_arena *arena, const struct rsp_message **message,
                             void **value, struct cr_err *err)
{
    size_t count;
    uint32_t tag = der_peek(tlv);
    const struct rsp_message *candidate = rsp_message_candidates(tag, &count);
    const struct rsp_message *likeliest = rsp_message_likeliest(tlv);
    const struct rsp_message *best = NULL;
    void *best_value = NULL;
    size_t best_known = 0;
    if (!candidate) {
        return cr_fail(err, CR_MALFORMED, "SGP.22 annex H", "no message has the tag %X", tag);
    }
    for (size_t i = 0; i < count; i++) {
        void *at = cr_arena_alloc(arena, candidate[i].type->size);
        if (!at) {
            return cr_fail_memory(err);
        }
        if (asn1_decode(candidate[i].type, tlv, ASN1_DECODE_BER_LENGTHS, arena, at,
                        &candidate[i] == likeliest ? err : NULL) != CR_OK) {
            continue;
        }
        bool complete = is_complete(candidate[i].type, at, tlv);
        size_t known = asn1_coverage(candidate[i].type, tlv);
        if (complete || !best || (tag_is_ours(tag) && known > best_known)) {
            best = &candidate[i];
            best_value = at;
            best_known = known;
        }
        if (complete) {
            *message = best;
            *value = best_value;
            return CR_OK;
        }
    }
    if (!best || (tag_is_ours(tag) && best_known < asn1_coverage(likeliest->type, tlv))) {
        return CR_MALFORMED; /* err has the complaint of the likeliest */
    }
    *message = best;
    *value = best_value;
    return CR_OK;
}
