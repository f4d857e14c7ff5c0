/*
 * GET STATUS and SET STATUS (Card Specification 11.4, 11.10).
 */
#include "asn1/der.h"
#include "gp/internal.h"

enum { SCOPE_ISSUER = 0x80, SCOPE_APPLICATIONS = 0x40, SCOPE_FILES = 0x20, SCOPE_MODULES = 0x10 };
#define P2_NEXT   0x01
#define P2_TAGGED 0x02

#define MAX_WANTED 16 /* tags of the tag list */

struct query {
    uint8_t scope;
    bool tagged;
    cr_span aid; /* full, or the beginning */
    bool all;    /* no tag list */
    uint32_t wanted[MAX_WANTED];
    size_t wanted_count;
};

/* --- what is asked -----------------------------------------------------------------------------
 */

static bool take_tags(struct query *q, cr_span list)
{
    q->all = false;
    while (list.n) {
        uint32_t tag = list.p[0];
        size_t n = 1;
        if ((tag & 0x1F) == 0x1F) {
            if (list.n < 2) {
                return false;
            }
            tag = tag << 8 | list.p[1];
            n = 2;
        }
        if (q->wanted_count == MAX_WANTED) {
            return false;
        }
        q->wanted[q->wanted_count++] = tag;
        list = cr_span_sub(list, n, list.n);
    }
    return true;
}

static uicc_sw query_read(const struct uicc_apdu *apdu, struct query *q)
{
    struct der_tlv tlv;
    cr_span in = apdu->data;
    *q = (struct query){.scope = apdu->p1, .tagged = (apdu->p2 & P2_TAGGED) != 0, .all = true};
    if (apdu->p2 & ~(P2_NEXT | P2_TAGGED)) {
        return UICC_SW_WRONG_P1P2;
    }
    switch (q->scope) {
    case SCOPE_ISSUER:
    case SCOPE_APPLICATIONS:
    case SCOPE_FILES:
    case SCOPE_MODULES:
        break;
    default:
        return UICC_SW_WRONG_P1P2;
    }
    if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || tlv.tag != 0x4F ||
        tlv.value.n > UICC_MAX_AID) {
        return UICC_SW_WRONG_DATA;
    }
    q->aid = tlv.value;
    while (in.n) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return UICC_SW_WRONG_DATA;
        }
        if (tlv.tag == 0x5C && !take_tags(q, tlv.value)) {
            return UICC_SW_WRONG_DATA;
        }
    }
    return UICC_SW_OK;
}

static bool in_scope(const struct gp_command *c, const struct query *q, const struct gp_object *o)
{
    bool root = o->kind == GP_DOMAIN && o->domain == o->id;
    bool scope = false;
    switch (q->scope) {
    case SCOPE_ISSUER:
        scope = root;
        break;
    case SCOPE_APPLICATIONS:
        scope = !root && o->kind != GP_PACKAGE;
        break;
    default:
        scope = o->kind == GP_PACKAGE;
        break;
    }
    return scope && o->aid.n >= q->aid.n &&
           (q->aid.n == 0 || memcmp(o->aid.p, q->aid.p, q->aid.n) == 0) &&
           gp_manages(c, o, GP_PRIV_GLOBAL_REGISTRY);
}

/* --- what is told ------------------------------------------------------------------------------
 */

static bool wants(const struct query *q, uint32_t tag)
{
    for (size_t i = 0; i < q->wanted_count; i++) {
        if (q->wanted[i] == tag) {
            return true;
        }
    }
    return q->all;
}

static void put_modules(const struct gp_command *c, const struct gp_object *o, cr_buf *b)
{
    cr_span list = gp_modules_get(c->reg, o->id), aid;
    while (gp_take_lv(&list, &aid)) {
        der_put(b, 0x84, aid);
    }
}

static void put_tagged(const struct gp_command *c, const struct query *q, const struct gp_object *o,
                       cr_buf *b)
{
    struct gp_object domain;
    size_t mark = der_open(b, 0xE3);
    if (wants(q, 0x4F)) {
        der_put(b, 0x4F, gp_aid_span(&o->aid));
    }
    if (wants(q, 0x9F70)) {
        der_put(b, 0x9F70, cr_span_of(&o->state, 1));
    }
    if (o->kind != GP_PACKAGE && wants(q, 0xC5)) {
        der_put_header(b, 0xC5, 3);
        cr_buf_append_be(b, o->privileges, 3);
    }
    if (o->kind != GP_PACKAGE && o->package.n && wants(q, 0xC4)) {
        der_put(b, 0xC4, gp_aid_span(&o->package));
    }
    if (q->scope == SCOPE_MODULES && wants(q, 0x84)) {
        put_modules(c, o, b);
    }
    if (wants(q, 0xCC) && gp_object_get(c->reg, o->domain, &domain)) {
        der_put(b, 0xCC, gp_aid_span(&domain.aid));
    }
    der_close(b, mark);
}

/* The form of before tags: length and AID, life cycle, first byte of the privileges; modules as
 * count, lengths and AIDs. */
static void put_plain(const struct gp_command *c, const struct query *q, const struct gp_object *o,
                      cr_buf *b)
{
    cr_buf_append_byte(b, o->aid.n);
    cr_buf_append_span(b, gp_aid_span(&o->aid));
    cr_buf_append_byte(b, o->state);
    cr_buf_append_byte(b, o->kind == GP_PACKAGE ? 0 : (uint8_t)(o->privileges >> 16));
    if (q->scope == SCOPE_MODULES) {
        cr_span list = gp_modules_get(c->reg, o->id), rest = list, aid;
        uint8_t count = 0;
        while (gp_take_lv(&rest, &aid)) {
            count++;
        }
        cr_buf_append_byte(b, count);
        cr_buf_append_span(b, list);
    }
}

/* As many as one answer holds; *last = the last one told. */
static uicc_sw put_objects(struct gp_command *c, const struct query *q, uint16_t after,
                           uint16_t *last)
{
    struct gp_object o;
    size_t room = c->room < 255 ? c->room : 255, start = c->out->n;
    cr_buf one = {0};
    uicc_sw sw = UICC_SW_OK;
    for (uint16_t id = after; sw == UICC_SW_OK && gp_object_next(c->reg, id, &o); id = o.id) {
        if (!in_scope(c, q, &o)) {
            continue;
        }
        cr_buf_reset(&one);
        if (q->tagged) {
            put_tagged(c, q, &o, &one);
        } else {
            put_plain(c, q, &o, &one);
        }
        if (c->out->n - start + one.n > room) {
            sw = *last ? GP_SW_MORE_DATA : UICC_SW_WRONG_LENGTH;
        } else {
            cr_buf_append_span(c->out, cr_buf_span(&one));
            *last = o.id;
        }
    }
    cr_buf_free(&one);
    return sw;
}

uicc_sw gp_get_status(struct gp_command *c)
{
    struct query q;
    struct gp_context *ctx = c->ctx;
    uicc_sw sw = query_read(c->apdu, &q);
    bool next = (c->apdu->p2 & P2_NEXT) != 0;
    uint16_t after = next ? ctx->status_after : 0, last = 0;
    uint8_t form = c->apdu->p2 & P2_TAGGED;
    bool goes_on = ctx->status_after && ctx->status_scope == q.scope && ctx->status_form == form;
    ctx->status_after = 0;
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (next && !goes_on) {
        return UICC_SW_CONDITIONS; /* no list is open */
    }
    sw = put_objects(c, &q, after, &last);
    if (sw == UICC_SW_OK && last == 0) {
        return UICC_SW_NO_REFERENCE;
    }
    if (sw == GP_SW_MORE_DATA) {
        ctx->status_after = last;
        ctx->status_scope = q.scope;
        ctx->status_form = form;
    }
    return sw;
}

/* --- SET STATUS --------------------------------------------------------------------------------
 */

#define STATUS_ISSUER      0x80
#define STATUS_APPLICATION 0x40
#define STATUS_DOMAIN_ALL  0x60 /* a domain and the applications below it */

/* Locking and unlocking keeps the state of before; a domain says of itself that it is
 * PERSONALIZED. All other moves are not made by this command. */
static uicc_sw state_change(const struct gp_command *c, struct gp_object *o, uint8_t to)
{
    bool root = o->domain == o->id;
    if (root && o->kind == GP_DOMAIN && (to & GP_LOCKED)) {
        return UICC_SW_CONDITIONS; /* nobody could unlock it */
    }
    if (to & GP_LOCKED) {
        o->state |= GP_LOCKED;
        return UICC_SW_OK;
    }
    if (o->state & GP_LOCKED) {
        o->state &= (uint8_t)~GP_LOCKED;
        return UICC_SW_OK;
    }
    if (to == o->state) {
        return UICC_SW_OK;
    }
    if (o->kind == GP_DOMAIN && o->id == c->domain.id && o->state == GP_SELECTABLE &&
        to == GP_PERSONALIZED) {
        o->state = to;
        return UICC_SW_OK;
    }
    return UICC_SW_CONDITIONS;
}

static uicc_sw state_put(const struct gp_command *c, struct gp_object *o, uint8_t to)
{
    struct cr_err err;
    uicc_sw sw = state_change(c, o, to);
    return sw == UICC_SW_OK ? gp_failed(gp_object_put(c->reg, o, &err), &err) : sw;
}

uicc_sw gp_set_status(struct gp_command *c)
{
    struct gp_object o;
    uint8_t scope = c->apdu->p1, to = c->apdu->p2;
    bool found;
    switch (scope) {
    case STATUS_ISSUER:
        found = gp_object_root(c->reg, &o);
        break;
    case STATUS_APPLICATION:
    case STATUS_DOMAIN_ALL:
        found = gp_object_by_aid(c->reg, c->apdu->data, &o);
        break;
    default:
        return UICC_SW_WRONG_P1P2;
    }
    if (!found || o.kind == GP_PACKAGE || !gp_manages(c, &o, GP_PRIV_GLOBAL_LOCK)) {
        return UICC_SW_NO_REFERENCE;
    }
    if (scope == STATUS_DOMAIN_ALL && o.kind != GP_DOMAIN) {
        return UICC_SW_WRONG_DATA;
    }
    /* A domain locks what is below it, not itself. */
    if ((to & GP_LOCKED) && o.id == c->domain.id) {
        return UICC_SW_CONDITIONS;
    }
    uicc_sw sw = state_put(c, &o, to);
    for (uint16_t id = 0; sw == UICC_SW_OK && scope == STATUS_DOMAIN_ALL;) {
        struct gp_object below;
        if (!gp_object_next(c->reg, id, &below)) {
            break;
        }
        id = below.id;
        bool concerned = (to & GP_LOCKED) || (below.state & GP_LOCKED);
        if (below.domain == o.id && below.id != o.id && below.kind != GP_PACKAGE && concerned) {
            sw = state_put(c, &below, to);
        }
    }
    return sw;
}
