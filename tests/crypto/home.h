/*
 * The home network's side of a concealed identifier (TS 33.501 C.3.3), from the clause and OpenSSL
 * alone: it shares no code with what it checks.
 */
#ifndef CRISP_TESTS_CRYPTO_HOME_H
#define CRISP_TESTS_CRYPTO_HOME_H

#include "base/span.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>

/* TS 33.501 C.4.3 and C.4.4. */
#define HOME_PRIVATE_A   "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d"
#define HOME_PUBLIC_A    "5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650"
#define HOME_EPHEMERAL_A "c80949f13ebe61af4ebdbd293ea4f942696b9e815d7e8f0096bbf6ed7de62256"
#define HOME_OUTPUT_A                                                                              \
    "b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457dcb02352410cddd9e730ef3fa87"
#define HOME_PRIVATE_B   "f1ab1074477ebcc7f554ea1c5fc368b1616730155e0041ac447d6301975fecda"
#define HOME_X_B         "72da71976234ce833a6907425867b82e074d44ef907dfb4b3e21c1c2256ebcd1"
#define HOME_Y_B         "5a7ded52fcbb097a4ed250e036c7b9c8c7004c4eedc4f068cd7bf8d3f900e3b4"
#define HOME_PUBLIC_B    "02" HOME_X_B
#define HOME_FULL_B      "04" HOME_X_B HOME_Y_B
#define HOME_EPHEMERAL_B "99798858a1dc6a2c68637149a4b1dbfd1fdff5addd62a2142f06699ed7602529"
#define HOME_OUTPUT_B                                                                              \
    "039aab8376597021e855679a9778ea0b67396e68c66df32c0f41e9acca2da9b9d1"                           \
    "46a33fc2716ac7dae96aa30a4d"
#define HOME_MSIN "00012080f6"

static inline bool home_secret_a(const uint8_t *own, const uint8_t *peer, uint8_t z[32])
{
    size_t n = 32;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, own, 32);
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, 32);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool ok = ctx && other && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, other) == 1 && EVP_PKEY_derive(ctx, z, &n) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
    return ok && n == 32;
}

static inline bool home_secret_b(const uint8_t *own, const uint8_t *peer, uint8_t z[32])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *d = BN_bin2bn(own, 32, NULL), *x = BN_new();
    bool ok = EC_POINT_oct2point(group, point, peer, 33, NULL) == 1 &&
              EC_POINT_mul(group, point, NULL, point, d, NULL) == 1 &&
              EC_POINT_get_affine_coordinates(group, point, x, NULL, NULL) == 1 &&
              BN_bn2binpad(x, z, 32) == 32;
    BN_free(x);
    BN_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return ok;
}

/* 64 bytes: SHA-256(Z, 1, public) and SHA-256(Z, 2, public). */
static inline bool home_derive(const uint8_t z[32], cr_span ephemeral, uint8_t keys[64])
{
    uint8_t in[32 + 4 + 33] = {0};
    unsigned n = 0;
    memcpy(in, z, 32);
    memcpy(in + 36, ephemeral.p, ephemeral.n);
    in[35] = 1;
    bool ok = EVP_Digest(in, 36 + ephemeral.n, keys, &n, EVP_sha256(), NULL) == 1;
    in[35] = 2;
    return ok && EVP_Digest(in, 36 + ephemeral.n, keys + 32, &n, EVP_sha256(), NULL) == 1;
}

/* Plain gets output.n - public key - 8 bytes; false when the scheme output is not genuine. */
static inline bool home_reveal(int scheme, const uint8_t own[32], cr_span output, uint8_t *plain,
                               size_t *plain_size)
{
    size_t head = scheme == 1 ? 32 : 33;
    uint8_t z[32], keys[64], mac[32];
    int n = 0;
    if (output.n < head + 8) {
        return false;
    }
    cr_span ephemeral = cr_span_sub(output, 0, head);
    cr_span cipher = cr_span_sub(output, head, output.n - head - 8);
    if (!(scheme == 1 ? home_secret_a(own, ephemeral.p, z) : home_secret_b(own, ephemeral.p, z)) ||
        !home_derive(z, ephemeral, keys) ||
        !HMAC(EVP_sha256(), keys + 32, 32, cipher.p, cipher.n, mac, NULL) ||
        memcmp(mac, cipher.p + cipher.n, 8) != 0) {
        return false;
    }
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, keys, keys + 16) == 1 &&
              EVP_DecryptUpdate(ctx, plain, &n, cipher.p, (int)cipher.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    *plain_size = (size_t)n;
    return ok;
}

#endif
