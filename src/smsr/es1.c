/*
 * ES1: the EUM registers eUICCs and keeps their additional properties (SGP.02 5.2).
 */
#include "smsr/core.h"
#include "smsr/eis.h"
#include "smsr/handlers.h"

cr_status smsr_register_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err)
{
    (void)response;
    return smsr_eis_take(ctx, call->tx, call->caller, &request->eis, true, call->arena, err);
}

cr_status smsr_update_properties(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                 struct soap_body *response, struct cr_err *err)
{
    struct smsr_euicc euicc;
    (void)ctx;
    (void)response;
    CR_TRY(smsr_euicc_get(call->tx, request->eid, call->arena, &euicc, err));
    if (!smsr_same(euicc.eum_id, call->caller->oid)) {
        return cr_refuse(err, "8.1.1", "1.2", "SGP.02 5.2.2", "another EUM made this eUICC");
    }
    if (euicc.handover) {
        return cr_refuse(err, "1.2", "4.4", "SGP.02 3.8", "the eUICC is being handed over");
    }
    return smsr_properties_put(call->tx, request->eid, &request->properties, err);
}
