#include "asn1/digits.h"
#include "asn1/json.h"
#include "asn1/table.h"

#include "base/text.h"

static cr_status row_to_json(const struct asn1_field *f, const void *base, unsigned depth,
                             const struct asn1_path *path, json_t **out, struct cr_err *err);

static cr_status given(json_t *made, json_t **out, struct cr_err *err)
{
    if (!made) {
        return cr_fail_memory(err);
    }
    *out = made;
    return CR_OK;
}

/* Takes the text over, and frees it. */
static cr_status text_to_json(cr_buf *text, json_t **out, struct cr_err *err)
{
    json_t *made = NULL;
    if (cr_buf_ok(text)) {
        made = json_stringn_nocheck((const char *)cr_buf_span(text).p, text->n);
    }
    text->secret = true; /* nothing says what it holds */
    cr_buf_free(text);
    return given(made, out, err);
}

static cr_status integer_to_json(const struct asn1_field *f, int64_t value, json_t **out,
                                 struct cr_err *err)
{
    const char *name = asn1_name_of(f->names, value);
    return given(name ? json_string(name) : json_integer(value), out, err);
}

static cr_status bits_to_json(const struct asn1_field *f, uint64_t bits, json_t **out,
                              struct cr_err *err)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < 64; i++) {
        if (!(bits >> i & 1)) {
            continue;
        }
        const char *name = asn1_name_of(f->names, i);
        if (json_array_append_new(array, name ? json_string(name) : json_integer(i)) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return given(array, out, err);
}

static cr_status octets_to_json(const struct asn1_field *f, cr_span s, json_t **out,
                                struct cr_err *err)
{
    cr_buf text = {0};
    if (f->flags & (ASN1_DIGITS | ASN1_DIGITS_SWAPPED)) {
        asn1_digits_append(&text, f, s);
    } else if ((f->flags & ASN1_VERSION) && s.n == 3) {
        asn1_version_append(&text, s);
    } else {
        cr_hex_append(&text, s);
    }
    return text_to_json(&text, out, err);
}

/* Each byte becomes the character of its number, so that any byte comes back. */
static cr_status latin1_to_json(cr_span s, json_t **out, struct cr_err *err)
{
    cr_buf text = {0};
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 0x80) {
            cr_buf_append_byte(&text, (uint8_t)(0xC0 | s.p[i] >> 6));
            cr_buf_append_byte(&text, (uint8_t)(0x80 | (s.p[i] & 0x3F)));
        } else {
            cr_buf_append_byte(&text, s.p[i]);
        }
    }
    return text_to_json(&text, out, err);
}

static cr_status string_to_json(const struct asn1_field *f, cr_span s, json_t **out,
                                const struct asn1_path *path, struct cr_err *err)
{
    CR_TRY(asn1_check_string(f, s, CR_REFUSED, path, err));
    if (f->kind == ASN1_OID) {
        char oid[DER_OID_TEXT];
        CR_TRY(der_oid_text(s, oid, err));
        return given(json_string(oid), out, err);
    }
    if (f->kind == ASN1_UTF8) {
        return given(json_stringn_nocheck(s.n ? (const char *)s.p : "", s.n), out, err);
    }
    return latin1_to_json(s, out, err);
}

/* Puts the row's value into the object under the standard's name. */
static cr_status member_to_json(const struct asn1_field *f, const void *base, unsigned depth,
                                const struct asn1_path *path, json_t *object, struct cr_err *err)
{
    const struct asn1_path here = {.up = path, .name = f->name};
    json_t *member = NULL;
    CR_TRY(row_to_json(f, base, depth, &here, &member, err));
    return json_object_set_new(object, f->name, member) == 0 ? CR_OK : cr_fail_memory(err);
}

static cr_status sequence_fill(const struct asn1_type *t, const void *at, unsigned depth,
                               const struct asn1_path *path, json_t *object, struct cr_err *err)
{
    for (size_t i = 0; i < t->field_count; i++) {
        const struct asn1_field *f = &t->fields[i];
        bool mandatory_null = f->kind == ASN1_NULL && !asn1_row_optional(f);
        if (mandatory_null || asn1_row_written(f, at)) {
            CR_TRY(member_to_json(f, at, depth, path, object, err));
        }
    }
    return CR_OK;
}

static cr_status choice_fill(const struct asn1_type *t, const void *at, unsigned depth,
                             const struct asn1_path *path, json_t *object, struct cr_err *err)
{
    int which = *(const int *)at;
    if (which < 1 || which > t->field_count) {
        return asn1_fail(err, path, CR_REFUSED, "no alternative is chosen");
    }
    return member_to_json(&t->fields[which - 1], at, depth, path, object, err);
}

static cr_status struct_to_json(const struct asn1_type *t, const void *at, unsigned depth,
                                const struct asn1_path *path, json_t **out, struct cr_err *err)
{
    json_t *object = json_object();
    if (!object) {
        return cr_fail_memory(err);
    }
    cr_status status = t->kind == ASN1_SEQUENCE ? sequence_fill(t, at, depth, path, object, err)
                                                : choice_fill(t, at, depth, path, object, err);
    if (status != CR_OK) {
        json_decref(object);
        return status;
    }
    *out = object;
    return CR_OK;
}

static cr_status list_fill(const struct asn1_field *f, const struct asn1_list *list, unsigned depth,
                           const struct asn1_path *path, json_t *array, struct cr_err *err)
{
    const struct asn1_field element = asn1_row_of(f->type);
    for (size_t i = 0; i < list->count; i++) {
        const struct asn1_path here = {.up = path, .index = i};
        json_t *item = NULL;
        CR_TRY(row_to_json(&element, asn1_at_const(list->items, i * f->type->size), depth, &here,
                           &item, err));
        if (json_array_append_new(array, item) != 0) {
            return cr_fail_memory(err);
        }
    }
    return CR_OK;
}

static cr_status list_to_json(const struct asn1_field *f, const struct asn1_list *list,
                              unsigned depth, const struct asn1_path *path, json_t **out,
                              struct cr_err *err)
{
    json_t *array = json_array();
    if (!array) {
        return cr_fail_memory(err);
    }
    cr_status status = list_fill(f, list, depth, path, array, err);
    if (status != CR_OK) {
        json_decref(array);
        return status;
    }
    *out = array;
    return CR_OK;
}

static cr_status row_to_json(const struct asn1_field *f, const void *base, unsigned depth,
                             const struct asn1_path *path, json_t **out, struct cr_err *err)
{
    const void *at = asn1_at_const(base, f->offset);
    if (depth > DER_MAX_DEPTH) {
        return asn1_fail(err, path, CR_REFUSED, "nested deeper than %d", DER_MAX_DEPTH);
    }
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
        return given(json_boolean(*(const bool *)at), out, err);
    case ASN1_INTEGER:
        return integer_to_json(f, *(const int64_t *)at, out, err);
    case ASN1_NULL:
        return given(json_true(), out, err);
    case ASN1_BITS:
        return bits_to_json(f, *(const uint64_t *)at, out, err);
    case ASN1_OCTETS:
    case ASN1_RAW:
        return octets_to_json(f, *(const cr_span *)at, out, err);
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
        return string_to_json(f, *(const cr_span *)at, out, path, err);
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        return struct_to_json(f->type, at, depth + 1, path, out, err);
    case ASN1_SEQUENCE_OF:
        return list_to_json(f, at, depth + 1, path, out, err);
    }
    return asn1_fail(err, path, CR_INTERNAL, "the table has kind %d", f->kind);
}

cr_status asn1_to_json(const struct asn1_type *t, const void *value, json_t **out,
                       struct cr_err *err)
{
    const struct asn1_field top = asn1_row_of(t);
    const struct asn1_path path = {.name = t->name};
    return row_to_json(&top, value, 0, &path, out, err);
}
