/*
 * GBA: the modified MAC and the keys of a NAF. No vectors are published; the expected values were
 * computed with openssl(1): "openssl dgst -sha256 -mac HMAC -macopt hexkey:KS" over the string S of
 * TS 33.220 annex B, and "openssl dgst -sha1" over IK. CK, IK and RAND are those of TS 35.208
 * set 1.
 */
#include "vector.h"

#include "crypto/gba.h"

#define KS   "b40ba9a3c58b2a05bbf0d987b21bf8cbf769bcd751044604127672711c6d3441"
#define RAND "23553cbe9637a89d218ae64dae47bf35"
#define IMPI "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"
#define NAF  "6e61662e6578616d706c652e636f6d0100000001" /* naf.example.com, TLS */

static void naf_keys(void **state)
{
    (void)state;
    uint8_t key[GBA_NAF_KEY];
    struct cr_err err = {0};
    assert_int_equal(gba_naf_key(GBA_KS_EXT_NAF, vector(KS), vector(RAND), cr_span_str(IMPI),
                                 vector(NAF), key, &err),
                     CR_OK);
    assert_bytes(key, "5129f8b653d6316e87e75bb94c562156ed2d6a5f7f9011b57c88f7c34604620e");
    assert_int_equal(gba_naf_key(GBA_KS_INT_NAF, vector(KS), vector(RAND), cr_span_str(IMPI),
                                 vector(NAF), key, &err),
                     CR_OK);
    assert_bytes(key, "c838126a087e7849d6b5de808b0c7c7bbc10443d6fbe7e3ccf728262fe0159e2");
}

static void parts_have_a_limit(void **state)
{
    (void)state;
    static const uint8_t many[0x10000];
    uint8_t key[GBA_NAF_KEY];
    struct cr_err err = {0};
    assert_int_equal(gba_naf_key(GBA_KS_EXT_NAF, vector(KS), vector(RAND), CR_SPAN_ARRAY(many),
                                 vector(NAF), key, &err),
                     CR_MALFORMED);
    assert_int_equal(gba_naf_key(GBA_KS_EXT_NAF, vector(KS), vector(RAND),
                                 cr_span_of(many, sizeof many - 1), vector(NAF), key, &err),
                     CR_OK);
}

/* Twice is nothing; no more than the 20 bytes of SHA-1 are changed. */
static void modified_mac(void **state)
{
    (void)state;
    cr_span ik = vector("f769bcd751044604127672711c6d3441");
    uint8_t mac[32] = {0x90, 0x4C, 0xBB, 0x45, 0x1B, 0x65, 0xDE, 0xF8};
    gba_mac(ik, mac, 8);
    assert_bytes(mac, "56ac7e8b3d85c30f000000000000000000000000000000000000000000000000");
    gba_mac(ik, mac, 8);
    assert_bytes(mac, "904cbb451b65def8000000000000000000000000000000000000000000000000");
    memset(mac, 0, sizeof mac);
    gba_mac(ik, mac, sizeof mac);
    assert_bytes(mac, "c6e0c5ce26e01df79dd7d8b826a7259b13a7e09a000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(naf_keys),
        cmocka_unit_test(parts_have_a_limit),
        cmocka_unit_test(modified_mac),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
