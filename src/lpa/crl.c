#include "lpa/crl.h"

static cr_status check_support(struct lpa *lpa, cr_arena *arena, struct cr_err *err)
{
    struct rsp_euicc_info2 info;
    CR_TRY(es10b_get_euicc_info2(lpa->card, arena, &info, err));
    if (info.euicc_rsp_capability & RSP_EUICC_LOAD_CRL) {
        return CR_OK;
    }
    cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 5.7.8",
                               "this eUICC takes no CRLs (its rspCapability is without "
                               "loadCrlSupport)");
    return cr_err_next(err, status,
                       "have the servers checked instead: --crl FILE with the commands that talk "
                       "to them");
}

static void note_missing(const struct rsp_load_crl_ok *ok, struct lpa_crl_loaded *out)
{
    for (size_t i = 0; i < ok->missing_parts.count; i++) {
        const struct rsp_missing_part *part = &ok->missing_parts.items[i];
        if (out->missing < LPA_MAX_MISSING_PARTS) {
            out->missing_parts[out->missing] =
                part->which == RSP_MISSING_PART_NUMBER ? part->number : part->old_form.number;
        }
        out->missing++;
    }
}

cr_status lpa_load_crl(struct lpa *lpa, cr_span der, cr_arena *arena, struct lpa_crl_loaded *out,
                       struct cr_err *err)
{
    struct rsp_load_crl_response response = {0};
    struct lpa_crl_loaded loaded = {0};
    memset(&lpa->where, 0, sizeof(lpa->where));
    lpa->where.stage = LPA_STAGE_MANAGE;
    cr_status status = pki_crl_decode(der, &loaded.crl, err);
    if (status != CR_OK) {
        return cr_err_next(err, status, "give a CRL in DER or PEM");
    }
    CR_TRY(check_support(lpa, arena, err));
    lpa->where.stage = LPA_STAGE_MANAGE;
    CR_TRY(es10b_load_crl(lpa->card, der, arena, &response, err));
    if (response.which == RSP_LOAD_CRL_RESPONSE_OK) {
        note_missing(&response.ok, &loaded);
    }
    loaded.already = response.which != RSP_LOAD_CRL_RESPONSE_OK;
    *out = loaded;
    return CR_OK;
}
