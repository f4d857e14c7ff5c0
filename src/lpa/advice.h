/*
 * What to do next: advice for status codes of servers, error numbers of the eUICC and installation
 * results, as tables.
 */
#ifndef CRISP_LPA_ADVICE_H
#define CRISP_LPA_ADVICE_H

#include "base/error.h"
#include "rsp/functions.h"

/* Fills err->next for a refusal of a server by its subject and reason code; puts a sentence for
 * people before the cause where the names of the codes say too little. Leaves err->next alone when
 * it is filled. */
void lpa_advise_server(struct cr_err *err, enum rsp_function_id function);

struct lpa_number_advice {
    int64_t number;
    const char *text; /* a sentence */
    const char *next; /* NULL = none */
};

/* Advice for the error number of an ES10 function ("ES10c.EnableProfile"), NULL when there is none.
 */
const struct lpa_number_advice *lpa_advise_card(const char *function, int64_t number);

/* Advice for the errorReason of a ProfileInstallationResult; never NULL. */
const struct lpa_number_advice *lpa_advise_install(int64_t reason);

#endif
