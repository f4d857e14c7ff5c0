/*
 * Objects, data and load files.
 */
#include "gp/registry.h"

#include "asn1/der.h"
#include "gp/registry_keys.h"

bool gp_aid_set(struct gp_aid *out, cr_span aid)
{
    if (aid.n < UICC_MIN_AID || aid.n > UICC_MAX_AID) {
        return false;
    }
    *out = (struct gp_aid){.n = (uint8_t)aid.n};
    memcpy(out->p, aid.p, aid.n);
    return true;
}

/* --- keys of the memory ------------------------------------------------------------------------
 */

bool gp_registry_init(struct gp_registry *reg, struct nvm *nvm, cr_span prefix)
{
    if (prefix.n == 0 || prefix.n > UICC_MAX_PREFIX) {
        return false;
    }
    *reg = (struct gp_registry){.nvm = nvm, .prefix_size = (uint8_t)prefix.n};
    memcpy(reg->prefix, prefix.p, prefix.n);
    return true;
}

cr_span gp_record_key(const struct gp_registry *reg, char out[GP_RECORD_KEY], char sort,
                      uint16_t id, uint32_t more, unsigned digits)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = reg->prefix_size;
    memcpy(out, reg->prefix, n);
    out[n++] = 'g';
    out[n++] = '/';
    out[n++] = sort;
    for (unsigned i = 4; i-- > 0;) {
        out[n++] = hex[id >> (4 * i) & 0xF];
    }
    for (unsigned i = digits; i-- > 0;) {
        out[n++] = hex[more >> (4 * i) & 0xF];
    }
    return cr_span_of(out, n);
}

static cr_span sort_prefix(const struct gp_registry *reg, char out[GP_RECORD_KEY], char sort)
{
    cr_span key = gp_record_key(reg, out, sort, 0, 0, 0);
    return cr_span_of(key.p, key.n - 4);
}

cr_status gp_refuse(struct cr_err *err, uicc_sw sw, const char *cause)
{
    cr_status status = cr_fail(err, CR_REFUSED, "GlobalPlatform 11", "%s", cause);
    return cr_err_code(err, status, sw);
}

/* --- objects as records ------------------------------------------------------------------------
 */

enum {
    T_KIND = 0x80,
    T_AID,
    T_STATE,
    T_DOMAIN,
    T_PRIVILEGES,
    T_PACKAGE,
    T_MODULE,
    T_BUILTIN,
    T_TARS,
    T_MSL,
    T_FILES,
    T_ADMIN,
    T_PROTOCOLS,
    T_SIZE,
    T_ADF = 0xA0 /* constructed: T_AID, T_FILES, T_ADMIN */
};

static void put_number(cr_buf *b, uint32_t tag, uint32_t value, size_t bytes)
{
    der_put_header(b, tag, bytes);
    cr_buf_append_be(b, value, bytes);
}

static void put_some(cr_buf *b, uint32_t tag, const void *p, size_t n)
{
    if (n) {
        der_put(b, tag, cr_span_of(p, n));
    }
}

static void object_write(const struct gp_object *o, cr_buf *b)
{
    put_number(b, T_KIND, (uint32_t)o->kind, 1);
    der_put(b, T_AID, gp_aid_span(&o->aid));
    put_number(b, T_STATE, o->state, 1);
    put_number(b, T_DOMAIN, o->domain, 2);
    put_number(b, T_PRIVILEGES, o->privileges, 3);
    put_some(b, T_PACKAGE, o->package.p, o->package.n);
    put_some(b, T_MODULE, o->module.p, o->module.n);
    if (o->builtin) {
        put_number(b, T_BUILTIN, 1, 1);
    }
    put_some(b, T_TARS, o->tars, (size_t)o->tar_count * 3);
    put_some(b, T_MSL, &o->msl, o->has_msl ? 1 : 0);
    put_some(b, T_FILES, o->files.p, o->files.n);
    put_some(b, T_ADMIN, o->admin.p, o->admin.n);
    for (size_t i = 0; i < o->adf_count; i++) {
        size_t mark = der_open(b, T_ADF);
        der_put(b, T_AID, gp_aid_span(&o->adfs[i].adf));
        put_some(b, T_FILES, o->adfs[i].files.p, o->adfs[i].files.n);
        put_some(b, T_ADMIN, o->adfs[i].admin.p, o->adfs[i].admin.n);
        der_close(b, mark);
    }
    put_some(b, T_PROTOCOLS, o->protocols, (size_t)o->protocol_count * 2);
    if (o->size) {
        put_number(b, T_SIZE, o->size, 4);
    }
}

static uint32_t number_of(cr_span v)
{
    uint32_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        n = n << 8 | v.p[i];
    }
    return n;
}

static bool take_bytes(void *out, size_t room, cr_span v)
{
    if (v.n > room) {
        return false;
    }
    memcpy(out, v.p, v.n);
    return true;
}

static bool access_read(struct gp_access *out, cr_span v)
{
    out->n = (uint8_t)v.n;
    return take_bytes(out->p, sizeof out->p, v);
}

static bool adf_read(struct gp_object *o, cr_span in)
{
    struct der_tlv tlv;
    if (o->adf_count == GP_MAX_ADF) {
        return false;
    }
    struct gp_adf_access *adf = &o->adfs[o->adf_count++];
    bool good = true;
    while (good && in.n) {
        good = der_next(&in, DER_STRICT, &tlv, NULL) == CR_OK;
        if (good && tlv.tag == T_AID) {
            good = gp_aid_set(&adf->adf, tlv.value);
        } else if (good) {
            good = access_read(tlv.tag == T_FILES ? &adf->files : &adf->admin, tlv.value);
        }
    }
    return good;
}

static bool field_read(struct gp_object *o, const struct der_tlv *tlv)
{
    cr_span v = tlv->value;
    switch (tlv->tag) {
    case T_KIND:
        o->kind = (enum gp_kind)number_of(v);
        return true;
    case T_AID:
        return gp_aid_set(&o->aid, v);
    case T_STATE:
        o->state = (uint8_t)number_of(v);
        return true;
    case T_DOMAIN:
        o->domain = (uint16_t)number_of(v);
        return true;
    case T_PRIVILEGES:
        o->privileges = number_of(v);
        return true;
    case T_PACKAGE:
        return gp_aid_set(&o->package, v);
    case T_MODULE:
        return gp_aid_set(&o->module, v);
    case T_BUILTIN:
        o->builtin = true;
        return true;
    case T_TARS:
        o->tar_count = (uint8_t)(v.n / 3);
        return take_bytes(o->tars, sizeof o->tars, v);
    case T_MSL:
        o->has_msl = true;
        o->msl = (uint8_t)number_of(v);
        return true;
    case T_FILES:
        return access_read(&o->files, v);
    case T_ADMIN:
        return access_read(&o->admin, v);
    case T_PROTOCOLS:
        o->protocol_count = (uint8_t)(v.n / 2);
        return take_bytes(o->protocols, sizeof o->protocols, v);
    case T_SIZE:
        o->size = number_of(v);
        return true;
    case T_ADF:
        return adf_read(o, v);
    default:
        return false;
    }
}

static bool object_read(cr_span in, uint16_t id, struct gp_object *out)
{
    struct der_tlv tlv;
    struct gp_object o = {.id = id};
    while (in.n) {
        if (der_next(&in, DER_STRICT, &tlv, NULL) != CR_OK || !field_read(&o, &tlv)) {
            return false;
        }
    }
    *out = o;
    return o.aid.n != 0;
}

/* --- objects -----------------------------------------------------------------------------------
 */

bool gp_object_get(const struct gp_registry *reg, uint16_t id, struct gp_object *out)
{
    char key[GP_RECORD_KEY];
    cr_span v = id ? nvm_get(reg->nvm, gp_record_key(reg, key, 'o', id, 0, 0)) : (cr_span){0};
    return v.p && object_read(v, id, out);
}

bool gp_object_next(const struct gp_registry *reg, uint16_t after, struct gp_object *out)
{
    char prefix[GP_RECORD_KEY], from[GP_RECORD_KEY];
    cr_span under = sort_prefix(reg, prefix, 'o'), key, value;
    cr_span at = after ? gp_record_key(reg, from, 'o', after, 0, 0) : (cr_span){0};
    if (!nvm_next(reg->nvm, under, at, &key, &value) || key.n != under.n + 4) {
        return false;
    }
    uint16_t id = 0;
    for (size_t i = under.n; i < key.n; i++) {
        uint8_t c = key.p[i];
        id = (uint16_t)(id << 4 | (c <= '9' ? c - '0' : c - 'A' + 10));
    }
    return object_read(value, id, out);
}

bool gp_object_by_aid(const struct gp_registry *reg, cr_span aid, struct gp_object *out)
{
    struct gp_object o;
    for (uint16_t id = 0; gp_object_next(reg, id, &o); id = o.id) {
        if (cr_span_equal(gp_aid_span(&o.aid), aid)) {
            *out = o;
            return true;
        }
    }
    return false;
}

static bool has_tar(const struct gp_object *o, const uint8_t tar[3])
{
    for (size_t i = 0; i < o->tar_count; i++) {
        if (memcmp(o->tars[i], tar, 3) == 0) {
            return true;
        }
    }
    return false;
}

bool gp_object_by_tar(const struct gp_registry *reg, const uint8_t tar[3], struct gp_object *out)
{
    struct gp_object o;
    for (uint16_t id = 0; gp_object_next(reg, id, &o); id = o.id) {
        if (has_tar(&o, tar)) {
            *out = o;
            return true;
        }
    }
    return false;
}

bool gp_object_root(const struct gp_registry *reg, struct gp_object *out)
{
    struct gp_object o;
    for (uint16_t id = 0; gp_object_next(reg, id, &o); id = o.id) {
        if (o.kind == GP_DOMAIN) {
            *out = o;
            return true;
        }
    }
    return false;
}

size_t gp_object_count(const struct gp_registry *reg)
{
    char prefix[GP_RECORD_KEY];
    size_t count;
    (void)nvm_size_prefix(reg->nvm, sort_prefix(reg, prefix, 'o'), &count);
    return count;
}

bool gp_object_below(const struct gp_registry *reg, uint16_t id, uint16_t domain)
{
    struct gp_object o;
    for (unsigned n = 0; n < GP_MAX_OBJECTS && gp_object_get(reg, id, &o); n++) {
        if (o.id == domain || o.domain == domain) {
            return true;
        }
        if (o.domain == o.id) {
            return false;
        }
        id = o.domain;
    }
    return false;
}

cr_status gp_object_put(const struct gp_registry *reg, const struct gp_object *o,
                        struct cr_err *err)
{
    char key[GP_RECORD_KEY];
    cr_buf b = {0};
    object_write(o, &b);
    cr_status status = cr_buf_ok(&b) ? nvm_put(reg->nvm, gp_record_key(reg, key, 'o', o->id, 0, 0),
                                               cr_buf_span(&b), err)
                                     : cr_fail_memory(err);
    cr_buf_free(&b);
    return status;
}

/* Ids are given out once: a chain or a cursor never meets another object under the same one. */
static cr_status next_id(const struct gp_registry *reg, uint16_t *out, struct cr_err *err)
{
    char key[GP_RECORD_KEY];
    cr_span k = gp_record_key(reg, key, 'n', 0, 0, 0);
    cr_span v = nvm_get(reg->nvm, k);
    uint16_t id = v.n == 2 ? (uint16_t)number_of(v) : 1;
    if (id == UINT16_MAX) {
        return gp_refuse(err, UICC_SW_NO_MEMORY, "too many objects were registered");
    }
    uint8_t next[2] = {(uint8_t)((id + 1) >> 8), (uint8_t)(id + 1)};
    *out = id;
    return nvm_put(reg->nvm, k, CR_SPAN_ARRAY(next), err);
}

cr_status gp_object_add(const struct gp_registry *reg, struct gp_object *o, struct cr_err *err)
{
    struct gp_object other;
    if (gp_object_count(reg) >= GP_MAX_OBJECTS) {
        return gp_refuse(err, UICC_SW_NO_MEMORY, "the registry is full");
    }
    if (gp_object_by_aid(reg, gp_aid_span(&o->aid), &other)) {
        return gp_refuse(err, UICC_SW_WRONG_DATA, "the AID is taken");
    }
    for (size_t i = 0; i < o->tar_count; i++) {
        bool twice = false;
        for (size_t k = 0; k < i; k++) {
            twice = twice || memcmp(o->tars[i], o->tars[k], 3) == 0;
        }
        if (twice || gp_object_by_tar(reg, o->tars[i], &other)) {
            return gp_refuse(err, UICC_SW_WRONG_DATA, "the TAR is taken");
        }
    }
    CR_TRY(next_id(reg, &o->id, err));
    if (!o->domain) {
        o->domain = o->id;
    }
    return gp_object_put(reg, o, err);
}

cr_status gp_object_delete(const struct gp_registry *reg, uint16_t id, struct cr_err *err)
{
    static const char sorts[] = {'o', 'k', 'c', 'd', 'l', 'm'};
    char key[GP_RECORD_KEY];
    for (size_t i = 0; i < sizeof sorts; i++) {
        CR_TRY(nvm_delete_prefix(reg->nvm, gp_record_key(reg, key, sorts[i], id, 0, 0), err));
    }
    return CR_OK;
}

/* --- data --------------------------------------------------------------------------------------
 */

cr_span gp_data_get(const struct gp_registry *reg, uint16_t domain, uint32_t tag)
{
    char key[GP_RECORD_KEY];
    return nvm_get(reg->nvm, gp_record_key(reg, key, 'd', domain, tag, 6));
}

cr_status gp_data_put(const struct gp_registry *reg, uint16_t domain, uint32_t tag, cr_span tlv,
                      struct cr_err *err)
{
    char key[GP_RECORD_KEY], all[GP_RECORD_KEY];
    size_t used = nvm_size_prefix(reg->nvm, gp_record_key(reg, all, 'd', domain, 0, 0), NULL);
    if (tlv.n > GP_MAX_DATA || used + tlv.n > GP_MAX_DATA_ALL) {
        return gp_refuse(err, UICC_SW_NO_MEMORY, "more data than a domain has room for");
    }
    return nvm_put(reg->nvm, gp_record_key(reg, key, 'd', domain, tag, 6), tlv, err);
}

cr_span gp_load_file_get(const struct gp_registry *reg, uint16_t package)
{
    char key[GP_RECORD_KEY];
    return nvm_get(reg->nvm, gp_record_key(reg, key, 'l', package, 0, 0));
}

cr_status gp_load_file_put(const struct gp_registry *reg, uint16_t package, cr_span block,
                           struct cr_err *err)
{
    char key[GP_RECORD_KEY];
    return nvm_put(reg->nvm, gp_record_key(reg, key, 'l', package, 0, 0), block, err);
}

cr_span gp_modules_get(const struct gp_registry *reg, uint16_t package)
{
    char key[GP_RECORD_KEY];
    return nvm_get(reg->nvm, gp_record_key(reg, key, 'm', package, 0, 0));
}

cr_status gp_modules_put(const struct gp_registry *reg, uint16_t package, cr_span list,
                         struct cr_err *err)
{
    char key[GP_RECORD_KEY];
    return nvm_put(reg->nvm, gp_record_key(reg, key, 'm', package, 0, 0), list, err);
}

bool gp_modules_have(const struct gp_registry *reg, uint16_t package, cr_span aid)
{
    cr_span list = gp_modules_get(reg, package);
    while (list.n) {
        size_t n = list.p[0];
        if (cr_span_equal(cr_span_sub(list, 1, n), aid)) {
            return true;
        }
        list = cr_span_sub(list, 1 + n, list.n);
    }
    return false;
}

size_t gp_modules_count(const struct gp_registry *reg, uint16_t package)
{
    cr_span list = gp_modules_get(reg, package);
    size_t count = 0;
    while (list.n) {
        list = cr_span_sub(list, 1 + (size_t)list.p[0], list.n);
        count++;
    }
    return count;
}

cr_span gp_chain_get(const struct gp_registry *reg)
{
    char key[GP_RECORD_KEY];
    return nvm_get(reg->nvm, gp_record_key(reg, key, 's', 0, 0, 0));
}

cr_status gp_chain_put(const struct gp_registry *reg, cr_span state, struct cr_err *err)
{
    char key[GP_RECORD_KEY];
    cr_span k = gp_record_key(reg, key, 's', 0, 0, 0);
    if (state.p) {
        return nvm_put(reg->nvm, k, state, err);
    }
    return nvm_get(reg->nvm, k).p ? nvm_delete(reg->nvm, k, err) : CR_OK;
}
