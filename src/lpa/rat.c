#include "lpa/rat.h"

/* The rules that need the eUICC's permission (2.9.2.1). pprUpdateControl is none, other bits are
 * reserved. */
static const struct {
    uint64_t rule;
    const char *text;
} rules[] = {
    {RSP_PPR1, "PPR1 (the profile cannot be disabled)"},
    {RSP_PPR2, "PPR2 (the profile cannot be deleted)"},
};

const char *lpa_ppr_text(uint64_t rule)
{
    for (size_t i = 0; i < CR_COUNT(rules); i++) {
        if (rules[i].rule == rule) {
            return rules[i].text;
        }
    }
    return NULL;
}

static bool nibble_matches(unsigned entry, unsigned owner)
{
    return entry == 0xE || entry == owner;
}

static bool mcc_mnc_matches(cr_span entry, cr_span owner)
{
    if (entry.n != RSP_MCC_MNC || owner.n != RSP_MCC_MNC) {
        return false;
    }
    for (size_t i = 0; i < RSP_MCC_MNC; i++) {
        if (!nibble_matches(entry.p[i] >> 4, owner.p[i] >> 4) ||
            !nibble_matches(entry.p[i] & 0xF, owner.p[i] & 0xF)) {
            return false;
        }
    }
    return true;
}

static bool gid_matches(cr_span entry, cr_span owner)
{
    if (!cr_span_present(entry)) {
        return !cr_span_present(owner);
    }
    return entry.n == 0 || (cr_span_present(owner) && cr_span_equal(entry, owner));
}

bool lpa_rat_operator_matches(const struct rsp_operator_id *entry,
                              const struct rsp_operator_id *owner)
{
    return mcc_mnc_matches(entry->mcc_mnc, owner->mcc_mnc) &&
           gid_matches(entry->gid1, owner->gid1) && gid_matches(entry->gid2, owner->gid2);
}

/* The first entry for this rule and owner decides. */
static const struct rsp_profile_policy_authorisation_rule *
find_entry(const struct rsp_get_rat_response *rat, uint64_t rule,
           const struct rsp_operator_id *owner)
{
    for (size_t i = 0; i < rat->rat.count; i++) {
        const struct rsp_profile_policy_authorisation_rule *entry = &rat->rat.items[i];
        if (!(entry->ppr_ids & rule)) {
            continue;
        }
        for (size_t j = 0; j < entry->allowed_operators.count; j++) {
            if (lpa_rat_operator_matches(&entry->allowed_operators.items[j], owner)) {
                return entry;
            }
        }
    }
    return NULL;
}

static enum lpa_ppr_verdict judge(uint64_t rule, const struct rsp_store_metadata *metadata,
                                  const struct rsp_get_rat_response *rat, uint64_t forbidden,
                                  bool operational_installed)
{
    if (forbidden & rule) {
        return LPA_PPR_FORBIDDEN;
    }
    if (rule == RSP_PPR1 && operational_installed) {
        return LPA_PPR_OPERATIONAL_EXISTS;
    }
    if (!metadata->has_profile_owner) {
        return LPA_PPR_NO_OWNER;
    }
    const struct rsp_profile_policy_authorisation_rule *entry =
        find_entry(rat, rule, &metadata->profile_owner);
    if (!entry) {
        return LPA_PPR_NOT_IN_RAT;
    }
    return entry->ppr_flags & RSP_PPR_CONSENT_REQUIRED ? LPA_PPR_CONSENT : LPA_PPR_ALLOWED;
}

struct lpa_ppr_result lpa_rat_evaluate(const struct rsp_store_metadata *metadata,
                                       const struct rsp_get_rat_response *rat,
                                       uint64_t forbidden_rules, bool operational_installed)
{
    struct lpa_ppr_result result = {.verdict = LPA_PPR_NONE};
    uint64_t present = metadata->has_profile_policy_rules ? metadata->profile_policy_rules : 0;
    for (size_t i = 0; i < CR_COUNT(rules); i++) {
        if (!(present & rules[i].rule)) {
            continue;
        }
        /* The verdicts are ordered: the harshest of all rules counts. */
        enum lpa_ppr_verdict verdict =
            judge(rules[i].rule, metadata, rat, forbidden_rules, operational_installed);
        if (verdict > result.verdict) {
            result = (struct lpa_ppr_result){.verdict = verdict, .rule = rules[i].rule};
        }
    }
    return result;
}
