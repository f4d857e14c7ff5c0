/* The EUM's part of an EIS, before it is registered (ES1). */
#ifndef CRISP_CLI_EUM_EIS_H
#define CRISP_CLI_EUM_EIS_H

#include "base/env.h"
#include "m2m/party.h"
#include "pki/cert.h"
#include "pki/key.h"

struct cli_eum {
    const char *oid, *smsr_oid; /* of the EUM, of the first SM-SR */
    const cr_env *env;
    struct pki_cert cert; /* of the EUM, with its key */
    struct pki_key *key;
    uint8_t transport[M2M_TRANSPORT_KEY];
};

/* Fills in who registers it, where and when, unless it is said; checks the EID and the key check
 * values; wraps the keys of ISD-R by the transport key; signs. What is added lives in the arena,
 * which should be secret. CR_REFUSED: an EID outside of the EUM's range; CR_MALFORMED: a key. */
cr_status cli_eum_finish(const struct cli_eum *eum, struct soap_eis *eis, cr_arena *arena,
                         struct cr_err *err) CR_MUST_CHECK;

#endif
