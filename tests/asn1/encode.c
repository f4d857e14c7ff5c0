#include "sample.h"

static void assert_encodes(cr_arena *a, const struct asn1_type *t, const void *value,
                           unsigned flags, const char *expected)
{
    cr_span out;
    struct cr_err err = {0};
    if (asn1_encode_arena(t, value, flags, a, &out, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_hex(a, out, expected);
}

static void assert_refused(const struct asn1_type *t, const void *value, unsigned flags,
                           const char *field, const char *cause)
{
    cr_buf out = {0};
    struct cr_err err = {0};
    cr_buf_append_byte(&out, 0x77);
    assert_int_equal(asn1_encode(t, value, flags, &out, &err), CR_REFUSED);
    assert_string_equal(err.cause, cause);
    assert_string_equal(err.field, field);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.p[0], 0x77);
    assert_true(cr_buf_ok(&out));
    cr_buf_free(&out);
}

static void values(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = {.level = 2};
    assert_encodes(&a, &all_type, &v, 0, "BF3800");
    v.flag = true;
    v.level = 0;
    assert_encodes(&a, &all_type, &v, 0, "BF3806 8001FF 820100");
    v = (struct all){.level = 2, .has_bits = true, .bits = 1};
    assert_encodes(&a, &all_type, &v, 0, "BF3804 93020780");
    v.bits = 0;
    assert_encodes(&a, &all_type, &v, 0, "BF3803 930100");
    v = (struct all){.level = 2, .time = cr_span_str("250101000000Z")};
    assert_encodes(&a, &all_type, &v, 0, "BF380F 170D 3235303130313030303030305A");
    v.time = cr_span_str("20250101000000Z");
    assert_encodes(&a, &all_type, &v, 0, "BF3811 180F 32303235303130313030303030305A");
    v = (struct all){.level = 2, .list = {.present = true}};
    assert_encodes(&a, &all_type, &v, 0, "BF3802 A700");
    bool no = false;
    static const struct asn1_type boolean = {
        .name = "B", .kind = ASN1_BOOLEAN, .raw_offset = NONE, .size = sizeof(bool)};
    assert_encodes(&a, &boolean, &no, 0, "010100");
    cr_arena_free(&a);
}

static void raw_goes_out_as_it_came(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v;
    /* Not DER inside, and an extension: both have to survive. */
    static const char received[] = "BF380D 300B 020105 850100 0C81 0161";
    assert_int_equal(
        asn1_decode(&all_type, hex(&a, received), ASN1_DECODE_BER_LENGTHS, &a, &v, NULL),
        CR_MALFORMED);
    static const char good[] = "BF380C 300A 020105 850100 0C810161";
    assert_int_equal(asn1_decode(&all_type, hex(&a, good), ASN1_DECODE_BER_LENGTHS, &a, &v, NULL),
                     CR_OK);
    assert_encodes(&a, &all_type, &v, 0, good);
    assert_encodes(&a, &all_type, &v, ASN1_ENCODE_NO_RAW, "BF3808 3006 020105 0C0161");
    v.raw = (cr_span){0};
    assert_encodes(&a, &all_type, &v, 0, good); /* the inner one keeps its own raw */
    v.inner.raw = (cr_span){0};
    v.inner.number = 6;
    assert_encodes(&a, &all_type, &v, 0, "BF3808 3006 020106 0C0161");
    cr_arena_free(&a);
}

static void raw_is_retagged(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct cancel c;
    assert_int_equal(asn1_decode(&cancel_type, hex(&a, "BF4107 A005 0201018700"), 0, &a, &c, NULL),
                     CR_OK);
    assert_encodes(&a, &cancel_type, &c, 0, "BF4107 A005 0201018700");
    struct all v = {.level = 2, .cancel = c};
    assert_encodes(&a, &all_type, &v, 0, "BF3809 A107 A005 0201018700");
    assert_encodes(&a, &all_type, &v, ASN1_ENCODE_NO_RAW, "BF3807 A105 A003 020101");
    v = (struct all){.level = 2, .certificate = hex(&a, "3003020105")};
    assert_encodes(&a, &all_type, &v, 0, "BF3805 A503020105");
    v.certificate = hex(&a, "30800201050000");
    assert_encodes(&a, &all_type, &v, 0, "BF3805 A503020105");
    v.certificate = hex(&a, "300302");
    assert_refused(&all_type, &v, 0, "certificate", "All.certificate: not one complete TLV");
    v.certificate = hex(&a, "30000500");
    assert_refused(&all_type, &v, 0, "certificate", "All.certificate: not one complete TLV");
    cr_arena_free(&a);
}

static void v2_leaves_out_v3(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct all v = {.level = 2, .late = cr_span_str("a"), .null = true};
    assert_encodes(&a, &all_type, &v, 0, "BF3806 9400 9F700161");
    assert_encodes(&a, &all_type, &v, ASN1_ENCODE_V2, "BF3802 9400");
    struct pick p = {.which = 3, .late = cr_span_str("a")};
    assert_encodes(&a, &pick_type, &p, 0, "850161");
    assert_refused(&pick_type, &p, ASN1_ENCODE_V2, "late", "Pick.late: not known to a v2 peer");
    cr_arena_free(&a);
}

static void refusals(void **state)
{
    (void)state;
    struct cancel c = {0};
    assert_refused(&cancel_type, &c, 0, "Cancel", "Cancel: no alternative is chosen");
    c.which = 3;
    assert_refused(&cancel_type, &c, 0, "Cancel", "Cancel: no alternative is chosen");
    c.which = -1;
    assert_refused(&cancel_type, &c, 0, "Cancel", "Cancel: no alternative is chosen");
    struct pick p = {.which = 2, .deep = {.which = 2}};
    assert_refused(&pick_type, &p, 0, "octets", "Pick.deep.octets: chosen, but absent");
    struct all v = {.level = 2, .octets = cr_span_str("")};
    assert_refused(&all_type, &v, 0, "octets", "All.octets: 0 bytes, 1 to 300 are allowed");
    v = (struct all){.level = 2, .text = cr_span_str("\xC0\x80")};
    assert_refused(&all_type, &v, 0, "text", "All.text: not well-formed UTF-8");
    v = (struct all){.level = 2, .oid = cr_span_str("\x80")};
    assert_refused(&all_type, &v, 0, "oid", "All.oid: an OID arc with leading zeros");
    v = (struct all){.level = 2, .time = cr_span_str("yesterday, noon")};
    assert_refused(&all_type, &v, 0, "time", "All.time: neither UTCTime nor GeneralizedTime");
    struct inner four[4] = {{.number = 1}};
    v = (struct all){.level = 2, .list = {.items = four, .count = 4, .present = true}};
    assert_refused(&all_type, &v, 0, "list", "All.list: 4 elements, 0 to 3 are allowed");
    v.list.count = 2;
    four[1].text = cr_span_str("ninechars");
    assert_refused(&all_type, &v, 0, "text", "All.list[1].text: 9 bytes, 0 to 8 are allowed");
    cr_span addresses[2] = {cr_span_str("a"), {0}};
    struct asn1_list list = {.items = addresses, .count = 2, .present = true};
    assert_refused(&list_type, &list, 0, "Addresses", "Addresses[1]: absent");
}

/* Every size around the changes of the length form, into buffers with and without room. */
static void buffers_of_any_room(void **state)
{
    (void)state;
    cr_arena a = {0};
    uint8_t text[600];
    memset(text, 'x', sizeof(text));
    for (size_t n = 0; n <= sizeof(text); n += n > 100 && n < 130 ? 1 : 13) {
        struct all v = {.level = 2, .text = cr_span_of(text, n), .latin = cr_span_of(text, n)};
        cr_span expected;
        assert_int_equal(asn1_encode_arena(&all_type, &v, 0, &a, &expected, NULL), CR_OK);
        for (size_t before = 0; before < 600; before += 101) {
            cr_buf out = {.secret = before > 300};
            (void)cr_buf_extend(&out, before);
            assert_int_equal(asn1_encode(&all_type, &v, 0, &out, NULL), CR_OK);
            assert_true(cr_span_equal(cr_span_sub(cr_buf_span(&out), before, out.n), expected));
            cr_buf_free(&out);
        }
        cr_buf exact = {.limit = expected.n};
        assert_int_equal(asn1_encode(&all_type, &v, 0, &exact, NULL), CR_OK);
        assert_true(cr_span_equal(cr_buf_span(&exact), expected));
        cr_buf_free(&exact);
        cr_buf tight = {.limit = expected.n - 1};
        assert_int_equal(asn1_encode(&all_type, &v, 0, &tight, NULL), CR_RESOURCE);
        assert_int_equal(tight.n, 0);
        cr_buf_free(&tight);
        cr_arena small = {.limit = expected.n - 1};
        cr_span none = {0};
        assert_int_equal(asn1_encode_arena(&all_type, &v, 0, &small, &none, NULL), CR_RESOURCE);
        assert_null(none.p);
        cr_arena_free(&small);
    }
    cr_arena_free(&a);
}

static void lookups(void **state)
{
    (void)state;
    assert_string_equal(asn1_name_of(level_names, 2), "high");
    assert_null(asn1_name_of(level_names, 1));
    assert_null(asn1_name_of(NULL, 1));
    assert_int_equal(asn1_field_named(&all_type, "eid")->tag, 0x5A);
    assert_null(asn1_field_named(&all_type, "nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),          cmocka_unit_test(raw_goes_out_as_it_came),
        cmocka_unit_test(raw_is_retagged), cmocka_unit_test(v2_leaves_out_v3),
        cmocka_unit_test(refusals),        cmocka_unit_test(buffers_of_any_room),
        cmocka_unit_test(lookups),
    };
    return cmocka_run_group_tests_name("asn1/encode", tests, NULL, NULL);
}
