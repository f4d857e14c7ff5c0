/* The table of functions: complete, consistent, found by every name. */
#include "../base/test.h"

#include "soap/functions.h"

#include <stdio.h>
#include <string.h>

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        enum soap_interface interface;
        unsigned count;
    } want[] = {{SOAP_ES1, 2},  {SOAP_ES2, 25}, {SOAP_ES3, 28},
                {SOAP_ES4, 23}, {SOAP_ES4A, 4}, {SOAP_ES7, 3}};
    for (size_t i = 0; i < CR_COUNT(want); i++) {
        unsigned count = 0;
        for (size_t f = 0; f < SOAP_FUNCTIONS; f++) {
            count += soap_functions[f].interface == want[i].interface;
        }
        assert_int_equal(count, want[i].count);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        assert_int_equal(f->number, i + 1);
        assert_true(f->id > 0 && f->id < SOAP_NAMES);
        assert_true(f->callers != 0);
        assert_ptr_equal(soap_function(f->interface, f->id), f);
        assert_ptr_equal(soap_function_named(f->interface, cr_span_str(f->name)), f);
        bool notification = f->pattern == SOAP_NOTIFICATION;
        assert_true(notification == (f->response == NULL));
        assert_true(notification == (f->validity == 0));
        assert_true(notification == (strncmp(f->name, "Handle", 6) == 0 &&
                                     strstr(f->name, "Notification") != NULL));
        if (notification) {
            char shorter[SOAP_MAX_NAME];
            (void)snprintf(shorter, sizeof shorter, "%.*s",
                           (int)(strlen(f->name) - strlen("HandleNotification")), f->name + 6);
            /* ES4 has a function SMSRChange too: the exact name wins. */
            const struct soap_function *found =
                soap_function_named(f->interface, cr_span_str(shorter));
            assert_non_null(found);
            assert_true(found == f || strcmp(found->name, shorter) == 0);
        }
        struct soap_use uses[SOAP_MAX_USES];
        size_t count;
        soap_message_uses(f, notification ? SOAP_NOTICE : SOAP_REQUEST, uses, &count);
        assert_true(count < SOAP_MAX_USES);
        for (size_t a = 0; a < count; a++) {
            assert_non_null(soap_elements[uses[a].element].name);
            for (size_t b = 0; b < a; b++) {
                assert_true(uses[a].element != uses[b].element);
            }
        }
    }
    assert_null(soap_function(SOAP_ES1, SOAP_GET_EIS));
    assert_null(soap_function_named(SOAP_ES4, cr_span_str("CreateISDP")));
    assert_ptr_equal(soap_function_named(SOAP_ES3, cr_span_str("deleteprofile")),
                     soap_function(SOAP_ES3, SOAP_DELETE_PROFILE));
}

/* Who may call what (SGP.02, the table of roles): each party and each function. */
static void test_roles(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        unsigned want = 0;
        bool notification = f->pattern == SOAP_NOTIFICATION;
        switch ((enum soap_interface)f->interface) {
        case SOAP_ES1:
            want = SOAP_EUM;
            break;
        case SOAP_ES2:
            want = notification ? SOAP_SMDP : SOAP_OPERATOR;
            break;
        case SOAP_ES3:
            want = notification ? SOAP_SMSR : SOAP_SMDP;
            break;
        case SOAP_ES4:
            want = notification                        ? SOAP_SMSR
                   : f->id == SOAP_UPDATE_POLICY_RULES ? SOAP_OPERATOR
                                                       : SOAP_OPERATOR | SOAP_M2MSP;
            break;
        case SOAP_ES4A:
            want = SOAP_OPERATOR;
            break;
        case SOAP_ES7:
            want = SOAP_SMSR;
            break;
        }
        assert_int_equal(f->callers, want);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(soap_interface_from_name(cr_span_str("es4a")), SOAP_ES4A);
    assert_int_equal(soap_interface_from_name(cr_span_str("ES5")), 0);
    assert_string_equal(soap_interface_name(SOAP_ES7), "ES7");
    assert_int_equal(soap_party_from_name(cr_span_str("m2m-sp")), SOAP_M2MSP);
    assert_int_equal(soap_party_from_name(cr_span_str("nobody")), 0);
    /* What an ONC can discard is the tail of what a PLMA can authorise. */
    size_t all = 0, some = 0;
    while (soap_plma_operations[all]) {
        all++;
    }
    while (soap_notifications[some]) {
        some++;
    }
    for (size_t i = 0; i < some; i++) {
        assert_string_equal(soap_notifications[i], soap_plma_operations[all - some + i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
