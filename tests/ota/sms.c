/*
 * Short messages: TPDUs of the specifications' examples in both directions, addresses, headers,
 * segments in every order, and each way to break them.
 */
#include "ota/sms.h"

#include "../crypto/vector.h"

/* ---- TPDUs ---- */

#define PACKET                                                                                     \
    "003815163912120000017E919C74AB0F64418FC57B7A00FD7B6ED49846954E687C485E964C9E42FC5AABC8477544" \
    "555A2033E7378A2F3C6C33FF"
#define POR_PACKET "002412000001EF199DC12FB02C40F83C991B1F72E2C1983C7768AD4FCF5B8CB60062F12D02A9"

static const struct tpdu_vector {
    enum sms_way way;
    const char *tpdu, *ud, *text;
    struct sms_tpdu want;
} tpdus[] = {
    {SMS_TO_CARD,
     "400881214365877FF6628060210000003D027000" PACKET,
     "027000" PACKET,
     NULL,
     {.type = SMS_DELIVER,
      .more_to_send = true,
      .has_header = true,
      .address = {0x81, "12345678"},
      .pid = 0x7F,
      .dcs = 0xF6,
      .time = {26, 8, 6, 12, 0, 0, 0},
      .udl = 0x3D}},
    {SMS_FROM_CARD,
     "41010881214365877FF629027100" POR_PACKET,
     "027100" POR_PACKET,
     NULL,
     {.type = SMS_SUBMIT,
      .has_header = true,
      .reference = 1,
      .address = {0x81, "12345678"},
      .pid = 0x7F,
      .dcs = 0xF6,
      .udl = 0x29}},
    /* A text: "hellohello", from +27838890001, of a well known description of the PDU mode. */
    {SMS_TO_CARD,
     "040B917238880900F10000993092516195800AE8329BFD4697D9EC37",
     "E8329BFD4697D9EC37",
     "hellohello",
     {.type = SMS_DELIVER,
      .address = {0x91, "27838890001"},
      .time = {99, 3, 29, 15, 16, 59, 8},
      .udl = 10}},
    {SMS_FROM_CARD,
     "11000B916407281553F80000AA0AE8329BFD4697D9EC37",
     "E8329BFD4697D9EC37",
     "hellohello",
     {.type = SMS_SUBMIT,
      .validity = SMS_VP_RELATIVE,
      .vp = {0xAA},
      .address = {0x91, "46708251358"},
      .udl = 10}},
    /* From an alphanumeric sender, five hours west of Greenwich, half a surrogate in it. */
    {SMS_TO_CARD,
     "040DD0E737BC3A7F8F01000862806021000"
     "00A"
     "0600480069D83D",
     "00480069D83D",
     "Hi\xEF\xBF\xBD",
     {.type = SMS_DELIVER,
      .address = {0xD0, "gopUsoc"},
      .dcs = 8,
      .time = {26, 8, 6, 12, 0, 0, -20},
      .udl = 6}},
    {SMS_FROM_CARD, "0000", NULL, NULL, {.type = SMS_DELIVER_REPORT_ACK}},
    {SMS_FROM_CARD,
     "40077FF606027100010203",
     "027100010203",
     NULL,
     {.type = SMS_DELIVER_REPORT_ACK,
      .has_header = true,
      .has_pid = true,
      .has_dcs = true,
      .has_ud = true,
      .pid = 0x7F,
      .dcs = 0xF6,
      .udl = 6}},
    {SMS_FROM_CARD_ERROR,
     "40D506F603027100",
     "027100",
     NULL,
     {.type = SMS_DELIVER_REPORT_ERROR,
      .has_header = true,
      .cause = SMS_FCS_SIM_ERROR,
      .has_dcs = true,
      .has_ud = true,
      .dcs = 0xF6,
      .udl = 3}},
};

static void assert_tpdu(const struct sms_tpdu *got, const struct tpdu_vector *v)
{
    const struct sms_tpdu *want = &v->want;
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->more_to_send, want->more_to_send);
    assert_int_equal(got->has_header, want->has_header);
    assert_int_equal(got->reference, want->reference);
    assert_int_equal(got->address.ton_npi, want->address.ton_npi);
    assert_string_equal(got->address.text, want->address.text);
    assert_int_equal(got->pid, want->pid);
    assert_int_equal(got->dcs, want->dcs);
    assert_int_equal(got->has_pid, want->has_pid);
    assert_int_equal(got->has_dcs, want->has_dcs);
    assert_int_equal(got->has_ud, want->has_ud);
    assert_int_equal(got->cause, want->cause);
    assert_memory_equal(&got->time, &want->time, sizeof want->time);
    assert_int_equal(got->validity, want->validity);
    assert_memory_equal(got->vp, want->vp, sizeof want->vp);
    assert_int_equal(got->udl, want->udl);
    if (v->ud) {
        assert_span(got->ud, v->ud);
    } else {
        assert_int_equal(got->ud.n, 0);
    }
}

static void test_tpdus(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(tpdus); i++) {
        const struct tpdu_vector *v = &tpdus[i];
        struct sms_tpdu t;
        cr_buf out = {0};
        assert_int_equal(sms_decode(v->way, vector(v->tpdu), &t, NULL), CR_OK);
        assert_tpdu(&t, v);
        assert_int_equal(sms_encode(&t, &out, NULL), CR_OK);
        assert_span(cr_buf_span(&out), v->tpdu);
        cr_buf_reset(&out);
        bool text = v->text != NULL;
        assert_int_equal(t.ud.n > 0 && sms_text(&t, &out), text);
        if (text) {
            assert_string_equal(cr_buf_cstr(&out), v->text);
        }
        cr_buf_free(&out);
    }
}

static void test_tpdu_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(tpdus); i++) {
        const struct tpdu_vector *v = &tpdus[i];
        cr_span good = vector(v->tpdu);
        struct sms_tpdu t = {.pid = 0x77};
        struct cr_err err;
        for (size_t n = 0; n < good.n; n++) {
            assert_int_equal(sms_decode(v->way, cr_span_sub(good, 0, n), &t, &err), CR_MALFORMED);
            assert_true(err.cause[0] != '\0');
        }
        uint8_t longer[SMS_TPDU_MAX + 1] = {0};
        memcpy(longer, good.p, good.n);
        assert_int_equal(sms_decode(v->way, cr_span_of(longer, good.n + 1), &t, NULL),
                         CR_MALFORMED);
        assert_int_equal(t.pid, 0x77);
        /* Every other type of message. */
        for (unsigned mti = 0; mti < 4; mti++) {
            for (int way = SMS_TO_CARD; way <= SMS_FROM_CARD_ERROR; way++) {
                uint8_t *bad = vector_mutable(good);
                bad[0] = (uint8_t)((bad[0] & ~3U) | mti);
                bool known = mti == 0 || (mti == 1 && way == SMS_FROM_CARD);
                cr_status status = sms_decode((enum sms_way)way, cr_span_of(bad, good.n), &t, NULL);
                if (!known) {
                    assert_int_equal(status, CR_MALFORMED);
                }
            }
        }
    }
    struct sms_tpdu t;
    static const struct {
        enum sms_way way;
        const char *tpdu;
    } bad[] = {
        {SMS_TO_CARD, "04158121436587214365872143650000628060210000000100"}, /* 21 digits */
        {SMS_TO_CARD, "0402810F00006280602100000000"}, /* filler as the first digit */
        {SMS_TO_CARD, "0401811100006280602100000000"}, /* odd count without filler */
        {SMS_TO_CARD, "0401810F00006280602100000000"}, /* filler alone */
        {SMS_TO_CARD, "040281210000A280602100000000"}, /* month or year above 9 */
        {SMS_TO_CARD, "04028121000062806021000"
                      "0A000"}, /* offset: digit above 9 */
        {SMS_TO_CARD, "0402812100046280602100000002"
                      "01"}, /* UDL longer than UD */
        {SMS_TO_CARD, "0402812100046280602100000000"
                      "01"},       /* and shorter */
        {SMS_FROM_CARD, "0001"},   /* PI without what it announces */
        {SMS_FROM_CARD, "008000"}, /* extension of PI */
        {SMS_FROM_CARD, "000000"}, /* bytes behind */
        {SMS_FROM_CARD_ERROR, "00D5"},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        if (sms_decode(bad[i].way, vector(bad[i].tpdu), &t, NULL) != CR_MALFORMED) {
            fail_msg("%s is taken", bad[i].tpdu);
        }
    }
}

/* User data of every length; one byte more than a message may carry. */
static void test_user_data(void **state)
{
    (void)state;
    static uint8_t bytes[256];
    static const struct {
        enum sms_type type;
        enum sms_way way;
        size_t most;
    } rows[] = {{SMS_DELIVER, SMS_TO_CARD, 140},
                {SMS_SUBMIT, SMS_FROM_CARD, 140},
                {SMS_DELIVER_REPORT_ACK, SMS_FROM_CARD, 159},
                {SMS_DELIVER_REPORT_ERROR, SMS_FROM_CARD_ERROR, 158}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        for (size_t n = 0; n <= 200; n++) {
            struct sms_tpdu t = {.type = rows[i].type,
                                 .address = {0x91, "12345678901234567890"},
                                 .validity = SMS_VP_ABSOLUTE,
                                 .dcs = SMS_DCS_8BIT,
                                 .has_pid = true,
                                 .has_dcs = true,
                                 .has_ud = true,
                                 .ud = cr_span_of(bytes, n)};
            struct sms_tpdu back;
            cr_buf out = {0};
            bool fits = n <= rows[i].most;
            assert_int_equal(sms_encode(&t, &out, NULL), fits ? CR_OK : CR_MALFORMED);
            if (fits) {
                assert_true(out.n <= SMS_TPDU_MAX);
                assert_int_equal(sms_decode(rows[i].way, cr_buf_span(&out), &back, NULL), CR_OK);
                assert_int_equal(back.ud.n, n);
            } else {
                assert_int_equal(out.n, 0);
            }
            cr_buf_free(&out);
        }
    }
    /* Septets: UDL and bytes must agree. */
    for (unsigned udl = 0; udl < 256; udl++) {
        struct sms_tpdu t = {.type = SMS_DELIVER, .address = {0x81, "1"}, .udl = (uint8_t)udl};
        cr_buf out = {0};
        for (size_t n = 0; n <= 141; n++) {
            t.ud = cr_span_of(bytes, n);
            assert_int_equal(sms_encode(&t, &out, NULL) == CR_OK,
                             n == (udl * 7 + 7) / 8 && n <= 140);
        }
        cr_buf_free(&out);
    }
}

static void test_dcs(void **state)
{
    (void)state;
    static const struct {
        uint8_t dcs;
        bool septets, class2;
    } rows[] = {
        {0x00, true, false},  {0x04, false, false}, {0x08, false, false}, {0x0C, true, false},
        {0x16, false, true},  {0x15, false, false}, {0x12, true, false},  {0x56, false, true},
        {0x24, false, false}, {0x20, false, false}, {0x96, false, true},  {0x90, true, false},
        {0xF6, false, true},  {0xF2, true, false},  {0xF4, false, false}, {0xC0, true, false},
        {0xD8, true, false},  {0xE0, false, false}, {0xA6, true, false},  {0x06, false, false},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(sms_dcs_is_7bit(rows[i].dcs), rows[i].septets);
        assert_int_equal(sms_dcs_is_8bit_class2(rows[i].dcs), rows[i].class2);
    }
}

/* The alphabet with its extension; text behind a header begins at a whole septet. */
static void test_text(void **state)
{
    (void)state;
    struct sms_tpdu t = {.type = SMS_DELIVER};
    cr_buf out = {0};
    t.ud =
        vector("00e5b228140e65"); /* packed: @ \n-free sample is checked by its own decode below */
    assert_true(sms_text(&t, &out));
    cr_buf_reset(&out);
    /* "€[x" = 1B 65 1B 3C 78 */
    t.udl = 5;
    t.ud = vector("9bf2868707");
    assert_true(sms_text(&t, &out));
    assert_string_equal(cr_buf_cstr(&out), "\xE2\x82\xAC[x");
    cr_buf_reset(&out);
    /* Header of 6 bytes = 48 bits, one fill bit, then "Hi" = 48 69. */
    t.has_header = true;
    t.udl = 9;
    t.ud = vector("050003010201"
                  "9069");
    t.udl = 7 + 2;
    assert_true(sms_text(&t, &out));
    assert_string_equal(cr_buf_cstr(&out), "Hi");
    cr_buf_reset(&out);
    t.ud = vector("0500");
    assert_false(sms_text(&t, &out));
    t.has_header = false;
    t.dcs = 8;
    t.ud = vector("D83DDE0020AC");
    assert_true(sms_text(&t, &out));
    assert_string_equal(cr_buf_cstr(&out), "\xF0\x9F\x98\x80\xE2\x82\xAC");
    cr_buf_free(&out);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *tpdu, *rp;
    } rows[] = {
        {"+12345678901", "0B912143658709F1", "912143658709F1"},
        {"12345678", "088121436587", "8121436587"},
        {"1", "0181F1", "81F1"},
        {"*#abc0", "0681BADC0E", "81BADC0E"},
        {"12345678901234567890", "148121436587092143658709", "8121436587092143658709"},
        {"gopUsoc", "0DD0E737BC3A7F8F01", NULL},
        {"Hello World", "14D0C8329BFD065DDF723619", NULL},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct sms_address a;
        struct sms_address back;
        char text[SMS_ADDRESS_TEXT];
        cr_buf out = {0};
        assert_int_equal(sms_address_parse(cr_span_str(rows[i].text), &a, NULL), CR_OK);
        sms_address_text(&a, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(sms_address_put(&a, &out, NULL), CR_OK);
        assert_span(cr_buf_span(&out), rows[i].tpdu);
        cr_span in = cr_buf_span(&out);
        assert_int_equal(sms_address_take(&in, &back, NULL), CR_OK);
        assert_int_equal(in.n, 0);
        assert_true(sms_address_same(&a, &back));
        cr_buf_reset(&out);
        assert_int_equal(sms_address_put_rp(&a, &out, NULL), rows[i].rp ? CR_OK : CR_MALFORMED);
        if (rows[i].rp) {
            assert_span(cr_buf_span(&out), rows[i].rp);
            assert_int_equal(sms_address_take_rp(cr_buf_span(&out), &back, NULL), CR_OK);
            assert_true(sms_address_same(&a, &back));
        }
        cr_buf_free(&out);
    }
    struct sms_address a;
    struct sms_address b;
    static const char *const bad[] = {
        "", "+", "123456789012345678901", "+12x", "Hello World!", "\xE2\x82\xAC", "\xC3", "\xFF"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(sms_address_parse(cr_span_str(bad[i]), &a, NULL), CR_MALFORMED);
    }
    /* One subscriber, two types of number; a name is no number. */
    assert_int_equal(sms_address_parse(cr_span_str("+123"), &a, NULL), CR_OK);
    assert_int_equal(sms_address_parse(cr_span_str("123"), &b, NULL), CR_OK);
    assert_true(sms_address_same(&a, &b));
    b.ton_npi = SMS_TON_NPI_ALPHANUMERIC;
    assert_false(sms_address_same(&a, &b));
    static const char *const bad_rp[] = {"", "D0C8329BFD065DDF7236", "812143658709214365870921",
                                         "81FF21", "810F"};
    for (size_t i = 0; i < CR_COUNT(bad_rp); i++) {
        assert_int_equal(sms_address_take_rp(vector(bad_rp[i]), &a, NULL), CR_MALFORMED);
    }
}

/* ---- headers ---- */

static void test_headers(void **state)
{
    (void)state;
    struct sms_header h;
    cr_span rest;
    assert_int_equal(sms_header_take(vector("027000AABB"), &h, &rest, NULL), CR_OK);
    assert_int_equal(h.packet, SMS_IEI_COMMAND_PACKET);
    assert_false(h.concatenated);
    assert_int_equal(h.count, 1);
    assert_span(rest, "AABB");
    static const char *const first[] = {"0770000003A10201AA", "070003A102017000AA"};
    for (size_t i = 0; i < 2; i++) { /* either order */
        assert_int_equal(sms_header_take(vector(first[i]), &h, &rest, NULL), CR_OK);
        assert_true(h.concatenated && !h.wide && h.packet == 0x70);
        assert_int_equal(h.reference, 0xA1);
        assert_int_equal(h.count, 2);
        assert_int_equal(h.number, 1);
        assert_span(rest, "AA");
    }
    assert_int_equal(sms_header_take(vector("0C0804BEEF0302050423F423F5"), &h, &rest, NULL), CR_OK);
    assert_true(h.wide && h.has_port);
    assert_int_equal(h.reference, 0xBEEF);
    assert_int_equal(h.port_to, 0x23F4);
    assert_int_equal(h.port_from, 0x23F5);
    assert_int_equal(rest.n, 0);
    /* Unknown elements are passed over, the last of two counts, an empty header is one. */
    assert_int_equal(sms_header_take(vector("0DDE02FFFF0003010201"
                                            "00030A0302"),
                                     &h, &rest, NULL),
                     CR_MALFORMED);
    assert_int_equal(sms_header_take(vector("0EDE02FFFF0003010201"
                                            "00030A0302"),
                                     &h, &rest, NULL),
                     CR_OK);
    assert_int_equal(h.reference, 0x0A);
    assert_int_equal(h.number, 2);
    assert_int_equal(sms_header_take(vector("00AA"), &h, &rest, NULL), CR_OK);
    assert_span(rest, "AA");
    static const char *const bad[] = {
        "",
        "01",
        "0170",
        "03700001",
        "0270",
        "03700100",
        "0400030102",
        "050003010200",
        "050003010001",
        "050003010203",
        "0500020102",
        "0600040102"
        "0101",
        "0608030001"
        "0101",
        "0708050001"
        "020101",
        "0705050001"
        "000200",
        "040502"
        "0001",
        "0200"
        "FF",
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        if (sms_header_take(vector(bad[i]), &h, &rest, NULL) != CR_MALFORMED) {
            fail_msg("header %s is taken", bad[i]);
        }
    }
}

/* ---- segments ---- */

struct segments {
    size_t n;
    struct {
        uint8_t bytes[SMS_USER_DATA_MAX];
        size_t n;
    } each[SMS_SEGMENTS_MAX];
    bool header;
};

static cr_status collect(void *ctx, uint8_t number, uint8_t count, cr_span ud, struct cr_err *err)
{
    struct segments *s = ctx;
    (void)err;
    assert_int_equal(number, s->n + 1);
    assert_true(number <= count && ud.n <= SMS_USER_DATA_MAX);
    memcpy(s->each[s->n].bytes, ud.p, ud.n);
    s->each[s->n++].n = ud.n;
    return CR_OK;
}

static cr_span segment(const struct segments *s, size_t i)
{
    return cr_span_of(s->each[i].bytes, s->each[i].n);
}

static uint8_t content[36000];

static void cut_into(struct segments *s, const struct sms_cut *cut, size_t n)
{
    s->n = 0;
    assert_int_equal(sms_segment(cut, cr_span_of(content, n), collect, s, NULL), CR_OK);
    assert_int_equal(s->n, sms_segment_count(cut, n));
    s->header = cut->packet != 0 || s->n > 1;
}

static const struct sms_address sender = {0x81, "12345678"};

static enum sms_assembly add(struct sms_assembler *a, const struct sms_address *from, cr_span ud,
                             int64_t now, cr_buf *whole)
{
    enum sms_assembly result = SMS_DROPPED;
    uint8_t packet = 0xFF;
    assert_int_equal(sms_assembler_add(a, from, true, ud, now, &result, &packet, whole, NULL),
                     CR_OK);
    return result;
}

static struct sms_assembler *assembler(struct sms_assembler_limits limits)
{
    struct sms_assembler *a = NULL;
    assert_int_equal(sms_assembler_new(&limits, &a, NULL), CR_OK);
    return a;
}

static void test_cut(void **state)
{
    (void)state;
    static struct segments s;
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (uint8_t)(i * 7 + i / 251);
    }
    struct sms_cut cut = {.packet = 0x70, .reference = 0xA1, .max_segments = 255};
    cut_into(&s, &cut, 137);
    assert_int_equal(s.n, 1);
    assert_span(cr_span_sub(segment(&s, 0), 0, 3), "027000");
    cut_into(&s, &cut, 138);
    assert_int_equal(s.n, 2);
    assert_span(cr_span_sub(segment(&s, 0), 0, 8), "0770000003A10201");
    assert_int_equal(s.each[0].n, 140);
    assert_span(cr_span_sub(segment(&s, 1), 0, 6), "050003A10202");
    assert_int_equal(s.each[1].n, 6 + 6);
    cut_into(&s, &cut, 132 + 134);
    assert_int_equal(s.n, 2);
    cut_into(&s, &cut, 132 + 134 + 1);
    assert_int_equal(s.n, 3);
    cut_into(&s, &cut, 132 + 254 * 134);
    assert_int_equal(s.n, 255);
    assert_int_equal(sms_segment(&cut, cr_span_of(content, 132 + 254 * 134 + 1), collect, &s, NULL),
                     CR_MALFORMED);
    cut.max_segments = 10;
    assert_int_equal(sms_segment(&cut, cr_span_of(content, 132 + 9 * 134 + 1), collect, &s, NULL),
                     CR_MALFORMED);
    cut.wide = true;
    cut.reference = 0xBEEF;
    cut_into(&s, &cut, 138);
    assert_span(cr_span_sub(segment(&s, 0), 0, 9), "0870000804BEEF0201");
    assert_span(cr_span_sub(segment(&s, 1), 0, 7), "060804BEEF0202");
    cut.packet = 0;
    cut_into(&s, &cut, 140);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.each[0].n, 140); /* no header at all */
    cut_into(&s, &cut, 141);
    assert_int_equal(s.n, 2);
}

/* Every size around the borders, in order, backwards and shuffled, with each segment twice. */
static void test_assemble(void **state)
{
    (void)state;
    static struct segments s;
    struct sms_assembler *a = assembler((struct sms_assembler_limits){.bytes = 40000});
    for (size_t n = 0; n<700; n += n> 120 && n < 150 ? 1 : 29) {
        for (unsigned kind = 0; kind < 12; kind++) {
            struct sms_cut cut = {.packet = kind & 1 ? 0x71 : 0x70,
                                  .wide = kind & 2,
                                  .reference = (uint16_t)(kind * 1000 + n),
                                  .max_segments = 255};
            cut_into(&s, &cut, n);
            cr_buf whole = {0};
            enum sms_assembly result = SMS_DROPPED;
            uint8_t packet = 0;
            for (size_t i = 0; i < s.n; i++) {
                size_t at = kind / 4 == 0 ? i : kind / 4 == 1 ? s.n - 1 - i : (i * 5 + 2) % s.n;
                if (kind / 4 == 2 && s.n % 5 == 0) {
                    at = i;
                }
                assert_int_equal(sms_assembler_add(a, &sender, s.header, segment(&s, at), 0,
                                                   &result, &packet, &whole, NULL),
                                 CR_OK);
                assert_int_equal(result, i + 1 < s.n ? SMS_WAITING : SMS_ASSEMBLED);
                if (result == SMS_WAITING) {
                    assert_int_equal(add(a, &sender, segment(&s, at), 0, &whole), SMS_DUPLICATE);
                    assert_int_equal(whole.n, 0);
                }
            }
            assert_true(cr_span_equal(cr_buf_span(&whole), cr_span_of(content, n)));
            assert_int_equal(packet, cut.packet);
            cr_buf_free(&whole);
            assert_int_equal(sms_assembler_pending(a), 0);
            assert_int_equal(sms_assembler_bytes(a), 0);
        }
    }
    sms_assembler_free(a);
}

/* Messages that differ in sender, reference, its width or count do not mix. */
static void test_mixed(void **state)
{
    (void)state;
    struct sms_assembler *a = assembler((struct sms_assembler_limits){0});
    struct sms_address other = {0x91, "87654321"};
    cr_buf whole = {0};
    assert_int_equal(add(a, &sender,
                         vector("050003070201"
                                "AA"),
                         0, &whole),
                     SMS_WAITING);
    assert_int_equal(add(a, &other,
                         vector("050003070202"
                                "BB"),
                         0, &whole),
                     SMS_WAITING);
    assert_int_equal(add(a, &sender,
                         vector("050003080202"
                                "CC"),
                         0, &whole),
                     SMS_WAITING);
    assert_int_equal(add(a, &sender,
                         vector("060804000702"
                                "02DD"),
                         0, &whole),
                     SMS_WAITING);
    assert_int_equal(add(a, &sender,
                         vector("050003070302"
                                "EE"),
                         0, &whole),
                     SMS_WAITING);
    assert_int_equal(sms_assembler_pending(a), 5);
    struct sms_address international = {0x91, "12345678"}; /* the same subscriber */
    assert_int_equal(add(a, &international,
                         vector("050003070202"
                                "FF"),
                         0, &whole),
                     SMS_ASSEMBLED);
    assert_span(cr_buf_span(&whole), "AAFF");
    /* Other bytes under the same number: one of the two is not genuine. */
    assert_int_equal(add(a, &sender,
                         vector("050003080202"
                                "CD"),
                         0, &whole),
                     SMS_DROPPED);
    assert_int_equal(sms_assembler_pending(a), 3);
    /* A single message, with header or without, needs no entry. */
    cr_buf_reset(&whole);
    enum sms_assembly result;
    uint8_t packet;
    assert_int_equal(
        sms_assembler_add(a, &sender, false, vector("027000"), 0, &result, &packet, &whole, NULL),
        CR_OK);
    assert_int_equal(result, SMS_ASSEMBLED);
    assert_int_equal(packet, 0);
    assert_span(cr_buf_span(&whole), "027000");
    assert_int_equal(add(a, &sender,
                         vector("050003070101"
                                "AA"),
                         0, &whole),
                     SMS_ASSEMBLED);
    assert_int_equal(
        sms_assembler_add(a, &sender, true, vector("0500"), 0, &result, &packet, &whole, NULL),
        CR_MALFORMED);
    assert_int_equal(sms_assembler_pending(a), 3);
    sms_assembler_clear(a);
    assert_int_equal(sms_assembler_pending(a), 0);
    assert_int_equal(sms_assembler_bytes(a), 0);
    sms_assembler_free(a);
    sms_assembler_free(NULL);
    cr_buf_free(&whole);
}

static void test_bounds(void **state)
{
    (void)state;
    cr_buf whole = {0};
    uint8_t part[146] = {0x05, 0x00, 0x03, 0, 3, 1};
    /* Messages: the oldest goes. */
    struct sms_assembler *a = assembler((struct sms_assembler_limits){.messages = 3});
    for (uint8_t i = 0; i < 10; i++) {
        part[3] = i;
        assert_int_equal(add(a, &sender, cr_span_of(part, 10), i, &whole), SMS_WAITING);
        assert_int_equal(sms_assembler_pending(a), i < 3 ? i + 1 : 3);
    }
    part[5] = 2;
    part[3] = 9;
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 10, &whole), SMS_WAITING);
    part[5] = 3;
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 10, &whole), SMS_ASSEMBLED);
    sms_assembler_free(a);
    /* Bytes: older messages go, and one that is too large by itself. */
    a = assembler((struct sms_assembler_limits){.bytes = 250});
    part[5] = 1;
    for (uint8_t i = 0; i < 10; i++) {
        part[3] = i;
        assert_int_equal(add(a, &sender, cr_span_of(part, 106), 0, &whole), SMS_WAITING);
        assert_true(sms_assembler_bytes(a) <= 250);
    }
    assert_int_equal(sms_assembler_pending(a), 2);
    for (uint8_t i = 2; i <= 3; i++) {
        part[5] = i;
        assert_int_equal(add(a, &sender, cr_span_of(part, 106), 0, &whole),
                         i == 2 ? SMS_WAITING : SMS_DROPPED);
    }
    assert_int_equal(sms_assembler_pending(a), 0);
    sms_assembler_free(a);
    /* Segments of one message; a segment longer than a message can be. */
    a = assembler((struct sms_assembler_limits){.segments = 2});
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 0, &whole), SMS_DROPPED);
    part[4] = part[5] = 2;
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 0, &whole), SMS_WAITING);
    sms_assembler_free(a);
    /* Age. */
    a = assembler((struct sms_assembler_limits){.age_ms = 1000});
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 5000, &whole), SMS_WAITING);
    part[5] = 1;
    cr_buf_reset(&whole);
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 6001, &whole), SMS_WAITING);
    part[5] = 2;
    assert_int_equal(add(a, &sender, cr_span_of(part, 10), 7001, &whole), SMS_ASSEMBLED);
    sms_assembler_free(a);
    cr_buf_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tpdus),     cmocka_unit_test(test_tpdu_broken),
        cmocka_unit_test(test_user_data), cmocka_unit_test(test_dcs),
        cmocka_unit_test(test_text),      cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_headers),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_assemble),  cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
