#include "fake.h"

#include "base/text.h"

#include <stdio.h>

static void note(struct fake *f, const char *fmt, ...) CR_PRINTF(2, 3);
static void note(struct fake *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cr_buf_appendfv(&f->log, fmt, ap);
    va_end(ap);
    cr_buf_append_byte(&f->log, '\n');
}

static void note_hex(struct fake *f, const char *what, cr_span bytes)
{
    cr_buf_append_str(&f->log, what);
    cr_hex_append(&f->log, bytes);
    cr_buf_append_byte(&f->log, '\n');
}

/* --- the card ----------------------------------------------------------------------------------
 */

static void put_hex(cr_buf *out, const char *hex)
{
    assert_int_equal(cr_hex_decode(out, cr_span_str(hex), NULL), CR_OK);
}

static unsigned ready(const struct fake *f)
{
    if (f->shy) {
        return 0x9000;
    }
    const char *hex = f->count ? f->queue[f->first] : f->endless;
    return hex ? 0x9100 | ((unsigned)strlen(hex) / 2 & 0xFF) : 0x9000;
}

static void react(struct fake *f, cr_span envelope)
{
    uint8_t event = 0;
    struct cat_envelope e;
    assert_int_equal(cat_envelope_read(envelope, &e, NULL), CR_OK);
    const char *const *commands = NULL;
    if (e.tag == CAT_SMS_PP_DOWNLOAD) {
        commands = f->on_sms;
    } else if (cat_envelope_event_of(&e, &event) && event == CAT_EVENT_DATA_AVAILABLE) {
        commands = f->on_data;
    }
    for (; commands && *commands; commands++) {
        fake_queue(f, *commands);
    }
}

static unsigned answer(struct fake *f, cr_span c, cr_buf *out)
{
    switch (c.p[1]) {
    case 0xA4:
        f->selected = c.n == 7 ? (unsigned)c.p[5] << 8 | c.p[6] : 0;
        return 0x9000;
    case 0xB2:
        put_hex(out, "61184F10A0000000871002FFFFFFFF89070900005004555349 4D");
        return c.p[2] == 1 ? 0x9000 : 0x6A83;
    case 0xB0:
        if (f->selected == 0x2FE2) {
            put_hex(out, "98000010325476981032");
        } else if (f->selected == 0x6F07 && f->pin && !f->verified) {
            return 0x6982;
        } else if (f->selected == 0x6F07 && f->imsi) {
            char swapped[19] = "080910100000000010";
            /* 9 + 15 digits, swapped */
            char digits[17];
            (void)snprintf(digits, sizeof digits, "9%s", f->imsi);
            for (size_t i = 0; i < 16; i += 2) {
                swapped[2 + i] = digits[i + 1];
                swapped[3 + i] = digits[i];
            }
            put_hex(out, swapped);
        } else {
            return 0x6A82;
        }
        return 0x9000;
    case 0x20: {
        char hex[17];
        f->verifies++;
        f->verified =
            f->pin && strcmp(cr_hex_into(hex, sizeof hex, cr_span_sub(c, 5, 8)), f->pin) == 0;
        return f->verified ? 0x9000 : 0x63C2;
    }
    case 0x88:
        cr_buf_append_span(out, cr_buf_span(&f->auth_answer));
        return f->auth_answer.n ? 0x9000 : 0x9862;
    case 0x12: {
        const char *hex = f->count ? f->queue[f->first] : f->endless;
        f->fetches++;
        if (!hex) {
            return 0x6F00;
        }
        put_hex(out, hex);
        if (f->count) {
            f->first = (f->first + 1) % FAKE_QUEUE;
            f->count--;
        }
        return 0x9000;
    }
    case 0x14:
        note_hex(f, "T ", cr_span_sub(c, 5, c.n));
        return ready(f);
    case 0xC2:
        note_hex(f, "E ", cr_span_sub(c, 5, c.n));
        f->shy = false;
        react(f, cr_span_sub(c, 5, c.n));
        return f->envelope_sw ? f->envelope_sw : ready(f);
    case 0xC0:
        put_hex(out, "0102");
        return ready(f);
    case 0xF2:
        f->shy = false;
        return ready(f);
    case 0x10:
        return ready(f);
    default:
        return 0x6D00;
    }
}

static cr_status transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct fake *f = ctx;
    if (f->gone) {
        return cr_fail(err, CR_RESOURCE, NULL, "the card was pulled");
    }
    assert_true(command.n >= 5);
    cr_buf_append_be(response, answer(f, command, response), 2);
    return CR_OK;
}

static cr_status reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct fake *f = ctx;
    if (f->gone) {
        return cr_fail(err, CR_RESOURCE, NULL, "the card was pulled");
    }
    f->resets++;
    f->verified = false;
    put_hex(atr, "3B9F96801FC78031E073FE2113");
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
    struct fake *f = ctx;
    char hex[40];
    note(f, "open %u %s %s:%u", channel, transport == CAT_TRANSPORT_TCP_CLIENT ? "tcp" : "udp",
         cr_hex_into(hex, sizeof hex, address), port);
    if (f->accept_open || f->refuse_open) {
        device_modem_opened(f->modem, channel, f->accept_open, f->now);
    }
}

static void on_send(void *ctx, unsigned channel, cr_span bytes)
{
    char what[20];
    (void)snprintf(what, sizeof what, "send %u ", channel);
    note_hex(ctx, what, bytes);
}

static void on_room(void *ctx, unsigned channel)
{
    note(ctx, "room %u", channel);
}

static void on_close(void *ctx, unsigned channel)
{
    note(ctx, "close %u", channel);
}

static bool on_originate(void *ctx, const struct sms_tpdu *t)
{
    struct fake *f = ctx;
    char to[SMS_ADDRESS_TEXT], hex[2 * SMS_USER_DATA_MAX + 1];
    sms_address_text(&t->address, to);
    note(f, "sms to %s %s", to, cr_hex_into(hex, sizeof hex, t->ud));
    return !f->refuse_sms;
}

static void on_registered(void *ctx, const char *imsi)
{
    note(ctx, "registered %s", imsi ? imsi : "-");
}

static void on_ended(void *ctx, uint64_t ref, enum device_sms_end end)
{
    static const char *const names[] = {"delivered", "refused", "absent", "lost"};
    note(ctx, "ended %u %s", (unsigned)ref, names[end]);
}

static void on_event(void *ctx, enum device_event event, const char *text)
{
    note(ctx, "%s: %s", device_event_name(event), text);
}

/* --- for tests ---------------------------------------------------------------------------------
 */

void fake_card(struct fake *f, struct card *out)
{
    *out = (struct card){.ctx = f, .transmit = transmit, .reset = reset, .close = close_card};
}

void fake_begin(struct fake *f, const char *config)
{
    struct cr_err err = {0};
    *f = (struct fake){.now = 1000000, .imsi = "001010000000001", .accept_open = true};
    f->log.limit = FAKE_LOG * 16;
    if (device_config_read(config, &f->config, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    struct card card;
    fake_card(f, &card);
    const struct device_modem_options options = {.config = &f->config,
                                                 .card = card,
                                                 .number = 7,
                                                 .env = cr_env_system(),
                                                 .ops = {.ctx = f,
                                                         .open = on_open,
                                                         .send = on_send,
                                                         .room = on_room,
                                                         .close = on_close,
                                                         .originate = on_originate,
                                                         .registered = on_registered,
                                                         .ended = on_ended,
                                                         .event = on_event}};
    assert_int_equal(device_modem_new(&options, &f->modem, NULL), CR_OK);
}

void fake_end(struct fake *f)
{
    device_modem_free(f->modem);
    device_config_free(&f->config);
    cr_buf_free(&f->auth_answer);
    cr_buf_free(&f->log);
}

void fake_queue(struct fake *f, const char *hex)
{
    assert_true(f->count < FAKE_QUEUE);
    (void)snprintf(f->queue[(f->first + f->count++) % FAKE_QUEUE], sizeof f->queue[0], "%s", hex);
}

void fake_run_to(struct fake *f, int64_t at)
{
    for (unsigned i = 0; i < 100000; i++) {
        int64_t due = device_modem_due(f->modem);
        if (due > at) {
            f->now = at;
            return;
        }
        f->now = due > f->now ? due : f->now;
        device_modem_run(f->modem, f->now);
    }
    fail_msg("the modem does not come to rest");
}

void fake_poll(struct fake *f)
{
    fake_run_to(f, f->now + 30000);
}

void fake_attach(struct fake *f)
{
    device_modem_power(f->modem, f->now);
    fake_run_to(f, f->now + 1000);
    assert_true(device_modem_registered(f->modem));
    fake_forget(f);
}

size_t fake_counts(struct fake *f, const char *text)
{
    size_t n = 0;
    const char *p = cr_buf_cstr(&f->log);
    while (p && (p = strstr(p, text))) {
        n++;
        p++;
    }
    return n;
}

void fake_says(struct fake *f, const char *text)
{
    if (!fake_counts(f, text)) {
        fail_msg("'%s' is not in:\n%s", text, cr_buf_cstr(&f->log));
    }
}

void fake_says_not(struct fake *f, const char *text)
{
    if (fake_counts(f, text)) {
        fail_msg("'%s' is in:\n%s", text, cr_buf_cstr(&f->log));
    }
}

void fake_forget(struct fake *f)
{
    cr_buf_reset(&f->log);
}
