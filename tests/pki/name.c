/* Names compared as RFC 5280 7.1 wants it. */
#include "rig.h"

#define C_IT                                                                                       \
    "\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02"                                                 \
    "IT"
#define O_ACME(tag)                                                                                \
    "\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a" tag "\x04"                                              \
    "ACME"
#define O_acme                                                                                     \
    "\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04"                                                 \
    "acme"
#define OU_ACME                                                                                    \
    "\x31\x0d\x30\x0b\x06\x03\x55\x04\x0b\x0c\x04"                                                 \
    "ACME"
#define O_IT                                                                                       \
    "\x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x13\x02"                                                 \
    "IT"

static void test_names(void **state)
{
    (void)state;
    static const struct {
        cr_span a, b;
        bool equal;
    } cases[] = {
        {RIG_STR("\x30\x00"), RIG_STR("\x30\x00"), true},
        {RIG_STR("\x30\x0f" O_ACME("\x0c")), RIG_STR("\x30\x0f" O_ACME("\x0c")), true},
        {RIG_STR("\x30\x0f" O_ACME("\x0c")), RIG_STR("\x30\x0f" O_ACME("\x13")), true},
        {RIG_STR("\x30\x0f" O_ACME("\x13")), RIG_STR("\x30\x0f" O_acme), true},
        {RIG_STR("\x30\x0f" O_ACME("\x13")), RIG_STR("\x30\x0f" O_ACME("\x1e")), false},
        {RIG_STR("\x30\x0f" O_ACME("\x0c")), RIG_STR("\x30\x0f" OU_ACME), false},
        {RIG_STR("\x30\x0f" O_ACME("\x0c")), RIG_STR("\x30\x0d" O_IT), false},
        {RIG_STR("\x30\x0f" O_ACME("\x0c")), RIG_STR("\x30\x1c" O_ACME("\x13") C_IT), false},
        {RIG_STR("\x30\x1c" O_ACME("\x13") C_IT), RIG_STR("\x30\x0f" O_ACME("\x0c")), false},
        {RIG_STR("\x30\x1c" O_ACME("\x13") C_IT), RIG_STR("\x30\x1c" C_IT O_ACME("\x13")), false},
        {RIG_STR("\x30\x1c" O_ACME("\x13") C_IT), RIG_STR("\x30\x1c" O_acme C_IT), true},
        /* one RDN of two attributes is not two RDNs */
        {RIG_STR("\x30\x1a\x31\x18\x30\x0b\x06\x03\x55\x04\x0a\x13\x04"
                 "ACME"
                 "\x30\x09\x06\x03\x55\x04\x06\x13\x02"
                 "IT"),
         RIG_STR("\x30\x1c" O_acme C_IT), false},
        /* what is broken equals nothing but itself */
        {RIG_STR("\x30\x02\x31\x00"), RIG_STR("\x30\x00"), false},
        {RIG_STR("\x30\x00"), RIG_STR("\x30\x02\x31\x00"), false},
        {RIG_STR("\x31\x00"), RIG_STR("\x30\x00"), false},
        {RIG_STR("\x30\x00"), RIG_STR("\x31\x00"), false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        if (pki_name_equal(cases[i].a, cases[i].b) != cases[i].equal ||
            pki_name_equal(cases[i].b, cases[i].a) != cases[i].equal) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"RSP Test EUM", "RSP Test EUM", true},
        {"RSP Test EUM", "rsp  TEST eum", true},
        {" RSP Test EUM", "RSP Test EUM  ", true},
        {"RSP Test EUM", "RSPTest EUM", false},
        {"RSP Test EUM", "RSP Test EU", false},
        {"RSP Test EU", "RSP Test EUM", false},
        {"", "", true},
        {"", "  ", true},
        {"", "a", false},
        {"\xc3\x9c", "\xc3\xbc", false}, /* no folding beyond ASCII */
        {"@[`{", "@[`{", true},
        {"@", "`", false},
        {"[", "{", false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        if (pki_name_value_equal(cr_span_str(cases[i].a), cr_span_str(cases[i].b)) !=
            cases[i].equal) {
            fail_msg("'%s' and '%s'", cases[i].a, cases[i].b);
        }
    }
    assert_false(pki_name_value_equal((cr_span){0}, (cr_span){0})); /* absent equals nothing */
    assert_false(pki_name_value_equal((cr_span){0}, cr_span_str("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests_name("pki/name", tests, NULL, NULL);
}
