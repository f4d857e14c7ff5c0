/* SQLite's result codes in the words of a user: what failed, on which file, what to do next. */
#include "store/sqlite_struct.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

static bool inode_of(const char *path, const char *suffix, char *out, size_t size)
{
    char name[4096];
    struct stat st;
    int n = snprintf(name, sizeof(name), "%s%s", path, suffix);
    if (n < 0 || (size_t)n >= sizeof(name) || stat(name, &st) != 0) {
        return false;
    }
    (void)snprintf(out, size, "%02x:%02x:%lu", major(st.st_dev), minor(st.st_dev),
                   (unsigned long)st.st_ino);
    return true;
}

/* Asked of /proc/locks and not with fcntl(F_GETLK): to open and close the file once more would drop
 * every POSIX lock this process holds on it, SQLite's own among them. */
long store_lock_holder(const char *path)
{
    static const char *const suffixes[] = {"", "-shm"};
    char inodes[CR_COUNT(suffixes)][64] = {{0}};
    for (size_t i = 0; i < CR_COUNT(suffixes); i++) {
        (void)inode_of(path, suffixes[i], inodes[i], sizeof(inodes[i]));
    }
    FILE *f = fopen("/proc/locks", "re");
    if (!f) {
        return 0;
    }
    char line[256];
    long holder = 0;
    while (holder <= 0 && fgets(line, sizeof(line), f)) {
        /* "1: POSIX  ADVISORY  WRITE 4711 fe:00:131079 120 120" */
        char mode[16];
        char pid[16];
        char inode[64];
        if (sscanf(line, "%*s POSIX %*s %15s %15s %63s", mode, pid, inode) == 3 &&
            strcmp(mode, "WRITE") == 0 &&
            (strcmp(inode, inodes[0]) == 0 || strcmp(inode, inodes[1]) == 0)) {
            holder = strtol(pid, NULL, 10);
        }
    }
    (void)fclose(f);
    return holder > 0 ? holder : 0;
}

static cr_status fail_locked(const struct store_sqlite *db, struct cr_err *err)
{
    long holder = store_lock_holder(db->path);
    if (holder) {
        (void)cr_fail(err, CR_RESOURCE, NULL, "%s is locked by process %ld (waited %d ms)",
                      db->path, holder, db->busy_timeout_ms);
        return cr_err_next(err, CR_RESOURCE,
                           "wait until process %ld is done, or stop it, and try again", holder);
    }
    (void)cr_fail(err, CR_RESOURCE, NULL, "%s is locked by another process (waited %d ms)",
                  db->path, db->busy_timeout_ms);
    return cr_err_next(err, CR_RESOURCE,
                       "see which process holds it (fuser FILE), wait for it or stop it, and try "
                       "again");
}

/* The directory that the file system of path is mounted on: the last one upwards on the same
 * device.
 * "/" when it cannot be told. */
static void mount_point(const char *path, char out[PATH_MAX])
{
    char at[PATH_MAX];
    struct stat here;
    struct stat above;
    char *slash;
    (void)snprintf(out, PATH_MAX, "/");
    if (!realpath(path, at) || stat(at, &here) != 0) {
        return;
    }
    while ((slash = strrchr(at, '/')) != NULL && slash != at) {
        char child[PATH_MAX];
        (void)snprintf(child, sizeof(child), "%s", at);
        *slash = 0;
        if (stat(at, &above) != 0 || above.st_dev != here.st_dev) {
            (void)snprintf(out, PATH_MAX, "%s", child);
            return;
        }
    }
    if (stat("/", &above) == 0 && above.st_dev != here.st_dev) {
        (void)snprintf(out, PATH_MAX, "%s", at);
    }
}

#define LITTLE_ROOM ((uint64_t)1 << 20) /* bytes */

/* SQLite knows a full disk; a quota or a limit is an I/O error to it, whose reason it does not
 * always keep. */
static bool for_want_of_room(const struct store_sqlite *db, int rc, int why)
{
    struct statvfs room;
    struct rlimit limit;
    if (why != 0) {
        return why == ENOSPC || why == EDQUOT || why == EFBIG;
    }
    if (rc != SQLITE_IOERR_WRITE && rc != SQLITE_IOERR_SHMSIZE) {
        return false;
    }
    return (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) ||
           (statvfs(db->path, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize < LITTLE_ROOM);
}

/* Full, or no more for this user or this process. */
static cr_status fail_full(const struct store_sqlite *db, int rc, struct cr_err *err)
{
    char mount[PATH_MAX];
    struct statvfs room;
    mount_point(db->path, mount);
    (void)cr_fail(err, CR_RESOURCE, NULL, "%.120s: there is no room left for the database",
                  db->path);
    (void)cr_err_code(err, CR_RESOURCE, rc);
    if (statvfs(db->path, &room) != 0) {
        return cr_err_next(err, CR_RESOURCE, "free space on the file system of the file");
    }
    return cr_err_next(err, CR_RESOURCE,
                       "free space on the file system mounted on %.100s (%llu kB are free), or "
                       "raise this user's quota or limit (ulimit -f)",
                       mount, (unsigned long long)room.f_bavail * room.f_frsize / 1024);
}

/* The result codes a user can do something about. */
static const struct advice {
    int code;
    cr_status status;
    const char *cause;
    const char *next;
} advices[] = {
    {SQLITE_IOERR, CR_RESOURCE, "input/output error",
     "check the disk, its quota and limits (dmesg, df, ulimit -f) and try again"},
    {SQLITE_CANTOPEN, CR_RESOURCE, "cannot open the database",
     "check that the directory exists and that this user may write to it"},
    {SQLITE_PERM, CR_RESOURCE, "permission denied",
     "check the owner and the mode of the file and of its directory"},
    {SQLITE_READONLY, CR_RESOURCE, "the database cannot be written",
     "check the owner and the mode of the file and of its directory"},
    {SQLITE_NOTADB, CR_MALFORMED, "is no SQLite database",
     "give another file, or move this one away and restore a backup"},
    {SQLITE_CORRUPT, CR_MALFORMED, "the database is damaged",
     "stop every program that uses it and restore a backup, or rescue what is readable with the "
     "command .recover of sqlite3"},
    {SQLITE_TOOBIG, CR_REFUSED, "a value is too large for the database", ""},
};

cr_status store_sqlite_fail(struct store_sqlite *db, int rc, const char *sql, struct cr_err *err)
{
    int code = rc & 0xFF;
    if (code == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM) {
        return cr_fail_memory(err);
    }
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return fail_locked(db, err);
    }
    if (code == SQLITE_CONSTRAINT) {
        (void)cr_fail(err, CR_REFUSED, NULL, "%s", sqlite3_errmsg(db->db));
        return cr_err_code(err, CR_REFUSED, STORE_CONSTRAINT);
    }
    int why = sqlite3_system_errno(db->db);
    if (code == SQLITE_FULL || (code == SQLITE_IOERR && for_want_of_room(db, rc, why))) {
        return fail_full(db, rc, err);
    }
    int system = code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? why : 0;
    for (size_t i = 0; i < CR_COUNT(advices); i++) {
        const struct advice *a = &advices[i];
        if (a->code == code) {
            (void)cr_fail(err, a->status, NULL, "%s: %s%s%s", db->path, a->cause,
                          system ? ": " : "", system ? strerror(system) : "");
            (void)cr_err_code(err, a->status, rc);
            return cr_err_next(err, a->status, "%s", a->next);
        }
    }
    (void)cr_fail(err, CR_INTERNAL, NULL, "%s: %s%s%s", db->path, sqlite3_errmsg(db->db),
                  sql ? " in: " : "", sql ? sql : "");
    return cr_err_code(err, CR_INTERNAL, rc);
}
