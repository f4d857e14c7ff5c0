/*
 * The JSON messages, one table each. Private to src/rsp: everybody else reaches them through
 * struct rsp_function.
 */
#ifndef CRISP_RSP_JSON_TABLES_H
#define CRISP_RSP_JSON_TABLES_H

#include "rsp/json_binding.h"

/* ES9+, ES11 */
extern const struct rsp_json_message rsp_json_initiate_authentication_request;
extern const struct rsp_json_message rsp_json_initiate_authentication_response;
extern const struct rsp_json_message rsp_json_authenticate_client_request;
extern const struct rsp_json_message rsp_json_authenticate_client_response;
extern const struct rsp_json_message rsp_json_authenticate_client_response_ds;
extern const struct rsp_json_message rsp_json_get_bound_profile_package_request;
extern const struct rsp_json_message rsp_json_get_bound_profile_package_response;
extern const struct rsp_json_message rsp_json_handle_notification_request;
extern const struct rsp_json_message rsp_json_cancel_session_request_es9;
extern const struct rsp_json_message rsp_json_cancel_session_response_es9;
extern const struct rsp_json_message rsp_json_confirm_device_change_request;
extern const struct rsp_json_message rsp_json_confirm_device_change_response;
extern const struct rsp_json_message rsp_json_check_event_request;
extern const struct rsp_json_message rsp_json_check_event_response;

/* ES2+ */
extern const struct rsp_json_message rsp_json_download_order_request;
extern const struct rsp_json_message rsp_json_download_order_response;
extern const struct rsp_json_message rsp_json_confirm_order_request;
extern const struct rsp_json_message rsp_json_confirm_order_response;
extern const struct rsp_json_message rsp_json_cancel_order_request;
extern const struct rsp_json_message rsp_json_release_profile_request;
extern const struct rsp_json_message rsp_json_rpm_order_request;
extern const struct rsp_json_message rsp_json_rpm_order_response;
extern const struct rsp_json_message rsp_json_handle_download_progress_info_request;
extern const struct rsp_json_message rsp_json_es2_handle_notification_request;
extern const struct rsp_json_message rsp_json_handle_device_change_request;
extern const struct rsp_json_message rsp_json_handle_device_change_response;

/* ES12, ES15 */
extern const struct rsp_json_message rsp_json_register_event_request;
extern const struct rsp_json_message rsp_json_delete_event_request;

/* an answer that is a header only */
extern const struct rsp_json_message rsp_json_header_only;

#endif
