/*
 * A session of SCP81 from inside: what its beginning (https_begin.c) and its course (https.c)
 * share. Not for others.
 */
#ifndef CRISP_EUICC_HTTPS_SESSION_H
#define CRISP_EUICC_HTTPS_SESSION_H

#include "euicc/https.h"
#include "euicc/resolve.h"
#include "net/psk.h"
#include "ota/admin_agent.h"

/* The agent of one security domain at work. */
struct m2m_https {
    struct m2m_https *next;
    struct euicc_m2m *m;
    unsigned seat;           /* 0 = the ISD-R's */
    struct gp_registry home; /* registry of the domain, and the domain */
    uint16_t domain;
    struct ota_agent *agent;
    struct psk_engine *engine;
    unsigned channel; /* 0 = none */
    bool note;        /* it carries the notification under way */
    bool talking;     /* TLS is open and the agent knows */
    bool ending;      /* the channel closes because the session is over */
    bool pausing;     /* a retry waits */
    bool failed;      /* no retry is left: kept for a trigger that asks for it again */
    struct m2m_alarm alarm;
    uint8_t kvn, key_id;
    char identity[PSK_IDENTITY_MAX + 1];
    cr_buf wanted; /* parameters that it was opened with */
    cr_buf connection;
    char name[OTA_DNS_NAME_MAX + 1]; /* asked for when connection has no address; "" = none */
    cr_buf servers;
    struct m2m_resolve *resolve; /* of the seat */
    size_t attempt;              /* which of the addresses comes next */
};

/* What a session can say and do for its domain, now. The registry is the card's, or that of the
 * visible profile as long as that is enabled; NULL: the domain may not be served any more. */
const struct gp_registry *euicc_m2m_https_registry(const struct m2m_https *h,
                                                   struct gp_object *domain);

/* What the agent runs scripts with; ctx is the session. */
enum ota_admin_status euicc_m2m_https_execute(void *ctx, const struct ota_aid *target,
                                              cr_span script, cr_buf *out);

/* In the list: begins. The session may be over when this returns. */
void euicc_m2m_https_start(struct m2m_https *h);
/* One that waits to be opened again is opened now. */
void euicc_m2m_https_hurry(struct m2m_https *h);
/* Out of the list, without a word to anybody. */
void euicc_m2m_https_end(struct m2m_https *h);
bool euicc_m2m_https_alive(const struct euicc_m2m *m, const struct m2m_https *h);

/* Wired into alarm and resolver; ctx is the session. */
void euicc_m2m_https_rings(void *ctx);
void euicc_m2m_https_resolved(void *ctx, bool found);

#endif
