/*
 * crisp pki: what its sub-commands share.
 */
#ifndef CRISP_CLI_PKI_H
#define CRISP_CLI_PKI_H

#include "cli/cli.h"
#include "pki/chain.h"

extern const struct cli_command cli_pki_init;
extern const struct cli_command cli_pki_issue;
extern const struct cli_command cli_pki_show;
extern const struct cli_command cli_pki_verify;
extern const struct cli_command cli_pki_revoke;
extern const struct cli_command cli_pki_crl;
extern const struct cli_command cli_pki_m2m_parties;

extern const char *const cli_curve_words[]; /* "nist", "brainpool" */

/* Decodes a certificate file of any form into the arena. */
cr_status cli_cert_load(struct cli *cli, const char *path, struct pki_cert *out,
                        struct cr_err *err) CR_MUST_CHECK;

/* What to trust: a directory of `pki init`, or a file with CI certificates and CRLs. */
cr_status cli_trust_add(struct cli *cli, const char *path, struct pki_trust *trust,
                        struct cr_err *err) CR_MUST_CHECK;

#endif
