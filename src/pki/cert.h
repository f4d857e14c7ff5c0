/*
 * X.509 certificates and CRLs as SGP.22 4.5 and SGP.26 profile them, decoded by schema tables from
 * our own codec: OpenSSL's d2i costs as much as two signature verifications.
 */
#ifndef CRISP_PKI_CERT_H
#define CRISP_PKI_CERT_H

#include "base/arena.h"
#include "crypto/ec.h"

/* Roles by certificate policy OID (SGP.22 4.5.2.1 and annex H). */
enum pki_role {
    PKI_ROLE_NONE = 0, /* no role policy: public TLS certificates */
    PKI_ROLE_CI,
    PKI_ROLE_CI_SUBCA,
    PKI_ROLE_EUM,
    PKI_ROLE_EUM_SUBCA,
    PKI_ROLE_EUICC,
    PKI_ROLE_DP_SUBCA,
    PKI_ROLE_DP_TLS,
    PKI_ROLE_DP_AUTH,
    PKI_ROLE_DP_PB,
    PKI_ROLE_DS_SUBCA,
    PKI_ROLE_DS_TLS,
    PKI_ROLE_DS_AUTH,
    PKI_ROLES
};

const char *pki_role_name(enum pki_role role);  /* "dp-auth" */
enum pki_role pki_role_from_name(cr_span name); /* NONE when there is no such role */

/* X.509 v3 extensions that matter here, decoded. */
enum pki_key_usage {
    PKI_KU_DIGITAL_SIGNATURE = 1 << 0,
    PKI_KU_KEY_CERT_SIGN = 1 << 5,
    PKI_KU_CRL_SIGN = 1 << 6
}; /* bit numbers of RFC 5280 4.2.1.3 */

#define PKI_MAX_PERMITTED_EINS 32
#define PKI_MAX_DNS_NAMES      16 /* those beyond are not seen, so never match */
#define PKI_MAX_IP_ADDRESSES   4  /* likewise */
#define PKI_MAX_EXTENSIONS     64
#define PKI_MAX_SERIAL         32    /* contents bytes; RFC 5280 allows 20, some issuers use more */
#define PKI_MAX_CERT           16384 /* bytes of a certificate file */
#define PKI_MAX_CRL            8388608 /* bytes of a CRL file */

struct pki_cert {
    cr_span raw;                                   /* the complete certificate */
    cr_span tbs;                                   /* signed bytes */
    cr_span serial;                                /* contents of the INTEGER */
    cr_span issuer;                                /* complete Name TLV */
    cr_span subject;                               /* complete Name TLV */
    cr_span subject_cn, subject_o, subject_serial; /* contents of the first such attribute, or
                                                      absent; subject_serial of an eUICC = EID */
    int64_t not_before_ms, not_after_ms;
    enum crypto_curve curve; /* of the subject's key; NONE = unsupported */
    cr_span point;           /* subject's public key, 65 bytes */
    cr_span signature;       /* DER ECDSA signature; absent when another algorithm was used */
    cr_span ski, aki;        /* key identifiers, contents; absent when missing */
    bool has_basic_constraints, is_ca, basic_constraints_critical;
    int path_len; /* -1 = none */
    bool has_key_usage, key_usage_critical;
    unsigned key_usage; /* enum pki_key_usage */
    bool has_eku, eku_server_auth, eku_client_auth;
    enum pki_role role; /* first policy that is one of ours */
    bool role_v3;       /* the policy is the v3 form (Ov3, A, B, C) */
    bool policies_critical;
    cr_span registered_id; /* OID contents of subjectAltName registeredID; absent when missing */
    size_t dns_name_count;
    cr_span dns_names[PKI_MAX_DNS_NAMES];
    bool has_name_constraints;
    cr_span permitted_o;        /* O of the permitted directoryName */
    size_t permitted_ein_count; /* EIN prefixes: nameConstraints serialNumber or permittedEins */
    cr_span permitted_eins[PKI_MAX_PERMITTED_EINS];
    bool name_constraints_critical;
    bool has_permitted_eins; /* the v3 extension; it wins over nameConstraints in v3 roles */
    bool eku_critical;
    size_t ip_address_count;
    cr_span ip_addresses[PKI_MAX_IP_ADDRESSES]; /* subjectAltName iPAddress, 4 or 16 bytes */
    cr_span crl_url;       /* first URI of cRLDistributionPoints; absent when missing */
    bool unknown_critical; /* an extension that is critical and none of the above, or says more than
                              this decoder understands (excludedSubtrees, ...) */
};

/* Decodes; everything points into der. CR_MALFORMED for what is no certificate. Nothing is
 * verified. */
cr_status pki_cert_decode(cr_span der, struct pki_cert *out, struct cr_err *err) CR_MUST_CHECK;

/* One line: subject, role, key, validity, for `crisp decode` and logs. */
void pki_cert_summary(const struct pki_cert *cert, cr_buf *out);

/* Reads DER or the first certificate of a PEM file into the arena. */
cr_status pki_cert_load(const char *path, cr_arena *arena, struct pki_cert *out,
                        struct cr_err *err) CR_MUST_CHECK;

/* Names equal as RFC 5280 7.1 wants it, in the part that occurs: same attributes in the same order,
 * values compared without regard to string type, ASCII case and runs of spaces. */
bool pki_name_equal(cr_span a, cr_span b);
/* The same for one attribute value (contents of the string). */
bool pki_name_value_equal(cr_span a, cr_span b);

/* SHA-1 of the public key bits: the key identifier of RFC 5280 4.2.1.2 (1). */
void pki_key_id(cr_span point, uint8_t out[20]);

struct pki_crl {
    cr_span raw, tbs, issuer, signature, aki;
    int64_t this_update_ms, next_update_ms; /* next 0 = none */
    cr_span revoked;                        /* contents of revokedCertificates; absent = none */
    cr_span number;                         /* contents of cRLNumber */
    cr_span scope;                          /* issuingDistributionPoint, complete; absent = none */
    bool only_user_certs, only_ca_certs, only_attribute_certs, indirect;
    cr_span partial_number; /* rspExt partialCrlNumber (v2 partial CRLs): contents; absent = none */
    size_t revoked_count;
    bool unknown_critical; /* of the CRL or of an entry; delta CRLs count as such */
};

/* Decodes and checks the form of every entry; everything points into der. */
cr_status pki_crl_decode(cr_span der, struct pki_crl *out, struct cr_err *err) CR_MUST_CHECK;
/* True when the serial (contents of the INTEGER) is listed. Walks the list: O(n). */
bool pki_crl_lists(const struct pki_crl *crl, cr_span serial);

#endif
