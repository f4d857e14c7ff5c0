#include "store/home.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define PATH_LIMIT 4096

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

static cr_status open_in(const struct store_home *home, struct store_options *options,
                         struct store_seal *seal, struct store **out, struct cr_err *err)
{
    const bool made = !cr_file_exists(home->dir);
    CR_TRY(cr_dir_make(home->dir, err));
    /* Others who start on the same directory wait: what is undone here is nobody else's. */
    int lock = open(home->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool alone = lock >= 0 && flock(lock, LOCK_EX) == 0;
    cr_status status =
        store_seal_open(home->dir, !cr_file_exists(options->url), home->env, seal, err);
    if (status == CR_OK) {
        status = store_open(options, out, err);
    }
    if (status != CR_OK && made && alone) {
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
