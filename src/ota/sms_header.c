/*
 * User data headers, 3GPP TS 23.040 9.2.3.24.
 */
#include "ota/sms_internal.h"

static bool take_element(uint8_t iei, cr_span value, struct sms_header *h)
{
    const uint8_t *p = value.p;
    switch (iei) {
    case SMS_IEI_CONCAT_8:
    case SMS_IEI_CONCAT_16: {
        bool wide = iei == SMS_IEI_CONCAT_16;
        if (value.n != (wide ? 4U : 3U)) {
            return false;
        }
        h->concatenated = true;
        h->wide = wide;
        h->reference = wide ? (uint16_t)((unsigned)p[0] << 8 | p[1]) : p[0];
        h->count = p[value.n - 2];
        h->number = p[value.n - 1];
        return h->number >= 1 && h->number <= h->count;
    }
    case SMS_IEI_PORT_16:
        if (value.n != 4) {
            return false;
        }
        h->has_port = true;
        h->port_to = (uint16_t)((unsigned)p[0] << 8 | p[1]);
        h->port_from = (uint16_t)((unsigned)p[2] << 8 | p[3]);
        return true;
    case SMS_IEI_COMMAND_PACKET:
    case SMS_IEI_RESPONSE_PACKET:
        h->packet = iei;
        return value.n == 0;
    default:
        return true;
    }
}

cr_status sms_header_take(cr_span ud, struct sms_header *out, cr_span *rest, struct cr_err *err)
{
    struct sms_header h = {.count = 1, .number = 1};
    if (ud.n == 0 || (size_t)ud.p[0] + 1 > ud.n) {
        return cr_fail(err, CR_MALFORMED, SMS_CLAUSE, "the user data header is cut");
    }
    cr_span in = cr_span_sub(ud, 1, ud.p[0]);
    while (in.n > 0) {
        if (in.n < 2 || in.n - 2 < in.p[1]) {
            return cr_fail(err, CR_MALFORMED, SMS_CLAUSE,
                           "an element of the user data header is cut");
        }
        size_t n = in.p[1];
        if (!take_element(in.p[0], cr_span_sub(in, 2, n), &h)) {
            return cr_fail(err, CR_MALFORMED, SMS_CLAUSE,
                           "element %02X of the user data header is not possible", in.p[0]);
        }
        in = cr_span_of(in.p + 2 + n, in.n - 2 - n);
    }
    *out = h;
    *rest = cr_span_sub(ud, 1U + ud.p[0], ud.n);
    return CR_OK;
}
