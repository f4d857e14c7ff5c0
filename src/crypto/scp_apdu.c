/*
 * Commands and responses under a secure channel: APDUs taken apart and put together, class bytes,
 * the order of calls. What is done with their data is behind struct scp_ops.
 */
#include "crypto/scp_internal.h"

#define CLA_CHAINING   0x10
#define CLA_FURTHER    0x40 /* channels 4 to 19 */
#define CLA_SM         0x04
#define CLA_SM_FURTHER 0x20
#define CLA_NOT_FIRST  0x28 /* channels 0 to 3: other secure messaging, reserved */

/* ---- bytes ---- */

bool scp_apdu_parse(cr_span apdu, struct scp_apdu *out)
{
    if (apdu.n < 4 || apdu.n > SCP_COMMAND_MAX) {
        return false;
    }
    *out = (struct scp_apdu){.cla = apdu.p[0], .ins = apdu.p[1], .p1 = apdu.p[2], .p2 = apdu.p[3]};
    out->data = cr_span_of(apdu.p + 4, 0);
    if (apdu.n == 4) {
        return true;
    }
    if (apdu.n == 5) {
        out->has_le = true;
        out->le = apdu.p[4];
        return true;
    }
    size_t lc = apdu.p[4]; /* 00 with more behind it would be the extended form */
    if (lc == 0 || (apdu.n != 5 + lc && apdu.n != 6 + lc)) {
        return false;
    }
    out->data = cr_span_of(apdu.p + 5, lc);
    out->has_le = apdu.n == 6 + lc;
    out->le = out->has_le ? apdu.p[5 + lc] : 0;
    return true;
}

static void apdu_put(cr_buf *out, const struct scp_apdu *a, uint8_t cla, cr_span data)
{
    const uint8_t head[] = {cla, a->ins, a->p1, a->p2};
    cr_buf_append(out, head, sizeof head);
    if (data.n > 0) {
        cr_buf_append_byte(out, (uint8_t)data.n);
        cr_buf_append_span(out, data);
    }
    if (a->has_le) {
        cr_buf_append_byte(out, a->le);
    }
}

bool scp_cla_secured(uint8_t cla)
{
    return (cla & (cla & CLA_FURTHER ? CLA_SM_FURTHER : CLA_SM)) != 0;
}

/* A class that secure messaging can be put on. Chaining and what is reserved would not be under the
 * MAC, and other kinds of secure messaging are not ours. */
bool scp_cla_usable(uint8_t cla)
{
    return !(cla & CLA_CHAINING) && (cla & CLA_FURTHER || !(cla & CLA_NOT_FIRST));
}

static uint8_t cla_with(uint8_t cla)
{
    return (uint8_t)(cla | (cla & CLA_FURTHER ? CLA_SM_FURTHER : CLA_SM));
}

static uint8_t cla_without(uint8_t cla)
{
    return (uint8_t)(cla & ~(cla & CLA_FURTHER ? CLA_SM_FURTHER : CLA_SM));
}

/* The class under the MAC: secure messaging, logical channel 0 whatever the real one. */
uint8_t scp_cla_of_mac(uint8_t cla)
{
    return (uint8_t)((cla & 0x80) | CLA_SM);
}

/* ---- commands ---- */

size_t scp_command_overhead(const struct scp_session *s)
{
    if (s->state != SCP_STATE_OPEN || !(s->level & SCP_LEVEL_C_MAC)) {
        return 0;
    }
    return s->level & SCP_LEVEL_C_DECRYPTION ? SCP_MAC + s->ops->block : SCP_MAC;
}

size_t scp_response_overhead(const struct scp_session *s)
{
    if (s->state != SCP_STATE_OPEN || !(s->level & SCP_LEVEL_R_MAC)) {
        return 0;
    }
    return s->level & SCP_LEVEL_R_ENCRYPTION ? SCP_MAC + s->ops->block : SCP_MAC;
}

/* SCP02's R-MAC is over the command as well. */
static void keep_command(struct scp_session *s, const struct scp_apdu *a, cr_span data)
{
    s->command_open = true;
    s->last_n = 0;
    if (s->facts.protocol != SCP_02 || !(s->level & SCP_LEVEL_R_MAC)) {
        return;
    }
    /* class without secure messaging and channel, Lc of the plain data, 00 without data */
    const uint8_t head[] = {(uint8_t)(a->cla & 0x80), a->ins, a->p1, a->p2, (uint8_t)data.n};
    memcpy(s->last, head, sizeof head);
    memcpy(s->last + sizeof head, data.p, data.n);
    s->last_n = (uint16_t)(sizeof head + data.n);
}

cr_status scp_wrap_command(struct scp_session *s, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_OPEN) {
        return scp_wrong_time(err);
    }
    struct scp_apdu a;
    if (!scp_apdu_parse(apdu, &a)) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "this is no short command APDU");
    }
    if (!scp_cla_usable(a.cla) || scp_cla_secured(a.cla)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_WRONG_DATA,
                        "the class of the command has secure messaging or chaining already");
    }
    size_t before = out->n;
    if (!(s->level & SCP_LEVEL_C_MAC)) {
        cr_buf_append_span(out, apdu);
        if (!cr_buf_ok(out)) {
            scp_take_back(out, before);
            return cr_fail_memory(err);
        }
        keep_command(s, &a, a.data);
        return CR_OK;
    }
    size_t grown = s->level & SCP_LEVEL_C_DECRYPTION && a.data.n > 0
                       ? scp_padded_size(a.data.n, s->ops->block)
                       : a.data.n;
    if (grown + SCP_MAC > 255) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                        "the command is too long for secure messaging");
    }
    cr_buf field = {.limit = 255, .secret = true};
    struct scp_apdu under_mac = a;
    under_mac.cla = scp_cla_of_mac(a.cla);
    cr_status status = s->ops->protect(s, &under_mac, &field, err);
    if (status == CR_OK) {
        apdu_put(out, &a, cla_with(a.cla), cr_buf_span(&field));
        if (!cr_buf_ok(out)) {
            scp_take_back(out, before);
            status = cr_fail_memory(err);
        }
    }
    cr_buf_free(&field);
    if (status != CR_OK) { /* the chain has moved on, nothing fits any more */
        return scp_end_with(s, status);
    }
    keep_command(s, &a, a.data);
    return CR_OK;
}

static cr_status unwrap_command(struct scp_session *s, cr_span apdu, cr_buf *out,
                                struct cr_err *err)
{
    struct scp_apdu a;
    if (!scp_apdu_parse(apdu, &a)) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "this is no short command APDU");
    }
    bool secured = scp_cla_secured(a.cla);
    if (secured != ((s->level & SCP_LEVEL_C_MAC) != 0) || (secured && !scp_cla_usable(a.cla))) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY,
                        secured ? "secure messaging that the security level does not have"
                                : "the security level demands a C-MAC on every command");
    }
    if (!secured) {
        cr_buf_append_span(out, apdu);
        keep_command(s, &a, a.data);
        return CR_OK;
    }
    if (a.data.n < SCP_MAC) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "the command is too short for a C-MAC");
    }
    cr_buf plain = {.limit = 255, .secret = true};
    struct scp_apdu under_mac = a;
    under_mac.cla = scp_cla_of_mac(a.cla);
    cr_status status = s->ops->open(s, &under_mac, &plain, err);
    if (status == CR_OK) {
        apdu_put(out, &a, cla_without(a.cla), cr_buf_span(&plain));
        keep_command(s, &a, cr_buf_span(&plain));
    }
    cr_buf_free(&plain);
    return status;
}

cr_status scp_unwrap_command(struct scp_session *s, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_OPEN) {
        return scp_wrong_time(err);
    }
    size_t before = out->n;
    cr_status status = unwrap_command(s, apdu, out, err);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        scp_take_back(out, before);
        return scp_end_with(s, status);
    }
    return CR_OK;
}

/* ---- responses ---- */

static bool sw_is_error(uint16_t sw)
{
    return sw != 0x9000 && sw >> 8 != 0x62 && sw >> 8 != 0x63;
}

static bool answer_is_bare(const struct scp_session *s, uint16_t sw)
{
    return !(s->level & SCP_LEVEL_R_MAC) || (sw_is_error(sw) && !s->ops->errors_have_mac);
}

cr_status scp_wrap_response(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                            struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_OPEN || !s->command_open) {
        return scp_wrong_time(err);
    }
    if (data.n + scp_response_overhead(s) > SCP_RESPONSE_MAX) {
        return scp_fail(err, CR_INTERNAL, SCP_SW_LENGTH,
                        "the response is too long for secure messaging");
    }
    size_t before = out->n;
    cr_status status = CR_OK;
    if (!answer_is_bare(s, sw)) {
        status = s->ops->answer(s, data, sw, out, err);
    } else if (s->level & SCP_LEVEL_R_MAC && data.n > 0) {
        return scp_fail(err, CR_INTERNAL, SCP_SW_CONDITIONS,
                        "an error status goes without data under R-MAC");
    } else {
        cr_buf_append_span(out, data);
    }
    cr_buf_append_be(out, sw, 2);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        scp_take_back(out, before);
        return scp_end_with(s, status);
    }
    s->command_open = false;
    return CR_OK;
}

static cr_status unwrap_response(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                                 struct cr_err *err)
{
    if (answer_is_bare(s, sw)) {
        if (s->level & SCP_LEVEL_R_MAC && data.n > 0) {
            return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY,
                            "data with an error status, although the level has R-MAC");
        }
        cr_buf_append_span(out, data);
        return CR_OK;
    }
    if (data.n < SCP_MAC) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the response has no R-MAC");
    }
    return s->ops->read_answer(s, data, sw, out, err);
}

cr_status scp_unwrap_response(struct scp_session *s, cr_span response, cr_buf *data, uint16_t *sw,
                              struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_OPEN || !s->command_open) {
        return scp_wrong_time(err);
    }
    if (response.n < 2 || response.n > SCP_RESPONSE_MAX + 2) {
        return scp_end_with(
            s, scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "a response has 2 to 258 bytes"));
    }
    uint16_t status_word =
        (uint16_t)((unsigned)response.p[response.n - 2] << 8 | response.p[response.n - 1]);
    size_t before = data->n;
    cr_status status =
        unwrap_response(s, cr_span_sub(response, 0, response.n - 2), status_word, data, err);
    if (status == CR_OK && !cr_buf_ok(data)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        scp_take_back(data, before);
        return scp_end_with(s, status);
    }
    s->command_open = false;
    *sw = status_word;
    return CR_OK;
}
