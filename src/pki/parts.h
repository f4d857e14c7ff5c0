/*
 * What certificates and CRLs have in common: the signed envelope, times, algorithm identifiers,
 * extensions, names. Readers take from the front of a span and answer false on bad form; the caller
 * knows the field and fills the error. Internal to the folder.
 */
#ifndef CRISP_PKI_PARTS_H
#define CRISP_PKI_PARTS_H

#include "asn1/der.h"

enum {
    TAG_BOOLEAN = 0x01,
    TAG_INTEGER = 0x02,
    TAG_BIT_STRING = 0x03,
    TAG_OCTET_STRING = 0x04,
    TAG_NULL = 0x05,
    TAG_OID = 0x06,
    TAG_UTF8 = 0x0C,
    TAG_PRINTABLE = 0x13,
    TAG_T61 = 0x14,
    TAG_IA5 = 0x16,
    TAG_UTC_TIME = 0x17,
    TAG_GENERALIZED_TIME = 0x18,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31
};

/* SIGNED{}: SEQUENCE { tbs, algorithm, signature }. */
struct pki_signed {
    cr_span tbs;       /* complete TLV: what is signed */
    cr_span contents;  /* of tbs */
    cr_span algorithm; /* contents of the outer AlgorithmIdentifier */
    cr_span bits;      /* of the signature */
};

/* No bytes may follow the envelope. */
bool pki_read_signed(cr_span der, struct pki_signed *out);

bool pki_take(cr_span *in, uint32_t tag, cr_span *value);
bool pki_take_time(cr_span *in, int64_t *ms); /* UTCTime or GeneralizedTime of RFC 5280 4.1.2.5 */
bool pki_take_integer(cr_span *in, cr_span *value); /* minimal, any size up to PKI_MAX_SERIAL */
bool pki_take_bits(cr_span *in, cr_span *bits);     /* BIT STRING without unused bits */
/* BOOLEAN DEFAULT FALSE; an explicit FALSE is let pass, as everybody does. */
bool pki_take_flag(cr_span *in, uint32_t tag, bool *value);

/* AlgorithmIdentifier contents = ecdsa-with-SHA256 without parameters (RFC 5758 3.2). */
bool pki_is_ecdsa_sha256(cr_span algorithm);

struct pki_extension {
    cr_span oid, value; /* contents */
    bool critical;
};
bool pki_take_extension(cr_span *in, struct pki_extension *out);

/* keyIdentifier of an AuthorityKeyIdentifier; absent when it names the issuer another way. */
bool pki_read_aki(cr_span value, cr_span *key_id);
/* First URI in a GeneralNames of DistributionPointName; absent when there is none. */
bool pki_read_point_url(cr_span point_name, cr_span *url);

/* Takes one entry of revokedCertificates; sets *unknown_critical when it has a critical extension,
 * else leaves it. */
bool pki_crl_next(cr_span *revoked, cr_span *serial, bool *unknown_critical);

/* Walks the attributes of a Name from left to right; starts as {.rdns = contents of the Name}. */
struct pki_attribute {
    cr_span oid, value;
    uint32_t tag; /* string type */
};
struct pki_name_walk {
    cr_span rdns; /* what is left */
    cr_span set;  /* what is left of the current RDN */
    bool bad;
};
/* False at the end and on bad form; pki_name_ended() tells which. */
bool pki_name_next(struct pki_name_walk *walk, struct pki_attribute *out);
bool pki_name_ended(const struct pki_name_walk *walk);

/* Contents octets of attribute types (RFC 5280 A.1) used in names here. */
extern const uint8_t PKI_OID_CN[3], PKI_OID_SERIAL[3], PKI_OID_C[3], PKI_OID_O[3], PKI_OID_OU[3];
extern const uint8_t PKI_OID_ECDSA_SHA256[8], PKI_OID_EC_PUBLIC_KEY[7];

#endif
