#include "pki/chain.h"

#include "base/text.h"
#include "pki/role.h"
#include "pki/trust.h"

#include <arpa/inet.h>
#include <stdio.h>

#define CLAUSE     "SGP.22 4.5.2.2"
#define EID_DIGITS 32

struct verifying {
    struct pki_trust *trust;
    const struct pki_cert *chain;
    size_t count;
    const struct pki_expect *expect;
    const struct pki_trust_ci *ci;
    struct crypto_public *keys[PKI_MAX_CHAIN]; /* of chain[i], once known */
    bool owned[PKI_MAX_CHAIN];                 /* keys[i] is not in the cache */
    struct pki_verdict verdict;
    struct cr_err *err;
};

static const char *const problem_names[] = {
    [PKI_OK] = "ok",
    [PKI_UNKNOWN_CI] = "unknown-ci",
    [PKI_BAD_SIGNATURE] = "bad-signature",
    [PKI_EXPIRED] = "expired",
    [PKI_REVOKED] = "revoked",
    [PKI_BAD_PROFILE] = "bad-profile",
    [PKI_WRONG_ROLE] = "wrong-role",
    [PKI_WRONG_CURVE] = "wrong-curve",
    [PKI_EID_RANGE] = "eid-range",
    [PKI_MALFORMED] = "malformed",
};

const char *pki_problem_name(enum pki_problem problem)
{
    return (size_t)problem < CR_COUNT(problem_names) ? problem_names[problem] : "unknown";
}

/* at: index in the chain, -1 = the CI or the chain as a whole. */
static cr_status refuse(struct verifying *v, int at, enum pki_problem problem, const char *field,
                        const char *what)
{
    char who[40];
    v->verdict.problem = problem;
    v->verdict.failed_at = at;
    if (at < 0) {
        (void)snprintf(who, sizeof(who), "chain");
    } else {
        (void)snprintf(who, sizeof(who), "certificate %d (%s)", at,
                       pki_role_name(v->chain[at].role));
    }
    cr_status status = cr_fail(v->err, problem == PKI_MALFORMED ? CR_MALFORMED : CR_REFUSED, CLAUSE,
                               "%s: %s", who, what);
    (void)cr_err_field(v->err, status, field);
    return cr_err_code(v->err, status, (long)problem);
}

static const struct pki_cert *issuer_of(const struct verifying *v, size_t i)
{
    return i + 1 < v->count ? &v->chain[i + 1] : &v->ci->cert;
}

static const struct crypto_public *issuer_key_of(const struct verifying *v, size_t i)
{
    return i + 1 < v->count ? v->keys[i + 1] : v->ci->key;
}

/* --- CI ----------------------------------------------------------------------------------------
 */

static bool in_time(const struct pki_cert *c, int64_t now_ms)
{
    /* notAfter names a second that still belongs to the period (RFC 5280 4.1.2.5) */
    return now_ms == 0 || (now_ms >= c->not_before_ms && now_ms < c->not_after_ms + 1000);
}

static cr_status find_ci(struct verifying *v)
{
    int top = (int)v->count - 1;
    cr_span aki = v->chain[top].aki;
    if (!cr_span_present(aki)) {
        return refuse(v, top, PKI_BAD_PROFILE, "authorityKeyIdentifier",
                      "it does not say which key signed it");
    }
    v->ci = pki_trust_find(v->trust, aki);
    if (!v->ci) {
        return refuse(v, top, PKI_UNKNOWN_CI, "authorityKeyIdentifier",
                      "no trusted CI has the key that is named as issuer");
    }
    v->verdict.ci = &v->ci->cert;
    if (cr_span_present(v->expect->ci_key_id) &&
        !cr_span_equal(v->expect->ci_key_id, v->ci->cert.ski)) {
        return refuse(v, top, PKI_UNKNOWN_CI, "authorityKeyIdentifier",
                      "it ends in another CI than the one that was agreed");
    }
    if (!in_time(&v->ci->cert, v->expect->now_ms)) {
        return refuse(v, -1, PKI_EXPIRED, "validity", "the CI is outside of its validity period");
    }
    return CR_OK;
}

/* --- signature, revocation, dates, key ---------------------------------------------------------
 */

static cr_status check_signature(struct verifying *v, size_t i, uint8_t hash[CRYPTO_SHA256])
{
    const struct pki_cert *c = &v->chain[i];
    const struct pki_cert *issuer = issuer_of(v, i);
    const struct crypto_public *key = issuer_key_of(v, i);
    if (!cr_span_present(c->aki)) {
        return refuse(v, (int)i, PKI_BAD_PROFILE, "authorityKeyIdentifier",
                      "it does not say which key signed it");
    }
    if (!cr_span_equal(c->aki, issuer->ski)) {
        return refuse(v, (int)i, PKI_BAD_SIGNATURE, "authorityKeyIdentifier",
                      "the next certificate of the chain is not the issuer that it names");
    }
    if (!pki_name_equal(c->issuer, issuer->subject)) {
        return refuse(v, (int)i, PKI_BAD_SIGNATURE, "issuer",
                      "the name of the issuer is not the one of the next certificate");
    }
    if (!cr_span_present(c->signature)) {
        return refuse(v, (int)i, PKI_BAD_SIGNATURE, "signatureAlgorithm",
                      "it is not signed with ecdsa-with-SHA256");
    }
    if (i > 0) {
        pki_cache_hash(key, c->raw, hash);
        v->keys[i] = pki_cache_find(&v->trust->cache, hash);
        if (v->keys[i]) {
            return CR_OK;
        }
    }
    cr_status status = crypto_verify_der(key, c->tbs, c->signature, v->err);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return refuse(v, (int)i, PKI_BAD_SIGNATURE, "signatureValue",
                      "its signature was not made by the issuer's key");
    }
    return status;
}

static cr_status take_key(struct verifying *v, size_t i, const uint8_t hash[CRYPTO_SHA256])
{
    const struct pki_cert *c = &v->chain[i];
    if (v->keys[i]) {
        return CR_OK;
    }
    if (c->curve == CRYPTO_CURVE_NONE) {
        return refuse(v, (int)i, PKI_WRONG_CURVE, "subjectPublicKeyInfo",
                      "its key is no uncompressed point on a supported curve");
    }
    cr_status status = crypto_public_new(c->curve, c->point, &v->keys[i], v->err);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return refuse(v, (int)i, PKI_MALFORMED, "subjectPublicKeyInfo",
                      "its public key is no point of the curve");
    }
    if (status == CR_OK) {
        v->owned[i] = i == 0 || !pki_cache_add(&v->trust->cache, hash, &v->keys[i]);
    }
    return status;
}

/* --- extensions --------------------------------------------------------------------------------
 */

static cr_status check_path_length(struct verifying *v, const struct pki_cert *issuer, int at)
{
    /* CA certificates below this one, without a CA that is the leaf (RFC 5280 4.2.1.9) */
    int below = at < 0 ? (int)v->count - 1 : at - 1;
    if (issuer->path_len >= 0 && below > issuer->path_len) {
        return refuse(v, at, PKI_BAD_PROFILE, "basicConstraints",
                      "more CA certificates follow than pathLenConstraint permits");
    }
    return CR_OK;
}

static cr_status check_ca(struct verifying *v, int at)
{
    const struct pki_cert *c = &v->chain[at];
    if (!c->has_basic_constraints || !c->is_ca) {
        return refuse(v, at, PKI_BAD_PROFILE, "basicConstraints", "it is not a CA certificate");
    }
    if (!c->basic_constraints_critical) {
        return refuse(v, at, PKI_BAD_PROFILE, "basicConstraints", "the extension is not critical");
    }
    return at > 0 ? check_path_length(v, c, at) : CR_OK;
}

static cr_status check_key_usage(struct verifying *v, int at, unsigned needed)
{
    const struct pki_cert *c = &v->chain[at];
    if (!c->has_key_usage || (c->key_usage & needed) != needed) {
        return refuse(v, at, PKI_BAD_PROFILE, "keyUsage",
                      needed & PKI_KU_KEY_CERT_SIGN ? "keyCertSign is missing"
                                                    : "digitalSignature is missing");
    }
    if (!c->key_usage_critical) {
        return refuse(v, at, PKI_BAD_PROFILE, "keyUsage", "the extension is not critical");
    }
    if ((c->key_usage & PKI_KU_KEY_CERT_SIGN) && !c->is_ca) {
        return refuse(v, at, PKI_BAD_PROFILE, "keyUsage", "keyCertSign in a leaf certificate");
    }
    return CR_OK;
}

static cr_status check_role(struct verifying *v, int at)
{
    const struct pki_cert *c = &v->chain[at];
    const struct pki_cert *issuer = issuer_of(v, (size_t)at);
    if (at == 0 && c->role != v->expect->role) {
        return refuse(v, at, PKI_WRONG_ROLE, "certificatePolicies",
                      "the role policy is not the one that is needed here");
    }
    if (at > 0 && !pki_role_profile(c->role)->ca) {
        return refuse(v, at, PKI_WRONG_ROLE, "certificatePolicies",
                      "the role policy is not one of a CA");
    }
    if (!pki_role_may_issue(issuer->role, issuer->role_v3, c->role, c->role_v3)) {
        return refuse(v, at, PKI_WRONG_ROLE, "certificatePolicies",
                      "a certificate of this role may not stand below its issuer");
    }
    if (pki_role_profile(c->role)->policies_critical && !c->policies_critical) {
        return refuse(v, at, PKI_BAD_PROFILE, "certificatePolicies",
                      "the extension is not critical");
    }
    return CR_OK;
}

static cr_status check_eum(struct verifying *v, int at)
{
    const struct pki_cert *c = &v->chain[at];
    if (!cr_span_present(c->subject_o)) {
        return refuse(v, at, PKI_BAD_PROFILE, "subject", "an EUM has to have an organization");
    }
    if (!c->role_v3 && !c->has_name_constraints) {
        return refuse(v, at, PKI_BAD_PROFILE, "nameConstraints", "the extension is missing");
    }
    if (!c->role_v3 && !c->name_constraints_critical) {
        return refuse(v, at, PKI_BAD_PROFILE, "nameConstraints", "the extension is not critical");
    }
    if (c->permitted_ein_count == 0) {
        return refuse(v, at, PKI_BAD_PROFILE, c->role_v3 ? "permittedEins" : "nameConstraints",
                      "it permits no range of EIDs");
    }
    return CR_OK;
}

bool pki_eum_permits(const struct pki_cert *c, cr_span eid)
{
    for (size_t i = 0; i < c->permitted_ein_count; i++) {
        if (c->permitted_eins[i].n > 0 &&
            cr_span_equal(cr_span_sub(eid, 0, c->permitted_eins[i].n), c->permitted_eins[i])) {
            return true;
        }
    }
    return false;
}

/* Only O and the prefix of serialNumber count (SGP.22 4.5.2.1.0.2), and they bind through every EUM
 * certificate of the chain. */
static cr_status check_euicc(struct verifying *v)
{
    const struct pki_cert *c = &v->chain[0];
    if (c->subject_serial.n != EID_DIGITS || !cr_is_digits(c->subject_serial)) {
        return refuse(v, 0, PKI_BAD_PROFILE, "subject", "serialNumber is no EID of 32 digits");
    }
    for (size_t i = 1; i < v->count; i++) {
        const struct pki_cert *eum = &v->chain[i];
        bool is_eum = eum->role == PKI_ROLE_EUM;
        if (!is_eum && eum->role != PKI_ROLE_EUM_SUBCA) {
            continue;
        }
        if ((is_eum || eum->permitted_ein_count > 0) && !pki_eum_permits(eum, c->subject_serial)) {
            return refuse(v, 0, PKI_EID_RANGE, "serialNumber",
                          "the EID is outside of the range that the EUM may issue");
        }
        cr_span o = cr_span_present(eum->permitted_o) ? eum->permitted_o : eum->subject_o;
        if ((is_eum || cr_span_present(eum->permitted_o)) &&
            !pki_name_value_equal(o, c->subject_o)) {
            return refuse(v, 0, PKI_EID_RANGE, "organizationName",
                          "the organization is not the one of the EUM");
        }
    }
    return CR_OK;
}

static cr_span without_dot(cr_span name)
{
    return name.n > 1 && name.p[name.n - 1] == '.' ? cr_span_sub(name, 0, name.n - 1) : name;
}

static bool ip_matches(const struct pki_cert *c, cr_span text)
{
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (!cr_str_copy(address, sizeof(address), text) || strlen(address) != text.n) {
        return false;
    }
    cr_span ip = {0};
    if (inet_pton(AF_INET, address, bytes) == 1) {
        ip = cr_span_of(bytes, 4);
    } else if (inet_pton(AF_INET6, address, bytes) == 1) {
        ip = cr_span_of(bytes, 16);
    }
    for (size_t i = 0; cr_span_present(ip) && i < c->ip_address_count; i++) {
        if (cr_span_equal(c->ip_addresses[i], ip)) {
            return true;
        }
    }
    return false;
}

static bool dns_matches(const struct pki_cert *c, cr_span wanted)
{
    wanted = without_dot(wanted);
    for (size_t i = 0; wanted.n > 0 && i < c->dns_name_count; i++) {
        if (cr_span_equal_nocase(without_dot(c->dns_names[i]), wanted)) {
            return true;
        }
    }
    return ip_matches(c, wanted);
}

static cr_status check_tls(struct verifying *v)
{
    const struct pki_cert *c = &v->chain[0];
    bool client = v->expect->tls_client;
    if (!c->has_eku || !(client ? c->eku_client_auth : c->eku_server_auth)) {
        return refuse(v, 0, PKI_BAD_PROFILE, "extKeyUsage",
                      client ? "clientAuth is missing" : "serverAuth is missing");
    }
    if (!c->eku_critical) {
        return refuse(v, 0, PKI_BAD_PROFILE, "extKeyUsage", "the extension is not critical");
    }
    if (cr_span_present(v->expect->dns_name) && !dns_matches(c, v->expect->dns_name)) {
        return refuse(v, 0, PKI_BAD_PROFILE, "subjectAltName",
                      "no name in it is the name of the server");
    }
    return CR_OK;
}

static cr_status check_leaf(struct verifying *v)
{
    const struct pki_cert *c = &v->chain[0];
    const struct pki_role_profile *profile = pki_role_profile(v->expect->role);
    if (profile->needs_registered_id && !cr_span_present(c->registered_id)) {
        return refuse(v, 0, PKI_BAD_PROFILE, "subjectAltName", "registeredID is missing");
    }
    if (v->expect->role == PKI_ROLE_EUICC) {
        return check_euicc(v);
    }
    return profile->tls ? check_tls(v) : CR_OK;
}

static cr_status check_extensions(struct verifying *v, int at)
{
    const struct pki_cert *c = &v->chain[at];
    const struct pki_role_profile *expected = pki_role_profile(v->expect->role);
    bool ca = at > 0 || expected->ca;
    if (c->unknown_critical) {
        return refuse(v, at, PKI_BAD_PROFILE, "extensions",
                      "it has a critical extension that is not known here");
    }
    if (!cr_span_present(c->ski)) {
        return refuse(v, at, PKI_BAD_PROFILE, "subjectKeyIdentifier", "the extension is missing");
    }
    if (ca) {
        CR_TRY(check_ca(v, at));
    } else if (c->is_ca) {
        return refuse(v, at, PKI_BAD_PROFILE, "basicConstraints", "it is a CA certificate");
    }
    CR_TRY(check_key_usage(v, at, ca ? PKI_KU_KEY_CERT_SIGN : PKI_KU_DIGITAL_SIGNATURE));
    CR_TRY(check_role(v, at));
    if (c->role == PKI_ROLE_EUM) {
        CR_TRY(check_eum(v, at));
    }
    return at == 0 ? check_leaf(v) : CR_OK;
}

/* --- the walk ----------------------------------------------------------------------------------
 */

static cr_status check_certificate(struct verifying *v, size_t i)
{
    uint8_t hash[CRYPTO_SHA256] = {0};
    CR_TRY(check_signature(v, i, hash));
    if (pki_trust_revokes(v->trust, &v->chain[i], issuer_of(v, i), issuer_key_of(v, i))) {
        return refuse(v, (int)i, PKI_REVOKED, "serialNumber", "it is revoked");
    }
    if (!in_time(&v->chain[i], v->expect->now_ms)) {
        return refuse(v, (int)i, PKI_EXPIRED, "validity", "it is outside of its validity period");
    }
    CR_TRY(take_key(v, i, hash));
    return check_extensions(v, (int)i);
}

static cr_status walk(struct verifying *v)
{
    if (v->count == 0 || v->count > PKI_MAX_CHAIN) {
        return refuse(v, -1, PKI_BAD_PROFILE, "chain", "it has no or too many certificates");
    }
    CR_TRY(find_ci(v));
    CR_TRY(check_path_length(v, &v->ci->cert, -1));
    for (size_t i = v->count; i-- > 0;) {
        CR_TRY(check_certificate(v, i));
    }
    return CR_OK;
}

cr_status pki_chain_verify(struct pki_trust *trust, const struct pki_cert *chain, size_t count,
                           const struct pki_expect *expect, struct pki_verdict *verdict,
                           struct crypto_public **leaf_key, struct cr_err *err)
{
    struct verifying v = {.trust = trust,
                          .chain = chain,
                          .count = count,
                          .expect = expect,
                          .verdict = {.problem = PKI_OK, .failed_at = -1},
                          .err = err};
    if ((unsigned)expect->role >= PKI_ROLES) {
        return cr_fail(err, CR_INTERNAL, CLAUSE, "there is no role %d", (int)expect->role);
    }
    cr_status status = walk(&v);
    if (verdict) {
        *verdict = v.verdict;
    }
    if (status == CR_OK && leaf_key) {
        *leaf_key = v.keys[0];
        v.owned[0] = false;
    }
    for (size_t i = 0; i < PKI_MAX_CHAIN; i++) {
        if (v.owned[i]) {
            crypto_public_free(v.keys[i]);
        }
    }
    return status;
}

/* --- revocation alone --------------------------------------------------------------------------
 */

static cr_status check_revoked(struct verifying *v, size_t i)
{
    const struct pki_cert *issuer = &v->chain[i + 1];
    struct crypto_public *key = NULL;
    if (issuer->curve == CRYPTO_CURVE_NONE || !cr_span_equal(v->chain[i].aki, issuer->ski) ||
        !pki_trust_has_crl(v->trust, issuer->ski)) {
        return CR_OK;
    }
    CR_TRY(crypto_public_new(issuer->curve, issuer->point, &key, v->err));
    cr_status status = CR_OK;
    if (pki_trust_has_forged_crl(v->trust, issuer, key)) {
        status = refuse(v, (int)i, PKI_BAD_SIGNATURE, "certificateList",
                        "the CRL that names its issuer was not signed by that issuer");
    } else if (pki_trust_revokes(v->trust, &v->chain[i], issuer, key)) {
        status = refuse(v, (int)i, PKI_REVOKED, "serialNumber", "it is revoked");
    }
    crypto_public_free(key);
    return status;
}

cr_status pki_chain_check_revoked(struct pki_trust *trust, const struct pki_cert *chain,
                                  size_t count, struct pki_verdict *verdict, struct cr_err *err)
{
    struct verifying v = {.trust = trust,
                          .chain = chain,
                          .count = count,
                          .verdict = {.problem = PKI_OK, .failed_at = -1},
                          .err = err};
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i + 1 < count; i++) {
        status = check_revoked(&v, i);
    }
    if (verdict) {
        *verdict = v.verdict;
    }
    return status;
}
