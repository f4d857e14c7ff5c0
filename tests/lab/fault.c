/*
 * The language of faults, and what they do.
 */
#include "lab.h"

#include "lab/fault.h"

static void wrong(const char *text, long column, const char *says)
{
    struct lab_faults f = {.count = 0};
    struct cr_err err = {0};
    assert_int_equal(lab_fault_add(&f, text, &err), CR_MALFORMED);
    assert_int_equal(f.count, 0);
    if (err.code != column || !strstr(err.cause, says)) {
        fail_msg("'%s': column %ld, %s", text, err.code, err.cause);
    }
}

static void mistakes(void **state)
{
    (void)state;
    wrong("", 1, "cut, flip, delay or drop");
    wrong("break 3", 1, "cut, flip, delay or drop");
    wrong("cut", 4, "expected");
    wrong("cut after", 10, "'every' or a number");
    wrong("cut after x", 11, "'every' or a number");
    wrong("cut after 0", 11, "from 1");
    wrong("cut after 99999999999", 11, "from 1");
    wrong("cut after every", 16, "a number");
    wrong("cut at 3", 8, "'write'");
    wrong("cut before commit x", 19, "number");
    wrong("flip", 5, "a bit");
    wrong("flip x of response 1", 6, "a bit");
    wrong("flip 3 of", 10, "expected");
    wrong("flip 3 of response", 19, "number");
    wrong("flip 9999999 of response 1", 6, "a bit");
    wrong("delay 5 in 3", 9, "'at'");
    wrong("delay 0 at 3", 7, "milliseconds");
    wrong("delay 600001 at 3", 7, "milliseconds");
    wrong("drop -1", 6, "number");
    wrong("drop 1 NOSUCH", 8, "instruction");
    wrong("cut at write 1 SELECT", 16, "the end");
}

static struct lab_faults faults(const char *text)
{
    struct lab_faults f = {.count = 0};
    struct cr_err err = {0};
    if (lab_fault_add(&f, text, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    return f;
}

/* At which of the commands the plan says something. */
static uint64_t at_commands(const char *text, const char *const *commands, size_t count)
{
    struct lab_faults f = faults(text);
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[16];
        cr_span command = hex(commands[i]);
        memcpy(bytes, command.p, command.n);
        struct lab_fault_plan plan = lab_fault_command(&f, bytes, command.n);
        bool changed = memcmp(bytes, command.p, command.n) != 0;
        if (plan.delay_ms || plan.drop || plan.cut_before || plan.cut_after || changed) {
            bits |= (uint64_t)1 << i;
        }
    }
    return bits;
}

static void which_command(void **state)
{
    (void)state;
    static const char *const commands[] = {"00A40000", "00B00000", "80E29100", "00A40000",
                                           "81E29100", "00B00000", "00",       "80E29100"};
    const struct {
        const char *text;
        uint64_t bits;
    } rows[] = {
        {"cut after 1", 0x01},
        {"CUT  BEFORE 3", 0x04},
        {"drop 8", 0x80},
        {"drop 9", 0},
        {"drop every 3", 0x24},
        {"delay 20 at every 2", 0xAA},
        {"cut after 2 STORE DATA", 0x10},
        {"cut after 2 store-data", 0x10},
        {"drop every 1 E2", 0x94},
        {"drop 2 read binary", 0x20},
        {"flip 0 of command 2", 0x02},
        {"flip 100 of command every 4", 0x88},
        {"flip 3 of response 1", 0},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(at_commands(rows[i].text, commands, CR_COUNT(commands)), rows[i].bits);
    }
}

static void bits(void **state)
{
    (void)state;
    struct lab_faults f = faults("flip 9 of response 2 A4");
    uint8_t select[] = {0x00, 0xA4, 0, 0};
    uint8_t read[] = {0x00, 0xB0, 0, 0};
    uint8_t response[] = {0x90, 0x00};
    (void)lab_fault_command(&f, select, 4); /* its answer never leaves: N is that of the command */
    (void)lab_fault_command(&f, read, 4);
    lab_fault_response(&f, response, 2);
    assert_memory_equal(response, "\x90\x00", 2);
    (void)lab_fault_command(&f, select, 4);
    lab_fault_response(&f, response, 2);
    assert_memory_equal(response, "\x90\x02", 2);
    lab_fault_response(&f, response, 2); /* once */
    assert_memory_equal(response, "\x90\x02", 2);
    f = faults("flip 16 of response every 1"); /* beyond the end: modulo the length */
    (void)lab_fault_command(&f, select, 4);
    lab_fault_response(&f, response, 2);
    assert_memory_equal(response, "\x91\x02", 2);
    (void)lab_fault_command(&f, select, 4);
    lab_fault_response(&f, response, 0);
    /* A flipped instruction is still counted as what was sent. */
    f = faults("flip 8 of command 1");
    assert_int_equal(lab_fault_add(&f, "drop 1 A4", NULL), CR_OK);
    uint8_t command[] = {0x00, 0xA4, 0, 0};
    struct lab_fault_plan plan = lab_fault_command(&f, command, sizeof(command));
    assert_true(plan.drop);
    assert_int_equal(command[1], 0xA5);
}

static void memory(void **state)
{
    (void)state;
    struct lab_faults f = faults("cut at write 2");
    assert_true(lab_faults_of_memory(&f));
    assert_false(lab_fault_nvm(&f, NVM_BEFORE_COMMIT));
    assert_false(lab_fault_nvm(&f, NVM_WRITE));
    assert_true(lab_fault_nvm(&f, NVM_WRITE));
    assert_false(lab_fault_nvm(&f, NVM_WRITE));
    f = faults("cut after commit every 2");
    assert_false(lab_fault_nvm(&f, NVM_AFTER_COMMIT));
    assert_false(lab_fault_nvm(&f, NVM_BEFORE_COMMIT));
    assert_true(lab_fault_nvm(&f, NVM_AFTER_COMMIT));
    f = faults("cut after 2");
    assert_false(lab_faults_of_memory(&f));
    assert_false(lab_faults_delay(&f));
    f = faults("delay 1 at 1");
    assert_true(lab_faults_delay(&f));
}

static void not_too_many(void **state)
{
    (void)state;
    struct lab_faults f = {.count = 0};
    struct cr_err err;
    for (size_t i = 0; i < LAB_MAX_FAULTS; i++) {
        assert_int_equal(lab_fault_add(&f, "drop 1", &err), CR_OK);
    }
    assert_int_equal(lab_fault_add(&f, "drop 1", &err), CR_REFUSED);
}

/* What the help offers is what is read. */
static void help(void **state)
{
    (void)state;
    cr_buf text = {0};
    lab_fault_help(&text);
    const char *line = cr_buf_cstr(&text);
    size_t count = 0;
    while (strncmp(line, "N is", 4) != 0) {
        char sentence[32];
        struct lab_faults f = {.count = 0};
        struct cr_err err = {0};
        size_t n = 0;
        for (size_t i = 0; i < 24; i++) { /* numbers for the words in capitals */
            bool capital = line[i] >= 'A' && line[i] <= 'Z';
            bool again = n > 0 && capital && sentence[n - 1] == '7';
            if (!again) {
                sentence[n++] = capital ? '7' : line[i];
            }
        }
        sentence[n] = 0;
        if (lab_fault_add(&f, sentence, &err) != CR_OK) {
            fail_msg("'%s': %s", sentence, err.cause);
        }
        line = strchr(line, '\n') + 1;
        count++;
    }
    assert_int_equal(count, 9);
    cr_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes), cmocka_unit_test(which_command), cmocka_unit_test(bits),
        cmocka_unit_test(memory),   cmocka_unit_test(not_too_many),  cmocka_unit_test(help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
