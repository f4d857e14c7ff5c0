/* PEM around certificates: what is found in it comes back when it is wrapped again. */
#include "fuzz.h"

#include "pki/issue.h"

struct first {
    cr_span want;
    size_t count;
};

static cr_status look(void *ctx, cr_span der, struct cr_err *err)
{
    struct first *first = ctx;
    (void)err;
    FUZZ_CHECK(first->count++ > 0 || cr_span_equal(der, first->want));
    return CR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_buf der = {0}, pem = {0}, again = {0};
    struct cr_err err = {0};
    if (pki_pem_decode(cr_span_of(data, size), "CERTIFICATE", &der, &err) == CR_OK) {
        pki_pem_append(&pem, "CERTIFICATE", cr_buf_span(&der));
        FUZZ_CHECK(pki_pem_decode(cr_buf_span(&pem), "CERTIFICATE", &again, &err) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&der), cr_buf_span(&again)));
    } else {
        FUZZ_CHECK(err.category == CR_MALFORMED && err.cause[0]);
    }
    /* All blocks: the first is the one above; a bad later one spoils it, a good one never. */
    struct first first = {.want = cr_buf_span(&der)};
    if (pki_pem_each(cr_span_of(data, size), "CERTIFICATE", look, &first, &err) == CR_OK) {
        FUZZ_CHECK(first.count > 0);
    } else {
        FUZZ_CHECK(err.category == CR_MALFORMED && err.cause[0]);
    }
    cr_buf_free(&der);
    cr_buf_free(&pem);
    cr_buf_free(&again);
    return 0;
}
