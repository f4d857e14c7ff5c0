/*
 * Profile packages (TCA/SIMalliance "eUICC Profile Package: Interoperable Format Technical
 * Specification", v2.3.1 and v3.x): the elements, read one by one.
 *
 * A package is a plain concatenation of ProfileElement TLVs. One asn1_type for each kind of element
 * (see profile/elements.h for the structs); a generic struct for file-system elements, whose
 * members are rows of the template tables (profile/template.h).
 */
#ifndef CRISP_PROFILE_PACKAGE_H
#define CRISP_PROFILE_PACKAGE_H

#include "asn1/asn1.h"
#include "profile/elements.h"

#define PROFILE_MAX_PACKAGE  (1024 * 1024) /* bytes of a UPP */
#define PROFILE_MAX_ELEMENT  (512 * 1024)  /* bytes of one element */
#define PROFILE_MAX_ELEMENTS 1024

/* Takes the next element from the front of *in. At the end of a package in->n is 0. Non-minimal
 * lengths are taken; components that the standard does not name are skipped and reported in the
 * element (has_unknown). CR_MALFORMED when the element breaks its ASN.1 type; *in is not moved
 * then. An element whose tag is not known is no error: kind PROFILE_UNKNOWN. */
cr_status profile_element_next(cr_span *in, cr_arena *arena, struct profile_element *out,
                               struct cr_err *err) CR_MUST_CHECK;

/* Appends one element: its raw bytes as they are when present, else the DER of its members. Nothing
 * is appended on failure. */
cr_status profile_element_encode(const struct profile_element *element, cr_buf *out,
                                 struct cr_err *err) CR_MUST_CHECK;

/* True when the members encode to exactly element->raw: nothing unknown, no non-DER encoding. */
bool profile_element_canonical(const struct profile_element *element);

/* Number of the member that a tag (A2, A3 ... BF1F ...) of an element with files stands for, and
 * back; 0 when there is none. */
unsigned profile_member_of_tag(uint32_t tag);
uint32_t profile_tag_of_member(unsigned member);

/* A whole package in memory. */
struct profile_package {
    cr_span bytes;                    /* as read; absent for a package that was made */
    struct profile_element *elements; /* in the arena */
    size_t count;
};

/* Reads all elements. Errors say which element, its byte offset, and why. */
cr_status profile_package_read(cr_span in, cr_arena *arena, struct profile_package *out,
                               struct cr_err *err) CR_MUST_CHECK;

/* Appends all elements; nothing on failure. */
cr_status profile_package_encode(const struct profile_package *package, cr_buf *out,
                                 struct cr_err *err) CR_MUST_CHECK;

#endif
