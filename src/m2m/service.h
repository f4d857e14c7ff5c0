/*
 * The messenger on the network: HTTPS with client certificates in, letters delivered out.
 */
#ifndef CRISP_M2M_SERVICE_H
#define CRISP_M2M_SERVICE_H

#include "m2m/delete_token.h"
#include "m2m/messenger.h"

struct m2m_service_options {
    struct m2m *m2m;
    const char *host;        /* address to bind; NULL = 127.0.0.1 */
    uint16_t port;           /* 0 = a free one */
    unsigned workers;        /* of the HTTP server; 0 = 8 for each processor */
    unsigned deliverers;     /* peers that are talked to at the same time; 0 = 16 */
    m2m_authorise authorise; /* of an SM-DP that gives out Delete Tokens; NULL = there are none */
    void *ctx;               /* of authorise */
};

struct m2m_service;
/* The parties' files (server certificate, client CAs) are those of m2m_parties_of(). */
cr_status m2m_service_start(const struct m2m_service_options *options, struct m2m_service **out,
                            struct cr_err *err) CR_MUST_CHECK;
uint16_t m2m_service_port(const struct m2m_service *service);
/* To be called every second or so: deadlines, old rows. */
void m2m_service_tick(struct m2m_service *service);
void m2m_service_stop(struct m2m_service *service); /* NULL allowed */

#endif
