/*
 * Common mutual authentication (SGP.22 3.0.1), the beginning of every RSP session with an SM-DP+
 * or an SM-DS.
 */
#ifndef CRISP_LPA_AUTHENTICATE_H
#define CRISP_LPA_AUTHENTICATE_H

#include "lpa/device.h"
#include "lpa/es10.h"
#include "lpa/es9.h"
#include "pki/cert.h"

/* A session between eUICC and server as the LPA sees it. Spans live in the arena given to
 * lpa_authenticate(). */
struct lpa_session {
    cr_span server;                     /* address that is contacted */
    bool smds;                          /* the server is (to be) an SM-DS */
    cr_span transaction_id;             /* absent before the server gave one */
    struct pki_cert server_certificate; /* CERT.DPauth or CERT.DSauth */
    struct rsp_euicc_info1 info1;       /* of the eUICC */
    struct rsp_euicc_info2 info2;       /* as signed in authenticateServerResponse */
    struct rsp_authenticate_server_response authenticate_server_response;
    bool authenticated; /* the eUICC holds a session: it can be cancelled */
};

struct lpa_authenticate_options {
    cr_span server;      /* FQDN, maybe with port, as typed */
    cr_span matching_id; /* token or EventID; absent = none */
    cr_span server_oid;  /* dotted, from the activation code; absent = any */
    bool smds;
    const struct lpa_device *device;
};

/* Steps 1 to 12: challenge, InitiateAuthentication, checks of the LPA (serverAddress, OID, role),
 * AuthenticateServer. *session is filled as far as it went, also on failure. Stage and function are
 * kept in lpa->where; entered is called at each new stage (may be NULL). With a certificate of the
 * other kind of server: CR_REFUSED with field "serverCertificate" and session->server_certificate
 * filled. */
cr_status lpa_authenticate(struct lpa *lpa, const struct lpa_authenticate_options *options,
                           void (*entered)(void *ctx, enum lpa_stage stage), void *ctx,
                           cr_arena *arena, struct lpa_session *session,
                           struct cr_err *err) CR_MUST_CHECK;

/* Cancels with the eUICC's signature and tells the server. Nothing happens when the eUICC holds no
 * session. What became of it is noted in lpa->where (which otherwise keeps the failure that led
 * here). session->authenticated is false afterwards. */
void lpa_session_cancel(struct lpa *lpa, struct lpa_session *session, int64_t reason);

#endif
