#include "net/vpcd.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t atr[] = {0x3B, 0x97, 0x96, 0x80, 0x3F, 0xC7, 0x82, 0x80,
                              0x31, 0xE0, 0x73, 0xFE, 0x21, 0x13, 0x15};

/* The test plays the reader; the card runs on a thread. */
struct bench {
    int listener;
    int reader; /* the reader's end of the connection */
    uint16_t port;
    pthread_t thread;
    struct vpcd *vpcd;
    volatile bool stop;
    cr_status status;
    struct cr_err err;
    int powered_on, powered_off, resets; /* read after the join */
    size_t longest;
};

static void card_power(void *ctx, bool on)
{
    struct bench *bench = ctx;
    bench->powered_on += on;
    bench->powered_off += !on;
}

static void card_reset(void *ctx)
{
    ((struct bench *)ctx)->resets++;
}

static void card_atr(void *ctx, cr_buf *out)
{
    (void)ctx;
    cr_buf_append(out, atr, sizeof(atr));
}

/* INS 01: nothing, 02: more than a frame holds, 03: as much as a frame holds; else an echo. */
static void card_transmit(void *ctx, cr_span command, cr_buf *response)
{
    struct bench *bench = ctx;
    bench->longest = command.n > bench->longest ? command.n : bench->longest;
    if (command.p[1] == 1) {
        return;
    }
    if (command.p[1] == 2 || command.p[1] == 3) {
        uint8_t *at = cr_buf_extend(response, command.p[1] == 2 ? 65536 : 65533);
        if (at) {
            memset(at, 0x5A, 65533);
        }
    } else {
        cr_buf_append_span(response, command);
    }
    cr_buf_append_be(response, 0x9000, 2);
}

static void *card_main(void *arg)
{
    struct bench *bench = arg;
    struct vpcd_card card = {.ctx = bench,
                             .power = card_power,
                             .reset = card_reset,
                             .atr = card_atr,
                             .transmit = card_transmit};
    bench->status = vpcd_serve(bench->vpcd, &card, &bench->stop, &bench->err);
    return NULL;
}

static void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof(address);
    bench->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(bench->listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(bench->listener, 64), 0);
    assert_int_equal(getsockname(bench->listener, (struct sockaddr *)&address, &n), 0);
    bench->port = ntohs(address.sin_port);
    assert_int_equal(vpcd_connect(NULL, bench->port, &bench->vpcd, &bench->err), CR_OK);
    bench->reader = accept(bench->listener, NULL, NULL);
    assert_true(bench->reader >= 0);
    assert_int_equal(pthread_create(&bench->thread, NULL, card_main, bench), 0);
}

/* Waits for the card's thread; returns what vpcd_serve() did. */
static cr_status bench_close(struct bench *bench)
{
    if (bench->reader >= 0) {
        (void)close(bench->reader);
    }
    (void)pthread_join(bench->thread, NULL);
    vpcd_free(bench->vpcd);
    (void)close(bench->listener);
    return bench->status;
}

static void put(struct bench *bench, const void *p, size_t n)
{
    const uint8_t *at = p;
    while (n > 0) {
        ssize_t sent = send(bench->reader, at, n, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        n -= (size_t)sent;
    }
}

/* Length and payload apart, as vpcd does. */
static void put_frame(struct bench *bench, const void *p, size_t n)
{
    uint8_t header[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    put(bench, header, 2);
    put(bench, p, n);
}

static void get(struct bench *bench, uint8_t *p, size_t n)
{
    assert_int_equal(recv(bench->reader, p, n, MSG_WAITALL), n);
}

static size_t get_frame(struct bench *bench, uint8_t p[65535])
{
    uint8_t header[2];
    get(bench, header, 2);
    size_t n = (size_t)header[0] << 8 | header[1];
    get(bench, p, n);
    return n;
}

static void a_session(void **state)
{
    (void)state;
    static uint8_t answer[65535];
    struct bench bench;
    bench_open(&bench);
    put_frame(&bench, "\x04", 1); /* asked for before power as well */
    assert_int_equal(get_frame(&bench, answer), sizeof(atr));
    assert_memory_equal(answer, atr, sizeof(atr));
    put_frame(&bench, "\x01", 1);
    put_frame(&bench, "\x02", 1);
    put_frame(&bench, "\x04", 1);
    assert_int_equal(get_frame(&bench, answer), sizeof(atr));
    for (int i = 0; i < 300; i++) {
        uint8_t command[5] = {0x80, 0xCA, (uint8_t)(i >> 8), (uint8_t)i, 0};
        put_frame(&bench, command, sizeof(command));
        assert_int_equal(get_frame(&bench, answer), 7);
        assert_memory_equal(answer, command, sizeof(command));
        assert_memory_equal(answer + 5, "\x90\x00", 2);
    }
    put_frame(&bench, "\x00", 1);
    assert_int_equal(bench_close(&bench), CR_OK);
    assert_int_equal(bench.powered_on, 1);
    assert_int_equal(bench.powered_off, 1);
    assert_int_equal(bench.resets, 1);
}

/* Frames in bytes one by one, and several at once. */
static void frames_in_pieces(void **state)
{
    (void)state;
    static uint8_t answer[65535];
    struct bench bench;
    bench_open(&bench);
    static const uint8_t stream[] = {0, 1, 1, 0, 4, 1, 7, 2, 3, 0, 1, 4, 0, 2, 9, 9};
    for (size_t i = 0; i < sizeof(stream); i++) {
        put(&bench, stream + i, 1);
    }
    put(&bench, stream, sizeof(stream));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get_frame(&bench, answer), 6);
        assert_memory_equal(answer, "\x01\x07\x02\x03\x90\x00", 6);
        assert_int_equal(get_frame(&bench, answer), sizeof(atr));
        assert_int_equal(get_frame(&bench, answer), 4);
    }
    assert_int_equal(bench_close(&bench), CR_OK);
}

static void sizes(void **state)
{
    (void)state;
    static uint8_t frame[65535];
    struct bench bench;
    bench_open(&bench);
    put_frame(&bench, "\x80\x01\x00\x00", 4); /* the card gives no answer: a defect, no removal */
    assert_int_equal(get_frame(&bench, frame), 2);
    assert_memory_equal(frame, "\x6F\x00", 2);
    put_frame(&bench, "\x80\x02\x00\x00", 4); /* or one that no frame holds */
    assert_int_equal(get_frame(&bench, frame), 2);
    assert_memory_equal(frame, "\x6F\x00", 2);
    put_frame(&bench, "\x80\x03\x00\x00", 4);
    assert_int_equal(get_frame(&bench, frame), 65535);
    assert_memory_equal(frame + 65533, "\x90\x00", 2);
    frame[1] = 1;
    put_frame(&bench, frame, sizeof(frame)); /* the largest frame */
    assert_int_equal(get_frame(&bench, frame), 2);
    assert_int_equal(bench_close(&bench), CR_OK);
    assert_int_equal(bench.longest, 65535);
}

static void no_vpcd_at_the_other_end(void **state)
{
    (void)state;
    static const struct {
        const uint8_t bytes[4];
        size_t n;
        cr_status status;
    } rows[] = {
        {{0, 0}, 2, CR_MALFORMED},       /* an empty frame */
        {{0, 1, 3}, 3, CR_MALFORMED},    /* a control that is none */
        {{0, 1, 0xFF}, 3, CR_MALFORMED}, /* the same */
        {{0}, 1, CR_MALFORMED},          /* gone inside the length */
        {{0, 5}, 2, CR_MALFORMED},       /* gone before the payload */
        {{0, 5, 1, 2}, 4, CR_MALFORMED}, /* gone inside the payload */
        {{0, 1, 1}, 3, CR_OK},           /* gone between frames */
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct bench bench;
        bench_open(&bench);
        put(&bench, rows[i].bytes, rows[i].n);
        assert_int_equal(bench_close(&bench), rows[i].status);
        assert_int_equal(bench.err.cause[0] != 0, rows[i].status != CR_OK);
    }
}

static void stops_when_asked(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    put(&bench, "\x00", 1); /* also in the middle of a frame */
    __atomic_store_n(&bench.stop, true, __ATOMIC_RELAXED);
    (void)pthread_join(bench.thread, NULL);
    assert_int_equal(bench.status, CR_OK);
    vpcd_free(bench.vpcd);
    (void)close(bench.reader);
    (void)close(bench.listener);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct bench bench;
    struct vpcd *vpcd = NULL;
    struct cr_err err = {0};
    bench_open(&bench);
    uint16_t port = bench.port;
    assert_int_equal(bench_close(&bench), CR_OK);
    assert_int_equal(vpcd_connect("127.0.0.1", port, &vpcd, &err), CR_RESOURCE);
    assert_non_null(strstr(err.next, "pcscd"));
    assert_int_equal(vpcd_connect("no.such.host.invalid", port, &vpcd, &err), CR_RESOURCE);
    assert_null(vpcd);
    vpcd_free(NULL);
}

/* ---- many cards on one thread ---- */

struct slot_card {
    bool removed, finished;
    int inserted, gone, taken_out, broken;
};

static void slot_power(void *ctx, bool on)
{
    (void)ctx;
    (void)on;
}

static void slot_reset(void *ctx)
{
    (void)ctx;
}

/* INS 04: the card leaves; INS 05: for ever; else an echo. */
static void slot_transmit(void *ctx, cr_span command, cr_buf *response)
{
    struct slot_card *card = ctx;
    card->removed = command.p[1] == 4 || command.p[1] == 5;
    card->finished = command.p[1] == 5;
    cr_buf_append_span(response, command);
}

static void slot_event(void *ctx, enum vpcd_event event, const struct cr_err *err)
{
    struct slot_card *card = ctx;
    card->inserted += event == VPCD_INSERTED;
    card->gone += event == VPCD_GONE;
    card->taken_out += event == VPCD_REMOVED;
    card->broken += event == VPCD_BROKEN;
    assert_int_equal(err != NULL, event == VPCD_WAITING || event == VPCD_BROKEN);
}

static bool slot_finished(void *ctx)
{
    return ((struct slot_card *)ctx)->finished;
}

#define SLOTS 20

struct many {
    struct slot_card cards[SLOTS];
    struct vpcd_slot slots[SLOTS];
    volatile bool stop;
    cr_status status;
    pthread_t thread;
};

static void *many_main(void *arg)
{
    struct many *m = arg;
    struct cr_err err;
    m->status = vpcd_run(m->slots, SLOTS, &m->stop, &err);
    return NULL;
}

static void many_cards(void **state)
{
    (void)state;
    static uint8_t answer[65535];
    static struct many m;
    struct bench reader;
    int conn[SLOTS];
    bench_open(&reader); /* for its listener; its own card stays idle */
    for (size_t i = 0; i < SLOTS; i++) {
        m.slots[i] = (struct vpcd_slot){.card = {.ctx = &m.cards[i],
                                                 .power = slot_power,
                                                 .reset = slot_reset,
                                                 .atr = card_atr,
                                                 .transmit = slot_transmit,
                                                 .removed = &m.cards[i].removed},
                                        .port = reader.port,
                                        .event = slot_event,
                                        .finished = slot_finished};
    }
    assert_int_equal(pthread_create(&m.thread, NULL, many_main, &m), 0);
    struct bench at = reader;
    for (size_t i = 0; i < SLOTS; i++) {
        conn[i] = accept(reader.listener, NULL, NULL);
        assert_true(conn[i] >= 0);
    }
    for (int round = 0; round < 20; round++) { /* all at a time, then all answers */
        for (uint8_t i = 0; i < SLOTS; i++) {
            uint8_t command[4] = {0x80, 1, (uint8_t)round, i};
            at.reader = conn[i];
            put_frame(&at, command, sizeof(command));
        }
        for (uint8_t i = 0; i < SLOTS; i++) {
            at.reader = conn[i];
            assert_int_equal(get_frame(&at, answer), 4);
            assert_int_equal(answer[3], i);
        }
    }
    /* One leaves without an answer, and comes back. */
    at.reader = conn[3];
    put_frame(&at, "\x80\x04\x00\x00", 4);
    assert_int_equal(recv(conn[3], answer, 1, 0), 0);
    (void)close(conn[3]);
    at.reader = conn[3] = accept(reader.listener, NULL, NULL);
    put_frame(&at, "\x80\x01\x07\x07", 4);
    assert_int_equal(get_frame(&at, answer), 4);
    /* One breaks the protocol, one loses its reader: the others go on. */
    at.reader = conn[4];
    put_frame(&at, "\x09", 1);
    assert_int_equal(recv(conn[4], answer, 1, 0), 0);
    (void)close(conn[4]);
    (void)close(conn[5]);
    for (int i = 4; i <= 5; i++) {
        conn[i] = accept(reader.listener, NULL, NULL);
        assert_true(conn[i] >= 0);
    }
    /* When all have left for ever it is over. */
    for (size_t i = 0; i < SLOTS; i++) {
        at.reader = conn[i];
        put_frame(&at, "\x80\x05\x00\x00", 4);
        assert_int_equal(recv(conn[i], answer, 1, 0), 0);
        (void)close(conn[i]);
    }
    (void)pthread_join(m.thread, NULL);
    assert_int_equal(m.status, CR_OK);
    int inserted = 0;
    int taken_out = 0;
    int gone = 0;
    int broken = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        inserted += m.cards[i].inserted;
        taken_out += m.cards[i].taken_out;
        gone += m.cards[i].gone;
        broken += m.cards[i].broken;
    }
    assert_int_equal(inserted, SLOTS + 3);
    assert_int_equal(taken_out, SLOTS + 1);
    assert_int_equal(gone, 1);
    assert_int_equal(broken, 1);
    assert_int_equal(bench_close(&reader), CR_OK);
}

/* A card that waits for its reader. */
static void the_reader_comes(void **state)
{
    (void)state;
    static uint8_t answer[65535];
    static struct many m;
    struct bench at = {0};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int probe = socket(AF_INET, SOCK_STREAM, 0); /* its port is free in a moment */
    assert_int_equal(bind(probe, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &n), 0);
    (void)close(probe);
    for (size_t i = 0; i < SLOTS; i++) {
        m.cards[i].finished = i > 0; /* one is enough */
        m.slots[i] = (struct vpcd_slot){.card = {.ctx = &m.cards[i],
                                                 .power = slot_power,
                                                 .reset = slot_reset,
                                                 .atr = card_atr,
                                                 .transmit = slot_transmit},
                                        .port = ntohs(address.sin_port),
                                        .listen = true,
                                        .event = slot_event,
                                        .finished = slot_finished};
    }
    assert_int_equal(pthread_create(&m.thread, NULL, many_main, &m), 0);
    for (int i = 0; i < 2; i++) { /* and once more */
        int tries = 0;
        do {
            at.reader = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(at.reader, (struct sockaddr *)&address, n) == 0) {
                break;
            }
            (void)close(at.reader);
            (void)usleep(20000);
        } while (++tries < 500);
        assert_true(tries < 500);
        put_frame(&at, "\x80\x01\x07\x07", 4);
        assert_int_equal(get_frame(&at, answer), 4);
        (void)close(at.reader);
    }
    __atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
    (void)pthread_join(m.thread, NULL);
    assert_int_equal(m.status, CR_OK);
    assert_int_equal(m.cards[0].inserted, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session),
        cmocka_unit_test(frames_in_pieces),
        cmocka_unit_test(sizes),
        cmocka_unit_test(no_vpcd_at_the_other_end),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(many_cards),
        cmocka_unit_test(the_reader_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
