/*
 * The XML Schema of the messages of one interface, printed from the tables: what crisp writes
 * validates against it. It describes crisp's working names where the standard's schema is not
 * published (marked in comments).
 */
#ifndef CRISP_SOAP_XSD_H
#define CRISP_SOAP_XSD_H

#include "soap/functions.h"

/* Appends the schema of the message namespace: types, and a body element for each message of each
 * function. One document for all interfaces, since they share the namespace. */
void soap_xsd(cr_buf *out);

#endif
