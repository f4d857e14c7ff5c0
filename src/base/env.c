#include "base/env.h"

#include "base/text.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#define TIME_FRACTION_DIGITS 9

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
    cr_text_clean(line);
    env->log(env->ctx, level, line);
}

char *cr_time_format(char out[CR_TIME_TEXT], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0)); /* down, before 1970 too */
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

/* A number of exactly n digits at the front, and the character behind it. */
static bool take_number(cr_span *in, size_t n, char then, int *out)
{
    int v = 0;
    if (in->n < n || (then && (in->n == n || in->p[n] != (uint8_t)then))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (in->p[i] < '0' || in->p[i] > '9') {
            return false;
        }
        v = v * 10 + (in->p[i] - '0');
    }
    *out = v;
    *in = cr_span_sub(*in, n + (then ? 1 : 0), in->n);
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* ".123" is allowed and not looked at: times are to the second. */
static bool skip_fraction(cr_span *in)
{
    size_t n = 1;
    if (in->n == 0 || in->p[0] != '.') {
        return true;
    }
    while (n < in->n && in->p[n] >= '0' && in->p[n] <= '9') {
        n++;
    }
    *in = cr_span_sub(*in, n, in->n);
    return n > 1 && n <= TIME_FRACTION_DIGITS + 1;
}

/* "Z" or "+01:00" at the end; milliseconds east of Greenwich. */
static bool take_zone(cr_span in, int64_t *offset)
{
    int hours;
    int minutes;
    if (in.n == 1 && in.p[0] == 'Z') {
        *offset = 0;
        return true;
    }
    if (in.n != 6 || (in.p[0] != '+' && in.p[0] != '-')) {
        return false;
    }
    int sign = in.p[0] == '+' ? 1 : -1;
    in = cr_span_sub(in, 1, in.n);
    if (!take_number(&in, 2, ':', &hours) || !take_number(&in, 2, 0, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    *offset = sign * ((int64_t)hours * 60 + minutes) * 60000;
    return true;
}

bool cr_time_parse(cr_span text, int64_t *ms)
{
    int y;
    int mo;
    int d;
    int h;
    int mi;
    int s;
    int64_t offset;
    if (!take_number(&text, 4, '-', &y) || !take_number(&text, 2, '-', &mo) ||
        !take_number(&text, 2, 'T', &d) || !take_number(&text, 2, ':', &h) ||
        !take_number(&text, 2, ':', &mi) || !take_number(&text, 2, 0, &s)) {
        return false;
    }
    if (mo < 1 || mo > 12 || d < 1 || d > days_of(y, mo) || h > 23 || mi > 59 || s > 60 ||
        !skip_fraction(&text) || !take_zone(text, &offset)) {
        return false;
    }
    *ms = cr_time_utc_ms(y, mo, d, h, mi, s) - offset;
    return true;
}
