/*
 * ES9+ and ES11: the server side of an LPA (SGP.22 5.6, 5.8, 6.5.2), over the JSON binding.
 *
 * The functions know no sockets: a struct lpa_transport carries a body to a path of a server and
 * brings the answer. lpa/es9_http.h makes one of HTTPS; tests and benchmarks call a server in the
 * same process.
 */
#ifndef CRISP_LPA_ES9_H
#define CRISP_LPA_ES9_H

#include "lpa/lpa.h"
#include "rsp/es9plus.h"
#include "rsp/functions.h"

#define ES9_MAX_ADDRESS 255 /* characters of a server address with its port */

struct lpa_transport {
    void *ctx; /* given to each function */

    /* POSTs body (JSON) to https://<server><path>. server is host or host:port. Appends the
     * answer's body to response and gives the HTTP status. A failure is: not reached, not trusted.
     */
    cr_status (*post)(void *ctx, const char *server, const char *path, cr_span body,
                      int *http_status, cr_buf *response, struct cr_err *err);
};

/* Request headers that every implementation of a transport over HTTP sends. */
#define ES9_PROTOCOL   "gsma/rsp/v2.5.0" /* X-Admin-Protocol */
#define ES9_USER_AGENT "gsma-rsp-lpad"   /* User-Agent */

struct es9; /* one thread at a time */

/* where may be NULL. */
cr_status es9_new(const struct lpa_transport *transport, struct lpa_where *where, struct es9 **out,
                  struct cr_err *err) CR_MUST_CHECK;
void es9_free(struct es9 *es9); /* NULL is allowed; the transport stays the caller's */

/* The address as it goes into a URL: blanks around and a trailing dot dropped. CR_MALFORMED for
 * what cannot be a host with an optional port: an address from a card or a QR code never gets to
 * name a path, a user or another scheme. out has ES9_MAX_ADDRESS + 1 bytes. */
cr_status es9_address(cr_span address, char out[ES9_MAX_ADDRESS + 1],
                      struct cr_err *err) CR_MUST_CHECK;

/* True when both name the same host: case, port and a trailing dot do not count. */
bool es9_same_host(cr_span a, cr_span b);

/* One function of rsp/functions.h: builds the request, posts it, reads the answer. *response (the
 * function's response struct, in the arena) stays NULL for notifications. A refusal of the server
 * is CR_REFUSED with its subject and reason code, a sentence, and what to do next. */
cr_status es9_call(struct es9 *es9, enum rsp_function_id id, cr_span server, const void *request,
                   cr_arena *arena, void **response, struct cr_err *err) CR_MUST_CHECK;

cr_status es9_initiate_authentication(struct es9 *es9, bool smds, cr_span server,
                                      const struct rsp_initiate_authentication_request *request,
                                      cr_arena *arena, struct rsp_initiate_authentication_ok **out,
                                      struct cr_err *err) CR_MUST_CHECK;
cr_status es9_authenticate_client(struct es9 *es9, cr_span server,
                                  const struct rsp_authenticate_client_request *request,
                                  cr_arena *arena, struct rsp_authenticate_client_response **out,
                                  struct cr_err *err) CR_MUST_CHECK;
cr_status es11_authenticate_client(struct es9 *es9, cr_span server,
                                   const struct rsp_authenticate_client_request *request,
                                   cr_arena *arena,
                                   struct rsp_authenticate_client_response_ds **out,
                                   struct cr_err *err) CR_MUST_CHECK;
cr_status es9_get_bound_profile_package(struct es9 *es9, cr_span server,
                                        const struct rsp_get_bound_profile_package_request *request,
                                        cr_arena *arena, cr_span *bpp,
                                        struct cr_err *err) CR_MUST_CHECK;
/* pending = the complete TLV (BF37, 30 or A1) as the card gave it. */
cr_status es9_handle_notification(struct es9 *es9, cr_span server,
                                  const struct rsp_pending_notification *pending,
                                  struct cr_err *err) CR_MUST_CHECK;
cr_status es9_cancel_session(struct es9 *es9, cr_span server, cr_span transaction_id,
                             const struct rsp_cancel_session_response *answer,
                             struct cr_err *err) CR_MUST_CHECK;

#endif
