/*
 * crisp profile: its sub-commands.
 */
#ifndef CRISP_CLI_PROFILE_H
#define CRISP_CLI_PROFILE_H

#include "cli/cli.h"

extern const struct cli_command cli_profile_build;
extern const struct cli_command cli_profile_show;
extern const struct cli_command cli_profile_check;
extern const struct cli_command cli_profile_personalise;

/* Where a package goes that was made of another file: out, or in with this ending instead of its
 * own. In the arena; NULL when memory is short. */
const char *cli_profile_output(struct cli *cli, const char *in, const char *out,
                               const char *ending);

#endif
