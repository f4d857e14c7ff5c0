#include "sample.h"

static void assert_cut(cr_arena *a, const char *text, enum der_rules rules)
{
    cr_span in = hex(a, text);
    cr_span before = in;
    struct der_tlv tlv = {.tag = 77};
    struct cr_err err = {0};
    assert_int_equal(der_next(&in, rules, &tlv, &err), CR_MALFORMED);
    assert_ptr_equal(in.p, before.p);
    assert_int_equal(in.n, before.n);
    assert_int_equal(tlv.tag, 77);
    assert_int_equal(err.category, CR_MALFORMED);
    assert_true(strlen(err.cause) > 0);
}

static void next_reads_tags_and_lengths(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const struct {
        const char *text;
        uint32_t tag;
        size_t length;
    } good[] = {
        {"3000", 0x30, 0},       {"BF380101", 0xBF38, 1},       {"5F370101", 0x5F37, 1},
        {"9F700101", 0x9F70, 1}, {"BF8138020102", 0xBF8138, 2}, {"BF0C00", 0xBF0C, 0},
        {"FF7F00", 0xFF7F, 0},
    };
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        cr_span in = hex(&a, good[i].text);
        cr_span whole = in;
        struct der_tlv tlv;
        assert_int_equal(der_peek(in), good[i].tag);
        assert_int_equal(der_next(&in, DER_STRICT, &tlv, NULL), CR_OK);
        assert_int_equal(tlv.tag, good[i].tag);
        assert_int_equal(tlv.value.n, good[i].length);
        assert_int_equal(tlv.all.n, whole.n);
        assert_int_equal(in.n, 0);
        for (size_t n = 0; n < whole.n; n++) {
            in = cr_span_sub(whole, 0, n);
            assert_int_equal(der_next(&in, DER_STRICT, &tlv, NULL), CR_MALFORMED);
        }
    }
    cr_arena_free(&a);
}

static void next_refuses(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const char *const never[] = {
        "",
        "30",
        "3081",
        "308201",
        "3001",
        "30FF",
        "3085000000000100",
        "0000",
        "BF81818100",
        "BF8000",
        "9F",
        "30840FFFFFFF",
        "3084FFFFFFFF00",
        "1F808001",
    };
    static const char *const not_strict[] = {"308100", "30820001AA", "3081050102030405", "30800000",
                                             "30840000000100"};
    for (size_t i = 0; i < CR_COUNT(never); i++) {
        assert_cut(&a, never[i], DER_STRICT);
        assert_cut(&a, never[i], DER_BER_LENGTHS);
        assert_cut(&a, never[i], DER_DEFINITE);
    }
    for (size_t i = 0; i < CR_COUNT(not_strict); i++) {
        assert_cut(&a, not_strict[i], DER_STRICT);
        cr_span in = hex(&a, not_strict[i]);
        struct der_tlv tlv;
        assert_int_equal(der_next(&in, DER_BER_LENGTHS, &tlv, NULL), CR_OK);
        assert_int_equal(in.n, 0);
        in = hex(&a, not_strict[i]);
        bool indefinite = in.p[1] == 0x80;
        assert_int_equal(der_next(&in, DER_DEFINITE, &tlv, NULL),
                         indefinite ? CR_MALFORMED : CR_OK);
    }
    cr_arena_free(&a);
}

static void next_follows_indefinite_lengths(void **state)
{
    (void)state;
    cr_arena a = {0};
    cr_span in = hex(&a, "3080 020101 A080 04020000 0000 30020000 0000 FF");
    struct der_tlv tlv;
    assert_int_equal(der_next(&in, DER_BER_LENGTHS, &tlv, NULL), CR_OK);
    assert_hex(&a, tlv.value, "020101 A080 04020000 0000 30020000");
    assert_hex(&a, in, "FF");
    assert_cut(&a, "3080 020101 00", DER_BER_LENGTHS);
    assert_cut(&a, "3080 020101 A080 0000", DER_BER_LENGTHS);
    assert_cut(&a, "0480 0000", DER_BER_LENGTHS); /* a primitive has no end-of-contents */
    assert_cut(&a, "3080 0480 0000 0000", DER_BER_LENGTHS);
    assert_cut(&a, "3080 0405 0000", DER_BER_LENGTHS);

    uint8_t bomb[400];
    for (size_t i = 0; i < sizeof(bomb); i += 2) {
        bomb[i] = 0x30;
        bomb[i + 1] = 0x80;
    }
    in = CR_SPAN_ARRAY(bomb);
    assert_int_equal(der_next(&in, DER_BER_LENGTHS, &tlv, NULL), CR_MALFORMED);
    cr_arena_free(&a);
}

static void header_tells_when_more_is_needed(void **state)
{
    (void)state;
    cr_arena a = {0};
    uint32_t tag = 0;
    size_t header = 0;
    size_t length = 0;
    struct cr_err err = {0};
    cr_span in = hex(&a, "BF368201F4AABB");
    for (size_t n = 0; n < 5; n++) {
        assert_int_equal(
            der_header(cr_span_sub(in, 0, n), DER_STRICT, &tag, &header, &length, &err),
            CR_RESOURCE);
        assert_int_equal(err.category, CR_OK);
    }
    assert_int_equal(der_header(in, DER_STRICT, &tag, &header, &length, &err), CR_OK);
    assert_int_equal(tag, 0xBF36);
    assert_int_equal(header, 5);
    assert_int_equal(length, 500);
    assert_int_equal(der_header(hex(&a, "3080"), DER_BER_LENGTHS, &tag, &header, &length, &err),
                     CR_MALFORMED);
    assert_int_equal(der_header(hex(&a, "308101"), DER_STRICT, &tag, &header, &length, &err),
                     CR_MALFORMED);
    cr_arena_free(&a);
}

static void peek_expect_find(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct der_tlv tlv = {0};
    struct cr_err err = {0};
    assert_int_equal(der_peek((cr_span){0}), 0);
    assert_int_equal(der_peek(hex(&a, "BF")), 0);
    assert_int_equal(der_peek(hex(&a, "BF81")), 0);
    cr_span in = hex(&a, "800101 810102");
    assert_int_equal(der_expect(&in, DER_STRICT, 0x81, &tlv, &err), CR_MALFORMED);
    assert_string_equal(err.cause, "tag 80 instead of 81");
    assert_int_equal(in.n, 6);
    assert_true(der_find(in, 0x81, &tlv));
    assert_hex(&a, tlv.value, "02");
    assert_false(der_find(in, 0x82, &tlv));
    assert_false(der_find(hex(&a, "800501"), 0x81, &tlv));
    assert_int_equal(der_expect(&in, DER_STRICT, 0x80, &tlv, &err), CR_OK);
    assert_int_equal(in.n, 3);
    assert_true(der_constructed(0x30) && der_constructed(0xBF38) && der_constructed(0xBF8138));
    assert_false(der_constructed(0x80) || der_constructed(0x5F37) || der_constructed(0x9F8120));
    cr_arena_free(&a);
}

static void integers(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const struct {
        int64_t value;
        const char *der;
    } good[] = {
        {0, "020100"},
        {1, "020101"},
        {127, "02017F"},
        {128, "02020080"},
        {255, "020200FF"},
        {256, "02020100"},
        {-1, "0201FF"},
        {-128, "020180"},
        {-129, "0202FF7F"},
        {INT64_MAX, "02087FFFFFFFFFFFFFFF"},
        {INT64_MIN, "02088000000000000000"},
    };
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        cr_buf b = {0};
        der_put_integer(&b, 0x02, good[i].value);
        assert_hex(&a, cr_buf_span(&b), good[i].der);
        int64_t back = 0;
        assert_int_equal(der_integer(cr_span_sub(cr_buf_span(&b), 2, 8), &back, NULL), CR_OK);
        assert_true(back == good[i].value);
        cr_buf_free(&b);
    }
    static const char *const bad[] = {"", "0000", "007F", "FFFF", "FF80", "008000000000000000"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        int64_t v = 5;
        assert_int_equal(der_integer(hex(&a, bad[i]), &v, NULL), CR_MALFORMED);
        assert_int_equal(v, 5);
    }
    cr_arena_free(&a);
}

static void writing_nests(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 70000};
    cr_arena a = {0};
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        uint8_t *payload = cr_arena_alloc(&a, sizes[i]);
        cr_span value = cr_span_of(payload, sizes[i]);
        cr_buf open = {0};
        cr_buf put = {0};
        cr_buf inner = {0};
        size_t outer_mark = der_open(&open, 0xBF38);
        size_t inner_mark = der_open(&open, 0x30);
        cr_buf_append_span(&open, value);
        der_close(&open, inner_mark);
        der_put_integer(&open, 0x02, 5);
        der_close(&open, outer_mark);
        der_put(&inner, 0x30, value);
        assert_int_equal(inner.n, sizes[i] + der_header_size(0x30, sizes[i]));
        der_put_integer(&inner, 0x02, 5);
        der_put(&put, 0xBF38, cr_buf_span(&inner));
        assert_true(cr_span_equal(cr_buf_span(&open), cr_buf_span(&put)));
        cr_span in = cr_buf_span(&put);
        struct der_tlv tlv;
        assert_int_equal(der_next(&in, DER_STRICT, &tlv, NULL), CR_OK);
        assert_int_equal(in.n, 0);
        cr_buf_free(&open);
        cr_buf_free(&put);
        cr_buf_free(&inner);
    }
    cr_buf tight = {.limit = 100};
    size_t mark = der_open(&tight, 0x30);
    (void)cr_buf_extend(&tight, 98);
    assert_true(cr_buf_ok(&tight));
    der_close(&tight, mark);
    assert_true(cr_buf_ok(&tight));
    (void)cr_buf_extend(&tight, 1);
    der_close(&tight, mark);
    assert_false(cr_buf_ok(&tight));
    cr_buf_free(&tight);
    cr_buf b = {0};
    der_put_header(&b, 0x30, (size_t)UINT32_MAX + 1);
    assert_false(cr_buf_ok(&b));
    cr_buf_free(&b);
    cr_arena_free(&a);
}

static void oids(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const struct {
        const char *der;
        const char *text;
    } good[] = {
        {"2A864886F70D", "1.2.840.113549"},
        {"67819201020101", "2.23.18689.2.1.1"},
        {"678112010201", "2.23.146.1.2.1"},
        {"00", "0.0"},
        {"27", "0.39"},
        {"28", "1.0"},
        {"4F", "1.39"},
        {"50", "2.0"},
        {"7F", "2.47"},
        {"8100", "2.48"},
        {"883703", "2.999.3"},
        {"8837", "2.999"},
        {"2A81FFFFFFFFFFFFFFFF7F", "1.2.18446744073709551615"},
    };
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        char text[DER_OID_TEXT];
        assert_int_equal(der_oid_text(hex(&a, good[i].der), text, NULL), CR_OK);
        assert_string_equal(text, good[i].text);
        cr_buf b = {0};
        assert_int_equal(der_oid_from_text(&b, cr_span_str(text), NULL), CR_OK);
        assert_hex(&a, cr_buf_span(&b), good[i].der);
        cr_buf_free(&b);
    }
    static const char *const bad_der[] = {"",
                                          "80",
                                          "8001",
                                          "2A8001",
                                          "2A86",
                                          "2A82808080808080808000",
                                          "2AFFFFFFFFFFFFFFFFFFFFFFFF7F"};
    for (size_t i = 0; i < CR_COUNT(bad_der); i++) {
        char text[DER_OID_TEXT] = "kept";
        assert_int_equal(der_oid_text(hex(&a, bad_der[i]), text, NULL), CR_MALFORMED);
        assert_string_equal(text, "kept");
    }
    uint8_t longest[64];
    memset(longest, 1, sizeof(longest)); /* "0.1" and ".1" for each: 2 * 64 + 1 characters */
    char text[DER_OID_TEXT];
    assert_int_equal(der_oid_text(cr_span_of(longest, 63), text, NULL), CR_OK);
    assert_int_equal(strlen(text), 127);
    assert_int_equal(der_oid_text(cr_span_of(longest, 64), text, NULL), CR_MALFORMED);
    static const char *const bad_text[] = {"",
                                           "1",
                                           "1.",
                                           ".1.2",
                                           "1.2.",
                                           "1..2",
                                           "3.1",
                                           "1.40",
                                           "0.40",
                                           "1.2x",
                                           "01.2",
                                           "1.02",
                                           "-1.2",
                                           " 1.2",
                                           "2.18446744073709551615",
                                           "1.2.18446744073709551616"};
    for (size_t i = 0; i < CR_COUNT(bad_text); i++) {
        cr_buf b = {0};
        cr_buf_append_byte(&b, 7);
        assert_int_equal(der_oid_from_text(&b, cr_span_str(bad_text[i]), NULL), CR_MALFORMED);
        assert_int_equal(b.n, 1);
        cr_buf_free(&b);
    }
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_reads_tags_and_lengths),
        cmocka_unit_test(next_refuses),
        cmocka_unit_test(next_follows_indefinite_lengths),
        cmocka_unit_test(header_tells_when_more_is_needed),
        cmocka_unit_test(peek_expect_find),
        cmocka_unit_test(integers),
        cmocka_unit_test(writing_nests),
        cmocka_unit_test(oids),
    };
    return cmocka_run_group_tests_name("asn1/der", tests, NULL, NULL);
}
