/*
 * Profile policy rules against the Rules Authorisation Table (SGP.22 2.9).
 */
#include "euicc/chip.h"

#include "rsp/rat.h"

static bool operational_installed(const struct euicc *e)
{
    cr_arena arena = {0};
    struct euicc_profile profile = {0};
    bool found = false;
    while (!found && euicc_profile_next(e->nvm, profile.id, &arena, &profile)) {
        found = profile.profile_class == RSP_CLASS_OPERATIONAL;
    }
    cr_arena_free(&arena);
    return found;
}

bool euicc_rules_allowed(const struct euicc *e, const struct rsp_store_metadata *metadata)
{
    static const uint64_t bits[] = {RSP_PPR_UPDATE_CONTROL, RSP_PPR1, RSP_PPR2};
    uint64_t rules = metadata->has_profile_policy_rules ? metadata->profile_policy_rules : 0;
    rules &= RSP_PPR_UPDATE_CONTROL | RSP_PPR1 | RSP_PPR2;
    if (rules == 0) {
        return true;
    }
    if (!metadata->has_profile_owner || metadata->profile_class == RSP_CLASS_TEST ||
        (rules & e->config.forbidden_pprs) || ((rules & RSP_PPR1) && operational_installed(e))) {
        return false;
    }
    cr_arena arena = {0};
    struct rsp_get_rat_response rat;
    bool allowed =
        asn1_decode(&rsp_get_rat_response_type, e->config.rat, 0, &arena, &rat, NULL) == CR_OK;
    for (size_t i = 0; allowed && i < CR_COUNT(bits); i++) {
        /* pprUpdateControl is not a restriction of the user: it needs no authorisation. */
        if (bits[i] != RSP_PPR_UPDATE_CONTROL && (rules & bits[i])) {
            allowed = rsp_rat_entry(&rat, bits[i], &metadata->profile_owner) != NULL;
        }
    }
    cr_arena_free(&arena);
    return allowed;
}
