#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LIMIT 4096

cr_status cr_file_fail(struct cr_err *err, const char *what, const char *path)
{
    int why = errno;
    cr_status status = cr_fail(err, CR_RESOURCE, NULL, "%s %s: %s", what, path, strerror(why));
    switch (why) {
    case ENOSPC:
    case EDQUOT:
        return cr_err_next(err, status, "make room on the file system of %.200s and try again",
                           path);
    case EFBIG:
        return cr_err_next(err, status, "raise the limit on the size of files (ulimit -f)");
    case EACCES:
    case EPERM:
        return cr_err_next(err, status,
                           "check who owns it and its directories, and what this user may do "
                           "there");
    case EROFS:
        return cr_err_next(err, status,
                           "the file system is mounted read-only: name a place on another one");
    default:
        return status;
    }
}

cr_status cr_file_read(const char *path, size_t limit, cr_buf *out, struct cr_err *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cr_file_fail(err, "cannot open", path);
    }
    cr_status status = CR_OK;
    size_t start = out->n;
    for (;;) {
        if (!cr_buf_reserve(out, 4096)) {
            status = cr_fail_memory(err);
            break;
        }
        ssize_t got = read(fd, out->p + out->n, out->cap - out->n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = cr_file_fail(err, "cannot read", standard ? "standard input" : path);
            break;
        }
        if (got == 0) {
            break;
        }
        out->n += (size_t)got;
        if (out->n - start > limit) {
            status = cr_fail(err, CR_MALFORMED, NULL, "%s is larger than the limit of %zu bytes",
                             standard ? "standard input" : path, limit);
            break;
        }
    }
    if (!standard) {
        (void)close(fd);
    }
    return status;
}

static bool write_all(int fd, cr_span content)
{
    while (content.n > 0) {
        ssize_t put = write(fd, content.p, content.n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        content = cr_span_sub(content, (size_t)put, content.n);
    }
    return true;
}

static void sync_parent(const char *path)
{
    char parent[PATH_LIMIT];
    (void)snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == parent) {
        slash[1] = 0;
    } else if (slash) {
        *slash = 0;
    } else {
        (void)snprintf(parent, sizeof(parent), ".");
    }
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* A device, a pipe: renaming a file over it would put an end to it. */
static cr_status write_in_place(const char *path, cr_span content, struct cr_err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return cr_file_fail(err, "cannot write", path);
    }
    cr_status status = write_all(fd, content) ? CR_OK : cr_file_fail(err, "cannot write", path);
    if (close(fd) != 0 && status == CR_OK) {
        status = cr_file_fail(err, "cannot write", path);
    }
    return status;
}

cr_status cr_file_write(const char *path, cr_span content, unsigned mode, struct cr_err *err)
{
    if (strcmp(path, "-") == 0) {
        return write_all(STDOUT_FILENO, content)
                   ? CR_OK
                   : cr_file_fail(err, "cannot write", "standard output");
    }
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        return write_in_place(path, content, err);
    }
    char temporary[PATH_LIMIT];
    int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        return cr_fail(err, CR_REFUSED, NULL, "the path is too long");
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return cr_file_fail(err, "cannot create", path);
    }
    bool ok = write_all(fd, content) && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, path) != 0) {
        cr_status status = cr_file_fail(err, "cannot write", path);
        (void)unlink(temporary);
        return status;
    }
    sync_parent(path);
    return CR_OK;
}

cr_status cr_dir_make(const char *path, struct cr_err *err)
{
    char part[PATH_LIMIT];
    if (!cr_span_present(cr_span_str(path)) || strlen(path) >= sizeof(part) || !*path) {
        return cr_fail(err, CR_REFUSED, NULL, "not a usable directory name");
    }
    for (size_t i = 1;; i++) {
        if (path[i] != '/' && path[i] != 0) {
            continue;
        }
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return cr_file_fail(err, "cannot make the directory", part);
        }
        if (path[i] == 0) {
            break;
        }
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return cr_fail(err, CR_RESOURCE, NULL, "%s is there and is no directory", path);
    }
    return CR_OK;
}

cr_status cr_dir_look(const char *path, struct cr_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? cr_fail(err, CR_RESOURCE, NULL, "there is no directory %s", path)
                               : cr_file_fail(err, "cannot look into", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return cr_fail(err, CR_RESOURCE, NULL, "%s is no directory", path);
    }
    return access(path, X_OK) == 0 ? CR_OK : cr_file_fail(err, "cannot look into", path);
}

bool cr_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}
