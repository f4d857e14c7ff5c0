#include "lpa/rat.h"

#include "rsp/rat.h"

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
        rsp_rat_entry(rat, rule, &metadata->profile_owner);
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
