/*
 * Addresses of short messages, 3GPP TS 23.040 9.1.2.5.
 */
#include "ota/sms_internal.h"

#include "base/text.h"

#define FILLER            0x0F
#define CHARS_MAX         11
#define TON               0x70
#define TON_ALPHA         0x50
#define TON_INTERNATIONAL 0x10

static const char digit_names[] = "0123456789*#abc";

/* The nibble of a digit; FILLER when it is none. */
static unsigned digit_of(char c)
{
    unsigned i = 0;
    while (i < FILLER && digit_names[i] != c) {
        i++;
    }
    return i;
}

static bool is_alphanumeric(uint8_t ton_npi)
{
    return (ton_npi & TON) == TON_ALPHA;
}

cr_status sms_address_parse(cr_span text, struct sms_address *out, struct cr_err *err)
{
    struct sms_address a = {.ton_npi = SMS_TON_NPI_UNKNOWN};
    bool letters = false;
    if (text.n > 0 && text.p[0] == '+') {
        a.ton_npi = SMS_TON_NPI_INTERNATIONAL;
        text = cr_span_of(text.p + 1, text.n - 1);
    }
    for (size_t i = 0; i < text.n; i++) {
        letters = letters || digit_of((char)text.p[i]) == FILLER;
    }
    uint8_t septets[CHARS_MAX];
    size_t count = 0;
    if (letters) {
        if (a.ton_npi == SMS_TON_NPI_INTERNATIONAL ||
            !sms_text_septets(text, septets, sizeof septets, &count)) {
            return cr_fail(err, CR_MALFORMED, SMS_CLAUSE,
                           "an address has up to 20 digits, or up to 11 characters of the GSM "
                           "alphabet");
        }
        a.ton_npi = SMS_TON_NPI_ALPHANUMERIC;
    } else if (text.n == 0 || text.n > SMS_ADDRESS_MAX) {
        return cr_fail(err, CR_MALFORMED, SMS_CLAUSE, "an address has 1 to 20 digits");
    }
    (void)cr_str_copy(a.text, sizeof a.text, text);
    *out = a;
    return CR_OK;
}

void sms_address_text(const struct sms_address *a, char out[SMS_ADDRESS_TEXT])
{
    bool plus = (a->ton_npi & TON) == TON_INTERNATIONAL;
    out[0] = '+';
    (void)cr_str_copy(out + (plus ? 1 : 0), SMS_ADDRESS_TEXT - 1, cr_span_str(a->text));
}

bool sms_address_same(const struct sms_address *a, const struct sms_address *b)
{
    return is_alphanumeric(a->ton_npi) == is_alphanumeric(b->ton_npi) &&
           strcmp(a->text, b->text) == 0;
}

/* ---- on the wire ---- */

static cr_status no_address(struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, SMS_CLAUSE, "this is no address of a short message");
}

/* count digits of swapped nibbles; a filler only behind the last of an odd count. */
static bool digits_text(cr_span in, size_t count, char out[SMS_ADDRESS_MAX + 1])
{
    for (size_t i = 0; i < count; i++) {
        unsigned digit = i % 2 ? in.p[i / 2] >> 4 : in.p[i / 2] & 0x0FU;
        if (digit == FILLER) {
            return false;
        }
        out[i] = digit_names[digit];
    }
    out[count] = '\0';
    return count % 2 == 0 || in.p[count / 2] >> 4 == FILLER;
}

static bool value_text(uint8_t ton_npi, cr_span in, size_t count, struct sms_address *out)
{
    struct sms_address a = {.ton_npi = ton_npi};
    if (!is_alphanumeric(ton_npi)) {
        if (!digits_text(in, count, a.text)) {
            return false;
        }
    } else {
        cr_buf text = {0};
        sms_septets_text(in, 0, count * 4 / 7, &text);
        bool ok = cr_buf_ok(&text) && !memchr(text.p ? text.p : in.p, 0, text.n) &&
                  cr_str_copy(a.text, sizeof a.text, cr_buf_span(&text));
        cr_buf_free(&text);
        if (!ok) {
            return false;
        }
    }
    *out = a;
    return true;
}

cr_status sms_address_take(cr_span *in, struct sms_address *out, struct cr_err *err)
{
    if (in->n < 2 || in->p[0] > SMS_ADDRESS_MAX) {
        return no_address(err);
    }
    size_t count = in->p[0];
    size_t bytes = (count + 1) / 2;
    if (in->n - 2 < bytes || !value_text(in->p[1], cr_span_sub(*in, 2, bytes), count, out)) {
        return no_address(err);
    }
    *in = cr_span_of(in->p + 2 + bytes, in->n - 2 - bytes);
    return CR_OK;
}

cr_status sms_address_take_rp(cr_span value, struct sms_address *out, struct cr_err *err)
{
    if (value.n < 1 || value.n > 1 + SMS_ADDRESS_MAX / 2) {
        return no_address(err);
    }
    size_t count = 2 * (value.n - 1);
    bool odd = count > 0 && value.p[value.n - 1] >> 4 == FILLER;
    if (is_alphanumeric(value.p[0]) ||
        !value_text(value.p[0], cr_span_sub(value, 1, value.n), count - (odd ? 1 : 0), out)) {
        return no_address(err);
    }
    return CR_OK;
}

/* Nibbles of the value; gives the count of semi-octets, or SIZE_MAX. */
static size_t value_make(const struct sms_address *a, uint8_t out[SMS_ADDRESS_BYTES - 2])
{
    size_t n = strnlen(a->text, sizeof a->text);
    memset(out, 0, SMS_ADDRESS_BYTES - 2);
    if (is_alphanumeric(a->ton_npi)) {
        uint8_t septets[CHARS_MAX];
        size_t count = 0;
        if (n == sizeof a->text ||
            !sms_text_septets(cr_span_of(a->text, n), septets, sizeof septets, &count)) {
            return SIZE_MAX;
        }
        for (size_t i = 0; i < 7 * count; i++) {
            out[i / 8] |= (uint8_t)((septets[i / 7] >> i % 7 & 1U) << i % 8);
        }
        return (7 * count + 3) / 4;
    }
    if (n > SMS_ADDRESS_MAX) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned digit = digit_of(a->text[i]);
        if (digit == FILLER) {
            return SIZE_MAX;
        }
        out[i / 2] |= (uint8_t)(digit << (i % 2 ? 4 : 0));
    }
    if (n % 2) {
        out[n / 2] |= FILLER << 4;
    }
    return n;
}

cr_status sms_address_put(const struct sms_address *a, cr_buf *out, struct cr_err *err)
{
    uint8_t value[SMS_ADDRESS_BYTES - 2];
    size_t count = value_make(a, value);
    if (count == SIZE_MAX) {
        return no_address(err);
    }
    cr_buf_append_byte(out, (uint8_t)count);
    cr_buf_append_byte(out, a->ton_npi);
    cr_buf_append(out, value, (count + 1) / 2);
    return CR_OK;
}

cr_status sms_address_put_rp(const struct sms_address *a, cr_buf *out, struct cr_err *err)
{
    uint8_t value[SMS_ADDRESS_BYTES - 2];
    size_t count = value_make(a, value);
    if (count == SIZE_MAX || is_alphanumeric(a->ton_npi)) {
        return no_address(err);
    }
    cr_buf_append_byte(out, a->ton_npi);
    cr_buf_append(out, value, (count + 1) / 2);
    return CR_OK;
}
