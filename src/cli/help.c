/*
 * --help, man pages and the reference, printed from the command tables.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

#define HELP_WIDTH  92
#define HELP_COLUMN 26

/* Prints text wrapped to HELP_WIDTH with every line after the first indented. at = column now. */
static void wrap(FILE *out, const char *text, int at, int indent)
{
    int column = at;
    while (*text) {
        if (*text == '\n') {
            (void)fprintf(out, "\n%*s", indent, "");
            column = indent;
            text++;
            continue;
        }
        size_t n = strcspn(text, " \n");
        if (column > indent && column + (int)n > HELP_WIDTH) {
            (void)fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        (void)fprintf(out, "%.*s", (int)n, text);
        column += (int)n;
        text += n;
        size_t blanks = strspn(text, " ");
        size_t next = strcspn(text + blanks, " \n");
        text += blanks;
        /* A blank at the end of a line is none. */
        if (*text && *text != '\n' && column + (int)(blanks + next) <= HELP_WIDTH) {
            (void)fprintf(out, "%*s", (int)blanks, "");
        }
        column += (int)blanks;
    }
    (void)fputc('\n', out);
}

static void option_label(char *out, size_t size, const struct cli_option *o)
{
    char letter[8] = "";
    if (o->letter) {
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    }
    (void)snprintf(out, size, "%s--%s%s%s", letter, o->name, o->metavar ? " " : "",
                   o->metavar ? o->metavar : "");
}

static void option_help(char *out, size_t size, const struct cli_option *o)
{
    char words[160] = "";
    if (o->one_of) {
        size_t at = 0;
        for (const char *const *w = o->one_of; *w && at < sizeof(words); w++) {
            at += (size_t)snprintf(words + at, sizeof(words) - at, "%s%s",
                                   at ? ", " : " One of: ", *w);
        }
        (void)snprintf(words + strlen(words), sizeof(words) - strlen(words), ".");
    }
    if (o->kind == CLI_INT && (o->min || o->max)) {
        (void)snprintf(words, sizeof(words), " From %lld to %lld.", (long long)o->min,
                       (long long)o->max);
    }
    (void)snprintf(out, size, "%s%s%s%s%s%s", o->help, words, o->required ? " Required." : "",
                   o->kind == CLI_LIST ? " May be repeated." : "", o->fallback ? " Default: " : "",
                   o->fallback ? o->fallback : "");
}

static void print_rows(FILE *out, const char *title, const struct cli_option *rows, size_t count,
                       bool arguments)
{
    if (count == 0) {
        return;
    }
    (void)fprintf(out, "\n%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        char label[96];
        char help[768];
        if (arguments) {
            (void)snprintf(label, sizeof(label), "%s%s", rows[i].name,
                           rows[i].kind == CLI_LIST ? "..." : "");
        } else {
            option_label(label, sizeof(label), &rows[i]);
        }
        option_help(help, sizeof(help), &rows[i]);
        int used = fprintf(out, "  %-*s", HELP_COLUMN - 3, label);
        if (used >= HELP_COLUMN) {
            (void)fprintf(out, "\n%*s", HELP_COLUMN, "");
        } else {
            (void)fprintf(out, "%*s", HELP_COLUMN - used, "");
        }
        wrap(out, help, HELP_COLUMN, HELP_COLUMN);
    }
}

static void usage_line(char *line, size_t size, const struct cli_command *c, const char *path)
{
    size_t at = (size_t)snprintf(line, size, "%s", path);
    if (c->children) {
        (void)snprintf(line + at, size - at, " COMMAND ...");
        return;
    }
    for (size_t i = 0; i < c->argument_count && at < size; i++) {
        const struct cli_option *a = &c->arguments[i];
        at += (size_t)snprintf(line + at, size - at, a->required ? " %s%s" : " [%s%s]", a->name,
                               a->kind == CLI_LIST ? "..." : "");
    }
    if (c->option_count && at < size) {
        (void)snprintf(line + at, size - at, " [options]");
    }
}

void cli_print_help(FILE *out, const struct cli_command *c, const char *path)
{
    char line[256];
    usage_line(line, sizeof(line), c, path);
    (void)fprintf(out, "%s\n\n", line);
    wrap(out, c->description ? c->description : c->summary, 0, 0);
    if (c->children) {
        (void)fprintf(out, "\nCommands:\n");
        for (const struct cli_command *const *child = c->children; *child; child++) {
            (void)fprintf(out, "  %-*s", HELP_COLUMN - 2, (*child)->name);
            wrap(out, (*child)->summary, HELP_COLUMN, HELP_COLUMN);
        }
        (void)fprintf(out, "\n'%s COMMAND --help' tells more.\n", path);
    }
    print_rows(out, "Arguments", c->arguments, c->argument_count, true);
    print_rows(out, "Options", c->options, c->option_count, false);
    if (c->examples) {
        (void)fprintf(out, "\nExamples:\n  ");
        for (const char *s = c->examples; *s; s++) {
            (void)fputc(*s, out);
            if (*s == '\n' && s[1]) {
                (void)fputs("  ", out);
            }
        }
        (void)fputc('\n', out);
    }
}

/* In a cell of a Markdown table, where a bar would begin the next one. */
static void cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

static void reference_rows(FILE *out, const struct cli_option *rows, size_t count, bool arguments)
{
    for (size_t i = 0; i < count; i++) {
        char label[96];
        char help[768];
        if (arguments) {
            (void)snprintf(label, sizeof(label), "%s", rows[i].name);
        } else {
            option_label(label, sizeof(label), &rows[i]);
        }
        option_help(help, sizeof(help), &rows[i]);
        (void)fputs("| `", out);
        cell(out, label);
        (void)fputs("` | ", out);
        cell(out, help);
        (void)fputs(" |\n", out);
    }
}

static void reference(FILE *out, const struct cli_command *c, const char *path)
{
    char line[256];
    usage_line(line, sizeof(line), c, path);
    (void)fprintf(out, "## %s\n\n`%s`\n\n%s\n\n", path, line,
                  c->description ? c->description : c->summary);
    if (c->argument_count || c->option_count) {
        (void)fprintf(out, "| | |\n|---|---|\n");
        reference_rows(out, c->arguments, c->argument_count, true);
        reference_rows(out, c->options, c->option_count, false);
        (void)fputc('\n', out);
    }
    if (c->examples) {
        (void)fprintf(out, "```\n%s\n```\n\n", c->examples);
    }
    for (const struct cli_command *const *child = c->children; child && *child; child++) {
        char below[96];
        (void)snprintf(below, sizeof(below), "%s %s", path, (*child)->name);
        reference(out, *child, below);
    }
}

void cli_print_reference(FILE *out, const struct cli_command *root)
{
    (void)fprintf(out, "# Commands\n\nPrinted from the tables of the program: "
                       "`crisp man --reference`.\n\n");
    reference(out, root, root->name);
}

/* Roff text: a leading dot or quote and every backslash must not be taken for a request. */
static void roff(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            (void)fputs("\\&", out);
        }
        if (*text == '\\') {
            (void)fputs("\\e", out);
        } else if (*text == '-') {
            (void)fputs("\\-", out);
        } else if (*text == '\n' && text[1] == '\n') {
            (void)fputs("\n.PP", out);
        } else {
            (void)fputc(*text, out);
        }
        line_start = *text == '\n';
    }
    (void)fputc('\n', out);
}

static void man_rows(FILE *out, const struct cli_option *rows, size_t count, bool arguments)
{
    for (size_t i = 0; i < count; i++) {
        char label[96];
        char help[768];
        if (arguments) {
            (void)snprintf(label, sizeof(label), "%s", rows[i].name);
        } else {
            option_label(label, sizeof(label), &rows[i]);
        }
        option_help(help, sizeof(help), &rows[i]);
        (void)fprintf(out, ".TP\n.B ");
        roff(out, label);
        roff(out, help);
    }
}

static void man_section(FILE *out, const struct cli_command *c, const char *path, bool top)
{
    char line[256];
    usage_line(line, sizeof(line), c, path);
    (void)fprintf(out, "%s ", top ? ".SH SYNOPSIS\n.B" : ".SS");
    roff(out, line);
    if (top) {
        (void)fprintf(out, ".SH DESCRIPTION\n");
    }
    roff(out, c->description ? c->description : c->summary);
    man_rows(out, c->arguments, c->argument_count, true);
    man_rows(out, c->options, c->option_count, false);
    if (c->examples) {
        (void)fprintf(out, ".PP\nExamples:\n.PP\n.nf\n");
        roff(out, c->examples);
        (void)fprintf(out, ".fi\n");
    }
    if (top && c->children) {
        (void)fprintf(out, ".SH COMMANDS\n");
    }
    for (const struct cli_command *const *child = c->children; child && *child; child++) {
        char below[96];
        (void)snprintf(below, sizeof(below), "%s %s", path, (*child)->name);
        man_section(out, *child, below, false);
    }
}

void cli_print_man(FILE *out, const struct cli_command *c, const char *path)
{
    char title[96];
    size_t n = 0;
    for (; path[n] && n + 1 < sizeof(title); n++) {
        int upper = toupper((unsigned char)path[n]);
        title[n] = '-';
        if (upper != ' ') {
            title[n] = (char)upper;
        }
    }
    title[n] = 0;
    (void)fprintf(out, ".TH %s 1 \"\" crisp \"Remote SIM Provisioning\"\n.SH NAME\n", title);
    for (n = 0; path[n]; n++) {
        (void)fputc(path[n] == ' ' ? '-' : path[n], out);
    }
    (void)fprintf(out, " \\- ");
    roff(out, c->summary);
    man_section(out, c, path, true);
    (void)fprintf(out,
                  ".SH EXIT STATUS\n0 done; 1 it did not work; 2 the command line is wrong; 3 a "
                  "peer or a rule refused; 4 the answer is no.\n");
}
