/*
 * DES and triple DES, the MACs made of them, key check values and the CRCs of secured packets.
 *
 * A key has 8 (DES), 16 (K1 K2, used as K1 K2 K1) or 24 bytes (K1 K2 K3); any other size is
 * CR_MALFORMED. Parity bits are ignored. DES is here because cards in the field have nothing else;
 * nothing new may be built on it.
 */
#ifndef CRISP_CRYPTO_DES_H
#define CRISP_CRYPTO_DES_H

#include "base/error.h"

#define CRYPTO_DES_BLOCK   8
#define CRYPTO_DES_KEY     8
#define CRYPTO_DES_KEY_MAX 24
#define CRYPTO_KCV         3 /* bytes of a key check value */

/* ISO/IEC 9797-1 padding. ZERO adds bytes 00 only where the length is no multiple of 8 (method 1,
 * TS 102 225); ONE adds 80 and then 00, always (method 2, GlobalPlatform). */
enum crypto_des_padding { CRYPTO_DES_PAD_ZERO, CRYPTO_DES_PAD_ONE };

/* n a multiple of 8, else CR_MALFORMED; in == out allowed. */
cr_status crypto_des_cbc(bool encrypt, cr_span key, const uint8_t iv[8], const uint8_t *in,
                         size_t n, uint8_t *out, struct cr_err *err) CR_MUST_CHECK;
cr_status crypto_des_ecb(bool encrypt, cr_span key, const uint8_t *in, size_t n, uint8_t *out,
                         struct cr_err *err) CR_MUST_CHECK;

/* The last block of CBC over the parts, all blocks under the whole key: ISO/IEC 9797-1 MAC
 * algorithm 1 with (triple) DES; the CC of TS 102 225 (iv 0, ZERO) and the "full triple DES MAC" of
 * SCP02 (ONE). An empty input with ZERO gives one block of zeros. */
cr_status crypto_des_mac(cr_span key, const uint8_t iv[8], const cr_span *parts, size_t count,
                         enum crypto_des_padding padding, uint8_t out[8],
                         struct cr_err *err) CR_MUST_CHECK;

/* ISO/IEC 9797-1 MAC algorithm 3 ("retail MAC"): DES under K1 in CBC, the last block under
 * K1 K2 K1. Key 16 bytes. The C-MAC and R-MAC of SCP02 (padding ONE). */
cr_status crypto_des_retail_mac(cr_span key, const uint8_t iv[8], const cr_span *parts,
                                size_t count, enum crypto_des_padding padding, uint8_t out[8],
                                struct cr_err *err) CR_MUST_CHECK;

/* Key check values, GlobalPlatform Card Specification B.5, Amendment D: the first 3 bytes of ECB
 * over 8 bytes 00 (DES keys) or 16 bytes 01 (AES keys, 16, 24 or 32 bytes). */
cr_status crypto_des_kcv(cr_span key, uint8_t out[CRYPTO_KCV], struct cr_err *err) CR_MUST_CHECK;
cr_status crypto_aes_kcv(cr_span key, uint8_t out[CRYPTO_KCV], struct cr_err *err) CR_MUST_CHECK;

/* Redundancy checks of TS 102 225 5.1.3.2 (ISO/IEC 13239): CRC-16 with polynomial 1021, CRC-32 with
 * polynomial 04C11DB7, both reflected, begun with ones and inverted at the end. The value is
 * written big endian. 01 02 03 04 05 gives 22EC and 470B99F4. */
uint16_t crypto_crc16(const cr_span *parts, size_t count);
uint32_t crypto_crc32(const cr_span *parts, size_t count);

#endif
