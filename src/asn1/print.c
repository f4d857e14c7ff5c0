/* Values as indented text for people. What comes from outside never reaches a terminal raw. */
#include "asn1/digits.h"
#include "asn1/table.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

#define SHOWN_BYTES 32  /* of an octet string; the rest is said as a length */
#define SHOWN_TEXT  512 /* bytes of a character string */

struct printer {
    const struct asn1_print_hooks *hooks;
    cr_buf *out;
    struct cr_err *err;
};

static cr_status print_struct(const struct printer *p, const struct asn1_type *t, const void *at,
                              unsigned depth, const struct asn1_path *path);
static cr_status print_row(const struct printer *p, const struct asn1_field *f, const void *base,
                           unsigned depth, const struct asn1_path *path);

static void indent(cr_buf *out, unsigned depth)
{
    static const char spaces[] = "                                "
                                 "                                  ";
    size_t n = 2 * (size_t)depth;
    cr_buf_append(out, spaces, n < sizeof(spaces) ? n : sizeof(spaces) - 1);
}

static void put_hex(cr_buf *out, cr_span s)
{
    cr_hex_append(out, cr_span_sub(s, 0, SHOWN_BYTES));
    if (s.n > SHOWN_BYTES) {
        cr_buf_appendf(out, "... (%zu bytes)", s.n);
    } else if (s.n == 0) {
        cr_buf_append_str(out, "(empty)");
    }
}

/* Bytes of the well-formed UTF-8 character at the front. */
static size_t utf8_size(cr_span s)
{
    size_t n = s.p[0] < 0x80 ? 1 : s.p[0] < 0xE0 ? 2 : s.p[0] < 0xF0 ? 3 : 4;
    return n < s.n ? n : s.n;
}

/* Control characters, and those that turn the direction of a line, are shown as escapes. */
static bool utf8_hidden(cr_span c)
{
    if (c.n == 1) {
        return c.p[0] < 0x20 || c.p[0] >= 0x7F;
    }
    if (c.n == 2) {
        return c.p[0] == 0xC2 && c.p[1] < 0xA0;
    }
    if (c.n == 3 && c.p[0] == 0xE2) {
        uint32_t v = (uint32_t)c.p[1] << 8 | c.p[2];
        return (v >= 0x808B && v <= 0x808F) || (v >= 0x80A8 && v <= 0x80AE) ||
               (v >= 0x81A0 && v <= 0x81AF);
    }
    return false;
}

/* In quotes. utf8: the bytes are well-formed; otherwise only ASCII is shown as such. */
static void put_text(cr_buf *out, cr_span s, bool utf8)
{
    cr_buf_append_byte(out, '"');
    size_t at = 0;
    while (at < s.n && at < SHOWN_TEXT) {
        cr_span c = cr_span_sub(s, at, 1);
        if (utf8) {
            c = cr_span_sub(s, at, utf8_size(cr_span_sub(s, at, s.n)));
        }
        if (utf8_hidden(c)) {
            for (size_t i = 0; i < c.n; i++) {
                cr_buf_appendf(out, "\\x%02X", c.p[i]);
            }
        } else {
            if (c.p[0] == '"' || c.p[0] == '\\') {
                cr_buf_append_byte(out, '\\');
            }
            cr_buf_append_span(out, c);
        }
        at += c.n;
    }
    cr_buf_append_byte(out, '"');
    if (at < s.n) {
        cr_buf_appendf(out, "... (%zu bytes)", s.n);
    }
}

static void put_integer(cr_buf *out, const struct asn1_field *f, int64_t value)
{
    const char *name = asn1_name_of(f->names, value);
    if (name) {
        cr_buf_appendf(out, "%s (%" PRId64 ")", name, value);
    } else {
        cr_buf_appendf(out, "%" PRId64, value);
    }
}

static void put_bits(cr_buf *out, const struct asn1_field *f, uint64_t bits)
{
    const char *separator = "";
    for (unsigned i = 0; i < 64; i++) {
        if (!(bits >> i & 1)) {
            continue;
        }
        const char *name = asn1_name_of(f->names, i);
        if (name) {
            cr_buf_appendf(out, "%s%s", separator, name);
        } else {
            cr_buf_appendf(out, "%s%u", separator, i);
        }
        separator = ", ";
    }
    if (!bits) {
        cr_buf_append_str(out, "(none)");
    }
}

static void put_octets(cr_buf *out, const struct asn1_field *f, cr_span s)
{
    if (f->flags & ASN1_SECRET) {
        cr_buf_appendf(out, "(secret, %zu bytes)", s.n);
    } else if (s.n && s.n <= SHOWN_BYTES && (f->flags & (ASN1_DIGITS | ASN1_DIGITS_SWAPPED))) {
        asn1_digits_append(out, f, s);
    } else if (s.n == 3 && (f->flags & ASN1_VERSION)) {
        asn1_version_append(out, s);
    } else {
        put_hex(out, s);
    }
}

static void put_oid(const struct printer *p, cr_span s)
{
    char text[DER_OID_TEXT];
    if (der_oid_text(s, text, NULL) != CR_OK) {
        put_hex(p->out, s);
        return;
    }
    const char *name = p->hooks && p->hooks->oid_name ? p->hooks->oid_name(s) : NULL;
    cr_buf_append_str(p->out, text);
    if (name) {
        cr_buf_appendf(p->out, " (%s)", name);
    }
}

static void put_raw(const struct printer *p, const struct asn1_field *f, cr_span s)
{
    if (f->flags & ASN1_SECRET) {
        put_octets(p->out, f, s);
        return;
    }
    size_t start = p->out->n;
    if (!p->hooks || !p->hooks->raw_summary) {
        put_hex(p->out, s);
    } else if (!p->hooks->raw_summary(s, p->out)) {
        p->out->n = start < p->out->n ? start : p->out->n;
        put_hex(p->out, s);
    }
}

static void put_string(const struct printer *p, const struct asn1_field *f, cr_span s)
{
    if (f->flags & ASN1_SECRET) {
        put_octets(p->out, f, s);
    } else {
        put_text(p->out, s, f->kind == ASN1_UTF8 && cr_utf8_valid(s));
    }
}

static void end_line(const struct printer *p)
{
    cr_buf_append_byte(p->out, '\n');
}

static cr_status print_list(const struct printer *p, const struct asn1_field *f,
                            const struct asn1_list *list, unsigned depth,
                            const struct asn1_path *path)
{
    struct asn1_field element = asn1_row_of(f->type);
    cr_buf_appendf(p->out, " (%zu)\n", list->count);
    for (size_t i = 0; i < list->count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "[%zu]", i);
        element.name = name;
        const struct asn1_path here = {.up = path, .index = i};
        CR_TRY(print_row(p, &element, asn1_at_const(list->items, i * f->type->size), depth + 1,
                         &here));
    }
    return CR_OK;
}

static cr_status print_value(const struct printer *p, const struct asn1_field *f, const void *at,
                             unsigned depth, const struct asn1_path *path)
{
    bool compound =
        f->kind == ASN1_SEQUENCE || f->kind == ASN1_SEQUENCE_OF || f->kind == ASN1_CHOICE;
    cr_buf_append_str(p->out, compound ? ":" : ": ");
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
        cr_buf_append_str(p->out, *(const bool *)at ? "true" : "false");
        break;
    case ASN1_INTEGER:
        put_integer(p->out, f, *(const int64_t *)at);
        break;
    case ASN1_NULL:
        cr_buf_append_str(p->out, "present");
        break;
    case ASN1_BITS:
        put_bits(p->out, f, *(const uint64_t *)at);
        break;
    case ASN1_OCTETS:
        put_octets(p->out, f, *(const cr_span *)at);
        break;
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_TIME:
        put_string(p, f, *(const cr_span *)at);
        break;
    case ASN1_OID:
        put_oid(p, *(const cr_span *)at);
        break;
    case ASN1_RAW:
        put_raw(p, f, *(const cr_span *)at);
        break;
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        end_line(p);
        return print_struct(p, f->type, at, depth + 1, path);
    case ASN1_SEQUENCE_OF:
        return print_list(p, f, at, depth, path);
    }
    if ((f->flags & ASN1_DEFAULT) && asn1_is_default(f, at)) {
        cr_buf_append_str(p->out, " (default)");
    }
    end_line(p);
    return CR_OK;
}

static cr_status print_row(const struct printer *p, const struct asn1_field *f, const void *base,
                           unsigned depth, const struct asn1_path *path)
{
    if (depth > 2 * DER_MAX_DEPTH) {
        return asn1_fail(p->err, path, CR_REFUSED, "nested deeper than %d", DER_MAX_DEPTH);
    }
    indent(p->out, depth);
    cr_buf_append_str(p->out, f->name);
    return print_value(p, f, asn1_at_const(base, f->offset), depth, path);
}

static cr_status print_choice(const struct printer *p, const struct asn1_type *t, const void *at,
                              unsigned depth, const struct asn1_path *path)
{
    int which = *(const int *)at;
    if (which < 1 || which > t->field_count) {
        indent(p->out, depth);
        cr_buf_append_str(p->out, "(nothing chosen)\n");
        return CR_OK;
    }
    const struct asn1_field *f = &t->fields[which - 1];
    const struct asn1_path here = {.up = path, .name = f->name};
    return print_row(p, f, at, depth, &here);
}

/* A default is worth a line; other rows have one when the value is there. */
static bool row_shown(const struct asn1_field *f, const void *at)
{
    return (f->flags & ASN1_DEFAULT) || asn1_row_present(f, at);
}

static cr_status print_struct(const struct printer *p, const struct asn1_type *t, const void *at,
                              unsigned depth, const struct asn1_path *path)
{
    if (t->kind == ASN1_CHOICE) {
        return print_choice(p, t, at, depth, path);
    }
    for (size_t i = 0; i < t->field_count; i++) {
        const struct asn1_field *f = &t->fields[i];
        if (row_shown(f, at)) {
            const struct asn1_path here = {.up = path, .name = f->name};
            CR_TRY(print_row(p, f, at, depth, &here));
        }
    }
    return CR_OK;
}

cr_status asn1_print(const struct asn1_type *t, const void *value,
                     const struct asn1_print_hooks *hooks, cr_buf *out, struct cr_err *err)
{
    const struct printer p = {.hooks = hooks, .out = out, .err = err};
    const struct asn1_field top = asn1_row_of(t);
    const struct asn1_path path = {.name = t->name};
    size_t start = out->n;
    cr_status status = print_row(&p, &top, value, 0, &path);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        out->n = start;
    }
    return status;
}

/* ---- TLVs of no known type ---- */

static bool is_ascii_text(cr_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] >= 0x7F) {
            return false;
        }
    }
    return s.n >= 4;
}

/* What the universal class says; everything else is hex, and text beside it where it looks so. */
static void put_primitive(cr_buf *out, const struct der_tlv *tlv)
{
    int64_t number;
    char oid[DER_OID_TEXT];
    if (tlv->tag == 0x02 && der_integer(tlv->value, &number, NULL) == CR_OK) {
        cr_buf_appendf(out, "%" PRId64, number);
    } else if (tlv->tag == 0x06 && der_oid_text(tlv->value, oid, NULL) == CR_OK) {
        cr_buf_append_str(out, oid);
    } else if (tlv->tag == 0x0C && cr_utf8_valid(tlv->value)) {
        put_text(out, tlv->value, true);
    } else {
        put_hex(out, tlv->value);
        if (is_ascii_text(tlv->value)) {
            cr_buf_append_byte(out, ' ');
            put_text(out, tlv->value, false);
        }
    }
}

static cr_status print_tree(cr_span in, unsigned depth, cr_buf *out, struct cr_err *err)
{
    if (depth > DER_MAX_DEPTH) {
        return cr_fail(err, CR_MALFORMED, NULL, "nested deeper than %d", DER_MAX_DEPTH);
    }
    while (in.n) {
        struct der_tlv tlv;
        CR_TRY(der_next(&in, DER_BER_LENGTHS, &tlv, err));
        indent(out, depth);
        cr_buf_appendf(out, "%02X", tlv.tag);
        if (der_constructed(tlv.tag)) {
            cr_buf_appendf(out, " (%zu)\n", tlv.value.n);
            CR_TRY(print_tree(tlv.value, depth + 1, out, err));
        } else {
            cr_buf_append_byte(out, ' ');
            put_primitive(out, &tlv);
            cr_buf_append_byte(out, '\n');
        }
    }
    return CR_OK;
}

cr_status asn1_print_tlv(cr_span tlv, cr_buf *out, struct cr_err *err)
{
    size_t start = out->n;
    cr_status status = print_tree(tlv, 0, out, err);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        out->n = start;
    }
    return status;
}
