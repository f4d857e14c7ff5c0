/* The client against a peer that misbehaves on order; TLS is in http_tls.c. */
#include "net/http_client.h"

#include "certs.h"
#include "raw.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Answers each connection with the next text of a list and closes it. */
struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    const char *const *answers;
    size_t count;
    bool hold; /* do not close after the last answer until the client does */
};

static void *peer_main(void *arg)
{
    struct peer *peer = arg;
    for (size_t i = 0; i < peer->count; i++) {
        int fd = accept(peer->listener, NULL, NULL);
        char request[4096];
        (void)!recv(fd, request, sizeof(request), 0);
        (void)raw_send_text(fd, peer->answers[i]);
        if (peer->hold) {
            (void)raw_ends(fd);
        }
        (void)shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof(request), 0) > 0) {
        }
        (void)close(fd);
    }
    return NULL;
}

static void peer_open(struct peer *peer, const char *const *answers, size_t count)
{
    memset(peer, 0, sizeof(*peer));
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof(address);
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(peer->listener, 5), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &n), 0);
    peer->port = ntohs(address.sin_port);
    peer->answers = answers;
    peer->count = count;
}

static void peer_run(struct peer *peer)
{
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_main, peer), 0);
}

static void peer_close(struct peer *peer)
{
    (void)pthread_join(peer->thread, NULL);
    (void)close(peer->listener);
}

static struct http_client *new_client(struct http_client_options options)
{
    struct http_client *client = NULL;
    struct cr_err err = {0};
    options.allow_plain = true;
    if (http_client_new(&options, &client, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return client;
}

static cr_status post(struct http_client *client, uint16_t port, int *status, cr_buf *response,
                      struct cr_err *err)
{
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", port);
    memset(err, 0, sizeof(*err));
    return http_client_post(client, url, NULL, cr_span_str("{}"), status, response, err);
}

static void answers_and_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        cr_status status;
        const char *text; /* body, or part of the cause */
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", CR_OK, "hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
         CR_OK, "hello"},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", CR_OK, "until the end"},
        {"HTTP/1.1 204 No Content\r\n\r\n", CR_OK, ""},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", CR_OK, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", CR_MALFORMED, "larger than 100 bytes"},
        {"HTTP/1.1 200 OK\r\n\r\n"
         "0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789",
         CR_MALFORMED, "larger than 100 bytes"},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\n"
         "Content-Length: 0\r\n\r\n",
         CR_REFUSED, "redirection (302) to http://127.0.0.1:1/elsewhere"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut", CR_RESOURCE, "in the middle"},
        {"", CR_RESOURCE, "without an answer"},
        {"220 mail.example ESMTP\r\n", CR_MALFORMED, "no HTTP"},
    };
    const char *answers[CR_COUNT(rows)];
    struct peer peer;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        answers[i] = rows[i].answer;
    }
    peer_open(&peer, answers, CR_COUNT(rows));
    peer_run(&peer);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct http_client *client = new_client((struct http_client_options){.max_response = 100});
        struct cr_err err;
        cr_buf response = {0};
        int status = -1;
        cr_buf_append_str(&response, "before ");
        cr_status result = post(client, peer.port, &status, &response, &err);
        const char *text = cr_buf_cstr(&response);
        if (result != rows[i].status || strncmp(text, "before ", 7) != 0 ||
            (result == CR_OK ? strcmp(text + 7, rows[i].text) != 0
                             : text[7] != 0 || status != -1 || !strstr(err.cause, rows[i].text))) {
            fail_msg("row %zu: %s, \"%s\", \"%s\"", i, cr_status_name(result), text, err.cause);
        }
        cr_buf_free(&response);
        http_client_free(client);
    }
    peer_close(&peer);
}

static void not_reached(void **state)
{
    (void)state;
    struct peer peer;
    struct cr_err err;
    cr_buf response = {0};
    int status = -1;
    struct http_client *client = new_client((struct http_client_options){0});
    peer_open(&peer, NULL, 0);
    (void)close(peer.listener);
    assert_int_equal(post(client, peer.port, &status, &response, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "nothing listens at 127.0.0.1:"));
    assert_true(err.next[0]);
    assert_int_equal(http_client_post(client, "https://no.such.host.invalid/", NULL,
                                      cr_span_str(""), &status, &response, &err),
                     CR_RESOURCE);
    assert_non_null(strstr(err.cause, "no.such.host.invalid is not known"));
    http_client_free(client);

    static const char *const silence[] = {""};
    peer_open(&peer, silence, 1);
    peer.hold = true;
    peer_run(&peer);
    client = new_client((struct http_client_options){.timeout_seconds = 1});
    assert_int_equal(post(client, peer.port, &status, &response, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "did not answer in time"));
    http_client_free(client);
    peer_close(&peer);
    assert_int_equal(status, -1);
    assert_int_equal(response.n, 0);
    cr_buf_free(&response);
}

static void bad_input(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "https://",
                                       "ftp://127.0.0.1/x",
                                       "file:///etc/passwd",
                                       "https://a b/",
                                       "https://h:99999/",
                                       "gopher://127.0.0.1:1/"};
    static const char *const headers[][2] = {{"X: a\r\nY: b", NULL}, {"no colon", NULL}};
    struct http_client *client = new_client((struct http_client_options){0});
    struct cr_err err;
    cr_buf response = {0};
    int status = -1;
    for (size_t i = 0; i < CR_COUNT(urls); i++) {
        memset(&err, 0, sizeof(err));
        cr_status result =
            http_client_post(client, urls[i], NULL, cr_span_str(""), &status, &response, &err);
        if (result != CR_MALFORMED || !err.cause[0]) {
            fail_msg("%s: %s, %s", urls[i], cr_status_name(result), err.cause);
        }
    }
    for (size_t i = 0; i < CR_COUNT(headers); i++) {
        assert_int_equal(http_client_post(client, "http://127.0.0.1:1/", headers[i],
                                          cr_span_str(""), &status, &response, &err),
                         CR_MALFORMED);
    }
    http_client_free(client);

    /* Without allow_plain, plain HTTP is no way at all. */
    struct http_client_options strict = {0};
    assert_int_equal(http_client_new(&strict, &client, &err), CR_OK);
    assert_int_equal(http_client_post(client, "http://127.0.0.1:1/", NULL, cr_span_str(""), &status,
                                      &response, &err),
                     CR_MALFORMED);
    http_client_free(client);
    http_client_free(NULL);
    cr_buf_free(&response);
}

static void bad_options(void **state)
{
    (void)state;
    static const struct {
        struct http_client_options options;
        const char *cause;
    } rows[] = {
        {{.ca_file = "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"},
        {{.client_cert = "/nonexistent/c.pem", .client_key = "/nonexistent/k"}, "c.pem"},
        {{.client_cert = "/nonexistent/c.pem"}, "key is missing"},
        {{.connect_to = "localhost"}, "no host:port"},
        {{.connect_to = ":1"}, "no host:port"},
        {{.connect_to = "h:"}, "no host:port"},
        {{.connect_to = "h:1x"}, "no host:port"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct http_client *client = NULL;
        struct cr_err err = {0};
        assert_int_not_equal(http_client_new(&rows[i].options, &client, &err), CR_OK);
        assert_null(client);
        assert_non_null(strstr(err.cause, rows[i].cause));
    }
}

static bool count_until(void *ctx, size_t done, size_t total)
{
    size_t *most = ctx;
    assert_true(total == 0 || done <= total);
    *most = done > *most ? done : *most;
    return done < 3;
}

static void progress_stops(void **state)
{
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabcde"};
    struct peer peer;
    struct cr_err err;
    cr_buf response = {0};
    int status = -1;
    size_t most = 0;
    peer_open(&peer, answers, 1);
    peer.hold = true;
    peer_run(&peer);
    struct http_client *client =
        new_client((struct http_client_options){.progress = count_until, .progress_ctx = &most});
    assert_int_equal(post(client, peer.port, &status, &response, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "stopped before"));
    assert_non_null(strstr(err.next, "may be given again"));
    assert_int_equal(most, 5);
    assert_int_equal(response.n, 0);
    http_client_free(client);
    peer_close(&peer);
    cr_buf_free(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_refusals),
        cmocka_unit_test(not_reached),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(progress_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
