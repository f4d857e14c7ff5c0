#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MAX_TURNS 10000

void terminal_init(struct terminal *t, struct uicc *uicc)
{
    *t = (struct terminal){
        .uicc = uicc, .profile_size = 36, .receive_most = CAT_MAX_RECEIVE, .first_channel = 1};
    memset(t->profile, 0xFF, sizeof t->profile);
}

static void forget(struct terminal *t)
{
    for (unsigned i = 0; i <= CAT_CHANNELS; i++) {
        cr_buf_free(&t->channels[i].tx);
        cr_buf_free(&t->channels[i].rx);
        t->channels[i] = (struct terminal_channel){.open = false};
    }
    memset(t->timers, 0, sizeof t->timers);
    t->events = 0;
    t->poll_tenths = 0;
}

void terminal_free(struct terminal *t)
{
    forget(t);
    cr_buf_free(&t->last);
    cr_buf_free(&t->seen);
    cr_buf_free(&t->response);
}

void terminal_reset(struct terminal *t)
{
    forget(t);
    uicc_reset(t->uicc);
}

uicc_sw terminal_send(struct terminal *t, cr_span apdu)
{
    cr_buf_reset(&t->response);
    cr_status status = uicc_transmit(t->uicc, apdu, &t->response, NULL);
    MUST(cr_buf_ok(&t->response) && t->response.n >= 2);
    t->response.n -= 2;
    t->sw = (uicc_sw)(t->response.p[t->response.n] << 8 | t->response.p[t->response.n + 1]);
    MUST(status == CR_OK || t->sw == UICC_SW_MEMORY);
    return t->sw;
}

static uicc_sw send_data(struct terminal *t, uint8_t ins, cr_span data)
{
    uint8_t apdu[5 + 255] = {0x80, ins, 0, 0, (uint8_t)data.n};
    MUST(data.n >= 1 && data.n <= 255);
    memcpy(apdu + 5, data.p, data.n);
    return terminal_send(t, cr_span_of(apdu, 5 + data.n));
}

uicc_sw terminal_command(struct terminal *t, uint8_t ins, cr_span data)
{
    uicc_sw sw = send_data(t, ins, data);
    terminal_serve(t);
    return sw;
}

uicc_sw terminal_envelope(struct terminal *t, cr_buf *envelope)
{
    MUST(cr_buf_ok(envelope));
    uicc_sw sw = terminal_command(t, 0xC2, cr_buf_span(envelope));
    cr_buf_free(envelope);
    return sw;
}

uicc_sw terminal_status(struct terminal *t)
{
    static const uint8_t status[] = {0x80, 0xF2, 0x00, 0x0C};
    uicc_sw sw = terminal_send(t, CR_SPAN_ARRAY(status));
    terminal_serve(t);
    return sw;
}

uicc_sw terminal_start(struct terminal *t)
{
    return terminal_command(t, 0x10, cr_span_of(t->profile, t->profile_size));
}

uicc_sw terminal_fetch(struct terminal *t)
{
    const uint8_t fetch[] = {0x80, 0x12, 0, 0, (uint8_t)t->sw};
    uicc_sw sw = terminal_send(t, CR_SPAN_ARRAY(fetch));
    struct cat_command c;
    if (sw == UICC_SW_OK) {
        cr_buf_reset(&t->last);
        cr_buf_append_span(&t->last, cr_buf_span(&t->response));
        MUST(cat_command_read(cr_buf_span(&t->last), &c, NULL) == CR_OK);
        t->fetched[c.type]++;
        cr_buf_append_byte(&t->seen, c.type);
        if (t->heard) {
            t->heard(t->heard_ctx, cr_buf_span(&t->last));
        }
    }
    return sw;
}

/* --- the commands ------------------------------------------------------------------------------
 */

static void status_of(const struct terminal *t, unsigned channel, bool up, uint8_t out[2])
{
    (void)t;
    cat_channel_status_write(out,
                             &(struct cat_channel_status){.channel = (uint8_t)channel, .up = up});
}

static void done(cr_buf *out, const struct cat_command *c)
{
    cat_response_begin(out, c, CAT_RESULT_OK, (cr_span){0});
}

static void failed(cr_buf *out, const struct cat_command *c, uint8_t bip)
{
    cat_response_begin(out, c, CAT_RESULT_BIP, cr_span_of(&bip, 1));
}

static void open_channel(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    struct cat_channel wanted;
    unsigned n = t->first_channel;
    MUST(cat_channel_read(c->tlvs, &wanted, NULL) == CR_OK && wanted.address.n > 0);
    MUST(wanted.bearer.n > 0 && wanted.buffer_size > 0);
    while (n <= CAT_CHANNELS && t->channels[n].open) {
        n++;
    }
    if (n > CAT_CHANNELS) {
        failed(out, c, CAT_BIP_NO_CHANNEL);
        return;
    }
    uint16_t buffer = t->buffer && t->buffer < wanted.buffer_size ? t->buffer : wanted.buffer_size;
    t->channels[n] =
        (struct terminal_channel){.open = true,
                                  .opening = t->fetched[CAT_OPEN_CHANNEL],
                                  .port = wanted.port,
                                  .datagrams = wanted.transport == CAT_TRANSPORT_UDP_CLIENT,
                                  .buffer = buffer,
                                  .qualifier = c->qualifier};
    uint8_t status[2];
    const uint8_t size[] = {(uint8_t)(buffer >> 8), (uint8_t)buffer};
    status_of(t, n, !t->link_later, status);
    cat_response_begin(out, c, buffer == wanted.buffer_size ? CAT_RESULT_OK : CAT_RESULT_MODIFIED,
                       (cr_span){0});
    if (!t->no_status) {
        cat_put(out, CAT_TAG_CHANNEL_STATUS, CR_SPAN_ARRAY(status));
    }
    cat_put(out, CAT_TAG_BEARER, wanted.bearer);
    cat_put(out, CAT_TAG_BUFFER_SIZE, CR_SPAN_ARRAY(size));
}

static struct terminal_channel *target_of(struct terminal *t, const struct cat_command *c)
{
    unsigned n = c->target - (unsigned)CAT_DEVICE_CHANNEL;
    return n >= 1 && n <= CAT_CHANNELS && t->channels[n].open ? &t->channels[n] : NULL;
}

static void close_channel(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    struct terminal_channel *ch = target_of(t, c);
    if (!ch) {
        failed(out, c, CAT_BIP_WRONG_CHANNEL);
        return;
    }
    cr_buf_free(&ch->tx);
    cr_buf_free(&ch->rx);
    *ch = (struct terminal_channel){.open = false};
    done(out, c);
}

static void send_command(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    struct terminal_channel *ch = target_of(t, c);
    cr_span data;
    MUST(cat_find(c->tlvs, CAT_TAG_CHANNEL_DATA, &data) && data.n > 0);
    if (!ch || ch->dropped) {
        failed(out, c, ch ? CAT_BIP_CHANNEL_CLOSED : CAT_BIP_WRONG_CHANNEL);
        return;
    }
    if (ch->tx.n + data.n > ch->buffer) {
        failed(out, c, CAT_BIP_BUFFER_SIZE);
        return;
    }
    cr_buf_append_span(&ch->tx, data);
    cr_buf sent = {0};
    if (c->qualifier & CAT_SEND_IMMEDIATELY) {
        cr_buf_append_span(&sent, cr_buf_span(&ch->tx));
        cr_buf_reset(&ch->tx);
    }
    size_t space = ch->buffer - ch->tx.n;
    done(out, c);
    if (!t->no_space) {
        cat_put_byte(out, CAT_TAG_CHANNEL_DATA_LENGTH, (uint8_t)(space < 255 ? space : 255));
    }
    if (sent.n && t->peer) {
        t->peer(t->peer_ctx, t, (unsigned)(ch - t->channels), cr_buf_span(&sent));
    }
    cr_buf_free(&sent);
}

/* Bytes of the stream, or left of the first datagram. */
static size_t waiting(const struct terminal_channel *ch)
{
    if (!ch->datagrams) {
        return ch->rx.n - ch->rx_at;
    }
    if (ch->rx.n < 2) {
        return 0;
    }
    return ((size_t)ch->rx.p[0] << 8 | ch->rx.p[1]) - ch->rx_at;
}

static void receive_command(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    struct terminal_channel *ch = target_of(t, c);
    uint8_t wanted = 0;
    MUST(cat_find_byte(c->tlvs, CAT_TAG_CHANNEL_DATA_LENGTH, &wanted) && wanted > 0);
    if (!ch) {
        failed(out, c, CAT_BIP_WRONG_CHANNEL);
        return;
    }
    size_t left = waiting(ch), n = wanted < left ? wanted : left;
    n = n < t->receive_most ? n : t->receive_most;
    cat_response_begin(out, c, n < wanted ? CAT_RESULT_MISSING_INFORMATION : CAT_RESULT_OK,
                       (cr_span){0});
    cat_put(out, CAT_TAG_CHANNEL_DATA,
            n ? cr_span_of(ch->rx.p + ch->rx_at + (ch->datagrams ? 2 : 0), n) : cr_span_of("", 0));
    left -= n;
    cat_put_byte(out, CAT_TAG_CHANNEL_DATA_LENGTH, (uint8_t)(left < 255 ? left : 255));
    ch->rx_at += n;
    if (left == 0) {
        size_t used = ch->rx_at + (ch->datagrams && ch->rx.n ? 2 : 0);
        if (used) {
            memmove(ch->rx.p, ch->rx.p + used, ch->rx.n - used);
            ch->rx.n -= used;
        }
        ch->rx_at = 0;
        ch->announced = false;
    }
}

static void channel_status(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    done(out, c);
    for (unsigned i = 1; i <= CAT_CHANNELS; i++) {
        uint8_t status[2];
        if (t->channels[i].open) {
            status_of(t, i, !t->channels[i].dropped, status);
            cat_put(out, CAT_TAG_CHANNEL_STATUS, CR_SPAN_ARRAY(status));
        }
    }
}

static void timer_command(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    uint8_t id = 0, left[3];
    uint32_t seconds = 0;
    cr_span value;
    MUST(cat_find_byte(c->tlvs, CAT_TAG_TIMER_ID, &id) && id >= 1 && id <= CAT_TIMERS);
    if (c->qualifier == CAT_TIMER_START) {
        MUST(cat_find(c->tlvs, CAT_TAG_TIMER_VALUE, &value) && cat_timer_read(value, &seconds));
        t->timers[id].running = true;
        t->timers[id].due = t->clock + seconds;
        done(out, c);
        return;
    }
    if (!t->timers[id].running) {
        cat_response_begin(out, c, CAT_RESULT_TIMER_CONTRADICTION, (cr_span){0});
        cat_put_byte(out, CAT_TAG_TIMER_ID, id);
        return;
    }
    cat_timer_write(left, t->timers[id].due - t->clock);
    t->timers[id].running = c->qualifier == CAT_TIMER_GET;
    done(out, c);
    cat_put_byte(out, CAT_TAG_TIMER_ID, id);
    cat_put(out, CAT_TAG_TIMER_VALUE, CR_SPAN_ARRAY(left));
}

#define LIMITED_SERVICE 0x06 /* general result: done, with limited service */

static void others(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    cr_span value;
    done(out, c);
    if (c->type == CAT_SET_UP_EVENT_LIST) {
        MUST(cat_find(c->tlvs, CAT_TAG_EVENT_LIST, &value));
        t->events = 0;
        for (size_t i = 0; i < value.n; i++) {
            t->events |= CAT_EVENT_BIT(value.p[i]);
        }
    } else if (c->type == CAT_POLL_INTERVAL) {
        MUST(cat_find(c->tlvs, CAT_TAG_DURATION, &value));
        MUST(cat_duration_read(value, &t->poll_tenths));
        cat_put(out, CAT_TAG_DURATION, value);
    } else if (c->type == CAT_PROVIDE_LOCAL_INFORMATION && c->qualifier == CAT_LOCAL_LOCATION) {
        static const uint8_t location[] = {0x99, 0xF9, 0x07, 0x00, 0x01, 0x00, 0x02};
        if (t->location != CAT_SERVICE_NORMAL) {
            cr_buf_reset(out);
            cat_response_begin(out, c, LIMITED_SERVICE, (cr_span){0});
        }
        cat_put(out, CAT_TAG_LOCATION, CR_SPAN_ARRAY(location));
    }
}

static const struct {
    uint8_t type;
    void (*run)(struct terminal *t, const struct cat_command *c, cr_buf *out);
} commands[] = {
    {CAT_OPEN_CHANNEL, open_channel},
    {CAT_CLOSE_CHANNEL, close_channel},
    {CAT_SEND_DATA, send_command},
    {CAT_RECEIVE_DATA, receive_command},
    {CAT_GET_CHANNEL_STATUS, channel_status},
    {CAT_TIMER_MANAGEMENT, timer_command},
};

static bool faulty(struct terminal *t, const struct cat_command *c, cr_buf *out)
{
    for (unsigned i = 0; i < TERMINAL_FAULTS; i++) {
        struct terminal_fault *f = &t->faults[i];
        if (f->times && f->type == c->type) {
            f->times--;
            cat_response_begin(out, c, f->result, cr_span_of(&f->info, f->has_info));
            return true;
        }
    }
    return false;
}

uicc_sw terminal_answer(struct terminal *t)
{
    struct cat_command c;
    cr_buf out = {0};
    MUST(cat_command_read(cr_buf_span(&t->last), &c, NULL) == CR_OK);
    if (!faulty(t, &c, &out)) {
        void (*run)(struct terminal *, const struct cat_command *, cr_buf *) = others;
        for (size_t i = 0; i < CR_COUNT(commands); i++) {
            run = commands[i].type == c.type ? commands[i].run : run;
        }
        run(t, &c, &out);
    }
    MUST(cr_buf_ok(&out) && out.n <= CAT_MAX_DATA);
    uicc_sw sw = send_data(t, 0x14, cr_buf_span(&out));
    cr_buf_free(&out);
    return sw;
}

/* --- serving -----------------------------------------------------------------------------------
 */

static bool announce_data(struct terminal *t)
{
    for (unsigned i = 1; i <= CAT_CHANNELS; i++) {
        struct terminal_channel *ch = &t->channels[i];
        size_t n = ch->open ? waiting(ch) : 0;
        if (!n || ch->announced || !(t->events & CAT_EVENT_BIT(CAT_EVENT_DATA_AVAILABLE))) {
            continue;
        }
        uint8_t status[2];
        cr_buf b = {0};
        ch->announced = true;
        status_of(t, i, true, status);
        cat_envelope_data_available(&b, status, (uint8_t)(n < 255 ? n : 255));
        MUST(cr_buf_ok(&b));
        (void)send_data(t, 0xC2, cr_buf_span(&b));
        cr_buf_free(&b);
        return true;
    }
    return false;
}

void terminal_serve(struct terminal *t)
{
    if (t->silent) {
        return;
    }
    for (unsigned i = 0; i < MAX_TURNS; i++) {
        if (announce_data(t)) {
            continue; /* an event does not wait for the card's commands */
        }
        if ((t->sw & 0xFF00) != UICC_SW_PROACTIVE || terminal_fetch(t) != UICC_SW_OK ||
            terminal_answer(t) == UICC_SW_MEMORY) {
            return;
        }
    }
    bool the_card_stops_talking = false;
    MUST(the_card_stops_talking);
}

void terminal_fault(struct terminal *t, uint8_t type, uint8_t result, int info, unsigned times)
{
    unsigned i = 0;
    while (t->faults[i].times) {
        i++;
        MUST(i < TERMINAL_FAULTS);
    }
    t->faults[i] = (struct terminal_fault){.type = type,
                                           .result = result,
                                           .info = (uint8_t)(info < 0 ? 0 : info),
                                           .has_info = info >= 0,
                                           .times = times};
}

void terminal_advance(struct terminal *t, uint32_t seconds)
{
    uint32_t until = t->clock + seconds;
    for (;;) {
        unsigned next = 0;
        for (unsigned i = 1; i <= CAT_TIMERS; i++) {
            if (t->timers[i].running && t->timers[i].due <= until &&
                (!next || t->timers[i].due < t->timers[next].due)) {
                next = i;
            }
        }
        if (!next) {
            t->clock = until;
            return;
        }
        cr_buf b = {0};
        t->clock = t->timers[next].due;
        t->timers[next].running = false;
        cat_envelope_timer(&b, (uint8_t)next, 0);
        (void)terminal_envelope(t, &b);
    }
}

void terminal_location(struct terminal *t, uint8_t status)
{
    const uint8_t more[] = {CAT_TAG_LOCATION_STATUS, 1, status};
    cr_buf b = {0};
    t->location = status;
    if (t->events & CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS)) {
        cat_envelope_event(&b, CAT_EVENT_LOCATION_STATUS, CAT_DEVICE_TERMINAL, CR_SPAN_ARRAY(more));
        (void)terminal_envelope(t, &b);
    }
}

void terminal_deliver(struct terminal *t, unsigned channel, cr_span data)
{
    struct terminal_channel *ch = &t->channels[channel];
    MUST(ch->open);
    if (ch->datagrams) {
        cr_buf_append_be(&ch->rx, data.n, 2);
    }
    cr_buf_append_span(&ch->rx, data);
    MUST(cr_buf_ok(&ch->rx));
}

static void tell_status(struct terminal *t, unsigned channel, bool up, uint8_t info)
{
    uint8_t status[2];
    cr_buf b = {0};
    cat_channel_status_write(
        status, &(struct cat_channel_status){.channel = (uint8_t)channel, .up = up, .info = info});
    cat_envelope_channel_status(&b, status);
    (void)terminal_envelope(t, &b);
}

void terminal_drop(struct terminal *t, unsigned channel)
{
    t->channels[channel].dropped = true;
    tell_status(t, channel, false, CAT_LINK_DROPPED);
}

void terminal_link_up(struct terminal *t, unsigned channel)
{
    tell_status(t, channel, true, 0);
}
