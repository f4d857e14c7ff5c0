/*
 * crisp smdpp order create: DownloadOrder and ConfirmOrder in one.
 */
#include "cli/smdpp_order.h"

#include "cli/metadata_options.h"
#include "cli/units.h"

struct create_values {
    struct cli_smdpp_place place;
    struct cli_confirm_options confirm;
    struct cli_code_options code;
    struct cli_metadata metadata;
    const char *iccid, *type, *eid, *expires, *operator_name;
    int64_t attempts, cc_attempts;
};

/* New metadata over those of the inventory. */
static cr_status changed_metadata(struct cli_order *o, const struct create_values *v,
                                  const char *iccid, cr_span *out, struct cr_err *err)
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

/* 0 when it is not given. */
static cr_status read_expires(struct cli *cli, const char *text, int64_t *ms, struct cr_err *err)
{
    int64_t now = cr_now_ms(cli->env);
    *ms = 0;
    if (text) {
        CR_TRY(cli_time(text, now, ms, err));
        if (*ms <= now) {
            return cr_fail(err, CR_REFUSED, NULL, "--expires %s is in the past", text);
        }
    }
    return CR_OK;
}

static cr_status adjust(struct cli_order *o, const struct create_values *v, const char *iccid,
                        struct cr_err *err)
{
    struct smdpp_order_extras extras = {.download_limit = v->attempts, .cc_limit = v->cc_attempts};
    CR_TRY(read_expires(o->cli, v->expires, &extras.expires_ms, err));
    CR_TRY(changed_metadata(o, v, iccid, &extras.metadata, err));
    bool nothing =
        !extras.expires_ms && !extras.download_limit && !extras.cc_limit && !extras.metadata.p;
    return nothing ? CR_OK : smdpp_order_adjust(o->smdpp.dp, iccid, &extras, err);
}

/* Orders, adjusts, confirms; whatever goes wrong after the order gives the profile back. */
static cr_status create(struct cli_order *o, const struct create_values *v, const char *iccid,
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
        status = cli_order_confirm(o, ordered.iccid, eid, &v->confirm, err);
    }
    if (status != CR_OK) {
        struct cr_err second;
        if (cli_order_cancel(o, &ordered, false, &second) != CR_OK) {
            (void)cr_err_next(err, status,
                              "the order of ICCID %s stands half made: 'crisp smdpp "
                              "order cancel %s'",
                              ordered.iccid, ordered.iccid);
        }
        return status;
    }
    return cli_order_show_code(o, ordered.iccid, &v->code, err);
}

static int create_run(struct cli *cli, const void *values)
{
    const struct create_values *v = values;
    struct cli_order o;
    struct cr_err err;
    const char *iccid = NULL;
    const char *eid = NULL;
    if (!v->iccid && !v->type) {
        return cli_usage(cli, "which profile? Give --iccid or --type");
    }
    if (v->confirm.by_default && !v->eid) {
        return cli_usage(cli, "--default needs --eid: without MatchingID the chip is found by it");
    }
    cr_status status = cli_order_check(&v->confirm, &v->code, &err);
    if (status == CR_OK && v->iccid) {
        status = cli_iccid(cli, v->iccid, &iccid, &err);
    }
    if (status == CR_OK && v->eid) {
        status = cli_eid(cli, v->eid, &eid, &err);
    }
    int64_t expires;
    if (status == CR_OK) {
        status = read_expires(cli, v->expires, &expires, &err);
    }
    if (status == CR_OK) {
        status = cli_metadata_check(cli, &v->metadata, &err);
    }
    if (status != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    status = cli_order_open(&o, cli, &v->place, v->operator_name, &err);
    if (status == CR_OK) {
        status = create(&o, v, iccid, eid, &err);
    }
    return cli_order_end(&o, status, v->code.json, &err);
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
    CLI_CONFIRM_ROWS(offsetof(struct create_values, confirm)),
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
    CLI_CODE_ROWS(offsetof(struct create_values, code)),
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
