#include "smsr/https_sessions.h"

#include "smsr/carrier.h"
#include "smsr/core.h"

#include <time.h>

#define KEY_PSK   0x85
#define KEY_IDS   3
#define CLAUSE    "SGP.02 2.4.3"
#define RETRY_IN  503
#define MOMENT_MS ((int64_t)2000) /* what the other side of a SendData usually needs is less */

static const cr_env *env_of(const struct smsr_https *h)
{
    return smsr_env(h->sr);
}

/* ---- keys --------------------------------------------------------------------------------------
 */

struct asking {
    struct smsr *sr;
    struct ota_psk_identity identity;
    struct smsr_keyset keyset;
};

static cr_status find_key(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct asking *a = ctx;
    struct smsr_euicc e;
    cr_arena arena = {0};
    cr_status status = smsr_euicc_get(tx, CR_SPAN_ARRAY(a->identity.eid), &arena, &e, err);
    if (status == CR_OK &&
        !cr_span_equal(e.isdr_aid, cr_span_of(a->identity.aid.value, a->identity.aid.n))) {
        status = cr_fail(err, CR_REFUSED, CLAUSE, "a PSK identity of another security domain");
    }
    if (status == CR_OK) {
        status =
            smsr_keyset_get(a->sr, tx, e.eid, SOAP_KEYSET_SCP81, a->identity.kvn, &a->keyset, err);
    }
    cr_arena_free(&arena);
    return status;
}

size_t smsr_https_key(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX])
{
    struct smsr_https *h = ctx;
    struct asking a = {.sr = h->sr};
    size_t size = 0;
    if (ota_psk_identity_read(identity, &a.identity, NULL) != CR_OK || a.identity.kvn == 0 ||
        a.identity.key_id < 1 || a.identity.key_id > KEY_IDS) {
        return 0;
    }
    if (store_read(smsr_store(h->sr), find_key, &a, NULL) == CR_OK) {
        const struct smsr_key *found = &a.keyset.keys[a.identity.key_id - 1];
        if (found->type == KEY_PSK && found->size >= PSK_KEY_MIN && found->size <= PSK_KEY_MAX) {
            memcpy(key, found->value, found->size);
            size = found->size;
        }
    }
    cr_wipe(&a.keyset, sizeof a.keyset);
    return size;
}

/* ---- works -------------------------------------------------------------------------------------
 */

struct post {
    struct smsr_https *h;
    struct smsr_session *s;
    uint64_t turn;
    cr_arena *arena;
    cr_span notification; /* NOTIFY */
    bool waits;           /* a result came: the next script is waited for */
    bool first;           /* the POST's URI names no session */
    /* What to give out. */
    bool found;
    cr_buf script;
    struct ota_aid target;
    char uri[OTA_ADMIN_URI + 1]; /* of its result */
    struct smsr_script given;
};

static void carry(struct post *p, struct store_tx *tx, struct smsr_carrier *c)
{
    *c = (struct smsr_carrier){.sr = p->h->sr,
                               .config = p->h->config,
                               .tx = tx,
                               .arena = p->arena,
                               .now_ms = cr_now_ms(env_of(p->h))};
}

/* In the header; n 0 = the ISD-R itself. */
static struct ota_aid target_of(const struct smsr_carrier *c)
{
    struct ota_aid aid = {0};
    if (c->s.target.n >= OTA_AID_MIN && c->s.target.n <= OTA_AID_MAX &&
        !cr_span_equal(c->s.target, c->e.isdr_aid)) {
        aid.n = (uint8_t)c->s.target.n;
        memcpy(aid.value, c->s.target.p, c->s.target.n);
    }
    return aid;
}

/* The result of the script that was given out last. */
static cr_status take_result(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct post *p = ctx;
    struct smsr_carrier c;
    bool found;
    carry(p, tx, &c);
    CR_TRY(smsr_script_get(tx, p->s->script, p->arena, &c.s, &found, err));
    if (!found) {
        return CR_OK; /* its time was over */
    }
    CR_TRY(smsr_carrier_load(&c, err));
    if (p->s->result == OTA_ADMIN_OK) {
        return smsr_carrier_answered(&c, cr_buf_span(&p->s->body), err);
    }
    return smsr_carrier_end(&c, SMSR_EV_ERROR, (cr_span){0}, ota_admin_status_text(p->s->result),
                            err);
}

/* The script that is owed, if there is one: it left over HTTPS. */
static cr_status find_owed(struct post *p, struct store_tx *tx, struct smsr_carrier *c, bool *found,
                           struct cr_err *err)
{
    carry(p, tx, c);
    CR_TRY(smsr_script_current(tx, CR_SPAN_ARRAY(p->s->eid), p->arena, &c->s, found, err));
    *found = *found && c->s.left && c->s.channel == SMSR_HTTPS;
    return CR_OK;
}

/* The eUICC began anew: what it owes it will not answer. */
static cr_status lose_script(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct smsr_carrier c;
    bool found;
    CR_TRY(find_owed(ctx, tx, &c, &found, err));
    if (!found) {
        return CR_OK;
    }
    CR_TRY(smsr_carrier_load(&c, err));
    return smsr_carrier_end(&c, SMSR_EV_UNANSWERED, (cr_span){0},
                            "the eUICC began another session instead of answering", err);
}

/* The eUICC never saw the answer in which the script was: is it to have it still? Its time begins
 * anew then; the triggers that it may cost are as many as before. */
static cr_status give_again(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct post *p = ctx;
    struct smsr_carrier c;
    CR_TRY(find_owed(p, tx, &c, &p->found, err));
    p->found = p->found && c.s.id == p->s->script;
    /* Was it reset? Before a trigger the session is the one that had the script; after one it may
     * be another, whose first POST looks the same. */
    if (!p->found || (p->first && c.s.attempts > 0)) {
        p->found = false;
        return CR_OK;
    }
    c.s.next_ms = c.now_ms + smsr_policy_of(c.sr)->script_ms;
    return smsr_script_sent(tx, &c.s, err);
}

/* After a restart: the script that the eUICC was given before it. */
static cr_status recall(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct post *p = ctx;
    struct smsr_carrier c;
    struct smsr_session *s = p->s;
    struct ota_admin_work work = {.kind = OTA_ADMIN_SCRIPT};
    bool found;
    CR_TRY(find_owed(p, tx, &c, &found, err));
    if (!found) {
        return CR_OK;
    }
    CR_TRY(smsr_carrier_load(&c, err));
    s->script = c.s.id;
    s->more = c.s.more_to_do;
    s->over = c.s.is_switch;
    s->worked_ms = c.now_ms;
    work.script = c.s.packet;
    work.target = target_of(&c);
    const cr_status status =
        c.s.uri ? ota_admin_server_restore(s->server, c.s.uri, &work, err) : CR_OK;
    return status == CR_REFUSED ? CR_OK : status; /* its path was another one */
}

static cr_status take_notification(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct post *p = ctx;
    struct smsr_notification n;
    bool confirm;
    CR_TRY(smsr_notification_read(p->notification, &n, err));
    n.received_ms = cr_now_ms(env_of(p->h));
    return smsr_procedure_notified(p->h->sr, tx, &n, &confirm, err);
}

static cr_status fits(struct smsr_carrier *c, bool *out, struct cr_err *err)
{
    struct smsr_reach reach;
    struct cr_err why;
    enum smsr_channel channel;
    const char *reason;
    *out = !c->s.left && !(c->s.deadline_ms && c->now_ms >= c->s.deadline_ms);
    if (!*out || c->s.channel == SMSR_HTTPS) {
        return CR_OK; /* the session was opened for it, or it confirms the notification */
    }
    CR_TRY(smsr_carrier_reach(c, SMSR_HTTPS, true, &reach, err));
    *out = smsr_channel_choose(&reach, &channel, &reason, &why) == CR_OK && channel == SMSR_HTTPS;
    return CR_OK;
}

/* The script whose turn it is, committed as left before it leaves. */
static cr_status take_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct post *p = ctx;
    struct smsr_carrier c;
    bool found;
    p->found = false;
    carry(p, tx, &c);
    CR_TRY(smsr_script_current(tx, CR_SPAN_ARRAY(p->s->eid), p->arena, &c.s, &found, err));
    if (!found) {
        return CR_OK;
    }
    CR_TRY(smsr_carrier_load(&c, err));
    CR_TRY(fits(&c, &found, err));
    if (!found) {
        return CR_OK;
    }
    cr_buf_reset(&p->script);
    cr_status status = smsr_carrier_write(&c, OTA_FORM_INDEFINITE, &p->script, err);
    if (status == CR_MALFORMED || p->script.n > OTA_ADMIN_BODY) {
        return smsr_carrier_end(&c, SMSR_EV_ERROR, (cr_span){0},
                                "the commands do not fit into an administration session", err);
    }
    CR_TRY(status);
    ota_admin_server_next(p->s->server, p->uri);
    p->target = target_of(&c);
    c.s.left = true;
    c.s.channel = SMSR_HTTPS;
    c.s.attempts = 0;
    c.s.packet = cr_buf_span(&p->script);
    c.s.uri = p->uri;
    c.s.next_ms = c.now_ms + smsr_policy_of(c.sr)->script_ms;
    p->given = c.s;
    p->found = true;
    CR_TRY(smsr_air_put(tx, &c.air, err));
    return smsr_script_sent(tx, &c.s, err);
}

/* ---- answering ---------------------------------------------------------------------------------
 */

static void respond(struct post *p, const struct ota_admin_answer *answer,
                    struct http_response *response)
{
    response->status = answer->status;
    response->content_type = answer->content_type;
    for (size_t i = 0; i < answer->header_count; i++) {
        /* The answer changes with the next POST, which may come before this one is sent. */
        response->headers[i].name = answer->headers[i].name;
        response->headers[i].value = cr_arena_printf(p->arena, "%s", answer->headers[i].value);
        if (!response->headers[i].value) {
            response->status = RETRY_IN;
            return;
        }
    }
    response->header_count = answer->header_count;
    if (answer->body.n) {
        response->body.secret = true;
        cr_buf_append_span(&response->body, answer->body);
        response->chunked = true;
    }
}

/* True: look again. False: the time is over, or another POST took our place (*gone). Threads are
 * few: what lasts longer is asked for again, and held without one. */
static bool wait_for_work(struct post *p, const struct timespec *until, bool *gone)
{
    struct smsr_https *h = p->h;
    int late = 0;
    (void)pthread_mutex_lock(&h->lock);
    const bool may = h->waiting < h->waiters;
    h->waiting++;
    while (may && !late && !h->stop && !p->s->called && p->s->turn == p->turn) {
        late = pthread_cond_timedwait(&p->s->changed, &h->lock, until);
    }
    h->waiting--;
    *gone = p->s->turn != p->turn;
    const bool again = p->s->called && !h->stop && !*gone;
    (void)pthread_mutex_unlock(&h->lock);
    return again;
}

/* A script, now or within a moment. */
static cr_status find_work(struct post *p, bool *gone, struct cr_err *err)
{
    const int64_t most = smsr_policy_of(p->h->sr)->hold_ms;
    const int64_t ms = most < MOMENT_MS ? most : MOMENT_MS;
    struct timespec until;
    *gone = false;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    do {
        (void)pthread_mutex_lock(&p->h->lock);
        p->s->called = false;
        (void)pthread_mutex_unlock(&p->h->lock);
        CR_TRY(store_run(smsr_store(p->h->sr), take_work, p, err));
    } while (!p->found && p->s->more && p->waits && wait_for_work(p, &until, gone));
    return CR_OK;
}

static cr_status give_work(struct post *p, struct ota_admin_work *work, bool *gone,
                           struct cr_err *err)
{
    struct smsr_session *s = p->s;
    *work = (struct ota_admin_work){.kind = OTA_ADMIN_END};
    if (s->over) { /* the eUICC switches when the channel is closed */
        return CR_OK;
    }
    CR_TRY(find_work(p, gone, err));
    if (p->found) {
        s->script = p->given.id;
        work->kind = OTA_ADMIN_SCRIPT;
        work->script = cr_buf_span(&p->script);
        work->target = p->target;
    } else if (s->more && cr_now_ms(env_of(p->h)) - s->worked_ms < SMSR_SESSION_END_MS) {
        work->kind = OTA_ADMIN_WAIT;
    }
    return CR_OK;
}

/* What came, into the database. It is kept in the session until that went well. */
static cr_status digest(struct post *p, const struct ota_admin_received *received,
                        struct cr_err *err)
{
    struct smsr_session *s = p->s;
    struct store *store = smsr_store(p->h->sr);
    if (received->event == OTA_ADMIN_RESULT) {
        s->result = received->status;
        cr_buf_reset(&s->body);
        cr_buf_append_span(&s->body, received->script);
        s->has_result = true;
        if (!cr_buf_ok(&s->body)) {
            return cr_fail_memory(err);
        }
    }
    if (s->has_result) {
        CR_TRY(store_run(store, take_result, p, err));
        s->has_result = false;
        s->script = 0;
        s->worked_ms = cr_now_ms(env_of(p->h));
        m2m_poke(smsr_messenger(p->h->sr));
    }
    if (received->event != OTA_ADMIN_FIRST && received->event != OTA_ADMIN_NOTIFY) {
        return CR_OK;
    }
    if (s->script) {
        CR_TRY(store_run(store, lose_script, p, err));
        s->script = 0;
    }
    s->more = s->over = false;
    s->worked_ms = cr_now_ms(env_of(p->h));
    if (received->event == OTA_ADMIN_NOTIFY) {
        p->notification = received->notification;
        CR_TRY(store_run(store, take_notification, p, err));
    }
    m2m_poke(smsr_messenger(p->h->sr));
    return CR_OK;
}

static cr_status answer(struct post *p, const struct ota_admin_received *received,
                        struct http_response *response, struct cr_err *err)
{
    struct ota_admin_work work;
    struct ota_admin_answer out;
    bool gone = false;
    p->waits = received->event == OTA_ADMIN_RESULT;
    cr_status status = digest(p, received, err);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        cr_log(env_of(p->h), CR_LOG_INFO, "a notification is not taken: %s", err->cause);
        work = (struct ota_admin_work){.kind = OTA_ADMIN_END};
    } else {
        CR_TRY(status);
        CR_TRY(give_work(p, &work, &gone, err));
    }
    if (gone) {
        response->status = RETRY_IN; /* to a connection that is dead */
        return CR_OK;
    }
    work.ticket = received->ticket;
    CR_TRY(ota_admin_server_answer(p->s->server, &work, &out, err));
    (void)pthread_mutex_lock(&p->h->lock);
    p->s->dry = work.kind == OTA_ADMIN_WAIT;
    (void)pthread_mutex_unlock(&p->h->lock);
    if (work.kind == OTA_ADMIN_SCRIPT) {
        p->s->more = p->given.more_to_do;
        p->s->over = p->given.is_switch;
    }
    respond(p, &out, response);
    return CR_OK;
}

/* The POST was answered before, with a script: *received is to be answered anew when the eUICC
 * shall not have it any more, or perhaps had it. */
static cr_status look_again(struct post *p, struct ota_admin_received *received, struct cr_err *err)
{
    struct store *store = smsr_store(p->h->sr);
    p->first = received->first;
    CR_TRY(store_run(store, give_again, p, err));
    if (p->found) {
        return CR_OK;
    }
    if (received->first) {
        CR_TRY(store_run(store, lose_script, p, err));
        m2m_poke(smsr_messenger(p->h->sr));
    }
    received->event = OTA_ADMIN_ASK;
    received->ticket = ota_admin_server_withdraw(p->s->server);
    p->s->script = 0;
    p->s->more = p->s->over = false;
    return CR_OK;
}

/* Sessions can be had again: openings that failed before say nothing any more. */
static cr_status has_failed(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct post *p = ctx;
    struct smsr_air air;
    CR_TRY(smsr_air_get(tx, CR_SPAN_ARRAY(p->s->eid), &air, err));
    p->found = air.failed_http[0] != 0;
    return CR_OK;
}

static cr_status forget_failures(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct post *p = ctx;
    struct smsr_air air;
    CR_TRY(smsr_air_get(tx, CR_SPAN_ARRAY(p->s->eid), &air, err));
    air.failed_http[0] = air.failed_http[1] = 0;
    return smsr_air_put(tx, &air, err);
}

/* The first POST on a connection. */
static cr_status on_opened(struct post *p, uint64_t connection, struct cr_err *err)
{
    struct store *store = smsr_store(p->h->sr);
    if (p->s->met && connection == p->s->opened) {
        return CR_OK;
    }
    CR_TRY(store_read(store, has_failed, p, err));
    if (p->found) {
        CR_TRY(store_run(store, forget_failures, p, err));
    }
    if (!p->s->met) {
        CR_TRY(store_read(store, recall, p, err));
    }
    p->s->met = true;
    p->s->opened = connection;
    return CR_OK;
}

static cr_status take_post(struct post *p, const struct http_request *request,
                           struct http_response *response, struct cr_err *err)
{
    const struct ota_admin_post post = ota_admin_post_of(request);
    struct ota_admin_received received;
    CR_TRY(on_opened(p, request->connection, err));
    CR_TRY(ota_admin_server_post(p->s->server, &post, &received, err));
    if (received.event == OTA_ADMIN_REPEATED && ota_admin_server_owes(p->s->server)) {
        CR_TRY(look_again(p, &received, err));
    }
    if (received.event >= OTA_ADMIN_REPEATED) {
        if (received.reason) {
            cr_log(env_of(p->h), CR_LOG_INFO, "administration session: %s", received.reason);
        }
        respond(p, &received.answer, response);
        return CR_OK;
    }
    return answer(p, &received, response, err);
}

void smsr_https_handle(void *ctx, const struct http_request *request,
                       struct http_response *response)
{
    struct ota_psk_identity identity;
    struct cr_err err = {0};
    struct post p = {.h = ctx, .arena = request->arena, .script = {.secret = true}};
    request->arena->secret = true;
    if (!request->psk_identity ||
        ota_psk_identity_read(cr_span_str(request->psk_identity), &identity, &err) != CR_OK) {
        response->status = 403;
        return;
    }
    if (request->ticket) {
        smsr_session_meet(p.h, identity.eid, request->connection);
        response->status = RETRY_IN; /* not sent: what is held is looked at again */
        response->outcome = smsr_session_hold(p.h, identity.eid, request) ? HTTP_HOLD : HTTP_WORKER;
        return;
    }
    cr_status status = CR_RESOURCE;
    p.s = smsr_session_enter(p.h, identity.eid, &p.turn, &err);
    if (p.s) {
        status = take_post(&p, request, response, &err);
        smsr_session_leave(p.h, p.s);
    }
    if (status != CR_OK) {
        cr_log(env_of(p.h), CR_LOG_ERROR, "administration session: %s", err.cause);
        response->status = RETRY_IN;
    }
    cr_buf_free(&p.script);
}
