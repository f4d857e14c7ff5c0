/*
 * The life of a profile at the SM-DP+ as a table (SGP.22 3.1.6).
 *
 * A profile's state is stored with a revision and moved by compare-and-set; a move that the table
 * does not have is refused. The same table draws the diagram in docs/ and feeds the tests of
 * illegal moves.
 */
#ifndef CRISP_SMDPP_STATE_H
#define CRISP_SMDPP_STATE_H

#include "base/buf.h"

enum smdpp_state {
    SMDPP_AVAILABLE = 1, /* in the inventory, not ordered */
    SMDPP_ALLOCATED,     /* reserved by DownloadOrder without EID */
    SMDPP_LINKED,        /* reserved by DownloadOrder with EID */
    SMDPP_CONFIRMED,     /* MatchingID given, held back by the operator */
    SMDPP_RELEASED,      /* may be downloaded */
    SMDPP_DOWNLOADED,    /* the BPP went out, no result yet */
    SMDPP_INSTALLED,     /* the chip said so */
    SMDPP_ENABLED,
    SMDPP_DISABLED,
    SMDPP_DELETED,
    SMDPP_ERROR,
    SMDPP_UNAVAILABLE,
    SMDPP_STATES /* count + 1 */
};

enum smdpp_event {
    SMDPP_EV_DOWNLOAD_ORDER = 1, /* ES2+ DownloadOrder without EID */
    SMDPP_EV_DOWNLOAD_ORDER_EID,
    SMDPP_EV_CONFIRM,          /* ConfirmOrder releaseFlag false */
    SMDPP_EV_CONFIRM_RELEASE,  /* ConfirmOrder releaseFlag true */
    SMDPP_EV_RELEASE,          /* ReleaseProfile */
    SMDPP_EV_BPP,              /* GetBoundProfilePackage answered */
    SMDPP_EV_ATTEMPTS,         /* download or confirmation-code attempts exceeded */
    SMDPP_EV_NOT_ELIGIBLE,     /* eligibility check failed */
    SMDPP_EV_POSTPONED,        /* CancelSession postponed or timeout */
    SMDPP_EV_CANCELLED,        /* CancelSession with another reason */
    SMDPP_EV_EXPIRED,          /* download order expired */
    SMDPP_EV_INSTALLED,        /* ProfileInstallationResult success */
    SMDPP_EV_INSTALL_RETRY,    /* ... insufficient memory or interruption */
    SMDPP_EV_INSTALL_FAILED,   /* ... any other error */
    SMDPP_EV_CANCEL_AVAILABLE, /* CancelOrder Available */
    SMDPP_EV_CANCEL_UNAVAILABLE,
    SMDPP_EV_ENABLE, /* notifications of the chip */
    SMDPP_EV_DISABLE,
    SMDPP_EV_DELETE,
    SMDPP_EVENTS /* count + 1 */
};

const char *smdpp_state_name(enum smdpp_state state); /* "Released"; NULL = no such state */
const char *smdpp_event_name(enum smdpp_event event); /* "releaseProfile" */

/* The state after the event, or 0 when the event is not allowed in that state. */
enum smdpp_state smdpp_state_next(enum smdpp_state from, enum smdpp_event event);

/* The table as a diagram (Mermaid), for docs/smdpp-states.md. */
void smdpp_state_diagram(cr_buf *out);

#endif
