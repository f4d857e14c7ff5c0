/*
 * Status words of an eUICC as sentences with a next step.
 */
#ifndef CRISP_LPA_STATUS_WORD_H
#define CRISP_LPA_STATUS_WORD_H

#include "base/error.h"

/* A plain sentence ("the conditions of use are not satisfied"); never NULL. */
const char *lpa_status_word_text(unsigned sw);

/* Fails with the sentence, the status word in err->code and what to do next. function as in
 * lpa_where. */
cr_status lpa_status_word_fail(struct cr_err *err, const char *function, unsigned sw);

#endif
