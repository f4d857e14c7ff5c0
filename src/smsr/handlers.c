#include "smsr/handlers.h"

/* Who may call is in the table of functions (soap/functions.h); whose Profile, in rights.h. */
const struct m2m_row smsr_rows[] = {
    {SOAP_ES1, SOAP_REGISTER_EIS, smsr_register_eis},
    {SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES, smsr_update_properties},

    {SOAP_ES3, SOAP_GET_EIS, smsr_get_eis},
    {SOAP_ES3, SOAP_AUDIT_EIS, smsr_audit_eis},
    {SOAP_ES3, SOAP_CREATE_ISDP, smsr_create_isdp},
    {SOAP_ES3, SOAP_SEND_DATA, smsr_send_data},
    {SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, smsr_download_completed},
    {SOAP_ES3, SOAP_UPDATE_POLICY_RULES, smsr_update_policy},
    {SOAP_ES3, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, smsr_update_address},
    {SOAP_ES3, SOAP_ENABLE_PROFILE, smsr_enable_profile},
    {SOAP_ES3, SOAP_DISABLE_PROFILE, smsr_disable_profile},
    {SOAP_ES3, SOAP_DELETE_PROFILE, smsr_delete_profile},
    {SOAP_ES3, SOAP_UPDATE_CONNECTIVITY_PARAMETERS, smsr_update_connectivity},
    {SOAP_ES3, SOAP_SET_PLMA, smsr_set_plma},
    {SOAP_ES3, SOAP_GET_PLMA, smsr_get_plma},
    {SOAP_ES3, SOAP_SET_ONC, smsr_set_onc},
    {SOAP_ES3, SOAP_GET_ONC, smsr_get_onc},
    {SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, smsr_set_emergency},
    {SOAP_ES3, SOAP_SET_FALLBACK_ATTRIBUTE, smsr_set_fallback},

    {SOAP_ES4, SOAP_GET_EIS, smsr_get_eis},
    {SOAP_ES4, SOAP_UPDATE_POLICY_RULES, smsr_update_policy},
    {SOAP_ES4, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, smsr_update_address},
    {SOAP_ES4, SOAP_AUDIT_EIS, smsr_audit_eis},
    {SOAP_ES4, SOAP_ENABLE_PROFILE, smsr_enable_profile},
    {SOAP_ES4, SOAP_DISABLE_PROFILE, smsr_disable_profile},
    {SOAP_ES4, SOAP_DELETE_PROFILE, smsr_delete_profile},
    {SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, smsr_prepare_change},
    {SOAP_ES4, SOAP_SMSR_CHANGE, smsr_change},
    {SOAP_ES4, SOAP_GET_PLMA, smsr_get_plma},
    {SOAP_ES4, SOAP_SET_EMERGENCY_ATTRIBUTE, smsr_set_emergency},
    {SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, smsr_set_fallback},

    {SOAP_ES4A, SOAP_SET_PLMA, smsr_set_plma},
    {SOAP_ES4A, SOAP_GET_PLMA, smsr_get_plma},
    {SOAP_ES4A, SOAP_SET_ONC, smsr_set_onc},
    {SOAP_ES4A, SOAP_GET_ONC, smsr_get_onc},

    /* Asked again with an EIS that may be newer. */
    {SOAP_ES7, SOAP_HANDOVER_EUICC, smsr_handover, .knows_repeats = true},
    {SOAP_ES7, SOAP_AUTHENTICATE_SMSR, smsr_authenticate},
    {SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, smsr_create_key_set},
    {0, 0, NULL},
};
