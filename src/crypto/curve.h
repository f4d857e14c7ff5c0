/*
 * Inside src/crypto only: what OpenSSL needs to know about a curve, fetched once for the process,
 * and how a failure of OpenSSL becomes a struct cr_err.
 */
#ifndef CRISP_CRYPTO_CURVE_H
#define CRISP_CRYPTO_CURVE_H

#include "crypto/ec.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

/* One curve. Immutable after creation, so every thread may use it without a lock. */
struct crypto_group {
    const EC_GROUP *group;        /* prime order: cofactor 1, so points need no subgroup check */
    EVP_PKEY *params;             /* the domain parameters alone; duplicated for each public key */
    uint8_t order[CRYPTO_SCALAR]; /* n, big endian */
};

/* The curve's entry of the process-wide cache; NULL and *err when this OpenSSL does not have it or
 * curve is not a curve. */
const struct crypto_group *crypto_group_of(enum crypto_curve curve, struct cr_err *err);

/* True when 1 <= v <= n - 1. Public values only: the time depends on v. */
bool crypto_in_range(const struct crypto_group *group, const uint8_t v[CRYPTO_SCALAR]);

/* Fills err with what was attempted and OpenSSL's own reason, and empties OpenSSL's error queue of
 * this thread, which nobody else may find full. Out of memory becomes CR_RESOURCE. */
cr_status crypto_fail_openssl(struct cr_err *err, cr_status category, const char *attempt);

/* A key pair or a public key as OpenSSL's providers want it; NULL and *err when that fails. */
EVP_PKEY *crypto_public_pkey(enum crypto_curve curve, const uint8_t point[CRYPTO_POINT],
                             struct cr_err *err);
EVP_PKEY *crypto_private_pkey(enum crypto_curve curve, const BIGNUM *scalar,
                              const uint8_t point[CRYPTO_POINT], struct cr_err *err);

/* An initialised context of one of the two opaque keys of ec.c, for one operation and to be given
 * back after it, whatever came of that. NULL and *err on failure. */
EVP_PKEY_CTX *crypto_public_borrow(const struct crypto_public *key, struct cr_err *err);
void crypto_public_give_back(const struct crypto_public *key, EVP_PKEY_CTX *ctx);
EVP_PKEY_CTX *crypto_private_borrow(const struct crypto_private *key, struct cr_err *err);
void crypto_private_give_back(const struct crypto_private *key, EVP_PKEY_CTX *ctx);
const BIGNUM *crypto_private_number(const struct crypto_private *key);
const uint8_t *crypto_private_point_bytes(const struct crypto_private *key);

#endif
