/*
 * crisp smdp profile: packages taken into the stock, listed.
 */
#include "cli/smdp.h"

#include "cli/input.h"
#include "cli/units.h"

#include "base/text.h"

/* ---- import -----------------------------------------------------------------------------------
 */

struct import_values {
    const char *dir;
    struct cli_list files, pol2;
    const char *owner, *type, *imsi, *msisdn, *platform_type, *platform_version;
    int64_t memory;
};

static const struct {
    const char *word;
    struct soap_pol2_rule rule;
} rules[] = {
    {"disable-not-allowed", {1, SOAP_POL2_DISABLE, SOAP_POL2_NOT_ALLOWED}},
    {"delete-not-allowed", {1, SOAP_POL2_DELETE, SOAP_POL2_NOT_ALLOWED}},
    {"delete-when-disabled", {1, SOAP_POL2_DISABLE, SOAP_POL2_AUTO_DELETE}},
};
static const char *const rule_words[] = {"disable-not-allowed", "delete-not-allowed",
                                         "delete-when-disabled", NULL};

static cr_status set_pol2(struct cli *cli, const struct cli_list *words, struct soap_pol2 *out,
                          struct cr_err *err)
{
    out->rules.items = cr_arena_alloc_array(&cli->arena, words->count, sizeof *out->rules.items);
    if (!out->rules.items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < words->count; i++) {
        for (size_t k = 0; k < CR_COUNT(rules); k++) {
            if (strcmp(words->items[i], rules[k].word) == 0) {
                out->rules.items[out->rules.count++] = rules[k].rule;
            }
        }
    }
    return CR_OK;
}

/* What would only be noticed by the operator whose order is refused. */
static cr_status check_values(const struct import_values *v, struct cr_err *err)
{
    static const struct soap_row oid = {.kind = SOAP_OID};
    const struct {
        const char *option, *digits;
        size_t least;
    } numbers[] = {{"--imsi", v->imsi, 5}, {"--msisdn", v->msisdn, 1}};
    cr_span owner = cr_span_str(v->owner);
    if (v->owner && soap_row_check(&oid, &owner)) {
        return cr_fail(err, CR_MALFORMED, NULL,
                       "--owner takes an OID, as in [self] of the operator's file, not '%.40s'",
                       v->owner);
    }
    for (size_t i = 0; i < CR_COUNT(numbers); i++) {
        const cr_span digits = cr_span_str(numbers[i].digits);
        if (numbers[i].digits &&
            (!cr_is_digits(digits) || digits.n < numbers[i].least || digits.n > 15)) {
            return cr_fail(err, CR_MALFORMED, NULL, "%s takes %zu to 15 digits, not '%.40s'",
                           numbers[i].option, numbers[i].least, numbers[i].digits);
        }
    }
    return CR_OK;
}

static cr_status import_all(struct cli *cli, const struct import_values *v, struct smdp *dp,
                            struct cr_err *err)
{
    struct smdp_import import = {
        .owner = v->owner,
        .type = v->type,
        .address = {.imsi = cr_span_str(v->imsi), .msisdn = cr_span_str(v->msisdn)},
        .required_memory = v->memory,
        .platform_type = v->platform_type,
        .platform_version = v->platform_version};
    CR_TRY(set_pol2(cli, &v->pol2, &import.pol2, err));
    for (size_t i = 0; i < v->files.count; i++) {
        char iccid[SMDP_ICCID_DIGITS + 1];
        cr_status status = cli_input_der(cli, v->files.items[i], &import.upp, err);
        if (status == CR_OK) {
            status = smdp_import(dp, &import, iccid, err);
        }
        if (status != CR_OK) {
            return cr_err_context(err, status, "%s", v->files.items[i]);
        }
        (void)fprintf(cli->out, "%s\n", iccid);
    }
    return CR_OK;
}

static int import_run(struct cli *cli, const void *values)
{
    const struct import_values *v = values;
    struct cli_smdp smdp;
    struct cr_err err;
    if (v->files.count > 1 && (v->imsi || v->msisdn)) {
        return cli_usage(cli, "--imsi and --msisdn are of one Profile, not of %zu", v->files.count);
    }
    if (check_values(v, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = cli_smdp_open(cli, v->dir, NULL, true, &smdp, &err);
    if (status == CR_OK) {
        status = import_all(cli, v, smdp.dp, &err);
    }
    cli_smdp_close(&smdp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define IMPORT(member) .offset = offsetof(struct import_values, member)

static const struct cli_option import_arguments[] = {
    {.name = "FILE",
     .kind = CLI_LIST,
     .help = "Unprotected Profile Package: DER, hex or base64.",
     .required = true,
     IMPORT(files)},
};

static const struct cli_option import_options[] = {
    CLI_SMDP_DIR(offsetof(struct import_values, dir)),
    {.name = "owner",
     .kind = CLI_STRING,
     .metavar = "OID",
     .help = "Operator who alone may order them; any unless given.",
     IMPORT(owner)},
    {.name = "type",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Profile type to order them by.",
     IMPORT(type)},
    {.name = "imsi",
     .kind = CLI_STRING,
     .metavar = "DIGITS",
     .help = "Subscription address that the SM-SR is told.",
     IMPORT(imsi)},
    {.name = "msisdn",
     .kind = CLI_STRING,
     .metavar = "DIGITS",
     .help = "Subscription address that the SM-SR is told; it sends SMS there.",
     IMPORT(msisdn)},
    {.name = "pol2",
     .kind = CLI_LIST,
     .metavar = "RULE",
     .help = "Policy rule (POL2) that the SM-SR is told.",
     .one_of = rule_words,
     IMPORT(pol2)},
    {.name = "memory",
     .kind = CLI_INT,
     .metavar = "BYTES",
     .help =
         "Memory that the Profile needs on the chip; unless given, what its files and its package "
         "come to.",
     .min = 1,
     .max = 1 << 30,
     IMPORT(memory)},
    {.name = "platform-type",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Only for chips of this PlatformType.",
     IMPORT(platform_type)},
    {.name = "platform-version",
     .kind = CLI_STRING,
     .metavar = "N.N.N",
     .help = "Only for chips of this PlatformVersion or a later one.",
     IMPORT(platform_version)},
};

const struct cli_command cli_smdp_profile_import = {
    .name = "import",
    .summary = "take Profile packages into the stock",
    .description =
        "Checks each package and stores it sealed; prints the ICCIDs. A Profile goes to one chip: "
        "when a download failed after its first segment had left, it is never given to another. "
        "When a file is refused, the ones before it have been imported.",
    .options = import_options,
    .option_count = CR_COUNT(import_options),
    .arguments = import_arguments,
    .argument_count = CR_COUNT(import_arguments),
    .values_size = sizeof(struct import_values),
    .run = import_run,
    .examples = "# a package made by 'crisp profile build'\n"
                "crisp smdp profile import --dir dp --owner 2.999.101 --type meter meter.der",
};

/* ---- list -------------------------------------------------------------------------------------
 */

struct list_values {
    const char *dir;
    bool json;
};

static cr_status add_row(const struct smdp_profile *p, void *ctx, struct cr_err *err)
{
    json_t *o = json_object();
    cli_json_text(o, "iccid", p->iccid);
    cli_json_text(o, "state", smdp_state_name(p->state));
    cli_json_text(o, "type", p->type);
    cli_json_text(o, "owner", p->owner);
    cli_json_hex(o, "eid", p->eid);
    (void)json_object_set_new(o, "size", json_integer(p->size));
    (void)json_object_set_new(o, "memory", json_integer(p->required_memory));
    cli_json_text(o, "error", p->last_error);
    return o && json_array_append_new(ctx, o) == 0 ? CR_OK : cr_fail_memory(err);
}

static cr_status list_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return smdp_profile_each(tx, add_row, ctx, err);
}

static const char *member(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "-";
}

static void print_rows(struct cli *cli, const json_t *rows, bool json)
{
    size_t i;
    json_t *row;
    if (!json && json_array_size(rows) > 0) {
        (void)fprintf(cli->out, "%-20s %-10s %-16s %-32s %s\n", "ICCID", "STATE", "TYPE", "EID",
                      "OWNER");
    } else if (!json) {
        (void)fprintf(cli->out, "no profiles\n");
    }
    json_array_foreach(rows, i, row)
    {
        if (json) {
            cli_put_json(cli, json_incref(row));
        } else {
            (void)fprintf(cli->out, "%-20s %-10s %-16s %-32s %s\n", member(row, "iccid"),
                          member(row, "state"), member(row, "type"), member(row, "eid"),
                          member(row, "owner"));
        }
    }
}

static int list_run(struct cli *cli, const void *values)
{
    const struct list_values *v = values;
    struct cli_smdp smdp;
    struct cr_err err;
    json_t *rows = json_array();
    cr_status status = cli_smdp_open(cli, v->dir, NULL, false, &smdp, &err);
    if (status == CR_OK) {
        status = store_read(smdp_store(smdp.dp), list_work, rows, &err);
    }
    if (status == CR_OK) {
        print_rows(cli, rows, v->json);
    }
    json_decref(rows);
    cli_smdp_close(&smdp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->json);
}

static const struct cli_option list_options[] = {
    CLI_SMDP_DIR(offsetof(struct list_values, dir)),
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "A JSON object for each, one a line.",
     .offset = offsetof(struct list_values, json)},
};

const struct cli_command cli_smdp_profile_list = {
    .name = "list",
    .summary = "list the stock",
    .options = list_options,
    .option_count = CR_COUNT(list_options),
    .values_size = sizeof(struct list_values),
    .run = list_run,
};
