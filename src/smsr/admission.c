#include "smsr/admission.h"

cr_status smsr_admit_euicc(struct m2m_call *call, cr_span eid, struct smsr_euicc *out,
                           struct cr_err *err)
{
    CR_TRY(smsr_euicc_get(call->tx, eid, call->arena, out, err));
    return out->handover
               ? cr_refuse(err, "1.2", "4.4", "SGP.02 3.8", "the eUICC is being handed over")
               : CR_OK;
}

cr_status smsr_claim_of(struct smsr *sr, struct m2m_call *call, const struct smsr_profile *profile,
                        struct smsr_claim *out, struct cr_err *err)
{
    const struct m2m_party *owner = m2m_party_by_oid(sr->parties, cr_span_str(profile->mno_id));
    *out = (struct smsr_claim){.interface = (enum soap_interface)call->function->interface,
                               .name = (enum soap_name)call->function->id,
                               .caller = call->caller->oid,
                               .roles = call->caller->roles,
                               .owner = profile->mno_id,
                               .smdp = profile->smdp_id,
                               .relay = owner && smsr_same(owner->through, call->caller->oid)};
    CR_TRY(smsr_plma_find(call->tx, profile->mno_id, profile->type, call->caller->oid,
                          &out->granted, err));
    out->has_plma = out->granted != 0;
    return CR_OK;
}

cr_status smsr_admit(struct smsr *sr, struct m2m_call *call, const struct soap_body *request,
                     struct smsr_euicc *euicc, struct smsr_profile *profile, struct cr_err *err)
{
    struct smsr_claim claim;
    CR_TRY(smsr_admit_euicc(call, request->eid, euicc, err));
    CR_TRY(smsr_profile_get(call->tx, request->eid, request->iccid, call->arena, profile, err));
    if (profile->state == SMSR_IN_CREATION) {
        return cr_refuse(err, "8.2.1", "3.9", "SGP.02 annex E",
                         "no Profile with this ICCID is on that eUICC");
    }
    CR_TRY(smsr_claim_of(sr, call, profile, &claim, err));
    return smsr_rights_check(&claim, err);
}

cr_status smsr_admit_installed(const struct smsr_profile *profile, struct cr_err *err)
{
    return profile->state == SMSR_ENABLED || profile->state == SMSR_DISABLED
               ? CR_OK
               : cr_refuse(err, "8.2.1", "1.2", "SGP.02 3", "%s is not installed", profile->iccid);
}

static cr_status take_one(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)row;
    (void)err;
    *(bool *)ctx = true;
    return CR_OK;
}

cr_status smsr_acts_for(struct smsr *sr, struct store_tx *tx, const char *smdp, cr_span mno,
                        bool *out, struct cr_err *err)
{
    const struct m2m_party *owner = m2m_party_by_oid(sr->parties, mno);
    *out = owner && smsr_same(owner->through, smdp);
    if (*out) {
        return CR_OK;
    }
    return store_exec(tx, "SELECT 1 FROM profile WHERE mno_id = ? AND smdp_id = ? LIMIT 1",
                      STORE_VALUES(STORE_S(mno), STORE_T(smdp)), take_one, out, NULL, err);
}
