#include "crypto/ecies.h"

#include "crypto/curve.h"
#include "crypto/symmetric.h"

#include <openssl/hmac.h>

#define CLAUSE      "TS 33.501 C.3"
#define X25519_SIZE 32
#define SECRET      32 /* bytes of the shared secret */
#define COMPRESSED  33
#define KEY_FIELD   "Home Network Public Key"

/* What the key derivation gives, in its order (C.3.4). */
struct keys {
    uint8_t encryption[16];
    uint8_t counter[16];
    uint8_t mac[32];
};
#define KEYS (16 + 16 + 32)

/* The outcome of a key agreement: what the home network needs, and what it will find. */
struct agreement {
    uint8_t ephemeral[COMPRESSED];
    size_t ephemeral_size;
    uint8_t secret[SECRET];
};

static cr_status bad_key(struct cr_err *err, const char *what)
{
    return cr_err_field(err, cr_fail(err, CR_MALFORMED, CLAUSE, "the public key %s", what),
                        KEY_FIELD);
}

/* ---- profile A ---- */

static cr_status derive_a(EVP_PKEY *own, EVP_PKEY *home, struct agreement *out, struct cr_err *err)
{
    size_t public_size = X25519_SIZE, secret_size = SECRET;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    bool ready = ctx && EVP_PKEY_get_raw_public_key(own, out->ephemeral, &public_size) == 1 &&
                 EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, home) == 1;
    /* RFC 7748 6.1: a point of low order gives zero, which OpenSSL refuses. */
    bool done = ready && EVP_PKEY_derive(ctx, out->secret, &secret_size) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!ready) {
        return crypto_fail_openssl(err, CR_INTERNAL, "X25519");
    }
    if (!done || secret_size != SECRET) {
        cr_status status = crypto_fail_openssl(err, CR_MALFORMED, "X25519");
        return status == CR_MALFORMED ? bad_key(err, "is a point of low order") : status;
    }
    out->ephemeral_size = public_size;
    return CR_OK;
}

static cr_status agree_a(cr_span home_public, const cr_env *env, struct agreement *out,
                         struct cr_err *err)
{
    if (home_public.n != X25519_SIZE) {
        return bad_key(err, "of profile A has to have 32 bytes");
    }
    uint8_t number[ECIES_PRIVATE]; /* any will do: X25519 sets and clears the bits it wants */
    CR_TRY(cr_random(env, number, sizeof number, err));
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, number, sizeof number);
    EVP_PKEY *home =
        EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, home_public.p, home_public.n);
    cr_wipe(number, sizeof number);
    cr_status status = own && home ? derive_a(own, home, out, err)
                                   : crypto_fail_openssl(err, CR_INTERNAL, "making X25519 keys");
    EVP_PKEY_free(own);
    EVP_PKEY_free(home);
    return status;
}

/* ---- profile B ---- */

/* The point of a compressed or uncompressed form; CR_MALFORMED when it is none of the curve. */
static cr_status point_of(cr_span form, uint8_t out[CRYPTO_POINT], struct cr_err *err)
{
    bool compressed = form.n == COMPRESSED && (form.p[0] == 0x02 || form.p[0] == 0x03);
    if (!compressed && (form.n != CRYPTO_POINT || form.p[0] != 0x04)) {
        return bad_key(err, "of profile B has to be a point of 33 or 65 bytes");
    }
    const struct crypto_group *g = crypto_group_of(CRYPTO_P256, err);
    if (!g) {
        return CR_INTERNAL;
    }
    EC_POINT *point = EC_POINT_new(g->group);
    if (!point) {
        return cr_fail_memory(err);
    }
    cr_status status = CR_OK;
    if (EC_POINT_oct2point(g->group, point, form.p, form.n, NULL) != 1) {
        status = crypto_fail_openssl(err, CR_MALFORMED, "reading a point");
        status = status == CR_MALFORMED ? bad_key(err, "is no point of P-256") : status;
    } else if (EC_POINT_point2oct(g->group, point, POINT_CONVERSION_UNCOMPRESSED, out, CRYPTO_POINT,
                                  NULL) != CRYPTO_POINT) {
        status = crypto_fail_openssl(err, CR_INTERNAL, "writing a point");
    }
    EC_POINT_free(point);
    return status;
}

/* One in 2^32 numbers is not below the order: then the next one is taken. */
static cr_status ephemeral_b(const cr_env *env, struct crypto_private **out, struct cr_err *err)
{
    uint8_t number[ECIES_PRIVATE];
    cr_status status = CR_MALFORMED;
    for (int i = 0; status == CR_MALFORMED && i < ECIES_KEY_TRIALS; i++) {
        status = cr_random(env, number, sizeof number, err);
        if (status == CR_OK) {
            status = crypto_private_new(CRYPTO_P256, CR_SPAN_ARRAY(number), out, err);
        }
    }
    cr_wipe(number, sizeof number);
    return status != CR_MALFORMED
               ? status
               : cr_fail(err, CR_RESOURCE, CLAUSE,
                         "%d random numbers in a row were no private keys of P-256",
                         ECIES_KEY_TRIALS);
}

static cr_status agree_b(cr_span home_public, const cr_env *env, struct agreement *out,
                         struct cr_err *err)
{
    uint8_t point[CRYPTO_POINT];
    struct crypto_public *home = NULL;
    struct crypto_private *own = NULL;
    CR_TRY(point_of(home_public, point, err));
    CR_TRY(crypto_public_new(CRYPTO_P256, CR_SPAN_ARRAY(point), &home, err));
    cr_status status = ephemeral_b(env, &own, err);
    if (status == CR_OK) {
        status = crypto_ecka(own, home, out->secret, err);
    }
    if (status == CR_OK) {
        crypto_private_point(own, point);
        out->ephemeral[0] = (uint8_t)(0x02 | (point[CRYPTO_POINT - 1] & 1));
        memcpy(out->ephemeral + 1, point + 1, COMPRESSED - 1);
        out->ephemeral_size = COMPRESSED;
    }
    crypto_private_free(own);
    crypto_public_free(home);
    return status;
}

/* ---- both ---- */

static cr_status keys_of(const struct agreement *agreement, struct keys *out, struct cr_err *err)
{
    uint8_t bytes[KEYS];
    CR_TRY(crypto_x963_kdf(CR_SPAN_ARRAY(agreement->secret),
                           cr_span_of(agreement->ephemeral, agreement->ephemeral_size), bytes,
                           sizeof bytes, err));
    memcpy(out->encryption, bytes, sizeof out->encryption);
    memcpy(out->counter, bytes + 16, sizeof out->counter);
    memcpy(out->mac, bytes + 32, sizeof out->mac);
    cr_wipe(bytes, sizeof bytes);
    return CR_OK;
}

static bool encrypt(const struct keys *keys, cr_span plain, uint8_t *out)
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok =
        ctx &&
        EVP_EncryptInit_ex2(ctx, EVP_aes_128_ctr(), keys->encryption, keys->counter, NULL) == 1 &&
        EVP_EncryptUpdate(ctx, out, &n, plain.p, (int)plain.n) == 1 && n == (int)plain.n;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static cr_status seal(const struct agreement *agreement, cr_span plain, cr_buf *out,
                      struct cr_err *err)
{
    struct keys keys;
    uint8_t cipher[ECIES_MAX_PLAIN], mac[CRYPTO_SHA256];
    CR_TRY(keys_of(agreement, &keys, err));
    bool ok = encrypt(&keys, plain, cipher) &&
              HMAC(EVP_sha256(), keys.mac, sizeof keys.mac, cipher, plain.n, mac, NULL) != NULL;
    cr_wipe(&keys, sizeof keys);
    if (!ok) {
        return crypto_fail_openssl(err, CR_INTERNAL, "encrypting an identifier");
    }
    if (!cr_buf_reserve(out, agreement->ephemeral_size + plain.n + ECIES_MAC)) {
        return cr_fail_memory(err);
    }
    cr_buf_append(out, agreement->ephemeral, agreement->ephemeral_size);
    cr_buf_append(out, cipher, plain.n);
    cr_buf_append(out, mac, ECIES_MAC);
    return CR_OK;
}

cr_status ecies_conceal(enum ecies_profile profile, cr_span home_public, cr_span plain,
                        const cr_env *env, cr_buf *out, struct cr_err *err)
{
    struct agreement agreement = {.ephemeral_size = 0};
    cr_status status;
    if (plain.n == 0 || plain.n > ECIES_MAX_PLAIN) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "an identifier has 1 to %d bytes, not %zu",
                       ECIES_MAX_PLAIN, plain.n);
    }
    switch (profile) {
    case ECIES_A:
        status = agree_a(home_public, env, &agreement, err);
        break;
    case ECIES_B:
        status = agree_b(home_public, env, &agreement, err);
        break;
    default:
        return cr_fail(err, CR_REFUSED, "TS 33.501 C.1", "protection scheme %d is not supported",
                       (int)profile);
    }
    if (status == CR_OK) {
        status = seal(&agreement, plain, out, err);
    }
    cr_wipe(&agreement, sizeof agreement);
    return status;
}
