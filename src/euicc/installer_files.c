/*
 * Files: what profile_file_resolve() says a file is, made and filled; file elements by their
 * template (TCA Interoperable Format: File, Fcp, and the annex on templates).
 */
#include "euicc/installer_context.h"

#include "profile/ef.h"

#include <stdlib.h>

#define FID_ICCID 0x2FE2
#define FID_DIR   0x2F00
#define FID_UST   0x6F38
#define FID_MSK   0x6FD7
#define FID_MUK   0x6FD8

/* additional-information of feature-not-supported */
#define FEATURE_MBMS 2

/* ---- one file ----------------------------------------------------------------------------------
 */

static enum uicc_kind kind_of_type(enum profile_file_type type)
{
    static const enum uicc_kind kinds[] = {
        [PROFILE_TYPE_MF] = UICC_MF,     [PROFILE_TYPE_DF] = UICC_DF,
        [PROFILE_TYPE_ADF] = UICC_ADF,   [PROFILE_TYPE_TR] = UICC_TRANSPARENT,
        [PROFILE_TYPE_LF] = UICC_LINEAR, [PROFILE_TYPE_CY] = UICC_CYCLIC,
        [PROFILE_TYPE_BT] = UICC_BERTLV,
    };
    return kinds[type];
}

static struct uicc_file_attr attr_of(const struct euicc_installer *in, uicc_file parent,
                                     const struct profile_file_attributes *file)
{
    static const enum uicc_pattern patterns[] = {
        [PROFILE_FILL_NONE] = UICC_PATTERN_NONE,
        [PROFILE_FILL_LITERAL] = UICC_PATTERN_NONE, /* written: write_literal() */
        [PROFILE_FILL_PATTERN] = UICC_PATTERN_FILL,
        [PROFILE_FILL_REPEAT] = UICC_PATTERN_REPEAT,
    };
    enum uicc_pattern pattern = patterns[file->fill];
    return (struct uicc_file_attr){
        .kind = kind_of_type(file->type),
        .fid = file->fid,
        .not_shareable = !file->shareable,
        .lcsi = file->lcsi,
        .arr_fid = profile_arr_fid(file, parent && parent == uicc_fs_mf(&in->fs)),
        .arr_record = file->arr_record,
        .aid = file->aid,
        .pin_status = file->pin_status,
        .size = (uint32_t)file->size,
        .record_size = (uint16_t)file->record_length,
        .sfi = file->sfi,
        .special = file->special,
        .max_size = (uint32_t)file->maximum_size,
        .file_details = file->file_details,
        .pattern_kind = pattern,
        .pattern = pattern == UICC_PATTERN_NONE ? (cr_span){0} : file->pattern,
    };
}

/* The template's initial content, cut or padded to the size of the file. */
static struct pe_result write_literal(struct euicc_installer *in, uicc_file file,
                                      const struct profile_file_attributes *f)
{
    struct cr_err err = {0};
    uint8_t *content = malloc(f->size ? f->size : 1);
    if (!content) {
        return pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    profile_fill(content, f->size, f->record_length, PROFILE_FILL_LITERAL, f->pattern);
    cr_status status = uicc_fs_write(&in->fs, file, 0, cr_span_of(content, f->size), &err);
    free(content);
    return pe_of_failure(status, &err);
}

/* For the check at the end, and for installer_undo(). False: more than this chip keeps track of. */
static bool note_created(struct euicc_installer *in, uicc_file file, enum uicc_kind kind)
{
    bool df = uicc_kind_is_df(kind);
    if (in->created_count == CR_COUNT(in->created) || (df && in->df_count == CR_COUNT(in->dfs))) {
        return false;
    }
    in->created[in->created_count++] = file;
    if (df) {
        in->dfs[in->df_count++] = file;
    }
    return true;
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

/* A field too much: an unknown parameter, which a mandated element may not have. */
static struct pe_result check_fields(struct euicc_installer *in,
                                     const struct profile_template_member *row,
                                     const struct profile_fcp *fcp,
                                     const struct profile_file_attributes *file)
{
    if (profile_fcp_missing(row, file, fcp)) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    if (!fcp || !profile_fcp_forbidden(file, fcp, row != NULL)) {
        return pe_ok();
    }
    if (in->mandated) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    installer_warn(in, RSP_PE_INVALID_PARAMETER);
    return pe_ok();
}

struct pe_result installer_make_file(struct euicc_installer *in, uicc_file parent,
                                     const struct profile_template_member *row,
                                     const struct profile_fcp *fcp,
                                     const struct profile_file_attributes *file, uicc_file *out)
{
    struct cr_err err = {0};
    struct pe_result result = check_fields(in, row, fcp, file);
    if (result.status != RSP_PE_OK) {
        return result;
    }
    if (file->type == PROFILE_TYPE_MF) {
        parent = 0;
    } else if (file->type == PROFILE_TYPE_ADF) {
        parent = uicc_fs_mf(&in->fs);
    }
    if (file->type != PROFILE_TYPE_MF && !parent) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    struct uicc_file_attr attr = attr_of(in, parent, file);
    if (file->is_link) {
        attr.link = uicc_fs_resolve(&in->fs, file->link_path);
        if (!attr.link) {
            return pe_problem(RSP_PE_INVALID_PARAMETER);
        }
    }
    cr_status status = uicc_fs_create(&in->fs, parent, &attr, out, &err);
    if (status != CR_OK) {
        return pe_of_failure(status, &err);
    }
    if (!note_created(in, *out, attr.kind)) {
        return pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    bool literal = file->fill == PROFILE_FILL_LITERAL && !uicc_kind_is_df(attr.kind);
    return literal && !file->is_link ? write_literal(in, *out, file) : pe_ok();
}

/* ---- content -----------------------------------------------------------------------------------
 */

void installer_filler_start(const struct euicc_installer *in, struct installer_filler *f,
                            uicc_file file)
{
    struct uicc_file_attr attr = {0};
    f->file = file;
    f->position = 0;
    f->room = 0;
    f->bertlv = false;
    cr_buf_reset(&f->pieces);
    if (file && uicc_fs_attr(&in->fs, file, &attr)) {
        f->bertlv = attr.kind == UICC_BERTLV;
        f->room = attr.max_size > attr.size ? attr.max_size : attr.size;
        if (uicc_kind_is_df(attr.kind) || attr.link) {
            f->file = 0; /* neither has content of its own */
        }
    }
}

struct pe_result installer_filler_content(struct euicc_installer *in, struct installer_filler *f,
                                          cr_span data)
{
    struct cr_err err = {0};
    if (!f->file) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    if (f->bertlv) {
        if (data.n > f->room || f->pieces.n > f->room - data.n) {
            return pe_problem(RSP_PE_BAD_VALUES);
        }
        cr_buf_append_span(&f->pieces, data);
        return cr_buf_ok(&f->pieces) ? pe_ok() : pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    cr_status status = uicc_fs_write(&in->fs, f->file, f->position, data, &err);
    f->position += data.n;
    return pe_of_failure(status, &err);
}

struct pe_result installer_filler_offset(struct installer_filler *f, int64_t offset)
{
    if (!f->file || offset < 0 || offset > PROFILE_MAX_OFFSET) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    if (f->bertlv) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    f->position += (size_t)offset;
    return pe_ok();
}

struct pe_result installer_filler_end(struct euicc_installer *in, struct installer_filler *f)
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
    uicc_file first_df, adf;
    struct installer_filler filler;
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

/* What the interpreter of an IoT minimal profile fills in from the header. */
static bool is_iot_row(const struct element *e, const struct profile_template_member *row,
                       uint16_t fid)
{
    return e->template->kind == PROFILE_IOT && row->fid == fid;
}

/* EF.DIR of an IoT minimal profile that the element leaves out: one record with the application. */
static struct pe_result iot_dir(const struct euicc_installer *in,
                                const struct profile_template_member *row, cr_buf *record,
                                struct profile_file_attributes *out)
{
    profile_dir_encode(cr_span_of(in->iot_aid, in->iot_aid_size), (cr_span){0}, record);
    if (!cr_buf_ok(record)) {
        return pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    *out = (struct profile_file_attributes){.type = PROFILE_TYPE_LF,
                                            .shareable = true,
                                            .fid = FID_DIR,
                                            .arr_record = row->arr,
                                            .lcsi = PROFILE_LCSI_DEFAULT,
                                            .has_sfi = true,
                                            .sfi = row->sfi,
                                            .size = record->n,
                                            .records = 1,
                                            .record_length = record->n,
                                            .fill = PROFILE_FILL_LITERAL,
                                            .pattern = cr_buf_span(record)};
    return pe_ok();
}

/* EF.ICCID of an IoT minimal profile begins with the ICCID of the header, swapped. */
static struct pe_result iot_iccid(struct euicc_installer *in, uicc_file file)
{
    struct cr_err err = {0};
    return pe_of_failure(uicc_fs_write(&in->fs, file, 0, CR_SPAN_ARRAY(in->iccid), &err), &err);
}

/* Of the USIM that the element belongs to, whatever its AID says. */
static bool ust_has(const struct euicc_installer *in, unsigned service)
{
    cr_buf scratch = {0};
    uicc_file ust = in->usim ? uicc_fs_child(&in->fs, in->usim, FID_UST) : 0;
    bool has = ust && profile_table_has(uicc_fs_content(&in->fs, ust, &scratch), service);
    cr_buf_free(&scratch);
    return has;
}

/* Template and Fcp laid over each other. */
static struct pe_result resolve(const struct element *e, const struct profile_template_member *row,
                                const struct profile_file_instance *i, cr_buf *scratch,
                                struct profile_file_attributes *out)
{
    struct cr_err err = {0};
    if (is_iot_row(e, row, FID_DIR) && !i->fcp && i->count == 0) {
        return iot_dir(e->in, row, scratch, out);
    }
    if (profile_file_resolve(row, i->fcp, i->number, out, &err) != CR_OK) {
        return pe_problem((enum rsp_pe_status_code)err.code);
    }
    unsigned service = profile_file_service(e->template, row, i->fcp);
    if (service && !out->is_link && !ust_has(e->in, service)) {
        profile_file_without_service(out);
    }
    if (out->size_from_content) {
        out->size = profile_items_extent(i->items, i->count);
        if (out->size > PROFILE_MAX_EF) {
            return pe_problem(RSP_PE_BAD_VALUES);
        }
    }
    if (e->template->kind == PROFILE_IOT && out->type == PROFILE_TYPE_ADF &&
        !cr_span_present(out->aid)) {
        out->aid = cr_span_of(e->in->iot_aid, e->in->iot_aid_size);
    }
    return pe_ok();
}

static struct pe_result fill(struct element *e, uicc_file file,
                             const struct profile_file_instance *i)
{
    struct pe_result result = pe_ok();
    installer_filler_start(e->in, &e->filler, file);
    for (size_t k = 0; result.status == RSP_PE_OK && k < i->count; k++) {
        const struct profile_file_item *item = &i->items[k];
        result = item->which == PROFILE_ITEM_OFFSET
                     ? installer_filler_offset(&e->filler, item->fill_file_offset)
                     : installer_filler_content(e->in, &e->filler, item->fill_file_content);
    }
    return result.status == RSP_PE_OK ? installer_filler_end(e->in, &e->filler) : result;
}

static struct pe_result make_instance(struct element *e, const struct profile_template_member *row,
                                      const struct profile_file_instance *i)
{
    uicc_file file = 0;
    cr_buf scratch = {0};
    struct profile_file_attributes attributes;
    struct pe_result result = resolve(e, row, i, &scratch, &attributes);
    if (result.status == RSP_PE_OK) {
        result = installer_make_file(e->in, parent_of(e, row), row, i->fcp, &attributes, &file);
    }
    cr_buf_free(&scratch);
    if (result.status != RSP_PE_OK) {
        return result;
    }
    if (!e->made[row->member]) {
        e->made[row->member] = file;
    }
    if (profile_type_is_df((enum profile_file_type)row->type) && !e->first_df) {
        e->first_df = file;
    }
    if (row->type == PROFILE_TYPE_ADF) {
        e->adf = file;
    }
    if (is_iot_row(e, row, FID_ICCID)) {
        result = iot_iccid(e->in, file);
    }
    return result.status == RSP_PE_OK ? fill(e, file, i) : result;
}

/* Files of a feature that this chip does not have are left out. */
static bool is_mbms_file(const struct element *e, const struct profile_template_member *row)
{
    return e->template->kind == PROFILE_OPT_USIM && (row->fid == FID_MSK || row->fid == FID_MUK);
}

static struct pe_result skip_feature(struct euicc_installer *in, int64_t additional)
{
    struct pe_result result = pe_problem(RSP_PE_FEATURE_NOT_SUPPORTED);
    result.has_additional = true;
    result.additional = additional;
    if (in->mandated) {
        return result;
    }
    installer_warn_about(in, &result);
    return pe_ok();
}

/* All files of one member. */
static struct pe_result run_member(struct element *e, const struct profile_template_member *row,
                                   const struct profile_file *file)
{
    struct pe_result result = pe_ok();
    struct profile_file_instance instance;
    if (is_mbms_file(e, row)) {
        return skip_feature(e->in, FEATURE_MBMS);
    }
    if (!profile_file_may_skip(e->template, row, file)) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    for (size_t n = 0; result.status == RSP_PE_OK && profile_file_instance(file, n, &instance);
         n++) {
        result = make_instance(e, row, &instance);
    }
    return result;
}

/* A member that the element does not mention. */
static struct pe_result run_absent(struct element *e, const struct profile_template_member *row)
{
    static const struct profile_file nothing;
    if (row->mandatory) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    bool makes = profile_template_makes(e->template, row) &&
                 (row->type == PROFILE_TYPE_MF || parent_of(e, row));
    return makes ? run_member(e, row, &nothing) : pe_ok();
}

static void update_context(struct euicc_installer *in, const struct element *e,
                           enum profile_element_kind kind)
{
    if (e->first_df) {
        in->pin_context = kind == PROFILE_IOT ? e->adf : e->first_df;
    }
    uicc_file *const naas[PROFILE_KINDS] = {
        [PROFILE_USIM] = &in->usim,
        [PROFILE_IOT] = &in->usim,
        [PROFILE_ISIM] = &in->isim,
        [PROFILE_CSIM] = &in->csim,
    };
    if (naas[kind]) {
        *naas[kind] = in->naa = e->adf;
    }
}

/* A member that no row of the template knows. */
static struct pe_result unknown_members(struct element *e)
{
    for (size_t i = 0; i < e->fs->count; i++) {
        if (profile_template_member(e->template, e->fs->files[i].member)) {
            continue;
        }
        if (e->in->mandated) {
            return pe_problem(RSP_PE_INVALID_PARAMETER);
        }
        installer_warn(e->in, RSP_PE_INVALID_PARAMETER); /* ignored */
    }
    return pe_ok();
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
            result = file ? run_member(&e, row, file) : run_absent(&e, row);
        }
    }
    if (result.status == RSP_PE_OK) {
        result = unknown_members(&e);
    }
    cr_buf_free(&e.filler.pieces);
    if (result.status == RSP_PE_OK) {
        update_context(in, &e, kind);
    }
    return result;
}
