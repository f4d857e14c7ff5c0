/*
 * Concealment of a subscription identifier: the ECIES profiles of 3GPP TS 33.501 annex C.3.
 *
 * Shared secret of an ephemeral key and the home network's public key; ANSI X9.63 KDF with SHA-256
 * over it, shared info being the ephemeral public key; AES-128-CTR; HMAC-SHA-256 cut to 8 bytes.
 *
 * Scheme output = ephemeral public key || cipher text (as long as the plain text) || MAC.
 */
#ifndef CRISP_CRYPTO_ECIES_H
#define CRISP_CRYPTO_ECIES_H

#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

#define ECIES_MAC        8
#define ECIES_PUBLIC_A   32  /* bytes of an ephemeral public key, profile A */
#define ECIES_PUBLIC_B   33  /* profile B: a compressed point */
#define ECIES_PRIVATE    32  /* bytes of an ephemeral private key, both profiles */
#define ECIES_MAX_PLAIN  512 /* bytes of one identifier: the longest NAI and room */
#define ECIES_KEY_TRIALS 8   /* random numbers drawn until one is a private key */

/* The protection scheme identifiers of TS 33.501 annex C.1. */
enum ecies_profile {
    ECIES_A = 1, /* X25519 */
    ECIES_B = 2  /* P-256 */
};

/* Appends the scheme output for plain (1..ECIES_MAX_PLAIN bytes) to out. home_public: the key of
 * the home network, for profile A 32 bytes, for profile B a compressed (33) or uncompressed (65)
 * point. The ephemeral private key is drawn from env and wiped.
 *
 * CR_REFUSED: no such profile. CR_MALFORMED: a public key of another size, not on the curve or of
 * low order. CR_RESOURCE: no random numbers, no memory. On failure out is as it was, but for a
 * buffer that failed itself. */
cr_status ecies_conceal(enum ecies_profile profile, cr_span home_public, cr_span plain,
                        const cr_env *env, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

#endif
