/*
 * The ASN.1 binding (SGP.22 6.5.1): one A2 TLV in each direction, posted to RSP_ASN1_PATH.
 *
 * Takes and gives the same structs as the JSON binding, so that a handler does not know which of
 * the two carried a call.
 */
#ifndef CRISP_RSP_ASN1_BINDING_H
#define CRISP_RSP_ASN1_BINDING_H

#include "rsp/functions.h"

/* Which function a request calls, and its request struct in the arena. interface is RSP_ES9PLUS or
 * RSP_ES11. Nested and implicit forms of re-tagged messages are both read (annex H). */
cr_status rsp_asn1_parse_request(enum rsp_interface interface, cr_span body, cr_arena *arena,
                                 const struct rsp_function **function, void **request,
                                 struct cr_err *err) CR_MUST_CHECK;

/* Appends the answer. failure NULL: response as the handler filled it; otherwise the error number
 * that the function has for the failure's subject and reason (status.h). Notifications have no
 * answer: CR_INTERNAL. */
cr_status rsp_asn1_build_response(const struct rsp_function *function, const void *response,
                                  const struct cr_err *failure, bool peer_v3, cr_buf *out,
                                  struct cr_err *err) CR_MUST_CHECK;

cr_status rsp_asn1_build_request(const struct rsp_function *function, const void *request,
                                 bool peer_v3, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* An error number gives CR_REFUSED with code = the number and the pair of status.h. */
cr_status rsp_asn1_parse_response(const struct rsp_function *function, cr_span body,
                                  cr_arena *arena, void **response,
                                  struct cr_err *err) CR_MUST_CHECK;

#endif
