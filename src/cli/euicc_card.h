/*
 * What `crisp euicc` commands talk to: a chip directory or a card in a reader.
 */
#ifndef CRISP_CLI_EUICC_CARD_H
#define CRISP_CLI_EUICC_CARD_H

#include "cli/cli.h"
#include "net/card.h"

/* Opens exactly one of the two (the other is NULL). */
cr_status cli_euicc_card_open(struct cli *cli, const char *dir, const char *reader,
                              struct card *out, struct cr_err *err) CR_MUST_CHECK;

/* The shell of `crisp euicc apdu`: euicc_shell.c. */
struct cli_shell_options {
    bool decode;       /* print answers in words as well */
    bool follow;       /* fetch what 61xx announces, repeat at 6Cxx, also behind commands in hex */
    bool follow_names; /* the same behind commands by name */
    bool prompt;       /* a person types: line editing, history */
};
struct cli_shell;
cr_status cli_shell_new(struct cli *cli, struct card *card, const struct cli_shell_options *options,
                        struct cli_shell **out, struct cr_err *err) CR_MUST_CHECK;
void cli_shell_free(struct cli_shell *shell);
/* One line. *quit: it said so. A failure is of the line (malformed, refused) or of the card. */
cr_status cli_shell_line(struct cli_shell *shell, const char *line, bool *quit,
                         struct cr_err *err) CR_MUST_CHECK;
/* Only looks whether the line can be read. */
cr_status cli_shell_check(struct cli_shell *shell, const char *line,
                          struct cr_err *err) CR_MUST_CHECK;
/* Lines from a terminal until its end. */
cr_status cli_shell_interact(struct cli_shell *shell, struct cr_err *err) CR_MUST_CHECK;

#endif
