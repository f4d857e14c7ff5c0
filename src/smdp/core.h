/*
 * What the files of the SM-DP share: the object, a job on its way through an event.
 */
#ifndef CRISP_SMDP_CORE_H
#define CRISP_SMDP_CORE_H

#include "smdp/rows.h"
#include "store/seal.h"

struct smdp {
    struct smdp_options options;
    const cr_env *env;
    struct store *store;
    struct store_seal seal;
    struct m2m *m2m;
    int64_t purged_ms; /* by the one thread that ticks */
};

extern const struct m2m_row smdp_functions[]; /* what the SM-DP offers; es2.c */

/* Secrets at rest, in the arena. whose: an ICCID. */
#define SMDP_LABEL_UPP      "upp"
#define SMDP_LABEL_KEYS     "scp03"
#define SMDP_LABEL_ONE_TIME "esk"
#define SMDP_LABEL_TOKEN    "token"
cr_status smdp_seal(struct smdp *dp, const char *label, const char *whose, cr_span secret,
                    cr_arena *arena, cr_span *out, struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_unseal(struct smdp *dp, const char *label, const char *whose, cr_span sealed,
                      cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* The SM-SR with this OID; CR_REFUSED 8.7/3.9. */
cr_status smdp_find_smsr(struct smdp *dp, cr_span oid, const struct m2m_party **out,
                         struct cr_err *err) CR_MUST_CHECK;

/* ---- jobs on their way (job.c) ---- */

struct smdp_run {
    struct smdp *dp;
    struct store_tx *tx;
    struct smdp_job *job;
    cr_arena *arena;
    int64_t now_ms;
    const struct soap_body *body; /* the answer that moves it; NULL = something else does */
    cr_span rc;                   /* random challenge, from taking it to using it */
};

/* What a step does: asks, and takes the answer. */
struct smdp_step_ops {
    cr_status (*enter)(struct smdp_run *run, struct cr_err *err);
    /* Says which event the answer is. CR_REFUSED, CR_MALFORMED: the event is FAILED. */
    cr_status (*take)(struct smdp_run *run, enum smdp_event *event, struct cr_err *err);
    bool judges; /* take is given failures too */
};
extern const struct smdp_step_ops smdp_download_steps[SMDP_STEPS]; /* download.c */
extern const struct smdp_step_ops smdp_operate_steps[SMDP_STEPS];  /* operate.c */

/* Moves the job by an event, with all that follows. */
cr_status smdp_job_event(struct smdp_run *run, enum smdp_event event,
                         struct cr_err *err) CR_MUST_CHECK;

/* Asks the job's SM-SR on ES3; for enter. The job has to be saved once behind it. */
cr_status smdp_job_ask(struct smdp_run *run, enum soap_name name, const struct soap_body *body,
                       int64_t deadline_ms, struct cr_err *err) CR_MUST_CHECK;
/* The deadline of what has to be back before the job's own one. */
int64_t smdp_job_time(const struct smdp_run *run);

/* Remembers why it fails: what the SM-SR said, or what we found. The first reason stays. */
cr_status smdp_job_note(struct smdp_run *run, const struct soap_body *body,
                        struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_job_note_err(struct smdp_run *run, const struct cr_err *why,
                            struct cr_err *err) CR_MUST_CHECK;

/* True when a status has these codes. */
bool smdp_status_is(const struct soap_body *body, const char *subject, const char *reason);

/* Starts the download that waits for this chip, when no other is under way. */
cr_status smdp_job_start_next(struct smdp *dp, struct store_tx *tx, cr_span eid, int64_t now_ms,
                              struct cr_err *err) CR_MUST_CHECK;

/* Of struct m2m_options. ctx is the SM-DP. */
cr_status smdp_answered(void *ctx, const struct m2m_answered *answer, struct cr_err *err);

/* ---- the rest ---- */

/* What the SM-SR says about a chip, and whether the Profile may go there (eligible.c): chip is
 * filled; *rest: ICCIDs of ISD-Ps that earlier jobs left behind, with commas, NULL = none. */
cr_status smdp_check_eis(struct smdp *dp, const struct soap_eis *eis, const struct smdp_job *job,
                         const struct smdp_profile *profile, int64_t now_ms, cr_arena *arena,
                         struct smdp_chip *chip, const char **rest,
                         struct cr_err *err) CR_MUST_CHECK;
/* The identity for a curve; NULL = none. */
const struct smdp_identity *smdp_identity_of(const struct smdp *dp, enum crypto_curve curve);

/* Secure channel to an ISD-P with its next counter, which is stored before it is used (isdp is
 * changed and put). The job gets challenge and counter. */
cr_status smdp_channel_next(struct smdp_run *run, struct smdp_isdp *isdp, struct smdp_channel *out,
                            struct cr_err *err) CR_MUST_CHECK;
/* The channel that is under way. */
cr_status smdp_channel_again(struct smdp_run *run, const struct smdp_isdp *isdp,
                             struct smdp_channel *out, struct cr_err *err) CR_MUST_CHECK;
/* After a take that failed: when the chip has used another counter, and it was not tried too often,
 * the event is MORE and CR_OK is returned, else status. */
cr_status smdp_channel_counter(struct smdp_run *run, struct smdp_isdp *isdp, uint32_t counter,
                               cr_status status, enum smdp_event *event, struct cr_err *err);

/* The commands that give an ISD-P its token key (operate.c): STORE DATA 0070, PUT KEY. */
struct smdp_commands {
    cr_buf bytes[SMDP_MAX_COMMANDS];
    cr_span apdus[SMDP_MAX_COMMANDS];
    size_t count;
};
void smdp_commands_free(struct smdp_commands *commands);
cr_status smdp_token_commands(struct smdp *dp, const struct smdp_channel *channel,
                              const char *iccid, cr_span key, struct smdp_commands *out,
                              struct cr_err *err) CR_MUST_CHECK;

/* Handlers (es2.c: DownloadProfile; relay.c; notice.c). */
cr_status smdp_download_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                struct soap_body *response, struct cr_err *err);
cr_status smdp_relay(void *ctx, struct m2m_call *call, const struct soap_body *request,
                     struct soap_body *response, struct cr_err *err);
/* The answer of a relay, for the requester's eyes; frees the Profile's keys when it was deleted. */
cr_status smdp_relay_answer(struct smdp_run *run, struct soap_body *response,
                            struct cr_err *err) CR_MUST_CHECK;
cr_status smdp_notice(void *ctx, struct m2m_call *call, const struct soap_body *notice,
                      struct soap_body *response, struct cr_err *err);
/* The Profile is gone from the chip. */
cr_status smdp_forget_isdp(struct smdp *dp, struct store_tx *tx, cr_span eid, const char *iccid,
                           int64_t now_ms, cr_arena *arena, struct cr_err *err) CR_MUST_CHECK;

#endif
