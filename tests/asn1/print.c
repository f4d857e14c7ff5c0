#include "sample.h"

static void assert_printed(const struct asn1_type *t, const void *value,
                           const struct asn1_print_hooks *hooks, const char *expected)
{
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_int_equal(asn1_print(t, value, hooks, &out, &err), CR_OK);
    assert_string_equal(cr_buf_cstr(&out), expected);
    cr_buf_free(&out);
}

static void primitives(void **state)
{
    (void)state;
    cr_arena a = {0};
    uint8_t large[100] = {0};
    struct all v = {.level = 0,
                    .has_number = true,
                    .number = -5,
                    .has_bits = true,
                    .bits = 1u << 1 | 1u << 4 | 1u << 9,
                    .null = true,
                    .octets = CR_SPAN_ARRAY(large),
                    .secret = CR_SPAN_ARRAY(large),
                    .iccid = hex(&a, "981032547698103254F6"),
                    .eid = hex(&a, "89049032000000000000000000000012"),
                    .version = hex(&a, "020500"),
                    .text = cr_span_str("caf\xC3\xA9 \"x\""),
                    .oid = hex(&a, "883703")};
    assert_printed(&all_type, &v, NULL,
                   "All:\n"
                   "  flag: false (default)\n"
                   "  number: -5\n"
                   "  level: low (0)\n"
                   "  bits: second, 4, tenth\n"
                   "  null: present\n"
                   "  octets: 0000000000000000000000000000000000000000000000000000000000000000..."
                   " (100 bytes)\n"
                   "  secret: (secret, 100 bytes)\n"
                   "  iccid: 8901234567890123456\n"
                   "  eid: 89049032000000000000000000000012\n"
                   "  version: 2.5.0\n"
                   "  text: \"caf\xC3\xA9 \\\"x\\\"\"\n"
                   "  oid: 2.999.3\n");
    cr_arena_free(&a);
}

static void nested(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct cancel c;
    assert_int_equal(asn1_decode(&cancel_type, hex(&a, "BF410381017F"), 0, &a, &c, NULL), CR_OK);
    assert_printed(&cancel_type, &c, NULL, "Cancel:\n  error: undefined (127)\n");
    c.which = 0;
    assert_printed(&cancel_type, &c, NULL, "Cancel:\n  (nothing chosen)\n");
    struct all v;
    assert_int_equal(asn1_decode(&all_type, hex(&a, "BF3810 A70A 3003020101 3003020102 AA02 8300"),
                                 0, &a, &v, NULL),
                     CR_OK);
    assert_printed(&all_type, &v, NULL,
                   "All:\n"
                   "  flag: false (default)\n"
                   "  level: high (2) (default)\n"
                   "  list: (2)\n"
                   "    [0]:\n"
                   "      number: 1\n"
                   "    [1]:\n"
                   "      number: 2\n"
                   "  wrapped:\n"
                   "    deep:\n"
                   "      flag: present\n");
    cr_arena_free(&a);
}

static const char *oid_name(cr_span oid)
{
    return oid.n == 3 ? "example" : NULL;
}

static bool summary(cr_span tlv, cr_buf *out)
{
    cr_buf_append_str(out, "certificate of ");
    if (der_peek(tlv) != 0xA5) {
        return false;
    }
    cr_buf_appendf(out, "%zu", tlv.n);
    return true;
}

static void hooks_are_asked(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct asn1_print_hooks hooks = {.oid_name = oid_name, .raw_summary = summary};
    struct all v;
    assert_int_equal(
        asn1_decode(&all_type, hex(&a, "BF380D 0603883703 A5020500 A6020500"), 0, &a, &v, NULL),
        CR_OK);
    assert_printed(&all_type, &v, &hooks,
                   "All:\n"
                   "  flag: false (default)\n"
                   "  level: high (2) (default)\n"
                   "  oid: 2.999.3 (example)\n"
                   "  certificate: certificate of 4\n"
                   "  open: 0500\n");
    cr_arena_free(&a);
}

static void nothing_reaches_the_terminal_raw(void **state)
{
    (void)state;
    struct all v = {.level = 2,
                    .flag = true,
                    .text =
                        cr_span_str("\x1B[2J\x7F \xC2\x9B \xE2\x80\xAE \xE2\x81\xA6 \xE2\x82\xAC"),
                    .latin = cr_span_str("\x1B \x9B \xE9")};
    assert_printed(
        &all_type, &v, NULL,
        "All:\n"
        "  flag: true\n"
        "  level: high (2) (default)\n"
        "  text: \"\\x1B[2J\\x7F \\xC2\\x9B \\xE2\\x80\\xAE \\xE2\\x81\\xA6 \xE2\x82\xAC\"\n"
        "  latin: \"\\x1B \\x9B \\xE9\"\n");
}

static void tlv_tree(void **state)
{
    (void)state;
    cr_arena a = {0};
    cr_buf out = {0};
    struct cr_err err = {0};
    cr_span in =
        hex(&a, "BF381E 020105 0603883703 30050C0361C3A9 800568656C6C6F 8102AABB A080 0000");
    assert_int_equal(asn1_print_tlv(in, &out, &err), CR_OK);
    assert_string_equal(cr_buf_cstr(&out), "BF38 (30)\n"
                                           "  02 5\n"
                                           "  06 2.999.3\n"
                                           "  30 (5)\n"
                                           "    0C \"a\xC3\xA9\"\n"
                                           "  80 68656C6C6F \"hello\"\n"
                                           "  81 AABB\n"
                                           "  A0 (0)\n");
    size_t before = out.n;
    assert_int_equal(asn1_print_tlv(hex(&a, "3003020101 30"), &out, &err), CR_MALFORMED);
    assert_int_equal(out.n, before);
    uint8_t bomb[2 * (DER_MAX_DEPTH + 1)]; /* one level too deep, the last one is empty */
    for (size_t i = 0; i < sizeof(bomb); i += 2) {
        bomb[i] = 0x30;
        bomb[i + 1] = (uint8_t)(sizeof(bomb) - 2 - i);
    }
    assert_int_equal(asn1_print_tlv(CR_SPAN_ARRAY(bomb), &out, &err), CR_MALFORMED);
    cr_span less = cr_span_sub(CR_SPAN_ARRAY(bomb), 2, sizeof(bomb));
    assert_int_equal(asn1_print_tlv(less, &out, &err), CR_OK);
    cr_buf_free(&out);
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives),      cmocka_unit_test(nested),
        cmocka_unit_test(hooks_are_asked), cmocka_unit_test(nothing_reaches_the_terminal_raw),
        cmocka_unit_test(tlv_tree),
    };
    return cmocka_run_group_tests_name("asn1/print", tests, NULL, NULL);
}
