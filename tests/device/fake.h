/*
 * A card and a world for tests of the modem: the card gives the proactive commands that a test
 * queues and remembers what it was told; the world notes what the modem wants from it.
 */
#ifndef CRISP_TESTS_DEVICE_FAKE_H
#define CRISP_TESTS_DEVICE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/modem.h"

#define FAKE_QUEUE 16
#define FAKE_LOG   65536

struct fake {
    struct device_config config;
    struct device_modem *modem;
    int64_t now;
    bool gone; /* the card does not answer */
    const char *imsi;
    unsigned resets, selected;
    const char *pin; /* hex that VERIFY has to bring */
    bool verified;
    unsigned verifies;
    /* proactive commands to come, in hex with their D0 */
    char queue[FAKE_QUEUE][2 * CAT_MAX_COMMAND + 3];
    unsigned first, count;
    const char *endless;  /* a command that is there again after each answer */
    unsigned envelope_sw; /* 0 = 9000 */
    bool shy;             /* the queue shows with the first STATUS or ENVELOPE only */
    /* queued when the ENVELOPE comes: ends with NULL */
    const char *const *on_data, *const *on_sms;
    unsigned fetches;
    cr_buf auth_answer; /* of AUTHENTICATE; empty = 9862 */
    /* what was told, as lines */
    cr_buf log;
    bool refuse_sms;
    bool accept_open, refuse_open; /* at once */
};

/* The card alone, for device/run.h. */
void fake_card(struct fake *f, struct card *out);
/* config: text of an INI file. */
void fake_begin(struct fake *f, const char *config);
void fake_end(struct fake *f);
/* A command to fetch. STATUS or an ENVELOPE brings the news; fake_poll() makes one. */
void fake_queue(struct fake *f, const char *hex);
void fake_poll(struct fake *f); /* time goes on until STATUS */
/* Time goes on to at, in the steps that the modem asks for. */
void fake_run_to(struct fake *f, int64_t at);
/* Power on and service. */
void fake_attach(struct fake *f);

/* Lines: "T <hex>" TERMINAL RESPONSE, "E <hex>" ENVELOPE, "open N tcp ADDRESS:PORT", "send N
 * <hex>", "close N", "room N", "sms <text>", "registered IMSI|-", "ended REF END", "event ..". */
void fake_says(struct fake *f, const char *text);
void fake_says_not(struct fake *f, const char *text);
size_t fake_counts(struct fake *f, const char *text);
void fake_forget(struct fake *f);

#endif
