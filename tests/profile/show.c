/*
 * The text form: what people look for is there, secrets are not, hostile packages cannot draw on
 * the terminal.
 */
#include "sample.h"

#include "profile/build.h"
#include "profile/show.h"

static void show(cr_span upp, unsigned flags, cr_buf *out)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    assert_ok(profile_package_read(upp, &arena, &package, &err));
    assert_ok(profile_show(&package, flags, out, &err));
    assert_non_null(cr_buf_cstr(out));
    cr_arena_free(&arena);
}

static void has(cr_buf *text, const char *what)
{
    if (!strstr(cr_buf_cstr(text), what)) {
        fail_msg("\"%s\" is not in\n%s", what, cr_buf_cstr(text));
    }
}

static void test_ts48(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "package of 30 elements, 12385 bytes",
        "version 2.3, ICCID 89000123456789012341, \"GSMA Generic eUICC Test Profile\"",
        "usim-test-algorithm, ber-tlv, get-identity",
        "templates: MF, DF.TELECOM, ADF.USIM",
        "  7  genericFileManagement id 23         1018 bytes",
        "3F00 mf                         MF, PINs 010A0B, rule 2F06/1",
        "2FE2 ef-iccid                 transparent 10, SFI 02, rule 2F06/3",
        "= 89000123456789012341",
        "= A0000000871002FF49FF0589 USIM",
        "= 001010123456789",
        "= GSMA_TEST",
        "= 125 SUCI calculation by the USIM",
        "link to 7FD06F3B",
        "6F38 ef-ust",
        "= 001010123456789@test.3gpp.com",
        "4F0B ef-ursp              BER-TLV 1024",
        "PINs of mf/adf-usim",
        "authentication: USIM test algorithm, K (16 bytes)",
        "key 03 version 02, AES (16 bytes)",
        "TAR B00141, security level 02, of application A0000000871004FF49FF0589",
    };
    cr_buf upp = {0};
    cr_buf text = {0};
    sample_ts48(SAMPLE_BER_SUCI, &upp);
    show(cr_buf_span(&upp), 0, &text);
    for (size_t i = 0; i < CR_COUNT(lines); i++) {
        has(&text, lines[i]);
    }
    assert_null(strstr(cr_buf_cstr(&text), "000102030405060708090A0B0C0D0E0F"));
    assert_null(strstr(cr_buf_cstr(&text), "3535353535353535"));
    cr_buf_reset(&text);
    show(cr_buf_span(&upp), PROFILE_SHOW_SECRETS | PROFILE_SHOW_CONTENT, &text);
    has(&text, "K 000102030405060708090A0B0C0D0E0F");
    has(&text, "0A 3535353535353535, enabled");
    has(&text, "98001032547698103214");
    cr_buf_free(&text);
    cr_buf_free(&upp);
}

/* A package that was made has no bytes to count. */
static void test_made(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf text = {0};
    struct cr_err err = {0};
    struct profile_package package;
    json_t *json = json_loads("{\"iccid\":\"8988211000000000017\",\"imsi\":\"999700000000001\","
                              "\"k\":\"465B5CE8B199B49FAA5F0A2EE238A6BC\",\"opc\":"
                              "\"CD63CB71954A9F4E48A5994E37A02BAF\",\"puk1\":\"12345678\","
                              "\"puk2\":\"87654321\",\"adm1\":\"88888888\"}",
                              0, NULL);
    assert_ok(profile_build(json, &arena, &package, &err));
    assert_ok(profile_show(&package, 0, &text, &err));
    has(&text, "authentication: Milenage, K (16 bytes), OPc (16 bytes)");
    json_decref(json);
    cr_buf_free(&text);
    cr_arena_free(&arena);
}

/* Elements that no generic test profile has. */
static void test_others(void **state)
{
    (void)state;
    cr_buf upp = {0};
    cr_buf text = {0};
    sample_hex("A01A 800103 810103 8204 411B5B42 830A 89000123456789012341 A500 A600", &upp);
    upp.p[1] = (uint8_t)(upp.n - 2);
    static const char *const elements[] = {
        "AB00",
        "A20A A003 810102 A103 8101 7F",
    };
    cr_buf one = {0};
    for (size_t i = 0; i < CR_COUNT(elements); i++) {
        sample_hex(elements[i], &one);
        cr_buf_append_span(&upp, cr_buf_span(&one));
    }
    show(cr_buf_span(&upp), 0, &text);
    has(&text, "\"A?[B\""); /* no escape reaches the terminal */
    has(&text, "unknown");
    has(&text, "tag AB");
    has(&text, "PINs of nothing");
    has(&text, "those of 7F");
    cr_buf_free(&one);
    cr_buf_free(&text);
    cr_buf_free(&upp);
}

static void test_hostile(void **state)
{
    (void)state;
    cr_buf upp = {0};
    sample_ts48(SAMPLE_BER_SUCI, &upp);
    for (size_t i = 0; i < upp.n; i += 17) {
        cr_arena arena = {0};
        struct profile_package package;
        uint8_t kept = upp.p[i];
        upp.p[i] = (uint8_t)(kept ^ (1u << (i % 8)));
        if (profile_package_read(cr_buf_span(&upp), &arena, &package, NULL) == CR_OK) {
            cr_buf text = {0};
            struct cr_err err = {0};
            assert_ok(profile_show(&package, PROFILE_SHOW_CONTENT, &text, &err));
            for (size_t k = 0; k < text.n; k++) {
                assert_true(text.p[k] >= 0x20 || text.p[k] == '\n');
            }
            cr_buf_free(&text);
        }
        upp.p[i] = kept;
        cr_arena_free(&arena);
    }
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ts48),
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
