#include "net/http_server.h"

#include "raw.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG      ((size_t)8 << 20) /* bytes of the large answer */
#define MAX_BODY 100000
#define PARALLEL 200

/* What the handler of a test does and saw. */
struct site {
    struct http_server *server;
    bool quick;
    atomic_int worker_runs; /* of the quick paths, without a ticket */
    pthread_t releasers[64];
    struct http_ticket *tickets[64];
    atomic_int held;
    cr_env env;
    uint16_t port;
    atomic_int requests;
    atomic_int logged;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_open; /* /gate waits for it */
    int at_gate;
    uint64_t connection; /* of the last request */
    uint64_t closed[8];  /* connections, in order */
    atomic_int closed_count;
};

static void gate_pass(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    site->at_gate++;
    pthread_cond_broadcast(&site->changed);
    while (!site->gate_open) {
        pthread_cond_wait(&site->changed, &site->lock);
    }
    site->at_gate--;
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
}

static void gate_open(struct site *site, bool open)
{
    pthread_mutex_lock(&site->lock);
    site->gate_open = open;
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
}

static void gate_wait(struct site *site, int count)
{
    pthread_mutex_lock(&site->lock);
    while (site->at_gate != count) {
        pthread_cond_wait(&site->changed, &site->lock);
    }
    pthread_mutex_unlock(&site->lock);
}

static void echo(const struct http_request *request, struct http_response *response)
{
    const char *text = http_request_header(request, "x-text");
    response->status = 200;
    response->content_type = "text/plain";
    response->headers[0].name = "X-Method";
    response->headers[0].value = request->method;
    response->headers[1].name = "X-Query";
    response->headers[1].value = request->query ? request->query : "none";
    response->headers[2].name = "X-Text";
    response->headers[2].value = text ? text : "none";
    response->header_count = 3;
    cr_buf_append_span(&response->body, request->body);
}

/* ---- answers that are held ---- */

static void *release_good(void *ctx)
{
    http_release(ctx, true);
    return NULL;
}

static void *release_bad(void *ctx)
{
    http_release(ctx, false);
    return NULL;
}

/* "/hold/good", "/hold/bad", "/hold/later" (by the test), "/hold/worker", "/hold/not". */
static void handle_hold(struct site *site, const struct http_request *request,
                        struct http_response *response)
{
    const char *how = request->path + strlen("/hold/");
    response->status = 200;
    cr_buf_appendf(&response->body, "%s %s", how, request->ticket ? "loop" : "worker");
    cr_buf_append_span(&response->body, request->body);
    if (!request->ticket) {
        atomic_fetch_add(&site->worker_runs, 1);
        return;
    }
    if (strcmp(how, "worker") == 0) {
        response->outcome = HTTP_WORKER;
    } else if (strcmp(how, "not") != 0) {
        int i = atomic_load(&site->held);
        site->tickets[i] = request->ticket;
        response->outcome = HTTP_HOLD;
        if (strcmp(how, "later") != 0) {
            bool good = strcmp(how, "good") == 0;
            (void)pthread_create(&site->releasers[i], NULL, good ? release_good : release_bad,
                                 request->ticket);
        }
        atomic_fetch_add(&site->held, 1);
    }
}

static void on_closed(void *ctx, uint64_t connection, const char *psk_identity)
{
    struct site *site = ctx;
    const int i = atomic_load(&site->closed_count);
    if (i < (int)CR_COUNT(site->closed) && !psk_identity) {
        site->closed[i] = connection;
        atomic_store(&site->closed_count, i + 1);
    }
}

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct site *site = ctx;
    pthread_mutex_lock(&site->lock);
    site->connection = request->connection;
    pthread_mutex_unlock(&site->lock);
    atomic_fetch_add(&site->requests, 1);
    if (strncmp(request->path, "/hold/", 6) == 0) {
        handle_hold(site, request, response);
    } else if (strcmp(request->path, "/echo") == 0) {
        echo(request, response);
    } else if (strcmp(request->path, "/gate") == 0) {
        gate_pass(site);
        echo(request, response);
    } else if (strcmp(request->path, "/big") == 0) {
        response->status = 200;
        uint8_t *at = cr_buf_extend(&response->body, BIG);
        if (at) {
            memset(at, 'b', BIG);
        }
    } else if (strcmp(request->path, "/none") == 0) {
        cr_buf_append_str(&response->body, "no status was set");
    } else if (strcmp(request->path, "/split") == 0) {
        response->status = 200;
        response->headers[0].name = "X-Evil";
        response->headers[0].value = "a\r\nSet-Cookie: b";
        response->header_count = 1;
    } else if (strcmp(request->path, "/empty") == 0) {
        response->status = 204;
        cr_buf_append_str(&response->body, "not to be sent");
    } else if (strcmp(request->path, "/peer") == 0) {
        response->status = 200;
        cr_buf_appendf(&response->body, "%s %s %d", request->peer,
                       request->sni ? request->sni : "-", cr_span_present(request->client_cert));
    } else {
        response->status = 404;
    }
}

static void count_log(void *ctx, enum cr_log_level level, const char *line)
{
    struct site *site = ctx;
    (void)level;
    atomic_fetch_add(&site->logged, line[0] != 0);
}

static void site_open(struct site *site, struct http_server_options options)
{
    bool quick = site->quick;
    memset(site, 0, sizeof(*site));
    site->quick = quick;
    (void)pthread_mutex_init(&site->lock, NULL);
    (void)pthread_cond_init(&site->changed, NULL);
    site->gate_open = true;
    struct http_listener listener = {
        .handler = handle, .closed = on_closed, .ctx = site, .quick = site->quick};
    site->env = *cr_env_system();
    site->env.ctx = site;
    site->env.log = count_log;
    options.listeners = &listener;
    options.listener_count = 1;
    options.env = &site->env;
    if (options.max_body == 0) {
        options.max_body = MAX_BODY;
    }
    struct cr_err err = {0};
    assert_int_equal(http_server_start(&options, &site->server, &err), CR_OK);
    site->port = http_server_port(site->server, 0);
    assert_int_not_equal(site->port, 0);
    assert_int_equal(http_server_port(site->server, 1), 0);
}

static void site_close(struct site *site)
{
    http_server_stop(site->server);
    pthread_mutex_destroy(&site->lock);
    pthread_cond_destroy(&site->changed);
}

static int open_client(const struct site *site)
{
    int fd = raw_connect(site->port);
    assert_true(fd >= 0);
    return fd;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* The server still does its work for others. */
static void assert_alive(const struct site *site)
{
    struct raw_answer answer = {0};
    int fd = open_client(site);
    assert_true(raw_send_text(fd, GET("/echo")));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 200);
    raw_answer_free(&answer);
    (void)close(fd);
}

static void assert_head_has(struct raw_answer *answer, const char *text)
{
    if (!strstr(cr_buf_cstr(&answer->head), text)) {
        fail_msg("no \"%s\" in:\n%s", text, cr_buf_cstr(&answer->head));
    }
}

static void methods_and_answers(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){0});
    int fd = open_client(&site);

    assert_true(raw_send_text(fd, "POST /echo?a=1 HTTP/1.1\r\nHost: h\r\nX-Text:  t \r\n"
                                  "Content-Length: 5\r\n\r\nhello"));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 200);
    assert_true(cr_span_equal(cr_buf_span(&answer.body), cr_span_str("hello")));
    assert_head_has(&answer, "HTTP/1.1 200 OK\r\nDate: ");
    assert_head_has(&answer, " GMT\r\n");
    assert_head_has(&answer, "X-Method: POST\r\n");
    assert_head_has(&answer, "X-Query: a=1\r\n");
    assert_head_has(&answer, "X-Text: t\r\n");
    assert_null(strstr(cr_buf_cstr(&answer.head), "Connection: close"));

    assert_true(raw_send_text(fd, GET("/nowhere")));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 404);

    assert_true(raw_send_text(fd, "HEAD /big HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(raw_read(fd, &answer, true));
    assert_head_has(&answer, "Content-Length: 8388608\r\n");

    assert_true(raw_send_text(fd, GET("/empty")));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 204);
    assert_null(strstr(cr_buf_cstr(&answer.head), "Content-Length"));

    assert_true(raw_send_text(fd, GET("/none")));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 500);
    assert_int_equal(answer.body.n, 0);

    assert_true(raw_send_text(fd, GET("/split")));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 500);
    assert_null(strstr(cr_buf_cstr(&answer.head), "Set-Cookie"));

    assert_true(raw_send_text(fd, GET("/peer")));
    assert_true(raw_read(fd, &answer, false));
    assert_memory_equal(answer.body.p, "127.0.0.1:", 10);
    assert_non_null(strstr(cr_buf_cstr(&answer.body), " - 0"));

    assert_true(raw_send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    assert_true(raw_read(fd, &answer, false));
    assert_head_has(&answer, "Connection: close\r\n");
    assert_true(raw_ends(fd));
    (void)close(fd);
    assert_int_equal(atomic_load(&site.requests), 8);
    raw_answer_free(&answer);
    site_close(&site);
}

static void old_client_without_keep_alive(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){0});
    int fd = open_client(&site);
    assert_true(raw_send_text(fd, "GET /echo HTTP/1.0\r\n\r\n"));
    (void)shutdown(fd, SHUT_WR); /* and still gets its answer */
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 200);
    assert_true(raw_ends(fd));
    (void)close(fd);
    raw_answer_free(&answer);
    site_close(&site);
}

/* Many requests in one packet are answered one after the other, in their order. */
static void pipelined(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    cr_buf all = {0};
    site_open(&site, (struct http_server_options){.workers = 4});
    for (int i = 0; i < 100; i++) {
        cr_buf_appendf(&all, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n%03d", i);
    }
    int fd = open_client(&site);
    assert_true(raw_send(fd, all.p, all.n));
    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < 100; i++) {
        char expected[12];
        (void)snprintf(expected, sizeof(expected), "%03d", i);
        assert_true(raw_read(fd, &answer, false));
        assert_true(cr_span_equal(cr_buf_span(&answer.body), cr_span_str(expected)));
    }
    assert_true(raw_ends(fd));
    (void)close(fd);
    cr_buf_free(&all);
    raw_answer_free(&answer);
    site_close(&site);
}

/* More large answers than fit into any socket, read only at the end. */
static void pipelined_large_answers_unread(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){0});
    int fd = open_client(&site);
    for (int i = 0; i < 4; i++) {
        assert_true(raw_send_text(fd, GET("/big")));
    }
    for (int i = 0; i < 4; i++) {
        assert_true(raw_read(fd, &answer, false));
        assert_int_equal(answer.body.n, BIG);
        assert_int_equal(answer.body.p[BIG - 1], 'b');
    }
    (void)close(fd);
    raw_answer_free(&answer);
    site_close(&site);
}

static void chunked_and_expect(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){0});
    int fd = open_client(&site);
    assert_true(raw_send_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                                  "Expect: 100-continue\r\n\r\n"));
    assert_true(raw_read(fd, &answer, true));
    assert_int_equal(answer.status, 100);
    assert_true(raw_send_text(fd, "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"));
    assert_true(raw_read(fd, &answer, false));
    assert_true(cr_span_equal(cr_buf_span(&answer.body), cr_span_str("hello world")));

    /* Refused before the body is sent: no 100. */
    assert_true(raw_send_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n"
                                  "Expect: 100-continue\r\n\r\n"));
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 413);
    assert_true(raw_ends(fd));
    (void)close(fd);
    raw_answer_free(&answer);
    site_close(&site);
}

static void refusals_reach_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *begin;
        size_t more; /* bytes of filling */
        int status;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n", 100001, 413},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186A1\r\n", 100001,
         413},
        {"GET /echo HTTP/1.1\r\nHost: h\r\nX: ", 200000, 431},
        {"GET /", 200000, 414},
        {"GET /echo HTTP/1.1\r\n\r\n", 0, 400},
        {"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 500, 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n", 0, 501},
        {"GET /echo HTTP/3.0\r\nHost: h\r\n\r\n", 0, 505},
    };
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){0});
    char *filling = malloc(200000);
    assert_non_null(filling);
    memset(filling, 'f', 200000);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        int fd = open_client(&site);
        assert_true(raw_send_text(fd, rows[i].begin));
        (void)raw_send(fd, filling, rows[i].more);
        assert_true(raw_read(fd, &answer, false));
        assert_int_equal(answer.status, rows[i].status);
        assert_head_has(&answer, "Connection: close\r\n");
        assert_true(answer.body.n > 0);
        assert_true(raw_ends(fd));
        (void)close(fd);
    }
    free(filling);
    assert_int_equal(atomic_load(&site.requests), 0);
    assert_int_equal(atomic_load(&site.logged), CR_COUNT(rows));
    assert_alive(&site);
    raw_answer_free(&answer);
    site_close(&site);
}

static void garbage_is_survived(void **state)
{
    (void)state;
    struct site site = {0};
    site_open(&site, (struct http_server_options){0});
    unsigned seed = 1;
    for (int i = 0; i < 200; i++) {
        uint8_t noise[600];
        for (size_t k = 0; k < sizeof(noise); k++) {
            seed = seed * 1103515245 + 12345;
            noise[k] = (uint8_t)(seed >> 16);
        }
        int fd = open_client(&site);
        if (i % 2) {
            (void)raw_send_text(fd, "POST /echo HTTP/1.1\r\n");
        }
        (void)raw_send(fd, noise, sizeof(noise));
        (void)close(fd);
    }
    assert_alive(&site);
    assert_int_equal(atomic_load(&site.requests), 1);
    site_close(&site);
}

static void pause_ms(long ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&time, NULL);
}

/* A byte now and then does not keep a connection. */
static void slow_clients_are_closed(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){.header_seconds = 1, .idle_seconds = 1});
    static const char *const begins[] = {"GET /echo HTTP/1.1\r\nX: ",
                                         "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: "
                                         "90000\r\n\r\n"};
    for (size_t i = 0; i < CR_COUNT(begins); i++) {
        int fd = open_client(&site);
        assert_true(raw_send_text(fd, begins[i]));
        char c;
        while (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
            (void)raw_send(fd, "a", 1);
            pause_ms(50);
        }
        assert_true(raw_read(fd, &answer, false));
        assert_int_equal(answer.status, 408);
        (void)close(fd);
    }
    /* One that never says anything, and one that was served before. */
    int fd = open_client(&site);
    assert_true(raw_ends(fd));
    (void)close(fd);
    fd = open_client(&site);
    assert_true(raw_send_text(fd, GET("/echo")));
    assert_true(raw_read(fd, &answer, false));
    assert_true(raw_ends(fd));
    (void)close(fd);
    /* One that does not take its answer. */
    fd = open_client(&site);
    assert_true(raw_send_text(fd, GET("/big")));
    pause_ms(900);
    pause_ms(900);
    pause_ms(900);
    assert_false(raw_read(fd, &answer, false));
    (void)close(fd);
    assert_alive(&site);
    raw_answer_free(&answer);
    site_close(&site);
}

static void client_gone_in_the_middle(void **state)
{
    (void)state;
    struct site site = {0};
    site_open(&site, (struct http_server_options){.workers = 2});
    /* In the request. */
    for (int i = 0; i < 20; i++) {
        int fd = open_client(&site);
        assert_true(
            raw_send_text(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"));
        (void)close(fd);
    }
    /* While the handler runs. */
    gate_open(&site, false);
    struct linger reset = {.l_onoff = 1};
    for (int i = 0; i < 4; i++) {
        int fd = open_client(&site);
        assert_true(raw_send_text(fd, GET("/gate")));
        gate_wait(&site, i < 2 ? i + 1 : 2);
        if (i % 2) { /* with a reset */
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        (void)close(fd);
    }
    gate_open(&site, true);
    gate_wait(&site, 0);
    /* In the answer. */
    for (int i = 0; i < 5; i++) {
        int fd = open_client(&site);
        char some[100];
        assert_true(raw_send_text(fd, GET("/big")));
        assert_true(recv(fd, some, sizeof(some), 0) > 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        (void)close(fd);
    }
    assert_alive(&site);
    site_close(&site);
}

static void many_connections(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    int fds[PARALLEL];
    site_open(&site, (struct http_server_options){.workers = 3, .loops = 2});
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < PARALLEL; i++) {
            fds[i] = round == 0 ? open_client(&site) : fds[i];
            char text[100];
            (void)snprintf(text, sizeof(text),
                           "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n%04d", i);
            assert_true(raw_send_text(fds[i], text));
        }
        for (int i = 0; i < PARALLEL; i++) {
            char expected[12];
            (void)snprintf(expected, sizeof(expected), "%04d", i);
            assert_true(raw_read(fds[i], &answer, false));
            assert_true(cr_span_equal(cr_buf_span(&answer.body), cr_span_str(expected)));
        }
    }
    for (int i = 0; i < PARALLEL; i++) {
        (void)close(fds[i]);
    }
    assert_int_equal(atomic_load(&site.requests), 3 * PARALLEL);
    raw_answer_free(&answer);
    site_close(&site);
}

/* At the limit an idle connection makes room; busy ones are not touched, newcomers wait. */
static void connection_limit(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){.workers = 3, .max_connections = 3});
    gate_open(&site, false);
    int busy[2];
    for (int i = 0; i < 2; i++) {
        busy[i] = open_client(&site);
        assert_true(raw_send_text(busy[i], GET("/gate")));
    }
    gate_wait(&site, 2);
    int idle = -1;
    for (int i = 0; i < 5; i++) {
        int next = open_client(&site);
        assert_true(raw_send_text(next, GET("/echo")));
        assert_true(raw_read(next, &answer, false));
        if (idle >= 0) {
            assert_true(raw_ends(idle));
            (void)close(idle);
        }
        idle = next;
    }
    gate_open(&site, true);
    for (int i = 0; i < 2; i++) {
        assert_true(raw_read(busy[i], &answer, false));
        assert_int_equal(answer.status, 200);
        (void)close(busy[i]);
    }
    (void)close(idle);
    raw_answer_free(&answer);
    site_close(&site);
}

static void *stop_in_thread(void *arg)
{
    http_server_stop(arg);
    return NULL;
}

/* What clients sent before is in the server's hands: its one loop has answered later ones. */
static void loop_has_read(const struct site *site)
{
    struct raw_answer answer = {0};
    for (int i = 0; i < 3; i++) {
        int fd = open_client(site);
        assert_true(raw_send_text(fd, "GET /echo HTTP/1.1\r\n\r\n"));
        assert_true(raw_read(fd, &answer, false));
        assert_int_equal(answer.status, 400);
        (void)close(fd);
    }
    raw_answer_free(&answer);
}

/* Stopping waits for what runs and answers it, refuses newcomers, drops idle connections. */
static void stop_during_requests(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){.workers = 2, .loops = 1});
    gate_open(&site, false);
    int idle = open_client(&site);
    int fds[4]; /* two at the gate, two waiting for a worker */
    for (int i = 0; i < 4; i++) {
        fds[i] = open_client(&site);
        assert_true(raw_send_text(fds[i], GET("/gate")));
    }
    gate_wait(&site, 2);
    loop_has_read(&site);
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, site.server), 0);
    assert_true(raw_ends(idle));
    (void)close(idle);
    gate_open(&site, true);
    for (int i = 0; i < 4; i++) {
        assert_true(raw_read(fds[i], &answer, false));
        assert_int_equal(answer.status, 200);
        assert_head_has(&answer, "Connection: close\r\n");
        assert_true(raw_ends(fds[i]));
        (void)close(fds[i]);
    }
    (void)pthread_join(stopper, NULL);
    assert_true(raw_connect(site.port) < 0);
    site.server = NULL;
    raw_answer_free(&answer);
    site_close(&site);
}

static void bad_options(void **state)
{
    (void)state;
    struct site site = {0};
    struct cr_err err = {0};
    struct http_server *server = NULL;
    struct http_server_options none = {0};
    assert_int_equal(http_server_start(&none, &server, &err), CR_REFUSED);
    site_open(&site, (struct http_server_options){0});
    struct http_listener taken = {.port = site.port, .handler = handle, .ctx = &site};
    struct http_server_options options = {.listeners = &taken, .listener_count = 1};
    assert_int_equal(http_server_start(&options, &server, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "127.0.0.1 port"));
    assert_non_null(strstr(err.next, "another program listens there"));
    taken = (struct http_listener){.host = "no.such.host.invalid", .handler = handle};
    assert_int_equal(http_server_start(&options, &server, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "no.such.host.invalid"));
    taken = (struct http_listener){.host = "192.0.2.1", .handler = handle};
    assert_int_equal(http_server_start(&options, &server, &err), CR_RESOURCE);
    assert_null(server);
    http_server_stop(NULL);
    site_close(&site);
}

static void expect_body(int fd, const char *body)
{
    struct raw_answer answer = {0};
    assert_true(raw_read(fd, &answer, false));
    assert_int_equal(answer.status, 200);
    assert_string_equal(cr_buf_cstr(&answer.body), body);
    raw_answer_free(&answer);
}

static void wait_until_held(struct site *site, int count)
{
    while (atomic_load(&site->held) < count) {
        (void)usleep(1000);
    }
}

static void quick_handlers(void **state)
{
    (void)state;
    struct site site = {.quick = true};
    site_open(&site, (struct http_server_options){.workers = 2});
    int fd = open_client(&site);
    assert_true(raw_send_text(fd, GET("/hold/not")));
    expect_body(fd, "not loop");
    assert_true(raw_send_text(fd, GET("/hold/worker")));
    expect_body(fd, "worker worker");
    assert_true(raw_send_text(fd, GET("/hold/good")));
    expect_body(fd, "good loop");
    assert_true(raw_send_text(fd, GET("/hold/bad")));
    expect_body(fd, "bad worker");
    assert_int_equal(atomic_load(&site.worker_runs), 2);
    /* One behind the other: each waits for the one before. */
    assert_true(raw_send_text(fd, GET("/hold/later") GET("/hold/worker") GET("/hold/later")
                                      GET("/hold/not")));
    wait_until_held(&site, 3);
    http_release(site.tickets[2], false);
    expect_body(fd, "later worker");
    expect_body(fd, "worker worker");
    wait_until_held(&site, 4);
    /* Others are served meanwhile. */
    int other = open_client(&site);
    assert_true(raw_send_text(other, GET("/hold/not")));
    expect_body(other, "not loop");
    (void)close(other);
    http_release(site.tickets[3], true);
    expect_body(fd, "later loop");
    expect_body(fd, "not loop");
    (void)close(fd);
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(site.releasers[i], NULL);
    }
    site_close(&site);
}

static void quick_client_gone_while_held(void **state)
{
    (void)state;
    struct site site = {.quick = true};
    site_open(&site, (struct http_server_options){.workers = 1});
    struct linger reset = {.l_onoff = 1};
    for (int i = 0; i < 4; i++) {
        int fd = open_client(&site);
        assert_true(raw_send_text(fd, GET("/hold/later")));
        wait_until_held(&site, i + 1);
        if (i % 2) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        (void)close(fd);
    }
    assert_alive(&site); /* the loop has seen them go, or will */
    for (int i = 0; i < 4; i++) {
        http_release(site.tickets[i], i < 2);
    }
    assert_alive(&site);
    site_close(&site);
}

static void *release_after_a_while(void *ctx)
{
    (void)usleep(200000);
    http_release(ctx, true);
    return NULL;
}

/* The owner of the handler may free everything when stop returns. */
static void quick_stop_waits_for_held(void **state)
{
    (void)state;
    struct site site = {.quick = true};
    site_open(&site, (struct http_server_options){.workers = 1});
    int stays = open_client(&site);
    int goes = open_client(&site);
    assert_true(raw_send_text(stays, GET("/hold/later")));
    wait_until_held(&site, 1);
    assert_true(raw_send_text(goes, GET("/hold/later")));
    wait_until_held(&site, 2);
    (void)close(goes);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, release_after_a_while, site.tickets[i]),
                         0);
    }
    http_server_stop(site.server);
    expect_body(stays, "later loop");
    (void)close(stays);
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    pthread_mutex_destroy(&site.lock);
    pthread_cond_destroy(&site.changed);
}

static void wait_until_closed(struct site *site, int count)
{
    while (atomic_load(&site->closed_count) < count) {
        (void)usleep(1000);
    }
}

static uint64_t connection_of(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    const uint64_t connection = site->connection;
    pthread_mutex_unlock(&site->lock);
    return connection;
}

/* Who owns the handler hears which connection is gone, once, also while a request of it is in work;
 * nothing of those that never said anything. */
static void connections_that_end_are_told(void **state)
{
    (void)state;
    struct site site = {0};
    struct raw_answer answer = {0};
    site_open(&site, (struct http_server_options){.workers = 2, .loops = 1});
    const int silent = open_client(&site);
    const int one = open_client(&site);
    assert_true(raw_send_text(one, GET("/echo")));
    assert_true(raw_read(one, &answer, false));
    const uint64_t first = connection_of(&site);
    assert_true(first > 0);
    assert_true(raw_send_text(one, GET("/echo")));
    assert_true(raw_read(one, &answer, false));
    assert_int_equal(connection_of(&site), first);
    gate_open(&site, false);
    const int two = open_client(&site);
    assert_true(raw_send_text(two, GET("/gate")));
    gate_wait(&site, 1);
    const uint64_t second = connection_of(&site);
    assert_int_not_equal(second, first);
    const struct linger reset = {.l_onoff =
                                     1}; /* without TLS an end alone may come from who waits */
    (void)setsockopt(two, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)close(two);
    wait_until_closed(&site, 1);
    assert_int_equal(site.closed[0], second);
    gate_open(&site, true);
    (void)close(silent);
    (void)close(one);
    wait_until_closed(&site, 2);
    assert_int_equal(site.closed[1], first);
    http_server_stop(site.server);
    site.server = NULL;
    assert_int_equal(atomic_load(&site.closed_count), 2);
    raw_answer_free(&answer);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_and_answers),
        cmocka_unit_test(old_client_without_keep_alive),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(pipelined_large_answers_unread),
        cmocka_unit_test(chunked_and_expect),
        cmocka_unit_test(refusals_reach_the_client),
        cmocka_unit_test(garbage_is_survived),
        cmocka_unit_test(slow_clients_are_closed),
        cmocka_unit_test(client_gone_in_the_middle),
        cmocka_unit_test(many_connections),
        cmocka_unit_test(connection_limit),
        cmocka_unit_test(stop_during_requests),
        cmocka_unit_test(connections_that_end_are_told),
        cmocka_unit_test(quick_handlers),
        cmocka_unit_test(quick_client_gone_while_held),
        cmocka_unit_test(quick_stop_waits_for_held),
        cmocka_unit_test(bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
