/*
 * One APDU after the other: status words that mean "there is more", habits of cards with Le and
 * classes, proactive commands.
 */
#include "lpa/es10_internal.h"
#include "lpa/status_word.h"

#include "asn1/der.h"

#define MAX_APDU          (5 + ES10_MAX_BLOCK + 1)
#define MAX_GET_RESPONSES 20000 /* of one command */
#define MAX_PROACTIVE     64    /* commands in a row */

enum { INS_TERMINAL_RESPONSE = 0x14, INS_FETCH = 0x12, INS_GET_RESPONSE = 0xC0 };

enum { CAT_MORE_TIME = 0x02, CAT_REFRESH = 0x01 };
enum { REFRESH_UICC_RESET = 0x04 };
enum { RESULT_DONE = 0x00, RESULT_BEYOND_CAPABILITIES = 0x30 };

uint8_t es10_cla(const struct es10 *e, uint8_t first)
{
    int channel = e->channel == ES10_NO_CHANNEL ? 0 : e->channel;
    if (channel < 4) {
        return (uint8_t)(first | (unsigned)channel);
    }
    return (uint8_t)(first | 0x40U | (unsigned)(channel - 4));
}

bool es10_success(unsigned sw)
{
    return sw == 0x9000 || (sw & 0xFF00) == 0x9100;
}

static size_t write_apdu(const struct es10_command *c, uint8_t out[MAX_APDU])
{
    size_t n = 0;
    out[n++] = c->cla;
    out[n++] = c->ins;
    out[n++] = c->p1;
    out[n++] = c->p2;
    if (c->data.n > 0) {
        out[n++] = (uint8_t)c->data.n;
        memcpy(out + n, c->data.p, c->data.n);
        n += c->data.n;
    }
    if (c->has_le) {
        out[n++] = c->le;
    }
    return n;
}

/* One APDU and its answer; the status word is cut off the data. */
static cr_status transmit(struct es10 *e, const struct es10_command *command, cr_buf *data,
                          unsigned *sw, struct cr_err *err)
{
    uint8_t apdu[MAX_APDU];
    cr_span out = cr_span_of(apdu, write_apdu(command, apdu));
    if (e->options.trace) {
        e->options.trace(e->options.trace_ctx, true, out);
    }
    size_t before = data->n;
    cr_status status = e->card.transmit(e->card.ctx, out, data, err);
    cr_wipe(apdu, sizeof(apdu));
    if (status != CR_OK) {
        data->n = before;
        return status;
    }
    if (!cr_buf_ok(data)) {
        return cr_fail(err, CR_RESOURCE, NULL, "the card's answer is too long to be kept");
    }
    if (data->n - before < 2) {
        data->n = before;
        return cr_fail(err, CR_MALFORMED, "ISO 7816-4 5.1", "the card's answer has no status word");
    }
    cr_span in = cr_span_of(data->p + before, data->n - before);
    if (e->options.trace) {
        e->options.trace(e->options.trace_ctx, false, in);
    }
    *sw = (unsigned)in.p[in.n - 2] << 8 | in.p[in.n - 1];
    data->n -= 2;
    return CR_OK;
}

/* 6Cxx: the same command once more with the length the card wants. */
static cr_status transmit_with_le(struct es10 *e, struct es10_command command, cr_buf *data,
                                  unsigned *sw, struct cr_err *err)
{
    CR_TRY(transmit(e, &command, data, sw, err));
    if ((*sw & 0xFF00) == 0x6C00) {
        command.has_le = true;
        command.le = (uint8_t)(*sw & 0xFF);
        CR_TRY(transmit(e, &command, data, sw, err));
    }
    return CR_OK;
}

static bool class_refused(unsigned sw)
{
    return sw == 0x6E00 || sw == 0x6D00 || sw == 0x6881;
}

/* One GET RESPONSE. A card that does not know its class is asked with the other one. */
static cr_status get_response(struct es10 *e, uint8_t le, cr_buf *data, unsigned *sw,
                              struct cr_err *err)
{
    struct es10_command command = {.cla = es10_cla(e, e->class_gp ? 0x80 : 0x00),
                                   .ins = INS_GET_RESPONSE,
                                   .has_le = true,
                                   .le = le};
    CR_TRY(transmit_with_le(e, command, data, sw, err));
    if (class_refused(*sw) && e->options.get_response == ES10_CLASS_AUTO) {
        command.cla = es10_cla(e, e->class_gp ? 0x00 : 0x80);
        CR_TRY(transmit_with_le(e, command, data, sw, err));
        if (!class_refused(*sw)) {
            e->class_gp = !e->class_gp;
        }
    }
    return CR_OK;
}

cr_status es10_exchange(struct es10 *e, const struct es10_command *command, cr_buf *data,
                        unsigned *sw, struct cr_err *err)
{
    CR_TRY(transmit_with_le(e, *command, data, sw, err));
    for (size_t i = 0; (*sw & 0xFF00) == 0x6100; i++) {
        if (i == MAX_GET_RESPONSES || data->n > ES10_MAX_RESPONSE) {
            return cr_fail(err, CR_MALFORMED, NULL, "the card's answer does not end");
        }
        CR_TRY(get_response(e, (uint8_t)(*sw & 0xFF), data, sw, err));
    }
    return CR_OK;
}

/* ---- proactive commands (TS 102 223) ---- */

struct proactive {
    uint8_t number, type, qualifier;
};

/* Command details out of D0{81 03 number type qualifier, ...}; the comprehension bit of the tag may
 * be clear. */
static bool read_proactive(cr_span in, struct proactive *out)
{
    struct der_tlv command;
    struct der_tlv details;
    if (der_expect(&in, DER_BER_LENGTHS, 0xD0, &command, NULL) != CR_OK) {
        return false;
    }
    if (!der_find(command.value, 0x81, &details) && !der_find(command.value, 0x01, &details)) {
        return false;
    }
    if (details.value.n != 3) {
        return false;
    }
    out->number = details.value.p[0];
    out->type = details.value.p[1];
    out->qualifier = details.value.p[2];
    return true;
}

static cr_status terminal_response(struct es10 *e, const struct proactive *p, uint8_t result,
                                   unsigned *sw, struct cr_err *err)
{
    const uint8_t body[] = {0x81, 0x03, p->number, p->type, p->qualifier, 0x82,
                            0x02, 0x82, 0x81,      0x83,    0x01,         result};
    struct es10_command command = {
        .cla = 0x80, .ins = INS_TERMINAL_RESPONSE, .data = CR_SPAN_ARRAY(body)};
    cr_buf data = {.limit = CARD_MAX_RESPONSE};
    cr_status status = es10_exchange(e, &command, &data, sw, err);
    cr_buf_free(&data);
    return status;
}

/* Carries one proactive command out; *sw is what the card says then. */
static cr_status serve(struct es10 *e, cr_span fetched, unsigned *sw, struct cr_err *err)
{
    struct proactive p = {0};
    if (!read_proactive(fetched, &p)) {
        /* The card waits for an answer to something that cannot be read: only a reset helps. */
        e->reset_wanted = true;
        *sw = 0x9000;
        return CR_OK;
    }
    if (p.type != CAT_REFRESH) {
        return terminal_response(
            e, &p, p.type == CAT_MORE_TIME ? RESULT_DONE : RESULT_BEYOND_CAPABILITIES, sw, err);
    }
    e->refreshes++;
    if (p.qualifier == REFRESH_UICC_RESET) {
        /* The activation of the card is the answer (TS 102 223 6.4.7). */
        e->reset_wanted = true;
        *sw = 0x9000;
        return CR_OK;
    }
    e->reopen_wanted = true;
    return terminal_response(e, &p, RESULT_DONE, sw, err);
}

cr_status es10_serve_proactive(struct es10 *e, unsigned sw, struct cr_err *err)
{
    if (e->options.behind_modem) {
        return CR_OK; /* the modem sees the 91xx too */
    }
    for (int i = 0; (sw & 0xFF00) == 0x9100; i++) {
        if (i == MAX_PROACTIVE) {
            e->reset_wanted = true; /* it talks for ever: end that */
            return CR_OK;
        }
        struct es10_command fetch = {
            .cla = 0x80, .ins = INS_FETCH, .has_le = true, .le = (uint8_t)(sw & 0xFF)};
        cr_buf data = {.limit = CARD_MAX_RESPONSE};
        cr_status status = es10_exchange(e, &fetch, &data, &sw, err);
        if (status == CR_OK && sw == 0x9000) {
            status = serve(e, cr_buf_span(&data), &sw, err);
        } else if (status == CR_OK) {
            sw = 0; /* nothing to fetch after all */
        }
        cr_buf_free(&data);
        CR_TRY(status);
    }
    return CR_OK;
}
