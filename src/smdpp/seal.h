/*
 * Confirmation codes at rest, sealed as other secrets are (store/seal.h).
 */
#ifndef CRISP_SMDPP_SEAL_H
#define CRISP_SMDPP_SEAL_H

#include "store/seal.h"

#define SMDPP_CODE_HASH 32 /* SHA-256 of a confirmation code */

/* Seals the SHA-256 of a confirmation code: a code of a few digits is found from its bare
 * hash by trying them all. The sealed value stands in the arena. */
cr_status smdpp_seal_code(const struct store_seal *seal, const char *iccid, cr_span code,
                          const cr_env *env, cr_arena *arena, cr_span *out,
                          struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_unseal_code(const struct store_seal *seal, const char *iccid, cr_span sealed,
                            uint8_t hash[SMDPP_CODE_HASH], struct cr_err *err) CR_MUST_CHECK;

#endif
