/*
 * The SM-DP+ (SGP.22 2.3, 3.1, 5.3, 5.6): its core.
 *
 * A handler takes a decoded request, works on the store and the key handles and fills a response,
 * or fails with the subject and reason code of the standard. It knows no HTTP and no binding.
 * Handlers run on any thread at the same time.
 *
 *     read (one transaction) -> verify, decide, sign (no lock held) -> write (compare-and-set)
 *
 * Whoever loses the compare-and-set starts again from the read. A success is answered after the
 * commit that makes it true.
 */
#ifndef CRISP_SMDPP_SMDPP_H
#define CRISP_SMDPP_SMDPP_H

#include "rsp/es2plus.h"
#include "rsp/es9plus.h"
#include "rsp/functions.h"
#include "smdpp/identity.h"
#include "smdpp/inventory.h"
#include "smdpp/seal.h"
#include "store/store.h"

struct smdpp_policy {
    int64_t session_ms;     /* life of an RSP session; default 10 minutes */
    int64_t session_limit;  /* live sessions at one time: anybody can begin one; default 1000000 */
    int64_t download_limit; /* AuthenticateClient calls for one order; default 10 */
    int64_t cc_limit;       /* wrong confirmation codes for one order; default 3 */
    int64_t order_ms;       /* life of an order; 0 = no end; default 0 */
    int64_t retention_ms;   /* how long notifications of eUICCs are kept; default 90 days */
    bool refuse_rebinding;  /* refuse a chip that comes back with another one-time key */
    bool refuse_bad_eid;    /* refuse EIDs with wrong check digits instead of logging them */
    bool report_all_points; /* tell the operator about eligibility and BPP download too */
};

struct smdpp_options {
    const char *dir;                   /* database and sealing key; NULL = in memory (tests) */
    const struct smdpp_config *config; /* not owned */
    struct smdpp_policy policy;        /* zeroed members take the defaults */
    const cr_env *env;                 /* not owned */
    /* Called after a commit that put something into the outbox. NULL = nobody waits. */
    void (*outbox_filled)(void *ctx);
    void *outbox_ctx;
};

struct smdpp;

cr_status smdpp_open(const struct smdpp_options *options, struct smdpp **out,
                     struct cr_err *err) CR_MUST_CHECK;
void smdpp_close(struct smdpp *dp); /* NULL allowed */

struct store *smdpp_store(struct smdpp *dp);
const struct smdpp_config *smdpp_config(const struct smdpp *dp);

/*
 * What a handler of ES9+ wants written, for a caller that will not wait inside it: the handler
 * answers as if it had been written, and the answer is good once it has. Where that fails (a lost
 * compare-and-set most of all) the answer is thrown away and the request handled again from the
 * start, without this. Everything it points to lives in the arena of the call.
 */
struct smdpp_deferred {
    store_work work; /* for store_submit(), as which it may be run again; NULL = nothing to write */
    void *ctx;
    bool soft;
    void (*written)(void *ctx); /* to be called after the commit; quick; NULL allowed */
};

/* Who calls and where the answer's memory comes from. */
struct smdpp_call {
    cr_arena *arena;       /* response members point into it */
    const char *requester; /* ES2+: the operator, authenticated; NULL = the owner of this server
                              (command line) and on ES9+ */
    struct smdpp_deferred *deferred; /* ES9+: for the handler to fill; NULL = it waits itself */
};

/* One signature for all functions; request and response are the structs of rsp/functions.h. */
typedef cr_status (*smdpp_handler)(struct smdpp *dp, const struct smdpp_call *call,
                                   const void *request, void *response, struct cr_err *err);

/* The handler of a function; NULL = this SM-DP+ does not have it. */
smdpp_handler smdpp_handler_of(enum rsp_function_id function);

/* ES9+ (initiate.c, authenticate.c, bind.c, notification.c, cancel.c). */
cr_status smdpp_initiate_authentication(struct smdpp *dp, const struct smdpp_call *call,
                                        const void *request, void *response,
                                        struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_authenticate_client(struct smdpp *dp, const struct smdpp_call *call,
                                    const void *request, void *response,
                                    struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_get_bound_profile_package(struct smdpp *dp, const struct smdpp_call *call,
                                          const void *request, void *response,
                                          struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_handle_notification(struct smdpp *dp, const struct smdpp_call *call,
                                    const void *request, void *response,
                                    struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_cancel_session(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                               void *response, struct cr_err *err) CR_MUST_CHECK;

/* ES2+ (es2plus.c). */
cr_status smdpp_download_order(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                               void *response, struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_confirm_order(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                              void *response, struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_cancel_order(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                             void *response, struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_release_profile(struct smdpp *dp, const struct smdpp_call *call,
                                const void *request, void *response,
                                struct cr_err *err) CR_MUST_CHECK;

/* What an order may say beyond ES2+ (command line): limits and metadata. */
struct smdpp_order_extras {
    int64_t expires_ms;     /* 0 = policy */
    int64_t download_limit; /* 0 = policy */
    int64_t cc_limit;       /* 0 = policy */
    cr_span metadata; /* BF25 to replace the profile's; absent = keep. Its ICCID must agree. */
};
/* Applies extras to a profile that is ordered and not yet downloaded. */
cr_status smdpp_order_adjust(struct smdpp *dp, const char *iccid,
                             const struct smdpp_order_extras *extras,
                             struct cr_err *err) CR_MUST_CHECK;

/* Takes a profile into the inventory: checks that upp is a package, makes the PPP under random
 * keys, stores both. iccid of metadata has to be the package's. */
struct smdpp_import {
    cr_span upp;
    cr_span metadata;  /* BF25 */
    const char *type;  /* profile type; "" = none */
    const char *owner; /* operator; "" = any */
};
/* All count profiles in one commit, or none. */
cr_status smdpp_import(struct smdpp *dp, const struct smdpp_import *profiles, size_t count,
                       struct cr_err *err) CR_MUST_CHECK;

/* Housekeeping, limit rows of each kind in one transaction at most. What goes, and when:
 *
 *   sessions        when they have expired (policy.session_ms after their last step)
 *   calls of ES2+   a day after they were answered: until then a repeated one gets its answer
 *   notifications   policy.retention_ms after they came, but for the last one of a profile on a
 *                   chip, by which older ones that come again are recognised; all of a profile
 *                   when its order is cancelled and it becomes Available again
 *   messages to     when they were delivered, or 30 days after they were made (smdpp/outbox.h)
 *   operators
 *
 * Notifications are looked through a stretch at a time, all of them within an hour or so. */
cr_status smdpp_purge(struct smdpp *dp, int64_t limit, struct cr_err *err) CR_MUST_CHECK;

#endif
