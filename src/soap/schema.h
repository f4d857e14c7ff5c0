/*
 * How the tables of the SGP.02 messages are written, and the codec that they drive.
 *
 * An element or attribute is a row: the name on the wire, what kind of value it is, where it is in
 * the C struct, its limits. A complex type is a list of rows. The same rows read XML, write XML and
 * print the XSD; what SGP.02 leaves open (names marked unverified in the standard's later parts) is
 * one row each.
 *
 * How kinds look in C:
 *
 *     kind           C type                              absent when
 *     SOAP_TEXT      cr_span, UTF-8                      .p == NULL
 *     SOAP_DIGITS    cr_span, decimal digits             .p == NULL
 *     SOAP_OID       cr_span, dotted decimal text        .p == NULL
 *     SOAP_VERSION   cr_span, "n.n.n"                    .p == NULL
 *     SOAP_HEX       cr_span, bytes                      .p == NULL
 *     SOAP_EID       cr_span, 16 bytes                   .p == NULL
 *     SOAP_UINT      int64_t, 0 .. 2^53                  has_... false
 *     SOAP_BOOL      bool                                has_... false
 *     SOAP_TIME      int64_t, milliseconds since 1970    has_... false
 *     SOAP_ENUM      int, 1 + index in .names            0
 *     SOAP_COMPLEX   the struct in place                 has_... false
 *     SOAP_RAW       cr_span, canonical XML of the       .p == NULL
 *                    whole element
 *
 * A row with SOAP_REPEATED is a SOAP_LIST() of the C type instead. Rows are written in the order of
 * the table; they are read in any order, unknown elements are skipped (SGP.02 peers differ in
 * both).
 */
#ifndef CRISP_SOAP_SCHEMA_H
#define CRISP_SOAP_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define SOAP_NS_RPS  "http://namespaces.gsma.org/esim-messaging/3"
#define SOAP_NS_DSIG "http://www.w3.org/2000/09/xmldsig#"

#define SOAP_MAX_TEXT     256         /* characters of a text whose row gives no limit */
#define SOAP_MAX_HEX      65536       /* bytes of a hexBinary whose row gives no limit */
#define SOAP_MAX_RAW      65536       /* bytes of canonical XML that is kept */
#define SOAP_MAX_REPEATED 4096        /* elements of a list whose row gives no limit */
#define SOAP_MAX_UINT     (1LL << 53) /* largest number that is read */

enum soap_kind {
    SOAP_TEXT,
    SOAP_DIGITS,
    SOAP_OID,
    SOAP_VERSION,
    SOAP_HEX,
    SOAP_EID,
    SOAP_UINT,
    SOAP_BOOL,
    SOAP_TIME,
    SOAP_ENUM,
    SOAP_COMPLEX,
    SOAP_RAW
};

enum soap_flag {
    SOAP_OPTIONAL = 1 << 0,
    SOAP_REPEATED = 1 << 1,  /* 0..max elements (1.. when not optional) */
    SOAP_ATTRIBUTE = 1 << 2, /* an XML attribute of the element that has the row */
    SOAP_SECRET = 1 << 3,    /* not for logs */
    SOAP_UNVERIFIED = 1 << 4 /* name or place is not attested by a published schema */
};

#define SOAP_NO_OFFSET 0xFFFF

struct soap_type;

struct soap_row {
    const char *name;
    const char *const *aliases; /* other spellings that are read; ends with NULL; NULL = none */
    uint8_t kind;               /* enum soap_kind */
    uint8_t flags;              /* enum soap_flag */
    uint16_t offset;            /* of the value */
    uint16_t has;               /* of its bool has_..., or SOAP_NO_OFFSET */
    uint32_t min, max;          /* characters, bytes, value or elements; max 0 = the kind's limit */
    const struct soap_type *type; /* of SOAP_COMPLEX */
    const char *const *names;     /* of SOAP_ENUM, ends with NULL */
};

struct soap_type {
    const char *name; /* "EISType"; NULL ends a list of types */
    uint32_t size;    /* of the C struct */
    uint16_t raw; /* of the cr_span that keeps the element as received, or SOAP_NO_OFFSET: what a
                     third party signed is written back as it came */
    const struct soap_row *rows; /* ends with name NULL */
};

/* A list in a struct: typed, laid out as struct soap_list. */
#define SOAP_LIST(T)                                                                               \
    struct {                                                                                       \
        T *items;                                                                                  \
        size_t count;                                                                              \
    }
struct soap_list {
    void *items;
    size_t count;
};

/* What a row's value takes in a struct or list: bytes. */
size_t soap_row_size(const struct soap_row *row);

/* Checks one value of a row against its kind and limits, as read or to be written. NULL = fine;
 * otherwise what is wrong, in words ("must be 32 digits"). */
const char *soap_row_check(const struct soap_row *row, const void *value);

/* Appends a value of a simple row as text (not escaped). */
void soap_row_text(const struct soap_row *row, const void *value, cr_buf *out);

/* Reads a value of a simple row from text, white space around it ignored. NULL = fine, otherwise
 * what is wrong, in words; *value is then untouched. */
const char *soap_row_read(const struct soap_row *row, cr_span text, cr_arena *arena, void *value);

/* True when the struct has a value for the row. */
bool soap_row_present(const struct soap_row *row, const void *base);

/* Appends a struct as an XML document: one element of this name, in the messages' namespace. What
 * soap_type_read() reads. CR_REFUSED as for a message. */
cr_status soap_type_write(const struct soap_type *type, const char *name, const void *value,
                          cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* Fills the zeroed struct of a type from one element that was kept as canonical XML (SOAP_RAW,
 * .raw). CR_MALFORMED as for a message. */
cr_status soap_type_read(const struct soap_type *type, cr_span xml, cr_arena *arena, void *out,
                         struct cr_err *err) CR_MUST_CHECK;

#endif
