/*
 * crisp euicc apdu: commands in hex into a chip, answers in hex.
 */
#include "cli/euicc.h"

#include "base/file.h"
#include "base/text.h"
#include "euicc/euicc.h"

#include <stdlib.h>

#define MAX_APDU   65544   /* bytes of an extended command */
#define MAX_SCRIPT 1048576 /* bytes of commands on standard input */

struct apdu_values {
    const char *dir;
    struct cli_list apdus;
};

static cr_status read_apdu(cr_span text, cr_buf *command, struct cr_err *err)
{
    cr_status status = cr_hex_decode(command, text, err);
    if (status == CR_OK && command->n < 4) {
        status = cr_fail(err, CR_MALFORMED, NULL, "a command has at least 4 bytes (CLA INS P1 P2)");
    }
    return status == CR_OK ? CR_OK
                           : cr_err_context(err, status, "'%.*s'", text.n > 40 ? 40 : (int)text.n,
                                            (const char *)text.p);
}

/* Before the first one changes the chip. */
static cr_status check_apdus(const struct cli_list *apdus, struct cr_err *err)
{
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < apdus->count; i++) {
        cr_buf command = {.limit = MAX_APDU};
        status = read_apdu(cr_span_str(apdus->items[i]), &command, err);
        cr_buf_free(&command);
    }
    return status;
}

static cr_status send_one(struct cli *cli, struct euicc *euicc, cr_span text, struct cr_err *err)
{
    cr_buf command = {.limit = MAX_APDU};
    cr_buf response = {0};
    cr_status status = read_apdu(text, &command, err);
    if (status == CR_OK) {
        status = euicc_transmit(euicc, cr_buf_span(&command), &response, err);
    }
    if (response.n > 0) {
        cr_buf line = {0};
        cr_hex_append(&line, cr_buf_span(&response));
        (void)fprintf(cli->out, "%s\n", cr_buf_cstr(&line));
        cr_buf_free(&line);
    }
    cr_buf_free(&command);
    cr_buf_free(&response);
    return status;
}

/* Lines of standard input; empty ones and those behind # are comments. */
static cr_status send_lines(struct cli *cli, struct euicc *euicc, struct cr_err *err)
{
    cr_buf script = {0};
    cr_status status = cr_file_read("-", MAX_SCRIPT, &script, err);
    cr_span rest = cr_buf_span(&script);
    while (status == CR_OK && rest.n > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        cr_span line = cr_span_sub(rest, 0, n);
        rest = cr_span_sub(rest, n + 1, rest.n);
        while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t' || line.p[0] == '\r')) {
            line = cr_span_sub(line, 1, line.n);
        }
        if (line.n > 0 && line.p[0] != '#') {
            status = send_one(cli, euicc, line, err);
        }
    }
    cr_buf_free(&script);
    return status;
}

static int apdu_run(struct cli *cli, const void *values)
{
    const struct apdu_values *v = values;
    struct euicc *euicc = NULL;
    struct cr_err err;
    bool lines = v->apdus.count == 1 && strcmp(v->apdus.items[0], "-") == 0;
    if (!lines && check_apdus(&v->apdus, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = euicc_open_dir(v->dir, cli->env, &euicc, &err);
    if (status == CR_OK && lines) {
        status = send_lines(cli, euicc, &err);
    }
    for (size_t i = 0; status == CR_OK && !lines && i < v->apdus.count; i++) {
        status = send_one(cli, euicc, cr_span_str(v->apdus.items[i]), &err);
    }
    euicc_free(euicc);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Chip made by 'crisp euicc create'.",
     .required = true,
     .offset = offsetof(struct apdu_values, dir)},
    {.name = "APDU",
     .kind = CLI_LIST,
     .help = "Command in hex; - alone reads commands from standard input, one a line.",
     .required = true,
     .offset = offsetof(struct apdu_values, apdus)},
};

const struct cli_command cli_euicc_apdu = {
    .name = "apdu",
    .summary = "send APDUs to a chip",
    .description = "Powers the chip on, sends the commands and prints each answer with its status "
                   "word in hex. What the commands changed stays changed.",
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct apdu_values),
    .run = apdu_run,
    .examples = "# open a channel, select the ISD-R, ask for the EID\n"
                "crisp euicc apdu chip 0070000001 01A4040010A0000005591010FFFFFFFF8900000100 "
                "81E2910006BF3E035C015A",
};
