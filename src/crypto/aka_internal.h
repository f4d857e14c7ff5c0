/*
 * Inside src/crypto only: one set of functions for each algorithm behind aka.h. Parameters have
 * been checked by aka.c when they come here.
 */
#ifndef CRISP_CRYPTO_AKA_INTERNAL_H
#define CRISP_CRYPTO_AKA_INTERNAL_H

#include "crypto/aka.h"

struct aka_input {
    const uint8_t *rand; /* 16 */
    const uint8_t *sqn;  /* 6 */
    const uint8_t *amf;  /* 2 */
};

cr_status milenage_all(const struct aka_params *params, struct aka_input in, struct aka_vector *out,
                       struct cr_err *err) CR_MUST_CHECK;
cr_status milenage_f1(const struct aka_params *params, struct aka_input in, uint8_t *mac_a,
                      uint8_t *mac_s, struct cr_err *err) CR_MUST_CHECK;
cr_status milenage_opc(const struct aka_params *params, const uint8_t *op, uint8_t *out,
                       struct cr_err *err) CR_MUST_CHECK;

void tuak_all(const struct aka_params *params, struct aka_input in, struct aka_vector *out);
void tuak_f1(const struct aka_params *params, struct aka_input in, bool star, uint8_t *mac);
void tuak_topc(const struct aka_params *params, const uint8_t *top, uint8_t *out);

#endif
