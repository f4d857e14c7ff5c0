/*
 * ES10a (SGP.22 5.7.3, 5.7.4): configured addresses; and LpaeActivation, which this chip has not.
 */
#include "euicc/chip.h"

#include "rsp/es10a.h"

static uicc_sw get_configured(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    struct rsp_euicc_configured_data *out = response;
    (void)arena;
    (void)request;
    /* An empty address rather than none: a missing 80 breaks one platform. */
    out->default_dp_address = e->config.default_smdp.p ? e->config.default_smdp : cr_span_str("");
    out->root_ds_address = e->config.root_smds.p ? e->config.root_smds : cr_span_str("");
    return UICC_SW_OK;
}

static uicc_sw set_default_dp(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_set_default_dp_address_request *in = request;
    struct rsp_set_default_dp_address_response *out = response;
    struct euicc_config config = e->config;
    (void)arena;
    out->set_default_dp_address_result = RSP_SET_DEFAULT_DP_UNDEFINED;
    if (in->default_dp_address.n > EUICC_MAX_ADDRESS) {
        return UICC_SW_OK;
    }
    config.default_smdp = in->default_dp_address.n ? in->default_dp_address : (cr_span){0};
    if (euicc_config_put(e->nvm, &config, NULL) == CR_OK) {
        euicc_remember_smdp(e, config.default_smdp);
        out->set_default_dp_address_result = RSP_SET_DEFAULT_DP_OK;
    }
    return UICC_SW_OK;
}

static uicc_sw lpae_activation(struct euicc *e, cr_arena *arena, const void *request,
                               void *response)
{
    struct rsp_lpae_activation_response *out = response;
    (void)e;
    (void)arena;
    (void)request;
    out->lpae_activation_result = RSP_LPAE_NOT_SUPPORTED;
    return UICC_SW_OK;
}

const struct euicc_function_row euicc_es10a_functions[] = {
    {0xBF3C, &rsp_get_euicc_configured_data_request_type, &rsp_euicc_configured_data_type,
     get_configured},
    {0xBF3F, &rsp_set_default_dp_address_request_type, &rsp_set_default_dp_address_response_type,
     set_default_dp},
    {0xBF42, &rsp_lpae_activation_request_type, &rsp_lpae_activation_response_type,
     lpae_activation},
};
const size_t euicc_es10a_count = CR_COUNT(euicc_es10a_functions);
