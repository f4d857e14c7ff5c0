/* The chip's memory against a plain model, with the power cut anywhere. */
#include "store/nvm.h"

#include "files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the model: an unsorted array of what is there ---- */

#define MODEL_KEYS 120

struct model {
    struct {
        bool there;
        uint8_t value[40];
        size_t n;
    } at[MODEL_KEYS];
};

/* Keys of which some are prefixes of others, in one to three levels. */
static cr_span model_key(size_t i, char out[NVM_MAX_KEY])
{
    int n = i % 3 == 0   ? snprintf(out, NVM_MAX_KEY, "k%zu", i / 30)
            : i % 3 == 1 ? snprintf(out, NVM_MAX_KEY, "k%zu/%zu", i / 30, i)
                         : snprintf(out, NVM_MAX_KEY, "k%zu/%zu/\xFF%c", i / 30, i % 7, (int)i);
    return cr_span_of(out, (size_t)n);
}

/* Several numbers share a key; the first of them stands for all. */
static size_t model_index(size_t i)
{
    static size_t known[MODEL_KEYS]; /* 1 more than the answer */
    char a[NVM_MAX_KEY];
    char b[NVM_MAX_KEY];
    for (size_t j = 0; known[i] == 0; j++) {
        if (j == i || cr_span_equal(model_key(j, b), model_key(i, a))) {
            known[i] = j + 1;
        }
    }
    return known[i] - 1;
}

static bool starts_with(cr_span s, cr_span prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Everything readable of nvm under prefix is what the model says, in byte order. */
static void compare(const struct nvm *nvm, const struct model *m, cr_span prefix)
{
    char text[NVM_MAX_KEY];
    size_t want = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        cr_span key = model_key(i, text);
        cr_span value = nvm_get(nvm, key);
        size_t own = model_index(i);
        assert_int_equal(cr_span_present(value), m->at[own].there);
        if (m->at[own].there) {
            assert_true(cr_span_equal(value, cr_span_of(m->at[own].value, m->at[own].n)));
        }
        if (own == i && m->at[i].there && starts_with(key, prefix)) {
            want++;
            bytes += key.n + m->at[i].n;
        }
    }
    size_t seen = 0;
    size_t sum = 0;
    char last[NVM_MAX_KEY];
    cr_span after = {0};
    cr_span key;
    cr_span value;
    while (nvm_next(nvm, prefix, after, &key, &value)) {
        assert_true(starts_with(key, prefix));
        assert_true(!after.p || cr_span_compare(after, key) < 0);
        assert_true(cr_span_equal(nvm_get(nvm, key), value));
        memcpy(last, key.p, key.n);
        after = cr_span_of(last, key.n);
        seen++;
        sum += key.n + value.n;
    }
    assert_int_equal(seen, want);
    assert_int_equal(sum, bytes);
    size_t count = 0;
    assert_int_equal(nvm_size_prefix(nvm, prefix, &count), bytes);
    assert_int_equal(count, want);
    if (prefix.n == 0) {
        assert_int_equal(nvm_used(nvm), bytes);
    }
}

/* ---- random histories ---- */

static uint64_t seed;

static size_t pick(size_t below)
{
    seed ^= seed << 13; /* xorshift: the same on every machine */
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed >> 11) % below;
}

struct cut {
    long left; /* points until the power goes; < 0 = never */
    enum nvm_point last;
};

static bool cut_hook(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    cut->last = point;
    return cut->left >= 0 && cut->left-- == 0;
}

struct history {
    const char *dir; /* NULL = RAM */
    struct nvm *nvm;
    struct model now;
    struct model committed;
    struct cut cut;
    int cuts;
    struct model marked[2]; /* what the model was at the marks of this transaction */
    size_t mark[2], marks;
    int returns;
};

static void history_reopen(struct history *h)
{
    struct cr_err err = {0};
    struct nvm *next = NULL;
    if (h->dir) {
        nvm_close(h->nvm);
        assert_int_equal(nvm_open(h->dir, false, &next, &err), CR_OK);
    } else {
        assert_int_equal(nvm_clone_committed(h->nvm, &next, &err), CR_OK);
        nvm_close(h->nvm);
    }
    h->nvm = next;
    h->now = h->committed;
    h->cut.left = -1;
    nvm_set_fault(next, cut_hook, &h->cut);
}

/* What the model believes after an operation that came back with status. */
static void history_settle(struct history *h, cr_status status, const struct model *wanted,
                           bool commits)
{
    if (status == CR_OK || h->cut.last == NVM_AFTER_COMMIT) {
        h->now = *wanted;
        if (commits) {
            h->committed = *wanted;
        }
    }
    if (status != CR_OK) {
        assert_int_equal(status, CR_RESOURCE);
        char byte = 0;
        cr_span key;
        cr_span value;
        h->cuts++;
        assert_false(nvm_in_transaction(h->nvm));
        assert_int_equal(nvm_put(h->nvm, cr_span_of("x", 1), cr_span_of(&byte, 1), NULL),
                         CR_RESOURCE);
        assert_int_equal(nvm_delete(h->nvm, cr_span_of("x", 1), NULL), CR_RESOURCE);
        nvm_begin(h->nvm);
        assert_int_equal(nvm_commit(h->nvm, NULL), CR_RESOURCE);
        assert_false(nvm_next(h->nvm, (cr_span){0}, (cr_span){0}, &key, &value));
        history_reopen(h);
    }
}

static void history_put(struct history *h)
{
    char text[NVM_MAX_KEY];
    size_t i = model_index(pick(MODEL_KEYS));
    struct model wanted = h->now;
    wanted.at[i].there = true;
    wanted.at[i].n = pick(sizeof(wanted.at[i].value));
    memset(wanted.at[i].value, (int)pick(3), sizeof(wanted.at[i].value));
    bool commits = !nvm_in_transaction(h->nvm);
    cr_status status =
        nvm_put(h->nvm, model_key(i, text), cr_span_of(wanted.at[i].value, wanted.at[i].n), NULL);
    history_settle(h, status, &wanted, commits);
}

static void history_delete(struct history *h, bool prefix)
{
    char text[NVM_MAX_KEY];
    char other[NVM_MAX_KEY];
    size_t i = model_index(pick(MODEL_KEYS));
    struct model wanted = h->now;
    cr_span key = model_key(i, text);
    for (size_t j = 0; j < MODEL_KEYS; j++) {
        if (j == i || (prefix && starts_with(model_key(j, other), key))) {
            wanted.at[j].there = false;
        }
    }
    bool commits = !nvm_in_transaction(h->nvm);
    cr_status status =
        prefix ? nvm_delete_prefix(h->nvm, key, NULL) : nvm_delete(h->nvm, key, NULL);
    history_settle(h, status, &wanted, commits);
}

/* A mark, or back to one; they end with the transaction. */
static void history_mark(struct history *h)
{
    if (h->marks < CR_COUNT(h->mark) && pick(2)) {
        h->marked[h->marks] = h->now;
        h->mark[h->marks++] = nvm_mark(h->nvm);
    } else if (h->marks > 0) {
        size_t to = pick(h->marks);
        nvm_rollback_to(h->nvm, h->mark[to]);
        h->now = h->marked[to];
        h->marks = to + pick(2); /* a mark may serve again */
        h->returns++;
    }
}

static void history_step(struct history *h)
{
    size_t what = pick(150);
    if (!nvm_in_transaction(h->nvm)) {
        h->marks = 0;
    }
    if (what >= 100) {
        if (nvm_in_transaction(h->nvm)) {
            history_mark(h);
        }
    } else if (what < 50) {
        history_put(h);
    } else if (what < 68) {
        history_delete(h, false);
    } else if (what < 71) {
        history_delete(h, true);
    } else if (what < 80 && !nvm_in_transaction(h->nvm)) {
        nvm_begin(h->nvm);
        h->marks = 0;
    } else if (what < 88 && nvm_in_transaction(h->nvm)) {
        const struct model wanted = h->now;
        history_settle(h, nvm_commit(h->nvm, NULL), &wanted, true);
    } else if (what < 92) {
        nvm_rollback(h->nvm);
        h->now = h->committed;
    } else if (what < 96 && h->cut.left < 0) {
        h->cut.left = (long)pick(12);
    } else if (what < 97) {
        history_reopen(h); /* drops an open transaction */
    }
}

static void history_run(const char *dir, uint64_t start, int steps, int look_every)
{
    struct history h = {.dir = dir, .cut = {.left = -1}};
    struct cr_err err = {0};
    char text[NVM_MAX_KEY];
    seed = start;
    assert_int_equal(nvm_open(dir, true, &h.nvm, &err), CR_OK);
    nvm_set_fault(h.nvm, cut_hook, &h.cut);
    for (int i = 0; i < steps; i++) {
        history_step(&h);
        if (i % look_every == 0) {
            struct nvm *clone = NULL;
            compare(h.nvm, &h.now, i % 2 ? (cr_span){0} : model_key(pick(MODEL_KEYS), text));
            assert_int_equal(nvm_clone_committed(h.nvm, &clone, &err), CR_OK);
            compare(clone, &h.committed, cr_span_of("", 0));
            nvm_close(clone);
        }
    }
    assert_true(h.cuts > 0);
    assert_true(h.returns > 0);
    nvm_close(h.nvm);
}

static void random_histories_in_ram(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 12; i++) {
        history_run(NULL, i * UINT64_C(0x9E3779B97F4A7C15), 2500, 7);
    }
}

static void random_histories_on_disk(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 2; i++) {
        char *dir = test_dir_new();
        history_run(dir, i * UINT64_C(0xD1B54A32D192ED03), 1500, 11);
        test_dir_free(dir);
    }
}

/* ---- every point of a script ---- */

static const struct op {
    char what; /* p put, d delete, D delete prefix, b begin, c commit, r rollback */
    const char *key;
    const char *value;
} script[] = {
    {'p', "isdr/state", "1"},
    {'b', 0, 0},
    {'p', "isdp/1/a", "x"},
    {'p', "isdp/1/b", "y"},
    {'p', "isdp/1/a", "xx"},
    {'c', 0, 0},
    {'b', 0, 0},
    {'d', "isdp/1/a", 0},
    {'p', "isdp/1/a", "new"},
    {'d', "isdp/1/a", 0},
    {'p', "isdp/2/a", "z"},
    {'d', "isdp/2/a", 0},
    {'p', "isdr/state", "2"},
    {'c', 0, 0},
    {'b', 0, 0},
    {'p', "lost", "lost"},
    {'r', 0, 0},
    {'p', "isdp/2/c", "1"},
    {'b', 0, 0},
    {'D', "isdp/1", 0},
    {'p', "isdp/1/b", "back"},
    {'p', "notification/1", "deleted"},
    {'c', 0, 0},
    {'d', "notification/1", 0},
    {'D', "isdp/", 0},
};

/* The content as text. */
static void dump(const struct nvm *nvm, char *out, size_t size)
{
    cr_span after = {0};
    cr_span key;
    cr_span value;
    size_t at = 0;
    out[0] = 0;
    while (nvm_next(nvm, (cr_span){0}, after, &key, &value)) {
        int n = snprintf(out + at, size - at, "%.*s=%.*s;", (int)key.n, (const char *)key.p,
                         (int)value.n, (const char *)value.p);
        at += (size_t)n;
        after = key;
    }
}

static cr_status op_run(struct nvm *nvm, const struct op *op)
{
    switch (op->what) {
    case 'p':
        return nvm_put(nvm, cr_span_str(op->key), cr_span_str(op->value), NULL);
    case 'd':
        return nvm_delete(nvm, cr_span_str(op->key), NULL);
    case 'D':
        return nvm_delete_prefix(nvm, cr_span_str(op->key), NULL);
    case 'b':
        nvm_begin(nvm);
        return CR_OK;
    case 'c':
        return nvm_commit(nvm, NULL);
    default:
        nvm_rollback(nvm);
        return CR_OK;
    }
}

/* Runs the script with the power cut at the nth point. committed is kept beside it as the text of
 * what an uncut twin had after each commit. False when the script has fewer points. */
static bool script_cut_at(const char *dir, long point)
{
    struct cut cut = {.left = point};
    struct nvm *nvm = NULL;
    struct nvm *twin = NULL;
    char before[1024] = "";
    char after[1024] = "";
    cr_status status = CR_OK;
    assert_int_equal(nvm_open(dir, true, &nvm, NULL), CR_OK);
    assert_int_equal(nvm_open(NULL, true, &twin, NULL), CR_OK);
    assert_int_equal(nvm_delete_prefix(nvm, (cr_span){0}, NULL), CR_OK);
    nvm_set_fault(nvm, cut_hook, &cut);
    for (size_t i = 0; i < CR_COUNT(script) && status == CR_OK; i++) {
        memcpy(before, after, sizeof(before));
        assert_int_equal(op_run(twin, &script[i]), CR_OK);
        if (!nvm_in_transaction(twin)) {
            dump(twin, after, sizeof(after));
        }
        status = op_run(nvm, &script[i]);
    }
    struct nvm *again = NULL;
    if (dir) {
        nvm_close(nvm);
        nvm = NULL;
        assert_int_equal(nvm_open(dir, false, &again, NULL), CR_OK);
    } else {
        assert_int_equal(nvm_clone_committed(nvm, &again, NULL), CR_OK);
    }
    char found[1024];
    dump(again, found, sizeof(found));
    bool done = status == CR_OK || cut.last == NVM_AFTER_COMMIT;
    assert_string_equal(found, done ? after : before);
    nvm_close(again);
    nvm_close(nvm);
    nvm_close(twin);
    return status != CR_OK;
}

static void every_point_cut(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    long ram = 0;
    long disk = 0;
    while (script_cut_at(NULL, ram)) {
        ram++;
    }
    while (script_cut_at(dir, disk)) {
        disk++;
    }
    /* 17 writes; 3 commits asked for and 4 of single writes, two points each */
    assert_int_equal(ram, 17 + 2 * (3 + 4));
    assert_int_equal(disk, ram);
    test_dir_free(dir);
}

/* ---- the rest of the contract ---- */

static void capacity(void **state)
{
    (void)state;
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    uint8_t bytes[200] = {0};
    cr_span a = cr_span_of("a", 1);
    assert_int_equal(nvm_open(NULL, false, &nvm, &err), CR_OK);
    assert_int_equal(nvm_capacity(nvm), 1 << 20);
    nvm_set_capacity(nvm, 100);
    assert_int_equal(nvm_put(nvm, a, cr_span_of(bytes, 99), &err), CR_OK);
    assert_int_equal(nvm_used(nvm), 100);
    assert_int_equal(nvm_put(nvm, a, cr_span_of(bytes, 100), &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "full"));
    assert_true(err.next[0] != 0);
    assert_int_equal(nvm_get(nvm, a).n, 99);
    assert_false(nvm_in_transaction(nvm));
    assert_int_equal(nvm_put(nvm, cr_span_of("b", 1), (cr_span){0}, &err), CR_RESOURCE);
    nvm_begin(nvm); /* a full chip makes room and fills it in one transaction */
    assert_int_equal(nvm_put(nvm, cr_span_of("b", 1), cr_span_of(bytes, 9), &err), CR_RESOURCE);
    assert_true(nvm_in_transaction(nvm));
    assert_int_equal(nvm_put(nvm, a, cr_span_of(bytes, 50), &err), CR_OK);
    assert_int_equal(nvm_put(nvm, cr_span_of("b", 1), cr_span_of(bytes, 9), &err), CR_OK);
    assert_int_equal(nvm_used(nvm), 61);
    nvm_rollback(nvm);
    assert_int_equal(nvm_used(nvm), 100);
    nvm_set_capacity(nvm, 10);
    bytes[0] = 1;
    assert_int_equal(nvm_put(nvm, a, cr_span_of(bytes, 90), &err), CR_OK); /* shrinks */
    assert_int_equal(nvm_put(nvm, a, cr_span_of(bytes, 91), &err), CR_RESOURCE);
    assert_int_equal(nvm_delete(nvm, a, &err), CR_OK);
    assert_int_equal(nvm_used(nvm), 0);
    nvm_close(nvm);
}

static void misuse(void **state)
{
    (void)state;
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    static const uint8_t big[NVM_MAX_VALUE + 1];
    cr_span a = cr_span_of("a", 1);
    assert_int_equal(nvm_open(NULL, true, &nvm, &err), CR_OK);
    assert_int_equal(nvm_put(nvm, cr_span_of("", 0), a, &err), CR_INTERNAL);
    assert_int_equal(nvm_put(nvm, cr_span_of(big, NVM_MAX_KEY + 1), a, &err), CR_INTERNAL);
    assert_int_equal(nvm_put(nvm, a, CR_SPAN_ARRAY(big), &err), CR_RESOURCE);
    nvm_set_capacity(nvm, SIZE_MAX);
    assert_int_equal(
        nvm_put(nvm, cr_span_of(big, NVM_MAX_KEY), cr_span_of(big, NVM_MAX_VALUE), &err), CR_OK);
    assert_int_equal(nvm_delete(nvm, cr_span_of("nothing", 7), &err), CR_OK);
    assert_int_equal(nvm_commit(nvm, &err), CR_INTERNAL);
    nvm_rollback(nvm);
    nvm_begin(nvm);
    assert_int_equal(nvm_put(nvm, a, a, &err), CR_OK);
    nvm_begin(nvm);
    assert_int_equal(nvm_commit(nvm, &err), CR_INTERNAL);
    assert_false(nvm_in_transaction(nvm));
    assert_false(cr_span_present(nvm_get(nvm, a)));
    nvm_close(nvm);
    nvm_close(NULL);
}

static void spans_into_the_memory_itself(void **state)
{
    (void)state;
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    cr_span a = cr_span_of("a", 1);
    assert_int_equal(nvm_open(NULL, true, &nvm, &err), CR_OK);
    assert_int_equal(nvm_put(nvm, a, cr_span_of("value", 5), &err), CR_OK);
    assert_int_equal(nvm_put(nvm, cr_span_of("b", 1), nvm_get(nvm, a), &err), CR_OK);
    assert_int_equal(nvm_put(nvm, a, cr_span_sub(nvm_get(nvm, a), 1, 3), &err), CR_OK);
    assert_true(cr_span_equal(nvm_get(nvm, a), cr_span_of("alu", 3)));
    for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
        cr_span key;
        cr_span value;
        if (in_transaction) {
            nvm_begin(nvm);
            assert_int_equal(nvm_put(nvm, a, cr_span_of("1", 1), &err), CR_OK);
            assert_int_equal(nvm_put(nvm, a, nvm_get(nvm, a), &err), CR_OK);
            assert_int_equal(nvm_put(nvm, a, cr_span_of("2", 1), &err), CR_OK);
        }
        assert_true(nvm_next(nvm, (cr_span){0}, (cr_span){0}, &key, &value));
        assert_int_equal(nvm_delete(nvm, key, &err), CR_OK);
        while (nvm_next(nvm, (cr_span){0}, (cr_span){0}, &key, &value)) {
            assert_int_equal(nvm_delete_prefix(nvm, key, &err), CR_OK);
        }
        assert_int_equal(nvm_used(nvm), 0);
    }
    assert_int_equal(nvm_commit(nvm, &err), CR_OK);
    assert_int_equal(nvm_put(nvm, a, cr_span_of("", 0), &err), CR_OK);
    assert_true(cr_span_present(nvm_get(nvm, a)));
    assert_int_equal(nvm_get(nvm, a).n, 0);
    nvm_close(nvm);
}

static void clones_go_their_own_way(void **state)
{
    (void)state;
    struct nvm *first = NULL;
    struct nvm *clones[50];
    struct cr_err err = {0};
    char key[16];
    assert_int_equal(nvm_open(NULL, true, &first, &err), CR_OK);
    nvm_set_capacity(first, 5000);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "key/%d", i);
        assert_int_equal(nvm_put(first, cr_span_str(key), cr_span_of("shared", 6), &err), CR_OK);
    }
    for (size_t i = 0; i < CR_COUNT(clones); i++) {
        assert_int_equal(nvm_clone_committed(first, &clones[i], &err), CR_OK);
        assert_int_equal(nvm_capacity(clones[i]), 5000);
        (void)snprintf(key, sizeof(key), "key/%zu", i);
        assert_int_equal(nvm_put(clones[i], cr_span_str(key), cr_span_of("own", 3), &err), CR_OK);
    }
    size_t used = nvm_used(first);
    nvm_close(first);
    for (size_t i = 0; i < CR_COUNT(clones); i++) {
        assert_int_equal(nvm_used(clones[i]), used - 3);
        for (size_t j = 0; j < 100; j++) {
            (void)snprintf(key, sizeof(key), "key/%zu", j);
            assert_int_equal(nvm_get(clones[i], cr_span_str(key)).n, i == j ? 3 : 6);
        }
        nvm_close(clones[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_in_ram),
        cmocka_unit_test(random_histories_on_disk),
        cmocka_unit_test(every_point_cut),
        cmocka_unit_test(capacity),
        cmocka_unit_test(misuse),
        cmocka_unit_test(spans_into_the_memory_itself),
        cmocka_unit_test(clones_go_their_own_way),
    };
    return cmocka_run_group_tests_name("store/nvm", tests, NULL, NULL);
}
