/*
 * Proactive commands and their answers (TS 102 223 6.4, 6.6).
 */
#include "device/internal.h"

#include "base/text.h"

#include <stdio.h>

void modem_respond(struct device_modem *m, const struct cat_command *c, uint8_t result,
                   cr_span info, cr_span more)
{
    cr_buf b = {0};
    cat_response_begin(&b, c, result, info);
    cr_buf_append_span(&b, more);
    if (cr_buf_ok(&b) && b.n <= CAT_MAX_DATA) {
        uint8_t command[5 + CAT_MAX_DATA] = {0x80, 0x14, 0x00, 0x00, (uint8_t)b.n};
        memcpy(command + 5, b.p, b.n);
        modem_say_object(m, DEVICE_EVENT_RESPONSE, cat_print_response, cr_buf_span(&b));
        unsigned sw = modem_exchange(m, cr_span_of(command, 5 + b.n), NULL);
        if (sw != 0x9000) {
            modem_say(m, DEVICE_EVENT_PROBLEM, "TERMINAL RESPONSE was answered by %04X", sw);
        }
    }
    cr_buf_free(&b);
}

static void plain(struct device_modem *m, const struct cat_command *c, uint8_t result)
{
    modem_respond(m, c, result, (cr_span){0}, (cr_span){0});
}

static void because(struct device_modem *m, const struct cat_command *c, uint8_t result,
                    uint8_t info)
{
    modem_respond(m, c, result, cr_span_of(&info, 1), (cr_span){0});
}

/* --- REFRESH (6.4.7) ---------------------------------------------------------------------------
 */

static void refresh(struct device_modem *m, const struct cat_command *c)
{
    char before[sizeof m->imsi];
    switch (c->qualifier) {
    case CAT_REFRESH_UICC_RESET: /* the new session is the answer */
        m->reset = true;
        return;
    case CAT_REFRESH_STEERING:
    case CAT_REFRESH_STEERING_IWLAN:
    case CAT_REFRESH_APPLICATION_UPDATE:
        plain(m, c, CAT_RESULT_OK);
        return;
    case CAT_REFRESH_INIT_FULL_CHANGE:
    case CAT_REFRESH_FILE_CHANGE:
    case CAT_REFRESH_INIT_FILE_CHANGE:
    case CAT_REFRESH_INIT:
    case CAT_REFRESH_APPLICATION_RESET:
    case CAT_REFRESH_SESSION_RESET:
    case CAT_REFRESH_PROFILE_STATE:
        break;
    default:
        plain(m, c, CAT_RESULT_DATA_NOT_UNDERSTOOD);
        return;
    }
    (void)snprintf(before, sizeof before, "%s", m->imsi);
    modem_read_identity(m);
    bool again = strcmp(before, m->imsi) != 0 || c->qualifier == CAT_REFRESH_APPLICATION_RESET ||
                 c->qualifier == CAT_REFRESH_SESSION_RESET;
    plain(m, c, CAT_RESULT_OK);
    if (again) {
        modem_channels_drop(m);
        modem_network_begin(m);
    }
}

/* --- POLL INTERVAL, events, timers -------------------------------------------------------------
 */

static void poll_interval(struct device_modem *m, const struct cat_command *c)
{
    cr_span value = {0};
    uint32_t tenths = 0;
    if (!cat_find(c->tlvs, CAT_TAG_DURATION, &value)) {
        plain(m, c, CAT_RESULT_VALUES_MISSING);
    } else if (!cat_duration_read(value, &tenths) || tenths == 0) {
        plain(m, c, CAT_RESULT_DATA_NOT_UNDERSTOOD);
    } else {
        uint8_t used[4] = {CAT_TAG_DURATION, 2};
        m->poll_seconds = tenths < 10 ? 1 : tenths / 10;
        m->poll_at = m->now + (int64_t)m->poll_seconds * 1000;
        cat_duration_write(used + 2, m->poll_seconds);
        modem_respond(m, c, CAT_RESULT_OK, (cr_span){0}, CR_SPAN_ARRAY(used));
    }
}

static void polling_off(struct device_modem *m, const struct cat_command *c)
{
    m->poll_at = NEVER;
    plain(m, c, CAT_RESULT_OK);
}

static void event_list(struct device_modem *m, const struct cat_command *c)
{
    const uint32_t known = CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS) |
                           CAT_EVENT_BIT(CAT_EVENT_DATA_AVAILABLE) |
                           CAT_EVENT_BIT(CAT_EVENT_CHANNEL_STATUS);
    cr_span list = {0};
    uint32_t events = 0;
    bool all = true;
    if (!cat_find(c->tlvs, CAT_TAG_EVENT_LIST, &list)) {
        plain(m, c, CAT_RESULT_VALUES_MISSING);
        return;
    }
    for (size_t i = 0; i < list.n; i++) {
        uint32_t bit = list.p[i] < CAT_EVENTS ? CAT_EVENT_BIT(list.p[i]) & known : 0;
        all = all && bit;
        events |= bit;
    }
    if (all) { /* the new list takes the place of the old one, as a whole or not at all */
        m->events = events;
        m->told_status = modem_location_status(m);
    }
    plain(m, c, all ? CAT_RESULT_OK : CAT_RESULT_BEYOND_CAPABILITIES);
}

static void timer_management(struct device_modem *m, const struct cat_command *c)
{
    uint8_t id = 0, more[8] = {CAT_TAG_TIMER_ID, 1, 0, CAT_TAG_TIMER_VALUE, 3};
    cr_span value = {0};
    uint32_t seconds = 0;
    if (!cat_find_byte(c->tlvs, CAT_TAG_TIMER_ID, &id)) {
        plain(m, c, CAT_RESULT_VALUES_MISSING);
        return;
    }
    if (id < 1 || id > CAT_TIMERS || (c->qualifier & 3) == 3) {
        plain(m, c, CAT_RESULT_DATA_NOT_UNDERSTOOD);
        return;
    }
    int64_t *timer = &m->timers[id - 1];
    more[2] = id;
    if ((c->qualifier & 3) == CAT_TIMER_START) {
        if (!cat_find(c->tlvs, CAT_TAG_TIMER_VALUE, &value)) {
            plain(m, c, CAT_RESULT_VALUES_MISSING);
            return;
        }
        if (!cat_timer_read(value, &seconds)) {
            plain(m, c, CAT_RESULT_DATA_NOT_UNDERSTOOD);
            return;
        }
        *timer = m->now + (int64_t)seconds * 1000;
        m->timer_seconds[id - 1] = seconds;
        modem_respond(m, c, CAT_RESULT_OK, (cr_span){0}, cr_span_of(more, 3));
        return;
    }
    if (*timer == NEVER) {
        plain(m, c, CAT_RESULT_TIMER_CONTRADICTION);
        return;
    }
    int64_t left = *timer > m->now ? (*timer - m->now + 999) / 1000 : 0;
    cat_timer_write(more + 5, (uint32_t)left);
    if ((c->qualifier & 3) == CAT_TIMER_DEACTIVATE) {
        *timer = NEVER;
    }
    modem_respond(m, c, CAT_RESULT_OK, (cr_span){0}, CR_SPAN_ARRAY(more));
}

/* --- PROVIDE LOCAL INFORMATION (6.4.15) --------------------------------------------------------
 */

/* Digit i of the IMEI (SV); that of chip N has the serial number + N. */
static unsigned imei_digit(const struct device_modem *m, unsigned i)
{
    unsigned serial = m->number;
    char digits[17];
    memcpy(digits, m->config->imei, sizeof digits);
    for (unsigned at = 13; at >= 8; at--) { /* six digits, overflow forgotten */
        serial += (unsigned)(digits[at] - '0');
        digits[at] = (char)('0' + serial % 10);
        serial /= 10;
    }
    if (i == 14) { /* Luhn check digit over the fourteen before */
        unsigned sum = 0;
        for (unsigned k = 0; k < 14; k++) {
            unsigned d = (unsigned)(digits[k] - '0') * (k % 2 ? 2 : 1);
            sum += d / 10 + d % 10;
        }
        return (10 - sum % 10) % 10;
    }
    return (unsigned)(digits[i] - '0');
}

static void put_imei(const struct device_modem *m, cr_buf *b)
{
    /* mobile identity (TS 24.008 10.5.1.4): type 2, odd count; eight bytes */
    uint8_t value[8] = {(uint8_t)(imei_digit(m, 0) << 4 | 0x0A)};
    for (unsigned i = 1; i < 8; i++) {
        value[i] = (uint8_t)(imei_digit(m, 2 * i) << 4 | imei_digit(m, 2 * i - 1));
    }
    cat_put(b, CAT_TAG_IMEI | CAT_COMPREHENSION, CR_SPAN_ARRAY(value));
}

void device_calendar(int64_t now_ms, uint8_t parts[6])
{
    static const uint8_t at[6] = {2, 5, 8, 11, 14, 17}; /* 2026-11-21T09:05:00Z */
    char text[CR_TIME_TEXT];
    (void)cr_time_format(text, now_ms);
    for (size_t i = 0; i < 6; i++) {
        parts[i] = (uint8_t)((text[at[i]] - '0') * 10 + (text[at[i] + 1] - '0'));
    }
}

static void put_time(const struct device_modem *m, cr_buf *b)
{
    uint8_t value[7] = {0}; /* the last one: UTC */
    device_calendar(m->now, value);
    for (size_t i = 0; i < 6; i++) {
        value[i] = (uint8_t)(value[i] % 10 << 4 | value[i] / 10);
    }
    cat_put(b, CAT_TAG_DATE_TIME | CAT_COMPREHENSION, CR_SPAN_ARRAY(value));
}

static void local_information(struct device_modem *m, const struct cat_command *c)
{
    cr_buf more = {0};
    bool service = true, known = true;
    switch (c->qualifier) {
    case CAT_LOCAL_LOCATION:
        service = modem_put_location(m, &more);
        break;
    case CAT_LOCAL_IMEI:
        put_imei(m, &more);
        break;
    case CAT_LOCAL_DATE_TIME:
        put_time(m, &more);
        break;
    case CAT_LOCAL_ACCESS_TECHNOLOGY:
        service = m->service == SERVICE_NORMAL;
        cat_put_byte(&more, CAT_TAG_ACCESS_TECHNOLOGY | CAT_COMPREHENSION, m->config->access);
        break;
    default:
        known = false;
        break;
    }
    if (!known) {
        plain(m, c, CAT_RESULT_BEYOND_CAPABILITIES);
    } else if (!service) {
        because(m, c, CAT_RESULT_TERMINAL_BUSY, CAT_INFO_NO_SERVICE);
    } else {
        modem_respond(m, c, CAT_RESULT_OK, (cr_span){0}, cr_buf_span(&more));
    }
    cr_buf_free(&more);
}

/* --- SEND SHORT MESSAGE (6.4.10) ---------------------------------------------------------------
 */

static bool up_fault_pending(const struct device_modem *m)
{
    for (size_t i = 0; i < m->config->fault_count; i++) {
        enum device_fault_action a = m->config->faults[i].action;
        if (a >= DEVICE_LOSE_UP && a <= DEVICE_SWAP_UP) {
            return true;
        }
    }
    return false;
}

static void send_short_message(struct device_modem *m, const struct cat_command *c)
{
    cr_span tpdu = {0};
    struct sms_tpdu t;
    struct cr_err err = {0};
    if (!cat_find(c->tlvs, CAT_TAG_SMS_TPDU, &tpdu)) {
        plain(m, c, CAT_RESULT_VALUES_MISSING);
        return;
    }
    if (sms_decode(SMS_FROM_CARD, tpdu, &t, &err) != CR_OK || t.type != SMS_SUBMIT) {
        modem_say(m, DEVICE_EVENT_PROBLEM, "no SMS-SUBMIT: %s", err.cause);
        plain(m, c, CAT_RESULT_DATA_NOT_UNDERSTOOD);
        return;
    }
    if (m->service != SERVICE_NORMAL) {
        because(m, c, CAT_RESULT_TERMINAL_BUSY, CAT_INFO_NO_SERVICE);
        return;
    }
    char to[SMS_ADDRESS_TEXT];
    sms_address_text(&t.address, to);
    modem_say(m, DEVICE_EVENT_SMS_UP, "to %s, %zu bytes", to, t.ud.n);
    if (up_fault_pending(m)) { /* through the queue, where the script works */
        modem_sms_put(m, true, 0, tpdu);
        plain(m, c, CAT_RESULT_OK);
    } else if (m->ops.originate(m->ops.ctx, &t)) {
        plain(m, c, CAT_RESULT_OK);
    } else {
        because(m, c, 0x35, 0x26); /* RP-ERROR: network out of order (TS 24.011 8.2.5.4) */
    }
}

/* --- all of them -------------------------------------------------------------------------------
 */

static void accept(struct device_modem *m, const struct cat_command *c)
{
    plain(m, c, CAT_RESULT_OK);
}

static const struct {
    uint8_t type;
    void (*perform)(struct device_modem *m, const struct cat_command *c);
} commands[] = {
    {CAT_REFRESH, refresh},
    {CAT_MORE_TIME, accept},
    {CAT_POLL_INTERVAL, poll_interval},
    {CAT_POLLING_OFF, polling_off},
    {CAT_SET_UP_EVENT_LIST, event_list},
    {CAT_SEND_SHORT_MESSAGE, send_short_message},
    {CAT_DISPLAY_TEXT, accept}, /* shown by the trace */
    {CAT_SET_UP_MENU, accept},
    {CAT_PROVIDE_LOCAL_INFORMATION, local_information},
    {CAT_TIMER_MANAGEMENT, timer_management},
};

/* What cannot be read is answered all the same (6.10), with its command details when it has any. */
static void answer_malformed(struct device_modem *m, cr_span tlv)
{
    struct cat_command c = {0};
    cr_span details = {0}, content = {0};
    size_t head = tlv.n > 1 && tlv.p[1] == 0x81 ? 3 : 2;
    content = cr_span_sub(tlv, head, tlv.n);
    if (cat_find(content, CAT_TAG_COMMAND_DETAILS, &details) && details.n == 3) {
        c.number = details.p[0];
        c.type = details.p[1];
        c.qualifier = details.p[2];
    }
    modem_say(m, DEVICE_EVENT_PROBLEM, "a proactive command that cannot be read");
    plain(m, &c, CAT_RESULT_DATA_NOT_UNDERSTOOD);
}

void modem_perform(struct device_modem *m, cr_span tlv)
{
    struct cat_command c;
    uint32_t value = 0;
    modem_say_object(m, DEVICE_EVENT_COMMAND, cat_print_command, tlv);
    if (device_fault_strikes(&m->faults, DEVICE_RESET, m->imsi, &value)) {
        modem_say(m, DEVICE_EVENT_FAULT, "reset");
        m->reset = true;
        return;
    }
    if (cat_command_read(tlv, &c, NULL) != CR_OK) {
        answer_malformed(m, tlv);
        return;
    }
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        if (commands[i].type == c.type) {
            commands[i].perform(m, &c);
            return;
        }
    }
    if (!modem_channel_command(m, &c)) {
        plain(m, &c,
              cat_command_name(c.type) ? CAT_RESULT_BEYOND_CAPABILITIES
                                       : CAT_RESULT_TYPE_NOT_UNDERSTOOD);
    }
}
