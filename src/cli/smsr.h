/*
 * crisp smsr: its sub-commands.
 */
#ifndef CRISP_CLI_SMSR_H
#define CRISP_CLI_SMSR_H

#include "cli/cli.h"

extern const struct cli_command cli_smsr_serve, cli_smsr_eis, cli_smsr_procedures;

#endif
