#include "net/http_loop.h"

#include "net/http_stream.h"
#include "net/psk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS    250     /* deadlines are looked at this often */
#define SPARE_JOBS 64      /* kept for the next requests */
#define LOOP_SHIFT 48      /* numbers of connections: that of the loop in front */
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
    struct http_stream stream;
    struct event *readable; /* pending unless reading is off */
    struct event *writable; /* pending while the socket takes no more; NULL = not needed yet */
    cr_buf unread;          /* clear text that came too early */
    size_t unread_at;
    enum connection_phase phase;
    int64_t since;        /* ms on the loop's clock: begin of the phase */
    int64_t deadline;     /* ms on the loop's clock; of no meaning in PHASE_HANDLING */
    int64_t body_begun;   /* when the header was complete */
    struct http_job *job; /* the request being read or handled */
    size_t unsent;        /* output seen at the last tick */
    uint64_t number;      /* of the first request on; 0 = none has come */
    bool continued;       /* 100 Continue was sent for this request */
    bool ended;           /* the client sends no more */
    bool refused;         /* linger after the answer */
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
    uint64_t numbers;           /* given to connections */
    unsigned idle_count;        /* of them in PHASE_IDLE */
    size_t body_bytes;          /* of all unfinished requests */
    struct http_queue outgoing; /* complete requests of this turn, for the pool */
    struct http_queue quick;    /* and those that are handled here */
    size_t held;                /* answers that wait for http_release() */
    struct http_job *spare;
    size_t spare_count;
    bool stopping;
    int64_t stop_deadline;
    bool short_of_files; /* accept() said so; said once in the log */

    atomic_bool stop_asked;
    atomic_size_t giving; /* threads inside job_done() */
    pthread_mutex_t done_lock;
    struct http_queue done; /* finished by the workers, or released */

    struct http_scratch scratch;
    uint8_t input[HTTP_STREAM_READ]; /* clear text on its way into a parser */
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

/* On any thread, which the loop may not outlive: it can be done with the job before this is. */
static void job_done(void *ctx, struct http_job *job)
{
    struct http_loop *loop = ctx;
    atomic_fetch_add(&loop->giving, 1);
    pthread_mutex_lock(&loop->done_lock);
    bool first = loop->done.count == 0;
    http_queue_push(&loop->done, job);
    pthread_mutex_unlock(&loop->done_lock);
    if (first) { /* else the loop has been woken and has not looked yet */
        uint64_t one = 1;
        (void)!write(loop->wake_fd, &one, sizeof(one));
    }
    atomic_fetch_sub(&loop->giving, 1);
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
    if (connection->number && connection->listener->closed) {
        connection->listener->closed(connection->listener->ctx, connection->number,
                                     connection->psk_identity[0] ? connection->psk_identity : NULL);
    }
    if (connection->job) {
        if (connection->phase == PHASE_HANDLING) {
            connection->job->connection = NULL; /* comes back */
        } else {
            job_give_back(loop, connection->job);
        }
    }
    if (connection->readable) {
        event_free(connection->readable);
    }
    if (connection->writable) {
        event_free(connection->writable);
    }
    http_stream_close(&connection->stream, connection->phase != PHASE_HANDSHAKE);
    cr_buf_free(&connection->unread);
    cr_buf_free(&connection->client_cert);
    free(connection);
    loop_update_accept(loop);
}

static size_t connection_unsent(const struct http_connection *connection)
{
    return http_stream_unsent(&connection->stream);
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

/* ---- the socket ---- */

static void on_readable(evutil_socket_t fd, short what, void *ctx);
static void on_writable(evutil_socket_t fd, short what, void *ctx);

/* Reading is off while much is unread that cannot be taken now. */
static void connection_pause(struct http_connection *connection, bool pause)
{
    if (connection->paused == pause) {
        return;
    }
    connection->paused = pause;
    if (pause) {
        (void)event_del(connection->readable);
    } else {
        (void)event_add(connection->readable, NULL);
    }
}

/* After something was sent: hears from the socket when it takes the rest. */
static void connection_await_writable(struct http_connection *connection)
{
    if (!connection->stream.blocked) {
        return;
    }
    if (!connection->writable) {
        connection->writable = event_new(connection->loop->base, connection->stream.fd, EV_WRITE,
                                         on_writable, connection);
    }
    if (!connection->writable || event_add(connection->writable, NULL) != 0) {
        connection->stream.broken = true; /* closed by its deadline */
    }
}

/* Takes the body's memory. */
static bool connection_send(struct http_connection *connection, cr_span head, cr_buf *body)
{
    bool sent = http_stream_send(&connection->stream, head, body);
    connection_await_writable(connection);
    return sent;
}

static bool connection_has_unread(const struct http_connection *connection)
{
    return connection->unread_at < connection->unread.n;
}

/* The last answer is in the output: what comes after it. False when the connection is gone. */
static bool connection_close_soon(struct http_connection *connection)
{
    connection_wait(connection, PHASE_CLOSING, idle_ms(connection));
    if (connection_unsent(connection) > 0) {
        return true;
    }
    bool unread = connection_has_unread(connection) || http_stream_has_input(&connection->stream);
    if ((!connection->refused && !unread) || connection->ended || connection->stream.broken) {
        connection_free(connection);
        return false;
    }
    /* Closing a socket with unread bytes in it resets the connection, and the answer that says what
     * was wrong would be lost with it. */
    http_stream_finish(&connection->stream);
    connection_pause(connection, false);
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
    bool sent = cr_buf_ok(&head) && cr_buf_ok(&response.body) &&
                connection_send(connection, cr_buf_span(&head), &response.body);
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
    if (!connection->number) {
        connection->number = (uint64_t)(loop->options.number + 1) << LOOP_SHIFT | ++loop->numbers;
    }
    job->request.connection = connection->number;
    job->quick = connection->listener->quick;
    job->request.ticket = job->quick ? (struct http_ticket *)job : NULL;
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
    http_queue_push(job->quick ? &loop->quick : &loop->outgoing, job);
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
        cr_buf nothing = {0};
        if (!connection_send(connection, cr_span_of(text, sizeof(text) - 1), &nothing)) {
            connection_free(connection);
            return false;
        }
    }
    return true;
}

/* The client sends no more. False when the connection is gone. */
static bool connection_end(struct http_connection *connection)
{
    bool waits = connection->phase == PHASE_HANDLING || connection->phase == PHASE_WRITING ||
                 connection->phase == PHASE_CLOSING;
    if (connection->stream.ssl || connection->stream.broken) {
        connection_free(connection);
        return false;
    }
    /* A client may close its sending side and still wait for the answer. */
    connection->ended = true;
    connection_pause(connection, true);
    return waits || connection_close_soon(connection);
}

/* Clear text of a request: what came too early first. *n 0 = there is none now, or the connection
 * is gone (false). */
static bool connection_read(struct http_connection *connection, const uint8_t **at, size_t *n)
{
    *n = 0;
    if (connection_has_unread(connection)) {
        *at = connection->unread.p + connection->unread_at;
        *n = connection->unread.n - connection->unread_at;
        return true;
    }
    if (connection->ended) {
        return connection_end(connection);
    }
    *at = connection->loop->input;
    switch (http_stream_read(&connection->stream, connection->loop->input, HTTP_STREAM_READ, n)) {
    case HTTP_STREAM_OK:
        connection_await_writable(connection);
        return true;
    case HTTP_STREAM_WAIT:
        *n = 0;
        connection_await_writable(connection);
        connection_pause(connection, false);
        return true;
    case HTTP_STREAM_END:
        *n = 0;
        return connection_end(connection);
    case HTTP_STREAM_FAILED:
        break;
    }
    connection_free(connection);
    return false;
}

/* The parser has taken used bytes of those that connection_read() gave. */
static bool connection_keep_unread(struct http_connection *connection, const uint8_t *at, size_t n,
                                   size_t used)
{
    if (connection_has_unread(connection)) {
        connection->unread_at += used;
        if (!connection_has_unread(connection)) {
            cr_buf_free(&connection->unread);
            connection->unread_at = 0;
        }
    } else if (used < n) {
        cr_buf_append(&connection->unread, at + used, n - used);
    }
    return cr_buf_ok(&connection->unread);
}

/* Goes on reading requests as far as bytes and output allow. False when the connection is gone. */
static bool connection_proceed(struct http_connection *connection)
{
    while (connection->phase == PHASE_IDLE || connection->phase == PHASE_REQUEST) {
        const uint8_t *at;
        size_t n;
        if (!connection_read(connection, &at, &n)) {
            return false;
        }
        if (n == 0) {
            break;
        }
        if (!connection->job && !connection_begin_request(connection)) {
            return false;
        }
        if (!connection->job) {
            break; /* refused */
        }
        size_t used = http_parser_feed(&connection->job->parser, cr_span_of(at, n));
        if (!connection_keep_unread(connection, at, n, used)) {
            connection_free(connection);
            return false;
        }
        if (!connection_parsed(connection)) {
            return false;
        }
    }
    return true;
}

/* After an answer: no event of the socket tells of what has come in already. */
static void connection_resume(struct http_connection *connection)
{
    if (connection_has_unread(connection) || http_stream_has_input(&connection->stream) ||
        connection->ended) {
        (void)connection_proceed(connection);
    } else {
        connection_pause(connection, false);
    }
}

/* The answer of a job goes out. */
static void connection_answer(struct http_connection *connection, struct http_job *job)
{
    struct http_loop *loop = connection->loop;
    bool close = job->close || loop->stopping;
    bool sent = cr_buf_ok(&job->head) &&
                connection_send(connection, cr_buf_span(&job->head), &job->response.body);
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
    connection_resume(connection);
}

/* ---- events ---- */

static void connection_opened(struct http_connection *connection)
{
    const char *name = SSL_get_servername(connection->stream.ssl, TLSEXT_NAMETYPE_host_name);
    if (name && strlen(name) < sizeof(connection->sni)) {
        (void)snprintf(connection->sni, sizeof(connection->sni), "%s", name);
    }
    const char *identity = SSL_get_psk_identity(connection->stream.ssl);
    if (identity && strlen(identity) < sizeof(connection->psk_identity)) {
        (void)snprintf(connection->psk_identity, sizeof(connection->psk_identity), "%s", identity);
    }
    X509 *leaf = SSL_get0_peer_certificate(connection->stream.ssl);
    if (leaf && SSL_get_verify_result(connection->stream.ssl) == X509_V_OK) {
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
    connection_resume(connection);
}

static void log_handshake_failure(struct http_connection *connection)
{
    unsigned long code = connection->stream.error;
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verdict = SSL_get_verify_result(connection->stream.ssl);
    if (verdict != X509_V_OK) {
        reason = X509_verify_cert_error_string(verdict);
    }
    cr_log(connection->loop->options.env, CR_LOG_INFO, "%s: TLS handshake failed: %s",
           connection->peer, reason ? reason : "the client went away");
}

static void connection_shake_hands(struct http_connection *connection)
{
    enum http_stream_result result = http_stream_handshake(&connection->stream);
    if (result == HTTP_STREAM_OK) {
        connection_opened(connection);
        return;
    }
    if (result == HTTP_STREAM_WAIT) {
        connection_await_writable(connection);
        return;
    }
    log_handshake_failure(connection);
    if (result == HTTP_STREAM_END) {
        connection_free(connection);
        return;
    }
    /* OpenSSL sent the alert that says why. With TLS 1.3 the client's request may be on its way
     * already; closing on it would reset the connection and lose the alert. */
    http_stream_finish(&connection->stream);
    connection_wait(connection, PHASE_LINGER, HTTP_LINGER_MS);
}

/* Bytes that cannot be taken now, or the end of the client. */
static void connection_read_early(struct http_connection *connection)
{
    const uint8_t *at;
    size_t n;
    if (connection_has_unread(connection)) {
        connection_pause(connection, true);
    } else if (connection_read(connection, &at, &n) && n > 0 &&
               !connection_keep_unread(connection, at, n, 0)) {
        connection_free(connection);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct http_connection *connection = ctx;
    (void)fd;
    (void)what;
    switch (connection->phase) {
    case PHASE_HANDSHAKE:
        connection_shake_hands(connection);
        return;
    case PHASE_IDLE:
    case PHASE_REQUEST:
        (void)connection_proceed(connection);
        return;
    case PHASE_HANDLING:
    case PHASE_WRITING:
        connection_read_early(connection);
        return;
    case PHASE_CLOSING:
    case PHASE_LINGER:
        break;
    }
    enum http_stream_result result = http_stream_drain(&connection->stream);
    if (result == HTTP_STREAM_END && connection->phase == PHASE_CLOSING) {
        (void)connection_end(connection);
    } else if (result == HTTP_STREAM_END || result == HTTP_STREAM_FAILED) {
        connection_free(connection);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    struct http_connection *connection = ctx;
    (void)fd;
    (void)what;
    http_stream_flush(&connection->stream);
    connection_await_writable(connection);
    if (connection->stream.broken) {
        connection_free(connection);
    } else if (connection_unsent(connection) > 0) {
        return;
    } else if (connection->phase == PHASE_CLOSING) {
        (void)connection_close_soon(connection);
    } else if (connection->phase == PHASE_WRITING) {
        connection_wait(connection, PHASE_IDLE, idle_ms(connection));
        connection_resume(connection);
    }
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

static struct http_connection *connection_new(const struct http_acceptor *acceptor, int fd)
{
    struct http_loop *loop = acceptor->loop;
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        evutil_closesocket(fd);
        return NULL;
    }
    connection->loop = loop;
    connection->listener = acceptor->listener;
    connection->client_cert.limit = MAX_CERT;
    bool open = http_stream_open(&connection->stream, fd, acceptor->listener->tls, &loop->scratch);
    connection->readable =
        open ? event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, connection) : NULL;
    if (!connection->readable || event_add(connection->readable, NULL) != 0) {
        if (connection->readable) {
            event_free(connection->readable);
        }
        http_stream_close(&connection->stream, false);
        free(connection);
        return NULL;
    }
    return connection;
}

static void on_accept(struct evconnlistener *events, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *ctx)
{
    const struct http_acceptor *acceptor = ctx;
    struct http_loop *loop = acceptor->loop;
    (void)events;
    (void)length;
    struct http_connection *connection = connection_new(acceptor, fd);
    if (!connection) {
        return;
    }
    peer_text(connection->peer, address);
    connection->next = loop->connections;
    if (connection->next) {
        connection->next->prev = connection;
    }
    loop->connections = connection;
    loop->connection_count++;
    connection_wait(connection, connection->stream.ssl ? PHASE_HANDSHAKE : PHASE_IDLE,
                    header_ms(connection));
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
    if (!connection->stream.blocked && connection->stream.rest.n > 0 &&
        connection->phase == PHASE_IDLE) {
        http_stream_flush(&connection->stream); /* a ticket that no answer took along */
        connection_await_writable(connection);
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

/* What becomes of a job that was run. */
static void loop_conclude(struct http_loop *loop, struct http_job *job, enum http_outcome outcome)
{
    if (outcome == HTTP_HOLD) {
        loop->held++;
    } else if (!job->connection) {
        job_give_back(loop, job);
    } else if (outcome == HTTP_WORKER) {
        http_job_again(job);
        http_queue_push(&loop->outgoing, job);
    } else {
        connection_answer(job->connection, job);
    }
}

/* An answer may bring the next request of its connection with it. */
static void loop_run_quick(struct http_loop *loop)
{
    for (struct http_job *job = http_queue_pop(&loop->quick); job;
         job = http_queue_pop(&loop->quick)) {
        http_job_run(job, loop->options.env);
        loop_conclude(loop, job, job->response.outcome);
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
        if (job->request.ticket) {
            loop->held--;
            loop_conclude(loop, job, job->send ? HTTP_ANSWER : HTTP_WORKER);
        } else {
            loop_conclude(loop, job, HTTP_ANSWER);
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
    while (!loop->stopping || loop->held > 0 ||
           (loop->connections && loop_now() < loop->stop_deadline)) {
        if (event_base_loop(loop->base, EVLOOP_ONCE) < 0) {
            cr_log(loop->options.env, CR_LOG_ERROR, "the event loop failed: %s", strerror(errno));
            break;
        }
        loop_run_quick(loop);
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
    while (atomic_load(&loop->giving) > 0) {
        (void)sched_yield();
    }
    for (size_t i = 0; loop->acceptors && i < loop->options.count; i++) {
        if (loop->acceptors[i].events) {
            evconnlistener_free(loop->acceptors[i].events);
        }
    }
    free(loop->acceptors);
    struct http_queue *left[] = {&loop->done, &loop->outgoing, &loop->quick};
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
    http_scratch_free(&loop->scratch);
    free(loop);
}
