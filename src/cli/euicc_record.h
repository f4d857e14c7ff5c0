/*
 * Writing down what a chip does (lab/recording.h).
 */
#ifndef CRISP_CLI_EUICC_RECORD_H
#define CRISP_CLI_EUICC_RECORD_H

#include "cli/cli.h"
#include "lab/chip.h"

/* Between these two OpenSSL draws as this chip (cli/euicc_random.h). */
void cli_record_enter(struct lab_chip *chip);
void cli_record_leave(void);

struct cli_record;
/* Makes the file (mode 0600) and sets the hook. */
cr_status cli_record_open(struct cli *cli, const char *path, struct cli_record **out,
                          struct cr_err *err) CR_MUST_CHECK;
/* Writes what the chip is now. */
cr_status cli_record_start(struct cli_record *record, struct lab_chip *chip,
                           struct cr_err *err) CR_MUST_CHECK;
/* For lab_chip_options.event; ctx is the struct cli_record. */
void cli_record_event(void *ctx, const struct lab_event *event);
/* Says whether all was written. NULL is allowed. */
cr_status cli_record_close(struct cli_record *record, struct cr_err *err) CR_MUST_CHECK;

#endif
