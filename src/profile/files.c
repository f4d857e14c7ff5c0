/*
 * Template row and Fcp laid over each other; instances of a member; content items.
 */
#include "profile/files.h"

#include <stdio.h>

const char *profile_status_name(long status)
{
    static const struct asn1_name names[] = {
        {PROFILE_STATUS_OK, "ok"},
        {PROFILE_STATUS_PE_NOT_SUPPORTED, "pe-not-supported"},
        {PROFILE_STATUS_MEMORY_FAILURE, "memory-failure"},
        {PROFILE_STATUS_BAD_VALUES, "bad-values"},
        {PROFILE_STATUS_NOT_ENOUGH_MEMORY, "not-enough-memory"},
        {PROFILE_STATUS_INVALID_REQUEST_FORMAT, "invalid-request-format"},
        {PROFILE_STATUS_INVALID_PARAMETER, "invalid-parameter"},
        {PROFILE_STATUS_RUNTIME_NOT_SUPPORTED, "runtime-not-supported"},
        {PROFILE_STATUS_LIB_NOT_SUPPORTED, "lib-not-supported"},
        {PROFILE_STATUS_TEMPLATE_NOT_SUPPORTED, "template-not-supported"},
        {PROFILE_STATUS_FEATURE_NOT_SUPPORTED, "feature-not-supported"},
        {PROFILE_STATUS_PIN_CODE_MISSING, "pin-code-missing"},
        {PROFILE_STATUS_UNSUPPORTED_PROFILE_VERSION, "unsupported-profile-version"},
        {0, NULL},
    };
    return asn1_name_of(names, status);
}

/* ------------------------------------------------------------------ instances */

size_t profile_file_instances(const struct profile_file *file)
{
    size_t n = 0;
    if (file->items.count == 0) {
        return 1;
    }
    if (file->items.items[0].which == PROFILE_ITEM_DO_NOT_CREATE) {
        return 0;
    }
    for (size_t i = 0; i < file->items.count; i++) {
        n += file->items.items[i].which == PROFILE_ITEM_FCP || i == 0;
    }
    return n;
}

bool profile_file_instance(const struct profile_file *file, size_t n,
                           struct profile_file_instance *out)
{
    const struct profile_file_item *items = file->items.items;
    size_t count = file->items.count;
    size_t at = 0;
    if (n >= profile_file_instances(file)) {
        return false;
    }
    for (size_t seen = 0; seen < n; seen++) {
        do {
            at++;
        } while (items[at].which != PROFILE_ITEM_FCP);
    }
    *out = (struct profile_file_instance){.number = (unsigned)n};
    if (at < count && items[at].which == PROFILE_ITEM_FCP) {
        out->fcp = &items[at++].fcp;
    }
    out->items = count > 0 ? items + at : NULL;
    while (at < count && items[at].which != PROFILE_ITEM_FCP) {
        at++;
        out->count++;
    }
    return true;
}

bool profile_file_may_skip(const struct profile_template *template,
                           const struct profile_template_member *row,
                           const struct profile_file *file)
{
    for (size_t i = 0; i < file->items.count; i++) {
        if (file->items.items[i].which == PROFILE_ITEM_DO_NOT_CREATE) {
            return file->items.count == 1 && template->created_by_default &&
                   row->type != PROFILE_TYPE_MF && row->parent != 0;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ attributes */

#define CLAUSE "TCA IFT: Fcp"

static cr_status refuse(struct cr_err *err, enum profile_status code, const char *field,
                        const char *fmt, ...) CR_PRINTF(4, 5);

static cr_status refuse(struct cr_err *err, enum profile_status code, const char *field,
                        const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cr_status status = cr_fail(err, CR_REFUSED, CLAUSE, "%s", text);
    return cr_err_field(err, cr_err_code(err, status, code), field);
}

/* Big endian; SIZE_MAX when it does not fit. */
static size_t number_of(cr_span s)
{
    size_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (v > SIZE_MAX >> 16) {
            return SIZE_MAX;
        }
        v = v << 8 | s.p[i];
    }
    return v;
}

static bool type_of_descriptor(uint8_t byte, enum profile_file_type *type)
{
    static const enum profile_file_type types[] = {
        PROFILE_TYPE_TR, PROFILE_TYPE_LF, PROFILE_TYPE_CY, PROFILE_TYPE_BT, PROFILE_TYPE_DF};
    for (size_t i = 0; i < CR_COUNT(types); i++) {
        uint8_t known = profile_type_descriptor(types[i]);
        if ((byte | PROFILE_DESCRIPTOR_SHAREABLE) == known) {
            *type = types[i];
            return true;
        }
    }
    return false;
}

static cr_status resolve_type(const struct profile_template_member *row,
                              const struct profile_fcp *fcp, struct profile_file_attributes *out,
                              struct cr_err *err)
{
    const char *field = "fileDescriptor";
    out->shareable = true;
    if (row) {
        out->type = (enum profile_file_type)row->type;
    }
    if (!cr_span_present(fcp->file_descriptor)) {
        return row ? CR_OK
                   : refuse(err, PROFILE_STATUS_INVALID_PARAMETER, field, "no fileDescriptor");
    }
    if (row && profile_type_is_df(out->type)) {
        return CR_OK; /* forbidden there, and without effect */
    }
    enum profile_file_type stated = PROFILE_TYPE_TR;
    uint8_t byte = fcp->file_descriptor.n ? fcp->file_descriptor.p[0] : 0;
    if (!type_of_descriptor(byte, &stated)) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, field, "%02X is no type of file", byte);
    }
    out->shareable = (byte & PROFILE_DESCRIPTOR_SHAREABLE) != 0;
    if (!row) {
        bool adf = stated == PROFILE_TYPE_DF && cr_span_present(fcp->df_name);
        out->type = adf ? PROFILE_TYPE_ADF : stated;
        return CR_OK;
    }
    if (stated != out->type) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, field, "%s is stated, the template has %s",
                      profile_type_name(stated), profile_type_name(out->type));
    }
    return CR_OK;
}

static cr_status resolve_fid(const struct profile_template_member *row,
                             const struct profile_fcp *fcp, unsigned instance,
                             struct profile_file_attributes *out, struct cr_err *err)
{
    if (fcp->file_id.n == 2) {
        out->fid = (uint16_t)number_of(fcp->file_id);
    } else if (row && row->fid &&
               row->fid + instance <= (row->fid_last ? row->fid_last : row->fid)) {
        out->fid = (uint16_t)(row->fid + instance);
    } else {
        return refuse(err, PROFILE_STATUS_INVALID_PARAMETER, "fileID", "no fileID");
    }
    if (!row && out->fid == PROFILE_FID_MF && out->type == PROFILE_TYPE_DF) {
        out->type = PROFILE_TYPE_MF;
    }
    return CR_OK;
}

static cr_status resolve_access(const struct profile_template_member *row,
                                const struct profile_fcp *fcp, struct profile_file_attributes *out,
                                struct cr_err *err)
{
    const char *field = "securityAttributesReferenced";
    cr_span s = fcp->security_attributes_referenced;
    if (s.n == 1) {
        out->arr_record = s.p[0];
    } else if (s.n == 3) {
        out->arr_fid = (uint16_t)(s.p[0] << 8 | s.p[1]);
        out->arr_record = s.p[2];
    } else if (cr_span_present(s)) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, field, "%zu bytes instead of 1 or 3", s.n);
    } else if (row) {
        out->arr_record = row->arr;
    } else {
        return refuse(err, PROFILE_STATUS_INVALID_PARAMETER, field, "no access rule");
    }
    return out->arr_record != 0
               ? CR_OK
               : refuse(err, PROFILE_STATUS_BAD_VALUES, field, "record 0 of EF.ARR");
}

static cr_status resolve_sfi(const struct profile_template_member *row,
                             const struct profile_fcp *fcp, unsigned instance,
                             struct profile_file_attributes *out, struct cr_err *err)
{
    cr_span s = fcp->short_efid;
    uint8_t sfi = 0;
    if (profile_type_is_df(out->type)) {
        return CR_OK;
    }
    if (s.n == 1) {
        sfi = s.p[0] >> 3;
        if ((s.p[0] & 7) != 0 || sfi < 1 || sfi > 30) {
            return refuse(err, PROFILE_STATUS_BAD_VALUES, "shortEFID", "%02X is no SFI", s.p[0]);
        }
    } else if (!cr_span_present(s)) {
        /* A second instance with the template's SFI would collide with the first. */
        sfi = row ? (instance == 0 ? row->sfi : 0) : out->fid & 0x1F;
    }
    out->has_sfi = sfi >= 1 && sfi <= 30;
    out->sfi = out->has_sfi ? sfi : 0;
    return CR_OK;
}

static cr_status resolve_record_length(const struct profile_template_member *row,
                                       const struct profile_fcp *fcp,
                                       struct profile_file_attributes *out, struct cr_err *err)
{
    cr_span s = fcp->file_descriptor;
    if (s.n == 4) {
        out->record_length = (size_t)(s.p[2] << 8 | s.p[3]);
    } else if (s.n == 3) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, "fileDescriptor",
                      "a record length of one byte");
    } else if (row) {
        out->record_length = row->size;
    }
    if (out->record_length < 1 || out->record_length > PROFILE_MAX_RECORD) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, "fileDescriptor",
                      out->record_length ? "records of %zu bytes" : "no record length (%zu)",
                      out->record_length);
    }
    return CR_OK;
}

static cr_status resolve_records(const struct profile_template_member *row,
                                 const struct profile_fcp *fcp, struct profile_file_attributes *out,
                                 struct cr_err *err)
{
    CR_TRY(resolve_record_length(row, fcp, out, err));
    if (cr_span_present(fcp->ef_file_size)) {
        size_t size = number_of(fcp->ef_file_size);
        if (size % out->record_length != 0) {
            return refuse(err, PROFILE_STATUS_BAD_VALUES, "efFileSize",
                          "%zu bytes are no whole number of records of %zu", size,
                          out->record_length);
        }
        out->records = size / out->record_length;
    } else if (row) {
        out->records = row->records;
    }
    if (out->records < 1 || out->records > PROFILE_MAX_RECORDS) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, "efFileSize",
                      out->records ? "%zu records" : "no number of records (%zu)", out->records);
    }
    out->size = out->records * out->record_length;
    return CR_OK;
}

static cr_status resolve_size(const struct profile_template_member *row,
                              const struct profile_fcp *fcp, struct profile_file_attributes *out,
                              struct cr_err *err)
{
    if (profile_type_has_records(out->type)) {
        return resolve_records(row, fcp, out, err);
    }
    size_t most = out->type == PROFILE_TYPE_BT ? PROFILE_MAX_BER_TLV : PROFILE_MAX_EF;
    if (cr_span_present(fcp->ef_file_size)) {
        out->size = number_of(fcp->ef_file_size);
    } else if (row) {
        out->size = row->size;
        out->size_from_content = row->size == 0 && !(row->must & PROFILE_MUST_SIZE);
        if (row->size == 0 && !out->size_from_content) {
            return refuse(err, PROFILE_STATUS_INVALID_PARAMETER, "efFileSize",
                          "the template leaves the size to the package, which does not state it");
        }
    } else {
        return refuse(err, PROFILE_STATUS_INVALID_PARAMETER, "efFileSize", "no efFileSize");
    }
    if (out->size > most) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, "efFileSize", "%zu bytes, at most %zu",
                      out->size, most);
    }
    return CR_OK;
}

static cr_status resolve_proprietary(const struct profile_template_member *row,
                                     const struct profile_fcp *fcp,
                                     struct profile_file_attributes *out, struct cr_err *err)
{
    const struct profile_proprietary *p = &fcp->proprietary;
    if (row) {
        out->fill = (enum profile_fill)row->fill;
        out->pattern = cr_span_of(row->pattern, row->fill_length);
        out->special = row->high_update ? PROFILE_SPECIAL_HIGH_UPDATE : PROFILE_SPECIAL_DEFAULT;
    }
    out->file_details = 0x01;
    if (!fcp->has_proprietary) {
        return CR_OK;
    }
    out->special = p->special_file_info.n ? p->special_file_info.p[0] : PROFILE_SPECIAL_DEFAULT;
    if (cr_span_present(p->fill_pattern) && cr_span_present(p->repeat_pattern)) {
        return refuse(err, PROFILE_STATUS_INVALID_PARAMETER, "fillPattern",
                      "both fillPattern and repeatPattern");
    }
    if (cr_span_present(p->fill_pattern)) {
        out->fill = PROFILE_FILL_PATTERN;
        out->pattern = p->fill_pattern;
    } else if (cr_span_present(p->repeat_pattern)) {
        out->fill = PROFILE_FILL_REPEAT;
        out->pattern = p->repeat_pattern;
    }
    if (p->file_details.n) {
        out->file_details = p->file_details.p[0];
    }
    out->maximum_size = number_of(p->maximum_file_size);
    return CR_OK;
}

cr_status profile_file_resolve(const struct profile_template_member *row,
                               const struct profile_fcp *fcp, unsigned instance,
                               struct profile_file_attributes *out, struct cr_err *err)
{
    static const struct profile_fcp nothing;
    struct profile_file_attributes file = {0};
    if (!fcp) {
        fcp = &nothing;
    }
    CR_TRY(resolve_type(row, fcp, &file, err));
    CR_TRY(resolve_fid(row, fcp, instance, &file, err));
    CR_TRY(resolve_access(row, fcp, &file, err));
    CR_TRY(resolve_sfi(row, fcp, instance, &file, err));
    file.lcsi = fcp->lcsi.n ? fcp->lcsi.p[0] : PROFILE_LCSI_DEFAULT;
    file.link_path = fcp->link_path;
    /* An empty path turns a link of a template into a file; no template here has links. */
    file.is_link = fcp->link_path.n > 0;
    if (!file.is_link && profile_type_is_df(file.type)) {
        file.aid = fcp->df_name;
        file.pin_status = fcp->pin_status_template_do;
        if (!cr_span_present(file.pin_status) && row && row->fill_length > 0) {
            file.pin_status = cr_span_of(row->pattern, row->fill_length);
        }
    } else if (!file.is_link) {
        CR_TRY(resolve_size(row, fcp, &file, err));
        CR_TRY(resolve_proprietary(row, fcp, &file, err));
    }
    *out = file;
    return CR_OK;
}

struct field {
    bool counts; /* forbidden, or needed, here */
    cr_span value;
    const char *name;
};

/* The first one that counts and is there (or is not). */
static const char *first_field(const struct field *fields, size_t n, bool present)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].counts && cr_span_present(fields[i].value) == present) {
            return fields[i].name;
        }
    }
    return NULL;
}

const char *profile_fcp_forbidden(const struct profile_file_attributes *file,
                                  const struct profile_fcp *fcp, bool templated)
{
    enum profile_file_type type = file->type;
    bool df = profile_type_is_df(type);
    bool no_link = type == PROFILE_TYPE_ADF || type == PROFILE_TYPE_MF;
    bool link = file->is_link && !no_link;
    const struct field fields[] = {
        {df && templated && !link, fcp->file_descriptor, "fileDescriptor"},
        {link || type != PROFILE_TYPE_ADF, fcp->df_name, "dfName"},
        {link || df, fcp->ef_file_size, "efFileSize"},
        {link || !df, fcp->pin_status_template_do, "pinStatusTemplateDO"},
        {df, fcp->short_efid, "shortEFID"},
        {no_link, fcp->link_path, "linkPath"},
    };
    const char *name = first_field(fields, CR_COUNT(fields), true);
    return name ? name : df && !link && fcp->has_proprietary ? "proprietaryEFInfo" : NULL;
}

const char *profile_fcp_missing(const struct profile_template_member *row,
                                const struct profile_file_attributes *file,
                                const struct profile_fcp *fcp)
{
    static const struct profile_fcp nothing;
    unsigned must = row ? row->must : profile_type_is_df(file->type) ? PROFILE_MUST_PIN_STATUS : 0;
    fcp = fcp ? fcp : &nothing;
    const struct field fields[] = {
        {(must & PROFILE_MUST_PIN_STATUS) != 0, fcp->pin_status_template_do, "pinStatusTemplateDO"},
        {(must & PROFILE_MUST_AID) != 0, fcp->df_name, "dfName"},
        {(must & PROFILE_MUST_SFI) != 0, fcp->short_efid, "shortEFID"},
    };
    return file->is_link ? NULL : first_field(fields, CR_COUNT(fields), false);
}

#define FID_5GS3GPPNSC      0x4F03
#define FID_5GSN3GPPNSC     0x4F04
#define UST_TWO_NSC_RECORDS 136

unsigned profile_file_service(const struct profile_template *template,
                              const struct profile_template_member *row,
                              const struct profile_fcp *fcp)
{
    bool nsc = template->kind == PROFILE_DF_5GS && template->version >= 3 &&
               (row->fid == FID_5GS3GPPNSC || row->fid == FID_5GSN3GPPNSC);
    bool stated = fcp && cr_span_present(fcp->ef_file_size);
    return nsc && !stated ? UST_TWO_NSC_RECORDS : 0;
}

void profile_file_without_service(struct profile_file_attributes *file)
{
    file->records = 1;
    file->size = file->record_length;
}

cr_span profile_iot_aid(const struct profile_header *header, uint8_t out[PROFILE_IOT_AID])
{
    static const uint8_t start[] = {0xA0, 0x00, 0x00, 0x00, 0x87};
    cr_span pix = header->iot_options.pix;
    if (!header->has_iot_options || pix.n > PROFILE_IOT_AID - sizeof(start)) {
        return (cr_span){0};
    }
    memcpy(out, start, sizeof(start));
    memcpy(out + sizeof(start), pix.p, pix.n);
    return cr_span_of(out, sizeof(start) + pix.n);
}

uint16_t profile_arr_fid(const struct profile_file_attributes *file, bool parent_is_mf)
{
    if (file->arr_fid) {
        return file->arr_fid;
    }
    bool high = file->type == PROFILE_TYPE_MF || file->type == PROFILE_TYPE_ADF || parent_is_mf;
    return high ? PROFILE_FID_ARR_MF : PROFILE_FID_ARR;
}

/* ------------------------------------------------------------------ content */

cr_status profile_writer_skip(struct profile_writer *w, int64_t offset, struct cr_err *err)
{
    if (offset < 0 || offset > PROFILE_MAX_OFFSET) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, "fillFileOffset", "%lld is not 0 to %d",
                      (long long)offset, PROFILE_MAX_OFFSET);
    }
    w->at = w->at + (size_t)offset < w->at ? SIZE_MAX : w->at + (size_t)offset;
    return CR_OK;
}

cr_status profile_writer_put(struct profile_writer *w, cr_span content, struct cr_err *err)
{
    if (content.n == 0) {
        return CR_OK;
    }
    if (w->at > w->size || content.n > w->size - w->at) {
        return refuse(err, PROFILE_STATUS_BAD_VALUES, "fillFileContent",
                      "%zu bytes at %zu of a file of %zu", content.n, w->at, w->size);
    }
    memcpy(w->image + w->at, content.p, content.n);
    w->at += content.n;
    return CR_OK;
}

cr_status profile_writer_items(struct profile_writer *w, const struct profile_file_item *items,
                               size_t count, struct cr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].which == PROFILE_ITEM_OFFSET) {
            CR_TRY(profile_writer_skip(w, items[i].fill_file_offset, err));
        } else if (items[i].which == PROFILE_ITEM_CONTENT) {
            CR_TRY(profile_writer_put(w, items[i].fill_file_content, err));
        }
    }
    return CR_OK;
}

size_t profile_items_extent(const struct profile_file_item *items, size_t count)
{
    size_t at = 0;
    size_t extent = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].which == PROFILE_ITEM_OFFSET && items[i].fill_file_offset > 0) {
            at += (size_t)items[i].fill_file_offset;
        } else if (items[i].which == PROFILE_ITEM_CONTENT && items[i].fill_file_content.n > 0) {
            at += items[i].fill_file_content.n;
            extent = at;
        }
    }
    return extent;
}
