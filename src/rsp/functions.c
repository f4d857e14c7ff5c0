#include "rsp/functions.h"

#include "rsp/es2plus.h"
#include "rsp/es9plus.h"
#include "rsp/json_tables.h"

#define ES2_PATH  "/gsma/rsp2/es2plus/"
#define ES9_PATH  "/gsma/rsp2/es9plus/"
#define ES11_PATH "/gsma/rsp2/es11/" /* home-made servers */
#define ES12_PATH "/gsma/rsp2/es12/"
#define ES15_PATH "/gsma/rsp2/es15/"

#define JSON_FUNCTION(id_, interface_, path_, name_, request_, response_)                          \
    .id = id_, .interface = interface_, .name = name_, .path = path_ name_,                        \
    .json_request = &rsp_json_##request_, .json_response = &rsp_json_##response_,                  \
    .request_size = sizeof(struct rsp_##request_), .response_size = sizeof(struct rsp_##response_)
#define ASN1_FUNCTION(id_, interface_, path_, name_, request_, response_, errors_)                 \
    JSON_FUNCTION(id_, interface_, path_, name_, request_, response_),                             \
        .asn1_request = &rsp_##request_##_type, .asn1_response = &rsp_##response_##_type,          \
        .errors = errors_
#define JSON_NOTIFICATION(id_, interface_, path_, name_, request_)                                 \
    .id = id_, .interface = interface_, .name = name_, .path = path_ name_, .notification = true,  \
    .json_request = &rsp_json_##request_, .request_size = sizeof(struct rsp_##request_)

static const struct rsp_function functions[RSP_FUNCTIONS] = {
    {ASN1_FUNCTION(RSP_ES9_INITIATE_AUTHENTICATION, RSP_ES9PLUS, ES9_PATH, "initiateAuthentication",
                   initiate_authentication_request, initiate_authentication_response,
                   RSP_ERRORS_INITIATE_AUTHENTICATION_ES9)},
    {ASN1_FUNCTION(RSP_ES9_AUTHENTICATE_CLIENT, RSP_ES9PLUS, ES9_PATH, "authenticateClient",
                   authenticate_client_request, authenticate_client_response,
                   RSP_ERRORS_AUTHENTICATE_CLIENT_ES9),
     .asn1_response_v3 = &rsp_authenticate_client_response_v3_type},
    {ASN1_FUNCTION(RSP_ES9_GET_BOUND_PROFILE_PACKAGE, RSP_ES9PLUS, ES9_PATH,
                   "getBoundProfilePackage", get_bound_profile_package_request,
                   get_bound_profile_package_response, RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE)},
    {JSON_NOTIFICATION(RSP_ES9_HANDLE_NOTIFICATION, RSP_ES9PLUS, ES9_PATH, "handleNotification",
                       handle_notification_request),
     .asn1_request = &rsp_handle_notification_request_type},
    {ASN1_FUNCTION(RSP_ES9_CANCEL_SESSION, RSP_ES9PLUS, ES9_PATH, "cancelSession",
                   cancel_session_request_es9, cancel_session_response_es9,
                   RSP_ERRORS_CANCEL_SESSION)},
    {ASN1_FUNCTION(RSP_ES9_CONFIRM_DEVICE_CHANGE, RSP_ES9PLUS, ES9_PATH, "confirmDeviceChange",
                   confirm_device_change_request, confirm_device_change_response,
                   RSP_ERRORS_CONFIRM_DEVICE_CHANGE),
     .asn1_request_alt = &rsp_confirm_device_change_request_alt_type, .since_v3 = true},
    {ASN1_FUNCTION(RSP_ES11_INITIATE_AUTHENTICATION, RSP_ES11, ES9_PATH, "initiateAuthentication",
                   initiate_authentication_request, initiate_authentication_response,
                   RSP_ERRORS_INITIATE_AUTHENTICATION_ES11)},
    {ASN1_FUNCTION(RSP_ES11_AUTHENTICATE_CLIENT, RSP_ES11, ES9_PATH, "authenticateClient",
                   authenticate_client_request, authenticate_client_response_ds,
                   RSP_ERRORS_AUTHENTICATE_CLIENT_ES11)},
    {ASN1_FUNCTION(RSP_ES11_CANCEL_SESSION, RSP_ES11, ES9_PATH, "cancelSession",
                   cancel_session_request_es9, cancel_session_response_es9,
                   RSP_ERRORS_CANCEL_SESSION),
     .since_v3 = true},
    {ASN1_FUNCTION(RSP_ES11_CHECK_EVENT, RSP_ES11, ES9_PATH, "checkEvent", check_event_request,
                   check_event_response, RSP_ERRORS_CHECK_EVENT),
     .since_v3 = true},
    {JSON_FUNCTION(RSP_ES2_DOWNLOAD_ORDER, RSP_ES2PLUS, ES2_PATH, "downloadOrder",
                   download_order_request, download_order_response)},
    {JSON_FUNCTION(RSP_ES2_CONFIRM_ORDER, RSP_ES2PLUS, ES2_PATH, "confirmOrder",
                   confirm_order_request, confirm_order_response)},
    {JSON_FUNCTION(RSP_ES2_CANCEL_ORDER, RSP_ES2PLUS, ES2_PATH, "cancelOrder", cancel_order_request,
                   header_only)},
    {JSON_FUNCTION(RSP_ES2_RELEASE_PROFILE, RSP_ES2PLUS, ES2_PATH, "releaseProfile",
                   release_profile_request, header_only)},
    {JSON_FUNCTION(RSP_ES2_RPM_ORDER, RSP_ES2PLUS, ES2_PATH, "rpmOrder", rpm_order_request,
                   rpm_order_response),
     .since_v3 = true},
    {JSON_NOTIFICATION(RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO, RSP_ES2PLUS_NOTIFY, ES2_PATH,
                       "handleDownloadProgressInfo", handle_download_progress_info_request)},
    {JSON_NOTIFICATION(RSP_ES2_HANDLE_NOTIFICATION, RSP_ES2PLUS_NOTIFY, ES2_PATH,
                       "handleNotification", es2_handle_notification_request),
     .since_v3 = true},
    {JSON_FUNCTION(RSP_ES2_HANDLE_DEVICE_CHANGE_REQUEST, RSP_ES2PLUS_NOTIFY, ES2_PATH,
                   "handleDeviceChangeRequest", handle_device_change_request,
                   handle_device_change_response),
     .since_v3 = true},
    {JSON_FUNCTION(RSP_ES12_REGISTER_EVENT, RSP_ES12, ES12_PATH, "registerEvent",
                   register_event_request, header_only)},
    {JSON_FUNCTION(RSP_ES12_DELETE_EVENT, RSP_ES12, ES12_PATH, "deleteEvent", delete_event_request,
                   header_only)},
    {JSON_FUNCTION(RSP_ES15_REGISTER_EVENT, RSP_ES15, ES15_PATH, "registerEvent",
                   register_event_request, header_only)},
    {JSON_FUNCTION(RSP_ES15_DELETE_EVENT, RSP_ES15, ES15_PATH, "deleteEvent", delete_event_request,
                   header_only)},
};

const char *rsp_interface_name(enum rsp_interface interface)
{
    switch (interface) {
    case RSP_ES2PLUS:
    case RSP_ES2PLUS_NOTIFY:
        return "ES2+";
    case RSP_ES9PLUS:
        return "ES9+";
    case RSP_ES11:
        return "ES11";
    case RSP_ES12:
        return "ES12";
    case RSP_ES15:
        return "ES15";
    }
    return "?";
}

const struct rsp_function *rsp_function(enum rsp_function_id id)
{
    return (size_t)id < RSP_FUNCTIONS ? &functions[id] : &functions[0];
}

const struct rsp_function *rsp_function_table(size_t *count)
{
    *count = RSP_FUNCTIONS;
    return functions;
}

const struct rsp_function *rsp_function_by_name(enum rsp_interface interface, cr_span name)
{
    for (size_t i = 0; i < RSP_FUNCTIONS; i++) {
        if (functions[i].interface == interface &&
            cr_span_equal(cr_span_str(functions[i].name), name)) {
            return &functions[i];
        }
    }
    return NULL;
}

const struct rsp_function *rsp_function_by_path(enum rsp_interface interface, cr_span path)
{
    cr_span prefix = cr_span_str(ES11_PATH);
    if (interface == RSP_ES11 && path.n > prefix.n &&
        cr_span_equal(cr_span_sub(path, 0, prefix.n), prefix)) {
        return rsp_function_by_name(interface, cr_span_sub(path, prefix.n, path.n));
    }
    for (size_t i = 0; i < RSP_FUNCTIONS; i++) {
        if (functions[i].interface == interface &&
            cr_span_equal(cr_span_str(functions[i].path), path)) {
            return &functions[i];
        }
    }
    return NULL;
}

void *rsp_function_new_request(const struct rsp_function *function, cr_arena *arena)
{
    return cr_arena_alloc(arena, function->request_size);
}

void *rsp_function_new_response(const struct rsp_function *function, cr_arena *arena)
{
    return cr_arena_alloc(arena, function->response_size);
}
