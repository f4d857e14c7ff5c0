/*
 * Short messages between service centre and chip, with what the script does to them.
 */
#include "device/internal.h"

#include <inttypes.h>

#define SWAP_MS 5000 /* a message that waits for the next one does not wait for ever */

static void remove_at(struct device_modem *m, size_t i)
{
    m->waiting_count--;
    memmove(&m->waiting[i], &m->waiting[i + 1], (m->waiting_count - i) * sizeof m->waiting[0]);
}

static void end(struct device_modem *m, const struct waiting *w, enum device_sms_end how)
{
    if (!w->copy && !w->up) {
        m->ops.ended(m->ops.ctx, w->ref, how);
    }
}

static bool strikes(struct device_modem *m, bool up, enum device_fault_action down_action,
                    uint32_t *value)
{
    /* the actions of both directions stand in the same order */
    enum device_fault_action action =
        up ? (enum device_fault_action)(down_action + (DEVICE_LOSE_UP - DEVICE_LOSE_DOWN))
           : down_action;
    if (!device_fault_strikes(&m->faults, action, m->imsi, value)) {
        return false;
    }
    modem_say(m, DEVICE_EVENT_FAULT, "%s", device_fault_rows[action].name);
    return true;
}

/* Puts it at a place; false: no room. */
static bool insert(struct device_modem *m, size_t at, const struct waiting *w)
{
    if (m->waiting_count == DEVICE_MAX_WAITING) {
        end(m, w, DEVICE_SMS_ABSENT);
        return false;
    }
    memmove(&m->waiting[at + 1], &m->waiting[at], (m->waiting_count - at) * sizeof m->waiting[0]);
    m->waiting[at] = *w;
    m->waiting_count++;
    return true;
}

static size_t held_at(const struct device_modem *m, bool up)
{
    size_t i = 0;
    while (i < m->waiting_count && !(m->waiting[i].held && m->waiting[i].up == up)) {
        i++;
    }
    return i;
}

void modem_sms_put(struct device_modem *m, bool up, uint64_t ref, cr_span tpdu)
{
    struct waiting w = {.ref = ref, .at_ms = m->now, .up = up, .size = (uint8_t)tpdu.n};
    uint32_t ms = 0;
    if (tpdu.n > sizeof w.bytes) {
        end(m, &w, DEVICE_SMS_REFUSED);
        return;
    }
    memcpy(w.bytes, tpdu.p, tpdu.n);
    if (strikes(m, up, DEVICE_LOSE_DOWN, &ms)) {
        end(m, &w, DEVICE_SMS_LOST);
        return;
    }
    bool twice = strikes(m, up, DEVICE_DOUBLE_DOWN, &ms);
    if (strikes(m, up, DEVICE_DELAY_DOWN, &ms)) {
        w.at_ms = m->now + ms;
    }
    size_t held = held_at(m, up);
    bool waits = held < m->waiting_count;
    if (!waits && strikes(m, up, DEVICE_SWAP_DOWN, &ms)) {
        w.held = true;
        w.at_ms = m->now + SWAP_MS;
    }
    size_t at = waits ? held : m->waiting_count;
    if (insert(m, at, &w) && waits) {
        m->waiting[at + 1].held = false;
        m->waiting[at + 1].at_ms = w.at_ms;
    }
    if (twice) {
        w.copy = true;
        (void)insert(m, at, &w);
    }
}

static void send_up(struct device_modem *m, const struct waiting *w)
{
    struct sms_tpdu t;
    if (sms_decode(SMS_FROM_CARD, cr_span_of(w->bytes, w->size), &t, NULL) == CR_OK) {
        (void)m->ops.originate(m->ops.ctx, &t);
    }
}

/* PID of the (U)SIM data download and 8 bit data: for the chip, everything else for people. */
static bool is_for_chip(const struct sms_tpdu *t)
{
    return t->pid == SMS_PID_USIM_DOWNLOAD &&
           (t->dcs == SMS_DCS_8BIT || sms_dcs_is_8bit_class2(t->dcs));
}

/* False: the chip was busy, and the message stays. */
static bool send_down(struct device_modem *m, struct waiting *w)
{
    struct sms_tpdu t;
    cr_span tpdu = cr_span_of(w->bytes, w->size);
    if (sms_decode(SMS_TO_CARD, tpdu, &t, NULL) != CR_OK) {
        modem_say(m, DEVICE_EVENT_PROBLEM, "a short message that is none");
        end(m, w, DEVICE_SMS_REFUSED);
        return true;
    }
    char from[SMS_ADDRESS_TEXT];
    sms_address_text(&t.address, from);
    if (!is_for_chip(&t)) {
        cr_buf text = {0};
        (void)sms_text(&t, &text);
        const char *shown = cr_buf_cstr(&text);
        modem_say(m, DEVICE_EVENT_SMS_DOWN, "from %s, for people: %s", from, shown ? shown : "");
        cr_buf_free(&text);
        end(m, w, DEVICE_SMS_DELIVERED);
        return true;
    }
    cr_buf smsc = {0}, envelope = {0};
    struct sms_address centre;
    unsigned sw = 0;
    bool named = m->config->smsc &&
                 sms_address_parse(cr_span_str(m->config->smsc), &centre, NULL) == CR_OK &&
                 sms_address_put_rp(&centre, &smsc, NULL) == CR_OK;
    cat_envelope_sms_pp(&envelope, named ? cr_buf_span(&smsc) : (cr_span){0}, tpdu);
    cr_buf_free(&smsc);
    modem_say(m, DEVICE_EVENT_SMS_DOWN, "from %s, %zu bytes", from, t.ud.n);
    modem_envelope(m, &envelope, &sw);
    if (sw == 0x9300 && ++w->tries < DEVICE_SMS_TRIES) {
        return false;
    }
    end(m, w, sw == 0x9000 ? DEVICE_SMS_DELIVERED : DEVICE_SMS_REFUSED);
    return true;
}

bool modem_sms_run(struct device_modem *m)
{
    for (size_t i = 0; i < m->waiting_count; i++) {
        struct waiting w = m->waiting[i];
        if (w.at_ms > m->now) {
            continue;
        }
        /* taken out first: what follows from it may put others in */
        remove_at(m, i);
        if (w.up) {
            send_up(m, &w);
        } else if (!send_down(m, &w) && !m->dead) {
            (void)insert(m, i <= m->waiting_count ? i : m->waiting_count, &w);
        }
        return true;
    }
    return false;
}

void modem_sms_absent(struct device_modem *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->waiting_count; i++) {
        if (m->waiting[i].up) { /* on their way in the network */
            m->waiting[kept++] = m->waiting[i];
        } else {
            end(m, &m->waiting[i], DEVICE_SMS_ABSENT);
        }
    }
    m->waiting_count = kept;
}

int64_t modem_sms_due(const struct device_modem *m)
{
    int64_t due = NEVER;
    for (size_t i = 0; i < m->waiting_count; i++) {
        due = m->waiting[i].at_ms < due ? m->waiting[i].at_ms : due;
    }
    return due;
}
