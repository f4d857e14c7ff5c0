#include "rsp/rat.h"

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

bool rsp_rat_operator_matches(const struct rsp_operator_id *entry,
                              const struct rsp_operator_id *owner)
{
    return mcc_mnc_matches(entry->mcc_mnc, owner->mcc_mnc) &&
           gid_matches(entry->gid1, owner->gid1) && gid_matches(entry->gid2, owner->gid2);
}

const struct rsp_profile_policy_authorisation_rule *
rsp_rat_entry(const struct rsp_get_rat_response *rat, uint64_t rule,
              const struct rsp_operator_id *owner)
{
    for (size_t i = 0; i < rat->rat.count; i++) {
        const struct rsp_profile_policy_authorisation_rule *entry = &rat->rat.items[i];
        if (!(entry->ppr_ids & rule)) {
            continue;
        }
        for (size_t j = 0; j < entry->allowed_operators.count; j++) {
            if (rsp_rat_operator_matches(&entry->allowed_operators.items[j], owner)) {
                return entry;
            }
        }
    }
    return NULL;
}
