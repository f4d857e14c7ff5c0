/*
 * A terminal for tests: fetches and answers the card's proactive commands, keeps its timers on a
 * clock of its own, loops BIP channels onto a peer in memory. It can be told to answer badly.
 */
#ifndef CRISP_TESTS_UICC_TERMINAL_H
#define CRISP_TESTS_UICC_TERMINAL_H

#include "uicc/cat.h"
#include "uicc/uicc.h"

#define TERMINAL_FAULTS 8

struct terminal_channel {
    bool open, datagrams, dropped;
    unsigned opening; /* which OPEN CHANNEL it was, from 1 */
    uint16_t port;
    uint16_t buffer;
    uint8_t qualifier;
    cr_buf tx; /* stored, not yet sent */
    cr_buf rx; /* for the card; datagrams behind two bytes of length */
    size_t rx_at;
    bool announced; /* Data available was sent for what is in rx */
};

/* How commands of one type are answered, so many times. */
struct terminal_fault {
    uint8_t type, result, info;
    bool has_info;
    unsigned times;
};

struct terminal {
    struct uicc *uicc;
    uint8_t profile[40];
    size_t profile_size;
    struct terminal_fault faults[TERMINAL_FAULTS];
    uint16_t buffer;       /* granted at most; 0 = as asked */
    size_t receive_most;   /* bytes in one answer; 237 unless set */
    bool link_later;       /* OPEN CHANNEL is answered with the link down */
    bool no_status;        /* OPEN CHANNEL is answered without channel status */
    bool no_space;         /* SEND DATA is answered without the space left */
    uint8_t first_channel; /* number of the first channel opened; 1 unless set */
    uint8_t location;      /* status that PROVIDE LOCAL INFORMATION tells */
    bool silent;           /* does not fetch */

    /* What the card sent on a channel; it may terminal_deliver(). */
    void (*peer)(void *ctx, struct terminal *t, unsigned channel, cr_span data);
    void *peer_ctx;

    /* Each command as it was fetched. */
    void (*heard)(void *ctx, cr_span command);
    void *heard_ctx;

    uint32_t clock;
    struct {
        bool running;
        uint32_t due;
    } timers[CAT_TIMERS + 1];
    struct terminal_channel channels[CAT_CHANNELS + 1];
    uint32_t events;
    uint32_t poll_tenths;

    unsigned fetched[256]; /* by type */
    cr_buf last;           /* the command fetched last */
    cr_buf seen;           /* types of all commands, in order */
    uicc_sw sw;            /* the last status word */
    cr_buf response;
};

/* With everything offered. */
void terminal_init(struct terminal *t, struct uicc *uicc);
void terminal_free(struct terminal *t);
/* Power: what the terminal knows of the session is forgotten, too. */
void terminal_reset(struct terminal *t);

/* One APDU (command bytes, no proactive commands served); gives the status word. */
uicc_sw terminal_send(struct terminal *t, cr_span apdu);
/* As a command with data, then what the card has to say. */
uicc_sw terminal_command(struct terminal *t, uint8_t ins, cr_span data);
uicc_sw terminal_envelope(struct terminal *t, cr_buf *envelope); /* frees it */
uicc_sw terminal_status(struct terminal *t);
/* TERMINAL PROFILE and what follows. */
uicc_sw terminal_start(struct terminal *t);
/* Serves 91xx, then tells the card of data that came, until there is nothing more. */
void terminal_serve(struct terminal *t);
/* FETCH alone: the command is in t->last. */
uicc_sw terminal_fetch(struct terminal *t);
/* Answers t->last as terminal_serve() would. */
uicc_sw terminal_answer(struct terminal *t);

void terminal_fault(struct terminal *t, uint8_t type, uint8_t result, int info, unsigned times);
void terminal_advance(struct terminal *t, uint32_t seconds); /* expiring timers are told */
void terminal_location(struct terminal *t, uint8_t status);
void terminal_deliver(struct terminal *t, unsigned channel, cr_span data);
void terminal_drop(struct terminal *t, unsigned channel); /* the link */
void terminal_link_up(struct terminal *t, unsigned channel);

#endif
