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
};

struct vpcd; /* one connection */

/* Connects to host:port (host NULL = 127.0.0.1) with TCP_NODELAY. */
cr_status vpcd_connect(const char *host, uint16_t port, struct vpcd **out,
                       struct cr_err *err) CR_MUST_CHECK;
void vpcd_free(struct vpcd *vpcd);

/* Serves until the reader goes away (CR_OK), *stop becomes true (CR_OK; looked at every 200 ms), or
 * the stream is no vpcd (CR_MALFORMED). */
cr_status vpcd_serve(struct vpcd *vpcd, const struct vpcd_card *card, const volatile bool *stop,
                     struct cr_err *err) CR_MUST_CHECK;

#endif
