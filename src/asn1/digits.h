/*
 * Octet strings that are numbers for people: BCD digits (ICCID, EID, IMEI) and versions. Text and
 * back is exact. Private to src/asn1.
 */
#ifndef CRISP_ASN1_DIGITS_H
#define CRISP_ASN1_DIGITS_H

#include "asn1/asn1.h"

/* Appends the digits of s in the order of the row's flags. The filler F is left out where parsing
 * puts it back; any other nibble above 9 is shown as A to F. */
void asn1_digits_append(cr_buf *out, const struct asn1_field *f, cr_span s);

/* Digits to octets, filled with F to a whole octet and to the row's least size. False when a
 * character is no digit (A to F allowed in either case). */
bool asn1_digits_parse(cr_buf *out, const struct asn1_field *f, cr_span text) CR_MUST_CHECK;

/* Three octets as "2.5.0" and back. */
void asn1_version_append(cr_buf *out, cr_span s);
bool asn1_version_parse(cr_buf *out, cr_span text) CR_MUST_CHECK;

#endif
