/*
 * crisp smdpp order confirm: ConfirmOrder.
 */
#include "cli/smdpp_order.h"

struct confirm_values {
    struct cli_smdpp_place place;
    struct cli_confirm_options confirm;
    struct cli_code_options code;
    const char *iccid, *eid, *operator_name;
};

static int confirm_run(struct cli *cli, const void *values)
{
    const struct confirm_values *v = values;
    struct cli_order o;
    struct cr_err err;
    const char *iccid = NULL;
    const char *eid = NULL;
    cr_status status = cli_order_check(&v->confirm, &v->code, &err);
    if (status == CR_OK) {
        status = cli_iccid(cli, v->iccid, &iccid, &err);
    }
    if (status == CR_OK && v->eid) {
        status = cli_eid(cli, v->eid, &eid, &err);
    }
    if (status != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    status = cli_order_open(&o, cli, &v->place, v->operator_name, &err);
    if (status == CR_OK) {
        status = cli_order_confirm(&o, iccid, eid, &v->confirm, &err);
    }
    if (status == CR_OK) {
        status = cli_order_show_code(&o, iccid, &v->code, &err);
    }
    return cli_order_end(&o, status, v->code.json, &err);
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
    CLI_CONFIRM_ROWS(offsetof(struct confirm_values, confirm)),
    CLI_CODE_ROWS(offsetof(struct confirm_values, code)),
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
