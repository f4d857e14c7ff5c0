#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BLOCK 8192

struct cr_arena_block {
    struct cr_arena_block *next;
    size_t size; /* payload bytes */
    size_t used;
    max_align_t payload[];
};

static void block_free(struct cr_arena_block *block, bool secret)
{
    if (secret) {
        cr_wipe(block->payload, block->size);
    }
    free(block);
}

void cr_arena_free(cr_arena *a)
{
    if (!a) {
        return;
    }
    while (a->blocks) {
        struct cr_arena_block *next = a->blocks->next;
        block_free(a->blocks, a->secret);
        a->blocks = next;
    }
    a->used = 0;
}

void cr_arena_reset(cr_arena *a)
{
    struct cr_arena_block *keep = a->blocks;
    /* One huge request must not stay in memory for ever: servers keep arenas by the dozen. */
    if (!keep || keep->size > CR_ARENA_KEEP) {
        cr_arena_free(a);
        return;
    }
    a->blocks = keep->next;
    cr_arena_free(a);
    if (a->secret) {
        cr_wipe(keep->payload, keep->used);
    }
    keep->used = 0;
    keep->next = NULL;
    a->blocks = keep;
}

/* Not zeroed: for what is overwritten at once. */
static uint8_t *arena_take(cr_arena *a, size_t n)
{
    const size_t align = _Alignof(max_align_t);
    size_t limit = a->limit ? a->limit : CR_ARENA_LIMIT;
    if (n > limit || a->used > limit - n) {
        return NULL;
    }
    size_t rounded = (n + align - 1) / align * align;
    if (!a->blocks || a->blocks->size - a->blocks->used < rounded) {
        size_t size = rounded > ARENA_BLOCK ? rounded : ARENA_BLOCK;
        struct cr_arena_block *block = malloc(sizeof(*block) + size);
        if (!block) {
            return NULL;
        }
        block->next = a->blocks;
        block->size = size;
        block->used = 0;
        a->blocks = block;
    }
    uint8_t *at = (uint8_t *)a->blocks->payload + a->blocks->used;
    a->blocks->used += rounded;
    a->used += n;
    return at;
}

void *cr_arena_alloc(cr_arena *a, size_t n)
{
    uint8_t *at = arena_take(a, n);
    if (at) {
        memset(at, 0, n);
    }
    return at;
}

void *cr_arena_alloc_array(cr_arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        return NULL;
    }
    return cr_arena_alloc(a, count * size);
}

cr_span cr_arena_copy(cr_arena *a, cr_span s)
{
    if (!s.p) {
        return (cr_span){0};
    }
    uint8_t *at = arena_take(a, s.n);
    if (!at) {
        return (cr_span){0};
    }
    if (s.n) {
        memcpy(at, s.p, s.n);
    }
    return cr_span_of(at, s.n);
}

char *cr_arena_strn(cr_arena *a, cr_span s)
{
    uint8_t *at = s.n < SIZE_MAX ? arena_take(a, s.n + 1) : NULL;
    if (!at) {
        return NULL;
    }
    if (s.n) {
        memcpy(at, s.p, s.n);
    }
    at[s.n] = 0;
    return (char *)at;
}

char *cr_arena_printf(cr_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int need = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *at = need < 0 ? NULL : cr_arena_alloc(a, (size_t)need + 1);
    if (at) {
        (void)vsnprintf(at, (size_t)need + 1, fmt, again);
    }
    va_end(again);
    return at;
}
