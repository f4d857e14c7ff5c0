/*
 * crisp operator: the desk of an operator or M2M service provider (SGP.02).
 */
#include "cli/operator.h"

#include "cli/json_line.h"
#include "soap/xsd.h"

/* ---- functions ---------------------------------------------------------------------------------
 */

struct functions_values {
    const char *interface;
    bool arguments, json;
};

static const char *pattern_name(unsigned pattern)
{
    static const char *const names[] = {"?", "sync", "async", "notification"};
    return names[pattern < CR_COUNT(names) ? pattern : 0];
}

static char *callers_of(struct cli *cli, const struct soap_function *f)
{
    cr_buf text = {0};
    for (unsigned bit = SOAP_EUM; bit <= SOAP_M2MSP; bit <<= 1) {
        if (f->callers & bit) {
            cr_buf_appendf(&text, "%s%s", text.n ? "," : "", soap_party_name((enum soap_party)bit));
        }
    }
    char *out = cr_arena_strn(&cli->arena, cr_buf_span(&text));
    cr_buf_free(&text);
    return out;
}

static void put_function(struct cli *cli, const struct soap_function *f,
                         const struct functions_values *v)
{
    cr_buf takes = {0};
    cli_operator_arguments(f, &takes);
    const char *arguments = takes.n ? cr_buf_cstr(&takes) : "";
    const char *callers = callers_of(cli, f);
    if (v->json) {
        json_t *line = json_object();
        cli_json_text(line, "name", f->name);
        cli_json_text(line, "interface", soap_interface_name(f->interface));
        cli_json_text(line, "pattern", pattern_name(f->pattern));
        cli_json_text(line, "callers", callers);
        cli_json_text(line, "summary", f->summary);
        cli_json_text(line, "arguments", arguments);
        cli_put_json(cli, line);
    } else {
        (void)fprintf(cli->out, "%-48s %-4s %-12s %-15s %s\n", f->name,
                      soap_interface_name(f->interface), pattern_name(f->pattern),
                      callers ? callers : "", v->arguments ? arguments : f->summary);
    }
    cr_buf_free(&takes);
}

static int functions_run(struct cli *cli, const void *values)
{
    const struct functions_values *v = values;
    enum soap_interface only = 0;
    if (v->interface) {
        only = soap_interface_from_name(cr_span_str(v->interface));
        if (!only) {
            return cli_usage(cli,
                             "there is no interface '%.40s'; there are ES1, ES2, ES3, ES4, ES4A "
                             "and ES7",
                             v->interface);
        }
    }
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        if (!only || soap_functions[i].interface == only) {
            put_function(cli, &soap_functions[i], v);
        }
    }
    return CLI_OK;
}

static const struct cli_option functions_arguments[] = {
    {.name = "INTERFACE",
     .kind = CLI_STRING,
     .help = "ES1, ES2, ES3, ES4, ES4A or ES7; all unless given.",
     .offset = offsetof(struct functions_values, interface)},
};

static const struct cli_option functions_options[] = {
    {.name = "arguments",
     .kind = CLI_FLAG,
     .help = "Show the options of 'crisp operator' that a function takes, instead of what it does.",
     .offset = offsetof(struct functions_values, arguments)},
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "Print JSON, one object a line.",
     .offset = offsetof(struct functions_values, json)},
};

static const struct cli_command functions = {
    .name = "functions",
    .summary = "list the functions of an interface",
    .description =
        "Lists the functions and notifications of SGP.02, one a line: name, interface, how the "
        "answer comes, who calls it, what it does.",
    .options = functions_options,
    .option_count = CR_COUNT(functions_options),
    .arguments = functions_arguments,
    .argument_count = CR_COUNT(functions_arguments),
    .values_size = sizeof(struct functions_values),
    .run = functions_run,
    .examples = "# what can be asked of an SM-SR, and how\n"
                "crisp operator functions ES4 --arguments",
};

/* ---- schema ------------------------------------------------------------------------------------
 */

static int xsd_run(struct cli *cli, const void *values)
{
    cr_buf text = {0};
    (void)values;
    soap_xsd(&text);
    if (!cr_buf_ok(&text)) {
        cr_buf_free(&text);
        return cli_fail_memory(cli);
    }
    (void)fwrite(text.p, 1, text.n, cli->out);
    cr_buf_free(&text);
    return CLI_OK;
}

static const struct cli_command xsd = {
    .name = "xsd",
    .summary = "print the XML Schema of the messages",
    .description = "Prints the XML Schema of all messages of ES1 to ES7, from the tables by which "
                   "they are read and written. Names that no published schema attests are marked.",
    .values_size = 1,
    .run = xsd_run,
};

static const struct cli_command *const children[] = {
    &cli_operator_es2,
    &cli_operator_es4,
    &cli_operator_es4a,
    &cli_operator_listen,
    &functions,
    &xsd,
    NULL,
};

const struct cli_command cli_operator = {
    .name = "operator",
    .summary = "the desk of an operator: order, switch and watch profiles of machines",
    .description =
        "Calls the functions of SM-DPs and SM-SRs (SGP.02: ES2, ES4, ES4A) as an operator or an "
        "M2M service provider, and takes their notifications. Who we are and where the others are "
        "says a file, as 'crisp pki m2m-parties' makes it.",
    .children = children,
};
