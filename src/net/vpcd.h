/*
 * The card's end of vsmartcard-vpcd: connects to a virtual reader as an inserted card.
 *
 * Frames are a two-byte big-endian length and the payload; payload of one byte = control (power off
 * 00, on 01, reset 02, ATR 04), else a command APDU.
 */
#ifndef CRISP_NET_VPCD_H
#define CRISP_NET_VPCD_H

#include "base/buf.h"
#include "base/error.h"

#define VPCD_PORT 35963 /* slot 0 of the first virtual reader */

struct vpcd_card {
    void *ctx;
    void (*power)(void *ctx, bool on); /* off loses everything volatile */
    void (*reset)(void *ctx);
    void (*atr)(void *ctx, cr_buf *out);
    /* Appends the response APDU; must append at least two bytes. */
    void (*transmit)(void *ctx, cr_span command, cr_buf *response);
    /* Set by one of the functions: the card is taken out now, the command is not answered. It is
     * cleared when that is done. NULL = that never happens. */
    bool *removed;
};

struct vpcd; /* one connection */

/* Connects to host:port (host NULL = 127.0.0.1) with TCP_NODELAY. */
cr_status vpcd_connect(const char *host, uint16_t port, struct vpcd **out,
                       struct cr_err *err) CR_MUST_CHECK;
void vpcd_free(struct vpcd *vpcd);

/* Serves until the reader goes away or the card is taken out (CR_OK), *stop becomes true (CR_OK;
 * looked at every 200 ms), or the stream is no vpcd (CR_MALFORMED). */
cr_status vpcd_serve(struct vpcd *vpcd, const struct vpcd_card *card, const volatile bool *stop,
                     struct cr_err *err) CR_MUST_CHECK;

/* --- many cards --------------------------------------------------------------------------------
 */

enum vpcd_event {
    VPCD_WAITING,  /* the reader cannot be reached, or the port cannot be bound; tried again */
    VPCD_INSERTED, /* connected */
    VPCD_GONE,     /* the reader went away */
    VPCD_REMOVED,  /* the card was taken out by itself */
    VPCD_BROKEN    /* what came was no vpcd */
};

/* A card and its place. */
struct vpcd_slot {
    struct vpcd_card card;
    const char *host; /* NULL = 127.0.0.1 */
    uint16_t port;
    bool listen; /* the reader connects to us (the reversed mode of vicc), else we to the reader */
    /* What happened, with card.ctx; err for WAITING and BROKEN. NULL = nobody asks. WAITING is told
     * once until something else happens. */
    void (*event)(void *ctx, enum vpcd_event event, const struct cr_err *err);
    /* True: this card is not put in again. NULL = never. */
    bool (*finished)(void *ctx);
};

/* Serves all slots on this thread, one command at a time, until *stop becomes true or all are
 * finished. Cards come back VPCD_RETRY_MS after they were out. CR_RESOURCE: no memory. */
#define VPCD_RETRY_MS 500
cr_status vpcd_run(const struct vpcd_slot *slots, size_t count, const volatile bool *stop,
                   struct cr_err *err) CR_MUST_CHECK;

#endif
