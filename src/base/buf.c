#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_CAP 64

void cr_buf_free(cr_buf *b)
{
    if (!b) {
        return;
    }
    if (b->secret) {
        cr_wipe(b->p, b->cap);
    }
    free(b->p);
    b->p = NULL;
    b->n = 0;
    b->cap = 0;
    b->failed = false;
}

void cr_buf_reset(cr_buf *b)
{
    if (b->secret) {
        cr_wipe(b->p, b->n);
    }
    b->n = 0;
    b->failed = false;
}

cr_span cr_buf_span(const cr_buf *b)
{
    static const uint8_t nothing[1];
    return cr_span_of(b->p ? b->p : nothing, b->n);
}

static bool buf_grow(cr_buf *b, size_t cap)
{
    /* Not realloc(): a secret must not stay behind in the old block. */
    uint8_t *bigger = malloc(cap);
    if (!bigger) {
        return false;
    }
    if (b->n) {
        memcpy(bigger, b->p, b->n);
    }
    if (b->secret) {
        cr_wipe(b->p, b->cap);
    }
    free(b->p);
    b->p = bigger;
    b->cap = cap;
    return true;
}

/* Room for n bytes that count and for extra ones behind them that do not (a NUL). */
static bool buf_make_room(cr_buf *b, size_t n, size_t extra)
{
    if (b->failed || n > SIZE_MAX / 2 - b->n - extra || (b->limit && b->n + n > b->limit)) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n + extra;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap ? b->cap : BUF_FIRST_CAP;
    while (cap < need) {
        cap *= 2;
    }
    if (!buf_grow(b, cap)) {
        b->failed = true;
        return false;
    }
    return true;
}

bool cr_buf_reserve(cr_buf *b, size_t n)
{
    return buf_make_room(b, n, 0);
}

uint8_t *cr_buf_extend(cr_buf *b, size_t n)
{
    if (!buf_make_room(b, n, n ? 0 : 1)) {
        return NULL;
    }
    uint8_t *at = b->p + b->n;
    b->n += n;
    return at;
}

void cr_buf_append(cr_buf *b, const void *p, size_t n)
{
    if (n == 0) {
        return;
    }
    uint8_t *at = cr_buf_extend(b, n);
    if (at) {
        memcpy(at, p, n);
    }
}

void cr_buf_append_span(cr_buf *b, cr_span s)
{
    cr_buf_append(b, s.p, s.n);
}

void cr_buf_append_byte(cr_buf *b, uint8_t v)
{
    cr_buf_append(b, &v, 1);
}

void cr_buf_append_be(cr_buf *b, uint64_t v, size_t bytes)
{
    while (bytes > 0) {
        bytes--;
        cr_buf_append_byte(b, (uint8_t)(v >> (8 * bytes)));
    }
}

void cr_buf_append_str(cr_buf *b, const char *s)
{
    cr_buf_append(b, s, strlen(s));
}

void cr_buf_appendfv(cr_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    size_t room = b->failed ? 0 : b->cap - b->n; /* often enough */
    int need = vsnprintf(room ? (char *)b->p + b->n : NULL, room, fmt, again);
    va_end(again);
    if (need >= 0 && (size_t)need < room && (!b->limit || b->n + (size_t)need <= b->limit)) {
        b->n += (size_t)need;
        return;
    }
    if (need < 0 || !buf_make_room(b, (size_t)need, 1)) {
        b->failed = true;
        return;
    }
    (void)vsnprintf((char *)b->p + b->n, (size_t)need + 1, fmt, ap);
    b->n += (size_t)need;
}

void cr_buf_appendf(cr_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cr_buf_appendfv(b, fmt, ap);
    va_end(ap);
}

const char *cr_buf_cstr(cr_buf *b)
{
    if (!buf_make_room(b, 0, 1)) {
        return NULL;
    }
    b->p[b->n] = 0;
    return (const char *)b->p;
}
