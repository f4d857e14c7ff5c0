/*
 * Devices with threads and sockets: channels onto TCP and UDP, short messages over SMPP, many
 * chips.
 */
#include "fake.h"

#include "device/run.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS  "D00E810301050082028182990303090A"
#define PATIENT 60 /* seconds until something that must come counts as missing */

static const char open_tcp[] = "D01C810301400182028182350103390205003C030220FB3E0521C000020A";
static const char open_udp[] = "D01C810301400182028182350103390205003C03011F903E0521C000020A";

struct scene {
    struct device_config config;
    struct device_run *run;
    struct fake *fakes;
    struct card *cards;
    uint32_t count;
    atomic_uint served;
};

static void on_event(void *ctx, uint32_t chip, enum device_event event, const char *text)
{
    struct scene *s = ctx;
    (void)chip;
    if (event == DEVICE_EVENT_NETWORK && strstr(text, "service for")) {
        atomic_fetch_add(&s->served, 1);
    }
}

static void prepare(struct scene *s, const char *config, uint32_t count)
{
    struct cr_err err = {0};
    *s = (struct scene){.count = count};
    if (device_config_read(config, &s->config, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    s->fakes = calloc(count, sizeof *s->fakes);
    s->cards = calloc(count, sizeof *s->cards);
    assert_non_null(s->fakes);
    assert_non_null(s->cards);
    for (uint32_t i = 0; i < count; i++) {
        s->fakes[i].imsi = "001010000000001";
        s->fakes[i].shy = true;
        fake_card(&s->fakes[i], &s->cards[i]);
    }
}

static void start(struct scene *s, bool smpp)
{
    struct cr_err err = {0};
    const struct device_run_options options = {.config = &s->config,
                                               .cards = s->cards,
                                               .count = s->count,
                                               .smpp = smpp,
                                               .env = cr_env_system(),
                                               .ctx = s,
                                               .event = on_event};
    if (device_run_start(&options, &s->run, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

static void stop(struct scene *s)
{
    device_run_stop(s->run);
    s->run = NULL;
}

static void finish(struct scene *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        cr_buf_free(&s->fakes[i].log);
    }
    free(s->fakes);
    free(s->cards);
    device_config_free(&s->config);
}

static int bound_socket(int type, uint16_t *port)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    const struct timeval limit = {.tv_sec = PATIENT};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void read_whole(int fd, const char *want, size_t n)
{
    char got[64];
    size_t have = 0;
    while (have < n) {
        ssize_t more = recv(fd, got + have, n - have, 0);
        assert_true(more > 0);
        have += (size_t)more;
    }
    assert_memory_equal(got, want, n);
}

static void test_tcp(void **state)
{
    (void)state;
    static const char *const on_data[] = {"D00C810301420082028121B701ED",
                                          "D00D810301430182028121B602CCDD",
                                          "D009810301410082028121", NULL};
    struct scene s;
    uint16_t port;
    char config[200], byte;
    const struct timeval limit = {.tv_sec = PATIENT};
    int fd = bound_socket(SOCK_STREAM, &port);
    assert_int_equal(listen(fd, 1), 0);
    (void)snprintf(config, sizeof config,
                   "[device]\npoll = 1\nmap = 192.0.2.10:8443 127.0.0.1:%u\n", port);
    prepare(&s, config, 1);
    fake_queue(&s.fakes[0], EVENTS);
    fake_queue(&s.fakes[0], open_tcp);
    fake_queue(&s.fakes[0], "D00D810301430182028121B602DDEE");
    s.fakes[0].on_data = on_data;
    start(&s, false);
    int peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    read_whole(peer, "\xDD\xEE", 2);
    assert_int_equal(send(peer, "hello", 5, 0), 5);
    read_whole(peer, "\xCC\xDD", 2);
    assert_int_equal(recv(peer, &byte, 1, 0), 0); /* closed */
    stop(&s);
    fake_says(&s.fakes[0], "B60568656C6C6FB70100");
    (void)close(peer);
    (void)close(fd);
    finish(&s);
}

/* A chip that reads as soon as it hears of data gets every byte once. */
static void test_tcp_once(void **state)
{
    (void)state;
    static const char *const on_data[] = {"D00C810301420082028121B701ED",
                                          "D00D810301430182028121B602CCDD", NULL};
    struct scene s;
    uint16_t port;
    char config[200];
    const struct timeval limit = {.tv_sec = PATIENT};
    int fd = bound_socket(SOCK_STREAM, &port);
    assert_int_equal(listen(fd, 1), 0);
    (void)snprintf(config, sizeof config, "[device]\nmap = 192.0.2.10:8443 127.0.0.1:%u\n", port);
    prepare(&s, config, 1);
    fake_queue(&s.fakes[0], EVENTS);
    fake_queue(&s.fakes[0], open_tcp);
    s.fakes[0].on_data = on_data;
    start(&s, false);
    int peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(send(peer, "hello", 5, 0), 5);
    read_whole(peer, "\xCC\xDD", 2);
    assert_int_equal(send(peer, "world", 5, 0), 5);
    read_whole(peer, "\xCC\xDD", 2);
    stop(&s);
    assert_int_equal(fake_counts(&s.fakes[0], "B60568656C6C6FB70100"), 1);
    assert_int_equal(fake_counts(&s.fakes[0], "B605776F726C64B70100"), 1);
    (void)close(peer);
    (void)close(fd);
    finish(&s);
}

/* The peer goes away: what it said before is there, then the link is down. */
static void test_tcp_dropped(void **state)
{
    (void)state;
    static const char *const on_data[] = {"D00C810301420082028121B701ED",
                                          "D00D810301430182028121B602CCDD", NULL};
    struct scene s;
    uint16_t port, closed;
    char config[200];
    int fd = bound_socket(SOCK_STREAM, &port), none = bound_socket(SOCK_STREAM, &closed);
    assert_int_equal(listen(fd, 1), 0);
    (void)snprintf(config, sizeof config,
                   "[device]\npoll = 1\nmap = *:8443 127.0.0.1:%u\nmap = *:8080 127.0.0.1:%u\n",
                   port, closed);
    prepare(&s, config, 1);
    fake_queue(&s.fakes[0], EVENTS);
    fake_queue(&s.fakes[0], /* nobody listens there */
               "D01C810301400182028182350103390205003C03021F903E0521C000020A");
    fake_queue(&s.fakes[0], open_tcp);
    s.fakes[0].on_data = on_data;
    start(&s, false);
    int peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0);
    char data[6000]; /* more than the buffers of the channel */
    memset(data, 0x5A, sizeof data);
    assert_int_equal(send(peer, data, sizeof data, 0), sizeof data);
    (void)shutdown(peer, SHUT_WR);
    char byte[2];
    assert_int_equal(recv(peer, byte, 1, 0), 1); /* the chip's CC after its first read */
    stop(&s);
    fake_says(&s.fakes[0], "\nT 81030140018202828103023A07");
    fake_says(&s.fakes[0], "B681ED5A5A");
    (void)close(peer);
    (void)close(fd);
    (void)close(none);
    finish(&s);
}

static void test_udp(void **state)
{
    (void)state;
    static const char *const on_data[] = {"D00C810301420082028121B701ED",
                                          "D00D810301430182028121B602CCDD", NULL};
    struct scene s;
    uint16_t port;
    char config[200], got[10];
    struct sockaddr_in from;
    socklen_t n = sizeof from;
    int fd = bound_socket(SOCK_DGRAM, &port);
    (void)snprintf(config, sizeof config, "[device]\npoll = 1\nmap = *:* 127.0.0.1:%u\n", port);
    prepare(&s, config, 1);
    fake_queue(&s.fakes[0], EVENTS);
    fake_queue(&s.fakes[0], open_udp);
    fake_queue(&s.fakes[0], "D00D810301430182028121B602DDEE");
    s.fakes[0].on_data = on_data;
    start(&s, false);
    assert_int_equal(recvfrom(fd, got, sizeof got, 0, (struct sockaddr *)&from, &n), 2);
    assert_memory_equal(got, "\xDD\xEE", 2);
    assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&from, n), 5);
    assert_int_equal(recv(fd, got, sizeof got, 0), 2);
    assert_memory_equal(got, "\xCC\xDD", 2);
    stop(&s);
    fake_says(&s.fakes[0], "B60568656C6C6FB70100");
    (void)close(fd);
    finish(&s);
}

/* --- SMPP --------------------------------------------------------------------------------------
 */

struct esme {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned bound, submitted, received, receipts;
    uint32_t status;
    char id[SMPP_MAX_ID + 1];
    struct smpp_receipt receipt;
    struct smpp_message message;
};

static void esme_changed(struct esme *e, unsigned *what)
{
    (*what)++;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->lock);
}

static void esme_wait(struct esme *e, const unsigned *what, unsigned n)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENT;
    int rc = 0;
    (void)pthread_mutex_lock(&e->lock);
    while (*what < n && rc == 0) {
        rc = pthread_cond_timedwait(&e->changed, &e->lock, &until);
    }
    (void)pthread_mutex_unlock(&e->lock);
    assert_int_equal(rc, 0);
}

static void esme_submitted(void *ctx, uint64_t ref, uint32_t status, const char *id)
{
    struct esme *e = ctx;
    (void)ref;
    (void)pthread_mutex_lock(&e->lock);
    e->status = status;
    (void)snprintf(e->id, sizeof e->id, "%s", id ? id : "");
    esme_changed(e, &e->submitted);
}

static uint32_t esme_received(void *ctx, const struct smpp_message *message)
{
    struct esme *e = ctx;
    (void)pthread_mutex_lock(&e->lock);
    e->message = *message;
    esme_changed(e, &e->received);
    return SMPP_OK;
}

static void esme_receipt(void *ctx, const struct smpp_receipt *receipt)
{
    struct esme *e = ctx;
    (void)pthread_mutex_lock(&e->lock);
    e->receipt = *receipt;
    esme_changed(e, &e->receipts);
}

static void esme_bound(void *ctx, bool bound)
{
    struct esme *e = ctx;
    (void)pthread_mutex_lock(&e->lock);
    esme_changed(e, bound ? &e->bound : &(unsigned){0});
}

static void test_smpp(void **state)
{
    (void)state;
    static const char *const on_sms[] = {"D0198103011300820281838B0E4101048174197FF6050271000055",
                                         NULL};
    struct scene s;
    struct esme e = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct smpp_client *client = NULL;
    prepare(&s, "[msisdn]\n001010000000001 = +4711\n[esme smsr]\npassword = pw\nnumber = 4791\n",
            1);
    s.fakes[0].on_sms = on_sms;
    start(&s, true);
    const struct smpp_client_options options = {.port = device_run_smpp_port(s.run),
                                                .system_id = "smsr",
                                                .password = "pw",
                                                .env = cr_env_system(),
                                                .ctx = &e,
                                                .submitted = esme_submitted,
                                                .received = esme_received,
                                                .receipt = esme_receipt,
                                                .bound = esme_bound};
    assert_int_equal(smpp_client_start(&options, &client, NULL), CR_OK);
    esme_wait(&e, &e.bound, 1);
    const struct smpp_message message = {.from_ton = 1,
                                         .from_npi = 1,
                                         .from = "4791",
                                         .to_ton = 1,
                                         .to_npi = 1,
                                         .to = "4711",
                                         .esm_class = SMPP_UDHI,
                                         .protocol_id = 0x7F,
                                         .data_coding = 0xF6,
                                         .registered_delivery = 1,
                                         .text = {0x02, 0x70, 0x00, 0xAA},
                                         .text_size = 4};
    assert_int_equal(smpp_client_submit(client, &message, 1, NULL), CR_OK);
    esme_wait(&e, &e.submitted, 1);
    assert_int_equal(e.status, SMPP_OK);
    esme_wait(&e, &e.receipts, 1);
    assert_int_equal(e.receipt.state, 2);
    assert_string_equal(e.receipt.id, e.id);
    esme_wait(&e, &e.received, 1); /* what the chip sent for it */
    assert_string_equal(e.message.from, "4711");
    assert_string_equal(e.message.to, "4791");
    assert_memory_equal(e.message.text, "\x02\x71\x00\x00\x55", 5);
    for (unsigned i = 0; i < PATIENT * 100 && device_run_pending(s.run) > 0; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(device_run_pending(s.run), 0);
    smpp_client_stop(client);
    stop(&s);
    fake_says(&s.fakes[0], "7FF6");
    finish(&s);
}

static void test_many(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s, "[network a]\nimsi = 00101\ndelay-ms = 1\n", 500);
    start(&s, false);
    for (unsigned i = 0; i < PATIENT * 100 && atomic_load(&s.served) < s.count; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(atomic_load(&s.served), s.count);
    for (unsigned i = 0; i < PATIENT * 100 && device_run_served(s.run) < s.count; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(device_run_served(s.run), s.count);
    assert_int_equal(device_run_dead(s.run), 0);
    stop(&s);
    finish(&s);
}

static void test_dead(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s, "", 3);
    s.fakes[1].gone = true;
    start(&s, false);
    for (unsigned i = 0; i < PATIENT * 100 && device_run_dead(s.run) == 0; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(device_run_dead(s.run), 1);
    stop(&s);
    finish(&s);
}

static void test_not_started(void **state)
{
    (void)state;
    struct scene s;
    uint16_t port;
    int fd = bound_socket(SOCK_STREAM, &port); /* the port is taken */
    assert_int_equal(listen(fd, 1), 0);
    prepare(&s, "", 2);
    struct device_run_options options = {.config = &s.config,
                                         .cards = s.cards,
                                         .count = s.count,
                                         .smpp = true,
                                         .smpp_port = port,
                                         .env = cr_env_system()};
    assert_int_equal(device_run_start(&options, &s.run, NULL), CR_RESOURCE);
    options.count = 0;
    assert_int_equal(device_run_start(&options, &s.run, NULL), CR_REFUSED);
    (void)close(fd);
    finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),         cmocka_unit_test(test_tcp_once),
        cmocka_unit_test(test_tcp_dropped), cmocka_unit_test(test_udp),
        cmocka_unit_test(test_smpp),        cmocka_unit_test(test_many),
        cmocka_unit_test(test_dead),        cmocka_unit_test(test_not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
