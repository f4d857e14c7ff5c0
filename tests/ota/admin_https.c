/*
 * An administration session over real sockets: the HTTP server with a policy of pre-shared keys and
 * the server's end behind its handler; the card's end over a TLS engine.
 */
#include "net/psk.h"
#include "ota/admin_agent.h"
#include "ota/admin_server.h"

#include "../crypto/vector.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRIPTS 6

struct site {
    pthread_mutex_t lock;
    struct ota_admin_server *session; /* of the one card there is */
    uint8_t eid[OTA_EID];
    unsigned given, results;
    size_t bytes;
    bool quick; /* the first POST is held */
    struct http_ticket *held;
    uint64_t ticket; /* of the held POST, in its session */
    pthread_cond_t holds;
    bool wrong; /* a request that should not have come, or could not be answered */
    struct ssl_ctx_st *policy;
    struct http_server *server;
};

static size_t find_key(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX])
{
    struct site *site = ctx;
    struct ota_psk_identity who;
    if (ota_psk_identity_read(identity, &who, NULL) != CR_OK ||
        memcmp(who.eid, site->eid, OTA_EID) != 0 || who.kvn != 0x40) {
        return 0;
    }
    memset(key, 0x5A, 32);
    return 32;
}

/* On a worker's thread, where no assertion of cmocka can end the test: false goes into wrong. */
static bool serve(struct site *site, const struct http_request *request,
                  struct http_response *response)
{
    struct ota_psk_identity who;
    struct ota_admin_received received = {.event = OTA_ADMIN_ASK, .ticket = site->ticket};
    static const uint8_t script[OTA_ADMIN_BODY];
    struct ota_admin_post post = ota_admin_post_of(request);
    if (!request->psk_identity ||
        ota_psk_identity_read(cr_span_str(request->psk_identity), &who, NULL) != CR_OK ||
        memcmp(who.eid, site->eid, OTA_EID) != 0) {
        return false;
    }
    bool again = site->held && !request->ticket; /* on a worker's thread, after the release */
    site->held = again ? NULL : site->held;
    if (!again && ota_admin_server_post(site->session, &post, &received, NULL) != CR_OK) {
        return false;
    }
    if (site->quick && received.event == OTA_ADMIN_FIRST) {
        site->held = request->ticket;
        site->ticket = received.ticket;
        response->outcome = HTTP_HOLD;
        response->status = 204;
        pthread_cond_signal(&site->holds);
        return request->ticket != NULL;
    }
    struct ota_admin_answer answer = received.answer;
    if (received.event == OTA_ADMIN_RESULT) {
        site->results++;
        site->bytes += received.script.n;
    }
    if (received.event < OTA_ADMIN_REPEATED) {
        struct ota_admin_work work = {.kind = OTA_ADMIN_END};
        if (site->given < SCRIPTS) {
            site->given++;
            work = (struct ota_admin_work){.kind = OTA_ADMIN_SCRIPT,
                                           .ticket = received.ticket,
                                           .script = CR_SPAN_ARRAY(script)};
        }
        if (ota_admin_server_answer(site->session, &work, &answer, NULL) != CR_OK) {
            return false;
        }
    }
    return ota_admin_answer_http(&answer, request, response, NULL) == CR_OK &&
           received.event != OTA_ADMIN_STRANGER;
}

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct site *site = ctx;
    pthread_mutex_lock(&site->lock);
    site->wrong = !serve(site, request, response) || site->wrong;
    pthread_mutex_unlock(&site->lock);
}

static void site_open(struct site *site, bool quick)
{
    memset(site, 0, sizeof(*site));
    (void)pthread_mutex_init(&site->lock, NULL);
    (void)pthread_cond_init(&site->holds, NULL);
    site->quick = quick;
    memset(site->eid, 0x89, OTA_EID);
    struct ota_admin_server_options session = {.path = "/gsma/adminagent", .env = cr_env_system()};
    memcpy(session.eid, site->eid, OTA_EID);
    assert_int_equal(ota_admin_server_new(&session, &site->session, NULL), CR_OK);
    struct psk_server_options policy = {.find = find_key, .ctx = site, .max_record = 1024};
    assert_int_equal(psk_server_new(&policy, &site->policy, NULL), CR_OK);
    struct http_listener listener = {
        .tls = site->policy, .handler = handle, .ctx = site, .quick = quick};
    struct http_server_options options = {
        .listeners = &listener, .listener_count = 1, .workers = 2, .max_body = OTA_ADMIN_BODY};
    assert_int_equal(http_server_start(&options, &site->server, NULL), CR_OK);
}

static void site_close(struct site *site)
{
    http_server_stop(site->server);
    psk_server_free(site->policy);
    ota_admin_server_free(site->session);
    pthread_cond_destroy(&site->holds);
    pthread_mutex_destroy(&site->lock);
}

static int dial(const struct site *site)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(site->server, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static enum ota_admin_status execute(void *ctx, const struct ota_aid *target, cr_span script,
                                     cr_buf *out)
{
    unsigned *runs = ctx;
    (*runs)++;
    assert_int_equal(target->n, 0);
    cr_buf_append_span(out, cr_span_sub(script, 0, 3000));
    return OTA_ADMIN_OK;
}

static struct psk_engine *engine_of(const struct site *site, uint8_t first)
{
    struct ota_psk_identity identity = {.aid = {.n = 16}, .key_id = 1, .kvn = 0x40};
    char text[OTA_PSK_IDENTITY_TEXT];
    uint8_t key[32];
    struct psk_engine *engine = NULL;
    memset(key, 0x5A, sizeof(key));
    key[0] = first;
    memcpy(identity.eid, site->eid, OTA_EID);
    ota_psk_identity_write(&identity, text);
    struct psk_client_options options = {.identity = text, .key = CR_SPAN_ARRAY(key)};
    assert_int_equal(psk_client_new(&options, &engine, NULL), CR_OK);
    return engine;
}

/* Sends what the engine has; false = the server is gone. */
static bool flush(struct psk_engine *tls, int fd)
{
    while (psk_engine_output(tls).n > 0) {
        cr_span out = psk_engine_output(tls);
        ssize_t n = send(fd, out.p, out.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        psk_engine_sent(tls, (size_t)n);
    }
    return true;
}

/* One connection of the card, cut after so many bytes of the server. */
static struct ota_agent_step connection(struct site *site, struct ota_agent *agent, size_t cut)
{
    int fd = dial(site);
    struct psk_engine *tls = engine_of(site, 0x5A);
    struct ota_agent_step step = {.action = OTA_AGENT_OPEN};
    uint8_t bytes[700];
    size_t total = 0;
    while (step.action == OTA_AGENT_OPEN || step.action == OTA_AGENT_WAIT) {
        cr_span out = ota_agent_output(agent);
        if (psk_engine_state(tls) == PSK_OPEN && out.n > 0) {
            assert_int_equal(psk_engine_send(tls, out, NULL), CR_OK);
            ota_agent_sent(agent, out.n);
        }
        ssize_t n = flush(tls, fd) ? recv(fd, bytes, sizeof(bytes), 0) : 0;
        total += n > 0 ? (size_t)n : 0;
        if (n <= 0 || total > cut ||
            psk_engine_feed(tls, cr_span_of(bytes, (size_t)n), NULL) != CR_OK) {
            step = ota_agent_lost(agent);
            break;
        }
        if (step.action == OTA_AGENT_OPEN && psk_engine_state(tls) == PSK_OPEN) {
            step = ota_agent_opened(agent);
        }
        cr_span in = psk_engine_input(tls);
        if (in.n > 0) {
            step = ota_agent_received(agent, in);
            assert_int_equal(psk_engine_used(tls, in.n, NULL), CR_OK);
        }
    }
    psk_engine_finish(tls);
    (void)flush(tls, fd);
    psk_engine_free(tls);
    (void)close(fd);
    return step;
}

/* Work has come for the POST that is held. */
static void *release(void *ctx)
{
    struct site *site = ctx;
    pthread_mutex_lock(&site->lock);
    while (!site->held) {
        pthread_cond_wait(&site->holds, &site->lock);
    }
    struct http_ticket *held = site->held;
    pthread_mutex_unlock(&site->lock);
    http_release(held, false);
    return NULL;
}

static void session(size_t cut, bool quick)
{
    struct site site;
    struct ota_agent *agent = NULL;
    unsigned runs = 0;
    site_open(&site, quick);
    pthread_t thread;
    if (quick) {
        assert_int_equal(pthread_create(&thread, NULL, release, &site), 0);
    }
    struct ota_agent_options options = {.aid = {.n = 16},
                                        .host = cr_span_str("smsr.example"),
                                        .uri = cr_span_str("/gsma/adminagent"),
                                        .retries = 100,
                                        .max_chunk = 1000,
                                        .execute = execute,
                                        .ctx = &runs};
    memcpy(options.eid, site.eid, OTA_EID);
    assert_int_equal(ota_agent_new(&options, &agent, NULL), CR_OK);
    struct ota_agent_step step = ota_agent_start(agent);
    while (step.action == OTA_AGENT_OPEN) {
        step = connection(&site, agent, cut);
        if (step.action == OTA_AGENT_RETRY) {
            step = ota_agent_expired(agent);
        }
    }
    if (quick) {
        (void)pthread_join(thread, NULL);
    }
    assert_int_equal(step.action, OTA_AGENT_CLOSE);
    assert_int_equal(runs, SCRIPTS);
    assert_int_equal(site.results, SCRIPTS);
    assert_int_equal(site.bytes, SCRIPTS * 3000);
    assert_false(site.wrong);
    ota_agent_free(agent);
    site_close(&site);
}

static void scripts_and_results(void **state)
{
    (void)state;
    session(SIZE_MAX, false);
}

/* Each connection ends in the middle of the second script or so. */
static void over_links_that_break(void **state)
{
    (void)state;
    session(9500, false);
    session(13000, false);
    session(20000, false);
}

static void a_post_that_is_held(void **state)
{
    (void)state;
    session(SIZE_MAX, true);
}

/* Who has the identity and not the key never reaches the handler. */
static void without_the_key(void **state)
{
    (void)state;
    struct site site;
    uint8_t bytes[700];
    site_open(&site, false);
    int fd = dial(&site);
    struct psk_engine *tls = engine_of(&site, 0x5B);
    cr_status status = CR_OK;
    while (status == CR_OK) {
        ssize_t n = flush(tls, fd) ? recv(fd, bytes, sizeof(bytes), 0) : 0;
        status = n > 0 ? psk_engine_feed(tls, cr_span_of(bytes, (size_t)n), NULL)
                       : psk_engine_eof(tls, NULL);
    }
    assert_int_equal(psk_engine_alert_received(tls), 20);
    assert_true(ota_admin_server_idle(site.session));
    psk_engine_free(tls);
    (void)close(fd);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_and_results),
        cmocka_unit_test(over_links_that_break),
        cmocka_unit_test(a_post_that_is_held),
        cmocka_unit_test(without_the_key),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("ota/admin_https", tests, NULL, vector_teardown);
}
