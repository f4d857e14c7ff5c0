/*
 * Group commit: whoever finds nobody at work leads.
 *
 * The leader takes what waits in the queue as one group: one transaction, each work in its own
 * savepoint (a group of one needs none, nor one whose works may be run again: a savepoint copies
 * every page that its work touches), one commit, hence one fsync for all of them. While it
 * waits for the disk the next group gathers by itself, and its first member leads next. A caller
 * that is alone never switches threads, which costs more than the work itself; one that is not is
 * woken once. Works that were submitted have no caller to lead: a thread of the store's own does it
 * when the first of them comes, so that the threads they come from never wait for the disk.
 *
 * A commit costs the same for one work as for many: where works come so densely that company is
 * certain, the leader waits for it, but never longer than GATHER_NS. Where they do not, nobody
 * waits.
 */
#include "store/sqlite.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define GATHER_NS    8000000    /* a leader waits at most this long for company */
#define GATHER_WORTH 3          /* works that have to be expected in that time */
#define GAP_MAX_NS   1000000000 /* a longer pause between two works counts as this */
#define GAP_SHARE    8          /* of the average that the last pause has */

#define GROUP_MAX   256 /* works in one transaction: bounds what the first of them waits for */
#define READERS_MAX 8   /* connections that read at the same time */

/* Lives on the stack of the caller, who sleeps on woken unless it leads; one that was submitted
 * lives on the heap and has nobody asleep. */
struct request {
    struct request *next;
    store_work work;
    void *ctx;
    struct cr_err *err; /* may be NULL */
    cr_status status;
    bool read_only;
    bool soft; /* need not survive a power cut */
    bool lead; /* woken to lead the next group, not because it is done */
    sem_t woken;
    store_done done; /* of a submitted one; NULL = somebody sleeps */
    void *done_ctx;
};

struct submission {
    struct request request; /* first: what the queue knows */
    struct cr_err err;
};

struct store_tx {
    struct store_sqlite *db;
    bool read_only;
};

struct store {
    struct store_sqlite *writer; /* the leader's */
    struct store_sqlite_options reader_options;
    char *path;
    bool memory;

    pthread_mutex_t lock;    /* of the queue and of who leads */
    pthread_cond_t finished; /* for store_close(): nobody leads any more */
    struct request *first;
    struct request **last;
    bool leading;     /* somebody leads, or was told to */
    bool at_work;     /* leader runs works now */
    pthread_t leader; /* valid while at_work */
    size_t queued;
    size_t peak;              /* about as many works as wait at the same time at most */
    struct request *gatherer; /* the leader that waits for company */
    int64_t arrived_ns;       /* the last work */
    int64_t gap_ns;           /* between works: moving average */

    pthread_t committer; /* leads groups that begin with a submitted work */
    bool has_committer;
    bool committer_told; /* to lead */
    size_t submitted;    /* works whose done was not called yet */
    bool closing;
    pthread_cond_t told; /* or closing */

    pthread_mutex_t reader_lock;
    pthread_cond_t reader_free;
    struct store_sqlite *idle[READERS_MAX]; /* the last used on top: its cache is warm */
    size_t idle_count;
    size_t reader_count; /* idle and busy */
};

cr_status store_exec(struct store_tx *tx, const char *sql, const struct store_value *values,
                     store_row_fn fn, void *ctx, int64_t *changed, struct cr_err *err)
{
    if (!store_sqlite_in_transaction(tx->db)) {
        /* Without this the rest of the work would commit statement by statement. */
        const struct cr_err *lost = store_sqlite_lost(tx->db);
        if (err) {
            *err = *lost;
        }
        return lost->category == CR_OK ? CR_INTERNAL : lost->category;
    }
    return store_sqlite_exec(tx->db, tx->read_only, sql, values, fn, ctx, changed, err);
}

/* ---- the writer ---- */

static void request_fail(struct request *r, const struct cr_err *why)
{
    r->status = why->category;
    if (why->category == CR_OK) {
        r->status = cr_fail(r->err, CR_INTERNAL, NULL, "the transaction vanished");
    } else if (r->err) {
        *r->err = *why;
    }
}

static cr_status work_run(struct store_sqlite *db, struct request *r)
{
    struct store_tx tx = {.db = db, .read_only = r->read_only};
    CR_TRY(r->work(&tx, r->ctx, r->err));
    if (store_sqlite_in_transaction(db) && store_sqlite_dangling(db)) {
        /* It would make the commit fail, and with it the others of the group. */
        (void)cr_fail(r->err, CR_REFUSED, NULL, "FOREIGN KEY constraint failed");
        return cr_err_code(r->err, CR_REFUSED, STORE_CONSTRAINT);
    }
    return CR_OK;
}

/* Runs one work of several. False when the whole transaction is gone; *why says what happened. */
static bool member_run(struct store_sqlite *db, struct request *r, struct cr_err *why)
{
    if (store_sqlite_control(db, STORE_SAVEPOINT, why) != CR_OK) {
        return false;
    }
    r->status = work_run(db, r);
    if (!store_sqlite_in_transaction(db)) {
        *why = *store_sqlite_lost(db);
        return false;
    }
    enum store_verb verb = r->status == CR_OK ? STORE_RELEASE : STORE_ROLLBACK_TO;
    return store_sqlite_control(db, verb, why) == CR_OK;
}

/* As member_run() for the only work: a failure takes the transaction with it. */
static bool single_run(struct store_sqlite *db, struct request *r, struct cr_err *why)
{
    r->status = work_run(db, r);
    if (store_sqlite_in_transaction(db)) {
        return true;
    }
    *why = *store_sqlite_lost(db);
    return false;
}

static bool group_may_run_again(const struct request *group)
{
    for (const struct request *r = group; r; r = r->next) {
        if (!r->done) {
            return false;
        }
    }
    return true;
}

/* Without savepoints, as long as no work fails that has changed something: *undo then. */
static bool light_works(struct store_sqlite *db, struct request *group, bool *undo,
                        struct cr_err *why)
{
    for (struct request *r = group; r; r = r->next) {
        int64_t before = store_sqlite_changes(db);
        if (!single_run(db, r, why)) {
            return false;
        }
        if (r->status != CR_OK && store_sqlite_changes(db) != before) {
            *undo = true;
            break;
        }
    }
    return true;
}

static bool group_works(struct store_sqlite *db, struct request *group, struct cr_err *why)
{
    if (!group->next) {
        return single_run(db, group, why);
    }
    if (group_may_run_again(group)) {
        bool undo = false;
        if (!light_works(db, group, &undo, why)) {
            return false;
        }
        if (!undo) {
            return true;
        }
        if (store_sqlite_control(db, STORE_ROLLBACK, why) != CR_OK ||
            store_sqlite_control(db, STORE_BEGIN_WRITE, why) != CR_OK) {
            return false;
        }
    }
    for (struct request *r = group; r; r = r->next) {
        if (!member_run(db, r, why)) {
            return false;
        }
    }
    return true;
}

static bool group_has_success(const struct request *group)
{
    for (const struct request *r = group; r; r = r->next) {
        if (r->status == CR_OK) {
            return true;
        }
    }
    return false;
}

/* Every work that has not failed by itself fails for the reason why. */
static void group_fail(struct request *group, const struct cr_err *why)
{
    for (struct request *r = group; r; r = r->next) {
        if (r->status == CR_OK) {
            request_fail(r, why);
        }
    }
}

static void group_rollback(struct store_sqlite *db)
{
    struct cr_err ignored; /* if it stays open the next BEGIN fails and says so */
    if (store_sqlite_in_transaction(db)) {
        (void)!store_sqlite_control(db, STORE_ROLLBACK, &ignored);
    }
}

/* One member that promises something makes the whole group wait for the disk. */
static bool group_is_durable(const struct request *group)
{
    for (const struct request *r = group; r; r = r->next) {
        if (!r->soft) {
            return true;
        }
    }
    return false;
}

static void group_run(struct store_sqlite *db, struct request *group)
{
    struct cr_err why = {0};
    if (store_sqlite_set_durable(db, group_is_durable(group), &why) != CR_OK ||
        store_sqlite_control(db, STORE_BEGIN_WRITE, &why) != CR_OK) {
        group_fail(group, &why);
        return;
    }
    if (!group_works(db, group, &why)) {
        group_rollback(db);
        group_fail(group, &why);
    } else if (!group_has_success(group)) {
        group_rollback(db);
    } else if (store_sqlite_control(db, STORE_COMMIT, &why) != CR_OK) {
        group_fail(group, &why);
    }
}

/* Takes up to GROUP_MAX works off the queue; a caller that leads stands first. */
static struct request *group_take(struct store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->at_work = true;
    store->leader = pthread_self();
    struct request *group = store->first;
    struct request **end = &store->first;
    size_t n = 0;
    for (; *end && n < GROUP_MAX; n++) {
        end = &(*end)->next;
    }
    store->queued -= n;
    store->peak = n >= store->peak ? n : store->peak - (store->peak - n + 3) / 4;
    struct request *rest = *end;
    *end = NULL;
    store->first = rest;
    if (!rest) {
        store->last = &store->first;
    }
    (void)pthread_mutex_unlock(&store->lock);
    return group;
}

/* Makes the first in the queue the next leader. The store may be gone afterwards. */
static void hand_over(struct store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    struct request *next = store->first;
    store->at_work = false;
    if (next && next->done) {
        store->committer_told = true;
        (void)pthread_cond_signal(&store->told);
        next = NULL;
    } else if (next) {
        next->lead = true;
    } else {
        store->leading = false;
        (void)pthread_cond_signal(&store->finished);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (next) {
        (void)sem_post(&next->woken);
    }
}

/* ---- gathering ---- */

static int64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A work enters the queue; the lock is held. */
static void arrive(struct store *store, struct request *r)
{
    int64_t now = now_ns();
    int64_t gap = now - store->arrived_ns;
    gap = gap < GAP_MAX_NS ? gap : GAP_MAX_NS;
    store->arrived_ns = now;
    store->gap_ns += (gap - store->gap_ns) / GAP_SHARE;
    *store->last = r;
    store->last = &r->next;
    store->queued++;
    if (store->gatherer && store->queued >= store->peak) {
        (void)sem_post(&store->gatherer->woken);
        store->gatherer = NULL;
    }
}

/* Waits until as many works are there as the last groups had, or the time is over. */
static void gather(struct store *store, struct request *own)
{
    (void)pthread_mutex_lock(&store->lock);
    bool worth = store->gap_ns * GATHER_WORTH < GATHER_NS && store->peak > 1 &&
                 store->queued < store->peak && store->queued < GROUP_MAX;
    int64_t until = store->arrived_ns + GATHER_NS;
    store->gatherer = worth ? own : NULL;
    (void)pthread_mutex_unlock(&store->lock);
    if (!worth) {
        return;
    }
    const struct timespec deadline = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    (void)sem_clockwait(&own->woken, CLOCK_MONOTONIC, &deadline); /* EINTR: no matter */
    (void)pthread_mutex_lock(&store->lock);
    store->gatherer = NULL; /* whoever posted has let go of the lock: own may end */
    (void)pthread_mutex_unlock(&store->lock);
}

static void lead(struct store *store, struct request *own)
{
    gather(store, own);
    struct request *group = group_take(store);
    group_run(store->writer, group);
    hand_over(store); /* first, so that the disk has something to do */
    size_t submitted = 0;
    while (group) {
        struct request *next = group->next; /* a request is gone once its owner runs */
        if (group->done) {
            group->done(group->done_ctx, group->status, group->err);
            free(group); /* the whole submission */
            submitted++;
        } else if (group != own) {
            (void)sem_post(&group->woken);
        }
        group = next;
    }
    if (submitted > 0) { /* until here store_close() waits for them */
        (void)pthread_mutex_lock(&store->lock);
        store->submitted -= submitted;
        (void)pthread_cond_signal(&store->finished);
        (void)pthread_mutex_unlock(&store->lock);
    }
}

static void request_wait(struct request *r)
{
    while (sem_wait(&r->woken) != 0) { /* EINTR */
    }
}

static cr_status request_run(struct store *store, struct request *r, struct cr_err *err)
{
    if (sem_init(&r->woken, 0, 0) != 0) {
        return cr_fail(err, CR_INTERNAL, NULL, "sem_init failed");
    }
    (void)pthread_mutex_lock(&store->lock);
    bool leads = !store->leading;
    bool inside = store->at_work && pthread_equal(pthread_self(), store->leader);
    if (!inside) {
        arrive(store, r);
        store->leading = true;
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (inside) {
        (void)sem_destroy(&r->woken);
        return cr_fail(err, CR_INTERNAL, NULL, "a work may not wait for another one");
    }
    if (!leads) {
        request_wait(r);
        leads = r->lead;
    }
    if (leads) {
        lead(store, r);
    }
    (void)sem_destroy(&r->woken);
    return r->status;
}

cr_status store_run(struct store *store, store_work work, void *ctx, struct cr_err *err)
{
    struct request r = {.work = work, .ctx = ctx, .err = err};
    return request_run(store, &r, err);
}

cr_status store_run_soft(struct store *store, store_work work, void *ctx, struct cr_err *err)
{
    struct request r = {.work = work, .ctx = ctx, .err = err, .soft = true};
    return request_run(store, &r, err);
}

/* ---- submitted works ---- */

static void *committer_main(void *ctx)
{
    struct store *store = ctx;
    struct request self = {0}; /* to be woken from gathering */
    (void)pthread_mutex_lock(&store->lock);
    for (;;) {
        if (store->committer_told) {
            store->committer_told = false;
            (void)pthread_mutex_unlock(&store->lock);
            (void)sem_init(&self.woken, 0, 0); /* forgets who woke it too late last time */
            lead(store, &self);
            (void)sem_destroy(&self.woken);
            (void)pthread_mutex_lock(&store->lock);
        } else if (store->closing) {
            break;
        } else {
            (void)pthread_cond_wait(&store->told, &store->lock);
        }
    }
    (void)pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* The lock is held. Signals are for the threads of the program. */
static bool committer_start(struct store *store)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    if (!store->has_committer && pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        store->has_committer = pthread_create(&store->committer, NULL, committer_main, store) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return store->has_committer;
}

cr_status store_submit(struct store *store, store_work work, void *ctx, bool soft, store_done done,
                       void *done_ctx, struct cr_err *err)
{
    struct submission *s = malloc(sizeof(*s));
    if (!s) {
        return cr_fail_memory(err);
    }
    s->err.category = CR_OK;
    s->request = (struct request){
        .work = work, .ctx = ctx, .err = &s->err, .soft = soft, .done = done, .done_ctx = done_ctx};
    (void)pthread_mutex_lock(&store->lock);
    bool sound = committer_start(store);
    bool tell = sound && !store->leading;
    if (sound) {
        arrive(store, &s->request);
        store->submitted++;
    }
    if (tell) {
        store->leading = true;
        store->committer_told = true;
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (tell) { /* not with the lock held: it would wake up to wait for that */
        (void)pthread_cond_signal(&store->told);
    }
    if (!sound) {
        free(s);
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start the thread that commits");
    }
    return CR_OK;
}

/* ---- readers ---- */

static cr_status reader_take(struct store *store, struct store_sqlite **out, struct cr_err *err)
{
    (void)pthread_mutex_lock(&store->reader_lock);
    while (store->idle_count == 0 && store->reader_count == READERS_MAX) {
        (void)pthread_cond_wait(&store->reader_free, &store->reader_lock);
    }
    struct store_sqlite *db = NULL;
    if (store->idle_count > 0) {
        db = store->idle[--store->idle_count];
    } else {
        store->reader_count++;
    }
    (void)pthread_mutex_unlock(&store->reader_lock);
    if (!db) {
        cr_status status = store_sqlite_open(&store->reader_options, &db, err);
        if (status != CR_OK) {
            (void)pthread_mutex_lock(&store->reader_lock);
            store->reader_count--;
            (void)pthread_cond_broadcast(&store->reader_free);
            (void)pthread_mutex_unlock(&store->reader_lock);
            return status;
        }
    }
    *out = db;
    return CR_OK;
}

static void reader_return(struct store *store, struct store_sqlite *db)
{
    struct cr_err ignored;
    if (store_sqlite_in_transaction(db)) {
        (void)!store_sqlite_control(db, STORE_ROLLBACK, &ignored);
    }
    bool usable = !store_sqlite_in_transaction(db);
    if (!usable) {
        store_sqlite_close(db);
    }
    (void)pthread_mutex_lock(&store->reader_lock);
    if (usable) {
        store->idle[store->idle_count++] = db;
    } else {
        store->reader_count--;
    }
    /* all: store_close() may wait beside the readers */
    (void)pthread_cond_broadcast(&store->reader_free);
    (void)pthread_mutex_unlock(&store->reader_lock);
}

cr_status store_read(struct store *store, store_work work, void *ctx, struct cr_err *err)
{
    if (store->memory) { /* nobody but its own connection sees such a database */
        struct request r = {.work = work, .ctx = ctx, .err = err, .read_only = true, .soft = true};
        return request_run(store, &r, err);
    }
    struct store_sqlite *db = NULL;
    CR_TRY(reader_take(store, &db, err));
    cr_status status = store_sqlite_control(db, STORE_BEGIN_READ, err);
    if (status == CR_OK) {
        struct store_tx tx = {.db = db, .read_only = true};
        status = work(&tx, ctx, err);
    }
    reader_return(store, db);
    return status;
}

/* ---- open and close ---- */

static void store_release(struct store *store)
{
    for (size_t i = 0; i < store->idle_count; i++) {
        store_sqlite_close(store->idle[i]);
    }
    store_sqlite_close(store->writer); /* last: it moves the log into the file */
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_cond_destroy(&store->finished);
    (void)pthread_cond_destroy(&store->told);
    (void)pthread_mutex_destroy(&store->reader_lock);
    (void)pthread_cond_destroy(&store->reader_free);
    free(store->path);
    free(store);
}

static cr_status options_check(const struct store_options *options, struct cr_err *err)
{
    if (!options->url || !*options->url) {
        (void)cr_fail(err, CR_REFUSED, NULL, "no database is named");
        return cr_err_next(err, CR_REFUSED, "give the path of a file, or :memory:");
    }
    if (strstr(options->url, "://")) {
        (void)cr_fail(err, CR_REFUSED, NULL, "this crisp cannot talk to a database server (%s)",
                      options->url);
        return cr_err_next(err, CR_REFUSED, "give the path of a file, or :memory:");
    }
    return CR_OK;
}

cr_status store_open(const struct store_options *options, struct store **out, struct cr_err *err)
{
    CR_TRY(options_check(options, err));
    struct store *store = calloc(1, sizeof(*store));
    char *path = store ? strdup(options->url) : NULL;
    if (!path) {
        free(store);
        return cr_fail_memory(err);
    }
    store->path = path;
    store->memory = strcmp(path, STORE_MEMORY) == 0;
    store->last = &store->first;
    store->gap_ns = GAP_MAX_NS;
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->finished, NULL);
    (void)pthread_cond_init(&store->told, NULL);
    (void)pthread_mutex_init(&store->reader_lock, NULL);
    (void)pthread_cond_init(&store->reader_free, NULL);

    struct store_sqlite_options sqlite = {
        .path = path,
        .volatile_commits = options->volatile_commits || store->memory,
        .busy_timeout_ms = options->busy_timeout_ms,
    };
    cr_status status = store_sqlite_open(&sqlite, &store->writer, err);
    if (status == CR_OK) {
        status =
            store_sqlite_migrate(store->writer, options->migrations, options->migration_count, err);
    }
    store->reader_options = sqlite;
    store->reader_options.read_only = true;
    if (status != CR_OK) {
        store_release(store);
        return status;
    }
    *out = store;
    return CR_OK;
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    (void)pthread_mutex_lock(&store->lock);
    while (store->leading || store->submitted > 0) {
        (void)pthread_cond_wait(&store->finished, &store->lock);
    }
    store->closing = true;
    (void)pthread_cond_signal(&store->told);
    (void)pthread_mutex_unlock(&store->lock);
    if (store->has_committer) {
        (void)pthread_join(store->committer, NULL);
    }

    (void)pthread_mutex_lock(&store->reader_lock);
    while (store->idle_count < store->reader_count) {
        (void)pthread_cond_wait(&store->reader_free, &store->reader_lock);
    }
    (void)pthread_mutex_unlock(&store->reader_lock);
    store_release(store);
}
