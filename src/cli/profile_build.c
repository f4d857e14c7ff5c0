/*
 * crisp profile build: a package from a description.
 */
#include "cli/profile.h"

#include "cli/input.h"
#include "cli/units.h"

#include "base/file.h"
#include "base/text.h"
#include "profile/build.h"
#include "profile/check.h"

struct build_values {
    const char *in, *out;
    bool hex, members;
};

static void warn(void *ctx, const struct profile_finding *finding)
{
    struct cli *cli = ctx;
    cr_buf line = {0};
    profile_finding_text(finding, &line);
    (void)fprintf(cli->err, "%s: %s\n", cli->path, cr_buf_cstr(&line));
    cr_buf_free(&line);
}

static cr_status write_package(const char *path, bool hex, cr_span upp, struct cr_err *err)
{
    cr_buf text = {0};
    if (!hex) {
        return cr_file_write(path, upp, 0600, err); /* it holds the keys of a subscription */
    }
    cr_hex_append(&text, upp);
    cr_buf_append_byte(&text, '\n');
    cr_status status = cr_file_write(path, cr_buf_span(&text), 0600, err);
    cr_buf_free(&text);
    return status;
}

static cr_status build(struct cli *cli, const struct build_values *v, cr_buf *upp,
                       struct cr_err *err)
{
    cr_span description;
    char size[32];
    struct profile_check_result result = {0};
    CR_TRY(cli_input_read(cli, v->in, &description, err));
    cr_status status = profile_build_text(description, upp, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", v->in);
    }
    const char *out = cli_profile_output(cli, v->in, v->out, v->hex ? ".hex" : ".der");
    if (!out) {
        return cr_fail_memory(err);
    }
    CR_TRY(write_package(out, v->hex, cr_buf_span(upp), err));
    CR_TRY(profile_check(cr_buf_span(upp), &cli->arena, warn, cli, &result, err));
    if (strcmp(out, "-") != 0) {
        (void)fprintf(cli->out, "%s: %s\n", out,
                      cli_bytes_text(size, sizeof(size), (int64_t)upp->n));
    }
    return CR_OK;
}

static int print_members(struct cli *cli)
{
    for (const struct profile_build_member *m = profile_build_members(); m->name; m++) {
        (void)fprintf(cli->out, "%-26s %s\n", m->name, m->help);
    }
    return CLI_OK;
}

static int build_run(struct cli *cli, const void *values)
{
    const struct build_values *v = values;
    struct cr_err err;
    cr_buf upp = {.secret = true};
    if (v->members) {
        return print_members(cli);
    }
    if (!v->in) {
        return cli_usage(cli, "FILE is missing; '-' is standard input");
    }
    cr_status status = build(cli, v, &upp, &err);
    cr_buf_free(&upp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct build_values, member)

static const struct cli_option arguments[] = {
    {.name = "FILE",
     .kind = CLI_STRING,
     .help = "Description in JSON: members of a subscription, or what 'crisp profile show --json' "
             "prints; '-' is standard input.",
     FIELD(in)},
};

static const struct cli_option options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Package to write; FILE with the ending .der unless given, '-' is standard output.",
     FIELD(out)},
    {.name = "hex", .kind = CLI_FLAG, .help = "Write hex instead of DER.", FIELD(hex)},
    {.name = "members",
     .kind = CLI_FLAG,
     .help = "List the members that a description can have.",
     FIELD(members)},
};

const struct cli_command cli_profile_build = {
    .name = "build",
    .summary = "make a package from a description",
    .description = "Makes an Unprotected Profile Package from a readable description. The package "
                   "is checked; what the checker finds is printed, but does not stop it.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct build_values),
    .run = build_run,
    .examples = "# from a description of a subscription\n"
                "crisp profile build campus.json -o campus.der\n"
                "# change a package of somebody else\n"
                "crisp profile show --json theirs.der > it.json && crisp profile build it.json",
};
