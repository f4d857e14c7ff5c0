/*
 * JSON lines: what commands print for programs.
 */
#ifndef CRISP_CLI_JSON_LINE_H
#define CRISP_CLI_JSON_LINE_H

#include "cli/cli.h"

#include <jansson.h>

/* One line on cli->out; takes the reference. */
void cli_put_json(struct cli *cli, json_t *json);

/* Members of an object; absent and empty texts are left out. Bytes that are no UTF-8 become hex. */
void cli_json_text(json_t *object, const char *name, const char *text);
void cli_json_span(json_t *object, const char *name, cr_span text);
void cli_json_hex(json_t *object, const char *name, cr_span bytes);

#endif
