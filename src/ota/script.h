/*
 * Scripts of remote commands (ETSI TS 102 226 clause 5; SGP.02 4.1.3.3 for SCP03t inside).
 *
 *   compact              C-APDUs one behind the other; the answer is count, SW, data of the last
 *   expanded, definite   AA L { .. } and AB L { .. }
 *   expanded, indefinite AE 80 .. 00 00 and AF 80 .. 00 00
 *
 * The reader takes a script in pieces as they come from the link and gives one item at a time; it
 * holds what was fed and not read yet. Each length is checked against what encloses it before it is
 * used. The writer makes any of the forms. Lengths are BER, minimal when written, any definite form
 * up to four bytes when read.
 */
#ifndef CRISP_OTA_SCRIPT_H
#define CRISP_OTA_SCRIPT_H

#include "base/buf.h"
#include "base/error.h"

#define OTA_SCRIPT_MAX     65536 /* bytes of a script, all of it */
#define OTA_ITEM_MAX       8192  /* bytes of one item's value: an HTTPS body of SGP.02 */
#define OTA_ITEM_COUNT_MAX 1024  /* items of a script */
#define OTA_RESPONSE_MAX   4096 /* bytes of response script that a card buffers (the card's rule) */
#define OTA_HTTP_BODY_MAX  8192 /* bytes of a script in one HTTPS body (the server's rule) */
#define OTA_APDU_MIN       4
#define OTA_APDU_MAX       261

enum ota_form {
    OTA_FORM_COMPACT,
    OTA_FORM_DEFINITE,
    OTA_FORM_INDEFINITE,
};

/* Tags of templates and items. */
#define OTA_TAG_COMMANDS             0xAA
#define OTA_TAG_RESPONSES            0xAB
#define OTA_TAG_COMMANDS_INDEFINITE  0xAE
#define OTA_TAG_RESPONSES_INDEFINITE 0xAF
#define OTA_TAG_C_APDU               0x22
#define OTA_TAG_R_APDU               0x23
#define OTA_TAG_COUNT                0x80 /* response: number of executed commands */
#define OTA_TAG_IMMEDIATE            0x81
#define OTA_TAG_ERROR_ACTION         0x82
#define OTA_TAG_CHAINING             0x83
#define OTA_TAG_BAD_FORMAT           0x90 /* response */

/* Values of tag 90. */
enum ota_bad_format {
    OTA_FORMAT_OK = 0,
    OTA_FORMAT_UNKNOWN_TAG = 1,
    OTA_FORMAT_WRONG_LENGTH = 2,
    OTA_FORMAT_NO_LENGTH = 3,
};

/* Values of tag 83 in a command, and in a response. */
#define OTA_CHAIN_FIRST       0x01 /* forget on reset */
#define OTA_CHAIN_FIRST_KEEP  0x11 /* keep over a reset */
#define OTA_CHAIN_MIDDLE      0x02
#define OTA_CHAIN_LAST        0x03
#define OTA_CHAIN_NO_PREVIOUS 0x01 /* response */
#define OTA_CHAIN_UNSUPPORTED 0x02
#define OTA_CHAIN_UNABLE      0x03

/* Values of tag 81 with one byte. */
#define OTA_IMMEDIATE_PROACTIVE 0x81
#define OTA_IMMEDIATE_EARLY     0x82

enum ota_item_kind {
    OTA_ITEM_APDU,      /* C-APDU (22 or compact), R-APDU (23) */
    OTA_ITEM_SCP03T,    /* 84..88 in a command; 84..88, 9F44..9F46 in a response. value is the whole
                           TLV, bare or as it was inside 22 / 23 */
    OTA_ITEM_IMMEDIATE, /* 81 */
    OTA_ITEM_ERROR_ACTION, /* 82 */
    OTA_ITEM_CHAINING,     /* 83 */
    OTA_ITEM_COUNT,        /* 80, response */
    OTA_ITEM_BAD_FORMAT,   /* 90, response */
};

struct ota_item {
    enum ota_item_kind kind;
    uint16_t tag;    /* as received: 22, 23, 80..88, 9F44..; compact: 22 or 23 */
    bool wrapped;    /* SCP03T inside 22 or 23 */
    cr_span value;   /* see kind; valid until the next call of the reader */
    uint32_t number; /* CHAINING, COUNT, BAD_FORMAT: the value; IMMEDIATE of one byte: that byte */
};

/* ---- reading ---- */

enum ota_direction { OTA_COMMANDS, OTA_RESPONSES };

enum ota_step {
    OTA_STEP_ITEM, /* *item is there */
    OTA_STEP_MORE, /* feed more */
    OTA_STEP_END,  /* the script ended where it should */
    OTA_STEP_BAD   /* broken: see ota_reader_bad(); stays so */
};

struct ota_reader;

/* A reader for one script. compact: the content is compact (tells nothing of itself, TS 102 226
 * 5.1: the card knows by the TAR); else AA/AB/AE/AF decides. 83 anywhere but in front is an unknown
 * tag. */
cr_status ota_reader_new(enum ota_direction direction, bool compact, struct ota_reader **out,
                         struct cr_err *err) CR_MUST_CHECK;
void ota_reader_free(struct ota_reader *r); /* wipes */

/* Adds bytes (copied). CR_MALFORMED beyond OTA_SCRIPT_MAX in all. */
cr_status ota_reader_feed(struct ota_reader *r, cr_span bytes, struct cr_err *err) CR_MUST_CHECK;

/* No more bytes will come: what is missing then is an error (needed for compact, and to notice a
 * script that was cut). */
void ota_reader_finish(struct ota_reader *r);

enum ota_step ota_reader_next(struct ota_reader *r, struct ota_item *item,
                              struct cr_err *err) CR_MUST_CHECK;

/* After OTA_STEP_BAD: what a card puts into tag 90. */
enum ota_bad_format ota_reader_bad(const struct ota_reader *r);

/* The form found, once the first bytes were there. */
enum ota_form ota_reader_form(const struct ota_reader *r);

/* ---- writing ---- */

/* A script that grows in out, behind what is there. Not to be copied. */
struct ota_writer {
    cr_buf *out;
    size_t start; /* where the script begins in out */
    enum ota_form form;
    enum ota_direction direction;
    uint32_t count; /* compact responses: executed commands so far */
};

/* OTA_FORM_COMPACT has no template. */
void ota_writer_begin(struct ota_writer *w, enum ota_form form, enum ota_direction direction,
                      cr_buf *out);

/* Items, in the order of the script. An APDU outside OTA_APDU_MIN..OTA_APDU_MAX, or a thing that
 * the form cannot carry (compact: APDUs only) is CR_MALFORMED. */
cr_status ota_writer_chaining(struct ota_writer *w, uint8_t value,
                              struct cr_err *err) CR_MUST_CHECK;
cr_status ota_writer_command(struct ota_writer *w, cr_span apdu, struct cr_err *err) CR_MUST_CHECK;
/* A complete TLV, bare: SCP03t, 81, 82. */
cr_status ota_writer_tlv(struct ota_writer *w, cr_span tlv, struct cr_err *err) CR_MUST_CHECK;
/* data and status word; compact: only the last one's data is kept. Up to 65535 bytes of data. */
cr_status ota_writer_response(struct ota_writer *w, cr_span data, uint16_t sw,
                              struct cr_err *err) CR_MUST_CHECK;
/* The number of executed commands (80) is counted by the writer, one for each response and each TLV
 * of 84 and above, and put in front of the definite response script by ota_writer_end(). Cards
 * leave it out of the indefinite form, and so does the writer: nothing has to be held back. */

/* Response: 90. */
cr_status ota_writer_bad_format(struct ota_writer *w, enum ota_bad_format what,
                                struct cr_err *err) CR_MUST_CHECK;

/* Closes the template (length, or 00 00). CR_RESOURCE when out failed: it is as at the beginning.
 */
cr_status ota_writer_end(struct ota_writer *w, struct cr_err *err) CR_MUST_CHECK;

#endif
