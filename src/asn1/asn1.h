/*
 * The schema codec: one const table for each ASN.1 type drives decoding into a C struct, encoding,
 * printing, JSON and fuzzing.
 *
 * A type is a struct asn1_type. A SEQUENCE or CHOICE has a C struct; each component is a row with
 * the standard's name, the tag bytes, the kind, where the value is in the struct, and its limits.
 *
 *     struct rsp_server_signed1 {
 *         cr_span raw;                     // the received TLV, for signatures
 *         cr_span transaction_id;          // 80, 1..16 bytes
 *         cr_span euicc_challenge;         // 81, 16 bytes
 *         bool has_session_context;        // A5, from v3
 *         struct rsp_session_context session_context;
 *     };
 *
 * How kinds look in C:
 *
 *     kind               C type                        absent when
 *     ASN1_BOOLEAN       bool                          has_... false
 *     ASN1_INTEGER       int64_t                       has_... false
 *     ASN1_NULL          bool                          false
 *     ASN1_BITS          uint64_t, bit i of the        has_... false
 *                        standard is 1 << i
 *     ASN1_OCTETS, UTF8, cr_span, contents             .p == NULL
 *     OID, TIME, STRING
 *     ASN1_RAW           cr_span, the complete TLV     .p == NULL
 *     ASN1_SEQUENCE      the struct in place           has_... false
 *     ASN1_SEQUENCE_OF   ASN1_LIST(T)                  .present false
 *     ASN1_CHOICE        struct whose first member     .which == 0
 *                        is int which, then a union or
 *                        plain members; which = 1 + index of the alternative's row
 *
 * A decoded struct points into the input and into the arena; it lives as long as both.
 * DEFAULT values are filled in by the decoder and left out by the encoder.
 * A struct with a raw member (type->raw_offset) gets the received TLV there. The encoder writes
 * that TLV verbatim when it is present: what was signed by somebody else is never re-encoded. To
 * change a decoded struct and encode it anew, clear its raw member first.
 * Unknown components of extensible types are skipped by the decoder (they stay in raw); at the top
 * level trailing bytes are refused.
 *
 * How rows are matched. A tag on a SEQUENCE, a SEQUENCE OF, a primitive or a CHOICE that has a tag
 * of its own replaces that tag (implicit); on an untagged CHOICE and with ASN1_EXPLICIT it goes
 * around the TLV. A TLV belongs to the first row behind the last matched one that takes its tag,
 * as long as all rows between are optional; a tag no such row takes is an unknown component. Two
 * rows may have the same tag. A RAW row without tag takes everything: it has to be mandatory or
 * last. ASN1_SINCE_V3 makes a row optional, in both directions. A has_... member is looked at only
 * for optional rows. Type of a row of kind SEQUENCE_OF is always the type of an element.
 *
 * Raw members and RAW values may stand under another tag than the one they are written under now
 * (a type received as BF41 and sent as A1): then their contents go out verbatim under the new tag.
 * The raw of an untagged CHOICE is the TLV of its alternative.
 *
 * TIME without a tag takes 17 and 18 and is written as 17 when it has 13 bytes; STRING without a
 * tag is an IA5String.
 */
#ifndef CRISP_ASN1_ASN1_H
#define CRISP_ASN1_ASN1_H

#include "asn1/der.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum asn1_kind {
    ASN1_BOOLEAN,
    ASN1_INTEGER, /* also ENUMERATED; names may be given */
    ASN1_NULL,
    ASN1_BITS, /* named BIT STRING of at most 64 bits */
    ASN1_OCTETS,
    ASN1_UTF8,   /* checked for well-formed UTF-8 */
    ASN1_STRING, /* other character strings, taken as bytes */
    ASN1_OID,
    ASN1_TIME, /* UTCTime or GeneralizedTime contents */
    ASN1_RAW,  /* any complete TLV (or the one with the row's tag): certificates, open types */
    ASN1_SEQUENCE,
    ASN1_SEQUENCE_OF,
    ASN1_CHOICE
};

enum asn1_flag {
    ASN1_OPTIONAL = 1 << 0,
    ASN1_DEFAULT = 1 << 1,  /* value in .def when absent; implies optional */
    ASN1_EXPLICIT = 1 << 2, /* the tag wraps a complete TLV (always so for CHOICE under a tag) */
    ASN1_NESTED = 1 << 3,   /* decoder also accepts the type's own TLV nested inside the tag */
    ASN1_SINCE_V3 = 1 << 4, /* never sent to a v2 peer: encoder leaves it out with ASN1_ENCODE_V2 */
    ASN1_SECRET = 1 << 5,   /* printed as a length only */
    ASN1_DIGITS_SWAPPED = 1 << 6, /* print as nibble-swapped BCD (ICCID, IMEI, TAC) */
    ASN1_DIGITS = 1 << 7,         /* print as plain BCD (EID, header ICCID) */
    ASN1_VERSION = 1 << 8         /* print as a.b.c */
};

#define ASN1_NO_OFFSET 0xFFFF

struct asn1_name {
    int64_t value; /* of an INTEGER, or the number of a bit */
    const char *name;
};

struct asn1_type;

struct asn1_field {
    const char *name;  /* the standard's name */
    uint32_t tag;      /* tag bytes; 0 = the type's own (CHOICE: its alternatives) */
    uint16_t kind;     /* enum asn1_kind */
    uint16_t flags;    /* enum asn1_flag */
    uint16_t offset;   /* of the value in the struct */
    uint16_t has;      /* of its bool has_..., or ASN1_NO_OFFSET */
    uint32_t min, max; /* bytes of strings, elements of lists; max 0 = the codec's limit */
    int64_t def;       /* with ASN1_DEFAULT */
    const struct asn1_type *type;  /* of SEQUENCE, CHOICE; element of SEQUENCE_OF */
    const struct asn1_name *names; /* of integers and bits; ends with name NULL; NULL = none */
};

struct asn1_type {
    const char *name;                /* "ServerSigned1" */
    uint32_t tag;                    /* own tag; 0 for an untagged CHOICE or ASN1_RAW of any tag */
    uint16_t kind;                   /* SEQUENCE, CHOICE, SEQUENCE_OF or a primitive kind */
    uint16_t flags;                  /* for primitive element types: print flags */
    uint16_t raw_offset;             /* of cr_span raw, or ASN1_NO_OFFSET */
    uint16_t field_count;            /* rows */
    uint32_t size;                   /* of the C struct or C value */
    uint32_t min, max;               /* primitive types and SEQUENCE_OF: as in the row */
    const struct asn1_field *fields; /* components in their order, or alternatives */
    const struct asn1_type *element; /* of a type that is itself a SEQUENCE_OF */
    const struct asn1_name *names;
};

/* A list in a struct. Typed, and laid out as struct asn1_list. */
#define ASN1_LIST(T)                                                                               \
    struct {                                                                                       \
        T *items;                                                                                  \
        size_t count;                                                                              \
        bool present;                                                                              \
    }
struct asn1_list {
    void *items;
    size_t count;
    bool present;
};

#define ASN1_MAX_ELEMENTS 4096               /* of a list whose row gives no limit */
#define ASN1_MAX_BYTES    ((size_t)16 << 20) /* of a string whose row gives no limit */
#define ASN1_MAX_TIME     32                 /* bytes of a TIME */

enum asn1_decode_flag {
    ASN1_DECODE_BER_LENGTHS = 1 << 0, /* tolerate non-minimal lengths (SGP.22 messages) */
    ASN1_DECODE_PARTIAL = 1 << 1      /* asn1_decode() does not refuse trailing bytes */
};

/* Decodes one value of type t from the front of *in into the zeroed-by-us struct at out (t->size
 * bytes) and moves *in behind it; what follows is the caller's. CR_MALFORMED names the field and
 * the path; *in is not moved and the struct is all zero then. */
cr_status asn1_decode_next(const struct asn1_type *t, cr_span *in, unsigned flags, cr_arena *arena,
                           void *out, struct cr_err *err) CR_MUST_CHECK;

/* Decodes exactly one value; trailing bytes are CR_MALFORMED. */
cr_status asn1_decode(const struct asn1_type *t, cr_span in, unsigned flags, cr_arena *arena,
                      void *out, struct cr_err *err) CR_MUST_CHECK;

/* How many TLVs inside a value that may be damaged the type has a name for, at all depths: which of
 * several types a value was meant to be. 0 also when it is none of this type. */
size_t asn1_coverage(const struct asn1_type *t, cr_span in);

enum asn1_encode_flag {
    ASN1_ENCODE_V2 = 1 << 0,    /* leave out every component marked ASN1_SINCE_V3 */
    ASN1_ENCODE_NO_RAW = 1 << 1 /* ignore raw members, encode from the fields */
};

/* Appends the DER encoding of the struct at value. CR_REFUSED when a limit of the table is broken
 * or a mandatory component is absent; nothing is appended then. */
cr_status asn1_encode(const struct asn1_type *t, const void *value, unsigned flags, cr_buf *out,
                      struct cr_err *err) CR_MUST_CHECK;

/* Encodes into the arena and gives the TLV. */
cr_status asn1_encode_arena(const struct asn1_type *t, const void *value, unsigned flags,
                            cr_arena *arena, cr_span *out, struct cr_err *err) CR_MUST_CHECK;

/* What a printer asks its caller about a value it cannot know itself (certificate summaries, OID
 * names). Each may be NULL. */
struct asn1_print_hooks {
    /* Name of an OID, or NULL. */
    const char *(*oid_name)(cr_span oid);
    /* A one-line summary of a RAW TLV (a certificate), appended to out; false = print hex. */
    bool (*raw_summary)(cr_span tlv, cr_buf *out);
};

/* Appends an indented, readable text: a line for each component, names of the standard, named
 * numbers and bits, digits and versions as such, long octet strings cut with their length. */
cr_status asn1_print(const struct asn1_type *t, const void *value,
                     const struct asn1_print_hooks *hooks, cr_buf *out,
                     struct cr_err *err) CR_MUST_CHECK;

/* Prints a TLV of no known type as a tree of tags. */
cr_status asn1_print_tlv(cr_span tlv, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* Name of a value in a table, or NULL. */
const char *asn1_name_of(const struct asn1_name *names, int64_t value);

/* Field access for generic walkers (fuzzers, checkers): the row with this name, or NULL. */
const struct asn1_field *asn1_field_named(const struct asn1_type *t, const char *name);

#endif
