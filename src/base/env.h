/*
 * What a party takes from the world: time, randomness, a place to report to.
 *
 * The cores of the parties are pure; these three come in from outside, so that a session can be
 * replayed byte for byte. cr_env_system() is the real world; tests pass their own.
 */
#ifndef CRISP_BASE_ENV_H
#define CRISP_BASE_ENV_H

#include "base/error.h"

enum cr_log_level { CR_LOG_ERROR, CR_LOG_WARNING, CR_LOG_INFO, CR_LOG_DEBUG };

typedef struct cr_env {
    void *ctx; /* given to each function */

    /* Milliseconds since 1970-01-01 UTC. */
    int64_t (*now_ms)(void *ctx);

    /* Fills p with n random bytes fit for keys. CR_RESOURCE when there are none. */
    cr_status (*random)(void *ctx, uint8_t *p, size_t n, struct cr_err *err);

    /* One line without newline; NULL = nobody listens. Called from any thread. */
    void (*log)(void *ctx, enum cr_log_level level, const char *line);
} cr_env;

/* The system clock and the kernel's random generator, no log. Static storage. */
const cr_env *cr_env_system(void);

static inline int64_t cr_now_ms(const cr_env *env)
{
    return env->now_ms(env->ctx);
}

/* env->random with a check that it is there. */
cr_status cr_random(const cr_env *env, uint8_t *p, size_t n, struct cr_err *err) CR_MUST_CHECK;

/* Formats a line of at most 1023 bytes for env->log, if somebody listens. */
void cr_log(const cr_env *env, enum cr_log_level level, const char *fmt, ...) CR_PRINTF(3, 4);

#define CR_TIME_TEXT 25 /* "2026-11-21T09:05:00Z" and room */

/* W3C profile of ISO 8601 in UTC, to the second. out has CR_TIME_TEXT bytes. */
char *cr_time_format(char out[CR_TIME_TEXT], int64_t ms);

/* The same backwards, offsets +hh:mm accepted; false when it is no such time. */
bool cr_time_parse(cr_span text, int64_t *ms) CR_MUST_CHECK;

/* Milliseconds since 1970 of a UTC calendar time (month 1..12, day 1..31). */
int64_t cr_time_utc_ms(int year, int month, int day, int hour, int minute, int second);

#endif
