/*
 * Cutting a Bound Profile Package into the segments of LoadBoundProfilePackage (SGP.22 2.5.5,
 * 5.7.6): spans over the received bytes, headers unchanged, nothing copied.
 *
 *     struct rsp_segmenter s;
 *     CR_TRY(rsp_segmenter_start(&s, bpp, err));     // checks the whole package first
 *     struct rsp_segment segment;
 *     while (rsp_segmenter_next(&s, &segment)) {
 *         // one STORE DATA chain with segment.bytes; stop when the answer has data
 *     }
 */
#ifndef CRISP_RSP_SEGMENT_H
#define CRISP_RSP_SEGMENT_H

#include "base/error.h"
#include "rsp/types.h"

#define RSP_MAX_BPP     ((size_t)16 << 20)  /* bytes */
#define RSP_MAX_SEGMENT ((size_t)255 * 256) /* 256 blocks of 255 bytes, P2 does not wrap */

struct rsp_segment {
    cr_span bytes;
    enum rsp_bpp_command command; /* what the eUICC does with it, for progress and errors */
    size_t index;                 /* from 0 */
};

/* Members are private but for count. */
struct rsp_segmenter {
    size_t count; /* segments in all */
    size_t index;
    int part;         /* 0 BF23, 1 A0, 2 A1, 3 A2, 4 A3, 5 end */
    cr_span rest;     /* of the part's contents */
    cr_span head;     /* bytes that go in front of the next element */
    cr_span parts[5]; /* complete TLVs; absent A2 = absent span */
    cr_span first;    /* BF36 header and BF23 */
};

/* Checks the structure: BF36 with BF23, A0{87..}, A1{88..}, A2{87..} optional, A3{86..} and nothing
 * else, no list empty, definite lengths (non-minimal ones are accepted and kept), no trailing
 * bytes. A failure has code = 5, the cancel reason loadBppExecutionError that 3.1.3.3 asks for. */
cr_status rsp_segmenter_start(struct rsp_segmenter *s, cr_span bpp,
                              struct cr_err *err) CR_MUST_CHECK;

/* The next segment; false after the last. */
bool rsp_segmenter_next(struct rsp_segmenter *s, struct rsp_segment *out);

#endif
