/*
 * The ASN.1 types of the profile package as schema tables. Private to src/profile, but for fuzzers
 * and printers that walk them.
 */
#ifndef CRISP_PROFILE_SCHEMA_H
#define CRISP_PROFILE_SCHEMA_H

#include "profile/elements.h"

/* Type of an element without files, over struct profile_element; NULL for elements with files and
 * PROFILE_UNKNOWN. */
const struct asn1_type *profile_schema_of(enum profile_element_kind kind);

/* Name of the PEHeader component in the module ("mf-header", "pin-Header"). NULL for those that
 * have none. */
const char *profile_schema_header_name(enum profile_element_kind kind);

extern const struct asn1_type profile_schema_pe_header; /* struct profile_pe_header, tag A0 */
extern const struct asn1_type profile_schema_file;      /* the items list of struct profile_file;
                                                           tag 30, to be replaced by the member's */
extern const struct asn1_type profile_schema_file_item; /* struct profile_file_item */
extern const struct asn1_type profile_schema_fcp;       /* struct profile_fcp, tag 62 */

#endif
