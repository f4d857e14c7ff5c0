/* The store when the world is unkind: processes killed, disks full, files locked by others. */
#include "store/store.h"

#include "files.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 6
#define ROUNDS  6

static const struct store_migration schema[] = {
    {1,
     "CREATE TABLE one(n INTEGER PRIMARY KEY, fill BLOB); CREATE TABLE two(n INTEGER PRIMARY KEY)"},
};

static cr_status open_at(const char *path, int busy_ms, struct store **store, struct cr_err *err)
{
    const struct store_options options = {
        .url = path, .migrations = schema, .migration_count = 1, .busy_timeout_ms = busy_ms};
    return store_open(&options, store, err);
}

struct insert {
    int64_t n;
    size_t size;
};

static cr_status insert_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    static const uint8_t fill[65536];
    const struct insert *in = ctx;
    CR_TRY(store_exec(tx, "INSERT INTO one(n, fill) VALUES(?, ?)",
                      STORE_VALUES(STORE_I(in->n), STORE_B(cr_span_of(fill, in->size))), NULL, NULL,
                      NULL, err));
    return store_exec(tx, "INSERT INTO two(n) VALUES(?)", STORE_VALUES(STORE_I(in->n)), NULL, NULL,
                      NULL, err);
}

static cr_status number_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

struct query {
    const char *sql;
    int64_t n;
    int64_t result;
};

static cr_status query_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct query *q = ctx;
    return store_exec(tx, q->sql, q->n ? STORE_VALUES(STORE_I(q->n)) : NULL, number_row, &q->result,
                      NULL, err);
}

static int64_t ask(struct store *store, const char *sql, int64_t n)
{
    struct query q = {.sql = sql, .n = n, .result = -1};
    struct cr_err err = {0};
    if (store_run(store, query_work, &q, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return q.result;
}

/* ---- kill -9 ---- */

struct writer {
    struct store *store;
    int64_t from;
    int pipe;
};

static void *write_for_ever(void *ctx)
{
    const struct writer *w = ctx;
    for (int64_t n = w->from;; n++) {
        struct insert in = {.n = n, .size = 300};
        if (store_run(w->store, insert_work, &in, NULL) != CR_OK ||
            write(w->pipe, &n, sizeof(n)) != sizeof(n)) {
            return NULL;
        }
    }
}

static void child_writes(const char *path, int64_t round, int pipe_end)
{
    struct store *store = NULL;
    if (open_at(path, 0, &store, NULL) != CR_OK) {
        return;
    }
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){store, 1 + (round * THREADS + i) * 1000000, pipe_end};
        (void)pthread_create(&threads[i], NULL, write_for_ever, &writers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void acknowledged_works_survive_kill(void **state)
{
    (void)state;
    static int64_t seen[200000];
    size_t count = 0;
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    for (int round = 0; round < ROUNDS; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(fds[0]);
            child_writes(path, round, fds[1]);
            _exit(1);
        }
        (void)close(fds[1]);
        size_t stop = count + 50 + (size_t)round * 171; /* past a checkpoint in some rounds */
        while (count < CR_COUNT(seen) &&
               read(fds[0], &seen[count], sizeof(seen[0])) == sizeof(seen[0])) {
            if (++count == stop) {
                assert_int_equal(kill(pid, SIGKILL), 0);
            }
        }
        (void)close(fds[0]);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_true(count >= stop);

        struct store *store = NULL;
        assert_int_equal(open_at(path, 0, &store, NULL), CR_OK);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(ask(store, "SELECT count(*) FROM one WHERE n = ?", seen[i]), 1);
        }
        /* and no work is there by half */
        assert_int_equal(
            ask(store, "SELECT count(*) FROM one WHERE n NOT IN (SELECT n FROM two)", 0), 0);
        assert_int_equal(
            ask(store, "SELECT count(*) FROM two WHERE n NOT IN (SELECT n FROM one)", 0), 0);
        store_close(store);
    }
    test_dir_free(dir);
}

/* ---- disk full ---- */

static void database_full(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    struct store *store = NULL;
    struct cr_err err = {0};
    assert_int_equal(open_at(path, 0, &store, &err), CR_OK);
    (void)ask(store, "PRAGMA max_page_count=20", 0);
    struct insert in = {.n = 1, .size = 3000};
    while (store_run(store, insert_work, &in, &err) == CR_OK && in.n < 1000) {
        in.n++;
    }
    assert_true(in.n > 1 && in.n < 1000);
    assert_int_equal(err.category, CR_RESOURCE);
    assert_non_null(strstr(err.cause, path));
    assert_non_null(strstr(err.next, "free space"));
    assert_int_equal(ask(store, "SELECT count(*) FROM one", 0), in.n - 1);
    (void)ask(store, "PRAGMA max_page_count=1000", 0);
    assert_int_equal(store_run(store, insert_work, &in, &err), CR_OK);
    assert_int_equal(ask(store, "SELECT count(*) FROM two", 0), in.n);
    store_close(store);
    test_dir_free(dir);
}

struct filler {
    struct store *store;
    int64_t from;
    int64_t stored;
    struct cr_err err;
};

static void *fill(void *ctx)
{
    struct filler *f = ctx;
    for (int64_t i = 0; i < 200; i++) {
        struct insert in = {.n = f->from + i, .size = 9000};
        if (store_run(f->store, insert_work, &in, &f->err) != CR_OK) {
            break;
        }
        f->stored++;
    }
    return NULL;
}

#define CHECK(c)                                                                                   \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            return __LINE__ % 251 + 1;                                                             \
        }                                                                                          \
    } while (0)

/* The file may not grow beyond a limit; then the limit goes away and work goes on. */
static int fill_under_limit(void *ctx)
{
    const char *path = ctx;
    struct store *store = NULL;
    struct cr_err err = {0};
    struct rlimit limit;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(open_at(path, 0, &store, &err) == CR_OK);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 1000000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct filler fillers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        fillers[i] = (struct filler){.store = store, .from = 1 + i * 1000};
        CHECK(pthread_create(&threads[i], NULL, fill, &fillers[i]) == 0);
    }
    int64_t stored = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        stored += fillers[i].stored;
        CHECK(fillers[i].stored < 200);
        CHECK(fillers[i].err.category == CR_RESOURCE);
        CHECK(strstr(fillers[i].err.cause, path) != NULL);
        CHECK(fillers[i].err.next[0] != 0);
    }
    limit.rlim_cur = before;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct query q = {.sql = "SELECT count(*) FROM one"};
    CHECK(store_read(store, query_work, &q, &err) == CR_OK);
    CHECK(q.result == stored);
    struct insert in = {.n = 999999, .size = 10};
    CHECK(store_run(store, insert_work, &in, &err) == CR_OK);
    store_close(store);
    CHECK(open_at(path, 0, &store, &err) == CR_OK);
    CHECK(store_run(store, query_work, &q, &err) == CR_OK);
    CHECK(q.result == stored + 1);
    q.sql = "SELECT count(*) FROM one JOIN two USING(n)";
    CHECK(store_run(store, query_work, &q, &err) == CR_OK);
    CHECK(q.result == stored + 1);
    store_close(store);
    return 0;
}

static void disk_full(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    assert_int_equal(test_in_child(fill_under_limit, (void *)(uintptr_t)test_path(dir, "s.db")), 0);
    test_dir_free(dir);
}

/* ---- locks ---- */

struct holder {
    int ready;
    int release;
};

static cr_status hold_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct holder *h = ctx;
    char byte = 'r';
    struct insert in = {.n = 1, .size = 1};
    CR_TRY(insert_work(tx, &in, err));
    return write(h->ready, &byte, 1) == 1 && read(h->release, &byte, 1) == 1 ? CR_OK : CR_INTERNAL;
}

static void locked_by_another_process(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    const char *path = test_path(dir, "s.db");
    struct store *store = NULL;
    struct cr_err err = {0};
    int ready[2];
    int release[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct holder h = {.ready = ready[1], .release = release[0]};
        _exit(open_at(path, 0, &store, NULL) == CR_OK &&
                      store_run(store, hold_work, &h, NULL) == CR_OK
                  ? 0
                  : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(open_at(path, 20, &store, &err), CR_OK);
    struct insert in = {.n = 2, .size = 1};
    assert_int_equal(store_run(store, insert_work, &in, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, path));
    assert_non_null(strstr(err.cause, "locked by"));
    assert_true(err.next[0] != 0);
    char text[32];
    (void)snprintf(text, sizeof(text), "process %ld", (long)pid);
    if (access("/proc/locks", R_OK) == 0) {
        assert_non_null(strstr(err.cause, text));
    }
    /* who only reads is not held up, and sees the last commit */
    struct query q = {.sql = "SELECT count(*) FROM one"};
    assert_int_equal(store_read(store, query_work, &q, &err), CR_OK);
    assert_int_equal(q.result, 0);

    assert_int_equal(write(release[1], "x", 1), 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(store_run(store, insert_work, &in, &err), CR_OK);
    assert_int_equal(ask(store, "SELECT count(*) FROM one", 0), 2);
    store_close(store);
    for (int i = 0; i < 2; i++) {
        (void)close(ready[i]);
        (void)close(release[i]);
    }
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_works_survive_kill),
        cmocka_unit_test(database_full),
        cmocka_unit_test(disk_full),
        cmocka_unit_test(locked_by_another_process),
    };
    return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
