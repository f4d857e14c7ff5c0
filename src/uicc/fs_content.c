/*
 * Content of EFs: initial patterns, writes, sizes, the objects of BER-TLV files.
 */
#include "asn1/der.h"
#include "uicc/fs_internal.h"

#include <stdlib.h>

static void fill(const struct uicc_file_attr *a, uint8_t *p, size_t n)
{
    size_t unit = a->record_size ? a->record_size : n;
    for (size_t at = 0; at < n; at += unit) {
        for (size_t i = 0; i < unit && at + i < n; i++) {
            uint8_t v = 0xFF;
            if (a->pattern_kind == UICC_PATTERN_REPEAT) {
                v = a->pattern.p[i % a->pattern.n];
            } else if (a->pattern_kind == UICC_PATTERN_FILL) {
                v = a->pattern.p[i < a->pattern.n ? i : a->pattern.n - 1];
            }
            p[at + i] = v;
        }
    }
}

cr_span uicc_fs_content(const struct uicc_fs *fs, uicc_file file, cr_buf *scratch)
{
    struct fs_record r;
    char key[UICC_KEY_SIZE];
    file = fs_target_of(fs, file);
    if (!fs_record_get(fs, file, &r) || uicc_kind_is_df(r.attr.kind)) {
        return (cr_span){0};
    }
    cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'c', file, -1));
    if (v.p && (r.attr.kind == UICC_BERTLV || v.n == r.attr.size)) {
        return v;
    }
    cr_buf_reset(scratch);
    if (r.attr.kind == UICC_BERTLV) {
        return cr_buf_span(scratch);
    }
    uint8_t *p = cr_buf_extend(scratch, r.attr.size);
    if (!p) {
        return (cr_span){0};
    }
    fill(&r.attr, p, r.attr.size);
    return cr_buf_span(scratch);
}

/* Puts content that does not point into the memory; nothing is written when nothing changes. */
static cr_status content_put(const struct uicc_fs *fs, uicc_file file, cr_span content,
                             struct cr_err *err)
{
    char key[UICC_KEY_SIZE];
    cr_span k = uicc_fs_key(fs, key, 'c', file, -1);
    cr_span old = nvm_get(fs->nvm, k);
    return old.p && cr_span_equal(old, content) ? CR_OK : nvm_put(fs->nvm, k, content, err);
}

cr_status uicc_fs_write(const struct uicc_fs *fs, uicc_file file, size_t offset, cr_span data,
                        struct cr_err *err)
{
    struct uicc_file_attr a;
    if (!uicc_fs_attr(fs, file, &a) || uicc_kind_is_df(a.kind)) {
        return fs_refuse(err, UICC_SW_NO_EF, "filePath", "there is no such EF");
    }
    if (a.kind == UICC_BERTLV) {
        if (offset) {
            return fs_refuse(err, UICC_SW_WRONG_DATA, "fillFileOffset",
                             "a BER-TLV file has no offsets");
        }
        while (data.n) {
            struct der_tlv tlv;
            if (der_next(&data, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
                return fs_refuse(err, UICC_SW_WRONG_DATA, "fillFileContent",
                                 "the content is not a sequence of complete TLVs");
            }
            CR_TRY(uicc_fs_bertlv_set(fs, file, tlv.all, err));
        }
        return CR_OK;
    }
    if (offset > a.size || data.n > a.size - offset) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fillFileContent",
                         "the content is longer than the file");
    }
    cr_buf b = {0};
    cr_span old = uicc_fs_content(fs, file, &b);
    if (!old.p) {
        return cr_fail_memory(err);
    }
    if (old.p != b.p) {
        cr_buf_append_span(&b, old);
    }
    cr_status status = cr_buf_ok(&b) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        if (data.n) {
            memcpy(b.p + offset, data.p, data.n);
        }
        status = content_put(fs, fs_target_of(fs, file), cr_buf_span(&b), err);
    }
    cr_buf_free(&b);
    return status;
}

cr_status uicc_fs_replace(const struct uicc_fs *fs, uicc_file file, cr_span content,
                          struct cr_err *err)
{
    struct uicc_file_attr a;
    if (!uicc_fs_attr(fs, file, &a) || uicc_kind_is_df(a.kind)) {
        return fs_refuse(err, UICC_SW_NO_EF, "filePath", "there is no such EF");
    }
    if (a.kind == UICC_BERTLV ? content.n > UICC_MAX_BERTLV_SIZE : content.n != a.size) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fillFileContent",
                         "the content does not have the size of the file");
    }
    return content_put(fs, fs_target_of(fs, file), content, err);
}

cr_status uicc_fs_resize(const struct uicc_fs *fs, uicc_file file, uint32_t size,
                         struct cr_err *err)
{
    struct fs_record r;
    file = fs_target_of(fs, file);
    if (!fs_record_get(fs, file, &r) || uicc_kind_is_df(r.attr.kind)) {
        return fs_refuse(err, UICC_SW_NO_EF, "fileID", "there is no such EF");
    }
    uint32_t old = r.attr.size;
    r.attr.size = size;
    CR_TRY(fs_check_ef(&r.attr, err));
    char key[UICC_KEY_SIZE];
    cr_span k = uicc_fs_key(fs, key, 'c', file, -1), v = nvm_get(fs->nvm, k);
    if (v.p && r.attr.kind != UICC_BERTLV) {
        uint8_t *p = malloc(size ? size : 1);
        if (!p) {
            return cr_fail_memory(err);
        }
        fill(&r.attr, p, size);
        memcpy(p, v.p, old < size ? old : size);
        cr_status status = nvm_put(fs->nvm, k, cr_span_of(p, size), err);
        free(p);
        CR_TRY(status);
        /* The put may have moved what the record's spans point to. */
        if (!fs_record_get(fs, file, &r)) {
            return cr_fail(err, CR_INTERNAL, NULL, "the record of a file is gone");
        }
        r.attr.size = size;
    }
    return fs_record_put(fs, file, &r, err);
}

cr_status uicc_fs_bertlv_resize(const struct uicc_fs *fs, uicc_file file, uint32_t size,
                                uint32_t max_size, bool empty, struct cr_err *err)
{
    struct fs_record r;
    char key[UICC_KEY_SIZE];
    file = fs_target_of(fs, file);
    if (!fs_record_get(fs, file, &r) || r.attr.kind != UICC_BERTLV) {
        return fs_refuse(err, UICC_SW_FILE_TYPE, "fileID", "it is no BER-TLV file");
    }
    r.attr.size = size;
    r.attr.max_size = max_size;
    CR_TRY(fs_check_ef(&r.attr, err));
    size_t most = max_size ? max_size : UICC_MAX_BERTLV_SIZE;
    bool fits = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'c', file, -1)).n <= most;
    if (!fits && !empty) {
        return fs_refuse(err, UICC_SW_NO_MEMORY, "maximumFileSize",
                         "the file holds more than that");
    }
    CR_TRY(fs_record_put(fs, file, &r, err));
    return fits ? CR_OK : nvm_delete(fs->nvm, uicc_fs_key(fs, key, 'c', file, -1), err);
}

/* --- BER-TLV files -----------------------------------------------------------------------------
 */

static cr_span bertlv_content(const struct uicc_fs *fs, uicc_file file)
{
    char key[UICC_KEY_SIZE];
    return nvm_get(fs->nvm, uicc_fs_key(fs, key, 'c', fs_target_of(fs, file), -1));
}

cr_span uicc_fs_bertlv_find(const struct uicc_fs *fs, uicc_file file, uint32_t tag)
{
    cr_span in = bertlv_content(fs, file);
    struct der_tlv tlv;
    while (in.n && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag == tag) {
            return tlv.all;
        }
    }
    return (cr_span){0};
}

/* Content with the object `tag` taken out and `tlv` (may be empty) in its place or at the end. */
static cr_status bertlv_change(const struct uicc_fs *fs, uicc_file file, uint32_t tag, cr_span tlv,
                               size_t most, struct cr_err *err)
{
    cr_buf b = {0};
    cr_span content = bertlv_content(fs, file);
    cr_span old = uicc_fs_bertlv_find(fs, file, tag);
    size_t at = old.p ? (size_t)(old.p - content.p) : content.n;
    cr_buf_append_span(&b, cr_span_sub(content, 0, at));
    cr_buf_append_span(&b, tlv);
    cr_buf_append_span(&b, cr_span_sub(content, at + old.n, content.n));
    cr_status status = CR_OK;
    if (!cr_buf_ok(&b)) {
        status = cr_fail_memory(err);
    } else if (b.n > most) {
        status = fs_refuse(err, UICC_SW_NO_MEMORY, "maximumFileSize", "the BER-TLV file is full");
    } else {
        status = content_put(fs, fs_target_of(fs, file), cr_buf_span(&b), err);
    }
    cr_buf_free(&b);
    return status;
}

static bool bertlv_attr(const struct uicc_fs *fs, uicc_file file, struct uicc_file_attr *a)
{
    return uicc_fs_attr(fs, file, a) && a->kind == UICC_BERTLV;
}

cr_status uicc_fs_bertlv_set(const struct uicc_fs *fs, uicc_file file, cr_span tlv,
                             struct cr_err *err)
{
    struct uicc_file_attr a;
    struct der_tlv t;
    cr_span in = tlv;
    if (!bertlv_attr(fs, file, &a)) {
        return fs_refuse(err, UICC_SW_FILE_TYPE, "filePath", "it is no BER-TLV file");
    }
    if (der_next(&in, DER_BER_LENGTHS, &t, NULL) != CR_OK || in.n) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fillFileContent", "it is no complete TLV");
    }
    size_t most = a.max_size ? a.max_size : UICC_MAX_BERTLV_SIZE;
    return bertlv_change(fs, file, t.tag, tlv, most, err);
}

cr_status uicc_fs_bertlv_delete(const struct uicc_fs *fs, uicc_file file, uint32_t tag,
                                struct cr_err *err)
{
    struct uicc_file_attr a;
    if (!bertlv_attr(fs, file, &a)) {
        return fs_refuse(err, UICC_SW_FILE_TYPE, "filePath", "it is no BER-TLV file");
    }
    if (!uicc_fs_bertlv_find(fs, file, tag).p) {
        return fs_refuse(err, UICC_SW_NO_REFERENCE, "tag", "there is no such object");
    }
    return bertlv_change(fs, file, tag, (cr_span){0}, UICC_MAX_BERTLV_SIZE, err);
}
