/* Cutting a BPP: the segments are the package, no byte lost and none twice. */
#include "fuzz.h"

#include "rsp/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rsp_segmenter s;
    struct rsp_segment segment;
    struct cr_err err;
    if (rsp_segmenter_start(&s, cr_span_of(data, size), &err) != CR_OK) {
        FUZZ_CHECK(err.code == RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR && err.cause[0]);
        return 0;
    }
    size_t count = 0;
    const uint8_t *at = data;
    while (rsp_segmenter_next(&s, &segment)) {
        FUZZ_CHECK(segment.bytes.p == at && segment.bytes.n > 0);
        FUZZ_CHECK(segment.bytes.n <= RSP_MAX_SEGMENT && segment.index == count);
        at += segment.bytes.n;
        count++;
    }
    FUZZ_CHECK(count == s.count && at == data + size);
    return 0;
}
