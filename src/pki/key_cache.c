#include "pki/trust.h"

#include <stdlib.h>

#define PKI_CACHE_SLOTS (2 * PKI_MAX_CACHED_KEYS)

void pki_cache_hash(const struct crypto_public *issuer_key, cr_span cert,
                    uint8_t out[CRYPTO_SHA256])
{
    const uint8_t curve = (uint8_t)crypto_public_curve(issuer_key);
    const cr_span parts[] = {cr_span_of(&curve, 1), crypto_public_point(issuer_key), cert};
    crypto_sha256_parts(parts, CR_COUNT(parts), out);
}

/* The slot of the hash or the free one where it belongs; the lock is held. */
static struct pki_cached_key *slot_of(struct pki_key_cache *cache,
                                      const uint8_t hash[CRYPTO_SHA256])
{
    size_t at;
    memcpy(&at, hash, sizeof(at));
    for (;; at++) {
        struct pki_cached_key *slot = &cache->slots[at % PKI_CACHE_SLOTS];
        if (!slot->key || memcmp(slot->hash, hash, CRYPTO_SHA256) == 0) {
            return slot;
        }
    }
}

struct crypto_public *pki_cache_find(struct pki_key_cache *cache, const uint8_t hash[CRYPTO_SHA256])
{
    struct crypto_public *key = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->slots) {
        key = slot_of(cache, hash)->key;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return key;
}

bool pki_cache_add(struct pki_key_cache *cache, const uint8_t hash[CRYPTO_SHA256],
                   struct crypto_public **key)
{
    bool taken = false;
    (void)pthread_mutex_lock(&cache->lock);
    if (!cache->slots) {
        cache->slots = calloc(PKI_CACHE_SLOTS, sizeof(*cache->slots));
    }
    if (cache->slots && cache->count < PKI_MAX_CACHED_KEYS) {
        struct pki_cached_key *slot = slot_of(cache, hash);
        taken = true;
        if (slot->key) { /* another thread was faster */
            crypto_public_free(*key);
            *key = slot->key;
        } else {
            memcpy(slot->hash, hash, CRYPTO_SHA256);
            slot->key = *key;
            cache->count++;
        }
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return taken;
}

void pki_cache_free(struct pki_key_cache *cache)
{
    for (size_t i = 0; cache->slots && i < PKI_CACHE_SLOTS; i++) {
        crypto_public_free(cache->slots[i].key);
    }
    free(cache->slots);
    (void)pthread_mutex_destroy(&cache->lock);
}
