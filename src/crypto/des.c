/*
 * DES and triple DES over OpenSSL, and the CRCs.
 *
 * Every key is spread to three (K K K is single DES), so that EDE3 of the default provider does all
 * of it and the legacy provider is not asked for.
 */
#include "crypto/des.h"

#include "crypto/curve.h"
#include "crypto/symmetric.h"

#include <pthread.h>

#define DES_PIECE ((size_t)1 << 30) /* OpenSSL counts in int */

static struct {
    EVP_CIPHER *cbc, *ecb;
} des_cache;
static pthread_once_t des_once = PTHREAD_ONCE_INIT;

/* Fetched once for the process, constant afterwards, as in symmetric.c. */
static void des_fetch(void)
{
    des_cache.cbc = EVP_CIPHER_fetch(NULL, "DES-EDE3-CBC", NULL);
    des_cache.ecb = EVP_CIPHER_fetch(NULL, "DES-EDE3-ECB", NULL);
}

static bool des_spread(cr_span key, uint8_t out[CRYPTO_DES_KEY_MAX])
{
    if (key.n != 8 && key.n != 16 && key.n != 24) {
        return false;
    }
    memcpy(out, key.p, 8);
    memcpy(out + 8, key.p + (key.n >= 16 ? 8 : 0), 8);
    memcpy(out + 16, key.p + (key.n == 24 ? 16 : 0), 8);
    return true;
}

/* A context ready to run; iv NULL = ECB. */
static cr_status des_start(bool encrypt, cr_span key, const uint8_t *iv, EVP_CIPHER_CTX **out,
                           struct cr_err *err)
{
    uint8_t spread[CRYPTO_DES_KEY_MAX];
    if (!des_spread(key, spread)) {
        return cr_fail(err, CR_MALFORMED, NULL, "a DES key has 8, 16 or 24 bytes, not %zu", key.n);
    }
    (void)pthread_once(&des_once, des_fetch);
    const EVP_CIPHER *cipher = iv ? des_cache.cbc : des_cache.ecb;
    EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    bool ok = ctx && EVP_CipherInit_ex2(ctx, cipher, spread, iv, encrypt ? 1 : 0, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
    cr_wipe(spread, sizeof spread);
    if (!ok) {
        EVP_CIPHER_CTX_free(ctx);
        return crypto_fail_openssl(err, CR_INTERNAL, "setting a DES key");
    }
    *out = ctx;
    return CR_OK;
}

static bool des_update(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
    while (n > 0) {
        size_t piece = n < DES_PIECE ? n : DES_PIECE;
        int written = 0;
        if (EVP_CipherUpdate(ctx, out, &written, in, (int)piece) != 1 || written != (int)piece) {
            return false;
        }
        in += piece;
        out += piece;
        n -= piece;
    }
    return true;
}

static cr_status des_run(bool encrypt, cr_span key, const uint8_t *iv, const uint8_t *in, size_t n,
                         uint8_t *out, struct cr_err *err)
{
    if (n % CRYPTO_DES_BLOCK != 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "DES over %zu bytes, not a multiple of 8", n);
    }
    EVP_CIPHER_CTX *ctx = NULL;
    CR_TRY(des_start(encrypt, key, iv, &ctx, err));
    bool ok = des_update(ctx, in, n, out);
    EVP_CIPHER_CTX_free(ctx); /* wipes the key schedule */
    return ok ? CR_OK : crypto_fail_openssl(err, CR_INTERNAL, "DES");
}

cr_status crypto_des_cbc(bool encrypt, cr_span key, const uint8_t iv[8], const uint8_t *in,
                         size_t n, uint8_t *out, struct cr_err *err)
{
    return des_run(encrypt, key, iv, in, n, out, err);
}

cr_status crypto_des_ecb(bool encrypt, cr_span key, const uint8_t *in, size_t n, uint8_t *out,
                         struct cr_err *err)
{
    return des_run(encrypt, key, NULL, in, n, out, err);
}

/* CBC over parts and padding; last is the last block of cipher text (iv when there is no block). */
static bool des_chain(EVP_CIPHER_CTX *ctx, const cr_span *parts, size_t count,
                      enum crypto_des_padding padding, uint8_t last[CRYPTO_DES_BLOCK])
{
    uint8_t block[CRYPTO_DES_BLOCK];
    size_t used = 0;
    bool any = false;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].n && ok; k++) {
            block[used++] = parts[i].p[k];
            if (used == sizeof block) {
                ok = des_update(ctx, block, sizeof block, last);
                any = true;
                used = 0;
            }
        }
    }
    if (padding == CRYPTO_DES_PAD_ONE || used > 0 || !any) {
        if (padding == CRYPTO_DES_PAD_ONE) {
            block[used++] = 0x80;
        }
        memset(block + used, 0, sizeof block - used);
        ok = ok && des_update(ctx, block, sizeof block, last);
    }
    cr_wipe(block, sizeof block);
    return ok;
}

cr_status crypto_des_mac(cr_span key, const uint8_t iv[8], const cr_span *parts, size_t count,
                         enum crypto_des_padding padding, uint8_t out[8], struct cr_err *err)
{
    uint8_t last[CRYPTO_DES_BLOCK];
    EVP_CIPHER_CTX *ctx = NULL;
    CR_TRY(des_start(true, key, iv, &ctx, err));
    bool ok = des_chain(ctx, parts, count, padding, last);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        return crypto_fail_openssl(err, CR_INTERNAL, "DES MAC");
    }
    memcpy(out, last, sizeof last);
    return CR_OK;
}

cr_status crypto_des_retail_mac(cr_span key, const uint8_t iv[8], const cr_span *parts,
                                size_t count, enum crypto_des_padding padding, uint8_t out[8],
                                struct cr_err *err)
{
    uint8_t last[CRYPTO_DES_BLOCK];
    if (key.n != 16) {
        return cr_fail(err, CR_MALFORMED, "ISO/IEC 9797-1",
                       "MAC algorithm 3 takes a key of 16 bytes, not %zu", key.n);
    }
    CR_TRY(crypto_des_mac(cr_span_sub(key, 0, 8), iv, parts, count, padding, last, err));
    /* E(K1) is there already: D(K2), then E(K1) again. */
    CR_TRY(crypto_des_ecb(false, cr_span_sub(key, 8, 8), last, sizeof last, last, err));
    return crypto_des_ecb(true, cr_span_sub(key, 0, 8), last, sizeof last, out, err);
}

/* ---- key check values ---- */

cr_status crypto_des_kcv(cr_span key, uint8_t out[CRYPTO_KCV], struct cr_err *err)
{
    static const uint8_t zero[CRYPTO_DES_BLOCK];
    uint8_t block[CRYPTO_DES_BLOCK];
    CR_TRY(crypto_des_ecb(true, key, zero, sizeof zero, block, err));
    memcpy(out, block, CRYPTO_KCV);
    cr_wipe(block, sizeof block);
    return CR_OK;
}

cr_status crypto_aes_kcv(cr_span key, uint8_t out[CRYPTO_KCV], struct cr_err *err)
{
    uint8_t block[CRYPTO_AES_BLOCK];
    memset(block, 1, sizeof block);
    CR_TRY(crypto_aes_block(key, block, block, err));
    memcpy(out, block, CRYPTO_KCV);
    cr_wipe(block, sizeof block);
    return CR_OK;
}

/* ---- redundancy checks ---- */

/* Both are reflected: the polynomial 04C11DB7 reads EDB88320 and 1021 reads 8408. */
static uint32_t crc_run(const cr_span *parts, size_t count, uint32_t polynomial, uint32_t crc)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].n; k++) {
            crc ^= parts[i].p[k];
            for (int bit = 0; bit < 8; bit++) {
                crc = crc >> 1 ^ (polynomial & (0U - (crc & 1U)));
            }
        }
    }
    return crc;
}

uint16_t crypto_crc16(const cr_span *parts, size_t count)
{
    return (uint16_t)~crc_run(parts, count, 0x8408U, 0xFFFFU);
}

uint32_t crypto_crc32(const cr_span *parts, size_t count)
{
    return ~crc_run(parts, count, 0xEDB88320U, 0xFFFFFFFFU);
}
