/* Policy rules against the Rules Authorisation Table (SGP.22 2.9.2.4), case by case. */
#include "fake.h"

#include "lpa/rat.h"
#include "rsp/rat.h"

#define RULE_1 RSP_PPR1
#define RULE_2 RSP_PPR2

/* One line of a table: rules, mccMnc, gid1 ("-" absent, "" empty), consent. */
struct line {
    uint64_t rules;
    const char *mcc_mnc, *gid1;
    bool consent;
};

struct row {
    const char *name;
    struct line table[3]; /* ends with rules 0 */
    uint64_t rules;
    const char *owner, *gid1; /* owner NULL = none */
    uint64_t forbidden;
    bool operational;
    enum lpa_ppr_verdict verdict;
    uint64_t rule;
};

static const struct row rows[] = {
    {"no rules", {{0}}, 0, "00F110", "-", 0, true, LPA_PPR_NONE, 0},
    {"update control alone is no rule",
     {{0}},
     RSP_PPR_UPDATE_CONTROL,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_NONE,
     0},
    {"a reserved bit is none", {{0}}, 1 << 3, "00F110", "-", 0, false, LPA_PPR_NONE, 0},
    {"empty table", {{0}}, RULE_2, "00F110", "-", 0, false, LPA_PPR_NOT_IN_RAT, RULE_2},
    {"exact operator",
     {{RULE_2, "00F110", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"other operator",
     {{RULE_2, "00F120", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_2},
    {"any operator",
     {{RULE_2, "EEEEEE", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"any network of a country",
     {{RULE_2, "00E1EE", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"wildcard nibbles",
     {{RULE_2, "00FEEE", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"rule of another kind",
     {{RULE_1, "EEEEEE", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_2},
    {"consent",
     {{RULE_2, "EEEEEE", "-", true}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_CONSENT,
     RULE_2},
    {"the first match decides: no consent",
     {{RULE_2, "00F110", "-", false}, {RULE_2, "EEEEEE", "-", true}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"the first match decides: consent",
     {{RULE_2, "EEEEEE", "-", true}, {RULE_2, "00F110", "-", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_CONSENT,
     RULE_2},
    {"gid absent, profile has one",
     {{RULE_2, "EEEEEE", "-", false}},
     RULE_2,
     "00F110",
     "AA",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_2},
    {"gid empty means any",
     {{RULE_2, "EEEEEE", "", false}},
     RULE_2,
     "00F110",
     "AA",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"gid empty means none too",
     {{RULE_2, "EEEEEE", "", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"gid equal",
     {{RULE_2, "EEEEEE", "AA", false}},
     RULE_2,
     "00F110",
     "AA",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"gid other",
     {{RULE_2, "EEEEEE", "AA", false}},
     RULE_2,
     "00F110",
     "AB",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_2},
    {"gid wanted, profile has none",
     {{RULE_2, "EEEEEE", "AA", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_2},
    {"no owner",
     {{RULE_2, "EEEEEE", "", false}},
     RULE_2,
     NULL,
     "-",
     0,
     false,
     LPA_PPR_NO_OWNER,
     RULE_2},
    {"forbidden",
     {{RULE_2, "EEEEEE", "", false}},
     RULE_2,
     "00F110",
     "-",
     RULE_2,
     false,
     LPA_PPR_FORBIDDEN,
     RULE_2},
    {"another one forbidden",
     {{RULE_2, "EEEEEE", "", false}},
     RULE_2,
     "00F110",
     "-",
     RULE_1,
     false,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"PPR1 beside another profile",
     {{RULE_1, "EEEEEE", "", false}},
     RULE_1,
     "00F110",
     "-",
     0,
     true,
     LPA_PPR_OPERATIONAL_EXISTS,
     RULE_1},
    {"PPR1 as the first profile",
     {{RULE_1, "EEEEEE", "", false}},
     RULE_1,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_ALLOWED,
     RULE_1},
    {"PPR2 beside another profile",
     {{RULE_2, "EEEEEE", "", false}},
     RULE_2,
     "00F110",
     "-",
     0,
     true,
     LPA_PPR_ALLOWED,
     RULE_2},
    {"both, one with consent",
     {{RULE_1, "EEEEEE", "", false}, {RULE_2, "EEEEEE", "", true}},
     RULE_1 | RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_CONSENT,
     RULE_2},
    {"both, one not allowed",
     {{RULE_1, "EEEEEE", "", false}},
     RULE_1 | RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_2},
    {"both, the refusal wins over consent",
     {{RULE_2, "EEEEEE", "", true}},
     RULE_1 | RULE_2,
     "00F110",
     "-",
     0,
     false,
     LPA_PPR_NOT_IN_RAT,
     RULE_1},
};

static cr_span gid(cr_arena *arena, const char *text)
{
    return strcmp(text, "-") == 0 ? (cr_span){0} : fake_hex(arena, text);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        cr_arena arena = {0};
        struct rsp_operator_id operators[3] = {0};
        struct rsp_profile_policy_authorisation_rule table[3] = {0};
        struct rsp_get_rat_response rat = {.rat = {.items = table, .present = true}};
        for (size_t j = 0; j < 3 && row->table[j].rules; j++) {
            operators[j] =
                (struct rsp_operator_id){.mcc_mnc = fake_hex(&arena, row->table[j].mcc_mnc),
                                         .gid1 = gid(&arena, row->table[j].gid1)};
            table[j].ppr_ids = row->table[j].rules;
            table[j].ppr_flags = row->table[j].consent ? RSP_PPR_CONSENT_REQUIRED : 0;
            table[j].allowed_operators.items = &operators[j];
            table[j].allowed_operators.count = 1;
            rat.rat.count++;
        }
        struct rsp_store_metadata metadata = {.has_profile_policy_rules = row->rules != 0,
                                              .profile_policy_rules = row->rules};
        if (row->owner) {
            metadata.has_profile_owner = true;
            metadata.profile_owner.mcc_mnc = fake_hex(&arena, row->owner);
            metadata.profile_owner.gid1 = gid(&arena, row->gid1);
        }
        struct lpa_ppr_result got =
            lpa_rat_evaluate(&metadata, &rat, row->forbidden, row->operational);
        if (got.verdict != row->verdict || got.rule != row->rule) {
            fail_msg("%s: verdict %d, rule %llu", row->name, (int)got.verdict,
                     (unsigned long long)got.rule);
        }
        cr_arena_free(&arena);
    }
}

static void test_odd_operators(void **state)
{
    (void)state;
    struct rsp_operator_id entry = {.mcc_mnc = cr_span_of("\xEE\xEE", 2)};
    struct rsp_operator_id owner = {.mcc_mnc = cr_span_of("\x00\xF1\x10", 3)};
    assert_false(rsp_rat_operator_matches(&entry, &owner)); /* cut */
    entry.mcc_mnc = cr_span_of("\xEE\xEE\xEE", 3);
    assert_true(rsp_rat_operator_matches(&entry, &owner));
    owner.gid2 = cr_span_of("\x01", 1);
    assert_false(rsp_rat_operator_matches(&entry, &owner));
    entry.gid2 = cr_span_of("", 0);
    assert_true(rsp_rat_operator_matches(&entry, &owner));
    /* A wildcard of the owner is none. */
    owner.mcc_mnc = cr_span_of("\xEE\xEE\xEE", 3);
    entry.mcc_mnc = cr_span_of("\x00\xF1\x10", 3);
    assert_false(rsp_rat_operator_matches(&entry, &owner));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_odd_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
