/* The schema moves up step by step, never down, and a step that fails leaves the version before. */
#include "store/store.h"

#include "files.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct store_migration steps[] = {
    {1, "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT);"
        "CREATE TABLE b(id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id) ON DELETE CASCADE)"},
    {2, "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7"},
    /* a table rebuilt: with foreign keys enforced the DROP would empty b */
    {3, "CREATE TABLE a2(id INTEGER PRIMARY KEY, x TEXT NOT NULL, y INTEGER);"
        "INSERT INTO a2 SELECT id, coalesce(x, ''), y FROM a; DROP TABLE a;"
        "ALTER TABLE a2 RENAME TO a"},
};

static cr_status open_with(const char *path, const struct store_migration *migrations, size_t count,
                           struct store **store, struct cr_err *err)
{
    const struct store_options options = {
        .url = path, .migrations = migrations, .migration_count = count, .volatile_commits = true};
    return store_open(&options, store, err);
}

static cr_status number_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

struct query {
    const char *sql;
    int64_t result;
};

static cr_status query_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct query *q = ctx;
    return store_exec(tx, q->sql, NULL, number_row, &q->result, NULL, err);
}

static int64_t ask(struct store *store, const char *sql)
{
    struct query q = {.sql = sql, .result = -1};
    struct cr_err err = {0};
    if (store_run(store, query_work, &q, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return q.result;
}

static void up(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    struct store *store = NULL;
    struct cr_err err = {0};
    assert_int_equal(open_with(path, steps, 1, &store, &err), CR_OK);
    (void)ask(store, "INSERT INTO a(id, x) VALUES(1, NULL)");
    (void)ask(store, "INSERT INTO b(id, a) VALUES(1, 1)");
    assert_int_equal(ask(store, "PRAGMA user_version"), 1);
    store_close(store);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(open_with(path, steps, 3, &store, &err), CR_OK);
        assert_int_equal(ask(store, "PRAGMA user_version"), 3);
        assert_int_equal(ask(store, "SELECT y FROM a WHERE x = ''"), 7);
        assert_int_equal(ask(store, "SELECT count(*) FROM b"), 1);
        assert_int_equal(ask(store, "PRAGMA foreign_keys"), 1);
        store_close(store);
    }
    test_dir_free(dir);
}

static void newer(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    struct store *store = NULL;
    struct cr_err err = {0};
    assert_int_equal(open_with(path, steps, 3, &store, &err), CR_OK);
    store_close(store);
    store = NULL;
    assert_int_equal(open_with(path, steps, 2, &store, &err), CR_REFUSED);
    assert_null(store);
    assert_non_null(strstr(err.cause, "newer crisp"));
    assert_non_null(strstr(err.cause, path));
    assert_non_null(strstr(err.next, "backup"));
    assert_int_equal(open_with(path, NULL, 0, &store, &err), CR_REFUSED);
    test_dir_free(dir);
}

static void failing_step(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "CREATE TABLE c(x); INSERT INTO nowhere VALUES(1)", /* half of it works */
        "CREATE TABLE c(x); COMMIT",
        "CREATE TABLE c(x); INSERT INTO b(id, a) VALUES(5, 99)", /* points nowhere */
    };
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    struct store *store = NULL;
    struct cr_err err = {0};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        const struct store_migration with[] = {steps[0], {2, bad[i]}};
        store = NULL;
        assert_int_equal(open_with(path, with, 2, &store, &err), CR_INTERNAL);
        assert_null(store);
        assert_non_null(strstr(err.cause, "migration 2"));
        assert_int_equal(open_with(path, steps, 1, &store, &err), CR_OK); /* still version 1 */
        if (i != 1) {
            assert_int_equal(ask(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
        } else {
            (void)ask(store, "DROP TABLE c"); /* it committed itself: caught, not undone */
        }
        assert_int_equal(ask(store, "SELECT count(*) FROM b"), 0);
        store_close(store);
    }
    const struct store_migration disorder[] = {steps[1], steps[0]};
    assert_int_equal(open_with(path, disorder, 2, &store, &err), CR_INTERNAL);
    const struct store_migration zero[] = {{0, "SELECT 1"}};
    assert_int_equal(open_with(path, zero, 1, &store, &err), CR_INTERNAL);
    test_dir_free(dir);
}

static int open_in_child(void *ctx)
{
    struct store *store = NULL;
    cr_status status = open_with(ctx, steps, 3, &store, NULL);
    store_close(store);
    return status == CR_OK ? 0 : 1;
}

static void two_processes(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    struct store *store = NULL;
    struct cr_err err = {0};
    assert_int_equal(test_in_child(open_in_child, (void *)(uintptr_t)path), 0);
    assert_int_equal(open_with(path, steps, 3, &store, &err), CR_OK);
    (void)ask(store, "INSERT INTO a(id, x) VALUES(1, 'kept')");
    assert_int_equal(test_in_child(open_in_child, (void *)(uintptr_t)path), 0);
    assert_int_equal(ask(store, "SELECT count(*) FROM a WHERE x = 'kept'"), 1);
    store_close(store);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up),
        cmocka_unit_test(newer),
        cmocka_unit_test(failing_step),
        cmocka_unit_test(two_processes),
    };
    return cmocka_run_group_tests_name("store/migrate", tests, NULL, NULL);
}
