/*
 * BSP, the protection of the Bound Profile Package (SCP03t; SGP.22 2.6.4, 5.5 and Annex M).
 *
 * One object is one direction of one chain: S-ENC, S-MAC, MAC chaining value and block counter.
 * Server side: crypto_bsp_protect_...; chip side: crypto_bsp_open_....
 *
 * Protected TLV = tag || L || data || first 8 bytes of CMAC. Tags 87 and 86: data encrypted and
 * padded; 88: data in clear. The counter advances on every TLV, 88 included.
 */
#ifndef CRISP_CRYPTO_BSP_H
#define CRISP_CRYPTO_BSP_H

#include "base/buf.h"
#include "base/error.h"

#define BSP_KEY         16   /* bytes of S-ENC, S-MAC, MCV */
#define BSP_MAC         8    /* bytes of a C-MAC on the wire */
#define BSP_MAX_SEGMENT 1020 /* bytes of a protected TLV, tag and length and MAC included */
#define BSP_MAX_PLAIN   1007 /* bytes of plain text in an encrypted TLV of that size */
#define BSP_MAX_CLEAR   1008 /* bytes of data in a MAC-only TLV of that size */
#define BSP_MAX_OPEN                                                                               \
    1036 /* bytes of a TLV that is still opened: some servers cut 1008 + padding                   \
          */

#define BSP_KEY_TYPE_AES 0x88
#define BSP_KEY_LENGTH   0x10

struct bsp_keys {
    uint8_t mcv[BSP_KEY];
    uint8_t s_enc[BSP_KEY];
    uint8_t s_mac[BSP_KEY];
};

/* Keys from the shared secret: X9.63 KDF over SharedInfo = keyType || keyLen || len || hostId ||
 * len || EID (SGP.22 2.6.4.2). z 32 bytes, host_id 1..16 bytes, eid 16 bytes; key_type
 * BSP_KEY_TYPE_AES and key_length BSP_KEY_LENGTH, else CR_REFUSED. */
cr_status bsp_derive(cr_span z, uint8_t key_type, uint8_t key_length, cr_span host_id, cr_span eid,
                     struct bsp_keys *out, struct cr_err *err) CR_MUST_CHECK;

struct bsp;

/* The block counter starts at 1. One thread at a time. */
cr_status bsp_new(const struct bsp_keys *keys, struct bsp **out, struct cr_err *err) CR_MUST_CHECK;
void bsp_free(struct bsp *bsp); /* wipes */

/* ReplaceSessionKeys: new keys, counter back to 1. Does not revive a dead chain. */
cr_status bsp_replace_keys(struct bsp *bsp, const struct bsp_keys *keys,
                           struct cr_err *err) CR_MUST_CHECK;

/* Appends one protected TLV. tag 0x87, 0x86 (encrypted) or 0x88 (MAC only); plain at most
 * BSP_MAX_PLAIN or BSP_MAX_CLEAR bytes. After a failure out is as it was and the chain is dead. */
cr_status bsp_protect(struct bsp *bsp, uint8_t tag, cr_span plain, cr_buf *out,
                      struct cr_err *err) CR_MUST_CHECK;

/* Cuts plain into TLVs of the largest size and protects each; nothing when plain is empty. */
cr_status bsp_protect_all(struct bsp *bsp, uint8_t tag, cr_span plain, cr_buf *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Opens one complete protected TLV: CR_MALFORMED = structure (errorReason 7), CR_REFUSED = MAC or
 * padding (errorReason 8). Appends the plain data to out; after a failure the chain is dead and
 * every further TLV is CR_REFUSED. Lengths may be in any definite BER form (servers differ); the
 * MAC is over the bytes as received. */
cr_status bsp_open(struct bsp *bsp, cr_span tlv, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

#endif
