#include "lpa/es10.h"

static const struct rsp_empty nothing;

cr_status es10b_get_euicc_info1(struct es10 *e, cr_arena *arena, struct rsp_euicc_info1 *out,
                                struct cr_err *err)
{
    return es10_call(e, "ES10b.GetEUICCInfo1", &rsp_get_euicc_info1_request_type, &nothing,
                     &rsp_euicc_info1_type, arena, out, err);
}

cr_status es10b_get_euicc_info2(struct es10 *e, cr_arena *arena, struct rsp_euicc_info2 *out,
                                struct cr_err *err)
{
    return es10_call(e, "ES10b.GetEUICCInfo2", &rsp_get_euicc_info2_request_type, &nothing,
                     &rsp_euicc_info2_type, arena, out, err);
}

cr_status es10b_get_euicc_challenge(struct es10 *e, uint8_t challenge[RSP_CHALLENGE],
                                    struct cr_err *err)
{
    cr_arena arena = {0};
    struct rsp_get_euicc_challenge_response response = {0};
    cr_status status =
        es10_call(e, "ES10b.GetEUICCChallenge", &rsp_get_euicc_challenge_request_type, &nothing,
                  &rsp_get_euicc_challenge_response_type, &arena, &response, err);
    if (status == CR_OK) {
        memcpy(challenge, response.euicc_challenge.p, RSP_CHALLENGE);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status es10b_authenticate_server(struct es10 *e,
                                    const struct rsp_authenticate_server_request *request,
                                    cr_arena *arena, struct rsp_authenticate_server_response *out,
                                    struct cr_err *err)
{
    static const char function[] = "ES10b.AuthenticateServer";
    CR_TRY(es10_call(e, function, &rsp_authenticate_server_request_type, request,
                     &rsp_authenticate_server_response_type, arena, out, err));
    if (out->which != RSP_AUTHENTICATE_RESPONSE_OK) {
        return es10_result_fail(e, function, out->error.authenticate_error_code,
                                rsp_authenticate_error_names, err);
    }
    return CR_OK;
}

cr_status es10b_prepare_download(struct es10 *e, const struct rsp_prepare_download_request *request,
                                 cr_arena *arena, struct rsp_prepare_download_response *out,
                                 struct cr_err *err)
{
    static const char function[] = "ES10b.PrepareDownload";
    CR_TRY(es10_call(e, function, &rsp_prepare_download_request_type, request,
                     &rsp_prepare_download_response_type, arena, out, err));
    if (out->which != RSP_PREPARE_DOWNLOAD_OK) {
        return es10_result_fail(e, function, out->error.download_error_code,
                                rsp_download_error_names, err);
    }
    return CR_OK;
}

cr_status es10b_load_bpp_segment(struct es10 *e, cr_span segment, cr_arena *arena, cr_span *answer,
                                 struct cr_err *err)
{
    cr_buf in = {.limit = ES10_MAX_RESPONSE};
    cr_status status = es10_store_data(e, "ES10b.LoadBoundProfilePackage", segment, &in, err);
    cr_span kept = {0};
    if (status == CR_OK && in.n > 0) {
        kept = cr_arena_copy(arena, cr_buf_span(&in));
        if (!cr_span_present(kept)) {
            status = cr_fail_memory(err);
        }
    }
    cr_buf_free(&in);
    CR_TRY(status);
    *answer = kept;
    return CR_OK;
}

cr_status es10b_cancel_session(struct es10 *e, cr_span transaction_id, int64_t reason,
                               cr_arena *arena, struct rsp_cancel_session_response *out,
                               struct cr_err *err)
{
    static const char function[] = "ES10b.CancelSession";
    struct rsp_cancel_session_request request = {.transaction_id = transaction_id,
                                                 .reason = reason};
    CR_TRY(es10_call(e, function, &rsp_cancel_session_request_type, &request,
                     &rsp_cancel_session_response_type, arena, out, err));
    if (out->which != RSP_CANCEL_SESSION_OK) {
        return es10_result_fail(e, function, out->error, rsp_cancel_session_error_names, err);
    }
    return CR_OK;
}

cr_status es10b_load_crl(struct es10 *e, cr_span crl, cr_arena *arena,
                         struct rsp_load_crl_response *out, struct cr_err *err)
{
    static const char function[] = "ES10b.LoadCRL";
    struct rsp_load_crl_request request = {0};
    CR_TRY(rsp_retag(arena, crl, 0xA0, &request.crl, err));
    CR_TRY(es10_call(e, function, &rsp_load_crl_request_type, &request, &rsp_load_crl_response_type,
                     arena, out, err));
    if (out->which == RSP_LOAD_CRL_RESPONSE_ERROR &&
        out->error != RSP_LOAD_CRL_FRESHER_CRL_ALREADY_LOADED) {
        return es10_result_fail(e, function, out->error, rsp_load_crl_error_names, err);
    }
    return CR_OK;
}

/* ---- notifications ---- */

cr_status es10b_list_notification(struct es10 *e, uint64_t events, cr_arena *arena,
                                  struct rsp_notification_metadata **list, size_t *count,
                                  struct cr_err *err)
{
    static const char function[] = "ES10b.ListNotification";
    struct rsp_list_notification_request request = {.has_profile_management_operation = events != 0,
                                                    .profile_management_operation = events};
    struct rsp_list_notification_response response = {0};
    CR_TRY(es10_call(e, function, &rsp_list_notification_request_type, &request,
                     &rsp_list_notification_response_type, arena, &response, err));
    if (response.which == RSP_LIST_NOTIFICATION_OK) {
        *list = response.notification_metadata_list.items;
        *count = response.notification_metadata_list.count;
        return CR_OK;
    }
    if (response.list_notifications_result_error == RSP_NOTIFICATIONS_NO_RESULT_AVAILABLE) {
        *list = NULL;
        *count = 0;
        return CR_OK;
    }
    return es10_result_fail(e, function, response.list_notifications_result_error,
                            rsp_notifications_list_error_names, err);
}

cr_status es10b_retrieve_notification(struct es10 *e, int64_t seq_number, cr_arena *arena,
                                      struct rsp_pending_notification *out, bool *found,
                                      struct cr_err *err)
{
    static const char function[] = "ES10b.RetrieveNotificationsList";
    struct rsp_retrieve_notifications_list_request request = {
        .search_criteria = {.which = RSP_RETRIEVE_BY_SEQ_NUMBER, .seq_number = seq_number}};
    struct rsp_retrieve_notifications_list_response response = {0};
    CR_TRY(es10_call(e, function, &rsp_retrieve_notifications_list_request_type, &request,
                     &rsp_retrieve_notifications_list_response_type, arena, &response, err));
    if (response.which == RSP_RETRIEVE_NOTIFICATIONS_ERROR) {
        if (response.notifications_list_result_error == RSP_NOTIFICATIONS_NO_RESULT_AVAILABLE) {
            *found = false;
            return CR_OK;
        }
        return es10_result_fail(e, function, response.notifications_list_result_error,
                                rsp_notifications_list_error_names, err);
    }
    *found = false;
    for (size_t i = 0; i < response.notification_list.count; i++) {
        const struct rsp_pending_notification *item = &response.notification_list.items[i];
        const struct rsp_notification_metadata *metadata = rsp_pending_notification_metadata(item);
        if (metadata && metadata->seq_number == seq_number) {
            *out = *item;
            *found = true;
        }
    }
    return CR_OK;
}

cr_status es10b_remove_notification(struct es10 *e, int64_t seq_number, struct cr_err *err)
{
    static const char function[] = "ES10b.RemoveNotificationFromList";
    struct rsp_notification_sent_request request = {.seq_number = seq_number};
    struct rsp_notification_sent_response response = {0};
    cr_arena arena = {0};
    cr_status status = es10_call(e, function, &rsp_notification_sent_request_type, &request,
                                 &rsp_notification_sent_response_type, &arena, &response, err);
    cr_arena_free(&arena);
    CR_TRY(status);
    if (response.delete_notification_status != RSP_DELETE_NOTIFICATION_OK &&
        response.delete_notification_status != RSP_DELETE_NOTIFICATION_NOTHING_TO_DELETE) {
        return es10_result_fail(e, function, response.delete_notification_status,
                                rsp_delete_notification_status_names, err);
    }
    return CR_OK;
}

cr_status es10b_get_rat(struct es10 *e, cr_arena *arena, struct rsp_get_rat_response *out,
                        struct cr_err *err)
{
    return es10_call(e, "ES10b.GetRAT", &rsp_get_rat_request_type, &nothing,
                     &rsp_get_rat_response_type, arena, out, err);
}
