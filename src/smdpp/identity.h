/*
 * Who an SM-DP+ is: address, OID, and for each CI it stands under the certificates and keys that it
 * authenticates (DPauth) and binds (DPpb) with. Configuration: by default the set that `crisp pki
 * init` made, any other set by an INI file.
 *
 *     [smdpp]
 *     address = smdpp.example.com        ; smdpAddress, host part of the activation code
 *     public-address = a.example:8443    ; optional: what activation codes name, when LPAs reach
 *                                        ; ES9+ under another name or port than address:443
 *     trust = ci-nist.der ci-brp.der     ; CIs whose eUICCs are believed
 *     crl = ci.crl                       ; optional, several, of CIs and of operators' CAs: what
 *                                        ; they revoke is not believed, ours included
 *     tls-cert = dptls.der               ; TLS of ES9+ (and ES2+); several pairs: tls-cert.2 ...
 *     tls-key = dptls.key
 *     operator-ca = operators.pem        ; who may speak ES2+
 *
 *     [identity nist]                    ; one section for each CI
 *     dpauth-cert = dpauth.der
 *     dpauth-key = dpauth.key
 *     dppb-cert = dppb.der
 *     dppb-key = dppb.key
 *
 *     [operator Example Telecom]         ; CN of the operator's client certificate
 *     notify = https://op.example:8443   ; where it listens for ES2+ notifications
 *     ca = op-ca.pem                     ; who signed that server's certificate
 *
 * Certificates and CRLs are DER or PEM. Relative paths are relative to the file. The files are read
 * once: a server that shall know a new CRL is started again.
 */
#ifndef CRISP_SMDPP_IDENTITY_H
#define CRISP_SMDPP_IDENTITY_H

#include "pki/chain.h"
#include "pki/key.h"

#define SMDPP_MAX_IDENTITIES 8
#define SMDPP_MAX_TLS        8
#define SMDPP_MAX_OPERATORS  64

struct smdpp_identity {
    const char *name;
    struct pki_cert auth, pb;
    struct pki_key *auth_key, *pb_key;
    cr_span ci_key_id;         /* of the CI above both, 20 bytes */
    int64_t from_ms, until_ms; /* in which both and the CI are valid; until is exclusive */
};

struct smdpp_config {
    cr_arena arena;             /* holds everything below */
    const char *address;        /* FQDN, without port */
    const char *public_address; /* for activation codes, maybe with port; NULL = address, at 443 */
    cr_span oid;                /* registeredID of the certificates, contents octets */
    struct pki_trust *trust;
    struct smdpp_identity identities[SMDPP_MAX_IDENTITIES];
    size_t identity_count;
    struct {
        const char *cert, *key;
    } tls[SMDPP_MAX_TLS];
    size_t tls_count;
    const char *operator_ca; /* NULL = ES2+ over the network is off */
    struct smdpp_operator {
        const char *name;
        const char *notify; /* base URL, NULL = nowhere */
        const char *ca;     /* NULL = the system's certificates */
    } operators[SMDPP_MAX_OPERATORS];
    size_t operator_count;
};

/* The operator with this name, NULL. */
const struct smdpp_operator *smdpp_operator_named(const struct smdpp_config *config,
                                                  const char *name);
/* Adds (or changes) one; strings are copied. CR_REFUSED when there are too many. */
cr_status smdpp_operator_set(struct smdpp_config *config, const char *name, const char *notify,
                             const char *ca, struct cr_err *err) CR_MUST_CHECK;

/* From an INI file as above. Everything is checked: files, keys matching certificates, roles,
 * chains to a trusted CI, one OID on all certificates. Messages name file and line. */
cr_status smdpp_config_load(const char *path, const cr_env *env, struct smdpp_config *out,
                            struct cr_err *err) CR_MUST_CHECK;

/* From a directory made by `crisp pki init` (pki/hierarchy.h). */
cr_status smdpp_config_from_pki(const char *dir, const cr_env *env, struct smdpp_config *out,
                                struct cr_err *err) CR_MUST_CHECK;

void smdpp_config_free(struct smdpp_config *config);

/* Our certificate for an eUICC that verifies with these CI keys (in its order of preference); NULL
 * when none fits that is valid now. */
const struct smdpp_identity *smdpp_identity_for(const struct smdpp_config *config,
                                                const cr_span *ci_key_ids, size_t count,
                                                int64_t now_ms);
/* The identity under a CI, NULL. */
const struct smdpp_identity *smdpp_identity_under(const struct smdpp_config *config,
                                                  cr_span ci_key_id);

#endif
