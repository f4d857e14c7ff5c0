/*
 * Scripts: worked examples in both directions and in every cut of the stream, and each way to break
 * one.
 */
#include "ota/script.h"

#include "../crypto/vector.h"

#define INIT_RESPONSE                                                                              \
    "AB2780010123220000000000000000000030037042EB72124C3AB6C6C1C94FB6910AA9980000039000"

static const struct script_vector {
    enum ota_direction direction;
    enum ota_form form;
    const char *script;
    struct {
        enum ota_item_kind kind;
        const char *value;
        uint32_t number;
        bool wrapped;
    } items[5];
    bool not_written; /* the writer would make another form of it */
} scripts[] = {
    {OTA_COMMANDS,
     OTA_FORM_DEFINITE,
     "AA1C221A80E28800153A03124F10A0000005591010FFFFFFFF8900001000",
     {{OTA_ITEM_APDU, "80E28800153A03124F10A0000005591010FFFFFFFF8900001000"}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_DEFINITE,
     "AB0780010123029000",
     {{OTA_ITEM_COUNT, "01", 1}, {OTA_ITEM_APDU, "9000"}},
     false},
    {OTA_COMMANDS,
     OTA_FORM_INDEFINITE,
     "AE80224580E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010A000"
     "0005591010FFFFFFFF89000010000380C00006C9048102037000000000",
     {{OTA_ITEM_APDU,
       "80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010A000000559"
       "1010FFFFFFFF89000010000380C00006C9048102037000"
       "00"}},
     false},
    {OTA_RESPONSES, OTA_FORM_INDEFINITE, "AF8023030090000000", {{OTA_ITEM_APDU, "009000"}}, false},
    {OTA_RESPONSES, OTA_FORM_INDEFINITE, "AF80230290000000", {{OTA_ITEM_APDU, "9000"}}, false},
    {OTA_RESPONSES,
     OTA_FORM_DEFINITE,
     INIT_RESPONSE,
     {{OTA_ITEM_COUNT, "01", 1},
      {OTA_ITEM_APDU, "0000000000000000000030037042EB72124C3AB6C6C1C94FB6910AA9980000039000"}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_DEFINITE,
     "AB0F800101230A01020304050607089000",
     {{OTA_ITEM_COUNT, "01", 1}, {OTA_ITEM_APDU, "01020304050607089000"}},
     false},
    {OTA_COMMANDS,
     OTA_FORM_DEFINITE,
     "AA38221880EC010113350103390205003C030123283E0521C000020A221C80EC0102173C03002710361089001012"
     "012341234012345678901224",
     {{OTA_ITEM_APDU, "80EC010113350103390205003C030123283E0521C000020A"},
      {OTA_ITEM_APDU, "80EC0102173C03002710361089001012012341234012345678901224"}},
     false},
    /* Chaining, 84 and 85 bare, as the SM-SR sends them. */
    {OTA_COMMANDS,
     OTA_FORM_INDEFINITE,
     "AE80830111840A300000010203040506078511338D0E5F655BFAF098DB1CCB26C3B1410F0000",
     {{OTA_ITEM_CHAINING, "11", 0x11},
      {OTA_ITEM_SCP03T, "840A30000001020304050607"},
      {OTA_ITEM_SCP03T, "8511338D0E5F655BFAF098DB1CCB26C3B1410F"}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_INDEFINITE,
     "AF808500860000"
     "00",
     {{OTA_ITEM_SCP03T, "8500"}, {OTA_ITEM_SCP03T, "8600"}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_DEFINITE,
     "AB078001019F440103",
     {{OTA_ITEM_COUNT, "01", 1}, {OTA_ITEM_SCP03T, "9F440103"}},
     false},
    /* The same inside 22 and 23, as another peer does. */
    {OTA_COMMANDS,
     OTA_FORM_DEFINITE,
     "AA23220C840A3000000102030405060722138511338D0E5F655BFAF098DB1CCB26C3B1410F",
     {{OTA_ITEM_SCP03T, "840A30000001020304050607", 0, true},
      {OTA_ITEM_SCP03T, "8511338D0E5F655BFAF098DB1CCB26C3B1410F", 0, true}},
     true},
    {OTA_RESPONSES,
     OTA_FORM_INDEFINITE,
     "AF8023028500"
     "23028600"
     "23049F4601020000",
     {{OTA_ITEM_SCP03T, "8500", 0, true},
      {OTA_ITEM_SCP03T, "8600", 0, true},
      {OTA_ITEM_SCP03T, "9F460102", 0, true}},
     true},
    /* A class of 84 does not make an APDU a TLV. */
    {OTA_COMMANDS,
     OTA_FORM_DEFINITE,
     "AA1722158482330010"
     "8DBF43DD1F9B25F965B0896851EE7C79",
     {{OTA_ITEM_APDU, "84823300108DBF43DD1F9B25F965B0896851EE7C79"}},
     false},
    /* Actions. */
    {OTA_COMMANDS,
     OTA_FORM_DEFINITE,
     "AA0C81018182002205"
     "80CA005A00",
     {{OTA_ITEM_IMMEDIATE, "81", 0x81}, {OTA_ITEM_ERROR_ACTION, ""}, {OTA_ITEM_APDU, "80CA005A00"}},
     true},
    {OTA_RESPONSES,
     OTA_FORM_DEFINITE,
     "AB06800100900101",
     {{OTA_ITEM_COUNT, "00", 0}, {OTA_ITEM_BAD_FORMAT, "01", 1}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_DEFINITE,
     "AB06800100830101",
     {{OTA_ITEM_COUNT, "00", 0}, {OTA_ITEM_CHAINING, "01", 1}},
     false},
    {OTA_COMMANDS, OTA_FORM_DEFINITE, "AA00", {{0}}, false},
    {OTA_COMMANDS, OTA_FORM_INDEFINITE, "AE800000", {{0}}, false},
    /* Compact. */
    {OTA_COMMANDS, OTA_FORM_COMPACT, "00A40004023F00", {{OTA_ITEM_APDU, "00A40004023F00"}}, false},
    {OTA_COMMANDS,
     OTA_FORM_COMPACT,
     "00A40004023F0000A40004026F0700B0000009",
     {{OTA_ITEM_APDU, "00A40004023F00"},
      {OTA_ITEM_APDU, "00A40004026F07"},
      {OTA_ITEM_APDU, "00B0000009"}},
     false},
    {OTA_COMMANDS,
     OTA_FORM_COMPACT,
     "80F24002024F0000",
     {{OTA_ITEM_APDU, "80F24002024F0000"}},
     false},
    {OTA_COMMANDS,
     OTA_FORM_COMPACT,
     "80F2000C0080CA005A00",
     {{OTA_ITEM_APDU, "80F2000C00"}, {OTA_ITEM_APDU, "80CA005A00"}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_COMPACT,
     "016132",
     {{OTA_ITEM_COUNT, "01", 1}, {OTA_ITEM_APDU, "6132"}},
     false},
    {OTA_RESPONSES,
     OTA_FORM_COMPACT,
     "0390000102",
     {{OTA_ITEM_COUNT, "03", 3}, {OTA_ITEM_APDU, "01029000"}},
     true},
    {OTA_RESPONSES, OTA_FORM_COMPACT, "", {{0}}, false},
};

static size_t item_count(const struct script_vector *v)
{
    size_t n = 0;
    while (n < CR_COUNT(v->items) && v->items[n].value) {
        n++;
    }
    return n;
}

static struct ota_reader *reader(enum ota_direction direction, bool compact)
{
    struct ota_reader *r = NULL;
    assert_int_equal(ota_reader_new(direction, compact, &r, NULL), CR_OK);
    return r;
}

/* Reads the script fed in pieces of `piece` bytes and compares every item. */
static void check_items(const struct script_vector *v, cr_span script, size_t piece)
{
    struct ota_reader *r = reader(v->direction, v->form == OTA_FORM_COMPACT);
    size_t at = 0;
    size_t n = 0;
    bool ended = false;
    while (!ended) {
        struct ota_item item;
        struct cr_err err;
        switch (ota_reader_next(r, &item, &err)) {
        case OTA_STEP_ITEM:
            assert_true(n < item_count(v));
            assert_int_equal(item.kind, v->items[n].kind);
            assert_span(item.value, v->items[n].value);
            assert_int_equal(item.number, v->items[n].number);
            assert_int_equal(item.wrapped, v->items[n].wrapped);
            n++;
            break;
        case OTA_STEP_MORE:
            if (at == script.n) {
                ota_reader_finish(r);
            } else {
                cr_span part = cr_span_sub(script, at, piece);
                assert_int_equal(ota_reader_feed(r, part, NULL), CR_OK);
                at += part.n;
            }
            break;
        case OTA_STEP_END:
            ended = true;
            break;
        case OTA_STEP_BAD:
            fail_msg("%s: %s", v->script, err.cause);
        }
    }
    assert_int_equal(n, item_count(v));
    assert_int_equal(ota_reader_form(r), v->form);
    ota_reader_free(r);
}

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(scripts); i++) {
        cr_span script = vector(scripts[i].script);
        for (size_t piece = 1; piece <= script.n + 1; piece++) {
            check_items(&scripts[i], script, piece);
        }
    }
}

static cr_status write_item(struct ota_writer *w, const struct script_vector *v, size_t i)
{
    cr_span value = vector(v->items[i].value);
    switch (v->items[i].kind) {
    case OTA_ITEM_APDU:
        if (v->direction == OTA_COMMANDS) {
            return ota_writer_command(w, value, NULL);
        }
        return ota_writer_response(
            w, cr_span_sub(value, 0, value.n - 2),
            (uint16_t)((unsigned)value.p[value.n - 2] << 8 | value.p[value.n - 1]), NULL);
    case OTA_ITEM_SCP03T:
        return ota_writer_tlv(w, value, NULL);
    case OTA_ITEM_CHAINING:
        return ota_writer_chaining(w, (uint8_t)v->items[i].number, NULL);
    case OTA_ITEM_BAD_FORMAT:
        return ota_writer_bad_format(w, (enum ota_bad_format)v->items[i].number, NULL);
    case OTA_ITEM_COUNT:
    case OTA_ITEM_IMMEDIATE:
    case OTA_ITEM_ERROR_ACTION:
        break;
    }
    return CR_OK;
}

static void test_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(scripts); i++) {
        const struct script_vector *v = &scripts[i];
        if (v->not_written) {
            continue;
        }
        struct ota_writer w;
        cr_buf out = {0};
        cr_buf_append_str(&out, "before");
        ota_writer_begin(&w, v->form, v->direction, &out);
        for (size_t k = 0; k < item_count(v); k++) {
            assert_int_equal(write_item(&w, v, k), CR_OK);
        }
        assert_int_equal(ota_writer_end(&w, NULL), CR_OK);
        assert_memory_equal(out.p, "before", 6);
        assert_span(cr_span_sub(cr_buf_span(&out), 6, out.n), v->script);
        cr_buf_free(&out);
    }
}

/* Long lengths: 81 xx from 128 up, 82 xxxx from 256 up; many responses; the last of a compact one.
 */
static void test_long(void **state)
{
    (void)state;
    struct ota_writer w;
    cr_buf out = {0};
    uint8_t apdu[200] = {0x80, 0xF2, 0x40, 0x00, 195};
    ota_writer_begin(&w, OTA_FORM_DEFINITE, OTA_COMMANDS, &out);
    assert_int_equal(ota_writer_command(&w, CR_SPAN_ARRAY(apdu), NULL), CR_OK);
    assert_int_equal(ota_writer_end(&w, NULL), CR_OK);
    assert_span(cr_span_sub(cr_buf_span(&out), 0, 6), "aa81cb2281c8");
    assert_int_equal(out.n, 206);
    cr_buf_reset(&out);
    ota_writer_begin(&w, OTA_FORM_DEFINITE, OTA_RESPONSES, &out);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(ota_writer_response(&w, (cr_span){0}, 0x9000, NULL), CR_OK);
    }
    assert_int_equal(ota_writer_end(&w, NULL), CR_OK);
    assert_span(cr_span_sub(cr_buf_span(&out), 0, 12), "ab8204b48002012c23029000");
    struct ota_reader *r = reader(OTA_RESPONSES, false);
    struct ota_item item;
    unsigned items = 0;
    assert_int_equal(ota_reader_feed(r, cr_buf_span(&out), NULL), CR_OK);
    while (ota_reader_next(r, &item, NULL) == OTA_STEP_ITEM) {
        assert_true(items > 0 || (item.kind == OTA_ITEM_COUNT && item.number == 300));
        items++;
    }
    assert_int_equal(items, 301);
    ota_reader_free(r);
    cr_buf_reset(&out);
    ota_writer_begin(&w, OTA_FORM_COMPACT, OTA_RESPONSES, &out);
    assert_int_equal(ota_writer_response(&w, vector("0102"), 0x9000, NULL), CR_OK);
    assert_int_equal(ota_writer_response(&w, vector("03"), 0x6A82, NULL), CR_OK);
    assert_int_equal(ota_writer_end(&w, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "026a8203");
    cr_buf_free(&out);
}

static enum ota_bad_format broken(enum ota_direction direction, bool compact, cr_span script,
                                  bool whole)
{
    struct ota_reader *r = reader(direction, compact);
    struct ota_item item;
    enum ota_bad_format bad = OTA_FORMAT_OK;
    assert_int_equal(ota_reader_feed(r, script, NULL), CR_OK);
    if (whole) {
        ota_reader_finish(r);
    }
    enum ota_step step = OTA_STEP_ITEM;
    while (step == OTA_STEP_ITEM) {
        step = ota_reader_next(r, &item, NULL);
    }
    if (step == OTA_STEP_BAD) {
        bad = ota_reader_bad(r);
        assert_int_not_equal(bad, OTA_FORMAT_OK);
        assert_int_equal(ota_reader_next(r, &item, NULL), OTA_STEP_BAD); /* stays so */
        assert_int_equal(ota_reader_bad(r), bad);
    } else {
        assert_int_equal(step, whole ? OTA_STEP_END : OTA_STEP_MORE);
    }
    ota_reader_free(r);
    return bad;
}

static void test_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(scripts); i++) {
        const struct script_vector *v = &scripts[i];
        cr_span script = vector(v->script);
        for (size_t n = 0; n < script.n && v->form != OTA_FORM_COMPACT; n++) {
            assert_int_not_equal(broken(v->direction, false, cr_span_sub(script, 0, n), true),
                                 OTA_FORMAT_OK);
            assert_int_equal(broken(v->direction, false, cr_span_sub(script, 0, n), false),
                             OTA_FORMAT_OK);
        }
        if (v->form != OTA_FORM_COMPACT) {
            uint8_t longer[256] = {0};
            memcpy(longer, script.p, script.n);
            assert_int_equal(broken(v->direction, false, cr_span_of(longer, script.n + 1), true),
                             OTA_FORMAT_WRONG_LENGTH);
            enum ota_direction other = v->direction == OTA_COMMANDS ? OTA_RESPONSES : OTA_COMMANDS;
            assert_int_equal(broken(other, false, script, true), OTA_FORMAT_UNKNOWN_TAG);
        }
    }
}

static void test_bad_format(void **state)
{
    (void)state;
    static const struct {
        enum ota_direction direction;
        bool compact;
        const char *script;
        enum ota_bad_format bad;
    } rows[] = {
        {OTA_COMMANDS, false, "AC00", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AA", OTA_FORMAT_NO_LENGTH},
        {OTA_COMMANDS, false, "AA82", OTA_FORMAT_NO_LENGTH},
        {OTA_COMMANDS, false, "AA80", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false,
         "AE02"
         "8200",
         OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AA8500", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AA8400FFFFFF", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AA84FFFFFFFF", OTA_FORMAT_WRONG_LENGTH},
        /* an item that reaches beyond its template, though the bytes are there */
        {OTA_COMMANDS, false, "AA06220580CA005A00", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false,
         "AA0122"
         "0580CA005A00",
         OTA_FORMAT_NO_LENGTH},
        {OTA_COMMANDS, false,
         "AA022281"
         "0580CA005A00",
         OTA_FORMAT_NO_LENGTH},
        {OTA_COMMANDS, false,
         "AA0322847F"
         "FFFFFF80CA005A00",
         OTA_FORMAT_NO_LENGTH},
        {OTA_COMMANDS, false, "AE8022847FFFFFFF", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AE802280", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AE80228580CA005A00", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AE80220380CA000000", OTA_FORMAT_WRONG_LENGTH}, /* 3 bytes */
        {OTA_COMMANDS, false, "AE800001", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AE8000", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AE80220580CA005A00", OTA_FORMAT_WRONG_LENGTH}, /* no end */
        {OTA_COMMANDS, false,
         "AE80"
         "22",
         OTA_FORMAT_NO_LENGTH},
        {OTA_COMMANDS, false, "AA048001012302", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AA03900101", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AA049F440103", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AA03890101", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AA0A220580CA005A00830101", OTA_FORMAT_UNKNOWN_TAG}, /* 83 late */
        {OTA_COMMANDS, false, "AA06830101830101", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, false, "AA0483020101", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AA028300", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, false, "AA028100", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, false, "AB028000", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, false, "AB058003000001", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, false, "AB0723029000800101", OTA_FORMAT_UNKNOWN_TAG}, /* 80 late */
        {OTA_RESPONSES, false, "AB03230190", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, false, "AB06220480CA0000", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_RESPONSES, false, "AB028200", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_RESPONSES, false, "AB029000", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, false, "AB049F470101", OTA_FORMAT_UNKNOWN_TAG},
        {OTA_COMMANDS, true, "00A40004", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, true, "00A40004023F", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, true, "00A40004FF3F00", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, true, "00A40004023F000000", OTA_FORMAT_WRONG_LENGTH},
        {OTA_COMMANDS, true, "00B000000900", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, true, "01", OTA_FORMAT_WRONG_LENGTH},
        {OTA_RESPONSES, true, "0161", OTA_FORMAT_WRONG_LENGTH},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        enum ota_bad_format bad =
            broken(rows[i].direction, rows[i].compact, vector(rows[i].script), true);
        if (bad != rows[i].bad) {
            fail_msg("%s: %d, not %d", rows[i].script, bad, rows[i].bad);
        }
    }
}

/* A length that reaches beyond the template is refused at once, not when the link has ended. */
static void test_at_once(void **state)
{
    (void)state;
    static const char *const rows[] = {"AA07220680CA005A00", "AA052281FF80CA", "AA0422822000"};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(broken(OTA_COMMANDS, false, vector(rows[i]), false),
                         OTA_FORMAT_WRONG_LENGTH);
    }
}

/* What looks like SCP03t inside 22 or 23 but for one byte is an APDU. */
static void test_inside(void **state)
{
    (void)state;
    static const struct {
        enum ota_direction direction;
        const char *value;
        bool scp03t;
    } rows[] = {
        {OTA_COMMANDS, "840A30000001020304050607", true},
        {OTA_COMMANDS, "840930000001020304050607", false},
        {OTA_COMMANDS,
         "840930000001020304"
         "050607",
         false},
        {OTA_COMMANDS, "84083000000102030405", false},
        {OTA_COMMANDS,
         "8500"
         "0000",
         false},
        {OTA_COMMANDS, "9F440103", false},
        {OTA_COMMANDS,
         "862804051321239E354108F477A68373DCF5513C2D3B6DB8E3E0B75E846CBD6DE72ACBB60A"
         "F4BA1B51A9",
         true},
        {OTA_COMMANDS,
         "862704051321239E354108F477A68373DCF5513C2D3B6DB8E3E0B75E846CBD6DE72ACBB60A"
         "F4BA1B51",
         false},
        {OTA_COMMANDS, "870A30000001020304050607", false},
        {OTA_RESPONSES, "8500", true},
        {OTA_RESPONSES, "85009000", false},
        {OTA_RESPONSES, "8600", true},
        {OTA_RESPONSES, "9F460102", true},
        {OTA_RESPONSES, "9F4602019000", false},
        {OTA_RESPONSES, "6100", false},
        {OTA_RESPONSES, "8410A0A1A2A3A4A5A6A7A8A9AAABACADAEAF9000", false},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_span value = vector(rows[i].value);
        uint8_t script[128] = {rows[i].direction == OTA_COMMANDS ? 0xAA : 0xAB,
                               (uint8_t)(value.n + 2),
                               rows[i].direction == OTA_COMMANDS ? 0x22 : 0x23, (uint8_t)value.n};
        memcpy(script + 4, value.p, value.n);
        struct ota_reader *r = reader(rows[i].direction, false);
        struct ota_item item;
        assert_int_equal(ota_reader_feed(r, cr_span_of(script, value.n + 4), NULL), CR_OK);
        assert_int_equal(ota_reader_next(r, &item, NULL), OTA_STEP_ITEM);
        assert_int_equal(item.kind == OTA_ITEM_SCP03T, rows[i].scp03t);
        assert_true(cr_span_equal(item.value, value));
        ota_reader_free(r);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static uint8_t huge[OTA_SCRIPT_MAX + 1];
    struct ota_item item;
    struct ota_reader *r = reader(OTA_COMMANDS, false);
    assert_int_equal(ota_reader_feed(r, CR_SPAN_ARRAY(huge), NULL), CR_MALFORMED);
    assert_int_equal(ota_reader_feed(r, cr_span_of(huge, OTA_SCRIPT_MAX), NULL), CR_OK);
    assert_int_equal(ota_reader_feed(r, cr_span_of(huge, 1), NULL), CR_MALFORMED);
    ota_reader_free(r);
    r = reader(OTA_COMMANDS, false);
    ota_reader_finish(r);
    assert_int_equal(ota_reader_feed(r, cr_span_of(huge, 1), NULL), CR_MALFORMED);
    ota_reader_free(r);
    /* One item more than a script may have. */
    memset(huge, 0, sizeof huge);
    size_t n = 0;
    huge[n++] = 0xAE;
    huge[n++] = 0x80;
    for (unsigned i = 0; i <= OTA_ITEM_COUNT_MAX; i++) {
        huge[n++] = OTA_TAG_ERROR_ACTION;
        huge[n++] = 0;
    }
    r = reader(OTA_COMMANDS, false);
    assert_int_equal(ota_reader_feed(r, cr_span_of(huge, n), NULL), CR_OK);
    for (unsigned i = 0; i < OTA_ITEM_COUNT_MAX; i++) {
        assert_int_equal(ota_reader_next(r, &item, NULL), OTA_STEP_ITEM);
    }
    assert_int_equal(ota_reader_next(r, &item, NULL), OTA_STEP_BAD);
    ota_reader_free(r);
    /* The largest item, and one byte more. */
    for (size_t more = 0; more < 2; more++) {
        size_t size = OTA_ITEM_MAX + more;
        uint8_t head[] = {0xAE, 0x80, 0x86, 0x82, (uint8_t)(size >> 8), (uint8_t)size};
        r = reader(OTA_COMMANDS, false);
        assert_int_equal(ota_reader_feed(r, CR_SPAN_ARRAY(head), NULL), CR_OK);
        assert_int_equal(ota_reader_next(r, &item, NULL), more ? OTA_STEP_BAD : OTA_STEP_MORE);
        ota_reader_free(r);
    }
    /* An APDU that is longer than the short form. */
    r = reader(OTA_COMMANDS, false);
    assert_int_equal(ota_reader_feed(r, vector("AE8022820106"), NULL), CR_OK);
    assert_int_equal(ota_reader_feed(r, cr_span_of(huge, 262), NULL), CR_OK);
    assert_int_equal(ota_reader_next(r, &item, NULL), OTA_STEP_BAD);
    ota_reader_free(r);
    ota_reader_free(NULL);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    struct ota_writer w;
    static uint8_t big[70000];
    cr_buf out = {0};
    ota_writer_begin(&w, OTA_FORM_DEFINITE, OTA_COMMANDS, &out);
    assert_int_equal(ota_writer_command(&w, cr_span_of(big, 3), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_command(&w, cr_span_of(big, 262), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_response(&w, (cr_span){0}, 0x9000, NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_bad_format(&w, OTA_FORMAT_UNKNOWN_TAG, NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_tlv(&w, vector("9F440101"), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_tlv(&w,
                                    vector("840130"
                                           "00"),
                                    NULL),
                     CR_MALFORMED);
    assert_int_equal(ota_writer_tlv(&w, vector("840230"), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_tlv(&w, vector("220480CA0000"), NULL), CR_MALFORMED);
    assert_int_equal(out.n, 0);
    ota_writer_begin(&w, OTA_FORM_DEFINITE, OTA_RESPONSES, &out);
    assert_int_equal(ota_writer_command(&w, cr_span_of(big, 5), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_tlv(&w, vector("8200"), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_response(&w, CR_SPAN_ARRAY(big), 0x9000, NULL), CR_MALFORMED);
    ota_writer_begin(&w, OTA_FORM_COMPACT, OTA_RESPONSES, &out);
    assert_int_equal(ota_writer_chaining(&w, 1, NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_tlv(&w, vector("8500"), NULL), CR_MALFORMED);
    assert_int_equal(ota_writer_bad_format(&w, OTA_FORMAT_UNKNOWN_TAG, NULL), CR_MALFORMED);
    for (unsigned i = 0; i < 256; i++) { /* its count is one byte */
        assert_int_equal(ota_writer_response(&w, (cr_span){0}, 0x9000, NULL),
                         i < 255 ? CR_OK : CR_MALFORMED);
    }
    cr_buf_free(&out);
    /* A full buffer: nothing stays. */
    static const enum ota_form forms[] = {OTA_FORM_DEFINITE, OTA_FORM_INDEFINITE};
    for (size_t i = 0; i < CR_COUNT(forms); i++) {
        cr_buf small = {.limit = 12};
        cr_buf_append_str(&small, "keep");
        ota_writer_begin(&w, forms[i], OTA_COMMANDS, &small);
        assert_int_equal(ota_writer_command(&w, cr_span_of(big, 5), NULL), CR_OK);
        assert_int_equal(ota_writer_end(&w, NULL), CR_RESOURCE);
        assert_int_equal(small.n, 4);
        cr_buf_free(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),           cmocka_unit_test(test_write),
        cmocka_unit_test(test_long),           cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bad_format),     cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_inside),         cmocka_unit_test(test_limits),
        cmocka_unit_test(test_writer_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
