/* OBJECT IDENTIFIER contents (X.690 8.19) and their dotted text. */
#include "asn1/der.h"

#include <stdio.h>

/* Arcs are read as 64-bit numbers. */
static bool arc_push(uint64_t *arc, uint8_t octet)
{
    if (*arc > UINT64_MAX >> 7) {
        return false;
    }
    *arc = *arc << 7 | (octet & 0x7F);
    return true;
}

/* Appends ".digits" at *at; false when the text is full. */
static bool text_put_arc(char out[DER_OID_TEXT], size_t *at, uint64_t arc)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + arc % 10);
        arc /= 10;
    } while (arc);
    size_t dot = *at ? 1 : 0;
    if (*at + dot + n >= DER_OID_TEXT) {
        return false;
    }
    if (dot) {
        out[(*at)++] = '.';
    }
    while (n) {
        out[(*at)++] = digits[--n];
    }
    return true;
}

/* The first subidentifier holds two arcs: 40 * first + second, where only arc 2 may have a second
 * arc of 40 and more. */
static bool text_put_first(char out[DER_OID_TEXT], size_t *at, uint64_t sub)
{
    uint64_t first = sub < 80 ? sub / 40 : 2;
    return text_put_arc(out, at, first) && text_put_arc(out, at, sub - 40 * first);
}

cr_status der_oid_text(cr_span oid, char out[DER_OID_TEXT], struct cr_err *err)
{
    char text[DER_OID_TEXT];
    size_t at = 0;
    uint64_t arc = 0;
    bool inside = false; /* an arc has begun */
    for (size_t i = 0; i < oid.n; i++) {
        uint8_t octet = oid.p[i];
        if (!inside && octet == 0x80) {
            return cr_fail(err, CR_MALFORMED, "X.690 8.19.2", "an OID arc with leading zeros");
        }
        if (!arc_push(&arc, octet)) {
            return cr_fail(err, CR_MALFORMED, NULL, "an OID arc of more than 64 bits");
        }
        inside = (octet & 0x80) != 0;
        if (inside) {
            continue;
        }
        if (!(at ? text_put_arc(text, &at, arc) : text_put_first(text, &at, arc))) {
            return cr_fail(err, CR_MALFORMED, NULL, "an OID of more than %d characters",
                           DER_OID_TEXT - 1);
        }
        arc = 0;
    }
    if (oid.n == 0 || inside) {
        return cr_fail(err, CR_MALFORMED, "X.690 8.19.2", "an OID that ends inside an arc");
    }
    text[at] = 0;
    memcpy(out, text, at + 1);
    return CR_OK;
}

static void arc_append(cr_buf *out, uint64_t arc)
{
    uint8_t octets[10];
    size_t at = sizeof(octets);
    octets[--at] = (uint8_t)(arc & 0x7F);
    while (arc >>= 7) {
        octets[--at] = (uint8_t)(0x80 | (arc & 0x7F));
    }
    cr_buf_append(out, octets + at, sizeof(octets) - at);
}

/* Takes one decimal number without superfluous zeros from the front. */
static bool arc_parse(cr_span *text, uint64_t *arc)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text->p[i] - '0');
        if (v > (UINT64_MAX - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    if (i == 0 || (i > 1 && text->p[0] == '0')) {
        return false;
    }
    *text = cr_span_sub(*text, i, text->n);
    *arc = v;
    return true;
}

static bool dot_parse(cr_span *text)
{
    if (text->n == 0 || text->p[0] != '.') {
        return false;
    }
    *text = cr_span_sub(*text, 1, text->n);
    return true;
}

static bool oid_parse(cr_buf *out, cr_span text)
{
    uint64_t first;
    uint64_t arc;
    if (!arc_parse(&text, &first) || !dot_parse(&text) || !arc_parse(&text, &arc) || first > 2 ||
        (first < 2 && arc > 39) || arc > UINT64_MAX - 80) {
        return false;
    }
    arc_append(out, 40 * first + arc);
    while (text.n) {
        if (!dot_parse(&text) || !arc_parse(&text, &arc)) {
            return false;
        }
        arc_append(out, arc);
    }
    return true;
}

cr_status der_oid_from_text(cr_buf *out, cr_span text, struct cr_err *err)
{
    size_t start = out->n;
    if (text.n >= DER_OID_TEXT || !oid_parse(out, text)) {
        out->n = start;
        return cr_fail(err, CR_MALFORMED, NULL, "no dotted OID: \"%.*s\"",
                       (int)(text.n < 40 ? text.n : 40), text.n ? (const char *)text.p : "");
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}
