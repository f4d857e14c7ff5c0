/*
 * Typed lines into APDUs.
 */
#include "lab.h"

#include "lab/commands.h"

struct typed {
    struct lab_session session;
    cr_arena arena;
    const struct lab_command *row;
    cr_span words;
    struct lab_apdus apdus;
    struct cr_err err;
};

static void begin(struct typed *t)
{
    memset(t, 0, sizeof(*t));
    lab_session_init(&t->session);
}

static void end(struct typed *t)
{
    lab_session_free(&t->session);
    cr_arena_free(&t->arena);
}

static cr_status type(struct typed *t, unsigned channel, const char *line)
{
    return lab_line_parse(cr_span_str(line), &t->session, channel, &t->arena, &t->row, &t->words,
                          &t->apdus, &t->err);
}

/* All APDUs of a line, divided by blanks. */
static void gives(struct typed *t, unsigned channel, const char *line, const char *apdus)
{
    cr_buf text = {0};
    if (type(t, channel, line) != CR_OK) {
        fail_msg("%s: %s", line, t->err.cause);
    }
    for (size_t i = 0; i < t->apdus.count; i++) {
        cr_buf_append_str(&text, i ? " " : "");
        cr_hex_append(&text, t->apdus.items[i]);
    }
    assert_string_equal(cr_buf_cstr(&text), apdus);
    cr_buf_free(&text);
}

static void in_hex(void **state)
{
    (void)state;
    struct typed t;
    begin(&t);
    gives(&t, 0, "00A40004023F00", "00A40004023F00");
    gives(&t, 3, "  00 a4 00 04 02 3f 00\r", "00A40004023F00"); /* as it is on any channel */
    assert_null(t.row);
    gives(&t, 0, "", "");
    gives(&t, 0, "   ", "");
    gives(&t, 0, "# 00A40000", "");
    assert_int_equal(type(&t, 0, "00A400"), CR_MALFORMED);
    assert_non_null(strstr(t.err.cause, "at least 4 bytes"));
    assert_int_equal(type(&t, 0, "00A4000"), CR_MALFORMED);
    assert_int_equal(type(&t, 0, "00A40G00"), CR_MALFORMED);
    assert_non_null(strstr(t.err.cause, "'00A40G00'"));
    end(&t);
}

static void by_name(void **state)
{
    (void)state;
    static const struct {
        unsigned channel;
        const char *line, *apdus;
    } rows[] = {
        {0, "select 3F00", "00A40004023F00"},
        {0, "SELECT mf", "00A40004023F00"},
        {1, "select 6F07", "01A40004026F07"},
        {4, "select 3F00", "40A40004023F00"},
        {19, "select 3F00", "4FA40004023F00"},
        {0, "select a0000000871002", "00A4040407A0000000871002"},
        {0, "select MF/ADF.USIM/EF.IMSI", "00A4040407A0000000871002 00A40804047FFF6F07"},
        {0, "select MF/DF.TELECOM/EF.ADN", "00A40804047F106F3A"},
        {0, "select ISD-R", "00A4040410A0000005591010FFFFFFFF8900000100"},
        {0, "status", "80F2000000"},
        {5, "status 20", "C1F2000014"},
        {0, "read binary", "00B0000000"},
        {0, "read binary 5", "00B0000500"},
        {0, "read binary 256 9", "00B0010009"},
        {0, "read  binary 0x10 300", "00B0001000 00B001102C"},
        {0, "update binary 2 AABB", "00D6000202AABB"},
        {0, "read record 3", "00B2030400"},
        {0, "read record all", "00B2010400"}, /* nothing is known of the file */
        {0, "update record 1 00 ", "00DC01040100"},
        {0, "search record 11 22", "00A20104021122"},
        {0, "increase 000001", "8032000003000001"},
        {0, "retrieve data 5C", "80CB0080015C"},
        {0, "verify 01 1234", "002000010831323334FFFFFFFF"},
        {0, "verify PIN1", "0020000100"},
        {0, "verify adm1 3131313131313131", "0020000A083131313131313131"},
        {0, "change pin PIN2 0000 12345678", "002400811030303030FFFFFFFF3132333435363738"},
        {0, "disable pin 01 0000", "002600010830303030FFFFFFFF"},
        {0, "unblock pin 01", "002C000100"},
        {0, "authenticate 00112233445566778899AABBCCDDEEFF FFEEDDCCBBAA99887766554433221100",
         "00880081221000112233445566778899AABBCCDDEEFF10FFEEDDCCBBAA99887766554433221100"},
        {0, "authenticate gsm 00112233445566778899AABBCCDDEEFF",
         "00880080111000112233445566778899AABBCCDDEEFF"},
        {0, "channel open", "0070000001"},
        {0, "channel open 3", "00700003"},
        {0, "channel close 3", "00708003"},
        {0, "delete file 6F99", "00E40000026F99"},
        {0, "deactivate file", "00040000"},
        {0, "terminal profile FF", "8010000001FF"},
        {0, "fetch 11", "801200000B"},
        {0, "envelope D3 00", "80C2000002D300"},
        {1, "store data BF3E035C015A", "81E2910006BF3E035C015A"},
        {0, "get response", "00C0000000"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct typed t;
        begin(&t);
        gives(&t, rows[i].channel, rows[i].line, rows[i].apdus);
        assert_non_null(t.row);
        end(&t);
    }
}

static void what_is_known_of_the_file(void **state)
{
    (void)state;
    struct typed t;
    cr_buf line = {0};
    begin(&t);
    lab_exchange_text(&t.session, hex("00A4040C07A0000000871002"), hex("9000"), &line);
    lab_exchange_text(&t.session, hex("00A40804047FFF6F07"),
                      hex("62178202412183026F078A01058B036F060A80020109880138 9000"), &line);
    gives(&t, 0, "read binary", "00B0000000 00B0010009"); /* 265 bytes */
    gives(&t, 0, "select IMSI", "00A40804047FFF6F07");    /* the USIM is selected already */
    lab_exchange_text(&t.session, hex("00A40804047FFF6FB7"),
                      hex("621A82054221000E0283026FB78A01058B036F06088002001C8801089000"), &line);
    gives(&t, 0, "read record", "00B201040E 00B202040E");
    cr_buf_free(&line);
    end(&t);
}

static void long_store_data(void **state)
{
    (void)state;
    struct typed t;
    char line[2000] = "store data ";
    begin(&t);
    for (size_t i = 0; i < 300; i++) {
        strcat(line, "5A");
    }
    assert_int_equal(type(&t, 0, line), CR_OK);
    assert_int_equal(t.apdus.count, 2);
    assert_int_equal(t.apdus.items[0].n, 260);
    assert_memory_equal(t.apdus.items[0].p, "\x80\xE2\x11\x00\xFF", 5);
    assert_int_equal(t.apdus.items[1].n, 50);
    assert_memory_equal(t.apdus.items[1].p, "\x80\xE2\x91\x01\x2D", 5);
    end(&t);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"selekt 3F00", "neither hex"},
        {"select", "usage: select FILE"},
        {"select MF MF", "usage"},
        {"select nosuch", "no file is called"},
        {"read binary -1", "no number"},
        {"read binary 40000", "no number from 0 to 32767"},
        {"read binary 0 0", "no number"},
        {"read record 256", "no number"},
        {"update binary 1", "usage"},
        {"update binary 1 GG", "'GG'"},
        {"verify", "usage"},
        {"verify 01 12345", ""},
        {"verify 01 1234 5678", "usage"},
        {"verify PIN9 1234", "no key"},
        {"verify 01 123456789", "PIN is given"},
        {"verify 01 12x4", "PIN is given"},
        {"unblock pin 01 12345678", "usage"},
        {"change pin 01 1234", "usage"},
        {"authenticate 00", "usage"},
        {"authenticate 00 11", "RAND has 16 bytes"},
        {"authenticate 00112233445566778899AABBCCDDEEFF 11", "AUTN has 16 bytes"},
        {"channel open 20", "no number from 1 to 19"},
        {"channel close", "usage"},
        {"delete file 6F0", "no file id"},
        {"delete file", "usage"},
        {"envelope", "usage"},
        {"envelope D", "'D'"},
        {"fetch 300", "no number from 1 to 256"},
        {"terminate df now", "usage"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct typed t;
        begin(&t);
        cr_status status = type(&t, 0, rows[i].line);
        if (!rows[i].says[0]) {
            assert_int_equal(status, CR_OK);
        } else if (status == CR_OK || !strstr(t.err.cause, rows[i].says)) {
            fail_msg("%s: '%s' does not say %s", rows[i].line, t.err.cause, rows[i].says);
        }
        assert_int_equal(t.apdus.count, status == CR_OK ? 1 : 0);
        end(&t);
    }
}

static void the_table(void **state)
{
    (void)state;
    assert_string_equal(lab_command_of(hex("80F28002"))->standard, "GET STATUS");
    assert_string_equal(lab_command_of(hex("80F20002"))->standard, "STATUS");
    assert_string_equal(lab_command_of(hex("80E20002"))->standard, "STORE DATA");
    assert_string_equal(lab_command_of(hex("C1C00000"))->standard, "GET RESPONSE");
    assert_string_equal(lab_command_of(hex("00E60000"))->standard, "TERMINATE DF");
    assert_string_equal(lab_command_of(hex("80E60200"))->standard, "INSTALL");
    assert_null(lab_command_of(hex("00FF")));
    assert_null(lab_command_of(hex("00")));
    assert_int_equal(lab_command_standard(cr_span_str("read-binary"))->ins, 0xB0);
    assert_int_equal(lab_command_standard(cr_span_str("Store_Data"))->ins, 0xE2);
    assert_null(lab_command_standard(cr_span_str("READ")));
    for (size_t i = 0; i < lab_command_count; i++) {
        cr_span rest;
        const struct lab_command *row = &lab_commands[i];
        assert_true(row->name || row->standard);
        if (row->name) {
            assert_ptr_equal(lab_line_command(cr_span_str(row->name), &rest), row);
        }
        /* What carries a PIN is not for a history. */
        bool pin = row->name && row->ins >= 0x20 && row->ins <= 0x2C && !row->local;
        assert_int_equal(row->secret, pin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_hex),
        cmocka_unit_test(by_name),
        cmocka_unit_test(what_is_known_of_the_file),
        cmocka_unit_test(long_store_data),
        cmocka_unit_test(refused),
        cmocka_unit_test(the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
