#include "smdpp/outbox.h"

#include "net/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH          16 /* messages of one operator before others get their turn */
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS   ((int64_t)15 * 60 * 1000)
#define GIVE_UP_MS     ((int64_t)30 * 24 * 3600 * 1000)
#define MAX_WAITING    64 /* operators found to be due at one look */

_Static_assert(BATCH == 16 && MAX_WAITING == 64, "the LIMITs of the statements below");

/* A thread that delivers what one operator has to hear, then waits for the next operator. */
struct worker {
    struct smdpp_outbox *box;
    pthread_t thread;
    char *operator_name; /* whom it works for; NULL = nobody */
};

/* One thread (the dispatcher) looks who has something due, and gives each to a worker that has
 * nobody. An operator belongs to one worker at a time, which keeps its messages in order. */
struct smdpp_outbox {
    struct smdpp *dp;
    const cr_env *env;
    const char *client_cert, *client_key;
    pthread_t dispatcher;
    struct worker workers[SMDPP_OUTBOX_WORKERS];
    size_t worker_count;
    pthread_mutex_t lock;   /* of what follows and of the workers' operators */
    pthread_cond_t changed; /* for the dispatcher */
    pthread_cond_t work;    /* for the workers */
    bool woken, stop;
};

/* ---- what is due --------------------------------------------------------------------------------
 */

struct waiting {
    cr_arena *arena;
    const char *names[MAX_WAITING];
    size_t count;
};

static cr_status take_name(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct waiting *waiting = ctx;
    const char *name = store_text(row, 0, waiting->arena);
    waiting->names[waiting->count++] = name;
    return name ? CR_OK : cr_fail_memory(err);
}

struct look {
    int64_t now_ms;
    struct waiting waiting;
};

/* The operators whose oldest message is due: those behind it wait for it. Walks from operator to
 * operator, however many messages lie behind one that does not answer. Who has waited longest is
 * first. */
static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    look->waiting.count = 0;
    return store_exec(
        tx,
        "WITH RECURSIVE operators(name) AS ("
        " SELECT min(operator) FROM outbox UNION ALL"
        " SELECT (SELECT min(operator) FROM outbox WHERE operator > name) FROM operators"
        " WHERE name IS NOT NULL)"
        " SELECT name FROM (SELECT name, (SELECT next_ms FROM outbox WHERE operator = name"
        " ORDER BY id LIMIT 1) AS due FROM operators WHERE name IS NOT NULL)"
        " WHERE due <= ? ORDER BY due LIMIT 64",
        STORE_VALUES(STORE_I(look->now_ms)), take_name, &look->waiting, NULL, err);
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

static bool stopping(struct smdpp_outbox *box);

/* A delivery under way does not hold up the end of the server. */
static bool go_on(void *ctx, size_t done, size_t total)
{
    (void)done;
    (void)total;
    return !stopping(ctx);
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
    if (!outcome.done && stopping(box)) {
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
    for (size_t i = 0; result == DELIVERED && i < due.count && !stopping(box); i++) {
        result = deliver(box, &line, name, &due.messages[i]);
    }
    http_client_free(line.client);
    cr_arena_free(&arena);
    return result;
}

/* ---- threads ------------------------------------------------------------------------------------
 */

static bool stopping(struct smdpp_outbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    bool stop = box->stop;
    (void)pthread_mutex_unlock(&box->lock);
    return stop;
}

/* With the lock held: until somebody says so, stop, or the time is over. */
static void wait_a_while(struct smdpp_outbox *box, pthread_cond_t *cond, const bool *unless)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FIRST_DELAY_MS / 1000;
    while (!box->stop && !(unless && *unless)) {
        if (pthread_cond_timedwait(cond, &box->lock, &until) != 0) {
            break;
        }
    }
}

static void *worker_thread(void *ctx)
{
    struct worker *worker = ctx;
    struct smdpp_outbox *box = worker->box;
    (void)pthread_mutex_lock(&box->lock);
    while (!box->stop) {
        if (!worker->operator_name) {
            (void)pthread_cond_wait(&box->work, &box->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&box->lock);
        enum result result = deliver_due(box, worker->operator_name);
        (void)pthread_mutex_lock(&box->lock);
        if (result == STUCK) {
            /* It stays and will be sent again, but not at once: the operator is not to be flooded.
             */
            wait_a_while(box, &box->work, NULL);
        }
        free(worker->operator_name);
        worker->operator_name = NULL;
        box->woken = true; /* there may be more, and a worker is free */
        (void)pthread_cond_signal(&box->changed);
    }
    (void)pthread_mutex_unlock(&box->lock);
    return NULL;
}

/* With the lock held: gives the operator to a worker; false when all are busy. */
static bool assign(struct smdpp_outbox *box, const char *name)
{
    struct worker *idle = NULL;
    for (size_t i = 0; i < box->worker_count; i++) {
        struct worker *worker = &box->workers[i];
        if (!worker->operator_name) {
            idle = idle ? idle : worker;
        } else if (strcmp(worker->operator_name, name) == 0) {
            return true; /* it is being looked after */
        }
    }
    if (!idle) {
        return false;
    }
    idle->operator_name = strdup(name);
    return idle->operator_name != NULL;
}

static void dispatch(struct smdpp_outbox *box)
{
    cr_arena arena = {0};
    struct cr_err err;
    struct look look = {.now_ms = cr_now_ms(box->env), .waiting = {.arena = &arena}};
    cr_status status = store_read(smdpp_store(box->dp), look_work, &look, &err);
    if (status != CR_OK) {
        cr_log(box->env, CR_LOG_ERROR, "outbox: %s", err.cause);
    }
    (void)pthread_mutex_lock(&box->lock);
    for (size_t i = 0; status == CR_OK && i < look.waiting.count; i++) {
        if (!assign(box, look.waiting.names[i])) {
            break;
        }
    }
    (void)pthread_cond_broadcast(&box->work);
    (void)pthread_mutex_unlock(&box->lock);
    cr_arena_free(&arena);
}

static void *dispatcher_thread(void *ctx)
{
    struct smdpp_outbox *box = ctx;
    while (!stopping(box)) {
        dispatch(box);
        (void)pthread_mutex_lock(&box->lock);
        wait_a_while(box, &box->changed, &box->woken);
        box->woken = false;
        (void)pthread_mutex_unlock(&box->lock);
    }
    return NULL;
}

static bool start_threads(struct smdpp_outbox *box)
{
    for (size_t i = 0; i < SMDPP_OUTBOX_WORKERS; i++) {
        box->workers[i].box = box;
        if (pthread_create(&box->workers[i].thread, NULL, worker_thread, &box->workers[i]) != 0) {
            return false;
        }
        box->worker_count++;
    }
    return pthread_create(&box->dispatcher, NULL, dispatcher_thread, box) == 0;
}

static void join_workers(struct smdpp_outbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    box->stop = true;
    (void)pthread_cond_broadcast(&box->changed);
    (void)pthread_cond_broadcast(&box->work);
    (void)pthread_mutex_unlock(&box->lock);
    for (size_t i = 0; i < box->worker_count; i++) {
        (void)pthread_join(box->workers[i].thread, NULL);
    }
}

static void box_free(struct smdpp_outbox *box)
{
    for (size_t i = 0; i < SMDPP_OUTBOX_WORKERS; i++) {
        free(box->workers[i].operator_name);
    }
    (void)pthread_mutex_destroy(&box->lock);
    (void)pthread_cond_destroy(&box->changed);
    (void)pthread_cond_destroy(&box->work);
    free(box);
}

cr_status smdpp_outbox_start(struct smdpp *dp, const char *client_cert, const char *client_key,
                             const cr_env *env, struct smdpp_outbox **out, struct cr_err *err)
{
    struct smdpp_outbox *box = calloc(1, sizeof(*box));
    if (!box) {
        return cr_fail_memory(err);
    }
    box->dp = dp;
    box->env = env;
    box->client_cert = client_cert;
    box->client_key = client_key;
    (void)pthread_mutex_init(&box->lock, NULL);
    (void)pthread_cond_init(&box->changed, NULL);
    (void)pthread_cond_init(&box->work, NULL);
    if (!start_threads(box)) {
        join_workers(box);
        box_free(box);
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
    }
    *out = box;
    return CR_OK;
}

void smdpp_outbox_wake(struct smdpp_outbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    box->woken = true;
    (void)pthread_cond_signal(&box->changed);
    (void)pthread_mutex_unlock(&box->lock);
}

void smdpp_outbox_stop(struct smdpp_outbox *box)
{
    if (!box) {
        return;
    }
    join_workers(box);
    (void)pthread_join(box->dispatcher, NULL);
    box_free(box);
}
