/*
 * Short messages and the scripted faults on their way.
 */
#include "fake.h"

#include <stdio.h>

/* A SMS-DELIVER for the chip whose content ends with mark. */
static void deliver(struct fake *f, uint64_t ref, uint8_t mark)
{
    const uint8_t tpdu[] = {0x40, 0x04, 0x81, 0x21, 0x43, 0x7F, 0xF6, 0x62, 0x60, 0x80,
                            0x62, 0x10, 0x00, 0x00, 0x04, 0x02, 0x70, 0x00, mark};
    device_modem_sms(f->modem, ref, CR_SPAN_ARRAY(tpdu), f->now);
}

/* The order in which marks came, as text "01 02". */
static void order_is(struct fake *f, const char *want)
{
    char got[200] = "";
    const char *p = cr_buf_cstr(&f->log);
    while (p && (p = strstr(p, "\nE "))) {
        const char *mark = strstr(p, "04027000");
        size_t n = strlen(got);
        assert_non_null(mark);
        (void)snprintf(got + n, sizeof got - n, "%s%.2s", n ? " " : "", mark + 8);
        p++;
    }
    assert_string_equal(got, want);
}

static void test_down(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[device]\nsmsc = +4711\n");
    fake_attach(&f);
    deliver(&f, 1, 0xAA);
    fake_says(&f, "820283810603917411");
    fake_says(&f, "8B134004812143");
    fake_says(&f, "ended 1 delivered");
    fake_forget(&f);
    f.envelope_sw = 0x6F00;
    deliver(&f, 2, 0xAA);
    fake_says(&f, "ended 2 refused");
    f.envelope_sw = 0x6102; /* an answer to be fetched */
    deliver(&f, 3, 0xAA);
    fake_says(&f, "answer 9000 0102");
    fake_says(&f, "ended 3 delivered");
    fake_end(&f);
}

static void test_busy_card(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    f.envelope_sw = 0x9300;
    deliver(&f, 1, 0xAA);
    fake_run_to(&f, f.now + 3000);
    assert_int_equal(fake_counts(&f, "\nE "), 4);
    fake_says_not(&f, "ended");
    f.envelope_sw = 0;
    fake_run_to(&f, f.now + 1000);
    fake_says(&f, "ended 1 delivered");
    fake_forget(&f);
    f.envelope_sw = 0x9300; /* for ever */
    deliver(&f, 2, 0xAA);
    fake_run_to(&f, f.now + 60000);
    fake_says(&f, "ended 2 refused");
    assert_int_equal(fake_counts(&f, "\nE "), DEVICE_SMS_TRIES);
    fake_end(&f);
}

static void test_for_people(void **state)
{
    (void)state;
    struct fake f;
    const uint8_t tpdu[] = {0x04, 0x04, 0x81, 0x21, 0x43, 0x00, 0x00, 0x62, 0x60,
                            0x80, 0x62, 0x10, 0x00, 0x00, 0x02, 0xC8, 0x34};
    fake_begin(&f, "");
    fake_attach(&f);
    device_modem_sms(f.modem, 1, CR_SPAN_ARRAY(tpdu), f.now);
    fake_says(&f, "for people: Hi");
    fake_says(&f, "ended 1 delivered");
    fake_says_not(&f, "E D1");
    device_modem_sms(f.modem, 2, cr_span_of(tpdu, 9), f.now);
    fake_says(&f, "ended 2 refused");
    fake_end(&f);
}

static void test_room_and_absence(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[faults]\nx = delay-down=600000\n");
    fake_attach(&f);
    for (unsigned i = 0; i < DEVICE_MAX_WAITING; i++) {
        deliver(&f, i, (uint8_t)i);
    }
    fake_says_not(&f, "ended");
    deliver(&f, 99, 0);
    fake_says(&f, "ended 99 absent");
    fake_queue(&f, "D009810301010482028182"); /* reset: what waits goes back */
    fake_poll(&f);
    assert_int_equal(fake_counts(&f, "absent"), DEVICE_MAX_WAITING + 1);
    order_is(&f, "");
    fake_end(&f);
}

static void test_faults_down(void **state)
{
    (void)state;
    static const struct {
        const char *script, *order, *ended1;
    } rows[] = {
        {"lose-down at=1", "02 03", "ended 1 lost"},
        {"double-down at=1", "01 01 02 03", "ended 1 delivered"},
        {"delay-down=3000 at=1", "02 03 01", "ended 1 delivered"},
        {"swap-down at=1", "02 01 03", "ended 1 delivered"},
        {"swap-down at=3", "01 02 03", "ended 1 delivered"}, /* nothing to wait for: 5 s */
        {"lose-down every=2", "01 03", "ended 1 delivered"},
        {"lose-down times=2", "03", "ended 1 lost"},
        {"lose-down chip=7 at=2", "01 03", "ended 1 delivered"},
        {"lose-down chip=8", "01 02 03", "ended 1 delivered"},
        {"lose-up", "01 02 03", "ended 1 delivered"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake f;
        char config[100];
        (void)snprintf(config, sizeof config, "[faults]\nx = %s\n", rows[i].script);
        fake_begin(&f, config);
        fake_attach(&f);
        for (uint8_t k = 1; k <= 3; k++) {
            deliver(&f, k, k);
        }
        fake_run_to(&f, f.now + 10000);
        order_is(&f, rows[i].order);
        fake_says(&f, rows[i].ended1);
        fake_says(&f, "ended 3 delivered");
        assert_int_equal(fake_counts(&f, "ended "), 3);
        fake_end(&f);
    }
}

static void queue_submit(struct fake *f, unsigned mark)
{
    char hex[100];
    (void)snprintf(hex, sizeof hex, "D0198103011300820281838B0E4101048121437FF60502710000%02X",
                   mark);
    fake_queue(f, hex);
}

static void test_faults_up(void **state)
{
    (void)state;
    static const struct {
        const char *script, *order;
    } rows[] = {
        {"radio-off", "01 02 03"}, /* no opportunity */
        {"lose-up at=1", "02 03"},          {"double-up at=2", "01 02 02 03"},
        {"delay-up=3000 at=1", "02 03 01"}, {"swap-up at=1", "02 01 03"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake f;
        char config[100], got[60] = "";
        (void)snprintf(config, sizeof config, "[faults]\nx = %s\n", rows[i].script);
        fake_begin(&f, config);
        fake_attach(&f);
        for (unsigned k = 1; k <= 3; k++) {
            queue_submit(&f, k);
        }
        fake_poll(&f);
        fake_run_to(&f, f.now + 10000);
        assert_int_equal(fake_counts(&f, "\nT 810301130082028281030100"), 3);
        for (const char *p = cr_buf_cstr(&f.log); p && (p = strstr(p, "sms to 1234 02710000"));
             p++) {
            size_t n = strlen(got);
            (void)snprintf(got + n, sizeof got - n, "%s%.2s", n ? " " : "", p + 20);
        }
        assert_string_equal(got, rows[i].order);
        fake_end(&f);
    }
}

static void test_up_without_service(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[network a]\nimsi = 00101\nattach = refuses\n");
    device_modem_power(f.modem, f.now);
    fake_run_to(&f, f.now + 1000);
    queue_submit(&f, 1);
    fake_poll(&f);
    fake_says(&f, "T 81030113008202828103022004"); /* terminal busy: no service */
    fake_says_not(&f, "sms to");
    fake_end(&f);
    fake_begin(&f, "");
    fake_attach(&f);
    f.refuse_sms = true;
    queue_submit(&f, 1);
    fake_poll(&f);
    fake_says(&f, "T 81030113008202828103023526"); /* RP-ERROR */
    fake_end(&f);
}

static void test_reset_fault(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[faults]\nx = reset at=2\n");
    fake_attach(&f);
    queue_submit(&f, 1);
    queue_submit(&f, 2);
    fake_poll(&f);
    assert_int_equal(f.resets, 2);
    assert_int_equal(fake_counts(&f, "\nT "), 1);
    fake_says_not(&f, "sms to 1234 0271000002");
    fake_says(&f, "registered -");
    fake_end(&f);
}

/* The same seed and chip: the same losses; another seed: others. */
static void losses(uint64_t seed, char out[65])
{
    struct device_fault fault;
    struct device_faults f;
    uint32_t value = 0;
    assert_int_equal(device_fault_parse("lose-down odds=50", &fault, NULL), CR_OK);
    device_faults_begin(&f, &fault, 1, 3, seed);
    for (size_t i = 0; i < 64; i++) {
        out[i] = device_fault_strikes(&f, DEVICE_LOSE_DOWN, "", &value) ? 'x' : '.';
    }
    out[64] = '\0';
}

static void test_seed(void **state)
{
    (void)state;
    char a[65], b[65];
    losses(1, a);
    losses(1, b);
    assert_string_equal(a, b);
    losses(2, b);
    assert_string_not_equal(a, b);
    assert_non_null(strchr(a, 'x'));
    assert_non_null(strchr(a, '.'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down),
        cmocka_unit_test(test_busy_card),
        cmocka_unit_test(test_for_people),
        cmocka_unit_test(test_room_and_absence),
        cmocka_unit_test(test_faults_down),
        cmocka_unit_test(test_faults_up),
        cmocka_unit_test(test_up_without_service),
        cmocka_unit_test(test_reset_fault),
        cmocka_unit_test(test_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
