#include "sample.h"

static struct all decode_all(cr_arena *a, const char *text, unsigned flags)
{
    struct all value;
    struct cr_err err = {0};
    if (asn1_decode(&all_type, hex(a, text), flags, a, &value, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    return value;
}

static void assert_refused(cr_arena *a, const struct asn1_type *t, const char *text,
                           const char *field, const char *cause)
{
    struct cr_err err = {0};
    uint8_t *out = cr_arena_alloc(a, t->size);
    assert_non_null(out);
    memset(out, 0xEE, t->size);
    assert_int_equal(asn1_decode(t, hex(a, text), 0, a, out, &err), CR_MALFORMED);
    assert_string_equal(err.cause, cause);
    assert_string_equal(err.field, field);
    for (size_t i = 0; i < t->size; i++) {
        assert_int_equal(out[i], 0); /* nothing half decoded is left */
    }
}

static void absent_and_default(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = decode_all(&a, "BF3800", 0);
    assert_false(v.flag || v.has_number || v.has_bits || v.null || v.has_inner || v.list.present);
    assert_int_equal(v.level, 2);
    assert_null(v.octets.p);
    assert_null(v.rest.p);
    assert_int_equal(v.pick.which, 0);
    assert_hex(&a, v.raw, "BF3800");
    v = decode_all(&a, "BF3804 95008600", 0); /* present and empty is not absent */
    assert_non_null(v.secret.p);
    assert_int_equal(v.secret.n, 0);
    v = decode_all(&a, "BF3803 820107", 0);
    assert_int_equal(v.level, 7);
    cr_arena_free(&a);
}

static void values(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = decode_all(
        &a, "BF381D 800101 8101FF 9303020206 9400 5A0A98103254769810325476 A602 0500", 0);
    assert_true(v.flag);
    assert_true(v.has_number);
    assert_int_equal(v.number, -1);
    assert_true(v.has_bits);
    assert_true(v.bits == (1u << 6 | 1u << 13)); /* bit 14 and 15 are unused */
    assert_true(v.null);
    assert_hex(&a, v.iccid, "98103254769810325476");
    assert_null(v.eid.p);
    assert_hex(&a, v.open, "0500");
    v = decode_all(&a, "BF3804 93020080", 0); /* trailing zero bits as some peers send them */
    assert_true(v.bits == 1);
    v = decode_all(&a, "BF380D 930B00 01000000000000010000", 0);
    assert_true(v.bits == ((uint64_t)1 << 7 | (uint64_t)1 << 63));
    cr_arena_free(&a);
}

static void same_tag_twice_goes_in_order(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = decode_all(&a, "BF380A 3003020105 3003020106", 0);
    assert_true(v.has_inner && v.has_second);
    assert_int_equal(v.inner.number, 5);
    assert_int_equal(v.second.number, 6);
    assert_hex(&a, v.second.raw, "3003020106");
    v = decode_all(&a, "BF380F 3003020105 3003020106 3003020107", 0);
    assert_int_equal(v.pick.which, 1); /* the third one is the CHOICE behind them */
    assert_int_equal(v.pick.inner.number, 7);
    cr_arena_free(&a);
}

static void lists(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = decode_all(&a, "BF3815 A70A 3003020101 3003020102 A807 8300 8503010203", 0);
    assert_true(v.list.present);
    assert_int_equal(v.list.count, 2);
    assert_int_equal(v.list.items[1].number, 2);
    assert_int_equal(v.picks.count, 2);
    assert_int_equal(v.picks.items[0].which, 2);
    assert_int_equal(v.picks.items[0].deep.which, 1);
    assert_true(v.picks.items[0].deep.flag);
    assert_int_equal(v.picks.items[1].which, 3);
    assert_hex(&a, v.picks.items[1].late, "010203");

    struct asn1_list list;
    assert_int_equal(asn1_decode(&list_type, hex(&a, "BF2D06 8001AA 8001BB"), 0, &a, &list, NULL),
                     CR_OK);
    assert_int_equal(list.count, 2);
    assert_hex(&a, ((cr_span *)list.items)[1], "BB");
    cr_span address;
    assert_int_equal(asn1_decode(&octet_type, hex(&a, "8002AABB"), 0, &a, &address, NULL), CR_OK);
    assert_hex(&a, address, "AABB");
    assert_int_equal(asn1_decode(&any_type, hex(&a, "8002AABB"), 0, &a, &address, NULL), CR_OK);
    assert_hex(&a, address, "8002AABB");
    cr_arena_free(&a);
}

static void nested_tag_is_tolerated(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = decode_all(&a, "BF3807 A105 A003020101", 0);
    assert_int_equal(v.cancel.which, 1);
    assert_hex(&a, v.cancel.raw, "A105A003020101");
    assert_hex(&a, v.cancel.ok.raw, "A003020101");
    v = decode_all(&a, "BF380A A108 BF4105 A003020101", 0);
    assert_int_equal(v.cancel.which, 1);
    assert_int_equal(v.cancel.ok.number, 1);
    assert_hex(&a, v.cancel.raw, "BF4105A003020101");
    struct cancel c;
    assert_int_equal(asn1_decode(&cancel_type, hex(&a, "BF410381017F"), 0, &a, &c, NULL), CR_OK);
    assert_int_equal(c.which, 2);
    assert_int_equal(c.error, 127);
    assert_refused(&a, &all_type, "BF380C A10A BF4105A003020101 0500", "cancel",
                   "All.cancel: 2 bytes after the value");
    cr_arena_free(&a);
}

static void extensions_are_skipped(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct inner v;
    assert_int_equal(asn1_decode(&inner_type, hex(&a, "300F 8001FF 020105 850100 0C0161 BF7F00"), 0,
                                 &a, &v, NULL),
                     CR_OK);
    assert_int_equal(v.number, 5);
    assert_hex(&a, v.text, "61");
    assert_int_equal(v.raw.n, 17);
    /* Known, but behind its place: unknown there. */
    assert_int_equal(
        asn1_decode(&inner_type, hex(&a, "3009 020105 0C0161 0C0162"), 0, &a, &v, NULL), CR_OK);
    assert_hex(&a, v.text, "61");
    cr_arena_free(&a);
}

static void missing_and_wrong(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct asn1_type *t = &all_type;
    assert_refused(&a, &inner_type, "3000", "number", "Inner.number: missing");
    assert_refused(&a, &inner_type, "3003 0C0161", "number", "Inner.number: missing");
    assert_refused(&a, &inner_type, "3103 020101", "Inner", "Inner: tag 31 instead of 30");
    assert_refused(&a, &inner_type, "3003 020101 00", "Inner", "Inner: 1 bytes after the value");
    assert_refused(&a, t, "BF3809 A707 3003020101 3000", "number", "All.list[1].number: missing");
    assert_refused(&a, t, "BF3805 A703 800100", "list", "All.list[0]: tag 80 is no Inner");
    assert_refused(&a, t, "BF3805 A803 870100", "picks", "All.picks[0]: tag 87 is no Pick");
    assert_refused(&a, t, "BF3802 8000", "flag", "All.flag: a BOOLEAN of 0 bytes");
    assert_refused(&a, t, "BF3804 80020000", "flag", "All.flag: a BOOLEAN of 2 bytes");
    assert_refused(&a, t, "BF3803 940100", "null", "All.null: a NULL of 1 bytes");
    assert_refused(&a, t, "BF3804 81020001", "number",
                   "All.number: an INTEGER that is not minimal");
    assert_refused(&a, t, "BF3802 0400", "octets", "All.octets: 0 bytes, 1 to 300 are allowed");
    assert_refused(&a, t, "BF3803 5A0198", "iccid", "All.iccid: 1 bytes, 10 to 10 are allowed");
    assert_refused(&a, t, "BF3804 0C02C080", "text", "All.text: not well-formed UTF-8");
    assert_refused(&a, t, "BF3803 060180", "oid", "All.oid: an OID arc with leading zeros");
    assert_refused(&a, t, "BF3803 170130", "time", "All.time: neither UTCTime nor GeneralizedTime");
    assert_refused(&a, t, "BF3806 A604 05000500", "open", "All.open: 2 bytes after the value");
    assert_refused(&a, t, "BF3805 AB03 810107", "wrappedNumber",
                   "All.wrappedNumber: tag 81 inside AB");
    assert_refused(&a, t, "BF3804 AA02 8700", "wrapped", "All.wrapped: tag 87 inside AA");
    assert_refused(&a, t, "BF3804 A102 8700", "cancel", "All.cancel: no alternative has tag 87");
    assert_refused(&a, t, "BF3802 A100", "cancel", "All.cancel: the value is cut after 0 bytes");
    assert_refused(&a, t, "BF3804 81810101", "All", "All: a length that is not minimal");
    cr_arena_free(&a);
}

static void bad_bits(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const char *const none[] = {"BF3802 9300", "BF3803 930101", "BF3803 9301E0",
                                       "BF3804 93020880"};
    for (size_t i = 0; i < CR_COUNT(none); i++) {
        assert_refused(&a, &all_type, none[i], "bits",
                       "All.bits: a BIT STRING without its count of unused bits");
    }
    assert_refused(&a, &all_type, "BF380C 930A00 000000000000000080", "bits",
                   "All.bits: bit 64 is set, 0 to 63 are known");
    cr_arena_free(&a);
}

static void limits_of_lists(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct cr_err err = {0};
    assert_refused(&a, &all_type, "BF3816 A714 3003020101 3003020102 3003020103 3003020104", "list",
                   "All.list: 4 elements, 0 to 3 are allowed");
    cr_buf b = {0};
    size_t outer = der_open(&b, 0xBF38);
    size_t list = der_open(&b, 0xA9);
    for (size_t i = 0; i < ASN1_MAX_ELEMENTS + 1; i++) {
        der_put(&b, 0x80, cr_span_str("a"));
    }
    der_close(&b, list);
    der_close(&b, outer);
    struct all v;
    assert_int_equal(asn1_decode(&all_type, cr_buf_span(&b), 0, &a, &v, &err), CR_MALFORMED);
    assert_string_equal(err.cause, "All.addresses: 4097 elements, 0 to 4096 are allowed");
    cr_buf_free(&b);
    cr_arena small = {.limit = 8};
    assert_int_equal(asn1_decode(&all_type, hex(&a, "BF3807 A705 3003020101"), 0, &small, &v, &err),
                     CR_RESOURCE);
    assert_string_equal(err.field, "list");
    cr_arena_free(&small);
    cr_arena_free(&a);
}

static void ber_lengths_on_request(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const char *const bers[] = {"3081050281 0101 00", "3082000302 0105", "3080 020105 0000"};
    struct inner v;
    assert_int_equal(asn1_decode(&inner_type, hex(&a, bers[1]), 0, &a, &v, NULL), CR_MALFORMED);
    assert_int_equal(
        asn1_decode(&inner_type, hex(&a, bers[1]), ASN1_DECODE_BER_LENGTHS, &a, &v, NULL), CR_OK);
    assert_int_equal(v.number, 5);
    assert_int_equal(asn1_decode(&inner_type, hex(&a, bers[2]), 0, &a, &v, NULL), CR_MALFORMED);
    assert_int_equal(
        asn1_decode(&inner_type, hex(&a, bers[2]), ASN1_DECODE_BER_LENGTHS, &a, &v, NULL), CR_OK);
    assert_int_equal(v.number, 5);
    assert_hex(&a, v.raw, bers[2]);
    assert_int_equal(
        asn1_decode(&inner_type, hex(&a, bers[0]), ASN1_DECODE_BER_LENGTHS, &a, &v, NULL),
        CR_MALFORMED); /* the contents end inside a header */
    cr_arena_free(&a);
}

static void next_leaves_the_rest(void **state)
{
    (void)state;
    cr_arena a = {0};
    cr_span in = hex(&a, "3003020105 3003020106 AA");
    struct inner v;
    assert_int_equal(asn1_decode_next(&inner_type, &in, 0, &a, &v, NULL), CR_OK);
    assert_int_equal(asn1_decode_next(&inner_type, &in, 0, &a, &v, NULL), CR_OK);
    assert_int_equal(v.number, 6);
    assert_int_equal(in.n, 1);
    assert_int_equal(asn1_decode_next(&inner_type, &in, 0, &a, &v, NULL), CR_MALFORMED);
    assert_int_equal(in.n, 1);
    in = hex(&a, "3003020105 AA");
    assert_int_equal(asn1_decode(&inner_type, in, 0, &a, &v, NULL), CR_MALFORMED);
    assert_int_equal(asn1_decode(&inner_type, in, ASN1_DECODE_PARTIAL, &a, &v, NULL), CR_OK);
    cr_arena_free(&a);
}

/* A type that contains itself: Tree ::= SEQUENCE { branches SEQUENCE OF Tree OPTIONAL } */
struct tree {
    ASN1_LIST(struct tree) branches;
};
extern const struct asn1_type tree_type;
static const struct asn1_field tree_fields[] = {
    {.name = "branches",
     .tag = 0xA0,
     .kind = ASN1_SEQUENCE_OF,
     .flags = ASN1_OPTIONAL,
     .offset = offsetof(struct tree, branches),
     .has = NONE,
     .type = &tree_type},
};
const struct asn1_type tree_type = {.name = "Tree",
                                    .kind = ASN1_SEQUENCE,
                                    .raw_offset = NONE,
                                    .field_count = 1,
                                    .size = sizeof(struct tree),
                                    .fields = tree_fields};

static cr_span nest(cr_arena *a, size_t levels)
{
    cr_span in = hex(a, "3000");
    for (size_t i = 0; i < levels; i++) {
        cr_buf b = {0};
        cr_buf list = {0};
        der_put(&list, 0xA0, in);
        der_put(&b, 0x30, cr_buf_span(&list));
        in = cr_arena_copy(a, cr_buf_span(&b));
        cr_buf_free(&b);
        cr_buf_free(&list);
    }
    return in;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct tree v;
    struct cr_err err = {0};
    cr_span in = nest(&a, DER_MAX_DEPTH / 2);
    assert_int_equal(asn1_decode(&tree_type, in, 0, &a, &v, &err), CR_OK);
    cr_span again;
    assert_int_equal(asn1_encode_arena(&tree_type, &v, 0, &a, &again, &err), CR_OK);
    assert_true(cr_span_equal(in, again));
    cr_buf text = {0};
    assert_int_equal(asn1_print(&tree_type, &v, NULL, &text, &err), CR_OK);
    cr_buf_free(&text);
    assert_int_equal(asn1_decode(&tree_type, nest(&a, 2000), 0, &a, &v, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "nested deeper than 32"));
    assert_string_equal(err.field, "branches");
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_default),
        cmocka_unit_test(values),
        cmocka_unit_test(same_tag_twice_goes_in_order),
        cmocka_unit_test(lists),
        cmocka_unit_test(nested_tag_is_tolerated),
        cmocka_unit_test(extensions_are_skipped),
        cmocka_unit_test(missing_and_wrong),
        cmocka_unit_test(bad_bits),
        cmocka_unit_test(limits_of_lists),
        cmocka_unit_test(ber_lengths_on_request),
        cmocka_unit_test(next_leaves_the_rest),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests_name("asn1/decode", tests, NULL, NULL);
}
