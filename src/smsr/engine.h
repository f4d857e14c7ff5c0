/*
 * The engine of the procedures, for the files of this folder: a run is one event of one procedure,
 * in one transaction.
 */
#ifndef CRISP_SMSR_ENGINE_H
#define CRISP_SMSR_ENGINE_H

#include "smsr/core.h"
#include "smsr/es5.h"
#include "smsr/fanout.h"
#include "smsr/radio.h"

struct smsr_run {
    struct smsr *sr;
    struct store_tx *tx;
    cr_arena *arena;
    int64_t now_ms;
    struct smsr_procedure p; /* written back when the event is over */
    struct smsr_euicc e;     /* likewise */
    enum smsr_event event;
    const struct smsr_script *script;             /* outcomes: that came to its end */
    const struct smsr_outcome *outcome;           /* likewise */
    const struct smsr_notification *notification; /* notifications */
    const struct soap_body *es7;                  /* what the other SM-SR asks, or answers */
    const struct m2m_call *call;                  /* of what it asks; NULL = it answers */
    uint16_t sw;                                  /* of the last R-APDU of an outcome; 0 = none */
    bool gone; /* the eUICC is not here, or not any more: nothing of e is written */
    struct smsr_told *news, **news_end; /* put out after the answer to the requester */
};

/* Each gives the state to go to; the engine holds it against the table. */
typedef cr_status (*smsr_start_fn)(struct smsr_run *run, enum smsr_proc_state *to,
                                   struct cr_err *err);
typedef cr_status (*smsr_event_fn)(struct smsr_run *run, enum smsr_proc_state *to,
                                   struct cr_err *err);
struct smsr_kind_ops {
    smsr_start_fn start;
    smsr_event_fn event;
};
extern const struct smsr_kind_ops smsr_kinds[SMSR_KINDS];

/* Moves a procedure by an event: kind's action, table, answer, row. run->p and run->e are loaded,
 * event and what comes with it are set. */
cr_status smsr_run_event(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;
/* Loads a procedure and its eUICC. */
cr_status smsr_run_load(struct smsr *sr, struct store_tx *tx, int64_t procedure, cr_arena *arena,
                        struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;
bool smsr_run_allows(const struct smsr_procedure *p, enum smsr_event event);

/* CR_REFUSED 1.2/4.4 when the eUICC is busy or being handed over. *holds: the procedure would hold
 * it; false: an audit beside a doubt. */
cr_status smsr_run_admit(struct store_tx *tx, const struct smsr_euicc *euicc, enum smsr_kind kind,
                         bool *holds, struct cr_err *err) CR_MUST_CHECK;

/* ---- what actions are made of ------------------------------------------------------------------
 */

enum smsr_send { SMSR_SEND_PLAIN = 0, SMSR_SEND_SWITCH = 1, SMSR_SEND_MORE = 2 };
/* Puts a script to ISD-R (target absent) or an ISD-P; commands is freed. */
cr_status smsr_run_send(struct smsr_run *run, cr_span target, cr_buf *commands, unsigned flags,
                        struct cr_err *err) CR_MUST_CHECK;
/* Puts the confirmation of run->notification. */
cr_status smsr_run_confirm(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;
/* The same for the last notification of the eUICC, in a packet of its own, by SMS: whatever it came
 * on is over. */
cr_status smsr_run_confirm_again(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;
/* Takes back the scripts of the procedure. */
cr_status smsr_run_recall(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;
/* True in *left when a script of it may have left for the eUICC and is not ended. */
cr_status smsr_run_has_left(struct smsr_run *run, bool *left, struct cr_err *err) CR_MUST_CHECK;
/* Adds to what the eUICC answered: EuiccResponseData. */
cr_status smsr_run_answered(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;

/* The requester is told EXPIRED now, and the procedure goes on. */
cr_status smsr_run_expired(struct smsr_run *run, const char *sentence,
                           struct cr_err *err) CR_MUST_CHECK;
/* Answers the requester with the result as it stands, once; the procedure goes on. */
cr_status smsr_run_answer(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;

/* True once the requester was told EXPIRED: what comes later changes the EIS, not the answer. */
bool smsr_run_told(const struct smsr_run *run);
/* The state to end with: EXPIRED when the requester was told so, else as asked. */
enum smsr_proc_state smsr_run_ends(const struct smsr_run *run, enum smsr_proc_state state);
/* FAILED (or a warning) with the codes of the outcome: refused by the eUICC, unreachable, no
 * answer.
 */
enum smsr_proc_state smsr_run_refused(struct smsr_run *run);
void smsr_run_warned(struct smsr_run *run);
/* FAILED (or a warning) with these codes and this sentence. */
enum smsr_proc_state smsr_run_failed(struct smsr_run *run, const char *subject, const char *reason,
                                     const char *sentence);
void smsr_run_warn(struct smsr_run *run, const char *subject, const char *reason,
                   const char *sentence);

/* A record of the audit trail about the target. status 0 = none. */
cr_status smsr_run_audit(struct smsr_run *run, uint16_t operation, enum soap_execution status,
                         struct cr_err *err) CR_MUST_CHECK;
/* The Profile is gone from the eUICC: row, memory, audit record, notifications. requester: of the
 * news. */
cr_status smsr_run_deleted(struct smsr_run *run, const struct smsr_profile *gone,
                           uint16_t operation, const char *requester,
                           struct cr_err *err) CR_MUST_CHECK;
/* Notifications about a Profile, as it is in *profile now; requester as in struct smsr_news. They
 * are put out by smsr_run_tell(), which the engine calls behind the answer. */
cr_status smsr_run_tell(struct smsr_run *run, struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_run_news(struct smsr_run *run, enum soap_name name,
                        const struct smsr_profile *profile, const char *requester,
                        struct cr_err *err) CR_MUST_CHECK;
/* Who gets the Response about the target: the requester on ES4, the owner when an SM-DP asked; NULL
 * when nobody waits any more. */
const char *smsr_run_requester(const struct smsr_run *run, const struct smsr_profile *target);

/* The target, or the other Profile; *found false: gone. */
cr_status smsr_run_profile(struct smsr_run *run, const char *iccid, struct smsr_profile *out,
                           bool *found, struct cr_err *err) CR_MUST_CHECK;

/* The eUICC says which Profile is enabled: rows follow. known false: no row has this AID, nothing
 * changed. */
struct smsr_followed {
    bool known, changed;
    struct smsr_profile now, was; /* was.iccid NULL = none */
};
cr_status smsr_follow(struct smsr_run *run, cr_span aid, struct smsr_followed *out,
                      struct cr_err *err) CR_MUST_CHECK;

/* ---- files of kinds ----------------------------------------------------------------------------
 */

cr_status smsr_start_switch(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_switch(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
/* The states of a switch, also that of a DELETE; to = DONE stands for "the switch is done". */
cr_status smsr_switch_part(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
/* The switch that was asked for: EIS, confirmation. */
cr_status smsr_switch_changed(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_delete(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_delete(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_create(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_create(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_attribute(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_attribute(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_data(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_data(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_audit(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_audit(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_change(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_change(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_start_takeover(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);
cr_status smsr_on_takeover(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err);

/* ---- doubt (doubt.c) ---------------------------------------------------------------------------
 */

/* Events of SETTLING and, but for late answers, of DOUBT are the same for all kinds. judge: the
 * EIS follows the eUICC now; did the command take effect? */
typedef cr_status (*smsr_judge_fn)(struct smsr_run *run, bool *done, struct cr_err *err);
cr_status smsr_settle(struct smsr_run *run, smsr_judge_fn judge, enum smsr_proc_state *to,
                      struct cr_err *err) CR_MUST_CHECK;
/* Goes there: puts the audit. */
cr_status smsr_begin_settling(struct smsr_run *run, enum smsr_proc_state *to,
                              struct cr_err *err) CR_MUST_CHECK;
/* Goes there, and leaves the eUICC some time to tell by itself: the audit comes after it. */
cr_status smsr_settle_later(struct smsr_run *run, enum smsr_proc_state *to,
                            struct cr_err *err) CR_MUST_CHECK;
/* The deadline of SENT or of a later state: EXPIRED when nothing left, else DOUBT. */
cr_status smsr_expire(struct smsr_run *run, enum smsr_proc_state *to,
                      struct cr_err *err) CR_MUST_CHECK;
/* Takes the answer to an audit script; *more: there is a rest, asked for. When it is complete the
 * EIS has followed. *good false: it is no answer. */
cr_status smsr_take_audit(struct smsr_run *run, bool *good, bool *more,
                          struct cr_err *err) CR_MUST_CHECK;

/* Called by smsr_script_end(). */
cr_status smsr_procedure_answered(struct smsr *sr, struct store_tx *tx,
                                  const struct smsr_script *script,
                                  const struct smsr_outcome *outcome,
                                  struct cr_err *err) CR_MUST_CHECK;
/* Puts off the one that is due first: it could not be moved. */
cr_status smsr_procedure_postpone(struct smsr *sr, struct store_tx *tx,
                                  struct cr_err *err) CR_MUST_CHECK;
/* Removes those that ended before a time. */
cr_status smsr_procedure_forget(struct store_tx *tx, int64_t before_ms, int64_t limit,
                                struct cr_err *err) CR_MUST_CHECK;

#endif
