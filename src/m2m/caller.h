/*
 * One request and its answer, for a client without a database: a person at a desk.
 *
 * The answer comes on the same connection, is called back to a listener that lives as long as the
 * call, or is fetched by polling (SGP.02 annex B.2). What is lost on the way is not repeated: the
 * caller sees the failure and asks again, under the same identity when it may have been done, or
 * reads what became of it.
 */
#ifndef CRISP_M2M_CALLER_H
#define CRISP_M2M_CALLER_H

#include "m2m/party.h"

#define M2M_CALLER_IDENTITY 64 /* characters */

/* An answer is waited for this long after the validity period. */
#define M2M_CALLER_GRACE_MS 30000

struct m2m_caller_options {
    const struct m2m_parties *parties; /* not owned */
    const cr_env *env;                 /* not owned */
    enum soap_reply how;
    const char *listen_host; /* SOAP_REPLY_CALLBACK: IP address to bind */
    uint16_t listen_port;    /* 0 = a free one: the peer is then told https://listen_host:port/,
                                else the address of [self] */
    const char *identity;    /* the caller's own part of the MessageID, letters, digits and -._ :
                                the same again is not executed again but gets the first answer,
                                also from another address; NULL = a new one */
    int64_t poll_ms;         /* SOAP_REPLY_POLL: between two polls; 0 = 1000 */
    /* Called several times a second while waiting; false = give up (CR_REFUSED). NULL = none. */
    bool (*go_on)(void *ctx);
    void *ctx;
};

/* Sends a request and waits for its answer; both live in the arena. Base members of the body are
 * filled: function_call_identifier, and validity_period by the function's default when absent.
 *
 * CR_OK: answer is a response to this request, whatever its status. CR_REFUSED: the peer has no
 * address for the interface, answered with a Fault or an HTTP status, go_on said so, or identity is
 * none. CR_RESOURCE: not reached, or no answer in time. CR_MALFORMED: an answer that is none. */
cr_status m2m_caller_ask(const struct m2m_caller_options *options, const struct m2m_party *to,
                         const struct soap_function *function, const struct soap_body *body,
                         cr_arena *arena, struct soap_message *answer,
                         struct cr_err *err) CR_MUST_CHECK;

/* Where to bind for an address of ours ("https://127.0.0.1:9102/"): its port, and its host when
 * that is an IP address (else all addresses of the machine). The host lives in the arena. False
 * when it is no such URL. */
bool m2m_caller_bind(const char *address, cr_arena *arena, const char **host, uint16_t *port);

#endif
