/*
 * Notifications of ES3, passed on as those of ES2 (SGP.02 5.4.14 ff., 5.3.8 ff.).
 */
#include "smdp/core.h"

/* Whom it is for: Mno-id, else the owner of the Profile that it is about. *out NULL = nobody that
 * we know. */
static cr_status addressee(struct smdp *dp, struct m2m_call *call, const struct soap_body *notice,
                           const struct m2m_party **out, struct cr_err *err)
{
    struct smdp_profile p;
    bool found = false;
    const struct m2m_party *party = NULL;
    if (notice->mno_id.p) {
        party = m2m_party_by_oid(dp->options.parties, notice->mno_id);
    } else if (notice->iccid.p) {
        char *iccid = cr_arena_strn(call->arena, notice->iccid);
        if (!iccid) {
            return cr_fail_memory(err);
        }
        CR_TRY(smdp_profile_find(call->tx, iccid, call->arena, &p, &found, err));
        party = found ? m2m_party_by_oid(dp->options.parties, cr_span_str(p.owner)) : NULL;
    }
    *out = party && party->roles & (SOAP_OPERATOR | SOAP_M2MSP) ? party : NULL;
    return CR_OK;
}

/* Only the SM-SR that has the chip says something about it. */
static cr_status check_sender(struct m2m_call *call, cr_span eid, struct cr_err *err)
{
    struct smdp_chip chip;
    bool found = false;
    if (!eid.p) {
        return CR_OK;
    }
    CR_TRY(smdp_chip_find(call->tx, eid, call->arena, &chip, &found, err));
    if (found && strcmp(chip.smsr, call->caller->oid) != 0) {
        return cr_refuse(err, "8.1.1", "1.2", "SGP.02 5.4", "the eUICC is another SM-SR's");
    }
    return CR_OK;
}

/* What we have to know ourselves. */
static cr_status follow(struct smdp *dp, struct m2m_call *call, const struct soap_body *notice,
                        struct cr_err *err)
{
    if (call->function->id == SOAP_SMSR_CHANGED) {
        const struct soap_eis *eis = &notice->eis;
        char *smsr = eis->smsr_id.p ? cr_arena_strn(call->arena, eis->smsr_id) : NULL;
        if (!smsr || strcmp(smsr, call->caller->oid) != 0) {
            CR_TRY(check_sender(call, eis->signed_info.eid, err));
        }
        return smsr && eis->signed_info.eid.p
                   ? smdp_chip_route(call->tx, eis->signed_info.eid, smsr, call->now_ms, err)
                   : CR_OK;
    }
    CR_TRY(check_sender(call, notice->eid, err));
    if (call->function->id == SOAP_PROFILE_DELETED && notice->iccid.p) {
        char *iccid = cr_arena_strn(call->arena, notice->iccid);
        return iccid ? smdp_forget_isdp(dp, call->tx, notice->eid, iccid, call->now_ms, call->arena,
                                        err)
                     : cr_fail_memory(err);
    }
    return CR_OK;
}

cr_status smdp_notice(void *ctx, struct m2m_call *call, const struct soap_body *notice,
                      struct soap_body *response, struct cr_err *err)
{
    struct smdp *dp = ctx;
    const struct m2m_party *to = NULL;
    (void)response;
    CR_TRY(follow(dp, call, notice, err));
    CR_TRY(addressee(dp, call, notice, &to, err));
    const struct soap_function *f = soap_function(SOAP_ES2, (enum soap_name)call->function->id);
    if (!to || !f || !m2m_party_url(to, SOAP_ES2)) {
        cr_log(dp->env, CR_LOG_WARNING, "%s of %s: no operator to pass it on to",
               call->function->name, call->caller->name);
        return CR_OK;
    }
    return m2m_notify(dp->m2m, call->tx, to, f, notice, err);
}
