/*
 * crisp profile: profile packages.
 */
#include "cli/profile.h"

const char *cli_profile_output(struct cli *cli, const char *in, const char *out, const char *ending)
{
    if (out || strcmp(in, "-") == 0) {
        return out ? out : "-";
    }
    const char *slash = strrchr(in, '/');
    const char *dot = strrchr(slash ? slash : in, '.');
    size_t n = dot && dot > in ? (size_t)(dot - in) : strlen(in);
    return cr_arena_printf(&cli->arena, "%.*s%s", (int)n, in, ending);
}

static const struct cli_command *const children[] = {
    &cli_profile_build, &cli_profile_show, &cli_profile_check, &cli_profile_personalise, NULL,
};

const struct cli_command cli_profile = {
    .name = "profile",
    .summary = "make, read, check and personalise profile packages",
    .description =
        "Profile packages (TCA Interoperable Format, v2.3 and v3.x): what a chip turns into a SIM. "
        "A package is built from a readable description, shown as such again, checked against the "
        "rules of the format, and filled with the values of many subscriptions.",
    .children = children,
};
