/*
 * The common door to the authentication algorithms: parameters are checked here, once.
 */
#include "crypto/aka.h"

#include "crypto/aka_internal.h"

enum { S4 = 1U << 4, S8 = 1U << 8, S16 = 1U << 16 };
#define S32 ((uint64_t)1 << 32)

/* Sizes that an algorithm allows: bit n stands for n bytes. */
static const struct aka_rules {
    const char *name, *clause;
    uint64_t key, res, mac, ckik;
    size_t op; /* bytes of OP and OPc; 0 = none */
} aka_rules[] = {
    [AKA_MILENAGE] = {"Milenage", "3GPP TS 35.206", S16, S4 | S8, S8, S16, 16},
    [AKA_TUAK] = {"TUAK", "3GPP TS 35.231", S16 | S32, S4 | S8 | S16 | S32, S8 | S16 | S32,
                  S16 | S32, 32},
    [AKA_TEST] = {"the test algorithm", "3GPP TS 34.108 8.1.2", S16, S4 | S8 | S16, S8, S16, 0},
};

void aka_params_default(struct aka_params *params, enum aka_algorithm algorithm)
{
    static const uint8_t rotation[5] = {64, 0, 32, 64, 96};
    memset(params, 0, sizeof *params);
    params->algorithm = algorithm;
    params->key_size = 16;
    memcpy(params->rotation, rotation, sizeof rotation);
    for (size_t i = 1; i < 5; i++) {
        params->constants[i][15] = (uint8_t)(1U << (i - 1));
    }
    params->keccak_iterations = 1;
    params->res_size = algorithm == AKA_TEST ? 16 : 8;
    params->mac_size = 8;
    params->ck_size = 16;
    params->ik_size = 16;
}

static bool size_allowed(uint64_t allowed, size_t n)
{
    return n < 64 && (allowed >> n & 1) != 0;
}

static cr_status refuse_field(struct cr_err *err, const struct aka_rules *rules, const char *field,
                              size_t value)
{
    return cr_err_field(err,
                        cr_fail(err, CR_MALFORMED, rules->clause, "%s does not allow %s = %zu",
                                rules->name, field, value),
                        field);
}

static const struct aka_rules *rules_of(const struct aka_params *params, struct cr_err *err)
{
    size_t n = (size_t)params->algorithm;
    if (n >= CR_COUNT(aka_rules) || !aka_rules[n].name) {
        cr_fail(err, CR_REFUSED, NULL, "authentication algorithm %zu is not supported", n);
        return NULL;
    }
    return &aka_rules[n];
}

static cr_status params_check(const struct aka_params *params, struct cr_err *err)
{
    const struct aka_rules *rules = rules_of(params, err);
    if (!rules) {
        return CR_REFUSED;
    }
    const struct {
        const char *field;
        uint64_t allowed;
        size_t value;
    } sizes[] = {{"key", rules->key, params->key_size},
                 {"RES", rules->res, params->res_size},
                 {"MAC", rules->mac, params->mac_size},
                 {"CK", rules->ckik, params->ck_size},
                 {"IK", rules->ckik, params->ik_size}};
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        if (!size_allowed(sizes[i].allowed, sizes[i].value)) {
            return refuse_field(err, rules, sizes[i].field, sizes[i].value);
        }
    }
    for (size_t i = 0; i < 5 && params->algorithm == AKA_MILENAGE; i++) {
        if (params->rotation[i] > 127) {
            return refuse_field(err, rules, "rotationConstants", params->rotation[i]);
        }
    }
    if (params->algorithm == AKA_TUAK &&
        (params->keccak_iterations == 0 || params->keccak_iterations > AKA_KECCAK_MAX)) {
        return refuse_field(err, rules, "numberOfKeccak", params->keccak_iterations);
    }
    return CR_OK;
}

/* ---- the test algorithm, TS 34.108 8.1.2 ---- */

static void test_xdout(const struct aka_params *params, const uint8_t *rand, uint8_t xdout[16])
{
    for (size_t i = 0; i < 16; i++) {
        xdout[i] = params->key[i] ^ rand[i];
    }
}

/* MAC = XDOUT[0..7] ^ (SQN || AMF), for f1 and f1* alike. */
static void test_mac(const uint8_t xdout[16], struct aka_input in, uint8_t mac[8])
{
    for (size_t i = 0; i < 8; i++) {
        mac[i] = xdout[i] ^ (i < 6 ? in.sqn[i] : in.amf[i - 6]);
    }
}

static void test_all(const struct aka_params *params, struct aka_input in, struct aka_vector *out)
{
    uint8_t xdout[16];
    test_xdout(params, in.rand, xdout);
    test_mac(xdout, in, out->mac_a);
    test_mac(xdout, in, out->mac_s);
    memcpy(out->res, xdout, params->res_size);
    for (size_t i = 0; i < 16; i++) {
        out->ck[i] = xdout[(i + 1) % 16];
        out->ik[i] = xdout[(i + 2) % 16];
    }
    memcpy(out->ak, xdout + 3, 6);
    memcpy(out->ak_s, xdout + 3, 6);
    cr_wipe(xdout, sizeof xdout);
}

/* ---- the door ---- */

cr_status aka_compute(const struct aka_params *params, const uint8_t rand[16], const uint8_t sqn[6],
                      const uint8_t amf[2], struct aka_vector *out, struct cr_err *err)
{
    CR_TRY(params_check(params, err));
    const struct aka_input in = {rand, sqn, amf};
    struct aka_vector vector = {0};
    cr_status status = CR_OK;
    switch (params->algorithm) {
    case AKA_MILENAGE:
        status = milenage_all(params, in, &vector, err);
        break;
    case AKA_TUAK:
        tuak_all(params, in, &vector);
        break;
    case AKA_TEST:
        test_all(params, in, &vector);
        break;
    }
    if (status == CR_OK) {
        *out = vector;
    }
    cr_wipe(&vector, sizeof vector);
    return status;
}

cr_status aka_mac_s(const struct aka_params *params, const uint8_t rand[16],
                    const uint8_t sqn_ms[6], const uint8_t amf_s[2], uint8_t *mac_s,
                    struct cr_err *err)
{
    CR_TRY(params_check(params, err));
    const struct aka_input in = {rand, sqn_ms, amf_s};
    uint8_t xdout[16];
    switch (params->algorithm) {
    case AKA_MILENAGE:
        return milenage_f1(params, in, NULL, mac_s, err);
    case AKA_TUAK:
        tuak_f1(params, in, true, mac_s);
        break;
    case AKA_TEST:
        test_xdout(params, rand, xdout);
        test_mac(xdout, in, mac_s);
        cr_wipe(xdout, sizeof xdout);
        break;
    }
    return CR_OK;
}

void aka_autn(const struct aka_vector *v, const uint8_t sqn[6], const uint8_t amf[2],
              uint8_t autn[AKA_AUTN])
{
    for (size_t i = 0; i < 6; i++) {
        autn[i] = sqn[i] ^ v->ak[i];
    }
    memcpy(autn + 6, amf, 2);
    memcpy(autn + 8, v->mac_a, 8);
}

cr_status aka_auts(const struct aka_params *params, const uint8_t rand[16],
                   const uint8_t auts[AKA_AUTS], uint8_t sqn_ms[6], struct cr_err *err)
{
    static const uint8_t zero[6] = {0}; /* AMF* (6.3.3), and what f5* does not look at */
    struct aka_vector v = {0};
    uint8_t mac_s[32] = {0};
    cr_status status = aka_compute(params, rand, zero, zero, &v, err);
    for (size_t i = 0; i < 6; i++) {
        sqn_ms[i] = auts[i] ^ v.ak_s[i];
    }
    if (status == CR_OK) {
        status = aka_mac_s(params, rand, sqn_ms, zero, mac_s, err);
    }
    if (status == CR_OK && (params->mac_size != 8 ||
                            !cr_span_equal_ct(cr_span_of(mac_s, 8), cr_span_of(auts + 6, 8)))) {
        status = cr_fail(err, CR_REFUSED, "TS 33.102 6.3.5", "MAC-S in AUTS is wrong");
        status = cr_err_next(err, status, "another K or OPc, or AUTS is of another RAND");
    }
    cr_wipe(&v, sizeof v);
    cr_wipe(mac_s, sizeof mac_s);
    return status;
}

cr_status aka_opc(const struct aka_params *params, cr_span op, uint8_t *out, struct cr_err *err)
{
    CR_TRY(params_check(params, err));
    const struct aka_rules *rules = &aka_rules[params->algorithm];
    if (rules->op == 0 || op.n != rules->op) {
        return refuse_field(err, rules, "OP", op.n);
    }
    if (params->algorithm == AKA_MILENAGE) {
        return milenage_opc(params, op.p, out, err);
    }
    tuak_topc(params, op.p, out);
    return CR_OK;
}

void aka_sres(const uint8_t *res, size_t res_size, uint8_t sres[4])
{
    uint8_t folded[4] = {0};
    for (size_t i = 0; i < res_size; i++) {
        folded[i % 4] ^= res[i];
    }
    memcpy(sres, folded, sizeof folded);
}

void aka_kc(const uint8_t ck[16], const uint8_t ik[16], uint8_t kc[8])
{
    for (size_t i = 0; i < 8; i++) {
        kc[i] = ck[i] ^ ck[i + 8] ^ ik[i] ^ ik[i + 8];
    }
}
