/*
 * ES5 over SMS (SGP.02 2.4.3.1), and who decides where a script goes: looks at the scripts that are
 * due, chooses their channel, sends and repeats what goes by SMS (packets, the triggers of HTTPS
 * sessions, the push SMS of CAT_TP links), takes what comes back.
 *
 * No socket: messages go out through submit() and come in by smsr_sms_received(). Everything that
 * has to survive a restart is in the rows of the scripts and of smsr/air.h; a packet leaves after
 * the commit of its counter. Lost with the process: segments of an answer that is not complete.
 *
 * smsr_sms_run() is called from one thread; the others from any.
 */
#ifndef CRISP_SMSR_SMS_H
#define CRISP_SMSR_SMS_H

#include "net/smpp.h"
#include "smsr/radio_config.h"

#define SMSR_LINK_SDU 8192 /* bytes of an SDU of CAT_TP that we take, and ask the eUICC to take */

struct smsr_sms_options {
    struct smsr *sr;
    const struct smsr_radio_config *config;
    void *ctx; /* of the functions */
    /* Hands a message to an SMSC; ref names it in smsr_sms_undelivered(). A failure is logged and
     * counts as a lost message. */
    cr_status (*submit)(void *ctx, const struct smsr_smsc *smsc, const struct smpp_message *message,
                        uint64_t ref, struct cr_err *err);
    /* Does the eUICC have an HTTPS session? NULL: HTTPS is not served. */
    bool (*has_session)(void *ctx, cr_span eid);
    /* Does the eUICC have a CAT_TP link? NULL: CAT_TP is not served. */
    bool (*has_link)(void *ctx, cr_span eid);
    /* A push SMS leaves: the eUICC's link is expected. NULL = nobody wants to know. */
    void (*pushed)(void *ctx, cr_span eid);
    /* A script waits for its next POST, or for the link; after the commit. NULL likewise. */
    void (*session_due)(void *ctx, cr_span eid);
};

struct smsr_sms;
cr_status smsr_sms_new(const struct smsr_sms_options *options, struct smsr_sms **out,
                       struct cr_err *err) CR_MUST_CHECK;
void smsr_sms_free(struct smsr_sms *sms); /* NULL allowed */

/* Looks at what is due, once. *next_ms: when something will be (now or before: at once; 0 = nothing
 * is known). */
cr_status smsr_sms_run(struct smsr_sms *sms, int64_t *next_ms, struct cr_err *err) CR_MUST_CHECK;

/* A message for us: the answer to the SMSC. SMPP_OK also when it is dropped: forged, replayed,
 * unknown; SMPP_SYSTEM when our own side failed, so that it comes again. */
uint32_t smsr_sms_received(struct smsr_sms *sms, const struct smpp_message *message);

/* The same without waiting for the disk: answered is called once, with what the SMSC is answered,
 * perhaps before this returns, or on another thread, where it must be quick. What came first is
 * taken first. */
void smsr_sms_arrived(struct smsr_sms *sms, const struct smpp_message *message,
                      void (*answered)(void *ctx, uint32_t status), void *ctx);

/* The SMSC says that a message was not delivered and never will be: lost, sent again. */
void smsr_sms_undelivered(struct smsr_sms *sms, uint64_t ref);

#endif
