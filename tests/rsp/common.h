/* What the tests of this folder share: hex in and out, a filler for any table. */
#ifndef CRISP_TESTS_RSP_COMMON_H
#define CRISP_TESTS_RSP_COMMON_H

#include "asn1/asn1.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Appends the bytes of a hex text up to its end or a closing brace; gives where it stopped. */
static inline const char *hex_append(const char *text, cr_buf *out)
{
    while (*text && *text != '}') {
        if (*text == ' ') {
            text++;
        } else if (*text == '{') {
            cr_buf inner = {0};
            text = hex_append(text + 1, &inner);
            assert_int_equal(*text++, '}');
            if (inner.n > 0xFF) {
                cr_buf_append_byte(out, 0x82);
                cr_buf_append_byte(out, (uint8_t)(inner.n >> 8));
            } else if (inner.n > 0x7F) {
                cr_buf_append_byte(out, 0x81);
            }
            cr_buf_append_byte(out, (uint8_t)inner.n);
            cr_buf_append_span(out, cr_buf_span(&inner));
            cr_buf_free(&inner);
        } else {
            assert_int_equal(cr_hex_decode(out, cr_span_of(text, 2), NULL), CR_OK);
            text += 2;
        }
    }
    return text;
}

/* Bytes of a hex text, blanks allowed. {..} stands for its length and then its bytes. */
static inline cr_span hex(cr_arena *arena, const char *text)
{
    cr_buf out = {0};
    assert_int_equal(*hex_append(text, &out), 0);
    cr_span copy = cr_arena_copy(arena, cr_buf_span(&out));
    cr_buf_free(&out);
    assert_non_null(copy.p);
    return copy;
}

static inline void assert_bytes(cr_arena *arena, cr_span got, cr_span wanted)
{
    char *a = cr_hex(arena, got);
    char *b = cr_hex(arena, wanted);
    assert_string_equal(a, b);
}

static inline void assert_span_text(cr_span got, const char *wanted)
{
    assert_true(cr_span_present(got));
    assert_int_equal(got.n, strlen(wanted));
    assert_memory_equal(got.p, wanted, got.n);
}

#define DEEPEST 12

/* How a struct is filled: which alternative of each CHOICE, and whether optional components are
 * there. */
struct filling {
    cr_arena *arena;
    size_t round;
    bool everything;
};

static inline void fill_type(const struct filling *f, const struct asn1_type *t, void *out,
                             unsigned depth);

static inline cr_span some_bytes(const struct filling *f, size_t n, uint8_t byte)
{
    uint8_t *p = cr_arena_alloc(f->arena, n);
    assert_non_null(p);
    memset(p, byte, n);
    return cr_span_of(p, n);
}

static inline size_t some_length(uint32_t min, uint32_t max, bool longest)
{
    size_t shortest = min ? min : max ? 1 : 3;
    return longest && max && max < 2000 ? max : shortest;
}

static inline cr_span some_tlv(const struct filling *f, uint32_t tag)
{
    static const uint8_t contents[] = {0x04, 0x01, 0x55};
    cr_buf b = {0};
    der_put(&b, tag ? tag : 0xA1, CR_SPAN_ARRAY(contents));
    cr_span copy = cr_arena_copy(f->arena, cr_buf_span(&b));
    cr_buf_free(&b);
    return copy;
}

static inline int64_t some_number(const struct asn1_name *names, size_t round)
{
    size_t count = 0;
    while (names && names[count].name) {
        count++;
    }
    return count ? names[round % count].value : (int64_t)(round * 100);
}

static inline void fill_row(const struct filling *f, const struct asn1_field *row, void *base,
                            unsigned depth)
{
    static const uint8_t oid[] = {0x88, 0x37, 0x03};
    bool optional = (row->flags & (ASN1_OPTIONAL | ASN1_DEFAULT | ASN1_SINCE_V3)) != 0;
    void *at = (uint8_t *)base + row->offset;
    if (row->flags & ASN1_DEFAULT) {
        if (row->kind == ASN1_INTEGER) {
            *(int64_t *)at = f->everything ? row->def + 1 : row->def;
        } else {
            *(uint64_t *)at = (uint64_t)(f->everything ? row->def + 2 : row->def);
        }
        return;
    }
    if (optional && !f->everything) {
        return;
    }
    if (row->has != ASN1_NO_OFFSET) {
        *((bool *)base + row->has) = true;
    }
    size_t n = some_length(row->min, row->max, f->everything);
    switch ((enum asn1_kind)row->kind) {
    case ASN1_BOOLEAN:
        *(bool *)at = f->round % 2 == 0;
        break;
    case ASN1_NULL:
        *(bool *)at = true;
        break;
    case ASN1_INTEGER:
        *(int64_t *)at = some_number(row->names, f->round);
        break;
    case ASN1_BITS:
        *(uint64_t *)at = f->round ? (uint64_t)1 << (f->round % 20) : 0;
        break;
    case ASN1_OCTETS:
        *(cr_span *)at = some_bytes(f, n, (uint8_t)(0x11 * (f->round % 9 + 1)));
        break;
    case ASN1_UTF8:
    case ASN1_STRING:
        *(cr_span *)at = some_bytes(f, n, 'a');
        break;
    case ASN1_OID:
        *(cr_span *)at = CR_SPAN_ARRAY(oid);
        break;
    case ASN1_TIME:
        *(cr_span *)at = cr_span_str("20261121090500Z");
        break;
    case ASN1_RAW:
        *(cr_span *)at = some_tlv(f, row->tag ? row->tag : row->type ? row->type->tag : 0);
        break;
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        fill_type(f, row->type, at, depth + 1);
        break;
    case ASN1_SEQUENCE_OF: {
        struct asn1_list *list = at;
        list->count = row->min ? row->min : f->everything ? 2 : 0;
        list->present = true;
        list->items = cr_arena_alloc_array(f->arena, list->count, row->type->size);
        for (size_t i = 0; i < list->count; i++) {
            fill_type(f, row->type, (uint8_t *)list->items + i * row->type->size, depth + 1);
        }
        break;
    }
    }
}

/* Fills a zeroed value so that it can be encoded. */
static inline void fill_type(const struct filling *f, const struct asn1_type *t, void *out,
                             unsigned depth)
{
    assert_true(depth < DEEPEST);
    if (t->kind == ASN1_SEQUENCE) {
        for (size_t i = 0; i < t->field_count; i++) {
            fill_row(f, &t->fields[i], out, depth);
        }
    } else if (t->kind == ASN1_CHOICE) {
        size_t which = f->round % t->field_count;
        fill_row(&(struct filling){f->arena, f->round, true}, &t->fields[which], out, depth);
        *(int *)out = (int)which + 1;
    } else {
        const struct asn1_field row = {.kind = t->kind,
                                       .has = ASN1_NO_OFFSET,
                                       .min = t->min,
                                       .max = t->max,
                                       .type = t->kind == ASN1_SEQUENCE_OF ? t->element : t,
                                       .names = t->names};
        fill_row(f, &row, out, depth);
    }
}

#endif
