/*
 * Certificates and keys of TLS from files, PEM or DER by their content, with errors that say which
 * file and what is wrong with it; and the policy both ends share.
 */
#ifndef CRISP_NET_TLS_LOAD_H
#define CRISP_NET_TLS_LOAD_H

#include "base/error.h"

#include <openssl/ssl.h>

#define TLS_MAX_FILE                                                                               \
    (4 << 20)              /* bytes of a certificate or key file: a system's whole CA bundle       \
                            */
#define TLS_MAX_CERTS 1000 /* certificates of one file */

struct tls_pair {
    X509 *leaf;
    STACK_OF(X509) * chain; /* intermediates, may be empty */
    EVP_PKEY *key;
};

/* All certificates of a file, at least one. The caller frees with sk_X509_pop_free(). */
cr_status tls_load_certs(const char *path, STACK_OF(X509) * *out, struct cr_err *err) CR_MUST_CHECK;

/* A leaf with its chain and the key that belongs to it: P-256, P-384, or RSA of 2048 bits and up.
 */
cr_status tls_load_pair(const char *cert_path, const char *key_path, struct tls_pair *out,
                        struct cr_err *err) CR_MUST_CHECK;
void tls_pair_clear(struct tls_pair *pair);

/* Versions, ciphers and groups of both clients and servers. */
cr_status tls_apply_policy(SSL_CTX *ctx, struct cr_err *err) CR_MUST_CHECK;

#endif
