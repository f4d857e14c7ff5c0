#include "store/home.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LIMIT 4096
#define MAX_TRIES  100 /* to come into a directory that others make and take away */

/* A directory that was made for a server which could not be: nothing is in it that anybody knows.
 */
static void undo(const char *dir, const char *database)
{
    static const char *const beside[] = {"", "-wal", "-shm", "-journal"};
    char path[PATH_LIMIT + 16];
    for (size_t i = 0; i < CR_COUNT(beside); i++) {
        (void)snprintf(path, sizeof path, "%s%s", database, beside[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/seal.key", dir);
    (void)unlink(path);
    (void)rmdir(dir);
}

/* Makes the directory when it is not there, and locks it: others who start on the same one wait.
 * Who comes to one that is taken away again begins anew. *lock -1: it cannot be locked. */
static cr_status enter(const char *dir, bool *made, int *lock, struct cr_err *err)
{
    cr_status status = CR_OK;
    *made = false;
    for (int i = 0; i < MAX_TRIES; i++) {
        struct stat there, locked;
        *made = *made || !cr_file_exists(dir);
        status = cr_dir_make(dir, err);
        *lock = status == CR_OK ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (*lock < 0 && cr_file_exists(dir)) {
            return status;
        }
        if (*lock >= 0 && flock(*lock, LOCK_EX) == 0 && stat(dir, &there) == 0 &&
            fstat(*lock, &locked) == 0 && there.st_dev == locked.st_dev &&
            there.st_ino == locked.st_ino) {
            return CR_OK;
        }
        if (*lock >= 0) {
            (void)close(*lock);
            *lock = -1;
        }
    }
    return status;
}

static bool is_empty(const char *dir, const char *database)
{
    char key[PATH_LIMIT + 16];
    (void)snprintf(key, sizeof key, "%s/seal.key", dir);
    return !cr_file_exists(database) && !cr_file_exists(key);
}

static cr_status open_in(const struct store_home *home, struct store_options *options,
                         struct store_seal *seal, struct store **out, struct cr_err *err)
{
    bool made;
    int lock;
    CR_TRY(enter(home->dir, &made, &lock, err));
    /* Another may have made it between our look and our lock, and be at work in it. */
    const bool ours = made && lock >= 0 && is_empty(home->dir, options->url);
    cr_status status =
        store_seal_open(home->dir, !cr_file_exists(options->url), home->env, seal, err);
    if (status == CR_OK) {
        status = store_open(options, out, err);
    }
    if (status != CR_OK && ours) {
        undo(home->dir, options->url);
    }
    if (lock >= 0) {
        (void)close(lock);
    }
    return status;
}

cr_status store_home_open(const struct store_home *home, struct store_seal *seal,
                          struct store **out, struct cr_err *err)
{
    struct store_options options = {.url = ":memory:",
                                    .migrations = home->migrations,
                                    .migration_count = home->migration_count};
    if (!home->dir) {
        CR_TRY(cr_random(home->env, seal->key, sizeof seal->key, err));
        return store_open(&options, out, err);
    }
    char path[PATH_LIMIT];
    int n = snprintf(path, sizeof path, "%s/%s", home->dir, home->name);
    if (n < 0 || (size_t)n >= sizeof path) {
        return cr_fail(err, CR_REFUSED, NULL, "the directory's name is too long");
    }
    options.url = path;
    return open_in(home, &options, seal, out, err);
}

cr_status store_home_claim(const char *dir, int *claim, struct cr_err *err)
{
    char path[PATH_LIMIT + 16];
    *claim = -1;
    if (!dir) {
        return CR_OK;
    }
    /* A file of its own: the directory is locked for moments only (above), and a lock of the
     * database is SQLite's. It stays. */
    (void)snprintf(path, sizeof path, "%s/serving", dir);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot open %s: %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        (void)close(fd);
        if (why != EWOULDBLOCK) {
            return cr_fail(err, CR_RESOURCE, NULL, "cannot lock %s: %s", path, strerror(why));
        }
        return cr_err_next(err, cr_fail(err, CR_REFUSED, NULL, "another server works in %s", dir),
                           "end it first, or give a directory of its own.");
    }
    *claim = fd;
    return CR_OK;
}
