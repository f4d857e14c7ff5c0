#include "smsr/https_sessions.h"

#include "smsr/core.h"

#include <stdlib.h>
#include <time.h>

#define KEEP_MS ((int64_t)600 * 1000) /* a session without a POST is forgotten */
#define AT_ONCE 64                    /* broken links of one transaction */

cr_status smsr_https_new(struct smsr *sr, const struct smsr_radio_config *config, unsigned waiters,
                         struct smsr_https **out, struct cr_err *err)
{
    struct smsr_https *h = calloc(1, sizeof *h);
    if (!h) {
        return cr_fail_memory(err);
    }
    h->sr = sr;
    h->config = config;
    h->waiters = waiters;
    (void)pthread_mutex_init(&h->lock, NULL);
    *out = h;
    return CR_OK;
}

static void session_free(struct smsr_session *s)
{
    if (s) {
        ota_admin_server_free(s->server);
        cr_buf_free(&s->body);
        (void)pthread_cond_destroy(&s->changed);
        free(s);
    }
}

void smsr_https_free(struct smsr_https *h)
{
    if (!h) {
        return;
    }
    for (size_t i = 0; i < SMSR_BUCKETS; i++) {
        while (h->buckets[i]) {
            struct smsr_session *next = h->buckets[i]->next;
            session_free(h->buckets[i]);
            h->buckets[i] = next;
        }
    }
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

static int64_t now_of(const struct smsr_https *h)
{
    return cr_now_ms(smsr_env(h->sr));
}

/* ---- one and all -------------------------------------------------------------------------------
 */

static struct smsr_session **place_of(struct smsr_https *h, cr_span eid)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < eid.n; i++) {
        hash = (hash ^ eid.p[i]) * 16777619U;
    }
    struct smsr_session **place = &h->buckets[hash % SMSR_BUCKETS];
    while (*place && !cr_span_equal(CR_SPAN_ARRAY((*place)->eid), eid)) {
        place = &(*place)->next;
    }
    return place;
}

static struct smsr_session *session_new(struct smsr_https *h, const uint8_t eid[OTA_EID],
                                        struct cr_err *err)
{
    struct ota_admin_server_options options = {.path = h->config->path, .env = smsr_env(h->sr)};
    struct smsr_session *s = calloc(1, sizeof *s);
    if (!s) {
        (void)cr_fail_memory(err);
        return NULL;
    }
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    memcpy(options.eid, eid, OTA_EID);
    memcpy(s->eid, eid, OTA_EID);
    s->body.secret = true;
    if (ota_admin_server_new(&options, &s->server, err) != CR_OK) {
        session_free(s);
        return NULL;
    }
    return s;
}

/* Under the lock: the one of an eUICC, made when there is none. NULL: it cannot be had. */
static struct smsr_session *session_of(struct smsr_https *h, const uint8_t eid[OTA_EID],
                                       struct cr_err *err)
{
    struct smsr_session **place = place_of(h, cr_span_of(eid, OTA_EID));
    if (!*place && h->count >= SMSR_SESSIONS) {
        (void)cr_fail(err, CR_RESOURCE, NULL, "too many administration sessions");
    } else if (!*place) {
        *place = session_new(h, eid, err);
        h->count += *place ? 1 : 0;
    }
    return *place;
}

struct smsr_session *smsr_session_enter(struct smsr_https *h, const uint8_t eid[OTA_EID],
                                        uint64_t *turn, struct cr_err *err)
{
    (void)pthread_mutex_lock(&h->lock);
    struct smsr_session *s = session_of(h, eid, err);
    if (s) {
        s->users++;
        *turn = s->turn = ++h->turns;
        (void)pthread_cond_broadcast(&s->changed);
        while (s->busy) {
            (void)pthread_cond_wait(&s->changed, &h->lock);
        }
        s->busy = true;
        s->coming = false;
        s->heard_ms = now_of(h);
    }
    (void)pthread_mutex_unlock(&h->lock);
    return s;
}

void smsr_session_leave(struct smsr_https *h, struct smsr_session *s)
{
    (void)pthread_mutex_lock(&h->lock);
    s->busy = false;
    s->users--;
    s->heard_ms = now_of(h);
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&h->lock);
}

bool smsr_https_has_session(struct smsr_https *h, cr_span eid)
{
    (void)pthread_mutex_lock(&h->lock);
    const struct smsr_session *s = *place_of(h, eid);
    const bool open = s && (s->busy || (!ota_admin_server_idle(s->server) && !s->broken_ms &&
                                        now_of(h) - s->heard_ms < SMSR_SESSION_MS));
    (void)pthread_mutex_unlock(&h->lock);
    return open;
}

size_t smsr_https_sessions(struct smsr_https *h)
{
    (void)pthread_mutex_lock(&h->lock);
    const size_t count = h->count;
    (void)pthread_mutex_unlock(&h->lock);
    return count;
}

/* ---- held POSTs --------------------------------------------------------------------------------
 */

/* Under the lock: the POST is looked at again, by a worker. */
static void let_go(struct smsr_session *s)
{
    if (s->held) {
        http_release(s->held, false);
        s->held = NULL;
    }
}

void smsr_https_wake(struct smsr_https *h, cr_span eid)
{
    (void)pthread_mutex_lock(&h->lock);
    struct smsr_session *s = *place_of(h, eid);
    if (s) {
        s->called = true;
        let_go(s);
        (void)pthread_cond_broadcast(&s->changed);
    }
    (void)pthread_mutex_unlock(&h->lock);
}

void smsr_https_stop(struct smsr_https *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->stop = true;
    for (size_t i = 0; i < SMSR_BUCKETS; i++) {
        for (struct smsr_session *s = h->buckets[i]; s; s = s->next) {
            let_go(s);
            (void)pthread_cond_broadcast(&s->changed);
        }
    }
    (void)pthread_mutex_unlock(&h->lock);
}

bool smsr_session_hold(struct smsr_https *h, const uint8_t eid[OTA_EID],
                       const struct http_request *request)
{
    bool held = false;
    if (request->body.n || http_request_header(request, OTA_ADMIN_H_STATUS)) {
        return false;
    }
    (void)pthread_mutex_lock(&h->lock);
    struct smsr_session *s = *place_of(h, cr_span_of(eid, OTA_EID));
    if (s && s->dry && !s->called && !s->busy && !h->stop) {
        let_go(s); /* one before it, on a connection that is dead */
        s->held = request->ticket;
        s->heard_ms = s->held_ms = now_of(h);
        s->coming = false;
        held = true;
    }
    (void)pthread_mutex_unlock(&h->lock);
    return held;
}

/* ---- broken links ------------------------------------------------------------------------------
 */

void smsr_session_meet(struct smsr_https *h, const uint8_t eid[OTA_EID], uint64_t connection)
{
    (void)pthread_mutex_lock(&h->lock);
    struct smsr_session *s = session_of(h, eid, NULL);
    if (s) {
        s->connection = connection;
        s->broken_ms = 0;
        s->told = false;
        s->coming = true;
        s->heard_ms = now_of(h);
    }
    (void)pthread_mutex_unlock(&h->lock);
}

void smsr_https_closed(void *ctx, uint64_t connection, const char *identity)
{
    struct smsr_https *h = ctx;
    struct ota_psk_identity who;
    if (!identity || ota_psk_identity_read(cr_span_str(identity), &who, NULL) != CR_OK) {
        return;
    }
    (void)pthread_mutex_lock(&h->lock);
    struct smsr_session *s = *place_of(h, CR_SPAN_ARRAY(who.eid));
    if (s && s->connection == connection) {
        s->broken_ms = now_of(h);
        let_go(s); /* nobody is there to be answered */
    }
    (void)pthread_mutex_unlock(&h->lock);
}

struct broken {
    struct smsr_https *h;
    struct {
        int64_t script, since_ms;
    } links[AT_ONCE];
    size_t count;
};

/* An eUICC whose link broke comes back by itself, if it does; half of the time that is left to the
 * procedure is for the trigger that follows. */
static cr_status shorten(struct store_tx *tx, const struct broken *b, size_t i, struct cr_err *err)
{
    cr_arena arena = {0};
    struct smsr_script s;
    bool found;
    cr_status status = smsr_script_get(tx, b->links[i].script, &arena, &s, &found, err);
    if (status == CR_OK && found && s.left && s.channel == SMSR_HTTPS) {
        const int64_t since = b->links[i].since_ms;
        int64_t wait = b->h->config->resume_ms;
        if (s.deadline_ms && (s.deadline_ms - since) / 2 < wait) {
            wait = (s.deadline_ms - since) / 2;
        }
        s.next_ms = since + (wait > 0 ? wait : 0);
        status = smsr_script_sent(tx, &s, err);
    }
    cr_arena_free(&arena);
    return status;
}

static cr_status shorten_all(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct broken *b = ctx;
    for (size_t i = 0; i < b->count; i++) {
        CR_TRY(shorten(tx, b, i, err));
    }
    return CR_OK;
}

/* Under the lock: scripts whose links broke since the last look. */
static void collect(struct broken *b, struct smsr_session *s)
{
    if (s->broken_ms && !s->told && !s->busy && !s->has_result && b->count < AT_ONCE) {
        s->told = true;
        if (s->script) {
            b->links[b->count].since_ms = s->broken_ms;
            b->links[b->count++].script = s->script;
        }
    }
}

/* ---- housekeeping ------------------------------------------------------------------------------
 */

static void look_after(struct smsr_https *h, struct broken *b)
{
    const int64_t now = now_of(h);
    for (size_t i = 0; i < SMSR_BUCKETS; i++) {
        struct smsr_session **place = &h->buckets[i];
        while (*place) {
            struct smsr_session *s = *place;
            collect(b, s);
            if (now - s->held_ms >= smsr_policy_of(h->sr)->hold_ms) {
                s->called = s->called || s->held; /* no longer held, but answered */
                let_go(s);
            }
            if (!s->users && !s->held && !s->has_result &&
                ((!s->coming && ota_admin_server_idle(s->server)) ||
                 now - s->heard_ms >= KEEP_MS)) {
                *place = s->next;
                session_free(s);
                h->count--;
            } else {
                place = &s->next;
            }
        }
    }
}

void smsr_https_tick(struct smsr_https *h)
{
    struct broken b = {.h = h};
    struct cr_err err;
    (void)pthread_mutex_lock(&h->lock);
    look_after(h, &b);
    (void)pthread_mutex_unlock(&h->lock);
    if (!b.count) {
        return;
    }
    if (store_run(smsr_store(h->sr), shorten_all, &b, &err) == CR_OK) {
        m2m_poke(smsr_messenger(h->sr));
    } else { /* they are triggered when the time of their results is over */
        cr_log(smsr_env(h->sr), CR_LOG_ERROR, "broken links: %s", err.cause);
    }
}
