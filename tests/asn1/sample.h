/* A small schema with every kind and every flag, and helpers of the tests over it. */
#ifndef CRISP_TESTS_ASN1_SAMPLE_H
#define CRISP_TESTS_ASN1_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asn1/asn1.h"
#include "base/text.h"

#define NONE ASN1_NO_OFFSET

/* Inner ::= SEQUENCE { number INTEGER, text UTF8String OPTIONAL } */
struct inner {
    cr_span raw;
    int64_t number;
    cr_span text;
};
static const struct asn1_field inner_fields[] = {
    {.name = "number", .kind = ASN1_INTEGER, .offset = offsetof(struct inner, number), .has = NONE},
    {.name = "text",
     .kind = ASN1_UTF8,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct inner, text),
     .has = NONE,
     .max = 8},
};
static const struct asn1_type inner_type = {.name = "Inner",
                                            .kind = ASN1_SEQUENCE,
                                            .raw_offset = offsetof(struct inner, raw),
                                            .field_count = CR_COUNT(inner_fields),
                                            .size = sizeof(struct inner),
                                            .fields = inner_fields};

/* Cancel ::= [65] CHOICE { ok [0] Inner, error [1] INTEGER }: a CHOICE with a tag of its own */
struct cancel {
    int which;
    struct inner ok;
    int64_t error;
    cr_span raw;
};
static const struct asn1_name cancel_names[] = {{1, "busy"}, {127, "undefined"}, {0, NULL}};
static const struct asn1_field cancel_fields[] = {
    {.name = "ok",
     .tag = 0xA0,
     .kind = ASN1_SEQUENCE,
     .offset = offsetof(struct cancel, ok),
     .has = NONE,
     .type = &inner_type},
    {.name = "error",
     .tag = 0x81,
     .kind = ASN1_INTEGER,
     .offset = offsetof(struct cancel, error),
     .has = NONE,
     .names = cancel_names},
};
static const struct asn1_type cancel_type = {.name = "Cancel",
                                             .tag = 0xBF41,
                                             .kind = ASN1_CHOICE,
                                             .raw_offset = offsetof(struct cancel, raw),
                                             .field_count = CR_COUNT(cancel_fields),
                                             .size = sizeof(struct cancel),
                                             .fields = cancel_fields};

/* Deep ::= CHOICE { flag [3] NULL, octets [4] OCTET STRING } within
 * Pick ::= CHOICE { inner Inner, deep Deep, late [5] OCTET STRING (from v3) } */
struct deep {
    int which;
    bool flag;
    cr_span octets;
};
static const struct asn1_field deep_fields[] = {
    {.name = "flag",
     .tag = 0x83,
     .kind = ASN1_NULL,
     .offset = offsetof(struct deep, flag),
     .has = NONE},
    {.name = "octets",
     .tag = 0x84,
     .kind = ASN1_OCTETS,
     .offset = offsetof(struct deep, octets),
     .has = NONE},
};
static const struct asn1_type deep_type = {.name = "Deep",
                                           .kind = ASN1_CHOICE,
                                           .raw_offset = NONE,
                                           .field_count = CR_COUNT(deep_fields),
                                           .size = sizeof(struct deep),
                                           .fields = deep_fields};
struct pick {
    int which;
    struct inner inner;
    struct deep deep;
    cr_span late;
};
static const struct asn1_field pick_fields[] = {
    {.name = "inner",
     .kind = ASN1_SEQUENCE,
     .offset = offsetof(struct pick, inner),
     .has = NONE,
     .type = &inner_type},
    {.name = "deep",
     .kind = ASN1_CHOICE,
     .offset = offsetof(struct pick, deep),
     .has = NONE,
     .type = &deep_type},
    {.name = "late",
     .tag = 0x85,
     .kind = ASN1_OCTETS,
     .flags = ASN1_SINCE_V3,
     .offset = offsetof(struct pick, late),
     .has = NONE},
};
static const struct asn1_type pick_type = {.name = "Pick",
                                           .kind = ASN1_CHOICE,
                                           .raw_offset = NONE,
                                           .field_count = CR_COUNT(pick_fields),
                                           .size = sizeof(struct pick),
                                           .fields = pick_fields};

/* Types that are no struct. */
static const struct asn1_type octet_type = {.name = "Address",
                                            .tag = 0x80,
                                            .kind = ASN1_OCTETS,
                                            .raw_offset = NONE,
                                            .size = sizeof(cr_span),
                                            .min = 1,
                                            .max = 4};
static const struct asn1_type any_type = {
    .name = "Any", .kind = ASN1_RAW, .raw_offset = NONE, .size = sizeof(cr_span)};
static const struct asn1_type list_type = {.name = "Addresses",
                                           .tag = 0xBF2D,
                                           .kind = ASN1_SEQUENCE_OF,
                                           .raw_offset = NONE,
                                           .size = sizeof(struct asn1_list),
                                           .max = 3,
                                           .element = &octet_type};

static const struct asn1_name level_names[] = {{0, "low"}, {2, "high"}, {0, NULL}};
static const struct asn1_name bit_names[] = {{0, "first"}, {1, "second"}, {9, "tenth"}, {0, NULL}};

struct all {
    cr_span raw;
    bool flag;
    bool has_number;
    int64_t number;
    int64_t level;
    uint64_t bits;
    bool has_bits;
    bool null;
    cr_span octets, secret, iccid, eid, version, text, latin, oid, time, certificate, open;
    struct inner inner, second;
    bool has_inner, has_second;
    ASN1_LIST(struct inner) list;
    ASN1_LIST(struct pick) picks;
    struct asn1_list addresses;
    struct pick pick, wrapped;
    struct cancel cancel;
    int64_t wrapped_number;
    bool has_wrapped_number;
    cr_span late, rest;
};
#define ROW(n, t, k, fl, member, ...)                                                              \
    {                                                                                              \
        .name = n, .tag = t, .kind = k, .flags = fl, .offset = offsetof(struct all, member),       \
        .has = NONE, __VA_ARGS__                                                                   \
    }
#define HAS(n, t, k, fl, member, ...)                                                              \
    {                                                                                              \
        .name = n, .tag = t, .kind = k, .flags = fl, .offset = offsetof(struct all, member),       \
        .has = offsetof(struct all, has_##member), __VA_ARGS__                                     \
    }
static const struct asn1_field all_fields[] = {
    ROW("flag", 0x80, ASN1_BOOLEAN, ASN1_DEFAULT, flag, .def = 0),
    HAS("number", 0x81, ASN1_INTEGER, ASN1_OPTIONAL, number, .def = 0),
    ROW("level", 0x82, ASN1_INTEGER, ASN1_DEFAULT, level, .def = 2, .names = level_names),
    HAS("bits", 0x93, ASN1_BITS, ASN1_OPTIONAL, bits, .names = bit_names),
    ROW("null", 0x94, ASN1_NULL, ASN1_OPTIONAL, null, .def = 0),
    ROW("octets", 0x04, ASN1_OCTETS, ASN1_OPTIONAL, octets, .min = 1, .max = 300),
    ROW("secret", 0x95, ASN1_OCTETS, ASN1_OPTIONAL | ASN1_SECRET, secret, .def = 0),
    ROW("iccid", 0x5A, ASN1_OCTETS, ASN1_OPTIONAL | ASN1_DIGITS_SWAPPED, iccid, .min = 10,
        .max = 10),
    ROW("eid", 0x5A, ASN1_OCTETS, ASN1_OPTIONAL | ASN1_DIGITS, eid, .max = 16),
    ROW("version", 0x86, ASN1_OCTETS, ASN1_OPTIONAL | ASN1_VERSION, version, .max = 4),
    ROW("text", 0, ASN1_UTF8, ASN1_OPTIONAL, text, .max = 600),
    ROW("latin", 0, ASN1_STRING, ASN1_OPTIONAL, latin, .max = 600),
    ROW("oid", 0, ASN1_OID, ASN1_OPTIONAL, oid, .def = 0),
    ROW("time", 0, ASN1_TIME, ASN1_OPTIONAL, time, .def = 0),
    ROW("certificate", 0xA5, ASN1_RAW, ASN1_OPTIONAL, certificate, .def = 0),
    ROW("open", 0xA6, ASN1_RAW, ASN1_OPTIONAL | ASN1_EXPLICIT, open, .def = 0),
    HAS("inner", 0, ASN1_SEQUENCE, ASN1_OPTIONAL, inner, .type = &inner_type),
    HAS("second", 0, ASN1_SEQUENCE, ASN1_OPTIONAL, second, .type = &inner_type),
    ROW("list", 0xA7, ASN1_SEQUENCE_OF, ASN1_OPTIONAL, list, .type = &inner_type, .max = 3),
    ROW("picks", 0xA8, ASN1_SEQUENCE_OF, ASN1_OPTIONAL, picks, .type = &pick_type),
    ROW("addresses", 0xA9, ASN1_SEQUENCE_OF, ASN1_OPTIONAL, addresses, .type = &octet_type),
    ROW("pick", 0, ASN1_CHOICE, ASN1_OPTIONAL, pick, .type = &pick_type),
    ROW("wrapped", 0xAA, ASN1_CHOICE, ASN1_OPTIONAL, wrapped, .type = &pick_type),
    ROW("cancel", 0xA1, ASN1_CHOICE, ASN1_OPTIONAL | ASN1_NESTED, cancel, .type = &cancel_type),
    HAS("wrappedNumber", 0xAB, ASN1_INTEGER, ASN1_OPTIONAL | ASN1_EXPLICIT, wrapped_number,
        .def = 0),
    ROW("late", 0x9F70, ASN1_OCTETS, ASN1_SINCE_V3, late, .def = 0),
    ROW("rest", 0, ASN1_RAW, ASN1_OPTIONAL, rest, .def = 0),
};
static const struct asn1_type all_type = {.name = "All",
                                          .tag = 0xBF38,
                                          .kind = ASN1_SEQUENCE,
                                          .raw_offset = offsetof(struct all, raw),
                                          .field_count = CR_COUNT(all_fields),
                                          .size = sizeof(struct all),
                                          .fields = all_fields};

/* Hex (blanks allowed) to bytes in the arena. */
static inline cr_span hex(cr_arena *a, const char *text)
{
    cr_buf b = {0};
    assert_int_equal(cr_hex_decode(&b, cr_span_str(text), NULL), CR_OK);
    cr_span s = cr_arena_copy(a, cr_buf_span(&b));
    cr_buf_free(&b);
    return s;
}

static inline void assert_hex(cr_arena *a, cr_span got, const char *expected)
{
    char *want = cr_hex(a, hex(a, expected));
    char *have = cr_hex(a, got);
    assert_non_null(want);
    assert_non_null(have);
    assert_string_equal(have, want);
}

/* Values with every row present, one of them for each way a row can look. */
static const char *const all_samples[] = {
    "BF3800",
    "BF3803 8001FF",
    "BF3803 8101FF",
    "BF3804 81020080",
    "BF380A 8108 8000000000000000",
    "BF3803 820100",
    "BF3804 82020100",
    "BF3804 93020780",
    "BF3805 9303064040",
    "BF3803 930100",
    "BF380B 9309 010000000000000002",
    "BF3802 9400",
    "BF3803 040100",
    "BF3805 9503010203",
    "BF380C 5A0A 981032547698103254F6",
    "BF380C 5A0A FFFFFFFFFFFFFFFFFFFF",
    "BF380C 5A0A 98A032547698103254FF",
    "BF3818 5A0A 98103254769810325476 5A0A 89044011111111111FFF",
    "BF3802 8600",
    "BF3805 8603020500",
    "BF3804 86020205",
    "BF380D 0C0B 61C3A9E282ACF09F988000",
    "BF3807 1605 41FF80C200",
    "BF3805 0603883703",
    "BF380F 170D 3235303130313030303030305A",
    "BF3811 180F 32303235303130313030303030305A",
    "BF3806 A504 30020500",
    "BF3804 A602 0500",
    "BF380D 3003020105 3006020106 0C0161",
    "BF3802 A700",
    "BF380C A70A 3003020101 3003020102",
    "BF3811 A80F 3003020101 8300 8401AA 8503010203",
    "BF3805 A903 8001AA",
    "BF3802 8300",
    "BF3804 8402AABB",
    "BF3805 8503 AABBCC",
    "BF3804 AA02 8300",
    "BF3807 AA05 3003020101",
    "BF3807 A105 A003020101",
    "BF3805 A103 81017F",
    "BF3805 AB03 020107",
    "BF3804 9F7001AA",
    "BF3805 BF7F020500",
};

#endif
