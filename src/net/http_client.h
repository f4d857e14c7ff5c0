/*
 * An HTTPS client over libcurl: one object keeps its connection for all requests of a session.
 *
 * Server certificates are always verified: against the system's store, or against the CIs given, or
 * both. Only https (and http when allow_plain, for loopback tests). No redirects, no proxy from the
 * environment unless asked for.
 */
#ifndef CRISP_NET_HTTP_CLIENT_H
#define CRISP_NET_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

struct http_client_options {
    const char *ca_file;     /* PEM or DER certificates to trust; NULL = none */
    const char *ca_option;   /* for people: what it is given with; NULL = --ca FILE */
    bool system_store;       /* trust the system's CAs (too) */
    const char *client_cert; /* PEM or DER with key_file: mutual TLS; NULL = none */
    const char *client_key;
    const char *connect_to; /* "host:port" to connect to instead of what the URL names (tests and
                               labs without DNS); names are still verified against the URL */
    bool allow_plain;
    bool environment_proxy;   /* use the proxy that https_proxy and its kin name */
    unsigned timeout_seconds; /* whole request; 0 = 60 */
    size_t max_response;      /* bytes; 0 = 16 MiB */
    const char *user_agent;
    /* Called for bytes of the answer: total 0 = not known; also, about once a second, while nothing
     * moves. Return false to abort (CR_REFUSED). NULL = none. */
    bool (*progress)(void *ctx, size_t done, size_t total);
    void *progress_ctx;
    /* A last word on the peer's verified chain (DER, the leaf first, with the root that is
     * trusted): role policy, CRL. NULL = none. */
    cr_status (*check_peer)(void *ctx, const cr_span *chain, size_t count, struct cr_err *err);
    void *check_ctx;
};

struct http_client; /* one thread at a time */
cr_status http_client_new(const struct http_client_options *options, struct http_client **out,
                          struct cr_err *err) CR_MUST_CHECK;
void http_client_free(struct http_client *client);

/* POSTs body. headers: NULL-terminated "Name: value" lines or NULL. *status = HTTP status; the body
 * is appended to response. CR_RESOURCE: not reached, timed out, refused by the server's TLS.
 * CR_REFUSED: the server's certificate is not accepted here, a redirection (code = its status), or
 * aborted by progress. CR_MALFORMED: no URL, no HTTP, or an answer over max_response. The cause
 * says which, next what to do. */
cr_status http_client_post(struct http_client *client, const char *url, const char *const *headers,
                           cr_span body, int *status, cr_buf *response,
                           struct cr_err *err) CR_MUST_CHECK;

#endif
