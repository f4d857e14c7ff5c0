/*
 * Procedures of the SM-SR on an eUICC: persistent state machines that survive a restart at any step
 * and end as done, failed or expired, never lost (SGP.02 3).
 *
 * A procedure is a row (kind, state, revision, data), moved in works of the store by events:
 *
 *     start      a request was admitted (rights, POL2, lock)       m2m handler
 *     answered   a script of it was executed, or could not be      smsr_script_end()
 *     notified   the eUICC sent a default notification             smsr_procedure_notified()
 *     tick       its deadline is over, or a timer of it            smsr_tick()
 *
 * Each event's transaction changes the EIS, the audit trail, the procedure, the scripts to come,
 * the answer to the requester and the notifications to everybody else, together. What an event in a
 * state leads to is one table (smsr_transitions), from which docs/smsr-states.md is drawn and the
 * tests of impossible events are made.
 *
 * One procedure at a time for one eUICC: a second gets 1.2/4.4. AuditEIS runs beside one in DOUBT,
 * and settles it.
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
    SMSR_PROC_CHANGE,     /* SMSRChange: this SM-SR hands over (handover.h) */
    SMSR_PROC_TAKEOVER,   /* PrepareSMSRChange and HandoverEUICC: this SM-SR takes over */
    SMSR_KINDS
};

/* Kept in the database: new ones come last. */
enum smsr_proc_state {
    SMSR_STATE_SENT = 1,   /* the command is on its way or executing */
    SMSR_STATE_DISABLING,  /* DELETE of an Enabled one: the disable part */
    SMSR_STATE_SWITCHING,  /* executed: the eUICC's notification is awaited */
    SMSR_STATE_CONFIRMING, /* the confirmation is on its way */
    SMSR_STATE_CLEANING,   /* POL2: deletion of the Profile that became Disabled */
    SMSR_STATE_SETTLING,   /* what the eUICC did is not known: an audit is on its way */
    SMSR_STATE_DOUBT,      /* as SETTLING, and the requester was told EXPIRED: waits */
    SMSR_STATE_DONE,
    SMSR_STATE_FAILED,
    SMSR_STATE_EXPIRED,
    /* CHANGE */
    SMSR_STATE_OFFERED,     /* HandoverEUICC was asked: the other SM-SR shows itself, or refuses */
    SMSR_STATE_CHALLENGED,  /* it has the random challenge: its key set is awaited */
    SMSR_STATE_ESTABLISHED, /* it has the receipt: whether it took over is its word */
    SMSR_STATE_ASKING,      /* its word is late: it is asked again and again */
    SMSR_STATE_CLEARING,    /* it did not take over: its key set is removed from the eUICC */
    /* TAKEOVER */
    SMSR_STATE_PREPARED,   /* HandoverEUICC is awaited */
    SMSR_STATE_FINALISING, /* taken over; FinaliseISDRhandover is on its way */
    SMSR_STATE_ADDRESSING, /* our addresses are on their way */
    SMSR_STATE_CERTIFYING, /* our certificate, for the SCP81 key set */
    SMSR_STATE_KEYING,     /* the SCP81 key set */
    SMSR_STATE_PAUSED,     /* the eUICC did not answer: the rest is tried again later */
    /* both */
    SMSR_STATE_AUTHENTICATING, /* our certificate is shown; its certificate goes to the eUICC */
    SMSR_STATE_ESTABLISHING,   /* the new SCP80 key set */
    SMSR_PROC_STATES
};

enum smsr_event {
    /* Outcomes of scripts (radio.h). */
    SMSR_EV_OK = 1,      /* the eUICC executed the script; the core looks at the status words */
    SMSR_EV_ERROR,       /* the script did not run: bad format, chaining, PoR status; in the core
                            also: a status word says no */
    SMSR_EV_UNREACHABLE, /* nothing of it left for the eUICC: no channel, no address */
    SMSR_EV_UNANSWERED,  /* it left, and no answer came after all tries, or the answer says that
                            an earlier copy was executed (counter low) */
    /* Default notifications. */
    SMSR_EV_CHANGED,     /* 02, or 05 for a disable: the Profile change that was asked for */
    SMSR_EV_ROLLED_BACK, /* 03 */
    SMSR_EV_FELL_BACK,   /* 05: the eUICC did it by itself */
    SMSR_EV_OTHER,       /* another Profile than expected is enabled */
    SMSR_EV_AUDITED,     /* an audit that somebody asked for settled the doubt */
    /* ES7: what the other SM-SR asks, and what it answers. */
    SMSR_EV_PREPARE,      /* PrepareSMSRChange once more, by the initiator */
    SMSR_EV_HANDOVER,     /* HandoverEUICC */
    SMSR_EV_AUTHENTICATE, /* AuthenticateSMSR */
    SMSR_EV_KEY_SET,      /* CreateAdditionalKeySet */
    SMSR_EV_PEER_DONE,    /* executed, perhaps with a warning */
    SMSR_EV_PEER_REFUSED,
    SMSR_EV_PEER_SILENT, /* no answer in time, or EXPIRED */
    /* Time. */
    SMSR_EV_DEADLINE, /* of the request; in DOUBT: long enough waited */
    SMSR_EV_AGAIN,    /* SETTLING: the next try of the audit */
    SMSR_EVENTS
};

#define SMSR_KIND(kind) (1U << (kind))

/* What may happen. An event in a state may lead to one of several states: one row each. */
struct smsr_transition {
    unsigned kinds; /* SMSR_KIND() bits */
    enum smsr_proc_state from;
    enum smsr_event event;
    enum smsr_proc_state to;
    const char *does; /* one line, for the diagram */
};
extern const struct smsr_transition smsr_transitions[]; /* ends with from 0 */

const char *smsr_kind_name(enum smsr_kind kind);              /* "EnableProfile" */
const char *smsr_proc_state_name(enum smsr_proc_state state); /* "switching" */
const char *smsr_event_name(enum smsr_event event);           /* "rolled back" */
bool smsr_proc_ended(enum smsr_proc_state state);             /* DONE, FAILED, EXPIRED */
/* docs/smsr-states.md: a diagram for each group of kinds. */
void smsr_states_markdown(cr_buf *out);

struct smsr_procedure {
    int64_t id, revision;
    enum smsr_kind kind;
    enum smsr_proc_state state;
    enum smsr_proc_state before; /* DOUBT, SETTLING: the state in which it was lost; PAUSED: with
                                    which to go on; else 0 */
    cr_span eid;
    int64_t exchange;      /* for m2m_answer(); 0 = ours, or answered */
    const char *requester; /* OID; NULL = this SM-SR */
    int function;          /* number of the table of functions; 0 = ours */
    const char *iccid;     /* target; NULL = none */
    const char *other; /* ENABLE: the Profile that gives way; DISABLE and DELETE of an Enabled one:
                          the Fall-Back Profile that takes over; attributes: the old holder; CHANGE
                          and TAKEOVER: the OID of the other SM-SR; NULL = none */
    cr_span aid;       /* of the target */
    cr_span data;      /* kind's own: commands still to be sent, RequiredMemory ... */
    cr_span response;  /* what the eUICC answered so far: EuiccResponseData */
    bool more_to_do;   /* SendData, CreateISDP */
    bool switched;     /* DELETE: the disable part is done; MASTER_DELETE: the eUICC says
                          that there is no such ISD-P, or no token key in it */
    int64_t started_ms, deadline_ms, ended_ms;
    int64_t due_ms;            /* when time is the next event; 0 = never */
    struct soap_status result; /* once it ended, or what it will end with */
};

/* Starts a procedure for a request: lock, row, first script. call->later is set. CR_REFUSED 1.2/4.4
 * when the eUICC is busy or being handed over. */
cr_status smsr_procedure_start(struct smsr *sr, struct m2m_call *call,
                               const struct smsr_procedure *what, struct cr_err *err) CR_MUST_CHECK;

/* As one of ours, without a requester: the period is from now. *id is its row. */
cr_status smsr_procedure_start_own(struct smsr *sr, struct store_tx *tx, cr_arena *arena,
                                   const struct smsr_procedure *what, int64_t period_ms,
                                   int64_t *id, struct cr_err *err) CR_MUST_CHECK;

/* CR_REFUSED: no such row. */
cr_status smsr_procedure_get(struct store_tx *tx, int64_t id, cr_arena *arena,
                             struct smsr_procedure *out, struct cr_err *err) CR_MUST_CHECK;

/* Procedures with id above after, of one eUICC (absent = all), oldest first, at most room. */
cr_status smsr_procedure_list(struct store_tx *tx, cr_span eid, bool open_only, int64_t after,
                              cr_arena *arena, struct smsr_procedure *out, size_t room,
                              size_t *count, struct cr_err *err) CR_MUST_CHECK;

/* The eUICC sent a default notification (SGP.02 4.1.1.11), authenticated. *confirm true: a
 * confirmation is the first script of this eUICC now (radio.h), for the same channel; false =
 * silence (SMS), 204 without Next-URI (HTTPS). CR_REFUSED 8.1.1/1.1: no eUICC of ours. */
struct smsr_notification {
    cr_span eid;
    uint8_t type;
    uint16_t number;
    cr_span aid;         /* of the Profile that is enabled now */
    cr_span imei, meid;  /* absent = not told */
    const char *from;    /* MSISDN it came from; NULL over HTTPS */
    int64_t received_ms; /* by the receiver, not when somebody had time for it */
};
cr_status smsr_procedure_notified(struct smsr *sr, struct store_tx *tx,
                                  const struct smsr_notification *notification, bool *confirm,
                                  struct cr_err *err) CR_MUST_CHECK;

/* A script came to its end: smsr_script_end() calls it. */
struct smsr_outcome {
    int64_t script;
    enum smsr_event event; /* OK, ERROR, UNREACHABLE, UNANSWERED */
    cr_span response; /* response TLVs without AB/AF and without 80 (23 ..., 84, 85, 86, 9F4x, 83,
                         90); absent = none */
    const char *why;  /* ERROR, UNREACHABLE, UNANSWERED: a sentence; NULL = none */
};

/* Deadlines and other times that are over. At most limit in one transaction; *more = there are
 * others. */
cr_status smsr_procedure_tick(struct smsr *sr, struct store_tx *tx, int64_t limit, bool *more,
                              struct cr_err *err) CR_MUST_CHECK;

/* Master Delete (SGP.02 3.3.1.4 and off-card 7.10): an administrative request. The token is that of
 * the SM-DP. Runs in a transaction of its own; *id is the procedure, to be watched. CR_REFUSED with
 * the codes of DeleteProfile. */
struct smsr_delete_token {
    cr_span provider_id;          /* 42 */
    cr_span image_number;         /* 45 */
    cr_span application_provider; /* 5F20 */
    cr_span token_id;             /* 93 */
    cr_span token;                /* 9E, 16 bytes */
};
/* Its five objects as TLVs (42, 45, 5F20, 93 of 1 to 32 bytes, 9E of 16), in any order, each once,
 * nothing else: as an SM-DP gives them out. Spans point into tlvs. CR_MALFORMED. */
cr_status smsr_delete_token_read(cr_span tlvs, struct smsr_delete_token *out,
                                 struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_master_delete(struct smsr *sr, cr_span eid, const char *iccid, const char *initiator,
                             const struct smsr_delete_token *token, int64_t *id,
                             struct cr_err *err) CR_MUST_CHECK;

#endif
