/*
 * SM-SR change (SGP.02 3.8, 5.6, 5.5.12, 5.5.13): what both ends of it share.
 *
 *   SMSR_PROC_CHANGE    change_from.c: the SM-SR that hands an eUICC over
 *   SMSR_PROC_TAKEOVER  change_to.c: the one that takes it over, until its key set is on the eUICC;
 *                       change_finish.c: what follows then
 *
 * The matching receipt is the commit point: from then on the eUICC is the new SM-SR's, whatever
 * happens. Before it the EIS lies there as arriving, and is dropped when anything fails.
 */
#ifndef CRISP_SMSR_HANDOVER_H
#define CRISP_SMSR_HANDOVER_H

#include "ota/establish.h"
#include "smsr/engine.h"

extern const char smsr_handover_schema[]; /* one step of the migrations */

#define SMSR_FIRST_COUNTER 1 /* InitialSequenceCounter of a key set that we have made */

/* One row for each procedure of the two kinds. Spans live in the arena given to the reader. */
struct smsr_handover {
    int64_t procedure;
    const char *call;    /* FunctionCallIdentifier of HandoverEUICC; NULL = not yet */
    int64_t exchange;    /* CHANGE: request on ES7 that waits for the eUICC; 0 = none */
    cr_span certificate; /* CHANGE: CERT.SR.ECDSA of the other one */
    cr_span challenge;   /* RC */
    cr_span objects;     /* TAKEOVER: 3A02 and 7F49, as signed */
    cr_span one_time;    /* TAKEOVER: eSK.SR, sealed; absent = used up */
    cr_span versions;    /* TAKEOVER: of the key sets that were on the eUICC, a byte each */
    uint8_t version;     /* of the new SCP80 key set */
    bool deletes;        /* CHANGE: the new key set takes the place of the old ones */
    bool committed;      /* TAKEOVER: the receipt matched */
    bool announced;      /* TAKEOVER: the parties were told */
    int tries;           /* TAKEOVER: of the rest */
};

/* CR_INTERNAL: there is none. */
cr_status smsr_handover_get(struct store_tx *tx, int64_t procedure, cr_arena *arena,
                            struct smsr_handover *out, struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_handover_put(struct store_tx *tx, const struct smsr_handover *handover,
                            struct cr_err *err) CR_MUST_CHECK;

/* An Operator; an M2M SP where the policy says so. CR_REFUSED 1.6/1.2. */
cr_status smsr_may_initiate(const struct smsr *sr, const struct m2m_call *call,
                            struct cr_err *err) CR_MUST_CHECK;
/* Another SM-SR that is configured, with an address: CR_REFUSED 8.7/3.9. */
cr_status smsr_find_peer(const struct smsr *sr, cr_span oid, const struct m2m_party **out,
                         struct cr_err *err) CR_MUST_CHECK;

/* Asks the other SM-SR (run->p.other). The answer is an event of the procedure. */
cr_status smsr_handover_ask(struct smsr_run *run, enum soap_name name, const struct soap_body *body,
                            int64_t deadline_ms, struct cr_err *err) CR_MUST_CHECK;
/* m2m_answer_handler; ctx is the struct smsr. */
cr_status smsr_handover_answered(void *ctx, const struct m2m_answered *answer, struct cr_err *err);

/* FAILED with what the other SM-SR said. */
void smsr_handover_refused(struct smsr_run *run);

/* ---- the off-card entity's part of a key establishment (handover_keys.c) -----------------------
 */

/* What we show on the curve of the eUICC's ECASD. CR_REFUSED 8.1/1.2: nothing. */
cr_status smsr_identity_for(const struct smsr *sr, const struct smsr_euicc *euicc,
                            const struct smsr_identity **out, struct cr_err *err) CR_MUST_CHECK;
/* One of ours at least is valid now: CR_REFUSED 8.1/1.2, 8.5.3/6.1, 8.5.3/6.3. */
cr_status smsr_identity_check(const struct smsr *sr, struct cr_err *err) CR_MUST_CHECK;

/* Makes a one-time key and signs the template for handover->challenge: objects and one_time are
 * filled; point gets ePK.SR. */
cr_status smsr_keys_begin(struct smsr_run *run, const struct establish_template *t,
                          struct smsr_handover *handover, uint8_t point[CRYPTO_POINT],
                          uint8_t signature[CRYPTO_SIGNATURE], struct cr_err *err) CR_MUST_CHECK;
/* Derives the keys and compares the receipt; one_time is used up. CR_REFUSED 8.5.2/6.1 when the
 * receipt is wrong. */
cr_status smsr_keys_finish(struct smsr_run *run, struct smsr_handover *handover, cr_span dr,
                           cr_span receipt, struct establish_keys *keys,
                           struct cr_err *err) CR_MUST_CHECK;
/* Puts the keys that were derived for the template of objects as a key set. */
cr_status smsr_keys_keep(struct smsr_run *run, const struct smsr_handover *handover,
                         const struct establish_keys *keys, struct cr_err *err) CR_MUST_CHECK;

/* ---- after the commit point (change_finish.c) --------------------------------------------------
 */

/* Puts the script of FINALISING, ADDRESSING or CERTIFYING, or of the first state behind it that has
 * something to do; when none has, the procedure is DONE. */
cr_status smsr_finish_step(struct smsr_run *run, struct smsr_handover *handover,
                           enum smsr_proc_state step, enum smsr_proc_state *to,
                           struct cr_err *err) CR_MUST_CHECK;
/* Events of these states, KEYING and PAUSED. */
cr_status smsr_on_finish(struct smsr_run *run, enum smsr_proc_state *to,
                         struct cr_err *err) CR_MUST_CHECK;

/* Our addresses for an eUICC whose enabled Profile has this Msisdn: contents of DGI 3A07
 * (addressing.c). What we do not have is erased: the one of the SM-SR before. */
cr_status smsr_addressing(const struct smsr_radio_config *config, const struct smsr_euicc *euicc,
                          const char *msisdn, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

#endif
