/*
 * ES5 over secured packets (SGP.02 4.1.1): the examples of the sheet byte for byte, each function
 * with each of its errors, and who gets no answer.
 */
#include "m2m_bed.h"

#define CREATE(aid)                                                                                \
    "80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" aid         \
    "0380C00006C904810203700000"

/* ---- the examples ------------------------------------------------------------------------------
 */

/* Sheet 4.7, with the profile of the example installed and DISABLED. */
static void example_enable(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    uint8_t apdu[120];
    /* 0011 in the example is 0010: make 0011 the enabled one first. */
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 1), 0x9000);
    bed->counter = 1;
    struct gp_counters counters = {0};
    assert_int_equal(
        gp_counters_put(&bed->euicc->m2m->reg, bed->euicc->m2m->isdr, 1, &counters, NULL), CR_OK);
    m2m_clear(bed);
    static const char *const envelope = "80C200005FD15D820283810607912143658709218B4E40088121436587"
                                        "7FF6628060210000003D02700000381516"
                                        "3912120000017E919C74AB0F64418FC57B7A00FD7B6ED49846954E687C"
                                        "485E964C9E42FC5AABC8477544555A2033"
                                        "E7378A2F3C6C33FF";
    assert_true(cr_hex_fixed(apdu, strlen(envelope) / 2, cr_span_str(envelope)));
    assert_int_equal(
        terminal_command(&bed->terminal, 0xC2, cr_span_of(apdu + 5, strlen(envelope) / 2 - 5)) >> 8,
        0x91);
    assert_int_equal(bed->message_count, 1);
    assert_string_equal(bed->messages[0].hex,
                        "002412000001EF199DC12FB02C40F83C991B1F72E2C1983C7768AD4FCF5B8CB60062F12D02"
                        "A9");
    assert_int_equal(m2m_enabled(bed), 0x0010);
    assert_true(bed->refreshed);
    m2m_bed_free(bed);
}

static void example_answers(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_string_equal(m2m_es5_run(bed, CREATE(AID_NEW)), "009000");
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x07);
    assert_string_equal(m2m_es5_run(bed, "80F24002184F10" AID_A "5C044F9F705300"),
                        "E3194F10" AID_A "9F70013F5301019000");
    assert_string_equal(m2m_es5_run(bed, "80F24002064F005C029F7000"),
                        "E3049F70013FE3049F70011FE3049F70011FE3049F7001079000");
    m2m_bed_free(bed);
}

/* Sheet 3.3: the indefinite form. */
static void indefinite(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_true(m2m_send(bed, 1, "AE802245" CREATE(AID_NEW) "0000"));
    assert_string_equal(bed->data, "AF8023030090000000");
    assert_true(m2m_send(bed, 1,
                         "AE80221880E40040124F10" AID_NEW "00"
                         "0000"));
    assert_string_equal(bed->data, "AF8023030090000000");
    m2m_bed_free(bed);
}

/* ---- nobody ------------------------------------------------------------------------------------
 */

static void silent(void **state)
{
    (void)state;
    static const uint16_t weak[] = {0x0639, 0x1239, 0x0239, 0x0039, 0x0439, 0x0E39};
    struct m2m_bed *bed = m2m_bed_new();
    const char *enable = "AA1C221A80E28800153A03124F10" AID_B;
    for (size_t i = 0; i < CR_COUNT(weak); i++) {
        assert_false(m2m_send_as(bed, 1, weak[i], enable));
        assert_int_equal(bed->terminal.response.n, 0);
    }
    bed->kid[0] ^= 1; /* wrong CC */
    assert_false(m2m_send(bed, 1, enable));
    assert_int_equal(bed->terminal.response.n, 0);
    assert_false(m2m_send_as(bed, 1, 0x1619, enable)); /* not in the report either */
    assert_int_equal(bed->terminal.response.n, 0);
    bed->kid[0] ^= 1;
    bed->kvn = 2; /* unknown version */
    assert_false(m2m_send(bed, 1, enable));
    bed->kvn = 1;
    assert_int_equal(m2m_enabled(bed), 0x0010);
    assert_int_equal(bed->message_count, 0);
    /* the ECASD has no keys for packets: nobody reaches it */
    assert_false(m2m_send(bed, 2, enable));
    /* what they did cost the right one nothing */
    bed->counter = 1;
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    m2m_bed_free(bed);
}

static void replay(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_int_equal(m2m_es5_sw(bed, CREATE(AID_NEW)), 0x9000);
    bed->counter--;
    assert_true(m2m_send(bed, 1, "AA19221780E40040124F10" AID_NEW));
    assert_int_equal(bed->status, OTA_STATUS_COUNTER_LOW);
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x07);
    m2m_bed_free(bed);
}

/* ---- each command with its errors ---------------------------------------------------------------
 */

struct row {
    const char *apdu;
    uicc_sw sw;
};

static void expect_rows(struct m2m_bed *bed, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uicc_sw sw = m2m_es5_sw(bed, rows[i].apdu);
        if (sw != rows[i].sw) {
            print_error("%s\n", rows[i].apdu);
        }
        assert_int_equal(sw, rows[i].sw);
    }
    assert_int_equal(m2m_enabled(bed), 0x0010);
    assert_false(bed->refreshed);
    m2m_check_consistent(bed);
}

static void create_errors(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    static const struct row rows[] = {
        {CREATE(AID_A), 0x6A80}, /* in use */
        {"80E60C003F10A0000005591010FFFFFFFF8900000D0110A0000005591010FFFFFFFF8900000E0010" AID_NEW
         "0380C00006C904810203700000",
         0x6A88},
        {"80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000F0010" AID_NEW
         "0380C00006C904810203700000",
         0x6A88},
        {"80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" AID_NEW
         "0380800006C904810203700000",
         0x6A80}, /* privileges */
        {"80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" AID_NEW
         "0380C00006C904810202550000",
         0x6A80},                                             /* SCP02 */
        {CREATE("A0000005591010FFFFFFFF8900000F00"), 0x6A80}, /* below the first */
        {CREATE("A0000005591010FFFFFFFF8901001300"), 0x6A80},
        {CREATE("A0000005591010FFFFFFFF8900001301"), 0x6A80},
        /* memory: 64 MiB */
        {"80E60C004710A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" AID_NEW
         "0380C0000EC90481020370EF0683040400000000",
         0x6A84},
        {"80E60C0100", 0x6A86},
        {"80E60C0000", 0x6A80},
    };
    expect_rows(bed, rows, CR_COUNT(rows));
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0);
    m2m_bed_free(bed);
}

static void platform_errors(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_int_equal(m2m_es5_sw(bed, CREATE(AID_NEW)), 0x9000);
    static const struct row rows[] = {
        {"80E28800153A03124F10" AID_A, 0x6985},                           /* ENABLED already */
        {"80E28800153A03124F10" AID_NEW, 0x6985},                         /* SELECTABLE */
        {"80E28800153A03124F10A0000005591010FFFFFFFF8900002000", 0x6A88}, /* nobody */
        {"80E28800153A03124F10" AID_ISDR, 0x6A88},                        /* no ISD-P */
        {"80E28800153A04124F10" AID_A, 0x6985},                           /* the fall-back one */
        {"80E28800153A04124F10" AID_B, 0x6985},                           /* DISABLED */
        {"80E28800153A04124F10A0000005591010FFFFFFFF8900002000", 0x6A88},
        {"80E28800153A05124F10A0000005591010FFFFFFFF8900002000", 0x6A88},
        {"80E28800153A05124F10" AID_NEW, 0x6985},
        {"80E28800153A09124F10" AID_A, 0x6985},
        {"80E28800153A09124F10A0000005591010FFFFFFFF8900002000", 0x6A88},
        {"80E28800143A03114F0FA0000005591010FFFFFFFF89000010", 0x6A80},
        {"80E28800173A03144F10" AID_B "9F00", 0x6A80},
        {"80E28800153A02124F10" AID_B, 0x6985},
        {"80E28800153AFF124F10" AID_B, 0x6A80},
        {"80E28000153A03124F10" AID_B, 0x6A86},
        {"80E28800153A03114F10" AID_B, 0x6A80},
        {"80E28900073A08044E02000100", 0x6A88}, /* nothing was told */
        {"80E28900063A08034E010100", 0x6A80},
        {"80E40040124F10" AID_A "00", 0x6985},
        {"80E40040124F10A0000005591010FFFFFFFF890000200000", 0x6A88},
        {"80E40040114F0FA0000005591010FFFFFFFF8900001000", 0x6A80},
        {"80E40041124F10" AID_B "00", 0x6A86},
        {"80E4000005F20302010300", 0x6A88}, /* no such range */
        {"80E4000005F20301010400", 0x6A88},
        {"80E4000005F20340010100", 0x6985}, /* the set of this session left out */
        {"80E4000005F20301010200", 0x6985}, /* a key of it left out */
        {"80E4000005F20301030100", 0x6A80},
        {"80E2880005"
         "3A07"
         "02"
         "A400",
         0x9000},
        {"80E2880005"
         "3A07"
         "02"
         "A000",
         0x6A80}, /* those of a profile */
        {"80E288000A"
         "3A07"
         "07"
         "A30581030591F1",
         0x6A80},
        {"80E2880003"
         "3A07"
         "00",
         0x6A80},
        {"80CABF30045C025F2000", 0x6A88},
        {"80CABF31045C027F2100", 0x6A86},
        {"80F24003024F0000", 0x6985}, /* nothing was listed before */
        {"80F24002124F10" AID_ISDR "00", 0x6A88},
        {"80F20002024F0000", 0x6A86},
        {"80CB0000"
         "00",
         0x6D00},
        {"00CAFF2100", 0x6E00},
        {"80D8010106"
         "010203040506",
         0x6D00}, /* keys of the ISD-R: establishment only */
        {"8050010008"
         "0001020304050607"
         "00",
         0x6D00},
        {"80E60200"
         "00",
         0x6A86},
    };
    expect_rows(bed, rows, CR_COUNT(rows));
    m2m_bed_free(bed);
}

static void deletes(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_string_equal(m2m_es5_run(bed, "80E40040124F10" AID_B "00"), "009000");
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_B "00"), 0x6A88);
    m2m_set_pol1(bed, 0x0012, M2M_POL1_NO_DELETE);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_C "00"), 0x69E1);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

static void attributes(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_int_equal(m2m_platform(bed, "3A05", AID_B), 0x9000);
    assert_int_equal(m2m_bed_record(bed).fall_back, 0x0011);
    assert_int_equal(m2m_platform(bed, "3A09", AID_B), 0x6985); /* mutually exclusive */
    assert_int_equal(m2m_platform(bed, "3A09", AID_C), 0x9000);
    assert_int_equal(m2m_platform(bed, "3A05", AID_C), 0x6985);
    assert_int_equal(m2m_platform(bed, "3A03", AID_C), 0x6985); /* the device enables it */
    assert_string_equal(m2m_es5_run(bed, "80F24002054F005C015300"),
                        "E303530100E303530101E3035301029000");
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_C "00"), 0x9000);
    assert_int_equal(m2m_bed_record(bed).emergency, 0);
    m2m_bed_free(bed);
}

static void audits(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    const char *answer = m2m_es5_run(bed, "80CAFF2100");
    assert_memory_equal(answer, "FF210F8101038204", 16);
    assert_string_equal(answer + 24, "8304000040009000");
    struct euicc_credential_record record;
    cr_arena arena = {.secret = true};
    assert_true(euicc_credential_get(euicc_nvm(bed->euicc), 0, &arena, &record));
    char want[2 * 600];
    (void)cr_hex_into(want, sizeof want, record.euicc_cert);
    answer = m2m_es5_run(bed, "80CABF30045C027F2100");
    assert_memory_equal(answer, "BF30", 4);
    assert_non_null(strstr(answer, want));
    cr_arena_free(&arena);
    /* more ISD-Ps than fit one answer */
    for (unsigned i = 0; i < 9; i++) {
        char apdu[200];
        (void)snprintf(apdu, sizeof apdu, CREATE("A0000005591010FFFFFFFF890000%02X00"), 0x20 + i);
        assert_int_equal(m2m_es5_sw(bed, apdu), 0x9000);
    }
    unsigned told = 0;
    answer = m2m_es5_run(bed, "80F24002024F0000");
    for (const char *at = answer; (at = strstr(at, "E31F")) != NULL; at++) {
        told++;
    }
    assert_string_equal(answer + strlen(answer) - 4, "6310");
    answer = m2m_es5_run(bed, "80F24003024F0000");
    for (const char *at = answer; (at = strstr(at, "E31F")) != NULL; at++) {
        told++;
    }
    assert_string_equal(answer + strlen(answer) - 4, "9000");
    assert_int_equal(told, 12);
    m2m_bed_free(bed);
}

static void handover(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct gp_key key;
    const struct gp_registry *reg = &bed->euicc->m2m->reg;
    assert_string_equal(m2m_es5_run(bed, "80E4000005F20301010300"), "009000");
    assert_true(gp_key_get(reg, bed->euicc->m2m->isdr, 1, 3, &key));
    assert_false(gp_key_get(reg, bed->euicc->m2m->isdr, 0x40, 1, &key));
    assert_false(gp_key_get(reg, bed->euicc->m2m->isdr, 0x40, 2, &key));
    m2m_bed_free(bed);
}

/* Sheet 2.2 and 10.2: where notifications go from now on. */
static void addresses(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    assert_int_equal(m2m_es5_sw(bed, "80E288000F3A070CA30A81080B912143658709F1"), 0x9000);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_note(bed, NULL, NULL), M2M_NOTE_DECLARATION);
    size_t last = bed->message_count - 1;
    assert_memory_equal(bed->messages[last].tpdu + 4, "0B912143658709F1", 16);
    assert_string_equal(bed->messages[last].smsc, "912143658709F1");
    assert_int_equal(m2m_es5_sw(bed,
                                "80E28800453A0742A5408413350103390205003C030220FB3E0521C000020A"
                                "86070003250300030089208A0C736D73722E6578616D706C658C102F67736D"
                                "612F61646D696E6167656E74"),
                     0x9000);
    m2m_bed_free(bed);
}

static void ecasd(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    uint8_t select[] = {0x00, 0xA4, 0x04, 0x00, 0x10, 0xA0, 0x00, 0x00, 0x05, 0x59, 0x10,
                        0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x02, 0x00, 0x00};
    static const uint8_t get[] = {0x80, 0xCA, 0x00, 0x5A, 0x00};
    char hex[64];
    uicc_sw sw = terminal_send(&bed->terminal, CR_SPAN_ARRAY(select));
    assert_true(sw == 0x9000 || sw >> 8 == 0x91);
    sw = terminal_send(&bed->terminal, CR_SPAN_ARRAY(get));
    assert_true(sw == 0x9000 || sw >> 8 == 0x91);
    assert_string_equal(cr_hex_into(hex, sizeof hex, cr_buf_span(&bed->terminal.response)),
                        "5A10" M2M_EID);
    m2m_bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_enable),  cmocka_unit_test(example_answers),
        cmocka_unit_test(indefinite),      cmocka_unit_test(silent),
        cmocka_unit_test(replay),          cmocka_unit_test(create_errors),
        cmocka_unit_test(platform_errors), cmocka_unit_test(deletes),
        cmocka_unit_test(attributes),      cmocka_unit_test(audits),
        cmocka_unit_test(handover),        cmocka_unit_test(addresses),
        cmocka_unit_test(ecasd),
    };
    return cmocka_run_group_tests_name("euicc/m2m_es5", tests, NULL, NULL);
}
