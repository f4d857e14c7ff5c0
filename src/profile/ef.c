/*
 * Identities, networks, texts and numbers: what people write, as the bytes of files and back.
 */
#include "profile/ef_parts.h"

#include "asn1/der.h"
#include "base/gsm7.h"
#include "base/text.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ digits */

#define NIBBLE_FILL PROFILE_EF_FILL

/* Digits into nibbles, low nibble first when swapped, F behind them. */
static void pack(cr_span digits, bool swapped, uint8_t *out, size_t n)
{
    memset(out, 0xFF, n);
    for (size_t i = 0; i < digits.n && i / 2 < n; i++) {
        uint8_t value = (uint8_t)(digits.p[i] - '0');
        bool low = (i % 2 == 0) == swapped;
        uint8_t *byte = &out[i / 2];
        *byte = (uint8_t)(low ? (*byte & 0xF0) | value : (*byte & 0x0F) | value << 4);
    }
}

/* Nibbles to digits up to the filler; false when there is anything but digits and trailing F. */
bool profile_ef_digits(cr_span in, bool swapped, char *out, size_t size)
{
    size_t n = 0;
    bool ended = false;
    out[0] = 0;
    for (size_t i = 0; i < in.n * 2; i++) {
        bool low = (i % 2 == 0) == swapped;
        uint8_t nibble = low ? in.p[i / 2] & 0x0F : in.p[i / 2] >> 4;
        ended = ended || nibble == NIBBLE_FILL;
        if (ended ? nibble != NIBBLE_FILL : (nibble > 9 || n + 1 >= size)) {
            out[0] = 0;
            return false;
        }
        if (!ended) {
            out[n++] = (char)('0' + nibble);
        }
    }
    out[n] = 0;
    return true;
}

static cr_status need_digits(cr_span digits, size_t least, size_t most, const char *what,
                             struct cr_err *err)
{
    if (!cr_is_digits(digits) || digits.n < least || digits.n > most) {
        return least == most ? cr_fail(err, CR_MALFORMED, NULL, "%s has %zu digits", what, least)
                             : cr_fail(err, CR_MALFORMED, NULL, "%s has %zu to %zu digits", what,
                                       least, most);
    }
    return CR_OK;
}

cr_status profile_iccid_encode(cr_span digits, uint8_t out[PROFILE_ICCID], struct cr_err *err)
{
    CR_TRY(need_digits(digits, 18, 20, "an ICCID", err));
    pack(digits, true, out, PROFILE_ICCID);
    return CR_OK;
}

cr_status profile_iccid_plain(cr_span digits, uint8_t out[PROFILE_ICCID], struct cr_err *err)
{
    CR_TRY(need_digits(digits, 18, 20, "an ICCID", err));
    pack(digits, false, out, PROFILE_ICCID);
    return CR_OK;
}

const char *profile_iccid_text(cr_span ef, char out[PROFILE_ICCID_TEXT])
{
    (void)profile_ef_digits(ef, true, out, PROFILE_ICCID_TEXT);
    return out;
}

const char *profile_iccid_plain_text(cr_span iccid, char out[PROFILE_ICCID_TEXT])
{
    (void)profile_ef_digits(iccid, false, out, PROFILE_ICCID_TEXT);
    return out;
}

/* Length, then digit 1 with the parity nibble (9 odd, 1 even), then swapped pairs. */
cr_status profile_imsi_encode(cr_span digits, uint8_t out[PROFILE_IMSI], struct cr_err *err)
{
    CR_TRY(need_digits(digits, 6, 15, "an IMSI", err));
    memset(out, 0xFF, PROFILE_IMSI);
    out[0] = (uint8_t)(digits.n / 2 + 1);
    out[1] = (uint8_t)((digits.p[0] - '0') << 4 | (digits.n % 2 ? 0x09 : 0x01));
    pack(cr_span_sub(digits, 1, digits.n), true, out + 2, PROFILE_IMSI - 2);
    return CR_OK;
}

const char *profile_imsi_text(cr_span ef, char out[PROFILE_IMSI_TEXT])
{
    out[0] = 0;
    if (ef.n < 2 || ef.p[0] < 1 || ef.p[0] > PROFILE_IMSI - 1 || ef.p[0] + 1u > ef.n ||
        ef.p[1] >> 4 > 9) {
        return out;
    }
    if (profile_ef_digits(cr_span_sub(ef, 2, ef.p[0] - 1u), true, out + 1, PROFILE_IMSI_TEXT - 1)) {
        out[0] = (char)('0' + (ef.p[1] >> 4));
    }
    return out;
}

cr_status profile_pin_encode(cr_span digits, uint8_t out[PROFILE_CODE], struct cr_err *err)
{
    CR_TRY(need_digits(digits, 4, PROFILE_CODE, "a PIN", err));
    memset(out, 0xFF, PROFILE_CODE);
    memcpy(out, digits.p, digits.n);
    return CR_OK;
}

cr_status profile_puk_encode(cr_span digits, uint8_t out[PROFILE_CODE], struct cr_err *err)
{
    CR_TRY(need_digits(digits, PROFILE_CODE, PROFILE_CODE, "a PUK", err));
    memcpy(out, digits.p, PROFILE_CODE);
    return CR_OK;
}

cr_status profile_adm_encode(cr_span text, uint8_t out[PROFILE_CODE], struct cr_err *err)
{
    if (text.n == (size_t)2 * PROFILE_CODE) {
        return cr_hex_fixed(out, PROFILE_CODE, text)
                   ? CR_OK
                   : cr_fail(err, CR_MALFORMED, NULL, "an ADM key of 16 characters is hex");
    }
    if (!cr_is_digits(text) || text.n < 4 || text.n > PROFILE_CODE) {
        return cr_fail(err, CR_MALFORMED, NULL, "an ADM key has 4 to 8 digits or 16 hex digits");
    }
    return profile_pin_encode(text, out, err);
}

static cr_status acc_list(cr_span text, unsigned *bits, struct cr_err *err)
{
    for (bool more = true; more;) {
        const uint8_t *comma = text.n ? memchr(text.p, ',', text.n) : NULL;
        cr_span word = cr_span_sub(text, 0, comma ? (size_t)(comma - text.p) : text.n);
        unsigned n = 0;
        more = comma != NULL;
        text = cr_span_sub(text, word.n + more, text.n);
        for (size_t i = 0; i < word.n && i < 3; i++) {
            n = n * 10 + (unsigned)(word.p[i] - '0');
        }
        if (!cr_is_digits(word) || n > 15 || n == 10) {
            return cr_fail(err, CR_MALFORMED, NULL, "access classes are 0 to 9 and 11 to 15");
        }
        *bits |= 1u << n;
    }
    return CR_OK;
}

cr_status profile_acc_encode(cr_span text, uint8_t out[PROFILE_ACC], struct cr_err *err)
{
    unsigned bits = 0;
    if (text.n == (size_t)2 * PROFILE_ACC && !memchr(text.p, ',', text.n)) {
        return cr_hex_fixed(out, PROFILE_ACC, text)
                   ? CR_OK
                   : cr_fail(err, CR_MALFORMED, NULL, "EF.ACC is four hex digits or a list");
    }
    if (text.n == 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "EF.ACC is four hex digits or a list");
    }
    CR_TRY(acc_list(text, &bits, err));
    out[0] = (uint8_t)(bits >> 8);
    out[1] = (uint8_t)bits;
    return CR_OK;
}

void profile_acc_of_imsi(cr_span digits, uint8_t out[PROFILE_ACC])
{
    unsigned last = digits.n > 0 ? (digits.p[digits.n - 1] - (unsigned)'0') % 10 : 0;
    out[0] = (uint8_t)(1u << last >> 8);
    out[1] = (uint8_t)(1u << last);
}

/* ------------------------------------------------------------------ networks */

cr_status profile_plmn_encode(cr_span text, uint8_t out[PROFILE_PLMN], struct cr_err *err)
{
    uint8_t d[6];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool divider = i == 3 && (text.p[i] == '-' || text.p[i] == '/');
        bool digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (!divider && (!digit || n == sizeof(d))) {
            n = 0;
            break;
        }
        if (digit) {
            d[n++] = (uint8_t)(text.p[i] - '0');
        }
    }
    if (n != 5 && n != 6) {
        return cr_fail(err, CR_MALFORMED, NULL,
                       "a network is its MCC and MNC, as in 001-01 or 310-410");
    }
    out[0] = (uint8_t)(d[1] << 4 | d[0]);
    out[1] = (uint8_t)((n == 6 ? d[5] : NIBBLE_FILL) << 4 | d[2]);
    out[2] = (uint8_t)(d[4] << 4 | d[3]);
    return CR_OK;
}

const char *profile_plmn_text(cr_span plmn, char out[PROFILE_PLMN_TEXT])
{
    out[0] = 0;
    if (plmn.n < PROFILE_PLMN) {
        return out;
    }
    const uint8_t d[] = {plmn.p[0] & 0x0F, plmn.p[0] >> 4, plmn.p[1] & 0x0F,
                         plmn.p[2] & 0x0F, plmn.p[2] >> 4, plmn.p[1] >> 4};
    size_t count = d[5] == NIBBLE_FILL ? 5 : 6;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (d[i] > 9) {
            out[0] = 0;
            return out;
        }
        out[n++] = (char)('0' + d[i]);
        if (i == 2) {
            out[n++] = '-';
        }
    }
    out[n] = 0;
    return out;
}

/* Bits of the two access technology bytes, TS 31.102 4.2.5. */
static const struct {
    uint16_t bits;
    const char *name;
} technologies[] = {
    {0x8000, "utran"},       {0x4000, "eutran"},    {0x0800, "ngran"},   {0x0080, "gsm"},
    {0x0040, "gsm-compact"}, {0x0020, "cdma-hrpd"}, {0x0010, "cdma-1x"}, {0x0008, "ec-gsm-iot"},
};
#define TECHNOLOGY_ALL 0xC880 /* utran, eutran, ngran, gsm */

static cr_status technologies_encode(cr_span list, unsigned *bits, struct cr_err *err)
{
    while (list.n > 0) {
        const uint8_t *comma = memchr(list.p, ',', list.n);
        cr_span word = cr_span_sub(list, 0, comma ? (size_t)(comma - list.p) : list.n);
        unsigned found = 0;
        list = cr_span_sub(list, word.n + (comma ? 1 : 0), list.n);
        for (size_t i = 0; i < CR_COUNT(technologies); i++) {
            if (cr_span_equal_nocase(word, cr_span_str(technologies[i].name))) {
                found = technologies[i].bits;
            }
        }
        if (!found) {
            return cr_fail(err, CR_MALFORMED, NULL, "%.*s is no access technology",
                           (int)(word.n < 32 ? word.n : 32), (const char *)word.p);
        }
        *bits |= found;
    }
    return CR_OK;
}

cr_status profile_plmn_act_encode(cr_span text, cr_buf *out, struct cr_err *err)
{
    uint8_t plmn[PROFILE_PLMN];
    unsigned bits = 0;
    const uint8_t *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    size_t n = colon ? (size_t)(colon - text.p) : text.n;
    CR_TRY(profile_plmn_encode(cr_span_sub(text, 0, n), plmn, err));
    if (colon) {
        CR_TRY(technologies_encode(cr_span_sub(text, n + 1, text.n), &bits, err));
    } else {
        bits = TECHNOLOGY_ALL;
    }
    cr_buf_append(out, plmn, sizeof(plmn));
    cr_buf_append_be(out, bits, 2);
    return CR_OK;
}

void profile_plmn_act_text(cr_span entry, cr_buf *out)
{
    char plmn[PROFILE_PLMN_TEXT];
    if (entry.n < 5) {
        return;
    }
    unsigned bits = (unsigned)(entry.p[3] << 8 | entry.p[4]);
    const char *divider = ":";
    cr_buf_append_str(out, profile_plmn_text(entry, plmn));
    for (size_t i = 0; i < CR_COUNT(technologies); i++) {
        if (bits & technologies[i].bits) {
            cr_buf_appendf(out, "%s%s", divider, technologies[i].name);
            divider = ",";
        }
    }
}

/* ------------------------------------------------------------------ texts */

/* Next character of well-formed UTF-8. */
static uint32_t utf8_next(cr_span *in)
{
    uint8_t b = in->p[0];
    size_t more = b < 0x80 ? 0 : b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
    uint32_t c = more == 0 ? b : b & (0x3Fu >> more);
    for (size_t i = 1; i <= more && i < in->n; i++) {
        c = c << 6 | (in->p[i] & 0x3Fu);
    }
    *in = cr_span_sub(*in, more + 1, in->n);
    return c;
}

/* What must not steer a terminal, and half of a pair (SIM texts have no others), show as '?'. */
static void utf8_put(uint32_t c, cr_buf *out)
{
    cr_utf8_append(out, c < 0x20 || (c >= 0xD800 && c <= 0xDFFF) ? '?' : c);
}

static bool alpha_gsm(cr_span in, cr_buf *out)
{
    while (in.n > 0) {
        int code = cr_gsm7_code(utf8_next(&in));
        if (code < 0) {
            return false;
        }
        cr_buf_append_byte(out, (uint8_t)code);
    }
    return true;
}

static bool alpha_ucs2(cr_span in, cr_buf *out)
{
    cr_buf_append_byte(out, 0x80);
    while (in.n > 0) {
        uint32_t c = utf8_next(&in);
        if (c > 0xFFFF) {
            return false;
        }
        cr_buf_append_be(out, c, 2);
    }
    return true;
}

cr_status profile_alpha_encode(cr_span utf8, uint8_t *out, size_t n, struct cr_err *err)
{
    cr_buf coded = {0};
    cr_status status = CR_OK;
    bool fits = cr_utf8_valid(utf8) && alpha_gsm(utf8, &coded);
    if (!fits) {
        cr_buf_reset(&coded);
        fits = cr_utf8_valid(utf8) && alpha_ucs2(utf8, &coded);
    }
    if (!fits) {
        status = cr_fail(err, CR_MALFORMED, NULL, "the text has characters that a SIM cannot hold");
    } else if (!cr_buf_ok(&coded)) {
        status = cr_fail_memory(err);
    } else if (coded.n > n) {
        status = cr_fail(err, CR_MALFORMED, NULL, "the text takes %zu bytes, there is room for %zu",
                         coded.n, n);
    } else {
        memset(out, 0xFF, n);
        if (coded.n > 0) {
            memcpy(out, coded.p, coded.n);
        }
    }
    cr_buf_free(&coded);
    return status;
}

/* Codings 81 and 82: length, half page or base, then GSM characters and offsets. */
static void alpha_paged_text(cr_span in, cr_buf *out)
{
    bool wide = in.p[0] == 0x82;
    if (in.n < (wide ? 4u : 3u)) {
        return;
    }
    uint32_t base = wide ? (uint32_t)(in.p[2] << 8 | in.p[3]) : (uint32_t)in.p[2] << 7;
    cr_span text = cr_span_sub(in, wide ? 4 : 3, in.p[1]);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t b = text.p[i];
        uint32_t c = b & 0x80 ? (base + (b & 0x7Fu)) & 0xFFFF : cr_gsm7[b];
        utf8_put(c ? c : '?', out);
    }
}

void profile_alpha_text(cr_span alpha, cr_buf *out)
{
    if (alpha.n > 0 && alpha.p[0] == 0x80) {
        for (size_t i = 1; i + 1 < alpha.n; i += 2) {
            uint32_t c = (uint32_t)(alpha.p[i] << 8 | alpha.p[i + 1]);
            if (c == 0xFFFF) {
                break;
            }
            utf8_put(c, out);
        }
        return;
    }
    if (alpha.n > 0 && (alpha.p[0] == 0x81 || alpha.p[0] == 0x82)) {
        alpha_paged_text(alpha, out);
        return;
    }
    for (size_t i = 0; i < alpha.n && alpha.p[i] != 0xFF; i++) {
        uint16_t c = alpha.p[i] < 0x80 ? cr_gsm7[alpha.p[i]] : 0;
        utf8_put(c ? c : '?', out);
    }
}

cr_status profile_spn_encode(uint8_t display, cr_span name, uint8_t out[PROFILE_SPN],
                             struct cr_err *err)
{
    CR_TRY(profile_alpha_encode(name, out + 1, PROFILE_SPN - 1, err));
    out[0] = display;
    return CR_OK;
}

/* ------------------------------------------------------------------ numbers */

#define NUMBER_DIGITS     20
#define NUMBER_BYTES      10
#define TON_INTERNATIONAL 0x91
#define TON_UNKNOWN       0x81

/* BCD of a dialling number: A = *, B = #. */
static const char number_digits[] = "0123456789*#pwe";

/* Type of number and swapped digits: out has 1 + NUMBER_BYTES bytes. *used = bytes in use. */
static cr_status number_encode(cr_span number, uint8_t *out, size_t *used, struct cr_err *err)
{
    bool plus = number.n > 0 && number.p[0] == '+';
    cr_span digits = cr_span_sub(number, plus ? 1 : 0, number.n);
    if (digits.n < 1 || digits.n > NUMBER_DIGITS) {
        return cr_fail(err, CR_MALFORMED, NULL, "a number has 1 to %d digits", NUMBER_DIGITS);
    }
    memset(out, 0xFF, 1 + NUMBER_BYTES);
    out[0] = plus ? TON_INTERNATIONAL : TON_UNKNOWN;
    for (size_t i = 0; i < digits.n; i++) {
        const char *at = digits.p[i] ? strchr("0123456789*#", digits.p[i]) : NULL;
        if (!at) {
            return cr_fail(err, CR_MALFORMED, NULL, "a number has digits, * and # behind a +");
        }
        uint8_t value = (uint8_t)(strchr(number_digits, digits.p[i]) - number_digits);
        uint8_t *byte = &out[1 + i / 2];
        *byte = (uint8_t)(i % 2 ? (*byte & 0x0F) | value << 4 : 0xF0 | value);
    }
    *used = 1 + (digits.n + 1) / 2;
    return CR_OK;
}

void profile_ef_number(cr_span coded, cr_buf *out)
{
    if (coded.n == 0) {
        return;
    }
    cr_buf_append_str(out, (coded.p[0] & 0x70) == 0x10 ? "+" : "");
    for (size_t i = 2; i < coded.n * 2; i++) {
        uint8_t nibble = i % 2 ? coded.p[i / 2] >> 4 : coded.p[i / 2] & 0x0F;
        if (nibble == NIBBLE_FILL) {
            break;
        }
        cr_buf_append_byte(out, (uint8_t)number_digits[nibble]);
    }
}

cr_status profile_adn_encode(cr_span alpha, cr_span number, uint8_t *record, size_t record_length,
                             struct cr_err *err)
{
    uint8_t coded[1 + NUMBER_BYTES];
    size_t used = 0;
    if (record_length < PROFILE_ADN_TAIL) {
        return cr_fail(err, CR_REFUSED, NULL, "records of %zu bytes hold no number", record_length);
    }
    size_t text = record_length - PROFILE_ADN_TAIL;
    if (number.n > 0) {
        CR_TRY(number_encode(number, coded, &used, err));
    }
    CR_TRY(profile_alpha_encode(alpha, record, text, err));
    memset(record + text, 0xFF, PROFILE_ADN_TAIL);
    if (used > 0) {
        record[text] = (uint8_t)used;
        memcpy(record + text + 1, coded, sizeof(coded));
    }
    return CR_OK;
}

void profile_adn_text(cr_span record, cr_buf *out)
{
    if (record.n < PROFILE_ADN_TAIL) {
        return;
    }
    size_t text = record.n - PROFILE_ADN_TAIL;
    uint8_t used = record.p[text];
    size_t before = out->n;
    profile_alpha_text(cr_span_sub(record, 0, text), out);
    if (used >= 1 && used <= 1 + NUMBER_BYTES) {
        cr_buf_append_str(out, out->n > before ? " " : "");
        profile_ef_number(cr_span_sub(record, text + 1, used), out);
    }
}

/* Parameter indicators E1 and so on: a cleared bit = present. Only the service centre is. */
#define SMSP_ONLY_SERVICE_CENTRE 0xFD
#define SMSP_NOTHING             0xFF

cr_status profile_smsp_encode(cr_span alpha, cr_span smsc, uint8_t *record, size_t record_length,
                              struct cr_err *err)
{
    uint8_t coded[1 + NUMBER_BYTES];
    size_t used = 0;
    if (record_length < PROFILE_SMSP_TAIL) {
        return cr_fail(err, CR_REFUSED, NULL, "records of %zu bytes hold no SMS parameters",
                       record_length);
    }
    size_t text = record_length - PROFILE_SMSP_TAIL;
    if (smsc.n > 0) {
        CR_TRY(number_encode(smsc, coded, &used, err));
    }
    CR_TRY(profile_alpha_encode(alpha, record, text, err));
    memset(record + text, 0xFF, PROFILE_SMSP_TAIL);
    record[text] = used ? SMSP_ONLY_SERVICE_CENTRE : SMSP_NOTHING;
    if (used > 0) {
        uint8_t *centre = record + text + 1 + 12; /* behind the destination address */
        centre[0] = (uint8_t)used;
        memcpy(centre + 1, coded, sizeof(coded));
    }
    return CR_OK;
}

void profile_text_tlv_encode(cr_span utf8, cr_buf *out)
{
    der_put(out, 0x80, utf8);
}

cr_span profile_text_tlv(cr_span content)
{
    struct der_tlv tlv;
    if (der_peek(content) != 0x80 || der_next(&content, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
        return (cr_span){0};
    }
    return tlv.value;
}

void profile_dir_encode(cr_span aid, cr_span label, cr_buf *out)
{
    size_t mark = der_open(out, 0x61);
    der_put(out, 0x4F, aid);
    if (label.n > 0) {
        der_put(out, 0x50, label);
    }
    der_close(out, mark);
}

cr_status profile_ecc_encode(cr_span digits, cr_span alpha, uint8_t category, uint8_t *record,
                             size_t record_length, struct cr_err *err)
{
    CR_TRY(need_digits(digits, 1, 6, "an emergency number", err));
    if (record_length < 4) {
        return cr_fail(err, CR_REFUSED, NULL, "records of %zu bytes hold no emergency number",
                       record_length);
    }
    CR_TRY(profile_alpha_encode(alpha, record + 3, record_length - 4, err));
    pack(digits, true, record, 3);
    record[record_length - 1] = category;
    return CR_OK;
}
