/* Cutting a BPP into segments, SGP.22 2.5.5: each segment byte for byte, and every way in which a
 * package can be no package. */
#include "common.h"

#include "asn1/der.h"
#include "rsp/segment.h"

#define CHANNEL "BF23{820101}"

static void assert_segments(const char *bpp, const char *const *wanted, size_t count)
{
    cr_arena a = {0};
    struct rsp_segmenter s;
    struct rsp_segment segment;
    struct cr_err err = {0};
    cr_span whole = hex(&a, bpp);
    if (rsp_segmenter_start(&s, whole, &err) != CR_OK) {
        fail_msg("%s: %s", bpp, err.cause);
    }
    assert_int_equal(s.count, count);
    cr_buf all = {0};
    for (size_t i = 0; i < count; i++) {
        assert_true(rsp_segmenter_next(&s, &segment));
        assert_int_equal(segment.index, i);
        assert_bytes(&a, segment.bytes, hex(&a, wanted[i]));
        assert_true(segment.bytes.p >= whole.p && segment.bytes.p < whole.p + whole.n);
        cr_buf_append_span(&all, segment.bytes);
    }
    assert_false(rsp_segmenter_next(&s, &segment));
    assert_false(rsp_segmenter_next(&s, &segment));
    assert_bytes(&a, cr_buf_span(&all), whole); /* nothing lost, nothing twice */
    cr_buf_free(&all);
    cr_arena_free(&a);
}

static void the_usual_package(void **state)
{
    (void)state;
    static const char *const plain[] = {"BF361F BF2303820101",
                                        "A0048702AAAB",
                                        "A108",
                                        "8802CCCD",
                                        "8802CECF",
                                        "A307",
                                        "860111",
                                        "86022223"};
    assert_segments("BF36{" CHANNEL "A0{87{AAAB}} A1{88{CCCD}88{CECF}} A3{86{11}86{2223}}}", plain,
                    CR_COUNT(plain));
    static const char *const keys[] = {"BF361B BF2303820101", "A0048702AAAB", "A103",  "8801CC",
                                       "A2038701DD",          "A303",         "860111"};
    assert_segments("BF36{" CHANNEL "A0{87{AAAB}} A1{88{CC}} A2{87{DD}} A3{86{11}}}", keys,
                    CR_COUNT(keys));
    /* further 87 of A0 and A2 are segments of their own */
    static const char *const more[] = {
        "BF3620 BF2303820101", "A0068701AA", "8701AB", "A103",  "8801CC",
        "A2068701DD",          "8701DE",     "A303",   "860111"};
    assert_segments("BF36{" CHANNEL "A0{87{AA}87{AB}} A1{88{CC}} A2{87{DD}87{DE}} A3{86{11}}}",
                    more, CR_COUNT(more));
}

/* Headers travel as they were written, whatever form their lengths have. */
static void ber_lengths_are_kept(void **state)
{
    (void)state;
    static const char *const wanted[] = {"BF3682001D BF238103820101",
                                         "A08200048702AAAB",
                                         "A18104",
                                         "888101CC",
                                         "A3820003",
                                         "860111"};
    assert_segments("BF3682001D BF238103820101 A08200048702AAAB A18104888101CC A3820003860111",
                    wanted, CR_COUNT(wanted));
}

static void assert_refused(const char *bpp, const char *field)
{
    cr_arena a = {0};
    struct rsp_segmenter s = {.count = 77};
    struct cr_err err = {0};
    if (rsp_segmenter_start(&s, hex(&a, bpp), &err) != CR_MALFORMED) {
        fail_msg("accepted: %s", bpp);
    }
    assert_int_equal(err.code, RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR);
    assert_string_equal(err.field, field);
    assert_int_equal(s.count, 77);
    cr_arena_free(&a);
}

static void no_packages(void **state)
{
    (void)state;
#define A0 "A0{87{AA}}"
#define A1 "A1{88{CC}}"
#define A3 "A3{86{11}}"
    assert_refused("", "boundProfilePackage");
    assert_refused("BF37{" CHANNEL A0 A1 A3 "}", "boundProfilePackage");
    assert_refused("BF36{" CHANNEL A0 A1 A3 "} 00", "boundProfilePackage");
    assert_refused("BF3650 BF2303820101", "boundProfilePackage");
    assert_refused("BF3680 " CHANNEL A0 A1 A3 "0000", "boundProfilePackage"); /* indefinite */
    assert_refused("BF36{}", "initialiseSecureChannelRequest");
    assert_refused("BF36{" A0 A1 A3 "}", "initialiseSecureChannelRequest");
    assert_refused("BF36{" CHANNEL "}", "firstSequenceOf87");
    assert_refused("BF36{" CHANNEL A1 A3 "}", "firstSequenceOf87");
    assert_refused("BF36{" CHANNEL A0 A3 "}", "sequenceOf88");
    assert_refused("BF36{" CHANNEL A0 A1 "}", "sequenceOf86");
    assert_refused("BF36{" CHANNEL A0 A1 "A300}", "sequenceOf86");
    assert_refused("BF36{" CHANNEL A0 "A100" A3 "}", "sequenceOf88");
    assert_refused("BF36{" CHANNEL "A000" A1 A3 "}", "firstSequenceOf87");
    assert_refused("BF36{" CHANNEL A0 A1 "A200" A3 "}", "secondSequenceOf87");
    assert_refused("BF36{" CHANNEL "A0{86{AA}}" A1 A3 "}", "firstSequenceOf87");
    assert_refused("BF36{" CHANNEL A0 "A1{87{CC}}" A3 "}", "sequenceOf88");
    assert_refused("BF36{" CHANNEL A0 A1 "A3{86{11}88{22}}}", "sequenceOf86");
    assert_refused("BF36{" CHANNEL A0 A1 "A3{86{11}8605}}", "sequenceOf86");
    assert_refused("BF36{" CHANNEL A0 A1 "A4{86{11}}" A3 "}", "sequenceOf86"); /* unknown tag */
    assert_refused("BF36{" CHANNEL A0 A1 A3 "A4{86{11}}}", "boundProfilePackage");
    assert_refused("BF36{" CHANNEL A0 A1 A3 A3 "}", "boundProfilePackage");
    assert_refused("BF36{" CHANNEL A1 A0 A3 "}", "firstSequenceOf87");
    assert_refused("BF36{" CHANNEL A0 A1 "A3 80 8601110000}", "sequenceOf86");
}

static void commands_and_limits(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_segmenter s;
    struct rsp_segment g;
    static const enum rsp_bpp_command wanted[] = {RSP_BPP_INITIALISE_SECURE_CHANNEL,
                                                  RSP_BPP_CONFIGURE_ISDP,
                                                  RSP_BPP_STORE_METADATA,
                                                  RSP_BPP_STORE_METADATA,
                                                  RSP_BPP_REPLACE_SESSION_KEYS,
                                                  RSP_BPP_LOAD_PROFILE_ELEMENTS,
                                                  RSP_BPP_LOAD_PROFILE_ELEMENTS};
    cr_span bpp = hex(&a, "BF36{" CHANNEL A0 A1 "A2{87{AA}}" A3 "}");
    assert_int_equal(rsp_segmenter_start(&s, bpp, NULL), CR_OK);
    for (size_t i = 0; i < CR_COUNT(wanted); i++) {
        assert_true(rsp_segmenter_next(&s, &g));
        assert_int_equal(g.command, wanted[i]);
    }
    /* an element that no chain of STORE DATA can carry */
    cr_buf big = {0};
    size_t whole = der_open(&big, 0xBF36);
    cr_buf_append_span(&big, hex(&a, CHANNEL A0 A1));
    size_t list = der_open(&big, 0xA3);
    size_t element = der_open(&big, 0x86);
    (void)memset(cr_buf_extend(&big, RSP_MAX_SEGMENT), 0x55, RSP_MAX_SEGMENT);
    der_close(&big, element);
    der_close(&big, list);
    der_close(&big, whole);
    assert_int_equal(rsp_segmenter_start(&s, cr_buf_span(&big), NULL), CR_MALFORMED);
    cr_buf_free(&big);
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_package),
        cmocka_unit_test(ber_lengths_are_kept),
        cmocka_unit_test(no_packages),
        cmocka_unit_test(commands_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
