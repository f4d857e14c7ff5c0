#include "smdpp/seal.h"

#include "crypto/ec.h"

cr_status smdpp_seal_code(const struct store_seal *seal, const char *iccid, cr_span code,
                          const cr_env *env, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    uint8_t hash[SMDPP_CODE_HASH];
    cr_buf sealed = {0};
    crypto_sha256(code, hash);
    cr_status status = store_seal(seal, "cc", iccid, CR_SPAN_ARRAY(hash), env, &sealed, err);
    cr_wipe(hash, sizeof(hash));
    cr_span kept = status == CR_OK ? cr_arena_copy(arena, cr_buf_span(&sealed)) : (cr_span){0};
    cr_buf_free(&sealed);
    CR_TRY(status);
    if (!kept.p) {
        return cr_fail_memory(err);
    }
    *out = kept;
    return CR_OK;
}

cr_status smdpp_unseal_code(const struct store_seal *seal, const char *iccid, cr_span sealed,
                            uint8_t hash[SMDPP_CODE_HASH], struct cr_err *err)
{
    cr_buf plain = {.secret = true};
    cr_status status = store_unseal(seal, "cc", iccid, sealed, &plain, NULL);
    if (status != CR_OK || plain.n != SMDPP_CODE_HASH) {
        /* Our own data: nothing that the peer sent is at fault. */
        status =
            cr_fail(err, CR_INTERNAL, NULL,
                    "the confirmation code of ICCID %s cannot be opened with this seal.key", iccid);
    }
    if (status == CR_OK) {
        memcpy(hash, plain.p, SMDPP_CODE_HASH);
    }
    cr_buf_free(&plain);
    return status;
}
