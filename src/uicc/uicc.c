#include "uicc/internal.h"

#include <stdlib.h>

#define OUT_KEEP 1024 /* bytes of response buffer kept between commands */

/* --- card --------------------------------------------------------------------------------------
 */

cr_status uicc_new(const struct uicc_options *options, struct uicc **out, struct cr_err *err)
{
    static const uint8_t historical[] = {0x80, 0x31, 0xE0, 0x73, 0xFE, 0x21, 0x13};
    cr_span bytes = options->historical.p ? options->historical : CR_SPAN_ARRAY(historical);
    if (options->channels > UICC_CHANNELS || bytes.n > 15) {
        return cr_fail(err, CR_REFUSED, "TS 102 221 6.3",
                       "a card has at most 20 channels and 15 historical bytes");
    }
    struct uicc *u = calloc(1, sizeof *u);
    if (!u) {
        return cr_fail_memory(err);
    }
    u->nvm = options->nvm;
    u->env = options->env;
    u->channels = (uint8_t)(options->channels ? options->channels : UICC_CHANNELS);
    u->euicc = options->euicc;
    u->historical_size = (uint8_t)bytes.n;
    if (bytes.n) {
        memcpy(u->historical, bytes.p, bytes.n);
    }
    u->out.limit = UICC_MAX_RESPONSE;
    u->toolkit.now.with = -1;
    for (unsigned i = 0; i < SELECTIONS; i++) {
        u->selection[i].app = NO_APP;
    }
    u->selection[0].open = true;
    *out = u;
    return CR_OK;
}

void uicc_exchange_drop(struct uicc *u, unsigned channel)
{
    struct exchange *ex = u->exchange[channel];
    if (ex) {
        cr_buf_free(&ex->pending);
        cr_buf_free(&ex->data);
        free(ex);
        u->exchange[channel] = NULL;
    }
}

void uicc_free(struct uicc *u)
{
    if (!u) {
        return;
    }
    for (unsigned i = 0; i < SELECTIONS; i++) {
        uicc_exchange_drop(u, i);
    }
    toolkit_free(u);
    cr_buf_free(&u->out);
    free(u->apps);
    free(u);
}

void uicc_reset(struct uicc *u)
{
    for (unsigned i = 0; i < SELECTIONS; i++) {
        uicc_exchange_drop(u, i);
        selection_reset(u, i);
        u->selection[i].open = i == 0;
    }
    u->pins.count = 0;
    toolkit_reset(u);
    for (unsigned i = 0; i < u->app_count; i++) {
        if (u->apps[i].aid_size && u->apps[i].reset) {
            u->apps[i].reset(u->apps[i].ctx);
        }
    }
    if (u->observer.reset) {
        u->observer.reset(u->observer.ctx);
    }
}

/* TS 0x3B, TA1 96 (F=512, D=32), T=0 first, then T=15 with TA3 C7 (clock stop; classes A, B, C) and
 * for an eUICC TB3 82 (SGP.02/SGP.22: eUICC functions). T=15 asks for TCK. */
void uicc_atr(const struct uicc *u, cr_buf *out)
{
    size_t start = out->n;
    cr_buf_append_byte(out, 0x3B);
    cr_buf_append_byte(out, (uint8_t)(0x90 | u->historical_size));
    cr_buf_append_byte(out, 0x96);
    cr_buf_append_byte(out, 0x80);
    cr_buf_append_byte(out, u->euicc ? 0x3F : 0x1F);
    cr_buf_append_byte(out, 0xC7);
    if (u->euicc) {
        cr_buf_append_byte(out, 0x82);
    }
    cr_buf_append(out, u->historical, u->historical_size);
    uint8_t check = 0;
    for (size_t i = start + 1; cr_buf_ok(out) && i < out->n; i++) {
        check ^= out->p[i];
    }
    cr_buf_append_byte(out, check);
}

cr_status uicc_register(struct uicc *u, const struct uicc_app *app, struct cr_err *err)
{
    unsigned free_at = u->app_count;
    if (app->aid_size < UICC_MIN_AID || app->aid_size > UICC_MAX_AID) {
        return cr_fail(err, CR_REFUSED, "ISO 7816-4", "an AID has 5 to 16 bytes");
    }
    for (unsigned i = 0; i < u->app_count; i++) {
        if (u->apps[i].aid_size == app->aid_size &&
            memcmp(u->apps[i].aid, app->aid, app->aid_size) == 0) {
            return cr_fail(err, CR_REFUSED, "ISO 7816-4", "the AID is registered");
        }
        if (!u->apps[i].aid_size && free_at == u->app_count) {
            free_at = i;
        }
    }
    if (free_at == UICC_MAX_APPS) {
        return cr_fail(err, CR_RESOURCE, NULL, "more than %d applications", UICC_MAX_APPS);
    }
    if (free_at == u->app_count) {
        struct uicc_app *apps = realloc(u->apps, (free_at + 1) * sizeof *apps);
        if (!apps) {
            return cr_fail_memory(err);
        }
        u->apps = apps;
        u->app_count++;
    }
    u->apps[free_at] = *app;
    return CR_OK;
}

void uicc_unregister(struct uicc *u, cr_span aid)
{
    for (unsigned i = 0; i < u->app_count; i++) {
        if (!cr_span_equal(cr_span_of(u->apps[i].aid, u->apps[i].aid_size), aid)) {
            continue;
        }
        for (unsigned k = 0; k < UICC_CHANNELS; k++) {
            if (u->selection[k].app == (int8_t)i) {
                selection_reset(u, k);
            }
        }
        u->apps[i] = (struct uicc_app){.aid_size = 0};
    }
}

cr_status uicc_set_profile(struct uicc *u, cr_span prefix, struct cr_err *err)
{
    struct uicc_fs fs = {0};
    if (prefix.p && !uicc_fs_init(&fs, u->nvm, prefix)) {
        return cr_fail(err, CR_REFUSED, NULL, "a key prefix has 1 to %d bytes", UICC_MAX_PREFIX);
    }
    u->mounted = prefix.p && uicc_fs_mf(&fs);
    u->fs = fs;
    u->pins.count = 0;
    for (unsigned i = 0; i < SELECTIONS; i++) {
        struct selection *sel = &u->selection[i];
        *sel = (struct selection){.open = sel->open && i != REMOTE, .app = sel->app};
        if (u->mounted) {
            sel->path = (struct uicc_path){.depth = 1, .df = {uicc_fs_mf(&fs)}};
        }
        if (u->exchange[i]) {
            uicc_transfer_end(u->exchange[i]);
        }
    }
    if (u->observer.visible) {
        u->observer.visible(u->observer.ctx);
    }
    return CR_OK;
}

void uicc_set_observer(struct uicc *u, const struct uicc_observer *observer)
{
    u->observer = *observer;
}

const struct uicc_fs *uicc_profile(const struct uicc *u)
{
    return u->mounted ? &u->fs : NULL;
}

struct nvm *uicc_nvm(const struct uicc *u)
{
    return u->nvm;
}

const cr_env *uicc_env(const struct uicc *u)
{
    return u->env;
}

/* --- helpers of the handlers -------------------------------------------------------------------
 */

struct exchange *uicc_exchange(struct uicc *u, unsigned channel)
{
    if (!u->exchange[channel]) {
        u->exchange[channel] = calloc(1, sizeof *u->exchange[channel]);
        if (u->exchange[channel]) {
            u->exchange[channel]->pending.secret = true;
            u->exchange[channel]->data.secret = true;
        }
    }
    return u->exchange[channel];
}

void uicc_transfer_end(struct exchange *ex)
{
    cr_buf_free(&ex->data);
    ex->data.secret = true;
    ex->transfer = TRANSFER_NONE;
    ex->transfer_ef = 0;
    ex->data_at = ex->block_at = 0;
}

uicc_sw uicc_transfer_send(struct command *c, struct exchange *ex)
{
    size_t most = c->apdu->has_le ? c->apdu->le : 255;
    size_t left = ex->data.n - ex->data_at;
    size_t n = left < most ? left : most;
    ex->transfer_used = true;
    ex->block_at = ex->data_at;
    cr_buf_append(c->call.out, ex->data.p + ex->data_at, n);
    ex->data_at += n;
    return n < left ? UICC_SW_MORE_DATA : UICC_SW_OK;
}

const void *uicc_grant(const struct command *c, const struct uicc_path *path)
{
    struct uicc_file_attr adf;
    bool in_adf =
        path->depth > 1 && uicc_fs_attr(&c->u->fs, path->df[1], &adf) && adf.kind == UICC_ADF;
    return c->rights->grant(c->rights->ctx, in_adf ? adf.aid : (cr_span){0}, c->apdu->ins);
}

bool uicc_may(const struct command *c, const struct uicc_path *path,
              const struct uicc_file_attr *attr, struct uicc_access access)
{
    const struct uicc_fs *fs = &c->u->fs;
    if (!c->rights) {
        return uicc_access_allowed(fs, c->pins, path, attr, access);
    }
    const void *grant = uicc_grant(c, path);
    return grant && uicc_access_allowed_by(fs, c->rights->key, grant, path, attr, access);
}

uicc_sw uicc_failed(struct command *c, cr_status status, const struct cr_err *err)
{
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return err->code ? (uicc_sw)err->code : UICC_SW_WRONG_DATA;
    }
    c->call.discard = true;
    return UICC_SW_MEMORY;
}

uicc_sw uicc_le_check(const struct uicc_apdu *apdu, size_t available)
{
    if (!apdu->has_le || apdu->le == 256 || apdu->le == available) {
        return 0;
    }
    return (uicc_sw)(UICC_SW_WRONG_LE | (available & 0xFF));
}

/* --- command table -----------------------------------------------------------------------------
 */

enum cla { ISO = 1, ETSI = 2, BOTH = 3 };
/* Command data: none; needed; as the command wants. A sole P3 is Le for the first and the last, Lc
 * of missing data for the second. PIN: as needed, but P3 = 00 is a query. */
enum data { DATA_NONE, DATA_NEEDED, DATA_QUERY, DATA_ANY };

struct entry {
    uint8_t ins;
    uint8_t cla;
    uint8_t data;
    bool own;    /* the card's also where an application is selected */
    bool remote; /* TS 102 226 7: a server may send it in a script */
    command_handler handler;
};

static const struct entry table[] = {
    {0x04, ISO, DATA_ANY, false, true, command_deactivate},
    {0x10, ETSI, DATA_NEEDED, true, false, command_terminal_profile},
    {0x12, ETSI, DATA_NONE, true, false, command_fetch},
    {0x14, ETSI, DATA_NEEDED, true, false, command_terminal_response},
    {0x20, ISO, DATA_QUERY, false, true, command_verify_pin},
    {0x24, ISO, DATA_NEEDED, false, true, command_change_pin},
    {0x26, ISO, DATA_NEEDED, false, true, command_disable_pin},
    {0x28, ISO, DATA_NEEDED, false, true, command_enable_pin},
    {0x2C, ISO, DATA_QUERY, false, true, command_unblock_pin},
    {0x32, ETSI, DATA_NEEDED, false, true, command_increase},
    {0x44, ISO, DATA_ANY, false, true, command_activate},
    {0x70, ISO, DATA_NONE, true, false, command_manage_channel},
    {0x78, ETSI, DATA_NONE, false, false, command_get_identity},
    {0x84, ISO, DATA_NONE, false, false, command_get_challenge},
    {0x88, ISO, DATA_NEEDED, false, false, command_authenticate},
    {0x89, ISO, DATA_ANY, false, false, command_authenticate_odd},
    {0xA2, ISO, DATA_NEEDED, false, true, command_search_record},
    {0xA4, ISO, DATA_ANY, true, true, command_select},
    {0xAA, ETSI, DATA_NEEDED, true, false, command_terminal_capability},
    {0xB0, ISO, DATA_NONE, false, true, command_read_binary},
    {0xB2, ISO, DATA_NONE, false, true, command_read_record},
    {0xC2, ETSI, DATA_NEEDED, true, false, command_envelope},
    {0xCB, ETSI, DATA_ANY, false, true, command_retrieve_data},
    {0xD4, ETSI, DATA_NEEDED, false, true, command_resize_file},
    {0xD6, ISO, DATA_NEEDED, false, true, command_update_binary},
    {0xDB, ETSI, DATA_NEEDED, false, true, command_set_data},
    {0xDC, ISO, DATA_NEEDED, false, true, command_update_record},
    {0xE0, ISO, DATA_NEEDED, false, true, command_create_file},
    {0xE4, ISO, DATA_NEEDED, false, true, command_delete_file},
    {0xE6, ISO, DATA_ANY, false, false, command_terminate},
    {0xE8, ISO, DATA_ANY, false, false, command_terminate},
    {0xF2, ETSI, DATA_NONE, true, false, command_status},
    {0xFE, ISO, DATA_NONE, false, false, command_terminate_card},
};

#define INS_GET_RESPONSE 0xC0
#define INS_STATUS       0xF2

static const struct entry *entry_of(uint8_t ins)
{
    size_t low = 0, high = CR_COUNT(table);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table[middle].ins == ins) {
            return &table[middle];
        }
        if (table[middle].ins < ins) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* --- the command -------------------------------------------------------------------------------
 */

/* TS 102 221 10.1.1: 0X, 8X with two bits of channel and two of secure messaging; 4X/6X, CX/EX with
 * four bits of channel, X6 being secure messaging. */
static uicc_sw class_parse(uint8_t cla, struct uicc_apdu *a)
{
    a->cla = cla;
    a->proprietary = (cla & 0x80) != 0;
    switch (cla & 0x70) {
    case 0x00:
        a->channel = cla & 0x03;
        a->secure = (cla & 0x0C) == 0x04;
        return cla & 0x08 ? UICC_SW_NO_SECURE_MESSAGING : UICC_SW_OK;
    case 0x40:
    case 0x50:
        a->channel = (cla & 0x0Fu) + 4;
        return cla & 0x10 ? UICC_SW_WRONG_CLA : UICC_SW_OK;
    case 0x60:
    case 0x70:
        a->channel = (cla & 0x0Fu) + 4;
        a->secure = true;
        return cla & 0x10 ? UICC_SW_WRONG_CLA : UICC_SW_OK;
    default:
        return UICC_SW_WRONG_CLA;
    }
}

/* Short cases 1 to 4. Extended lengths (00 in the fifth byte and more behind it) are not for T=0.
 */
static uicc_sw length_parse(cr_span in, struct uicc_apdu *a)
{
    if (in.n == 4) {
        return UICC_SW_OK;
    }
    unsigned p3 = in.p[4];
    if (in.n == 5) {
        a->has_le = true;
        a->le = p3 ? p3 : 256;
        return UICC_SW_OK;
    }
    if (p3 == 0 || (in.n != 5 + p3 && in.n != 6 + p3)) {
        return UICC_SW_WRONG_LENGTH;
    }
    a->data = cr_span_of(in.p + 5, p3);
    if (in.n == 6 + p3) {
        a->has_le = true;
        a->le = in.p[in.n - 1] ? in.p[in.n - 1] : 256;
    }
    return UICC_SW_OK;
}

uicc_sw uicc_apdu_parse(cr_span in, struct uicc_apdu *a)
{
    *a = (struct uicc_apdu){.all = in};
    if (in.n < 4) {
        return UICC_SW_WRONG_LENGTH;
    }
    a->ins = in.p[1];
    a->p1 = in.p[2];
    a->p2 = in.p[3];
    uicc_sw sw = class_parse(in.p[0], a);
    return sw == UICC_SW_OK ? length_parse(in, a) : sw;
}

static uicc_sw data_check(const struct entry *entry, const struct uicc_apdu *a)
{
    switch ((enum data)entry->data) {
    case DATA_NONE:
        return a->data.p ? UICC_SW_WRONG_LENGTH : UICC_SW_OK;
    case DATA_NEEDED:
        return a->data.p ? UICC_SW_OK : UICC_SW_WRONG_LENGTH;
    case DATA_QUERY:
        return a->data.p || !a->has_le || a->le == 256 ? UICC_SW_OK : UICC_SW_WRONG_LENGTH;
    case DATA_ANY:
    default:
        return UICC_SW_OK;
    }
}

/* An application's own command. */
static uicc_sw app_process(struct command *c)
{
    const struct uicc_app *app = &c->u->apps[c->sel->app];
    return app->process ? app->process(app->ctx, &c->call) : UICC_SW_WRONG_INS;
}

static uicc_sw run_entry(struct command *c, const struct entry *entry)
{
    if (!(entry->cla & (c->apdu->proprietary ? ETSI : ISO))) {
        return UICC_SW_WRONG_CLA;
    }
    uicc_sw sw = data_check(entry, c->apdu);
    return sw == UICC_SW_OK ? entry->handler(c) : sw;
}

uicc_sw uicc_dispatch_remote(struct command *c)
{
    const struct entry *entry = entry_of(c->apdu->ins);
    return entry && entry->remote ? run_entry(c, entry) : UICC_SW_WRONG_INS;
}

static uicc_sw dispatch(struct command *c)
{
    const struct entry *entry = entry_of(c->apdu->ins);
    bool own = entry && entry->own && !(c->apdu->ins == INS_STATUS && c->apdu->p1 > 0x02);
    if (c->sel->app != NO_APP && !own) {
        bool able = !c->apdu->secure || c->u->apps[c->sel->app].secure_messaging;
        return able ? app_process(c) : UICC_SW_NO_SECURE_MESSAGING;
    }
    if (c->apdu->secure) {
        return UICC_SW_NO_SECURE_MESSAGING;
    }
    return entry ? run_entry(c, entry) : UICC_SW_WRONG_INS;
}

/* --- the answer --------------------------------------------------------------------------------
 */

static void put_sw(const struct uicc *u, cr_buf *response, uicc_sw sw)
{
    cr_buf_append_be(response, toolkit_announce(u, sw), 2);
}

static uicc_sw more(size_t n)
{
    return (uicc_sw)(UICC_SW_MORE | (n > 255 ? 0 : n));
}

static bool carries_data(uicc_sw sw)
{
    unsigned sw1 = sw >> 8;
    return sw1 == 0x90 || sw1 == 0x91 || sw1 == 0x92 || sw1 == 0x62 || sw1 == 0x63;
}

/* Gives the data that fits, keeps the rest for GET RESPONSE. */
static void answer(struct uicc *u, const struct uicc_apdu *a, uicc_sw sw, cr_buf *response)
{
    cr_span data = carries_data(sw) ? cr_buf_span(&u->out) : (cr_span){0};
    size_t now = a->has_le ? a->le : 0;
    if (data.n <= now) {
        cr_buf_append_span(response, data);
        put_sw(u, response, sw);
        return;
    }
    struct exchange *ex = uicc_exchange(u, a->channel);
    if (!ex) {
        cr_buf_append_be(response, UICC_SW_MEMORY, 2);
        return;
    }
    cr_buf_append(response, data.p, now);
    cr_buf_append(&ex->pending, data.p + now, data.n - now);
    ex->pending_at = 0;
    ex->pending_sw = sw;
    uicc_sw first = cr_buf_ok(&ex->pending) ? more(ex->pending.n) : UICC_SW_MEMORY;
    cr_buf_append_be(response, first, 2);
}

static void pending_drop(struct exchange *ex)
{
    if (ex && (ex->pending.n || !cr_buf_ok(&ex->pending))) {
        cr_buf_free(&ex->pending);
        ex->pending.secret = true;
        ex->pending_at = 0;
    }
}

static void get_response(struct uicc *u, const struct uicc_apdu *a, cr_buf *response)
{
    struct exchange *ex = u->exchange[a->channel];
    size_t left = ex ? ex->pending.n - ex->pending_at : 0;
    size_t n = a->has_le ? a->le : 256;
    if (a->data.p) {
        put_sw(u, response, UICC_SW_WRONG_LENGTH);
    } else if (a->p1 || a->p2) {
        put_sw(u, response, UICC_SW_WRONG_P1P2);
    } else if (left == 0) {
        put_sw(u, response, UICC_SW_CONDITIONS);
    } else if (n > left && a->has_le && n != 256) {
        put_sw(u, response, (uicc_sw)(UICC_SW_WRONG_LE | (left & 0xFF)));
    } else {
        n = n < left ? n : left;
        cr_buf_append(response, ex->pending.p + ex->pending_at, n);
        ex->pending_at += n;
        if (n < left) {
            cr_buf_append_be(response, more(left - n), 2);
        } else {
            put_sw(u, response, ex->pending_sw);
            pending_drop(ex);
        }
    }
}

/* --- transaction -------------------------------------------------------------------------------
 */

/* The volatile state that a command may change and a failed commit brings back. */
struct snapshot {
    bool mounted;
    struct uicc_fs fs;
    struct uicc_pin_session pins;
    struct selection selection[SELECTIONS];
};

static void snapshot_take(const struct uicc *u, struct snapshot *s)
{
    s->mounted = u->mounted;
    s->fs = u->fs;
    s->pins = u->pins;
    memcpy(s->selection, u->selection, sizeof s->selection);
}

static void snapshot_restore(struct uicc *u, const struct snapshot *s, unsigned channel)
{
    bool other = u->mounted != s->mounted || u->fs.prefix_size != s->fs.prefix_size ||
                 memcmp(u->fs.prefix, s->fs.prefix, s->fs.prefix_size) != 0;
    u->mounted = s->mounted;
    u->fs = s->fs;
    u->pins = s->pins;
    memcpy(u->selection, s->selection, sizeof s->selection);
    toolkit_undo(u);
    if (u->exchange[channel]) {
        uicc_transfer_end(u->exchange[channel]);
    }
    for (unsigned i = 0; i < u->app_count; i++) {
        if (u->apps[i].aid_size && u->apps[i].aborted) {
            u->apps[i].aborted(u->apps[i].ctx);
        }
    }
    if (other && u->observer.visible) {
        u->observer.visible(u->observer.ctx);
    }
    if (u->observer.aborted) {
        u->observer.aborted(u->observer.ctx);
    }
}

static cr_status run(struct uicc *u, const struct uicc_apdu *a, cr_buf *response,
                     struct cr_err *err)
{
    struct snapshot before;
    snapshot_take(u, &before);
    toolkit_begin(u);
    struct command c = {.u = u, .apdu = a, .sel = &u->selection[a->channel], .pins = &u->pins};
    c.call = (struct uicc_call){.uicc = u, .apdu = a, .channel = a->channel, .out = &u->out};
    cr_buf_reset(&u->out);
    if (u->exchange[a->channel]) {
        u->exchange[a->channel]->transfer_used = false;
    }
    nvm_begin(u->nvm);
    uicc_sw sw = dispatch(&c);
    if (a->ins == INS_STATUS && sw == UICC_SW_OK) {
        toolkit_polled(u);
    }
    c.call.discard = c.call.discard || sw == UICC_SW_MEMORY;
    cr_status status = CR_OK;
    if (c.call.discard) {
        nvm_rollback(u->nvm);
        if (sw == UICC_SW_MEMORY) {
            snapshot_restore(u, &before, a->channel);
            /* Full, or without power: only a commit tells. */
            nvm_begin(u->nvm);
            status = nvm_commit(u->nvm, err);
        }
    } else {
        status = nvm_commit(u->nvm, err);
        if (status != CR_OK) {
            snapshot_restore(u, &before, a->channel);
        }
    }
    if (status == CR_OK && !cr_buf_ok(&u->out)) {
        sw = UICC_SW_MEMORY; /* no room for the answer: what was done stays done */
    }
    if (status != CR_OK) {
        cr_buf_append_be(response, UICC_SW_MEMORY, 2);
        return status;
    }
    toolkit_finish(u);
    struct exchange *ex = u->exchange[a->channel];
    if (ex && ex->transfer != TRANSFER_NONE && !ex->transfer_used) {
        uicc_transfer_end(ex);
    }
    answer(u, a, sw, response);
    return CR_OK;
}

cr_status uicc_transmit(struct uicc *u, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct uicc_apdu a;
    uicc_sw sw = uicc_apdu_parse(command, &a);
    bool channel_open = a.channel < u->channels && u->selection[a.channel].open;
    if (sw == UICC_SW_OK && !channel_open) {
        sw = a.secure ? UICC_SW_NO_SECURE_MESSAGING : UICC_SW_NO_CHANNEL;
    }
    if (sw == UICC_SW_OK && a.ins == INS_GET_RESPONSE) {
        get_response(u, &a, response);
        return CR_OK;
    }
    if (channel_open && command.n >= 4) {
        pending_drop(u->exchange[a.channel]);
    }
    if (sw != UICC_SW_OK) {
        cr_buf_append_be(response, sw, 2);
        return CR_OK;
    }
    cr_status status = run(u, &a, response, err);
    cr_wipe(u->out.p, u->out.n);
    if (u->out.cap > OUT_KEEP) {
        size_t limit = u->out.limit;
        cr_buf_free(&u->out);
        u->out.limit = limit;
    }
    return status;
}
