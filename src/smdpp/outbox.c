#include "smdpp/outbox.h"

#include "net/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH          16
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS   ((int64_t)15 * 60 * 1000)
#define GIVE_UP_MS     ((int64_t)30 * 24 * 3600 * 1000)

struct smdpp_outbox {
    struct smdpp *dp;
    const cr_env *env;
    const char *client_cert, *client_key;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stop;
};

struct message {
    int64_t id, attempts, created_ms;
    const char *operator_name, *function;
    cr_span body;
};

struct due {
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
                          .operator_name = store_text(row, 1, due->arena),
                          .function = store_text(row, 2, due->arena),
                          .body = cr_arena_copy(due->arena, store_bytes(row, 3)),
                          .attempts = store_int(row, 4),
                          .created_ms = store_int(row, 5)};
    return m->operator_name && m->function && m->body.p ? CR_OK : cr_fail_memory(err);
}

/* A message waits while an older one for the same operator is not through: order is kept. */
static cr_status due_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct due *due = ctx;
    due->count = 0;
    return store_exec(tx,
                      "SELECT id, operator, function, body, attempts, created_ms FROM outbox o"
                      " WHERE next_ms <= ? AND NOT EXISTS(SELECT 1 FROM outbox e WHERE"
                      " e.operator = o.operator AND e.id < o.id AND e.next_ms > ?)"
                      " ORDER BY id LIMIT 16",
                      STORE_VALUES(STORE_I(due->now_ms), STORE_I(due->now_ms)), take_due, due, NULL,
                      err);
}

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

static cr_status post(struct smdpp_outbox *box, const struct smdpp_operator *op,
                      const struct message *m, struct cr_err *err)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "X-Admin-Protocol: gsma/rsp/v2.5.0", NULL};
    struct http_client_options options = {
        .ca_file = op->ca,
        .system_store = op->ca == NULL,
        .client_cert = box->client_cert,
        .client_key = box->client_key,
        .timeout_seconds = 20,
        .progress = go_on,
        .progress_ctx = box,
        .allow_plain = is_loopback(op->notify),
        .max_response = 65536,
    };
    struct http_client *client = NULL;
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
    CR_TRY(http_client_new(&options, &client, err));
    cr_status result = http_client_post(client, url, headers, m->body, &status, &response, err);
    if (result == CR_OK && (status < 200 || status > 299)) {
        result = cr_fail(err, CR_RESOURCE, NULL, "%s answered HTTP status %d", url, status);
    }
    cr_buf_free(&response);
    http_client_free(client);
    return result;
}

/* True when the message is out of the way (delivered or given up). */
static bool deliver(struct smdpp_outbox *box, const struct message *m)
{
    struct cr_err err = {0};
    int64_t now = cr_now_ms(box->env);
    const struct smdpp_operator *op = smdpp_operator_named(smdpp_config(box->dp), m->operator_name);
    struct outcome outcome = {.id = m->id};
    if (!op || !op->notify) {
        (void)cr_fail(&err, CR_REFUSED, NULL, "operator %s listens nowhere any more",
                      m->operator_name);
    } else {
        outcome.done = post(box, op, m, &err) == CR_OK;
    }
    if (!outcome.done) {
        int64_t delay = m->attempts < 20 ? (int64_t)FIRST_DELAY_MS << m->attempts : MAX_DELAY_MS;
        outcome.next_ms = now + (delay < MAX_DELAY_MS ? delay : MAX_DELAY_MS);
        outcome.error = err.cause;
        cr_log(box->env, CR_LOG_WARNING, "notification %lld to %s, attempt %lld: %s",
               (long long)m->id, m->operator_name, (long long)m->attempts + 1, err.cause);
        outcome.done = now - m->created_ms > GIVE_UP_MS;
    }
    if (store_run(smdpp_store(box->dp), outcome_work, &outcome, &err) != CR_OK) {
        /* It stays and will be sent again, but not at once: the operator is not to be flooded. */
        cr_log(box->env, CR_LOG_ERROR, "outbox: %s", err.cause);
        return false;
    }
    return outcome.done;
}

static bool stopping(struct smdpp_outbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    bool stop = box->stop;
    (void)pthread_mutex_unlock(&box->lock);
    return stop;
}

/* True when there may be more to do at once. */
static bool deliver_due(struct smdpp_outbox *box)
{
    cr_arena arena = {0};
    struct cr_err err;
    struct due due = {.now_ms = cr_now_ms(box->env), .arena = &arena};
    cr_status status = store_read(smdpp_store(box->dp), due_work, &due, &err);
    if (status != CR_OK) {
        cr_log(box->env, CR_LOG_ERROR, "outbox: %s", err.cause);
    }
    size_t through = 0;
    for (size_t i = 0; status == CR_OK && i < due.count && !stopping(box); i++) {
        bool blocked = false; /* by an older one of the same operator that just failed */
        for (size_t j = 0; j < i; j++) {
            blocked = blocked ||
                      (due.messages[j].id < 0 &&
                       strcmp(due.messages[j].operator_name, due.messages[i].operator_name) == 0);
        }
        if (blocked) {
            continue;
        }
        if (deliver(box, &due.messages[i])) {
            through++;
        } else {
            due.messages[i].id = -1;
        }
    }
    cr_arena_free(&arena);
    return through > 0;
}

static void *outbox_thread(void *ctx)
{
    struct smdpp_outbox *box = ctx;
    while (!stopping(box)) {
        if (deliver_due(box)) {
            continue;
        }
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += FIRST_DELAY_MS / 1000;
        (void)pthread_mutex_lock(&box->lock);
        while (!box->woken && !box->stop) {
            if (pthread_cond_timedwait(&box->changed, &box->lock, &until) != 0) {
                break;
            }
        }
        box->woken = false;
        (void)pthread_mutex_unlock(&box->lock);
    }
    return NULL;
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
    if (pthread_create(&box->thread, NULL, outbox_thread, box) != 0) {
        (void)pthread_mutex_destroy(&box->lock);
        (void)pthread_cond_destroy(&box->changed);
        free(box);
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
    (void)pthread_mutex_lock(&box->lock);
    box->stop = true;
    (void)pthread_cond_signal(&box->changed);
    (void)pthread_mutex_unlock(&box->lock);
    (void)pthread_join(box->thread, NULL);
    (void)pthread_mutex_destroy(&box->lock);
    (void)pthread_cond_destroy(&box->changed);
    free(box);
}
