/*
 * The memory of a chip: named values, changed in transactions that a power cut cannot split.
 *
 * All content is held in RAM (chips are small) and, when the memory has a directory behind it,
 * written to an SQLite file in it at each commit, changed values only. Without a directory it is
 * RAM alone: for load tests with thousands of chips.
 *
 * Keys are bytes; by convention short paths ("isdp/3/ef/7FD0/6F07"). One thread at a time.
 */
#ifndef CRISP_STORE_NVM_H
#define CRISP_STORE_NVM_H

#include "base/arena.h"
#include "base/error.h"

#define NVM_MAX_KEY   64      /* bytes */
#define NVM_MAX_VALUE 1048576 /* bytes */

struct nvm;

/* dir NULL = RAM only. create: make the directory and the chip in it when there is none; without it
 * that is CR_RESOURCE. An open directory is locked until the memory is closed or the process ends:
 * CR_RESOURCE, with the holder's process id in the message and in err->code, when it is in use.
 * CR_MALFORMED: the file is damaged or no chip; CR_REFUSED: made by a newer crisp. */
cr_status nvm_open(const char *dir, bool create, struct nvm **out,
                   struct cr_err *err) CR_MUST_CHECK;
/* Drops an open transaction, as a power cut does. NULL allowed. */
void nvm_close(struct nvm *nvm);

/* One level only. Reads inside a transaction see its writes. A failed commit leaves the content as
 * it was before nvm_begin() and no transaction open. A second nvm_begin() inside a transaction is a
 * mistake that makes its commit fail with CR_INTERNAL; so does a commit without a transaction. */
void nvm_begin(struct nvm *nvm);
bool nvm_in_transaction(const struct nvm *nvm);
cr_status nvm_commit(struct nvm *nvm, struct cr_err *err) CR_MUST_CHECK;
void nvm_rollback(struct nvm *nvm);

/* A place inside the open transaction, and back to it: what came behind is undone, what came before
 * stays part of the transaction. A mark is good until the transaction ends or goes back to an
 * earlier one. */
size_t nvm_mark(struct nvm *nvm);
void nvm_rollback_to(struct nvm *nvm, size_t mark);

/* The value, valid until the next change of it; an absent span when there is none. */
cr_span nvm_get(const struct nvm *nvm, cr_span key);
/* Outside of a transaction each put and delete is a transaction of its own. CR_RESOURCE = full: the
 * put did nothing, an open transaction goes on. key and value may point into this memory. Keys have
 * 1..NVM_MAX_KEY bytes; an absent value is stored as an empty one. Deleting what is not there is
 * fine. A put of the value that is there already writes nothing. */
cr_status nvm_put(struct nvm *nvm, cr_span key, cr_span value, struct cr_err *err) CR_MUST_CHECK;
cr_status nvm_delete(struct nvm *nvm, cr_span key, struct cr_err *err) CR_MUST_CHECK;
/* Deletes every key that begins with prefix: one write, whatever their number. */
cr_status nvm_delete_prefix(struct nvm *nvm, cr_span prefix, struct cr_err *err) CR_MUST_CHECK;

/* Keys that begin with prefix in byte order: first one after `after` (absent = from the start);
 * false at the end. *key and *value are valid until the next change. */
bool nvm_next(const struct nvm *nvm, cr_span prefix, cr_span after, cr_span *key, cr_span *value);

/* Bytes in use by the keys that begin with prefix (keys and values); *count (may be NULL) = how
 * many they are. */
size_t nvm_size_prefix(const struct nvm *nvm, cr_span prefix, size_t *count);

/* Bytes in use (keys and values) and the size of the chip's memory; puts beyond it fail. The size
 * is not stored with the content; smaller than what is used, it stops growth only. */
size_t nvm_used(const struct nvm *nvm);
size_t nvm_capacity(const struct nvm *nvm);
void nvm_set_capacity(struct nvm *nvm, size_t bytes); /* default 1 MiB */

/* Fault injection: called before each write (put, delete) and before and after each commit; true =
 * the power is cut here: an open transaction is lost and every later operation fails with
 * CR_RESOURCE (reads find nothing) until the memory is opened again. A cut at NVM_AFTER_COMMIT
 * makes nvm_commit() fail although the content is committed. The hook may clone the memory, not
 * change it. */
enum nvm_point { NVM_WRITE, NVM_BEFORE_COMMIT, NVM_AFTER_COMMIT };
typedef bool (*nvm_fault)(void *ctx, enum nvm_point point);
void nvm_set_fault(struct nvm *nvm, nvm_fault fault, void *ctx);

/* For tests of power cuts, and for many chips made from one: a new memory in RAM with the committed
 * content of this one, also after a cut. The two share the values that neither has changed yet and
 * may live in different threads. */
cr_status nvm_clone_committed(const struct nvm *nvm, struct nvm **out,
                              struct cr_err *err) CR_MUST_CHECK;

#endif
