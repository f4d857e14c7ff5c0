#include "cli/eum_eis.h"

#include "base/text.h"
#include "crypto/symmetric.h"
#include "pki/chain.h"
#include "soap/eum_signature.h"

#define KCV_SIZE  3
#define TYPE_AES  0x88
#define MAX_VALUE 64 /* bytes of a key */

static cr_status bad_key(struct cr_err *err, const struct soap_keyset *set, const char *what)
{
    return cr_fail(err, CR_MALFORMED, "SGP.02 annex E", "key set %d of Isd-r: %s",
                   (int)set->version, what);
}

/* A mistyped key would be noticed by the first command that the eUICC does not answer. */
static cr_status check_kcv(const struct soap_keyset *set, const struct soap_key *key,
                           const struct soap_key_component *part, struct cr_err *err)
{
    uint8_t ones[CRYPTO_AES_BLOCK], block[CRYPTO_AES_BLOCK];
    if (part->type.n != 1 || part->type.p[0] != TYPE_AES) {
        return CR_OK;
    }
    if (part->value.n != 16 && part->value.n != 24 && part->value.n != 32) {
        return bad_key(err, set, "an AES key has 16, 24 or 32 bytes");
    }
    memset(ones, 0x01, sizeof ones);
    CR_TRY(crypto_aes_block(part->value, ones, block, err));
    bool good = key->kcv.n == KCV_SIZE && memcmp(block, key->kcv.p, KCV_SIZE) == 0;
    cr_wipe(block, sizeof block);
    return good ? CR_OK : bad_key(err, set, "a key check value does not fit the key");
}

/* AES-128 in ECB mode; PKCS#7 padding where the length calls for it. */
static cr_status wrap(const struct cli_eum *e, struct soap_key_component *part, cr_arena *arena,
                      struct cr_err *err)
{
    uint8_t plain[MAX_VALUE + CRYPTO_AES_BLOCK] = {0};
    const size_t rest = part->value.n % CRYPTO_AES_BLOCK;
    const size_t pad = rest ? CRYPTO_AES_BLOCK - rest : 0, n = part->value.n + pad;
    uint8_t *out = cr_arena_alloc(arena, n);
    if (!out) {
        return cr_fail_memory(err);
    }
    memcpy(plain, part->value.p, part->value.n);
    memset(plain + part->value.n, (int)pad, pad);
    cr_status status = CR_OK;
    for (size_t i = 0; i < n && status == CR_OK; i += CRYPTO_AES_BLOCK) {
        status = crypto_aes_block(CR_SPAN_ARRAY(e->transport), plain + i, out + i, err);
    }
    cr_wipe(plain, sizeof plain);
    if (status == CR_OK) {
        part->value = cr_span_of(out, n);
    }
    return status;
}

static cr_status wrap_all(const struct cli_eum *e, struct soap_security_domain *isdr,
                          cr_arena *arena, struct cr_err *err)
{
    for (size_t s = 0; s < isdr->keysets.count; s++) {
        struct soap_keyset *set = &isdr->keysets.items[s];
        for (size_t k = 0; k < set->keys.count; k++) {
            struct soap_key *key = &set->keys.items[k];
            for (size_t c = 0; c < key->components.count; c++) {
                struct soap_key_component *part = &key->components.items[c];
                if (part->value.n == 0 || part->value.n > MAX_VALUE) {
                    return bad_key(err, set, "a key is empty or too long");
                }
                CR_TRY(check_kcv(set, key, part, err));
                CR_TRY(wrap(e, part, arena, err));
            }
        }
    }
    return CR_OK;
}

/* What the file does not say, and nobody else can: who registers it, where, and when. */
static cr_status complete(const struct cli_eum *e, struct soap_eis *eis, struct cr_err *err)
{
    struct soap_eum_signed_info *info = &eis->signed_info;
    char eid[2 * SOAP_EID_SIZE + 1];
    if (!eis->smsr_id.p) {
        eis->smsr_id = cr_span_str(e->smsr_oid);
    }
    if (!info->eum_id.p) {
        info->eum_id = cr_span_str(e->oid);
    }
    if (!info->has_production_date) {
        info->has_production_date = true;
        info->production_date = cr_now_ms(e->env);
    }
    cr_hex_into(eid, sizeof eid, info->eid);
    return pki_eum_permits(&e->cert, cr_span_str(eid))
               ? CR_OK
               : cr_fail(err, CR_REFUSED, "SGP.02 2.3.2.1",
                         "the EID %s is outside of the range of the EUM", eid);
}

cr_status cli_eum_finish(const struct cli_eum *e, struct soap_eis *eis, cr_arena *arena,
                         struct cr_err *err)
{
    CR_TRY(complete(e, eis, err));
    CR_TRY(wrap_all(e, &eis->isdr, arena, err));
    return soap_eum_sign(eis, e->key, e->cert.raw, (cr_span){0}, arena, err);
}
