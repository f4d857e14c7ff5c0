/*
 * The choice of a channel: each row, and what is just outside of it.
 */
#include "../base/test.h"

#include "smsr/radio.h"

#include <string.h>

#define SHORT 137 /* one message */
#define THREE 400 /* the longest of three */
#define TEN   (132 + 9 * 134)

/* An eUICC with everything: a short script. */
static const struct smsr_reach base = {
    .http = true, .cattp = true, .packet = SHORT, .has_msisdn = true};

static enum smsr_channel chosen(const struct smsr_reach *reach)
{
    struct cr_err err = {0};
    enum smsr_channel out = 0;
    const char *reason = NULL;
    cr_status status = smsr_channel_choose(reach, &out, &reason, &err);
    if (status == CR_OK) {
        assert_non_null(reason);
        return out;
    }
    assert_int_equal(status, CR_REFUSED);
    assert_string_equal(err.subject, "8.1.1");
    assert_string_equal(err.reason, "5.1");
    assert_true(err.cause[0]);
    return 0;
}

#define CHOSEN(channel, ...)                                                                       \
    do {                                                                                           \
        struct smsr_reach r = base;                                                                \
        __VA_ARGS__;                                                                               \
        assert_int_equal(chosen(&r), channel);                                                     \
    } while (0)

static void test_open_session(void **state)
{
    (void)state;
    CHOSEN(SMSR_HTTPS, r.open = SMSR_HTTPS);
    CHOSEN(SMSR_CATTP, r.open = SMSR_CATTP);
    CHOSEN(SMSR_HTTPS, r.open = SMSR_HTTPS; r.packet = 8000; r.has_msisdn = false);
    CHOSEN(SMSR_SMS, r.open = SMSR_HTTPS; r.is_switch = true);
    CHOSEN(SMSR_HTTPS, r.open = SMSR_HTTPS; r.is_switch = true; r.forced = SMSR_HTTPS);
    CHOSEN(SMSR_SMS, r.open = SMSR_HTTPS; r.forced = SMSR_SMS);
}

static void test_confirmation(void **state)
{
    (void)state;
    CHOSEN(SMSR_SMS, r.is_confirmation = true; r.notification = SMSR_SMS; r.open = SMSR_HTTPS);
    CHOSEN(SMSR_HTTPS, r.is_confirmation = true; r.notification = SMSR_HTTPS);
    CHOSEN(SMSR_HTTPS, r.is_confirmation = true; r.notification = SMSR_HTTPS; r.has_msisdn = false);
    CHOSEN(SMSR_HTTPS, r.is_confirmation = true; r.notification = SMSR_HTTPS; r.forced = SMSR_SMS);
    CHOSEN(0, r.is_confirmation = true; r.notification = SMSR_SMS; r.has_msisdn = false);
}

static void test_short(void **state)
{
    (void)state;
    CHOSEN(SMSR_SMS, (void)0);
    CHOSEN(SMSR_SMS, r.packet = THREE);
    CHOSEN(SMSR_HTTPS, r.packet = THREE + 1);
    CHOSEN(SMSR_HTTPS, r.more_to_do = true);
    CHOSEN(SMSR_HTTPS, r.sms_slow = true);
    CHOSEN(SMSR_SMS, r.sms_slow = true; r.http = false);
    CHOSEN(SMSR_SMS, r.sms_slow = true; r.failed_http = 2);
}

static void test_long(void **state)
{
    (void)state;
    CHOSEN(SMSR_HTTPS, r.packet = 8000);
    CHOSEN(SMSR_HTTPS, r.packet = 8000; r.failed_http = 1);
    CHOSEN(SMSR_CATTP, r.packet = 8000; r.failed_http = 2);
    CHOSEN(SMSR_CATTP, r.packet = 8000; r.http = false; r.failed_cattp = 1);
    CHOSEN(SMSR_SMS, r.packet = TEN; r.http = false; r.failed_cattp = 2);
    CHOSEN(SMSR_SMS, r.packet = TEN; r.http = false; r.cattp = false; r.more_to_do = true);
    CHOSEN(0, r.packet = TEN + 1; r.http = false; r.cattp = false);
    CHOSEN(0, r.packet = 8000; r.failed_http = 2; r.failed_cattp = 2);
}

static void test_unreachable(void **state)
{
    struct cr_err err = {0};
    enum smsr_channel out;
    const char *reason;
    struct smsr_reach nowhere = base;
    (void)state;
    nowhere.has_msisdn = false;
    assert_int_equal(smsr_channel_choose(&nowhere, &out, &reason, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "Msisdn"));
    CHOSEN(0, r.has_msisdn = false; r.packet = 8000);
}

static void test_forced(void **state)
{
    (void)state;
    CHOSEN(SMSR_HTTPS, r.forced = SMSR_HTTPS);
    CHOSEN(SMSR_HTTPS, r.forced = SMSR_HTTPS; r.is_switch = true; r.failed_http = 2);
    CHOSEN(0, r.forced = SMSR_HTTPS; r.http = false);
    CHOSEN(SMSR_SMS, r.forced = SMSR_SMS; r.packet = TEN; r.more_to_do = true);
    CHOSEN(0, r.forced = SMSR_SMS; r.packet = TEN + 1);
    CHOSEN(SMSR_CATTP, r.forced = SMSR_CATTP);
    CHOSEN(0, r.forced = SMSR_CATTP; r.cattp = false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_session), cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_short),        cmocka_unit_test(test_long),
        cmocka_unit_test(test_unreachable),  cmocka_unit_test(test_forced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
