#include "smdpp/outbox.h"

#include "net/http_client.h"
#include "store/lanes.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH          16 /* messages of one operator before others get their turn */
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS   ((int64_t)15 * 60 * 1000)
#define GIVE_UP_MS     ((int64_t)30 * 24 * 3600 * 1000)

_Static_assert(BATCH == 16 && LANES_MAX_DUE == 64, "the LIMITs of the statements below");

/* A lane for each operator. */
struct smdpp_outbox {
    struct smdpp *dp;
    const cr_env *env;
    const char *client_cert, *client_key;
    struct lanes *lanes;
};

/* ---- what is due --------------------------------------------------------------------------------
 */

struct look {
    int64_t now_ms;
    cr_arena *arena;
    const char **names;
    size_t count;
};

static cr_status take_name(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    const char *name = store_text(row, 0, look->arena);
    look->names[look->count++] = name;
    return name ? CR_OK : cr_fail_memory(err);
}

/* The operators whose oldest message is due: those behind it wait for it. Walks from operator to
 * operator, however many messages lie behind one that does not answer. Who has waited longest is
 * first. */
static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    look->count = 0;
    return store_exec(
        tx,
        "WITH RECURSIVE operators(name) AS ("
        " SELECT min(operator) FROM outbox UNION ALL"
        " SELECT (SELECT min(operator) FROM outbox WHERE operator > name) FROM operators"
        " WHERE name IS NOT NULL)"
        " SELECT name FROM (SELECT name, (SELECT next_ms FROM outbox WHERE operator = name"
        " ORDER BY id LIMIT 1) AS due FROM operators WHERE name IS NOT NULL)"
        " WHERE due <= ? ORDER BY due LIMIT 64",
        STORE_VALUES(STORE_I(look->now_ms)), take_name, look, NULL, err);
}

struct message {
    int64_t id, attempts, created_ms;
    const char *function;
    cr_span body;
};

struct due {
    const char *operator_name;
    int64_t now_ms;
    cr_arena *arena;
    struct message messages[BATCH];
    size_t count;
};

static cr_status take_due(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct due *due = ctx;
    struct message *m = &due->messages[due->count++];
    *m = (struct message){.id = store_int(row, 0),
                          .function = store_text(row, 1, due->arena),
                          .body = cr_arena_copy(due->arena, store_bytes(row, 2)),
                          .attempts = store_int(row, 3),
                          .created_ms = store_int(row, 4)};
    return m->function && m->body.p ? CR_OK : cr_fail_memory(err);
}

/* The oldest messages of the operator, up to the first that is not due. */
static cr_status due_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct due *due = ctx;
    due->count = 0;
    return store_exec(tx,
                      "SELECT id, function, body, attempts, created_ms FROM outbox o"
                      " WHERE operator = ?1 AND NOT EXISTS(SELECT 1 FROM outbox e WHERE"
                      " e.operator = ?1 AND e.id <= o.id AND e.next_ms > ?2)"
                      " ORDER BY id LIMIT 16",
                      STORE_VALUES(STORE_T(due->operator_name), STORE_I(due->now_ms)), take_due,
                      due, NULL, err);
}

/* ---- delivery -----------------------------------------------------------------------------------
 */

struct outcome {
    int64_t id;
    bool done;
    int64_t next_ms;
    const char *error;
};

static cr_status outcome_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct outcome *o = ctx;
    if (o->done) {
        return store_exec(tx, "DELETE FROM outbox WHERE id = ?", STORE_VALUES(STORE_I(o->id)), NULL,
                          NULL, NULL, err);
    }
    return store_exec(tx,
                      "UPDATE outbox SET attempts = attempts + 1, next_ms = ?, last_error = ?"
                      " WHERE id = ?",
                      STORE_VALUES(STORE_I(o->next_ms), STORE_T(o->error), STORE_I(o->id)), NULL,
                      NULL, NULL, err);
}

/* A delivery under way does not hold up the end of the server. */
static bool go_on(void *ctx, size_t done, size_t total)
{
    (void)done;
    (void)total;
    const struct smdpp_outbox *box = ctx;
    return !lanes_stopping(box->lanes);
}

/* http://127.a.b.c[:port]: digits and dots only, so that no name that begins alike passes. */
static bool is_loopback(const char *url)
{
    static const char prefix[] = "http://127.";
    if (strncmp(url, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    const char *end = url + sizeof(prefix) - 1;
    end += strspn(end, "0123456789.");
    return *end == 0 || *end == ':' || *end == '/';
}

struct line {
    const struct smdpp_operator *op;
    struct http_client *client; /* NULL = not opened yet */
};

static cr_status line_open(struct smdpp_outbox *box, struct line *line, struct cr_err *err)
{
    struct http_client_options options = {
        .ca_file = line->op->ca,
        .system_store = line->op->ca == NULL,
        .client_cert = box->client_cert,
        .client_key = box->client_key,
        .timeout_seconds = 20,
        .progress = go_on,
        .progress_ctx = box,
        .allow_plain = is_loopback(line->op->notify),
        .max_response = 65536,
    };
    return line->client ? CR_OK : http_client_new(&options, &line->client, err);
}

static cr_status post(struct smdpp_outbox *box, struct line *line, const struct message *m,
                      struct cr_err *err)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "X-Admin-Protocol: gsma/rsp/v2.5.0", NULL};
    const struct smdpp_operator *op = line->op;
    char url[2048];
    int status = 0;
    cr_buf response = {0};
    size_t base = strlen(op->notify);
    while (base > 0 && op->notify[base - 1] == '/') {
        base--;
    }
    int n =
        snprintf(url, sizeof(url), "%.*s/gsma/rsp2/es2plus/%s", (int)base, op->notify, m->function);
    if (n < 0 || (size_t)n >= sizeof(url)) {
        return cr_fail(err, CR_REFUSED, NULL, "the notify address of %s is too long", op->name);
    }
    CR_TRY(line_open(box, line, err));
    cr_status result =
        http_client_post(line->client, url, headers, m->body, &status, &response, err);
    if (result == CR_OK && (status < 200 || status > 299)) {
        result = cr_fail(err, CR_RESOURCE, NULL, "%s answered HTTP status %d", url, status);
    }
    cr_buf_free(&response);
    return result;
}

enum result {
    DELIVERED, /* or given up: the next one may go */
    KEPT,      /* failed; its next time is noted */
    STUCK      /* what became of it could not be noted */
};

static enum result deliver(struct smdpp_outbox *box, struct line *line, const char *name,
                           const struct message *m)
{
    struct cr_err err = {0};
    int64_t now = cr_now_ms(box->env);
    struct outcome outcome = {.id = m->id};
    if (!line->op || !line->op->notify) {
        (void)cr_fail(&err, CR_REFUSED, NULL, "operator %s listens nowhere any more", name);
    } else {
        outcome.done = post(box, line, m, &err) == CR_OK;
    }
    if (!outcome.done && lanes_stopping(box->lanes)) {
        return KEPT; /* broken off by us: it is due again at the next start */
    }
    if (!outcome.done) {
        int64_t delay = m->attempts < 20 ? (int64_t)FIRST_DELAY_MS << m->attempts : MAX_DELAY_MS;
        outcome.next_ms = now + (delay < MAX_DELAY_MS ? delay : MAX_DELAY_MS);
        outcome.error = err.cause;
        cr_log(box->env, CR_LOG_WARNING, "notification %lld to %s, attempt %lld: %s",
               (long long)m->id, name, (long long)m->attempts + 1, err.cause);
        outcome.done = now - m->created_ms > GIVE_UP_MS;
    }
    if (store_run(smdpp_store(box->dp), outcome_work, &outcome, &err) != CR_OK) {
        cr_log(box->env, CR_LOG_ERROR, "outbox: %s%s%s", err.cause, err.next[0] ? ": " : "",
               err.next);
        return STUCK;
    }
    return outcome.done ? DELIVERED : KEPT;
}

/* A batch of the operator's messages. STUCK: something is wrong with the database, not with the
 * operator. */
static enum result deliver_due(struct smdpp_outbox *box, const char *name)
{
    cr_arena arena = {0};
    struct cr_err err;
    struct due due = {.operator_name = name, .now_ms = cr_now_ms(box->env), .arena = &arena};
    struct line line = {.op = smdpp_operator_named(smdpp_config(box->dp), name)};
    enum result result = DELIVERED;
    if (store_read(smdpp_store(box->dp), due_work, &due, &err) != CR_OK) {
        cr_log(box->env, CR_LOG_ERROR, "outbox: %s", err.cause);
        result = STUCK;
    }
    for (size_t i = 0; result == DELIVERED && i < due.count && !lanes_stopping(box->lanes); i++) {
        result = deliver(box, &line, name, &due.messages[i]);
    }
    http_client_free(line.client);
    cr_arena_free(&arena);
    return result;
}

/* ---- lanes --------------------------------------------------------------------------------------
 */

static cr_status due(void *ctx, cr_arena *arena, const char *names[LANES_MAX_DUE], size_t *count,
                     struct cr_err *err)
{
    const struct smdpp_outbox *box = ctx;
    struct look look = {.now_ms = cr_now_ms(box->env), .arena = arena, .names = names};
    cr_status status = store_read(smdpp_store(box->dp), look_work, &look, err);
    if (status != CR_OK) {
        cr_log(box->env, CR_LOG_ERROR, "outbox: %s", err->cause);
    }
    *count = look.count;
    return status;
}

static bool work(void *ctx, const char *lane)
{
    return deliver_due(ctx, lane) != STUCK;
}

static const struct lanes_ops lanes_ops = {.due = due, .work = work};

cr_status smdpp_outbox_start(struct smdpp *dp, const char *client_cert, const char *client_key,
                             const cr_env *env, struct smdpp_outbox **out, struct cr_err *err)
{
    struct smdpp_outbox *box = calloc(1, sizeof(*box));
    if (!box) {
        return cr_fail_memory(err);
    }
    *box = (struct smdpp_outbox){
        .dp = dp, .env = env, .client_cert = client_cert, .client_key = client_key};
    cr_status status = lanes_start(&lanes_ops, box, SMDPP_OUTBOX_WORKERS, &box->lanes, err);
    if (status != CR_OK) {
        free(box);
        return status;
    }
    *out = box;
    return CR_OK;
}

void smdpp_outbox_wake(struct smdpp_outbox *box)
{
    lanes_wake(box->lanes);
}

void smdpp_outbox_stop(struct smdpp_outbox *box)
{
    if (!box) {
        return;
    }
    lanes_stop(box->lanes);
    free(box);
}
