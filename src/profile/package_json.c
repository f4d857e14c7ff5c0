#include "profile/package_json.h"

#include "asn1/json.h"
#include "base/text.h"
#include "profile/schema.h"
#include "profile/template.h"

#include <stdio.h>
#include <stdlib.h>

#define RAW         "raw"
#define TEMPLATE_ID "templateID"
#define NAME_MAX_   48 /* bytes of a made-up member name */

/* The template that names the members: the stated one, or the latest of the kind. */
static const struct profile_template *naming_template(const struct profile_files *fs,
                                                      enum profile_element_kind kind)
{
    return fs->template ? fs->template : profile_template_of_kind(kind);
}

static const char *member_name(const struct profile_template *t, unsigned member,
                               char room[NAME_MAX_])
{
    const struct profile_template_member *row = profile_template_member(t, member);
    if (row) {
        return row->name;
    }
    snprintf(room, NAME_MAX_, "[%u]", member);
    return room;
}

static void header_name(enum profile_element_kind kind, char room[NAME_MAX_])
{
    const char *name = profile_schema_header_name(kind);
    bool plain = name && strcmp(name, "header") == 0;
    snprintf(room, NAME_MAX_, "%s%s", plain ? profile_kind_name(kind) : "",
             plain ? "-header" : (name ? name : ""));
}

/* ------------------------------------------------------------------ writing */

static cr_status put(json_t *object, const char *name, json_t *value, struct cr_err *err)
{
    return json_object_set_new(object, name, value) == 0 ? CR_OK : cr_fail_memory(err);
}

static cr_status put_raw(json_t *object, cr_span raw, struct cr_err *err)
{
    cr_buf hex = {.secret = true};
    cr_hex_append(&hex, raw);
    const char *text = cr_buf_cstr(&hex);
    cr_status status = text ? put(object, RAW, json_string(text), err) : cr_fail_memory(err);
    cr_buf_free(&hex);
    return status;
}

static cr_status put_files(const struct profile_element *e, json_t *object, struct cr_err *err)
{
    char name[NAME_MAX_];
    char oid[DER_OID_TEXT];
    const struct profile_template *t = naming_template(&e->fs, e->kind);
    json_t *value = NULL;
    header_name(e->kind, name);
    CR_TRY(asn1_to_json(&profile_schema_pe_header, &e->header, &value, err));
    CR_TRY(put(object, name, value, err));
    CR_TRY(der_oid_text(e->fs.template_id, oid, err));
    CR_TRY(put(object, TEMPLATE_ID, json_string(oid), err));
    for (size_t i = 0; i < e->fs.count; i++) {
        const struct profile_file *file = &e->fs.files[i];
        struct asn1_list items = {
            .items = file->items.items, .count = file->items.count, .present = true};
        CR_TRY(asn1_to_json(&profile_schema_file, &items, &value, err));
        CR_TRY(put(object, member_name(t, file->member, name), value, err));
    }
    return CR_OK;
}

/* The members without raw; NULL in *out when they cannot be shown (a template OID that is none). */
static cr_status members_to_json(const struct profile_element *e, json_t **out, struct cr_err *err)
{
    const struct asn1_type *type = profile_schema_of(e->kind);
    if (type) {
        return asn1_to_json(type, e, out, err);
    }
    json_t *object = json_object();
    if (!object) {
        return cr_fail_memory(err);
    }
    cr_status status = profile_kind_has_files(e->kind) ? put_files(e, object, err) : CR_OK;
    if (status != CR_OK) {
        json_decref(object);
        return status;
    }
    *out = object;
    return CR_OK;
}

/* True when the JSON reads back to an element that encodes to the element's bytes. */
static bool comes_back(const struct profile_element *e, const json_t *members);

cr_status profile_element_to_json(const struct profile_element *element, json_t **out,
                                  struct cr_err *err)
{
    json_t *members = NULL;
    bool has_raw = cr_span_present(element->raw);
    cr_status status = members_to_json(element, &members, err);
    if (status != CR_OK) {
        if (!has_raw || status == CR_RESOURCE) {
            return status;
        }
        members = json_object(); /* what cannot be shown is kept as bytes */
        if (!members) {
            return cr_fail_memory(err);
        }
    }
    status = has_raw && !comes_back(element, members) ? put_raw(members, element->raw, err) : CR_OK;
    json_t *object = status == CR_OK ? json_object() : NULL;
    if (!object) {
        json_decref(members);
        return status == CR_OK ? cr_fail_memory(err) : status;
    }
    if (json_object_set_new(object, profile_kind_name(element->kind), members) != 0) {
        json_decref(object);
        return cr_fail_memory(err);
    }
    *out = object;
    return CR_OK;
}

cr_status profile_package_to_json(const struct profile_package *package, json_t **out,
                                  struct cr_err *err)
{
    json_t *array = json_array();
    cr_status status = array ? CR_OK : cr_fail_memory(err);
    for (size_t i = 0; status == CR_OK && i < package->count; i++) {
        json_t *element = NULL;
        status = profile_element_to_json(&package->elements[i], &element, err);
        if (status == CR_OK && json_array_append_new(array, element) != 0) {
            status = cr_fail_memory(err);
        }
    }
    json_t *object = status == CR_OK ? json_object() : NULL;
    if (!object) {
        json_decref(array);
        return status == CR_OK ? cr_fail_memory(err) : status;
    }
    if (json_object_set_new(object, "elements", array) != 0) {
        json_decref(object);
        return cr_fail_memory(err);
    }
    *out = object;
    return CR_OK;
}

/* ------------------------------------------------------------------ reading */

static unsigned member_from_name(const struct profile_template *t, const char *name)
{
    const struct profile_template_member *row = profile_template_member_named(t, name);
    if (row) {
        return row->member;
    }
    char *end = NULL;
    if (name[0] != '[' || name[1] < '0' || name[1] > '9') {
        return 0;
    }
    unsigned long n = strtoul(name + 1, &end, 10);
    return strcmp(end, "]") == 0 && n < PROFILE_MAX_MEMBERS ? (unsigned)n : 0;
}

static cr_status read_template_id(const json_t *json, cr_arena *arena, struct profile_element *e,
                                  struct cr_err *err)
{
    const char *text = json_string_value(json_object_get(json, TEMPLATE_ID));
    if (!text) {
        return cr_fail(err, CR_MALFORMED, NULL, "templateID: missing, or no string");
    }
    cr_buf oid = {0};
    cr_status status = der_oid_from_text(&oid, cr_span_str(text), err);
    if (status == CR_OK) {
        e->fs.template_id = cr_arena_copy(arena, cr_buf_span(&oid));
        e->fs.template = profile_template_by_oid(e->fs.template_id);
        status = cr_span_present(e->fs.template_id) ? CR_OK : cr_fail_memory(err);
    } else {
        (void)cr_err_context(err, status, "templateID");
    }
    cr_buf_free(&oid);
    return status;
}

static cr_status read_file(const struct profile_template *t, const char *name, const json_t *value,
                           cr_arena *arena, struct profile_element *e, struct cr_err *err)
{
    struct profile_file *file = &e->fs.files[e->fs.count];
    file->member = member_from_name(t, name);
    if (profile_tag_of_member(file->member) == 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s: the template %s has no such member", name,
                       t->name);
    }
    file->row = e->fs.template ? profile_template_member(e->fs.template, file->member) : NULL;
    cr_status status = asn1_from_json(&profile_schema_file, value, arena, &file->items, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", name);
    }
    e->fs.count++;
    return CR_OK;
}

static int by_member(const void *a, const void *b)
{
    const struct profile_file *x = a;
    const struct profile_file *y = b;
    return x->member < y->member ? -1 : x->member > y->member;
}

static cr_status read_files(const json_t *json, cr_arena *arena, struct profile_element *e,
                            struct cr_err *err)
{
    char header[NAME_MAX_];
    const char *name;
    json_t *value;
    header_name(e->kind, header);
    json_t *pe_header = json_object_get(json, header);
    if (!pe_header) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s: missing", header);
    }
    CR_TRY(asn1_from_json(&profile_schema_pe_header, pe_header, arena, &e->header, err));
    CR_TRY(read_template_id(json, arena, e, err));
    const struct profile_template *t = naming_template(&e->fs, e->kind);
    e->fs.files = cr_arena_alloc_array(arena, json_object_size(json), sizeof(struct profile_file));
    if (!e->fs.files) {
        return cr_fail_memory(err);
    }
    /* jansson's iterator wants a mutable object, and does not change it */
    json_t *object = (json_t *)(uintptr_t)json;
    json_object_foreach(object, name, value)
    {
        if (strcmp(name, header) != 0 && strcmp(name, TEMPLATE_ID) != 0) {
            CR_TRY(read_file(t, name, value, arena, e, err));
        }
    }
    if (e->fs.count > 1) {
        qsort(e->fs.files, e->fs.count, sizeof(struct profile_file), by_member);
    }
    return CR_OK;
}

/* Members without "raw". */
static cr_status members_from_json(enum profile_element_kind kind, const json_t *members,
                                   cr_arena *arena, struct profile_element *out, struct cr_err *err)
{
    const struct asn1_type *type = profile_schema_of(kind);
    struct profile_element element = {.kind = kind, .tag = profile_kind_tag(kind)};
    if (type) {
        CR_TRY(asn1_from_json(type, members, arena, &element, err));
        element.kind = kind;
        element.tag = profile_kind_tag(kind);
    } else {
        cr_status status = read_files(members, arena, &element, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "%s", profile_kind_name(kind));
        }
    }
    *out = element;
    return CR_OK;
}

static bool comes_back(const struct profile_element *e, const json_t *members)
{
    cr_arena arena = {.secret = true};
    cr_buf out = {.secret = true};
    struct profile_element again;
    bool same = e->kind != PROFILE_UNKNOWN &&
                members_from_json(e->kind, members, &arena, &again, NULL) == CR_OK &&
                profile_element_encode(&again, &out, NULL) == CR_OK &&
                cr_span_equal(cr_buf_span(&out), e->raw);
    cr_buf_free(&out);
    cr_arena_free(&arena);
    return same;
}

/* The element in "raw"; it has to be of the kind that its name says. */
static cr_status element_of_raw(enum profile_element_kind kind, const json_t *raw, cr_arena *arena,
                                struct profile_element *out, struct cr_err *err)
{
    const char *text = json_string_value(raw);
    cr_buf bytes = {.limit = PROFILE_MAX_ELEMENT, .secret = true};
    cr_status status = text ? cr_hex_decode(&bytes, cr_span_str(text), err)
                            : cr_fail(err, CR_MALFORMED, NULL, "no string");
    cr_span copy = status == CR_OK ? cr_arena_copy(arena, cr_buf_span(&bytes)) : (cr_span){0};
    cr_buf_free(&bytes);
    if (status == CR_OK && !cr_span_present(copy)) {
        status = cr_fail_memory(err);
    }
    if (status == CR_OK) {
        status = profile_element_next(&copy, arena, out, err);
    }
    if (status == CR_OK && copy.n > 0) {
        status = cr_fail(err, CR_MALFORMED, NULL, "%zu bytes after the element", copy.n);
    }
    if (status == CR_OK && out->kind != kind) {
        status = cr_fail(err, CR_MALFORMED, NULL, "the bytes are of kind %s",
                         profile_kind_name(out->kind));
    }
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s.raw", profile_kind_name(kind));
}

/* With "raw": its bytes stand as long as the other members say the same. */
static cr_status element_with_raw(enum profile_element_kind kind, const json_t *members,
                                  const json_t *raw, cr_arena *arena, struct profile_element *out,
                                  struct cr_err *err)
{
    struct profile_element received;
    CR_TRY(element_of_raw(kind, raw, arena, &received, err));
    json_t *given = json_copy((json_t *)(uintptr_t)members);
    json_t *shown = NULL;
    if (!given || json_object_del(given, RAW) != 0) {
        json_decref(given);
        return cr_fail_memory(err);
    }
    bool stands = json_object_size(given) == 0 ||
                  (members_to_json(&received, &shown, NULL) == CR_OK && json_equal(given, shown));
    cr_status status = CR_OK;
    if (stands) {
        *out = received;
    } else if (kind == PROFILE_UNKNOWN) {
        status = cr_fail(err, CR_MALFORMED, NULL, "unknown: has raw only");
    } else {
        status = members_from_json(kind, given, arena, out, err);
    }
    json_decref(shown);
    json_decref(given);
    return status;
}

cr_status profile_element_from_json(const json_t *json, cr_arena *arena,
                                    struct profile_element *out, struct cr_err *err)
{
    if (!json_is_object(json) || json_object_size(json) != 1) {
        return cr_fail(err, CR_MALFORMED, NULL,
                       "not an object with one member, the element's name");
    }
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)json));
    const json_t *members = json_object_get(json, name);
    enum profile_element_kind kind = profile_kind_from_name(name);
    if (kind == PROFILE_UNKNOWN && strcmp(name, profile_kind_name(PROFILE_UNKNOWN)) != 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s: no such profile element", name);
    }
    if (!json_is_object(members)) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s: not an object", name);
    }
    const json_t *raw = json_object_get(members, RAW);
    if (raw) {
        return element_with_raw(kind, members, raw, arena, out, err);
    }
    if (kind == PROFILE_UNKNOWN) {
        return cr_fail(err, CR_MALFORMED, NULL, "unknown.raw: missing");
    }
    return members_from_json(kind, members, arena, out, err);
}

cr_status profile_elements_from_json(const json_t *array, cr_arena *arena,
                                     struct profile_package *out, struct cr_err *err)
{
    struct profile_package package = {0};
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > PROFILE_MAX_ELEMENTS) {
        return cr_fail(err, CR_MALFORMED, NULL, "elements: not an array of at most %d elements",
                       PROFILE_MAX_ELEMENTS);
    }
    package.elements = cr_arena_alloc_array(arena, count + 1, sizeof(struct profile_element));
    if (!package.elements) {
        return cr_fail_memory(err);
    }
    for (; package.count < count; package.count++) {
        cr_status status = profile_element_from_json(json_array_get(array, package.count), arena,
                                                     &package.elements[package.count], err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "elements[%zu]", package.count);
        }
    }
    *out = package;
    return CR_OK;
}

cr_status profile_package_from_json(const json_t *json, cr_arena *arena,
                                    struct profile_package *out, struct cr_err *err)
{
    const json_t *elements = json_object_get(json, "elements");
    if (!elements || json_object_size(json) != 1) {
        return cr_fail(err, CR_MALFORMED, NULL, "not an object with the one member elements");
    }
    return profile_elements_from_json(elements, arena, out, err);
}
