/*
 * Values of simple rows: text to value and back, and what is allowed.
 */
#include "base/env.h"
#include "base/text.h"
#include "soap/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

size_t soap_row_size(const struct soap_row *row)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_TEXT:
    case SOAP_DIGITS:
    case SOAP_OID:
    case SOAP_VERSION:
    case SOAP_HEX:
    case SOAP_EID:
    case SOAP_RAW:
        return sizeof(cr_span);
    case SOAP_UINT:
    case SOAP_TIME:
        return sizeof(int64_t);
    case SOAP_BOOL:
        return sizeof(bool);
    case SOAP_ENUM:
        return sizeof(int);
    case SOAP_COMPLEX:
        return row->type->size;
    }
    return 0;
}

static bool is_hex_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Numbers between single dots, none with a leading zero but zero itself; exactly parts of them when
 * parts is not 0. */
static bool dotted(cr_span s, unsigned parts)
{
    unsigned count = 0;
    size_t at = 0;
    while (at < s.n) {
        size_t start = at;
        while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9') {
            at++;
        }
        if (at == start || at - start > 39 || (s.p[start] == '0' && at - start > 1)) {
            return false;
        }
        count++;
        if (at == s.n) {
            break;
        }
        if (s.p[at] != '.' || ++at == s.n) {
            return false;
        }
    }
    return parts ? count == parts : count > 0;
}

static uint32_t limit_of(const struct soap_row *row, uint32_t standard)
{
    return row->max ? row->max : standard;
}

static const char *check_span(const struct soap_row *row, cr_span s)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_TEXT:
        if (s.n < row->min) {
            return "is empty";
        }
        if (s.n > limit_of(row, SOAP_MAX_TEXT)) {
            return "is too long";
        }
        return cr_utf8_valid(s) ? NULL : "is no UTF-8";
    case SOAP_DIGITS:
        if (s.n < row->min || s.n > limit_of(row, SOAP_MAX_TEXT)) {
            return "has a wrong number of digits";
        }
        return cr_is_digits(s) ? NULL : "must be decimal digits";
    case SOAP_OID:
        if (s.n > limit_of(row, 128)) {
            return "is too long";
        }
        return dotted(s, 0) ? NULL : "must be numbers with dots between them";
    case SOAP_VERSION:
        return dotted(s, 3) ? NULL : "must be a version of three numbers (n.n.n)";
    case SOAP_HEX:
        if (s.n < row->min || s.n > limit_of(row, SOAP_MAX_HEX)) {
            return "has a wrong number of bytes";
        }
        return NULL;
    case SOAP_EID:
        for (size_t i = 0; i < s.n; i++) {
            if ((s.p[i] >> 4) > 9 || (s.p[i] & 0xF) > 9) {
                return "must be 32 decimal digits";
            }
        }
        return s.n == 16 ? NULL : "must be 32 decimal digits";
    case SOAP_RAW:
        return s.n && s.n <= limit_of(row, SOAP_MAX_RAW) ? NULL : "is too long";
    case SOAP_UINT:
    case SOAP_TIME:
    case SOAP_BOOL:
    case SOAP_ENUM:
    case SOAP_COMPLEX:
        break;
    }
    return "is of no simple kind";
}

static const char *check_number(const struct soap_row *row, int64_t v)
{
    int64_t most = row->max ? (int64_t)row->max : SOAP_MAX_UINT;
    return v >= (int64_t)row->min && v <= most ? NULL : "is out of range";
}

static const char *check_enum(const struct soap_row *row, int v)
{
    if (v < 1) {
        return "is none of the values of the standard";
    }
    for (int i = 0; row->names[i]; i++) {
        if (i == v - 1) {
            return NULL;
        }
    }
    return "is none of the values of the standard";
}

const char *soap_row_check(const struct soap_row *row, const void *value)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_UINT:
        return check_number(row, *(const int64_t *)value);
    case SOAP_TIME:
        return *(const int64_t *)value >= 0 ? NULL : "is before 1970";
    case SOAP_BOOL:
    case SOAP_COMPLEX:
        return NULL;
    case SOAP_ENUM:
        return check_enum(row, *(const int *)value);
    case SOAP_TEXT:
    case SOAP_DIGITS:
    case SOAP_OID:
    case SOAP_VERSION:
    case SOAP_HEX:
    case SOAP_EID:
    case SOAP_RAW:
        break;
    }
    return check_span(row, *(const cr_span *)value);
}

void soap_row_text(const struct soap_row *row, const void *value, cr_buf *out)
{
    char time[CR_TIME_TEXT];
    switch ((enum soap_kind)row->kind) {
    case SOAP_TEXT:
    case SOAP_DIGITS:
    case SOAP_OID:
    case SOAP_VERSION:
    case SOAP_RAW:
        cr_buf_append_span(out, *(const cr_span *)value);
        break;
    case SOAP_HEX:
    case SOAP_EID:
        cr_hex_append(out, *(const cr_span *)value);
        break;
    case SOAP_UINT:
        cr_buf_appendf(out, "%" PRId64, *(const int64_t *)value);
        break;
    case SOAP_TIME:
        cr_buf_append_str(out, cr_time_format(time, *(const int64_t *)value));
        break;
    case SOAP_BOOL:
        cr_buf_append_str(out, *(const bool *)value ? "true" : "false");
        break;
    case SOAP_ENUM:
        cr_buf_append_str(out, row->names[*(const int *)value - 1]);
        break;
    case SOAP_COMPLEX:
        break;
    }
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static cr_span trimmed(cr_span s)
{
    while (s.n && is_blank(s.p[0])) {
        s = cr_span_sub(s, 1, s.n - 1);
    }
    while (s.n && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

static const char *read_hex(const struct soap_row *row, cr_span text, cr_arena *arena, cr_span *out)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!is_hex_digit(text.p[i])) {
            return "must be hexadecimal digits";
        }
    }
    if (text.n % 2) {
        return "has half a byte";
    }
    size_t n = text.n / 2;
    if (n > limit_of(row, SOAP_MAX_HEX)) {
        return "has a wrong number of bytes";
    }
    uint8_t *bytes = cr_arena_alloc(arena, n);
    if (!bytes || !cr_hex_fixed(bytes, n, text)) {
        return "does not fit into memory";
    }
    *out = cr_span_of(bytes, n);
    return NULL;
}

static const char *read_number(cr_span text, int64_t *out)
{
    if (!cr_is_digits(text) || text.n > 18) {
        return "must be a whole number";
    }
    int64_t v = 0;
    for (size_t i = 0; i < text.n; i++) {
        v = v * 10 + (text.p[i] - '0');
    }
    *out = v;
    return NULL;
}

static const char *read_enum(const struct soap_row *row, cr_span text, int *out)
{
    for (int i = 0; row->names[i]; i++) {
        if (cr_span_equal_nocase(text, cr_span_str(row->names[i]))) {
            *out = i + 1;
            return NULL;
        }
    }
    return "is none of the values of the standard";
}

static const char *read_bool(cr_span text, bool *out)
{
    if (cr_span_equal(text, cr_span_str("true")) || cr_span_equal(text, cr_span_str("1"))) {
        *out = true;
    } else if (cr_span_equal(text, cr_span_str("false")) || cr_span_equal(text, cr_span_str("0"))) {
        *out = false;
    } else {
        return "must be true or false";
    }
    return NULL;
}

const char *soap_row_read(const struct soap_row *row, cr_span text, cr_arena *arena, void *value)
{
    union {
        cr_span span;
        int64_t number;
        bool flag;
        int name;
    } v = {.number = 0};
    const char *wrong = NULL;
    if (row->kind != SOAP_TEXT) {
        text = trimmed(text);
    }
    switch ((enum soap_kind)row->kind) {
    case SOAP_HEX:
    case SOAP_EID:
        wrong = read_hex(row, text, arena, &v.span);
        break;
    case SOAP_UINT:
        wrong = read_number(text, &v.number);
        break;
    case SOAP_TIME:
        wrong = cr_time_parse(text, &v.number) ? NULL : "must be a date and time";
        break;
    case SOAP_BOOL:
        wrong = read_bool(text, &v.flag);
        break;
    case SOAP_ENUM:
        wrong = read_enum(row, text, &v.name);
        break;
    case SOAP_TEXT:
    case SOAP_DIGITS:
    case SOAP_OID:
    case SOAP_VERSION:
    case SOAP_RAW:
        /* Checked before it is copied: what is too long takes no memory. */
        wrong = check_span(row, text);
        if (!wrong) {
            v.span = cr_arena_copy(arena, text);
            wrong = v.span.p ? NULL : "does not fit into memory";
        }
        break;
    case SOAP_COMPLEX:
        return "is of no simple kind";
    }
    if (!wrong) {
        wrong = soap_row_check(row, &v);
    }
    if (!wrong) {
        memcpy(value, &v, soap_row_size(row));
    }
    return wrong;
}
