#include "test.h"

#include "base/buf.h"

static void appends_grow(void **state)
{
    (void)state;
    cr_buf b = {0};
    assert_non_null(cr_buf_span(&b).p); /* empty, not absent */
    assert_int_equal(cr_buf_span(&b).n, 0);
    for (unsigned i = 0; i < 1000; i++) {
        cr_buf_append_byte(&b, (uint8_t)i);
    }
    assert_true(cr_buf_ok(&b));
    assert_int_equal(b.n, 1000);
    assert_int_equal(b.p[999], 999 & 0xFF);
    cr_buf_reset(&b);
    assert_int_equal(b.n, 0);
    cr_buf_append_str(&b, "ab");
    cr_buf_append_be(&b, 0x010203, 3);
    cr_buf_append_be(&b, UINT64_MAX, 8);
    cr_buf_append_span(&b, (cr_span){0});
    cr_buf_append(&b, NULL, 0);
    assert_int_equal(b.n, 13);
    assert_memory_equal(b.p, "ab\x01\x02\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 13);
    cr_buf_free(&b);
    assert_null(b.p);
    cr_buf_free(NULL);
}

static void text(void **state)
{
    (void)state;
    cr_buf b = {0};
    assert_string_equal(cr_buf_cstr(&b), "");
    cr_buf_appendf(&b, "%s-%d", "x", 7);
    cr_buf_appendf(&b, "%0200d", 1);
    assert_int_equal(b.n, 203);
    assert_int_equal(strlen(cr_buf_cstr(&b)), 203);
    assert_int_equal(b.n, 203); /* the NUL does not count */
    cr_buf_free(&b);
}

static void limit_is_sticky(void **state)
{
    (void)state;
    cr_buf b = {.limit = 4};
    cr_buf_append_str(&b, "abcd");
    assert_true(cr_buf_ok(&b));
    cr_buf_append_byte(&b, 'e');
    assert_false(cr_buf_ok(&b));
    cr_buf_append(&b, "", 0);
    assert_null(cr_buf_extend(&b, 1));
    assert_null(cr_buf_cstr(&b));
    assert_int_equal(b.n, 4);
    cr_buf_reset(&b);
    assert_true(cr_buf_ok(&b));
    cr_buf_append_str(&b, "abc");
    assert_true(cr_buf_ok(&b));
    assert_false(cr_buf_reserve(&b, SIZE_MAX - 1));
    cr_buf_free(&b);
    assert_int_equal(b.limit, 4);
}

static void text_up_to_the_limit_fits(void **state)
{
    (void)state;
    cr_buf b = {.limit = 4};
    cr_buf_appendf(&b, "%s", "abcd");
    assert_true(cr_buf_ok(&b));
    assert_int_equal(b.n, 4);
    cr_buf_appendf(&b, "%s", "");
    assert_true(cr_buf_ok(&b));
    cr_buf_appendf(&b, "%s", "e");
    assert_false(cr_buf_ok(&b));
    cr_buf_free(&b);
}

static void secrets_are_wiped_on_reset(void **state)
{
    (void)state;
    cr_buf b = {.secret = true};
    cr_buf_append_str(&b, "key");
    const uint8_t *p = b.p;
    cr_buf_reset(&b);
    assert_int_equal(p[0] | p[1] | p[2], 0);
    cr_buf_append_str(&b, "again");
    assert_memory_equal(b.p, "again", 5);
    cr_buf_free(&b);
}

static void spans(void **state)
{
    (void)state;
    cr_span abc = cr_span_str("abc");
    assert_true(cr_span_equal(abc, cr_span_of("abcd", 3)));
    assert_false(cr_span_equal(abc, cr_span_str("abd")));
    assert_true(cr_span_equal_ct(abc, cr_span_str("abc")));
    assert_false(cr_span_equal_ct(abc, cr_span_str("abd")));
    assert_false(cr_span_equal_ct(abc, cr_span_str("ab")));
    assert_true(cr_span_compare(abc, cr_span_str("abd")) < 0);
    assert_true(cr_span_compare(abc, cr_span_str("ab")) > 0);
    assert_int_equal(cr_span_compare(abc, abc), 0);
    assert_int_equal(cr_span_compare((cr_span){0}, (cr_span){0}), 0);
    assert_false(cr_span_present(cr_span_str(NULL)));
    assert_true(cr_span_present(cr_span_str("")));
    assert_int_equal(cr_span_sub(abc, 1, SIZE_MAX).n, 2);
    assert_int_equal(cr_span_sub(abc, 3, 1).n, 0);
    assert_int_equal(cr_span_sub(abc, SIZE_MAX, SIZE_MAX).n, 0);
    assert_false(cr_span_present(cr_span_sub((cr_span){0}, 0, 5)));
    cr_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_grow),
        cmocka_unit_test(text),
        cmocka_unit_test(limit_is_sticky),
        cmocka_unit_test(text_up_to_the_limit_fits),
        cmocka_unit_test(secrets_are_wiped_on_reset),
        cmocka_unit_test(spans),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
