/*
 * One connection of SMPP, for smpp_client.c and smpp_server.c: PDUs cut out of the stream, requests
 * of ours remembered until they are answered, the link kept alive. Lives on one event loop.
 */
#ifndef CRISP_NET_SMPP_LINK_H
#define CRISP_NET_SMPP_LINK_H

#include "net/smpp_pdu.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

#define SMPP_MAX_WINDOW 64

struct smpp_link;

struct smpp_link_ops {
    /* A request of the peer. The answer is in *answer (command, status and sequence are set);
     * false = none. */
    bool (*request)(void *ctx, struct smpp_link *link, const struct smpp_pdu *pdu,
                    struct smpp_pdu *answer);
    /* The end of a request of ours; pdu NULL = none will come. */
    void (*answered)(void *ctx, struct smpp_link *link, uint32_t command, uint64_t ref,
                     const struct smpp_pdu *pdu);
    /* The link is over, after answered() for all that was open. The owner frees it. */
    void (*closed)(void *ctx, struct smpp_link *link, const char *why);
};

/* Takes bev (owned). */
struct smpp_link *smpp_link_new(struct bufferevent *bev, const struct smpp_link_ops *ops, void *ctx,
                                int64_t answer_ms);
void smpp_link_free(struct smpp_link *link); /* without callbacks; NULL allowed */

/* Sends a request of ours; the sequence number is set here. False: the window is full, or it cannot
 * be encoded. */
bool smpp_link_ask(struct smpp_link *link, struct smpp_pdu *pdu, uint64_t ref, int64_t now_ms);
/* Answers a request of the peer that was not answered at once. Ends the link when that fails. */
void smpp_link_answer(struct smpp_link *link, const struct smpp_pdu *answer);
size_t smpp_link_open(const struct smpp_link *link);   /* requests without an answer */
int64_t smpp_link_heard(const struct smpp_link *link); /* ms: when the peer said something last */
/* Requests that are too old: the link counts as broken and closed() is called. */
void smpp_link_tick(struct smpp_link *link, int64_t now_ms);
/* Ends it from our side, with callbacks. */
void smpp_link_close(struct smpp_link *link, const char *why);

/* Monotonic milliseconds. */
int64_t smpp_now_ms(void);

/* The end of an event loop whose links are closed and whose thread has ended. A callback that was
 * put off holds its buffer event: it comes before the base goes. NULL allowed. */
void smpp_base_free(struct event_base *base);

#endif
