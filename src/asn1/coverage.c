/* How much of a TLV a type knows, however damaged the rest is. */
#include "asn1/table.h"

static size_t cover_row(const struct asn1_field *f, const struct der_tlv *tlv, unsigned depth);

/* The TLVs of a damaged content up to the first that is none. */
static bool next_child(cr_span *in, struct der_tlv *out)
{
    return in->n > 0 && der_next(in, DER_BER_LENGTHS, out, NULL) == CR_OK;
}

static const struct asn1_field *any_row(const struct asn1_type *t, uint32_t tag)
{
    for (size_t i = 0; i < t->field_count; i++) {
        if (asn1_row_matches(&t->fields[i], tag)) {
            return &t->fields[i];
        }
    }
    return NULL;
}

static size_t cover_fields(const struct asn1_type *t, cr_span in, unsigned depth)
{
    struct der_tlv child;
    size_t known = 0;
    while (next_child(&in, &child)) {
        const struct asn1_field *row = any_row(t, child.tag);
        known += row ? 1 + cover_row(row, &child, depth + 1) : 0;
    }
    return known;
}

static size_t cover_choice(const struct asn1_type *t, const struct der_tlv *tlv, unsigned depth)
{
    const struct asn1_field *row = any_row(t, tlv->tag);
    return row ? 1 + cover_row(row, tlv, depth + 1) : 0;
}

static size_t cover_list(const struct asn1_field *f, cr_span in, unsigned depth)
{
    const struct asn1_field element = asn1_row_of(f->type);
    struct der_tlv child;
    size_t known = 0;
    while (next_child(&in, &child)) {
        known +=
            asn1_row_matches(&element, child.tag) ? 1 + cover_row(&element, &child, depth + 1) : 0;
    }
    return known;
}

static size_t cover_row(const struct asn1_field *f, const struct der_tlv *tlv, unsigned depth)
{
    struct der_tlv inner;
    cr_span value = tlv->value;
    if (depth > DER_MAX_DEPTH) {
        return 0;
    }
    if (asn1_row_wraps(f)) {
        if (!next_child(&value, &inner) || !asn1_own_matches(f, inner.tag)) {
            return 0;
        }
        tlv = &inner;
        value = inner.value;
    }
    if (f->kind == ASN1_SEQUENCE_OF) {
        return cover_list(f, value, depth);
    }
    if (f->kind != ASN1_SEQUENCE && f->kind != ASN1_CHOICE) {
        return 0;
    }
    struct der_tlv nested;
    if ((f->flags & ASN1_NESTED) && f->type->tag && der_peek(value) == f->type->tag &&
        next_child(&value, &nested)) {
        tlv = &nested;
        value = nested.value;
    }
    if (f->kind == ASN1_SEQUENCE) {
        return cover_fields(f->type, value, depth);
    }
    if (!f->type->tag) {
        return cover_choice(f->type, tlv, depth);
    }
    struct der_tlv chosen;
    return next_child(&value, &chosen) ? cover_choice(f->type, &chosen, depth) : 0;
}

size_t asn1_coverage(const struct asn1_type *t, cr_span in)
{
    const struct asn1_field top = asn1_row_of(t);
    struct der_tlv tlv;
    return next_child(&in, &tlv) && asn1_row_matches(&top, tlv.tag) ? cover_row(&top, &tlv, 0) : 0;
}
