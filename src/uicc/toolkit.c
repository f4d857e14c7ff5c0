/*
 * The card's side of the toolkit: TERMINAL PROFILE and CAPABILITY, proactive commands, ENVELOPE
 * (TS 102 223, TS 102 221 11.1.19, 11.2).
 */
#include "asn1/der.h"
#include "uicc/internal.h"

#include <stdlib.h>

#define TAG_PROACTIVE  0xD0
#define TAG_CAPABILITY 0xA9

/* Simple TLV of the toolkit: the comprehension bit of the tag does not matter. */
static bool comprehension_find(cr_span in, uint8_t tag, cr_span *value)
{
    struct der_tlv tlv;
    while (in.n && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if ((tlv.tag & 0x7F) == tag && tlv.tag <= 0xFF) {
            *value = tlv.value;
            return true;
        }
    }
    return false;
}

static struct proactive *first_of(const struct uicc *u)
{
    return u->toolkit.count ? &u->toolkit.queue[0] : NULL;
}

uicc_sw toolkit_announce(const struct uicc *u, uicc_sw sw)
{
    const struct toolkit *t = &u->toolkit;
    if (!t->count || t->fetched || !t->profile_seen) {
        return sw;
    }
    switch (sw) {
    case UICC_SW_OK:
        return (uicc_sw)(UICC_SW_PROACTIVE | (t->queue[0].tlv.n & 0xFF));
    case UICC_SW_MORE_DATA: /* 62F2, 63F2: the same and a proactive command */
    case UICC_SW_MORE_EXPECTED:
        return (uicc_sw)(sw + 1);
    default:
        return sw;
    }
}

static void remove_at(struct toolkit *t, unsigned at)
{
    cr_buf_free(&t->queue[at].tlv);
    t->count--;
    memmove(&t->queue[at], &t->queue[at + 1], (t->count - at) * sizeof t->queue[0]);
}

void toolkit_finish(struct uicc *u)
{
    if (u->toolkit.answered) {
        u->toolkit.answered = u->toolkit.fetched = false;
        remove_at(&u->toolkit, 0);
    }
}

void toolkit_truncate(struct uicc *u, uint8_t count)
{
    while (u->toolkit.count > count) {
        remove_at(&u->toolkit, u->toolkit.count - 1u);
    }
}

void toolkit_reset(struct uicc *u)
{
    struct toolkit *t = &u->toolkit;
    t->fetched = t->answered = t->profile_seen = false;
    cr_buf_free(&t->profile);
    cr_buf_free(&t->capability);
    /* An owner may push the next command when it hears of the reset: that one stays. */
    for (unsigned n = t->count; n > 0; n--) {
        struct proactive lost = t->queue[0];
        lost.tlv = (cr_buf){0};
        remove_at(t, 0);
        if (lost.done) {
            lost.done(lost.ctx, u, (cr_span){0});
        }
    }
}

void toolkit_free(struct uicc *u)
{
    toolkit_truncate(u, 0);
    free(u->toolkit.queue);
    cr_buf_free(&u->toolkit.profile);
    cr_buf_free(&u->toolkit.capability);
}

cr_status uicc_proactive_push(struct uicc *u, cr_span tlv, uicc_proactive_done done, void *ctx,
                              struct cr_err *err)
{
    struct toolkit *t = &u->toolkit;
    struct der_tlv command;
    cr_span in = tlv, details;
    if (tlv.n > UICC_MAX_PROACTIVE_TLV || der_next(&in, DER_BER_LENGTHS, &command, NULL) != CR_OK ||
        in.n || command.tag != TAG_PROACTIVE ||
        !comprehension_find(command.value, 0x01, &details) || details.n != 3) {
        return cr_fail(err, CR_REFUSED, "TS 102 223 9.4", "it is no proactive command");
    }
    if (t->count == UICC_MAX_PROACTIVE) {
        return cr_fail(err, CR_REFUSED, NULL, "%d proactive commands wait already",
                       UICC_MAX_PROACTIVE);
    }
    if (!t->queue) {
        t->queue = calloc(UICC_MAX_PROACTIVE, sizeof t->queue[0]);
        if (!t->queue) {
            return cr_fail_memory(err);
        }
    }
    struct proactive *p = &t->queue[t->count];
    *p = (struct proactive){.done = done, .ctx = ctx};
    cr_buf_append_span(&p->tlv, tlv);
    if (!cr_buf_ok(&p->tlv)) {
        cr_buf_free(&p->tlv);
        return cr_fail_memory(err);
    }
    t->count++;
    return CR_OK;
}

cr_status uicc_proactive_refresh(struct uicc *u, uint8_t qualifier, uicc_proactive_done done,
                                 void *ctx, struct cr_err *err)
{
    uint8_t number = (uint8_t)(u->toolkit.number % 254 + 1);
    const uint8_t refresh[] = {TAG_PROACTIVE, 0x09, 0x81, 0x03, number, 0x01,
                               qualifier,     0x82, 0x02, 0x81, 0x82};
    CR_TRY(uicc_proactive_push(u, CR_SPAN_ARRAY(refresh), done, ctx, err));
    u->toolkit.number = number;
    return CR_OK;
}

size_t uicc_proactive_pending(const struct uicc *u)
{
    return u->toolkit.count;
}

cr_span uicc_terminal_profile(const struct uicc *u)
{
    return u->toolkit.profile_seen ? cr_buf_span(&u->toolkit.profile) : (cr_span){0};
}

cr_span uicc_terminal_capability(const struct uicc *u)
{
    return u->toolkit.capability.p ? cr_buf_span(&u->toolkit.capability) : (cr_span){0};
}

void uicc_set_envelope_handler(struct uicc *u, uicc_envelope_handler handler, void *ctx)
{
    u->toolkit.envelope = handler;
    u->toolkit.envelope_ctx = ctx;
}

/* --- commands ----------------------------------------------------------------------------------
 */

static uicc_sw keep(cr_buf *where, cr_span what)
{
    cr_buf_free(where);
    cr_buf_append_span(where, what);
    cr_buf_reserve(where, 1); /* present, be it empty */
    return cr_buf_ok(where) ? UICC_SW_OK : UICC_SW_MEMORY;
}

uicc_sw command_terminal_profile(struct command *c)
{
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = keep(&c->u->toolkit.profile, c->apdu->data);
    c->u->toolkit.profile_seen = sw == UICC_SW_OK;
    return sw;
}

uicc_sw command_terminal_capability(struct command *c)
{
    struct der_tlv tlv;
    cr_span in = c->apdu->data;
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || in.n || tlv.tag != TAG_CAPABILITY) {
        return UICC_SW_WRONG_DATA;
    }
    return keep(&c->u->toolkit.capability, tlv.value);
}

uicc_sw command_fetch(struct command *c)
{
    const struct proactive *first = first_of(c->u);
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!first || c->u->toolkit.fetched || !c->u->toolkit.profile_seen) {
        return UICC_SW_CONDITIONS;
    }
    if (!c->apdu->has_le) {
        return (uicc_sw)(UICC_SW_WRONG_LE | (first->tlv.n & 0xFF));
    }
    uicc_sw wrong_le = uicc_le_check(c->apdu, first->tlv.n);
    if (wrong_le) {
        return wrong_le;
    }
    c->u->toolkit.fetched = true;
    cr_buf_append_span(c->call.out, cr_buf_span(&first->tlv));
    return UICC_SW_OK;
}

uicc_sw command_terminal_response(struct command *c)
{
    struct toolkit *t = &c->u->toolkit;
    struct der_tlv command;
    cr_span asked, answered, result, in;
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!t->fetched) {
        return UICC_SW_CONDITIONS;
    }
    in = cr_buf_span(&t->queue[0].tlv);
    if (der_next(&in, DER_BER_LENGTHS, &command, NULL) != CR_OK ||
        !comprehension_find(command.value, 0x01, &asked) ||
        !comprehension_find(c->apdu->data, 0x01, &answered) ||
        !comprehension_find(c->apdu->data, 0x03, &result) || result.n == 0 ||
        !cr_span_equal(asked, answered)) {
        return UICC_SW_WRONG_DATA;
    }
    t->answered = true;
    if (t->queue[0].done) {
        t->queue[0].done(t->queue[0].ctx, c->u, c->apdu->data);
    }
    return UICC_SW_OK;
}

uicc_sw command_envelope(struct command *c)
{
    struct der_tlv tlv;
    cr_span in = c->apdu->data;
    const struct toolkit *t = &c->u->toolkit;
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || in.n || tlv.tag > 0xFF) {
        return UICC_SW_WRONG_DATA;
    }
    return t->envelope ? t->envelope(t->envelope_ctx, &c->call, (uint8_t)tlv.tag)
                       : UICC_SW_CONDITIONS;
}
