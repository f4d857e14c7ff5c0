/*
 * crisp smdpp order release, cancel, show: one order.
 */
#include "cli/smdpp_order.h"

#include "cli/qr.h"

struct one_values {
    struct cli_smdpp_place place;
    struct cli_code_options code;
    const char *id, *operator_name;
    bool unavailable;
};

static cr_status open_one(struct cli_order *o, struct cli *cli, const struct one_values *v,
                          struct smdpp_profile *p, struct cr_err *err)
{
    CR_TRY(cli_order_open(o, cli, &v->place, v->operator_name, err));
    return cli_smdpp_find(cli, &o->smdpp, v->id, p, err);
}

static int release_run(struct cli *cli, const void *values)
{
    const struct one_values *v = values;
    struct cli_order o;
    struct smdpp_profile p;
    struct cr_err err;
    if (cli_order_check_code(&v->code, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = open_one(&o, cli, v, &p, &err);
    if (status == CR_OK) {
        struct rsp_release_profile_request request = {.iccid = cr_span_str(p.iccid)};
        struct rsp_header_only response = {0};
        status = smdpp_release_profile(o.smdpp.dp, &o.call, &request, &response, &err);
    }
    if (status == CR_OK) {
        status = cli_order_show_code(&o, p.iccid, &v->code, &err);
    }
    return cli_order_end(&o, status, v->code.json, &err);
}

static int cancel_run(struct cli *cli, const void *values)
{
    const struct one_values *v = values;
    struct cli_order o;
    struct smdpp_profile p;
    struct cr_err err;
    cr_status status = open_one(&o, cli, v, &p, &err);
    if (status == CR_OK) {
        status = cli_order_cancel(&o, &p, v->unavailable, &err);
    }
    if (status == CR_OK) {
        (void)fprintf(cli->out, "the order of ICCID %s is cancelled: it is %s\n", p.iccid,
                      v->unavailable ? "Unavailable" : "Available");
    }
    return cli_order_end(&o, status, false, &err);
}

static int show_run(struct cli *cli, const void *values)
{
    const struct one_values *v = values;
    struct cli_order o;
    struct smdpp_profile p;
    struct cr_err err;
    if (cli_order_check_code(&v->code, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = open_one(&o, cli, v, &p, &err);
    o.smdpp.address = v->code.address ? v->code.address : o.smdpp.address;
    o.smdpp.with_oid = v->code.oid;
    if (status == CR_OK && v->code.json) {
        cli_put_json(cli, cli_smdpp_profile_json(cli, &o.smdpp, &p));
    } else if (status == CR_OK) {
        cli_smdpp_profile_text(cli, &o.smdpp, &p);
    }
    for (size_t i = 0; status == CR_OK && i < v->code.qr.count; i++) {
        const char *code =
            cli_smdpp_activation_code(cli, &o.smdpp, &p, v->code.address, v->code.oid, true, &err);
        status = code ? cli_qr_draw(cli, code, v->code.qr.items[i], &err) : err.category;
    }
    return cli_order_end(&o, status, v->code.json, &err);
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
    CLI_CODE_ROWS(offsetof(struct one_values, code)),
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
    CLI_CODE_ROWS(offsetof(struct one_values, code)),
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
