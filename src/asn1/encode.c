/*
 * The encoder writes backwards, from the last byte of the last component to the first tag: a
 * length is known when its header is written, so nothing is moved or measured twice. What does not
 * fit the room is only counted; then it is done once more with room enough.
 */
#include "asn1/table.h"

#define FIRST_ROOM 512 /* bytes tried in a buffer that has no room of its own */

struct encoder {
    uint8_t *base; /* room bytes, filled from their end */
    size_t room;
    size_t n; /* bytes written or counted */
    unsigned flags;
    struct cr_err *err;
};

static cr_status encode_row(struct encoder *e, const struct asn1_field *f, const void *base,
                            unsigned depth, const struct asn1_path *path);

static void put(struct encoder *e, const void *p, size_t n)
{
    e->n += n;
    if (n && e->n <= e->room) {
        memcpy(e->base + e->room - e->n, p, n);
    }
}

static cr_status put_header(struct encoder *e, uint32_t tag, size_t length,
                            const struct asn1_path *path)
{
    uint8_t header[DER_HEADER_MAX];
    size_t n = der_header_write(header, tag, length);
    if (n == 0) {
        return asn1_fail(e->err, path, CR_REFUSED, "%zu bytes under tag %X", length, tag);
    }
    put(e, header, n);
    return CR_OK;
}

static cr_status put_tlv(struct encoder *e, uint32_t tag, cr_span contents,
                         const struct asn1_path *path)
{
    put(e, contents.p, contents.n);
    return put_header(e, tag, contents.n, path);
}

/* A complete TLV as it is, or its contents under another tag. tag 0 = as it is. */
static cr_status put_raw(struct encoder *e, uint32_t tag, cr_span raw, const struct asn1_path *path)
{
    if (tag == 0 || der_peek(raw) == tag) {
        put(e, raw.p, raw.n);
        return CR_OK;
    }
    struct der_tlv tlv;
    cr_span in = raw;
    if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || in.n) {
        return asn1_fail(e->err, path, CR_REFUSED, "not one complete TLV");
    }
    return put_tlv(e, tag, tlv.value, path);
}

static cr_status encode_integer(struct encoder *e, uint32_t tag, int64_t value,
                                const struct asn1_path *path)
{
    uint8_t contents[8];
    size_t n = der_integer_write(contents, value);
    return put_tlv(e, tag, cr_span_of(contents, n), path);
}

static cr_status encode_bits(struct encoder *e, uint32_t tag, uint64_t bits,
                             const struct asn1_path *path)
{
    uint8_t contents[9] = {0};
    size_t n = 1;
    for (unsigned i = 0; i < 64; i++) {
        if (bits >> i & 1) {
            contents[1 + i / 8] |= (uint8_t)(0x80 >> i % 8);
            contents[0] = (uint8_t)(7 - i % 8); /* trailing zero bits are left out */
            n = 2 + i / 8;
        }
    }
    return put_tlv(e, tag, cr_span_of(contents, n), path);
}

static cr_status encode_string(struct encoder *e, const struct asn1_field *f, uint32_t tag,
                               cr_span value, const struct asn1_path *path)
{
    CR_TRY(asn1_check_limits(f, value.n, CR_REFUSED, path, e->err));
    if (f->kind != ASN1_OCTETS) {
        CR_TRY(asn1_check_string(f, value, CR_REFUSED, path, e->err));
    }
    if (f->kind == ASN1_TIME && tag == 0x17 && f->tag != tag &&
        value.n != sizeof("YYMMDDHHMMSSZ") - 1) {
        tag = 0x18; /* a row without a tag takes both times */
    }
    return put_tlv(e, tag, value, path);
}

static cr_status encode_open(struct encoder *e, const struct asn1_field *f, uint32_t tag,
                             cr_span raw, const struct asn1_path *path)
{
    struct der_tlv tlv;
    cr_span in = raw;
    CR_TRY(asn1_check_limits(f, raw.n, CR_REFUSED, path, e->err));
    if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || in.n) {
        return asn1_fail(e->err, path, CR_REFUSED, "not one complete TLV");
    }
    return put_raw(e, tag, raw, path);
}

static cr_status encode_sequence(struct encoder *e, const struct asn1_type *t, const void *value,
                                 unsigned depth, const struct asn1_path *path)
{
    for (size_t i = t->field_count; i > 0; i--) {
        const struct asn1_field *f = &t->fields[i - 1];
        if ((f->flags & ASN1_SINCE_V3) && (e->flags & ASN1_ENCODE_V2)) {
            continue;
        }
        bool optional = asn1_row_optional(f);
        if (optional && !asn1_row_written(f, value)) {
            continue;
        }
        const struct asn1_path here = {.up = path, .name = f->name};
        if (!optional && f->kind != ASN1_NULL && !asn1_row_present(f, value)) {
            return asn1_fail(e->err, &here, CR_REFUSED, "mandatory, but absent");
        }
        CR_TRY(encode_row(e, f, value, depth, &here));
    }
    return CR_OK;
}

static cr_status encode_choice(struct encoder *e, const struct asn1_type *t, const void *value,
                               unsigned depth, const struct asn1_path *path)
{
    int which = *(const int *)value;
    if (which < 1 || which > t->field_count) {
        return asn1_fail(e->err, path, CR_REFUSED, "no alternative is chosen");
    }
    const struct asn1_field *f = &t->fields[which - 1];
    const struct asn1_path here = {.up = path, .name = f->name};
    if ((f->flags & ASN1_SINCE_V3) && (e->flags & ASN1_ENCODE_V2)) {
        return asn1_fail(e->err, &here, CR_REFUSED, "not known to a v2 peer");
    }
    if (f->kind != ASN1_NULL && !asn1_row_present(f, value)) {
        return asn1_fail(e->err, &here, CR_REFUSED, "chosen, but absent");
    }
    return encode_row(e, f, value, depth, &here);
}

static cr_status encode_list(struct encoder *e, const struct asn1_field *f,
                             const struct asn1_list *list, unsigned depth,
                             const struct asn1_path *path)
{
    const struct asn1_field element = asn1_row_of(f->type);
    CR_TRY(asn1_check_limits(f, list->count, CR_REFUSED, path, e->err));
    for (size_t i = list->count; i > 0; i--) {
        const struct asn1_path here = {.up = path, .index = i - 1};
        const void *item = asn1_at_const(list->items, (i - 1) * f->type->size);
        if (element.kind != ASN1_NULL && !asn1_row_present(&element, item)) {
            return asn1_fail(e->err, &here, CR_REFUSED, "absent");
        }
        CR_TRY(encode_row(e, &element, item, depth, &here));
    }
    return CR_OK;
}

/* SEQUENCE and CHOICE: what was received goes out as it was received. */
static cr_status encode_struct(struct encoder *e, const struct asn1_field *f, uint32_t tag,
                               const void *at, unsigned depth, const struct asn1_path *path)
{
    const struct asn1_type *t = f->type;
    cr_span raw = e->flags & ASN1_ENCODE_NO_RAW ? (cr_span){0} : asn1_raw_of(t, at);
    if (raw.n) {
        return put_raw(e, tag, raw, path);
    }
    size_t before = e->n;
    CR_TRY(f->kind == ASN1_SEQUENCE ? encode_sequence(e, t, at, depth, path)
                                    : encode_choice(e, t, at, depth, path));
    return tag ? put_header(e, tag, e->n - before, path) : CR_OK;
}

static cr_status encode_kind(struct encoder *e, const struct asn1_field *f, uint32_t tag,
                             const void *at, unsigned depth, const struct asn1_path *path)
{
    size_t before = e->n;
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
        return put_tlv(e, tag, cr_span_of(*(const bool *)at ? "\xFF" : "\0", 1), path);
    case ASN1_INTEGER:
        return encode_integer(e, tag, *(const int64_t *)at, path);
    case ASN1_NULL:
        return put_header(e, tag, 0, path);
    case ASN1_BITS:
        return encode_bits(e, tag, *(const uint64_t *)at, path);
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
        return encode_string(e, f, tag, *(const cr_span *)at, path);
    case ASN1_RAW:
        return encode_open(e, f, tag, *(const cr_span *)at, path);
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        return encode_struct(e, f, tag, at, depth + 1, path);
    case ASN1_SEQUENCE_OF:
        CR_TRY(encode_list(e, f, at, depth + 1, path));
        return put_header(e, tag, e->n - before, path);
    }
    return asn1_fail(e->err, path, CR_INTERNAL, "the table has kind %d", f->kind);
}

static cr_status encode_row(struct encoder *e, const struct asn1_field *f, const void *base,
                            unsigned depth, const struct asn1_path *path)
{
    const void *at = asn1_at_const(base, f->offset);
    if (depth > DER_MAX_DEPTH) {
        return asn1_fail(e->err, path, CR_REFUSED, "nested deeper than %d", DER_MAX_DEPTH);
    }
    if (asn1_row_wraps(f)) {
        size_t before = e->n;
        CR_TRY(encode_kind(e, f, asn1_own_tag(f), at, depth, path));
        return put_header(e, f->tag, e->n - before, path);
    }
    return encode_kind(e, f, f->tag ? f->tag : asn1_own_tag(f), at, depth, path);
}

static cr_status encode_top(struct encoder *e, const struct asn1_type *t, const void *value)
{
    const struct asn1_field top = asn1_row_of(t);
    const struct asn1_path path = {.name = t->name};
    e->n = 0;
    return encode_row(e, &top, value, 0, &path);
}

/* Room for a first attempt; a buffer near its limit is not marked as failed for it. */
static void first_room(struct encoder *e, cr_buf *out)
{
    size_t room = out->cap - out->n;
    bool allowed = !out->limit || (out->n <= out->limit && out->limit - out->n >= FIRST_ROOM);
    if (room < FIRST_ROOM && allowed && cr_buf_reserve(out, FIRST_ROOM)) {
        room = out->cap - out->n;
    }
    e->room = room;
    e->base = room ? out->p + out->n : NULL;
}

/* What was tried at the end of the room and did not become part of the buffer. */
static void wipe_room(const struct encoder *e, size_t keep, const cr_buf *out)
{
    size_t from = e->n < e->room ? e->room - e->n : 0;
    from = from < keep ? keep : from;
    if (out->secret && from < e->room) {
        cr_wipe(e->base + from, e->room - from);
    }
}

cr_status asn1_encode(const struct asn1_type *t, const void *value, unsigned flags, cr_buf *out,
                      struct cr_err *err)
{
    struct encoder e = {.flags = flags, .err = err};
    first_room(&e, out);
    cr_status status = encode_top(&e, t, value);
    if (status != CR_OK) {
        wipe_room(&e, 0, out);
        return status;
    }
    if (e.n > e.room) {
        wipe_room(&e, 0, out);
        if (!cr_buf_reserve(out, e.n)) {
            return cr_fail_memory(err);
        }
        e.room = e.n;
        e.base = out->p + out->n;
        CR_TRY(encode_top(&e, t, value)); /* the same again: cannot fail any more */
    }
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    memmove(e.base, e.base + e.room - e.n, e.n);
    wipe_room(&e, e.n, out);
    out->n += e.n;
    return CR_OK;
}

cr_status asn1_encode_arena(const struct asn1_type *t, const void *value, unsigned flags,
                            cr_arena *arena, cr_span *out, struct cr_err *err)
{
    struct encoder e = {.flags = flags, .err = err};
    CR_TRY(encode_top(&e, t, value));
    e.base = cr_arena_alloc(arena, e.n);
    if (!e.base) {
        return cr_fail_memory(err);
    }
    e.room = e.n;
    CR_TRY(encode_top(&e, t, value));
    *out = cr_span_of(e.base, e.n);
    return CR_OK;
}
