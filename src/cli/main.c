/*
 * crisp: the tree of commands.
 */
#include "cli/cli.h"

static const struct cli_command *const commands[] = {
    &cli_pki,    &cli_profile, &cli_smdpp, &cli_smdp, &cli_smsr,     &cli_euicc,
    &cli_device, &cli_lpa,     &cli_aka,   &cli_ota,  &cli_operator, &cli_eum,
    &cli_decode, &cli_bench,   &cli_man,   NULL,
};

const struct cli_command cli_root = {
    .name = "crisp",
    .summary = "Remote SIM Provisioning",
    .description =
        "Remote SIM Provisioning after GSMA SGP.22 (phones) and SGP.02 (machines): the server that "
        "issues profiles, the chip that "
        "installs them, the assistant between them, and the tools around them.\n\n"
        "Exit status: 0 done; 1 it did not work; 2 the command line is wrong; 3 a peer or a rule "
        "refused; 4 the answer is no.",
    .children = commands,
};

int main(int argc, char **argv)
{
    return cli_main(&cli_root, argc, argv);
}
