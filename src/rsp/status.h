/*
 * Status codes (SGP.22 5.2.6): subject and reason codes with their names, the error numbers of the
 * ASN.1 binding against the pairs of the JSON binding, and what an operator is told about the end
 * of a download.
 *
 * Codes are dotted texts: "3.10" is not "3.1".
 */
#ifndef CRISP_RSP_STATUS_H
#define CRISP_RSP_STATUS_H

#include "asn1/asn1.h"
#include "base/error.h"

struct rsp_code {
    const char *code;
    const char *name;
};

/* End with code NULL; in the order of the standard. */
extern const struct rsp_code rsp_subject_codes[];
extern const struct rsp_code rsp_reason_codes[];

/* NULL when the code is not in the table. */
const char *rsp_subject_name(const char *code);
const char *rsp_reason_name(const char *code);

/* ---- functionExecutionStatus ---- */

enum rsp_execution_status {
    RSP_EXECUTED_SUCCESS,      /* "Executed-Success" */
    RSP_EXECUTED_WITH_WARNING, /* "Executed-WithWarning" */
    RSP_FAILED,                /* "Failed" */
    RSP_EXPIRED                /* "Expired" */
};
const char *rsp_execution_status_name(enum rsp_execution_status status);

/* A status as it stands in a response header or a notification. Zeroed = success. */
struct rsp_function_status {
    enum rsp_execution_status status;
    char subject_code[16]; /* empty = no statusCodeData */
    char reason_code[16];
    char subject_identifier[64]; /* empty = absent */
    char message[256];           /* empty = absent */
};

/* Failed with the error's subject and reason and its cause as message. An error without codes
 * becomes a generic pair of its category: malformed 1.3.1/2.1, resource 1.2/3.7, else 8/4.2.
 * Causes of resource and internal errors are not told to the peer. */
void rsp_status_from_err(const struct cr_err *err, struct rsp_function_status *out);

/* The way back, for clients: success and warning are CR_OK; otherwise CR_REFUSED with subject,
 * reason and a sentence made of the names of the codes and the server's message. */
cr_status rsp_status_to_err(const struct rsp_function_status *status, const char *function,
                            struct cr_err *err) CR_MUST_CHECK;

/* ---- numbers of the ASN.1 binding ---- */

/* Functions whose ASN.1 answer has an error number of its own. */
enum rsp_error_table {
    RSP_ERRORS_NONE,
    RSP_ERRORS_INITIATE_AUTHENTICATION_ES9,
    RSP_ERRORS_INITIATE_AUTHENTICATION_ES11,
    RSP_ERRORS_AUTHENTICATE_CLIENT_ES9,
    RSP_ERRORS_AUTHENTICATE_CLIENT_ES11,
    RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE,
    RSP_ERRORS_CANCEL_SESSION,
    RSP_ERRORS_CONFIRM_DEVICE_CHANGE, /* v3 */
    RSP_ERRORS_CHECK_EVENT,           /* v3 */
    RSP_ERROR_TABLES
};

#define RSP_ERROR_UNDEFINED 127

struct rsp_error_number {
    int64_t number;
    const char *name; /* the standard's */
    const char *subject, *reason;
    bool v3; /* only towards peers that know v3 */
};

/* The same numbers as name tables of the message types. */
extern const struct asn1_name rsp_initiate_authentication_error_names[];
extern const struct asn1_name rsp_authenticate_client_error_names[];
extern const struct asn1_name rsp_authenticate_client_ds_error_names[];
extern const struct asn1_name rsp_get_bound_profile_package_error_names[];
extern const struct asn1_name rsp_cancel_session_es9_error_names[];
extern const struct asn1_name rsp_confirm_device_change_error_names[];
extern const struct asn1_name rsp_check_event_error_names[];

/* Rows of one table, ends with name NULL; several rows may share a number or a pair: the first row
 * with the pair gives the number, the first row with the number gives the pair. */
const struct rsp_error_number *rsp_error_numbers(enum rsp_error_table table);

/* Number for a pair; RSP_ERROR_UNDEFINED when there is none (for this version of the peer). */
int64_t rsp_error_number_of(enum rsp_error_table table, const char *subject, const char *reason,
                            bool peer_v3);

/* Row of a number, NULL when unknown. */
const struct rsp_error_number *rsp_error_row(enum rsp_error_table table, int64_t number);

/* ---- 5.3.5: what the operator is told ---- */

/* Fills *out with the status for a cancelled session; false for postponed and timeout: nothing is
 * sent. rpm: the session carried an RPM package. Unknown reasons count as 127. */
bool rsp_cancel_reason_status(int64_t reason, bool rpm, struct rsp_function_status *out);

#endif
