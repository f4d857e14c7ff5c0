/*
 * The curves, and the one process-wide cache of this folder's elliptic curve part.
 *
 * The cache is made by pthread_once() on first use and constant from then on: it is not state, it
 * only spares every call the look-up by name, which costs more than a P-256 key pair. It lives as
 * long as the process on purpose.
 */
#include "crypto/curve.h"

#include "base/text.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdlib.h>

static const uint8_t oid_p256[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t oid_brainpool[] = {0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07};

static const struct {
    const char *name, *alias, *openssl_name;
    int nid;
    cr_span oid;
} curve_table[CRYPTO_CURVES] = {
    [CRYPTO_P256] =
        {"P-256", "nist", "prime256v1", NID_X9_62_prime256v1, {oid_p256, sizeof oid_p256}},
    [CRYPTO_BRAINPOOL] = {"brainpoolP256r1",
                          "brainpool",
                          "brainpoolP256r1",
                          NID_brainpoolP256r1,
                          {oid_brainpool, sizeof oid_brainpool}},
};

static bool curve_valid(enum crypto_curve curve)
{
    return curve > CRYPTO_CURVE_NONE && curve < CRYPTO_CURVES;
}

const char *crypto_curve_name(enum crypto_curve curve)
{
    return curve_valid(curve) ? curve_table[curve].name : "none";
}

cr_span crypto_curve_oid(enum crypto_curve curve)
{
    return curve_valid(curve) ? curve_table[curve].oid : (cr_span){0};
}

enum crypto_curve crypto_curve_from_oid(cr_span oid)
{
    for (int c = CRYPTO_CURVE_NONE + 1; c < CRYPTO_CURVES; c++) {
        if (cr_span_equal(oid, curve_table[c].oid)) {
            return (enum crypto_curve)c;
        }
    }
    return CRYPTO_CURVE_NONE;
}

enum crypto_curve crypto_curve_from_name(cr_span name)
{
    for (int c = CRYPTO_CURVE_NONE + 1; c < CRYPTO_CURVES; c++) {
        if (cr_span_equal(name, cr_span_str(curve_table[c].name)) ||
            cr_span_equal(name, cr_span_str(curve_table[c].alias)) ||
            cr_span_equal(name, cr_span_str(curve_table[c].openssl_name))) {
            return (enum crypto_curve)c;
        }
    }
    return CRYPTO_CURVE_NONE;
}

cr_status crypto_fail_openssl(struct cr_err *err, cr_status category, const char *attempt)
{
    unsigned long e = ERR_peek_last_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;
    if (e && ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
        category = CR_RESOURCE;
    }
    ERR_clear_error();
    return cr_fail(err, category, NULL, "%s failed: %s", attempt,
                   reason ? reason : "no reason given by the library");
}

static struct crypto_group group_cache[CRYPTO_CURVES];
static pthread_once_t group_once = PTHREAD_ONCE_INIT;

static EVP_PKEY *params_new(const char *name)
{
    char text[32];
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx && cr_str_copy(text, sizeof text, cr_span_str(name)) &&
        EVP_PKEY_fromdata_init(ctx) == 1) {
        OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, text, 0),
                               OSSL_PARAM_END};
        params[0].data_size = strlen(text);
        if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params) != 1) {
            pkey = NULL;
        }
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* A curve that cannot be made leaves its entry empty; crypto_group_of() then reports it. */
static void group_make(enum crypto_curve curve)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve_table[curve].nid);
    EVP_PKEY *params = params_new(curve_table[curve].openssl_name);
    struct crypto_group *out = &group_cache[curve];
    if (group && params && BN_is_one(EC_GROUP_get0_cofactor(group)) &&
        BN_bn2binpad(EC_GROUP_get0_order(group), out->order, CRYPTO_SCALAR) == CRYPTO_SCALAR) {
        out->params = params;
        out->group = group;
        return;
    }
    EC_GROUP_free(group);
    EVP_PKEY_free(params);
}

static void group_make_all(void)
{
    for (int c = CRYPTO_CURVE_NONE + 1; c < CRYPTO_CURVES; c++) {
        group_make((enum crypto_curve)c);
    }
    ERR_clear_error();
}

const struct crypto_group *crypto_group_of(enum crypto_curve curve, struct cr_err *err)
{
    if (!curve_valid(curve)) {
        cr_fail(err, CR_REFUSED, NULL, "curve number %d is not supported", (int)curve);
        return NULL;
    }
    (void)pthread_once(&group_once, group_make_all);
    if (!group_cache[curve].group) {
        cr_fail(err, CR_INTERNAL, NULL, "the cryptographic library does not offer curve %s",
                curve_table[curve].name);
        return NULL;
    }
    return &group_cache[curve];
}

bool crypto_in_range(const struct crypto_group *group, const uint8_t v[CRYPTO_SCALAR])
{
    static const uint8_t zero[CRYPTO_SCALAR];
    return memcmp(v, zero, CRYPTO_SCALAR) != 0 && memcmp(v, group->order, CRYPTO_SCALAR) < 0;
}

EVP_PKEY *crypto_public_pkey(enum crypto_curve curve, const uint8_t point[CRYPTO_POINT],
                             struct cr_err *err)
{
    const struct crypto_group *g = crypto_group_of(curve, err);
    if (!g) {
        return NULL;
    }
    /* A copy of the parameters with a point put in costs 4 us; EVP_PKEY_fromdata() 15 us. */
    EVP_PKEY *pkey = EVP_PKEY_dup(g->params);
    if (!pkey || EVP_PKEY_set1_encoded_public_key(pkey, point, CRYPTO_POINT) != 1) {
        EVP_PKEY_free(pkey);
        crypto_fail_openssl(err, CR_INTERNAL, "handing a public key to the library");
        return NULL;
    }
    return pkey;
}

EVP_PKEY *crypto_private_pkey(enum crypto_curve curve, const BIGNUM *scalar,
                              const uint8_t point[CRYPTO_POINT], struct cr_err *err)
{
    if (!crypto_group_of(curve, err)) {
        return NULL;
    }
    char name[32];
    uint8_t pub[CRYPTO_POINT];
    uint8_t native[CRYPTO_SCALAR]; /* OSSL_PARAM integers are in the byte order of the machine */
    memcpy(pub, point, sizeof pub);
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
        cr_str_copy(name, sizeof name, cr_span_str(curve_table[curve].openssl_name)) &&
        BN_bn2nativepad(scalar, native, sizeof native) == (int)sizeof native) {
        OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
                               OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, pub, sizeof pub),
                               OSSL_PARAM_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof native),
                               OSSL_PARAM_END};
        params[0].data_size = strlen(name);
        if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
            pkey = NULL;
        }
    }
    EVP_PKEY_CTX_free(ctx);
    cr_wipe(native, sizeof native);
    if (!pkey) {
        crypto_fail_openssl(err, CR_INTERNAL, "handing a private key to the library");
    }
    return pkey;
}
