/*
 * Who may do what: every operation on files with each of the access rules that the templates of
 * profile packages point at, with each key. What is expected is written down here by hand; the
 * rules are those of profile/template.h.
 */
#include "sim.h"

#include "profile/template.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RULE_SIZE 40

/* Keys: nobody, PIN1, PIN2, ADM1. */
static const char *const verify[] = {NULL, VERIFY_PIN1, VERIFY_PIN2, VERIFY_ADM1};
static const char key_letters[] = {'-', '1', '2', 'M'};

/* a = always, '-' = never, else the letter of the key. */
static bool may(char letter, size_t key)
{
    return letter == 'a' || (letter != '-' && letter == key_letters[key]);
}

/* EFs 6E01 to 6E0D (transparent) and 6E21 to 6E2D (cyclic) with rule 1 to 13, DF 5F0E with rule 14.
 */
static struct sim *rights_sim(void)
{
    struct sim *sim = sim_new();
    uicc_file old = uicc_fs_child(&sim->fs, sim->usim, 0x6F06);
    assert_int_equal(uicc_fs_delete(&sim->fs, old, &sim->err), CR_OK);
    uicc_file arr = sim_file(sim, sim->usim,
                             (struct uicc_file_attr){.kind = UICC_LINEAR,
                                                     .fid = 0x6F06,
                                                     .arr_record = 10,
                                                     .record_size = RULE_SIZE,
                                                     .size = RULE_SIZE * PROFILE_ARR_RULES},
                             NULL);
    for (uint8_t rule = 1; rule <= PROFILE_ARR_RULES; rule++) {
        assert_int_equal(uicc_fs_write(&sim->fs, arr, (rule - 1U) * RULE_SIZE,
                                       profile_arr_rule(rule), &sim->err),
                         CR_OK);
        if (rule == PROFILE_ARR_RULES) {
            sim_file(sim, sim->usim,
                     (struct uicc_file_attr){.kind = UICC_DF, .fid = 0x5F0E, .arr_record = rule},
                     NULL);
            continue;
        }
        sim_file(sim, sim->usim,
                 (struct uicc_file_attr){
                     .kind = UICC_TRANSPARENT, .fid = 0x6E00 + rule, .arr_record = rule, .size = 4},
                 NULL);
        sim_file(sim, sim->usim,
                 (struct uicc_file_attr){.kind = UICC_CYCLIC,
                                         .fid = 0x6E20 + rule,
                                         .arr_record = rule,
                                         .record_size = 3,
                                         .size = 6},
                 "000001000002");
    }
    SIM_SW(sim, ENABLE_PIN1, 0x9000);
    uicc_reset(sim->uicc);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    return sim;
}

struct operation {
    const char *name;
    const char *command; /* %02X = rule */
};

/* One operation with one key: 9000 or 6982, and nothing in between. */
static void try(const struct operation *operation, const char *select, const char *command,
                size_t key, bool allowed)
{
    struct sim *sim = rights_sim();
    if (verify[key]) {
        SIM_SW(sim, verify[key], 0x9000);
    }
    SIM_SW(sim, select, 0x9000);
    uicc_sw sw = sim_sw(sim, command);
    if (sw != (allowed ? 0x9000 : 0x6982)) {
        fail_msg("%s with key %c: %04X", operation->name, key_letters[key], sw);
    }
    sim_free(sim);
}

static void run_operations(uint8_t rule, unsigned base, const char *letters,
                           const struct operation *operations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t key = 0; key < CR_COUNT(verify); key++) {
            char select[32], command[96], name[64];
            (void)snprintf(select, sizeof select, "00A4000C02%04X", base + rule);
            /* xx in the command is the low byte of the FID */
            (void)snprintf(command, sizeof command, "%s", operations[i].command);
            char *xx = strstr(command, "xx");
            if (xx) {
                char low[3];
                (void)snprintf(low, sizeof low, "%02X", (base + rule) & 0xFF);
                memcpy(xx, low, 2);
            }
            (void)snprintf(name, sizeof name, "rule %u, %s", rule, operations[i].name);
            const struct operation named = {name, NULL};
            try(&named, select, command, key, may(letters[i], key));
        }
    }
}

static void transparent_files(void **state)
{
    (void)state;
    static const struct operation operations[] = {
        {"READ BINARY", "00B0000004"},
        {"UPDATE BINARY", "00D600000155"},
        {"DEACTIVATE FILE", "00040000"},
        {"ACTIVATE FILE", "00440000"},
        {"DELETE FILE", "00E40000026Exx"},
        {"TERMINATE EF", "00E80000"},
        {"RESIZE FILE", "80D400000A620883026Exx80020005"},
    };
    static const char *const letters[] = {
        "a1MMM--", "1MMMM--", "MMMMM--", "a---M--", "11MMM--", "1MM1M--", "11MMM--",
        "12MMM--", "a111M--", "aMMMM--", "a-MM---", "1------", "11M1M--",
    };
    for (uint8_t rule = 1; rule < PROFILE_ARR_RULES; rule++) {
        run_operations(rule, 0x6E00, letters[rule - 1], operations, CR_COUNT(operations));
    }
}

static void record_files(void **state)
{
    (void)state;
    static const struct operation operations[] = {
        {"READ RECORD", "00B2010403"},
        {"SEARCH RECORD", "00A20104020000FF"},
        {"UPDATE RECORD", "00DC000303000007"},
        {"INCREASE", "80320000010100"},
    };
    static const char *const letters[] = {
        "aa1-", "11M-", "MMM-", "aa--", "111-", "11M-", "1111",
        "112-", "aa1-", "aaM-", "aa--", "11--", "111-",
    };
    for (uint8_t rule = 1; rule < PROFILE_ARR_RULES; rule++) {
        run_operations(rule, 0x6E20, letters[rule - 1], operations, CR_COUNT(operations));
    }
}

static void directories(void **state)
{
    (void)state;
    static const struct operation operations[] = {
        {"CREATE FILE of an EF", "00E0000016621482024121"
                                 "83024F01"
                                 "8A0105"
                                 "8B036F0602"
                                 "80020001"},
        {"CREATE FILE of a DF", "00E000001A62188202782183025F018A01058B036F060EC606900100830101"},
        {"DEACTIVATE FILE", "00040000025Fxx"},
        {"ACTIVATE FILE", "00440000025Fxx"},
        {"DELETE FILE", "00E40000025Fxx"},
        {"TERMINATE DF", "00E60000"},
    };
    run_operations(PROFILE_ARR_RULES, 0x5F00, "MMMMM-", operations, CR_COUNT(operations));
}

/* The key of one application opens nothing in another, and the key of one DF nothing beside it. */
static void keys_of_others(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    uicc_file file =
        sim_file(sim, sim->isim,
                 (struct uicc_file_attr){
                     .kind = UICC_TRANSPARENT, .fid = 0x6F45, .arr_record = 4, .size = 1},
                 NULL);
    assert_int_not_equal(file, 0);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    SIM_SW(sim, VERIFY_PIN2, 0x9000);
    SIM_SW(sim, "00A4000C026F45", 0x9000);
    SIM_SW(sim, "00D600000155", 0x9000);
    SIM_SW(sim, SELECT_ISIM, 0x9000);
    SIM_SW(sim, "00A4000C026F45", 0x9000);
    SIM_SW(sim, "00D600000155", 0x6982);
    SIM_SW(sim, "002000810838383838FFFFFFFF", 0x9000);
    SIM_SW(sim, "00D600000155", 0x9000);
    /* on another channel in the same application it counts, in another application it does not */
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_SW(sim, "01A4040C0C" ISIM_AID, 0x9000);
    SIM_SW(sim, "01A4000C026F45", 0x9000);
    SIM_SW(sim, "01D600000156", 0x9000);
    SIM_SW(sim, "01A4040C0C" USIM_AID, 0x9000);
    SIM_SW(sim, "01A4000C026F45", 0x9000);
    SIM_SW(sim, "01D600000156", 0x6982);
    sim_free(sim);
}

/* A PIN that blocks shuts what was open. */
static void blocked_pins(void **state)
{
    (void)state;
    struct sim *sim = rights_sim();
    SIM_SW(sim, VERIFY_PIN1, 0x9000);
    SIM_SW(sim, "00A4000C026E05", 0x9000);
    SIM_SW(sim, "00B0000004", 0x9000);
    for (int i = 2; i >= 0; i--) {
        SIM_SW(sim, "002000010839393939FFFFFFFF", (uicc_sw)(0x63C0 | i));
        SIM_SW(sim, "00B0000004", 0x6982);
    }
    SIM_SW(sim, VERIFY_PIN1, 0x6983);
    SIM_SW(sim, "00B0000004", 0x6982);
    SIM_SW(sim, "002C000110313131313131313130303030FFFFFFFF", 0x9000);
    SIM_SW(sim, "00B0000004", 0x9000);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transparent_files), cmocka_unit_test(record_files),
        cmocka_unit_test(directories),       cmocka_unit_test(keys_of_others),
        cmocka_unit_test(blocked_pins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
