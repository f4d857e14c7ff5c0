/*
 * A directory with a complete test hierarchy after SGP.26, and how to find one's way in it.
 *
 *   DIR/<curve>/ci.der ci.key eum.der eum.key dpauth.der dpauth.key dppb.der dppb.key
 *               dsauth.der dsauth.key ci.crl
 *   DIR/nist/dptls.der dptls.key dstls.der dstls.key operator.der operator.key   (TLS is P-256)
 *   DIR/<curve>/m2mdp.gp m2mdp.key m2msr.gp m2msr.key   CERT.DP.ECDSA and CERT.SR.ECDSA of SGP.02
 *   DIR/pki.json            host names, OIDs, EIN prefix, curves: what was asked for
 *
 * <curve> is "nist" or "brainpool". Keys are PKCS#8 PEM with mode 0600. eUICC certificates are
 * issued by `crisp euicc create` with eum.key, or by `crisp pki issue`.
 */
#ifndef CRISP_PKI_HIERARCHY_H
#define CRISP_PKI_HIERARCHY_H

#include "pki/chain.h"
#include "pki/gpcert.h"
#include "pki/issue.h"

/* Defaults, those of the SGP.26 test set. */
#define PKI_DEFAULT_DP_HOST    "testsmdpplus1.example.com"
#define PKI_DEFAULT_DS_HOST    "testrootsmds.example.com"
#define PKI_DEFAULT_OPERATOR   "operator"
#define PKI_DEFAULT_EIN_PREFIX "89049032"
#define PKI_DEFAULT_DP_OID     "2.999.10"
#define PKI_DEFAULT_DS_OID     "2.999.15"
#define PKI_DEFAULT_EUM_OID    "2.999.5"
#define PKI_DEFAULT_CI_OID     "2.999.1"
#define PKI_DEFAULT_CRL_URL    "http://ci.test.example.com/CRL-A.crl"

#define PKI_DAYS_TLS   398     /* longest life that TLS clients accept of a server certificate */
#define PKI_DAYS_LONG  12783   /* 35 years: CI, EUM, servers */
#define PKI_DAYS_EUICC 2000000 /* "for ever", as SGP.26 has it */

struct pki_hierarchy_options {
    const char *ci_cert[CRYPTO_CURVES]; /* use this CI instead of making one; NULL = make */
    const char *ci_key[CRYPTO_CURVES];
    const char *dp_host; /* FQDN of the SM-DP+, SAN of dptls; NULL = testsmdpplus1.example.com */
    const char *ds_host; /* FQDN of the SM-DS */
    const char *operator_name;             /* CN of the operator's client certificate */
    const char *ein_prefix;                /* of the EUM; NULL = 89049032 */
    const char *dp_oid, *ds_oid, *eum_oid; /* NULL = 2.999.10, 2.999.15, 2.999.5 */
    bool force;                            /* overwrite an existing set */
    const char *crl_url;                   /* in every certificate; NULL = PKI_DEFAULT_CRL_URL */
    const char *const *extra_names;        /* more names or IP addresses of dptls and dstls
                                              ("localhost", "127.0.0.1"), NULL-terminated; NULL = none */
};

/* Makes the whole set; options NULL = all defaults. Refuses when a set is there and .force is not
 * set. A CI that is given is checked (role, self-signature, key belongs to it) and copied. pki.json
 * is written last: a directory without it is an unfinished set. */
cr_status pki_hierarchy_init(const char *dir, const struct pki_hierarchy_options *options,
                             const cr_env *env, struct cr_err *err) CR_MUST_CHECK;

/* A CI alone (request: role CI), as DIR/<curve>/ci.der and ci.key; what was there is overwritten.
 * pki_hierarchy_issue_files() then issues below it. */
cr_status pki_hierarchy_make_ci(const char *dir, enum crypto_curve curve,
                                const struct pki_request *request, const cr_env *env,
                                struct cr_err *err) CR_MUST_CHECK;

/* "nist", "brainpool"; NULL for no curve. */
const char *pki_hierarchy_curve_dir(enum crypto_curve curve);

/* True when the directory has a CI of this curve. */
bool pki_hierarchy_has(const char *dir, enum crypto_curve curve);

/* The failure where it has none on any curve: says whether the directory is not there, may not be
 * looked into, or is something else. */
cr_status pki_hierarchy_absent(const char *dir, struct cr_err *err);

/* Loads DIR/<curve>/<name>.der (into the arena) and <name>.key. cert or key may be NULL when it is
 * not wanted; *key is the caller's. When both are loaded they are checked to belong together. */
cr_status pki_hierarchy_load(const char *dir, enum crypto_curve curve, const char *name,
                             cr_arena *arena, struct pki_cert *cert, struct pki_key **key,
                             struct cr_err *err) CR_MUST_CHECK;

/* Adds the CIs of all curves in the directory and their CRLs. CR_RESOURCE when there is no CI. */
cr_status pki_hierarchy_trust(const char *dir, struct pki_trust *trust,
                              struct cr_err *err) CR_MUST_CHECK;

/* Makes a key and issues a certificate under the issuer that the role needs (CI; for an eUICC the
 * EUM; else by issuer_name). Fields of *request that are left out get defaults: validity of the
 * role from now on, organization of the EUM for an eUICC, its permitted O. Refuses what
 * pki_chain_verify() would not believe because of its issuer (EID outside of the EUM's range, ...).
 * cert_der and *key may be NULL when not wanted. */
cr_status pki_hierarchy_issue(const char *dir, enum crypto_curve curve,
                              const struct pki_request *request, const char *issuer_name,
                              const cr_env *env, cr_buf *cert_der, struct crypto_private **key,
                              struct cr_err *err) CR_MUST_CHECK;

/* The same, kept as DIR/<curve>/<name>.der and <name>.key. Refuses when <name> is there and force
 * is not set. */
cr_status pki_hierarchy_issue_files(const char *dir, enum crypto_curve curve, const char *name,
                                    const struct pki_request *request, const char *issuer_name,
                                    bool force, const cr_env *env,
                                    struct cr_err *err) CR_MUST_CHECK;

/* CERT.EUICC and its key for an EID of 32 digits, by the hierarchy's EUM. eum_der (may be NULL)
 * receives CERT.EUM. */
cr_status pki_issue_euicc(const char *dir, enum crypto_curve curve, const char *eid,
                          const cr_env *env, cr_buf *cert_der, cr_buf *eum_der,
                          struct crypto_private **key, struct cr_err *err) CR_MUST_CHECK;

/* --- GlobalPlatform certificates (SGP.02) --- */

/* A 7F21 file into the arena. */
cr_status pki_gpcert_load(const char *path, cr_arena *arena, struct gpcert *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Loads DIR/<curve>/<name>.gp (into the arena) and <name>.key. key may be NULL when it is not
 * wanted; *key is the caller's. When both are loaded they are checked to belong together. */
cr_status pki_hierarchy_load_gp(const char *dir, enum crypto_curve curve, const char *name,
                                cr_arena *arena, struct gpcert *cert, struct pki_key **key,
                                struct cr_err *err) CR_MUST_CHECK;

struct pki_gp_request {
    enum gpcert_role role; /* NONE: CERT.ECASD.ECKA by the EUM; else by the CI */
    const char *eid;       /* of an ECASD: 32 digits */
    uint32_t effective;    /* decimal YYYYMMDD; 0 = yesterday */
    uint32_t expiry;       /* 0 = as long as the CI, 35 years at most; of an ECASD: for ever */
    cr_span serial;        /* absent = 8 random bytes */
};

/* Makes a key on the curve and issues a certificate for it by the hierarchy's CI or EUM of the same
 * curve. An EID outside of the EUM's range is refused. The certificate is appended to cert, *key is
 * the caller's. */
cr_status pki_hierarchy_issue_gp(const char *dir, enum crypto_curve curve,
                                 const struct pki_gp_request *request, const cr_env *env,
                                 cr_buf *cert, struct crypto_private **key,
                                 struct cr_err *err) CR_MUST_CHECK;
/* The same, kept as DIR/<curve>/<name>.gp and <name>.key. Refuses when one of them is there and
 * force is not set. */
cr_status pki_hierarchy_issue_gp_files(const char *dir, enum crypto_curve curve, const char *name,
                                       const struct pki_gp_request *request, bool force,
                                       const cr_env *env, struct cr_err *err) CR_MUST_CHECK;

/* Puts a certificate on ci.crl (number + 1, a year until the next one). count 0 renews the list. A
 * serial is the contents of the INTEGER, as in struct pki_cert. */
cr_status pki_hierarchy_revoke(const char *dir, enum crypto_curve curve, const cr_span *serials,
                               size_t count, const cr_env *env, struct cr_err *err) CR_MUST_CHECK;

#endif
