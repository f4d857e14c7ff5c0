/*
 * The outbox: what operators shall hear (ES2+ HandleDownloadProgressInfo), delivered with retries.
 *
 * Messages are rows of the database, put there by the transaction that made them true
 * (smdpp_report()); one thread delivers them in order for each operator, again and again until a
 * 2xx comes back. Nothing is lost by a crash: a message may come twice, never not at all.
 */
#ifndef CRISP_SMDPP_OUTBOX_H
#define CRISP_SMDPP_OUTBOX_H

#include "smdpp/smdpp.h"

struct smdpp_outbox;

/* Starts the thread. client_cert and client_key (PEM or DER files, NULL = none) authenticate the
 * SM-DP+ to operators. dp must outlive it. */
cr_status smdpp_outbox_start(struct smdpp *dp, const char *client_cert, const char *client_key,
                             const cr_env *env, struct smdpp_outbox **out,
                             struct cr_err *err) CR_MUST_CHECK;
/* Something was put in: look now. Callable from any thread. */
void smdpp_outbox_wake(struct smdpp_outbox *outbox);
/* Ends the thread; a delivery under way is given up and made again after the next start. NULL
 * allowed. */
void smdpp_outbox_stop(struct smdpp_outbox *outbox);

#endif
