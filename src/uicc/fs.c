#include "uicc/fs_internal.h"

/* Sorts of keys under the prefix, each followed by four hex digits of a file number unless said:
 *   n       number of the next file (2 bytes), no number behind it
 *   f       the file's record, layout below
 *   d       parent, then four hex digits of the FID: file number (2), kind, SFI
 *   a       AID of an ADF
 *   c       content that has been written
 * pin.c has k, s and u; auth.c has x and q; gba.c has g and j. */
#define RECORD_VERSION 2
#define RECORD_FIXED   32
/* Version 1 has no rule of the file's own: the two bytes for it are missing. */
#define RECORD_VERSION_1 1
#define RECORD_FIXED_1   30

/* --- keys --------------------------------------------------------------------------------------
 */

bool uicc_fs_init(struct uicc_fs *fs, struct nvm *nvm, cr_span prefix)
{
    if (prefix.n == 0 || prefix.n > UICC_MAX_PREFIX) {
        return false;
    }
    *fs = (struct uicc_fs){.nvm = nvm, .prefix_size = (uint8_t)prefix.n};
    memcpy(fs->prefix, prefix.p, prefix.n);
    return true;
}

static size_t put_hex(char *at, unsigned v, unsigned digits)
{
    static const char hex[] = "0123456789ABCDEF";
    for (unsigned i = digits; i-- > 0; v >>= 4) {
        at[i] = hex[v & 0xF];
    }
    return digits;
}

static size_t key_start(const struct uicc_fs *fs, char buf[UICC_KEY_SIZE], char sort)
{
    memcpy(buf, fs->prefix, fs->prefix_size);
    buf[fs->prefix_size] = sort;
    return fs->prefix_size + 1u;
}

cr_span uicc_fs_key(const struct uicc_fs *fs, char buf[UICC_KEY_SIZE], char sort, uint16_t a, int b)
{
    size_t n = key_start(fs, buf, sort);
    n += put_hex(buf + n, a, 4);
    if (b >= 0) {
        n += put_hex(buf + n, (unsigned)b, 2);
    }
    return cr_span_of(buf, n);
}

static cr_span child_key(const struct uicc_fs *fs, char buf[UICC_KEY_SIZE], uicc_file parent,
                         uint16_t fid)
{
    size_t n = key_start(fs, buf, 'd');
    n += put_hex(buf + n, parent, 4);
    n += put_hex(buf + n, fid, 4);
    return cr_span_of(buf, n);
}

cr_status fs_refuse(struct cr_err *err, uicc_sw sw, const char *field, const char *cause)
{
    cr_status status = cr_fail(err, CR_REFUSED, "TS 102 222 6.3", "%s", cause);
    return cr_err_code(err, cr_err_field(err, status, field), sw);
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* --- records -----------------------------------------------------------------------------------
 */

/* The four spans at the end of a record, in this order. */
struct tail {
    uint8_t aid, pin_status, pattern, rule;
};

static bool tail_get(cr_span v, struct tail *tail, size_t *fixed)
{
    bool old = v.n >= RECORD_FIXED_1 && v.p[0] == RECORD_VERSION_1;
    *fixed = old ? RECORD_FIXED_1 : RECORD_FIXED;
    if (!old && (v.n < RECORD_FIXED || v.p[0] != RECORD_VERSION)) {
        return false;
    }
    *tail = (struct tail){v.p[27], v.p[28], v.p[29], old ? 0 : v.p[31]};
    return v.n == *fixed + tail->aid + tail->pin_status + tail->pattern + tail->rule;
}

bool fs_record_get(const struct uicc_fs *fs, uicc_file file, struct fs_record *out)
{
    char buf[UICC_KEY_SIZE];
    cr_span v = file ? nvm_get(fs->nvm, uicc_fs_key(fs, buf, 'f', file, -1)) : (cr_span){0};
    const uint8_t *p = v.p;
    struct tail tail;
    size_t at;
    if (!tail_get(v, &tail, &at)) {
        return false;
    }
    *out = (struct fs_record){
        .parent = get16(p + 9),
        .attr = {.kind = (enum uicc_kind)p[1],
                 .fid = get16(p + 2),
                 .not_shareable = p[4] & 1,
                 .lcsi = p[5],
                 .arr_fid = get16(p + 6),
                 .arr_record = p[8],
                 .link = get16(p + 11),
                 .size = get32(p + 13),
                 .record_size = get16(p + 17),
                 .sfi = p[19],
                 .special = p[20],
                 .max_size = get32(p + 21),
                 .file_details = p[25],
                 .pattern_kind = (enum uicc_pattern)p[26],
                 .rule_tag = tail.rule ? p[30] : 0,
                 .aid = cr_span_sub(v, at, tail.aid),
                 .pin_status = cr_span_sub(v, at + tail.aid, tail.pin_status),
                 .pattern = cr_span_sub(v, at + tail.aid + tail.pin_status, tail.pattern),
                 .rule = cr_span_sub(v, v.n - tail.rule, tail.rule)}};
    return true;
}

static uint8_t *put_be(uint8_t *p, uint32_t v, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; v >>= 8) {
        p[i] = (uint8_t)v;
    }
    return p + bytes;
}

static uint8_t *put_span(uint8_t *p, cr_span s)
{
    if (s.n) {
        memcpy(p, s.p, s.n);
    }
    return p + s.n;
}

cr_status fs_record_put(const struct uicc_fs *fs, uicc_file file, const struct fs_record *r,
                        struct cr_err *err)
{
    const struct uicc_file_attr *a = &r->attr;
    uint8_t
        space[RECORD_FIXED + UICC_MAX_AID + UICC_MAX_PIN_STATUS + UICC_MAX_PATTERN + UICC_MAX_RULE];
    uint8_t *p = space;
    *p++ = RECORD_VERSION;
    *p++ = (uint8_t)a->kind;
    p = put_be(p, a->fid, 2);
    *p++ = a->not_shareable ? 1 : 0;
    *p++ = a->lcsi;
    p = put_be(p, a->arr_fid, 2);
    *p++ = a->arr_record;
    p = put_be(p, r->parent, 2);
    p = put_be(p, a->link, 2);
    p = put_be(p, a->size, 4);
    p = put_be(p, a->record_size, 2);
    *p++ = a->sfi;
    *p++ = a->special;
    p = put_be(p, a->max_size, 4);
    *p++ = a->file_details;
    *p++ = (uint8_t)a->pattern_kind;
    *p++ = (uint8_t)a->aid.n;
    *p++ = (uint8_t)a->pin_status.n;
    *p++ = (uint8_t)a->pattern.n;
    *p++ = a->rule_tag;
    *p++ = (uint8_t)a->rule.n;
    p = put_span(p, a->aid);
    p = put_span(p, a->pin_status);
    p = put_span(p, a->pattern);
    p = put_span(p, a->rule);
    char key[UICC_KEY_SIZE];
    return nvm_put(fs->nvm, uicc_fs_key(fs, key, 'f', file, -1),
                   cr_span_of(space, (size_t)(p - space)), err);
}

uicc_file fs_target_of(const struct uicc_fs *fs, uicc_file file)
{
    struct fs_record r;
    return fs_record_get(fs, file, &r) && r.attr.link ? r.attr.link : file;
}

uicc_file uicc_fs_mf(const struct uicc_fs *fs)
{
    char key[UICC_KEY_SIZE];
    return nvm_get(fs->nvm, uicc_fs_key(fs, key, 'f', 1, -1)).p ? 1 : 0;
}

bool uicc_fs_attr(const struct uicc_fs *fs, uicc_file file, struct uicc_file_attr *attr)
{
    struct fs_record own, target;
    if (!fs_record_get(fs, file, &own)) {
        return false;
    }
    *attr = own.attr;
    if (own.attr.link) {
        if (!fs_record_get(fs, own.attr.link, &target)) {
            return false;
        }
        *attr = target.attr;
        attr->kind = target.attr.kind == UICC_ADF ? UICC_DF : target.attr.kind;
        attr->aid = (cr_span){0};
        attr->fid = own.attr.fid;
        attr->sfi = own.attr.sfi;
        attr->lcsi = own.attr.lcsi;
        attr->arr_fid = own.attr.arr_fid;
        attr->arr_record = own.attr.arr_record;
        attr->rule_tag = own.attr.rule_tag;
        attr->rule = own.attr.rule;
        attr->link = own.attr.link;
    }
    return true;
}

uicc_file uicc_fs_parent(const struct uicc_fs *fs, uicc_file file)
{
    struct fs_record r;
    return fs_record_get(fs, file, &r) ? r.parent : 0;
}

/* --- finding -----------------------------------------------------------------------------------
 */

uicc_file uicc_fs_child(const struct uicc_fs *fs, uicc_file df, uint16_t fid)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(fs->nvm, child_key(fs, key, fs_target_of(fs, df), fid));
    return v.n == 4 ? get16(v.p) : 0;
}

static bool next_entry(const struct uicc_fs *fs, uicc_file df, uint32_t *cursor, cr_span *value)
{
    /* The cursor is FID + 1 of the last one; its key is found again by that. */
    char prefix[UICC_KEY_SIZE], after[UICC_KEY_SIZE];
    cr_span key, after_key = {0};
    cr_span under = uicc_fs_key(fs, prefix, 'd', df, -1);
    if (*cursor) {
        after_key = child_key(fs, after, df, (uint16_t)(*cursor - 1));
    }
    if (!nvm_next(fs->nvm, under, after_key, &key, value) || key.n != under.n + 4 ||
        value->n != 4) {
        return false;
    }
    uint32_t fid = 0;
    for (size_t i = under.n; i < key.n; i++) {
        uint8_t c = key.p[i];
        fid = fid << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
    }
    *cursor = (fid & 0xFFFF) + 1;
    return true;
}

uicc_file uicc_fs_next_child(const struct uicc_fs *fs, uicc_file df, uint32_t *cursor)
{
    cr_span v;
    return next_entry(fs, fs_target_of(fs, df), cursor, &v) ? get16(v.p) : 0;
}

uicc_file uicc_fs_child_sfi(const struct uicc_fs *fs, uicc_file df, uint8_t sfi)
{
    cr_span v;
    uicc_file parent = fs_target_of(fs, df);
    for (uint32_t cursor = 0; sfi && next_entry(fs, parent, &cursor, &v);) {
        if (v.p[3] == sfi) {
            return get16(v.p);
        }
    }
    return 0;
}

uicc_file uicc_fs_resolve(const struct uicc_fs *fs, cr_span path)
{
    uicc_file at = uicc_fs_mf(fs);
    if (path.n % 2) {
        return 0;
    }
    for (size_t i = 0; i < path.n && at; i += 2) {
        uint16_t fid = get16(path.p + i);
        if (i > 0 || fid != UICC_FID_MF) {
            at = uicc_fs_child(fs, at, fid);
        }
    }
    return at;
}

uicc_file uicc_fs_next_adf(const struct uicc_fs *fs, cr_span aid, uicc_file after)
{
    char prefix[UICC_KEY_SIZE], from[UICC_KEY_SIZE];
    cr_span under = cr_span_of(prefix, key_start(fs, prefix, 'a'));
    cr_span at = after ? uicc_fs_key(fs, from, 'a', after, -1) : (cr_span){0};
    cr_span key, value;
    while (nvm_next(fs->nvm, under, at, &key, &value)) {
        if (value.n >= 2 && cr_span_equal(cr_span_sub(value, 2, aid.n), aid)) {
            return get16(value.p);
        }
        at = key;
    }
    return 0;
}

uicc_file uicc_fs_adf(const struct uicc_fs *fs, cr_span aid)
{
    struct fs_record r;
    for (uicc_file f = 0; (f = uicc_fs_next_adf(fs, aid, f)) != 0;) {
        if (fs_record_get(fs, f, &r) && cr_span_equal(r.attr.aid, aid)) {
            return f;
        }
    }
    return 0;
}

bool uicc_fs_path(const struct uicc_fs *fs, uicc_file df, struct uicc_path *path)
{
    uicc_file up[UICC_MAX_DEPTH];
    uint8_t n = 0;
    for (uicc_file at = df; at; at = uicc_fs_parent(fs, at)) {
        if (n == UICC_MAX_DEPTH) {
            return false;
        }
        up[n++] = at;
    }
    *path = (struct uicc_path){.depth = n};
    for (uint8_t i = 0; i < n; i++) {
        path->df[i] = up[n - 1 - i];
    }
    return n > 0 && path->df[0] == uicc_fs_mf(fs);
}

/* --- creation ----------------------------------------------------------------------------------
 */

cr_status fs_check_ef(const struct uicc_file_attr *a, struct cr_err *err)
{
    if (a->sfi > UICC_MAX_SFI) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "shortEFID", "the SFI is not one of 1 to 30");
    }
    if ((a->pattern_kind == UICC_PATTERN_NONE) != (a->pattern.n == 0) ||
        a->pattern_kind > UICC_PATTERN_REPEAT || a->pattern.n > UICC_MAX_PATTERN) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fillPattern", "a pattern has 1 to 200 bytes");
    }
    if (uicc_kind_has_records(a->kind)) {
        if (a->record_size == 0 || a->record_size > UICC_MAX_RECORD_SIZE || a->size == 0 ||
            a->size % a->record_size || a->size / a->record_size > UICC_MAX_RECORDS) {
            return fs_refuse(err, UICC_SW_WRONG_DATA, "efFileSize",
                             "the size is not 1 to 254 whole records of 1 to 255 bytes");
        }
    } else if (a->record_size) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fileDescriptor",
                         "only record files have records");
    }
    uint32_t most = a->kind == UICC_BERTLV ? UICC_MAX_BERTLV_SIZE : UICC_MAX_FILE_SIZE;
    if (a->size > most || a->max_size > UICC_MAX_BERTLV_SIZE) {
        return fs_refuse(err, UICC_SW_NO_MEMORY, "efFileSize", "the file is too large");
    }
    return CR_OK;
}

static cr_status check_link(const struct uicc_fs *fs, uicc_file parent,
                            const struct uicc_file_attr *a, struct fs_record *target,
                            struct cr_err *err)
{
    if (!fs_record_get(fs, a->link, target) || target->attr.kind == UICC_MF) {
        return fs_refuse(err, UICC_SW_NOT_FOUND, "linkPath",
                         "the target of the link does not exist");
    }
    if (uicc_kind_is_df(a->kind) != uicc_kind_is_df(target->attr.kind) || a->kind == UICC_MF ||
        a->kind == UICC_ADF) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "linkPath",
                         "the target of the link is not of the same sort");
    }
    for (uicc_file up = parent; up; up = uicc_fs_parent(fs, up)) {
        if (up == a->link) {
            return fs_refuse(err, UICC_SW_WRONG_DATA, "linkPath", "the link would contain itself");
        }
    }
    return CR_OK;
}

static cr_status check_df(const struct uicc_fs *fs, const struct uicc_file_attr *a,
                          struct cr_err *err)
{
    if (a->pin_status.n > UICC_MAX_PIN_STATUS) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "pinStatusTemplateDO", "more than 16 references");
    }
    if (a->kind == UICC_ADF) {
        if (a->aid.n < UICC_MIN_AID || a->aid.n > UICC_MAX_AID) {
            return fs_refuse(err, UICC_SW_WRONG_DATA, "dfName", "an AID has 5 to 16 bytes");
        }
        if (uicc_fs_adf(fs, a->aid)) {
            return fs_refuse(err, UICC_SW_FID_EXISTS, "dfName", "the AID exists");
        }
    } else if (a->aid.n) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "dfName", "only an ADF has a name");
    }
    return CR_OK;
}

static cr_status check_place(const struct uicc_fs *fs, uicc_file parent,
                             const struct uicc_file_attr *a, struct cr_err *err)
{
    if (a->kind == UICC_MF) {
        if (parent || a->fid != UICC_FID_MF) {
            return fs_refuse(err, UICC_SW_WRONG_DATA, "fileID", "the MF is 3F00 and has no parent");
        }
        return uicc_fs_mf(fs) ? fs_refuse(err, UICC_SW_FID_EXISTS, "fileID", "the MF exists")
                              : CR_OK;
    }
    struct fs_record up;
    if (!fs_record_get(fs, parent, &up) || !uicc_kind_is_df(up.attr.kind)) {
        return fs_refuse(err, UICC_SW_NOT_FOUND, "filePath", "there is no such DF to create it in");
    }
    if (a->kind == UICC_ADF && up.attr.kind != UICC_MF) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "filePath", "an ADF is created below the MF");
    }
    /* 7FFF is "the current application": an ADF may have it, as it is not selected by its FID. */
    bool current = a->fid == UICC_FID_CURRENT && a->kind != UICC_ADF;
    if (a->fid == 0 || a->fid == UICC_FID_MF || current || a->fid == 0x3FFF || a->fid == 0xFFFF) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fileID", "the FID is reserved");
    }
    if (uicc_fs_child(fs, parent, a->fid)) {
        return fs_refuse(err, UICC_SW_FID_EXISTS, "fileID", "the FID exists in this DF");
    }
    struct uicc_path path;
    if (uicc_kind_is_df(a->kind) &&
        (!uicc_fs_path(fs, parent, &path) || path.depth == UICC_MAX_DEPTH)) {
        return fs_refuse(err, UICC_SW_NO_MEMORY, "filePath", "DFs are nested too deep");
    }
    return CR_OK;
}

static cr_status check_create(const struct uicc_fs *fs, uicc_file parent,
                              const struct uicc_file_attr *a, struct cr_err *err)
{
    struct fs_record target;
    if (a->kind < UICC_MF || a->kind > UICC_BERTLV) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "fileDescriptor", "unknown kind of file");
    }
    CR_TRY(check_place(fs, parent, a, err));
    if ((a->rule_tag != 0) != (a->rule.n != 0) || a->rule.n > UICC_MAX_RULE) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "securityAttributes",
                         "an access rule has 1 to 100 bytes");
    }
    if (a->link) {
        CR_TRY(check_link(fs, parent, a, &target, err));
        if (a->sfi > UICC_MAX_SFI) {
            return fs_refuse(err, UICC_SW_WRONG_DATA, "shortEFID", "the SFI is not one of 1 to 30");
        }
    } else if (uicc_kind_is_df(a->kind)) {
        CR_TRY(check_df(fs, a, err));
    } else {
        CR_TRY(fs_check_ef(a, err));
        size_t used = nvm_used(fs->nvm), capacity = nvm_capacity(fs->nvm);
        if (used > capacity || a->size > capacity - used) {
            return fs_refuse(err, UICC_SW_NO_MEMORY, "efFileSize",
                             "the memory of the card is full");
        }
    }
    if (!uicc_kind_is_df(a->kind) && a->sfi && uicc_fs_child_sfi(fs, parent, a->sfi)) {
        return fs_refuse(err, UICC_SW_WRONG_DATA, "shortEFID", "the SFI exists in this DF");
    }
    return CR_OK;
}

static cr_status next_number(const struct uicc_fs *fs, uicc_file *out, struct cr_err *err)
{
    char key[UICC_KEY_SIZE];
    cr_span k = cr_span_of(key, key_start(fs, key, 'n'));
    cr_span v = nvm_get(fs->nvm, k);
    uicc_file n = v.n == 2 ? get16(v.p) : 1;
    if (n > UICC_MAX_FILES) {
        return fs_refuse(err, UICC_SW_NO_MEMORY, "fileID", "too many files were created");
    }
    uint8_t next[2] = {(uint8_t)((n + 1) >> 8), (uint8_t)(n + 1)};
    *out = n;
    return nvm_put(fs->nvm, k, CR_SPAN_ARRAY(next), err);
}

/* What is kept of the caller's attributes. */
static struct fs_record record_for(uicc_file parent, const struct uicc_file_attr *a, uicc_file mf)
{
    struct fs_record r = {.parent = parent, .attr = *a};
    struct uicc_file_attr *o = &r.attr;
    o->lcsi = a->lcsi ? a->lcsi : 0x05;
    if (!a->arr_fid && a->arr_record) {
        bool near_mf = parent == 0 || parent == mf;
        o->arr_fid = near_mf ? UICC_FID_ARR_MF : UICC_FID_ARR;
    }
    bool df = uicc_kind_is_df(a->kind);
    if (df || a->link) {
        o->size = o->max_size = 0;
        o->record_size = 0;
        o->special = o->file_details = 0;
        o->pattern_kind = UICC_PATTERN_NONE;
        o->pattern = (cr_span){0};
    }
    if (df) {
        o->sfi = 0;
    }
    if (!df || a->link) {
        o->pin_status = o->aid = (cr_span){0};
    }
    if (a->kind == UICC_BERTLV && !a->link && !a->file_details) {
        o->file_details = 0x01;
    }
    return r;
}

cr_status uicc_fs_create(const struct uicc_fs *fs, uicc_file parent,
                         const struct uicc_file_attr *attr, uicc_file *out, struct cr_err *err)
{
    struct uicc_file_attr a = *attr;
    a.link = a.link ? fs_target_of(fs, a.link) : 0; /* links to links are flattened */
    parent = fs_target_of(fs, parent);
    CR_TRY(check_create(fs, parent, &a, err));
    /* The spans of attr may point into the memory that changes now. */
    uint8_t space[UICC_MAX_AID + UICC_MAX_PIN_STATUS + UICC_MAX_PATTERN + UICC_MAX_RULE];
    struct fs_record r = record_for(parent, &a, uicc_fs_mf(fs));
    cr_span *spans[] = {&r.attr.aid, &r.attr.pin_status, &r.attr.pattern, &r.attr.rule};
    for (size_t i = 0, at = 0; i < CR_COUNT(spans); i++) {
        if (spans[i]->n) {
            memcpy(space + at, spans[i]->p, spans[i]->n);
            spans[i]->p = space + at;
            at += spans[i]->n;
        }
    }
    uicc_file file = 0;
    char key[UICC_KEY_SIZE];
    CR_TRY(next_number(fs, &file, err));
    CR_TRY(fs_record_put(fs, file, &r, err));
    if (r.attr.kind != UICC_MF) {
        uint8_t entry[4] = {(uint8_t)(file >> 8), (uint8_t)file, (uint8_t)r.attr.kind, r.attr.sfi};
        CR_TRY(nvm_put(fs->nvm, child_key(fs, key, parent, r.attr.fid), CR_SPAN_ARRAY(entry), err));
    }
    if (r.attr.kind == UICC_ADF) {
        uint8_t entry[2 + UICC_MAX_AID] = {(uint8_t)(file >> 8), (uint8_t)file};
        memcpy(entry + 2, r.attr.aid.p, r.attr.aid.n);
        CR_TRY(nvm_put(fs->nvm, uicc_fs_key(fs, key, 'a', file, -1),
                       cr_span_of(entry, 2 + r.attr.aid.n), err));
    }
    *out = file;
    return CR_OK;
}

/* --- deletion ----------------------------------------------------------------------------------
 */

static bool contains(const cr_buf *list, uicc_file file)
{
    for (size_t i = 0; i < list->n; i += 2) {
        if (get16(list->p + i) == file) {
            return true;
        }
    }
    return false;
}

/* Everything below: the list grows while it is walked. */
static void collect(const struct uicc_fs *fs, uicc_file file, cr_buf *list)
{
    cr_buf_append_be(list, file, 2);
    for (size_t i = 0; i < list->n; i += 2) {
        uicc_file df = get16(list->p + i);
        cr_span v;
        for (uint32_t cursor = 0; next_entry(fs, df, &cursor, &v);) {
            cr_buf_append_be(list, get16(v.p), 2);
        }
    }
}

static bool linked_from_outside(const struct uicc_fs *fs, const cr_buf *list)
{
    char prefix[UICC_KEY_SIZE];
    cr_span under = cr_span_of(prefix, key_start(fs, prefix, 'f')), at = {0}, v;
    while (nvm_next(fs->nvm, under, at, &at, &v)) {
        if (v.n < RECORD_FIXED_1 || at.n != under.n + 4) {
            continue;
        }
        uicc_file link = get16(v.p + 11), parent = get16(v.p + 9);
        bool inside = contains(list, parent);
        if (link && !inside && contains(list, link)) {
            /* The link itself may be the one to delete. */
            uicc_file self = uicc_fs_child(fs, parent, get16(v.p + 2));
            if (!contains(list, self)) {
                return true;
            }
        }
    }
    return false;
}

static cr_status forget_file(const struct uicc_fs *fs, uicc_file file, struct cr_err *err)
{
    static const char sorts[] = {'f', 'a', 'c', 's', 'x', 'q', 'g'};
    char key[UICC_KEY_SIZE];
    struct fs_record r;
    if (fs_record_get(fs, file, &r) && r.parent) {
        CR_TRY(nvm_delete(fs->nvm, child_key(fs, key, r.parent, r.attr.fid), err));
    }
    for (size_t i = 0; i < sizeof sorts; i++) {
        cr_span k = uicc_fs_key(fs, key, sorts[i], file, -1);
        if (nvm_get(fs->nvm, k).p) {
            CR_TRY(nvm_delete(fs->nvm, k, err));
        }
    }
    CR_TRY(nvm_delete_prefix(fs->nvm, uicc_fs_key(fs, key, 'k', file, -1), err));
    return nvm_delete_prefix(fs->nvm, uicc_fs_key(fs, key, 'j', file, -1), err);
}

cr_status uicc_fs_delete(const struct uicc_fs *fs, uicc_file file, struct cr_err *err)
{
    struct fs_record r;
    if (!fs_record_get(fs, file, &r)) {
        return fs_refuse(err, UICC_SW_NOT_FOUND, "fileID", "there is no such file");
    }
    cr_buf list = {0};
    collect(fs, file, &list);
    cr_status status = CR_OK;
    if (!cr_buf_ok(&list)) {
        status = cr_fail_memory(err);
    } else if (linked_from_outside(fs, &list)) {
        status = fs_refuse(err, UICC_SW_CONDITIONS, "linkPath", "a link points to the file");
    }
    for (size_t i = 0; i < list.n && status == CR_OK; i += 2) {
        status = forget_file(fs, get16(list.p + i), err);
    }
    cr_buf_free(&list);
    return status;
}

cr_status uicc_fs_set_lcsi(const struct uicc_fs *fs, uicc_file file, uint8_t lcsi,
                           struct cr_err *err)
{
    struct fs_record r;
    if (!fs_record_get(fs, file, &r)) {
        return fs_refuse(err, UICC_SW_NOT_FOUND, "fileID", "there is no such file");
    }
    r.attr.lcsi = lcsi;
    return fs_record_put(fs, file, &r, err);
}
