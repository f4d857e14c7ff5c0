/*
 * ES5 over HTTPS (SGP.02 2.4.3.2; GlobalPlatform Amendment B): administration sessions of the
 * eUICCs that were triggered (smsr/sms.h), or that come with a notification.
 *
 * The scripts are rows: each is handed out once, committed as left before the answer leaves, with
 * the URI that its result will come to. A session lives in memory; after a restart that row is
 * enough to take the result, or to give the script again to an eUICC that shows that it never had
 * it.
 *
 * A link that broke: the eUICC resumes its session, or a trigger brings it back (smsr/sms.h). What
 * it has executed by then it says with the first POST; when it begins anew instead, nobody knows,
 * and the procedure goes on as after any command without an answer.
 */
#ifndef CRISP_SMSR_HTTPS_H
#define CRISP_SMSR_HTTPS_H

#include "net/http_server.h"
#include "net/psk.h"
#include "smsr/radio_config.h"

#define SMSR_SESSIONS       100000                /* at the same time */
#define SMSR_SESSION_MS     ((int64_t)60 * 1000)  /* without a POST for so long it counts as gone */
#define SMSR_SESSION_END_MS ((int64_t)300 * 1000) /* without work for so long it is ended */

struct smsr_https;
/* waiters: threads of the server that may wait for work at the same time, for a moment each. */
cr_status smsr_https_new(struct smsr *sr, const struct smsr_radio_config *config, unsigned waiters,
                         struct smsr_https **out, struct cr_err *err) CR_MUST_CHECK;
/* After the server that calls the handler has stopped. NULL allowed. */
void smsr_https_free(struct smsr_https *https);

/* http_handler of a quick listener; ctx is the struct smsr_https. A POST that asks for work while
 * there is none is held as long as smsr_policy.hold_ms, without a thread. */
void smsr_https_handle(void *ctx, const struct http_request *request,
                       struct http_response *response);

/* http_closed; ctx likewise: the link of a session broke. */
void smsr_https_closed(void *ctx, uint64_t connection, const char *psk_identity);

/* psk_find; ctx likewise: the SCP81 key that a PSK identity names. */
size_t smsr_https_key(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX]);

/* A session is open, and its eUICC was heard lately. From any thread. */
bool smsr_https_has_session(struct smsr_https *https, cr_span eid);

/* A script has come for an eUICC: its POST, if one is held, gets it. From any thread. */
void smsr_https_wake(struct smsr_https *https, cr_span eid);
/* Nothing is held any more: answers that are leave at once, from now on. */
void smsr_https_stop(struct smsr_https *https);
/* Lets go what was held long enough, forgets sessions that are over, has scripts of broken links
 * waited for shorter; every second or so. */
void smsr_https_tick(struct smsr_https *https);
size_t smsr_https_sessions(struct smsr_https *https);

#endif
