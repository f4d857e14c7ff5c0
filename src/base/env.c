#include "base/env.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static int64_t system_now_ms(void *ctx)
{
    (void)ctx;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static cr_status system_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    while (n > 0) {
        size_t part = n < 256 ? n : 256; /* up to 256 bytes getrandom() never gives less */
        if (getrandom(p, part, 0) != (ssize_t)part) {
            return cr_fail(err, CR_RESOURCE, NULL, "the kernel gives no random bytes");
        }
        p += part;
        n -= part;
    }
    return CR_OK;
}

const cr_env *cr_env_system(void)
{
    static const cr_env env = {.now_ms = system_now_ms, .random = system_random};
    return &env;
}

cr_status cr_random(const cr_env *env, uint8_t *p, size_t n, struct cr_err *err)
{
    if (!env || !env->random) {
        return cr_fail(err, CR_INTERNAL, NULL, "no random generator was passed in");
    }
    return env->random(env->ctx, p, n, err);
}

void cr_log(const cr_env *env, enum cr_log_level level, const char *fmt, ...)
{
    if (!env || !env->log) {
        return;
    }
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    env->log(env->ctx, level, line);
}

char *cr_time_format(char out[CR_TIME_TEXT], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, CR_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        out[0] = 0;
    }
    return out;
}

int64_t cr_time_utc_ms(int year, int month, int day, int hour, int minute, int second)
{
    /* Days from the civil calendar, Howard Hinnant's algorithm: no time zone, no year limit. */
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    int64_t days = era * 146097 + doe - 719468;
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

bool cr_time_parse(cr_span text, int64_t *ms)
{
    char copy[40];
    if (text.n >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    int y;
    int mo;
    int d;
    int h;
    int mi;
    int s;
    int used = 0;
    if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &used) != 6 || mo < 1 ||
        mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60 || h < 0 || mi < 0 || s < 0) {
        return false;
    }
    const char *zone = copy + used;
    if (*zone == '.') {
        zone++;
        while (*zone >= '0' && *zone <= '9') {
            zone++;
        }
    }
    int64_t at = cr_time_utc_ms(y, mo, d, h, mi, s);
    int zh;
    int zm;
    if (strcmp(zone, "Z") != 0) {
        if ((*zone != '+' && *zone != '-') || strlen(zone) != 6 ||
            sscanf(zone + 1, "%2d:%2d", &zh, &zm) != 2) {
            return false;
        }
        at -= (*zone == '+' ? 1 : -1) * ((int64_t)zh * 60 + zm) * 60000;
    }
    *ms = at;
    return true;
}
