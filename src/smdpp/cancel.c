/* ES9+ CancelSession (SGP.22 5.6.5). */
#include "smdpp/es9plus.h"

#include "rsp/ids.h"

static cr_status verify_cancel(const struct smdpp *dp, const struct smdpp_session *session,
                               const struct rsp_cancel_session_ok *ok, struct cr_err *err)
{
    const struct rsp_euicc_cancel_session_signed *s = &ok->euicc_cancel_session_signed;
    struct crypto_public *key = NULL;
    CR_TRY(crypto_public_new((enum crypto_curve)session->euicc_curve, session->euicc_point, &key,
                             err));
    cr_status status = crypto_verify(key, &s->raw, 1, ok->euicc_cancel_session_signature, NULL);
    crypto_public_free(key);
    if (status != CR_OK) {
        return cr_refuse(err, "8.1", "6.1", "SGP.22 5.6.5", "euiccCancelSessionSignature is wrong");
    }
    if (!cr_span_equal(s->smdp_oid, dp->config->oid)) {
        return cr_refuse(err, "8.8", "3.10", "SGP.22 5.6.5", "smdpOid is not ours");
    }
    return CR_OK;
}

static cr_status cancel_once(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                             void *response, bool *lost, struct cr_err *err)
{
    const struct rsp_cancel_session_request_es9 *in = request;
    const struct rsp_cancel_session_response *answer = &in->cancel_session_response;
    struct rsp_cancel_session_response_es9 *out = response;
    struct smdpp_load load = {
        .transaction_id = in->transaction_id, .now_ms = cr_now_ms(dp->env), .arena = call->arena};
    CR_TRY(smdpp_load(dp, &load, 0, err));
    if (!load.has_session) {
        return smdpp_unknown_transaction(err, "the TransactionID is not known");
    }
    out->which = RSP_CANCEL_SESSION_ES9_OK;
    if (answer->which != RSP_CANCEL_SESSION_OK || !load.session.euicc_point.p) {
        /* The chip could not sign, or nothing was offered yet: there is nobody to believe. */
        return smdpp_unknown_transaction(err, "the session has nothing to cancel");
    }
    const struct rsp_euicc_cancel_session_signed *s = &answer->ok.euicc_cancel_session_signed;
    if (!cr_span_equal(s->transaction_id, in->transaction_id)) {
        return smdpp_unknown_transaction(err, "the signed TransactionID is another one");
    }
    CR_TRY(verify_cancel(dp, &load.session, &answer->ok, err));
    if (load.session.state == SMDPP_SESSION_CLOSED) {
        return CR_OK; /* a repeated request gets the same answer */
    }
    struct rsp_function_status status;
    bool tell = rsp_cancel_reason_status(s->reason, false, &status);
    char eid[RSP_EID_TEXT];
    (void)rsp_eid_text(load.session.eid, eid);
    enum smdpp_event event = tell ? SMDPP_EV_CANCELLED : SMDPP_EV_POSTPONED;
    struct smdpp_change change = {
        .session = &load.session,
        .from = (enum smdpp_session_state)load.session.state,
        .to = SMDPP_SESSION_CLOSED,
    };
    /* A late message of a session that a newer one has replaced does not end the newer one's, and
     * what is bound to one chip is not for another to end that knew the code as well. */
    bool others = load.profile.bound_eid && strcmp(load.profile.bound_eid, eid) != 0;
    bool current = load.has_profile && !others && load.profile.downloads == load.session.attempt;
    if (current && smdpp_state_next(load.profile.state, event)) {
        const char *name = asn1_name_of(rsp_cancel_reason_names, s->reason);
        change.profile = &load.profile;
        change.event = event;
        change.report = tell;
        change.eid = eid;
        change.point = load.profile.state == SMDPP_DOWNLOADED ? RSP_POINT_BPP_INSTALLATION
                                                              : RSP_POINT_ELIGIBILITY;
        change.status = &status;
        if (tell) {
            load.profile.last_error = cr_arena_printf(call->arena, "cancelled by the device: %s",
                                                      name ? name : "unknown reason");
        }
    }
    return smdpp_commit(dp, call, &change, lost, err);
}

cr_status smdpp_cancel_session(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                               void *response, struct cr_err *err)
{
    return smdpp_with_retries(dp, call, request, response, cancel_once, err);
}
