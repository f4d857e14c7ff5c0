/*
 * Channels of one device onto TCP and UDP sockets. Everything runs on the thread of the loop.
 */
#ifndef CRISP_DEVICE_SOCKETS_H
#define CRISP_DEVICE_SOCKETS_H

#include "device/run.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

#define SOCKET_CONNECT_SECONDS 30

struct device_socket {
    struct bufferevent *tcp;
    struct event *udp;   /* its descriptor is owned */
    unsigned generation; /* a callback sees that it is not the one it was */
    bool connecting, ended;
    bool feeding; /* what came is being given to the modem */
};

struct device_sockets {
    struct event_base *base;
    const struct device_config *config;
    struct device_modem *modem; /* told what comes */
    void *ctx;                  /* of the next two */
    int64_t (*now)(void *ctx);
    void (*told)(void *ctx); /* the modem may be due at another time */
    struct device_socket sockets[CAT_CHANNELS];
};

void sockets_open(struct device_sockets *s, unsigned channel, uint8_t transport, cr_span address,
                  uint16_t port);
void sockets_send(struct device_sockets *s, unsigned channel, cr_span bytes);
void sockets_room(struct device_sockets *s, unsigned channel);
void sockets_close(struct device_sockets *s, unsigned channel);

#endif
