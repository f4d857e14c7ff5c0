/*
 * What stands behind a chip's memory on disk: DIR/chip.db (one table of keys and values) and
 * DIR/lock. Internal to src/store.
 */
#ifndef CRISP_STORE_NVM_FILE_H
#define CRISP_STORE_NVM_FILE_H

#include "store/nvm.h"

struct nvm_file;

/* Locks DIR, opens or makes the file, checks it for damage. Failures as nvm_open(). */
cr_status nvm_file_open(const char *dir, bool create, struct nvm_file **out,
                        struct cr_err *err) CR_MUST_CHECK;
void nvm_file_close(struct nvm_file *file); /* NULL allowed */

/* Gives each pair to fn, keys in byte order. */
typedef cr_status (*nvm_file_fn)(void *ctx, cr_span key, cr_span value, struct cr_err *err);
cr_status nvm_file_load(struct nvm_file *file, nvm_file_fn fn, void *ctx,
                        struct cr_err *err) CR_MUST_CHECK;

/* begin, any number of put and delete, commit. After any failure the file is as before begin, and
 * nothing is open. */
cr_status nvm_file_begin(struct nvm_file *file, struct cr_err *err) CR_MUST_CHECK;
cr_status nvm_file_put(struct nvm_file *file, cr_span key, cr_span value,
                       struct cr_err *err) CR_MUST_CHECK;
cr_status nvm_file_delete(struct nvm_file *file, cr_span key, struct cr_err *err) CR_MUST_CHECK;
cr_status nvm_file_commit(struct nvm_file *file, struct cr_err *err) CR_MUST_CHECK;

#endif
