/*
 * GlobalPlatform certificates (template 7F21, Amendments A and E) as SGP.02 uses them: what a chip
 * without an X.509 parser verifies.
 *
 *   CERT.DP.ECDSA, CERT.SR.ECDSA  signed by the CI, handed to the chip in EstablishISDPKeySet and
 *                                 EstablishISDRKeySet
 *   CERT.ECASD.ECKA               signed by the EUM, in the EIS
 *
 *     7F21 { 93 serial, 42 CA identifier, 5F20 subject, 95 key usage, [5F25 effective date],
 *            5F24 expiry date, 73 { [C8 role], C9 authority key identifier }, 7F49 { B0 point,
 *            F0 curve }, 5F37 signature }
 *
 * Reading takes the data objects in any order, objects that it does not know too, and lengths that
 * are not minimal: the signature covers the bytes as they came, all of them before 5F37, which is
 * the last one. Writing gives the order above. Signatures are r || s with SHA-256.
 *
 * There is no revocation here: CRLs list X.509 certificates.
 */
#ifndef CRISP_PKI_GPCERT_H
#define CRISP_PKI_GPCERT_H

#include "pki/chain.h"
#include "pki/key.h"

#define GPCERT_TAG     0x7F21
#define GPCERT_FOREVER 99991231 /* expiry of what does not expire */

#define GPCERT_MAX               2048 /* bytes of a certificate */
#define GPCERT_MAX_SERIAL        16   /* bytes of 93 */
#define GPCERT_MAX_CA_ID         16   /* bytes of 42 */
#define GPCERT_MAX_SUBJECT       32   /* bytes of 5F20 */
#define GPCERT_MAX_AUTHORITY     32   /* bytes of C9 */
#define GPCERT_MAX_DISCRETIONARY 127  /* bytes of 73 */
#define GPCERT_MAX_OBJECTS       16   /* data objects in 7F21, and in 73 */

/* Whose certificate it is: C8 in the discretionary data. */
enum gpcert_role { GPCERT_ROLE_NONE = 0, GPCERT_ROLE_DP = 1, GPCERT_ROLE_SR = 2 };

const char *gpcert_role_name(enum gpcert_role role); /* "m2m-dp", "m2m-sr"; NONE: "ecasd" */
bool gpcert_role_from_name(cr_span name, enum gpcert_role *out); /* false = no such role */

/* Key usage, tag 95. */
#define GPCERT_USAGE_SIGNING 0x88 /* what is seen, and what we write */
#define GPCERT_USAGE_VERIFYING                                                                     \
    0x82                              /* what GlobalPlatform's coding suggests: taken for the same \
                                       */
#define GPCERT_USAGE_AGREEMENT 0x0080 /* ECKA; the only one of two bytes */

/* Key parameter reference, tag F0 (GlobalPlatform Amendment E). */
#define GPCERT_CURVE_P256      0x00
#define GPCERT_CURVE_BRAINPOOL 0x03
enum crypto_curve gpcert_curve(uint8_t reference); /* NONE = not supported */
uint8_t gpcert_curve_reference(enum crypto_curve curve);

struct gpcert {
    cr_span raw;             /* the complete certificate, 7F21 */
    cr_span tbs;             /* signed bytes: contents of 7F21 before 5F37 */
    cr_span serial;          /* 93 */
    cr_span ca_id;           /* 42: contents octets of the issuer's OID, as we write it */
    cr_span subject;         /* 5F20: the EID (16 bytes) of an ECASD, else a key identifier */
    unsigned usage;          /* 95 */
    size_t usage_size;       /* bytes of 95, 1 or 2 */
    uint32_t effective;      /* 5F25 as decimal YYYYMMDD; 0 = absent */
    uint32_t expiry;         /* 5F24 */
    cr_span discretionary;   /* contents of 73 */
    unsigned role;           /* C8: enum gpcert_role or a value that is none; 0 = absent */
    cr_span authority;       /* C9: subjectKeyIdentifier of the issuer; absent when missing */
    uint8_t curve_reference; /* F0 */
    enum crypto_curve curve; /* NONE = not supported */
    cr_span point;           /* B0; 65 bytes on a supported curve */
    cr_span signature;       /* 5F37 */
};

/* Decodes; everything points into tlv, which is the certificate and nothing else. CR_MALFORMED
 * (code PKI_MALFORMED) with the object's tag in err->field for what is no certificate. Nothing is
 * verified. */
cr_status gpcert_decode(cr_span tlv, struct gpcert *out, struct cr_err *err) CR_MUST_CHECK;

/* True when tlv begins as such a certificate does. */
bool gpcert_is(cr_span tlv);

/* One line: role or EID, key, validity. */
void gpcert_summary(const struct gpcert *cert, cr_buf *out);

/* The day of a time (UTC) as decimal YYYYMMDD; the times of the first and last millisecond of such
 * a day, -1 when there is no such day. */
uint32_t gpcert_date(int64_t ms);
int64_t gpcert_day_begins_ms(uint32_t date);
int64_t gpcert_day_ends_ms(uint32_t date);

/* --- verifying --- */

/* Who may have signed: a CI, or an EUM. */
struct gpcert_authority {
    cr_span key_id; /* subjectKeyIdentifier, compared with C9 */
    cr_span ca_id;  /* contents of its OID, compared with 42; absent = not compared */
    const struct crypto_public *key;
};

/* What the certificate must be. */
struct gpcert_expect {
    enum gpcert_role role; /* NONE: an ECASD, key usage key agreement */
    cr_span eid;           /* with NONE: 16 bytes that 5F20 has to be; absent = not compared */
    int64_t now_ms;        /* 0 = the verifier has no clock: dates are not looked at (chips) */
};

/* Verifies a decoded certificate against the authority that its C9 and 42 name. On CR_OK *key (may
 * be NULL) is the validated key, owned by the caller. On refusal err->code is an enum pki_problem:
 * PKI_UNKNOWN_CI, PKI_BAD_SIGNATURE, PKI_EXPIRED (or not valid yet), PKI_WRONG_ROLE (C8, or the EID
 * of another chip: PKI_EID_RANGE), PKI_BAD_PROFILE (key usage, no C9), PKI_WRONG_CURVE. Checked in
 * the order profile, authority, role, dates, signature. */
cr_status gpcert_verify(const struct gpcert *cert, const struct gpcert_authority *authorities,
                        size_t count, const struct gpcert_expect *expect,
                        struct crypto_public **key, struct cr_err *err) CR_MUST_CHECK;

/* CERT.DP.ECDSA or CERT.SR.ECDSA against the CIs of a trust (off-card: an SM-SR about its peer). 42
 * is compared when the CI's certificate has a registeredID. */
cr_status gpcert_verify_server(const struct gpcert *cert, const struct pki_trust *trust,
                               const struct gpcert_expect *expect, struct crypto_public **key,
                               struct cr_err *err) CR_MUST_CHECK;

/* CERT.ECASD.ECKA: the EUM's X.509 certificate against the CIs, the EID against what the EUM may
 * issue, then CERT.ECASD against the EUM (SGP.02 2.3.2.2). now_ms 0 = dates are not looked at. */
cr_status gpcert_verify_ecasd(const struct gpcert *cert, const struct pki_cert *eum,
                              struct pki_trust *trust, cr_span eid, int64_t now_ms,
                              struct crypto_public **key, struct cr_err *err) CR_MUST_CHECK;

/* --- issuing --- */

struct gpcert_request {
    cr_span serial;        /* 1..GPCERT_MAX_SERIAL bytes; absent = 8 random bytes */
    cr_span ca_id;         /* 1..GPCERT_MAX_CA_ID bytes */
    cr_span subject;       /* 1..GPCERT_MAX_SUBJECT bytes; absent = SHA-1 of point */
    enum gpcert_role role; /* NONE: ECASD, usage 0080, no C8; else usage 88 */
    uint32_t effective;    /* decimal YYYYMMDD; 0 = left out */
    uint32_t expiry;       /* decimal YYYYMMDD */
    cr_span authority;     /* C9, 1..GPCERT_MAX_AUTHORITY bytes */
    enum crypto_curve curve;
    cr_span point; /* 65 bytes */
};

/* Issues; appended to out, nothing on failure. CR_REFUSED with the field of the request that does
 * not fit. Whether the key is that of the authority named is left to the caller. */
cr_status gpcert_issue(const struct gpcert_request *request, const struct pki_key *issuer_key,
                       const cr_env *env, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* Fills ca_id and authority from an issuer's X.509 certificate, pointing into it: registeredID and
 * SKI; for a CI without registeredID the first bytes of the SKI. CR_REFUSED without SKI. */
cr_status gpcert_request_issuer(struct gpcert_request *request, const struct pki_cert *issuer,
                                struct cr_err *err) CR_MUST_CHECK;

#endif
