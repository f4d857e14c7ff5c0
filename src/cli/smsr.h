/*
 * crisp smsr: its sub-commands, and how those beside serve open what it keeps.
 */
#ifndef CRISP_CLI_SMSR_H
#define CRISP_CLI_SMSR_H

#include "cli/cli.h"
#include "smsr/smsr.h"

extern const struct cli_command cli_smsr_serve, cli_smsr_eis, cli_smsr_master_delete,
    cli_smsr_procedures;

#define CLI_SMSR_DIR(at)                                                                           \
    {                                                                                              \
        .name = "dir", .kind = CLI_STRING, .metavar = "DIR", .help = "Directory of the SM-SR.",    \
        .required = true, .offset = (at)                                                           \
    }

struct cli_smsr {
    struct smsr *sr;
    struct m2m_parties parties;
};

/* While the server runs or not. CR_RESOURCE: there is no SM-SR in the directory. */
cr_status cli_smsr_open(struct cli *cli, const char *dir, const char *parties, struct cli_smsr *out,
                        struct cr_err *err) CR_MUST_CHECK;
void cli_smsr_close(struct cli_smsr *smsr); /* also after a failure */

#endif
