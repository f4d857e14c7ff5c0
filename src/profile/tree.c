#include "profile/tree.h"

#include "base/text.h"

#include <stdio.h>

#define MAX_LINKS    8   /* links followed one after another */
#define NAME_OF_PATH 160 /* bytes of a path in a report */
#define FIRST_NODES  256

/* State of the interpreter. */
struct builder {
    const struct profile_package *package;
    cr_arena *arena;
    const struct profile_reporter *reporter;
    struct profile_tree tree;
    struct cr_err *err;
    size_t element;                        /* the one at work */
    size_t naa[PROFILE_KINDS];             /* latest ADF by kind of the element that made it */
    size_t latest_adf;                     /* of any kind */
    size_t of_member[PROFILE_MAX_MEMBERS]; /* DFs of the element at work */
    /* generic file management */
    size_t df;
    size_t ef;
    size_t at; /* write position in ef */
};

static void report(const struct builder *b, enum profile_rule rule, const char *file,
                   const char *fmt, ...) CR_PRINTF(4, 5);

static void report(const struct builder *b, enum profile_rule rule, const char *file,
                   const char *fmt, ...)
{
    char what[256];
    va_list ap;
    if (!b->reporter) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    b->reporter->report(b->reporter->ctx, rule, b->element, file, what);
}

/* ------------------------------------------------------------------ looking around */

size_t profile_tree_child(const struct profile_tree *tree, size_t df, uint16_t fid)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].parent == df && tree->nodes[i].file.fid == fid &&
            df != PROFILE_NO_NODE) {
            return i;
        }
    }
    return PROFILE_NO_NODE;
}

size_t profile_tree_path(const struct profile_tree *tree, cr_span path)
{
    size_t node = tree->mf;
    if (path.n % 2 != 0) {
        return PROFILE_NO_NODE;
    }
    for (size_t i = 0; i < path.n && node != PROFILE_NO_NODE; i += 2) {
        uint16_t fid = (uint16_t)(path.p[i] << 8 | path.p[i + 1]);
        if (i > 0 || fid != PROFILE_FID_MF) {
            const struct profile_node *df = profile_tree_target(tree, &tree->nodes[node]);
            node = df ? profile_tree_child(tree, (size_t)(df - tree->nodes), fid) : PROFILE_NO_NODE;
        }
    }
    return node;
}

size_t profile_tree_aid(const struct profile_tree *tree, cr_span aid)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (cr_span_present(tree->nodes[i].file.aid) &&
            cr_span_equal(tree->nodes[i].file.aid, aid)) {
            return i;
        }
    }
    return PROFILE_NO_NODE;
}

const struct profile_node *profile_tree_target(const struct profile_tree *tree,
                                               const struct profile_node *node)
{
    for (int i = 0; i < MAX_LINKS; i++) {
        if (!node->file.is_link) {
            return node;
        }
        if (node->link == PROFILE_NO_NODE) {
            return NULL;
        }
        node = &tree->nodes[node->link];
    }
    return NULL;
}

cr_span profile_tree_content(const struct profile_tree *tree, const struct profile_node *node)
{
    const struct profile_node *target = profile_tree_target(tree, node);
    return target && target->content ? cr_span_of(target->content, target->content_size)
                                     : (cr_span){0};
}

size_t profile_tree_arr(const struct profile_tree *tree, size_t node)
{
    const struct profile_node *n = &tree->nodes[node];
    uint16_t fid = profile_arr_fid(&n->file, n->parent == tree->mf);
    size_t df = profile_type_is_df(n->file.type) ? node : n->parent;
    while (df != PROFILE_NO_NODE) {
        size_t arr = profile_tree_child(tree, df, fid);
        if (arr != PROFILE_NO_NODE) {
            return arr;
        }
        df = tree->nodes[df].parent;
    }
    return PROFILE_NO_NODE;
}

cr_span profile_tree_rule(const struct profile_tree *tree, size_t node)
{
    size_t arr = profile_tree_arr(tree, node);
    if (arr == PROFILE_NO_NODE) {
        return (cr_span){0};
    }
    const struct profile_node *file = profile_tree_target(tree, &tree->nodes[arr]);
    size_t record = tree->nodes[node].file.arr_record;
    if (!file || !file->content || record < 1 || record > file->file.records) {
        return (cr_span){0};
    }
    return cr_span_of(file->content + (record - 1) * file->file.record_length,
                      file->file.record_length);
}

#define FID_TELECOM   0x7F10
#define FID_5GS       0x5FC0
#define FID_SAIP      0x5FD0
#define FID_PHONEBOOK 0x5F3A

enum profile_ef_place profile_tree_place(const struct profile_tree *tree, size_t node)
{
    size_t df = tree->nodes[node].parent;
    if (df == PROFILE_NO_NODE) {
        return PROFILE_EF_OTHER;
    }
    const struct profile_node *parent = &tree->nodes[df];
    if (parent->naa != PROFILE_UNKNOWN) {
        return parent->naa == PROFILE_USIM   ? PROFILE_EF_USIM
               : parent->naa == PROFILE_ISIM ? PROFILE_EF_ISIM
                                             : PROFILE_EF_CSIM;
    }
    if (df == tree->mf) {
        return PROFILE_EF_MF;
    }
    switch (parent->file.fid) {
    case FID_TELECOM:
        return PROFILE_EF_TELECOM;
    case FID_5GS:
        return PROFILE_EF_5GS;
    case FID_SAIP:
        return PROFILE_EF_SAIP;
    case FID_PHONEBOOK:
        return PROFILE_EF_PHONEBOOK;
    default:
        return PROFILE_EF_OTHER;
    }
}

const char *profile_tree_name(const struct profile_tree *tree, size_t node, char *out, size_t size)
{
    size_t chain[16];
    size_t n = 0;
    size_t used = 0;
    out[0] = 0;
    for (size_t at = node; at != PROFILE_NO_NODE && n < CR_COUNT(chain);
         at = tree->nodes[at].parent) {
        chain[n++] = at;
    }
    while (n > 0 && used < size) {
        int wrote = snprintf(out + used, size - used, "%s%s", used ? "/" : "",
                             tree->nodes[chain[--n]].name);
        used += wrote > 0 ? (size_t)wrote : size;
    }
    return out;
}

size_t profile_tree_pin_context(const struct profile_tree *tree,
                                const struct profile_package *package, size_t index)
{
    size_t found = PROFILE_NO_NODE;
    size_t element = 0;
    for (size_t i = 0; i < tree->count && tree->nodes[i].element < index; i++) {
        const struct profile_node *n = &tree->nodes[i];
        if (!profile_type_is_df(n->file.type) || n->file.is_link) {
            continue;
        }
        bool iot = package->elements[n->element].kind == PROFILE_IOT;
        if (found == PROFILE_NO_NODE || n->element != element ||
            (iot && n->file.type == PROFILE_TYPE_ADF)) {
            found = i;
            element = n->element;
        }
    }
    return found;
}

/* ------------------------------------------------------------------ making nodes */

static bool same_sfi(const struct profile_node *a, const struct profile_node *b)
{
    return a->file.has_sfi && b->file.has_sfi && a->file.sfi == b->file.sfi;
}

static void check_collisions(const struct builder *b, const struct profile_node *made)
{
    char path[NAME_OF_PATH];
    for (size_t i = 0; i < b->tree.count; i++) {
        const struct profile_node *other = &b->tree.nodes[i];
        if (other->parent != made->parent) {
            continue;
        }
        if (other->file.fid == made->file.fid) {
            report(b, PROFILE_RULE_FID_COLLISION, made->name, "%04X is %s already", made->file.fid,
                   profile_tree_name(&b->tree, i, path, sizeof(path)));
        }
        if (same_sfi(other, made)) {
            report(b, PROFILE_RULE_SFI_COLLISION, made->name, "SFI %02X is %s already",
                   made->file.sfi, profile_tree_name(&b->tree, i, path, sizeof(path)));
        }
    }
}

static cr_status add_node(struct builder *b, const struct profile_node *made, size_t *index)
{
    struct profile_tree *t = &b->tree;
    if (t->count == PROFILE_MAX_FILES) {
        return cr_fail(b->err, CR_RESOURCE, NULL, "a package of more than %d files",
                       PROFILE_MAX_FILES);
    }
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : FIRST_NODES;
        struct profile_node *nodes =
            cr_arena_alloc_array(b->arena, room, sizeof(struct profile_node));
        if (!nodes) {
            return cr_fail_memory(b->err);
        }
        if (t->count > 0) {
            memcpy(nodes, t->nodes, t->count * sizeof(struct profile_node));
        }
        t->nodes = nodes;
        t->room = room;
    }
    check_collisions(b, made);
    t->nodes[t->count] = *made;
    *index = t->count++;
    return CR_OK;
}

/* Image with initial content. BER-TLV files begin empty. */
static cr_status make_image(struct builder *b, struct profile_node *n)
{
    const struct profile_file_attributes *f = &n->file;
    if (profile_type_is_df(f->type) || f->is_link) {
        return CR_OK;
    }
    n->content = cr_arena_alloc(b->arena, f->type == PROFILE_TYPE_BT ? 0 : f->size);
    if (!n->content) {
        return cr_fail_memory(b->err);
    }
    if (f->type != PROFILE_TYPE_BT) {
        profile_fill(n->content, f->size, f->record_length, f->fill, f->pattern);
        n->content_size = f->size;
    }
    return CR_OK;
}

static cr_status ber_tlv_append(struct builder *b, struct profile_node *n, cr_span content)
{
    struct der_tlv tlv;
    for (cr_span in = content; in.n > 0;) {
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            report(b, PROFILE_RULE_BER_TLV_CONTENT, n->name, "not a list of complete TLVs");
            return CR_OK;
        }
    }
    if (content.n > n->file.size || n->content_size > n->file.size - content.n) {
        report(b, PROFILE_RULE_CONTENT, n->name, "%zu bytes in a file of %zu",
               n->content_size + content.n, n->file.size);
        return CR_OK;
    }
    uint8_t *joined = cr_arena_alloc(b->arena, n->content_size + content.n);
    if (!joined) {
        return cr_fail_memory(b->err);
    }
    memcpy(joined, n->content, n->content_size);
    memcpy(joined + n->content_size, content.p, content.n);
    n->content = joined;
    n->content_size += content.n;
    return CR_OK;
}

/* One content item at *at. */
static cr_status write_item(struct builder *b, struct profile_node *n, size_t *at, bool is_offset,
                            int64_t offset, cr_span content)
{
    struct cr_err why = {0};
    struct profile_writer w = {.image = n->content, .size = n->content_size, .at = *at};
    if (profile_type_is_df(n->file.type)) {
        report(b, PROFILE_RULE_CONTENT, n->name, "content for a DF");
        return CR_OK;
    }
    if (n->file.is_link) {
        report(b, PROFILE_RULE_LINK_FIELD, n->name, "content for a link");
        return CR_OK;
    }
    if (n->file.type == PROFILE_TYPE_BT) {
        if (is_offset) {
            report(b, PROFILE_RULE_BER_TLV_CONTENT, n->name, "fillFileOffset");
            return CR_OK;
        }
        n->filled = true;
        return ber_tlv_append(b, n, content);
    }
    cr_status status =
        is_offset ? profile_writer_skip(&w, offset, &why) : profile_writer_put(&w, content, &why);
    if (status != CR_OK) {
        report(b, PROFILE_RULE_CONTENT, n->name, "%s", why.cause);
        return CR_OK;
    }
    n->filled = n->filled || !is_offset;
    *at = w.at;
    return CR_OK;
}

static cr_status write_items(struct builder *b, struct profile_node *n,
                             const struct profile_file_item *items, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_offset = items[i].which == PROFILE_ITEM_OFFSET;
        CR_TRY(write_item(b, n, &at, is_offset, is_offset ? items[i].fill_file_offset : 0,
                          is_offset ? (cr_span){0} : items[i].fill_file_content));
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ what an Fcp may say */

/* Fields that a file of its type may not have. */
static void check_fields(const struct builder *b, const struct profile_node *n)
{
    const char *field = profile_fcp_forbidden(&n->file, n->fcp, n->row != NULL);
    if (field && n->file.is_link) {
        report(b, PROFILE_RULE_LINK_FIELD, n->name, "%s", field);
    } else if (field) {
        report(b, PROFILE_RULE_FORBIDDEN_FIELD, n->name, "%s in a %s", field,
               profile_type_name(n->file.type));
    }
}

/* What the template leaves to the package. Geometry is seen to by profile_file_resolve(). */
static void check_must(const struct builder *b, const struct profile_node *n)
{
    const char *missing = profile_fcp_missing(n->row, &n->file, n->fcp);
    if (missing) {
        report(b, PROFILE_RULE_MUST_GIVE, n->name, "no %s", missing);
    } else if ((n->row->must & PROFILE_MUST_CONTENT) && !n->filled && !n->file.is_link) {
        report(b, PROFILE_RULE_MUST_FILL, n->name, "no content");
    }
}

/* ------------------------------------------------------------------ template elements */

static size_t base_of(const struct builder *b, const struct profile_template *t)
{
    switch ((enum profile_base)t->base) {
    case PROFILE_BASE_NONE:
        return PROFILE_NO_NODE;
    case PROFILE_BASE_MF:
        return b->tree.mf;
    case PROFILE_BASE_USIM:
        return b->naa[PROFILE_USIM];
    case PROFILE_BASE_ISIM:
        return b->naa[PROFILE_ISIM];
    case PROFILE_BASE_CSIM:
        return b->naa[PROFILE_CSIM];
    case PROFILE_BASE_NAA:
        return b->latest_adf;
    }
    return PROFILE_NO_NODE;
}

/* The DF that a row's file goes to: made in this element, or earlier with the row's file id. */
static size_t parent_of(const struct builder *b, const struct profile_template *t,
                        const struct profile_template_member *row)
{
    if (row->parent == 0) {
        return base_of(b, t);
    }
    if (b->of_member[row->parent] != PROFILE_NO_NODE) {
        return b->of_member[row->parent];
    }
    const struct profile_template_member *df = profile_template_member(t, row->parent);
    size_t up = parent_of(b, t, df);
    return up == PROFILE_NO_NODE ? up : profile_tree_child(&b->tree, up, df->fid);
}

static cr_span iot_aid(const struct builder *b)
{
    const struct profile_element *first = &b->package->elements[0];
    uint8_t *aid = first->kind == PROFILE_HEADER ? cr_arena_alloc(b->arena, PROFILE_IOT_AID) : NULL;
    return aid ? profile_iot_aid(&first->profile_header, aid) : (cr_span){0};
}

#define FID_ICCID 0x2FE2
#define FID_DIR   0x2F00

/* EF.ICCID and EF.DIR of an IoT minimal profile, where the element leaves them out. */
static cr_status iot_defaults(struct builder *b, struct profile_node *n)
{
    const struct profile_element *first = &b->package->elements[0];
    if (n->filled || first->kind != PROFILE_HEADER) {
        return CR_OK;
    }
    if (n->file.fid == FID_ICCID && n->content_size >= PROFILE_ICCID) {
        for (size_t i = 0; i < PROFILE_ICCID; i++) {
            uint8_t v = first->profile_header.iccid.p[i];
            n->content[i] = (uint8_t)(v << 4 | v >> 4);
        }
        n->filled = true;
    }
    return CR_OK;
}

static cr_status iot_dir(struct builder *b, struct profile_node *n)
{
    cr_buf record = {0};
    profile_dir_encode(iot_aid(b), (cr_span){0}, &record);
    n->file.type = PROFILE_TYPE_LF;
    n->file.shareable = true;
    n->file.fid = FID_DIR;
    n->file.arr_record = n->row->arr;
    n->file.has_sfi = true;
    n->file.sfi = n->row->sfi;
    n->file.lcsi = PROFILE_LCSI_DEFAULT;
    n->file.records = 1;
    n->file.record_length = record.n;
    n->file.size = record.n;
    n->filled = true;
    n->content = cr_arena_alloc(b->arena, record.n);
    n->content_size = record.n;
    cr_status status = n->content && cr_buf_ok(&record) ? CR_OK : cr_fail_memory(b->err);
    if (status == CR_OK) {
        memcpy(n->content, record.p, record.n);
    }
    cr_buf_free(&record);
    return status;
}

static void remember_df(struct builder *b, const struct profile_template *t, size_t index)
{
    struct profile_node *n = &b->tree.nodes[index];
    if (n->file.type == PROFILE_TYPE_MF && b->tree.mf == PROFILE_NO_NODE) {
        b->tree.mf = index;
    }
    if (n->file.type == PROFILE_TYPE_ADF) {
        enum profile_element_kind kind = (enum profile_element_kind)t->kind;
        n->naa = kind == PROFILE_IOT ? PROFILE_USIM : kind;
        b->naa[n->naa] = index;
        b->latest_adf = index;
        if (kind == PROFILE_IOT && !cr_span_present(n->file.aid)) {
            n->file.aid = iot_aid(b);
        }
    }
    if (profile_type_is_df(n->file.type) && b->of_member[n->row->member] == PROFILE_NO_NODE) {
        b->of_member[n->row->member] = index;
    }
}

#define FID_UST 0x6F38

static bool ust_has(const struct builder *b, unsigned service)
{
    size_t usim = b->naa[PROFILE_USIM];
    size_t ust = usim == PROFILE_NO_NODE ? usim : profile_tree_child(&b->tree, usim, FID_UST);
    return ust != PROFILE_NO_NODE &&
           profile_table_has(profile_tree_content(&b->tree, &b->tree.nodes[ust]), service);
}

/* Attributes, image and content of one instance. *skip = the file cannot be made. */
static cr_status make_instance(struct builder *b, const struct profile_template *t,
                               const struct profile_file_instance *i, struct profile_node *n,
                               bool *skip)
{
    struct cr_err why = {0};
    *skip = profile_file_resolve(n->row, n->fcp, n->instance, &n->file, &why) != CR_OK;
    if (*skip) {
        bool must = why.code == PROFILE_STATUS_INVALID_PARAMETER;
        report(b, must ? PROFILE_RULE_MUST_GIVE : PROFILE_RULE_FILE_BAD, n->name, "%s: %s",
               why.field, why.cause);
        return CR_OK;
    }
    unsigned service = profile_file_service(t, n->row, n->fcp);
    if (service && !n->file.is_link && !ust_has(b, service)) {
        profile_file_without_service(&n->file);
    }
    if (n->file.size_from_content) {
        n->file.size = profile_items_extent(i->items, i->count);
        if (n->file.size > PROFILE_MAX_EF) {
            report(b, PROFILE_RULE_CONTENT, n->name, "%zu bytes, at most %d", n->file.size,
                   PROFILE_MAX_EF);
            n->file.size = PROFILE_MAX_EF;
        }
    }
    CR_TRY(make_image(b, n));
    n->filled = n->fcp && n->fcp->has_proprietary &&
                (cr_span_present(n->fcp->proprietary.fill_pattern) ||
                 cr_span_present(n->fcp->proprietary.repeat_pattern));
    return write_items(b, n, i->items, i->count);
}

static cr_status add_instance(struct builder *b, const struct profile_template *t,
                              const struct profile_template_member *row,
                              const struct profile_file_instance *i)
{
    struct profile_node n = {.element = b->element,
                             .row = row,
                             .fcp = i->fcp,
                             .instance = i->number,
                             .link = PROFILE_NO_NODE};
    bool iot = t->kind == PROFILE_IOT;
    bool skip = false;
    size_t index = 0;
    snprintf(n.name, sizeof(n.name), "%s", row->name);
    n.parent = parent_of(b, t, row);
    if (n.parent == PROFILE_NO_NODE && row->type != PROFILE_TYPE_MF) {
        report(b, PROFILE_RULE_NO_DF, n.name, "its DF does not exist");
        return CR_OK;
    }
    if (iot && row->fid == FID_DIR && !i->fcp && i->count == 0) {
        CR_TRY(iot_dir(b, &n));
    } else {
        CR_TRY(make_instance(b, t, i, &n, &skip));
    }
    if (skip) {
        return CR_OK;
    }
    if (iot) {
        CR_TRY(iot_defaults(b, &n));
    }
    CR_TRY(add_node(b, &n, &index));
    remember_df(b, t, index);
    if (n.fcp) {
        check_fields(b, &n);
    }
    check_must(b, &n);
    return CR_OK;
}

static cr_status add_file(struct builder *b, const struct profile_template *t,
                          const struct profile_template_member *row,
                          const struct profile_file *file)
{
    static const struct profile_file empty;
    struct profile_file_instance i;
    if (file && !profile_file_may_skip(t, row, file)) {
        report(b, PROFILE_RULE_DO_NOT_CREATE, row->name, "doNotCreate has no place here");
    }
    for (size_t n = 0; profile_file_instance(file ? file : &empty, n, &i); n++) {
        CR_TRY(add_instance(b, t, row, &i));
    }
    return CR_OK;
}

static const struct profile_file *find_file(const struct profile_files *fs, unsigned member)
{
    for (size_t i = 0; i < fs->count; i++) {
        if (fs->files[i].member == member) {
            return &fs->files[i];
        }
    }
    return NULL;
}

static cr_status add_template(struct builder *b, const struct profile_files *fs,
                              enum profile_element_kind kind)
{
    const struct profile_template *t = fs->template;
    if (!t) {
        report(b, PROFILE_RULE_TEMPLATE_UNKNOWN, NULL, "the OID is of no known template");
        return CR_OK;
    }
    if (t->kind != kind) {
        report(b, PROFILE_RULE_TEMPLATE_KIND, NULL, "template %s in a %s element", t->name,
               profile_kind_name(kind));
        return CR_OK;
    }
    for (unsigned m = 0; m < PROFILE_MAX_MEMBERS; m++) {
        b->of_member[m] = PROFILE_NO_NODE;
    }
    for (unsigned m = 2; m < 2u + t->count; m++) {
        const struct profile_template_member *row = profile_template_member(t, m);
        const struct profile_file *file = find_file(fs, m);
        if (!file && row->mandatory) {
            report(b, PROFILE_RULE_MEMBER_MISSING, row->name, "missing");
        }
        if (file || profile_template_makes(t, row)) {
            CR_TRY(add_file(b, t, row, file));
        }
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ generic file management */

static cr_status gfm_select(struct builder *b, cr_span path)
{
    size_t node = profile_tree_path(&b->tree, path);
    if (node == PROFILE_NO_NODE) {
        char hex[2 * PROFILE_MAX_PATH + 1];
        report(b, PROFILE_RULE_PATH_MISSING, cr_hex_into(hex, sizeof(hex), path), "no such file");
        b->df = PROFILE_NO_NODE;
        b->ef = PROFILE_NO_NODE;
        return CR_OK;
    }
    bool df = profile_type_is_df(b->tree.nodes[node].file.type);
    b->df = df ? node : b->tree.nodes[node].parent;
    b->ef = df ? PROFILE_NO_NODE : node;
    b->at = 0;
    return CR_OK;
}

/* True when the row's file belongs right below this DF. */
static bool belongs_below(const struct profile_tree *tree, const struct profile_template *t,
                          const struct profile_template_member *row, size_t df)
{
    const struct profile_node *n = &tree->nodes[df];
    const struct profile_template_member *parent = profile_template_member(t, row->parent);
    if (parent && parent->type == PROFILE_TYPE_DF) {
        return n->file.fid == parent->fid;
    }
    if (parent && parent->type == PROFILE_TYPE_MF) {
        return df == tree->mf;
    }
    enum profile_base base = (enum profile_base)t->base;
    return parent ? n->naa == (enum profile_element_kind)t->kind
                  : (base == PROFILE_BASE_MF && df == tree->mf) ||
                        (base == PROFILE_BASE_USIM && n->naa == PROFILE_USIM) ||
                        (base == PROFILE_BASE_ISIM && n->naa == PROFILE_ISIM) ||
                        (base == PROFILE_BASE_CSIM && n->naa == PROFILE_CSIM);
}

/* Name that the templates have for a file id in a DF; NULL when they have none. */
static const char *name_below(const struct profile_tree *tree, size_t df, uint16_t fid)
{
    for (int kind = PROFILE_MF; kind < PROFILE_KINDS; kind++) {
        const struct profile_template *t =
            profile_template_of_kind((enum profile_element_kind)kind);
        for (unsigned m = 2; df != PROFILE_NO_NODE && m < 2u + t->count; m++) {
            const struct profile_template_member *row = profile_template_member(t, m);
            if (row->fid == fid && belongs_below(tree, t, row, df)) {
                return row->name;
            }
        }
    }
    return NULL;
}

/* fileID, security attributes, for a DF the PIN status: what has no template has to be stated. */
static void gfm_check(const struct builder *b, const struct profile_node *n)
{
    bool adf = n->file.type == PROFILE_TYPE_ADF;
    const char *missing = profile_fcp_missing(NULL, &n->file, n->fcp);
    if (missing) {
        report(b, PROFILE_RULE_MUST_GIVE, n->name, "no %s", missing);
    }
    if (adf && n->file.is_link) {
        report(b, PROFILE_RULE_LINK_FIELD, n->name, "an ADF is no link");
    }
    check_fields(b, n);
}

static cr_status gfm_create(struct builder *b, const struct profile_fcp *fcp)
{
    struct cr_err why = {0};
    struct profile_node n = {.element = b->element, .fcp = fcp, .link = PROFILE_NO_NODE};
    size_t index = 0;
    char fid[5];
    snprintf(n.name, sizeof(n.name), "%s", cr_hex_into(fid, sizeof(fid), fcp->file_id));
    if (profile_file_resolve(NULL, fcp, 0, &n.file, &why) != CR_OK) {
        report(b, PROFILE_RULE_FILE_BAD, n.name, "%s: %s", why.field, why.cause);
        b->ef = PROFILE_NO_NODE;
        return CR_OK;
    }
    bool mf = n.file.type == PROFILE_TYPE_MF;
    n.parent = mf ? PROFILE_NO_NODE : n.file.type == PROFILE_TYPE_ADF ? b->tree.mf : b->df;
    if (n.parent == PROFILE_NO_NODE && !mf) {
        report(b, PROFILE_RULE_GFM_ORDER, n.name, "no DF is selected");
        b->ef = PROFILE_NO_NODE;
        return CR_OK;
    }
    const char *known = name_below(&b->tree, n.parent, n.file.fid);
    if (known) {
        snprintf(n.name, sizeof(n.name), "%s", known);
    }
    CR_TRY(make_image(b, &n));
    n.filled = cr_span_present(n.file.pattern);
    CR_TRY(add_node(b, &n, &index));
    gfm_check(b, &n);
    if (mf && b->tree.mf == PROFILE_NO_NODE) {
        b->tree.mf = index;
    }
    if (n.file.type == PROFILE_TYPE_ADF) {
        enum profile_element_kind naa = profile_naa_of_aid(n.file.aid);
        b->latest_adf = index;
        b->tree.nodes[index].naa = naa;
        b->naa[naa] = index; /* that of PROFILE_UNKNOWN is nobody's base */
    }
    bool df = profile_type_is_df(n.file.type);
    b->df = df ? index : b->df;
    b->ef = df ? PROFILE_NO_NODE : index;
    b->at = 0;
    return CR_OK;
}

static cr_status gfm_item(struct builder *b, const struct profile_gfm_item *item)
{
    switch ((enum profile_gfm_item_kind)item->which) {
    case PROFILE_GFM_PATH:
        return gfm_select(b, item->file_path);
    case PROFILE_GFM_FCP:
        return gfm_create(b, &item->create_fcp);
    case PROFILE_GFM_OFFSET:
    case PROFILE_GFM_CONTENT:
        break;
    }
    if (b->ef == PROFILE_NO_NODE) {
        report(b, PROFILE_RULE_GFM_ORDER, NULL, "content, but no file is selected");
        return CR_OK;
    }
    bool is_offset = item->which == PROFILE_GFM_OFFSET;
    return write_item(b, &b->tree.nodes[b->ef], &b->at, is_offset,
                      is_offset ? item->fill_file_offset : 0,
                      is_offset ? (cr_span){0} : item->fill_file_content);
}

static cr_status add_gfm(struct builder *b, const struct profile_gfm *gfm)
{
    b->df = b->tree.mf;
    b->ef = PROFILE_NO_NODE;
    for (size_t i = 0; i < gfm->commands.count; i++) {
        const struct profile_gfm_command *command = &gfm->commands.items[i];
        for (size_t k = 0; k < command->items.count; k++) {
            CR_TRY(gfm_item(b, &command->items.items[k]));
        }
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ links, and all together */

static void resolve_links(struct builder *b)
{
    for (size_t i = 0; i < b->tree.count; i++) {
        struct profile_node *n = &b->tree.nodes[i];
        if (n->file.is_link) {
            n->link = profile_tree_path(&b->tree, n->file.link_path);
        }
    }
    for (size_t i = 0; i < b->tree.count; i++) {
        const struct profile_node *n = &b->tree.nodes[i];
        const struct profile_node *target = profile_tree_target(&b->tree, n);
        if (n->file.is_link && (!target || profile_type_is_df(target->file.type) !=
                                               profile_type_is_df(n->file.type))) {
            char hex[2 * PROFILE_MAX_PATH + 1];
            b->element = n->element;
            report(b, PROFILE_RULE_LINK_TARGET, n->name, "%s%s",
                   cr_hex_into(hex, sizeof(hex), n->file.link_path),
                   target ? " is of another sort" : " does not exist");
        }
    }
}

cr_status profile_tree_build(const struct profile_package *package, cr_arena *arena,
                             const struct profile_reporter *reporter, struct profile_tree *out,
                             struct cr_err *err)
{
    struct builder b = {.package = package,
                        .arena = arena,
                        .reporter = reporter,
                        .err = err,
                        .latest_adf = PROFILE_NO_NODE};
    b.tree.mf = PROFILE_NO_NODE;
    for (size_t i = 0; i < PROFILE_KINDS; i++) {
        b.naa[i] = PROFILE_NO_NODE;
    }
    for (b.element = 0; b.element < package->count; b.element++) {
        const struct profile_element *e = &package->elements[b.element];
        if (profile_kind_has_files(e->kind)) {
            CR_TRY(add_template(&b, &e->fs, e->kind));
        } else if (e->kind == PROFILE_GFM) {
            CR_TRY(add_gfm(&b, &e->gfm));
        }
    }
    resolve_links(&b);
    *out = b.tree;
    return CR_OK;
}
