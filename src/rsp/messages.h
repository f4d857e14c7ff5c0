/*
 * Every message of SGP.22 by its outer tag, for `crisp decode`, printers and fuzzers.
 */
#ifndef CRISP_RSP_MESSAGES_H
#define CRISP_RSP_MESSAGES_H

#include "asn1/asn1.h"

enum rsp_direction {
    RSP_REQUEST,
    RSP_RESPONSE,
    RSP_DATA /* a signed part, a notification, what travels inside something else */
};

struct rsp_message {
    uint32_t tag; /* outer tag of the message */
    enum rsp_direction direction;
    const char *name;      /* "AuthenticateServerRequest" */
    const char *interface; /* "ES10b" */
    const struct asn1_type *type;
};

/* All rows, ordered by tag, likelier candidates of a tag first. */
extern const struct rsp_message rsp_messages[];
extern const size_t rsp_message_count;

/* Rows of one tag: the first row, *count of them; NULL with *count = 0 when the tag is unknown. */
const struct rsp_message *rsp_message_candidates(uint32_t tag, size_t *count);

/* Row by name (case-insensitive), NULL when there is none. */
const struct rsp_message *rsp_message_by_name(cr_span name);

/* Which message a TLV was meant to be: the candidate of its tag that knows most of what is inside
 * (asn1_coverage()), the likelier one where that does not tell. NULL when the tag is unknown. */
const struct rsp_message *rsp_message_likeliest(cr_span tlv);

/* Decodes one TLV of unknown kind: of the candidates the first that decodes and, encoded anew,
 * gives the same bytes; else the likeliest that decodes. A request without components would decode
 * whatever is damaged in the answer to it: with a tag of SGP.22's own, a candidate that decodes has
 * to know as much of the value as one that does not. *value is in the arena. CR_MALFORMED with the
 * complaint of rsp_message_likeliest() when none fits. */
cr_status rsp_message_decode(cr_span tlv, cr_arena *arena, const struct rsp_message **message,
                             void **value, struct cr_err *err) CR_MUST_CHECK;

#endif
