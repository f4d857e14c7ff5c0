/* What a party POSTs for a Delete Token: answered, whatever it is; the SM-DP decides only about
 * requests that are whole, and of SM-SRs (the first byte chooses who asks). */
#include "fuzz.h"

#include "m2m/delete_token.h"

static cr_status authorise(void *ctx, const struct m2m_party *smsr,
                           const struct m2m_delete_request *request, cr_buf *token,
                           struct cr_err *err)
{
    unsigned *asked = ctx;
    (*asked)++;
    FUZZ_CHECK(smsr->roles & SOAP_SMSR);
    FUZZ_CHECK(request->eid.n == SOAP_EID_SIZE && request->iccid && request->aid.n);
    cr_buf_append_str(token, "token");
    return request->initiator ? cr_refuse(err, "8.2.1", "1.2", NULL, "%s of %s", request->iccid,
                                          request->initiator)
                              : CR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct m2m_party parties[] = {
        {.name = "sr", .oid = "1.2.20", .roles = SOAP_SMSR},
        {.name = "op", .oid = "1.2.1", .roles = SOAP_OPERATOR},
    };
    if (size == 0) {
        return 0;
    }
    cr_buf answer = {0};
    unsigned asked = 0;
    const struct m2m_party *peer = data[0] % 3 < 2 ? &parties[data[0] % 3] : NULL;
    const int code =
        m2m_delete_token_answer(peer, cr_span_of(data + 1, size - 1), authorise, &asked, &answer);
    FUZZ_CHECK(code == 200 || code == 400 || code == 403);
    FUZZ_CHECK(asked == (code == 200) || (asked == 1 && code == 403));
    FUZZ_CHECK(peer == &parties[0] || code == 403);
    FUZZ_CHECK(answer.n > 0);
    cr_buf_free(&answer);
    return 0;
}
