/*
 * One device: a modem with a chip in it, as a state machine.
 *
 * What happens outside comes in by the functions below, each with the time; what the modem wants
 * goes out by its operations. It owns no socket and no thread and looks at no clock: whoever runs
 * it calls device_modem_run() when device_modem_due() says so. The chip is reached through
 * net/card.h alone.
 *
 *     power on: ATR, TERMINAL PROFILE, TERMINAL CAPABILITY, ICCID, USIM, IMSI, SPN
 *       -> proactive commands until none is left -> attach to the network of the IMSI
 *       -> registered: short messages come, channels may be opened
 *     between: STATUS every poll interval, timers of the chip, events it asked for
 *     REFRESH or reset: from the beginning
 *
 * One chip cannot keep a modem busy for ever: after DEVICE_BURST exchanges it returns and is due
 * again at once. One thread at a time. Operations come from within the functions and may call
 * device_modem_opened(), _received() and _dropped() at once; nothing else.
 */
#ifndef CRISP_DEVICE_MODEM_H
#define CRISP_DEVICE_MODEM_H

#include "base/env.h"
#include "device/config.h"
#include "net/card.h"
#include "ota/sms.h"
#include "uicc/cat.h"

#define DEVICE_BURST        64   /* proactive commands and envelopes in one call */
#define DEVICE_MAX_WAITING  32   /* short messages on their way, both directions */
#define DEVICE_MAX_BUFFER   1500 /* bytes of the buffers of a channel */
#define DEVICE_MAX_DATAGRAM 1500
#define DEVICE_SMS_TRIES    10 /* of an ENVELOPE that the chip is too busy for, one a second */

/* What became of a short message to the chip. */
enum device_sms_end {
    DEVICE_SMS_DELIVERED,
    DEVICE_SMS_REFUSED, /* the chip's answer was an error */
    DEVICE_SMS_ABSENT,  /* not registered, or no room: try again later */
    DEVICE_SMS_LOST     /* nobody will ever tell */
};

/* What there is to tell about a device. */
enum device_event {
    DEVICE_EVENT_POWER,    /* ATR */
    DEVICE_EVENT_IDENTITY, /* ICCID, IMSI, SPN */
    DEVICE_EVENT_NETWORK,  /* service came, went, was refused */
    DEVICE_EVENT_COMMAND,  /* a proactive command */
    DEVICE_EVENT_RESPONSE, /* its TERMINAL RESPONSE */
    DEVICE_EVENT_ENVELOPE, /* and what the chip made of it */
    DEVICE_EVENT_SMS_DOWN,
    DEVICE_EVENT_SMS_UP,
    DEVICE_EVENT_CHANNEL,
    DEVICE_EVENT_FAULT,   /* a scripted one */
    DEVICE_EVENT_PROBLEM, /* a chip that does not do as it should; the end of one */
    DEVICE_EVENTS
};
const char *device_event_name(enum device_event event);

struct device_ops {
    void *ctx;
    /* A channel to address (4 or 16 bytes). The answer is device_modem_opened(). */
    void (*open)(void *ctx, unsigned channel, uint8_t transport, cr_span address, uint16_t port);
    /* Bytes of the stream, or a datagram. */
    void (*send)(void *ctx, unsigned channel, cr_span bytes);
    /* The buffer of the channel has room again. NULL allowed. */
    void (*room)(void *ctx, unsigned channel);
    void (*close)(void *ctx, unsigned channel);
    /* A message of the chip to the service centre. False: it does not take it. */
    bool (*originate)(void *ctx, const struct sms_tpdu *submit);
    /* Service with this IMSI, or (NULL) no more. */
    void (*registered)(void *ctx, const char *imsi);
    void (*ended)(void *ctx, uint64_t ref, enum device_sms_end end);
    /* NULL: nobody listens, nothing is printed. text: one line. */
    void (*event)(void *ctx, enum device_event event, const char *text);
};

struct device_modem_options {
    const struct device_config *config; /* lives as long as the modem */
    struct card card;                   /* taken: closed with the modem */
    uint32_t number;                    /* of the chip, from 0 */
    const cr_env *env;                  /* randomness of RAND */
    struct device_ops ops;
};

struct device_modem;
/* Off. Takes the card also on failure. */
cr_status device_modem_new(const struct device_modem_options *options, struct device_modem **out,
                           struct cr_err *err) CR_MUST_CHECK;
void device_modem_free(struct device_modem *modem); /* closes channels; NULL allowed */

void device_modem_power(struct device_modem *modem, int64_t now_ms);
/* What is due. */
void device_modem_run(struct device_modem *modem, int64_t now_ms);
/* When; INT64_MAX: only when something happens. */
int64_t device_modem_due(const struct device_modem *modem);
/* The chip is gone; nothing will happen any more. */
bool device_modem_dead(const struct device_modem *modem);

/* A SMS-DELIVER from the network. ended() tells what became of it. */
void device_modem_sms(struct device_modem *modem, uint64_t ref, cr_span deliver, int64_t now_ms);

void device_modem_opened(struct device_modem *modem, unsigned channel, bool good, int64_t now_ms);
/* Gives the count of bytes taken: of a datagram all, or 0 when it is dropped; of a stream what the
 * buffer has room for, the rest is to be offered again after room(). */
size_t device_modem_received(struct device_modem *modem, unsigned channel, cr_span bytes,
                             int64_t now_ms);
void device_modem_dropped(struct device_modem *modem, unsigned channel, int64_t now_ms);

/* For views: empty when not known. */
const char *device_modem_imsi(const struct device_modem *modem);
const char *device_modem_iccid(const struct device_modem *modem);
bool device_modem_registered(const struct device_modem *modem);

#endif
