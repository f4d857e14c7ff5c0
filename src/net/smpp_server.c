#include "net/smpp_link.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS      250
#define BIND_SECONDS 10 /* a connection that has not bound by then is ended */

struct session {
    struct session *next;
    struct smpp_server *server;
    struct smpp_link *link;
    char system_id[SMPP_MAX_NAME + 1]; /* empty = not bound */
    int64_t since_ms;
    bool over; /* freed at the next tick: callbacks may be on the stack */
};

struct item {
    struct item *next;
    char system_id[SMPP_MAX_NAME + 1];
    struct smpp_pdu pdu;
    uint64_t ref;
    bool receipt; /* nobody waits for its end */
};

struct smpp_server {
    struct smpp_server_options options;
    struct event_base *base;
    struct event *tick, *wake;
    struct evconnlistener *listener;
    pthread_t thread;
    bool running;
    uint16_t port;

    /* Of the loop's thread. */
    struct session *sessions;
    unsigned session_count;

    pthread_mutex_t lock; /* of what follows */
    struct item *first, **last;
    size_t count;
    bool stop;
};

/* Refs of receipts are not the caller's: this bit keeps them apart. */
#define RECEIPT_REF ((uint64_t)1 << 63)

/* ---- sessions ----------------------------------------------------------------------------------
 */

static void take_bind(struct session *s, const struct smpp_pdu *pdu, struct smpp_pdu *answer)
{
    const struct smpp_server_options *o = &s->server->options;
    if (s->system_id[0]) {
        answer->status = 5; /* bound already */
    } else if (pdu->command != SMPP_BIND_TRANSCEIVER && pdu->command != SMPP_BIND_RECEIVER &&
               pdu->command != SMPP_BIND_TRANSMITTER) {
        answer->status = SMPP_BIND_FAIL;
    } else if (!pdu->system_id[0] || !o->admit(o->ctx, pdu->system_id, pdu->password)) {
        cr_log(o->env, CR_LOG_WARNING, "SMPP: %s may not bind", pdu->system_id);
        answer->status = SMPP_BIND_FAIL;
    } else {
        (void)cr_str_copy(s->system_id, sizeof s->system_id, cr_span_str(pdu->system_id));
        (void)cr_str_copy(answer->system_id, sizeof answer->system_id, cr_span_str("crisp"));
    }
}

static bool on_request(void *ctx, struct smpp_link *link, const struct smpp_pdu *pdu,
                       struct smpp_pdu *answer)
{
    struct session *s = ctx;
    const struct smpp_server_options *o = &s->server->options;
    (void)link;
    switch (pdu->command) {
    case SMPP_BIND_TRANSCEIVER:
    case SMPP_BIND_RECEIVER:
    case SMPP_BIND_TRANSMITTER:
        take_bind(s, pdu, answer);
        break;
    case SMPP_SUBMIT_SM:
        answer->status = s->system_id[0]
                             ? o->submitted(o->ctx, s->system_id, &pdu->message, answer->id)
                             : SMPP_BIND_FIRST;
        break;
    default:
        answer->command = SMPP_GENERIC_NACK;
        answer->status = 3;
        break;
    }
    return true;
}

static void on_answered(void *ctx, struct smpp_link *link, uint32_t command, uint64_t ref,
                        const struct smpp_pdu *pdu)
{
    struct session *s = ctx;
    const struct smpp_server_options *o = &s->server->options;
    (void)link;
    if (command == SMPP_DELIVER_SM && !(ref & RECEIPT_REF)) {
        o->delivered(o->ctx, ref, pdu ? pdu->status : SMPP_LOST);
    }
}

static void on_closed(void *ctx, struct smpp_link *link, const char *why)
{
    struct session *s = ctx;
    (void)link;
    cr_log(s->server->options.env, CR_LOG_INFO, "SMPP: %s: %s",
           s->system_id[0] ? s->system_id : "unbound session", why);
    s->over = true;
    s->system_id[0] = '\0';
}

static const struct smpp_link_ops link_ops = {
    .request = on_request, .answered = on_answered, .closed = on_closed};

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *ctx)
{
    struct smpp_server *server = ctx;
    (void)listener;
    (void)address;
    (void)size;
    struct session *s =
        server->session_count < server->options.max_sessions ? calloc(1, sizeof *s) : NULL;
    struct bufferevent *bev =
        s ? bufferevent_socket_new(server->base, fd,
                                   BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)
          : NULL;
    if (!bev) {
        free(s);
        (void)close(fd);
        return;
    }
    s->server = server;
    s->since_ms = smpp_now_ms();
    s->link = smpp_link_new(bev, &link_ops, s, (int64_t)server->options.answer_seconds * 1000);
    if (!s->link) {
        free(s);
        return;
    }
    s->next = server->sessions;
    server->sessions = s;
    server->session_count++;
}

/* ---- what goes out -----------------------------------------------------------------------------
 */

static struct session *session_of(struct smpp_server *server, const char *system_id)
{
    for (struct session *s = server->sessions; s; s = s->next) {
        if (!s->over && s->system_id[0] && strcmp(s->system_id, system_id) == 0) {
            return s;
        }
    }
    return NULL;
}

/* The first item whose session has room in its window, or has gone. */
static struct item *take_item(struct smpp_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    struct item **at = &server->first, *found = NULL;
    while (*at && !found) {
        struct session *s = session_of(server, (*at)->system_id);
        if (!s || smpp_link_open(s->link) < SMPP_MAX_WINDOW) {
            found = *at;
            *at = found->next;
            server->count--;
        } else {
            at = &(*at)->next;
        }
    }
    server->last = &server->first;
    while (*server->last) {
        server->last = &(*server->last)->next;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return found;
}

static void send_items(struct smpp_server *server)
{
    for (struct item *i = take_item(server); i; i = take_item(server)) {
        struct session *s = session_of(server, i->system_id);
        uint64_t ref = i->receipt ? RECEIPT_REF : i->ref;
        bool sent = s && smpp_link_ask(s->link, &i->pdu, ref, smpp_now_ms());
        if (!sent && !i->receipt) {
            server->options.delivered(server->options.ctx, i->ref, SMPP_LOST);
        }
        free(i);
    }
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct smpp_server *server = ctx;
    (void)fd;
    (void)what;
    (void)pthread_mutex_lock(&server->lock);
    bool stop = server->stop;
    (void)pthread_mutex_unlock(&server->lock);
    if (stop) {
        (void)event_base_loopbreak(server->base);
    } else {
        send_items(server);
    }
}

static void look_at(struct session *s, int64_t now)
{
    const struct smpp_server_options *o = &s->server->options;
    if (!s->system_id[0] && now - s->since_ms > BIND_SECONDS * 1000) {
        smpp_link_close(s->link, "it did not bind");
    } else if (now - smpp_link_heard(s->link) > (int64_t)o->idle_seconds * 1000) {
        smpp_link_close(s->link, "it says nothing");
    } else {
        smpp_link_tick(s->link, now);
    }
}

static void drop_session(struct smpp_server *server, struct session **at)
{
    struct session *s = *at;
    *at = s->next;
    smpp_link_free(s->link);
    free(s);
    server->session_count--;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct smpp_server *server = ctx;
    int64_t now = smpp_now_ms();
    (void)fd;
    (void)what;
    for (struct session *s = server->sessions; s; s = s->next) {
        if (!s->over) {
            look_at(s, now);
        }
    }
    for (struct session **at = &server->sessions; *at;) {
        if ((*at)->over) {
            drop_session(server, at);
        } else {
            at = &(*at)->next;
        }
    }
    send_items(server);
}

static void *run(void *ctx)
{
    struct smpp_server *server = ctx;
    const struct timeval every = {.tv_usec = TICK_MS * 1000};
    (void)event_add(server->tick, &every);
    (void)event_base_dispatch(server->base);
    (void)event_del(server->tick);
    while (server->sessions) {
        if (!server->sessions->over) {
            smpp_link_close(server->sessions->link, "the server ends");
        }
        drop_session(server, &server->sessions);
    }
    send_items(server); /* nobody is bound any more: told as lost */
    return NULL;
}

/* ---- life --------------------------------------------------------------------------------------
 */

static cr_status listen_on(struct smpp_server *server, struct cr_err *err)
{
    const char *host = server->options.host ? server->options.host : "127.0.0.1";
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST | AI_PASSIVE};
    struct addrinfo *found = NULL;
    (void)snprintf(service, sizeof service, "%u", server->options.port);
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        return cr_fail(err, CR_REFUSED, NULL, "%.100s is no address to listen on", host);
    }
    server->listener = evconnlistener_new_bind(server->base, on_accept, server,
                                               LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                               found->ai_addr, (int)found->ai_addrlen);
    freeaddrinfo(found);
    if (!server->listener) {
        return cr_err_next(err,
                           cr_fail(err, CR_RESOURCE, NULL, "cannot listen on %.100s port %u: %s",
                                   host, server->options.port, strerror(errno)),
                           "Choose another port, or 0 for a free one.");
    }
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&bound, &size) ==
        0) {
        server->port = bound.ss_family == AF_INET6
                           ? ntohs(((struct sockaddr_in6 *)(void *)&bound)->sin6_port)
                           : ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
    }
    return CR_OK;
}

static cr_status start(struct smpp_server *server, struct cr_err *err)
{
    server->base = event_base_new();
    server->tick = server->base ? event_new(server->base, -1, EV_PERSIST, on_tick, server) : NULL;
    server->wake = server->base ? event_new(server->base, -1, EV_PERSIST, on_wake, server) : NULL;
    if (!server->tick || !server->wake) {
        return cr_fail_memory(err);
    }
    CR_TRY(listen_on(server, err));
    server->running = pthread_create(&server->thread, NULL, run, server) == 0;
    return server->running ? CR_OK : cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
}

cr_status smpp_server_start(const struct smpp_server_options *options, struct smpp_server **out,
                            struct cr_err *err)
{
    struct smpp_server *server = calloc(1, sizeof *server);
    if (!server) {
        return cr_fail_memory(err);
    }
    (void)evthread_use_pthreads();
    server->options = *options;
    server->options.max_sessions = options->max_sessions ? options->max_sessions : 16;
    server->options.answer_seconds = options->answer_seconds ? options->answer_seconds : 10;
    server->options.idle_seconds = options->idle_seconds ? options->idle_seconds : 120;
    server->last = &server->first;
    (void)pthread_mutex_init(&server->lock, NULL);
    cr_status status = start(server, err);
    if (status != CR_OK) {
        smpp_server_stop(server);
        return status;
    }
    *out = server;
    return CR_OK;
}

uint16_t smpp_server_port(const struct smpp_server *server)
{
    return server->port;
}

static cr_status put(struct smpp_server *server, struct item *item, struct cr_err *err)
{
    (void)pthread_mutex_lock(&server->lock);
    bool room = server->count < SMPP_MAX_QUEUE && !server->stop;
    if (room) {
        *server->last = item;
        server->last = &item->next;
        server->count++;
    }
    (void)pthread_mutex_unlock(&server->lock);
    if (!room) {
        free(item);
        return cr_fail(err, CR_RESOURCE, NULL, "%d short messages wait already", SMPP_MAX_QUEUE);
    }
    event_active(server->wake, EV_TIMEOUT, 1);
    return CR_OK;
}

static struct item *new_item(const char *system_id, const struct smpp_message *message)
{
    struct item *item = calloc(1, sizeof *item);
    if (item) {
        (void)cr_str_copy(item->system_id, sizeof item->system_id, cr_span_str(system_id));
        item->pdu.command = SMPP_DELIVER_SM;
        item->pdu.message = *message;
    }
    return item;
}

cr_status smpp_server_deliver(struct smpp_server *server, const char *system_id,
                              const struct smpp_message *message, uint64_t ref, struct cr_err *err)
{
    struct item *item = new_item(system_id, message);
    if (!item) {
        return cr_fail_memory(err);
    }
    item->ref = ref;
    return put(server, item, err);
}

/* "id:... stat:DELIVRD" is what ESMEs without the optional parameters read (SMPP 3.4 appendix B).
 */
static const char *state_text(uint8_t state)
{
    static const char *const texts[] = {"UNKNOWN", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED",
                                        "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"};
    return state < CR_COUNT(texts) ? texts[state] : texts[0];
}

cr_status smpp_server_receipt(struct smpp_server *server, const char *system_id,
                              const struct smpp_receipt *receipt, const struct smpp_message *about,
                              struct cr_err *err)
{
    /* From the one who got it, to the one who sent it. */
    struct smpp_message m = {.from_ton = about->to_ton,
                             .from_npi = about->to_npi,
                             .to_ton = about->from_ton,
                             .to_npi = about->from_npi,
                             .esm_class = SMPP_RECEIPT};
    (void)cr_str_copy(m.from, sizeof m.from, cr_span_str(about->to));
    (void)cr_str_copy(m.to, sizeof m.to, cr_span_str(about->from));
    int n = snprintf((char *)m.text, sizeof m.text, "id:%s stat:%s", receipt->id,
                     state_text(receipt->state));
    m.text_size = n > 0 ? (size_t)n : 0;
    struct item *item = new_item(system_id, &m);
    if (!item) {
        return cr_fail_memory(err);
    }
    item->receipt = true;
    item->pdu.message_state = receipt->state;
    (void)cr_str_copy(item->pdu.id, sizeof item->pdu.id, cr_span_str(receipt->id));
    return put(server, item, err);
}

void smpp_server_stop(struct smpp_server *server)
{
    if (!server) {
        return;
    }
    if (server->running) {
        (void)pthread_mutex_lock(&server->lock);
        server->stop = true;
        (void)pthread_mutex_unlock(&server->lock);
        event_active(server->wake, EV_TIMEOUT, 1);
        (void)pthread_join(server->thread, NULL);
    }
    if (server->listener) {
        evconnlistener_free(server->listener);
    }
    if (server->tick) {
        event_free(server->tick);
    }
    if (server->wake) {
        event_free(server->wake);
    }
    smpp_base_free(server->base);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
