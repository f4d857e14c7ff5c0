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

/* Takes the next element from the front of *in. At the end of a package in->n is 0. */
cr_status profile_element_next(cr_span *in, cr_arena *arena, struct profile_element *out,
                               struct cr_err *err) CR_MUST_CHECK;

/* Encodes one element. */
cr_status profile_element_encode(const struct profile_element *element, cr_buf *out,
                                 struct cr_err *err) CR_MUST_CHECK;

#endif
