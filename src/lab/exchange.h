/*
 * Exchanges with a card in words: one line for a command and its answer.
 *
 * A session follows what is selected on each logical channel from the commands themselves, so it
 * works for a chip in this process, for a reader and for a recording. What it says of a file it
 * knows by the template tables (lab/names.h). Commands of any content and length are taken.
 */
#ifndef CRISP_LAB_EXCHANGE_H
#define CRISP_LAB_EXCHANGE_H

#include "lab/answer.h"
#include "lab/names.h"

#define LAB_CHANNELS 20

/* What a channel has selected. */
struct lab_channel {
    bool open;
    struct lab_place df; /* current DF or application */
    struct lab_place ef;
    bool has_ef;
    bool has_fcp; /* the file's own FCP came */
    enum lab_file_kind kind;
    uint32_t size;
    uint16_t record_length;
    uint8_t records;

    /* The command whose answer GET RESPONSE will bring. */
    uint8_t ins, p1, p2;
    bool data_is_whole;     /* a read from the beginning of the file, or of a record */
    struct lab_place about; /* the file it is about */
    bool has_about;

    /* A function of the ISD-R that comes in blocks. */
    const char *function;  /* "ES10c.EnableProfile"; NULL = not known */
    uint32_t function_tag; /* 0 = none */
    cr_buf answer;         /* data of the answer as far as it came */
};

struct lab_session {
    struct lab_channel channel[LAB_CHANNELS];
};

void lab_session_init(struct lab_session *s);
void lab_session_free(struct lab_session *s); /* NULL allowed */
/* Power on or reset: everything is as at the beginning. */
void lab_session_reset(struct lab_session *s);

/* Logical channel that a class byte names. */
unsigned lab_channel_of(uint8_t cla);

/* Takes note of one exchange and appends the line, without newline: "0 SELECT MF/ADF.USIM: 61 ...".
 * Values of PINs are not shown, nor is what is protected by keys. response may be absent (none
 * came). */
void lab_exchange_text(struct lab_session *s, cr_span command, cr_span response, cr_buf *line);

/* What the answer holds, line by line, for a shell: FCP, contents of known files, messages. Appends
 * nothing when there is nothing to tell. To be called behind lab_exchange_text() for the same
 * exchange. */
void lab_answer_text(const struct lab_session *s, cr_span command, cr_span response, cr_buf *out);

#endif
