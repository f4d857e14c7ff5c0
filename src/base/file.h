/*
 * Whole files: read with a limit, written so that a crash leaves the old or the new content.
 */
#ifndef CRISP_BASE_FILE_H
#define CRISP_BASE_FILE_H

#include "base/buf.h"
#include "base/error.h"

/* The failure of a system call upon a file, out of errno: CR_RESOURCE "what path: reason", with
 * what to do about missing rights. */
cr_status cr_file_fail(struct cr_err *err, const char *what, const char *path);

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

/* False also where this user may not look: ask cr_dir_look() before what is missing is reported. */
bool cr_file_exists(const char *path);

/* CR_OK for a directory whose files this user may see; CR_RESOURCE with the reason else. */
cr_status cr_dir_look(const char *path, struct cr_err *err) CR_MUST_CHECK;

#endif
