/*
 * crisp man: the manual, printed from the tables.
 */
#include "cli/cli.h"

#include "base/file.h"

struct man_values {
    bool reference;
    const char *dir;
};

static int write_page(struct cli *cli, const char *dir, const struct cli_command *command,
                      const char *name, const char *path)
{
    char file[4096];
    (void)snprintf(file, sizeof(file), "%s/%s.1", dir, name);
    FILE *out = fopen(file, "w");
    bool written = out != NULL;
    if (out) {
        cli_print_man(out, command, path);
        written = fclose(out) == 0;
    }
    if (!written) {
        struct cr_err err;
        (void)cr_file_fail(&err, "cannot write", file);
        return cli_fail(cli, &err, false);
    }
    return CLI_OK;
}

static int man_run(struct cli *cli, const void *values)
{
    const struct man_values *v = values;
    if (v->reference) {
        cli_print_reference(cli->out, &cli_root);
        return CLI_OK;
    }
    if (!v->dir) {
        cli_print_man(cli->out, &cli_root, cli_root.name);
        return CLI_OK;
    }
    struct cr_err err;
    if (cr_dir_make(v->dir, &err) != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    int code = write_page(cli, v->dir, &cli_root, "crisp", "crisp");
    for (const struct cli_command *const *c = cli_root.children; code == CLI_OK && *c; c++) {
        char name[64];
        char path[64];
        (void)snprintf(name, sizeof(name), "crisp-%s", (*c)->name);
        (void)snprintf(path, sizeof(path), "crisp %s", (*c)->name);
        code = write_page(cli, v->dir, *c, name, path);
    }
    return code;
}

static const struct cli_option man_options[] = {
    {.name = "reference",
     .kind = CLI_FLAG,
     .help = "Print the reference of all commands as Markdown instead (docs/commands.md).",
     .offset = offsetof(struct man_values, reference)},
};

static const struct cli_option man_arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Write crisp.1, crisp-smdpp.1 ... into this directory; without it the page of crisp "
             "goes to standard output.",
     .offset = offsetof(struct man_values, dir)},
};

const struct cli_command cli_man = {
    .name = "man",
    .summary = "print the manual pages",
    .options = man_options,
    .option_count = CR_COUNT(man_options),
    .arguments = man_arguments,
    .argument_count = CR_COUNT(man_arguments),
    .values_size = sizeof(struct man_values),
    .run = man_run,
    .examples = "# read the manual without installing it\ncrisp man | man -l -",
};
