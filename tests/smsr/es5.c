/*
 * Commands of ES5 against the vectors of the sheet, answers read and hostile ones refused.
 */
#include "../base/test.h"

#include "base/text.h"
#include "smsr/handover.h"
#include "smsr/radio_config.h"

#include <string.h>

static const uint8_t AID[16] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                0xFF, 0xFF, 0xFF, 0x89, 0,    0,    0x10, 0};

static void is(cr_buf *out, const char *hex)
{
    char text[1024];
    assert_true(cr_buf_ok(out));
    assert_string_equal(cr_hex_into(text, sizeof text, cr_buf_span(out)), hex);
    cr_buf_free(out);
}

static void test_vectors(void **state)
{
    cr_buf out = {0};
    uint8_t loadfile[16], module[16];
    (void)state;
    memcpy(loadfile, AID, 16);
    memcpy(module, AID, 16);
    loadfile[14] = 0x0D;
    module[14] = 0x0E;
    const struct smsr_euicc e = {.isdp_loadfile = CR_SPAN_ARRAY(loadfile),
                                 .isdp_module = CR_SPAN_ARRAY(module)};
    smsr_es5_create_isdp(&e, CR_SPAN_ARRAY(AID), 0, &out);
    is(&out, "224580E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010"
             "A0000005591010FFFFFFFF89000010000380C00006C904810203700000");
    smsr_es5_create_isdp(&e, CR_SPAN_ARRAY(AID), 0x1234, &out);
    is(&out, "224B80E60C004510A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010"
             "A0000005591010FFFFFFFF89000010000380C0000CC90481020370EF04830212340000");
    smsr_es5_create_isdp(&e, CR_SPAN_ARRAY(AID), 0x12345, &out);
    is(&out, "224D80E60C004710A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010"
             "A0000005591010FFFFFFFF89000010000380C0000EC90481020370EF068304000123450000");
    smsr_es5_enable(CR_SPAN_ARRAY(AID), &out);
    is(&out, "221A80E28800153A03124F10A0000005591010FFFFFFFF8900001000");
    smsr_es5_disable(CR_SPAN_ARRAY(AID), &out);
    is(&out, "221A80E28800153A04124F10A0000005591010FFFFFFFF8900001000");
    smsr_es5_set_fallback(CR_SPAN_ARRAY(AID), &out);
    is(&out, "221A80E28800153A05124F10A0000005591010FFFFFFFF8900001000");
    smsr_es5_set_emergency(CR_SPAN_ARRAY(AID), &out);
    is(&out, "221A80E28800153A09124F10A0000005591010FFFFFFFF8900001000");
    smsr_es5_delete(CR_SPAN_ARRAY(AID), &out);
    is(&out, "221880E40040124F10A0000005591010FFFFFFFF890000100000");
    smsr_es5_confirm(1, &out);
    is(&out, "220D80E28900073A08044E02000100");
    smsr_es5_audit(false, &out);
    is(&out, "220580CAFF2100221080F240020A4F005C064F9F70538F9100");
    smsr_es5_audit(true, &out);
    is(&out, "221080F240030A4F005C064F9F70538F9100");
    static const uint8_t a3[] = {0xA3, 0x0A, 0x81, 0x08, 0x0B, 0x91,
                                 0x21, 0x43, 0x65, 0x87, 0x09, 0xF1};
    smsr_es5_parameters(CR_SPAN_ARRAY(a3), &out);
    is(&out, "221480E288000F3A070CA30A81080B912143658709F1");
    static const struct smsr_key_range keep[] = {{0x01, 1, 3}, {0x41, 1, 2}};
    smsr_es5_finalise(keep, 2, &out);
    is(&out, "221080E400000AF203010103F20341010200");
    smsr_es5_finalise(&(struct smsr_key_range){0x02, 1, 3}, 1, &out);
    is(&out, "220B80E4000005F20302010300");
    static const uint8_t token[16] = {9};
    const struct smsr_delete_token t = {.provider_id = cr_span_str("P"),
                                        .image_number = cr_span_str("I"),
                                        .application_provider = cr_span_str("A"),
                                        .token_id = cr_span_str("T"),
                                        .token = CR_SPAN_ARRAY(token)};
    smsr_es5_master_delete(CR_SPAN_ARRAY(AID), &t, &out);
    is(&out, "223980E40040334F10A0000005591010FFFFFFFF8900001000B60D4201504501495F2001419301549E10"
             "0900000000000000000000000000000000");
    static const uint8_t huge[300] = {0xA0, 0x82, 0x01, 0x28};
    smsr_es5_parameters(CR_SPAN_ARRAY(huge), &out);
    assert_false(cr_buf_ok(&out)); /* no APDU takes it */
    cr_buf_free(&out);
}

/* A part of more than 255 bytes goes in two; the blocks are counted through both parts. */
static void test_establish(void **state)
{
    static const uint8_t data[300] = {0x3A, 0x01, 0xFF};
    char text[1024];
    cr_buf out = {0};
    uint8_t block = 0;
    (void)state;
    smsr_es5_establish(CR_SPAN_ARRAY(data), false, &block, &out);
    assert_true(cr_buf_ok(&out));
    assert_int_equal(block, 2);
    (void)cr_hex_into(text, sizeof text, cr_buf_span(&out));
    assert_memory_equal(text, "2282010580E20900FF3A01FF", 24);
    assert_memory_equal(text + 2 * (4 + 261), "223380E209012D", 14);
    cr_buf_reset(&out);
    smsr_es5_establish(cr_span_of(data, 16), true, &block, &out);
    assert_int_equal(block, 3);
    (void)cr_hex_into(text, sizeof text, cr_buf_span(&out));
    assert_memory_equal(text, "221680E28902103A01FF", 20);
    cr_buf_free(&out);
}

/* What the eUICCs of an SM-SR are told: the examples of the sheet, and what is erased. */
static void test_addressing(void **state)
{
    struct smsr_radio_config config;
    struct smsr_euicc e = {.http = true};
    cr_buf out = {0};
    (void)state;
    smsr_radio_defaults(&config);
    config.smsc[0] = (struct smsr_smsc){.name = "one", .number = "12345678901", .prefix = "45"};
    config.smsc_count = 1;
    assert_int_equal(smsr_addressing(&config, &e, "+4512", &out, NULL), CR_OK);
    is(&out, "A30A81080B912143658709F1A500");
    config.https_address = "192.0.2.10";
    config.https_port = 8443;
    config.https_host = "smsr.example";
    e.cattp = true;
    assert_int_equal(smsr_addressing(&config, &e, "46", &out, NULL), CR_OK); /* no such number */
    is(&out,
       "A400A537841335010339020500"
       "3C030220FB3E0521C000020A89208A0C736D73722E6578616D706C658C102F67736D612F61646D696E6167"
       "656E74");
    e.http = e.cattp = false;
    assert_int_equal(smsr_addressing(&config, &e, "4512", &out, NULL), CR_OK);
    is(&out, "A30A81080B912143658709F1");
    e.http = true;
    config.https_address = "2001:db8::1";
    config.https_host = NULL;
    assert_int_equal(smsr_addressing(&config, &e, NULL, &out, NULL), CR_OK);
    is(&out, "A544841F350103390205003C030220FB3E115720010DB800000000000000000000000189218A0D5B3230"
             "30313A6462383A3A315D8C102F67736D612F61646D696E6167656E74");
}

static void test_answers(void **state)
{
    (void)state;
    /* The answer to a confirmation, one ISD-P deleted by POL1. */
    static const uint8_t deleted[] = {0x23, 0x16, 0x80, 0x12, 0x4F, 0x10, 0xA0, 0,
                                      0,    5,    0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF,
                                      0xFF, 0x89, 0,    0,    0x10, 0,    0x90, 0};
    struct smsr_r_apdu last;
    cr_span list, aid;
    assert_true(smsr_es5_last(CR_SPAN_ARRAY(deleted), &last));
    assert_int_equal(last.sw, 0x9000);
    assert_true(smsr_es5_deleted(last.data, &list));
    assert_true(smsr_es5_next_deleted(&list, &aid));
    assert_true(cr_span_equal(aid, CR_SPAN_ARRAY(AID)));
    assert_false(smsr_es5_next_deleted(&list, &aid));
    assert_true(smsr_es5_deleted((cr_span){0}, &list));
    assert_false(smsr_es5_next_deleted(&list, &aid));
    assert_false(smsr_es5_deleted(cr_span_of("\x81\x00", 2), &list));
    assert_false(smsr_es5_deleted(cr_span_of("\x80\x00\x00", 3), &list));
    assert_false(smsr_es5_deleted(cr_span_of("\x80\x05", 2), &list));
    /* What is cut or no TLV ends the walk; other TLVs are passed over. */
    for (size_t n = 0; n < sizeof deleted; n++) {
        assert_false(smsr_es5_last(cr_span_of(deleted, n), &last));
    }
    static const uint8_t mixed[] = {0x86, 0x00, 0x23, 0x01, 0x90, 0x9F,
                                    0x44, 0x00, 0x23, 0x02, 0x63, 0x10};
    assert_true(smsr_es5_last(CR_SPAN_ARRAY(mixed), &last));
    assert_int_equal(last.sw, 0x6310);
    assert_true(smsr_es5_good(0x9000) && smsr_es5_good(0x6283) && smsr_es5_good(0x6310));
    assert_false(smsr_es5_good(0x6985) || smsr_es5_good(0x9001) || smsr_es5_good(0));
}

static void test_audit(void **state)
{
    (void)state;
    static const uint8_t entry[] = {0xE3, 0x1D, 0x4F, 0x10, 0xA0, 0,    0,    5,
                                    0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89,
                                    0,    0,    0x10, 0,    0x9F, 0x70, 0x01, 0x3F,
                                    0x53, 0x01, 0x01, 0x8F, 0x02, 0x10, 0x00};
    struct smsr_es5_isdp d;
    cr_span in = CR_SPAN_ARRAY(entry);
    int64_t memory;
    assert_true(smsr_es5_next_isdp(&in, &d));
    assert_int_equal(d.state, 0x3F);
    assert_int_equal(d.properties, 1);
    assert_int_equal(d.granted, 0x1000);
    assert_int_equal(d.remaining, -1);
    assert_false(smsr_es5_next_isdp(&in, &d));
    for (size_t n = 0; n < sizeof entry; n++) {
        in = cr_span_of(entry, n);
        assert_false(smsr_es5_next_isdp(&in, &d));
    }
    static const uint8_t nameless[] = {0xE3, 0x04, 0x9F, 0x70, 0x01, 0x3F};
    in = CR_SPAN_ARRAY(nameless);
    assert_false(smsr_es5_next_isdp(&in, &d));
    static const uint8_t resources[] = {0xFF, 0x21, 0x06, 0x81, 0x01, 0x02, 0x82, 0x01, 0x7F};
    assert_true(smsr_es5_memory(CR_SPAN_ARRAY(resources), &memory));
    assert_int_equal(memory, 0x7F);
    static const uint8_t none[] = {0xFF, 0x21, 0x03, 0x81, 0x01, 0x02};
    static const uint8_t long_one[] = {0xFF, 0x21, 0x0A, 0x82, 0x08, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    assert_false(smsr_es5_memory(CR_SPAN_ARRAY(none), &memory));
    assert_false(smsr_es5_memory(CR_SPAN_ARRAY(long_one), &memory));
}

static void test_refusals(void **state)
{
    static const struct {
        uint16_t sw;
        const char *subject, *reason;
    } rows[] = {{0x69E1, "8.2.2", "3.8"}, {0x6985, "8.2.1", "1.2"}, {0x6A84, "8.1", "4.8"},
                {0x6A88, "8.4", "4.2"},   {0x6982, "8.4", "4.2"},   {0x6F00, "8.4", "4.2"}};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        assert_int_equal(smsr_es5_refusal(rows[i].sw, "89", &err), CR_REFUSED);
        assert_string_equal(err.subject, rows[i].subject);
        assert_string_equal(err.reason, rows[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_establish),
        cmocka_unit_test(test_addressing), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_audit),      cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
