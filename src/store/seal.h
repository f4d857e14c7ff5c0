/*
 * Secrets at rest: keys of profiles, one-time keys and key sets of chips are stored under
 * AES-256-GCM with a key that is not in the database (DIR/seal.key, mode 0600).
 */
#ifndef CRISP_STORE_SEAL_H
#define CRISP_STORE_SEAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"

#define STORE_SEAL_KEY 32 /* bytes */

struct store_seal {
    uint8_t key[STORE_SEAL_KEY];
};

/* Reads DIR/seal.key; makes it when the directory has no database yet (fresh = true). */
cr_status store_seal_open(const char *dir, bool fresh, const cr_env *env, struct store_seal *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Appends nonce || ciphertext || tag. label tells what it is ("ppk") and for whom (an ICCID), and
 * is authenticated: a sealed value cannot be moved to another place. */
cr_status store_seal(const struct store_seal *seal, const char *label, const char *whose,
                     cr_span secret, const cr_env *env, cr_buf *out,
                     struct cr_err *err) CR_MUST_CHECK;
cr_status store_unseal(const struct store_seal *seal, const char *label, const char *whose,
                       cr_span sealed, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

#endif
