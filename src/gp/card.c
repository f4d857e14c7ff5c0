/*
 * The domains of the visible profile as applications of the UICC.
 */
#include "asn1/der.h"
#include "gp/internal.h"

#include <stdlib.h>

/* An application of the UICC, by its object. */
struct gp_entry {
    struct gp *gp;
    uint16_t id;
    struct gp_aid aid;
};

/* --- contexts ----------------------------------------------------------------------------------
 */

static void load_drop(struct gp_load *load)
{
    cr_buf_free(&load->file);
    *load = (struct gp_load){0};
}

void gp_context_script_end(struct gp_context *ctx)
{
    scp_end(&ctx->session);
    cr_buf_free(&ctx->store);
    ctx->perso = GP_PERSO_OWN;
    ctx->perso_object = 0;
    ctx->perso_aid = (struct gp_aid){0};
    ctx->store_open = false;
    ctx->store_next = 0;
    ctx->status_after = 0;
}

void gp_context_drop(struct gp_context *ctx)
{
    gp_context_script_end(ctx);
    load_drop(&ctx->load);
    *ctx = (struct gp_context){0};
}

static void way_drop(struct gp *gp, unsigned channel)
{
    if (gp->ways[channel]) {
        gp_context_drop(gp->ways[channel]);
        free(gp->ways[channel]);
        gp->ways[channel] = NULL;
    }
}

static void ways_drop(struct gp *gp)
{
    for (unsigned i = 0; i < UICC_CHANNELS; i++) {
        way_drop(gp, i);
    }
    gp_context_drop(&gp->air[0].ctx);
    gp->air[0].chain.object = 0;
}

static void card_air_drop(struct gp *gp)
{
    gp_context_drop(&gp->air[1].ctx);
    gp->air[1].chain.object = 0;
}

bool gp_is_card(const struct gp *gp, const struct gp_registry *reg)
{
    return gp->hooks.card && reg == gp->hooks.card;
}

struct gp_air *gp_air_of(struct gp *gp, const struct gp_registry *reg)
{
    return &gp->air[gp_is_card(gp, reg) ? 1 : 0];
}

static struct gp_context *way_of(struct gp *gp, unsigned channel, uint16_t id)
{
    if (gp->ways[channel] && gp->ways[channel]->domain != id) {
        way_drop(gp, channel);
    }
    if (!gp->ways[channel]) {
        gp->ways[channel] = calloc(1, sizeof *gp->ways[channel]);
        if (gp->ways[channel]) {
            gp->ways[channel]->domain = id;
            gp->ways[channel]->store.secret = true;
        }
    }
    return gp->ways[channel];
}

bool gp_selected(const struct gp *gp, uint16_t id)
{
    for (unsigned i = 0; i < UICC_CHANNELS; i++) {
        if (gp->ways[i] && gp->ways[i]->domain == id) {
            return true;
        }
    }
    return false;
}

/* --- as applications ---------------------------------------------------------------------------
 */

static bool entry_selectable(void *ctx)
{
    const struct gp_entry *e = ctx;
    struct gp_object o;
    return gp_object_get(&e->gp->reg, e->id, &o) && !(o.state & GP_LOCKED) &&
           o.state >= GP_SELECTABLE;
}

/* FCI: 6F { 84 AID, A5 { 73 of the card data, 9F65 longest command data } }. */
static uicc_sw entry_select(void *ctx, struct uicc_call *call)
{
    const struct gp_entry *e = ctx;
    struct gp_object o;
    static const uint8_t longest[] = {0xFF};
    struct der_tlv card_data, management;
    if (!gp_object_get(&e->gp->reg, e->id, &o)) {
        return UICC_SW_NOT_FOUND;
    }
    if (o.kind == GP_APPLICATION) {
        return GP_SW_SELECT_FAILED; /* nothing executes it */
    }
    size_t outer = der_open(call->out, 0x6F);
    der_put(call->out, 0x84, gp_aid_span(&o.aid));
    size_t inner = der_open(call->out, 0xA5);
    cr_span data = gp_data_get(&e->gp->reg, o.id, 0x66);
    if (data.p && der_next(&data, DER_BER_LENGTHS, &card_data, NULL) == CR_OK &&
        der_find(card_data.value, 0x73, &management)) {
        cr_buf_append_span(call->out, management.all);
    }
    der_put(call->out, 0x9F65, CR_SPAN_ARRAY(longest));
    der_close(call->out, inner);
    der_close(call->out, outer);
    /* Selecting it again ends the session as well. */
    way_drop(e->gp, call->channel);
    return way_of(e->gp, call->channel, o.id) ? UICC_SW_OK : UICC_SW_MEMORY;
}

static uicc_sw entry_process(void *ctx, struct uicc_call *call)
{
    struct gp_entry *e = ctx;
    struct gp_command c = {
        .gp = e->gp, .reg = &e->gp->reg, .apdu = call->apdu, .out = call->out, .room = 256};
    if (!gp_object_get(c.reg, e->id, &c.domain) || c.domain.kind != GP_DOMAIN) {
        return UICC_SW_WRONG_INS;
    }
    c.ctx = way_of(e->gp, call->channel, e->id);
    return c.ctx ? gp_domain_run(&c, call->apdu->all) : UICC_SW_MEMORY;
}

static void entry_deselect(void *ctx, unsigned channel)
{
    const struct gp_entry *e = ctx;
    if (channel < UICC_CHANNELS && e->gp->ways[channel] && e->gp->ways[channel]->domain == e->id) {
        way_drop(e->gp, channel);
    }
}

/* Remote file management is addressed by its TAR only; load files not at all. */
static bool wants_entry(const struct gp_object *o)
{
    return o->kind == GP_DOMAIN || o->kind == GP_APPLICATION;
}

static void entry_remove(struct gp *gp, size_t at)
{
    struct gp_entry *e = gp->entries[at];
    uicc_unregister(gp->uicc, gp_aid_span(&e->aid));
    free(e);
    gp->entries[at] = NULL;
}

static bool entry_exists(const struct gp *gp, uint16_t id)
{
    for (size_t i = 0; i < UICC_MAX_APPS; i++) {
        if (gp->entries[i] && gp->entries[i]->id == id) {
            return true;
        }
    }
    return false;
}

static void entry_add(struct gp *gp, const struct gp_object *o)
{
    struct uicc_app app = {.aid_size = o->aid.n,
                           .secure_messaging = true,
                           .selectable = entry_selectable,
                           .select = entry_select,
                           .process = entry_process,
                           .deselect = entry_deselect};
    memcpy(app.aid, o->aid.p, o->aid.n);
    for (size_t i = 0; i < UICC_MAX_APPS; i++) {
        if (gp->entries[i]) {
            continue;
        }
        struct gp_entry *e = malloc(sizeof *e);
        if (e) {
            *e = (struct gp_entry){.gp = gp, .id = o->id, .aid = o->aid};
            app.ctx = e;
            if (uicc_register(gp->uicc, &app, NULL) == CR_OK) {
                gp->entries[i] = e;
            } else {
                free(e); /* no room, or the AID is one of the card's own: not selectable */
            }
        }
        return;
    }
}

void gp_sync(struct gp *gp)
{
    struct gp_object o;
    for (size_t i = 0; i < UICC_MAX_APPS; i++) {
        const struct gp_entry *e = gp->entries[i];
        if (e && (!gp->visible || !gp_object_get(&gp->reg, e->id, &o) || !wants_entry(&o) ||
                  !cr_span_equal(gp_aid_span(&o.aid), gp_aid_span(&e->aid)))) {
            entry_remove(gp, i);
        }
    }
    for (uint16_t id = 0; gp->visible && gp_object_next(&gp->reg, id, &o); id = o.id) {
        if (wants_entry(&o) && !entry_exists(gp, o.id)) {
            entry_add(gp, &o);
        }
    }
}

/* --- following the card ------------------------------------------------------------------------
 */

static void card_visible(void *ctx)
{
    struct gp *gp = ctx;
    const struct uicc_fs *fs = uicc_profile(gp->uicc);
    /* Ids of another profile may be the same: nothing of the old one stays. */
    gp->visible = false;
    gp_sync(gp);
    ways_drop(gp);
    gp_endpoint_reset(gp);
    gp->visible =
        fs && gp_registry_init(&gp->reg, fs->nvm, cr_span_of(fs->prefix, fs->prefix_size));
    gp_sync(gp);
}

static void card_reset(void *ctx)
{
    struct gp *gp = ctx;
    ways_drop(gp);
    card_air_drop(gp);
    gp_endpoint_reset(gp);
    gp_sync(gp);
}

/* What the last command left in RAM may be more than the memory has. */
static void card_aborted(void *ctx)
{
    struct gp *gp = ctx;
    for (unsigned i = 0; i < UICC_CHANNELS; i++) {
        uint16_t domain = gp->ways[i] ? gp->ways[i]->domain : 0;
        if (domain) {
            gp_context_drop(gp->ways[i]); /* still selected, the session is over */
            gp->ways[i]->domain = domain;
        }
    }
    gp_context_drop(&gp->air[0].ctx);
    gp->air[0].chain.object = 0;
    card_air_drop(gp);
    gp_sync(gp);
}

/* --- the object --------------------------------------------------------------------------------
 */

cr_status gp_new(struct uicc *uicc, const struct gp_hooks *hooks, struct gp **out,
                 struct cr_err *err)
{
    struct gp *gp = calloc(1, sizeof *gp);
    if (!gp) {
        return cr_fail_memory(err);
    }
    gp->uicc = uicc;
    if (hooks) {
        gp->hooks = *hooks;
    }
    cr_status status = gp_endpoint_new(gp, err);
    if (status != CR_OK) {
        free(gp);
        return status;
    }
    struct uicc_observer observer = {
        .ctx = gp, .visible = card_visible, .reset = card_reset, .aborted = card_aborted};
    uicc_set_observer(uicc, &observer);
    card_visible(gp);
    *out = gp;
    return CR_OK;
}

void gp_free(struct gp *gp)
{
    if (!gp) {
        return;
    }
    uicc_set_observer(gp->uicc, &(struct uicc_observer){0});
    gp->visible = false;
    gp_sync(gp);
    ways_drop(gp);
    card_air_drop(gp);
    gp_endpoint_free(gp);
    free(gp);
}

const struct gp_registry *gp_visible(const struct gp *gp)
{
    return gp->visible ? &gp->reg : NULL;
}
