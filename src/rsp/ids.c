#include "rsp/ids.h"

#include "base/text.h"

#include <stdio.h>

#define FILLER     0xF
#define MAX_DIGITS 40

/* ---- digits ---- */

/* Digits of a text as values, blanks skipped; false when there is anything else or too many. */
static bool digits_of(cr_span text, uint8_t out[MAX_DIGITS], size_t *count)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            continue;
        }
        if (c < '0' || c > '9' || n == MAX_DIGITS) {
            return false;
        }
        out[n++] = (uint8_t)(c - '0');
    }
    *count = n;
    return true;
}

static void pack_swapped(const uint8_t *digits, size_t count, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t low = 2 * i < count ? digits[2 * i] : FILLER;
        uint8_t high = 2 * i + 1 < count ? digits[2 * i + 1] : FILLER;
        out[i] = (uint8_t)(high << 4 | low);
    }
}

/* Nibbles in the order of their digits. */
static void unpack_swapped(cr_span in, uint8_t *nibbles)
{
    for (size_t i = 0; i < in.n; i++) {
        nibbles[2 * i] = in.p[i] & 15;
        nibbles[2 * i + 1] = in.p[i] >> 4;
    }
}

/* Writes count digits as text; false when one is none. */
static bool write_digits(const uint8_t *digits, size_t count, char *out)
{
    out[0] = 0;
    for (size_t i = 0; i < count; i++) {
        if (digits[i] > 9) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (char)('0' + digits[i]);
    }
    out[count] = 0;
    return true;
}

static uint8_t luhn_digit(const uint8_t *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned d = digits[count - 1 - i];
        if (i % 2 == 0) {
            d *= 2;
            d = d > 9 ? d - 9 : d;
        }
        sum += d;
    }
    return (uint8_t)((10 - sum % 10) % 10);
}

/* ---- EID ---- */

cr_status rsp_eid_parse(cr_span text, uint8_t out[16], struct cr_err *err)
{
    uint8_t digits[MAX_DIGITS];
    size_t count;
    if (!digits_of(text, digits, &count) || count != RSP_EID_DIGITS) {
        cr_status status = cr_fail(err, CR_MALFORMED, "SGP.29 2", "an EID has 32 decimal digits");
        return cr_err_field(err, status, "eid");
    }
    for (size_t i = 0; i < 16; i++) {
        out[i] = (uint8_t)(digits[2 * i] << 4 | digits[2 * i + 1]);
    }
    return CR_OK;
}

bool rsp_eid_text(cr_span eid, char out[RSP_EID_TEXT])
{
    uint8_t digits[RSP_EID_DIGITS];
    out[0] = 0;
    if (eid.n != 16) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        digits[2 * i] = eid.p[i] >> 4;
        digits[2 * i + 1] = eid.p[i] & 15;
    }
    return write_digits(digits, RSP_EID_DIGITS, out);
}

static unsigned mod97(const char *digits, size_t count)
{
    unsigned rest = 0;
    for (size_t i = 0; i < count; i++) {
        rest = (rest * 10 + (unsigned)(digits[i] - '0')) % 97;
    }
    return rest;
}

bool rsp_eid_check(cr_span eid)
{
    char text[RSP_EID_TEXT];
    return rsp_eid_text(eid, text) && mod97(text, RSP_EID_DIGITS) == 1;
}

bool rsp_eid_text_check(cr_span text)
{
    uint8_t eid[16];
    return rsp_eid_parse(text, eid, NULL) == CR_OK && rsp_eid_check(CR_SPAN_ARRAY(eid));
}

bool rsp_eid_set_check_digits(uint8_t eid[16])
{
    char text[RSP_EID_TEXT];
    uint8_t with_zeros[16];
    memcpy(with_zeros, eid, 15);
    with_zeros[15] = 0;
    if (!rsp_eid_text(CR_SPAN_ARRAY(with_zeros), text)) {
        return false;
    }
    unsigned check = 98 - mod97(text, RSP_EID_DIGITS);
    eid[15] = (uint8_t)(check / 10 << 4 | check % 10);
    return true;
}

cr_status rsp_eid_refuse_bad_check(cr_span eid, struct cr_err *err)
{
    char text[RSP_EID_TEXT];
    uint8_t right[16];
    if (!rsp_eid_text(eid, text)) {
        return cr_fail(err, CR_MALFORMED, "SGP.29", "an EID has 32 digits");
    }
    if (rsp_eid_check(eid)) {
        return CR_OK;
    }
    cr_status status =
        cr_fail(err, CR_REFUSED, "SGP.29", "the check digits of EID %s are wrong", text);
    memcpy(right, eid.p, sizeof(right));
    if (rsp_eid_set_check_digits(right) && rsp_eid_text(CR_SPAN_ARRAY(right), text)) {
        return cr_err_next(err, status, "%s would be right", text);
    }
    return status;
}

/* ---- ICCID ---- */

cr_status rsp_iccid_parse(cr_span text, uint8_t out[RSP_ICCID_BYTES], struct cr_err *err)
{
    while (text.n && strchr(" \t\r\nFf", text.p[text.n - 1]) && text.p[text.n - 1]) {
        text.n--;
    }
    uint8_t digits[MAX_DIGITS];
    size_t count;
    if (!digits_of(text, digits, &count) || count < 18 || count > 20) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, "ITU-T E.118", "an ICCID has 18 to 20 decimal digits");
        return cr_err_field(err, status, "iccid");
    }
    pack_swapped(digits, count, out, RSP_ICCID_BYTES);
    return CR_OK;
}

bool rsp_iccid_text(cr_span iccid, char out[RSP_ICCID_TEXT])
{
    uint8_t digits[2 * RSP_ICCID_BYTES];
    out[0] = 0;
    if (iccid.n != RSP_ICCID_BYTES) {
        return false;
    }
    unpack_swapped(iccid, digits);
    size_t count = sizeof(digits);
    while (count && digits[count - 1] == FILLER) {
        count--;
    }
    return count > 0 && write_digits(digits, count, out);
}

bool rsp_iccid_luhn(cr_span digits)
{
    uint8_t values[MAX_DIGITS];
    size_t count;
    return digits_of(digits, values, &count) && count > 1 &&
           luhn_digit(values, count - 1) == values[count - 1];
}

/* ---- IMEI and TAC ---- */

#define IMEI_BODY 14 /* digits before the check digit */

cr_status rsp_imei_parse(cr_span text, uint8_t out[8], struct cr_err *err)
{
    uint8_t digits[MAX_DIGITS];
    size_t count;
    if (!digits_of(text, digits, &count) || count < IMEI_BODY || count > IMEI_BODY + 2) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, "TS 23.003 6.2", "an IMEI has 14 to 16 decimal digits");
        return cr_err_field(err, status, "imei");
    }
    if (count == IMEI_BODY) {
        digits[IMEI_BODY] = luhn_digit(digits, IMEI_BODY);
    }
    pack_swapped(digits, IMEI_BODY, out, 7);
    /* SGP.22 4.2, from v2.1: the check digit in the high nibble. An IMEISV fills both. */
    bool with_version = count == IMEI_BODY + 2;
    unsigned high = with_version ? digits[15] : digits[IMEI_BODY];
    unsigned low = with_version ? digits[14] : FILLER;
    out[7] = (uint8_t)(high << 4 | low);
    return CR_OK;
}

cr_status rsp_tac_parse(cr_span text, uint8_t out[4], struct cr_err *err)
{
    uint8_t digits[MAX_DIGITS];
    size_t count;
    if (!digits_of(text, digits, &count) || count != 8) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, "TS 23.003 6.2", "a TAC has 8 decimal digits");
        return cr_err_field(err, status, "tac");
    }
    pack_swapped(digits, count, out, 4);
    return CR_OK;
}

bool rsp_imei_text(cr_span imei, char out[RSP_IMEI_TEXT])
{
    uint8_t digits[16];
    out[0] = 0;
    if (imei.n != 8) {
        return false;
    }
    unpack_swapped(imei, digits);
    uint8_t low = digits[14];
    uint8_t high = digits[15];
    if (low == FILLER) {
        digits[14] = high; /* 5F */
        return write_digits(digits, 15, out);
    }
    if (high == FILLER || (high == 0 && luhn_digit(digits, IMEI_BODY) == low)) {
        return write_digits(digits, 15, out); /* F5, 05 */
    }
    return write_digits(digits, 16, out); /* IMEISV */
}

bool rsp_tac_text(cr_span tac, cr_span imei, char out[RSP_TAC_TEXT])
{
    uint8_t swapped[8];
    uint8_t plain[8];
    out[0] = 0;
    if (tac.n != 4) {
        return false;
    }
    unpack_swapped(tac, swapped);
    for (size_t i = 0; i < 4; i++) {
        plain[2 * i] = tac.p[i] >> 4;
        plain[2 * i + 1] = tac.p[i] & 15;
    }
    char of_imei[RSP_IMEI_TEXT];
    char other[RSP_TAC_TEXT];
    if (write_digits(plain, 8, other) && rsp_imei_text(imei, of_imei) &&
        memcmp(other, of_imei, 8) == 0) {
        memcpy(out, other, RSP_TAC_TEXT);
        return true;
    }
    return write_digits(swapped, 8, out);
}

/* ---- versions ---- */

bool rsp_version_parse(cr_span text, struct rsp_version *out)
{
    static const char prefix[] = "gsma/rsp/";
    char copy[32];
    if (!cr_str_copy(copy, sizeof(copy), text) || strlen(copy) != text.n) {
        return false;
    }
    const char *at = copy;
    if (strncmp(at, prefix, sizeof(prefix) - 1) == 0) {
        at += sizeof(prefix) - 1;
    }
    at += *at == 'v' || *at == 'V';
    uint8_t numbers[3] = {0};
    size_t count = 0;
    for (; count < 3; count++) {
        unsigned v = 0;
        size_t digits = 0;
        for (; *at >= '0' && *at <= '9' && digits < 4; digits++, at++) {
            v = v * 10 + (unsigned)(*at - '0');
        }
        if (digits == 0 || v > 255) {
            return false;
        }
        numbers[count] = (uint8_t)v;
        if (*at != '.') {
            count++;
            break;
        }
        at++;
    }
    if (*at || count < 2 || at[-1] == '.') {
        return false;
    }
    *out = (struct rsp_version){numbers[0], numbers[1], numbers[2]};
    return true;
}

char *rsp_version_format(struct rsp_version v, char out[RSP_VERSION_TEXT])
{
    (void)snprintf(out, RSP_VERSION_TEXT, "%u.%u.%u", v.major, v.minor, v.revision);
    return out;
}

bool rsp_version_from_bytes(cr_span bytes, struct rsp_version *out)
{
    if (bytes.n != 3) {
        return false;
    }
    *out = (struct rsp_version){bytes.p[0], bytes.p[1], bytes.p[2]};
    return true;
}

void rsp_version_to_bytes(struct rsp_version v, uint8_t out[3])
{
    out[0] = v.major;
    out[1] = v.minor;
    out[2] = v.revision;
}

int rsp_version_compare(struct rsp_version a, struct rsp_version b)
{
    if (a.major != b.major) {
        return a.major < b.major ? -1 : 1;
    }
    if (a.minor != b.minor) {
        return a.minor < b.minor ? -1 : 1;
    }
    return a.revision < b.revision ? -1 : a.revision > b.revision;
}
