/*
 * Handles over private keys, and the home that every build has: a key in memory, from a file.
 */
#include "pki/key.h"

#include "base/file.h"

#include <stdlib.h>

#define KEY_FILE_MAX ((size_t)64 << 10) /* bytes of a PEM or DER file */

struct pki_key {
    enum crypto_curve curve;
    uint8_t point[CRYPTO_POINT];
    struct pki_key_ops ops;
    void *ctx;
};

cr_status pki_key_new(enum crypto_curve curve, cr_span point, const struct pki_key_ops *ops,
                      void *ctx, struct pki_key **out, struct cr_err *err)
{
    /* A home that names a point nobody can verify against is found out here, not in the field. */
    struct crypto_public *checked = NULL;
    CR_TRY(crypto_public_new(curve, point, &checked, err));
    crypto_public_free(checked);
    if (!ops || !ops->sign) {
        return cr_fail(err, CR_INTERNAL, NULL, "a home of keys must be able to sign");
    }
    struct pki_key *key = calloc(1, sizeof *key);
    if (!key) {
        return cr_fail_memory(err);
    }
    key->curve = curve;
    memcpy(key->point, point.p, CRYPTO_POINT);
    key->ops = *ops;
    key->ctx = ctx;
    *out = key;
    return CR_OK;
}

static cr_status memory_sign(void *ctx, const cr_span *parts, size_t count,
                             uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    return crypto_sign(ctx, parts, count, out, err);
}

static cr_status memory_agree(void *ctx, const struct crypto_public *peer, uint8_t z[CRYPTO_SCALAR],
                              struct cr_err *err)
{
    return crypto_ecka(ctx, peer, z, err);
}

static void memory_free(void *ctx)
{
    crypto_private_free(ctx);
}

static const struct pki_key_ops memory_ops = {memory_sign, memory_agree, memory_free};

cr_status pki_key_of_private(struct crypto_private *private, struct pki_key **out,
                             struct cr_err *err)
{
    uint8_t point[CRYPTO_POINT];
    if (!private) {
        return cr_fail(err, CR_INTERNAL, NULL, "no private key to make a handle of");
    }
    crypto_private_point(private, point);
    cr_status status = pki_key_new(crypto_private_curve(private), CR_SPAN_ARRAY(point), &memory_ops,
                                   private, out, err);
    if (status != CR_OK) {
        crypto_private_free(private);
    }
    return status;
}

cr_status pki_key_open_file(const char *path, struct pki_key **out, struct cr_err *err)
{
    cr_buf content = {.secret = true};
    struct crypto_private *private = NULL;
    cr_status status = cr_file_read(path, KEY_FILE_MAX, &content, err);
    if (status == CR_OK) {
        status = crypto_private_parse(cr_buf_span(&content), &private, err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "private key file %s", path);
        }
    }
    cr_buf_free(&content);
    return status == CR_OK ? pki_key_of_private(private, out, err) : status;
}

void pki_key_free(struct pki_key *key)
{
    if (!key) {
        return;
    }
    if (key->ops.free) {
        key->ops.free(key->ctx);
    }
    free(key);
}

enum crypto_curve pki_key_curve(const struct pki_key *key)
{
    return key->curve;
}

cr_span pki_key_point(const struct pki_key *key)
{
    return CR_SPAN_ARRAY(key->point);
}

cr_status pki_key_sign(const struct pki_key *key, const cr_span *parts, size_t count,
                       uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    return key->ops.sign(key->ctx, parts, count, out, err);
}

cr_status pki_key_agree(const struct pki_key *key, const struct crypto_public *peer,
                        uint8_t z[CRYPTO_SCALAR], struct cr_err *err)
{
    if (!key->ops.agree) {
        return cr_fail(err, CR_REFUSED, NULL, "the home of this key does not agree on secrets");
    }
    return key->ops.agree(key->ctx, peer, z, err);
}
