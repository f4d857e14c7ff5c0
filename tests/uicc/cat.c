/* The coding of the toolkit: known bytes in both directions, everything malformed refused. */
#include "uicc/cat.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct bytes {
    uint8_t p[600];
    size_t n;
};

static struct bytes hex(const char *text)
{
    struct bytes b = {.n = strlen(text) / 2};
    assert_true(b.n <= sizeof b.p && cr_hex_fixed(b.p, b.n, cr_span_str(text)));
    return b;
}

#define SPAN(b) cr_span_of((b).p, (b).n)

static void assert_hex(cr_buf *b, const char *expected)
{
    char text[1300];
    assert_true(cr_buf_ok(b));
    assert_string_equal(cr_hex_into(text, sizeof text, cr_buf_span(b)), expected);
    cr_buf_free(b);
}

/* --- proactive commands ------------------------------------------------------------------------
 */

static void known_commands(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint8_t number, type, qualifier, target;
    } known[] = {
        {"D009810301010482028182", 1, CAT_REFRESH, CAT_REFRESH_UICC_RESET, 0x82},
        {"D009810305410082028121", 5, CAT_CLOSE_CHANNEL, 0, 0x21},
        {"D00E810301050082028182990303090A", 1, CAT_SET_UP_EVENT_LIST, 0, 0x82},
        {"D00C8103034200820281213701ED", 3, CAT_RECEIVE_DATA, 0, 0x21},
        {"D01C810301400182028182350103390205003C030220FB3E0521C000020A", 1, CAT_OPEN_CHANNEL, 1,
         0x82},
    };
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        struct bytes b = hex(known[i].hex);
        struct cat_command c;
        assert_int_equal(cat_command_read(SPAN(b), &c, NULL), CR_OK);
        assert_int_equal(c.number, known[i].number);
        assert_int_equal(c.type, known[i].type);
        assert_int_equal(c.qualifier, known[i].qualifier);
        assert_int_equal(c.source, CAT_DEVICE_UICC);
        assert_int_equal(c.target, known[i].target);
        assert_int_equal(c.tlvs.n, b.n - 2);

        /* and back: the head as built, the rest as it was */
        cr_buf out = {0};
        size_t mark = cat_command_begin(&out, &c);
        assert_int_equal(out.n, 11);
        cr_buf_append(&out, b.p + 11, b.n - 11);
        cat_end(&out, mark);
        assert_hex(&out, known[i].hex);
    }
}

static void wrong_commands(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "D0",
        "D000",
        "D103810100",
        "D007810301010482",         /* TLV cut off */
        "D00981030101048202",       /* shorter than it says */
        "D00981030101048202818200", /* trailing byte */
        "D008810201018202818200",   /* details of two bytes */
        "D00A81040101040082028182", /* of four */
        "D006810301010481",         /* no device identities */
        "D0058103010104",
        "D0088103010104820181", /* devices of one byte */
        "D00482028182",         /* no details */
        "D0800000",             /* indefinite length */
        "D08400000009810301010482028182",
        "D00A00810301010482028182", /* tag 00 */
        "D00A810301010482028182FF",
        "D00A8103010104820281827F",
        "D082000981030101048202818200",
    };
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct bytes b = hex(wrong[i]);
        struct cat_command c = {.number = 99};
        struct cr_err err = {0};
        assert_int_equal(cat_command_read(SPAN(b), &c, &err), CR_MALFORMED);
        assert_int_equal(c.number, 99);
        assert_true(err.cause[0] != 0);
    }
    /* each truncation of a good one */
    struct bytes good = hex("D00E810301050082028182990303090A");
    for (size_t n = 0; n < good.n; n++) {
        struct cat_command c;
        assert_int_equal(cat_command_read(cr_span_of(good.p, n), &c, NULL), CR_MALFORMED);
    }
    /* 64 TLVs are taken, 65 are not */
    for (size_t more = 62; more <= 63; more++) {
        cr_buf b = {0};
        struct cat_command c;
        size_t mark = cat_command_begin(&b, &(struct cat_command){.type = CAT_SET_UP_MENU});
        for (size_t i = 0; i < more; i++) {
            cat_put(&b, CAT_TAG_ITEM, cr_span_of("", 0));
        }
        cat_end(&b, mark);
        assert_int_equal(cat_command_read(cr_buf_span(&b), &c, NULL),
                         more == 62 ? CR_OK : CR_MALFORMED);
        cr_buf_free(&b);
    }
}

static void lengths(void **state)
{
    (void)state;
    uint8_t data[300] = {0};
    /* up to 127 one byte, above it 81 */
    for (size_t n = 113; n <= 114; n++) {
        cr_buf b = {0};
        size_t mark = cat_command_begin(&b, &(struct cat_command){.type = CAT_SEND_DATA});
        cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(data, n + 3));
        cat_end(&b, mark);
        assert_true(cr_buf_ok(&b));
        assert_int_equal(b.p[1], n == 113 ? 127 : 0x81);
        struct cat_command c;
        cr_span value;
        assert_int_equal(cat_command_read(cr_buf_span(&b), &c, NULL), CR_OK);
        assert_true(cat_find(c.tlvs, CAT_TAG_CHANNEL_DATA, &value));
        assert_int_equal(value.n, n + 3);
        cr_buf_free(&b);
    }
    /* the largest SEND DATA has 255 bytes in all */
    cr_buf b = {0};
    size_t mark = cat_command_begin(&b, &(struct cat_command){.type = CAT_SEND_DATA});
    cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(data, CAT_MAX_SEND));
    cat_end(&b, mark);
    assert_true(cr_buf_ok(&b));
    assert_int_equal(b.n, 255);
    cr_buf_free(&b);
    /* contents above 255 bytes have no way */
    mark = cat_command_begin(&b, &(struct cat_command){.type = CAT_SEND_DATA});
    cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(data, 250));
    cat_end(&b, mark);
    assert_false(cr_buf_ok(&b));
    cr_buf_free(&b);
    /* the largest answer to RECEIVE DATA that Lc can say */
    cat_response_begin(&b, &(struct cat_command){.type = CAT_RECEIVE_DATA}, 0, (cr_span){0});
    cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(data, CAT_MAX_RECEIVE));
    cat_put_byte(&b, CAT_TAG_CHANNEL_DATA_LENGTH, 0xFF);
    assert_int_equal(b.n, CAT_MAX_DATA);
    cr_buf_free(&b);
    /* three length bytes; not minimal */
    struct cat_tlv tlv;
    struct bytes in = hex("368300000241420D8102410D");
    cr_span rest = SPAN(in);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_OK);
    assert_int_equal(tlv.value.n, 2);
    assert_int_equal(tlv.all.n, 7);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_OK);
    assert_int_equal(tlv.tag, CAT_TAG_TEXT);
    assert_int_equal(tlv.value.n, 2);
    assert_int_equal(rest.n, 0);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_MALFORMED);
    in = hex("82000100368480");
    rest = cr_span_sub(SPAN(in), 4, 3);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_MALFORMED); /* 84 */
}

static void tags(void **state)
{
    (void)state;
    struct bytes in = hex("B601417F923401427F12340143360144");
    cr_span rest = SPAN(in), value;
    struct cat_tlv tlv;
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_OK);
    assert_int_equal(tlv.tag, CAT_TAG_CHANNEL_DATA);
    assert_true(tlv.comprehension);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_OK);
    assert_int_equal(tlv.tag, 0x1234);
    assert_true(tlv.comprehension);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_OK);
    assert_int_equal(tlv.tag, 0x1234);
    assert_false(tlv.comprehension);
    assert_true(cat_find(SPAN(in), CAT_TAG_CHANNEL_DATA, &value));
    assert_int_equal(value.p[0], 0x41);
    assert_true(cat_find_next(SPAN(in), CAT_TAG_CHANNEL_DATA, value, &value));
    assert_int_equal(value.p[0], 0x44);
    assert_false(cat_find_next(SPAN(in), CAT_TAG_CHANNEL_DATA, value, &value));
    assert_false(cat_find(SPAN(in), CAT_TAG_TEXT, &value));
    struct bytes cut = hex("7F12");
    rest = SPAN(cut);
    assert_int_equal(cat_next(&rest, &tlv, NULL), CR_MALFORMED);
    uint8_t byte;
    struct bytes two = hex("37020102");
    assert_false(cat_find_byte(SPAN(two), CAT_TAG_CHANNEL_DATA_LENGTH, &byte));
}

/* The forms of a length, by the size of the value. */
static void length_forms(void **state)
{
    (void)state;
    static const struct {
        size_t n, header;
        uint8_t first, second, third;
    } forms[] = {{0x7F, 2, 0x7F, 0, 0},
                 {0x80, 3, 0x81, 0x80, 0},
                 {0xFF, 3, 0x81, 0xFF, 0},
                 {0x100, 4, 0x82, 0x01, 0x00},
                 {0xFFFF, 4, 0x82, 0xFF, 0xFF}};
    uint8_t *data = calloc(1, 0x10000);
    assert_non_null(data);
    for (size_t i = 0; i < CR_COUNT(forms); i++) {
        cr_buf b = {0};
        struct cat_tlv tlv;
        cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(data, forms[i].n));
        assert_true(cr_buf_ok(&b));
        assert_int_equal(b.n, forms[i].header + forms[i].n);
        assert_int_equal(b.p[1], forms[i].first);
        assert_true(forms[i].header < 3 || b.p[2] == forms[i].second);
        assert_true(forms[i].header < 4 || b.p[3] == forms[i].third);
        cr_span in = cr_buf_span(&b);
        assert_int_equal(cat_next(&in, &tlv, NULL), CR_OK);
        assert_int_equal(tlv.value.n, forms[i].n);
        assert_int_equal(in.n, 0);
        cr_buf_free(&b);
    }
    cr_buf b = {0};
    cat_put(&b, CAT_TAG_CHANNEL_DATA, cr_span_of(data, 0x10000));
    assert_false(cr_buf_ok(&b));
    cr_buf_free(&b);
    /* an outer TLV ends at 255 bytes of contents */
    for (size_t n = 255; n <= 256; n++) {
        size_t mark = cat_envelope_begin(&b, CAT_EVENT_DOWNLOAD);
        cr_buf_append(&b, data, n);
        cat_end(&b, mark);
        assert_int_equal(cr_buf_ok(&b), n == 255);
        assert_true(n != 255 || (b.p[1] == 0x81 && b.p[2] == 0xFF && b.n == 258));
        cr_buf_free(&b);
    }
    free(data);
    static const char *const wrong[] = {"3680", "368000", "3681", "36820001", "368400000000"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct bytes in = hex(wrong[i]);
        cr_span rest = SPAN(in);
        struct cat_tlv tlv;
        assert_int_equal(cat_next(&rest, &tlv, NULL), CR_MALFORMED);
        assert_int_equal(rest.n, in.n);
    }
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void responses(void **state)
{
    (void)state;
    /* OPEN CHANNEL of the complete download */
    struct bytes in = hex("8103014001820282810301003802810035010339020500");
    struct cat_response r;
    struct cat_channel_status status;
    cr_span value;
    assert_int_equal(cat_response_read(SPAN(in), &r, NULL), CR_OK);
    assert_int_equal(r.number, 1);
    assert_int_equal(r.type, CAT_OPEN_CHANNEL);
    assert_int_equal(r.qualifier, 1);
    assert_int_equal(r.result, CAT_RESULT_OK);
    assert_int_equal(r.info.n, 0);
    assert_true(cat_find(r.tlvs, CAT_TAG_CHANNEL_STATUS, &value));
    assert_true(cat_channel_status_read(value, &status));
    assert_int_equal(status.channel, 1);
    assert_true(status.up);
    /* and made */
    cr_buf b = {0};
    static const uint8_t channel[] = {0x81, 0x00}, bearer = 0x03, size[] = {0x05, 0x00};
    cat_response_begin(&b,
                       &(struct cat_command){.number = 1, .type = CAT_OPEN_CHANNEL, .qualifier = 1},
                       CAT_RESULT_OK, (cr_span){0});
    cat_put(&b, CAT_TAG_CHANNEL_STATUS, CR_SPAN_ARRAY(channel));
    cat_put(&b, CAT_TAG_BEARER, cr_span_of(&bearer, 1));
    cat_put(&b, CAT_TAG_BUFFER_SIZE, CR_SPAN_ARRAY(size));
    assert_hex(&b, "8103014001820282810301003802810035010339020500");

    in = hex("010302440083023A03");
    assert_int_equal(cat_response_read(SPAN(in), &r, NULL), CR_OK);
    assert_int_equal(r.result, CAT_RESULT_BIP);
    assert_int_equal(r.info.n, 1);
    assert_int_equal(r.info.p[0], CAT_BIP_WRONG_CHANNEL);

    static const char *const wrong[] = {"",
                                        "81030140",
                                        "8103014001",             /* no result */
                                        "8103014001820282818300", /* empty */
                                        "82028281830100",         /* no details */
                                        "81020140830100",
                                        "8103014001830100FF",
                                        "8103014001830200"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        in = hex(wrong[i]);
        assert_int_equal(cat_response_read(SPAN(in), &r, NULL), CR_MALFORMED);
    }
    for (unsigned v = 0; v <= 0xFF; v++) {
        assert_int_equal(cat_result_success((uint8_t)v), v < 0x10);
        assert_int_equal(cat_result_busy((uint8_t)v), v == 0x20 || v == 0x21);
    }
}

static void envelopes(void **state)
{
    (void)state;
    cr_buf b = {0};
    uint8_t event = 0xFF;
    struct cat_envelope e;
    static const uint8_t status[] = {0x81, 0x00}, dropped[] = {0x01, 0x05},
                         location[] = {0x9B, 1, 2};
    cat_envelope_data_available(&b, status, 0xFF);
    assert_int_equal(cat_envelope_read(cr_buf_span(&b), &e, NULL), CR_OK);
    assert_int_equal(e.tag, CAT_EVENT_DOWNLOAD);
    assert_int_equal(e.source, CAT_DEVICE_TERMINAL);
    assert_int_equal(e.target, CAT_DEVICE_UICC);
    assert_true(cat_envelope_event_of(&e, &event));
    assert_int_equal(event, CAT_EVENT_DATA_AVAILABLE);
    assert_hex(&b, "D60E99010982028281B8028100B701FF");
    cat_envelope_channel_status(&b, dropped);
    assert_hex(&b, "D60B99010A82028281B8020105");
    cat_envelope_event(&b, CAT_EVENT_LOCATION_STATUS, CAT_DEVICE_TERMINAL, CR_SPAN_ARRAY(location));
    assert_hex(&b, "D60A990103820282819B0102");
    cat_envelope_timer(&b, 3, 3723);
    assert_hex(&b, "D70C82028281A40103A503102030");
    cat_envelope_menu(&b, 0x80);
    assert_hex(&b, "D30782020181900180");
    static const uint8_t smsc[] = {0x91, 0x21, 0x43}, tpdu[] = {0x40, 0x05};
    cat_envelope_sms_pp(&b, CR_SPAN_ARRAY(smsc), CR_SPAN_ARRAY(tpdu));
    assert_hex(&b, "D10D8202838106039121438B024005");
    cat_envelope_sms_pp(&b, (cr_span){0}, CR_SPAN_ARRAY(tpdu));
    assert_hex(&b, "D108820283818B024005");

    static const char *const wrong[] = {"",         "D6",          "D600FF",   "D00481028182",
                                        "CF00",     "D60182",      "D6020102", "D68201",
                                        "D6040103", "D60400000000"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct bytes in = hex(wrong[i]);
        assert_int_equal(cat_envelope_read(SPAN(in), &e, NULL), CR_MALFORMED);
    }
    static const char *const no_event[] = {"D600", "D703990103"};
    for (size_t i = 0; i < CR_COUNT(no_event); i++) {
        struct bytes in = hex(no_event[i]);
        assert_int_equal(cat_envelope_read(SPAN(in), &e, NULL), CR_OK);
        assert_false(cat_envelope_event_of(&e, &event));
    }
    struct bytes two = hex("D6049902030A");
    assert_int_equal(cat_envelope_read(SPAN(two), &e, NULL), CR_OK);
    assert_false(cat_envelope_event_of(&e, &event));
}

/* --- values ------------------------------------------------------------------------------------
 */

static void times(void **state)
{
    (void)state;
    static const struct {
        uint32_t seconds;
        uint8_t bytes[3];
    } known[] = {{0, {0x00, 0x00, 0x00}},     {1, {0x00, 0x00, 0x10}},
                 {30, {0x00, 0x00, 0x03}},    {1800, {0x00, 0x03, 0x00}},
                 {45296, {0x21, 0x43, 0x65}}, {86399, {0x32, 0x95, 0x95}}};
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        uint8_t out[3];
        uint32_t back = 1;
        cat_timer_write(out, known[i].seconds);
        assert_memory_equal(out, known[i].bytes, 3);
        assert_true(cat_timer_read(CR_SPAN_ARRAY(out), &back));
        assert_int_equal(back, known[i].seconds);
    }
    uint8_t out[3];
    cat_timer_write(out, 1000000);
    assert_int_equal(out[0], 0x32);
    static const char *const wrong[] = {"",       "0000",   "00000000", "420000", "000600",
                                        "000006", "0A0000", "A00000",   "00F000"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct bytes in = hex(wrong[i]);
        uint32_t s;
        assert_false(cat_timer_read(SPAN(in), &s));
    }
    static const struct {
        uint32_t seconds;
        uint8_t unit, count;
    } durations[] = {{1, 1, 1},   {30, 1, 30}, {255, 1, 255},   {256, 0, 5},
                     {300, 0, 5}, {301, 0, 6}, {15300, 0, 255}, {100000, 0, 255}};
    for (size_t i = 0; i < CR_COUNT(durations); i++) {
        uint8_t d[2];
        cat_duration_write(d, durations[i].seconds);
        assert_int_equal(d[0], durations[i].unit);
        assert_int_equal(d[1], durations[i].count);
    }
    uint32_t tenths;
    struct bytes d = hex("0205");
    assert_true(cat_duration_read(SPAN(d), &tenths));
    assert_int_equal(tenths, 5);
    d = hex("0001");
    assert_true(cat_duration_read(SPAN(d), &tenths));
    assert_int_equal(tenths, 600);
    static const char *const no_duration[] = {"", "01", "0301", "0100", "010101"};
    for (size_t i = 0; i < CR_COUNT(no_duration); i++) {
        d = hex(no_duration[i]);
        assert_false(cat_duration_read(SPAN(d), &tenths));
    }
}

static void access_names(void **state)
{
    (void)state;
    cr_buf b = {0};
    char name[CAT_MAX_NAN + 1];
    assert_int_equal(cat_nan_write(&b, cr_span_str("iot.example"), NULL), CR_OK);
    assert_true(cat_nan_read(cr_buf_span(&b), name));
    assert_string_equal(name, "iot.example");
    assert_hex(&b, "03696F74076578616D706C65");
    char longest[CAT_MAX_NAN + 2];
    memset(longest, 'a', sizeof longest);
    longest[63] = '.';
    longest[99] = 0;
    assert_int_equal(cat_nan_write(&b, cr_span_str(longest), NULL), CR_OK);
    assert_true(cat_nan_read(cr_buf_span(&b), name));
    cr_buf_free(&b);
    static const char *const wrong[] = {"", ".", "a.", ".a", "a..b"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        assert_int_equal(cat_nan_write(&b, cr_span_str(wrong[i]), NULL), CR_REFUSED);
    }
    longest[99] = 'a';
    longest[100] = 0;
    assert_int_equal(cat_nan_write(&b, cr_span_str(longest), NULL), CR_REFUSED);
    memset(longest, 'a', 64);
    longest[64] = 0;
    assert_int_equal(cat_nan_write(&b, cr_span_str(longest), NULL), CR_REFUSED);
    static const char *const bad[] = {"", "00", "0261", "016100", "4061", "0100"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct bytes in = hex(bad[i]);
        assert_false(cat_nan_read(SPAN(in), name));
    }
    cr_buf_free(&b);
}

static void channels(void **state)
{
    (void)state;
    struct cat_channel c;
    cr_buf b = {0};
    /* as in a push SMS, an OPEN CHANNEL and the parameters of a profile */
    struct bytes in = hex("350103390205003C030220FB47030261620D030475310D030470323E0521C000020A");
    assert_int_equal(cat_channel_read(SPAN(in), &c, NULL), CR_OK);
    assert_int_equal(c.bearer.n, 1);
    assert_int_equal(c.buffer_size, 0x0500);
    assert_int_equal(c.transport, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(c.port, 8443);
    assert_int_equal(c.nan.n, 3);
    assert_int_equal(c.login.p[2], '1');
    assert_int_equal(c.password.p[2], '2');
    assert_int_equal(c.address.n, 5);
    assert_false(cr_span_present(c.local_address));
    /* the order of OPEN CHANNEL, local address before the transport */
    cat_channel_put(&b, &c);
    assert_hex(&b, "3501033902050047030261620D030475310D030470323C030220FB3E0521C000020A");
    in = hex("3E003C030100353E115720010DB8000000000000000000000001");
    assert_int_equal(cat_channel_read(SPAN(in), &c, NULL), CR_OK);
    assert_true(cr_span_present(c.local_address));
    assert_int_equal(c.local_address.n, 0);
    assert_int_equal(c.address.n, 17);
    cat_channel_put(&b, &c);
    assert_hex(&b, "3E003C030100353E115720010DB8000000000000000000000001");
    /* the only address is the destination, wherever it stands */
    in = hex("3E0521C000020A3C03010035");
    assert_int_equal(cat_channel_read(SPAN(in), &c, NULL), CR_OK);
    assert_int_equal(c.address.n, 5);
    assert_false(cr_span_present(c.local_address));
    /* of several servers the first */
    in = hex("3C030100353E0521C00002013E0521C0000202");
    assert_int_equal(cat_channel_read(SPAN(in), &c, NULL), CR_OK);
    assert_int_equal(c.address.p[4], 1);
    in = hex("0503414243350103");
    assert_int_equal(cat_channel_read(SPAN(in), &c, NULL), CR_OK);
    assert_int_equal(c.alpha.n, 3);
    cat_channel_put(&b, &c);
    assert_hex(&b, "0503414243350103");
    uint8_t name[CAT_MAX_NAN + 1] = {0};
    for (size_t n = CAT_MAX_NAN; n <= CAT_MAX_NAN + 1; n++) {
        cat_put(&b, CAT_TAG_NETWORK_ACCESS_NAME, cr_span_of(name, n));
        assert_int_equal(cat_channel_read(cr_buf_span(&b), &c, NULL),
                         n == CAT_MAX_NAN ? CR_OK : CR_MALFORMED);
        cr_buf_free(&b);
    }
    /* a password without a login must not become one */
    static const uint8_t secret[] = {0x04, 'x'};
    cat_channel_put(&b, &(struct cat_channel){.password = CR_SPAN_ARRAY(secret)});
    assert_hex(&b, "0D000D020478");
    static const char *const wrong[] = {
        "3500",   "390105",         "3903050000", "3C020220",         "3C030020FB", "3E0421C00002",
        "3E0521", "3E0557C000020A", "3E0122",     "3E065720010DB800", "00"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        in = hex(wrong[i]);
        c.port = 1;
        assert_int_equal(cat_channel_read(SPAN(in), &c, NULL), CR_MALFORMED);
        assert_int_equal(c.port, 1);
    }
    struct cat_channel_status s = {.channel = 7, .up = true, .info = 0};
    uint8_t status[2];
    cat_channel_status_write(status, &s);
    assert_int_equal(status[0], 0x87);
    assert_false(cat_channel_status_read(cr_span_of(status, 1), &s));
    assert_false(cat_channel_status_read((cr_span){0}, &s));
}

/* --- names and profiles ------------------------------------------------------------------------
 */

static void names(void **state)
{
    (void)state;
    assert_string_equal(cat_command_name(0x26), "PROVIDE LOCAL INFORMATION");
    assert_string_equal(cat_command_name(0x43), "SEND DATA");
    assert_null(cat_command_name(0x99));
    assert_string_equal(cat_qualifier_name(CAT_REFRESH, 0x09), "eUICC profile state change");
    assert_null(cat_qualifier_name(CAT_REFRESH, 0x0B));
    assert_null(cat_qualifier_name(CAT_REFRESH, 0xFFFF));
    assert_null(cat_qualifier_name(CAT_MORE_TIME, 0));
    assert_string_equal(cat_tag_name(0x82), "Device identities");
    assert_string_equal(cat_tag_name(0x39), "Buffer size");
    assert_null(cat_tag_name(0x5F));
    assert_null(cat_tag_name(0x1234));
    assert_string_equal(cat_outer_name(0xD6), "event download");
    assert_null(cat_outer_name(0xE0));
    assert_string_equal(cat_device_name(0x27), "channel 7");
    assert_null(cat_device_name(0x28));
    assert_string_equal(cat_event_name(3), "location status");
    assert_null(cat_event_name(0x1F));
    assert_string_equal(cat_result_name(0x3A), "Bearer Independent Protocol error");
    assert_null(cat_result_name(0x0A));
    assert_string_equal(cat_result_info_name(0x3A, 0x07), "remote device is not reachable");
    assert_null(cat_result_info_name(0x21, 0x07));
    assert_string_equal(cat_profile_name(2), "SMS-PP data download");
    assert_string_equal(cat_profile_name(24), "REFRESH");
    assert_string_equal(cat_profile_name(43), "data available");
    assert_string_equal(cat_profile_name(93), "GET CHANNEL STATUS");
    assert_string_equal(cat_profile_name(130), "UDP client");
    assert_null(cat_profile_name(0));
    assert_null(cat_profile_name(81));
}

/* Each bit that the on-card sheet of SGP.02 needs offers what it is said to. */
static void profile_bits(void **state)
{
    (void)state;
    static const struct {
        unsigned bit;
        uint8_t type, qualifier;
    } offers[] = {
        {24, CAT_REFRESH, 0x04},
        {24, CAT_REFRESH, 0x00},
        {26, CAT_SEND_SHORT_MESSAGE, 0},
        {31, CAT_PROVIDE_LOCAL_INFORMATION, 0x00},
        {31, CAT_PROVIDE_LOCAL_INFORMATION, 0x01},
        {72, CAT_PROVIDE_LOCAL_INFORMATION, 0x06},
        {33, CAT_SET_UP_EVENT_LIST, 0},
        {57, CAT_TIMER_MANAGEMENT, 0x00},
        {57, CAT_TIMER_MANAGEMENT, 0x01},
        {58, CAT_TIMER_MANAGEMENT, 0x02},
        {89, CAT_OPEN_CHANNEL, 0x01},
        {90, CAT_CLOSE_CHANNEL, 0},
        {91, CAT_RECEIVE_DATA, 0},
        {92, CAT_SEND_DATA, 0x01},
        {93, CAT_GET_CHANNEL_STATUS, 0},
        {270, CAT_REFRESH, 0x09},
        {20, CAT_MORE_TIME, 0},
        {22, CAT_POLL_INTERVAL, 0},
        {23, CAT_POLLING_OFF, 0},
        {17, CAT_DISPLAY_TEXT, 0x81},
    };
    uint8_t profile[36];
    for (size_t i = 0; i < CR_COUNT(offers); i++) {
        memset(profile, 0, sizeof profile);
        assert_false(
            cat_profile_offers(CR_SPAN_ARRAY(profile), offers[i].type, offers[i].qualifier));
        cat_profile_set(profile, sizeof profile, offers[i].bit);
        assert_true(
            cat_profile_offers(CR_SPAN_ARRAY(profile), offers[i].type, offers[i].qualifier));
        memset(profile, 0xFF, sizeof profile);
        profile[(offers[i].bit - 1) / 8] = (uint8_t) ~(1U << (offers[i].bit - 1) % 8);
        assert_false(
            cat_profile_offers(CR_SPAN_ARRAY(profile), offers[i].type, offers[i].qualifier));
    }
    static const struct {
        unsigned bit, event;
    } event_bits[] = {{37, CAT_EVENT_LOCATION_STATUS},
                      {43, CAT_EVENT_DATA_AVAILABLE},
                      {44, CAT_EVENT_CHANNEL_STATUS},
                      {45, CAT_EVENT_ACCESS_TECHNOLOGY},
                      {197, CAT_EVENT_NETWORK_REJECTION}};
    for (size_t i = 0; i < CR_COUNT(event_bits); i++) {
        memset(profile, 0, sizeof profile);
        assert_false(cat_profile_offers_event(CR_SPAN_ARRAY(profile), event_bits[i].event));
        cat_profile_set(profile, sizeof profile, event_bits[i].bit);
        assert_true(cat_profile_offers_event(CR_SPAN_ARRAY(profile), event_bits[i].event));
    }
    assert_false(cat_profile_offers_event(CR_SPAN_ARRAY(profile), 0x1F));
    memset(profile, 0, sizeof profile);
    cat_profile_set(profile, sizeof profile, CAT_PROFILE_TCP_CLIENT);
    assert_true(cat_profile_offers_transport(CR_SPAN_ARRAY(profile), CAT_TRANSPORT_TCP_CLIENT));
    assert_false(cat_profile_offers_transport(CR_SPAN_ARRAY(profile), CAT_TRANSPORT_UDP_CLIENT));
    assert_false(cat_profile_offers_transport(CR_SPAN_ARRAY(profile), 0x77));
    cat_profile_set(profile, sizeof profile, 0);
    cat_profile_set(profile, sizeof profile, 289);
    assert_false(cat_profile_bit(CR_SPAN_ARRAY(profile), 289));
    assert_false(cat_profile_bit(CR_SPAN_ARRAY(profile), 0));
    assert_true(cat_profile_offers((cr_span){0}, 0x99, 0)); /* no bit for that */
    assert_false(cat_profile_offers((cr_span){0}, CAT_REFRESH, 0));
}

/* --- lines -------------------------------------------------------------------------------------
 */

static void lines(void **state)
{
    (void)state;
    static const struct {
        bool (*print)(cr_buf *out, cr_span in);
        const char *hex;
        bool good;
        const char *line;
    } known[] = {
        {cat_print_command, "D009810301010482028182", true, "REFRESH #1 UICC reset"},
        {cat_print_command, "D00E810301050082028182990303090A", true,
         "SET UP EVENT LIST #1: events location status+data available+channel status"},
        {cat_print_command, "D01C810301400182028182350103390205003C030220FB3E0521C000020A", true,
         "OPEN CHANNEL #1 immediate: bearer default, buffer 1280, transport TCP port 8443, address "
         "192.0.2.10"},

        {cat_print_command, "D01A8103014001820281820D030441420D030443443C030100353E00", true,
         "OPEN CHANNEL #1 immediate: text not shown, text not shown, transport UDP port 53, "
         "address "
         "dynamic"},
        {cat_print_command, "D00C8103034200820281213701ED", true,
         "RECEIVE DATA #3 to channel 1: length 237"},
        {cat_print_command, "D00D81030443018202812136024142", true,
         "SEND DATA #4 immediately to channel 1: data 2 bytes 4142"},
        {cat_print_command, "D00D8103012180820281028D02040A", true,
         "DISPLAY TEXT #1 wait for user to clear to display: text \"?\""},
        {cat_print_command, "D0118103012101820281028D0600C2309B9D07", true,
         "DISPLAY TEXT #1 high priority to display: text \"Bally\""},
        {cat_print_command, "D0108103012100820281028D050800480069", true,
         "DISPLAY TEXT #1 to display: text \"Hi\""},
        {cat_print_command, "D00D8103020300820281828402011E", true,
         "POLL INTERVAL #2: duration 30 s"},
        {cat_print_command, "D011810302270082028182A40101A503000300", true,
         "TIMER MANAGEMENT #2 start: timer 1, value 00:30:00"},
        {cat_print_command, "D009810307990382028182", true, "command 99 #7 qualifier 03"},
        {cat_print_command, "D0FF", false,
         "malformed proactive command (the length of the outer TLV is not that of its contents): "
         "D0FF"},
        {cat_print_response, "8103014001820282810301003802810035010339020500", true,
         "OPEN CHANNEL #1 immediate -> performed: status channel 1 up, bearer default, buffer "
         "1280"},
        {cat_print_response, "81030140018202828103023A07", true,
         "OPEN CHANNEL #1 immediate -> Bearer Independent Protocol error, remote device is not "
         "reachable"},
        {cat_print_response, "810301130082028281830135", true,
         "SEND SHORT MESSAGE #1 -> SMS RP-ERROR"},
        {cat_print_response, "8103", false,
         "malformed TERMINAL RESPONSE (the TLV with tag 01 is longer than its frame): 8103"},
        {cat_print_envelope, "D60E99010982028281B8028100B701FF", true,
         "event download: events data available, status channel 1 up, length 255 or more"},
        {cat_print_envelope, "D60B99010A82028281B8020105", true,
         "event download: events channel status, status channel 1 link dropped"},
        {cat_print_envelope, "D60A990103820282819B0102", true,
         "event download: events location status, location status no service"},
        {cat_print_envelope, "D70C82028281A40103A503102030", true,
         "timer expiration: timer 3, value 01:02:03"},
        {cat_print_envelope, "D10F820283810605912143F5F58B024005", true,
         "SMS-PP download: address +12345, TPDU 4005"},
        {cat_print_envelope, "D10D8202838106039121438B024005", true,
         "SMS-PP download: address +1234, TPDU 4005"},
        {cat_print_envelope, "E400", true, "ENVELOPE E4"},
        {cat_print_profile, "0200800201", true,
         "profile of 5 bytes: SMS-PP data download, REFRESH, SEND SHORT MESSAGE, SET UP EVENT "
         "LIST"},
        {cat_print_profile, "", false, "profile of 0 bytes"},
    };
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        struct bytes in = hex(known[i].hex);
        cr_buf out = {0};
        assert_int_equal(known[i].print(&out, SPAN(in)), known[i].good);
        const char *line = cr_buf_cstr(&out);
        assert_non_null(line);
        assert_string_equal(line, known[i].line);
        cr_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_commands), cmocka_unit_test(wrong_commands),
        cmocka_unit_test(length_forms),   cmocka_unit_test(lengths),
        cmocka_unit_test(tags),           cmocka_unit_test(responses),
        cmocka_unit_test(envelopes),      cmocka_unit_test(times),
        cmocka_unit_test(access_names),   cmocka_unit_test(channels),
        cmocka_unit_test(names),          cmocka_unit_test(profile_bits),
        cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
