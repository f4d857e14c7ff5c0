#include "cli/progress.h"

#include <unistd.h>

#define SHOW_EVERY_MS  100
#define SILENT_MS      300 /* quick work shows nothing */
#define CLEAR_THE_LINE "\r\033[K"

void cli_progress_start(struct cli_progress *p, struct cli *cli, const char *what, size_t total)
{
    *p = (struct cli_progress){.to = isatty(fileno(cli->err)) ? cli->err : NULL,
                               .what = what,
                               .env = cli->env,
                               .total = total,
                               .started_ms = cr_now_ms(cli->env)};
}

void cli_progress_at(struct cli_progress *p, size_t done)
{
    int64_t now = cr_now_ms(p->env);
    if (!p->to || now - p->started_ms < SILENT_MS || now - p->shown_ms < SHOW_EVERY_MS) {
        return;
    }
    p->shown_ms = now;
    if (p->total) {
        (void)fprintf(p->to, CLEAR_THE_LINE "%s: %zu of %zu (%zu %%)", p->what, done, p->total,
                      done * 100 / p->total);
    } else {
        (void)fprintf(p->to, CLEAR_THE_LINE "%s: %zu", p->what, done);
    }
    (void)fflush(p->to);
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->to && p->shown_ms) {
        (void)fputs(CLEAR_THE_LINE, p->to);
        (void)fflush(p->to);
    }
}
