/*
 * POL2: every set of rules, every state, the Fall-Back Profile or not, every operation, against the
 * sentences of the standard written as one condition each.
 */
#include "../base/test.h"

#include "smsr/policy.h"

#include <string.h>

static void check_one(enum smsr_operation operation, const struct smsr_subject *t,
                      const struct smsr_subject *e)
{
    struct cr_err err = {0};
    cr_status status = smsr_policy_check(operation, t, e, &err);
    bool not_enable = t->pol2 & SMSR_POL2_ENABLE_NOT_ALLOWED;
    bool not_disable = t->pol2 & SMSR_POL2_DISABLE_NOT_ALLOWED;
    bool not_delete = t->pol2 & SMSR_POL2_DELETE_NOT_ALLOWED;
    bool auto_delete = t->pol2 & SMSR_POL2_AUTO_DELETE;
    bool enabled = t->state == SOAP_STATE_ENABLED, disabled = t->state == SOAP_STATE_DISABLED;
    bool stays = e && (e->pol2 & SMSR_POL2_DISABLE_NOT_ALLOWED);
    bool want = false;
    switch (operation) {
    case SMSR_ENABLE:
        want = disabled && !not_enable && !stays;
        break;
    case SMSR_DISABLE:
        want = enabled && !not_disable && !t->fallback;
        break;
    case SMSR_DELETE:
        want = !t->fallback && !not_delete && !(not_disable && auto_delete) &&
               !(enabled && not_disable);
        break;
    case SMSR_MASTER_DELETE:
        want = disabled && !t->fallback;
        break;
    }
    assert_int_equal(status == CR_OK, want);
    if (!want) {
        assert_true(err.subject[0] && err.reason[0]);
        /* The message names the Profile that is in the way. */
        assert_true(strstr(err.cause, "target") || strstr(err.cause, "other"));
        bool state_wrong =
            (operation == SMSR_ENABLE && !disabled) || (operation == SMSR_DISABLE && !enabled);
        if (state_wrong) {
            assert_string_equal(err.subject, "8.2.1");
        } else if (operation == SMSR_ENABLE) {
            assert_string_equal(err.subject, "8.2.3");
            assert_string_equal(err.reason, "3.8");
            assert_true((strstr(err.cause, "other") != NULL) == stays);
        } else if (t->fallback) {
            assert_string_equal(err.subject, "8.2.7");
        }
    }
}

static void test_matrix(void **state)
{
    (void)state;
    for (unsigned pol2 = 0; pol2 < 16; pol2++) {
        for (int s = SOAP_STATE_CREATED; s <= SOAP_STATE_ENABLED; s++) {
            for (int fallback = 0; fallback < 2; fallback++) {
                const struct smsr_subject t = {.pol2 = pol2,
                                               .state = (enum soap_profile_state)s,
                                               .fallback = fallback,
                                               .iccid = "target"};
                for (int op = SMSR_ENABLE; op <= SMSR_MASTER_DELETE; op++) {
                    check_one((enum smsr_operation)op, &t, NULL);
                    for (unsigned other = 0; other < 16; other++) {
                        const struct smsr_subject e = {
                            .pol2 = other, .state = SOAP_STATE_ENABLED, .iccid = "other"};
                        check_one((enum smsr_operation)op, &t, &e);
                    }
                }
                for (int command = 0; command < 2; command++) {
                    assert_int_equal(smsr_policy_deletes(&t, command),
                                     command && !fallback && (pol2 & SMSR_POL2_AUTO_DELETE) &&
                                         !(pol2 & SMSR_POL2_DELETE_NOT_ALLOWED));
                }
            }
        }
    }
}

/* Every set of rules as a message and back; the sets that cannot be. */
static void test_rules(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        cr_arena arena = {0};
        struct soap_pol2 pol2;
        struct cr_err err = {0};
        unsigned back = 99;
        assert_int_equal(smsr_pol2_write(bits, &arena, &pol2, &err), CR_OK);
        bool contradiction =
            (bits & SMSR_POL2_DELETE_NOT_ALLOWED) && (bits & SMSR_POL2_AUTO_DELETE);
        assert_int_equal(smsr_pol2_read(&pol2, &back, &err), contradiction ? CR_REFUSED : CR_OK);
        if (contradiction) {
            assert_string_equal(err.subject, "8.2.3");
            assert_string_equal(err.reason, "2.1");
            assert_int_equal(back, 99);
        } else {
            assert_int_equal(back, bits);
        }
        cr_arena_free(&arena);
    }
    static const struct soap_pol2_rule bad[][2] = {
        {{1, SOAP_POL2_ENABLE, SOAP_POL2_AUTO_DELETE}, {1, SOAP_POL2_DISABLE, 1}},
        {{1, SOAP_POL2_DELETE, SOAP_POL2_AUTO_DELETE}, {1, SOAP_POL2_DISABLE, 1}},
        {{1, SOAP_POL2_DISABLE, 1}, {1, SOAP_POL2_DISABLE, 1}},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct soap_pol2 pol2 = {
            .rules = {.items = (struct soap_pol2_rule *)(uintptr_t)bad[i], .count = 2}};
        unsigned bits;
        struct cr_err err = {0};
        assert_int_equal(smsr_pol2_read(&pol2, &bits, &err), CR_REFUSED);
        assert_string_equal(err.subject, "8.2.3");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
