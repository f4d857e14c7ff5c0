/*
 * TLS policies: what crisp offers and demands on each interface (SGP.22 2.6.6).
 *
 * 1.2 and 1.3; ECDHE with ECDSA or (for public certificates) RSA; AES-GCM and ChaCha20 only;
 * X25519, P-256 and P-384 key shares.
 */
#ifndef CRISP_NET_TLS_H
#define CRISP_NET_TLS_H

#include "base/error.h"

/* An SSL_CTX of OpenSSL; its headers stay out of ours (their ASN1_... names meet the codec's). */
struct ssl_ctx_st;

/* One certificate of a server with its chain; several are chosen by SNI, the first is the default.
 */
struct tls_identity {
    const char *cert_file; /* PEM (leaf first, then intermediates) or DER leaf */
    const char *key_file;
};

struct tls_server_options {
    const struct tls_identity *identities;
    size_t identity_count;
    const char *client_ca_file; /* PEM or DER; NULL = no client certificates are asked for */
    bool client_cert_required;  /* else asked for and checked when given */
    bool no_tickets; /* TLS 1.3: clients come back too seldom to pay for a ticket in each handshake
                      */
};

/* The context keeps its own copies. *out is freed with tls_server_free(). */
cr_status tls_server_new(const struct tls_server_options *options, struct ssl_ctx_st **out,
                         struct cr_err *err) CR_MUST_CHECK;

void tls_server_free(struct ssl_ctx_st *tls); /* NULL allowed */

#endif
