#include "asn1/digits.h"
#include "asn1/json.h"
#include "asn1/table.h"

#include "base/text.h"

struct reader {
    cr_arena *arena;
    struct cr_err *err;
};

static cr_status row_from_json(const struct reader *r, const struct asn1_field *f,
                               const json_t *json, void *base, unsigned depth,
                               const struct asn1_path *path);

static cr_status wrong(const struct reader *r, const struct asn1_path *path, const char *expected)
{
    return asn1_fail(r->err, path, CR_MALFORMED, "%s is expected", expected);
}

static cr_status boolean_from_json(const struct reader *r, const json_t *json, bool *out,
                                   const struct asn1_path *path)
{
    if (!json_is_boolean(json)) {
        return wrong(r, path, "true or false");
    }
    *out = json_is_true(json);
    return CR_OK;
}

static cr_status null_from_json(const struct reader *r, const json_t *json, bool *out,
                                const struct asn1_path *path)
{
    if (!json_is_true(json)) {
        return wrong(r, path, "true");
    }
    *out = true;
    return CR_OK;
}

/* A number, or a name of the table. */
static cr_status number_from_json(const struct reader *r, const struct asn1_field *f,
                                  const json_t *json, int64_t *out, const struct asn1_path *path)
{
    if (json_is_integer(json)) {
        *out = json_integer_value(json);
        return CR_OK;
    }
    if (!json_is_string(json)) {
        return wrong(r, path, f->names ? "a number or a name" : "a whole number");
    }
    const char *text = json_string_value(json);
    for (const struct asn1_name *n = f->names; n && n->name; n++) {
        if (strcmp(n->name, text) == 0) {
            *out = n->value;
            return CR_OK;
        }
    }
    return asn1_fail(r->err, path, CR_MALFORMED, "no value has the name \"%.40s\"", text);
}

static cr_status bits_from_json(const struct reader *r, const struct asn1_field *f,
                                const json_t *json, uint64_t *out, const struct asn1_path *path)
{
    if (!json_is_array(json)) {
        return wrong(r, path, "an array of bits");
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < json_array_size(json); i++) {
        const struct asn1_path here = {.up = path, .index = i};
        int64_t bit = 0;
        CR_TRY(number_from_json(r, f, json_array_get(json, i), &bit, &here));
        if (bit < 0 || bit > 63) {
            return wrong(r, &here, "a bit of 0 to 63");
        }
        bits |= (uint64_t)1 << bit;
    }
    *out = bits;
    return CR_OK;
}

/* The characters of latin1_to_json() back to bytes. */
static bool latin1_parse(cr_buf *out, cr_span text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c >= 0x80) {
            if ((c != 0xC2 && c != 0xC3) || ++i == text.n) {
                return false;
            }
            c = (uint8_t)(c << 6 | (text.p[i] & 0x3F));
        }
        cr_buf_append_byte(out, c);
    }
    return true;
}

static bool is_one_tlv(cr_span s)
{
    struct der_tlv tlv;
    return der_next(&s, DER_BER_LENGTHS, &tlv, NULL) == CR_OK && s.n == 0;
}

/* Text to octets in the form of the row. */
static cr_status text_parse(const struct reader *r, const struct asn1_field *f, cr_span text,
                            cr_buf *out, const struct asn1_path *path)
{
    bool hex = f->kind == ASN1_OCTETS || f->kind == ASN1_RAW;
    if (hex && (f->flags & (ASN1_DIGITS | ASN1_DIGITS_SWAPPED))) {
        return asn1_digits_parse(out, f, text) ? CR_OK : wrong(r, path, "a string of digits");
    }
    if (hex && (f->flags & ASN1_VERSION) && text.n && memchr(text.p, '.', text.n)) {
        return asn1_version_parse(out, text) ? CR_OK : wrong(r, path, "a version a.b.c");
    }
    if (hex || f->kind == ASN1_OID) {
        cr_status status =
            hex ? cr_hex_decode(out, text, r->err) : der_oid_from_text(out, text, r->err);
        return status == CR_OK ? CR_OK : asn1_fail_at(r->err, path, status);
    }
    if (f->kind == ASN1_UTF8) {
        cr_buf_append_span(out, text);
        return CR_OK;
    }
    return latin1_parse(out, text) ? CR_OK : wrong(r, path, "a string of 8-bit characters");
}

static cr_status octets_keep(const struct reader *r, const struct asn1_field *f, const cr_buf *buf,
                             cr_span *out, const struct asn1_path *path)
{
    cr_span octets = cr_buf_span(buf);
    if (!cr_buf_ok(buf)) {
        return asn1_fail_at(r->err, path, cr_fail_memory(r->err));
    }
    CR_TRY(asn1_check_limits(f, octets.n, CR_MALFORMED, path, r->err));
    CR_TRY(asn1_check_string(f, octets, CR_MALFORMED, path, r->err));
    if (f->kind == ASN1_RAW && !is_one_tlv(octets)) {
        return wrong(r, path, "one complete TLV");
    }
    cr_span kept = cr_arena_copy(r->arena, octets);
    if (!cr_span_present(kept)) {
        return asn1_fail_at(r->err, path, cr_fail_memory(r->err));
    }
    *out = kept;
    return CR_OK;
}

static cr_status string_from_json(const struct reader *r, const struct asn1_field *f,
                                  const json_t *json, cr_span *out, const struct asn1_path *path)
{
    if (!json_is_string(json)) {
        return wrong(r, path, "a string");
    }
    cr_buf buf = {.secret = (f->flags & ASN1_SECRET) != 0};
    cr_span text = cr_span_of(json_string_value(json), json_string_length(json));
    cr_status status = text_parse(r, f, text, &buf, path);
    if (status == CR_OK) {
        status = octets_keep(r, f, &buf, out, path);
    }
    cr_buf_free(&buf);
    return status;
}

/* Refuses members no row has: a misspelt optional component must not vanish silently. */
static cr_status check_members(const struct reader *r, const struct asn1_type *t,
                               const json_t *json, const struct asn1_path *path)
{
    json_t *object = (json_t *)json; /* the iterator of jansson has no const form */
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        const char *name = json_object_iter_key(it);
        if (!asn1_field_named(t, name)) {
            const struct asn1_path here = {.up = path, .name = name};
            return asn1_fail(r->err, &here, CR_MALFORMED, "%s has no such component", t->name);
        }
    }
    return CR_OK;
}

static cr_status sequence_from_json(const struct reader *r, const struct asn1_type *t,
                                    const json_t *json, void *at, unsigned depth,
                                    const struct asn1_path *path)
{
    for (size_t i = 0; i < t->field_count; i++) {
        const struct asn1_field *f = &t->fields[i];
        const struct asn1_path here = {.up = path, .name = f->name};
        const json_t *member = json_object_get(json, f->name);
        if (member) {
            CR_TRY(row_from_json(r, f, member, at, depth, &here));
        } else if (asn1_row_optional(f)) {
            asn1_row_default(f, at);
        } else {
            return asn1_fail(r->err, &here, CR_MALFORMED, "missing");
        }
    }
    return CR_OK;
}

static cr_status choice_from_json(const struct reader *r, const struct asn1_type *t,
                                  const json_t *json, void *at, unsigned depth,
                                  const struct asn1_path *path)
{
    if (json_object_size(json) != 1) {
        return wrong(r, path, "an object of exactly one member");
    }
    for (size_t i = 0; i < t->field_count; i++) {
        const struct asn1_field *f = &t->fields[i];
        const struct asn1_path here = {.up = path, .name = f->name};
        const json_t *member = json_object_get(json, f->name);
        if (member) {
            CR_TRY(row_from_json(r, f, member, at, depth, &here));
            *(int *)at = (int)i + 1;
            break;
        }
    }
    return CR_OK;
}

static cr_status struct_from_json(const struct reader *r, const struct asn1_type *t,
                                  const json_t *json, void *at, unsigned depth,
                                  const struct asn1_path *path)
{
    if (!json_is_object(json)) {
        return wrong(r, path, "an object");
    }
    CR_TRY(check_members(r, t, json, path));
    return t->kind == ASN1_SEQUENCE ? sequence_from_json(r, t, json, at, depth, path)
                                    : choice_from_json(r, t, json, at, depth, path);
}

static cr_status list_from_json(const struct reader *r, const struct asn1_field *f,
                                const json_t *json, struct asn1_list *out, unsigned depth,
                                const struct asn1_path *path)
{
    if (!json_is_array(json)) {
        return wrong(r, path, "an array");
    }
    size_t count = json_array_size(json);
    CR_TRY(asn1_check_limits(f, count, CR_MALFORMED, path, r->err));
    const struct asn1_field element = asn1_row_of(f->type);
    uint8_t *items = cr_arena_alloc_array(r->arena, count, f->type->size);
    if (!items) {
        return asn1_fail_at(r->err, path, cr_fail_memory(r->err));
    }
    for (size_t i = 0; i < count; i++) {
        const struct asn1_path here = {.up = path, .index = i};
        CR_TRY(row_from_json(r, &element, json_array_get(json, i), items + i * f->type->size, depth,
                             &here));
    }
    *out = (struct asn1_list){.items = items, .count = count, .present = true};
    return CR_OK;
}

static cr_status kind_from_json(const struct reader *r, const struct asn1_field *f,
                                const json_t *json, void *at, unsigned depth,
                                const struct asn1_path *path)
{
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
        return boolean_from_json(r, json, at, path);
    case ASN1_INTEGER:
        return number_from_json(r, f, json, at, path);
    case ASN1_NULL:
        return null_from_json(r, json, at, path);
    case ASN1_BITS:
        return bits_from_json(r, f, json, at, path);
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
    case ASN1_RAW:
        return string_from_json(r, f, json, at, path);
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        return struct_from_json(r, f->type, json, at, depth + 1, path);
    case ASN1_SEQUENCE_OF:
        return list_from_json(r, f, json, at, depth + 1, path);
    }
    return asn1_fail(r->err, path, CR_INTERNAL, "the table has kind %d", f->kind);
}

static cr_status row_from_json(const struct reader *r, const struct asn1_field *f,
                               const json_t *json, void *base, unsigned depth,
                               const struct asn1_path *path)
{
    if (depth > DER_MAX_DEPTH) {
        return asn1_fail(r->err, path, CR_MALFORMED, "nested deeper than %d", DER_MAX_DEPTH);
    }
    CR_TRY(kind_from_json(r, f, json, asn1_at(base, f->offset), depth, path));
    asn1_row_mark(f, base);
    return CR_OK;
}

cr_status asn1_from_json(const struct asn1_type *t, const json_t *json, cr_arena *arena, void *out,
                         struct cr_err *err)
{
    const struct reader r = {.arena = arena, .err = err};
    const struct asn1_field top = asn1_row_of(t);
    const struct asn1_path path = {.name = t->name};
    memset(out, 0, t->size);
    cr_status status = row_from_json(&r, &top, json, out, 0, &path);
    if (status != CR_OK) {
        memset(out, 0, t->size);
    }
    return status;
}
