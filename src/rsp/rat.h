/*
 * The Rules Authorisation Table (SGP.22 2.9.2.4): which operators may set which profile policy
 * rules. The chip enforces it, the LPA looks first.
 */
#ifndef CRISP_RSP_RAT_H
#define CRISP_RSP_RAT_H

#include "rsp/es10b.h"

/* True when the owner of a profile is one of those an entry of the table means: a nibble E of the
 * entry's mccMnc matches any, an empty gid any, an absent gid only an absent one. */
bool rsp_rat_operator_matches(const struct rsp_operator_id *entry,
                              const struct rsp_operator_id *owner);

/* The first entry for a rule (one enum rsp_ppr bit) and an owner; NULL = not authorised. */
const struct rsp_profile_policy_authorisation_rule *
rsp_rat_entry(const struct rsp_get_rat_response *rat, uint64_t rule,
              const struct rsp_operator_id *owner);

#endif
