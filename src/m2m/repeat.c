/*
 * What makes two requests the same call: what is asked for, not how the message travels.
 */
#include "crypto/ec.h"
#include "m2m/internal.h"

cr_status m2m_call_digest(const struct soap_message *request, uint8_t out[M2M_DIGEST],
                          struct cr_err *err)
{
    /* As it would be written without its identity and time. */
    struct soap_message m = {
        .kind = SOAP_REQUEST, .function = request->function, .body = request->body};
    cr_buf text = {.secret = true};
    m.body.has_validity_period = false;
    m.header.message_id = m.header.to.uri = cr_span_str("-");
    m.header.from = m.header.to;
    cr_status status = soap_build(&m, NULL, &text, err);
    if (status == CR_OK) {
        crypto_sha256(cr_buf_span(&text), out);
    }
    cr_buf_free(&text);
    return status;
}
