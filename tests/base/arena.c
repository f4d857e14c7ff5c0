#include "test.h"

#include "base/arena.h"

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

static void gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    cr_arena a = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 20000; n = 2 * n + 1) {
            uint8_t *p = cr_arena_alloc(&a, n);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            assert_true(is_zero(p, n));
            if (n) {
                memset(p, 0xAA, n);
            }
        }
        cr_arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    cr_arena_free(&a);
    assert_null(a.blocks);
    cr_arena_free(&a);
    cr_arena_free(NULL);
    cr_arena_reset(&a);
}

static void lets_go_of_what_is_huge(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_non_null(cr_arena_alloc(&a, CR_ARENA_KEEP));
    cr_arena_reset(&a);
    assert_non_null(a.blocks);
    assert_non_null(cr_arena_alloc(&a, CR_ARENA_KEEP + 1));
    cr_arena_reset(&a);
    assert_null(a.blocks);
    assert_int_equal(a.used, 0);
    assert_non_null(cr_arena_alloc(&a, 1));
    cr_arena_free(&a);
}

static void keeps_to_the_limit(void **state)
{
    (void)state;
    cr_arena a = {.limit = 100};
    assert_non_null(cr_arena_alloc(&a, 60));
    assert_null(cr_arena_alloc(&a, 41));
    assert_non_null(cr_arena_alloc(&a, 40));
    assert_null(cr_arena_alloc(&a, 1));
    assert_null(cr_arena_alloc(&a, SIZE_MAX));
    assert_null(cr_arena_alloc_array(&a, SIZE_MAX / 2, 3));
    assert_non_null(cr_arena_alloc_array(&a, 0, 8));
    cr_arena_free(&a);
    cr_arena b = {0};
    assert_null(cr_arena_alloc(&b, CR_ARENA_LIMIT + 1));
    cr_arena_free(&b);
}

static void copies(void **state)
{
    (void)state;
    cr_arena a = {.limit = 64, .secret = true};
    cr_span s = cr_arena_copy(&a, cr_span_str("abc"));
    assert_memory_equal(s.p, "abc", 3);
    assert_false(cr_span_present(cr_arena_copy(&a, (cr_span){0})));
    assert_true(cr_span_present(cr_arena_copy(&a, cr_span_str(""))));
    assert_string_equal(cr_arena_strn(&a, cr_span_of("abcdef", 4)), "abcd");
    assert_string_equal(cr_arena_printf(&a, "%d/%s", 5, "x"), "5/x");
    assert_null(cr_arena_printf(&a, "%0100d", 5));
    uint8_t big[100] = {0};
    assert_false(cr_span_present(cr_arena_copy(&a, CR_SPAN_ARRAY(big))));
    assert_null(cr_arena_strn(&a, cr_span_of(big, SIZE_MAX)));
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(lets_go_of_what_is_huge),
        cmocka_unit_test(keeps_to_the_limit),
        cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
