/*
 * The SM-DP's tables: stock, chips, ISD-Ps, jobs. All functions run inside a store_work. Rows are
 * read into an arena and written back as a whole, by the revision they were read with.
 */
#ifndef CRISP_SMDP_ROWS_H
#define CRISP_SMDP_ROWS_H

#include "smdp/es8.h"
#include "smdp/smdp.h"

extern const struct store_migration smdp_migrations[];
extern const size_t smdp_migration_count;

/* ---- stock ---- */

struct smdp_profile {
    const char *iccid; /* digits */
    const char *owner; /* OID; "" = any operator may order it; set when its loading begins */
    const char *type;  /* "" = none */
    enum smdp_state state;
    int64_t revision;
    const char *imsi, *msisdn; /* NULL = not known */
    cr_span pol2;              /* 3 bytes a rule: subject, action, qualification */
    int64_t size;              /* bytes of the package */
    int64_t required_memory;
    const char *platform_type, *platform_version; /* NULL = any */
    cr_span eid; /* 16 bytes, from the reservation on; absent = none */
    int64_t job; /* the one that has it; 0 = none */
    const char *last_error;
    int64_t created_ms, updated_ms;
};

cr_status smdp_profile_add(struct store_tx *tx, const struct smdp_profile *profile, cr_span sealed,
                           struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_profile_find(struct store_tx *tx, const char *iccid, cr_arena *arena,
                            struct smdp_profile *out, bool *found,
                            struct cr_err *err) CR_MUST_CHECK;
/* The Available one of the type that came first and that the operator may order. *known: there are
 * any of the type, in whatever state, for this operator. */
cr_status smdp_profile_pick(struct store_tx *tx, const char *type, const char *owner,
                            cr_arena *arena, struct smdp_profile *out, bool *found, bool *known,
                            struct cr_err *err) CR_MUST_CHECK;
/* Moves it and writes owner, eid, job, last_error. CR_INTERNAL: no such move. */
cr_status smdp_profile_move(struct store_tx *tx, struct smdp_profile *profile, enum smdp_move move,
                            int64_t now_ms, struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_profile_package(struct store_tx *tx, const char *iccid, cr_arena *arena,
                               cr_span *sealed, struct cr_err *err) CR_MUST_CHECK;
typedef cr_status (*smdp_profile_fn)(const struct smdp_profile *profile, void *ctx,
                                     struct cr_err *err);
cr_status smdp_profile_each(struct store_tx *tx, smdp_profile_fn fn, void *ctx,
                            struct cr_err *err) CR_MUST_CHECK;

/* ---- chips: what the last EIS said ---- */

struct smdp_chip {
    cr_span eid;
    const char *smsr; /* OID of the SM-SR that manages it */
    enum crypto_curve curve;
    cr_span point;     /* PK.ECASD.ECKA, verified; absent = not known */
    cr_span sin, sdin; /* of the ISD-R; absent = not known */
    int64_t eis_ms;
};
cr_status smdp_chip_put(struct store_tx *tx, const struct smdp_chip *chip,
                        struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_chip_find(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smdp_chip *out,
                         bool *found, struct cr_err *err) CR_MUST_CHECK;
/* A chip that has moved: its SM-SR from now on. */
cr_status smdp_chip_route(struct store_tx *tx, cr_span eid, const char *smsr, int64_t now_ms,
                          struct cr_err *err) CR_MUST_CHECK;

/* ---- ISD-Ps: keys that we and the chip have ---- */

struct smdp_isdp {
    cr_span eid;
    const char *iccid;
    cr_span aid;
    cr_span keys;      /* sealed: ENC, MAC, DEK */
    cr_span token_key; /* sealed; absent = none, or not known to be on the chip */
    int64_t counter;   /* last sequence counter that was used, as far as we know */
    int64_t tokens;    /* Delete Tokens that were given out */
    bool consent;      /* of the owner: the SM-SR may have one */
};
cr_status smdp_isdp_put(struct store_tx *tx, const struct smdp_isdp *isdp,
                        struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_isdp_find(struct store_tx *tx, cr_span eid, const char *iccid, cr_arena *arena,
                         struct smdp_isdp *out, bool *found, struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_isdp_remove(struct store_tx *tx, cr_span eid, const char *iccid,
                           struct cr_err *err) CR_MUST_CHECK;

/* ---- jobs ---- */

#define SMDP_MAX_ATTEMPTS 3 /* sessions that are begun anew for the chip's counter */

struct smdp_job {
    int64_t id, revision;
    enum smdp_step step;
    int64_t function;      /* number in the table of functions: ES2, or ES3 for own operations */
    int64_t exchange;      /* of m2m_answer(); 0 = ours */
    bool answered;         /* the requester has its answer */
    const char *requester; /* OID; "" = ours */
    const char *smsr;      /* OID */
    cr_span eid;           /* absent = about no chip */
    const char *iccid;     /* NULL = about none */
    bool by_type;          /* the order named a type, not an ICCID */
    bool enable;
    int64_t deadline_ms;
    bool clean;        /* the chip surely holds nothing of this job */
    bool deleting;     /* relay: the Profile is gone when it is done */
    const char *rest;  /* CLEANING: ICCIDs to be deleted, with commas; NULL = none */
    cr_span aid;       /* of the ISD-P */
    cr_span one_time;  /* sealed eSK.DP, between the request and its receipt */
    cr_span challenge; /* host challenge of the session */
    int64_t counter;   /* of the session */
    cr_span opened;    /* answer to 84 */
    int64_t script;    /* of LOADING: the one that is under way */
    int64_t attempts;  /* sessions begun in this step */
    cr_span payload;   /* sealed: token key; or connectivity parameters, in the clear */
    int64_t status;    /* enum soap_execution; 0 = nothing to say yet */
    const char *subject, *reason, *message; /* of the failure or warning; NULL = none */
    cr_span answer;                         /* EuiccResponseData of the failure */
    int64_t created_ms, updated_ms;
};

/* Adds it and sets ->id, ->revision. */
cr_status smdp_job_add(struct store_tx *tx, struct smdp_job *job, struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_job_save(struct store_tx *tx, struct smdp_job *job, int64_t now_ms,
                        struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_job_find(struct store_tx *tx, int64_t id, cr_arena *arena, struct smdp_job *out,
                        bool *found, struct cr_err *err) CR_MUST_CHECK;
/* The requester has its answer, and why; nothing else of the row is written, the revision stays. */
cr_status smdp_job_mark_answered(struct store_tx *tx, const struct smdp_job *job,
                                 struct cr_err *err) CR_MUST_CHECK;
/* Is a download for this chip under way (QUEUED ones are not)? */
cr_status smdp_job_busy(struct store_tx *tx, cr_span eid, bool *busy,
                        struct cr_err *err) CR_MUST_CHECK;
/* The QUEUED one for this chip that came first. */
cr_status smdp_job_queued(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smdp_job *out,
                          bool *found, struct cr_err *err) CR_MUST_CHECK;
/* One that is not ended, and not answered though its time is over. */
cr_status smdp_job_overdue(struct store_tx *tx, int64_t now_ms, cr_arena *arena,
                           struct smdp_job *out, bool *found, struct cr_err *err) CR_MUST_CHECK;
/* Removes jobs that ended before this time, at most limit. */
cr_status smdp_job_purge(struct store_tx *tx, int64_t before_ms, int64_t limit,
                         struct cr_err *err) CR_MUST_CHECK;
typedef cr_status (*smdp_job_fn)(const struct smdp_job *job, void *ctx, struct cr_err *err);
/* Newest first; limit 0 = all. */
cr_status smdp_job_each(struct store_tx *tx, int64_t limit, smdp_job_fn fn, void *ctx,
                        struct cr_err *err) CR_MUST_CHECK;

#endif
