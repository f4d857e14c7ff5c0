/*
 * SM-SR change (SGP.02 3.8): who may ask for it and what is refused. The hand-over itself is not
 * carried out yet, so none is ever under way: the functions of ES7 are answered accordingly.
 */
#include "smsr/admission.h"
#include "smsr/engine.h"
#include "smsr/handlers.h"

static cr_status not_yet(struct cr_err *err)
{
    return cr_refuse(err, "1.6", "3.1", "SGP.02 3.8", "this SM-SR does not hand eUICCs over yet");
}

/* An Operator; an M2M SP where the policy says so. */
static cr_status may_initiate(const struct smsr *sr, const struct m2m_call *call,
                              struct cr_err *err)
{
    return (call->caller->roles & SOAP_OPERATOR) || sr->policy.allow_m2msp_change
               ? CR_OK
               : cr_refuse(err, "1.6", "1.2", "SGP.02 3.8", "only an operator may ask for it");
}

static cr_status known_smsr(const struct smsr *sr, cr_span oid, struct cr_err *err)
{
    const struct m2m_party *peer = m2m_party_by_oid(sr->parties, oid);
    return peer && (peer->roles & SOAP_SMSR) && m2m_party_url(peer, SOAP_ES7)
               ? CR_OK
               : cr_refuse(err, "8.7", "3.9", "SGP.02 3.8",
                           "that SM-SR is not known here, or cannot be called");
}

/* Called on the new SM-SR. */
cr_status smsr_prepare_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    struct cr_err unknown = {0};
    (void)response;
    CR_TRY(may_initiate(sr, call, err));
    cr_status status = smsr_euicc_get(call->tx, request->eid, call->arena, &euicc, &unknown);
    if (status == CR_OK) {
        return cr_refuse(err, "8.1.1", "3.3", "SGP.02 3.8", "the eUICC is managed here already");
    }
    if (status != CR_REFUSED) {
        return cr_fail(err, status, NULL, "%s", unknown.cause);
    }
    CR_TRY(known_smsr(sr, request->smsr_id, err));
    return not_yet(err);
}

/* The initiator has something on the eUICC: it owns a Profile there. */
static cr_status owns_one(struct m2m_call *call, cr_span eid, struct cr_err *err)
{
    struct smsr_profiles all;
    CR_TRY(smsr_profile_list(call->tx, eid, call->arena, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        if (smsr_same(all.items[i].mno_id, call->caller->oid)) {
            return CR_OK;
        }
    }
    return cr_refuse(err, "8.1", "1.2", "SGP.02 3.8", "%s has no Profile on this eUICC",
                     call->caller->name);
}

/* Called on the managing SM-SR. */
cr_status smsr_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                      struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    bool holds;
    (void)response;
    CR_TRY(may_initiate(sr, call, err));
    CR_TRY(smsr_admit_euicc(call, request->eid, &euicc, err));
    if (call->caller->roles & SOAP_OPERATOR) {
        CR_TRY(owns_one(call, request->eid, err));
    }
    CR_TRY(known_smsr(sr, request->smsr_id, err));
    CR_TRY(smsr_run_admit(call->tx, &euicc, SMSR_PROC_ADDRESSING, &holds, err));
    return not_yet(err);
}

cr_status smsr_handover(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    (void)ctx;
    (void)call;
    (void)request;
    (void)response;
    return cr_refuse(err, "8.1.1", "1.1", "SGP.02 3.8", "nobody prepared this SM-SR change");
}

/* The eUICC is ours, and no hand-over of it is under way. */
static cr_status not_under_way(struct m2m_call *call, cr_span eid, struct cr_err *err)
{
    struct smsr_euicc euicc;
    CR_TRY(smsr_euicc_get(call->tx, eid, call->arena, &euicc, err));
    return cr_refuse(err, "1.6", "1.2", "SGP.02 3.8", "the eUICC is not being handed over");
}

cr_status smsr_authenticate(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err)
{
    const cr_span eid = request->eid.p ? request->eid : request->eis.signed_info.eid;
    (void)ctx;
    (void)response;
    return eid.p ? not_under_way(call, eid, err)
                 : cr_refuse(err, "1.6", "2.3", "SGP.02 5.6.3", "neither Eid nor Eis is there");
}

cr_status smsr_create_key_set(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    (void)ctx;
    (void)response;
    return not_under_way(call, request->eid, err);
}
