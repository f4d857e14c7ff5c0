/*
 * MANAGE CHANNEL (TS 102 221 11.1.17).
 */
#include "uicc/internal.h"

/* A channel opened from the basic one starts at the MF, from another one at its current DF. */
static void open_channel(struct command *c, unsigned number)
{
    struct selection *sel = &c->u->selection[number];
    selection_reset(c->u, number);
    sel->open = true;
    if (c->apdu->channel && c->sel->app == NO_APP) {
        struct uicc_file_attr a;
        uicc_file df = uicc_path_df(&c->sel->path);
        if (df && uicc_fs_attr(&c->u->fs, df, &a) && !a.not_shareable) {
            sel->path = c->sel->path;
            sel->adf = c->sel->adf;
        }
    }
}

static uicc_sw open_any(struct command *c)
{
    uicc_sw wrong_le = uicc_le_check(c->apdu, 1);
    if (wrong_le || !c->apdu->has_le) {
        return UICC_SW_WRONG_LE | 1;
    }
    for (unsigned i = 1; i < c->u->channels; i++) {
        if (!c->u->selection[i].open) {
            open_channel(c, i);
            cr_buf_append_byte(c->call.out, (uint8_t)i);
            return UICC_SW_OK;
        }
    }
    return UICC_SW_NO_CHANNEL;
}

uicc_sw command_manage_channel(struct command *c)
{
    unsigned number = c->apdu->p2;
    bool closing = c->apdu->p1 == 0x80;
    if ((c->apdu->p1 && !closing) || number >= UICC_CHANNELS) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!closing && number == 0) {
        return open_any(c);
    }
    if (closing && number == 0) {
        number = c->apdu->channel; /* "this one"; the basic channel stays open */
        if (number == 0) {
            return UICC_SW_WRONG_P1P2;
        }
    }
    if (number >= c->u->channels || c->u->selection[number].open != closing) {
        return UICC_SW_NO_CHANNEL;
    }
    if (!closing) {
        open_channel(c, number);
        return UICC_SW_OK;
    }
    selection_reset(c->u, number);
    c->u->selection[number].open = false;
    uicc_exchange_drop(c->u, number);
    selection_end_sessions(c->u);
    return UICC_SW_OK;
}
