#include "lpa/es10.h"

static const char configured_function[] = "ES10a.GetEuiccConfiguredAddresses";

cr_status es10a_get_configured_data(struct es10 *e, cr_arena *arena,
                                    struct rsp_euicc_configured_data *out, struct cr_err *err)
{
    struct rsp_empty request = {0};
    return es10_call(e, configured_function, &rsp_get_euicc_configured_data_request_type, &request,
                     &rsp_euicc_configured_data_type, arena, out, err);
}

cr_status es10a_get_configured_data_raw(struct es10 *e, cr_arena *arena, cr_span *out,
                                        struct cr_err *err)
{
    static const uint8_t request[] = {0xBF, 0x3C, 0x00};
    cr_buf in = {.limit = ES10_MAX_RESPONSE};
    cr_status status = es10_store_data(e, configured_function, CR_SPAN_ARRAY(request), &in, err);
    if (status == CR_OK) {
        *out = cr_arena_copy(arena, cr_buf_span(&in));
        status = out->p || in.n == 0 ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&in);
    return status;
}

cr_status es10a_set_default_dp_address(struct es10 *e, cr_span address, struct cr_err *err)
{
    static const char function[] = "ES10a.SetDefaultDpAddress";
    static const uint8_t nothing = 0;
    struct rsp_set_default_dp_address_request request = {
        .default_dp_address = address.n ? address : cr_span_of(&nothing, 0)};
    struct rsp_set_default_dp_address_response response = {0};
    cr_arena arena = {0};
    cr_status status = es10_call(e, function, &rsp_set_default_dp_address_request_type, &request,
                                 &rsp_set_default_dp_address_response_type, &arena, &response, err);
    cr_arena_free(&arena);
    CR_TRY(status);
    if (response.set_default_dp_address_result != RSP_SET_DEFAULT_DP_OK) {
        return es10_result_fail(e, function, response.set_default_dp_address_result,
                                rsp_set_default_dp_address_result_names, err);
    }
    return CR_OK;
}
