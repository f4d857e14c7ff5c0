/*
 * Fills every row of a message or a type with a value that its limits allow: one message of each
 * function, as full as it can be.
 */
#ifndef CRISP_TESTS_SOAP_FILL_H
#define CRISP_TESTS_SOAP_FILL_H

#include "soap/envelope.h"

/* Values differ with seed. */
void fill_row(const struct soap_row *row, void *base, unsigned seed, cr_arena *arena);
void fill_type(const struct soap_type *type, void *out, unsigned seed, cr_arena *arena);

/* A complete message; optional elements too unless bare. */
void fill_message(struct soap_message *m, const struct soap_function *f,
                  enum soap_message_kind kind, bool bare, cr_arena *arena);

#endif
