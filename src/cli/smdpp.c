/*
 * crisp smdpp: the SM-DP+.
 */
#include "cli/smdpp.h"

static int states_run(struct cli *cli, const void *values)
{
    (void)values;
    cr_buf diagram = {0};
    smdpp_state_diagram(&diagram);
    (void)fprintf(cli->out, "%.*s", (int)diagram.n, (const char *)diagram.p);
    cr_buf_free(&diagram);
    return CLI_OK;
}

const struct cli_command cli_smdpp_states = {
    .name = "states",
    .summary = "print the life of a profile as a Mermaid diagram",
    .description = "Prints the state machine of a profile at the SM-DP+ (SGP.22 3.1.6), from the "
                   "table by which the server moves it, as a Mermaid diagram.",
    .values_size = 1,
    .run = states_run,
};

static const struct cli_command *const profile_children[] = {
    &cli_smdpp_profile_import,
    &cli_smdpp_profile_list,
    &cli_smdpp_profile_remove,
    NULL,
};

const struct cli_command cli_smdpp_profile = {
    .name = "profile",
    .summary = "the inventory: profiles that can be ordered",
    .children = profile_children,
};

static const struct cli_command *const order_children[] = {
    &cli_smdpp_order_create,
    &cli_smdpp_order_confirm,
    &cli_smdpp_order_release,
    &cli_smdpp_order_cancel,
    &cli_smdpp_order_list,
    &cli_smdpp_order_show,
    NULL,
};

const struct cli_command cli_smdpp_order = {
    .name = "order",
    .summary = "order profiles without an operator's system (ES2+ from the command line)",
    .children = order_children,
};

static const struct cli_command *const children[] = {
    &cli_smdpp_serve, &cli_smdpp_profile, &cli_smdpp_order, &cli_smdpp_states, NULL,
};

const struct cli_command cli_smdpp = {
    .name = "smdpp",
    .summary = "run an SM-DP+ and order profiles from it",
    .description =
        "The server that issues profiles (SGP.22): ES9+ towards LPAs, ES2+ towards operators, an "
        "inventory of profiles and their orders in one directory. The commands for inventory and "
        "orders work while the server runs and while it does not.",
    .children = children,
};
