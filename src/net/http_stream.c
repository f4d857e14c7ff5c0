#include "net/http_stream.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD ((size_t)16 << 10) /* clear text of one record of TLS */

struct http_piece {
    struct http_piece *next;
    size_t at; /* sent */
    cr_buf bytes;
};

void http_scratch_free(struct http_scratch *scratch)
{
    cr_buf_free(&scratch->wire);
    cr_buf_free(&scratch->plain);
}

/* ---- the socket under OpenSSL ------------------------------------------------------------------
 *
 * Reads come from the socket; writes go into the scratch and from there to the socket in one piece,
 * see push().
 */

static int bio_read(BIO *bio, char *out, int size)
{
    struct http_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(stream->fd, out, (size_t)size, 0);
    if (n > 0) {
        return (int)n;
    }
    if (n == 0) {
        stream->ended = true;
        return 0;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        BIO_set_retry_read(bio);
    } else {
        stream->broken = true;
    }
    return -1;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct http_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    cr_buf_append(&stream->scratch->wire, bytes, (size_t)size);
    return cr_buf_ok(&stream->scratch->wire) ? size : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct http_stream *stream = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return stream->ended;
    default:
        return 0;
    }
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* set once, below, for the life of the process */

static void method_make(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "crisp stream");
    if (made && BIO_meth_set_read(made, bio_read) == 1 &&
        BIO_meth_set_write(made, bio_write) == 1 && BIO_meth_set_ctrl(made, bio_ctrl) == 1) {
        method = made;
    } else {
        BIO_meth_free(made);
    }
}

static bool tls_open(struct http_stream *stream, SSL_CTX *tls)
{
    if (pthread_once(&method_once, method_make) != 0 || !method) {
        return false;
    }
    BIO *bio = BIO_new(method);
    stream->ssl = bio ? SSL_new(tls) : NULL;
    if (!stream->ssl) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(stream->ssl, bio, bio);
    SSL_set_accept_state(stream->ssl);
    SSL_set_read_ahead(stream->ssl, 1);
    (void)SSL_set_mode(stream->ssl, SSL_MODE_RELEASE_BUFFERS);
    return true;
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static void pieces_free(struct http_stream *stream)
{
    while (stream->first) {
        struct http_piece *next = stream->first->next;
        cr_buf_free(&stream->first->bytes);
        free(stream->first);
        stream->first = next;
    }
    stream->last = NULL;
    stream->queued = 0;
}

static void broke(struct http_stream *stream)
{
    stream->broken = true;
    stream->blocked = false;
    cr_buf_reset(&stream->rest);
    pieces_free(stream);
}

/* What was held goes in front of what is made now. */
static void begin(struct http_stream *stream)
{
    cr_buf *wire = &stream->scratch->wire;
    cr_buf_reset(wire);
    if (stream->rest.n > 0) {
        cr_buf_append_span(wire, cr_buf_span(&stream->rest));
        cr_buf_reset(&stream->rest);
    }
}

/* Keeps what was made for later. */
static void hold(struct http_stream *stream, size_t from)
{
    const cr_buf *wire = &stream->scratch->wire;
    cr_buf_append_span(&stream->rest, cr_span_sub(cr_buf_span(wire), from, wire->n));
    if (!cr_buf_ok(&stream->rest) || !cr_buf_ok(wire)) {
        broke(stream);
    }
}

/* Gives what was made to the socket. */
static void push(struct http_stream *stream)
{
    const cr_buf *wire = &stream->scratch->wire;
    size_t sent = 0;
    if (!cr_buf_ok(wire)) {
        broke(stream);
        return;
    }
    while (sent < wire->n) {
        ssize_t n = send(stream->fd, wire->p + sent, wire->n - sent, MSG_NOSIGNAL);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            stream->blocked = true;
            break;
        } else if (errno != EINTR) {
            broke(stream);
            return;
        }
    }
    hold(stream, sent);
}

static void take(struct http_stream *stream, size_t n)
{
    struct http_piece *piece = stream->first;
    piece->at += n;
    stream->queued -= n;
    if (piece->at == piece->bytes.n) {
        stream->first = piece->next;
        stream->last = piece->next ? stream->last : NULL;
        cr_buf_free(&piece->bytes);
        free(piece);
    }
}

/* Clear text of the next record: where it lies in one piece, or gathered. */
static cr_span next_record(struct http_stream *stream, bool *gathered)
{
    const struct http_piece *piece = stream->first;
    size_t left = piece->bytes.n - piece->at;
    *gathered = left < RECORD && piece->next;
    if (!*gathered) {
        return cr_span_of(piece->bytes.p + piece->at, left < RECORD ? left : RECORD);
    }
    cr_buf *plain = &stream->scratch->plain;
    cr_buf_reset(plain);
    while (stream->first && plain->n < RECORD && cr_buf_ok(plain)) {
        piece = stream->first;
        left = piece->bytes.n - piece->at;
        size_t n = left < RECORD - plain->n ? left : RECORD - plain->n;
        plain->secret = plain->secret || piece->bytes.secret;
        cr_buf_append(plain, piece->bytes.p + piece->at, n);
        take(stream, n);
    }
    return cr_buf_span(plain);
}

/* Encrypts one record's worth of what waits. */
static void make_record(struct http_stream *stream)
{
    bool gathered;
    size_t written = 0;
    cr_span record = next_record(stream, &gathered);
    bool sound = !gathered || cr_buf_ok(&stream->scratch->plain);
    if (sound && stream->ssl) {
        ERR_clear_error();
        sound = SSL_write_ex(stream->ssl, record.p, record.n, &written) == 1;
    } else if (sound) {
        cr_buf_append_span(&stream->scratch->wire, record);
    }
    if (!sound) {
        ERR_clear_error();
        broke(stream);
    } else if (!gathered) {
        take(stream, record.n);
    }
    if (stream->scratch->plain.secret) {
        cr_buf_free(&stream->scratch->plain);
        stream->scratch->plain.secret = false;
    }
}

void http_stream_flush(struct http_stream *stream)
{
    stream->blocked = false;
    do {
        begin(stream);
        while (stream->first && stream->scratch->wire.n < HTTP_STREAM_WIRE) {
            make_record(stream);
        }
        if (stream->broken) {
            return;
        }
        push(stream);
    } while (stream->first && !stream->blocked);
}

static struct http_piece *piece_add(struct http_stream *stream)
{
    struct http_piece *piece = calloc(1, sizeof(*piece));
    if (piece && stream->last) {
        stream->last->next = piece;
    } else if (piece) {
        stream->first = piece;
    }
    stream->last = piece ? piece : stream->last;
    return piece;
}

bool http_stream_send(struct http_stream *stream, cr_span head, cr_buf *body)
{
    struct http_piece *before = stream->last;
    struct http_piece *piece = piece_add(stream);
    if (!piece) {
        return false;
    }
    cr_buf_append_span(&piece->bytes, head);
    struct http_piece *second = cr_buf_ok(&piece->bytes) && body->n > 0 ? piece_add(stream) : NULL;
    if (!cr_buf_ok(&piece->bytes) || (body->n > 0 && !second)) {
        cr_buf_free(&piece->bytes);
        free(piece);
        stream->last = before;
        if (before) {
            before->next = NULL;
        } else {
            stream->first = NULL;
        }
        return false;
    }
    stream->queued += head.n + body->n;
    if (second) {
        second->bytes = *body;
        *body = (cr_buf){0};
    }
    if (!stream->blocked && !stream->broken) {
        http_stream_flush(stream);
    } else if (stream->broken) {
        pieces_free(stream);
    }
    return true;
}

size_t http_stream_unsent(const struct http_stream *stream)
{
    return stream->queued + (stream->blocked ? stream->rest.n : 0);
}

/* ---- in ----------------------------------------------------------------------------------------
 */

static enum http_stream_result failure(struct http_stream *stream, int result)
{
    int why = SSL_get_error(stream->ssl, result);
    if (why == SSL_ERROR_WANT_READ) {
        return HTTP_STREAM_WAIT;
    }
    if (why == SSL_ERROR_ZERO_RETURN || stream->ended) {
        ERR_clear_error();
        stream->broken = stream->broken || why != SSL_ERROR_ZERO_RETURN;
        return HTTP_STREAM_END;
    }
    stream->error = ERR_get_error();
    stream->broken = true;
    ERR_clear_error();
    return HTTP_STREAM_FAILED;
}

enum http_stream_result http_stream_handshake(struct http_stream *stream)
{
    ERR_clear_error();
    begin(stream);
    int result = SSL_do_handshake(stream->ssl);
    if (result == 1 && SSL_version(stream->ssl) >= TLS1_3_VERSION) {
        hold(stream, 0);
        return stream->broken ? HTTP_STREAM_FAILED : HTTP_STREAM_OK;
    }
    enum http_stream_result outcome = result == 1 ? HTTP_STREAM_OK : failure(stream, result);
    push(stream); /* an alert too */
    return stream->broken && outcome != HTTP_STREAM_END ? HTTP_STREAM_FAILED : outcome;
}

static enum http_stream_result plain_read(struct http_stream *stream, uint8_t *out, size_t size,
                                          size_t *n)
{
    ssize_t got = recv(stream->fd, out, size, 0);
    if (got > 0) {
        *n = (size_t)got;
        return HTTP_STREAM_OK;
    }
    if (got == 0) {
        stream->ended = true;
        return HTTP_STREAM_END;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return HTTP_STREAM_WAIT;
    }
    stream->broken = true;
    return HTTP_STREAM_FAILED;
}

enum http_stream_result http_stream_read(struct http_stream *stream, uint8_t *out, size_t size,
                                         size_t *n)
{
    if (!stream->ssl) {
        return plain_read(stream, out, size, n);
    }
    cr_buf *wire = &stream->scratch->wire;
    cr_buf_reset(wire);
    ERR_clear_error();
    int result = SSL_read_ex(stream->ssl, out, size, n);
    enum http_stream_result outcome = result == 1 ? HTTP_STREAM_OK : failure(stream, result);
    if (wire->n > 0) { /* an alert, or an answer to new keys */
        hold(stream, 0);
        if (!stream->blocked && stream->rest.n > 0) {
            http_stream_flush(stream);
        }
    }
    return outcome;
}

bool http_stream_has_input(const struct http_stream *stream)
{
    return stream->ssl && SSL_has_pending(stream->ssl) == 1;
}

enum http_stream_result http_stream_drain(struct http_stream *stream)
{
    uint8_t bytes[4096];
    size_t n;
    return plain_read(stream, bytes, sizeof(bytes), &n);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* close_notify, without waiting for the peer's. Not in the middle of what is on its way. */
static void goodbye(struct http_stream *stream)
{
    if (stream->ssl && SSL_is_init_finished(stream->ssl) && !stream->broken &&
        http_stream_unsent(stream) == 0) {
        cr_buf_reset(&stream->scratch->wire);
        (void)SSL_shutdown(stream->ssl);
        ERR_clear_error();
        push(stream);
    }
}

void http_stream_finish(struct http_stream *stream)
{
    goodbye(stream);
    (void)shutdown(stream->fd, SHUT_WR);
}

/* The peer has closed its socket: a goodbye would only bring a reset back. */
static bool peer_is_gone(struct http_stream *stream)
{
    uint8_t byte;
    return stream->ended || recv(stream->fd, &byte, 1, MSG_PEEK) == 0;
}

void http_stream_close(struct http_stream *stream, bool polite)
{
    if (polite && stream->ssl && !stream->broken &&
        !((SSL_get_shutdown(stream->ssl) & SSL_RECEIVED_SHUTDOWN) && peer_is_gone(stream))) {
        if (stream->rest.n > 0 && !stream->blocked) {
            http_stream_flush(stream); /* what was held */
        }
        goodbye(stream);
    }
    SSL_free(stream->ssl);
    pieces_free(stream);
    cr_buf_free(&stream->rest);
    if (stream->fd >= 0) {
        (void)close(stream->fd);
    }
    stream->ssl = NULL;
    stream->fd = -1;
}

bool http_stream_open(struct http_stream *stream, int fd, SSL_CTX *tls,
                      struct http_scratch *scratch)
{
    *stream = (struct http_stream){.fd = fd, .scratch = scratch};
    if (tls && !tls_open(stream, tls)) {
        ERR_clear_error();
        http_stream_close(stream, false);
        return false;
    }
    return true;
}
