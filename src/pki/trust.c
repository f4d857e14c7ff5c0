#include "pki/trust.h"

#include "pki/parts.h"
#include "pki/role.h"

#include <stdlib.h>

#define CLAUSE "SGP.22 4.5.2.2"

struct pki_trust *pki_trust_new(void)
{
    struct pki_trust *trust = calloc(1, sizeof(*trust));
    if (trust && pthread_mutex_init(&trust->cache.lock, NULL) != 0) {
        free(trust);
        return NULL;
    }
    return trust;
}

static void ci_free(struct pki_trust_ci *ci)
{
    if (ci) {
        crypto_public_free(ci->key);
        free(ci->der);
        free(ci);
    }
}

static void crl_free(struct pki_trust_crl *crl)
{
    if (crl) {
        free(crl->serials);
        free(crl->der);
        free(crl);
    }
}

void pki_trust_free(struct pki_trust *trust)
{
    if (!trust) {
        return;
    }
    for (size_t i = 0; i < trust->ci_count; i++) {
        ci_free(trust->cis[i]);
    }
    for (size_t i = 0; i < trust->crl_count; i++) {
        crl_free(trust->crls[i]);
    }
    free(trust->crls);
    pki_cache_free(&trust->cache);
    free(trust);
}

static uint8_t *copy_bytes(cr_span s)
{
    uint8_t *p = malloc(s.n ? s.n : 1);
    if (p && s.n) {
        memcpy(p, s.p, s.n);
    }
    return p;
}

/* --- CIs ---------------------------------------------------------------------------------------
 */

static cr_status refuse_ci(struct cr_err *err, const char *field, const char *what)
{
    return cr_err_field(err,
                        cr_fail(err, CR_REFUSED, "SGP.22 4.5.2.1.0.1",
                                "not usable as certificate of a CI: %s", what),
                        field);
}

static cr_status check_ci(const struct pki_cert *c, struct cr_err *err)
{
    if (c->role != PKI_ROLE_CI) {
        return refuse_ci(err, "certificatePolicies", "the policy is not that of a CI");
    }
    if (c->curve == CRYPTO_CURVE_NONE) {
        return refuse_ci(err, "subjectPublicKeyInfo", "its key is on no supported curve");
    }
    if (!pki_name_equal(c->issuer, c->subject)) {
        return refuse_ci(err, "issuer", "it is not self-signed");
    }
    if (!c->has_basic_constraints || !c->is_ca || !c->basic_constraints_critical) {
        return refuse_ci(err, "basicConstraints", "it does not say critically that it is a CA");
    }
    if (!c->has_key_usage || !c->key_usage_critical || !(c->key_usage & PKI_KU_KEY_CERT_SIGN)) {
        return refuse_ci(err, "keyUsage", "keyCertSign is missing or not critical");
    }
    if (!cr_span_present(c->ski)) {
        return refuse_ci(err, "subjectKeyIdentifier", "it has no key identifier");
    }
    if (c->unknown_critical) {
        return refuse_ci(err, "extensions", "it has a critical extension that is not known here");
    }
    return CR_OK;
}

static cr_status ci_open(cr_span der, struct pki_trust_ci *ci, struct cr_err *err)
{
    ci->der = copy_bytes(der);
    if (!ci->der) {
        return cr_fail_memory(err);
    }
    CR_TRY(pki_cert_decode(cr_span_of(ci->der, der.n), &ci->cert, err));
    CR_TRY(check_ci(&ci->cert, err));
    CR_TRY(crypto_public_new(ci->cert.curve, ci->cert.point, &ci->key, err));
    if (!cr_span_present(ci->cert.signature)) {
        return refuse_ci(err, "signatureAlgorithm", "it is not signed with ecdsa-with-SHA256");
    }
    cr_status status = crypto_verify_der(ci->key, ci->cert.tbs, ci->cert.signature, err);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "certificate of a CI");
}

cr_status pki_trust_add_ci(struct pki_trust *trust, cr_span der, struct cr_err *err)
{
    struct pki_trust_ci *ci = calloc(1, sizeof(*ci));
    if (!ci) {
        return cr_fail_memory(err);
    }
    cr_status status = ci_open(der, ci, err);
    if (status != CR_OK) {
        ci_free(ci);
        return status;
    }
    const struct pki_trust_ci *known = pki_trust_find(trust, ci->cert.ski);
    if (known || trust->ci_count == PKI_MAX_CIS) {
        bool same = known && cr_span_equal(known->cert.raw, ci->cert.raw);
        ci_free(ci);
        return same    ? CR_OK
               : known ? cr_fail(err, CR_REFUSED, CLAUSE,
                                 "another CI certificate with this key identifier is there already")
                       : cr_fail(err, CR_REFUSED, NULL, "more than %d CIs", PKI_MAX_CIS);
    }
    trust->cis[trust->ci_count++] = ci;
    return CR_OK;
}

const struct pki_trust_ci *pki_trust_find(const struct pki_trust *trust, cr_span key_id)
{
    for (size_t i = 0; cr_span_present(key_id) && i < trust->ci_count; i++) {
        if (cr_span_equal(trust->cis[i]->cert.ski, key_id)) {
            return trust->cis[i];
        }
    }
    return NULL;
}

const struct pki_cert *pki_trust_ci(const struct pki_trust *trust, cr_span key_id)
{
    const struct pki_trust_ci *ci = pki_trust_find(trust, key_id);
    return ci ? &ci->cert : NULL;
}

size_t pki_trust_ci_count(const struct pki_trust *trust)
{
    return trust->ci_count;
}

const struct pki_cert *pki_trust_ci_at(const struct pki_trust *trust, size_t i)
{
    return i < trust->ci_count ? &trust->cis[i]->cert : NULL;
}

/* --- CRLs --------------------------------------------------------------------------------------
 */

static cr_status refuse_crl(struct cr_err *err, const char *field, const char *what)
{
    return cr_err_field(err, cr_fail(err, CR_REFUSED, "SGP.22 4.6", "not a usable CRL: %s", what),
                        field);
}

static cr_status check_crl(const struct pki_crl *crl, struct cr_err *err)
{
    if (!cr_span_present(crl->aki)) {
        return refuse_crl(err, "authorityKeyIdentifier", "it does not say which key signed it");
    }
    if (!cr_span_present(crl->signature)) {
        return refuse_crl(err, "signatureAlgorithm", "it is not signed with ecdsa-with-SHA256");
    }
    if (crl->unknown_critical) {
        return refuse_crl(err, "crlExtensions",
                          "it has a critical extension that is not known here (delta CRL?)");
    }
    if (crl->indirect || crl->only_attribute_certs) {
        return refuse_crl(err, "issuingDistributionPoint",
                          "indirect CRLs and those of attribute certificates are not used in RSP");
    }
    return CR_OK;
}

static int compare_serials(const void *a, const void *b)
{
    return cr_span_compare(*(const cr_span *)a, *(const cr_span *)b);
}

static cr_status index_serials(struct pki_trust_crl *crl, struct cr_err *err)
{
    cr_span left = crl->crl.revoked;
    bool unknown = false;
    crl->serials = calloc(crl->crl.revoked_count + 1, sizeof(*crl->serials));
    if (!crl->serials) {
        return cr_fail_memory(err);
    }
    while (crl->count < crl->crl.revoked_count &&
           pki_crl_next(&left, &crl->serials[crl->count], &unknown)) {
        crl->count++;
    }
    qsort(crl->serials, crl->count, sizeof(*crl->serials), compare_serials);
    return CR_OK;
}

/* True when the key may sign CRLs, is named by the CRL and did sign it. */
static bool signed_by(const struct pki_crl *crl, const struct pki_cert *issuer,
                      const struct crypto_public *key)
{
    return issuer->has_key_usage && (issuer->key_usage & PKI_KU_CRL_SIGN) &&
           pki_name_equal(crl->issuer, issuer->subject) &&
           crypto_verify_der(key, crl->tbs, crl->signature, NULL) == CR_OK;
}

static cr_status crl_open(const struct pki_trust *trust, cr_span der, struct pki_trust_crl *crl,
                          struct cr_err *err)
{
    crl->der = copy_bytes(der);
    if (!crl->der) {
        return cr_fail_memory(err);
    }
    CR_TRY(pki_crl_decode(cr_span_of(crl->der, der.n), &crl->crl, err));
    CR_TRY(check_crl(&crl->crl, err));
    const struct pki_trust_ci *ci = pki_trust_find(trust, crl->crl.aki);
    if (ci) {
        if (!signed_by(&crl->crl, &ci->cert, ci->key)) {
            return refuse_crl(err, "signatureValue", "the CI that it names has not signed it");
        }
        memcpy(crl->signer, ci->cert.point.p, CRYPTO_POINT);
        atomic_store(&crl->state, PKI_CRL_GOOD);
    }
    return index_serials(crl, err);
}

static bool same_list(const struct pki_trust_crl *a, const struct pki_trust_crl *b)
{
    return cr_span_equal(a->crl.aki, b->crl.aki) && cr_span_equal(a->crl.scope, b->crl.scope) &&
           cr_span_equal(a->crl.partial_number, b->crl.partial_number);
}

static bool newer(const struct pki_crl *a, const struct pki_crl *b)
{
    return a->this_update_ms != b->this_update_ms ? a->this_update_ms > b->this_update_ms
           : a->number.n != b->number.n           ? a->number.n > b->number.n
                                                  : cr_span_compare(a->number, b->number) > 0;
}

/* Keeps the newer one of two issues of a list. Only between lists whose signature is known to be
 * good: nobody may displace a list with one that he made himself. */
static bool replace_older(struct pki_trust *trust, struct pki_trust_crl *crl)
{
    if (atomic_load(&crl->state) != PKI_CRL_GOOD) {
        return false;
    }
    for (size_t i = 0; i < trust->crl_count; i++) {
        struct pki_trust_crl *old = trust->crls[i];
        if (atomic_load(&old->state) == PKI_CRL_GOOD && same_list(old, crl)) {
            bool replace = newer(&crl->crl, &old->crl);
            trust->crls[i] = replace ? crl : old;
            crl_free(replace ? old : crl);
            return true;
        }
    }
    return false;
}

cr_status pki_trust_add_crl(struct pki_trust *trust, cr_span der, struct cr_err *err)
{
    if (!trust->crls) {
        trust->crls = calloc(PKI_MAX_CRLS, sizeof(struct pki_trust_crl *));
    }
    struct pki_trust_crl *crl = calloc(1, sizeof(*crl));
    if (!trust->crls || !crl) {
        crl_free(crl);
        return cr_fail_memory(err);
    }
    atomic_init(&crl->state, PKI_CRL_UNCHECKED);
    cr_status status = crl_open(trust, der, crl, err);
    if (status == CR_OK && replace_older(trust, crl)) {
        return CR_OK;
    }
    if (status == CR_OK && trust->crl_count == PKI_MAX_CRLS) {
        status = cr_fail(err, CR_REFUSED, NULL, "more than %d CRLs", PKI_MAX_CRLS);
    }
    if (status != CR_OK) {
        crl_free(crl);
        return status;
    }
    trust->crls[trust->crl_count++] = crl;
    return CR_OK;
}

/* The first key that verifies an unchecked CRL is remembered; another key with the same identifier
 * is verified each time. */
static bool crl_good(struct pki_trust *trust, struct pki_trust_crl *crl,
                     const struct pki_cert *issuer, const struct crypto_public *key)
{
    cr_span point = crypto_public_point(key);
    if (atomic_load(&crl->state) == PKI_CRL_GOOD &&
        cr_span_equal(CR_SPAN_ARRAY(crl->signer), point)) {
        return true;
    }
    if (!signed_by(&crl->crl, issuer, key)) {
        return false;
    }
    (void)pthread_mutex_lock(&trust->cache.lock);
    if (atomic_load(&crl->state) == PKI_CRL_UNCHECKED && point.n == CRYPTO_POINT) {
        memcpy(crl->signer, point.p, CRYPTO_POINT);
        atomic_store(&crl->state, PKI_CRL_GOOD);
    }
    (void)pthread_mutex_unlock(&trust->cache.lock);
    return true;
}

bool pki_trust_revokes(struct pki_trust *trust, const struct pki_cert *cert,
                       const struct pki_cert *issuer, const struct crypto_public *issuer_key)
{
    for (size_t i = 0; i < trust->crl_count; i++) {
        struct pki_trust_crl *crl = trust->crls[i];
        if (!cr_span_equal(crl->crl.aki, issuer->ski) ||
            (cert->is_ca ? crl->crl.only_user_certs : crl->crl.only_ca_certs) ||
            !bsearch(&cert->serial, crl->serials, crl->count, sizeof(cr_span), compare_serials)) {
            continue;
        }
        if (crl_good(trust, crl, issuer, issuer_key)) {
            return true;
        }
    }
    return false;
}

bool pki_trust_has_crl(const struct pki_trust *trust, cr_span issuer_key_id)
{
    for (size_t i = 0; cr_span_present(issuer_key_id) && i < trust->crl_count; i++) {
        if (cr_span_equal(trust->crls[i]->crl.aki, issuer_key_id)) {
            return true;
        }
    }
    return false;
}

bool pki_trust_has_forged_crl(struct pki_trust *trust, const struct pki_cert *issuer,
                              const struct crypto_public *issuer_key)
{
    for (size_t i = 0; i < trust->crl_count; i++) {
        if (cr_span_equal(trust->crls[i]->crl.aki, issuer->ski) &&
            !crl_good(trust, trust->crls[i], issuer, issuer_key)) {
            return true;
        }
    }
    return false;
}
