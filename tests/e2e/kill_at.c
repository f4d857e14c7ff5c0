/*
 * A power cut at a chosen durable write, from outside: a module for LD_PRELOAD. crisp is not built
 * any different for it.
 *
 * KILL_AT names a file with one number (64 bits), shared by the test and by every life of the
 * process: points until it is killed; 0 = it is not.
 *
 * Points are around each commit of a database: before its first byte is written to the write-ahead
 * log (all that came before has had its effect), and when the log would be synchronised (committed,
 * nothing of it has left the process). KILL_ON=send counts what goes to sockets instead, of
 * processes without a database: each is cut before it is sent.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FD 1024

static _Atomic int64_t *left;
static bool on_send;
static atomic_bool open_log[MAX_FD]; /* written since it was synchronised */

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("KILL_AT"), *on = getenv("KILL_ON");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    on_send = on && strcmp(on, "send") == 0;
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        left = at == MAP_FAILED ? NULL : at;
        (void)close(fd);
    }
}

static void point(void)
{
    int64_t n = left ? atomic_load(left) : 0;
    while (n > 0 && !atomic_compare_exchange_weak(left, &n, n - 1)) {
    }
    if (n == 1) {
        (void)kill(getpid(), SIGKILL);
        (void)pause();
    }
}

static bool is_log(int fd)
{
    char name[32], path[4096];
    if (on_send || fd < 0 || fd >= MAX_FD) {
        return false;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(name, path, sizeof path);
    return n > 4 && memcmp(path + n - 4, "-wal", 4) == 0;
}

static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}

#define NEXT(name, type, ...)                                                                      \
    static type (*next)(__VA_ARGS__);                                                              \
    if (!next) {                                                                                   \
        *(void **)&next = next_of(name);                                                           \
    }

static void before_write(int fd)
{
    if (is_log(fd) && !atomic_exchange(&open_log[fd], true)) {
        point();
    }
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    NEXT("pwrite64", ssize_t, int, const void *, size_t, off64_t)
    before_write(fd);
    return next(fd, bytes, n, at);
}

static void before_sync(int fd)
{
    if (is_log(fd) && atomic_exchange(&open_log[fd], false)) {
        point();
    }
}

int fdatasync(int fd)
{
    NEXT("fdatasync", int, int)
    before_sync(fd);
    return next(fd);
}

static bool is_socket(int fd)
{
    struct stat what;
    return on_send && fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    NEXT("write", ssize_t, int, const void *, size_t)
    if (is_socket(fd)) {
        point();
    }
    return next(fd, bytes, n);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    NEXT("send", ssize_t, int, const void *, size_t, int)
    if (is_socket(fd)) {
        point();
    }
    return next(fd, bytes, n, flags);
}
