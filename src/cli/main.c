/*
 * crisp: the tree of commands.
 */
#include "cli/cli.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>

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

/* JSON may hold keys (of chips, subscriptions, operators): nothing of it stays in the heap. */
static void free_wiped(void *p)
{
    if (p) {
        cr_wipe(p, malloc_usable_size(p));
    }
    free(p);
}

int main(int argc, char **argv)
{
    json_set_alloc_funcs(malloc, free_wiped); /* before any thread: they are global */
    return cli_main(&cli_root, argc, argv);
}
