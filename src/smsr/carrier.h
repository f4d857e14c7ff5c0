/*
 * What the engines of the channels share: what is known for the choice of a channel, the script as
 * it leaves, the answer as it comes back.
 */
#ifndef CRISP_SMSR_CARRIER_H
#define CRISP_SMSR_CARRIER_H

#include "smsr/packet.h"
#include "smsr/radio_config.h"

/* A script that is looked at, with all that belongs to it, in one transaction. */
struct smsr_carrier {
    struct smsr *sr;
    const struct smsr_radio_config *config;
    struct store_tx *tx;
    cr_arena *arena;
    int64_t now_ms;
    struct smsr_script s;
    struct smsr_euicc e;
    struct smsr_air air;
    char number[SMSR_NUMBER + 1]; /* where a short message goes now; empty = nowhere */
    const struct smsr_smsc *smsc; /* that serves it; NULL = nobody */
};

/* What an eUICC is called back with when its link broke while it had a script: two more push SMS,
 * under counters below the script's. If it has executed the script it refuses them. */
#define SMSR_CALL_BACKS 2

/* Fills e, air and number from s.eid. */
cr_status smsr_carrier_load(struct smsr_carrier *c, struct cr_err *err) CR_MUST_CHECK;

/* open: the session that the eUICC has, 0 = none; https: sessions are served here. */
cr_status smsr_carrier_reach(struct smsr_carrier *c, enum smsr_channel open, bool https,
                             struct smsr_reach *out, struct cr_err *err) CR_MUST_CHECK;

/* Appends the script as it goes out, and moves the chain of the eUICC in c->air (to be written
 * back). */
cr_status smsr_carrier_write(struct smsr_carrier *c, enum ota_form form, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* The end of the script: writes c->air, gives the outcome on. response: TLVs; why NULL with OK. */
cr_status smsr_carrier_end(struct smsr_carrier *c, enum smsr_event event, cr_span response,
                           const char *why, struct cr_err *err) CR_MUST_CHECK;
/* The same with a response script (absent = none) that proves that the eUICC took the script. */
cr_status smsr_carrier_answered(struct smsr_carrier *c, cr_span response,
                                struct cr_err *err) CR_MUST_CHECK;
/* The answer to a secured packet: as its status says the end of the script, or nothing yet. */
cr_status smsr_carrier_proved(struct smsr_carrier *c, const struct ota_response *response,
                              bool *ended, struct cr_err *err) CR_MUST_CHECK;

#endif
