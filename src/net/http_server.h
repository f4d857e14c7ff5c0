/*
 * An HTTP/1.1 server: event loops move bytes, handlers run as plain blocking functions on a pool of
 * worker threads.
 *
 * Keep-alive, Content-Length and chunked requests, Expect: 100-continue, TLS by
 * bufferevent_openssl, TCP_NODELAY on every accepted socket, limits on line, header and body sizes,
 * idle and header timeouts, a limit on connections. A client that goes away in the middle costs
 * nothing else.
 */
#ifndef CRISP_NET_HTTP_SERVER_H
#define CRISP_NET_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"

struct ssl_ctx_st; /* SSL_CTX, see net/tls.h */

#define HTTP_MAX_HEADER (16 * 1024)       /* bytes of request line and headers */
#define HTTP_MAX_BODY   (8 * 1024 * 1024) /* bytes of a request body, unless options say less */

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
    cr_arena *arena;          /* lives until the response was built; the handler may set .secret */
};

/* Value of the first header with this name (any case), or NULL. */
const char *http_request_header(const struct http_request *request, const char *name);

struct http_response {
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

/* Runs on a worker thread. */
typedef void (*http_handler)(void *ctx, const struct http_request *request,
                             struct http_response *response);

struct http_listener {
    const char *host;       /* address to bind; NULL = 127.0.0.1 */
    uint16_t port;          /* 0 = a free one, see http_server_port() */
    struct ssl_ctx_st *tls; /* NULL = plain HTTP; not owned */
    http_handler handler;
    void *ctx;
};

struct http_server_options {
    const struct http_listener *listeners; /* each with its own handler: ES9+, ES2+ ... */
    size_t listener_count;
    unsigned workers;         /* 0 = 8 for each processor */
    size_t max_body;          /* 0 = HTTP_MAX_BODY */
    unsigned max_connections; /* 0 = 4096 */
    unsigned idle_seconds;    /* 0 = 60; between requests, and without progress of an answer */
    unsigned header_seconds;  /* 0 = 10; for the TLS handshake, and for a request's header */
    unsigned loops;           /* 0 = 1 event loop; a second brought nothing on two processors */
    const cr_env *env;        /* log */
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
