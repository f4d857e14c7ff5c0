#include "lpa/es10.h"

cr_status es10c_get_profiles_info(struct es10 *e, const struct rsp_profiles_search *search,
                                  cr_span tag_list, cr_arena *arena, rsp_profile_info_list *out,
                                  struct cr_err *err)
{
    static const char function[] = "ES10c.GetProfilesInfo";
    struct rsp_profile_info_list_request request = {.tag_list = tag_list};
    struct rsp_profile_info_list_response response = {0};
    if (search) {
        request.search_criteria = *search;
    }
    CR_TRY(es10_call(e, function, &rsp_profile_info_list_request_type, &request,
                     &rsp_profile_info_list_response_type, arena, &response, err));
    if (response.which != RSP_PROFILE_INFO_LIST_OK) {
        return es10_result_fail(e, function, response.profile_info_list_error,
                                rsp_profiles_info_error_names, err);
    }
    *out = response.profile_info_list_ok;
    return CR_OK;
}

/* Most functions of ES10c answer with nothing but a number, 0 when all is well. */
static cr_status call_for_result(struct es10 *e, const char *function,
                                 const struct asn1_type *request_type, const void *request,
                                 const struct asn1_type *response_type, void *response,
                                 struct cr_err *err)
{
    cr_arena arena = {0};
    cr_status status =
        es10_call(e, function, request_type, request, response_type, &arena, response, err);
    cr_arena_free(&arena);
    return status;
}

cr_status es10c_enable_profile(struct es10 *e, const struct rsp_profile_identifier *profile,
                               bool refresh, struct cr_err *err)
{
    static const char function[] = "ES10c.EnableProfile";
    struct rsp_enable_profile_request request = {.profile_identifier = *profile,
                                                 .refresh_flag = refresh};
    struct rsp_enable_profile_response response = {0};
    CR_TRY(call_for_result(e, function, &rsp_enable_profile_request_type, &request,
                           &rsp_enable_profile_response_type, &response, err));
    return response.enable_result == RSP_PROFILE_OK
               ? CR_OK
               : es10_result_fail(e, function, response.enable_result, rsp_enable_result_names,
                                  err);
}

cr_status es10c_disable_profile(struct es10 *e, const struct rsp_profile_identifier *profile,
                                bool refresh, struct cr_err *err)
{
    static const char function[] = "ES10c.DisableProfile";
    struct rsp_disable_profile_request request = {.profile_identifier = *profile,
                                                  .refresh_flag = refresh};
    struct rsp_disable_profile_response response = {0};
    CR_TRY(call_for_result(e, function, &rsp_disable_profile_request_type, &request,
                           &rsp_disable_profile_response_type, &response, err));
    return response.disable_result == RSP_PROFILE_OK
               ? CR_OK
               : es10_result_fail(e, function, response.disable_result, rsp_disable_result_names,
                                  err);
}

cr_status es10c_delete_profile(struct es10 *e, const struct rsp_profile_identifier *profile,
                               struct cr_err *err)
{
    static const char function[] = "ES10c.DeleteProfile";
    struct rsp_delete_profile_response response = {0};
    CR_TRY(call_for_result(e, function, &rsp_delete_profile_request_type, profile,
                           &rsp_delete_profile_response_type, &response, err));
    return response.delete_result == RSP_PROFILE_OK
               ? CR_OK
               : es10_result_fail(e, function, response.delete_result, rsp_delete_result_names,
                                  err);
}

cr_status es10c_memory_reset(struct es10 *e, uint64_t options, struct cr_err *err)
{
    static const char function[] = "ES10c.eUICCMemoryReset";
    struct rsp_euicc_memory_reset_request request = {.reset_options = options};
    struct rsp_euicc_memory_reset_response response = {0};
    CR_TRY(call_for_result(e, function, &rsp_euicc_memory_reset_request_type, &request,
                           &rsp_euicc_memory_reset_response_type, &response, err));
    return response.reset_result == RSP_RESET_OK
               ? CR_OK
               : es10_result_fail(e, function, response.reset_result, rsp_reset_result_names, err);
}

cr_status es10c_get_eid(struct es10 *e, uint8_t eid[RSP_EID], struct cr_err *err)
{
    static const uint8_t tag_eid = 0x5A;
    struct rsp_get_euicc_data_request request = {.tag_list = cr_span_of(&tag_eid, 1)};
    struct rsp_get_euicc_data_response response = {0};
    cr_arena arena = {0};
    cr_status status = es10_call(e, "ES10c.GetEID", &rsp_get_euicc_data_request_type, &request,
                                 &rsp_get_euicc_data_response_type, &arena, &response, err);
    if (status == CR_OK && response.eid_value.n != RSP_EID) {
        status = cr_fail(err, CR_MALFORMED, "SGP.22 5.7.20", "ES10c.GetEID: the EID has %zu bytes",
                         response.eid_value.n);
    } else if (status == CR_OK) {
        memcpy(eid, response.eid_value.p, RSP_EID);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status es10c_set_nickname(struct es10 *e, cr_span iccid, cr_span nickname, struct cr_err *err)
{
    static const char function[] = "ES10c.SetNickname";
    static const uint8_t nothing = 0;
    struct rsp_set_nickname_request request = {
        .iccid = iccid, .profile_nickname = nickname.n ? nickname : cr_span_of(&nothing, 0)};
    struct rsp_set_nickname_response response = {0};
    CR_TRY(call_for_result(e, function, &rsp_set_nickname_request_type, &request,
                           &rsp_set_nickname_response_type, &response, err));
    return response.set_nickname_result == RSP_SET_NICKNAME_OK
               ? CR_OK
               : es10_result_fail(e, function, response.set_nickname_result,
                                  rsp_set_nickname_result_names, err);
}
