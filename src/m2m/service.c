#include "m2m/service.h"

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "store/lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define DELIVERERS   16
#define POST_SECONDS 90 /* a peer may hold a connection for M2M_HOLD_MS */
#define TICK_LIMIT   1000
#define BATCH        16 /* letters of one lane before others get their turn */
#define MAX_HELD     8  /* connections that wait for an answer; each holds a thread of the server */
#define LINE_IDLE_MS ((int64_t)30 * 1000)  /* a line that nobody used for so long is closed */
#define LINE_AGE_MS  ((int64_t)600 * 1000) /* and one of this age: certificates are renewed */

/* A connection to a party, kept from letter to letter: a handshake with both certificates costs
 * more than all else of a letter. */
struct line {
    struct line *next;
    const struct m2m_party *to;
    struct http_client *client;
    int64_t born_ms, used_ms;
};

struct m2m_service {
    struct m2m *m2m;
    const cr_env *env;
    m2m_authorise authorise;
    void *authorise_ctx;
    struct ssl_ctx_st *tls;
    struct http_server *http;
    struct lanes *lanes;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t answered;
    uint64_t round; /* goes up when an answer may be there */
    unsigned held;
    struct line *idle; /* used last first; as many at most as there were workers at a time */
    bool stop;
};

/* What is under way does not hold up the end of the server. */
static bool go_on(void *ctx, size_t done, size_t total)
{
    struct m2m_service *service = ctx;
    (void)done;
    (void)total;
    (void)pthread_mutex_lock(&service->lock);
    bool stop = service->stop;
    (void)pthread_mutex_unlock(&service->lock);
    return !stop;
}

/* ---- in ----------------------------------------------------------------------------------------
 */

static bool content_type_fits(const struct http_request *request)
{
    static const char *const types[] = {SOAP_CONTENT_TYPE, "text/xml"};
    const char *given = http_request_header(request, "Content-Type");
    for (size_t i = 0; given && i < CR_COUNT(types); i++) {
        size_t n = strlen(types[i]);
        if (strncasecmp(given, types[i], n) == 0 && strchr("; \t", given[n]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Waits until something was answered after round; false when the time is over. */
static bool wait_for_answers(struct m2m_service *service, uint64_t *round,
                             const struct timespec *until)
{
    bool in_time = true;
    (void)pthread_mutex_lock(&service->lock);
    while (!service->stop && service->round == *round && in_time) {
        in_time = pthread_cond_timedwait(&service->answered, &service->lock, until) == 0;
    }
    in_time = in_time && !service->stop;
    *round = service->round;
    (void)pthread_mutex_unlock(&service->lock);
    return in_time;
}

/* A place among those who wait; they must not take every thread of the server. */
static bool take_place(struct m2m_service *service, uint64_t *round)
{
    (void)pthread_mutex_lock(&service->lock);
    bool free_place = service->held < MAX_HELD;
    service->held += free_place;
    *round = service->round;
    (void)pthread_mutex_unlock(&service->lock);
    return free_place;
}

static void leave_place(struct m2m_service *service)
{
    (void)pthread_mutex_lock(&service->lock);
    service->held--;
    (void)pthread_mutex_unlock(&service->lock);
}

static enum m2m_verdict hold(struct m2m_service *service, int64_t id, cr_arena *arena, cr_buf *out)
{
    uint64_t round;
    struct timespec until;
    if (!take_place(service, &round)) {
        return m2m_held(service->m2m, id, true, arena, out);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += M2M_HOLD_MS / 1000;
    bool in_time = true;
    enum m2m_verdict verdict = m2m_held(service->m2m, id, false, arena, out);
    while (verdict == M2M_WAIT && go_on(service, 0, 0)) {
        in_time = in_time && wait_for_answers(service, &round, &until);
        verdict = m2m_held(service->m2m, id, !in_time && go_on(service, 0, 0), arena, out);
    }
    leave_place(service);
    return verdict;
}

static int http_status_of(enum m2m_verdict verdict)
{
    switch (verdict) {
    case M2M_ANSWER:
        return 200;
    case M2M_ACCEPTED:
        return 202;
    case M2M_FAULT_SENDER:
        return 400;
    case M2M_FORBIDDEN:
        return 403;
    case M2M_FAULT_SELF:
    case M2M_WAIT:
        break;
    }
    return 500;
}

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct m2m_service *service = ctx;
    if (strcmp(request->method, "POST") != 0) {
        response->status = 405;
        return;
    }
    const struct m2m_party *peer =
        m2m_party_of_certificate(m2m_parties_of(service->m2m), request->client_cert);
    if (service->authorise && strcmp(request->path, M2M_DELETE_TOKEN_PATH) == 0) {
        response->status = m2m_delete_token_answer(peer, request->body, service->authorise,
                                                   service->authorise_ctx, &response->body);
        response->content_type = "application/json";
        return;
    }
    if (!content_type_fits(request)) {
        response->status = 415;
        return;
    }
    int64_t id = 0;
    enum m2m_verdict verdict =
        m2m_receive(service->m2m, peer, request->body, request->arena, &response->body, &id);
    if (verdict == M2M_WAIT) {
        verdict = hold(service, id, request->arena, &response->body);
    }
    response->status = http_status_of(verdict);
    if (response->body.n) {
        response->content_type = SOAP_CONTENT_TYPE "; charset=utf-8";
    }
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static void line_close(struct line *line)
{
    if (line) {
        http_client_free(line->client);
        free(line);
    }
}

static cr_status line_new(struct m2m_service *service, const struct m2m_party *to,
                          struct line **out, struct cr_err *err)
{
    const struct m2m_parties *self = m2m_parties_of(service->m2m);
    struct http_client_options options = {
        .ca_file = to->ca ? to->ca : self->client_ca,
        .client_cert = self->tls_cert,
        .client_key = self->tls_key,
        .timeout_seconds = POST_SECONDS,
        .progress = go_on,
        .progress_ctx = service,
        .max_response = SOAP_MAX_BODY,
        .allow_plain = true, /* addresses were checked: plain only on loopback */
    };
    struct line *line = calloc(1, sizeof *line);
    cr_status status = line ? http_client_new(&options, &line->client, err) : cr_fail_memory(err);
    if (status != CR_OK) {
        free(line);
        return status;
    }
    line->to = to;
    line->born_ms = cr_now_ms(service->env);
    *out = line;
    return CR_OK;
}

/* One to the party that is free and not too old, or a new one. */
static cr_status line_take(struct m2m_service *service, const struct m2m_party *to,
                           struct line **out, struct cr_err *err)
{
    struct line *found = NULL;
    (void)pthread_mutex_lock(&service->lock);
    for (struct line **at = &service->idle; *at && !found; at = *at ? &(*at)->next : at) {
        if ((*at)->to == to) {
            found = *at;
            *at = found->next;
        }
    }
    (void)pthread_mutex_unlock(&service->lock);
    if (found && cr_now_ms(service->env) - found->born_ms >= LINE_AGE_MS) {
        line_close(found);
        found = NULL;
    }
    *out = found;
    return found ? CR_OK : line_new(service, to, out, err);
}

static void line_give_back(struct m2m_service *service, struct line *line)
{
    if (line) {
        line->used_ms = cr_now_ms(service->env);
        (void)pthread_mutex_lock(&service->lock);
        line->next = service->idle;
        service->idle = line;
        (void)pthread_mutex_unlock(&service->lock);
    }
}

/* Closes what was not used since a time. */
static void lines_close(struct m2m_service *service, int64_t since_ms)
{
    struct line *old = NULL;
    (void)pthread_mutex_lock(&service->lock);
    for (struct line **at = &service->idle; *at;) {
        struct line *line = *at;
        if (line->used_ms < since_ms) {
            *at = line->next;
            line->next = old;
            old = line;
        } else {
            at = &line->next;
        }
    }
    (void)pthread_mutex_unlock(&service->lock);
    while (old) {
        struct line *next = old->next;
        line_close(old);
        old = next;
    }
}

/* Called every second at least. */
static cr_status due(void *ctx, cr_arena *arena, const char *names[LANES_MAX_DUE], size_t *count,
                     struct cr_err *err)
{
    struct m2m_service *service = ctx;
    lines_close(service, cr_now_ms(service->env) - LINE_IDLE_MS);
    cr_status status = m2m_due(service->m2m, arena, names, count, err);
    if (status != CR_OK) {
        cr_log(service->env, CR_LOG_ERROR, "outbox: %s", err->cause);
    }
    return status;
}

/* *line: of the letter before, which went to the same party. */
static bool deliver(struct m2m_service *service, struct line **line,
                    const struct m2m_parcel *parcel, cr_arena *arena)
{
    struct cr_err err = {0};
    cr_buf response = {0};
    int status = 0;
    cr_status sent;
    if (!parcel->to) {
        sent = cr_fail(&err, CR_REFUSED, NULL, "the party is not configured any more");
    } else {
        sent = *line ? CR_OK : line_take(service, parcel->to, line, &err);
    }
    if (sent == CR_OK) {
        const char *type = cr_arena_printf(
            arena, "Content-Type: " SOAP_CONTENT_TYPE "; charset=utf-8; action=\"%s\"",
            parcel->action);
        const char *const headers[] = {type, NULL};
        sent = type ? http_client_post((*line)->client, parcel->url, headers, parcel->body, &status,
                                       &response, &err)
                    : cr_fail_memory(&err);
    }
    if (sent != CR_OK) {
        status = 0;
        line_close(*line);
        *line = NULL;
        cr_log(service->env, CR_LOG_WARNING, "%s: %s", parcel->url, err.cause);
    } else if (status / 100 != 2) {
        cr_log(service->env, CR_LOG_WARNING, "%s answers %s with HTTP status %d", parcel->url,
               parcel->action, status);
    }
    bool noted = m2m_delivered(service->m2m, parcel->id, status, cr_buf_span(&response), err.cause,
                               &err) == CR_OK;
    if (!noted) {
        cr_log(service->env, CR_LOG_ERROR, "outbox: %s", err.cause);
    }
    cr_buf_free(&response);
    return noted;
}

static bool work(void *ctx, const char *lane)
{
    struct m2m_service *service = ctx;
    struct line *line = NULL;
    bool good = true, found = true;
    for (int i = 0; good && found && i < BATCH && go_on(service, 0, 0); i++) {
        cr_arena arena = {0};
        struct cr_err err;
        struct m2m_parcel parcel;
        good = m2m_take(service->m2m, lane, &arena, &parcel, &found, &err) == CR_OK;
        if (good && found) {
            good = deliver(service, &line, &parcel, &arena);
        }
        cr_arena_free(&arena);
    }
    line_give_back(service, line);
    return good;
}

static const struct lanes_ops lanes_ops = {.due = due, .work = work};

/* ---- life --------------------------------------------------------------------------------------
 */

static void changed(void *ctx)
{
    struct m2m_service *service = ctx;
    (void)pthread_mutex_lock(&service->lock);
    service->round++;
    (void)pthread_cond_broadcast(&service->answered);
    (void)pthread_mutex_unlock(&service->lock);
    lanes_wake(service->lanes);
}

void m2m_service_tick(struct m2m_service *service)
{
    struct cr_err err;
    if (m2m_tick(service->m2m, TICK_LIMIT, &err) != CR_OK) {
        cr_log(service->env, CR_LOG_ERROR, "housekeeping: %s", err.cause);
    }
}

static cr_status start(struct m2m_service *service, const struct m2m_service_options *options,
                       struct cr_err *err)
{
    const struct m2m_parties *self = m2m_parties_of(service->m2m);
    const struct tls_identity identity = {.cert_file = self->tls_cert, .key_file = self->tls_key};
    const struct tls_server_options tls = {.identities = &identity,
                                           .identity_count = 1,
                                           .client_ca_file = self->client_ca,
                                           .client_cert_required = true};
    CR_TRY(tls_server_new(&tls, &service->tls, err));
    const struct http_listener listener = {.host = options->host,
                                           .port = options->port,
                                           .tls = service->tls,
                                           .handler = handle,
                                           .ctx = service};
    const struct http_server_options http = {.listeners = &listener,
                                             .listener_count = 1,
                                             .workers = options->workers,
                                             .max_body = SOAP_MAX_BODY,
                                             .env = service->env};
    CR_TRY(lanes_start(&lanes_ops, service, options->deliverers ? options->deliverers : DELIVERERS,
                       &service->lanes, err));
    m2m_on_change(service->m2m, changed, service);
    return http_server_start(&http, &service->http, err);
}

cr_status m2m_service_start(const struct m2m_service_options *options, struct m2m_service **out,
                            struct cr_err *err)
{
    struct m2m_service *service = calloc(1, sizeof *service);
    pthread_condattr_t clock;
    if (!service) {
        return cr_fail_memory(err);
    }
    service->m2m = options->m2m;
    service->env = m2m_env(options->m2m);
    service->authorise = options->authorise;
    service->authorise_ctx = options->ctx;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&service->lock, NULL);
    (void)pthread_cond_init(&service->answered, &clock);
    (void)pthread_condattr_destroy(&clock);
    cr_status status = start(service, options, err);
    if (status != CR_OK) {
        m2m_service_stop(service);
        return status;
    }
    *out = service;
    return CR_OK;
}

uint16_t m2m_service_port(const struct m2m_service *service)
{
    return http_server_port(service->http, 0);
}

void m2m_service_stop(struct m2m_service *service)
{
    if (!service) {
        return;
    }
    (void)pthread_mutex_lock(&service->lock);
    service->stop = true;
    (void)pthread_cond_broadcast(&service->answered);
    (void)pthread_mutex_unlock(&service->lock);
    m2m_on_change(service->m2m, NULL, NULL);
    lanes_stop(service->lanes);
    lines_close(service, INT64_MAX);
    http_server_stop(service->http);
    tls_server_free(service->tls);
    (void)pthread_mutex_destroy(&service->lock);
    (void)pthread_cond_destroy(&service->answered);
    free(service);
}
