/*
 * Administrative commands (TS 102 222): ACTIVATE, DEACTIVATE, TERMINATE, CREATE, DELETE and RESIZE
 * FILE, TERMINATE CARD USAGE.
 */
#include "asn1/der.h"
#include "uicc/internal.h"

#define LCSI_ACTIVATED   0x05
#define LCSI_DEACTIVATED 0x04
#define LCSI_TERMINATED  0x0C

#define TAG_FCP 0x62

#define INS_TERMINATE_DF 0xE6

/* A file that a command names, and the way to it. */
struct named {
    uicc_file file;
    struct uicc_file_attr attr;
    struct uicc_path path;      /* to the DF it is in; for a DF: to itself */
    struct selection selection; /* with it as the current file */
};

/* A child of the current DF, or that itself: a DF by its FID, an application by 7FFF. */
static bool walk_fid(const struct uicc *u, struct selection *sel, cr_span fid)
{
    struct uicc_file_attr a;
    uicc_file df = uicc_path_df(&sel->path);
    uint16_t wanted = (uint16_t)(fid.p[0] << 8 | fid.p[1]);
    struct selection below = *sel;
    if (selection_walk(u, &below, fid)) {
        *sel = below;
        return true;
    }
    sel->ef = 0;
    if (wanted == UICC_FID_CURRENT) {
        return sel->adf && df == sel->adf;
    }
    return uicc_fs_attr(&u->fs, df, &a) && a.kind == UICC_DF && a.fid == wanted;
}

/* P1 00: by FID; without data the current EF, for TERMINATE DF the current DF. P1 08, 09: a path
 * from the MF or the current DF. */
static uicc_sw find_named(const struct command *c, struct named *out)
{
    struct selection sel = *c->sel;
    cr_span data = c->apdu->data;
    uint8_t p1 = c->apdu->p1;
    if (c->apdu->p2 || (p1 != 0x00 && p1 != 0x08 && p1 != 0x09)) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!c->u->mounted) {
        return UICC_SW_NOT_FOUND;
    }
    if (!data.p) {
        if (p1 || (c->apdu->has_le && c->apdu->le != 256)) {
            return UICC_SW_WRONG_LENGTH;
        }
        if (c->apdu->ins == INS_TERMINATE_DF) {
            sel.ef = 0;
        } else if (!sel.ef) {
            return UICC_SW_NO_EF;
        }
    } else if (data.n % 2 || (p1 == 0 && data.n != 2)) {
        return UICC_SW_WRONG_LENGTH;
    } else {
        if (p1 == 0x08) {
            sel.path.depth = 1;
            /* 7FFF leads the way into the application of the channel. */
            if (data.n > 2 && data.p[0] == 0x7F && data.p[1] == 0xFF && sel.adf) {
                sel.path.df[sel.path.depth++] = sel.adf;
                data = cr_span_sub(data, 2, data.n);
            }
        }
        if (!(p1 ? selection_walk(c->u, &sel, data) : walk_fid(c->u, &sel, data))) {
            return UICC_SW_NOT_FOUND;
        }
    }
    out->selection = sel;
    out->path = sel.path;
    out->file = sel.ef ? sel.ef : uicc_path_df(&sel.path);
    return uicc_fs_attr(&c->u->fs, out->file, &out->attr) ? UICC_SW_OK : UICC_SW_NOT_FOUND;
}

static bool may(const struct command *c, const struct named *n, uint8_t mode)
{
    return uicc_may(c, &n->path, &n->attr, access_of(c, mode));
}

static uicc_sw set_state(struct command *c, const struct named *n, uint8_t lcsi)
{
    struct cr_err err;
    if (n->attr.lcsi == lcsi) {
        return UICC_SW_OK;
    }
    cr_status status = uicc_fs_set_lcsi(&c->u->fs, n->file, lcsi, &err);
    return status == CR_OK ? UICC_SW_OK : uicc_failed(c, status, &err);
}

/* One step of the life cycle; the MF and terminated files stay what they are. */
static uicc_sw change_state(struct command *c, uint8_t mode, uint8_t lcsi)
{
    struct named n;
    uicc_sw sw = find_named(c, &n);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!may(c, &n, mode)) {
        return UICC_SW_SECURITY;
    }
    if (n.attr.kind == UICC_MF || uicc_lcsi_terminated(n.attr.lcsi)) {
        return UICC_SW_CONDITIONS;
    }
    sw = set_state(c, &n, lcsi);
    /* TS 102 221 11.1.14, 11.1.15: an EF that the command named is the current one now. */
    if (sw == UICC_SW_OK && n.selection.ef && n.selection.ef != c->sel->ef) {
        c->sel->path = n.path;
        c->sel->ef = n.file;
        c->sel->record = 0;
    }
    return sw;
}

uicc_sw command_activate(struct command *c)
{
    return change_state(c, UICC_AM_ACTIVATE, LCSI_ACTIVATED);
}

uicc_sw command_deactivate(struct command *c)
{
    return change_state(c, UICC_AM_DEACTIVATE, LCSI_DEACTIVATED);
}

uicc_sw command_terminate(struct command *c)
{
    struct named n;
    bool want_df = c->apdu->ins == INS_TERMINATE_DF;
    uicc_sw sw = find_named(c, &n);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (uicc_kind_is_df(n.attr.kind) != want_df) {
        return UICC_SW_FILE_TYPE;
    }
    return change_state(c, UICC_AM_TERMINATE, LCSI_TERMINATED);
}

/* TERMINATE CARD USAGE (TS 102 222 6.9), of the profile: its MF is terminated, and nothing below it
 * can be used any more. The rule of the MF says who may. */
uicc_sw command_terminate_card(struct command *c)
{
    struct named n = {.file = c->u->mounted ? uicc_fs_mf(&c->u->fs) : 0};
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!n.file || !uicc_fs_attr(&c->u->fs, n.file, &n.attr)) {
        return UICC_SW_CONDITIONS;
    }
    n.path = (struct uicc_path){.depth = 1, .df = {n.file}};
    if (!may(c, &n, UICC_AM_TERMINATE)) {
        return UICC_SW_SECURITY;
    }
    return uicc_lcsi_terminated(n.attr.lcsi) ? UICC_SW_CONDITIONS
                                             : set_state(c, &n, LCSI_TERMINATED);
}

/* --- DELETE ------------------------------------------------------------------------------------
 */

static bool in_use(const struct uicc *u, unsigned channel, uicc_file file)
{
    for (unsigned i = 0; i < u->channels; i++) {
        const struct selection *sel = &u->selection[i];
        if (i == channel || !sel->open) {
            continue;
        }
        bool below = sel->ef == file;
        for (uint8_t k = 0; k < sel->path.depth; k++) {
            below = below || sel->path.df[k] == file;
        }
        if (below) {
            return true;
        }
    }
    return false;
}

uicc_sw command_delete_file(struct command *c)
{
    struct named n;
    struct cr_err err;
    uicc_sw sw = c->apdu->p1 ? UICC_SW_WRONG_P1P2 : find_named(c, &n);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!may(c, &n, UICC_AM_DELETE)) {
        return UICC_SW_SECURITY;
    }
    if (in_use(c->u, c->apdu->channel, n.file)) {
        return UICC_SW_CONDITIONS;
    }
    cr_status status = uicc_fs_delete(&c->u->fs, n.file, &err);
    if (status != CR_OK) {
        return uicc_failed(c, status, &err);
    }
    uicc_files_changed(c->u);
    return UICC_SW_OK;
}

/* --- CREATE ------------------------------------------------------------------------------------
 */

static uint32_t number_of(cr_span v)
{
    uint32_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        n = n << 8 | v.p[i];
    }
    return n;
}

/* The FCP under construction and room for what its spans point to. */
struct creation {
    struct uicc_file_attr attr;
    bool has_descriptor, has_fid, has_size, has_sfi, has_rule, has_name, has_max;
    uint8_t references[UICC_MAX_PIN_STATUS];
};

static bool take_descriptor(struct creation *f, cr_span v)
{
    if (v.n < 2 || v.n > 6) {
        return false;
    }
    static const struct {
        uint8_t type;
        enum uicc_kind kind;
    } types[] = {{0x38, UICC_DF},
                 {0x01, UICC_TRANSPARENT},
                 {0x02, UICC_LINEAR},
                 {0x06, UICC_CYCLIC},
                 {0x39, UICC_BERTLV}};
    for (size_t i = 0; i < CR_COUNT(types); i++) {
        if (types[i].type == (v.p[0] & 0xBF)) {
            f->attr.kind = types[i].kind;
            f->attr.not_shareable = !(v.p[0] & 0x40);
            f->has_descriptor = true;
        }
    }
    if (f->has_descriptor && uicc_kind_has_records(f->attr.kind)) {
        f->attr.record_size = v.n >= 4 ? (uint16_t)number_of(cr_span_sub(v, 2, 2)) : 0;
    }
    return f->has_descriptor;
}

static bool take_information(struct creation *f, cr_span in)
{
    struct der_tlv tlv;
    while (in.n) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return false;
        }
        switch (tlv.tag) {
        case 0x84:
            f->attr.file_details = tlv.value.n == 1 ? tlv.value.p[0] : 0;
            break;
        case 0x85: /* reserved size of a BER-TLV file */
            if (tlv.value.n < 1 || tlv.value.n > 4) {
                return false;
            }
            f->attr.size = number_of(tlv.value);
            f->has_size = true;
            break;
        case 0x86:
            if (tlv.value.n < 1 || tlv.value.n > 4) {
                return false;
            }
            f->attr.max_size = number_of(tlv.value);
            f->has_max = true;
            break;
        case 0xC0:
            f->attr.special = tlv.value.n == 1 ? tlv.value.p[0] : 0;
            break;
        case 0xC1:
        case 0xC2:
            f->attr.pattern = tlv.value;
            f->attr.pattern_kind = tlv.tag == 0xC1 ? UICC_PATTERN_FILL : UICC_PATTERN_REPEAT;
            break;
        default:
            break; /* characteristics, memory, supported commands: the card's own */
        }
    }
    return true;
}

static bool take_pin_status(struct creation *f, cr_span in)
{
    struct der_tlv tlv;
    size_t n = 0;
    while (in.n) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return false;
        }
        if (tlv.tag == 0x83) {
            if (tlv.value.n != 1 || n == UICC_MAX_PIN_STATUS) {
                return false;
            }
            f->references[n++] = tlv.value.p[0];
        }
    }
    f->attr.pin_status = cr_span_of(f->references, n);
    return true;
}

/* A rule of the file's own. A compact one has a condition for each of its access modes. */
static bool take_rule(struct creation *f, uint8_t tag, cr_span v)
{
    f->has_rule = v.n >= 1 && v.n <= UICC_MAX_RULE;
    f->attr.rule_tag = tag;
    f->attr.rule = v;
    if (f->has_rule && tag == UICC_RULE_COMPACT) {
        f->has_rule = v.n == 1U + (unsigned)__builtin_popcount(v.p[0] & 0x7F);
    }
    return f->has_rule;
}

static bool take(struct creation *f, const struct der_tlv *tlv)
{
    cr_span v = tlv->value;
    switch (tlv->tag) {
    case 0x82:
        return take_descriptor(f, v);
    case 0x83:
        f->attr.fid = (uint16_t)number_of(v);
        f->has_fid = v.n == 2;
        return f->has_fid;
    case 0x84:
        f->has_name = true;
        f->attr.aid = v;
        return v.n >= UICC_MIN_AID && v.n <= UICC_MAX_AID;
    case 0x8A:
        f->attr.lcsi = v.n == 1 ? v.p[0] : 0;
        return f->attr.lcsi == 0x01 || (f->attr.lcsi >= 0x03 && f->attr.lcsi <= 0x07);
    case 0x8B:
        f->has_rule = v.n == 3;
        if (f->has_rule) {
            f->attr.arr_fid = (uint16_t)number_of(cr_span_sub(v, 0, 2));
            f->attr.arr_record = v.p[2];
        }
        return f->has_rule;
    case UICC_RULE_COMPACT:
    case UICC_RULE_EXPANDED:
        return take_rule(f, (uint8_t)tlv->tag, v);
    case 0x80:
        f->has_size = v.n >= 1 && v.n <= 4;
        f->attr.size = f->has_size ? number_of(v) : 0;
        return f->has_size;
    case 0x81: /* total size of a DF: not reserved here */
        return true;
    case 0x88:
        f->has_sfi = true;
        f->attr.sfi = v.n ? v.p[0] >> 3 : 0;
        return v.n <= 1;
    case 0xA5:
        return take_information(f, v);
    case 0xC6:
        return take_pin_status(f, v);
    default:
        return false;
    }
}

static bool parse_fcp(cr_span data, struct creation *f)
{
    struct der_tlv fcp, tlv;
    if (der_next(&data, DER_BER_LENGTHS, &fcp, NULL) != CR_OK || data.n || fcp.tag != TAG_FCP) {
        return false;
    }
    for (cr_span in = fcp.value; in.n;) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK || !take(f, &tlv)) {
            return false;
        }
    }
    return true;
}

/* Without 88 the SFI comes from the FID (TS 102 221 8.2.2.x), as long as it is free. */
static void default_sfi(const struct command *c, struct creation *f)
{
    uint8_t sfi = f->attr.fid & 0x1F;
    bool ok = !f->has_sfi && !uicc_kind_is_df(f->attr.kind) && sfi && sfi <= UICC_MAX_SFI;
    if (ok && !uicc_fs_child_sfi(&c->u->fs, uicc_path_df(&c->sel->path), sfi)) {
        f->attr.sfi = sfi;
    }
}

uicc_sw command_create_file(struct command *c)
{
    struct creation f = {.attr = {.kind = UICC_DF}};
    struct named df = {.path = c->sel->path, .file = uicc_path_df(&c->sel->path)};
    struct cr_err err;
    uicc_file created;
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!c->u->mounted || !uicc_fs_attr(&c->u->fs, df.file, &df.attr)) {
        return UICC_SW_NOT_FOUND;
    }
    if (!parse_fcp(c->apdu->data, &f) || !f.has_descriptor || !f.has_fid || !f.has_rule) {
        return UICC_SW_WRONG_DATA;
    }
    bool is_df = f.attr.kind == UICC_DF;
    if (is_df ? f.has_name && df.attr.kind != UICC_MF : f.has_name || !f.has_size) {
        return UICC_SW_WRONG_DATA;
    }
    if (f.has_name) {
        f.attr.kind = UICC_ADF;
    }
    if (!may(c, &df, is_df ? UICC_AM_CREATE_DF : UICC_AM_CREATE_EF)) {
        return UICC_SW_SECURITY;
    }
    uicc_sw sw = path_usable(c->u, &c->sel->path);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (is_df && c->sel->path.depth == UICC_MAX_DEPTH) {
        return UICC_SW_NO_MEMORY;
    }
    default_sfi(c, &f);
    cr_status status = uicc_fs_create(&c->u->fs, df.file, &f.attr, &created, &err);
    if (status != CR_OK) {
        return uicc_failed(c, status, &err);
    }
    /* The new file is the current one. */
    c->sel->ef = is_df ? 0 : created;
    c->sel->record = 0;
    if (is_df) {
        c->sel->path.df[c->sel->path.depth++] = created;
    }
    if (f.attr.kind == UICC_ADF) {
        c->sel->adf = created;
        selection_end_sessions(c->u);
    }
    return UICC_SW_OK;
}

/* --- RESIZE ------------------------------------------------------------------------------------
 */

/* Record pointers into a file that has changed its size are undefined. */
static void forget_records(struct uicc *u, uicc_file file)
{
    for (unsigned i = 0; i < u->channels; i++) {
        if (u->selection[i].ef == file) {
            u->selection[i].record = 0;
        }
    }
}

/* Mode 1 of P1 is for BER-TLV files: all objects go when the new maximum is too small for them. */
static uicc_sw resize(struct command *c, const struct named *n, const struct creation *f)
{
    struct cr_err err;
    cr_status status;
    bool empty = c->apdu->p1 != 0;
    if (n->attr.kind == UICC_BERTLV) {
        uint32_t size = f->has_size ? f->attr.size : n->attr.size;
        uint32_t most = f->has_max ? f->attr.max_size : n->attr.max_size;
        status = uicc_fs_bertlv_resize(&c->u->fs, n->file, size, most, empty, &err);
    } else if (empty) {
        return UICC_SW_WRONG_P1P2;
    } else if (!f->has_size || f->has_max) {
        return UICC_SW_WRONG_DATA;
    } else {
        status = uicc_fs_resize(&c->u->fs, n->file, f->attr.size, &err);
    }
    if (status != CR_OK) {
        return uicc_failed(c, status, &err);
    }
    forget_records(c->u, n->file);
    return UICC_SW_OK;
}

uicc_sw command_resize_file(struct command *c)
{
    struct creation f = {.attr = {.kind = UICC_DF}};
    struct named n = {.path = c->sel->path};
    if (c->apdu->p1 > 1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!parse_fcp(c->apdu->data, &f) || !f.has_fid || (!f.has_size && !f.has_max)) {
        return UICC_SW_WRONG_DATA;
    }
    n.file = c->u->mounted ? uicc_fs_child(&c->u->fs, uicc_path_df(&n.path), f.attr.fid) : 0;
    if (!n.file || !uicc_fs_attr(&c->u->fs, n.file, &n.attr)) {
        return UICC_SW_NOT_FOUND;
    }
    if (uicc_kind_is_df(n.attr.kind)) {
        return UICC_SW_FILE_TYPE;
    }
    if (!may(c, &n, 0)) {
        return UICC_SW_SECURITY;
    }
    uicc_sw sw = path_usable(c->u, &n.path);
    if (sw == UICC_SW_OK && uicc_lcsi_terminated(n.attr.lcsi)) {
        sw = UICC_SW_CONDITIONS;
    }
    return sw == UICC_SW_OK ? resize(c, &n, &f) : sw;
}
