/*
 * Digests.
 *
 * The only file that uses functions OpenSSL 3.0 has marked as deprecated: SHA256_...() and
 * SHA1_...() keep their state on the stack and cannot fail. EVP_Digest...() allocates a context,
 * so a digest could fail for want of memory, in places (comparisons of hashes above all) where no
 * value exists that would be safe to go on with. The assembler code behind both is the same.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/ec.h"

#include <openssl/sha.h>

void crypto_sha256_parts(const cr_span *parts, size_t count, uint8_t out[CRYPTO_SHA256])
{
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n > 0) {
            SHA256_Update(&ctx, parts[i].p, parts[i].n);
        }
    }
    SHA256_Final(out, &ctx);
    cr_wipe(&ctx, sizeof ctx);
}

void crypto_sha256(cr_span data, uint8_t out[CRYPTO_SHA256])
{
    crypto_sha256_parts(&data, 1, out);
}

void crypto_sha1(cr_span data, uint8_t out[20])
{
    SHA_CTX ctx;
    SHA1_Init(&ctx);
    if (data.n > 0) {
        SHA1_Update(&ctx, data.p, data.n);
    }
    SHA1_Final(out, &ctx);
    cr_wipe(&ctx, sizeof ctx);
}
