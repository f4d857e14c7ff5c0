/*
 * TUAK, 3GPP TS 35.231 clause 6. Every field stands in the state with its bytes reversed.
 */
#include "crypto/aka_internal.h"
#include "crypto/keccak.h"

#define TUAK_TOP 32 /* bytes of TOP and TOPc */

enum tuak_at {
    TUAK_AT_TOP = 0,
    TUAK_AT_INSTANCE = 32,
    TUAK_AT_NAME = 33,
    TUAK_AT_RAND = 40,
    TUAK_AT_AMF = 56,
    TUAK_AT_SQN = 58,
    TUAK_AT_KEY = 64,
    TUAK_AT_PAD = 96,
    TUAK_AT_PAD_END = 135,
    /* where the results of f2..f5 and f5* stand afterwards; MAC and RES stand at 0 */
    TUAK_OUT_CK = 32,
    TUAK_OUT_IK = 64,
    TUAK_OUT_AK = 96
};

/* INSTANCE, TS 35.231 6.2 to 6.5. */
enum tuak_instance {
    TUAK_I_KEY256 = 0x01,
    TUAK_I_IK256 = 0x02,
    TUAK_I_CK256 = 0x04,
    TUAK_I_F2345 = 0x40,
    TUAK_I_STAR = 0x80,
    TUAK_I_F5STAR = 0xC0
};

static void put_reversed(uint8_t *out, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = in[n - 1 - i];
    }
}

/* Any of rand, sqn and amf may be NULL: zero. */
static void run(const struct aka_params *params, const uint8_t top[TUAK_TOP], unsigned instance,
                struct aka_input in, uint8_t state[KECCAK_STATE])
{
    static const uint8_t name[7] = {'T', 'U', 'A', 'K', '1', '.', '0'};
    memset(state, 0, KECCAK_STATE);
    put_reversed(state + TUAK_AT_TOP, top, TUAK_TOP);
    state[TUAK_AT_INSTANCE] = (uint8_t)(instance | (params->key_size == 32 ? TUAK_I_KEY256 : 0U));
    put_reversed(state + TUAK_AT_NAME, name, sizeof name);
    if (in.rand) {
        put_reversed(state + TUAK_AT_RAND, in.rand, 16);
    }
    if (in.amf) {
        put_reversed(state + TUAK_AT_AMF, in.amf, 2);
    }
    if (in.sqn) {
        put_reversed(state + TUAK_AT_SQN, in.sqn, 6);
    }
    put_reversed(state + TUAK_AT_KEY, params->key, params->key_size);
    state[TUAK_AT_PAD] = 0x1F;
    state[TUAK_AT_PAD_END] = 0x80;
    for (unsigned i = 0; i < params->keccak_iterations; i++) {
        keccak_f1600(state);
    }
}

/* 08, 10, 20 for 64, 128, 256 bits of MAC: the number of bytes. */
void tuak_f1(const struct aka_params *params, struct aka_input in, bool star, uint8_t *mac)
{
    uint8_t state[KECCAK_STATE];
    run(params, params->opc, (unsigned)params->mac_size | (star ? TUAK_I_STAR : 0U), in, state);
    put_reversed(mac, state, params->mac_size);
    cr_wipe(state, sizeof state);
}

/* 40, 48, 50, 60 for 32, 64, 128, 256 bits of RES: 40 and the number of bytes, but 4 gives none. */
static unsigned instance_f2345(const struct aka_params *params)
{
    unsigned res = params->res_size == 4 ? 0U : (unsigned)params->res_size;
    return TUAK_I_F2345 | res | (params->ck_size == 32 ? TUAK_I_CK256 : 0U) |
           (params->ik_size == 32 ? TUAK_I_IK256 : 0U);
}

void tuak_all(const struct aka_params *params, struct aka_input in, struct aka_vector *out)
{
    uint8_t state[KECCAK_STATE];
    const struct aka_input rand_only = {.rand = in.rand};
    tuak_f1(params, in, false, out->mac_a);
    tuak_f1(params, in, true, out->mac_s);
    run(params, params->opc, instance_f2345(params), rand_only, state);
    put_reversed(out->res, state, params->res_size);
    put_reversed(out->ck, state + TUAK_OUT_CK, params->ck_size);
    put_reversed(out->ik, state + TUAK_OUT_IK, params->ik_size);
    put_reversed(out->ak, state + TUAK_OUT_AK, 6);
    run(params, params->opc, TUAK_I_F5STAR, rand_only, state);
    put_reversed(out->ak_s, state + TUAK_OUT_AK, 6);
    cr_wipe(state, sizeof state);
}

void tuak_topc(const struct aka_params *params, const uint8_t *top, uint8_t *out)
{
    uint8_t state[KECCAK_STATE];
    run(params, top, 0, (struct aka_input){0}, state);
    put_reversed(out, state, TUAK_TOP);
    cr_wipe(state, sizeof state);
}
