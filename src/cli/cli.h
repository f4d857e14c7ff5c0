/*
 * The command line as tables: one row per sub-command, option and argument. Parsing, --help, man
 * pages and the reference in docs/ are all printed from them.
 *
 * A command is a leaf with a run function or a group with children. A leaf has a struct for its
 * values; each row says where in it the value goes. The struct is zeroed before parsing, then the
 * defaults are set; strings point into argv.
 */
#ifndef CRISP_CLI_CLI_H
#define CRISP_CLI_CLI_H

#include "base/arena.h"
#include "base/env.h"
#include "base/error.h"

#include <stdio.h>

/* Exit codes of every command. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,  /* it was tried and did not work, the message says why */
    CLI_USAGE = 2,   /* the command line is wrong */
    CLI_REFUSED = 3, /* a peer or a rule said no: same command, same answer */
    CLI_NEGATIVE = 4 /* the question was answered, the answer is "no" or "findings" */
};

enum cli_kind {
    CLI_FLAG,   /* bool, no value */
    CLI_STRING, /* const char *; NULL when not given and no default; never empty unless .empty */
    CLI_INT,    /* int64_t, within min..max */
    CLI_LIST    /* struct cli_list, may be given several times */
};

#define CLI_MAX_LIST 65536 /* values of one option or argument */
struct cli_list {
    const char **items; /* ends with NULL; NULL itself when there are none */
    size_t count;
    size_t room; /* of items */
};

/* An option ("--name VALUE", "--name=VALUE", "-n VALUE") or, when positional, an argument. */
struct cli_option {
    const char *name; /* without dashes; of an argument: its name in upper case */
    char letter;      /* 0 = no short form */
    enum cli_kind kind;
    const char *metavar;  /* "FILE", "HOST:PORT"; NULL for flags and arguments */
    const char *help;     /* one sentence; units, format, what it changes */
    const char *fallback; /* default as text, shown in --help; NULL = none */
    size_t offset;        /* in the command's value struct */
    bool required;
    bool empty;                /* an empty text is a value */
    int64_t min, max;          /* CLI_INT; both 0 = no limit */
    const char *const *one_of; /* NULL-terminated list of allowed words; NULL = anything */
};

struct cli; /* what a running command works with, below */

struct cli_command {
    const char *name;
    const char *summary;     /* one line, no full stop */
    const char *description; /* paragraphs for --help and the man page, blank line between them;
                                NULL = the summary alone */
    const struct cli_option *options;
    size_t option_count;
    const struct cli_option *arguments; /* in their order; a CLI_LIST may be last */
    size_t argument_count;
    size_t values_size;
    int (*run)(struct cli *cli, const void *values); /* returns enum cli_exit */
    const struct cli_command *const *children;       /* NULL-terminated; of a group */
    const char *examples; /* lines "crisp ...", each with a "# comment" line before it; NULL */
};

struct cli {
    FILE *out;
    FILE *err;
    const cr_env *env; /* system clock and randomness, log to err */
    cr_arena arena;    /* lives as long as the command */
    const struct cli_command *command;
    char path[96]; /* "crisp smdpp order create" */
};

/* Parses argv[1..] against the tree under root and runs the leaf; returns the exit code. */
int cli_main(const struct cli_command *root, int argc, char **argv);

/* Prints the help of a command (and, with recursion, the reference of all below it). */
void cli_print_help(FILE *out, const struct cli_command *command, const char *path);
/* Markdown of the whole tree, for docs/commands.md. */
void cli_print_reference(FILE *out, const struct cli_command *root);
/* A man page (roff) of one command with everything below it. */
void cli_print_man(FILE *out, const struct cli_command *command, const char *path);

/* A child of a group by name, NULL. */
const struct cli_command *cli_find(const struct cli_command *group, const char *name);

/* Reports a failure on cli->err (or as a JSON line when json) and gives the exit code. */
int cli_fail(struct cli *cli, const struct cr_err *err, bool json);
/* A mistake in the use: prints it with the way to --help, gives CLI_USAGE. */
int cli_usage(struct cli *cli, const char *fmt, ...) CR_PRINTF(2, 3);

/* The same for a value of the command line that cannot be what it should be. */
int cli_fail_usage(struct cli *cli, const struct cr_err *err);

/* Asks a yes/no question on the terminal; false without one. */
bool cli_confirm(struct cli *cli, const char *question);
/* Reads a line (echo off when secret); NULL at end of input. In the arena. */
char *cli_ask(struct cli *cli, const char *prompt, bool secret);

/* A secret that an option may give: itself, or @FILE for the first line of a file, since everybody
 * on the machine can read the command lines of others. Anything else is taken as it stands. In the
 * arena; CR_REFUSED when the file holds none, or more than CLI_MAX_SECRET bytes. */
#define CLI_MAX_SECRET 255
#define CLI_SECRET_HELP                                                                            \
    "Others can see it in the list of processes: @FILE takes it from the first line of a file, - "
cr_status cli_secret(struct cli *cli, const char *option, const char *given, char **out,
                     struct cr_err *err) CR_MUST_CHECK;

/* Out of memory, for `return cli_fail_memory(cli)`. */
int cli_fail_memory(struct cli *cli);

/* Set by SIGINT and SIGTERM after cli_catch_signals(): servers poll it. */
extern volatile bool cli_stop;
void cli_catch_signals(void);
/* Raises the limit on open files of this process towards so many, as far as the system lets it. */
void cli_raise_files(size_t wanted);

/* The commands. */
extern const struct cli_command cli_root;
extern const struct cli_command cli_pki;
extern const struct cli_command cli_profile;
extern const struct cli_command cli_smdpp;
extern const struct cli_command cli_smdp;
extern const struct cli_command cli_smsr;
extern const struct cli_command cli_euicc;
extern const struct cli_command cli_device;
extern const struct cli_command cli_lpa;
extern const struct cli_command cli_decode;
extern const struct cli_command cli_aka;
extern const struct cli_command cli_ota;
extern const struct cli_command cli_smsr;
extern const struct cli_command cli_operator;
extern const struct cli_command cli_eum;
extern const struct cli_command cli_bench;
extern const struct cli_command cli_man;

#endif
