/*
 * What comes in: requests and notifications for the party's handlers, polls, answers called back.
 */
#include "base/text.h"
#include "m2m/internal.h"

#include <stdlib.h>

cr_status m2m_new(const struct m2m_options *options, struct m2m **out, struct cr_err *err)
{
    struct m2m *m2m = calloc(1, sizeof *m2m);
    if (!m2m) {
        return cr_fail_memory(err);
    }
    m2m->options = *options;
    (void)pthread_mutex_init(&m2m->lock, NULL);
    *out = m2m;
    return CR_OK;
}

void m2m_free(struct m2m *m2m)
{
    if (m2m) {
        (void)pthread_mutex_destroy(&m2m->lock);
        free(m2m);
    }
}

const struct m2m_parties *m2m_parties_of(const struct m2m *m2m)
{
    return m2m->options.parties;
}

const cr_env *m2m_env(const struct m2m *m2m)
{
    return m2m->options.env;
}

struct store *m2m_store(const struct m2m *m2m)
{
    return m2m->options.store;
}

void m2m_poke(struct m2m *m2m)
{
    if (m2m->options.committed) {
        m2m->options.committed(m2m->options.ctx);
    }
    (void)pthread_mutex_lock(&m2m->lock);
    if (m2m->changed) {
        m2m->changed(m2m->changed_ctx);
    }
    (void)pthread_mutex_unlock(&m2m->lock);
}

void m2m_on_change(struct m2m *m2m, void (*changed)(void *ctx), void *ctx)
{
    (void)pthread_mutex_lock(&m2m->lock);
    m2m->changed = changed;
    m2m->changed_ctx = ctx;
    (void)pthread_mutex_unlock(&m2m->lock);
}

/* ---- a request's row ---------------------------------------------------------------------------
 */

struct incoming {
    struct m2m *m2m;
    const struct m2m_party *peer;
    const struct soap_message *message;
    cr_arena *arena;
    int64_t now_ms;
    /* What the message itself is refused for: answered, nothing executed. CR_OK = execute it. */
    cr_status refused;
    struct cr_err why;

    /* Who asks for the same under the same FunctionCallIdentifier once more. */
    bool has_call;
    uint8_t digest[M2M_DIGEST];

    bool taken; /* MessageID: by another request */

    /* Of its row, whether it is new or was there. */
    bool there;
    int64_t id, reply, state;
    cr_span answer;
    bool same; /* of the row that find_call() found: it asks for the same */
};

static cr_status take_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    in->there = true;
    in->id = store_int(row, 0);
    in->reply = store_int(row, 1);
    in->state = store_int(row, 2);
    in->answer = cr_arena_copy(in->arena, store_bytes(row, 3));
    return in->answer.p || store_is_null(row, 3) ? CR_OK : cr_fail_memory(err);
}

static cr_status find_row(struct incoming *in, struct store_tx *tx, struct cr_err *err)
{
    in->there = false;
    in->answer = (cr_span){0};
    return store_exec(tx,
                      "SELECT id, reply, state, answer FROM inbox WHERE sender = ? AND"
                      " message_id = ?",
                      STORE_VALUES(STORE_T(in->peer->oid), STORE_S(in->message->header.message_id)),
                      take_row, in, NULL, err);
}

static cr_status take_call(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    in->same = cr_span_equal(store_bytes(row, 4), CR_SPAN_ARRAY(in->digest));
    return take_row(row, ctx, err);
}

/* The call that this message repeats, under another MessageID. */
static cr_status find_call(struct incoming *in, struct store_tx *tx, struct cr_err *err)
{
    in->there = false;
    if (!in->has_call) {
        return CR_OK;
    }
    return store_exec(
        tx,
        "SELECT id, reply, state, answer, digest FROM inbox WHERE sender = ? AND"
        " call = ? ORDER BY id DESC LIMIT 1",
        STORE_VALUES(STORE_T(in->peer->oid), STORE_S(in->message->body.function_call_identifier)),
        take_call, in, NULL, err);
}

static int64_t deadline_of(const struct incoming *in)
{
    const struct soap_body *body = &in->message->body;
    int64_t seconds =
        body->has_validity_period ? body->validity_period : in->message->function->validity;
    return in->now_ms + seconds * 1000;
}

/* Where the answer goes: URL of a callback, or poll address. */
static cr_span reply_address(const struct soap_header *h)
{
    return h->reply == SOAP_REPLY_POLL       ? h->poll_address
           : h->reply == SOAP_REPLY_CALLBACK ? h->reply_to.uri
                                             : cr_span_str("");
}

static cr_status insert_row(struct incoming *in, struct store_tx *tx, struct cr_err *err)
{
    const struct soap_header *h = &in->message->header;
    return store_exec(
        tx,
        "INSERT INTO inbox(sender, message_id, function, received_ms, deadline_ms, reply, reply_to,"
        " reply_entity, transaction_id, eid, call, digest, state)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
        " RETURNING id, reply, state, answer",
        STORE_VALUES(
            STORE_T(in->peer->oid), STORE_S(h->message_id), STORE_I(in->message->function->number),
            STORE_I(in->now_ms), STORE_I(deadline_of(in)), STORE_I(h->reply),
            STORE_S(reply_address(h)), STORE_S(h->reply_to.entity_id), STORE_S(h->transaction_id),
            STORE_B(in->message->body.eid),
            STORE_S(in->has_call ? in->message->body.function_call_identifier : (cr_span){0}),
            STORE_B(in->has_call ? CR_SPAN_ARRAY(in->digest) : (cr_span){0})),
        take_row, in, NULL, err);
}

/* ---- answering ---------------------------------------------------------------------------------
 */

struct answering {
    struct m2m *m2m;
    int64_t id;
    cr_arena *arena;
    const struct soap_body *body;
    /* Of the row. */
    bool there;
    int64_t state, reply, received_ms, deadline_ms;
    const struct soap_function *function;
    const struct m2m_party *peer;
    const char *reply_to, *reply_entity, *transaction_id, *message_id;
    cr_span eid;
    cr_span envelope; /* out */
};

static cr_status take_answering(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct answering *a = ctx;
    int64_t number = store_int(row, 1);
    a->there = true;
    a->state = store_int(row, 0);
    a->function = number >= 1 && number <= SOAP_FUNCTIONS ? &soap_functions[number - 1] : NULL;
    a->reply = store_int(row, 2);
    a->reply_to = store_text(row, 3, a->arena);
    a->reply_entity = store_text(row, 4, a->arena);
    a->transaction_id = store_text(row, 5, a->arena);
    a->message_id = store_text(row, 6, a->arena);
    a->received_ms = store_int(row, 7);
    a->deadline_ms = store_int(row, 8);
    a->eid = cr_arena_copy(a->arena, store_bytes(row, 9));
    a->peer = m2m_party_by_oid(a->m2m->options.parties, store_bytes(row, 10));
    return a->function && a->message_id ? CR_OK : cr_fail_memory(err);
}

/* A URL of a callback comes from the requester; it is one that we would call anyway. */
static bool acceptable_callback(const char *url)
{
    return strncmp(url, "https://", 8) == 0 || strncmp(url, "http://127.", 11) == 0;
}

static cr_status post_answer(struct answering *a, struct store_tx *tx, const struct soap_message *m,
                             struct cr_err *err)
{
    if (!a->peer || !acceptable_callback(a->reply_to)) {
        return CR_OK; /* nobody to tell: the row keeps the answer */
    }
    struct m2m_letter letter = {.to = a->peer,
                                .url = a->reply_to,
                                .eid = a->eid.n ? a->eid : (cr_span){0},
                                .message = m,
                                .give_up_ms = a->deadline_ms + M2M_GRACE_MS};
    return m2m_put_out(a->m2m, tx, &letter, a->arena, err);
}

static cr_status load_answering(struct answering *a, struct store_tx *tx, struct cr_err *err)
{
    a->there = false;
    return store_exec(tx,
                      "SELECT state, function, reply, reply_to, reply_entity, transaction_id,"
                      " message_id, received_ms, deadline_ms, eid, sender FROM inbox WHERE id = ?",
                      STORE_VALUES(STORE_I(a->id)), take_answering, a, NULL, err);
}

static cr_status address_answer(const struct answering *a, struct soap_header *out,
                                struct cr_err *err)
{
    const struct m2m_party unknown = {.oid = "", .name = ""};
    const struct m2m_party *to = a->peer ? a->peer : &unknown;
    CR_TRY(m2m_address(a->m2m, to, a->reply_to ? a->reply_to : "", cr_span_str(a->transaction_id),
                       (cr_span){0}, a->arena, out, err));
    out->relates_to = cr_span_str(a->message_id);
    out->to.entity_id = cr_span_str(a->reply_entity ? a->reply_entity : to->oid);
    if (a->reply != SOAP_REPLY_CALLBACK) {
        out->to = out->from = (struct soap_end){0}; /* the connection says it */
    }
    return CR_OK;
}

static cr_status write_answer(struct answering *a, const struct soap_message *m, struct cr_err *err)
{
    cr_buf envelope = {0};
    cr_status status = soap_build(m, a->peer ? &a->peer->dialect : NULL, &envelope, err);
    if (status == CR_OK) {
        a->envelope = cr_arena_copy(a->arena, cr_buf_span(&envelope));
        status = a->envelope.p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&envelope);
    return status;
}

static cr_status answer_work(struct answering *a, struct store_tx *tx, struct cr_err *err)
{
    int64_t now = cr_now_ms(a->m2m->options.env);
    CR_TRY(load_answering(a, tx, err));
    if (!a->there || a->state != M2M_OPEN) {
        return cr_err_code(err, cr_fail(err, CR_REFUSED, NULL, "the request has an answer already"),
                           M2M_ANSWERED);
    }
    struct soap_message m = {.kind = SOAP_RESPONSE, .function = a->function, .body = *a->body};
    CR_TRY(address_answer(a, &m.header, err));
    m.body.has_processing_start = m.body.has_processing_end = true;
    m.body.processing_start = a->received_ms;
    m.body.processing_end = now;
    if (!m.body.has_status) {
        m.body.has_status = true;
        m.body.status = (struct soap_status){.status = SOAP_EXECUTED_SUCCESS};
    }
    CR_TRY(write_answer(a, &m, err));
    CR_TRY(store_exec(tx, "UPDATE inbox SET state = 1, answer = ?, done_ms = ? WHERE id = ?",
                      STORE_VALUES(STORE_B(a->envelope), STORE_I(now), STORE_I(a->id)), NULL, NULL,
                      NULL, err));
    return a->reply == SOAP_REPLY_CALLBACK ? post_answer(a, tx, &m, err) : CR_OK;
}

cr_status m2m_answer(struct m2m *m2m, struct store_tx *tx, int64_t id,
                     const struct soap_body *response, struct cr_err *err)
{
    cr_arena arena = {0};
    struct answering a = {.m2m = m2m, .id = id, .arena = &arena, .body = response};
    cr_status status = answer_work(&a, tx, err);
    cr_arena_free(&arena);
    return status;
}

/* ---- executing ---------------------------------------------------------------------------------
 */

/* The function must be offered, to the role of the caller. */
static cr_status admit(const struct incoming *in, const struct m2m_row **row, struct cr_err *err)
{
    const struct soap_function *f = in->message->function;
    for (const struct m2m_row *r = in->m2m->options.rows; r->interface; r++) {
        if (r->interface == f->interface && r->name == f->id) {
            *row = r;
            if (!(in->peer->roles & f->callers)) {
                return cr_refuse(err, "1.6", "1.2", "SGP.02 5.7", "%s is not for the role of %s",
                                 f->name, in->peer->name);
            }
            return CR_OK;
        }
    }
    return cr_refuse(err, "1.6", "3.1", NULL, "%s-%s is not offered here",
                     soap_interface_name(f->interface), f->name);
}

static cr_status execute(struct incoming *in, struct store_tx *tx, const struct m2m_row *row,
                         struct soap_body *response, bool *later, struct cr_err *err)
{
    bool notice = in->message->kind == SOAP_NOTICE;
    struct m2m_call call = {.m2m = in->m2m,
                            .tx = tx,
                            .arena = in->arena,
                            .caller = in->peer,
                            .function = in->message->function,
                            .header = &in->message->header,
                            .id = in->id,
                            .now_ms = in->now_ms,
                            .deadline_ms = deadline_of(in)};
    CR_TRY(row->handler(in->m2m->options.ctx, &call, &in->message->body, notice ? NULL : response,
                        err));
    *later = call.later && !notice;
    return CR_OK;
}

static cr_status end_row(struct incoming *in, struct store_tx *tx, const struct soap_body *response,
                         struct cr_err *err)
{
    struct answering a = {.m2m = in->m2m, .id = in->id, .arena = in->arena, .body = response};
    CR_TRY(answer_work(&a, tx, err));
    in->state = M2M_DONE;
    in->answer = a.envelope;
    return CR_OK;
}

/* A copy of a request that is known: its sender lost the answer, or was started anew at another
 * address. The answer goes where the last copy says, also once more. */
static cr_status take_copy(struct incoming *in, struct store_tx *tx, struct cr_err *err)
{
    const struct soap_header *h = &in->message->header;
    struct answering a = {.m2m = in->m2m, .id = in->id, .arena = in->arena};
    struct soap_message m;
    CR_TRY(load_answering(&a, tx, err));
    in->taken = a.function != in->message->function;
    if (in->taken) {
        return CR_OK;
    }
    CR_TRY(store_exec(tx, "UPDATE inbox SET reply = ?, reply_to = ?, reply_entity = ? WHERE id = ?",
                      STORE_VALUES(STORE_I(h->reply), STORE_S(reply_address(h)),
                                   STORE_S(h->reply_to.entity_id), STORE_I(in->id)),
                      NULL, NULL, NULL, err));
    in->reply = h->reply;
    if (in->state != M2M_DONE || h->reply != SOAP_REPLY_CALLBACK) {
        return CR_OK;
    }
    CR_TRY(load_answering(&a, tx, err));
    CR_TRY(soap_parse(in->answer, in->arena, &m, err));
    CR_TRY(address_answer(&a, &m.header, err));
    return post_answer(&a, tx, &m, err);
}

/* The same call under another MessageID (off-card 7.14): the answer, the one that was given too, is
 * that of the new message now. */
static cr_status take_repetition(struct incoming *in, struct store_tx *tx, struct cr_err *err)
{
    const struct soap_header *h = &in->message->header;
    struct answering a = {.m2m = in->m2m, .id = in->id, .arena = in->arena};
    struct soap_message m;
    CR_TRY(store_exec(
        tx, "UPDATE inbox SET message_id = ?, transaction_id = ? WHERE id = ?",
        STORE_VALUES(STORE_S(h->message_id), STORE_S(h->transaction_id), STORE_I(in->id)), NULL,
        NULL, NULL, err));
    if (in->state == M2M_DONE) {
        CR_TRY(store_exec(tx,
                          "UPDATE inbox SET reply = ?, reply_to = ?, reply_entity = ?"
                          " WHERE id = ?",
                          STORE_VALUES(STORE_I(h->reply), STORE_S(reply_address(h)),
                                       STORE_S(h->reply_to.entity_id), STORE_I(in->id)),
                          NULL, NULL, NULL, err));
        CR_TRY(load_answering(&a, tx, err));
        CR_TRY(soap_parse(in->answer, in->arena, &m, err));
        CR_TRY(address_answer(&a, &m.header, err));
        CR_TRY(write_answer(&a, &m, err));
        in->answer = a.envelope;
        CR_TRY(store_exec(tx, "UPDATE inbox SET answer = ? WHERE id = ?",
                          STORE_VALUES(STORE_B(in->answer), STORE_I(in->id)), NULL, NULL, NULL,
                          err));
    }
    return take_copy(in, tx, err);
}

/* A call whose time ran out is not settled: asked again, it is executed again. */
static cr_status ran_out(const struct incoming *in, bool *out, struct cr_err *err)
{
    struct soap_message m;
    *out = false;
    if (in->state != M2M_DONE) {
        return CR_OK;
    }
    CR_TRY(soap_parse(in->answer, in->arena, &m, err));
    *out = m.body.has_status && m.body.status.status == SOAP_EXPIRED;
    return CR_OK;
}

/* *done: it is a repetition, and has what it is due. */
static cr_status repeated(struct incoming *in, struct store_tx *tx, bool *done, struct cr_err *err)
{
    bool again;
    *done = false;
    CR_TRY(find_call(in, tx, err));
    if (!in->there) {
        return CR_OK;
    }
    if (!in->same) {
        in->has_call = false; /* the identifier stays with the call that has it */
        return cr_refuse(err, "1.6", "3.3", "SGP.02 annex A",
                         "FunctionCallIdentifier %.*s is that of another call of this requester",
                         (int)in->message->body.function_call_identifier.n,
                         (const char *)in->message->body.function_call_identifier.p);
    }
    CR_TRY(ran_out(in, &again, err));
    if (again) {
        return store_exec(tx, "UPDATE inbox SET call = NULL WHERE id = ?",
                          STORE_VALUES(STORE_I(in->id)), NULL, NULL, NULL, err);
    }
    *done = true;
    return take_repetition(in, tx, err);
}

/* First transaction: the request is written down and executed. A handler that fails undoes it all;
 * the second transaction writes the request down with its failure. */
static cr_status request_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    const struct m2m_row *row = NULL;
    struct soap_body response = {0};
    bool later = false, done = false;
    CR_TRY(find_row(in, tx, err));
    if (in->there) {
        return take_copy(in, tx, err);
    }
    if (in->refused != CR_OK) {
        *err = in->why;
        return in->refused;
    }
    CR_TRY(admit(in, &row, err));
    in->has_call = in->has_call && !row->knows_repeats;
    CR_TRY(repeated(in, tx, &done, err));
    if (done) {
        return CR_OK;
    }
    CR_TRY(insert_row(in, tx, err));
    CR_TRY(execute(in, tx, row, &response, &later, err));
    return later ? CR_OK : end_row(in, tx, &response, err);
}

static cr_status failed_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    struct soap_body response = {.has_status = true};
    CR_TRY(find_row(in, tx, err));
    if (in->there) {
        return CR_OK;
    }
    CR_TRY(insert_row(in, tx, err));
    soap_status_from_err(&in->why, in->arena, &response.status);
    return end_row(in, tx, &response, err);
}

/* A notification leaves a row too, so that its repetition is not taken for a second event. */
static cr_status notice_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    const struct m2m_row *row = NULL;
    bool later;
    CR_TRY(find_row(in, tx, err));
    if (in->there) {
        return CR_OK;
    }
    CR_TRY(admit(in, &row, err));
    CR_TRY(insert_row(in, tx, err));
    CR_TRY(execute(in, tx, row, NULL, &later, err));
    return store_exec(tx, "UPDATE inbox SET state = 1, done_ms = ? WHERE id = ?",
                      STORE_VALUES(STORE_I(in->now_ms), STORE_I(in->id)), NULL, NULL, NULL, err);
}

/* ---- verdicts ----------------------------------------------------------------------------------
 */

static enum m2m_verdict fault(enum m2m_verdict verdict, const char *text, cr_buf *out)
{
    cr_buf_reset(out);
    soap_build_fault(verdict != M2M_FAULT_SELF, text, out);
    return verdict;
}

static void log_refusal(const struct incoming *in, const struct cr_err *err)
{
    cr_log(in->m2m->options.env, CR_LOG_INFO, "%s: %s-%s: %s/%s %s", in->peer->name,
           soap_interface_name(in->message->function->interface), in->message->function->name,
           err->subject, err->reason, err->cause);
}

static enum m2m_verdict verdict_of_row(struct incoming *in, cr_buf *out, int64_t *id)
{
    if (in->state != M2M_DONE) {
        *id = in->id;
        return in->reply == SOAP_REPLY_HERE ? M2M_WAIT : M2M_ACCEPTED;
    }
    if (in->reply != SOAP_REPLY_HERE) {
        return M2M_ACCEPTED; /* called back, or fetched by poll */
    }
    cr_buf_append_span(out, in->answer);
    return cr_buf_ok(out) ? M2M_ANSWER : fault(M2M_FAULT_SELF, "out of memory", out);
}

static enum m2m_verdict receive_request(struct incoming *in, cr_buf *out, int64_t *id)
{
    struct store *store = in->m2m->options.store;
    struct cr_err err = {0};
    /* What cannot be written is compared with nothing. */
    in->has_call = in->refused == CR_OK && !in->peer->free_calls &&
                   in->message->body.function_call_identifier.n > 0 &&
                   m2m_call_digest(in->message, in->digest, &err) == CR_OK;
    cr_status status = store_run(store, request_work, in, &err);
    if (status != CR_OK) {
        log_refusal(in, &err);
        if (status == CR_RESOURCE && !err.subject[0]) {
            return fault(M2M_FAULT_SELF, "try again later", out);
        }
        in->why = err;
        status = store_run(store, failed_work, in, &err);
    }
    if (status != CR_OK) {
        return fault(M2M_FAULT_SELF, "try again later", out);
    }
    if (in->taken) {
        return fault(M2M_FAULT_SENDER, "this MessageID was that of another request", out);
    }
    m2m_poke(in->m2m);
    return verdict_of_row(in, out, id);
}

static enum m2m_verdict receive_notice(struct incoming *in, cr_buf *out)
{
    struct cr_err err = {0};
    cr_status status = store_run(in->m2m->options.store, notice_work, in, &err);
    if (status == CR_OK) {
        m2m_poke(in->m2m);
        return M2M_ACCEPTED;
    }
    log_refusal(in, &err);
    /* One that is refused for good is not sent again. */
    return status == CR_RESOURCE || status == CR_INTERNAL
               ? fault(M2M_FAULT_SELF, "try again later", out)
               : fault(M2M_FAULT_SENDER, err.cause, out);
}

static cr_status callback_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    return m2m_take_answer(in->m2m, tx, in->arena, in->peer, in->message, &in->there, err);
}

static enum m2m_verdict receive_callback(struct incoming *in, cr_buf *out)
{
    struct cr_err err = {0};
    cr_status status = store_run(in->m2m->options.store, callback_work, in, &err);
    if (status != CR_OK) {
        log_refusal(in, &err);
        return fault(M2M_FAULT_SELF, "try again later", out);
    }
    if (!in->there) {
        cr_log(in->m2m->options.env, CR_LOG_INFO, "%s: an answer to %s that nobody waits for",
               in->peer->name, in->message->function->name);
    }
    m2m_poke(in->m2m);
    return M2M_ACCEPTED; /* also a second time: the first may have been lost on its way back */
}

static cr_status poll_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    in->there = false;
    in->answer = (cr_span){0};
    return store_exec(
        tx,
        "SELECT id, reply, state, answer FROM inbox WHERE reply = 2 AND reply_to = ?"
        " AND sender = ? ORDER BY id LIMIT 1",
        STORE_VALUES(STORE_S(in->message->header.poll_address), STORE_T(in->peer->oid)), take_row,
        in, NULL, err);
}

static enum m2m_verdict receive_poll(struct incoming *in, cr_buf *out)
{
    struct cr_err err = {0};
    if (store_read(in->m2m->options.store, poll_work, in, &err) != CR_OK) {
        return fault(M2M_FAULT_SELF, "try again later", out);
    }
    if (!in->there || in->state != M2M_DONE) {
        return M2M_ACCEPTED;
    }
    cr_buf_append_span(out, in->answer);
    return cr_buf_ok(out) ? M2M_ANSWER : fault(M2M_FAULT_SELF, "out of memory", out);
}

/* The one who speaks must be the one the connection proves (annex B, 2.3.3). */
static bool speaks_for_itself(const struct incoming *in)
{
    cr_span claimed = in->message->header.from.entity_id;
    return !claimed.p || cr_span_equal(claimed, cr_span_str(in->peer->oid));
}

static bool meant_for_us(const struct incoming *in)
{
    cr_span to = in->message->header.to.entity_id;
    return !to.p || cr_span_equal(to, cr_span_str(in->m2m->options.parties->oid));
}

enum m2m_verdict m2m_receive(struct m2m *m2m, const struct m2m_party *peer, cr_span text,
                             cr_arena *arena, cr_buf *out, int64_t *id)
{
    if (!peer) {
        return fault(M2M_FORBIDDEN, "the client certificate is that of no party known here", out);
    }
    struct soap_message message;
    struct incoming in = {.m2m = m2m,
                          .peer = peer,
                          .message = &message,
                          .arena = arena,
                          .now_ms = cr_now_ms(m2m->options.env)};
    in.refused = soap_parse(text, arena, &message, &in.why);
    bool answerable = message.function && message.kind == SOAP_REQUEST &&
                      message.header.message_id.n && message.header.from.entity_id.n;
    if (in.refused != CR_OK && !answerable) {
        cr_log(m2m->options.env, CR_LOG_INFO, "%s: %s/%s %s", peer->name, in.why.subject,
               in.why.reason, in.why.cause);
        return fault(in.refused == CR_MALFORMED ? M2M_FAULT_SENDER : M2M_FAULT_SELF, in.why.cause,
                     out);
    }
    if (!speaks_for_itself(&in)) {
        cr_log(m2m->options.env, CR_LOG_WARNING, "%s speaks in the name of another entity",
               peer->name);
        return fault(M2M_FORBIDDEN, "EntityId of wsa:From is not that of the client certificate",
                     out);
    }
    if (!meant_for_us(&in)) {
        return fault(M2M_FAULT_SENDER, "EntityId of wsa:To is not this entity", out);
    }
    switch (message.kind) {
    case SOAP_REQUEST:
        return receive_request(&in, out, id);
    case SOAP_NOTICE:
        return receive_notice(&in, out);
    case SOAP_RESPONSE:
        return receive_callback(&in, out);
    case SOAP_MAKE_CONNECTION:
        return receive_poll(&in, out);
    case SOAP_FAULT:
    case SOAP_EMPTY:
        break;
    }
    return fault(M2M_FAULT_SENDER, "that is no request", out);
}

/* ---- waiting on the connection -----------------------------------------------------------------
 */

static cr_status held_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    in->there = false;
    in->answer = (cr_span){0};
    return store_exec(tx, "SELECT id, reply, state, answer FROM inbox WHERE id = ?",
                      STORE_VALUES(STORE_I(in->id)), take_row, in, NULL, err);
}

static cr_status late_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct incoming *in = ctx;
    struct soap_body response = {.has_status = true};
    struct cr_err why = {0};
    CR_TRY(held_work(tx, ctx, err));
    if (!in->there || in->state == M2M_DONE || in->reply != SOAP_REPLY_HERE) {
        return CR_OK;
    }
    (void)cr_refuse(&why, "1.6", "5.3", NULL, "not done while the connection was held");
    soap_status_from_err(&why, in->arena, &response.status);
    return end_row(in, tx, &response, err);
}

enum m2m_verdict m2m_held(struct m2m *m2m, int64_t id, bool expired, cr_arena *arena, cr_buf *out)
{
    struct incoming in = {.m2m = m2m, .id = id, .arena = arena};
    struct cr_err err = {0};
    cr_status status = expired ? store_run(m2m->options.store, late_work, &in, &err)
                               : store_read(m2m->options.store, held_work, &in, &err);
    if (status != CR_OK || !in.there) {
        return fault(M2M_FAULT_SELF, "try again later", out);
    }
    if (in.reply != SOAP_REPLY_HERE) {
        return M2M_ACCEPTED; /* a copy came meanwhile that wants it elsewhere */
    }
    if (in.state != M2M_DONE) {
        return M2M_WAIT;
    }
    cr_buf_append_span(out, in.answer);
    return cr_buf_ok(out) ? M2M_ANSWER : fault(M2M_FAULT_SELF, "out of memory", out);
}
