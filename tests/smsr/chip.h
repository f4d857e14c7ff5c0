/*
 * An eUICC as an SM-SR's radio sees it: ISD-Ps with POL1, commands in, response TLVs out, a switch
 * that waits for its notification and its confirmation (on-card sheet of SGP.02, 9).
 */
#ifndef CRISP_TESTS_SMSR_CHIP_H
#define CRISP_TESTS_SMSR_CHIP_H

#include "base/buf.h"

#define CHIP_ISDPS 80

enum { POL1_NO_DISABLE = 1, POL1_NO_DELETE = 2, POL1_AUTO_DELETE = 4, POL1_NO_ENABLE = 8 };

struct chip_isdp {
    bool used, fallback, emergency;
    bool no_token;                /* no key for Master Delete */
    uint8_t aid[16], state, pol1; /* state: 07, 0F, 1F, 3F */
    uint32_t granted;
};

struct chip {
    struct chip_isdp isdps[CHIP_ISDPS];
    uint32_t memory;
    uint16_t number; /* of the last notification */
    bool pending;    /* a switch: not reported, or not confirmed */
    int from, to;    /* of it */
    int pinned;      /* POL1 b1 left by fall-back; -1 = none */
    int executed;    /* commands */
    int page;        /* entries of GET STATUS in one answer; 0 = all */
    int listed;      /* of the list under way */
};

void chip_init(struct chip *chip);
struct chip_isdp *chip_add(struct chip *chip, cr_span aid, uint8_t state);
struct chip_isdp *chip_find(struct chip *chip, cr_span aid); /* NULL = none */
struct chip_isdp *chip_enabled(struct chip *chip);
/* Executes command TLVs until one fails; appends response TLVs. */
void chip_execute(struct chip *chip, cr_span commands, cr_buf *out);
/* The new Profile does not attach: back. */
void chip_roll_back(struct chip *chip);
/* Service is lost: the Fall-Back Profile takes over. */
void chip_fall_back(struct chip *chip);

#endif
