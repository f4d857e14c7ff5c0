#include "m2m/caller.h"

#include "base/text.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SLICE_MS     200 /* how long one wait lasts before go_on is asked */
#define POLL_MS      1000
#define POST_SECONDS 90 /* a peer may hold a connection for a minute */

struct caller {
    const struct m2m_caller_options *options;
    const struct m2m_party *to;
    const struct soap_function *function;
    struct soap_header header; /* of the request */
    int64_t give_up_ms;
    struct http_client *client;
    struct ssl_ctx_st *tls;
    struct http_server *http;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t arrived;
    cr_buf called_back; /* envelope of the answer */
};

/* ---- is it the answer --------------------------------------------------------------------------
 */

static bool same_message(cr_span a, cr_span b)
{
    return cr_span_equal(soap_message_id_base(a), soap_message_id_base(b));
}

/* RelatesTo decides; peers that leave it out are known by the transaction. */
static bool is_answer(const struct caller *c, const struct soap_message *m)
{
    if (m->kind != SOAP_RESPONSE || m->function != c->function) {
        return false;
    }
    return m->header.relates_to.p
               ? same_message(m->header.relates_to, c->header.message_id)
               : cr_span_equal(m->header.transaction_id, c->header.transaction_id);
}

/* ---- called back -------------------------------------------------------------------------------
 */

static int take_callback(struct caller *c, const struct http_request *request)
{
    struct soap_message m;
    const struct m2m_party *peer =
        m2m_party_of_certificate(c->options->parties, request->client_cert);
    if (!peer) {
        return 403;
    }
    cr_status status = soap_parse(request->body, request->arena, &m, NULL);
    if (status != CR_OK) {
        return status == CR_MALFORMED ? 400 : 500;
    }
    if (m.kind == SOAP_NOTICE) {
        return 503; /* not ours to take: kept by the sender for the one who listens */
    }
    if (peer != c->to || !is_answer(c, &m)) {
        return m.kind == SOAP_RESPONSE ? 202 : 400; /* an answer that nobody waits for any more */
    }
    (void)pthread_mutex_lock(&c->lock);
    if (c->called_back.n == 0) {
        cr_buf_append_span(&c->called_back, request->body);
    }
    (void)pthread_cond_broadcast(&c->arrived);
    bool kept = cr_buf_ok(&c->called_back);
    (void)pthread_mutex_unlock(&c->lock);
    return kept ? 202 : 500;
}

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    response->status = strcmp(request->method, "POST") == 0 ? take_callback(ctx, request) : 405;
}

bool m2m_caller_bind(const char *address, cr_arena *arena, const char **host, uint16_t *port)
{
    static const char scheme[] = "https://";
    if (strncmp(address, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    const char *start = address + sizeof scheme - 1;
    const bool v6 = *start == '[';
    size_t n = v6 ? strcspn(++start, "]") : strcspn(start, ":/");
    const char *rest = start + n + (v6 && start[n] ? 1 : 0);
    char *end = NULL;
    unsigned long number = *rest == ':' ? strtoul(rest + 1, &end, 10) : 443;
    uint8_t binary[sizeof(struct in6_addr)];
    char *name = cr_arena_strn(arena, cr_span_of(start, n));
    if (!name || !n || number > UINT16_MAX || (end && *end && *end != '/')) {
        return false;
    }
    bool numeric = inet_pton(v6 ? AF_INET6 : AF_INET, name, binary) == 1;
    *host = numeric ? name : "0.0.0.0";
    *port = (uint16_t)number;
    return true;
}

static cr_status listen_for_it(struct caller *c, cr_arena *arena, struct cr_err *err)
{
    const struct m2m_parties *self = c->options->parties;
    const struct tls_identity identity = {.cert_file = self->tls_cert, .key_file = self->tls_key};
    const struct tls_server_options tls = {.identities = &identity,
                                           .identity_count = 1,
                                           .client_ca_file = self->client_ca,
                                           .client_cert_required = true};
    CR_TRY(tls_server_new(&tls, &c->tls, err));
    const struct http_listener listener = {.host = c->options->listen_host,
                                           .port = c->options->listen_port,
                                           .tls = c->tls,
                                           .handler = handle,
                                           .ctx = c};
    const struct http_server_options http = {.listeners = &listener,
                                             .listener_count = 1,
                                             .workers = 2,
                                             .max_body = SOAP_MAX_BODY,
                                             .env = c->options->env};
    cr_status status = http_server_start(&http, &c->http, err);
    if (status != CR_OK) {
        return cr_err_next(err, status,
                           "Take another port for the answer, or fetch it by polling.");
    }
    const char *url = self->address;
    if (c->options->listen_port == 0) {
        const char *host = c->options->listen_host ? c->options->listen_host : "127.0.0.1";
        const bool v6 = strchr(host, ':') != NULL;
        url = cr_arena_printf(arena, "https://%s%s%s:%u/", v6 ? "[" : "", host, v6 ? "]" : "",
                              http_server_port(c->http, 0));
    }
    c->header.reply_to =
        (struct soap_end){.uri = cr_span_str(url), .entity_id = cr_span_str(self->oid)};
    return url ? CR_OK : cr_fail_memory(err);
}

/* ---- waiting -----------------------------------------------------------------------------------
 */

static cr_status check_on(struct caller *c, struct cr_err *err)
{
    if (c->options->go_on && !c->options->go_on(c->options->ctx)) {
        return cr_err_next(err, cr_fail(err, CR_REFUSED, NULL, "nobody waits for it any more"),
                           "The request was sent: what becomes of it can be read with GetEIS.");
    }
    if (cr_now_ms(c->options->env) >= c->give_up_ms) {
        return cr_err_next(
            err, cr_fail(err, CR_RESOURCE, NULL, "no answer from %s in time", c->to->name),
            "It may still be done: read what became of it with GetEIS, or ask for "
            "an audit.");
    }
    return CR_OK;
}

/* True when an answer was called back. */
static bool wait_a_moment(struct caller *c)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SLICE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&c->lock);
    if (c->called_back.n == 0) {
        (void)pthread_cond_timedwait(&c->arrived, &c->lock, &until);
    }
    bool there = c->called_back.n > 0;
    (void)pthread_mutex_unlock(&c->lock);
    return there;
}

static bool progress(void *ctx, size_t done, size_t total)
{
    const struct caller *c = ctx;
    (void)done;
    (void)total;
    return !c->options->go_on || c->options->go_on(c->options->ctx);
}

/* ---- the connection ----------------------------------------------------------------------------
 */

static cr_status open_line(struct caller *c, struct cr_err *err)
{
    const struct m2m_parties *self = c->options->parties;
    struct http_client_options options = {
        .ca_file = c->to->ca ? c->to->ca : self->client_ca,
        .client_cert = self->tls_cert,
        .client_key = self->tls_key,
        .timeout_seconds = POST_SECONDS,
        .progress = progress,
        .progress_ctx = c,
        .max_response = SOAP_MAX_BODY,
        .allow_plain = true, /* addresses were checked: plain only on loopback */
    };
    return http_client_new(&options, &c->client, err);
}

/* What stands in a refusal without an answer: the Fault's text, when there is one. */
static cr_status refused(const struct caller *c, int http_status, cr_span response, cr_arena *arena,
                         struct cr_err *err)
{
    struct soap_message m = {0};
    bool fault = response.n && soap_parse(response, arena, &m, NULL) == CR_OK &&
                 m.kind == SOAP_FAULT && m.fault_text.n;
    cr_status status =
        cr_fail(err, http_status >= 500 ? CR_RESOURCE : CR_REFUSED, NULL,
                "%s does not take it (HTTP status %d)%s%.*s", c->to->name, http_status,
                fault ? ": " : "", fault ? (int)(m.fault_text.n < 150 ? m.fault_text.n : 150) : 0,
                fault ? (const char *)m.fault_text.p : "");
    if (err) {
        cr_text_clean(err->cause);
    }
    status = cr_err_code(err, status, http_status);
    return http_status == 403
               ? cr_err_next(err, status, "Does its configuration know the certificate %s?",
                             c->options->parties->tls_cert)
               : status;
}

/* Posts an envelope; *there = the answer was in what came back. */
static cr_status post(struct caller *c, const struct soap_message *m, const char *url,
                      cr_arena *arena, struct soap_message *answer, bool *there, struct cr_err *err)
{
    cr_buf body = {0}, response = {0}, action = {0};
    int http_status = 0;
    *there = false;
    if (m->function) {
        soap_action(m->function, m->kind, &c->to->dialect, &action);
    }
    const char *type = cr_arena_printf(
        arena, "Content-Type: " SOAP_CONTENT_TYPE "; charset=utf-8%s%s%s",
        action.n ? "; action=\"" : "", action.n ? cr_buf_cstr(&action) : "", action.n ? "\"" : "");
    const char *const headers[] = {type, NULL};
    cr_status status = type ? soap_build(m, &c->to->dialect, &body, err) : cr_fail_memory(err);
    if (status == CR_OK) {
        status = http_client_post(c->client, url, headers, cr_buf_span(&body), &http_status,
                                  &response, err);
    }
    if (status == CR_OK && http_status / 100 != 2) {
        status = refused(c, http_status, cr_buf_span(&response), arena, err);
    } else if (status == CR_OK) {
        cr_span kept = cr_arena_copy(arena, cr_buf_span(&response));
        status = response.n && !kept.p ? cr_fail_memory(err) : soap_parse(kept, arena, answer, err);
        *there = status == CR_OK && is_answer(c, answer);
        if (status == CR_OK && !*there && answer->kind != SOAP_EMPTY) {
            status =
                cr_fail(err, CR_MALFORMED, NULL, "%s answered with another message", c->to->name);
        }
    }
    cr_buf_free(&body);
    cr_buf_free(&response);
    cr_buf_free(&action);
    return status;
}

/* ---- the three ways ----------------------------------------------------------------------------
 */

static cr_status wait_for_callback(struct caller *c, cr_arena *arena, struct soap_message *answer,
                                   struct cr_err *err)
{
    while (!wait_a_moment(c)) {
        CR_TRY(check_on(c, err));
    }
    (void)pthread_mutex_lock(&c->lock);
    cr_span text = cr_arena_copy(arena, cr_buf_span(&c->called_back));
    (void)pthread_mutex_unlock(&c->lock);
    return text.p ? soap_parse(text, arena, answer, err) : cr_fail_memory(err);
}

static cr_status poll_for_it(struct caller *c, const char *url, cr_arena *arena,
                             struct soap_message *answer, struct cr_err *err)
{
    struct soap_message m = {.kind = SOAP_MAKE_CONNECTION, .header = c->header};
    const int64_t pause = c->options->poll_ms > 0 ? c->options->poll_ms : POLL_MS;
    m.header.relates_to = (cr_span){0};
    for (bool there = false;;) {
        int64_t next = cr_now_ms(c->options->env) + pause;
        CR_TRY(soap_new_message_id(c->options->env, m.header.from.entity_id,
                                   m.header.transaction_id, (cr_span){0}, arena,
                                   &m.header.message_id, err));
        cr_status status = post(c, &m, url, arena, answer, &there, err);
        /* A peer that is away for a moment still has the answer when it is back. */
        if (there || (status != CR_OK && status != CR_RESOURCE)) {
            return status;
        }
        do {
            CR_TRY(check_on(c, err));
            (void)wait_a_moment(c);
        } while (cr_now_ms(c->options->env) < next);
    }
}

static cr_status ask(struct caller *c, struct soap_message *request, const char *url,
                     cr_arena *arena, struct soap_message *answer, struct cr_err *err)
{
    bool there = false;
    if (c->header.reply == SOAP_REPLY_CALLBACK) {
        CR_TRY(listen_for_it(c, arena, err));
    } else if (c->header.reply == SOAP_REPLY_POLL) {
        CR_TRY(soap_new_poll_address(c->options->env, arena, &c->header.poll_address, err));
    }
    CR_TRY(open_line(c, err));
    request->header = c->header;
    CR_TRY(post(c, request, url, arena, answer, &there, err));
    if (there) {
        return CR_OK;
    }
    switch (c->header.reply) {
    case SOAP_REPLY_CALLBACK:
        return wait_for_callback(c, arena, answer, err);
    case SOAP_REPLY_POLL:
        return poll_for_it(c, url, arena, answer, err);
    case SOAP_REPLY_HERE:
        break;
    }
    return cr_err_next(
        err, cr_fail(err, CR_MALFORMED, NULL, "%s has no answer on this connection", c->to->name),
        "Let it be called back, or fetch it by polling.");
}

static cr_status own_identity(struct caller *c, const char *identity, cr_arena *arena,
                              struct cr_err *err)
{
    static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    const size_t n = strlen(identity);
    if (n == 0 || n > M2M_CALLER_IDENTITY || strspn(identity, may) != n) {
        return cr_fail(err, CR_REFUSED, NULL,
                       "the identity of a request has 1 to %d letters, digits and -._",
                       M2M_CALLER_IDENTITY);
    }
    /* No date: the copies have to be the same. */
    const char *id = cr_arena_printf(arena, "//%s/%s?TransactionId=%s", c->options->parties->oid,
                                     identity, identity);
    c->header.transaction_id = cr_span_str(identity);
    c->header.message_id = cr_span_str(id);
    return id ? CR_OK : cr_fail_memory(err);
}

static cr_status prepare(struct caller *c, struct soap_message *request, const char *url,
                         cr_arena *arena, struct cr_err *err)
{
    const struct m2m_parties *self = c->options->parties;
    const cr_env *env = c->options->env;
    c->header = (struct soap_header){
        .from = {.uri = cr_span_str(self->address),
                 .entity_id = cr_span_str(self->oid),
                 .entity_name = cr_span_str(self->name)},
        .to = {.uri = cr_span_str(url), .entity_id = cr_span_str(c->to->oid)},
        .reply = c->options->how,
    };
    if (c->options->identity) {
        CR_TRY(own_identity(c, c->options->identity, arena, err));
    } else {
        CR_TRY(soap_new_uuid(env, arena, &c->header.transaction_id, err));
        CR_TRY(soap_new_message_id(env, c->header.from.entity_id, c->header.transaction_id,
                                   (cr_span){0}, arena, &c->header.message_id, err));
    }
    if (!request->body.function_call_identifier.p) {
        request->body.function_call_identifier = c->header.transaction_id;
    }
    if (!request->body.has_validity_period) {
        request->body.has_validity_period = true;
        request->body.validity_period = c->function->validity;
    }
    c->give_up_ms = cr_now_ms(env) + request->body.validity_period * 1000 + M2M_CALLER_GRACE_MS;
    return CR_OK;
}

cr_status m2m_caller_ask(const struct m2m_caller_options *options, const struct m2m_party *to,
                         const struct soap_function *function, const struct soap_body *body,
                         cr_arena *arena, struct soap_message *answer, struct cr_err *err)
{
    const char *url = m2m_party_url(to, function->interface);
    if (!url) {
        return cr_err_next(err,
                           cr_refuse(err, "1.4", "5.1", NULL, "%s has no address for %s", to->name,
                                     soap_interface_name(function->interface)),
                           "Add url = https://... to [party %s] of the configuration.", to->name);
    }
    struct caller c = {.options = options, .to = to, .function = function};
    struct soap_message request = {.kind = SOAP_REQUEST, .function = function, .body = *body};
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&c.lock, NULL);
    (void)pthread_cond_init(&c.arrived, &clock);
    (void)pthread_condattr_destroy(&clock);
    cr_status status = prepare(&c, &request, url, arena, err);
    if (status == CR_OK) {
        status = ask(&c, &request, url, arena, answer, err);
    }
    http_client_free(c.client);
    http_server_stop(c.http);
    tls_server_free(c.tls);
    cr_buf_free(&c.called_back);
    (void)pthread_mutex_destroy(&c.lock);
    (void)pthread_cond_destroy(&c.arrived);
    return status;
}
