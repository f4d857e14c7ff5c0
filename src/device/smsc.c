#include "device/smsc.h"

#include "base/text.h"
#include "device/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BUCKETS 4096
#define NOBODY  UINT32_MAX

#define MAX_SEPTETS 160

enum state { STATE_FREE, STATE_WAITING, STATE_SENT };

struct message {
    enum state state;
    uint32_t generation; /* a ref of an earlier one in this place is not this one's */
    uint32_t next;       /* in the list of free ones, or in the order of waiting ones */
    bool up;
    int64_t until_ms, retry_ms;
    uint64_t order;                    /* of its coming */
    char system_id[SMPP_MAX_NAME + 1]; /* who submitted it, or who gets it */
    struct smpp_message message;
};

struct modem_number {
    char msisdn[SMPP_MAX_ADDRESS + 1]; /* empty = not registered */
    uint32_t next;                     /* in its bucket */
};

struct smsc {
    const struct device_config *config;
    struct smsc_ops ops;
    struct message *messages;
    uint32_t room, used, free; /* free: first of the list */
    uint32_t alive;
    uint64_t orders;
    struct modem_number *modems;
    uint32_t modem_count;
    uint32_t buckets[BUCKETS]; /* of registered numbers */
};

/* --- numbers -----------------------------------------------------------------------------------
 */

static const char *digits(const char *number)
{
    return number + (number[0] == '+');
}

static uint32_t bucket_of(const char *number)
{
    uint32_t h = 2166136261u;
    for (const char *p = digits(number); *p; p++) {
        h = (h ^ (uint8_t)*p) * 16777619u;
    }
    return h % BUCKETS;
}

static uint32_t modem_of(const struct smsc *s, const char *number)
{
    uint32_t i = s->buckets[bucket_of(number)];
    while (i != NOBODY && !smpp_same_number(s->modems[i].msisdn, number)) {
        i = s->modems[i].next;
    }
    return i;
}

static void forget_number(struct smsc *s, uint32_t modem)
{
    struct modem_number *m = &s->modems[modem];
    if (m->msisdn[0]) {
        uint32_t *at = &s->buckets[bucket_of(m->msisdn)];
        while (*at != modem) {
            at = &s->modems[*at].next;
        }
        *at = m->next;
        m->msisdn[0] = '\0';
    }
}

/* Somebody may have this number some day: it is in the configuration. */
static bool is_subscriber(const struct smsc *s, const char *number)
{
    const struct device_config *c = s->config;
    for (size_t i = 0; i < c->number_count; i++) {
        const struct device_number *n = &c->numbers[i];
        const char *have = digits(n->msisdn);
        if (n->prefix ? strncmp(digits(number), have, strlen(have)) == 0
                      : smpp_same_number(number, n->msisdn)) {
            return true;
        }
    }
    return false;
}

/* --- messages ----------------------------------------------------------------------------------
 */

static void say(struct smsc *s, bool up, const char *fmt, ...) CR_PRINTF(3, 4);
static void say(struct smsc *s, bool up, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    if (!s->ops.event) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    cr_text_clean(line);
    s->ops.event(s->ops.ctx, up ? DEVICE_EVENT_SMS_UP : DEVICE_EVENT_SMS_DOWN, line);
}

static bool grow(struct smsc *s)
{
    uint32_t room = s->room ? 2 * s->room : 64;
    if (room > SMSC_MAX_MESSAGES) {
        return false;
    }
    struct message *more = realloc(s->messages, room * sizeof *more);
    if (!more) {
        return false;
    }
    memset(more + s->room, 0, (room - s->room) * sizeof *more);
    s->messages = more;
    s->room = room;
    return true;
}

static struct message *message_new(struct smsc *s, const struct smpp_message *message, bool up,
                                   const char *system_id, int64_t now_ms)
{
    uint32_t i = s->free;
    if (i != NOBODY) {
        s->free = s->messages[i].next;
    } else if (s->used < s->room || grow(s)) {
        i = s->used++;
    } else {
        return NULL;
    }
    struct message *m = &s->messages[i];
    *m = (struct message){.state = STATE_WAITING,
                          .generation = m->generation + 1,
                          .up = up,
                          .until_ms = now_ms + (int64_t)s->config->validity_seconds * 1000,
                          .retry_ms = now_ms,
                          .order = s->orders++,
                          .message = *message};
    (void)cr_str_copy(m->system_id, sizeof m->system_id, cr_span_str(system_id));
    s->alive++;
    return m;
}

static void message_free(struct smsc *s, struct message *m)
{
    m->state = STATE_FREE;
    m->next = s->free;
    s->free = (uint32_t)(m - s->messages);
    s->alive--;
}

static uint64_t ref_of(const struct smsc *s, const struct message *m)
{
    /* the high bit belongs to the SMPP server */
    return ((uint64_t)(m->generation & 0x7FFFFFFF) << 32) | (uint64_t)(m - s->messages);
}

static struct message *message_of(struct smsc *s, uint64_t ref)
{
    uint32_t i = (uint32_t)ref;
    return i < s->used && s->messages[i].state == STATE_SENT && ref_of(s, &s->messages[i]) == ref
               ? &s->messages[i]
               : NULL;
}

static void receipt(struct smsc *s, const struct message *m, uint8_t state)
{
    struct smpp_receipt r = {.state = state};
    /* 1: always; 2: only when it failed (5.2.17) */
    unsigned wanted = m->message.registered_delivery & 3;
    if (wanted == 1 || (wanted == 2 && state != 2)) {
        (void)snprintf(r.id, sizeof r.id, "%" PRIx64, ref_of(s, m));
        s->ops.receipt(s->ops.ctx, m->system_id, &r, &m->message);
    }
}

/* --- down --------------------------------------------------------------------------------------
 */

static void stamp(int64_t now_ms, struct sms_time *out)
{
    uint8_t p[6];
    device_calendar(now_ms, p);
    *out = (struct sms_time){
        .year = p[0], .month = p[1], .day = p[2], .hour = p[3], .minute = p[4], .second = p[5]};
}

/* A text in the GSM alphabet is one character a byte in SMPP and packed in the TPDU. TON and NPI of
 * SMPP are those of the TPDU (TS 23.040 9.1.2.5); alphanumeric ones are not kept. */
static bool make_deliver(const struct smpp_message *m, int64_t now_ms, cr_buf *out)
{
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = (m->esm_class & SMPP_UDHI) != 0,
                         .pid = m->protocol_id,
                         .dcs = m->data_coding,
                         .ud = cr_span_of(m->text, m->text_size)};
    if (sms_address_parse(cr_span_str(m->from), &t.address, NULL) != CR_OK) {
        return false;
    }
    if (m->from_ton != 5 && m->from_ton < 8 && m->from_npi < 16) {
        t.address.ton_npi = (uint8_t)(0x80 | m->from_ton << 4 | m->from_npi);
    }
    stamp(now_ms, &t.time);
    uint8_t packed[SMS_USER_DATA_MAX] = {0};
    if (sms_dcs_is_7bit(t.dcs)) {
        if (t.has_header || m->text_size > MAX_SEPTETS) {
            return false; /* a header among septets is nobody's wish here */
        }
        for (size_t i = 0; i < m->text_size; i++) {
            size_t at = i * 7 / 8, shift = i * 7 % 8;
            unsigned two_bytes = (unsigned)(m->text[i] & 0x7F) << shift;
            packed[at] = (uint8_t)(packed[at] | two_bytes);
            if (two_bytes > 0xFF) {
                packed[at + 1] = (uint8_t)(two_bytes >> 8);
            }
        }
        t.udl = (uint8_t)m->text_size;
        t.ud = cr_span_of(packed, (m->text_size * 7 + 7) / 8);
    }
    return sms_encode(&t, out, NULL) == CR_OK && cr_buf_ok(out);
}

/* Gives it to the modem that has the number; nothing when none has. */
static void send_down(struct smsc *s, struct message *m, int64_t now_ms)
{
    cr_buf tpdu = {0};
    uint32_t modem = modem_of(s, m->message.to);
    m->retry_ms = now_ms + (int64_t)s->config->retry_seconds * 1000;
    if (modem != NOBODY && make_deliver(&m->message, now_ms, &tpdu)) {
        m->state = STATE_SENT;
        s->ops.down(s->ops.ctx, modem, ref_of(s, m), cr_buf_span(&tpdu));
    }
    cr_buf_free(&tpdu);
}

uint32_t smsc_submit(struct smsc *s, const char *system_id, const struct smpp_message *message,
                     int64_t now_ms, char id[SMPP_MAX_ID + 1])
{
    cr_buf tpdu = {0};
    if (message->text_size >
        (sms_dcs_is_7bit(message->data_coding) ? MAX_SEPTETS : SMS_USER_DATA_MAX)) {
        return SMSC_INVALID_SIZE;
    }
    if (modem_of(s, message->to) == NOBODY && !is_subscriber(s, message->to)) {
        say(s, false, "%s: nobody has the number %s", system_id, message->to);
        return SMPP_BAD_DEST;
    }
    bool fits = make_deliver(message, now_ms, &tpdu);
    cr_buf_free(&tpdu);
    if (!fits) {
        return SMPP_BAD_SOURCE;
    }
    struct message *m = message_new(s, message, false, system_id, now_ms);
    if (!m) {
        return SMPP_QUEUE_FULL;
    }
    (void)snprintf(id, SMPP_MAX_ID + 1, "%" PRIx64, ref_of(s, m));
    say(s, false, "%s: %zu bytes for %s, id %s", system_id, message->text_size, message->to, id);
    send_down(s, m, now_ms);
    return SMPP_OK;
}

void smsc_ended(struct smsc *s, uint64_t ref, enum device_sms_end end, int64_t now_ms)
{
    struct message *m = message_of(s, ref);
    if (!m || m->up) {
        return;
    }
    switch (end) {
    case DEVICE_SMS_ABSENT:
        m->state = STATE_WAITING;
        m->retry_ms = now_ms + (int64_t)s->config->retry_seconds * 1000;
        return;
    case DEVICE_SMS_DELIVERED:
        receipt(s, m, 2);
        break;
    case DEVICE_SMS_REFUSED:
        receipt(s, m, 5);
        break;
    case DEVICE_SMS_LOST:
    default:
        break;
    }
    message_free(s, m);
}

/* --- up ----------------------------------------------------------------------------------------
 */

static void send_up(struct smsc *s, struct message *m, int64_t now_ms)
{
    m->retry_ms = now_ms + (int64_t)s->config->retry_seconds * 1000;
    m->state = STATE_SENT;
    if (!s->ops.up(s->ops.ctx, m->system_id, &m->message, ref_of(s, m))) {
        m->state = STATE_WAITING;
    }
}

static void split_address(const char *text, uint8_t ton_npi, uint8_t *ton, uint8_t *npi,
                          char out[SMPP_MAX_ADDRESS + 1])
{
    *ton = ton_npi >> 4 & 7;
    *npi = ton_npi & 15;
    (void)cr_str_copy(out, SMPP_MAX_ADDRESS + 1, cr_span_str(digits(text)));
}

bool smsc_originate(struct smsc *s, uint32_t modem, const struct sms_tpdu *submit, int64_t now_ms)
{
    struct smpp_message out = {.esm_class = submit->has_header ? SMPP_UDHI : 0,
                               .protocol_id = submit->pid,
                               .data_coding = submit->dcs,
                               .text_size = submit->ud.n};
    char to[SMS_ADDRESS_TEXT];
    if (modem >= s->modem_count || !s->modems[modem].msisdn[0] || submit->ud.n > sizeof out.text) {
        return false;
    }
    if (sms_dcs_is_7bit(submit->dcs) && !submit->has_header) {
        out.text_size = submit->udl;
        for (size_t i = 0; i < out.text_size && i * 7 / 8 < submit->ud.n; i++) {
            size_t at = i * 7 / 8, shift = i * 7 % 8;
            unsigned next = at + 1 < submit->ud.n ? submit->ud.p[at + 1] : 0;
            out.text[i] = (uint8_t)(((submit->ud.p[at] | next << 8) >> shift) & 0x7F);
        }
    } else if (submit->ud.n) {
        memcpy(out.text, submit->ud.p, submit->ud.n);
    }
    const char *from = s->modems[modem].msisdn;
    sms_address_text(&submit->address, to);
    split_address(from, from[0] == '+' ? SMS_TON_NPI_INTERNATIONAL : SMS_TON_NPI_UNKNOWN,
                  &out.from_ton, &out.from_npi, out.from);
    split_address(to, submit->address.ton_npi, &out.to_ton, &out.to_npi, out.to);
    const struct device_esme *esme = device_esme_of(s->config, out.to);
    if (!esme && !is_subscriber(s, out.to)) {
        say(s, true, "%s: nobody has the number %s", from, to);
        return false;
    }
    struct message *m = message_new(s, &out, esme != NULL, esme ? esme->system_id : "", now_ms);
    if (!m) {
        return false;
    }
    say(s, true, "%s: %zu bytes for %s", from, out.text_size, esme ? esme->system_id : to);
    if (esme) {
        send_up(s, m, now_ms);
    } else {
        send_down(s, m, now_ms);
    }
    return true;
}

void smsc_answered(struct smsc *s, uint64_t ref, uint32_t status, int64_t now_ms)
{
    struct message *m = message_of(s, ref);
    if (!m || !m->up) {
        return;
    }
    if (status == SMPP_LOST || status == SMPP_THROTTLED || status == SMPP_QUEUE_FULL ||
        status == SMPP_SYSTEM) {
        m->state = STATE_WAITING;
        m->retry_ms = now_ms + (int64_t)s->config->retry_seconds * 1000;
        return;
    }
    if (status != SMPP_OK) {
        say(s, true, "%s refuses a message with status %08X", m->system_id, (unsigned)status);
    }
    message_free(s, m);
}

/* --- time --------------------------------------------------------------------------------------
 */

static int by_order(const void *a, const void *b)
{
    const struct message *x = *(const struct message *const *)a;
    const struct message *y = *(const struct message *const *)b;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Sends what waits and is chosen, in the order it came. number NULL: what is due. */
static void send_waiting(struct smsc *s, const char *number, int64_t now_ms)
{
    if (s->alive == 0) {
        return;
    }
    uint32_t n = 0;
    struct message **chosen = calloc(s->alive, sizeof(struct message *));
    for (uint32_t i = 0; chosen && i < s->used; i++) {
        struct message *m = &s->messages[i];
        if (m->state == STATE_WAITING &&
            (number ? !m->up && smpp_same_number(m->message.to, number) : m->retry_ms <= now_ms)) {
            chosen[n++] = m;
        }
    }
    if (n > 1) {
        qsort(chosen, n, sizeof(struct message *), by_order);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (chosen[i]->up) {
            send_up(s, chosen[i], now_ms);
        } else {
            send_down(s, chosen[i], now_ms);
        }
    }
    free(chosen);
}

void smsc_registered(struct smsc *s, uint32_t modem, const char *imsi, int64_t now_ms)
{
    if (modem >= s->modem_count) {
        return;
    }
    forget_number(s, modem);
    struct modem_number *m = &s->modems[modem];
    if (imsi && device_msisdn_of(s->config, imsi, m->msisdn)) {
        uint32_t *bucket = &s->buckets[bucket_of(m->msisdn)];
        m->next = *bucket;
        *bucket = modem;
        send_waiting(s, m->msisdn, now_ms);
    }
}

void smsc_run(struct smsc *s, int64_t now_ms)
{
    for (uint32_t i = 0; i < s->used && s->alive; i++) {
        struct message *m = &s->messages[i];
        if (m->state == STATE_WAITING && m->until_ms <= now_ms) {
            say(s, m->up, "a message for %s is too old", m->message.to);
            if (!m->up) {
                receipt(s, m, 3);
            }
            message_free(s, m);
        }
    }
    send_waiting(s, NULL, now_ms);
}

size_t smsc_pending(const struct smsc *s)
{
    return s->alive;
}

/* --- life --------------------------------------------------------------------------------------
 */

cr_status smsc_new(const struct device_config *config, uint32_t modems, const struct smsc_ops *ops,
                   struct smsc **out, struct cr_err *err)
{
    struct smsc *s = calloc(1, sizeof *s);
    if (!s) {
        return cr_fail_memory(err);
    }
    s->modems = calloc(modems ? modems : 1, sizeof *s->modems);
    if (!s->modems) {
        free(s);
        return cr_fail_memory(err);
    }
    s->config = config;
    s->ops = *ops;
    s->modem_count = modems;
    s->free = NOBODY;
    for (size_t i = 0; i < BUCKETS; i++) {
        s->buckets[i] = NOBODY;
    }
    *out = s;
    return CR_OK;
}

void smsc_free(struct smsc *s)
{
    if (s) {
        free(s->messages);
        free(s->modems);
        free(s);
    }
}
