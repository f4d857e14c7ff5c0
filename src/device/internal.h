/*
 * What the files of the modem share.
 */
#ifndef CRISP_DEVICE_INTERNAL_H
#define CRISP_DEVICE_INTERNAL_H

#include "device/modem.h"

#define NEVER INT64_MAX

enum modem_service { SERVICE_NONE, SERVICE_TRYING, SERVICE_REFUSED, SERVICE_NORMAL };

struct waiting {
    uint64_t ref;
    int64_t at_ms;
    bool up;   /* from the chip: an SMS-SUBMIT */
    bool copy; /* nobody is told what became of it */
    bool held; /* till the next one has passed */
    uint8_t tries, size, bytes[SMS_TPDU_MAX];
};

enum channel_state { CHANNEL_FREE, CHANNEL_OPENING, CHANNEL_OPEN, CHANNEL_DROPPED };

struct modem_channel {
    enum channel_state state;
    uint8_t transport;
    uint16_t size;      /* of the buffers */
    bool background;    /* OPEN CHANNEL is answered already */
    bool tell_data;     /* Data available shall be told */
    bool tell_status;   /* Channel status */
    bool limited;       /* breaks after budget bytes */
    size_t budget;      /* bytes until the scripted end */
    cr_buf in;          /* from the network; datagrams behind two bytes of length */
    size_t in_at;       /* bytes of it that the chip has */
    cr_buf out;         /* stored by SEND DATA */
    cr_buf held[2];     /* a datagram to the chip, one of it, that the next one overtakes */
    uint8_t bearer[16]; /* as OPEN CHANNEL had it */
    uint8_t bearer_size;
};

struct device_modem {
    const struct device_config *config;
    struct card card;
    const cr_env *env;
    struct device_ops ops;
    uint32_t number;
    int64_t now; /* of the call that runs */
    bool busy;   /* within a call: what comes is noted, not acted on */

    bool powered, dead;
    bool reset; /* wanted */
    bool more;  /* the burst ended before the work */
    struct device_faults faults;
    cr_buf response; /* of the last exchange */

    /* Who is in the chip. */
    char iccid[21], imsi[DEVICE_IMSI + 1], spn[65];
    bool pin_refused; /* not a second time: three make it blocked */
    bool usim;        /* selected on the basic channel */

    /* The network. */
    enum modem_service service;
    uint8_t told_status; /* location status that the chip knows */
    const struct device_network *network;
    unsigned attempts;
    char attempts_of[DEVICE_IMSI + 1];
    int64_t attach_at; /* the end of the attempt that runs, or the next one */
    bool radio_off;    /* until attach_at */
    uint64_t sqn;      /* of the network's authentication centre */

    /* The toolkit. */
    unsigned fetch; /* bytes to FETCH; 0 = none */
    uint8_t command[CAT_MAX_COMMAND];
    size_t command_size;      /* of a command whose answer is not ready; 0 = none */
    unsigned command_channel; /* the channel that it waits for */
    uint32_t events;          /* asked for, CAT_EVENT_BIT() */
    int64_t timers[CAT_TIMERS];
    uint32_t timer_seconds[CAT_TIMERS];
    int64_t poll_at;
    unsigned poll_seconds;
    int64_t envelope_at; /* the chip was busy: not before */
    struct modem_channel channels[CAT_CHANNELS];

    struct waiting waiting[DEVICE_MAX_WAITING];
    size_t waiting_count;
};

/* modem.c */
void modem_say(struct device_modem *m, enum device_event event, const char *fmt, ...)
    CR_PRINTF(3, 4);
/* The same with a printer of uicc/cat.h. */
void modem_say_object(struct device_modem *m, enum device_event event,
                      bool (*print)(cr_buf *, cr_span), cr_span bytes);
/* One command: 61xx and 6Cxx are followed, 91xx noted. Gives the status word (0: the card is dead);
 * *data points into m->response. */
unsigned modem_exchange(struct device_modem *m, cr_span command, cr_span *data);
/* Wait with what the chip is to know until it asks. */
void modem_envelope(struct device_modem *m, cr_buf *envelope, unsigned *sw);

/* modem_identity.c: reads who is in the chip. */
void modem_read_identity(struct device_modem *m);

/* modem_network.c */
void modem_network_begin(struct device_modem *m); /* after power on or a new identity */
void modem_network_run(struct device_modem *m);   /* attach_at has come */
void modem_radio_off(struct device_modem *m, int64_t ms);
uint8_t modem_location_status(const struct device_modem *m);
bool modem_authenticate(struct device_modem *m);
/* Appends TLV 13. False: no service. */
bool modem_put_location(const struct device_modem *m, cr_buf *b);

/* modem_sms.c */
void modem_sms_put(struct device_modem *m, bool up, uint64_t ref, cr_span tpdu);
bool modem_sms_run(struct device_modem *m); /* false: nothing was to be done */
void modem_sms_absent(struct device_modem *m);
int64_t modem_sms_due(const struct device_modem *m);

/* modem_command.c: answers the command that was fetched. */
void modem_perform(struct device_modem *m, cr_span tlv);
void modem_respond(struct device_modem *m, const struct cat_command *c, uint8_t result,
                   cr_span info, cr_span more);

/* Year (two digits), month, day, hour, minute, second in UTC. */
void device_calendar(int64_t now_ms, uint8_t parts[6]);

/* modem_channel.c */
/* A datagram on its way, past scripted faults. False: there was no room for it. */
bool modem_datagram(struct device_modem *m, unsigned channel, bool up, cr_span bytes);
bool modem_channel_command(struct device_modem *m, const struct cat_command *c);
void modem_channel_answer(struct device_modem *m);  /* OPEN CHANNEL that was not ready */
bool modem_channel_run(struct device_modem *m);     /* events; false: none */
void modem_channels_drop(struct device_modem *m);   /* the radio is gone */
void modem_channels_forget(struct device_modem *m); /* the chip was reset */

#endif
