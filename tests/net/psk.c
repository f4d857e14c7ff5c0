/* TLS-PSK: engine against engine, and openssl s_client and s_server as strangers. */
#include "net/psk.h"

#include "base/text.h"
#include "net/http_server.h"
#include "raw.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define IDENTITY                                                                                   \
    "8001028110890010120123412340123456789012244F10A0000005591010FFFFFFFF8900000100820101830140"
static const char key_hex[] = "202122232425262728292A2B2C2D2E2F";

struct keys {
    const char *identity;
    uint8_t key[PSK_KEY_MAX + 16];
    size_t n;
    unsigned asked;
};

static size_t find(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX])
{
    struct keys *keys = ctx;
    keys->asked++;
    if (!cr_span_equal_nocase(identity, cr_span_str(keys->identity))) {
        return 0;
    }
    memcpy(key, keys->key, keys->n < PSK_KEY_MAX ? keys->n : PSK_KEY_MAX);
    return keys->n;
}

static struct keys good_keys(void)
{
    struct keys keys = {.identity = IDENTITY, .n = 16};
    assert_true(cr_hex_fixed(keys.key, 16, cr_span_str(key_hex)));
    return keys;
}

static struct ssl_ctx_st *policy_of(struct keys *keys, size_t max_record, bool no_etm)
{
    struct psk_server_options options = {
        .find = find, .ctx = keys, .max_record = max_record, .no_encrypt_then_mac = no_etm};
    struct ssl_ctx_st *policy = NULL;
    assert_int_equal(psk_server_new(&options, &policy, NULL), CR_OK);
    return policy;
}

static struct psk_engine *client_of(const struct keys *keys, size_t fragment, bool cbc, bool no_etm)
{
    struct psk_client_options options = {.identity = keys->identity,
                                         .key = cr_span_of(keys->key, keys->n),
                                         .max_fragment = fragment,
                                         .cbc_only = cbc,
                                         .no_encrypt_then_mac = no_etm};
    struct psk_engine *engine = NULL;
    assert_int_equal(psk_client_new(&options, &engine, NULL), CR_OK);
    return engine;
}

/* Two ends and what went over the line. */
struct pair {
    struct psk_engine *client, *server;
    cr_buf to_server, to_client; /* all of it */
    cr_status client_status, server_status;
};

static bool carry(struct psk_engine *from, struct psk_engine *to, cr_buf *all, size_t step,
                  cr_status *status)
{
    bool moved = false;
    while (psk_engine_output(from).n > 0) {
        cr_span part = cr_span_sub(psk_engine_output(from), 0, step);
        cr_buf_append_span(all, part);
        if (*status == CR_OK) {
            *status = psk_engine_feed(to, part, NULL);
        }
        psk_engine_sent(from, part.n);
        moved = true;
    }
    return moved;
}

static void run(struct pair *pair, size_t step)
{
    bool moved = true;
    while (moved) {
        moved = carry(pair->client, pair->server, &pair->to_server, step, &pair->server_status);
        moved = carry(pair->server, pair->client, &pair->to_client, step, &pair->client_status) ||
                moved;
    }
}

static void pair_free(struct pair *pair)
{
    psk_engine_free(pair->client);
    psk_engine_free(pair->server);
    cr_buf_free(&pair->to_server);
    cr_buf_free(&pair->to_client);
}

/* The largest record of application data on the line, and how many there are. */
static size_t largest_record(const cr_buf *line, size_t *count)
{
    size_t largest = 0;
    *count = 0;
    for (size_t at = 0; at + 5 <= line->n;) {
        size_t n = (size_t)line->p[at + 3] << 8 | line->p[at + 4];
        if (line->p[at] == 23) {
            largest = n > largest ? n : largest;
            (*count)++;
        }
        at += 5 + n;
    }
    return largest;
}

static void take_all(struct psk_engine *engine, cr_buf *out)
{
    while (psk_engine_input(engine).n > 0) {
        cr_span in = psk_engine_input(engine);
        cr_buf_append_span(out, in);
        assert_int_equal(psk_engine_used(engine, in.n, NULL), CR_OK);
    }
}

static void both_suites_in_any_pieces(void **state)
{
    static const size_t steps[] = {1, 7, 237, 100000};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(steps) * 4; i++) {
        bool cbc = i & 1;
        bool no_etm = i & 2;
        struct keys keys = good_keys();
        struct ssl_ctx_st *policy = policy_of(&keys, 0, no_etm);
        struct pair pair = {.client = client_of(&keys, 0, cbc, false)};
        assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
        assert_int_equal(psk_engine_state(pair.client), PSK_HANDSHAKE);
        assert_null(psk_engine_identity(pair.server));
        assert_int_equal(psk_engine_send(pair.client, cr_span_str("early"), NULL), CR_REFUSED);
        run(&pair, steps[i / 4]);
        assert_int_equal(psk_engine_state(pair.client), PSK_OPEN);
        assert_int_equal(psk_engine_state(pair.server), PSK_OPEN);
        assert_string_equal(psk_engine_identity(pair.server), IDENTITY);
        assert_int_equal(psk_engine_suite(pair.client), cbc ? 0x00AE : 0x00A8);
        assert_int_equal(psk_engine_suite(pair.server), cbc ? 0x00AE : 0x00A8);
        assert_int_equal(psk_engine_send(pair.client, cr_span_str("POST"), NULL), CR_OK);
        assert_int_equal(psk_engine_send(pair.server, cr_span_str("204"), NULL), CR_OK);
        run(&pair, steps[i / 4]);
        assert_true(cr_span_equal(psk_engine_input(pair.server), cr_span_str("POST")));
        assert_true(cr_span_equal(psk_engine_input(pair.client), cr_span_str("204")));
        assert_int_equal(psk_engine_used(pair.server, 2, NULL), CR_OK);
        assert_true(cr_span_equal(psk_engine_input(pair.server), cr_span_str("ST")));
        psk_engine_finish(pair.client);
        run(&pair, steps[i / 4]);
        assert_int_equal(psk_engine_state(pair.server), PSK_ENDED);
        assert_int_equal(psk_engine_eof(pair.server, NULL), CR_OK);
        assert_true(cr_span_equal(psk_engine_input(pair.server), cr_span_str("ST")));
        psk_engine_finish(pair.server);
        run(&pair, steps[i / 4]);
        assert_int_equal(psk_engine_state(pair.client), PSK_ENDED);
        assert_int_equal(psk_engine_send(pair.client, cr_span_str("late"), NULL), CR_REFUSED);
        assert_int_equal(psk_engine_alert_sent(pair.client), -1);
        pair_free(&pair);
        psk_server_free(policy);
    }
}

/* What the server says in clear: message types of its flight, and the session id of its hello. */
static void no_session_ids_no_tickets_no_hint(void **state)
{
    (void)state;
    struct keys keys = good_keys();
    struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
    struct pair pair = {.client = client_of(&keys, 0, false, false)};
    assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
    run(&pair, 100000);
    const uint8_t *hello = pair.to_server.p + 5;
    assert_int_equal(hello[0], 1);
    assert_int_equal(hello[4 + 2 + 32], 0);                                 /* no session id */
    assert_memory_equal(hello + 39, "\x00\x06\x00\xA8\x00\xAE\x00\xFF", 8); /* suites and SCSV */
    uint8_t types[8] = {0};
    size_t count = 0;
    for (size_t at = 0; at < pair.to_client.n && pair.to_client.p[at] == 22;) {
        size_t record = (size_t)pair.to_client.p[at + 3] << 8 | pair.to_client.p[at + 4];
        for (size_t m = at + 5; m < at + 5 + record && count < sizeof(types);) {
            types[count++] = pair.to_client.p[m];
            m += 4 + ((size_t)pair.to_client.p[m + 2] << 8 | pair.to_client.p[m + 3]);
        }
        at += 5 + record;
    }
    assert_int_equal(count, 2);
    assert_int_equal(types[0], 2);  /* ServerHello */
    assert_int_equal(types[1], 14); /* ServerHelloDone: no ServerKeyExchange, later no ticket */
    assert_int_equal(pair.to_client.p[5 + 4 + 2 + 32], 0);
    pair_free(&pair);
    psk_server_free(policy);
}

static void records_are_bounded(void **state)
{
    static const struct {
        size_t fragment, max_record, most;
    } rows[] = {{512, 0, 512}, {1024, 0, 1024}, {4096, 0, 4096}, {0, 512, 512}, {0, 1300, 1300}};
    static uint8_t text[20000];
    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < CR_COUNT(rows) * 2; i++) {
        struct keys keys = good_keys();
        struct ssl_ctx_st *policy = policy_of(&keys, rows[i / 2].max_record, false);
        struct pair pair = {.client = client_of(&keys, rows[i / 2].fragment, i & 1, false)};
        cr_buf got = {0};
        size_t count;
        assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
        run(&pair, 500);
        assert_int_equal(psk_engine_send(pair.server, CR_SPAN_ARRAY(text), NULL), CR_OK);
        run(&pair, 500);
        take_all(pair.client, &got);
        assert_int_equal(got.n, sizeof(text));
        size_t largest = largest_record(&pair.to_client, &count);
        assert_true(largest > rows[i / 2].most && largest <= rows[i / 2].most + 80);
        assert_int_equal(count, (sizeof(text) + rows[i / 2].most - 1) / rows[i / 2].most);
        cr_buf_free(&got);
        pair_free(&pair);
        psk_server_free(policy);
    }
}

static void wrong_keys_and_identities(void **state)
{
    static const struct {
        const char *identity;
        size_t n; /* of the server's key */
        bool other;
        int alert;
    } rows[] = {
        {"nobody", 16, false, 115}, {IDENTITY, 16, true, 20},
        {IDENTITY, 15, false, 115}, {IDENTITY, PSK_KEY_MAX + 1, false, 115},
        {IDENTITY, 0, false, 115},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct keys client = good_keys();
        struct keys keys = good_keys();
        client.identity = rows[i].identity;
        client.key[3] = (uint8_t)(client.key[3] ^ (rows[i].other ? 1 : 0));
        keys.n = rows[i].n;
        struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
        struct pair pair = {.client = client_of(&client, 0, false, false)};
        assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
        run(&pair, 100000);
        assert_int_equal(pair.server_status, CR_REFUSED);
        assert_int_equal(psk_engine_state(pair.server), PSK_FAILED);
        assert_int_equal(psk_engine_alert_sent(pair.server), rows[i].alert);
        assert_int_equal(psk_engine_alert_received(pair.client), rows[i].alert);
        assert_int_equal(psk_engine_state(pair.client), PSK_FAILED);
        assert_int_equal(keys.asked, 1);
        assert_int_equal(psk_engine_send(pair.server, cr_span_str("x"), NULL), CR_REFUSED);
        pair_free(&pair);
        psk_server_free(policy);
    }
}

/* The longest identity and key; what is refused once the end was said. */
static void edges(void **state)
{
    (void)state;
    char longest[PSK_IDENTITY_MAX + 1];
    memset(longest, 'A', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    struct keys keys = {.identity = longest, .n = PSK_KEY_MAX};
    memset(keys.key, 7, PSK_KEY_MAX);
    struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
    struct pair pair = {.client = client_of(&keys, 0, false, false)};
    assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
    run(&pair, 100000);
    assert_int_equal(psk_engine_state(pair.server), PSK_OPEN);
    assert_string_equal(psk_engine_identity(pair.server), longest);
    psk_engine_finish(pair.client);
    size_t n = psk_engine_output(pair.client).n;
    assert_true(n > 0);
    psk_engine_finish(pair.client);
    assert_int_equal(psk_engine_output(pair.client).n, n);
    assert_int_equal(psk_engine_send(pair.client, cr_span_str("late"), NULL), CR_REFUSED);
    assert_int_equal(psk_engine_state(pair.client), PSK_OPEN); /* it still reads */
    assert_int_equal(psk_engine_send(pair.server, cr_span_str("rest"), NULL), CR_OK);
    run(&pair, 100000);
    assert_true(cr_span_equal(psk_engine_input(pair.client), cr_span_str("rest")));
    assert_int_equal(psk_engine_state(pair.server), PSK_ENDED);
    assert_int_equal(psk_engine_feed(pair.server, cr_span_str("anything"), NULL), CR_OK);
    assert_int_equal(psk_engine_input(pair.server).n, 0);
    assert_int_equal(psk_engine_used(pair.client, 100, NULL), CR_OK); /* more than there is */
    assert_int_equal(psk_engine_input(pair.client).n, 0);
    pair_free(&pair);
    /* Before the handshake is through there is nothing to be said goodbye to. */
    pair = (struct pair){.client = client_of(&keys, 0, false, false)};
    n = psk_engine_output(pair.client).n;
    psk_engine_finish(pair.client);
    assert_int_equal(psk_engine_output(pair.client).n, n);
    pair_free(&pair);
    psk_server_free(policy);
}

static void options_that_cannot_be(void **state)
{
    (void)state;
    struct keys keys = good_keys();
    struct psk_engine *engine = NULL;
    char longest[PSK_IDENTITY_MAX + 2];
    memset(longest, 'A', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    struct psk_client_options rows[] = {
        {.identity = NULL, .key = cr_span_of(keys.key, 16)},
        {.identity = "", .key = cr_span_of(keys.key, 16)},
        {.identity = longest, .key = cr_span_of(keys.key, 16)},
        {.identity = "a", .key = cr_span_of(keys.key, 15)},
        {.identity = "a", .key = cr_span_of(keys.key, PSK_KEY_MAX + 1)},
        {.identity = "a", .key = cr_span_of(keys.key, 16), .max_fragment = 600},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(psk_client_new(&rows[i], &engine, NULL), CR_REFUSED);
    }
    static const size_t records[] = {511, 16385};
    for (size_t i = 0; i < CR_COUNT(records); i++) {
        struct psk_server_options options = {.find = find, .ctx = &keys, .max_record = records[i]};
        struct ssl_ctx_st *policy = NULL;
        assert_int_equal(psk_server_new(&options, &policy, NULL), CR_REFUSED);
    }
    psk_server_free(NULL);
    psk_engine_free(NULL);
}

/* Each byte of a record that is changed ends the connection; so does a cut. */
static void damage_on_the_line(void **state)
{
    (void)state;
    for (size_t at = 0; at < 38; at++) {
        struct keys keys = good_keys();
        struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
        struct pair pair = {.client = client_of(&keys, 0, at & 1, false)};
        assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
        run(&pair, 100000);
        assert_int_equal(psk_engine_send(pair.client, cr_span_str("a command"), NULL), CR_OK);
        cr_span wire = psk_engine_output(pair.client);
        uint8_t copy[256];
        assert_true(wire.n <= sizeof(copy));
        memcpy(copy, wire.p, wire.n);
        assert_true(at < wire.n);
        copy[at] ^= 0x80;
        cr_status status = psk_engine_feed(pair.server, cr_span_of(copy, wire.n), NULL);
        /* A length that grew waits for bytes that never come. */
        if (status == CR_OK) {
            status = psk_engine_eof(pair.server, NULL);
        }
        assert_int_equal(status, CR_REFUSED);
        assert_int_equal(psk_engine_state(pair.server), PSK_FAILED);
        assert_int_equal(psk_engine_input(pair.server).n, 0);
        assert_int_equal(psk_engine_feed(pair.server, cr_span_of(copy, 5), NULL), CR_REFUSED);
        pair_free(&pair);
        psk_server_free(policy);
    }
}

#define CLIENT_HELLO_10                                                                            \
    ("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x01"                                                \
     "0123456789abcdef0123456789abcdef\x00\x00\x04\x00\xa8\x00\xae\x01\x00")

static void hostile_hellos(void **state)
{
    static const char *const rows[] = {
        "GET / HTTP/1.1\r\n\r\n",
        CLIENT_HELLO_10,
        /* a record larger than any may be */
        "\x16\x03\x03\x7f\xff\x01",
    };
    static const size_t sizes[] = {18, 52, 6};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct keys keys = good_keys();
        struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
        struct psk_engine *server = NULL;
        assert_int_equal(psk_server_accept(policy, &server, NULL), CR_OK);
        assert_int_equal(psk_engine_feed(server, cr_span_of(rows[i], sizes[i]), NULL), CR_REFUSED);
        assert_int_equal(psk_engine_state(server), PSK_FAILED);
        assert_int_equal(keys.asked, 0);
        psk_engine_free(server);
        psk_server_free(policy);
    }
}

/* Nobody takes the clear text: decrypting stops, then feeding; nothing is lost. */
static void backpressure(void **state)
{
    static uint8_t text[8192];
    (void)state;
    struct keys keys = good_keys();
    struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
    struct pair pair = {.client = client_of(&keys, 0, false, false)};
    assert_int_equal(psk_server_accept(policy, &pair.server, NULL), CR_OK);
    run(&pair, 100000);
    size_t sent = 0;
    cr_status status = CR_OK;
    while (status == CR_OK) {
        memset(text, (int)('a' + sent % 20), sizeof(text));
        assert_int_equal(psk_engine_send(pair.client, CR_SPAN_ARRAY(text), NULL), CR_OK);
        status = psk_engine_feed(pair.server, psk_engine_output(pair.client), NULL);
        if (status == CR_OK) {
            psk_engine_sent(pair.client, psk_engine_output(pair.client).n);
            sent++;
        }
        assert_true(psk_engine_input(pair.server).n <= PSK_CLEAR_MAX + 16384);
        assert_true(sent < 100);
    }
    assert_int_equal(status, CR_RESOURCE);
    assert_int_equal(psk_engine_state(pair.server), PSK_OPEN);
    cr_buf got = {0};
    take_all(pair.server, &got);
    assert_int_equal(got.n, sent * sizeof(text));
    for (size_t i = 0; i < got.n; i++) {
        assert_int_equal(got.p[i], 'a' + i / sizeof(text) % 20);
    }
    assert_int_equal(psk_engine_feed(pair.server, psk_engine_output(pair.client), NULL), CR_OK);
    /* The output has its bound too. */
    for (status = CR_OK, sent = 0; status == CR_OK; sent++) {
        status = psk_engine_send(pair.server, CR_SPAN_ARRAY(text), NULL);
        assert_true(sent < 100);
    }
    assert_int_equal(status, CR_RESOURCE);
    assert_true(psk_engine_output(pair.server).n <= PSK_WIRE_MAX);
    assert_int_equal(psk_engine_state(pair.server), PSK_OPEN);
    cr_buf_free(&got);
    pair_free(&pair);
    psk_server_free(policy);
}

/* ---- strangers ---- */

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    (void)ctx;
    response->status = strcmp(request->path, "/none") == 0 ? 204 : 200;
    response->chunked = true;
    cr_buf_appendf(&response->body, "identity=%s body=%zu",
                   request->psk_identity ? request->psk_identity : "-", request->body.n);
}

struct child {
    pid_t pid;
    int in, out;
};

static struct child spawn(char *const arguments[])
{
    int in[2];
    int out[2];
    struct child child = {0};
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        (void)dup2(out[1], 2);
        (void)execvp(arguments[0], arguments);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    child.in = in[1];
    child.out = out[0];
    return child;
}

/* Reads until text has come, or the end; true when it has. */
static bool read_until(const struct child *child, cr_buf *all, const char *text)
{
    uint8_t bytes[4096];
    for (;;) {
        if (all->n > 0 && memmem(all->p, all->n, text, strlen(text))) {
            return true;
        }
        ssize_t n = read(child->out, bytes, sizeof(bytes));
        if (n <= 0) {
            return false;
        }
        cr_buf_append(all, bytes, (size_t)n);
    }
}

static void end(struct child *child)
{
    (void)close(child->in);
    (void)close(child->out);
    (void)kill(child->pid, SIGKILL);
    (void)waitpid(child->pid, NULL, 0);
}

/* openssl s_client against our HTTP server. */
static void a_strange_client(void **state)
{
    static const struct {
        const char *identity, *psk, *more[2];
        const char *expect;
    } rows[] = {
        {IDENTITY, key_hex, {"-cipher", "PSK-AES128-GCM-SHA256"}, "identity=" IDENTITY " body=3"},
        {IDENTITY, key_hex, {"-cipher", "PSK-AES128-CBC-SHA256"}, "identity=" IDENTITY " body=3"},
        {IDENTITY, key_hex, {"-maxfraglen", "512"}, "identity=" IDENTITY " body=3"},
        {IDENTITY, key_hex, {"-cipher", "PSK-AES256-GCM-SHA384"}, "alert handshake failure"},
        {IDENTITY, key_hex, {"-cipher", "ECDHE-PSK-AES128-CBC-SHA256"}, "alert handshake failure"},
        {IDENTITY, "00", {"-cipher", "PSK-AES128-GCM-SHA256"}, "alert bad record mac"},
        {"stranger", key_hex, {"-cipher", "PSK-AES128-GCM-SHA256"}, "alert unknown psk identity"},
        {IDENTITY, key_hex, {"-min_protocol", "TLSv1.3"}, "alert protocol version"},
    };
    (void)state;
    struct keys keys = good_keys();
    struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
    struct http_listener listener = {.tls = policy, .handler = handle};
    struct http_server_options options = {
        .listeners = &listener, .listener_count = 1, .workers = 1};
    struct http_server *server = NULL;
    assert_int_equal(http_server_start(&options, &server, NULL), CR_OK);
    char address[32];
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", http_server_port(server, 0));
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const char *arguments[] = {"openssl",       "s_client",       "-connect", address,
                                   "-psk_identity", rows[i].identity, "-psk",     rows[i].psk,
                                   rows[i].more[0], rows[i].more[1],  "-ign_eof", NULL};
        struct child child = spawn((char *const *)(uintptr_t)arguments);
        static const char request[] = "POST /agent HTTP/1.1\r\nHost: smsr.example\r\n"
                                      "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                                      "3\r\nabc\r\n0\r\n\r\n";
        cr_buf all = {0};
        (void)!write(child.in, request, sizeof(request) - 1);
        if (!read_until(&child, &all, rows[i].expect)) {
            fail_msg("row %zu: no \"%s\" in: %s", i, rows[i].expect, cr_buf_cstr(&all));
        }
        if (strstr(rows[i].expect, "body")) {
            assert_true(read_until(&child, &all, "\r\n0\r\n\r\n"));
            assert_non_null(memmem(all.p, all.n, "chunked\r\n", 9));
        }
        end(&child);
        cr_buf_free(&all);
    }
    http_server_stop(server);
    psk_server_free(policy);
}

/* An identity longer than any is refused before anybody is asked for its key. */
static void a_long_identity(void **state)
{
    (void)state;
    char identity[PSK_IDENTITY_MAX + 2];
    memset(identity, 'A', sizeof(identity) - 1);
    identity[sizeof(identity) - 1] = 0;
    struct keys keys = good_keys();
    keys.identity = identity;
    struct ssl_ctx_st *policy = policy_of(&keys, 0, false);
    struct http_listener listener = {.tls = policy, .handler = handle};
    struct http_server_options options = {
        .listeners = &listener, .listener_count = 1, .workers = 1};
    struct http_server *server = NULL;
    assert_int_equal(http_server_start(&options, &server, NULL), CR_OK);
    char address[32];
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", http_server_port(server, 0));
    const char *arguments[] = {"openssl", "s_client", "-connect", address,   "-psk_identity",
                               identity,  "-psk",     key_hex,    "-tls1_2", NULL};
    struct child child = spawn((char *const *)(uintptr_t)arguments);
    cr_buf all = {0};
    assert_true(read_until(&child, &all, "alert unknown psk identity"));
    end(&child);
    cr_buf_free(&all);
    http_server_stop(server);
    psk_server_free(policy);
    assert_int_equal(keys.asked, 0);
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

/* Moves bytes between engine and socket until so many bytes of clear text are there, or the end. */
static cr_status drive(struct psk_engine *engine, int fd, size_t want)
{
    uint8_t bytes[2048];
    while (psk_engine_input(engine).n < want || want == 0) {
        while (psk_engine_output(engine).n > 0) {
            cr_span out = psk_engine_output(engine);
            if (!raw_send(fd, out.p, out.n)) {
                return CR_RESOURCE;
            }
            psk_engine_sent(engine, out.n);
        }
        if (want == 0 && psk_engine_state(engine) == PSK_OPEN) {
            return CR_OK;
        }
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n <= 0) {
            return psk_engine_eof(engine, NULL);
        }
        CR_TRY(psk_engine_feed(engine, cr_span_of(bytes, (size_t)n), NULL));
    }
    return CR_OK;
}

/* Our client against openssl s_server: it echoes lines backwards (-rev). */
static void a_strange_server(void **state)
{
    static const struct {
        bool cbc, no_etm;
        size_t fragment;
        const char *psk, *hint; /* of the server */
        bool works;
        int alert;
    } rows[] = {
        {false, false, 0, key_hex, NULL, true, -1},
        {true, false, 0, key_hex, NULL, true, -1},
        {true, true, 512, key_hex, NULL, true, -1},
        {false, false, 1024, key_hex, "a hint", true, -1},
        {false, false, 0, "FF", NULL, false, 20},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct child child = {0};
        int fd = -1;
        cr_buf all = {0};
        for (int tries = 0; tries < 5 && fd < 0; tries++) { /* somebody else may take the port */
            char port[8];
            uint16_t number = free_port();
            (void)snprintf(port, sizeof(port), "%u", number);
            const char *arguments[] = {
                "openssl",       "s_server", "-accept", port,
                "-psk_identity", IDENTITY,   "-psk",    rows[i].psk,
                "-nocert",       "-rev",     "-tls1_2", rows[i].hint ? "-psk_hint" : NULL,
                rows[i].hint,    NULL};
            child = spawn((char *const *)(uintptr_t)arguments);
            cr_buf_reset(&all);
            if (read_until(&child, &all, "ACCEPT")) {
                fd = raw_connect(number);
            } else {
                end(&child);
            }
        }
        assert_true(fd >= 0);
        struct keys keys = good_keys();
        struct psk_engine *client = client_of(&keys, rows[i].fragment, rows[i].cbc, rows[i].no_etm);
        cr_status status = drive(client, fd, 0);
        assert_int_equal(status, rows[i].works ? CR_OK : CR_REFUSED);
        assert_int_equal(psk_engine_alert_received(client), rows[i].alert);
        if (rows[i].works) {
            assert_int_equal(psk_engine_suite(client), rows[i].cbc ? 0x00AE : 0x00A8);
            assert_int_equal(psk_engine_send(client, cr_span_str("abcdef\n"), NULL), CR_OK);
            assert_int_equal(drive(client, fd, 7), CR_OK);
            assert_true(cr_span_equal(psk_engine_input(client), cr_span_str("fedcba\n")));
            psk_engine_finish(client);
            cr_span out = psk_engine_output(client);
            assert_true(raw_send(fd, out.p, out.n));
        }
        psk_engine_free(client);
        (void)close(fd);
        end(&child);
        cr_buf_free(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_suites_in_any_pieces),
        cmocka_unit_test(no_session_ids_no_tickets_no_hint),
        cmocka_unit_test(records_are_bounded),
        cmocka_unit_test(wrong_keys_and_identities),
        cmocka_unit_test(edges),
        cmocka_unit_test(options_that_cannot_be),
        cmocka_unit_test(damage_on_the_line),
        cmocka_unit_test(hostile_hellos),
        cmocka_unit_test(backpressure),
        cmocka_unit_test(a_strange_client),
        cmocka_unit_test(a_long_identity),
        cmocka_unit_test(a_strange_server),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("net/psk", tests, NULL, NULL);
}
