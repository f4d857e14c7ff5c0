/* Server and client over TLS, and strangers: openssl s_client, curl, OpenSSL used directly. */
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tls.h"

#include "base/text.h"
#include "certs.h"
#include "raw.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE ((size_t)3 << 20)

static char dir[TEST_PATH];
static struct test_ca ci;
static struct test_ca other_ci;
static struct test_ca sub_ca;

/* A listener that demands client certificates and one that does not, on the same server. */
struct site {
    struct http_server *server;
    struct ssl_ctx_st *tls[2];
    uint16_t open, mutual; /* ports */
    atomic_int requests;
};

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct site *site = ctx;
    atomic_fetch_add(&site->requests, 1);
    response->status = 200;
    response->content_type = "text/plain";
    if (strcmp(request->path, "/large") == 0) {
        uint8_t *at = cr_buf_extend(&response->body, LARGE);
        if (at) {
            memset(at, 'L', LARGE);
        }
        return;
    }
    const char *agent = http_request_header(request, "User-Agent");
    const char *type = http_request_header(request, "Content-Type");
    cr_buf_appendf(&response->body, "peer=%s sni=%s cert=%zu agent=%s type=%s body=%zu",
                   request->peer, request->sni ? request->sni : "-", request->client_cert.n,
                   agent ? agent : "-", type ? type : "-", request->body.n);
}

static void site_open(struct site *site, const char *cert)
{
    static char files[8][TEST_PATH * 2];
    memset(site, 0, sizeof(*site));
    (void)snprintf(files[0], sizeof(files[0]), "%s/%s.pem", dir, cert);
    (void)snprintf(files[1], sizeof(files[1]), "%s/%s.key", dir, cert);
    struct tls_identity identities[] = {
        {.cert_file = files[0], .key_file = files[1]},
        {.cert_file = test_path(dir, "second.pem"), .key_file = test_path(dir, "second.key")},
        {.cert_file = test_path(dir, "wild.pem"), .key_file = test_path(dir, "wild.key")},
    };
    struct tls_server_options options = {.identities = identities, .identity_count = 3};
    struct cr_err err = {0};
    assert_int_equal(tls_server_new(&options, &site->tls[0], &err), CR_OK);
    options.client_ca_file = test_path(dir, "ci.pem");
    options.client_cert_required = true;
    assert_int_equal(tls_server_new(&options, &site->tls[1], &err), CR_OK);
    struct http_listener listeners[] = {
        {.tls = site->tls[0], .handler = handle, .ctx = site},
        {.tls = site->tls[1], .handler = handle, .ctx = site},
    };
    struct http_server_options server = {
        .listeners = listeners, .listener_count = 2, .workers = 2, .header_seconds = 2};
    assert_int_equal(http_server_start(&server, &site->server, &err), CR_OK);
    site->open = http_server_port(site->server, 0);
    site->mutual = http_server_port(site->server, 1);
}

static void site_close(struct site *site)
{
    http_server_stop(site->server);
    tls_server_free(site->tls[0]);
    tls_server_free(site->tls[1]);
}

static int set_up(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct test_leaf leaf;
        const struct test_ca *ca;
        const struct test_ca *chain;
    } rows[] = {
        {"dp", {.cn = "dp", .dns = "dp.example,other.example", .ip = "127.0.0.1"}, &ci, NULL},
        {"second", {.cn = "second", .dns = "second.example"}, &ci, NULL},
        {"wild", {.cn = "wild", .dns = "*.wild.example"}, &ci, NULL},
        {"expired", {.cn = "old", .dns = "dp.example", .from_days = -9, .to_days = -1}, &ci, NULL},
        {"future", {.cn = "new", .dns = "dp.example", .from_days = 2, .to_days = 9}, &ci, NULL},
        {"no-name", {.cn = "dp.example"}, &ci, NULL},
        {"no-server", {.cn = "dp", .dns = "dp.example", .client_only = true}, &ci, NULL},
        {"below-sub", {.cn = "dp", .dns = "dp.example"}, &sub_ca, &sub_ca},
        {"below-sub-alone", {.cn = "dp", .dns = "dp.example"}, &sub_ca, NULL},
        {"client", {.cn = "operator", .client_only = true}, &ci, NULL},
        {"stranger", {.cn = "stranger", .client_only = true}, &other_ci, NULL},
        {"old-client",
         {.cn = "old", .client_only = true, .from_days = -9, .to_days = -1},
         &ci,
         NULL},
    };
    test_dir_make(dir);
    test_ca_make(&ci, "Test CI", NULL);
    test_ca_make(&other_ci, "Other CI", NULL);
    test_ca_make(&sub_ca, "Test SubCA", &ci);
    test_ca_write(&ci, dir, "ci", false);
    test_ca_write(&ci, dir, "ci", true);
    test_ca_write(&other_ci, dir, "other", false);
    test_ca_write(&sub_ca, dir, "sub", false);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        test_leaf_write(&rows[i].leaf, rows[i].ca, dir, rows[i].name, rows[i].chain, false);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_ca_free(&ci);
    test_ca_free(&other_ci);
    test_ca_free(&sub_ca);
    test_dir_remove(dir);
    return 0;
}

/* ---- our client ---- */

struct talk {
    struct http_client *client;
    char connect_to[40];
    cr_buf response;
    int status;
    struct cr_err err;
};

static void talk_open(struct talk *talk, uint16_t port, struct http_client_options options)
{
    memset(talk, 0, sizeof(*talk));
    (void)snprintf(talk->connect_to, sizeof(talk->connect_to), "127.0.0.1:%u", port);
    options.connect_to = talk->connect_to;
    if (http_client_new(&options, &talk->client, &talk->err) != CR_OK) {
        fail_msg("%s", talk->err.cause);
    }
}

static cr_status talk_post(struct talk *talk, const char *url)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    cr_buf_reset(&talk->response);
    memset(&talk->err, 0, sizeof(talk->err));
    talk->status = 0;
    return http_client_post(talk->client, url, headers, cr_span_str("{}"), &talk->status,
                            &talk->response, &talk->err);
}

static void talk_close(struct talk *talk)
{
    http_client_free(talk->client);
    cr_buf_free(&talk->response);
}

static bool said(struct talk *talk, const char *text)
{
    return strstr(cr_buf_cstr(&talk->response), text) != NULL;
}

static void one_connection_for_all(void **state)
{
    (void)state;
    struct site site;
    struct talk talk;
    site_open(&site, "dp");
    talk_open(&talk, site.open,
              (struct http_client_options){.ca_file = test_path(dir, "ci.der"),
                                           .user_agent = "gsma-rsp-lpad"});
    char first[100] = "";
    for (int i = 0; i < 20; i++) {
        if (talk_post(&talk, "https://dp.example/x") != CR_OK) {
            fail_msg("%s", talk.err.cause);
        }
        assert_int_equal(talk.status, 200);
        assert_true(said(&talk, "sni=dp.example cert=0 agent=gsma-rsp-lpad "
                                "type=application/json body=2"));
        if (i == 0) { /* "peer=..." */
            assert_true(cr_str_copy(
                first, sizeof(first),
                cr_span_of(talk.response.p, strcspn(cr_buf_cstr(&talk.response), " "))));
        }
        assert_true(said(&talk, first)); /* the same port: the same connection */
    }
    assert_int_equal(talk_post(&talk, "https://dp.example/large"), CR_OK);
    assert_int_equal(talk.response.n, LARGE);
    assert_int_equal(talk.response.p[LARGE - 1], 'L');
    talk_close(&talk);
    site_close(&site);
}

static void server_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *cert;
        const char *ca;
        const char *url;
        cr_status status;
        const char *cause;
        const char *next;
    } rows[] = {
        {"dp", "ci.pem", "https://dp.example/", CR_OK, NULL, NULL},
        {"dp", "ci.der", "https://DP.Example./", CR_OK, NULL, NULL},
        {"dp", "ci.pem", "https://other.example:4711/", CR_OK, NULL, NULL},
        {"dp", "ci.pem", "https://127.0.0.1/", CR_OK, NULL, NULL},
        {"below-sub", "ci.pem", "https://dp.example/", CR_OK, NULL, NULL},
        {"dp", "other.pem", "https://dp.example/", CR_REFUSED,
         "the certificate of host dp.example is issued by Test CI, which is not trusted",
         "--ca FILE"},
        {"dp", NULL, "https://dp.example/", CR_REFUSED, "issued by Test CI",
         "nothing is trusted: give the certificate of the CI with --ca FILE"},
        {"below-sub-alone", "ci.pem", "https://dp.example/", CR_REFUSED, "issued by Test SubCA",
         "send the intermediate certificates"},
        {"below-sub-alone", "sub.pem", "https://dp.example/", CR_REFUSED, "Test CI",
         "--ca FILE"}, /* no partial chains */
        {"dp", "ci.pem", "https://wrong.example/", CR_REFUSED,
         "the certificate of host wrong.example is for other names: dp.example, other.example",
         "use the name"},
        {"dp", "ci.pem", "https://127.0.0.2/", CR_REFUSED, "is for other names", "use the name"},
        {"no-name", "ci.pem", "https://dp.example/", CR_REFUSED, "it has no DNS name", ""},
        {"expired", "ci.pem", "https://dp.example/", CR_REFUSED,
         "the certificate of host dp.example has expired", "clock"},
        {"future", "ci.pem", "https://dp.example/", CR_REFUSED, "is not valid yet", "clock"},
        {"no-server", "ci.pem", "https://dp.example/", CR_REFUSED, "purpose", ""},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct site site;
        struct talk talk;
        site_open(&site, rows[i].cert);
        talk_open(&talk, site.open,
                  (struct http_client_options){.ca_file =
                                                   rows[i].ca ? test_path(dir, rows[i].ca) : NULL});
        cr_status status = talk_post(&talk, rows[i].url);
        if (status != rows[i].status ||
            (status != CR_OK &&
             (!strstr(talk.err.cause, rows[i].cause) || !strstr(talk.err.next, rows[i].next)))) {
            fail_msg("row %zu: %s: %s (%s)", i, cr_status_name(status), talk.err.cause,
                     talk.err.next);
        }
        assert_int_equal(atomic_load(&site.requests), status == CR_OK);
        talk_close(&talk);
        site_close(&site);
    }
}

static void system_store_alone(void **state)
{
    (void)state;
    struct site site;
    struct talk talk;
    site_open(&site, "dp");
    talk_open(&talk, site.open, (struct http_client_options){.system_store = true});
    assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_REFUSED);
    assert_non_null(strstr(talk.err.next, "only the system's CAs are trusted"));
    talk_close(&talk);
    site_close(&site);
}

static void names_choose_certificates(void **state)
{
    (void)state;
    static const char *const urls[] = {"https://dp.example/", "https://second.example/",
                                       "https://SECOND.example/", "https://a.wild.example/",
                                       "https://dp.example/"};
    struct site site;
    struct talk talk;
    site_open(&site, "dp");
    talk_open(&talk, site.open, (struct http_client_options){.ca_file = test_path(dir, "ci.pem")});
    for (size_t i = 0; i < CR_COUNT(urls); i++) {
        if (talk_post(&talk, urls[i]) != CR_OK) {
            fail_msg("%s: %s", urls[i], talk.err.cause);
        }
    }
    /* A wildcard is one label; an unknown name gets the first certificate. */
    assert_int_equal(talk_post(&talk, "https://a.b.wild.example/"), CR_REFUSED);
    assert_non_null(strstr(talk.err.cause, "other names: dp.example"));
    assert_int_equal(talk_post(&talk, "https://wild.example/"), CR_REFUSED);
    assert_non_null(strstr(talk.err.cause, "other names: dp.example"));
    talk_close(&talk);
    site_close(&site);
}

static void client_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *cert; /* NULL = none */
        cr_status status;
        const char *next;
    } rows[] = {
        {"client", CR_OK, NULL},
        {NULL, CR_RESOURCE, "it demands a client certificate: give one with its key"},
        {"stranger", CR_RESOURCE, "it does not accept the client certificate"},
        {"old-client", CR_RESOURCE, "it does not accept the client certificate"},
    };
    struct site site;
    site_open(&site, "dp");
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char cert[TEST_PATH * 2];
        char key[TEST_PATH * 2];
        (void)snprintf(cert, sizeof(cert), "%s/%s.pem", dir, rows[i].cert ? rows[i].cert : "");
        (void)snprintf(key, sizeof(key), "%s/%s.key", dir, rows[i].cert ? rows[i].cert : "");
        struct talk talk;
        talk_open(&talk, site.mutual,
                  (struct http_client_options){.ca_file = test_path(dir, "ci.pem"),
                                               .client_cert = rows[i].cert ? cert : NULL,
                                               .client_key = rows[i].cert ? key : NULL});
        cr_status status = talk_post(&talk, "https://dp.example/");
        if (status != rows[i].status || (status != CR_OK && !strstr(talk.err.next, rows[i].next))) {
            fail_msg("row %zu: %s: %s (%s)", i, cr_status_name(status), talk.err.cause,
                     talk.err.next);
        }
        if (status == CR_OK) {
            assert_false(said(&talk, "cert=0"));
        } else if (!rows[i].cert) {
            assert_non_null(strstr(talk.err.cause, "certificate required"));
        }
        talk_close(&talk);
    }
    assert_int_equal(atomic_load(&site.requests), 1);
    site_close(&site);
}

struct judge {
    cr_status verdict;
    size_t seen;  /* bytes of the certificate */
    size_t count; /* certificates up to the root */
    int calls;
};

static cr_status judge_peer(void *ctx, const cr_span *chain, size_t count, struct cr_err *err)
{
    struct judge *judge = ctx;
    judge->seen = chain[0].n;
    judge->count = count;
    judge->calls++;
    if (judge->verdict != CR_OK) {
        return cr_refuse(err, "8.8.1", "6.1", "SGP.22 4.5", "role says no");
    }
    return CR_OK;
}

static void last_word_of_the_caller(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, "dp");
    for (int good = 0; good < 2; good++) {
        struct judge judge = {.verdict = good ? CR_OK : CR_REFUSED};
        struct talk talk;
        talk_open(&talk, site.open,
                  (struct http_client_options){.ca_file = test_path(dir, "ci.pem"),
                                               .check_peer = judge_peer,
                                               .check_ctx = &judge});
        assert_int_equal(talk_post(&talk, "https://dp.example/"), judge.verdict);
        assert_int_equal(judge.calls, 1);
        assert_true(judge.seen > 300);
        assert_int_equal(judge.count, 2); /* with the CI that is trusted */
        if (good) {
            assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_OK);
            assert_int_equal(judge.calls, 1); /* the same connection */
        } else {
            assert_string_equal(talk.err.cause, "role says no");
            assert_string_equal(talk.err.subject, "8.8.1");
            assert_int_equal(atomic_load(&site.requests), 0); /* nothing was sent */
        }
        talk_close(&talk);
        /* Not asked about a certificate that is refused anyway. */
        judge.calls = 0;
        talk_open(&talk, site.open,
                  (struct http_client_options){.ca_file = test_path(dir, "other.pem"),
                                               .check_peer = judge_peer,
                                               .check_ctx = &judge});
        assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_REFUSED);
        assert_int_equal(judge.calls, 0);
        talk_close(&talk);
    }
    site_close(&site);
}

/* The server closed the kept connection meanwhile: the client opens another. */
static void server_came_back(void **state)
{
    (void)state;
    struct site site;
    struct talk talk;
    site_open(&site, "dp");
    uint16_t port = site.open;
    talk_open(&talk, port, (struct http_client_options){.ca_file = test_path(dir, "ci.pem")});
    assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_OK);
    http_server_stop(site.server);
    assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_RESOURCE);
    assert_non_null(strstr(talk.err.cause, "nothing listens at dp.example:443 (at 127.0.0.1:"));
    struct http_listener again = {
        .port = port, .tls = site.tls[0], .handler = handle, .ctx = &site};
    struct http_server_options options = {.listeners = &again, .listener_count = 1};
    assert_int_equal(http_server_start(&options, &site.server, NULL), CR_OK);
    assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_OK);
    talk_close(&talk);
    site_close(&site);
}

static void *client_main(void *arg)
{
    const struct site *site = arg;
    char connect_to[40];
    char ca[TEST_PATH * 2];
    (void)snprintf(connect_to, sizeof(connect_to), "127.0.0.1:%u", site->open);
    (void)snprintf(ca, sizeof(ca), "%s/ci.pem", dir);
    struct http_client_options options = {.ca_file = ca, .connect_to = connect_to};
    struct http_client *client = NULL;
    intptr_t good = 0;
    if (http_client_new(&options, &client, NULL) == CR_OK) {
        for (int i = 0; i < 10; i++) {
            cr_buf response = {0};
            int status = 0;
            good += http_client_post(client, "https://dp.example/large", NULL, cr_span_str("x"),
                                     &status, &response, NULL) == CR_OK &&
                    status == 200 && response.n == LARGE;
            cr_buf_free(&response);
        }
    }
    http_client_free(client);
    return (void *)good;
}

static void clients_on_threads(void **state)
{
    (void)state;
    struct site site;
    pthread_t threads[8];
    site_open(&site, "dp");
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, &site), 0);
    }
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        void *good = NULL;
        (void)pthread_join(threads[i], &good);
        assert_int_equal((intptr_t)good, 10);
    }
    site_close(&site);
}

static void plain_server_behind_https(void **state)
{
    (void)state;
    struct site site = {0};
    struct http_server *server = NULL;
    struct http_listener plain = {.handler = handle, .ctx = &site};
    struct http_server_options options = {.listeners = &plain, .listener_count = 1};
    assert_int_equal(http_server_start(&options, &server, NULL), CR_OK);
    struct talk talk;
    talk_open(&talk, http_server_port(server, 0),
              (struct http_client_options){.ca_file = test_path(dir, "ci.pem")});
    assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_RESOURCE);
    assert_non_null(strstr(talk.err.cause, "does not speak TLS"));
    talk_close(&talk);
    http_server_stop(server);
}

/* ---- OpenSSL used directly ---- */

struct wire {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    bool with_cert;    /* set before wire_open(): show the client certificate */
    char answer[2000]; /* to the last request */
};

/* False when the handshake fails. */
static bool wire_open(struct wire *wire, uint16_t port, int version, const char *ciphers,
                      SSL_SESSION *session)
{
    wire->ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(wire->ctx);
    SSL_CTX_set_min_proto_version(wire->ctx, version);
    SSL_CTX_set_max_proto_version(wire->ctx, version);
    SSL_CTX_set_security_level(wire->ctx, 0);
    assert_true(!ciphers || SSL_CTX_set_cipher_list(wire->ctx, ciphers));
    if (wire->with_cert) {
        assert_int_equal(
            SSL_CTX_use_certificate_file(wire->ctx, test_path(dir, "client.pem"), SSL_FILETYPE_PEM),
            1);
        assert_int_equal(
            SSL_CTX_use_PrivateKey_file(wire->ctx, test_path(dir, "client.key"), SSL_FILETYPE_PEM),
            1);
    }
    wire->fd = raw_connect(port);
    assert_true(wire->fd >= 0);
    wire->ssl = SSL_new(wire->ctx);
    assert_true(SSL_set_fd(wire->ssl, wire->fd));
    assert_true(SSL_set_tlsext_host_name(wire->ssl, "dp.example"));
    assert_int_equal(SSL_set_alpn_protos(wire->ssl, (const uint8_t *)"\x02h2\x08http/1.1", 12), 0);
    if (session) {
        assert_true(SSL_set_session(wire->ssl, session));
    }
    return SSL_connect(wire->ssl) == 1;
}

static void wire_close(struct wire *wire)
{
    /* Else OpenSSL takes the session for spoiled and would not resume it. */
    SSL_set_shutdown(wire->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(wire->ssl);
    SSL_CTX_free(wire->ctx);
    (void)close(wire->fd);
}

/* One request; returns the session for another time. */
static SSL_SESSION *wire_request(struct wire *wire)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: dp.example\r\n\r\n";
    assert_int_equal(SSL_write(wire->ssl, text, sizeof(text) - 1), sizeof(text) - 1);
    int n = SSL_read(wire->ssl, wire->answer, sizeof(wire->answer) - 1);
    assert_true(n > 0);
    wire->answer[n] = 0;
    assert_memory_equal(wire->answer, "HTTP/1.1 200 OK\r\n", 17);
    const uint8_t *alpn = NULL;
    unsigned alpn_n = 0;
    SSL_get0_alpn_selected(wire->ssl, &alpn, &alpn_n);
    assert_int_equal(alpn_n, 8);
    assert_memory_equal(alpn, "http/1.1", 8);
    return SSL_get1_session(wire->ssl);
}

static void versions_and_resumption(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct site site;
    struct wire wire = {0};
    site_open(&site, "dp");
    for (size_t i = 0; i < CR_COUNT(versions); i++) {
        assert_true(wire_open(&wire, site.open, versions[i], NULL, NULL));
        assert_false(SSL_session_reused(wire.ssl));
        SSL_SESSION *session = wire_request(&wire);
        wire_close(&wire);
        assert_true(wire_open(&wire, site.open, versions[i], NULL, session));
        assert_true(SSL_session_reused(wire.ssl));
        SSL_SESSION_free(session);
        SSL_SESSION_free(wire_request(&wire));
        wire_close(&wire);
    }
    /* A server restarted with other keys does not choke on an old ticket. */
    assert_true(wire_open(&wire, site.open, TLS1_3_VERSION, NULL, NULL));
    SSL_SESSION *old = wire_request(&wire);
    wire_close(&wire);
    site_close(&site);
    site_open(&site, "dp");
    assert_true(wire_open(&wire, site.open, TLS1_3_VERSION, NULL, old));
    assert_false(SSL_session_reused(wire.ssl));
    SSL_SESSION_free(old);
    SSL_SESSION_free(wire_request(&wire));
    wire_close(&wire);
    site_close(&site);
}

/* A resumed session skips the certificates, and still knows the client's. */
static void resumption_keeps_the_client(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct site site;
    struct wire wire = {.with_cert = true};
    site_open(&site, "dp");
    for (size_t i = 0; i < CR_COUNT(versions); i++) {
        assert_true(wire_open(&wire, site.mutual, versions[i], NULL, NULL));
        SSL_SESSION *session = wire_request(&wire);
        assert_null(strstr(wire.answer, "cert=0"));
        wire_close(&wire);
        assert_true(wire_open(&wire, site.mutual, versions[i], NULL, session));
        assert_true(SSL_session_reused(wire.ssl));
        SSL_SESSION_free(session);
        SSL_SESSION_free(wire_request(&wire));
        assert_null(strstr(wire.answer, "cert=0"));
        wire_close(&wire);
    }
    site_close(&site);
}

/* Asked for but not required: without one the handler sees none, a wrong one is still refused. */
static void optional_client_certificates(void **state)
{
    (void)state;
    struct tls_identity identity = {.cert_file = test_path(dir, "dp.pem"),
                                    .key_file = test_path(dir, "dp.key")};
    struct tls_server_options options = {
        .identities = &identity, .identity_count = 1, .client_ca_file = test_path(dir, "ci.pem")};
    struct site site = {0};
    assert_int_equal(tls_server_new(&options, &site.tls[0], NULL), CR_OK);
    struct http_listener listener = {.tls = site.tls[0], .handler = handle, .ctx = &site};
    struct http_server_options server = {.listeners = &listener, .listener_count = 1};
    assert_int_equal(http_server_start(&server, &site.server, NULL), CR_OK);
    site.open = http_server_port(site.server, 0);
    for (int with = 0; with < 2; with++) {
        struct wire wire = {.with_cert = with == 1};
        assert_true(wire_open(&wire, site.open, TLS1_3_VERSION, NULL, NULL));
        SSL_SESSION_free(wire_request(&wire));
        assert_int_equal(strstr(wire.answer, "cert=0") == NULL, with);
        wire_close(&wire);
    }
    struct talk talk;
    talk_open(&talk, site.open,
              (struct http_client_options){.ca_file = test_path(dir, "ci.pem"),
                                           .client_cert = test_path(dir, "stranger.pem"),
                                           .client_key = test_path(dir, "stranger.key")});
    assert_int_equal(talk_post(&talk, "https://dp.example/"), CR_RESOURCE);
    assert_int_equal(atomic_load(&site.requests), 2);
    talk_close(&talk);
    site_close(&site);
}

static void weak_tls_is_refused(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *ciphers;
        bool good;
    } rows[] = {
        {TLS1_VERSION, NULL, false},
        {TLS1_1_VERSION, NULL, false},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", false}, /* CBC */
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", false},
        {TLS1_2_VERSION, "AES128-GCM-SHA256", false}, /* no forward secrecy */
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true},
    };
    struct site site;
    struct wire wire = {0};
    site_open(&site, "dp");
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        bool good = wire_open(&wire, site.open, rows[i].version, rows[i].ciphers, NULL);
        if (good != rows[i].good) {
            fail_msg("row %zu", i);
        }
        wire_close(&wire);
    }
    site_close(&site);
}

/* Bytes that are no TLS, a handshake that stops, clients that vanish at any point. */
static void hostile_clients(void **state)
{
    (void)state;
    struct site site;
    struct wire wire = {0};
    struct linger reset = {.l_onoff = 1};
    site_open(&site, "dp");
    int silent = raw_connect(site.open);
    int half = raw_connect(site.open);
    assert_true(raw_send(half, "\x16\x03\x01\x02\x00\x01", 6));
    int plain = raw_connect(site.open);
    assert_true(raw_send_text(plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    for (int i = 0; i < 30; i++) {
        assert_true(
            wire_open(&wire, site.open, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION, NULL, NULL));
        static const char *const texts[] = {"", "GET /la",
                                            "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"};
        const char *text = texts[i % 3];
        assert_true(!*text || SSL_write(wire.ssl, text, (int)strlen(text)) > 0);
        char some[100];
        if (i % 3 == 2) {
            assert_true(SSL_read(wire.ssl, some, sizeof(some)) > 0);
        }
        if (i % 4 == 1) {
            (void)setsockopt(wire.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        } else if (i % 4 == 2) {
            (void)SSL_shutdown(wire.ssl);
        } else if (i % 4 == 3) { /* a broken record after all was well */
            assert_true(raw_send(wire.fd,
                                 "\x17\x03\x03\x00\x20"
                                 "0123456789012345678901234567890123456789",
                                 45));
        }
        wire_close(&wire);
    }
    assert_true(wire_open(&wire, site.open, TLS1_3_VERSION, NULL, NULL));
    SSL_SESSION_free(wire_request(&wire));
    wire_close(&wire);
    /* Those that hang in the handshake are closed in time. */
    while (!raw_ends(plain)) { /* after an alert */
    }
    assert_true(raw_ends(silent));
    assert_true(raw_ends(half));
    (void)close(silent);
    (void)close(half);
    (void)close(plain);
    site_close(&site);
}

/* Many requests in one TLS record, and one request in many. */
static void records_and_requests(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: dp.example\r\n\r\n";
    struct site site;
    struct wire wire = {0};
    cr_buf all = {0};
    site_open(&site, "dp");
    for (int i = 0; i < 50; i++) {
        cr_buf_append_str(&all, text);
    }
    assert_true(wire_open(&wire, site.open, TLS1_3_VERSION, NULL, NULL));
    assert_int_equal(SSL_write(wire.ssl, all.p, (int)all.n), all.n);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        assert_int_equal(SSL_write(wire.ssl, text + i, 1), 1);
    }
    size_t answers = 0;
    cr_buf got = {0};
    while (answers < 51) {
        uint8_t *at = cr_buf_extend(&got, 4096);
        assert_non_null(at);
        int n = SSL_read(wire.ssl, at, 4096);
        assert_true(n > 0);
        got.n -= 4096 - (size_t)n;
        answers = 0;
        for (const char *c = strstr(cr_buf_cstr(&got), "peer="); c; c = strstr(c + 1, "peer=")) {
            answers++;
        }
    }
    assert_int_equal(atomic_load(&site.requests), 51);
    cr_buf_free(&all);
    cr_buf_free(&got);
    wire_close(&wire);
    site_close(&site);
}

/* ---- strangers ---- */

static void run(const char *command, const char *program, const char *expected)
{
    char which[100];
    (void)snprintf(which, sizeof(which), "command -v %s >/dev/null 2>&1", program);
    if (system(which) != 0) {
        print_message("skipped: %s is not installed\n", program);
        skip();
    }
    char output[8192];
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(output, 1, sizeof(output) - 1, pipe);
    output[n] = 0;
    (void)pclose(pipe);
    if (!strstr(output, expected)) {
        fail_msg("%s\ngave\n%s", command, output);
    }
}

static void stranger_curl(void **state)
{
    (void)state;
    struct site site;
    char command[2000];
    site_open(&site, "dp");
    (void)snprintf(command, sizeof(command),
                   "head -c 2000000 /dev/zero | curl -sS --noproxy '*' --max-time 60 "
                   "--cacert %s/ci.pem --cert %s/client.pem --key %s/client.key "
                   "--connect-to ::127.0.0.1:%u -H 'Transfer-Encoding: chunked' "
                   "-H 'Expect: 100-continue' --data-binary @- https://dp.example/x 2>&1",
                   dir, dir, dir, site.mutual);
    run(command, "curl", "body=2000000");
    (void)snprintf(command, sizeof(command),
                   "curl -sS --noproxy '*' --max-time 60 --cacert %s/ci.pem --tls-max 1.2 "
                   "--connect-to ::127.0.0.1:%u https://dp.example/a https://dp.example/b "
                   "-w '(%%{http_code} %%{num_connects})' 2>&1",
                   dir, site.open);
    run(command, "curl", "(200 0)"); /* the second request needs no connection */
    (void)snprintf(command, sizeof(command),
                   "curl -sS --noproxy '*' --max-time 60 --cacert %s/ci.pem "
                   "--connect-to ::127.0.0.1:%u https://dp.example/ 2>&1",
                   dir, site.mutual);
    run(command, "curl", "certificate required");
    site_close(&site);
}

static void stranger_s_client(void **state)
{
    (void)state;
    struct site site;
    char command[2000];
    site_open(&site, "dp");
    for (int i = 2; i <= 3; i++) {
        (void)snprintf(command, sizeof(command),
                       "printf 'GET / HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n' | "
                       "timeout 60 openssl s_client -connect 127.0.0.1:%u -servername "
                       "second.example -verify_hostname second.example -CAfile %s/ci.pem "
                       "-verify_return_error -tls1_%d -quiet 2>&1",
                       site.open, dir, i);
        run(command, "openssl", "sni=second.example cert=0");
    }
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_for_all),
        cmocka_unit_test(server_certificates),
        cmocka_unit_test(system_store_alone),
        cmocka_unit_test(names_choose_certificates),
        cmocka_unit_test(client_certificates),
        cmocka_unit_test(last_word_of_the_caller),
        cmocka_unit_test(server_came_back),
        cmocka_unit_test(clients_on_threads),
        cmocka_unit_test(plain_server_behind_https),
        cmocka_unit_test(versions_and_resumption),
        cmocka_unit_test(resumption_keeps_the_client),
        cmocka_unit_test(optional_client_certificates),
        cmocka_unit_test(weak_tls_is_refused),
        cmocka_unit_test(hostile_clients),
        cmocka_unit_test(records_and_requests),
        cmocka_unit_test(stranger_curl),
        cmocka_unit_test(stranger_s_client),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
