#include "net/http_loop.h"

#include "net/psk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS    250     /* deadlines are looked at this often */
#define SPARE_JOBS 64      /* kept for the next requests */
#define SMALL_BODY 16384   /* bytes of an answer copied behind its head: one TLS record */
#define MAX_SNI    256     /* bytes of a server name with NUL */
#define MAX_CERT   (64000) /* bytes of a client certificate */

enum connection_phase {
    PHASE_HANDSHAKE, /* TLS */
    PHASE_IDLE,      /* between requests */
    PHASE_REQUEST,   /* a request has begun to arrive */
    PHASE_HANDLING,  /* its job is with the pool */
    PHASE_WRITING,   /* the answer is on its way and holds up the next request */
    PHASE_CLOSING,   /* the last answer is on its way */
    PHASE_LINGER     /* it is out; what still comes in is thrown away */
};

struct http_connection {
    struct http_connection *prev;
    struct http_connection *next;
    struct http_loop *loop;
    const struct http_listener *listener;
    struct bufferevent *bev;
    SSL *ssl; /* of the bufferevent; NULL = plain */
    enum connection_phase phase;
    int64_t since;        /* ms on the loop's clock: begin of the phase */
    int64_t deadline;     /* ms on the loop's clock; of no meaning in PHASE_HANDLING */
    int64_t body_begun;   /* when the header was complete */
    struct http_job *job; /* the request being read or handled */
    size_t unsent;        /* output seen at the last tick */
    bool continued;       /* 100 Continue was sent for this request */
    bool ended;           /* the client sends no more */
    bool refused;         /* linger after the answer */
    bool broken;          /* the transport failed: no goodbye */
    bool paused;          /* reading is off */
    cr_buf client_cert;
    char sni[MAX_SNI];
    char psk_identity[PSK_IDENTITY_MAX + 1];
    char peer[HTTP_PEER_TEXT];
};

struct http_acceptor {
    struct http_loop *loop;
    const struct http_listener *listener;
    struct evconnlistener *events;
};

struct http_loop {
    struct http_loop_options options;
    struct event_base *base;
    struct event *tick;
    struct event *wake;
    int wake_fd;
    pthread_t thread;
    struct http_acceptor *acceptors;
    bool accepting;
    struct http_connection *connections;
    unsigned connection_count;
    unsigned idle_count;        /* of them in PHASE_IDLE */
    size_t body_bytes;          /* of all unfinished requests */
    struct http_queue outgoing; /* complete requests of this turn */
    struct http_job *spare;
    size_t spare_count;
    bool stopping;
    int64_t stop_deadline;
    bool short_of_files; /* accept() said so; said once in the log */

    atomic_bool stop_asked;
    pthread_mutex_t done_lock;
    struct http_queue done; /* finished by the workers */
};

static int64_t loop_now(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- jobs ---- */

static struct http_job *job_take(struct http_loop *loop)
{
    struct http_job *job = loop->spare;
    if (job) {
        loop->spare = job->next;
        loop->spare_count--;
        job->next = NULL;
        return job;
    }
    return http_job_new(loop->options.max_body);
}

static void job_give_back(struct http_loop *loop, struct http_job *job)
{
    loop->body_bytes -= job->charged;
    if (loop->spare_count >= SPARE_JOBS) {
        http_job_free(job);
        return;
    }
    http_job_reset(job);
    job->next = loop->spare;
    loop->spare = job;
    loop->spare_count++;
}

/* On a worker's thread. */
static void job_done(void *ctx, struct http_job *job)
{
    struct http_loop *loop = ctx;
    pthread_mutex_lock(&loop->done_lock);
    bool first = loop->done.count == 0;
    http_queue_push(&loop->done, job);
    pthread_mutex_unlock(&loop->done_lock);
    if (first) { /* else the loop has been woken and has not looked yet */
        uint64_t one = 1;
        (void)!write(loop->wake_fd, &one, sizeof(one));
    }
}

/* ---- connections ---- */

static void loop_accept(struct http_loop *loop, bool accept)
{
    if (loop->accepting == accept) {
        return;
    }
    loop->accepting = accept;
    for (size_t i = 0; i < loop->options.count; i++) {
        if (!loop->acceptors[i].events) {
            continue;
        }
        if (accept) {
            (void)evconnlistener_enable(loop->acceptors[i].events);
        } else {
            (void)evconnlistener_disable(loop->acceptors[i].events);
        }
    }
}

/* At the limit newcomers are only let in when there is an idle connection to make room for them;
 * else they wait in the kernel's queue. */
static void loop_update_accept(struct http_loop *loop)
{
    if (!loop->stopping) {
        loop_accept(loop, !loop->short_of_files &&
                              (loop->connection_count < loop->options.max_connections ||
                               loop->idle_count > 0));
    }
}

static void connection_enter(struct http_connection *connection, enum connection_phase phase)
{
    struct http_loop *loop = connection->loop;
    loop->idle_count -= connection->phase == PHASE_IDLE;
    loop->idle_count += phase == PHASE_IDLE;
    connection->phase = phase;
    loop_update_accept(loop);
}

static void connection_free(struct http_connection *connection)
{
    struct http_loop *loop = connection->loop;
    if (connection->prev) {
        connection->prev->next = connection->next;
    } else {
        loop->connections = connection->next;
    }
    if (connection->next) {
        connection->next->prev = connection->prev;
    }
    loop->connection_count--;
    loop->idle_count -= connection->phase == PHASE_IDLE;
    if (connection->job) {
        if (connection->phase == PHASE_HANDLING) {
            connection->job->connection = NULL; /* comes back from the pool */
        } else {
            job_give_back(loop, connection->job);
        }
    }
    if (connection->ssl && connection->phase != PHASE_HANDSHAKE && !connection->broken) {
        /* Says close_notify without waiting for the peer's; nothing is left of the error queue for
         * the next connection. */
        (void)SSL_shutdown(connection->ssl);
        ERR_clear_error();
    }
    bufferevent_free(connection->bev);
    cr_buf_free(&connection->client_cert);
    free(connection);
    loop_update_accept(loop);
}

static size_t connection_unsent(const struct http_connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->bev));
}

static void connection_wait(struct http_connection *connection, enum connection_phase phase,
                            int64_t ms)
{
    connection_enter(connection, phase);
    connection->since = loop_now();
    connection->deadline = connection->since + ms;
    connection->unsent = connection_unsent(connection);
}

static int64_t idle_ms(const struct http_connection *connection)
{
    return (int64_t)connection->loop->options.idle_seconds * 1000;
}

static int64_t header_ms(const struct http_connection *connection)
{
    return (int64_t)connection->loop->options.header_seconds * 1000;
}

static void free_response_body(const void *data, size_t n, void *extra)
{
    (void)n;
    (void)extra;
    free((void *)(uintptr_t)data);
}

/* Puts head and body into the output, small ones as one piece: a piece is a TLS record and a packet
 * of its own. Takes the body's memory. */
static bool output_answer(struct evbuffer *output, cr_span head, cr_buf *body)
{
    if (body->n <= SMALL_BODY || body->secret) {
        struct evbuffer_iovec room;
        size_t n = head.n + body->n;
        if (evbuffer_reserve_space(output, (ev_ssize_t)n, &room, 1) != 1) {
            return false;
        }
        memcpy(room.iov_base, head.p, head.n);
        if (body->n) {
            memcpy((uint8_t *)room.iov_base + head.n, body->p, body->n);
        }
        room.iov_len = n;
        return evbuffer_commit_space(output, &room, 1) == 0;
    }
    if (evbuffer_add(output, head.p, head.n) != 0 ||
        evbuffer_add_reference(output, body->p, body->n, free_response_body, NULL) != 0) {
        return false;
    }
    *body = (cr_buf){0};
    return true;
}

/* The last answer is in the output: what comes after it. False when the connection is gone. */
static bool connection_close_soon(struct http_connection *connection)
{
    connection_wait(connection, PHASE_CLOSING, idle_ms(connection));
    if (connection_unsent(connection) > 0) {
        return true;
    }
    bool unread = evbuffer_get_length(bufferevent_get_input(connection->bev)) > 0;
    if ((!connection->refused && !unread) || connection->ended) {
        connection_free(connection);
        return false;
    }
    /* Closing a socket with unread bytes in it resets the connection, and the answer that says what
     * was wrong would be lost with it. */
    if (connection->ssl) {
        (void)SSL_shutdown(connection->ssl);
        ERR_clear_error();
    }
    (void)shutdown(bufferevent_getfd(connection->bev), SHUT_WR);
    (void)evbuffer_drain(bufferevent_get_input(connection->bev), SIZE_MAX);
    (void)bufferevent_enable(connection->bev, EV_READ);
    connection_wait(connection, PHASE_LINGER, HTTP_LINGER_MS);
    return true;
}

/* Answers what never reaches a handler, and ends the connection. False when it is gone. */
static bool connection_refuse(struct http_connection *connection, int status, const char *problem)
{
    struct http_loop *loop = connection->loop;
    cr_log(loop->options.env, CR_LOG_INFO, "%s: request refused with %d: %s", connection->peer,
           status, problem);
    struct http_response response = {.status = status, .content_type = "text/plain"};
    cr_buf head = {0};
    cr_buf_append_str(&response.body, problem);
    cr_buf_append_str(&response.body, "\n");
    http_answer_head(&head, &response, response.body.n, true, cr_now_ms(loop->options.env));
    bool sent =
        cr_buf_ok(&head) && cr_buf_ok(&response.body) &&
        output_answer(bufferevent_get_output(connection->bev), cr_buf_span(&head), &response.body);
    cr_buf_free(&head);
    cr_buf_free(&response.body);
    if (connection->job) {
        job_give_back(loop, connection->job);
        connection->job = NULL;
    }
    if (!sent) {
        connection_free(connection);
        return false;
    }
    connection->refused = true;
    return connection_close_soon(connection);
}

/* The request is complete: fills in what the handler sees and queues the job for the pool. */
static bool connection_dispatch(struct http_connection *connection)
{
    struct http_loop *loop = connection->loop;
    struct http_job *job = connection->job;
    memcpy(job->peer, connection->peer, sizeof(job->peer));
    job->handler = connection->listener->handler;
    job->handler_ctx = connection->listener->ctx;
    job->connection = connection;
    job->stopping = &loop->stop_asked;
    job->done = job_done;
    job->done_ctx = loop;
    job->request = (struct http_request){.method = job->parser.method,
                                         .path = job->parser.path,
                                         .query = job->parser.query,
                                         .body = cr_buf_span(&job->parser.body),
                                         .peer = job->peer,
                                         .headers = &job->parser.fields,
                                         .arena = &job->arena};
    /* Copies: the connection may go away while the handler runs. */
    if (connection->sni[0]) {
        job->request.sni = cr_arena_strn(&job->arena, cr_span_str(connection->sni));
    }
    if (connection->psk_identity[0]) {
        job->request.psk_identity =
            cr_arena_strn(&job->arena, cr_span_str(connection->psk_identity));
    }
    if (connection->client_cert.n) {
        job->request.client_cert =
            cr_arena_copy(&job->arena, cr_buf_span(&connection->client_cert));
    }
    if ((connection->sni[0] && !job->request.sni) ||
        (connection->psk_identity[0] && !job->request.psk_identity) ||
        (connection->client_cert.n && !job->request.client_cert.p)) {
        return connection_refuse(connection, 503, "memory is short");
    }
    connection_enter(connection, PHASE_HANDLING);
    http_queue_push(&loop->outgoing, job);
    return true;
}

static bool connection_begin_request(struct http_connection *connection)
{
    connection->job = job_take(connection->loop);
    if (!connection->job) {
        return connection_refuse(connection, 503, "memory is short");
    }
    connection->continued = false;
    connection->body_begun = 0;
    connection_wait(connection, PHASE_REQUEST, header_ms(connection));
    return true;
}

/* After some bytes of the request were taken. False when the connection is gone. */
static bool connection_parsed(struct http_connection *connection)
{
    struct http_loop *loop = connection->loop;
    struct http_job *job = connection->job;
    struct http_parser *parser = &job->parser;
    loop->body_bytes += parser->body.cap - job->charged;
    job->charged = parser->body.cap;
    if (parser->state == HTTP_PARSE_FAILED) {
        return connection_refuse(connection, parser->failure, parser->problem);
    }
    if (parser->state == HTTP_PARSE_DONE) {
        return connection_dispatch(connection);
    }
    if (loop->body_bytes > HTTP_MAX_BODIES) {
        return connection_refuse(connection, 503, "too many large requests at the same time");
    }
    if (parser->state == HTTP_PARSE_HEAD) {
        return true;
    }
    if (connection->body_begun == 0) {
        connection->body_begun = loop_now();
    }
    connection->deadline = connection->body_begun + idle_ms(connection) +
                           (int64_t)(parser->body.n * 1000 / HTTP_MIN_BODY_RATE);
    if (parser->expect_continue && !connection->continued && parser->body.n == 0) {
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        connection->continued = true;
        (void)evbuffer_add(bufferevent_get_output(connection->bev), text, sizeof(text) - 1);
    }
    return true;
}

/* Stops reading while much is unread that cannot be taken now, and starts again. Only called when
 * libevent has emptied OpenSSL's buffer: it would not look there again. */
static void connection_throttle(struct http_connection *connection)
{
    size_t unread = evbuffer_get_length(bufferevent_get_input(connection->bev));
    if (unread > HTTP_MAX_INPUT && !connection->paused) {
        connection->paused = true;
        (void)bufferevent_disable(connection->bev, EV_READ);
    } else if (unread <= HTTP_MAX_INPUT && connection->paused) {
        connection->paused = false;
        (void)bufferevent_enable(connection->bev, EV_READ);
    }
}

/* Goes on reading requests as far as bytes and output allow. False when the connection is gone. */
static bool connection_proceed(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    while (connection->phase == PHASE_IDLE || connection->phase == PHASE_REQUEST) {
        struct evbuffer_iovec piece;
        if (evbuffer_peek(input, -1, NULL, &piece, 1) < 1 || piece.iov_len == 0) {
            break;
        }
        if (!connection->job && !connection_begin_request(connection)) {
            return false;
        }
        if (!connection->job) {
            break; /* refused */
        }
        size_t used =
            http_parser_feed(&connection->job->parser, cr_span_of(piece.iov_base, piece.iov_len));
        (void)evbuffer_drain(input, used);
        if (!connection_parsed(connection)) {
            return false;
        }
    }
    if (connection->ended &&
        (connection->phase == PHASE_IDLE || connection->phase == PHASE_REQUEST)) {
        return connection_close_soon(connection);
    }
    connection_throttle(connection);
    return true;
}

/* A job came back from the pool. */
static void connection_answer(struct http_connection *connection, struct http_job *job)
{
    struct http_loop *loop = connection->loop;
    bool close = job->close || loop->stopping;
    bool sent =
        cr_buf_ok(&job->head) && output_answer(bufferevent_get_output(connection->bev),
                                               cr_buf_span(&job->head), &job->response.body);
    connection->job = NULL;
    connection_enter(connection, PHASE_IDLE);
    job_give_back(loop, job);
    if (!sent) {
        connection_free(connection);
        return;
    }
    if (close) {
        (void)connection_close_soon(connection);
        return;
    }
    if (connection_unsent(connection) > HTTP_MAX_OUTPUT) {
        connection_wait(connection, PHASE_WRITING, idle_ms(connection));
        return;
    }
    connection_wait(connection, PHASE_IDLE, idle_ms(connection));
    (void)connection_proceed(connection);
}

/* ---- events ---- */

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct http_connection *connection = ctx;
    if (connection->phase == PHASE_LINGER || connection->phase == PHASE_CLOSING) {
        (void)evbuffer_drain(bufferevent_get_input(bev), SIZE_MAX);
        return;
    }
    (void)connection_proceed(connection);
}

/* The output is empty. */
static void on_written(struct bufferevent *bev, void *ctx)
{
    struct http_connection *connection = ctx;
    (void)bev;
    if (connection->phase == PHASE_CLOSING) {
        (void)connection_close_soon(connection);
    } else if (connection->phase == PHASE_WRITING) {
        connection_wait(connection, PHASE_IDLE, idle_ms(connection));
        (void)connection_proceed(connection);
    }
}

static void on_event(struct bufferevent *bev, short what, void *ctx);

static void connection_opened(struct http_connection *connection)
{
    const char *name = SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name);
    if (name && strlen(name) < sizeof(connection->sni)) {
        (void)snprintf(connection->sni, sizeof(connection->sni), "%s", name);
    }
    const char *identity = SSL_get_psk_identity(connection->ssl);
    if (identity && strlen(identity) < sizeof(connection->psk_identity)) {
        (void)snprintf(connection->psk_identity, sizeof(connection->psk_identity), "%s", identity);
    }
    X509 *leaf = SSL_get0_peer_certificate(connection->ssl);
    if (leaf && SSL_get_verify_result(connection->ssl) == X509_V_OK) {
        int n = i2d_X509(leaf, NULL);
        uint8_t *at =
            n > 0 && n <= MAX_CERT ? cr_buf_extend(&connection->client_cert, (size_t)n) : NULL;
        if (!at) {
            connection_free(connection);
            return;
        }
        (void)i2d_X509(leaf, &at);
    }
    connection_wait(connection, PHASE_IDLE, idle_ms(connection));
    (void)connection_proceed(connection);
}

static void log_handshake_failure(struct http_connection *connection)
{
    unsigned long code = bufferevent_get_openssl_error(connection->bev);
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verdict = SSL_get_verify_result(connection->ssl);
    if (verdict != X509_V_OK) {
        reason = X509_verify_cert_error_string(verdict);
    }
    cr_log(connection->loop->options.env, CR_LOG_INFO, "%s: TLS handshake failed: %s",
           connection->peer, reason ? reason : "the client went away");
}

/* The handshake failed and OpenSSL sent the alert that says why. With TLS 1.3 the client's request
 * may be on its way already; closing on it would reset the connection and lose the alert. So the
 * socket goes on as a plain one that is only drained. */
static void connection_linger_plain(struct http_connection *connection)
{
    int fd = fcntl(bufferevent_getfd(connection->bev), F_DUPFD_CLOEXEC, 0);
    struct bufferevent *plain =
        fd < 0 ? NULL : bufferevent_socket_new(connection->loop->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!plain) {
        if (fd >= 0) {
            (void)close(fd);
        }
        connection_free(connection);
        return;
    }
    bufferevent_setcb(connection->bev, NULL, NULL, NULL, NULL);
    bufferevent_free(connection->bev);
    connection->bev = plain;
    connection->ssl = NULL;
    (void)shutdown(fd, SHUT_WR);
    connection_wait(connection, PHASE_LINGER, HTTP_LINGER_MS);
    bufferevent_setcb(plain, on_read, on_written, on_event, connection);
    (void)bufferevent_enable(plain, EV_READ);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct http_connection *connection = ctx;
    (void)bev;
    if (what & BEV_EVENT_CONNECTED) {
        connection_opened(connection);
        return;
    }
    if (connection->phase == PHASE_HANDSHAKE) {
        log_handshake_failure(connection);
        if (what & BEV_EVENT_EOF) {
            connection_free(connection);
        } else {
            connection_linger_plain(connection);
        }
        return;
    }
    if ((what & BEV_EVENT_EOF) && !connection->ssl) {
        /* A client may close its sending side and still wait for the answer. */
        connection->ended = true;
        if (connection->phase == PHASE_HANDLING || connection->phase == PHASE_WRITING ||
            connection->phase == PHASE_CLOSING) {
            return;
        }
    }
    connection->broken = (what & BEV_EVENT_ERROR) != 0;
    connection_free(connection);
}

static void peer_text(char out[HTTP_PEER_TEXT], const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        (void)inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        (void)snprintf(out, HTTP_PEER_TEXT, "%s:%u", host, ntohs(in.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof(in));
        (void)inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof(host));
        (void)snprintf(out, HTTP_PEER_TEXT, "[%s]:%u", host, ntohs(in.sin6_port));
    } else {
        (void)snprintf(out, HTTP_PEER_TEXT, "?");
    }
}

/* Makes room by closing the connection that has been idle for longest, but not the newest. */
static bool loop_evict(struct http_loop *loop, const struct http_connection *newest)
{
    struct http_connection *oldest = NULL;
    for (struct http_connection *c = loop->connections; c; c = c->next) {
        if (c != newest && c->phase == PHASE_IDLE && connection_unsent(c) == 0 &&
            (!oldest || c->since < oldest->since)) {
            oldest = c;
        }
    }
    if (oldest) {
        connection_free(oldest);
    }
    return oldest != NULL;
}

static struct bufferevent *transport_new(struct http_connection *connection, evutil_socket_t fd)
{
    struct event_base *base = connection->loop->base;
    SSL_CTX *tls = connection->listener->tls;
    if (!tls) {
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    }
    connection->ssl = SSL_new(tls);
    if (!connection->ssl) {
        return NULL;
    }
    (void)SSL_set_mode(connection->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                            SSL_MODE_RELEASE_BUFFERS);
    /* Frees the SSL also when it fails. */
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, fd, connection->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev) {
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    }
    return bev;
}

static void on_accept(struct evconnlistener *events, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *ctx)
{
    const struct http_acceptor *acceptor = ctx;
    struct http_loop *loop = acceptor->loop;
    (void)events;
    (void)length;
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (connection) {
        connection->loop = loop;
        connection->listener = acceptor->listener;
        connection->client_cert.limit = MAX_CERT;
        connection->bev = transport_new(connection, fd);
    }
    if (!connection || !connection->bev) {
        free(connection);
        evutil_closesocket(fd);
        return;
    }
    peer_text(connection->peer, address);
    connection->next = loop->connections;
    if (connection->next) {
        connection->next->prev = connection;
    }
    loop->connections = connection;
    loop->connection_count++;
    bufferevent_setcb(connection->bev, on_read, on_written, on_event, connection);
    connection_wait(connection, connection->ssl ? PHASE_HANDSHAKE : PHASE_IDLE,
                    header_ms(connection));
    (void)bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
    if (loop->connection_count > loop->options.max_connections && !loop_evict(loop, connection)) {
        connection_free(connection);
    }
}

/* accept() failed: as a rule because the process has no file descriptor left. */
static void on_accept_error(struct evconnlistener *events, void *ctx)
{
    const struct http_acceptor *acceptor = ctx;
    struct http_loop *loop = acceptor->loop;
    (void)events;
    int problem = EVUTIL_SOCKET_ERROR();
    if (!loop->short_of_files) {
        cr_log(loop->options.env, CR_LOG_WARNING,
               "cannot accept a connection: %s; trying again (raise the limit of open files)",
               strerror(problem));
    }
    loop->short_of_files = true; /* until the next tick */
    loop_update_accept(loop);
    (void)loop_evict(loop, NULL);
}

/* False when the connection is gone. */
static bool connection_check_deadline(struct http_connection *connection, int64_t now)
{
    if (connection->phase == PHASE_WRITING || connection->phase == PHASE_CLOSING) {
        size_t unsent = connection_unsent(connection);
        if (unsent < connection->unsent) {
            connection->unsent = unsent;
            connection->deadline = now + idle_ms(connection);
        }
    }
    if (connection->phase == PHASE_HANDLING || now < connection->deadline) {
        return true;
    }
    if (connection->phase == PHASE_REQUEST) {
        return connection_refuse(connection, 408, "the request did not arrive in time");
    }
    if (connection->phase == PHASE_HANDSHAKE) {
        cr_log(connection->loop->options.env, CR_LOG_INFO, "%s: no TLS handshake in time",
               connection->peer);
    }
    connection_free(connection);
    return false;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct http_loop *loop = ctx;
    (void)fd;
    (void)what;
    int64_t now = loop_now();
    struct http_connection *next;
    for (struct http_connection *c = loop->connections; c; c = next) {
        next = c->next;
        (void)connection_check_deadline(c, now);
    }
    loop->short_of_files = false;
    loop_update_accept(loop);
}

static void loop_begin_stop(struct http_loop *loop)
{
    loop->stopping = true;
    loop->stop_deadline = loop_now() + HTTP_STOP_SECONDS * 1000;
    for (size_t i = 0; i < loop->options.count; i++) {
        evconnlistener_free(loop->acceptors[i].events);
        loop->acceptors[i].events = NULL;
    }
    struct http_connection *next;
    for (struct http_connection *c = loop->connections; c; c = next) {
        next = c->next;
        if (c->phase == PHASE_IDLE && connection_unsent(c) > 0) {
            (void)connection_close_soon(c);
        } else if (c->phase == PHASE_IDLE || c->phase == PHASE_HANDSHAKE) {
            connection_free(c);
        }
    }
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct http_loop *loop = ctx;
    (void)what;
    uint64_t count;
    (void)!read(fd, &count, sizeof(count));
    pthread_mutex_lock(&loop->done_lock);
    struct http_queue done = loop->done;
    loop->done = (struct http_queue){0};
    pthread_mutex_unlock(&loop->done_lock);
    for (struct http_job *job = http_queue_pop(&done); job; job = http_queue_pop(&done)) {
        if (job->connection) {
            connection_answer(job->connection, job);
        } else {
            job_give_back(loop, job);
        }
    }
    if (atomic_load(&loop->stop_asked) && !loop->stopping) {
        loop_begin_stop(loop);
    }
}

static void *loop_main(void *arg)
{
    struct http_loop *loop = arg;
    http_thread_block_signals();
    while (!loop->stopping || (loop->connections && loop_now() < loop->stop_deadline)) {
        if (event_base_loop(loop->base, EVLOOP_ONCE) < 0) {
            cr_log(loop->options.env, CR_LOG_ERROR, "the event loop failed: %s", strerror(errno));
            break;
        }
        http_pool_submit(loop->options.pool, &loop->outgoing);
    }
    while (loop->connections) {
        connection_free(loop->connections);
    }
    return NULL;
}

/* ---- life ---- */

static bool loop_open_acceptors(struct http_loop *loop)
{
    loop->acceptors = calloc(loop->options.count, sizeof(*loop->acceptors));
    if (!loop->acceptors) {
        return false;
    }
    loop->accepting = true;
    for (size_t i = 0; i < loop->options.count; i++) {
        struct http_acceptor *acceptor = &loop->acceptors[i];
        acceptor->loop = loop;
        acceptor->listener = &loop->options.listeners[i];
        int fd = fcntl(loop->options.sockets[i], F_DUPFD_CLOEXEC, 0);
        if (fd < 0) {
            return false;
        }
        acceptor->events = evconnlistener_new(loop->base, on_accept, acceptor,
                                              LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        if (!acceptor->events) {
            (void)close(fd);
            return false;
        }
        evconnlistener_set_error_cb(acceptor->events, on_accept_error);
    }
    return true;
}

static bool loop_open(struct http_loop *loop)
{
    struct event_config *config = event_config_new();
    if (!config) {
        return false;
    }
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread */
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!loop->base || loop->wake_fd < 0) {
        return false;
    }
    static const struct timeval interval = {.tv_usec = TICK_MS * 1000};
    loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    return loop->tick && loop->wake && event_add(loop->tick, &interval) == 0 &&
           event_add(loop->wake, NULL) == 0 && loop_open_acceptors(loop);
}

cr_status http_loop_start(const struct http_loop_options *options, struct http_loop **out,
                          struct cr_err *err)
{
    struct http_loop *loop = calloc(1, sizeof(*loop));
    if (!loop) {
        return cr_fail_memory(err);
    }
    loop->options = *options;
    loop->wake_fd = -1;
    (void)pthread_mutex_init(&loop->done_lock, NULL);
    if (!loop_open(loop)) {
        int problem = errno;
        http_loop_free(loop);
        return cr_fail(err, CR_RESOURCE, NULL, "cannot set up an event loop: %s",
                       strerror(problem));
    }
    int problem = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (problem) {
        http_loop_free(loop);
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start an event loop's thread: %s",
                       strerror(problem));
    }
    *out = loop;
    return CR_OK;
}

void http_loop_ask_stop(struct http_loop *loop)
{
    atomic_store(&loop->stop_asked, true);
    uint64_t one = 1;
    (void)!write(loop->wake_fd, &one, sizeof(one));
}

void http_loop_join(struct http_loop *loop)
{
    (void)pthread_join(loop->thread, NULL);
}

void http_loop_free(struct http_loop *loop)
{
    if (!loop) {
        return;
    }
    for (size_t i = 0; loop->acceptors && i < loop->options.count; i++) {
        if (loop->acceptors[i].events) {
            evconnlistener_free(loop->acceptors[i].events);
        }
    }
    free(loop->acceptors);
    struct http_queue *left[] = {&loop->done, &loop->outgoing};
    for (size_t i = 0; i < CR_COUNT(left); i++) {
        for (struct http_job *job = http_queue_pop(left[i]); job; job = http_queue_pop(left[i])) {
            http_job_free(job);
        }
    }
    while (loop->spare) {
        struct http_job *next = loop->spare->next;
        http_job_free(loop->spare);
        loop->spare = next;
    }
    if (loop->tick) {
        event_free(loop->tick);
    }
    if (loop->wake) {
        event_free(loop->wake);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) {
        (void)close(loop->wake_fd);
    }
    pthread_mutex_destroy(&loop->done_lock);
    free(loop);
}
