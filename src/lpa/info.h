/*
 * What an eUICC says of itself: EID, EUICCInfo1 and 2, configured addresses, RAT (SGP.22 5.7.3,
 * 5.7.8, 5.7.20, 5.7.22).
 */
#ifndef CRISP_LPA_INFO_H
#define CRISP_LPA_INFO_H

#include "lpa/es10.h"

/* Each part may be missing on an old or odd card: its has_... is then false and the rest is there
 * all the same. Lives in the arena. */
struct lpa_info {
    bool has_eid;
    uint8_t eid[RSP_EID];
    bool has_select; /* version and LPAe bits of the answer to SELECT */
    struct rsp_isdr_fci select;
    bool has_info1;
    struct rsp_euicc_info1 info1;
    bool has_info2;
    struct rsp_euicc_info2 info2;
    bool has_resources; /* free memory */
    struct rsp_ext_card_resource resources;
    bool has_addresses;
    struct rsp_euicc_configured_data addresses;
    cr_span addresses_raw; /* the answer, when it cannot be decoded; why is in addresses_why */
    const char *addresses_why;
    bool has_rat;
    struct rsp_get_rat_response rat;
    cr_span isdr_aid;
};

/* Fails only when the card is gone or gives neither EID nor EUICCInfo1. */
cr_status lpa_info(struct lpa *lpa, cr_arena *arena, struct lpa_info *out,
                   struct cr_err *err) CR_MUST_CHECK;

/* Name of a CI by its key identifier ("GSMA RSP2 Root CI1", "SGP.26 test CI, NIST"), NULL when
 * unknown. */
const char *lpa_ci_name(cr_span key_id);

#endif
