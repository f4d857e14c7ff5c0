/*
 * Proactive commands on their way to the terminal: the queue, what is tried again, and the usual
 * commands (TS 102 223 6.4).
 */
#include "uicc/internal.h"

#include <stdlib.h>

#define MAX_NUMBER 254

/* --- the queue ---------------------------------------------------------------------------------
 */

const struct proactive *proactive_next(const struct uicc *u)
{
    const struct toolkit *t = &u->toolkit;
    if (t->now.with >= 0 || !t->now.profile_seen) {
        return NULL;
    }
    for (unsigned i = 0; i < t->now.count; i++) {
        if (!t->queue[i].held) {
            return &t->queue[i];
        }
    }
    return NULL;
}

/* Never while one is with the terminal. */
static void remove_at(struct toolkit *t, unsigned at)
{
    cr_buf_free(&t->queue[at].tlv);
    t->now.count--;
    memmove(&t->queue[at], &t->queue[at + 1], (t->now.count - at) * sizeof t->queue[0]);
    t->queue[t->now.count] = (struct proactive){0}; /* proactive_undo() frees what is behind */
}

size_t uicc_proactive_pending(const struct uicc *u)
{
    return u->toolkit.now.count;
}

size_t uicc_proactive_room(const struct uicc *u)
{
    return UICC_MAX_PROACTIVE - (size_t)u->toolkit.now.count;
}

static cr_status not_offered(struct cr_err *err, uint8_t type, uint8_t qualifier)
{
    const char *name = cat_command_name(type), *how = cat_qualifier_name(type, qualifier);
    cr_status status =
        cr_fail(err, CR_REFUSED, "TS 102 223 5.2", "the terminal's profile does not offer %s%s%s",
                name ? name : "this command", how ? ", " : "", how ? how : "");
    return cr_err_code(err, status, UICC_CODE_NOT_OFFERED);
}

/* The number of the command details is set in place. */
static void number_set(struct toolkit *t, cr_buf *tlv)
{
    struct cat_command c;
    cr_span details;
    if (cat_command_read(cr_buf_span(tlv), &c, NULL) == CR_OK &&
        cat_find(c.tlvs, CAT_TAG_COMMAND_DETAILS, &details)) {
        t->now.number = (uint8_t)(t->now.number % MAX_NUMBER + 1);
        tlv->p[details.p - tlv->p] = t->now.number;
    }
}

cr_status uicc_proactive_push(struct uicc *u, cr_span tlv, enum uicc_retry retry,
                              uicc_proactive_done done, void *ctx, struct cr_err *err)
{
    struct toolkit *t = &u->toolkit;
    struct cat_command c;
    if (tlv.n > CAT_MAX_COMMAND) {
        return cr_fail(err, CR_REFUSED, "TS 102 223 6.2",
                       "a proactive command has at most %d bytes", CAT_MAX_COMMAND);
    }
    if (cat_command_read(tlv, &c, err) != CR_OK) {
        if (err) {
            err->category = CR_REFUSED;
        }
        return CR_REFUSED;
    }
    if (t->now.profile_seen && !cat_profile_offers(cr_buf_span(&t->profile), c.type, c.qualifier)) {
        return not_offered(err, c.type, c.qualifier);
    }
    if (t->now.count == UICC_MAX_PROACTIVE) {
        return cr_fail(err, CR_REFUSED, NULL, "%d proactive commands wait already",
                       UICC_MAX_PROACTIVE);
    }
    if (!t->queue) {
        t->queue = calloc(UICC_MAX_PROACTIVE, sizeof t->queue[0]);
        if (!t->queue) {
            return cr_fail_memory(err);
        }
    }
    struct proactive *p = &t->queue[t->now.count];
    *p = (struct proactive){.done = done,
                            .ctx = ctx,
                            .retry = (uint8_t)retry,
                            .attempts = retry == UICC_RETRY_NONE ? 0 : UICC_RETRIES};
    p->tlv.secret = true; /* channel data, passwords of OPEN CHANNEL */
    cr_buf_append_span(&p->tlv, tlv);
    if (!cr_buf_ok(&p->tlv)) {
        cr_buf_free(&p->tlv);
        return cr_fail_memory(err);
    }
    number_set(t, &p->tlv);
    t->now.count++;
    return CR_OK;
}

cr_status proactive_push_built(struct uicc *u, cr_buf *b, enum uicc_retry retry,
                               uicc_proactive_done done, void *ctx, struct cr_err *err)
{
    cr_status status = cr_buf_ok(b) ? uicc_proactive_push(u, cr_buf_span(b), retry, done, ctx, err)
                                    : cr_fail(err, CR_REFUSED, "TS 102 223 6.2",
                                              "the proactive command is too long for one FETCH");
    cr_buf_free(b);
    return status;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void tell(struct uicc *u, const struct proactive *p, const struct uicc_answer *answer)
{
    if (p->done) {
        p->done(p->ctx, u, answer);
    }
}

/* A full transmission buffer empties by itself. */
static bool buffer_full(const struct cat_response *r)
{
    return r->type == CAT_SEND_DATA && r->result == CAT_RESULT_BIP && r->info.n > 0 &&
           r->info.p[0] == CAT_BIP_BUFFER_SIZE;
}

/* Who opens a channel has a policy of its own for the time without a network. */
static bool no_service(const struct cat_response *r)
{
    return r->type == CAT_OPEN_CHANNEL && r->result == CAT_RESULT_TERMINAL_BUSY && r->info.n > 0 &&
           r->info.p[0] == CAT_INFO_NO_SERVICE;
}

static bool worth_retrying(const struct proactive *p, const struct cat_response *r)
{
    if (p->attempts == 0 || cat_result_success(r->result)) {
        return false;
    }
    return p->retry == UICC_RETRY_ANY || (cat_result_busy(r->result) && !no_service(r)) ||
           buffer_full(r);
}

void proactive_answer(struct uicc *u, struct proactive *p, const struct cat_response *r)
{
    if (worth_retrying(p, r)) {
        u->toolkit.now.answered = ANSWER_RETRY;
        return;
    }
    u->toolkit.now.answered = ANSWER_FINAL;
    tell(u, p,
         &(struct uicc_answer){.outcome = UICC_ANSWERED,
                               .result = r->result,
                               .info = r->info.n ? r->info.p[0] : 0,
                               .tlvs = r->tlvs,
                               .command = cr_buf_span(&p->tlv)});
}

void proactive_refuse(struct uicc *u)
{
    struct toolkit *t = &u->toolkit;
    struct cat_command c;
    unsigned n = t->now.count; /* what is pushed meanwhile was checked */
    for (unsigned i = 0; i < n; i++) {
        struct proactive *p = &t->queue[i];
        if (cat_command_read(cr_buf_span(&p->tlv), &c, NULL) == CR_OK &&
            !cat_profile_offers(cr_buf_span(&t->profile), c.type, c.qualifier)) {
            p->refused = true;
            tell(u, p,
                 &(struct uicc_answer){.outcome = UICC_NOT_OFFERED,
                                       .command = cr_buf_span(&p->tlv)});
        }
    }
}

/* --- trying again ------------------------------------------------------------------------------
 */

void proactive_release(struct uicc *u)
{
    for (unsigned i = 0; i < u->toolkit.now.count; i++) {
        u->toolkit.queue[i].held = false;
    }
}

static void retry_heard(void *ctx, struct uicc *u, unsigned timer, enum uicc_timer_news news,
                        uint32_t seconds)
{
    (void)ctx;
    (void)timer;
    (void)seconds;
    u->toolkit.now.retry_timer = 0; /* when it failed, STATUS is the clock */
    if (news == UICC_TIMER_EXPIRED) {
        proactive_release(u);
    }
}

static void hold(struct uicc *u, struct proactive *p)
{
    struct toolkit_state *now = &u->toolkit.now;
    unsigned timer = 0;
    p->attempts--;
    p->held = true;
    if (!now->retry_timer &&
        uicc_timer_start(u, UICC_RETRY_SECONDS, retry_heard, NULL, &timer, NULL) == CR_OK) {
        now->retry_timer = (uint8_t)timer;
    }
}

void proactive_finish(struct uicc *u)
{
    struct toolkit *t = &u->toolkit;
    if (t->now.answered != ANSWER_NONE && t->now.with >= 0) {
        unsigned at = (unsigned)t->now.with;
        bool retry = t->now.answered == ANSWER_RETRY;
        t->now.answered = ANSWER_NONE;
        t->now.with = -1;
        if (retry) {
            hold(u, &t->queue[at]);
        } else {
            remove_at(t, at);
        }
    }
    for (unsigned i = t->now.count; i-- > 0;) {
        if (t->queue[i].refused) {
            remove_at(t, i);
        }
    }
}

/* toolkit->now is that of before already, with the count that the queue had. */
void proactive_undo(struct uicc *u)
{
    struct toolkit *t = &u->toolkit;
    for (unsigned i = 0; t->queue && i < UICC_MAX_PROACTIVE; i++) {
        t->queue[i].refused = false;
        if (i >= t->now.count) {
            cr_buf_free(&t->queue[i].tlv);
        }
    }
}

void proactive_lose(struct uicc *u)
{
    struct toolkit *t = &u->toolkit;
    /* An owner may push the next command when it hears of the reset: that one stays. */
    for (unsigned n = t->now.count; n > 0; n--) {
        struct proactive lost = t->queue[0];
        t->queue[0].tlv = (cr_buf){0};
        remove_at(t, 0);
        tell(u, &lost,
             &(struct uicc_answer){.outcome = UICC_RESET, .command = cr_buf_span(&lost.tlv)});
        cr_buf_free(&lost.tlv);
    }
}

void proactive_free(struct uicc *u)
{
    while (u->toolkit.now.count) {
        remove_at(&u->toolkit, u->toolkit.now.count - 1U);
    }
    free(u->toolkit.queue);
    u->toolkit.queue = NULL;
}

/* --- the usual commands ------------------------------------------------------------------------
 */

static cr_status push_bare(struct uicc *u, uint8_t type, uint8_t qualifier,
                           uicc_proactive_done done, void *ctx, struct cr_err *err)
{
    cr_buf b = {0};
    cat_end(&b, cat_command_begin(&b, &(struct cat_command){.type = type, .qualifier = qualifier}));
    return proactive_push_built(u, &b, UICC_RETRY_BUSY, done, ctx, err);
}

cr_status uicc_proactive_refresh(struct uicc *u, uint8_t qualifier, uicc_proactive_done done,
                                 void *ctx, struct cr_err *err)
{
    return push_bare(u, CAT_REFRESH, qualifier, done, ctx, err);
}

cr_status uicc_proactive_refresh_files(struct uicc *u, uint8_t qualifier, cr_span files,
                                       cr_span aid, uicc_proactive_done done, void *ctx,
                                       struct cr_err *err)
{
    cr_buf b = {0};
    size_t mark =
        cat_command_begin(&b, &(struct cat_command){.type = CAT_REFRESH, .qualifier = qualifier});
    if (files.p) {
        cat_put(&b, CAT_TAG_FILE_LIST | CAT_COMPREHENSION, files);
    }
    if (aid.p) {
        cat_put(&b, CAT_TAG_AID, aid);
    }
    cat_end(&b, mark);
    return proactive_push_built(u, &b, UICC_RETRY_BUSY, done, ctx, err);
}

cr_status uicc_proactive_more_time(struct uicc *u, uicc_proactive_done done, void *ctx,
                                   struct cr_err *err)
{
    return push_bare(u, CAT_MORE_TIME, 0, done, ctx, err);
}

cr_status uicc_proactive_local_information(struct uicc *u, uint8_t qualifier,
                                           uicc_proactive_done done, void *ctx, struct cr_err *err)
{
    return push_bare(u, CAT_PROVIDE_LOCAL_INFORMATION, qualifier, done, ctx, err);
}

cr_status uicc_proactive_channel_status(struct uicc *u, uicc_proactive_done done, void *ctx,
                                        struct cr_err *err)
{
    return push_bare(u, CAT_GET_CHANNEL_STATUS, 0, done, ctx, err);
}

cr_status uicc_proactive_send_sms(struct uicc *u, cr_span smsc, cr_span tpdu, enum uicc_retry retry,
                                  uicc_proactive_done done, void *ctx, struct cr_err *err)
{
    cr_buf b = {0};
    size_t mark = cat_command_begin(
        &b, &(struct cat_command){.type = CAT_SEND_SHORT_MESSAGE, .target = CAT_DEVICE_NETWORK});
    if (smsc.p) {
        cat_put(&b, CAT_TAG_ADDRESS | CAT_COMPREHENSION, smsc);
    }
    cat_put(&b, CAT_TAG_SMS_TPDU | CAT_COMPREHENSION, tpdu);
    cat_end(&b, mark);
    return proactive_push_built(u, &b, retry, done, ctx, err);
}
