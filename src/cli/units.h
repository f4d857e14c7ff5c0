/*
 * What people write for times, addresses and lists.
 */
#ifndef CRISP_CLI_UNITS_H
#define CRISP_CLI_UNITS_H

#include "cli/cli.h"

/* "30s", "15m", "12h", "7d", "2w" to milliseconds. */
cr_status cli_duration(const char *text, int64_t *ms, struct cr_err *err) CR_MUST_CHECK;

/* A point in time: a duration from now on, or "2026-12-31T23:59:59Z", or "2026-12-31". */
cr_status cli_time(const char *text, int64_t now_ms, int64_t *ms, struct cr_err *err) CR_MUST_CHECK;

/* "HOST:PORT", ":PORT", "PORT", "HOST", "[::1]:PORT". *host is NULL when none is given (in the
 * arena else), *port stays as it is when none is given. Port 0 = a free one. */
cr_status cli_host_port(cr_arena *arena, const char *text, const char **host, uint16_t *port,
                        struct cr_err *err) CR_MUST_CHECK;

/* The port of a URL of HTTPS: 443 when it names none. */
uint16_t cli_url_port(const char *url);

/* "NAME=VALUE": both in the arena, neither empty. what names the option in the error. */
cr_status cli_pair(cr_arena *arena, const char *text, const char *what, const char **name,
                   const char **value, struct cr_err *err) CR_MUST_CHECK;

/* The next of a comma separated list, without blanks around; false at the end. */
bool cli_next_word(cr_span *list, cr_span *word);

/* "1.4 MB", "312 bytes". */
char *cli_bytes_text(char *out, size_t size, int64_t bytes);

#endif
