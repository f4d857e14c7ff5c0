/*
 * What the functions of ES9+ (SGP.22 5.6) share; each has a file of its own: initiate.c,
 * authenticate.c, bind.c, notification.c, cancel.c.
 *
 * Each reads like the list of checks in the standard, in its order; the first that fails answers.
 * It reads what it needs at the start, decides without the store, and writes everything at the end,
 * by compare-and-set; whoever loses that begins again.
 */
#ifndef CRISP_SMDPP_ES9PLUS_H
#define CRISP_SMDPP_ES9PLUS_H

#include "rsp/ids.h"
#include "smdpp/core.h"
#include "smdpp/session.h"

/* ---- signatures ---- */

/* The 5F37 TLV of a 64-byte signature, as it stands in signed concatenations. */
struct smdpp_signature_tlv {
    uint8_t bytes[3 + CRYPTO_SIGNATURE];
};
cr_span smdpp_signature_tlv(struct smdpp_signature_tlv *tlv, cr_span signature);

/* SHA-256 over parts; absent when memory is short. */
cr_span smdpp_hash(cr_arena *arena, const cr_span *parts, size_t count);

/* Signs parts with a key handle into the arena. */
cr_status smdpp_sign(const struct pki_key *key, const cr_span *parts, size_t count, cr_arena *arena,
                     cr_span *out, struct cr_err *err) CR_MUST_CHECK;

/* ---- what a function reads at its start ---- */

struct smdpp_load {
    cr_span transaction_id;
    int64_t now_ms;
    cr_arena *arena;
    struct smdpp_session session;
    bool has_session;
    cr_span matching_id;          /* of an AuthenticateClient: the order to find */
    const char *eid;              /* of a default order */
    struct smdpp_profile profile; /* with that MatchingID, or the one the session is about */
    bool has_profile;
    bool want_package;
    struct smdpp_package package;
    bool guessed;              /* from a memo: only success counts */
    struct crypto_public *key; /* of the eUICC, NULL = not known; owned */
};

/* Fills it: the session, its profile, and (want_package) the package, in one look; session and
 * profile from the memo, when there is one that is in the state the function begins in (0 = the
 * store alone: nothing but the store says what the function has to do). */
cr_status smdpp_load(struct smdpp *dp, struct smdpp_load *load, enum smdpp_session_state state,
                     struct cr_err *err) CR_MUST_CHECK;

/* Ends it with the outcome of the attempt: what went wrong with a memo is tried again without
 * (*lost). A function that is about to write a failure down because of a guessed profile returns it
 * instead, for the same end. Returns status. */
cr_status smdpp_load_end(struct smdpp_load *load, cr_status status, bool *lost) CR_MUST_CHECK;

/* 8.10.1/3.9. */
cr_status smdpp_unknown_transaction(struct cr_err *err, const char *why) CR_MUST_CHECK;

/* ---- refusals that are given again ---- */

/* Keeps what *err says for a request that comes again. */
void smdpp_remember_failure(struct smdpp_session *session, cr_span request_hash,
                            const struct cr_err *err);

/* True when this very request was refused before; *err is then what it got. */
bool smdpp_failed_before(const struct smdpp_session *session, cr_span request_hash,
                         struct cr_err *err);

/* ---- what a function writes at its end ---- */

struct smdpp_change {
    struct smdpp *dp;
    struct smdpp_session *session; /* NULL = not moved */
    enum smdpp_session_state from, to;
    struct smdpp_profile *profile; /* NULL = not written */
    enum smdpp_event event;        /* 0 = write without a move */
    bool soft;                     /* a power cut may undo it: the session is begun again */
    bool report;                   /* tell the operator */
    const char *eid;
    enum rsp_notification_point point;
    const struct rsp_function_status *status;
    cr_span result_data;
    struct smdpp_session saved_session; /* for smdpp_commit(), as are the following */
    struct smdpp_profile saved_profile;
    bool queued; /* for the operator */
    char eid_text[RSP_EID_TEXT];
    struct rsp_function_status own_status;
};

/* Writes it; session and profile are then as they stand in the store (or will, see smdpp_deferred).
 * A lost compare-and-set (and nothing else of CR_RESOURCE) sets *lost. */
cr_status smdpp_commit(struct smdpp *dp, const struct smdpp_call *call, struct smdpp_change *change,
                       bool *lost, struct cr_err *err) CR_MUST_CHECK;

/* Runs attempt until it does not lose a compare-and-set. */
typedef cr_status (*smdpp_attempt_fn)(struct smdpp *dp, const struct smdpp_call *call,
                                      const void *request, void *response, bool *lost,
                                      struct cr_err *err);
cr_status smdpp_with_retries(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                             void *response, smdpp_attempt_fn attempt,
                             struct cr_err *err) CR_MUST_CHECK;

/* ---- orders and how they end ---- */

/* What the order itself says about this chip asking now. */
cr_status smdpp_check_order(const struct smdpp_profile *profile, const char *eid, int64_t now_ms,
                            struct cr_err *err) CR_MUST_CHECK;

/* These return failure, with what is in *err, unless writing the end down failed. */

/* Ends the session and tells the order (and the operator) why: the failure in *err is what the LPA
 * gets. */
cr_status smdpp_end_with(struct smdpp *dp, const struct smdpp_call *call,
                         struct smdpp_session *session, cr_span request_hash,
                         struct smdpp_profile *profile, enum smdpp_event event, const char *eid,
                         enum rsp_notification_point point, bool *lost, cr_status failure,
                         struct cr_err *err) CR_MUST_CHECK;

/* Ends the session; the order is not touched. */
cr_status smdpp_close_session(struct smdpp *dp, const struct smdpp_call *call,
                              struct smdpp_session *session, cr_span request_hash, bool *lost,
                              cr_status failure, struct cr_err *err) CR_MUST_CHECK;

/* An order that has run out: the first who asks for it moves it. */
cr_status smdpp_end_order(struct smdpp *dp, const struct smdpp_call *call, struct smdpp_load *load,
                          cr_span request_hash, const char *eid, bool *lost, cr_status failure,
                          struct cr_err *err) CR_MUST_CHECK;

#endif
