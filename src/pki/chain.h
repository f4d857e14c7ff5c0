/*
 * Chains: who may be believed as what (SGP.22 4.5.2, 4.5.2.2).
 *
 * A struct pki_trust holds the CIs (and CRLs) that a party believes. Verification checks, in this
 * order for each certificate from the top: issuer known by AKI, signature, revocation, dates (when
 * the verifier has a clock), then extensions: basicConstraints, keyUsage, role policy, and for
 * eUICCs the EID range and organisation of the EUM. Generic X.509 libraries reject valid eSIM
 * chains (nameConstraints on serialNumber), so this is ours.
 */
#ifndef CRISP_PKI_CHAIN_H
#define CRISP_PKI_CHAIN_H

#include "pki/cert.h"

/* What was wrong; the caller maps it to the codes of its interface. */
enum pki_problem {
    PKI_OK = 0,
    PKI_UNKNOWN_CI,    /* no trusted CI has the AKI */
    PKI_BAD_SIGNATURE, /* or not signed by who is named */
    PKI_EXPIRED,       /* or not valid yet */
    PKI_REVOKED,
    PKI_BAD_PROFILE, /* extension missing, wrong or not critical; wrong path */
    PKI_WRONG_ROLE,  /* role policy is not the one asked for */
    PKI_WRONG_CURVE, /* key on a curve that is not supported */
    PKI_EID_RANGE,   /* EID outside of what the EUM may issue, or wrong organisation */
    PKI_MALFORMED
};

/* "bad-signature", for logs and reports. */
const char *pki_problem_name(enum pki_problem problem);

#define PKI_MAX_CHAIN                                                                              \
    4 /* certificates without the CI: variant C has eUICC, EUMSubCA, EUM, CISubCA */

struct pki_trust; /* immutable once shared between threads, but for the built-in cache */

struct pki_trust *pki_trust_new(void);
void pki_trust_free(struct pki_trust *trust);
/* Adds a CI certificate (self-signed, role CI; checked). The bytes are copied. */
cr_status pki_trust_add_ci(struct pki_trust *trust, cr_span der, struct cr_err *err) CR_MUST_CHECK;
/* Adds a CRL signed by a CI or by an intermediate known by its AKI; signature checked when its
 * issuer is a CI of this trust (add CIs first), else at its first use, and ignored when wrong. A
 * newer issue of a list of a CI takes the place of the older one, whatever the order. An overdue
 * nextUpdate does not bring back what the list revokes. */
cr_status pki_trust_add_crl(struct pki_trust *trust, cr_span der, struct cr_err *err) CR_MUST_CHECK;
/* A CI by its key identifier; NULL when unknown. */
const struct pki_cert *pki_trust_ci(const struct pki_trust *trust, cr_span key_id);
size_t pki_trust_ci_count(const struct pki_trust *trust);
const struct pki_cert *pki_trust_ci_at(const struct pki_trust *trust, size_t i);

/* What the chain must be. */
struct pki_expect {
    enum pki_role role; /* of the leaf */
    int64_t now_ms;     /* 0 = the verifier has no clock: dates are not checked */
    cr_span ci_key_id;  /* the CI the chain must end in; absent = any trusted */
    cr_span dns_name; /* TLS leaf: a DNS SAN has to match (case and a trailing dot do not count, no
                         wildcards), or an IP SAN when it is an address; absent = not checked */
    bool tls_client;  /* the leaf acts as TLS client: EKU clientAuth instead of serverAuth */
};

/* Result of a verification: filled also on refusal as far as it went. */
struct pki_verdict {
    enum pki_problem problem;
    int failed_at;             /* index in chain of the certificate at fault; -1 = none */
    const struct pki_cert *ci; /* the CI it ends in */
};

/* chain[0] = leaf, then its issuers upwards, without the CI; count 1..PKI_MAX_CHAIN. For an eUICC:
 * chain[0] = CERT.EUICC, chain[1] = CERT.EUM. On CR_OK *leaf_key (may be NULL) is the validated key
 * of the leaf, owned by the caller. Verified intermediates are cached by their hash (a second chain
 * under the same EUM costs one signature less; dates and revocation are checked each time). A
 * refusal has the problem in err->code and the extension or field in err->field. verdict may be
 * NULL. Several threads may verify with one trust. */
cr_status pki_chain_verify(struct pki_trust *trust, const struct pki_cert *chain, size_t count,
                           const struct pki_expect *expect, struct pki_verdict *verdict,
                           struct crypto_public **leaf_key, struct cr_err *err) CR_MUST_CHECK;

/* Revocation alone, for chains that somebody else verifies (a TLS library): chain[0] = leaf, behind
 * each certificate its issuer; the last one is asked as issuer only. CR_REFUSED with the problem in
 * err->code: PKI_REVOKED, or PKI_BAD_SIGNATURE when a list names an issuer of the chain that has
 * not signed it, so that nobody relies on it. Issuers whose keys are of other kinds than ours (RSA)
 * have no lists here and are passed over, so is a certificate that names another issuer. verdict
 * may be NULL. */
cr_status pki_chain_check_revoked(struct pki_trust *trust, const struct pki_cert *chain,
                                  size_t count, struct pki_verdict *verdict,
                                  struct cr_err *err) CR_MUST_CHECK;

/* True when the ranges in an EUM's certificate include the EID (32 digits). */
bool pki_eum_permits(const struct pki_cert *eum, cr_span eid);

/* True when a list of this issuer's key identifier is there, whoever signed it. */
bool pki_trust_has_crl(const struct pki_trust *trust, cr_span issuer_key_id);

#endif
