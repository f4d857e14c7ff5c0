/*
 * What the files of the SM-DP+ share: the object, retries of lost compare-and-sets, reports to the
 * operator.
 */
#ifndef CRISP_SMDPP_CORE_H
#define CRISP_SMDPP_CORE_H

#include "rsp/ids.h"
#include "smdpp/memo.h"
#include "smdpp/smdpp.h"

struct smdpp {
    const struct smdpp_config *config;
    struct smdpp_policy policy;
    const cr_env *env;
    struct store *store;
    struct smdpp_memo_table *memos;
    struct store_seal seal;
    void (*outbox_filled)(void *ctx);
    void *outbox_ctx;
    char oid_text[DER_OID_TEXT];
    struct {                        /* of the housekeeper, one thread */
        char after[RSP_ICCID_TEXT]; /* notifications up to this profile are looked through */
        int64_t next_ms;            /* when to begin again */
    } sweep;
};

#define SMDPP_CAS_TRIES 8 /* times a handler starts again after losing a compare-and-set */

/* Has work run and committed, and written (NULL allowed) called with the same ctx after that: at
 * once, or later where the call defers it. CR_OK then says only that it will be tried. ctx and what
 * it points to have to live in the call's arena. */
cr_status smdpp_write(struct smdpp *dp, const struct smdpp_call *call, store_work work, void *ctx,
                      bool soft, void (*written)(void *ctx), struct cr_err *err) CR_MUST_CHECK;

/* A point of a download that the operator hears about (SGP.22 5.3.5): puts the message into the
 * outbox inside the caller's transaction when the profile's requester listens. status NULL =
 * success. *queued is set when something was put there, and left alone otherwise. */
cr_status smdpp_report(struct smdpp *dp, struct store_tx *tx, const struct smdpp_profile *profile,
                       const char *eid, enum rsp_notification_point point,
                       const struct rsp_function_status *status, cr_span result_data, bool *queued,
                       struct cr_err *err) CR_MUST_CHECK;

/* After the commit of a transaction that reported. */
void smdpp_wake_outbox(struct smdpp *dp);

/* A fixed status for smdpp_report(). */
struct rsp_function_status smdpp_failed_status(const char *subject, const char *reason,
                                               const char *message);

#endif
