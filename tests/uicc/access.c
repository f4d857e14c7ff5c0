#include "uicc/access.h"
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct keys {
    uint8_t verified[4];
    size_t n;
};

static bool key(const void *ctx, uint8_t reference)
{
    const struct keys *keys = ctx;
    return memchr(keys->verified, reference, keys->n) != NULL;
}

#define NOT_PIN1 "A708" PIN1
#define AND_12   "AF10" PIN1 PIN2
#define OR_12    "A010" PIN1 PIN2
#define READ     0x01
#define UPDATE   0x02

static void rules_are_evaluated(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        uint8_t mode, ins;
        struct keys keys;
        bool allowed;
    } cases[] = {
        {"8001019000", READ, 0, {{0}, 0}, true},
        {"8001019000", UPDATE, 0, {{0}, 0}, false},
        {"8001019700", READ, 0, {{1}, 1}, false},
        {"800101" PIN1, READ, 0, {{0}, 0}, false},
        {"800101" PIN1, READ, 0, {{1}, 1}, true},
        {"800101" PIN1, READ, 0, {{0x81}, 1}, false},
        /* the second rule of the list */
        {"8001019000800102" PIN1, UPDATE, 0, {{1}, 1}, true},
        {"8001019000800102" PIN1, UPDATE, 0, {{0}, 0}, false},
        /* several rules for one operation, several conditions of one rule: one is enough */
        {"800101" PIN1 "800101" PIN2, READ, 0, {{0x81}, 1}, true},
        {"800101" PIN1 PIN2, READ, 0, {{0x81}, 1}, true},
        {"800101" PIN1 PIN2, READ, 0, {{0}, 0}, false},
        /* two access modes with a common condition */
        {"800102840132" PIN1, UPDATE, 0, {{1}, 1}, true},
        {"800102840132" PIN1, 0, 0x32, {{1}, 1}, true},
        {"800102840132" PIN1, READ, 0, {{1}, 1}, false},
        /* instructions */
        {"840132" PIN1, 0, 0x32, {{1}, 1}, true},
        {"840132" PIN1, 0, 0xD4, {{1}, 1}, false},
        {"8402D4329000", 0, 0x32, {{0}, 0}, true},
        {"8401329000", READ, 0xB0, {{0}, 0}, false},
        {"8401B09000", READ, 0xB0, {{0}, 0}, true},
        /* combinations */
        {"800101" AND_12, READ, 0, {{1}, 1}, false},
        {"800101" AND_12, READ, 0, {{1, 0x81}, 2}, true},
        {"800101" OR_12, READ, 0, {{0x81}, 1}, true},
        {"800101" OR_12, READ, 0, {{0x0A}, 1}, false},
        {"800101" NOT_PIN1, READ, 0, {{1}, 1}, false},
        {"800101" NOT_PIN1, READ, 0, {{0}, 0}, true},
        {"800101A000", READ, 0, {{0}, 0}, false},
        {"800101AF00", READ, 0, {{0}, 0}, false},
        {"800101A700", READ, 0, {{0}, 0}, false},
        {"800101A70490009000", READ, 0, {{0}, 0}, false},
        /* security condition byte */
        {"8001019E0100", READ, 0, {{0}, 0}, true},
        {"8001019E01FF", READ, 0, {{0}, 0}, false},
        {"8001019E0112", READ, 0, {{0}, 0}, false},
        {"800101A7039E0112", READ, 0, {{0}, 0}, false},
        /* what is not understood is no, in a NOT too */
        {"800101B400", READ, 0, {{0}, 0}, false},
        {"800101A702B400", READ, 0, {{0}, 0}, false},
        {"800101A403950108", READ, 0, {{1}, 1}, false},
        {"800101A406830101950110", READ, 0, {{1}, 1}, false},
        {"800101A403830101", READ, 0, {{1}, 1}, true},
        {"8001819000", READ, 0, {{0}, 0}, false},
        {"80009000", READ, 0, {{0}, 0}, false},
        {"8001019001", READ, 0, {{0}, 0}, false},
        /* padding, broken TLVs, nothing */
        {"8001019000FFFFFF", UPDATE, 0, {{0}, 0}, false},
        {"FFFFFF8001019000", READ, 0, {{0}, 0}, false},
        {"8001019700800190", READ, 0, {{0}, 0}, false},
        {"8010019000", READ, 0, {{0}, 0}, false},
        {"800101", READ, 0, {{0}, 0}, false},
        {"", READ, 0, {{0}, 0}, false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim_bytes b = sim_hex(cases[i].rule);
        struct uicc_access access = {.mode = cases[i].mode, .ins = cases[i].ins};
        bool allowed = uicc_access_rule(cr_span_of(b.p, b.n), access, key, &cases[i].keys);
        if (allowed != cases[i].allowed) {
            fail_msg("rule %zu: %s", i, cases[i].rule);
        }
    }
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char rule[256] = "9000";
    for (int depth = 0; depth < 20; depth++) {
        char next[256];
        struct uicc_access access = {.mode = READ};
        (void)snprintf(next, sizeof next, "A0%02zX%.200s", strlen(rule) / 2, rule);
        memcpy(rule, next, sizeof rule);
        char whole[300];
        (void)snprintf(whole, sizeof whole, "800101%s", rule);
        struct sim_bytes b = sim_hex(whole);
        struct keys none = {.n = 0};
        bool allowed = uicc_access_rule(cr_span_of(b.p, b.n), access, key, &none);
        assert_int_equal(allowed, depth < 6);
    }
}

/* Lists of command headers: the low bits of the tag say which of CLA, INS, P1, P2 are given. */
static void command_headers(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        struct uicc_access access;
        bool allowed;
    } cases[] = {
        {"8C0280329000", {.cla = 0x80, .ins = 0x32}, true},
        {"8C0280329000", {.cla = 0x81, .ins = 0x32}, true}, /* another channel */
        {"8C0280329000", {.cla = 0x00, .ins = 0x32}, false},
        {"8C0480D480329000", {.cla = 0x80, .ins = 0x32}, true},
        {"8C0380D4809000", {.cla = 0x80, .ins = 0xD4}, false}, /* no whole header */
        {"860232019000", {.ins = 0x32, .p1 = 0x01}, true},
        {"860232019000", {.ins = 0x32, .p1 = 0x02}, false},
        {"850232059000", {.ins = 0x32, .p1 = 0x01, .p2 = 0x05}, true},
        {"850232059000", {.ins = 0x32, .p1 = 0x05, .p2 = 0x01}, false},
        {"8F04803201059000", {.cla = 0x80, .ins = 0x32, .p1 = 0x01, .p2 = 0x05}, true},
        {"8F04803201059000", {.cla = 0x80, .ins = 0x32, .p1 = 0x01, .p2 = 0x04}, false},
        {"8F04803201059000", {.cla = 0x80, .ins = 0x33, .p1 = 0x01, .p2 = 0x05}, false},
        /* a class or a parameter alone says nothing */
        {"8801809000", {.cla = 0x80, .ins = 0x32}, false},
        {"8201019000", {.ins = 0x32, .p1 = 0x01}, false},
        {"8101019000", {.ins = 0x32, .p2 = 0x01}, false},
        {"84009000", {.ins = 0x32}, false},
    };
    const struct keys none = {.n = 0};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim_bytes b = sim_hex(cases[i].rule);
        if (uicc_access_rule(cr_span_of(b.p, b.n), cases[i].access, key, &none) !=
            cases[i].allowed) {
            fail_msg("rule %zu: %s", i, cases[i].rule);
        }
    }
}

static void compact_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        uint8_t mode;
        bool allowed;
    } cases[] = {
        {"0100", READ, true},
        {"01FF", READ, false},
        {"0111", READ, false}, /* names an environment */
        {"0100", UPDATE, false},
        {"03FF00", READ, true},
        {"03FF00", UPDATE, false},
        {"0300FF", UPDATE, true},
        {"0300FF", READ, false},
        {"7FFFFFFFFFFFFF00", READ, true},
        {"7F00FFFFFFFFFFFF", 0x40, true},
        {"7F00FFFFFFFFFFFF", 0x20, false},
        {"8100", READ, false}, /* modes of somebody's own */
        {"03FF", READ, false}, /* the condition is missing */
        {"0100", 0, false},    /* an instruction */
        {"00", READ, false},
        {"", READ, false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim_bytes b = sim_hex(cases[i].rule);
        struct uicc_access access = {.mode = cases[i].mode, .ins = 0x32};
        if (uicc_access_compact(cr_span_of(b.p, b.n), access) != cases[i].allowed) {
            fail_msg("rule %zu: %s", i, cases[i].rule);
        }
    }
}

/* Every file of the profile with each key: which of READ, UPDATE, DEACTIVATE is allowed. */
static void rights_matrix(void **state)
{
    (void)state;
    static const struct {
        const char *select;
        const char *read, *update;
        /* for: nobody, PIN1, PIN1 and PIN2, ADM1 */
        const char *may_read, *may_update, *may_deactivate;
    } rows[] = {
        {"00A4080C022FE2", "00B0000001", "00D600000198", "1111", "0001", "0001"},
        {"00A4080C022F05", "00B0000001", "00D6000001FF", "1111", "1111", "1111"},
        {"00A4080C047FFF6F07", "00B0000001", "00D600000108", "0110", "0001", "0001"},
        {"00A4080C047FFF6F7E", "00B0000001", "00D6000001FF", "0110", "0110", "0001"},
        {"00A4080C047FFF6F45", "00B0000001", "00D6000001FF", "0110", "0010", "0001"},
        {"00A4080C047FFF6F46", "00B0000001", "00D6000001FF", "0000", "0000", "0000"},
        {"00A4080C047FFF6FB7", "00B201040E", "00DC01040E11F2FF4D6F766965FFFFFFFFFFFF", "0010",
         "0010", "0000"},
        {"00A4080C047FFF6F39", "00B2010403", "00DC000303000001", "0110", "0110", "0001"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        for (int who = 0; who < 4; who++) {
            struct sim *sim = sim_new();
            SIM_SW(sim, ENABLE_PIN1, 0x9000);
            uicc_reset(sim->uicc);
            SIM_SW(sim, SELECT_USIM, 0x9000);
            if (who == 1 || who == 2) {
                SIM_SW(sim, VERIFY_PIN1, 0x9000);
            }
            if (who == 2) {
                SIM_SW(sim, VERIFY_PIN2, 0x9000);
            }
            if (who == 3) {
                SIM_SW(sim, VERIFY_ADM1, 0x9000);
            }
            SIM_SW(sim, rows[i].select, 0x9000);
            bool read = sim_sw(sim, rows[i].read) == 0x9000;
            bool update = sim_sw(sim, rows[i].update) == 0x9000;
            uicc_sw sw = sim_sw(sim, "00040000");
            bool same = read == (rows[i].may_read[who] == '1') &&
                        update == (rows[i].may_update[who] == '1') &&
                        sw == (rows[i].may_deactivate[who] == '1' ? 0x9000 : 0x6982);
            if (!same) {
                fail_msg("%s for %d: read %d update %d, deactivate %04X", rows[i].select, who, read,
                         update, sw);
            }
            sim_free(sim);
        }
    }
}

/* A rule that names a record or a file that is not there opens nothing. */
static void missing_rules_are_never(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    sim_file(sim, sim->mf,
             (struct uicc_file_attr){.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 1}, NULL);
    sim_file(sim, sim->mf,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x6F02, .size = 1, .arr_record = 99},
             NULL);
    sim_file(
        sim, sim->mf,
        (struct uicc_file_attr){
            .kind = UICC_TRANSPARENT, .fid = 0x6F03, .size = 1, .arr_fid = 0x6F06, .arr_record = 7},
        NULL);
    sim_file(
        sim, sim->mf,
        (struct uicc_file_attr){
            .kind = UICC_TRANSPARENT, .fid = 0x6F04, .size = 1, .arr_fid = 0x2FE2, .arr_record = 1},
        NULL);
    for (int i = 1; i <= 4; i++) {
        char select[32];
        (void)snprintf(select, sizeof select, "00A4000C026F%02X", i);
        SIM_SW(sim, VERIFY_ADM1, 0x9000);
        SIM_SW(sim, select, 0x9000);
        SIM_SW(sim, "00B0000001", 0x6982);
    }
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_evaluated), cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(command_headers),     cmocka_unit_test(compact_rules),
        cmocka_unit_test(rights_matrix),       cmocka_unit_test(missing_rules_are_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
