/*
 * Text of short messages: alphabets of 3GPP TS 23.038.
 */
#include "base/gsm7.h"
#include "ota/sms_internal.h"

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
        uint32_t c = cr_gsm7[septet];
        if (septet == CR_GSM7_ESCAPE && i + 1 < count) {
            septet = sms_septet(in, skip, ++i);
            uint32_t extended = cr_gsm7_extension(septet);
            c = extended ? extended : cr_gsm7[septet]; /* 6.2.1.1: else as in the basic table */
        }
        cr_utf8_append(out, c ? c : ' ');
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
        int septet = cr_gsm7_code(c);
        if (septet < 0 || n == max) {
            return false;
        }
        out[n++] = (uint8_t)septet;
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
        cr_utf8_append(out, c);
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
