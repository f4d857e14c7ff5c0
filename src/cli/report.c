/*
 * How a command speaks: failures, questions, signals.
 */
#include "cli/cli.h"

#include "base/buf.h"
#include "base/file.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

volatile bool cli_stop;

static void on_signal(int number)
{
    (void)number;
    cli_stop = true;
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

void cli_raise_files(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* if not: some wait for their turn */
    }
}

static void put(json_t *object, const char *name, const char *text)
{
    if (text[0]) {
        (void)json_object_set_new(object, name, json_string(text));
    }
}

static void fail_json(struct cli *cli, const struct cr_err *err)
{
    json_t *line = json_object();
    put(line, "event", "error");
    put(line, "category", cr_status_name(err->category));
    put(line, "cause", err->cause);
    put(line, "subject", err->subject);
    put(line, "reason", err->reason);
    put(line, "field", err->field);
    put(line, "clause", err->clause);
    put(line, "next", err->next);
    if (err->code) {
        (void)json_object_set_new(line, "code", json_integer(err->code));
    }
    char *text = json_dumps(line, JSON_COMPACT);
    (void)fprintf(cli->out, "%s\n", text ? text : "{\"event\":\"error\"}");
    free(text);
    json_decref(line);
}

static void fail_text(struct cli *cli, const struct cr_err *err)
{
    (void)fprintf(cli->err, "%s: %s\n", cli->path, err->cause[0] ? err->cause : "it failed");
    if (err->subject[0]) {
        (void)fprintf(cli->err, "  status code: subject %s, reason %s\n", err->subject,
                      err->reason);
    }
    if (err->field[0]) {
        (void)fprintf(cli->err, "  field:       %s\n", err->field);
    }
    if (err->clause[0]) {
        (void)fprintf(cli->err, "  rule:        %s\n", err->clause);
    }
    if (err->next[0]) {
        (void)fprintf(cli->err, "  what to do:  %s\n", err->next);
    }
}

int cli_fail(struct cli *cli, const struct cr_err *err, bool json)
{
    if (json) {
        fail_json(cli, err);
    } else {
        fail_text(cli, err);
    }
    return err->category == CR_REFUSED ? CLI_REFUSED : CLI_FAILED;
}

int cli_fail_usage(struct cli *cli, const struct cr_err *err)
{
    fail_text(cli, err);
    if (err->category != CR_REFUSED && err->category != CR_MALFORMED) {
        return CLI_FAILED;
    }
    (void)fprintf(cli->err, "'%s --help' tells how it is used.\n", cli->path);
    return CLI_USAGE;
}

int cli_fail_memory(struct cli *cli)
{
    struct cr_err err;
    (void)cr_fail_memory(&err);
    return cli_fail(cli, &err, false);
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fprintf(cli->err, "%s: ", cli->path);
    (void)vfprintf(cli->err, fmt, ap);
    (void)fprintf(cli->err, "\n'%s --help' tells how it is used.\n", cli->path);
    va_end(ap);
    return CLI_USAGE;
}

char *cli_ask(struct cli *cli, const char *prompt, bool secret)
{
    struct termios before;
    bool hide = secret && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (hide) {
        struct termios quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    (void)fprintf(cli->err, "%s ", prompt);
    (void)fflush(cli->err);
    char line[512];
    char *got = fgets(line, sizeof(line), stdin);
    if (hide) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    }
    /* What follows begins in a line of its own, where no typed Enter has ended this one. */
    if (hide || !got || !isatty(STDIN_FILENO)) {
        (void)fputc('\n', cli->err);
    }
    if (!got) {
        return NULL;
    }
    size_t n = strcspn(line, "\r\n");
    char *answer = cr_arena_strn(&cli->arena, cr_span_of(line, n));
    cr_wipe(line, sizeof(line));
    return answer;
}

cr_status cli_secret(struct cli *cli, const char *option, const char *given, char **out,
                     struct cr_err *err)
{
    if (given[0] != '@') {
        *out = cr_arena_printf(&cli->arena, "%s", given);
        return *out ? CR_OK : cr_fail_memory(err);
    }
    cr_buf file = {.secret = true};
    cr_status status = cr_file_read(given + 1, CLI_MAX_SECRET + 2, &file, err);
    size_t n = 0;
    while (status == CR_OK && n < file.n && file.p[n] != '\r' && file.p[n] != '\n') {
        n++;
    }
    if (status == CR_MALFORMED || (status == CR_OK && (n == 0 || n > CLI_MAX_SECRET))) {
        status = cr_fail(err, CR_REFUSED, NULL, "%s: %.150s holds no line of 1 to %d characters",
                         option, given + 1, CLI_MAX_SECRET);
        status = cr_err_next(err, status, "write the code alone into the file");
    } else if (status == CR_OK) {
        *out = cr_arena_strn(&cli->arena, cr_span_of(file.p, n));
        status = *out ? CR_OK : cr_fail_memory(err);
    } else {
        status = cr_err_context(err, status, "%s", option);
    }
    cr_buf_free(&file);
    return status;
}

bool cli_confirm(struct cli *cli, const char *question)
{
    char prompt[512];
    (void)snprintf(prompt, sizeof(prompt), "%s [y/N]", question);
    const char *answer = cli_ask(cli, prompt, false);
    return answer && (answer[0] == 'y' || answer[0] == 'Y');
}
