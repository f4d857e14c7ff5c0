#include "test.h"

#include "base/env.h"
#include "base/text.h"

static void times_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1000},
        {"2000-02-29T12:00:00Z", 951825600000},
        {"2026-11-21T09:05:00Z", 1795251900000},
        {"2038-01-19T03:14:08Z", 2147483648000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    for (size_t i = 0; i < CR_COUNT(times); i++) {
        char out[CR_TIME_TEXT];
        int64_t ms = 1;
        assert_string_equal(cr_time_format(out, times[i].ms), times[i].text);
        assert_true(cr_time_parse(cr_span_str(times[i].text), &ms));
        assert_true(ms == times[i].ms);
    }
    char out[CR_TIME_TEXT];
    assert_string_equal(cr_time_format(out, 999), "1970-01-01T00:00:00Z");
    assert_string_equal(cr_time_format(out, -1), "1969-12-31T23:59:59Z");
    (void)cr_time_format(out, INT64_MAX); /* no year a struct tm holds; must not overflow */
    (void)cr_time_format(out, INT64_MIN);
    assert_true(cr_time_utc_ms(1900, 3, 1, 0, 0, 0) - cr_time_utc_ms(1900, 2, 28, 0, 0, 0) ==
                86400000); /* 1900 had no leap day */
}

static void times_from_peers(void **state)
{
    (void)state;
    static const char *const same[] = {"2026-11-21T09:05:00Z", "2026-11-21T09:05:00.123Z",
                                       "2026-11-21T10:05:00+01:00", "2026-11-21T03:35:00-05:30"};
    for (size_t i = 0; i < CR_COUNT(same); i++) {
        int64_t ms = 0;
        assert_true(cr_time_parse(cr_span_str(same[i]), &ms));
        assert_true(ms == 1795251900000);
    }
    static const char *const bad[] = {
        "",
        "2026-11-21",
        "2026-11-21T09:05:00",
        "2026-11-21 09:05:00Z",
        "2026-13-21T09:05:00Z",
        "2026-00-21T09:05:00Z",
        "2026-11-31T09:05:00Z",
        "2026-02-29T09:05:00Z",
        "2026-11-00T09:05:00Z",
        "2026-11-21T24:05:00Z",
        "2026-11-21T09:60:00Z",
        "2026-11-21T09:05:61Z",
        "2026-11-21T09:05:00Zx",
        "2026-11-21T09:05:00.Z",
        "2026-11-21T09:05:00+0100",
        "2026-11-21T09:05:00+1:000",
        "2026-11-21T09:05:00+25:00",
        "2026-11-21T09:05:00+01:60",
        "2026-11-21T 9: 5: 0Z",
        "+026-11-21T09:05:00Z",
        "2026-1-21T09:05:00Z",
        "2026-11-21T09:05:00.123456789012345678901234567890Z",
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        int64_t ms = 5;
        if (cr_time_parse(cr_span_str(bad[i]), &ms)) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_true(ms == 5);
    }
    int64_t ms;
    assert_false(cr_time_parse((cr_span){0}, &ms));
    assert_false(cr_time_parse(cr_span_of("2026-11-21T09:05:00\0Z", 21), &ms));
}

static void system_env(void **state)
{
    (void)state;
    const cr_env *env = cr_env_system();
    uint8_t first[600] = {0};
    uint8_t second[600] = {0};
    assert_true(cr_now_ms(env) > 1600000000000);
    assert_int_equal(cr_random(env, first, sizeof(first), NULL), CR_OK);
    assert_int_equal(cr_random(env, second, sizeof(second), NULL), CR_OK);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(first, first + 300, 300);
    cr_log(env, CR_LOG_ERROR, "nobody listens");
    cr_log(NULL, CR_LOG_ERROR, "nobody listens");
    cr_env none = {0};
    assert_int_equal(cr_random(&none, first, 1, NULL), CR_INTERNAL);
    assert_int_equal(cr_random(NULL, first, 1, NULL), CR_INTERNAL);
}

static void keep_line(void *ctx, enum cr_log_level level, const char *line)
{
    assert_int_equal(level, CR_LOG_INFO);
    (void)cr_span_str(line);
    *(size_t *)ctx = strlen(line);
}

static void log_lines_are_bounded(void **state)
{
    (void)state;
    size_t length = 0;
    cr_env env = {.ctx = &length, .log = keep_line};
    cr_log(&env, CR_LOG_INFO, "%d-%s", 5, "x");
    assert_int_equal(length, 3);
    cr_log(&env, CR_LOG_INFO, "%05000d", 5);
    assert_int_equal(length, 1023);
}

static void keep_text(void *ctx, enum cr_log_level level, const char *line)
{
    (void)level;
    (void)cr_str_copy(ctx, 64, cr_span_str(line));
}

static void log_lines_are_one_line(void **state)
{
    (void)state;
    char text[64];
    cr_env env = {.ctx = text, .log = keep_text};
    cr_log(&env, CR_LOG_INFO, "path %s", "/a\n2026 error forged\x1B[0m");
    assert_string_equal(text, "path /a?2026 error forged?[0m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_both_ways),
        cmocka_unit_test(times_from_peers),
        cmocka_unit_test(system_env),
        cmocka_unit_test(log_lines_are_bounded),
        cmocka_unit_test(log_lines_are_one_line),
    };
    return cmocka_run_group_tests_name("base/env", tests, NULL, NULL);
}
