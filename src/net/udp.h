/*
 * One UDP socket with a thread of its own: datagrams come in by a callback, go out from any thread.
 * UDP: what the kernel does not take is lost.
 */
#ifndef CRISP_NET_UDP_H
#define CRISP_NET_UDP_H

#include "base/error.h"
#include "base/span.h"

#define UDP_DATAGRAM_MAX 1500 /* bytes; larger ones are dropped */
#define UDP_ADDRESS_TEXT 64

struct udp_address {
    uint8_t ip[16];
    uint8_t size; /* of ip: 4 or 16 */
    uint16_t port;
};
bool udp_address_equal(const struct udp_address *a, const struct udp_address *b);
/* "192.0.2.1:9000", "[2001:db8::1]:9000" */
const char *udp_address_text(const struct udp_address *address, char out[UDP_ADDRESS_TEXT]);

struct udp_options {
    const char *host; /* address to bind; NULL = 127.0.0.1 */
    uint16_t port;    /* 0 = a free one */
    unsigned tick_ms; /* tick() comes at least so often */
    void *ctx;
    /* From the socket's thread. */
    void (*received)(void *ctx, const struct udp_address *from, cr_span datagram);
    void (*tick)(void *ctx);
};

struct udp_socket;
/* *out is there when the first callback comes; NULL on failure. */
cr_status udp_start(const struct udp_options *options, struct udp_socket **out,
                    struct cr_err *err) CR_MUST_CHECK;
uint16_t udp_port(const struct udp_socket *socket);
void udp_send(struct udp_socket *socket, const struct udp_address *to, cr_span datagram);
/* Nothing is called any more after this. */
void udp_stop(struct udp_socket *socket);
/* After udp_stop(). NULL allowed. */
void udp_free(struct udp_socket *socket);

#endif
