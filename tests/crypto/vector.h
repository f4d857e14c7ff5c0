/*
 * Hex of a published vector as bytes, for the tests of this folder. One buffer for each call site
 * would clutter the tables, so that the bytes live in an arena of the test program.
 */
#ifndef CRISP_TESTS_CRYPTO_VECTOR_H
#define CRISP_TESTS_CRYPTO_VECTOR_H

#include "base/arena.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static cr_arena vector_arena;

static inline cr_span vector(const char *hex)
{
    cr_buf b = {0};
    assert_int_equal(cr_hex_decode(&b, cr_span_str(hex), NULL), CR_OK);
    cr_span copy = cr_arena_copy(&vector_arena, cr_buf_span(&b));
    assert_non_null(copy.p);
    cr_buf_free(&b);
    return copy;
}

/* A copy that a test may damage. */
static inline uint8_t *vector_mutable(cr_span s)
{
    uint8_t *p = cr_arena_alloc(&vector_arena, s.n);
    assert_non_null(p);
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return p;
}

static inline int vector_teardown(void **state)
{
    (void)state;
    cr_arena_free(&vector_arena);
    return 0;
}

#define assert_span(got, hex)                                                                      \
    do {                                                                                           \
        cr_span got_ = (got);                                                                      \
        cr_span want_ = vector(hex);                                                               \
        assert_int_equal(got_.n, want_.n);                                                         \
        assert_memory_equal(got_.p, want_.p, want_.n);                                             \
    } while (0)

#define assert_bytes(got, hex) assert_span(CR_SPAN_ARRAY(got), hex)

#endif
