/*
 * The administration sessions that the SM-SR has, for the files of its HTTPS engine: who works on
 * which, which POST is held, which link broke.
 *
 * A worker takes a session for one POST (smsr_session_enter() to smsr_session_leave()); the event
 * loop's thread and the housekeeper look at it beside that, under the lock.
 */
#ifndef CRISP_SMSR_HTTPS_SESSIONS_H
#define CRISP_SMSR_HTTPS_SESSIONS_H

#include "ota/admin_server.h"
#include "smsr/https.h"

#include <pthread.h>

#define SMSR_BUCKETS 1024

struct smsr_session {
    struct smsr_session *next;
    pthread_cond_t changed; /* for those who wait for it: the others are not woken */
    uint8_t eid[OTA_EID];
    struct ota_admin_server *server; /* of who has entered */
    bool met;                        /* likewise: a POST was looked at */
    uint64_t opened;                 /* likewise: connection that counts as an opening */
    uint64_t turn;                   /* of the POST that came last: one that waits gives way */
    bool coming;                     /* a worker will enter for a POST that has come */
    bool busy;                       /* somebody works on a POST */
    bool dry;                        /* the last answer was: nothing yet */
    bool called;                     /* a script has come since it was looked for */
    struct http_ticket *held;        /* POST that asks for work; NULL = none */
    int64_t held_ms;                 /* since */
    uint64_t connection;             /* that the last POST came on; 0 = not known */
    int64_t broken_ms;               /* when that was lost; 0 = it was not */
    bool told;                       /* the script's row knows of it */
    unsigned users;
    int64_t heard_ms;
    int64_t worked_ms; /* when it began, or the last result came */
    int64_t script;    /* given out; 0 = none */
    bool more;         /* more was announced */
    bool over;         /* the last result was that of a switch */
    bool has_result;   /* of script, not committed yet */
    enum ota_admin_status result;
    cr_buf body;
};

struct smsr_https {
    struct smsr *sr;
    const struct smsr_radio_config *config;
    pthread_mutex_t lock; /* of all that follows, and of the sessions' members but those of who has
                             entered */
    struct smsr_session *buckets[SMSR_BUCKETS];
    size_t count;
    uint64_t turns;
    unsigned waiting, waiters;
    bool stop;
};

/* On the event loop's thread, before anything else can happen to the connection. */
void smsr_session_meet(struct smsr_https *h, const uint8_t eid[OTA_EID], uint64_t connection);
/* A POST that only asks is held while there is nothing for it. */
bool smsr_session_hold(struct smsr_https *h, const uint8_t eid[OTA_EID],
                       const struct http_request *request);

/* The session is ours until leave(); who held it gives way. NULL: it cannot be had. */
struct smsr_session *smsr_session_enter(struct smsr_https *h, const uint8_t eid[OTA_EID],
                                        uint64_t *turn, struct cr_err *err);
void smsr_session_leave(struct smsr_https *h, struct smsr_session *s);

#endif
