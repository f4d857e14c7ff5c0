/*
 * Many devices in one process, with the network around them: sockets for their channels, an SMPP
 * server for their service centre, clocks.
 *
 * Each device belongs to one of a few threads, each with an event loop: chips are asked from there
 * alone. The service centre has a lock; the SMPP server has a thread of its own (net/smpp.h).
 */
#ifndef CRISP_DEVICE_RUN_H
#define CRISP_DEVICE_RUN_H

#include "device/modem.h"

#define DEVICE_MAX_CHIPS   20000
#define DEVICE_MAX_THREADS 64
#define DEVICE_MAX_OUTPUT  65536 /* bytes that a peer leaves; its channel is dropped then */
#define DEVICE_NO_CHIP     UINT32_MAX

struct device_run_options {
    const struct device_config *config; /* lives as long as the run */
    struct card *cards;                 /* taken, also on failure: closed with the run */
    uint32_t count;
    unsigned threads;      /* 0 = 2 */
    bool smpp;             /* listen for ESMEs */
    const char *smpp_host; /* NULL = 127.0.0.1 */
    uint16_t smpp_port;    /* 0 = a free one */
    const cr_env *env;     /* log, randomness, the time at the start */
    void *ctx;
    /* From any thread. chip: DEVICE_NO_CHIP for the service centre. NULL: nobody listens. */
    void (*event)(void *ctx, uint32_t chip, enum device_event event, const char *text);
};

struct device_run;
/* Powers all chips on; returns when the threads run. */
cr_status device_run_start(const struct device_run_options *options, struct device_run **out,
                           struct cr_err *err) CR_MUST_CHECK;
uint16_t device_run_smpp_port(const struct device_run *run); /* 0: none */
/* Chips that are gone for good. */
uint32_t device_run_dead(struct device_run *run);
/* Chips that have service now. */
uint32_t device_run_served(struct device_run *run);
/* Short messages that the service centre keeps. */
size_t device_run_pending(struct device_run *run);
/* Ends threads and channels, closes chips. NULL allowed. */
void device_run_stop(struct device_run *run);

#endif
