#include "lab/commands.h"

#include "asn1/der.h"
#include "base/text.h"

#include <stdlib.h>

#define MAX_APDUS     300
#define MAX_SHORT     255   /* bytes of data in one command */
#define MAX_RAW       65544 /* bytes of a command in hex */
#define MAX_READ_SIZE 65535
#define PIN_SIZE      8
#define RAND_SIZE     16

enum how {
    NAMED, /* no typed form */
    LOCAL,
    PLAIN,    /* four bytes */
    WITH_LE,  /* [LENGTH] */
    WITH_HEX, /* data in hex */
    SELECT_FILE,
    READ_BINARY,
    UPDATE_BINARY,
    READ_RECORD,
    UPDATE_RECORD,
    SEARCH_RECORD,
    RETRIEVE_DATA,
    PIN_VERIFY,
    PIN_CHANGE,
    PIN_SWITCH,
    PIN_UNBLOCK,
    FILE_OR_CURRENT,
    FILE_ID,
    AUTHENTICATE,
    CHANNEL_OPEN,
    CHANNEL_CLOSE,
    STORE_DATA,
    TERMINAL_PROFILE
};

/* clang-format off */
const struct lab_command lab_commands[] = {
    {"select", "SELECT", 0x00, 0xA4, 0x00, 0x04, SELECT_FILE, 0, false, "FILE",
     "by file id, AID, name or path: select 3F00, select MF/ADF.USIM/EF.IMSI"},
    {"status", "STATUS", 0x80, 0xF2, 0x00, 0x00, WITH_LE, 0, false, "[LENGTH]",
     "FCP of the current directory"},
    {"read binary", "READ BINARY", 0x00, 0xB0, 0x00, 0x00, READ_BINARY, 0, false,
     "[OFFSET [LENGTH]]", "the selected transparent file, whole without numbers"},
    {"update binary", "UPDATE BINARY", 0x00, 0xD6, 0x00, 0x00, UPDATE_BINARY, 0, false,
     "OFFSET HEX", NULL},
    {"read record", "READ RECORD", 0x00, 0xB2, 0x00, 0x04, READ_RECORD, 0, false, "[NUMBER|all]",
     "a record of the selected file, all without a number"},
    {"update record", "UPDATE RECORD", 0x00, 0xDC, 0x00, 0x04, UPDATE_RECORD, 0, false,
     "NUMBER HEX", NULL},
    {"search record", "SEARCH RECORD", 0x00, 0xA2, 0x01, 0x04, SEARCH_RECORD, 0, false, "HEX",
     "numbers of the records that hold these bytes"},
    {"increase", "INCREASE", 0x80, 0x32, 0x00, 0x00, WITH_HEX, 0, false, "HEX",
     "adds to the newest record of a cyclic file"},
    {"retrieve data", "RETRIEVE DATA", 0x80, 0xCB, 0x00, 0x80, RETRIEVE_DATA, 0, false, "TAG",
     "an object of the selected BER-TLV file; 5C lists the tags"},
    {"set data", "SET DATA", 0x80, 0xDB, 0x00, 0x80, WITH_HEX, 0, false, "HEX",
     "an object (tag, length, value) into the selected BER-TLV file"},
    {"verify", "VERIFY PIN", 0x00, 0x20, 0x00, 0x00, PIN_VERIFY, 0, true, "KEY [PIN]",
     "KEY is 01 or PIN1, 81 or PIN2, 0A or ADM1; without a PIN: tries left"},
    {"change pin", "CHANGE PIN", 0x00, 0x24, 0x00, 0x00, PIN_CHANGE, 0, true, "KEY OLD NEW", NULL},
    {"disable pin", "DISABLE PIN", 0x00, 0x26, 0x00, 0x00, PIN_SWITCH, 0, true, "KEY PIN", NULL},
    {"enable pin", "ENABLE PIN", 0x00, 0x28, 0x00, 0x00, PIN_SWITCH, 0, true, "KEY PIN", NULL},
    {"unblock pin", "UNBLOCK PIN", 0x00, 0x2C, 0x00, 0x00, PIN_UNBLOCK, 0, true, "KEY [PUK NEW]",
     "without a PUK: tries left"},
    {"authenticate", "AUTHENTICATE", 0x00, 0x88, 0x00, 0x81, AUTHENTICATE, 0, false,
     "RAND AUTN | gsm RAND | gba RAND AUTN", "'crisp aka challenge' makes RAND and AUTN"},
    {NULL, "AUTHENTICATE", 0x00, 0x89, 0x00, 0x81, NAMED, 0, false, NULL, NULL},
    {"get challenge", "GET CHALLENGE", 0x00, 0x84, 0x00, 0x00, WITH_LE, 0, false, "[LENGTH]", NULL},
    {"get identity", "GET IDENTITY", 0x80, 0x78, 0x00, 0x01, WITH_LE, 0, false, NULL, "the SUCI"},
    {"activate file", "ACTIVATE FILE", 0x00, 0x44, 0x00, 0x00, FILE_OR_CURRENT, 0, false, "[FID]",
     NULL},
    {"deactivate file", "DEACTIVATE FILE", 0x00, 0x04, 0x00, 0x00, FILE_OR_CURRENT, 0, false,
     "[FID]", NULL},
    {"create file", "CREATE FILE", 0x00, 0xE0, 0x00, 0x00, WITH_HEX, 0, false, "HEX",
     "HEX is the FCP, 62..."},
    {"delete file", "DELETE FILE", 0x00, 0xE4, 0x00, 0x00, FILE_ID, 0, false, "FID", NULL},
    {"resize file", "RESIZE FILE", 0x80, 0xD4, 0x00, 0x00, WITH_HEX, 0, false, "HEX",
     "HEX is the FCP, 62..."},
    {"terminate df", "TERMINATE DF", 0x00, 0xE6, 0x00, 0x00, PLAIN, 0, false, NULL, NULL},
    {"terminate ef", "TERMINATE EF", 0x00, 0xE8, 0x00, 0x00, PLAIN, 0, false, NULL, NULL},
    {NULL, "TERMINATE CARD USAGE", 0x00, 0xFE, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {"channel open", "MANAGE CHANNEL", 0x00, 0x70, 0x00, 0x00, CHANNEL_OPEN, 0, false, "[NUMBER]",
     "the card chooses without a number; 'use' goes there"},
    {"channel close", "MANAGE CHANNEL", 0x00, 0x70, 0x80, 0x00, CHANNEL_CLOSE, 0, false, "NUMBER",
     NULL},
    {"terminal profile", "TERMINAL PROFILE", 0x80, 0x10, 0x00, 0x00, TERMINAL_PROFILE, 0, false,
     "[HEX]", "without bytes: a terminal that can do everything"},
    {"terminal capability", "TERMINAL CAPABILITY", 0x80, 0xAA, 0x00, 0x00, WITH_HEX, 0, false,
     "HEX", "HEX is A9..."},
    {"fetch", "FETCH", 0x80, 0x12, 0x00, 0x00, WITH_LE, 0, false, "[LENGTH]",
     "the proactive command that waits (91xx)"},
    {"terminal response", "TERMINAL RESPONSE", 0x80, 0x14, 0x00, 0x00, WITH_HEX, 0, false, "HEX",
     NULL},
    {"envelope", "ENVELOPE", 0x80, 0xC2, 0x00, 0x00, WITH_HEX, 0, false, "HEX", NULL},
    {"store data", "STORE DATA", 0x80, 0xE2, 0x91, 0x00, STORE_DATA, 0, false, "HEX",
     "a function of the selected ISD-R, in blocks: store data BF3E035C015A"},
    {NULL, "GET DATA", 0x80, 0xCA, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {"get response", "GET RESPONSE", 0x00, 0xC0, 0x00, 0x00, WITH_LE, 0, false, "[LENGTH]",
     "by hand; the shell does it by itself"},
    {NULL, "SUSPEND UICC", 0x80, 0x76, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "EXCHANGE CAPABILITIES", 0x80, 0x7A, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "INITIALIZE UPDATE", 0x80, 0x50, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "EXTERNAL AUTHENTICATE", 0x80, 0x82, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "GET STATUS", 0x80, 0xF2, 0x80, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "SET STATUS", 0x80, 0xF0, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "INSTALL", 0x80, 0xE6, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "LOAD", 0x80, 0xE8, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "DELETE", 0x80, 0xE4, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {NULL, "PUT KEY", 0x80, 0xD8, 0x00, 0x00, NAMED, 0, false, NULL, NULL},
    {"use", NULL, 0, 0, 0, 0, LOCAL, LAB_USE, false, "CHANNEL",
     "commands by name go to this logical channel"},
    {"reset", NULL, 0, 0, 0, 0, LOCAL, LAB_RESET, false, NULL, "power off and on"},
    {"atr", NULL, 0, 0, 0, 0, LOCAL, LAB_ATR, false, NULL, "what the card said at power on"},
    {"help", NULL, 0, 0, 0, 0, LOCAL, LAB_HELP, false, "[COMMAND]", NULL},
    {"quit", NULL, 0, 0, 0, 0, LOCAL, LAB_QUIT, false, NULL, "Ctrl-D does the same"},
};
/* clang-format on */
const size_t lab_command_count = CR_COUNT(lab_commands);

/* ---- looking up --------------------------------------------------------------------------------
 */

const struct lab_command *lab_command_of(cr_span apdu)
{
    const struct lab_command *found = NULL;
    if (apdu.n < 2) {
        return NULL;
    }
    bool proprietary = (apdu.p[0] & 0x80) != 0;
    for (size_t i = 0; i < lab_command_count; i++) {
        const struct lab_command *row = &lab_commands[i];
        if (!row->standard || row->ins != apdu.p[1]) {
            continue;
        }
        bool class_fits = ((row->cla & 0x80) != 0) == proprietary;
        bool either = row->ins == 0xC0; /* GET RESPONSE is taken with both classes */
        if (!class_fits && !either) {
            continue;
        }
        /* Rows of one instruction that P1 tells apart: its highest bits. */
        bool exact = apdu.n > 2 && (row->p1 & 0xF0) == (apdu.p[2] & 0xF0);
        if (!found || exact) {
            found = row;
        }
    }
    return found;
}

static bool same_words(cr_span typed, const char *name)
{
    size_t n = strlen(name);
    if (typed.n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = typed.p[i];
        c = c == '-' || c == '_' ? ' ' : c;
        c = (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        uint8_t d = (uint8_t)name[i];
        d = (uint8_t)(d >= 'A' && d <= 'Z' ? d - 'A' + 'a' : d);
        if (c != d) {
            return false;
        }
    }
    return true;
}

const struct lab_command *lab_command_standard(cr_span name)
{
    for (size_t i = 0; i < lab_command_count; i++) {
        if (lab_commands[i].standard && same_words(name, lab_commands[i].standard)) {
            return &lab_commands[i];
        }
    }
    return NULL;
}

uint8_t lab_cla(uint8_t cla, unsigned channel)
{
    return (uint8_t)(channel < 4 ? cla | channel : cla | 0x40u | ((channel - 4) & 0x0F));
}

/* ---- words -------------------------------------------------------------------------------------
 */

static cr_span skip_blanks(cr_span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\r')) {
        s = cr_span_sub(s, 1, s.n);
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r')) {
        s = cr_span_sub(s, 0, s.n - 1);
    }
    return s;
}

static cr_span next_word(cr_span *rest)
{
    *rest = skip_blanks(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t') {
        n++;
    }
    cr_span word = cr_span_sub(*rest, 0, n);
    *rest = skip_blanks(cr_span_sub(*rest, n, rest->n));
    return word;
}

/* How much of the line the name takes, blanks in any number between its words; 0 = another one. */
static size_t name_length(cr_span line, const char *name)
{
    size_t at = 0;
    while (*name) {
        size_t n = strcspn(name, " ");
        cr_span typed = cr_span_sub(line, at, n);
        if (!cr_span_equal_nocase(typed, cr_span_of(name, n))) {
            return 0;
        }
        at += n;
        name += n + (name[n] == ' ');
        if (*name) {
            size_t blanks = at;
            while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t')) {
                at++;
            }
            if (at == blanks) {
                return 0;
            }
        }
    }
    return at == line.n || line.p[at] == ' ' || line.p[at] == '\t' ? at : 0;
}

const struct lab_command *lab_line_command(cr_span line, cr_span *rest)
{
    const struct lab_command *found = NULL;
    size_t longest = 0;
    line = skip_blanks(line);
    for (size_t i = 0; i < lab_command_count; i++) {
        size_t n = lab_commands[i].name && lab_commands[i].how != NAMED
                       ? name_length(line, lab_commands[i].name)
                       : 0;
        if (n > longest) {
            longest = n;
            found = &lab_commands[i];
        }
    }
    *rest = skip_blanks(cr_span_sub(line, longest, line.n));
    return found;
}

/* ---- encoding ----------------------------------------------------------------------------------
 */

struct line {
    const struct lab_command *row;
    const struct lab_session *session;
    const struct lab_channel *on;
    unsigned channel;
    cr_span word[LAB_MAX_WORDS];
    size_t count;
    cr_span rest; /* all words as one text */
    cr_arena *arena;
    cr_span *apdus; /* MAX_APDUS */
    size_t apdu_count;
    struct cr_err *err;
};

static cr_status wrong_use(const struct line *l)
{
    cr_status status = cr_fail(l->err, CR_MALFORMED, NULL, "usage: %s%s%s", l->row->name,
                               l->row->usage ? " " : "", l->row->usage ? l->row->usage : "");
    return l->row->help ? cr_err_next(l->err, status, "%s", l->row->help) : status;
}

/* Adds an APDU: data absent = none; le < 0 = none. */
static cr_status add(struct line *l, uint8_t p1, uint8_t p2, cr_span data, int le)
{
    uint8_t apdu[4 + 1 + MAX_SHORT + 1];
    size_t n = 4;
    if (data.n > MAX_SHORT) {
        return cr_fail(l->err, CR_MALFORMED, NULL,
                       "a command has at most %d bytes of data, not %zu", MAX_SHORT, data.n);
    }
    if (l->apdu_count == MAX_APDUS) {
        return cr_fail(l->err, CR_MALFORMED, NULL, "that takes more than %d commands", MAX_APDUS);
    }
    apdu[0] = lab_cla(l->row->cla, l->channel);
    apdu[1] = l->row->ins;
    apdu[2] = p1;
    apdu[3] = p2;
    if (cr_span_present(data)) {
        apdu[n++] = (uint8_t)data.n;
        if (data.n) {
            memcpy(apdu + n, data.p, data.n);
        }
        n += data.n;
    }
    if (le >= 0) {
        apdu[n++] = (uint8_t)le;
    }
    cr_span copy = cr_arena_copy(l->arena, cr_span_of(apdu, n));
    cr_wipe(apdu, sizeof(apdu)); /* PINs */
    if (!copy.p) {
        return cr_fail_memory(l->err);
    }
    l->apdus[l->apdu_count++] = copy;
    return CR_OK;
}

static cr_status hex_word(struct line *l, cr_span word, size_t most, cr_span *out)
{
    cr_buf bytes = {.limit = most};
    cr_status status = cr_hex_decode(&bytes, word, l->err);
    if (status == CR_OK && !cr_buf_ok(&bytes)) {
        status = cr_fail(l->err, CR_MALFORMED, NULL, "more than %zu bytes", most);
    }
    if (status == CR_OK) {
        *out = cr_arena_copy(l->arena, cr_buf_span(&bytes));
        status = out->p ? CR_OK : cr_fail_memory(l->err);
    }
    cr_buf_free(&bytes);
    return status == CR_OK ? CR_OK
                           : cr_err_context(l->err, status, "'%.*s'",
                                            (int)(word.n < 40 ? word.n : 40), (const char *)word.p);
}

/* Decimal, or hex behind 0x. */
static cr_status number_word(struct line *l, cr_span word, unsigned least, unsigned most,
                             unsigned *out)
{
    char text[16];
    char *end = NULL;
    bool fits =
        word.n > 0 && word.p[0] >= '0' && word.p[0] <= '9' && cr_str_copy(text, sizeof(text), word);
    bool hex = fits && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned long v = fits ? strtoul(text, &end, hex ? 16 : 10) : 0;
    if (!fits || *end || v < least || v > most) {
        return cr_fail(l->err, CR_MALFORMED, NULL, "'%.*s' is no number from %u to %u",
                       (int)(word.n < 20 ? word.n : 20), (const char *)word.p, least, most);
    }
    *out = (unsigned)v;
    return CR_OK;
}

static cr_status fid_word(struct line *l, cr_span word, uint8_t out[2])
{
    if (word.n != 4 || !cr_hex_fixed(out, 2, word)) {
        return cr_fail(l->err, CR_MALFORMED, NULL, "'%.*s' is no file id (four hex digits)",
                       (int)(word.n < 20 ? word.n : 20), (const char *)word.p);
    }
    return CR_OK;
}

/* ---- files ---- */

static cr_status select_path(struct line *l, const struct lab_place *place, uint8_t p1,
                             bool current_adf)
{
    uint8_t path[2 * (LAB_MAX_PATH + 1)];
    size_t n = 0;
    if (current_adf) {
        path[n++] = 0x7F;
        path[n++] = 0xFF;
    }
    for (size_t i = 0; i < place->depth; i++) {
        path[n++] = (uint8_t)(place->fid[i] >> 8);
        path[n++] = (uint8_t)place->fid[i];
    }
    return add(l, p1, 0x04, cr_span_of(path, n), -1);
}

static cr_status encode_select(struct line *l)
{
    uint8_t fid[2];
    struct lab_place place;
    if (l->count != 1) {
        return wrong_use(l);
    }
    if (l->word[0].n == 4 && cr_hex_fixed(fid, 2, l->word[0])) {
        return add(l, 0x00, 0x04, CR_SPAN_ARRAY(fid), -1);
    }
    CR_TRY(lab_place_parse(l->word[0], &l->on->df, &place, l->err));
    if (!place.aid_size) {
        static const uint8_t mf[] = {0x3F, 0x00};
        return place.depth ? select_path(l, &place, 0x08, false)
                           : add(l, 0x00, 0x04, CR_SPAN_ARRAY(mf), -1);
    }
    /* The application is entered by its name, unless it is the current one: then 7FFF is it. */
    size_t n = place.aid_size < l->on->df.aid_size ? place.aid_size : l->on->df.aid_size;
    bool current = n > 0 && memcmp(place.aid, l->on->df.aid, n) == 0;
    if (!current || !place.depth) {
        CR_TRY(add(l, 0x04, 0x04, cr_span_of(place.aid, place.aid_size), -1));
    }
    return place.depth ? select_path(l, &place, 0x08, true) : CR_OK;
}

static cr_status encode_read_binary(struct line *l)
{
    unsigned offset = 0;
    unsigned length = 0;
    if (l->count > 2) {
        return wrong_use(l);
    }
    if (l->count > 0) {
        CR_TRY(number_word(l, l->word[0], 0, 0x7FFF, &offset));
    }
    if (l->count > 1) {
        CR_TRY(number_word(l, l->word[1], 1, MAX_READ_SIZE, &length));
    }
    if (!length && l->on->has_fcp && l->on->kind == LAB_TRANSPARENT && l->on->size > offset) {
        length = l->on->size - offset;
    }
    if (!length) {
        return add(l, (uint8_t)(offset >> 8), (uint8_t)offset, (cr_span){0}, 0);
    }
    while (length > 0 && offset <= 0x7FFF) {
        unsigned part = length < 256 ? length : 256;
        CR_TRY(add(l, (uint8_t)(offset >> 8), (uint8_t)offset, (cr_span){0}, (int)(part & 0xFF)));
        offset += part;
        length -= part;
    }
    return CR_OK;
}

static cr_status encode_update_binary(struct line *l)
{
    unsigned offset;
    cr_span data;
    if (l->count != 2) {
        return wrong_use(l);
    }
    CR_TRY(number_word(l, l->word[0], 0, 0x7FFF, &offset));
    CR_TRY(hex_word(l, l->word[1], MAX_READ_SIZE, &data));
    do {
        cr_span part = cr_span_sub(data, 0, MAX_SHORT);
        CR_TRY(add(l, (uint8_t)(offset >> 8), (uint8_t)offset, part, -1));
        offset += (unsigned)part.n;
        data = cr_span_sub(data, part.n, data.n);
    } while (data.n > 0 && offset <= 0x7FFF);
    return CR_OK;
}

static cr_status encode_read_record(struct line *l)
{
    unsigned number = 0;
    unsigned last = 1;
    int le = l->on->has_fcp && l->on->record_length ? l->on->record_length & 0xFF : 0;
    bool all = l->count == 0 || cr_span_equal_nocase(l->word[0], cr_span_str("all"));
    if (l->count > 1) {
        return wrong_use(l);
    }
    if (all) {
        number = 1;
        last = l->on->has_fcp && l->on->records ? l->on->records : 1;
    } else {
        CR_TRY(number_word(l, l->word[0], 0, 255, &number));
        last = number;
    }
    for (; number <= last; number++) {
        CR_TRY(add(l, (uint8_t)number, 0x04, (cr_span){0}, le));
    }
    return CR_OK;
}

static cr_status encode_update_record(struct line *l)
{
    unsigned number;
    cr_span data;
    if (l->count != 2) {
        return wrong_use(l);
    }
    CR_TRY(number_word(l, l->word[0], 0, 255, &number));
    CR_TRY(hex_word(l, l->word[1], MAX_SHORT, &data));
    return add(l, (uint8_t)number, 0x04, data, -1);
}

/* ---- PINs ---- */

static cr_status key_word(struct line *l, cr_span word, uint8_t *out)
{
    static const struct {
        const char *name;
        uint8_t reference;
    } names[] = {{"PIN1", 0x01}, {"PIN2", 0x81}, {"UPIN", 0x11}, {"ADM1", 0x0A}, {"ADM2", 0x0B},
                 {"ADM3", 0x0C}, {"ADM4", 0x0D}, {"ADM5", 0x0E}, {"ADM6", 0x8A}, {"ADM7", 0x8B},
                 {"ADM8", 0x8C}, {"ADM9", 0x8D}, {"ADM10", 0x8E}};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        if (cr_span_equal_nocase(word, cr_span_str(names[i].name))) {
            *out = names[i].reference;
            return CR_OK;
        }
    }
    if (word.n != 2 || !cr_hex_fixed(out, 1, word)) {
        return cr_fail(l->err, CR_MALFORMED, NULL,
                       "'%.*s' is no key: PIN1, PIN2, ADM1 to ADM10, UPIN or two hex digits",
                       (int)(word.n < 20 ? word.n : 20), (const char *)word.p);
    }
    return CR_OK;
}

/* Up to eight digits, or sixteen hex digits. */
static cr_status pin_word(struct line *l, cr_span word, uint8_t out[PIN_SIZE])
{
    memset(out, 0xFF, PIN_SIZE);
    if (word.n == (size_t)2 * PIN_SIZE && cr_hex_fixed(out, PIN_SIZE, word)) {
        return CR_OK;
    }
    if (!cr_is_digits(word) || word.n > PIN_SIZE) {
        return cr_fail(l->err, CR_MALFORMED, NULL,
                       "a PIN is given as up to 8 digits or as 16 hex digits");
    }
    memcpy(out, word.p, word.n);
    return CR_OK;
}

static cr_status encode_pin(struct line *l, size_t least, size_t most)
{
    uint8_t reference;
    uint8_t pins[2 * PIN_SIZE];
    size_t count = l->count - 1;
    if (l->count == 0 || count > most || (count != least && count != most)) {
        return wrong_use(l);
    }
    CR_TRY(key_word(l, l->word[0], &reference));
    for (size_t i = 0; i < count; i++) {
        CR_TRY(pin_word(l, l->word[1 + i], pins + i * PIN_SIZE));
    }
    /* Without a value: P3 = 00 asks for the tries that are left. */
    cr_status status = add(l, 0x00, reference, cr_span_of(pins, count * PIN_SIZE), -1);
    cr_wipe(pins, sizeof(pins));
    return status;
}

/* ---- the rest ---- */

static cr_status encode_authenticate(struct line *l)
{
    bool gsm = l->count == 2 && cr_span_equal_nocase(l->word[0], cr_span_str("gsm"));
    bool gba = l->count == 3 && cr_span_equal_nocase(l->word[0], cr_span_str("gba"));
    size_t first = gsm || gba ? 1 : 0;
    size_t count = l->count - first;
    uint8_t data[1 + 2 * (1 + RAND_SIZE)];
    size_t n = 0;
    if (count != (gsm ? 1u : 2u)) {
        return wrong_use(l);
    }
    if (gba) {
        data[n++] = 0xDD;
    }
    for (size_t i = 0; i < count; i++) {
        data[n++] = RAND_SIZE;
        if (!cr_hex_fixed(data + n, RAND_SIZE, l->word[first + i])) {
            return cr_fail(l->err, CR_MALFORMED, NULL, "%s has 16 bytes in hex",
                           i ? "AUTN" : "RAND");
        }
        n += RAND_SIZE;
    }
    return add(l, 0x00, gsm ? 0x80 : gba ? 0x84 : 0x81, cr_span_of(data, n), -1);
}

static cr_status encode_channel(struct line *l, bool open)
{
    unsigned number = 0;
    if (l->count > 1 || (!open && l->count == 0)) {
        return wrong_use(l);
    }
    if (l->count == 1) {
        CR_TRY(number_word(l, l->word[0], 1, LAB_CHANNELS - 1, &number));
    }
    return add(l, open ? 0x00 : 0x80, (uint8_t)number, (cr_span){0}, open && number == 0 ? 1 : -1);
}

static cr_status encode_store_data(struct line *l)
{
    cr_span data;
    if (l->count == 0) {
        return wrong_use(l);
    }
    CR_TRY(hex_word(l, l->rest, (size_t)MAX_SHORT * 256, &data));
    for (unsigned block = 0; block == 0 || data.n > 0; block++) {
        cr_span part = cr_span_sub(data, 0, MAX_SHORT);
        data = cr_span_sub(data, part.n, data.n);
        CR_TRY(add(l, data.n > 0 ? 0x11 : 0x91, (uint8_t)block, part, -1));
    }
    return CR_OK;
}

static cr_status encode_hex(struct line *l)
{
    cr_span data;
    if (l->count == 0) {
        return wrong_use(l);
    }
    CR_TRY(hex_word(l, l->rest, MAX_SHORT, &data));
    return add(l, l->row->p1, l->row->p2, data, -1);
}

static cr_status encode_fid(struct line *l, bool needed)
{
    uint8_t fid[2];
    if (l->count > 1 || (needed && l->count == 0)) {
        return wrong_use(l);
    }
    if (l->count == 0) {
        return add(l, l->row->p1, l->row->p2, (cr_span){0}, -1);
    }
    CR_TRY(fid_word(l, l->word[0], fid));
    return add(l, l->row->p1, l->row->p2, CR_SPAN_ARRAY(fid), -1);
}

static cr_status encode_le(struct line *l)
{
    unsigned length = 256;
    if (l->count > 1) {
        return wrong_use(l);
    }
    if (l->count == 1) {
        CR_TRY(number_word(l, l->word[0], 1, 256, &length));
    }
    return add(l, l->row->p1, l->row->p2, (cr_span){0}, (int)(length & 0xFF));
}

static cr_status encode_retrieve(struct line *l)
{
    cr_span tag;
    if (l->count != 1) {
        return wrong_use(l);
    }
    CR_TRY(hex_word(l, l->word[0], 3, &tag));
    return add(l, l->row->p1, l->row->p2, tag, -1);
}

static cr_status encode_profile(struct line *l)
{
    static const uint8_t everything[30] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    return l->count ? encode_hex(l) : add(l, 0, 0, CR_SPAN_ARRAY(everything), -1);
}

static cr_status encode(struct line *l)
{
    switch ((enum how)l->row->how) {
    case NAMED:
    case LOCAL:
        return CR_OK;
    case PLAIN:
        return l->count ? wrong_use(l) : add(l, l->row->p1, l->row->p2, (cr_span){0}, -1);
    case WITH_LE:
        return encode_le(l);
    case WITH_HEX:
    case SEARCH_RECORD:
        return encode_hex(l);
    case SELECT_FILE:
        return encode_select(l);
    case READ_BINARY:
        return encode_read_binary(l);
    case UPDATE_BINARY:
        return encode_update_binary(l);
    case READ_RECORD:
        return encode_read_record(l);
    case UPDATE_RECORD:
        return encode_update_record(l);
    case RETRIEVE_DATA:
        return encode_retrieve(l);
    case PIN_VERIFY:
        return encode_pin(l, 0, 1);
    case PIN_CHANGE:
        return encode_pin(l, 2, 2);
    case PIN_SWITCH:
        return encode_pin(l, 1, 1);
    case PIN_UNBLOCK:
        return encode_pin(l, 0, 2);
    case FILE_OR_CURRENT:
        return encode_fid(l, false);
    case FILE_ID:
        return encode_fid(l, true);
    case AUTHENTICATE:
        return encode_authenticate(l);
    case CHANNEL_OPEN:
        return encode_channel(l, true);
    case CHANNEL_CLOSE:
        return encode_channel(l, false);
    case STORE_DATA:
        return encode_store_data(l);
    case TERMINAL_PROFILE:
        return encode_profile(l);
    }
    return CR_OK;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

static bool looks_like_hex(cr_span line)
{
    size_t digits = 0;
    for (size_t i = 0; i < line.n; i++) {
        uint8_t c = line.p[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex && c != ' ' && c != ':' && c != '\t') {
            return false;
        }
        digits += hex;
    }
    return digits > 0;
}

static cr_status parse_hex(struct line *l, cr_span line)
{
    cr_span apdu = {0};
    CR_TRY(hex_word(l, line, MAX_RAW, &apdu));
    if (apdu.n < 4) {
        cr_status status =
            cr_fail(l->err, CR_MALFORMED, NULL, "a command has at least 4 bytes (CLA INS P1 P2)");
        return cr_err_context(l->err, status, "'%.*s'", (int)(line.n < 40 ? line.n : 40),
                              (const char *)line.p);
    }
    l->apdus[l->apdu_count++] = apdu;
    return CR_OK;
}

/* A row that begins like what was typed, for "did you mean". */
static const char *alike(cr_span word)
{
    for (size_t n = word.n; n > 0; n--) {
        for (size_t i = 0; i < lab_command_count; i++) {
            const struct lab_command *row = &lab_commands[i];
            if (row->name && row->how != NAMED && strlen(row->name) >= n &&
                cr_span_equal_nocase(cr_span_of(row->name, n), cr_span_sub(word, 0, n))) {
                return row->name;
            }
        }
    }
    return NULL;
}

static cr_status unknown(cr_span line, struct cr_err *err)
{
    cr_span rest = line;
    cr_span word = next_word(&rest);
    const char *near = alike(word);
    cr_status status =
        cr_fail(err, CR_MALFORMED, NULL, "'%.*s' is neither hex nor the name of a command",
                (int)(word.n < 40 ? word.n : 40), (const char *)word.p);
    return near ? cr_err_next(err, status, "did you mean '%s'? 'help' lists the commands", near)
                : cr_err_next(err, status, "'help' lists the commands");
}

cr_status lab_line_parse(cr_span line, const struct lab_session *session, unsigned channel,
                         cr_arena *arena, const struct lab_command **command, cr_span *words,
                         struct lab_apdus *out, struct cr_err *err)
{
    struct line l = {.session = session, .channel = channel, .arena = arena, .err = err};
    *command = NULL;
    *words = (cr_span){0};
    *out = (struct lab_apdus){0};
    line = skip_blanks(line);
    if (line.n == 0 || line.p[0] == '#') {
        return CR_OK;
    }
    if (line.n > LAB_MAX_LINE * 2u) {
        return cr_fail(err, CR_MALFORMED, NULL, "a line of %zu characters", line.n);
    }
    l.on = &session->channel[channel < LAB_CHANNELS ? channel : 0];
    l.apdus = cr_arena_alloc_array(arena, MAX_APDUS, sizeof(*l.apdus));
    if (!l.apdus) {
        return cr_fail_memory(err);
    }
    l.row = lab_line_command(line, &l.rest);
    if (!l.row) {
        CR_TRY(looks_like_hex(cr_span_sub(line, 0, 3)) ? parse_hex(&l, line) : unknown(line, err));
        *out = (struct lab_apdus){l.apdus, l.apdu_count};
        return CR_OK;
    }
    cr_span rest = l.rest;
    while (rest.n > 0) {
        cr_span word = next_word(&rest);
        bool one_text = l.row->how == WITH_HEX || l.row->how == STORE_DATA ||
                        l.row->how == TERMINAL_PROFILE || l.row->how == SEARCH_RECORD;
        if (l.count == LAB_MAX_WORDS) {
            if (one_text) {
                break; /* blanks between bytes */
            }
            return wrong_use(&l);
        }
        l.word[l.count++] = word;
    }
    if (l.row->how != LOCAL) {
        CR_TRY(encode(&l));
    }
    *command = l.row;
    *words = l.rest;
    *out = (struct lab_apdus){l.apdus, l.apdu_count};
    return CR_OK;
}
