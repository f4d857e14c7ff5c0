/*
 * UDP: datagrams both ways, ticks, what is too large, addresses of both families, the end.
 */
#include "../base/test.h"

#include "net/udp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct echo {
    struct udp_socket *socket;
    atomic_uint received, ticks;
    atomic_size_t last;
};

static void on_received(void *ctx, const struct udp_address *from, cr_span datagram)
{
    struct echo *e = ctx;
    atomic_store(&e->last, datagram.n);
    atomic_fetch_add(&e->received, 1);
    udp_send(e->socket, from, datagram);
}

static void on_tick(void *ctx)
{
    struct echo *e = ctx;
    atomic_fetch_add(&e->ticks, 1);
}

static void echo_over(const char *host, const struct sockaddr *to, socklen_t size)
{
    struct echo e = {.socket = NULL};
    const struct udp_options options = {
        .host = host, .tick_ms = 1, .ctx = &e, .received = on_received, .tick = on_tick};
    struct cr_err err = {0};
    struct sockaddr_storage there;
    uint8_t bytes[UDP_DATAGRAM_MAX + 10] = {1, 2, 3};
    assert_int_equal(udp_start(&options, &e.socket, &err), CR_OK);
    assert_int_not_equal(udp_port(e.socket), 0);
    memcpy(&there, to, size);
    if (to->sa_family == AF_INET) {
        ((struct sockaddr_in *)(void *)&there)->sin_port = htons(udp_port(e.socket));
    } else {
        ((struct sockaddr_in6 *)(void *)&there)->sin6_port = htons(udp_port(e.socket));
    }
    const int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&there, size), 0);
    const size_t sizes[] = {1, 3, UDP_DATAGRAM_MAX + 1, UDP_DATAGRAM_MAX};
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        assert_int_equal(send(fd, bytes, sizes[i], 0), sizes[i]);
        if (sizes[i] <= UDP_DATAGRAM_MAX) {
            uint8_t back[UDP_DATAGRAM_MAX + 10];
            assert_int_equal(recv(fd, back, sizeof back, 0), sizes[i]);
            assert_memory_equal(back, bytes, sizes[i]);
        }
    }
    assert_int_equal(atomic_load(&e.received), 3); /* not the one that is too large */
    assert_int_equal(send(fd, bytes, 0, 0), 0);    /* nothing in it: nothing to hear */
    while (atomic_load(&e.ticks) < 3) {
        (void)usleep(1000);
    }
    /* a port that is taken */
    struct udp_options again = options;
    struct udp_socket *none = NULL;
    again.port = udp_port(e.socket);
    assert_int_equal(udp_start(&again, &none, &err), CR_RESOURCE);
    assert_null(none);
    udp_stop(e.socket);
    const unsigned ticks = atomic_load(&e.ticks);
    assert_int_equal(send(fd, bytes, 5, 0), 5);
    (void)usleep(20000);
    assert_int_equal(atomic_load(&e.ticks), ticks);
    assert_int_equal(atomic_load(&e.received), 3);
    udp_free(e.socket);
    (void)close(fd);
}

static void test_v4(void **state)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)state;
    echo_over(NULL, (const struct sockaddr *)&to, sizeof to);
}

static void test_v6(void **state)
{
    const struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    (void)state;
    const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!has) {
        skip();
    }
    echo_over("::1", (const struct sockaddr *)&to, sizeof to);
}

static void test_addresses(void **state)
{
    const struct udp_address rows[] = {
        {.ip = {192, 0, 2, 1}, .size = 4, .port = 9000},
        {.ip = {192, 0, 2, 2}, .size = 4, .port = 9000},
        {.ip = {192, 0, 2, 1}, .size = 4, .port = 9001},
        {.ip = {0x20, 1, 0x0d, 0xb8, [15] = 1}, .size = 16, .port = 9000},
    };
    char text[UDP_ADDRESS_TEXT];
    struct cr_err err = {0};
    struct udp_socket *none;
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        for (size_t k = 0; k < CR_COUNT(rows); k++) {
            assert_int_equal(udp_address_equal(&rows[i], &rows[k]), i == k);
        }
    }
    assert_string_equal(udp_address_text(&rows[0], text), "192.0.2.1:9000");
    assert_string_equal(udp_address_text(&rows[3], text), "[2001:db8::1]:9000");
    const struct udp_options name = {.host = "localhost", .tick_ms = 1};
    assert_int_equal(udp_start(&name, &none, &err), CR_REFUSED); /* an address, no name */
    assert_null(none);
    udp_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4),
        cmocka_unit_test(test_v6),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
