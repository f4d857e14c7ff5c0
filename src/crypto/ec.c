/*
 * Keys and key agreement.
 *
 * Points are handled with EC_POINT_...(), which OpenSSL 3 keeps: a point is validated once, when
 * it comes in, and a key agreement is one multiplication. EVP_PKEY_derive() would validate the
 * peer again each time and double the cost. Both multiplications used here, of the base point and
 * of a single point, are constant-time in OpenSSL for a scalar in 1..n-1.
 */
#include "crypto/ec.h"

#include "crypto/curve.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Prepared contexts of a key, see context_borrow(). */
struct contexts {
    _Atomic(EVP_PKEY_CTX *) template;
    _Atomic(EVP_PKEY_CTX *) spare;
};

struct crypto_public {
    const struct crypto_group *group;
    enum crypto_curve curve;
    EC_POINT *q;
    uint8_t point[CRYPTO_POINT];
    struct contexts verifiers; /* made on first use */
};

struct crypto_private {
    const struct crypto_group *group;
    enum crypto_curve curve;
    BIGNUM *d;
    uint8_t point[CRYPTO_POINT];
    struct contexts signers; /* made on first use */
};

static void contexts_free(struct contexts *contexts)
{
    EVP_PKEY_CTX_free(atomic_load(&contexts->template));
    EVP_PKEY_CTX_free(atomic_load(&contexts->spare));
}

/* ---- public keys ---- */

static cr_status point_decode(const struct crypto_group *g, enum crypto_curve curve, cr_span point,
                              EC_POINT *q, struct cr_err *err)
{
    if (point.n != CRYPTO_POINT || point.p[0] != 0x04) {
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 3.2.1",
                       "a public key must be an uncompressed point of 65 bytes (04 || X || Y), "
                       "not %zu bytes starting with %02X",
                       point.n, point.n ? point.p[0] : 0U);
    }
    /* Refuses coordinates >= p and points that are not on the curve. Infinity has no encoding of
     * 65 bytes, and the cofactor is 1: what passes is a valid key. */
    if (EC_POINT_oct2point(g->group, q, point.p, point.n, NULL) != 1) {
        crypto_fail_openssl(err, CR_MALFORMED, "reading a point");
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 3.2.1",
                       "the public key is not a point of curve %s", crypto_curve_name(curve));
    }
    return CR_OK;
}

cr_status crypto_public_new(enum crypto_curve curve, cr_span point, struct crypto_public **out,
                            struct cr_err *err)
{
    const struct crypto_group *g = crypto_group_of(curve, err);
    if (!g) {
        return curve > CRYPTO_CURVE_NONE && curve < CRYPTO_CURVES ? CR_INTERNAL : CR_REFUSED;
    }
    struct crypto_public *key = calloc(1, sizeof *key);
    if (!key) {
        return cr_fail_memory(err);
    }
    key->group = g;
    key->curve = curve;
    key->q = EC_POINT_new(g->group);
    cr_status status = key->q ? point_decode(g, curve, point, key->q, err) : cr_fail_memory(err);
    if (status != CR_OK) {
        crypto_public_free(key);
        return status;
    }
    memcpy(key->point, point.p, CRYPTO_POINT);
    *out = key;
    return CR_OK;
}

void crypto_public_free(struct crypto_public *key)
{
    if (!key) {
        return;
    }
    contexts_free(&key->verifiers);
    EC_POINT_free(key->q);
    free(key);
}

enum crypto_curve crypto_public_curve(const struct crypto_public *key)
{
    return key->curve;
}

cr_span crypto_public_point(const struct crypto_public *key)
{
    return CR_SPAN_ARRAY(key->point);
}

/* ---- contexts ---- */

/*
 * Keys are immutable to their users but for two slots. The first signature or verification leaves
 * its prepared context in one as a template that is never used itself (two threads may both prepare
 * one; the slot takes the first, the other is freed): a one-time key, which only agrees, never pays
 * for it. The other holds a copy that is in nobody's hands: whoever comes takes it and puts it
 * back, and whoever finds the slot empty because somebody else is at work makes a copy of his own.
 */
static EVP_PKEY_CTX *context_copy(struct contexts *contexts, EVP_PKEY_CTX *made, struct cr_err *err)
{
    EVP_PKEY_CTX *expected = NULL;
    if (made && !atomic_compare_exchange_strong(&contexts->template, &expected, made)) {
        EVP_PKEY_CTX_free(made);
        made = expected;
    }
    EVP_PKEY_CTX *copy = EVP_PKEY_CTX_dup(made ? made : atomic_load(&contexts->template));
    if (!copy) {
        crypto_fail_openssl(err, CR_RESOURCE, "preparing an ECDSA key");
    }
    return copy;
}

static void context_give_back(struct contexts *contexts, EVP_PKEY_CTX *ctx)
{
    EVP_PKEY_CTX *expected = NULL;
    if (!atomic_compare_exchange_strong(&contexts->spare, &expected, ctx)) {
        EVP_PKEY_CTX_free(ctx);
    }
}

/* Takes over pkey (NULL allowed when *err is filled already). */
static EVP_PKEY_CTX *template_new(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *), struct cr_err *err)
{
    if (!pkey) {
        return NULL;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    EVP_PKEY_free(pkey); /* the context holds its own reference */
    if (!ctx || init(ctx) != 1) {
        EVP_PKEY_CTX_free(ctx);
        crypto_fail_openssl(err, CR_INTERNAL, "preparing an ECDSA key");
        return NULL;
    }
    return ctx;
}

/* const is a promise to the users of a key; all keys come from the heap. */
static struct contexts *verifiers_of(const struct crypto_public *key)
{
    return &((struct crypto_public *)(uintptr_t)key)->verifiers;
}

static struct contexts *signers_of(const struct crypto_private *key)
{
    return &((struct crypto_private *)(uintptr_t)key)->signers;
}

EVP_PKEY_CTX *crypto_public_borrow(const struct crypto_public *key, struct cr_err *err)
{
    struct contexts *contexts = verifiers_of(key);
    EVP_PKEY_CTX *ctx = atomic_exchange(&contexts->spare, NULL);
    if (ctx || atomic_load(&contexts->template)) {
        return ctx ? ctx : context_copy(contexts, NULL, err);
    }
    ctx = template_new(crypto_public_pkey(key->curve, key->point, err), EVP_PKEY_verify_init, err);
    return ctx ? context_copy(contexts, ctx, err) : NULL;
}

void crypto_public_give_back(const struct crypto_public *key, EVP_PKEY_CTX *ctx)
{
    context_give_back(verifiers_of(key), ctx);
}

EVP_PKEY_CTX *crypto_private_borrow(const struct crypto_private *key, struct cr_err *err)
{
    struct contexts *contexts = signers_of(key);
    EVP_PKEY_CTX *ctx = atomic_exchange(&contexts->spare, NULL);
    if (ctx || atomic_load(&contexts->template)) {
        return ctx ? ctx : context_copy(contexts, NULL, err);
    }
    ctx = template_new(crypto_private_pkey(key->curve, key->d, key->point, err), EVP_PKEY_sign_init,
                       err);
    return ctx ? context_copy(contexts, ctx, err) : NULL;
}

void crypto_private_give_back(const struct crypto_private *key, EVP_PKEY_CTX *ctx)
{
    context_give_back(signers_of(key), ctx);
}

/* ---- private keys ---- */

/* point = d * G */
static cr_status point_of_scalar(struct crypto_private *key, BN_CTX *ctx, struct cr_err *err)
{
    EC_POINT *q = EC_POINT_new(key->group->group);
    bool ok = q && EC_POINT_mul(key->group->group, q, key->d, NULL, NULL, ctx) == 1 &&
              EC_POINT_point2oct(key->group->group, q, POINT_CONVERSION_UNCOMPRESSED, key->point,
                                 CRYPTO_POINT, ctx) == CRYPTO_POINT;
    EC_POINT_free(q);
    return ok ? CR_OK : crypto_fail_openssl(err, CR_INTERNAL, "computing a public key");
}

static cr_status scalar_random(struct crypto_private *key, BN_CTX *ctx, struct cr_err *err)
{
    do {
        if (BN_priv_rand_range_ex(key->d, EC_GROUP_get0_order(key->group->group), 0, ctx) != 1) {
            return crypto_fail_openssl(err, CR_RESOURCE, "drawing a random private key");
        }
    } while (BN_is_zero(key->d));
    return CR_OK;
}

static cr_status scalar_take(struct crypto_private *key, cr_span scalar, struct cr_err *err)
{
    if (scalar.n != CRYPTO_SCALAR || !BN_bin2bn(scalar.p, CRYPTO_SCALAR, key->d)) {
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 4.1.3",
                       "a private key must have 32 bytes, not %zu", scalar.n);
    }
    if (BN_is_zero(key->d) || BN_cmp(key->d, EC_GROUP_get0_order(key->group->group)) >= 0) {
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 4.1.3",
                       "the private key is not in the range 1..n-1 of curve %s",
                       crypto_curve_name(key->curve));
    }
    return CR_OK;
}

/* An absent scalar draws a random one. */
static cr_status private_make(enum crypto_curve curve, cr_span scalar, struct crypto_private **out,
                              struct cr_err *err)
{
    const struct crypto_group *g = crypto_group_of(curve, err);
    if (!g) {
        return curve > CRYPTO_CURVE_NONE && curve < CRYPTO_CURVES ? CR_INTERNAL : CR_REFUSED;
    }
    struct crypto_private *key = calloc(1, sizeof *key);
    BN_CTX *ctx = BN_CTX_new();
    cr_status status = CR_OK;
    if (!key || !ctx || !(key->d = BN_new())) {
        status = cr_fail_memory(err);
    }
    if (status == CR_OK) {
        key->group = g;
        key->curve = curve;
        BN_set_flags(key->d, BN_FLG_CONSTTIME);
        status =
            cr_span_present(scalar) ? scalar_take(key, scalar, err) : scalar_random(key, ctx, err);
    }
    if (status == CR_OK) {
        status = point_of_scalar(key, ctx, err);
    }
    BN_CTX_free(ctx); /* wipes its numbers */
    if (status != CR_OK) {
        crypto_private_free(key);
        return status;
    }
    *out = key;
    return CR_OK;
}

cr_status crypto_private_generate(enum crypto_curve curve, struct crypto_private **out,
                                  struct cr_err *err)
{
    return private_make(curve, (cr_span){0}, out, err);
}

cr_status crypto_private_new(enum crypto_curve curve, cr_span scalar, struct crypto_private **out,
                             struct cr_err *err)
{
    if (!cr_span_present(scalar)) {
        return cr_fail(err, CR_MALFORMED, "BSI TR-03111 4.1.3", "the private key is missing");
    }
    return private_make(curve, scalar, out, err);
}

void crypto_private_free(struct crypto_private *key)
{
    if (!key) {
        return;
    }
    contexts_free(&key->signers);
    BN_clear_free(key->d);
    cr_wipe(key, sizeof *key);
    free(key);
}

enum crypto_curve crypto_private_curve(const struct crypto_private *key)
{
    return key->curve;
}

void crypto_private_scalar(const struct crypto_private *key, uint8_t out[CRYPTO_SCALAR])
{
    /* Cannot fail: d < n < 2^256 since it was made. */
    (void)BN_bn2binpad(key->d, out, CRYPTO_SCALAR);
}

void crypto_private_point(const struct crypto_private *key, uint8_t out[CRYPTO_POINT])
{
    memcpy(out, key->point, CRYPTO_POINT);
}

const BIGNUM *crypto_private_number(const struct crypto_private *key)
{
    return key->d;
}

const uint8_t *crypto_private_point_bytes(const struct crypto_private *key)
{
    return key->point;
}

/* ---- key agreement ---- */

cr_status crypto_ecka(const struct crypto_private *own, const struct crypto_public *peer,
                      uint8_t z[CRYPTO_SCALAR], struct cr_err *err)
{
    if (own->curve != peer->curve) {
        return cr_fail(err, CR_REFUSED, "SGP.22 2.6.7.3",
                       "no key agreement between a key on %s and one on %s",
                       crypto_curve_name(own->curve), crypto_curve_name(peer->curve));
    }
    const EC_GROUP *group = own->group->group;
    BN_CTX *ctx = BN_CTX_new();
    EC_POINT *shared = EC_POINT_new(group);
    BIGNUM *x = BN_new();
    uint8_t bytes[CRYPTO_SCALAR];
    /* The coordinates of infinity do not exist, so that a zero Z cannot come out. */
    bool ok = ctx && shared && x && EC_POINT_mul(group, shared, NULL, peer->q, own->d, ctx) == 1 &&
              EC_POINT_get_affine_coordinates(group, shared, x, NULL, ctx) == 1 &&
              BN_bn2binpad(x, bytes, CRYPTO_SCALAR) == CRYPTO_SCALAR;
    BN_clear_free(x);
    EC_POINT_clear_free(shared);
    BN_CTX_free(ctx);
    if (!ok) {
        return crypto_fail_openssl(err, CR_INTERNAL, "key agreement");
    }
    memcpy(z, bytes, CRYPTO_SCALAR);
    cr_wipe(bytes, sizeof bytes);
    return CR_OK;
}
