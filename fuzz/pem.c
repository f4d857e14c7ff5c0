/* PEM around certificates: what is found in it comes back when it is wrapped again. */
#include "fuzz.h"

#include "pki/issue.h"

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
    cr_buf_free(&der);
    cr_buf_free(&pem);
    cr_buf_free(&again);
    return 0;
}
