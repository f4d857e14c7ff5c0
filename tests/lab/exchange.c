/*
 * Exchanges in words: a phone's session, line by line; and bytes that are no session at all.
 */
#include "lab.h"

#include "lab/commands.h"
#include "lab/exchange.h"

static void line_is(struct lab_session *s, const char *command, const char *response,
                    const char *want)
{
    cr_buf line = {0};
    lab_exchange_text(s, hex(command), hex(response), &line);
    assert_string_equal(cr_buf_cstr(&line), want);
    cr_buf_free(&line);
}

static void a_phone(void **state)
{
    (void)state;
    static const struct {
        const char *command, *response, *line;
    } rows[] = {
        {"00A40004023F00", "612E", "0 SELECT MF -> 612E 46 bytes waiting"},
        {"00C000002E",
         "622C8202782183023F00A50C80017183040003A7388701018A01058B032F0601C60C90016083010183010A830"
         "1"
         "0B9000",
         "0 GET RESPONSE -> directory, rule 2F06/1, activated; 9000 ok"},
        {"00A40804022FE2", "9000", "0 SELECT MF/EF.ICCID -> 9000 ok"},
        {"00B000000A", "980010325476981032149000",
         "0 READ BINARY EF.ICCID -> 89000123456789012341; 9000 ok"},
        {"00A4040C07A0000000871002", "9000", "0 SELECT MF/ADF.USIM -> 9000 ok"},
        {"00A4000C026F07", "9000", "0 SELECT MF/ADF.USIM/EF.IMSI -> 9000 ok"},
        {"00B0000009", "0809101010325476989000",
         "0 READ BINARY EF.IMSI -> 001010123456789; 9000 ok"},
        {"00B0000405", "32547698009000", "0 READ BINARY EF.IMSI from 4 -> 3254769800; 9000 ok"},
        {"00A4000C026FB7", "9000", "0 SELECT MF/ADF.USIM/EF.ECC -> 9000 ok"},
        {"00B2010404", "11F2FF009000", "0 READ RECORD EF.ECC record 1 -> 112; 9000 ok"},
        {"00B2000204", "6A83", "0 READ RECORD EF.ECC next record -> 6A83 record not found"},
        {"00B0870009", "0809101010325476989000",
         "0 READ BINARY SFI 07 -> 080910101032547698; 9000 ok"},
        {"00A4000C027FFF", "9000", "0 SELECT MF/ADF.USIM -> 9000 ok"},
        {"00A4000C025FC0", "9000", "0 SELECT MF/ADF.USIM/DF.5GS -> 9000 ok"},
        {"00A4000C024F07", "9000", "0 SELECT MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info -> 9000 ok"},
        {"00A4000C026F46", "6A82",
         "0 SELECT MF/ADF.USIM/EF.SPN -> 6A82 file or application not found"},
        {"80F2000C", "9000", "0 STATUS DF.5GS -> 9000 ok"}, /* a failed SELECT changed nothing */
        {"0020000108303030302F2F2F2F", "63C2",
         "0 VERIFY PIN key 01, value not shown -> 63C2 2 tries left"},
        {"002C0001", "63CA", "0 UNBLOCK PIN key 01, asks for the tries left -> 63CA 10 tries left"},
        {"8010000003FFFFFF", "910B",
         "0 TERMINAL PROFILE, 3 bytes -> 910B ok, a proactive command of 11 bytes waits"},
        {"00880081221000112233445566778899AABBCCDDEEFF1000112233445566778899AABBCCDDEEFF",
         "DB08A54211D5E3BA50BF10B40BA9A3C58B2A05BBF0D987B21BF8CB10F769BCD751044604127672711C6D34419"
         "000",
         "0 AUTHENTICATE 3G context -> RES A54211D5E3BA50BF, keys not shown; 9000 ok"},
        {"00880081", "DC0E451E8BECA41BF8EE589D46D835C99000",
         "0 AUTHENTICATE 3G context -> resynchronisation, AUTS 451E8BECA41BF8EE589D46D835C9; 9000 "
         "ok"},
        {"00880080111000112233445566778899AABBCCDDEEFF", "0446F8416A08EAE4BE823AF9A08B9000",
         "0 AUTHENTICATE GSM context -> SRES 46F8416A, Kc not shown; 9000 ok"},
        {"0070000001", "019000", "0 MANAGE CHANNEL open -> channel 1; 9000 ok"},
        {"01A4040010A0000005591010FFFFFFFF8900000100", "6120",
         "1 SELECT ISD-R -> 6120 32 bytes waiting"},
        {"81E2910006BF3E035C015A", "6115",
         "1 STORE DATA ES10c.GetEuiccData -> 6115 21 bytes waiting"},
        {"81C0000015", "BF3E125A10890490327675528248921293050970749000",
         "1 GET RESPONSE -> GetEuiccDataResponse "
         "{\"eidValue\":\"89049032767552824892129305097074\"}; 9000 ok"},
        {"81E2110003BF2E00", "9000", "1 STORE DATA ES10b.GetEuiccChallenge, block 1 -> 9000 ok"},
        {"81E2910100", "6A80",
         "1 STORE DATA ES10b.GetEuiccChallenge, block 2, the last -> 6A80 wrong data"},
        {"81E2910003860155", "9000", "1 STORE DATA ES8+.LoadProfileElements [secured] -> 9000 ok"},
        {"80C2000056D154820283818B4E440881214365877FF6621192126181003D0270000038151639121200000"
         "17E919C74AB0F64418FC57B7A00FD7B6ED49846954E687C485E964C9E42FC5AABC8477544555A2033E7378A2"
         "F3C6C33FF",
         "6985",
         "0 ENVELOPE SMS-PP download: TPDU 440881214365877FF6621192126181003D027000003815163912120"
         "000017E919C74AB0F64418FC57B7A00FD7B6ED498.. (78 bytes) [secured, TAR 000001, SPI 1639, "
         "KIc 12, KID 12] -> 6985 conditions of use not satisfied"},
        {"00708001", "9000", "0 MANAGE CHANNEL close 1 -> 9000 ok"},
        {"04A4000C023F00", "6882", "0 SELECT [secured] MF -> 6882 secure messaging not supported"},
        {"A0A40000023F00", "6E00", NULL},
        {"00FE0000", "", "0 TERMINATE CARD USAGE -> no answer"},
        {"01", "9000", "? a command of less than 4 bytes: 01"},
    };
    struct lab_session s;
    lab_session_init(&s);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (rows[i].line) {
            line_is(&s, rows[i].command, rows[i].response, rows[i].line);
        }
    }
    lab_session_reset(&s);
    line_is(&s, "80F2000C", "9000", "0 STATUS MF -> 9000 ok");
    lab_session_free(&s);
}

/* No value of a PIN and no key gets into a line, whatever its place. */
static void secrets(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "0020000108DEADBEEFDEADBEEF", "0024000110DEADBEEFDEADBEEFDEADBEEFDEADBEEF",
        "0026000108DEADBEEFDEADBEEF", "0028000108DEADBEEFDEADBEEF",
        "002C000110DEADBEEFDEADBEEFDEADBEEFDEADBEEF"};
    struct lab_session s;
    lab_session_init(&s);
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        cr_buf line = {0};
        lab_exchange_text(&s, hex(commands[i]), hex("9000"), &line);
        assert_null(strstr(cr_buf_cstr(&line), "DEADBEEF"));
        cr_buf_free(&line);
    }
    lab_session_free(&s);
}

static void for_a_shell(void **state)
{
    (void)state;
    struct lab_session s;
    cr_buf line = {0};
    cr_buf words = {0};
    lab_session_init(&s);
    cr_span select = hex("00A40804022F00");
    cr_span fcp = hex("621A8205422100100283022F008A01058B032F06088002002088 01F09000");
    lab_exchange_text(&s, select, fcp, &line);
    lab_answer_text(&s, select, fcp, &words);
    assert_string_equal(cr_buf_cstr(&words), "  MF/EF.DIR: linear fixed, 2 records of 16 bytes, "
                                             "SFI 1E, rule 2F06/8, activated\n");
    cr_buf_reset(&words);
    cr_span read = hex("00B2010410");
    cr_span record = hex("610C4F05A0000000025003555349FFFF9000");
    lab_exchange_text(&s, read, record, &line);
    lab_answer_text(&s, read, record, &words);
    assert_string_equal(cr_buf_cstr(&words), "  A000000002 USI\n");
    cr_buf_free(&line);
    cr_buf_free(&words);
    lab_session_free(&s);
}

/* Any bytes are taken, and a line stays a line. */
static void any_bytes(void **state)
{
    (void)state;
    struct lab_session s;
    uint32_t seed = 1;
    lab_session_init(&s);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[2][64];
        size_t n[2];
        for (int k = 0; k < 2; k++) {
            seed = seed * 1103515245u + 12345u;
            n[k] = seed >> 16 & 63;
            for (size_t i = 0; i < n[k]; i++) {
                seed = seed * 1103515245u + 12345u;
                bytes[k][i] = (uint8_t)(seed >> 16);
            }
        }
        if (n[0] > 4) { /* instructions that are known more often than by chance */
            bytes[0][0] &= 0xC3;
            bytes[0][1] = lab_commands[bytes[0][1] % lab_command_count].ins;
            bytes[0][4] = (uint8_t)(n[0] - 5);
        }
        if (n[1] > 2 && round % 3) {
            memcpy(bytes[1] + n[1] - 2, round % 2 ? "\x90\x00" : "\x61\x10", 2);
        }
        cr_buf line = {0};
        cr_buf words = {0};
        lab_exchange_text(&s, cr_span_of(bytes[0], n[0]), cr_span_of(bytes[1], n[1]), &line);
        lab_answer_text(&s, cr_span_of(bytes[0], n[0]), cr_span_of(bytes[1], n[1]), &words);
        assert_true(line.n > 0 && line.n < 2000);
        assert_null(memchr(line.p, '\n', line.n));
        assert_null(memchr(line.p, 0x1B, line.n));
        cr_buf_free(&line);
        cr_buf_free(&words);
    }
    lab_session_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone),
        cmocka_unit_test(secrets),
        cmocka_unit_test(for_a_shell),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
