/*
 * SM-SR change (SGP.02 3.8).
 */
#include "smsr/core.h"
#include "smsr/handlers.h"

static cr_status not_yet(struct cr_err *err)
{
    return cr_refuse(err, "1.6", "3.1", "SGP.02 3.8", "this SM-SR does not change eUICCs yet");
}

cr_status smsr_prepare_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    (void)ctx;
    (void)call;
    (void)request;
    (void)response;
    return not_yet(err);
}

cr_status smsr_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                      struct soap_body *response, struct cr_err *err)
{
    return smsr_prepare_change(ctx, call, request, response, err);
}

cr_status smsr_handover(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    return smsr_prepare_change(ctx, call, request, response, err);
}

cr_status smsr_authenticate(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err)
{
    return smsr_prepare_change(ctx, call, request, response, err);
}

cr_status smsr_create_key_set(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    return smsr_prepare_change(ctx, call, request, response, err);
}
