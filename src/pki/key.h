/*
 * Where private keys live. A struct pki_key is a handle: it signs and agrees, and nobody sees the
 * scalar. A file today, PKCS#11 later, the same procedures. Safe to use from several threads.
 */
#ifndef CRISP_PKI_KEY_H
#define CRISP_PKI_KEY_H

#include "crypto/ec.h"

struct pki_key; /* long-lived */

/* Operations of a key home; ctx is given to each. */
struct pki_key_ops {
    cr_status (*sign)(void *ctx, const cr_span *parts, size_t count, uint8_t out[CRYPTO_SIGNATURE],
                      struct cr_err *err);
    cr_status (*agree)(void *ctx, const struct crypto_public *peer, uint8_t z[CRYPTO_SCALAR],
                       struct cr_err *err); /* NULL = this home does not agree */
    void (*free)(void *ctx);
};

/* A handle over any home. point: the public key, 65 bytes. */
cr_status pki_key_new(enum crypto_curve curve, cr_span point, const struct pki_key_ops *ops,
                      void *ctx, struct pki_key **out, struct cr_err *err) CR_MUST_CHECK;

/* A handle over a key in memory; takes ownership of private (also on failure). */
cr_status pki_key_of_private(struct crypto_private *private, struct pki_key **out,
                             struct cr_err *err) CR_MUST_CHECK;

/* From a PEM or DER file. */
cr_status pki_key_open_file(const char *path, struct pki_key **out,
                            struct cr_err *err) CR_MUST_CHECK;

void pki_key_free(struct pki_key *key);

enum crypto_curve pki_key_curve(const struct pki_key *key);
cr_span pki_key_point(const struct pki_key *key);

/* Plain 64-byte ECDSA signature with SHA-256 over the concatenated parts. */
cr_status pki_key_sign(const struct pki_key *key, const cr_span *parts, size_t count,
                       uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err) CR_MUST_CHECK;
cr_status pki_key_agree(const struct pki_key *key, const struct crypto_public *peer,
                        uint8_t z[CRYPTO_SCALAR], struct cr_err *err) CR_MUST_CHECK;

#endif
