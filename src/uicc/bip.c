#include "uicc/bip.h"

#include "uicc/internal.h"

#include <stdlib.h>

/*
 * A channel is driven by two things: its state, and what of its commands is with the terminal
 * (one at a time, .pending). bip_settle() looks after each committed command what is to be sent
 * next; answers and events move the state.
 *
 *   state    | next command                                   | left by
 *   ---------+------------------------------------------------+-------------------------------------
 *   FREE     |                                                | bip_open: OPENING
 *   OPENING  | OPEN CHANNEL                                   | answer: OPEN, LINKING; refused:
 * GONE LINKING  | (in background: the link is not up)            | Channel status: OPEN; .ending
 *   OPEN     | RECEIVE DATA, SEND DATA as there are bytes     | link dropped: TAIL; .ending
 *   TAIL     | RECEIVE DATA until nothing is left             | .ending
 *   any      | with .ending, after OPENING: CLOSE CHANNEL     | answer: GONE
 *   GONE     |                                                | bip_settle: FREE
 *
 * Bytes that wait are in buffers beside the plain state, which is copied before each command: they
 * only grow within one, so the lengths in the state bring them back.
 */
enum state { STATE_FREE, STATE_OPENING, STATE_LINKING, STATE_OPEN, STATE_TAIL, STATE_GONE };

struct channel {
    uint8_t state;
    uint8_t id;      /* the terminal's number, 1 to 7; 0 = not known */
    uint8_t pending; /* type of its command that is queued or with the terminal; 0 = none */
    uint8_t timer;   /* of the toolkit; 0 = none */
    bool ending;     /* to be closed, why is known */
    bool told;       /* closed() was called */
    bool heard;      /* a callback was called in this command */
    bool closing;    /* bip_close(): once all is sent */
    bool paused;
    bool active;         /* since the timer was started */
    bool overflow;       /* the datagram coming in is too large: dropped */
    bool received_last;  /* takes turns with sending */
    bool told_meanwhile; /* Data available came while RECEIVE DATA was with the terminal */
    bool doubtful;       /* so it is asked once more, and may have nothing */
    uint8_t left;        /* bytes that wait in the terminal, 255 = 255 or more; 0 = none known */
    uint8_t space;       /* free in the terminal's buffer as it told, 255 = 255 or more */
    bool space_told;
    uint16_t buffer; /* of the terminal */
    uint16_t stored; /* bytes in it that are not on their way */
    uint16_t chunk;  /* of the SEND DATA under way */
    bool chunk_stored;
    uint16_t datagram_at;       /* bytes of the first datagram that were sent already */
    uint32_t queue_at, queue_n; /* in the buffer: sent so far, all */
    uint32_t datagram_n;        /* in the buffer of what comes in */
    bool datagrams;
    uint8_t qualifier;
    struct bip_why why;
    uint32_t idle_seconds;
    struct bip_callbacks callbacks;
    void *ctx;
};

struct buffers {
    cr_buf open;  /* the command OPEN CHANNEL */
    cr_buf queue; /* bytes; datagrams behind two bytes of length each */
    cr_buf datagram;
};

struct bip {
    struct channel now[CAT_CHANNELS], before[CAT_CHANNELS];
    struct buffers buffers[CAT_CHANNELS];
};

const char *bip_end_name(enum bip_end end)
{
    static const char *const names[] = {
        [BIP_CLOSED] = "closed",           [BIP_DROPPED] = "link dropped",
        [BIP_REFUSED] = "open refused",    [BIP_FAILED] = "failed",
        [BIP_TIMEOUT] = "timeout",         [BIP_NOT_OFFERED] = "not offered by the terminal",
        [BIP_ABORTED] = "command aborted", [BIP_RESET] = "card reset",
    };
    return (unsigned)end < CR_COUNT(names) ? names[end] : NULL;
}

static struct channel *channel_of(const struct uicc *u, unsigned channel)
{
    struct bip *b = u->toolkit.bip;
    if (!b || channel < 1 || channel > CAT_CHANNELS) {
        return NULL;
    }
    struct channel *c = &b->now[channel - 1];
    return c->state == STATE_FREE || c->state == STATE_GONE || c->told ? NULL : c;
}

static struct buffers *buffers_of(struct uicc *u, const struct channel *c)
{
    return &u->toolkit.bip->buffers[c - u->toolkit.bip->now];
}

static unsigned number_of(const struct uicc *u, const struct channel *c)
{
    return (unsigned)(c - u->toolkit.bip->now) + 1;
}

unsigned bip_count(const struct uicc *u)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= CAT_CHANNELS; i++) {
        n += channel_of(u, i) != NULL;
    }
    return n;
}

/* --- telling the owner -------------------------------------------------------------------------
 */

static void tell_closed(struct uicc *u, struct channel *c)
{
    struct channel told = *c;
    if (c->told) {
        return;
    }
    c->told = c->heard = true;
    uicc_timer_stop(u, c->timer);
    c->timer = 0;
    if (told.callbacks.closed) {
        told.callbacks.closed(told.ctx, u, number_of(u, c), &told.why);
    }
}

static void gone(struct uicc *u, struct channel *c)
{
    c->state = STATE_GONE;
    tell_closed(u, c);
}

/* The first reason counts. */
static void end(struct channel *c, enum bip_end why, uint8_t result, uint8_t info)
{
    if (!c->ending) {
        c->ending = true;
        c->why = (struct bip_why){.end = why, .result = result, .info = info};
    }
}

static void tell_received(struct uicc *u, struct channel *c, cr_span data)
{
    /* Behind bip_close() and the like nothing is wanted any more. */
    if (c->callbacks.received && !c->told && !c->closing && !c->ending) {
        c->heard = true;
        c->callbacks.received(c->ctx, u, number_of(u, c), data);
    }
}

/* --- timeout -----------------------------------------------------------------------------------
 */

static void idle(void *ctx, struct uicc *u, unsigned timer, enum uicc_timer_news news,
                 uint32_t seconds);

static void idle_start(struct uicc *u, struct channel *c)
{
    unsigned timer = 0;
    c->timer = 0;
    c->active = false;
    if (c->idle_seconds && uicc_timer_start(u, c->idle_seconds, idle, c, &timer, NULL) == CR_OK) {
        c->timer = (uint8_t)timer;
    }
}

static void idle(void *ctx, struct uicc *u, unsigned timer, enum uicc_timer_news news,
                 uint32_t seconds)
{
    struct channel *c = ctx;
    (void)timer;
    (void)seconds;
    c->timer = 0;
    if (news != UICC_TIMER_EXPIRED) {
        return; /* none to be had: no timeout */
    }
    if (c->active) {
        idle_start(u, c);
        return;
    }
    end(c, BIP_TIMEOUT, 0, 0);
    if (c->state == STATE_OPENING && !c->pending) {
        gone(u, c); /* the terminal never heard of it */
    }
}

/* --- opening -----------------------------------------------------------------------------------
 */

static cr_status params_check(const struct uicc *u, const struct bip_params *p, struct cr_err *err)
{
    const struct cat_channel *c = &p->channel;
    if (c->transport != CAT_TRANSPORT_TCP_CLIENT && c->transport != CAT_TRANSPORT_UDP_CLIENT) {
        return cr_fail(err, CR_REFUSED, "TS 102 223 8.59",
                       "only TCP and UDP with the card as client are known");
    }
    if (c->address.n == 0) {
        return cr_fail(err, CR_REFUSED, "TS 102 223 6.6.27", "the destination has no address");
    }
    if (c->buffer_size > BIP_MAX_BUFFER) {
        return cr_fail(err, CR_REFUSED, NULL, "a buffer has at most %d bytes", BIP_MAX_BUFFER);
    }
    if (p->idle_seconds > CAT_MAX_TIMER) {
        return cr_fail(err, CR_REFUSED, "TS 102 223 8.38", "a timer runs for at most %d seconds",
                       CAT_MAX_TIMER);
    }
    if (!uicc_toolkit_offers(u, CAT_OPEN_CHANNEL, p->qualifier) ||
        !uicc_toolkit_offers(u, CAT_CLOSE_CHANNEL, 0) ||
        !uicc_toolkit_offers(u, CAT_RECEIVE_DATA, 0) || !uicc_toolkit_offers(u, CAT_SEND_DATA, 0) ||
        !uicc_toolkit_offers_event(u, CAT_EVENT_DATA_AVAILABLE) ||
        !cat_profile_offers_transport(uicc_terminal_profile(u), c->transport)) {
        cr_status status = cr_fail(err, CR_REFUSED, "TS 102 223 5.2",
                                   "the terminal does not offer channels of this kind");
        return cr_err_code(err, status, UICC_CODE_NOT_OFFERED);
    }
    return CR_OK;
}

static cr_status open_command(const struct bip_params *p, cr_buf *out, struct cr_err *err)
{
    static const uint8_t default_bearer = 0x03;
    struct cat_channel c = p->channel;
    c.bearer = c.bearer.p ? c.bearer : cr_span_of(&default_bearer, 1);
    c.buffer_size = c.buffer_size ? c.buffer_size : BIP_DEFAULT_SIZE;
    out->secret = true; /* a password may be in it */
    size_t mark = cat_command_begin(
        out, &(struct cat_command){.type = CAT_OPEN_CHANNEL, .qualifier = p->qualifier});
    cat_channel_put(out, &c);
    cat_end(out, mark);
    if (!cr_buf_ok(out) || out->n > CAT_MAX_COMMAND) {
        cr_buf_free(out);
        return cr_fail(err, CR_REFUSED, "TS 102 223 6.6.27",
                       "the parameters are too long for OPEN CHANNEL");
    }
    return CR_OK;
}

cr_status bip_open(struct uicc *u, const struct bip_params *p, unsigned *channel,
                   struct cr_err *err)
{
    unsigned at = 0;
    CR_TRY(params_check(u, p, err));
    if (!u->toolkit.bip) {
        u->toolkit.bip = calloc(1, sizeof *u->toolkit.bip);
        if (!u->toolkit.bip) {
            return cr_fail_memory(err);
        }
    }
    struct bip *b = u->toolkit.bip;
    while (at < CAT_CHANNELS && b->now[at].state != STATE_FREE) {
        at++;
    }
    if (at == CAT_CHANNELS) {
        return cr_fail(err, CR_REFUSED, NULL, "all %d channels are in use", CAT_CHANNELS);
    }
    struct buffers *buffers = &b->buffers[at];
    cr_buf_free(&buffers->open);
    CR_TRY(open_command(p, &buffers->open, err));
    buffers->queue.secret = buffers->datagram.secret = true;
    struct channel *c = &b->now[at];
    *c = (struct channel){.state = STATE_OPENING,
                          .buffer =
                              p->channel.buffer_size ? p->channel.buffer_size : BIP_DEFAULT_SIZE,
                          .datagrams = p->channel.transport == CAT_TRANSPORT_UDP_CLIENT,
                          .qualifier = p->qualifier,
                          .idle_seconds = p->idle_seconds,
                          .callbacks = p->callbacks,
                          .ctx = p->ctx};
    idle_start(u, c);
    u->toolkit.now.bip_used = true;
    *channel = at + 1;
    return CR_OK;
}

/* --- the owner's side --------------------------------------------------------------------------
 */

static size_t queued(const struct channel *c)
{
    return c->queue_n - c->queue_at;
}

size_t bip_room(const struct uicc *u, unsigned channel)
{
    const struct channel *c = channel_of(u, channel);
    if (!c || c->closing || c->ending || c->state == STATE_TAIL) {
        return 0;
    }
    size_t room = BIP_SEND_QUEUE - queued(c);
    if (c->datagrams) {
        room = room > 2 ? room - 2 : 0;
        return room < c->buffer ? room : c->buffer;
    }
    return room;
}

cr_status bip_send(struct uicc *u, unsigned channel, cr_span data, struct cr_err *err)
{
    struct channel *c = channel_of(u, channel);
    if (!c || c->closing || c->ending || c->state == STATE_TAIL) {
        return cr_fail(err, CR_REFUSED, NULL, "there is no channel %u to send to", channel);
    }
    if (data.n == 0 || (c->datagrams && data.n > c->buffer)) {
        return cr_fail(err, CR_REFUSED, NULL, "a datagram has 1 to %u bytes here", c->buffer);
    }
    if (data.n > bip_room(u, channel)) {
        return cr_fail(err, CR_RESOURCE, NULL, "the channel has no room for %zu bytes", data.n);
    }
    cr_buf *queue = &buffers_of(u, c)->queue;
    size_t n = queue->n;
    if (c->datagrams) {
        cr_buf_append_be(queue, data.n, 2);
    }
    cr_buf_append_span(queue, data);
    if (!cr_buf_ok(queue)) {
        queue->failed = false;
        queue->n = n;
        return cr_fail_memory(err);
    }
    c->queue_n = (uint32_t)queue->n;
    return CR_OK;
}

void bip_pause(struct uicc *u, unsigned channel, bool pause)
{
    struct channel *c = channel_of(u, channel);
    if (c) {
        c->paused = pause;
    }
}

void bip_close(struct uicc *u, unsigned channel)
{
    struct channel *c = channel_of(u, channel);
    if (!c) {
        return;
    }
    c->closing = true;
    if (c->state == STATE_TAIL || queued(c) == 0) {
        end(c, BIP_CLOSED, 0, 0);
    }
    if (c->state == STATE_OPENING && !c->pending && c->ending) {
        gone(u, c);
    }
}

void bip_abort(struct uicc *u, unsigned channel)
{
    struct channel *c = channel_of(u, channel);
    if (c) {
        c->queue_at = c->queue_n;
        c->datagram_at = 0;
        bip_close(u, channel);
    }
}

/* --- answers -----------------------------------------------------------------------------------
 */

static bool id_taken(const struct uicc *u, const struct channel *self, uint8_t id)
{
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        const struct channel *c = &u->toolkit.bip->now[i];
        if (c != self && c->state != STATE_FREE && c->state != STATE_GONE && c->id == id) {
            return true;
        }
    }
    return false;
}

static void tell_opened(struct uicc *u, struct channel *c, cr_span tlvs)
{
    c->state = STATE_OPEN;
    c->active = true;
    if (c->callbacks.opened && !c->ending && !c->told) {
        c->heard = true;
        c->callbacks.opened(c->ctx, u, number_of(u, c),
                            &(struct bip_opened){.buffer_size = c->buffer, .tlvs = tlvs});
    }
}

/* Datagrams that were queued before the terminal gave a smaller buffer cannot go out whole. */
static bool datagrams_fit(struct uicc *u, const struct channel *c)
{
    const cr_buf *queue = &buffers_of(u, c)->queue;
    for (size_t at = c->queue_at; c->datagrams && at + 2 <= c->queue_n;) {
        size_t n = (size_t)queue->p[at] << 8 | queue->p[at + 1];
        if (n > c->buffer) {
            return false;
        }
        at += 2 + n;
    }
    return true;
}

static void open_answered(struct uicc *u, struct channel *c, const struct uicc_answer *a)
{
    struct cat_channel_status status;
    cr_span value;
    if (!cat_result_success(a->result)) {
        end(c, BIP_REFUSED, a->result, a->info);
        gone(u, c);
        return;
    }
    if (!cat_find(a->tlvs, CAT_TAG_CHANNEL_STATUS, &value) ||
        !cat_channel_status_read(value, &status) || status.channel == 0 ||
        id_taken(u, c, status.channel)) {
        /* Which channel is it? None that could be closed. */
        end(c, BIP_FAILED, a->result, a->info);
        gone(u, c);
        return;
    }
    c->id = status.channel;
    if (cat_find(a->tlvs, CAT_TAG_BUFFER_SIZE, &value) && value.n == 2 &&
        (value.p[0] << 8 | value.p[1]) > 0) {
        unsigned size = (unsigned)(value.p[0] << 8 | value.p[1]);
        c->buffer = (uint16_t)(size < BIP_MAX_BUFFER ? size : BIP_MAX_BUFFER);
    }
    if (!datagrams_fit(u, c)) {
        end(c, BIP_FAILED, CAT_RESULT_BIP, CAT_BIP_BUFFER_SIZE);
    }
    if ((c->qualifier & CAT_OPEN_BACKGROUND) && !status.up) {
        c->state = STATE_LINKING;
    } else {
        tell_opened(u, c, a->tlvs);
    }
}

/* The link is gone: what the terminal still has is read. */
static void dropped(struct channel *c)
{
    if (c->state == STATE_TAIL) {
        return; /* said twice */
    }
    if (c->state == STATE_OPEN && !c->closing) {
        c->state = STATE_TAIL;
        c->left = c->left ? c->left : 0xFF; /* ask once, told or not */
    } else {
        end(c, c->closing ? BIP_CLOSED : BIP_DROPPED, 0, 0);
    }
}

static bool link_is_gone(const struct uicc_answer *a)
{
    return a->result == CAT_RESULT_BIP &&
           (a->info == CAT_BIP_CHANNEL_CLOSED || a->info == CAT_BIP_WRONG_CHANNEL);
}

static void send_answered(struct uicc *u, struct channel *c, const struct uicc_answer *a)
{
    if (!cat_result_success(a->result)) {
        if (link_is_gone(a)) {
            dropped(c);
        } else {
            end(c, c->closing ? BIP_CLOSED : BIP_FAILED, a->result, a->info);
        }
        return;
    }
    c->active = true;
    c->space_told = cat_find_byte(a->tlvs, CAT_TAG_CHANNEL_DATA_LENGTH, &c->space);
    c->stored = c->chunk_stored ? (uint16_t)(c->stored + c->chunk) : 0;
    if (queued(c) == 0) {
        return; /* bip_abort() meanwhile */
    }
    if (c->datagrams) {
        const uint8_t *head = buffers_of(u, c)->queue.p + c->queue_at;
        size_t n = (size_t)head[0] << 8 | head[1];
        c->datagram_at = (uint16_t)(c->datagram_at + c->chunk);
        if (c->datagram_at >= n) {
            c->queue_at += (uint32_t)(2 + n);
            c->datagram_at = 0;
        }
    } else {
        c->queue_at += c->chunk;
    }
    if (c->closing && queued(c) == 0) {
        end(c, BIP_CLOSED, 0, 0);
    } else if (c->callbacks.writable && !c->closing && !c->ending && !c->told) {
        c->heard = true;
        c->callbacks.writable(c->ctx, u, number_of(u, c));
    }
}

/* Collects a datagram until the terminal has nothing left of it. */
static void datagram_received(struct uicc *u, struct channel *c, cr_span data)
{
    cr_buf *datagram = &buffers_of(u, c)->datagram;
    c->overflow = c->overflow || data.n > BIP_MAX_BUFFER - c->datagram_n;
    if (!c->overflow) {
        cr_buf_append_span(datagram, data);
        c->overflow = !cr_buf_ok(datagram);
        c->datagram_n = (uint32_t)datagram->n;
    }
    if (c->left == 0) {
        cr_span whole = cr_buf_span(datagram);
        bool complete = !c->overflow && whole.n > 0;
        c->datagram_n = 0; /* emptied by bip_settle() */
        c->overflow = false;
        if (complete) {
            tell_received(u, c, whole);
        }
    }
}

static void receive_answered(struct uicc *u, struct channel *c, const struct uicc_answer *a)
{
    cr_span data = {0};
    bool doubtful = c->doubtful, again = c->told_meanwhile;
    c->doubtful = c->told_meanwhile = false;
    if (!cat_result_success(a->result)) {
        c->left = 0;
        if (doubtful && !link_is_gone(a)) {
            return;
        }
        if (c->state == STATE_TAIL || link_is_gone(a)) {
            end(c, c->closing ? BIP_CLOSED : BIP_DROPPED, 0, 0);
        } else {
            end(c, c->closing ? BIP_CLOSED : BIP_FAILED, a->result, a->info);
        }
        return;
    }
    c->active = true;
    if (!cat_find(a->tlvs, CAT_TAG_CHANNEL_DATA, &data) ||
        !cat_find_byte(a->tlvs, CAT_TAG_CHANNEL_DATA_LENGTH, &c->left) || data.n == 0) {
        c->left = 0; /* more of nothing would never end */
    }
    if (c->datagrams) {
        datagram_received(u, c, data);
    } else if (data.n) {
        tell_received(u, c, data);
    }
    if (c->left == 0 && again) {
        /* Was it told before or after this answer was made? */
        c->left = 0xFF;
        c->doubtful = true;
    }
    if (c->state == STATE_TAIL && c->left == 0) {
        end(c, BIP_DROPPED, 0, 0);
    }
}

static void answered(void *ctx, struct uicc *u, const struct uicc_answer *a)
{
    struct channel *c = ctx;
    uint8_t type = c->pending;
    if (a->outcome == UICC_RESET) {
        return; /* bip_reset() tells */
    }
    c->pending = 0;
    if (a->outcome == UICC_NOT_OFFERED) {
        end(c, BIP_NOT_OFFERED, 0, 0);
        gone(u, c);
        return;
    }
    switch (type) {
    case CAT_OPEN_CHANNEL:
        open_answered(u, c, a);
        break;
    case CAT_SEND_DATA:
        send_answered(u, c, a);
        break;
    case CAT_RECEIVE_DATA:
        receive_answered(u, c, a);
        break;
    default: /* CLOSE CHANNEL: one that the terminal does not know is closed, too */
        gone(u, c);
        break;
    }
}

/* --- events ------------------------------------------------------------------------------------
 */

void bip_event(struct uicc *u, uint8_t event, const struct cat_envelope *envelope)
{
    struct cat_channel_status status;
    cr_span value;
    uint8_t length = 0;
    struct channel *c = NULL;
    if ((event != CAT_EVENT_DATA_AVAILABLE && event != CAT_EVENT_CHANNEL_STATUS) ||
        !u->toolkit.bip || !cat_find(envelope->tlvs, CAT_TAG_CHANNEL_STATUS, &value) ||
        !cat_channel_status_read(value, &status)) {
        return;
    }
    for (unsigned i = 1; i <= CAT_CHANNELS && !c; i++) {
        c = channel_of(u, i);
        c = c && c->id && c->id == status.channel ? c : NULL;
    }
    if (!c) {
        return;
    }
    if (event == CAT_EVENT_DATA_AVAILABLE) {
        if (cat_find_byte(envelope->tlvs, CAT_TAG_CHANNEL_DATA_LENGTH, &length) && length) {
            c->left = length;
            c->told_meanwhile = c->pending == CAT_RECEIVE_DATA;
        }
    } else if (status.info == CAT_LINK_DROPPED ||
               (c->state == STATE_OPEN && !status.up && !c->datagrams)) {
        dropped(c);
    } else if (c->state == STATE_LINKING && status.up) {
        tell_opened(u, c, envelope->tlvs);
    }
}

/* --- what is sent next -------------------------------------------------------------------------
 */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool push(struct uicc *u, struct channel *c, cr_buf *b, size_t mark, uint8_t type)
{
    cat_end(b, mark);
    if (proactive_push_built(u, b, UICC_RETRY_BUSY, answered, c, NULL) != CR_OK) {
        return false; /* the queue is full: next time */
    }
    c->pending = type;
    return true;
}

static size_t begin(cr_buf *b, const struct channel *c, uint8_t type, uint8_t qualifier)
{
    b->secret = true;
    return cat_command_begin(b, &(struct cat_command){.type = type,
                                                      .qualifier = qualifier,
                                                      .target = CAT_DEVICE_CHANNEL + c->id});
}

/* The next bytes of the stream or of the first datagram. Stored in the terminal while more follow
 * that fit its buffer, sent with the last of them. */
static void push_send(struct uicc *u, struct channel *c)
{
    const uint8_t *p = buffers_of(u, c)->queue.p + c->queue_at;
    size_t left = queued(c), chunk = 0;
    if (c->datagrams) {
        left = ((size_t)p[0] << 8 | p[1]) - c->datagram_at;
        p += 2 + c->datagram_at;
        chunk = least(left, CAT_MAX_SEND);
    } else {
        chunk = least(least(left, CAT_MAX_SEND), (size_t)c->buffer - c->stored);
        if (c->space_told && c->space > 0 && c->space < 0xFF) {
            chunk = least(chunk, c->space);
        }
    }
    bool full = c->space_told && c->space > 0 && c->space < 0xFF && chunk >= c->space;
    bool store = left > chunk && (c->datagrams || (!full && c->stored + chunk < c->buffer));
    cr_buf b = {0};
    size_t mark = begin(&b, c, CAT_SEND_DATA, store ? CAT_SEND_STORE : CAT_SEND_IMMEDIATELY);
    cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(p, chunk));
    if (push(u, c, &b, mark, CAT_SEND_DATA)) {
        c->chunk = (uint16_t)chunk;
        c->chunk_stored = store;
        c->received_last = false;
    }
}

static void push_receive(struct uicc *u, struct channel *c)
{
    cr_buf b = {0};
    size_t mark = begin(&b, c, CAT_RECEIVE_DATA, 0);
    cat_put_byte(&b, CAT_TAG_CHANNEL_DATA_LENGTH, (uint8_t)least(c->left, CAT_MAX_RECEIVE));
    if (push(u, c, &b, mark, CAT_RECEIVE_DATA)) {
        c->received_last = true;
    }
}

static void push_close(struct uicc *u, struct channel *c)
{
    cr_buf b = {0};
    size_t mark = begin(&b, c, CAT_CLOSE_CHANNEL, 0);
    (void)push(u, c, &b, mark, CAT_CLOSE_CHANNEL);
}

static void push_open(struct uicc *u, struct channel *c)
{
    /* The terminal offers it, so only a full queue can be in the way. */
    if (uicc_proactive_push(u, cr_buf_span(&buffers_of(u, c)->open), UICC_RETRY_BUSY, answered, c,
                            NULL) == CR_OK) {
        c->pending = CAT_OPEN_CHANNEL;
        cr_buf_free(&buffers_of(u, c)->open);
    }
}

static void settle(struct uicc *u, struct channel *c)
{
    bool receives = c->left && !c->paused && !c->closing;
    bool sends = c->state == STATE_OPEN && queued(c) > 0;
    if (c->pending) {
        return;
    }
    if (c->state == STATE_OPENING) {
        push_open(u, c);
    } else if (c->ending) {
        push_close(u, c);
    } else if (receives && c->state != STATE_LINKING && !(sends && c->received_last)) {
        push_receive(u, c);
    } else if (sends) {
        push_send(u, c);
    }
}

/* Bytes that were sent, a datagram that was handed over: only now is it certain. */
static void buffers_settle(struct channel *c, struct buffers *b)
{
    if (c->queue_at == c->queue_n) {
        cr_buf_reset(&b->queue);
        c->queue_at = c->queue_n = 0;
    } else if (c->queue_at >= BIP_SEND_QUEUE / 2) {
        memmove(b->queue.p, b->queue.p + c->queue_at, b->queue.n - c->queue_at);
        b->queue.n -= c->queue_at;
        c->queue_n -= c->queue_at;
        c->queue_at = 0;
    }
    if (c->datagram_n == 0) {
        cr_buf_reset(&b->datagram);
    }
}

static void buffers_free(struct buffers *b)
{
    cr_buf_free(&b->open);
    cr_buf_free(&b->queue);
    cr_buf_free(&b->datagram);
}

void bip_settle(struct uicc *u)
{
    struct bip *b = u->toolkit.bip;
    for (unsigned i = 0; b && i < CAT_CHANNELS; i++) {
        struct channel *c = &b->now[i];
        c->heard = false;
        if (c->state == STATE_GONE) {
            buffers_free(&b->buffers[i]);
            *c = (struct channel){.state = STATE_FREE};
        } else if (c->state != STATE_FREE) {
            buffers_settle(c, &b->buffers[i]);
            settle(u, c);
        }
    }
}

/* --- around a command --------------------------------------------------------------------------
 */

void bip_begin(struct uicc *u)
{
    struct bip *b = u->toolkit.bip;
    for (unsigned i = 0; b && i < CAT_CHANNELS; i++) {
        b->now[i].heard = false;
    }
    if (b) {
        memcpy(b->before, b->now, sizeof b->before);
    }
}

static void truncate_to(cr_buf *b, size_t n)
{
    b->n = least(b->n, n);
    b->failed = false;
}

/* Brings one channel back; true when its owner has to be told that it is given up. */
static bool undo(struct channel *c, const struct channel *before, struct buffers *buffers)
{
    bool heard = c->heard, told = c->told;
    *c = *before;
    if (c->state == STATE_FREE) {
        buffers_free(buffers);
        return false;
    }
    truncate_to(&buffers->queue, c->queue_n);
    truncate_to(&buffers->datagram, c->datagram_n);
    if (!heard || c->state == STATE_GONE) {
        return false;
    }
    end(c, BIP_ABORTED, 0, 0);
    if (c->state == STATE_OPENING && !c->pending) {
        c->state = STATE_GONE; /* the terminal never heard of it */
    }
    bool tell = !c->told && !told;
    c->told = true;
    return tell;
}

void bip_undo(struct uicc *u)
{
    struct bip *b = u->toolkit.bip;
    bool tell[CAT_CHANNELS] = {false};
    for (unsigned i = 0; b && i < CAT_CHANNELS; i++) {
        tell[i] = undo(&b->now[i], &b->before[i], &b->buffers[i]);
        if (b->now[i].told) {
            uicc_timer_stop(u, b->now[i].timer);
            b->now[i].timer = 0;
        }
    }
    for (unsigned i = 0; b && i < CAT_CHANNELS; i++) {
        const struct channel told = b->now[i]; /* the slot may change hands in closed() */
        if (tell[i] && told.callbacks.closed) {
            told.callbacks.closed(told.ctx, u, i + 1, &told.why);
        }
    }
}

void bip_reset(struct uicc *u)
{
    struct bip *b = u->toolkit.bip;
    u->toolkit.bip = NULL;
    for (unsigned i = 0; b && i < CAT_CHANNELS; i++) {
        const struct channel *c = &b->now[i];
        buffers_free(&b->buffers[i]);
        if (c->state != STATE_FREE && c->state != STATE_GONE && !c->told && c->callbacks.closed) {
            c->callbacks.closed(c->ctx, u, i + 1, &(struct bip_why){.end = BIP_RESET});
        }
    }
    free(b);
}

void bip_free(struct uicc *u)
{
    struct bip *b = u->toolkit.bip;
    for (unsigned i = 0; b && i < CAT_CHANNELS; i++) {
        buffers_free(&b->buffers[i]);
    }
    free(b);
    u->toolkit.bip = NULL;
}
