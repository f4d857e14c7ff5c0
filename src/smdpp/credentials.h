/*
 * What dates and revocation lists say about certificates while an SM-DP+ serves: the TLS
 * certificates that it shows (DPauth and DPpb are checked with their identity, smdpp/identity.h),
 * those that operators show to it, and when its own will end.
 */
#ifndef CRISP_SMDPP_CREDENTIALS_H
#define CRISP_SMDPP_CREDENTIALS_H

#include "smdpp/identity.h"

#define SMDPP_MAX_OPERATOR_CAS 64 /* certificates in the operator-ca file */
#define SMDPP_LIFE_WARN_MS     ((int64_t)14 * 24 * 3600 * 1000)

struct smdpp_credentials;

/* Reads and judges what the configuration names; config has to outlive *out.
 *
 * tls: every TLS certificate has to be in its validity period and not revoked by a list of the
 * configuration. One that a trusted CI has issued is judged by that CI; any other (public, of a
 * lab) by its dates and by the lists of the issuers that stand behind it in its file.
 *
 * operators: the CAs of the operator-ca file are read. A list of the configuration that names one
 * of them and was not signed by it is CR_REFUSED. */
cr_status smdpp_credentials_new(const struct smdpp_config *config, bool tls, bool operators,
                                int64_t now_ms, struct smdpp_credentials **out,
                                struct cr_err *err) CR_MUST_CHECK;
void smdpp_credentials_free(struct smdpp_credentials *credentials); /* NULL allowed */

/* The client certificate of an operator (TLS has verified its chain): in its validity period, it
 * and the CAs above it not revoked. A list of an issuer that is not in the operator-ca file cannot
 * be verified: CR_REFUSED too, so that no list is passed over in silence. Any thread. */
cr_status smdpp_credentials_check_operator(const struct smdpp_credentials *credentials,
                                           const struct pki_cert *leaf, int64_t now_ms,
                                           struct cr_err *err) CR_MUST_CHECK;

/* Tells the log, once for each change, which of our certificates end within SMDPP_LIFE_WARN_MS and
 * which have expired; to be called now and then by one thread. */
void smdpp_credentials_watch(struct smdpp_credentials *credentials, const cr_env *env);

#endif
