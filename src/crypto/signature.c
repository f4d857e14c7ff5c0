/*
 * ECDSA with SHA-256, and its two forms: r || s (RSP messages) and DER (X.509).
 */
#include "crypto/ec.h"

#include "crypto/curve.h"

#include <openssl/err.h>

/* SEQUENCE { INTEGER, INTEGER } of two numbers of at most 32 bytes: 2 + 2 * (2 + 33). */
#define SIGNATURE_DER_MAX 72

static cr_status refuse_signature(struct cr_err *err, const char *why)
{
    return cr_fail(err, CR_REFUSED, "BSI TR-03111 4.2.1", "the signature is wrong: %s", why);
}

/*
 * By hand: OpenSSL's way leads over two numbers and a structure on the heap, in each direction, and
 * costs a tenth of a signature.
 */

/* INTEGER of an unsigned number, minimal; returns the bytes written, at most 2 + 33. */
static size_t put_integer(const uint8_t number[CRYPTO_SCALAR], uint8_t *out)
{
    size_t skip = 0;
    while (skip < CRYPTO_SCALAR - 1 && number[skip] == 0) {
        skip++;
    }
    size_t sign = number[skip] >> 7; /* a zero byte keeps it positive */
    size_t n = CRYPTO_SCALAR - skip;
    out[0] = 0x02;
    out[1] = (uint8_t)(n + sign);
    out[2] = 0;
    memcpy(out + 2 + sign, number + skip, n);
    return 2 + sign + n;
}

/* Writes at most SIGNATURE_DER_MAX bytes. Any r and s are accepted. */
static size_t der_from_plain(const uint8_t plain[CRYPTO_SIGNATURE], uint8_t out[SIGNATURE_DER_MAX])
{
    size_t n = 2;
    n += put_integer(plain, out + n);
    n += put_integer(plain + CRYPTO_SCALAR, out + n);
    out[0] = 0x30;
    out[1] = (uint8_t)(n - 2);
    return n;
}

/* The other way: a minimal INTEGER of at most 32 bytes, not negative, off the front of *der. */
static bool take_integer(cr_span *der, uint8_t number[CRYPTO_SCALAR])
{
    if (der->n < 3 || der->p[0] != 0x02 || der->p[1] == 0 || (size_t)der->p[1] + 2 > der->n) {
        return false;
    }
    cr_span value = cr_span_of(der->p + 2, der->p[1]);
    *der = cr_span_of(der->p + 2 + value.n, der->n - 2 - value.n);
    if (value.p[0] & 0x80 || (value.n > 1 && value.p[0] == 0 && !(value.p[1] & 0x80))) {
        return false;
    }
    if (value.p[0] == 0) {
        value = cr_span_of(value.p + 1, value.n - 1);
    }
    if (value.n > CRYPTO_SCALAR) {
        return false;
    }
    memset(number, 0, CRYPTO_SCALAR - value.n);
    memcpy(number + CRYPTO_SCALAR - value.n, value.p, value.n);
    return true;
}

cr_status crypto_signature_to_der(cr_span plain, cr_buf *out, struct cr_err *err)
{
    uint8_t der[SIGNATURE_DER_MAX];
    if (plain.n != CRYPTO_SIGNATURE) {
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 5.2.1",
                       "a plain signature has 64 bytes, not %zu", plain.n);
    }
    cr_buf_append(out, der, der_from_plain(plain.p, der));
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

cr_status crypto_signature_from_der(cr_span der, uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    uint8_t plain[CRYPTO_SIGNATURE];
    cr_span rest = {0};
    bool ok = der.n >= 2 && der.n <= SIGNATURE_DER_MAX && der.p[0] == 0x30 &&
              (size_t)der.p[1] + 2 == der.n;
    if (ok) {
        rest = cr_span_of(der.p + 2, der.n - 2);
    }
    if (!ok || !take_integer(&rest, plain) || !take_integer(&rest, plain + CRYPTO_SCALAR) ||
        rest.n > 0) {
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
    size_t n = der_from_plain(plain, der);
    EVP_PKEY_CTX *ctx = crypto_public_borrow(key, err);
    if (!ctx) {
        return CR_INTERNAL;
    }
    int verdict = EVP_PKEY_verify(ctx, der, n, hash, CRYPTO_SHA256);
    crypto_public_give_back(key, ctx);
    if (verdict == 1) {
        return CR_OK;
    }
    /* OpenSSL answers 0 for most wrong signatures and -1 for some that a hostile signer can make,
     * such as one whose verification ends at infinity. Only a lack of memory is not the signer's.
     */
    if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
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
    EVP_PKEY_CTX *ctx = crypto_private_borrow(key, err);
    if (!ctx) {
        return CR_INTERNAL;
    }
    uint8_t hash[CRYPTO_SHA256];
    uint8_t der[SIGNATURE_DER_MAX];
    size_t n = sizeof der;
    crypto_sha256_parts(parts, count, hash);
    bool ok = EVP_PKEY_sign(ctx, der, &n, hash, sizeof hash) == 1;
    crypto_private_give_back(key, ctx);
    return ok ? crypto_signature_from_der(cr_span_of(der, n), out, err)
              : crypto_fail_openssl(err, CR_INTERNAL, "signing");
}
