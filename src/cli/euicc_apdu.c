/*
 * crisp euicc apdu: commands into a card, in hex or by name: one after the other, from standard
 * input, or in a shell.
 */
#include "cli/euicc.h"

#include "cli/euicc_card.h"

#include "base/file.h"
#include "lab/commands.h"

#include <stdlib.h>
#include <unistd.h>

#define MAX_SCRIPT 1048576 /* bytes of commands on standard input */

struct apdu_values {
    const char *reader;
    bool decode, hex, follow, no_follow;
    struct cli_list words; /* DIR, unless there is a reader, and commands */
};

/* What the words and options come to. */
struct plan {
    const char *dir;
    const char *const *commands;
    size_t count;
    bool script; /* from standard input */
};

static bool plan_make(const struct apdu_values *v, struct plan *plan)
{
    size_t first = v->reader ? 0 : 1;
    if (v->words.count < first) {
        return false;
    }
    *plan = (struct plan){.dir = first ? v->words.items[0] : NULL,
                          .commands = v->words.items ? v->words.items + first : NULL,
                          .count = v->words.count - first};
    bool dash = plan->count == 1 && strcmp(plan->commands[0], "-") == 0;
    plan->script = dash || plan->count == 0;
    return true;
}

/* Before the first one changes the card. What a name means may depend on what is selected by then:
 * that it is not known now says nothing. */
static cr_status check_commands(struct cli_shell *shell, const struct plan *plan,
                                struct cr_err *err)
{
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && !plan->script && i < plan->count; i++) {
        status = cli_shell_check(shell, plan->commands[i], err);
        status = status == CR_REFUSED ? CR_OK : status;
    }
    return status;
}

/* Lines of standard input; empty ones and those that begin with # are comments. */
static cr_status run_script(struct cli *cli, struct cli_shell *shell, struct cr_err *err)
{
    cr_buf script = {.secret = true};
    bool quit = false;
    size_t number = 0;
    cr_status status = cr_file_read("-", MAX_SCRIPT, &script, err);
    cr_span rest = cr_buf_span(&script);
    while (status == CR_OK && !quit && rest.n > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        char *line = cr_arena_strn(&cli->arena, cr_span_sub(rest, 0, n));
        number++;
        status = line ? cli_shell_line(shell, line, &quit, err) : cr_fail_memory(err);
        rest = cr_span_sub(rest, n + 1, rest.n);
    }
    cr_buf_free(&script);
    return status == CR_OK || number == 0 ? status
                                          : cr_err_context(err, status, "line %zu", number);
}

static cr_status run_plan(struct cli *cli, struct cli_shell *shell, const struct plan *plan,
                          bool person, struct cr_err *err)
{
    bool quit = false;
    cr_status status = CR_OK;
    if (person) {
        return cli_shell_interact(shell, err);
    }
    if (plan->script) {
        return run_script(cli, shell, err);
    }
    for (size_t i = 0; status == CR_OK && !quit && i < plan->count; i++) {
        status = cli_shell_line(shell, plan->commands[i], &quit, err);
    }
    return status;
}

static int apdu_run(struct cli *cli, const void *values)
{
    const struct apdu_values *v = values;
    struct plan plan;
    struct card card = {0};
    struct cli_shell *shell = NULL;
    struct cr_err err = {0};
    if (!plan_make(v, &plan)) {
        return cli_usage(cli, "DIR is missing (or --reader)");
    }
    if (v->decode && v->hex) {
        return cli_usage(cli, "--decode and --hex exclude each other");
    }
    if (v->follow && v->no_follow) {
        return cli_usage(cli, "--follow and --no-follow exclude each other");
    }
    bool person = plan.count == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct cli_shell_options options = {.decode = v->decode || (person && !v->hex),
                                        .follow = v->follow || (person && !v->no_follow),
                                        .follow_names = !v->no_follow};
    cr_status status = cli_shell_new(cli, &card, &options, &shell, &err);
    if (status == CR_OK && check_commands(shell, &plan, &err) != CR_OK) {
        cli_shell_free(shell);
        return cli_fail_usage(cli, &err);
    }
    if (status == CR_OK) {
        status = cli_euicc_card_open(cli, plan.dir, v->reader, &card, &err);
    }
    if (status == CR_OK) {
        if (person) {
            (void)fprintf(cli->out, "'help' lists the commands, Tab completes, Ctrl-D ends.\n");
        }
        status = run_plan(cli, shell, &plan, person, &err);
    }
    cli_shell_free(shell);
    if (card.close) {
        card.close(card.ctx);
    }
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct apdu_values, member)
static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_LIST,
     .help = "Chip made by 'crisp euicc create' (none with --reader), then commands, each as one "
             "word in quotes: in hex, or by name ('select MF/ADF.USIM/EF.IMSI', 'read binary'). "
             "Without commands: a shell on a terminal, else lines of standard input; - reads them "
             "in any case.",
     FIELD(words)},
};

static const struct cli_option options[] = {
    {.name = "reader",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "A card in a reader of pcscd instead of a chip: the reader's name, the beginning of "
             "it, or its number.",
     FIELD(reader)},
    {.name = "decode",
     .kind = CLI_FLAG,
     .help = "Print answers in words, too: status word, file control parameters, contents of "
             "known files, messages of the ISD-R. The shell does it by itself.",
     FIELD(decode)},
    {.name = "hex",
     .kind = CLI_FLAG,
     .help = "Print answers in hex only, in the shell as well.",
     FIELD(hex)},
    {.name = "follow",
     .kind = CLI_FLAG,
     .help = "Behind commands in hex, too: fetch what 61xx announces, repeat with the right Le at "
             "6Cxx. The shell and commands by name do it by themselves.",
     FIELD(follow)},
    {.name = "no-follow", .kind = CLI_FLAG, .help = "Send nothing by itself.", FIELD(no_follow)},
};

const struct cli_command cli_euicc_apdu = {
    .name = "apdu",
    .summary = "talk to a chip or card in APDUs",
    .description =
        "Powers the chip on, sends the commands and prints each answer with its status word in "
        "hex; --decode adds what it means. What the commands changed stays changed.\n\n"
        "Without commands on a terminal it is a shell with line editing, completion and a history "
        "($XDG_STATE_HOME/crisp/apdu_history; commands with PINs are not kept). 'help' in it lists "
        "the commands by name; they may be given as arguments and in scripts as well.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct apdu_values),
    .run = apdu_run,
    .examples = "# open a channel, select the ISD-R, ask for the EID\n"
                "crisp euicc apdu chip 0070000001 01A4040010A0000005591010FFFFFFFF8900000100 "
                "81E2910006BF3E035C015A\n"
                "# the IMSI, in words\n"
                "crisp euicc apdu chip --decode 'select MF/ADF.USIM/EF.IMSI' 'read binary'\n"
                "# a shell on the card in the first reader\n"
                "crisp euicc apdu --reader 0",
};
