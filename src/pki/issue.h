/*
 * Issuing: the test hierarchy of SGP.26 and each of its certificate profiles (SGP.22 4.5.2.1).
 */
#ifndef CRISP_PKI_ISSUE_H
#define CRISP_PKI_ISSUE_H

#include "pki/cert.h"
#include "pki/key.h"

/* What a certificate shall say. Only the fields that its role needs. */
struct pki_request {
    enum pki_role role;      /* PKI_ROLE_NONE with operator_tls: operator's client certificate */
    bool operator_tls;       /* ES2+ client: EKU clientAuth (+ serverAuth) */
    const char *common_name; /* also CN = FQDN of TLS certificates */
    const char *organization, *country, *organizational_unit; /* NULL = left out */
    const char *eid;         /* PKI_ROLE_EUICC: serialNumber, 32 digits */
    const char *ein_prefix;  /* PKI_ROLE_EUM: permitted serialNumber prefix; several with commas */
    const char *permitted_o; /* PKI_ROLE_EUM: permitted O; NULL = organization */
    const char *registered_id;    /* dotted OID; NULL = left out */
    const char *const *dns_names; /* NULL-terminated; TLS; an IP address becomes an iPAddress */
    const char *crl_url;          /* NULL = no distribution point */
    int64_t not_before_ms;
    int64_t not_after_ms;
    cr_span serial;   /* big endian; absent = 8 random bytes */
    bool v3;          /* role policies of v3 (variants Ov3, A, B, C), permittedEins */
    unsigned sub_cas; /* EUM and SubCA roles: CAs permitted below (pathLenConstraint) */
};

/* Issues over the subject's public key. issuer NULL = self-signed with key (role CI). DER is
 * appended to out. CR_REFUSED (field = name in the request) when the request lacks what its role
 * needs or a value does not fit. Whether the issuer may issue it is left to the caller: test
 * set-ups want certificates that nobody should believe. */
cr_status pki_issue(const struct pki_request *request, enum crypto_curve curve, cr_span point,
                    const struct pki_cert *issuer, const struct pki_key *issuer_key,
                    const cr_env *env, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* A CRL (v2, AKI, cRLNumber, issuingDistributionPoint) listing the serials, appended to out. The
 * scope follows the issuer's role (SGP.22 4.6): EUMs list CA certificates, server SubCAs leaves,
 * CIs everything, with the distribution point of their own certificate, if it has one. */
cr_status pki_issue_crl(const struct pki_cert *issuer, const struct pki_key *issuer_key,
                        const cr_span *serials, size_t count, uint64_t number,
                        int64_t this_update_ms, int64_t next_update_ms, cr_buf *out,
                        struct cr_err *err) CR_MUST_CHECK;

/* Appends PEM ("CERTIFICATE", "X509 CRL"). */
void pki_pem_append(cr_buf *out, const char *label, cr_span der);
/* First PEM block with the label, or the DER itself, appended to out. */
cr_status pki_pem_decode(cr_span text, const char *label, cr_buf *out,
                         struct cr_err *err) CR_MUST_CHECK;
/* Every PEM block with the label in its order, or the DER itself; der is valid during the call
 * only. The first failure of each ends it and is returned. CR_MALFORMED when there is none. */
typedef cr_status (*pki_pem_fn)(void *ctx, cr_span der, struct cr_err *err);
cr_status pki_pem_each(cr_span text, const char *label, pki_pem_fn each, void *ctx,
                       struct cr_err *err) CR_MUST_CHECK;

#endif
