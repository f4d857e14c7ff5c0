/*
 * Text of short messages: alphabets of 3GPP TS 23.038.
 */
#include "ota/sms_internal.h"

#define ESCAPE 0x1B

static const uint16_t basic[128] = {
    0x40,  0xA3, 0x24, 0xA5,  0xE8, 0xE9,  0xF9,  0xEC,  0xF2,  0xC7,  0x0A,  0xD8,  0xF8,
    0x0D,  0xC5, 0xE5, 0x394, 0x5F, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398,
    0x39E, 0x1B, 0xC6, 0xE6,  0xDF, 0xC9,  0x20,  0x21,  0x22,  0x23,  0xA4,  0x25,  0x26,
    0x27,  0x28, 0x29, 0x2A,  0x2B, 0x2C,  0x2D,  0x2E,  0x2F,  0x30,  0x31,  0x32,  0x33,
    0x34,  0x35, 0x36, 0x37,  0x38, 0x39,  0x3A,  0x3B,  0x3C,  0x3D,  0x3E,  0x3F,  0xA1,
    0x41,  0x42, 0x43, 0x44,  0x45, 0x46,  0x47,  0x48,  0x49,  0x4A,  0x4B,  0x4C,  0x4D,
    0x4E,  0x4F, 0x50, 0x51,  0x52, 0x53,  0x54,  0x55,  0x56,  0x57,  0x58,  0x59,  0x5A,
    0xC4,  0xD6, 0xD1, 0xDC,  0xA7, 0xBF,  0x61,  0x62,  0x63,  0x64,  0x65,  0x66,  0x67,
    0x68,  0x69, 0x6A, 0x6B,  0x6C, 0x6D,  0x6E,  0x6F,  0x70,  0x71,  0x72,  0x73,  0x74,
    0x75,  0x76, 0x77, 0x78,  0x79, 0x7A,  0xE4,  0xF6,  0xF1,  0xFC,  0xE0,
};

static const struct {
    uint8_t septet;
    uint16_t unicode;
} extension[] = {{0x0A, 0x0C}, {0x14, 0x5E}, {0x28, 0x7B}, {0x29, 0x7D}, {0x2F, 0x5C},
                 {0x3C, 0x5B}, {0x3D, 0x7E}, {0x3E, 0x5D}, {0x40, 0x7C}, {0x65, 0x20AC}};

static void put_utf8(cr_buf *out, uint32_t c)
{
    if (c < 0x80) {
        cr_buf_append_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        cr_buf_append_byte(out, (uint8_t)(0xC0 | c >> 6));
        cr_buf_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        cr_buf_append_byte(out, (uint8_t)(0xE0 | c >> 12));
        cr_buf_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        cr_buf_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else {
        cr_buf_append_byte(out, (uint8_t)(0xF0 | c >> 18));
        cr_buf_append_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        cr_buf_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        cr_buf_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
    }
}

uint8_t sms_septet(cr_span in, size_t skip, size_t i)
{
    size_t bit = skip + 7 * i;
    unsigned low = bit / 8 < in.n ? in.p[bit / 8] : 0U;
    unsigned high = bit / 8 + 1 < in.n ? in.p[bit / 8 + 1] : 0U;
    return (uint8_t)((low | high << 8) >> bit % 8 & 0x7F);
}

void sms_septets_text(cr_span in, size_t skip, size_t count, cr_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t septet = sms_septet(in, skip, i);
        if (septet != ESCAPE || i + 1 == count) {
            put_utf8(out, septet == ESCAPE ? ' ' : basic[septet]);
            continue;
        }
        septet = sms_septet(in, skip, ++i);
        uint32_t c = basic[septet]; /* 6.2.1.1: what is not in the table shows as the basic one */
        for (size_t k = 0; k < CR_COUNT(extension); k++) {
            if (extension[k].septet == septet) {
                c = extension[k].unicode;
            }
        }
        put_utf8(out, c == ESCAPE ? ' ' : c);
    }
}

/* One character of at most two bytes, which all of the basic table are; 0 = another one. */
static uint32_t take_utf8(cr_span *text)
{
    uint32_t c = text->p[0];
    size_t n = 1;
    if (c >= 0x80) {
        if ((c & 0xE0) != 0xC0 || text->n < 2 || (text->p[1] & 0xC0) != 0x80) {
            return 0;
        }
        c = (c & 0x1F) << 6 | (text->p[1] & 0x3FU);
        n = 2;
    }
    *text = cr_span_of(text->p + n, text->n - n);
    return c;
}

bool sms_text_septets(cr_span text, uint8_t *out, size_t max, size_t *count)
{
    size_t n = 0;
    while (text.n > 0) {
        uint32_t c = take_utf8(&text);
        uint8_t septet = 0;
        while (septet < 128 && (basic[septet] != c || septet == ESCAPE)) {
            septet++;
        }
        if (c == 0 || septet == 128 || n == max) {
            return false;
        }
        out[n++] = septet;
    }
    *count = n;
    return true;
}

/* ---- data coding scheme, TS 23.038 4 ---- */

enum alphabet { ALPHABET_GSM, ALPHABET_8BIT, ALPHABET_UCS2, ALPHABET_COMPRESSED };

static enum alphabet alphabet_bits(unsigned bits)
{
    return bits == 1 ? ALPHABET_8BIT : bits == 2 ? ALPHABET_UCS2 : ALPHABET_GSM;
}

static enum alphabet alphabet_of(uint8_t dcs)
{
    unsigned group = dcs >> 4;
    if (group < 8) {
        return dcs & 0x20 ? ALPHABET_COMPRESSED : alphabet_bits(dcs >> 2 & 3);
    }
    switch (group) {
    case 9: /* with user data header */
        return alphabet_bits(dcs >> 2 & 3);
    case 14: /* message waiting, UCS2 */
        return ALPHABET_UCS2;
    case 15:
        return dcs & 0x04 ? ALPHABET_8BIT : ALPHABET_GSM;
    default: /* message waiting, and what is reserved */
        return ALPHABET_GSM;
    }
}

bool sms_dcs_is_7bit(uint8_t dcs)
{
    return alphabet_of(dcs) == ALPHABET_GSM;
}

bool sms_dcs_is_8bit_class2(uint8_t dcs)
{
    unsigned group = dcs >> 4;
    bool has_class = group == 1 || group == 5 || group == 9 || group == 15;
    return has_class && alphabet_of(dcs) == ALPHABET_8BIT && (dcs & 3) == 2;
}

static void ucs2_text(cr_span in, cr_buf *out)
{
    for (size_t i = 0; i + 1 < in.n; i += 2) {
        uint32_t c = (uint32_t)in.p[i] << 8 | in.p[i + 1];
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < in.n && (in.p[i + 2] & 0xFC) == 0xDC) {
            uint32_t low = (uint32_t)in.p[i + 2] << 8 | in.p[i + 3];
            c = 0x10000 + ((c & 0x3FF) << 10) + (low & 0x3FF);
            i += 2;
        } else if (c >= 0xD800 && c < 0xE000) {
            c = 0xFFFD;
        }
        put_utf8(out, c);
    }
}

bool sms_text(const struct sms_tpdu *t, cr_buf *out)
{
    size_t header = t->has_header && t->ud.n > 0 ? 1U + t->ud.p[0] : 0;
    if (header > t->ud.n) {
        return false;
    }
    switch (alphabet_of(t->dcs)) {
    case ALPHABET_GSM: {
        size_t skipped = (header * 8 + 6) / 7; /* the text begins at a whole septet */
        if (skipped <= t->udl) {
            sms_septets_text(t->ud, skipped * 7, t->udl - skipped, out);
        }
        return true;
    }
    case ALPHABET_UCS2:
        ucs2_text(cr_span_sub(t->ud, header, t->ud.n), out);
        return true;
    case ALPHABET_8BIT:
    case ALPHABET_COMPRESSED:
        break;
    }
    return false;
}
