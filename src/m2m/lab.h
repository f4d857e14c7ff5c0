/*
 * A lab: the parties of SGP.02 on one machine, each with a certificate for TLS and a file of its
 * parties (m2m/party.h), ready to be started.
 *
 *   DIR/nist/ci.der ci.key              the CA of the parties: a hierarchy of pki/hierarchy.h, so
 *   DIR/nist/<name>.der <name>.key      that more parties can be issued below it
 *   DIR/transport-smsr-1.key            the key that the EUM and that SM-SR agreed on, random, of
 *                                       the owner only; for each SM-SR
 *   DIR/eum-certificate.der             whose key signs EIS and chips, when it is given
 *   DIR/<name>.ini                      [self] and all the others
 *
 * The parties: eum, operator-a, operator-b, m2m-sp, smdp, smsr-1, smsr-2.
 */
#ifndef CRISP_M2M_LAB_H
#define CRISP_M2M_LAB_H

#include "m2m/party.h"

#define M2M_LAB_PARTIES    7
#define M2M_LAB_HOST       "127.0.0.1"
#define M2M_LAB_FIRST_PORT 9101

struct m2m_lab_party {
    const char *name;  /* "smsr-1": of the files and the sections */
    const char *title; /* "SM-SR 1" */
    enum soap_party role;
    const char *oid;
    const char *host; /* name or IP address: in the URL and in the certificate */
    uint16_t port;    /* where it listens */
};

struct m2m_lab {
    struct m2m_lab_party parties[M2M_LAB_PARTIES];
    cr_span eum_certificate; /* DER; absent = none: SM-SRs register no chips */
};

/* The lab as it is unless something is changed: OIDs below 2.999, 127.0.0.1, ports from first_port
 * upwards (0 = M2M_LAB_FIRST_PORT) in the order of the table. */
struct m2m_lab m2m_lab_usual(uint16_t first_port);
/* NULL = no party has this name. */
struct m2m_lab_party *m2m_lab_named(struct m2m_lab *lab, cr_span name);

/* Makes the directory, which must not be there. CR_REFUSED: it is there, or a party has an OID,
 * host or port that is none, or that of another one; then nothing is left behind. */
cr_status m2m_lab_make(const char *dir, const struct m2m_lab *lab, const cr_env *env,
                       struct cr_err *err) CR_MUST_CHECK;

#endif
