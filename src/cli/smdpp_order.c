/*
 * crisp smdpp order: the functions of ES2+ from the command line, through the same handlers.
 */
#include "cli/smdpp.h"

#include "cli/metadata_options.h"
#include "cli/qr.h"
#include "cli/units.h"

#include "base/text.h"
#include "rsp/activation_code.h"

/* What create and confirm say about the MatchingID and the confirmation code. */
struct confirm_options {
    const char *matching_id, *confirmation_code, *smds;
    bool by_default, hold;
};

/* How an activation code is shown. */
struct code_options {
    const char *address;
    struct cli_list qr;
    bool oid, json;
};

#define CONFIRM_ROWS(at)                                                                           \
    {.name = "matching-id",                                                                        \
     .kind = CLI_STRING,                                                                           \
     .metavar = "ID",                                                                              \
     .help = "MatchingID (0-9, A-Z and -); a random one unless given.",                            \
     .offset = (at) + offsetof(struct confirm_options, matching_id)},                              \
        {.name = "default",                                                                        \
         .kind = CLI_FLAG,                                                                         \
         .help = "No MatchingID: the chip gets it when it asks its default SM-DP+. Needs an EID.", \
         .offset = (at) + offsetof(struct confirm_options, by_default)},                           \
        {.name = "confirmation-code",                                                              \
         .kind = CLI_STRING,                                                                       \
         .metavar = "CODE",                                                                        \
         .help = "Code that the user has to enter; - asks for it, so that it is seen by nobody.",  \
         .offset = (at) + offsetof(struct confirm_options, confirmation_code)},                    \
        {.name = "smds",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HOST",                                                                        \
         .help = "SM-DS to register an event at.",                                                 \
         .offset = (at) + offsetof(struct confirm_options, smds)},                                 \
    {                                                                                              \
        .name = "hold", .kind = CLI_FLAG,                                                          \
        .help = "Confirm, but do not release: 'crisp smdpp order release' does that later.",       \
        .offset = (at) + offsetof(struct confirm_options, hold)                                    \
    }

#define CODE_ROWS(at)                                                                              \
    {.name = "address",                                                                            \
     .kind = CLI_STRING,                                                                           \
     .metavar = "HOST[:PORT]",                                                                     \
     .help = "SM-DP+ address in the activation code, instead of that of the server.",              \
     .offset = (at) + offsetof(struct code_options, address)},                                     \
        {.name = "with-oid",                                                                       \
         .kind = CLI_FLAG,                                                                         \
         .help = "Put the OID of the SM-DP+ into the activation code; some phones cannot read "    \
                 "that.",                                                                          \
         .offset = (at) + offsetof(struct code_options, oid)},                                     \
        {.name = "qr",                                                                             \
         .kind = CLI_LIST,                                                                         \
         .metavar = "HOW",                                                                         \
         .help = "Draw the activation code: terminal, png:FILE or svg:FILE.",                      \
         .offset = (at) + offsetof(struct code_options, qr)},                                      \
    {                                                                                              \
        .name = "json", .kind = CLI_FLAG, .help = "One JSON object instead of lines.",             \
        .offset = (at) + offsetof(struct code_options, json)                                       \
    }

/* ---- what the commands share ------------------------------------------------------------------
 */

struct order {
    struct cli *cli;
    struct cli_smdpp smdpp;
    struct smdpp_call call;
};

static cr_status order_open(struct order *o, struct cli *cli, const struct cli_smdpp_place *place,
                            const char *operator_name, struct cr_err *err)
{
    *o = (struct order){.cli = cli, .call = {.arena = &cli->arena, .requester = operator_name}};
    return cli_smdpp_open(cli, place, &o->smdpp, err);
}

static int order_end(struct order *o, cr_status status, bool json, const struct cr_err *err)
{
    cli_smdpp_close(&o->smdpp);
    return status == CR_OK ? CLI_OK : cli_fail(o->cli, err, json);
}

/* Everything about the options that can be said before anything is changed. */
static cr_status check_options(const struct confirm_options *c, const struct code_options *code,
                               struct cr_err *err)
{
    if (c->by_default && c->matching_id) {
        return cr_fail(err, CR_REFUSED, NULL, "--default is an order without MatchingID");
    }
    if (c->matching_id && !rsp_matching_id_valid(cr_span_str(c->matching_id))) {
        cr_status status =
            cr_fail(err, CR_REFUSED, "SGP.22 4.1.1", "'%s' is no MatchingID", c->matching_id);
        return cr_err_next(err, status, "use 0-9, A-Z and -, in capitals");
    }
    for (size_t i = 0; i < code->qr.count; i++) {
        CR_TRY(cli_qr_check(code->qr.items[i], err));
    }
    return CR_OK;
}

static cr_status confirm(struct order *o, const char *iccid, const char *eid,
                         const struct confirm_options *c, struct cr_err *err)
{
    const char *secret = c->confirmation_code;
    if (secret && strcmp(secret, "-") == 0) {
        secret = cli_ask(o->cli, "Confirmation code:", true);
        if (!secret || !secret[0]) {
            return cr_fail(err, CR_REFUSED, NULL, "no confirmation code was entered");
        }
    }
    struct rsp_confirm_order_request request = {
        .iccid = cr_span_str(iccid),
        .eid = cr_span_str(eid),
        .matching_id = c->by_default ? cr_span_str("") : cr_span_str(c->matching_id),
        .confirmation_code = cr_span_str(secret),
        .smds_address = cr_span_str(c->smds),
        .release_flag = !c->hold,
    };
    struct rsp_confirm_order_response response = {0};
    return smdpp_confirm_order(o->smdpp.dp, &o->call, &request, &response, err);
}

static cr_status cancel(struct order *o, const struct smdpp_profile *p, bool unavailable,
                        struct cr_err *err)
{
    struct rsp_cancel_order_request request = {
        .iccid = cr_span_str(p->iccid),
        .eid = cr_span_str(p->eid),
        .final_profile_status_indicator = cr_span_str(unavailable ? "Unavailable" : "Available"),
    };
    struct rsp_header_only response = {0};
    return smdpp_cancel_order(o->smdpp.dp, &o->call, &request, &response, err);
}

/* The order as it is now, with its activation code in all forms that were asked for. */
static cr_status show_order(struct order *o, const char *iccid, const struct code_options *code,
                            struct cr_err *err)
{
    struct smdpp_profile p;
    struct cli *cli = o->cli;
    CR_TRY(cli_smdpp_find(cli, &o->smdpp, iccid, &p, err));
    const char *plain =
        cli_smdpp_activation_code(cli, &o->smdpp, &p, code->address, code->oid, false, err);
    const char *prefixed =
        plain ? cli_smdpp_activation_code(cli, &o->smdpp, &p, code->address, code->oid, true, err)
              : NULL;
    if (!prefixed) {
        return err->category;
    }
    if (code->json) {
        json_t *json = cli_smdpp_profile_json(cli, &o->smdpp, &p);
        (void)json_object_set_new(json, "smdpAddress",
                                  json_string(code->address ? code->address : o->smdpp.address));
        (void)json_object_set_new(json, "activationCode", json_string(prefixed));
        (void)json_object_set_new(json, "manualCode", json_string(plain));
        cli_put_json(cli, json);
    } else {
        (void)fprintf(cli->out, "ICCID           %s\nstate           %s\n", p.iccid,
                      smdpp_state_name(p.state));
        if (p.eid) {
            (void)fprintf(cli->out, "for EID         %s\n", p.eid);
        }
        (void)fprintf(cli->out, "MatchingID      %s\n",
                      p.matching_id[0] ? p.matching_id : "none: default SM-DP+ order");
        (void)fprintf(cli->out, "activation code %s\n", prefixed);
        (void)fflush(cli->out);
    }
    for (size_t i = 0; i < code->qr.count; i++) {
        CR_TRY(cli_qr_draw(cli, prefixed, code->qr.items[i], err));
    }
    return CR_OK;
}

/* ---- create -----------------------------------------------------------------------------------
 */

struct create_values {
    struct cli_smdpp_place place;
    struct confirm_options confirm;
    struct code_options code;
    struct cli_metadata metadata;
    const char *iccid, *type, *eid, *expires, *operator_name;
    int64_t attempts, cc_attempts;
};

/* New metadata over those of the inventory. */
static cr_status changed_metadata(struct order *o, const struct create_values *v, const char *iccid,
                                  cr_span *out, struct cr_err *err)
{
    struct smdpp_profile p;
    struct rsp_store_metadata metadata;
    if (!cli_metadata_given(&v->metadata)) {
        return CR_OK;
    }
    CR_TRY(cli_smdpp_find(o->cli, &o->smdpp, iccid, &p, err));
    CR_TRY(asn1_decode(&rsp_store_metadata_type, p.metadata, ASN1_DECODE_BER_LENGTHS,
                       &o->cli->arena, &metadata, err));
    CR_TRY(cli_metadata_apply(o->cli, &v->metadata, &metadata, err));
    return asn1_encode_arena(&rsp_store_metadata_type, &metadata, 0, &o->cli->arena, out, err);
}

static cr_status adjust(struct order *o, const struct create_values *v, const char *iccid,
                        struct cr_err *err)
{
    struct smdpp_order_extras extras = {.download_limit = v->attempts, .cc_limit = v->cc_attempts};
    if (v->expires) {
        int64_t now = cr_now_ms(o->cli->env);
        CR_TRY(cli_time(v->expires, now, &extras.expires_ms, err));
        if (extras.expires_ms <= now) {
            return cr_fail(err, CR_REFUSED, NULL, "--expires %s is in the past", v->expires);
        }
    }
    CR_TRY(changed_metadata(o, v, iccid, &extras.metadata, err));
    bool nothing =
        !extras.expires_ms && !extras.download_limit && !extras.cc_limit && !extras.metadata.p;
    return nothing ? CR_OK : smdpp_order_adjust(o->smdpp.dp, iccid, &extras, err);
}

/* Orders, adjusts, confirms; whatever goes wrong after the order gives the profile back. */
static cr_status create(struct order *o, const struct create_values *v, const char *iccid,
                        const char *eid, struct cr_err *err)
{
    struct rsp_download_order_request request = {
        .eid = cr_span_str(eid), .iccid = cr_span_str(iccid), .profile_type = cr_span_str(v->type)};
    struct rsp_download_order_response response = {0};
    CR_TRY(smdpp_download_order(o->smdpp.dp, &o->call, &request, &response, err));
    struct smdpp_profile ordered = {.iccid = cr_arena_strn(&o->cli->arena, response.iccid),
                                    .eid = eid};
    if (!ordered.iccid) {
        return cr_fail_memory(err);
    }
    cr_status status = adjust(o, v, ordered.iccid, err);
    if (status == CR_OK) {
        status = confirm(o, ordered.iccid, eid, &v->confirm, err);
    }
    if (status != CR_OK) {
        struct cr_err second;
        if (cancel(o, &ordered, false, &second) != CR_OK) {
            (void)cr_err_next(err, status,
                              "the order of ICCID %s stands half made: 'crisp smdpp "
                              "order cancel %s'",
                              ordered.iccid, ordered.iccid);
        }
        return status;
    }
    return show_order(o, ordered.iccid, &v->code, err);
}

static int create_run(struct cli *cli, const void *values)
{
    const struct create_values *v = values;
    struct order o;
    struct cr_err err;
    const char *iccid = NULL;
    const char *eid = NULL;
    if (!v->iccid && !v->type) {
        return cli_usage(cli, "which profile? Give --iccid or --type");
    }
    if (v->confirm.by_default && !v->eid) {
        return cli_usage(cli, "--default needs --eid: without MatchingID the chip is found by it");
    }
    cr_status status = check_options(&v->confirm, &v->code, &err);
    if (status == CR_OK && v->iccid) {
        status = cli_iccid(cli, v->iccid, &iccid, &err);
    }
    if (status == CR_OK && v->eid) {
        status = cli_eid(cli, v->eid, &eid, &err);
    }
    if (status != CR_OK) {
        return cli_fail(cli, &err, v->code.json);
    }
    status = order_open(&o, cli, &v->place, v->operator_name, &err);
    if (status == CR_OK) {
        status = create(&o, v, iccid, eid, &err);
    }
    return order_end(&o, status, v->code.json, &err);
}

#define CREATE(member) .offset = offsetof(struct create_values, member)

static const struct cli_option create_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct create_values, place)),
    {.name = "iccid",
     .kind = CLI_STRING,
     .metavar = "ICCID",
     .help = "The profile to order.",
     CREATE(iccid)},
    {.name = "type",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Order any available profile of this type.",
     CREATE(type)},
    {.name = "eid",
     .kind = CLI_STRING,
     .metavar = "EID",
     .help = "Only this chip may download it; any chip unless given.",
     CREATE(eid)},
    CONFIRM_ROWS(offsetof(struct create_values, confirm)),
    {.name = "expires",
     .kind = CLI_STRING,
     .metavar = "TIME",
     .help = "When the order ends: 12h or 7d from now, or 2026-12-31T23:59:59Z.",
     CREATE(expires)},
    {.name = "attempts",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Download attempts; those of the server unless given.",
     .min = 1,
     .max = 1000000,
     CREATE(attempts)},
    {.name = "cc-attempts",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Wrong confirmation codes allowed; those of the server unless given.",
     .min = 1,
     .max = 1000000,
     CREATE(cc_attempts)},
    {.name = "operator",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Order in the name of this operator: it is told about the download.",
     CREATE(operator_name)},
    CODE_ROWS(offsetof(struct create_values, code)),
    CLI_METADATA_ROWS(offsetof(struct create_values, metadata)),
};

const struct cli_command cli_smdpp_order_create = {
    .name = "create",
    .summary = "order a profile and print its activation code",
    .description =
        "DownloadOrder and ConfirmOrder of ES2+ in one: reserves a profile, gives it a MatchingID "
        "and releases it for download. The options for metadata replace what the chip and its user "
        "see of this profile.",
    .options = create_options,
    .option_count = CR_COUNT(create_options),
    .values_size = sizeof(struct create_values),
    .run = create_run,
    .examples = "# any profile of a type, as a QR code on the terminal\n"
                "crisp smdpp order create --dir dp --type data --qr terminal\n"
                "# one chip, one profile, with a confirmation code, for a week\n"
                "crisp smdpp order create --dir dp --iccid 8949449999999990023 --eid "
                "89049032123451234512345678901235 --confirmation-code - --expires 7d",
};

/* ---- confirm ----------------------------------------------------------------------------------
 */

struct confirm_values {
    struct cli_smdpp_place place;
    struct confirm_options confirm;
    struct code_options code;
    const char *iccid, *eid, *operator_name;
};

static int confirm_run(struct cli *cli, const void *values)
{
    const struct confirm_values *v = values;
    struct order o;
    struct cr_err err;
    const char *iccid = NULL;
    const char *eid = NULL;
    cr_status status = check_options(&v->confirm, &v->code, &err);
    if (status == CR_OK) {
        status = cli_iccid(cli, v->iccid, &iccid, &err);
    }
    if (status == CR_OK && v->eid) {
        status = cli_eid(cli, v->eid, &eid, &err);
    }
    if (status != CR_OK) {
        return cli_fail(cli, &err, v->code.json);
    }
    status = order_open(&o, cli, &v->place, v->operator_name, &err);
    if (status == CR_OK) {
        status = confirm(&o, iccid, eid, &v->confirm, &err);
    }
    if (status == CR_OK) {
        status = show_order(&o, iccid, &v->code, &err);
    }
    return order_end(&o, status, v->code.json, &err);
}

#define CONFIRM(member) .offset = offsetof(struct confirm_values, member)

static const struct cli_option confirm_arguments[] = {
    {.name = "ICCID",
     .kind = CLI_STRING,
     .help = "Profile that was ordered over ES2+ and waits for its confirmation.",
     .required = true,
     CONFIRM(iccid)},
};

static const struct cli_option confirm_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct confirm_values, place)),
    {.name = "eid",
     .kind = CLI_STRING,
     .metavar = "EID",
     .help = "Tie the order to this chip.",
     CONFIRM(eid)},
    {.name = "operator",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Act in the name of this operator, with its rights.",
     CONFIRM(operator_name)},
    CONFIRM_ROWS(offsetof(struct confirm_values, confirm)),
    CODE_ROWS(offsetof(struct confirm_values, code)),
};

const struct cli_command cli_smdpp_order_confirm = {
    .name = "confirm",
    .summary = "confirm an order (ConfirmOrder)",
    .description = "Gives an order that an operator placed over ES2+ its MatchingID, and releases "
                   "it for download unless --hold is given.",
    .options = confirm_options,
    .option_count = CR_COUNT(confirm_options),
    .arguments = confirm_arguments,
    .argument_count = CR_COUNT(confirm_arguments),
    .values_size = sizeof(struct confirm_values),
    .run = confirm_run,
};

/* ---- release, cancel, show --------------------------------------------------------------------
 */

struct one_values {
    struct cli_smdpp_place place;
    struct code_options code;
    const char *id, *operator_name;
    bool unavailable;
};

static cr_status open_one(struct order *o, struct cli *cli, const struct one_values *v,
                          struct smdpp_profile *p, struct cr_err *err)
{
    CR_TRY(order_open(o, cli, &v->place, v->operator_name, err));
    return cli_smdpp_find(cli, &o->smdpp, v->id, p, err);
}

static int release_run(struct cli *cli, const void *values)
{
    const struct one_values *v = values;
    struct order o;
    struct smdpp_profile p;
    struct cr_err err;
    cr_status status = open_one(&o, cli, v, &p, &err);
    if (status == CR_OK) {
        struct rsp_release_profile_request request = {.iccid = cr_span_str(p.iccid)};
        struct rsp_header_only response = {0};
        status = smdpp_release_profile(o.smdpp.dp, &o.call, &request, &response, &err);
    }
    if (status == CR_OK) {
        status = show_order(&o, p.iccid, &v->code, &err);
    }
    return order_end(&o, status, v->code.json, &err);
}

static int cancel_run(struct cli *cli, const void *values)
{
    const struct one_values *v = values;
    struct order o;
    struct smdpp_profile p;
    struct cr_err err;
    cr_status status = open_one(&o, cli, v, &p, &err);
    if (status == CR_OK) {
        status = cancel(&o, &p, v->unavailable, &err);
    }
    if (status == CR_OK) {
        (void)fprintf(cli->out, "the order of ICCID %s is cancelled: it is %s\n", p.iccid,
                      v->unavailable ? "Unavailable" : "Available");
    }
    return order_end(&o, status, false, &err);
}

static int show_run(struct cli *cli, const void *values)
{
    const struct one_values *v = values;
    struct order o;
    struct smdpp_profile p;
    struct cr_err err;
    cr_status status = open_one(&o, cli, v, &p, &err);
    if (status == CR_OK && v->code.json) {
        cli_put_json(cli, cli_smdpp_profile_json(cli, &o.smdpp, &p));
    } else if (status == CR_OK) {
        cli_smdpp_profile_text(cli, &o.smdpp, &p);
    }
    for (size_t i = 0; status == CR_OK && i < v->code.qr.count; i++) {
        status = cli_qr_check(v->code.qr.items[i], &err);
        const char *code = status == CR_OK
                               ? cli_smdpp_activation_code(cli, &o.smdpp, &p, v->code.address,
                                                           v->code.oid, true, &err)
                               : NULL;
        status = code ? cli_qr_draw(cli, code, v->code.qr.items[i], &err) : err.category;
    }
    return order_end(&o, status, v->code.json, &err);
}

#define ONE(member) .offset = offsetof(struct one_values, member)

static const struct cli_option one_arguments[] = {
    {.name = "ICCID",
     .kind = CLI_STRING,
     .help = "ICCID or MatchingID of the order.",
     .required = true,
     ONE(id)},
};

#define OPERATOR_ROW                                                                               \
    {                                                                                              \
        .name = "operator", .kind = CLI_STRING, .metavar = "NAME",                                 \
        .help = "Act in the name of this operator, with its rights.", ONE(operator_name)           \
    }

static const struct cli_option release_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct one_values, place)),
    OPERATOR_ROW,
    CODE_ROWS(offsetof(struct one_values, code)),
};

const struct cli_command cli_smdpp_order_release = {
    .name = "release",
    .summary = "release an order that was held back (ReleaseProfile)",
    .options = release_options,
    .option_count = CR_COUNT(release_options),
    .arguments = one_arguments,
    .argument_count = CR_COUNT(one_arguments),
    .values_size = sizeof(struct one_values),
    .run = release_run,
};

static const struct cli_option cancel_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct one_values, place)),
    OPERATOR_ROW,
    {.name = "unavailable",
     .kind = CLI_FLAG,
     .help = "Take the profile out of the inventory instead of making it available again.",
     ONE(unavailable)},
};

const struct cli_command cli_smdpp_order_cancel = {
    .name = "cancel",
    .summary = "cancel an order (CancelOrder)",
    .description = "The profile can be ordered again afterwards, unless --unavailable is given. An "
                   "order whose package is on its way to a chip cannot be cancelled; one in error "
                   "can.",
    .options = cancel_options,
    .option_count = CR_COUNT(cancel_options),
    .arguments = one_arguments,
    .argument_count = CR_COUNT(one_arguments),
    .values_size = sizeof(struct one_values),
    .run = cancel_run,
};

static const struct cli_option show_options[] = {
    CLI_SMDPP_ROWS(offsetof(struct one_values, place)),
    CODE_ROWS(offsetof(struct one_values, code)),
};

const struct cli_command cli_smdpp_order_show = {
    .name = "show",
    .summary = "show everything about one profile and its order",
    .options = show_options,
    .option_count = CR_COUNT(show_options),
    .arguments = one_arguments,
    .argument_count = CR_COUNT(one_arguments),
    .values_size = sizeof(struct one_values),
    .run = show_run,
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
    if (p->state == SMDPP_AVAILABLE || p->state == SMDPP_UNAVAILABLE) {
        return;
    }
    if (list->json) {
        cli_put_json(cli, cli_smdpp_profile_json(cli, list->smdpp, p));
        return;
    }
    if (list->count++ == 0) {
        (void)fprintf(cli->out, "%-20s %-11s %-24s %-32s %s\n", "ICCID", "STATE", "MATCHINGID",
                      "EID", "LAST ERROR");
    }
    (void)fprintf(cli->out, "%-20s %-11s %-24s %-32s %s\n", p->iccid, smdpp_state_name(p->state),
                  !p->matching_id     ? "-"
                  : p->matching_id[0] ? p->matching_id
                                      : "(default)",
                  p->bound_eid ? p->bound_eid
                  : p->eid     ? p->eid
                               : "any",
                  p->last_error ? p->last_error : "");
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
        (void)fprintf(cli->out, "no orders\n");
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

const struct cli_command cli_smdpp_order_list = {
    .name = "list",
    .summary = "list all orders",
    .options = list_options,
    .option_count = CR_COUNT(list_options),
    .values_size = sizeof(struct list_values),
    .run = list_run,
};
