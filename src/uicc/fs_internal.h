/*
 * What the files of the file system share: records of files, keys, refusals. Not for other folders.
 */
#ifndef CRISP_UICC_FS_INTERNAL_H
#define CRISP_UICC_FS_INTERNAL_H

#include "uicc/fs.h"

struct fs_record {
    struct uicc_file_attr attr; /* as stored: links not resolved */
    uicc_file parent;
};

/* CR_REFUSED with the status word as its code. */
cr_status fs_refuse(struct cr_err *err, uicc_sw sw, const char *field, const char *cause);

bool fs_record_get(const struct uicc_fs *fs, uicc_file file, struct fs_record *out);
/* Spans of r may point into the memory: the record is complete before the memory changes. */
cr_status fs_record_put(const struct uicc_fs *fs, uicc_file file, const struct fs_record *r,
                        struct cr_err *err);

/* The file that has the content and the children: the target of a link. */
uicc_file fs_target_of(const struct uicc_fs *fs, uicc_file file);

/* Sizes, SFI and pattern of an EF. */
cr_status fs_check_ef(const struct uicc_file_attr *a, struct cr_err *err);

#endif
