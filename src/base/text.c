#include "base/text.h"

#include <stdio.h>

static const char HEX_DIGITS[] = "0123456789ABCDEF";

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void cr_hex_append(cr_buf *b, cr_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        cr_buf_append_byte(b, (uint8_t)HEX_DIGITS[s.p[i] >> 4]);
        cr_buf_append_byte(b, (uint8_t)HEX_DIGITS[s.p[i] & 15]);
    }
}

char *cr_hex_into(char *out, size_t size, cr_span s)
{
    size_t at = 0;
    for (size_t i = 0; i < s.n && at + 2 < size; i++) {
        out[at++] = HEX_DIGITS[s.p[i] >> 4];
        out[at++] = HEX_DIGITS[s.p[i] & 15];
    }
    if (size) {
        out[at] = 0;
    }
    return out;
}

char *cr_hex(cr_arena *a, cr_span s)
{
    size_t size = 2 * s.n + 1;
    char *out = cr_arena_alloc(a, size);
    return out ? cr_hex_into(out, size, s) : NULL;
}

cr_status cr_hex_decode(cr_buf *out, cr_span text, struct cr_err *err)
{
    size_t i = 0;
    while (i < text.n) {
        if (is_space(text.p[i]) || text.p[i] == ':') {
            i++;
            continue;
        }
        int high = hex_value(text.p[i]);
        int low = i + 1 < text.n ? hex_value(text.p[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return cr_fail(err, CR_MALFORMED, NULL, "not hexadecimal at character %zu", i + 1);
        }
        cr_buf_append_byte(out, (uint8_t)(high << 4 | low));
        i += 2;
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

bool cr_hex_fixed(uint8_t *out, size_t n, cr_span text)
{
    if (text.n != 2 * n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(text.p[2 * i]);
        int low = hex_value(text.p[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void cr_base64_append(cr_buf *b, cr_span s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *at = cr_buf_extend(b, (s.n + 2) / 3 * 4);
    if (!at) {
        return;
    }
    size_t i = 0;
    for (; i + 2 < s.n; i += 3) {
        uint32_t v = (uint32_t)s.p[i] << 16 | (uint32_t)s.p[i + 1] << 8 | s.p[i + 2];
        *at++ = (uint8_t)digits[v >> 18];
        *at++ = (uint8_t)digits[v >> 12 & 63];
        *at++ = (uint8_t)digits[v >> 6 & 63];
        *at++ = (uint8_t)digits[v & 63];
    }
    size_t left = s.n - i;
    if (left) {
        uint32_t v = (uint32_t)s.p[i] << 16 | (left == 2 ? (uint32_t)s.p[i + 1] << 8 : 0);
        *at++ = (uint8_t)digits[v >> 18];
        *at++ = (uint8_t)digits[v >> 12 & 63];
        *at++ = left == 2 ? (uint8_t)digits[v >> 6 & 63] : (uint8_t)'=';
        *at++ = '=';
    }
}

/* Value of a base64 digit of either alphabet (RFC 4648 clauses 4 and 5); 0xFF = no digit. */
static const uint8_t BASE64_VALUES[256] = {
#define NO4     0xFF, 0xFF, 0xFF, 0xFF
#define NO16    NO4, NO4, NO4, NO4
#define RUN5(v) (v), (v) + 1, (v) + 2, (v) + 3, (v) + 4
    NO16,     NO16, /* 00..1F */
    NO4,      NO4,      0xFF,     0xFF,     0xFF,     62,       0xFF, 62,   0xFF,
    63,                                          /* '+' 2B, '-' 2D, '/' 2F */
    RUN5(52), RUN5(57), 0xFF,     0xFF,     NO4, /* digits */
    0xFF,     RUN5(0),  RUN5(5),  RUN5(10), RUN5(15), RUN5(20), 25,   NO4,  63,   /* A..Z, '_' 5F */
    0xFF,     RUN5(26), RUN5(31), RUN5(36), RUN5(41), RUN5(46), 51,   NO4,  0xFF, /* a..z */
    NO16,     NO16,     NO16,     NO16,     NO16,     NO16,     NO16, NO16,       /* 80..FF */
#undef NO4
#undef NO16
#undef RUN5
};

/* Whole groups of four digits from the front of *text, as far as they go without anything else in
 * between: nearly always all of it. */
static void base64_groups(cr_buf *out, cr_span *text)
{
    uint8_t *to = out->p + out->n;
    const uint8_t *at = text->p;
    const uint8_t *end = text->p + text->n;
    while (end - at >= 4) {
        uint8_t a = BASE64_VALUES[at[0]];
        uint8_t b = BASE64_VALUES[at[1]];
        uint8_t c = BASE64_VALUES[at[2]];
        uint8_t d = BASE64_VALUES[at[3]];
        if ((a | b | c | d) > 63) {
            break;
        }
        to[0] = (uint8_t)(a << 2 | b >> 4);
        to[1] = (uint8_t)(b << 4 | c >> 2);
        to[2] = (uint8_t)(c << 6 | d);
        to += 3;
        at += 4;
    }
    out->n = (size_t)(to - out->p);
    *text = cr_span_of(at, (size_t)(end - at));
}

cr_status cr_base64_decode(cr_buf *out, cr_span text, struct cr_err *err)
{
    cr_span whole = text;
    uint32_t bits = 0;
    unsigned have = 0;  /* digits of the current group of four */
    size_t padding = 0; /* '=' seen: nothing but white space and '=' may follow */
    if (!cr_buf_reserve(out, text.n / 4 * 3 + 3)) {
        return cr_fail_memory(err);
    }
    while (text.n > 0) {
        if (have == 0 && padding == 0) {
            base64_groups(out, &text);
            if (text.n == 0) {
                break;
            }
        }
        uint8_t c = text.p[0];
        text = cr_span_sub(text, 1, text.n);
        if (is_space(c)) {
            continue;
        }
        if (c == '=') {
            padding++;
            continue;
        }
        uint8_t value = BASE64_VALUES[c];
        if (value > 63 || padding) {
            return cr_fail(err, CR_MALFORMED, NULL, "not base64 at character %zu",
                           whole.n - text.n);
        }
        bits = bits << 6 | value;
        if (++have == 4) {
            cr_buf_append_be(out, bits, 3);
            bits = 0;
            have = 0;
        }
    }
    if (have == 1 || padding > 2 || (padding && have + padding != 4)) {
        return cr_fail(err, CR_MALFORMED, NULL, "base64 ends in the middle of a group");
    }
    if (have == 2) {
        cr_buf_append_byte(out, (uint8_t)(bits >> 4));
    } else if (have == 3) {
        cr_buf_append_be(out, bits >> 2, 2);
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* Bytes that follow a lead byte and the smallest code point of that length; 0xFF = not a lead. */
static unsigned utf8_tail(uint8_t lead, uint32_t *value, uint32_t *smallest)
{
    if (lead < 0x80) {
        *value = lead;
        *smallest = 0;
        return 0;
    }
    if ((lead & 0xE0) == 0xC0) {
        *value = lead & 0x1F;
        *smallest = 0x80;
        return 1;
    }
    if ((lead & 0xF0) == 0xE0) {
        *value = lead & 0x0F;
        *smallest = 0x800;
        return 2;
    }
    if ((lead & 0xF8) == 0xF0) {
        *value = lead & 0x07;
        *smallest = 0x10000;
        return 3;
    }
    return 0xFF;
}

bool cr_utf8_valid(cr_span s)
{
    size_t i = 0;
    while (i < s.n) {
        uint32_t value = 0;
        uint32_t smallest = 0;
        unsigned tail = utf8_tail(s.p[i++], &value, &smallest);
        if (tail == 0xFF || s.n - i < tail) {
            return false;
        }
        for (; tail; tail--, i++) {
            if ((s.p[i] & 0xC0) != 0x80) {
                return false;
            }
            value = value << 6 | (s.p[i] & 0x3F);
        }
        if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
            return false;
        }
    }
    return true;
}

void cr_text_clean(char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint8_t lead = (uint8_t)text[i];
        size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0x80 ? 2 : 1;
        bool whole = size <= n - i && cr_utf8_valid(cr_span_of(text + i, size));
        bool c1 = lead == 0xC2 && whole && (uint8_t)text[i + 1] < 0xA0;
        if (whole && !c1 && lead >= 0x20 && lead != 0x7F) {
            i += size;
        } else {
            text[i++] = '?';
        }
    }
}

#define MAX_WORD 32

/* Levenshtein */
static unsigned distance(const char *a, const char *b)
{
    size_t na = strlen(a);
    size_t nb = strlen(b);
    unsigned row[MAX_WORD + 1];
    if (na > MAX_WORD || nb > MAX_WORD) {
        return MAX_WORD;
    }
    for (size_t j = 0; j <= nb; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned above = row[j];
            unsigned best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[nb];
}

bool cr_text_nearer(const char *candidate, const char *word, unsigned *least)
{
    unsigned d = distance(candidate, word);
    if (d >= *least) {
        return false;
    }
    *least = d;
    return true;
}

bool cr_is_digits(cr_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    return s.n > 0;
}

bool cr_str_copy(char *out, size_t size, cr_span s)
{
    if (size == 0) {
        return false;
    }
    size_t n = s.n < size ? s.n : size - 1;
    if (n) {
        memcpy(out, s.p, n);
    }
    out[n] = 0;
    return n == s.n;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool cr_span_equal_nocase(cr_span a, cr_span b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}
