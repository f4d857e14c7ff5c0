/*
 * The server's end of an administration session (ota/admin.h) with one card: what a POST means, and
 * the answer. In memory only: what has to survive a restart is the script that was given out and
 * the URI of its result, which the caller may keep (ota_admin_server_next(),
 * ota_admin_server_restore()).
 *
 *     ota_admin_server_post()   -> event; hand the result on, look for work
 *     ota_admin_server_answer() -> the next script, "wait" or "end"   (unless the event was
 * answered)
 *
 * The caller has authenticated the card by its PSK identity and finds the session by the EID; a
 * session that is not there is made when its first POST comes.
 *
 * Between the two a POST may be held while there is no work: a handler of net/http_server.h that is
 * run again for it (http_release()) goes on with ota_admin_server_answer() and does not give the
 * POST a second time. Each POST has a ticket: a held one whose place was taken by a resumed one is
 * refused its answer, and whatever is sent for it is read by nobody.
 *
 * URIs hold a nonce of the session and a number, so that each result belongs to one script. A POST
 * that is repeated after a broken link (X-Admin-Resume) is answered octet for octet as before when
 * it had been answered, and is never given to the caller as a result twice: no script runs twice. A
 * caller who does not want that script to be run any more takes it back
 * (ota_admin_server_withdraw()): who repeats the POST before it has not seen it. A new server,
 * which owes no result to anybody, begins a session with whatever POST is resumed.
 */
#ifndef CRISP_OTA_ADMIN_SERVER_H
#define CRISP_OTA_ADMIN_SERVER_H

#include "base/env.h"
#include "net/http_server.h"
#include "ota/admin.h"

struct ota_admin_server;

struct ota_admin_server_options {
    uint8_t eid[OTA_EID];
    const char *path;  /* of the first POST, "/gsma/adminagent"; copied */
    size_t max_body;   /* bytes of a script; 0 = OTA_ADMIN_BODY */
    const cr_env *env; /* nonces */
};

cr_status ota_admin_server_new(const struct ota_admin_server_options *options,
                               struct ota_admin_server **out, struct cr_err *err) CR_MUST_CHECK;
void ota_admin_server_free(struct ota_admin_server *server); /* NULL allowed */

struct ota_admin_post {
    const char *method, *path, *query; /* query NULL = none */
    const struct http_fields *fields;
    cr_span body;
};

enum ota_admin_event {
    OTA_ADMIN_FIRST,  /* the card has begun a session: answer it */
    OTA_ADMIN_NOTIFY, /* so it has, with a notification: answer it (confirmation, or end) */
    OTA_ADMIN_RESULT, /* of the script given last: take it, then answer */
    OTA_ADMIN_ASK,    /* the card asks for work after a wait, or resumes a POST that waits for its
                         answer still (the first sending is dead): answer it */
    /* Answered already, nothing is to be done but to send *answer: */
    OTA_ADMIN_REPEATED, /* the answer given before */
    OTA_ADMIN_STRANGER, /* 204 without URI: not of this session, used up, another EID */
    OTA_ADMIN_BAD,      /* no administration request: 400, 405, 415 */
};

struct ota_admin_answer {
    int status;               /* HTTP */
    const char *content_type; /* NULL = none */
    struct {
        const char *name, *value;
    } headers[3];
    size_t header_count;
    cr_span body; /* to be sent chunked; absent = none */
};

struct ota_admin_received {
    enum ota_admin_event event;
    uint64_t ticket; /* of this POST, for its answer; FIRST to ASK */
    bool first;      /* ASK, REPEATED: it is the first POST, whose URI names no session: a card that
                        was reset meanwhile would send the same */
    bool restarted;  /* FIRST, NOTIFY: a session was open; a script given out in it has no result
                        and will get none (lost_script) */
    bool lost_script;
    cr_span notification;         /* NOTIFY: E1 TLV; EID in it checked. Valid until the next call */
    enum ota_admin_status status; /* RESULT */
    cr_span script;               /* RESULT: response script; absent with other statuses than ok */
    const char *reason;           /* STRANGER, BAD: a sentence, static */
    struct ota_admin_answer answer; /* from REPEATED on */
};

/* CR_RESOURCE, CR_INTERNAL: no memory. */
cr_status ota_admin_server_post(struct ota_admin_server *server, const struct ota_admin_post *post,
                                struct ota_admin_received *out, struct cr_err *err) CR_MUST_CHECK;

enum ota_admin_work_kind {
    OTA_ADMIN_SCRIPT,      /* run it and POST the result */
    OTA_ADMIN_LAST_SCRIPT, /* run it; no result comes back */
    OTA_ADMIN_WAIT,        /* nothing yet: POST again */
    OTA_ADMIN_END
};

struct ota_admin_work {
    enum ota_admin_work_kind kind;
    uint64_t ticket; /* of the POST that is answered; 0 = whichever waits */
    cr_span script;
    struct ota_aid target; /* n 0 = the ISD-R */
};

/* Answers the POST that was given last. The answer lives until the next call of
 * ota_admin_server_answer(), or the end of the server. CR_REFUSED: no POST waits, or another than
 * the ticket says; script empty or larger than a body. */
cr_status ota_admin_server_answer(struct ota_admin_server *server,
                                  const struct ota_admin_work *work, struct ota_admin_answer *out,
                                  struct cr_err *err) CR_MUST_CHECK;

/* The URI that an answer to the POST that waits would give to the card; empty = none waits. */
void ota_admin_server_next(const struct ota_admin_server *server, char out[OTA_ADMIN_URI + 1]);

/* For a new server: a script was given out before a restart, with this URI for its result, and is
 * owed. The next POST may bring the result, or ask for the script again. CR_REFUSED: a session has
 * begun, or the URI is none of ours; CR_RESOURCE. */
cr_status ota_admin_server_restore(struct ota_admin_server *server, const char *uri,
                                   const struct ota_admin_work *given,
                                   struct cr_err *err) CR_MUST_CHECK;

/* After REPEATED, instead of sending that answer: the script in it is owed no more, and the POST
 * waits for another answer. Returns its ticket. */
uint64_t ota_admin_server_withdraw(struct ota_admin_server *server);

/* A POST waits for its answer. */
bool ota_admin_server_waits(const struct ota_admin_server *server);
/* A script was given out whose result has not come. */
bool ota_admin_server_owes(const struct ota_admin_server *server);
/* Not begun, or ended by an answer without a URI. */
bool ota_admin_server_idle(const struct ota_admin_server *server);

/* Between a handler of net/http_server.h and a session. The answer is copied (texts into the
 * request's arena), so that the session may go on, or end, while it is on its way. */
struct ota_admin_post ota_admin_post_of(const struct http_request *request);
cr_status ota_admin_answer_http(const struct ota_admin_answer *answer,
                                const struct http_request *request, struct http_response *out,
                                struct cr_err *err) CR_MUST_CHECK;

/* The whole of an HTTP answer, for those who have no HTTP server under them. */
cr_status ota_admin_answer_write(cr_buf *out, const struct ota_admin_answer *answer,
                                 struct cr_err *err) CR_MUST_CHECK;

#endif
