#include "lpa/authenticate.h"

#include "asn1/der.h"
#include "base/text.h"

struct attempt {
    struct lpa *lpa;
    const struct lpa_authenticate_options *options;
    void (*entered)(void *ctx, enum lpa_stage stage);
    void *ctx;
    cr_arena *arena;
    struct lpa_session *session;
    struct rsp_initiate_authentication_ok *initiated;
    uint8_t challenge[RSP_CHALLENGE];
};

static void enter(const struct attempt *a, enum lpa_stage stage)
{
    a->lpa->where.stage = stage;
    lpa_where_enter(&a->lpa->where, NULL);
    if (a->entered) {
        a->entered(a->ctx, stage);
    }
}

/* ---- steps ---- */

static cr_status identify(struct attempt *a, struct cr_err *err)
{
    enter(a, LPA_STAGE_IDENTIFY);
    CR_TRY(es10b_get_euicc_info1(a->lpa->card, a->arena, &a->session->info1, err));
    return es10b_get_euicc_challenge(a->lpa->card, a->challenge, err);
}

static cr_status contact(struct attempt *a, struct cr_err *err)
{
    enter(a, LPA_STAGE_CONTACT);
    struct rsp_initiate_authentication_request request = {
        .euicc_challenge = CR_SPAN_ARRAY(a->challenge),
        .smdp_address = a->session->server,
        .euicc_info1 = a->session->info1,
    };
    CR_TRY(es9_initiate_authentication(a->lpa->server, a->options->smds, a->session->server,
                                       &request, a->arena, &a->initiated, err));
    a->session->transaction_id = a->initiated->transaction_id;
    return CR_OK;
}

/* The activation code names the server by its OID. */
static cr_status check_oid(const struct attempt *a, struct cr_err *err)
{
    if (a->options->server_oid.n == 0) {
        return CR_OK;
    }
    cr_buf wanted = {.limit = DER_OID_TEXT};
    cr_status status = der_oid_from_text(&wanted, a->options->server_oid, err);
    bool equal = status == CR_OK &&
                 cr_span_equal(cr_buf_span(&wanted), a->session->server_certificate.registered_id);
    cr_buf_free(&wanted);
    CR_TRY(status);
    if (equal) {
        return CR_OK;
    }
    char text[DER_OID_TEXT] = "none";
    if (cr_span_present(a->session->server_certificate.registered_id) &&
        der_oid_text(a->session->server_certificate.registered_id, text, NULL) != CR_OK) {
        (void)cr_str_copy(text, sizeof(text), cr_span_str("an unreadable one"));
    }
    status = cr_fail(err, CR_REFUSED, "SGP.22 3.0.1",
                     "the activation code is for the server with OID %.*s, this one has %s",
                     (int)(a->options->server_oid.n > 60 ? 60 : a->options->server_oid.n),
                     (const char *)a->options->server_oid.p, text);
    status = cr_err_field(err, status, "smdpOid");
    return cr_err_next(err, status,
                       "do not use this code with this server: check the address, or ask the "
                       "operator");
}

static cr_status check_role(const struct attempt *a, struct cr_err *err)
{
    enum pki_role role = a->session->server_certificate.role;
    bool wrong = a->options->smds ? role == PKI_ROLE_DP_AUTH : role == PKI_ROLE_DS_AUTH;
    if (!wrong) {
        return CR_OK; /* whether it is valid at all is the eUICC's business */
    }
    cr_status status =
        cr_fail(err, CR_REFUSED, "SGP.22 3.0.1", "%.*s is an %s, not an %s",
                (int)(a->session->server.n > 80 ? 80 : a->session->server.n),
                (const char *)a->session->server.p, a->options->smds ? "SM-DP+" : "SM-DS",
                a->options->smds ? "SM-DS" : "SM-DP+");
    status = cr_err_field(err, status, "serverCertificate");
    return cr_err_next(err, status,
                       a->options->smds ? "give the address of an SM-DS"
                                        : "use `crisp lpa discover` with this address");
}

static cr_status check_server(struct attempt *a, struct cr_err *err)
{
    enter(a, LPA_STAGE_CHECK_SERVER);
    const struct rsp_server_signed1 *signed1 = &a->initiated->server_signed1;
    if (!cr_span_equal(signed1->transaction_id, a->initiated->transaction_id)) {
        cr_status status = cr_fail(err, CR_MALFORMED, "SGP.22 5.6.1",
                                   "the server signed another transactionId than it announced");
        status = cr_err_field(err, status, "transactionId");
        return cr_err_next(err, status, "start again; then tell the server's operator");
    }
    if (!es9_same_host(signed1->server_address, a->session->server)) {
        cr_status status = cr_fail(
            err, CR_REFUSED, "SGP.22 3.0.1", "the server calls itself %.*s, but %.*s was contacted",
            (int)(signed1->server_address.n > 80 ? 80 : signed1->server_address.n),
            (const char *)signed1->server_address.p,
            (int)(a->session->server.n > 80 ? 80 : a->session->server.n),
            (const char *)a->session->server.p);
        status = cr_err_field(err, status, "serverAddress");
        return cr_err_next(err, status,
                           "use the address the server goes by, if you trust it to be the right "
                           "one");
    }
    cr_status status =
        pki_cert_decode(a->initiated->server_certificate, &a->session->server_certificate, err);
    if (status != CR_OK) {
        return cr_err_field(err, status, "serverCertificate");
    }
    CR_TRY(check_role(a, err));
    return check_oid(a, err);
}

/* The server may be told that the eUICC refused it; what it answers does not matter. */
static void forward_refusal(struct attempt *a)
{
    struct lpa_where here = a->lpa->where;
    struct rsp_authenticate_client_request request = {.transaction_id = a->session->transaction_id,
                                                      .authenticate_server_response =
                                                          a->session->authenticate_server_response};
    cr_arena arena = {0};
    cr_status ignored;
    if (a->options->smds) {
        struct rsp_authenticate_client_response_ds *answer = NULL;
        ignored = es11_authenticate_client(a->lpa->server, a->session->server, &request, &arena,
                                           &answer, NULL);
    } else {
        struct rsp_authenticate_client_response *answer = NULL;
        ignored = es9_authenticate_client(a->lpa->server, a->session->server, &request, &arena,
                                          &answer, NULL);
    }
    (void)ignored;
    cr_arena_free(&arena);
    a->lpa->where = here;
}

static cr_status authenticate_server(struct attempt *a, struct cr_err *err)
{
    enter(a, LPA_STAGE_AUTHENTICATE_SERVER);
    struct rsp_authenticate_server_request request = {
        .server_signed1 = a->initiated->server_signed1,
        .server_signature1 = a->initiated->server_signature1,
        .euicc_ci_pkid_to_be_used = a->initiated->euicc_ci_pkid_to_be_used,
        .server_certificate = a->initiated->server_certificate,
        .ctx_params1 = {.which = RSP_CTX_COMMON_AUTHENTICATION},
    };
    struct rsp_ctx_common_authentication *common = &request.ctx_params1.common_authentication;
    common->operation_type = RSP_OPERATION_PROFILE_DOWNLOAD;
    common->matching_id = a->options->matching_id;
    lpa_device_info(a->options->device, &common->device_info);
    struct rsp_authenticate_server_response *response = &a->session->authenticate_server_response;
    cr_status status = es10b_authenticate_server(a->lpa->card, &request, a->arena, response, err);
    if (status != CR_OK) {
        if (response->which == RSP_AUTHENTICATE_RESPONSE_ERROR) {
            forward_refusal(a);
        }
        return status;
    }
    a->session->info2 = response->ok.euicc_signed1.euicc_info2;
    a->session->authenticated = true;
    return CR_OK;
}

cr_status lpa_authenticate(struct lpa *lpa, const struct lpa_authenticate_options *options,
                           void (*entered)(void *ctx, enum lpa_stage stage), void *ctx,
                           cr_arena *arena, struct lpa_session *session, struct cr_err *err)
{
    static cr_status (*const steps[])(struct attempt * a, struct cr_err * err) = {
        identify, contact, check_server, authenticate_server};
    memset(session, 0, sizeof(*session));
    struct attempt a = {.lpa = lpa,
                        .options = options,
                        .entered = entered,
                        .ctx = ctx,
                        .arena = arena,
                        .session = session};
    char address[ES9_MAX_ADDRESS + 1];
    lpa->where.stage = LPA_STAGE_IDENTIFY;
    CR_TRY(es9_address(options->server, address, err));
    session->smds = options->smds;
    session->server = cr_arena_copy(arena, cr_span_str(address));
    if (!cr_span_present(session->server)) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        CR_TRY(steps[i](&a, err));
    }
    return CR_OK;
}

void lpa_session_cancel(struct lpa *lpa, struct lpa_session *session, int64_t reason)
{
    if (!session->authenticated) {
        return;
    }
    session->authenticated = false;
    lpa->where.has_cancel = true; /* also tells a transport not to be aborted again */
    lpa->where.cancel_reason = reason;
    struct lpa_where here = lpa->where;
    cr_arena arena = {0};
    struct rsp_cancel_session_response response = {0};
    cr_status status =
        es10b_cancel_session(lpa->card, session->transaction_id, reason, &arena, &response, NULL);
    if (status == CR_OK) {
        status = es9_cancel_session(lpa->server, session->server, session->transaction_id,
                                    &response, NULL);
        here.cancel_delivered = status == CR_OK;
    }
    cr_arena_free(&arena);
    lpa->where = here;
}
