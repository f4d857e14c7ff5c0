/*
 * GET DATA and STORE DATA (Card Specification 11.3, 11.11).
 */
#include "asn1/der.h"
#include "gp/internal.h"

/* --- GET DATA ----------------------------------------------------------------------------------
 */

/* E0: C0 { identifier, version, type, length } for each key. */
static uicc_sw key_information(struct gp_command *c)
{
    struct gp_key key;
    uint8_t kvn = 0, kid = 0;
    size_t mark = der_open(c->out, 0xE0);
    while (gp_key_next(c->reg, c->domain.id, kvn, kid, &key)) {
        const uint8_t row[] = {key.kid, key.kvn, key.type, key.n};
        der_put(c->out, 0xC0, CR_SPAN_ARRAY(row));
        kvn = key.kvn;
        kid = key.kid;
    }
    cr_wipe(&key, sizeof key);
    der_close(c->out, mark);
    return UICC_SW_OK;
}

/* C1: the sequence counter of the first key version that opens sessions. */
static uicc_sw sequence_counter(struct gp_command *c)
{
    struct gp_key key;
    uint8_t kvn = GP_KVN_SCP02_FIRST - 1;
    bool found = gp_key_next(c->reg, c->domain.id, kvn, 0xFF, &key);
    kvn = key.kvn;
    cr_wipe(&key, sizeof key);
    if (!found || kvn > GP_KVN_SCP03_LAST) {
        return UICC_SW_NO_REFERENCE;
    }
    struct gp_counters counters;
    gp_counters_get(c->reg, c->domain.id, kvn, &counters);
    size_t n = kvn <= GP_KVN_SCP02_LAST ? 2 : 3;
    der_put_header(c->out, 0xC1, n);
    cr_buf_append_be(c->out, counters.sessions, n);
    return UICC_SW_OK;
}

/* 2F00: 61 { 4F AID } for each application below the domain. */
static uicc_sw application_list(struct gp_command *c)
{
    struct gp_object o;
    size_t mark = der_open(c->out, 0x2F00);
    for (uint16_t id = 0; gp_object_next(c->reg, id, &o); id = o.id) {
        if (o.kind != GP_PACKAGE && gp_manages(c, &o, GP_PRIV_GLOBAL_REGISTRY)) {
            size_t inner = der_open(c->out, 0x61);
            der_put(c->out, 0x4F, gp_aid_span(&o.aid));
            der_close(c->out, inner);
        }
    }
    der_close(c->out, mark);
    return UICC_SW_OK;
}

/* FF21: 81 installed applications, 82 free non volatile, 83 free volatile memory (TS 102 226
 * 8.2.1.7.2). */
static uicc_sw card_resources(struct gp_command *c)
{
    struct gp_object o;
    uint8_t count = 0;
    for (uint16_t id = 0; gp_object_next(c->reg, id, &o); id = o.id) {
        if (o.kind != GP_PACKAGE) {
            count++;
        }
    }
    size_t used = nvm_used(c->reg->nvm), capacity = nvm_capacity(c->reg->nvm);
    size_t mark = der_open(c->out, 0xFF21);
    der_put(c->out, 0x81, cr_span_of(&count, 1));
    der_put_header(c->out, 0x82, 4);
    cr_buf_append_be(c->out, used < capacity ? capacity - used : 0, 4);
    der_put_header(c->out, 0x83, 4);
    cr_buf_append_be(c->out, GP_MAX_LOAD_FILE, 4);
    der_close(c->out, mark);
    return UICC_SW_OK;
}

/* 66, when it was not personalized: 73 with the protocols that the domain's keys are for. */
static uicc_sw card_data(struct gp_command *c)
{
    static const uint8_t base[] = {0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B};
    size_t outer = der_open(c->out, 0x66);
    size_t inner = der_open(c->out, 0x73);
    size_t oid = der_open(c->out, 0x06);
    cr_buf_append(c->out, base, sizeof base);
    cr_buf_append_byte(c->out, 0x01);
    der_close(c->out, oid);
    size_t version = der_open(c->out, 0x60);
    oid = der_open(c->out, 0x06);
    cr_buf_append(c->out, base, sizeof base);
    cr_buf_append(c->out, "\x02\x02\x03", 3);
    der_close(c->out, oid);
    der_close(c->out, version);
    for (size_t i = 0; i < c->domain.protocol_count; i++) {
        size_t protocol = der_open(c->out, 0x64);
        oid = der_open(c->out, 0x06);
        cr_buf_append(c->out, base, sizeof base);
        cr_buf_append_byte(c->out, 0x04);
        cr_buf_append_byte(c->out, c->domain.protocols[i].protocol);
        cr_buf_append_byte(c->out, c->domain.protocols[i].i);
        der_close(c->out, oid);
        der_close(c->out, protocol);
    }
    der_close(c->out, inner);
    der_close(c->out, outer);
    return UICC_SW_OK;
}

static const struct {
    uint32_t tag;
    gp_handler handler;
    bool stored_first; /* what STORE DATA put there comes before what the card knows itself */
} made[] = {
    {0x66, card_data, true},         {0xC1, sequence_counter, false},
    {0xE0, key_information, false},  {0x2F00, application_list, false},
    {0xFF21, card_resources, false},
};

uicc_sw gp_get_data(struct gp_command *c)
{
    uint32_t tag = (uint32_t)c->apdu->p1 << 8 | c->apdu->p2;
    cr_span stored = gp_data_get(c->reg, c->domain.id, tag);
    uicc_sw sw = UICC_SW_NO_REFERENCE;
    const size_t start = c->out->n;
    size_t at = 0;
    while (at < CR_COUNT(made) && made[at].tag != tag) {
        at++;
    }
    if (at < CR_COUNT(made) && !(made[at].stored_first && stored.p)) {
        sw = made[at].handler(c);
    } else if (stored.p) {
        cr_buf_append_span(c->out, stored);
        sw = UICC_SW_OK;
    }
    /* With an R-MAC an answer has one message only. */
    bool fits = c->room >= 256 || c->out->n - start <= c->room;
    return sw != UICC_SW_OK || fits ? sw : UICC_SW_WRONG_LENGTH;
}

/* --- data of a domain --------------------------------------------------------------------------
 */

/* What a domain lets be stored by tag: anything it is not the master of itself. */
static bool storable(uint32_t tag)
{
    switch (tag) {
    case 0x00:
    case 0xC0:
    case 0xC1:
    case 0xE0:
    case 0x2F00:
    case 0xFF21:
        return false;
    default:
        return true;
    }
}

static uicc_sw store_objects(const struct gp_registry *reg, uint16_t domain, cr_span in)
{
    struct der_tlv tlv;
    struct cr_err err;
    if (in.n == 0) {
        return UICC_SW_WRONG_DATA;
    }
    while (in.n) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return UICC_SW_WRONG_DATA;
        }
        if (!storable(tlv.tag)) {
            return UICC_SW_NO_REFERENCE;
        }
        cr_status status = gp_data_put(reg, domain, tlv.tag, tlv.all, &err);
        if (status != CR_OK) {
            return gp_failed(status, &err);
        }
    }
    return UICC_SW_OK;
}

/* 0070: data objects of the domain (42, 45, 66, 5F20 ..). 0085: parameters of the administration
 * session, kept as the object 85. */
uicc_sw gp_data_grouping(const struct gp_registry *reg, uint16_t domain, uint16_t dgi,
                         cr_span value)
{
    cr_buf tlv = {0};
    uicc_sw sw;
    switch (dgi) {
    case 0x0070:
        return store_objects(reg, domain, value);
    case 0x0085:
        der_put(&tlv, 0x85, value);
        sw = cr_buf_ok(&tlv) ? store_objects(reg, domain, cr_buf_span(&tlv)) : UICC_SW_NO_MEMORY;
        cr_buf_free(&tlv);
        return sw;
    default:
        return UICC_SW_NO_REFERENCE;
    }
}

/* --- STORE DATA --------------------------------------------------------------------------------
 */

#define P1_LAST      0x80
#define P1_ENCRYPTED 0x60
#define P1_STRUCTURE 0x18
#define P1_DGI       0x08
#define P1_BER       0x10
#define P1_RFU       0x06

/* A data grouping at the front: 1 = complete, 0 = more bytes are needed, -1 = none can be. Lengths
 * are one byte, or FF and two. */
static int grouping_next(cr_span *in, uint16_t *dgi, cr_span *value)
{
    size_t header = 3, n;
    if (in->n < 3) {
        return 0;
    }
    n = in->p[2];
    if (n == 0xFF) {
        if (in->n < 5) {
            return 0;
        }
        n = (size_t)in->p[3] << 8 | in->p[4];
        header = 5;
    }
    if (n > GP_MAX_DATA) {
        return -1;
    }
    if (in->n < header + n) {
        return 0;
    }
    *dgi = (uint16_t)(in->p[0] << 8 | in->p[1]);
    *value = cr_span_sub(*in, header, n);
    *in = cr_span_sub(*in, header + n, in->n);
    return 1;
}

static uicc_sw grouping_run(struct gp_command *c, uint16_t dgi, cr_span value, bool last)
{
    struct gp_context *ctx = c->ctx;
    struct gp_object object;
    struct gp_requester who = gp_requester_of(c, &object);
    if (gp_is_card(c->gp, c->reg) && c->gp->hooks.store) {
        uicc_sw sw =
            c->gp->hooks.store(c->gp->hooks.ctx, &who, who.target, dgi, value, last, c->out);
        if (sw != UICC_NOT_MINE) {
            return sw;
        }
    }
    switch (ctx->perso) {
    case GP_PERSO_OBJECT:
        if (!gp_object_get(c->reg, ctx->perso_object, &object)) {
            return UICC_SW_NO_REFERENCE;
        }
        return gp_data_grouping(c->reg, object.id, dgi, value);
    case GP_PERSO_HOOK:
        return c->gp->hooks.store
                   ? c->gp->hooks.store(c->gp->hooks.ctx, &who, gp_aid_span(&ctx->perso_aid), dgi,
                                        value, last, c->out)
                   : UICC_SW_NO_REFERENCE;
    case GP_PERSO_OWN:
    default:
        return gp_data_grouping(c->reg, c->domain.id, dgi, value);
    }
}

/* Executes the groupings that are complete; the rest waits for the next block. */
static uicc_sw store_groupings(struct gp_command *c, bool last)
{
    struct gp_context *ctx = c->ctx;
    cr_span in = cr_buf_span(&ctx->store), value;
    uint16_t dgi;
    uicc_sw sw = UICC_SW_OK;
    int step = 0;
    while (sw == UICC_SW_OK && in.n && (step = grouping_next(&in, &dgi, &value)) == 1) {
        sw = grouping_run(c, dgi, value, last && in.n == 0);
    }
    if (sw == UICC_SW_OK && (step < 0 || (last && in.n))) {
        sw = UICC_SW_WRONG_DATA;
    }
    if (sw == UICC_SW_OK && in.n < ctx->store.n) {
        size_t done = ctx->store.n - in.n;
        memmove(ctx->store.p, ctx->store.p + done, in.n);
        cr_wipe(ctx->store.p + in.n, done);
        ctx->store.n = in.n;
    }
    return sw;
}

static uicc_sw store_ber(struct gp_command *c, bool last)
{
    if (!last) {
        return UICC_SW_OK;
    }
    uint16_t id = c->ctx->perso == GP_PERSO_OBJECT ? c->ctx->perso_object : c->domain.id;
    return c->ctx->perso == GP_PERSO_HOOK
               ? UICC_SW_WRONG_P1P2 /* what is above takes data groupings */
               : store_objects(c->reg, id, cr_buf_span(&c->ctx->store));
}

static void store_end(struct gp_context *ctx)
{
    cr_buf_free(&ctx->store);
    ctx->store_open = false;
    ctx->store_next = 0;
}

uicc_sw gp_store_data(struct gp_command *c)
{
    struct gp_context *ctx = c->ctx;
    uint8_t p1 = c->apdu->p1;
    bool last = (p1 & P1_LAST) != 0;
    if ((p1 & (P1_RFU | P1_ENCRYPTED)) || (p1 & P1_STRUCTURE) == P1_STRUCTURE) {
        return UICC_SW_WRONG_P1P2; /* encrypted groupings: none of the DGIs here has any */
    }
    if (c->apdu->data.n == 0) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (c->apdu->p2 == 0) {
        store_end(ctx); /* a new sequence */
    } else if (!ctx->store_open || c->apdu->p2 != ctx->store_next) {
        store_end(ctx);
        return UICC_SW_WRONG_P1P2;
    }
    ctx->store.secret = true;
    ctx->store.limit = GP_MAX_DATA + 5;
    cr_buf_append_span(&ctx->store, c->apdu->data);
    uicc_sw sw = !cr_buf_ok(&ctx->store)         ? UICC_SW_NO_MEMORY
                 : (p1 & P1_STRUCTURE) == P1_DGI ? store_groupings(c, last)
                                                 : store_ber(c, last);
    if (sw != UICC_SW_OK || last) {
        store_end(ctx);
        return sw;
    }
    ctx->store_open = true;
    ctx->store_next = (uint8_t)(c->apdu->p2 + 1);
    return sw;
}
