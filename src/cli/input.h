/*
 * What a user hands in: a file or standard input, as DER, hex, base64 or PEM, found out by looking.
 */
#ifndef CRISP_CLI_INPUT_H
#define CRISP_CLI_INPUT_H

#include "cli/cli.h"

#define CLI_MAX_INPUT ((size_t)16 << 20) /* bytes of one input */

enum cli_form {
    CLI_FORM_BINARY,
    CLI_FORM_HEX,    /* either case, blanks, colons and line ends between bytes, "0x" in front */
    CLI_FORM_BASE64, /* with or without line ends */
    CLI_FORM_PEM,
    CLI_FORM_JSON,
    CLI_FORM_TEXT /* anything else that is readable */
};

const char *cli_form_name(enum cli_form form); /* "hex" */

/* What a content looks like. A content that could be hex as well as base64 is hex. */
enum cli_form cli_form_of(cr_span content);

/* The whole of a file ("-" = standard input) in the command's arena. CR_MALFORMED when empty. */
cr_status cli_input_read(struct cli *cli, const char *path, cr_span *out,
                         struct cr_err *err) CR_MUST_CHECK;

/* Bytes behind a content: hex, base64 and PEM (its first block) are undone, everything else is
 * given back as it is. In the arena. */
cr_status cli_input_bytes(cr_arena *arena, cr_span content, cr_span *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Both in one; errors name the file. */
cr_status cli_input_der(struct cli *cli, const char *path, cr_span *out,
                        struct cr_err *err) CR_MUST_CHECK;

/* The next block of a PEM text: its label and contents; false when there is none left. *text is
 * moved behind it. */
bool cli_pem_next(cr_span *text, cr_span *label, cr_span *base64);

#endif
