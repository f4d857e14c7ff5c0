/*
 * OIDs of SGP.22 (annex H, 4.5.2) and of the curves and attributes one meets in its certificates,
 * with names for printing.
 */
#ifndef CRISP_RSP_OIDS_H
#define CRISP_RSP_OIDS_H

#include "asn1/asn1.h"

struct rsp_oid {
    const char *dotted;
    const char *name;
};

/* Ends with dotted NULL. */
extern const struct rsp_oid rsp_oids[];

/* Name of an OID given as contents octets, NULL when unknown; fit for asn1_print_hooks.oid_name. */
const char *rsp_oid_name(cr_span oid);

/* Name of a dotted OID, NULL when unknown. */
const char *rsp_oid_name_dotted(cr_span dotted);

#endif
