#include "crypto/gba.h"

#include "base/buf.h"
#include "crypto/ec.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define CLAUSE    "TS 33.220 annex B"
#define FC        0x01
#define SHA1_SIZE 20
#define MAX_PART  0xFFFF

void gba_mac(cr_span ik, uint8_t *mac, size_t mac_size)
{
    uint8_t hash[SHA1_SIZE];
    crypto_sha1(ik, hash);
    for (size_t i = 0; i < mac_size && i < sizeof hash; i++) {
        mac[i] ^= hash[i];
    }
    cr_wipe(hash, sizeof hash);
}

cr_status gba_naf_key(enum gba_naf_key which, cr_span ks, cr_span rand, cr_span impi,
                      cr_span naf_id, uint8_t out[GBA_NAF_KEY], struct cr_err *err)
{
    const cr_span parts[] = {cr_span_str(which == GBA_KS_EXT_NAF ? "gba-me" : "gba-u"), rand, impi,
                             naf_id};
    cr_buf s = {0};
    cr_buf_append_byte(&s, FC);
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        if (parts[i].n > MAX_PART) {
            cr_buf_free(&s);
            return cr_fail(err, CR_MALFORMED, CLAUSE, "a part of more than %d bytes", MAX_PART);
        }
        cr_buf_append_span(&s, parts[i]);
        cr_buf_append_be(&s, parts[i].n, 2);
    }
    cr_status status = CR_OK;
    if (!cr_buf_ok(&s)) {
        status = cr_fail_memory(err);
    } else if (!HMAC(EVP_sha256(), ks.p, (int)ks.n, s.p, s.n, out, NULL)) {
        status = cr_fail(err, CR_INTERNAL, CLAUSE, "HMAC-SHA-256 failed");
    }
    cr_buf_free(&s);
    return status;
}
