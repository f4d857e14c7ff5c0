#include "cli/units.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HTTPS_PORT 443

static const struct {
    char letter;
    int64_t ms;
} duration_units[] = {
    {'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 7 * (int64_t)86400000},
};

#define MAX_DURATION_MS ((int64_t)100 * 366 * 86400000)

cr_status cli_duration(const char *text, int64_t *ms, struct cr_err *err)
{
    char *end = NULL;
    errno = 0;
    long long count = strtoll(text, &end, 10);
    if (errno == 0 && isdigit((unsigned char)text[0]) && end[0] && !end[1]) {
        for (size_t i = 0; i < CR_COUNT(duration_units); i++) {
            if (duration_units[i].letter != end[0]) {
                continue;
            }
            if (count > MAX_DURATION_MS / duration_units[i].ms) {
                return cr_fail(err, CR_REFUSED, NULL, "'%s' is more than 100 years", text);
            }
            *ms = count * duration_units[i].ms;
            return CR_OK;
        }
    }
    cr_status status = cr_fail(err, CR_MALFORMED, NULL, "'%s' is no length of time", text);
    return cr_err_next(err, status, "write a number and a unit: 30s, 15m, 12h, 7d or 2w");
}

cr_status cli_time(const char *text, int64_t now_ms, int64_t *ms, struct cr_err *err)
{
    char day[32];
    int n = snprintf(day, sizeof(day), "%sT00:00:00Z", text);
    if (cr_time_parse(cr_span_str(text), ms) ||
        (n > 0 && (size_t)n < sizeof(day) && cr_time_parse(cr_span_str(day), ms))) {
        return CR_OK;
    }
    int64_t length;
    if (cli_duration(text, &length, NULL) == CR_OK) {
        *ms = now_ms + length;
        return CR_OK;
    }
    cr_status status = cr_fail(err, CR_MALFORMED, NULL, "'%s' is no time", text);
    return cr_err_next(err, status,
                       "write a length of time from now on (12h, 7d) or 2026-12-31T23:59:59Z");
}

static bool parse_port(const char *text, uint16_t *port)
{
    if (!cr_is_digits(cr_span_str(text)) || strlen(text) > 5) {
        return false;
    }
    long value = strtol(text, NULL, 10);
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

cr_status cli_host_port(cr_arena *arena, const char *text, const char **host, uint16_t *port,
                        struct cr_err *err)
{
    const char *from = text[0] == '[' ? text + 1 : text;
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strrchr(bracket ? bracket : text, ':');
    bool only_port = !colon && cr_is_digits(cr_span_str(text));
    size_t n = bracket ? (size_t)(bracket - from) : colon ? (size_t)(colon - from) : strlen(from);
    bool brackets_fine = (text[0] == '[') == (bracket != NULL) &&
                         (!bracket || bracket[1] == 0 || bracket + 1 == colon);
    if ((colon && !parse_port(colon + 1, port)) || (only_port && !parse_port(text, port)) ||
        !brackets_fine) {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL, "'%s' is no address", text);
        return cr_err_next(err, status, "write HOST:PORT, HOST or PORT (0 to 65535)");
    }
    *host = NULL;
    if (only_port || n == 0) {
        return CR_OK;
    }
    *host = cr_arena_strn(arena, cr_span_of(from, n));
    return *host ? CR_OK : cr_fail_memory(err);
}

cr_status cli_pair(cr_arena *arena, const char *text, const char *what, const char **name,
                   const char **value, struct cr_err *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        return cr_fail(err, CR_MALFORMED, NULL, "'%s' is no %s: an '=' divides its two parts", text,
                       what);
    }
    *name = cr_arena_strn(arena, cr_span_of(text, (size_t)(equals - text)));
    *value = equals + 1;
    return *name ? CR_OK : cr_fail_memory(err);
}

bool cli_next_word(cr_span *list, cr_span *word)
{
    if (list->n == 0) {
        return false;
    }
    const uint8_t *comma = memchr(list->p, ',', list->n);
    size_t n = comma ? (size_t)(comma - list->p) : list->n;
    *word = cr_span_sub(*list, 0, n);
    *list = cr_span_sub(*list, comma ? n + 1 : n, list->n);
    while (word->n > 0 && word->p[0] == ' ') {
        *word = cr_span_sub(*word, 1, word->n);
    }
    while (word->n > 0 && word->p[word->n - 1] == ' ') {
        word->n--;
    }
    return true;
}

char *cli_bytes_text(char *out, size_t size, int64_t bytes)
{
    if (bytes < 10000) {
        (void)snprintf(out, size, "%lld bytes", (long long)bytes);
    } else if (bytes < 1000000) {
        (void)snprintf(out, size, "%lld.%lld kB", (long long)(bytes / 1000),
                       (long long)(bytes % 1000 / 100));
    } else {
        (void)snprintf(out, size, "%lld.%lld MB", (long long)(bytes / 1000000),
                       (long long)(bytes % 1000000 / 100000));
    }
    return out;
}

uint16_t cli_url_port(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const char *end = host + strcspn(host, "/");
    const char *bracket = memchr(host, ']', (size_t)(end - host));
    const char *colon =
        memchr(bracket ? bracket : host, ':', (size_t)(end - (bracket ? bracket : host)));
    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : HTTPS_PORT;
}
