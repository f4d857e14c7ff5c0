/*
 * The network as the modem meets it: attach, service, location, authentication.
 */
#include "device/internal.h"

#include <stdio.h>

#define DEFAULT_DELAY_MS 200
#define DEFAULT_RETRY_MS 10000

/* Service is over; messages go back to the service centre. */
static void leave(struct device_modem *m, const char *why)
{
    if (m->service == SERVICE_NORMAL) {
        modem_say(m, DEVICE_EVENT_NETWORK, "service ends: %s", why);
        m->service = SERVICE_NONE;
        modem_sms_absent(m);
        m->ops.registered(m->ops.ctx, NULL);
    }
    m->service = SERVICE_NONE;
}

static void attempt_in(struct device_modem *m, int64_t ms)
{
    m->attach_at = m->now + ms;
}

void modem_network_begin(struct device_modem *m)
{
    bool known = false;
    leave(m, "the chip starts again");
    m->radio_off = false;
    if (m->dead) {
        m->attach_at = NEVER;
        return;
    }
    m->network = device_network_of(m->config, m->imsi, &known);
    if (strcmp(m->imsi, m->attempts_of) != 0) { /* tries are counted for each subscription */
        (void)snprintf(m->attempts_of, sizeof m->attempts_of, "%s", m->imsi);
        m->attempts = 0;
    }
    if (!m->imsi[0]) {
        modem_say(m, DEVICE_EVENT_NETWORK, "no IMSI: emergency calls only");
        m->service = SERVICE_REFUSED;
        m->attach_at = NEVER;
        return;
    }
    m->service = SERVICE_TRYING;
    attempt_in(m, m->network ? m->network->delay_ms : DEFAULT_DELAY_MS);
}

static const char *name_of(const struct device_modem *m)
{
    return m->network ? m->network->name : "any network";
}

static void refused(struct device_modem *m, enum modem_service service, const char *why)
{
    modem_say(m, DEVICE_EVENT_NETWORK, "%s: attempt %u %s", name_of(m), m->attempts, why);
    m->service = service;
    attempt_in(m, m->network ? m->network->retry_ms : DEFAULT_RETRY_MS);
}

void modem_network_run(struct device_modem *m)
{
    bool known = false;
    uint32_t value = 0;
    if (m->radio_off) {
        m->radio_off = false;
        modem_say(m, DEVICE_EVENT_NETWORK, "the radio is back");
    }
    const struct device_network *n = m->network = device_network_of(m->config, m->imsi, &known);
    m->attempts++;
    if (device_fault_strikes(&m->faults, DEVICE_NO_ATTACH, m->imsi, &value)) {
        refused(m, SERVICE_REFUSED, "refused by script");
    } else if (device_fault_strikes(&m->faults, DEVICE_NO_ANSWER, m->imsi, &value)) {
        refused(m, SERVICE_NONE, "not answered by script");
    } else if (!known) {
        refused(m, SERVICE_REFUSED, "refused: no network has this IMSI");
    } else if (n && n->attach == DEVICE_ATTACH_TIMES_OUT) {
        refused(m, SERVICE_NONE, "not answered");
    } else if (n && (n->attach == DEVICE_ATTACH_REFUSES || m->attempts <= n->tries)) {
        refused(m, SERVICE_REFUSED, "refused");
    } else if (!modem_authenticate(m)) {
        if (!m->dead) {
            refused(m, SERVICE_REFUSED, "refused: authentication failed");
        }
    } else {
        m->attach_at = NEVER;
        m->service = SERVICE_NORMAL;
        modem_say(m, DEVICE_EVENT_NETWORK, "%s: service for %s", name_of(m), m->imsi);
        m->ops.registered(m->ops.ctx, m->imsi);
    }
}

void modem_radio_off(struct device_modem *m, int64_t ms)
{
    leave(m, "the radio is gone");
    modem_channels_drop(m);
    m->radio_off = true;
    attempt_in(m, ms);
}

uint8_t modem_location_status(const struct device_modem *m)
{
    switch (m->service) {
    case SERVICE_NORMAL:
        return CAT_SERVICE_NORMAL;
    case SERVICE_REFUSED:
        return CAT_SERVICE_LIMITED;
    case SERVICE_NONE:
    case SERVICE_TRYING:
    default:
        return CAT_SERVICE_NONE;
    }
}

/* PLMN of the first five digits, swapped (TS 24.008 10.5.1.13): MNC of two digits. */
static void plmn_of(const char *imsi, uint8_t out[3])
{
    out[0] = (uint8_t)((imsi[1] - '0') << 4 | (imsi[0] - '0'));
    out[1] = (uint8_t)(0xF0 | (imsi[2] - '0'));
    out[2] = (uint8_t)((imsi[4] - '0') << 4 | (imsi[3] - '0'));
}

bool modem_put_location(const struct device_modem *m, cr_buf *b)
{
    uint8_t value[9] = {0};
    if (m->service != SERVICE_NORMAL || strlen(m->imsi) < 5) {
        return false;
    }
    uint16_t area = 1;
    uint32_t cell = 1;
    plmn_of(m->imsi, value);
    if (m->network) {
        memcpy(value, m->network->plmn, sizeof m->network->plmn);
        area = m->network->area;
        cell = m->network->cell;
    }
    value[3] = (uint8_t)(area >> 8);
    value[4] = (uint8_t)area;
    if (m->config->access < 8) { /* GERAN, UTRAN: cell identity of two bytes (TS 31.111 8.19) */
        value[5] = (uint8_t)(cell >> 8);
        value[6] = (uint8_t)cell;
        cat_put(b, CAT_TAG_LOCATION | CAT_COMPREHENSION, cr_span_of(value, 7));
        return true;
    }
    cell = cell << 4 | 0xF; /* E-UTRAN cell id: 28 bits, the rest is ones */
    for (unsigned i = 0; i < 4; i++) {
        value[5 + i] = (uint8_t)(cell >> (24 - 8 * i));
    }
    cat_put(b, CAT_TAG_LOCATION | CAT_COMPREHENSION, cr_span_of(value, 9));
    return true;
}

/* --- authentication (TS 33.102 6.3) ------------------------------------------------------------
 */

static void sqn_bytes(uint64_t sqn, uint8_t out[6])
{
    for (unsigned i = 0; i < 6; i++) {
        out[i] = (uint8_t)(sqn >> (40 - 8 * i));
    }
}

/* Takes the card's sequence number over when it is genuine. */
static bool resynchronise(struct device_modem *m, const struct device_key *key,
                          const uint8_t rand[16], cr_span auts)
{
    uint8_t sqn[6];
    if (auts.n != AKA_AUTS || aka_auts(&key->aka, rand, auts.p, sqn, NULL) != CR_OK) {
        return false;
    }
    m->sqn = 0;
    for (unsigned i = 0; i < 6; i++) {
        m->sqn = m->sqn << 8 | sqn[i];
    }
    return true;
}

enum outcome { AUTH_GOOD, AUTH_FAILED, AUTH_AGAIN };

static enum outcome authenticate_once(struct device_modem *m, const struct device_key *key)
{
    static const uint8_t amf[2] = {0x80, 0x00}; /* separation bit: E-UTRAN */
    uint8_t command[5 + 17 + 17] = {0x00, 0x88, 0x00, 0x81, 34, 16};
    uint8_t sqn[6], *rand = command + 6, *autn = command + 23;
    struct aka_vector v = {0};
    cr_span answer = {0};
    m->sqn = (m->sqn + 32) & 0xFFFFFFFFFFFFu; /* the next SEQ, IND as it was */
    sqn_bytes(m->sqn, sqn);
    if (cr_random(m->env, rand, 16, NULL) != CR_OK || key->aka.mac_size != 8 ||
        aka_compute(&key->aka, rand, sqn, amf, &v, NULL) != CR_OK) {
        return AUTH_FAILED;
    }
    autn[-1] = 16;
    aka_autn(&v, sqn, amf, autn);
    enum outcome outcome = AUTH_FAILED;
    unsigned sw = modem_exchange(m, CR_SPAN_ARRAY(command), &answer);
    if (sw == 0x9000 && answer.n >= 2 && answer.p[1] <= answer.n - 2) {
        cr_span value = cr_span_sub(answer, 2, answer.p[1]);
        if (answer.p[0] == 0xDB && cr_span_equal_ct(value, cr_span_of(v.res, key->aka.res_size))) {
            outcome = AUTH_GOOD;
        } else if (answer.p[0] == 0xDC && resynchronise(m, key, rand, value)) {
            modem_say(m, DEVICE_EVENT_NETWORK, "authentication: sequence number taken over");
            outcome = AUTH_AGAIN;
        }
    }
    cr_wipe(&v, sizeof v);
    return outcome;
}

bool modem_authenticate(struct device_modem *m)
{
    const struct device_key *key = device_key_of(m->config, m->imsi);
    if (!key) {
        return true;
    }
    enum outcome outcome = authenticate_once(m, key);
    if (outcome == AUTH_AGAIN) {
        outcome = authenticate_once(m, key);
    }
    return outcome == AUTH_GOOD;
}
