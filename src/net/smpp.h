/*
 * SMPP 3.4: how an SM-SR (ESME) and an SMSC hand short messages to each other. Both ends.
 *
 * Each end has one event loop on a thread of its own. Submitting is not blocking: what became of a
 * message is told by a call back, from the loop's thread. Callbacks must be quick and may submit.
 *
 * The client binds as transceiver, keeps the link alive (enquire_link), binds again after a broken
 * link (1 s, 2 s, 4 s ... 60 s), has at most window messages without an answer and sends at most
 * per_second of them; a peer that throttles is given a second. What was not answered when the link
 * broke is told as SMPP_LOST: it may have arrived.
 *
 * TLS is not part of SMPP 3.4; SMSCs are reached over private links.
 */
#ifndef CRISP_NET_SMPP_H
#define CRISP_NET_SMPP_H

#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

#define SMPP_MAX_PDU     2048 /* bytes; longer ones end the session */
#define SMPP_MAX_ADDRESS 20   /* characters */
#define SMPP_MAX_TEXT    254  /* bytes of short_message */
#define SMPP_MAX_ID      64   /* characters of a message id */
#define SMPP_MAX_NAME    15   /* characters of a system id */
#define SMPP_MAX_QUEUE   4096 /* messages waiting in one end */
#define SMPP_MAX_ARRIVED 256  /* messages that came and wait for their answer */

/* esm_class */
#define SMPP_UDHI    0x40 /* short_message begins with a user data header */
#define SMPP_RECEIPT 0x04 /* deliver_sm is a delivery receipt */

/* command_status, as far as it is looked at here */
#define SMPP_OK         0x00000000u
#define SMPP_BIND_FIRST 0x00000004u
#define SMPP_SYSTEM     0x00000008u
#define SMPP_BAD_SOURCE 0x0000000Au
#define SMPP_BAD_DEST   0x0000000Bu
#define SMPP_BIND_FAIL  0x0000000Du
#define SMPP_QUEUE_FULL 0x00000014u
#define SMPP_THROTTLED  0x00000058u
#define SMPP_LOST       0xFFFFFFFFu /* ours: no answer */

struct smpp_message {
    uint8_t from_ton, from_npi, to_ton, to_npi;
    char from[SMPP_MAX_ADDRESS + 1], to[SMPP_MAX_ADDRESS + 1];
    uint8_t esm_class, protocol_id, data_coding, registered_delivery;
    uint8_t text[SMPP_MAX_TEXT];
    size_t text_size;
};

/* A delivery receipt. state: 2 delivered, 3 expired, 4 deleted, 5 undeliverable, 6 accepted,
 * 7 unknown, 8 rejected; 1 enroute. */
struct smpp_receipt {
    char id[SMPP_MAX_ID + 1];
    uint8_t state;
};

/* Digits of both, without a leading plus, are the same number. */
bool smpp_same_number(const char *a, const char *b);

/* ---- the ESME's end ----------------------------------------------------------------------------
 */

struct smpp_client_options {
    const char *host; /* NULL = 127.0.0.1 */
    uint16_t port;
    const char *system_id, *password;
    unsigned enquire_seconds; /* 0 = 30 */
    unsigned answer_seconds;  /* 0 = 10: without an answer the link counts as broken */
    unsigned per_second;      /* 0 = no limit */
    unsigned window;          /* 0 = 16 */
    const cr_env *env;        /* log */
    void *ctx;                /* of the callbacks */
    /* What became of a submitted message: SMPP_OK with the SMSC's id, or why not. */
    void (*submitted)(void *ctx, uint64_t ref, uint32_t status, const char *id);
    /* A message for us; the answer is the command_status (SMPP_OK: we have it, for good). */
    uint32_t (*received)(void *ctx, const struct smpp_message *message);
    /* In its place, for who has to wait: the answer is given later to smpp_client_answer(), once
     * for each ticket. Those that wait do not hold up the ones behind them, until there are too
     * many: the peer is told that the queue is full. NULL allowed. */
    void (*arrived)(void *ctx, const struct smpp_message *message, uint64_t ticket);
    void (*receipt)(void *ctx, const struct smpp_receipt *receipt); /* NULL allowed */
    void (*bound)(void *ctx, bool bound);                           /* NULL allowed */
};

struct smpp_client;
/* Starts binding; returns at once. */
cr_status smpp_client_start(const struct smpp_client_options *options, struct smpp_client **out,
                            struct cr_err *err) CR_MUST_CHECK;
/* From any thread. ref comes back with submitted(). CR_RESOURCE: SMPP_MAX_QUEUE wait already. */
cr_status smpp_client_submit(struct smpp_client *client, const struct smpp_message *message,
                             uint64_t ref, struct cr_err *err) CR_MUST_CHECK;
/* From any thread, before the client is stopped. On a link that is not the one it came over,
 * nothing is said: the peer sends the message again. */
void smpp_client_answer(struct smpp_client *client, uint64_t ticket, uint32_t status);
/* Unbinds, ends the thread. Messages without an answer are told as SMPP_LOST first. NULL allowed.
 */
void smpp_client_stop(struct smpp_client *client);

/* ---- the SMSC's end ----------------------------------------------------------------------------
 */

struct smpp_server_options {
    const char *host;        /* address to bind; NULL = 127.0.0.1 */
    uint16_t port;           /* 0 = a free one */
    unsigned max_sessions;   /* 0 = 16 */
    unsigned answer_seconds; /* 0 = 10 */
    unsigned idle_seconds;   /* 0 = 120: a session that says nothing for so long is ended */
    const cr_env *env;
    void *ctx;
    /* May this one bind? */
    bool (*admit)(void *ctx, const char *system_id, const char *password);
    /* A message from an ESME: the answer is its command_status; id (set with SMPP_OK) is what
     * receipts name. */
    uint32_t (*submitted)(void *ctx, const char *system_id, const struct smpp_message *message,
                          char id[SMPP_MAX_ID + 1]);
    /* What became of smpp_server_deliver(). */
    void (*delivered)(void *ctx, uint64_t ref, uint32_t status);
};

struct smpp_server;
cr_status smpp_server_start(const struct smpp_server_options *options, struct smpp_server **out,
                            struct cr_err *err) CR_MUST_CHECK;
uint16_t smpp_server_port(const struct smpp_server *server);
/* To a session bound under this system id; delivered() tells SMPP_LOST when there is none. From any
 * thread. */
cr_status smpp_server_deliver(struct smpp_server *server, const char *system_id,
                              const struct smpp_message *message, uint64_t ref,
                              struct cr_err *err) CR_MUST_CHECK;
/* A delivery receipt for a message of this ESME. from, to: as the message had them. */
cr_status smpp_server_receipt(struct smpp_server *server, const char *system_id,
                              const struct smpp_receipt *receipt, const struct smpp_message *about,
                              struct cr_err *err) CR_MUST_CHECK;
void smpp_server_stop(struct smpp_server *server); /* NULL allowed */

#endif
