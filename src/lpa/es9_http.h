/*
 * The transport of ES9+ and ES11 over HTTPS: one connection for all functions of a session, the
 * server's certificate always verified (SGP.22 2.6.6).
 */
#ifndef CRISP_LPA_ES9_HTTP_H
#define CRISP_LPA_ES9_HTTP_H

#include "lpa/es9.h"

struct es9_http_options {
    const char *ca_file; /* CI certificates to trust, PEM (one or several) or DER; NULL = none */
    bool system_store;   /* trust the system's CAs (too) */
    /* CRLs that the servers' chains are held against, DER or PEM. One of a CI of ca_file has to be
     * signed by it; any other is verified when its issuer stands in a server's chain. One that is
     * overdue still revokes what it lists; the log is told. */
    const char *const *crl_files;
    size_t crl_count;
    const char *connect_to;   /* "host:port" to connect to instead of the address; NULL = by DNS */
    unsigned timeout_seconds; /* of one function; 0 = 60 */
    /* Bytes of an answer: total 0 = not known. Return false to abort. NULL = none. */
    bool (*progress)(void *ctx, size_t done, size_t total);
    void *progress_ctx;
    const cr_env *env;
};

struct es9_http;

/* A certificate issued by a CI of ca_file has to carry the role policy of an SM-DP+ or SM-DS TLS
 * certificate; a publicly issued one carries none. No certificate of the chain may be revoked by a
 * list of crl_files. */
cr_status es9_http_new(const struct es9_http_options *options, struct es9_http **out,
                       struct cr_err *err) CR_MUST_CHECK;
void es9_http_free(struct es9_http *http); /* NULL is allowed */

/* Valid as long as http. */
struct lpa_transport es9_http_transport(struct es9_http *http);

#endif
