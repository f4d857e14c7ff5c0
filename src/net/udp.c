#include "net/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE        64                /* datagrams between two looks at the clock */
#define RECEIVE_BUFFER (4 * 1024 * 1024) /* bytes asked of the kernel: fleets answer at once */

struct udp_socket {
    struct udp_options o;
    int fd, stop_fd;
    atomic_bool stopped;
    bool running;
    pthread_t thread;
    uint16_t port;
};

bool udp_address_equal(const struct udp_address *a, const struct udp_address *b)
{
    return a->size == b->size && a->port == b->port && memcmp(a->ip, b->ip, a->size) == 0;
}

const char *udp_address_text(const struct udp_address *a, char out[UDP_ADDRESS_TEXT])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(a->size == 4 ? AF_INET : AF_INET6, a->ip, ip, sizeof ip);
    (void)snprintf(out, UDP_ADDRESS_TEXT, a->size == 4 ? "%s:%u" : "[%s]:%u", ip, a->port);
    return out;
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

static void address_of(const struct sockaddr_storage *from, struct udp_address *out)
{
    *out = (struct udp_address){.size = 0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)from;
        out->size = 4;
        memcpy(out->ip, &v4->sin_addr, 4);
        out->port = ntohs(v4->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        out->size = 16;
        memcpy(out->ip, &v6->sin6_addr, 16);
        out->port = ntohs(v6->sin6_port);
    }
}

static socklen_t sockaddr_of(const struct udp_address *a, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (a->size == 4) {
        struct sockaddr_in *v4 = (void *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(a->port);
        memcpy(&v4->sin_addr, a->ip, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (void *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(a->port);
    memcpy(&v6->sin6_addr, a->ip, 16);
    return sizeof *v6;
}

/* ---- the thread --------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void receive_some(struct udp_socket *s)
{
    uint8_t bytes[UDP_DATAGRAM_MAX + 1];
    for (int i = 0; i < AT_ONCE; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        struct udp_address address;
        const ssize_t n = recvfrom(s->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
        if (n < 0 && errno != ECONNREFUSED) {
            return; /* nothing more; a peer that is gone is reported once, and is no end */
        }
        address_of(&from, &address);
        if (n > 0 && n <= UDP_DATAGRAM_MAX && address.size) {
            s->o.received(s->o.ctx, &address, cr_span_of(bytes, (size_t)n));
        }
    }
}

static void *run(void *ctx)
{
    struct udp_socket *s = ctx;
    int64_t tick_at = now_ms() + s->o.tick_ms;
    struct pollfd fds[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
    while (!atomic_load(&s->stopped)) {
        const int64_t left = tick_at - now_ms();
        if (poll(fds, 2, left > 0 ? (int)left : 0) > 0 && fds[0].revents) {
            receive_some(s);
        }
        if (now_ms() >= tick_at) {
            tick_at = now_ms() + s->o.tick_ms;
            s->o.tick(s->o.ctx);
        }
    }
    return NULL;
}

/* ---- start and stop ----------------------------------------------------------------------------
 */

static cr_status bind_socket(struct udp_socket *s, struct cr_err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_DGRAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    const char *host = s->o.host ? s->o.host : "127.0.0.1";
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", s->o.port);
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return cr_fail(err, CR_REFUSED, NULL, "'%.80s' is no IP address to listen at", host);
    }
    s->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int size = RECEIVE_BUFFER;
    if (s->fd >= 0) { /* the kernel gives what it may: less is no failure */
        (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    const bool good = s->fd >= 0 && bind(s->fd, found->ai_addr, found->ai_addrlen) == 0;
    const int why = errno;
    freeaddrinfo(found);
    if (!good) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot listen at %s, UDP port %u: %s", host,
                       s->o.port, strerror(why)); /* NOLINT(concurrency-mt-unsafe) */
    }
    struct sockaddr_storage own = {0};
    socklen_t own_size = sizeof own;
    struct udp_address address;
    (void)getsockname(s->fd, (struct sockaddr *)&own, &own_size);
    address_of(&own, &address);
    s->port = address.port;
    return CR_OK;
}

cr_status udp_start(const struct udp_options *options, struct udp_socket **out, struct cr_err *err)
{
    struct udp_socket *s = calloc(1, sizeof *s);
    if (!s) {
        return cr_fail_memory(err);
    }
    s->o = *options;
    s->fd = -1;
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cr_status status = s->stop_fd >= 0 ? bind_socket(s, err)
                                       : cr_fail(err, CR_RESOURCE, NULL, "no descriptor is left");
    if (status == CR_OK) {
        *out = s; /* the first callback may need it */
        s->running = pthread_create(&s->thread, NULL, run, s) == 0;
        status = s->running ? CR_OK : cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
    }
    if (status != CR_OK) {
        *out = NULL;
        udp_free(s);
    }
    return status;
}

uint16_t udp_port(const struct udp_socket *s)
{
    return s->port;
}

void udp_send(struct udp_socket *s, const struct udp_address *to, cr_span datagram)
{
    struct sockaddr_storage address;
    const socklen_t size = sockaddr_of(to, &address);
    const ssize_t sent = sendto(s->fd, datagram.p, datagram.n, MSG_NOSIGNAL | MSG_DONTWAIT,
                                (const struct sockaddr *)&address, size);
    (void)sent;
}

void udp_stop(struct udp_socket *s)
{
    if (s && s->running) {
        const uint64_t one = 1;
        atomic_store(&s->stopped, true);
        const ssize_t told = write(s->stop_fd, &one, sizeof one);
        (void)told;
        (void)pthread_join(s->thread, NULL);
        s->running = false;
    }
}

void udp_free(struct udp_socket *s)
{
    if (s) {
        udp_stop(s);
        if (s->fd >= 0) {
            (void)close(s->fd);
        }
        if (s->stop_fd >= 0) {
            (void)close(s->stop_fd);
        }
        free(s);
    }
}
