/*
 * Who hears of what: notifications to owners and to those with a PLMA, by ES4 or through an SM-DP
 * by ES3 (SGP.02 5.4.15 ff., 5.5.14 ff.). Put out in the transaction of the change.
 */
#ifndef CRISP_SMSR_FANOUT_H
#define CRISP_SMSR_FANOUT_H

#include "smsr/eis.h"

struct smsr_news {
    enum soap_name name;                /* SOAP_PROFILE_ENABLED ... SOAP_FALLBACK_UNSET */
    const struct smsr_profile *profile; /* that it is about, as it was or is */
    /* Who gets the Response about this Profile; NULL = nobody asked for it. An SM-DP asks in the
     * name of the owner. */
    const char *requester;
    bool by_smdp;
};
cr_status smsr_fan_out(struct smsr *sr, struct store_tx *tx, const struct smsr_news *news,
                       struct cr_err *err) CR_MUST_CHECK;

/* A PLMA was given, changed or (no operations) withdrawn: to its grantee. */
cr_status smsr_fan_out_plma(struct smsr *sr, struct store_tx *tx, const struct soap_plma *plma,
                            struct cr_err *err) CR_MUST_CHECK;

/* The eUICC is ours now: to every owner on it and those with a PLMA. */
cr_status smsr_fan_out_change(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *euicc,
                              struct cr_err *err) CR_MUST_CHECK;

#endif
