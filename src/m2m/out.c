/*
 * What goes out: letters in lanes, and the requests of ours that wait for an answer.
 */
#include "base/text.h"
#include "m2m/internal.h"

#include <inttypes.h>
#include <stdio.h>

#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS   ((int64_t)15 * 60 * 1000)

/* ---- writing -----------------------------------------------------------------------------------
 */

cr_status m2m_address(struct m2m *m2m, const struct m2m_party *to, const char *url,
                      cr_span transaction_id, cr_span context_id, cr_arena *arena,
                      struct soap_header *out, struct cr_err *err)
{
    const struct m2m_parties *parties = m2m->options.parties;
    *out = (struct soap_header){
        .from = {.uri = cr_span_str(parties->address),
                 .entity_id = cr_span_str(parties->oid),
                 .entity_name = cr_span_str(parties->name)},
        .to = {.uri = cr_span_str(url), .entity_id = cr_span_str(to->oid)},
        .transaction_id = transaction_id,
        .context_id = context_id,
    };
    return soap_new_message_id(m2m->options.env, out->from.entity_id, transaction_id, context_id,
                               arena, &out->message_id, err);
}

/* What is about one eUICC goes to one party in order. Answers have a lane of their own, for each
 * address: whoever waits for one must not wait for a notification that nobody takes, nor for the
 * answer to somebody who is gone. */
static const char *lane_of(const struct m2m_letter *letter, cr_arena *arena)
{
    char *eid = letter->eid.p ? cr_hex(arena, letter->eid) : NULL;
    const bool answer = letter->message->kind == SOAP_RESPONSE;
    return cr_arena_printf(arena, "%s %s%s%s", letter->to->oid, eid ? eid : "-",
                           answer ? " answers " : "", answer ? letter->url : "");
}

cr_status m2m_put_out(struct m2m *m2m, struct store_tx *tx, const struct m2m_letter *letter,
                      cr_arena *arena, struct cr_err *err)
{
    cr_buf body = {0}, action = {0};
    const char *lane = lane_of(letter, arena);
    const struct soap_dialect *dialect = &letter->to->dialect;
    int64_t now = cr_now_ms(m2m->options.env);
    soap_action(letter->message->function, letter->message->kind, dialect, &action);
    cr_status status = lane && cr_buf_cstr(&action) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = soap_build(letter->message, dialect, &body, err);
    }
    if (status == CR_OK) {
        status = store_exec(
            tx,
            "INSERT INTO letter(lane, peer, url, action, body, asked, created_ms, next_ms,"
            " give_up_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
            STORE_VALUES(STORE_T(lane), STORE_T(letter->to->oid), STORE_T(letter->url),
                         STORE_S(cr_buf_span(&action)), STORE_B(cr_buf_span(&body)),
                         STORE_I(letter->asked), STORE_I(now), STORE_I(now),
                         STORE_I(letter->give_up_ms)),
            NULL, NULL, NULL, err);
    }
    cr_buf_free(&body);
    cr_buf_free(&action);
    return status;
}

static cr_status no_address(const struct m2m_party *to, const struct soap_function *f,
                            struct cr_err *err)
{
    return cr_err_next(err,
                       cr_refuse(err, "1.4", "5.1", NULL, "%s has no address for %s", to->name,
                                 soap_interface_name(f->interface)),
                       "Add url = https://... to [party %s] of the configuration.", to->name);
}

static cr_status take_id(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

cr_status m2m_ask(struct m2m *m2m, struct store_tx *tx, const struct m2m_request *request,
                  struct cr_err *err)
{
    const struct soap_function *f = request->function;
    const char *url = m2m_party_url(request->to, f->interface);
    int64_t now = cr_now_ms(m2m->options.env), asked = 0;
    if (!url) {
        return no_address(request->to, f, err);
    }
    if (request->deadline_ms <= now) {
        return cr_refuse(err, "1.6", "5.3", "SGP.02 annex A", "the time of the procedure is over");
    }
    cr_arena arena = {0};
    struct soap_message m = {.kind = SOAP_REQUEST, .function = f, .body = *request->body};
    cr_span transaction = request->transaction_id;
    cr_status status = CR_OK;
    if (!transaction.p) {
        status = soap_new_uuid(m2m->options.env, &arena, &transaction, err);
    }
    if (status == CR_OK) {
        status = m2m_address(m2m, request->to, url, transaction, request->context_id, &arena,
                             &m.header, err);
    }
    if (status == CR_OK) {
        /* All answers may be called back: a peer that can answer at once does so all the same. */
        if (f->pattern == SOAP_ASYNC) {
            m.header.reply = SOAP_REPLY_CALLBACK;
            m.header.reply_to = m.header.from;
            m.header.reply_to.entity_name = (cr_span){0};
        }
        m.body.has_validity_period = true;
        m.body.validity_period = (request->deadline_ms - now + 999) / 1000;
        if (!m.body.function_call_identifier.p) {
            m.body.function_call_identifier = soap_message_id_base(m.header.message_id);
        }
        status = store_exec(
            tx,
            "INSERT INTO asked(message_id, transaction_id, peer, function, context, deadline_ms)"
            " VALUES(?, ?, ?, ?, ?, ?) RETURNING id",
            STORE_VALUES(STORE_S(soap_message_id_base(m.header.message_id)), STORE_S(transaction),
                         STORE_T(request->to->oid), STORE_I(f->number), STORE_T(request->context),
                         STORE_I(request->deadline_ms + M2M_PATIENCE_MS)),
            take_id, &asked, NULL, err);
    }
    if (status == CR_OK) {
        struct m2m_letter letter = {.to = request->to,
                                    .url = url,
                                    .eid = request->body->eid,
                                    .message = &m,
                                    .give_up_ms = request->deadline_ms,
                                    .asked = asked};
        status = m2m_put_out(m2m, tx, &letter, &arena, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status m2m_notify(struct m2m *m2m, struct store_tx *tx, const struct m2m_party *to,
                     const struct soap_function *function, const struct soap_body *body,
                     struct cr_err *err)
{
    const char *url = m2m_party_url(to, function->interface);
    if (!url) {
        return no_address(to, function, err);
    }
    cr_arena arena = {0};
    struct soap_message m = {.kind = SOAP_NOTICE, .function = function, .body = *body};
    cr_status status =
        m2m_address(m2m, to, url, (cr_span){0}, (cr_span){0}, &arena, &m.header, err);
    if (status == CR_OK) {
        cr_span eid = body->eid.p ? body->eid : body->eis.signed_info.eid;
        struct m2m_letter letter = {.to = to,
                                    .url = url,
                                    .eid = eid,
                                    .message = &m,
                                    .give_up_ms = cr_now_ms(m2m->options.env) + M2M_NOTIFY_MS};
        status = m2m_put_out(m2m, tx, &letter, &arena, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- what is due -------------------------------------------------------------------------------
 */

struct look {
    int64_t now_ms;
    cr_arena *arena;
    const char **lanes;
    size_t count;
};

static cr_status take_lane(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    const char *name = store_text(row, 0, look->arena);
    look->lanes[look->count++] = name;
    return name ? CR_OK : cr_fail_memory(err);
}

/* Walks from lane to lane, however many letters lie behind one that cannot be delivered. */
static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    look->count = 0;
    return store_exec(tx,
                      "WITH RECURSIVE lanes(name) AS (SELECT min(lane) FROM letter UNION ALL"
                      " SELECT (SELECT min(lane) FROM letter WHERE lane > name) FROM lanes"
                      " WHERE name IS NOT NULL)"
                      " SELECT name FROM (SELECT name,"
                      " (SELECT min(id) FROM letter WHERE lane = name) AS first,"
                      " (SELECT next_ms FROM letter WHERE lane = name ORDER BY id LIMIT 1) AS due"
                      " FROM lanes WHERE name IS NOT NULL)"
                      " WHERE due <= ? ORDER BY due, first LIMIT 64",
                      STORE_VALUES(STORE_I(look->now_ms)), take_lane, look, NULL, err);
}

cr_status m2m_due(struct m2m *m2m, cr_arena *arena, const char *lanes[M2M_MAX_LANES], size_t *count,
                  struct cr_err *err)
{
    struct look look = {.now_ms = cr_now_ms(m2m->options.env), .arena = arena, .lanes = lanes};
    CR_TRY(store_read(m2m->options.store, look_work, &look, err));
    *count = look.count;
    return CR_OK;
}

struct taking {
    struct m2m *m2m;
    const char *lane;
    cr_arena *arena;
    struct m2m_parcel *out;
    bool found;
};

static cr_status take_parcel(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct taking *t = ctx;
    t->found = true;
    t->out->id = store_int(row, 0);
    t->out->url = store_text(row, 1, t->arena);
    t->out->action = store_text(row, 2, t->arena);
    t->out->body = cr_arena_copy(t->arena, store_bytes(row, 3));
    t->out->to = m2m_party_by_oid(t->m2m->options.parties, store_bytes(row, 4));
    return t->out->url && t->out->action && t->out->body.p ? CR_OK : cr_fail_memory(err);
}

static cr_status take_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct taking *t = ctx;
    t->found = false;
    return store_exec(tx,
                      "SELECT id, url, action, body, peer FROM (SELECT * FROM letter WHERE lane = ?"
                      " ORDER BY id LIMIT 1) WHERE next_ms <= ?",
                      STORE_VALUES(STORE_T(t->lane), STORE_I(cr_now_ms(t->m2m->options.env))),
                      take_parcel, t, NULL, err);
}

cr_status m2m_take(struct m2m *m2m, const char *lane, cr_arena *arena, struct m2m_parcel *out,
                   bool *found, struct cr_err *err)
{
    struct taking t = {.m2m = m2m, .lane = lane, .arena = arena, .out = out};
    CR_TRY(store_read(m2m->options.store, take_work, &t, err));
    *found = t.found;
    return CR_OK;
}

/* ---- how it went -------------------------------------------------------------------------------
 */

struct result {
    struct m2m *m2m;
    int64_t id;
    int http_status;
    cr_span response;
    const char *cause;
    cr_arena *arena;
    /* Of the letter. */
    bool found;
    int64_t attempts, give_up_ms, asked;
    const struct m2m_party *peer;
};

static cr_status take_letter(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct result *r = ctx;
    (void)err;
    r->found = true;
    r->attempts = store_int(row, 0);
    r->give_up_ms = store_int(row, 1);
    r->asked = store_int(row, 2);
    r->peer = m2m_party_by_oid(r->m2m->options.parties, store_bytes(row, 3));
    return CR_OK;
}

static cr_status forget_letter(struct store_tx *tx, int64_t id, struct cr_err *err)
{
    return store_exec(tx, "DELETE FROM letter WHERE id = ?", STORE_VALUES(STORE_I(id)), NULL, NULL,
                      NULL, err);
}

/* An own request that will get no answer: the party hears of it as of a failed one. */
static cr_status fail_asked(struct result *r, struct store_tx *tx, const char *subject,
                            const char *reason, const char *cause, struct cr_err *err);

static cr_status again_later(struct result *r, struct store_tx *tx, struct cr_err *err)
{
    int64_t now = cr_now_ms(r->m2m->options.env);
    int64_t delay = FIRST_DELAY_MS << (r->attempts < 10 ? r->attempts : 10);
    delay = delay > MAX_DELAY_MS ? MAX_DELAY_MS : delay;
    if (now + delay >= r->give_up_ms) {
        CR_TRY(forget_letter(tx, r->id, err));
        return r->asked ? fail_asked(r, tx, "8.7", "5.1", r->cause, err) : CR_OK;
    }
    return store_exec(tx,
                      "UPDATE letter SET attempts = attempts + 1, next_ms = ?, last_error = ?"
                      " WHERE id = ?",
                      STORE_VALUES(STORE_I(now + delay), STORE_T(r->cause), STORE_I(r->id)), NULL,
                      NULL, NULL, err);
}

/* The body of a 200: the answer itself, for a request of ours. */
static cr_status answer_here(struct result *r, struct store_tx *tx, struct cr_err *err)
{
    struct soap_message m;
    struct cr_err parse_err = {0};
    bool known = false;
    if (soap_parse(r->response, r->arena, &m, &parse_err) != CR_OK) {
        return fail_asked(r, tx, "1.3.1", "2.1", parse_err.cause, err);
    }
    if (m.kind == SOAP_EMPTY) {
        return CR_OK; /* accepted: called back later */
    }
    if (m.kind == SOAP_RESPONSE) {
        CR_TRY(m2m_take_answer(r->m2m, tx, r->arena, r->peer, &m, &known, err));
    }
    return known ? CR_OK
                 : fail_asked(r, tx, "1.3.1", "2.1", "it answered with another message", err);
}

static cr_status delivered_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct result *r = ctx;
    r->found = false;
    CR_TRY(store_exec(tx, "SELECT attempts, give_up_ms, asked, peer FROM letter WHERE id = ?",
                      STORE_VALUES(STORE_I(r->id)), take_letter, r, NULL, err));
    if (!r->found) {
        return CR_OK; /* another process was quicker */
    }
    if (r->http_status == 0 || r->http_status == 408 || r->http_status == 429 ||
        r->http_status >= 500) {
        return again_later(r, tx, err);
    }
    CR_TRY(forget_letter(tx, r->id, err));
    if (!r->asked) {
        return CR_OK; /* taken, or refused for good: said in the log by the service */
    }
    if (r->http_status / 100 != 2) {
        char cause[64];
        (void)snprintf(cause, sizeof cause, "refused with HTTP status %d", r->http_status);
        return fail_asked(r, tx, "1.6", "1.2", cause, err);
    }
    return answer_here(r, tx, err);
}

cr_status m2m_delivered(struct m2m *m2m, int64_t id, int http_status, cr_span response,
                        const char *cause, struct cr_err *err)
{
    cr_arena arena = {0};
    struct result r = {.m2m = m2m,
                       .id = id,
                       .http_status = http_status,
                       .response = response,
                       .cause = cause ? cause : "",
                       .arena = &arena};
    cr_status status = store_run(m2m->options.store, delivered_work, &r, err);
    cr_arena_free(&arena);
    if (status == CR_OK) {
        m2m_poke(m2m);
    }
    return status;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

struct waiting {
    bool found;
    int64_t id;
    const struct soap_function *function;
    const char *context, *peer;
    cr_arena *arena;
};

static cr_status take_waiting(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct waiting *w = ctx;
    int64_t number = store_int(row, 1);
    w->found = true;
    w->id = store_int(row, 0);
    w->function = number >= 1 && number <= SOAP_FUNCTIONS ? &soap_functions[number - 1] : NULL;
    w->context = store_text(row, 2, w->arena);
    w->peer = store_text(row, 3, w->arena);
    return w->function && w->context && w->peer ? CR_OK : cr_fail_memory(err);
}

static cr_status tell(struct m2m *m2m, struct store_tx *tx, const struct waiting *w,
                      const struct soap_body *body, bool none, struct cr_err *err)
{
    CR_TRY(store_exec(tx, "DELETE FROM asked WHERE id = ?", STORE_VALUES(STORE_I(w->id)), NULL,
                      NULL, NULL, err));
    struct m2m_answered answered = {.m2m = m2m,
                                    .tx = tx,
                                    .arena = w->arena,
                                    .function = w->function,
                                    .peer = cr_span_str(w->peer),
                                    .context = w->context,
                                    .now_ms = cr_now_ms(m2m->options.env),
                                    .body = body,
                                    .none = none};
    return m2m->options.answered ? m2m->options.answered(m2m->options.ctx, &answered, err) : CR_OK;
}

static cr_status tell_failure(struct m2m *m2m, struct store_tx *tx, const struct waiting *w,
                              const char *subject, const char *reason, const char *cause,
                              struct cr_err *err)
{
    struct cr_err why = {0};
    struct soap_body body = {.has_status = true};
    (void)cr_refuse(&why, subject, reason, NULL, "%s", cause);
    soap_status_from_err(&why, w->arena, &body.status);
    return tell(m2m, tx, w, &body, true, err);
}

static cr_status fail_asked(struct result *r, struct store_tx *tx, const char *subject,
                            const char *reason, const char *cause, struct cr_err *err)
{
    struct waiting w = {.arena = r->arena};
    CR_TRY(store_exec(tx, "SELECT id, function, context, peer FROM asked WHERE id = ?",
                      STORE_VALUES(STORE_I(r->asked)), take_waiting, &w, NULL, err));
    return w.found ? tell_failure(r->m2m, tx, &w, subject, reason, cause, err) : CR_OK;
}

cr_status m2m_take_answer(struct m2m *m2m, struct store_tx *tx, cr_arena *arena,
                          const struct m2m_party *peer, const struct soap_message *answer,
                          bool *known, struct cr_err *err)
{
    struct waiting w = {.arena = arena};
    const struct soap_header *h = &answer->header;
    *known = false;
    if (!peer) {
        return CR_OK;
    }
    if (h->relates_to.p) {
        CR_TRY(store_exec(
            tx,
            "SELECT id, function, context, peer FROM asked WHERE message_id = ? AND peer = ?"
            " AND function = ?",
            STORE_VALUES(STORE_S(soap_message_id_base(h->relates_to)), STORE_T(peer->oid),
                         STORE_I(answer->function->number)),
            take_waiting, &w, NULL, err));
    } else if (h->transaction_id.p) {
        /* Callbacks without RelatesTo have been seen; the only open request is meant. */
        CR_TRY(store_exec(
            tx,
            "SELECT id, function, context, peer FROM asked WHERE transaction_id = ?1 AND peer = ?2"
            " AND function = ?3 AND 1 = (SELECT count(*) FROM asked WHERE transaction_id = ?1"
            " AND peer = ?2 AND function = ?3)",
            STORE_VALUES(STORE_S(h->transaction_id), STORE_T(peer->oid),
                         STORE_I(answer->function->number)),
            take_waiting, &w, NULL, err));
    }
    if (!w.found) {
        return CR_OK;
    }
    *known = true;
    /* A letter that is still there was taken, as its answer shows. */
    CR_TRY(store_exec(tx, "DELETE FROM letter WHERE asked = ?", STORE_VALUES(STORE_I(w.id)), NULL,
                      NULL, NULL, err));
    return tell(m2m, tx, &w, &answer->body, false, err);
}

/* ---- time --------------------------------------------------------------------------------------
 */

#define MAX_EXPIRED 64 /* in one transaction */

struct ticking {
    struct m2m *m2m;
    int64_t now_ms, limit;
    cr_arena *arena;
    struct waiting expired[MAX_EXPIRED];
    size_t count;
};

static cr_status take_expired(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct ticking *t = ctx;
    struct waiting *w = &t->expired[t->count++];
    *w = (struct waiting){.arena = t->arena};
    return take_waiting(row, w, err);
}

static cr_status tick_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct ticking *t = ctx;
    t->count = 0;
    CR_TRY(store_exec(tx,
                      "SELECT id, function, context, peer FROM asked WHERE deadline_ms <= ?"
                      " ORDER BY deadline_ms LIMIT 64",
                      STORE_VALUES(STORE_I(t->now_ms)), take_expired, t, NULL, err));
    for (size_t i = 0; i < t->count; i++) {
        CR_TRY(store_exec(tx, "DELETE FROM letter WHERE asked = ?",
                          STORE_VALUES(STORE_I(t->expired[i].id)), NULL, NULL, NULL, err));
        CR_TRY(tell_failure(t->m2m, tx, &t->expired[i], "1.6", "5.3", "no answer in time", err));
    }
    return store_exec(tx,
                      "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE state = 1 AND"
                      " done_ms < ? LIMIT ?)",
                      STORE_VALUES(STORE_I(t->now_ms - M2M_KEEP_MS), STORE_I(t->limit)), NULL, NULL,
                      NULL, err);
}

cr_status m2m_tick(struct m2m *m2m, int64_t limit, struct cr_err *err)
{
    cr_arena arena = {0};
    struct ticking t = {
        .m2m = m2m, .now_ms = cr_now_ms(m2m->options.env), .limit = limit, .arena = &arena};
    cr_status status = store_run(m2m->options.store, tick_work, &t, err);
    bool told = status == CR_OK && t.count > 0;
    cr_arena_free(&arena);
    if (told) {
        m2m_poke(m2m);
    }
    return status;
}
