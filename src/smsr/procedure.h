/*
 * Procedures of the SM-SR on an eUICC: persistent state machines that survive a restart at any step
 * and end as done, failed or expired, never lost (SGP.02 3).
 *
 * A procedure is a row (kind, state, revision, data), moved in works of the store by events:
 *
 *     start      a request was admitted (rights, POL2, lock)       m2m handler
 *     answered   a script of it was executed, or could not be      smsr/radio.h
 *     notified   the eUICC sent a default notification              smsr/radio.h
 *     tick       its deadline is over, or a timer of it              smsr_tick()
 *
 * Each event's transaction changes the EIS, the audit trail, the procedure, the scripts to come,
 * the answer to the requester and the notifications to everybody else, together. What an event in a
 * state leads to is one table (smsr_transitions), from which docs/smsr-states.md is drawn and the
 * tests of impossible events are made.
 *
 * One platform procedure (enable, disable, delete, attributes, Master Delete) for one eUICC at a
 * time: a second gets 1.2/4.4. CreateISDP and SendData run while none of those does.
 */
#ifndef CRISP_SMSR_PROCEDURE_H
#define CRISP_SMSR_PROCEDURE_H

#include "smsr/eis.h"

enum smsr_kind {
    SMSR_PROC_ENABLE = 1,
    SMSR_PROC_DISABLE,
    SMSR_PROC_DELETE,
    SMSR_PROC_CREATE_ISDP,
    SMSR_PROC_SEND_DATA,
    SMSR_PROC_AUDIT,
    SMSR_PROC_CONNECTIVITY,
    SMSR_PROC_FALLBACK,  /* SetFallBackAttribute */
    SMSR_PROC_EMERGENCY, /* SetEmergencyProfileAttribute */
    SMSR_PROC_MASTER_DELETE,
    SMSR_PROC_ADDRESSING, /* UpdateSMSRAddressingParameters */
    SMSR_KINDS
};

enum smsr_proc_state {
    SMSR_STATE_SENT = 1,   /* the command is on its way or executing */
    SMSR_STATE_SWITCHING,  /* executed: the eUICC's notification is awaited */
    SMSR_STATE_CONFIRMING, /* the confirmation is on its way */
    SMSR_STATE_CLEANING,   /* POL2: deletion of the Profile that became Disabled */
    SMSR_STATE_DISABLING,  /* DELETE of an Enabled one: the disable part; then as SENT */
    SMSR_STATE_DOUBT,      /* the requester was told EXPIRED; what the eUICC did is not known */
    SMSR_STATE_DONE,
    SMSR_STATE_FAILED,
    SMSR_STATE_EXPIRED,
    SMSR_PROC_STATES
};

enum smsr_event {
    SMSR_EV_OK = 1,      /* the script was executed, SW 9000 */
    SMSR_EV_ERROR,       /* the eUICC refused (status word, POL1) */
    SMSR_EV_UNREACHABLE, /* no channel, or no answer after all tries */
    SMSR_EV_CHANGED,     /* notification 02 or 05: Profile change done */
    SMSR_EV_ROLLED_BACK, /* notification 03 */
    SMSR_EV_DEADLINE,
    SMSR_EVENTS
};

struct smsr_transition {
    enum smsr_kind kind; /* 0 = all kinds that have the state */
    enum smsr_proc_state from;
    enum smsr_event event;
    enum smsr_proc_state to;
    const char *does; /* one line, for the diagram */
};
extern const struct smsr_transition smsr_transitions[]; /* ends with from 0 */

const char *smsr_kind_name(enum smsr_kind kind);              /* "EnableProfile" */
const char *smsr_proc_state_name(enum smsr_proc_state state); /* "switching" */

struct smsr_procedure {
    int64_t id, revision;
    enum smsr_kind kind;
    enum smsr_proc_state state;
    cr_span eid;
    int64_t exchange;      /* of m2m_answer(); 0 = ours */
    const char *requester; /* OID; NULL = this SM-SR */
    int function;          /* number of the table of functions; 0 = ours */
    const char *iccid;     /* target; NULL = none */
    const char *former;    /* ICCID that gave way; NULL = none */
    cr_span aid;           /* of the target */
    cr_span data;          /* kind's own: SendData's commands, RequiredMemory ... */
    cr_span response;      /* what the eUICC answered so far: EuiccResponseData */
    int64_t started_ms, deadline_ms, ended_ms;
    struct soap_status result; /* once it ended */
};

/* Starts a procedure for a request: lock, row, first script. call->later is set. */
cr_status smsr_procedure_start(struct smsr *sr, struct m2m_call *call,
                               const struct smsr_procedure *what, struct cr_err *err) CR_MUST_CHECK;

/* The eUICC sent a default notification (SGP.02 4.1.1.11), authenticated. confirm: a confirmation
 * script shall go out (in the same channel); false = silence. */
struct smsr_notification {
    cr_span eid;
    uint8_t type;
    uint16_t number;
    cr_span aid;        /* of the Profile that is enabled now */
    cr_span imei, meid; /* absent = not told */
    const char *from;   /* MSISDN it came from; NULL over HTTPS */
    int64_t received_ms;
};
cr_status smsr_procedure_notified(struct smsr *sr, struct store_tx *tx,
                                  const struct smsr_notification *notification, bool *confirm,
                                  struct cr_err *err) CR_MUST_CHECK;

/* A script of a procedure came to its end (radio.h). */
struct smsr_outcome {
    int64_t script, procedure;
    enum smsr_event event; /* OK, ERROR, UNREACHABLE */
    cr_span response; /* response TLVs without AB/AF (23 ..., 84, 85, 86, 9F4x); absent = none */
    uint16_t status_word; /* of the last R-APDU; 0 = none */
};
cr_status smsr_procedure_answered(struct smsr *sr, struct store_tx *tx,
                                  const struct smsr_outcome *outcome,
                                  struct cr_err *err) CR_MUST_CHECK;

/* Deadlines. At most limit in one transaction; *more = there are others. */
cr_status smsr_procedure_tick(struct smsr *sr, struct store_tx *tx, int64_t limit, bool *more,
                              struct cr_err *err) CR_MUST_CHECK;

#endif
