/*
 * Private keys as files hold them: PKCS#8 and SEC1, PEM and DER.
 */
#include "crypto/ec.h"

#include "crypto/curve.h"

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define PRIVATE_FILE_MAX ((size_t)64 << 10) /* bytes; a key has 300, comments may surround it */

/* Asked for when the key is encrypted; without it OpenSSL might ask at the terminal. */
static int passphrase_none(char *pass, size_t size, size_t *n, const OSSL_PARAM params[],
                           void *encrypted)
{
    (void)pass, (void)size, (void)n, (void)params;
    *(bool *)encrypted = true;
    return 0;
}

/* One object of the file after the other until one is a key: `openssl ecparam -genkey` writes an
 * EC PARAMETERS block before it. */
static bool decode_next(OSSL_DECODER_CTX *ctx, BIO *bio, EVP_PKEY *const *pkey)
{
    int before = -1;
    for (;;) {
        if (OSSL_DECODER_from_bio(ctx, bio) == 1 && *pkey) {
            return true;
        }
        int at = (int)BIO_ctrl_pending(bio);
        if (at == 0 || (before >= 0 && at >= before)) {
            return false;
        }
        before = at;
    }
}

static EVP_PKEY *pkey_decode(cr_span text, bool *encrypted)
{
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, "EC", EVP_PKEY_KEYPAIR, NULL, NULL);
    bool ok = ctx && bio &&
              OSSL_DECODER_CTX_set_passphrase_cb(ctx, passphrase_none, encrypted) == 1 &&
              decode_next(ctx, bio, &pkey);
    if (ok && text.p[0] == 0x30 && BIO_ctrl_pending(bio) > 0) {
        ok = false; /* nothing may follow a key in DER; comments may follow one in PEM */
    }
    OSSL_DECODER_CTX_free(ctx);
    BIO_free(bio);
    if (!ok) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    ERR_clear_error();
    return pkey;
}

static cr_status pkey_take(const EVP_PKEY *pkey, struct crypto_private **out, struct cr_err *err)
{
    char name[64];
    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, NULL) != 1) {
        ERR_clear_error();
        return cr_fail(err, CR_REFUSED, NULL, "the private key is not on a named curve");
    }
    enum crypto_curve curve = crypto_curve_from_name(cr_span_str(name));
    if (curve == CRYPTO_CURVE_NONE) {
        return cr_fail(err, CR_REFUSED, "SGP.22 2.6.7.1",
                       "the private key is on curve %s; P-256 and brainpoolP256r1 are supported",
                       name);
    }
    BIGNUM *d = NULL;
    uint8_t scalar[CRYPTO_SCALAR];
    uint8_t point[CRYPTO_POINT];
    size_t n = 0;
    cr_status status;
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1 ||
        BN_bn2binpad(d, scalar, CRYPTO_SCALAR) != CRYPTO_SCALAR) {
        ERR_clear_error();
        status = cr_fail(err, CR_MALFORMED, NULL, "the private key has no scalar of 32 bytes");
    } else {
        status = crypto_private_new(curve, CR_SPAN_ARRAY(scalar), out, err);
    }
    BN_clear_free(d);
    cr_wipe(scalar, sizeof scalar);
    /* The file may carry the public key as well; one that is not d * G would make signatures that
     * nobody can verify. The decoder computes a missing one. */
    if (status == CR_OK &&
        (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) !=
             1 ||
         !cr_span_equal(cr_span_of(point, n),
                        cr_span_of(crypto_private_point_bytes(*out), CRYPTO_POINT)))) {
        ERR_clear_error();
        crypto_private_free(*out);
        *out = NULL;
        return cr_fail(err, CR_MALFORMED, NULL,
                       "the public key beside the private key does not belong to it");
    }
    return status;
}

cr_status crypto_private_parse(cr_span pem_or_der, struct crypto_private **out, struct cr_err *err)
{
    if (pem_or_der.n == 0 || pem_or_der.n > PRIVATE_FILE_MAX) {
        return cr_fail(err, CR_MALFORMED, NULL, "a private key file of %zu bytes", pem_or_der.n);
    }
    bool encrypted = false;
    EVP_PKEY *pkey = pkey_decode(pem_or_der, &encrypted);
    if (!pkey) {
        cr_status status =
            cr_fail(err, encrypted ? CR_REFUSED : CR_MALFORMED, NULL,
                    encrypted ? "the private key is protected by a passphrase"
                              : "no EC private key (PKCS#8 or SEC1, PEM or DER) was found");
        return encrypted ? cr_err_next(err, status, "remove it: openssl pkey -in KEY -out NEW")
                         : status;
    }
    struct crypto_private *key = NULL;
    cr_status status = pkey_take(pkey, &key, err);
    EVP_PKEY_free(pkey);
    if (status == CR_OK) {
        *out = key;
    }
    return status;
}

cr_status crypto_private_pem(const struct crypto_private *key, cr_buf *out, struct cr_err *err)
{
    EVP_PKEY *pkey = crypto_private_pkey(crypto_private_curve(key), crypto_private_number(key),
                                         crypto_private_point_bytes(key), err);
    if (!pkey) {
        return CR_INTERNAL;
    }
    BIO *bio = BIO_new(BIO_s_mem()); /* its memory is wiped when it grows and when it is freed */
    char *text = NULL;
    long n = 0;
    bool ok = bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
              (n = BIO_get_mem_data(bio, &text)) > 0;
    if (ok) {
        cr_buf_append(out, text, (size_t)n);
    }
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    if (!ok) {
        return crypto_fail_openssl(err, CR_INTERNAL, "writing a private key");
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}
