/*
 * The outbox: what operators shall hear (ES2+ HandleDownloadProgressInfo), delivered with retries.
 *
 * Messages are rows of the database, put there by the transaction that made them true
 * (smdpp_report()). Each operator's are delivered in their order, one at a time, again and again
 * until a 2xx comes back (after 1 s, 2 s, 4 s ... 15 minutes, for 30 days); different operators at
 * the same time, by at most SMDPP_OUTBOX_WORKERS threads, so that one that does not answer holds up
 * nobody else. Nothing is lost by a crash: a message may come twice, never not at all.
 */
#ifndef CRISP_SMDPP_OUTBOX_H
#define CRISP_SMDPP_OUTBOX_H

#include "smdpp/smdpp.h"

#define SMDPP_OUTBOX_WORKERS 16 /* operators that are talked to at the same time */

struct smdpp_outbox;

/* Starts the threads. client_cert and client_key (PEM or DER files, NULL = none) authenticate the
 * SM-DP+ to operators. dp must outlive it. */
cr_status smdpp_outbox_start(struct smdpp *dp, const char *client_cert, const char *client_key,
                             const cr_env *env, struct smdpp_outbox **out,
                             struct cr_err *err) CR_MUST_CHECK;
/* Something was put in: look now. Callable from any thread. */
void smdpp_outbox_wake(struct smdpp_outbox *outbox);
/* Ends the threads; deliveries under way are given up and made again after the next start. NULL
 * allowed. */
void smdpp_outbox_stop(struct smdpp_outbox *outbox);

#endif
