/*
 * Scripts on their way to an eUICC: what the procedures want executed, over SMS, HTTPS or CAT_TP
 * (ES5). A script is a row; the engines of the channels take it, and give back an outcome in the
 * transaction that moves its procedure.
 *
 *     procedure -> smsr_script_put() -> row, state queued
 *     engine    -> smsr_script_take(): channel chosen (SGP.02 off-card sheet 7.18), secured packet
 *                  made under a fresh counter and committed, then sent
 *     chip's answer, or none after all tries -> smsr_script_end() -> smsr_procedure_answered()
 *
 * Scripts of one eUICC are executed in order, one at a time.
 */
#ifndef CRISP_SMSR_RADIO_H
#define CRISP_SMSR_RADIO_H

#include "ota/script.h"
#include "smsr/procedure.h"

enum smsr_channel { SMSR_SMS = 1, SMSR_HTTPS, SMSR_CATTP };

#define SMSR_SCRIPT_MAX 8192 /* bytes of commands in one script */

struct smsr_script {
    int64_t id, procedure;
    cr_span eid;
    cr_span target;       /* AID; absent = ISD-R */
    cr_span commands;     /* command TLVs (22, 84, 85, 86), without template and without 83 */
    bool more_to_do;      /* ES3 MoreToDo: keep the session, chain the next script to this one */
    bool is_switch;       /* enable or disable: the session ends with its answer */
    bool is_confirmation; /* goes back on the channel of the notification */
    int64_t deadline_ms;
};

cr_status smsr_script_put(struct smsr *sr, struct store_tx *tx, const struct smsr_script *script,
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
