/*
 * Comma separated values (RFC 4180), record by record from a stream: quotes, doubled quotes, line
 * ends inside quotes, CRLF or LF, an optional UTF-8 byte order mark.
 */
#ifndef CRISP_PROFILE_CSV_H
#define CRISP_PROFILE_CSV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define PROFILE_CSV_MAX_FIELDS 128
#define PROFILE_CSV_MAX_RECORD 65536 /* bytes of one record */

/* Up to n bytes to p, *got = 0 at the end. */
typedef cr_status (*profile_csv_read)(void *ctx, uint8_t *p, size_t n, size_t *got,
                                      struct cr_err *err);

struct profile_csv_row {
    size_t number; /* of the record, the first is 1 */
    cr_span fields[PROFILE_CSV_MAX_FIELDS];
    size_t count;
};

struct profile_csv;
cr_status profile_csv_new(profile_csv_read read, void *ctx, struct profile_csv **out,
                          struct cr_err *err) CR_MUST_CHECK;
/* Over text in memory, which has to outlive the reader. */
cr_status profile_csv_over(cr_span text, struct profile_csv **out,
                           struct cr_err *err) CR_MUST_CHECK;
void profile_csv_free(struct profile_csv *csv); /* wipes: rows hold keys */

/* The next record; its fields live until the next call. *more = false behind the last one. Empty
 * lines are skipped (but counted). CR_MALFORMED with the record number: a quote that does not end,
 * text behind a closing quote, too many fields, too long. */
cr_status profile_csv_next(struct profile_csv *csv, struct profile_csv_row *row, bool *more,
                           struct cr_err *err) CR_MUST_CHECK;

#endif
