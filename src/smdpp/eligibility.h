/*
 * Whether a chip can take a profile (SGP.22 3.1.3 step 3, "eligibility check").
 */
#ifndef CRISP_SMDPP_ELIGIBILITY_H
#define CRISP_SMDPP_ELIGIBILITY_H

#include "rsp/types.h"
#include "smdpp/inventory.h"

/* Checks memory, capabilities, forbidden policy rules and package version against EUICCInfo2.
 * CR_REFUSED with the pair of the standard: 8.1/4.8 (*temporary = true: memory can be freed, the
 * order stays) or 8.2.5/4.3. */
cr_status smdpp_check_eligibility(const struct smdpp_profile *profile,
                                  const struct rsp_euicc_info2 *info, bool *temporary,
                                  struct cr_err *err) CR_MUST_CHECK;

#endif
