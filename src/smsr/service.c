#include "smsr/service.h"

#include "m2m/service.h"
#include "ota/script.h"
#include "smsr/cattp_edge.h"
#include "smsr/https.h"
#include "smsr/sms.h"
#include "store/home.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORKERS         64
#define LOOK_MS         1000   /* what is due is looked for at least so often */
#define IDS             0x8000 /* message ids that are remembered for their receipts */
#define FULL            3500   /* messages of one SMSC without an answer: no more are taken */
#define ENOUGH          2000   /* with so many the engine rests */
#define REST_MS         50
#define EXPIRED         3 /* states of a receipt */
#define DELETED         4
#define NOT_DELIVERABLE 5
#define REJECTED        8

/* One SMSC that we are bound to. */
struct bind {
    struct smsr_service *service;
    const struct smsr_smsc *smsc;
    struct smpp_client *client;
    atomic_uint open; /* messages without an answer */
    atomic_bool bound;
};

struct smsr_service {
    const cr_env *env;
    struct smsr *sr;
    const struct smsr_radio_config *radio;
    int claim; /* of the directory; -1: none */
    struct m2m_service *soap;
    struct smsr_https *https;
    struct ssl_ctx_st *psk;
    struct http_server *https_server;
    struct smsr_cattp_edge *cattp;
    struct smsr_sms *sms;
    struct bind binds[SMSR_MAX_SMSC];
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool due, stop, running;
    unsigned arriving; /* messages that are not answered yet */
    pthread_t thread;
    struct {
        uint64_t id; /* hash of SMSC and id */
        uint64_t ref;
    } ids[IDS]; /* a newer one takes the place of an older: its receipt is missed, not its answer */
};

/* ---- the engine's thread -----------------------------------------------------------------------
 */

static void on_due(void *ctx)
{
    struct smsr_service *s = ctx;
    (void)pthread_mutex_lock(&s->lock);
    s->due = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

/* False: the service stops. */
static bool sleep_until_due(struct smsr_service *s, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int late = 0;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->due && !s->stop && !late) {
        late = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    s->due = false;
    const bool go_on = !s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return go_on;
}

/* An SMSC that works has enough to do: what is due waits for it instead of counting as lost. */
static bool is_busy(struct smsr_service *s)
{
    for (size_t i = 0; i < s->radio->smsc_count; i++) {
        if (atomic_load(&s->binds[i].bound) && atomic_load(&s->binds[i].open) >= ENOUGH) {
            return true;
        }
    }
    return false;
}

static void *run(void *ctx)
{
    struct smsr_service *s = ctx;
    int64_t wait = 0;
    while (sleep_until_due(s, wait)) {
        struct cr_err err;
        int64_t next = 0;
        if (is_busy(s)) {
            wait = REST_MS;
            continue;
        }
        wait = LOOK_MS;
        if (smsr_sms_run(s->sms, &next, &err) != CR_OK) {
            cr_log(s->env, CR_LOG_ERROR, "scripts that are due: %s", err.cause);
        } else if (next) {
            const int64_t ms = next - cr_now_ms(s->env);
            wait = ms < 0 ? 0 : ms < LOOK_MS ? ms : LOOK_MS;
        }
    }
    return NULL;
}

/* ---- SMPP --------------------------------------------------------------------------------------
 */

static uint64_t hash_of(const struct bind *b, const char *id)
{
    uint64_t hash = 14695981039346656037ULL ^ (uint64_t)(b - b->service->binds);
    for (; *id; id++) {
        hash = (hash ^ (uint8_t)*id) * 1099511628211ULL;
    }
    return hash ? hash : 1;
}

static void on_submitted(void *ctx, uint64_t ref, uint32_t status, const char *id)
{
    struct bind *b = ctx;
    struct smsr_service *s = b->service;
    (void)atomic_fetch_sub(&b->open, 1);
    if (status == SMPP_OK && id) {
        const uint64_t hash = hash_of(b, id);
        (void)pthread_mutex_lock(&s->lock);
        s->ids[hash % IDS].id = hash;
        s->ids[hash % IDS].ref = ref;
        (void)pthread_mutex_unlock(&s->lock);
    } else if (status != SMPP_OK) {
        cr_log(s->env, CR_LOG_WARNING, "SMSC %s: a message was not taken, status %08X",
               b->smsc->name, (unsigned)status);
    }
}

/* A message on its way into the database. */
struct arrival {
    struct bind *bind;
    uint64_t ticket;
};

static void on_taken(void *ctx, uint32_t status)
{
    struct arrival *a = ctx;
    struct smsr_service *s = a->bind->service;
    smpp_client_answer(a->bind->client, a->ticket, status);
    (void)pthread_mutex_lock(&s->lock);
    s->arriving--;
    if (s->stop) {
        (void)pthread_cond_broadcast(&s->changed);
    }
    (void)pthread_mutex_unlock(&s->lock);
    free(a);
}

static void on_arrived(void *ctx, const struct smpp_message *message, uint64_t ticket)
{
    struct bind *b = ctx;
    struct smsr_service *s = b->service;
    struct arrival *a = malloc(sizeof *a);
    (void)pthread_mutex_lock(&s->lock);
    const bool take = a && !s->stop;
    s->arriving += take;
    (void)pthread_mutex_unlock(&s->lock);
    if (!take) {
        free(a);
        smpp_client_answer(b->client, ticket, SMPP_SYSTEM); /* it comes again */
        return;
    }
    *a = (struct arrival){.bind = b, .ticket = ticket};
    smsr_sms_arrived(s->sms, message, on_taken, a);
}

static void on_receipt(void *ctx, const struct smpp_receipt *receipt)
{
    struct bind *b = ctx;
    struct smsr_service *s = b->service;
    const uint64_t hash = hash_of(b, receipt->id);
    const uint8_t state = receipt->state;
    (void)pthread_mutex_lock(&s->lock);
    const bool known = s->ids[hash % IDS].id == hash;
    const uint64_t ref = s->ids[hash % IDS].ref;
    (void)pthread_mutex_unlock(&s->lock);
    if (known &&
        (state == EXPIRED || state == DELETED || state == NOT_DELIVERABLE || state == REJECTED)) {
        smsr_sms_undelivered(s->sms, ref);
    }
}

static void on_bound(void *ctx, bool bound)
{
    struct bind *b = ctx;
    atomic_store(&b->bound, bound);
    cr_log(b->service->env, CR_LOG_INFO, "SMSC %s: %s", b->smsc->name,
           bound ? "bound" : "the link is broken");
}

static cr_status submit(void *ctx, const struct smsr_smsc *smsc, const struct smpp_message *message,
                        uint64_t ref, struct cr_err *err)
{
    struct smsr_service *s = ctx;
    struct bind *b = &s->binds[smsc - s->radio->smsc];
    if (atomic_fetch_add(&b->open, 1) >= FULL) {
        (void)atomic_fetch_sub(&b->open, 1);
        return cr_fail(err, CR_RESOURCE, NULL, "SMSC %s has too many messages to answer",
                       smsc->name);
    }
    cr_status status = smpp_client_submit(b->client, message, ref, err);
    if (status != CR_OK) {
        (void)atomic_fetch_sub(&b->open, 1);
    }
    return status;
}

static cr_status bind_all(struct smsr_service *s, struct cr_err *err)
{
    for (size_t i = 0; i < s->radio->smsc_count; i++) {
        struct bind *b = &s->binds[i];
        const struct smsr_smsc *smsc = &s->radio->smsc[i];
        b->service = s;
        b->smsc = smsc;
        const struct smpp_client_options options = {.host = smsc->host,
                                                    .port = smsc->port,
                                                    .system_id = smsc->system_id,
                                                    .password = smsc->password,
                                                    .per_second = smsc->per_second,
                                                    .window = smsc->window,
                                                    .env = s->env,
                                                    .ctx = b,
                                                    .submitted = on_submitted,
                                                    .arrived = on_arrived,
                                                    .receipt = on_receipt,
                                                    .bound = on_bound};
        cr_status status = smpp_client_start(&options, &b->client, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "SMSC %s", smsc->name);
        }
    }
    return CR_OK;
}

/* ---- start and stop ----------------------------------------------------------------------------
 */

static bool has_session(void *ctx, cr_span eid)
{
    const struct smsr_service *s = ctx;
    return smsr_https_has_session(s->https, eid);
}

static bool has_link(void *ctx, cr_span eid)
{
    const struct smsr_service *s = ctx;
    return smsr_cattp_has_link(smsr_cattp_edge_core(s->cattp), eid);
}

static void pushed(void *ctx, cr_span eid)
{
    const struct smsr_service *s = ctx;
    smsr_cattp_expect(smsr_cattp_edge_core(s->cattp), eid);
}

static void session_due(void *ctx, cr_span eid)
{
    const struct smsr_service *s = ctx;
    if (s->https) {
        smsr_https_wake(s->https, eid);
    }
    if (s->cattp) {
        smsr_cattp_wake(smsr_cattp_edge_core(s->cattp), eid);
    }
}

static cr_status serve_sessions(struct smsr_service *s, const struct smsr_service_options *o,
                                struct cr_err *err)
{
    const unsigned workers = o->workers ? o->workers : WORKERS;
    CR_TRY(smsr_https_new(s->sr, s->radio, workers / 2, &s->https, err));
    const struct psk_server_options psk = {.find = smsr_https_key,
                                           .ctx = s->https,
                                           .no_encrypt_then_mac = s->radio->no_encrypt_then_mac};
    CR_TRY(psk_server_new(&psk, &s->psk, err));
    const struct http_listener listener = {.host = o->https_host,
                                           .port = o->https_port,
                                           .tls = s->psk,
                                           .handler = smsr_https_handle,
                                           .closed = smsr_https_closed,
                                           .ctx = s->https,
                                           .quick = true};
    const struct http_server_options http = {.listeners = &listener,
                                             .listener_count = 1,
                                             .workers = workers,
                                             .max_body = OTA_SCRIPT_MAX,
                                             .env = s->env};
    return http_server_start(&http, &s->https_server, err);
}

static cr_status start(struct smsr_service *s, const struct smsr_service_options *o,
                       struct cr_err *err)
{
    CR_TRY(smsr_open(&o->core, &s->sr, err));
    CR_TRY(store_home_claim(o->core.dir, &s->claim, err));
    if (!o->no_https) {
        CR_TRY(serve_sessions(s, o, err));
    }
    if (o->cattp) {
        const unsigned workers = o->workers ? o->workers : WORKERS;
        CR_TRY(smsr_cattp_edge_start(s->sr, s->radio, o->cattp_host, o->cattp_port, workers / 8 + 1,
                                     &s->cattp, err));
    }
    const struct smsr_sms_options sms = {.sr = s->sr,
                                         .config = s->radio,
                                         .ctx = s,
                                         .submit = submit,
                                         .has_session = s->https ? has_session : NULL,
                                         .has_link = s->cattp ? has_link : NULL,
                                         .pushed = s->cattp ? pushed : NULL,
                                         .session_due = session_due};
    CR_TRY(smsr_sms_new(&sms, &s->sms, err));
    const struct m2m_service_options soap = {.m2m = smsr_messenger(s->sr),
                                             .host = o->soap_host,
                                             .port = o->soap_port,
                                             .workers = o->workers ? o->workers : WORKERS};
    CR_TRY(m2m_service_start(&soap, &s->soap, err));
    CR_TRY(bind_all(s, err)); /* last: what comes in is taken */
    smsr_on_script(s->sr, on_due, s);
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
    }
    s->running = true;
    return CR_OK;
}

cr_status smsr_service_start(const struct smsr_service_options *options, struct smsr_service **out,
                             struct cr_err *err)
{
    struct smsr_service *s = calloc(1, sizeof *s);
    pthread_condattr_t clock;
    if (!s) {
        return cr_fail_memory(err);
    }
    s->env = options->core.env;
    s->radio = options->radio;
    s->claim = -1;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    cr_status status = start(s, options, err);
    if (status != CR_OK) {
        smsr_service_stop(s);
        return status;
    }
    *out = s;
    return CR_OK;
}

uint16_t smsr_service_soap_port(const struct smsr_service *s)
{
    return m2m_service_port(s->soap);
}

uint16_t smsr_service_https_port(const struct smsr_service *s)
{
    return s->https_server ? http_server_port(s->https_server, 0) : 0;
}

uint16_t smsr_service_cattp_port(const struct smsr_service *s)
{
    return s->cattp ? smsr_cattp_edge_port(s->cattp) : 0;
}

struct smsr *smsr_service_core(struct smsr_service *s)
{
    return s->sr;
}

void smsr_service_tick(struct smsr_service *s)
{
    struct cr_err err;
    if (smsr_tick(s->sr, &err) != CR_OK) {
        cr_log(s->env, CR_LOG_ERROR, "housekeeping: %s", err.cause);
    }
    if (s->https) {
        smsr_https_tick(s->https);
    }
}

void smsr_service_stop(struct smsr_service *s)
{
    if (!s) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_broadcast(&s->changed);
    while (s->arriving) {
        (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (s->running) {
        (void)pthread_join(s->thread, NULL);
    }
    m2m_service_stop(s->soap);
    if (s->https) {
        smsr_https_stop(s->https);
    }
    http_server_stop(s->https_server);
    smsr_cattp_edge_stop(s->cattp);
    for (size_t i = 0; i < SMSR_MAX_SMSC; i++) {
        smpp_client_stop(s->binds[i].client);
    }
    if (s->sr) {
        smsr_on_script(s->sr, NULL, NULL);
    }
    smsr_sms_free(s->sms);
    psk_server_free(s->psk);
    smsr_https_free(s->https);
    smsr_cattp_edge_free(s->cattp);
    smsr_close(s->sr);
    if (s->claim >= 0) {
        (void)close(s->claim);
    }
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
