#include "net/http_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_HEADER 512
#define MAX_BODY   64

static struct http_parser fresh(void)
{
    return (struct http_parser){.max_header = MAX_HEADER, .max_body = MAX_BODY};
}

/* Feeds in pieces of step bytes, each in memory of its own; returns the bytes taken. */
static size_t feed(struct http_parser *parser, const char *text, size_t n, size_t step)
{
    size_t used = 0;
    while (used < n && parser->state != HTTP_PARSE_DONE && parser->state != HTTP_PARSE_FAILED) {
        size_t part = n - used < step ? n - used : step;
        char *copy = malloc(part);
        assert_non_null(copy);
        memcpy(copy, text + used, part);
        size_t took = http_parser_feed(parser, cr_span_of(copy, part));
        free(copy);
        assert_true(took > 0 && took <= part);
        used += took;
    }
    return used;
}

static void check_post(const struct http_parser *parser)
{
    assert_int_equal(parser->state, HTTP_PARSE_DONE);
    assert_string_equal(parser->method, "POST");
    assert_string_equal(parser->path, "/gsma/rsp2/es9plus/initiateAuthentication");
    assert_string_equal(parser->query, "a=b?c");
    assert_int_equal(parser->fields.count, 4);
    assert_string_equal(http_fields_find(&parser->fields, "host"), "dp.example:8443");
    assert_string_equal(http_fields_find(&parser->fields, "X-ADMIN-PROTOCOL"), "gsma/rsp/v2.2.0");
    assert_string_equal(http_fields_find(&parser->fields, "x-empty"), "");
    assert_null(http_fields_find(&parser->fields, "X"));
    assert_null(http_fields_find(NULL, "X"));
    assert_true(parser->keep_alive);
    assert_true(cr_span_equal(cr_buf_span(&parser->body), cr_span_str("{\"k\":1}")));
}

static void content_length_in_any_pieces(void **state)
{
    static const char text[] = "POST /gsma/rsp2/es9plus/initiateAuthentication?a=b?c HTTP/1.1\r\n"
                               "Host: dp.example:8443\r\n"
                               "X-Admin-Protocol:gsma/rsp/v2.2.0 \t\r\n"
                               "X-Empty:\r\n"
                               "Content-Length: 7\r\n\r\n"
                               "{\"k\":1}GET /next HTTP/1.1\r\n";
    (void)state;
    size_t own = (size_t)(strstr(text, "GET") - text);
    for (size_t step = 1; step < sizeof(text); step++) {
        struct http_parser parser = fresh();
        assert_int_equal(feed(&parser, text, sizeof(text) - 1, step), own);
        check_post(&parser);
        http_parser_reset(&parser);
        assert_true(http_parser_untouched(&parser));
        assert_int_equal(feed(&parser, text, sizeof(text) - 1, step), own);
        check_post(&parser);
        http_parser_free(&parser);
    }
}

static void chunked_in_any_pieces(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
                               "5;name=\"v\"\r\nhello\r\n00A \r\n, chunks!!\r\n"
                               "0\r\nTrailer: read over\r\nAnother: one\r\n\r\nX";
    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        struct http_parser parser = fresh();
        assert_int_equal(feed(&parser, text, sizeof(text) - 1, step), sizeof(text) - 2);
        assert_int_equal(parser.state, HTTP_PARSE_DONE);
        assert_true(cr_span_equal(cr_buf_span(&parser.body), cr_span_str("hello, chunks!!")));
        http_parser_free(&parser);
    }
}

#define HOST "Host: h\r\n"

static void accepted_forms(void **state)
{
    static const struct {
        const char *text;
        const char *method;
        const char *path;
        const char *query;
        bool keep_alive;
        bool expect_continue;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", "GET", "/", NULL, true, false},
        {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET", "/", NULL, true, false},
        {"HEAD /a HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n", "HEAD", "/a", NULL, false, false},
        {"GET /a HTTP/1.1\r\n" HOST "Connection: x, close\r\n\r\n", "GET", "/a", NULL, false,
         false},
        {"GET / HTTP/1.0\r\n\r\n", "GET", "/", NULL, false, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", "/", NULL, true, false},
        {"GET / HTTP/1.7\r\n" HOST "\r\n", "GET", "/", NULL, true, false},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", NULL, true, false},
        {"POST http://h:1/p?q HTTP/1.1\r\n" HOST "\r\n", "POST", "/p", "q", true, false},
        {"POST HTTPS://h?q HTTP/1.1\r\n" HOST "\r\n", "POST", "/", "q", true, false},
        {"POST https://h HTTP/1.1\r\n" HOST "\r\n", "POST", "/", NULL, true, false},
        {"GET /? HTTP/1.1\r\n" HOST "\r\n", "GET", "/", "", true, false},
        {"PUT / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 0\r\n\r\n", "PUT", "/",
         NULL, true, true},
        {"PUT / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\nContent-Length: 000\r\n\r\n", "PUT",
         "/", NULL, false, false},
        {"GET /\xC3\xA4%20 HTTP/1.1\r\n" HOST "\r\n", "GET", NULL, NULL, true, false},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct http_parser parser = fresh();
        size_t n = strlen(rows[i].text);
        size_t used = feed(&parser, rows[i].text, n, n);
        if (!rows[i].path) { /* bytes above 7F have to be percent-encoded (RFC 3986) */
            assert_int_equal(parser.failure, 400);
        } else {
            assert_int_equal(parser.state, HTTP_PARSE_DONE);
            assert_int_equal(used, n);
            assert_string_equal(parser.method, rows[i].method);
            assert_string_equal(parser.path, rows[i].path);
            if (rows[i].query) {
                assert_string_equal(parser.query, rows[i].query);
            } else {
                assert_null(parser.query);
            }
            assert_int_equal(parser.keep_alive, rows[i].keep_alive);
            assert_int_equal(parser.expect_continue, rows[i].expect_continue);
        }
        http_parser_free(&parser);
    }
}

#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static void refused_forms(void **state)
{
    static const struct {
        const char *text;
        int failure;
    } rows[] = {
        {"\x16\x03\x01\x02", 400},
        {" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
        {"GET / x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/11\r\n" HOST "\r\n", 400},
        {"GET / http/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
        {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /#f HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /\x7F HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /\r/ HTTP/1.1\r\n" HOST "\r\n", 400},
        {"METHODMETHODMETHODMETHODMETHODMETHOD / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "No-Colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Space : x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400},
        {POST "Content-Length: \r\n\r\n", 400},
        {POST "Content-Length: +1\r\n\r\n", 400},
        {POST "Content-Length: -1\r\n\r\n", 400},
        {POST "Content-Length: 1, 1\r\n\r\n", 400},
        {POST "Content-Length: 0x1\r\n\r\n", 400},
        {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {POST "Content-Length: 65\r\n\r\n", 413},
        {POST "Content-Length: 18446744073709551617\r\n\r\n", 413},
        {POST "Content-Length: 99999999999999999999999999\r\n\r\n", 413},
        {POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {POST "Transfer-Encoding: \x0B"
              "chunked\r\n\r\n",
         400},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {POST "Expect: a miracle\r\n\r\n", 417},
        {CHUNKED "\r\n", 400},
        {CHUNKED ";x\r\n", 400},
        {CHUNKED "g\r\n", 400},
        {CHUNKED "-1\r\n", 400},
        {CHUNKED "0x1\r\n", 400},
        {CHUNKED "1\nx", 400},
        {CHUNKED "1\rx", 400},
        {CHUNKED "1\r\nxy", 400},
        {CHUNKED "1\r\nx\n", 400},
        {CHUNKED "1\r\nx\r\r", 400},
        {CHUNKED "1;\x01\r\n", 400},
        {CHUNKED "41\r\n", 413},
        {CHUNKED "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\n",
         413},
        {CHUNKED "FFFFFFFFFFFFFFF\r\n", 413},
        {CHUNKED "FFFFFFFFFFFFFFFF\r\n", 400},
        {CHUNKED "0\r\nT: x\n", 400},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        size_t n = strlen(rows[i].text);
        for (size_t step = 1; step <= n; step++) {
            struct http_parser parser = fresh();
            (void)feed(&parser, rows[i].text, n, step);
            if (parser.state != HTTP_PARSE_FAILED || parser.failure != rows[i].failure) {
                fail_msg("row %zu in steps of %zu: state %d, %d instead of %d", i, step,
                         (int)parser.state, parser.failure, rows[i].failure);
            }
            assert_non_null(parser.problem);
            assert_false(parser.keep_alive);
            http_parser_free(&parser);
        }
    }
}

static void nul_in_header(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\0x\r\n\r\n";
    (void)state;
    struct http_parser parser = fresh();
    (void)feed(&parser, text, sizeof(text) - 1, sizeof(text) - 1);
    assert_int_equal(parser.failure, 400);
    http_parser_free(&parser);
}

/* Appends text until the parser says enough; returns how it failed. */
static int flood(const char *begin, const char *more, size_t times)
{
    struct http_parser parser = fresh();
    (void)feed(&parser, begin, strlen(begin), strlen(begin));
    for (size_t i = 0; i < times && parser.state != HTTP_PARSE_FAILED; i++) {
        (void)feed(&parser, more, strlen(more), strlen(more));
    }
    int failure = parser.failure;
    http_parser_free(&parser);
    return failure;
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(flood("GET /", "aaaaaaaaaa", 100), 414);
    assert_int_equal(flood("GET / HTTP/1.1\r\nX: ", "aaaaaaaaaa", 100), 431);
    assert_int_equal(flood("GET / HTTP/1.1\r\n", "X: y\r\n", 100), 431);
    assert_int_equal(flood(CHUNKED "1;", "aaaaaaaaaa", 100), 400);
    assert_int_equal(flood(CHUNKED "0\r\n", "T: trailers\r\n", 100), 431);
    assert_int_equal(flood(CHUNKED "0\r\n", "T: trailers\r\n", 2), 0);

    /* More fields than the table has, within the bytes allowed. */
    struct http_parser parser = {.max_header = 16384, .max_body = MAX_BODY};
    (void)feed(&parser, POST, strlen(POST), 7);
    for (int i = 0; i < HTTP_MAX_FIELDS; i++) {
        (void)feed(&parser, "X: y\r\n", 6, 6);
    }
    assert_int_equal(parser.state, HTTP_PARSE_HEAD);
    (void)feed(&parser, "\r\n", 2, 2);
    assert_int_equal(parser.failure, 431);
    http_parser_free(&parser);
}

static void largest_body_is_taken(void **state)
{
    (void)state;
    struct http_parser parser = fresh();
    char text[256] = POST "Content-Length: 64\r\n\r\n";
    size_t head = strlen(text);
    memset(text + head, 'b', MAX_BODY);
    assert_int_equal(feed(&parser, text, head + MAX_BODY, 50), head + MAX_BODY);
    assert_int_equal(parser.state, HTTP_PARSE_DONE);
    assert_int_equal(parser.body.n, MAX_BODY);
    http_parser_free(&parser);
}

static void lists(void **state)
{
    (void)state;
    assert_true(http_list_has("close", "close"));
    assert_true(http_list_has(" ,, a , CLOSE ", "close"));
    assert_false(http_list_has("closed, a close", "close"));
    assert_false(http_list_has("", "close"));
}

static void responses(void **state)
{
    static const struct {
        const char *text;
        int status; /* 0 = refused */
        const char *body;
        bool keep_alive;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, "ab", true},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true},
        {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", true},
        {"HTTP/1.0 404 Not There\r\nContent-Length: 1\r\n\r\nx", 404, "x", false},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
        {"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", 204, "", false},
        /* A status without a body has none, whatever is said. */
        {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", 204, "", true},
        {"HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", 304, "", true},
        {"HTTP/1.1 200 OK\r\n\r\n", 0, NULL, false}, /* until the connection ends */
        {"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, NULL,
         false},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 100 Continue\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 20\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1 200OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/1.x 200 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL, false},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows) * 2; i++) {
        struct http_parser parser = fresh();
        parser.response = true;
        const char *text = rows[i / 2].text;
        size_t used = feed(&parser, text, strlen(text), i & 1 ? 1 : strlen(text));
        assert_int_equal(parser.state == HTTP_PARSE_DONE, rows[i / 2].status != 0);
        if (rows[i / 2].status) {
            assert_int_equal(used, strlen(text));
            assert_int_equal(parser.status, rows[i / 2].status);
            assert_true(cr_span_equal(cr_buf_span(&parser.body), cr_span_str(rows[i / 2].body)));
            assert_int_equal(parser.keep_alive, rows[i / 2].keep_alive);
            assert_null(parser.method);
            http_parser_reset(&parser);
            assert_true(parser.response && http_parser_untouched(&parser));
        }
        http_parser_free(&parser);
    }
    /* A parser of requests takes no response. */
    struct http_parser parser = fresh();
    (void)feed(&parser, rows[0].text, strlen(rows[0].text), 100);
    assert_int_equal(parser.state, HTTP_PARSE_FAILED);
    http_parser_free(&parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_length_in_any_pieces),
        cmocka_unit_test(chunked_in_any_pieces),
        cmocka_unit_test(accepted_forms),
        cmocka_unit_test(refused_forms),
        cmocka_unit_test(nul_in_header),
        cmocka_unit_test(limits),
        cmocka_unit_test(largest_body_is_taken),
        cmocka_unit_test(lists),
        cmocka_unit_test(responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
