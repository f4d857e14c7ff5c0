/*
 * SELECT and STATUS: what a channel points to, and the FCP template (TS 102 221 11.1.1, 11.1.2).
 */
#include "asn1/der.h"
#include "uicc/internal.h"

#define TAG_FCP 0x62

/* P2 of SELECT. */
#define P2_OCCURRENCE  0x03
#define P2_RETURN      0x0C
#define P2_NO_DATA     0x0C
#define P2_SESSION     0x60
#define P2_TERMINATION 0x40

enum occurrence { FIRST = 0, LAST = 1, NEXT = 2, PREVIOUS = 3 };

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* --- selections --------------------------------------------------------------------------------
 */

static struct uicc_path path_mf(const struct uicc *u)
{
    struct uicc_path path = {0};
    if (u->mounted) {
        path.depth = 1;
        path.df[0] = uicc_fs_mf(&u->fs);
    }
    return path;
}

void selection_leave_app(struct uicc *u, unsigned channel)
{
    struct selection *sel = &u->selection[channel];
    if (sel->app != NO_APP) {
        const struct uicc_app *app = &u->apps[sel->app];
        sel->app = NO_APP;
        if (app->aid_size && app->deselect) {
            app->deselect(app->ctx, channel);
        }
    }
}

void selection_reset(struct uicc *u, unsigned channel)
{
    struct selection *sel = &u->selection[channel];
    selection_leave_app(u, channel);
    *sel = (struct selection){.open = sel->open, .app = NO_APP, .path = path_mf(u)};
}

static bool application_in_use(const struct uicc *u, uicc_file adf)
{
    for (unsigned i = 0; i < u->channels; i++) {
        if (u->selection[i].open && u->selection[i].adf == adf) {
            return true;
        }
    }
    return false;
}

void selection_end_sessions(struct uicc *u)
{
    for (int i = u->pins.count; u->mounted && i-- > 0;) {
        struct uicc_path path;
        struct uicc_file_attr a;
        uicc_file context = u->pins.verified[i].context;
        if (uicc_fs_path(&u->fs, context, &path) && path.depth > 1 &&
            uicc_fs_attr(&u->fs, path.df[1], &a) && a.kind == UICC_ADF &&
            !application_in_use(u, path.df[1])) {
            uicc_pin_forget(&u->pins, context);
            i = u->pins.count;
        }
    }
}

void uicc_files_changed(struct uicc *u)
{
    struct uicc_file_attr a;
    for (unsigned i = 0; i < SELECTIONS; i++) {
        struct selection *sel = &u->selection[i];
        if (sel->ef && !uicc_fs_attr(&u->fs, sel->ef, &a)) {
            sel->ef = 0;
            sel->record = 0;
        }
        if (sel->adf && !uicc_fs_attr(&u->fs, sel->adf, &a)) {
            sel->adf = 0;
        }
        for (uint8_t k = 0; k < sel->path.depth; k++) {
            if (!uicc_fs_attr(&u->fs, sel->path.df[k], &a)) {
                sel->path.depth = k; /* the DF above is what remains */
                sel->ef = 0;
                sel->record = 0;
                break;
            }
        }
    }
    selection_end_sessions(u);
}

/* Points sel to a child of its current DF (an EF, or a DF one step down). ADFs are entered by their
 * name only. */
static bool step_down(const struct uicc *u, struct selection *sel, uicc_file file)
{
    struct uicc_file_attr a;
    if (!file || !uicc_fs_attr(&u->fs, file, &a) || a.kind == UICC_ADF) {
        return false;
    }
    sel->record = 0;
    if (!uicc_kind_is_df(a.kind)) {
        sel->ef = file;
        return true;
    }
    if (sel->path.depth == UICC_MAX_DEPTH) {
        return false;
    }
    sel->path.df[sel->path.depth++] = file;
    sel->ef = 0;
    return true;
}

bool selection_walk(const struct uicc *u, struct selection *sel, cr_span path)
{
    if (!u->mounted || path.n == 0 || path.n % 2) {
        return false;
    }
    sel->ef = 0;
    for (size_t i = 0; i < path.n; i += 2) {
        uicc_file file = uicc_fs_child(&u->fs, uicc_path_df(&sel->path), get16(path.p + i));
        if (sel->ef || !step_down(u, sel, file)) {
            return false;
        }
    }
    return true;
}

/* --- FCP ---------------------------------------------------------------------------------------
 */

static uint8_t descriptor_byte(const struct uicc_file_attr *a)
{
    static const uint8_t types[] = {
        [UICC_MF] = 0x38,     [UICC_DF] = 0x38,     [UICC_ADF] = 0x38,   [UICC_TRANSPARENT] = 0x01,
        [UICC_LINEAR] = 0x02, [UICC_CYCLIC] = 0x06, [UICC_BERTLV] = 0x39};
    return (uint8_t)(types[a->kind] | (a->not_shareable ? 0 : 0x40));
}

static void put_descriptor(cr_buf *out, const struct uicc_file_attr *a)
{
    cr_buf_append_byte(out, 0x82);
    cr_buf_append_byte(out, uicc_kind_has_records(a->kind) ? 5 : 2);
    cr_buf_append_byte(out, descriptor_byte(a));
    cr_buf_append_byte(out, 0x21);
    if (uicc_kind_has_records(a->kind)) {
        cr_buf_append_be(out, a->record_size, 2);
        cr_buf_append_byte(out, (uint8_t)(a->size / a->record_size));
    }
}

static void put_number(cr_buf *out, uint32_t tag, uint32_t value, size_t at_least)
{
    size_t n = at_least;
    while (n < 4 && value >> (8 * n)) {
        n++;
    }
    der_put_header(out, tag, n);
    cr_buf_append_be(out, value, n);
}

/* A5 of a DF: UICC characteristics, free memory and, for the MF and ADFs, that the card knows
 * TERMINAL CAPABILITY. */
static void put_df_information(const struct uicc *u, cr_buf *out, const struct uicc_file_attr *a)
{
    size_t used = nvm_used(u->nvm), capacity = nvm_capacity(u->nvm);
    size_t mark = der_open(out, 0xA5);
    put_number(out, 0x80, 0x71, 1);
    put_number(out, 0x83, used < capacity ? (uint32_t)(capacity - used) : 0, 4);
    if (a->kind != UICC_DF) {
        put_number(out, 0x87, 0x01, 1);
    }
    der_close(out, mark);
}

static void put_ef_information(cr_buf *out, const struct uicc_file_attr *a)
{
    if (a->kind != UICC_BERTLV && !a->special) {
        return;
    }
    size_t mark = der_open(out, 0xA5);
    if (a->kind == UICC_BERTLV) {
        put_number(out, 0x85, a->size, 2);
        put_number(out, 0x84, a->file_details, 1);
        put_number(out, 0x86, a->max_size ? a->max_size : UICC_MAX_BERTLV_SIZE, 2);
    }
    if (a->special) {
        put_number(out, 0xC0, a->special, 1);
    }
    der_close(out, mark);
}

/* C6: 90 = one bit for each key, most significant first, 1 = enabled; then the keys. A universal
 * PIN has its usage before it: 08 where it replaces a PIN. */
static void put_pin_status(const struct uicc *u, const struct uicc_path *path, cr_buf *out,
                           cr_span references)
{
    uint8_t bits[(UICC_MAX_PIN_STATUS + 7) / 8] = {0};
    bool universal_used = false;
    for (size_t i = 0; i < references.n; i++) {
        struct uicc_pin pin;
        uicc_file context = uicc_pin_context(&u->fs, path, references.p[i]);
        if (!context || !uicc_pin_get(&u->fs, context, references.p[i], &pin)) {
            continue;
        }
        if (pin.attributes & UICC_PIN_ENABLED) {
            bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
        } else if (pin.replacement == UICC_PIN_UNIVERSAL) {
            universal_used = true;
        }
        cr_wipe(&pin, sizeof pin);
    }
    size_t mark = der_open(out, 0xC6);
    der_put(out, 0x90, cr_span_of(bits, references.n ? (references.n + 7) / 8 : 1));
    for (size_t i = 0; i < references.n; i++) {
        if (references.p[i] == UICC_PIN_UNIVERSAL) {
            put_number(out, 0x95, universal_used ? 0x08 : 0x00, 1);
        }
        put_number(out, 0x83, references.p[i], 1);
    }
    der_close(out, mark);
}

/* Without a profile there is an MF and nothing in it. */
static void put_bare_mf(const struct uicc *u, cr_buf *out)
{
    static const struct uicc_file_attr mf = {.kind = UICC_MF, .fid = UICC_FID_MF};
    static const uint8_t rest[] = {0x8A, 0x01, 0x05, 0x8B, 0x03, 0x2F, 0x06, 0x01,
                                   0xC6, 0x06, 0x90, 0x01, 0x00, 0x83, 0x01, 0x01};
    size_t mark = der_open(out, TAG_FCP);
    put_descriptor(out, &mf);
    put_number(out, 0x83, UICC_FID_MF, 2);
    put_df_information(u, out, &mf);
    cr_buf_append(out, rest, sizeof rest);
    der_close(out, mark);
}

void selection_fcp(const struct uicc *u, const struct selection *sel, cr_buf *out)
{
    struct uicc_file_attr a;
    uicc_file file = sel->ef ? sel->ef : uicc_path_df(&sel->path);
    if (!u->mounted || !uicc_fs_attr(&u->fs, file, &a)) {
        put_bare_mf(u, out);
        return;
    }
    bool df = uicc_kind_is_df(a.kind);
    size_t mark = der_open(out, TAG_FCP);
    put_descriptor(out, &a);
    put_number(out, 0x83, a.fid, 2);
    if (a.kind == UICC_ADF) {
        der_put(out, 0x84, a.aid);
    }
    if (df) {
        put_df_information(u, out, &a);
    } else {
        put_ef_information(out, &a);
    }
    put_number(out, 0x8A, a.lcsi, 1);
    if (a.rule_tag) {
        der_put(out, a.rule_tag, a.rule);
    } else {
        der_put_header(out, 0x8B, 3);
        cr_buf_append_be(out, a.arr_fid, 2);
        cr_buf_append_byte(out, a.arr_record);
    }
    if (df) {
        put_pin_status(u, &sel->path, out, a.pin_status);
    } else {
        put_number(out, 0x80, a.size, 2);
        uint8_t sfi = (uint8_t)(a.sfi << 3);
        der_put(out, 0x88, cr_span_of(&sfi, a.sfi ? 1 : 0));
    }
    der_close(out, mark);
}

/* --- SELECT by file ----------------------------------------------------------------------------
 */

static bool enter_adf(const struct uicc *u, struct selection *sel, uicc_file adf)
{
    if (!adf || !u->mounted) {
        return false;
    }
    sel->path = path_mf(u);
    sel->path.df[sel->path.depth++] = adf;
    sel->ef = 0;
    sel->record = 0;
    return true;
}

static bool enter_mf(const struct uicc *u, struct selection *sel)
{
    sel->path = path_mf(u);
    sel->ef = 0;
    sel->record = 0;
    return true;
}

static bool up(struct selection *sel)
{
    if (sel->path.depth < 2) {
        return false;
    }
    sel->path.depth--;
    sel->ef = 0;
    sel->record = 0;
    return true;
}

/* TS 102 221 8.4.2: children of the current DF, its parent, DFs beside it, itself. */
static bool select_fid(const struct uicc *u, struct selection *sel, uint16_t fid)
{
    struct uicc_file_attr a;
    if (fid == UICC_FID_MF) {
        return enter_mf(u, sel);
    }
    if (fid == UICC_FID_CURRENT) {
        return enter_adf(u, sel, sel->adf);
    }
    if (!u->mounted) {
        return false;
    }
    uicc_file df = uicc_path_df(&sel->path);
    if (step_down(u, sel, uicc_fs_child(&u->fs, df, fid))) {
        return true;
    }
    struct selection above = *sel;
    if (up(&above)) {
        uicc_file parent = uicc_path_df(&above.path);
        if (above.path.depth > 1 && uicc_fs_attr(&u->fs, parent, &a) && a.kind == UICC_DF &&
            a.fid == fid) {
            *sel = above;
            return true;
        }
        uicc_file sibling = uicc_fs_child(&u->fs, parent, fid);
        if (sibling && uicc_fs_attr(&u->fs, sibling, &a) && a.kind == UICC_DF && sibling != df) {
            *sel = above;
            return step_down(u, sel, sibling);
        }
    }
    if (uicc_fs_attr(&u->fs, df, &a) && a.kind == UICC_DF && a.fid == fid) {
        sel->ef = 0;
        sel->record = 0;
        return true;
    }
    return false;
}

static bool select_child_df(const struct uicc *u, struct selection *sel, uint16_t fid)
{
    struct uicc_file_attr a;
    uicc_file file = u->mounted ? uicc_fs_child(&u->fs, uicc_path_df(&sel->path), fid) : 0;
    return file && uicc_fs_attr(&u->fs, file, &a) && a.kind == UICC_DF && step_down(u, sel, file);
}

static bool select_path(const struct uicc *u, struct selection *sel, cr_span path, bool from_mf)
{
    if (from_mf) {
        enter_mf(u, sel);
        if (path.n >= 2 && get16(path.p) == UICC_FID_CURRENT) {
            path = cr_span_sub(path, 2, path.n);
            if (!enter_adf(u, sel, sel->adf) || path.n == 0) {
                return sel->path.depth > 1;
            }
        }
    }
    return selection_walk(u, sel, path);
}

/* A file that is not shareable is on one channel only (TS 102 221 8.7). */
static bool held_elsewhere(const struct uicc *u, unsigned channel, uicc_file file)
{
    for (unsigned i = 0; i < u->channels; i++) {
        const struct selection *other = &u->selection[i];
        if (i == channel || !other->open) {
            continue;
        }
        if (other->ef == file) {
            return true;
        }
        for (uint8_t k = 0; k < other->path.depth; k++) {
            if (other->path.df[k] == file) {
                return true;
            }
        }
    }
    return false;
}

/* Makes sel the selection of the channel and answers its FCP. */
static uicc_sw select_done(struct command *c, const struct selection *sel)
{
    struct uicc *u = c->u;
    struct uicc_file_attr a = {.lcsi = 0x05};
    uicc_file file = sel->ef ? sel->ef : uicc_path_df(&sel->path);
    if (file && uicc_fs_attr(&u->fs, file, &a) && a.not_shareable &&
        held_elsewhere(u, c->apdu->channel, file)) {
        return UICC_SW_CONDITIONS;
    }
    selection_leave_app(u, c->apdu->channel);
    *c->sel = *sel;
    c->sel->app = NO_APP;
    selection_end_sessions(u);
    if ((c->apdu->p2 & P2_RETURN) != P2_NO_DATA) {
        selection_fcp(u, c->sel, c->call.out);
    }
    return uicc_lcsi_terminated(a.lcsi)    ? UICC_SW_TERMINATED
           : uicc_lcsi_deactivated(a.lcsi) ? UICC_SW_DEACTIVATED
                                           : UICC_SW_OK;
}

static uicc_sw select_file(struct command *c)
{
    struct selection sel = *c->sel;
    cr_span data = c->apdu->data;
    bool found;
    switch (c->apdu->p1) {
    case 0x00:
    case 0x01:
        if (data.n != 2) {
            return UICC_SW_WRONG_LENGTH;
        }
        found = c->apdu->p1 ? select_child_df(c->u, &sel, get16(data.p))
                            : select_fid(c->u, &sel, get16(data.p));
        break;
    case 0x03:
        if (data.n) {
            return UICC_SW_WRONG_LENGTH;
        }
        found = up(&sel);
        break;
    default:
        if (data.n == 0 || data.n % 2) {
            return UICC_SW_WRONG_LENGTH;
        }
        found = select_path(c->u, &sel, data, c->apdu->p1 == 0x08);
        break;
    }
    return found ? select_done(c, &sel) : UICC_SW_NOT_FOUND;
}

/* --- SELECT by name ----------------------------------------------------------------------------
 */

/* An application that can be selected: an ADF, or a registered one. */
struct candidate {
    uicc_file adf;
    int app; /* NO_APP for an ADF */
};

static bool app_matches(const struct uicc_app *app, cr_span name)
{
    return app->aid_size >= name.n && name.n && cr_span_equal(cr_span_of(app->aid, name.n), name) &&
           (!app->selectable || app->selectable(app->ctx));
}

/* The one after `at` in the order ADFs, applications. *at = {0, NO_APP} is before the first. */
static bool next_candidate(const struct uicc *u, cr_span name, struct candidate *at)
{
    if (at->app == NO_APP && u->mounted) {
        uicc_file adf = uicc_fs_next_adf(&u->fs, name, at->adf);
        if (adf) {
            at->adf = adf;
            return true;
        }
    }
    for (int i = at->app + 1; i < u->app_count; i++) {
        if (app_matches(&u->apps[i], name)) {
            *at = (struct candidate){.app = i};
            return true;
        }
    }
    return false;
}

static bool is_current(const struct selection *sel, const struct candidate *at)
{
    return at->app == NO_APP ? sel->app == NO_APP && sel->adf == at->adf : sel->app == at->app;
}

/* Next and previous count from the current application of the channel; without one that matches,
 * next is the first and previous the last. */
static bool find_candidate(const struct uicc *u, const struct selection *sel, cr_span name,
                           enum occurrence which, struct candidate *out)
{
    struct candidate at = {.app = NO_APP}, before = at;
    bool found = false, have_before = false, passed = false;
    while (next_candidate(u, name, &at)) {
        bool current = is_current(sel, &at);
        if (which == FIRST || (which == NEXT && passed)) {
            *out = at;
            return true;
        }
        if (which == NEXT && !found && !current) {
            *out = at; /* the first, should the current one not be among them */
            found = true;
        }
        if (which == PREVIOUS && current) {
            *out = before;
            return have_before;
        }
        passed = passed || current;
        before = at;
        have_before = true;
    }
    if (which == NEXT) {
        return found && !passed;
    }
    *out = before;
    return have_before;
}

static uicc_sw select_app(struct command *c, int index)
{
    struct uicc *u = c->u;
    const struct uicc_app *app = &u->apps[index];
    size_t start = c->call.out->n;
    uicc_sw sw = app->select ? app->select(app->ctx, &c->call) : UICC_SW_OK;
    unsigned sw1 = sw >> 8;
    if (sw1 != 0x90 && sw1 != 0x62 && sw1 != 0x63) {
        return sw;
    }
    if (c->sel->app != index) {
        selection_leave_app(u, c->apdu->channel);
    }
    *c->sel = (struct selection){.open = true, .app = (int8_t)index, .path = path_mf(u)};
    selection_end_sessions(u);
    if ((c->apdu->p2 & P2_RETURN) == P2_NO_DATA && cr_buf_ok(c->call.out)) {
        c->call.out->n = start;
    }
    return sw;
}

/* P2 = 4X: the application of the channel ends; the MF is then selected. */
static uicc_sw terminate_session(struct command *c, const struct candidate *found)
{
    if (!is_current(c->sel, found)) {
        return UICC_SW_CONDITIONS;
    }
    selection_reset(c->u, c->apdu->channel);
    selection_end_sessions(c->u);
    return UICC_SW_OK;
}

static uicc_sw select_name(struct command *c)
{
    cr_span name = c->apdu->data;
    struct candidate found = {.app = NO_APP};
    if (name.n > UICC_MAX_AID) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (name.n < UICC_MIN_AID ||
        !find_candidate(c->u, c->sel, name, (enum occurrence)(c->apdu->p2 & P2_OCCURRENCE),
                        &found)) {
        return UICC_SW_NOT_FOUND;
    }
    if ((c->apdu->p2 & P2_SESSION) == P2_TERMINATION) {
        return terminate_session(c, &found);
    }
    if (found.app != NO_APP) {
        if (c->rights) {
            return UICC_SW_NOT_FOUND; /* a remote server sees files */
        }
        return select_app(c, found.app);
    }
    struct selection sel = *c->sel;
    sel.adf = found.adf;
    return enter_adf(c->u, &sel, found.adf) ? select_done(c, &sel) : UICC_SW_NOT_FOUND;
}

uicc_sw command_select(struct command *c)
{
    uint8_t p1 = c->apdu->p1, p2 = c->apdu->p2;
    bool by_name = p1 == 0x04;
    bool known = p1 <= 0x01 || p1 == 0x03 || by_name || p1 == 0x08 || p1 == 0x09;
    if (!known || (p2 & 0x90) || (p2 & P2_RETURN) == 0x08 || (p2 & 0x20)) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!by_name && (p2 & (P2_OCCURRENCE | P2_SESSION))) {
        return UICC_SW_WRONG_P1P2;
    }
    return by_name ? select_name(c) : select_file(c);
}

/* --- STATUS ------------------------------------------------------------------------------------
 */

uicc_sw command_status(struct command *c)
{
    struct uicc_file_attr a;
    struct selection df = *c->sel;
    df.ef = 0;
    if (c->apdu->p1 > 0x02) {
        return UICC_SW_WRONG_P1P2;
    }
    switch (c->apdu->p2) {
    case 0x00:
        selection_fcp(c->u, &df, c->call.out);
        break;
    case 0x01:
        if (c->sel->app != NO_APP) {
            const struct uicc_app *app = &c->u->apps[c->sel->app];
            der_put(c->call.out, 0x84, cr_span_of(app->aid, app->aid_size));
        } else if (c->sel->adf && uicc_fs_attr(&c->u->fs, c->sel->adf, &a)) {
            der_put(c->call.out, 0x84, a.aid);
        } else {
            return UICC_SW_NO_REFERENCE;
        }
        break;
    case 0x0C:
        return UICC_SW_OK;
    default:
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw wrong_le = uicc_le_check(c->apdu, c->call.out->n);
    return wrong_le ? wrong_le : UICC_SW_OK;
}
