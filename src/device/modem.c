#include "device/internal.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_FOLLOWED 16 /* GET RESPONSEs of one answer */

const char *device_event_name(enum device_event event)
{
    static const char *const names[DEVICE_EVENTS] = {
        [DEVICE_EVENT_POWER] = "power",       [DEVICE_EVENT_IDENTITY] = "identity",
        [DEVICE_EVENT_NETWORK] = "network",   [DEVICE_EVENT_COMMAND] = "command",
        [DEVICE_EVENT_RESPONSE] = "response", [DEVICE_EVENT_ENVELOPE] = "envelope",
        [DEVICE_EVENT_SMS_DOWN] = "sms-down", [DEVICE_EVENT_SMS_UP] = "sms-up",
        [DEVICE_EVENT_CHANNEL] = "channel",   [DEVICE_EVENT_FAULT] = "fault",
        [DEVICE_EVENT_PROBLEM] = "problem"};
    return event < DEVICE_EVENTS ? names[event] : "?";
}

/* --- telling -----------------------------------------------------------------------------------
 */

void modem_say(struct device_modem *m, enum device_event event, const char *fmt, ...)
{
    if (!m->ops.event) {
        return;
    }
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    cr_text_clean(line);
    m->ops.event(m->ops.ctx, event, line);
}

void modem_say_object(struct device_modem *m, enum device_event event,
                      bool (*print)(cr_buf *, cr_span), cr_span bytes)
{
    if (!m->ops.event) {
        return;
    }
    cr_buf line = {0};
    (void)print(&line, bytes);
    const char *text = cr_buf_cstr(&line);
    m->ops.event(m->ops.ctx, event, text ? text : "");
    cr_buf_free(&line);
}

/* --- exchanges ---------------------------------------------------------------------------------
 */

static void die(struct device_modem *m, const char *why)
{
    modem_say(m, DEVICE_EVENT_PROBLEM, "the chip is gone: %s", why);
    modem_channels_forget(m);
    modem_sms_absent(m);
    if (m->service == SERVICE_NORMAL) {
        m->ops.registered(m->ops.ctx, NULL);
    }
    m->service = SERVICE_NONE;
    m->dead = true;
    m->fetch = 0;
    m->command_size = 0;
}

/* One command as it is; the status word is taken off. 0: dead. */
static unsigned transmit(struct device_modem *m, cr_span command)
{
    struct cr_err err = {0};
    size_t before = m->response.n;
    if (m->card.transmit(m->card.ctx, command, &m->response, &err) != CR_OK) {
        die(m, err.cause);
        return 0;
    }
    if (!cr_buf_ok(&m->response) || m->response.n < before + 2) {
        die(m, "an answer without a status word");
        return 0;
    }
    m->response.n -= 2;
    const uint8_t *sw = m->response.p + m->response.n;
    return (unsigned)sw[0] << 8 | sw[1];
}

unsigned modem_exchange(struct device_modem *m, cr_span command, cr_span *data)
{
    uint8_t again[5 + CAT_MAX_DATA + 1];
    cr_buf_reset(&m->response);
    unsigned sw = m->dead ? 0 : transmit(m, command);
    if (sw >> 8 == 0x6C && command.n >= 4 && command.n <= sizeof again - 1) {
        /* the same with the length that it names */
        size_t n = command.n > 5 ? command.n : 4;
        memcpy(again, command.p, n);
        again[n] = (uint8_t)sw;
        sw = transmit(m, cr_span_of(again, n + 1));
    }
    for (unsigned i = 0; (sw >> 8 == 0x61 || sw >> 8 == 0x9F) && i < MAX_FOLLOWED; i++) {
        const uint8_t get[] = {0x00, 0xC0, 0x00, 0x00, (uint8_t)sw};
        sw = transmit(m, CR_SPAN_ARRAY(get));
    }
    if (sw >> 8 == 0x91) {
        m->fetch = (sw & 0xFF) ? sw & 0xFF : 256;
        sw = 0x9000;
    }
    if (data) {
        *data = cr_buf_span(&m->response);
    }
    return sw;
}

void modem_envelope(struct device_modem *m, cr_buf *envelope, unsigned *sw)
{
    *sw = 0x6700;
    if (cr_buf_ok(envelope) && envelope->n <= CAT_MAX_DATA) {
        uint8_t command[5 + CAT_MAX_DATA + 1] = {0x80, 0xC2, 0x00, 0x00, (uint8_t)envelope->n};
        memcpy(command + 5, envelope->p, envelope->n);
        modem_say_object(m, DEVICE_EVENT_ENVELOPE, cat_print_envelope, cr_buf_span(envelope));
        cr_span data = {0};
        *sw = modem_exchange(m, cr_span_of(command, 5 + envelope->n), &data);
        if (*sw != 0x9000 || data.n) {
            char hex[2 * CAT_MAX_DATA + 1];
            modem_say(m, DEVICE_EVENT_ENVELOPE, "answer %04X%s%s", *sw, data.n ? " " : "",
                      cr_hex_into(hex, sizeof hex, cr_span_sub(data, 0, CAT_MAX_DATA)));
        }
    }
    if (*sw == 0x9300) {
        m->envelope_at = m->now + 1000;
    }
    cr_buf_free(envelope);
}

/* --- power on ----------------------------------------------------------------------------------
 */

/* What this terminal can (SGP.02: oncard sheet 6.4), written from the names of bits. */
static size_t write_profile(uint8_t out[32])
{
    static const uint8_t bits[] = {1, /* profile download */
                                   CAT_PROFILE_SMS_PP_DOWNLOAD,
                                   CAT_PROFILE_TIMER_EXPIRATION,
                                   9 /* command result */,
                                   17 /* DISPLAY TEXT */,
                                   20 /* MORE TIME */,
                                   22 /* POLL INTERVAL */,
                                   23 /* POLLING OFF */,
                                   CAT_PROFILE_REFRESH,
                                   CAT_PROFILE_SEND_SHORT_MESSAGE,
                                   CAT_PROFILE_LOCAL_INFORMATION,
                                   CAT_PROFILE_EVENT_LIST,
                                   37 /* location status */,
                                   43 /* data available */,
                                   44 /* channel status */,
                                   CAT_PROFILE_TIMER_START,
                                   CAT_PROFILE_TIMER_GET,
                                   59 /* date and time */,
                                   CAT_PROFILE_OPEN_CHANNEL,
                                   90,
                                   91,
                                   92,
                                   93,
                                   97 /* cards of SGP.02 look for CSD, too */,
                                   CAT_PROFILE_GPRS,
                                   CAT_PROFILE_TCP_CLIENT,
                                   CAT_PROFILE_UDP_CLIENT};
    memset(out, 0, 32);
    for (size_t i = 0; i < CR_COUNT(bits); i++) {
        cat_profile_set(out, 32, bits[i]);
    }
    /* channels supported: the three high bits of byte 13 */
    out[12] = (uint8_t)(out[12] | CAT_CHANNELS << 5);
    cat_profile_set(out, 32, 72); /* PROVIDE LOCAL INFORMATION: access technology */
    return 32;
}

static void forget_session(struct device_modem *m)
{
    m->fetch = 0;
    m->command_size = 0;
    m->events = 0;
    m->told_status = CAT_SERVICE_NONE;
    m->poll_seconds = m->config->poll_seconds;
    m->poll_at = m->poll_seconds ? m->now + (int64_t)m->poll_seconds * 1000 : NEVER;
    m->envelope_at = m->now;
    for (size_t i = 0; i < CAT_TIMERS; i++) {
        m->timers[i] = NEVER;
    }
    modem_channels_forget(m);
}

static void power_on(struct device_modem *m)
{
    struct cr_err err = {0};
    char hex[2 * 33 + 1];
    m->reset = false;
    forget_session(m);
    cr_buf_reset(&m->response);
    if (m->card.reset(m->card.ctx, &m->response, &err) != CR_OK) {
        die(m, err.cause);
        return;
    }
    m->powered = true;
    modem_say(m, DEVICE_EVENT_POWER, "ATR %s",
              cr_hex_into(hex, sizeof hex, cr_span_sub(cr_buf_span(&m->response), 0, 33)));
    /* Extended logical channels, no additional interfaces (TS 102 221 11.1.19); it counts for the
     * MF, and cards without it refuse it, which is no harm. */
    static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
    static const uint8_t capability[] = {0x80, 0xAA, 0x00, 0x00, 0x04, 0xA9, 0x02, 0x81, 0x00};
    (void)modem_exchange(m, CR_SPAN_ARRAY(select_mf), NULL);
    (void)modem_exchange(m, CR_SPAN_ARRAY(capability), NULL);
    uint8_t profile[5 + 32] = {0x80, 0x10, 0x00, 0x00, 0x20};
    size_t n = write_profile(profile + 5);
    (void)modem_exchange(m, cr_span_of(profile, 5 + n), NULL);
    modem_read_identity(m);
    modem_network_begin(m);
}

/* --- events of the chip's own wish -------------------------------------------------------------
 */

static bool run_timers(struct device_modem *m)
{
    for (size_t i = 0; i < CAT_TIMERS; i++) {
        if (m->timers[i] <= m->now) {
            cr_buf b = {0};
            unsigned sw = 0;
            cat_envelope_timer(&b, (uint8_t)(i + 1), m->timer_seconds[i]);
            modem_envelope(m, &b, &sw);
            if (sw != 0x9300) {
                m->timers[i] = NEVER;
            }
            return true;
        }
    }
    return false;
}

static bool run_location(struct device_modem *m)
{
    uint8_t status = modem_location_status(m);
    if (status == m->told_status) {
        return false;
    }
    if (m->events & CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS)) {
        cr_buf more = {0}, b = {0};
        unsigned sw = 0;
        cat_put_byte(&more, CAT_TAG_LOCATION_STATUS | CAT_COMPREHENSION, status);
        if (status == CAT_SERVICE_NORMAL) {
            (void)modem_put_location(m, &more);
        }
        cat_envelope_event(&b, CAT_EVENT_LOCATION_STATUS, CAT_DEVICE_TERMINAL, cr_buf_span(&more));
        cr_buf_free(&more);
        modem_envelope(m, &b, &sw);
        if (sw == 0x9300) {
            return true;
        }
    }
    m->told_status = status;
    return true;
}

static bool run_poll(struct device_modem *m)
{
    static const uint8_t status[] = {0x80, 0xF2, 0x00, 0x0C, 0x00};
    if (m->poll_at > m->now) {
        return false;
    }
    m->poll_at = m->now + (int64_t)m->poll_seconds * 1000;
    (void)modem_exchange(m, CR_SPAN_ARRAY(status), NULL);
    return true;
}

static void fetch(struct device_modem *m)
{
    const uint8_t command[] = {0x80, 0x12, 0x00, 0x00, (uint8_t)m->fetch};
    uint8_t tlv[CAT_MAX_COMMAND];
    cr_span data = {0};
    m->fetch = 0;
    unsigned sw = modem_exchange(m, CR_SPAN_ARRAY(command), &data);
    if (sw != 0x9000 || data.n > sizeof tlv) {
        modem_say(m, DEVICE_EVENT_PROBLEM, "FETCH was answered by %04X and %zu bytes", sw, data.n);
        return;
    }
    size_t n = data.n;
    if (n) {
        memcpy(tlv, data.p, n);
    }
    modem_perform(m, cr_span_of(tlv, n));
}

/* One thing; false: there is none. The order is the modem's policy: what the chip wants first. */
static bool step(struct device_modem *m)
{
    if (m->reset) {
        power_on(m);
        return true;
    }
    if (!m->powered) {
        return false;
    }
    if (m->command_size) { /* no ENVELOPE before its answer */
        bool ready = m->channels[m->command_channel].state != CHANNEL_OPENING;
        if (ready) {
            modem_channel_answer(m);
        }
        return ready;
    }
    if (m->fetch) {
        fetch(m);
        return true;
    }
    if (m->attach_at <= m->now) {
        modem_network_run(m);
        return true;
    }
    if (m->envelope_at <= m->now &&
        (modem_channel_run(m) || run_timers(m) || run_location(m) || modem_sms_run(m))) {
        return true;
    }
    return run_poll(m);
}

static void work(struct device_modem *m, int64_t now_ms)
{
    m->now = now_ms;
    if (m->busy) {
        return;
    }
    m->busy = true;
    m->more = true;
    for (unsigned i = 0; i < DEVICE_BURST && m->more; i++) {
        m->more = !m->dead && step(m);
    }
    m->busy = false;
}

/* --- the interface -----------------------------------------------------------------------------
 */

cr_status device_modem_new(const struct device_modem_options *options, struct device_modem **out,
                           struct cr_err *err)
{
    struct device_modem *m = calloc(1, sizeof *m);
    if (!m) {
        struct card card = options->card;
        card.close(card.ctx);
        return cr_fail_memory(err);
    }
    m->config = options->config;
    m->card = options->card;
    m->env = options->env;
    m->ops = options->ops;
    m->number = options->number;
    m->attach_at = NEVER;
    m->response.limit = CARD_MAX_RESPONSE;
    device_faults_begin(&m->faults, m->config->faults, m->config->fault_count, m->number,
                        m->config->seed);
    *out = m;
    return CR_OK;
}

void device_modem_free(struct device_modem *m)
{
    if (m) {
        modem_channels_forget(m);
        m->card.close(m->card.ctx);
        cr_buf_free(&m->response);
        free(m);
    }
}

void device_modem_power(struct device_modem *m, int64_t now_ms)
{
    m->reset = true;
    work(m, now_ms);
}

void device_modem_run(struct device_modem *m, int64_t now_ms)
{
    work(m, now_ms);
}

void device_modem_sms(struct device_modem *m, uint64_t ref, cr_span deliver, int64_t now_ms)
{
    m->now = now_ms;
    if (m->dead || m->service != SERVICE_NORMAL) {
        m->ops.ended(m->ops.ctx, ref, DEVICE_SMS_ABSENT);
        return;
    }
    modem_sms_put(m, false, ref, deliver);
    work(m, now_ms);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t device_modem_due(const struct device_modem *m)
{
    if (m->dead) {
        return NEVER;
    }
    if (m->more || m->reset) {
        return m->now;
    }
    if (!m->powered || m->command_size) {
        return NEVER;
    }
    int64_t envelopes = modem_sms_due(m);
    for (size_t i = 0; i < CAT_TIMERS; i++) {
        envelopes = earlier(envelopes, m->timers[i]);
    }
    for (size_t i = 0; i < CAT_CHANNELS; i++) {
        if (m->channels[i].tell_data || m->channels[i].tell_status) {
            envelopes = earlier(envelopes, m->now);
        }
    }
    if (modem_location_status(m) != m->told_status) {
        envelopes = earlier(envelopes, m->now);
    }
    if (envelopes < m->envelope_at) {
        envelopes = m->envelope_at;
    }
    return earlier(envelopes, earlier(m->poll_at, m->attach_at));
}

bool device_modem_dead(const struct device_modem *m)
{
    return m->dead;
}

const char *device_modem_imsi(const struct device_modem *m)
{
    return m->imsi;
}

const char *device_modem_iccid(const struct device_modem *m)
{
    return m->iccid;
}

bool device_modem_registered(const struct device_modem *m)
{
    return m->service == SERVICE_NORMAL;
}

/* --- what channels tell ------------------------------------------------------------------------
 */

static struct modem_channel *channel_of(struct device_modem *m, unsigned channel)
{
    return channel < CAT_CHANNELS ? &m->channels[channel] : NULL;
}

void device_modem_opened(struct device_modem *m, unsigned channel, bool good, int64_t now_ms)
{
    struct modem_channel *c = channel_of(m, channel);
    if (c && c->state == CHANNEL_OPENING) {
        c->state = good ? CHANNEL_OPEN : CHANNEL_DROPPED;
        c->tell_status = c->background;
        work(m, now_ms);
    }
}

/* A scripted end: true when these bytes are too many. */
static bool breaks(struct device_modem *m, struct modem_channel *c, unsigned channel, size_t n)
{
    if (!c->limited || n <= c->budget) {
        c->budget -= c->limited ? n : 0;
        return false;
    }
    modem_say(m, DEVICE_EVENT_FAULT, "drop-channel: channel %u", channel + 1);
    m->ops.close(m->ops.ctx, channel);
    c->state = CHANNEL_DROPPED;
    c->limited = false;
    c->tell_status = true;
    return true;
}

size_t device_modem_received(struct device_modem *m, unsigned channel, cr_span bytes,
                             int64_t now_ms)
{
    struct modem_channel *c = channel_of(m, channel);
    if (!c || c->state != CHANNEL_OPEN) {
        return bytes.n; /* of a channel that is no more */
    }
    const bool datagram = c->transport == CAT_TRANSPORT_UDP_CLIENT;
    size_t taken = bytes.n;
    if (datagram) {
        if (bytes.n > DEVICE_MAX_DATAGRAM) {
            return 0;
        }
    } else {
        size_t room = c->size - (c->in.n - c->in_at);
        taken = bytes.n < room ? bytes.n : room;
    }
    if (taken == 0) {
        return 0;
    }
    if (breaks(m, c, channel, taken)) {
        work(m, now_ms);
        return bytes.n;
    }
    if (datagram) {
        taken = modem_datagram(m, channel, false, bytes) ? taken : 0;
    } else {
        c->tell_data = c->tell_data || c->in.n == 0;
        cr_buf_append(&c->in, bytes.p, taken);
    }
    work(m, now_ms);
    return taken;
}

void device_modem_dropped(struct device_modem *m, unsigned channel, int64_t now_ms)
{
    struct modem_channel *c = channel_of(m, channel);
    if (c && (c->state == CHANNEL_OPEN || c->state == CHANNEL_OPENING)) {
        c->tell_status = c->state == CHANNEL_OPEN || c->background;
        c->state = CHANNEL_DROPPED;
        work(m, now_ms);
    }
}
