/*
 * QR codes of activation codes: on a terminal, as PNG, as SVG.
 */
#ifndef CRISP_CLI_QR_H
#define CRISP_CLI_QR_H

#include "cli/cli.h"

/* --qr: "terminal", "png:FILE", "svg:FILE". */
cr_status cli_qr_check(const char *how, struct cr_err *err) CR_MUST_CHECK;

/* Draws text. The terminal form goes to cli->out: UTF-8 half blocks, in colours of its own when
 * cli->out is a terminal, else light modules as blocks (for a dark background). */
cr_status cli_qr_draw(struct cli *cli, const char *text, const char *how,
                      struct cr_err *err) CR_MUST_CHECK;

#endif
