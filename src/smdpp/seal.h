/*
 * Secrets at rest: profile keys and one-time keys are stored under AES-256-GCM with a key that is
 * not in the database (DIR/seal.key, mode 0600).
 */
#ifndef CRISP_SMDPP_SEAL_H
#define CRISP_SMDPP_SEAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"

#define SMDPP_SEAL_KEY  32 /* bytes */
#define SMDPP_CODE_HASH 32 /* SHA-256 of a confirmation code */

struct smdpp_seal {
    uint8_t key[SMDPP_SEAL_KEY];
};

/* Reads DIR/seal.key; makes it when the directory has no database yet (fresh = true). */
cr_status smdpp_seal_open(const char *dir, bool fresh, const cr_env *env, struct smdpp_seal *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Appends nonce || ciphertext || tag. label tells what it is ("ppk") and for whom (an ICCID), and
 * is authenticated: a sealed value cannot be moved to another place. */
cr_status smdpp_seal(const struct smdpp_seal *seal, const char *label, const char *whose,
                     cr_span secret, const cr_env *env, cr_buf *out,
                     struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_unseal(const struct smdpp_seal *seal, const char *label, const char *whose,
                       cr_span sealed, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* The same for the SHA-256 of a confirmation code: a code of a few digits is found from its bare
 * hash by trying them all. The sealed value stands in the arena. */
cr_status smdpp_seal_code(const struct smdpp_seal *seal, const char *iccid, cr_span code,
                          const cr_env *env, cr_arena *arena, cr_span *out,
                          struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_unseal_code(const struct smdpp_seal *seal, const char *iccid, cr_span sealed,
                            uint8_t hash[SMDPP_CODE_HASH], struct cr_err *err) CR_MUST_CHECK;

#endif
