/*
 * INSTALL and DELETE of objects (Card Specification 11.5, 11.2).
 */
#include "asn1/der.h"
#include "gp/internal.h"

enum {
    P1_LOAD = 0x02,
    P1_INSTALL = 0x04,
    P1_SELECTABLE = 0x08,
    P1_INSTALL_SELECTABLE = 0x0C,
    P1_EXTRADITION = 0x10,
    P1_PERSONALIZATION = 0x20,
    P1_REGISTRY = 0x40
};

#define CONFIRMATION_NONE 0x00 /* length of the receipt: no receipts are made */

/* --- rights ------------------------------------------------------------------------------------
 */

/* A token is an AES-CMAC under the token key (version 70, identifier 01) of the domain that
 * verifies tokens, over P1, P2, length and data without it. */
static bool token_good(const struct gp_command *c, cr_span data, cr_span token)
{
    struct gp_object o;
    struct gp_key key;
    uint8_t mac[16];
    const uint8_t head[] = {c->apdu->p1, c->apdu->p2, (uint8_t)data.n};
    const cr_span parts[] = {CR_SPAN_ARRAY(head), data};
    bool good = false;
    for (uint16_t id = 0; !good && gp_object_next(c->reg, id, &o); id = o.id) {
        uint32_t need = GP_PRIV_DOMAIN | GP_PRIV_TOKEN_VERIFICATION;
        good =
            o.kind == GP_DOMAIN && (o.privileges & need) == need &&
            gp_key_get(c->reg, o.id, GP_KVN_TOKEN, 0x01, &key) && key.type == GP_KEY_AES &&
            crypto_cmac(cr_span_of(key.value, key.n), parts, CR_COUNT(parts), mac, NULL) == CR_OK &&
            cr_span_equal_ct(CR_SPAN_ARRAY(mac), token);
    }
    cr_wipe(&key, sizeof key);
    return good;
}

uicc_sw gp_content_right(const struct gp_command *c, cr_span signed_data, cr_span token)
{
    uint32_t privileges = c->domain.privileges, own = GP_PRIV_DOMAIN | GP_PRIV_AUTHORIZED;
    if ((privileges & own) == own) {
        return UICC_SW_OK;
    }
    if ((privileges & GP_PRIV_DELEGATED) != GP_PRIV_DELEGATED) {
        return UICC_SW_CONDITIONS;
    }
    return token_good(c, signed_data, token) ? UICC_SW_OK : UICC_SW_SECURITY;
}

/* --- the data field ----------------------------------------------------------------------------
 */

/* Six fields of length and value, their meaning by P1; the last is the token. */
struct fields {
    cr_span f[6];
    size_t count;
    cr_span signed_data; /* all before the token */
};

static bool fields_read(cr_span data, struct fields *out)
{
    cr_span in = data;
    *out = (struct fields){0};
    while (in.n && out->count < CR_COUNT(out->f)) {
        out->signed_data = cr_span_sub(data, 0, data.n - in.n);
        if (!gp_take_lv(&in, &out->f[out->count])) {
            return false;
        }
        out->count++;
    }
    return in.n == 0;
}

static bool privileges_read(cr_span v, uint32_t *out)
{
    *out = 0;
    if (v.n != 1 && v.n != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        *out = *out << 8 | (i < v.n ? v.p[i] : 0);
    }
    return true;
}

/* What a domain gives it must have itself, the bits of a domain aside. */
static bool privileges_allowed(const struct gp_command *c, uint32_t wanted)
{
    uint32_t global = GP_PRIV_AUTHORIZED | GP_PRIV_TOKEN_VERIFICATION | GP_PRIV_GLOBAL_DELETE |
                      GP_PRIV_GLOBAL_LOCK | GP_PRIV_GLOBAL_REGISTRY;
    return (wanted & global & ~c->domain.privileges) == 0;
}

static uicc_sw confirm(struct gp_command *c, uicc_sw sw)
{
    if (sw == UICC_SW_OK) {
        cr_buf_append_byte(c->out, CONFIRMATION_NONE);
    }
    return sw;
}

/* A domain below the one that executes; an empty AID is that one. */
static bool domain_named(const struct gp_command *c, cr_span aid, struct gp_object *out)
{
    if (aid.n == 0) {
        *out = c->domain;
        return true;
    }
    return gp_object_by_aid(c->reg, aid, out) && out->kind == GP_DOMAIN &&
           gp_object_below(c->reg, out->id, c->domain.id);
}

/* --- INSTALL [for load] ------------------------------------------------------------------------
 */

static uint32_t number_of(cr_span v)
{
    uint32_t n = 0;
    for (size_t i = 0; i < v.n && i < 4; i++) {
        n = n << 8 | v.p[i];
    }
    return n;
}

/* EF { C6 code, C7 volatile, C8 non volatile memory }: what the load file will need. */
static bool load_fits(const struct gp_command *c, cr_span parameters)
{
    struct der_tlv ef, tlv;
    uint64_t need = 0;
    if (parameters.n && der_find(parameters, 0xEF, &ef)) {
        for (cr_span in = ef.value; in.n;) {
            if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
                return false;
            }
            if (tlv.tag == 0xC6 || tlv.tag == 0xC8) {
                need += number_of(tlv.value);
            }
        }
    }
    size_t used = nvm_used(c->reg->nvm), capacity = nvm_capacity(c->reg->nvm);
    return need <= (used < capacity ? capacity - used : 0);
}

static uicc_sw install_load(struct gp_command *c, const struct fields *f)
{
    struct gp_load *load = &c->ctx->load;
    struct gp_object domain, other;
    struct gp_aid aid;
    cr_span hash = f->f[2];
    cr_buf_free(&load->file);
    *load = (struct gp_load){0};
    if (f->count != 5 || !gp_aid_set(&aid, f->f[0])) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_sw sw = gp_content_right(c, f->signed_data, f->f[4]);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!domain_named(c, f->f[1], &domain)) {
        return UICC_SW_NO_REFERENCE;
    }
    if (gp_object_by_aid(c->reg, f->f[0], &other) || (hash.n && hash.n != 20 && hash.n != 32)) {
        return UICC_SW_WRONG_DATA;
    }
    if (!load_fits(c, f->f[3])) {
        return UICC_SW_NO_MEMORY;
    }
    *load = (struct gp_load){
        .open = true, .aid = aid, .domain = domain.id, .hash_size = (uint8_t)hash.n};
    if (hash.n) {
        memcpy(load->hash, hash.p, hash.n);
    }
    return UICC_SW_OK;
}

/* --- INSTALL [for install] and [for make selectable] -------------------------------------------
 */

/* An instance of a module: a domain when the module came with the card, else an application. */
static uicc_sw install_new(struct gp_command *c, const struct fields *f, uint8_t state)
{
    struct gp_object package, o = {.state = state, .domain = c->domain.id};
    struct cr_err err;
    if (!gp_object_by_aid(c->reg, f->f[0], &package) || package.kind != GP_PACKAGE ||
        !gp_modules_have(c->reg, package.id, f->f[1])) {
        return UICC_SW_NO_REFERENCE;
    }
    /* Its own load files, and those that all share. */
    if (!package.builtin && !gp_manages(c, &package, 0)) {
        return UICC_SW_NO_REFERENCE;
    }
    o.kind = package.builtin ? GP_DOMAIN : GP_APPLICATION;
    o.package = package.aid;
    if (!gp_aid_set(&o.module, f->f[1]) || !gp_aid_set(&o.aid, f->f[2].n ? f->f[2] : f->f[1]) ||
        !privileges_read(f->f[3], &o.privileges) || !gp_take_parameters(&o, f->f[4])) {
        return UICC_SW_WRONG_DATA;
    }
    bool domain = (o.privileges & GP_PRIV_DOMAIN) != 0;
    if (domain != (o.kind == GP_DOMAIN)) {
        return UICC_SW_WRONG_DATA;
    }
    if (!privileges_allowed(c, o.privileges)) {
        return UICC_SW_CONDITIONS;
    }
    gp_default_tar(&o);
    uicc_sw sw = gp_failed(gp_object_add(c->reg, &o, &err), &err);
    if (sw == UICC_SW_OK) {
        gp_sync(c->gp);
    }
    return sw;
}

static uicc_sw make_selectable(struct gp_command *c, const struct fields *f)
{
    struct gp_object o;
    struct cr_err err;
    if (!gp_object_by_aid(c->reg, f->f[2], &o) || o.kind == GP_PACKAGE || !gp_manages(c, &o, 0)) {
        return UICC_SW_NO_REFERENCE;
    }
    if (o.state != GP_INSTALLED) {
        return UICC_SW_CONDITIONS;
    }
    o.state = GP_SELECTABLE;
    return gp_failed(gp_object_put(c->reg, &o, &err), &err);
}

static uicc_sw install_install(struct gp_command *c, const struct fields *f)
{
    if (f->count != 6) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_sw sw = gp_content_right(c, f->signed_data, f->f[5]);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    switch (c->apdu->p1) {
    case P1_INSTALL:
        return install_new(c, f, GP_INSTALLED);
    case P1_SELECTABLE:
        return make_selectable(c, f);
    case P1_INSTALL_SELECTABLE:
    default:
        return install_new(c, f, GP_SELECTABLE);
    }
}

/* --- INSTALL [for extradition], [for registry update], [for personalization] -------------------
 */

/* Card Specification 9.4.1: the domain that has the application gives it to another one, which is
 * PERSONALIZED. */
static uicc_sw extradite(struct gp_command *c, struct gp_object *o, cr_span to)
{
    struct gp_object domain;
    if (!gp_object_by_aid(c->reg, to, &domain) || domain.kind != GP_DOMAIN) {
        return UICC_SW_NO_REFERENCE;
    }
    if (domain.state != GP_PERSONALIZED || o->domain == o->id ||
        gp_object_below(c->reg, domain.id, o->id)) {
        return UICC_SW_CONDITIONS;
    }
    o->domain = domain.id;
    return UICC_SW_OK;
}

static uicc_sw install_extradition(struct gp_command *c, const struct fields *f)
{
    struct gp_object o;
    struct cr_err err;
    if (f->count != 6 || f->f[1].n || f->f[3].n) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_sw sw = gp_content_right(c, f->signed_data, f->f[5]);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!gp_object_by_aid(c->reg, f->f[2], &o) || !gp_manages(c, &o, 0)) {
        return UICC_SW_NO_REFERENCE;
    }
    sw = extradite(c, &o, f->f[0]);
    return sw == UICC_SW_OK ? gp_failed(gp_object_put(c->reg, &o, &err), &err) : sw;
}

static uicc_sw install_registry(struct gp_command *c, const struct fields *f)
{
    struct gp_object o;
    struct cr_err err;
    if (f->count != 6 || f->f[1].n) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_sw sw = gp_content_right(c, f->signed_data, f->f[5]);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!gp_object_by_aid(c->reg, f->f[2], &o) || o.kind == GP_PACKAGE || !gp_manages(c, &o, 0)) {
        return UICC_SW_NO_REFERENCE;
    }
    if (f->f[0].n) {
        sw = extradite(c, &o, f->f[0]);
    }
    if (sw == UICC_SW_OK && f->f[3].n) {
        uint32_t privileges;
        if (!privileges_read(f->f[3], &privileges) ||
            ((privileges ^ o.privileges) & GP_PRIV_DOMAIN)) {
            return UICC_SW_WRONG_DATA;
        }
        if (!privileges_allowed(c, privileges) || o.domain == o.id) {
            return UICC_SW_CONDITIONS;
        }
        o.privileges = privileges;
    }
    return sw == UICC_SW_OK ? gp_failed(gp_object_put(c->reg, &o, &err), &err) : sw;
}

/* STORE DATA that follow go to this object: a domain below, or what the layer above knows. */
static uicc_sw install_personalization(struct gp_command *c, const struct fields *f)
{
    struct gp_context *ctx = c->ctx;
    struct gp_object o;
    struct gp_requester who = {.gp = c->gp,
                               .reg = c->reg,
                               .domain = &c->domain,
                               .remote = c->authority == GP_PACKET,
                               .level = c->level};
    ctx->perso = GP_PERSO_OWN;
    cr_buf_free(&ctx->store);
    ctx->store_open = false;
    if (f->count != 6 || f->f[0].n || f->f[1].n || f->f[3].n || f->f[4].n || f->f[5].n) {
        return UICC_SW_WRONG_DATA;
    }
    if (gp_object_by_aid(c->reg, f->f[2], &o)) {
        if (!gp_manages(c, &o, 0)) {
            return UICC_SW_NO_REFERENCE;
        }
        /* An application would get the data from its runtime. */
        if (o.kind != GP_DOMAIN || o.state < GP_SELECTABLE || o.state & GP_LOCKED) {
            return UICC_SW_CONDITIONS;
        }
        ctx->perso = GP_PERSO_OBJECT;
        ctx->perso_object = o.id;
        return UICC_SW_OK;
    }
    if (!gp_aid_set(&ctx->perso_aid, f->f[2]) || !c->gp->hooks.personalize) {
        return UICC_SW_NO_REFERENCE;
    }
    uicc_sw sw = c->gp->hooks.personalize(c->gp->hooks.ctx, &who, f->f[2]);
    if (sw == UICC_SW_OK) {
        ctx->perso = GP_PERSO_HOOK;
    }
    return sw;
}

uicc_sw gp_install(struct gp_command *c)
{
    struct fields f;
    uint8_t p1 = c->apdu->p1;
    if (c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!fields_read(c->apdu->data, &f)) {
        return UICC_SW_WRONG_DATA;
    }
    switch (p1) {
    case P1_LOAD:
        return confirm(c, install_load(c, &f));
    case P1_INSTALL:
    case P1_SELECTABLE:
    case P1_INSTALL_SELECTABLE:
        return confirm(c, install_install(c, &f));
    case P1_EXTRADITION:
        return confirm(c, install_extradition(c, &f));
    case P1_REGISTRY:
        return confirm(c, install_registry(c, &f));
    case P1_PERSONALIZATION:
        return install_personalization(c, &f); /* no data behind it */
    default:
        return UICC_SW_WRONG_P1P2;
    }
}

/* --- DELETE ------------------------------------------------------------------------------------
 */

#define P2_RELATED 0x80

/* Why an object cannot go: it is the domain at work, in use, part of the card, or has something
 * below it. */
static uicc_sw deletable(const struct gp_command *c, const struct gp_object *o)
{
    struct gp_object other;
    if (o->builtin || o->id == c->domain.id || (o->kind == GP_DOMAIN && o->domain == o->id) ||
        gp_selected(c->gp, o->id)) {
        return UICC_SW_CONDITIONS;
    }
    for (uint16_t id = 0; gp_object_next(c->reg, id, &other); id = other.id) {
        if (o->kind == GP_DOMAIN && other.id != o->id && other.domain == o->id) {
            return UICC_SW_CONDITIONS;
        }
    }
    return UICC_SW_OK;
}

static uicc_sw delete_one(struct gp_command *c, const struct gp_object *o)
{
    struct cr_err err;
    uicc_sw sw = deletable(c, o);
    return sw == UICC_SW_OK ? gp_failed(gp_object_delete(c->reg, o->id, &err), &err) : sw;
}

/* A load file: its instances go first, or there may be none. */
static uicc_sw delete_instances(struct gp_command *c, const struct gp_object *package, bool related)
{
    struct gp_object o;
    uicc_sw sw = UICC_SW_OK;
    for (uint16_t id = 0; sw == UICC_SW_OK && gp_object_next(c->reg, id, &o); id = o.id) {
        if (o.kind == GP_PACKAGE ||
            !cr_span_equal(gp_aid_span(&o.package), gp_aid_span(&package->aid))) {
            continue;
        }
        bool may = gp_manages(c, &o, GP_PRIV_GLOBAL_DELETE);
        sw = related && may ? delete_one(c, &o) : UICC_SW_CONDITIONS;
    }
    return sw;
}

static uicc_sw delete_object(struct gp_command *c, cr_span aid, cr_span signed_data, cr_span token)
{
    struct gp_object o;
    uicc_sw sw = gp_content_right(c, signed_data, token);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!gp_object_by_aid(c->reg, aid, &o) || !gp_manages(c, &o, GP_PRIV_GLOBAL_DELETE)) {
        return UICC_SW_NO_REFERENCE;
    }
    if (o.kind == GP_PACKAGE) {
        sw = deletable(c, &o);
        if (sw == UICC_SW_OK) {
            sw = delete_instances(c, &o, (c->apdu->p2 & P2_RELATED) != 0);
        }
    }
    if (sw == UICC_SW_OK) {
        sw = delete_one(c, &o);
    }
    return sw;
}

static uicc_sw delete_key(struct gp_command *c, uint8_t kvn, uint8_t kid)
{
    struct cr_err err;
    if (kvn == 0) {
        return UICC_SW_WRONG_DATA; /* an identifier in all versions: not on this card */
    }
    return gp_failed(gp_key_delete(c->reg, c->domain.id, kvn, kid, &err), &err);
}

uicc_sw gp_delete(struct gp_command *c)
{
    struct der_tlv tlv;
    cr_span aid = {0}, token = {0}, in = c->apdu->data, signed_data = in;
    uint8_t kvn = 0, kid = 0;
    bool key = false;
    if (c->apdu->p1 || c->apdu->p2 & (uint8_t)~P2_RELATED) {
        return UICC_SW_WRONG_P1P2;
    }
    while (in.n) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return UICC_SW_WRONG_DATA;
        }
        switch (tlv.tag) {
        case 0x4F:
            aid = tlv.value;
            break;
        case 0xD0:
        case 0xD2:
            if (tlv.value.n != 1) {
                return UICC_SW_WRONG_DATA;
            }
            key = true;
            *(tlv.tag == 0xD0 ? &kid : &kvn) = tlv.value.p[0];
            break;
        case 0x9E:
            token = tlv.value;
            signed_data = cr_span_of(c->apdu->data.p, (size_t)(tlv.all.p - c->apdu->data.p));
            break;
        case 0xB6:
            break; /* what the token is about: part of what it covers */
        default:
            return UICC_SW_WRONG_DATA;
        }
    }
    if (key == (aid.p != NULL)) {
        return UICC_SW_WRONG_DATA; /* neither or both */
    }
    uicc_sw sw = key ? delete_key(c, kvn, kid) : delete_object(c, aid, signed_data, token);
    if (sw == UICC_SW_OK && !key) {
        gp_sync(c->gp);
    }
    return confirm(c, sw);
}
