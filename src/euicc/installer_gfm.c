/*
 * GenericFileManagement: commands that select, create and fill files without a template (TCA
 * Interoperable Format: PE-GenericFileManagement).
 */
#include "euicc/installer_context.h"

struct management {
    struct euicc_installer *in;
    uicc_file df; /* current */
    uicc_file first_df, adf;
    bool created;
    struct installer_filler filler;
};

static struct pe_result manage_path(struct management *m, cr_span path)
{
    struct uicc_file_attr attr;
    uicc_file file = uicc_fs_resolve(&m->in->fs, path);
    if (!file || !uicc_fs_attr(&m->in->fs, file, &attr)) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    struct pe_result result = installer_filler_end(m->in, &m->filler);
    m->df = uicc_kind_is_df(attr.kind) ? file : uicc_fs_parent(&m->in->fs, file);
    installer_filler_start(m->in, &m->filler, file);
    return result;
}

static struct pe_result manage_create(struct management *m, const struct profile_fcp *fcp)
{
    struct profile_file_attributes attributes;
    struct cr_err err = {0};
    uicc_file file = 0;
    struct pe_result result = installer_filler_end(m->in, &m->filler);
    if (result.status != RSP_PE_OK) {
        return result;
    }
    if (profile_file_resolve(NULL, fcp, 0, &attributes, &err) != CR_OK) {
        return pe_problem((enum rsp_pe_status_code)err.code);
    }
    result = installer_make_file(m->in, m->df, NULL, fcp, &attributes, &file);
    if (result.status != RSP_PE_OK) {
        return result;
    }
    if (profile_type_is_df(attributes.type)) {
        m->df = file;
        m->first_df = m->first_df ? m->first_df : file;
        m->adf = attributes.type == PROFILE_TYPE_ADF ? file : m->adf;
    } else {
        m->created = true;
    }
    installer_filler_start(m->in, &m->filler, file);
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
        return installer_filler_offset(&m->filler, item->fill_file_offset);
    case PROFILE_GFM_CONTENT:
        return installer_filler_content(m->in, &m->filler, item->fill_file_content);
    }
    return pe_problem(RSP_PE_INVALID_PARAMETER);
}

/* An application that was made without its template serves the elements behind it all the same. */
static void note_application(struct euicc_installer *in, uicc_file adf)
{
    struct uicc_file_attr attr;
    uicc_file *const naas[PROFILE_KINDS] = {
        [PROFILE_USIM] = &in->usim, [PROFILE_ISIM] = &in->isim, [PROFILE_CSIM] = &in->csim};
    if (!adf || !uicc_fs_attr(&in->fs, adf, &attr)) {
        return;
    }
    uicc_file *naa = naas[profile_naa_of_aid(attr.aid)];
    in->naa = adf;
    if (naa) {
        *naa = adf;
    }
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
        result = installer_filler_end(in, &m.filler);
    }
    cr_buf_free(&m.filler.pieces);
    if (result.status != RSP_PE_OK) {
        return result;
    }
    note_application(in, m.adf);
    if (m.first_df) {
        in->pin_context = m.first_df;
    } else if (!m.created && m.df) {
        /* Only paths: older packages fix the PIN context so. */
        in->pin_context = m.df;
    }
    return result;
}
