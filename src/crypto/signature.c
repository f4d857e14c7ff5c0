/*
 * ECDSA with SHA-256, and its two forms: r || s (RSP messages) and DER (X.509).
 */
#include "crypto/ec.h"

#include "crypto/curve.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

/* SEQUENCE { INTEGER, INTEGER } of two numbers of at most 32 bytes: 2 + 2 * (2 + 33). */
#define SIGNATURE_DER_MAX 72

static cr_status refuse_signature(struct cr_err *err, const char *why)
{
    return cr_fail(err, CR_REFUSED, "BSI TR-03111 4.2.1", "the signature is wrong: %s", why);
}

/* Writes at most SIGNATURE_DER_MAX bytes; 0 and *err on failure. Any r and s are accepted. */
static size_t der_from_plain(const uint8_t plain[CRYPTO_SIGNATURE], uint8_t out[SIGNATURE_DER_MAX],
                             struct cr_err *err)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(plain, CRYPTO_SCALAR, NULL);
    BIGNUM *s = BN_bin2bn(plain + CRYPTO_SCALAR, CRYPTO_SCALAR, NULL);
    int n = 0;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* belong to sig now */
        uint8_t *p = out;
        n = i2d_ECDSA_SIG(sig, &p);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    if (n <= 0 || n > SIGNATURE_DER_MAX) {
        crypto_fail_openssl(err, CR_INTERNAL, "writing a signature in DER");
        return 0;
    }
    return (size_t)n;
}

cr_status crypto_signature_to_der(cr_span plain, cr_buf *out, struct cr_err *err)
{
    uint8_t der[SIGNATURE_DER_MAX];
    if (plain.n != CRYPTO_SIGNATURE) {
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 5.2.1",
                       "a plain signature has 64 bytes, not %zu", plain.n);
    }
    size_t n = der_from_plain(plain.p, der, err);
    if (n == 0) {
        return CR_INTERNAL;
    }
    cr_buf_append(out, der, n);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

cr_status crypto_signature_from_der(cr_span der, uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    const uint8_t *p = der.p;
    ECDSA_SIG *sig = NULL;
    uint8_t plain[CRYPTO_SIGNATURE];
    if (der.n > 0 && der.n <= SIGNATURE_DER_MAX) {
        sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    }
    bool ok =
        sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), plain, CRYPTO_SCALAR) == CRYPTO_SCALAR &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), plain + CRYPTO_SCALAR, CRYPTO_SCALAR) == CRYPTO_SCALAR;
    ECDSA_SIG_free(sig);
    /* OpenSSL reads lengths that are not minimal, and stops at trailing bytes: what is not the one
     * DER encoding of these numbers is refused. */
    if (ok) {
        uint8_t again[SIGNATURE_DER_MAX];
        size_t n = der_from_plain(plain, again, NULL);
        ok = cr_span_equal(der, cr_span_of(again, n));
    }
    if (!ok) {
        ERR_clear_error();
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 5.2.2",
                       "the signature is not the DER encoding of two numbers of up to 32 bytes");
    }
    memcpy(out, plain, sizeof plain);
    return CR_OK;
}

static cr_status verify_hash(const struct crypto_public *key, const uint8_t hash[CRYPTO_SHA256],
                             const uint8_t plain[CRYPTO_SIGNATURE], struct cr_err *err)
{
    const struct crypto_group *g = crypto_group_of(crypto_public_curve(key), err);
    if (!g) {
        return CR_INTERNAL;
    }
    if (!crypto_in_range(g, plain) || !crypto_in_range(g, plain + CRYPTO_SCALAR)) {
        return refuse_signature(err, "r or s is not in the range 1..n-1");
    }
    uint8_t der[SIGNATURE_DER_MAX];
    size_t n = der_from_plain(plain, der, err);
    const EVP_PKEY_CTX *prepared = n ? crypto_public_template(key, err) : NULL;
    if (!prepared) {
        return CR_INTERNAL;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(prepared);
    int verdict = ctx ? EVP_PKEY_verify(ctx, der, n, hash, CRYPTO_SHA256) : -1;
    EVP_PKEY_CTX_free(ctx);
    if (verdict == 1) {
        return CR_OK;
    }
    /* OpenSSL answers 0 for most wrong signatures and -1 for some that a hostile signer can make,
     * such as one whose verification ends at infinity. Only a lack of memory is not the signer's.
     */
    if (!ctx || ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
        return crypto_fail_openssl(err, CR_RESOURCE, "verifying a signature");
    }
    ERR_clear_error();
    return refuse_signature(err, "it does not belong to this data and this key");
}

cr_status crypto_verify(const struct crypto_public *key, const cr_span *parts, size_t count,
                        cr_span signature, struct cr_err *err)
{
    if (signature.n != CRYPTO_SIGNATURE) {
        return refuse_signature(err, "it does not have 64 bytes");
    }
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256_parts(parts, count, hash);
    return verify_hash(key, hash, signature.p, err);
}

cr_status crypto_verify_der(const struct crypto_public *key, cr_span data, cr_span der_signature,
                            struct cr_err *err)
{
    uint8_t plain[CRYPTO_SIGNATURE];
    if (crypto_signature_from_der(der_signature, plain, NULL) != CR_OK) {
        return refuse_signature(err, "it is not the DER encoding of two numbers");
    }
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(data, hash);
    return verify_hash(key, hash, plain, err);
}

cr_status crypto_sign(const struct crypto_private *key, const cr_span *parts, size_t count,
                      uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    const EVP_PKEY_CTX *prepared = crypto_private_template(key, err);
    if (!prepared) {
        return CR_INTERNAL;
    }
    uint8_t hash[CRYPTO_SHA256];
    uint8_t der[SIGNATURE_DER_MAX];
    size_t n = sizeof der;
    crypto_sha256_parts(parts, count, hash);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(prepared);
    bool ok = ctx && EVP_PKEY_sign(ctx, der, &n, hash, sizeof hash) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? crypto_signature_from_der(cr_span_of(der, n), out, err)
              : crypto_fail_openssl(err, CR_INTERNAL, "signing");
}
