/*
 * A directory with a complete test hierarchy after SGP.26, and how to find one's way in it.
 *
 *   DIR/<curve>/ci.der ci.key eum.der eum.key dpauth.der dpauth.key dppb.der dppb.key
 *               dsauth.der dsauth.key ci.crl
 *   DIR/nist/dptls.der dptls.key dstls.der dstls.key operator.der operator.key   (TLS is P-256)
 *   DIR/pki.json            host names, OIDs, EIN prefix, curves: what was asked for
 *
 * <curve> is "nist" or "brainpool". Keys are PKCS#8 PEM with mode 0600. eUICC certificates are
 * issued by `crisp euicc create` with eum.key, or by `crisp pki issue`.
 */
#ifndef CRISP_PKI_HIERARCHY_H
#define CRISP_PKI_HIERARCHY_H

#include "pki/issue.h"

struct pki_hierarchy_options {
    const char *ci_cert[CRYPTO_CURVES]; /* use this CI instead of making one; NULL = make */
    const char *ci_key[CRYPTO_CURVES];
    const char *dp_host; /* FQDN of the SM-DP+, SAN of dptls; NULL = testsmdpplus1.example.com */
    const char *ds_host; /* FQDN of the SM-DS */
    const char *operator_name;             /* CN of the operator's client certificate */
    const char *ein_prefix;                /* of the EUM; NULL = 89049032 */
    const char *dp_oid, *ds_oid, *eum_oid; /* NULL = 2.999.10, 2.999.15, 2.999.5 */
    bool force;                            /* overwrite an existing set */
};

cr_status pki_hierarchy_init(const char *dir, const struct pki_hierarchy_options *options,
                             const cr_env *env, struct cr_err *err) CR_MUST_CHECK;

#endif
