/* The schema of a database: its version in PRAGMA user_version, moved up step by step. */
#include "store/sqlite_struct.h"

#include <stdio.h>

static cr_status version_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

static cr_status version_read(struct store_sqlite *db, int64_t *version, struct cr_err *err)
{
    return store_sqlite_exec(db, false, "PRAGMA user_version", NULL, version_row, version, NULL,
                             err);
}

static cr_status version_check(const struct store_sqlite *db, int64_t have, int newest,
                               struct cr_err *err)
{
    if (have > newest) {
        (void)cr_fail(err, CR_REFUSED, NULL,
                      "%s was written by a newer crisp: its schema is version %lld, this program "
                      "knows versions up to %d",
                      db->path, (long long)have, newest);
        return cr_err_next(err, CR_REFUSED,
                           "use the newer crisp, or restore the backup made before the upgrade");
    }
    return CR_OK;
}

static cr_status dangling_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)ctx;
    cr_span table = store_bytes(row, 0);
    return cr_fail(err, CR_INTERNAL, NULL, "rows of %.*s point nowhere",
                   table.n < 64 ? (int)table.n : 64, (const char *)table.p);
}

static cr_status step_run(struct store_sqlite *db, const struct store_migration *m,
                          struct cr_err *err)
{
    int rc = sqlite3_exec(db->db, m->sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return store_sqlite_fail(db, rc, NULL, err);
    }
    if (!store_sqlite_in_transaction(db)) {
        return cr_fail(err, CR_INTERNAL, NULL, "it ends its transaction itself");
    }
    CR_TRY(store_sqlite_exec(db, false, "PRAGMA foreign_key_check", NULL, dangling_row, NULL, NULL,
                             err));
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", m->version);
    rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? CR_OK : store_sqlite_fail(db, rc, sql, err);
}

static cr_status step_apply(struct store_sqlite *db, const struct store_migration *m, int newest,
                            struct cr_err *err)
{
    int64_t have = 0;
    CR_TRY(store_sqlite_control(db, STORE_BEGIN_WRITE, err));
    cr_status status = version_read(db, &have, err); /* another process may have been faster */
    if (status == CR_OK) {
        status = version_check(db, have, newest, err);
    }
    if (status == CR_OK && have < m->version) {
        status = step_run(db, m, err);
        if (status == CR_OK) {
            status = store_sqlite_control(db, STORE_COMMIT, err);
        }
        if (status != CR_OK) {
            status = cr_err_context(err, status, "%s: migration %d", db->path, m->version);
        }
    }
    if (store_sqlite_in_transaction(db)) {
        struct cr_err ignored;
        if (store_sqlite_control(db, STORE_ROLLBACK, &ignored) != CR_OK && status == CR_OK) {
            status = cr_fail(err, CR_INTERNAL, NULL, "%s", ignored.cause);
        }
    }
    return status;
}

static cr_status steps_check(const struct store_migration *migrations, size_t count,
                             struct cr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (migrations[i].version <= (i ? migrations[i - 1].version : 0)) {
            return cr_fail(err, CR_INTERNAL, NULL, "migration %d is out of order",
                           migrations[i].version);
        }
    }
    return CR_OK;
}

cr_status store_sqlite_migrate(struct store_sqlite *db, const struct store_migration *migrations,
                               size_t count, struct cr_err *err)
{
    CR_TRY(steps_check(migrations, count, err));
    int newest = count ? migrations[count - 1].version : 0;
    int64_t have = 0;
    CR_TRY(version_read(db, &have, err));
    CR_TRY(version_check(db, have, newest, err));
    if (have == newest) {
        return CR_OK;
    }
    /* Not inside a transaction, where this pragma does nothing. */
    int rc = sqlite3_exec(db->db, "PRAGMA foreign_keys=OFF", NULL, NULL, NULL);
    cr_status status = rc == SQLITE_OK ? CR_OK : store_sqlite_fail(db, rc, NULL, err);
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        if (migrations[i].version > have) {
            status = step_apply(db, &migrations[i], newest, err);
        }
    }
    if (status == CR_OK) {
        rc = sqlite3_exec(db->db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
        status = rc == SQLITE_OK ? CR_OK : store_sqlite_fail(db, rc, NULL, err);
    }
    return status;
}
