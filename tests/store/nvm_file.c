/* The chip's memory on disk: its lock, damage, other versions, killed processes, full disks. */
#include "store/nvm.h"

#include "files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct nvm *open_ok(const char *dir, bool create)
{
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    if (nvm_open(dir, create, &nvm, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return nvm;
}

static cr_status put_text(struct nvm *nvm, const char *key, const char *value, struct cr_err *err)
{
    return nvm_put(nvm, cr_span_str(key), cr_span_str(value), err);
}

static bool has_text(const struct nvm *nvm, const char *key, const char *value)
{
    return cr_span_equal(nvm_get(nvm, cr_span_str(key)), cr_span_str(value));
}

static void create_flag(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    char deep[4096];
    (void)snprintf(deep, sizeof(deep), "%s/chip", dir);
    assert_int_equal(nvm_open(deep, false, &nvm, &err), CR_RESOURCE);
    assert_null(nvm);
    assert_non_null(strstr(err.cause, "there is no directory"));
    assert_true(err.next[0] != 0);
    assert_int_equal(nvm_open(dir, false, &nvm, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "there is no chip in"));
    assert_true(err.next[0] != 0);
    assert_int_not_equal(access(deep, F_OK), 0); /* it made nothing */

    nvm = open_ok(deep, true);
    assert_int_equal(put_text(nvm, "isdr", "1", &err), CR_OK);
    nvm_close(nvm);
    struct stat st;
    assert_int_equal(stat(test_path(deep, "chip.db"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    for (int create = 0; create < 2; create++) { /* create keeps what is there */
        nvm = open_ok(deep, create);
        assert_true(has_text(nvm, "isdr", "1"));
        assert_int_equal(nvm_used(nvm), 5);
        nvm_close(nvm);
    }
    (void)unlink(test_path(deep, "chip.db"));
    (void)unlink(test_path(deep, "lock"));
    (void)rmdir(deep);
    test_dir_free(dir);
}

static void open_transaction_is_dropped(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct nvm *nvm = open_ok(dir, true);
    assert_int_equal(put_text(nvm, "a", "1", NULL), CR_OK);
    nvm_begin(nvm);
    assert_int_equal(put_text(nvm, "a", "2", NULL), CR_OK);
    assert_int_equal(put_text(nvm, "b", "2", NULL), CR_OK);
    nvm_close(nvm);
    nvm = open_ok(dir, false);
    assert_true(has_text(nvm, "a", "1"));
    assert_int_equal(nvm_used(nvm), 2);
    nvm_close(nvm);
    test_dir_free(dir);
}

/* ---- processes ---- */

struct child {
    pid_t pid;
    int from; /* what it writes */
    int to;   /* what it waits for */
};

static struct child child_start(void (*fn)(const char *dir, int out, int in), const char *dir)
{
    int out[2];
    int in[2];
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(in), 0);
    struct child c = {.pid = fork(), .from = out[0], .to = in[1]};
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        (void)close(out[0]);
        (void)close(in[1]);
        fn(dir, out[1], in[0]);
        _exit(0);
    }
    (void)close(out[1]);
    (void)close(in[0]);
    return c;
}

static void child_kill(struct child *c)
{
    assert_int_equal(kill(c->pid, SIGKILL), 0);
    assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
    (void)close(c->to);
    (void)close(c->from);
}

static void child_holds(const char *dir, int out, int in)
{
    struct nvm *nvm = NULL;
    char byte = 'o';
    if (nvm_open(dir, true, &nvm, NULL) == CR_OK && write(out, &byte, 1) == 1) {
        (void)!read(in, &byte, 1);
    }
}

static void locked_by_another_process(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    struct child c = child_start(child_holds, dir);
    char byte = 0;
    char text[32];
    assert_int_equal(read(c.from, &byte, 1), 1);
    assert_int_equal(nvm_open(dir, true, &nvm, &err), CR_RESOURCE);
    assert_null(nvm);
    (void)snprintf(text, sizeof(text), "process %ld", (long)c.pid);
    assert_non_null(strstr(err.cause, text));
    assert_non_null(strstr(err.cause, dir));
    assert_non_null(strstr(err.next, text));
    assert_int_equal(err.code, c.pid);
    child_kill(&c); /* the lock goes with the process */
    nvm = open_ok(dir, false);
    struct nvm *second = NULL;
    assert_int_equal(nvm_open(dir, false, &second, &err), CR_RESOURCE); /* nor twice in one */
    assert_int_equal(err.code, getpid());
    nvm_close(nvm);
    nvm_close(open_ok(dir, false));
    test_dir_free(dir);
}

/* Transaction i sets counter = i and key/(i % 50) = i; reports i after the commit. */
static void child_counts(const char *dir, int out, int in)
{
    struct nvm *nvm = NULL;
    (void)in;
    if (nvm_open(dir, true, &nvm, NULL) != CR_OK) {
        return;
    }
    int at = 0;
    cr_span was = nvm_get(nvm, cr_span_str("counter"));
    if (was.n == sizeof(at)) {
        memcpy(&at, was.p, sizeof(at));
    }
    for (;;) {
        char key[16];
        at++;
        (void)snprintf(key, sizeof(key), "key/%d", at % 50);
        nvm_begin(nvm);
        if (nvm_put(nvm, cr_span_str("counter"), cr_span_of(&at, sizeof(at)), NULL) != CR_OK ||
            nvm_put(nvm, cr_span_str(key), cr_span_of(&at, sizeof(at)), NULL) != CR_OK ||
            nvm_commit(nvm, NULL) != CR_OK || write(out, &at, sizeof(at)) != sizeof(at)) {
            return;
        }
    }
}

static void committed_values_survive_kill(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    int last = 0;
    for (int round = 0; round < 6; round++) {
        struct child c = child_start(child_counts, dir);
        int stop = last + 40 + 97 * round;
        while (last < stop && read(c.from, &last, sizeof(last)) == sizeof(last)) {
        }
        assert_true(last >= stop);
        child_kill(&c);
        struct nvm *nvm = open_ok(dir, false);
        int found = 0;
        cr_span value = nvm_get(nvm, cr_span_str("counter"));
        assert_int_equal(value.n, sizeof(found));
        memcpy(&found, value.p, sizeof(found));
        assert_true(found >= last);
        for (int i = found; i > found - 50 && i > 0; i--) { /* no transaction by half */
            char key[16];
            (void)snprintf(key, sizeof(key), "key/%d", i % 50);
            assert_true(cr_span_equal(nvm_get(nvm, cr_span_str(key)), cr_span_of(&i, sizeof(i))));
        }
        last = found;
        nvm_close(nvm);
    }
    test_dir_free(dir);
}

/* ---- disk full ---- */

#define CHECK(c)                                                                                   \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            return __LINE__ % 251 + 1;                                                             \
        }                                                                                          \
    } while (0)

static int fill_under_limit(void *ctx)
{
    static uint8_t value[20000];
    const char *dir = ctx;
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    struct rlimit limit;
    char key[16];
    int stored = 0;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(nvm_open(dir, true, &nvm, &err) == CR_OK);
    CHECK(put_text(nvm, "both", "old", &err) == CR_OK);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 300000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (; stored < 100; stored++) {
        size_t used = nvm_used(nvm);
        (void)snprintf(key, sizeof(key), "key/%d", stored);
        nvm_begin(nvm);
        CHECK(nvm_put(nvm, cr_span_str(key), CR_SPAN_ARRAY(value), &err) == CR_OK);
        CHECK(put_text(nvm, "both", key, &err) == CR_OK);
        if (nvm_commit(nvm, &err) != CR_OK) {
            CHECK(nvm_used(nvm) == used);
            break;
        }
    }
    CHECK(stored > 0 && stored < 100);
    CHECK(err.category == CR_RESOURCE && strstr(err.cause, dir) && err.next[0]);
    CHECK(!nvm_in_transaction(nvm));
    CHECK(!cr_span_present(nvm_get(nvm, cr_span_str(key))));
    (void)snprintf(key, sizeof(key), "key/%d", stored - 1);
    CHECK(has_text(nvm, "both", key));
    limit.rlim_cur = before;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(put_text(nvm, "after", "room again", &err) == CR_OK);
    nvm_close(nvm);
    CHECK(nvm_open(dir, false, &nvm, &err) == CR_OK);
    CHECK(has_text(nvm, "both", key) && has_text(nvm, "after", "room again"));
    size_t count = 0;
    (void)nvm_size_prefix(nvm, cr_span_str("key/"), &count);
    CHECK(count == (size_t)stored);
    nvm_close(nvm);
    return 0;
}

static void disk_full(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    assert_int_equal(test_in_child(fill_under_limit, dir), 0);
    test_dir_free(dir);
}

/* ---- files that are not right ---- */

static void damage(const char *path, long from, long to)
{
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, from, SEEK_SET), 0);
    for (long i = from; i < to; i++) {
        assert_int_not_equal(fputc('#', f), EOF);
    }
    assert_int_equal(fclose(f), 0);
}

static void damaged_file(void **state)
{
    (void)state;
    static const uint8_t value[900];
    static const struct {
        long from;
        long to;
    } parts[] = {{0, 16}, {0, 8192}, {4096, 4200}, {8192, 12288}};
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        char *dir = test_dir_new();
        struct cr_err err = {0};
        struct nvm *nvm = open_ok(dir, true);
        for (int k = 0; k < 40; k++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "key/%d", k);
            assert_int_equal(nvm_put(nvm, cr_span_str(key), CR_SPAN_ARRAY(value), NULL), CR_OK);
        }
        nvm_close(nvm);
        nvm = NULL;
        damage(test_path(dir, "chip.db"), parts[i].from, parts[i].to);
        assert_int_equal(nvm_open(dir, true, &nvm, &err), CR_MALFORMED);
        assert_null(nvm);
        assert_non_null(strstr(err.cause, dir));
        assert_non_null(strstr(err.next, "backup"));
        assert_int_equal(nvm_open(dir, true, &nvm, &err), CR_MALFORMED); /* the lock is free */
        test_dir_free(dir);
    }
}

static void sql(const char *dir, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(test_path(dir, "chip.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void foreign_content(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        cr_status status;
    } cases[] = {
        {"PRAGMA user_version=99", CR_REFUSED},
        {"INSERT INTO kv VALUES(zeroblob(65), x'00')", CR_MALFORMED},
        {"INSERT INTO kv VALUES(x'', x'00')", CR_MALFORMED},
        {"INSERT INTO kv VALUES(x'01', zeroblob(1048577))", CR_MALFORMED},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char *dir = test_dir_new();
        struct cr_err err = {0};
        struct nvm *nvm = open_ok(dir, true);
        nvm_close(nvm);
        nvm = NULL;
        sql(dir, cases[i].sql);
        assert_int_equal(nvm_open(dir, false, &nvm, &err), cases[i].status);
        assert_null(nvm);
        assert_non_null(strstr(err.cause, dir));
        test_dir_free(dir);
    }
}

/* A power cut while the chip was being created leaves an empty file. */
static void empty_file_is_an_empty_chip(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    int fd = open(test_path(dir, "chip.db"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    struct nvm *nvm = open_ok(dir, false);
    assert_int_equal(nvm_used(nvm), 0);
    assert_int_equal(put_text(nvm, "a", "1", NULL), CR_OK);
    nvm_close(nvm);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_flag),
        cmocka_unit_test(open_transaction_is_dropped),
        cmocka_unit_test(locked_by_another_process),
        cmocka_unit_test(committed_values_survive_kill),
        cmocka_unit_test(disk_full),
        cmocka_unit_test(damaged_file),
        cmocka_unit_test(foreign_content),
        cmocka_unit_test(empty_file_is_an_empty_chip),
    };
    return cmocka_run_group_tests_name("store/nvm_file", tests, NULL, NULL);
}
