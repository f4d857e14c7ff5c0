/*
 * A modem with a card that answers with any bytes, in a world where anything may come. The input is
 * a script: of the card's answers, and between them of what happens outside.
 */
#include "fuzz.h"

#include "device/modem.h"

#define MAX_STEPS 400 /* of one script: time is not what is looked for */

struct world {
    cr_span script;
    struct device_modem *modem;
    int64_t now;
    uint64_t given, ended; /* short messages */
    bool open[CAT_CHANNELS];
};

static uint8_t take(struct world *w)
{
    uint8_t byte = w->script.n ? w->script.p[0] : 0;
    w->script = cr_span_sub(w->script, 1, w->script.n ? w->script.n - 1 : 0);
    return byte;
}

static cr_span take_bytes(struct world *w, size_t n)
{
    cr_span out = cr_span_sub(w->script, 0, n);
    w->script = cr_span_sub(w->script, out.n, w->script.n - out.n);
    return out;
}

/* --- the card: FETCH gets what looks like a command, everything else bytes ---------------------
 */

static cr_status transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct world *w = ctx;
    FUZZ_CHECK(command.n >= 4 && command.n <= 261);
    if (w->script.n == 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "the end");
    }
    uint8_t how = take(w);
    if (command.p[1] == 0x12 && (how & 1)) { /* command details and devices as they should be */
        cr_span more = take_bytes(w, take(w) % 100);
        uint8_t head[] = {0xD0, (uint8_t)(9 + more.n), 0x81, 3, 1, 0, 0, 0x82, 2, 0x81, 0};
        head[5] = take(w);
        head[6] = take(w);
        head[10] = take(w);
        cr_buf_append(response, head, sizeof head);
        cr_buf_append_span(response, more);
        cr_buf_append_be(response, 0x9000, 2);
        return CR_OK;
    }
    cr_buf_append_span(response, take_bytes(w, take(w) % 64));
    switch (how >> 1 & 7) {
    case 0:
    case 1:
        cr_buf_append_be(response, 0x9000, 2);
        break;
    case 2:
    case 3:
    case 4:
        cr_buf_append_be(response, 0x9100 | take(w), 2);
        break;
    case 5:
        cr_buf_append_be(response, 0x6C00 | take(w), 2);
        break;
    case 6:
        cr_buf_append_be(response, 0x9300, 2);
        break;
    default:
        cr_buf_append_span(response, take_bytes(w, 2));
        break;
    }
    return CR_OK;
}

static cr_status reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct world *w = ctx;
    if (w->script.n == 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "the end");
    }
    cr_buf_append_span(atr, take_bytes(w, take(w) % 40));
    return CR_OK;
}

static void close_card(void *ctx)
{
    (void)ctx;
}

/* --- the world ---------------------------------------------------------------------------------
 */

static void on_open(void *ctx, unsigned channel, uint8_t transport, cr_span address, uint16_t port)
{
    struct world *w = ctx;
    FUZZ_CHECK(channel < CAT_CHANNELS && !w->open[channel]);
    FUZZ_CHECK(transport == CAT_TRANSPORT_TCP_CLIENT || transport == CAT_TRANSPORT_UDP_CLIENT);
    FUZZ_CHECK((address.n == 4 || address.n == 16) && port != 0);
    w->open[channel] = true;
    uint8_t how = take(w) % 3;
    if (how < 2) {
        device_modem_opened(w->modem, channel, how == 0, w->now);
    }
}

static void on_send(void *ctx, unsigned channel, cr_span bytes)
{
    const struct world *w = ctx;
    FUZZ_CHECK(channel < CAT_CHANNELS && w->open[channel]);
    FUZZ_CHECK(bytes.n > 0 && bytes.n <= DEVICE_MAX_BUFFER);
}

static void on_close(void *ctx, unsigned channel)
{
    struct world *w = ctx;
    FUZZ_CHECK(channel < CAT_CHANNELS);
    w->open[channel] = false;
}

static bool on_originate(void *ctx, const struct sms_tpdu *submit)
{
    FUZZ_CHECK(submit->type == SMS_SUBMIT && submit->ud.n <= SMS_USER_DATA_MAX);
    return take(ctx) & 1;
}

static void on_registered(void *ctx, const char *imsi)
{
    (void)ctx;
    FUZZ_CHECK(!imsi || imsi[0]);
}

static void on_ended(void *ctx, uint64_t ref, enum device_sms_end end)
{
    struct world *w = ctx;
    (void)end;
    FUZZ_CHECK(ref <= w->given);
    w->ended++;
}

static void on_event(void *ctx, enum device_event event, const char *text)
{
    (void)ctx;
    FUZZ_CHECK(device_event_name(event));
    for (; *text; text++) {
        FUZZ_CHECK((unsigned char)*text >= 0x20);
    }
}

static void step(struct world *w)
{
    unsigned channel = 0;
    switch (take(w) % 6) {
    case 0:
        device_modem_sms(w->modem, ++w->given, take_bytes(w, take(w) % SMS_TPDU_MAX), w->now);
        break;
    case 1:
        channel = take(w) % CAT_CHANNELS;
        device_modem_opened(w->modem, channel, take(w) & 1, w->now);
        break;
    case 2:
        channel = take(w) % CAT_CHANNELS;
        (void)device_modem_received(w->modem, channel, take_bytes(w, take(w)), w->now);
        break;
    case 3:
        device_modem_dropped(w->modem, take(w) % CAT_CHANNELS, w->now);
        break;
    default: {
        int64_t due = device_modem_due(w->modem);
        w->now = due != INT64_MAX && due > w->now ? due : w->now + take(w);
        device_modem_run(w->modem, w->now);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct device_config config;
    struct world w = {.script = cr_span_of(data, size), .now = 1000};
    device_config_init(&config);
    const struct device_modem_options options = {
        .config = &config,
        .card = {.ctx = &w, .transmit = transmit, .reset = reset, .close = close_card},
        .env = cr_env_system(),
        .ops = {.ctx = &w,
                .open = on_open,
                .send = on_send,
                .close = on_close,
                .originate = on_originate,
                .registered = on_registered,
                .ended = on_ended,
                .event = on_event}};
    FUZZ_CHECK(device_modem_new(&options, &w.modem, NULL) == CR_OK);
    device_modem_power(w.modem, w.now);
    for (unsigned i = 0; i < MAX_STEPS && w.script.n && !device_modem_dead(w.modem); i++) {
        step(&w);
    }
    FUZZ_CHECK(w.ended <= w.given); /* each is told of once at most */
    device_modem_free(w.modem);
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        FUZZ_CHECK(!w.open[i]); /* no socket is left behind */
    }
    device_config_free(&config);
    return 0;
}
