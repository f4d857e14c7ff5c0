/*
 * Status words and file control parameters.
 */
#include "lab.h"

#include "lab/answer.h"

static void sw_is(uint16_t sw, const char *text, bool ok)
{
    cr_buf out = {0};
    lab_sw_text(sw, &out);
    assert_string_equal(cr_buf_cstr(&out), text);
    assert_int_equal(lab_sw_ok(sw), ok);
    cr_buf_free(&out);
}

static void status_words(void **state)
{
    (void)state;
    sw_is(0x9000, "ok", true);
    sw_is(0x910B, "ok, a proactive command of 11 bytes waits", true);
    sw_is(0x6119, "25 bytes waiting", true);
    sw_is(0x6100, "256 bytes waiting", true);
    sw_is(0x6C00, "wrong Le, 256 bytes are there", false);
    sw_is(0x6C09, "wrong Le, 9 bytes are there", false);
    sw_is(0x63C3, "3 tries left", false);
    sw_is(0x63F1, "more data expected", true);
    sw_is(0x6282, "end of file, or nothing found", true);
    sw_is(0x6A82, "file or application not found", false);
    sw_is(0x6B01, "wrong offset or parameters", false);
    sw_is(0x9862, "authentication error, wrong MAC", false);
    sw_is(0x0000, "not known", false);
    for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
        cr_buf out = {0};
        lab_sw_text((uint16_t)sw, &out);
        assert_true(out.n > 0);
        cr_buf_free(&out);
    }
}

static void fcp_is(const char *bytes, const char *text)
{
    struct lab_fcp fcp;
    cr_buf out = {0};
    assert_true(lab_fcp_read(hex(bytes), &fcp));
    lab_fcp_text(&fcp, &out);
    assert_string_equal(cr_buf_cstr(&out), text);
    cr_buf_free(&out);
}

/* Answers of cards in the field, but for the last two. */
static void file_control_parameters(void **state)
{
    (void)state;
    fcp_is("62178202412183026F078A01058B036F060A800200098801 38",
           "transparent, 9 bytes, SFI 07, rule 6F06/10, activated");
    fcp_is("621A82054221000E0283026FB78A01058B036F06088002001C880108",
           "linear fixed, 2 records of 14 bytes, SFI 01, rule 6F06/8, activated");
    fcp_is(
        "622C8202782183023F00A50C80017183040003A7388701018A01058B032F0601C60C90016083010183010A83"
        "010B",
        "directory, rule 2F06/1, activated");
    fcp_is("6225820542210040018302 6FE5A506D00120D2010F8A01058C07BB1A1A1A1A1111800200408800",
           "linear fixed, 1 record of 64 bytes, activated");
    fcp_is("62108202792183026F018A01048001008800", "BER-TLV, 0 bytes, deactivated");
    fcp_is("6209820246218A010C8000", "cyclic, 0 records of 0 bytes, terminated");
}

static void no_fcp(void **state)
{
    (void)state;
    static const char *const rows[] = {"",       "62",       "6205820241",   "6F058202412100",
                                       "620000", "62028000", "620382024121", "62048202FF"};
    struct lab_fcp fcp;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_false(lab_fcp_read(hex(rows[i]), &fcp));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_words),
        cmocka_unit_test(file_control_parameters),
        cmocka_unit_test(no_fcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
