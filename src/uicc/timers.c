/*
 * The terminal's eight timers, lent to owners on the card (TS 102 223 6.4.21, 7.4). What an owner
 * wants of a timer is a wish; TIMER MANAGEMENT commands follow from it one at a time.
 */
#include "uicc/internal.h"

enum timer_wish { WISH_NONE, WISH_START, WISH_STOP };

static struct toolkit_timer *timer_of(struct uicc *u, unsigned timer)
{
    return timer >= 1 && timer <= CAT_TIMERS ? &u->toolkit.now.timers[timer - 1] : NULL;
}

/* pending stays: the number is lent again when the terminal has answered. */
static void release(struct toolkit_timer *t)
{
    *t = (struct toolkit_timer){.pending = t->pending, .sent = t->sent};
}

static void tell(struct uicc *u, const struct toolkit_timer *t, unsigned timer,
                 enum uicc_timer_news news, uint32_t seconds)
{
    if (t->heard) {
        t->heard(t->ctx, u, timer, news, seconds);
    }
}

static cr_status seconds_check(uint32_t seconds, struct cr_err *err)
{
    return seconds >= 1 && seconds <= CAT_MAX_TIMER
               ? CR_OK
               : cr_fail(err, CR_REFUSED, "TS 102 223 8.38", "a timer runs for 1 to %d seconds",
                         CAT_MAX_TIMER);
}

cr_status uicc_timer_start(struct uicc *u, uint32_t seconds, uicc_timer_heard heard, void *ctx,
                           unsigned *timer, struct cr_err *err)
{
    CR_TRY(seconds_check(seconds, err));
    if (!uicc_toolkit_offers(u, CAT_TIMER_MANAGEMENT, CAT_TIMER_START)) {
        cr_status status =
            cr_fail(err, CR_REFUSED, "TS 102 223 5.2", "the terminal offers no timers");
        return cr_err_code(err, status, UICC_CODE_NOT_OFFERED);
    }
    for (unsigned i = 1; i <= CAT_TIMERS; i++) {
        struct toolkit_timer *t = timer_of(u, i);
        if (!t->taken && !t->pending) {
            *t = (struct toolkit_timer){
                .heard = heard, .ctx = ctx, .seconds = seconds, .taken = true, .wish = WISH_START};
            *timer = i;
            return CR_OK;
        }
    }
    return cr_fail(err, CR_REFUSED, "TS 102 223 6.4.21", "all %d timers are in use", CAT_TIMERS);
}

static cr_status taken_check(const struct toolkit_timer *t, struct cr_err *err)
{
    return t && t->taken && t->wish != WISH_STOP
               ? CR_OK
               : cr_fail(err, CR_REFUSED, NULL, "the timer is not in use");
}

cr_status uicc_timer_restart(struct uicc *u, unsigned timer, uint32_t seconds, struct cr_err *err)
{
    struct toolkit_timer *t = timer_of(u, timer);
    CR_TRY(seconds_check(seconds, err));
    CR_TRY(taken_check(t, err));
    t->seconds = seconds;
    t->wish = WISH_START;
    return CR_OK;
}

void uicc_timer_stop(struct uicc *u, unsigned timer)
{
    struct toolkit_timer *t = timer_of(u, timer);
    if (!t || !t->taken) {
        return;
    }
    t->heard = NULL;
    if (t->running || t->pending) {
        t->wish = WISH_STOP;
    } else {
        release(t); /* the terminal never heard of it */
    }
}

cr_status uicc_timer_read(struct uicc *u, unsigned timer, struct cr_err *err)
{
    struct toolkit_timer *t = timer_of(u, timer);
    CR_TRY(taken_check(t, err));
    if (!uicc_toolkit_offers(u, CAT_TIMER_MANAGEMENT, CAT_TIMER_GET)) {
        cr_status status = cr_fail(err, CR_REFUSED, "TS 102 223 5.2",
                                   "the terminal does not tell the value of a timer");
        return cr_err_code(err, status, UICC_CODE_NOT_OFFERED);
    }
    t->read_wished = true;
    return CR_OK;
}

/* --- with the terminal -------------------------------------------------------------------------
 */

static void started(struct uicc *u, struct toolkit_timer *t, unsigned timer, bool success)
{
    t->running = success;
    if (success || t->wish == WISH_START) {
        return;
    }
    struct toolkit_timer gone = *t;
    release(t);
    tell(u, &gone, timer, UICC_TIMER_FAILED, 0);
}

static void answered(void *ctx, struct uicc *u, const struct uicc_answer *a)
{
    struct toolkit_timer *t = ctx;
    unsigned timer = (unsigned)(t - u->toolkit.now.timers) + 1;
    bool success = a->outcome == UICC_ANSWERED && cat_result_success(a->result);
    if (a->outcome == UICC_RESET) {
        return; /* toolkit_reset() has told */
    }
    t->pending = false;
    if (!t->taken) {
        return;
    }
    if (t->sent == CAT_TIMER_START) {
        started(u, t, timer, success);
    } else if (t->sent == CAT_TIMER_DEACTIVATE) {
        release(t); /* one that the terminal does not know is stopped, too */
    } else {
        cr_span value;
        uint32_t seconds = 0; /* it does not run any more: the expiration is on its way */
        if (success && cat_find(a->tlvs, CAT_TAG_TIMER_VALUE, &value)) {
            (void)cat_timer_read(value, &seconds);
        }
        tell(u, t, timer, UICC_TIMER_VALUE, seconds);
    }
}

static bool push(struct uicc *u, struct toolkit_timer *t, uint8_t qualifier)
{
    cr_buf b = {0};
    uint8_t value[3];
    size_t mark = cat_command_begin(
        &b, &(struct cat_command){.type = CAT_TIMER_MANAGEMENT, .qualifier = qualifier});
    cat_put_byte(&b, CAT_TAG_TIMER_ID | CAT_COMPREHENSION,
                 (uint8_t)(t - u->toolkit.now.timers + 1));
    if (qualifier == CAT_TIMER_START) {
        cat_timer_write(value, t->seconds);
        cat_put(&b, CAT_TAG_TIMER_VALUE | CAT_COMPREHENSION, CR_SPAN_ARRAY(value));
    }
    cat_end(&b, mark);
    return proactive_push_built(u, &b, UICC_RETRY_BUSY, answered, t, NULL) == CR_OK;
}

void timers_settle(struct uicc *u)
{
    for (unsigned i = 0; i < CAT_TIMERS; i++) {
        struct toolkit_timer *t = &u->toolkit.now.timers[i];
        if (t->pending || !t->taken || (t->wish == WISH_NONE && !t->read_wished)) {
            continue;
        }
        uint8_t qualifier = t->wish == WISH_START  ? CAT_TIMER_START
                            : t->wish == WISH_STOP ? CAT_TIMER_DEACTIVATE
                                                   : CAT_TIMER_GET;
        if (t->wish == WISH_STOP && !t->running) {
            release(t); /* its start has failed meanwhile */
        } else if (push(u, t, qualifier)) {
            t->pending = true;
            t->sent = qualifier;
            t->wish = WISH_NONE;
            t->read_wished = t->read_wished && qualifier != CAT_TIMER_GET;
        }
    }
}

uicc_sw timers_expired(struct uicc *u, const struct cat_envelope *envelope)
{
    uint8_t id;
    cr_span value;
    uint32_t seconds = 0;
    if (!cat_find_byte(envelope->tlvs, CAT_TAG_TIMER_ID, &id) ||
        !cat_find(envelope->tlvs, CAT_TAG_TIMER_VALUE, &value) ||
        !cat_timer_read(value, &seconds)) {
        return UICC_SW_WRONG_DATA;
    }
    struct toolkit_timer *t = timer_of(u, id);
    if (!t || !t->running) {
        return UICC_SW_CONDITIONS;
    }
    t->running = false;
    if (t->wish == WISH_STOP) {
        release(t);
    } else if (t->wish == WISH_NONE && !(t->pending && t->sent != CAT_TIMER_GET)) {
        struct toolkit_timer gone = *t;
        release(t);
        tell(u, &gone, id, UICC_TIMER_EXPIRED, seconds);
    }
    return UICC_SW_OK; /* else it was begun anew or stopped while this came */
}
