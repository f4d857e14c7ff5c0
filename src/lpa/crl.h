/*
 * Revocation lists for the eUICC (SGP.22 v2 5.7.12 ES10b.LoadCRL): which certificates of servers it
 * shall believe no longer.
 */
#ifndef CRISP_LPA_CRL_H
#define CRISP_LPA_CRL_H

#include "lpa/es10.h"
#include "pki/cert.h"

#define LPA_MAX_MISSING_PARTS 16

struct lpa_crl_loaded {
    struct pki_crl crl; /* what was handed over; points into the caller's bytes */
    bool already;       /* the eUICC had this list, or a newer one */
    size_t missing;     /* parts of a list in parts that the eUICC still lacks */
    int64_t missing_parts[LPA_MAX_MISSING_PARTS]; /* the numbers of the first of them */
};

/* der: one CertificateList. CR_MALFORMED when it is none; CR_REFUSED when the eUICC takes no lists
 * (euiccRspCapability loadCrlSupport; those of version 3 get theirs from servers), or refuses this
 * one. Whether its signature is right is the eUICC's to say. */
cr_status lpa_load_crl(struct lpa *lpa, cr_span der, cr_arena *arena, struct lpa_crl_loaded *out,
                       struct cr_err *err) CR_MUST_CHECK;

#endif
