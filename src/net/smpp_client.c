#include "net/smpp_link.h"

#include "base/text.h"

#include <event2/thread.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICK_MS      100
#define FIRST_WAIT   1000
#define LONGEST_WAIT 60000
#define BIND_REF     0 /* refs of messages are those of the caller: told apart by the command */

struct waiting {
    struct waiting *next;
    struct smpp_message message;
    uint64_t ref;
};

/* The answer to a message that came over one of our links. */
struct reply {
    struct reply *next;
    uint64_t ticket;
    uint32_t status;
};

struct smpp_client {
    struct smpp_client_options options;
    char host[256], system_id[SMPP_MAX_NAME + 1], password[9];
    struct event_base *base;
    struct event *tick, *wake;
    pthread_t thread;
    bool running;

    /* Of the loop's thread. */
    struct smpp_link *link; /* NULL = no connection */
    bool bound;
    uint32_t links;   /* that there have been: the upper half of a ticket */
    unsigned arrived; /* over this one, not answered yet */
    int64_t next_connect_ms, wait_ms, enquired_ms, pause_ms;
    double tokens; /* messages that may be sent now */
    int64_t tokens_ms;

    pthread_mutex_t lock; /* of what follows */
    struct waiting *first, **last;
    size_t count;
    struct reply *replies, **last_reply;
    bool stop;
};

static void say(const struct smpp_client *c, enum cr_log_level level, const char *what)
{
    cr_log(c->options.env, level, "SMSC %s:%u: %s", c->host, c->options.port, what);
}

/* ---- the link ----------------------------------------------------------------------------------
 */

static bool on_request(void *ctx, struct smpp_link *link, const struct smpp_pdu *pdu,
                       struct smpp_pdu *answer)
{
    struct smpp_client *c = ctx;
    (void)link;
    if (pdu->command != SMPP_DELIVER_SM) {
        answer->command = SMPP_GENERIC_NACK;
        answer->status = 3;
    } else if (!c->bound) {
        answer->status = SMPP_BIND_FIRST;
    } else if (pdu->message.esm_class & SMPP_RECEIPT) {
        struct smpp_receipt receipt = {.state = pdu->message_state};
        (void)cr_str_copy(receipt.id, sizeof receipt.id, cr_span_str(pdu->id));
        if (c->options.receipt) {
            c->options.receipt(c->options.ctx, &receipt);
        }
    } else if (c->options.arrived && c->arrived >= SMPP_MAX_ARRIVED) {
        answer->status = SMPP_QUEUE_FULL;
    } else if (c->options.arrived) {
        c->arrived++;
        c->options.arrived(c->options.ctx, &pdu->message, (uint64_t)c->links << 32 | pdu->sequence);
        return false;
    } else {
        answer->status = c->options.received(c->options.ctx, &pdu->message);
    }
    return true;
}

static void on_bound(struct smpp_client *c, const struct smpp_pdu *pdu)
{
    if (!pdu || pdu->status != SMPP_OK) {
        char why[64];
        (void)snprintf(why, sizeof why, "it refuses the bind (status %08x)",
                       pdu ? pdu->status : SMPP_LOST);
        say(c, CR_LOG_WARNING, why);
        smpp_link_close(c->link, why);
        return;
    }
    c->bound = true;
    c->wait_ms = 0;
    if (c->options.bound) {
        c->options.bound(c->options.ctx, true);
    }
}

static void on_answered(void *ctx, struct smpp_link *link, uint32_t command, uint64_t ref,
                        const struct smpp_pdu *pdu)
{
    struct smpp_client *c = ctx;
    (void)link;
    if (command == SMPP_BIND_TRANSCEIVER) {
        if (pdu) {
            on_bound(c, pdu);
        }
    } else if (command == SMPP_SUBMIT_SM) {
        uint32_t status = pdu ? pdu->status : SMPP_LOST;
        if (status == SMPP_THROTTLED || status == SMPP_QUEUE_FULL) {
            c->pause_ms = smpp_now_ms() + 1000;
        }
        c->options.submitted(c->options.ctx, ref, status, pdu ? pdu->id : "");
    }
}

static void on_closed(void *ctx, struct smpp_link *link, const char *why)
{
    struct smpp_client *c = ctx;
    bool was_bound = c->bound;
    say(c, CR_LOG_WARNING, why);
    c->bound = false;
    c->link = NULL;
    smpp_link_free(link);
    c->wait_ms = c->wait_ms ? c->wait_ms * 2 : FIRST_WAIT;
    c->wait_ms = c->wait_ms > LONGEST_WAIT ? LONGEST_WAIT : c->wait_ms;
    c->next_connect_ms = smpp_now_ms() + c->wait_ms;
    if (was_bound && c->options.bound) {
        c->options.bound(c->options.ctx, false);
    }
}

static const struct smpp_link_ops link_ops = {
    .request = on_request, .answered = on_answered, .closed = on_closed};

static bool resolve(const struct smpp_client *c, struct sockaddr_storage *out, socklen_t *size)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    (void)snprintf(service, sizeof service, "%u", c->options.port);
    if (getaddrinfo(c->host, service, &hints, &found) != 0) {
        return false;
    }
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* The bind is written at once and goes out when the connection stands. */
static void connect_now(struct smpp_client *c, int64_t now)
{
    struct sockaddr_storage address;
    socklen_t size;
    struct bufferevent *bev =
        bufferevent_socket_new(c->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    c->next_connect_ms = now + LONGEST_WAIT;
    if (!bev || !resolve(c, &address, &size)) {
        if (bev) {
            bufferevent_free(bev);
        }
        say(c, CR_LOG_WARNING, "its address is not known");
        c->next_connect_ms = now + FIRST_WAIT;
        return;
    }
    c->links++;
    c->arrived = 0;
    c->link = smpp_link_new(bev, &link_ops, c, (int64_t)c->options.answer_seconds * 1000);
    if (!c->link) {
        return;
    }
    struct smpp_pdu bind = {.command = SMPP_BIND_TRANSCEIVER};
    (void)cr_str_copy(bind.system_id, sizeof bind.system_id, cr_span_str(c->system_id));
    (void)cr_str_copy(bind.password, sizeof bind.password, cr_span_str(c->password));
    c->enquired_ms = now;
    if (bufferevent_socket_connect(bev, (struct sockaddr *)&address, (int)size) != 0 ||
        !smpp_link_ask(c->link, &bind, BIND_REF, now)) {
        smpp_link_close(c->link, "it cannot be connected to");
    }
    cr_wipe(bind.password, sizeof bind.password);
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static bool may_send(struct smpp_client *c, int64_t now)
{
    if (!c->bound || now < c->pause_ms || smpp_link_open(c->link) >= c->options.window) {
        return false;
    }
    if (c->options.per_second) {
        double most = c->options.per_second;
        c->tokens += (double)(now - c->tokens_ms) * c->options.per_second / 1000;
        c->tokens = c->tokens > most ? most : c->tokens;
        c->tokens_ms = now;
        if (c->tokens < 1) {
            return false;
        }
        c->tokens -= 1;
    }
    return true;
}

static struct waiting *take_waiting(struct smpp_client *c)
{
    (void)pthread_mutex_lock(&c->lock);
    struct waiting *w = c->first;
    if (w) {
        c->first = w->next;
        c->last = c->first ? c->last : &c->first;
        c->count--;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return w;
}

static bool any_waiting(struct smpp_client *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool any = c->first != NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return any;
}

static void send_waiting(struct smpp_client *c)
{
    int64_t now = smpp_now_ms();
    while (any_waiting(c) && may_send(c, now)) {
        struct waiting *w = take_waiting(c);
        struct smpp_pdu pdu = {.command = SMPP_SUBMIT_SM, .message = w->message};
        if (!smpp_link_ask(c->link, &pdu, w->ref, now)) {
            c->options.submitted(c->options.ctx, w->ref, SMPP_SYSTEM, "");
        }
        free(w);
    }
}

/* ---- answers that came later -------------------------------------------------------------------
 */

static struct reply *take_replies(struct smpp_client *c)
{
    (void)pthread_mutex_lock(&c->lock);
    struct reply *all = c->replies;
    c->replies = NULL;
    c->last_reply = &c->replies;
    (void)pthread_mutex_unlock(&c->lock);
    return all;
}

static void send_replies(struct smpp_client *c)
{
    struct reply *next = NULL;
    for (struct reply *r = take_replies(c); r; r = next) {
        const struct smpp_pdu answer = {.command = SMPP_DELIVER_SM | SMPP_RESPONSE,
                                        .status = r->status,
                                        .sequence = (uint32_t)r->ticket};
        next = r->next;
        if (c->link && r->ticket >> 32 == c->links) {
            c->arrived--;
            smpp_link_answer(c->link, &answer);
        }
        free(r);
    }
}

void smpp_client_answer(struct smpp_client *c, uint64_t ticket, uint32_t status)
{
    struct reply *r = malloc(sizeof *r);
    if (!r) {
        return; /* the peer takes it for lost, as it is */
    }
    *r = (struct reply){.ticket = ticket, .status = status};
    (void)pthread_mutex_lock(&c->lock);
    const bool first = c->replies == NULL;
    *c->last_reply = r;
    c->last_reply = &r->next;
    (void)pthread_mutex_unlock(&c->lock);
    if (first) {
        event_active(c->wake, EV_TIMEOUT, 1);
    }
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static bool stopping(struct smpp_client *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool stop = c->stop;
    (void)pthread_mutex_unlock(&c->lock);
    return stop;
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct smpp_client *c = ctx;
    (void)fd;
    (void)what;
    if (stopping(c)) {
        (void)event_base_loopbreak(c->base);
        return;
    }
    send_replies(c);
    send_waiting(c);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct smpp_client *c = ctx;
    int64_t now = smpp_now_ms(), enquire = (int64_t)c->options.enquire_seconds * 1000;
    (void)fd;
    (void)what;
    if (!c->link) {
        if (now >= c->next_connect_ms) {
            connect_now(c, now);
        }
        return;
    }
    if (c->bound && now - smpp_link_heard(c->link) >= enquire && now - c->enquired_ms >= enquire) {
        struct smpp_pdu pdu = {.command = SMPP_ENQUIRE_LINK};
        c->enquired_ms = now;
        (void)smpp_link_ask(c->link, &pdu, 0, now);
    }
    smpp_link_tick(c->link, now);
    if (c->link) {
        send_waiting(c);
    }
}

static void say_goodbye(struct smpp_client *c)
{
    if (!c->link) {
        return;
    }
    if (c->bound) {
        struct smpp_pdu pdu = {.command = SMPP_UNBIND};
        (void)smpp_link_ask(c->link, &pdu, 0, smpp_now_ms());
        const struct timeval moment = {.tv_usec = 200000};
        (void)event_base_loopexit(c->base, &moment);
        (void)event_base_dispatch(c->base);
    }
    if (c->link) {
        smpp_link_close(c->link, "we unbound");
    }
}

static void *run(void *ctx)
{
    struct smpp_client *c = ctx;
    const struct timeval every = {.tv_usec = TICK_MS * 1000};
    (void)event_add(c->tick, &every);
    event_active(c->tick, EV_TIMEOUT, 1);
    (void)event_base_dispatch(c->base);
    (void)event_del(c->tick);
    send_replies(c);
    say_goodbye(c);
    for (struct waiting *w = take_waiting(c); w; w = take_waiting(c)) {
        c->options.submitted(c->options.ctx, w->ref, SMPP_LOST, "");
        free(w);
    }
    send_replies(c); /* to nobody: frees them */
    return NULL;
}

cr_status smpp_client_start(const struct smpp_client_options *options, struct smpp_client **out,
                            struct cr_err *err)
{
    struct smpp_client *c = calloc(1, sizeof *c);
    if (!c) {
        return cr_fail_memory(err);
    }
    (void)evthread_use_pthreads();
    c->options = *options;
    c->options.enquire_seconds = options->enquire_seconds ? options->enquire_seconds : 30;
    c->options.answer_seconds = options->answer_seconds ? options->answer_seconds : 10;
    c->options.window = options->window ? options->window : 16;
    if (c->options.window > SMPP_MAX_WINDOW - 2) {
        c->options.window = SMPP_MAX_WINDOW - 2; /* room for enquire_link and unbind */
    }
    c->last = &c->first;
    c->last_reply = &c->replies;
    c->tokens_ms = smpp_now_ms();
    c->tokens = c->options.per_second;
    (void)pthread_mutex_init(&c->lock, NULL);
    bool fits = cr_str_copy(c->host, sizeof c->host,
                            cr_span_str(options->host ? options->host : "127.0.0.1")) &&
                cr_str_copy(c->system_id, sizeof c->system_id, cr_span_str(options->system_id)) &&
                cr_str_copy(c->password, sizeof c->password, cr_span_str(options->password));
    cr_status status = fits ? CR_OK
                            : cr_fail(err, CR_REFUSED, "SMPP 3.4 5.2",
                                      "a system id has at most 15 characters, a password 8");
    *out = c; /* before the thread begins: its callbacks may ask the owner for it */
    if (status == CR_OK) {
        c->base = event_base_new();
        c->tick = c->base ? event_new(c->base, -1, EV_PERSIST, on_tick, c) : NULL;
        c->wake = c->base ? event_new(c->base, -1, EV_PERSIST, on_wake, c) : NULL;
        c->running = c->tick && c->wake && pthread_create(&c->thread, NULL, run, c) == 0;
        status = c->running ? CR_OK : cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
    }
    if (status != CR_OK) {
        smpp_client_stop(c);
        *out = NULL;
        return status;
    }
    return CR_OK;
}

cr_status smpp_client_submit(struct smpp_client *c, const struct smpp_message *message,
                             uint64_t ref, struct cr_err *err)
{
    struct waiting *w = malloc(sizeof *w);
    if (!w) {
        return cr_fail_memory(err);
    }
    *w = (struct waiting){.message = *message, .ref = ref};
    (void)pthread_mutex_lock(&c->lock);
    bool room = c->count < SMPP_MAX_QUEUE && !c->stop;
    if (room) {
        *c->last = w;
        c->last = &w->next;
        c->count++;
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (!room) {
        free(w);
        return cr_fail(err, CR_RESOURCE, NULL, "%d short messages wait for the SMSC already",
                       SMPP_MAX_QUEUE);
    }
    event_active(c->wake, EV_TIMEOUT, 1);
    return CR_OK;
}

void smpp_client_stop(struct smpp_client *c)
{
    if (!c) {
        return;
    }
    if (c->running) {
        (void)pthread_mutex_lock(&c->lock);
        c->stop = true;
        (void)pthread_mutex_unlock(&c->lock);
        event_active(c->wake, EV_TIMEOUT, 1);
        (void)pthread_join(c->thread, NULL);
    }
    if (c->tick) {
        event_free(c->tick);
    }
    if (c->wake) {
        event_free(c->wake);
    }
    smpp_base_free(c->base);
    (void)pthread_mutex_destroy(&c->lock);
    cr_wipe(c->password, sizeof c->password);
    free(c);
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

bool smpp_same_number(const char *a, const char *b)
{
    a += *a == '+';
    b += *b == '+';
    return *a && strcmp(a, b) == 0;
}
