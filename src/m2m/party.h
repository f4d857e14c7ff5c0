/*
 * Who takes part in SGP.02: this server and the parties that it talks to, by configuration.
 *
 *     [self]
 *     oid = 1.3.6.1.4.1.50420
 *     name = SM-SR One
 *     role = smsr
 *     address = https://smsr.example:8443/   ; what peers POST to; answers are called back there
 *     tls-cert = smsr.der                    ; server certificate, and client certificate towards
 * peers tls-key = smsr.key client-ca = parties.pem                ; who signs the client
 * certificates of peers
 *
 *     [party operator-a]
 *     oid = 1.3.6.1.4.1.50101
 *     role = operator                        ; eum, operator, smdp, smsr, m2m-sp; several with
 * commas certificate = operator-a.der           ; its client certificate, to the letter subject =
 * Operator A                   ; or: CN of any certificate under client-ca url =
 * https://a.example:8444/          ; where it listens; url.es4 = ... for one interface ca =
 * a-ca.pem                          ; who signed that server's certificate; default client-ca
 *     through = 1.3.6.1.4.1.50410            ; SM-DP that passes notifications on (ES3, then ES2)
 *     group = ProfileManagement              ; wsa:Action group that it wants for all functions
 *
 *     call-identifiers = free                ; they are not unique; default unique
 *
 *     [party eum-x]                           ; at an SM-SR, of an EUM also:
 *     eum-certificate = eum.der               ; X.509, whose key signs EIS and eUICC certificates
 *     transport-key = eum-transport.key       ; file, 32 hex digits: unwraps the key sets of ES1
 *
 * Relative paths are relative to the file. Names of a party are for people; its OID is what the
 * standard knows it by.
 */
#ifndef CRISP_M2M_PARTY_H
#define CRISP_M2M_PARTY_H

#include "soap/envelope.h"

#define M2M_MAX_PARTIES    256
#define M2M_MAX_INTERFACES 8

struct m2m_party {
    const char *name; /* of the section */
    const char *oid;
    unsigned roles;                       /* enum soap_party bits */
    cr_span certificate;                  /* DER; absent = by subject */
    const char *subject;                  /* CN; NULL = by certificate */
    const char *url;                      /* NULL = it cannot be called */
    const char *urls[M2M_MAX_INTERFACES]; /* by enum soap_interface; NULL = url */
    const char *ca;                       /* file; NULL = client_ca of self */
    const char *through;                  /* OID of an SM-DP; NULL = directly */
    struct soap_dialect dialect;
    cr_span eum_certificate;   /* DER; absent = none */
    const char *transport_key; /* file; NULL = none */
    bool free_calls; /* its FunctionCallIdentifiers are not unique: only MessageIDs tell repeats */
};

struct m2m_parties {
    cr_arena arena; /* holds everything below */
    const char *oid, *name;
    enum soap_party role;
    const char *address;
    const char *tls_cert, *tls_key, *client_ca; /* files */
    struct m2m_party *parties;
    size_t count;
};

/* Reads the file. CR_REFUSED names the section and the setting that is missing or wrong. */
cr_status m2m_parties_load(const char *path, struct m2m_parties *out,
                           struct cr_err *err) CR_MUST_CHECK;
void m2m_parties_free(struct m2m_parties *parties);

const struct m2m_party *m2m_party_by_oid(const struct m2m_parties *parties, cr_span oid);
/* By section name or OID, for people. NULL = nobody. */
const struct m2m_party *m2m_party_named(const struct m2m_parties *parties, const char *name);

/* Whom a verified client certificate proves: NULL = nobody that is configured. */
const struct m2m_party *m2m_party_of_certificate(const struct m2m_parties *parties, cr_span der);

/* Reads the transport key of an EUM: AES-128, to be wiped after use. CR_REFUSED: none is
 * configured. */
#define M2M_TRANSPORT_KEY 16
cr_status m2m_party_transport_key(const struct m2m_party *party, uint8_t out[M2M_TRANSPORT_KEY],
                                  struct cr_err *err) CR_MUST_CHECK;

/* Where a party listens for an interface; NULL = nowhere. */
const char *m2m_party_url(const struct m2m_party *party, enum soap_interface interface);

#endif
