/*
 * A message of SGP.02 as it travels: SOAP 1.2 with WS-Addressing headers (annex B), body by the
 * table of functions.
 *
 *     reader   bytes -> soap_parse() -> struct soap_message -> handler
 *     writer   struct soap_message -> soap_build() -> bytes
 *
 * Reading is lenient where peers differ (order of elements, spelling, prefix, case of query
 * arguments, a missing RelatesTo in a callback), strict in what decides: the body's element says
 * which function it is, wsa:Action must not say another one. Writing follows the standard's order.
 *
 * Addresses are URIs with arguments: `https://host/es4?EntityId=1.3.6.1&EntityName=A`. A MessageID
 * is `//authority/id?TransactionId=..&ContextID=..&MessageDate=..`.
 */
#ifndef CRISP_SOAP_ENVELOPE_H
#define CRISP_SOAP_ENVELOPE_H

#include "base/env.h"
#include "soap/functions.h"

#define SOAP_CONTENT_TYPE "application/soap+xml"
#define SOAP_MAX_BODY     ((size_t)2 << 20) /* bytes of one message */
#define SOAP_MAX_URI      1024              /* characters of an address or MessageID */

#define SOAP_ANONYMOUS      "http://www.w3.org/2005/08/addressing/anonymous"
#define SOAP_POLL_ANONYMOUS "http://docs.oasis-open.org/ws-rx/wsmc/200702/anonymous"

/* One end of a message. All spans are texts without entities; absent = not said. */
struct soap_end {
    cr_span uri;         /* without arguments */
    cr_span entity_id;   /* OID */
    cr_span entity_name; /* free text */
    cr_span user_name;
};

/* How the requester wants its answer (annex B.2). */
enum soap_reply {
    SOAP_REPLY_HERE = 0, /* on this connection: no ReplyTo, or anonymous */
    SOAP_REPLY_CALLBACK, /* POST to reply_to.uri */
    SOAP_REPLY_POLL      /* kept until a MakeConnection with poll_address asks */
};

struct soap_header {
    struct soap_end from, to;
    cr_span message_id; /* the whole URI, as RelatesTo repeats it */
    cr_span transaction_id, context_id;
    bool has_message_date;
    int64_t message_date; /* milliseconds since 1970 */
    cr_span action;       /* as read; the writer makes its own */
    enum soap_reply reply;
    struct soap_end reply_to;
    cr_span poll_address; /* the anonymous URI with its id */
    cr_span relates_to;   /* of a response */
};

struct soap_message {
    enum soap_message_kind kind;
    struct soap_header header;
    const struct soap_function *function; /* REQUEST, RESPONSE, NOTICE */
    struct soap_body body;
    bool message_pending; /* answer to a poll: more waits */
    /* FAULT */
    bool fault_of_sender;
    cr_span fault_text;
};

/* What a peer wants otherwise. NULL = as the standard's annex B. */
struct soap_dialect {
    const char *group; /* of wsa:Action, for all functions; NULL = by the table */
};

/* Decodes a message; everything lives in the arena. An empty text, or an envelope with an empty
 * body, is SOAP_EMPTY. CR_MALFORMED carries subject and reason: 1.3.1/2.1 for what is no message,
 * 1.6/2.1 and 1.6/2.2 for bad and missing elements (out->header is filled then as far as it was
 * read, out->function too, so that the sender can be answered), 1.6/3.1 for a function that is not
 * in the table. */
cr_status soap_parse(cr_span text, cr_arena *arena, struct soap_message *out,
                     struct cr_err *err) CR_MUST_CHECK;

/* Appends the envelope of a message. CR_REFUSED names the element that is missing or bad. */
cr_status soap_build(const struct soap_message *message, const struct soap_dialect *dialect,
                     cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* Appends a Fault. sender: the message was at fault (HTTP 400), else we are (500). */
void soap_build_fault(bool sender, const char *text, cr_buf *out);

/* Appends wsa:Action for a message. */
void soap_action(const struct soap_function *function, enum soap_message_kind kind,
                 const struct soap_dialect *dialect, cr_buf *out);

/* A new MessageID `//<entity>/urn:uuid:<random>?TransactionId=..&ContextID=..&MessageDate=..` in
 * the arena. transaction_id, context_id may be absent. */
cr_status soap_new_message_id(const cr_env *env, cr_span entity_id, cr_span transaction_id,
                              cr_span context_id, cr_arena *arena, cr_span *out,
                              struct cr_err *err) CR_MUST_CHECK;
/* "urn:uuid:<random>". */
cr_status soap_new_uuid(const cr_env *env, cr_arena *arena, cr_span *out,
                        struct cr_err *err) CR_MUST_CHECK;
/* A poll address with a new id. */
cr_status soap_new_poll_address(const cr_env *env, cr_arena *arena, cr_span *out,
                                struct cr_err *err) CR_MUST_CHECK;

/* The MessageID without its arguments: what peers that drop them still agree on. */
cr_span soap_message_id_base(cr_span message_id);

/* Splits an address with arguments; never fails, what is not understood stays in uri. */
void soap_address_read(cr_span text, cr_arena *arena, struct soap_end *out);

/* FAILED (or EXPIRED for 1.6/5.3) with an error's codes and cause. Errors without codes become a
 * pair of their category; causes of resource and internal errors are not told to the peer. The
 * texts live in the arena. */
void soap_status_from_err(const struct cr_err *err, cr_arena *arena, struct soap_status *out);
/* The way back: CR_OK for success and warning, else CR_REFUSED with codes and a sentence. */
cr_status soap_status_to_err(const struct soap_status *status, const char *function,
                             struct cr_err *err) CR_MUST_CHECK;

/* Names of the codes of SGP.02; NULL = not in the table. */
const char *soap_subject_name(cr_span code);
const char *soap_reason_name(cr_span code);

#endif
