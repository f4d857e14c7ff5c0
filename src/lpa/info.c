#include "lpa/info.h"

const char *lpa_ci_name(cr_span key_id)
{
    static const struct {
        uint8_t id[RSP_PKID];
        const char *name;
    } known[] = {
        {{0x81, 0x37, 0x0F, 0x51, 0x25, 0xD0, 0xB1, 0xD4, 0x08, 0xD4,
          0xC3, 0xB2, 0x32, 0xE6, 0xD2, 0x5E, 0x79, 0x5B, 0xEB, 0xFB},
         "GSMA live CI"},
        {{0xF5, 0x41, 0x72, 0xBD, 0xF9, 0x8A, 0x95, 0xD6, 0x5C, 0xBE,
          0xB8, 0x8A, 0x38, 0xA1, 0xC1, 0x1D, 0x80, 0x0A, 0x85, 0xC3},
         "SGP.26 test CI, NIST P-256"},
        {{0xC0, 0xBC, 0x70, 0xBA, 0x36, 0x92, 0x9D, 0x43, 0xB4, 0x67,
          0xFF, 0x57, 0x57, 0x05, 0x30, 0xE5, 0x7A, 0xB8, 0xFC, 0xD8},
         "SGP.26 test CI, brainpoolP256r1"},
    };
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        if (cr_span_equal(key_id, CR_SPAN_ARRAY(known[i].id))) {
            return known[i].name;
        }
    }
    return NULL;
}

/* A card without one of the functions answers with a status word; only a card that is gone is a
 * failure. */
static cr_status optional(cr_status status, bool *has)
{
    *has = status == CR_OK;
    return status == CR_RESOURCE ? status : CR_OK;
}

static void read_select(struct lpa *lpa, cr_arena *arena, struct lpa_info *out)
{
    cr_span answer = cr_arena_copy(arena, es10_select_answer(lpa->card));
    out->isdr_aid = cr_arena_copy(arena, es10_selected_aid(lpa->card));
    out->has_select =
        answer.n > 0 && asn1_decode(&rsp_isdr_fci_type, answer, ASN1_DECODE_BER_LENGTHS, arena,
                                    &out->select, NULL) == CR_OK;
}

/* What cannot be decoded is not left out: some cards have a coding of their own. */
static cr_status read_addresses(struct lpa *lpa, cr_arena *arena, struct lpa_info *out,
                                struct cr_err *err)
{
    struct cr_err why = {0};
    cr_span raw = {0};
    bool answered = false;
    CR_TRY(optional(es10a_get_configured_data_raw(lpa->card, arena, &raw, err), &answered));
    if (!answered || raw.n == 0) {
        return CR_OK;
    }
    out->has_addresses = asn1_decode(&rsp_euicc_configured_data_type, raw, ASN1_DECODE_BER_LENGTHS,
                                     arena, &out->addresses, &why) == CR_OK;
    if (!out->has_addresses) {
        out->addresses_raw = raw;
        out->addresses_why = cr_arena_printf(arena, "%s", why.cause);
    }
    return CR_OK;
}

cr_status lpa_info(struct lpa *lpa, cr_arena *arena, struct lpa_info *out, struct cr_err *err)
{
    memset(out, 0, sizeof(*out));
    memset(&lpa->where, 0, sizeof(lpa->where));
    lpa->where.stage = LPA_STAGE_IDENTIFY;
    read_select(lpa, arena, out);
    CR_TRY(optional(es10c_get_eid(lpa->card, out->eid, err), &out->has_eid));
    CR_TRY(optional(es10b_get_euicc_info1(lpa->card, arena, &out->info1, err), &out->has_info1));
    if (!out->has_eid && !out->has_info1) {
        return err ? err->category : CR_REFUSED;
    }
    CR_TRY(optional(es10b_get_euicc_info2(lpa->card, arena, &out->info2, err), &out->has_info2));
    if (out->has_info2) {
        out->has_resources = rsp_ext_card_resource_parse(out->info2.ext_card_resource,
                                                         &out->resources, NULL) == CR_OK;
    }
    CR_TRY(read_addresses(lpa, arena, out, err));
    CR_TRY(optional(es10b_get_rat(lpa->card, arena, &out->rat, err), &out->has_rat));
    return CR_OK;
}
