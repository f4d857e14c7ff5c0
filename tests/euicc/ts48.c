/*
 * The two generic test profiles of GSMA TS.48: installed through a bound package, enabled, and
 * authenticated; every file that the package makes against what the chip holds.
 */
#include "fake_server.h"

#include "profile/tree.h"

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

/* TS 34.108 8.1.2 with the vector of the fact sheet. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ber_nist),
        cmocka_unit_test(test_ber_brainpool),
        cmocka_unit_test(test_no_ber_nist),
        cmocka_unit_test(test_no_ber_brainpool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
