/*
 * The JSON binding (SGP.22 6.5.2): function inputs and outputs as JSON texts and back.
 *
 * Server: rsp_json_parse_request() -> handler -> rsp_json_build_response(). Client:
 * rsp_json_build_request() -> HTTP -> rsp_json_parse_response(). The structs are those of
 * rsp/es9plus.h and rsp/es2plus.h, the same as in the ASN.1 binding.
 *
 * What is read leniently, since peers send it: null for absent, white space and missing padding in
 * base64, transactionId in either case, ICCIDs with a trailing F, numbers as digit strings, unknown
 * members, a header object on ES9+.
 */
#ifndef CRISP_RSP_JSON_BINDING_H
#define CRISP_RSP_JSON_BINDING_H

#include "base/arena.h"
#include "base/buf.h"
#include "rsp/functions.h"

#define RSP_JSON_MAX_BODY   ((size_t)16 << 20) /* bytes of a JSON text from outside */
#define RSP_JSON_MAX_ITEMS  1024               /* elements of an array */
#define RSP_JSON_MAX_VALUES 16384              /* values of all kinds in a text from outside */

enum rsp_json_kind {
    RSP_JSON_TEXT,       /* cr_span, UTF-8 */
    RSP_JSON_EID,        /* cr_span, 32 digits */
    RSP_JSON_ICCID,      /* cr_span, 18..20 digits, trailing F dropped */
    RSP_JSON_HEX,        /* cr_span of bytes; upper-case hex on the wire */
    RSP_JSON_BASE64,     /* cr_span of bare bytes */
    RSP_JSON_TLV,        /* base64 of a complete TLV of .type; the C value of that type */
    RSP_JSON_TLV_LIST,   /* array of such; rsp_span_list (RAW types only) */
    RSP_JSON_BOOL,       /* bool */
    RSP_JSON_INTEGER,    /* int64_t; digit strings are read too */
    RSP_JSON_STATUS,     /* struct rsp_function_status */
    RSP_JSON_OBJECT,     /* struct in place, fields of .message */
    RSP_JSON_OBJECT_LIST /* array of objects; ASN1_LIST of .message->size each */
};

struct rsp_json_field {
    const char *name;
    const char *alias; /* another spelling that is read, or NULL */
    uint8_t kind;      /* enum rsp_json_kind */
    uint8_t when;      /* only for this .which of a choice message; 0 = always */
    bool optional;
    bool selects;  /* its presence in a text selects .when */
    bool since_v3; /* never sent to a v2 peer */
    bool secret;   /* not for logs */
    uint16_t offset;
    uint16_t has;        /* of bool has_..., or ASN1_NO_OFFSET */
    uint32_t min, max;   /* bytes after decoding; max 0 = the body's limit */
    const char *subject; /* subject code when it is missing or bad; NULL = generic */
    const struct asn1_type *type;
    const struct rsp_json_message *message;
};

struct rsp_json_message {
    const char *name;
    uint32_t size;                       /* of the C struct */
    uint16_t which;                      /* offset of int which, or ASN1_NO_OFFSET */
    uint8_t default_which;               /* when no selecting field is present */
    const struct rsp_json_field *fields; /* ends with name NULL */
};

enum rsp_json_flag {
    RSP_JSON_V2 = 1 << 0,       /* the peer is older than v3: leave out what is marked since_v3 */
    RSP_JSON_LOWER_HEX = 1 << 1 /* write transactionId in lower case: echo for a peer that does */
};

/* RSP_JSON_LOWER_HEX when the transactionId of this text is written in lower case, else 0. It is to
 * be echoed exactly as it came (6.5.2); structs carry its bytes only. */
unsigned rsp_json_hex_flags(cr_span body);

/* ---- server ---- */

/* Parses the body of a call into *request (the function's request struct, in the arena). Failures
 * carry subject and reason: 1.3.1/2.1 for what is no such JSON, x/2.2 for what is missing. */
cr_status rsp_json_parse_request(const struct rsp_function *function, cr_span body, cr_arena *arena,
                                 void **request, struct cr_err *err) CR_MUST_CHECK;

/* Appends the body of an answer. status NULL or success/warning: header and the members of
 * response; Failed and Expired: the header only, response may be NULL. */
cr_status rsp_json_build_response(const struct rsp_function *function, const void *response,
                                  const struct rsp_function_status *status, unsigned flags,
                                  cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* ---- client ---- */

cr_status rsp_json_build_request(const struct rsp_function *function, const void *request,
                                 unsigned flags, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* Parses an answer. *status (may be NULL) is filled in any case that the text has a header. Failed
 * and Expired give CR_REFUSED with the server's subject and reason in err, CR_MALFORMED when the
 * answer is no answer. A notification function accepts any body (204 has none). */
cr_status rsp_json_parse_response(const struct rsp_function *function, cr_span body,
                                  cr_arena *arena, void **response,
                                  struct rsp_function_status *status,
                                  struct cr_err *err) CR_MUST_CHECK;

/* Appends a JSON string with its quotes. */
void rsp_json_append_string(cr_buf *out, cr_span text);

#endif
