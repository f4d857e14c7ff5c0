/*
 * Scripts of remote commands: the reader.
 */
#include "ota/script.h"

#include "asn1/der.h"

#include <stdlib.h>

#define CLAUSE       "TS 102 226 5"
#define INDEFINITE   0x80
#define R_APDU_MIN   2
#define COMPACT_HEAD 5

enum reader_state { READER_START, READER_BODY, READER_DONE, READER_BAD };

struct ota_reader {
    enum ota_direction direction;
    enum ota_form form;
    enum reader_state state;
    enum ota_bad_format bad;
    bool finished;
    size_t total; /* bytes fed so far */
    size_t gone;  /* of them: read, and dropped from in */
    size_t at;    /* of in: read */
    size_t left;  /* definite form: bytes of the template that were not */
    size_t items; /* given so far */
    cr_buf in;
    cr_buf item; /* compact responses: data and status word in the order of an R-APDU */
};

cr_status ota_reader_new(enum ota_direction direction, bool compact, struct ota_reader **out,
                         struct cr_err *err)
{
    struct ota_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return cr_fail_memory(err);
    }
    r->direction = direction;
    r->form = compact ? OTA_FORM_COMPACT : OTA_FORM_DEFINITE;
    r->state = compact ? READER_BODY : READER_START;
    r->in.secret = r->item.secret = true; /* PUT KEY, profile data */
    r->in.limit = OTA_SCRIPT_MAX;
    *out = r;
    return CR_OK;
}

void ota_reader_free(struct ota_reader *r)
{
    if (r) {
        cr_buf_free(&r->in);
        cr_buf_free(&r->item);
        free(r);
    }
}

cr_status ota_reader_feed(struct ota_reader *r, cr_span bytes, struct cr_err *err)
{
    if (r->finished || bytes.n > OTA_SCRIPT_MAX - r->total) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "a script has at most %d bytes", OTA_SCRIPT_MAX);
    }
    if (r->at > 0) { /* what was read is not needed any more */
        size_t rest = r->in.n - r->at;
        memmove(r->in.p, r->in.p + r->at, rest);
        cr_wipe(r->in.p + rest, r->at);
        r->in.n = rest;
        r->gone += r->at;
        r->at = 0;
    }
    r->total += bytes.n;
    cr_buf_append_span(&r->in, bytes);
    return cr_buf_ok(&r->in) ? CR_OK : cr_fail_memory(err);
}

void ota_reader_finish(struct ota_reader *r)
{
    r->finished = true;
}

enum ota_bad_format ota_reader_bad(const struct ota_reader *r)
{
    return r->bad;
}

enum ota_form ota_reader_form(const struct ota_reader *r)
{
    return r->form;
}

static enum ota_step fail(struct ota_reader *r, enum ota_bad_format what, const char *cause,
                          struct cr_err *err)
{
    r->state = READER_BAD;
    r->bad = what;
    (void)cr_err_code(err,
                      cr_fail(err, CR_MALFORMED, CLAUSE, "byte %zu: %s", r->gone + r->at, cause),
                      (long)what);
    return OTA_STEP_BAD;
}

static cr_span unread(const struct ota_reader *r)
{
    return cr_span_sub(cr_buf_span(&r->in), r->at, r->in.n);
}

static void take(struct ota_reader *r, size_t n)
{
    r->at += n;
    if (r->form == OTA_FORM_DEFINITE) {
        r->left -= n;
    }
}

/* The item is not there wholly: wait, or say what is missing. */
static enum ota_step missing(struct ota_reader *r, enum ota_bad_format what, const char *cause,
                             struct cr_err *err)
{
    return r->finished ? fail(r, what, cause, err) : OTA_STEP_MORE;
}

/* ---- lengths ---- */

enum length { LENGTH_OK, LENGTH_SHORT, LENGTH_BAD };

/* A definite BER length at the front of in, of at most four bytes behind the first. */
static enum length take_length(cr_span in, size_t *used, size_t *length)
{
    if (in.n == 0) {
        return LENGTH_SHORT;
    }
    size_t first = in.p[0];
    if (first < 0x80) {
        *used = 1;
        *length = first;
        return LENGTH_OK;
    }
    size_t bytes = first & 0x7F;
    if (bytes == 0 || bytes > 4) {
        return LENGTH_BAD;
    }
    if (in.n < 1 + bytes) {
        return LENGTH_SHORT;
    }
    size_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | in.p[1 + i];
    }
    *used = 1 + bytes;
    *length = value;
    return LENGTH_OK;
}

/* ---- the template ---- */

static enum ota_step start(struct ota_reader *r, struct cr_err *err)
{
    cr_span in = unread(r);
    if (in.n == 0) {
        return missing(r, OTA_FORMAT_WRONG_LENGTH, "the script is empty", err);
    }
    bool commands = r->direction == OTA_COMMANDS;
    uint8_t definite = commands ? OTA_TAG_COMMANDS : OTA_TAG_RESPONSES;
    uint8_t indefinite = commands ? OTA_TAG_COMMANDS_INDEFINITE : OTA_TAG_RESPONSES_INDEFINITE;
    if (in.p[0] != definite && in.p[0] != indefinite) {
        return fail(r, OTA_FORMAT_UNKNOWN_TAG, "no script begins with this tag", err);
    }
    if (in.n == 1) {
        return missing(r, OTA_FORMAT_NO_LENGTH, "the script has no length", err);
    }
    if (in.p[0] == indefinite) {
        if (in.p[1] != INDEFINITE) {
            return fail(r, OTA_FORMAT_WRONG_LENGTH, "the indefinite form has no 80 behind its tag",
                        err);
        }
        r->form = OTA_FORM_INDEFINITE;
        r->at += 2;
        r->state = READER_BODY;
        return OTA_STEP_ITEM;
    }
    size_t used = 0;
    size_t length = 0;
    switch (take_length(cr_span_sub(in, 1, in.n), &used, &length)) {
    case LENGTH_SHORT:
        return missing(r, OTA_FORMAT_NO_LENGTH, "the length of the script is cut", err);
    case LENGTH_BAD:
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "the length of the script is of no definite form",
                    err);
    case LENGTH_OK:
        break;
    }
    if (length > OTA_SCRIPT_MAX - 1 - used) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "the script is too long", err);
    }
    r->at += 1 + used;
    r->left = length;
    r->state = READER_BODY;
    return OTA_STEP_ITEM;
}

static enum ota_step done(struct ota_reader *r, struct cr_err *err)
{
    if (r->at < r->in.n) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "bytes behind the end of the script", err);
    }
    r->state = READER_DONE;
    return OTA_STEP_END;
}

/* ---- items ---- */

static bool scp03t_tag(uint16_t tag)
{
    return (tag >= 0x84 && tag <= 0x88) || (tag >= 0x9F44 && tag <= 0x9F46);
}

/* Is the value of a 22 or 23 an SCP03t TLV of SGP.02? Only one whole TLV of the very lengths that
 * these have: then no APDU with an instruction of any standard, and no answer with a status word
 * that exists, is mistaken for it. */
static bool scp03t_inside(enum ota_direction direction, cr_span value)
{
    struct der_tlv tlv;
    cr_span rest = value;
    if (der_next(&rest, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || rest.n != 0) {
        return false;
    }
    size_t n = tlv.value.n;
    bool command = direction == OTA_COMMANDS;
    bool sealed = n >= 24 && n % 16 == 8;
    switch (tlv.tag) {
    case 0x84:
        return n == (command ? 10U : 32U);
    case 0x85:
        return n == (command ? 17U : 0U);
    case 0x86:
        return sealed || (!command && n == 0);
    case 0x9F44:
    case 0x9F45:
    case 0x9F46:
        return !command && n == 1;
    default:
        return false;
    }
}

/* What a tag may carry. kind is written only when it is known here. */
static bool item_kind(const struct ota_reader *r, uint16_t tag, enum ota_item_kind *kind)
{
    bool commands = r->direction == OTA_COMMANDS;
    if (tag == (commands ? OTA_TAG_C_APDU : OTA_TAG_R_APDU)) {
        *kind = OTA_ITEM_APDU;
    } else if (scp03t_tag(tag) && (tag < 0x100 || !commands)) {
        *kind = OTA_ITEM_SCP03T;
    } else if (tag == OTA_TAG_IMMEDIATE) {
        *kind = OTA_ITEM_IMMEDIATE;
    } else if (tag == OTA_TAG_ERROR_ACTION && commands) {
        *kind = OTA_ITEM_ERROR_ACTION;
    } else if (tag == OTA_TAG_CHAINING && (r->items == 0 || !commands)) {
        *kind = OTA_ITEM_CHAINING;
    } else if (tag == OTA_TAG_COUNT && !commands && r->items == 0) {
        *kind = OTA_ITEM_COUNT;
    } else if (tag == OTA_TAG_BAD_FORMAT && !commands) {
        *kind = OTA_ITEM_BAD_FORMAT;
    } else {
        return false;
    }
    return true;
}

static bool item_length_ok(enum ota_direction direction, enum ota_item_kind kind, size_t n)
{
    switch (kind) {
    case OTA_ITEM_CHAINING:
    case OTA_ITEM_BAD_FORMAT:
        return n == 1;
    case OTA_ITEM_COUNT:
        return n == 1 || n == 2;
    case OTA_ITEM_APDU:
        return direction == OTA_COMMANDS ? n >= OTA_APDU_MIN : n >= R_APDU_MIN;
    case OTA_ITEM_IMMEDIATE:
        return n >= 1;
    case OTA_ITEM_SCP03T:
    case OTA_ITEM_ERROR_ACTION:
        break;
    }
    return true;
}

static uint32_t number_of(enum ota_item_kind kind, cr_span value)
{
    bool number = kind == OTA_ITEM_CHAINING || kind == OTA_ITEM_COUNT ||
                  kind == OTA_ITEM_BAD_FORMAT || (kind == OTA_ITEM_IMMEDIATE && value.n == 1);
    uint32_t v = 0;
    for (size_t i = 0; number && i < value.n; i++) {
        v = v << 8 | value.p[i];
    }
    return v;
}

/* One TLV of the template. */
static enum ota_step next_tlv(struct ota_reader *r, struct ota_item *item, struct cr_err *err)
{
    cr_span in = unread(r);
    bool definite = r->form == OTA_FORM_DEFINITE;
    if (definite && r->left == 0) {
        return done(r, err);
    }
    if (in.n == 0) {
        return missing(r, OTA_FORMAT_WRONG_LENGTH, "the script is cut", err);
    }
    if (definite && in.n > r->left) {
        in.n = r->left; /* nothing of an item lies behind the template */
    }
    bool whole = definite && in.n == r->left; /* no more will come for this item */
    size_t tag_size = in.p[0] == 0x9F ? 2 : 1;
    if (!definite && in.p[0] == 0) {
        if (in.n == 1) {
            return missing(r, OTA_FORMAT_WRONG_LENGTH, "the end of the script is cut", err);
        }
        if (in.p[1] != 0) {
            return fail(r, OTA_FORMAT_UNKNOWN_TAG, "unknown tag 00", err);
        }
        r->at += 2;
        return done(r, err);
    }
    if (in.n <= tag_size) {
        return whole ? fail(r, OTA_FORMAT_NO_LENGTH, "an item has no length", err)
                     : missing(r, OTA_FORMAT_NO_LENGTH, "an item has no length", err);
    }
    uint16_t tag = tag_size == 1 ? in.p[0] : (uint16_t)((unsigned)in.p[0] << 8 | in.p[1]);
    enum ota_item_kind kind = OTA_ITEM_APDU;
    if (!item_kind(r, tag, &kind)) {
        return fail(r, OTA_FORMAT_UNKNOWN_TAG, "a tag that is unknown here", err);
    }
    size_t used = 0;
    size_t length = 0;
    switch (take_length(cr_span_sub(in, tag_size, in.n), &used, &length)) {
    case LENGTH_SHORT:
        return whole ? fail(r, OTA_FORMAT_NO_LENGTH, "the length of an item is cut", err)
                     : missing(r, OTA_FORMAT_NO_LENGTH, "the length of an item is cut", err);
    case LENGTH_BAD:
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "the length of an item is of no definite form",
                    err);
    case LENGTH_OK:
        break;
    }
    size_t header = tag_size + used;
    if (length > OTA_ITEM_MAX || !item_length_ok(r->direction, kind, length) ||
        (definite && length > r->left - header)) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "an item has a length that it cannot have", err);
    }
    if (in.n - header < length) {
        return missing(r, OTA_FORMAT_WRONG_LENGTH, "an item is cut", err);
    }
    if (r->items == OTA_ITEM_COUNT_MAX) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "the script has too many items", err);
    }
    cr_span value = cr_span_sub(in, header, length);
    bool inside = kind == OTA_ITEM_APDU && scp03t_inside(r->direction, value);
    if (kind == OTA_ITEM_APDU && !inside && r->direction == OTA_COMMANDS && length > OTA_APDU_MAX) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "an APDU is too long", err);
    }
    *item = (struct ota_item){
        .kind = inside ? OTA_ITEM_SCP03T : kind,
        .tag = tag,
        .wrapped = inside,
        .value = kind == OTA_ITEM_SCP03T ? cr_span_sub(in, 0, header + length) : value,
        .number = number_of(kind, value),
    };
    take(r, header + length);
    r->items++;
    return OTA_STEP_ITEM;
}

/* ---- compact ---- */

/* Commands without data whose fifth byte is Le: of TS 102 221 and GlobalPlatform, those that
 * TS 102 226 allows. F2 is STATUS with P1 00 to 02 and GET STATUS above. */
static bool compact_has_data(const uint8_t *apdu)
{
    switch (apdu[1]) {
    case 0xB0: /* READ BINARY */
    case 0xB2: /* READ RECORD */
    case 0xC0: /* GET RESPONSE */
    case 0xCA: /* GET DATA */
        return false;
    case 0xF2:
        return apdu[2] > 0x02;
    default:
        return true;
    }
}

static enum ota_step next_compact(struct ota_reader *r, struct ota_item *item, struct cr_err *err)
{
    if (!r->finished) {
        return OTA_STEP_MORE; /* where the last command ends is known from the end only */
    }
    cr_span in = unread(r);
    if (in.n == 0) {
        return done(r, err);
    }
    if (in.n < COMPACT_HEAD) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "a command is cut", err);
    }
    size_t n = COMPACT_HEAD + (compact_has_data(in.p) ? in.p[4] : 0);
    if (n > in.n) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "a command is longer than the script", err);
    }
    if (in.n == n + 1 && n > COMPACT_HEAD) {
        n++; /* Le of the last */
    }
    if (r->items == OTA_ITEM_COUNT_MAX) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "the script has too many commands", err);
    }
    *item = (struct ota_item){
        .kind = OTA_ITEM_APDU, .tag = OTA_TAG_C_APDU, .value = cr_span_sub(in, 0, n)};
    r->at += n;
    r->items++;
    return OTA_STEP_ITEM;
}

/* Count, status word, data: given as the count and an R-APDU. */
static enum ota_step next_compact_response(struct ota_reader *r, struct ota_item *item,
                                           struct cr_err *err)
{
    if (!r->finished) {
        return OTA_STEP_MORE;
    }
    cr_span all = cr_buf_span(&r->in);
    if (all.n == 0 || r->items == 2) {
        r->at = all.n;
        return done(r, err);
    }
    if (all.n < 3) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "a compact response has at least 3 bytes", err);
    }
    r->items++;
    if (r->items == 1) {
        *item = (struct ota_item){.kind = OTA_ITEM_COUNT,
                                  .tag = OTA_TAG_COUNT,
                                  .value = cr_span_sub(all, 0, 1),
                                  .number = all.p[0]};
        return OTA_STEP_ITEM;
    }
    cr_buf_reset(&r->item);
    cr_buf_append_span(&r->item, cr_span_sub(all, 3, all.n));
    cr_buf_append_span(&r->item, cr_span_sub(all, 1, 2));
    if (!cr_buf_ok(&r->item)) {
        return fail(r, OTA_FORMAT_WRONG_LENGTH, "no memory", err);
    }
    *item = (struct ota_item){
        .kind = OTA_ITEM_APDU, .tag = OTA_TAG_R_APDU, .value = cr_buf_span(&r->item)};
    return OTA_STEP_ITEM;
}

enum ota_step ota_reader_next(struct ota_reader *r, struct ota_item *item, struct cr_err *err)
{
    switch (r->state) {
    case READER_START: {
        enum ota_step step = start(r, err);
        if (step != OTA_STEP_ITEM) {
            return step;
        }
        break;
    }
    case READER_BODY:
        break;
    case READER_DONE:
        return done(r, err);
    case READER_BAD:
        return fail(r, r->bad, "the script was broken before", err);
    }
    if (r->form != OTA_FORM_COMPACT) {
        return next_tlv(r, item, err);
    }
    return r->direction == OTA_COMMANDS ? next_compact(r, item, err)
                                        : next_compact_response(r, item, err);
}
