/*
 * GetEIS and AuditEIS (SGP.02 5.4.1, 5.4.2, 5.5.2, 5.5.5): the caller's part of the EIS.
 */
#include "smsr/admission.h"
#include "smsr/handlers.h"
#include "smsr/procedure.h"

/* An SM-DP that is about to download has no Profile there yet. On ES4 the caller owns a Profile of
 * the eUICC, or was granted the function for one. */
static cr_status check_relation(struct smsr *sr, struct m2m_call *call, cr_span eid,
                                struct cr_err *err)
{
    struct smsr_profiles all;
    struct cr_err why = {0};
    if (call->function->interface == SOAP_ES3) {
        return CR_OK;
    }
    CR_TRY(smsr_profile_list(call->tx, eid, call->arena, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        struct smsr_claim claim;
        CR_TRY(smsr_claim_of(sr, call, &all.items[i], &claim, err));
        if (all.items[i].state != SMSR_IN_CREATION && smsr_rights_check(&claim, &why) == CR_OK) {
            return CR_OK;
        }
    }
    if (!(call->caller->roles & SOAP_OPERATOR)) {
        return cr_refuse(err, "8.11", "3.9", "SGP.02 3.20", "no operator there gave a PLMA for it");
    }
    return cr_refuse(err, "1.6", "1.2", "SGP.02 5.7", "%s has no Profile on this eUICC",
                     call->caller->name);
}

cr_status smsr_get_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                       struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    const bool smdp = call->function->interface == SOAP_ES3;
    CR_TRY(smsr_admit_euicc(call, request->eid, &euicc, err));
    CR_TRY(check_relation(sr, call, request->eid, err));
    response->has_eis = true;
    return smsr_eis_show(sr, call->tx, &euicc, smdp ? SMSR_VIEW_SMDP : SMSR_VIEW_OPERATOR,
                         call->caller->oid, call->arena, &response->eis, err);
}

/* Those that are named have to be the caller's. */
static cr_status check_named(struct smsr *sr, struct m2m_call *call,
                             const struct soap_body *request, struct cr_err *err)
{
    for (size_t i = 0; i < request->iccids.count; i++) {
        struct soap_body one = *request;
        struct smsr_euicc euicc;
        struct smsr_profile profile;
        one.iccid = request->iccids.items[i];
        CR_TRY(smsr_admit(sr, call, &one, &euicc, &profile, err));
    }
    return CR_OK;
}

cr_status smsr_audit_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                         struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    (void)response;
    CR_TRY(smsr_admit_euicc(call, request->eid, &euicc, err));
    CR_TRY(check_relation(sr, call, request->eid, err));
    CR_TRY(check_named(sr, call, request, err));
    const struct smsr_procedure what = {.kind = SMSR_PROC_AUDIT, .eid = request->eid};
    return smsr_procedure_start(sr, call, &what, err);
}
