/*
 * One HTTP/1.1 request or response out of a stream of bytes (RFC 9112), without a socket.
 *
 * Strict where leniency lets two readers disagree about where a request ends: lines end in CRLF, no
 * folded fields, one Content-Length, never Content-Length beside Transfer-Encoding, no white space
 * before a colon. Everything that comes in has a limit.
 */
#ifndef CRISP_NET_HTTP_PARSE_H
#define CRISP_NET_HTTP_PARSE_H

#include "base/buf.h"

#define HTTP_MAX_FIELDS      64  /* header fields of a request */
#define HTTP_MAX_METHOD      32  /* bytes of a method */
#define HTTP_MAX_CHUNK_LINE  256 /* bytes of a chunk size with its extensions */
#define HTTP_MAX_EMPTY_LINES 4   /* before a request line (RFC 9112 2.2) */

struct http_field {
    const char *name;
    const char *value; /* without white space around it */
};

struct http_fields {
    struct http_field items[HTTP_MAX_FIELDS];
    size_t count;
};

enum http_parse_state {
    HTTP_PARSE_HEAD,
    HTTP_PARSE_BODY, /* Content-Length bytes */
    HTTP_PARSE_CHUNK_SIZE,
    HTTP_PARSE_CHUNK_DATA,
    HTTP_PARSE_CHUNK_END,
    HTTP_PARSE_TRAILER,
    HTTP_PARSE_DONE,
    HTTP_PARSE_FAILED
};

/* Set the limits of a zeroed struct and feed it; free with http_parser_free(). */
struct http_parser {
    size_t max_header; /* bytes of request line and fields, and of trailers */
    size_t max_body;   /* bytes */
    bool response; /* read the response to a POST: its body ends by its length or its last chunk;
                      one that ends with the connection is refused */

    enum http_parse_state state;

    /* From HTTP_PARSE_BODY on; texts live in the parser until its reset. */
    const char *method;
    const char *path;  /* origin form, without query */
    const char *query; /* NULL = none */
    struct http_fields fields;
    int status;           /* of a response; method, path and query are NULL then */
    bool version_1_0;     /* HTTP/1.0: knows no chunks */
    bool keep_alive;      /* the client wants the connection to stay */
    bool expect_continue; /* the client waits for 100 Continue before it sends the body */
    cr_buf body;

    /* After HTTP_PARSE_FAILED. */
    int failure;         /* HTTP status to answer (of a response: of no meaning) */
    const char *problem; /* a sentence, static */

    /* Inside. */
    cr_buf head;        /* raw, then cut into texts in place */
    size_t line;        /* where the current line of the head begins */
    size_t empty_lines; /* skipped before the request line */
    uint64_t remaining; /* bytes of body or chunk still to come */
    size_t line_bytes;  /* of the chunk line or trailers */
    size_t digits;      /* of the chunk size */
    bool in_extension, saw_cr, line_has_text;
};

/* Takes bytes until the request is complete or refused; returns how many it took (the rest belongs
 * to the next request). Feed again while state is neither DONE nor FAILED. */
size_t http_parser_feed(struct http_parser *parser, cr_span in);

/* True before the first byte of a request. */
bool http_parser_untouched(const struct http_parser *parser);

/* Ready for the next request; keeps limits and small buffers. */
void http_parser_reset(struct http_parser *parser);
void http_parser_free(struct http_parser *parser);

/* Value of the first field with this name in any case, or NULL. fields may be NULL. */
const char *http_fields_find(const struct http_fields *fields, const char *name);

/* True when text is a comma-separated list with this token in any case (RFC 9110 5.6.1). */
bool http_list_has(const char *text, const char *token);

#endif
