/*
 * Elliptic curves as the RSP standards use them: points, plain signatures, key agreement.
 *
 * Signatures are BSI TR-03111 plain: r || s, 32 bytes each, always 64 bytes (SGP.22 2.6.7.2).
 * Points are uncompressed: 04 || X || Y, 65 bytes. Hash is SHA-256.
 *
 * What is expensive in OpenSSL (groups, domain parameters) is made once for a process, on first
 * use, and is immutable afterwards. Keys may be shared between threads.
 *
 * A curve that is not supported is CR_REFUSED; a point that is not 65 bytes starting with 04, or
 * not on its curve, and a scalar outside 1..n-1 are CR_MALFORMED.
 */
#ifndef CRISP_CRYPTO_EC_H
#define CRISP_CRYPTO_EC_H

#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

enum crypto_curve {
    CRYPTO_CURVE_NONE = 0,
    CRYPTO_P256,      /* 1.2.840.10045.3.1.7 */
    CRYPTO_BRAINPOOL, /* brainpoolP256r1, 1.3.36.3.3.2.8.1.1.7 */
    CRYPTO_CURVES
};

#define CRYPTO_POINT     65 /* bytes of an uncompressed point */
#define CRYPTO_SCALAR    32 /* bytes of a private key, of Z */
#define CRYPTO_SIGNATURE 64 /* bytes of r || s */
#define CRYPTO_SHA256    32

/* "P-256", "brainpoolP256r1". */
const char *crypto_curve_name(enum crypto_curve curve);
/* Contents octets of the curve's OID. */
cr_span crypto_curve_oid(enum crypto_curve curve);
enum crypto_curve crypto_curve_from_oid(cr_span oid);   /* NONE when not supported */
enum crypto_curve crypto_curve_from_name(cr_span name); /* also "nist", "brainpool"; NONE */

void crypto_sha256(cr_span data, uint8_t out[CRYPTO_SHA256]);
/* Over the concatenation of count spans, without copying them together. */
void crypto_sha256_parts(const cr_span *parts, size_t count, uint8_t out[CRYPTO_SHA256]);
void crypto_sha1(cr_span data, uint8_t out[20]); /* key identifiers (RFC 5280 4.2.1.2), GBA_U */

/* A public key, validated once (on the curve, not infinity), cheap to use many times. Immutable and
 * shareable between threads. */
struct crypto_public;
cr_status crypto_public_new(enum crypto_curve curve, cr_span point, struct crypto_public **out,
                            struct cr_err *err) CR_MUST_CHECK;
void crypto_public_free(struct crypto_public *key);
enum crypto_curve crypto_public_curve(const struct crypto_public *key);
cr_span crypto_public_point(const struct crypto_public *key); /* 65 bytes, owned by the key */

/* CR_REFUSED when the signature is wrong (also wrong length or range). data = count parts. */
cr_status crypto_verify(const struct crypto_public *key, const cr_span *parts, size_t count,
                        cr_span signature, struct cr_err *err) CR_MUST_CHECK;

/* As crypto_verify() for a DER-encoded signature (X.509 certificates and CRLs) over data. */
cr_status crypto_verify_der(const struct crypto_public *key, cr_span data, cr_span der_signature,
                            struct cr_err *err) CR_MUST_CHECK;

/* A private key in memory. One-time keys and file keys; long-lived keys are used through
 * pki/key.h. Not NULL-safe except for free, which wipes. Shareable between threads for use. */
struct crypto_private;
cr_status crypto_private_generate(enum crypto_curve curve, struct crypto_private **out,
                                  struct cr_err *err) CR_MUST_CHECK;
/* From the 32-byte scalar (big endian). */
cr_status crypto_private_new(enum crypto_curve curve, cr_span scalar, struct crypto_private **out,
                             struct cr_err *err) CR_MUST_CHECK;
/* SEC1 or PKCS#8, PEM or DER, no passphrase. */
cr_status crypto_private_parse(cr_span pem_or_der, struct crypto_private **out,
                               struct cr_err *err) CR_MUST_CHECK;
/* PKCS#8 PEM, appended to out (set out->secret). */
cr_status crypto_private_pem(const struct crypto_private *key, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;
void crypto_private_free(struct crypto_private *key);
enum crypto_curve crypto_private_curve(const struct crypto_private *key);
void crypto_private_scalar(const struct crypto_private *key, uint8_t out[CRYPTO_SCALAR]);
void crypto_private_point(const struct crypto_private *key, uint8_t out[CRYPTO_POINT]);

cr_status crypto_sign(const struct crypto_private *key, const cr_span *parts, size_t count,
                      uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err) CR_MUST_CHECK;

/* ECKA: Z = x coordinate of the shared point (BSI TR-03111 4.3). The peer's point was validated by
 * crypto_public_new(). Both keys on one curve, else CR_REFUSED. */
cr_status crypto_ecka(const struct crypto_private *own, const struct crypto_public *peer,
                      uint8_t z[CRYPTO_SCALAR], struct cr_err *err) CR_MUST_CHECK;

/* Plain r || s <-> DER SEQUENCE { r, s }. */
cr_status crypto_signature_to_der(cr_span plain, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;
cr_status crypto_signature_from_der(cr_span der, uint8_t out[CRYPTO_SIGNATURE],
                                    struct cr_err *err) CR_MUST_CHECK;

#endif
