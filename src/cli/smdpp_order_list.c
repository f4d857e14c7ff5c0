/*
 * crisp smdpp order list: all orders.
 */
#include "cli/smdpp.h"

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
