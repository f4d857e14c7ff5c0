#include "net/smpp_link.h"

#include <event2/buffer.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define MAX_UNSENT (64 * 1024) /* bytes that a peer leaves unread before the link is given up */

struct request {
    uint32_t sequence, command;
    uint64_t ref;
    int64_t sent_ms;
};

struct smpp_link {
    struct bufferevent *bev;
    const struct smpp_link_ops *ops;
    void *ctx;
    int64_t answer_ms, heard_ms;
    uint32_t sequence;
    struct request open[SMPP_MAX_WINDOW];
    size_t open_count;
    bool over;    /* closed() was called or is about to be */
    bool reading; /* inside on_read(): the owner must not free it there */
    const char *why;
};

int64_t smpp_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool send_pdu(struct smpp_link *link, const struct smpp_pdu *pdu)
{
    cr_buf bytes = {0};
    bool good = smpp_pdu_write(pdu, &bytes) && bufferevent_write(link->bev, bytes.p, bytes.n) == 0;
    cr_buf_free(&bytes);
    return good;
}

static void end(struct smpp_link *link)
{
    /* Answers that will not come, oldest first; callbacks may look at the link. */
    while (link->open_count) {
        struct request r = link->open[0];
        link->open_count--;
        memmove(&link->open[0], &link->open[1], link->open_count * sizeof link->open[0]);
        link->ops->answered(link->ctx, link, r.command, r.ref, NULL);
    }
    link->ops->closed(link->ctx, link, link->why);
}

void smpp_link_close(struct smpp_link *link, const char *why)
{
    if (link->over) {
        return;
    }
    link->over = true;
    link->why = why;
    if (!link->reading) {
        end(link);
    }
}

static void take_answer(struct smpp_link *link, const struct smpp_pdu *pdu)
{
    for (size_t i = 0; i < link->open_count; i++) {
        struct request r = link->open[i];
        bool fits = r.sequence == pdu->sequence && (pdu->command == (r.command | SMPP_RESPONSE) ||
                                                    pdu->command == SMPP_GENERIC_NACK);
        if (fits) {
            link->open_count--;
            memmove(&link->open[i], &link->open[i + 1],
                    (link->open_count - i) * sizeof link->open[0]);
            link->ops->answered(link->ctx, link, r.command, r.ref, pdu);
            return;
        }
    }
    /* An answer to nothing: a late one, or a mistake of the peer. Dropped. */
}

void smpp_link_answer(struct smpp_link *link, const struct smpp_pdu *answer)
{
    if (!link->over && !send_pdu(link, answer)) {
        smpp_link_close(link, "an answer could not be sent");
    }
}

static void take_request(struct smpp_link *link, const struct smpp_pdu *pdu)
{
    struct smpp_pdu answer = {.command = pdu->command | SMPP_RESPONSE, .sequence = pdu->sequence};
    if (pdu->command == SMPP_ENQUIRE_LINK) {
        (void)send_pdu(link, &answer);
    } else if (pdu->command == SMPP_UNBIND) {
        (void)send_pdu(link, &answer);
        (void)bufferevent_flush(link->bev, EV_WRITE, BEV_FLUSH);
        smpp_link_close(link, "the peer unbound");
    } else if (link->ops->request(link->ctx, link, pdu, &answer)) {
        smpp_link_answer(link, &answer);
    }
}

static void take_pdu(struct smpp_link *link, cr_span bytes)
{
    struct smpp_pdu pdu;
    bool known;
    if (!smpp_pdu_read(bytes, &pdu, &known)) {
        struct smpp_pdu nack = {.command = SMPP_GENERIC_NACK,
                                .status = known ? 2 : 3, /* bad length, unknown command */
                                .sequence = pdu.sequence};
        if (!(pdu.command & SMPP_RESPONSE)) {
            (void)send_pdu(link, &nack);
        }
    } else if (pdu.command & SMPP_RESPONSE) {
        take_answer(link, &pdu);
    } else {
        take_request(link, &pdu);
    }
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct smpp_link *link = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);
    link->heard_ms = smpp_now_ms();
    link->reading = true;
    while (!link->over && evbuffer_get_length(in) >= SMPP_HEADER) {
        uint8_t header[4], bytes[SMPP_MAX_PDU];
        (void)evbuffer_copyout(in, header, sizeof header);
        size_t n = smpp_pdu_length(header);
        if (n == 0) {
            smpp_link_close(link, "the peer speaks no SMPP");
        } else if (evbuffer_get_length(in) < n) {
            break;
        } else {
            (void)evbuffer_remove(in, bytes, n);
            take_pdu(link, cr_span_of(bytes, n));
        }
        if (evbuffer_get_length(bufferevent_get_output(bev)) > MAX_UNSENT) {
            smpp_link_close(link, "the peer does not read its answers");
        }
    }
    link->reading = false;
    if (link->over) {
        end(link);
    }
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
        const bool refused = (what & BEV_EVENT_ERROR) && EVUTIL_SOCKET_ERROR() == ECONNREFUSED;
        smpp_link_close(ctx, refused ? "nothing listens there (connection refused)"
                                     : "the connection broke");
    }
}

struct smpp_link *smpp_link_new(struct bufferevent *bev, const struct smpp_link_ops *ops, void *ctx,
                                int64_t answer_ms)
{
    struct smpp_link *link = calloc(1, sizeof *link);
    int one = 1;
    if (!link) {
        bufferevent_free(bev);
        return NULL;
    }
    link->bev = bev;
    link->ops = ops;
    link->ctx = ctx;
    link->answer_ms = answer_ms;
    link->heard_ms = smpp_now_ms();
    (void)setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    bufferevent_setcb(bev, on_read, NULL, on_event, link);
    (void)bufferevent_enable(bev, EV_READ | EV_WRITE);
    return link;
}

void smpp_link_free(struct smpp_link *link)
{
    if (link) {
        bufferevent_free(link->bev);
        cr_wipe(link, sizeof *link);
        free(link);
    }
}

bool smpp_link_ask(struct smpp_link *link, struct smpp_pdu *pdu, uint64_t ref, int64_t now_ms)
{
    if (link->over || link->open_count == SMPP_MAX_WINDOW) {
        return false;
    }
    link->sequence = link->sequence % 0x7FFFFFFF + 1;
    pdu->sequence = link->sequence;
    if (!send_pdu(link, pdu)) {
        return false;
    }
    link->open[link->open_count++] = (struct request){
        .sequence = pdu->sequence, .command = pdu->command, .ref = ref, .sent_ms = now_ms};
    return true;
}

size_t smpp_link_open(const struct smpp_link *link)
{
    return link->open_count;
}

int64_t smpp_link_heard(const struct smpp_link *link)
{
    return link->heard_ms;
}

void smpp_link_tick(struct smpp_link *link, int64_t now_ms)
{
    if (link->open_count && now_ms - link->open[0].sent_ms > link->answer_ms) {
        smpp_link_close(link, "the peer does not answer");
    }
}

void smpp_base_free(struct event_base *base)
{
    if (base) {
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
        event_base_free(base);
    }
}
