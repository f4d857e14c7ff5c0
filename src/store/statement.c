/* Statements: the cache of prepared ones, binding, stepping, rows. */
#include "store/sqlite_struct.h"

#include <stdint.h>

#define PROBES 8

struct lease {
    sqlite3_stmt *stmt;
    struct store_slot *slot; /* NULL = not cached, finalize after use */
};

void store_statements_free(struct store_sqlite *db)
{
    for (size_t i = 0; i < STORE_STATEMENTS; i++) {
        (void)sqlite3_finalize(db->slots[i].stmt);
        db->slots[i] = (struct store_slot){0};
    }
}

static bool only_space(const char *p)
{
    return p[strspn(p, " \t\r\n;")] == 0;
}

static cr_status prepare(struct store_sqlite *db, const char *sql, sqlite3_stmt **out,
                         struct cr_err *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *tail = "";
    db->guard = true;
    int rc = sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &tail);
    db->guard = false;
    if (rc == SQLITE_AUTH) {
        return cr_fail(err, CR_INTERNAL, NULL, "a work may not control its transaction: %s", sql);
    }
    if (rc != SQLITE_OK) {
        return store_sqlite_fail(db, rc, sql, err);
    }
    if (!stmt || !only_space(tail)) {
        (void)sqlite3_finalize(stmt);
        return cr_fail(err, CR_INTERNAL, NULL, "not exactly one statement: %s", sql);
    }
    *out = stmt;
    return CR_OK;
}

/* The slot of this text, or the one to use for it; NULL when all candidates are being stepped. */
static struct store_slot *find_slot(struct store_sqlite *db, const char *sql)
{
    uint64_t hash = (uint64_t)(uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(hash >> 32);
    struct store_slot *victim = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct store_slot *slot = &db->slots[(at + i) % STORE_STATEMENTS];
        if (slot->sql == sql || !slot->sql) {
            return slot;
        }
        if (!slot->busy) {
            victim = slot;
        }
    }
    return victim;
}

static cr_status lease_take(struct store_sqlite *db, const char *sql, struct lease *lease,
                            struct cr_err *err)
{
    struct store_slot *slot = find_slot(db, sql);
    if (!slot || slot->busy) {
        lease->slot = NULL; /* the same statement inside a row of itself */
        return prepare(db, sql, &lease->stmt, err);
    }
    /* Texts are meant to be literals; one that was not, and whose memory was used again, must not
     * run the statement that was there before. */
    if (slot->sql != sql || strcmp(sqlite3_sql(slot->stmt), sql) != 0) {
        sqlite3_stmt *stmt = NULL;
        CR_TRY(prepare(db, sql, &stmt, err));
        (void)sqlite3_finalize(slot->stmt);
        slot->stmt = stmt;
        slot->sql = sql;
    }
    slot->busy = true;
    lease->slot = slot;
    lease->stmt = slot->stmt;
    return CR_OK;
}

static void lease_return(const struct lease *lease)
{
    if (lease->slot) {
        (void)sqlite3_reset(lease->stmt);
        (void)sqlite3_clear_bindings(lease->stmt);
        lease->slot->busy = false;
    } else {
        (void)sqlite3_finalize(lease->stmt);
    }
}

static int bind_value(sqlite3_stmt *stmt, int at, const struct store_value *v)
{
    switch (v->kind) {
    case STORE_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case STORE_TEXT:
        return sqlite3_bind_text64(stmt, at, (const char *)v->s.p, v->s.n, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case STORE_BLOB:
        return sqlite3_bind_blob64(stmt, at, v->s.p, v->s.n, SQLITE_STATIC);
    case STORE_NULL:
    case STORE_END:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static cr_status bind(struct store_sqlite *db, sqlite3_stmt *stmt, const struct store_value *values,
                      struct cr_err *err)
{
    int want = sqlite3_bind_parameter_count(stmt);
    int have = 0;
    while (values && values[have].kind != STORE_END) {
        if (have < want) {
            int rc = bind_value(stmt, have + 1, &values[have]);
            if (rc != SQLITE_OK) {
                return store_sqlite_fail(db, rc, sqlite3_sql(stmt), err);
            }
        }
        have++;
    }
    if (have != want) {
        return cr_fail(err, CR_INTERNAL, NULL, "%d values for %d parameters of: %s", have, want,
                       sqlite3_sql(stmt));
    }
    return CR_OK;
}

static cr_status step(struct store_sqlite *db, sqlite3_stmt *stmt, store_row_fn fn, void *ctx,
                      struct cr_err *err)
{
    const struct store_row row = {.stmt = stmt};
    for (;;) {
        int rc = sqlite3_step(stmt);
        if (rc == SQLITE_DONE) {
            return CR_OK;
        }
        if (rc != SQLITE_ROW) {
            return store_sqlite_fail(db, rc, sqlite3_sql(stmt), err);
        }
        if (fn) {
            CR_TRY(fn(&row, ctx, err));
        }
    }
}

/* The first failure counts: those after it only found the transaction gone. */
static void lost_set(struct store_sqlite *db, const struct cr_err *why)
{
    if (db->lost.category != CR_OK) {
        return;
    }
    if (why->category == CR_REFUSED) { /* OR ROLLBACK: no affair of the others in the group */
        (void)cr_fail(&db->lost, CR_INTERNAL, NULL, "a statement gave up the transaction: %s",
                      why->cause);
    } else {
        db->lost = *why;
    }
}

cr_status store_sqlite_exec(struct store_sqlite *db, bool read_only, const char *sql,
                            const struct store_value *values, store_row_fn fn, void *ctx,
                            int64_t *changed, struct cr_err *err)
{
    struct cr_err own = {0};
    if (!err) {
        err = &own; /* the reason must reach the other works of the transaction */
    }
    bool inside = store_sqlite_in_transaction(db);
    struct lease lease = {0};
    CR_TRY(lease_take(db, sql, &lease, err));
    int64_t before = sqlite3_total_changes64(db->db);
    cr_status status = CR_OK;
    if (read_only && !sqlite3_stmt_readonly(lease.stmt)) {
        status = cr_fail(err, CR_INTERNAL, NULL, "a work that only reads may not write: %s", sql);
    } else {
        status = bind(db, lease.stmt, values, err);
    }
    if (status == CR_OK) {
        status = step(db, lease.stmt, fn, ctx, err);
    }
    lease_return(&lease);
    if (status != CR_OK) {
        if (inside && !store_sqlite_in_transaction(db)) {
            lost_set(db, err);
        }
        return status;
    }
    if (changed) {
        /* What is neither INSERT, UPDATE nor DELETE leaves the count of the one before. */
        *changed = sqlite3_total_changes64(db->db) == before ? 0 : sqlite3_changes64(db->db);
    }
    return CR_OK;
}

int64_t store_int(const struct store_row *row, int column)
{
    return sqlite3_column_int64(row->stmt, column);
}

bool store_is_null(const struct store_row *row, int column)
{
    return sqlite3_column_type(row->stmt, column) == SQLITE_NULL;
}

cr_span store_bytes(const struct store_row *row, int column)
{
    if (store_is_null(row, column)) {
        return (cr_span){0};
    }
    const void *p = sqlite3_column_blob(row->stmt, column);
    int n = sqlite3_column_bytes(row->stmt, column);
    /* SQLite gives NULL for what is present and empty */
    return cr_span_of(p ? p : "", p && n > 0 ? (size_t)n : 0);
}

char *store_text(const struct store_row *row, int column, cr_arena *arena)
{
    cr_span s = store_bytes(row, column);
    return cr_span_present(s) ? cr_arena_strn(arena, s) : NULL;
}
