/*
 * AES modes, CMAC and the ANSI X9.63 key derivation function.
 */
#ifndef CRISP_CRYPTO_SYMMETRIC_H
#define CRISP_CRYPTO_SYMMETRIC_H

#include "base/buf.h"
#include "base/error.h"

#define CRYPTO_AES_BLOCK  16
#define CRYPTO_AEAD_NONCE 12
#define CRYPTO_AEAD_TAG   16
#define CRYPTO_KDF_MAX    ((size_t)1 << 16) /* bytes one key derivation gives at most */

/* ANSI X9.63 / BSI TR-03111 4.3.3 with SHA-256: out = first n bytes of
 * SHA-256(Z || counter32 || shared_info), counter from 1. n is 1..CRYPTO_KDF_MAX. */
cr_status crypto_x963_kdf(cr_span z, cr_span shared_info, uint8_t *out, size_t n,
                          struct cr_err *err) CR_MUST_CHECK;

/* One block, ECB. key 16, 24 or 32 bytes. */
cr_status crypto_aes_block(cr_span key, const uint8_t in[16], uint8_t out[16],
                           struct cr_err *err) CR_MUST_CHECK;

/* CBC without padding, n a multiple of 16; in == out allowed. */
cr_status crypto_aes_cbc(bool encrypt, cr_span key, const uint8_t iv[16], const uint8_t *in,
                         size_t n, uint8_t *out, struct cr_err *err) CR_MUST_CHECK;

/* AES-GCM with a 12-byte nonce, the 16-byte tag appended; used to seal secrets at rest. A nonce
 * must never be used twice with one key. Appends to out; on failure out is as it was. open:
 * CR_MALFORMED when sealed is shorter than a tag, CR_REFUSED when the tag is wrong (set
 * out->secret). */
cr_status crypto_aead_seal(cr_span key, cr_span nonce, cr_span aad, cr_span plain, cr_buf *out,
                           struct cr_err *err) CR_MUST_CHECK;
cr_status crypto_aead_open(cr_span key, cr_span nonce, cr_span aad, cr_span sealed, cr_buf *out,
                           struct cr_err *err) CR_MUST_CHECK;

/* AES-CMAC (RFC 4493) over count parts. */
cr_status crypto_cmac(cr_span key, const cr_span *parts, size_t count, uint8_t out[16],
                      struct cr_err *err) CR_MUST_CHECK;

/* A keyed AES context that is expensive to set up and cheap to use (BSP over many segments). One
 * thread at a time. Key 16, 24 or 32 bytes; free wipes. The three operations are those above. */
struct crypto_aes;
cr_status crypto_aes_new(cr_span key, struct crypto_aes **out, struct cr_err *err) CR_MUST_CHECK;
void crypto_aes_free(struct crypto_aes *aes);
cr_status crypto_aes_keyed_block(struct crypto_aes *aes, const uint8_t in[16], uint8_t out[16],
                                 struct cr_err *err) CR_MUST_CHECK;
cr_status crypto_aes_keyed_cbc(struct crypto_aes *aes, bool encrypt, const uint8_t iv[16],
                               const uint8_t *in, size_t n, uint8_t *out,
                               struct cr_err *err) CR_MUST_CHECK;
cr_status crypto_aes_keyed_cmac(struct crypto_aes *aes, const cr_span *parts, size_t count,
                                uint8_t out[16], struct cr_err *err) CR_MUST_CHECK;

#endif
