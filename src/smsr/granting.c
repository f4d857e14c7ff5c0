/*
 * SetPLMA, GetPLMA, SetONC, GetONC (SGP.02 3.20, 3.22): on ES4A by the operator, on ES3 by an SM-DP
 * for it; on ES4 a grantee reads what it was given.
 */
#include "smsr/admission.h"
#include "smsr/fanout.h"
#include "smsr/handlers.h"

/* The operator in whose name the call is made: the caller, or on ES3 Mno-id, which the SM-DP has to
 * act for. */
static cr_status operator_of(struct smsr *sr, struct m2m_call *call,
                             const struct soap_body *request, cr_span *out, struct cr_err *err)
{
    bool acts;
    *out = cr_span_str(call->caller->oid);
    if (call->function->interface != SOAP_ES3) {
        return CR_OK;
    }
    *out = request->mno_id;
    CR_TRY(smsr_acts_for(sr, call->tx, call->caller->oid, request->mno_id, &acts, err));
    return acts ? CR_OK
                : cr_refuse(err, "1.6", "1.2", "SGP.02 3.20",
                            "this SM-DP does not act for that operator");
}

static cr_status check_owner(cr_span operator_id, cr_span mno_id, struct cr_err *err)
{
    return cr_span_equal(operator_id, mno_id)
               ? CR_OK
               : cr_err_field(
                     err, cr_refuse(err, "1.6", "1.2", "SGP.02 3.20", "Mno-id is another operator"),
                     "Mno-id");
}

/* The arena of the call outlives the messages that are put out of it. */
cr_status smsr_set_plma(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    const struct soap_plma *plma = &request->plma;
    cr_span operator_id;
    (void)response;
    CR_TRY(operator_of(sr, call, request, &operator_id, err));
    CR_TRY(check_owner(operator_id, plma->mno_id, err));
    const struct m2m_party *grantee = m2m_party_by_oid(sr->parties, plma->m2m_sp_id);
    if (!grantee || !(grantee->roles & (SOAP_M2MSP | SOAP_OPERATOR))) {
        return cr_refuse(err, "8.10", "3.9", "SGP.02 3.20", "no M2M SP of this OID is known here");
    }
    if (cr_span_equal(plma->m2m_sp_id, plma->mno_id)) {
        return cr_refuse(err, "8.11", "2.1", "SGP.02 3.20", "an owner needs no PLMA");
    }
    CR_TRY(smsr_plma_put(call->tx, plma, err));
    return smsr_fan_out_plma(sr, call->tx, plma, err);
}

cr_status smsr_get_plma(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    struct smsr_plma_filter filter = {.type = request->profile_type};
    struct smsr_plmas found;
    if (call->function->interface == SOAP_ES4) {
        filter.grantee = cr_span_str(call->caller->oid);
        filter.owner = request->mno_id;
    } else {
        CR_TRY(operator_of(ctx, call, request, &filter.owner, err));
        filter.grantee = request->m2m_sp_id;
    }
    CR_TRY(smsr_plma_list(call->tx, &filter, call->arena, &found, err));
    response->plmas.items = found.items;
    response->plmas.count = found.count;
    return CR_OK;
}

static cr_status supported(const struct smsr *sr, struct cr_err *err)
{
    return sr->policy.no_onc ? cr_refuse(err, "8.12", "3.1", "SGP.02 3.22", "ONC is not supported")
                             : CR_OK;
}

cr_status smsr_set_onc(void *ctx, struct m2m_call *call, const struct soap_body *request,
                       struct soap_body *response, struct cr_err *err)
{
    cr_span operator_id;
    (void)response;
    CR_TRY(supported(ctx, err));
    CR_TRY(operator_of(ctx, call, request, &operator_id, err));
    CR_TRY(check_owner(operator_id, request->onc.mno_id, err));
    return smsr_onc_put(call->tx, &request->onc, err);
}

cr_status smsr_get_onc(void *ctx, struct m2m_call *call, const struct soap_body *request,
                       struct soap_body *response, struct cr_err *err)
{
    cr_span operator_id;
    struct smsr_oncs found;
    CR_TRY(supported(ctx, err));
    CR_TRY(operator_of(ctx, call, request, &operator_id, err));
    CR_TRY(smsr_onc_list(call->tx, operator_id, request->profile_type, call->arena, &found, err));
    response->oncs.items = found.items;
    response->oncs.count = found.count;
    return CR_OK;
}
