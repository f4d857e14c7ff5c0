/*
 * The card's end of an administration session (ota/admin.h): the agent in the ISD-R. It opens no
 * channel and has no clock: each call gives a step that says what is to be done next.
 *
 *     ota_agent_start()    -> OPEN: open channel and TLS, then ota_agent_opened() or
 * ota_agent_lost() ota_agent_opened()   -> WAIT: send ota_agent_output(), start a timer of .seconds
 *     ota_agent_received() -> WAIT: go on; CLOSE: the session is over; RETRY; FAILED
 *     ota_agent_expired()  after RETRY -> OPEN
 *
 * A session that breaks is opened again under the retry policy, and the last POST is repeated with
 * X-Admin-Resume: it carries the result of the script that was run last until an answer shows that
 * it has arrived.
 */
#ifndef CRISP_OTA_ADMIN_AGENT_H
#define CRISP_OTA_ADMIN_AGENT_H

#include "ota/admin.h"

#define OTA_AGENT_ANSWER_SECONDS 60

struct ota_agent;

/* Runs one command script and appends the response script. target n 0 = the ISD-R itself. With
 * another status than ok nothing was run and out is ignored. */
typedef enum ota_admin_status (*ota_agent_execute)(void *ctx, const struct ota_aid *target,
                                                   cr_span script, cr_buf *out);

struct ota_agent_options {
    uint8_t eid[OTA_EID];
    struct ota_aid aid; /* of the ISD-R, for X-Admin-From */
    cr_span agent;      /* 8B: text for X-Admin-From instead; absent = none */
    cr_span host;       /* 8A */
    cr_span uri;        /* 8C, or that of ota_admin_notification_write() */
    uint16_t retries;   /* 86; with each answer that comes they are all there again */
    uint32_t retry_seconds;
    uint32_t answer_seconds; /* 0 = OTA_AGENT_ANSWER_SECONDS */
    size_t max_script;       /* bytes of a command script taken; 0 = OTA_ADMIN_BODY */
    size_t max_chunk;        /* bytes of a chunk that is sent; 0 = as the script is */
    ota_agent_execute execute;
    void *ctx;
};

enum ota_agent_action {
    OTA_AGENT_OPEN,   /* open a channel, shake hands */
    OTA_AGENT_WAIT,   /* send what is in the output; wait for bytes */
    OTA_AGENT_CLOSE,  /* over, in good order: close_notify, close the channel */
    OTA_AGENT_RETRY,  /* close the channel, then wait .seconds */
    OTA_AGENT_FAILED, /* close the channel; the last retry is used up: report if configured */
};

struct ota_agent_step {
    enum ota_agent_action action;
    uint32_t seconds;   /* WAIT, RETRY: (re)start the timer; 0 = let it run as it does */
    const char *reason; /* RETRY, FAILED: a sentence, static */
};

/* CR_REFUSED: host or URI that no request line takes. Options are copied. */
cr_status ota_agent_new(const struct ota_agent_options *options, struct ota_agent **out,
                        struct cr_err *err) CR_MUST_CHECK;
void ota_agent_free(struct ota_agent *agent); /* wipes; NULL allowed */

/* Each also for an agent whose session is over: then the step is CLOSE or FAILED again. */
struct ota_agent_step ota_agent_start(struct ota_agent *agent);
struct ota_agent_step ota_agent_opened(struct ota_agent *agent);
struct ota_agent_step ota_agent_received(struct ota_agent *agent, cr_span clear);
/* Channel or TLS failed, or was closed by the other side. */
struct ota_agent_step ota_agent_lost(struct ota_agent *agent);
struct ota_agent_step ota_agent_expired(struct ota_agent *agent);
/* The server asks for the session, while a retry waits or when the last one was used up: OPEN at
 * once, with all retries again. */
struct ota_agent_step ota_agent_called(struct ota_agent *agent);

/* Clear text to be sent; what went out is given to ota_agent_sent(). */
cr_span ota_agent_output(const struct ota_agent *agent);
void ota_agent_sent(struct ota_agent *agent, size_t n);

/* A POST went out and was not answered: the next opening resumes the session. */
bool ota_agent_resumes(const struct ota_agent *agent);
/* Scripts that were run so far. */
unsigned ota_agent_scripts(const struct ota_agent *agent);

#endif
