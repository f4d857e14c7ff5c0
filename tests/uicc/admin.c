/*
 * CREATE, RESIZE, TERMINATE and the life cycle commands in their rarer forms (TS 102 222).
 */
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct step {
    const char *command, *answer;
};

/* "CREATE " or "RESIZE0 ", "RESIZE1 " (the mode) and the objects of an FCP template: the command
 * with its lengths. Everything else is an APDU. */
static const char *command_of(const char *text, char out[512])
{
    static const struct {
        const char *word, *header;
    } words[] = {{"CREATE ", "00E00000"}, {"RESIZE0 ", "80D40000"}, {"RESIZE1 ", "80D40100"}};
    for (size_t i = 0; i < CR_COUNT(words); i++) {
        size_t n = strlen(words[i].word);
        if (strncmp(text, words[i].word, n) == 0) {
            size_t bytes = strlen(text + n) / 2;
            (void)snprintf(out, 512, "%s%02zX62%02zX%s", words[i].header, bytes + 2, bytes,
                           text + n);
            return out;
        }
    }
    return text;
}

static void walk(struct sim *sim, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char command[512];
        const char *got = sim_send(sim, command_of(steps[i].command, command));
        if (strcmp(got, steps[i].answer) != 0) {
            fail_msg("step %zu %s: %s instead of %s", i, steps[i].command, got, steps[i].answer);
        }
    }
}

#define WALK(sim, ...)                                                                             \
    do {                                                                                           \
        static const struct step steps_[] = {__VA_ARGS__};                                         \
        walk((sim), steps_, CR_COUNT(steps_));                                                     \
    } while (0)

/* Rules of the file's own, compact (8C) and expanded (AB). */
static void rules_in_the_file(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define TR(fid)                                                                                    \
    "82024121"                                                                                     \
    "8302" fid "8A0105"
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {VERIFY_ADM1, "9000"},
         /* delete always, update never, read always */
         {"CREATE " TR("6F10") "8C04" "4300FF00" "80020002", "9000"},
         {"00B0000000", "FFFF9000"},
         {"00D600000155", "6982"},
         {"00A40004026F1000", "6218" TR("6F10") "8C04" "4300FF00" "80020002" "880180" "9000"},
         {"00E40000026F10", "9000"},
         /* read with PIN2, all with ADM1 */
         {"CREATE " TR("6F11") "AB16" "800101" PIN2 "80015B" ADM1 "80020002" "8800", "9000"},
         {"00B0000000", "FFFF9000"},
         {"00D600000155", "9000"});
    uicc_reset(sim->uicc);
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"00A4000C026F11", "9000"},
         {"00B0000000", "6982"},
         {VERIFY_PIN2, "9000"},
         {"00B0000000", "55FF9000"},
         {"00D600000155", "6982"},
         {VERIFY_ADM1, "9000"},
         /* no rule at all, an empty one, one with a condition too few or too many */
         {"CREATE " TR("6F12") "80020002", "6A80"},
         {"CREATE " TR("6F12") "AB00" "80020002", "6A80"},
         {"CREATE " TR("6F12") "8C0101" "80020002", "6A80"},
         {"CREATE " TR("6F12") "8C03010000" "80020002", "6A80"});
    /* clang-format on */
    sim_free(sim);
}

/* An ADF below the MF: its name can be selected, it is the current application. */
static void applications(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define ADF(name)                                                                                  \
    "82027821"                                                                                     \
    "83027FE0" name "8A0105"                                                                       \
    "8B032F0607"                                                                                   \
    "C606"                                                                                         \
    "900100"                                                                                       \
    "830101"
    /* clang-format off */
    WALK(sim,
         {"CREATE " ADF("8405A000000099"), "6982"},
         {VERIFY_ADM1, "9000"},
         {"CREATE " ADF("8405A000000099"), "9000"},
         {"80F2000107", "8405A0000000999000"},
         {"CREATE " "82024121" "83026F01" "8A0105" "8B032F0607" "80020001", "9000"},
         {"00D600000177", "9000"},
         {"00A4000C023F00", "9000"},
         {"00A4040C05A000000099", "9000"},
         {"00A4080C047FFF6F01", "9000"},
         {"00B0000001", "779000"},
         /* only below the MF; the name exists; too short; an EF has none */
         {"00A4000C027FFF", "9000"},
         {"CREATE " ADF("8405A000000098"), "6A80"},
         {"00A4000C023F00", "9000"},
         {"00E40000027FE1", "6A82"},
         {"CREATE " "82027821" "83027FE1" "8405A000000099" "8A0105" "8B032F0607" "C606900100830101",
          "6A89"},
         {"CREATE " ADF("8404A0000000"), "6A80"},
         {"CREATE " "82024121" "83022F77" "8405A000000098" "8A0105" "8B032F0607" "80020001",
          "6A80"},
         /* its FID is for nobody; from inside it can be deleted */
         {"00E40000027FE0", "6A82"},
         {"00A4040C05A000000099", "9000"},
         {"00E40000027FFF", "9000"},
         {"00A4040C05A000000099", "6A82"});
    /* clang-format on */
    sim_free(sim);
}

static void life_cycle_at_creation(void **state)
{
    (void)state;
    static const struct {
        uint8_t lcsi;
        uicc_sw sw;
    } rows[] = {{0x00, 0x6A80}, {0x01, 0x9000}, {0x02, 0x6A80}, {0x03, 0x9000},
                {0x04, 0x9000}, {0x05, 0x9000}, {0x06, 0x9000}, {0x07, 0x9000},
                {0x08, 0x6A80}, {0x0C, 0x6A80}, {0x0F, 0x6A80}, {0xFF, 0x6A80}};
    struct sim *sim = sim_new();
    SIM_SW(sim, VERIFY_ADM1, 0x9000);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char command[80];
        (void)snprintf(command, sizeof command,
                       "00E0000016"
                       "6214"
                       "82024121"
                       "83026E%02X"
                       "8A01%02X"
                       "8B032F0607"
                       "80020001",
                       (unsigned)i + 1, rows[i].lcsi);
        if (sim_sw(sim, command) != rows[i].sw) {
            fail_msg("life cycle status %02X: %s", rows[i].lcsi, sim->text);
        }
    }
    /* A file in creation state becomes active. */
    SIM_EXPECT(sim, "00440000026E02", "9000");
    (void)sim_send(sim, "00A40004026E0200");
    assert_non_null(strstr(sim->text, "8A0105"));
    sim_free(sim);
}

static void bertlv_sizes(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"00A4000C026FC0", "9000"},
         {"80DB00800480020102", "9000"},
         {"80DB0080048102AABB", "9000"},
         /* less than it holds: no, unless all may go */
         {"RESIZE0 " "83026FC0" "A503" "860104", "6A84"},
         {"80CB0080018000", "800201029000"},
         {"RESIZE0 " "83026FC0" "A503" "860108", "9000"},
         {"80CB0080018000", "800201029000"},
         {"80DB0080038201FF", "6A84"},
         {"00A40004026FC000", "62248202792183026FC0A50B8502000084010186020008"
                              "8A01058B036F0607800200008801609000"},
         {"RESIZE1 " "83026FC0" "A503" "860104", "9000"},
         {"80CB0080018000", "6A88"},
         {"80CB0080015C00", "5C009000"},
         {"80DB0080048002AABB", "9000"},
         /* the reserved size */
         {"RESIZE0 " "83026FC0" "A503" "850120", "9000"},
         {"00A40004026FC000", "62248202792183026FC0A50B8502002084010186020004"
                              "8A01058B036F0607800200208801609000"},
         /* mode 1 and a maximum are for BER-TLV files only */
         {"RESIZE1 " "83026F3B" "80020010", "6A86"},
         {"RESIZE0 " "83026F3B" "A503" "860104", "6A80"},
         {"80D402000A" "6208" "83026F3B" "80020010", "6A86"},
         {"80D400010A" "6208" "83026F3B" "80020010", "6A86"});
    /* clang-format on */
    sim_free(sim);
}

/* The record pointer of every channel is undefined behind a change of the size. */
static void resize_forgets_the_record(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {"0070000001", "019000"},
         {"01A4040C0C" USIM_AID, "9000"},
         {"00A4000C026F3B", "9000"},
         {"01A4000C026F3B", "9000"},
         {"01B2000204", "00AAAAAA9000"},
         {"01B2000204", "00AAAAAA9000"},
         {"01B2000404", "00AAAAAA9000"},
         {"RESIZE0 " "83026F3B" "80020004", "9000"},
         {"01B2000404", "6A83"}, /* no current record */
         {"01B2000204", "00AAAAAA9000"},
         {"01B2000204", "6A83"});
    /* clang-format on */
    sim_free(sim);
}

/* Deletion of the current DF: the one above is current. */
static void deletion_goes_up(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {SELECT_USIM, "9000"},
         {VERIFY_ADM1, "9000"},
         {"00A4000C025F3B", "9000"},
         {"00E40000025F3B", "9000"}, /* by its own FID */
         {"00A4000C026F07", "9000"}, /* a child of the ADF */
         {"00A4080C047FFF5F3B", "6A82"},
         {"00E40000026F99", "6A82"},
         {"00E40000023F00", "6A82"},
         /* the application itself, by 7FFF */
         {"00E40000027FFF", "9000"},
         {"80F2000100", "6A88"},
         {"00A4040C0C" USIM_AID, "6A82"},
         {"00A4000C022FE2", "9000"},
         {"00E40000027FFF", "6A82"});
    /* clang-format on */
    sim_free(sim);
}

/* An EF that ACTIVATE or DEACTIVATE names is the current one afterwards; after a failure nothing
 * has changed. */
static void the_named_file_is_current(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {VERIFY_ADM1, "9000"},
         {"00A4000C022FE2", "9000"},
         {"00040000022F05", "9000"},
         {"00B0000001", "6984"},
         {"00440000022F05", "9000"},
         {"00B0000001", "FF9000"},
         {SELECT_USIM, "9000"},
         {"00040800047FFF6F07", "9000"},
         {"00B0000001", "6984"},
         {"00440900026F07", "9000"},
         {"00B0000001", "089000"},
         {"00040000026F99", "6A82"},
         {"00B0000001", "089000"},
         {"00040000026F46", "6982"}, /* never */
         {"00B0000001", "089000"},
         {"00040000", "9000"},
         {"00B0000001", "6984"},
         {"00440000", "9000"},
         {"00B0000001", "089000"},
         /* the DF itself by its FID, and the application by 7FFF */
         {"00A4000C025F3B", "9000"},
         {"00040000025F3B", "9000"},
         {"00A4000C024F20", "9000"},
         {"00B0000001", "6985"},
         {"00440000025F3B", "9000"},
         {"00B0000001", "FF9000"},
         {SELECT_USIM, "9000"},
         {"00040000027FFF", "9000"},
         {"00A4000C026F07", "9000"},
         {"00B0000001", "6985"},
         {"00A4040C0C" USIM_AID, "6283"},
         {"00440000027FFF", "9000"},
         {"00A4000C023F00", "9000"},
         {"00040000023F00", "6A82"}, /* not the MF */
         {"00440000027FFF", "6A82"});
    /* clang-format on */
    sim_free(sim);
}

static void termination(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* The rules of the sim do not let anybody terminate a DF: one that does. */
    uicc_file df =
        sim_file(sim, sim->mf,
                 (struct uicc_file_attr){.kind = UICC_DF, .fid = 0x7F66, .arr_record = 7}, NULL);
    sim_file(
        sim, df,
        (struct uicc_file_attr){
            .kind = UICC_TRANSPARENT, .fid = 0x6F01, .arr_fid = 0x2F06, .arr_record = 7, .size = 1},
        NULL);
    /* clang-format off */
    WALK(sim,
         {"00A4000C027F66", "9000"},
         {"00A4000C026F01", "9000"},
         {"00E60000", "9000"}, /* without data: the current DF */
         {"00A4000C027F66", "6284"},
         {"00A4000C026F01", "9000"},
         {"00B0000001", "6985"},
         {"00440000027F66", "6985"}, /* for ever */
         {"00E60000027F66", "6985"},
         {"00E8000002" "6F01", "9000"},
         {"00A4000C026F01", "6284"},
         {"00E80000027F66", "6981"}, /* TERMINATE EF of a DF */
         {"00E60000026F01", "6981"});
    /* clang-format on */
    sim_free(sim);
}

static void card_usage(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    /* clang-format off */
    WALK(sim,
         {"00FE0000", "6982"},
         {"00FE0001", "6A86"},
         {"00FE0100", "6A86"},
         {"00FE00000100", "6700"},
         {"80FE0000", "6E00"},
         {VERIFY_ADM1, "9000"},
         {"00FE0000", "6982"}); /* the rule of the MF does not let ADM1 either */
    /* clang-format on */
    static const uint8_t keys[] = {0x01, 0x0A};
    struct uicc_fs fs;
    assert_true(uicc_fs_init(&fs, sim->nvm, cr_span_str("p/2/")));
    uicc_file mf = 0, ef = 0;
    static const uint8_t terminate[] = {0x80, 0x01, 0x20, 0x90, 0x00};
    assert_int_equal(uicc_fs_create(&fs, 0,
                                    &(struct uicc_file_attr){.kind = UICC_MF,
                                                             .fid = 0x3F00,
                                                             .rule_tag = UICC_RULE_EXPANDED,
                                                             .rule = CR_SPAN_ARRAY(terminate),
                                                             .pin_status = CR_SPAN_ARRAY(keys)},
                                    &mf, &sim->err),
                     CR_OK);
    static const uint8_t always[] = {0x80, 0x01, 0x7F, 0x90, 0x00};
    assert_int_equal(uicc_fs_create(&fs, mf,
                                    &(struct uicc_file_attr){.kind = UICC_TRANSPARENT,
                                                             .fid = 0x2F05,
                                                             .rule_tag = UICC_RULE_EXPANDED,
                                                             .rule = CR_SPAN_ARRAY(always),
                                                             .size = 1},
                                    &ef, &sim->err),
                     CR_OK);
    assert_int_equal(uicc_set_profile(sim->uicc, cr_span_str("p/2/"), &sim->err), CR_OK);
    /* clang-format off */
    WALK(sim,
         {"00A4000C022F05", "9000"},
         {"00B0000001", "FF9000"},
         {"00FE0000", "9000"},
         {"00B0000001", "6985"},
         {"00A4000C023F00", "6284"},
         {"00A4000C022F05", "9000"},
         {"00D600000100", "6985"},
         {"00440000", "9000"}, /* the EF has a life cycle of its own, and is no use */
         {"00B0000001", "6985"},
         {"00FE0000", "6985"});
    /* clang-format on */
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, "00A4000C023F00", "6284");
    sim_free(sim);
}

/* Records of the version before rules in files are still read. */
static void old_file_records(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct uicc_file_attr before, after;
    char key[UICC_KEY_SIZE];
    cr_span k = uicc_fs_key(&sim->fs, key, 'f', sim->usim, -1);
    assert_true(uicc_fs_attr(&sim->fs, sim->usim, &before));
    cr_span v = nvm_get(sim->nvm, k);
    uint8_t old[128];
    assert_in_range(v.n, 33, sizeof old);
    memcpy(old, v.p, 30); /* two bytes less, and the older number */
    memcpy(old + 30, v.p + 32, v.n - 32);
    old[0] = 1;
    uint8_t aid[UICC_MAX_AID];
    memcpy(aid, before.aid.p, before.aid.n);
    size_t aid_size = before.aid.n;
    assert_int_equal(nvm_put(sim->nvm, k, cr_span_of(old, v.n - 2), &sim->err), CR_OK);
    assert_true(uicc_fs_attr(&sim->fs, sim->usim, &after));
    assert_true(cr_span_equal(after.aid, cr_span_of(aid, aid_size)));
    assert_int_equal(after.rule_tag, 0);
    assert_int_equal(after.pin_status.n, 4);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    /* any other version is none */
    old[0] = 3;
    assert_int_equal(nvm_put(sim->nvm, k, cr_span_of(old, aid_size + 34), &sim->err), CR_OK);
    assert_false(uicc_fs_attr(&sim->fs, sim->usim, &after));
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_in_the_file),
        cmocka_unit_test(applications),
        cmocka_unit_test(life_cycle_at_creation),
        cmocka_unit_test(bertlv_sizes),
        cmocka_unit_test(resize_forgets_the_record),
        cmocka_unit_test(deletion_goes_up),
        cmocka_unit_test(the_named_file_is_current),
        cmocka_unit_test(termination),
        cmocka_unit_test(card_usage),
        cmocka_unit_test(old_file_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
