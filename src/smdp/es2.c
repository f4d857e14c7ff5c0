/*
 * ES2 and ES3 as an SM-DP offers them: the table of handlers, and DownloadProfile, which makes a
 * job (SGP.02 5.3.2).
 */
#include "smdp/core.h"

static cr_status pick_by_iccid(struct m2m_call *call, cr_span iccid, struct smdp_profile *out,
                               struct cr_err *err)
{
    bool found = false;
    char *digits = cr_arena_strn(call->arena, iccid);
    if (!digits) {
        return cr_fail_memory(err);
    }
    CR_TRY(smdp_profile_find(call->tx, digits, call->arena, out, &found, err));
    if (!found) {
        return cr_refuse(err, "8.2.1", "3.9", "SGP.02 5.3.2", "no Profile %s is prepared here",
                         digits);
    }
    if (out->owner[0] && strcmp(out->owner, call->caller->oid) != 0) {
        return cr_refuse(err, "8.2.1", "1.2", "SGP.02 5.3.2", "Profile %s is another operator's",
                         digits);
    }
    if (out->state != SMDP_AVAILABLE) {
        return cr_refuse(err, "8.2.1", "3.3", "SGP.02 5.3.2", "Profile %s is %s", digits,
                         smdp_state_name(out->state));
    }
    return CR_OK;
}

static cr_status pick_by_type(struct m2m_call *call, cr_span type, struct smdp_profile *out,
                              struct cr_err *err)
{
    bool found = false, known = false;
    char *name = cr_arena_strn(call->arena, type);
    if (!name) {
        return cr_fail_memory(err);
    }
    CR_TRY(smdp_profile_pick(call->tx, name, call->caller->oid, call->arena, out, &found, &known,
                             err));
    if (!known) {
        return cr_refuse(err, "8.2.5", "3.9", "SGP.02 5.3.2", "no Profile type '%s' is known here",
                         name);
    }
    return found ? CR_OK
                 : cr_refuse(err, "8.2.5", "3.7", "SGP.02 5.3.2", "no Profile of type '%s' is left",
                             name);
}

static cr_status pick(struct m2m_call *call, const struct soap_body *request,
                      struct smdp_profile *out, struct cr_err *err)
{
    if (!request->iccid.p) {
        return request->profile_type.p ? pick_by_type(call, request->profile_type, out, err)
                                       : cr_refuse(err, "1.6", "2.3", "SGP.02 5.3.2",
                                                   "neither Iccid nor ProfileType is given");
    }
    CR_TRY(pick_by_iccid(call, request->iccid, out, err));
    if (request->profile_type.p && !cr_span_equal(request->profile_type, cr_span_str(out->type))) {
        return cr_refuse(err, "8.2.5", "2.1", "SGP.02 5.3.2", "Profile %s is of type '%s'",
                         out->iccid, out->type);
    }
    return CR_OK;
}

cr_status smdp_download_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                struct soap_body *response, struct cr_err *err)
{
    struct smdp *dp = ctx;
    struct smdp_profile profile;
    const struct m2m_party *smsr = NULL;
    (void)response;
    CR_TRY(smdp_find_smsr(dp, request->smsr_id, &smsr, err));
    CR_TRY(pick(call, request, &profile, err));
    struct smdp_job job = {.step = SMDP_STEP_QUEUED,
                           .function = call->function->number,
                           .exchange = call->id,
                           .requester = call->caller->oid,
                           .smsr = smsr->oid,
                           .eid = request->eid,
                           .iccid = profile.iccid,
                           .by_type = !request->iccid.p,
                           .enable = request->has_enable_profile && request->enable_profile,
                           .deadline_ms = call->deadline_ms,
                           .clean = true,
                           .created_ms = call->now_ms};
    CR_TRY(smdp_job_add(call->tx, &job, err));
    profile.eid = request->eid;
    profile.job = job.id;
    profile.last_error = NULL;
    CR_TRY(smdp_profile_move(call->tx, &profile, SMDP_MOVE_RESERVE, call->now_ms, err));
    call->later = true;
    return smdp_job_start_next(dp, call->tx, request->eid, call->now_ms, err);
}

const struct m2m_row smdp_functions[] = {
    {SOAP_ES2, SOAP_DOWNLOAD_PROFILE, smdp_download_profile},
    {SOAP_ES2, SOAP_GET_EIS, smdp_relay},
    {SOAP_ES2, SOAP_AUDIT_EIS, smdp_relay},
    {SOAP_ES2, SOAP_UPDATE_POLICY_RULES, smdp_relay},
    {SOAP_ES2, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, smdp_relay},
    {SOAP_ES2, SOAP_ENABLE_PROFILE, smdp_relay},
    {SOAP_ES2, SOAP_DISABLE_PROFILE, smdp_relay},
    {SOAP_ES2, SOAP_DELETE_PROFILE, smdp_relay},
    {SOAP_ES2, SOAP_SET_FALLBACK_ATTRIBUTE, smdp_relay},
    {SOAP_ES2, SOAP_SET_EMERGENCY_ATTRIBUTE, smdp_relay},
    {SOAP_ES2, SOAP_SET_PLMA, smdp_relay},
    {SOAP_ES2, SOAP_GET_PLMA, smdp_relay},
    {SOAP_ES2, SOAP_SET_ONC, smdp_relay},
    {SOAP_ES2, SOAP_GET_ONC, smdp_relay},
    {SOAP_ES3, SOAP_PROFILE_DISABLED, smdp_notice},
    {SOAP_ES3, SOAP_PROFILE_ENABLED, smdp_notice},
    {SOAP_ES3, SOAP_SMSR_CHANGED, smdp_notice},
    {SOAP_ES3, SOAP_PROFILE_DELETED, smdp_notice},
    {SOAP_ES3, SOAP_PROFILE_DOWNLOADED, smdp_notice},
    {SOAP_ES3, SOAP_PROFILE_POL2_UPDATED, smdp_notice},
    {SOAP_ES3, SOAP_PLMA_CHANGED, smdp_notice},
    {SOAP_ES3, SOAP_EMERGENCY_SET, smdp_notice},
    {SOAP_ES3, SOAP_EMERGENCY_UNSET, smdp_notice},
    {SOAP_ES3, SOAP_FALLBACK_SET, smdp_notice},
    {SOAP_ES3, SOAP_FALLBACK_UNSET, smdp_notice},
    {0, 0, NULL},
};
