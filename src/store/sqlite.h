/*
 * One SQLite connection: opened the way crisp wants it, with a cache of prepared statements, and
 * with failures said in the words of a user. Internal to src/store; one thread at a time.
 */
#ifndef CRISP_STORE_SQLITE_H
#define CRISP_STORE_SQLITE_H

#include "store/store.h"

#define STORE_MEMORY ":memory:"

struct store_sqlite;

struct store_sqlite_options {
    const char *path;      /* a file, or STORE_MEMORY */
    bool read_only;        /* the file must exist and be in use by a writer of this process */
    bool exclusive;        /* nobody else may open the file while we do: no shared memory file */
    bool volatile_commits; /* no fsync */
    int busy_timeout_ms;   /* 0 = 5000 */
};

/* Opens, and creates with mode 0600 what is not there (unless read_only): write-ahead log,
 * synchronous=FULL, foreign keys checked. */
cr_status store_sqlite_open(const struct store_sqlite_options *options, struct store_sqlite **out,
                            struct cr_err *err) CR_MUST_CHECK;
void store_sqlite_close(struct store_sqlite *db); /* NULL allowed */

/* Brings the schema to the last migration. Foreign keys are not enforced while a step runs (so that
 * it can rebuild a table) but checked before it is committed. */
cr_status store_sqlite_migrate(struct store_sqlite *db, const struct store_migration *migrations,
                               size_t count, struct cr_err *err) CR_MUST_CHECK;

enum store_verb {
    STORE_BEGIN_READ,
    STORE_BEGIN_WRITE, /* takes the write lock, waits busy_timeout_ms for it */
    STORE_COMMIT,      /* durable when it returns; nothing changed when it fails */
    STORE_ROLLBACK,
    STORE_SAVEPOINT,
    STORE_ROLLBACK_TO, /* back to the savepoint, and drops it */
    STORE_RELEASE      /* drops the savepoint, keeps what was done */
};
cr_status store_sqlite_control(struct store_sqlite *db, enum store_verb verb,
                               struct cr_err *err) CR_MUST_CHECK;

/* Outside of a transaction: whether the commits to come wait for the disk. Without it they survive
 * the end of the process, not a power cut, and the next durable commit makes them durable too. */
cr_status store_sqlite_set_durable(struct store_sqlite *db, bool durable,
                                   struct cr_err *err) CR_MUST_CHECK;

/* False when none was begun, or when SQLite gave it up after a failure (disk full, I/O error). */
bool store_sqlite_in_transaction(const struct store_sqlite *db);

/* The failure that made SQLite give up the last transaction. */
const struct cr_err *store_sqlite_lost(const struct store_sqlite *db);

/* Rows changed since the connection was opened. */
int64_t store_sqlite_changes(const struct store_sqlite *db);

/* True while a deferred foreign key points nowhere: the commit would fail. */
bool store_sqlite_dangling(const struct store_sqlite *db);

/* store_exec() on this connection. read_only: a statement that could write is CR_INTERNAL. */
cr_status store_sqlite_exec(struct store_sqlite *db, bool read_only, const char *sql,
                            const struct store_value *values, store_row_fn fn, void *ctx,
                            int64_t *changed, struct cr_err *err) CR_MUST_CHECK;

/* PRAGMA quick_check: CR_MALFORMED when the file is damaged. */
cr_status store_sqlite_check(struct store_sqlite *db, struct cr_err *err) CR_MUST_CHECK;

/* Says in *err why SQLite returned rc and what to do about it; sql (may be NULL) is what ran. */
cr_status store_sqlite_fail(struct store_sqlite *db, int rc, const char *sql, struct cr_err *err);

/* The process that holds a write lock on path or on a file SQLite keeps beside it; 0 = not known.
 */
long store_lock_holder(const char *path);

#endif
