#include "test.h"

#include "base/text.h"

static void hex(void **state)
{
    (void)state;
    cr_arena a = {0};
    cr_buf b = {0};
    cr_hex_append(&b, cr_span_of("\x00\xAB\xFF", 3));
    assert_string_equal(cr_buf_cstr(&b), "00ABFF");
    cr_buf_reset(&b);
    assert_int_equal(cr_hex_decode(&b, cr_span_str(" 00:ab\nFF\t"), NULL), CR_OK);
    assert_int_equal(b.n, 3);
    assert_memory_equal(b.p, "\x00\xAB\xFF", 3);
    static const char *const bad[] = {"0", "0g", "00 1", "0x00", "0 0", "00-00"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_err err = {0};
        assert_int_equal(cr_hex_decode(&b, cr_span_str(bad[i]), &err), CR_MALFORMED);
        assert_int_equal(err.category, CR_MALFORMED);
    }
    cr_buf_free(&b);
    assert_string_equal(cr_hex(&a, cr_span_str("Az")), "417A");
    char small[6];
    assert_string_equal(cr_hex_into(small, sizeof(small), cr_span_str("ABC")), "4142");
    assert_string_equal(cr_hex_into(small, 1, cr_span_str("ABC")), "");
    uint8_t two[2];
    assert_true(cr_hex_fixed(two, 2, cr_span_str("0aB1")));
    assert_int_equal(two[1], 0xB1);
    assert_false(cr_hex_fixed(two, 2, cr_span_str("0aB")));
    assert_false(cr_hex_fixed(two, 2, cr_span_str("0aB1C2")));
    assert_false(cr_hex_fixed(two, 2, cr_span_str("0 B1")));
    cr_arena_free(&a);
}

/* RFC 4648 clause 10. */
static void base64_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *plain;
        const char *coded;
    } vectors[] = {{"", ""},
                   {"f", "Zg=="},
                   {"fo", "Zm8="},
                   {"foo", "Zm9v"},
                   {"foob", "Zm9vYg=="},
                   {"fooba", "Zm9vYmE="},
                   {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < CR_COUNT(vectors); i++) {
        cr_buf b = {0};
        cr_base64_append(&b, cr_span_str(vectors[i].plain));
        assert_string_equal(cr_buf_cstr(&b), vectors[i].coded);
        cr_buf_reset(&b);
        assert_int_equal(cr_base64_decode(&b, cr_span_str(vectors[i].coded), NULL), CR_OK);
        assert_string_equal(cr_buf_cstr(&b), vectors[i].plain);
        cr_buf_free(&b);
    }
}

static void base64_from_peers(void **state)
{
    (void)state;
    static const char *const same[] = {"+/+/Zg==", "-_-_Zg==", "-_-_Zg", " +/+/\r\n Zg = = \n"};
    for (size_t i = 0; i < CR_COUNT(same); i++) {
        cr_buf b = {0};
        assert_int_equal(cr_base64_decode(&b, cr_span_str(same[i]), NULL), CR_OK);
        assert_int_equal(b.n, 4);
        assert_memory_equal(b.p, "\xFB\xFF\xBF\x66", 4);
        cr_buf_free(&b);
    }
    static const char *const bad[] = {
        "Z", "Zg=", "Zg===", "Zg==Zg==", "Zm9v=", "Z===", "=", "Zm9vZ", "Zm*v", "Zm\\/v"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        cr_buf b = {0};
        assert_int_equal(cr_base64_decode(&b, cr_span_str(bad[i]), NULL), CR_MALFORMED);
        cr_buf_free(&b);
    }
}

static void utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abc",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC2",
                                      "\xC2\x41",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xE2\x82",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF8\x88\x80\x80\x80",
                                      "\xFF"};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        assert_true(cr_utf8_valid(cr_span_str(good[i])));
    }
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_false(cr_utf8_valid(cr_span_str(bad[i])));
    }
    assert_true(cr_utf8_valid((cr_span){0}));
}

static void small_ones(void **state)
{
    (void)state;
    assert_true(cr_is_digits(cr_span_str("0129")));
    assert_false(cr_is_digits(cr_span_str("")));
    assert_false(cr_is_digits(cr_span_str("1a")));
    assert_false(cr_is_digits((cr_span){0}));
    char out[4] = "zzz";
    assert_true(cr_str_copy(out, sizeof(out), cr_span_str("abc")));
    assert_string_equal(out, "abc");
    assert_false(cr_str_copy(out, sizeof(out), cr_span_str("wxyz")));
    assert_string_equal(out, "wxy");
    assert_true(cr_str_copy(out, sizeof(out), (cr_span){0}));
    assert_string_equal(out, "");
    assert_false(cr_str_copy(NULL, 0, cr_span_str("a")));
    assert_true(cr_span_equal_nocase(cr_span_str("AbZ"), cr_span_str("aBz")));
    assert_false(cr_span_equal_nocase(cr_span_str("A["), cr_span_str("a{")));
    assert_false(cr_span_equal_nocase(cr_span_str("A"), cr_span_str("ab")));
}

static void nearer(void **state)
{
    (void)state;
    unsigned least = CR_TEXT_MEANT;
    assert_false(cr_text_nearer("opc", "imsi", &least));
    assert_int_equal(least, CR_TEXT_MEANT);
    assert_true(cr_text_nearer("iccid", "imsid", &least)); /* two letters */
    assert_int_equal(least, 2);
    assert_true(cr_text_nearer("imsi", "imsid", &least));
    assert_int_equal(least, 1);
    assert_false(cr_text_nearer("imsiX", "imsid", &least)); /* as near is not nearer */
    assert_true(cr_text_nearer("imsid", "imsid", &least));
    assert_int_equal(least, 0);
    const char *long_word = "abcdefghijklmnopqrstuvwxyzabcdefg"; /* 33 letters */
    least = CR_TEXT_MEANT;
    assert_false(cr_text_nearer(long_word, long_word, &least));
    least = CR_TEXT_MEANT;
    assert_true(cr_text_nearer(long_word + 1, long_word + 1, &least));
    least = CR_TEXT_MEANT;
    assert_true(cr_text_nearer("", "ab", &least));
    assert_int_equal(least, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_from_peers),
        cmocka_unit_test(utf8),
        cmocka_unit_test(small_ones),
        cmocka_unit_test(nearer),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
