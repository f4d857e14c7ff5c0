/*
 * Security domains on a channel: SELECT, secure channels, and that nothing works without rights.
 */
#include "bed.h"

static void selection(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* FCI with the management data that the card data has */
    BED_EXPECT(bed, SELECT_MNO,
               "6F408408" MNO_SD "A534732E06072A864886FC6B01600B06092A864886FC6B020202630906072A864"
               "886FC6B03640B06092A864886FC6B0480009F6501FF9000");
    BED_SW(bed, "00A4040C08" MNO_SD, UICC_SW_OK);
    BED_SW(bed, "00A4040005A00000015100", UICC_SW_OK);   /* the first one of this beginning */
    BED_EXPECT(bed, "80F2000100", "8408" MNO_SD "9000"); /* STATUS is the card's */
    BED_SW(bed, "00A4040005A00000015200", UICC_SW_NOT_FOUND);
    /* remote file management has a TAR, no applications */
    BED_SW(bed, "00A4040009A0000005591010000100", UICC_SW_NOT_FOUND);
    /* not while another profile is visible, nor none */
    assert_int_equal(uicc_set_profile(bed->sim->uicc, (cr_span){0}, NULL), CR_OK);
    assert_null(gp_visible(bed->gp));
    BED_SW(bed, SELECT_MNO, UICC_SW_NOT_FOUND);
    BED_SW(bed, "80CA006600", UICC_SW_WRONG_INS); /* the channel went back to the MF */
    assert_int_equal(uicc_set_profile(bed->sim->uicc, cr_span_str("p/2/"), NULL), CR_OK);
    BED_SW(bed, SELECT_MNO, UICC_SW_NOT_FOUND);
    assert_int_equal(uicc_set_profile(bed->sim->uicc, cr_span_str(SIM_PREFIX), NULL), CR_OK);
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    bed_free(bed);
}

static const struct {
    uint8_t kvn, level;
} sessions[] = {{0x20, 0x00}, {0x20, 0x01}, {0x20, 0x03}, {0x30, 0x00}, {0x30, 0x01},
                {0x30, 0x03}, {0x30, 0x11}, {0x30, 0x13}, {0x30, 0x33}};

static void every_level(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    for (size_t i = 0; i < CR_COUNT(sessions); i++) {
        for (bed->channel = 0; bed->channel < 2; bed->channel++) {
            (void)bed_sw(bed, "0070000101");
            bed_session(bed, MNO_SD, sessions[i].kvn, sessions[i].level);
            SECURE_EXPECT(bed, "80F28002024F0000",
                          "E3264F08" MNO_SD "9F70010FC50382DC00C407A0000001515350CC08" MNO_SD
                          "9000");
            SECURE_SW(bed, "80F28002024F0000", UICC_SW_OK);
            SECURE_SW(bed, "80F28000024F0100", UICC_SW_WRONG_DATA);
            SECURE_SW(bed, "80F28002024F0000", UICC_SW_OK); /* an error does not end it */
        }
        bed->channel = 0;
        (void)bed_sw(bed, "00708001");
    }
    bed_free(bed);
}

/* Each command that changes or tells something. */
static const char *const commands[] = {
    "80D80081"
    "17"
    "328010112233445566778899AABBCCDDEEFF0003112233", /* PUT KEY */
    "80E28800"
    "06"
    "0070034201"
    "55", /* STORE DATA */
    "80E4000002"
    "D20130", /* DELETE key */
    "80E400000A"
    "4F08" SUB_SD, /* DELETE */
    "80E60200"
    "0D"
    "08A000000151000099"
    "00000000", /* INSTALL [for load] */
    "80E80000"
    "03"
    "C40101", /* LOAD */
    "80F04087"
    "08" SUB_SD, /* SET STATUS */
    "80F24002"
    "02"
    "4F00"
    "00", /* GET STATUS */
};

static size_t memory_of(const struct bed *bed)
{
    return nvm_used(bed->sim->nvm);
}

static void nothing_without_a_session(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    size_t before = memory_of(bed);
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        BED_SW(bed, commands[i], UICC_SW_SECURITY);
        /* the secure messaging bit alone is no session */
        char secured[128];
        (void)snprintf(secured, sizeof secured, "84%s", commands[i] + 2);
        BED_SW(bed, secured, UICC_SW_SECURITY);
        /* nor is one that was begun only */
        BED_SW(bed, "8050300008000102030405060700", UICC_SW_OK);
        BED_SW(bed, commands[i], UICC_SW_SECURITY);
    }
    (void)bed_sw(bed, "8050300008000102030405060700");
    assert_int_equal(memory_of(bed), before); /* a counter moved in its place */
    /* what may be read without */
    BED_SW(bed, "80CA006600", UICC_SW_OK);
    BED_SW(bed, "00CA00E000", UICC_SW_OK);
    bed_free(bed);
}

static void not_with_a_wrong_mac(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        for (size_t k = 0; k < 2; k++) {
            struct sim_bytes b = sim_hex(commands[i]);
            cr_buf apdu = {0};
            char hex[1024];
            bed_session(bed, MNO_SD, k ? 0x30 : 0x20, 0x01);
            size_t before = memory_of(bed);
            assert_int_equal(scp_wrap_command(&bed->host, cr_span_of(b.p, b.n), &apdu, NULL),
                             CR_OK);
            apdu.p[5 + apdu.p[4] - 1] ^= 0x01; /* the last byte of the MAC */
            assert_non_null(cr_hex_into(hex, sizeof hex, cr_buf_span(&apdu)));
            BED_SW(bed, hex, UICC_SW_SECURITY);
            apdu.p[5 + apdu.p[4] - 1] ^= 0x01;
            assert_non_null(cr_hex_into(hex, sizeof hex, cr_buf_span(&apdu)));
            BED_SW(bed, hex, UICC_SW_SECURITY); /* the right one: too late, it is over */
            assert_int_equal(memory_of(bed), before);
            cr_buf_free(&apdu);
        }
    }
    bed_free(bed);
}

static void not_below_the_level(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        bed_session(bed, MNO_SD, 0x30, 0x01);
        size_t before = memory_of(bed);
        BED_SW(bed, commands[i], UICC_SW_SECURITY); /* without its MAC */
        SECURE_SW(bed, "80F28002024F0000", UICC_SW_SECURITY);
        /* deciphering agreed on, sent in clear with a right MAC */
        bed_session(bed, MNO_SD, 0x30, 0x03);
        bed->host.level = 0x01;
        uicc_sw sw = bed_secure_sw(bed, commands[i]);
        assert_true(sw == UICC_SW_SECURITY || sw == UICC_SW_WRONG_LENGTH); /* no whole blocks */
        assert_int_equal(memory_of(bed), before);
        SECURE_SW(bed, "80F28002024F0000", UICC_SW_SECURITY);
    }
    bed_free(bed);
}

static void ends_of_a_session(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    const char *const enders[] = {
        SELECT_MNO,                     /* selected again */
        "00A4000C023F00",               /* something else selected */
        "8050300008000102030405060700", /* another one begun */
    };
    for (size_t i = 0; i < CR_COUNT(enders); i++) {
        bed_session(bed, MNO_SD, 0x30, 0x01);
        SECURE_SW(bed, "80F28002024F0000", UICC_SW_OK);
        BED_SW(bed, enders[i], UICC_SW_OK);
        BED_SW(bed, SELECT_MNO, UICC_SW_OK);
        BED_SW(bed, "84F280020A4F00112233445566778800", UICC_SW_SECURITY);
        BED_SW(bed, "80F28002024F0000", UICC_SW_SECURITY);
    }
    /* channels have their own */
    bed->channel = 1;
    BED_SW(bed, "0070000101", UICC_SW_OK);
    bed_session(bed, MNO_SD, 0x30, 0x01);
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    BED_SW(bed, "80F28002024F0000", UICC_SW_SECURITY);
    SECURE_SW(bed, "80F28002024F0000", UICC_SW_OK);
    BED_SW(bed, "00708001", UICC_SW_OK);
    bed->channel = 0;
    /* a reset */
    bed_session(bed, MNO_SD, 0x30, 0x00);
    BED_SW(bed, "80F28002024F0000", UICC_SW_OK);
    uicc_reset(bed->sim->uicc);
    BED_SW(bed, "80F28002024F0000", UICC_SW_WRONG_LENGTH); /* the MF's STATUS */
    bed_free(bed);
}

static void authentication(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    BED_SW(bed, "8050010008000102030405060700", UICC_SW_NO_REFERENCE); /* for packets only */
    BED_SW(bed, "8050320008000102030405060700", UICC_SW_NO_REFERENCE);
    BED_SW(bed, "8050300108000102030405060700", UICC_SW_WRONG_P1P2);
    BED_SW(bed, "80503000070001020304050600", UICC_SW_WRONG_LENGTH);
    BED_SW(bed, "0050300008000102030405060700", UICC_SW_WRONG_CLA);
    BED_SW(bed, "8482330010000102030405060708090A0B0C0D0E0F", UICC_SW_CONDITIONS); /* not begun */
    BED_SW(bed, "8050300008000102030405060700", UICC_SW_OK);
    BED_SW(bed, "8482010010000102030405060708090A0B0C0D0E0F", 0x6300); /* wrong cryptogram */
    BED_SW(bed, "8482010010000102030405060708090A0B0C0D0E0F", UICC_SW_CONDITIONS);
    BED_SW(bed, "8050300008000102030405060700", UICC_SW_OK);
    BED_SW(bed, "8082010010000102030405060708090A0B0C0D0E0F", UICC_SW_SECURITY); /* class */
    BED_SW(bed, "8050300008000102030405060700", UICC_SW_OK);
    BED_SW(bed, "8482020010000102030405060708090A0B0C0D0E0F", UICC_SW_WRONG_P1P2); /* no level */
    /* version 00: the first that opens a session */
    struct sim_bytes answer = sim_hex(bed_send(bed, "8050000008000102030405060700"));
    assert_int_equal(answer.n, 28 + 2);
    assert_int_equal(answer.p[10], 0x20);
    /* the keys of another domain */
    bed_session(bed, SUB_SD, 0x31, 0x33);
    BED_SW(bed, SELECT_SUB, UICC_SW_OK);
    BED_SW(bed, "8050300008000102030405060700", UICC_SW_NO_REFERENCE);
    BED_SW(bed, SELECT_WEAK, UICC_SW_OK);
    BED_SW(bed, "8050000008000102030405060700", UICC_SW_NO_REFERENCE);
    BED_SW(bed, "8055000000", UICC_SW_WRONG_INS);
    bed_free(bed);
}

/* SGP.02 8.1: the value reported is used, and never twice, whatever happens. */
static void sequence_counters(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    struct gp_counters counters;
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    for (uint8_t i = 1; i <= 3; i++) {
        struct sim_bytes answer = sim_hex(bed_send(bed, "8050300008000102030405060700"));
        assert_int_equal(answer.n, 32 + 2);
        assert_int_equal(answer.p[31], i);
        bed = bed_power_cycle(bed);
        BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    }
    /* SCP02 counts the sessions that opened */
    BED_SW(bed, "8050200008000102030405060700", UICC_SW_OK);
    gp_counters_get(bed->reg, 1, 0x20, &counters);
    assert_int_equal(counters.sessions, 0);
    bed_session(bed, MNO_SD, 0x20, 0x01);
    gp_counters_get(bed->reg, 1, 0x20, &counters);
    assert_int_equal(counters.sessions, 1);
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    BED_EXPECT(bed, "80CA00C100",
               "C1020001"
               "9000");
    /* at its end the version is of no more use */
    counters.sessions = 0xFFFFFF;
    assert_int_equal(gp_counters_put(bed->reg, 1, 0x30, &counters, NULL), CR_OK);
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    BED_SW(bed, "8050300008000102030405060700", UICC_SW_CONDITIONS);
    bed_free(bed);
}

/* Another profile comes while a domain is selected, and its coming is undone. */
static void a_switch_undone(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x00);
    nvm_begin(bed->sim->nvm);
    assert_int_equal(uicc_set_profile(bed->sim->uicc, (cr_span){0}, NULL), CR_OK);
    nvm_rollback(bed->sim->nvm);
    assert_int_equal(uicc_set_profile(bed->sim->uicc, cr_span_str(SIM_PREFIX), NULL), CR_OK);
    BED_SW(bed, "80F28002024F0000", UICC_SW_WRONG_LENGTH); /* the MF's STATUS */
    bed_session(bed, MNO_SD, 0x30, 0x00);
    BED_SW(bed, "80F28002024F0000", UICC_SW_OK);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection),
        cmocka_unit_test(every_level),
        cmocka_unit_test(nothing_without_a_session),
        cmocka_unit_test(not_with_a_wrong_mac),
        cmocka_unit_test(not_below_the_level),
        cmocka_unit_test(ends_of_a_session),
        cmocka_unit_test(authentication),
        cmocka_unit_test(sequence_counters),
        cmocka_unit_test(a_switch_undone),
    };
    return cmocka_run_group_tests_name("gp/domain", tests, NULL, NULL);
}
