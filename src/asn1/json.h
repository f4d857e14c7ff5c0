/*
 * Any value of a schema table as JSON and back.
 *
 * Form: SEQUENCE = object with the standard's names; SEQUENCE OF = array; CHOICE = object with one
 * member; INTEGER = number or the name of its table; named BIT STRING = array of names (numbers
 * where a bit has no name); OCTET STRING and RAW = upper-case hex; OID = dotted text; NULL = true;
 * digits (ICCID, EID) = digit string without the filler F; a version of three bytes = "a.b.c" (hex
 * is taken too); STRING and TIME = a character for each byte. Components with their DEFAULT value
 * are left out. asn1_from_json(asn1_to_json(x)) encodes to the same DER as x.
 */
#ifndef CRISP_ASN1_JSON_H
#define CRISP_ASN1_JSON_H

#include "asn1/asn1.h"

#include <jansson.h>

/* *out is a new reference owned by the caller. */
cr_status asn1_to_json(const struct asn1_type *t, const void *value, json_t **out,
                       struct cr_err *err) CR_MUST_CHECK;

/* Fills the struct at out (t->size bytes); strings are copied into the arena. Unknown members are
 * CR_MALFORMED and named, with their path. */
cr_status asn1_from_json(const struct asn1_type *t, const json_t *json, cr_arena *arena, void *out,
                         struct cr_err *err) CR_MUST_CHECK;

#endif
