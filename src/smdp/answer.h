/*
 * EuiccResponseData: the response TLVs of a script, item by item. Internal to this folder.
 */
#ifndef CRISP_SMDP_ANSWER_H
#define CRISP_SMDP_ANSWER_H

#include "ota/script.h"

struct smdp_answer {
    struct ota_reader *reader;
    cr_buf kept; /* of smdp_answer_last_apdu() */
};

/* CR_REFUSED 8.4/4.2 when it is empty. close is allowed after a failure, and twice. */
cr_status smdp_answer_open(struct smdp_answer *a, cr_span answer, struct cr_err *err) CR_MUST_CHECK;
void smdp_answer_close(struct smdp_answer *a);

/* The next item that answers a command. The chip's own remarks (bad format, chaining) are refused;
 * counts are passed over. Valid until the next call. */
cr_status smdp_answer_next(struct smdp_answer *a, struct ota_item *item,
                           struct cr_err *err) CR_MUST_CHECK;
/* An R-APDU with 9000: its data. */
cr_status smdp_answer_apdu(struct smdp_answer *a, cr_span *data, struct cr_err *err) CR_MUST_CHECK;
/* R-APDUs up to the end, all with 9000: the data of the last one, until close. */
cr_status smdp_answer_last_apdu(struct smdp_answer *a, cr_span *data,
                                struct cr_err *err) CR_MUST_CHECK;
/* Nothing more may be there. */
cr_status smdp_answer_end(struct smdp_answer *a, struct cr_err *err) CR_MUST_CHECK;

/* 8.4/4.2: the answer is none. */
cr_status smdp_answer_bad(struct cr_err *err, const char *what);

#endif
