#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct step {
    const char *command, *answer;
};

static void walk(struct sim *sim, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *answer = sim_send(sim, steps[i].command);
        if (strcmp(answer, steps[i].answer) != 0) {
            fail_msg("step %zu %s: %s", i, steps[i].command, answer);
        }
    }
}

#define WALK(sim, ...)                                                                             \
    do {                                                                                           \
        static const struct step steps_[] = {__VA_ARGS__};                                         \
        walk((sim), steps_, CR_COUNT(steps_));                                                     \
    } while (0)

static void binary(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {"00B0000001", "6986"}, /* no EF */
         {"00A4000C022FE2", "9000"},
         {"00B000000A", "980010325476981032149000"}, /* exact */
         {"00B0000000", "980010325476981032149000"}, /* all */
         {"00B0000802", "32149000"}, /* an offset */
         {"00B0000800", "32149000"}, /* the rest */
         {"00B000000B", "6C0A"}, /* too much */
         {"00B0000803", "6C02"},
         {"00B0000A01", "6B00"}, /* at the end */
         {"00B07FFF01", "6B00"}, /* far behind it */
         {"00B00000", "6700"}, /* no Le */
         {"00B0000001AA", "6700"}, /* data */
         {"00B0000001AA00", "6700"},
         {"80B0000001", "6E00"}, /* class */
         {"00B0850002", "FFFF9000"}, /* by SFI, which selects */
         {"00B0000000", "FFFF9000"},
         {"00B0850101", "FF9000"},
         {"00B0850201", "6B00"},
         {"00B0830001", "6A82"}, /* no such SFI */
         {"00B0800001", "6A86"}, /* SFI 0 */
         {"00B09F0001", "6A86"}, /* SFI 31 */
         {"00B0C20001", "6A86"}, /* bits that are not defined */
         {"00B09E0001", "6981"}, /* EF.DIR has records */
         {"00B2020420", "6981"} /* which is why EF.PL is still selected */);
    /* clang-format on */
    sim_free(sim);
}

static void binary_update(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {"00D6000001FF", "6986"},
         {"00D685000161", "9000"}, /* by SFI */
         {"00B0000002", "61FF9000"},
         {"00D60001026262", "6700"}, /* over the end */
         {"00D600020162", "6B00"}, /* behind the end */
         {"00D60000026566", "9000"},
         {"00D6000002656600", "9000"}, /* with Le */
         {"00D6000000", "6700"}, /* nothing */
         {"00D60000", "6700"},
         {"00D60000036566", "6700"}, /* Lc and data differ */
         {"00D600000165666700", "6700"},
         {"00B0000002", "65669000"},
         {"00D682000199", "6982"}, /* EF.ICCID: ADM only */
         {"00D69E000199", "6981"}, /* records */
         {VERIFY_ADM1, "9000"},
         {"00D682000199", "9000"},
         {"00B0820001", "999000"});
    /* clang-format on */
    /* 300 bytes: offsets beyond 255 */
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"00A4000C026F45", "9000"},
         {"00B0000001", "FF9000"},
         {VERIFY_PIN2, "9000"},
         {"00D601000A00112233445566778899", "9000"},
         {"00B000FF0C", "FF00112233445566778899FF9000"},
         {"00B0012B00", "FF9000"},
         {"00B0012C00", "6B00"});
    /* clang-format on */
    (void)sim_send(sim, "00B0000000");
    assert_int_equal(sim->response.n, 258);
    sim_free(sim);
}

static void records(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define DIR1 "61124F0C" USIM_AID "50025531"
#define DIR2 "61124F0C" ISIM_AID "50024931"
    /* clang-format off */
    WALK(sim,
         {"00B2010414", "6986"}, /* no EF */
         {"00A4000C022F00", "9000"},
         {"00B2010414", DIR1 "9000"}, /* absolute */
         {"00B2020400", DIR2 "9000"},
         {"00B2030400", "6A83"},
         {"00B2FF0400", "6A83"},
         {"00B2000400", "6A83"}, /* no current record yet */
         {"00B2010415", "6C14"},
         {"00B20104", "6700"},
         {"00B2000200", DIR1 "9000"}, /* next: the first */
         {"00B2000400", DIR1 "9000"}, /* the current one */
         {"00B2000200", DIR2 "9000"},
         {"00B2000200", "6A83"}, /* no more */
         {"00B2000400", DIR2 "9000"}, /* the pointer stays */
         {"00B2000300", DIR1 "9000"}, /* previous */
         {"00B2000300", "6A83"},
         {"00B2010200", "6A86"}, /* next with a number */
         {"00B2010300", "6A86"},
         {"00B2010000", "6A86"}, /* modes that are none */
         {"00B2010100", "6A86"},
         {"00B2010500", "6A86"},
         {"00B2010600", "6A86"},
         {"00B2010700", "6A86"},
         {"00A4000C022F00", "9000"}, /* selecting forgets the pointer */
         {"00B2000300", DIR2 "9000"}, /* previous: the last */
         {"00B201F400", DIR1 "9000"}, /* SFI 1E */
         {"00B201FC00", "6A86"}, /* SFI 1F */
         {"00B2011C00", "6A82"}, /* SFI 3 */
         {"00B2011400", "6981"}, /* SFI 2 is transparent */
         {"80B2010400", "6E00"},
         {"00B2010401AA", "6700"});
    /* clang-format on */
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"00A4000C026F3B", "9000"},
         {"00B2010404", "00AAAAAA9000"}, /* pattern by record */
         {"00DC02040401020304", "9000"},
         {"00B2020404", "010203049000"},
         {"00B2010404", "00AAAAAA9000"},
         {"00DC00040401020304", "6A83"}, /* no current one */
         {"00DC00020411111111", "9000"}, /* next: first */
         {"00DC00020422222222", "9000"},
         {"00DC00040422222233", "9000"}, /* the current one */
         {"00DC00020433333333", "9000"},
         {"00DC00020444444444", "6A83"},
         {"00DC00030422222222", "9000"}, /* previous */
         {"00B2010404", "111111119000"},
         {"00B2020404", "222222229000"},
         {"00B2030404", "333333339000"},
         {"00DC04040401020304", "6A83"},
         {"00DC010403010203", "6700"},
         {"00DC0104050102030405", "6700"},
         {"00DC0104", "6700"},
         {"00DC010400", "6700"},
         {"00DC01000401020304", "6A86"},
         {"00DC013C0401020304", "6981"}, /* SFI 7 is EF.IMSI */
         {"00DC01A4084141414141414141", "9000"}, /* SFI 14: a link to 7F10/6F3A */
         {"00A4080C047F106F3A", "9000"},
         {"00B2010408", "41414141414141419000"});
    /* clang-format on */
    sim_free(sim);
}

static void cyclic_records(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"00A4000C026F39", "9000"},
         {"00B2010403", "0000019000"},
         {"00B2030403", "0000039000"},
         {"00B2000200", "0000019000"}, /* next goes round */
         {"00B2000200", "0000029000"},
         {"00B2000200", "0000039000"},
         {"00B2000200", "0000019000"},
         {"00B2000300", "0000039000"}, /* previous too */
         {"00DC0104030000AA", "6A86"}, /* only new records */
         {"00DC0002030000AA", "6A86"},
         {"00DC0103030000AA", "6A86"},
         {"00DC00030200AA", "6700"},
         {"00DC0003030000AA", "9000"},
         {"00B2000400", "0000AA9000"}, /* is the current one, number 1 */
         {"00B2010403", "0000AA9000"},
         {"00B2020403", "0000019000"},
         {"00B2030403", "0000029000"}, /* the oldest fell out */
         {"80320000010000", "0000AA009000"},
         {"80320000020101", "6105"}, /* 61xx without Le */
         {"00C0000005", "0001AB01019000"}, /* new value, increment */
         {"00B2020403", "0000AA9000"},
         {"80328900010100", "0001AC019000"}, /* by SFI */
         {"8032000003FFFFFF", "9850"},
         {"00B2010403", "0001AC9000"},
         {"803200000400000001", "6700"}, /* longer than a record */
         {"8032000000", "6700"},
         {"80320000", "6700"},
         {"803200010101", "6A86"},
         {"803201000101", "6A86"},
         {"803280000101", "6A86"}, /* SFI 0 */
         {"803287000101", "6981"}, /* EF.IMSI */
         {"003200000101", "6E00"},
         {"803283000101", "6A82"},
         {ENABLE_PIN1, "9000"}, /* PIN1 for INCREASE */
         {"002000010831323334FFFFFFFF", "63C2"},
         {"803289000101", "6982"},
         {"00B2010403", "6982"});
    /* clang-format on */
    sim_free(sim);
}

static void search(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {"00A201040155", "6986"},
         {"00A4000C022F00", "9000"},
         {"00A2010402553100", "019000"}, /* forward */
         {"00B2000400", DIR1 "9000"}, /* the hit is the current record */
         {"00A20104015000", "01029000"},
         {"00A201040150", "6102"},
         {"00A20204015000", "029000"}, /* from the second */
         {"00A20205015000", "02019000"}, /* backward */
         {"00A20105015000", "019000"},
         {"00A20004015000", "01029000"}, /* from the current one */
         {"00A20104024932", "6A83"}, /* no hit */
         {"00A203040150", "6A83"}, /* no such record */
         {"00A201010150", "6A86"},
         {"00A201070150", "6A86"},
         {"00A20104", "6700"},
         {"00A2010415000000000000000000000000000000000000000000", "6700"},
         {"00A201F402493100", "029000"}, /* SFI 1E */
         {"00A201FC02493100", "6A86"},
         {"00A2011402493100", "6981"}, /* enhanced: offset, value, start, direction */
         {"00A20106040400500200", "01029000"},
         {"00A20106040410500200", "01029000"},
         {"00A20106040411500200", "6A83"},
         {"00A20106040C50025500", "019000"}, /* behind the first 50 */
         {"00A20106040C50500200", "6A83"},
         {"00A20106040CEE500200", "6A83"},
         {"00A20206040500500200", "02019000"},
         {"00A20106040600500200", "029000"}, /* from the next */
         {"00A20206040700500200", "019000"}, /* from the previous */
         {"00A20106040700500200", "6A83"},
         {"00A20206040600500200", "6A83"},
         {"00A20106020400", "6700"},
         {"00A201060401005002", "6A80"},
         {"80A201040155", "6E00"});
    /* clang-format on */
    sim_free(sim);
}

static void bertlv(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {"80CB00800180", "6986"},
         {SELECT_USIM, "9000"},
         {"00A4000C026FC0", "9000"},
         {"80CB0080015C00", "5C009000"}, /* empty list */
         {"80CB00800180", "6A88"},
         {"80DB0080058003010203", "9000"},
         {"80DB008005DF20020102", "9000"},
         {"80CB0080018000", "80030102039000"},
         {"80CB00800180", "6105"},
         {"00C0000005", "80030102039000"},
         {"80CB008002DF2000", "DF200201029000"},
         {"80CB0080015C00", "5C0380DF209000"},
         {"80CB0C80015C00", "5C0380DF209000"}, /* by SFI */
         {"80CB008001DF", "6A80"}, /* half a tag */
         {"80CB0080028003", "6A80"},
         {"80CB008003DF8001", "6A88"}, /* three bytes */
         {"80CB0080", "6700"},
         {"80CB00200180", "6A86"},
         {"80CB1F800180", "6A86"},
         {"80CB04800180", "6981"}, /* EF.UST */
         {"80CB03800180", "6A82"},
         {"00CB00800180", "6E00"},
         {"80DB00800180", "9000"}, /* deleted by the bare tag */
         {"80DB00800180", "6A88"},
         {"80CB0080015C00", "5C02DF209000"},
         {"80DB0080028100", "9000"}, /* an empty object */
         {"80CB0080018100", "81009000"},
         {"80DB00800480010203", "6A80"}, /* longer than it says */
         {"80DB00800480820400", "6A84"}, /* over the maximum, seen at once */
         {"80DB0080058082040000", "6A84"},
         {"80DB0080020000", "6A80"}, /* no tag */
         {"80DB008000", "6700"},
         {"80DB00400180", "6A86"},
         {"80DB00000180", "6985"}, /* next of nothing */
         {"80CB0000", "6985"},
         {"80CB0040", "6985"});
    /* clang-format on */
    /* in blocks */
    /* clang-format off */
    WALK(sim,
         {"80DB00800480060102", "63F1"},
         {"80DB0000020304", "63F1"},
         {"80DB000003050607", "6A80"},
         {"80DB00000105", "6985"},
         {"80DB00800480060102", "63F1"},
         {"80DB0000020304", "63F1"},
         {"80DB0000020506", "9000"},
         {"80CB0080018004", "8006010262F1"},
         {"80CB004003", "80060162F1"},
         {"80CB000002", "020362F1"},
         {"80CB000000", "0405069000"},
         {"80CB0000", "6985"},
         {"80CB0080018004", "8006010262F1"},
         {"80CB00000180", "6700"},
         {"80CB000000", "6985"}, /* another command ends a transfer */
         {"80CB0080018004", "8006010262F1"},
         {"80F2000C", "9000"},
         {"80CB000002", "6985"},
         {"80DB00800480060102", "63F1"},
         {"80F2000C", "9000"},
         {"80DB0000020304", "6985"});
    /* clang-format on */
    /* 600 bytes, without Le: 255 at a time with GET RESPONSE */
    char command[600];
    char *at = command + snprintf(command, sizeof command, "80DB0080FF85820258");
    for (int i = 0; i < 251; i++) {
        at += snprintf(at, 3, "11");
    }
    SIM_EXPECT(sim, command, "63F1");
    at = command + snprintf(command, sizeof command, "80DB0000FF");
    for (int i = 0; i < 255; i++) {
        at += snprintf(at, 3, "22");
    }
    SIM_EXPECT(sim, command, "63F1");
    at = command + snprintf(command, sizeof command, "80DB00005E");
    for (int i = 0; i < 94; i++) {
        at += snprintf(at, 3, "33");
    }
    SIM_EXPECT(sim, command, "9000");
    SIM_EXPECT(sim,
               "80CB008001"
               "85",
               "61FF");
    SIM_SW(sim, "80C00000FF", 0x62F1);
    SIM_EXPECT(sim, "80CB0000", "61FF");
    SIM_SW(sim, "80C00000FF", 0x62F1);
    SIM_EXPECT(sim, "80CB0000", "615E");
    SIM_SW(sim, "80C000005E", 0x9000);
    assert_int_equal(sim->response.p[0x5D], 0x33);
    assert_int_equal(sim->response.n, 0x60);
    sim_free(sim);
}

static void rights_of_bertlv(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    sim_file(sim, sim->usim,
             (struct uicc_file_attr){.kind = UICC_BERTLV, .fid = 0x6FC1, .arr_record = 10},
             "800101");
    /* clang-format off */
    WALK(sim,
         {ENABLE_PIN1, "9000"},
         {SELECT_USIM, "9000"},
         {"00A4000C026FC1", "9000"},
         {"80CB0080018000", "8001019000"},
         {"80DB008003800102", "6982"},
         {VERIFY_ADM1, "9000"},
         {"80DB008003800102", "9000"},
         {"80CB0080018000", "8001029000"});
    /* clang-format on */
    sim_free(sim);
}

static void creation(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define FCP_TR                                                                                     \
    "6216"                                                                                         \
    "82024121"                                                                                     \
    "83026F10"                                                                                     \
    "8A0105"                                                                                       \
    "8B036F0607"                                                                                   \
    "80020003"                                                                                     \
    "8800"
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"00E0000018" FCP_TR, "6982"},
         {VERIFY_ADM1, "9000"},
         {"00E0000018" FCP_TR, "9000"},
         {"00B0000000", "FFFFFF9000"}, /* it is selected */
         {"00A40004026F1000", FCP_TR "9000"}, /* and is what was asked for */
         {"00E0000018" FCP_TR, "6A89"},
         /* records with a pattern and the SFI of the FID, BER-TLV, a DF, and an EF in it */
         /* lengths do not add up */
         {"00E000001E622282044221000483026F11A504C10201028A01058B036F060780020008", "6A80"},
         {"00E000001E621C82044221000483026F11A504C10201028A01058B036F060780020008", "9000"},
         {"00B2028C00", "010202029000"}, /* SFI 11 */
         {"00E000001B62198202792183026F12A5038601208A01058B036F060780020000", "9000"},
         {"80DB008003800101", "9000"},
         {"80DB00801F811D0000000000000000000000000000000000000000000000000000000000", "6A84"},
         {"00E000001A62188202782183025F108A01058B036F0601C606900180830101", "9000"},
         {"00E000001662148202412183024F018A01058B036F060780020001", "9000"},
         {"00D600000155", "9000"},
         {"00A4080C067FFF5F104F01", "9000"},
         {"00B0810001", "559000"},
         /* what is not created */
         {"00E0000003620182", "6A80"},
         {"00E00000026200", "6A80"},
         {"00E00100026200", "6A86"},
         {"00E0000000", "6700"},
         {"80E00000026200", "6E00"},
         {"00E000001662148202412183024F028A01058C036F060780020001", "6A80"},
         {"00E000001262108202412183024F028A01058B036F0607", "6A80"},
         {"00E000001662148202452183024F028A01058B036F060780020001", "6A80"},
         {"00E000001762158202412183024F028A01058B036F06078003FFFFFF", "6A84"});
    /* clang-format on */
    sim_free(sim);
}

static void resizing_and_deletion(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"80D400000A620883026F3B80020010", "9000"}, /* 3 to 4 records */
         {"00A4000C026F3B", "9000"},
         {"00B2040400", "00AAAAAA9000"},
         {"00B2050400", "6A83"},
         {"80D400000A620883026F3B80020011", "6A80"}, /* no whole record */
         {"80D400000A620883026F0780020010", "6982"},
         {"80D400000A620883026F9980020010", "6A82"},
         {"80D400000A620883025F3B80020010", "6981"},
         {"80D4000006620483026F3B", "6A80"},
         {"80D4000106620483026F3B", "6A86"},
         {"00E40000026F07", "6982"},
         {VERIFY_ADM1, "9000"},
         {"00E40000026F08", "6A82"},
         {"00E40000016F", "6700"},
         {"00E40800026F07", "6A86"},
         {"00E4000000", "6700"},
         {"00A4000C026F7E", "9000"},
         {"00E40000026F7E", "9000"}, /* the current EF */
         {"00B0000001", "6986"},
         {"00A4000C026F7E", "6A82"},
         {"00A4080C047FFF5F3B", "9000"},
         {"0070000001", "019000"},
         {"01A4040C0C" USIM_AID, "9000"},
         {"01A4000C025F3A", "9000"}, /* through the link */
         {SELECT_USIM, "9000"},
         {"00E40000025F3A", "6985"}, /* in use there */
         {"01A4000C023F00", "9000"},
         {"00E40000025F3A", "9000"} /* the link; its target stays */);
    /* clang-format on */
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary),
        cmocka_unit_test(binary_update),
        cmocka_unit_test(records),
        cmocka_unit_test(cyclic_records),
        cmocka_unit_test(search),
        cmocka_unit_test(bertlv),
        cmocka_unit_test(rights_of_bertlv),
        cmocka_unit_test(creation),
        cmocka_unit_test(resizing_and_deletion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
