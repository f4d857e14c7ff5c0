/* Status codes: names, error numbers of the ASN.1 binding, what operators are told. */
#include "common.h"

#include "rsp/functions.h"
#include "rsp/status.h"

static void check_codes(const struct rsp_code *codes)
{
    for (const struct rsp_code *c = codes; c->code; c++) {
        assert_true(c->name[0]);
        assert_true(strlen(c->code) < sizeof(((struct cr_err *)0)->subject));
        for (const struct rsp_code *d = codes; d < c; d++) {
            assert_string_not_equal(c->code, d->code);
        }
    }
}

static void names(void **state)
{
    (void)state;
    check_codes(rsp_subject_codes);
    check_codes(rsp_reason_codes);
    assert_string_equal(rsp_subject_name("8.2.6"), "Matching ID");
    /* 3.10 is not 3.1, 4.10 is not 4.1 */
    assert_string_equal(rsp_reason_name("3.10"), "Invalid association");
    assert_string_equal(rsp_reason_name("3.1"), "Unsupported");
    assert_string_equal(rsp_reason_name("4.10"), "Time to live expired");
    assert_null(rsp_reason_name("4.1"));
    assert_null(rsp_subject_name("8.2.66"));
    assert_null(rsp_subject_name(NULL));
}

static void number_tables(void **state)
{
    (void)state;
    for (int t = RSP_ERRORS_NONE + 1; t < RSP_ERROR_TABLES; t++) {
        enum rsp_error_table table = (enum rsp_error_table)t;
        bool undefined = false;
        for (const struct rsp_error_number *r = rsp_error_numbers(table); r->name; r++) {
            assert_non_null(rsp_subject_name(r->subject));
            assert_non_null(rsp_reason_name(r->reason));
            assert_int_equal(rsp_error_number_of(table, r->subject, r->reason, true), r->number);
            assert_string_equal(rsp_error_row(table, r->number)->name, r->name);
            undefined = undefined || r->number == RSP_ERROR_UNDEFINED;
        }
        assert_true(undefined);
        assert_int_equal(rsp_error_number_of(table, "8.2.99", "1.1", true), RSP_ERROR_UNDEFINED);
        assert_null(rsp_error_row(table, 99));
    }
    assert_null(rsp_error_numbers(RSP_ERRORS_NONE)->name);
    assert_null(rsp_error_numbers((enum rsp_error_table)1000)->name);
}

static void known_numbers(void **state)
{
    (void)state;
    static const struct {
        enum rsp_error_table table;
        const char *subject, *reason;
        int v2, v3;
    } rows[] = {
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES9, "8.8.1", "3.8", 1, 1},
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES9, "8.8.3", "3.1", 2, 2},
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES9, "8.8.2", "3.1", 3, 3},
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES9, "8.8.4", "3.7", 3, 3},
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES9, "1.3.1", "2.1", 127, 124},
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES11, "8.9.1", "3.8", 1, 1},
        {RSP_ERRORS_INITIATE_AUTHENTICATION_ES11, "8.9.4", "3.7", 3, 3},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES9, "8.2.6", "3.8", 6, 6},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES9, "8.10.1", "3.9", 10, 10},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES9, "8.11.1", "3.10", 127, 12},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES9, "8.11.1", "3.1", 127, 127},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES9, "8.2.1", "3.9", 127, 17},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES11, "8.9.5", "3.9", 6, 6},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES11, "8.10.1", "3.9", 7, 7},
        {RSP_ERRORS_AUTHENTICATE_CLIENT_ES11, "8.11.1", "3.9", 127, 8},
        {RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE, "8.2.7", "2.2", 2, 2},
        {RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE, "8.2.7", "6.4", 4, 4},
        {RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE, "8.10.1", "3.9", 95, 95},
        {RSP_ERRORS_CANCEL_SESSION, "8.10.1", "3.9", 1, 1},
        {RSP_ERRORS_CANCEL_SESSION, "8.8", "3.10", 127, 127},
        {RSP_ERRORS_CONFIRM_DEVICE_CHANGE, "8.2.7", "3.12", 127, 5},
        {RSP_ERRORS_CHECK_EVENT, "8.9.6", "6.3", 127, 3},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(rsp_error_number_of(rows[i].table, rows[i].subject, rows[i].reason, false),
                         rows[i].v2);
        assert_int_equal(rsp_error_number_of(rows[i].table, rows[i].subject, rows[i].reason, true),
                         rows[i].v3);
    }
    assert_string_equal(rsp_error_row(RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE, 95)->subject, "8.10.1");
}

static void errors_become_statuses(void **state)
{
    (void)state;
    struct cr_err err;
    struct rsp_function_status s;
    (void)cr_refuse(&err, "8.2.6", "3.8", NULL, "no order");
    rsp_status_from_err(&err, &s);
    assert_int_equal(s.status, RSP_FAILED);
    assert_string_equal(s.subject_code, "8.2.6");
    assert_string_equal(s.reason_code, "3.8");
    assert_string_equal(s.message, "no order");
    (void)cr_fail(&err, CR_MALFORMED, NULL, "no JSON");
    rsp_status_from_err(&err, &s);
    assert_string_equal(s.subject_code, "1.3.1");
    assert_string_equal(s.message, "no JSON");
    (void)cr_fail(&err, CR_INTERNAL, NULL, "table 7 of /var/lib/x");
    rsp_status_from_err(&err, &s);
    assert_string_equal(s.subject_code, "8");
    assert_string_equal(s.message, ""); /* for the log, not for the peer */
    (void)cr_fail(&err, CR_RESOURCE, NULL, "disk full");
    rsp_status_from_err(&err, &s);
    assert_string_equal(s.reason_code, "3.7");
    assert_string_equal(s.message, "");
    (void)cr_fail(&err, CR_REFUSED, NULL, "a rule");
    rsp_status_from_err(&err, &s);
    assert_string_equal(s.reason_code, "4.2");
    assert_string_equal(s.message, "a rule");
}

static void statuses_become_errors(void **state)
{
    (void)state;
    struct cr_err err = {0};
    struct rsp_function_status s = {0};
    assert_int_equal(rsp_status_to_err(&s, "f", &err), CR_OK);
    s.status = RSP_EXECUTED_WITH_WARNING;
    assert_int_equal(rsp_status_to_err(&s, "f", &err), CR_OK);
    s = (struct rsp_function_status){RSP_FAILED, "8.2.6", "3.8", "", "refused"};
    assert_int_equal(rsp_status_to_err(&s, "authenticateClient", &err), CR_REFUSED);
    assert_string_equal(err.subject, "8.2.6");
    assert_string_equal(err.cause, "authenticateClient: the server answered 8.2.6 / 3.8 (Matching "
                                   "ID, Refused): refused");
    s = (struct rsp_function_status){RSP_FAILED, "9.9", "9.9", "", ""};
    assert_int_equal(rsp_status_to_err(&s, "f", &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "unknown subject, unknown reason"));
    s = (struct rsp_function_status){.status = RSP_FAILED};
    assert_int_equal(rsp_status_to_err(&s, "f", &err), CR_REFUSED);
    assert_string_equal(err.cause, "f: the server failed without a status code");
    s = (struct rsp_function_status){.status = RSP_EXPIRED};
    assert_int_equal(rsp_status_to_err(&s, "f", NULL), CR_REFUSED);
    assert_string_equal(rsp_execution_status_name(RSP_EXECUTED_WITH_WARNING),
                        "Executed-WithWarning");
}

static void cancelled_sessions(void **state)
{
    (void)state;
    static const struct {
        int reason;
        bool rpm;
        const char *subject, *code; /* NULL = nothing is sent */
    } rows[] = {
        {0, false, "8.8.5", "3.8"},   {1, false, NULL, NULL},        {2, false, NULL, NULL},
        {3, false, "8.2.8", "1.2"},   {4, false, "8.2.9", "3.11"},   {5, false, "8.2.10", "4.2"},
        {17, false, "8.2.13", "3.1"}, {20, false, "8.2.13", "3.12"}, {23, false, "8.2.14", "3.1"},
        {23, true, "8.8.6", "3.1"},   {25, false, "8.2.9", "3.8"},   {27, true, "8.8.6", "3.8"},
        {28, true, "8.8.6", "2.1"},   {29, true, "8.8.6", "4.2"},    {30, false, "8.10.3", "4.3"},
        {127, false, "8", "4.2"},     {16, false, "8", "4.2"},       {999, false, "8", "4.2"},
        {-1, false, "8", "4.2"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct rsp_function_status s = {0};
        assert_int_equal(rsp_cancel_reason_status(rows[i].reason, rows[i].rpm, &s),
                         rows[i].subject != NULL);
        if (rows[i].subject) {
            assert_int_equal(s.status, RSP_FAILED);
            assert_string_equal(s.subject_code, rows[i].subject);
            assert_string_equal(s.reason_code, rows[i].code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(number_tables),
        cmocka_unit_test(known_numbers),
        cmocka_unit_test(errors_become_statuses),
        cmocka_unit_test(statuses_become_errors),
        cmocka_unit_test(cancelled_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
