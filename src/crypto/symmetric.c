/*
 * AES modes, CMAC and the key derivation function.
 *
 * Ciphers are fetched once for the process by pthread_once(), constant afterwards: a fetch by name
 * costs as much as encrypting a kilobyte.
 */
#include "crypto/symmetric.h"

#include "crypto/curve.h"

#include <pthread.h>
#include <stdlib.h>

#define AES_PIECE     ((size_t)1 << 30) /* OpenSSL counts in int; larger inputs go in pieces */
#define CMAC_SCRATCH  1024              /* bytes gathered before they are encrypted together */
#define AES_KEY_SIZES 3                 /* 16, 24, 32 bytes */

static struct {
    EVP_CIPHER *cbc[AES_KEY_SIZES], *gcm[AES_KEY_SIZES];
} cipher_cache;
static pthread_once_t cipher_once = PTHREAD_ONCE_INIT;

static void cipher_fetch_all(void)
{
    static const char *const cbc[AES_KEY_SIZES] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};
    static const char *const gcm[AES_KEY_SIZES] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"};
    for (int i = 0; i < AES_KEY_SIZES; i++) {
        cipher_cache.cbc[i] = EVP_CIPHER_fetch(NULL, cbc[i], NULL);
        cipher_cache.gcm[i] = EVP_CIPHER_fetch(NULL, gcm[i], NULL);
    }
}

/* The cipher for a key of this size; NULL and *err when there is none. */
static const EVP_CIPHER *cipher_of(EVP_CIPHER *const *ciphers, size_t key_size, struct cr_err *err)
{
    if (key_size != 16 && key_size != 24 && key_size != 32) {
        cr_fail(err, CR_MALFORMED, NULL, "an AES key has 16, 24 or 32 bytes, not %zu", key_size);
        return NULL;
    }
    (void)pthread_once(&cipher_once, cipher_fetch_all);
    const EVP_CIPHER *cipher = ciphers[key_size / 8 - 2];
    if (!cipher) {
        crypto_fail_openssl(err, CR_INTERNAL, "loading AES");
    }
    return cipher;
}

static cr_status cipher_status(size_t key_size)
{
    return key_size == 16 || key_size == 24 || key_size == 32 ? CR_INTERNAL : CR_MALFORMED;
}

/* ---- keyed AES ---- */

struct crypto_aes {
    EVP_CIPHER_CTX *encrypt, *decrypt; /* CBC without padding */
    uint8_t k1[CRYPTO_AES_BLOCK];      /* CMAC subkeys, RFC 4493 2.3; made on first use */
    uint8_t k2[CRYPTO_AES_BLOCK];
    bool subkeys;
};

cr_status crypto_aes_new(cr_span key, struct crypto_aes **out, struct cr_err *err)
{
    const EVP_CIPHER *cipher = cipher_of(cipher_cache.cbc, key.n, err);
    if (!cipher) {
        return cipher_status(key.n);
    }
    static const uint8_t iv[CRYPTO_AES_BLOCK];
    struct crypto_aes *aes = calloc(1, sizeof *aes);
    if (!aes) {
        return cr_fail_memory(err);
    }
    aes->encrypt = EVP_CIPHER_CTX_new();
    aes->decrypt = EVP_CIPHER_CTX_new();
    if (!aes->encrypt || !aes->decrypt ||
        EVP_EncryptInit_ex2(aes->encrypt, cipher, key.p, iv, NULL) != 1 ||
        EVP_DecryptInit_ex2(aes->decrypt, cipher, key.p, iv, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(aes->encrypt, 0) != 1 ||
        EVP_CIPHER_CTX_set_padding(aes->decrypt, 0) != 1) {
        crypto_aes_free(aes);
        return crypto_fail_openssl(err, CR_INTERNAL, "setting an AES key");
    }
    *out = aes;
    return CR_OK;
}

void crypto_aes_free(struct crypto_aes *aes)
{
    if (!aes) {
        return;
    }
    EVP_CIPHER_CTX_free(aes->encrypt); /* wipes the key schedule */
    EVP_CIPHER_CTX_free(aes->decrypt);
    cr_wipe(aes, sizeof *aes);
    free(aes);
}

/* n is a multiple of 16. The chain value stays in ctx for the next call. */
static bool cbc_run(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
    while (n > 0) {
        size_t piece = n < AES_PIECE ? n : AES_PIECE;
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

static bool cbc_start(EVP_CIPHER_CTX *ctx, const uint8_t iv[CRYPTO_AES_BLOCK])
{
    return EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) == 1;
}

cr_status crypto_aes_keyed_cbc(struct crypto_aes *aes, bool encrypt, const uint8_t iv[16],
                               const uint8_t *in, size_t n, uint8_t *out, struct cr_err *err)
{
    if (n % CRYPTO_AES_BLOCK != 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "CBC over %zu bytes, not a multiple of 16", n);
    }
    EVP_CIPHER_CTX *ctx = encrypt ? aes->encrypt : aes->decrypt;
    return cbc_start(ctx, iv) && cbc_run(ctx, in, n, out)
               ? CR_OK
               : crypto_fail_openssl(err, CR_INTERNAL, "AES-CBC");
}

/* One block of CBC under a zero IV is the block cipher itself. */
cr_status crypto_aes_keyed_block(struct crypto_aes *aes, const uint8_t in[16], uint8_t out[16],
                                 struct cr_err *err)
{
    static const uint8_t zero[CRYPTO_AES_BLOCK];
    return crypto_aes_keyed_cbc(aes, true, zero, in, CRYPTO_AES_BLOCK, out, err);
}

/* out = in * x in GF(2^128), RFC 4493 2.3, without a branch on secret bits. */
static void cmac_double(const uint8_t in[CRYPTO_AES_BLOCK], uint8_t out[CRYPTO_AES_BLOCK])
{
    uint8_t carry = (uint8_t)(0x87U & (0U - (unsigned)(in[0] >> 7)));
    for (size_t i = 0; i < CRYPTO_AES_BLOCK; i++) {
        unsigned next = i + 1 < CRYPTO_AES_BLOCK ? in[i + 1] >> 7 : 0U;
        out[i] = (uint8_t)((unsigned)in[i] << 1 | next);
    }
    out[CRYPTO_AES_BLOCK - 1] ^= carry;
}

static cr_status cmac_subkeys(struct crypto_aes *aes, struct cr_err *err)
{
    static const uint8_t zero[CRYPTO_AES_BLOCK];
    uint8_t l[CRYPTO_AES_BLOCK];
    CR_TRY(crypto_aes_keyed_block(aes, zero, l, err));
    cmac_double(l, aes->k1);
    cmac_double(aes->k1, aes->k2);
    cr_wipe(l, sizeof l);
    aes->subkeys = true;
    return CR_OK;
}

/*
 * CMAC is CBC with a masked last block. OpenSSL's own CMAC hands the cipher one block at a time,
 * which takes 21 us for 20 KB; gathered and given to CBC in kilobytes it takes 13 us, and BSP
 * spends half of its time here. tests/crypto/symmetric.c holds the two against each other.
 */
cr_status crypto_aes_keyed_cmac(struct crypto_aes *aes, const cr_span *parts, size_t count,
                                uint8_t out[16], struct cr_err *err)
{
    static const uint8_t zero[CRYPTO_AES_BLOCK];
    if (!aes->subkeys) {
        CR_TRY(cmac_subkeys(aes, err));
    }
    uint8_t scratch[CMAC_SCRATCH];
    size_t used = 0;
    bool ok = cbc_start(aes->encrypt, zero);
    for (size_t i = 0; i < count && ok; i++) {
        cr_span rest = parts[i];
        while (rest.n > 0 && ok) {
            if (used == CMAC_SCRATCH) { /* more follows, so that none of it is the last block */
                ok = cbc_run(aes->encrypt, scratch, used, scratch);
                used = 0;
            }
            size_t n = rest.n < CMAC_SCRATCH - used ? rest.n : CMAC_SCRATCH - used;
            memcpy(scratch + used, rest.p, n);
            used += n;
            rest = cr_span_of(rest.p + n, rest.n - n);
        }
    }
    const uint8_t *mask = aes->k1;
    if (used == 0 || used % CRYPTO_AES_BLOCK != 0) {
        mask = aes->k2;
        scratch[used++] = 0x80;
        while (used % CRYPTO_AES_BLOCK != 0) {
            scratch[used++] = 0;
        }
    }
    uint8_t *last = scratch + used - CRYPTO_AES_BLOCK;
    for (size_t i = 0; i < CRYPTO_AES_BLOCK; i++) {
        last[i] ^= mask[i];
    }
    ok = ok && cbc_run(aes->encrypt, scratch, used, scratch);
    if (ok) {
        memcpy(out, last, CRYPTO_AES_BLOCK);
    }
    cr_wipe(scratch, used);
    return ok ? CR_OK : crypto_fail_openssl(err, CR_INTERNAL, "AES-CMAC");
}

/* ---- the same with a key for one use ---- */

cr_status crypto_aes_block(cr_span key, const uint8_t in[16], uint8_t out[16], struct cr_err *err)
{
    struct crypto_aes *aes = NULL;
    CR_TRY(crypto_aes_new(key, &aes, err));
    cr_status status = crypto_aes_keyed_block(aes, in, out, err);
    crypto_aes_free(aes);
    return status;
}

cr_status crypto_aes_cbc(bool encrypt, cr_span key, const uint8_t iv[16], const uint8_t *in,
                         size_t n, uint8_t *out, struct cr_err *err)
{
    struct crypto_aes *aes = NULL;
    CR_TRY(crypto_aes_new(key, &aes, err));
    cr_status status = crypto_aes_keyed_cbc(aes, encrypt, iv, in, n, out, err);
    crypto_aes_free(aes);
    return status;
}

cr_status crypto_cmac(cr_span key, const cr_span *parts, size_t count, uint8_t out[16],
                      struct cr_err *err)
{
    struct crypto_aes *aes = NULL;
    CR_TRY(crypto_aes_new(key, &aes, err));
    cr_status status = crypto_aes_keyed_cmac(aes, parts, count, out, err);
    crypto_aes_free(aes);
    return status;
}

/* ---- key derivation ---- */

cr_status crypto_x963_kdf(cr_span z, cr_span shared_info, uint8_t *out, size_t n,
                          struct cr_err *err)
{
    if (z.n == 0 || n == 0 || n > CRYPTO_KDF_MAX) {
        return cr_fail(err, CR_INTERNAL, "BSI TR-03111 4.3.3",
                       "key derivation of %zu bytes from a secret of %zu bytes", n, z.n);
    }
    uint8_t block[CRYPTO_SHA256];
    uint32_t counter = 0;
    while (n > 0) {
        counter++;
        const uint8_t be[4] = {(uint8_t)(counter >> 24), (uint8_t)(counter >> 16),
                               (uint8_t)(counter >> 8), (uint8_t)counter};
        const cr_span parts[] = {z, CR_SPAN_ARRAY(be), shared_info};
        crypto_sha256_parts(parts, CR_COUNT(parts), block);
        size_t take = n < sizeof block ? n : sizeof block;
        memcpy(out, block, take);
        out += take;
        n -= take;
    }
    cr_wipe(block, sizeof block);
    return CR_OK;
}

/* ---- sealing ---- */

static bool gcm_feed(EVP_CIPHER_CTX *ctx, uint8_t *out, cr_span in)
{
    while (in.n > 0) {
        size_t piece = in.n < AES_PIECE ? in.n : AES_PIECE;
        int written = 0;
        if (EVP_CipherUpdate(ctx, out, &written, in.p, (int)piece) != 1 || written != (int)piece) {
            return false;
        }
        in = cr_span_of(in.p + piece, in.n - piece);
        out = out ? out + piece : NULL; /* NULL = additional data */
    }
    return true;
}

static EVP_CIPHER_CTX *gcm_start(bool seal, const EVP_CIPHER *cipher, cr_span key, cr_span nonce,
                                 cr_span aad)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && EVP_CipherInit_ex2(ctx, cipher, key.p, nonce.p, seal ? 1 : 0, NULL) == 1 &&
        gcm_feed(ctx, NULL, aad)) {
        return ctx;
    }
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

/* Takes back what was appended since before, so that no unauthenticated byte stays visible. */
static void buf_take_back(cr_buf *out, size_t before)
{
    if (out->n > before) {
        cr_wipe(out->p + before, out->n - before);
        out->n = before;
    }
}

static cr_status aead_nonce(cr_span nonce, struct cr_err *err)
{
    return nonce.n == CRYPTO_AEAD_NONCE
               ? CR_OK
               : cr_fail(err, CR_MALFORMED, NULL, "a nonce has 12 bytes, not %zu", nonce.n);
}

cr_status crypto_aead_seal(cr_span key, cr_span nonce, cr_span aad, cr_span plain, cr_buf *out,
                           struct cr_err *err)
{
    const EVP_CIPHER *cipher = cipher_of(cipher_cache.gcm, key.n, err);
    if (!cipher) {
        return cipher_status(key.n);
    }
    CR_TRY(aead_nonce(nonce, err));
    size_t before = out->n;
    uint8_t *p = plain.n <= SIZE_MAX - CRYPTO_AEAD_TAG
                     ? cr_buf_extend(out, plain.n + CRYPTO_AEAD_TAG)
                     : NULL;
    if (!p) {
        return cr_fail_memory(err);
    }
    int none = 0;
    EVP_CIPHER_CTX *ctx = gcm_start(true, cipher, key, nonce, aad);
    bool ok = ctx && gcm_feed(ctx, p, plain) && EVP_CipherFinal_ex(ctx, p + plain.n, &none) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_AEAD_TAG, p + plain.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        buf_take_back(out, before);
        return crypto_fail_openssl(err, CR_INTERNAL, "sealing");
    }
    return CR_OK;
}

cr_status crypto_aead_open(cr_span key, cr_span nonce, cr_span aad, cr_span sealed, cr_buf *out,
                           struct cr_err *err)
{
    const EVP_CIPHER *cipher = cipher_of(cipher_cache.gcm, key.n, err);
    if (!cipher) {
        return cipher_status(key.n);
    }
    CR_TRY(aead_nonce(nonce, err));
    if (sealed.n < CRYPTO_AEAD_TAG) {
        return cr_fail(err, CR_MALFORMED, NULL, "%zu bytes are too short to be sealed data",
                       sealed.n);
    }
    size_t n = sealed.n - CRYPTO_AEAD_TAG;
    uint8_t tag[CRYPTO_AEAD_TAG];
    memcpy(tag, sealed.p + n, sizeof tag);
    size_t before = out->n;
    uint8_t *p = cr_buf_extend(out, n);
    if (!p) {
        return cr_fail_memory(err);
    }
    EVP_CIPHER_CTX *ctx = gcm_start(false, cipher, key, nonce, aad);
    bool ready = ctx && gcm_feed(ctx, p, cr_span_of(sealed.p, n)) &&
                 EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CRYPTO_AEAD_TAG, tag) == 1;
    uint8_t rest[CRYPTO_AES_BLOCK]; /* GCM leaves nothing for the last step */
    int none = 0;
    bool genuine = ready && EVP_CipherFinal_ex(ctx, rest, &none) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (genuine) {
        return CR_OK;
    }
    buf_take_back(out, before);
    if (!ready) {
        return crypto_fail_openssl(err, CR_INTERNAL, "opening sealed data");
    }
    crypto_fail_openssl(err, CR_REFUSED, "opening sealed data");
    return cr_fail(err, CR_REFUSED, NULL,
                   "the sealed data was changed, or sealed with another key or for another place");
}
