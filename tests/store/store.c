/* Works, groups, statements, rows, readers. */
#include "store/store.h"

#include "files.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static const struct store_migration schema[] = {
    {1,
     "CREATE TABLE orders(id INTEGER PRIMARY KEY, state TEXT NOT NULL, revision INTEGER NOT NULL,"
     " matching TEXT UNIQUE);"
     "CREATE TABLE events(id INTEGER PRIMARY KEY, orders INTEGER REFERENCES orders(id), what BLOB);"
     "CREATE TABLE late(id INTEGER PRIMARY KEY,"
     " orders INTEGER REFERENCES orders(id) DEFERRABLE INITIALLY DEFERRED)"},
};

static struct store *open_at(const char *url)
{
    struct cr_err err = {0};
    struct store *store = NULL;
    const struct store_options options = {
        .url = url, .migrations = schema, .migration_count = 1, .volatile_commits = true};
    if (store_open(&options, &store, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return store;
}

struct sql {
    const char *text;
    const struct store_value *values;
    int64_t changed;
    int64_t first; /* column 0 of the last row */
    int rows;
};

static cr_status sql_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    struct sql *s = ctx;
    s->first = store_int(row, 0);
    s->rows++;
    return CR_OK;
}

static cr_status sql_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct sql *s = ctx;
    return store_exec(tx, s->text, s->values, sql_row, s, &s->changed, err);
}

static int64_t run(struct store *store, const char *text)
{
    struct sql s = {.text = text};
    struct cr_err err = {0};
    if (store_run(store, sql_work, &s, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return s.rows ? s.first : s.changed;
}

static void rows_and_values(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct cr_err err = {0};
    assert_int_equal(run(store, "INSERT INTO orders(id, state, revision) VALUES(1, 'new', 0)"), 1);
    const uint8_t bytes[] = {0, 1, 0xFF};
    struct sql s = {.text = "INSERT INTO events(id, orders, what) VALUES(?, ?, ?)",
                    .values = STORE_VALUES(STORE_I(1), STORE_I(1), STORE_B(CR_SPAN_ARRAY(bytes)))};
    assert_int_equal(store_run(store, sql_work, &s, &err), CR_OK);
    s.values = STORE_VALUES(STORE_I(2), STORE_I(1), STORE_B(cr_span_of("", 0)));
    assert_int_equal(store_run(store, sql_work, &s, &err), CR_OK);
    s.values = STORE_VALUES(STORE_I(3), STORE_I(1), STORE_B((cr_span){0}));
    assert_int_equal(store_run(store, sql_work, &s, &err), CR_OK);
    assert_int_equal(run(store, "SELECT hex(what) = '0001FF' FROM events WHERE id = 1"), 1);
    assert_int_equal(run(store, "SELECT what IS NULL FROM events WHERE id = 2"), 0);
    assert_int_equal(run(store, "SELECT what IS NULL FROM events WHERE id = 3"), 1);
    assert_int_equal(run(store, "UPDATE events SET what = NULL WHERE id > 1"), 2);
    assert_int_equal(run(store, "UPDATE events SET what = NULL WHERE id > 100"), 0);
    /* the count of the UPDATE before must not show through a statement that changes no row */
    assert_int_equal(run(store, "UPDATE events SET what = NULL"), 3);
    assert_int_equal(run(store, "CREATE TABLE more(x)"), 0);
    store_close(store);
}

static cr_status kinds_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    cr_arena *arena = ctx;
    (void)err;
    assert_int_equal(store_int(row, 0), INT64_MIN);
    assert_true(store_is_null(row, 1));
    assert_false(cr_span_present(store_bytes(row, 1)));
    assert_null(store_text(row, 1, arena));
    assert_int_equal(store_int(row, 1), 0);
    assert_true(cr_span_present(store_bytes(row, 2)));
    assert_int_equal(store_bytes(row, 2).n, 0);
    assert_string_equal(store_text(row, 2, arena), "");
    assert_string_equal(store_text(row, 3, arena), "gr\xC3\xBC\xC3\x9F"
                                                   "e");
    assert_true(cr_span_equal(store_bytes(row, 4), cr_span_of("a\0b", 3)));
    return CR_OK;
}

static cr_status kinds_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return store_exec(tx, "SELECT ?, ?, ?, ?, ?",
                      STORE_VALUES(STORE_I(INT64_MIN), STORE_T(NULL), STORE_S(cr_span_of("", 0)),
                                   STORE_T("gr\xC3\xBC\xC3\x9F"
                                           "e"),
                                   STORE_B(cr_span_of("a\0b", 3))),
                      kinds_row, ctx, NULL, err);
}

static void kinds(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct store *store = open_at(":memory:");
    assert_int_equal(store_read(store, kinds_work, &arena, NULL), CR_OK);
    store_close(store);
    cr_arena_free(&arena);
}

static void mistakes_of_works(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct store *store = open_at(test_path(dir, "s.db"));
    struct cr_err err = {0};
    const char *const bad[] = {"COMMIT",
                               "ROLLBACK",
                               "BEGIN",
                               "SAVEPOINT x",
                               "RELEASE work",
                               "ATTACH ':memory:' AS other",
                               "SELECT 1; SELECT 2",
                               "",
                               "SELEKT 1",
                               "SELECT ?"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct sql s = {.text = bad[i]};
        assert_int_equal(store_run(store, sql_work, &s, &err), CR_INTERNAL);
        assert_true(err.cause[0] != 0);
    }
    struct sql write = {.text = "INSERT INTO orders(id, state, revision) VALUES(9, 'x', 0)"};
    assert_int_equal(store_read(store, sql_work, &write, &err), CR_INTERNAL);
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 0);
    store_close(store);

    store = open_at(":memory:");
    assert_int_equal(store_read(store, sql_work, &write, &err), CR_INTERNAL);
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 0);
    store_close(store);
    test_dir_free(dir);
}

static cr_status nested_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)tx;
    struct sql s = {.text = "SELECT 1"};
    return store_run(ctx, sql_work, &s, err);
}

static void work_inside_work(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    assert_int_equal(store_run(store, nested_work, store, NULL), CR_INTERNAL);
    assert_int_equal(run(store, "SELECT 5"), 5);
    store_close(store);
}

static cr_status refuse_after_write(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    CR_TRY(sql_work(tx, ctx, err));
    return cr_refuse(err, "8.2.6", "3.8", "SGP.22 5.6.3", "no");
}

static void failing_work_changes_nothing(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct cr_err err = {0};
    struct sql s = {.text = "INSERT INTO orders(id, state, revision) VALUES(1, 'x', 0)"};
    assert_int_equal(store_run(store, refuse_after_write, &s, &err), CR_REFUSED);
    assert_string_equal(err.subject, "8.2.6");
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 0);
    store_close(store);
}

static cr_status try_twice(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    struct sql s = {.text =
                        "INSERT INTO orders(id, state, revision, matching) VALUES(?, 'x', 0, 'M')",
                    .values = STORE_VALUES(STORE_I(1))};
    CR_TRY(sql_work(tx, &s, err));
    s.values = STORE_VALUES(STORE_I(2));
    assert_int_equal(sql_work(tx, &s, err), CR_REFUSED);
    s.text = "INSERT INTO orders(id, state, revision) VALUES(?, 'y', 0)";
    return sql_work(tx, &s, err);
}

static void constraints(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct cr_err err = {0};
    assert_int_equal(store_run(store, try_twice, NULL, &err), CR_OK); /* and it may go on */
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 2);
    const char *const bad[] = {
        "INSERT INTO orders(id, state, revision) VALUES(1, 'x', 0)",
        "INSERT INTO orders(id, state, revision, matching) VALUES(3, 'x', 0, 'M')",
        "INSERT INTO orders(id, state, revision) VALUES(3, NULL, 0)",
        "INSERT INTO events(id, orders) VALUES(1, 77)",
        "INSERT INTO late(id, orders) VALUES(1, 77)", /* noticed at the end of the work */
        "INSERT OR ROLLBACK INTO orders(id, state, revision, matching) VALUES(4, 'x', 0, 'M')",
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct sql s = {.text = bad[i]};
        assert_int_equal(store_run(store, sql_work, &s, &err), CR_REFUSED);
        assert_int_equal(err.code, STORE_CONSTRAINT);
        assert_non_null(strstr(err.cause, "constraint failed"));
    }
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 2);
    assert_int_equal(run(store, "SELECT count(*) FROM late"), 0);
    store_close(store);
}

static cr_status go_on_after_rollback(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct sql s = {.text =
                        "INSERT OR ROLLBACK INTO orders(id, state, revision) VALUES(1, 'x', 0)"};
    (void)ctx;
    assert_int_equal(sql_work(tx, &s, err), CR_REFUSED);
    s.text = "INSERT INTO orders(id, state, revision) VALUES(2, 'must not be', 0)";
    assert_int_equal(sql_work(tx, &s, err), CR_INTERNAL);
    return CR_OK; /* believes all is well */
}

static void lost_transaction_is_noticed(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct cr_err err = {0};
    (void)run(store, "INSERT INTO orders(id, state, revision) VALUES(1, 'x', 0)");
    assert_int_equal(store_run(store, go_on_after_rollback, NULL, &err), CR_INTERNAL);
    assert_non_null(strstr(err.cause, "gave up the transaction"));
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 1);
    store_close(store);
}

/* The text of a statement is found by its address; the same address with another text is another
 * statement. */
static void statement_cache(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    char text[64];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof(text), "SELECT %d", i);
        assert_int_equal(run(store, text), i);
    }
    char many[600][24]; /* more than the cache holds, twice */
    for (int i = 0; i < 600; i++) {
        (void)snprintf(many[i], sizeof(many[i]), "SELECT %d", i);
    }
    for (int i = 0; i < 1200; i++) {
        assert_int_equal(run(store, many[i % 600]), i % 600);
    }
    store_close(store);
}

struct depth {
    struct store_tx *tx;
    int left;
    int rows;
};

static const char depth_sql[] = "SELECT 1 UNION SELECT 2";

static cr_status depth_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct depth *d = ctx;
    int64_t before = store_int(row, 0);
    d->rows++;
    if (d->left-- > 0) {
        CR_TRY(store_exec(d->tx, depth_sql, NULL, depth_row, d, NULL, err));
    }
    d->left++;
    return store_int(row, 0) == before ? CR_OK : CR_INTERNAL;
}

static cr_status depth_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct depth *d = ctx;
    d->tx = tx;
    return store_exec(tx, depth_sql, NULL, depth_row, d, NULL, err);
}

static void statement_inside_its_own_row(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct depth d = {.left = 3};
    assert_int_equal(store_run(store, depth_work, &d, NULL), CR_OK);
    assert_int_equal(d.rows, 2 + 4 + 8 + 16);
    store_close(store);
}

static cr_status refuse_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)row;
    ++*(int *)ctx;
    return cr_fail(err, CR_MALFORMED, NULL, "this row");
}

static cr_status refuse_row_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return store_exec(tx, depth_sql, NULL, refuse_row, ctx, NULL, err);
}

static void row_that_fails_ends_the_statement(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct cr_err err = {0};
    int seen = 0;
    assert_int_equal(store_run(store, refuse_row_work, &seen, &err), CR_MALFORMED);
    assert_int_equal(seen, 1);
    assert_string_equal(err.cause, "this row");
    store_close(store);
}

/* ---- threads ---- */

#define THREADS 12
#define ROUNDS  150

struct racer {
    struct store *store;
    int won;
    int id;
};

/* Moves order 1 from (free, r) to (taken, r + 1) and back: compare and set. */
static cr_status cas_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const int64_t *revision = ctx;
    int64_t changed = 0;
    CR_TRY(store_exec(tx, "UPDATE orders SET revision = revision + 1 WHERE id = 1 AND revision = ?",
                      STORE_VALUES(STORE_I(*revision)), NULL, NULL, &changed, err));
    return changed == 1 ? CR_OK : cr_refuse(err, "8.2.6", "3.8", NULL, "somebody was faster");
}

static void *cas_main(void *ctx)
{
    struct racer *racer = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        struct sql s = {.text = "SELECT revision FROM orders WHERE id = 1"};
        if (store_read(racer->store, sql_work, &s, NULL) == CR_OK &&
            store_run(racer->store, cas_work, &s.first, NULL) == CR_OK) {
            racer->won++;
        }
    }
    return NULL;
}

static void race(void *(*fn)(void *), struct store *store, struct racer *racers)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.store = store, .id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, fn, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void compare_and_set_at(const char *url)
{
    struct store *store = open_at(url);
    struct racer racers[THREADS];
    (void)run(store, "INSERT INTO orders(id, state, revision) VALUES(1, 'free', 0)");
    race(cas_main, store, racers);
    int won = 0;
    for (int i = 0; i < THREADS; i++) {
        won += racers[i].won;
    }
    assert_true(won > 0);
    assert_int_equal(run(store, "SELECT revision FROM orders"), won);
    store_close(store);
}

static void compare_and_set(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    compare_and_set_at(":memory:");
    compare_and_set_at(test_path(dir, "s.db"));
    test_dir_free(dir);
}

/* Every third work writes and then fails, every fifth breaks a constraint: the others must stand,
 * and none of theirs. */
static void *mixed_main(void *ctx)
{
    struct racer *racer = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        struct sql s = {.text = "INSERT INTO orders(id, state, revision) VALUES(?, 'x', 0)",
                        .values = STORE_VALUES(STORE_I(racer->id * ROUNDS + i + 1))};
        struct cr_err err = {0};
        cr_status want = CR_OK;
        cr_status got = CR_OK;
        if (i % 3 == 2) {
            want = CR_REFUSED;
            got = store_run(racer->store, refuse_after_write, &s, &err);
        } else if (i % 5 == 4) {
            s.text = "INSERT INTO late(id, orders) VALUES(?, 0)";
            want = CR_REFUSED;
            got = store_run(racer->store, sql_work, &s, &err);
        } else {
            got = store_run(racer->store, sql_work, &s, &err);
            racer->won += got == CR_OK;
        }
        if (got != want) {
            racer->won = -1000000;
        }
    }
    return NULL;
}

static void failing_works_in_a_group(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct store *store = open_at(test_path(dir, "s.db"));
    struct racer racers[THREADS];
    race(mixed_main, store, racers);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(racers[i].won, ROUNDS - ROUNDS / 3 - (ROUNDS / 5 - ROUNDS / 15));
    }
    assert_int_equal(run(store, "SELECT count(*) FROM late"), 0);
    assert_int_equal(run(store, "SELECT count(*) FROM orders WHERE (id - 1) % 150 % 3 = 2"), 0);
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), THREADS * racers[0].won);
    store_close(store);
    test_dir_free(dir);
}

/* Holds the writer until three more works wait: the group is then sure to have several members. */
struct gate {
    struct store *store;
    atomic_int entered;
    atomic_int release;
};

static cr_status gate_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct gate *gate = ctx;
    (void)tx;
    (void)err;
    atomic_store(&gate->entered, 1);
    while (!atomic_load(&gate->release)) {
        (void)sched_yield();
    }
    return CR_OK;
}

static void *gate_main(void *ctx)
{
    struct gate *gate = ctx;
    return store_run(gate->store, gate_work, gate, NULL) == CR_OK ? ctx : NULL;
}

struct member {
    struct store *store;
    const char *sql;
    cr_status status;
    struct cr_err err;
};

static void *member_main(void *ctx)
{
    struct member *m = ctx;
    struct sql s = {.text = m->sql};
    m->status = store_run(m->store, sql_work, &s, &m->err);
    return NULL;
}

/* One statement that makes SQLite give up the transaction fails the whole group, and nothing of the
 * group stays. The order inside the group is the order of the queue; whatever it is, all fail or,
 * if the gate opened before one of them was queued, that one ran in a group of its own. */
static void group_gives_up_together(void **state)
{
    (void)state;
    struct store *store = open_at(":memory:");
    struct gate gate = {.store = store};
    struct member members[] = {
        {.store = store, .sql = "INSERT INTO orders(id, state, revision) VALUES(2, 'x', 0)"},
        {.store = store,
         .sql = "INSERT OR ROLLBACK INTO orders(id, state, revision) VALUES(1, 'x', 0)"},
        {.store = store, .sql = "INSERT INTO orders(id, state, revision) VALUES(3, 'x', 0)"},
    };
    pthread_t threads[1 + CR_COUNT(members)];
    (void)run(store, "INSERT INTO orders(id, state, revision) VALUES(1, 'x', 0)");
    assert_int_equal(pthread_create(&threads[0], NULL, gate_main, &gate), 0);
    while (!atomic_load(&gate.entered)) {
        (void)sched_yield();
    }
    for (size_t i = 0; i < CR_COUNT(members); i++) {
        assert_int_equal(pthread_create(&threads[1 + i], NULL, member_main, &members[i]), 0);
    }
    for (int i = 0; i < 2000; i++) {
        (void)sched_yield();
    }
    atomic_store(&gate.release, 1);
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(members[1].status, CR_REFUSED);
    int stand = 0;
    for (size_t i = 0; i < CR_COUNT(members); i += 2) {
        stand += members[i].status == CR_OK;
        if (members[i].status != CR_OK) {
            assert_int_equal(members[i].status, CR_INTERNAL);
            assert_non_null(strstr(members[i].err.cause, "gave up"));
        }
    }
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 1 + stand);
    store_close(store);
}

static cr_status count_twice(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct sql s = {.text = "SELECT count(*) FROM orders"};
    (void)ctx;
    CR_TRY(sql_work(tx, &s, err));
    int64_t before = s.first;
    for (int i = 0; i < 20; i++) {
        CR_TRY(sql_work(tx, &s, err));
        if (s.first != before) {
            return cr_fail(err, CR_INTERNAL, NULL, "the view moved");
        }
    }
    return CR_OK;
}

static void *read_main(void *ctx)
{
    struct racer *racer = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        struct sql s = {.text = "INSERT INTO orders(id, state, revision) VALUES(?, 'x', 0)",
                        .values = STORE_VALUES(STORE_I(racer->id * ROUNDS + i + 1))};
        struct sql look = {.text = "SELECT count(*) FROM orders WHERE id = ?", .values = s.values};
        if (store_run(racer->store, sql_work, &s, NULL) != CR_OK ||
            store_read(racer->store, sql_work, &look, NULL) != CR_OK || look.first != 1 ||
            store_read(racer->store, count_twice, NULL, NULL) != CR_OK) {
            return NULL;
        }
        racer->won++;
    }
    return NULL;
}

static void readers_see_commits_and_a_still_picture(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct store *store = open_at(test_path(dir, "s.db"));
    struct racer racers[THREADS];
    race(read_main, store, racers);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(racers[i].won, ROUNDS);
    }
    store_close(store);
    test_dir_free(dir);
}

static void opening(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct cr_err err = {0};
    struct store *store = NULL;
    struct store_options options = {.url = "postgresql://db/crisp"};
    assert_int_equal(store_open(&options, &store, &err), CR_REFUSED);
    assert_true(err.next[0] != 0);
    options.url = "";
    assert_int_equal(store_open(&options, &store, &err), CR_REFUSED);
    options.url = test_path(dir, "missing/s.db");
    assert_int_equal(store_open(&options, &store, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "missing/s.db"));
    assert_non_null(strstr(err.next, "directory exists"));
    options.url = dir;
    assert_int_equal(store_open(&options, &store, &err), CR_RESOURCE);
    options.url = test_path(dir, "s.db");
    FILE *f = fopen(options.url, "w");
    assert_non_null(f);
    for (int i = 0; i < 500; i++) {
        (void)fputs("This is a letter, not a database. ", f);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(store_open(&options, &store, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, options.url));
    assert_non_null(strstr(err.next, "backup"));
    assert_null(store);
    store_close(NULL);

    struct stat st;
    store = open_at(test_path(dir, "new.db"));
    assert_int_equal(stat(test_path(dir, "new.db"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(run(store, "PRAGMA foreign_keys"), 1);
    store_close(store);
    test_dir_free(dir);
}

static void durable_settings(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct store *store = NULL;
    const struct store_options options = {.url = test_path(dir, "s.db")};
    assert_int_equal(store_open(&options, &store, NULL), CR_OK);
    assert_int_equal(run(store, "PRAGMA synchronous"), 2); /* FULL */
    store_close(store);
    store = open_at(test_path(dir, "v.db"));
    assert_int_equal(run(store, "PRAGMA synchronous"), 0); /* OFF: asked for */
    store_close(store);
    test_dir_free(dir);
}

/* ---- submitted works ---- */

struct submitted {
    struct sql sql[2]; /* the second may be absent */
    sem_t *gate;       /* waits here first */
    bool fails;
    int runs;
    atomic_int done;
    cr_status status;
    char cause[256];
    sem_t *told;
};

static cr_status submitted_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct submitted *s = ctx;
    s->runs++;
    if (s->gate) {
        (void)sem_wait(s->gate);
    }
    for (size_t i = 0; i < CR_COUNT(s->sql) && s->sql[i].text; i++) {
        CR_TRY(sql_work(tx, &s->sql[i], err));
    }
    return s->fails ? cr_fail(err, CR_RESOURCE, NULL, "on purpose") : CR_OK;
}

static void submitted_done(void *ctx, cr_status status, const struct cr_err *err)
{
    struct submitted *s = ctx;
    s->status = status;
    (void)snprintf(s->cause, sizeof(s->cause), "%s", err->category ? err->cause : "");
    atomic_fetch_add(&s->done, 1);
    (void)sem_post(s->told);
}

/* A work that fails after it has changed something takes nothing of the others with it, although
 * they stand in no savepoints. */
static void submitted_works_share_a_commit(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct store *store = open_at(test_path(dir, "s.db"));
    sem_t gate;
    sem_t told;
    (void)sem_init(&gate, 0, 0);
    (void)sem_init(&told, 0, 0);
    struct submitted works[] = {
        {.gate = &gate}, /* holds the commit up until all the others are there */
        {.sql = {{.text = "INSERT INTO orders(id, state, revision) VALUES(1, 'a', 0)"}}},
        {.sql = {{.text = "UPDATE orders SET state = 'lost' WHERE id = 99"}}, .fails = true},
        {.sql = {{.text = "INSERT INTO orders(id, state, revision) VALUES(2, 'b', 0)"},
                 {.text = "UPDATE orders SET revision = 7 WHERE id = 1"}},
         .fails = true},
        {.sql = {{.text = "INSERT INTO orders(id, state, revision) VALUES(3, 'c', 0)"}}},
        {.sql = {{.text = "INSERT INTO orders(id, state, revision) VALUES(1, 'twice', 0)"}}},
        {.sql = {{.text = "INSERT INTO late(id, orders) VALUES(1, 77)"}}}, /* dangling */
    };
    for (size_t i = 0; i < CR_COUNT(works); i++) {
        works[i].told = &told;
        assert_int_equal(
            store_submit(store, submitted_work, &works[i], i % 2, submitted_done, &works[i], NULL),
            CR_OK);
    }
    (void)sem_post(&gate);
    (void)sem_post(&gate); /* it may be run again */
    for (size_t i = 0; i < CR_COUNT(works); i++) {
        (void)sem_wait(&told);
    }
    static const cr_status expected[] = {CR_OK, CR_OK,      CR_RESOURCE, CR_RESOURCE,
                                         CR_OK, CR_REFUSED, CR_REFUSED};
    for (size_t i = 0; i < CR_COUNT(works); i++) {
        assert_int_equal(works[i].status, expected[i]);
        assert_int_equal(atomic_load(&works[i].done), 1);
        assert_in_range(works[i].runs, 1, 2);
    }
    assert_string_equal(works[2].cause, "on purpose");
    assert_int_equal(run(store, "SELECT count(*) FROM orders WHERE id IN (1, 3)"), 2);
    assert_int_equal(run(store, "SELECT count(*) FROM orders"), 2);
    assert_int_equal(run(store, "SELECT max(revision) FROM orders"), 0);
    assert_int_equal(run(store, "SELECT count(*) FROM late"), 0);
    store_close(store);
    (void)sem_destroy(&gate);
    (void)sem_destroy(&told);
    test_dir_free(dir);
}

/* Works of both kinds from several threads; closing waits for what was submitted. */
struct crowd {
    struct store *store;
    atomic_int done;
};

static cr_status crowd_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx, "INSERT INTO orders(state, revision) VALUES('x', 0)", NULL, NULL, NULL,
                      NULL, err);
}

static void crowd_done(void *ctx, cr_status status, const struct cr_err *err)
{
    struct crowd *crowd = ctx;
    (void)err;
    atomic_fetch_add(&crowd->done, status == CR_OK);
}

static void *crowd_thread(void *ctx)
{
    struct crowd *crowd = ctx;
    for (int i = 0; i < 100; i++) {
        if (store_submit(crowd->store, crowd_work, NULL, i % 3 == 0, crowd_done, crowd, NULL) !=
                CR_OK ||
            store_run(crowd->store, crowd_work, NULL, NULL) != CR_OK) {
            break;
        }
    }
    return NULL;
}

static void submitted_and_waited_for(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct crowd crowd = {.store = open_at(test_path(dir, "s.db"))};
    pthread_t threads[4];
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, &crowd), 0);
    }
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    store_close(crowd.store);
    assert_int_equal(atomic_load(&crowd.done), 400);
    crowd.store = open_at(test_path(dir, "s.db"));
    assert_int_equal(run(crowd.store, "SELECT count(*) FROM orders"), 800);
    store_close(crowd.store);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_values),
        cmocka_unit_test(kinds),
        cmocka_unit_test(mistakes_of_works),
        cmocka_unit_test(work_inside_work),
        cmocka_unit_test(failing_work_changes_nothing),
        cmocka_unit_test(constraints),
        cmocka_unit_test(lost_transaction_is_noticed),
        cmocka_unit_test(statement_cache),
        cmocka_unit_test(statement_inside_its_own_row),
        cmocka_unit_test(row_that_fails_ends_the_statement),
        cmocka_unit_test(compare_and_set),
        cmocka_unit_test(failing_works_in_a_group),
        cmocka_unit_test(group_gives_up_together),
        cmocka_unit_test(readers_see_commits_and_a_still_picture),
        cmocka_unit_test(submitted_works_share_a_commit),
        cmocka_unit_test(submitted_and_waited_for),
        cmocka_unit_test(opening),
        cmocka_unit_test(durable_settings),
    };
    return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
