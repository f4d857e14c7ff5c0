/*
 * ES5 over CAT_TP (SGP.02 2.4.3; ETSI TS 102 127): the links of the eUICCs that a push SMS was sent
 * to (smsr/sms.h). One secured packet at a time goes out on a link as an SDU, its response packet
 * comes back as one.
 *
 * No socket: datagrams go out through transmit() and come in by smsr_cattp_input(). A link lives in
 * memory; the scripts are rows: packet and counter are committed before they leave. What a link
 * owed when it broke is due at once: smsr/sms.h calls the eUICC back, and it gets the same octets.
 *
 * A SYN is taken from an eUICC that is expected only: who knows an EID, and when it is pushed to,
 * can take the place of its link, and gets a packet that it can neither open nor answer.
 *
 * Functions may be called from any thread, smsr_cattp_work() from several.
 */
#ifndef CRISP_SMSR_CATTP_H
#define CRISP_SMSR_CATTP_H

#include "net/udp.h"
#include "smsr/radio_config.h"

#define SMSR_LINKS          100000                /* eUICCs with a link, or expected */
#define SMSR_LINK_QUIET_MS  ((int64_t)10 * 1000)  /* then a link gives way to the next one */
#define SMSR_LINK_END_MS    ((int64_t)20 * 1000)  /* without work for so long it is ended .. */
#define SMSR_LINK_MORE_MS   ((int64_t)300 * 1000) /* .. when more was announced */
#define SMSR_LINK_EXPECT_MS ((int64_t)400 * 1000) /* after a push SMS: three of them, and some */
#define SMSR_REFUSALS       100                   /* RSTs to strangers in a second */

struct smsr_cattp_options {
    struct smsr *sr;
    const struct smsr_radio_config *config;
    void *ctx; /* of the functions, which must not call back */
    void (*transmit)(void *ctx, const struct udp_address *to, cr_span datagram);
    /* There is something for smsr_cattp_work(). */
    void (*due)(void *ctx);
};

struct smsr_cattp;
/* Links of push SMS that left before a restart are expected again. */
cr_status smsr_cattp_new(const struct smsr_cattp_options *options, struct smsr_cattp **out,
                         struct cr_err *err) CR_MUST_CHECK;
/* When nobody calls anything any more. NULL allowed. */
void smsr_cattp_free(struct smsr_cattp *cattp);

/* A push SMS leaves for an eUICC. */
void smsr_cattp_expect(struct smsr_cattp *cattp, cr_span eid);
void smsr_cattp_input(struct smsr_cattp *cattp, const struct udp_address *from, cr_span datagram);
bool smsr_cattp_has_link(struct smsr_cattp *cattp, cr_span eid);
/* A script has come for an eUICC. */
void smsr_cattp_wake(struct smsr_cattp *cattp, cr_span eid);
/* Retransmissions, ends; some times a second. */
void smsr_cattp_tick(struct smsr_cattp *cattp);
/* One work on the database; false: there was none. */
bool smsr_cattp_work(struct smsr_cattp *cattp);
/* Every link is ended; nothing is begun any more. */
void smsr_cattp_stop(struct smsr_cattp *cattp);
size_t smsr_cattp_links(struct smsr_cattp *cattp);

#endif
