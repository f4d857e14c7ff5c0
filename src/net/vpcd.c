#include "net/vpcd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STOP_MS      200   /* *stop is looked at this often */
#define MAX_FRAME    65535 /* bytes of a payload: its length has two bytes */
#define HEADER_BYTES 2

enum control { CONTROL_OFF = 0, CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

struct vpcd {
    int fd;
    cr_buf out; /* header and payload: one packet */
    uint8_t in[MAX_FRAME];
};

enum receive_result { RECEIVED, READER_GONE, READER_GONE_INSIDE, STOPPED };

/* Set by a signal handler or another thread. */
static bool stop_wanted(const volatile bool *stop)
{
    return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

static int connect_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        int problem = errno;
        (void)close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

static cr_status connect_failed(const char *host, uint16_t port, int problem, struct cr_err *err)
{
    cr_status status =
        cr_fail(err, CR_RESOURCE, NULL, "the virtual reader at %s port %u cannot be reached: %s",
                host, port, strerror(problem));
    if (problem == ECONNREFUSED) {
        return cr_err_next(err, status,
                           "is pcscd running with vsmartcard-vpcd? Start it with: pcscd "
                           "--foreground; its port is in /etc/reader.conf.d/vpcd");
    }
    return status;
}

cr_status vpcd_connect(const char *host, uint16_t port, struct vpcd **out, struct cr_err *err)
{
    host = host ? host : "127.0.0.1";
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int problem = getaddrinfo(host, service, &hints, &found);
    if (problem != 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "the virtual reader's host %.100s is not known: %s",
                       host, gai_strerror(problem));
    }
    int fd = -1;
    for (const struct addrinfo *address = found; address && fd < 0; address = address->ai_next) {
        fd = connect_to(address);
    }
    problem = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        return connect_failed(host, port, problem, err);
    }
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct vpcd *vpcd = calloc(1, sizeof(*vpcd));
    if (!vpcd) {
        (void)close(fd);
        return cr_fail_memory(err);
    }
    vpcd->fd = fd;
    *out = vpcd;
    return CR_OK;
}

void vpcd_free(struct vpcd *vpcd)
{
    if (!vpcd) {
        return;
    }
    (void)close(vpcd->fd);
    cr_buf_free(&vpcd->out);
    free(vpcd);
}

/* Exactly n bytes. begun: some of the frame is here already. */
static enum receive_result receive(struct vpcd *vpcd, uint8_t *to, size_t n, bool begun,
                                   const volatile bool *stop)
{
    size_t have = 0;
    while (have < n) {
        if (stop_wanted(stop)) {
            return STOPPED;
        }
        /* The reader sends length and payload in two packets; the kernel forgets quick
         * acknowledgement after a while, and then each frame waits 40 ms for the delayed one. */
        int one = 1;
        (void)setsockopt(vpcd->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
        struct pollfd poll_fd = {.fd = vpcd->fd, .events = POLLIN};
        int ready = poll(&poll_fd, 1, STOP_MS);
        if (ready == 0 || (ready < 0 && errno == EINTR)) {
            continue;
        }
        ssize_t got = recv(vpcd->fd, to + have, n - have, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return begun || have > 0 ? READER_GONE_INSIDE : READER_GONE;
        }
        have += (size_t)got;
    }
    return RECEIVED;
}

static bool send_all(struct vpcd *vpcd, const volatile bool *stop)
{
    size_t sent = 0;
    while (sent < vpcd->out.n) {
        struct pollfd poll_fd = {.fd = vpcd->fd, .events = POLLOUT};
        int ready = poll(&poll_fd, 1, STOP_MS);
        if (stop_wanted(stop)) {
            return false;
        }
        if (ready == 0 || (ready < 0 && errno == EINTR)) {
            continue;
        }
        ssize_t n =
            send(vpcd->fd, vpcd->out.p + sent, vpcd->out.n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        sent += (size_t)n;
    }
    return true;
}

/* Room for the length, which is known when the payload is there. */
static void reply_begin(struct vpcd *vpcd)
{
    cr_buf_reset(&vpcd->out);
    vpcd->out.limit = HEADER_BYTES + MAX_FRAME;
    cr_buf_append_be(&vpcd->out, 0, HEADER_BYTES);
}

/* An answer that is too short (a length of zero would mean removal) or too long for a frame becomes
 * 6F00: the card has a defect, the reader need not suffer from it. */
static bool reply_end(struct vpcd *vpcd, size_t least)
{
    static const uint8_t defect[] = {0x6F, 0x00};
    if (!cr_buf_ok(&vpcd->out) || vpcd->out.n < HEADER_BYTES + least) {
        reply_begin(vpcd);
        cr_buf_append(&vpcd->out, defect, sizeof(defect));
    }
    if (!cr_buf_ok(&vpcd->out)) {
        return false;
    }
    size_t n = vpcd->out.n - HEADER_BYTES;
    vpcd->out.p[0] = (uint8_t)(n >> 8);
    vpcd->out.p[1] = (uint8_t)n;
    return true;
}

static cr_status control(struct vpcd *vpcd, const struct vpcd_card *card, uint8_t code, bool *reply,
                         struct cr_err *err)
{
    *reply = false;
    switch (code) {
    case CONTROL_OFF:
    case CONTROL_ON:
        card->power(card->ctx, code == CONTROL_ON);
        return CR_OK;
    case CONTROL_RESET:
        card->reset(card->ctx);
        return CR_OK;
    case CONTROL_ATR:
        reply_begin(vpcd);
        card->atr(card->ctx, &vpcd->out);
        *reply = true;
        return CR_OK;
    default:
        return cr_fail(err, CR_MALFORMED, NULL,
                       "the peer sent control byte %02X, which vpcd does not have", code);
    }
}

/* One frame of n bytes in vpcd->in. *gone: the reader went away while it was answered. */
static cr_status handle(struct vpcd *vpcd, const struct vpcd_card *card, size_t n,
                        const volatile bool *stop, bool *gone, struct cr_err *err)
{
    bool reply = true;
    size_t least = 2;
    if (n == 0) {
        return cr_fail(err, CR_MALFORMED, NULL,
                       "the peer sent an empty frame, which vpcd does not do");
    }
    if (n == 1) {
        least = 1;
        CR_TRY(control(vpcd, card, vpcd->in[0], &reply, err));
    } else {
        reply_begin(vpcd);
        card->transmit(card->ctx, cr_span_of(vpcd->in, n), &vpcd->out);
    }
    if (!reply) {
        return CR_OK;
    }
    if (!reply_end(vpcd, least)) {
        return cr_fail_memory(err);
    }
    *gone = !send_all(vpcd, stop);
    return CR_OK;
}

cr_status vpcd_serve(struct vpcd *vpcd, const struct vpcd_card *card, const volatile bool *stop,
                     struct cr_err *err)
{
    bool gone = false;
    while (!gone) {
        uint8_t header[HEADER_BYTES];
        enum receive_result result = receive(vpcd, header, sizeof(header), false, stop);
        size_t n = (size_t)header[0] << 8 | header[1];
        if (result == RECEIVED) {
            result = receive(vpcd, vpcd->in, n, true, stop);
        }
        switch (result) {
        case RECEIVED:
            CR_TRY(handle(vpcd, card, n, stop, &gone, err));
            break;
        case READER_GONE:
        case STOPPED:
            return CR_OK;
        case READER_GONE_INSIDE:
            return cr_fail(err, CR_MALFORMED, NULL,
                           "the connection of the virtual reader ended in the middle of a frame");
        }
    }
    return CR_OK;
}
