/* The information set of a chip that 'crisp euicc create --m2m --eis' wrote (JSON). */
#ifndef CRISP_CLI_EUM_JSON_H
#define CRISP_CLI_EUM_JSON_H

#include "cli/cli.h"
#include "soap/types.h"

/* What the chip does not know. */
struct cli_eum_said {
    const char *owner;       /* OID of its profiles' operator; NULL = not said */
    const char *ca_id;       /* OID of the EUM, for its certificate */
    cr_span eum_certificate; /* DER of the EUM that made it */
};

/* Fills an EIS with what the chip says, but its Test Profiles. Key check values are calculated. In
 * the command's arena. CR_MALFORMED names the member; CR_REFUSED: another EUM's chip. */
cr_status cli_eum_json(struct cli *cli, cr_span text, const struct cli_eum_said *said,
                       struct soap_eis *out, struct cr_err *err) CR_MUST_CHECK;

#endif
