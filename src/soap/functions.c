#include "soap/functions.h"

#include "base/text.h"

#include <stddef.h>
#include <stdio.h>

#define SOAP_MAX_VALIDITY (366 * 86400) /* seconds: nobody waits longer than a year */

/* ---- elements ----------------------------------------------------------------------------------
 */

/* Code bases generated from the official schema differ in the hyphens. */
static const char *const smsr_spellings[] = {"Sm-sr-id", "SmSr-id", "Smsr-id",
                                             "Smsr-Id",  "SmsrId",  NULL};
static const char *const current_spellings[] = {"CurrentSmsr-id", "Current-Smsr-id",
                                                "CurrentSMSR-id", NULL};
static const char *const target_spellings[] = {"Target-Smsr-id", "TargetSmsrId", "TargetSMSRid",
                                               "TargetSMSR-id", NULL};
static const char *const ecc_lengths[] = {"ECC-256", "ECC-384", "ECC-512", "ECC-521", NULL};

#define EL(e, n, k, f, m, lo, hi)                                                                  \
    [SOAP_EL_##e] = {.name = (n),                                                                  \
                     .kind = (k),                                                                  \
                     .flags = (f),                                                                 \
                     .offset = offsetof(struct soap_body, m),                                      \
                     .has = SOAP_NO_OFFSET,                                                        \
                     .min = (lo),                                                                  \
                     .max = (hi)}
#define EL_HAS(e, n, k, m, h, lo, hi)                                                              \
    [SOAP_EL_##e] = {.name = (n),                                                                  \
                     .kind = (k),                                                                  \
                     .offset = offsetof(struct soap_body, m),                                      \
                     .has = offsetof(struct soap_body, h),                                         \
                     .min = (lo),                                                                  \
                     .max = (hi)}
#define EL_ALIAS(e, n, k, m, a)                                                                    \
    [SOAP_EL_##e] = {.name = (n),                                                                  \
                     .aliases = (a),                                                               \
                     .kind = (k),                                                                  \
                     .offset = offsetof(struct soap_body, m),                                      \
                     .has = SOAP_NO_OFFSET}
#define EL_ENUM(e, n, m, list)                                                                     \
    [SOAP_EL_##e] = {.name = (n),                                                                  \
                     .kind = SOAP_ENUM,                                                            \
                     .offset = offsetof(struct soap_body, m),                                      \
                     .has = SOAP_NO_OFFSET,                                                        \
                     .names = (list)}
#define EL_TYPE(e, n, f, m, h, t)                                                                  \
    [SOAP_EL_##e] = {.name = (n),                                                                  \
                     .kind = SOAP_COMPLEX,                                                         \
                     .flags = (f),                                                                 \
                     .offset = offsetof(struct soap_body, m),                                      \
                     .has = offsetof(struct soap_body, h),                                         \
                     .type = &(t)}
#define EL_TYPES(e, n, f, m, t, hi)                                                                \
    [SOAP_EL_##e] = {.name = (n),                                                                  \
                     .kind = SOAP_COMPLEX,                                                         \
                     .flags = (f),                                                                 \
                     .offset = offsetof(struct soap_body, m),                                      \
                     .has = SOAP_NO_OFFSET,                                                        \
                     .max = (hi),                                                                  \
                     .type = &(t)}

const struct soap_row soap_elements[SOAP_ELEMENTS] = {
    EL(EID, "Eid", SOAP_EID, 0, eid, 0, 0),
    EL(ICCID, "Iccid", SOAP_DIGITS, 0, iccid, 18, 20),
    EL(ICCIDS, "Iccid", SOAP_DIGITS, SOAP_OPTIONAL | SOAP_REPEATED, iccids, 18, 20),
    EL_ALIAS(SM_SR_ID, "Sm-sr-id", SOAP_OID, smsr_id, smsr_spellings),
    EL_ALIAS(SMSR_ID, "Smsr-id", SOAP_OID, smsr_id, smsr_spellings),
    EL_ALIAS(CURRENT_SMSR_ID, "CurrentSMSRid", SOAP_OID, smsr_id, current_spellings),
    EL_ALIAS(TARGET_SMSR_ID, "TargetSmsr-id", SOAP_OID, smsr_id, target_spellings),
    EL(MNO_ID, "Mno-id", SOAP_OID, 0, mno_id, 0, 0),
    EL(M2M_SP_ID, "M2M-sp-id", SOAP_OID, SOAP_UNVERIFIED, m2m_sp_id, 0, 0),
    EL(PROFILE_TYPE, "ProfileType", SOAP_TEXT, 0, profile_type, 1, 100),
    EL_HAS(ENABLE_PROFILE, "EnableProfile", SOAP_BOOL, enable_profile, has_enable_profile, 0, 0),
    EL_TYPE(POL2, "pol2", 0, pol2, has_pol2, soap_pol2_type),
    EL_TYPE(NEW_ADDRESS, "newSubscriptionAddress", 0, address, has_address, soap_address_type),
    EL_TYPE(ADDRESS, "SubscriptionAddress", 0, address, has_address, soap_address_type),
    EL_HAS(COMPLETION_TIMESTAMP, "CompletionTimestamp", SOAP_TIME, completion_timestamp,
           has_completion_timestamp, 0, 0),
    EL_TYPE(EIS, "Eis", 0, eis, has_eis, soap_eis_type),
    EL_TYPE(PLMA, "Plma", SOAP_UNVERIFIED, plma, has_plma, soap_plma_type),
    EL_TYPES(PLMAS, "Plma", SOAP_OPTIONAL | SOAP_REPEATED | SOAP_UNVERIFIED, plmas, soap_plma_type,
             SOAP_MAX_PLMAS),
    EL_TYPE(ONC, "Onc", SOAP_UNVERIFIED, onc, has_onc, soap_onc_type),
    EL_TYPES(ONCS, "Onc", SOAP_OPTIONAL | SOAP_REPEATED | SOAP_UNVERIFIED, oncs, soap_onc_type,
             SOAP_MAX_PLMAS),
    EL_TYPE(ADDITIONAL_PROPERTIES, "AdditionalProperties", 0, properties, has_properties,
            soap_properties_type),
    EL_HAS(REQUIRED_MEMORY, "RequiredMemory", SOAP_UINT, required_memory, has_required_memory, 0,
           0),
    EL_HAS(MORE_TO_DO, "MoreToDo", SOAP_BOOL, more_to_do, has_more_to_do, 0, 0),
    EL(ISDP_AID, "Isd-p-aid", SOAP_HEX, 0, isdp_aid, 5, 16),
    EL(SD_AID, "Sd-aid", SOAP_HEX, 0, sd_aid, 5, 16),
    EL(DATA, "Data", SOAP_HEX, 0, data, 1, SOAP_MAX_DATA),
    EL(EUICC_RESPONSE_DATA, "EuiccResponseData", SOAP_HEX, 0, euicc_response_data, 0,
       SOAP_MAX_DATA),
    EL(CONNECTIVITY_PARAMETERS, "ConnectivityParameters", SOAP_HEX, 0, connectivity_parameters, 1,
       4096),
    EL(SMSR_CERTIFICATE, "SmsrCertificate", SOAP_HEX, 0, smsr_certificate, 1, SOAP_MAX_CERT),
    EL(RANDOM_CHALLENGE, "RandomChallenge", SOAP_HEX, 0, random_challenge, 16, 32),
    EL_HAS(KEY_VERSION_NUMBER, "KeyVersionNumber", SOAP_UINT, key_version_number,
           has_key_version_number, 1, 127),
    EL_HAS(INITIAL_SEQUENCE_COUNTER, "InitialSequenceCounter", SOAP_UINT, initial_sequence_counter,
           has_initial_sequence_counter, 0, 0),
    EL_ENUM(ECC_KEY_LENGTH, "ECCKeyLength", ecc_key_length, ecc_lengths),
    EL_HAS(SCENARIO_PARAMETER, "ScenarioParameter", SOAP_UINT, scenario_parameter,
           has_scenario_parameter, 0, 127),
    EL(HOST_ID, "HostId", SOAP_HEX, 0, host_id, 0, 16),
    EL(EPHEMERAL_PUBLIC_KEY, "EphemeralPublicKey", SOAP_HEX, 0, ephemeral_public_key, 1, 256),
    EL(SIGNATURE, "Signature", SOAP_HEX, 0, signature, 1, 256),
    EL(DERIVATION_RANDOM, "DerivationRandom", SOAP_HEX, 0, derivation_random, 0, 32),
    EL(RECEIPT, "Receipt", SOAP_HEX, 0, receipt, 1, 32),
    EL(FUNCTION_CALL_IDENTIFIER, "FunctionCallIdentifier", SOAP_TEXT, 0, function_call_identifier,
       1, 0),
    EL_HAS(VALIDITY_PERIOD, "ValidityPeriod", SOAP_UINT, validity_period, has_validity_period, 1,
           SOAP_MAX_VALIDITY),
    EL_HAS(PROCESSING_START, "ProcessingStart", SOAP_TIME, processing_start, has_processing_start,
           0, 0),
    EL_HAS(PROCESSING_END, "ProcessingEnd", SOAP_TIME, processing_end, has_processing_end, 0, 0),
    EL_HAS(ACCEPTABLE_VALIDITY_PERIOD, "AcceptableValidityPeriod", SOAP_UINT,
           acceptable_validity_period, has_acceptable_validity_period, 1, 0),
    EL_TYPE(STATUS, "FunctionExecutionStatus", 0, status, has_status, soap_status_type),
};

/* ---- what the messages hold: elements in their order; _o optional, _c by a rule of the function -
 */

static const struct soap_use nothing[] = {{SOAP_EL_END, 0}};
static const struct soap_use eis[] = {{SOAP_EL_EIS, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_additional_properties[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_ADDITIONAL_PROPERTIES, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_smsr_id[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_SMSR_ID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eis_c[] = {{SOAP_EL_EIS, SOAP_C}, {SOAP_EL_END, 0}};
static const struct soap_use eid_sm_sr_id_profile_type_c_iccid_c_enable_profile[] = {
    {SOAP_EL_EID, SOAP_M},   {SOAP_EL_SM_SR_ID, SOAP_M},       {SOAP_EL_PROFILE_TYPE, SOAP_C},
    {SOAP_EL_ICCID, SOAP_C}, {SOAP_EL_ENABLE_PROFILE, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use iccid_o_euicc_response_data_o[] = {
    {SOAP_EL_ICCID, SOAP_O}, {SOAP_EL_EUICC_RESPONSE_DATA, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid_smsr_id_iccid_pol2_o[] = {{SOAP_EL_EID, SOAP_M},
                                                           {SOAP_EL_SMSR_ID, SOAP_M},
                                                           {SOAP_EL_ICCID, SOAP_M},
                                                           {SOAP_EL_POL2, SOAP_O},
                                                           {SOAP_EL_END, 0}};
static const struct soap_use eid_smsr_id_iccid_new_address[] = {{SOAP_EL_EID, SOAP_M},
                                                                {SOAP_EL_SMSR_ID, SOAP_M},
                                                                {SOAP_EL_ICCID, SOAP_M},
                                                                {SOAP_EL_NEW_ADDRESS, SOAP_M},
                                                                {SOAP_EL_END, 0}};
static const struct soap_use eid_sm_sr_id_iccid[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_SM_SR_ID, SOAP_M}, {SOAP_EL_ICCID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use euicc_response_data_o[] = {{SOAP_EL_EUICC_RESPONSE_DATA, SOAP_O},
                                                        {SOAP_EL_END, 0}};
static const struct soap_use eid_smsr_id_iccid[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_SMSR_ID, SOAP_M}, {SOAP_EL_ICCID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_completion_timestamp[] = {
    {SOAP_EL_EID, SOAP_M},
    {SOAP_EL_ICCID, SOAP_M},
    {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use eis_completion_timestamp[] = {
    {SOAP_EL_EIS, SOAP_M}, {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_smsr_id_iccids_o[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_SMSR_ID, SOAP_M}, {SOAP_EL_ICCIDS, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use smsr_id_plma[] = {
    {SOAP_EL_SMSR_ID, SOAP_M}, {SOAP_EL_PLMA, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use smsr_id_m2m_sp_id_o_profile_type_o[] = {{SOAP_EL_SMSR_ID, SOAP_M},
                                                                     {SOAP_EL_M2M_SP_ID, SOAP_O},
                                                                     {SOAP_EL_PROFILE_TYPE, SOAP_O},
                                                                     {SOAP_EL_END, 0}};
static const struct soap_use plmas_o[] = {{SOAP_EL_PLMAS, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_mno_id_o_profile_type_o_completion_timestamp[] = {
    {SOAP_EL_EID, SOAP_M},
    {SOAP_EL_ICCID, SOAP_M},
    {SOAP_EL_MNO_ID, SOAP_O},
    {SOAP_EL_PROFILE_TYPE, SOAP_O},
    {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use plma_completion_timestamp[] = {
    {SOAP_EL_PLMA, SOAP_M}, {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use smsr_id_onc[] = {
    {SOAP_EL_SMSR_ID, SOAP_M}, {SOAP_EL_ONC, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use smsr_id_profile_type_o[] = {
    {SOAP_EL_SMSR_ID, SOAP_M}, {SOAP_EL_PROFILE_TYPE, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use oncs_o[] = {{SOAP_EL_ONCS, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid[] = {{SOAP_EL_EID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_iccids_o[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_ICCIDS, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_mno_id_required_memory_more_to_do_o[] = {
    {SOAP_EL_EID, SOAP_M},        {SOAP_EL_ICCID, SOAP_M},
    {SOAP_EL_MNO_ID, SOAP_M},     {SOAP_EL_REQUIRED_MEMORY, SOAP_M},
    {SOAP_EL_MORE_TO_DO, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use isdp_aid_c_euicc_response_data_o[] = {
    {SOAP_EL_ISDP_AID, SOAP_C}, {SOAP_EL_EUICC_RESPONSE_DATA, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid_sd_aid_data_more_to_do_o[] = {{SOAP_EL_EID, SOAP_M},
                                                               {SOAP_EL_SD_AID, SOAP_M},
                                                               {SOAP_EL_DATA, SOAP_M},
                                                               {SOAP_EL_MORE_TO_DO, SOAP_O},
                                                               {SOAP_EL_END, 0}};
static const struct soap_use euicc_response_data_c[] = {{SOAP_EL_EUICC_RESPONSE_DATA, SOAP_C},
                                                        {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_profile_type_o_address_o_pol2_o[] = {
    {SOAP_EL_EID, SOAP_M},     {SOAP_EL_ICCID, SOAP_M}, {SOAP_EL_PROFILE_TYPE, SOAP_O},
    {SOAP_EL_ADDRESS, SOAP_O}, {SOAP_EL_POL2, SOAP_O},  {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_pol2_o[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_ICCID, SOAP_M}, {SOAP_EL_POL2, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_new_address[] = {{SOAP_EL_EID, SOAP_M},
                                                        {SOAP_EL_ICCID, SOAP_M},
                                                        {SOAP_EL_NEW_ADDRESS, SOAP_M},
                                                        {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_ICCID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_connectivity_parameters[] = {
    {SOAP_EL_EID, SOAP_M},
    {SOAP_EL_ICCID, SOAP_M},
    {SOAP_EL_CONNECTIVITY_PARAMETERS, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use eid_iccid_mno_id_o_completion_timestamp[] = {
    {SOAP_EL_EID, SOAP_M},
    {SOAP_EL_ICCID, SOAP_M},
    {SOAP_EL_MNO_ID, SOAP_O},
    {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use eis_mno_id_o_completion_timestamp[] = {
    {SOAP_EL_EIS, SOAP_M},
    {SOAP_EL_MNO_ID, SOAP_O},
    {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use mno_id_plma[] = {
    {SOAP_EL_MNO_ID, SOAP_M}, {SOAP_EL_PLMA, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use mno_id_m2m_sp_id_o_profile_type_o[] = {{SOAP_EL_MNO_ID, SOAP_M},
                                                                    {SOAP_EL_M2M_SP_ID, SOAP_O},
                                                                    {SOAP_EL_PROFILE_TYPE, SOAP_O},
                                                                    {SOAP_EL_END, 0}};
static const struct soap_use plma_mno_id_o_completion_timestamp[] = {
    {SOAP_EL_PLMA, SOAP_M},
    {SOAP_EL_MNO_ID, SOAP_O},
    {SOAP_EL_COMPLETION_TIMESTAMP, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use mno_id_onc[] = {
    {SOAP_EL_MNO_ID, SOAP_M}, {SOAP_EL_ONC, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use mno_id_profile_type_o[] = {
    {SOAP_EL_MNO_ID, SOAP_M}, {SOAP_EL_PROFILE_TYPE, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use eid_current_smsr_id[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_CURRENT_SMSR_ID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use eid_target_smsr_id[] = {
    {SOAP_EL_EID, SOAP_M}, {SOAP_EL_TARGET_SMSR_ID, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use mno_id_o_profile_type_o[] = {
    {SOAP_EL_MNO_ID, SOAP_O}, {SOAP_EL_PROFILE_TYPE, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use create_additional_key_set[] = {
    {SOAP_EL_EID, SOAP_M},
    {SOAP_EL_KEY_VERSION_NUMBER, SOAP_M},
    {SOAP_EL_INITIAL_SEQUENCE_COUNTER, SOAP_M},
    {SOAP_EL_ECC_KEY_LENGTH, SOAP_M},
    {SOAP_EL_SCENARIO_PARAMETER, SOAP_M},
    {SOAP_EL_HOST_ID, SOAP_M},
    {SOAP_EL_EPHEMERAL_PUBLIC_KEY, SOAP_M},
    {SOAP_EL_SIGNATURE, SOAP_M},
    {SOAP_EL_END, 0}};
static const struct soap_use derivation_random_o_receipt_c[] = {
    {SOAP_EL_DERIVATION_RANDOM, SOAP_O}, {SOAP_EL_RECEIPT, SOAP_C}, {SOAP_EL_END, 0}};
static const struct soap_use eid_c_eis_c_smsr_certificate[] = {{SOAP_EL_EID, SOAP_C},
                                                               {SOAP_EL_EIS, SOAP_C},
                                                               {SOAP_EL_SMSR_CERTIFICATE, SOAP_M},
                                                               {SOAP_EL_END, 0}};
static const struct soap_use random_challenge_c[] = {{SOAP_EL_RANDOM_CHALLENGE, SOAP_C},
                                                     {SOAP_EL_END, 0}};
static const struct soap_use plma[] = {{SOAP_EL_PLMA, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use m2m_sp_id_o_profile_type_o[] = {
    {SOAP_EL_M2M_SP_ID, SOAP_O}, {SOAP_EL_PROFILE_TYPE, SOAP_O}, {SOAP_EL_END, 0}};
static const struct soap_use onc[] = {{SOAP_EL_ONC, SOAP_M}, {SOAP_EL_END, 0}};
static const struct soap_use profile_type_o[] = {{SOAP_EL_PROFILE_TYPE, SOAP_O}, {SOAP_EL_END, 0}};

/* ---- functions ---------------------------------------------------------------------------------
 */

const struct soap_function soap_functions[SOAP_FUNCTIONS] = {
    {1, SOAP_ES1, SOAP_REGISTER_EIS, SOAP_SYNC, SOAP_EUM, "RegisterEIS", NULL, "eUICCManagement",
     eis, nothing, SOAP_VALIDITY_READ, "the EUM hands over the information set of a new eUICC"},
    {2, SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES, SOAP_SYNC, SOAP_EUM,
     "UpdateEISAdditionalProperties", NULL, "eUICCManagement", eid_additional_properties, nothing,
     SOAP_VALIDITY_READ, "the EUM adds or replaces properties outside its signature"},
    {3, SOAP_ES2, SOAP_GET_EIS, SOAP_SYNC, SOAP_OPERATOR, "GetEIS", NULL, "ProfileManagement",
     eid_smsr_id, eis_c, SOAP_VALIDITY_READ,
     "reads the information set, the caller's profiles only"},
    {4, SOAP_ES2, SOAP_DOWNLOAD_PROFILE, SOAP_ASYNC, SOAP_OPERATOR, "DownloadProfile", NULL,
     "ProfileManagement", eid_sm_sr_id_profile_type_c_iccid_c_enable_profile,
     iccid_o_euicc_response_data_o, SOAP_VALIDITY_DOWNLOAD,
     "downloads and installs a profile, enables it when asked"},
    {5, SOAP_ES2, SOAP_UPDATE_POLICY_RULES, SOAP_SYNC, SOAP_OPERATOR, "UpdatePolicyRules", NULL,
     "ProfileManagement", eid_smsr_id_iccid_pol2_o, nothing, SOAP_VALIDITY_READ,
     "replaces POL2 of a profile"},
    {6, SOAP_ES2, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, SOAP_SYNC, SOAP_OPERATOR,
     "UpdateSubscriptionAddress", NULL, "ProfileManagement", eid_smsr_id_iccid_new_address, nothing,
     SOAP_VALIDITY_READ, "replaces IMSI and MSISDN of a profile"},
    {7, SOAP_ES2, SOAP_ENABLE_PROFILE, SOAP_ASYNC, SOAP_OPERATOR, "EnableProfile", NULL,
     "PlatformManagement", eid_sm_sr_id_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "enables a profile, disables the one before"},
    {8, SOAP_ES2, SOAP_DISABLE_PROFILE, SOAP_ASYNC, SOAP_OPERATOR, "DisableProfile", NULL,
     "PlatformManagement", eid_smsr_id_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "disables a profile, the fall-back profile takes over"},
    {9, SOAP_ES2, SOAP_DELETE_PROFILE, SOAP_ASYNC, SOAP_OPERATOR, "DeleteProfile", NULL,
     "PlatformManagement", eid_smsr_id_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "deletes a profile, disables it first when enabled"},
    {10, SOAP_ES2, SOAP_PROFILE_DISABLED, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleProfileDisabledNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile was disabled"},
    {11, SOAP_ES2, SOAP_PROFILE_ENABLED, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleProfileEnabledNotification", NULL, "PlatformManagement", eid_iccid_completion_timestamp,
     NULL, 0, "a profile was enabled"},
    {12, SOAP_ES2, SOAP_SMSR_CHANGED, SOAP_NOTIFICATION, SOAP_SMDP, "HandleSMSRChangeNotification",
     NULL, "eUICCManagement", eis_completion_timestamp, NULL, 0, "the eUICC has another SM-SR"},
    {13, SOAP_ES2, SOAP_PROFILE_DELETED, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleProfileDeletedNotification", NULL, "PlatformManagement", eid_iccid_completion_timestamp,
     NULL, 0, "a profile was deleted"},
    {14, SOAP_ES2, SOAP_AUDIT_EIS, SOAP_ASYNC, SOAP_OPERATOR, "AuditEIS", NULL, "ProfileManagement",
     eid_smsr_id_iccids_o, eis_c, SOAP_VALIDITY_CARD,
     "asks the eUICC itself, then reads the information set"},
    {15, SOAP_ES2, SOAP_SET_PLMA, SOAP_SYNC, SOAP_OPERATOR, "SetPLMA", NULL, "ProfileManagement",
     smsr_id_plma, nothing, SOAP_VALIDITY_READ, "authorises an M2M SP for the profiles of a type"},
    {16, SOAP_ES2, SOAP_GET_PLMA, SOAP_SYNC, SOAP_OPERATOR, "GetPLMA", NULL, "ProfileManagement",
     smsr_id_m2m_sp_id_o_profile_type_o, plmas_o, SOAP_VALIDITY_READ, "lists authorisations"},
    {17, SOAP_ES2, SOAP_PROFILE_DOWNLOADED, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleProfileDownloadedNotification", NULL, "ProfileManagement",
     eid_iccid_mno_id_o_profile_type_o_completion_timestamp, NULL, 0, "a profile was downloaded"},
    {18, SOAP_ES2, SOAP_PROFILE_POL2_UPDATED, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleProfilePOL2UpdatedNotification", NULL, "ProfileManagement",
     eid_iccid_completion_timestamp, NULL, 0, "POL2 of a profile was replaced"},
    {19, SOAP_ES2, SOAP_PLMA_CHANGED, SOAP_NOTIFICATION, SOAP_SMDP, "HandlePLMAChangedNotification",
     "HandlePLMASettingNotification", "ProfileManagement", plma_completion_timestamp, NULL, 0,
     "an authorisation was given, changed or withdrawn"},
    {20, SOAP_ES2, SOAP_SET_ONC, SOAP_SYNC, SOAP_OPERATOR, "SetONC", NULL, "ProfileManagement",
     smsr_id_onc, nothing, SOAP_VALIDITY_READ,
     "says which notifications the operator does not want"},
    {21, SOAP_ES2, SOAP_GET_ONC, SOAP_SYNC, SOAP_OPERATOR, "GetONC", NULL, "ProfileManagement",
     smsr_id_profile_type_o, oncs_o, SOAP_VALIDITY_READ, "lists notification settings"},
    {22, SOAP_ES2, SOAP_SET_EMERGENCY_ATTRIBUTE, SOAP_ASYNC, SOAP_OPERATOR,
     "SetEmergencyProfileAttribute", NULL, "PlatformManagement", eid_smsr_id_iccid,
     euicc_response_data_o, SOAP_VALIDITY_CARD, "makes a profile the emergency profile"},
    {23, SOAP_ES2, SOAP_EMERGENCY_SET, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleEmergencyProfileAttributeSetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile became the emergency profile"},
    {24, SOAP_ES2, SOAP_EMERGENCY_UNSET, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleEmergencyProfileAttributeUnsetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile is no longer the emergency profile"},
    {25, SOAP_ES2, SOAP_SET_FALLBACK_ATTRIBUTE, SOAP_ASYNC, SOAP_OPERATOR, "SetFallBackAttribute",
     NULL, "PlatformManagement", eid_smsr_id_iccid, euicc_response_data_o, SOAP_VALIDITY_CARD,
     "makes a profile the fall-back profile"},
    {26, SOAP_ES2, SOAP_FALLBACK_SET, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleFallBackAttributeSetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile became the fall-back profile"},
    {27, SOAP_ES2, SOAP_FALLBACK_UNSET, SOAP_NOTIFICATION, SOAP_SMDP,
     "HandleFallBackAttributeUnsetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile is no longer the fall-back profile"},
    {28, SOAP_ES3, SOAP_GET_EIS, SOAP_SYNC, SOAP_SMDP, "GetEIS", NULL, "ProfileManagement", eid,
     eis_c, SOAP_VALIDITY_READ, "reads the information set for an SM-DP"},
    {29, SOAP_ES3, SOAP_AUDIT_EIS, SOAP_ASYNC, SOAP_SMDP, "AuditEIS", NULL, "ProfileManagement",
     eid_iccids_o, eis_c, SOAP_VALIDITY_CARD,
     "asks the eUICC itself, then reads the information set"},
    {30, SOAP_ES3, SOAP_CREATE_ISDP, SOAP_ASYNC, SOAP_SMDP, "CreateISDP", NULL, "ProfileManagement",
     eid_iccid_mno_id_required_memory_more_to_do_o, isdp_aid_c_euicc_response_data_o,
     SOAP_VALIDITY_CARD, "creates the container of a profile"},
    {31, SOAP_ES3, SOAP_SEND_DATA, SOAP_ASYNC, SOAP_SMDP, "SendData", NULL, "ProfileManagement",
     eid_sd_aid_data_more_to_do_o, euicc_response_data_c, SOAP_VALIDITY_CARD,
     "carries sealed commands to a security domain"},
    {32, SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, SOAP_SYNC, SOAP_SMDP,
     "ProfileDownloadCompleted", NULL, "ProfileManagement",
     eid_iccid_profile_type_o_address_o_pol2_o, nothing, SOAP_VALIDITY_READ,
     "says that a profile is installed, with its POL2"},
    {33, SOAP_ES3, SOAP_UPDATE_POLICY_RULES, SOAP_SYNC, SOAP_SMDP, "UpdatePolicyRules", NULL,
     "ProfileManagement", eid_iccid_pol2_o, nothing, SOAP_VALIDITY_READ,
     "replaces POL2 of a profile"},
    {34, SOAP_ES3, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, SOAP_SYNC, SOAP_SMDP,
     "UpdateSubscriptionAddress", NULL, "ProfileManagement", eid_iccid_new_address, nothing,
     SOAP_VALIDITY_READ, "replaces IMSI and MSISDN of a profile"},
    {35, SOAP_ES3, SOAP_ENABLE_PROFILE, SOAP_ASYNC, SOAP_SMDP, "EnableProfile", NULL,
     "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "enables a profile, disables the one before"},
    {36, SOAP_ES3, SOAP_DISABLE_PROFILE, SOAP_ASYNC, SOAP_SMDP, "DisableProfile", NULL,
     "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "disables a profile, the fall-back profile takes over"},
    {37, SOAP_ES3, SOAP_DELETE_PROFILE, SOAP_ASYNC, SOAP_SMDP, "DeleteISDP", "DeleteProfile",
     "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "deletes a profile or the container of a failed download"},
    {38, SOAP_ES3, SOAP_UPDATE_CONNECTIVITY_PARAMETERS, SOAP_ASYNC, SOAP_SMDP,
     "UpdateConnectivityParameters", NULL, "ProfileManagement", eid_iccid_connectivity_parameters,
     euicc_response_data_o, SOAP_VALIDITY_CARD,
     "replaces the connectivity parameters of a profile"},
    {39, SOAP_ES3, SOAP_PROFILE_DISABLED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileDisabledNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0, "a profile was disabled"},
    {40, SOAP_ES3, SOAP_PROFILE_ENABLED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileEnabledNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0, "a profile was enabled"},
    {41, SOAP_ES3, SOAP_SMSR_CHANGED, SOAP_NOTIFICATION, SOAP_SMSR, "HandleSMSRChangeNotification",
     NULL, "eUICCManagement", eis_mno_id_o_completion_timestamp, NULL, 0,
     "the eUICC has another SM-SR"},
    {42, SOAP_ES3, SOAP_PROFILE_DELETED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileDeletedNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0, "a profile was deleted"},
    {43, SOAP_ES3, SOAP_SET_PLMA, SOAP_SYNC, SOAP_SMDP, "SetPLMA", NULL, "ProfileManagement",
     mno_id_plma, nothing, SOAP_VALIDITY_READ, "authorises an M2M SP for the profiles of a type"},
    {44, SOAP_ES3, SOAP_GET_PLMA, SOAP_SYNC, SOAP_SMDP, "GetPLMA", NULL, "ProfileManagement",
     mno_id_m2m_sp_id_o_profile_type_o, plmas_o, SOAP_VALIDITY_READ, "lists authorisations"},
    {45, SOAP_ES3, SOAP_PROFILE_DOWNLOADED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileDownloadedNotification", NULL, "ProfileManagement",
     eid_iccid_mno_id_o_profile_type_o_completion_timestamp, NULL, 0, "a profile was downloaded"},
    {46, SOAP_ES3, SOAP_PROFILE_POL2_UPDATED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfilePOL2UpdatedNotification", NULL, "ProfileManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0, "POL2 of a profile was replaced"},
    {47, SOAP_ES3, SOAP_PLMA_CHANGED, SOAP_NOTIFICATION, SOAP_SMSR, "HandlePLMAChangedNotification",
     "HandlePLMASettingNotification", "ProfileManagement", plma_mno_id_o_completion_timestamp, NULL,
     0, "an authorisation was given, changed or withdrawn"},
    {48, SOAP_ES3, SOAP_SET_ONC, SOAP_SYNC, SOAP_SMDP, "SetONC", NULL, "ProfileManagement",
     mno_id_onc, nothing, SOAP_VALIDITY_READ,
     "says which notifications the operator does not want"},
    {49, SOAP_ES3, SOAP_GET_ONC, SOAP_SYNC, SOAP_SMDP, "GetONC", NULL, "ProfileManagement",
     mno_id_profile_type_o, oncs_o, SOAP_VALIDITY_READ, "lists notification settings"},
    {50, SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, SOAP_ASYNC, SOAP_SMDP,
     "SetEmergencyProfileAttribute", NULL, "PlatformManagement", eid_iccid, euicc_response_data_o,
     SOAP_VALIDITY_CARD, "makes a profile the emergency profile"},
    {51, SOAP_ES3, SOAP_EMERGENCY_SET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleEmergencyProfileAttributeSetNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0, "a profile became the emergency profile"},
    {52, SOAP_ES3, SOAP_EMERGENCY_UNSET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleEmergencyProfileAttributeUnsetNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0,
     "a profile is no longer the emergency profile"},
    {53, SOAP_ES3, SOAP_SET_FALLBACK_ATTRIBUTE, SOAP_ASYNC, SOAP_SMDP, "SetFallBackAttribute", NULL,
     "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_CARD,
     "makes a profile the fall-back profile"},
    {54, SOAP_ES3, SOAP_FALLBACK_SET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleFallBackAttributeSetNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0, "a profile became the fall-back profile"},
    {55, SOAP_ES3, SOAP_FALLBACK_UNSET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleFallBackAttributeUnsetNotification", NULL, "PlatformManagement",
     eid_iccid_mno_id_o_completion_timestamp, NULL, 0,
     "a profile is no longer the fall-back profile"},
    {56, SOAP_ES4, SOAP_GET_EIS, SOAP_SYNC, SOAP_OPERATOR | SOAP_M2MSP, "GetEIS", NULL,
     "ProfileManagement", eid, eis_c, SOAP_VALIDITY_READ,
     "reads the information set, the caller's profiles only"},
    {57, SOAP_ES4, SOAP_UPDATE_POLICY_RULES, SOAP_SYNC, SOAP_OPERATOR, "UpdatePolicyRules", NULL,
     "ProfileManagement", eid_iccid_pol2_o, nothing, SOAP_VALIDITY_READ,
     "replaces POL2 of a profile"},
    {58, SOAP_ES4, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, SOAP_SYNC, SOAP_OPERATOR | SOAP_M2MSP,
     "UpdateSubscriptionAddress", NULL, "ProfileManagement", eid_iccid_new_address, nothing,
     SOAP_VALIDITY_READ, "replaces IMSI and MSISDN of a profile"},
    {59, SOAP_ES4, SOAP_AUDIT_EIS, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP, "AuditEIS", NULL,
     "ProfileManagement", eid_iccids_o, eis_c, SOAP_VALIDITY_CARD,
     "asks the eUICC itself, then reads the information set"},
    {60, SOAP_ES4, SOAP_ENABLE_PROFILE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP, "EnableProfile",
     NULL, "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "enables a profile, disables the one before"},
    {61, SOAP_ES4, SOAP_DISABLE_PROFILE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP, "DisableProfile",
     NULL, "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "disables a profile, the fall-back profile takes over"},
    {62, SOAP_ES4, SOAP_DELETE_PROFILE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP, "DeleteProfile",
     NULL, "PlatformManagement", eid_iccid, euicc_response_data_o, SOAP_VALIDITY_PLATFORM,
     "deletes a profile, disables it first when enabled"},
    {63, SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP,
     "PrepareSMSRChange", NULL, "eUICCManagement", eid_current_smsr_id, nothing,
     SOAP_VALIDITY_HANDOVER, "asks the new SM-SR to take over an eUICC"},
    {64, SOAP_ES4, SOAP_SMSR_CHANGE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP, "SMSRChange", NULL,
     "eUICCManagement", eid_target_smsr_id, nothing, SOAP_VALIDITY_HANDOVER,
     "asks the managing SM-SR to hand an eUICC over"},
    {65, SOAP_ES4, SOAP_PROFILE_DISABLED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileDisabledNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile was disabled"},
    {66, SOAP_ES4, SOAP_PROFILE_ENABLED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileEnabledNotification", NULL, "PlatformManagement", eid_iccid_completion_timestamp,
     NULL, 0, "a profile was enabled"},
    {67, SOAP_ES4, SOAP_SMSR_CHANGED, SOAP_NOTIFICATION, SOAP_SMSR, "HandleSMSRChangeNotification",
     NULL, "eUICCManagement", eis_completion_timestamp, NULL, 0, "the eUICC has another SM-SR"},
    {68, SOAP_ES4, SOAP_PROFILE_DELETED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileDeletedNotification", NULL, "PlatformManagement", eid_iccid_completion_timestamp,
     NULL, 0, "a profile was deleted"},
    {69, SOAP_ES4, SOAP_PROFILE_DOWNLOADED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfileDownloadedNotification", NULL, "ProfileManagement",
     eid_iccid_mno_id_o_profile_type_o_completion_timestamp, NULL, 0, "a profile was downloaded"},
    {70, SOAP_ES4, SOAP_PROFILE_POL2_UPDATED, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleProfilePOL2UpdatedNotification", NULL, "ProfileManagement",
     eid_iccid_completion_timestamp, NULL, 0, "POL2 of a profile was replaced"},
    {71, SOAP_ES4, SOAP_PLMA_CHANGED, SOAP_NOTIFICATION, SOAP_SMSR, "HandlePLMAChangedNotification",
     "HandlePLMASettingNotification", "ProfileManagement", plma_completion_timestamp, NULL, 0,
     "an authorisation was given, changed or withdrawn"},
    {72, SOAP_ES4, SOAP_GET_PLMA, SOAP_SYNC, SOAP_OPERATOR | SOAP_M2MSP, "GetPLMA", NULL,
     "ProfileManagement", mno_id_o_profile_type_o, plmas_o, SOAP_VALIDITY_READ,
     "lists the authorisations given to the caller"},
    {73, SOAP_ES4, SOAP_SET_EMERGENCY_ATTRIBUTE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP,
     "SetEmergencyProfileAttribute", NULL, "PlatformManagement", eid_iccid, euicc_response_data_o,
     SOAP_VALIDITY_CARD, "makes a profile the emergency profile"},
    {74, SOAP_ES4, SOAP_EMERGENCY_SET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleEmergencyProfileAttributeSetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile became the emergency profile"},
    {75, SOAP_ES4, SOAP_EMERGENCY_UNSET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleEmergencyProfileAttributeUnsetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile is no longer the emergency profile"},
    {76, SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, SOAP_ASYNC, SOAP_OPERATOR | SOAP_M2MSP,
     "SetFallBackAttribute", NULL, "PlatformManagement", eid_iccid, euicc_response_data_o,
     SOAP_VALIDITY_CARD, "makes a profile the fall-back profile"},
    {77, SOAP_ES4, SOAP_FALLBACK_SET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleFallBackAttributeSetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile became the fall-back profile"},
    {78, SOAP_ES4, SOAP_FALLBACK_UNSET, SOAP_NOTIFICATION, SOAP_SMSR,
     "HandleFallBackAttributeUnsetNotification", NULL, "PlatformManagement",
     eid_iccid_completion_timestamp, NULL, 0, "a profile is no longer the fall-back profile"},
    {79, SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, SOAP_ASYNC, SOAP_SMSR, "CreateAdditionalKeySet",
     NULL, "eUICCManagement", create_additional_key_set, derivation_random_o_receipt_c,
     SOAP_VALIDITY_HANDOVER, "the new SM-SR has its key set made on the eUICC"},
    {80, SOAP_ES7, SOAP_HANDOVER_EUICC, SOAP_ASYNC, SOAP_SMSR, "HandoverEUICC", NULL,
     "eUICCManagement", eis, nothing, SOAP_VALIDITY_HANDOVER,
     "the managing SM-SR hands an eUICC over"},
    {81, SOAP_ES7, SOAP_AUTHENTICATE_SMSR, SOAP_ASYNC, SOAP_SMSR, "AuthenticateSMSR", NULL,
     "eUICCManagement", eid_c_eis_c_smsr_certificate, random_challenge_c, SOAP_VALIDITY_HANDOVER,
     "the new SM-SR shows its certificate to the eUICC"},
    {82, SOAP_ES4A, SOAP_SET_PLMA, SOAP_SYNC, SOAP_OPERATOR, "SetPLMA", NULL, "ProfileManagement",
     plma, nothing, SOAP_VALIDITY_READ, "authorises an M2M SP for the profiles of a type"},
    {83, SOAP_ES4A, SOAP_GET_PLMA, SOAP_SYNC, SOAP_OPERATOR, "GetPLMA", NULL, "ProfileManagement",
     m2m_sp_id_o_profile_type_o, plmas_o, SOAP_VALIDITY_READ,
     "lists the authorisations that the caller gave"},
    {84, SOAP_ES4A, SOAP_SET_ONC, SOAP_SYNC, SOAP_OPERATOR, "SetONC", NULL, "ProfileManagement",
     onc, nothing, SOAP_VALIDITY_READ, "says which notifications the operator does not want"},
    {85, SOAP_ES4A, SOAP_GET_ONC, SOAP_SYNC, SOAP_OPERATOR, "GetONC", NULL, "ProfileManagement",
     profile_type_o, oncs_o, SOAP_VALIDITY_READ, "lists the caller's notification settings"},
};

/* ---- look-up -----------------------------------------------------------------------------------
 */

static const struct {
    enum soap_interface interface;
    const char *name;
} interfaces[] = {
    {SOAP_ES1, "ES1"}, {SOAP_ES2, "ES2"},   {SOAP_ES3, "ES3"},
    {SOAP_ES4, "ES4"}, {SOAP_ES4A, "ES4A"}, {SOAP_ES7, "ES7"},
};

const char *soap_interface_name(enum soap_interface interface)
{
    for (size_t i = 0; i < CR_COUNT(interfaces); i++) {
        if (interfaces[i].interface == interface) {
            return interfaces[i].name;
        }
    }
    return "?";
}

enum soap_interface soap_interface_from_name(cr_span name)
{
    for (size_t i = 0; i < CR_COUNT(interfaces); i++) {
        if (cr_span_equal_nocase(name, cr_span_str(interfaces[i].name))) {
            return interfaces[i].interface;
        }
    }
    return 0;
}

static const struct {
    enum soap_party party;
    const char *name;
} parties[] = {
    {SOAP_EUM, "eum"},   {SOAP_OPERATOR, "operator"}, {SOAP_SMDP, "smdp"},
    {SOAP_SMSR, "smsr"}, {SOAP_M2MSP, "m2m-sp"},
};

const char *soap_party_name(enum soap_party party)
{
    for (size_t i = 0; i < CR_COUNT(parties); i++) {
        if (parties[i].party == party) {
            return parties[i].name;
        }
    }
    return "?";
}

enum soap_party soap_party_from_name(cr_span name)
{
    for (size_t i = 0; i < CR_COUNT(parties); i++) {
        if (cr_span_equal_nocase(name, cr_span_str(parties[i].name))) {
            return parties[i].party;
        }
    }
    return 0;
}

const struct soap_function *soap_function(enum soap_interface interface, enum soap_name id)
{
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        if (soap_functions[i].interface == interface && soap_functions[i].id == id) {
            return &soap_functions[i];
        }
    }
    return NULL;
}

/* "HandleProfileEnabledNotification" is also found as "ProfileEnabled". */
static bool same_name(const char *full, cr_span name)
{
    static const char handle[] = "Handle", notification[] = "Notification";
    cr_span whole = cr_span_str(full);
    const size_t front = sizeof handle - 1, back = sizeof notification - 1;
    if (cr_span_equal_nocase(whole, name)) {
        return true;
    }
    return whole.n > front + back && memcmp(full, handle, front) == 0 &&
           cr_span_equal_nocase(cr_span_sub(whole, front, whole.n - front - back), name);
}

const struct soap_function *soap_function_named(enum soap_interface interface, cr_span name)
{
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        if (f->interface == interface &&
            (same_name(f->name, name) || (f->alias && same_name(f->alias, name)))) {
            return f;
        }
    }
    return NULL;
}

char *soap_message_name(char out[SOAP_MAX_NAME], const struct soap_function *function,
                        enum soap_message_kind kind)
{
    const char *tail = kind == SOAP_REQUEST ? "Request" : kind == SOAP_RESPONSE ? "Response" : "";
    (void)snprintf(out, SOAP_MAX_NAME, "%s-%s%s", soap_interface_name(function->interface),
                   function->name, tail);
    return out;
}

void soap_message_uses(const struct soap_function *function, enum soap_message_kind kind,
                       struct soap_use uses[SOAP_MAX_USES], size_t *count)
{
    static const struct soap_use request_base[] = {
        {SOAP_EL_FUNCTION_CALL_IDENTIFIER, SOAP_M}, {SOAP_EL_VALIDITY_PERIOD, SOAP_O}, {0, 0}};
    static const struct soap_use response_base[] = {{SOAP_EL_PROCESSING_START, SOAP_O},
                                                    {SOAP_EL_PROCESSING_END, SOAP_O},
                                                    {SOAP_EL_ACCEPTABLE_VALIDITY_PERIOD, SOAP_O},
                                                    {SOAP_EL_STATUS, SOAP_M},
                                                    {0, 0}};
    const struct soap_use *parts[2] = {nothing, function->request};
    if (kind == SOAP_REQUEST) {
        parts[0] = request_base;
    } else if (kind == SOAP_RESPONSE) {
        parts[0] = response_base;
        parts[1] = function->response ? function->response : nothing;
    }
    size_t n = 0;
    for (size_t p = 0; p < CR_COUNT(parts); p++) {
        for (const struct soap_use *u = parts[p]; u->element != SOAP_EL_END && n < SOAP_MAX_USES;
             u++) {
            uses[n++] = *u;
        }
    }
    *count = n;
}
