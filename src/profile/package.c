/*
 * Elements of a package: read, written. Elements of one ASN.1 type each go through the schema
 * codec; elements with files are a header, a template OID and one File per member.
 */
#include "profile/package.h"

#include "profile/schema.h"
#include "profile/template.h"

#define TAG_TEMPLATE_ID 0x81
#define FIRST_MEMBER    2
#define MEMBER_LOW_TAGS 30 /* members up to here fit one tag byte */
#define MEMBER_TAG(n)   (0xA0 | (n))
#define MEMBER_TAG_HIGH 0xBF00

unsigned profile_member_of_tag(uint32_t tag)
{
    if (tag >= MEMBER_TAG(FIRST_MEMBER) && tag <= MEMBER_TAG(MEMBER_LOW_TAGS)) {
        return tag & 0x1F;
    }
    if ((tag & 0xFFFFFF80) == MEMBER_TAG_HIGH && (tag & 0x7F) > MEMBER_LOW_TAGS) {
        return tag & 0x7F;
    }
    return 0;
}

uint32_t profile_tag_of_member(unsigned member)
{
    if (member < FIRST_MEMBER || member >= PROFILE_MAX_MEMBERS) {
        return 0;
    }
    return member <= MEMBER_LOW_TAGS ? MEMBER_TAG(member) : MEMBER_TAG_HIGH | member;
}

/* ------------------------------------------------------------------ unknown components */

/* Where the first component is that no row of the schema takes. */
struct unknown {
    const uint8_t *start; /* of the element */
    struct profile_element *out;
};

static void find_unknown(const struct unknown *u, const struct asn1_field *f, cr_span tlv_value);

static void mark_unknown(const struct unknown *u, const struct der_tlv *tlv)
{
    if (!u->out->has_unknown) {
        u->out->has_unknown = true;
        u->out->unknown_tag = tlv->tag;
        u->out->unknown_offset = (size_t)(tlv->all.p - u->start);
    }
}

static void find_in_sequence(const struct unknown *u, const struct asn1_type *t, cr_span in)
{
    const struct asn1_field *row = t->fields;
    const struct asn1_field *end = row + t->field_count;
    struct der_tlv tlv;
    while (in.n > 0 && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        const struct asn1_field *match = row;
        while (match < end && match->tag != tlv.tag) {
            match++;
        }
        if (match == end) {
            mark_unknown(u, &tlv);
            continue;
        }
        find_unknown(u, match, tlv.value);
        row = match + 1;
    }
}

/* One TLV that has to be one of the alternatives: the decoder has refused anything else. */
static void find_in_choice(const struct unknown *u, const struct asn1_type *t,
                           const struct der_tlv *tlv)
{
    for (size_t i = 0; i < t->field_count; i++) {
        if (t->fields[i].tag == tlv->tag) {
            find_unknown(u, &t->fields[i], tlv->value);
        }
    }
}

static void find_in_list(const struct unknown *u, const struct asn1_type *element, cr_span in)
{
    struct der_tlv tlv;
    while (in.n > 0 && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (element->kind == ASN1_CHOICE) {
            find_in_choice(u, element, &tlv);
        } else if (element->kind == ASN1_SEQUENCE) {
            find_in_sequence(u, element, tlv.value);
        } else if (element->kind == ASN1_SEQUENCE_OF) {
            find_in_list(u, element->element, tlv.value);
        }
    }
}

static void find_unknown(const struct unknown *u, const struct asn1_field *f, cr_span value)
{
    struct der_tlv inner;
    if (f->kind == ASN1_SEQUENCE) {
        find_in_sequence(u, f->type, value);
    } else if (f->kind == ASN1_SEQUENCE_OF) {
        find_in_list(u, f->type, value);
    } else if (f->kind == ASN1_CHOICE && der_next(&value, DER_BER_LENGTHS, &inner, NULL) == CR_OK) {
        find_in_choice(u, f->type, &inner);
    }
}

/* ------------------------------------------------------------------ elements with files */

static cr_status read_template_id(cr_span *in, struct profile_files *fs, struct cr_err *err)
{
    struct der_tlv tlv;
    CR_TRY(der_expect(in, DER_BER_LENGTHS, TAG_TEMPLATE_ID, &tlv, err));
    fs->template_id = tlv.value;
    fs->template = profile_template_by_oid(tlv.value);
    return CR_OK;
}

static size_t count_tlvs(cr_span in)
{
    struct der_tlv tlv;
    size_t n = 0;
    while (in.n > 0 && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        n++;
    }
    return n;
}

static cr_status read_file(const struct der_tlv *tlv, cr_arena *arena, struct profile_file *file,
                           struct cr_err *err)
{
    struct asn1_type type = profile_schema_file;
    type.tag = tlv->tag;
    CR_TRY(asn1_decode(&type, tlv->all, ASN1_DECODE_BER_LENGTHS, arena, &file->items, err));
    return CR_OK;
}

static cr_status read_files(cr_span in, cr_arena *arena, struct profile_element *out,
                            struct cr_err *err)
{
    const struct unknown u = {.start = out->raw.p, .out = out};
    struct profile_files *fs = &out->fs;
    size_t room = count_tlvs(in);
    fs->files = cr_arena_alloc_array(arena, room, sizeof(struct profile_file));
    if (!fs->files) {
        return cr_fail_memory(err);
    }
    while (in.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&in, DER_BER_LENGTHS, &tlv, err));
        unsigned member = profile_member_of_tag(tlv.tag);
        const struct profile_template_member *row =
            fs->template && member ? profile_template_member(fs->template, member) : NULL;
        if (member == 0 || fs->count == room || (fs->template && !row)) {
            mark_unknown(&u, &tlv);
            continue;
        }
        struct profile_file *file = &fs->files[fs->count];
        file->member = member;
        file->row = row;
        cr_status status = read_file(&tlv, arena, file, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "%s", row ? row->name : "File");
        }
        find_in_list(&u, &profile_schema_file_item, tlv.value);
        fs->count++;
    }
    return CR_OK;
}

static cr_status read_file_element(const struct der_tlv *tlv, cr_arena *arena,
                                   struct profile_element *out, struct cr_err *err)
{
    const struct unknown u = {.start = tlv->all.p, .out = out};
    cr_span in = tlv->value;
    cr_span header = in;
    CR_TRY(asn1_decode_next(&profile_schema_pe_header, &in, ASN1_DECODE_BER_LENGTHS, arena,
                            &out->header, err));
    struct der_tlv pe_header;
    CR_TRY(der_next(&header, DER_BER_LENGTHS, &pe_header, err));
    find_in_sequence(&u, &profile_schema_pe_header, pe_header.value);
    CR_TRY(read_template_id(&in, &out->fs, err));
    return read_files(in, arena, out, err);
}

static cr_status write_file(const struct profile_file *file, cr_buf *out, struct cr_err *err)
{
    struct asn1_type type = profile_schema_file;
    type.tag = profile_tag_of_member(file->member);
    if (type.tag == 0) {
        return cr_fail(err, CR_REFUSED, NULL, "no file member has number %u", file->member);
    }
    struct asn1_list items = {
        .items = file->items.items, .count = file->items.count, .present = true};
    cr_status status = asn1_encode(&type, &items, 0, out, err);
    return status == CR_OK
               ? CR_OK
               : cr_err_context(err, status, "%s", file->row ? file->row->name : "File");
}

static cr_status write_file_element(const struct profile_element *element, cr_buf *out,
                                    struct cr_err *err)
{
    size_t mark = der_open(out, profile_kind_tag(element->kind));
    CR_TRY(asn1_encode(&profile_schema_pe_header, &element->header, 0, out, err));
    der_put(out, TAG_TEMPLATE_ID, element->fs.template_id);
    for (size_t i = 0; i < element->fs.count; i++) {
        CR_TRY(write_file(&element->fs.files[i], out, err));
    }
    der_close(out, mark);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* ------------------------------------------------------------------ any element */

static cr_status read_element(const struct der_tlv *tlv, cr_arena *arena,
                              struct profile_element *out, struct cr_err *err)
{
    const struct asn1_type *type = profile_schema_of(out->kind);
    if (profile_kind_has_files(out->kind)) {
        cr_status status = read_file_element(tlv, arena, out, err);
        return status == CR_OK ? CR_OK
                               : cr_err_context(err, status, "%s", profile_kind_name(out->kind));
    }
    if (!type) {
        /* every element of a later version has its PEHeader first */
        cr_span in = tlv->value;
        if (asn1_decode_next(&profile_schema_pe_header, &in, ASN1_DECODE_BER_LENGTHS, arena,
                             &out->header, NULL) != CR_OK) {
            out->header = (struct profile_pe_header){0};
        }
        return CR_OK;
    }
    struct profile_element head = *out;
    CR_TRY(asn1_decode(type, tlv->all, ASN1_DECODE_BER_LENGTHS, arena, out, err));
    out->kind = head.kind;
    out->tag = head.tag;
    const struct unknown u = {.start = tlv->all.p, .out = out};
    find_in_sequence(&u, type, tlv->value);
    return CR_OK;
}

cr_status profile_element_next(cr_span *in, cr_arena *arena, struct profile_element *out,
                               struct cr_err *err)
{
    struct der_tlv tlv;
    cr_span rest = *in;
    CR_TRY(der_next(&rest, DER_BER_LENGTHS, &tlv, err));
    if (tlv.all.n > PROFILE_MAX_ELEMENT) {
        return cr_fail(err, CR_MALFORMED, NULL, "an element of %zu bytes, at most %d are taken",
                       tlv.all.n, PROFILE_MAX_ELEMENT);
    }
    struct profile_element element = {
        .raw = tlv.all, .tag = tlv.tag, .kind = profile_kind_from_tag(tlv.tag)};
    CR_TRY(read_element(&tlv, arena, &element, err));
    *out = element;
    *in = rest;
    return CR_OK;
}

cr_status profile_element_encode(const struct profile_element *element, cr_buf *out,
                                 struct cr_err *err)
{
    if (cr_span_present(element->raw)) {
        cr_buf_append_span(out, element->raw);
        return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    const struct asn1_type *type = profile_schema_of(element->kind);
    if (!type && !profile_kind_has_files(element->kind)) {
        return cr_fail(err, CR_REFUSED, NULL, "an element of unknown kind without its bytes");
    }
    size_t before = out->n;
    cr_status status =
        type ? asn1_encode(type, element, 0, out, err) : write_file_element(element, out, err);
    if (status != CR_OK) {
        out->n = before;
        return type ? status : cr_err_context(err, status, "%s", profile_kind_name(element->kind));
    }
    return CR_OK;
}

bool profile_element_canonical(const struct profile_element *element)
{
    struct profile_element fields = *element;
    fields.raw = (cr_span){0};
    cr_buf out = {.limit = PROFILE_MAX_ELEMENT, .secret = true};
    bool same = profile_element_encode(&fields, &out, NULL) == CR_OK &&
                cr_span_equal(cr_buf_span(&out), element->raw);
    cr_buf_free(&out);
    return same;
}

/* ------------------------------------------------------------------ packages */

static cr_status element_context(struct cr_err *err, cr_status status, size_t index, size_t offset)
{
    return cr_err_context(err, status, "element %zu at byte %zu", index + 1, offset);
}

cr_status profile_package_read(cr_span in, cr_arena *arena, struct profile_package *out,
                               struct cr_err *err)
{
    struct profile_package package = {.bytes = in};
    if (in.n == 0 || in.n > PROFILE_MAX_PACKAGE) {
        return cr_fail(err, CR_MALFORMED, NULL, "a package of %zu bytes, 1 to %d are taken", in.n,
                       PROFILE_MAX_PACKAGE);
    }
    size_t count = count_tlvs(in);
    if (count > PROFILE_MAX_ELEMENTS) {
        return cr_fail(err, CR_MALFORMED, NULL, "%zu elements, at most %d are taken", count,
                       PROFILE_MAX_ELEMENTS);
    }
    package.elements = cr_arena_alloc_array(arena, count + 1, sizeof(struct profile_element));
    if (!package.elements) {
        return cr_fail_memory(err);
    }
    for (cr_span rest = in; rest.n > 0; package.count++) {
        size_t offset = in.n - rest.n;
        cr_status status =
            profile_element_next(&rest, arena, &package.elements[package.count], err);
        if (status != CR_OK) {
            return element_context(err, status, package.count, offset);
        }
    }
    *out = package;
    return CR_OK;
}

cr_status profile_package_encode(const struct profile_package *package, cr_buf *out,
                                 struct cr_err *err)
{
    size_t before = out->n;
    for (size_t i = 0; i < package->count; i++) {
        cr_status status = profile_element_encode(&package->elements[i], out, err);
        if (status != CR_OK) {
            size_t offset = out->n - before;
            out->n = before;
            return element_context(err, status, i, offset);
        }
    }
    return CR_OK;
}
