/*
 * Remote management over the air: what an accepted packet does and what is answered.
 */
#include "bed.h"

#include "uicc/toolkit.h"

#define RFM_MF   "B00120"
#define RFM_USIM "B00140"
#define RFM_PIN1 "B00150"
#define RFM_NONE "B00160"
#define RAM      "B20100"
#define RAM_SUB  "B20101"
#define RAM_WEAK "B20102"

/* 3DES: KIc and KID 15. */
#define DES .kic = 0x15, .kid = 0x15

#define IMSI      "00A4000C026F07"
#define READ_IMSI "00B0000009"
#define ICCID     "00A4000C022FE2"

#define PROFILE                                                                                    \
    "8010000014"                                                                                   \
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"

#define EXPECT(bed, tar, script, answer) bed_ota_expect((bed), (tar), (script), (answer))
#define SCRIPT(...)                      bed_script(__VA_ARGS__, NULL)
#define ANSWER(...)                      bed_answer(__VA_ARGS__, NULL)

/* --- files -------------------------------------------------------------------------------------
 */

static void files_by_aes_and_des(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* EF.IMSI (read PIN1, update ADM1) of the USIM: read, changed, read again */
    EXPECT(bed, RFM_USIM, SCRIPT(IMSI, READ_IMSI), ANSWER("9000", "0809101010325476989000"));
    struct bed_packet des = {.tar = RFM_USIM, DES};
    assert_int_equal(bed_ota(bed, des, SCRIPT(IMSI, "00D60007021122", READ_IMSI)), UICC_SW_OK);
    assert_int_equal(bed->status, OTA_STATUS_OK);
    assert_true(bed->secured);
    assert_string_equal(bed->data, ANSWER("9000", "9000", "0809101010325411229000"));
    /* the card's own reading of it */
    BED_SW(bed, "00A4040C0C" USIM_AID, UICC_SW_OK);
    BED_EXPECT(bed, "00B0870009", "0809101010325411229000");
    bed_free(bed);
}

static void forms(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* compact: as the published vector has it (01 61 xx), and with GET RESPONSE behind it */
    EXPECT(bed, RFM_MF, "00A40004023F00", "01612E");
    EXPECT(bed, RFM_MF, "00A40004022FE200B000000A",
           "029000"
           "98001032547698103214");
    EXPECT(bed, RFM_MF, "00A40004022FE200C0000004",
           "029000"
           "62178202");
    EXPECT(bed, RFM_MF, "00C0000004", "016985");
    EXPECT(bed, RFM_MF, "00A40004022FE300B000000A", "016A82"); /* stops there */
    /* expanded, indefinite: no count (cards leave it out) */
    EXPECT(bed, RFM_MF,
           "AE80"
           "2207" ICCID "220500B000000A"
           "0000",
           "AF80"
           "23029000"
           "230C98001032547698103214"
           "9000"
           "0000");
    /* no GET RESPONSE in it, and no data without Le */
    EXPECT(bed, RFM_MF, SCRIPT("00A40004022FE2", "00C0000004"), ANSWER("9000", "6D00"));
    /* a command that fails ends it; Le 00 is all there is, more than 256 bytes too */
    EXPECT(bed, RFM_USIM, SCRIPT(IMSI, "00B2010400", IMSI), ANSWER("9000", "6981"));
    EXPECT(bed, RFM_USIM, SCRIPT("00A40004026F0700"),
           ANSWER("621782024121"
                  "83026F07"
                  "8A0105"
                  "8B036F060A"
                  "80020009"
                  "880138"
                  "9000"));
    EXPECT(bed, RFM_USIM, SCRIPT("00A40004026F0704"),
           ANSWER("62178202"
                  "9000"));
    bed_free(bed);
}

static void broken_scripts(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* what came before the broken item is done and told */
    EXPECT(bed, RFM_MF,
           "AA0B"
           "2207" ICCID "5500",
           "AB0A"
           "800101"
           "23029000"
           "900101");
    EXPECT(bed, RFM_MF,
           "AA0A"
           "2207" ICCID "22",
           "AB0A"
           "800101"
           "23029000"
           "900103");
    EXPECT(bed, RFM_MF,
           "AA05"
           "220A00A400",
           "AB06"
           "800100"
           "900102");
    EXPECT(bed, RFM_MF,
           "AA04"
           "22020000",
           "AB06"
           "800100"
           "900102");
    /* SCP03t is for an ISD-P */
    EXPECT(bed, RAM,
           "AA0C"
           "840A30000001020304050607",
           "AB06"
           "800100"
           "900101");
    /* nothing in it */
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF}, ""), UICC_SW_OK);
    assert_int_equal(bed->status, OTA_STATUS_OK);
    assert_string_equal(bed->data, "");
    bed_free(bed);
}

/* Rights of the access domain: full (all but NEVER), PIN1 only, none. */
static void access_domains(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    const char *usim = "00A4040C0C" USIM_AID;
    /* 6F46: never */
    EXPECT(bed, RFM_USIM, SCRIPT("00A4000C026F46", "00B0000004"), ANSWER("9000", "6982"));
    /* PIN1 only: EF.LOCI read and updated, EF.IMSI read, not updated (ADM1) */
    EXPECT(bed, RFM_PIN1, SCRIPT(usim, "00A4000C026F7E", "00B0000001", "00D6000001AA"),
           ANSWER("9000", "9000", "FF9000", "9000"));
    EXPECT(bed, RFM_PIN1, SCRIPT(usim, IMSI, "00B0000001", "00D6000001AA"),
           ANSWER("9000", "9000", "089000", "6982"));
    /* what the terminal verified gives the server nothing */
    BED_SW(bed, "0020000A083535353535353535", UICC_SW_OK);
    EXPECT(bed, RFM_PIN1, SCRIPT(usim, IMSI, "00D6000001AA"), ANSWER("9000", "9000", "6982"));
    /* nor the server's own VERIFY to it, or to the terminal */
    BED_SW(bed, "00A4000C023F00", UICC_SW_OK);
    uicc_reset(bed->sim->uicc);
    EXPECT(bed, RFM_PIN1, SCRIPT("0020000A083535353535353535", usim, IMSI, "00D6000001AA"),
           ANSWER("9000", "9000", "9000", "6982"));
    BED_SW(bed, "00A4040C0C" USIM_AID, UICC_SW_OK);
    BED_SW(bed, "00D6870001AA", UICC_SW_SECURITY);
    /* full below an ADF and none outside: where the file is counts, not where the script is */
    EXPECT(bed, "B00170", SCRIPT(IMSI, "00D6000001AA"), ANSWER("9000", "9000"));
    EXPECT(bed, "B00170",
           SCRIPT("0044080002"
                  "2FE2"),
           ANSWER("6982"));
    EXPECT(bed, "B00170",
           SCRIPT("0004090002"
                  "6F07"),
           ANSWER("9000"));
    EXPECT(bed, "B00170", SCRIPT("00A4080C022FE2", "00B000000A"), ANSWER("9000", "6982"));
    EXPECT(bed, "B00170", SCRIPT("00A4080C047F106F3A", "00B2010408"), ANSWER("9000", "6982"));
    EXPECT(bed, "B00170", SCRIPT("00A4080C047FFF6F7E", "00B0000001"), ANSWER("9000", "AA9000"));
    /* none: not even what is open to everybody */
    EXPECT(bed, RFM_NONE, SCRIPT(ICCID, "00B000000A"), ANSWER("9000", "6982"));
    EXPECT(bed, RFM_NONE, SCRIPT("0020000A083131313131313131"), ANSWER("6982"));
    EXPECT(bed, RFM_MF, SCRIPT("0020000A083131313131313131"), ANSWER("63C9"));
    bed_free(bed);
}

/* TS 102 226 7: which commands a server may send. */
static void commands_of_rfm(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    static const struct {
        const char *command, *answer;
    } rows[] = {
        {"00200001083131313131313131", "6984"}, /* VERIFY PIN: disabled */
        {"00280001083131313131313131", "63C2"}, /* ENABLE PIN: wrong, counted */
        {"00280001083131313131313131", "63C1"},
        {"002C00011031313131313131313030303030303030", "9000"},
        {"80320000"
         "01"
         "01",
         "6986"},
        {"0044000002"
         "2FE2",
         "9000"},
        {"0004000002"
         "2FE2",
         "9000"},
        {"0044000002"
         "2FE2",
         "9000"},
        {"0070000001", "6D00"}, /* MANAGE CHANNEL */
        {"0088008101"
         "00",
         "6D00"},                 /* AUTHENTICATE */
        {"0084000008", "6D00"},   /* GET CHALLENGE */
        {"80F2000000", "6D00"},   /* STATUS */
        {"8010000001FF", "6D00"}, /* TERMINAL PROFILE */
        {"80C2000001D1", "6D00"}, /* ENVELOPE */
        {"00FE000000", "6D00"},
        {"80A40004023F00", "6E00"}, /* class */
        {"04A40004023F00", "6882"}, /* secure messaging */
        {"01A40004023F00", "6881"}, /* another channel */
        {"00A4040C10"
         "A0000000871002FF49FF0589FFFFFFFF",
         "6A82"},
        {"00A4040C08" MNO_SD, "6A82"}, /* an application is no file */
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EXPECT(bed, RFM_MF, SCRIPT(rows[i].command), ANSWER(rows[i].answer));
    }
    /* CREATE, fill, read, RESIZE, DELETE FILE */
    EXPECT(
        bed, RFM_MF,
        SCRIPT("00E0000019"
               "62178202412183022FF08A01058B032F060780020004880140",
               "00D600000401020304", "00B0000004",
               "80D400000A"
               "620883022FF080020006",
               "00A4000C022FF0", "00B0000006", "00E40000022FF0", "00A4000C022FF0"),
        ANSWER("9000", "9000", "010203049000", "9000", "9000", "01020304FFFF9000", "9000", "6A82"));
    /* SET DATA and RETRIEVE DATA of a BER-TLV file */
    EXPECT(bed, RFM_USIM,
           SCRIPT("80DB0C8005"
                  "8003010203",
                  "80CB0C8001"
                  "80"
                  "00"),
           ANSWER("9000", "80030102039000"));
    /* INCREASE, SEARCH RECORD, records */
    EXPECT(bed, RFM_USIM,
           SCRIPT("00A4000C026F39",
                  "8032000003"
                  "000001"
                  "00",
                  "00B2010403"),
           ANSWER("9000", "0000020000019000", "0000029000"));
    EXPECT(bed, RFM_USIM,
           SCRIPT("00A4000C026FB7", "00A2010402"
                                    "19F1"
                                    "00"),
           ANSWER("9000", "029000"));
    bed_free(bed);
}

/* Each script begins at its directory again; the channels know nothing of it, nor it of them. */
static void selections(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    BED_SW(bed, "00A4000C027F10", UICC_SW_OK);
    EXPECT(bed, RFM_USIM, SCRIPT(IMSI), ANSWER("9000"));
    EXPECT(bed, RFM_USIM, SCRIPT(READ_IMSI), ANSWER("6986"));
    EXPECT(bed, RFM_MF, SCRIPT(IMSI), ANSWER("6A82"));
    BED_SW(bed, "00A4000C026F3A", UICC_SW_OK); /* still below DF.TELECOM */
    /* a file that a channel has selected is not deleted under it */
    BED_SW(bed, "00A4000C022F05", UICC_SW_NOT_FOUND);
    BED_SW(bed, "00A4080C022F05", UICC_SW_OK);
    EXPECT(bed, RFM_MF, SCRIPT("00E40000022F05"), ANSWER("6985"));
    BED_SW(bed, "00A4000C023F00", UICC_SW_OK);
    EXPECT(bed, RFM_MF, SCRIPT("00E40000022F05"), ANSWER("9000"));
    bed_free(bed);
}

/* A command that fails leaves nothing, those before it stand. */
static void failed_commands(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    nvm_set_capacity(bed->sim->nvm, nvm_used(bed->sim->nvm) + 120);
    EXPECT(bed, RFM_USIM,
           SCRIPT(IMSI,
                  "00D60008"
                  "01"
                  "77",
                  "80DB0C80"
                  "78"
                  "8076"
                  "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
                  "0000000000"
                  "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
                  "0000000000"
                  "00000000000000000000000000000000000000000000000000000000"),
           ANSWER("9000", "9000", "6581"));
    EXPECT(bed, RFM_USIM,
           SCRIPT(IMSI, "00B0000801",
                  "80CB0C800180"
                  "00"),
           ANSWER("9000", "779000", "6A88"));
    bed_free(bed);
}

/* A chip without a byte left takes the packet that makes room. */
static void a_full_card(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    nvm_set_capacity(bed->sim->nvm, nvm_used(bed->sim->nvm));
    EXPECT(bed, RFM_MF, SCRIPT("00E40000022F05"), ANSWER("9000"));
    EXPECT(bed, RAM, SCRIPT("80E400000A4F08" WEAK_SD "00"), ANSWER("009000"));
    bed_free(bed);
}

/* --- acceptance --------------------------------------------------------------------------------
 */

static void expect_status(struct bed *bed, struct bed_packet p, uint8_t status, bool secured)
{
    (void)bed_ota(bed, p, SCRIPT(ICCID));
    assert_false(bed->no_por);
    assert_int_equal(bed->status, status);
    assert_int_equal(bed->secured, secured);
    assert_string_equal(bed->data, status == OTA_STATUS_OK ? ANSWER("9000") : "");
    assert_int_equal(bed->rp_error, status != OTA_STATUS_OK);
}

#define STATUS(bed, status, secured, ...)                                                          \
    expect_status((bed), (struct bed_packet){__VA_ARGS__}, (status), (secured))

static uint64_t stored(const struct bed *bed, uint8_t kvn)
{
    struct gp_counters counters;
    gp_counters_get(bed->reg, 1, kvn, &counters);
    return counters.packets;
}

static void counters(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    STATUS(bed, OTA_STATUS_OK, true, .tar = RFM_MF, .counter = 5);
    assert_int_equal(stored(bed, 2), 5);
    STATUS(bed, OTA_STATUS_COUNTER_LOW, true, .tar = RFM_MF, .counter = 5);
    STATUS(bed, OTA_STATUS_COUNTER_LOW, true, .tar = RFM_MF, .counter = 4);
    /* each version has its own, whatever the target */
    STATUS(bed, OTA_STATUS_OK, true, .tar = RFM_MF, .counter = 1, DES);
    STATUS(bed, OTA_STATUS_COUNTER_LOW, true, .tar = RFM_USIM, .counter = 5);
    /* exactly one higher: SPI1 1E */
    STATUS(bed, OTA_STATUS_COUNTER_HIGH, true, .tar = RFM_MF, .counter = 7, .spi = 0x1E19);
    STATUS(bed, OTA_STATUS_OK, true, .tar = RFM_MF, .counter = 6, .spi = 0x1E19);
    assert_int_equal(stored(bed, 2), 6);
    /* forged ones move nothing */
    STATUS(bed, OTA_STATUS_CHECK_FAILED, false, .tar = RFM_MF, .counter = 100, .wrong_mac = true,
           .spi = 0x1219);
    assert_int_equal(stored(bed, 2), 6);
    /* over a power cut, also when the script failed */
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .counter = 9}, SCRIPT("00FF0000"));
    bed = bed_power_cycle(bed);
    STATUS(bed, OTA_STATUS_COUNTER_LOW, true, .tar = RFM_MF, .counter = 9);
    /* at its end */
    STATUS(bed, OTA_STATUS_OK, true, .tar = RFM_MF, .counter = OTA_COUNTER_MAX);
    STATUS(bed, OTA_STATUS_COUNTER_BLOCKED, true, .tar = RFM_MF, .counter = OTA_COUNTER_MAX);
    bed_free(bed);
}

static void refusals(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* the sender is not proved: a bare status, or nothing when no PoR is asked for */
    STATUS(bed, OTA_STATUS_CHECK_FAILED, false, .tar = RFM_MF, .wrong_mac = true, .spi = 0x1219);
    STATUS(bed, OTA_STATUS_TAR_UNKNOWN, false, .tar = "B0FFFF");
    STATUS(bed, OTA_STATUS_SECURITY_ERROR, false, .tar = RFM_MF, .kic = 0x32, .kid = 0x32);
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = "B0FFFF", .spi = 0x1600}, ""),
                     UICC_SW_OK);
    assert_true(bed->no_por);
    /* never by a message of its own */
    BED_SW(bed, PROFILE, UICC_SW_OK);
    STATUS(bed, OTA_STATUS_TAR_UNKNOWN, false, .tar = "B0FFFF", .spi = 0x1639);
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 0);
    /* minimum security level 12 of the RFM: CC and a counter */
    STATUS(bed, OTA_STATUS_LEVEL_INSUFFICIENT, false, .tar = RFM_MF,
           .spi = 0x0619); /* no counter */
    STATUS(bed, OTA_STATUS_LEVEL_INSUFFICIENT, false, .tar = RFM_MF, .spi = 0x1519, .kid = 0x25);
    STATUS(bed, OTA_STATUS_OK, true, .tar = RFM_MF, .spi = 0x1219); /* not ciphered: good enough */
    /* a security domain takes nothing without CC, whatever its parameters are */
    struct gp_object o;
    assert_true(gp_object_get(bed->reg, 1, &o));
    o.msl = 0x00;
    assert_int_equal(gp_object_put(bed->reg, &o, NULL), CR_OK);
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM, .spi = 0x0001}, SCRIPT("80F28002024F0000"));
    assert_int_equal(bed->status, OTA_STATUS_LEVEL_INSUFFICIENT);
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM, .spi = 0x1519, .kid = 0x25},
                  SCRIPT("80F28002024F0000"));
    assert_int_equal(bed->status, OTA_STATUS_LEVEL_INSUFFICIENT);
    /* the keys of another domain open nothing */
    STATUS(bed, OTA_STATUS_SECURITY_ERROR, false, .tar = RAM_SUB);
    STATUS(bed, OTA_STATUS_SECURITY_ERROR, false, .tar = RAM, .kic = 0x32, .kid = 0x32);
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM_SUB, .kic = 0x32, .kid = 0x32},
                  SCRIPT("80CA006600"));
    assert_int_equal(bed->status, OTA_STATUS_OK);
    /* a domain without keys relies on the one it is associated with */
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM_WEAK}, SCRIPT("80CA006600"));
    assert_int_equal(bed->status, OTA_STATUS_OK);
    /* implicit version: the first that suits the algorithm */
    STATUS(bed, OTA_STATUS_OK, true, .tar = RFM_MF, .kic = 0x05, .kid = 0x05, .counter = 50);
    assert_int_equal(stored(bed, 1), 50);
    bed_free(bed);
}

static void not_for_the_card(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* PID and DCS that do not mean data download */
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .pid = 0x01}, SCRIPT(ICCID)),
                     UICC_SW_CONDITIONS);
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .dcs = 0xF5}, SCRIPT(ICCID)),
                     UICC_SW_CONDITIONS);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .dcs = 0x16}, SCRIPT(ICCID));
    assert_int_equal(bed->status, OTA_STATUS_OK);
    /* no SMS in it, a broken one, the wrong devices */
    BED_SW(bed, "80C2000006D10482028381", UICC_SW_WRONG_DATA);
    BED_SW(bed, "80C200000AD108820283818B020000", UICC_SW_WRONG_DATA);
    /* no profile visible */
    assert_int_equal(uicc_set_profile(bed->sim->uicc, (cr_span){0}, NULL), CR_OK);
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF}, SCRIPT(ICCID)),
                     UICC_SW_CONDITIONS);
    bed_free(bed);
}

/* --- the way back ------------------------------------------------------------------------------
 */

#define LONG_READ "00B0000000"

static void long_ways(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    char command[600], *at = command;
    BED_SW(bed, PROFILE, UICC_SW_OK);
    /* 6F45: 300 bytes, more than the answer to an ENVELOPE holds: 0B there, the rest by SMS */
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM}, SCRIPT("00A4000C026F45", LONG_READ));
    assert_true(bed->followed && !bed->rp_error);
    assert_int_equal(bed->status, OTA_STATUS_OK);
    assert_int_equal(bed->messages, 3);
    assert_int_equal(strlen(bed->data), 2 * (4 + 3 + 4 + 4 + 256 + 2));
    /* asked for by SMS: in three */
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM, .spi = 0x1639},
                  SCRIPT("00A4000C026F45", LONG_READ));
    assert_int_equal(bed->status, OTA_STATUS_OK);
    assert_int_equal(bed->messages, 3);
    assert_int_equal(strlen(bed->data), 2 * (4 + 3 + 4 + 4 + 256 + 2));
    /* a command in several messages: 200 bytes written with 3DES */
    at += sprintf(at, "00D60000C8");
    for (size_t i = 0; i < 200; i++) {
        at += sprintf(at, "%02X", (unsigned)i);
    }
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM, DES},
                  SCRIPT("00A4000C026F45", command, "00B000C701"));
    assert_int_equal(bed->status, OTA_STATUS_OK);
    assert_string_equal(bed->data, ANSWER("9000", "9000", "C79000"));
    bed_free(bed);
}

static void when_a_proof_is_wanted(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    BED_SW(bed, PROFILE, UICC_SW_OK);
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600}, SCRIPT(ICCID)),
                     UICC_SW_OK);
    assert_true(bed->no_por);
    /* on error only */
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x161A}, SCRIPT(ICCID)),
                     UICC_SW_OK);
    assert_true(bed->no_por);
    assert_int_equal(bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x161A, .counter = 1},
                             SCRIPT(ICCID)),
                     UICC_SW_REPORT_ERROR);
    assert_int_equal(bed->status, OTA_STATUS_COUNTER_LOW);
    /* by SMS, plain, with a RC, ciphered without a check */
    static const uint16_t spis[] = {0x1639, 0x1629, 0x1621, 0x1625, 0x1631};
    for (size_t i = 0; i < CR_COUNT(spis); i++) {
        /* a RC in the answer needs the algorithm of KID to be one */
        (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = spis[i]}, SCRIPT(ICCID));
        if (spis[i] != 0x1625) {
            assert_int_equal(bed->messages, 1);
            assert_int_equal(bed->status, OTA_STATUS_OK);
            assert_string_equal(bed->data, ANSWER("9000"));
        }
    }
    /* a terminal without toolkit gets nothing by SMS, and the command is executed all the same */
    uicc_reset(bed->sim->uicc);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM, .spi = 0x1639},
                  SCRIPT(IMSI, "00D600080155"));
    assert_true(bed->no_por);
    EXPECT(bed, RFM_USIM, SCRIPT(IMSI, "00B0000801"), ANSWER("9000", "559000"));
    bed_free(bed);
}

/* --- security domains --------------------------------------------------------------------------
 */

static void remote_applications(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    EXPECT(bed, RAM, SCRIPT("80F28002024F0000"),
           ANSWER("E3264F08" MNO_SD "9F70010FC50382DC00C407A0000001515350CC08" MNO_SD "9000"));
    /* the second TAR of the domain */
    EXPECT(bed, "000000", SCRIPT("80F28000024F0000"),
           ANSWER("08" MNO_SD "0F82"
                  "9000"));
    /* nothing without Le */
    EXPECT(bed, RAM, SCRIPT("80F28002024F00"), ANSWER("9000"));
    /* SET STATUS, and the target is gone while it is locked */
    EXPECT(bed, RAM, SCRIPT("80F0408708" SUB_SD), ANSWER("9000"));
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM_SUB, .kic = 0x32, .kid = 0x32}, "");
    assert_int_equal(bed->status, OTA_STATUS_TAR_UNKNOWN);
    EXPECT(bed, RAM, SCRIPT("80F0400F08" SUB_SD), ANSWER("9000"));
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM_SUB, .kic = 0x32, .kid = 0x32}, "");
    assert_int_equal(bed->status, OTA_STATUS_OK);
    /* INSTALL: the new domain answers to its TAR at once; DELETE */
    EXPECT(bed, RAM,
           SCRIPT(bed_apdu("80E60C00", "07A0000001515350"
                                       "08A000000151535041"
                                       "08A0000001510000AA"
                                       "0180"
                                       "11EA0F800D010000000002010203B201AA00"
                                       "00")),
           ANSWER("009000"));
    EXPECT(bed, "B201AA", SCRIPT("80CA2F0000"), ANSWER("2F000C610A4F08A0000001510000AA9000"));
    BED_SW(bed, "00A4040C08A0000001510000AA", UICC_SW_OK);
    EXPECT(bed, RAM, SCRIPT("80E400000A4F08A0000001510000AA00"), ANSWER("6985")); /* selected */
    BED_SW(bed, "00A4000C023F00", UICC_SW_OK);
    EXPECT(bed, RAM, SCRIPT("80E400000A4F08A0000001510000AA00"), ANSWER("009000"));
    BED_SW(bed, "00A4040C08A0000001510000AA", UICC_SW_NOT_FOUND);
    (void)bed_ota(bed, (struct bed_packet){.tar = "B201AA"}, "");
    assert_int_equal(bed->status, OTA_STATUS_TAR_UNKNOWN);
    /* the domain at work does not delete itself */
    EXPECT(bed, RAM, SCRIPT("80E400000A4F08" MNO_SD "00"), ANSWER("6985"));
    /* an error comes without the data that was ready before it */
    EXPECT(bed, RAM,
           SCRIPT(bed_apdu("80D80001", "3588111000112233445566778899AABBCCDDEEFF03112233")),
           ANSWER("9485"));
    bed_free(bed);
}

/* A secure channel inside of packets, as SGP.02 uses it: INITIALIZE UPDATE in one script, the rest
 * chained behind it. */
static void a_session_over_the_air(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    struct scp_keys keys = {0};
    uint8_t challenge[8];
    char hex[600];
    cr_buf apdu = {0};
    struct scp_key *slots[] = {&keys.enc, &keys.mac, &keys.dek};
    for (uint8_t i = 0; i < 3; i++) {
        struct gp_key key = bed_key(0x30, (uint8_t)(i + 1));
        memcpy(slots[i]->value, key.value, key.n);
        slots[i]->n = key.n;
    }
    assert_int_equal(scp_host_begin(&bed->host, &keys, 0x30, &bed->sim->env, challenge, NULL),
                     CR_OK);
    assert_non_null(cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(challenge)));
    char update[620];
    (void)snprintf(update, sizeof update, "8050300008%s00", hex);
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM}, bed_chained(0x01, update, NULL));
    struct sim_bytes answer = sim_hex(bed->data);
    assert_int_equal(answer.n, 2 + 3 + 2 + 32 + 2);
    assert_int_equal(scp_host_take(&bed->host, cr_span_of(answer.p + 7, 32), NULL), CR_OK);
    assert_int_equal(scp_host_authenticate(&bed->host, 0x33, &apdu, NULL), CR_OK);
    assert_non_null(cr_hex_into(hex, sizeof hex, cr_buf_span(&apdu)));
    EXPECT(bed, RAM, bed_chained(0x02, hex, NULL), ANSWER("9000"));
    struct sim_bytes status = sim_hex("80F28002024F0000");
    cr_buf_reset(&apdu);
    assert_int_equal(scp_wrap_command(&bed->host, cr_span_of(status.p, status.n), &apdu, NULL),
                     CR_OK);
    assert_non_null(cr_hex_into(hex, sizeof hex, cr_buf_span(&apdu)));
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM}, bed_chained(0x03, hex, NULL));
    answer = sim_hex(bed->data);
    cr_buf plain = {0};
    uicc_sw sw;
    assert_int_equal(
        scp_unwrap_response(&bed->host, cr_span_of(answer.p + 7, answer.n - 7), &plain, &sw, NULL),
        CR_OK);
    assert_int_equal(sw, UICC_SW_OK);
    assert_int_equal(plain.n, 40);
    /* the chain is over, and the session with it */
    (void)bed_ota(bed, (struct bed_packet){.tar = RAM}, SCRIPT(hex));
    assert_string_equal(bed->data, ANSWER("6982"));
    cr_buf_free(&plain);
    cr_buf_free(&apdu);
    bed_free(bed);
}

/* --- chains ------------------------------------------------------------------------------------
 */

#define CHAINED(value, ...) bed_chained((value), __VA_ARGS__, NULL)
#define NO_PREVIOUS                                                                                \
    "AB06"                                                                                         \
    "830101"                                                                                       \
    "800100"

static void chains(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* the selection goes on from script to script */
    EXPECT(bed, RFM_USIM, CHAINED(0x01, IMSI), ANSWER("9000"));
    EXPECT(bed, RFM_USIM, CHAINED(0x02, READ_IMSI), ANSWER("0809101010325476989000"));
    EXPECT(bed, RFM_USIM, CHAINED(0x03, READ_IMSI), ANSWER("0809101010325476989000"));
    /* nothing goes on behind the last, without a first, or at another target */
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM}, CHAINED(0x03, READ_IMSI));
    assert_non_null(strstr(bed->data, "830101"));
    assert_non_null(strstr(bed->data, "800100"));
    EXPECT(bed, RFM_USIM, CHAINED(0x01, IMSI), ANSWER("9000"));
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF}, CHAINED(0x02, READ_IMSI));
    assert_non_null(strstr(bed->data, "830101"));
    EXPECT(bed, RFM_USIM, CHAINED(0x02, READ_IMSI), ANSWER("0809101010325476989000"));
    /* a script without chaining ends it; so does a reset */
    EXPECT(bed, RFM_MF, SCRIPT(ICCID), ANSWER("9000"));
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM}, CHAINED(0x02, READ_IMSI));
    assert_non_null(strstr(bed->data, "830101"));
    EXPECT(bed, RFM_USIM, CHAINED(0x01, IMSI), ANSWER("9000"));
    uicc_reset(bed->sim->uicc);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM}, CHAINED(0x02, READ_IMSI));
    assert_non_null(strstr(bed->data, "830101"));
    /* a value that is none */
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM}, CHAINED(0x04, READ_IMSI));
    assert_non_null(strstr(bed->data, "830103"));
    bed_free(bed);
}

static void chains_over_a_reset(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    EXPECT(bed, RFM_USIM, CHAINED(0x11, IMSI), ANSWER("9000"));
    bed = bed_power_cycle(bed);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF}, CHAINED(0x02, READ_IMSI));
    assert_non_null(strstr(bed->data, "830101")); /* another target's */
    EXPECT(bed, RFM_USIM, CHAINED(0x02, READ_IMSI), ANSWER("0809101010325476989000"));
    bed = bed_power_cycle(bed);
    EXPECT(bed, RFM_USIM,
           CHAINED(0x02, "00A4000C026FB7",
                   "00A2010402"
                   "19F1"
                   "00"),
           ANSWER("9000", "029000"));
    bed = bed_power_cycle(bed);
    EXPECT(bed, RFM_USIM,
           CHAINED(0x03, "00A2050502"
                         "19F1"
                         "00"),
           ANSWER("6A83"));
    bed = bed_power_cycle(bed);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM}, CHAINED(0x02, READ_IMSI));
    assert_non_null(strstr(bed->data, "830101"));
    assert_false(cr_span_present(gp_chain_get(bed->reg)));
    /* half a STORE DATA: 0070 with 42 in two blocks */
    EXPECT(bed, RAM,
           CHAINED(0x11, "80E20800"
                         "04"
                         "00700442"),
           ANSWER("9000"));
    bed = bed_power_cycle(bed);
    EXPECT(bed, RAM,
           CHAINED(0x03,
                   "80E28801"
                   "03"
                   "02A1A2",
                   "80CA004200"),
           ANSWER("9000", "4202A1A29000"));
    /* the file that it stands on is deleted */
    EXPECT(bed, RFM_MF, CHAINED(0x11, "00A4000C022F05"), ANSWER("9000"));
    BED_SW(bed, "0020000A083535353535353535", UICC_SW_OK);
    BED_SW(bed, "00E40000022F05", UICC_SW_OK);
    bed = bed_power_cycle(bed);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF}, CHAINED(0x02, "00B0000001"));
    assert_non_null(strstr(bed->data, "830101"));
    bed_free(bed);
}

/* --- actions -----------------------------------------------------------------------------------
 */

static void actions(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    BED_SW(bed, PROFILE, UICC_SW_OK);
    /* immediate: REFRESH; what follows is executed */
    uicc_sw sw = bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                         "AA14"
                         "8109"
                         "810301010482028182"
                         "2207" ICCID);
    assert_int_equal(sw, 0x910B);
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 1);
    BED_EXPECT(bed, "801200000B", "D0098103010104820281829000");
    BED_SW(bed,
           "801400000C"
           "810301010482028281830100",
           UICC_SW_OK);
    /* any other command is none for this; reserved values neither */
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                  "AA0B"
                  "8109"
                  "810301210082028182");
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 0);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                  "AA03"
                  "810181");
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                  "AA03"
                  "810105");
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 0);
    /* a record of EF.RMA holds one */
    EXPECT(bed, RFM_MF,
           SCRIPT("00A4000C027F10",
                  bed_apdu("00E00000", "62198205422100140283026F538A01058B036F0607"
                                       "800200288800"),
                  bed_apdu("00DC0104", "D009810301010382028182"
                                       "FFFFFFFFFFFFFFFFFF"),
                  bed_apdu("00DC0204", "D10981030101038202818200"
                                       "FFFFFFFFFFFFFFFF")),
           ANSWER("9000", "9000", "9000", "9000"));
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                  "AA03"
                  "810102");
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                  "AA03"
                  "810103");
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 0);
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600},
                  "AA03"
                  "810101");
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 1);
    BED_SW(bed, "801200000B", UICC_SW_OK);
    BED_SW(bed,
           "801400000C"
           "810301010382028281830100",
           UICC_SW_WRONG_DATA); /* number of the card's */
    uicc_reset(bed->sim->uicc);
    BED_SW(bed, PROFILE, UICC_SW_OK);
    /* error action: DISPLAY TEXT when a command fails, and only then */
    char script[200];
    (void)snprintf(script, sizeof script,
                   "AA1B"
                   "%s"
                   "2207" ICCID,
                   "8210"
                   "8103012180"
                   "82028102"
                   "8D0504"
                   "41424344");
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600}, script);
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 0);
    (void)snprintf(script, sizeof script,
                   "AA1B"
                   "%s"
                   "2207"
                   "00A4000C022FFF",
                   "8210"
                   "8103012180"
                   "82028102"
                   "8D0504"
                   "41424344");
    (void)bed_ota(bed, (struct bed_packet){.tar = RFM_MF, .spi = 0x1600}, script);
    assert_int_equal(uicc_proactive_pending(bed->sim->uicc), 1);
    bed_free(bed);
}

/* --- what the layer above has ------------------------------------------------------------------
 */

struct heard {
    unsigned personalized, stored;
    char aid[33], value[64];
    uint16_t dgi;
    bool last, remote;
    uint8_t level;
};

static uicc_sw hear_personalize(void *ctx, const struct gp_requester *who, cr_span aid)
{
    struct heard *h = ctx;
    static const uint8_t own[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x0F, 0x00};
    h->personalized++;
    h->remote = who->remote;
    h->level = who->level;
    (void)cr_hex_into(h->aid, sizeof h->aid, aid);
    return cr_span_equal(aid, CR_SPAN_ARRAY(own)) ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
}

static uicc_sw hear_store(void *ctx, const struct gp_requester *who, cr_span aid, uint16_t dgi,
                          cr_span value, bool last, cr_buf *out)
{
    struct heard *h = ctx;
    (void)aid;
    h->stored++;
    h->dgi = dgi;
    h->last = last;
    assert_int_equal(who->domain->id, 1);
    (void)cr_hex_into(h->value, sizeof h->value, value);
    cr_buf_append_byte(out, 0xA5);
    return value.n == 3 ? UICC_SW_OK : UICC_SW_WRONG_DATA;
}

/* SGP.02 2.3: the vector of UpdatePOL1byMNO, byte for byte, down to its STORE DATA. */
static void update_pol1_by_mno(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    struct heard h = {0};
    struct gp_hooks hooks = {.ctx = &h, .personalize = hear_personalize, .store = hear_store};
    gp_free(bed->gp);
    assert_int_equal(gp_new(bed->sim->uicc, &hooks, &bed->gp, NULL), CR_OK);
    bed->reg = gp_visible(bed->gp);
    struct gp_key kic = {.kvn = 1, .kid = 1, .type = GP_KEY_AES, .n = 16, .mac_size = 8}, kid = kic;
    kid.kid = 2;
    for (uint8_t i = 0; i < 16; i++) {
        kic.value[i] = (uint8_t)(0x20 + i);
        kid.value[i] = (uint8_t)(0x30 + i);
    }
    assert_int_equal(gp_key_put(bed->reg, 1, &kic, NULL), CR_OK);
    assert_int_equal(gp_key_put(bed->reg, 1, &kid, NULL), CR_OK);
    BED_SW(bed, PROFILE, UICC_SW_OK);
    struct sim_bytes packet = sim_hex(
        "00481516391212B20100E902002C4831063AAB1FBD31AD0F75DCF605B0F383EDC9ECC06D32831F5E4F52796F40"
        "6D5569AF3D69A2CABC8A4087F73FDF380FC998AD72B103C71742BC5B29");
    char text[600];
    (void)snprintf(text, sizeof text,
                   "80C20000%02XD1%02X820283818B%02X400881214365877FF66280602100000"
                   "0%02X027000",
                   (unsigned)(packet.n + 3 + 17 + 8), (unsigned)(packet.n + 3 + 17 + 6),
                   (unsigned)(packet.n + 3 + 17), (unsigned)(packet.n + 3));
    size_t at = strlen(text);
    assert_non_null(cr_hex_into(text + at, sizeof text - at, cr_span_of(packet.p, packet.n)));
    uicc_sw sw = bed_sw(bed, text);
    assert_int_equal(sw >> 8, 0x91); /* the PoR by SMS */
    assert_int_equal(h.personalized, 1);
    assert_true(h.remote);
    assert_int_equal(h.level, 0x16);
    assert_string_equal(h.aid, "A0000005591010FFFFFFFF8900000F00");
    assert_int_equal(h.stored, 1);
    assert_int_equal(h.dgi, 0x3A06);
    assert_string_equal(h.value, "810103");
    assert_true(h.last);
    /* the same again is a replay */
    (void)bed_sw(bed, text);
    assert_int_equal(h.stored, 1);
    /* another AID, a value that the layer above refuses */
    EXPECT(bed, RAM,
           SCRIPT("80E6200016000010A0000005591010FFFFFFFF890000100000000000",
                  "80E28800063A0603810103"),
           ANSWER("6A88"));
    EXPECT(bed, RAM,
           SCRIPT("80E6200016000010A0000005591010FFFFFFFF8900000F0000000000", "80E28800043A060181",
                  "80CA004200"),
           ANSWER("9000", "6A80"));
    /* groupings of a block that is not the last are executed once */
    h.stored = 0;
    EXPECT(bed, RAM,
           SCRIPT("80E6200016000010A0000005591010FFFFFFFF8900000F0000000000",
                  bed_apdu("80E20800", "3A0603810103"
                                       "3A0603"),
                  bed_apdu("80E28801", "810102")),
           ANSWER("9000", "A59000", "A59000"));
    assert_int_equal(h.stored, 2);
    assert_string_equal(h.value, "810102");
    EXPECT(bed, RAM,
           SCRIPT("80E6200016000010A0000005591010FFFFFFFF8900000F0000000000",
                  bed_apdu("80E20800", "3A0603810103")),
           ANSWER("9000", "A59000"));
    assert_false(h.last);
    /* with Le its response data; the target ends with the script */
    EXPECT(bed, RAM,
           SCRIPT("80E6200016000010A0000005591010FFFFFFFF8900000F0000000000",
                  "80E28900063A060381010300"),
           ANSWER("9000", "A59000"));
    EXPECT(bed, RAM, SCRIPT("80E28800063A0603810103"), ANSWER("6A88"));
    bed_free(bed);
}

/* --- power -------------------------------------------------------------------------------------
 */

struct cut {
    long left;
};

static bool cut_hook(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    (void)point;
    return cut->left-- == 0;
}

/* Power is cut at each write and commit of an update: all of it is there or nothing, and a counter
 * whose command was executed is never accepted again. */
static void power_cuts(void **state)
{
    (void)state;
    struct bed *origin = bed_new();
    bool finished = false;
    for (long n = 0; !finished; n++) {
        struct nvm *nvm;
        assert_int_equal(nvm_clone_committed(origin->sim->nvm, &nvm, NULL), CR_OK);
        struct bed *bed = bed_open_memory(nvm);
        struct cut cut = {.left = n};
        nvm_set_fault(bed->sim->nvm, cut_hook, &cut);
        uicc_sw sw = bed_ota(bed, (struct bed_packet){.tar = RFM_USIM, .counter = 7},
                             SCRIPT(IMSI, "00D600010155", "00D600020155"));
        finished = cut.left >= 0;
        assert_int_equal(sw == UICC_SW_OK, finished);
        bed = bed_power_cycle(bed);
        const char *imsi = "0809101010325476989000", *changed = "0855551010325476989000";
        uint64_t counter = stored(bed, 2);
        BED_SW(bed, "00A4040C0C" USIM_AID, UICC_SW_OK);
        BED_EXPECT(bed, "00B0870009", counter == 7 ? changed : imsi);
        assert_true(counter == 7 || (counter == 0 && !finished));
        (void)bed_ota(bed, (struct bed_packet){.tar = RFM_USIM, .counter = 7}, SCRIPT(IMSI));
        assert_int_equal(bed->status, counter == 7 ? OTA_STATUS_COUNTER_LOW : OTA_STATUS_OK);
        assert_true(n < 100);
        bed_free(bed);
    }
    bed_free(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_by_aes_and_des),
        cmocka_unit_test(forms),
        cmocka_unit_test(broken_scripts),
        cmocka_unit_test(access_domains),
        cmocka_unit_test(commands_of_rfm),
        cmocka_unit_test(selections),
        cmocka_unit_test(failed_commands),
        cmocka_unit_test(counters),
        cmocka_unit_test(refusals),
        cmocka_unit_test(not_for_the_card),
        cmocka_unit_test(long_ways),
        cmocka_unit_test(when_a_proof_is_wanted),
        cmocka_unit_test(remote_applications),
        cmocka_unit_test(a_session_over_the_air),
        cmocka_unit_test(chains),
        cmocka_unit_test(chains_over_a_reset),
        cmocka_unit_test(actions),
        cmocka_unit_test(update_pol1_by_mno),
        cmocka_unit_test(power_cuts),
        cmocka_unit_test(a_full_card),
    };
    return cmocka_run_group_tests_name("gp/ota", tests, NULL, NULL);
}
