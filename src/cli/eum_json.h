/* The information set of a chip that 'crisp euicc create --m2m --eis' wrote (JSON). */
#ifndef CRISP_CLI_EUM_JSON_H
#define CRISP_CLI_EUM_JSON_H

#include "cli/cli.h"
#include "soap/types.h"

/* Fills an EIS with what the chip says, and what it does not know: the platform, the owner of its
 * profiles (an OID), the CI of the certificate (ca_id, an OID). Key check values are calculated. In
 * the command's arena. CR_MALFORMED names the member. */
cr_status cli_eum_json(struct cli *cli, cr_span text, const char *owner, const char *ca_id,
                       struct soap_eis *out, struct cr_err *err) CR_MUST_CHECK;

#endif
