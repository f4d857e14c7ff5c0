#include "lab/files.h"

#include "euicc/records.h"
#include "profile/template.h"
#include "rsp/ids.h"
#include "uicc/access.h"

#include <stdio.h>

/* ---- which profile -----------------------------------------------------------------------------
 */

static cr_status no_profile(const struct nvm *nvm, const char *wanted, struct cr_err *err)
{
    cr_arena arena = {0};
    struct euicc_profile p;
    uint16_t after = 0;
    char list[160] = "";
    while (euicc_profile_next(nvm, after, &arena, &p)) {
        char iccid[RSP_ICCID_TEXT];
        size_t n = strlen(list);
        (void)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
                       rsp_iccid_text(p.iccid, iccid) ? iccid : "?");
        after = p.id;
    }
    cr_arena_free(&arena);
    cr_status status = wanted
                           ? cr_fail(err, CR_REFUSED, NULL, "the chip has no profile %.40s", wanted)
                           : cr_fail(err, CR_REFUSED, NULL, "no profile is enabled in the chip");
    if (!list[0]) {
        return cr_err_next(err, status, "no profile is installed: 'crisp lpa download' does it");
    }
    return cr_err_next(err, status, wanted ? "installed are %s" : "name one with --profile: %s",
                       list);
}

cr_status lab_files_open(struct nvm *nvm, const char *wanted, struct uicc_fs *out, char *iccid,
                         struct cr_err *err)
{
    cr_arena arena = {0};
    struct euicc_profile p;
    char prefix[EUICC_PREFIX];
    uint16_t after = 0;
    uint16_t on = euicc_id_get(nvm, "on");
    bool found = false;
    while (!found && euicc_profile_next(nvm, after, &arena, &p)) {
        iccid[0] = 0;
        (void)rsp_iccid_text(p.iccid, iccid);
        found = wanted ? strcmp(wanted, iccid) == 0 : p.id == on;
        after = p.id;
    }
    cr_arena_free(&arena);
    if (!found) {
        return no_profile(nvm, wanted, err);
    }
    if (!uicc_fs_init(out, nvm, euicc_profile_prefix(after, prefix)) || !uicc_fs_mf(out)) {
        return cr_fail(err, CR_MALFORMED, NULL, "profile %s has no files", iccid);
    }
    return CR_OK;
}

/* ---- places ------------------------------------------------------------------------------------
 */

/* The place of a file by its parents. */
static struct lab_place place_of(const struct uicc_fs *fs, uicc_file file)
{
    struct uicc_file_attr attr;
    uint16_t fids[LAB_MAX_PATH];
    size_t n = 0;
    struct lab_place place = lab_place_mf();
    for (; file && uicc_fs_attr(fs, file, &attr); file = uicc_fs_parent(fs, file)) {
        if (attr.kind == UICC_ADF) {
            place = lab_place_aid(attr.aid);
            break;
        }
        if (attr.kind == UICC_MF || n == LAB_MAX_PATH) {
            break;
        }
        fids[n++] = attr.fid;
    }
    while (n > 0) {
        (void)lab_place_down(&place, fids[--n]);
    }
    return place;
}

bool lab_file_link(const struct uicc_fs *fs, const struct lab_file *file, char out[LAB_PATH_TEXT])
{
    if (!file->attr.link) {
        return false;
    }
    struct lab_place target = place_of(fs, file->attr.link);
    (void)lab_place_text(&target, out);
    return true;
}

void lab_file_rule(const struct uicc_fs *fs, const struct lab_file *file, cr_buf *out)
{
    struct uicc_path path;
    cr_buf scratch = {0};
    bool df = uicc_kind_is_df(file->attr.kind);
    if (uicc_fs_path(fs, df ? file->file : uicc_fs_parent(fs, file->file), &path)) {
        profile_arr_text(uicc_access_find(fs, &path, &file->attr, &scratch), df, out);
    }
    cr_buf_free(&scratch);
}

const char *lab_file_kind_name(enum uicc_kind kind)
{
    static const enum profile_file_type types[] = {
        [UICC_MF] = PROFILE_TYPE_MF,     [UICC_DF] = PROFILE_TYPE_DF,
        [UICC_ADF] = PROFILE_TYPE_ADF,   [UICC_TRANSPARENT] = PROFILE_TYPE_TR,
        [UICC_LINEAR] = PROFILE_TYPE_LF, [UICC_CYCLIC] = PROFILE_TYPE_CY,
        [UICC_BERTLV] = PROFILE_TYPE_BT};
    return profile_type_name(types[kind]);
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

struct walk {
    const struct uicc_fs *fs;
    lab_file_fn fn;
    void *ctx;
    struct cr_err *err;
};

static cr_status visit(const struct walk *w, uicc_file file, const struct lab_place *place,
                       unsigned depth)
{
    struct lab_file f = {.file = file, .place = *place, .depth = depth};
    cr_buf scratch = {0};
    if (!uicc_fs_attr(w->fs, file, &f.attr)) {
        return cr_fail(w->err, CR_MALFORMED, NULL, "a file of the chip is damaged");
    }
    if (!uicc_kind_is_df(f.attr.kind)) {
        f.content = uicc_fs_content(w->fs, file, &scratch);
    }
    cr_status status = w->fn(w->ctx, &f, w->err);
    cr_buf_free(&scratch);
    return status;
}

static cr_status walk_df(const struct walk *w, uicc_file df, const struct lab_place *place,
                         unsigned depth)
{
    CR_TRY(visit(w, df, place, depth));
    for (int pass = 0; pass < 2; pass++) {
        uint32_t cursor = 0;
        uicc_file child;
        while ((child = uicc_fs_next_child(w->fs, df, &cursor))) {
            struct uicc_file_attr attr;
            struct lab_place below = *place;
            if (!uicc_fs_attr(w->fs, child, &attr) || uicc_kind_is_df(attr.kind) != (pass == 1)) {
                continue;
            }
            if (attr.kind == UICC_ADF) {
                below = lab_place_aid(attr.aid);
            } else {
                (void)lab_place_down(&below, attr.fid);
            }
            /* What a link to a DF shows is under the target already. */
            bool enter = pass == 1 && !attr.link && depth + 1 < UICC_MAX_DEPTH;
            CR_TRY(enter ? walk_df(w, child, &below, depth + 1)
                         : visit(w, child, &below, depth + 1));
        }
    }
    return CR_OK;
}

cr_status lab_files_walk(const struct uicc_fs *fs, lab_file_fn fn, void *ctx, struct cr_err *err)
{
    struct walk w = {fs, fn, ctx, err};
    struct lab_place mf = lab_place_mf();
    return walk_df(&w, uicc_fs_mf(fs), &mf, 0);
}

/* ---- one file ----------------------------------------------------------------------------------
 */

static uicc_file file_at(const struct uicc_fs *fs, const struct lab_place *place)
{
    uicc_file at = place->aid_size
                       ? uicc_fs_next_adf(fs, cr_span_of(place->aid, place->aid_size), 0)
                       : uicc_fs_mf(fs);
    for (size_t i = 0; at && i < place->depth; i++) {
        at = uicc_fs_child(fs, at, place->fid[i]);
    }
    return at;
}

cr_status lab_files_find(const struct uicc_fs *fs, cr_span path, bool below, lab_file_fn fn,
                         void *ctx, struct cr_err *err)
{
    struct lab_place place;
    struct uicc_file_attr attr;
    CR_TRY(lab_place_parse(path, NULL, &place, err));
    uicc_file file = file_at(fs, &place);
    if (!file || !uicc_fs_attr(fs, file, &attr)) {
        char text[LAB_PATH_TEXT];
        return cr_fail(err, CR_REFUSED, NULL, "the profile has no file %.160s",
                       lab_place_text(&place, text));
    }
    struct walk w = {fs, fn, ctx, err};
    place = place_of(fs, file);
    return below && uicc_kind_is_df(attr.kind) ? walk_df(&w, file, &place, 0)
                                               : visit(&w, file, &place, 0);
}
