/*
 * What the radio knows of an eUICC: where its last short message went, the chain of scripts that is
 * open, how well the channels did. One row each, changed in the transactions of the scripts.
 */
#ifndef CRISP_SMSR_AIR_H
#define CRISP_SMSR_AIR_H

#include "smsr/radio.h"

#define SMSR_NUMBER     20                     /* digits of an MSISDN */
#define SMSR_HISTORY    10                     /* short messages whose loss is remembered */
#define SMSR_HOUR_MS    ((int64_t)3600 * 1000) /* failed openings count for so long */
#define SMSR_CHAIN_MS   ((int64_t)300 * 1000)  /* after that an open chain counts as broken */
#define SMSR_SLOW_MS    5000                   /* round trip */
#define SMSR_NEIGHBOURS 8                      /* eUICCs behind one number that are looked at */
#define SMSR_AID_MAX    16

extern const char smsr_air_schema[]; /* one step of the migrations */

struct smsr_air {
    uint8_t eid[SOAP_EID_SIZE];
    char number[SMSR_NUMBER + 1]; /* digits that the last short message went to; empty = none */
    uint8_t chain[SMSR_AID_MAX];  /* target of the open chain */
    size_t chain_size;            /* 0 = none; the ISD-R is its AID */
    int64_t chain_ms;             /* when it was last continued */
    int64_t heard_ms;       /* when history or trip changed: they are forgotten after an hour */
    unsigned history;       /* bits of the last SMSR_HISTORY, lowest newest; 1 = lost */
    int64_t trip_ms;        /* last round trip that was measured; 0 = none */
    int64_t failed_http[2]; /* times of the last two failed openings, newest first */
    int64_t failed_cattp[2];
};

/* An eUICC without a row has an empty one. */
cr_status smsr_air_get(struct store_tx *tx, cr_span eid, struct smsr_air *out,
                       struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_air_put(struct store_tx *tx, const struct smsr_air *air,
                       struct cr_err *err) CR_MUST_CHECK;

/* The eUICCs whose last short message went to this number, at most SMSR_NEIGHBOURS. */
cr_status smsr_air_at(struct store_tx *tx, const char *number,
                      uint8_t eids[SMSR_NEIGHBOURS][SOAP_EID_SIZE], size_t *count,
                      struct cr_err *err) CR_MUST_CHECK;

/* Digits alone, without a leading plus; false when it is no number or too long. */
bool smsr_air_number(const char *text, char out[SMSR_NUMBER + 1]);

void smsr_air_heard(struct smsr_air *air, bool lost, int64_t now_ms);
void smsr_air_failed(int64_t failed[2], int64_t now_ms);
unsigned smsr_air_failures(const int64_t failed[2], int64_t now_ms);
bool smsr_air_slow(const struct smsr_air *air, int64_t now_ms);

#endif
