/*
 * RSP sessions at the SM-DP+: plain versioned data, moved by compare-and-set on (state, revision).
 *
 * A session lives in the store, not in a process, so that any process on the same database can
 * answer the next request. It keeps the hash of the last request of each step with what was
 * answered (a refusal that changed something included): the same request again gets the same
 * answer, without doing anything twice. One-time private keys are not kept at all: the package that
 * was bound with them is.
 */
#ifndef CRISP_SMDPP_SESSION_H
#define CRISP_SMDPP_SESSION_H

#include "crypto/ec.h"
#include "store/store.h"

#define SMDPP_TRANSACTION_ID                                                                       \
    16                         /* bytes: the time in ms, so that sessions that are begun together  \
                                  lie together; then random */
#define SMDPP_TRANSACTION_MS 6 /* of them are the time */
#define SMDPP_SESSION_MAX    65536 /* bytes of the stored data */

enum smdpp_session_state {
    SMDPP_SESSION_STARTED = 1,   /* InitiateAuthentication answered */
    SMDPP_SESSION_AUTHENTICATED, /* AuthenticateClient answered: a profile is offered */
    SMDPP_SESSION_BOUND,         /* GetBoundProfilePackage answered */
    SMDPP_SESSION_CLOSED /* cancelled or failed: kept for repeated requests until it expires */
};

struct smdpp_session {
    cr_span raw; /* of the stored data */
    cr_span transaction_id;
    int64_t state, revision, expires_ms;

    int64_t version;         /* of this layout: 1 */
    cr_span euicc_challenge; /* 16 bytes */
    cr_span server_challenge;
    cr_span server_ci; /* key identifier of the CI above our CERT.DPauth */
    cr_span euicc_ci;  /* euiccCiPKIdToBeUsed */
    cr_span svn;       /* of EUICCInfo1 */
    cr_span
        start_answer; /* serverSigned1 TLV and signature: what InitiateAuthentication answered */
    cr_span start_request_hash;

    /* From AuthenticateClient on. */
    cr_span eid;   /* 16 bytes */
    cr_span iccid; /* digits as text */
    cr_span euicc_point;
    int64_t euicc_curve;
    cr_span smdp_signature2; /* 64 bytes */
    bool cc_required;
    cr_span auth_request_hash;
    cr_span auth_answer; /* encoded AuthenticateClientOk */

    /* From GetBoundProfilePackage on. */
    cr_span bpp_request_hash;
    cr_span init_secure_channel; /* signed BF23 that went out */

    /* The order that the session is about, from AuthenticateClient on: the ICCID may be in another
     * order by the next request. */
    cr_span matching_id; /* text; present, maybe empty */
    int64_t attempt;     /* smdpp_profile.downloads that this session made */

    /* The last refusal that changed something. */
    cr_span failed_request_hash;
    cr_span failed_subject, failed_reason, failed_cause, failed_next; /* texts */
};

/* Inserts a new session (revision 1). */
cr_status smdpp_session_add(struct store_tx *tx, struct smdpp_session *session,
                            struct cr_err *err) CR_MUST_CHECK;

/* About how many sessions are stored: the span of their numbers, which only grows at its end and
 * shrinks as old ones are purged. Costs two look-ups, whatever their number. */
cr_status smdpp_session_count(struct store_tx *tx, int64_t *count,
                              struct cr_err *err) CR_MUST_CHECK;

/* Reads a live session; *found false when unknown or expired. */
cr_status smdpp_session_get(struct store_tx *tx, cr_span transaction_id, int64_t now_ms,
                            cr_arena *arena, struct smdpp_session *out, bool *found,
                            struct cr_err *err) CR_MUST_CHECK;
/* Writes it back in a new state where state and revision are still what was read (from_state,
 * session->revision). CR_RESOURCE: somebody else moved it. */
cr_status smdpp_session_save(struct store_tx *tx, struct smdpp_session *session,
                             enum smdpp_session_state from_state, enum smdpp_session_state to_state,
                             struct cr_err *err) CR_MUST_CHECK;

/* A copy of its own in the arena; false when memory is short. */
bool smdpp_session_copy(const struct smdpp_session *from, cr_arena *arena,
                        struct smdpp_session *out) CR_MUST_CHECK;

/* Deletes those of the limit oldest sessions that have expired; *removed = how many. */
cr_status smdpp_session_purge(struct store_tx *tx, int64_t now_ms, int64_t limit, int64_t *removed,
                              struct cr_err *err) CR_MUST_CHECK;

#endif
