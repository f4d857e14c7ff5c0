/*
 * Content: an array of pointers to entries, sorted by key. A chip has some hundreds to thousands of
 * keys, so a search is a dozen comparisons, an insertion moves a few kilobytes, and a walk over a
 * prefix is a walk over the array.
 *
 * Entries never change: a put makes a new one. What a transaction replaces or deletes goes to the
 * undo list, a key that was not there before leaves a tombstone there; applied backwards the list
 * gives the content before the transaction. Memories cloned from each other share their entries.
 */
#include "store/nvm.h"

#include "store/nvm_file.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CAPACITY_DEFAULT ((size_t)1 << 20)
#define LIST_FIRST       16  /* pointers */
#define UNDO_KEEP        256 /* pointers kept between transactions */

struct entry {
    _Atomic uint32_t owners; /* memories and undo lists that point here */
    uint32_t value_len;
    uint16_t epoch; /* of fresh ones: behind which mark */
    uint8_t key_len;
    bool fresh;      /* made in the open transaction: nobody else has it, not in the file yet */
    bool tombstone;  /* in undo lists only: the key was not there */
    uint8_t bytes[]; /* key, then value */
};

struct list {
    struct entry **p;
    size_t n;
    size_t room;
};

struct nvm {
    struct list all;  /* by key */
    struct list undo; /* oldest first */
    size_t used;
    size_t capacity;
    uint16_t epoch;        /* counts marks: what is older than the last has to be found again */
    struct nvm_file *file; /* NULL = RAM only */
    nvm_fault fault;
    void *fault_ctx;
    bool open;   /* a transaction */
    bool nested; /* and somebody began another one in it */
    bool cut;    /* the power is gone */
};

/* ---- entries ---- */

static struct entry *entry_new(cr_span key, cr_span value)
{
    struct entry *e = malloc(sizeof(*e) + key.n + value.n);
    if (!e) {
        return NULL;
    }
    atomic_init(&e->owners, 1);
    e->value_len = (uint32_t)value.n;
    e->key_len = (uint8_t)key.n;
    e->epoch = 0;
    e->fresh = false;
    e->tombstone = false;
    memcpy(e->bytes, key.p, key.n);
    if (value.n) {
        memcpy(e->bytes + key.n, value.p, value.n);
    }
    return e;
}

static struct entry *entry_share(struct entry *e)
{
    (void)atomic_fetch_add_explicit(&e->owners, 1, memory_order_relaxed);
    return e;
}

static void entry_drop(struct entry *e)
{
    if (atomic_fetch_sub_explicit(&e->owners, 1, memory_order_acq_rel) == 1) {
        cr_wipe(e->bytes, (size_t)e->key_len + e->value_len); /* chips hold keys */
        free(e);
    }
}

static cr_span entry_key(const struct entry *e)
{
    return cr_span_of(e->bytes, e->key_len);
}

static cr_span entry_value(const struct entry *e)
{
    return cr_span_of(e->bytes + e->key_len, e->value_len);
}

static size_t entry_size(const struct entry *e)
{
    return (size_t)e->key_len + e->value_len;
}

/* ---- lists ---- */

static bool list_reserve(struct list *l, size_t more)
{
    if (l->room - l->n >= more) {
        return true;
    }
    size_t room = l->room ? l->room + l->room / 2 : LIST_FIRST;
    if (room < l->n + more) {
        room = l->n + more;
    }
    struct entry **p = realloc(l->p, room * sizeof(struct entry *));
    if (!p) {
        return false;
    }
    l->p = p;
    l->room = room;
    return true;
}

static void list_insert(struct list *l, size_t at, struct entry *e)
{
    memmove(l->p + at + 1, l->p + at, (l->n - at) * sizeof(struct entry *));
    l->p[at] = e;
    l->n++;
}

/* Takes count pointers out; the entries are the caller's. */
static void list_remove(struct list *l, size_t at, size_t count)
{
    memmove(l->p + at, l->p + at + count, (l->n - at - count) * sizeof(struct entry *));
    l->n -= count;
}

static void list_free(struct list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        entry_drop(l->p[i]);
    }
    free(l->p);
    *l = (struct list){0};
}

/* The first place whose key is not below (after: is above) key. */
static size_t list_bound(const struct list *l, cr_span key, bool after)
{
    size_t low = 0;
    size_t high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cr_span_compare(entry_key(l->p[middle]), key);
        if (order < 0 || (after && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The place of key, or where it would go. */
static bool list_find(const struct list *l, cr_span key, size_t *at)
{
    *at = list_bound(l, key, false);
    return *at < l->n && cr_span_equal(entry_key(l->p[*at]), key);
}

static bool has_prefix(const struct entry *e, cr_span prefix)
{
    return e->key_len >= prefix.n && (prefix.n == 0 || memcmp(e->bytes, prefix.p, prefix.n) == 0);
}

/* [*from, return value) are the entries that begin with prefix. */
static size_t list_range(const struct list *l, cr_span prefix, size_t *from)
{
    size_t low = list_bound(l, prefix, false);
    size_t high = l->n;
    *from = low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (has_prefix(l->p[middle], prefix)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- undo ---- */

/* Puts the content back to what it was when the undo list had `from` entries. Needs no memory: the
 * content had these entries before, and lists do not shrink. */
static void undo_apply(struct list *all, const struct list *undo, size_t from, size_t *used)
{
    for (size_t i = undo->n; i-- > from;) {
        struct entry *e = undo->p[i];
        size_t at;
        bool there = list_find(all, entry_key(e), &at);
        if (there) {
            *used -= entry_size(all->p[at]);
            entry_drop(all->p[at]);
        }
        if (e->tombstone) {
            if (there) {
                list_remove(all, at, 1);
            }
            continue;
        }
        *used += entry_size(e);
        if (there) {
            all->p[at] = entry_share(e);
        } else {
            list_insert(all, at, entry_share(e));
        }
    }
}

static void undo_forget(struct nvm *nvm)
{
    for (size_t i = 0; i < nvm->undo.n; i++) {
        entry_drop(nvm->undo.p[i]);
    }
    nvm->undo.n = 0;
    nvm->epoch = 0;
    if (nvm->undo.room > UNDO_KEEP) {
        list_free(&nvm->undo);
    }
}

static void transaction_drop(struct nvm *nvm)
{
    undo_apply(&nvm->all, &nvm->undo, 0, &nvm->used);
    undo_forget(nvm);
    nvm->open = false;
    nvm->nested = false;
}

/* ---- the power ---- */

static cr_status fail_cut(struct cr_err *err)
{
    (void)cr_fail(err, CR_RESOURCE, NULL, "the power of the chip was cut");
    return cr_err_next(err, CR_RESOURCE, "open the chip's memory again");
}

/* Asks the fault hook; a cut takes the open transaction with it. */
static cr_status power_check(struct nvm *nvm, enum nvm_point point, struct cr_err *err)
{
    if (nvm->fault && nvm->fault(nvm->fault_ctx, point)) {
        nvm->cut = true;
        transaction_drop(nvm);
        return fail_cut(err);
    }
    return CR_OK;
}

/* ---- transactions ---- */

void nvm_begin(struct nvm *nvm)
{
    if (nvm->cut) {
        return;
    }
    nvm->nested = nvm->open;
    nvm->open = true;
}

bool nvm_in_transaction(const struct nvm *nvm)
{
    return nvm->open;
}

void nvm_rollback(struct nvm *nvm)
{
    transaction_drop(nvm);
}

size_t nvm_mark(struct nvm *nvm)
{
    if (nvm->epoch < UINT16_MAX) {
        nvm->epoch++;
    }
    return nvm->undo.n;
}

void nvm_rollback_to(struct nvm *nvm, size_t mark)
{
    if (mark >= nvm->undo.n) {
        return;
    }
    undo_apply(&nvm->all, &nvm->undo, mark, &nvm->used);
    for (size_t i = mark; i < nvm->undo.n; i++) {
        entry_drop(nvm->undo.p[i]);
    }
    nvm->undo.n = mark;
}

/* Writes what the transaction did to one key. A key may stand in the undo list more than once. */
static cr_status file_write(struct nvm *nvm, const struct entry *was, struct cr_err *err)
{
    size_t at;
    if (!list_find(&nvm->all, entry_key(was), &at)) {
        return was->tombstone ? CR_OK : nvm_file_delete(nvm->file, entry_key(was), err);
    }
    struct entry *now = nvm->all.p[at];
    if (!now->fresh) {
        return CR_OK;
    }
    now->fresh = false;
    return nvm_file_put(nvm->file, entry_key(now), entry_value(now), err);
}

static cr_status file_commit(struct nvm *nvm, struct cr_err *err)
{
    CR_TRY(nvm_file_begin(nvm->file, err));
    for (size_t i = 0; i < nvm->undo.n; i++) {
        CR_TRY(file_write(nvm, nvm->undo.p[i], err));
    }
    return nvm_file_commit(nvm->file, err);
}

static void fresh_clear(struct nvm *nvm)
{
    for (size_t i = 0; i < nvm->undo.n; i++) {
        size_t at;
        if (list_find(&nvm->all, entry_key(nvm->undo.p[i]), &at)) {
            nvm->all.p[at]->fresh = false;
        }
    }
}

cr_status nvm_commit(struct nvm *nvm, struct cr_err *err)
{
    if (nvm->cut) {
        return fail_cut(err);
    }
    if (!nvm->open || nvm->nested) {
        bool nested = nvm->open;
        transaction_drop(nvm);
        return cr_fail(err, CR_INTERNAL, NULL,
                       nested ? "a transaction was begun inside another one"
                              : "there is no transaction to commit");
    }
    CR_TRY(power_check(nvm, NVM_BEFORE_COMMIT, err));
    if (nvm->file && nvm->undo.n > 0) {
        cr_status status = file_commit(nvm, err);
        if (status != CR_OK) {
            transaction_drop(nvm);
            return status;
        }
    } else {
        fresh_clear(nvm);
    }
    undo_forget(nvm);
    nvm->open = false;
    return power_check(nvm, NVM_AFTER_COMMIT, err);
}

/* ---- reading ---- */

cr_span nvm_get(const struct nvm *nvm, cr_span key)
{
    size_t at;
    if (nvm->cut || !list_find(&nvm->all, key, &at)) {
        return (cr_span){0};
    }
    return entry_value(nvm->all.p[at]);
}

bool nvm_next(const struct nvm *nvm, cr_span prefix, cr_span after, cr_span *key, cr_span *value)
{
    if (nvm->cut) {
        return false;
    }
    bool within = cr_span_present(after) && cr_span_compare(after, prefix) >= 0;
    size_t at = list_bound(&nvm->all, within ? after : prefix, within);
    if (at >= nvm->all.n || !has_prefix(nvm->all.p[at], prefix)) {
        return false;
    }
    *key = entry_key(nvm->all.p[at]);
    *value = entry_value(nvm->all.p[at]);
    return true;
}

size_t nvm_size_prefix(const struct nvm *nvm, cr_span prefix, size_t *count)
{
    size_t from = 0;
    size_t to = nvm->cut ? 0 : list_range(&nvm->all, prefix, &from);
    size_t size = 0;
    for (size_t i = from; i < to; i++) {
        size += entry_size(nvm->all.p[i]);
    }
    if (count) {
        *count = to > from ? to - from : 0;
    }
    return size;
}

size_t nvm_used(const struct nvm *nvm)
{
    return nvm->used;
}

size_t nvm_capacity(const struct nvm *nvm)
{
    return nvm->capacity;
}

void nvm_set_capacity(struct nvm *nvm, size_t bytes)
{
    nvm->capacity = bytes;
}

void nvm_set_fault(struct nvm *nvm, nvm_fault fault, void *ctx)
{
    nvm->fault = fault;
    nvm->fault_ctx = ctx;
}

/* ---- writing ---- */

/* Ends a change that was a transaction of its own. */
static cr_status change_end(struct nvm *nvm, bool own, cr_status status, struct cr_err *err)
{
    if (!own) {
        return status;
    }
    if (status != CR_OK) {
        transaction_drop(nvm);
        return status;
    }
    return nvm_commit(nvm, err);
}

/* Begins a change; *own = it is a transaction of its own. */
static cr_status change_begin(struct nvm *nvm, bool *own, struct cr_err *err)
{
    if (nvm->cut) {
        return fail_cut(err);
    }
    CR_TRY(power_check(nvm, NVM_WRITE, err));
    *own = !nvm->open;
    nvm->open = true;
    return CR_OK;
}

static cr_status room_check(const struct nvm *nvm, size_t added, size_t freed, struct cr_err *err)
{
    size_t after = nvm->used - freed + added;
    if (after <= nvm->capacity || added <= freed) {
        return CR_OK;
    }
    (void)cr_fail(err, CR_RESOURCE, NULL,
                  "the chip's memory is full: %zu of %zu bytes are used, %zu more are needed",
                  nvm->used, nvm->capacity, added - freed);
    return cr_err_next(err, CR_RESOURCE, "delete a profile, or give the chip more memory");
}

static cr_status put(struct nvm *nvm, cr_span key, cr_span value, struct cr_err *err)
{
    size_t at;
    bool there = list_find(&nvm->all, key, &at);
    struct entry *old = there ? nvm->all.p[at] : NULL;
    if (old && cr_span_equal(entry_value(old), value)) {
        return CR_OK; /* nothing to write */
    }
    CR_TRY(room_check(nvm, key.n + value.n, old ? entry_size(old) : 0, err));
    /* What was there before must be found again. */
    bool first = !old || !old->fresh || old->epoch != nvm->epoch;
    if ((first && !list_reserve(&nvm->undo, 1)) || (!old && !list_reserve(&nvm->all, 1))) {
        return cr_fail_memory(err);
    }
    struct entry *now = entry_new(key, value);
    struct entry *was = old ? old : entry_new(key, (cr_span){0});
    if (!now || !was) {
        free(now);
        if (!old) {
            free(was);
        }
        return cr_fail_memory(err);
    }
    now->fresh = true;
    now->epoch = nvm->epoch;
    nvm->used += entry_size(now);
    if (old) {
        nvm->used -= entry_size(old);
        nvm->all.p[at] = now;
    } else {
        was->tombstone = true;
        list_insert(&nvm->all, at, now);
    }
    if (first) {
        nvm->undo.p[nvm->undo.n++] = was;
    } else {
        entry_drop(old);
    }
    return CR_OK;
}

cr_status nvm_put(struct nvm *nvm, cr_span key, cr_span value, struct cr_err *err)
{
    if (key.n == 0 || key.n > NVM_MAX_KEY) {
        return cr_fail(err, CR_INTERNAL, NULL, "a key of %zu bytes", key.n);
    }
    if (value.n > NVM_MAX_VALUE) {
        return cr_fail(err, CR_RESOURCE, NULL,
                       "a value of %zu bytes is larger than the limit of %d", value.n,
                       NVM_MAX_VALUE);
    }
    bool own = false;
    CR_TRY(change_begin(nvm, &own, err));
    return change_end(nvm, own, put(nvm, key, value, err), err);
}

static cr_status delete_range(struct nvm *nvm, size_t from, size_t to, struct cr_err *err)
{
    if (!list_reserve(&nvm->undo, to - from)) {
        return cr_fail_memory(err);
    }
    for (size_t i = from; i < to; i++) {
        struct entry *e = nvm->all.p[i];
        nvm->used -= entry_size(e);
        if (e->fresh && e->epoch == nvm->epoch) {
            entry_drop(e); /* the undo list knows what was there before it */
        } else {
            nvm->undo.p[nvm->undo.n++] = e;
        }
    }
    list_remove(&nvm->all, from, to - from);
    return CR_OK;
}

cr_status nvm_delete(struct nvm *nvm, cr_span key, struct cr_err *err)
{
    bool own = false;
    CR_TRY(change_begin(nvm, &own, err));
    size_t at;
    cr_status status = CR_OK;
    if (list_find(&nvm->all, key, &at)) {
        status = delete_range(nvm, at, at + 1, err);
    }
    return change_end(nvm, own, status, err);
}

cr_status nvm_delete_prefix(struct nvm *nvm, cr_span prefix, struct cr_err *err)
{
    bool own = false;
    CR_TRY(change_begin(nvm, &own, err));
    size_t from = 0;
    size_t to = list_range(&nvm->all, prefix, &from);
    cr_status status = CR_OK;
    if (from < to) {
        status = delete_range(nvm, from, to, err);
    }
    return change_end(nvm, own, status, err);
}

/* ---- open, close, clone ---- */

static cr_status load_entry(void *ctx, cr_span key, cr_span value, struct cr_err *err)
{
    struct nvm *nvm = ctx;
    if (key.n == 0 || key.n > NVM_MAX_KEY || value.n > NVM_MAX_VALUE) {
        return cr_fail(err, CR_MALFORMED, NULL, "a key of %zu bytes with a value of %zu bytes",
                       key.n, value.n);
    }
    struct entry *e = list_reserve(&nvm->all, 1) ? entry_new(key, value) : NULL;
    if (!e) {
        return cr_fail_memory(err);
    }
    nvm->used += entry_size(e);
    list_insert(&nvm->all, nvm->all.n, e); /* they come in order */
    return CR_OK;
}

cr_status nvm_open(const char *dir, bool create, struct nvm **out, struct cr_err *err)
{
    struct nvm *nvm = calloc(1, sizeof(*nvm));
    if (!nvm) {
        return cr_fail_memory(err);
    }
    nvm->capacity = CAPACITY_DEFAULT;
    cr_status status = CR_OK;
    if (dir) {
        status = nvm_file_open(dir, create, &nvm->file, err);
        if (status == CR_OK) {
            status = nvm_file_load(nvm->file, load_entry, nvm, err);
            if (status != CR_OK) {
                status = cr_err_context(err, status, "reading the chip in %s", dir);
            }
        }
    }
    if (status != CR_OK) {
        nvm_close(nvm);
        return status;
    }
    *out = nvm;
    return CR_OK;
}

void nvm_close(struct nvm *nvm)
{
    if (!nvm) {
        return;
    }
    list_free(&nvm->undo);
    list_free(&nvm->all);
    nvm_file_close(nvm->file);
    free(nvm);
}

cr_status nvm_clone_committed(const struct nvm *nvm, struct nvm **out, struct cr_err *err)
{
    struct nvm *clone = calloc(1, sizeof(*clone));
    /* undo_apply() may bring back as many entries as the undo list has */
    if (!clone || !list_reserve(&clone->all, nvm->all.n + nvm->undo.n)) {
        free(clone);
        return cr_fail_memory(err);
    }
    clone->capacity = nvm->capacity;
    clone->used = nvm->used;
    for (size_t i = 0; i < nvm->all.n; i++) {
        clone->all.p[i] = entry_share(nvm->all.p[i]);
    }
    clone->all.n = nvm->all.n;
    undo_apply(&clone->all, &nvm->undo, 0, &clone->used);
    *out = clone;
    return CR_OK;
}
