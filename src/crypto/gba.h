/*
 * Generic Bootstrapping Architecture with a UICC that knows of it (GBA_U): 3GPP TS 33.220. Both
 * sides: a chip answers, a bootstrapping server asks.
 */
#ifndef CRISP_CRYPTO_GBA_H
#define CRISP_CRYPTO_GBA_H

#include "base/error.h"

#define GBA_NAF_KEY 32 /* bytes of Ks_ext_NAF and Ks_int_NAF */
#define GBA_MAX_KS  64 /* CK || IK, with keys of 256 bits */

/* MAC* = MAC xor Trunc(SHA-1(IK)), clause 5.3.2: turns the MAC of an authentication vector into the
 * one of a bootstrapping procedure, and back. The standard knows MACs of 8 bytes; of a longer one
 * the first 20 bytes at most are changed. */
void gba_mac(cr_span ik, uint8_t *mac, size_t mac_size);

enum gba_naf_key {
    GBA_KS_EXT_NAF, /* for the terminal, "gba-me"; also Ks_NAF of GBA_ME */
    GBA_KS_INT_NAF  /* stays in the UICC, "gba-u" */
};

/* Annex B.3: HMAC-SHA-256(Ks, FC 01 || P0 || L0 || RAND || L1 || IMPI || L2 || NAF_Id || L3). Parts
 * of more than 65535 bytes are CR_MALFORMED. Wipe out after use. */
cr_status gba_naf_key(enum gba_naf_key which, cr_span ks, cr_span rand, cr_span impi,
                      cr_span naf_id, uint8_t out[GBA_NAF_KEY], struct cr_err *err) CR_MUST_CHECK;

#endif
