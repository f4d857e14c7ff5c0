/*
 * From an Unprotected Profile Package to a Bound Profile Package (SGP.22 2.5.2 to 2.5.4).
 *
 *   UPP  the profile elements, one byte stream
 *   PPP  the UPP cut into protected '86' TLVs under random keys (PPK), made ahead of any order
 *   BPP  BF36 { BF23 InitialiseSecureChannel, A0 ConfigureISDP, A1 StoreMetadata,
 *               A2 ReplaceSessionKeys, A3 '86' ... }: bound to one chip's one-time key
 *
 * Both key modes: with a PPP made ahead (random-key mode, A2 present) and without (session-key
 * mode, the '86' TLVs are made under the session keys).
 */
#ifndef CRISP_PROFILE_BPP_H
#define CRISP_PROFILE_BPP_H

#include "crypto/bsp.h"
#include "pki/key.h"

/* A Protected Profile Package with its keys: what a server keeps in its inventory. */
struct profile_ppp {
    struct bsp_keys ppk; /* secret: wipe with cr_wipe() */
    cr_buf segments;     /* the '86' TLVs back to back; owned, free with cr_buf_free() */
};

/* Protects a UPP under fresh random keys. */
cr_status profile_protect(cr_span upp, const cr_env *env, struct profile_ppp *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* What a binding needs. */
struct profile_binding {
    cr_span transaction_id; /* 1..16 bytes */
    cr_span host_id;        /* 1..16 bytes, chosen by the server */
    cr_span eid;            /* 16 bytes */
    cr_span otpk_dp;        /* profile_bind(): one-time public point of the server when its private
                               key is gone (retry of a body made earlier); absent = that of otsk */
    const struct crypto_private *otsk;      /* one-time private key of the server */
    const struct crypto_public *otpk_euicc; /* one-time public key of the chip */
    const struct pki_key *signer;           /* SK.DPpb.ECDSA */
    cr_span configure_isdp;                 /* complete BF24 TLV; absent = BF24 00 */
    cr_span store_metadata;                 /* complete BF25 TLV */
    const struct profile_ppp *ppp;          /* random-key mode; NULL = session-key mode with upp */
    cr_span upp;
};

/* The bound part that survives a retry with the same one-time keys: everything behind BF23. It must
 * never be made twice with the same otsk (same key stream), only sent again. Appends A0 A1 [A2] A3.
 */
cr_status profile_bind_body(const struct profile_binding *binding, cr_buf *body,
                            struct cr_err *err) CR_MUST_CHECK;

/* Appends the complete BPP: signs BF23 for binding->transaction_id over the one-time keys and puts
 * the body behind it. Needs of the binding: transaction_id, host_id, otsk, otpk_euicc, signer. */
cr_status profile_bind(const struct profile_binding *binding, cr_span body, cr_buf *bpp,
                       struct cr_err *err) CR_MUST_CHECK;

#endif
