/*
 * Inside of struct es10: APDU exchange (apdu.c) below sessions with the ISD-R (es10.c). Internal to
 * the folder.
 */
#ifndef CRISP_LPA_ES10_INTERNAL_H
#define CRISP_LPA_ES10_INTERNAL_H

#include "lpa/es10.h"

#define ES10_NO_CHANNEL (-1)

struct es10 {
    struct card card;
    struct es10_options options;
    struct lpa_where *where; /* never NULL */
    struct lpa_where own_where;
    int channel;   /* 0..19; ES10_NO_CHANNEL while none is open */
    bool le;       /* append Le = 00 to commands with data */
    bool class_gp; /* GET RESPONSE with 8n */
    size_t aid;    /* index of the selected one */
    cr_buf select; /* answer to SELECT */
    unsigned refreshes;
    bool reset_wanted;  /* a REFRESH asked for a reset of the card */
    bool reopen_wanted; /* a REFRESH ended the applications */
};

/* A short command APDU. */
struct es10_command {
    uint8_t cla, ins, p1, p2;
    cr_span data; /* up to 255 bytes */
    bool has_le;
    uint8_t le;
};

/* CLA of an interindustry (first 0x00) or a GlobalPlatform command (0x80) on the open channel. */
uint8_t es10_cla(const struct es10 *es10, uint8_t first);

/* Sends one command; follows 61xx and 6Cxx; appends the data, gives the final status word. */
cr_status es10_exchange(struct es10 *es10, const struct es10_command *command, cr_buf *data,
                        unsigned *sw, struct cr_err *err) CR_MUST_CHECK;

/* 9000, or 91xx: done, with a proactive command waiting. */
bool es10_success(unsigned sw);

/* Fetches and answers proactive commands while sw is 91xx (not behind a modem). REFRESH is noted in
 * refreshes, reset_wanted, reopen_wanted. */
cr_status es10_serve_proactive(struct es10 *es10, unsigned sw, struct cr_err *err) CR_MUST_CHECK;

#endif
