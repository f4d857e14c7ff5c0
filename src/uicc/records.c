/*
 * Content of transparent, linear fixed and cyclic EFs: READ and UPDATE BINARY and RECORD, SEARCH
 * RECORD, INCREASE (TS 102 221 11.1.3 to 11.1.8).
 */
#include "uicc/internal.h"

/* Modes of the record commands, b3 to b1 of P2. */
enum mode { MODE_NEXT = 2, MODE_PREVIOUS = 3, MODE_ABSOLUTE = 4 };
enum search { SEARCH_FORWARD = 4, SEARCH_BACKWARD = 5, SEARCH_ENHANCED = 6 };

uicc_sw path_usable(const struct uicc *u, const struct uicc_path *path)
{
    struct uicc_file_attr a;
    for (uint8_t i = 0; i < path->depth; i++) {
        if (!uicc_fs_attr(&u->fs, path->df[i], &a) || uicc_lcsi_deactivated(a.lcsi) ||
            uicc_lcsi_terminated(a.lcsi)) {
            return UICC_SW_CONDITIONS;
        }
    }
    return UICC_SW_OK;
}

uicc_sw target_open(struct command *c, uint8_t sfi, unsigned kinds, struct uicc_access access,
                    struct target *out)
{
    struct selection *sel = c->sel;
    const struct uicc *u = c->u;
    out->file = sel->ef;
    if (sfi) {
        out->file = u->mounted ? uicc_fs_child_sfi(&u->fs, uicc_path_df(&sel->path), sfi) : 0;
    }
    if (!out->file || !uicc_fs_attr(&u->fs, out->file, &out->attr)) {
        return sfi ? UICC_SW_NOT_FOUND : UICC_SW_NO_EF;
    }
    if (!(kinds & KIND(out->attr.kind))) {
        return UICC_SW_FILE_TYPE;
    }
    uicc_sw sw = path_usable(u, &sel->path);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!uicc_may(c, &sel->path, &out->attr, access)) {
        return UICC_SW_SECURITY;
    }
    if (uicc_lcsi_terminated(out->attr.lcsi) || (uicc_lcsi_deactivated(out->attr.lcsi) &&
                                                 !(out->attr.special & UICC_SPECIAL_DEACTIVATED))) {
        return UICC_SW_INVALIDATED;
    }
    if (sel->ef != out->file) {
        sel->ef = out->file;
        sel->record = 0;
    }
    return UICC_SW_OK;
}

struct uicc_access access_of(const struct command *c, uint8_t mode)
{
    return (struct uicc_access){.mode = mode,
                                .cla = c->apdu->cla,
                                .ins = c->apdu->ins,
                                .p1 = c->apdu->p1,
                                .p2 = c->apdu->p2};
}

/* --- transparent -------------------------------------------------------------------------------
 */

/* P1 b8: SFI in P1 and offset in P2, else 15 bits of offset. */
static uicc_sw binary_address(const struct uicc_apdu *a, uint8_t *sfi, size_t *offset)
{
    *sfi = 0;
    *offset = (size_t)a->p1 << 8 | a->p2;
    if (a->p1 & 0x80) {
        *sfi = a->p1 & 0x1F;
        *offset = a->p2;
        if ((a->p1 & 0x60) || *sfi == 0 || *sfi > UICC_MAX_SFI) {
            return UICC_SW_WRONG_P1P2;
        }
    }
    return UICC_SW_OK;
}

uicc_sw command_read_binary(struct command *c)
{
    struct target t;
    uint8_t sfi;
    size_t offset;
    if (!c->apdu->has_le) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = binary_address(c->apdu, &sfi, &offset);
    if (sw == UICC_SW_OK) {
        sw = target_open(c, sfi, KIND(UICC_TRANSPARENT), access_of(c, UICC_AM_READ), &t);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (offset >= t.attr.size) {
        return UICC_SW_WRONG_OFFSET;
    }
    size_t n = t.attr.size - offset;
    if (c->apdu->le < n) {
        n = c->apdu->le;
    }
    uicc_sw wrong_le = uicc_le_check(c->apdu, n);
    if (wrong_le) {
        return wrong_le;
    }
    cr_buf scratch = {0};
    cr_buf_append_span(c->call.out,
                       cr_span_sub(uicc_fs_content(&c->u->fs, t.file, &scratch), offset, n));
    cr_buf_free(&scratch);
    return UICC_SW_OK;
}

uicc_sw command_update_binary(struct command *c)
{
    struct target t;
    struct cr_err err;
    uint8_t sfi;
    size_t offset;
    uicc_sw sw = binary_address(c->apdu, &sfi, &offset);
    if (sw == UICC_SW_OK) {
        sw = target_open(c, sfi, KIND(UICC_TRANSPARENT), access_of(c, UICC_AM_UPDATE), &t);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (offset >= t.attr.size) {
        return UICC_SW_WRONG_OFFSET;
    }
    if (c->apdu->data.n > t.attr.size - offset) {
        return UICC_SW_WRONG_LENGTH;
    }
    cr_status status = uicc_fs_write(&c->u->fs, t.file, offset, c->apdu->data, &err);
    return status == CR_OK ? UICC_SW_OK : uicc_failed(c, status, &err);
}

/* --- records -----------------------------------------------------------------------------------
 */

#define RECORD_KINDS (KIND(UICC_LINEAR) | KIND(UICC_CYCLIC))

static uint8_t record_count(const struct uicc_file_attr *a)
{
    return (uint8_t)(a->size / a->record_size);
}

/* SFI of P2; 1F is none. */
static uicc_sw record_sfi(const struct uicc_apdu *a, uint8_t *sfi)
{
    *sfi = a->p2 >> 3;
    return *sfi <= UICC_MAX_SFI ? UICC_SW_OK : UICC_SW_WRONG_P1P2;
}

/* Which record P1 and the mode mean. Cyclic files have no end. */
static uicc_sw record_number(const struct command *c, const struct target *t, uint8_t *number)
{
    uint8_t count = record_count(&t->attr), at = c->sel->record, p1 = c->apdu->p1;
    bool cyclic = t->attr.kind == UICC_CYCLIC;
    switch (c->apdu->p2 & 0x07) {
    case MODE_NEXT:
        if (p1) {
            return UICC_SW_WRONG_P1P2;
        }
        *number = at == 0 ? 1 : at < count ? (uint8_t)(at + 1) : cyclic ? 1 : 0;
        break;
    case MODE_PREVIOUS:
        if (p1) {
            return UICC_SW_WRONG_P1P2;
        }
        *number = at == 0 ? count : at > 1 ? (uint8_t)(at - 1) : cyclic ? count : 0;
        break;
    case MODE_ABSOLUTE:
        *number = p1 ? p1 : at;
        break;
    default:
        return UICC_SW_WRONG_P1P2;
    }
    return *number && *number <= count ? UICC_SW_OK : UICC_SW_NO_RECORD;
}

/* The record pointer moves with next and previous only. */
static void record_move(struct command *c, uint8_t number)
{
    if ((c->apdu->p2 & 0x07) != MODE_ABSOLUTE) {
        c->sel->record = number;
    }
}

uicc_sw command_read_record(struct command *c)
{
    struct target t;
    uint8_t sfi, number;
    if (!c->apdu->has_le) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = record_sfi(c->apdu, &sfi);
    if (sw == UICC_SW_OK) {
        sw = target_open(c, sfi, RECORD_KINDS, access_of(c, UICC_AM_READ), &t);
    }
    if (sw == UICC_SW_OK) {
        sw = record_number(c, &t, &number);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    uicc_sw wrong_le = uicc_le_check(c->apdu, t.attr.record_size);
    if (wrong_le) {
        return wrong_le;
    }
    record_move(c, number);
    cr_buf scratch = {0};
    cr_span content = uicc_fs_content(&c->u->fs, t.file, &scratch);
    size_t size = t.attr.record_size;
    cr_buf_append_span(c->call.out, cr_span_sub(content, (number - 1u) * size, size));
    cr_buf_free(&scratch);
    return UICC_SW_OK;
}

/* Puts a record in front of a cyclic file; the oldest falls out. */
static cr_status cyclic_push(const struct uicc_fs *fs, const struct target *t, cr_span record,
                             struct cr_err *err)
{
    cr_buf scratch = {0}, next = {0};
    cr_span content = uicc_fs_content(fs, t->file, &scratch);
    cr_buf_append_span(&next, record);
    cr_buf_append_span(&next, cr_span_sub(content, 0, t->attr.size - record.n));
    cr_status status = cr_buf_ok(&next) && content.p
                           ? uicc_fs_replace(fs, t->file, cr_buf_span(&next), err)
                           : cr_fail_memory(err);
    cr_buf_free(&scratch);
    cr_buf_free(&next);
    return status;
}

uicc_sw command_update_record(struct command *c)
{
    struct target t;
    struct cr_err err;
    uint8_t sfi, number = 1;
    cr_status status;
    uicc_sw sw = record_sfi(c->apdu, &sfi);
    if (sw == UICC_SW_OK) {
        sw = target_open(c, sfi, RECORD_KINDS, access_of(c, UICC_AM_UPDATE), &t);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    bool cyclic = t.attr.kind == UICC_CYCLIC;
    if (!cyclic) {
        sw = record_number(c, &t, &number);
    } else if (c->apdu->p1 || (c->apdu->p2 & 0x07) != MODE_PREVIOUS) {
        sw = UICC_SW_WRONG_P1P2; /* a cyclic file takes new records only */
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (c->apdu->data.n != t.attr.record_size) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (cyclic) {
        status = cyclic_push(&c->u->fs, &t, c->apdu->data, &err);
    } else {
        size_t at = (number - 1u) * (size_t)t.attr.record_size;
        status = uicc_fs_write(&c->u->fs, t.file, at, c->apdu->data, &err);
    }
    if (status != CR_OK) {
        return uicc_failed(c, status, &err);
    }
    record_move(c, number);
    return UICC_SW_OK;
}

/* --- search ------------------------------------------------------------------------------------
 */

struct search_plan {
    uint8_t first; /* record */
    bool backward;
    bool after_value; /* start behind the first occurrence of `at` in the record */
    uint8_t at;       /* else: the offset to start from */
    cr_span pattern;
};

/* The search indication of enhanced search, TS 102 221 table 11.13: b4 of the first byte says what
 * the second is, b3 to b1 where to begin. */
static uicc_sw enhanced_plan(const struct command *c, uint8_t count, struct search_plan *plan)
{
    cr_span data = c->apdu->data;
    uint8_t start = c->apdu->p1 ? c->apdu->p1 : c->sel->record;
    if (data.n < 3) {
        return UICC_SW_WRONG_LENGTH;
    }
    plan->after_value = (data.p[0] & 0x08) != 0;
    plan->at = data.p[1];
    plan->pattern = cr_span_sub(data, 2, data.n);
    switch (data.p[0] & 0xF7) {
    case 0x04:
        plan->first = start ? start : 1;
        break;
    case 0x05:
        plan->first = start ? start : count;
        plan->backward = true;
        break;
    case 0x06:
        plan->first = (uint8_t)(start + 1);
        break;
    case 0x07:
        plan->first = start ? (uint8_t)(start - 1) : count;
        plan->backward = true;
        return plan->first ? UICC_SW_OK : UICC_SW_NO_RECORD;
    default:
        return UICC_SW_WRONG_DATA;
    }
    return UICC_SW_OK;
}

static uicc_sw search_plan(const struct command *c, uint8_t count, struct search_plan *plan)
{
    uint8_t start = c->apdu->p1 ? c->apdu->p1 : c->sel->record;
    uicc_sw sw = UICC_SW_OK;
    *plan = (struct search_plan){.pattern = c->apdu->data};
    switch (c->apdu->p2 & 0x07) {
    case SEARCH_FORWARD:
        plan->first = start ? start : 1;
        break;
    case SEARCH_BACKWARD:
        plan->first = start ? start : count;
        plan->backward = true;
        break;
    case SEARCH_ENHANCED:
        sw = enhanced_plan(c, count, plan);
        break;
    default:
        return UICC_SW_WRONG_P1P2;
    }
    if (sw == UICC_SW_OK && plan->first > count) {
        sw = UICC_SW_NO_RECORD;
    }
    return sw;
}

static bool record_matches(const struct search_plan *plan, cr_span record)
{
    size_t from = plan->at;
    if (plan->after_value) {
        const uint8_t *hit = memchr(record.p, plan->at, record.n);
        if (!hit) {
            return false;
        }
        from = (size_t)(hit - record.p) + 1;
    }
    cr_span rest = cr_span_sub(record, from, record.n);
    return rest.n >= plan->pattern.n &&
           memmem(rest.p, rest.n, plan->pattern.p, plan->pattern.n) != NULL;
}

uicc_sw command_search_record(struct command *c)
{
    struct target t;
    struct search_plan plan;
    uint8_t sfi;
    uicc_sw sw = record_sfi(c->apdu, &sfi);
    if (sw == UICC_SW_OK) {
        sw = target_open(c, sfi, RECORD_KINDS, access_of(c, UICC_AM_READ), &t);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    uint8_t count = record_count(&t.attr);
    sw = search_plan(c, count, &plan);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    size_t size = t.attr.record_size, before = c->call.out->n;
    if (plan.pattern.n > size) {
        return UICC_SW_WRONG_LENGTH;
    }
    cr_buf scratch = {0};
    cr_span content = uicc_fs_content(&c->u->fs, t.file, &scratch);
    for (unsigned n = plan.first; n >= 1 && n <= count; plan.backward ? n-- : n++) {
        if (record_matches(&plan, cr_span_sub(content, (n - 1) * size, size))) {
            if (c->call.out->n == before) {
                c->sel->record = (uint8_t)n;
            }
            cr_buf_append_byte(c->call.out, (uint8_t)n);
        }
    }
    cr_buf_free(&scratch);
    /* TS 102 221 has 6282 too; 6A83 is what a card in the field answers. */
    return c->call.out->n > before ? UICC_SW_OK : UICC_SW_NO_RECORD;
}

/* --- INCREASE ----------------------------------------------------------------------------------
 */

/* record += value, both big endian; false on overflow. */
static bool add(uint8_t *record, size_t size, cr_span value)
{
    unsigned carry = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned sum = record[size - 1 - i] + carry;
        if (i < value.n) {
            sum += value.p[value.n - 1 - i];
        }
        record[size - 1 - i] = (uint8_t)sum;
        carry = sum >> 8;
    }
    return carry == 0;
}

uicc_sw command_increase(struct command *c)
{
    struct target t;
    struct cr_err err;
    uint8_t p1 = c->apdu->p1, record[UICC_MAX_RECORD_SIZE];
    uint8_t sfi = p1 & 0x80 ? p1 & 0x1F : 0;
    cr_span value = c->apdu->data;
    if (c->apdu->p2 || (p1 & 0x60) || (p1 && !sfi) || sfi > UICC_MAX_SFI) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = target_open(c, sfi, KIND(UICC_CYCLIC), access_of(c, 0), &t);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    size_t size = t.attr.record_size;
    if (value.n > size || value.n > 127) {
        return UICC_SW_WRONG_LENGTH;
    }
    cr_buf scratch = {0};
    cr_span content = uicc_fs_content(&c->u->fs, t.file, &scratch);
    if (content.n < size) {
        cr_buf_free(&scratch);
        c->call.discard = true;
        return UICC_SW_MEMORY;
    }
    memcpy(record, content.p, size);
    cr_buf_free(&scratch);
    if (!add(record, size, value)) {
        return UICC_SW_MAXIMUM;
    }
    cr_status status = cyclic_push(&c->u->fs, &t, cr_span_of(record, size), &err);
    if (status != CR_OK) {
        return uicc_failed(c, status, &err);
    }
    c->sel->record = 1;
    cr_buf_append(c->call.out, record, size);
    cr_buf_append_span(c->call.out, value);
    return UICC_SW_OK;
}
