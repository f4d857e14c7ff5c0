/*
 * What changes in the EIS alone: POL2 and the subscription address (SGP.02 5.4.6, 5.4.7, 5.5.3,
 * 5.5.4).
 */
#include "smsr/admission.h"
#include "smsr/fanout.h"
#include "smsr/handlers.h"

cr_status smsr_update_policy(void *ctx, struct m2m_call *call, const struct soap_body *request,
                             struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    struct smsr_profile profile;
    (void)response;
    CR_TRY(smsr_admit(sr, call, request, &euicc, &profile, err));
    CR_TRY(smsr_admit_installed(&profile, err));
    CR_TRY(smsr_pol2_read(&request->pol2, &profile.pol2, err)); /* absent = no rule */
    CR_TRY(smsr_profile_put(call->tx, &profile, err));
    const struct smsr_news news = {.name = SOAP_PROFILE_POL2_UPDATED,
                                   .profile = &profile,
                                   .requester = call->caller->oid,
                                   .by_smdp = call->function->interface == SOAP_ES3};
    return smsr_fan_out(sr, call->tx, &news, err);
}

cr_status smsr_update_address(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    struct smsr_euicc euicc;
    struct smsr_profile profile;
    (void)response;
    CR_TRY(smsr_admit(ctx, call, request, &euicc, &profile, err));
    CR_TRY(smsr_admit_installed(&profile, err));
    if (!request->address.imsi.p && !request->address.msisdn.p) {
        return cr_refuse(err, "8.2.6", "2.1", "SGP.02 5.4.7", "the new address is empty");
    }
    CR_TRY(smsr_text(request->address.imsi, call->arena, &profile.imsi, err));
    CR_TRY(smsr_text(request->address.msisdn, call->arena, &profile.msisdn, err));
    return smsr_profile_put(call->tx, &profile, err);
}
