#include "asn1/digits.h"

static uint8_t nibble_at(const struct asn1_field *f, cr_span s, size_t i)
{
    bool low = (i % 2 == 0) == ((f->flags & ASN1_DIGITS_SWAPPED) != 0);
    return low ? s.p[i / 2] & 15 : s.p[i / 2] >> 4;
}

void asn1_digits_append(cr_buf *out, const struct asn1_field *f, cr_span s)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t count = 2 * s.n;
    /* A value of the least size gets all its filler back, a longer one the last half octet. */
    size_t filler = s.n == f->min ? count : count ? 1 : 0;
    for (; filler && nibble_at(f, s, count - 1) == 15; filler--) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        cr_buf_append_byte(out, (uint8_t)digits[nibble_at(f, s, i)]);
    }
}

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool asn1_digits_parse(cr_buf *out, const struct asn1_field *f, cr_span text)
{
    for (size_t i = 0; i < text.n || i / 2 < f->min; i += 2) {
        int first = i < text.n ? digit_value(text.p[i]) : 15;
        int second = i + 1 < text.n ? digit_value(text.p[i + 1]) : 15;
        if (first < 0 || second < 0) {
            return false;
        }
        bool swapped = (f->flags & ASN1_DIGITS_SWAPPED) != 0;
        cr_buf_append_byte(out, (uint8_t)(swapped ? second << 4 | first : first << 4 | second));
    }
    return true;
}

void asn1_version_append(cr_buf *out, cr_span s)
{
    cr_buf_appendf(out, "%u.%u.%u", s.p[0], s.p[1], s.p[2]);
}

bool asn1_version_parse(cr_buf *out, cr_span text)
{
    unsigned part[3] = {0};
    size_t at = 0;
    bool digit = false; /* the part has one */
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == '.' && digit && at < 2) {
            at++;
            digit = false;
        } else if (c >= '0' && c <= '9' && part[at] < 100) {
            part[at] = part[at] * 10 + (unsigned)(c - '0');
            digit = true;
        } else {
            return false;
        }
    }
    if (at != 2 || !digit || part[0] > 255 || part[1] > 255 || part[2] > 255) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        cr_buf_append_byte(out, (uint8_t)part[i]);
    }
    return true;
}
