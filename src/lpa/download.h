/*
 * Profile download and installation (SGP.22 3.1.3): from an address and a MatchingID to an
 * installed profile and an acknowledged result.
 *
 *     contact - check server - authenticate - check policy rules - ask - prepare - fetch - check
 *     package - install - notify
 *
 * The stages are a table in download.c. Whatever fails after the eUICC took up the session ends
 * with a CancelSession whose reason the standard gives for it; technical trouble before the
 * installation is cancelled as "timeout", which leaves the order usable.
 */
#ifndef CRISP_LPA_DOWNLOAD_H
#define CRISP_LPA_DOWNLOAD_H

#include "lpa/authenticate.h"
#include "lpa/notifications.h"
#include "lpa/rat.h"
#include "rsp/activation_code.h"

struct lpa_download_order {
    cr_span smdp_address;            /* as typed; FQDN, maybe with port */
    cr_span matching_id;             /* token, EventID; absent: whatever waits for this EID */
    cr_span smdp_oid;                /* dotted text; absent = any */
    bool confirmation_code_required; /* the activation code says so */
};

/* The order of an activation code. An empty token is sent as an absent MatchingID. */
struct lpa_download_order lpa_order_from_activation_code(const struct rsp_activation_code *code);

/* How far it is. Bytes: of the server's answer in LPA_STAGE_FETCH (told by the transport), of the
 * package in LPA_STAGE_INSTALL; total 0 = not known or no bytes. */
struct lpa_progress {
    enum lpa_stage stage;
    int step, steps; /* 1.. of how many stages */
    size_t done, total;
};

/* What the person is asked about. */
struct lpa_offer {
    const struct rsp_store_metadata *metadata; /* NULL: the server did not tell */
    cr_span server;
    struct lpa_ppr_result ppr;       /* consent to the rules themselves when LPA_PPR_CONSENT */
    bool confirmation_code_required; /* will be asked for next */
};

enum lpa_answer { LPA_ANSWER_YES, LPA_ANSWER_NO, LPA_ANSWER_LATER, LPA_ANSWER_NONE };

struct lpa_download_hooks {
    void *ctx;
    /* At the beginning of each stage and while bytes move. NULL = none. */
    void (*progress)(void *ctx, const struct lpa_progress *progress);
    /* Asked before anything is bound. NULL = yes. */
    enum lpa_answer (*consent)(void *ctx, const struct lpa_offer *offer);
    /* Appends the confirmation code. attempt 1, 2, ...: above 1 the code before was refused and the
     * download starts over. False: there is none. NULL = there is none. */
    bool (*confirmation_code)(void *ctx, const struct lpa_offer *offer, int attempt, cr_buf *code);
    /* Called with each notification sent. NULL = none. */
    lpa_sent_fn *sent;
};

struct lpa_download_options {
    const struct lpa_device *device; /* NULL = lpa_device_default() */
    enum lpa_notify notify;
};

#define LPA_MAX_CODE_ATTEMPTS 3 /* of the confirmation code within one lpa_download() */

struct lpa_download_result {
    bool has_metadata; /* of the package, else of the offer; in the arena */
    struct rsp_store_metadata metadata;
    cr_span iccid;      /* absent: not known */
    cr_span isdp_aid;   /* of the new profile */
    int64_t seq_number; /* of the installation result */
    size_t bpp_bytes;   /* size of the package */
    size_t segments;    /* sent */
    cr_span sima_text;  /* what the eUICC said on the elements; "ok" when all is well */
    bool warnings;      /* sima_text is more than "ok" */
    bool notified;      /* the result was acknowledged and removed */
    bool is_smds;       /* the address is an SM-DS: see lpa/discover.h */
    struct lpa_send_result send;
};

/* Runs it. CR_OK: the profile is installed (disabled); whether the server knows is in result->send.
 * On failure err and lpa->where say everything. *result is filled as far as it went. */
cr_status lpa_download(struct lpa *lpa, const struct lpa_download_order *order,
                       const struct lpa_download_options *options,
                       const struct lpa_download_hooks *hooks, cr_arena *arena,
                       struct lpa_download_result *result, struct cr_err *err) CR_MUST_CHECK;

/* To be called by a transport while an answer arrives (es9_http_options.progress); ctx is the
 * struct lpa_fetch_progress below. */
struct lpa_fetch_progress {
    struct lpa *lpa; /* bytes count while lpa->where.stage is LPA_STAGE_FETCH */
    void *ctx;
    void (*progress)(void *ctx, const struct lpa_progress *progress);
    const volatile bool *stop; /* becomes true: abort; NULL = never */
};
bool lpa_fetch_progress(void *fetch_progress, size_t done, size_t total);

/* hashCc = SHA256(SHA256(code) || transactionId). */
void lpa_hash_cc(cr_span code, cr_span transaction_id, uint8_t out[RSP_HASH]);

#endif
