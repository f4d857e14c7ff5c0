/*
 * What the tests of src/profile share: the generic test profiles, hex, a small package to break.
 */
#ifndef CRISP_TESTS_PROFILE_SAMPLE_H
#define CRISP_TESTS_PROFILE_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "profile/package.h"

#define SAMPLE_BER_SUCI "ts48-v7-bertlv-suci.der"
#define SAMPLE_NO_BER   "ts48-v7-nobertlv-noramrfm.der"

/* Reads a generic test profile, or skips the test where the data is not there. */
static inline void sample_ts48(const char *name, cr_buf *out)
{
    char path[1024];
    struct cr_err err = {0};
    const char *data = getenv("CRISP_TEST_DATA");
    snprintf(path, sizeof(path), "%s/ts48/%s", data ? data : CRISP_SOURCE_ROOT "/../shared/data",
             name);
    if (!cr_file_exists(path)) {
        print_message("no %s: set CRISP_TEST_DATA to the folder with the test profiles\n", path);
        skip();
    }
    if (cr_file_read(path, PROFILE_MAX_PACKAGE, out, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != CR_OK) {                                                                     \
            fail_msg("%s: %s", #call, err.cause);                                                  \
        }                                                                                          \
    } while (0)

static inline void sample_hex(const char *hex, cr_buf *out)
{
    struct cr_err err = {0};
    cr_buf_reset(out);
    assert_ok(cr_hex_decode(out, cr_span_str(hex), &err));
}

/* The span is written as this hex. */
static inline void assert_hex(cr_span s, const char *hex)
{
    cr_buf expected = {0};
    char got[2048];
    sample_hex(hex, &expected);
    if (!cr_span_equal(s, cr_buf_span(&expected))) {
        fail_msg("%s instead of %s", cr_hex_into(got, sizeof(got), s), hex);
    }
    cr_buf_free(&expected);
}

#endif
