/*
 * Whole files: read with a limit, written so that a crash leaves the old or the new content.
 */
#ifndef CRISP_BASE_FILE_H
#define CRISP_BASE_FILE_H

#include "base/buf.h"
#include "base/error.h"

/* Appends the whole file to out. CR_RESOURCE when it cannot be read, CR_MALFORMED when it has more
 * than limit bytes. path "-" is standard input. */
cr_status cr_file_read(const char *path, size_t limit, cr_buf *out,
                       struct cr_err *err) CR_MUST_CHECK;

/* Writes to a temporary name, syncs, renames, syncs the directory. mode as chmod (0600 for keys).
 * path "-" is standard output, written straight. */
cr_status cr_file_write(const char *path, cr_span content, unsigned mode,
                        struct cr_err *err) CR_MUST_CHECK;

/* Makes the directory and its missing parents with mode 0700. */
cr_status cr_dir_make(const char *path, struct cr_err *err) CR_MUST_CHECK;

bool cr_file_exists(const char *path);

#endif
