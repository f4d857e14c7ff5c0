/*
 * An HTTP/1.1 server: event loops move bytes, handlers run as plain blocking functions on a pool of
 * worker threads; quick ones, which never wait, run in the loop itself.
 *
 * Keep-alive, Content-Length and chunked requests, Expect: 100-continue, TLS (with certificates, or
 * pre-shared keys: net/psk.h), TCP_NODELAY on every accepted socket, limits on line, header and
 * body sizes, idle and header timeouts, a limit on connections. A client that goes away in the
 * middle costs nothing else.
 */
#ifndef CRISP_NET_HTTP_SERVER_H
#define CRISP_NET_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"

struct ssl_ctx_st; /* SSL_CTX, see net/tls.h */

#define HTTP_MAX_HEADER (16 * 1024)       /* bytes of request line and headers */
#define HTTP_MAX_BODY   (8 * 1024 * 1024) /* bytes of a request body, unless options say less */

struct http_ticket; /* a request whose answer may be held back, see http_release() */

struct http_request {
    const char *method;       /* "POST" */
    const char *path;         /* without query, percent-decoding not applied */
    const char *query;        /* after '?', or NULL */
    cr_span body;             /* the handler may overwrite it (secrets) */
    const char *peer;         /* "127.0.0.1:40022" */
    const char *sni;          /* server name the client asked for; NULL = none or no TLS */
    cr_span client_cert;      /* DER of the verified client certificate; absent = none */
    const char *psk_identity; /* TLS-PSK (net/psk.h): identity the client has proved; NULL = none */
    const void *headers;      /* for http_request_header() */
    uint64_t connection;      /* number of the connection, never twice in a server's life; not 0 */
    cr_arena *arena;          /* lives until the answer has gone out; the handler may set .secret */
    struct http_ticket *ticket; /* NULL = on a worker's thread: the handler may wait, not hold */
};

/* Value of the first header with this name (any case), or NULL. */
const char *http_request_header(const struct http_request *request, const char *name);

/* What a handler that was given a ticket says about its answer. */
enum http_outcome {
    HTTP_ANSWER, /* it goes out */
    HTTP_HOLD,  /* it goes out only after http_release(); without a status it cannot be sent then */
    HTTP_WORKER /* there is none: run the handler again on a worker's thread */
};

struct http_response {
    enum http_outcome outcome;
    int status;               /* HTTP status; 0 is answered as 500 */
    const char *content_type; /* NULL = none */
    cr_buf body;              /* freed by the server */
    bool chunked;             /* the body goes out as one chunk instead of by its length */
    struct {
        const char *name;
        const char *value; /* static or in the request's arena */
    } headers[4];
    size_t header_count;
};

/* Runs on a worker's thread, where it may wait; of a quick listener first on the event loop's. */
typedef void (*http_handler)(void *ctx, const struct http_request *request,
                             struct http_response *response);

/* A connection that a request came on is gone. On the event loop's thread: as a quick handler it
 * never waits. Its requests may be in a handler still. */
typedef void (*http_closed)(void *ctx, uint64_t connection, const char *psk_identity);

/* Lets the answer go out that was held (send), or has the handler run again from the start on a
 * worker's thread. Once for each request that was held, from any thread, also before the handler
 * that holds it has returned. */
void http_release(struct http_ticket *ticket, bool send);

struct http_listener {
    const char *host;       /* address to bind; NULL = 127.0.0.1 */
    uint16_t port;          /* 0 = a free one, see http_server_port() */
    struct ssl_ctx_st *tls; /* NULL = plain HTTP; not owned */
    http_handler handler;
    http_closed closed; /* NULL = nobody wants to know */
    void *ctx;          /* of both */
    /* The handler never waits (for a disk, a lock that others hold for long, a peer) when it is
     * given a ticket. It spares each request two switches of threads. */
    bool quick;
};

struct http_server_options {
    const struct http_listener *listeners; /* each with its own handler: ES9+, ES2+ ... */
    size_t listener_count;
    unsigned workers;         /* 0 = 8 for each processor */
    size_t max_body;          /* 0 = HTTP_MAX_BODY */
    unsigned max_connections; /* 0 = 4096 */
    unsigned idle_seconds;    /* 0 = 60; between requests, and without progress of an answer */
    unsigned header_seconds;  /* 0 = 10; for the TLS handshake, and for a request's header */
    unsigned loops;    /* event loops; 0 = 1, or one for each processor but one when there are
                          quick listeners */
    const cr_env *env; /* log */
};

struct http_server;
cr_status http_server_start(const struct http_server_options *options, struct http_server **out,
                            struct cr_err *err) CR_MUST_CHECK;
/* Port that listener i is bound to. */
uint16_t http_server_port(const struct http_server *server, size_t i);
/* Stops accepting, lets requests that have begun end (at most 10 s, then their connections are
 * cut), frees. A handler that is running is always waited for: it may use what its owner frees
 * next. NULL allowed. */
void http_server_stop(struct http_server *server);

#endif
