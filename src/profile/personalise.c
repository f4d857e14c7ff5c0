#include "profile/personalise.h"

#include "base/text.h"
#include "crypto/aka.h"
#include "profile/maker.h"
#include "profile/template.h"

#include <stdlib.h>

/* State of one row. */
struct edit {
    const struct profile_personaliser *p;
    cr_arena *arena;
    struct cr_err *err;
    struct profile_element *elements; /* the template's, copied; raw absent = touched */
    size_t count;
    cr_span value; /* of the column at work */
    uint8_t key_version;
    cr_span k; /* of this row, for op and top */
};

typedef cr_status (*edit_fn)(struct edit *e);

struct column {
    struct profile_personalise_column shown;
    bool needed; /* an empty value is refused */
    int order;   /* columns are worked on in this order: op after k */
    edit_fn edit;
    bool (*has_place)(const struct profile_personaliser *p);
};

struct profile_personaliser {
    cr_buf bytes;
    cr_arena arena;
    struct profile_package package;
    char imsi[PROFILE_IMSI_TEXT]; /* of the template */
    const struct column *columns[PROFILE_CSV_MAX_FIELDS];
    uint8_t key_versions[PROFILE_CSV_MAX_FIELDS]; /* of kic.., 0 = the first in the package */
    size_t count;
};

/* ------------------------------------------------------------------ elements */

/* Marks an element as changed: it will be encoded from its members. */
static struct profile_element *touch(struct edit *e, size_t i)
{
    e->elements[i].raw = (cr_span){0};
    return &e->elements[i];
}

/* The index of member `name` of the first element that has it and is of this kind. */
static bool find_file(const struct profile_element *elements, size_t count,
                      enum profile_element_kind kind, const char *name, size_t *element,
                      size_t *file)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; elements[i].kind == kind && k < elements[i].fs.count; k++) {
            const struct profile_file *f = &elements[i].fs.files[k];
            if (f->row && strcmp(f->row->name, name) == 0 && profile_file_instances(f) > 0) {
                *element = i;
                *file = k;
                return true;
            }
        }
    }
    return false;
}

static bool has_file(const struct profile_personaliser *p, enum profile_element_kind kind,
                     const char *name)
{
    size_t element;
    size_t file;
    return find_file(p->package.elements, p->package.count, kind, name, &element, &file);
}

/* ------------------------------------------------------------------ contents of files */

/* A file taken apart: attributes, bytes before and after the template's content items. */
struct opened {
    struct profile_file *file;
    struct profile_file_instance instance;
    struct profile_file_attributes attributes;
    uint8_t *under; /* initial content */
    uint8_t *image; /* with the content items */
    size_t size;
};

static cr_status open_file(struct edit *e, const struct profile_file *file, struct opened *o)
{
    struct profile_file_instance *i = &o->instance;
    (void)profile_file_instance(file, 0, i);
    CR_TRY(profile_file_resolve(file->row, i->fcp, 0, &o->attributes, e->err));
    if (o->attributes.is_link || o->attributes.type == PROFILE_TYPE_BT) {
        return cr_fail(e->err, CR_REFUSED, NULL, "%s of the template is a link or a BER-TLV file",
                       file->row->name);
    }
    o->size = o->attributes.size_from_content ? profile_items_extent(i->items, i->count)
                                              : o->attributes.size;
    o->under = cr_arena_alloc(e->arena, o->size);
    o->image = cr_arena_alloc(e->arena, o->size);
    if (!o->under || !o->image) {
        return cr_fail_memory(e->err);
    }
    profile_fill(o->under, o->size, o->attributes.record_length, o->attributes.fill,
                 o->attributes.pattern);
    memcpy(o->image, o->under, o->size);
    struct profile_writer w = {.image = o->image, .size = o->size};
    return profile_writer_items(&w, i->items, i->count, e->err);
}

/* States a new size: a transparent file longer than before, records longer than before. */
static cr_status resize(struct edit *e, struct opened *o, struct profile_fcp *fcp, size_t size)
{
    struct profile_maker m = {.arena = e->arena, .err = e->err};
    bool records = profile_type_has_records(o->attributes.type);
    size_t total = records ? size * o->attributes.records : size;
    uint8_t *under = cr_arena_alloc(e->arena, total);
    uint8_t *image = cr_arena_alloc(e->arena, total);
    if (!under || !image) {
        return cr_fail_memory(e->err);
    }
    CR_TRY(profile_make_number(&m, total, 1, &fcp->ef_file_size));
    if (records) {
        uint8_t *descriptor = cr_arena_alloc(e->arena, 4);
        if (!descriptor) {
            return cr_fail_memory(e->err);
        }
        uint8_t shareable = o->attributes.shareable ? PROFILE_DESCRIPTOR_SHAREABLE : 0;
        descriptor[0] = (uint8_t)((profile_type_descriptor(o->attributes.type) &
                                   ~PROFILE_DESCRIPTOR_SHAREABLE) |
                                  shareable);
        descriptor[1] = 0x21;
        descriptor[2] = (uint8_t)(size >> 8);
        descriptor[3] = (uint8_t)size;
        fcp->file_descriptor = cr_span_of(descriptor, 4);
    }
    CR_TRY(profile_file_resolve(o->file->row, fcp, 0, &o->attributes, e->err));
    profile_fill(under, total, o->attributes.record_length, o->attributes.fill,
                 o->attributes.pattern);
    memset(image, 0xFF, total);
    o->under = under;
    o->image = image;
    o->size = total;
    return CR_OK;
}

/* New items: the Fcp, the content of the first instance, the further instances as they were. */
static cr_status close_file(struct edit *e, struct opened *o, const struct profile_fcp *fcp)
{
    cr_span content = cr_span_of(o->image, o->size);
    const struct profile_file_item *old = o->file->items.items;
    size_t first = o->instance.count + (o->instance.fcp != NULL); /* items of the first instance */
    size_t rest = o->file->items.count - first;
    struct profile_file_item *items =
        cr_arena_alloc_array(e->arena, 2 + profile_items_needed(content) + rest, sizeof(*items));
    size_t n = 0;
    if (!items) {
        return cr_fail_memory(e->err);
    }
    if (fcp) {
        items[n].which = PROFILE_ITEM_FCP;
        items[n++].fcp = *fcp;
    }
    size_t wrote = profile_items_write(content, o->under, items + n);
    if (wrote == 0) { /* equal to the default: said nevertheless */
        items[n] =
            (struct profile_file_item){.which = PROFILE_ITEM_CONTENT, .fill_file_content = content};
        wrote = 1;
    }
    n += wrote;
    if (rest > 0) {
        memcpy(items + n, old + first, rest * sizeof(*items));
    }
    o->file->items.items = items;
    o->file->items.count = n + rest;
    return CR_OK;
}

/* Puts bytes into record 1 of a file with records, or over the whole of a transparent file; what is
 * longer than they are is FF behind them. Grows the file when they do not fit. */
static cr_status set_file(struct edit *e, enum profile_element_kind kind, const char *name,
                          cr_span bytes)
{
    size_t element = 0;
    size_t index = 0;
    struct opened o = {0};
    if (!find_file(e->elements, e->count, kind, name, &element, &index)) {
        return cr_fail(e->err, CR_REFUSED, NULL, "the template has no %s in a %s element", name,
                       profile_kind_name(kind));
    }
    struct profile_element *pe = touch(e, element);
    struct profile_file *files =
        cr_arena_alloc_array(e->arena, pe->fs.count, sizeof(struct profile_file));
    if (!files) {
        return cr_fail_memory(e->err);
    }
    memcpy(files, pe->fs.files, pe->fs.count * sizeof(*files));
    pe->fs.files = files;
    o.file = &files[index];
    CR_TRY(open_file(e, o.file, &o));
    struct profile_fcp fcp = o.instance.fcp ? *o.instance.fcp : (struct profile_fcp){0};
    bool stated = o.instance.fcp != NULL;
    size_t room = o.attributes.record_length ? o.attributes.record_length : o.size;
    if (bytes.n > room) {
        CR_TRY(resize(e, &o, &fcp, bytes.n));
        stated = true;
        room = bytes.n;
    }
    memset(o.image, 0xFF, room);
    memcpy(o.image, bytes.p, bytes.n);
    return close_file(e, &o, stated ? &fcp : NULL);
}

/* Size of record 1, or of the file. */
static cr_status size_of(struct edit *e, enum profile_element_kind kind, const char *name,
                         size_t *size)
{
    size_t element = 0;
    size_t index = 0;
    struct opened o = {0};
    if (!find_file(e->elements, e->count, kind, name, &element, &index)) {
        return cr_fail(e->err, CR_REFUSED, NULL, "the template has no %s in a %s element", name,
                       profile_kind_name(kind));
    }
    CR_TRY(open_file(e, &e->elements[element].fs.files[index], &o));
    *size = o.attributes.record_length ? o.attributes.record_length : o.size;
    return CR_OK;
}

static cr_status copy_of(struct edit *e, cr_span bytes, cr_span *out)
{
    *out = cr_arena_copy(e->arena, bytes);
    return cr_span_present(*out) ? CR_OK : cr_fail_memory(e->err);
}

/* The element that has EF.IMSI: of a full profile or of an IoT minimal one. */
static enum profile_element_kind usim_kind(const struct profile_personaliser *p)
{
    return has_file(p, PROFILE_IOT, "ef-imsi") ? PROFILE_IOT : PROFILE_USIM;
}

/* ------------------------------------------------------------------ identities */

static cr_status edit_iccid(struct edit *e)
{
    uint8_t plain[PROFILE_ICCID];
    uint8_t swapped[PROFILE_ICCID];
    CR_TRY(profile_iccid_plain(e->value, plain, e->err));
    CR_TRY(profile_iccid_encode(e->value, swapped, e->err));
    CR_TRY(copy_of(e, CR_SPAN_ARRAY(plain), &touch(e, 0)->profile_header.iccid));
    enum profile_element_kind kind =
        has_file(e->p, PROFILE_MF, "ef-iccid") ? PROFILE_MF : PROFILE_IOT;
    /* an IoT minimal profile may leave EF.ICCID to the header */
    return has_file(e->p, kind, "ef-iccid") ? set_file(e, kind, "ef-iccid", CR_SPAN_ARRAY(swapped))
                                            : CR_OK;
}

static cr_status edit_acc(struct edit *e)
{
    uint8_t acc[PROFILE_ACC];
    CR_TRY(profile_acc_encode(e->value, acc, e->err));
    return set_file(e, usim_kind(e->p), "ef-acc", CR_SPAN_ARRAY(acc));
}

static bool has_column(const struct profile_personaliser *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->columns[i]->shown.name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The template's IMSI inside a text, replaced; false when it is not there. */
static bool replace_imsi(const struct edit *e, cr_span text, cr_buf *out)
{
    cr_span imsi = cr_span_str(e->p->imsi);
    for (size_t i = 0; imsi.n > 0 && i + imsi.n <= text.n; i++) {
        if (memcmp(text.p + i, imsi.p, imsi.n) == 0) {
            cr_buf_append_span(out, cr_span_sub(text, 0, i));
            cr_buf_append_span(out, e->value);
            cr_buf_append_span(out, cr_span_sub(text, i + imsi.n, text.n));
            return true;
        }
    }
    return false;
}

/* IMPI or IMPU that is made of the template's IMSI. */
static cr_status follow_imsi(struct edit *e, const char *name)
{
    size_t element = 0;
    size_t index = 0;
    struct opened o = {0};
    cr_buf text = {0};
    cr_buf tlv = {0};
    if (!find_file(e->elements, e->count, PROFILE_ISIM, name, &element, &index)) {
        return CR_OK;
    }
    CR_TRY(open_file(e, &e->elements[element].fs.files[index], &o));
    cr_span old = profile_text_tlv(
        cr_span_of(o.image, o.attributes.record_length ? o.attributes.record_length : o.size));
    cr_status status = CR_OK;
    if (replace_imsi(e, old, &text)) {
        profile_text_tlv_encode(cr_buf_span(&text), &tlv);
        status = cr_buf_ok(&text) && cr_buf_ok(&tlv)
                     ? set_file(e, PROFILE_ISIM, name, cr_buf_span(&tlv))
                     : cr_fail_memory(e->err);
    }
    cr_buf_free(&text);
    cr_buf_free(&tlv);
    return status;
}

static cr_status edit_imsi(struct edit *e)
{
    uint8_t imsi[PROFILE_IMSI];
    uint8_t acc[PROFILE_ACC];
    CR_TRY(profile_imsi_encode(e->value, imsi, e->err));
    CR_TRY(set_file(e, usim_kind(e->p), "ef-imsi", CR_SPAN_ARRAY(imsi)));
    if (!has_column(e->p, "acc") && has_file(e->p, usim_kind(e->p), "ef-acc")) {
        profile_acc_of_imsi(e->value, acc);
        CR_TRY(set_file(e, usim_kind(e->p), "ef-acc", CR_SPAN_ARRAY(acc)));
    }
    if (!has_column(e->p, "impi")) {
        CR_TRY(follow_imsi(e, "ef-impi"));
    }
    return has_column(e->p, "impu") ? CR_OK : follow_imsi(e, "ef-impu");
}

static cr_status edit_msisdn(struct edit *e)
{
    uint8_t record[PROFILE_MAX_RECORD];
    size_t size = 0;
    CR_TRY(size_of(e, PROFILE_OPT_USIM, "ef-msisdn", &size));
    CR_TRY(profile_adn_encode(cr_span_str(""), e->value, record, size, e->err));
    return set_file(e, PROFILE_OPT_USIM, "ef-msisdn", cr_span_of(record, size));
}

static cr_status edit_smsc(struct edit *e)
{
    uint8_t record[PROFILE_MAX_RECORD];
    size_t size = 0;
    CR_TRY(size_of(e, PROFILE_USIM, "ef-smsp", &size));
    CR_TRY(profile_smsp_encode(cr_span_str(""), e->value, record, size, e->err));
    return set_file(e, PROFILE_USIM, "ef-smsp", cr_span_of(record, size));
}

static cr_status edit_spn(struct edit *e)
{
    uint8_t spn[PROFILE_SPN];
    size_t element = 0;
    size_t index = 0;
    struct opened o = {0};
    if (!find_file(e->elements, e->count, PROFILE_USIM, "ef-spn", &element, &index)) {
        return cr_fail(e->err, CR_REFUSED, NULL, "the template has no ef-spn");
    }
    CR_TRY(open_file(e, &e->elements[element].fs.files[index], &o));
    CR_TRY(profile_spn_encode(o.size ? o.image[0] : 1, e->value, spn, e->err));
    return set_file(e, PROFILE_USIM, "ef-spn", CR_SPAN_ARRAY(spn));
}

static cr_status set_text(struct edit *e, const char *name)
{
    cr_buf tlv = {0};
    if (!cr_utf8_valid(e->value)) {
        return cr_fail(e->err, CR_MALFORMED, NULL, "not UTF-8");
    }
    profile_text_tlv_encode(e->value, &tlv);
    cr_status status = cr_buf_ok(&tlv) ? set_file(e, PROFILE_ISIM, name, cr_buf_span(&tlv))
                                       : cr_fail_memory(e->err);
    cr_buf_free(&tlv);
    return status;
}

static cr_status edit_impi(struct edit *e)
{
    return set_text(e, "ef-impi");
}

static cr_status edit_impu(struct edit *e)
{
    return set_text(e, "ef-impu");
}

static cr_status edit_domain(struct edit *e)
{
    return set_text(e, "ef-domain");
}

/* ------------------------------------------------------------------ codes */

static cr_status set_pin(struct edit *e, int64_t key, const uint8_t code[PROFILE_CODE])
{
    cr_span value;
    CR_TRY(copy_of(e, cr_span_of(code, PROFILE_CODE), &value));
    for (size_t i = 0; i < e->count; i++) {
        struct profile_pin_codes_choice *codes = &e->elements[i].pin_codes.codes;
        if (e->elements[i].kind != PROFILE_PIN_CODES || codes->which != PROFILE_PIN_CONFIG) {
            continue;
        }
        for (size_t k = 0; k < codes->pinconfig.count; k++) {
            if (codes->pinconfig.items[k].key_reference != key) {
                continue;
            }
            struct profile_pin *pins =
                cr_arena_alloc_array(e->arena, codes->pinconfig.count, sizeof(*pins));
            if (!pins) {
                return cr_fail_memory(e->err);
            }
            memcpy(pins, codes->pinconfig.items, codes->pinconfig.count * sizeof(*pins));
            pins[k].pin_value = value;
            touch(e, i)->pin_codes.codes.pinconfig.items = pins;
        }
    }
    return CR_OK;
}

static cr_status set_puk(struct edit *e, int64_t key)
{
    uint8_t code[PROFILE_CODE];
    cr_span value;
    CR_TRY(profile_puk_encode(e->value, code, e->err));
    CR_TRY(copy_of(e, CR_SPAN_ARRAY(code), &value));
    for (size_t i = 0; i < e->count; i++) {
        struct profile_puk_codes *codes = &e->elements[i].puk_codes;
        for (size_t k = 0; e->elements[i].kind == PROFILE_PUK_CODES && k < codes->codes.count;
             k++) {
            if (codes->codes.items[k].key_reference != key) {
                continue;
            }
            struct profile_puk *puks =
                cr_arena_alloc_array(e->arena, codes->codes.count, sizeof(*puks));
            if (!puks) {
                return cr_fail_memory(e->err);
            }
            memcpy(puks, codes->codes.items, codes->codes.count * sizeof(*puks));
            puks[k].puk_value = value;
            touch(e, i)->puk_codes.codes.items = puks;
        }
    }
    return CR_OK;
}

static cr_status edit_pin(struct edit *e, int64_t key)
{
    uint8_t code[PROFILE_CODE];
    CR_TRY(profile_pin_encode(e->value, code, e->err));
    return set_pin(e, key, code);
}

static cr_status edit_pin1(struct edit *e)
{
    return edit_pin(e, 0x01);
}

static cr_status edit_pin2(struct edit *e)
{
    return edit_pin(e, 0x81);
}

static cr_status edit_adm1(struct edit *e)
{
    uint8_t code[PROFILE_CODE];
    CR_TRY(profile_adm_encode(e->value, code, e->err));
    return set_pin(e, 0x0A, code);
}

static cr_status edit_puk1(struct edit *e)
{
    return set_puk(e, 0x01);
}

static cr_status edit_puk2(struct edit *e)
{
    return set_puk(e, 0x81);
}

/* ------------------------------------------------------------------ keys */

static cr_status value_hex(struct edit *e, cr_span *out)
{
    cr_buf bytes = {.secret = true};
    cr_status status = cr_hex_decode(&bytes, e->value, e->err);
    if (status == CR_OK) {
        status = copy_of(e, cr_buf_span(&bytes), out);
    }
    cr_buf_free(&bytes);
    return status;
}

static struct profile_aka_algorithm *own_keys(struct profile_element *e)
{
    return e->kind == PROFILE_AKA && e->aka.algo_configuration.which == PROFILE_AKA_OWN
               ? &e->aka.algo_configuration.algo_parameter
               : NULL;
}

static cr_status edit_k(struct edit *e)
{
    CR_TRY(value_hex(e, &e->k));
    for (size_t i = 0; i < e->count; i++) {
        struct profile_aka_algorithm *a = own_keys(&e->elements[i]);
        if (!a) {
            continue;
        }
        if (e->k.n != 16 && !(e->k.n == 32 && a->algorithm_id == PROFILE_AKA_TUAK)) {
            return cr_fail(e->err, CR_MALFORMED, NULL, "a key of %zu bytes", e->k.n);
        }
        (void)touch(e, i);
        a->key = e->k;
    }
    return CR_OK;
}

static cr_status derive(struct edit *e, const struct profile_aka_algorithm *a, cr_span op,
                        cr_span *out)
{
    struct aka_params params;
    uint8_t derived[32];
    aka_params_default(&params, a->algorithm_id == PROFILE_AKA_TUAK ? AKA_TUAK : AKA_MILENAGE);
    if (a->key.n > sizeof(params.key)) {
        return cr_fail(e->err, CR_MALFORMED, NULL, "a key of %zu bytes", a->key.n);
    }
    memcpy(params.key, a->key.p, a->key.n);
    params.key_size = a->key.n;
    params.keccak_iterations = (unsigned)a->number_of_keccak;
    cr_status status = aka_opc(&params, op, derived, e->err);
    if (status == CR_OK) {
        status = copy_of(e, cr_span_of(derived, op.n), out);
    }
    cr_wipe(&params, sizeof(params));
    cr_wipe(derived, sizeof(derived));
    return status;
}

/* OPc or TOPc given, or derived from OP or TOP with the key of this row. */
static cr_status set_opc(struct edit *e, int64_t algorithm, bool operator_value)
{
    cr_span value;
    CR_TRY(value_hex(e, &value));
    size_t size = algorithm == PROFILE_AKA_TUAK ? 32 : 16;
    if (value.n != size) {
        return cr_fail(e->err, CR_MALFORMED, NULL, "%zu bytes instead of %zu", value.n, size);
    }
    for (size_t i = 0; i < e->count; i++) {
        struct profile_aka_algorithm *a = own_keys(&e->elements[i]);
        if (!a || a->algorithm_id != algorithm) {
            continue;
        }
        cr_span opc = value;
        if (operator_value) {
            CR_TRY(derive(e, a, value, &opc));
        }
        (void)touch(e, i);
        a->opc = opc;
    }
    return CR_OK;
}

static cr_status edit_opc(struct edit *e)
{
    return set_opc(e, PROFILE_AKA_MILENAGE, false);
}

static cr_status edit_op(struct edit *e)
{
    return set_opc(e, PROFILE_AKA_MILENAGE, true);
}

static cr_status edit_topc(struct edit *e)
{
    return set_opc(e, PROFILE_AKA_TUAK, false);
}

static cr_status edit_top(struct edit *e)
{
    return set_opc(e, PROFILE_AKA_TUAK, true);
}

/* Key of the MNO-SD with this identifier, of the column's version or of the first one there is. */
static struct profile_key *find_key(struct profile_security_domain *sd, uint8_t identifier,
                                    uint8_t version, bool psk)
{
    for (size_t i = 0; i < sd->key_list.count; i++) {
        struct profile_key *key = &sd->key_list.items[i];
        if (key->key_identifier.p[0] == identifier && key->key_components.count > 0 &&
            (version == 0 || key->key_version_number.p[0] == version) &&
            psk == (key->key_components.items[0].key_type.p[0] == PROFILE_KEY_TYPE_TLS_PSK)) {
            return key;
        }
    }
    return NULL;
}

static size_t mno_sd(const struct profile_element *elements, size_t count)
{
    size_t i = 0;
    while (i < count && elements[i].kind != PROFILE_SECURITY_DOMAIN) {
        i++;
    }
    return i;
}

static cr_status set_key(struct edit *e, uint8_t identifier, bool psk)
{
    cr_span value;
    size_t i = mno_sd(e->elements, e->count);
    CR_TRY(value_hex(e, &value));
    struct profile_security_domain *sd = i < e->count ? &e->elements[i].sd : NULL;
    struct profile_key *old = sd ? find_key(sd, identifier, e->key_version, psk) : NULL;
    if (!sd || !old) {
        return cr_fail(e->err, CR_REFUSED, NULL, "the template has no such key");
    }
    if (value.n != old->key_components.items[0].key_data.n) {
        return cr_fail(e->err, CR_MALFORMED, NULL, "a key of %zu bytes, the template has %zu",
                       value.n, old->key_components.items[0].key_data.n);
    }
    size_t at = (size_t)(old - sd->key_list.items);
    struct profile_key *keys = cr_arena_alloc_array(e->arena, sd->key_list.count, sizeof(*keys));
    struct profile_key_component *parts =
        cr_arena_alloc_array(e->arena, old->key_components.count, sizeof(*parts));
    if (!keys || !parts) {
        return cr_fail_memory(e->err);
    }
    memcpy(keys, sd->key_list.items, sd->key_list.count * sizeof(*keys));
    memcpy(parts, old->key_components.items, old->key_components.count * sizeof(*parts));
    parts[0].key_data = value;
    keys[at].key_components.items = parts;
    touch(e, i)->sd.key_list.items = keys;
    return CR_OK;
}

static cr_status edit_kic(struct edit *e)
{
    return set_key(e, 1, false);
}

static cr_status edit_kid(struct edit *e)
{
    return set_key(e, 2, false);
}

static cr_status edit_kik(struct edit *e)
{
    return set_key(e, 3, false);
}

static cr_status edit_psk(struct edit *e)
{
    return set_key(e, 1, true);
}

/* ------------------------------------------------------------------ columns */

static bool place_header(const struct profile_personaliser *p)
{
    return p->package.elements[0].kind == PROFILE_HEADER;
}

static bool place_imsi(const struct profile_personaliser *p)
{
    return has_file(p, usim_kind(p), "ef-imsi");
}

static bool place_acc(const struct profile_personaliser *p)
{
    return has_file(p, usim_kind(p), "ef-acc");
}

static bool place_msisdn(const struct profile_personaliser *p)
{
    return has_file(p, PROFILE_OPT_USIM, "ef-msisdn");
}

static bool place_smsp(const struct profile_personaliser *p)
{
    return has_file(p, PROFILE_USIM, "ef-smsp");
}

static bool place_spn(const struct profile_personaliser *p)
{
    return has_file(p, PROFILE_USIM, "ef-spn");
}

static bool place_isim(const struct profile_personaliser *p)
{
    return has_file(p, PROFILE_ISIM, "ef-impi") && has_file(p, PROFILE_ISIM, "ef-impu") &&
           has_file(p, PROFILE_ISIM, "ef-domain");
}

static bool has_pin(const struct profile_personaliser *p, int64_t key)
{
    for (size_t i = 0; i < p->package.count; i++) {
        const struct profile_element *e = &p->package.elements[i];
        bool config =
            e->kind == PROFILE_PIN_CODES && e->pin_codes.codes.which == PROFILE_PIN_CONFIG;
        for (size_t k = 0; config && k < e->pin_codes.codes.pinconfig.count; k++) {
            if (e->pin_codes.codes.pinconfig.items[k].key_reference == key) {
                return true;
            }
        }
    }
    return false;
}

static bool has_puk(const struct profile_personaliser *p, int64_t key)
{
    for (size_t i = 0; i < p->package.count; i++) {
        const struct profile_element *e = &p->package.elements[i];
        for (size_t k = 0; e->kind == PROFILE_PUK_CODES && k < e->puk_codes.codes.count; k++) {
            if (e->puk_codes.codes.items[k].key_reference == key) {
                return true;
            }
        }
    }
    return false;
}

static bool place_pin1(const struct profile_personaliser *p)
{
    return has_pin(p, 0x01);
}

static bool place_pin2(const struct profile_personaliser *p)
{
    return has_pin(p, 0x81);
}

static bool place_adm1(const struct profile_personaliser *p)
{
    return has_pin(p, 0x0A);
}

static bool place_puk1(const struct profile_personaliser *p)
{
    return has_puk(p, 0x01);
}

static bool place_puk2(const struct profile_personaliser *p)
{
    return has_puk(p, 0x81);
}

static bool has_algorithm(const struct profile_personaliser *p, int64_t algorithm)
{
    for (size_t i = 0; i < p->package.count; i++) {
        const struct profile_aka_algorithm *a = own_keys(&p->package.elements[i]);
        if (a && (algorithm == 0 || a->algorithm_id == algorithm)) {
            return true;
        }
    }
    return false;
}

static bool place_aka(const struct profile_personaliser *p)
{
    return has_algorithm(p, 0);
}

static bool place_milenage(const struct profile_personaliser *p)
{
    return has_algorithm(p, PROFILE_AKA_MILENAGE);
}

static bool place_tuak(const struct profile_personaliser *p)
{
    return has_algorithm(p, PROFILE_AKA_TUAK);
}

static bool place_keys(const struct profile_personaliser *p)
{
    size_t i = mno_sd(p->package.elements, p->package.count);
    return i < p->package.count && p->package.elements[i].sd.key_list.count > 0;
}

static const struct column columns[] = {
    {{"iccid", "18 to 20 digits: header and EF.ICCID"}, true, 0, edit_iccid, place_header},
    {{"imsi", "6 to 15 digits: EF.IMSI"}, true, 0, edit_imsi, place_imsi},
    {{"k", "subscriber key, hex: all akaParameter elements"}, true, 0, edit_k, place_aka},
    {{"ki", "the same as k"}, true, 0, edit_k, place_aka},
    {{"opc", "OPc of Milenage, hex"}, true, 1, edit_opc, place_milenage},
    {{"op", "OP of Milenage, hex: OPc is derived"}, true, 1, edit_op, place_milenage},
    {{"topc", "TOPc of TUAK, hex"}, true, 1, edit_topc, place_tuak},
    {{"top", "TOP of TUAK, hex: TOPc is derived"}, true, 1, edit_top, place_tuak},
    {{"pin1", "4 to 8 digits"}, false, 0, edit_pin1, place_pin1},
    {{"puk1", "8 digits"}, false, 0, edit_puk1, place_puk1},
    {{"pin2", "4 to 8 digits, of all applications"}, false, 0, edit_pin2, place_pin2},
    {{"puk2", "8 digits"}, false, 0, edit_puk2, place_puk2},
    {{"adm1", "4 to 8 digits or 16 hex digits"}, false, 0, edit_adm1, place_adm1},
    {{"msisdn", "telephone number: EF.MSISDN"}, false, 0, edit_msisdn, place_msisdn},
    {{"spn", "service provider name: EF.SPN"}, false, 0, edit_spn, place_spn},
    {{"acc", "access classes: EF.ACC"}, false, 0, edit_acc, place_acc},
    {{"smsc", "SMS service centre: EF.SMSP"}, false, 0, edit_smsc, place_smsp},
    {{"smsp", "the same as smsc"}, false, 0, edit_smsc, place_smsp},
    {{"impi", "private identity of the ISIM"}, false, 0, edit_impi, place_isim},
    {{"impu", "public identity of the ISIM (the first one)"}, false, 0, edit_impu, place_isim},
    {{"domain", "home network domain of the ISIM"}, false, 0, edit_domain, place_isim},
    {{"kic", "key 1 (encryption) of the MNO-SD, hex"}, false, 0, edit_kic, place_keys},
    {{"kid", "key 2 (authentication) of the MNO-SD, hex"}, false, 0, edit_kid, place_keys},
    {{"kik", "key 3 (key encryption) of the MNO-SD, hex"}, false, 0, edit_kik, place_keys},
    {{"psk", "key of TLS (SCP81) of the MNO-SD, hex"}, false, 0, edit_psk, place_keys},
};
#define LAST_ORDER 1

const struct profile_personalise_column *profile_personalise_column(size_t index)
{
    return index < CR_COUNT(columns) ? &columns[index].shown : NULL;
}

static const struct column *column_named(cr_span name, uint8_t *version)
{
    *version = 0;
    for (size_t i = 0; i < CR_COUNT(columns); i++) {
        if (cr_span_equal_nocase(name, cr_span_str(columns[i].shown.name))) {
            return &columns[i];
        }
    }
    for (size_t i = 0; i < CR_COUNT(columns); i++) {
        if (columns[i].has_place == place_keys && name.n == 5 &&
            cr_span_equal_nocase(cr_span_sub(name, 0, 3), cr_span_str(columns[i].shown.name)) &&
            cr_hex_fixed(version, 1, cr_span_sub(name, 3, 2)) && *version > 0) {
            return &columns[i];
        }
    }
    return NULL;
}

static cr_status unknown_column(const struct profile_csv_row *row, size_t i, struct cr_err *err)
{
    char name[32];
    const char *nearest = NULL;
    unsigned least = CR_TEXT_MEANT;
    (void)cr_str_copy(name, sizeof(name), row->fields[i]);
    for (size_t k = 0; k < CR_COUNT(columns); k++) {
        const char *known = columns[k].shown.name;
        nearest = cr_text_nearer(known, name, &least) ? known : nearest;
    }
    cr_status status = cr_fail(err, CR_MALFORMED, NULL, "row %zu, column %zu: '%s' is no column",
                               row->number, i + 1, name);
    if (row->count == 1 && strpbrk(name, ";\t")) {
        return cr_err_next(err, status, "divide the columns by commas (RFC 4180)");
    }
    return cr_err_next(err, status, "%s%s%s`crisp profile personalise --columns` lists them all",
                       nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "");
}

/* ------------------------------------------------------------------ life */

cr_status profile_personaliser_new(cr_span package, struct profile_personaliser **out,
                                   struct cr_err *err)
{
    struct profile_personaliser *p = calloc(1, sizeof(*p));
    size_t element;
    size_t file;
    if (!p) {
        return cr_fail_memory(err);
    }
    p->bytes.secret = true;
    p->arena.secret = true;
    cr_buf_append_span(&p->bytes, package);
    cr_status status = cr_buf_ok(&p->bytes) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = profile_package_read(cr_buf_span(&p->bytes), &p->arena, &p->package, err);
    }
    if (status == CR_OK && p->package.elements[0].kind != PROFILE_HEADER) {
        status = cr_fail(err, CR_REFUSED, "TCA IFT: Order of elements",
                         "the template does not begin with a header");
    }
    if (status == CR_OK && find_file(p->package.elements, p->package.count, usim_kind(p), "ef-imsi",
                                     &element, &file)) {
        struct edit e = {.p = p, .arena = &p->arena, .err = err};
        struct opened o = {0};
        status = open_file(&e, &p->package.elements[element].fs.files[file], &o);
        if (status == CR_OK) {
            profile_imsi_text(cr_span_of(o.image, o.size), p->imsi);
        }
    }
    if (status != CR_OK) {
        profile_personaliser_free(p);
        return status;
    }
    *out = p;
    return CR_OK;
}

void profile_personaliser_free(struct profile_personaliser *p)
{
    if (p) {
        cr_buf_free(&p->bytes);
        cr_arena_free(&p->arena);
        free(p);
    }
}

cr_status profile_personaliser_header(struct profile_personaliser *p,
                                      const struct profile_csv_row *row, struct cr_err *err)
{
    for (p->count = 0; p->count < row->count; p->count++) {
        size_t i = p->count;
        const struct column *column = column_named(row->fields[i], &p->key_versions[i]);
        if (!column) {
            return unknown_column(row, i, err);
        }
        for (size_t k = 0; k < i; k++) {
            if (p->columns[k]->edit == column->edit && p->key_versions[k] == p->key_versions[i]) {
                return cr_fail(err, CR_MALFORMED, NULL, "row %zu, column %zu: %s is there twice",
                               row->number, i + 1, column->shown.name);
            }
        }
        if (!column->has_place(p)) {
            cr_status status = cr_fail(err, CR_REFUSED, NULL,
                                       "row %zu, column %zu: the template has no place for %s",
                                       row->number, i + 1, column->shown.name);
            return cr_err_next(err, status,
                               "leave the column out, or build the template with such a value");
        }
        p->columns[i] = column;
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ rows */

static cr_status edit_columns(struct edit *e, const struct profile_csv_row *row, int order)
{
    for (size_t i = 0; i < e->p->count; i++) {
        const struct column *column = e->p->columns[i];
        if (column->order != order) {
            continue;
        }
        cr_status status = CR_OK;
        e->value = row->fields[i];
        e->key_version = e->p->key_versions[i];
        if (e->value.n > 0) {
            status = column->edit(e);
        } else if (column->needed) {
            status = cr_fail(e->err, CR_MALFORMED, NULL, "empty");
        }
        if (status != CR_OK) {
            cr_status with = cr_err_context(e->err, status, "row %zu, column %zu (%s)", row->number,
                                            i + 1, column->shown.name);
            return cr_err_field(e->err, with, column->shown.name);
        }
    }
    return CR_OK;
}

static cr_status personalise(struct edit *e, const struct profile_csv_row *row, cr_buf *package,
                             struct profile_personalised *info)
{
    const struct profile_package *template = &e->p->package;
    if (row->count != e->p->count) {
        return cr_fail(e->err, CR_MALFORMED, "RFC 4180", "row %zu: %zu columns, the header has %zu",
                       row->number, row->count, e->p->count);
    }
    e->count = template->count;
    e->elements = cr_arena_alloc_array(e->arena, e->count, sizeof(struct profile_element));
    if (!e->elements) {
        return cr_fail_memory(e->err);
    }
    memcpy(e->elements, template->elements, e->count * sizeof(struct profile_element));
    for (int order = 0; order <= LAST_ORDER; order++) {
        CR_TRY(edit_columns(e, row, order));
    }
    const struct profile_package made = {.elements = e->elements, .count = e->count};
    cr_status status = profile_package_encode(&made, package, e->err);
    if (status != CR_OK) {
        return cr_err_context(e->err, status, "row %zu", row->number);
    }
    profile_iccid_plain_text(e->elements[0].profile_header.iccid, info->iccid);
    return CR_OK;
}

cr_status profile_personaliser_row(struct profile_personaliser *p,
                                   const struct profile_csv_row *row, cr_buf *package,
                                   struct profile_personalised *info, struct cr_err *err)
{
    cr_arena arena = {.secret = true};
    struct edit e = {.p = p, .arena = &arena, .err = err};
    cr_status status = personalise(&e, row, package, info);
    cr_arena_free(&arena);
    return status;
}
