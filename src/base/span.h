/*
 * Spans: a read-only view of bytes that somebody else owns.
 *
 * A span never owns memory; it lives as long as what it points into (a request's arena, a
 * received message, a constant). p == NULL means "absent", which is different from "present and
 * empty" (p != NULL, n == 0): OPTIONAL fields of a decoded message rely on that.
 */
#ifndef CRISP_BASE_SPAN_H
#define CRISP_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CR_MUST_CHECK      __attribute__((warn_unused_result))
#define CR_PRINTF(fmt, at) __attribute__((format(printf, fmt, at)))
#define CR_COUNT(array)    (sizeof(array) / sizeof((array)[0]))

typedef struct cr_span {
    const uint8_t *p; /* first byte; NULL = absent */
    size_t n;         /* bytes */
} cr_span;

/* A span over n bytes at p. */
static inline cr_span cr_span_of(const void *p, size_t n)
{
    return (cr_span){.p = (const uint8_t *)p, .n = n};
}

/* A span over a C string without its NUL; NULL gives an absent span. */
static inline cr_span cr_span_str(const char *s)
{
    return s ? cr_span_of(s, strlen(s)) : (cr_span){0};
}

/* A span over a whole array object. */
#define CR_SPAN_ARRAY(a) cr_span_of((a), sizeof(a))

static inline bool cr_span_present(cr_span s)
{
    return s.p != NULL;
}

/* Equal bytes and equal length. NOT for secrets: see cr_span_equal_ct(). */
static inline bool cr_span_equal(cr_span a, cr_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* As cr_span_equal(), in a time that depends on the lengths only. */
bool cr_span_equal_ct(cr_span a, cr_span b);

/* Orders by bytes, then by length: <0, 0, >0. */
int cr_span_compare(cr_span a, cr_span b);

/* The part [from, from + n) cut to what exists; never reads outside s. */
cr_span cr_span_sub(cr_span s, size_t from, size_t n);

/* Overwrites n bytes so that the compiler cannot leave it out. NULL with n == 0 is allowed. */
void cr_wipe(void *p, size_t n);

#endif
