/*
 * The whole matrix of policies: every POL1 and every POL2, for every operation, by every kind of
 * caller, executed against a chip. docs/policies.md is printed from what happened (--print).
 */
#include "rig.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

static const char *docs;

struct operation {
    const char *title, *text;
    enum soap_name name;
    bool of_other; /* the rules are those of the Profile that gives way */
    int target;    /* its state: 'E', 'D' */
};

static const struct operation operations[] = {
    {"EnableProfile: rules of the Profile that is enabled", "The target has none.",
     SOAP_ENABLE_PROFILE, true, 'D'},
    {"EnableProfile: rules of the target", "The Profile that gives way has none.",
     SOAP_ENABLE_PROFILE, false, 'D'},
    {"DisableProfile", "The Fall-Back Profile takes over.", SOAP_DISABLE_PROFILE, false, 'E'},
    {"DeleteProfile, of a Disabled one", "", SOAP_DELETE_PROFILE, false, 'D'},
    {"DeleteProfile, of an Enabled one", "It is disabled first.", SOAP_DELETE_PROFILE, false, 'E'},
    {"Master Delete", "Of a Disabled one, with the Delete Token of its SM-DP.", 0, false, 'D'},
};

static const struct {
    const char *party;
    enum soap_interface interface;
} callers[] = {{"a", SOAP_ES4}, {"d", SOAP_ES3}, {"s", SOAP_ES4}};

/* ---- one cell ----------------------------------------------------------------------------------
 */

struct reset {
    struct rig *r;
    const struct operation *op;
    unsigned pol2;
};

/* 1 holds the Fall-Back Attribute; 2 is the target; 3 gives way to it. */
static int state_of(const struct operation *op, int n)
{
    const bool enable = op->name == SOAP_ENABLE_PROFILE;
    if (n == 2) {
        return op->target;
    }
    return n == (enable ? 3 : 1) && op->target == 'D' ? 'E' : 'D';
}

static cr_status reset_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct reset *z = ctx;
    for (int n = 1; n <= 3; n++) {
        const struct smsr_profile p = {.eid = CR_SPAN_ARRAY(rig_eid),
                                       .aid = rig_aid(n),
                                       .iccid = rig_iccid(n),
                                       .mno_id = "1.2.1",
                                       .smdp_id = "1.2.10",
                                       .type = "meter",
                                       .msisdn = "001900000001",
                                       .state =
                                           state_of(z->op, n) == 'E' ? SMSR_ENABLED : SMSR_DISABLED,
                                       .fallback = n == 1,
                                       .pol2 = n == (z->op->of_other ? 3 : 2) ? z->pol2 : 0,
                                       .allocated_memory = 1000,
                                       .free_memory = -1};
        CR_TRY(smsr_profile_put(tx, &p, err));
    }
    return CR_OK;
}

static void reset(struct rig *r, const struct operation *op, unsigned pol1, unsigned pol2)
{
    struct reset z = {.r = r, .op = op, .pol2 = pol2};
    const uint16_t number = r->chip.number;
    rig_store(r, reset_work, &z);
    chip_init(&r->chip);
    r->chip.number = number;
    for (int n = 1; n <= 3; n++) {
        struct chip_isdp *d = chip_add(&r->chip, rig_aid(n), state_of(op, n) == 'E' ? 0x3F : 0x1F);
        d->fallback = n == 1;
        d->pol1 = n == (op->of_other ? 3 : 2) ? (uint8_t)pol1 : 0;
    }
}

static bool master_delete(struct rig *r)
{
    static const uint8_t token[16] = {1};
    const struct smsr_delete_token t = {.provider_id = cr_span_str("P"),
                                        .image_number = cr_span_str("I"),
                                        .application_provider = cr_span_str("A"),
                                        .token_id = cr_span_str("T"),
                                        .token = CR_SPAN_ARRAY(token)};
    int64_t id;
    struct cr_err err = {0};
    return smsr_master_delete(r->sr, CR_SPAN_ARRAY(rig_eid), rig_iccid(2), "1.2.1", &t, &id,
                              &err) == CR_OK;
}

/* What happened, in one word. */
static const char *outcome(struct rig *r, const struct operation *op, const struct reply *reply)
{
    char before[64];
    struct chip_isdp *watched = chip_find(&r->chip, rig_aid(op->of_other ? 3 : 2));
    (void)snprintf(before, sizeof before, "%s", rig_chip_states(r));
    assert_string_equal(rig_states(r), before); /* the EIS is what the chip is */
    assert_int_equal(rig_euicc(r).procedure, 0);
    if (reply->status == SOAP_FAILED) {
        assert_string_equal(reply->reason, "3.8");
        const bool pol1 = strcmp(reply->subject, "8.2.2") == 0;
        assert_true(pol1 || strcmp(reply->subject, "8.2.3") == 0);
        assert_int_equal(r->chip.executed > 0, pol1); /* POL2 before any radio */
        return pol1 ? "POL1" : "POL2";
    }
    assert_int_equal(reply->status, SOAP_EXECUTED_SUCCESS); /* no warning either */
    const bool deletion = op->name == SOAP_DELETE_PROFILE || op->name == 0;
    assert_true(!deletion || !watched);
    return deletion || watched ? "yes" : "gone";
}

static const char *cell(struct rig *r, const struct operation *op, size_t caller, unsigned pol1,
                        unsigned pol2)
{
    struct reply reply = {.status = SOAP_EXECUTED_SUCCESS};
    reset(r, op, pol1, pol2);
    if (op->name) {
        reply = rig_do(r, callers[caller].party, callers[caller].interface, op->name, 2);
    } else {
        assert_true(master_delete(r));
    }
    rig_run(r);
    rig_wait(r, &reply);
    const char *word = outcome(r, op, &reply);
    rig_forget(r);
    return word;
}

/* What the standard says, as one condition each: the stricter wins, POL2 first. */
static const char *wanted(const struct operation *op, unsigned pol1, unsigned pol2)
{
    const bool stay2 = pol2 & SMSR_POL2_DISABLE_NOT_ALLOWED, stay1 = pol1 & POL1_NO_DISABLE;
    const bool keep2 = pol2 & SMSR_POL2_DELETE_NOT_ALLOWED, keep1 = pol1 & POL1_NO_DELETE;
    const bool auto2 = (pol2 & SMSR_POL2_AUTO_DELETE) && !keep2;
    const bool auto1 = (pol1 & POL1_AUTO_DELETE) && !keep1;
    const bool locked2 = stay2 && (pol2 & SMSR_POL2_AUTO_DELETE);
    if (op->name == 0) {
        return "yes";
    }
    if (op->name == SOAP_ENABLE_PROFILE && !op->of_other) {
        return pol2 & SMSR_POL2_ENABLE_NOT_ALLOWED ? "POL2"
               : pol1 & POL1_NO_ENABLE             ? "POL1"
                                                   : "yes";
    }
    if (op->name == SOAP_DELETE_PROFILE && op->target == 'D') {
        return keep2 || locked2 ? "POL2" : keep1 ? "POL1" : "yes";
    }
    if (op->name == SOAP_DELETE_PROFILE) {
        return keep2 || stay2 ? "POL2" : stay1 || keep1 ? "POL1" : "yes";
    }
    if (stay2 || stay1) {
        return stay2 ? "POL2" : "POL1";
    }
    /* POL2 wants it deleted, POL1 has the last word: that is a warning, not looked at here. */
    return auto1 || auto2 ? "gone" : "yes";
}

/* ---- the matrix --------------------------------------------------------------------------------
 */

/* In words of the rules: e, d, x forbid enabling, disabling, deletion; a demands deletion. */
static const char *rules_name(unsigned bits, unsigned e, unsigned d, unsigned x, unsigned a)
{
    static char text[8];
    size_t n = 0;
    text[n] = 0;
    const struct {
        unsigned bit;
        char letter;
    } rules[] = {{e, 'e'}, {d, 'd'}, {x, 'x'}, {a, 'a'}};
    for (size_t i = 0; i < CR_COUNT(rules); i++) {
        if (bits & rules[i].bit) {
            text[n++] = rules[i].letter;
        }
    }
    text[n] = 0;
    return n ? text : "-";
}

static const char *pol1_name(unsigned bits)
{
    return rules_name(bits, POL1_NO_ENABLE, POL1_NO_DISABLE, POL1_NO_DELETE, POL1_AUTO_DELETE);
}

static const char *pol2_name(unsigned bits)
{
    return rules_name(bits, SMSR_POL2_ENABLE_NOT_ALLOWED, SMSR_POL2_DISABLE_NOT_ALLOWED,
                      SMSR_POL2_DELETE_NOT_ALLOWED, SMSR_POL2_AUTO_DELETE);
}

/* POL2's Auto-Delete against POL1's "not deleted": the eUICC refuses the follow-up, the requester
 * has its switch with a warning. */
static bool warns(const struct operation *op, unsigned pol1, unsigned pol2)
{
    const bool switches = op->name == SOAP_DISABLE_PROFILE || op->of_other;
    return switches && (pol2 & SMSR_POL2_AUTO_DELETE) && !(pol2 & SMSR_POL2_DELETE_NOT_ALLOWED) &&
           !(pol2 & SMSR_POL2_DISABLE_NOT_ALLOWED) && (pol1 & POL1_NO_DELETE) &&
           !(pol1 & POL1_NO_DISABLE);
}

static const char *kept(struct rig *r, const struct operation *op, size_t caller, unsigned pol1,
                        unsigned pol2)
{
    reset(r, op, pol1, pol2);
    struct reply reply = rig_do(r, callers[caller].party, callers[caller].interface, op->name, 2);
    rig_run(r);
    rig_expect(r, &reply, "w8.2.2/3.8");
    assert_string_equal(rig_states(r), rig_chip_states(r));
    assert_non_null(chip_find(&r->chip, rig_aid(op->of_other ? 3 : 2)));
    rig_forget(r);
    return "kept";
}

static void print_operation(struct rig *r, const struct operation *op, cr_buf *out)
{
    cr_buf_appendf(out, "\n## %s\n\n%s%sRows: POL2 (SM-SR). Columns: POL1 (eUICC).\n\n|  |",
                   op->title, op->text, op->text[0] ? " " : "");
    for (unsigned pol1 = 0; pol1 < 16; pol1++) {
        cr_buf_appendf(out, " %s |", pol1_name(pol1));
    }
    cr_buf_append_str(out, "\n|---|");
    for (unsigned pol1 = 0; pol1 < 16; pol1++) {
        cr_buf_append_str(out, "---|");
    }
    for (unsigned pol2 = 0; pol2 < 16; pol2++) {
        cr_buf_appendf(out, "\n| **%s** |", pol2_name(pol2));
        for (unsigned pol1 = 0; pol1 < 16; pol1++) {
            const char *word = NULL;
            for (size_t c = 0; c < (op->name ? CR_COUNT(callers) : 1); c++) {
                const bool warn = warns(op, pol1, pol2);
                word = warn ? kept(r, op, c, pol1, pol2) : cell(r, op, c, pol1, pol2);
                assert_string_equal(word, warn ? "kept" : wanted(op, pol1, pol2));
            }
            cr_buf_appendf(out, " %s |", word);
        }
    }
    cr_buf_append_byte(out, '\n');
}

static void print_matrix(cr_buf *out)
{
    struct rig *r = rig_new(false);
    rig_grant(r, "a", "s", "EnableProfile DisableProfile DeleteProfile");
    cr_buf_append_str(
        out,
        "# POL1 and POL2, the whole matrix\n\n"
        "Printed by `tests/smsr/matrix.c` from what an SM-SR and an eUICC did. The result is the "
        "same for\nthe owner on ES4, its SM-DP on ES3 and an M2M SP with a PLMA; whoever else asks "
        "is refused before\nany rule is looked at (`src/smsr/rights.h`).\n\n"
        "Rules of the Profile: **e** enabling, **d** disabling, **x** deletion is not allowed; "
        "**a** deletion is\nmandatory once it is disabled; **-** none. x with a is a "
        "contradiction: refused when it is set, x wins\nwhere it is found all the same. d with a "
        "is locked: what remains is Master Delete.\n\n"
        "| Result | Meaning |\n|---|---|\n"
        "| yes | done |\n"
        "| gone | done, and the Profile that became Disabled was deleted, by POL1, by POL2, or by "
        "both without an error |\n"
        "| kept | done with a warning (8.2.2/3.8): POL2 wants it deleted, POL1 does not let it go "
        "|\n"
        "| POL2 | refused by the SM-SR (8.2.3/3.8), nothing went over the air |\n"
        "| POL1 | refused by the eUICC when it executed (8.2.2/3.8) |\n\n"
        "The Fall-Back Profile is never disabled or deleted (8.2.7/3.8), by Master Delete neither. "
        "Fall-back\nitself and local switches look at no rule and delete nothing.\n");
    for (size_t i = 0; i < CR_COUNT(operations); i++) {
        print_operation(r, &operations[i], out);
    }
    rig_free(r);
}

static void test_matrix(void **state)
{
    cr_buf text = {0}, file = {0};
    char path[4096];
    (void)state;
    print_matrix(&text);
    if (docs) {
        (void)snprintf(path, sizeof path, "%s/policies.md", docs);
        assert_int_equal(cr_file_read(path, 1 << 20, &file, NULL), CR_OK);
        if (!cr_span_equal(cr_buf_span(&text), cr_buf_span(&file))) {
            fail_msg("docs/policies.md is out of date: print it with test_smsr_matrix --print");
        }
    }
    cr_buf_free(&text);
    cr_buf_free(&file);
}

/* Who has no right is not told what the rules are. */
static void test_strangers(void **state)
{
    static const enum soap_name names[] = {SOAP_ENABLE_PROFILE, SOAP_DISABLE_PROFILE,
                                           SOAP_DELETE_PROFILE};
    static const struct {
        const char *party;
        enum soap_interface interface;
        const char *codes;
    } strangers[] = {
        {"c", SOAP_ES4, "8.2.1/1.2"}, {"d2", SOAP_ES3, "8.2.1/1.2"}, {"s", SOAP_ES4, "8.11/3.9"}};
    struct rig *r = rig_new(false);
    (void)state;
    for (size_t n = 0; n < CR_COUNT(names); n++) {
        for (size_t i = 0; i < CR_COUNT(strangers); i++) {
            rig_pol2(r, 2, 15);
            struct reply reply = rig_do(r, strangers[i].party, strangers[i].interface, names[n], 2);
            rig_expect(r, &reply, strangers[i].codes);
            assert_int_equal(rig_radio_take(r), 0);
        }
    }
    rig_free(r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_strangers),
    };
    docs = argc > 1 ? argv[1] : NULL;
    if (docs && strcmp(docs, "--print") == 0) {
        cr_buf text = {0};
        print_matrix(&text);
        (void)fwrite(text.p, 1, text.n, stdout);
        cr_buf_free(&text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
