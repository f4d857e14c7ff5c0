#include "pki/parts.h"

#include "base/env.h"
#include "pki/cert.h"

const uint8_t PKI_OID_CN[3] = {0x55, 0x04, 0x03};
const uint8_t PKI_OID_SERIAL[3] = {0x55, 0x04, 0x05};
const uint8_t PKI_OID_C[3] = {0x55, 0x04, 0x06};
const uint8_t PKI_OID_O[3] = {0x55, 0x04, 0x0A};
const uint8_t PKI_OID_OU[3] = {0x55, 0x04, 0x0B};
/* 1.2.840.10045.4.3.2 and 1.2.840.10045.2.1 */
const uint8_t PKI_OID_ECDSA_SHA256[8] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
const uint8_t PKI_OID_EC_PUBLIC_KEY[7] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};

bool pki_take(cr_span *in, uint32_t tag, cr_span *value)
{
    struct der_tlv tlv;
    if (der_peek(*in) != tag || der_next(in, DER_STRICT, &tlv, NULL) != CR_OK) {
        return false;
    }
    *value = tlv.value;
    return true;
}

bool pki_take_integer(cr_span *in, cr_span *value)
{
    cr_span v;
    if (!pki_take(in, TAG_INTEGER, &v) || v.n == 0 || v.n > PKI_MAX_SERIAL) {
        return false;
    }
    bool negative_sign = v.n > 1 && (v.p[1] & 0x80) != 0;
    if (v.n > 1 && ((v.p[0] == 0x00 && !negative_sign) || (v.p[0] == 0xFF && negative_sign))) {
        return false; /* not minimal */
    }
    *value = v;
    return true;
}

bool pki_take_bits(cr_span *in, cr_span *bits)
{
    cr_span v;
    if (!pki_take(in, TAG_BIT_STRING, &v) || v.n < 1 || v.p[0] != 0) {
        return false;
    }
    *bits = cr_span_sub(v, 1, v.n);
    return true;
}

bool pki_take_flag(cr_span *in, uint32_t tag, bool *value)
{
    if (der_peek(*in) != tag) {
        *value = false;
        return true;
    }
    cr_span v;
    if (!pki_take(in, tag, &v) || v.n != 1 || (v.p[0] != 0x00 && v.p[0] != 0xFF)) {
        return false;
    }
    *value = v.p[0] == 0xFF;
    return true;
}

static int two_digits(const uint8_t *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') {
        return -1;
    }
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static int days_of_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool pki_take_time(cr_span *in, int64_t *ms)
{
    uint32_t tag = der_peek(*in);
    cr_span v;
    size_t size = tag == TAG_UTC_TIME ? 13 : 15;
    if ((tag != TAG_UTC_TIME && tag != TAG_GENERALIZED_TIME) || !pki_take(in, tag, &v) ||
        v.n != size || v.p[size - 1] != 'Z') {
        return false;
    }
    int part[7]; /* century, year, month, day, hour, minute, second */
    const uint8_t *p = v.p;
    for (size_t i = tag == TAG_UTC_TIME ? 1 : 0; i < 7; i++, p += 2) {
        part[i] = two_digits(p);
        if (part[i] < 0) {
            return false;
        }
    }
    if (tag == TAG_UTC_TIME) {
        part[0] = part[1] >= 50 ? 19 : 20;
    }
    int year = part[0] * 100 + part[1];
    if (part[2] < 1 || part[2] > 12 || part[3] < 1 || part[3] > days_of_month(year, part[2]) ||
        part[4] > 23 || part[5] > 59 || part[6] > 59) {
        return false;
    }
    *ms = cr_time_utc_ms(year, part[2], part[3], part[4], part[5], part[6]);
    return true;
}

bool pki_read_signed(cr_span der, struct pki_signed *out)
{
    cr_span in;
    struct der_tlv tbs;
    if (!pki_take(&der, TAG_SEQUENCE, &in) || der.n != 0 || der_peek(in) != TAG_SEQUENCE ||
        der_next(&in, DER_STRICT, &tbs, NULL) != CR_OK ||
        !pki_take(&in, TAG_SEQUENCE, &out->algorithm) || !pki_take_bits(&in, &out->bits) ||
        in.n != 0) {
        return false;
    }
    out->tbs = tbs.all;
    out->contents = tbs.value;
    return true;
}

bool pki_is_ecdsa_sha256(cr_span algorithm)
{
    cr_span oid;
    return pki_take(&algorithm, TAG_OID, &oid) && algorithm.n == 0 &&
           cr_span_equal(oid, CR_SPAN_ARRAY(PKI_OID_ECDSA_SHA256));
}

bool pki_take_extension(cr_span *in, struct pki_extension *out)
{
    cr_span item;
    return pki_take(in, TAG_SEQUENCE, &item) && pki_take(&item, TAG_OID, &out->oid) &&
           out->oid.n > 0 && pki_take_flag(&item, TAG_BOOLEAN, &out->critical) &&
           pki_take(&item, TAG_OCTET_STRING, &out->value) && item.n == 0;
}

bool pki_read_aki(cr_span value, cr_span *key_id)
{
    cr_span in, v, id = {0};
    if (!pki_take(&value, TAG_SEQUENCE, &in) || value.n != 0) {
        return false;
    }
    if (der_peek(in) == 0x80 && (!pki_take(&in, 0x80, &id) || id.n == 0)) {
        return false;
    }
    if (der_peek(in) == 0xA1 && !pki_take(&in, 0xA1, &v)) {
        return false;
    }
    if (der_peek(in) == 0x82 && !pki_take(&in, 0x82, &v)) {
        return false;
    }
    *key_id = id;
    return in.n == 0;
}

bool pki_read_point_url(cr_span point_name, cr_span *url)
{
    cr_span names;
    if (!pki_take(&point_name, 0xA0, &names)) {
        return true; /* nameRelativeToCRLIssuer: no address in it */
    }
    while (names.n > 0) {
        struct der_tlv name;
        if (der_next(&names, DER_STRICT, &name, NULL) != CR_OK) {
            return false;
        }
        if (name.tag == 0x86 && !cr_span_present(*url)) {
            *url = name.value;
        }
    }
    return true;
}

bool pki_name_next(struct pki_name_walk *walk, struct pki_attribute *out)
{
    if (walk->set.n == 0) {
        if (walk->bad || walk->rdns.n == 0) {
            return false;
        }
        if (!pki_take(&walk->rdns, TAG_SET, &walk->set)) {
            walk->bad = true;
            return false;
        }
    }
    cr_span item;
    struct der_tlv value;
    if (!pki_take(&walk->set, TAG_SEQUENCE, &item) || !pki_take(&item, TAG_OID, &out->oid) ||
        der_next(&item, DER_STRICT, &value, NULL) != CR_OK || item.n != 0) {
        walk->bad = true;
        return false;
    }
    out->value = value.value;
    out->tag = value.tag;
    return true;
}

bool pki_name_ended(const struct pki_name_walk *walk)
{
    return !walk->bad && walk->rdns.n == 0 && walk->set.n == 0;
}

static bool is_text(uint32_t tag)
{
    return tag == TAG_UTF8 || tag == TAG_PRINTABLE || tag == TAG_IA5 || tag == TAG_T61;
}

/* Next byte as it counts in a comparison, -1 at the end: lower case, runs of spaces as one, none at
 * the ends. */
static int folded_next(cr_span s, size_t *at)
{
    size_t i = *at;
    bool space = false;
    while (i < s.n && s.p[i] == ' ') {
        space = true;
        i++;
    }
    if (i == s.n) {
        *at = i;
        return -1;
    }
    if (space && *at > 0) {
        *at = i;
        return ' ';
    }
    *at = i + 1;
    return s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i];
}

bool pki_name_value_equal(cr_span a, cr_span b)
{
    if (!cr_span_present(a) || !cr_span_present(b)) {
        return false;
    }
    size_t i = 0, j = 0;
    for (;;) {
        int x = folded_next(a, &i);
        int y = folded_next(b, &j);
        if (x != y) {
            return false;
        }
        if (x < 0) {
            return true;
        }
    }
}

bool pki_name_equal(cr_span a, cr_span b)
{
    if (cr_span_equal(a, b)) {
        return true;
    }
    struct pki_name_walk x = {0}, y = {0};
    if (!pki_take(&a, TAG_SEQUENCE, &x.rdns) || !pki_take(&b, TAG_SEQUENCE, &y.rdns)) {
        return false;
    }
    struct pki_attribute p, q;
    while (pki_name_next(&x, &p)) {
        if (!pki_name_next(&y, &q) || !cr_span_equal(p.oid, q.oid) ||
            (x.set.n == 0) != (y.set.n == 0)) {
            return false;
        }
        bool text = is_text(p.tag) && is_text(q.tag);
        if (text ? !pki_name_value_equal(p.value, q.value)
                 : p.tag != q.tag || !cr_span_equal(p.value, q.value)) {
            return false;
        }
    }
    return pki_name_ended(&x) && pki_name_ended(&y);
}
