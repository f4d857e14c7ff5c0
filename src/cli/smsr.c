/*
 * crisp smsr: the SM-SR of SGP.02.
 */
#include "cli/smsr.h"

static const struct cli_command *const children[] = {
    &cli_smsr_serve,
    &cli_smsr_eis,
    &cli_smsr_procedures,
    NULL,
};

const struct cli_command cli_smsr = {
    .name = "smsr",
    .summary = "run an SM-SR: the server that manages chips in machines",
    .description =
        "The server that manages the chips of machines (SGP.02): ES1, ES3, ES4, ES4A and "
        "ES7 towards the parties, ES5 towards the chips over SMS and HTTPS. EIS, "
        "procedures and audit trail are in one directory.",
    .children = children,
};
