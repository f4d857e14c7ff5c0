/*
 * The functions of the off-card interfaces as one table: name, path, requests and answers in both
 * bindings (SGP.22 6.2 to 6.5). Servers dispatch by it, clients call by it.
 */
#ifndef CRISP_RSP_FUNCTIONS_H
#define CRISP_RSP_FUNCTIONS_H

#include "asn1/asn1.h"
#include "rsp/status.h"

enum rsp_interface {
    RSP_ES2PLUS,        /* operator -> SM-DP+ */
    RSP_ES2PLUS_NOTIFY, /* SM-DP+ -> operator */
    RSP_ES9PLUS,        /* LPA -> SM-DP+ */
    RSP_ES11,           /* LPA -> SM-DS; the paths are those of ES9+ */
    RSP_ES12,           /* SM-DP+ -> SM-DS */
    RSP_ES15            /* SM-DS -> SM-DS */
};
const char *rsp_interface_name(enum rsp_interface interface); /* "ES9+" */

enum rsp_function_id {
    /* ES9+ */
    RSP_ES9_INITIATE_AUTHENTICATION,
    RSP_ES9_AUTHENTICATE_CLIENT,
    RSP_ES9_GET_BOUND_PROFILE_PACKAGE,
    RSP_ES9_HANDLE_NOTIFICATION,
    RSP_ES9_CANCEL_SESSION,
    RSP_ES9_CONFIRM_DEVICE_CHANGE, /* v3 */
    /* ES11 */
    RSP_ES11_INITIATE_AUTHENTICATION,
    RSP_ES11_AUTHENTICATE_CLIENT,
    RSP_ES11_CANCEL_SESSION, /* v3 */
    RSP_ES11_CHECK_EVENT,    /* v3 */
    /* ES2+ */
    RSP_ES2_DOWNLOAD_ORDER,
    RSP_ES2_CONFIRM_ORDER,
    RSP_ES2_CANCEL_ORDER,
    RSP_ES2_RELEASE_PROFILE,
    RSP_ES2_RPM_ORDER, /* v3 */
    /* ES2+ towards the operator */
    RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO,
    RSP_ES2_HANDLE_NOTIFICATION,          /* v3 */
    RSP_ES2_HANDLE_DEVICE_CHANGE_REQUEST, /* v3 */
    /* ES12, ES15 */
    RSP_ES12_REGISTER_EVENT,
    RSP_ES12_DELETE_EVENT,
    RSP_ES15_REGISTER_EVENT,
    RSP_ES15_DELETE_EVENT,
    RSP_FUNCTIONS
};

#define RSP_ASN1_PATH         "/gsma/rsp2/asn1"
#define RSP_ASN1_CONTENT_TYPE "application/x-gsma-rsp-asn1"
#define RSP_JSON_CONTENT_TYPE "application/json"

struct rsp_json_message;

struct rsp_function {
    enum rsp_function_id id;
    enum rsp_interface interface;
    const char *name;  /* "initiateAuthentication" */
    const char *path;  /* "/gsma/rsp2/es9plus/initiateAuthentication" */
    bool notification; /* answered with 204 and no body */
    bool since_v3;
    const struct rsp_json_message *json_request;
    const struct rsp_json_message *json_response; /* NULL for notifications */
    const struct asn1_type *asn1_request;         /* NULL: no ASN.1 binding */
    const struct asn1_type *asn1_response;        /* NULL: none, or no answer */
    const struct asn1_type *asn1_request_alt;     /* other form met in the field, or NULL */
    const struct asn1_type *asn1_response_v3;     /* form towards v3 peers, or NULL */
    enum rsp_error_table errors;
    size_t request_size;  /* of the C struct */
    size_t response_size; /* 0 for notifications */
};

/* Row of an id; never NULL for an id of the enum. */
const struct rsp_function *rsp_function(enum rsp_function_id id);

/* Row by the path of an HTTP request (exact); NULL when there is none. ES11 also answers to
 * ".../es11/...". */
const struct rsp_function *rsp_function_by_path(enum rsp_interface interface, cr_span path);

/* Row by name; NULL when there is none. */
const struct rsp_function *rsp_function_by_name(enum rsp_interface interface, cr_span name);

/* All rows, for help texts and tests. */
const struct rsp_function *rsp_function_table(size_t *count);

/* Zeroed request or response struct in the arena; NULL when memory is short. */
void *rsp_function_new_request(const struct rsp_function *function, cr_arena *arena) CR_MUST_CHECK;
void *rsp_function_new_response(const struct rsp_function *function, cr_arena *arena) CR_MUST_CHECK;

#endif
