#include "smsr/rights.h"

#include "smsr/core.h"

const struct smsr_right smsr_rights[] = {
    {SOAP_GET_EIS, true, true, true},
    {SOAP_AUDIT_EIS, true, true, true},
    {SOAP_SEND_DATA, false, true, false},
    {SOAP_PROFILE_DOWNLOAD_COMPLETED, false, true, false},
    {SOAP_UPDATE_CONNECTIVITY_PARAMETERS, false, true, false},
    {SOAP_UPDATE_POLICY_RULES, true, true, false},
    {SOAP_UPDATE_SUBSCRIPTION_ADDRESS, true, true, true},
    {SOAP_ENABLE_PROFILE, true, true, true},
    {SOAP_DISABLE_PROFILE, true, true, true},
    {SOAP_DELETE_PROFILE, true, true, true},
    {SOAP_SET_FALLBACK_ATTRIBUTE, true, true, true},
    {SOAP_SET_EMERGENCY_ATTRIBUTE, true, true, true},
    {0, false, false, false},
};

static const struct smsr_right *right_of(enum soap_name name)
{
    const struct smsr_right *r = smsr_rights;
    while (r->name && r->name != name) {
        r++;
    }
    return r;
}

/* Why somebody else than the owner may not. */
static cr_status no_grant(const struct smsr_claim *claim, struct cr_err *err)
{
    if (claim->has_plma) {
        return cr_refuse(err, "1.6", "1.2", "SGP.02 3.20", "the PLMA of %s does not say this",
                         claim->owner);
    }
    if (!(claim->roles & SOAP_OPERATOR)) {
        return cr_refuse(err, "8.11", "3.9", "SGP.02 3.20", "there is no PLMA of %s", claim->owner);
    }
    return cr_refuse(err, "8.2.1", "1.2", "SGP.02 5.7", "the Profile is another operator's");
}

cr_status smsr_rights_check(const struct smsr_claim *claim, struct cr_err *err)
{
    const struct smsr_right *right = right_of(claim->name);
    if (claim->interface == SOAP_ES3) {
        if (right->smdp && (smsr_same(claim->smdp, claim->caller) || claim->relay)) {
            return CR_OK;
        }
        return cr_refuse(err, "8.2.1", "1.2", "SGP.02 5.7", "another SM-DP manages the Profile");
    }
    const bool owner = smsr_same(claim->owner, claim->caller);
    if (owner && right->owner) {
        return CR_OK;
    }
    if (!right->grant) {
        /* On ES4 that is UpdatePolicyRules alone: never by PLMA. */
        return owner || !claim->has_plma
                   ? no_grant(claim, err)
                   : cr_refuse(err, "1.6", "1.2", "SGP.02 3.20", "this can be granted to nobody");
    }
    return claim->granted & smsr_grant_of(claim->name) ? CR_OK : no_grant(claim, err);
}

cr_status smsr_rights_consent(const struct smsr_claim *holder, smsr_grant consent,
                              struct cr_err *err)
{
    if (smsr_same(holder->owner, holder->caller) || (holder->granted & consent)) {
        return CR_OK;
    }
    return no_grant(holder, err);
}
