/*
 * Network authentication algorithms of the USIM: Milenage (3GPP TS 35.206), TUAK (TS 35.231) and
 * the USIM test algorithm (TS 34.108 8.1.2, XOR). Both sides: a chip answers, a network asks.
 */
#ifndef CRISP_CRYPTO_AKA_H
#define CRISP_CRYPTO_AKA_H

#include "base/error.h"

#define AKA_KECCAK_MAX 255 /* iterations of Keccak-f[1600] for one function */

enum aka_algorithm { AKA_MILENAGE = 1, AKA_TUAK = 2, AKA_TEST = 3 };

/* Parameters as a profile package carries them (TCA AKAParameter). Sizes in bytes. */
struct aka_params {
    enum aka_algorithm algorithm;
    uint8_t key[32];
    size_t key_size;            /* 16; TUAK also 32 */
    uint8_t opc[32];            /* OPc (16) or TOPc (32) */
    uint8_t rotation[5];        /* Milenage r1..r5 in bits; default 64 0 32 64 96 */
    uint8_t constants[5][16];   /* Milenage c1..c5; default 0 1 2 4 8 */
    unsigned keccak_iterations; /* TUAK; default 1 */
    size_t res_size;            /* Milenage 4 or 8; test 4, 8, 16; TUAK 4, 8, 16, 32 */
    size_t mac_size;            /* 8; TUAK also 16, 32 */
    size_t ck_size, ik_size;    /* 16; TUAK also 32 */
};

/* Sets the defaults of the standard for the algorithm (RES of 16 bytes for the test algorithm, else
 * 8); key and opc stay to be filled. */
void aka_params_default(struct aka_params *params, enum aka_algorithm algorithm);

struct aka_vector {
    uint8_t mac_a[32]; /* f1 (mac_size) */
    uint8_t mac_s[32]; /* f1* */
    uint8_t res[32];   /* f2 (res_size) */
    uint8_t ck[32];    /* f3 */
    uint8_t ik[32];    /* f4 */
    uint8_t ak[6];     /* f5 */
    uint8_t ak_s[6];   /* f5* */
};

/* All functions for one RAND. sqn and amf enter f1 and f1* only; mac_s is f1* over the same sqn and
 * amf, as the test sets of the standards give it (a resynchronisation has its own: aka_mac_s()).
 * Parameters that the algorithm does not allow are CR_MALFORMED with err->field. Wipe out after
 * use. */
cr_status aka_compute(const struct aka_params *params, const uint8_t rand[16], const uint8_t sqn[6],
                      const uint8_t amf[2], struct aka_vector *out,
                      struct cr_err *err) CR_MUST_CHECK;

/* MAC-S alone for a resynchronisation: f1*(K, RAND, SQN_MS, AMF*). */
cr_status aka_mac_s(const struct aka_params *params, const uint8_t rand[16],
                    const uint8_t sqn_ms[6], const uint8_t amf_s[2], uint8_t *mac_s,
                    struct cr_err *err) CR_MUST_CHECK;

/* The network's side (TS 33.102 6.3). Both tokens have a MAC of 8 bytes. */
#define AKA_AUTN 16
#define AKA_AUTS 14

/* AUTN = (SQN xor AK) || AMF || MAC-A, of what aka_compute() made of sqn and amf. */
void aka_autn(const struct aka_vector *v, const uint8_t sqn[6], const uint8_t amf[2],
              uint8_t autn[AKA_AUTN]);
/* SQN_MS out of AUTS = (SQN_MS xor AK*) || MAC-S, the card's answer to a challenge of this RAND.
 * CR_REFUSED: MAC-S is wrong. */
cr_status aka_auts(const struct aka_params *params, const uint8_t rand[16],
                   const uint8_t auts[AKA_AUTS], uint8_t sqn_ms[6],
                   struct cr_err *err) CR_MUST_CHECK;

/* OPc = E_K(OP) xor OP; TOPc for TUAK (op of 16 or 32 bytes, out of the same size). */
cr_status aka_opc(const struct aka_params *params, cr_span op, uint8_t *out,
                  struct cr_err *err) CR_MUST_CHECK;

/* Conversion functions of TS 33.102 6.8.1.2: c2 (SRES, 4 bytes) and c3 (Kc, 8 bytes). */
void aka_sres(const uint8_t *res, size_t res_size, uint8_t sres[4]);
void aka_kc(const uint8_t ck[16], const uint8_t ik[16], uint8_t kc[8]);

#endif
