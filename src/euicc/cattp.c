/*
 * CAT_TP on the chip: the link is a state machine (ota/cattp.h), its datagrams go through a BIP
 * channel, an SDU is a secured packet whose answer goes back as one.
 *
 * All of it is RAM. Each datagram is taken inside the transaction of the command that brings it, so
 * a packet and its counter are committed together; a link whose bytes could not be committed, and
 * one that a reset ends, is over: the server pushes anew.
 */
#include "euicc/cattp.h"

#include "ota/cattp.h"
#include "ota/push.h"
#include "uicc/bip.h"

#include <stdlib.h>

#define MAX_CONNECTION 255     /* bytes of TLVs for OPEN CHANNEL */
#define MAX_PDU        1400    /* where the terminal's buffer has room for more */
#define MAX_SDU        8192    /* unless the request asks for less */
#define WINDOW         4       /* datagrams that a terminal keeps */
#define QUIET_MS       10000   /* then a link gives way to the next one */
#define IDLE_MS        1200000 /* without a packet for so long the chip ends a link itself */
#define ANSWER_MS      60000   /* at most so long a switch waits for its answer to arrive */
#define LEAVE_MS       5000    /* and when it has arrived for the server to end the link */
#define FIRST_PORT     0xC000
#define NEVER          INT64_MAX
#define MS_OF_A_SECOND 1000
#define ALARM_SLACK_MS MS_OF_A_SECOND

/* What a push SMS asks for. */
struct wish {
    bool there;
    int64_t at_ms;     /* not before, while there is another link */
    cr_buf connection; /* TLVs for OPEN CHANNEL */
    uint16_t port, max_sdu;
    uint8_t identification[CATTP_ID_MAX];
    size_t identification_n;
};

struct m2m_cattp {
    struct euicc_m2m *m;
    cr_buf request; /* TLVs of the last 80EC0101 */
    struct wish wish;

    /* The session. */
    bool open;
    unsigned channel;
    struct cattp_link *link; /* from when the channel is open */
    uint16_t port, max_sdu;
    uint8_t identification[CATTP_ID_MAX];
    size_t identification_n;
    bool ended;     /* the link is over */
    bool closing;   /* and the channel is told so */
    bool executing; /* a packet */
    int64_t heard_ms, leave_ms;

    /* Time: a card has timers only, so what they count is what has passed. */
    int64_t clock_ms, ahead_ms;
    struct m2m_alarm alarm;
    int64_t alarm_ms;
};

/* ---- time --------------------------------------------------------------------------------------
 */

static int64_t now_ms(struct m2m_cattp *h)
{
    int64_t now = cr_now_ms(h->m->e->env) + h->ahead_ms;
    if (now < h->clock_ms) { /* set back */
        h->ahead_ms += h->clock_ms - now;
        now = h->clock_ms;
    }
    h->clock_ms = now;
    return now;
}

static void passed(struct m2m_cattp *h, int64_t until_ms)
{
    int64_t now = now_ms(h);
    if (now < until_ms) {
        h->ahead_ms += until_ms - now;
        h->clock_ms = until_ms;
    }
}

/* An alarm that comes too early does no harm: it is set again. So it is moved only when it would
 * come too late. */
static void set_alarm(struct m2m_cattp *h)
{
    int64_t at = h->link ? cattp_deadline(h->link) : NEVER;
    int64_t now = now_ms(h);
    at = at < h->leave_ms ? at : h->leave_ms;
    at = h->wish.there && h->wish.at_ms < at ? h->wish.at_ms : at;
    if (at == NEVER || ((h->alarm.timer || h->alarm.polls) && h->alarm_ms <= at + ALARM_SLACK_MS)) {
        return;
    }
    int64_t seconds = at <= now ? 1 : (at - now + MS_OF_A_SECOND - 1) / MS_OF_A_SECOND;
    seconds = seconds < CAT_MAX_TIMER ? seconds : CAT_MAX_TIMER;
    h->alarm_ms = now + seconds * MS_OF_A_SECOND;
    euicc_m2m_alarm_start(h->m, &h->alarm, (uint32_t)seconds);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static void drop(struct m2m_cattp *h)
{
    euicc_m2m_alarm_stop(h->m, &h->alarm);
    if (h->channel) {
        unsigned channel = h->channel;
        h->channel = 0;
        bip_abort(h->m->e->uicc, channel);
    }
    cattp_free(h->link);
    h->link = NULL;
    h->open = h->ended = h->closing = false;
}

static void forget_wish(struct m2m_cattp *h)
{
    h->wish.there = false;
    cr_buf_free(&h->wish.connection);
}

static uicc_sw begin(struct m2m_cattp *h);

/* Nothing more is to be said: a switch that waited for it begins, or the next link. */
static void over(struct m2m_cattp *h)
{
    drop(h);
    if (h->m->switching) {
        forget_wish(h);
    } else if (h->wish.there) {
        (void)begin(h); /* whoever asked for it has his answer */
    }
    euicc_m2m_switch_go(h->m);
}

/* Without a transaction: RAM only. */
static void lose(struct m2m_cattp *h)
{
    h->channel = 0; /* it is gone with the session of the toolkit */
    drop(h);
    forget_wish(h);
}

void euicc_m2m_cattp_drop(struct euicc_m2m *m)
{
    lose(m->cattp);
    cr_buf_free(&m->cattp->request);
}

/* After each call of the link: what became of it. */
static void settle(struct m2m_cattp *h)
{
    if (!h->ended) {
        set_alarm(h);
    } else if (!h->closing) {
        h->closing = true;
        euicc_m2m_alarm_stop(h->m, &h->alarm);
        bip_close(h->m->e->uicc, h->channel); /* behind the last datagram */
    }
}

/* ---- the link ----------------------------------------------------------------------------------
 */

static void on_transmit(void *ctx, cr_span datagram)
{
    struct m2m_cattp *h = ctx;
    /* One that finds no room is lost on the way, and sent again. */
    cr_status status = bip_send(h->m->e->uicc, h->channel, datagram, NULL);
    (void)status;
}

static void on_sdu(void *ctx, cr_span sdu)
{
    struct m2m_cattp *h = ctx;
    cr_buf response = {.secret = true};
    h->executing = true;
    enum ota_result result = gp_card_packet(h->m->e->gp, sdu, cattp_peer_sdu(h->link), &response);
    h->executing = false;
    (void)result; /* whoever sent it hears of it, or of nothing, by the response */
    if (response.n) {
        /* An answer that cannot be queued is one that the server does not get. */
        cr_status status = cattp_send(h->link, cr_buf_span(&response), now_ms(h), NULL);
        (void)status;
    }
    h->leave_ms = now_ms(h) + (!h->m->switching ? IDLE_MS : response.n ? ANSWER_MS : LEAVE_MS);
    cr_buf_free(&response);
}

static void on_drained(void *ctx)
{
    struct m2m_cattp *h = ctx;
    if (h->m->switching) {
        h->leave_ms = now_ms(h) + LEAVE_MS;
    }
}

static void on_end(void *ctx, enum cattp_end end, uint8_t reason)
{
    struct m2m_cattp *h = ctx;
    (void)end;
    (void)reason;
    h->ended = true;
}

static bool start_link(struct m2m_cattp *h, uint16_t buffer)
{
    uint8_t random[4];
    if (cr_random(h->m->e->env, random, sizeof random, NULL) != CR_OK) {
        return false;
    }
    const struct cattp_options options = {
        .source = (uint16_t)(FIRST_PORT | random[0] << 8 | random[1]),
        .destination = h->port,
        .max_pdu = buffer < MAX_PDU ? buffer : MAX_PDU,
        .max_send = buffer,
        .max_sdu = h->max_sdu,
        .window = WINDOW,
        .initial = (uint16_t)(random[2] << 8 | random[3]),
        .identification = cr_span_of(h->identification, h->identification_n),
        .callbacks = {.transmit = on_transmit,
                      .received = on_sdu,
                      .drained = on_drained,
                      .closed = on_end},
        .ctx = h};
    return cattp_new(&options, &h->link, NULL) == CR_OK &&
           cattp_connect(h->link, now_ms(h), NULL) == CR_OK;
}

static void rings(void *ctx)
{
    struct m2m_cattp *h = ctx;
    if (!h->open || h->ended) {
        return;
    }
    passed(h, h->alarm_ms);
    int64_t now = now_ms(h);
    if (h->wish.there && now >= h->wish.at_ms && !h->m->switching) {
        (void)begin(h);
        return;
    }
    if (!h->link) { /* the terminal has not opened the channel yet */
        set_alarm(h);
        return;
    }
    if (now >= h->leave_ms) {
        cattp_close(h->link, now);
    } else if (now >= cattp_deadline(h->link)) {
        cattp_tick(h->link, now);
    }
    settle(h);
}

/* ---- the channel -------------------------------------------------------------------------------
 */

static void on_opened(void *ctx, struct uicc *uicc, unsigned channel,
                      const struct bip_opened *opened)
{
    struct m2m_cattp *h = ((struct euicc_m2m *)ctx)->cattp;
    (void)uicc;
    if (!h->open || h->channel != channel) {
        return;
    }
    h->ended = !start_link(h, opened->buffer_size);
    h->heard_ms = now_ms(h);
    h->leave_ms = h->heard_ms + IDLE_MS;
    settle(h);
}

static void on_received(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    struct m2m_cattp *h = ((struct euicc_m2m *)ctx)->cattp;
    (void)uicc;
    if (!h->open || h->channel != channel || !h->link || h->ended) {
        return;
    }
    h->heard_ms = now_ms(h);
    cattp_input(h->link, data, h->heard_ms);
    if (!h->ended) {
        forget_wish(h); /* the server knows this link */
    }
    settle(h);
}

static void on_closed(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why)
{
    struct m2m_cattp *h = ((struct euicc_m2m *)ctx)->cattp;
    (void)uicc;
    if (!h->open || h->channel != channel) {
        return; /* one that was given up */
    }
    h->channel = 0;
    if (why->end == BIP_RESET || why->end == BIP_ABORTED) {
        lose(h);
    } else {
        over(h);
    }
}

/* ---- push --------------------------------------------------------------------------------------
 */

static uicc_sw take_channel(struct m2m_cattp *h, const struct ota_push *push)
{
    struct cat_channel channel;
    if (push->tlvs.n > MAX_CONNECTION || cat_channel_read(push->tlvs, &channel, NULL) != CR_OK ||
        (channel.transport && channel.transport != CAT_TRANSPORT_UDP_CLIENT) ||
        channel.buffer_size > BIP_MAX_BUFFER) {
        return UICC_SW_WRONG_DATA;
    }
    cr_buf_free(&h->request);
    h->request.secret = true; /* a password may be in it */
    cr_buf_append_span(&h->request, push->tlvs);
    return cr_buf_ok(&h->request) ? UICC_SW_OK : UICC_SW_NO_MEMORY;
}

/* Where to, of what is stored: A4. */
static void fill_from_isdr(const struct euicc_m2m *m, struct cat_channel *c)
{
    cr_span transport = euicc_m2m_parameter(&m->reg, m->isdr, 0xA4, CAT_TAG_TRANSPORT);
    if (!c->transport && transport.n == 3) {
        c->transport = transport.p[0];
        c->port = (uint16_t)(transport.p[1] << 8 | transport.p[2]);
    }
    if (!c->address.p) {
        c->address = euicc_m2m_parameter(&m->reg, m->isdr, 0xA4, CAT_TAG_OTHER_ADDRESS);
    }
}

/* Absent in the request: the ICCID. */
static bool take_identification(const struct m2m_cattp *h, struct wish *wish,
                                const struct ota_push *push)
{
    struct gp_object isdp;
    cr_span id = push->identification;
    if (!cr_span_present(id) &&
        euicc_m2m_isdp(&h->m->reg, euicc_id_get(h->m->e->nvm, "on"), &isdp)) {
        id = gp_data_get(&h->m->reg, isdp.id, M2M_DATA_ICCID);
        id = cr_span_sub(id, 2, id.n); /* behind tag and length */
    }
    if (id.n > sizeof wish->identification) {
        return false;
    }
    if (id.n) {
        memcpy(wish->identification, id.p, id.n);
    }
    wish->identification_n = id.n;
    return true;
}

/* The wish comes true, in place of what was there. */
static uicc_sw begin(struct m2m_cattp *h)
{
    struct euicc_m2m *m = h->m;
    struct bip_params params = {
        .qualifier = CAT_OPEN_IMMEDIATE,
        .callbacks = {.opened = on_opened, .received = on_received, .closed = on_closed},
        .ctx = m};
    drop(h);
    h->port = h->wish.port;
    h->max_sdu = h->wish.max_sdu;
    memcpy(h->identification, h->wish.identification, sizeof h->identification);
    h->identification_n = h->wish.identification_n;
    h->leave_ms = NEVER;
    h->heard_ms = now_ms(h);
    h->open = cat_channel_read(cr_buf_span(&h->wish.connection), &params.channel, NULL) == CR_OK &&
              bip_open(m->e->uicc, &params, &h->channel, NULL) == CR_OK;
    forget_wish(h);
    return h->open ? UICC_SW_OK : UICC_SW_TECHNICAL;
}

/* Request and what is stored, as one. */
static uicc_sw take_connection(struct m2m_cattp *h, cr_buf *out)
{
    struct cat_channel channel;
    if (cat_channel_read(cr_buf_span(&h->request), &channel, NULL) != CR_OK) {
        return UICC_SW_WRONG_DATA;
    }
    fill_from_isdr(h->m, &channel);
    euicc_m2m_fill_channel(h->m, 0xA1, &channel);
    if (!channel.address.n || channel.transport != CAT_TRANSPORT_UDP_CLIENT || !channel.port) {
        return UICC_SW_WRONG_DATA;
    }
    out->secret = true;
    cat_channel_put(out, &channel);
    return cr_buf_ok(out) ? UICC_SW_OK : UICC_SW_NO_MEMORY;
}

static uicc_sw take_link(struct m2m_cattp *h, const struct ota_push *push)
{
    struct wish wish = {.there = true, .at_ms = now_ms(h) + QUIET_MS, .port = push->port};
    /* One that comes over the link itself cannot replace it. */
    if (h->m->switching || h->executing) {
        return UICC_SW_CONDITIONS;
    }
    if (!push->port || !take_identification(h, &wish, push)) {
        return UICC_SW_WRONG_DATA;
    }
    wish.max_sdu = push->max_sdu && push->max_sdu < MAX_SDU ? push->max_sdu : MAX_SDU;
    uicc_sw sw = take_connection(h, &wish.connection);
    if (sw != UICC_SW_OK) {
        cr_buf_free(&wish.connection);
        return sw;
    }
    forget_wish(h);
    h->wish = wish;
    cr_buf_free(&h->request);
    if (!h->open || now_ms(h) - h->heard_ms >= QUIET_MS) {
        return begin(h);
    }
    if (h->link && !h->ended) {
        cattp_probe(h->link, now_ms(h));
    }
    set_alarm(h);
    return UICC_SW_OK;
}

uicc_sw euicc_m2m_cattp_push(struct euicc_m2m *m, const struct uicc_apdu *apdu)
{
    struct ota_push push;
    if (ota_push_read(apdu->all, &push, NULL) != CR_OK) {
        return UICC_SW_WRONG_DATA;
    }
    switch (push.kind) {
    case OTA_PUSH_CHANNEL:
        return take_channel(m->cattp, &push);
    case OTA_PUSH_CATTP:
        return take_link(m->cattp, &push);
    case OTA_PUSH_TCP:
    case OTA_PUSH_IDENTIFICATION:
    default:
        return UICC_SW_NO_FUNCTION;
    }
}

/* ---- the object --------------------------------------------------------------------------------
 */

bool euicc_m2m_cattp_busy(const struct euicc_m2m *m)
{
    return m->cattp->executing;
}

void euicc_m2m_cattp_polled(struct euicc_m2m *m)
{
    euicc_m2m_alarm_poll(&m->cattp->alarm);
}

cr_status euicc_m2m_cattp_init(struct euicc_m2m *m, struct cr_err *err)
{
    m->cattp = calloc(1, sizeof *m->cattp);
    if (!m->cattp) {
        return cr_fail_memory(err);
    }
    m->cattp->m = m;
    m->cattp->alarm = (struct m2m_alarm){.ctx = m->cattp, .rings = rings};
    return CR_OK;
}

void euicc_m2m_cattp_free(struct euicc_m2m *m)
{
    if (m->cattp) {
        cattp_free(m->cattp->link);
        forget_wish(m->cattp);
        cr_buf_free(&m->cattp->request);
        free(m->cattp);
        m->cattp = NULL;
    }
}
