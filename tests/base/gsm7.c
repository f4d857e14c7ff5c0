/* The GSM alphabet: codes there and back, the extension table, UTF-8 of every length. */
#include "test.h"

#include "base/gsm7.h"
#include "base/text.h"

#include <string.h>

static void test_alphabet(void **state)
{
    (void)state;
    static const struct {
        int code;
        uint32_t unicode;
    } known[] = {{0x00, '@'},  {0x02, '$'}, {0x10, 0x394}, {0x11, '_'},
                 {0x24, 0xA4}, {0x41, 'A'}, {0x7F, 0xE0}};
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        assert_int_equal(cr_gsm7[known[i].code], known[i].unicode);
    }
    for (int code = 0; code < 128; code++) {
        assert_int_equal(cr_gsm7_code(cr_gsm7[code]), code == CR_GSM7_ESCAPE ? -1 : code);
    }
    assert_int_equal(cr_gsm7_code('`'), -1);
    assert_int_equal(cr_gsm7_code(0), -1);
    assert_int_equal(cr_gsm7_extension(0x65), 0x20AC);
    assert_int_equal(cr_gsm7_extension(0x3D), '~');
    assert_int_equal(cr_gsm7_extension(0x41), 0);
}

static void test_utf8(void **state)
{
    (void)state;
    cr_buf out = {0};
    static const uint32_t characters[] = {0x24,  0x7F,   0x80,   0xE0,    0x7FF,
                                          0x800, 0x20AC, 0xFFFD, 0x10000, 0x10FFFF};
    for (size_t i = 0; i < CR_COUNT(characters); i++) {
        cr_utf8_append(&out, characters[i]);
    }
    assert_true(cr_utf8_valid(cr_buf_span(&out)));
    assert_string_equal(cr_buf_cstr(&out), "$\x7F\xC2\x80\xC3\xA0\xDF\xBF\xE0\xA0\x80\xE2\x82\xAC"
                                           "\xEF\xBF\xBD\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alphabet),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
