/*
 * Faults that a test wants to see: a small language, one table of its sentences.
 *
 *     cut after 12                  cut at every 5 ... see lab_fault_help()
 *
 * A fault counts the commands (or writes, or commits) it applies to by itself, from 1, over the
 * whole life of the struct: resets and power cuts do not start anew.
 */
#ifndef CRISP_LAB_FAULT_H
#define CRISP_LAB_FAULT_H

#include "base/buf.h"
#include "base/error.h"
#include "lab/commands.h"
#include "store/nvm.h"

#define LAB_MAX_FAULTS   32
#define LAB_MAX_FAULT_MS 600000 /* of a delay */

struct lab_fault {
    const struct lab_fault_row *row; /* private: the sentence */
    uint64_t number;                 /* N */
    bool every;                      /* N, 2 N, 3 N ... */
    unsigned bit;                    /* of a flip: 0 = lowest bit of the first byte; taken modulo
                                        the length */
    unsigned ms;                     /* of a delay */
    bool has_ins;                    /* only commands of this instruction count */
    uint8_t ins;
    uint64_t seen; /* what it counted so far */
    bool due;      /* flip of a response: the one that comes next */
};

struct lab_faults {
    struct lab_fault items[LAB_MAX_FAULTS];
    size_t count;
};

/* Adds the fault that a text describes. CR_MALFORMED with what was expected, and err->code = the
 * place in the text where it was not, from 1; CR_REFUSED when there are too many. */
cr_status lab_fault_add(struct lab_faults *f, const char *text, struct cr_err *err) CR_MUST_CHECK;

/* Appends the sentences with what they do, one a line. */
void lab_fault_help(cr_buf *out);

/* What happens to a command on its way to the card. */
struct lab_fault_plan {
    unsigned delay_ms; /* wait this long first */
    bool drop;         /* the card does not get it, nobody answers */
    bool cut_before;   /* power is cut before the card gets it */
    bool cut_after;    /* ... when it has done it, before the answer leaves */
};

/* Before a command: counts it, turns its bits over. */
struct lab_fault_plan lab_fault_command(struct lab_faults *f, uint8_t *command, size_t n);
/* Before the answer to it leaves: turns its bits over. */
void lab_fault_response(struct lab_faults *f, uint8_t *response, size_t n);

/* For nvm_set_fault(); ctx is the struct lab_faults. */
bool lab_fault_nvm(void *ctx, enum nvm_point point);
/* True when a fault wants to see writes or commits. */
bool lab_faults_of_memory(const struct lab_faults *f);
/* True when one of them delays. */
bool lab_faults_delay(const struct lab_faults *f);

#endif
