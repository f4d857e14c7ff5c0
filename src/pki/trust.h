/*
 * Inside of struct pki_trust: what the chain verifier looks up. Internal to the folder.
 */
#ifndef CRISP_PKI_TRUST_H
#define CRISP_PKI_TRUST_H

#include "pki/chain.h"

#include <pthread.h>
#include <stdatomic.h>

#define PKI_MAX_CIS         64   /* CIs in one trust */
#define PKI_MAX_CRLS        1024 /* CRLs in one trust, partial ones included */
#define PKI_MAX_CACHED_KEYS 1024 /* verified intermediates */

struct pki_trust_ci {
    struct pki_cert cert; /* points into der */
    struct crypto_public *key;
    uint8_t *der;
};

/* A CRL of an intermediate is taken in before its issuer is known; whether the signature is right
 * is found out at its first use. */
enum pki_crl_state { PKI_CRL_UNCHECKED, PKI_CRL_GOOD };

struct pki_trust_crl {
    struct pki_crl crl; /* points into der */
    uint8_t *der;
    cr_span *serials; /* sorted */
    size_t count;
    uint8_t signer[CRYPTO_POINT]; /* key that the signature was verified with, when good */
    atomic_int state;
};

struct pki_cached_key {
    uint8_t hash[CRYPTO_SHA256]; /* over the issuer's curve and point and the certificate */
    struct crypto_public *key;   /* of the certificate */
};

/* Keys of certificates whose signature was verified once. Nothing is ever thrown out before the
 * trust is freed, so that a key found can be used without holding the lock; when it is full,
 * certificates are verified each time. Only certificates below a trusted CI get in. */
struct pki_key_cache {
    pthread_mutex_t lock;
    struct pki_cached_key *slots; /* open addressing, made at first use */
    size_t count;
};

struct pki_trust {
    struct pki_trust_ci *cis[PKI_MAX_CIS];
    size_t ci_count;
    struct pki_trust_crl **crls;
    size_t crl_count;
    struct pki_key_cache cache;
};

const struct pki_trust_ci *pki_trust_find(const struct pki_trust *trust, cr_span key_id);

/* Looks whether a CRL of this issuer lists the certificate. */
bool pki_trust_revokes(struct pki_trust *trust, const struct pki_cert *cert,
                       const struct pki_cert *issuer, const struct crypto_public *issuer_key);

/* A list that names this issuer but was not signed by it is there. */
bool pki_trust_has_forged_crl(struct pki_trust *trust, const struct pki_cert *issuer,
                              const struct crypto_public *issuer_key);

/* Hash under which a certificate verified with a key is remembered. */
void pki_cache_hash(const struct crypto_public *issuer_key, cr_span cert,
                    uint8_t out[CRYPTO_SHA256]);
/* NULL when not there. The key stays valid as long as the trust. */
struct crypto_public *pki_cache_find(struct pki_key_cache *cache,
                                     const uint8_t hash[CRYPTO_SHA256]);
/* True when the cache took the key (or threw *key away for an equal one, *key is then that); false
 * when it is full and *key is still the caller's. */
bool pki_cache_add(struct pki_key_cache *cache, const uint8_t hash[CRYPTO_SHA256],
                   struct crypto_public **key);
void pki_cache_free(struct pki_key_cache *cache);

#endif
