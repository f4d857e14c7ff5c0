/*
 * Bearer Independent Protocol on the card: channels of the terminal (ETSI TS 102 223 6.4.27 to
 * 6.4.31) as byte streams (TCP) or datagrams (UDP) for the layers above: HTTPS sessions, CAT_TP,
 * DNS.
 *
 * bip_open() gives a channel at once; OPEN CHANNEL, SEND DATA, RECEIVE DATA and CLOSE CHANNEL
 * follow by themselves as the terminal fetches them, and the events Data available and Channel
 * status are asked for while a channel is in use. At most CAT_CHANNELS at a time. All of it is RAM.
 *
 *     OPENING --opened()--> OPEN --bip_close(), link dropped, error, timeout--> .. --closed()-->
 * gone
 *        \------------------------------ failed, reset ------------------------------^
 *
 * Callbacks come inside the transaction of the command that brings the news. closed() is the last
 * one and comes exactly once, also when opened() never came; afterwards the number may be given to
 * somebody else. When the changes of a command could not be committed, a channel whose owner had
 * heard something in it is given up: closed(BIP_ABORTED) comes without a transaction, because bytes
 * that were handed over cannot be handed over again. BIP_RESET comes without one, too.
 */
#ifndef CRISP_UICC_BIP_H
#define CRISP_UICC_BIP_H

#include "uicc/cat.h"

#define BIP_MAX_BUFFER                                                                             \
    1500                      /* bytes of buffer that OPEN CHANNEL asks for at most, and of the    \
                                 largest datagram */
#define BIP_DEFAULT_SIZE 1280 /* asked for when the parameters name no size: 0500 */
#define BIP_SEND_QUEUE                                                                             \
    8192 /* bytes of each channel that wait to be sent, 2 for each datagram                        \
            included */

struct uicc;

enum bip_end {
    BIP_CLOSED,      /* bip_close() was called and the terminal has closed the channel */
    BIP_DROPPED,     /* the link is down; what the terminal had received before was delivered */
    BIP_REFUSED,     /* OPEN CHANNEL failed: result and info of the terminal */
    BIP_FAILED,      /* the terminal could not send or receive: result and info */
    BIP_TIMEOUT,     /* nothing came or went for the time given in the parameters */
    BIP_NOT_OFFERED, /* TERMINAL PROFILE does not offer BIP or this transport */
    BIP_ABORTED,     /* see above */
    BIP_RESET        /* the card was reset */
};
const char *bip_end_name(enum bip_end end);

struct bip_why {
    enum bip_end end;
    uint8_t result, info; /* of BIP_REFUSED and BIP_FAILED: CAT_RESULT_.., CAT_BIP_.. */
};

/* What the terminal made of the request. */
struct bip_opened {
    uint16_t buffer_size;
    cr_span tlvs; /* of the TERMINAL RESPONSE: bearer used, DNS servers (CAT_TAG_DNS_SERVER) .. */
};

struct bip_callbacks {
    /* May be NULL. Data may be queued before: it goes out then. */
    void (*opened)(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_opened *opened);
    /* A piece of the stream, or a whole datagram. The bytes are gone when this returns. */
    void (*received)(void *ctx, struct uicc *uicc, unsigned channel, cr_span data);
    /* Bytes left the queue: bip_room() has grown. May be NULL. */
    void (*writable)(void *ctx, struct uicc *uicc, unsigned channel);
    void (*closed)(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why);
};

struct bip_params {
    /* Bearer (absent = the network's default, 03), buffer size, NAN, login, password, transport,
     * port, address. Copied. transport: CAT_TRANSPORT_TCP_CLIENT or CAT_TRANSPORT_UDP_CLIENT. */
    struct cat_channel channel;
    uint8_t qualifier; /* of OPEN CHANNEL: CAT_OPEN_IMMEDIATE .. */
    /* Seconds without anything opened, sent or received after which the channel is given up, by a
     * timer of the terminal; 0 = never. Counted in whole periods: it takes one to two of them.
     * Without timers in TERMINAL PROFILE there is no timeout. */
    uint32_t idle_seconds;
    struct bip_callbacks callbacks;
    void *ctx;
};

/* *channel = a number from 1 to CAT_CHANNELS for the functions below (not the terminal's own).
 * CR_REFUSED: all in use, parameters that do not fit one command, another transport, no address,
 * not offered by the terminal or no TERMINAL PROFILE yet. */
cr_status bip_open(struct uicc *uicc, const struct bip_params *params, unsigned *channel,
                   struct cr_err *err) CR_MUST_CHECK;

/* Queues bytes, or one datagram, all or nothing. CR_RESOURCE: no room, wait for writable().
 * CR_REFUSED: no such channel, closing, an empty one, a datagram larger than the terminal's buffer
 * (before opened(): than what was asked for). */
cr_status bip_send(struct uicc *uicc, unsigned channel, cr_span data,
                   struct cr_err *err) CR_MUST_CHECK;
/* Bytes that bip_send() takes now; 0 for a channel that is not in use. */
size_t bip_room(const struct uicc *uicc, unsigned channel);

/* While true, no data is fetched from the terminal: backpressure for what comes in. */
void bip_pause(struct uicc *uicc, unsigned channel, bool pause);

/* Closes the channel after what is queued was sent. closed(BIP_CLOSED) follows. Nothing is received
 * any more. A number that is not in use is ignored. */
void bip_close(struct uicc *uicc, unsigned channel);
/* As bip_close(), and what is queued is dropped. */
void bip_abort(struct uicc *uicc, unsigned channel);

/* Channels in use. */
unsigned bip_count(const struct uicc *uicc);

#endif
