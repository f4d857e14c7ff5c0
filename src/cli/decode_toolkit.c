/*
 * crisp decode: what a card's toolkit and a terminal say to each other (TS 102 223).
 */
#include "cli/decode.h"

#include "uicc/cat.h"

#include <strings.h>

enum { INS_TERMINAL_PROFILE = 0x10, INS_TERMINAL_RESPONSE = 0x14, INS_ENVELOPE = 0xC2 };

static bool is_command(cr_span in)
{
    struct cat_command c;
    return cat_command_read(in, &c, NULL) == CR_OK;
}

static bool is_response(cr_span in)
{
    struct cat_response r;
    return cat_response_read(in, &r, NULL) == CR_OK;
}

/* Without device identities or an event it may be anything with a tag from D1 on. */
static bool is_envelope(cr_span in)
{
    struct cat_envelope e;
    return cat_envelope_read(in, &e, NULL) == CR_OK && cat_outer_name(e.tag) && e.source;
}

static bool is_profile(cr_span in)
{
    return in.n > 0 && in.n <= CAT_MAX_PROFILE;
}

/* ins: of the APDU whose data it is; 0 = the card says it, in the answer to FETCH. found: known by
 * its looks alone. */
static const struct {
    const char *name;
    uint8_t ins;
    bool found;
    bool (*is)(cr_span in);
    bool (*print)(cr_buf *out, cr_span in);
} kinds[] = {
    {"ProactiveCommand", 0, true, is_command, cat_print_command},
    {"TerminalResponse", INS_TERMINAL_RESPONSE, true, is_response, cat_print_response},
    {"Envelope", INS_ENVELOPE, true, is_envelope, cat_print_envelope},
    {"TerminalProfile", INS_TERMINAL_PROFILE, false, is_profile, cat_print_profile},
};

bool cli_decode_toolkit_type(size_t i, const char **name)
{
    *name = i < CR_COUNT(kinds) ? kinds[i].name : NULL;
    return i < CR_COUNT(kinds);
}

static void show(struct cli_decoder *d, size_t kind, cr_span in)
{
    cr_buf line = {0};
    (void)kinds[kind].print(&line, in);
    const char *text = cr_buf_cstr(&line);
    cli_decode_head(d, kinds[kind].name, "TS 102 223");
    if (d->array) {
        cli_json_text(json_array_get(d->array, json_array_size(d->array) - 1), "value",
                      text ? text : "");
    } else {
        cr_buf_appendf(&d->text, "  %s\n", text ? text : "");
    }
    cr_buf_free(&line);
}

/* The data of an APDU of the toolkit; ins 0 for D0 with its status word. */
static bool apdu_data(cr_span in, uint8_t *ins, cr_span *data)
{
    if (in.n > 5 && in.p[0] == 0x80 && in.p[2] == 0 && in.p[3] == 0 &&
        (in.n == 5U + in.p[4] || in.n == 6U + in.p[4])) {
        *ins = in.p[1];
        *data = cr_span_sub(in, 5, in.p[4]);
        return *ins != 0;
    }
    if (in.n > 2 && (in.p[in.n - 2] == 0x90 || in.p[in.n - 2] == 0x91)) {
        *ins = 0;
        *data = cr_span_sub(in, 0, in.n - 2);
        return true;
    }
    return false;
}

bool cli_decode_toolkit(struct cli_decoder *d, cr_span bytes)
{
    uint8_t ins = 0;
    cr_span data = {0};
    bool apdu = apdu_data(bytes, &ins, &data);
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        if (d->type && strcasecmp(d->type, kinds[i].name) != 0) {
            continue;
        }
        if (apdu && ins == kinds[i].ins && kinds[i].is(data)) {
            show(d, i, data);
            return true;
        }
        if ((d->type || kinds[i].found) && kinds[i].is(bytes)) {
            show(d, i, bytes);
            return true;
        }
    }
    return false;
}
