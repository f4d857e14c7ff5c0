/*
 * crisp smdpp profile: packages taken into the inventory, listed, removed.
 */
#include "cli/smdpp.h"

#include "cli/input.h"
#include "cli/metadata_options.h"
#include "cli/progress.h"

#include "profile/metadata.h"

#define BATCH       200               /* profiles in one commit */
#define BATCH_BYTES ((size_t)2 << 30) /* of memory for them */

/* ---- import -----------------------------------------------------------------------------------
 */

struct import_values {
    struct cli_smdpp_place place;
    struct cli_metadata metadata;
    struct cli_list files;
    const char *type, *owner, *description;
};

/* What the package says of itself, then the description of --metadata, then what is missing. */
static cr_status describe(struct cli *cli, const struct import_values *v, const json_t *description,
                          cr_span upp, const char *address, cr_buf *out, struct cr_err *err)
{
    struct profile_package package;
    struct profile_metadata m;
    CR_TRY(profile_package_read(upp, &cli->arena, &package, err));
    CR_TRY(profile_metadata_of_package(&package, &cli->arena, &m, err));
    if (description) {
        CR_TRY(profile_metadata_from_json(description, &cli->arena, &m, err));
    }
    if (m.service_provider_name.n == 0) {
        m.service_provider_name = cr_span_str(
            v->owner && strlen(v->owner) <= RSP_MAX_SPN ? v->owner : "Unnamed provider");
    }
    if (m.profile_name.n == 0) {
        m.profile_name = m.service_provider_name;
    }
    if (m.notification_count == 0) {
        m.notifications[m.notification_count++] = (struct profile_notification){
            .events = RSP_EVENT_LOCAL_ENABLE | RSP_EVENT_LOCAL_DISABLE | RSP_EVENT_LOCAL_DELETE,
            .address = cr_span_str(address)};
    }
    return profile_metadata_encode(&m, out, err);
}

/* Lays the options over it. */
static cr_status make_metadata(struct cli *cli, const struct import_values *v,
                               const json_t *description, const char *address,
                               struct smdpp_import *out, struct cr_err *err)
{
    cr_buf described = {0};
    struct rsp_store_metadata metadata;
    cr_status status = describe(cli, v, description, out->upp, address, &described, err);
    if (status == CR_OK) {
        status = asn1_decode(&rsp_store_metadata_type, cr_buf_span(&described), 0, &cli->arena,
                             &metadata, err);
    }
    if (status == CR_OK) {
        status = cli_metadata_apply(cli, &v->metadata, &metadata, err);
    }
    if (status == CR_OK) {
        status = asn1_encode_arena(&rsp_store_metadata_type, &metadata, 0, &cli->arena,
                                   &out->metadata, err);
    }
    cr_buf_free(&described);
    return status;
}

static cr_status read_profile(struct cli *cli, const struct import_values *v,
                              const json_t *description, const char *path, const char *address,
                              struct smdpp_import *out, struct cr_err *err)
{
    CR_TRY(cli_input_der(cli, path, &out->upp, err));
    out->type = v->type ? v->type : "";
    out->owner = v->owner ? v->owner : "";
    cr_status status = make_metadata(cli, v, description, address, out, err);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
}

/* In one commit. After a failure one by one, so that the message names the file at fault and those
 * before it are in. */
static cr_status store_rows(struct cli_smdpp *smdpp, const struct smdpp_import *rows, size_t count,
                            const char *const *paths, size_t *imported, struct cr_err *err)
{
    cr_status status = count ? smdpp_import(smdpp->dp, rows, count, err) : CR_OK;
    if (status == CR_OK) {
        *imported += count;
        return CR_OK;
    }
    for (size_t i = 0; i < count; i++) {
        status = smdpp_import(smdpp->dp, &rows[i], 1, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "%s", paths[i]);
        }
        ++*imported;
    }
    return CR_OK;
}

static cr_status import_batch(struct cli *cli, const struct import_values *v,
                              const json_t *description, struct cli_smdpp *smdpp, size_t from,
                              size_t count, size_t *imported, struct cr_err *err)
{
    struct cli view = *cli; /* the packages are forgotten after the batch */
    view.arena = (cr_arena){.limit = BATCH_BYTES};
    const char *const *paths = (const char *const *)&v->files.items[from];
    struct smdpp_import *rows = cr_arena_alloc_array(&view.arena, count, sizeof(*rows));
    cr_status status = rows ? CR_OK : cr_fail_memory(err);
    size_t good = 0;
    while (status == CR_OK && good < count) {
        status = read_profile(&view, v, description, paths[good], smdpp->config.address,
                              &rows[good], err);
        good += status == CR_OK;
    }
    struct cr_err store_err;
    cr_status stored = store_rows(smdpp, rows, good, paths, imported, &store_err);
    if (stored != CR_OK) {
        *err = store_err;
        status = stored;
    }
    cr_arena_free(&view.arena);
    return status;
}

static cr_status load_description(struct cli *cli, const char *path, json_t **out,
                                  struct cr_err *err)
{
    cr_span text;
    json_error_t problem;
    CR_TRY(cli_input_read(cli, path, &text, err));
    *out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    if (!*out) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s line %d: %s", path, problem.line, problem.text);
    }
    return CR_OK;
}

static cr_status import_all(struct cli *cli, const struct import_values *v, struct cli_smdpp *smdpp,
                            size_t *imported, struct cr_err *err)
{
    struct cli_progress progress;
    json_t *description = NULL;
    cr_status status =
        v->description ? load_description(cli, v->description, &description, err) : CR_OK;
    cli_progress_start(&progress, cli, "importing", v->files.count);
    for (size_t at = 0; status == CR_OK && at < v->files.count; at += BATCH) {
        size_t left = v->files.count - at;
        cli_progress_at(&progress, at);
        status = import_batch(cli, v, description, smdpp, at, left < BATCH ? left : BATCH, imported,
                              err);
    }
    cli_progress_end(&progress);
    json_decref(description);
    return status;
}

static int import_run(struct cli *cli, const void *values)
{
    const struct import_values *v = values;
    struct cli_smdpp smdpp;
    struct cr_err err;
    size_t imported = 0;
    if (cli_metadata_check(cli, &v->metadata, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = cli_smdpp_open(cli, &v->place, &smdpp, &err);
    if (status == CR_OK) {
        status = import_all(cli, v, &smdpp, &imported, &err);
        (void)fprintf(cli->out, "%zu of %zu profiles imported\n", imported, v->files.count);
    }
    cli_smdpp_close(&smdpp);
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
    CLI_SMDPP_ROWS(offsetof(struct import_values, place)),
    {.name = "type",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Profile type to order them by.",
     IMPORT(type)},
    {.name = "owner",
     .kind = CLI_STRING,
     .metavar = "OPERATOR",
     .help = "Operator who alone may order them; any unless given.",
     IMPORT(owner)},
    {.name = "metadata",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Description of the metadata as JSON, for what the options below do not say.",
     IMPORT(description)},
    CLI_METADATA_ROWS(offsetof(struct import_values, metadata)),
};

const struct cli_command cli_smdpp_profile_import = {
    .name = "import",
    .summary = "take profile packages into the inventory",
    .description =
        "Checks each package, protects it under random keys ahead of any order, and stores it with "
        "its metadata. Provider name and owner are those of the package (EF.SPN, EF.IMSI) unless "
        "given; the chip's notifications about enabling, disabling and deleting go to this SM-DP+. "
        "When a file is "
        "refused, the ones before it have been imported.",
    .options = import_options,
    .option_count = CR_COUNT(import_options),
    .arguments = import_arguments,
    .argument_count = CR_COUNT(import_arguments),
    .values_size = sizeof(struct import_values),
    .run = import_run,
    .examples = "# packages made by 'crisp profile personalise'\n"
                "crisp smdpp profile import --dir dp --pki pki --type data --spn \"Campus\" "
                "--name \"Campus 5G\" out/*.der",
};

/* ---- list -------------------------------------------------------------------------------------
 */

struct list_values {
    struct cli_smdpp_place place;
    const char *state;
    bool json;
};

struct list {
    struct cli_smdpp *smdpp;
    bool json;
    size_t count;
};

static void list_row(struct cli *cli, const struct smdpp_profile *p, void *ctx)
{
    struct list *list = ctx;
    if (list->json) {
        cli_put_json(cli, cli_smdpp_profile_json(cli, list->smdpp, p));
        return;
    }
    if (list->count++ == 0) {
        (void)fprintf(cli->out, "%-20s %-12s %-16s %-16s %s\n", "ICCID", "STATE", "TYPE", "OWNER",
                      "SIZE");
    }
    (void)fprintf(cli->out, "%-20s %-12s %-16s %-16s %lld\n", p->iccid, smdpp_state_name(p->state),
                  p->type[0] ? p->type : "-", p->owner[0] ? p->owner : "-", (long long)p->size);
}

static int list_run(struct cli *cli, const void *values)
{
    const struct list_values *v = values;
    struct cli_smdpp smdpp;
    struct cr_err err;
    struct list list = {.smdpp = &smdpp, .json = v->json};
    cr_status status = cli_smdpp_open(cli, &v->place, &smdpp, &err);
    if (status == CR_OK) {
        status = cli_smdpp_each(cli, &smdpp, cli_state_of(v->state), list_row, &list, &err);
    }
    if (status == CR_OK && !v->json && list.count == 0) {
        (void)fprintf(cli->out, "no profiles%s%s\n", v->state ? " in state " : "",
                      v->state ? v->state : "");
    }
    cli_smdpp_close(&smdpp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->json);
}

static const struct cli_option list_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct list_values, place)),
    {.name = "state",
     .kind = CLI_STRING,
     .metavar = "STATE",
     .help = "Only those in this state.",
     .one_of = cli_state_words,
     .offset = offsetof(struct list_values, state)},
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "A JSON object for each, one a line.",
     .offset = offsetof(struct list_values, json)},
};

const struct cli_command cli_smdpp_profile_list = {
    .name = "list",
    .summary = "list the inventory",
    .options = list_options,
    .option_count = CR_COUNT(list_options),
    .values_size = sizeof(struct list_values),
    .run = list_run,
};

/* ---- remove -----------------------------------------------------------------------------------
 */

struct remove_values {
    struct cli_smdpp_place place;
    struct cli_list iccids;
};

struct removal {
    const char *iccid;
    bool removed, found;
    struct smdpp_profile profile;
    cr_arena *arena;
};

static cr_status remove_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct removal *r = ctx;
    CR_TRY(smdpp_profile_by_iccid(tx, r->iccid, r->arena, &r->profile, &r->found, err));
    return r->found ? smdpp_profile_remove(tx, r->iccid, &r->removed, err) : CR_OK;
}

static cr_status remove_one(struct cli *cli, struct cli_smdpp *smdpp, const char *text,
                            struct cr_err *err)
{
    struct removal r = {.arena = &cli->arena};
    CR_TRY(cli_iccid(cli, text, &r.iccid, err));
    CR_TRY(store_run(smdpp_store(smdpp->dp), remove_work, &r, err));
    if (!r.found) {
        return cr_fail(err, CR_REFUSED, NULL, "ICCID %s is not in the inventory", r.iccid);
    }
    if (!r.removed) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "ICCID %s cannot be removed: it is %s",
                                   r.iccid, smdpp_state_name(r.profile.state));
        return cr_err_next(err, status,
                           "cancel its order first; a profile that a chip holds stays "
                           "until the chip has deleted it");
    }
    (void)fprintf(cli->out, "ICCID %s is removed\n", r.iccid);
    return CR_OK;
}

static int remove_run(struct cli *cli, const void *values)
{
    const struct remove_values *v = values;
    struct cli_smdpp smdpp;
    struct cr_err err;
    const char *iccid;
    for (size_t i = 0; i < v->iccids.count; i++) {
        if (cli_iccid(cli, v->iccids.items[i], &iccid, &err) != CR_OK) {
            return cli_fail_usage(cli, &err);
        }
    }
    cr_status status = cli_smdpp_open(cli, &v->place, &smdpp, &err);
    for (size_t i = 0; status == CR_OK && i < v->iccids.count; i++) {
        status = remove_one(cli, &smdpp, v->iccids.items[i], &err);
    }
    cli_smdpp_close(&smdpp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static const struct cli_option remove_arguments[] = {
    {.name = "ICCID",
     .kind = CLI_LIST,
     .help = "Profile to remove.",
     .required = true,
     .offset = offsetof(struct remove_values, iccids)},
};

static const struct cli_option remove_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct remove_values, place)),
};

const struct cli_command cli_smdpp_profile_remove = {
    .name = "remove",
    .summary = "remove profiles from the inventory",
    .description = "Removes profiles that are available, unavailable, deleted on their chip, or "
                   "in error, with their packages.",
    .options = remove_options,
    .option_count = CR_COUNT(remove_options),
    .arguments = remove_arguments,
    .argument_count = CR_COUNT(remove_arguments),
    .values_size = sizeof(struct remove_values),
    .run = remove_run,
};
