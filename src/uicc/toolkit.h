/*
 * The card's toolkit session (ETSI TS 102 223): what the layers above ask of the terminal and hear
 * from it. Proactive commands are queued here, announced by 91xx, fetched and answered one at a
 * time; ENVELOPEs go to who wants them. Channels (BIP) have a header of their own, uicc/bip.h.
 *
 * The session begins with TERMINAL PROFILE: a terminal that sends none has no toolkit and is not
 * bothered, and nothing that the profile does not offer is sent. All of it is RAM and ends with the
 * power: at a reset each owner of something that is lost is told.
 *
 * When functions may be called: from any callback of the card (inside the transaction of a command)
 * and from outside of a command. What was asked for inside a command whose changes could not be
 * committed (6581 to the terminal) did not happen, and a TERMINAL RESPONSE or ENVELOPE of such a
 * command may come, and call, once more. Callbacks that tell of a reset come without a transaction:
 * they may touch RAM and may queue things for the next session, but not write to the memory.
 */
#ifndef CRISP_UICC_TOOLKIT_H
#define CRISP_UICC_TOOLKIT_H

#include "uicc/cat.h"
#include "uicc/sw.h"

#define UICC_MAX_PROACTIVE      16 /* waiting proactive commands */
#define UICC_MAX_TOOLKIT_OWNERS 16
#define UICC_RETRIES            2 /* further attempts at a command that the terminal was too busy for */
#define UICC_RETRY_SECONDS      30 /* between them, by timer; without timers: at the next STATUS */

struct uicc;
struct uicc_call;

/* --- the terminal ------------------------------------------------------------------------------
 */

/* What the terminal told since the last reset; an absent span = nothing. */
cr_span uicc_terminal_profile(const struct uicc *uicc);
cr_span uicc_terminal_capability(const struct uicc *uicc); /* contents of A9 */

/* TERMINAL PROFILE came and offers the command (cat_profile_offers()), the event. */
bool uicc_toolkit_offers(const struct uicc *uicc, uint8_t type, uint8_t qualifier);
bool uicc_toolkit_offers_event(const struct uicc *uicc, unsigned event);

/* --- owners ------------------------------------------------------------------------------------
 */

#define UICC_NOT_MINE          0 /* as the answer to an ENVELOPE: ask the next owner */
#define UICC_ENVELOPE_BIT(tag) (1U << ((tag)&0x0F))

/* Somebody on the card who takes part in the toolkit: registered once, for the card's life. Any
 * function may be NULL. */
struct uicc_toolkit_owner {
    void *ctx;

    /* TERMINAL PROFILE came: the session begins. A terminal may send it again without a reset. */
    void (*started)(void *ctx, struct uicc *uicc);

    /* The card was reset: wishes (events, polling), timers and channels of before are gone. */
    void (*reset)(void *ctx, struct uicc *uicc);

    /* Event download (D6) of an event that uicc_toolkit_events() asked for. */
    void (*event)(void *ctx, struct uicc *uicc, uint8_t event, const struct cat_envelope *envelope);

    /* ENVELOPEs by tag: UICC_ENVELOPE_BIT(CAT_SMS_PP_DOWNLOAD) | ... D6 and D7 are the toolkit's
     * own and do not come here. Owners of the same tag are asked in the order of registration until
     * one does not say UICC_NOT_MINE. The whole TLV is call->apdu->data, response data goes to
     * call->out. UICC_SW_TOOLKIT_BUSY asks the terminal to come again. */
    uint32_t envelopes;
    uicc_sw (*envelope)(void *ctx, struct uicc_call *call, const struct cat_envelope *envelope);

    /* A STATUS command came: the terminal's poll, a clock of about 30 seconds for those who have no
     * better one. */
    void (*polled)(void *ctx, struct uicc *uicc);
};

/* The struct is copied; *owner is the number for the functions below. CR_REFUSED: too many. */
cr_status uicc_toolkit_register(struct uicc *uicc, const struct uicc_toolkit_owner *what,
                                unsigned *owner, struct cr_err *err) CR_MUST_CHECK;
void uicc_toolkit_unregister(struct uicc *uicc, unsigned owner);

/* Events that the owner wants from now on (a set of CAT_EVENT_BIT()), instead of those it wanted
 * before; 0 = none. The wishes of all owners and of BIP are merged into one SET UP EVENT LIST, sent
 * when the merged list changes. Asked before TERMINAL PROFILE: kept, and what the terminal does not
 * offer is left out then. Asked after: CR_REFUSED when one is not offered, nothing is changed. */
cr_status uicc_toolkit_events(struct uicc *uicc, unsigned owner, uint32_t events,
                              struct cr_err *err) CR_MUST_CHECK;

/* How often the owner wants the terminal to send STATUS, in seconds (1 to 15300); 0 = no wish. The
 * shortest wish is sent as POLL INTERVAL; UICC_POLL_OFF (POLLING OFF) counts when nobody wants an
 * interval. The terminal answers with what it takes: uicc_toolkit_poll_interval(). */
#define UICC_POLL_OFF 0xFFFFFFFFU
cr_status uicc_toolkit_poll(struct uicc *uicc, unsigned owner, uint32_t seconds,
                            struct cr_err *err) CR_MUST_CHECK;
/* Seconds as the terminal confirmed them; 0 = it told none. */
uint32_t uicc_toolkit_poll_interval(const struct uicc *uicc);

/* --- proactive commands ------------------------------------------------------------------------
 */

enum uicc_outcome {
    UICC_ANSWERED,    /* TERMINAL RESPONSE came; see result */
    UICC_RESET,       /* the card was reset before one came */
    UICC_NOT_OFFERED, /* queued before TERMINAL PROFILE, which does not offer it */
};

struct uicc_answer {
    enum uicc_outcome outcome;
    uint8_t result;  /* general result; the last one, when there were several attempts */
    uint8_t info;    /* first byte of its additional information; 0 = none */
    cr_span tlvs;    /* all of the TERMINAL RESPONSE; absent when none came */
    cr_span command; /* the proactive command */
};

/* Told once for each command, in the transaction of the command that brings the answer. */
typedef void (*uicc_proactive_done)(void *ctx, struct uicc *uicc, const struct uicc_answer *answer);

/* What is tried again, UICC_RETRIES times, before the owner is told. */
enum uicc_retry {
    UICC_RETRY_BUSY, /* general results 20 and 21; not OPEN CHANNEL without service */
    UICC_RETRY_ANY,  /* each result that is no success */
    UICC_RETRY_NONE
};

/* Queues a proactive command: a whole D0 TLV of at most CAT_MAX_COMMAND bytes. Its number is set
 * here. Announced on the next successful command, this one included, once the terminal has sent
 * TERMINAL PROFILE. done may be NULL. CR_REFUSED: queue full, no proactive command, or not offered
 * by the terminal (err->code = UICC_CODE_NOT_OFFERED). */
#define UICC_CODE_NOT_OFFERED 1
cr_status uicc_proactive_push(struct uicc *uicc, cr_span tlv, enum uicc_retry retry,
                              uicc_proactive_done done, void *ctx,
                              struct cr_err *err) CR_MUST_CHECK;
/* Commands waiting or fetched and not yet answered; room for more of them. */
size_t uicc_proactive_pending(const struct uicc *uicc);
size_t uicc_proactive_room(const struct uicc *uicc);

/* The usual ones; failures as for uicc_proactive_push(). */

/* D0 09 81 03 <number> 01 <qualifier> 82 02 81 82. Not tried again by itself but for busy. */
cr_status uicc_proactive_refresh(struct uicc *uicc, uint8_t qualifier, uicc_proactive_done done,
                                 void *ctx, struct cr_err *err) CR_MUST_CHECK;
/* With changed files and the application meant. files: value of the file list, a count and paths of
 * FIDs from 3F00 each; aid: NULL span = none. */
cr_status uicc_proactive_refresh_files(struct uicc *uicc, uint8_t qualifier, cr_span files,
                                       cr_span aid, uicc_proactive_done done, void *ctx,
                                       struct cr_err *err) CR_MUST_CHECK;
cr_status uicc_proactive_more_time(struct uicc *uicc, uicc_proactive_done done, void *ctx,
                                   struct cr_err *err) CR_MUST_CHECK;
/* qualifier: CAT_LOCAL_..; the values are in answer->tlvs. */
cr_status uicc_proactive_local_information(struct uicc *uicc, uint8_t qualifier,
                                           uicc_proactive_done done, void *ctx,
                                           struct cr_err *err) CR_MUST_CHECK;
/* The status of all channels of the terminal is in answer->tlvs. */
cr_status uicc_proactive_channel_status(struct uicc *uicc, uicc_proactive_done done, void *ctx,
                                        struct cr_err *err) CR_MUST_CHECK;
/* smsc: TON/NPI and digits (value of the Address TLV), absent = the terminal's. */
cr_status uicc_proactive_send_sms(struct uicc *uicc, cr_span smsc, cr_span tpdu,
                                  enum uicc_retry retry, uicc_proactive_done done, void *ctx,
                                  struct cr_err *err) CR_MUST_CHECK;

/* --- timers ------------------------------------------------------------------------------------
 */

enum uicc_timer_news {
    UICC_TIMER_EXPIRED, /* the timer is free again; seconds = the value that the terminal says */
    UICC_TIMER_FAILED,  /* the terminal did not start it: free again */
    UICC_TIMER_VALUE,   /* answer to uicc_timer_read(): seconds left */
    UICC_TIMER_RESET    /* the card was reset: free */
};
typedef void (*uicc_timer_heard)(void *ctx, struct uicc *uicc, unsigned timer,
                                 enum uicc_timer_news news, uint32_t seconds);

/* Takes a free one of the terminal's 8 timers and starts it (1 to CAT_MAX_TIMER seconds). *timer =
 * its number, 1 to 8. The terminal counts from when it fetches the command. CR_REFUSED: none is
 * free, or the terminal offers none (no TERMINAL PROFILE yet included). */
cr_status uicc_timer_start(struct uicc *uicc, uint32_t seconds, uicc_timer_heard heard, void *ctx,
                           unsigned *timer, struct cr_err *err) CR_MUST_CHECK;
/* Begins a running timer of one's own anew. CR_REFUSED: it is not in use. */
cr_status uicc_timer_restart(struct uicc *uicc, unsigned timer, uint32_t seconds,
                             struct cr_err *err) CR_MUST_CHECK;
/* Stops and frees it; nothing is heard of it any more. Numbers not in use are ignored: 0 is one. */
void uicc_timer_stop(struct uicc *uicc, unsigned timer);
/* Asks for the time left. */
cr_status uicc_timer_read(struct uicc *uicc, unsigned timer, struct cr_err *err) CR_MUST_CHECK;

#endif
