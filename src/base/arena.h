/*
 * Arenas: memory of one request, one message or one test, given back all at once.
 *
 * Not thread-safe; one arena belongs to one thread at a time. Memory is zeroed and aligned for any
 * object. A zeroed struct cr_arena is a valid empty arena with the default limit.
 */
#ifndef CRISP_BASE_ARENA_H
#define CRISP_BASE_ARENA_H

#include "base/span.h"

#define CR_ARENA_LIMIT ((size_t)64 << 20) /* bytes in all, unless .limit says otherwise */
#define CR_ARENA_KEEP  ((size_t)1 << 20)  /* bytes of a block that a reset keeps */

struct cr_arena_block;

typedef struct cr_arena {
    struct cr_arena_block *blocks; /* newest first; owned */
    size_t used;                   /* bytes given out */
    size_t limit;                  /* 0 = CR_ARENA_LIMIT */
    bool secret;                   /* wipe the blocks before they are freed or reused */
} cr_arena;

/* Frees everything; the arena is then empty and usable again. NULL is allowed. */
void cr_arena_free(cr_arena *a);

/* Forgets everything but keeps one block, unless it is huge, for the next request. */
void cr_arena_reset(cr_arena *a);

/* n zeroed bytes (n == 0 gives a valid address); NULL when out of memory or over the limit. */
void *cr_arena_alloc(cr_arena *a, size_t n) CR_MUST_CHECK;

/* count * size zeroed bytes; NULL also when the product overflows. */
void *cr_arena_alloc_array(cr_arena *a, size_t count, size_t size) CR_MUST_CHECK;

/* A copy that lives in the arena; an absent span when s is absent or memory is short. */
cr_span cr_arena_copy(cr_arena *a, cr_span s);

/* A NUL-terminated copy; NULL when memory is short. Bytes are taken as they are. */
char *cr_arena_strn(cr_arena *a, cr_span s) CR_MUST_CHECK;

/* printf into the arena; NULL when memory is short. */
char *cr_arena_printf(cr_arena *a, const char *fmt, ...) CR_PRINTF(2, 3) CR_MUST_CHECK;

#endif
