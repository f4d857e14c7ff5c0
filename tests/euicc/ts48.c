/*
 * The two generic test profiles of GSMA TS.48: installed through a bound package, enabled, and
 * authenticated; every file that the package makes against what the chip holds.
 */
#include "compare.h"
#include "fake_server.h"

static struct fake_server *ts48_server(const char *name, enum crypto_curve curve, cr_buf *upp)
{
    static const uint8_t iccid[] = {0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14};
    bed_ts48(name, upp);
    struct fake_server *s = fake_new(curve);
    s->upp = cr_buf_span(upp);
    s->metadata.iccid = CR_SPAN_ARRAY(iccid);
    s->metadata.profile_class = RSP_CLASS_TEST;
    return s;
}

/* TS 34.108 8.1.2 with the vector. */
static void authenticate(struct bed *bed)
{
    assert_int_equal(bed_hex(bed, "00A4040C0CA0000000871002FF49FF0589"), 0x9000);
    assert_int_equal(bed_hex(bed, "0088008122"
                                  "1023553CBE9637A89D218AE64DAE47BF35"
                                  "10BD9232AE9A09800023543EBD92122E9A00"),
                     0x9000);
    bed_expect(bed, "DB1023543EBD9232AE9A2983EC46A24AB13A"
                    "10543EBD9232AE9A2983EC46A24AB13A23"
                    "103EBD9232AE9A2983EC46A24AB13A2354"
                    "080529CB4867BFAADD");
}

static void download_enable_authenticate(const char *name, enum crypto_curve curve, bool random)
{
    cr_buf upp = {0};
    struct fake_server *s = ts48_server(name, curve, &upp);
    struct bed *bed = bed_new();
    s->random_keys = random;
    struct rsp_profile_installation_result result = fake_download(s, bed);
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(bed, s->metadata.iccid, false), RSP_PROFILE_OK);
    bed_reset(bed);
    authenticate(bed);
    bed_check_consistent(bed);
    bed = bed_power_cycle(bed);
    authenticate(bed);
    bed_free(bed);
    fake_free(s);
    cr_buf_free(&upp);
}

static void test_ber_nist(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_BER, CRYPTO_P256, true);
}

static void test_ber_brainpool(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_BER, CRYPTO_BRAINPOOL, false);
}

static void test_no_ber_nist(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_NO_BER, CRYPTO_P256, false);
}

static void test_no_ber_brainpool(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_NO_BER, CRYPTO_BRAINPOOL, true);
}

/* ---- every file --------------------------------------------------------------------------------
 */

static void compare_files(const char *name, size_t least)
{
    cr_buf upp = {0};
    struct fake_server *s = ts48_server(name, CRYPTO_P256, &upp);
    struct bed *bed = bed_new();
    fake_install(s, bed);
    size_t count = compare_with_package(bed, cr_buf_span(&upp));
    assert_true(count >= least);
    print_message("%s: %zu files, %zu bytes of memory\n", name, count,
                  nvm_size_prefix(euicc_nvm(bed->euicc), cr_span_str("p/"), NULL));
    bed_free(bed);
    fake_free(s);
    cr_buf_free(&upp);
}

static void test_files_ber(void **state)
{
    (void)state;
    compare_files(BED_TS48_BER, 250);
}

static void test_files_no_ber(void **state)
{
    (void)state;
    compare_files(BED_TS48_NO_BER, 240);
}

/* ---- secrets -----------------------------------------------------------------------------------
 */

static void test_codes_and_keys(void **state)
{
    (void)state;
    cr_buf upp = {0};
    struct fake_server *s = ts48_server(BED_TS48_BER, CRYPTO_P256, &upp);
    struct bed *bed = bed_new();
    struct uicc_fs fs;
    struct uicc_pin pin;
    struct uicc_puk puk;
    char prefix[EUICC_PREFIX];
    fake_install(s, bed);
    MUST(uicc_fs_init(&fs, euicc_nvm(bed->euicc), euicc_profile_prefix(EUICC_FIRST_ISDP, prefix)));
    uicc_file mf = uicc_fs_mf(&fs);
    assert_true(uicc_pin_get(&fs, mf, 0x01, &pin));
    assert_memory_equal(pin.value, "0000\xFF\xFF\xFF\xFF", 8);
    assert_int_equal(pin.attributes, 6);
    assert_int_equal(pin.unblock_reference, 1);
    assert_int_equal(pin.max, 3);
    assert_true(uicc_pin_get(&fs, mf, 0x0A, &pin));
    assert_memory_equal(pin.value, "55555555", 8);
    assert_int_equal(pin.left, 10);
    assert_true(uicc_pin_get(&fs, mf, 0x0B, &pin));
    assert_true(uicc_puk_get(&fs, 0x01, &puk));
    assert_memory_equal(puk.value, "11111111", 8);
    assert_true(uicc_puk_get(&fs, 0x81, &puk));
    /* Each of telecom, USIM, CSIM and ISIM has a PIN2 of its own. */
    static const uint16_t contexts[] = {0x7F10, 0x7FD0, 0x7FC0, 0x7FB0};
    for (size_t i = 0; i < CR_COUNT(contexts); i++) {
        assert_true(uicc_pin_get(&fs, uicc_fs_child(&fs, mf, contexts[i]), 0x81, &pin));
        assert_memory_equal(pin.value, "9999\xFF\xFF\xFF\xFF", 8);
    }
    assert_true(uicc_auth_present(&fs, uicc_fs_child(&fs, mf, 0x7FD0)));
    assert_true(uicc_auth_present(&fs, uicc_fs_child(&fs, mf, 0x7FB0)));
    assert_false(uicc_auth_present(&fs, uicc_fs_child(&fs, mf, 0x7FC0)));
    bed_free(bed);
    fake_free(s);
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ber_nist),       cmocka_unit_test(test_ber_brainpool),
        cmocka_unit_test(test_no_ber_nist),    cmocka_unit_test(test_no_ber_brainpool),
        cmocka_unit_test(test_files_ber),      cmocka_unit_test(test_files_no_ber),
        cmocka_unit_test(test_codes_and_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
