/*
 * The socket of one connection of an event loop: non-blocking, plain or TLS, in clear text towards
 * its user.
 *
 * OpenSSL reads ahead, so that a record costs one system call, and writes into memory, so that
 * whatever goes out at the same time is one system call and few packets: the flight of a handshake,
 * an answer of several records, the session ticket of TLS 1.3 together with the first answer.
 * Clear text that waits is encrypted only as the socket takes it.
 */
#ifndef CRISP_NET_HTTP_STREAM_H
#define CRISP_NET_HTTP_STREAM_H

#include "base/buf.h"

#include <openssl/ssl.h>

#define HTTP_STREAM_READ ((size_t)16 << 10) /* bytes of one read: a record of TLS */
#define HTTP_STREAM_WIRE ((size_t)64 << 10) /* bytes for the socket made ahead of it, about */

struct http_piece;

/* What the streams of one thread share: room that is needed only inside a call. Zeroed is ready. */
struct http_scratch {
    cr_buf wire;  /* bytes for the socket */
    cr_buf plain; /* a record gathered of small pieces */
};
void http_scratch_free(struct http_scratch *scratch);

struct http_stream {
    int fd;
    SSL *ssl; /* NULL = plain */
    struct http_scratch *scratch;
    struct http_piece *first; /* clear text to be sent */
    struct http_piece *last;
    size_t queued;       /* bytes in them */
    cr_buf rest;         /* made for the socket and not taken by it, or held */
    bool blocked;        /* the socket takes no more for now */
    bool ended;          /* the socket gives no more */
    bool broken;         /* it failed */
    unsigned long error; /* OpenSSL's, of a handshake that failed; 0 = none */
};

enum http_stream_result {
    HTTP_STREAM_OK,
    HTTP_STREAM_WAIT, /* for the socket to have bytes */
    HTTP_STREAM_END,  /* the peer sends no more */
    HTTP_STREAM_FAILED
};

/* Takes fd over, also on failure. tls NULL = plain. False = no memory. */
bool http_stream_open(struct http_stream *stream, int fd, SSL_CTX *tls,
                      struct http_scratch *scratch) CR_MUST_CHECK;

/* One step of the server's side. When it is done with TLS 1.3, the session ticket is left to go out
 * with the first answer, or by http_stream_flush(). */
enum http_stream_result http_stream_handshake(struct http_stream *stream) CR_MUST_CHECK;

/* Up to size bytes of clear text; *n is set with HTTP_STREAM_OK and more than 0 then. */
enum http_stream_result http_stream_read(struct http_stream *stream, uint8_t *out, size_t size,
                                         size_t *n) CR_MUST_CHECK;

/* True when bytes lie here already that no event of the socket will tell of. */
bool http_stream_has_input(const struct http_stream *stream);

/* Puts head and body behind what waits, takes the body's memory, and sends what the socket takes.
 * False = no memory, nothing was put. */
bool http_stream_send(struct http_stream *stream, cr_span head, cr_buf *body) CR_MUST_CHECK;

/* Sends on: the socket takes bytes again, or what is held shall go. */
void http_stream_flush(struct http_stream *stream);

/* Bytes that the socket has not taken yet; without those that are held. */
size_t http_stream_unsent(const struct http_stream *stream);

/* Says goodbye (close_notify) and that nothing follows; reading goes on, of bytes as they come. */
void http_stream_finish(struct http_stream *stream);

/* Throws away what the socket has; as http_stream_read(). */
enum http_stream_result http_stream_drain(struct http_stream *stream) CR_MUST_CHECK;

/* Closes. Politely where the connection still works and nothing is on its way. */
void http_stream_close(struct http_stream *stream, bool polite);

#endif
