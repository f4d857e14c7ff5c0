/*
 * Certificates and CRLs for people, and as JSON for programs.
 */
#ifndef CRISP_CLI_CERT_TEXT_H
#define CRISP_CLI_CERT_TEXT_H

#include "cli/cli.h"
#include "pki/cert.h"
#include "pki/gpcert.h"

#include <jansson.h>

/* Lines with everything the decoder knows, each behind indent blanks. now_ms 0 = do not say whether
 * it has expired. */
void cli_cert_text(const struct pki_cert *cert, int indent, int64_t now_ms, cr_buf *out);
/* A GlobalPlatform certificate. */
void cli_gpcert_text(const struct gpcert *cert, int indent, int64_t now_ms, cr_buf *out);
void cli_crl_text(const struct pki_crl *crl, int indent, int64_t now_ms, cr_buf *out);

/* New references. */
json_t *cli_cert_json(const struct pki_cert *cert);
json_t *cli_gpcert_json(const struct gpcert *cert);
json_t *cli_crl_json(const struct pki_crl *crl);

#endif
