/*
 * PINs: their contexts, who asks for them, who unblocks them.
 */
#include "profile/check.h"

#define PATH_TEXT 160

/* The PINs of one pinCodes element, and the DF they are defined for. */
struct context {
    size_t element;
    size_t df; /* PROFILE_NO_NODE = none */
    const struct profile_pin_codes *codes;
};

struct pins {
    const struct profile_package *package;
    const struct profile_tree *tree;
    const struct profile_reporter *reporter;
    struct context *contexts;
    size_t count;
    bool iot; /* the only context is ADF.USIM, and it has the global PINs */
};

static const struct context *context_of(const struct pins *p, size_t df)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->contexts[i].df == df && df != PROFILE_NO_NODE) {
            return &p->contexts[i];
        }
    }
    return NULL;
}

/* The configuration that is in force for a DF; a shared one is followed once, links of links are
 * none of the standard. */
static const struct profile_pin_codes *codes_of(const struct pins *p, size_t df)
{
    const struct context *c = context_of(p, df);
    if (c && c->codes->codes.which == PROFILE_PIN_FILE_PATH) {
        c = context_of(p, profile_tree_path(p->tree, c->codes->codes.file_path));
    }
    return c && c->codes->codes.which == PROFILE_PIN_CONFIG ? c->codes : NULL;
}

static bool defines(const struct pins *p, size_t df, int64_t key)
{
    const struct profile_pin_codes *codes = codes_of(p, df);
    for (size_t i = 0; codes && i < codes->codes.pinconfig.count; i++) {
        if (codes->codes.pinconfig.items[i].key_reference == key) {
            return true;
        }
    }
    return false;
}

/* Global keys in the context of the MF, local ones in the DF or above it. */
static bool is_defined(const struct pins *p, size_t df, int64_t key)
{
    if (!profile_key_is_local(key)) {
        bool adf = p->iot && p->count > 0 && defines(p, p->contexts[0].df, key);
        return adf || defines(p, p->tree->mf, key);
    }
    for (; df != PROFILE_NO_NODE; df = p->tree->nodes[df].parent) {
        if (defines(p, df, key)) {
            return true;
        }
    }
    return false;
}

static bool has_puk(const struct profile_package *package, int64_t key)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct profile_element *e = &package->elements[i];
        for (size_t k = 0; e->kind == PROFILE_PUK_CODES && k < e->puk_codes.codes.count; k++) {
            if (e->puk_codes.codes.items[k].key_reference == key) {
                return true;
            }
        }
    }
    return false;
}

/* Keys of a configuration, seen from the DF that it is for. */
static void check_config(const struct pins *p, const struct context *c)
{
    char path[PATH_TEXT];
    bool mf = c->df == p->tree->mf;
    for (size_t i = 0; i < c->codes->codes.pinconfig.count; i++) {
        const struct profile_pin *pin = &c->codes->codes.pinconfig.items[i];
        int64_t key = pin->key_reference;
        if (mf ? profile_key_is_local(key) : profile_key_is_global(key) && !p->iot) {
            profile_report(p->reporter, PROFILE_RULE_PIN_CONTEXT, c->element, NULL,
                           "PIN %02llX for %s", (long long)key,
                           profile_tree_name(p->tree, c->df, path, sizeof(path)));
        }
        if (pin->has_unblocking_pin_reference &&
            !has_puk(p->package, pin->unblocking_pin_reference)) {
            profile_report(p->reporter, PROFILE_RULE_PUK_MISSING, c->element, NULL,
                           "PIN %02llX names PUK %02llX", (long long)key,
                           (long long)pin->unblocking_pin_reference);
        }
    }
}

static void check_context(const struct pins *p, const struct context *c)
{
    char path[PATH_TEXT];
    if (c->df == PROFILE_NO_NODE) {
        profile_report(p->reporter, PROFILE_RULE_PIN_CONTEXT, c->element, NULL,
                       "no DF comes before");
        return;
    }
    const struct context *first = context_of(p, c->df);
    if (first && first != c) {
        profile_report(p->reporter, PROFILE_RULE_PIN_CONTEXT, c->element, NULL,
                       "%s has the PINs of element %zu already",
                       profile_tree_name(p->tree, c->df, path, sizeof(path)), first->element + 1);
    }
    if (c->codes->codes.which == PROFILE_PIN_CONFIG) {
        check_config(p, c);
    } else if (!codes_of(p, c->df)) {
        profile_report(p->reporter, PROFILE_RULE_PIN_PATH, c->element, NULL,
                       "the path leads to no PINs");
    }
}

static void check_pin_status(const struct pins *p)
{
    for (size_t i = 0; i < p->tree->count; i++) {
        const struct profile_node *n = &p->tree->nodes[i];
        for (size_t k = 0; k < n->file.pin_status.n; k++) {
            uint8_t key = n->file.pin_status.p[k];
            if (!is_defined(p, i, key)) {
                profile_report(p->reporter, PROFILE_RULE_PIN_STATUS, n->element, n->name,
                               "PIN %02X is not defined", key);
            }
        }
    }
}

/* Key references (83) of conditions in an access rule. */
static void check_rule_keys(const struct pins *p, size_t node, cr_span rule, unsigned depth)
{
    struct der_tlv tlv;
    const struct profile_node *n = &p->tree->nodes[node];
    size_t df = profile_type_is_df(n->file.type) ? node : n->parent;
    while (rule.n > 0 && rule.p[0] != 0xFF &&
           der_next(&rule, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if ((tlv.tag == 0xA0 || tlv.tag == 0xAF || tlv.tag == 0xA4) && depth < 4) {
            check_rule_keys(p, node, tlv.value, depth + 1);
        } else if (tlv.tag == 0x83 && tlv.value.n == 1 && depth > 0 &&
                   !is_defined(p, df, tlv.value.p[0])) {
            profile_report(p->reporter, PROFILE_RULE_ARR_PIN, n->element, n->name,
                           "record %u of EF.ARR asks for PIN %02X", n->file.arr_record,
                           tlv.value.p[0]);
        }
    }
}

/* A rule once for each DF whose files refer to it: that is what local PINs depend on. */
static void check_rules(const struct pins *p, const size_t *arr)
{
    const struct profile_tree *t = p->tree;
    for (size_t i = 0; i < t->count; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++) {
            seen = arr[k] == arr[i] && t->nodes[k].parent == t->nodes[i].parent &&
                   t->nodes[k].file.arr_record == t->nodes[i].file.arr_record;
        }
        if (!seen) {
            check_rule_keys(p, i, profile_tree_rule(t, i), 0);
        }
    }
}

cr_status profile_check_pins(const struct profile_package *package, const struct profile_tree *tree,
                             cr_arena *arena, const struct profile_reporter *reporter,
                             struct cr_err *err)
{
    struct pins p = {.package = package, .tree = tree, .reporter = reporter};
    size_t *arr = cr_arena_alloc_array(arena, tree->count, sizeof(size_t));
    p.contexts = cr_arena_alloc_array(arena, package->count, sizeof(struct context));
    if (!p.contexts || !arr) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < package->count; i++) {
        const struct profile_element *e = &package->elements[i];
        p.iot = p.iot || e->kind == PROFILE_IOT;
        if (e->kind == PROFILE_PIN_CODES) {
            p.contexts[p.count++] =
                (struct context){.element = i,
                                 .df = profile_tree_pin_context(tree, package, i),
                                 .codes = &e->pin_codes};
        }
    }
    for (size_t i = 0; i < p.count; i++) {
        check_context(&p, &p.contexts[i]);
    }
    check_pin_status(&p);
    for (size_t i = 0; i < tree->count; i++) {
        arr[i] = profile_tree_arr(tree, i);
    }
    check_rules(&p, arr);
    return CR_OK;
}
