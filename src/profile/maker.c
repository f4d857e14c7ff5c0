#include "profile/maker.h"

/* NULL with the error filled when memory is short. */
static void *take(struct profile_maker *m, size_t n, size_t size)
{
    void *p = cr_arena_alloc_array(m->arena, n, size);
    if (!p) {
        (void)cr_fail_memory(m->err);
    }
    return p;
}

static int64_t next_id(struct profile_maker *m)
{
    for (size_t i = 0; i < m->taken_count; i++) {
        if (m->taken[i] == m->next_id) {
            m->next_id++;
            i = SIZE_MAX; /* from the start again */
        }
    }
    return m->next_id++;
}

cr_status profile_make_element(struct profile_maker *m, enum profile_element_kind kind,
                               struct profile_element **out)
{
    if (m->count == PROFILE_MAX_ELEMENTS) {
        return cr_fail(m->err, CR_REFUSED, NULL, "more than %d elements", PROFILE_MAX_ELEMENTS);
    }
    struct profile_element *e = &m->elements[m->count++];
    *e = (struct profile_element){.kind = kind, .tag = profile_kind_tag(kind)};
    if (kind != PROFILE_HEADER) {
        e->header.mandated = true;
        e->header.identification = next_id(m);
    }
    *out = e;
    return CR_OK;
}

cr_status profile_make_files(struct profile_maker *m, unsigned arc, unsigned version,
                             struct profile_element **out)
{
    const struct profile_template *t = NULL;
    uint8_t *oid;
    for (size_t i = 0; i < profile_template_count; i++) {
        if (profile_templates[i].arc == arc && profile_templates[i].version == version) {
            t = &profile_templates[i];
        }
    }
    if (!t) {
        return cr_fail(m->err, CR_INTERNAL, NULL, "no template %u version %u", arc, version);
    }
    CR_TRY(profile_make_element(m, (enum profile_element_kind)t->kind, out));
    oid = take(m, PROFILE_TEMPLATE_OID, 1);
    if (!oid) {
        return CR_RESOURCE;
    }
    (*out)->fs.template = t;
    (*out)->fs.template_id = profile_template_oid(t, oid);
    (*out)->fs.files = take(m, t->count, sizeof(struct profile_file));
    return (*out)->fs.files ? CR_OK : CR_RESOURCE;
}

cr_status profile_make_number(struct profile_maker *m, size_t value, size_t least, cr_span *out)
{
    uint8_t *bytes;
    size_t n = least;
    while (n < sizeof(value) && value >> (8 * n) != 0) {
        n++;
    }
    bytes = take(m, n, 1);
    if (!bytes) {
        return CR_RESOURCE;
    }
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
    }
    *out = cr_span_of(bytes, n);
    return CR_OK;
}

/* ------------------------------------------------------------------ content items */

/* Bytes from `at` on that need not be written; under NULL = the file is FF. */
static size_t run_of(cr_span content, const uint8_t *under, size_t at)
{
    size_t n = 0;
    while (at + n < content.n && content.p[at + n] == (under ? under[at + n] : 0xFF)) {
        n++;
    }
    return n;
}

size_t profile_items_needed(cr_span content)
{
    return 2 * (content.n / (PROFILE_RUN + 1) + 1) + content.n / PROFILE_MAX_OFFSET + 1;
}

size_t profile_items_write(cr_span content, const uint8_t *under, struct profile_file_item *items)
{
    size_t count = 0;
    size_t at = 0;
    while (at < content.n) {
        size_t run = run_of(content, under, at);
        if (at + run == content.n) {
            break; /* the rest is as it should be */
        }
        if (run >= PROFILE_RUN) {
            run = run > PROFILE_MAX_OFFSET ? PROFILE_MAX_OFFSET : run;
            items[count++] = (struct profile_file_item){.which = PROFILE_ITEM_OFFSET,
                                                        .fill_file_offset = (int64_t)run};
            at += run;
            continue;
        }
        size_t n = run;
        size_t next = run_of(content, under, at + n);
        while (at + n < content.n && next < PROFILE_RUN && at + n + next < content.n) {
            n += next > 0 ? next : 1;
            next = run_of(content, under, at + n);
        }
        items[count++] = (struct profile_file_item){
            .which = PROFILE_ITEM_CONTENT, .fill_file_content = cr_span_sub(content, at, n)};
        at += n;
    }
    return count;
}

/* ------------------------------------------------------------------ files */

bool profile_element_has_member(const struct profile_element *element, const char *name)
{
    const struct profile_template_member *row =
        profile_template_member_named(element->fs.template, name);
    for (size_t i = 0; row && i < element->fs.count; i++) {
        if (element->fs.files[i].member == row->member) {
            return true;
        }
    }
    return false;
}

static cr_status state_geometry(struct profile_maker *m, const struct profile_file_spec *spec,
                                const struct profile_template_member *row, struct profile_fcp *fcp)
{
    uint8_t *descriptor;
    enum profile_file_type type = (enum profile_file_type)row->type;
    if (!profile_type_has_records(type)) {
        return profile_make_number(m, spec->size ? spec->size : spec->content.n, 1,
                                   &fcp->ef_file_size);
    }
    size_t length = spec->record_length ? spec->record_length : row->size;
    size_t records = spec->records ? spec->records : spec->content.n / length;
    descriptor = take(m, 4, 1);
    if (!descriptor) {
        return CR_RESOURCE;
    }
    descriptor[0] = profile_type_descriptor(type);
    descriptor[1] = 0x21;
    descriptor[2] = (uint8_t)(length >> 8);
    descriptor[3] = (uint8_t)length;
    fcp->file_descriptor = cr_span_of(descriptor, 4);
    return profile_make_number(m, records * length, 1, &fcp->ef_file_size);
}

static cr_status make_fcp(struct profile_maker *m, const struct profile_file_spec *spec,
                          const struct profile_template_member *row, struct profile_fcp *fcp)
{
    uint8_t *sfi;
    if (spec->fid) {
        CR_TRY(profile_make_number(m, spec->fid, 2, &fcp->file_id));
    }
    fcp->df_name = spec->aid;
    fcp->pin_status_template_do = spec->pin_status;
    if (spec->sfi || spec->no_sfi) {
        sfi = take(m, 1, 1);
        if (!sfi) {
            return CR_RESOURCE;
        }
        *sfi = (uint8_t)(spec->sfi << 3);
        fcp->short_efid = cr_span_of(sfi, spec->no_sfi ? 0 : 1);
    }
    if (cr_span_present(spec->fill_pattern)) {
        fcp->has_proprietary = true;
        fcp->proprietary.fill_pattern = spec->fill_pattern;
        if (row->high_update) {
            static const uint8_t high[] = {PROFILE_SPECIAL_HIGH_UPDATE};
            fcp->proprietary.special_file_info = CR_SPAN_ARRAY(high);
        }
    }
    return spec->state_size ? state_geometry(m, spec, row, fcp) : CR_OK;
}

/* What is in the file before the content is written. */
static cr_status initial_image(struct profile_maker *m, const struct profile_template_member *row,
                               const struct profile_fcp *fcp, cr_span content, uint8_t **out)
{
    struct profile_file_attributes file;
    CR_TRY(profile_file_resolve(row, fcp, 0, &file, m->err));
    size_t size = file.size > content.n ? file.size : content.n;
    *out = take(m, size, 1);
    if (!*out) {
        return CR_RESOURCE;
    }
    profile_fill(*out, size, file.record_length, file.fill, file.pattern);
    return CR_OK;
}

cr_status profile_make_file(struct profile_maker *m, struct profile_element *element,
                            const struct profile_file_spec *spec)
{
    const struct profile_template *t = element->fs.template;
    const struct profile_template_member *row = profile_template_member_named(t, spec->name);
    struct profile_file_item *items;
    uint8_t *under = NULL;
    if (!row || element->fs.count == t->count) {
        return cr_fail(m->err, CR_INTERNAL, NULL, "template %s has no %s", t->name, spec->name);
    }
    struct profile_file *file = &element->fs.files[element->fs.count];
    bool has_fcp = spec->state_size || spec->aid.n || spec->pin_status.n || spec->fid ||
                   spec->sfi || spec->no_sfi || cr_span_present(spec->fill_pattern);
    items = take(m, 1 + profile_items_needed(spec->content), sizeof(*items));
    if (!items) {
        return CR_RESOURCE;
    }
    file->member = row->member;
    file->row = row;
    file->items.items = items;
    file->items.present = true;
    if (has_fcp) {
        items[0].which = PROFILE_ITEM_FCP;
        CR_TRY(make_fcp(m, spec, row, &items[0].fcp));
        file->items.count = 1;
    }
    if (spec->content.n > 0 && row->type == PROFILE_TYPE_BT) {
        items[file->items.count++] = (struct profile_file_item){.which = PROFILE_ITEM_CONTENT,
                                                                .fill_file_content = spec->content};
    } else if (spec->content.n > 0) {
        cr_status status =
            initial_image(m, row, has_fcp ? &items[0].fcp : NULL, spec->content, &under);
        if (status != CR_OK) {
            return cr_err_context(m->err, status, "%s", spec->name);
        }
        file->items.count += profile_items_write(spec->content, under, items + file->items.count);
        if (file->items.count == has_fcp) {
            /* a file whose template asks for content says so, even where nothing changes */
            items[file->items.count++] = (struct profile_file_item){
                .which = PROFILE_ITEM_CONTENT, .fill_file_content = spec->content};
        }
    }
    element->fs.count++;
    return CR_OK;
}

cr_status profile_make_arr(struct profile_maker *m, cr_span *content)
{
    uint8_t *image;
    image = take(m, PROFILE_ARR_RULES, PROFILE_ARR_RECORD);
    if (!image) {
        return CR_RESOURCE;
    }
    memset(image, 0xFF, (size_t)PROFILE_ARR_RULES * PROFILE_ARR_RECORD);
    for (unsigned n = 1; n <= PROFILE_ARR_RULES; n++) {
        cr_span rule = profile_arr_rule(n);
        memcpy(image + (size_t)(n - 1) * PROFILE_ARR_RECORD, rule.p, rule.n);
    }
    *content = cr_span_of(image, (size_t)PROFILE_ARR_RULES * PROFILE_ARR_RECORD);
    return CR_OK;
}
