/*
 * The roles of RSP certificates as one table: policy OIDs (SGP.22 table of role OIDs, v2 and v3
 * arcs), what each profile demands, and who may issue whom (variants O, Ov3, A, B, C). Decoder,
 * verifier and issuer read the same rows. Internal to the folder.
 */
#ifndef CRISP_PKI_ROLE_H
#define CRISP_PKI_ROLE_H

#include "pki/cert.h"

#define PKI_MAX_ROLE_OID 12 /* contents bytes of the longest role OID */

struct pki_role_profile {
    const char *name;
    uint8_t policy[2][PKI_MAX_ROLE_OID]; /* contents octets: [0] v2, [1] v3 */
    uint8_t policy_size[2];              /* 0 = no such policy */
    bool ca;
    unsigned key_usage;       /* bits the profile needs (enum pki_key_usage) */
    bool policies_critical;   /* TLS certificates are seen with a non-critical one */
    bool tls;                 /* extendedKeyUsage of TLS needed */
    bool needs_registered_id; /* subjectAltName registeredID identifies the server */
    unsigned issuers[2];      /* bit set of enum pki_role: [0] v2, [1] v3 */
    bool any_depth;           /* CA without pathLenConstraint */
};

#define PKI_ROLE_BIT(role) (1U << (role))

/* Never NULL for a valid role. */
const struct pki_role_profile *pki_role_profile(enum pki_role role);

/* Contents of the policy OID; absent when the role has none in that version. */
cr_span pki_role_policy(enum pki_role role, bool v3);

/* The role of a policy; NONE when it is none of ours. The policy of the CI is the same in both
 * versions and counts as v2. */
enum pki_role pki_role_from_policy(cr_span oid, bool *v3);

/* True when a certificate of role `child` may be issued by one of role `issuer`, by the role arcs
 * of the version. The CI has one arc for both versions, all others have to agree in it. */
bool pki_role_may_issue(enum pki_role issuer, bool issuer_v3, enum pki_role child, bool child_v3);

#endif
