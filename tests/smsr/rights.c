/*
 * Who may call what (off-card 5.7), written out row by row, against the decision.
 */
#include "smsr/rights.h"
#include "../base/test.h"

#include <string.h>

/* One letter each: y allowed, p by PLMA, n never, - the interface has no such function. */
static const struct {
    enum soap_name name;
    const char *who; /* owner on ES4, SM-DP on ES3, M2M SP on ES4 */
} table[] = {
    {SOAP_GET_EIS, "yyp"},
    {SOAP_AUDIT_EIS, "yyp"},
    {SOAP_SEND_DATA, "-y-"},
    {SOAP_PROFILE_DOWNLOAD_COMPLETED, "-y-"},
    {SOAP_UPDATE_CONNECTIVITY_PARAMETERS, "-y-"},
    {SOAP_UPDATE_POLICY_RULES, "yyn"},
    {SOAP_UPDATE_SUBSCRIPTION_ADDRESS, "yyp"},
    {SOAP_ENABLE_PROFILE, "yyp"},
    {SOAP_DISABLE_PROFILE, "yyp"},
    {SOAP_DELETE_PROFILE, "yyp"},
    {SOAP_SET_FALLBACK_ATTRIBUTE, "yyp"},
    {SOAP_SET_EMERGENCY_ATTRIBUTE, "yyp"},
};

static const char *ask(struct smsr_claim claim)
{
    static char codes[32];
    struct cr_err err = {0};
    if (smsr_rights_check(&claim, &err) == CR_OK) {
        return "";
    }
    strcpy(codes, err.subject);
    strcat(codes, "/");
    return strcat(codes, err.reason);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(table); i++) {
        const enum soap_name name = table[i].name;
        const smsr_grant own = smsr_grant_of(name);
        const struct smsr_claim es4 = {.interface = SOAP_ES4,
                                       .name = name,
                                       .caller = "1.2.1",
                                       .roles = SOAP_OPERATOR,
                                       .owner = "1.2.1",
                                       .smdp = "1.2.10"};
        const struct smsr_claim es3 = {.interface = SOAP_ES3,
                                       .name = name,
                                       .caller = "1.2.10",
                                       .roles = SOAP_SMDP,
                                       .owner = "1.2.1",
                                       .smdp = "1.2.10"};
        if (table[i].who[0] == 'y') {
            assert_string_equal(ask(es4), "");
            struct smsr_claim other = es4;
            other.caller = "1.2.2";
            assert_string_equal(ask(other), "8.2.1/1.2");
            /* An operator may be a grantee too. */
            other.has_plma = true;
            other.granted = own;
            assert_string_equal(ask(other), table[i].who[2] == 'p' ? "" : "1.6/1.2");
            /* No Profile without an owner is anybody's. */
            other = es4;
            other.owner = other.caller = NULL;
            assert_string_not_equal(ask(other), "");
        }
        assert_string_equal(ask(es3), "");
        struct smsr_claim dp = es3;
        dp.caller = "1.2.11";
        dp.granted = ~0U;
        dp.has_plma = true;
        assert_string_equal(ask(dp), "8.2.1/1.2"); /* a PLMA is of no use on ES3 */
        dp.relay = true;
        assert_string_equal(ask(dp), "");
        dp = es3;
        dp.smdp = NULL;
        assert_string_equal(ask(dp), "8.2.1/1.2");
        if (table[i].who[2] == '-') {
            continue;
        }
        struct smsr_claim sp = es4;
        sp.caller = "1.2.30";
        sp.roles = SOAP_M2MSP;
        assert_string_equal(ask(sp), "8.11/3.9");
        sp.has_plma = true;
        sp.granted = table[i].who[2] == 'p' ? ~own : ~0U;
        assert_string_equal(ask(sp), "1.6/1.2");
        sp.granted = own;
        assert_string_equal(ask(sp), table[i].who[2] == 'p' ? "" : "1.6/1.2");
    }
    size_t rows = 0;
    while (smsr_rights[rows].name) {
        rows++;
    }
    assert_int_equal(rows, CR_COUNT(table));
}

static void test_consent(void **state)
{
    (void)state;
    const smsr_grant unset = smsr_grant_named("UnsetFallBackAttribute");
    struct smsr_claim holder = {.interface = SOAP_ES4,
                                .name = SOAP_SET_FALLBACK_ATTRIBUTE,
                                .caller = "1.2.1",
                                .roles = SOAP_OPERATOR,
                                .owner = "1.2.1"};
    struct cr_err err = {0};
    assert_true(unset != 0);
    assert_int_equal(smsr_rights_consent(&holder, unset, &err), CR_OK);
    holder.owner = "1.2.2";
    assert_int_equal(smsr_rights_consent(&holder, unset, &err), CR_REFUSED);
    assert_string_equal(err.subject, "8.2.1");
    holder.has_plma = true;
    holder.granted = smsr_grant_named("SetFallBackAttribute");
    assert_int_equal(smsr_rights_consent(&holder, unset, &err), CR_REFUSED);
    assert_string_equal(err.subject, "1.6");
    holder.granted |= unset;
    assert_int_equal(smsr_rights_consent(&holder, unset, &err), CR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_consent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
