/*
 * CAT_TP: one link.
 */
#include "ota/cattp.h"

#include <stdlib.h>

#define CLAUSE "TS 102 127 6"

#define MAX_PDU       1400
#define MAX_SDU       8192
#define WINDOW        8
#define RTO_MS        2000
#define RTO_MAX_MS    60000
#define SYN_TRIES     5
#define RETRIES       10
#define IDLE_MS       120000
#define CLOSE_WAIT_MS 2000
#define QUEUE_MAX     65536

/* An SDU that is not wholly in PDUs yet. */
struct waiting {
    struct waiting *next;
    cr_buf bytes;
    size_t at;
};

/* A PDU that used up a sequence number and was not acknowledged. */
struct outgoing {
    uint8_t flags;
    bool received; /* an EAK named it */
    cr_buf data;
};

struct incoming {
    bool used;
    uint8_t flags;
    cr_buf data;
};

struct cattp_link {
    struct cattp_options o;
    uint8_t identification[CATTP_ID_MAX];
    enum cattp_state state;
    bool told; /* closed() was called */
    int64_t now;

    uint16_t peer;             /* its port */
    uint16_t snd_nxt, snd_una; /* snd_una: the oldest without an acknowledgement, or snd_nxt */
    uint16_t peer_pdu, peer_sdu, peer_window;
    uint8_t peer_id[CATTP_ID_MAX];
    size_t peer_id_n;
    uint16_t rcv_cur, rcv_irs;

    struct outgoing out[CATTP_WINDOW_MAX]; /* of sequence number n: out[n % CATTP_WINDOW_MAX] */
    struct waiting *first, *last;
    size_t queued; /* bytes of SDUs, until they are acknowledged */
    struct incoming in[CATTP_WINDOW_MAX];
    cr_buf sdu; /* grows */

    int64_t retry_at; /* INT64_MAX = nothing is out */
    uint32_t rto_ms;
    unsigned tries;
    bool hurried; /* the gap an EAK showed was filled already in this round */
    int64_t idle_at, close_at;
    bool ack_due;
    uint8_t last_reason;
    cr_buf pdu; /* being sent */
};

const char *cattp_state_name(enum cattp_state state)
{
    static const char *const names[] = {
        [CATTP_CLOSED] = "CLOSED",     [CATTP_LISTEN] = "LISTEN", [CATTP_SYN_SENT] = "SYN-SENT",
        [CATTP_SYN_RCVD] = "SYN-RCVD", [CATTP_OPEN] = "OPEN",     [CATTP_CLOSE_WAIT] = "CLOSE-WAIT",
    };
    return (unsigned)state < CR_COUNT(names) ? names[state] : "?";
}

/* ---- numbers modulo 65536 ---- */

/* How far a lies behind b. */
static uint16_t distance(uint16_t a, uint16_t b)
{
    return (uint16_t)(a - b);
}

static uint16_t in_flight(const struct cattp_link *link)
{
    return distance(link->snd_nxt, link->snd_una);
}

static struct outgoing *out_at(struct cattp_link *link, uint16_t sequence)
{
    return &link->out[sequence % CATTP_WINDOW_MAX];
}

static struct incoming *in_at(struct cattp_link *link, uint16_t sequence)
{
    return &link->in[sequence % CATTP_WINDOW_MAX];
}

/* ---- life ---- */

static uint16_t or_else16(uint16_t value, uint16_t other)
{
    return value ? value : other;
}

static uint32_t or_else(uint32_t value, uint32_t other)
{
    return value ? value : other;
}

cr_status cattp_new(const struct cattp_options *options, struct cattp_link **out,
                    struct cr_err *err)
{
    struct cattp_options o = *options;
    o.max_pdu = or_else16(o.max_pdu, MAX_PDU);
    o.max_send = or_else16(o.max_send, CATTP_PDU_MAX);
    o.max_sdu = or_else16(o.max_sdu, MAX_SDU);
    o.window = or_else16(o.window, WINDOW);
    o.rto_ms = or_else(o.rto_ms, RTO_MS);
    o.rto_max_ms = or_else(o.rto_max_ms, RTO_MAX_MS);
    o.syn_tries = or_else(o.syn_tries, SYN_TRIES);
    o.retries = or_else(o.retries, RETRIES);
    o.idle_ms = or_else(o.idle_ms, IDLE_MS);
    o.close_wait_ms = or_else(o.close_wait_ms, CLOSE_WAIT_MS);
    o.queue_max = o.queue_max ? o.queue_max : QUEUE_MAX;
    if (o.max_pdu < CATTP_PDU_MIN || o.max_pdu > CATTP_PDU_MAX || o.max_sdu > CATTP_SDU_MAX ||
        o.max_send > CATTP_PDU_MAX || o.max_send < CATTP_PDU_MIN + o.identification.n ||
        o.window > CATTP_WINDOW_MAX || o.identification.n > CATTP_ID_MAX ||
        CATTP_PDU_MIN + o.identification.n > o.max_pdu || o.rto_ms > o.rto_max_ms) {
        return cr_fail(err, CR_REFUSED, CLAUSE,
                       "a CAT_TP link has PDUs of %d to %d bytes, SDUs of at most %d, a window of "
                       "at most %d PDUs, an identification of at most %d bytes",
                       CATTP_PDU_MIN, CATTP_PDU_MAX, CATTP_SDU_MAX, CATTP_WINDOW_MAX, CATTP_ID_MAX);
    }
    struct cattp_link *link = calloc(1, sizeof(*link));
    if (!link) {
        return cr_fail_memory(err);
    }
    link->o = o;
    if (o.identification.n > 0) {
        memcpy(link->identification, o.identification.p, o.identification.n);
    }
    link->o.identification = cr_span_of(link->identification, o.identification.n);
    link->peer = o.destination;
    link->snd_nxt = link->snd_una = o.initial;
    link->peer_pdu = CATTP_PDU_MIN;
    link->retry_at = link->idle_at = link->close_at = INT64_MAX;
    *out = link;
    return CR_OK;
}

static void drop_all(struct cattp_link *link)
{
    while (link->first) {
        struct waiting *next = link->first->next;
        cr_buf_free(&link->first->bytes);
        free(link->first);
        link->first = next;
    }
    link->last = NULL;
    link->queued = 0;
    for (size_t i = 0; i < CATTP_WINDOW_MAX; i++) {
        cr_buf_free(&link->out[i].data);
        cr_buf_free(&link->in[i].data);
        link->in[i].used = false;
    }
    cr_buf_free(&link->sdu);
    link->snd_una = link->snd_nxt;
}

void cattp_free(struct cattp_link *link)
{
    if (link) {
        drop_all(link);
        cr_buf_free(&link->pdu);
        free(link);
    }
}

enum cattp_state cattp_link_state(const struct cattp_link *link)
{
    return link->state;
}

cr_span cattp_peer_identification(const struct cattp_link *link)
{
    return cr_span_of(link->peer_id, link->peer_id_n);
}

uint16_t cattp_peer_sdu(const struct cattp_link *link)
{
    return link->peer_sdu;
}

size_t cattp_queued(const struct cattp_link *link)
{
    return link->queued;
}

/* ---- sending ---- */

static void transmit(struct cattp_link *link, struct cattp_pdu *pdu)
{
    pdu->source = link->o.source;
    pdu->destination = link->peer;
    pdu->window = pdu->flags & CATTP_RST ? 0 : link->o.window;
    if (pdu->flags & CATTP_ACK) {
        pdu->acknowledgement = link->rcv_cur;
    }
    cr_buf_reset(&link->pdu);
    /* What cannot be made for want of memory counts as lost on the way. */
    if (cattp_pdu_write(&link->pdu, pdu, NULL) == CR_OK) {
        link->o.callbacks.transmit(link->o.ctx, cr_buf_span(&link->pdu));
    }
}

static void send_syn(struct cattp_link *link)
{
    struct cattp_pdu pdu = {
        .flags = link->state == CATTP_SYN_RCVD ? CATTP_SYN | CATTP_ACK : CATTP_SYN,
        .sequence = link->o.initial,
        .max_pdu = link->o.max_pdu,
        .max_sdu = link->o.max_sdu,
        .identification = link->o.identification,
    };
    transmit(link, &pdu);
}

/* An ACK; an EAK when something waits behind a gap. */
static void send_ack(struct cattp_link *link)
{
    struct cattp_pdu pdu = {.flags = CATTP_ACK, .sequence = link->snd_nxt};
    for (uint16_t i = 2; i <= link->o.window && pdu.out_count < CATTP_EAK_MAX; i++) {
        uint16_t sequence = (uint16_t)(link->rcv_cur + i);
        if (in_at(link, sequence)->used) {
            pdu.out_of_sequence[pdu.out_count++] = sequence;
            pdu.flags = CATTP_ACK | CATTP_EAK;
        }
    }
    link->ack_due = false;
    transmit(link, &pdu);
}

static void send_rst(struct cattp_link *link, enum cattp_reason reason)
{
    struct cattp_pdu pdu = {
        .flags = CATTP_RST, .sequence = link->snd_nxt, .reason = (uint8_t)reason};
    link->last_reason = (uint8_t)reason;
    transmit(link, &pdu);
}

static void send_outgoing(struct cattp_link *link, uint16_t sequence)
{
    struct outgoing *out = out_at(link, sequence);
    struct cattp_pdu pdu = {
        .flags = out->flags, .sequence = sequence, .data = cr_buf_span(&out->data)};
    transmit(link, &pdu);
}

static void start_timer(struct cattp_link *link)
{
    link->tries = 0;
    link->hurried = false;
    link->rto_ms = link->o.rto_ms;
    link->retry_at = link->now + link->rto_ms;
}

/* The end: closed() once. */
static void finish(struct cattp_link *link, enum cattp_state state, enum cattp_end end,
                   uint8_t reason)
{
    link->state = state;
    link->retry_at = link->idle_at = INT64_MAX;
    link->close_at = state == CATTP_CLOSE_WAIT ? link->now + link->o.close_wait_ms : INT64_MAX;
    drop_all(link);
    if (!link->told) {
        link->told = true;
        link->o.callbacks.closed(link->o.ctx, end, reason);
    }
}

/* Puts the next PDU behind those that are out. False: no memory, try later. */
static bool put_outgoing(struct cattp_link *link, uint8_t flags, cr_span data)
{
    struct outgoing *out = out_at(link, link->snd_nxt);
    cr_buf_reset(&out->data);
    out->data.secret = true;
    cr_buf_append_span(&out->data, data);
    if (!cr_buf_ok(&out->data)) {
        return false;
    }
    out->flags = flags;
    out->received = false;
    if (in_flight(link) == 0) {
        start_timer(link);
    }
    uint16_t sequence = link->snd_nxt++;
    send_outgoing(link, sequence);
    return true;
}

static void forget_first(struct cattp_link *link)
{
    struct waiting *gone = link->first;
    link->first = gone->next;
    link->last = link->first ? link->last : NULL;
    cr_buf_free(&gone->bytes);
    free(gone);
}

/* Cuts SDUs into PDUs as far as the peer's window goes. A closed window still takes one PDU, which
 * finds out when it opens. */
static void pump(struct cattp_link *link)
{
    uint16_t window = link->peer_window < 1 ? 1 : link->peer_window;
    window = window < CATTP_WINDOW_MAX ? window : CATTP_WINDOW_MAX;
    uint16_t pdu = link->peer_pdu < link->o.max_send ? link->peer_pdu : link->o.max_send;
    size_t most = (size_t)pdu - CATTP_HEADER;
    while (link->state == CATTP_OPEN && link->first && in_flight(link) < window) {
        struct waiting *sdu = link->first;
        cr_span part = cr_span_sub(cr_buf_span(&sdu->bytes), sdu->at, most);
        bool last = sdu->at + part.n == sdu->bytes.n;
        if (!put_outgoing(link, last ? CATTP_ACK : CATTP_ACK | CATTP_SEG, part)) {
            return;
        }
        link->ack_due = false;
        sdu->at += part.n;
        if (last) {
            forget_first(link);
        }
    }
}

cr_status cattp_send(struct cattp_link *link, cr_span sdu, int64_t now_ms, struct cr_err *err)
{
    if (link->state != CATTP_OPEN) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the CAT_TP link is not open");
    }
    if (sdu.n == 0 || sdu.n > link->peer_sdu) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the peer takes SDUs of 1 to %u bytes, not %zu",
                       link->peer_sdu, sdu.n);
    }
    if (sdu.n > link->o.queue_max || link->queued > link->o.queue_max - sdu.n) {
        return cr_fail(err, CR_RESOURCE, NULL, "more than %zu bytes wait to be sent",
                       link->o.queue_max);
    }
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (waiting) {
        waiting->bytes.secret = true;
        cr_buf_append_span(&waiting->bytes, sdu);
    }
    if (!waiting || !cr_buf_ok(&waiting->bytes)) {
        free(waiting);
        return cr_fail_memory(err);
    }
    if (link->last) {
        link->last->next = waiting;
    } else {
        link->first = waiting;
    }
    link->last = waiting;
    link->queued += sdu.n;
    link->now = now_ms;
    pump(link);
    return CR_OK;
}

void cattp_probe(struct cattp_link *link, int64_t now_ms)
{
    if (link->state == CATTP_OPEN && in_flight(link) == 0) {
        link->now = now_ms;
        (void)put_outgoing(link, CATTP_ACK | CATTP_NUL, (cr_span){0});
    }
}

/* ---- opening and closing ---- */

cr_status cattp_connect(struct cattp_link *link, int64_t now_ms, struct cr_err *err)
{
    if (link->state != CATTP_CLOSED || link->told) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the CAT_TP link has been opened before");
    }
    link->now = now_ms;
    link->state = CATTP_SYN_SENT;
    link->snd_una = link->o.initial;
    link->snd_nxt = (uint16_t)(link->o.initial + 1);
    start_timer(link);
    send_syn(link);
    return CR_OK;
}

cr_status cattp_listen(struct cattp_link *link, struct cr_err *err)
{
    if (link->state != CATTP_CLOSED || link->told) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the CAT_TP link has been opened before");
    }
    link->state = CATTP_LISTEN;
    return CR_OK;
}

void cattp_close(struct cattp_link *link, int64_t now_ms)
{
    link->now = now_ms;
    switch (link->state) {
    case CATTP_CLOSED:
    case CATTP_CLOSE_WAIT:
        return;
    case CATTP_LISTEN:
        finish(link, CATTP_CLOSED, CATTP_END_LOCAL, CATTP_NORMAL);
        return;
    case CATTP_SYN_SENT:
    case CATTP_SYN_RCVD:
    case CATTP_OPEN:
        send_rst(link, CATTP_NORMAL);
        finish(link, CATTP_CLOSE_WAIT, CATTP_END_LOCAL, CATTP_NORMAL);
    }
}

static void enter_open(struct cattp_link *link)
{
    link->state = CATTP_OPEN;
    link->snd_una = link->snd_nxt;
    link->retry_at = INT64_MAX;
    if (link->o.callbacks.opened) {
        link->o.callbacks.opened(link->o.ctx);
    }
}

/* ---- input ---- */

static void take_peer(struct cattp_link *link, const struct cattp_pdu *syn)
{
    link->peer = syn->source;
    link->peer_pdu = syn->max_pdu;
    link->peer_sdu = syn->max_sdu;
    link->peer_window = syn->window;
    link->rcv_cur = link->rcv_irs = syn->sequence;
    link->peer_id_n = syn->identification.n;
    if (link->peer_id_n > 0) {
        memcpy(link->peer_id, syn->identification.p, link->peer_id_n);
    }
}

static void answer_syn(struct cattp_link *link, const struct cattp_pdu *syn)
{
    take_peer(link, syn);
    link->state = CATTP_SYN_RCVD;
    link->snd_una = link->o.initial;
    link->snd_nxt = (uint16_t)(link->o.initial + 1);
    start_timer(link);
    send_syn(link);
}

/* For a link that this PDU does not belong to. */
static void refuse(struct cattp_link *link, const struct cattp_pdu *pdu, enum cattp_reason reason)
{
    cr_buf_reset(&link->pdu);
    if (cattp_refuse(&link->pdu, pdu, reason, NULL) == CR_OK && link->pdu.n > 0) {
        link->o.callbacks.transmit(link->o.ctx, cr_buf_span(&link->pdu));
    }
}

static void in_listen(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    if (pdu->flags != CATTP_SYN) {
        refuse(link, pdu, CATTP_UNEXPECTED_PDU);
        return;
    }
    enum cattp_reason verdict = link->o.callbacks.admit
                                    ? link->o.callbacks.admit(link->o.ctx, pdu->identification)
                                    : CATTP_NORMAL;
    if (verdict != CATTP_NORMAL) {
        refuse(link, pdu, verdict);
    } else if (link->state == CATTP_LISTEN) {
        answer_syn(link, pdu);
    }
}

static void in_syn_sent(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    bool ours = pdu->acknowledgement == link->o.initial;
    if (pdu->flags & CATTP_RST) {
        if (!(pdu->flags & CATTP_ACK) || ours) {
            finish(link, CATTP_CLOSED, CATTP_END_PEER, pdu->reason);
        }
    } else if (pdu->flags == (CATTP_SYN | CATTP_ACK) && ours) {
        take_peer(link, pdu);
        send_ack(link);
        enter_open(link);
    } else if (pdu->flags == CATTP_SYN) { /* both have begun */
        answer_syn(link, pdu);
    } else {
        refuse(link, pdu, CATTP_UNEXPECTED_PDU);
    }
}

/* Frees what the peer has in sequence. */
static void take_ack(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    uint16_t una = (uint16_t)(pdu->acknowledgement + 1);
    link->peer_window = pdu->window;
    uint16_t count = distance(una, link->snd_una);
    if (count == 0 || count > in_flight(link)) {
        return; /* nothing new, or never sent */
    }
    for (; link->snd_una != una; link->snd_una++) {
        struct outgoing *out = out_at(link, link->snd_una);
        link->queued -= out->data.n < link->queued ? out->data.n : link->queued;
        cr_buf_free(&out->data);
    }
    if (in_flight(link) > 0) {
        start_timer(link);
    } else {
        link->retry_at = INT64_MAX;
    }
}

/* Marks what the peer has behind a gap, and fills the gap at once, once a round. */
static void take_eak(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    uint16_t highest = 0;
    for (size_t i = 0; i < pdu->out_count; i++) {
        uint16_t offset = distance(pdu->out_of_sequence[i], link->snd_una);
        if (offset < in_flight(link)) {
            out_at(link, pdu->out_of_sequence[i])->received = true;
            highest = offset > highest ? offset : highest;
        }
    }
    if (link->hurried || highest == 0) {
        return;
    }
    link->hurried = true;
    for (uint16_t i = 0; i < highest; i++) {
        uint16_t sequence = (uint16_t)(link->snd_una + i);
        if (!out_at(link, sequence)->received) {
            send_outgoing(link, sequence);
        }
    }
}

/* One PDU in sequence. False: the link is over. */
static bool deliver(struct cattp_link *link, uint8_t flags, cr_span data)
{
    if (data.n == 0) {
        return true; /* NUL */
    }
    if (link->sdu.n + data.n > link->o.max_sdu) {
        send_rst(link, CATTP_ILLEGAL_PARAMETER);
        finish(link, CATTP_CLOSE_WAIT, CATTP_END_ILLEGAL, CATTP_ILLEGAL_PARAMETER);
        return false;
    }
    link->sdu.secret = true;
    cr_buf_append_span(&link->sdu, data);
    if (!cr_buf_ok(&link->sdu)) {
        send_rst(link, CATTP_TEMPORARILY_UNABLE);
        finish(link, CATTP_CLOSE_WAIT, CATTP_END_LOCAL, CATTP_TEMPORARILY_UNABLE);
        return false;
    }
    if (flags & CATTP_SEG) {
        return true;
    }
    cr_buf sdu = link->sdu; /* the callback may close the link */
    link->sdu = (cr_buf){0};
    link->o.callbacks.received(link->o.ctx, cr_buf_span(&sdu));
    cr_buf_free(&sdu);
    return link->state == CATTP_OPEN;
}

/* A PDU that used up a sequence number. */
static void take_sequenced(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    uint16_t offset = distance(pdu->sequence, link->rcv_cur);
    link->ack_due = true;
    if (offset == 0 || offset > link->o.window) {
        return; /* had it, or outside: the ACK says where we are */
    }
    struct incoming *slot = in_at(link, pdu->sequence);
    if (!slot->used) {
        cr_buf_reset(&slot->data);
        slot->data.secret = true;
        cr_buf_append_span(&slot->data, pdu->data);
        slot->used = cr_buf_ok(&slot->data);
        slot->flags = pdu->flags;
    }
    for (;;) {
        slot = in_at(link, (uint16_t)(link->rcv_cur + 1));
        if (!slot->used) {
            return;
        }
        cr_buf data = slot->data;
        slot->data = (cr_buf){0};
        slot->used = false;
        link->rcv_cur++;
        link->ack_due = true; /* what the callback sends may carry it */
        bool on = deliver(link, slot->flags, cr_buf_span(&data));
        cr_buf_free(&data);
        if (!on) {
            return;
        }
    }
}

static void in_open(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    size_t before = link->queued;
    take_ack(link, pdu);
    if (pdu->flags & CATTP_EAK) {
        take_eak(link, pdu);
    }
    if (pdu->data.n > 0 || (pdu->flags & CATTP_NUL)) {
        take_sequenced(link, pdu);
    }
    if (link->state != CATTP_OPEN) {
        return;
    }
    pump(link);
    if (link->ack_due) {
        send_ack(link);
    }
    if (before > 0 && link->queued == 0 && link->o.callbacks.drained) {
        link->o.callbacks.drained(link->o.ctx);
    }
}

/* SYN on a link that has one already: sent again because our answer was lost, or somebody else's.
 */
static void second_syn(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    if (pdu->sequence == link->rcv_irs) {
        if (link->state == CATTP_SYN_RCVD && !(pdu->flags & CATTP_ACK)) {
            send_syn(link);
            return;
        }
        if (link->state == CATTP_OPEN) {
            send_ack(link);
            return;
        }
    }
    if (link->state == CATTP_OPEN) {
        send_rst(link, CATTP_ILLEGAL_PARAMETER);
        finish(link, CATTP_CLOSED, CATTP_END_ILLEGAL, CATTP_ILLEGAL_PARAMETER);
    }
}

static void in_link(struct cattp_link *link, const struct cattp_pdu *pdu)
{
    bool opening = link->state == CATTP_SYN_RCVD;
    if (pdu->flags & CATTP_RST) {
        /* It carries the number that the peer would use next; others are forged or long gone. */
        if (distance(pdu->sequence, link->rcv_cur) <= link->o.window + 1U) {
            finish(link, opening ? CATTP_CLOSED : CATTP_CLOSE_WAIT, CATTP_END_PEER, pdu->reason);
        }
        return;
    }
    if (pdu->flags & CATTP_SYN && !(opening && pdu->flags & CATTP_ACK)) {
        second_syn(link, pdu);
        return;
    }
    if (opening) {
        if (!(pdu->flags & CATTP_ACK) || pdu->acknowledgement != link->o.initial) {
            return;
        }
        enter_open(link);
        if (link->state != CATTP_OPEN || pdu->flags & CATTP_SYN) {
            return;
        }
    }
    in_open(link, pdu);
}

void cattp_input(struct cattp_link *link, cr_span datagram, int64_t now_ms)
{
    struct cattp_pdu pdu;
    link->now = now_ms;
    if (datagram.n > link->o.max_pdu || cattp_pdu_read(datagram, &pdu, NULL) != CR_OK ||
        pdu.destination != link->o.source || (link->peer != 0 && pdu.source != link->peer)) {
        return;
    }
    switch (link->state) {
    case CATTP_CLOSED:
        refuse(link, &pdu, CATTP_UNEXPECTED_PDU);
        return;
    case CATTP_CLOSE_WAIT: /* our RST was lost */
        if (!(pdu.flags & CATTP_RST)) {
            send_rst(link, (enum cattp_reason)link->last_reason);
        }
        return;
    case CATTP_LISTEN:
        in_listen(link, &pdu);
        break;
    case CATTP_SYN_SENT:
        in_syn_sent(link, &pdu);
        break;
    case CATTP_SYN_RCVD:
    case CATTP_OPEN:
        in_link(link, &pdu);
        break;
    }
    if (link->state == CATTP_OPEN) {
        link->idle_at = link->now + link->o.idle_ms;
    }
}

/* ---- time ---- */

int64_t cattp_deadline(const struct cattp_link *link)
{
    int64_t at = link->retry_at < link->idle_at ? link->retry_at : link->idle_at;
    return at < link->close_at ? at : link->close_at;
}

/* Nothing was acknowledged in time. */
static void retry(struct cattp_link *link)
{
    bool open = link->state == CATTP_OPEN;
    if (++link->tries >= (open ? link->o.retries + 1 : link->o.syn_tries)) {
        bool probe = open && out_at(link, link->snd_una)->flags & CATTP_NUL;
        send_rst(link, CATTP_MAX_RETRIES);
        finish(link, CATTP_CLOSED, probe ? CATTP_END_IDLE : CATTP_END_RETRIES, CATTP_MAX_RETRIES);
        return;
    }
    link->hurried = false;
    link->rto_ms = link->rto_ms < link->o.rto_max_ms / 2 ? link->rto_ms * 2 : link->o.rto_max_ms;
    link->retry_at = link->now + link->rto_ms;
    if (!open) {
        send_syn(link);
        return;
    }
    for (uint16_t i = 0; i < in_flight(link); i++) {
        uint16_t sequence = (uint16_t)(link->snd_una + i);
        if (!out_at(link, sequence)->received) {
            send_outgoing(link, sequence);
        }
    }
}

void cattp_tick(struct cattp_link *link, int64_t now_ms)
{
    link->now = now_ms;
    if (now_ms >= link->close_at) {
        link->close_at = INT64_MAX;
        link->state = CATTP_CLOSED;
        return;
    }
    if (now_ms >= link->retry_at) {
        retry(link);
    }
    if (now_ms >= link->idle_at && link->state == CATTP_OPEN) {
        link->idle_at = now_ms + link->o.idle_ms;
        if (in_flight(link) == 0) {
            (void)put_outgoing(link, CATTP_ACK | CATTP_NUL, (cr_span){0});
        }
    }
}
