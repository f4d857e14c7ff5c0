/* PDUs of SMPP: what is read is written, and what is written is read as the same. */
#include "fuzz.h"

#include "net/smpp_pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smpp_pdu pdu, back;
    bool known;
    cr_buf first = {0}, second = {0};
    if (size > 4) {
        (void)smpp_pdu_length(data);
    }
    if (smpp_pdu_read(cr_span_of(data, size), &pdu, &known)) {
        FUZZ_CHECK(known);
        if (smpp_pdu_write(&pdu, &first)) {
            FUZZ_CHECK(smpp_pdu_read(cr_buf_span(&first), &back, &known));
            FUZZ_CHECK(smpp_pdu_write(&back, &second));
            FUZZ_CHECK(cr_span_equal(cr_buf_span(&first), cr_buf_span(&second)));
        }
    }
    cr_buf_free(&first);
    cr_buf_free(&second);
    return 0;
}
