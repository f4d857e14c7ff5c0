#include "net/vpcd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STOP_MS      200   /* *stop is looked at this often */
#define CONNECT_MS   2000  /* for a reader to take the connection */
#define MAX_FRAME    65535 /* bytes of a payload: its length has two bytes */
#define HEADER_BYTES 2
#define READ_BYTES   4096      /* of one read */
#define KEEP_BYTES   4096      /* of a buffer that is not in use */
#define MAX_WAITING  MAX_FRAME /* bytes of answers that wait: no command is taken meanwhile */

enum control { CONTROL_OFF = 0, CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

struct vpcd {
    int fd;
    cr_buf in;    /* frames as far as they came; from `taken` on not yet done */
    size_t taken; /* 0 but for a moment */
    cr_buf out;   /* answers; sent up to `sent` */
    size_t sent;
};

/* Set by a signal handler or another thread. */
static bool stop_wanted(const volatile bool *stop)
{
    return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

/* A reader that does not answer must not stop the other slots for long. */
static bool connected_in_time(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int problem = 0;
    socklen_t n = sizeof(problem);
    if (poll(&poll_fd, 1, CONNECT_MS) != 1) {
        errno = ETIMEDOUT;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &n) != 0) {
        return false;
    }
    errno = problem;
    return problem == 0;
}

static int connect_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) != 0 &&
        (errno != EINPROGRESS || !connected_in_time(fd))) {
        int problem = errno;
        (void)close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

/* One card's side of a connection. fd is taken. */
static struct vpcd *vpcd_new(int fd)
{
    int one = 1;
    struct vpcd *vpcd = calloc(1, sizeof(*vpcd));
    if (!vpcd) {
        (void)close(fd);
        return NULL;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    vpcd->fd = fd;
    vpcd->in.secret = vpcd->out.secret = true; /* PINs and keys pass through */
    return vpcd;
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
    struct vpcd *vpcd = vpcd_new(fd);
    if (!vpcd) {
        return cr_fail_memory(err);
    }
    *out = vpcd;
    return CR_OK;
}

void vpcd_free(struct vpcd *vpcd)
{
    if (!vpcd) {
        return;
    }
    (void)close(vpcd->fd);
    cr_buf_free(&vpcd->in);
    cr_buf_free(&vpcd->out);
    free(vpcd);
}

/* ---- frames ------------------------------------------------------------------------------------
 */

/* Room for the length, which is known when the payload is there. *mark = where the frame begins. */
static size_t reply_begin(struct vpcd *vpcd)
{
    size_t mark = vpcd->out.n;
    cr_buf_append_be(&vpcd->out, 0, HEADER_BYTES);
    vpcd->out.limit = mark + HEADER_BYTES + MAX_FRAME;
    return mark;
}

/* An answer that is too short (a length of zero would mean removal) or too long for a frame becomes
 * 6F00: the card has a defect, the reader need not suffer from it. */
static bool reply_end(struct vpcd *vpcd, size_t mark, size_t least)
{
    static const uint8_t defect[] = {0x6F, 0x00};
    if (!cr_buf_ok(&vpcd->out) || vpcd->out.n < mark + HEADER_BYTES + least) {
        vpcd->out.failed = false;
        vpcd->out.n = mark + HEADER_BYTES;
        cr_buf_append(&vpcd->out, defect, sizeof(defect));
    }
    vpcd->out.limit = 0;
    if (!cr_buf_ok(&vpcd->out)) {
        return false;
    }
    size_t n = vpcd->out.n - mark - HEADER_BYTES;
    vpcd->out.p[mark] = (uint8_t)(n >> 8);
    vpcd->out.p[mark + 1] = (uint8_t)n;
    return true;
}

static cr_status control(struct vpcd *vpcd, const struct vpcd_card *card, uint8_t code,
                         struct cr_err *err)
{
    switch (code) {
    case CONTROL_OFF:
    case CONTROL_ON:
        card->power(card->ctx, code == CONTROL_ON);
        return CR_OK;
    case CONTROL_RESET:
        card->reset(card->ctx);
        return CR_OK;
    case CONTROL_ATR: {
        size_t mark = reply_begin(vpcd);
        card->atr(card->ctx, &vpcd->out);
        return reply_end(vpcd, mark, 1) ? CR_OK : cr_fail_memory(err);
    }
    default:
        return cr_fail(err, CR_MALFORMED, NULL,
                       "the peer sent control byte %02X, which vpcd does not have", code);
    }
}

/* One frame. *removed: the card was taken out, its answer does not leave. */
static cr_status handle(struct vpcd *vpcd, const struct vpcd_card *card, cr_span payload,
                        bool *removed, struct cr_err *err)
{
    size_t mark = vpcd->out.n;
    cr_status status = CR_OK;
    if (payload.n == 0) {
        return cr_fail(err, CR_MALFORMED, NULL,
                       "the peer sent an empty frame, which vpcd does not do");
    }
    if (payload.n == 1) {
        status = control(vpcd, card, payload.p[0], err);
    } else {
        (void)reply_begin(vpcd);
        card->transmit(card->ctx, payload, &vpcd->out);
        status = reply_end(vpcd, mark, 2) ? CR_OK : cr_fail_memory(err);
    }
    if (card->removed && *card->removed) {
        *card->removed = false;
        *removed = true;
        vpcd->out.n = mark;
    }
    return status;
}

/* ---- the stream --------------------------------------------------------------------------------
 */

enum state { GO_ON, READER_GONE, CARD_REMOVED };

/* What is in vpcd->in from vpcd->taken on, frame by frame. */
static cr_status take_frames(struct vpcd *vpcd, const struct vpcd_card *card, enum state *state,
                             struct cr_err *err)
{
    bool removed = false;
    while (!removed && vpcd->out.n - vpcd->sent < MAX_WAITING) {
        cr_span rest = cr_span_sub(cr_buf_span(&vpcd->in), vpcd->taken, SIZE_MAX);
        size_t n = rest.n >= HEADER_BYTES ? (size_t)rest.p[0] << 8 | rest.p[1] : 0;
        if (rest.n < HEADER_BYTES + n || rest.n == 0) {
            break;
        }
        vpcd->taken += HEADER_BYTES + n;
        CR_TRY(handle(vpcd, card, cr_span_sub(rest, HEADER_BYTES, n), &removed, err));
    }
    *state = removed ? CARD_REMOVED : GO_ON;
    /* What is done with makes room; a buffer that one long command blew up is given back. */
    if (vpcd->taken == vpcd->in.n && vpcd->in.cap > KEEP_BYTES) {
        cr_buf_free(&vpcd->in);
    } else if (vpcd->taken) {
        memmove(vpcd->in.p, vpcd->in.p + vpcd->taken, vpcd->in.n - vpcd->taken);
        vpcd->in.n -= vpcd->taken;
    }
    vpcd->taken = 0;
    return CR_OK;
}

/* Sends what waits, as far as it goes. */
static enum state send_waiting(struct vpcd *vpcd)
{
    while (vpcd->sent < vpcd->out.n) {
        ssize_t n = send(vpcd->fd, vpcd->out.p + vpcd->sent, vpcd->out.n - vpcd->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return GO_ON;
        }
        if (n <= 0) {
            return READER_GONE;
        }
        vpcd->sent += (size_t)n;
    }
    vpcd->sent = 0;
    if (vpcd->out.cap > KEEP_BYTES) {
        cr_buf_free(&vpcd->out);
    } else {
        cr_buf_reset(&vpcd->out);
    }
    return GO_ON;
}

/* The reader sends length and payload in two packets; the kernel forgets quick acknowledgement
 * after a while, and then each frame waits 40 ms for the delayed one. */
static short wanted(struct vpcd *vpcd)
{
    int one = 1;
    (void)setsockopt(vpcd->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
    return vpcd->sent < vpcd->out.n ? POLLOUT : POLLIN;
}

/* The socket is ready for what was wanted. */
static cr_status step(struct vpcd *vpcd, const struct vpcd_card *card, enum state *state,
                      struct cr_err *err)
{
    if (vpcd->sent < vpcd->out.n) {
        *state = send_waiting(vpcd);
        if (*state != GO_ON || vpcd->sent < vpcd->out.n) {
            return CR_OK;
        }
    } else {
        uint8_t bytes[READ_BYTES];
        ssize_t got = recv(vpcd->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            return CR_OK;
        }
        if (got <= 0 && vpcd->in.n > 0) {
            return cr_fail(err, CR_MALFORMED, NULL,
                           "the connection of the virtual reader ended in the middle of a frame");
        }
        if (got <= 0) {
            *state = READER_GONE;
            return CR_OK;
        }
        cr_buf_append(&vpcd->in, bytes, (size_t)got);
        cr_wipe(bytes, (size_t)got); /* PINs */
        if (!cr_buf_ok(&vpcd->in)) {
            return cr_fail_memory(err);
        }
    }
    CR_TRY(take_frames(vpcd, card, state, err));
    enum state sent = send_waiting(vpcd);
    *state = *state == GO_ON ? sent : *state;
    return CR_OK;
}

cr_status vpcd_serve(struct vpcd *vpcd, const struct vpcd_card *card, const volatile bool *stop,
                     struct cr_err *err)
{
    enum state state = GO_ON;
    while (state == GO_ON && !stop_wanted(stop)) {
        struct pollfd poll_fd = {.fd = vpcd->fd, .events = wanted(vpcd)};
        if (poll(&poll_fd, 1, STOP_MS) > 0) {
            CR_TRY(step(vpcd, card, &state, err));
        }
    }
    return CR_OK;
}

/* ---- many cards --------------------------------------------------------------------------------
 */

struct place {
    const struct vpcd_slot *slot;
    struct vpcd *vpcd; /* NULL = no reader */
    int listener;      /* -1 = none */
    int64_t next_ms;   /* not tried again before */
    bool waiting;      /* told so already */
};

static int64_t now_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell(const struct place *p, enum vpcd_event event, const struct cr_err *err)
{
    if (p->slot->event) {
        p->slot->event(p->slot->card.ctx, event, err);
    }
}

static void out_of_reader(struct place *p, enum vpcd_event event, const struct cr_err *err)
{
    vpcd_free(p->vpcd);
    p->vpcd = NULL;
    p->waiting = false;
    p->next_ms = now_ms() + VPCD_RETRY_MS;
    tell(p, event, err);
}

static cr_status listen_at(const struct vpcd_slot *slot, int *out, struct cr_err *err)
{
    char service[8];
    const char *host = slot->host ? slot->host : "127.0.0.1";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    (void)snprintf(service, sizeof(service), "%u", slot->port);
    int problem = getaddrinfo(host, service, &hints, &found);
    if (problem != 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "the address %.100s is not known: %s", host,
                       gai_strerror(problem));
    }
    int one = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    bool ok = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 4) == 0;
    problem = errno;
    freeaddrinfo(found);
    if (!ok) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return cr_fail(err, CR_RESOURCE, NULL, "cannot listen at %.100s port %u: %s", host,
                       slot->port, strerror(problem));
    }
    *out = fd;
    return CR_OK;
}

/* Towards a reader; true when there is one. */
static void insert(struct place *p)
{
    struct cr_err err = {0};
    cr_status status = CR_OK;
    if (!p->slot->listen) {
        status = vpcd_connect(p->slot->host, p->slot->port, &p->vpcd, &err);
    } else if (p->listener < 0) {
        status = listen_at(p->slot, &p->listener, &err);
        if (status == CR_OK) {
            return;
        }
    }
    if (status == CR_OK) {
        p->waiting = false;
        tell(p, VPCD_INSERTED, NULL);
        return;
    }
    p->next_ms = now_ms() + VPCD_RETRY_MS;
    if (!p->waiting) {
        tell(p, VPCD_WAITING, &err);
    }
    p->waiting = true;
}

static void accept_reader(struct place *p)
{
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    p->vpcd = fd >= 0 ? vpcd_new(fd) : NULL;
    if (p->vpcd) {
        tell(p, VPCD_INSERTED, NULL);
    } else {
        p->next_ms = now_ms() + VPCD_RETRY_MS; /* no file descriptor, no memory: not in a circle */
    }
}

static void serve_ready(struct place *p)
{
    struct cr_err err = {0};
    enum state state = GO_ON;
    if (!p->vpcd) {
        accept_reader(p);
        return;
    }
    if (step(p->vpcd, &p->slot->card, &state, &err) != CR_OK) {
        out_of_reader(p, VPCD_BROKEN, &err);
    } else if (state != GO_ON) {
        out_of_reader(p, state == CARD_REMOVED ? VPCD_REMOVED : VPCD_GONE, NULL);
    }
}

static bool is_finished(const struct place *p)
{
    return p->slot->finished && p->slot->finished(p->slot->card.ctx);
}

/* What a place waits for; tries to come to a reader when it is time. fd -1 = nothing. */
static void prepare(struct place *p, struct pollfd *poll_fd)
{
    *poll_fd = (struct pollfd){.fd = -1};
    if (is_finished(p)) {
        if (p->listener >= 0) {
            (void)close(p->listener);
            p->listener = -1;
        }
        vpcd_free(p->vpcd);
        p->vpcd = NULL;
        return;
    }
    if (!p->vpcd && (!p->slot->listen || p->listener < 0) && now_ms() >= p->next_ms) {
        insert(p);
    }
    if (p->vpcd) {
        *poll_fd = (struct pollfd){.fd = p->vpcd->fd, .events = wanted(p->vpcd)};
    } else if (p->listener >= 0 && now_ms() >= p->next_ms) {
        *poll_fd = (struct pollfd){.fd = p->listener, .events = POLLIN};
    }
}

cr_status vpcd_run(const struct vpcd_slot *slots, size_t count, const volatile bool *stop,
                   struct cr_err *err)
{
    struct place *places = calloc(count, sizeof(*places));
    struct pollfd *fds = calloc(count, sizeof(*fds));
    bool all_finished = !places || !fds;
    cr_status status = all_finished ? cr_fail_memory(err) : CR_OK;
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        places[i] = (struct place){.slot = &slots[i], .listener = -1};
    }
    while (!all_finished && !stop_wanted(stop)) {
        all_finished = true;
        for (size_t i = 0; i < count; i++) {
            prepare(&places[i], &fds[i]);
            all_finished = all_finished && is_finished(&places[i]);
        }
        int ready = all_finished ? 0 : poll(fds, count, STOP_MS);
        for (size_t i = 0; ready > 0 && i < count && !stop_wanted(stop); i++) {
            if (fds[i].fd >= 0 && fds[i].revents) {
                serve_ready(&places[i]);
            }
        }
    }
    for (size_t i = 0; places && i < count; i++) {
        vpcd_free(places[i].vpcd);
        if (places[i].slot && places[i].listener >= 0) {
            (void)close(places[i].listener);
        }
    }
    free(places);
    free(fds);
    return status;
}
