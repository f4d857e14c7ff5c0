/*
 * Functions of ES2 that an SM-DP passes on to the SM-SR as functions of ES3 (SGP.02 5.3, 5.4): who
 * may ask is decided here, what comes of it there, and goes back as it comes.
 */
#include "smdp/core.h"

enum need {
    OWN_PROFILE = 1 << 0,  /* Iccid is a Profile of the caller that we loaded onto that chip */
    OWN_PROFILES = 1 << 1, /* the same for each of a list */
    OWN_PLMA = 1 << 2,     /* Plma/Mno-id is the caller */
    OWN_ONC = 1 << 3,
    DELETES = 1 << 4
};

static const struct row {
    enum soap_name name;
    unsigned needs;
} rows[] = {
    {SOAP_GET_EIS, 0},
    {SOAP_AUDIT_EIS, OWN_PROFILES},
    {SOAP_UPDATE_POLICY_RULES, OWN_PROFILE},
    {SOAP_UPDATE_SUBSCRIPTION_ADDRESS, OWN_PROFILE},
    {SOAP_ENABLE_PROFILE, OWN_PROFILE},
    {SOAP_DISABLE_PROFILE, OWN_PROFILE},
    {SOAP_DELETE_PROFILE, OWN_PROFILE | DELETES},
    {SOAP_SET_FALLBACK_ATTRIBUTE, OWN_PROFILE},
    {SOAP_SET_EMERGENCY_ATTRIBUTE, OWN_PROFILE},
    {SOAP_SET_PLMA, OWN_PLMA},
    {SOAP_GET_PLMA, 0},
    {SOAP_SET_ONC, OWN_ONC},
    {SOAP_GET_ONC, 0},
};

static unsigned needs_of(enum soap_name name)
{
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (rows[i].name == name) {
            return rows[i].needs;
        }
    }
    return 0;
}

/* ---- who may -----------------------------------------------------------------------------------
 */

static cr_status check_profile(struct m2m_call *call, cr_span eid, cr_span iccid, const char **kept,
                               struct cr_err *err)
{
    struct smdp_profile p;
    bool found = false;
    char *digits = cr_arena_strn(call->arena, iccid);
    if (!digits) {
        return cr_fail_memory(err);
    }
    CR_TRY(smdp_profile_find(call->tx, digits, call->arena, &p, &found, err));
    if (!found || !p.eid.p || !cr_span_equal(p.eid, eid)) {
        return cr_refuse(err, "8.2.1", "3.9", "SGP.02 5.3",
                         "this SM-DP has loaded no Profile %s onto that eUICC", digits);
    }
    if (strcmp(p.owner, call->caller->oid) != 0) {
        return cr_refuse(err, "8.2.1", "1.2", "SGP.02 5.3", "Profile %s is another operator's",
                         digits);
    }
    *kept = p.iccid;
    return CR_OK;
}

static cr_status check_owner(const struct m2m_call *call, cr_span mno_id, const char *subject,
                             const char *what, struct cr_err *err)
{
    return cr_span_equal(mno_id, cr_span_str(call->caller->oid))
               ? CR_OK
               : cr_refuse(err, subject, "2.1", "SGP.02 5.3", "the Mno-id of %s is not the caller",
                           what);
}

static cr_status check_needs(struct m2m_call *call, unsigned needs, const struct soap_body *request,
                             const char **iccid, struct cr_err *err)
{
    const char *ignored = NULL;
    if (needs & OWN_PROFILE) {
        CR_TRY(check_profile(call, request->eid, request->iccid, iccid, err));
    }
    for (size_t i = 0; needs & OWN_PROFILES && i < request->iccids.count; i++) {
        CR_TRY(check_profile(call, request->eid, request->iccids.items[i], &ignored, err));
    }
    if (needs & OWN_PLMA) {
        CR_TRY(check_owner(call, request->plma.mno_id, "8.11", "PLMA", err));
    }
    return needs & OWN_ONC ? check_owner(call, request->onc.mno_id, "8.12", "ONC", err) : CR_OK;
}

/* ---- the way there -----------------------------------------------------------------------------
 */

cr_status smdp_relay(void *ctx, struct m2m_call *call, const struct soap_body *request,
                     struct soap_body *response, struct cr_err *err)
{
    struct smdp *dp = ctx;
    const struct m2m_party *smsr = NULL;
    enum soap_name name = (enum soap_name)call->function->id;
    unsigned needs = needs_of(name);
    const char *iccid = NULL;
    (void)response;
    CR_TRY(smdp_find_smsr(dp, request->smsr_id, &smsr, err));
    CR_TRY(check_needs(call, needs, request, &iccid, err));
    struct smdp_job job = {.step = SMDP_STEP_RELAYING,
                           .function = call->function->number,
                           .exchange = call->id,
                           .requester = call->caller->oid,
                           .smsr = smsr->oid,
                           .eid = request->eid,
                           .iccid = iccid,
                           .deadline_ms = call->deadline_ms,
                           .deleting = (needs & DELETES) != 0,
                           .created_ms = call->now_ms};
    CR_TRY(smdp_job_add(call->tx, &job, err));
    struct smdp_run run = {
        .dp = dp, .tx = call->tx, .job = &job, .arena = call->arena, .now_ms = call->now_ms};
    /* The rows of the function on ES3 take what they know of it. */
    struct soap_body body = *request;
    body.function_call_identifier = (cr_span){0};
    body.mno_id = cr_span_str(call->caller->oid);
    CR_TRY(smdp_job_ask(&run, name, &body, smdp_job_time(&run), err));
    CR_TRY(smdp_job_save(call->tx, &job, call->now_ms, err));
    call->later = true;
    return CR_OK;
}

/* ---- the way back ------------------------------------------------------------------------------
 */

/* An operator sees its own Profiles, and nothing of what only SM-DPs need (SGP.02 annex E). */
static cr_status show_eis(struct smdp_run *run, struct soap_eis *eis, struct cr_err *err)
{
    struct soap_profile_info *own =
        cr_arena_alloc_array(run->arena, eis->profiles.count, sizeof *own);
    size_t count = 0;
    if (!own) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < eis->profiles.count; i++) {
        if (cr_span_equal(eis->profiles.items[i].mno_id, cr_span_str(run->job->requester))) {
            own[count++] = eis->profiles.items[i];
        }
    }
    eis->profiles.items = own;
    eis->profiles.count = count;
    eis->signed_info.raw = (cr_span){0};
    eis->signed_info.isdp_loadfile_aid = eis->signed_info.isdp_module_aid = (cr_span){0};
    eis->signed_info.has_ecasd = false;
    eis->has_isdr = eis->has_audit_trail = eis->has_last_audit = false;
    return CR_OK;
}

cr_status smdp_relay_answer(struct smdp_run *run, struct soap_body *response, struct cr_err *err)
{
    *response = *run->body;
    response->function_call_identifier = (cr_span){0};
    return response->has_eis ? show_eis(run, &response->eis, err) : CR_OK;
}

cr_status smdp_forget_isdp(struct smdp *dp, struct store_tx *tx, cr_span eid, const char *iccid,
                           int64_t now_ms, cr_arena *arena, struct cr_err *err)
{
    struct smdp_profile p;
    bool found = false;
    (void)dp;
    CR_TRY(smdp_profile_find(tx, iccid, arena, &p, &found, err));
    if (!found || !p.eid.p || !cr_span_equal(p.eid, eid) || p.state != SMDP_INSTALLED) {
        return CR_OK;
    }
    CR_TRY(smdp_isdp_remove(tx, eid, iccid, err));
    return smdp_profile_move(tx, &p, SMDP_MOVE_DELETE, now_ms, err);
}
