/*
 * The generic test profile of GSMA TS.48, installed through the interpreter: its operator's server
 * reads and changes files by secured packets with both of its key versions, and manages its domain.
 */
#include "../euicc/fake_server.h"

#include "ota/packet.h"
#include "ota/script.h"
#include "ota/sms.h"
#include "uicc/cat.h"

#define IMSI "080910101032547698"

static struct bed *with_profile(void)
{
    static const uint8_t iccid[] = {0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14};
    cr_buf upp = {0};
    bed_ts48(BED_TS48_BER, &upp);
    struct fake_server *s = fake_new(CRYPTO_P256);
    s->upp = cr_buf_span(&upp);
    s->metadata.iccid = CR_SPAN_ARRAY(iccid);
    s->metadata.profile_class = RSP_CLASS_TEST;
    struct bed *bed = bed_new();
    struct rsp_profile_installation_result result = fake_download(s, bed);
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(bed, CR_SPAN_ARRAY(iccid), false), RSP_PROFILE_OK);
    fake_free(s);
    cr_buf_free(&upp);
    return bed;
}

/* One message to the card: its answer's status word, response data in bed->out. */
static cr_status send_segment(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                              struct cr_err *err)
{
    struct bed *bed = ctx;
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = true,
                         .pid = SMS_PID_USIM_DOWNLOAD,
                         .dcs = SMS_DCS_8BIT_CLASS2,
                         .time = {.year = 26, .month = 11, .day = 29},
                         .ud = ud};
    cr_buf tpdu = {0}, data = {0}, apdu = {0};
    (void)number;
    (void)count;
    MUST(sms_address_parse(cr_span_str("12345678"), &t.address, err) == CR_OK);
    MUST(sms_encode(&t, &tpdu, err) == CR_OK);
    cat_envelope_sms_pp(&data, (cr_span){0}, cr_buf_span(&tpdu));
    cr_buf_append(&apdu, "\x80\xC2\x00\x00", 4);
    cr_buf_append_byte(&apdu, (uint8_t)data.n);
    cr_buf_append_span(&apdu, cr_buf_span(&data));
    assert_int_equal(bed_apdu(bed, cr_buf_span(&apdu)), 0x9000);
    cr_buf_free(&tpdu);
    cr_buf_free(&data);
    cr_buf_free(&apdu);
    return CR_OK;
}

/* SPI 1619 with keys 00..0F of this version. Expects a PoR with status 00 and this data. */
static void remote(struct bed *bed, uint8_t version, const char *tar, const char *script,
                   const char *expected)
{
    static uint64_t counter;
    uint8_t name = version == 1 ? 0x15 : 0x22, bytes[256];
    struct ota_key key = {.algorithm = version == 1 ? OTA_3DES_2 : OTA_AES, .n = 16};
    struct ota_keys keys = {.kic = &key, .kid = &key};
    struct ota_command_fields fields = {
        .spi = {0x16, 0x19}, .kic = name, .kid = name, .counter = ++counter};
    struct ota_response_fields back = {
        .spi = {0x16, 0x19}, .kic = name, .kid = name, .counter = counter};
    struct ota_response response;
    struct cr_err err = {0};
    cr_buf packet = {0}, scratch = {.secret = true};
    char hex[600];
    for (uint8_t i = 0; i < 16; i++) {
        key.value[i] = i;
    }
    MUST(cr_hex_fixed(fields.tar, 3, cr_span_str(tar)));
    memcpy(back.tar, fields.tar, 3);
    MUST(cr_hex_fixed(bytes, strlen(script) / 2, cr_span_str(script)));
    MUST_OK(ota_command_build(&fields, keys, cr_span_of(bytes, strlen(script) / 2), &packet, &err));
    struct sms_cut cut = {.packet = SMS_IEI_COMMAND_PACKET, .max_segments = 10};
    MUST_OK(sms_segment(&cut, cr_buf_span(&packet), send_segment, bed, &err));
    assert_true(bed->out.n > 3);
    assert_memory_equal(bed->out.p, "\x02\x71\x00", 3);
    MUST_OK(ota_response_open(&back, keys, false, cr_span_of(bed->out.p + 3, bed->out.n - 3),
                              &scratch, &response, &err));
    assert_int_equal(response.status, OTA_STATUS_OK);
    assert_non_null(cr_hex_into(hex, sizeof hex, response.data));
    assert_string_equal(hex, expected);
    cr_buf_free(&packet);
    cr_buf_free(&scratch);
}

static void files(void **state)
{
    (void)state;
    struct bed *bed = with_profile();
    for (uint8_t version = 1; version <= 2; version++) {
        /* EF.IMSI, then the last digit changed and back */
        remote(bed, version, "B00140",
               "AA10"
               "220700A4000C026F07"
               "220500B0000009",
               "AB14800102"
               "23029000"
               "230B" IMSI "9000");
        remote(bed, version, "B00140",
               "AA11"
               "220700A4000C026F07"
               "220600D600080197",
               "AB0B800102"
               "23029000"
               "23029000");
        assert_int_equal(bed_hex(bed, "00A4040C0CA0000000871002FF49FF0589"), 0x9000);
        assert_int_equal(bed_hex(bed, "00B0870009"), 0x9000);
        bed_expect(bed, "080910101032547697");
        remote(bed, version, "B00140",
               "AA11"
               "220700A4000C026F07"
               "220600D600080198",
               "AB0B800102"
               "23029000"
               "23029000");
    }
    /* the other directories: MF, ISIM, CSIM */
    remote(bed, 2, "B00120",
           "AA10"
           "220700A4000C022FE2"
           "220500B000000A",
           "AB15800102"
           "23029000"
           "230C980010325476981032149000");
    remote(bed, 2, "B00141",
           "AA09"
           "220700A4000C026F02",
           "AB07800101"
           "23029000");
    remote(bed, 1, "B00142",
           "AA09"
           "220700A4000C026F22",
           "AB07800101"
           "23029000");
    bed_free(bed);
}

static void domain(void **state)
{
    (void)state;
    struct bed *bed = with_profile();
    static const char *const tars[] = {"B20100", "000000"};
    for (size_t i = 0; i < 2; i++) {
        remote(bed, (uint8_t)(i + 1), tars[i],
               "AA0A"
               "220880F2800002"
               "4F0000",
               "AB12800101"
               "230D"
               "08A0000001510000000F82"
               "9000");
    }
    /* on a channel: FCI, keys, and that its keys for packets open no session */
    assert_int_equal(bed_hex(bed, "00A4040008A00000015100000000"), 0x9000);
    assert_int_equal(bed_hex(bed, "80CA00E000"), 0x9000);
    bed_expect(bed, "E024C00401018010C00402018010C00403018010C00401028810C00402028810C00403028810");
    assert_int_equal(bed_hex(bed, "8050010008000102030405060700"), 0x6A88);
    assert_int_equal(bed_hex(bed, "80F28000024F0000"), 0x6982);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(domain),
    };
    return cmocka_run_group_tests_name("gp/ts48", tests, NULL, NULL);
}
