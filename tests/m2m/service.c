/*
 * Two messengers over TLS: an operator and an SM-SR, each with its certificate, in one process.
 */
#include "../base/test.h"

#include "../net/certs.h"
#include "base/file.h"
#include "m2m/service.h"
#include "net/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint8_t EID[16] = {0x89, 0x00, 0x10, 0x12, 0x01, 0x23, 0x41, 0x23,
                                0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x24};

struct end {
    struct m2m_parties parties;
    struct store *store;
    struct m2m *m2m;
    struct m2m_service *service;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int answers, requests;
    int64_t pending;
    enum soap_execution status;
};

struct rig {
    char dir[TEST_PATH];
    struct end a, b;
};

static cr_status on_enable(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err)
{
    struct end *end = ctx;
    (void)request;
    (void)response;
    (void)err;
    call->later = true;
    (void)pthread_mutex_lock(&end->lock);
    end->pending = call->id;
    end->requests++;
    (void)pthread_cond_broadcast(&end->moved);
    (void)pthread_mutex_unlock(&end->lock);
    return CR_OK;
}

static cr_status on_answer(void *ctx, const struct m2m_answered *answer, struct cr_err *err)
{
    struct end *end = ctx;
    (void)err;
    (void)pthread_mutex_lock(&end->lock);
    end->answers++;
    end->status = (enum soap_execution)answer->body->status.status;
    (void)pthread_cond_broadcast(&end->moved);
    (void)pthread_mutex_unlock(&end->lock);
    return CR_OK;
}

static const struct m2m_row rows[] = {{SOAP_ES4, SOAP_ENABLE_PROFILE, on_enable},
                                      {SOAP_ES4, SOAP_UPDATE_POLICY_RULES, on_enable},
                                      {0, 0, NULL}};
static const struct m2m_row none[] = {{0, 0, NULL}};

/* Waits for a count to be reached; a minute is for a machine that is busy with other things. */
static void wait_for(struct end *end, const int *count, int value)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    (void)pthread_mutex_lock(&end->lock);
    int rc = 0;
    while (*count < value && rc == 0) {
        rc = pthread_cond_timedwait(&end->moved, &end->lock, &until);
    }
    (void)pthread_mutex_unlock(&end->lock);
    assert_true(*count >= value);
}

static void end_open(struct end *end, const char *ini, const struct m2m_row *offers)
{
    static const struct store_migration steps[] = {{1, m2m_schema}};
    const struct store_options store = {
        .url = ":memory:", .migrations = steps, .migration_count = 1};
    struct cr_err err = {0};
    (void)pthread_mutex_init(&end->lock, NULL);
    (void)pthread_cond_init(&end->moved, NULL);
    if (m2m_parties_load(ini, &end->parties, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_int_equal(store_open(&store, &end->store, &err), CR_OK);
    const struct m2m_options options = {.store = end->store,
                                        .parties = &end->parties,
                                        .env = cr_env_system(),
                                        .rows = offers,
                                        .answered = on_answer,
                                        .ctx = end};
    assert_int_equal(m2m_new(&options, &end->m2m, &err), CR_OK);
}

static void end_start(struct end *end, uint16_t port)
{
    struct cr_err err = {0};
    const struct m2m_service_options options = {.m2m = end->m2m, .port = port, .workers = 4};
    if (m2m_service_start(&options, &end->service, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

static void end_close(struct end *end)
{
    m2m_service_stop(end->service);
    m2m_free(end->m2m);
    store_close(end->store);
    m2m_parties_free(&end->parties);
    (void)pthread_mutex_destroy(&end->lock);
    (void)pthread_cond_destroy(&end->moved);
}

static void write_ini(const char *dir, const char *name, const char *oid, const char *role,
                      const char *peer_oid, const char *peer_role, const char *peer_certificate)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "[self]\noid = %s\nname = %s\nrole = %s\naddress = https://127.0.0.1:1/\n"
                   "tls-cert = %s.pem\ntls-key = %s.key\nclient-ca = ca.pem\n"
                   "[party peer]\noid = %s\nrole = %s\ncertificate = %s.pem\n"
                   "url = https://127.0.0.1:1/\n",
                   oid, name, role, name, name, peer_oid, peer_role, peer_certificate);
    char ini[64];
    (void)snprintf(ini, sizeof ini, "%s.ini", name);
    assert_int_equal(cr_file_write(test_path(dir, ini), cr_span_str(text), 0600, NULL), CR_OK);
}

/* Ports are known once both listen; addresses live in the parties' arena. */
static void point(struct end *end, const struct end *peer)
{
    end->parties.address = cr_arena_printf(&end->parties.arena, "https://127.0.0.1:%d/",
                                           m2m_service_port(end->service));
    end->parties.parties[0].url = cr_arena_printf(&end->parties.arena, "https://127.0.0.1:%d/",
                                                  m2m_service_port(peer->service));
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct test_ca ca;
    test_dir_make(r->dir);
    test_ca_make(&ca, "Parties CA", NULL);
    test_ca_write(&ca, r->dir, "ca", false);
    static const char *const names[] = {"a", "b", "stranger"};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        const struct test_leaf leaf = {.cn = names[i], .ip = "127.0.0.1", .without_policy = true};
        test_leaf_write(&leaf, &ca, r->dir, names[i], NULL, false);
    }
    test_ca_free(&ca);
    write_ini(r->dir, "a", "1.2.10", "operator", "1.2.20", "smsr", "b");
    write_ini(r->dir, "b", "1.2.20", "smsr", "1.2.10", "operator", "a");
    end_open(&r->a, test_path(r->dir, "a.ini"), none);
    end_open(&r->b, test_path(r->dir, "b.ini"), rows);
    end_start(&r->a, 0);
    end_start(&r->b, 0);
    point(&r->a, &r->b);
    point(&r->b, &r->a);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    end_close(&r->a);
    end_close(&r->b);
    test_dir_remove(r->dir);
    free(r);
    return 0;
}

struct asking {
    struct end *end;
    enum soap_name name;
};

static cr_status ask_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct asking *a = ctx;
    struct soap_body body = {.eid = CR_SPAN_ARRAY(EID),
                             .iccid = cr_span_str("8900101000000000001")};
    const struct m2m_request request = {.to = &a->end->parties.parties[0],
                                        .function = soap_function(SOAP_ES4, a->name),
                                        .body = &body,
                                        .context = "job",
                                        .deadline_ms = cr_now_ms(cr_env_system()) + 600000};
    return m2m_ask(a->end->m2m, tx, &request, err);
}

static void ask(struct end *end, enum soap_name name)
{
    struct asking a = {.end = end, .name = name};
    struct cr_err err = {0};
    assert_int_equal(store_run(end->store, ask_work, &a, &err), CR_OK);
    m2m_poke(end->m2m);
}

static cr_status answer_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct end *end = ctx;
    const struct soap_body body = {0};
    return m2m_answer(end->m2m, tx, end->pending, &body, err);
}

/* 202, and the answer is called back. */
static void test_callback(void **state)
{
    struct rig *r = *state;
    ask(&r->a, SOAP_ENABLE_PROFILE);
    wait_for(&r->b, &r->b.requests, 1);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, NULL), CR_OK);
    m2m_poke(r->b.m2m);
    wait_for(&r->a, &r->a.answers, 1);
    assert_int_equal(r->a.status, SOAP_EXECUTED_SUCCESS);
}

/* Connections are kept: the files of the certificates, which a new one would need, are gone. */
static void test_line_is_kept(void **state)
{
    struct rig *r = *state;
    test_callback(state);
    assert_int_equal(cr_file_write(test_path(r->dir, "a.key"), cr_span_str("x"), 0600, NULL),
                     CR_OK);
    assert_int_equal(cr_file_write(test_path(r->dir, "b.key"), cr_span_str("x"), 0600, NULL),
                     CR_OK);
    ask(&r->a, SOAP_ENABLE_PROFILE);
    wait_for(&r->b, &r->b.requests, 2);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, NULL), CR_OK);
    m2m_poke(r->b.m2m);
    wait_for(&r->a, &r->a.answers, 2);
    assert_int_equal(r->a.status, SOAP_EXECUTED_SUCCESS);
}

/* A peer that was started anew is connected to anew. */
static void test_line_is_broken(void **state)
{
    struct rig *r = *state;
    test_callback(state);
    const uint16_t port = m2m_service_port(r->b.service);
    m2m_service_stop(r->b.service);
    end_start(&r->b, port);
    ask(&r->a, SOAP_ENABLE_PROFILE);
    wait_for(&r->b, &r->b.requests, 2);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, NULL), CR_OK);
    m2m_poke(r->b.m2m);
    wait_for(&r->a, &r->a.answers, 2);
    assert_int_equal(r->a.status, SOAP_EXECUTED_SUCCESS);
}

/* A synchronous request is held until the procedure answers. */
static void test_held(void **state)
{
    struct rig *r = *state;
    ask(&r->a, SOAP_UPDATE_POLICY_RULES);
    wait_for(&r->b, &r->b.requests, 1);
    assert_int_equal(r->a.answers, 0);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, NULL), CR_OK);
    m2m_poke(r->b.m2m);
    wait_for(&r->a, &r->a.answers, 1);
    assert_int_equal(r->a.status, SOAP_EXECUTED_SUCCESS);
}

/* What an HTTP client gets who is no party, or speaks no SOAP. */
static int post(struct rig *r, const char *name, const char *type, const char *body,
                cr_status *sent)
{
    char cert[32], key[32], url[64];
    (void)snprintf(cert, sizeof cert, "%s.pem", name ? name : "");
    (void)snprintf(key, sizeof key, "%s.key", name ? name : "");
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", m2m_service_port(r->b.service));
    const struct http_client_options options = {
        .ca_file = test_path(r->dir, "ca.pem"),
        .client_cert = name ? test_path(r->dir, cert) : NULL,
        .client_key = name ? test_path(r->dir, key) : NULL,
    };
    struct http_client *client = NULL;
    const char *const headers[] = {type, NULL};
    int status = 0;
    cr_buf response = {0};
    struct cr_err err = {0};
    assert_int_equal(http_client_new(&options, &client, &err), CR_OK);
    *sent = http_client_post(client, url, headers, cr_span_str(body), &status, &response, &err);
    http_client_free(client);
    cr_buf_free(&response);
    return status;
}

static void test_strangers(void **state)
{
    struct rig *r = *state;
    cr_status sent;
    assert_int_equal(post(r, "stranger", "Content-Type: application/soap+xml", "x", &sent), 403);
    assert_int_equal(post(r, "a", "Content-Type: application/soap+xml", "x", &sent), 400);
    assert_int_equal(post(r, "a", "Content-Type: application/json", "x", &sent), 415);
    (void)post(r, NULL, "Content-Type: application/soap+xml", "x", &sent);
    assert_int_not_equal(sent, CR_OK); /* TLS wants a certificate */
    assert_int_equal(r->b.requests, 0);
}

/* Stopping does not wait for the minute that a connection may be held. */
static void test_stop_while_held(void **state)
{
    struct rig *r = *state;
    ask(&r->a, SOAP_UPDATE_POLICY_RULES);
    wait_for(&r->b, &r->b.requests, 1);
    m2m_service_stop(r->b.service);
    r->b.service = NULL;
    assert_int_equal(r->a.answers, 0); /* not answered: it will be asked again */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_callback), TEST(test_line_is_kept), TEST(test_line_is_broken),
        TEST(test_held),     TEST(test_strangers),    TEST(test_stop_while_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
