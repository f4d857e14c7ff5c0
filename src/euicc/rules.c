/*
 * Profile policy rules against the Rules Authorisation Table (SGP.22 2.9, sheet 4.14).
 */
#include "euicc/chip.h"

/* Each nibble equal, or E in the table. */
static bool plmn_matches(cr_span rule, cr_span owner)
{
    if (rule.n != owner.n) {
        return false;
    }
    for (size_t i = 0; i < 2 * rule.n; i++) {
        uint8_t a = (uint8_t)(i & 1 ? rule.p[i / 2] & 15 : rule.p[i / 2] >> 4);
        uint8_t b = (uint8_t)(i & 1 ? owner.p[i / 2] & 15 : owner.p[i / 2] >> 4);
        if (a != 0xE && a != b) {
            return false;
        }
    }
    return true;
}

/* Empty in the table: any. Absent in the table: has to be absent. */
static bool gid_matches(cr_span rule, cr_span owner)
{
    if (!rule.p) {
        return !owner.p;
    }
    return rule.n == 0 || (owner.p && cr_span_equal(rule, owner));
}

static bool operator_matches(const struct rsp_operator_id *rule,
                             const struct rsp_operator_id *owner)
{
    return plmn_matches(rule->mcc_mnc, owner->mcc_mnc) && gid_matches(rule->gid1, owner->gid1) &&
           gid_matches(rule->gid2, owner->gid2);
}

static bool rule_authorised(const struct rsp_get_rat_response *rat, uint64_t bit,
                            const struct rsp_operator_id *owner)
{
    for (size_t i = 0; i < rat->rat.count; i++) {
        const struct rsp_profile_policy_authorisation_rule *row = &rat->rat.items[i];
        if (!(row->ppr_ids & bit)) {
            continue;
        }
        for (size_t j = 0; j < row->allowed_operators.count; j++) {
            if (operator_matches(&row->allowed_operators.items[j], owner)) {
                return true;
            }
        }
    }
    return false;
}

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
            allowed = rule_authorised(&rat, bits[i], &metadata->profile_owner);
        }
    }
    cr_arena_free(&arena);
    return allowed;
}
