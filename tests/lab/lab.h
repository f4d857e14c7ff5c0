/*
 * What the tests of the lab share.
 */
#ifndef CRISP_TESTS_LAB_LAB_H
#define CRISP_TESTS_LAB_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"

/* Bytes of a hex text, in a buffer that lasts until the next but seven calls. */
static inline cr_span hex(const char *text)
{
    static cr_buf ring[8];
    static size_t next;
    cr_buf *b = &ring[next++ % CR_COUNT(ring)];
    struct cr_err err;
    cr_buf_reset(b);
    cr_buf_reserve(b, 1);
    assert_int_equal(cr_hex_decode(b, cr_span_str(text), &err), CR_OK);
    return cr_buf_span(b);
}

#endif
