/*
 * Scripts on their way to an eUICC: what the procedures want executed, over SMS, HTTPS or CAT_TP
 * (ES5). A script is a row; the engines of the channels take it, and give back an outcome in the
 * transaction that moves its procedure.
 *
 * - A procedure puts a script: smsr_script_put(). It is a row, queued; smsr_on_script() is called
 *   after the commit.
 * - An engine asks what has to be done now: smsr_script_due(). In one transaction the channel is
 *   chosen (smsr_channel_choose()), the secured packet made under a fresh counter
 *   (smsr_keyset_count()), and smsr_script_sent() says so; then it is sent.
 * - No answer in time: the same packet again, and smsr_script_sent() once more.
 * - The chip's answer, or none after all tries: smsr_script_end(), which moves the procedure.
 *
 * Scripts of one eUICC are executed one at a time: confirmations first, then in order. A procedure
 * may take a script back (it ended): ending a script that is not there any more is no error.
 */
#ifndef CRISP_SMSR_RADIO_H
#define CRISP_SMSR_RADIO_H

#include "smsr/procedure.h"

enum smsr_channel { SMSR_SMS = 1, SMSR_HTTPS, SMSR_CATTP };

/* Bytes of commands in one script, if there is more than one TLV: with all that goes around them
 * they fit an SDU of CAT_TP. */
#define SMSR_SCRIPT_MAX 8000

struct smsr_script {
    int64_t id, procedure; /* procedure 0: confirmation of a notification that nobody asked for */
    cr_span eid;
    cr_span target;       /* AID; absent = ISD-R */
    cr_span commands;     /* command TLVs (22, 84, 85, 86), without template and without 83 */
    bool more_to_do;      /* more follows in the same session: keep it, chain the next script */
    bool is_switch;       /* enable or disable: the session ends with its answer */
    bool is_confirmation; /* goes back on the channel of the notification */
    int64_t deadline_ms;
    /* The engine's. */
    bool left;                 /* a copy of it may have left for the eUICC */
    enum smsr_channel channel; /* chosen, or that of the notification; 0 = not yet */
    int attempts;              /* copies; triggers: until it leaves, and from then on */
    int64_t next_ms;           /* when the engine has to look at it again */
    cr_span packet; /* what was sent, for the repetition octet for octet; absent = nothing */
    uint8_t keyset; /* version */
    uint64_t counter;
    const char *uri; /* HTTPS: that its result will come to; NULL = it has not left */
};
extern const char smsr_script_uri_schema[]; /* one step of the migrations */

/* Puts a script: id, and what is the engine's, are not looked at but channel. */
cr_status smsr_script_put(struct smsr *sr, struct store_tx *tx, const struct smsr_script *script,
                          struct cr_err *err) CR_MUST_CHECK;

/* The script of an eUICC whose turn it is: one that left and is not ended, else a confirmation,
 * else the oldest. *found false = none. */
cr_status smsr_script_current(struct store_tx *tx, cr_span eid, cr_arena *arena,
                              struct smsr_script *out, bool *found,
                              struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_script_get(struct store_tx *tx, int64_t id, cr_arena *arena, struct smsr_script *out,
                          bool *found, struct cr_err *err) CR_MUST_CHECK;

/* Current scripts (of different eUICCs) whose next_ms is not after now, longest waiting first.
 * *next_ms (may be NULL): when the next one is due; 0 = none. */
cr_status smsr_script_due(struct store_tx *tx, int64_t now_ms, cr_arena *arena,
                          struct smsr_script *out, size_t room, size_t *count, int64_t *next_ms,
                          struct cr_err *err) CR_MUST_CHECK;

/* Writes the engine's members. left stays true once it was. */
cr_status smsr_script_sent(struct store_tx *tx, const struct smsr_script *script,
                           struct cr_err *err) CR_MUST_CHECK;

/* Ends a script and moves its procedure. In the transaction; m2m_poke(smsr_messenger()) after it.
 */
cr_status smsr_script_end(struct smsr *sr, struct store_tx *tx, const struct smsr_outcome *outcome,
                          struct cr_err *err) CR_MUST_CHECK;

/* What decides the channel; pure, so that it is one table in one place. */
struct smsr_reach {
    enum smsr_channel open;             /* a session is open: 0 = none */
    bool http, cattp;                   /* supported, with a key set */
    unsigned failed_http, failed_cattp; /* openings in the last hour */
    size_t packet;                      /* bytes of the secured packet */
    bool more_to_do, is_switch, is_confirmation;
    enum smsr_channel notification; /* channel that the notification came on */
    bool sms_slow;                  /* round trip above 5 s, or 2 of the last 10 lost */
    bool has_msisdn;
    enum smsr_channel forced; /* by configuration, for the eUICC or all; 0 = none */
};
/* CR_REFUSED 8.1.1/5.1: none fits. *reason (a literal) says why, for the log. */
cr_status smsr_channel_choose(const struct smsr_reach *reach, enum smsr_channel *out,
                              const char **reason, struct cr_err *err) CR_MUST_CHECK;

#endif
