/*
 * A progress line for work that takes more than a moment: on a terminal only, and gone when the
 * work is done.
 */
#ifndef CRISP_CLI_PROGRESS_H
#define CRISP_CLI_PROGRESS_H

#include "cli/cli.h"

struct cli_progress {
    FILE *to; /* NULL = nobody looks */
    const char *what;
    const cr_env *env;
    size_t total; /* 0 = not known */
    int64_t started_ms, shown_ms;
};

/* what: "importing". */
void cli_progress_start(struct cli_progress *p, struct cli *cli, const char *what, size_t total);
/* Shows the state, at most ten times a second. */
void cli_progress_at(struct cli_progress *p, size_t done);
/* Clears the line. */
void cli_progress_end(struct cli_progress *p);

#endif
