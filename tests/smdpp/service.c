/* The SM-DP+ over real TLS sockets: both bindings, what HTTP refuses, versions, operators and what
 * they are told, garbage. */
#include "rig.h"

#include "base/file.h"
#include "base/text.h"
#include "net/http_parse.h"
#include "net/http_server.h"
#include "rsp/asn1_binding.h"
#include "rsp/json_binding.h"
#include "smdpp/outbox.h"
#include "smdpp/service.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON     "Content-Type: application/json"
#define WAIT_MS  60000 /* a test that waits longer has failed */
#define POLL_US  20000
#define HOUR_MS  3600000
#define ES9_PATH "/gsma/rsp2/es9plus/"
#define ES2_PATH "/gsma/rsp2/es2plus/"

static const struct fake_knobs NONE;

struct server {
    struct rig *rig;
    struct smdpp_service *service;
    CURL *curl;
    char ca[300], cert[300], key[300], role_cert[300], role_key[300];
    /* the last answer */
    long status;
    cr_buf body;
    char version[64], allow[64];
    CURLcode code;
};

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    cr_buf_append(ctx, p, size * n);
    return size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct server *s = ctx;
    char line[256];
    (void)cr_str_copy(line, sizeof(line), cr_span_of(p, size * n));
    line[strcspn(line, "\r\n")] = 0;
    if (strncasecmp(line, "X-Admin-Protocol: ", 18) == 0) {
        (void)snprintf(s->version, sizeof(s->version), "%.60s", line + 18);
    } else if (strncasecmp(line, "Allow: ", 7) == 0) {
        (void)snprintf(s->allow, sizeof(s->allow), "%.60s", line + 7);
    }
    return size * n;
}

/* A PEM copy of a DER certificate of the PKI. */
static void pem_of(struct rig *rig, const char *name, char path[300])
{
    char der_path[400];
    cr_buf der = {0};
    cr_buf pem = {0};
    (void)snprintf(der_path, sizeof(der_path), "%s/nist/%s.der", rig_pki, name);
    (void)snprintf(path, 300, "%s/%s.pem", rig_pki, name);
    assert_ok(rig, cr_file_read(der_path, 65536, &der, &rig->err));
    pki_pem_append(&pem, "CERTIFICATE", cr_buf_span(&der));
    assert_ok(rig, cr_file_write(path, cr_buf_span(&pem), 0600, &rig->err));
    cr_buf_free(&der);
    cr_buf_free(&pem);
}

static void start(struct server *s, struct rig *rig, const char *dir, bool plain)
{
    struct smdpp_service_options options = {.dir = dir,
                                            .config = &rig->config,
                                            .env = &rig->env,
                                            .es2 = !plain,
                                            .workers = 2,
                                            .plain = plain};
    *s = (struct server){.rig = rig, .curl = curl_easy_init()};
    assert_non_null(s->curl);
    smdpp_close(rig->dp);
    rig->dp = NULL;
    assert_ok(rig, smdpp_service_start(&options, &s->service, &rig->err));
    rig->dp = smdpp_service_core(s->service);
    pem_of(rig, "ci", s->ca);
    pem_of(rig, "operator", s->cert);
    pem_of(rig, "dpauth", s->role_cert);
    (void)snprintf(s->key, sizeof(s->key), "%s/nist/operator.key", rig_pki);
    (void)snprintf(s->role_key, sizeof(s->role_key), "%s/nist/dpauth.key", rig_pki);
}

static void stop(struct server *s)
{
    s->rig->dp = NULL;
    smdpp_service_stop(s->service);
    curl_easy_cleanup(s->curl);
    cr_buf_free(&s->body);
}

struct request {
    bool es2, get, plain;
    const char *path, *type, *protocol; /* type and protocol as header lines */
    const char *cert, *key;
    cr_span body;
    long tls; /* CURL_SSLVERSION_MAX_...; 0 = any */
};

static bool post(struct server *s, const struct request *r)
{
    char url[256];
    uint16_t port =
        r->es2 ? smdpp_service_es2_port(s->service) : smdpp_service_es9_port(s->service);
    struct curl_slist *headers = curl_slist_append(NULL, r->type ? r->type : "Content-Type:");
    if (r->protocol) {
        headers = curl_slist_append(headers, r->protocol);
    }
    (void)snprintf(url, sizeof(url), "%s://localhost:%u%s", r->plain ? "http" : "https", port,
                   r->path);
    cr_buf_reset(&s->body);
    s->status = 0;
    s->version[0] = s->allow[0] = 0;
    curl_easy_reset(s->curl);
    (void)curl_easy_setopt(s->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(s->curl, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
    (void)curl_easy_setopt(s->curl, CURLOPT_CAINFO, s->ca);
    (void)curl_easy_setopt(s->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2 | r->tls);
    (void)curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &s->body);
    (void)curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
    (void)curl_easy_setopt(s->curl, CURLOPT_SSLCERT, r->cert);
    (void)curl_easy_setopt(s->curl, CURLOPT_SSLKEY, r->key);
    if (!r->get) {
        (void)curl_easy_setopt(s->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE, (long)r->body.n);
        (void)curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS,
                               r->body.n ? (const char *)r->body.p : "");
    }
    s->code = curl_easy_perform(s->curl);
    (void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &s->status);
    curl_slist_free_all(headers);
    return s->code == CURLE_OK;
}

/* One call of a function over a binding; the answer's struct in the arena, NULL for a notification
 * and for a refusal (then in rig->err). */
static void *call(struct server *s, enum rsp_function_id id, const void *in, bool asn1, long tls)
{
    struct rig *rig = s->rig;
    const struct rsp_function *f = rsp_function(id);
    cr_buf body = {0};
    void *out = NULL;
    struct request r = {.path = asn1 ? RSP_ASN1_PATH : f->path,
                        .type = asn1 ? "Content-Type: " RSP_ASN1_CONTENT_TYPE
                                     : "Content-Type: application/json;charset=UTF-8",
                        .tls = tls};
    if (asn1) {
        assert_ok(rig, rsp_asn1_build_request(f, in, false, &body, &rig->err));
    } else {
        assert_ok(rig, rsp_json_build_request(f, in, RSP_JSON_V2, &body, &rig->err));
    }
    r.body = cr_buf_span(&body);
    if (!post(s, &r)) {
        fail_msg("%s: %s", f->name, curl_easy_strerror(s->code));
    }
    cr_buf_free(&body);
    if (f->notification) {
        assert_int_equal(s->status, 204);
        assert_int_equal(s->body.n, 0);
        return NULL;
    }
    assert_int_equal(s->status, 200);
    cr_span answer = cr_arena_copy(&rig->arena, cr_buf_span(&s->body)); /* outlives the next call */
    cr_status status = asn1
                           ? rsp_asn1_parse_response(f, answer, &rig->arena, &out, &rig->err)
                           : rsp_json_parse_response(f, answer, &rig->arena, &out, NULL, &rig->err);
    assert_true(status == CR_OK || status == CR_REFUSED);
    return status == CR_OK ? out : NULL;
}

static void whole_download(struct server *s, struct fake_chip *chip, int n, const char *id,
                           bool asn1, long tls)
{
    struct rig *rig = s->rig;
    struct fake_knobs knobs = {.matching_id = id};
    fake_new_session(chip);
    struct rsp_initiate_authentication_response *started = call(
        s, RSP_ES9_INITIATE_AUTHENTICATION, fake_initiate(chip, &NONE, &rig->arena), asn1, tls);
    assert_non_null(started);
    fake_take_initiate(chip, rig->config.trust, started);
    struct rsp_authenticate_client_response *offered = call(
        s, RSP_ES9_AUTHENTICATE_CLIENT, fake_authenticate(chip, &knobs, &rig->arena), asn1, tls);
    assert_non_null(offered);
    fake_take_authenticate(chip, rig->config.trust, offered);
    struct rsp_get_bound_profile_package_response *bound = call(
        s, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, fake_prepare(chip, &NONE, &rig->arena), asn1, tls);
    assert_non_null(bound);
    cr_buf upp = {0};
    cr_buf metadata = {0};
    struct pki_cert pb;
    assert_ok(rig, pki_cert_decode(offered->ok.smdp_certificate, &pb, &rig->err));
    fake_open_bpp(chip, bound->ok.bound_profile_package, pb.point, &upp, &metadata, &rig->arena);
    assert_true(cr_span_equal(cr_buf_span(&upp), rig_upp(rig, rig_iccid(n), 2, 3000)));
    cr_buf_free(&upp);
    cr_buf_free(&metadata);
    assert_null(call(s, RSP_ES9_HANDLE_NOTIFICATION,
                     fake_result(chip, &NONE, rig_iccid(n), 0, rig->config.oid, &rig->arena), asn1,
                     tls));
    rig_assert_state(rig, n, SMDPP_INSTALLED);
}

static void downloads(void **state)
{
    struct server s;
    struct rig *rig = *state;
    start(&s, rig, NULL, false);
    rig_release(rig, 1, "A", NULL, NULL);
    rig_release(rig, 2, "B", NULL, NULL);
    rig_release(rig, 3, "C", NULL, NULL);
    rig_release(rig, 4, "D", NULL, NULL);
    whole_download(&s, &rig->nist, 1, "A", false, CURL_SSLVERSION_MAX_TLSv1_3);
    whole_download(&s, &rig->nist, 2, "B", true, CURL_SSLVERSION_MAX_TLSv1_2);
    whole_download(&s, &rig->brainpool, 3, "C", false, CURL_SSLVERSION_MAX_TLSv1_2);
    whole_download(&s, &rig->brainpool, 4, "D", true, CURL_SSLVERSION_MAX_TLSv1_3);
    /* cancel, and a refusal, in both bindings */
    for (int asn1 = 0; asn1 < 2; asn1++) {
        rig_release(rig, 5 + asn1, "E", NULL, NULL);
        rig_to_authenticated(rig, &rig->nist, "E");
        struct rsp_cancel_session_request_es9 *cancel =
            fake_cancel(&rig->nist, &NONE, 0, rig->config.oid, &rig->arena);
        struct rsp_cancel_session_response_es9 *done =
            call(&s, RSP_ES9_CANCEL_SESSION, cancel, asn1, 0);
        assert_non_null(done);
        assert_int_equal(done->which, RSP_CANCEL_SESSION_ES9_OK);
        rig_assert_state(rig, 5 + asn1, SMDPP_ERROR);
        assert_ok(rig, rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(5 + asn1), NULL, NULL,
                                        "Unavailable"));
        struct fake_knobs elsewhere = {.address = "other.example.com"};
        assert_null(call(&s, RSP_ES9_INITIATE_AUTHENTICATION,
                         fake_initiate(&rig->nist, &elsewhere, &rig->arena), asn1, 0));
        assert_string_equal(rig->err.subject, "8.8.1");
        assert_string_equal(rig->err.reason, "3.8");
    }
    stop(&s);
}

static void http_refusals(void **state)
{
    struct server s;
    struct rig *rig = *state;
    start(&s, rig, NULL, false);
    static const struct {
        struct request request;
        long status;
    } rows[] = {
        {{.path = "/", .type = JSON}, 404},
        {{.path = ES9_PATH "nothing", .type = JSON}, 404},
        {{.path = ES9_PATH "initiateAuthentication/", .type = JSON}, 404},
        {{.path = ES2_PATH "downloadOrder", .type = JSON}, 404}, /* not on this listener */
        {{.path = ES9_PATH "initiateAuthentication", .type = JSON, .get = true}, 405},
        {{.path = RSP_ASN1_PATH, .get = true}, 405},
        {{.path = ES9_PATH "initiateAuthentication", .type = "Content-Type: text/plain"}, 415},
        {{.path = ES9_PATH "initiateAuthentication", .type = "Content-Type: application/jsonx"},
         415},
        {{.path = ES9_PATH "initiateAuthentication"}, 415},
        {{.path = RSP_ASN1_PATH, .type = JSON}, 415},
        {{.path = ES9_PATH "initiateAuthentication", .type = JSON}, 400},
        {{.path = ES9_PATH "initiateAuthentication", .type = "Content-Type: Application/JSON "},
         400},
        {{.path = ES9_PATH "handleNotification", .type = JSON}, 400},
        {{.path = RSP_ASN1_PATH, .type = "Content-Type: " RSP_ASN1_CONTENT_TYPE}, 400},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_true(post(&s, &rows[i].request));
        if (s.status != rows[i].status) {
            fail_msg("row %zu: %ld, not %ld", i, s.status, rows[i].status);
        }
        assert_string_equal(s.allow, rows[i].status == 405 ? "POST" : "");
        assert_string_equal(s.version, "gsma/rsp/v2.6.0");
    }
    /* Memory is taken for each byte of a body: nobody needs many. */
    uint8_t *body = calloc(1, 256 * 1024 + 1);
    assert_non_null(body);
    struct request large = {
        .path = ES9_PATH "handleNotification", .type = JSON, .body = cr_span_of(body, 256 * 1024)};
    assert_true(post(&s, &large));
    assert_int_equal(s.status, 400);
    large.body.n++;
    assert_true(post(&s, &large));
    assert_int_equal(s.status, 413);
    free(body);
    stop(&s);
}

static void versions(void **state)
{
    struct server s;
    struct rig *rig = *state;
    static const struct {
        const char *asked, *answer;
    } rows[] = {
        {"X-Admin-Protocol: gsma/rsp/v2.0.0", "gsma/rsp/v2.0.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.1.0", "gsma/rsp/v2.1.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.2.0", "gsma/rsp/v2.2.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.2.2", "gsma/rsp/v2.2.2"},
        {"X-Admin-Protocol: gsma/rsp/v2.3.0", "gsma/rsp/v2.3.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.4.0", "gsma/rsp/v2.4.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.5.0", "gsma/rsp/v2.5.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.6.0", "gsma/rsp/v2.6.0"},
        {"X-Admin-Protocol: gsma/rsp/v2.7.0", "gsma/rsp/v2.6.0"},
        {"X-Admin-Protocol: gsma/rsp/v3.1.0", "gsma/rsp/v2.6.0"},
        {"X-Admin-Protocol: gsma/rsp/v1.0.0", "gsma/rsp/v2.6.0"},
        {"X-Admin-Protocol: nonsense", "gsma/rsp/v2.6.0"},
        {NULL, "gsma/rsp/v2.6.0"},
    };
    start(&s, rig, NULL, false);
    cr_buf body = {0};
    assert_ok(rig, rsp_json_build_request(rsp_function(RSP_ES9_INITIATE_AUTHENTICATION),
                                          fake_initiate(&rig->nist, &NONE, &rig->arena),
                                          RSP_JSON_V2, &body, &rig->err));
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct request r = {.path = ES9_PATH "initiateAuthentication",
                            .type = JSON,
                            .protocol = rows[i].asked,
                            .body = cr_buf_span(&body)};
        assert_true(post(&s, &r));
        assert_int_equal(s.status, 200);
        assert_non_null(strstr(cr_buf_cstr(&s.body), "Executed-Success"));
        assert_string_equal(s.version, rows[i].answer);
    }
    cr_buf_free(&body);
    stop(&s);
}

/* ---- ES2+ ---- */

static const char *es2(struct server *s, const char *function, const char *body)
{
    char path[128];
    (void)snprintf(path, sizeof(path), ES2_PATH "%s", function);
    struct request r = {.es2 = true,
                        .path = path,
                        .type = JSON,
                        .cert = s->cert,
                        .key = s->key,
                        .body = cr_span_str(body)};
    if (!post(s, &r)) {
        fail_msg("%s: %s", function, curl_easy_strerror(s->code));
    }
    return cr_buf_cstr(&s->body);
}

static void operators(void **state)
{
    struct server s;
    struct rig *rig = *state;
    start(&s, rig, NULL, false);
    rig_import(rig, 1);
#define HEADER "\"header\":{\"functionRequesterIdentifier\":\"1\",\"functionCallIdentifier\":\"1\"}"
    const char *answer =
        es2(&s, "downloadOrder", "{" HEADER ",\"iccid\":\"89000123450000000001F\"}");
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(answer, "\"iccid\":\"89000123450000000001\""));
    answer = es2(&s, "confirmOrder",
                 "{" HEADER ",\"iccid\":\"89000123450000000001\","
                 "\"matchingId\":\"ABC\",\"releaseFlag\":false}");
    assert_non_null(strstr(answer, "\"matchingId\":\"ABC\""));
    rig_assert_state(rig, 1, SMDPP_CONFIRMED);
    answer = es2(&s, "releaseProfile", "{" HEADER ",\"iccid\":\"89000123450000000001\"}");
    assert_non_null(strstr(answer, "Executed-Success"));
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_string_equal(rig_profile(rig, 1).requester, RIG_OPERATOR);
    answer = es2(&s, "cancelOrder",
                 "{" HEADER ",\"iccid\":\"89000123450000000001\","
                 "\"finalProfileStatusIndicator\":\"Available\"}");
    assert_non_null(strstr(answer, "Executed-Success"));
    answer = es2(&s, "releaseProfile", "{" HEADER ",\"iccid\":\"89000123450000000099\"}");
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(answer, "\"Failed\""));
    assert_non_null(strstr(answer, "\"8.2.1\""));
    assert_non_null(strstr(answer, "\"3.9\""));
    (void)es2(&s, "downloadOrder", "{");
    assert_int_equal(s.status, 400);
    (void)es2(&s, "handleDownloadProgressInfo", "{}");
    assert_int_equal(s.status, 404);
    (void)es2(&s, "releaseProfile", "{" HEADER "}");
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(cr_buf_cstr(&s.body), "\"2.2\""));

    /* nobody, and somebody of another role under the same CI */
    struct request r = {
        .es2 = true, .path = ES2_PATH "releaseProfile", .type = JSON, .body = cr_span_str("{}")};
    assert_false(post(&s, &r) && s.status < 400);
    assert_int_equal(s.status, 0); /* TLS ended it */
    r.cert = s.role_cert;
    r.key = s.role_key;
    assert_true(post(&s, &r));
    assert_int_equal(s.status, 403);
    assert_int_equal(s.body.n, 0);
    r.path = "/anything";
    assert_true(post(&s, &r));
    assert_int_equal(s.status, 403);
    stop(&s);
}

/* Nothing of a confirmation code is left in what the handler was given. */
static void codes_are_wiped(void **state)
{
    struct server s;
    struct rig *rig = *state;
    static const char text[] = "{" HEADER ",\"iccid\":\"89000123450000000001\","
                               "\"confirmationCode\":\"KQ77Z-OPEN\",\"releaseFlag\":true}";
    char head[256];
    start(&s, rig, NULL, false);
    rig_import(rig, 1);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    struct pki_cert operator_cert;
    assert_ok(rig, pki_hierarchy_load(rig_pki, CRYPTO_P256, "operator", &rig->arena, &operator_cert,
                                      NULL, &rig->err));
    for (int known = 0; known < 2; known++) {
        struct http_parser parser = {.max_header = 4096, .max_body = 4096};
        cr_arena arena = {0};
        (void)snprintf(head, sizeof(head),
                       "POST %s HTTP/1.1\r\nHost: x\r\n" JSON "\r\nContent-Length: %zu\r\n\r\n",
                       ES2_PATH "confirmOrder", sizeof(text) - 1);
        (void)http_parser_feed(&parser, cr_span_str(head));
        (void)http_parser_feed(&parser, cr_span_str(text));
        assert_int_equal(parser.state, HTTP_PARSE_DONE);
        struct http_request request = {.method = parser.method,
                                       .path = parser.path,
                                       .body = cr_buf_span(&parser.body),
                                       .peer = "test",
                                       .headers = &parser.fields,
                                       .arena = &arena};
        struct http_response response = {0};
        request.client_cert = known ? operator_cert.raw : (cr_span){0};
        assert_non_null(memmem(request.body.p, request.body.n, "KQ77Z-OPEN", 10));
        smdpp_service_handle_es2(s.service, &request, &response);
        assert_int_equal(response.status, known ? 200 : 403);
        assert_null(memmem(parser.body.p, parser.body.cap, "KQ77Z-OPEN", 10));
        assert_true(arena.secret);
        cr_buf_free(&response.body);
        http_parser_free(&parser);
        cr_arena_free(&arena);
    }
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    stop(&s);
}

/* ---- what operators are told ---- */

struct listener {
    pthread_mutex_t lock;
    struct http_server *server;
    int status;   /* that it answers with */
    bool hold;    /* it does not answer at all, until this is false again */
    int received; /* requests */
    char order[64][RSP_ICCID_TEXT];
    bool bad;
};

static void on_told(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct listener *l = ctx;
    void *in = NULL;
    struct cr_err err;
    const struct rsp_function *f =
        rsp_function_by_path(RSP_ES2PLUS_NOTIFY, cr_span_str(request->path));
    (void)pthread_mutex_lock(&l->lock);
    if (!f || rsp_json_parse_request(f, request->body, request->arena, &in, &err) != CR_OK ||
        !http_request_header(request, "X-Admin-Protocol")) {
        l->bad = true;
    } else if (l->received < (int)CR_COUNT(l->order)) {
        const struct rsp_handle_download_progress_info_request *told = in;
        (void)cr_str_copy(l->order[l->received], RSP_ICCID_TEXT, told->iccid);
    }
    l->received++;
    while (l->hold) {
        (void)pthread_mutex_unlock(&l->lock);
        (void)usleep(POLL_US);
        (void)pthread_mutex_lock(&l->lock);
    }
    response->status = l->status;
    (void)pthread_mutex_unlock(&l->lock);
}

static void listen_start(struct rig *rig, struct listener *l, const char *name)
{
    char url[64];
    *l = (struct listener){.status = 204};
    (void)pthread_mutex_init(&l->lock, NULL);
    struct http_listener listener = {.handler = on_told, .ctx = l};
    struct http_server_options options = {
        .listeners = &listener, .listener_count = 1, .workers = 1, .env = cr_env_system()};
    assert_ok(rig, http_server_start(&options, &l->server, &rig->err));
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", http_server_port(l->server, 0));
    assert_ok(rig, smdpp_operator_set(&rig->config, name, url, NULL, &rig->err));
}

static void answer_with(struct listener *l, int status)
{
    (void)pthread_mutex_lock(&l->lock);
    l->status = status;
    (void)pthread_mutex_unlock(&l->lock);
}

static int received(struct listener *l)
{
    (void)pthread_mutex_lock(&l->lock);
    int n = l->received;
    (void)pthread_mutex_unlock(&l->lock);
    return n;
}

static void wait_for(struct listener *l, int n)
{
    for (int waited = 0; received(l) < n; waited += POLL_US / 1000) {
        assert_true(waited < WAIT_MS);
        (void)usleep(POLL_US);
    }
}

static void wait_for_rows(struct rig *rig, int64_t n)
{
    for (int waited = 0; rig_number(rig, "SELECT count(*) FROM outbox") != n;
         waited += POLL_US / 1000) {
        assert_true(waited < WAIT_MS);
        (void)usleep(POLL_US);
    }
}

static void later(struct rig *rig)
{
    (void)__atomic_add_fetch(&rig->now_ms, HOUR_MS, __ATOMIC_SEQ_CST);
}

static void install(struct rig *rig, int n, const char *operator_name)
{
    char id[16];
    (void)snprintf(id, sizeof(id), "I-%d", n);
    rig_import(rig, n);
    assert_ok(rig, rig_download_order(rig, operator_name, NULL, NULL, rig_iccid(n), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, operator_name, NULL, rig_iccid(n), NULL, id, NULL, NULL,
                                     true, NULL));
    rig_to_installed(rig, &rig->nist, n, id);
}

static void told_with_retries(void **state)
{
    struct server s;
    struct rig *rig = *state;
    struct listener op;
    struct listener other;
    char dir[64];
    rig_dir_make(dir);
    listen_start(rig, &op, RIG_OPERATOR);
    listen_start(rig, &other, RIG_OTHER);
    start(&s, rig, dir, false);
    install(rig, 1, RIG_OPERATOR);
    wait_for(&op, 1);
    wait_for_rows(rig, 0);
    /* it fails: kept, in order, and nobody else waits for it */
    answer_with(&op, 500);
    install(rig, 2, RIG_OPERATOR);
    wait_for(&op, 2);
    install(rig, 3, RIG_OPERATOR);
    install(rig, 4, RIG_OTHER);
    wait_for(&other, 1);
    wait_for_rows(rig, 2);
    assert_string_equal(other.order[0], rig_iccid(4));
    /* tried again later, the older one first; the younger waits for it */
    later(rig);
    wait_for(&op, 3);
    assert_string_equal(op.order[1], rig_iccid(2));
    assert_string_equal(op.order[2], rig_iccid(2));
    /* not lost by a restart */
    stop(&s);
    answer_with(&op, 204);
    later(rig);
    start(&s, rig, dir, false);
    wait_for(&op, 5);
    wait_for_rows(rig, 0);
    assert_string_equal(op.order[3], rig_iccid(2));
    assert_string_equal(op.order[4], rig_iccid(3));
    assert_int_equal(received(&op), 5);
    assert_int_equal(received(&other), 1);
    assert_false(op.bad);
    assert_false(other.bad);
    stop(&s);
    http_server_stop(op.server);
    http_server_stop(other.server);
    rig_dir_remove(dir);
}

static void hold(struct listener *l, bool yes)
{
    (void)pthread_mutex_lock(&l->lock);
    l->hold = yes;
    (void)pthread_mutex_unlock(&l->lock);
}

/* One operator takes the connection and says nothing: the others hear at once, in their order, and
 * the server ends without waiting for it. */
static void silent_operator(void **state)
{
    struct server s;
    struct rig *rig = *state;
    struct listener op;
    struct listener other;
    char dir[64];
    rig_dir_make(dir);
    listen_start(rig, &op, RIG_OPERATOR);
    listen_start(rig, &other, RIG_OTHER);
    hold(&op, true);
    start(&s, rig, dir, false);
    install(rig, 1, RIG_OPERATOR);
    wait_for(&op, 1);   /* it has begun to be silent */
    enum { MANY = 20 }; /* more than one batch */
    for (int n = 2; n < 2 + MANY; n++) {
        install(rig, n, RIG_OTHER);
    }
    install(rig, 2 + MANY, RIG_OPERATOR);
    wait_for(&other, MANY);
    for (int n = 0; n < MANY; n++) {
        assert_string_equal(other.order[n], rig_iccid(2 + n));
    }
    /* all that while the first attempt was under way, and nothing overtook it */
    assert_int_equal(received(&op), 1);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox WHERE operator = '" RIG_OPERATOR
                                     "' AND attempts = 0"),
                     2);
    stop(&s);
    hold(&op, false);
    start(&s, rig, dir, false);
    wait_for(&op, 3); /* what was broken off comes again, then the next */
    wait_for_rows(rig, 0);
    assert_string_equal(op.order[1], rig_iccid(1));
    assert_string_equal(op.order[2], rig_iccid(2 + MANY));
    assert_int_equal(received(&other), MANY);
    assert_false(op.bad);
    assert_false(other.bad);
    stop(&s);
    http_server_stop(op.server);
    http_server_stop(other.server);
    rig_dir_remove(dir);
}

/* More silent operators than workers: what is behind them waits for the first that gives up. */
static void many_operators(void **state)
{
    struct server s;
    struct rig *rig = *state;
    struct listener ops[SMDPP_OUTBOX_WORKERS + 3];
    char names[CR_COUNT(ops)][16];
    for (size_t i = 0; i < CR_COUNT(ops); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "op %zu", i);
        listen_start(rig, &ops[i], names[i]);
        hold(&ops[i], i < SMDPP_OUTBOX_WORKERS);
    }
    start(&s, rig, NULL, false);
    for (size_t i = 0; i < SMDPP_OUTBOX_WORKERS; i++) {
        install(rig, (int)i + 1, names[i]);
        wait_for(&ops[i], 1);
    }
    for (size_t i = SMDPP_OUTBOX_WORKERS; i < CR_COUNT(ops); i++) {
        install(rig, (int)i + 1, names[i]);
    }
    hold(&ops[3], false);
    for (size_t i = SMDPP_OUTBOX_WORKERS; i < CR_COUNT(ops); i++) {
        wait_for(&ops[i], 1);
        assert_string_equal(ops[i].order[0], rig_iccid((int)i + 1));
    }
    for (size_t i = 0; i < CR_COUNT(ops); i++) {
        hold(&ops[i], false);
    }
    wait_for_rows(rig, 0);
    stop(&s);
    for (size_t i = 0; i < CR_COUNT(ops); i++) {
        assert_false(ops[i].bad);
        http_server_stop(ops[i].server);
    }
}

static void gone_operator(void **state)
{
    struct server s;
    struct rig *rig = *state;
    struct listener op;
    listen_start(rig, &op, RIG_OPERATOR);
    http_server_stop(op.server); /* nobody listens there any more */
    start(&s, rig, NULL, false);
    install(rig, 1, RIG_OPERATOR);
    for (int waited = 0; rig_number(rig, "SELECT max(attempts) FROM outbox") < 1;
         waited += POLL_US / 1000) {
        assert_true(waited < WAIT_MS);
        (void)usleep(POLL_US);
    }
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox WHERE last_error <> ''"), 1);
    install(rig, 2, RIG_OPERATOR); /* downloads go on */
    stop(&s);
}

/* ---- garbage ---- */

static void bodies(struct server *s, const char *path, const char *type, cr_span good)
{
    uint8_t *copy = malloc(good.n + 1);
    assert_non_null(copy);
    size_t step = good.n / 40 + 1;
    for (size_t n = 0; n < good.n; n += step) {
        struct request r = {.path = path, .type = type, .body = cr_span_sub(good, 0, n)};
        assert_true(post(s, &r));
        assert_true(s->status == 400 || s->status == 200);
    }
    for (size_t at = 0; at < good.n; at += step) {
        memcpy(copy, good.p, good.n);
        copy[at] ^= 0x55;
        struct request r = {.path = path, .type = type, .body = cr_span_of(copy, good.n)};
        assert_true(post(s, &r));
        assert_true(s->status == 400 || s->status == 200 || s->status == 204);
    }
    free(copy);
}

static void garbage(void **state)
{
    struct server s;
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    start(&s, rig, NULL, false);
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_authenticated(rig, &rig->nist, "ABC");
    const struct {
        enum rsp_function_id id;
        const void *request;
    } rows[] = {
        {RSP_ES9_INITIATE_AUTHENTICATION, fake_initiate(&rig->nist, &NONE, &rig->arena)},
        {RSP_ES9_AUTHENTICATE_CLIENT, fake_authenticate(&rig->nist, &knobs, &rig->arena)},
        {RSP_ES9_CANCEL_SESSION,
         fake_cancel(&rig->nist, &NONE, 1, (cr_span){(const uint8_t *)"\x88\x37", 2}, &rig->arena)},
        {RSP_ES9_HANDLE_NOTIFICATION, fake_notification(&rig->nist, &NONE, rig_iccid(1),
                                                        RSP_EVENT_LOCAL_DELETE, 0, &rig->arena)},
        {RSP_ES9_GET_BOUND_PROFILE_PACKAGE, fake_prepare(&rig->nist, &NONE, &rig->arena)},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const struct rsp_function *f = rsp_function(rows[i].id);
        cr_buf body = {0};
        assert_ok(rig, rsp_json_build_request(f, rows[i].request, RSP_JSON_V2, &body, &rig->err));
        bodies(&s, f->path, JSON, cr_buf_span(&body));
        cr_buf_reset(&body);
        assert_ok(rig, rsp_asn1_build_request(f, rows[i].request, false, &body, &rig->err));
        bodies(&s, RSP_ASN1_PATH, "Content-Type: " RSP_ASN1_CONTENT_TYPE, cr_buf_span(&body));
        cr_buf_free(&body);
    }
    rig_release(rig, 2, "DEF", NULL, NULL);
    whole_download(&s, &rig->nist2, 2, "DEF", false, 0);
    stop(&s);
}

static void plain_and_housekeeping(void **state)
{
    struct server s;
    struct rig *rig = *state;
    start(&s, rig, NULL, true);
    assert_int_equal(smdpp_service_es2_port(s.service), 0);
    struct request r = {.path = ES9_PATH "initiateAuthentication", .type = JSON, .plain = true};
    assert_true(post(&s, &r));
    assert_int_equal(s.status, 400);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &NONE));
    later(rig);
    smdpp_service_tick(s.service);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM session"), 0);
    stop(&s);
}

static void bad_options(void **state)
{
    struct rig *rig = *state;
    struct smdpp_service *service = NULL;
    struct smdpp_service_options options = {
        .config = &rig->config, .env = &rig->env, .es2 = true, .workers = 1};
    const char *ca = rig->config.operator_ca;
    rig->config.operator_ca = NULL;
    assert_int_equal(smdpp_service_start(&options, &service, &rig->err), CR_REFUSED);
    assert_non_null(strstr(rig->err.next, "operator-ca"));
    rig->config.operator_ca = ca;
    rig->config.tls_count = 0;
    assert_int_equal(smdpp_service_start(&options, &service, &rig->err), CR_REFUSED);
    assert_non_null(strstr(rig->err.next, "tls-cert"));
    assert_null(service);
    smdpp_service_stop(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(downloads),
        TEST(http_refusals),
        TEST(versions),
        TEST(codes_are_wiped),
        TEST(operators),
        TEST(told_with_retries),
        TEST(gone_operator),
        TEST(silent_operator),
        TEST(many_operators),
        TEST(garbage),
        TEST(plain_and_housekeeping),
        TEST(bad_options),
    };
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
    curl_global_cleanup();
    return failed;
}
