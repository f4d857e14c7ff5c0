/*
 * MasterDeleteAuthorisation: the SM-SR asks the SM-DP of a Profile for the Delete Token (SGP.02
 * 3.10). The standard leaves it open; here it is an administrative request of its own over the
 * connections of the parties, a POST of JSON beside the functions of the table:
 *
 *     POST /master-delete-authorisation
 *     {"eid": "8900..", "iccid": "8988..", "isd-p-aid": "A000..", "initiator": "2.999.101"}
 *
 *     200 {"token": "42..45..5F20..93..9E.."}   or   403 {"subject": .., "reason": .., "message":
 * ..}
 */
#ifndef CRISP_M2M_DELETE_TOKEN_H
#define CRISP_M2M_DELETE_TOKEN_H

#include "m2m/party.h"

#define M2M_DELETE_TOKEN_PATH "/master-delete-authorisation"
#define M2M_DELETE_TOKEN_MAX  256 /* bytes of the five objects */

struct m2m_delete_request {
    cr_span eid; /* 16 bytes */
    const char *iccid;
    cr_span aid;           /* of the ISD-P */
    const char *initiator; /* OID; NULL = the SM-SR itself */
};

/* The SM-DP's decision about a request of the peer, who is an SM-SR: appends 42, 45, 5F20, 93 and
 * 9E. */
typedef cr_status (*m2m_authorise)(void *ctx, const struct m2m_party *smsr,
                                   const struct m2m_delete_request *request, cr_buf *token,
                                   struct cr_err *err);

/* The SM-DP's end: takes the body of a request, appends that of the answer, gives the HTTP status.
 */
int m2m_delete_token_answer(const struct m2m_party *peer, cr_span body, m2m_authorise authorise,
                            void *ctx, cr_buf *answer);

/* The SM-SR's end. CR_REFUSED with the SM-DP's codes; CR_RESOURCE: not reached. */
cr_status m2m_delete_token_ask(const struct m2m_parties *self, const struct m2m_party *smdp,
                               const struct m2m_delete_request *request, cr_buf *token,
                               struct cr_err *err) CR_MUST_CHECK;

#endif
