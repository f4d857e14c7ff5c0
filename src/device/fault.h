/*
 * Scripted faults: what goes wrong, when, for whom. One line each:
 *
 *     ACTION[=VALUE] [at=N | every=N | odds=PERCENT] [times=N] [chip=N] [imsi=PREFIX]
 *
 *     lose-down at=2                 the second short message to each chip is lost
 *     delay-up=1500 every=3 chip=7   each third message of chip 7 takes 1.5 s longer
 *     drop-channel=1000 times=1      the first channel of each chip breaks after 1000 bytes
 *     radio-off=20 odds=5            before one of twenty exchanges of data the radio is gone, 20 s
 *
 * Each action has its opportunities (a short message, an attempt to attach ...); every chip counts
 * its own. Without at, every and odds each opportunity is taken; times limits how often. What is
 * random follows from the seed and the number of the chip alone.
 */
#ifndef CRISP_DEVICE_FAULT_H
#define CRISP_DEVICE_FAULT_H

#include "base/error.h"

#define DEVICE_MAX_FAULTS 64

/* The language: number, name, its value ("" = takes none), what happens, value unless given. --help
 * is made of these rows. */
#define DEVICE_FAULTS(X)                                                                           \
    X(LOSE_DOWN, "lose-down", "", "a short message to the chip is lost", 0)                        \
    X(DOUBLE_DOWN, "double-down", "", "a short message to the chip comes twice", 0)                \
    X(DELAY_DOWN, "delay-down", "=MS", "a short message to the chip comes later", 2000)            \
    X(SWAP_DOWN, "swap-down", "",                                                                  \
      "a short message to the chip comes after the next one, or 5 s later", 0)                     \
    X(LOSE_UP, "lose-up", "", "a short message of the chip is lost, though accepted", 0)           \
    X(DOUBLE_UP, "double-up", "", "a short message of the chip arrives twice", 0)                  \
    X(DELAY_UP, "delay-up", "=MS", "a short message of the chip arrives later", 2000)              \
    X(SWAP_UP, "swap-up", "",                                                                      \
      "a short message of the chip arrives after the next one, or 5 s later", 0)                   \
    X(RADIO_OFF, "radio-off", "=SECONDS",                                                          \
      "before SEND DATA or RECEIVE DATA the radio is gone for a while", 10)                        \
    X(DROP_CHANNEL, "drop-channel", "=BYTES",                                                      \
      "a channel breaks when this much has gone through, both ways added", 0)                      \
    X(LOSE_DATA_DOWN, "lose-data-down", "", "a UDP datagram to the chip is lost", 0)               \
    X(DOUBLE_DATA_DOWN, "double-data-down", "", "a UDP datagram to the chip comes twice", 0)       \
    X(SWAP_DATA_DOWN, "swap-data-down", "", "a UDP datagram to the chip comes after the next one", \
      0)                                                                                           \
    X(LOSE_DATA_UP, "lose-data-up", "", "a UDP datagram of the chip is lost", 0)                   \
    X(DOUBLE_DATA_UP, "double-data-up", "", "a UDP datagram of the chip arrives twice", 0)         \
    X(SWAP_DATA_UP, "swap-data-up", "", "a UDP datagram of the chip arrives after the next one",   \
      0)                                                                                           \
    X(NO_ATTACH, "no-attach", "", "an attempt to attach is refused", 0)                            \
    X(NO_ANSWER, "no-answer", "", "an attempt to attach is not answered", 0)                       \
    X(RESET, "reset", "", "cold reset in place of the answer to a proactive command", 0)

#define DEVICE_FAULT_ID(id, name, value, what, fallback) DEVICE_##id,
enum device_fault_action { DEVICE_FAULTS(DEVICE_FAULT_ID) DEVICE_FAULT_ACTIONS };

struct device_fault {
    enum device_fault_action action;
    uint32_t value;
    uint32_t at, every, odds; /* at most one is not 0 */
    uint32_t times;           /* 0 = no limit */
    bool has_chip;
    uint32_t chip;
    char imsi[16]; /* prefix; empty = any */
};

struct device_fault_row {
    const char *name, *value, *what;
    uint32_t fallback;
};
extern const struct device_fault_row device_fault_rows[DEVICE_FAULT_ACTIONS];

cr_status device_fault_parse(const char *text, struct device_fault *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* Of one chip: how far each fault of the script has come. */
struct device_faults {
    const struct device_fault *script; /* not owned */
    size_t count;
    uint32_t chip;
    uint64_t random;
    struct {
        uint32_t seen, done;
    } state[DEVICE_MAX_FAULTS];
};
void device_faults_begin(struct device_faults *f, const struct device_fault *script, size_t count,
                         uint32_t chip, uint64_t seed);
/* An opportunity for an action came: does it happen? *value is the one of the fault. */
bool device_fault_strikes(struct device_faults *f, enum device_fault_action action,
                          const char *imsi, uint32_t *value);
/* The next number of the chip's generator (not for keys). */
uint64_t device_random(uint64_t *state);

#endif
