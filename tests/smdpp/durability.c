/* What was acknowledged survives kill -9; a store that fails changes nothing and is no end. */
#include "rig.h"

#include "smdpp/core.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct fake_knobs NONE;

/* ---- kill -9 ---- */

enum step {
    STEP_IMPORT,
    STEP_ORDER,
    STEP_CONFIRM,
    STEP_RELEASE,
    STEP_INITIATE,
    STEP_AUTHENTICATE,
    STEP_WRONG_CODE,
    STEP_BPP,
    STEP_RESULT,
    STEP_ENABLE,
    STEPS
};

/* One function of a whole life; the process is killed right after it was acknowledged. */
static void take_step(struct rig *rig, enum step step)
{
    struct fake_knobs knobs = {.matching_id = "ABC", .code = "1234"};
    struct fake_knobs wrong = {.code = "4321"};
    switch (step) {
    case STEP_IMPORT:
        rig_import(rig, 1);
        break;
    case STEP_ORDER:
        assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, "o", NULL, rig_iccid(1), NULL, NULL));
        break;
    case STEP_CONFIRM:
        assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, "c", rig_iccid(1), NULL, "ABC", "1234",
                                         NULL, false, NULL));
        break;
    case STEP_RELEASE:
        assert_ok(rig, rig_release_profile(rig, RIG_OPERATOR, "r", rig_iccid(1)));
        break;
    case STEP_INITIATE:
        assert_ok(rig, rig_initiate(rig, &rig->nist, &NONE));
        break;
    case STEP_AUTHENTICATE:
        assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
        break;
    case STEP_WRONG_CODE:
        assert_refused(rig, rig_get_bpp(rig, &rig->nist, &wrong, NULL), "8.2.7", "3.8");
        break;
    case STEP_BPP:
        assert_ok(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL));
        break;
    case STEP_RESULT:
        assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
        break;
    case STEP_ENABLE:
        assert_ok(rig, rig_notify(rig, fake_notification(&rig->nist, &NONE, rig_iccid(1),
                                                         RSP_EVENT_LOCAL_ENABLE, 0, &rig->arena)));
        break;
    case STEPS:
        break;
    }
}

static const enum smdpp_state AFTER[STEPS] = {
    SMDPP_AVAILABLE, SMDPP_ALLOCATED, SMDPP_CONFIRMED,  SMDPP_RELEASED,  SMDPP_RELEASED,
    SMDPP_RELEASED,  SMDPP_RELEASED,  SMDPP_DOWNLOADED, SMDPP_INSTALLED, SMDPP_ENABLED,
};

/* What the chip remembers of a session goes from the killed process to the next. */
struct chip_memory {
    struct fake_chip chip;
    uint8_t scalar[CRYPTO_SCALAR];
    bool has_otsk;
};

static void remember(struct rig *rig, struct chip_memory *memory)
{
    memory->chip = rig->nist;
    memory->has_otsk = rig->nist.otsk != NULL;
    if (memory->has_otsk) {
        crypto_private_scalar(rig->nist.otsk, memory->scalar);
    }
}

static void recall(struct rig *rig, const struct chip_memory *memory)
{
    struct fake_chip keep = rig->nist;
    rig->nist = memory->chip;
    rig->nist.certificate = keep.certificate;
    rig->nist.eum = keep.eum;
    rig->nist.key = keep.key;
    rig->nist.host = keep.host;
    crypto_private_free(keep.otsk);
    rig->nist.otsk = NULL;
    if (memory->has_otsk) {
        assert_ok(rig, crypto_private_new(CRYPTO_P256, CR_SPAN_ARRAY(memory->scalar),
                                          &rig->nist.otsk, &rig->err));
    }
}

static void killed_after_each_function(void **state)
{
    struct rig *rig = *state;
    char dir[64];
    struct chip_memory memory;
    rig_dir_make(dir);
    remember(rig, &memory);
    smdpp_close(rig->dp);
    rig->dp = NULL;
    for (enum step step = 0; step < STEPS; step++) {
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct chip_memory out;
            (void)close(ready[0]);
            rig_reopen(rig, dir, NULL);
            recall(rig, &memory);
            take_step(rig, step);
            remember(rig, &out);
            if (write(ready[1], &out, sizeof(out)) != (ssize_t)sizeof(out)) {
                _exit(1);
            }
            for (;;) {
                (void)pause();
            }
        }
        (void)close(ready[1]);
        size_t got = 0;
        while (got < sizeof(memory)) {
            ssize_t n = read(ready[0], (uint8_t *)&memory + got, sizeof(memory) - got);
            if (n <= 0) {
                fail_msg("step %d failed in the child", (int)step);
            }
            got += (size_t)n;
        }
        (void)close(ready[0]);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        rig_reopen(rig, dir, NULL);
        rig_assert_state(rig, 1, AFTER[step]);
        assert_int_equal(rig_profile(rig, 1).cc_failures, step == STEP_WRONG_CODE);
        int64_t told = step < STEP_WRONG_CODE ? 0 : step < STEP_RESULT ? 1 : step - STEP_RESULT + 2;
        assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), told);
        smdpp_close(rig->dp);
        rig->dp = NULL;
    }
    rig_dir_remove(dir);
}

/* ---- a store that fails ---- */

/* Runs while nobody can write: every function that would change something is refused. */
static void everything_fails(struct rig *rig, int64_t revision)
{
    struct fake_knobs knobs = {.matching_id = "ABC"};
    uint8_t id[RSP_MAX_TRANSACTION_ID];
    memcpy(id, rig->nist.transaction_id, sizeof(id));
    assert_int_equal(rig_authenticate(rig, &rig->nist, &knobs), CR_RESOURCE);
    assert_int_equal(rig->err.subject[0], 0);
    assert_int_equal(
        rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, NULL, "Available"),
        CR_RESOURCE);
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_int_equal(rig_profile(rig, 1).revision, revision);
    assert_int_equal(rig_profile(rig, 1).downloads, 0);
}

static void locked(void **state)
{
    struct rig *rig = *state;
    char dir[64];
    char path[128];
    struct fake_knobs knobs = {.matching_id = "ABC"};
    sqlite3 *other = NULL;
    rig_dir_make(dir);
    rig_reopen(rig, dir, NULL);
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &NONE));
    int64_t revision = rig_profile(rig, 1).revision;
    (void)snprintf(path, sizeof(path), "%s/smdpp.db", dir);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    everything_fails(rig, revision);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    /* the same session goes on */
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL));
    smdpp_close(rig->dp);
    rig->dp = NULL;
    rig_dir_remove(dir);
}

static void disk_full_child(struct rig *rig, const char *dir)
{
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_reopen(rig, dir, NULL);
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig, rig_initiate(rig, &rig->nist, &NONE));
    int64_t revision = rig_profile(rig, 1).revision;
    /* No file may grow any more: what a full disk does to a write. */
    struct rlimit none = {.rlim_cur = 16, .rlim_max = RLIM_INFINITY};
    struct rlimit all = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    everything_fails(rig, revision);
    struct rig_metadata m = {.profile_class = RSP_CLASS_OPERATIONAL};
    struct smdpp_import import = {.upp = rig_upp(rig, rig_iccid(2), 2, 100000),
                                  .metadata = rig_metadata(rig, rig_iccid(2), &m)};
    assert_int_equal(smdpp_import(rig->dp, &import, 1, &rig->err), CR_RESOURCE);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM profile"), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &NONE, NULL));
    assert_ok(rig, smdpp_import(rig->dp, &import, 1, &rig->err));
}

static void disk_full(void **state)
{
    struct rig *rig = *state;
    char dir[64];
    int status = 0;
    rig_dir_make(dir);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        disk_full_child(rig, dir);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    rig_reopen(rig, dir, NULL);
    rig_assert_state(rig, 1, SMDPP_DOWNLOADED);
    smdpp_close(rig->dp);
    rig->dp = NULL;
    rig_dir_remove(dir);
}

/* ---- the sealing key ---- */

static void seal_key(void **state)
{
    struct rig *rig = *state;
    char dir[64];
    char path[128];
    char kept[128];
    rig_dir_make(dir);
    rig_reopen(rig, dir, NULL);
    smdpp_close(rig->dp);
    rig->dp = NULL;
    (void)snprintf(path, sizeof(path), "%s/seal.key", dir);
    (void)snprintf(kept, sizeof(kept), "%s/kept", dir);
    /* A database without its key is not opened with a fresh one. */
    assert_int_equal(rename(path, kept), 0);
    struct smdpp_options options = {.dir = dir, .config = &rig->config, .env = &rig->env};
    assert_int_equal(smdpp_open(&options, &rig->dp, &rig->err), CR_RESOURCE);
    assert_non_null(strstr(rig->err.cause, "seal.key"));
    assert_non_null(strstr(rig->err.next, "backup"));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(truncate(kept, 31), 0);
    assert_int_equal(rename(kept, path), 0);
    assert_int_equal(smdpp_open(&options, &rig->dp, &rig->err), CR_MALFORMED);
    assert_null(rig->dp);
    rig_dir_remove(dir);
}

/* Processes that start at once on a fresh directory agree on one key. */
static void seal_key_race(void **state)
{
    struct rig *rig = *state;
    enum { PROCESSES = 6 };
    char dir[64];
    struct store_seal seals[PROCESSES];
    int ends[PROCESSES][2];
    pid_t pids[PROCESSES];
    rig_dir_make(dir);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(pipe(ends[i]), 0);
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct store_seal seal;
            bool ok = store_seal_open(dir, true, &rig->env, &seal, NULL) == CR_OK &&
                      write(ends[i][1], &seal, sizeof(seal)) == (ssize_t)sizeof(seal);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[i][0], &seals[i], sizeof(seals[i])), sizeof(seals[i]));
        assert_memory_equal(&seals[i], &seals[0], sizeof(seals[0]));
        (void)close(ends[i][0]);
        (void)close(ends[i][1]);
    }
    rig_dir_remove(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(killed_after_each_function),
        TEST(locked),
        TEST(disk_full),
        TEST(seal_key),
        TEST(seal_key_race),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
