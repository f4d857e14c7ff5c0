/*
 * Work in lanes: what a database says is due is done by a bounded number of threads, the works of
 * one lane (a peer, an order, a chip) one after the other, those of different lanes at the same
 * time. One peer that does not answer holds up nobody but itself.
 *
 * What is due, and when, is in the owner's tables; nothing is remembered here. So nothing is lost
 * when the process ends: after the next start the same work is due.
 */
#ifndef CRISP_STORE_LANES_H
#define CRISP_STORE_LANES_H

#include "base/arena.h"
#include "base/error.h"

#define LANES_MAX_WORKERS 64
#define LANES_MAX_DUE     64 /* lanes that are found at one look */

struct lanes_ops {
    /* The lanes with something due now, who has waited longest first; names live in the arena. On
     * failure the next look is a second later. Called from one thread. */
    cr_status (*due)(void *ctx, cr_arena *arena, const char *names[LANES_MAX_DUE], size_t *count,
                     struct cr_err *err);
    /* Does some of what is due in a lane. False: our own side failed (the database): the lane rests
     * for a second. Long works ask lanes_stopping() now and then. */
    bool (*work)(void *ctx, const char *lane);
};

struct lanes;

/* Starts the threads. ops and ctx must outlive it. workers 1..LANES_MAX_WORKERS. *out is set before
 * ops are called for the first time: it may be in ctx. */
cr_status lanes_start(const struct lanes_ops *ops, void *ctx, unsigned workers, struct lanes **out,
                      struct cr_err *err) CR_MUST_CHECK;
/* Something became due: look now, not at the next second. From any thread. */
void lanes_wake(struct lanes *lanes);
bool lanes_stopping(struct lanes *lanes);
/* Ends the threads; works under way are waited for. NULL allowed. */
void lanes_stop(struct lanes *lanes);

#endif
