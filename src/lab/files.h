/*
 * The files of a profile in a chip's memory, for people: a walk over the tree, and one file by its
 * path. Reads the memory as it lies there: no card is started, nothing is changed.
 */
#ifndef CRISP_LAB_FILES_H
#define CRISP_LAB_FILES_H

#include "base/arena.h"
#include "lab/names.h"
#include "uicc/fs.h"

struct lab_file {
    uicc_file file;
    struct lab_place place; /* by application and file ids: what its name comes from */
    unsigned depth;         /* 0 = the MF */
    struct uicc_file_attr attr;
    cr_span content; /* EF, links followed; valid during the call */
};

/* Which profile: of the chip in nvm the one with these digits, or (NULL) the enabled one. The ICCID
 * as digits goes to iccid (21 bytes). CR_REFUSED when there is none. */
cr_status lab_files_open(struct nvm *nvm, const char *wanted, struct uicc_fs *out, char *iccid,
                         struct cr_err *err) CR_MUST_CHECK;

/* Calls fn for each file from the MF down: the EFs of a directory, then its directories, each with
 * what is below it. Stops at the first failure. */
typedef cr_status (*lab_file_fn)(void *ctx, const struct lab_file *file, struct cr_err *err);
cr_status lab_files_walk(const struct uicc_fs *fs, lab_file_fn fn, void *ctx,
                         struct cr_err *err) CR_MUST_CHECK;

/* One file by what people write (lab_place_parse(), also file ids of ADFs); fn is called once.
 * below: also for all that is under it. CR_REFUSED: there is no such file. */
cr_status lab_files_find(const struct uicc_fs *fs, cr_span path, bool below, lab_file_fn fn,
                         void *ctx, struct cr_err *err) CR_MUST_CHECK;

/* Where the link points to, as a path; false for what is none. */
bool lab_file_link(const struct uicc_fs *fs, const struct lab_file *file, char out[LAB_PATH_TEXT]);

/* Appends the access rule ("read: PIN1; update: ADM1"); nothing when EF.ARR does not have it. */
void lab_file_rule(const struct uicc_fs *fs, const struct lab_file *file, cr_buf *out);

/* "transparent". */
const char *lab_file_kind_name(enum uicc_kind kind);

#endif
