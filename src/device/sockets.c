#include "device/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLUSH_PARTS 64
#define HIGH_WATER  4096 /* bytes read ahead of the chip */

/* A callback of libevent gets one of these: the socket and which channel it is. */
static unsigned channel_at(const struct device_sockets *s, const struct device_socket *socket)
{
    return (unsigned)(socket - s->sockets);
}

struct hook { /* owned by the socket's callbacks */
    struct device_sockets *sockets;
    unsigned channel;
};

static struct device_socket *socket_of(const struct hook *h)
{
    return &h->sockets->sockets[h->channel];
}

/* --- TCP ---------------------------------------------------------------------------------------
 */

/* Gives the modem what has come, as far as it takes it, then the news that it is over. */
static void feed_all(struct device_sockets *s, struct device_socket *socket)
{
    unsigned generation = socket->generation, channel = channel_at(s, socket);
    while (socket->tcp && socket->generation == generation) {
        struct evbuffer *in = bufferevent_get_input(socket->tcp);
        uint8_t bytes[DEVICE_MAX_BUFFER];
        ev_ssize_t n = evbuffer_copyout(in, bytes, sizeof bytes);
        if (n <= 0) {
            if (socket->ended && !socket->connecting) {
                sockets_close(s, channel);
                device_modem_dropped(s->modem, channel, s->now(s->ctx));
            }
            return;
        }
        size_t taken =
            device_modem_received(s->modem, channel, cr_span_of(bytes, (size_t)n), s->now(s->ctx));
        if (taken == 0) {
            return;
        }
        if (socket->tcp && socket->generation == generation) {
            (void)evbuffer_drain(in, taken);
        }
    }
}

/* The chip may read at once, and the modem say that there is room, while the bytes it took are
 * still in the buffer: they must not be given again. The loop that runs sees the room itself. */
static void feed(struct device_sockets *s, struct device_socket *socket)
{
    if (!socket->feeding) {
        socket->feeding = true;
        feed_all(s, socket);
        socket->feeding = false;
    }
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct hook *h = ctx;
    (void)bev;
    struct device_sockets *s = h->sockets;
    feed(s, socket_of(h));
    s->told(s->ctx);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct hook *h = ctx;
    struct device_sockets *s = h->sockets;
    struct device_socket *socket = socket_of(h);
    unsigned channel = h->channel;
    if (what & BEV_EVENT_CONNECTED) {
        (void)bufferevent_set_timeouts(bev, NULL, NULL);
        socket->connecting = false;
        device_modem_opened(s->modem, channel, true, s->now(s->ctx));
    } else if (socket->connecting) {
        sockets_close(s, channel);
        device_modem_opened(s->modem, channel, false, s->now(s->ctx));
    } else {
        socket->ended = true;
        feed(s, socket);
    }
    s->told(s->ctx);
}

static bool open_tcp(struct device_sockets *s, unsigned channel, struct sockaddr *to, int size)
{
    const struct timeval limit = {.tv_sec = SOCKET_CONNECT_SECONDS};
    struct device_socket *socket = &s->sockets[channel];
    struct hook *h = calloc(1, sizeof *h);
    socket->tcp =
        h ? bufferevent_socket_new(s->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)
          : NULL;
    if (!socket->tcp) {
        free(h);
        return false;
    }
    *h = (struct hook){.sockets = s, .channel = channel};
    socket->connecting = true;
    bufferevent_setcb(socket->tcp, on_read, NULL, on_event, h);
    bufferevent_setwatermark(socket->tcp, EV_READ, 0, HIGH_WATER);
    (void)bufferevent_set_timeouts(socket->tcp, NULL, &limit);
    return bufferevent_enable(socket->tcp, EV_READ | EV_WRITE) == 0 &&
           bufferevent_socket_connect(socket->tcp, to, size) == 0;
}

/* What the chip has sent before it closed the channel goes out as far as the kernel takes it. (The
 * buffer of a bufferevent is frozen for all but looking.) */
static void flush(struct bufferevent *bev)
{
    struct evbuffer_iovec parts[FLUSH_PARTS];
    int n = evbuffer_peek(bufferevent_get_output(bev), -1, NULL, parts, FLUSH_PARTS);
    if (n > 0) {
        const struct msghdr message = {.msg_iov = parts,
                                       .msg_iovlen = n < FLUSH_PARTS ? (size_t)n : FLUSH_PARTS};
        ssize_t sent = sendmsg(bufferevent_getfd(bev), &message, MSG_NOSIGNAL);
        (void)sent;
    }
}

/* --- UDP ---------------------------------------------------------------------------------------
 */

static void on_datagram(evutil_socket_t fd, short what, void *ctx)
{
    struct hook *h = ctx;
    struct device_sockets *s = h->sockets;
    unsigned channel = h->channel;
    uint8_t bytes[DEVICE_MAX_DATAGRAM + 1];
    (void)what;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) { /* too large ones are dropped by the modem */
        (void)device_modem_received(s->modem, channel, cr_span_of(bytes, (size_t)n),
                                    s->now(s->ctx));
        s->told(s->ctx);
    }
}

static bool open_udp(struct device_sockets *s, unsigned channel, const struct sockaddr *to,
                     socklen_t size)
{
    struct device_socket *own = &s->sockets[channel];
    struct hook *h = calloc(1, sizeof *h);
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (h && fd >= 0 && connect(fd, to, size) == 0) {
        *h = (struct hook){.sockets = s, .channel = channel};
        own->udp = event_new(s->base, fd, EV_READ | EV_PERSIST, on_datagram, h);
    }
    if (!own->udp) {
        free(h);
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    return event_add(own->udp, NULL) == 0;
}

/* --- the operations ----------------------------------------------------------------------------
 */

static socklen_t address_of(const struct device_place *place, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    if (inet_pton(AF_INET, place->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(place->port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, place->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(place->port);
        return sizeof *v6;
    }
    return 0;
}

void sockets_open(struct device_sockets *s, unsigned channel, uint8_t transport, cr_span address,
                  uint16_t port)
{
    char host[INET6_ADDRSTRLEN] = "";
    struct sockaddr_storage to;
    struct device_socket *socket = &s->sockets[channel];
    bool udp = transport == CAT_TRANSPORT_UDP_CLIENT;
    (void)inet_ntop(address.n == 4 ? AF_INET : AF_INET6, address.p, host, sizeof host);
    struct device_place place = device_place_of(s->config, host, port);
    socklen_t size = address_of(&place, &to);
    socket->generation++;
    socket->ended = socket->connecting = false;
    bool good = size > 0 && (udp ? open_udp(s, channel, (struct sockaddr *)&to, size)
                                 : open_tcp(s, channel, (struct sockaddr *)&to, (int)size));
    if (!good) {
        sockets_close(s, channel);
    }
    if (!good || udp) {
        device_modem_opened(s->modem, channel, good, s->now(s->ctx));
    }
}

void sockets_send(struct device_sockets *s, unsigned channel, cr_span bytes)
{
    struct device_socket *socket = &s->sockets[channel];
    if (socket->udp) { /* lost when the kernel does not want it: that is UDP */
        ssize_t sent = send(event_get_fd(socket->udp), bytes.p, bytes.n, MSG_NOSIGNAL);
        (void)sent;
        return;
    }
    if (!socket->tcp) {
        return;
    }
    size_t waiting = evbuffer_get_length(bufferevent_get_output(socket->tcp));
    if (waiting + bytes.n > DEVICE_MAX_OUTPUT ||
        bufferevent_write(socket->tcp, bytes.p, bytes.n) != 0) {
        sockets_close(s, channel);
        device_modem_dropped(s->modem, channel, s->now(s->ctx));
    }
}

void sockets_room(struct device_sockets *s, unsigned channel)
{
    if (s->sockets[channel].tcp) {
        feed(s, &s->sockets[channel]);
    }
}

void sockets_close(struct device_sockets *s, unsigned channel)
{
    struct device_socket *socket = &s->sockets[channel];
    if (socket->tcp) {
        struct bufferevent *bev = socket->tcp;
        void *hook = NULL;
        bufferevent_getcb(bev, NULL, NULL, NULL, &hook);
        socket->tcp = NULL;
        if (!socket->connecting) {
            flush(bev);
        }
        bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
        bufferevent_free(bev);
        free(hook);
    }
    if (socket->udp) {
        evutil_socket_t fd = event_get_fd(socket->udp);
        void *hook = event_get_callback_arg(socket->udp);
        event_free(socket->udp);
        socket->udp = NULL;
        (void)close(fd);
        free(hook);
    }
    socket->generation++;
}
