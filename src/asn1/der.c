#include "asn1/der.h"

#define LENGTH_BYTES_MAX 4

bool der_constructed(uint32_t tag)
{
    uint32_t lead = tag > 0xFFFF ? tag >> 16 : tag > 0xFF ? tag >> 8 : tag;
    return (lead & 0x20) != 0;
}

/* What stands at the front; the length of an indefinite form is not known yet. */
struct header {
    uint32_t tag;
    size_t size; /* bytes of tag and length */
    size_t length;
    bool indefinite;
};

enum header_state { HEADER_OK, HEADER_CUT, HEADER_BAD_TAG, HEADER_BAD_LENGTH, HEADER_NOT_MINIMAL };

static enum header_state tag_read(cr_span in, uint32_t *tag, size_t *size)
{
    if (in.n == 0) {
        return HEADER_CUT;
    }
    uint32_t t = in.p[0];
    size_t at = 1;
    if ((t & 0x1F) == 0x1F) {
        uint8_t more;
        do {
            if (at == in.n) {
                return HEADER_CUT;
            }
            if (at == 3) {
                return HEADER_BAD_TAG;
            }
            more = in.p[at++];
            if (more == 0x80 && at == 2) {
                return HEADER_BAD_TAG; /* X.690 8.1.2.4.2 c: no leading zeros */
            }
            t = t << 8 | more;
        } while (more & 0x80);
    }
    if (t == 0) {
        return HEADER_BAD_TAG; /* end-of-contents is no value */
    }
    *tag = t;
    *size = at;
    return HEADER_OK;
}

static enum header_state length_read(cr_span in, enum der_rules rules, struct header *h)
{
    size_t at = h->size;
    if (at == in.n) {
        return HEADER_CUT;
    }
    uint8_t first = in.p[at++];
    h->indefinite = first == 0x80;
    h->length = first & 0x7F;
    if (first > 0x80) {
        size_t count = first & 0x7F;
        if (count > LENGTH_BYTES_MAX) {
            return HEADER_BAD_LENGTH;
        }
        size_t length = 0;
        for (size_t i = 0; i < count; i++) {
            if (at == in.n) {
                return HEADER_CUT;
            }
            length = length << 8 | in.p[at++];
        }
        if (rules == DER_STRICT && (length < 0x80 || length >> (8 * (count - 1)) == 0)) {
            return HEADER_NOT_MINIMAL;
        }
        h->length = length;
    }
    h->size = at;
    return HEADER_OK;
}

static enum header_state header_read(cr_span in, enum der_rules rules, struct header *h)
{
    enum header_state state = tag_read(in, &h->tag, &h->size);
    return state == HEADER_OK ? length_read(in, rules, h) : state;
}

static cr_status header_fail(enum header_state state, cr_span in, struct cr_err *err)
{
    switch (state) {
    case HEADER_BAD_TAG:
        return cr_fail(err, CR_MALFORMED, "X.690 8.1.2", "no usable tag: %02X%s",
                       in.n ? in.p[0] : 0, in.n > 1 ? "..." : "");
    case HEADER_BAD_LENGTH:
        return cr_fail(err, CR_MALFORMED, "X.690 8.1.3", "a length of more than %d bytes",
                       LENGTH_BYTES_MAX);
    case HEADER_NOT_MINIMAL:
        return cr_fail(err, CR_MALFORMED, "X.690 10.1", "a length that is not minimal");
    case HEADER_OK:
    case HEADER_CUT:
        break;
    }
    return cr_fail(err, CR_MALFORMED, "X.690 8.1", "the value is cut after %zu bytes", in.n);
}

static cr_status fail_indefinite(uint32_t tag, struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, "X.690 10.1", "indefinite length under tag %X", tag);
}

cr_status der_header(cr_span in, enum der_rules rules, uint32_t *tag, size_t *header,
                     size_t *length, struct cr_err *err)
{
    struct header h;
    enum header_state state = header_read(in, rules, &h);
    if (state == HEADER_CUT) {
        return CR_RESOURCE;
    }
    if (state != HEADER_OK) {
        return header_fail(state, in, err);
    }
    if (h.indefinite) {
        return fail_indefinite(h.tag, err);
    }
    *tag = h.tag;
    *header = h.size;
    *length = h.length;
    return CR_OK;
}

/* Finds the end-of-contents of an indefinite form. in starts with its contents; *length is what
 * comes before the end-of-contents. Definite values inside are stepped over, so it is linear. */
static cr_status indefinite_end(cr_span in, size_t *length, struct cr_err *err)
{
    unsigned open = 1;
    size_t at = 0;
    for (;;) {
        cr_span rest = cr_span_sub(in, at, in.n);
        if (rest.n >= 2 && rest.p[0] == 0 && rest.p[1] == 0) {
            if (--open == 0) {
                *length = at;
                return CR_OK;
            }
            at += 2;
            continue;
        }
        struct header h;
        enum header_state state = header_read(rest, DER_BER_LENGTHS, &h);
        if (state != HEADER_OK) {
            return header_fail(state, rest, err);
        }
        if (h.indefinite) {
            if (!der_constructed(h.tag)) {
                return fail_indefinite(h.tag, err);
            }
            if (++open > DER_MAX_DEPTH) {
                return cr_fail(err, CR_MALFORMED, NULL, "nested deeper than %d", DER_MAX_DEPTH);
            }
            h.length = 0;
        }
        if (h.length > rest.n - h.size) {
            return header_fail(HEADER_CUT, rest, err);
        }
        at += h.size + h.length;
    }
}

cr_status der_next(cr_span *in, enum der_rules rules, struct der_tlv *out, struct cr_err *err)
{
    struct header h;
    enum header_state state = header_read(*in, rules, &h);
    if (state != HEADER_OK) {
        return header_fail(state, *in, err);
    }
    size_t trailer = 0;
    if (h.indefinite) {
        if (rules != DER_BER_LENGTHS || !der_constructed(h.tag)) {
            return fail_indefinite(h.tag, err);
        }
        CR_TRY(indefinite_end(cr_span_sub(*in, h.size, in->n), &h.length, err));
        trailer = 2;
    } else if (h.length > in->n - h.size) {
        return cr_fail(err, CR_MALFORMED, "X.690 8.1.3",
                       "tag %X says %zu bytes of contents, %zu are there", h.tag, h.length,
                       in->n - h.size);
    }
    size_t all = h.size + h.length + trailer;
    out->tag = h.tag;
    out->value = cr_span_of(in->p + h.size, h.length);
    out->all = cr_span_of(in->p, all);
    in->p += all;
    in->n -= all;
    return CR_OK;
}

uint32_t der_peek(cr_span in)
{
    uint32_t tag = 0;
    size_t size;
    return tag_read(in, &tag, &size) == HEADER_OK ? tag : 0;
}

cr_status der_expect(cr_span *in, enum der_rules rules, uint32_t tag, struct der_tlv *out,
                     struct cr_err *err)
{
    cr_span rest = *in;
    struct der_tlv tlv;
    CR_TRY(der_next(&rest, rules, &tlv, err));
    if (tlv.tag != tag) {
        return cr_fail(err, CR_MALFORMED, NULL, "tag %X instead of %X", tlv.tag, tag);
    }
    *in = rest;
    *out = tlv;
    return CR_OK;
}

bool der_find(cr_span contents, uint32_t tag, struct der_tlv *out)
{
    struct der_tlv tlv;
    while (contents.n && der_next(&contents, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag == tag) {
            *out = tlv;
            return true;
        }
    }
    return false;
}

cr_status der_integer(cr_span value, int64_t *out, struct cr_err *err)
{
    if (value.n == 0 || value.n > 8) {
        return cr_fail(err, CR_MALFORMED, "X.690 8.3", "an INTEGER of %zu bytes (1 to 8 are read)",
                       value.n);
    }
    if (value.n > 1 &&
        ((value.p[0] == 0 && value.p[1] < 0x80) || (value.p[0] == 0xFF && value.p[1] >= 0x80))) {
        return cr_fail(err, CR_MALFORMED, "X.690 8.3.2", "an INTEGER that is not minimal");
    }
    uint64_t v = value.p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < value.n; i++) {
        v = v << 8 | value.p[i];
    }
    *out = (int64_t)v;
    return CR_OK;
}

static size_t tag_size(uint32_t tag)
{
    return tag > 0xFFFF ? 3 : tag > 0xFF ? 2 : 1;
}

static size_t length_size(size_t length)
{
    size_t count = 1;
    if (length >= 0x80) {
        for (; length; length >>= 8) {
            count++;
        }
    }
    return count;
}

size_t der_header_size(uint32_t tag, size_t length)
{
    return tag_size(tag) + length_size(length);
}

static void be_write(uint8_t *to, uint64_t v, size_t bytes)
{
    for (size_t i = bytes; i > 0; i--, v >>= 8) {
        to[i - 1] = (uint8_t)v;
    }
}

static void length_write(uint8_t *to, size_t length, size_t size)
{
    if (size == 1) {
        to[0] = (uint8_t)length;
    } else {
        to[0] = (uint8_t)(0x80 | (size - 1));
        be_write(to + 1, length, size - 1);
    }
}

size_t der_header_write(uint8_t out[DER_HEADER_MAX], uint32_t tag, size_t length)
{
    if (length > UINT32_MAX || tag > 0xFFFFFF) {
        return 0;
    }
    size_t t = tag_size(tag);
    size_t l = length_size(length);
    be_write(out, tag, t);
    length_write(out + t, length, l);
    return t + l;
}

void der_put_header(cr_buf *b, uint32_t tag, size_t length)
{
    uint8_t header[DER_HEADER_MAX];
    size_t n = der_header_write(header, tag, length);
    if (n == 0) {
        b->failed = true;
    }
    cr_buf_append(b, header, n);
}

void der_put(cr_buf *b, uint32_t tag, cr_span value)
{
    der_put_header(b, tag, value.n);
    cr_buf_append_span(b, value);
}

size_t der_integer_write(uint8_t out[8], int64_t value)
{
    be_write(out, (uint64_t)value, 8);
    size_t skip = 0;
    while (skip < 7 && ((out[skip] == 0 && out[skip + 1] < 0x80) ||
                        (out[skip] == 0xFF && out[skip + 1] >= 0x80))) {
        skip++;
    }
    memmove(out, out + skip, 8 - skip);
    return 8 - skip;
}

void der_put_integer(cr_buf *b, uint32_t tag, int64_t value)
{
    uint8_t contents[8];
    size_t n = der_integer_write(contents, value);
    der_put(b, tag, cr_span_of(contents, n));
}

size_t der_open(cr_buf *b, uint32_t tag)
{
    der_put_header(b, tag, 0); /* one length byte, widened by der_close() where needed */
    return b->n;
}

void der_close(cr_buf *b, size_t mark)
{
    if (!cr_buf_ok(b)) {
        return;
    }
    size_t length = b->n - mark;
    size_t size = length_size(length);
    if (length > UINT32_MAX || (size > 1 && !cr_buf_extend(b, size - 1))) {
        b->failed = true;
        return;
    }
    uint8_t *at = b->p + mark;
    memmove(at + size - 1, at, length);
    length_write(at - 1, length, size);
}
