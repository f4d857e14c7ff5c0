#include "store/seal.h"

#include "base/file.h"
#include "crypto/symmetric.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define SEAL_NONCE 12
#define SEAL_LABEL 128

/* Several processes may start at once on a fresh directory: the first name given to a key stays. */
static cr_status make_key(const char *path, const cr_env *env, struct cr_err *err)
{
    char mine[4096 + 32];
    uint8_t key[STORE_SEAL_KEY];
    (void)snprintf(mine, sizeof(mine), "%s.%ld", path, (long)getpid());
    CR_TRY(cr_random(env, key, sizeof(key), err));
    cr_status status = cr_file_write(mine, CR_SPAN_ARRAY(key), 0600, err);
    cr_wipe(key, sizeof(key));
    if (status != CR_OK) {
        return cr_err_context(err, status, "making the sealing key %s", path);
    }
    if (link(mine, path) != 0 && errno != EEXIST) {
        status = cr_fail(err, CR_RESOURCE, NULL, "making %s: %s", path, strerror(errno));
    }
    (void)unlink(mine);
    return status;
}

cr_status store_seal_open(const char *dir, bool fresh, const cr_env *env, struct store_seal *out,
                          struct cr_err *err)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/seal.key", dir);
    if (!cr_file_exists(path)) {
        if (!fresh) {
            cr_status status =
                cr_fail(err, CR_RESOURCE, NULL,
                        "%s is missing: the keys in the database cannot be opened", path);
            return cr_err_next(err, status, "restore seal.key from the backup of this directory");
        }
        CR_TRY(make_key(path, env, err));
    }
    cr_buf content = {.secret = true};
    cr_status status = cr_file_read(path, STORE_SEAL_KEY, &content, err);
    if (status == CR_OK && content.n != STORE_SEAL_KEY) {
        status =
            cr_fail(err, CR_MALFORMED, NULL, "%s does not hold %d bytes", path, STORE_SEAL_KEY);
        status = cr_err_next(err, status, "restore seal.key from the backup of this directory");
    }
    if (status == CR_OK) {
        memcpy(out->key, content.p, STORE_SEAL_KEY);
    }
    cr_buf_free(&content);
    return status;
}

static cr_span seal_aad(char out[SEAL_LABEL], const char *label, const char *whose)
{
    int n = snprintf(out, SEAL_LABEL, "%s/%s", label, whose);
    return cr_span_of(out, n < SEAL_LABEL ? (size_t)n : SEAL_LABEL - 1);
}

cr_status store_seal(const struct store_seal *seal, const char *label, const char *whose,
                     cr_span secret, const cr_env *env, cr_buf *out, struct cr_err *err)
{
    uint8_t nonce[SEAL_NONCE];
    char aad[SEAL_LABEL];
    CR_TRY(cr_random(env, nonce, sizeof(nonce), err));
    cr_buf_append(out, nonce, sizeof(nonce));
    return crypto_aead_seal(CR_SPAN_ARRAY(seal->key), CR_SPAN_ARRAY(nonce),
                            seal_aad(aad, label, whose), secret, out, err);
}

cr_status store_unseal(const struct store_seal *seal, const char *label, const char *whose,
                       cr_span sealed, cr_buf *out, struct cr_err *err)
{
    char aad[SEAL_LABEL];
    if (sealed.n < SEAL_NONCE) {
        return cr_fail(err, CR_INTERNAL, NULL, "a sealed value is too short");
    }
    return crypto_aead_open(CR_SPAN_ARRAY(seal->key), cr_span_sub(sealed, 0, SEAL_NONCE),
                            seal_aad(aad, label, whose), cr_span_sub(sealed, SEAL_NONCE, sealed.n),
                            out, err);
}
