/*
 * A chip on the bench: an eUICC whose power can be cut, whose bits can be turned over, and whose
 * session can be written down and played again.
 *
 * It stands between a reader and euicc/euicc.h. What the chip takes from the world (random numbers,
 * the clock) goes through here, so that a recorded session can be given the same again.
 */
#ifndef CRISP_LAB_CHIP_H
#define CRISP_LAB_CHIP_H

#include "euicc/euicc.h"
#include "lab/fault.h"
#include "lab/recording.h"

struct lab_chip; /* one thread at a time */

struct lab_chip_options {
    const char *dir;           /* where it lives; NULL = nvm */
    struct nvm *nvm;           /* in RAM; taken (also on failure) */
    const cr_env *env;         /* not owned */
    const char *const *faults; /* texts, see lab/fault.h */
    size_t fault_count;
    /* Called with each event when it is complete; spans are valid during the call. NULL = nobody
     * writes it down. */
    void (*event)(void *ctx, const struct lab_event *event);
    void *ctx;
    bool replay; /* random numbers and the clock come from lab_chip_give() only */
};

cr_status lab_chip_open(const struct lab_chip_options *options, struct lab_chip **out,
                        struct cr_err *err) CR_MUST_CHECK;
void lab_chip_free(struct lab_chip *chip); /* NULL allowed */
struct euicc *lab_chip_euicc(struct lab_chip *chip);

/* Power on, off or reset of the reader. */
cr_status lab_chip_power(struct lab_chip *chip, enum lab_event_kind kind,
                         struct cr_err *err) CR_MUST_CHECK;

/* One exchange with what the faults make of it. *cut: the power was cut; nothing was answered, the
 * chip has been started again and is as a card that was put in anew. delay (NULL = none) waits. Not
 * CR_OK: the memory failed (response has 6581), or the chip did not come back from a cut. */
typedef void (*lab_chip_delay)(unsigned ms);
cr_status lab_chip_transmit(struct lab_chip *chip, cr_span command, cr_buf *response, bool *cut,
                            lab_chip_delay delay, struct cr_err *err);

/* Random numbers for what does not take them from a cr_env (the cryptographic library), to be
 * counted as drawn by this chip. */
cr_status lab_chip_random(struct lab_chip *chip, uint8_t *p, size_t n,
                          struct cr_err *err) CR_MUST_CHECK;

/* What the next exchange may draw, when replay is set. */
void lab_chip_give(struct lab_chip *chip, const struct lab_event *event);
/* False when the last exchange drew more, or less, than it was given. */
bool lab_chip_drew_the_same(const struct lab_chip *chip);

/* First line and memory of a recording that begins now, into out. */
cr_status lab_chip_snapshot(struct lab_chip *chip, const char *program, cr_buf *out,
                            struct cr_err *err) CR_MUST_CHECK;

#endif
