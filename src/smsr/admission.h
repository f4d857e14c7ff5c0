/*
 * What the handlers of ES3 and ES4 check before they do anything: eUICC, hand-over, Profile,
 * rights.
 */
#ifndef CRISP_SMSR_ADMISSION_H
#define CRISP_SMSR_ADMISSION_H

#include "smsr/core.h"
#include "smsr/rights.h"

/* The eUICC of the request. CR_REFUSED 8.1.1/1.1; 1.2/4.4 while it is handed over. */
cr_status smsr_admit_euicc(struct m2m_call *call, cr_span eid, struct smsr_euicc *out,
                           struct cr_err *err) CR_MUST_CHECK;

/* The caller's relation to a Profile. */
cr_status smsr_claim_of(struct smsr *sr, struct m2m_call *call, const struct smsr_profile *profile,
                        struct smsr_claim *out, struct cr_err *err) CR_MUST_CHECK;

/* Both, and the caller may call the function on it. A Profile In-Creation is none: 8.2.1/3.9. */
cr_status smsr_admit(struct smsr *sr, struct m2m_call *call, const struct soap_body *request,
                     struct smsr_euicc *euicc, struct smsr_profile *profile,
                     struct cr_err *err) CR_MUST_CHECK;

/* CR_REFUSED 8.2.1/1.2 when the Profile is neither Enabled nor Disabled. */
cr_status smsr_admit_installed(const struct smsr_profile *profile,
                               struct cr_err *err) CR_MUST_CHECK;

/* True when the SM-DP acts for the operator: by configuration, or because it manages a Profile of
 * it. */
cr_status smsr_acts_for(struct smsr *sr, struct store_tx *tx, const char *smdp, cr_span mno,
                        bool *out, struct cr_err *err) CR_MUST_CHECK;

#endif
