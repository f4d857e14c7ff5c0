/*
 * Addresses with arguments, for the files of this folder (see soap/envelope.h).
 */
#ifndef CRISP_SOAP_ADDRESS_H
#define CRISP_SOAP_ADDRESS_H

#include "soap/envelope.h"

struct soap_argument {
    const char *name; /* compared without case */
    cr_span *value;   /* filled with the first one of this name; percent-decoded, in the arena */
};

/* Splits a URI at its arguments, leniently; those not asked for are dropped. */
void soap_uri_split(cr_span text, cr_arena *arena, cr_span *base, struct soap_argument *arguments,
                    size_t count);

/* Appends a URI with its arguments (not escaped for XML). */
void soap_address_write(const struct soap_end *end, cr_buf *out);

/* Fills message_id, transaction_id, context_id and message_date. */
void soap_message_id_read(cr_span text, cr_arena *arena, struct soap_header *out);

#endif
