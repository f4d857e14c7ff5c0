/*
 * crisp profile show: a package, readable.
 */
#include "cli/profile.h"

#include "cli/input.h"

#include "profile/package_json.h"
#include "profile/show.h"

#include <stdlib.h>

struct show_values {
    const char *file;
    bool json, content, secrets;
};

static cr_status put_json_package(struct cli *cli, const struct profile_package *package,
                                  struct cr_err *err)
{
    json_t *json = NULL;
    CR_TRY(profile_package_to_json(package, &json, err));
    char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    if (!text) {
        return cr_fail_memory(err);
    }
    (void)fprintf(cli->out, "%s\n", text);
    free(text);
    return CR_OK;
}

/* A broken package is shown as far as it goes; a certificate, a message or an archive is none. */
static cr_status check_is_package(const struct profile_package *package, const char *file,
                                  struct cr_err *err)
{
    for (size_t i = 0; i < package->count; i++) {
        if (package->elements[i].kind) {
            return CR_OK;
        }
    }
    cr_status status = cr_fail(err, CR_MALFORMED, "TCA IFT: ProfileElement",
                               "%s: nothing in it is an element of a profile package", file);
    return cr_err_next(err, status, "'crisp decode %.150s' tells what it is", file);
}

static cr_status show(struct cli *cli, const struct show_values *v, struct cr_err *err)
{
    cr_span upp;
    struct profile_package package;
    CR_TRY(cli_input_der(cli, v->file, &upp, err));
    cr_status status = profile_package_read(upp, &cli->arena, &package, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", v->file);
    }
    CR_TRY(check_is_package(&package, v->file, err));
    if (v->json) {
        return put_json_package(cli, &package, err);
    }
    cr_buf text = {.secret = true};
    unsigned flags =
        (v->content ? PROFILE_SHOW_CONTENT : 0U) | (v->secrets ? PROFILE_SHOW_SECRETS : 0U);
    status = profile_show(&package, flags, &text, err);
    if (status == CR_OK) {
        (void)fwrite(text.p, 1, text.n, cli->out);
    }
    cr_buf_free(&text);
    return status;
}

static int show_run(struct cli *cli, const void *values)
{
    const struct show_values *v = values;
    struct cr_err err;
    return show(cli, v, &err) == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct show_values, member)

static const struct cli_option arguments[] = {
    {.name = "FILE",
     .kind = CLI_STRING,
     .help = "Profile package: DER, hex or base64; '-' is standard input.",
     .required = true,
     FIELD(file)},
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "Print all elements as JSON, from which 'crisp profile build' makes the same bytes "
             "again; keys and PINs included.",
     FIELD(json)},
    {.name = "content",
     .kind = CLI_FLAG,
     .help = "Print the contents of all files in hex.",
     FIELD(content)},
    {.name = "secrets",
     .kind = CLI_FLAG,
     .help = "Print keys, PINs and PUKs instead of their lengths.",
     FIELD(secrets)},
};

const struct cli_command cli_profile_show = {
    .name = "show",
    .summary = "print a package readably, or as JSON",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct show_values),
    .run = show_run,
    .examples = "# the JSON is as good as the package\n"
                "crisp profile show --json a.der | crisp profile build - | cmp - a.der",
};
