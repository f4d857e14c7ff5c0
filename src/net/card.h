/*
 * A card as whoever talks to it sees it: APDUs in, APDUs out, power.
 *
 * Implemented by a PC/SC reader (net/pcsc.h) and by a chip in the same process (euicc/euicc.h).
 */
#ifndef CRISP_NET_CARD_H
#define CRISP_NET_CARD_H

#include "base/buf.h"
#include "base/error.h"

#define CARD_MAX_RESPONSE 65538 /* bytes of one response APDU with its status word */

struct card {
    void *ctx; /* given to each function */

    /* Sends one command APDU and appends the response APDU (data and status word, at least two
     * bytes) to response. CR_RESOURCE: the card or the reader is gone. 61xx and 6Cxx are passed
     * through as they are. */
    cr_status (*transmit)(void *ctx, cr_span command, cr_buf *response, struct cr_err *err);

    /* Powers off and on; appends the ATR. */
    cr_status (*reset)(void *ctx, cr_buf *atr, struct cr_err *err);

    /* Ends the use of the card; ctx is then invalid. */
    void (*close)(void *ctx);
};

#endif
