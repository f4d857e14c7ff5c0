/*
 * The modem against a scripted card: power on, proactive commands, networks, short messages.
 */
#include "fake.h"

#include "crypto/aka.h"

#include <stdio.h>

#define EVENTS "D00E810301050082028182990303090A"

static void test_power_on(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    device_modem_power(f.modem, f.now);
    assert_string_equal(device_modem_imsi(f.modem), "001010000000001");
    assert_string_equal(device_modem_iccid(f.modem), "89000001234567890123");
    assert_false(device_modem_registered(f.modem));
    fake_run_to(&f, f.now + 1000);
    fake_says(&f, "power: ATR 3B9F96801FC78031E073FE2113");
    fake_says(&f, "registered 001010000000001");
    fake_end(&f);
}

static void test_status_is_polled(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[device]\npoll = 10\n");
    fake_attach(&f);
    fake_queue(&f, "D00D8103010300820281828402010F"); /* POLL INTERVAL 15 s */
    fake_run_to(&f, f.now + 10000);
    fake_says(&f, "T 8103010300820282810301000402010F");
    fake_forget(&f);
    fake_queue(&f, "D009810302020082028182"); /* MORE TIME: not before the new interval */
    fake_run_to(&f, f.now + 12000);
    fake_says_not(&f, "T ");
    fake_run_to(&f, f.now + 5000);
    fake_says(&f, "T 810302020082028281030100");
    fake_queue(&f, "D009810303040082028182"); /* POLLING OFF */
    fake_run_to(&f, f.now + 15000);
    assert_true(device_modem_due(f.modem) == INT64_MAX);
    fake_end(&f);
}

/* Each command and its answer behind command details and device identities. */
static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *command, *answer;
        bool after; /* the row before */
    } rows[] = {
        {"D009810301020082028182", "810301020082028281030100"},
        /* REFRESH, file change; unknown qualifier */
        {"D009810301010182028182", "810301010182028281030100"},
        {"D009810301014282028182", "030132"},
        /* PROVIDE LOCAL INFORMATION: location, IMEI of chip 7, access technology, MEID */
        {"D009810301260082028182", "030100930900F11000010000001F"},
        {"D009810301260182028182", "0301009408"},
        {"D009810301260682028182", "030100BF0108"},
        {"D009810301260B82028182", "030130"},
        /* the clock: 1970-01-01 00:17:10 after 30 s of polling */
        {"D009810301260382028182", "030100A60707101000710100"},
        /* timers: contradiction, value missing, wrong number, start, read, stop */
        {"D00C810301270282028182A40101", "030124"},
        {"D009810301270082028182", "030136"},
        {"D011810301270082028182A40109A503001000", "030132"},
        {"D011810301270082028182A40102A503001000", "030100240102"},
        {"D00C810301270282028182A40102", "0301002401022503001000", true},
        {"D00C810301270182028182A40102", "0301002401022503001000", true},
        {"D00C810301270282028182A40102", "030124", true},
        /* event lists: what is not known; none */
        {"D00C810301050082028182990103", "030100"},
        {"D00C810301050082028182990104", "030130"},
        {"D009810301050082028182", "030136"},
        /* channels that are not there */
        {"D009810301410082028121", "03023A03"},
        {"D00C810301420082028127B701ED", "03023A03"},
        {"D00C81030143018202812FB60100", "03023A03"},
        {"D009810301440082028182", "030100B8020000"},
        /* LAUNCH BROWSER is known but not offered; FE is not known */
        {"D009810301150082028182", "030130"},
        {"D009810301FE0082028182", "030131"},
        {"D009810301130082028183", "030136"},
        /* an SMS-SUBMIT that is cut */
        {"D00E8103011300820281838B03410101", "030132"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake f;
        fake_begin(&f, "");
        fake_attach(&f);
        size_t k = i;
        while (rows[k].after) {
            k--;
        }
        for (; k <= i; k++) {
            fake_queue(&f, rows[k].command);
        }
        fake_poll(&f);
        const char *last = NULL;
        for (const char *p = cr_buf_cstr(&f.log); p && (p = strstr(p, "\nT ")); p++) {
            last = p;
        }
        if (!last || !strstr(last, rows[i].answer)) {
            print_error("row %zu: no %s in %s\n", i, rows[i].answer, cr_buf_cstr(&f.log));
            fail();
        }
        fake_end(&f);
    }
}

static void test_imei(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[device]\nimei = 352906110999995\n");
    fake_attach(&f);
    fake_queue(&f, "D009810301260182028182");
    fake_poll(&f);
    /* 35290611 (0)999999 + 7 -> serial 000006, check digit by Luhn */
    fake_says(&f, "94083A25091611000056");
    fake_end(&f);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "D0",                       /* no length */
        "D100",                     /* another tag */
        "D00981030102008202818200", /* trailing byte */
        "D00A810301020082028182",   /* cut */
        "D0058103010200",           /* no devices */
        "D00482028182",             /* no details */
        "D00A81040102000082028182", /* details of four bytes */
        "D0098103010200FF028182",   /* a tag that is none */
        "D00981030102008282FFFF",   /* a length that is none */
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct fake f;
        fake_begin(&f, "");
        fake_attach(&f);
        fake_queue(&f, bad[i]);
        fake_poll(&f);
        fake_says(&f, "problem: a proactive command that cannot be read");
        assert_int_equal(fake_counts(&f, "\nT "), 1);
        fake_says(&f, "030132");
        assert_true(device_modem_registered(f.modem));
        fake_end(&f);
    }
}

static void test_endless_card(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    f.endless = "D009810302020082028182";
    f.now += 30000;
    device_modem_run(f.modem, f.now);
    assert_true(f.fetches <= DEVICE_BURST);
    assert_true(device_modem_due(f.modem) == f.now); /* goes on after others had their turn */
    device_modem_run(f.modem, f.now);
    f.endless = NULL;
    fake_run_to(&f, f.now + 1);
    assert_true(device_modem_due(f.modem) > f.now);
    fake_end(&f);
}

static void test_dead_card(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    f.gone = true;
    fake_poll(&f);
    assert_true(device_modem_dead(f.modem));
    fake_says(&f, "problem: the chip is gone: the card was pulled");
    fake_says(&f, "registered -");
    assert_true(device_modem_due(f.modem) == INT64_MAX);
    fake_forget(&f);
    device_modem_sms(f.modem, 9, CR_SPAN_ARRAY("x"), f.now);
    fake_says(&f, "ended 9 absent");
    fake_end(&f);
}

static void test_refresh_reset(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    fake_queue(&f, EVENTS);
    fake_queue(&f, "D009810301010482028182");
    f.imsi = "001020000000002"; /* another profile is enabled */
    fake_poll(&f);
    assert_int_equal(f.resets, 2);
    assert_int_equal(fake_counts(&f, "\nT "), 1); /* the reset is the answer */
    fake_says(&f, "registered -");
    fake_says(&f, "registered 001020000000002");
    fake_says_not(&f, "E D6"); /* the event list was of the session before */
    fake_end(&f);
}

static void test_refresh_init(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    fake_queue(&f, EVENTS);
    fake_queue(&f, "D009810301010082028182");
    f.imsi = "001020000000002";
    fake_poll(&f);
    assert_int_equal(f.resets, 1);
    fake_says(&f, "registered 001020000000002");
    fake_says(&f, "9B0102"); /* none, then normal */
    fake_says(&f, "9B0100");
    fake_end(&f);
}

static void test_timer(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[device]\npoll = 0\n");
    fake_attach(&f);
    fake_queue(&f, "D011810301270082028182A40103A503002000"); /* 2 minutes, by an envelope */
    uint8_t tpdu[] = {0x40, 0x04, 0x81, 0x21, 0x43, 0x7F, 0xF6, 0x62, 0x60,
                      0x80, 0x62, 0x10, 0x00, 0x00, 0x03, 0x02, 0x70, 0x00};
    device_modem_sms(f.modem, 1, CR_SPAN_ARRAY(tpdu), f.now);
    fake_says(&f, "ended 1 delivered");
    fake_run_to(&f, f.now + 119000);
    fake_says_not(&f, "E D7");
    fake_run_to(&f, f.now + 2000);
    fake_says(&f, "E D70C82028281A40103A503002000");
    assert_true(device_modem_due(f.modem) == INT64_MAX);
    fake_end(&f);
}

/* --- networks ----------------------------------------------------------------------------------
 */

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *config, *says;
        bool service;
    } rows[] = {
        {"[network a]\nimsi = 00101\n", "a: service", true},
        {"[network a]\nimsi = 00102\n", "refused: no network has this IMSI", false},
        {"[network a]\nimsi = 00101\nattach = refuses\n", "a: attempt 1 refused", false},
        {"[network a]\nimsi = 00101\nattach = times-out\n", "a: attempt 1 not answered", false},
        {"[network a]\nimsi = 00101\ntries = 1\n", "a: attempt 1 refused", false},
        {"[network a]\nimsi = 00101\nattach = refuses\n[network b]\nimsi = 0010100\n", "b: service",
         true},
        {"[faults]\nx = no-attach at=1\n", "attempt 1 refused by script", false},
        {"[faults]\nx = no-answer at=1\n", "attempt 1 not answered by script", false},
        {"[faults]\nx = no-attach at=1 chip=6\n", "service", true},
        {"[faults]\nx = no-attach at=1 imsi=00102\n", "service", true},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake f;
        fake_begin(&f, rows[i].config);
        device_modem_power(f.modem, f.now);
        fake_run_to(&f, f.now + 1000);
        fake_says(&f, rows[i].says);
        assert_int_equal(device_modem_registered(f.modem), rows[i].service);
        fake_end(&f);
    }
}

static void test_works_after(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[network a]\nimsi = 00101\ntries = 2\nretry-ms = 3000\n");
    device_modem_power(f.modem, f.now);
    fake_queue(&f, EVENTS);
    fake_run_to(&f, f.now + 5000);
    assert_false(device_modem_registered(f.modem));
    fake_run_to(&f, f.now + 2000);
    assert_true(device_modem_registered(f.modem));
    fake_says(&f, "attempt 2 refused");
    fake_end(&f);
}

static void test_no_imsi(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    f.imsi = NULL;
    device_modem_power(f.modem, f.now);
    fake_run_to(&f, f.now + 60000);
    assert_false(device_modem_registered(f.modem));
    fake_says(&f, "network: no IMSI");
    fake_says_not(&f, "registered");
    fake_end(&f);
}

static void test_pin(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[device]\npin = 1234\n");
    f.pin = "31323334FFFFFFFF";
    fake_attach(&f);
    fake_queue(&f, "D009810301010482028182");
    fake_poll(&f);
    assert_int_equal(f.verifies, 2); /* each session anew */
    assert_true(device_modem_registered(f.modem));
    fake_end(&f);
    fake_begin(&f, "[device]\npin = 1235\n");
    f.pin = "31323334FFFFFFFF";
    device_modem_power(f.modem, f.now);
    fake_says(&f, "PIN1 is refused with 63C2");
    fake_queue(&f, "D009810301010482028182");
    fake_poll(&f);
    assert_int_equal(f.resets, 2);
    assert_int_equal(f.verifies, 1); /* two tries are left for its owner */
    assert_false(device_modem_registered(f.modem));
    fake_end(&f);
}

static void test_authentication_refused(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "[keys]\n001010000000001 = milenage 00112233445566778899AABBCCDDEEFF "
                   "FFEEDDCCBBAA99887766554433221100\n");
    device_modem_power(f.modem, f.now);
    fake_run_to(&f, f.now + 1000);
    fake_says(&f, "refused: authentication failed"); /* 9862 */
    cr_buf_append(&f.auth_answer, "\xDB\x08wrongRES", 10);
    fake_run_to(&f, f.now + 10000);
    assert_false(device_modem_registered(f.modem));
    cr_buf_reset(&f.auth_answer);
    cr_buf_append(&f.auth_answer, "\xDC\x0Ewrong AUTS....", 16);
    fake_run_to(&f, f.now + 10000);
    assert_int_equal(fake_counts(&f, "authentication failed"), 3);
    fake_says_not(&f, "sequence number taken over");
    fake_end(&f);
}

/* --- configuration -----------------------------------------------------------------------------
 */

static void test_config(void **state)
{
    (void)state;
    struct device_config c;
    char msisdn[SMPP_MAX_ADDRESS + 1];
    assert_int_equal(
        device_config_read("[network n]\nplmn = 00101\nimsi = 99970\n"
                           "[msisdn]\n001010000000001 = +4711\n001010* = +88010*\n"
                           "0010100* = +99*\n[esme a]\nnumber = +4790, 123\n"
                           "[device]\nmap = 192.0.2.1:443 127.0.0.1:8443\n"
                           "map = *:53 127.0.0.1:5353\nmap = [2001:db8::1]:* [::1]:*\n",
                           &c, NULL),
        CR_OK);
    assert_true(device_msisdn_of(&c, "001010000000001", msisdn));
    assert_string_equal(msisdn, "+4711");
    assert_true(device_msisdn_of(&c, "001010000000002", msisdn));
    assert_string_equal(msisdn, "+9900000002");
    assert_true(device_msisdn_of(&c, "001010900000002", msisdn));
    assert_string_equal(msisdn, "+88010900000002");
    assert_false(device_msisdn_of(&c, "001020000000002", msisdn));
    assert_memory_equal(c.networks[0].plmn, "\x00\xF1\x10", 3);
    assert_string_equal(device_esme_of(&c, "4790")->system_id, "a");
    assert_string_equal(device_esme_of(&c, "+123")->system_id, "a");
    assert_null(device_esme_of(&c, "12"));
    assert_int_equal(device_place_of(&c, "192.0.2.1", 443).port, 8443);
    assert_int_equal(device_place_of(&c, "192.0.2.1", 444).port, 444);
    assert_int_equal(device_place_of(&c, "192.0.2.9", 53).port, 5353);
    assert_string_equal(device_place_of(&c, "2001:db8::1", 99).host, "::1");
    assert_int_equal(device_place_of(&c, "2001:db8::1", 99).port, 99);
    device_config_free(&c);
}

static void test_config_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[device]\nimei = 12\n",
        "[device]\ncolour = red\n",
        "[device]\npin = 123\n",
        "[device]\naccess = 6g\n",
        "[device]\ndns = 1.2.3\n",
        "[device]\ndns = 1.2.3.256\n",
        "[device]\nmap = 1.2.3.4:80\n",
        "[device]\nmap = 1.2.3.4:99999 127.0.0.1:1\n",
        "[device]\nsmsc = number\n",
        "[device]\nsms-retry = 0\n",
        "[network a]\nattach = works\n",
        "[network a]\nimsi = 001\n",
        "[network a]\nimsi = 00101\nattach = maybe\n",
        "[network a]\nimsi = 00101\nretry-ms = 0\n",
        "[network a]\nimsi = 00101\narea = 65536\n",
        "[msisdn]\n00101 = +47\n",
        "[msisdn]\n00101* = +47\n",
        "[msisdn]\n001010000000001 = +47*\n",
        "[keys]\n001010000000001 = milenage 00 11\n",
        "[keys]\n001010000000001 = comp128 00112233445566778899AABBCCDDEEFF 00\n",
        "[esme a_name_too_long_for_smpp]\nnumber = 1\n",
        "[esme a]\npassword = toolong99\n",
        "[faults]\nx = explode\n",
        "[faults]\nx = lose-down=3\n",
        "[faults]\nx = lose-down at=0\n",
        "[faults]\nx = lose-down at=1 every=2\n",
        "[faults]\nx = lose-down odds=101\n",
        "[faults]\nx = lose-down at\n",
        "[faults]\nx = delay-up=soon\n",
        "[elsewhere]\nx = y\n",
        "nothing\n",
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct device_config c;
        struct cr_err err = {0};
        if (device_config_read(bad[i], &c, &err) != CR_REFUSED) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_true(strlen(err.cause) > 8);
        assert_null(strstr(err.cause, "00112233445566778899AABBCCDDEEFF"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_on),
        cmocka_unit_test(test_status_is_polled),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_imei),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_endless_card),
        cmocka_unit_test(test_dead_card),
        cmocka_unit_test(test_refresh_reset),
        cmocka_unit_test(test_refresh_init),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_works_after),
        cmocka_unit_test(test_no_imsi),
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_authentication_refused),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_config_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
