#include "net/http_parse.h"

#include <stdlib.h>
#include <strings.h>

#define FIRST_BODY   (64 * 1024) /* bytes reserved on the word of a Content-Length alone */
#define KEEP_BUFFER  (64 * 1024) /* bytes of memory kept from one request to the next */
#define MAX_DIGITS   15          /* hexadecimal, of a chunk size: cannot overflow 64 bits */
#define MAX_DECIMALS 18          /* of a Content-Length: the same */

static void parse_fail(struct http_parser *parser, int status, const char *problem)
{
    parser->state = HTTP_PARSE_FAILED;
    parser->failure = status;
    parser->problem = problem;
    parser->keep_alive = false;
}

/* RFC 9110 5.6.2: the characters of names and methods, as a bit for each code. */
static bool is_token(char c)
{
#define BIT(code) ((uint64_t)1 << ((code)&63))
    static const uint64_t low = BIT('!') | BIT('#') | BIT('$') | BIT('%') | BIT('&') | BIT('\'') |
                                BIT('*') | BIT('+') | BIT('-') | BIT('.') |
                                ((uint64_t)0x3FF << '0');
    static const uint64_t letters = ((uint64_t)1 << 26) - 1;
    static const uint64_t high = (letters << ('A' & 63)) | (letters << ('a' & 63)) | BIT('^') |
                                 BIT('_') | BIT('`') | BIT('|') | BIT('~');
    unsigned char code = (unsigned char)c;
    if (code >= 128) {
        return false;
    }
    return ((code < 64 ? low : high) & BIT(code)) != 0;
#undef BIT
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Text of a field value or chunk extension: no control characters but the tab. */
static bool is_text(char c)
{
    unsigned char code = (unsigned char)c;
    return (code >= 0x20 && code != 0x7F) || c == '\t';
}

const char *http_fields_find(const struct http_fields *fields, const char *name)
{
    for (size_t i = 0; fields && i < fields->count; i++) {
        if (strcasecmp(fields->items[i].name, name) == 0) {
            return fields->items[i].value;
        }
    }
    return NULL;
}

bool http_list_has(const char *text, const char *token)
{
    size_t n = strlen(token);
    while (*text) {
        text += strspn(text, " \t,");
        size_t item = strcspn(text, ",");
        size_t end = item;
        while (end > 0 && is_blank(text[end - 1])) {
            end--;
        }
        if (end == n && strncasecmp(text, token, n) == 0) {
            return true;
        }
        text += item;
    }
    return false;
}

/* Splits the target (RFC 9112 3.2) into path and query. */
static bool parse_target(struct http_parser *parser, char *target)
{
    for (const char *c = target; *c; c++) {
        if (*c <= 0x20 || *c == 0x7F || *c == '#') {
            parse_fail(parser, 400, "the request target holds a character that no URI has");
            return false;
        }
    }
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        /* Absolute form: the host in it stands for the Host field, which must be there as well. */
        target = strchr(target, ':') + 3;
        target += strcspn(target, "/?");
        if (*target == 0) {
            parser->path = "/";
            return true;
        }
    } else if (strcmp(target, "*") == 0 && strcmp(parser->method, "OPTIONS") == 0) {
        parser->path = target;
        return true;
    } else if (*target != '/') {
        parse_fail(parser, 400, "the request target is no path");
        return false;
    }
    char *query = strchr(target, '?');
    if (query) {
        *query = 0;
        parser->query = query + 1;
    }
    parser->path = *target ? target : "/";
    return true;
}

/* method SP target SP version. *minor: the 1 of HTTP/1.1. */
static bool parse_request_line(struct http_parser *parser, char *line, int *minor)
{
    char *c = line;
    while (is_token(*c)) {
        c++;
    }
    if (c == line || *c != ' ' || c - line > HTTP_MAX_METHOD) {
        parse_fail(parser, 400, "the request line does not begin with a method");
        return false;
    }
    *c = 0;
    parser->method = line;
    char *target = c + 1;
    char *space = strchr(target, ' ');
    if (!space || space == target) {
        parse_fail(parser, 400, "the request line has no target and version");
        return false;
    }
    *space = 0;
    const char *version = space + 1;
    if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 || version[6] != '.' ||
        version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9') {
        parse_fail(parser, 400, "the request line does not end with an HTTP version");
        return false;
    }
    if (version[5] != '1') {
        parse_fail(parser, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
        return false;
    }
    *minor = version[7] - '0';
    return parse_target(parser, target);
}

/* version SP status SP reason. */
static bool parse_status_line(struct http_parser *parser, char *line, int *minor)
{
    size_t n = strlen(line);
    if (n < 12 || strncmp(line, "HTTP/1.", 7) != 0 || line[7] < '0' || line[7] > '9' ||
        line[8] != ' ' || (n > 12 && line[12] != ' ') || strspn(line + 9, "0123456789") != 3) {
        parse_fail(parser, 400, "the response does not begin with an HTTP/1.1 status line");
        return false;
    }
    *minor = line[7] - '0';
    parser->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (parser->status < 200 || parser->status > 599) {
        parse_fail(parser, 400, "the response has no final status");
        return false;
    }
    return true;
}

static bool parse_field(struct http_parser *parser, char *line, size_t n)
{
    if (parser->fields.count == HTTP_MAX_FIELDS) {
        parse_fail(parser, 431, "the request has too many header fields");
        return false;
    }
    char *c = line;
    while (is_token(*c)) {
        c++;
    }
    if (c == line || *c != ':') {
        parse_fail(parser, 400,
                   is_blank(*line) ? "a header field is folded over two lines"
                                   : "a header line is no \"name: value\"");
        return false;
    }
    *c++ = 0;
    while (is_blank(*c)) {
        c++;
    }
    char *end = line + n;
    while (end > c && is_blank(end[-1])) {
        end--;
    }
    for (const char *v = c; v < end; v++) {
        if (!is_text(*v)) {
            parse_fail(parser, 400, "a header value holds a control character");
            return false;
        }
    }
    *end = 0;
    parser->fields.items[parser->fields.count++] = (struct http_field){.name = line, .value = c};
    return true;
}

static bool parse_content_length(struct http_parser *parser, const char *text, uint64_t *out)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || text[n] != 0) {
        parse_fail(parser, 400, "Content-Length is no number");
        return false;
    }
    text += strspn(text, "0");
    if (strlen(text) > MAX_DECIMALS) {
        parse_fail(parser, 413, "the body is too large");
        return false;
    }
    *out = strtoull(*text ? text : "0", NULL, 10);
    return true;
}

/* What the fields say about the connection and about where the body ends. */
static bool parse_framing(struct http_parser *parser, int minor)
{
    const char *length = NULL;
    const char *encoding = NULL;
    size_t hosts = 0;
    bool close = false;
    bool keep = false;
    for (size_t i = 0; i < parser->fields.count; i++) {
        const struct http_field *field = &parser->fields.items[i];
        if (strcasecmp(field->name, "Host") == 0) {
            hosts++;
        } else if (strcasecmp(field->name, "Content-Length") == 0) {
            if (length) {
                parse_fail(parser, 400, "Content-Length is there twice");
                return false;
            }
            length = field->value;
        } else if (strcasecmp(field->name, "Transfer-Encoding") == 0) {
            if (encoding) {
                parse_fail(parser, 400, "Transfer-Encoding is there twice");
                return false;
            }
            encoding = field->value;
        } else if (strcasecmp(field->name, "Connection") == 0) {
            close = close || http_list_has(field->value, "close");
            keep = keep || http_list_has(field->value, "keep-alive");
        } else if (strcasecmp(field->name, "Expect") == 0 && minor > 0) {
            if (strcasecmp(field->value, "100-continue") != 0) {
                parse_fail(parser, 417, "the only expectation that can be met is 100-continue");
                return false;
            }
            parser->expect_continue = true;
        }
    }
    parser->version_1_0 = minor == 0;
    if (!parser->response && (hosts > 1 || (hosts == 0 && minor > 0))) {
        parse_fail(parser, 400, "a request has exactly one Host field");
        return false;
    }
    parser->keep_alive = !close && (minor > 0 || keep);
    if (encoding && (length || minor == 0)) {
        parse_fail(parser, 400,
                   "Transfer-Encoding and Content-Length (or HTTP/1.0) exclude each "
                   "other");
        return false;
    }
    if (encoding && strcasecmp(encoding, "chunked") != 0) {
        parse_fail(parser, 501, "the only transfer coding known here is chunked");
        return false;
    }
    bool bodiless = parser->response && (parser->status == 204 || parser->status == 304);
    if (encoding && !bodiless) {
        parser->state = HTTP_PARSE_CHUNK_SIZE;
        return true;
    }
    if (parser->response && !bodiless && !length) {
        parse_fail(parser, 400, "the response does not say where its body ends");
        return false;
    }
    if (length && !parse_content_length(parser, length, &parser->remaining)) {
        return false;
    }
    if (bodiless) {
        parser->remaining = 0; /* whatever the fields say (RFC 9112 6.3) */
    }
    if (parser->remaining > parser->max_body) {
        parse_fail(parser, 413, "the body is too large");
        return false;
    }
    parser->state = parser->remaining ? HTTP_PARSE_BODY : HTTP_PARSE_DONE;
    return true;
}

/* The head is complete: cut it into texts in place. Each line is known to end in CRLF. */
static void parse_head(struct http_parser *parser)
{
    char *at = (char *)parser->head.p;
    char *end = at + parser->head.n - 2;
    if (memchr(at, 0, parser->head.n)) {
        parse_fail(parser, 400, "the header holds a NUL");
        return;
    }
    int minor = 0;
    bool first = true;
    while (at < end) {
        char *lf = memchr(at, '\n', (size_t)(end - at));
        char *next = lf + 1;
        size_t n = (size_t)(lf - 1 - at);
        at[n] = 0;
        bool sound = !first             ? parse_field(parser, at, n)
                     : parser->response ? parse_status_line(parser, at, &minor)
                                        : parse_request_line(parser, at, &minor);
        if (!sound) {
            return;
        }
        first = false;
        at = next;
    }
    if (parse_framing(parser, minor) && parser->state == HTTP_PARSE_BODY) {
        uint64_t reserve = parser->remaining < FIRST_BODY ? parser->remaining : FIRST_BODY;
        if (!cr_buf_reserve(&parser->body, (size_t)reserve)) {
            parse_fail(parser, 503, "memory is short");
        }
    }
}

/* Adds at most one line to the head. */
static size_t feed_head(struct http_parser *parser, cr_span in)
{
    if (parser->head.n == 0 && in.p[0] != '\r' && in.p[0] != '\n' && !is_token((char)in.p[0])) {
        parse_fail(parser, 400, "this is no HTTP request");
        return 1;
    }
    const uint8_t *lf = memchr(in.p, '\n', in.n);
    size_t take = lf ? (size_t)(lf - in.p) + 1 : in.n;
    if (take > parser->max_header - parser->head.n) {
        parse_fail(parser, parser->line == 0 ? 414 : 431,
                   parser->line == 0 ? "the request target is too long"
                                     : "the request header is too large");
        return take;
    }
    cr_buf_append(&parser->head, in.p, take);
    if (!cr_buf_ok(&parser->head)) {
        parse_fail(parser, 503, "memory is short");
        return take;
    }
    if (!lf) {
        return take;
    }
    size_t n = parser->head.n - parser->line; /* of the line with its end */
    if (n < 2 || parser->head.p[parser->head.n - 2] != '\r') {
        parse_fail(parser, 400, "a line of the header ends in LF without CR");
    } else if (n > 2) {
        parser->line = parser->head.n;
    } else if (parser->line == 0) {
        parser->head.n = 0;
        if (++parser->empty_lines > HTTP_MAX_EMPTY_LINES) {
            parse_fail(parser, 400, "nothing but empty lines where a request should be");
        }
    } else {
        parse_head(parser);
    }
    return take;
}

/* True when c ends a line; a CR or LF alone fails. Other characters clear *end. */
static bool feed_line_end(struct http_parser *parser, char c, bool *end)
{
    *end = false;
    if (parser->saw_cr) {
        parser->saw_cr = false;
        if (c != '\n') {
            parse_fail(parser, 400, "CR without LF in the chunked body");
            return true;
        }
        *end = true;
        return true;
    }
    if (c == '\r') {
        parser->saw_cr = true;
        return true;
    }
    if (!is_text(c)) {
        parse_fail(parser, 400, "a control character in the framing of the chunked body");
        return true;
    }
    return false;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void chunk_size_complete(struct http_parser *parser)
{
    if (parser->digits == 0) {
        parse_fail(parser, 400, "a chunk has no size");
        return;
    }
    if (parser->remaining > parser->max_body - parser->body.n) {
        parse_fail(parser, 413, "the body is too large");
        return;
    }
    parser->state = parser->remaining ? HTTP_PARSE_CHUNK_DATA : HTTP_PARSE_TRAILER;
    parser->line_bytes = 0;
    parser->digits = 0;
    parser->in_extension = false;
    parser->line_has_text = false;
}

static void feed_chunk_size(struct http_parser *parser, char c)
{
    bool end = false;
    if (++parser->line_bytes > HTTP_MAX_CHUNK_LINE) {
        parse_fail(parser, 400, "the line of a chunk size is too long");
        return;
    }
    if (feed_line_end(parser, c, &end)) {
        if (end) {
            chunk_size_complete(parser);
        }
        return;
    }
    int value = hex_value(c);
    if (!parser->in_extension && value >= 0 && parser->digits < MAX_DIGITS) {
        parser->remaining = parser->remaining * 16 + (unsigned)value;
        parser->digits++;
    } else if (parser->digits > 0 && (c == ';' || is_blank(c))) {
        parser->in_extension = true; /* chunk extensions mean nothing here */
    } else if (!parser->in_extension) {
        parse_fail(parser, 400, "a chunk size is no hexadecimal number");
    }
}

static void feed_chunk_end(struct http_parser *parser, char c)
{
    bool end = false;
    if (!feed_line_end(parser, c, &end)) {
        parse_fail(parser, 400, "a chunk is longer than its size");
    } else if (end) {
        parser->state = HTTP_PARSE_CHUNK_SIZE;
    }
}

/* Trailers are read over. */
static void feed_trailer(struct http_parser *parser, char c)
{
    bool end = false;
    if (++parser->line_bytes > parser->max_header) {
        parse_fail(parser, 431, "the trailer fields are too large");
    } else if (!feed_line_end(parser, c, &end)) {
        parser->line_has_text = true;
    } else if (end && !parser->line_has_text) {
        parser->state = HTTP_PARSE_DONE;
    } else if (end) {
        parser->line_has_text = false;
    }
}

static size_t feed_body(struct http_parser *parser, cr_span in)
{
    size_t take = in.n < parser->remaining ? in.n : (size_t)parser->remaining;
    cr_buf_append(&parser->body, in.p, take);
    if (!cr_buf_ok(&parser->body)) {
        parse_fail(parser, 503, "memory is short");
        return take;
    }
    parser->remaining -= take;
    if (parser->remaining == 0) {
        parser->state = parser->state == HTTP_PARSE_BODY ? HTTP_PARSE_DONE : HTTP_PARSE_CHUNK_END;
    }
    return take;
}

size_t http_parser_feed(struct http_parser *parser, cr_span in)
{
    size_t used = 0;
    while (used < in.n) {
        cr_span rest = cr_span_of(in.p + used, in.n - used);
        switch (parser->state) {
        case HTTP_PARSE_HEAD:
            used += feed_head(parser, rest);
            break;
        case HTTP_PARSE_BODY:
        case HTTP_PARSE_CHUNK_DATA:
            used += feed_body(parser, rest);
            break;
        case HTTP_PARSE_CHUNK_SIZE:
            feed_chunk_size(parser, (char)in.p[used++]);
            break;
        case HTTP_PARSE_CHUNK_END:
            feed_chunk_end(parser, (char)in.p[used++]);
            break;
        case HTTP_PARSE_TRAILER:
            feed_trailer(parser, (char)in.p[used++]);
            break;
        case HTTP_PARSE_DONE:
        case HTTP_PARSE_FAILED:
            return used;
        }
    }
    return used;
}

bool http_parser_untouched(const struct http_parser *parser)
{
    return parser->state == HTTP_PARSE_HEAD && parser->head.n == 0;
}

static void buffer_keep(cr_buf *b)
{
    if (b->cap > KEEP_BUFFER) {
        cr_buf_free(b);
    } else {
        cr_buf_reset(b);
    }
}

void http_parser_reset(struct http_parser *parser)
{
    buffer_keep(&parser->head);
    buffer_keep(&parser->body);
    struct http_parser fresh = {.max_header = parser->max_header,
                                .max_body = parser->max_body,
                                .response = parser->response,
                                .head = parser->head,
                                .body = parser->body};
    *parser = fresh;
}

void http_parser_free(struct http_parser *parser)
{
    if (parser) {
        cr_buf_free(&parser->head);
        cr_buf_free(&parser->body);
    }
}
