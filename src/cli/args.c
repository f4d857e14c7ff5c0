/*
 * Parsing of a command line by tables.
 */
#include "cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct cli *cli;
    const struct cli_command *command;
    char *values;
    int argc;
    char **argv;
    int at;
    size_t arguments;    /* positional ones taken so far */
    bool only_arguments; /* after "--" */
};

const struct cli_command *cli_find(const struct cli_command *group, const char *name)
{
    for (const struct cli_command *const *child = group->children; child && *child; child++) {
        if (strcmp((*child)->name, name) == 0) {
            return *child;
        }
    }
    return NULL;
}

/* Appends " a b" for the first command of that name somewhere below; false when there is none. */
static bool find_below(const struct cli_command *group, const char *name, cr_buf *path)
{
    for (const struct cli_command *const *child = group->children; child && *child; child++) {
        size_t before = path->n;
        cr_buf_appendf(path, " %s", (*child)->name);
        if (strcmp((*child)->name, name) == 0 || find_below(*child, name, path)) {
            return true;
        }
        path->n = before;
    }
    return false;
}

/* What somebody who wrote this word may have meant: a command here, one further down, one of all.
 */
static void suggest_command(const struct cli *cli, const struct cli_command *group,
                            const char *word, cr_buf *out)
{
    const char *best = NULL;
    unsigned least = CR_TEXT_MEANT;
    for (const struct cli_command *const *child = group->children; *child; child++) {
        best = cr_text_nearer((*child)->name, word, &least) ? (*child)->name : best;
    }
    cr_buf path = {0};
    if (best) {
        cr_buf_appendf(out, "did you mean '%s'?", best);
    } else if (find_below(group, word, &path)) {
        const char *text = cr_buf_cstr(&path);
        cr_buf_appendf(out, "did you mean '%s%s'?", cli->path, text ? text : "");
    } else {
        for (const struct cli_command *const *child = group->children; *child; child++) {
            cr_buf_appendf(out, "%s%s", child == group->children ? "there are " : ", ",
                           (*child)->name);
        }
    }
    cr_buf_free(&path);
}

static int unknown_command(struct cli *cli, const struct cli_command *group, const char *word)
{
    if (word[0] == '-') {
        return cli_usage(cli, "%s stands before the command: options come behind it", word);
    }
    cr_buf more = {0};
    suggest_command(cli, group, word, &more);
    const char *text = cr_buf_cstr(&more);
    int code = cli_usage(cli, "there is no command '%s %s'; %s", cli->path, word, text ? text : "");
    cr_buf_free(&more);
    return code;
}

static const struct cli_option *find_option(const struct cli_command *c, const char *name, size_t n)
{
    for (size_t i = 0; i < c->option_count; i++) {
        if (strlen(c->options[i].name) == n && strncmp(c->options[i].name, name, n) == 0) {
            return &c->options[i];
        }
    }
    return NULL;
}

static const struct cli_option *find_letter(const struct cli_command *c, char letter)
{
    for (size_t i = 0; i < c->option_count; i++) {
        if (c->options[i].letter && c->options[i].letter == letter) {
            return &c->options[i];
        }
    }
    return NULL;
}

static int unknown_option(struct parser *p, const char *word)
{
    const char *best = NULL;
    unsigned least = CR_TEXT_MEANT;
    for (size_t i = 0; i < p->command->option_count; i++) {
        const char *name = p->command->options[i].name;
        best = cr_text_nearer(name, word + 2, &least) ? name : best;
    }
    if (best) {
        return cli_usage(p->cli, "unknown option %s; did you mean --%s?", word, best);
    }
    return cli_usage(p->cli, "unknown option %s", word);
}

/* How an option or argument is written: "--name", "NAME". */
static const char *shown(struct parser *p, const struct cli_option *o)
{
    const char *name = o->metavar ? cr_arena_printf(&p->cli->arena, "--%s", o->name) : NULL;
    return name ? name : o->name;
}

static int bad_word(struct parser *p, const struct cli_option *o, const char *value)
{
    cr_buf list = {0};
    for (const char *const *word = o->one_of; *word; word++) {
        cr_buf_appendf(&list, "%s%s", word == o->one_of ? "" : ", ", *word);
    }
    const char *words = cr_buf_cstr(&list);
    int code = cli_usage(p->cli, "%s cannot be '%s': it is one of %s", shown(p, o), value,
                         words ? words : "");
    cr_buf_free(&list);
    return code;
}

static int add_value(struct parser *p, const struct cli_option *o, struct cli_list *list,
                     const char *value)
{
    if (list->count == CLI_MAX_LIST) {
        return cli_usage(p->cli, "%s was given more than %d times", shown(p, o), CLI_MAX_LIST);
    }
    if (list->count + 1 >= list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        const char **items = cr_arena_alloc_array(&p->cli->arena, room, sizeof(*items));
        if (!items) {
            return cli_fail_memory(p->cli);
        }
        for (size_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = value;
    return CLI_OK;
}

static int set_value(struct parser *p, const struct cli_option *o, const char *value)
{
    void *to = p->values + o->offset;
    if (!*value && !o->empty && (o->kind == CLI_STRING || o->kind == CLI_LIST)) {
        return cli_usage(p->cli, "%s is empty", shown(p, o));
    }
    if (o->one_of) {
        const char *const *word = o->one_of;
        while (*word && strcmp(*word, value) != 0) {
            word++;
        }
        if (!*word) {
            return bad_word(p, o, value);
        }
    }
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)to = true;
        return CLI_OK;
    case CLI_STRING:
        *(const char **)to = value;
        return CLI_OK;
    case CLI_INT: {
        char *end = NULL;
        errno = 0;
        long long v = strtoll(value, &end, 10);
        if (errno || end == value || *end) {
            return cli_usage(p->cli, "%s takes a whole number, not '%s'", shown(p, o), value);
        }
        if ((o->min || o->max) && (v < o->min || v > o->max)) {
            return cli_usage(p->cli, "%s takes a number from %lld to %lld, not %lld", shown(p, o),
                             (long long)o->min, (long long)o->max, v);
        }
        *(int64_t *)to = v;
        return CLI_OK;
    }
    case CLI_LIST:
        return add_value(p, o, to, value);
    }
    return CLI_FAILED;
}

static bool is_set(const struct parser *p, const struct cli_option *o)
{
    const void *at = p->values + o->offset;
    switch (o->kind) {
    case CLI_FLAG:
        return *(const bool *)at;
    case CLI_STRING:
        return *(const char *const *)at != NULL;
    case CLI_INT:
        return true; /* a required number has a table row with min > 0 and is checked by range */
    case CLI_LIST:
        return ((const struct cli_list *)at)->count > 0;
    }
    return false;
}

static int take_long(struct parser *p, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *o = find_option(p->command, name, n);
    if (!o) {
        return unknown_option(p, word);
    }
    if (o->kind == CLI_FLAG) {
        if (equals) {
            return cli_usage(p->cli, "--%s takes no value", o->name);
        }
        return set_value(p, o, "");
    }
    if (equals) {
        return set_value(p, o, equals + 1);
    }
    if (p->at >= p->argc) {
        return cli_usage(p->cli, "--%s needs a value (%s)", o->name, o->metavar);
    }
    return set_value(p, o, p->argv[p->at++]);
}

static int take_short(struct parser *p, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const struct cli_option *o = find_letter(p->command, *letter);
        if (!o) {
            return cli_usage(p->cli, "unknown option -%c", *letter);
        }
        if (o->kind == CLI_FLAG) {
            int code = set_value(p, o, "");
            if (code != CLI_OK) {
                return code;
            }
            continue;
        }
        if (letter[1]) {
            return set_value(p, o, letter + 1);
        }
        if (p->at >= p->argc) {
            return cli_usage(p->cli, "-%c needs a value (%s)", *letter, o->metavar);
        }
        return set_value(p, o, p->argv[p->at++]);
    }
    return CLI_OK;
}

static int take_argument(struct parser *p, const char *word)
{
    if (p->arguments >= p->command->argument_count) {
        return cli_usage(p->cli, "'%s' is one argument too many", word);
    }
    const struct cli_option *o = &p->command->arguments[p->arguments];
    if (o->kind != CLI_LIST) {
        p->arguments++;
    }
    return set_value(p, o, word);
}

static int check_required(struct parser *p)
{
    for (size_t i = 0; i < p->command->argument_count; i++) {
        const struct cli_option *o = &p->command->arguments[i];
        if (o->required && !is_set(p, o)) {
            return cli_usage(p->cli, "%s is missing", o->name);
        }
    }
    for (size_t i = 0; i < p->command->option_count; i++) {
        const struct cli_option *o = &p->command->options[i];
        if (o->required && !is_set(p, o)) {
            return cli_usage(p->cli, "--%s is missing", o->name);
        }
    }
    return CLI_OK;
}

static int set_defaults(struct parser *p)
{
    const struct cli_option *rows[] = {p->command->options, p->command->arguments};
    size_t counts[] = {p->command->option_count, p->command->argument_count};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < counts[t]; i++) {
            const struct cli_option *o = &rows[t][i];
            if (o->fallback && (o->kind == CLI_STRING || o->kind == CLI_INT)) {
                int code = set_value(p, o, o->fallback);
                if (code != CLI_OK) {
                    return code;
                }
            }
        }
    }
    return CLI_OK;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int parse_leaf(struct parser *p)
{
    int code = set_defaults(p);
    while (code == CLI_OK && p->at < p->argc) {
        const char *word = p->argv[p->at++];
        if (p->only_arguments || word[0] != '-' || word[1] == 0) {
            code = take_argument(p, word);
        } else if (strcmp(word, "--") == 0) {
            p->only_arguments = true;
        } else if (is_help(word)) {
            cli_print_help(p->cli->out, p->command, p->cli->path);
            return -1;
        } else if (word[1] == '-') {
            code = take_long(p, word);
        } else {
            code = take_short(p, word);
        }
    }
    return code == CLI_OK ? check_required(p) : code;
}

static int run_leaf(struct cli *cli, const struct cli_command *command, int argc, char **argv,
                    int at)
{
    cli->command = command;
    struct parser p = {.cli = cli, .command = command, .argc = argc, .argv = argv, .at = at};
    p.values = cr_arena_alloc(&cli->arena, command->values_size);
    if (!p.values) {
        return CLI_FAILED;
    }
    int code = parse_leaf(&p);
    if (code == -1) {
        return CLI_OK;
    }
    return code == CLI_OK ? command->run(cli, p.values) : code;
}

static void log_line(void *ctx, enum cr_log_level level, const char *line)
{
    struct cli *cli = ctx;
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char when[CR_TIME_TEXT];
    (void)fprintf(cli->err, "%s %s %s\n", cr_time_format(when, cr_now_ms(cr_env_system())),
                  names[level], line);
}

int cli_main(const struct cli_command *root, int argc, char **argv)
{
    cr_env env = *cr_env_system();
    struct cli cli = {.out = stdout, .err = stderr, .env = &env, .command = root};
    env.ctx = &cli;
    env.log = log_line;
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of a write, not the end */
    (void)cr_str_copy(cli.path, sizeof(cli.path), cr_span_str(root->name));
    const struct cli_command *command = root;
    bool asked = false; /* for help */
    int at = 1;
    int code = CLI_USAGE;
    for (;;) {
        cli.command = command;
        if (!command->run && at < argc && (is_help(argv[at]) || strcmp(argv[at], "help") == 0)) {
            asked = true; /* about the command whose name follows */
            at++;
            continue;
        }
        if (asked && (command->run || at >= argc)) {
            cli_print_help(cli.out, command, cli.path);
            code = CLI_OK;
            break;
        }
        if (command->run) {
            code = run_leaf(&cli, command, argc, argv, at);
            break;
        }
        if (at >= argc) {
            cli_print_help(cli.err, command, cli.path);
            break;
        }
        const struct cli_command *child = cli_find(command, argv[at]);
        if (!child && (strcmp(argv[at], "--version") == 0 || strcmp(argv[at], "-V") == 0)) {
            (void)fprintf(cli.out, "%s %s\n", root->name, CRISP_VERSION);
            code = CLI_OK;
            break;
        }
        if (!child) {
            code = unknown_command(&cli, command, argv[at]);
            break;
        }
        size_t used = strlen(cli.path);
        (void)snprintf(cli.path + used, sizeof(cli.path) - used, " %s", child->name);
        command = child;
        at++;
    }
    errno = 0; /* what made an earlier write fail is not known any more */
    if ((fflush(cli.out) != 0 || ferror(cli.out)) && code == CLI_OK) {
        (void)fprintf(cli.err,
                      "%s: it was done, but what it printed could not be written to standard "
                      "output%s%s\n",
                      cli.path, errno ? ": " : "", errno ? strerror(errno) : "");
        code = CLI_FAILED;
    }
    cr_arena_free(&cli.arena);
    return code;
}
