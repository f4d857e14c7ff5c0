/*
 * AES modes, CMAC, key derivation and sealing against published vectors, and CMAC against
 * OpenSSL's own for every length.
 */
#include "crypto/symmetric.h"

#include "vector.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#define SP800_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define SP800_PLAIN                                                                                \
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                             \
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

/* NIST SP 800-38A F.1 */
static void test_block(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {SP800_KEY, "3ad77bb40d7a3660a89ecaf32466ef97"},
        {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "bd334f1d6e45f25ff712a214571fa5cc"},
        {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         "f3eed1bdb5d2a03c064b5a7e3db181f8"}};
    for (size_t i = 0; i < CR_COUNT(vectors); i++) {
        uint8_t out[16];
        assert_int_equal(crypto_aes_block(vector(vectors[i][0]), vector(SP800_PLAIN).p, out, NULL),
                         CR_OK);
        assert_bytes(out, vectors[i][1]);
    }
}

/* NIST SP 800-38A F.2.1 and F.2.2 */
static void test_cbc(void **state)
{
    (void)state;
    uint8_t out[64];
    const uint8_t *iv = vector("000102030405060708090a0b0c0d0e0f").p;
    cr_span key = vector(SP800_KEY);
    assert_int_equal(crypto_aes_cbc(true, key, iv, vector(SP800_PLAIN).p, 64, out, NULL), CR_OK);
    assert_bytes(out, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                      "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");
    assert_int_equal(crypto_aes_cbc(false, key, iv, out, 64, out, NULL), CR_OK); /* in place */
    assert_bytes(out, SP800_PLAIN);
    assert_int_equal(crypto_aes_cbc(true, key, iv, out, 0, out, NULL), CR_OK);
    for (size_t n = 1; n < 16; n++) {
        assert_int_equal(crypto_aes_cbc(true, key, iv, out, n, out, NULL), CR_MALFORMED);
        assert_int_equal(crypto_aes_cbc(false, key, iv, out, 32 + n, out, NULL), CR_MALFORMED);
    }
    assert_bytes(out, SP800_PLAIN);
}

static void test_key_sizes(void **state)
{
    (void)state;
    uint8_t key[64] = {0};
    uint8_t out[16];
    for (size_t n = 0; n < sizeof key; n++) {
        bool right = n == 16 || n == 24 || n == 32;
        cr_buf sealed = {0};
        struct crypto_aes *aes = NULL;
        cr_status want = right ? CR_OK : CR_MALFORMED;
        cr_span k = cr_span_of(key, n);
        assert_int_equal(crypto_aes_block(k, key, out, NULL), want);
        assert_int_equal(crypto_cmac(k, NULL, 0, out, NULL), want);
        assert_int_equal(crypto_aes_new(k, &aes, NULL), want);
        assert_int_equal(
            crypto_aead_seal(k, cr_span_of(key, 12), (cr_span){0}, (cr_span){0}, &sealed, NULL),
            want);
        crypto_aes_free(aes);
        cr_buf_free(&sealed);
    }
}

/* RFC 4493 clause 4 */
static void test_cmac_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *mac;
    } vectors[] = {{0, "bb1d6929e95937287fa37d129b756746"},
                   {16, "070a16b46b4d4144f79bdd9dd04a287c"},
                   {40, "dfa66747de9ae63030ca32611497c827"},
                   {64, "51f0bebf7e3b9d92fc49741779363cfe"}};
    cr_span message = vector(SP800_PLAIN);
    for (size_t i = 0; i < CR_COUNT(vectors); i++) {
        uint8_t out[16];
        cr_span m = cr_span_sub(message, 0, vectors[i].n);
        assert_int_equal(crypto_cmac(vector(SP800_KEY), &m, 1, out, NULL), CR_OK);
        assert_bytes(out, vectors[i].mac);
        for (size_t cut = 0; cut <= m.n; cut++) { /* in two parts, wherever the border */
            const cr_span parts[] = {cr_span_sub(m, 0, cut), {0}, cr_span_sub(m, cut, m.n)};
            assert_int_equal(crypto_cmac(vector(SP800_KEY), parts, 3, out, NULL), CR_OK);
            assert_bytes(out, vectors[i].mac);
        }
        cr_arena_reset(&vector_arena);
        message = vector(SP800_PLAIN);
    }
}

static void test_cmac_against_openssl(void **state)
{
    (void)state;
    static uint8_t data[4200];
    uint8_t key[16];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + i / 256);
    }
    memcpy(key, data + 77, sizeof key);
    struct crypto_aes *aes = NULL;
    assert_int_equal(crypto_aes_new(CR_SPAN_ARRAY(key), &aes, NULL), CR_OK);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    char name[] = "AES-128-CBC";
    const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 11),
                                 OSSL_PARAM_END};
    for (size_t n = 0; n <= sizeof data; n += n < 2200 ? 1 : 97) {
        uint8_t want[16];
        uint8_t got[16];
        size_t size = 0;
        assert_int_equal(EVP_MAC_init(ctx, key, sizeof key, params), 1);
        assert_int_equal(EVP_MAC_update(ctx, data, n), 1);
        assert_int_equal(EVP_MAC_final(ctx, want, &size, sizeof want), 1);
        const cr_span parts[] = {cr_span_of(data, n / 3), cr_span_of(data + n / 3, n - n / 3)};
        assert_int_equal(crypto_aes_keyed_cmac(aes, parts, 2, got, NULL), CR_OK);
        assert_memory_equal(got, want, sizeof got);
    }
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    crypto_aes_free(aes);
}

/* A keyed object forgets what it did before. */
static void test_keyed_is_reusable(void **state)
{
    (void)state;
    struct crypto_aes *aes = NULL;
    uint8_t out[64];
    uint8_t mac[16];
    cr_span message = vector(SP800_PLAIN);
    const uint8_t *iv = vector("000102030405060708090a0b0c0d0e0f").p;
    assert_int_equal(crypto_aes_new(vector(SP800_KEY), &aes, NULL), CR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crypto_aes_keyed_cbc(aes, true, iv, message.p, 64, out, NULL), CR_OK);
        assert_int_equal(crypto_aes_keyed_cmac(aes, &message, 1, mac, NULL), CR_OK);
        assert_bytes(mac, "51f0bebf7e3b9d92fc49741779363cfe");
        assert_int_equal(crypto_aes_keyed_cbc(aes, false, iv, out, 64, out, NULL), CR_OK);
        assert_bytes(out, SP800_PLAIN);
        assert_int_equal(crypto_aes_keyed_block(aes, message.p, mac, NULL), CR_OK);
        assert_bytes(mac, "3ad77bb40d7a3660a89ecaf32466ef97");
    }
    crypto_aes_free(aes);
    crypto_aes_free(NULL);
}

static void test_kdf(void **state)
{
    (void)state;
    uint8_t out[100];
    uint8_t prefix[100];
    /* NIST CAVS, ANS X9.63-2001, SHA-256 */
    assert_int_equal(crypto_x963_kdf(vector("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08"),
                                     (cr_span){0}, out, 16, NULL),
                     CR_OK);
    assert_span(cr_span_of(out, 16), "443024c3dae66b95e6f5670601558f71");
    /* every length is a prefix of the longer ones */
    cr_span z = vector("8902dca391bbb22570fe60c176076246f568b1941265dff1d729e63039658089");
    assert_int_equal(crypto_x963_kdf(z, cr_span_str("info"), out, sizeof out, NULL), CR_OK);
    for (size_t n = 1; n < sizeof out; n++) {
        memset(prefix, 0xEE, sizeof prefix);
        assert_int_equal(crypto_x963_kdf(z, cr_span_str("info"), prefix, n, NULL), CR_OK);
        assert_memory_equal(prefix, out, n);
        assert_int_equal(prefix[n], 0xEE);
    }
    assert_int_equal(crypto_x963_kdf(z, (cr_span){0}, out, 0, NULL), CR_INTERNAL);
    assert_int_equal(crypto_x963_kdf(z, (cr_span){0}, out, CRYPTO_KDF_MAX + 1, NULL), CR_INTERNAL);
    assert_int_equal(crypto_x963_kdf((cr_span){0}, (cr_span){0}, out, 16, NULL), CR_INTERNAL);
}

/* GCM specification (McGrew, Viega), test case 4 */
#define GCM_KEY   "feffe9928665731c6d6a8f9467308308"
#define GCM_NONCE "cafebabefacedbaddecaf888"
#define GCM_AAD   "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_PLAIN                                                                                  \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                             \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_SEALED                                                                                 \
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"                             \
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"                                     \
    "5bc94fbc3221a5db94fae95ae7121a47"

static void test_seal_vector(void **state)
{
    (void)state;
    cr_buf sealed = {0};
    cr_buf plain = {.secret = true};
    cr_buf_append_str(&sealed, "#");
    assert_int_equal(crypto_aead_seal(vector(GCM_KEY), vector(GCM_NONCE), vector(GCM_AAD),
                                      vector(GCM_PLAIN), &sealed, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&sealed), "23" GCM_SEALED);
    assert_int_equal(crypto_aead_open(vector(GCM_KEY), vector(GCM_NONCE), vector(GCM_AAD),
                                      vector(GCM_SEALED), &plain, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&plain), GCM_PLAIN);
    cr_buf_reset(&sealed);
    cr_buf_reset(&plain);
    /* nothing at all can be sealed too: case 1 of the same paper */
    cr_span zero = vector("00000000000000000000000000000000");
    assert_int_equal(
        crypto_aead_seal(zero, cr_span_sub(zero, 0, 12), (cr_span){0}, (cr_span){0}, &sealed, NULL),
        CR_OK);
    assert_span(cr_buf_span(&sealed), "58e2fccefa7e3061367f1d57a4e7455a");
    assert_int_equal(crypto_aead_open(zero, cr_span_sub(zero, 0, 12), (cr_span){0},
                                      cr_buf_span(&sealed), &plain, NULL),
                     CR_OK);
    assert_int_equal(plain.n, 0);
    cr_buf_free(&sealed);
    cr_buf_free(&plain);
}

static void test_seal_broken(void **state)
{
    (void)state;
    cr_span parts[] = {vector(GCM_KEY), vector(GCM_NONCE), vector(GCM_AAD), vector(GCM_SEALED)};
    cr_buf plain = {.secret = true};
    cr_buf_append_str(&plain, "before");
    for (size_t part = 0; part < CR_COUNT(parts); part++) {
        for (size_t byte = 0; byte < parts[part].n; byte++) {
            cr_span changed[CR_COUNT(parts)];
            memcpy(changed, parts, sizeof parts);
            uint8_t *p = vector_mutable(parts[part]);
            p[byte] ^= 0x01;
            changed[part] = cr_span_of(p, parts[part].n);
            assert_int_equal(
                crypto_aead_open(changed[0], changed[1], changed[2], changed[3], &plain, NULL),
                CR_REFUSED);
            assert_int_equal(plain.n, 6); /* nothing unauthenticated stays behind */
        }
    }
    for (size_t n = 0; n < parts[3].n; n++) {
        assert_int_equal(crypto_aead_open(parts[0], parts[1], parts[2], cr_span_sub(parts[3], 0, n),
                                          &plain, NULL),
                         n < CRYPTO_AEAD_TAG ? CR_MALFORMED : CR_REFUSED);
    }
    assert_int_equal(
        crypto_aead_open(parts[0], cr_span_sub(parts[1], 0, 11), parts[2], parts[3], &plain, NULL),
        CR_MALFORMED);
    assert_int_equal(crypto_aead_seal(parts[0], parts[0], parts[2], parts[3], &plain, NULL),
                     CR_MALFORMED);
    assert_int_equal(plain.n, 6);
    cr_buf_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_cbc),
        cmocka_unit_test(test_key_sizes),
        cmocka_unit_test(test_cmac_vectors),
        cmocka_unit_test(test_cmac_against_openssl),
        cmocka_unit_test(test_keyed_is_reusable),
        cmocka_unit_test(test_kdf),
        cmocka_unit_test(test_seal_vector),
        cmocka_unit_test(test_seal_broken),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
