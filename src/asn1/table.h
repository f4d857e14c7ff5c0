/*
 * What decoder, encoder, printer and JSON binding all ask of a schema table. Private to src/asn1.
 */
#ifndef CRISP_ASN1_TABLE_H
#define CRISP_ASN1_TABLE_H

#include "asn1/asn1.h"

/* Where a walker is, innermost first; lives on the stack of the walk. */
struct asn1_path {
    const struct asn1_path *up; /* NULL at the type itself */
    const char *name;           /* NULL = element of a list */
    size_t index;
};

/* As cr_fail(), with "Type.field[0].field: " before the cause and .field set. */
cr_status asn1_fail(struct cr_err *err, const struct asn1_path *at, cr_status category,
                    const char *fmt, ...) CR_PRINTF(4, 5);

/* Adds the same to an error that is already filled. */
cr_status asn1_fail_at(struct cr_err *err, const struct asn1_path *at, cr_status status);

/* A type as if it were a row of its own, at offset 0: top level and elements of lists. */
struct asn1_field asn1_row_of(const struct asn1_type *t);

/* The tag a row has when it gives none; 0 for an untagged CHOICE and for RAW. */
uint32_t asn1_own_tag(const struct asn1_field *f);

/* True when a TLV with this tag can be the row's own one (explicit tag taken off). */
bool asn1_own_matches(const struct asn1_field *f, uint32_t tag);

static inline bool asn1_row_matches(const struct asn1_field *f, uint32_t tag)
{
    return f->tag ? f->tag == tag : asn1_own_matches(f, tag);
}

/* A v2 peer never sends what came with v3, so the decoder has to live without it. */
static inline bool asn1_row_optional(const struct asn1_field *f)
{
    return (f->flags & (ASN1_OPTIONAL | ASN1_DEFAULT | ASN1_SINCE_V3)) != 0;
}

/* True when the row's tag goes around a complete TLV. */
bool asn1_row_wraps(const struct asn1_field *f);

/* True when the value is there. base is the struct. */
bool asn1_row_present(const struct asn1_field *f, const void *base);

/* True when it is there and not merely its DEFAULT. */
bool asn1_row_written(const struct asn1_field *f, const void *base);

/* True when the value (not the struct) at this place is the row's DEFAULT number. */
bool asn1_is_default(const struct asn1_field *f, const void *at);

/* Marks the row as present where it has a mark. */
void asn1_row_mark(const struct asn1_field *f, void *base);

/* Fills in the DEFAULT, if the row has one. */
void asn1_row_default(const struct asn1_field *f, void *base);

/* The raw member of a struct of type t, absent when the type has none. */
cr_span asn1_raw_of(const struct asn1_type *t, const void *value);

/* Holds a length (bytes) or a count (elements of SEQUENCE_OF) to the limits of the row. */
cr_status asn1_check_limits(const struct asn1_field *f, size_t n, cr_status category,
                            const struct asn1_path *path, struct cr_err *err) CR_MUST_CHECK;

/* Holds the contents of the string kinds to their form: UTF-8, OID, TIME. */
cr_status asn1_check_string(const struct asn1_field *f, cr_span s, cr_status category,
                            const struct asn1_path *path, struct cr_err *err) CR_MUST_CHECK;

static inline void *asn1_at(void *base, size_t offset)
{
    return (uint8_t *)base + offset;
}

static inline const void *asn1_at_const(const void *base, size_t offset)
{
    return (const uint8_t *)base + offset;
}

#endif
