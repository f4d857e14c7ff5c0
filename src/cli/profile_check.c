/*
 * crisp profile check: what breaks the rules of the format.
 */
#include "cli/profile.h"

#include "cli/input.h"
#include "cli/json_line.h"

#include "profile/check.h"

struct check_values {
    struct cli_list files;
    bool json, quiet;
};

struct check {
    struct cli *cli;
    const char *file;
    const struct check_values *values;
};

static void put_json_finding(const struct check *c, const struct profile_finding *f)
{
    json_t *json = json_object();
    const struct profile_rule_row *rule = profile_rule(f->rule);
    cli_json_text(json, "file", c->file);
    cli_json_text(json, "severity", f->severity == PROFILE_ERROR ? "error" : "warning");
    (void)json_object_set_new(json, "element", json_integer((json_int_t)f->element));
    cli_json_text(json, "kind", profile_kind_name(f->kind));
    if (f->has_identification) {
        (void)json_object_set_new(json, "identification", json_integer(f->identification));
    }
    cli_json_text(json, "path", f->file);
    cli_json_text(json, "rule", rule->id);
    cli_json_text(json, "clause", rule->clause);
    cli_json_text(json, "text", rule->text);
    cli_json_text(json, "what", f->what);
    cli_put_json(c->cli, json);
}

static void put_finding(void *ctx, const struct profile_finding *finding)
{
    const struct check *c = ctx;
    if (finding->severity != PROFILE_ERROR && c->values->quiet) {
        return;
    }
    if (c->values->json) {
        put_json_finding(c, finding);
        return;
    }
    cr_buf line = {0};
    profile_finding_text(finding, &line);
    (void)fprintf(c->cli->out, "%s: %s\n", c->file, cr_buf_cstr(&line));
    cr_buf_free(&line);
}

static cr_status check_file(struct cli *cli, const struct check_values *v, const char *path,
                            size_t *errors, struct cr_err *err)
{
    struct check c = {.cli = cli, .file = path, .values = v};
    struct profile_check_result result = {0};
    cr_span upp;
    CR_TRY(cli_input_der(cli, path, &upp, err));
    cr_status status = profile_check(upp, &cli->arena, put_finding, &c, &result, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", path);
    }
    *errors += result.errors;
    if (!v->json && result.errors + result.warnings == 0) {
        (void)fprintf(cli->out, "%s: no findings\n", path);
    } else if (!v->json) {
        (void)fprintf(cli->out, "%s: %zu errors, %zu warnings\n", path, result.errors,
                      result.warnings);
    }
    return CR_OK;
}

static int check_run(struct cli *cli, const void *values)
{
    const struct check_values *v = values;
    size_t errors = 0;
    for (size_t i = 0; i < v->files.count; i++) {
        struct cr_err err;
        if (check_file(cli, v, v->files.items[i], &errors, &err) != CR_OK) {
            return cli_fail(cli, &err, v->json);
        }
    }
    return errors ? CLI_NEGATIVE : CLI_OK;
}

#define FIELD(member) .offset = offsetof(struct check_values, member)

static const struct cli_option arguments[] = {
    {.name = "FILE",
     .kind = CLI_LIST,
     .help = "Profile package: DER, hex or base64.",
     .required = true,
     FIELD(files)},
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "A JSON object for each finding, one a line.",
     FIELD(json)},
    {.name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Errors only.", FIELD(quiet)},
};

const struct cli_command cli_profile_check = {
    .name = "check",
    .summary = "check packages against the rules of the format",
    .description = "Names for each finding the element, the file in it, the rule and its clause. "
                   "An error makes a chip refuse the package; the exit status is then 4. A warning "
                   "is something that some chips do not like.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct check_values),
    .run = check_run,
};
