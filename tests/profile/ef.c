/*
 * Contents of well-known files: vectors of the generic test profile, there and back, refusals.
 */
#include "sample.h"

#include "profile/ef.h"

static void test_iccid(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t out[PROFILE_ICCID];
    char text[PROFILE_ICCID_TEXT];
    assert_ok(profile_iccid_encode(cr_span_str("89000123456789012341"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "98001032547698103214");
    assert_string_equal(profile_iccid_text(CR_SPAN_ARRAY(out), text), "89000123456789012341");
    assert_ok(profile_iccid_encode(cr_span_str("8900012345678901234"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "980010325476981032F4");
    assert_string_equal(profile_iccid_text(CR_SPAN_ARRAY(out), text), "8900012345678901234");
    assert_ok(profile_iccid_plain(cr_span_str("8900012345678901234"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "8900012345678901234F");
    assert_string_equal(profile_iccid_plain_text(CR_SPAN_ARRAY(out), text), "8900012345678901234");
    assert_int_equal(profile_iccid_encode(cr_span_str("12345678901234567"), out, &err),
                     CR_MALFORMED);
    assert_int_equal(profile_iccid_encode(cr_span_str("123456789012345678901"), out, &err),
                     CR_MALFORMED);
    assert_int_equal(profile_iccid_encode(cr_span_str("8900012345678901234x"), out, &err),
                     CR_MALFORMED);
    /* other nibbles, digits behind the filler, too long */
    assert_string_equal(profile_iccid_text(cr_span_of("\x98\xA0", 2), text), "");
    assert_string_equal(profile_iccid_text(cr_span_of("\xF8\x10", 2), text), "");
    assert_string_equal(
        profile_iccid_text(cr_span_of("\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11", 11), text),
        "");
    assert_string_equal(profile_iccid_text((cr_span){0}, text), "");
}

static void test_imsi(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t out[PROFILE_IMSI];
    char text[PROFILE_IMSI_TEXT];
    static const struct {
        const char *digits;
        const char *hex;
    } vectors[] = {{"001010123456789", "080910101032547698"},
                   {"00101012345678", "0801101010325476F8"},
                   {"001012", "04011010F2FFFFFFFF"},
                   {"001010123456063", "080910101032540636"}};
    for (size_t i = 0; i < CR_COUNT(vectors); i++) {
        assert_ok(profile_imsi_encode(cr_span_str(vectors[i].digits), out, &err));
        assert_hex(CR_SPAN_ARRAY(out), vectors[i].hex);
        assert_string_equal(profile_imsi_text(CR_SPAN_ARRAY(out), text), vectors[i].digits);
    }
    assert_int_equal(profile_imsi_encode(cr_span_str("00101"), out, &err), CR_MALFORMED);
    assert_int_equal(profile_imsi_encode(cr_span_str("0010101234567890"), out, &err), CR_MALFORMED);
    assert_string_equal(profile_imsi_text(cr_span_of("\x09\x09", 2), text), "");
    assert_string_equal(
        profile_imsi_text(cr_span_of("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9), text), "");
    assert_string_equal(profile_imsi_text((cr_span){0}, text), "");
}

static void test_codes(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t out[PROFILE_CODE];
    assert_ok(profile_pin_encode(cr_span_str("1234"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "31323334FFFFFFFF");
    assert_ok(profile_puk_encode(cr_span_str("12345678"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "3132333435363738");
    assert_ok(profile_adm_encode(cr_span_str("55555555"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "3535353535353535");
    assert_ok(profile_adm_encode(cr_span_str("0123456789abcdef"), out, &err));
    assert_hex(CR_SPAN_ARRAY(out), "0123456789ABCDEF");
    assert_int_equal(profile_pin_encode(cr_span_str("123"), out, &err), CR_MALFORMED);
    assert_int_equal(profile_pin_encode(cr_span_str("123456789"), out, &err), CR_MALFORMED);
    assert_int_equal(profile_puk_encode(cr_span_str("1234567"), out, &err), CR_MALFORMED);
    assert_int_equal(profile_adm_encode(cr_span_str("0123456789abcdeX"), out, &err), CR_MALFORMED);
    assert_int_equal(profile_adm_encode(cr_span_str("1"), out, &err), CR_MALFORMED);
}

static void test_acc(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t out[PROFILE_ACC];
    static const struct {
        const char *text;
        const char *hex;
    } good[] = {
        {"0001", "0001"}, {"8000", "8000"}, {"0,11", "0801"}, {"15", "8000"}, {"3", "0008"}};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        assert_ok(profile_acc_encode(cr_span_str(good[i].text), out, &err));
        assert_hex(CR_SPAN_ARRAY(out), good[i].hex);
    }
    static const char *const bad[] = {"", "10", "16", "a", "1,", ",1", "00G1", "1,,2", "99999"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        if (profile_acc_encode(cr_span_str(bad[i]), out, &err) == CR_OK) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    profile_acc_of_imsi(cr_span_str("001010000000009"), out);
    assert_hex(CR_SPAN_ARRAY(out), "0200");
}

static void test_networks(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t plmn[PROFILE_PLMN];
    char text[PROFILE_PLMN_TEXT];
    static const struct {
        const char *text;
        const char *hex;
        const char *again;
    } good[] = {{"99970", "99F907", "999-70"},
                {"001-01", "00F110", "001-01"},
                {"310/410", "130014", "310-410"},
                {"310410", "130014", "310-410"}};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        assert_ok(profile_plmn_encode(cr_span_str(good[i].text), plmn, &err));
        assert_hex(CR_SPAN_ARRAY(plmn), good[i].hex);
        assert_string_equal(profile_plmn_text(CR_SPAN_ARRAY(plmn), text), good[i].again);
    }
    static const char *const bad[] = {"", "9997", "9997000", "99-970", "999-", "999--70", "9997x"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(profile_plmn_encode(cr_span_str(bad[i]), plmn, &err), CR_MALFORMED);
    }
    assert_string_equal(profile_plmn_text(cr_span_of("\xFF\xFF\xFF", 3), text), "");
    assert_string_equal(profile_plmn_text(cr_span_of("\x00", 1), text), "");

    cr_buf out = {0};
    assert_ok(profile_plmn_act_encode(cr_span_str("001-01:EUTRAN,gsm"), &out, &err));
    assert_hex(cr_buf_span(&out), "00F1104080");
    cr_buf shown = {0};
    profile_plmn_act_text(cr_buf_span(&out), &shown);
    assert_string_equal(cr_buf_cstr(&shown), "001-01:eutran,gsm");
    cr_buf_reset(&out);
    assert_ok(profile_plmn_act_encode(cr_span_str("00101"), &out, &err));
    assert_hex(cr_buf_span(&out), "00F110C880");
    cr_buf_reset(&out);
    assert_int_equal(profile_plmn_act_encode(cr_span_str("00101:6g"), &out, &err), CR_MALFORMED);
    assert_int_equal(profile_plmn_act_encode(cr_span_str(""), &out, &err), CR_MALFORMED);
    assert_int_equal(out.n, 0);
    cr_buf_free(&shown);
    cr_buf_free(&out);
}

static void alpha_is(const char *hex, const char *expected)
{
    cr_buf bytes = {0};
    cr_buf text = {0};
    sample_hex(hex, &bytes);
    profile_alpha_text(cr_buf_span(&bytes), &text);
    assert_string_equal(cr_buf_cstr(&text), expected);
    cr_buf_free(&bytes);
    cr_buf_free(&text);
}

static void test_texts(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t out[16];
    static const struct {
        const char *text;
        const char *hex;
    } good[] = {{"GSMA_TEST", "47534D411154455354FFFFFFFFFFFFFF"},
                {"\xC3\xA4@$", "7B0002FFFFFFFFFFFFFFFFFFFFFFFFFF"},
                {"", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
                {"[x]", "80005B0078005DFFFFFFFFFFFFFFFFFF"},
                {"\xE2\x82\xAC", "8020ACFFFFFFFFFFFFFFFFFFFFFFFFFF"}};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        assert_ok(profile_alpha_encode(cr_span_str(good[i].text), out, sizeof(out), &err));
        assert_hex(CR_SPAN_ARRAY(out), good[i].hex);
        alpha_is(good[i].hex, good[i].text);
    }
    assert_int_equal(profile_alpha_encode(cr_span_str("12345678901234567"), out, 16, &err),
                     CR_MALFORMED);
    assert_non_null(strstr(err.cause, "17 bytes"));
    assert_int_equal(profile_alpha_encode(cr_span_str("\xFF"), out, 16, &err), CR_MALFORMED);
    assert_int_equal(profile_alpha_encode(cr_span_str("\xF0\x9F\x98\x80"), out, 16, &err),
                     CR_MALFORMED);
    /* the other codings of UCS2, and what is none */
    alpha_is("8103098A8B41", "\xD2\x8A\xD2\x8B"
                             "A");
    alpha_is("82030530 2D 82 D3", "-\xD4\xB2\xD6\x83");
    alpha_is("81", "");
    alpha_is("8205", "");
    alpha_is("8003", "");
    alpha_is("1B41", "?A");
    alpha_is("80D800", "?");
    alpha_is("90", "?");
    uint8_t spn[PROFILE_SPN];
    assert_ok(profile_spn_encode(1, cr_span_str("A"), spn, &err));
    assert_hex(CR_SPAN_ARRAY(spn), "0141FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
}

static void test_numbers(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t record[42];
    cr_buf text = {0};
    assert_ok(profile_adn_encode(cr_span_str("Bob"), cr_span_str("+4912#"), record, 20, &err));
    assert_hex(cr_span_of(record, 20), "426F62FFFFFF 0491 9421 FBFFFFFFFFFFFFFFFFFF");
    profile_adn_text(cr_span_of(record, 20), &text);
    assert_string_equal(cr_buf_cstr(&text), "Bob +4912#");
    cr_buf_reset(&text);
    assert_ok(profile_adn_encode(cr_span_str(""), cr_span_str("112"), record, 14, &err));
    assert_hex(cr_span_of(record, 14), "038111F2FFFFFFFFFFFFFFFFFFFF");
    assert_ok(profile_adn_encode(cr_span_str(""), cr_span_str(""), record, 14, &err));
    assert_hex(cr_span_of(record, 14), "FFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    profile_adn_text(cr_span_of(record, 14), &text);
    assert_int_equal(text.n, 0);
    assert_ok(profile_adn_encode(cr_span_str(""), cr_span_str("+12345678901234567890"), record, 14,
                                 &err));
    assert_hex(cr_span_of(record, 14), "0B9121436587092143658709FFFF");
    static const char *const bad[] = {"+", "x", "1+2", "123456789012345678901"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(profile_adn_encode(cr_span_str(""), cr_span_str(bad[i]), record, 14, &err),
                         CR_MALFORMED);
    }
    assert_int_equal(profile_adn_encode(cr_span_str(""), cr_span_str("1"), record, 13, &err),
                     CR_REFUSED);
    assert_ok(profile_smsp_encode(cr_span_str("Me"), cr_span_str("+4913"), record, 40, &err));
    assert_hex(cr_span_of(record, 40),
               "4D65FFFFFFFFFFFFFFFFFFFF FD FFFFFFFFFFFFFFFFFFFFFFFF 03919431FFFFFFFFFFFFFFFF"
               "FFFFFF");
    assert_ok(profile_smsp_encode(cr_span_str(""), cr_span_str(""), record, 28, &err));
    assert_int_equal(record[0], 0xFF);
    assert_int_equal(profile_smsp_encode(cr_span_str(""), cr_span_str(""), record, 27, &err),
                     CR_REFUSED);
    assert_ok(profile_ecc_encode(cr_span_str("112"), cr_span_str("SOS"), 0x1F, record, 10, &err));
    assert_hex(cr_span_of(record, 10), "11F2FF534F53FFFFFF1F");
    assert_int_equal(profile_ecc_encode(cr_span_str("112"), cr_span_str(""), 0, record, 3, &err),
                     CR_REFUSED);
    assert_int_equal(profile_ecc_encode(cr_span_str("1x"), cr_span_str(""), 0, record, 4, &err),
                     CR_MALFORMED);
    cr_buf_free(&text);
}

/* Every row of the tables; the bits of the generic test profile. */
static void test_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < profile_ust_service_count; i++) {
        const struct profile_ust_service *s = &profile_ust_services[i];
        assert_ptr_equal(profile_ust_service(s->number), s);
        assert_true(i == 0 || s->number > s[-1].number);
        assert_true(*s->name);
    }
    for (size_t i = 1; i < profile_ist_service_count; i++) {
        assert_true(profile_ist_services[i].number > profile_ist_services[i - 1].number);
    }
    assert_null(profile_ust_service(0));
    assert_null(profile_ust_service(147));
    assert_true(profile_ust_service_has_file(profile_ust_service(9), "ef-ici"));
    assert_true(profile_ust_service_has_file(profile_ust_service(9), "ef-ict"));
    assert_false(profile_ust_service_has_file(profile_ust_service(9), "ef-ic"));
    assert_false(profile_ust_service_has_file(profile_ust_service(1), "ef-ic"));
    cr_buf ust = {0};
    sample_hex("9EFFBF1DFF3E0083410310010400403E39", &ust);
    static const unsigned on[] = {2, 27, 33, 122, 124, 125, 129, 132, 134};
    static const unsigned off[] = {1, 121, 127, 136, 200, 0};
    for (size_t i = 0; i < CR_COUNT(on); i++) {
        assert_true(profile_table_has(cr_buf_span(&ust), on[i]));
    }
    for (size_t i = 0; i < CR_COUNT(off); i++) {
        assert_false(profile_table_has(cr_buf_span(&ust), off[i]));
    }
    uint8_t table[2] = {0};
    assert_true(profile_table_set(table, 2, 1) && profile_table_set(table, 2, 16));
    assert_false(profile_table_set(table, 2, 17) || profile_table_set(table, 2, 0));
    assert_hex(CR_SPAN_ARRAY(table), "0180");
    cr_buf_free(&ust);
}

static void text_is(enum profile_ef_place place, uint16_t fid, const char *hex, size_t record,
                    const char *expected)
{
    cr_buf bytes = {0};
    cr_buf text = {0};
    sample_hex(hex, &bytes);
    assert_int_equal(profile_ef_text(place, fid, cr_buf_span(&bytes), record, &text),
                     expected != NULL);
    assert_string_equal(cr_buf_cstr(&text), expected ? expected : "");
    cr_buf_free(&bytes);
    cr_buf_free(&text);
}

static void test_any(void **state)
{
    (void)state;
    text_is(PROFILE_EF_MF, 0x2FE2, "98001032547698103214", 0, "89000123456789012341");
    text_is(PROFILE_EF_MF, 0x2F00, "61074F05A000000001FF 610C4F05A0000000025003555349", 10,
            "A000000001");
    text_is(PROFILE_EF_MF, 0x2F00, "610C4F05A0000000025003555349", 0, "A000000002 USI");
    text_is(PROFILE_EF_USIM, 0x6F07, "080910101032547698", 0, "001010123456789");
    text_is(PROFILE_EF_USIM, 0x6F07, "FFFFFFFFFFFFFFFFFF", 0, NULL);
    text_is(PROFILE_EF_USIM, 0x6F46, "0147534D411154455354FF", 0, "GSMA_TEST");
    text_is(PROFILE_EF_USIM, 0x6FAD, "80000002", 0, "type approval, MNC of 2 digits");
    text_is(PROFILE_EF_USIM, 0x6F78, "0001", 0, "classes 0");
    text_is(PROFILE_EF_USIM, 0x6F38, "0100000080", 0, "1 Local Phone Book\n40 Investigation Scan");
    text_is(PROFILE_EF_USIM, 0x6F7B, "00F110FFFFFF99F907", 0, "001-01 999-70");
    text_is(PROFILE_EF_USIM, 0x6FB7, "11F2FF0019F1FF00FFFFFFFF", 4, "112\n911");
    text_is(PROFILE_EF_ISIM, 0x6F02, "8003414243FF", 0, "ABC");
    text_is(PROFILE_EF_ISIM, 0x6F02, "80054142", 0, NULL);
    text_is(PROFILE_EF_ISIM, 0x6F07, "0100", 0, "1 P-CSCF address");
    text_is(PROFILE_EF_5GS, 0x4F0A, "21F3FFFF", 0, "123");
    text_is(PROFILE_EF_SAIP, 0x4F01, "A006010102020000A100", 0,
            "profile A with key 1, profile B with key 2, null scheme");
    text_is(PROFILE_EF_SAIP, 0x4F01, "A0020101A107800101810201FF", 0,
            "profile A with key 1\nkey identifier 1: 01FF");
    text_is(PROFILE_EF_MF, 0x2F06,
            "8001019000800102A406830101950108800158A40683010A950108FFFFFFFFFFFF"
            "800103A010A406830101950108A406830181950108840132AF0290008401D49700FF",
            33,
            "read: always; update: PIN1; deactivate, activate, delete: ADM1\n"
            "read, update: (PIN1 or PIN2); increase: not (always); resize: never");
    text_is(PROFILE_EF_USIM, 0x6F7E, "12345678 99F907 00A1 FF 00", 0,
            "network 999-70, LAC 00A1, TMSI 12345678, updated");
    text_is(PROFILE_EF_USIM, 0x6F73, "12345678 FFFFFF 99F907 00A1 05 01", 0,
            "network 999-70, LAC 00A1, RAC 05, P-TMSI 12345678, not updated");
    text_is(PROFILE_EF_USIM, 0x6FE3, "FFFFFFFFFFFFFFFFFFFFFFFF 99F907 0001 00", 0,
            "tracking area 999-70 TAC 0001, updated");
    text_is(PROFILE_EF_5GS, 0x4F01, "FFFFFFFFFFFFFFFFFFFFFFFFFF 99F907 000102 01", 0,
            "tracking area 999-70 TAC 000102, not updated");
    text_is(PROFILE_EF_USIM, 0x6F7E, "123456", 0, NULL);
    text_is(PROFILE_EF_USIM, 0x6F08,
            "07FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0, "no keys");
    text_is(PROFILE_EF_GSM_ACCESS, 0x4F20, "0102030405060708 03", 0,
            "key sequence 3, Kc 0102030405060708");
    text_is(PROFILE_EF_USIM, 0x6F56, "05", 0, "1 fixed dialling enabled\n3 APN control enabled");
    /* "Test" in seven bits a character: 4 characters are 28 bits in 4 bytes, 4 to spare */
    text_is(PROFILE_EF_USIM, 0x6FC5, "430584D4F29C0EFF", 0, "Test");
    text_is(PROFILE_EF_USIM, 0x6FC5, "430590004100 42FF", 0, "AB");
    text_is(PROFILE_EF_USIM, 0x6FC6, "99F907 0000 FFFE 01 00F110 0001 0002 00 FFFFFFFFFFFFFFFF", 8,
            "999-70, area 0000 to FFFE: EF.PNN record 1\n"
            "001-01, area 0001 to 0002: name from elsewhere");
    text_is(PROFILE_EF_USIM, 0x6FCD, "A305800399F907FF", 0, "999-70");
    text_is(PROFILE_EF_USIM, 0x6F3C, "01 03 91 2143 0011FFFF 00FFFFFFFFFFFFFFFF", 9,
            "received, read, service centre +1234, TPDU 0011");
    text_is(PROFILE_EF_ISIM, 0x6F09, "800501C0000201FF 8003004142FFFFFF", 8, "192.0.2.1\nAB");
    text_is(PROFILE_EF_PHONEBOOK, 0x4F30, "A805C0034F3A01AA04C2024F12", 0,
            "type 1: ADN 4F3A; type 3: EXT1 4F12");
    text_is(PROFILE_EF_OTHER, 0x6F07, "080910101032547698", 0, NULL);
    text_is(PROFILE_EF_USIM, 0x6F06, "00", 0, NULL);
    text_is(PROFILE_EF_USIM, 0x6F07, "", 0, NULL);
    assert_string_equal(profile_ef_name(PROFILE_EF_USIM, 0x6F07), "EF.IMSI");
    assert_null(profile_ef_name(PROFILE_EF_MF, 0x6F07));
}

/* No content makes a text function read outside it. */
static void test_hostile(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 400; round++) {
        size_t n = (size_t)round % 40;
        uint8_t *bytes = malloc(n + 1);
        assert_non_null(bytes);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1103515245 + 12345;
            bytes[i] = (uint8_t)(seed >> 16);
        }
        for (int place = PROFILE_EF_MF; place <= PROFILE_EF_OTHER; place++) {
            static const uint16_t fids[] = {0x2FE2, 0x2F00, 0x2F05, 0x6F05, 0x6F07, 0x6F31,
                                            0x6F38, 0x6F3A, 0x6F40, 0x6F42, 0x6F46, 0x6F60,
                                            0x6F78, 0x6F7B, 0x6FAD, 0x6FB7, 0x6F02, 0x6F03,
                                            0x6F04, 0x4F01, 0x4F07, 0x4F0A};
            for (size_t f = 0; f < CR_COUNT(fids); f++) {
                cr_buf text = {0};
                size_t record = (size_t)round % 7;
                bool known = profile_ef_text((enum profile_ef_place)place, fids[f],
                                             cr_span_of(bytes, n), record, &text);
                assert_int_equal(known, text.n > 0);
                assert_true(cr_utf8_valid(cr_buf_span(&text)));
                cr_buf_free(&text);
            }
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iccid),    cmocka_unit_test(test_imsi),
        cmocka_unit_test(test_codes),    cmocka_unit_test(test_acc),
        cmocka_unit_test(test_networks), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_services),
        cmocka_unit_test(test_any),      cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
