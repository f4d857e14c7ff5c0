/*
 * crisp profile personalise: one package for each row of a table.
 */
#include "cli/profile.h"

#include "cli/input.h"
#include "cli/progress.h"

#include "base/file.h"
#include "profile/personalise.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct personalise_values {
    const char *template, *table, *out;
    bool force, columns;
};

struct table {
    int fd;
    const char *path;
};

static cr_status read_table(void *ctx, uint8_t *p, size_t n, size_t *got, struct cr_err *err)
{
    const struct table *table = ctx;
    ssize_t count;
    do {
        count = read(table->fd, p, n);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot read: %s", strerror(errno));
    }
    *got = (size_t)count;
    return CR_OK;
}

struct work {
    struct cli *cli;
    const struct personalise_values *values;
    struct profile_personaliser *personaliser;
    struct profile_csv *csv;
    struct cli_progress progress;
    size_t made;
};

static cr_status write_row(struct work *w, const struct profile_csv_row *row, cr_buf *package,
                           struct cr_err *err)
{
    struct profile_personalised info;
    char path[4096];
    cr_buf_reset(package);
    CR_TRY(profile_personaliser_row(w->personaliser, row, package, &info, err));
    int n = snprintf(path, sizeof(path), "%s/%s.der", w->values->out, info.iccid);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return cr_fail(err, CR_REFUSED, NULL, "the name of the directory is too long");
    }
    if (!w->values->force && cr_file_exists(path)) {
        cr_status status =
            cr_fail(err, CR_REFUSED, NULL, "row %zu: %s is there already", row->number, path);
        return cr_err_next(err, status, "is the ICCID in the table twice? Else say --force");
    }
    CR_TRY(cr_file_write(path, cr_buf_span(package), 0600, err));
    w->made++;
    cli_progress_at(&w->progress, w->made);
    return CR_OK;
}

static cr_status walk(struct work *w, cr_buf *package, struct cr_err *err)
{
    struct profile_csv_row row;
    bool more = false;
    CR_TRY(profile_csv_next(w->csv, &row, &more, err));
    if (!more) {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL, "the table is empty");
        return cr_err_next(err, status, "its first row names the columns; --columns lists them");
    }
    CR_TRY(profile_personaliser_header(w->personaliser, &row, err));
    CR_TRY(cr_dir_make(w->values->out, err));
    for (;;) {
        CR_TRY(profile_csv_next(w->csv, &row, &more, err));
        if (!more) {
            return CR_OK;
        }
        CR_TRY(write_row(w, &row, package, err));
    }
}

static cr_status personalise(struct work *w, const struct table *table, struct cr_err *err)
{
    cr_span template;
    cr_buf package = {.secret = true};
    CR_TRY(cli_input_der(w->cli, w->values->template, &template, err));
    cr_status status = profile_personaliser_new(template, &w->personaliser, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", w->values->template);
    }
    struct table stream = *table;
    status = profile_csv_new(read_table, &stream, &w->csv, err);
    cli_progress_start(&w->progress, w->cli, "personalising", 0);
    if (status == CR_OK) {
        status = walk(w, &package, err);
    }
    cli_progress_end(&w->progress);
    cr_buf_free(&package);
    profile_csv_free(w->csv);
    profile_personaliser_free(w->personaliser);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", table->path);
}

static int print_columns(struct cli *cli)
{
    const struct profile_personalise_column *column;
    for (size_t i = 0; (column = profile_personalise_column(i)) != NULL; i++) {
        (void)fprintf(cli->out, "%-14s %s\n", column->name, column->help);
    }
    return CLI_OK;
}

static int personalise_run(struct cli *cli, const void *values)
{
    const struct personalise_values *v = values;
    struct work w = {.cli = cli, .values = v};
    struct cr_err err;
    if (v->columns) {
        return print_columns(cli);
    }
    if (!v->template || !v->table) {
        return cli_usage(cli, "%s is missing", v->template ? "TABLE" : "TEMPLATE");
    }
    if (!v->out) {
        return cli_usage(cli, "--output is missing");
    }
    bool standard = strcmp(v->table, "-") == 0;
    struct table table = {.fd = standard ? STDIN_FILENO : open(v->table, O_RDONLY | O_CLOEXEC),
                          .path = v->table};
    cr_status status = CR_OK;
    if (table.fd < 0) {
        status = cr_file_fail(&err, "cannot open", v->table);
    } else {
        status = personalise(&w, &table, &err);
    }
    if (table.fd >= 0 && !standard) {
        (void)close(table.fd);
    }
    if (status == CR_OK || w.made > 0) {
        (void)fprintf(cli->out, "%zu package%s in %s\n", w.made, w.made == 1 ? "" : "s", v->out);
    }
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct personalise_values, member)

static const struct cli_option arguments[] = {
    {.name = "TEMPLATE",
     .kind = CLI_STRING,
     .help = "Profile package whose values are replaced: DER, hex or base64.",
     FIELD(template)},
    {.name = "TABLE",
     .kind = CLI_STRING,
     .help = "Comma separated values, the first row names the columns; '-' is standard input.",
     FIELD(table)},
};

static const struct cli_option options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Directory for the packages, ICCID.der each.",
     FIELD(out)},
    {.name = "force", .kind = CLI_FLAG, .help = "Overwrite packages that are there.", FIELD(force)},
    {.name = "columns",
     .kind = CLI_FLAG,
     .help = "List the columns that a table can have.",
     FIELD(columns)},
};

const struct cli_command cli_profile_personalise = {
    .name = "personalise",
    .summary = "make a package for each row of a table",
    .description =
        "Fills ICCID, IMSI, keys, PINs and more of a template from a table, one package a row. A "
        "mistake names row and column; the packages of the rows before it have been written.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct personalise_values),
    .run = personalise_run,
    .examples = "# thousand subscriptions, ready for 'crisp smdpp profile import'\n"
                "crisp profile personalise template.der subscriptions.csv -o out",
};
