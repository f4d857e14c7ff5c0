#include "asn1/table.h"

struct decoder {
    enum der_rules rules;
    cr_arena *arena;
    struct cr_err *err;
};

static cr_status decode_row(const struct decoder *d, const struct asn1_field *f,
                            const struct der_tlv *tlv, void *base, unsigned depth,
                            const struct asn1_path *path);

static cr_status next(const struct decoder *d, cr_span *in, struct der_tlv *tlv,
                      const struct asn1_path *path)
{
    cr_status status = der_next(in, d->rules, tlv, d->err);
    return status == CR_OK ? CR_OK : asn1_fail_at(d->err, path, status);
}

/* The one TLV that fills the contents of an explicit tag. */
static cr_status unwrap(const struct decoder *d, cr_span contents, struct der_tlv *inner,
                        const struct asn1_path *path)
{
    CR_TRY(next(d, &contents, inner, path));
    if (contents.n) {
        return asn1_fail(d->err, path, CR_MALFORMED, "%zu bytes after the value", contents.n);
    }
    return CR_OK;
}

static cr_status decode_boolean(const struct decoder *d, cr_span value, bool *out,
                                const struct asn1_path *path)
{
    if (value.n != 1) {
        return asn1_fail(d->err, path, CR_MALFORMED, "a BOOLEAN of %zu bytes", value.n);
    }
    *out = value.p[0] != 0; /* DER has FF only; peers send 01 */
    return CR_OK;
}

static cr_status decode_integer(const struct decoder *d, cr_span value, int64_t *out,
                                const struct asn1_path *path)
{
    cr_status status = der_integer(value, out, d->err);
    return status == CR_OK ? CR_OK : asn1_fail_at(d->err, path, status);
}

static cr_status decode_null(const struct decoder *d, cr_span value, bool *out,
                             const struct asn1_path *path)
{
    if (value.n != 0) {
        return asn1_fail(d->err, path, CR_MALFORMED, "a NULL of %zu bytes", value.n);
    }
    *out = true;
    return CR_OK;
}

/* Peers send trailing zero bits and set unused ones: both are taken, neither is kept. */
static cr_status decode_bits(const struct decoder *d, cr_span value, uint64_t *out,
                             const struct asn1_path *path)
{
    if (value.n == 0 || value.p[0] > 7 || (value.n == 1 && value.p[0] != 0)) {
        return asn1_fail(d->err, path, CR_MALFORMED,
                         "a BIT STRING without its count of unused bits");
    }
    size_t bits = (value.n - 1) * 8 - value.p[0];
    uint64_t v = 0;
    for (size_t i = 0; i < bits; i++) {
        if (!(value.p[1 + i / 8] & 0x80 >> i % 8)) {
            continue;
        }
        if (i > 63) {
            return asn1_fail(d->err, path, CR_MALFORMED, "bit %zu is set, 0 to 63 are known", i);
        }
        v |= (uint64_t)1 << i;
    }
    *out = v;
    return CR_OK;
}

static cr_status decode_string(const struct decoder *d, const struct asn1_field *f, cr_span value,
                               cr_span *out, const struct asn1_path *path)
{
    CR_TRY(asn1_check_limits(f, value.n, CR_MALFORMED, path, d->err));
    if (f->kind != ASN1_OCTETS) {
        CR_TRY(asn1_check_string(f, value, CR_MALFORMED, path, d->err));
    }
    *out = value;
    return CR_OK;
}

/* The first row not passed yet that takes the tag; mandatory rows are never passed over. */
static const struct asn1_field *row_for(const struct asn1_field *row, const struct asn1_field *end,
                                        uint32_t tag)
{
    for (; row < end; row++) {
        bool optional = asn1_row_optional(row);
        bool takes_all = row->kind == ASN1_RAW && !row->tag;
        if (asn1_row_matches(row, tag) && !(takes_all && optional && row + 1 < end)) {
            return row;
        }
        if (!optional) {
            break;
        }
    }
    return NULL;
}

static cr_status decode_sequence(const struct decoder *d, const struct asn1_type *t,
                                 const struct der_tlv *tlv, void *out, unsigned depth,
                                 const struct asn1_path *path)
{
    const struct asn1_field *row = t->fields;
    const struct asn1_field *end = row + t->field_count;
    cr_span in = tlv->value;
    while (in.n) {
        struct der_tlv child;
        CR_TRY(next(d, &in, &child, path));
        const struct asn1_field *match = row_for(row, end, child.tag);
        if (!match) {
            continue; /* an extension of a later version */
        }
        for (; row < match; row++) {
            asn1_row_default(row, out);
        }
        const struct asn1_path here = {.up = path, .name = row->name};
        CR_TRY(decode_row(d, row, &child, out, depth, &here));
        row++;
    }
    for (; row < end; row++) {
        if (!asn1_row_optional(row)) {
            const struct asn1_path here = {.up = path, .name = row->name};
            return asn1_fail(d->err, &here, CR_MALFORMED, "missing");
        }
        asn1_row_default(row, out);
    }
    return CR_OK;
}

static cr_status decode_choice(const struct decoder *d, const struct asn1_type *t,
                               const struct der_tlv *tlv, void *out, unsigned depth,
                               const struct asn1_path *path)
{
    for (size_t i = 0; i < t->field_count; i++) {
        const struct asn1_field *f = &t->fields[i];
        if (asn1_row_matches(f, tlv->tag)) {
            const struct asn1_path here = {.up = path, .name = f->name};
            CR_TRY(decode_row(d, f, tlv, out, depth, &here));
            *(int *)out = (int)i + 1;
            return CR_OK;
        }
    }
    return asn1_fail(d->err, path, CR_MALFORMED, "no alternative has tag %X", tlv->tag);
}

static cr_status count_elements(const struct decoder *d, const struct asn1_field *f, cr_span in,
                                size_t *count, const struct asn1_path *path)
{
    size_t n = 0;
    while (in.n) {
        struct der_tlv tlv;
        CR_TRY(next(d, &in, &tlv, path));
        n++;
    }
    CR_TRY(asn1_check_limits(f, n, CR_MALFORMED, path, d->err));
    *count = n;
    return CR_OK;
}

static cr_status decode_list(const struct decoder *d, const struct asn1_field *f, cr_span in,
                             struct asn1_list *out, unsigned depth, const struct asn1_path *path)
{
    size_t count = 0;
    CR_TRY(count_elements(d, f, in, &count, path));
    const struct asn1_field element = asn1_row_of(f->type);
    uint8_t *items = cr_arena_alloc_array(d->arena, count, f->type->size);
    if (!items) {
        return asn1_fail_at(d->err, path, cr_fail_memory(d->err));
    }
    for (size_t i = 0; i < count; i++) {
        const struct asn1_path here = {.up = path, .index = i};
        struct der_tlv tlv;
        CR_TRY(next(d, &in, &tlv, &here));
        if (!asn1_row_matches(&element, tlv.tag)) {
            return asn1_fail(d->err, &here, CR_MALFORMED, "tag %X is no %s", tlv.tag,
                             f->type->name);
        }
        CR_TRY(decode_row(d, &element, &tlv, items + i * f->type->size, depth, &here));
    }
    *out = (struct asn1_list){.items = items, .count = count, .present = true};
    return CR_OK;
}

/* The struct kinds: takes off a tagged CHOICE's tag, keeps the received TLV. */
static cr_status decode_struct(const struct decoder *d, const struct asn1_field *f,
                               const struct der_tlv *tlv, void *at, unsigned depth,
                               const struct asn1_path *path)
{
    const struct asn1_type *t = f->type;
    struct der_tlv nested;
    if ((f->flags & ASN1_NESTED) && t->tag && der_peek(tlv->value) == t->tag) {
        CR_TRY(unwrap(d, tlv->value, &nested, path));
        tlv = &nested;
    }
    if (f->kind == ASN1_SEQUENCE) {
        CR_TRY(decode_sequence(d, t, tlv, at, depth, path));
    } else if (t->tag) {
        struct der_tlv inner;
        CR_TRY(unwrap(d, tlv->value, &inner, path));
        CR_TRY(decode_choice(d, t, &inner, at, depth, path));
    } else {
        CR_TRY(decode_choice(d, t, tlv, at, depth, path));
    }
    if (t->raw_offset != ASN1_NO_OFFSET) {
        *(cr_span *)asn1_at(at, t->raw_offset) = tlv->all;
    }
    return CR_OK;
}

static cr_status decode_kind(const struct decoder *d, const struct asn1_field *f,
                             const struct der_tlv *tlv, void *at, unsigned depth,
                             const struct asn1_path *path)
{
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
        return decode_boolean(d, tlv->value, at, path);
    case ASN1_INTEGER:
        return decode_integer(d, tlv->value, at, path);
    case ASN1_NULL:
        return decode_null(d, tlv->value, at, path);
    case ASN1_BITS:
        return decode_bits(d, tlv->value, at, path);
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
        return decode_string(d, f, tlv->value, at, path);
    case ASN1_RAW:
        return decode_string(d, f, tlv->all, at, path);
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        return decode_struct(d, f, tlv, at, depth + 1, path);
    case ASN1_SEQUENCE_OF:
        return decode_list(d, f, tlv->value, at, depth + 1, path);
    }
    return asn1_fail(d->err, path, CR_INTERNAL, "the table has kind %d", f->kind);
}

/* Decodes a TLV that the row takes into the struct at base. */
static cr_status decode_row(const struct decoder *d, const struct asn1_field *f,
                            const struct der_tlv *tlv, void *base, unsigned depth,
                            const struct asn1_path *path)
{
    if (depth > DER_MAX_DEPTH) {
        return asn1_fail(d->err, path, CR_MALFORMED, "nested deeper than %d", DER_MAX_DEPTH);
    }
    struct der_tlv inner;
    if (asn1_row_wraps(f)) {
        CR_TRY(unwrap(d, tlv->value, &inner, path));
        if (!asn1_own_matches(f, inner.tag)) {
            return asn1_fail(d->err, path, CR_MALFORMED, "tag %X inside %X", inner.tag, f->tag);
        }
        tlv = &inner;
    }
    CR_TRY(decode_kind(d, f, tlv, asn1_at(base, f->offset), depth, path));
    asn1_row_mark(f, base);
    return CR_OK;
}

cr_status asn1_decode_next(const struct asn1_type *t, cr_span *in, unsigned flags, cr_arena *arena,
                           void *out, struct cr_err *err)
{
    const struct decoder d = {
        .rules = flags & ASN1_DECODE_BER_LENGTHS ? DER_BER_LENGTHS : DER_STRICT,
        .arena = arena,
        .err = err,
    };
    const struct asn1_field top = asn1_row_of(t);
    const struct asn1_path path = {.name = t->name};
    cr_span rest = *in;
    struct der_tlv tlv;
    memset(out, 0, t->size);
    CR_TRY(next(&d, &rest, &tlv, &path));
    if (!asn1_row_matches(&top, tlv.tag)) {
        return asn1_fail(err, &path, CR_MALFORMED, "tag %X instead of %X", tlv.tag,
                         asn1_own_tag(&top));
    }
    cr_status status = decode_row(&d, &top, &tlv, out, 0, &path);
    if (status != CR_OK) {
        memset(out, 0, t->size);
        return status;
    }
    *in = rest;
    return CR_OK;
}

cr_status asn1_decode(const struct asn1_type *t, cr_span in, unsigned flags, cr_arena *arena,
                      void *out, struct cr_err *err)
{
    CR_TRY(asn1_decode_next(t, &in, flags, arena, out, err));
    if (in.n && !(flags & ASN1_DECODE_PARTIAL)) {
        const struct asn1_path path = {.name = t->name};
        memset(out, 0, t->size);
        return asn1_fail(err, &path, CR_MALFORMED, "%zu bytes after the value", in.n);
    }
    return CR_OK;
}
