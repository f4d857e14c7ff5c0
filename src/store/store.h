/*
 * The database of a server: SQL statements in transactions, durable when they return.
 *
 * One interface; SQLite behind it today, PostgreSQL for more than one machine later. A party's own
 * file (smdpp/state.c ...) holds its statements and nothing else speaks SQL.
 *
 * Work is a function that runs inside a transaction, one at a time, on the thread of this or of
 * another caller of store_run():
 *
 *     static cr_status take_order(struct store_tx *tx, void *ctx, struct cr_err *err) { ... }
 *     CR_TRY(store_run(store, take_order, &request, err));      // returns after the commit
 *
 * store_run() may be called from any number of threads; works that wait at the same time share one
 * commit (group commit), each in its own savepoint: one that fails is rolled back alone. When
 * store_run() returns CR_OK the effect survives power loss. A work must be quick, must not block
 * and must not call store_run() (CR_INTERNAL) or store_read().
 *
 * When SQLite gives up a whole transaction (disk full, I/O error, out of memory), every work of
 * that group fails with CR_RESOURCE, also those that had run well before: a work is run at most
 * once, so it may keep results in its ctx, but the caller uses them only when store_run() returned
 * CR_OK.
 */
#ifndef CRISP_STORE_STORE_H
#define CRISP_STORE_STORE_H

#include "base/arena.h"
#include "base/error.h"

struct store;    /* one open database; thread-safe */
struct store_tx; /* valid inside a work only */

/* One step of the schema; version counts from 1. Applied in order, once, each in a transaction.
 * Foreign keys are not enforced inside a step, so that it can rebuild a table, but checked at its
 * end. */
struct store_migration {
    int version;
    const char *sql; /* may hold several statements */
};

struct store_options {
    const char *url; /* path of an SQLite file, or ":memory:" */
    const struct store_migration *migrations;
    size_t migration_count;
    bool volatile_commits; /* no fsync: caches and tests */
    int busy_timeout_ms;   /* how long to wait for a lock another process holds; 0 = 5000 */
};

/* CR_RESOURCE: cannot open, locked, disk full; CR_REFUSED: made by a newer crisp; CR_MALFORMED:
 * damaged or no database. Messages say what to do. Several processes may have the same file open.
 */
cr_status store_open(const struct store_options *options, struct store **out,
                     struct cr_err *err) CR_MUST_CHECK;
void store_close(struct store *store); /* waits for works under way; NULL allowed */

typedef cr_status (*store_work)(struct store_tx *tx, void *ctx, struct cr_err *err);

/* Runs work in a transaction and waits for the commit. Returns work's failure (nothing changed), or
 * CR_RESOURCE when the commit failed (nothing changed). */
cr_status store_run(struct store *store, store_work work, void *ctx,
                    struct cr_err *err) CR_MUST_CHECK;

/* As store_run(), but CR_OK promises less: the effect survives the end of this process (kill -9),
 * not a power cut. For steps that the peer repeats from the start when they are gone, such as the
 * beginning of a session. A later store_run() makes it durable too. */
cr_status store_run_soft(struct store *store, store_work work, void *ctx,
                         struct cr_err *err) CR_MUST_CHECK;

/* As store_run() (soft: store_run_soft()) without waiting. done is called once, after the commit or
 * the failure, with what store_run() would have returned: on another thread, perhaps before this
 * returns. It must be quick and must not call the store: the others of the same commit wait behind
 * it. Unlike there, work may be run more than once when another of the same commit fails: only the
 * last run counts, nothing of an earlier one may be left in ctx. Failure = nothing was submitted,
 * done will not come. */
typedef void (*store_done)(void *done_ctx, cr_status status, const struct cr_err *err);
cr_status store_submit(struct store *store, store_work work, void *ctx, bool soft, store_done done,
                       void *done_ctx, struct cr_err *err) CR_MUST_CHECK;

/* As store_run() for works that change nothing: sees the last commit and may run beside others, on
 * the thread of the caller. A statement that writes is CR_INTERNAL. */
cr_status store_read(struct store *store, store_work work, void *ctx,
                     struct cr_err *err) CR_MUST_CHECK;

/* Values to bind, in the order of the ? of the statement. */
enum store_kind { STORE_END = 0, STORE_NULL, STORE_INT, STORE_TEXT, STORE_BLOB };
struct store_value {
    enum store_kind kind;
    int64_t i;
    cr_span s; /* TEXT and BLOB; absent = NULL */
};
#define STORE_I(v)        ((struct store_value){.kind = STORE_INT, .i = (v)})
#define STORE_T(v)        ((struct store_value){.kind = STORE_TEXT, .s = cr_span_str(v)})
#define STORE_S(v)        ((struct store_value){.kind = STORE_TEXT, .s = (v)})
#define STORE_B(v)        ((struct store_value){.kind = STORE_BLOB, .s = (v)})
#define STORE_VALUES(...) ((const struct store_value[]){__VA_ARGS__, {.kind = STORE_END}})

/* A row of a result. Spans are valid until the next row: copy what shall live longer. */
struct store_row;
int64_t store_int(const struct store_row *row, int column);   /* NULL = 0 */
cr_span store_bytes(const struct store_row *row, int column); /* NULL = absent */
bool store_is_null(const struct store_row *row, int column);
/* A NUL-terminated copy in the arena; NULL when the column is NULL or memory is short. */
char *store_text(const struct store_row *row, int column, cr_arena *arena);

typedef cr_status (*store_row_fn)(const struct store_row *row, void *ctx, struct cr_err *err);

/* Runs one statement (prepared once, cached by its text's address: pass literals). values may be
 * NULL; each row is given to fn (may be NULL), whose failure ends the statement and is returned.
 * *changed (may be NULL) = rows changed. A constraint that is violated gives CR_REFUSED with
 * err->code = STORE_CONSTRAINT, and the work may go on; a deferred one makes the work fail at its
 * end. Statements that control the transaction are CR_INTERNAL. */
#define STORE_CONSTRAINT 19
cr_status store_exec(struct store_tx *tx, const char *sql, const struct store_value *values,
                     store_row_fn fn, void *ctx, int64_t *changed,
                     struct cr_err *err) CR_MUST_CHECK;

#endif
