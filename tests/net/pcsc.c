/* The card's end (vpcd) and the host's end (PC/SC) against each other through a real pcscd. */
#include "net/pcsc.h"

#include "net/vpcd.h"
#include "pcscd.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t atr[] = {0x3B, 0x97, 0x96, 0x80, 0x3F, 0xC7, 0x82, 0x80,
                              0x31, 0xE0, 0x73, 0xFE, 0x21, 0x13, 0x15};

struct chip {
    struct vpcd *vpcd;
    pthread_t thread;
    volatile bool stop;
    atomic_int starts; /* power on or reset */
    cr_status status;
};

static struct test_pcscd pcscd;
static const char *why_not;

static void chip_power(void *ctx, bool on)
{
    atomic_fetch_add(&((struct chip *)ctx)->starts, on);
}

static void chip_reset(void *ctx)
{
    atomic_fetch_add(&((struct chip *)ctx)->starts, 1);
}

static void chip_atr(void *ctx, cr_buf *out)
{
    (void)ctx;
    cr_buf_append(out, atr, sizeof(atr));
}

static void chip_transmit(void *ctx, cr_span command, cr_buf *response)
{
    (void)ctx;
    cr_buf_append_span(response, command);
    cr_buf_append_be(response, 0x9000, 2);
}

static void *chip_main(void *arg)
{
    struct chip *chip = arg;
    struct vpcd_card card = {.ctx = chip,
                             .power = chip_power,
                             .reset = chip_reset,
                             .atr = chip_atr,
                             .transmit = chip_transmit};
    chip->status = vpcd_serve(chip->vpcd, &card, &chip->stop, NULL);
    return NULL;
}

static void wait_for_card(bool present)
{
    cr_arena arena = {0};
    for (int i = 0; i < 1000; i++) {
        struct pcsc_reader *readers = NULL;
        size_t count = 0;
        if (pcsc_readers(&arena, &readers, &count, NULL) == CR_OK && count > 0 &&
            readers[0].card_present == present) {
            cr_arena_free(&arena);
            return;
        }
        cr_arena_reset(&arena);
        struct timespec time = {.tv_nsec = 20000000};
        (void)nanosleep(&time, NULL);
    }
    fail_msg("the reader never saw the card %s", present ? "come" : "go");
}

static void chip_insert(struct chip *chip)
{
    memset(chip, 0, sizeof(*chip));
    assert_int_equal(vpcd_connect(NULL, pcscd.port, &chip->vpcd, NULL), CR_OK);
    assert_int_equal(pthread_create(&chip->thread, NULL, chip_main, chip), 0);
    wait_for_card(true);
}

static void chip_remove(struct chip *chip)
{
    __atomic_store_n(&chip->stop, true, __ATOMIC_RELAXED);
    (void)pthread_join(chip->thread, NULL);
    assert_int_equal(chip->status, CR_OK);
    vpcd_free(chip->vpcd);
}

static int start(void **state)
{
    (void)state;
    (void)test_pcscd_start(&pcscd, &why_not);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_pcscd_stop(&pcscd);
    return 0;
}

#define NEEDS_PCSCD()                                                                              \
    do {                                                                                           \
        if (why_not) {                                                                             \
            print_message("skipped: %s\n", why_not);                                               \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static void no_card(void **state)
{
    (void)state;
    NEEDS_PCSCD();
    cr_arena arena = {0};
    struct pcsc_reader *readers = NULL;
    size_t count = 0;
    struct card card = {0};
    struct cr_err err = {0};
    assert_int_equal(pcsc_readers(&arena, &readers, &count, &err), CR_OK);
    assert_int_equal(count, 2);
    assert_string_equal(readers[0].name, "Virtual PCD 00 00");
    assert_string_equal(readers[1].name, "Virtual PCD 00 01");
    assert_false(readers[0].card_present || readers[1].card_present);
    cr_arena_free(&arena);
    assert_int_equal(pcsc_open(NULL, &card, &err), CR_RESOURCE);
    assert_string_equal(err.cause, "no card is in the reader");
    assert_string_equal(err.next, "insert a card");
    assert_int_equal(pcsc_open("1", &card, &err), CR_RESOURCE);
    assert_string_equal(err.cause, "reader Virtual PCD 00 01: no card is in the reader");
    assert_int_equal(pcsc_open("Omnikey", &card, &err), CR_RESOURCE);
    assert_string_equal(err.cause, "there is no reader \"Omnikey\"");
    assert_non_null(strstr(err.next, "0 = Virtual PCD 00 00, 1 = Virtual PCD 00 01"));
    assert_null(card.ctx);
}

static void exchange(struct card *card, size_t n)
{
    uint8_t command[261] = {0x80, 0xE2, 0x91, 0x00};
    cr_buf response = {0};
    struct cr_err err = {0};
    command[4] = (uint8_t)(n - 5);
    assert_int_equal(card->transmit(card->ctx, cr_span_of(command, n), &response, &err), CR_OK);
    assert_int_equal(response.n, n + 2);
    assert_memory_equal(response.p, command, n);
    assert_memory_equal(response.p + n, "\x90\x00", 2);
    cr_buf_free(&response);
}

static void exchanges_and_reset(void **state)
{
    (void)state;
    NEEDS_PCSCD();
    static const char *const names[] = {NULL, "0", "Virtual PCD 00 00", "virtual"};
    struct chip chip;
    chip_insert(&chip);
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        struct card card;
        struct cr_err err = {0};
        if (pcsc_open(names[i], &card, &err) != CR_OK) {
            fail_msg("%s: %s", names[i] ? names[i] : "first", err.cause);
        }
        for (size_t n = 5; n <= 260; n += 15) {
            exchange(&card, n);
        }
        int before = atomic_load(&chip.starts);
        cr_buf bytes = {0};
        assert_int_equal(card.reset(card.ctx, &bytes, &err), CR_OK);
        assert_true(cr_span_equal(cr_buf_span(&bytes), CR_SPAN_ARRAY(atr)));
        assert_true(atomic_load(&chip.starts) > before);
        exchange(&card, 20);
        cr_buf_free(&bytes);
        card.close(card.ctx);
    }
    chip_remove(&chip);
    wait_for_card(false);
}

static void in_use_and_removed(void **state)
{
    (void)state;
    NEEDS_PCSCD();
    struct chip chip;
    struct card card;
    struct card second = {0};
    struct cr_err err = {0};
    cr_buf response = {0};
    chip_insert(&chip);
    assert_int_equal(pcsc_open("0", &card, &err), CR_OK);
    assert_int_equal(pcsc_open("0", &second, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "another program is using the card"));
    assert_null(second.ctx);
    chip_remove(&chip);
    wait_for_card(false);
    assert_int_equal(card.transmit(card.ctx, cr_span_str("\x80\xCA\x01\x01\x01"), &response, &err),
                     CR_RESOURCE);
    assert_non_null(strstr(err.cause, "the card was removed"));
    assert_true(err.code != 0 && err.next[0]);
    assert_int_equal(response.n, 0);
    card.close(card.ctx);
    cr_buf_free(&response);
}

/* In a child: libpcsclite remembers the service of its process. */
static void service_not_running(void **state)
{
    (void)state;
    NEEDS_PCSCD();
    test_pcscd_stop(&pcscd);
    pid_t child = fork();
    if (child == 0) {
        cr_arena arena = {0};
        struct pcsc_reader *readers = NULL;
        size_t count = 0;
        struct cr_err err = {0};
        cr_status status = pcsc_readers(&arena, &readers, &count, &err);
        cr_arena_free(&arena);
        _exit(status == CR_RESOURCE && strstr(err.cause, "service does not run") &&
                      strstr(err.next, "pcscd")
                  ? 0
                  : 1);
    }
    int code = 1;
    assert_true(child > 0 && waitpid(child, &code, 0) == child);
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_card),
        cmocka_unit_test(exchanges_and_reset),
        cmocka_unit_test(in_use_and_removed),
        cmocka_unit_test(service_not_running),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
