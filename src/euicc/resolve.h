/*
 * The chip asks for the address of a session's server (SGP.02 2.4.5): DNS over a BIP channel. One
 * question at a time; what was found is kept as long as the answer allows. RAM.
 */
#ifndef CRISP_EUICC_RESOLVE_H
#define CRISP_EUICC_RESOLVE_H

#include "euicc/m2m.h"
#include "ota/dns.h"

struct m2m_resolve {
    struct euicc_m2m *m;
    /* Told once, inside the transaction of a command, or from euicc_m2m_resolve_start(). */
    void (*done)(void *ctx, bool found);
    void *ctx;

    char name[OTA_DNS_NAME_MAX + 1]; /* that addresses belong to; "" = none */
    struct ota_dns_address addresses[OTA_DNS_ADDRESSES];
    size_t count;
    int64_t until_ms;

    /* Inside. */
    bool busy;
    struct ota_dns_resolver resolver;
    unsigned channel;
    size_t server; /* that the channel leads to */
    cr_buf connection;
    struct m2m_alarm alarm;
};

/* connection: TLVs of FA: bearer, buffer, transport, one or more servers. */
void euicc_m2m_resolve_start(struct m2m_resolve *r, cr_span name, cr_span connection);
/* Nothing is told any more. */
void euicc_m2m_resolve_stop(struct m2m_resolve *r);
/* What was found is not used any more. */
void euicc_m2m_resolve_forget(struct m2m_resolve *r);
/* Addresses are there and may still be used. */
bool euicc_m2m_resolve_fresh(const struct m2m_resolve *r, cr_span name);

#endif
