/*
 * The card's side of the toolkit session: TERMINAL PROFILE and CAPABILITY, FETCH, TERMINAL
 * RESPONSE, ENVELOPE, and who on the card is told of what (TS 102 223, TS 102 221 11.1.19, 11.2).
 */
#include "asn1/der.h"
#include "uicc/internal.h"

#include <stdlib.h>

#define TAG_CAPABILITY 0xA9
#define MAX_INTERVAL   15300 /* seconds: 255 minutes */

/* --- the terminal ------------------------------------------------------------------------------
 */

cr_span uicc_terminal_profile(const struct uicc *u)
{
    return u->toolkit.now.profile_seen ? cr_buf_span(&u->toolkit.profile) : (cr_span){0};
}

cr_span uicc_terminal_capability(const struct uicc *u)
{
    return u->toolkit.capability.p ? cr_buf_span(&u->toolkit.capability) : (cr_span){0};
}

bool uicc_toolkit_offers(const struct uicc *u, uint8_t type, uint8_t qualifier)
{
    return u->toolkit.now.profile_seen &&
           cat_profile_offers(cr_buf_span(&u->toolkit.profile), type, qualifier);
}

bool uicc_toolkit_offers_event(const struct uicc *u, unsigned event)
{
    return u->toolkit.now.profile_seen &&
           cat_profile_offers(cr_buf_span(&u->toolkit.profile), CAT_SET_UP_EVENT_LIST, 0) &&
           cat_profile_offers_event(cr_buf_span(&u->toolkit.profile), event);
}

uicc_sw toolkit_announce(const struct uicc *u, uicc_sw sw)
{
    const struct proactive *next = proactive_next(u);
    if (!next) {
        return sw;
    }
    switch (sw) {
    case UICC_SW_OK:
        return (uicc_sw)(UICC_SW_PROACTIVE | (next->tlv.n & 0xFF));
    case UICC_SW_MORE_DATA: /* 62F2, 63F2: the same and a proactive command */
    case UICC_SW_MORE_EXPECTED:
        return (uicc_sw)(sw + 1);
    default:
        return sw;
    }
}

/* --- owners ------------------------------------------------------------------------------------
 */

cr_status uicc_toolkit_register(struct uicc *u, const struct uicc_toolkit_owner *what,
                                unsigned *owner, struct cr_err *err)
{
    struct toolkit *t = &u->toolkit;
    unsigned at = 0;
    while (at < t->owner_count && t->owners[at].used) {
        at++;
    }
    if (at == UICC_MAX_TOOLKIT_OWNERS) {
        return cr_fail(err, CR_REFUSED, NULL, "the toolkit has %d owners already",
                       UICC_MAX_TOOLKIT_OWNERS);
    }
    if (at == t->owner_count) {
        struct toolkit_owner *owners = realloc(t->owners, (at + 1) * sizeof *owners);
        if (!owners) {
            return cr_fail_memory(err);
        }
        t->owners = owners;
        t->owner_count++;
    }
    t->owners[at] = (struct toolkit_owner){.used = true, .what = *what};
    *owner = at;
    return CR_OK;
}

void uicc_toolkit_unregister(struct uicc *u, unsigned owner)
{
    if (owner < u->toolkit.owner_count) {
        u->toolkit.owners[owner] = (struct toolkit_owner){.used = false};
        u->toolkit.now.events[owner] = 0;
        u->toolkit.now.poll[owner] = 0;
    }
}

/* A copy: its functions may register others. */
static struct uicc_toolkit_owner owner_at(const struct uicc *u, unsigned i)
{
    const struct toolkit_owner *o = &u->toolkit.owners[i];
    return o->used ? o->what : (struct uicc_toolkit_owner){0};
}

cr_status uicc_toolkit_events(struct uicc *u, unsigned owner, uint32_t events, struct cr_err *err)
{
    if (owner >= u->toolkit.owner_count || !u->toolkit.owners[owner].used) {
        return cr_fail(err, CR_REFUSED, NULL, "the toolkit has no such owner");
    }
    for (unsigned i = 0; u->toolkit.now.profile_seen && i < CAT_EVENTS; i++) {
        if ((events & CAT_EVENT_BIT(i)) && !uicc_toolkit_offers_event(u, i)) {
            const char *name = cat_event_name(i);
            cr_status status =
                cr_fail(err, CR_REFUSED, "TS 102 223 5.2",
                        "the terminal does not offer the event %s", name ? name : "of this number");
            return cr_err_code(err, status, UICC_CODE_NOT_OFFERED);
        }
    }
    u->toolkit.now.events[owner] = events;
    return CR_OK;
}

cr_status uicc_toolkit_poll(struct uicc *u, unsigned owner, uint32_t seconds, struct cr_err *err)
{
    if (owner >= u->toolkit.owner_count || !u->toolkit.owners[owner].used) {
        return cr_fail(err, CR_REFUSED, NULL, "the toolkit has no such owner");
    }
    if (seconds > MAX_INTERVAL && seconds != UICC_POLL_OFF) {
        return cr_fail(err, CR_REFUSED, "TS 102 223 8.8", "an interval is at most %d seconds",
                       MAX_INTERVAL);
    }
    uint8_t type = seconds == UICC_POLL_OFF ? CAT_POLLING_OFF : CAT_POLL_INTERVAL;
    if (seconds && u->toolkit.now.profile_seen && !uicc_toolkit_offers(u, type, 0)) {
        cr_status status = cr_fail(err, CR_REFUSED, "TS 102 223 5.2",
                                   "the terminal does not offer %s", cat_command_name(type));
        return cr_err_code(err, status, UICC_CODE_NOT_OFFERED);
    }
    u->toolkit.now.poll[owner] = seconds;
    return CR_OK;
}

uint32_t uicc_toolkit_poll_interval(const struct uicc *u)
{
    return u->toolkit.now.poll_interval;
}

/* --- what follows from the wishes --------------------------------------------------------------
 */

static uint32_t events_wanted(const struct uicc *u)
{
    const struct toolkit_state *now = &u->toolkit.now;
    uint32_t wanted = now->bip_used ? CAT_EVENT_BIT(CAT_EVENT_DATA_AVAILABLE) |
                                          CAT_EVENT_BIT(CAT_EVENT_CHANNEL_STATUS)
                                    : 0;
    for (unsigned i = 0; i < u->toolkit.owner_count; i++) {
        wanted |= now->events[i];
    }
    for (unsigned i = 0; i < CAT_EVENTS; i++) {
        wanted &= uicc_toolkit_offers_event(u, i) ? UINT32_MAX : ~CAT_EVENT_BIT(i);
    }
    return wanted;
}

static void events_answered(void *ctx, struct uicc *u, const struct uicc_answer *answer)
{
    (void)ctx;
    u->toolkit.now.events_queued = false;
    if (answer->outcome == UICC_ANSWERED && cat_result_busy(answer->result)) {
        u->toolkit.now.events_told = ~events_wanted(u); /* again, later */
    } /* one that refuses the list for another reason is not asked until it changes */
}

static void events_settle(struct uicc *u)
{
    struct toolkit_state *now = &u->toolkit.now;
    uint32_t wanted = events_wanted(u);
    if (now->events_queued || wanted == now->events_told) {
        return;
    }
    uint8_t list[CAT_EVENTS];
    size_t n = 0;
    for (unsigned i = 0; i < CAT_EVENTS; i++) {
        if (wanted & CAT_EVENT_BIT(i)) {
            list[n++] = (uint8_t)i;
        }
    }
    cr_buf b = {0};
    size_t mark = cat_command_begin(&b, &(struct cat_command){.type = CAT_SET_UP_EVENT_LIST});
    cat_put(&b, CAT_TAG_EVENT_LIST | CAT_COMPREHENSION, cr_span_of(list, n));
    cat_end(&b, mark);
    if (proactive_push_built(u, &b, UICC_RETRY_BUSY, events_answered, NULL, NULL) == CR_OK) {
        now->events_queued = true;
        now->events_told = wanted;
    }
}

/* The shortest interval; else off when somebody wants that; else 0. */
static uint32_t poll_wanted(const struct uicc *u)
{
    uint32_t wanted = 0;
    for (unsigned i = 0; i < u->toolkit.owner_count; i++) {
        uint32_t wish = u->toolkit.now.poll[i];
        uint8_t type = wish == UICC_POLL_OFF ? CAT_POLLING_OFF : CAT_POLL_INTERVAL;
        if (wish && (!wanted || wish < wanted) && uicc_toolkit_offers(u, type, 0)) {
            wanted = wish;
        }
    }
    return wanted;
}

static void poll_answered(void *ctx, struct uicc *u, const struct uicc_answer *answer)
{
    struct toolkit_state *now = &u->toolkit.now;
    cr_span duration;
    uint32_t tenths;
    (void)ctx;
    now->poll_queued = false;
    if (answer->outcome == UICC_ANSWERED && cat_result_success(answer->result)) {
        now->poll_interval = cat_find(answer->tlvs, CAT_TAG_DURATION, &duration) &&
                                     cat_duration_read(duration, &tenths)
                                 ? (tenths + 9) / 10
                                 : 0;
    }
}

static void poll_settle(struct uicc *u)
{
    struct toolkit_state *now = &u->toolkit.now;
    uint32_t wanted = poll_wanted(u);
    if (now->poll_queued || !wanted || wanted == now->poll_told) {
        return;
    }
    cr_buf b = {0};
    uint8_t duration[2];
    uint8_t type = wanted == UICC_POLL_OFF ? CAT_POLLING_OFF : CAT_POLL_INTERVAL;
    size_t mark = cat_command_begin(&b, &(struct cat_command){.type = type});
    if (type == CAT_POLL_INTERVAL) {
        cat_duration_write(duration, wanted);
        cat_put(&b, CAT_TAG_DURATION | CAT_COMPREHENSION, CR_SPAN_ARRAY(duration));
    }
    cat_end(&b, mark);
    if (proactive_push_built(u, &b, UICC_RETRY_BUSY, poll_answered, NULL, NULL) == CR_OK) {
        now->poll_queued = true;
        now->poll_told = wanted;
    }
}

/* --- around a command --------------------------------------------------------------------------
 */

void toolkit_begin(struct uicc *u)
{
    u->toolkit.before = u->toolkit.now;
    bip_begin(u);
}

void toolkit_undo(struct uicc *u)
{
    u->toolkit.now = u->toolkit.before;
    proactive_undo(u);
    bip_undo(u);
}

void toolkit_polled(struct uicc *u)
{
    const struct toolkit_state *now = &u->toolkit.now;
    if (!now->retry_timer || !now->timers[now->retry_timer - 1].running) {
        proactive_release(u); /* no better clock */
    }
    for (unsigned i = 0; i < u->toolkit.owner_count; i++) {
        struct uicc_toolkit_owner owner = owner_at(u, i);
        if (owner.polled) {
            owner.polled(owner.ctx, u);
        }
    }
}

void toolkit_finish(struct uicc *u)
{
    proactive_finish(u);
    if (u->toolkit.now.profile_seen) {
        events_settle(u);
        poll_settle(u);
        timers_settle(u);
        bip_settle(u);
    }
}

void toolkit_reset(struct uicc *u)
{
    struct toolkit *t = &u->toolkit;
    struct toolkit_state lost = t->now;
    cr_buf_free(&t->profile);
    cr_buf_free(&t->capability);
    t->now = (struct toolkit_state){.count = lost.count, .with = -1};
    proactive_lose(u);
    for (unsigned i = 0; i < CAT_TIMERS; i++) {
        if (lost.timers[i].heard) {
            lost.timers[i].heard(lost.timers[i].ctx, u, i + 1, UICC_TIMER_RESET, 0);
        }
    }
    bip_reset(u);
    for (unsigned i = 0; i < t->owner_count; i++) {
        struct uicc_toolkit_owner owner = owner_at(u, i);
        if (owner.reset) {
            owner.reset(owner.ctx, u);
        }
    }
}

void toolkit_free(struct uicc *u)
{
    proactive_free(u);
    bip_free(u);
    free(u->toolkit.owners);
    cr_buf_free(&u->toolkit.profile);
    cr_buf_free(&u->toolkit.capability);
}

/* --- commands ----------------------------------------------------------------------------------
 */

static uicc_sw keep(cr_buf *where, cr_span what)
{
    cr_buf_free(where);
    cr_buf_append_span(where, what);
    cr_buf_reserve(where, 1); /* present, be it empty */
    return cr_buf_ok(where) ? UICC_SW_OK : UICC_SW_MEMORY;
}

uicc_sw command_terminal_profile(struct command *c)
{
    struct toolkit *t = &c->u->toolkit;
    if (c->apdu->channel != 0) {
        return UICC_SW_WRONG_CLA;
    }
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = keep(&t->profile, c->apdu->data);
    t->now.profile_seen = sw == UICC_SW_OK;
    if (sw != UICC_SW_OK) {
        return sw;
    }
    /* A terminal that begins again has forgotten what it fetched and what it was told. */
    t->now.with = -1;
    t->now.events_told = t->now.events_queued ? t->now.events_told : 0;
    t->now.poll_told = t->now.poll_queued ? t->now.poll_told : 0;
    proactive_refuse(c->u);
    for (unsigned i = 0; i < t->owner_count; i++) {
        struct uicc_toolkit_owner owner = owner_at(c->u, i);
        if (owner.started) {
            owner.started(owner.ctx, c->u);
        }
    }
    return UICC_SW_OK;
}

uicc_sw command_terminal_capability(struct command *c)
{
    struct der_tlv tlv;
    cr_span in = c->apdu->data;
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || in.n || tlv.tag != TAG_CAPABILITY) {
        return UICC_SW_WRONG_DATA;
    }
    return keep(&c->u->toolkit.capability, tlv.value);
}

uicc_sw command_fetch(struct command *c)
{
    const struct proactive *next = proactive_next(c->u);
    if (c->apdu->channel != 0) {
        return UICC_SW_WRONG_CLA;
    }
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!next) {
        return UICC_SW_CONDITIONS;
    }
    if (!c->apdu->has_le) {
        return (uicc_sw)(UICC_SW_WRONG_LE | (next->tlv.n & 0xFF));
    }
    uicc_sw wrong_le = uicc_le_check(c->apdu, next->tlv.n);
    if (wrong_le) {
        return wrong_le;
    }
    c->u->toolkit.now.with = (int8_t)(next - c->u->toolkit.queue);
    cr_buf_append_span(c->call.out, cr_buf_span(&next->tlv));
    return UICC_SW_OK;
}

uicc_sw command_terminal_response(struct command *c)
{
    struct toolkit *t = &c->u->toolkit;
    struct cat_command asked;
    struct cat_response answer;
    if (c->apdu->channel != 0) {
        return UICC_SW_WRONG_CLA;
    }
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (t->now.with < 0) {
        return UICC_SW_CONDITIONS;
    }
    struct proactive *p = &t->queue[t->now.with];
    if (cat_response_read(c->apdu->data, &answer, NULL) != CR_OK ||
        cat_command_read(cr_buf_span(&p->tlv), &asked, NULL) != CR_OK ||
        answer.number != asked.number || answer.type != asked.type ||
        answer.qualifier != asked.qualifier) {
        return UICC_SW_WRONG_DATA;
    }
    proactive_answer(c->u, p, &answer);
    return UICC_SW_OK;
}

static uicc_sw event_heard(struct uicc *u, const struct cat_envelope *envelope)
{
    uint8_t event;
    if (!cat_envelope_event_of(envelope, &event) || event >= CAT_EVENTS) {
        return UICC_SW_WRONG_DATA;
    }
    bip_event(u, event, envelope);
    for (unsigned i = 0; i < u->toolkit.owner_count; i++) {
        struct uicc_toolkit_owner owner = owner_at(u, i);
        if (owner.event && (u->toolkit.now.events[i] & CAT_EVENT_BIT(event))) {
            owner.event(owner.ctx, u, event, envelope);
        }
    }
    return UICC_SW_OK; /* an event that nobody wants (any more) is no fault of the terminal */
}

static uicc_sw envelope_heard(struct command *c, const struct cat_envelope *envelope)
{
    struct uicc *u = c->u;
    if (envelope->tag > CAT_PROSE_REPORT) {
        return UICC_SW_CONDITIONS;
    }
    for (unsigned i = 0; i < u->toolkit.owner_count; i++) {
        struct uicc_toolkit_owner owner = owner_at(u, i);
        if (!owner.envelope || !(owner.envelopes & UICC_ENVELOPE_BIT(envelope->tag))) {
            continue;
        }
        if (u->toolkit.now.profile_seen && uicc_proactive_room(u) == 0) {
            return UICC_SW_TOOLKIT_BUSY; /* what it leads to could not be said */
        }
        uicc_sw sw = owner.envelope(owner.ctx, &c->call, envelope);
        if (sw != UICC_NOT_MINE) {
            return sw;
        }
    }
    return UICC_SW_CONDITIONS;
}

uicc_sw command_envelope(struct command *c)
{
    struct cat_envelope envelope;
    if (c->apdu->channel != 0) {
        return UICC_SW_WRONG_CLA;
    }
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (cat_envelope_read(c->apdu->data, &envelope, NULL) != CR_OK) {
        return UICC_SW_WRONG_DATA;
    }
    switch (envelope.tag) {
    case CAT_EVENT_DOWNLOAD:
        return event_heard(c->u, &envelope);
    case CAT_TIMER_EXPIRATION:
        return timers_expired(c->u, &envelope);
    default:
        return envelope_heard(c, &envelope);
    }
}
