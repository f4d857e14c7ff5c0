/*
 * Errors: what went wrong, said once by the first place that noticed.
 *
 * Every fallible function returns a cr_status that the caller must look at, and takes a
 * struct cr_err * (NULL allowed) that is filled when the status is not CR_OK. Callers pass a
 * failure on unchanged; whoever can add the field or the next step adds it. Libraries never log,
 * print or exit.
 *
 *     if (!order) {
 *         return cr_refuse(err, "8.2.6", "3.8", "SGP.22 5.6.3", "no order has MatchingID %s", id);
 *     }
 */
#ifndef CRISP_BASE_ERROR_H
#define CRISP_BASE_ERROR_H

#include "base/span.h"

#include <stdarg.h>

typedef enum cr_status {
    CR_OK = 0,
    CR_REFUSED,   /* a rule of the standard or of the configuration says no */
    CR_MALFORMED, /* the input is not what it claims to be */
    CR_RESOURCE,  /* memory, disk, network, lock, peer: may work later */
    CR_INTERNAL   /* our own mistake, or a library failed in a way that cannot happen */
} cr_status;

struct cr_err {
    cr_status category;
    long code;        /* function specific: error number of the message, status word, HTTP status;
                         0 = none */
    char clause[40];  /* "SGP.22 5.7.13"; empty = none */
    char field[64];   /* the standard's name of the offending field; empty = none */
    char subject[16]; /* subject code, "8.1.2"; empty = none */
    char reason[16];  /* reason code, "6.1" */
    char cause[256];  /* a plain sentence; texts of peers in it are cleaned (cr_text_clean()) */
    char next[256];   /* what the user can do next; empty = nothing better than the cause */
};

/* Fills *err (overwriting) and returns category, for `return cr_fail(...)`. clause may be NULL. */
cr_status cr_fail(struct cr_err *err, cr_status category, const char *clause, const char *fmt, ...)
    CR_PRINTF(4, 5);

/* As cr_fail(CR_REFUSED) with the standard's subject and reason code. */
cr_status cr_refuse(struct cr_err *err, const char *subject, const char *reason, const char *clause,
                    const char *fmt, ...) CR_PRINTF(5, 6);

/* Out of memory. */
cr_status cr_fail_memory(struct cr_err *err);

/* Adds to an error that is already filled; each returns status again so that it can be chained. */
cr_status cr_err_code(struct cr_err *err, cr_status status, long code);
cr_status cr_err_field(struct cr_err *err, cr_status status, const char *field);
cr_status cr_err_next(struct cr_err *err, cr_status status, const char *fmt, ...) CR_PRINTF(3, 4);
/* The same where whoever noticed the failure left nothing: the nearer advice is the better one. */
cr_status cr_err_advise(struct cr_err *err, cr_status status, const char *fmt, ...) CR_PRINTF(3, 4);

/* Puts "prefix: " before the cause ("reading PATH: ..."). */
cr_status cr_err_context(struct cr_err *err, cr_status status, const char *fmt, ...)
    CR_PRINTF(3, 4);

/* "refused", "malformed", "resource", "internal", "ok". */
const char *cr_status_name(cr_status status);

/* Returns early with a failed status. */
#define CR_TRY(expression)                                                                         \
    do {                                                                                           \
        cr_status cr_try_status = (expression);                                                    \
        if (cr_try_status != CR_OK) {                                                              \
            return cr_try_status;                                                                  \
        }                                                                                          \
    } while (0)

#endif
