/*
 * crisp euicc: its sub-commands.
 */
#ifndef CRISP_CLI_EUICC_H
#define CRISP_CLI_EUICC_H

#include "cli/cli.h"

extern const struct cli_command cli_euicc_create;
extern const struct cli_command cli_euicc_serve;
extern const struct cli_command cli_euicc_show;
extern const struct cli_command cli_euicc_apdu;
extern const struct cli_command cli_euicc_fs;
extern const struct cli_command cli_euicc_replay;

#endif
