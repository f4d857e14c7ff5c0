#include "lpa/es9.h"

#include "base/text.h"
#include "lpa/advice.h"
#include "rsp/json_binding.h"

#include <stdlib.h>

struct es9 {
    struct lpa_transport transport;
    struct lpa_where *where; /* never NULL */
    struct lpa_where own_where;
};

cr_status es9_new(const struct lpa_transport *transport, struct lpa_where *where, struct es9 **out,
                  struct cr_err *err)
{
    struct es9 *es9 = calloc(1, sizeof(*es9));
    if (!es9) {
        return cr_fail_memory(err);
    }
    es9->transport = *transport;
    es9->where = where ? where : &es9->own_where;
    *out = es9;
    return CR_OK;
}

void es9_free(struct es9 *es9)
{
    free(es9);
}

/* ---- addresses ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static cr_span trim(cr_span s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s = cr_span_sub(s, 1, s.n - 1);
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Splits host and port; the port (without colon) is absent when there is none. False when it is no
 * address. An IPv6 address stands in brackets. */
static bool split_address(cr_span address, cr_span *host, cr_span *port)
{
    size_t n = 0;
    if (address.n > 0 && address.p[0] == '[') {
        for (n = 1; n < address.n && address.p[n] != ']'; n++) {
            if (!is_alnum(address.p[n]) && address.p[n] != ':' && address.p[n] != '.') {
                return false;
            }
        }
        if (n < 3 || n >= address.n) {
            return false;
        }
        n++;
    } else {
        while (n < address.n && (is_alnum(address.p[n]) || address.p[n] == '-' ||
                                 address.p[n] == '.' || address.p[n] == '_')) {
            n++;
        }
    }
    *host = cr_span_sub(address, 0, n);
    *port = (cr_span){0};
    if (host->n == 0 || host->p[0] == '.' || host->p[0] == '-') {
        return false;
    }
    if (n == address.n) {
        return true;
    }
    *port = cr_span_sub(address, n + 1, address.n - n - 1);
    return address.p[n] == ':' && port->n >= 1 && port->n <= 5 && cr_is_digits(*port);
}

static cr_span without_dot(cr_span host)
{
    if (host.n > 1 && host.p[host.n - 1] == '.') {
        host.n--;
    }
    return host;
}

cr_status es9_address(cr_span address, char out[ES9_MAX_ADDRESS + 1], struct cr_err *err)
{
    cr_span trimmed = trim(address);
    cr_span host;
    cr_span port;
    if (trimmed.n > ES9_MAX_ADDRESS || !split_address(trimmed, &host, &port)) {
        cr_status status = cr_fail(err, CR_MALFORMED, "SGP.22 4.1", "'%.*s' is no server address",
                                   (int)(trimmed.n > 80 ? 80 : trimmed.n),
                                   trimmed.p ? (const char *)trimmed.p : "");
        return cr_err_next(err, status,
                           "an address is a host name, maybe with :port; without https:// and "
                           "without a path");
    }
    host = without_dot(host);
    memcpy(out, host.p, host.n);
    size_t n = host.n;
    if (cr_span_present(port)) {
        out[n++] = ':';
        memcpy(out + n, port.p, port.n);
        n += port.n;
    }
    out[n] = 0;
    return CR_OK;
}

bool es9_same_host(cr_span a, cr_span b)
{
    cr_span host_a;
    cr_span host_b;
    cr_span port;
    return split_address(trim(a), &host_a, &port) && split_address(trim(b), &host_b, &port) &&
           cr_span_equal_nocase(without_dot(host_a), without_dot(host_b));
}

/* ---- calls ---- */

static const char *function_name(enum rsp_function_id id)
{
    static const char *const names[RSP_FUNCTIONS] = {
        [RSP_ES9_INITIATE_AUTHENTICATION] = "ES9+.InitiateAuthentication",
        [RSP_ES9_AUTHENTICATE_CLIENT] = "ES9+.AuthenticateClient",
        [RSP_ES9_GET_BOUND_PROFILE_PACKAGE] = "ES9+.GetBoundProfilePackage",
        [RSP_ES9_HANDLE_NOTIFICATION] = "ES9+.HandleNotification",
        [RSP_ES9_CANCEL_SESSION] = "ES9+.CancelSession",
        [RSP_ES11_INITIATE_AUTHENTICATION] = "ES11.InitiateAuthentication",
        [RSP_ES11_AUTHENTICATE_CLIENT] = "ES11.AuthenticateClient",
    };
    return names[id] ? names[id] : rsp_function(id)->name;
}

struct http_row {
    int from, to;
    cr_status category;
    const char *text;
    const char *next;
};

static const struct http_row http_rows[] = {
    {401, 403, CR_REFUSED, "the server does not let this program in",
     "check the address; the server may want a client certificate, or filter by network"},
    {404, 405, CR_REFUSED, "there is no such function at this address",
     "check the address: it may not be an SM-DP+ or SM-DS"},
    {429, 429, CR_RESOURCE, "the server has been asked too often", "wait a few minutes"},
    {400, 499, CR_REFUSED, "the server does not understand the request",
     "check the address; then tell the server's operator"},
    {503, 503, CR_RESOURCE, "the server cannot serve at the moment",
     "try again in a few minutes; if that does not help, tell the server's operator"},
    {500, 599, CR_RESOURCE, "the server has failed",
     "try again later; then tell the server's operator"},
};

/* An answer that is no 2xx is no result of the function, but may hold a hint. */
static cr_status http_fail(struct es9 *es9, const struct rsp_function *function, const char *name,
                           int http_status, cr_span body, cr_arena *arena, struct cr_err *err)
{
    struct rsp_function_status said = {0};
    struct cr_err ignored;
    void *response = NULL;
    bool hint =
        !function->notification && body.n > 0 &&
        rsp_json_parse_response(function, body, arena, &response, &said, &ignored) == CR_REFUSED;
    const struct http_row *row = NULL;
    for (size_t i = 0; i < CR_COUNT(http_rows) && !row; i++) {
        if (http_status >= http_rows[i].from && http_status <= http_rows[i].to) {
            row = &http_rows[i];
        }
    }
    es9->where->http_status = http_status;
    cr_status status = cr_fail(err, row ? row->category : CR_MALFORMED, "SGP.22 6.3",
                               "%s: %s (HTTP status %d%s%.120s)", name,
                               row ? row->text : "the server's answer is no answer of the protocol",
                               http_status, hint ? ", it says: " : "", hint ? ignored.cause : "");
    if (hint && err) {
        (void)cr_str_copy(err->subject, sizeof(err->subject), cr_span_str(said.subject_code));
        (void)cr_str_copy(err->reason, sizeof(err->reason), cr_span_str(said.reason_code));
    }
    status = cr_err_next(err, status, "%s",
                         row ? row->next : "check the address; it may not be an RSP server");
    return cr_err_code(err, status, http_status);
}

static cr_status read_answer(struct es9 *es9, const struct rsp_function *function, const char *name,
                             int http_status, cr_span body, cr_arena *arena, void **response,
                             struct cr_err *err)
{
    if (http_status < 200 || http_status > 299) {
        return http_fail(es9, function, name, http_status, body, arena, err);
    }
    if (function->notification) {
        return CR_OK;
    }
    struct cr_err why;
    cr_span kept = cr_arena_copy(arena, body);
    if (!cr_span_present(kept)) {
        return cr_fail_memory(err);
    }
    struct rsp_function_status said = {0};
    cr_status status = rsp_json_parse_response(function, kept, arena, response, &said, &why);
    if (status == CR_OK) {
        return CR_OK;
    }
    lpa_advise_server(&why, function->id);
    if (err) {
        *err = why;
    }
    status = cr_err_context(err, status, "%s", name);
    if (status == CR_MALFORMED && err && !err->next[0]) {
        return cr_err_next(err, status,
                           "the server answers something that is not of the protocol: check the "
                           "address, then tell the server's operator");
    }
    return status;
}

cr_status es9_call(struct es9 *es9, enum rsp_function_id id, cr_span server, const void *request,
                   cr_arena *arena, void **response, struct cr_err *err)
{
    const struct rsp_function *function = rsp_function(id);
    const char *name = function_name(id);
    char address[ES9_MAX_ADDRESS + 1];
    lpa_where_enter(es9->where, name);
    CR_TRY(es9_address(server, address, err));
    cr_buf body = {.limit = RSP_JSON_MAX_BODY};
    cr_buf answer = {.limit = RSP_JSON_MAX_BODY};
    int http_status = 0;
    cr_status status = rsp_json_build_request(function, request, RSP_JSON_V2, &body, err);
    if (status == CR_OK) {
        status = es9->transport.post(es9->transport.ctx, address, function->path,
                                     cr_buf_span(&body), &http_status, &answer, err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "%s", name);
        } else if (!cr_buf_ok(&answer)) {
            status = cr_fail(err, CR_MALFORMED, NULL, "%s: the server's answer is too long", name);
        } else {
            status = read_answer(es9, function, name, http_status, cr_buf_span(&answer), arena,
                                 response, err);
        }
    }
    cr_buf_free(&body);
    cr_buf_free(&answer);
    return status;
}

static cr_status wrong_choice(const char *name, struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, "SGP.22 6.5.2",
                   "%s: the server answers with data of another procedure", name);
}

cr_status es9_initiate_authentication(struct es9 *es9, bool smds, cr_span server,
                                      const struct rsp_initiate_authentication_request *request,
                                      cr_arena *arena, struct rsp_initiate_authentication_ok **out,
                                      struct cr_err *err)
{
    enum rsp_function_id id =
        smds ? RSP_ES11_INITIATE_AUTHENTICATION : RSP_ES9_INITIATE_AUTHENTICATION;
    void *answer = NULL;
    CR_TRY(es9_call(es9, id, server, request, arena, &answer, err));
    struct rsp_initiate_authentication_response *response = answer;
    if (response->which != RSP_INITIATE_AUTHENTICATION_OK) {
        return wrong_choice(function_name(id), err);
    }
    *out = &response->ok;
    return CR_OK;
}

cr_status es9_authenticate_client(struct es9 *es9, cr_span server,
                                  const struct rsp_authenticate_client_request *request,
                                  cr_arena *arena, struct rsp_authenticate_client_response **out,
                                  struct cr_err *err)
{
    void *answer = NULL;
    CR_TRY(es9_call(es9, RSP_ES9_AUTHENTICATE_CLIENT, server, request, arena, &answer, err));
    *out = answer;
    return CR_OK;
}

cr_status es11_authenticate_client(struct es9 *es9, cr_span server,
                                   const struct rsp_authenticate_client_request *request,
                                   cr_arena *arena,
                                   struct rsp_authenticate_client_response_ds **out,
                                   struct cr_err *err)
{
    void *answer = NULL;
    CR_TRY(es9_call(es9, RSP_ES11_AUTHENTICATE_CLIENT, server, request, arena, &answer, err));
    *out = answer;
    return CR_OK;
}

cr_status es9_get_bound_profile_package(struct es9 *es9, cr_span server,
                                        const struct rsp_get_bound_profile_package_request *request,
                                        cr_arena *arena, cr_span *bpp, struct cr_err *err)
{
    void *answer = NULL;
    CR_TRY(es9_call(es9, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, server, request, arena, &answer, err));
    struct rsp_get_bound_profile_package_response *response = answer;
    if (response->which != RSP_GET_BOUND_PROFILE_PACKAGE_OK) {
        return wrong_choice(function_name(RSP_ES9_GET_BOUND_PROFILE_PACKAGE), err);
    }
    *bpp = response->ok.bound_profile_package;
    return CR_OK;
}

cr_status es9_handle_notification(struct es9 *es9, cr_span server,
                                  const struct rsp_pending_notification *pending,
                                  struct cr_err *err)
{
    struct rsp_handle_notification_request request = {.pending_notification = *pending};
    cr_arena arena = {0};
    void *answer = NULL;
    cr_status status =
        es9_call(es9, RSP_ES9_HANDLE_NOTIFICATION, server, &request, &arena, &answer, err);
    cr_arena_free(&arena);
    return status;
}

cr_status es9_cancel_session(struct es9 *es9, cr_span server, cr_span transaction_id,
                             const struct rsp_cancel_session_response *answer, struct cr_err *err)
{
    struct rsp_cancel_session_request_es9 request = {.transaction_id = transaction_id,
                                                     .cancel_session_response = *answer};
    cr_arena arena = {0};
    void *response = NULL;
    cr_status status =
        es9_call(es9, RSP_ES9_CANCEL_SESSION, server, &request, &arena, &response, err);
    cr_arena_free(&arena);
    return status;
}
