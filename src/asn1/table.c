#include "asn1/table.h"

#include "base/text.h"

#include <stdio.h>

#define PATH_TEXT 160 /* of an error; longer paths lose their outer names */

const char *asn1_name_of(const struct asn1_name *names, int64_t value)
{
    for (; names && names->name; names++) {
        if (names->value == value) {
            return names->name;
        }
    }
    return NULL;
}

const struct asn1_field *asn1_field_named(const struct asn1_type *t, const char *name)
{
    for (size_t i = 0; i < t->field_count; i++) {
        if (strcmp(t->fields[i].name, name) == 0) {
            return &t->fields[i];
        }
    }
    return NULL;
}

/* Writes from the end of text backwards; returns the start. */
static const char *path_text(const struct asn1_path *at, char text[PATH_TEXT])
{
    char *start = text + PATH_TEXT - 1;
    *start = 0;
    for (; at; at = at->up) {
        char part[PATH_TEXT];
        int n = at->name ? snprintf(part, sizeof(part), "%s%s", at->up ? "." : "", at->name)
                         : snprintf(part, sizeof(part), "[%zu]", at->index);
        if (n < 0 || n > start - text) {
            break;
        }
        start -= n;
        memcpy(start, part, (size_t)n);
    }
    return *start == '.' ? start + 1 : start;
}

cr_status asn1_fail_at(struct cr_err *err, const struct asn1_path *at, cr_status status)
{
    if (err) {
        char text[PATH_TEXT];
        (void)cr_err_context(err, status, "%s", path_text(at, text));
        while (at && !at->name) {
            at = at->up;
        }
        (void)cr_err_field(err, status, at ? at->name : NULL);
    }
    return status;
}

cr_status asn1_fail(struct cr_err *err, const struct asn1_path *at, cr_status category,
                    const char *fmt, ...)
{
    if (err) {
        char cause[sizeof(err->cause)];
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(cause, sizeof(cause), fmt, ap);
        va_end(ap);
        (void)cr_fail(err, category, NULL, "%s", cause);
        (void)asn1_fail_at(err, at, category);
    }
    return category;
}

struct asn1_field asn1_row_of(const struct asn1_type *t)
{
    return (struct asn1_field){.name = t->name,
                               .tag = t->tag,
                               .kind = t->kind,
                               .flags = t->flags,
                               .has = ASN1_NO_OFFSET,
                               .min = t->min,
                               .max = t->max,
                               .type = t->kind == ASN1_SEQUENCE_OF ? t->element : t,
                               .names = t->names};
}

uint32_t asn1_own_tag(const struct asn1_field *f)
{
    static const uint8_t universal[] = {
        [ASN1_BOOLEAN] = 0x01, [ASN1_INTEGER] = 0x02,  [ASN1_NULL] = 0x05,
        [ASN1_BITS] = 0x03,    [ASN1_OCTETS] = 0x04,   [ASN1_UTF8] = 0x0C,
        [ASN1_STRING] = 0x16,  [ASN1_OID] = 0x06,      [ASN1_TIME] = 0x17,
        [ASN1_RAW] = 0,        [ASN1_SEQUENCE] = 0x30, [ASN1_SEQUENCE_OF] = 0x30,
        [ASN1_CHOICE] = 0,
    };
    if (f->kind != ASN1_SEQUENCE_OF && f->type && f->type->tag) {
        return f->type->tag;
    }
    return f->kind < CR_COUNT(universal) ? universal[f->kind] : 0;
}

bool asn1_own_matches(const struct asn1_field *f, uint32_t tag)
{
    uint32_t own = asn1_own_tag(f);
    if (own) {
        return tag == own || (f->kind == ASN1_TIME && own == 0x17 && tag == 0x18);
    }
    if (f->kind != ASN1_CHOICE) {
        return f->kind == ASN1_RAW;
    }
    for (size_t i = 0; i < f->type->field_count; i++) {
        if (asn1_row_matches(&f->type->fields[i], tag)) {
            return true;
        }
    }
    return false;
}

bool asn1_row_wraps(const struct asn1_field *f)
{
    if (!f->tag) {
        return false;
    }
    /* An untagged CHOICE cannot be tagged implicitly; a tagged one has its tag replaced. */
    return (f->flags & ASN1_EXPLICIT) || (f->kind == ASN1_CHOICE && !f->type->tag);
}

/* A mark is looked at only where the value itself cannot say that it is absent, and where it may
 * be: elsewhere a row that forgot ASN1_NO_OFFSET does no harm. */
static bool has_mark(const struct asn1_field *f)
{
    bool silent = f->kind == ASN1_BOOLEAN || f->kind == ASN1_INTEGER || f->kind == ASN1_BITS ||
                  f->kind == ASN1_SEQUENCE;
    return silent && f->has != ASN1_NO_OFFSET && asn1_row_optional(f);
}

bool asn1_row_present(const struct asn1_field *f, const void *base)
{
    const void *at = asn1_at_const(base, f->offset);
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
    case ASN1_INTEGER:
    case ASN1_BITS:
    case ASN1_SEQUENCE:
        return !has_mark(f) || *(const bool *)asn1_at_const(base, f->has);
    case ASN1_NULL:
        return *(const bool *)at;
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
    case ASN1_RAW:
        return cr_span_present(*(const cr_span *)at);
    case ASN1_SEQUENCE_OF:
        return ((const struct asn1_list *)at)->present;
    case ASN1_CHOICE:
        return *(const int *)at != 0;
    }
    return false;
}

bool asn1_is_default(const struct asn1_field *f, const void *at)
{
    switch ((enum asn1_kind)f->kind) {
    case ASN1_BOOLEAN:
        return *(const bool *)at == (f->def != 0);
    case ASN1_INTEGER:
        return *(const int64_t *)at == f->def;
    case ASN1_BITS:
        return *(const uint64_t *)at == (uint64_t)f->def;
    case ASN1_NULL:
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
    case ASN1_RAW:
    case ASN1_SEQUENCE:
    case ASN1_SEQUENCE_OF:
    case ASN1_CHOICE:
        break;
    }
    return false;
}

bool asn1_row_written(const struct asn1_field *f, const void *base)
{
    return asn1_row_present(f, base) &&
           !((f->flags & ASN1_DEFAULT) && asn1_is_default(f, asn1_at_const(base, f->offset)));
}

void asn1_row_mark(const struct asn1_field *f, void *base)
{
    if (has_mark(f)) {
        *(bool *)asn1_at(base, f->has) = true;
    }
}

void asn1_row_default(const struct asn1_field *f, void *base)
{
    void *at = asn1_at(base, f->offset);
    if (!(f->flags & ASN1_DEFAULT)) {
        return;
    }
    if (f->kind == ASN1_BOOLEAN) {
        *(bool *)at = f->def != 0;
    } else if (f->kind == ASN1_INTEGER) {
        *(int64_t *)at = f->def;
    } else if (f->kind == ASN1_BITS) {
        *(uint64_t *)at = (uint64_t)f->def;
    }
}

cr_span asn1_raw_of(const struct asn1_type *t, const void *value)
{
    if (t->raw_offset == ASN1_NO_OFFSET) {
        return (cr_span){0};
    }
    return *(const cr_span *)asn1_at_const(value, t->raw_offset);
}

cr_status asn1_check_limits(const struct asn1_field *f, size_t n, cr_status category,
                            const struct asn1_path *path, struct cr_err *err)
{
    bool list = f->kind == ASN1_SEQUENCE_OF;
    size_t max = f->max ? f->max : list ? ASN1_MAX_ELEMENTS : ASN1_MAX_BYTES;
    if (n >= f->min && n <= max) {
        return CR_OK;
    }
    return asn1_fail(err, path, category, "%zu %s, %zu to %zu are allowed", n,
                     list ? "elements" : "bytes", (size_t)f->min, max);
}

/* YYMMDD... or YYYYMMDD...: digits, fraction and zone. Whether the day exists is for its reader. */
static bool is_time(cr_span s)
{
    static const char allowed[] = "0123456789.+-Z";
    if (s.n < 10 || s.n > ASN1_MAX_TIME) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!memchr(allowed, s.p[i], sizeof(allowed) - 1)) {
            return false;
        }
    }
    return true;
}

cr_status asn1_check_string(const struct asn1_field *f, cr_span s, cr_status category,
                            const struct asn1_path *path, struct cr_err *err)
{
    if (f->kind == ASN1_UTF8 && !cr_utf8_valid(s)) {
        return asn1_fail(err, path, category, "not well-formed UTF-8");
    }
    if (f->kind == ASN1_TIME && !is_time(s)) {
        return asn1_fail(err, path, category, "neither UTCTime nor GeneralizedTime");
    }
    char text[DER_OID_TEXT];
    if (f->kind == ASN1_OID && der_oid_text(s, text, err) != CR_OK) {
        if (err) {
            err->category = category;
        }
        return asn1_fail_at(err, path, category);
    }
    return CR_OK;
}
