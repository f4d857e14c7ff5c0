/*
 * Growable byte buffers.
 *
 * Appending never has to be checked call by call: the first failed allocation (or the first byte
 * beyond .limit) marks the buffer as failed, later appends do nothing, and the writer asks once,
 * at the end, with cr_buf_ok(). A zeroed struct cr_buf is a valid empty buffer without a limit.
 * A buffer with .secret set wipes every block of memory before it gives it back.
 */
#ifndef CRISP_BASE_BUF_H
#define CRISP_BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>

typedef struct cr_buf {
    uint8_t *p;   /* owned; NULL while empty */
    size_t n;     /* bytes in use */
    size_t cap;   /* bytes allocated */
    size_t limit; /* most bytes allowed; 0 = no limit of its own */
    bool failed;  /* sticky: out of memory or over the limit */
    bool secret;  /* wipe on growth, reset and free */
} cr_buf;

/* Frees the memory; the struct is then empty and usable again. */
void cr_buf_free(cr_buf *b);

/* Forgets the content and a failure, keeps the memory (wiped if secret). */
void cr_buf_reset(cr_buf *b);

/* False when an append failed since the last reset. */
static inline bool cr_buf_ok(const cr_buf *b)
{
    return !b->failed;
}

/* What is in it; valid until the next append. Never an absent span. */
cr_span cr_buf_span(const cr_buf *b);

/* Makes room for n more bytes without adding them; false (and failed) when that cannot be. */
bool cr_buf_reserve(cr_buf *b, size_t n);

/* Adds n bytes and gives their address to be filled by the caller; NULL when failed. */
uint8_t *cr_buf_extend(cr_buf *b, size_t n);

void cr_buf_append(cr_buf *b, const void *p, size_t n);
void cr_buf_append_span(cr_buf *b, cr_span s);
void cr_buf_append_byte(cr_buf *b, uint8_t v);
void cr_buf_append_be(cr_buf *b, uint64_t v, size_t bytes); /* big endian, 1..8 bytes */
void cr_buf_append_str(cr_buf *b, const char *s);           /* without the NUL */
void cr_buf_appendf(cr_buf *b, const char *fmt, ...) CR_PRINTF(2, 3);
void cr_buf_appendfv(cr_buf *b, const char *fmt, va_list ap) CR_PRINTF(2, 0);

/* NUL-terminates without counting the NUL and returns the text; NULL when failed. */
const char *cr_buf_cstr(cr_buf *b);

#endif
