/*
 * What the files of CAT_TP at the SM-SR share: links (cattp.c) and their works on the database
 * (cattp_work.c).
 */
#ifndef CRISP_SMSR_CATTP_INTERNAL_H
#define CRISP_SMSR_CATTP_INTERNAL_H

#include "ota/cattp.h"
#include "smsr/cattp.h"
#include "smsr/core.h"

#define CATTP_BUCKETS 4096
/* The link of a script without an answer is closed first, then somebody looks at the script. */
#define CATTP_LATE_MS ((int64_t)5000)

/* An eUICC that is expected, or has a link. */
struct smsr_peer {
    struct smsr_cattp *owner;
    struct smsr_peer *next_eid, *next_place; /* in their buckets */
    uint8_t eid[SOAP_EID_SIZE];
    int64_t expected_ms; /* a SYN is taken until then */

    struct cattp_link *link; /* NULL = none */
    struct udp_address at;
    uint16_t port; /* of the link, at its end */
    int64_t heard_ms, worked_ms;
    bool open;
    bool over;      /* the link answers what still comes, no more */
    bool announced; /* more was */
    bool last;      /* a switch was answered: the link ends */

    int64_t script; /* given out; 0 = none */
    int64_t given_ms;
    cr_buf answer; /* to it */
    bool has_answer, lost;
    bool called; /* look for a script */
    bool busy, queued;
    bool rests; /* our own side failed: not before the next tick */
    struct smsr_peer *next_work;
};

struct smsr_cattp {
    struct smsr_cattp_options o;
    pthread_mutex_t lock; /* of all that follows, and of the peers */
    struct smsr_peer *eids[CATTP_BUCKETS], *places[CATTP_BUCKETS];
    struct smsr_peer *work, **work_end;
    size_t count, links;
    bool stop;
    int64_t now; /* does not go back */
    int64_t refusing_ms;
    unsigned refused;
};

/* All of them under the lock. */
int64_t smsr_cattp_now(struct smsr_cattp *c);
/* Somebody will look at it. */
void smsr_cattp_queue(struct smsr_peer *p);
void smsr_cattp_say(const struct smsr_peer *p, enum cr_log_level level, const char *what);

#endif
