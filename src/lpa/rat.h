/*
 * Profile policy rules against the Rules Authorisation Table (SGP.22 2.4.12, 2.9.2.4, 3.1.3).
 */
#ifndef CRISP_LPA_RAT_H
#define CRISP_LPA_RAT_H

#include "rsp/es10b.h"
#include "rsp/metadata.h"

enum lpa_ppr_verdict {
    LPA_PPR_NONE,              /* the profile has no policy rules */
    LPA_PPR_ALLOWED,           /* without asking specially */
    LPA_PPR_CONSENT,           /* allowed if the person consents to the rules themselves */
    LPA_PPR_NOT_IN_RAT,        /* no rule of the table allows this operator to set it */
    LPA_PPR_FORBIDDEN,         /* forbiddenProfilePolicyRules of the eUICC */
    LPA_PPR_NO_OWNER,          /* rules without a profileOwner cannot be allowed */
    LPA_PPR_OPERATIONAL_EXISTS /* PPR1 while an operational profile is installed */
};

struct lpa_ppr_result {
    enum lpa_ppr_verdict verdict;
    uint64_t rule; /* the enum rsp_ppr bit that decided; 0 = none */
};

/* What the LPA has to do with a profile that carries these metadata. operational_installed: some
 * operational profile is on the eUICC. */
struct lpa_ppr_result lpa_rat_evaluate(const struct rsp_store_metadata *metadata,
                                       const struct rsp_get_rat_response *rat,
                                       uint64_t forbidden_rules, bool operational_installed);

/* "PPR1 (the profile cannot be disabled)"; NULL for a rule unknown here. */
const char *lpa_ppr_text(uint64_t rule);

#endif
