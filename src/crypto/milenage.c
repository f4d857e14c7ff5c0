/*
 * Milenage, 3GPP TS 35.206 clause 4.
 */
#include "crypto/aka_internal.h"
#include "crypto/symmetric.h"

#define BLOCK CRYPTO_AES_BLOCK

static void xor_into(uint8_t out[BLOCK], const uint8_t in[BLOCK])
{
    for (size_t i = 0; i < BLOCK; i++) {
        out[i] ^= in[i];
    }
}

/* out = in rotated left by bits (0..127), the most significant bit first. */
static void rotate(uint8_t out[BLOCK], const uint8_t in[BLOCK], unsigned bits)
{
    size_t bytes = bits / 8;
    unsigned rest = bits % 8;
    for (size_t i = 0; i < BLOCK; i++) {
        unsigned high = in[(i + bytes) % BLOCK];
        unsigned low = in[(i + bytes + 1) % BLOCK];
        out[i] = (uint8_t)((high << 8 | low) >> (8 - rest));
    }
}

/* out = E_K(mixed ^ c_n) ^ OPc */
static cr_status finish(const struct aka_params *params, struct crypto_aes *aes, size_t n,
                        uint8_t mixed[BLOCK], uint8_t out[BLOCK], struct cr_err *err)
{
    xor_into(mixed, params->constants[n]);
    CR_TRY(crypto_aes_keyed_block(aes, mixed, out, err));
    xor_into(out, params->opc);
    return CR_OK;
}

/* TEMP = E_K(RAND ^ OPc) */
static cr_status temp_make(const struct aka_params *params, struct crypto_aes *aes,
                           const uint8_t *rand, uint8_t temp[BLOCK], struct cr_err *err)
{
    uint8_t mixed[BLOCK];
    memcpy(mixed, rand, BLOCK);
    xor_into(mixed, params->opc);
    return crypto_aes_keyed_block(aes, mixed, temp, err);
}

/* OUT1 = MAC-A || MAC-S */
static cr_status out1(const struct aka_params *params, struct crypto_aes *aes,
                      const uint8_t temp[BLOCK], struct aka_input in, uint8_t out[BLOCK],
                      struct cr_err *err)
{
    uint8_t in1[BLOCK];
    uint8_t mixed[BLOCK];
    memcpy(in1, in.sqn, 6);
    memcpy(in1 + 6, in.amf, 2);
    memcpy(in1 + 8, in1, 8);
    xor_into(in1, params->opc);
    rotate(mixed, in1, params->rotation[0]);
    xor_into(mixed, temp);
    return finish(params, aes, 0, mixed, out, err);
}

/* OUT2..OUT5 (n = 1..4) */
static cr_status out_n(const struct aka_params *params, struct crypto_aes *aes, size_t n,
                       const uint8_t temp[BLOCK], uint8_t out[BLOCK], struct cr_err *err)
{
    uint8_t masked[BLOCK];
    uint8_t mixed[BLOCK];
    memcpy(masked, temp, BLOCK);
    xor_into(masked, params->opc);
    rotate(mixed, masked, params->rotation[n]);
    return finish(params, aes, n, mixed, out, err);
}

static cr_status all_with(const struct aka_params *params, struct crypto_aes *aes,
                          struct aka_input in, uint8_t temp[BLOCK], uint8_t outs[5][BLOCK],
                          struct cr_err *err)
{
    CR_TRY(temp_make(params, aes, in.rand, temp, err));
    CR_TRY(out1(params, aes, temp, in, outs[0], err));
    for (size_t n = 1; n < 5; n++) {
        CR_TRY(out_n(params, aes, n, temp, outs[n], err));
    }
    return CR_OK;
}

cr_status milenage_all(const struct aka_params *params, struct aka_input in, struct aka_vector *out,
                       struct cr_err *err)
{
    struct crypto_aes *aes = NULL;
    CR_TRY(crypto_aes_new(cr_span_of(params->key, params->key_size), &aes, err));
    uint8_t temp[BLOCK];
    uint8_t outs[5][BLOCK];
    cr_status status = all_with(params, aes, in, temp, outs, err);
    crypto_aes_free(aes);
    if (status == CR_OK) {
        memcpy(out->mac_a, outs[0], 8);
        memcpy(out->mac_s, outs[0] + 8, 8);
        memcpy(out->res, outs[1] + 8, params->res_size);
        memcpy(out->ak, outs[1], 6);
        memcpy(out->ck, outs[2], BLOCK);
        memcpy(out->ik, outs[3], BLOCK);
        memcpy(out->ak_s, outs[4], 6);
    }
    cr_wipe(temp, sizeof temp);
    cr_wipe(outs, sizeof outs);
    return status;
}

cr_status milenage_f1(const struct aka_params *params, struct aka_input in, uint8_t *mac_a,
                      uint8_t *mac_s, struct cr_err *err)
{
    struct crypto_aes *aes = NULL;
    CR_TRY(crypto_aes_new(cr_span_of(params->key, params->key_size), &aes, err));
    uint8_t temp[BLOCK];
    uint8_t out[BLOCK];
    cr_status status = temp_make(params, aes, in.rand, temp, err);
    if (status == CR_OK) {
        status = out1(params, aes, temp, in, out, err);
    }
    crypto_aes_free(aes);
    if (status == CR_OK && mac_a) {
        memcpy(mac_a, out, 8);
    }
    if (status == CR_OK && mac_s) {
        memcpy(mac_s, out + 8, 8);
    }
    cr_wipe(temp, sizeof temp);
    cr_wipe(out, sizeof out);
    return status;
}

cr_status milenage_opc(const struct aka_params *params, const uint8_t *op, uint8_t *out,
                       struct cr_err *err)
{
    uint8_t opc[BLOCK];
    CR_TRY(crypto_aes_block(cr_span_of(params->key, params->key_size), op, opc, err));
    xor_into(opc, op);
    memcpy(out, opc, BLOCK);
    cr_wipe(opc, sizeof opc);
    return CR_OK;
}
