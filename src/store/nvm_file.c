#include "store/nvm_file.h"

#include "base/file.h"
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define DB_NAME    "chip.db"
#define LOCK_NAME  "lock"
#define PATH_LIMIT 4096

struct nvm_file {
    int lock; /* the kernel drops the lock with the process, however that ends */
    struct store_sqlite *db;
};

static const struct store_migration steps[] = {
    {1, "CREATE TABLE kv(key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"},
};

static cr_status path_join(char out[PATH_LIMIT], const char *dir, const char *name,
                           struct cr_err *err)
{
    int n = snprintf(out, PATH_LIMIT, "%s/%s", dir, name);
    if (n < 0 || n >= PATH_LIMIT) {
        return cr_fail(err, CR_REFUSED, NULL, "the name of the chip's directory is too long");
    }
    return CR_OK;
}

static cr_status fail_held(int fd, const char *dir, struct cr_err *err)
{
    char pid[16] = {0};
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
    long holder = n > 0 ? strtol(pid, NULL, 10) : 0;
    if (holder <= 0) { /* it has the lock and has not written its number yet */
        (void)cr_fail(err, CR_RESOURCE, NULL, "the chip in %s is in use by another process", dir);
        return cr_err_next(err, CR_RESOURCE, "stop it (fuser %.200s/" LOCK_NAME " names it)", dir);
    }
    (void)cr_fail(err, CR_RESOURCE, NULL, "the chip in %s is in use by process %ld", dir, holder);
    (void)cr_err_code(err, CR_RESOURCE, holder);
    return cr_err_next(err, CR_RESOURCE,
                       "stop process %ld, or use another directory; a chip that `crisp euicc "
                       "serve` has put into a reader is reached through that reader",
                       holder);
}

static cr_status lock_take(const char *dir, int *out, struct cr_err *err)
{
    char path[PATH_LIMIT];
    CR_TRY(path_join(path, dir, LOCK_NAME, err));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)cr_fail(err, CR_RESOURCE, NULL, "cannot open %s: %s", path, strerror(errno));
        return cr_err_next(err, CR_RESOURCE, "check that this user may write to the directory");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        cr_status status =
            errno == EWOULDBLOCK
                ? fail_held(fd, dir, err)
                : cr_fail(err, CR_RESOURCE, NULL, "cannot lock %s: %s", path, strerror(errno));
        (void)close(fd);
        return status;
    }
    /* The number is for the message only; the lock holds without it. */
    char pid[16];
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    bool written = ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) == n;
    (void)written;
    *out = fd;
    return CR_OK;
}

static cr_status database_open(const char *dir, struct nvm_file *file, struct cr_err *err)
{
    char path[PATH_LIMIT];
    CR_TRY(path_join(path, dir, DB_NAME, err));
    const struct store_sqlite_options options = {.path = path, .exclusive = true};
    CR_TRY(store_sqlite_open(&options, &file->db, err));
    CR_TRY(store_sqlite_check(file->db, err));
    return store_sqlite_migrate(file->db, steps, CR_COUNT(steps), err);
}

/* Takes away the directory of a chip that could not be made. The lock is held: nobody else is in
 * it. */
static void undo(const char *dir)
{
    static const char *const names[] = {DB_NAME, DB_NAME "-wal", DB_NAME "-shm", DB_NAME "-journal",
                                        LOCK_NAME};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        char path[PATH_LIMIT];
        if (path_join(path, dir, names[i], NULL) == CR_OK) {
            (void)unlink(path);
        }
    }
    (void)rmdir(dir);
}

static cr_status look_for(const char *dir, bool create, struct cr_err *err)
{
    char path[PATH_LIMIT];
    CR_TRY(path_join(path, dir, DB_NAME, err));
    if (create) {
        return cr_dir_make(dir, err);
    }
    if (cr_file_exists(path)) {
        return CR_OK;
    }
    cr_status status = cr_dir_look(dir, err);
    if (status == CR_OK) {
        status = cr_fail(err, CR_RESOURCE, NULL, "there is no chip in %s", dir);
    }
    return cr_err_advise(err, status, "check the directory's name, or create a chip there");
}

cr_status nvm_file_open(const char *dir, bool create, struct nvm_file **out, struct cr_err *err)
{
    bool made = create && !cr_file_exists(dir);
    CR_TRY(look_for(dir, create, err));
    struct nvm_file *file = calloc(1, sizeof(*file));
    if (!file) {
        return cr_fail_memory(err);
    }
    file->lock = -1;
    cr_status status = lock_take(dir, &file->lock, err);
    if (status == CR_OK) {
        status = database_open(dir, file, err);
    }
    if (status != CR_OK) {
        store_sqlite_close(file->db); /* before its files go */
        file->db = NULL;
        if (made && file->lock >= 0) {
            undo(dir);
        }
        nvm_file_close(file);
        return status;
    }
    *out = file;
    return CR_OK;
}

void nvm_file_close(struct nvm_file *file)
{
    if (!file) {
        return;
    }
    store_sqlite_close(file->db);
    if (file->lock >= 0) {
        (void)close(file->lock);
    }
    free(file);
}

struct load {
    nvm_file_fn fn;
    void *ctx;
};

static cr_status load_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    const struct load *load = ctx;
    return load->fn(load->ctx, store_bytes(row, 0), store_bytes(row, 1), err);
}

cr_status nvm_file_load(struct nvm_file *file, nvm_file_fn fn, void *ctx, struct cr_err *err)
{
    struct load load = {.fn = fn, .ctx = ctx};
    return store_sqlite_exec(file->db, true, "SELECT key, value FROM kv ORDER BY key", NULL,
                             load_row, &load, NULL, err);
}

/* Ends an open transaction after a failure. */
static cr_status give_up(struct nvm_file *file, cr_status status)
{
    struct cr_err ignored;
    if (status != CR_OK && store_sqlite_in_transaction(file->db)) {
        (void)!store_sqlite_control(file->db, STORE_ROLLBACK, &ignored);
    }
    return status;
}

cr_status nvm_file_begin(struct nvm_file *file, struct cr_err *err)
{
    return store_sqlite_control(file->db, STORE_BEGIN_WRITE, err);
}

cr_status nvm_file_put(struct nvm_file *file, cr_span key, cr_span value, struct cr_err *err)
{
    return give_up(file, store_sqlite_exec(
                             file->db, false, "INSERT OR REPLACE INTO kv(key, value) VALUES(?, ?)",
                             STORE_VALUES(STORE_B(key), STORE_B(value)), NULL, NULL, NULL, err));
}

cr_status nvm_file_delete(struct nvm_file *file, cr_span key, struct cr_err *err)
{
    return give_up(file, store_sqlite_exec(file->db, false, "DELETE FROM kv WHERE key = ?",
                                           STORE_VALUES(STORE_B(key)), NULL, NULL, NULL, err));
}

cr_status nvm_file_commit(struct nvm_file *file, struct cr_err *err)
{
    return give_up(file, store_sqlite_control(file->db, STORE_COMMIT, err));
}
