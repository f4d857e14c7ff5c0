/*
 * The time of day runs faster: a module for LD_PRELOAD. What a server waits minutes for, by its
 * database, comes in seconds; what it waits for by the monotonic clock (threads, sockets) does not
 * change. All processes of a test agree on the time: it is counted from CLOCK_BASE, seconds since
 * 1970, and goes CLOCK_SPEED times as fast since then.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t base, speed;

static void __attribute__((constructor)) begin(void)
{
    const char *from = getenv("CLOCK_BASE"), *fast = getenv("CLOCK_SPEED");
    base = from ? strtoll(from, NULL, 10) : 0;
    speed = fast ? strtoll(fast, NULL, 10) : 1;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, t);
    if (result == 0 && clock == CLOCK_REALTIME && speed > 1) {
        const int64_t since = (int64_t)t->tv_sec - base;
        const int64_t ns = (int64_t)t->tv_nsec * speed;
        t->tv_sec = (time_t)(base + since * speed + ns / 1000000000);
        t->tv_nsec = (long)(ns % 1000000000);
    }
    return result;
}
