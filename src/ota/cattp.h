/*
 * CAT_TP (ETSI TS 102 127): a reliable transport of SDUs over datagrams, between a server and a
 * card on a UDP channel. PDUs, and the state machine of one link, for both ends; without a socket,
 * with the clock passed in.
 *
 *     CLOSED --connect()--> SYN-SENT --SYN/ACK--> OPEN <--ACK-- SYN-RCVD <--SYN-- LISTEN
 *     OPEN --RST, close(), too many retries--> CLOSE-WAIT --timer--> CLOSED
 *
 * Callbacks come from inside cattp_input(), cattp_tick(), cattp_send() and the like. All but
 * transmit() may call cattp_send() and cattp_close(); none may call cattp_free(). A PDU that is
 * broken (length, checksum, version) is dropped without an answer.
 */
#ifndef CRISP_OTA_CATTP_H
#define CRISP_OTA_CATTP_H

#include "base/buf.h"
#include "base/error.h"

/* ---- PDUs ---- */

#define CATTP_SYN     0x80
#define CATTP_ACK     0x40
#define CATTP_EAK     0x20
#define CATTP_RST     0x10
#define CATTP_NUL     0x08
#define CATTP_SEG     0x04
#define CATTP_VERSION 0x03 /* mask; 0 */

#define CATTP_HEADER      18   /* bytes without variable part */
#define CATTP_ID_MAX      64   /* bytes of identification that are kept */
#define CATTP_EAK_MAX     32   /* sequence numbers in an EAK */
#define CATTP_PDU_MAX     1500 /* bytes of a datagram */
#define CATTP_PDU_MIN     23   /* smallest max PDU that a SYN may name */
#define CATTP_SDU_MAX     16384
#define CATTP_WINDOW_MAX  32
#define CATTP_CHECKSUM_AT 16

/* Reasons in an RST. */
enum cattp_reason {
    CATTP_NORMAL = 0,
    CATTP_ILLEGAL_PARAMETER = 1,
    CATTP_TEMPORARILY_UNABLE = 2,
    CATTP_NO_PORT = 3,
    CATTP_UNEXPECTED_PDU = 4,
    CATTP_MAX_RETRIES = 5,
    CATTP_WRONG_VERSION = 6,
};
const char *cattp_reason_name(uint8_t reason); /* of any byte */

struct cattp_pdu {
    uint8_t flags;
    uint16_t source, destination; /* ports */
    uint16_t sequence, acknowledgement;
    uint16_t window; /* in PDUs */
    /* SYN. */
    uint16_t max_pdu, max_sdu;
    cr_span identification;
    /* EAK. */
    uint16_t out_of_sequence[CATTP_EAK_MAX];
    size_t out_count;
    /* RST. */
    uint8_t reason;
    cr_span data;
};

/* Spans point into datagram. CR_MALFORMED: lengths, checksum, version, flags that exclude each
 * other, a SYN whose max PDU is below CATTP_PDU_MIN (err->code = the reason an RST would have). */
cr_status cattp_pdu_read(cr_span datagram, struct cattp_pdu *out, struct cr_err *err) CR_MUST_CHECK;
/* Appends one with its checksum. CR_MALFORMED: fields that cattp_pdu_read() would refuse. */
cr_status cattp_pdu_write(cr_buf *out, const struct cattp_pdu *pdu,
                          struct cr_err *err) CR_MUST_CHECK;

/* The RST that answers a datagram for which there is no link (TS 102 127: CLOSED); nothing is
 * appended for an RST. */
cr_status cattp_refuse(cr_buf *out, const struct cattp_pdu *pdu, enum cattp_reason reason,
                       struct cr_err *err) CR_MUST_CHECK;

/* ---- links ---- */

enum cattp_state {
    CATTP_CLOSED,
    CATTP_LISTEN,
    CATTP_SYN_SENT,
    CATTP_SYN_RCVD,
    CATTP_OPEN,
    CATTP_CLOSE_WAIT,
};
const char *cattp_state_name(enum cattp_state state);

enum cattp_end {
    CATTP_END_LOCAL,   /* cattp_close() */
    CATTP_END_PEER,    /* RST of the peer, with its reason */
    CATTP_END_RETRIES, /* the peer does not answer */
    CATTP_END_IDLE,    /* nothing for idle_ms, and a NUL was not acknowledged either */
    CATTP_END_ILLEGAL, /* the peer broke the protocol; it was told (RST) */
};

struct cattp_callbacks {
    /* A datagram for the peer. One that is lost is sent again. */
    void (*transmit)(void *ctx, cr_span datagram);
    /* A SYN came to a link in LISTEN: CATTP_NORMAL takes it, another reason refuses it by RST.
     * NULL = everybody is taken. */
    enum cattp_reason (*admit)(void *ctx, cr_span identification);
    void (*opened)(void *ctx); /* may be NULL */
    void (*received)(void *ctx, cr_span sdu);
    /* SDUs given to cattp_send() have all been acknowledged. May be NULL. */
    void (*drained)(void *ctx);
    /* Exactly once, the last one. reason: of the RST, sent or received. */
    void (*closed)(void *ctx, enum cattp_end end, uint8_t reason);
};

struct cattp_options {
    uint16_t source, destination; /* ports; destination 0 in LISTEN = that of the SYN */
    uint16_t max_pdu;             /* bytes of a datagram we take; 0 = 1400 */
    uint16_t max_send;            /* bytes of a datagram that transmit() takes; 0 = any */
    uint16_t max_sdu;             /* bytes; 0 = 8192 */
    uint16_t window;              /* PDUs; 0 = 8; at most CATTP_WINDOW_MAX */
    uint16_t initial;             /* sequence number: random */
    cr_span identification;       /* card: in its SYN, at most CATTP_ID_MAX; copied */
    uint32_t rto_ms;              /* first retransmission; 0 = 2000; doubles */
    uint32_t rto_max_ms;          /* 0 = 60000 */
    unsigned syn_tries;           /* 0 = 5 */
    unsigned retries;             /* of other PDUs; 0 = 10 */
    uint32_t idle_ms;             /* 0 = 120000: then NUL */
    uint32_t close_wait_ms;       /* 0 = 2000 */
    size_t queue_max;             /* bytes of SDUs that wait to be sent; 0 = 65536 */
    struct cattp_callbacks callbacks;
    void *ctx;
};

struct cattp_link;
/* CR_REFUSED: options that cannot be. */
cr_status cattp_new(const struct cattp_options *options, struct cattp_link **out,
                    struct cr_err *err) CR_MUST_CHECK;
void cattp_free(struct cattp_link *link); /* without callbacks; NULL allowed */

/* now_ms: of a clock that does not go back; each call's at least that of the one before. */
cr_status cattp_connect(struct cattp_link *link, int64_t now_ms, struct cr_err *err) CR_MUST_CHECK;
cr_status cattp_listen(struct cattp_link *link, struct cr_err *err) CR_MUST_CHECK;
void cattp_input(struct cattp_link *link, cr_span datagram, int64_t now_ms);
/* Queues an SDU (copied; not empty). CR_REFUSED: not open, or larger than the peer takes.
 * CR_RESOURCE: the queue is full, or no memory. */
cr_status cattp_send(struct cattp_link *link, cr_span sdu, int64_t now_ms,
                     struct cr_err *err) CR_MUST_CHECK;
/* Asks an open link whether the peer still knows it (NUL), if nothing is on its way already. */
void cattp_probe(struct cattp_link *link, int64_t now_ms);
/* RST with reason 0; what is queued is dropped. closed() comes at once. */
void cattp_close(struct cattp_link *link, int64_t now_ms);

/* Call when cattp_deadline() has come. */
void cattp_tick(struct cattp_link *link, int64_t now_ms);
int64_t cattp_deadline(const struct cattp_link *link); /* INT64_MAX = none */

enum cattp_state cattp_link_state(const struct cattp_link *link);
cr_span cattp_peer_identification(const struct cattp_link *link); /* of its SYN */
uint16_t cattp_peer_sdu(const struct cattp_link *link);           /* the largest that it takes */
size_t cattp_queued(const struct cattp_link *link); /* bytes of SDUs not acknowledged */

#endif
