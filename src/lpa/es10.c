/*
 * The session with the ISD-R: open, STORE DATA chains, calls, close.
 */
#include "lpa/es10.h"

#include "base/text.h"
#include "lpa/advice.h"
#include "lpa/es10_internal.h"
#include "lpa/status_word.h"

#include <stdlib.h>

enum {
    INS_TERMINAL_PROFILE = 0x10,
    INS_MANAGE_CHANNEL = 0x70,
    INS_SELECT = 0xA4,
    INS_TERMINAL_CAPABILITY = 0xAA,
    INS_STORE_DATA = 0xE2
};

enum { P1_MORE_BLOCKS = 0x11, P1_LAST_BLOCK = 0x91 };

#define MAX_CHANNEL 19

/* The standard's AID, then those that removable cards on the market are known to use instead. */
static const struct es10_aid known_aids[] = {
    {{0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01,
      0x00},
     16},
    {{0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x05, 0x05,
      0x00},
     16}, /* 5ber */
    {{0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0x00, 0x00, 0x00, 0x00, 0x89, 0x00, 0x00, 0x03,
      0x00},
     16}, /* eSIM.me */
    {{0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01,
      0x77},
     16}, /* XeSIM */
    {{0xA0, 0x65, 0x73, 0x74, 0x6B, 0x6D, 0x65, 0xFF, 0xFF, 0x49, 0x53, 0x44, 0x2D, 0x52, 0x20,
      0x30},
     16}, /* eSTK.me, first */
    {{0xA0, 0x65, 0x73, 0x74, 0x6B, 0x6D, 0x65, 0xFF, 0xFF, 0xFF, 0xFF, 0x49, 0x53, 0x44, 0x2D,
      0x52},
     16}, /* eSTK.me, older */
    {{0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x4C, 0x69, 0x6E, 0x6B, 0x73, 0x66, 0x69, 0x65, 0x6C,
      0x64},
     16}, /* LinksField */
};

/* The device downloads profiles and has a user interface (TS 102 221 11.1.19, SGP.22 5.7.1). */
static const uint8_t terminal_capability[] = {0xA9, 0x08, 0x81, 0x00, 0x82,
                                              0x01, 0x01, 0x83, 0x01, 0x07};

/* Profile download, MORE TIME, REFRESH (TS 102 223 5.2): no more than what apdu.c carries out. */
static const uint8_t terminal_profile[] = {0x01, 0x00, 0x88};

bool es10_aid_parse(cr_span text, struct es10_aid *out)
{
    size_t size = text.n / 2;
    if (text.n % 2 || size < RSP_MIN_AID || size > ES10_MAX_AID ||
        !cr_hex_fixed(out->bytes, size, text)) {
        return false;
    }
    out->size = size;
    return true;
}

/* ---- opening ---- */

/* Sends a command whose refusal does not matter: cards without the function say so. */
static cr_status announce(struct es10 *e, uint8_t cla, uint8_t ins, cr_span body,
                          struct cr_err *err)
{
    struct es10_command command = {.cla = cla, .ins = ins, .data = body};
    cr_buf data = {.limit = CARD_MAX_RESPONSE};
    unsigned sw = 0;
    cr_status status = es10_exchange(e, &command, &data, &sw, err);
    cr_buf_free(&data);
    CR_TRY(status);
    return es10_serve_proactive(e, sw, err);
}

static cr_status announce_device(struct es10 *e, struct cr_err *err)
{
    if (e->options.behind_modem) {
        return CR_OK;
    }
    e->where->function = "TERMINAL PROFILE";
    CR_TRY(announce(e, 0x80, INS_TERMINAL_PROFILE, CR_SPAN_ARRAY(terminal_profile), err));
    e->where->function = "TERMINAL CAPABILITY";
    return announce(e, 0x80, INS_TERMINAL_CAPABILITY, CR_SPAN_ARRAY(terminal_capability), err);
}

/* Opens a logical channel; a card that has none is used on the basic one. */
static cr_status open_channel(struct es10 *e, struct cr_err *err)
{
    e->channel = 0;
    if (e->options.basic_channel) {
        return CR_OK;
    }
    lpa_where_enter(e->where, "MANAGE CHANNEL");
    struct es10_command command = {.ins = INS_MANAGE_CHANNEL, .has_le = true, .le = 1};
    cr_buf data = {.limit = CARD_MAX_RESPONSE};
    unsigned sw = 0;
    cr_status status = es10_exchange(e, &command, &data, &sw, err);
    uint8_t channel = data.n == 1 ? data.p[0] : 0;
    size_t n = data.n;
    cr_buf_free(&data);
    CR_TRY(status);
    if (sw == 0x6881 || sw == 0x6D00 || sw == 0x6E00) {
        return CR_OK;
    }
    if (!es10_success(sw)) {
        e->where->status_word = sw;
        return lpa_status_word_fail(err, "MANAGE CHANNEL", sw);
    }
    if (n != 1 || channel == 0 || channel > MAX_CHANNEL) {
        return cr_fail(err, CR_MALFORMED, "ISO 7816-4 11.1.2",
                       "the card opened a channel but does not say which");
    }
    e->channel = channel;
    return es10_serve_proactive(e, sw, err);
}

static cr_status select_once(struct es10 *e, const struct es10_aid *aid, bool le, unsigned *sw,
                             struct cr_err *err)
{
    struct es10_command command = {.cla = es10_cla(e, 0x00),
                                   .ins = INS_SELECT,
                                   .p1 = 0x04,
                                   .data = cr_span_of(aid->bytes, aid->size),
                                   .has_le = le};
    cr_buf_reset(&e->select);
    return es10_exchange(e, &command, &e->select, sw, err);
}

/* SELECT, learning whether this card wants an Le behind its commands: it may be asked twice, unlike
 * the functions that follow. */
static cr_status select_aid(struct es10 *e, const struct es10_aid *aid, unsigned *sw,
                            struct cr_err *err)
{
    CR_TRY(select_once(e, aid, e->le, sw, err));
    bool odd = (*sw == 0x9000 && e->select.n == 0) || *sw == 0x6700;
    if (e->options.le != ES10_LE_AUTO || !odd || e->le) {
        return CR_OK;
    }
    CR_TRY(select_once(e, aid, true, sw, err));
    e->le = es10_success(*sw) && e->select.n > 0;
    return CR_OK;
}

static cr_status select_isdr(struct es10 *e, struct cr_err *err)
{
    lpa_where_enter(e->where, "SELECT ISD-R");
    unsigned sw = 0;
    for (size_t i = 0; i < e->options.aid_count; i++) {
        CR_TRY(select_aid(e, &e->options.aids[i], &sw, err));
        if (es10_success(sw)) {
            e->aid = i;
            return es10_serve_proactive(e, sw, err);
        }
    }
    e->where->status_word = sw;
    return lpa_status_word_fail(err, "SELECT ISD-R", sw);
}

static cr_status connect_isdr(struct es10 *e, struct cr_err *err)
{
    e->reset_wanted = false;
    e->reopen_wanted = false;
    e->channel = ES10_NO_CHANNEL;
    CR_TRY(open_channel(e, err));
    return select_isdr(e, err);
}

static cr_status start(struct es10 *e, struct cr_err *err)
{
    e->channel = ES10_NO_CHANNEL;
    CR_TRY(announce_device(e, err));
    return connect_isdr(e, err);
}

/* Not being able to close it is no failure: the card may have been reset. */
static void close_channel(struct es10 *e)
{
    if (e->channel <= 0) {
        return;
    }
    struct es10_command command = {
        .ins = INS_MANAGE_CHANNEL, .p1 = 0x80, .p2 = (uint8_t)e->channel, .has_le = true};
    cr_buf data = {.limit = CARD_MAX_RESPONSE};
    unsigned sw = 0;
    if (es10_exchange(e, &command, &data, &sw, NULL) == CR_OK) {
        cr_status ignored = es10_serve_proactive(e, sw, NULL);
        (void)ignored;
    }
    cr_buf_free(&data);
    e->channel = ES10_NO_CHANNEL;
}

static void take_options(struct es10 *e, const struct es10_options *options)
{
    e->options = *options;
    if (e->options.block_size == 0 || e->options.block_size > ES10_MAX_BLOCK) {
        e->options.block_size = ES10_MAX_BLOCK;
    }
    if (e->options.aid_count == 0) {
        memcpy(e->options.aids, known_aids, sizeof(known_aids));
        e->options.aid_count = CR_COUNT(known_aids);
    }
    if (e->options.aid_count > ES10_MAX_AIDS) {
        e->options.aid_count = ES10_MAX_AIDS;
    }
    e->le = e->options.le == ES10_LE_ALWAYS;
    e->class_gp = e->options.get_response == ES10_CLASS_GP;
    e->select.limit = CARD_MAX_RESPONSE;
}

cr_status es10_open(const struct card *card, const struct es10_options *options,
                    struct lpa_where *where, struct es10 **out, struct cr_err *err)
{
    struct es10 *e = calloc(1, sizeof(*e));
    if (!e) {
        return cr_fail_memory(err);
    }
    static const struct es10_options defaults = {0};
    e->card = *card;
    e->where = where ? where : &e->own_where;
    take_options(e, options ? options : &defaults);
    e->where->stage = LPA_STAGE_OPEN;
    cr_status status = start(e, err);
    if (status != CR_OK) {
        es10_free(e);
        return status;
    }
    *out = e;
    return CR_OK;
}

void es10_free(struct es10 *e)
{
    if (e) {
        close_channel(e);
        cr_buf_free(&e->select);
        free(e);
    }
}

cr_status es10_reset(struct es10 *e, struct cr_err *err)
{
    if (e->options.behind_modem) {
        close_channel(e);
        return connect_isdr(e, err);
    }
    e->channel = ES10_NO_CHANNEL;
    lpa_where_enter(e->where, "reset of the card");
    cr_buf atr = {.limit = CARD_MAX_RESPONSE};
    cr_status status = e->card.reset(e->card.ctx, &atr, err);
    cr_buf_free(&atr);
    CR_TRY(status);
    return start(e, err);
}

cr_span es10_selected_aid(const struct es10 *e)
{
    return cr_span_of(e->options.aids[e->aid].bytes, e->options.aids[e->aid].size);
}

cr_span es10_select_answer(const struct es10 *e)
{
    return cr_buf_span(&e->select);
}

unsigned es10_refreshes(const struct es10 *e)
{
    return e->refreshes;
}

/* ---- calls ---- */

/* After a REFRESH: reset, or a new channel where the old one was taken away. */
static cr_status follow_refresh(struct es10 *e, struct cr_err *err)
{
    if (e->reset_wanted) {
        return es10_reset(e, err);
    }
    if (e->reopen_wanted) {
        e->reopen_wanted = false;
        close_channel(e);
        if (connect_isdr(e, NULL) != CR_OK) {
            return es10_reset(e, err);
        }
    }
    return CR_OK;
}

cr_status es10_store_data(struct es10 *e, const char *function, cr_span data, cr_buf *response,
                          struct cr_err *err)
{
    lpa_where_enter(e->where, function);
    size_t block = e->options.block_size;
    if (data.n == 0 || data.n > block * ES10_MAX_BLOCKS) {
        cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 5.7.2",
                                   "%s: %zu bytes do not fit %d blocks of %zu bytes", function,
                                   data.n, ES10_MAX_BLOCKS, block);
        return cr_err_next(err, status, "give a larger --block-size: at least %zu",
                           (data.n + ES10_MAX_BLOCKS - 1) / ES10_MAX_BLOCKS);
    }
    unsigned sw = 0;
    size_t before = response->n;
    for (size_t at = 0, n = 0; at < data.n; at += block, n++) {
        bool last = data.n - at <= block;
        struct es10_command command = {.cla = es10_cla(e, 0x80),
                                       .ins = INS_STORE_DATA,
                                       .p1 = last ? P1_LAST_BLOCK : P1_MORE_BLOCKS,
                                       .p2 = (uint8_t)n,
                                       .data = cr_span_sub(data, at, block),
                                       .has_le = e->le};
        CR_TRY(es10_exchange(e, &command, response, &sw, err));
        if (!es10_success(sw)) {
            e->where->status_word = sw;
            response->n = before;
            return lpa_status_word_fail(err, function, sw);
        }
    }
    struct lpa_where here = *e->where;
    CR_TRY(es10_serve_proactive(e, sw, err));
    CR_TRY(follow_refresh(e, err));
    *e->where = here;
    return CR_OK;
}

cr_status es10_call(struct es10 *e, const char *function, const struct asn1_type *request_type,
                    const void *request, const struct asn1_type *response_type, cr_arena *arena,
                    void *response, struct cr_err *err)
{
    lpa_where_enter(e->where, function);
    cr_buf out = {.limit = (size_t)ES10_MAX_BLOCK * ES10_MAX_BLOCKS};
    cr_buf in = {.limit = ES10_MAX_RESPONSE};
    cr_status status = asn1_encode(request_type, request, ASN1_ENCODE_V2, &out, err);
    if (status == CR_OK) {
        status = es10_store_data(e, function, cr_buf_span(&out), &in, err);
    }
    if (status == CR_OK && in.n == 0) {
        status = cr_fail(err, CR_MALFORMED, "SGP.22 5.7.2", "%s: the card answered without data",
                         function);
        status = cr_err_next(err, status, "the card may want an Le byte: try --le always");
    } else if (status == CR_OK) {
        cr_span kept = cr_arena_copy(arena, cr_buf_span(&in));
        if (!cr_span_present(kept)) {
            status = cr_fail_memory(err);
        } else {
            status =
                asn1_decode(response_type, kept, ASN1_DECODE_BER_LENGTHS, arena, response, err);
            if (status != CR_OK) {
                status = cr_err_context(err, status, "%s: the card's answer", function);
            }
        }
    }
    cr_buf_free(&out);
    cr_buf_free(&in);
    return status;
}

cr_status es10_result_fail(struct es10 *e, const char *function, int64_t result,
                           const struct asn1_name *names, struct cr_err *err)
{
    const char *name = names ? asn1_name_of(names, result) : NULL;
    const struct lpa_number_advice *advice = lpa_advise_card(function, result);
    lpa_where_result(e->where, result, name);
    cr_status status =
        cr_fail(err, CR_REFUSED, NULL, "%s: %s%s%s (result %lld)", function,
                advice ? advice->text : "", advice && name ? ", " : "",
                name ? name : (advice ? "" : "the eUICC refused"), (long long)result);
    if (advice && advice->next) {
        status = cr_err_next(err, status, "%s", advice->next);
    }
    return cr_err_code(err, status, (long)result);
}
