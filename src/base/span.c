#include "base/span.h"

bool cr_span_equal_ct(cr_span a, cr_span b)
{
    if (a.n != b.n) {
        return false;
    }
    volatile uint8_t diff = 0;
    for (size_t i = 0; i < a.n; i++) {
        diff = (uint8_t)(diff | (a.p[i] ^ b.p[i]));
    }
    return diff == 0;
}

int cr_span_compare(cr_span a, cr_span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order != 0 || a.n == b.n) {
        return order;
    }
    return a.n < b.n ? -1 : 1;
}

cr_span cr_span_sub(cr_span s, size_t from, size_t n)
{
    if (from > s.n) {
        from = s.n;
    }
    if (n > s.n - from) {
        n = s.n - from;
    }
    return cr_span_of(s.p ? s.p + from : NULL, n);
}

void cr_wipe(void *p, size_t n)
{
    if (p && n) {
        explicit_bzero(p, n);
    }
}
