/*
 * File elements: template tables and Fcps into files (TCA Interoperable Format:
 * PE-GenericFileManagement and the template annex).
 */
#include "euicc/installer_context.h"

#include <stdlib.h>

/* ---- attributes: what the Fcp says, else the template ------------------------------------------
 */

static uint32_t big_endian(cr_span s)
{
    uint32_t value = 0;
    for (size_t i = 0; i < s.n && i < 4; i++) {
        value = value << 8 | s.p[i];
    }
    return value;
}

static enum uicc_kind kind_of_type(enum profile_file_type type)
{
    switch (type) {
    case PROFILE_TYPE_MF:
        return UICC_MF;
    case PROFILE_TYPE_DF:
        return UICC_DF;
    case PROFILE_TYPE_ADF:
        return UICC_ADF;
    case PROFILE_TYPE_TR:
        return UICC_TRANSPARENT;
    case PROFILE_TYPE_LF:
        return UICC_LINEAR;
    case PROFILE_TYPE_CY:
        return UICC_CYCLIC;
    case PROFILE_TYPE_BT:
        return UICC_BERTLV;
    }
    return UICC_TRANSPARENT;
}

/* First byte of a file descriptor; 0 = none that exists. */
static enum uicc_kind kind_of_descriptor(uint8_t byte, bool has_name, uint16_t fid)
{
    switch (byte & 0x3F) {
    case 0x01:
        return UICC_TRANSPARENT;
    case 0x02:
        return UICC_LINEAR;
    case 0x06:
        return UICC_CYCLIC;
    case 0x39:
        return UICC_BERTLV;
    case 0x38:
        return has_name ? UICC_ADF : fid == UICC_FID_MF ? UICC_MF : UICC_DF;
    default:
        return 0;
    }
}

/* How the first content comes about when it is no pattern of the file system. */
struct initial {
    bool literal; /* row's content, cut or padded with FF (by record) */
    const struct profile_template_member *row;
};

static void from_row(const struct profile_template_member *row, struct uicc_file_attr *attr,
                     struct initial *initial)
{
    attr->kind = kind_of_type((enum profile_file_type)row->type);
    attr->fid = row->fid;
    attr->arr_record = row->arr;
    attr->sfi = row->sfi;
    attr->special = row->high_update ? UICC_SPECIAL_HIGH_UPDATE : 0;
    if (uicc_kind_has_records(attr->kind)) {
        attr->record_size = row->size;
        attr->size = (uint32_t)row->records * row->size;
    } else {
        attr->size = row->size;
    }
    cr_span pattern = cr_span_of(row->pattern, row->fill_length);
    initial->row = row;
    switch ((enum profile_fill)row->fill) {
    case PROFILE_FILL_NONE:
        break;
    case PROFILE_FILL_LITERAL:
        initial->literal = true;
        break;
    case PROFILE_FILL_PATTERN:
        attr->pattern_kind = UICC_PATTERN_FILL;
        attr->pattern = pattern;
        break;
    case PROFILE_FILL_REPEAT:
        attr->pattern_kind = UICC_PATTERN_REPEAT;
        attr->pattern = pattern;
        break;
    }
}

static bool apply_descriptor(const struct profile_fcp *fcp, struct uicc_file_attr *attr)
{
    cr_span d = fcp->file_descriptor;
    if (!d.p) {
        return true;
    }
    enum uicc_kind kind = d.n ? kind_of_descriptor(d.p[0], fcp->df_name.p != NULL, attr->fid) : 0;
    if (!kind) {
        return false;
    }
    attr->kind = kind;
    attr->not_shareable = !(d.p[0] & PROFILE_DESCRIPTOR_SHAREABLE);
    if (uicc_kind_has_records(kind) && d.n >= 4) {
        attr->record_size = (uint16_t)(d.p[2] << 8 | d.p[3]);
    }
    return true;
}

static bool apply_security(const struct profile_fcp *fcp, struct uicc_file_attr *attr)
{
    cr_span s = fcp->security_attributes_referenced;
    if (!s.p) {
        return true;
    }
    if (s.n == 1) {
        attr->arr_fid = 0; /* implied by the place */
        attr->arr_record = s.p[0];
        return true;
    }
    if (s.n != 3) {
        return false;
    }
    attr->arr_fid = (uint16_t)(s.p[0] << 8 | s.p[1]);
    attr->arr_record = s.p[2];
    return true;
}

static void apply_proprietary(const struct profile_proprietary *p, struct uicc_file_attr *attr,
                              struct initial *initial)
{
    if (p->special_file_info.n) {
        attr->special = p->special_file_info.p[0];
    }
    if (p->fill_pattern.p) {
        attr->pattern_kind = UICC_PATTERN_FILL;
        attr->pattern = p->fill_pattern;
        initial->literal = false;
    } else if (p->repeat_pattern.p) {
        attr->pattern_kind = UICC_PATTERN_REPEAT;
        attr->pattern = p->repeat_pattern;
        initial->literal = false;
    }
    if (p->maximum_file_size.p) {
        attr->max_size = big_endian(p->maximum_file_size);
    }
    if (p->file_details.n) {
        attr->file_details = p->file_details.p[0];
    }
}

/* Absent, empty and one byte are three different things. */
static void apply_sfi(const struct profile_fcp *fcp, bool template, struct uicc_file_attr *attr)
{
    cr_span s = fcp->short_efid;
    if (s.p) {
        attr->sfi = s.n ? s.p[0] >> 3 : 0;
    } else if (!template && !uicc_kind_is_df(attr->kind)) {
        uint8_t sfi = attr->fid & 0x1F;
        attr->sfi = sfi <= UICC_MAX_SFI ? sfi : 0;
    }
}

static struct pe_result apply_fcp(const struct euicc_installer *in, const struct profile_fcp *fcp,
                                  bool template, struct uicc_file_attr *attr,
                                  struct initial *initial)
{
    if (fcp->file_id.p) {
        if (fcp->file_id.n != 2) {
            return pe_problem(RSP_PE_BAD_VALUES);
        }
        attr->fid = (uint16_t)(fcp->file_id.p[0] << 8 | fcp->file_id.p[1]);
    }
    if (!apply_descriptor(fcp, attr) || !apply_security(fcp, attr)) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    if (fcp->df_name.p) {
        attr->aid = fcp->df_name;
    }
    if (fcp->lcsi.n) {
        attr->lcsi = fcp->lcsi.p[0];
    }
    if (fcp->ef_file_size.p) {
        attr->size = big_endian(fcp->ef_file_size);
    } else if (uicc_kind_has_records(attr->kind) && initial->row && initial->row->records) {
        attr->size = (uint32_t)initial->row->records * attr->record_size;
    }
    if (fcp->pin_status_template_do.p) {
        attr->pin_status = fcp->pin_status_template_do;
    }
    if (fcp->has_proprietary) {
        apply_proprietary(&fcp->proprietary, attr, initial);
    }
    apply_sfi(fcp, template, attr);
    if (fcp->link_path.n) {
        attr->link = uicc_fs_resolve(&in->fs, fcp->link_path);
        if (!attr->link) {
            return pe_problem(RSP_PE_INVALID_PARAMETER);
        }
    }
    return pe_ok();
}

/* ---- creation ----------------------------------------------------------------------------------
 */

static void note_df(struct euicc_installer *in, uicc_file file, enum uicc_kind kind)
{
    if (uicc_kind_is_df(kind) && in->df_count < INSTALLER_MAX_DFS) {
        in->dfs[in->df_count++] = file;
    }
}

void installer_undo(struct euicc_installer *in)
{
    while (in->created_count > 0) {
        uicc_file file = in->created[--in->created_count];
        while (in->df_count > 0 && in->dfs[in->df_count - 1] == file) {
            in->df_count--;
        }
        /* A file that the card does not let go of stays: it does no harm. */
        cr_status status = uicc_fs_delete(&in->fs, file, NULL);
        (void)status;
    }
}

static struct pe_result write_literal(struct euicc_installer *in, uicc_file file,
                                      const struct uicc_file_attr *attr,
                                      const struct profile_template_member *row)
{
    struct cr_err err = {0};
    uint8_t *content = malloc(attr->size ? attr->size : 1);
    if (!content) {
        return pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    profile_fill(content, attr->size, attr->record_size, PROFILE_FILL_LITERAL,
                 cr_span_of(row->pattern, row->fill_length));
    cr_status status = uicc_fs_write(&in->fs, file, 0, cr_span_of(content, attr->size), &err);
    free(content);
    return pe_of_failure(status, &err);
}

/* An SFI that stands there only by default gives way to one that was asked for. */
static void yield_sfi(const struct euicc_installer *in, uicc_file parent,
                      const struct profile_fcp *fcp, struct uicc_file_attr *attr)
{
    bool asked_for = fcp && fcp->short_efid.p;
    if (!asked_for && attr->sfi && parent && uicc_fs_child_sfi(&in->fs, parent, attr->sfi)) {
        attr->sfi = 0;
    }
}

/* Creates one file. row NULL = file management; fcp NULL = all by template. */
static struct pe_result create_file(struct euicc_installer *in, uicc_file parent,
                                    const struct profile_template_member *row,
                                    const struct profile_fcp *fcp, uint16_t fid, uicc_file *out)
{
    struct uicc_file_attr attr = {0};
    struct initial initial = {0};
    struct cr_err err = {0};
    if (row) {
        from_row(row, &attr, &initial);
    }
    if (fid) {
        attr.fid = fid;
    }
    if (fcp) {
        struct pe_result result = apply_fcp(in, fcp, row != NULL, &attr, &initial);
        if (result.status != RSP_PE_OK) {
            return result;
        }
    }
    if (!attr.kind) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    if (attr.kind == UICC_MF) {
        parent = 0;
    } else if (attr.kind == UICC_ADF) {
        parent = uicc_fs_mf(&in->fs);
    }
    if (attr.kind != UICC_MF && !parent) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    yield_sfi(in, parent, fcp, &attr);
    cr_status status = uicc_fs_create(&in->fs, parent, &attr, out, &err);
    if (status != CR_OK) {
        return pe_of_failure(status, &err);
    }
    note_df(in, *out, attr.kind);
    if (in->created_count < CR_COUNT(in->created)) {
        in->created[in->created_count++] = *out;
    }
    if (initial.literal && !attr.link && !uicc_kind_is_df(attr.kind)) {
        return write_literal(in, *out, &attr, initial.row);
    }
    return pe_ok();
}

/* ---- content -----------------------------------------------------------------------------------
 */

/* Writes that follow one Fcp: a position that offsets and contents move. BER-TLV content may come
 * in pieces: it is written when it is whole. */
struct filler {
    uicc_file file;
    size_t position;
    bool bertlv;
    cr_buf pieces; /* of a BER-TLV file */
};

static void filler_start(const struct euicc_installer *in, struct filler *f, uicc_file file)
{
    struct uicc_file_attr attr;
    f->file = file;
    f->position = 0;
    f->bertlv = uicc_fs_attr(&in->fs, file, &attr) && attr.kind == UICC_BERTLV;
    cr_buf_reset(&f->pieces);
}

static struct pe_result filler_content(struct euicc_installer *in, struct filler *f, cr_span data)
{
    struct cr_err err = {0};
    if (!f->file) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    if (f->bertlv) {
        cr_buf_append_span(&f->pieces, data);
        return cr_buf_ok(&f->pieces) ? pe_ok() : pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    cr_status status = uicc_fs_write(&in->fs, f->file, f->position, data, &err);
    f->position += data.n;
    return pe_of_failure(status, &err);
}

static struct pe_result filler_offset(struct filler *f, int64_t offset)
{
    if (!f->file || f->bertlv || offset < 0 || offset > PROFILE_MAX_OFFSET) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    f->position += (size_t)offset;
    return pe_ok();
}

static struct pe_result filler_end(struct euicc_installer *in, struct filler *f)
{
    struct cr_err err = {0};
    struct pe_result result = pe_ok();
    if (f->file && f->bertlv && f->pieces.n) {
        result =
            pe_of_failure(uicc_fs_write(&in->fs, f->file, 0, cr_buf_span(&f->pieces), &err), &err);
    }
    cr_buf_reset(&f->pieces);
    return result;
}

/* ---- file elements -----------------------------------------------------------------------------
 */

/* The element under way. */
struct element {
    struct euicc_installer *in;
    const struct profile_files *fs;
    const struct profile_template *template;
    uicc_file base;
    uicc_file made[PROFILE_MAX_MEMBERS + 2]; /* by member number */
    uicc_file first_df;
    struct filler filler;
};

static uicc_file base_of(const struct euicc_installer *in, enum profile_base base)
{
    switch (base) {
    case PROFILE_BASE_NONE:
        return 0;
    case PROFILE_BASE_MF:
        return uicc_fs_mf(&in->fs);
    case PROFILE_BASE_USIM:
        return in->usim;
    case PROFILE_BASE_ISIM:
        return in->isim;
    case PROFILE_BASE_CSIM:
        return in->csim;
    case PROFILE_BASE_NAA:
        return in->naa;
    }
    return 0;
}

static const struct profile_file *file_of_member(const struct profile_files *fs, unsigned member)
{
    for (size_t i = 0; i < fs->count; i++) {
        if (fs->files[i].member == member) {
            return &fs->files[i];
        }
    }
    return NULL;
}

/* The DF of a row: made in this element, or there from an earlier one. */
static uicc_file parent_of(const struct element *e, const struct profile_template_member *row)
{
    if (!row->parent) {
        return e->base;
    }
    if (row->parent < CR_COUNT(e->made) && e->made[row->parent]) {
        return e->made[row->parent];
    }
    const struct profile_template_member *df = profile_template_member(e->template, row->parent);
    uicc_file above = df ? parent_of(e, df) : 0;
    return above && df->fid ? uicc_fs_child(&e->in->fs, above, df->fid) : 0;
}

/* The next id of a row's range that is free in the DF; the first instance takes the row's own. */
static uint16_t next_fid(const struct element *e, uicc_file parent,
                         const struct profile_template_member *row)
{
    uint16_t last = row->fid_last ? row->fid_last : row->fid;
    for (uint32_t fid = row->fid; fid && fid <= last; fid++) {
        if (!uicc_fs_child(&e->in->fs, parent, (uint16_t)fid)) {
            return (uint16_t)fid;
        }
    }
    return row->fid;
}

static struct pe_result create_member(struct element *e, const struct profile_template_member *row,
                                      const struct profile_fcp *fcp)
{
    uicc_file file = 0;
    uicc_file parent = parent_of(e, row);
    uint16_t fid = parent ? next_fid(e, parent, row) : row->fid;
    struct pe_result result = filler_end(e->in, &e->filler);
    if (result.status == RSP_PE_OK) {
        result = create_file(e->in, parent, row, fcp, fid, &file);
    }
    if (result.status != RSP_PE_OK) {
        return result;
    }
    if (!e->made[row->member]) {
        e->made[row->member] = file;
    }
    if (profile_type_is_df((enum profile_file_type)row->type) && !e->first_df) {
        e->first_df = file;
    }
    filler_start(e->in, &e->filler, file);
    return pe_ok();
}

/* Executes the items of one member. */
static struct pe_result run_items(struct element *e, const struct profile_template_member *row,
                                  const struct profile_file *file)
{
    struct pe_result result = pe_ok();
    bool created = false;
    for (size_t i = 0; result.status == RSP_PE_OK && i < file->items.count; i++) {
        const struct profile_file_item *item = &file->items.items[i];
        if (item->which != PROFILE_ITEM_FCP && item->which != PROFILE_ITEM_DO_NOT_CREATE &&
            !created) {
            result = create_member(e, row, NULL); /* content alone: all by template */
            created = true;
            if (result.status != RSP_PE_OK) {
                break;
            }
        }
        switch ((enum profile_file_item_kind)item->which) {
        case PROFILE_ITEM_DO_NOT_CREATE:
            return pe_ok();
        case PROFILE_ITEM_FCP:
            result = create_member(e, row, &item->fcp);
            created = true;
            break;
        case PROFILE_ITEM_OFFSET:
            result = filler_offset(&e->filler, item->fill_file_offset);
            break;
        case PROFILE_ITEM_CONTENT:
            result = filler_content(e->in, &e->filler, item->fill_file_content);
            break;
        }
    }
    if (result.status == RSP_PE_OK && !created) {
        result = create_member(e, row, NULL); /* an empty File: create by template */
    }
    if (result.status == RSP_PE_OK) {
        result = filler_end(e->in, &e->filler);
    }
    return result;
}

/* A file that the element does not mention: created when the template creates it by default and
 * knows everything about it. */
static struct pe_result run_absent(struct element *e, const struct profile_template_member *row)
{
    unsigned unknowable = PROFILE_MUST_RECORDS | PROFILE_MUST_SIZE | PROFILE_MUST_CONTENT |
                          PROFILE_MUST_AID | PROFILE_MUST_FID | PROFILE_MUST_PIN_STATUS;
    if (row->mandatory) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    if (!e->template->created_by_default || (row->must & unknowable) || !parent_of(e, row)) {
        return pe_ok();
    }
    return create_member(e, row, NULL);
}

static void update_context(struct euicc_installer *in, const struct element *e,
                           enum profile_element_kind kind)
{
    if (e->first_df) {
        in->pin_context = e->first_df;
    }
    if (kind == PROFILE_USIM) {
        in->usim = e->first_df;
        in->naa = e->first_df;
    } else if (kind == PROFILE_ISIM) {
        in->isim = e->first_df;
        in->naa = e->first_df;
    } else if (kind == PROFILE_CSIM) {
        in->csim = e->first_df;
        in->naa = e->first_df;
    }
}

struct pe_result installer_files(struct euicc_installer *in, const struct profile_files *fs,
                                 enum profile_element_kind kind)
{
    if (!fs->template) {
        return pe_problem(RSP_PE_TEMPLATE_NOT_SUPPORTED);
    }
    if (fs->template->kind != kind) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    struct element e = {.in = in, .fs = fs, .template = fs->template};
    e.base = base_of(in, (enum profile_base)fs->template->base);
    struct pe_result result = pe_ok();
    if (!e.base && fs->template->base != PROFILE_BASE_NONE) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    for (unsigned m = 2; result.status == RSP_PE_OK && m < 2u + fs->template->count; m++) {
        const struct profile_template_member *row = profile_template_member(fs->template, m);
        const struct profile_file *file = file_of_member(fs, m);
        if (row) {
            result = file ? run_items(&e, row, file) : run_absent(&e, row);
        }
    }
    for (size_t i = 0; result.status == RSP_PE_OK && i < fs->count; i++) {
        if (profile_template_member(fs->template, fs->files[i].member)) {
            continue;
        }
        if (in->mandated) {
            result = pe_problem(RSP_PE_INVALID_PARAMETER);
        } else {
            installer_warn(in, RSP_PE_INVALID_PARAMETER); /* ignored */
        }
    }
    cr_buf_free(&e.filler.pieces);
    if (result.status == RSP_PE_OK) {
        update_context(in, &e, kind);
    }
    return result;
}

/* ---- GenericFileManagement ---------------------------------------------------------------------
 */

struct management {
    struct euicc_installer *in;
    uicc_file df; /* current */
    uicc_file first_df;
    bool created;
    struct filler filler;
};

static struct pe_result manage_path(struct management *m, cr_span path)
{
    struct uicc_file_attr attr;
    uicc_file file = uicc_fs_resolve(&m->in->fs, path);
    if (!file || !uicc_fs_attr(&m->in->fs, file, &attr)) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    struct pe_result result = filler_end(m->in, &m->filler);
    if (uicc_kind_is_df(attr.kind)) {
        m->df = file;
        m->filler.file = 0;
    } else {
        m->df = uicc_fs_parent(&m->in->fs, file);
        filler_start(m->in, &m->filler, file);
    }
    return result;
}

static struct pe_result manage_create(struct management *m, const struct profile_fcp *fcp)
{
    struct uicc_file_attr attr;
    uicc_file file = 0;
    struct pe_result result = filler_end(m->in, &m->filler);
    if (result.status == RSP_PE_OK) {
        result = create_file(m->in, m->df, NULL, fcp, 0, &file);
    }
    if (result.status != RSP_PE_OK || !uicc_fs_attr(&m->in->fs, file, &attr)) {
        return result;
    }
    if (uicc_kind_is_df(attr.kind)) {
        m->df = file;
        m->first_df = m->first_df ? m->first_df : file;
        m->filler.file = 0;
    } else {
        m->created = true;
        filler_start(m->in, &m->filler, file);
    }
    return pe_ok();
}

static struct pe_result manage_item(struct management *m, const struct profile_gfm_item *item)
{
    switch ((enum profile_gfm_item_kind)item->which) {
    case PROFILE_GFM_PATH:
        return manage_path(m, item->file_path);
    case PROFILE_GFM_FCP:
        return manage_create(m, &item->create_fcp);
    case PROFILE_GFM_OFFSET:
        return filler_offset(&m->filler, item->fill_file_offset);
    case PROFILE_GFM_CONTENT:
        return filler_content(m->in, &m->filler, item->fill_file_content);
    }
    return pe_problem(RSP_PE_INVALID_PARAMETER);
}

struct pe_result installer_gfm(struct euicc_installer *in, const struct profile_gfm *gfm)
{
    struct management m = {.in = in, .df = uicc_fs_mf(&in->fs)};
    struct pe_result result = pe_ok();
    for (size_t c = 0; c < gfm->commands.count; c++) {
        const struct profile_gfm_command *command = &gfm->commands.items[c];
        for (size_t i = 0; result.status == RSP_PE_OK && i < command->items.count; i++) {
            result = manage_item(&m, &command->items.items[i]);
        }
    }
    if (result.status == RSP_PE_OK) {
        result = filler_end(in, &m.filler);
    }
    cr_buf_free(&m.filler.pieces);
    if (result.status != RSP_PE_OK) {
        return result;
    }
    if (m.first_df) {
        in->pin_context = m.first_df;
    } else if (!m.created && m.df) {
        /* Only paths: older packages fix the PIN context so. */
        in->pin_context = m.df;
    }
    return result;
}
