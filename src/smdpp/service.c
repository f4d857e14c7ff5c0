#include "smdpp/service.h"

#include "net/http_server.h"
#include "net/tls.h"
#include "rsp/asn1_binding.h"
#include "rsp/ids.h"
#include "rsp/json_binding.h"
#include "smdpp/credentials.h"
#include "smdpp/outbox.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define MAX_REQUEST    (256 * 1024) /* bytes of a body; true ones have a tenth of that */
#define PURGE_LIMIT    1000
#define PURGE_EVERY_MS 1000

struct smdpp_service {
    struct smdpp *dp;
    const cr_env *env;
    struct ssl_ctx_st *es9_tls, *es2_tls;
    struct http_server *http;
    struct smdpp_outbox *outbox;
    struct smdpp_credentials *credentials;
    atomic_bool short_of; /* of room, or of the lock of the database: has been said */
    bool es2;
    bool unswept; /* the last housekeeping failed: has been said */
    int64_t purged_ms;
};

/* ---- from HTTP to a handler and back -----------------------------------------------------------
 */

/* The version this answer is in: the caller's when it is one of ours, else our highest. */
static const char *protocol_version(const struct http_request *request)
{
    const char *asked = http_request_header(request, "X-Admin-Protocol");
    struct rsp_version version;
    char text[RSP_VERSION_TEXT];
    if (!asked || !rsp_version_parse(cr_span_str(asked), &version) || version.major != 2 ||
        version.minor > 6) {
        return "gsma/rsp/v2.6.0";
    }
    const char *answer =
        cr_arena_printf(request->arena, "gsma/rsp/v%s", rsp_version_format(version, text));
    return answer ? answer : "gsma/rsp/v2.6.0";
}

static bool content_type_is(const struct http_request *request, const char *type)
{
    const char *given = http_request_header(request, "Content-Type");
    size_t n = strlen(type);
    return given && strncasecmp(given, type, n) == 0 && strchr("; \t", given[n]) != NULL;
}

static int http_status_of(cr_status status, const struct cr_err *err)
{
    switch (status) {
    case CR_OK:
    case CR_REFUSED:
        return 200;
    case CR_MALFORMED:
        return strcmp(err->subject, "1.3.1") == 0 ? 400 : 200;
    case CR_RESOURCE:
        return 503;
    case CR_INTERNAL:
        return 500;
    }
    return 500;
}

static void plain_answer(struct http_response *out, int status)
{
    out->status = status;
    out->content_type = NULL;
    cr_buf_reset(&out->body);
}

static void log_failure(const struct smdpp_service *service, const struct http_request *request,
                        cr_status status, const struct cr_err *err)
{
    cr_log(service->env,
           status == CR_REFUSED || status == CR_MALFORMED ? CR_LOG_INFO : CR_LOG_ERROR,
           "%s %s: %s%s%s%s%s", request->peer, request->path, err->subject,
           err->subject[0] ? "/" : "", err->reason, err->subject[0] ? " " : "", err->cause);
}

/* A full disk, a locked database: says once what to do, and once that it is over. Requests
 * meanwhile are refused (1.2/3.7, HTTP 503), and nothing has to be started again. */
static void note_health(struct smdpp_service *service, const struct rsp_function *function,
                        cr_status status, const struct cr_err *err)
{
    bool short_of = status == CR_RESOURCE && err->next[0];
    if (short_of && !atomic_exchange(&service->short_of, true)) {
        cr_log(service->env, CR_LOG_ERROR,
               "this server cannot serve until this is mended: %s; what to do: %s", err->cause,
               err->next);
    } else if (status == CR_OK && !function->notification && /* which may just be dropped */
               atomic_load(&service->short_of) && atomic_exchange(&service->short_of, false)) {
        cr_log(service->env, CR_LOG_INFO, "this server can serve again");
    }
}

/* ---- answers that wait for a commit ------------------------------------------------------------
 */

/* In the request's arena. */
struct held {
    struct smdpp_deferred deferred;
    struct http_ticket *ticket;
    struct smdpp_service *service;
    const struct rsp_function *function;
};

static void held_done(void *ctx, cr_status status, const struct cr_err *err)
{
    const struct held *held = ctx;
    if (status == CR_OK && held->deferred.written) {
        held->deferred.written(held->deferred.ctx);
    }
    if (status == CR_OK) { /* else the handler is run again and finds out for itself */
        note_health(held->service, held->function, status, err);
    }
    http_release(held->ticket, status == CR_OK);
}

/* NULL = the handler has to wait itself. False = it may not, and there is no memory. */
static bool held_new(const struct http_request *request, struct held **out)
{
    *out = NULL;
    if (!request->ticket) {
        return true;
    }
    *out = cr_arena_alloc(request->arena, sizeof(**out));
    if (*out) {
        (*out)->ticket = request->ticket;
    }
    return *out != NULL;
}

static bool has_deferred(const struct held *held)
{
    return held && held->deferred.work;
}

/* The answer is complete. */
static void hold(struct smdpp_service *service, const struct rsp_function *function,
                 struct held *held, struct http_response *out)
{
    if (!has_deferred(held)) {
        return;
    }
    held->service = service;
    held->function = function;
    struct cr_err ignored;
    const struct smdpp_deferred *d = &held->deferred;
    out->outcome = store_submit(smdpp_store(service->dp), d->work, d->ctx, d->soft, held_done, held,
                                &ignored) == CR_OK
                       ? HTTP_HOLD
                       : HTTP_WORKER;
}

static void answer_json(struct smdpp_service *service, const struct rsp_function *function,
                        const char *requester, const struct http_request *request,
                        struct http_response *out)
{
    struct cr_err err = {0};
    struct held *held;
    if (!held_new(request, &held)) {
        plain_answer(out, 503);
        return;
    }
    struct smdpp_call call = {
        .arena = request->arena, .requester = requester, .deferred = held ? &held->deferred : NULL};
    smdpp_handler handler = smdpp_handler_of(function->id);
    void *in = NULL;
    void *answer =
        function->notification ? NULL : rsp_function_new_response(function, request->arena);
    cr_status status = CR_OK;
    if (!handler) {
        status = cr_refuse(&err, "1.6", "3.1", NULL, "%s is not offered here", function->name);
    } else if (!answer && !function->notification) {
        status = cr_fail_memory(&err);
    } else {
        status = rsp_json_parse_request(function, request->body, request->arena, &in, &err);
        if (status == CR_OK) {
            status = handler(service->dp, &call, in, answer, &err);
        }
    }
    if (status != CR_OK) {
        log_failure(service, request, status, &err);
    }
    if (!has_deferred(held)) {
        note_health(service, function, status, &err);
    }
    out->status = http_status_of(status, &err);
    if (function->notification) {
        plain_answer(out, out->status == 200 ? 204 : out->status);
        hold(service, function, held, out);
        return;
    }
    struct rsp_function_status failed;
    rsp_status_from_err(&err, &failed);
    struct cr_err build_err;
    out->content_type = "application/json";
    if (rsp_json_build_response(function, answer, status == CR_OK ? NULL : &failed, RSP_JSON_V2,
                                &out->body, &build_err) != CR_OK) {
        cr_log(service->env, CR_LOG_ERROR, "%s: answer: %s", function->name, build_err.cause);
        plain_answer(out, 500);
    }
    hold(service, function, held, out);
}

static void answer_asn1(struct smdpp_service *service, const struct http_request *request,
                        struct http_response *out)
{
    struct cr_err err = {0};
    struct held *held;
    if (!held_new(request, &held)) {
        plain_answer(out, 503);
        return;
    }
    struct smdpp_call call = {.arena = request->arena, .deferred = held ? &held->deferred : NULL};
    const struct rsp_function *function = NULL;
    void *in = NULL;
    void *answer = NULL;
    cr_status status =
        rsp_asn1_parse_request(RSP_ES9PLUS, request->body, request->arena, &function, &in, &err);
    smdpp_handler handler = status == CR_OK ? smdpp_handler_of(function->id) : NULL;
    if (status != CR_OK || !handler) {
        log_failure(service, request, status, &err);
        plain_answer(out, status == CR_OK ? 404 : 400);
        return;
    }
    if (!function->notification) {
        answer = rsp_function_new_response(function, request->arena);
        if (!answer) {
            plain_answer(out, 503);
            return;
        }
    }
    status = handler(service->dp, &call, in, answer, &err);
    if (status != CR_OK) {
        log_failure(service, request, status, &err);
    }
    if (!has_deferred(held)) {
        note_health(service, function, status, &err);
    }
    int http = http_status_of(status, &err);
    if (function->notification || http >= 500) {
        plain_answer(out, http >= 500 ? http : 204);
        hold(service, function, held, out);
        return;
    }
    struct cr_err build_err;
    out->status = 200;
    out->content_type = RSP_ASN1_CONTENT_TYPE;
    if (rsp_asn1_build_response(function, answer, status == CR_OK ? NULL : &err, false, &out->body,
                                &build_err) != CR_OK) {
        cr_log(service->env, CR_LOG_ERROR, "%s: answer: %s", function->name, build_err.cause);
        plain_answer(out, 500);
    }
    hold(service, function, held, out);
}

/* What every interface refuses on the HTTP level; true = refused. */
static bool refuse_http(const struct http_request *request, const struct rsp_function *function,
                        bool asn1, struct http_response *out)
{
    if (!function && !asn1) {
        plain_answer(out, 404);
    } else if (strcmp(request->method, "POST") != 0) {
        plain_answer(out, 405);
        out->headers[out->header_count].name = "Allow";
        out->headers[out->header_count++].value = "POST";
    } else if (!content_type_is(request, asn1 ? RSP_ASN1_CONTENT_TYPE : RSP_JSON_CONTENT_TYPE)) {
        plain_answer(out, 415);
    } else {
        return false;
    }
    return true;
}

static void add_version(const struct http_request *request, struct http_response *out)
{
    out->headers[out->header_count].name = "X-Admin-Protocol";
    out->headers[out->header_count++].value = protocol_version(request);
}

static void es9_handler(void *ctx, const struct http_request *request, struct http_response *out)
{
    struct smdpp_service *service = ctx;
    bool asn1 = strcmp(request->path, RSP_ASN1_PATH) == 0;
    const struct rsp_function *function =
        asn1 ? NULL : rsp_function_by_path(RSP_ES9PLUS, cr_span_str(request->path));
    add_version(request, out);
    if (refuse_http(request, function, asn1, out)) {
        return;
    }
    if (asn1) {
        answer_asn1(service, request, out);
    } else {
        answer_json(service, function, NULL, request, out);
    }
}

/* The operator behind a client certificate: its common name. Certificates of other roles under the
 * same CI (servers, chips) are no operators. */
static const char *operator_of(const struct smdpp_service *service,
                               const struct http_request *request)
{
    struct pki_cert cert;
    struct cr_err err = {0};
    if (!request->client_cert.p || pki_cert_decode(request->client_cert, &cert, NULL) != CR_OK ||
        cert.role != PKI_ROLE_NONE || !cert.has_eku || !cert.eku_client_auth || cert.is_ca ||
        cert.subject_cn.n == 0) {
        cr_log(service->env, CR_LOG_WARNING, "%s: ES2+ without an operator's certificate",
               request->peer);
        return NULL;
    }
    const char *name = cr_arena_strn(request->arena, cert.subject_cn);
    if (name && smdpp_credentials_check_operator(service->credentials, &cert,
                                                 cr_now_ms(service->env), &err) != CR_OK) {
        cr_log(service->env, CR_LOG_WARNING, "%s: ES2+ refused to operator %s: %s%s%s",
               request->peer, name, err.cause, err.next[0] ? ": " : "", err.next);
        return NULL;
    }
    return name;
}

static void answer_es2(struct smdpp_service *service, const struct http_request *request,
                       struct http_response *out)
{
    const struct rsp_function *function =
        rsp_function_by_path(RSP_ES2PLUS, cr_span_str(request->path));
    const char *operator_name = operator_of(service, request);
    add_version(request, out);
    if (!operator_name) {
        plain_answer(out, 403);
        return;
    }
    if (!refuse_http(request, function, false, out)) {
        answer_json(service, function, operator_name, request, out);
    }
}

void smdpp_service_handle_es2(void *ctx, const struct http_request *request,
                              struct http_response *out)
{
    /* Orders carry confirmation codes: what was read out of the body goes with the arena, the body
     * itself here. */
    request->arena->secret = true;
    answer_es2(ctx, request, out);
    cr_wipe((void *)(uintptr_t)request->body.p, request->body.n);
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static void outbox_filled(void *ctx)
{
    struct smdpp_service *service = ctx;
    if (service->outbox) {
        smdpp_outbox_wake(service->outbox);
    }
}

static cr_status open_tls(struct smdpp_service *service, const struct smdpp_service_options *o,
                          struct cr_err *err)
{
    struct tls_identity identities[SMDPP_MAX_TLS];
    size_t count = 0;
    for (size_t i = 0; i < o->config->tls_count; i++) {
        if (o->config->tls[i].cert && o->config->tls[i].key) {
            identities[count].cert_file = o->config->tls[i].cert;
            identities[count++].key_file = o->config->tls[i].key;
        }
    }
    if (o->plain && !o->es2) {
        return CR_OK;
    }
    if (count == 0) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "there is no TLS certificate");
        return cr_err_next(err, status, "set tls-cert and tls-key in the configuration");
    }
    struct tls_server_options options = {.identities = identities, .identity_count = count};
    if (!o->plain) {
        options.no_tickets = true; /* one connection for a download, the next some other day */
        CR_TRY(tls_server_new(&options, &service->es9_tls, err));
        options.no_tickets = false;
    }
    if (!o->es2) {
        return CR_OK;
    }
    if (!o->config->operator_ca) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "ES2+ has no operator-ca");
        return cr_err_next(err, status, "set operator-ca in the configuration");
    }
    options.client_ca_file = o->config->operator_ca;
    options.client_cert_required = true;
    return tls_server_new(&options, &service->es2_tls, err);
}

static cr_status start(struct smdpp_service *service, const struct smdpp_service_options *o,
                       struct cr_err *err)
{
    struct smdpp_options core = {.dir = o->dir,
                                 .config = o->config,
                                 .policy = o->policy,
                                 .env = o->env,
                                 .outbox_filled = outbox_filled,
                                 .outbox_ctx = service};
    CR_TRY(smdpp_credentials_new(o->config, !o->plain || o->es2, o->es2, cr_now_ms(o->env),
                                 &service->credentials, err));
    CR_TRY(smdpp_open(&core, &service->dp, err));
    CR_TRY(open_tls(service, o, err));
    const char *cert = o->config->tls_count ? o->config->tls[0].cert : NULL;
    const char *key = o->config->tls_count ? o->config->tls[0].key : NULL;
    CR_TRY(smdpp_outbox_start(service->dp, cert, key, o->env, &service->outbox, err));
    const struct http_listener listeners[] = {
        {.host = o->es9_host,
         .port = o->es9_port,
         .tls = service->es9_tls,
         .handler = es9_handler,
         .ctx = service,
         .quick = true},
        {.host = o->es2_host,
         .port = o->es2_port,
         .tls = service->es2_tls,
         .handler = smdpp_service_handle_es2,
         .ctx = service},
    };
    struct http_server_options http = {.listeners = listeners,
                                       .listener_count = o->es2 ? 2 : 1,
                                       .workers = o->workers,
                                       .max_body = MAX_REQUEST,
                                       .env = o->env};
    return http_server_start(&http, &service->http, err);
}

cr_status smdpp_service_start(const struct smdpp_service_options *options,
                              struct smdpp_service **out, struct cr_err *err)
{
    struct smdpp_service *service = calloc(1, sizeof(*service));
    if (!service) {
        return cr_fail_memory(err);
    }
    service->env = options->env;
    service->es2 = options->es2;
    cr_status status = start(service, options, err);
    if (status != CR_OK) {
        smdpp_service_stop(service);
        return status;
    }
    *out = service;
    return CR_OK;
}

uint16_t smdpp_service_es9_port(const struct smdpp_service *service)
{
    return http_server_port(service->http, 0);
}

uint16_t smdpp_service_es2_port(const struct smdpp_service *service)
{
    return service->es2 ? http_server_port(service->http, 1) : 0;
}

struct smdpp *smdpp_service_core(struct smdpp_service *service)
{
    return service->dp;
}

void smdpp_service_tick(struct smdpp_service *service)
{
    int64_t now = cr_now_ms(service->env);
    struct cr_err err;
    if (now - service->purged_ms < PURGE_EVERY_MS) {
        return;
    }
    service->purged_ms = now;
    smdpp_credentials_watch(service->credentials, service->env);
    bool failed = smdpp_purge(service->dp, PURGE_LIMIT, &err) != CR_OK;
    if (failed && !service->unswept) {
        cr_log(service->env, CR_LOG_WARNING, "housekeeping: %s%s%s; it is tried again each second",
               err.cause, err.next[0] ? "; what to do: " : "", err.next);
    }
    service->unswept = failed;
}

void smdpp_service_stop(struct smdpp_service *service)
{
    if (!service) {
        return;
    }
    http_server_stop(service->http);
    smdpp_outbox_stop(service->outbox);
    smdpp_close(service->dp);
    smdpp_credentials_free(service->credentials);
    tls_server_free(service->es9_tls);
    tls_server_free(service->es2_tls);
    free(service);
}
