/*
 * crisp euicc: chips.
 */
#include "cli/euicc.h"

static const struct cli_command *const children[] = {
    &cli_euicc_create,
    &cli_euicc_serve,
    &cli_euicc_show,
    &cli_euicc_fs,
    &cli_euicc_apdu,
    &cli_euicc_replay,
    NULL,
};

const struct cli_command cli_euicc = {
    .name = "euicc",
    .summary = "make eUICCs and put them into virtual readers",
    .description =
        "Virtual eUICCs (SGP.22). A chip is a directory; it can be put into a reader of pcscd "
        "(vsmartcard-vpcd), where every PC/SC program takes it for a card, or be used directly by "
        "'crisp lpa'. One program at a time: an open chip is locked.",
    .children = children,
};
