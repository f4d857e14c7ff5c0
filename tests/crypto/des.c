/*
 * DES: published vectors (FIPS 81, ISO/IEC 9797-1, TS 102 225) and wrong sizes.
 */
#include "crypto/des.h"

#include "vector.h"

static const uint8_t zero_iv[CRYPTO_DES_BLOCK];

/* FIPS 81 appendix: "Now is the time for all ". */
#define FIPS_KEY   "0123456789abcdef"
#define FIPS_PLAIN "4e6f77206973207468652074696d6520666f7220616c6c20"
#define FIPS_ECB   "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53"
#define FIPS_IV    "1234567890abcdef"
#define FIPS_CBC   "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"

static void test_single(void **state)
{
    (void)state;
    uint8_t out[24];
    uint8_t back[24];
    cr_span plain = vector(FIPS_PLAIN);
    assert_int_equal(crypto_des_ecb(true, vector(FIPS_KEY), plain.p, plain.n, out, NULL), CR_OK);
    assert_bytes(out, FIPS_ECB);
    assert_int_equal(crypto_des_ecb(false, vector(FIPS_KEY), out, sizeof out, back, NULL), CR_OK);
    assert_bytes(back, FIPS_PLAIN);
    assert_int_equal(
        crypto_des_cbc(true, vector(FIPS_KEY), vector(FIPS_IV).p, plain.p, plain.n, out, NULL),
        CR_OK);
    assert_bytes(out, FIPS_CBC);
    assert_int_equal(
        crypto_des_cbc(false, vector(FIPS_KEY), vector(FIPS_IV).p, out, sizeof out, out, NULL),
        CR_OK);
    assert_bytes(out, FIPS_PLAIN);
    /* The same key two and three times is the same cipher. */
    assert_int_equal(crypto_des_ecb(true, vector(FIPS_KEY FIPS_KEY), plain.p, plain.n, out, NULL),
                     CR_OK);
    assert_bytes(out, FIPS_ECB);
    assert_int_equal(
        crypto_des_ecb(true, vector(FIPS_KEY FIPS_KEY FIPS_KEY), plain.p, plain.n, out, NULL),
        CR_OK);
    assert_bytes(out, FIPS_ECB);
}

/* NIST SP 800-67 appendix B: "The qufck brown fox jump" under three keys. */
static void test_triple(void **state)
{
    (void)state;
    uint8_t out[24];
    cr_span key = vector("0123456789abcdef23456789abcdef01456789abcdef0123");
    cr_span plain = vector("5468652071756663"
                           "6b2062726f776e20"
                           "666f78206a756d70");
    assert_int_equal(crypto_des_ecb(true, key, plain.p, plain.n, out, NULL), CR_OK);
    assert_bytes(out, "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900");
    assert_int_equal(crypto_des_ecb(false, key, out, sizeof out, out, NULL), CR_OK);
    assert_bytes(out, "5468652071756663"
                      "6b2062726f776e20"
                      "666f78206a756d70");
}

static void test_mac(void **state)
{
    (void)state;
    uint8_t mac[8];
    const cr_span whole[] = {vector(FIPS_PLAIN)};
    /* The last block of CBC. */
    assert_int_equal(crypto_des_mac(vector(FIPS_KEY), vector(FIPS_IV).p, whole, 1,
                                    CRYPTO_DES_PAD_ZERO, mac, NULL),
                     CR_OK);
    assert_bytes(mac, "683788499a7c05f6");
    /* ISO/IEC 9797-1 annex B, algorithm 1 and 3, methods 1 and 2. */
    assert_int_equal(
        crypto_des_mac(vector(FIPS_KEY), zero_iv, whole, 1, CRYPTO_DES_PAD_ZERO, mac, NULL), CR_OK);
    assert_bytes(mac, "70a30640cc76dd8b");
    assert_int_equal(
        crypto_des_mac(vector(FIPS_KEY), zero_iv, whole, 1, CRYPTO_DES_PAD_ONE, mac, NULL), CR_OK);
    assert_bytes(mac, "10e1f0f108341b6d");
    cr_span two = vector("0123456789abcdeffedcba9876543210");
    assert_int_equal(crypto_des_retail_mac(two, zero_iv, whole, 1, CRYPTO_DES_PAD_ZERO, mac, NULL),
                     CR_OK);
    assert_bytes(mac, "a1c72e74ea3fa9b6");
    assert_int_equal(crypto_des_retail_mac(two, zero_iv, whole, 1, CRYPTO_DES_PAD_ONE, mac, NULL),
                     CR_OK);
    assert_bytes(mac, "e9086230ca3be796");
    /* The cut into parts does not matter; neither do empty parts. */
    for (size_t cut = 0; cut <= whole[0].n; cut++) {
        const cr_span parts[] = {
            cr_span_sub(whole[0], 0, cut), {0}, cr_span_sub(whole[0], cut, whole[0].n)};
        assert_int_equal(
            crypto_des_retail_mac(two, zero_iv, parts, 3, CRYPTO_DES_PAD_ONE, mac, NULL), CR_OK);
        assert_bytes(mac, "e9086230ca3be796");
    }
    /* Zero padding adds nothing to whole blocks, and one block to nothing. */
    uint8_t block[8];
    assert_int_equal(crypto_des_mac(two, zero_iv, NULL, 0, CRYPTO_DES_PAD_ZERO, mac, NULL), CR_OK);
    assert_int_equal(crypto_des_ecb(true, two, zero_iv, 8, block, NULL), CR_OK);
    assert_memory_equal(mac, block, 8);
}

static void test_kcv(void **state)
{
    (void)state;
    uint8_t kcv[CRYPTO_KCV];
    assert_int_equal(crypto_des_kcv(vector("404142434445464748494a4b4c4d4e4f"), kcv, NULL), CR_OK);
    assert_bytes(kcv, "8baf47"); /* the test key of GlobalPlatform cards */
    static const struct {
        const char *key, *kcv;
    } aes[] = {
        {"000102030405060708090a0b0c0d0e0f", "C35280"},
        {"101112131415161718191a1b1c1d1e1f", "013808"},
        {"202122232425262728292a2b2c2d2e2f", "840DE5"},
        {"3EF9DE61436E79E678D15459F2DF5DE0", "FE7246"},
        {"E6E0EA49CDD5D931745A3614655AFF70", "A0A70F"},
        {"077C8F478632387F8E28E7A0656FC6D9", "67EE5E"},
    };
    for (size_t i = 0; i < CR_COUNT(aes); i++) {
        assert_int_equal(crypto_aes_kcv(vector(aes[i].key), kcv, NULL), CR_OK);
        assert_bytes(kcv, aes[i].kcv);
    }
}

/* The examples of TS 102 225, and the usual check value of CRC-32 and CRC-16/X-25. */
static void test_crc(void **state)
{
    (void)state;
    const cr_span five[] = {vector("01"), vector("02030405")};
    assert_int_equal(crypto_crc16(five, 2), 0x22EC);
    assert_int_equal(crypto_crc32(five, 2), 0x470B99F4);
    const cr_span digits[] = {cr_span_str("123456789")};
    assert_int_equal(crypto_crc16(digits, 1), 0x906E);
    assert_int_equal(crypto_crc32(digits, 1), 0xCBF43926);
}

static void test_sizes(void **state)
{
    (void)state;
    uint8_t bytes[40] = {0};
    uint8_t mac[8] = {0x5A};
    for (size_t n = 0; n <= sizeof bytes; n++) {
        cr_span key = cr_span_of(bytes, n);
        bool good = n == 8 || n == 16 || n == 24;
        assert_int_equal(crypto_des_kcv(key, mac, NULL), good ? CR_OK : CR_MALFORMED);
        assert_int_equal(
            crypto_des_retail_mac(key, zero_iv, NULL, 0, CRYPTO_DES_PAD_ONE, mac, NULL),
            n == 16 ? CR_OK : CR_MALFORMED);
        assert_int_equal(crypto_des_ecb(true, cr_span_of(bytes, 16), bytes, n, bytes, NULL),
                         n % 8 == 0 ? CR_OK : CR_MALFORMED);
        assert_int_equal(
            crypto_des_cbc(true, cr_span_of(bytes, 16), zero_iv, bytes, n, bytes, NULL),
            n % 8 == 0 ? CR_OK : CR_MALFORMED);
        bool aes = n == 16 || n == 24 || n == 32;
        assert_int_equal(crypto_aes_kcv(key, mac, NULL), aes ? CR_OK : CR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single), cmocka_unit_test(test_triple), cmocka_unit_test(test_mac),
        cmocka_unit_test(test_kcv),    cmocka_unit_test(test_crc),    cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
