/* The directory of a server: made, found again, and taken away when the first start fails. */
#include "store/home.h"

#include "files.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct store_migration steps[] = {{1, "CREATE TABLE t(x)"}};
static const struct store_migration broken[] = {{1, "CREATE TABLE t(x"}};

static cr_status open_home(const char *dir, const struct store_migration *migrations,
                           struct store_seal *seal)
{
    const struct store_home home = {.dir = dir,
                                    .name = "it.db",
                                    .migrations = migrations,
                                    .migration_count = 1,
                                    .env = cr_env_system()};
    struct store *store = NULL;
    struct cr_err err = {0};
    cr_status status = store_home_open(&home, seal, &store, &err);
    assert_int_equal(status == CR_OK, store != NULL);
    store_close(store);
    return status;
}

static void test_again(void **state)
{
    char *base = test_dir_new();
    const char *dir = test_path(base, "new");
    struct store_seal first, second;
    (void)state;
    assert_int_equal(open_home(dir, steps, &first), CR_OK);
    assert_int_equal(open_home(dir, steps, &second), CR_OK);
    assert_memory_equal(first.key, second.key, sizeof first.key);
    /* Without a directory each is its own. */
    assert_int_equal(open_home(NULL, steps, &second), CR_OK);
    assert_memory_not_equal(first.key, second.key, sizeof first.key);

    /* The database cannot be read without its key: no new one is made. */
    (void)unlink(test_path(dir, "seal.key"));
    assert_int_equal(open_home(dir, steps, &second), CR_RESOURCE);
    assert_false(cr_file_exists(test_path(dir, "seal.key")));
    assert_true(cr_file_exists(test_path(dir, "it.db")));
    char *inner = realpath(dir, NULL);
    test_dir_free(inner);
    test_dir_free(base);
}

/* In a child: no file may become longer than a sealing key, so there is no room for the database.
 */
static int fail_to_open(void *ctx)
{
    const struct rlimit small = {.rlim_cur = 1024, .rlim_max = 1024};
    struct store_seal seal;
    (void)signal(SIGXFSZ, SIG_IGN);
    return setrlimit(RLIMIT_FSIZE, &small) == 0 ? (int)open_home(ctx, steps, &seal) : -1;
}

static void test_undone(void **state)
{
    char *base = test_dir_new();
    char *dir = strdup(test_path(base, "new"));
    struct store_seal seal;
    (void)state;
    assert_int_equal(test_in_child(fail_to_open, dir), CR_RESOURCE);
    assert_false(cr_file_exists(dir));
    assert_int_not_equal(open_home(dir, broken, &seal), CR_OK);
    assert_false(cr_file_exists(dir));
    assert_int_equal(open_home(dir, steps, &seal), CR_OK);

    /* What was there stays there. */
    assert_int_not_equal(test_in_child(fail_to_open, dir), -1);
    assert_true(cr_file_exists(test_path(dir, "it.db")));
    assert_true(cr_file_exists(test_path(dir, "seal.key")));
    assert_int_equal(open_home(dir, steps, &seal), CR_OK);
    test_dir_free(dir);
    test_dir_free(base);
}

/* A directory that somebody made for it is not taken away. */
static void test_own_directory(void **state)
{
    char *dir = test_dir_new();
    struct store_seal seal;
    (void)state;
    assert_int_equal(test_in_child(fail_to_open, dir), CR_RESOURCE);
    assert_true(cr_file_exists(dir));
    assert_int_equal(open_home(dir, steps, &seal), CR_OK);
    test_dir_free(dir);
}

static pid_t start_child(const char *dir, const struct store_migration *migrations,
                         const int barrier[2])
{
    pid_t child = fork();
    if (child == 0) {
        struct store_seal seal;
        char go;
        (void)close(barrier[1]);
        ssize_t none = read(barrier[0], &go, 1); /* until the other end is closed */
        (void)none;
        _exit((int)open_home(dir, migrations, &seal));
    }
    assert_true(child > 0);
    return child;
}

/* Two start at once on a directory that is not there, and one of them fails: it takes nothing away
 * from the other, whoever came first. */
static void test_at_once(void **state)
{
    char *base = test_dir_new();
    (void)state;
    for (int i = 0; i < 60; i++) {
        char name[24];
        struct store_seal seal;
        int barrier[2], good, bad;
        (void)snprintf(name, sizeof name, "new-%d", i);
        char *dir = strdup(test_path(base, name));
        assert_int_equal(pipe2(barrier, O_CLOEXEC), 0);
        pid_t first = start_child(dir, steps, barrier);
        pid_t second = start_child(dir, broken, barrier);
        (void)close(barrier[0]);
        (void)close(barrier[1]);
        assert_int_equal(waitpid(first, &good, 0), first);
        assert_int_equal(waitpid(second, &bad, 0), second);
        assert_true(WIFEXITED(good) && WIFEXITED(bad));
        assert_int_equal(WEXITSTATUS(good), CR_OK);
        assert_true(cr_file_exists(test_path(dir, "it.db")));
        assert_int_equal(open_home(dir, steps, &seal), CR_OK);
        test_dir_free(dir);
    }
    test_dir_free(base);
}

/* One serves at a time; a process that was killed does not hold its place. */
static void test_claim(void **state)
{
    (void)state;
    char *base = test_dir_new();
    const char *dir = test_path(base, "new");
    struct store_seal seal;
    struct cr_err err = {0};
    int claim = 7, other = 7;
    assert_int_equal(store_home_claim(NULL, &claim, &err), CR_OK);
    assert_int_equal(claim, -1);
    assert_int_equal(store_home_claim(dir, &claim, &err), CR_RESOURCE);
    assert_int_equal(open_home(dir, steps, &seal), CR_OK);

    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        const bool good = store_home_claim(dir, &claim, &err) == CR_OK;
        (void)!write(ready[1], &byte, good ? 1 : 0);
        (void)close(ready[1]);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    assert_int_equal(store_home_claim(dir, &claim, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, dir));
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);

    assert_int_equal(store_home_claim(dir, &claim, &err), CR_OK);
    assert_int_equal(store_home_claim(dir, &other, &err), CR_REFUSED);
    assert_int_equal(other, -1);
    (void)close(claim);
    assert_int_equal(store_home_claim(dir, &other, &err), CR_OK);
    (void)close(other);
    char *inner = realpath(dir, NULL);
    test_dir_free(inner);
    test_dir_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claim),   cmocka_unit_test(test_again),
        cmocka_unit_test(test_undone),  cmocka_unit_test(test_own_directory),
        cmocka_unit_test(test_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
