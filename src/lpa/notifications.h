/*
 * Notifications (SGP.22 3.5): the eUICC keeps each until a server acknowledged it.
 *
 * Order is part of the promise: to one address strictly by sequence number, the next only after the
 * one before was acknowledged. Different addresses do not wait for each other.
 */
#ifndef CRISP_LPA_NOTIFICATIONS_H
#define CRISP_LPA_NOTIFICATIONS_H

#include "lpa/es10.h"
#include "lpa/es9.h"

#define LPA_MAX_NOTIFICATIONS 4096 /* on one eUICC; the list is searched for each of them */

/* What happens to the notifications that an operation made. */
enum lpa_notify {
    LPA_NOTIFY_OPERATION, /* send those of the operation, and what the order puts before them */
    LPA_NOTIFY_NONE,      /* they stay on the eUICC */
    LPA_NOTIFY_ALL        /* send everything that is pending */
};

struct lpa_notification {
    int64_t seq_number;
    uint64_t event; /* one enum rsp_notification_event */
    cr_span address;
    cr_span iccid; /* absent: not told */
};

struct lpa_notification_list {
    struct lpa_notification *items; /* by seq_number */
    size_t count;
};

/* "install", "enable", "disable", "delete", ...; "unknown". */
const char *lpa_notification_event_name(uint64_t event);

cr_status lpa_notification_list(struct lpa *lpa, cr_arena *arena, struct lpa_notification_list *out,
                                struct cr_err *err) CR_MUST_CHECK;

enum lpa_sent {
    LPA_SENT,             /* acknowledged and removed */
    LPA_SENT_KEPT,        /* acknowledged, left on the eUICC as asked for */
    LPA_SENT_NOT_REMOVED, /* acknowledged, but the eUICC did not remove it: it would go out again */
    LPA_SENT_FAILED,      /* not acknowledged */
    LPA_SENT_WAITING      /* not tried: an older one to the same address failed */
};
const char *lpa_sent_name(enum lpa_sent sent); /* "sent", "kept", ... */

/* What became of one notification; err is of FAILED and NOT_REMOVED, else NULL. */
typedef void lpa_sent_fn(void *ctx, const struct lpa_notification *notification, enum lpa_sent sent,
                         const struct cr_err *err);

struct lpa_send_options {
    const int64_t *seq_numbers; /* only these, and older ones to the same addresses */
    size_t seq_count;
    bool all;            /* everything pending; seq_numbers is not looked at */
    bool keep;           /* leave acknowledged ones on the eUICC */
    lpa_sent_fn *report; /* NULL = none */
    void *ctx;
};

struct lpa_send_result {
    size_t sent;            /* acknowledged */
    size_t failed;          /* not acknowledged, or not removed */
    size_t waiting;         /* behind a failed one */
    struct cr_err first;    /* of the first failure */
    struct lpa_where where; /* likewise */
};

/* Sends. CR_OK also when some could not be sent: look at *result. CR_REFUSED when a number asked
 * for is not pending; other failures: the list could not be read. */
cr_status lpa_notification_send(struct lpa *lpa, const struct lpa_send_options *options,
                                struct lpa_send_result *result, struct cr_err *err) CR_MUST_CHECK;

/* Sends what an operation left: everything pending now that is not in `before`, and older ones to
 * the same addresses; or all, or nothing, by policy. */
cr_status lpa_notification_send_new(struct lpa *lpa, enum lpa_notify policy,
                                    const struct lpa_notification_list *before, lpa_sent_fn *report,
                                    void *ctx, struct lpa_send_result *result,
                                    struct cr_err *err) CR_MUST_CHECK;

/* Removes without sending. An unsent delete notification is refused unless force: without it the
 * operator takes the profile for installed, and will often not let it be installed again. */
cr_status lpa_notification_remove(struct lpa *lpa, int64_t seq_number, bool force,
                                  struct cr_err *err) CR_MUST_CHECK;

#endif
