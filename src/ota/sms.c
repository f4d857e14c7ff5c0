/*
 * TPDUs of short messages, 3GPP TS 23.040 9.2.2.
 */
#include "ota/sms_internal.h"

/* First octet. */
enum {
    MTI = 0x03,
    MTI_DELIVER = 0x00, /* and SMS-DELIVER-REPORT, the other way */
    MTI_SUBMIT = 0x01,
    NO_MORE = 0x04,           /* DELIVER */
    LOOP = 0x08,              /* DELIVER */
    REJECT_DUPLICATES = 0x04, /* SUBMIT */
    VPF_SHIFT = 3,            /* SUBMIT */
    STATUS_REPORT = 0x20,
    UDHI = 0x40,
    REPLY_PATH = 0x80,
};

/* TP-PI of reports. */
enum { PI_PID = 0x01, PI_DCS = 0x02, PI_UDL = 0x04, PI_EXTENSION = 0x80 };

static cr_status no_tpdu(struct cr_err *err, const char *what)
{
    return cr_fail(err, CR_MALFORMED, SMS_CLAUSE, "this is no TPDU of a short message: %s", what);
}

static cr_status cut(struct cr_err *err)
{
    return no_tpdu(err, "it is cut");
}

static bool take_byte(cr_span *in, uint8_t *out)
{
    if (in->n == 0) {
        return false;
    }
    *out = in->p[0];
    *in = cr_span_of(in->p + 1, in->n - 1);
    return true;
}

static size_t ud_max(enum sms_type type)
{
    return type == SMS_DELIVER_REPORT_ACK     ? SMS_REPORT_DATA_MAX
           : type == SMS_DELIVER_REPORT_ERROR ? SMS_REPORT_DATA_MAX - 1
                                              : SMS_USER_DATA_MAX;
}

/* TP-UDL and TP-UD, which end the TPDU. */
static cr_status take_ud(cr_span *in, struct sms_tpdu *t, struct cr_err *err)
{
    if (!take_byte(in, &t->udl)) {
        return cut(err);
    }
    size_t n = sms_dcs_is_7bit(t->dcs) ? ((size_t)t->udl * 7 + 7) / 8 : t->udl;
    if (n != in->n || n > ud_max(t->type)) {
        return no_tpdu(err, "TP-UDL is not the length of what follows");
    }
    t->ud = *in;
    *in = cr_span_of(in->p + n, 0);
    return CR_OK;
}

/* ---- time ---- */

static bool take_bcd(uint8_t byte, uint8_t *out)
{
    *out = (uint8_t)((byte & 0x0F) * 10 + (byte >> 4));
    return (byte & 0x0F) <= 9 && byte >> 4 <= 9;
}

static uint8_t make_bcd(unsigned value)
{
    return (uint8_t)(value % 10 << 4 | value / 10 % 10);
}

static cr_status take_time(cr_span *in, struct sms_time *out, struct cr_err *err)
{
    if (in->n < 7) {
        return cut(err);
    }
    uint8_t *const fields[] = {&out->year, &out->month,  &out->day,
                               &out->hour, &out->minute, &out->second};
    for (size_t i = 0; i < CR_COUNT(fields); i++) {
        if (!take_bcd(in->p[i], fields[i])) {
            return no_tpdu(err, "TP-SCTS has a digit above 9");
        }
    }
    uint8_t quarters = 0;
    bool west = (in->p[6] & 0x08) != 0;
    if (!take_bcd(in->p[6] & 0xF7, &quarters)) {
        return no_tpdu(err, "TP-SCTS has a digit above 9");
    }
    out->quarters = (int8_t)(west ? -quarters : quarters);
    *in = cr_span_of(in->p + 7, in->n - 7);
    return CR_OK;
}

static void put_time(const struct sms_time *t, cr_buf *out)
{
    const uint8_t fields[] = {t->year, t->month, t->day, t->hour, t->minute, t->second};
    for (size_t i = 0; i < sizeof fields; i++) {
        cr_buf_append_byte(out, make_bcd(fields[i]));
    }
    unsigned quarters = (unsigned)(t->quarters < 0 ? -t->quarters : t->quarters) % 80;
    cr_buf_append_byte(out, (uint8_t)(make_bcd(quarters) | (t->quarters < 0 ? 0x08 : 0)));
}

/* ---- reading ---- */

static cr_status decode_deliver(uint8_t first, cr_span *in, struct sms_tpdu *t, struct cr_err *err)
{
    t->type = SMS_DELIVER;
    t->more_to_send = !(first & NO_MORE);
    t->loop_prevention = (first & LOOP) != 0;
    t->status_report = (first & STATUS_REPORT) != 0;
    t->reply_path = (first & REPLY_PATH) != 0;
    CR_TRY(sms_address_take(in, &t->address, err));
    if (!take_byte(in, &t->pid) || !take_byte(in, &t->dcs)) {
        return cut(err);
    }
    CR_TRY(take_time(in, &t->time, err));
    return take_ud(in, t, err);
}

static size_t vp_size(enum sms_validity v)
{
    return v == SMS_VP_NONE ? 0 : v == SMS_VP_RELATIVE ? 1 : 7;
}

static cr_status decode_submit(uint8_t first, cr_span *in, struct sms_tpdu *t, struct cr_err *err)
{
    t->type = SMS_SUBMIT;
    t->reject_duplicates = (first & REJECT_DUPLICATES) != 0;
    t->validity = (enum sms_validity)(first >> VPF_SHIFT & 3);
    t->status_report = (first & STATUS_REPORT) != 0;
    t->reply_path = (first & REPLY_PATH) != 0;
    if (!take_byte(in, &t->reference)) {
        return cut(err);
    }
    CR_TRY(sms_address_take(in, &t->address, err));
    size_t vp = vp_size(t->validity);
    if (!take_byte(in, &t->pid) || !take_byte(in, &t->dcs) || in->n < vp) {
        return cut(err);
    }
    memcpy(t->vp, in->p, vp);
    *in = cr_span_of(in->p + vp, in->n - vp);
    return take_ud(in, t, err);
}

static cr_status decode_report(bool error, cr_span *in, struct sms_tpdu *t, struct cr_err *err)
{
    uint8_t pi = 0;
    t->type = error ? SMS_DELIVER_REPORT_ERROR : SMS_DELIVER_REPORT_ACK;
    if ((error && !take_byte(in, &t->cause)) || !take_byte(in, &pi)) {
        return cut(err);
    }
    if (pi & PI_EXTENSION) {
        return no_tpdu(err, "TP-PI with an extension is not known");
    }
    t->has_pid = (pi & PI_PID) != 0;
    t->has_dcs = (pi & PI_DCS) != 0;
    t->has_ud = (pi & PI_UDL) != 0;
    if ((t->has_pid && !take_byte(in, &t->pid)) || (t->has_dcs && !take_byte(in, &t->dcs))) {
        return cut(err);
    }
    if (t->has_ud) {
        return take_ud(in, t, err);
    }
    return in->n == 0 ? CR_OK : no_tpdu(err, "bytes behind its end");
}

cr_status sms_decode(enum sms_way way, cr_span tpdu, struct sms_tpdu *out, struct cr_err *err)
{
    struct sms_tpdu t = {0};
    cr_span in = tpdu;
    uint8_t first = 0;
    if (!take_byte(&in, &first) || tpdu.n > SMS_TPDU_MAX) {
        return no_tpdu(err, "its length");
    }
    t.has_header = (first & UDHI) != 0;
    unsigned mti = first & MTI;
    if (way == SMS_FROM_CARD && mti == MTI_SUBMIT) {
        CR_TRY(decode_submit(first, &in, &t, err));
    } else if (mti != MTI_DELIVER) {
        return no_tpdu(err, "its type is not handled");
    } else if (way == SMS_TO_CARD) {
        CR_TRY(decode_deliver(first, &in, &t, err));
    } else {
        CR_TRY(decode_report(way == SMS_FROM_CARD_ERROR, &in, &t, err));
    }
    *out = t;
    return CR_OK;
}

/* ---- writing ---- */

static cr_status put_ud(const struct sms_tpdu *t, cr_buf *out, struct cr_err *err)
{
    size_t udl = t->ud.n;
    if (sms_dcs_is_7bit(t->dcs)) {
        udl = t->udl;
        if ((udl * 7 + 7) / 8 != t->ud.n) {
            return no_tpdu(err, "TP-UDL does not fit the user data");
        }
    }
    if (t->ud.n > ud_max(t->type)) {
        return no_tpdu(err, "its user data is too long");
    }
    cr_buf_append_byte(out, (uint8_t)udl);
    cr_buf_append_span(out, t->ud);
    return CR_OK;
}

static unsigned flag(bool set, unsigned bit)
{
    return set ? bit : 0;
}

static cr_status encode(const struct sms_tpdu *t, cr_buf *out, struct cr_err *err)
{
    unsigned first = flag(t->has_header, UDHI);
    unsigned pi = flag(t->has_pid, PI_PID) | flag(t->has_dcs, PI_DCS) | flag(t->has_ud, PI_UDL);
    switch (t->type) {
    case SMS_DELIVER:
        first |= MTI_DELIVER | flag(!t->more_to_send, NO_MORE) | flag(t->loop_prevention, LOOP) |
                 flag(t->status_report, STATUS_REPORT) | flag(t->reply_path, REPLY_PATH);
        cr_buf_append_byte(out, (uint8_t)first);
        CR_TRY(sms_address_put(&t->address, out, err));
        cr_buf_append_byte(out, t->pid);
        cr_buf_append_byte(out, t->dcs);
        put_time(&t->time, out);
        return put_ud(t, out, err);
    case SMS_SUBMIT:
        first |= MTI_SUBMIT | flag(t->reject_duplicates, REJECT_DUPLICATES) |
                 (unsigned)t->validity << VPF_SHIFT | flag(t->status_report, STATUS_REPORT) |
                 flag(t->reply_path, REPLY_PATH);
        cr_buf_append_byte(out, (uint8_t)first);
        cr_buf_append_byte(out, t->reference);
        CR_TRY(sms_address_put(&t->address, out, err));
        cr_buf_append_byte(out, t->pid);
        cr_buf_append_byte(out, t->dcs);
        cr_buf_append(out, t->vp, vp_size(t->validity));
        return put_ud(t, out, err);
    case SMS_DELIVER_REPORT_ACK:
    case SMS_DELIVER_REPORT_ERROR:
        cr_buf_append_byte(out, (uint8_t)first);
        if (t->type == SMS_DELIVER_REPORT_ERROR) {
            cr_buf_append_byte(out, t->cause);
        }
        cr_buf_append_byte(out, (uint8_t)pi);
        if (t->has_pid) {
            cr_buf_append_byte(out, t->pid);
        }
        if (t->has_dcs) {
            cr_buf_append_byte(out, t->dcs);
        }
        return t->has_ud ? put_ud(t, out, err) : CR_OK;
    }
    return no_tpdu(err, "its type is not handled");
}

cr_status sms_encode(const struct sms_tpdu *t, cr_buf *out, struct cr_err *err)
{
    size_t before = out->n;
    cr_status status = encode(t, out, err);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        out->n = before;
    }
    return status;
}
