/*
 * Platform management (SGP.02 5.4.8 to 5.4.10, 5.5.6 to 5.5.8 and the attributes): rights, state,
 * POL2; then the procedure.
 */
#include "smsr/admission.h"
#include "smsr/engine.h"
#include "smsr/handlers.h"

struct platform {
    struct smsr *sr;
    struct m2m_call *call;
    struct smsr_euicc euicc;
    struct smsr_profile target, enabled, fallback;
    bool has_enabled, has_fallback;
};

static struct smsr_subject subject_of(const struct smsr_profile *p)
{
    return (struct smsr_subject){.pol2 = p->pol2,
                                 .state = (enum soap_profile_state)p->state,
                                 .fallback = p->fallback,
                                 .iccid = p->iccid};
}

/* A procedure that runs makes states and flags look other than they will be: busy comes first. */
static cr_status look(struct platform *f, struct smsr *sr, struct m2m_call *call,
                      const struct soap_body *request, enum smsr_kind kind, struct cr_err *err)
{
    bool holds;
    *f = (struct platform){.sr = sr, .call = call};
    CR_TRY(smsr_admit(sr, call, request, &f->euicc, &f->target, err));
    CR_TRY(smsr_run_admit(call->tx, &f->euicc, kind, &holds, err));
    CR_TRY(smsr_profile_special(call->tx, request->eid, SMSR_THE_ENABLED, call->arena, &f->enabled,
                                &f->has_enabled, err));
    return smsr_profile_special(call->tx, request->eid, SMSR_THE_FALLBACK, call->arena,
                                &f->fallback, &f->has_fallback, err);
}

static cr_status go(struct platform *f, enum smsr_kind kind, const char *other, struct cr_err *err)
{
    const struct smsr_procedure what = {.kind = kind,
                                        .eid = f->euicc.eid,
                                        .iccid = f->target.iccid,
                                        .aid = f->target.aid,
                                        .other = other};
    return smsr_procedure_start(f->sr, f->call, &what, err);
}

/* Only the device switches to and from the Emergency Profile. */
static cr_status not_emergency(const struct platform *f, struct cr_err *err)
{
    return f->target.emergency ? cr_refuse(err, "8.2.8", "3.8", "SGP.02 3.25",
                                           "%s is the Emergency Profile", f->target.iccid)
                               : CR_OK;
}

static cr_status needs_fallback(const struct platform *f, struct cr_err *err)
{
    return f->has_fallback ? CR_OK
                           : cr_refuse(err, "8.2.7", "3.9", "SGP.02 3.4",
                                       "no Profile has the Fall-Back Attribute");
}

cr_status smsr_enable_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    struct platform f;
    (void)response;
    CR_TRY(look(&f, ctx, call, request, SMSR_PROC_ENABLE, err));
    const struct smsr_subject target = subject_of(&f.target), enabled = subject_of(&f.enabled);
    CR_TRY(not_emergency(&f, err));
    CR_TRY(smsr_policy_check(SMSR_ENABLE, &target, f.has_enabled ? &enabled : NULL, err));
    return go(&f, SMSR_PROC_ENABLE, f.has_enabled ? f.enabled.iccid : NULL, err);
}

cr_status smsr_disable_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                               struct soap_body *response, struct cr_err *err)
{
    struct platform f;
    (void)response;
    CR_TRY(look(&f, ctx, call, request, SMSR_PROC_DISABLE, err));
    const struct smsr_subject target = subject_of(&f.target);
    CR_TRY(not_emergency(&f, err));
    CR_TRY(smsr_policy_check(SMSR_DISABLE, &target, NULL, err));
    CR_TRY(needs_fallback(&f, err));
    return go(&f, SMSR_PROC_DISABLE, f.fallback.iccid, err);
}

cr_status smsr_delete_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    struct platform f;
    (void)response;
    CR_TRY(look(&f, ctx, call, request, SMSR_PROC_DELETE, err));
    const struct smsr_subject target = subject_of(&f.target);
    const bool enabled = f.target.state == SMSR_ENABLED;
    if (call->function->interface == SOAP_ES4) {
        CR_TRY(smsr_admit_installed(&f.target, err)); /* a container is its SM-DP's to clean up */
    }
    CR_TRY(smsr_policy_check(SMSR_DELETE, &target, NULL, err));
    if (enabled) {
        CR_TRY(not_emergency(&f, err));
        CR_TRY(needs_fallback(&f, err));
    }
    return go(&f, SMSR_PROC_DELETE, enabled ? f.fallback.iccid : NULL, err);
}

/* ---- attributes --------------------------------------------------------------------------------
 */

/* The owner of the Profile that loses the attribute has to consent, unless it asks itself. An SM-DP
 * asks for the owner of the target. */
static cr_status check_consent(const struct platform *f, const struct smsr_profile *holder,
                               const char *unset, struct cr_err *err)
{
    const bool smdp = f->call->function->interface == SOAP_ES3;
    struct smsr_claim claim;
    CR_TRY(smsr_claim_of(f->sr, f->call, holder, &claim, err));
    if (smdp) {
        claim.caller = f->target.mno_id;
        claim.roles = SOAP_OPERATOR;
        CR_TRY(smsr_plma_find(f->call->tx, holder->mno_id, holder->type, claim.caller,
                              &claim.granted, err));
        claim.has_plma = claim.granted != 0;
    }
    return smsr_rights_consent(&claim, smsr_grant_named(unset), err);
}

cr_status smsr_set_fallback(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err)
{
    struct platform f;
    (void)response;
    CR_TRY(look(&f, ctx, call, request, SMSR_PROC_FALLBACK, err));
    CR_TRY(smsr_admit_installed(&f.target, err));
    if (f.target.emergency) {
        return cr_refuse(err, "8.2.7", "3.8", "SGP.02 3.24", "%s is the Emergency Profile",
                         f.target.iccid);
    }
    if (f.target.fallback) {
        return CR_OK; /* it has it */
    }
    if (f.has_fallback) {
        CR_TRY(check_consent(&f, &f.fallback, "UnsetFallBackAttribute", err));
    }
    return go(&f, SMSR_PROC_FALLBACK, f.has_fallback ? f.fallback.iccid : NULL, err);
}

cr_status smsr_set_emergency(void *ctx, struct m2m_call *call, const struct soap_body *request,
                             struct soap_body *response, struct cr_err *err)
{
    struct platform f;
    struct smsr_profile holder;
    bool has_holder;
    (void)response;
    CR_TRY(look(&f, ctx, call, request, SMSR_PROC_EMERGENCY, err));
    if (f.target.fallback) {
        return cr_refuse(err, "8.2.8", "3.8", "SGP.02 3.25", "%s is the Fall-Back Profile",
                         f.target.iccid);
    }
    if (f.target.emergency) {
        return CR_OK; /* it has it */
    }
    if (f.target.state != SMSR_DISABLED) {
        return cr_refuse(err, "8.2.1", "1.2", "SGP.02 3.25", "%s is not Disabled", f.target.iccid);
    }
    CR_TRY(smsr_profile_special(call->tx, request->eid, SMSR_THE_EMERGENCY, call->arena, &holder,
                                &has_holder, err));
    if (has_holder) {
        CR_TRY(check_consent(&f, &holder, "UnsetEmergencyProfileAttribute", err));
    }
    return go(&f, SMSR_PROC_EMERGENCY, has_holder ? holder.iccid : NULL, err);
}
