/*
 * What the SM-DP remembers about a Profile and about a job, as tables (SGP.02 3.1, 3.2; the life of
 * a Profile at the SM-DP is our own).
 *
 * Both are stored with a revision and moved inside one transaction with everything that follows
 * from the move. A move that a table does not have is refused. The same tables draw the diagrams in
 * docs/smdp-states.md and feed the tests of impossible events.
 */
#ifndef CRISP_SMDP_STATE_H
#define CRISP_SMDP_STATE_H

#include "base/buf.h"

/* A Profile in the stock. */
enum smdp_state {
    SMDP_AVAILABLE = 1,
    SMDP_RESERVED,  /* a job has it; no ISD-P that is known */
    SMDP_CREATED,   /* its ISD-P is there and empty */
    SMDP_LOADING,   /* credentials may have left: never for another chip */
    SMDP_INSTALLED, /* the eUICC said so, and the SM-SR knows it */
    SMDP_FAILED,
    SMDP_DELETED,
    SMDP_STATES
};

enum smdp_move {
    SMDP_MOVE_RESERVE = 1, /* ES2 DownloadProfile */
    SMDP_MOVE_CREATE,      /* ES3 CreateISDP done */
    SMDP_MOVE_RELEASE,     /* failed, and the chip holds nothing */
    SMDP_MOVE_LOAD,        /* first segment sent */
    SMDP_MOVE_INSTALL,     /* ES3 ProfileDownloadCompleted done */
    SMDP_MOVE_FAIL,
    SMDP_MOVE_DELETE, /* ES3 DeleteISDP done, or HandleProfileDeletedNotification */
    SMDP_MOVES
};

const char *smdp_state_name(enum smdp_state state); /* "Available"; NULL = none */
const char *smdp_move_name(enum smdp_move move);
/* 0 = not allowed. */
enum smdp_state smdp_state_next(enum smdp_state from, enum smdp_move move);

/* Where a job stands: what it has asked the SM-SR for and waits to hear of. */
enum smdp_step {
    SMDP_STEP_QUEUED = 1, /* another download to this chip goes first */
    SMDP_STEP_EIS,        /* GetEIS */
    SMDP_STEP_CLEANING,   /* DeleteISDP of an ISD-P that an earlier job left behind */
    SMDP_STEP_CREATING,   /* CreateISDP */
    SMDP_STEP_CERTIFYING, /* SendData: CERT.DP.ECDSA */
    SMDP_STEP_AGREEING,   /* SendData: one-time key */
    SMDP_STEP_OPENING,    /* SendData: SCP03t session */
    SMDP_STEP_LOADING,    /* SendData: segments */
    SMDP_STEP_PREPARING,  /* SendData: token key for Master Delete */
    SMDP_STEP_COMPLETING, /* ProfileDownloadCompleted */
    SMDP_STEP_ENABLING,   /* EnableProfile */
    SMDP_STEP_UNDOING,    /* DeleteISDP after a failure */
    SMDP_STEP_RELAYING,   /* the function of ES2 on ES3 */
    SMDP_STEP_OPERATING,  /* UpdateConnectivityParameters: SCP03 commands to an ISD-P */
    SMDP_STEP_DONE,
    SMDP_STEP_FAILED,
    SMDP_STEPS
};

enum smdp_event {
    SMDP_EV_START = 1, /* the chip is free */
    SMDP_EV_OK,        /* done as asked, and nothing more to do in this step */
    SMDP_EV_MORE,      /* done as asked, the step goes on */
    SMDP_EV_BESIDE,    /* done as asked, and the order wants a side task first */
    SMDP_EV_FAILED,    /* not done, for sure: refused, or the eUICC answered with an error */
    SMDP_EV_LOST,      /* not known: expired, not reachable */
    SMDP_EV_LOCKED,    /* POL1 forbids the deletion */
    SMDP_EVENTS
};

const char *smdp_step_name(enum smdp_step step);    /* "loading" */
const char *smdp_event_name(enum smdp_event event); /* "lost" */
enum smdp_step smdp_step_next(enum smdp_step from, enum smdp_event event);
static inline bool smdp_step_ended(enum smdp_step step)
{
    return step == SMDP_STEP_DONE || step == SMDP_STEP_FAILED;
}

/* The tables as diagrams (Mermaid). */
void smdp_state_diagram(cr_buf *out);
void smdp_step_diagram(cr_buf *out);

#endif
