/*
 * The engine of the jobs: an event moves the step, the new step asks the SM-SR, the end answers the
 * requester. All of it in the transaction of the event.
 */
#include "base/text.h"
#include "smdp/core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MARGIN_MS  10000 /* by which the SM-SR's time is shorter than ours */
#define MAX_EVENTS 8     /* that follow from one answer without another: each fails at once */

/* ---- asking ------------------------------------------------------------------------------------
 */

int64_t smdp_job_time(const struct smdp_run *run)
{
    return run->job->deadline_ms - MARGIN_MS;
}

cr_status smdp_job_ask(struct smdp_run *run, enum soap_name name, const struct soap_body *body,
                       int64_t deadline_ms, struct cr_err *err)
{
    const struct m2m_party *smsr;
    char context[M2M_MAX_CONTEXT];
    CR_TRY(smdp_find_smsr(run->dp, cr_span_str(run->job->smsr), &smsr, err));
    (void)snprintf(context, sizeof context, "job %" PRId64 " %" PRId64, run->job->id,
                   run->job->revision + 1);
    const struct m2m_request request = {.to = smsr,
                                        .function = soap_function(SOAP_ES3, name),
                                        .body = body,
                                        .context = context,
                                        .deadline_ms = deadline_ms};
    return m2m_ask(run->dp->m2m, run->tx, &request, err);
}

/* ---- why it fails ------------------------------------------------------------------------------
 */

bool smdp_status_is(const struct soap_body *body, const char *subject, const char *reason)
{
    const struct soap_status *s = &body->status;
    return s->has_code && cr_span_equal(s->code.subject, cr_span_str(subject)) &&
           cr_span_equal(s->code.reason, cr_span_str(reason));
}

static const char *keep(struct smdp_run *run, cr_span s)
{
    return s.p ? cr_arena_strn(run->arena, s) : NULL;
}

cr_status smdp_job_note(struct smdp_run *run, const struct soap_body *body, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    if (j->status) {
        return CR_OK;
    }
    j->status = body->status.status;
    if (body->status.has_code) {
        j->subject = keep(run, body->status.code.subject);
        j->reason = keep(run, body->status.code.reason);
        j->message = keep(run, body->status.code.message);
    }
    j->answer = body->euicc_response_data;
    (void)err;
    return CR_OK;
}

cr_status smdp_job_note_err(struct smdp_run *run, const struct cr_err *why, struct cr_err *err)
{
    struct soap_body body = {.has_status = true};
    soap_status_from_err(why, run->arena, &body.status);
    body.euicc_response_data = run->job->answer;
    return smdp_job_note(run, &body, err);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static bool is_download(const struct smdp_job *job)
{
    const struct soap_function *f = &soap_functions[job->function - 1];
    return f->id == SOAP_DOWNLOAD_PROFILE;
}

static const struct soap_function *function_of(const struct smdp_job *job)
{
    return &soap_functions[job->function - 1];
}

/* Where the Profile of a failed download goes. */
static cr_status dispose(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    struct smdp_profile p;
    bool found = false;
    CR_TRY(smdp_profile_find(run->tx, j->iccid, run->arena, &p, &found, err));
    if (!found || p.job != j->id) {
        return CR_OK;
    }
    p.last_error = j->message;
    if (j->clean) {
        CR_TRY(smdp_isdp_remove(run->tx, j->eid, j->iccid, err));
    }
    bool untouched = p.state != SMDP_LOADING && j->clean;
    return smdp_profile_move(run->tx, &p, untouched ? SMDP_MOVE_RELEASE : SMDP_MOVE_FAIL,
                             run->now_ms, err);
}

static struct soap_status status_of(const struct smdp_job *j)
{
    struct soap_status s = {.status = j->status ? (int)j->status : SOAP_EXECUTED_SUCCESS};
    if (j->status && j->subject && j->reason) {
        s.has_code = true;
        s.code.subject = cr_span_str(j->subject);
        s.code.reason = cr_span_str(j->reason);
        s.code.message = cr_span_str(j->message);
    }
    return s;
}

/* A download that is done but for a side task: SGP.02 5.3.2 has one warning for it. */
static cr_status make_warning(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    if (!j->status) {
        return CR_OK;
    }
    char *message = cr_arena_printf(run->arena, "%s/%s %s", j->subject ? j->subject : "-",
                                    j->reason ? j->reason : "-", j->message ? j->message : "");
    if (!message) {
        return cr_fail_memory(err);
    }
    if (strlen(message) > SOAP_MAX_TEXT) {
        message[SOAP_MAX_TEXT] = 0;
        cr_text_clean(message);
    }
    j->status = SOAP_EXECUTED_WITHWARNING;
    j->subject = "8.2.1";
    j->reason = "4.2";
    j->message = message;
    return CR_OK;
}

static cr_status answer_requester(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    struct soap_body body = {.has_status = true};
    if (j->answered || !j->exchange) {
        return CR_OK;
    }
    if (is_download(j)) {
        body.status = status_of(j);
        body.iccid = cr_span_str(j->iccid);
        body.euicc_response_data = j->answer;
    } else if (run->body) {
        CR_TRY(smdp_relay_answer(run, &body, err));
    } else {
        body.status = status_of(j);
    }
    struct cr_err why = {0};
    cr_status status = m2m_answer(run->dp->m2m, run->tx, j->exchange, &body, &why);
    if (status == CR_REFUSED && why.code == M2M_ANSWERED) {
        /* The connection was held until it expired: the requester knows. */
        cr_log(run->dp->env, CR_LOG_INFO, "job %" PRId64 ": %s", j->id, why.cause);
        status = CR_OK;
    } else if (status != CR_OK && err) {
        *err = why;
    }
    j->answered = true;
    return status;
}

static cr_status finish(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    bool download = is_download(j);
    if (download && j->step == SMDP_STEP_DONE) {
        CR_TRY(make_warning(run, err));
    } else if (download) {
        CR_TRY(dispose(run, err));
    }
    CR_TRY(answer_requester(run, err));
    if (!download && j->deleting && j->step == SMDP_STEP_DONE) {
        CR_TRY(smdp_forget_isdp(run->dp, run->tx, j->eid, j->iccid, run->now_ms, run->arena, err));
    }
    j->one_time = j->challenge = j->opened = j->payload = (cr_span){0};
    CR_TRY(smdp_job_save(run->tx, j, run->now_ms, err));
    cr_log(run->dp->env, CR_LOG_INFO, "job %" PRId64 ": %s %s %s%s%s", j->id, function_of(j)->name,
           smdp_step_name(j->step), j->subject ? j->subject : "", j->reason ? "/" : "",
           j->reason ? j->reason : "");
    return download ? smdp_job_start_next(run->dp, run->tx, j->eid, run->now_ms, err) : CR_OK;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static const struct smdp_step_ops *ops_of(const struct smdp_job *job)
{
    return is_download(job) ? &smdp_download_steps[job->step] : &smdp_operate_steps[job->step];
}

static bool is_failure_of_rule(cr_status status)
{
    return status == CR_REFUSED || status == CR_MALFORMED;
}

static bool is_over(const struct cr_err *err)
{
    return strcmp(err->subject, "1.6") == 0 && strcmp(err->reason, "5.3") == 0;
}

cr_status smdp_job_event(struct smdp_run *run, enum smdp_event event, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    for (int i = 0; i < MAX_EVENTS; i++) {
        enum smdp_step to = smdp_step_next(j->step, event);
        struct cr_err why = {0};
        if (!to) {
            return cr_fail(err, CR_INTERNAL, NULL, "a job that is %s has no event '%s'",
                           smdp_step_name(j->step), smdp_event_name(event));
        }
        if (to != j->step) {
            j->attempts = j->attempts < 0 ? j->attempts : 0;
        }
        j->step = to;
        if (smdp_step_ended(to)) {
            return finish(run, err);
        }
        cr_status status = ops_of(j)->enter(run, &why);
        if (status == CR_OK) {
            return smdp_job_save(run->tx, j, run->now_ms, err);
        }
        if (!is_failure_of_rule(status)) {
            if (err) {
                *err = why;
            }
            return status;
        }
        CR_TRY(smdp_job_note_err(run, &why, err));
        event = is_over(&why) ? SMDP_EV_LOST : SMDP_EV_FAILED;
    }
    return cr_fail(err, CR_INTERNAL, NULL, "job %" PRId64 " goes round in circles", j->id);
}

cr_status smdp_job_start_next(struct smdp *dp, struct store_tx *tx, cr_span eid, int64_t now_ms,
                              struct cr_err *err)
{
    bool busy = false, found = false;
    cr_arena arena = {0};
    struct smdp_job job;
    cr_status status = smdp_job_busy(tx, eid, &busy, err);
    if (status == CR_OK && !busy) {
        status = smdp_job_queued(tx, eid, &arena, &job, &found, err);
    }
    if (status == CR_OK && found) {
        struct smdp_run run = {.dp = dp, .tx = tx, .job = &job, .arena = &arena, .now_ms = now_ms};
        status = smdp_job_event(&run, SMDP_EV_START, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

/* Nobody knows what came of it: the time was over, or no link to the SM-SR or the eUICC. */
static bool is_unknown(const struct soap_body *body)
{
    const struct soap_status *s = &body->status;
    return s->status == SOAP_EXPIRED || (s->has_code && s->code.reason.n > 2 &&
                                         s->code.reason.p[0] == '5' && s->code.reason.p[1] == '.');
}

static cr_status take(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    const struct smdp_step_ops *ops = ops_of(run->job);
    const struct soap_body *body = run->body;
    bool done = body->status.status == SOAP_EXECUTED_SUCCESS ||
                body->status.status == SOAP_EXECUTED_WITHWARNING;
    *event = done ? SMDP_EV_OK : is_unknown(body) ? SMDP_EV_LOST : SMDP_EV_FAILED;
    if (!done && !ops->judges) {
        return smdp_job_note(run, body, err);
    }
    if (!ops->take) {
        return CR_OK;
    }
    struct cr_err why = {0};
    cr_status status = ops->take(run, event, &why);
    if (is_failure_of_rule(status)) {
        *event = SMDP_EV_FAILED;
        return smdp_job_note_err(run, &why, err);
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

/* "job ID REVISION", as smdp_job_ask() wrote it. */
static bool context_of(const char *text, int64_t *id, int64_t *revision)
{
    char *end = NULL;
    if (strncmp(text, "job ", 4) != 0) {
        return false;
    }
    *id = strtoll(text + 4, &end, 10);
    *revision = strtoll(end, &end, 10);
    return *id > 0 && *revision > 0 && *end == 0;
}

cr_status smdp_answered(void *ctx, const struct m2m_answered *answer, struct cr_err *err)
{
    struct smdp *dp = ctx;
    struct smdp_job job;
    int64_t id = 0, revision = 0;
    bool found = false;
    enum smdp_event event;
    if (!context_of(answer->context, &id, &revision)) {
        return CR_OK;
    }
    CR_TRY(smdp_job_find(answer->tx, id, answer->arena, &job, &found, err));
    /* An answer to a question that is not asked any more. */
    if (!found || job.revision != revision || smdp_step_ended(job.step)) {
        return CR_OK;
    }
    struct smdp_run run = {.dp = dp,
                           .tx = answer->tx,
                           .job = &job,
                           .arena = answer->arena,
                           .now_ms = answer->now_ms,
                           .body = answer->body};
    CR_TRY(take(&run, &event, err));
    return smdp_job_event(&run, event, err);
}
