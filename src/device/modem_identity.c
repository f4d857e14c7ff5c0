/*
 * Who is in the chip: ICCID, USIM, IMSI and the operator's name, read as terminals do after power
 * on (TS 102 221 14, TS 31.102 5.1.1).
 */
#include "device/internal.h"

#include "profile/ef.h"

#include <stdio.h>

#define MAX_AID         16
#define MAX_DIR_RECORDS 10

static bool select_id(struct device_modem *m, unsigned id)
{
    const uint8_t command[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, (uint8_t)(id >> 8), (uint8_t)id};
    return modem_exchange(m, CR_SPAN_ARRAY(command), NULL) == 0x9000;
}

static bool read_file(struct device_modem *m, unsigned id, uint8_t size, cr_span *out)
{
    const uint8_t command[] = {0x00, 0xB0, 0x00, 0x00, size};
    return select_id(m, id) && modem_exchange(m, CR_SPAN_ARRAY(command), out) == 0x9000 &&
           out->n >= size;
}

/* The AID of a USIM in a record of EF.DIR: 61 L 4F L AID .. */
static bool usim_of(cr_span record, uint8_t aid[MAX_AID], size_t *n)
{
    static const uint8_t usim[] = {0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
    if (record.n < 4 || record.p[0] != 0x61 || record.p[2] != 0x4F) {
        return false;
    }
    cr_span found = cr_span_sub(record, 4, record.p[3]);
    if (found.n != record.p[3] || found.n > MAX_AID || found.n < sizeof usim ||
        memcmp(found.p, usim, sizeof usim) != 0) {
        return false;
    }
    memcpy(aid, found.p, found.n);
    *n = found.n;
    return true;
}

static bool select_usim(struct device_modem *m)
{
    uint8_t select[5 + MAX_AID] = {0x00, 0xA4, 0x04, 0x0C};
    size_t n = 0;
    if (!select_id(m, 0x3F00) || !select_id(m, 0x2F00)) {
        return false;
    }
    for (uint8_t i = 1; i <= MAX_DIR_RECORDS && n == 0; i++) {
        const uint8_t read[] = {0x00, 0xB2, i, 0x04, 0x00};
        cr_span record = {0};
        if (modem_exchange(m, CR_SPAN_ARRAY(read), &record) != 0x9000) {
            return false;
        }
        (void)usim_of(record, select + 5, &n);
    }
    select[4] = (uint8_t)n;
    return n > 0 && modem_exchange(m, cr_span_of(select, 5 + n), NULL) == 0x9000;
}

static void read_spn(struct device_modem *m)
{
    cr_span ef = {0};
    cr_buf text = {0};
    if (read_file(m, 0x6F46, PROFILE_SPN, &ef)) {
        profile_alpha_text(cr_span_sub(ef, 1, ef.n), &text);
        (void)snprintf(m->spn, sizeof m->spn, "%s", cr_buf_cstr(&text) ? (char *)text.p : "");
    }
    cr_buf_free(&text);
}

static void verify_pin(struct device_modem *m)
{
    uint8_t command[5 + 8] = {0x00, 0x20, 0x00, 0x01, 0x08};
    if (!m->config->has_pin || m->pin_refused) {
        return;
    }
    memcpy(command + 5, m->config->pin, sizeof m->config->pin);
    unsigned sw = modem_exchange(m, CR_SPAN_ARRAY(command), NULL);
    cr_wipe(command, sizeof command);
    if (sw >> 4 == 0x63C || sw == 0x6983) {
        m->pin_refused = true;
        modem_say(m, DEVICE_EVENT_PROBLEM, "PIN1 is refused with %04X; it is not tried again", sw);
    }
}

void modem_read_identity(struct device_modem *m)
{
    cr_span ef = {0};
    char imsi[PROFILE_IMSI_TEXT], iccid[PROFILE_ICCID_TEXT];
    m->imsi[0] = m->iccid[0] = m->spn[0] = '\0';
    if (select_id(m, 0x3F00) && read_file(m, 0x2FE2, PROFILE_ICCID, &ef)) {
        const char *digits = profile_iccid_text(cr_span_sub(ef, 0, PROFILE_ICCID), iccid);
        (void)snprintf(m->iccid, sizeof m->iccid, "%s", digits ? digits : "");
    }
    m->usim = select_usim(m);
    if (m->usim) {
        verify_pin(m);
    }
    if (m->usim && read_file(m, 0x6F07, PROFILE_IMSI, &ef)) {
        const char *digits = profile_imsi_text(cr_span_sub(ef, 0, PROFILE_IMSI), imsi);
        (void)snprintf(m->imsi, sizeof m->imsi, "%s", digits ? digits : "");
    }
    if (m->usim) {
        read_spn(m);
    }
    if (!m->dead) {
        modem_say(m, DEVICE_EVENT_IDENTITY, "ICCID %s, IMSI %s%s%s", m->iccid[0] ? m->iccid : "-",
                  m->imsi[0] ? m->imsi : "-", m->spn[0] ? ", " : "", m->spn);
    }
}
