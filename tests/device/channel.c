/*
 * Channels: the terminal's side of BIP against a scripted card, and faults in the middle of one.
 */
#include "fake.h"

#include <stdio.h>

#define EVENTS "D00E810301050082028182990303090A"

static const char open_tcp[] = "D01C810301400182028182350103390205003C030220FB3E0521C000020A";
static const char open_udp[] = "D01C810301400182028182350103390205003C03011F903E0521C000020A";
static const char open_large[] = "D01C810301400182028182350103390220003C030220FB3E0521C000020A";
static const char open_background[] =
    "D01C810301400582028182350103390205003C030220FB3E0521C000020A";

static void opened(struct fake *f, const char *config, const char *command)
{
    fake_begin(f, config);
    fake_attach(f);
    fake_queue(f, EVENTS);
    fake_queue(f, command);
    fake_poll(f);
}

static void test_open(void **state)
{
    (void)state;
    struct fake f;
    opened(&f, "", open_tcp);
    fake_says(&f, "open 0 tcp C000020A:8443");
    fake_says(&f, "T 810301400182028281030100B8028100B50103B9020500");
    fake_forget(&f);
    fake_queue(&f, "D009810301440082028182");
    fake_queue(&f, open_udp);
    fake_poll(&f);
    fake_says(&f, "030100B8028100"); /* status of channel 1 */
    fake_says(&f, "open 1 udp C000020A:8080");
    fake_says(&f, "030100B8028200B50103B9020500");
    fake_forget(&f);
    fake_queue(&f, "D009810301410082028121"); /* close channel 1 */
    fake_queue(&f, "D009810301440082028182");
    fake_poll(&f);
    fake_says(&f, "close 0");
    fake_says(&f, "030100B8028200");
    fake_says_not(&f, "B8028100");
    fake_end(&f); /* the other one is closed with the modem */
    opened(&f, "", open_large);
    fake_says(&f, "030107B8028100B50103B90205DC"); /* modified: 1500 */
    fake_end(&f);
}

/* The answer waits for the socket; nothing else goes to the chip meanwhile. */
static void test_open_later(void **state)
{
    (void)state;
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    f.accept_open = false;
    fake_queue(&f, open_tcp);
    fake_poll(&f);
    fake_says(&f, "open 0");
    fake_says_not(&f, "\nT ");
    fake_run_to(&f, f.now + 100000);
    fake_says_not(&f, "\nT ");
    device_modem_opened(f.modem, 0, true, f.now);
    fake_says(&f, "030100B8028100");
    fake_end(&f);
    /* not reachable */
    fake_begin(&f, "");
    fake_attach(&f);
    f.accept_open = false;
    f.refuse_open = true;
    fake_queue(&f, open_tcp);
    fake_queue(&f, "D009810301440082028182");
    fake_poll(&f);
    fake_says(&f, "03023A07");
    fake_says(&f, "B8020000");
    fake_end(&f);
    /* in the background: answered at once, the link is an event */
    fake_begin(&f, "");
    fake_attach(&f);
    f.accept_open = false;
    fake_queue(&f, EVENTS);
    fake_queue(&f, open_background);
    fake_poll(&f);
    fake_says(&f, "030100B8020100");
    device_modem_opened(f.modem, 0, true, f.now);
    fake_says(&f, "99010A82028281B8028100");
    fake_end(&f);
}

static void test_open_refused(void **state)
{
    (void)state;
    static const struct {
        const char *command, *answer;
    } rows[] = {
        {"D015810301400182028182350103390205003C030220FB", "030136"},               /* no address */
        {"D01081030140018202818235010339020500", "03013"},                          /* cut */
        {"D0108103014001820281823501033902050000", "03013"},                        /* too long */
        {"D012810301400182028182390205003C030220FB", "030136"},                     /* no bearer */
        {"D01C810301400182028182350103390205003C030620FB3E0521C000020A", "030130"}, /* direct */
        {"D01C810301400182028182350103390205003C030200003E0521C000020A", "030136"}, /* port 0 */
        {"D01C810301400182028182350103390200003C030220FB3E0521C000020A", "030136"}, /* no buffer */
        {"D01B8103014001820281823501033901053C030220FB3E0521C000020A", "030132"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake f;
        opened(&f, "", rows[i].command);
        fake_says_not(&f, "open 0");
        fake_says(&f, rows[i].answer);
        fake_end(&f);
    }
    /* all seven in use; no service */
    struct fake f;
    fake_begin(&f, "");
    fake_attach(&f);
    for (unsigned i = 0; i < CAT_CHANNELS + 1; i++) {
        fake_queue(&f, open_tcp);
    }
    fake_poll(&f);
    assert_int_equal(fake_counts(&f, "open "), CAT_CHANNELS);
    fake_says(&f, "03023A01");
    fake_end(&f);
    fake_begin(&f, "[network a]\nimsi = 00101\nattach = refuses\n");
    device_modem_power(f.modem, f.now);
    fake_queue(&f, open_tcp);
    fake_poll(&f);
    fake_says(&f, "03022004");
    fake_says_not(&f, "open 0");
    fake_end(&f);
}

static void test_send(void **state)
{
    (void)state;
    struct fake f;
    char big[600];
    opened(&f, "", open_tcp);
    fake_forget(&f);
    fake_queue(&f, "D00E810301430082028121B603AABBCC");
    fake_queue(&f, "D00D810301430182028121B602DDEE");
    fake_poll(&f);
    fake_says(&f, "send 0 AABBCCDDEE"); /* stored, then sent with the next */
    assert_int_equal(fake_counts(&f, "send 0"), 1);
    fake_says(&f, "030100B701FF");
    /* the store is full after 1280 bytes */
    fake_forget(&f);
    int n = snprintf(big, sizeof big, "D081CE810301430082028121B681C2");
    for (int i = 0; i < 194; i++) {
        n += snprintf(big + n, sizeof big - (size_t)n, "55");
    }
    for (int i = 0; i < 7; i++) {
        fake_queue(&f, big);
    }
    fake_poll(&f);
    assert_int_equal(fake_counts(&f, "\nT 810301430082028281030100"), 6);
    fake_says(&f, "030100B70174"); /* 1280 - 6 * 194 = 116 */
    fake_says(&f, "03023A04");
    fake_queue(&f, "D009810301430182028121");
    fake_poll(&f);
    fake_says(&f, "030136");
    fake_end(&f);
}

static void test_receive(void **state)
{
    (void)state;
    struct fake f;
    uint8_t bytes[2000];
    memset(bytes, 0xA5, sizeof bytes);
    opened(&f, "", open_tcp);
    fake_forget(&f);
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of(bytes, 300), f.now), 300);
    fake_says(&f, "99010982028281B8028100B701FF");
    assert_int_equal(fake_counts(&f, "\nE "), 1);
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of(bytes, 2000), f.now), 980);
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of(bytes, 1), f.now), 0);
    assert_int_equal(fake_counts(&f, "\nE "), 1); /* it was not empty: no news */
    for (int i = 0; i < 6; i++) {
        fake_queue(&f, "D00C810301420082028121B701ED");
    }
    fake_poll(&f);
    /* 1280 = 5 * 237 + 95 */
    assert_int_equal(fake_counts(&f, "\nT 810301420082028281030100B681EDA5"), 5);
    fake_says(&f, "B701FF");
    fake_says(&f, "B7015F");
    fake_says(&f, "\nT 810301420082028281030102B65FA5"); /* less than was asked for */
    fake_says(&f, "B70100");
    fake_says(&f, "room 0");
    fake_forget(&f);
    fake_queue(&f, "D00C810301420082028121B701ED");
    fake_poll(&f);
    fake_says(&f, "030102B600B70100");
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of(bytes, 5), f.now), 5);
    fake_says(&f, "B8028100B70105");
    fake_end(&f);
}

static void test_datagrams(void **state)
{
    (void)state;
    struct fake f;
    uint8_t bytes[DEVICE_MAX_DATAGRAM + 1] = {0};
    opened(&f, "", open_udp);
    fake_forget(&f);
    assert_int_equal(device_modem_received(f.modem, 0, CR_SPAN_ARRAY(bytes), f.now), 0);
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of("\x01\x02\x03", 3), f.now), 3);
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of("\x04\x05", 2), f.now), 2);
    fake_says(&f, "B70103");
    fake_queue(&f, "D00C810301420082028121B70102");
    fake_queue(&f, "D00C810301420082028121B701ED");
    fake_poll(&f);
    fake_says(&f, "030100B6020102B70101");
    fake_says(&f, "030102B60103B70100"); /* the second one is not mixed in */
    fake_says(&f, "99010982028281B8028100B70102");
    fake_queue(&f, "D00C810301420082028121B701ED");
    fake_poll(&f);
    fake_says(&f, "B6020405B70100");
    /* four of the largest, then they are dropped */
    unsigned taken = 0;
    for (unsigned i = 0; i < 8; i++) {
        taken += device_modem_received(f.modem, 0, cr_span_of(bytes, 1400), f.now) > 0;
    }
    assert_int_equal(taken, 4);
    fake_end(&f);
}

/* Datagrams that are lost, doubled, overtaken: in the order that the chip reads them, and in the
 * order that they leave. */
static void test_datagram_faults(void **state)
{
    static const struct {
        const char *what, *when, *order;
    } rows[] = {
        {"lose", "at=2", "134"},     {"lose", "every=2", "13"},
        {"double", "at=2", "12234"}, {"swap", "at=2", "1324"},
        {"swap", "every=3", "1243"}, {"swap", "at=4", "123"}, /* late for ever */
        {"lose", "chip=99", "1234"},
    };
    (void)state;
    for (size_t i = 0; i < 2 * CR_COUNT(rows); i++) {
        const bool up = i % 2;
        struct fake f;
        char fault[64], config[100], order[32] = "";
        (void)snprintf(fault, sizeof fault, "%s-data-%s %s", rows[i / 2].what, up ? "up" : "down",
                       rows[i / 2].when);
        (void)snprintf(config, sizeof config, "[faults]\nx = %s\n", fault);
        opened(&f, config, open_udp);
        fake_forget(&f);
        for (char c = '1'; c <= '4'; c++) {
            char command[64];
            if (up) {
                (void)snprintf(command, sizeof command, "D00C810301430182028121B6013%c", c);
                fake_queue(&f, command);
            } else {
                assert_int_equal(device_modem_received(f.modem, 0, cr_span_of(&c, 1), f.now), 1);
            }
        }
        for (int n = 0; n < 6 && !up; n++) {
            fake_queue(&f, "D00C810301420082028121B701ED");
        }
        fake_poll(&f);
        const char *mark = up ? "send 0 3" : "B6013";
        cr_buf_append_byte(&f.log, 0);
        for (const char *at = (const char *)f.log.p; (at = strstr(at, mark)) != NULL;) {
            at += strlen(mark);
            (void)strncat(order, at, 1);
        }
        if (strcmp(order, rows[i / 2].order) != 0) {
            fail_msg("%s: %s", fault, order);
        }
        fake_end(&f);
    }
}

static void test_dropped(void **state)
{
    (void)state;
    struct fake f;
    opened(&f, "", open_tcp);
    fake_forget(&f);
    (void)device_modem_received(f.modem, 0, cr_span_of("\x01\x02", 2), f.now);
    device_modem_dropped(f.modem, 0, f.now);
    fake_says(&f, "99010A82028281B8020105");
    fake_queue(&f, "D00C810301420082028121B701ED"); /* what had come is there */
    fake_queue(&f, "D00C810301420082028121B701ED"); /* and then no more */
    fake_queue(&f, "D00D810301430182028121B602DDEE");
    fake_queue(&f, "D009810301410082028121");
    fake_queue(&f, "D009810301410082028121");
    fake_poll(&f);
    fake_says(&f, "B6020102B70100");
    fake_says(&f, "T 81030142008202828103023A02");
    fake_says(&f, "T 81030143018202828103023A02");
    fake_says(&f, "T 810301410082028281030100");
    fake_says(&f, "T 81030141008202828103023A03"); /* closed twice */
    fake_says_not(&f, "send 0");
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of("x", 1), f.now), 1);
    fake_end(&f);
}

static void test_radio_off(void **state)
{
    (void)state;
    struct fake f;
    opened(&f, "[faults]\nx = radio-off=20 at=2\n", open_tcp);
    fake_forget(&f);
    fake_queue(&f, "D00D810301430182028121B602DDEE");
    fake_poll(&f);
    fake_says(&f, "send 0 DDEE");
    fake_queue(&f, "D00D810301430182028121B602DDFF");
    fake_run_to(&f, f.now + 30000);
    fake_says(&f, "fault: radio-off for 20 s");
    fake_says(&f, "registered -");
    fake_says(&f, "close 0");
    fake_says(&f, "T 81030143018202828103023A02");
    fake_says(&f, "99010A82028281B8020105"); /* channel status */
    fake_says(&f, "9B0102");                 /* no service */
    fake_says_not(&f, "DDFF\nT");
    assert_false(device_modem_registered(f.modem));
    fake_run_to(&f, f.now + 21000);
    assert_true(device_modem_registered(f.modem));
    fake_says(&f, "9B0100");
    fake_end(&f);
}

static void test_drop_channel(void **state)
{
    (void)state;
    struct fake f;
    opened(&f, "[faults]\nx = drop-channel=5 times=1\n", open_tcp);
    fake_queue(&f, "D00D810301430182028121B602DDEE");
    fake_poll(&f);
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of("abc", 3), f.now), 3);
    fake_says_not(&f, "fault:");
    assert_int_equal(device_modem_received(f.modem, 0, cr_span_of("d", 1), f.now), 1);
    fake_says(&f, "fault: drop-channel: channel 1");
    fake_says(&f, "close 0");
    fake_says(&f, "B8020105");
    fake_forget(&f);
    fake_queue(&f, "D009810301410082028121");
    fake_queue(&f, open_tcp); /* the next one lives */
    fake_queue(&f, "D010810301430182028121B605DDEEDDEEDD");
    fake_queue(&f, "D010810301430182028121B605DDEEDDEEDD");
    fake_poll(&f);
    assert_int_equal(fake_counts(&f, "send 0 DDEEDDEEDD"), 2);
    fake_end(&f);
    opened(&f, "[faults]\nx = drop-channel=5\n", open_tcp);
    fake_queue(&f, "D010810301430182028121B605DDEEDDEEDD");
    fake_queue(&f, "D010810301430182028121B605DDEEDDEEFF");
    fake_poll(&f);
    fake_says(&f, "send 0 DDEEDDEEDD");
    fake_says_not(&f, "send 0 DDEEDDEEFF");
    fake_says(&f, "03023A02");
    fake_end(&f);
}

static void test_reset_closes(void **state)
{
    (void)state;
    struct fake f;
    opened(&f, "", open_tcp);
    (void)device_modem_received(f.modem, 0, cr_span_of("abc", 3), f.now);
    fake_forget(&f);
    fake_queue(&f, "D009810301010482028182");
    fake_queue(&f, "D009810301440082028182");
    fake_poll(&f);
    fake_says(&f, "close 0");
    fake_says(&f, "B8020000");
    fake_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_later),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_receive),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_datagram_faults),
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_radio_off),
        cmocka_unit_test(test_drop_channel),
        cmocka_unit_test(test_reset_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
