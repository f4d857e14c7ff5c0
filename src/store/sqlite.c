/* Opening and closing a connection, transactions. */
#include "store/sqlite_struct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RETRY_MS 10

static const char *const verb_sql[STORE_VERBS] = {
    [STORE_BEGIN_READ] = "BEGIN",
    [STORE_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_SAVEPOINT] = "SAVEPOINT work",
    [STORE_ROLLBACK_TO] = "ROLLBACK TO work",
    [STORE_RELEASE] = "RELEASE work",
};

/* Works must not end the transaction they share with others. Called while preparing only. */
static int authorize(void *ctx, int action, const char *a, const char *b, const char *c,
                     const char *d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    const struct store_sqlite *db = ctx;
    bool forbidden = action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT ||
                     action == SQLITE_ATTACH || action == SQLITE_DETACH;
    return db->guard && forbidden ? SQLITE_DENY : SQLITE_OK;
}

static cr_status run(struct store_sqlite *db, const char *sql, struct cr_err *err)
{
    int rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? CR_OK : store_sqlite_fail(db, rc, sql, err);
}

static int mode_row(void *ctx, int columns, char **values, char **names)
{
    (void)names;
    bool *wal = ctx;
    *wal = columns > 0 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

/* Two processes that create the same file at once meet here, and SQLite does not wait by itself. */
static cr_status use_wal(struct store_sqlite *db, struct cr_err *err)
{
    static const char sql[] = "PRAGMA journal_mode=WAL";
    bool wal = false;
    int rc = SQLITE_BUSY;
    for (int waited = 0; waited <= db->busy_timeout_ms; waited += RETRY_MS) {
        rc = sqlite3_exec(db->db, sql, mode_row, &wal, NULL);
        if ((rc & 0xFF) != SQLITE_BUSY) {
            break;
        }
        (void)sqlite3_sleep(RETRY_MS);
    }
    if (rc != SQLITE_OK) {
        return store_sqlite_fail(db, rc, sql, err);
    }
    if (!wal) {
        (void)cr_fail(err, CR_RESOURCE, NULL, "%s: this file system cannot hold a write-ahead log",
                      db->path);
        return cr_err_next(err, CR_RESOURCE, "put the database on a local disk");
    }
    return CR_OK;
}

cr_status store_sqlite_set_durable(struct store_sqlite *db, bool durable, struct cr_err *err)
{
    if (db->volatile_commits || db->soft == !durable) {
        return CR_OK;
    }
    CR_TRY(run(db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err));
    db->soft = !durable;
    return CR_OK;
}

static cr_status configure(struct store_sqlite *db, const struct store_sqlite_options *options,
                           struct cr_err *err)
{
    db->volatile_commits = options->volatile_commits;
    (void)sqlite3_extended_result_codes(db->db, 1);
    (void)sqlite3_busy_timeout(db->db, db->busy_timeout_ms);
    (void)sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Plans do not depend on bound values: otherwise each statement on a partial index is planned
     * anew for every call. */
    (void)sqlite3_db_config(db->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
    (void)sqlite3_set_authorizer(db->db, authorize, db);
    CR_TRY(run(db, "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF", err));
    if (options->exclusive) {
        CR_TRY(run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA wal_autocheckpoint=256", err));
    } else if (!options->read_only) {
        /* A page that many commits touch goes into the file once for all of them. */
        CR_TRY(run(db, "PRAGMA wal_autocheckpoint=8192; PRAGMA cache_size=-8192", err));
    }
    if (!options->read_only && strcmp(options->path, STORE_MEMORY) != 0) {
        CR_TRY(use_wal(db, err));
    }
    CR_TRY(run(db, options->volatile_commits ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL",
               err));
    /* A burst must not leave a log file of its size behind for ever. */
    CR_TRY(run(db, "PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=67108864", err));
    for (size_t i = 0; i < STORE_VERBS; i++) {
        int rc = sqlite3_prepare_v3(db->db, verb_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->verbs[i], NULL);
        if (rc != SQLITE_OK) {
            return store_sqlite_fail(db, rc, verb_sql[i], err);
        }
    }
    return CR_OK;
}

/* SQLite would create the file readable by everybody; the log beside it inherits the mode. */
static cr_status create_private(const char *path, struct cr_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
        return CR_OK;
    }
    if (errno == EEXIST) {
        return CR_OK;
    }
    (void)cr_fail(err, CR_RESOURCE, NULL, "cannot create the database %s: %s", path,
                  strerror(errno));
    return cr_err_next(err, CR_RESOURCE,
                       "check that the directory exists and that this user may write to it");
}

cr_status store_sqlite_open(const struct store_sqlite_options *options, struct store_sqlite **out,
                            struct cr_err *err)
{
    if (!options->read_only && strcmp(options->path, STORE_MEMORY) != 0) {
        CR_TRY(create_private(options->path, err));
    }
    struct store_sqlite *db = calloc(1, sizeof(*db));
    char *path = db ? strdup(options->path) : NULL;
    if (!path) {
        free(db);
        return cr_fail_memory(err);
    }
    db->path = path;
    db->busy_timeout_ms =
        options->busy_timeout_ms > 0 ? options->busy_timeout_ms : STORE_BUSY_TIMEOUT;
    int flags =
        SQLITE_OPEN_NOMUTEX |
        (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int rc = sqlite3_open_v2(path, &db->db, flags, NULL);
    cr_status status = CR_OK;
    if (!db->db) {
        status = cr_fail_memory(err);
    } else if (rc != SQLITE_OK) {
        status = store_sqlite_fail(db, rc, NULL, err);
    } else {
        status = configure(db, options, err);
    }
    if (status != CR_OK) {
        store_sqlite_close(db);
        return status;
    }
    *out = db;
    return CR_OK;
}

void store_sqlite_close(struct store_sqlite *db)
{
    if (!db) {
        return;
    }
    store_statements_free(db);
    for (size_t i = 0; i < STORE_VERBS; i++) {
        (void)sqlite3_finalize(db->verbs[i]);
    }
    (void)sqlite3_close(db->db);
    free(db->path);
    free(db);
}

bool store_sqlite_in_transaction(const struct store_sqlite *db)
{
    return sqlite3_get_autocommit(db->db) == 0;
}

const struct cr_err *store_sqlite_lost(const struct store_sqlite *db)
{
    return &db->lost;
}

int64_t store_sqlite_changes(const struct store_sqlite *db)
{
    return sqlite3_total_changes64(db->db);
}

bool store_sqlite_dangling(const struct store_sqlite *db)
{
    int now = 0;
    int high = 0;
    return sqlite3_db_status(db->db, SQLITE_DBSTATUS_DEFERRED_FKS, &now, &high, 0) == SQLITE_OK &&
           now > 0;
}

static int verb_run(struct store_sqlite *db, enum store_verb verb)
{
    int rc = sqlite3_step(db->verbs[verb]);
    (void)sqlite3_reset(db->verbs[verb]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

cr_status store_sqlite_control(struct store_sqlite *db, enum store_verb verb, struct cr_err *err)
{
    if (verb == STORE_BEGIN_WRITE || verb == STORE_BEGIN_READ) {
        db->lost.category = CR_OK;
    }
    int rc = verb_run(db, verb);
    if (rc == SQLITE_OK && verb == STORE_ROLLBACK_TO) {
        rc = verb_run(db, STORE_RELEASE);
    }
    if (rc == SQLITE_OK) {
        return CR_OK;
    }
    cr_status status = store_sqlite_fail(db, rc, verb_sql[verb], err);
    if (verb == STORE_COMMIT && store_sqlite_in_transaction(db)) {
        (void)verb_run(db, STORE_ROLLBACK);
    }
    return status;
}

static cr_status check_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct store_sqlite *db = ctx;
    cr_span text = store_bytes(row, 0);
    if (cr_span_equal(text, cr_span_str("ok"))) {
        return CR_OK;
    }
    (void)store_sqlite_fail(db, SQLITE_CORRUPT, NULL, err);
    if (err) {
        size_t at = strlen(err->cause);
        (void)snprintf(err->cause + at, sizeof(err->cause) - at, ": %.*s",
                       text.n < 200 ? (int)text.n : 200, (const char *)text.p);
    }
    return CR_MALFORMED;
}

cr_status store_sqlite_check(struct store_sqlite *db, struct cr_err *err)
{
    return store_sqlite_exec(db, true, "PRAGMA quick_check(1)", NULL, check_row, db, NULL, err);
}
