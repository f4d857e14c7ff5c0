#include "profile/csv.h"

#include <stdlib.h>

#define CHUNK 16384

struct profile_csv {
    profile_csv_read read;
    void *ctx;
    cr_span text; /* profile_csv_over() */
    uint8_t chunk[CHUNK];
    size_t at, have;
    bool ended;
    size_t number;
    cr_buf record;                             /* fields back to back, without quotes */
    size_t starts[PROFILE_CSV_MAX_FIELDS + 1]; /* of the fields in record */
    size_t fields;
};

cr_status profile_csv_new(profile_csv_read read, void *ctx, struct profile_csv **out,
                          struct cr_err *err)
{
    struct profile_csv *csv = calloc(1, sizeof(*csv));
    if (!csv) {
        return cr_fail_memory(err);
    }
    csv->read = read;
    csv->ctx = ctx;
    csv->record = (cr_buf){.limit = PROFILE_CSV_MAX_RECORD, .secret = true};
    *out = csv;
    return CR_OK;
}

static cr_status read_text(void *ctx, uint8_t *p, size_t n, size_t *got, struct cr_err *err)
{
    struct profile_csv *csv = ctx;
    (void)err;
    *got = csv->text.n < n ? csv->text.n : n;
    if (*got > 0) {
        memcpy(p, csv->text.p, *got);
    }
    csv->text = cr_span_sub(csv->text, *got, csv->text.n);
    return CR_OK;
}

cr_status profile_csv_over(cr_span text, struct profile_csv **out, struct cr_err *err)
{
    CR_TRY(profile_csv_new(read_text, NULL, out, err));
    (*out)->ctx = *out;
    (*out)->text = text;
    return CR_OK;
}

void profile_csv_free(struct profile_csv *csv)
{
    if (csv) {
        cr_buf_free(&csv->record);
        cr_wipe(csv->chunk, sizeof(csv->chunk));
        free(csv);
    }
}

/* Next byte, -1 at the end. */
static cr_status peek(struct profile_csv *csv, int *c, struct cr_err *err)
{
    if (csv->at == csv->have && !csv->ended) {
        csv->at = 0;
        CR_TRY(csv->read(csv->ctx, csv->chunk, sizeof(csv->chunk), &csv->have, err));
        csv->ended = csv->have == 0;
    }
    *c = csv->at < csv->have ? csv->chunk[csv->at] : -1;
    return CR_OK;
}

static cr_status malformed(const struct profile_csv *csv, const char *what, struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, "RFC 4180", "row %zu: %s", csv->number, what);
}

/* Behind an opening quote, up to and with the closing one. */
static cr_status read_quoted(struct profile_csv *csv, struct cr_err *err)
{
    int c;
    for (;;) {
        CR_TRY(peek(csv, &c, err));
        if (c < 0) {
            return malformed(csv, "a quote does not end", err);
        }
        csv->at++;
        if (c == '"') {
            CR_TRY(peek(csv, &c, err));
            if (c != '"') {
                return CR_OK;
            }
            csv->at++;
        }
        cr_buf_append_byte(&csv->record, (uint8_t)c);
        if (!cr_buf_ok(&csv->record)) {
            return malformed(csv, "too long", err);
        }
    }
}

/* One field; *end = the record ends with it. */
static cr_status read_field(struct profile_csv *csv, bool *end, struct cr_err *err)
{
    int c;
    bool quoted = false;
    size_t start = csv->record.n;
    for (;;) {
        CR_TRY(peek(csv, &c, err));
        if (c == '\r') {
            csv->at++;
            CR_TRY(peek(csv, &c, err));
            if (c != '\n' && c >= 0) {
                return malformed(csv, "a carriage return inside a field", err);
            }
        }
        if (c < 0 || c == '\n' || c == ',') {
            csv->at += c >= 0;
            *end = c != ',';
            return CR_OK;
        }
        csv->at++;
        if (c == '"' && csv->record.n == start && !quoted) {
            quoted = true;
            CR_TRY(read_quoted(csv, err));
            continue;
        }
        if (quoted || c == '"') {
            return malformed(csv, "a quote inside a field", err);
        }
        cr_buf_append_byte(&csv->record, (uint8_t)c);
        if (!cr_buf_ok(&csv->record)) {
            return malformed(csv, "too long", err);
        }
    }
}

static cr_status skip_mark(struct profile_csv *csv, struct cr_err *err)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    int c;
    CR_TRY(peek(csv, &c, err));
    if (csv->number == 0 && csv->have - csv->at >= sizeof(mark) &&
        memcmp(csv->chunk + csv->at, mark, sizeof(mark)) == 0) {
        csv->at += sizeof(mark);
    }
    return CR_OK;
}

static cr_status read_record(struct profile_csv *csv, struct cr_err *err)
{
    bool end = false;
    cr_buf_reset(&csv->record);
    csv->number++;
    for (csv->fields = 0; !end; csv->fields++) {
        if (csv->fields == PROFILE_CSV_MAX_FIELDS) {
            return malformed(csv, "too many fields", err);
        }
        csv->starts[csv->fields] = csv->record.n;
        CR_TRY(read_field(csv, &end, err));
    }
    csv->starts[csv->fields] = csv->record.n;
    return CR_OK;
}

cr_status profile_csv_next(struct profile_csv *csv, struct profile_csv_row *row, bool *more,
                           struct cr_err *err)
{
    int c;
    CR_TRY(skip_mark(csv, err));
    do {
        CR_TRY(peek(csv, &c, err));
        if (c < 0) {
            *more = false;
            return CR_OK;
        }
        CR_TRY(read_record(csv, err));
    } while (csv->fields == 1 && csv->record.n == 0);
    row->number = csv->number;
    row->count = csv->fields;
    for (size_t i = 0; i < csv->fields; i++) {
        row->fields[i] = cr_span_sub(cr_buf_span(&csv->record), csv->starts[i],
                                     csv->starts[i + 1] - csv->starts[i]);
    }
    *more = true;
    return CR_OK;
}
