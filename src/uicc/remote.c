/*
 * Commands of a remote server: the handlers of the card with a selection and rights of their own
 * (TS 102 226 clause 7).
 */
#include "uicc/internal.h"

static bool enter(struct uicc *u, cr_span adf)
{
    struct selection *sel = &u->selection[REMOTE];
    uicc_remote_end(u);
    if (!u->mounted) {
        return false;
    }
    selection_reset(u, REMOTE);
    if (adf.n) {
        uicc_file file = uicc_fs_adf(&u->fs, adf);
        if (!file) {
            return false;
        }
        sel->adf = file;
        sel->path.df[sel->path.depth++] = file;
    }
    sel->open = true;
    return true;
}

bool uicc_remote_begin(struct uicc *u, cr_span adf)
{
    return enter(u, adf);
}

bool uicc_remote_active(const struct uicc *u)
{
    return u->selection[REMOTE].open;
}

void uicc_remote_end(struct uicc *u)
{
    u->selection[REMOTE] = (struct selection){.app = NO_APP};
    uicc_exchange_drop(u, REMOTE);
}

/* --- where it is -------------------------------------------------------------------------------
 */

static void put_fid(struct uicc_remote_place *out, uint16_t fid)
{
    if (out->path_size + 2u <= sizeof out->path) {
        out->path[out->path_size++] = (uint8_t)(fid >> 8);
        out->path[out->path_size++] = (uint8_t)fid;
    }
}

void uicc_remote_where(const struct uicc *u, struct uicc_remote_place *out)
{
    const struct selection *sel = &u->selection[REMOTE];
    struct uicc_file_attr a;
    *out = (struct uicc_remote_place){.record = sel->record};
    if (sel->adf && uicc_fs_attr(&u->fs, sel->adf, &a) && a.aid.n <= sizeof out->adf) {
        memcpy(out->adf, a.aid.p, a.aid.n);
        out->adf_size = (uint8_t)a.aid.n;
    }
    for (uint8_t i = 1; i < sel->path.depth; i++) {
        if (i == 1 && sel->path.df[i] == sel->adf) {
            out->in_adf = true;
        } else if (uicc_fs_attr(&u->fs, sel->path.df[i], &a)) {
            put_fid(out, a.fid);
        }
    }
    if (sel->ef && uicc_fs_attr(&u->fs, sel->ef, &a)) {
        put_fid(out, a.fid);
    }
}

bool uicc_remote_begin_at(struct uicc *u, const struct uicc_remote_place *place)
{
    struct selection *sel = &u->selection[REMOTE];
    if (!enter(u, cr_span_of(place->adf, place->adf_size))) {
        return false;
    }
    if (!place->in_adf && sel->path.depth > 1) {
        sel->path.depth--;
    }
    if (place->path_size && !selection_walk(u, sel, cr_span_of(place->path, place->path_size))) {
        uicc_remote_end(u);
        return false;
    }
    sel->record = place->record;
    return true;
}

/* --- one command -------------------------------------------------------------------------------
 */

static bool went_well(uicc_sw sw)
{
    unsigned sw1 = sw >> 8;
    return sw1 == 0x90 || sw1 == 0x62 || sw1 == 0x63;
}

/* A server without any access must not use up the tries of a PIN. */
static bool is_pin(uint8_t ins)
{
    return ins == 0x20 || ins == 0x24 || ins == 0x26 || ins == 0x28 || ins == 0x2C;
}

uicc_sw uicc_remote_command(struct uicc *u, const struct uicc_rights *rights, cr_span apdu,
                            cr_buf *out)
{
    struct uicc_apdu a;
    struct uicc_pin_session pins = {0};
    uicc_sw sw = uicc_apdu_parse(apdu, &a);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (a.secure || a.channel) {
        return a.secure ? UICC_SW_NO_SECURE_MESSAGING : UICC_SW_NO_CHANNEL;
    }
    if (!uicc_remote_active(u)) {
        return UICC_SW_CONDITIONS;
    }
    const struct selection before = u->selection[REMOTE];
    size_t mark = nvm_mark(u->nvm), start = out->n;
    struct exchange *ex = u->exchange[REMOTE];
    if (ex) {
        ex->transfer_used = false;
    }
    a.channel = REMOTE;
    struct command c = {
        .u = u, .apdu = &a, .sel = &u->selection[REMOTE], .pins = &pins, .rights = rights};
    c.call = (struct uicc_call){.uicc = u, .apdu = &a, .channel = REMOTE, .out = out};
    sw = is_pin(a.ins) && !uicc_grant(&c, &c.sel->path) ? UICC_SW_SECURITY
                                                        : uicc_dispatch_remote(&c);
    ex = u->exchange[REMOTE];
    if (ex && ex->transfer != TRANSFER_NONE && !ex->transfer_used) {
        uicc_transfer_end(ex);
    }
    if (c.call.discard || !went_well(sw)) {
        nvm_rollback_to(u->nvm, mark);
        u->selection[REMOTE] = before;
        if (cr_buf_ok(out)) {
            out->n = start;
        }
    }
    return sw;
}
