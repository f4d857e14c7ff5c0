/*
 * ES9+ HandleNotification (SGP.22 5.6.4): installation results and what became of a profile later.
 *
 * The answer is always "received": a notification that does not verify is logged and dropped, a
 * repeated one changes nothing. It is stored before it is acknowledged.
 */
#include "smdpp/core.h"

#include "rsp/ids.h"

struct arrival {
    struct smdpp *dp;
    const struct smdpp_call *call;
    cr_arena *arena;
    const struct rsp_pending_notification *pending;
    const struct rsp_notification_metadata *metadata;
    const char *eid;             /* from the certificate, or of the binding */
    const char *iccid;           /* NULL = not said */
    bool known;                  /* a profile of ours */
    bool queued;                 /* a message for the operator */
    uint8_t hash[CRYPTO_SHA256]; /* of what is signed */
};

static cr_status take_flag(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(bool *)ctx = store_int(row, 0) != 0;
    return CR_OK;
}

/* Stores it; *first = it was not there yet, *newest = no later one for this profile was. */
static cr_status keep(struct arrival *a, struct store_tx *tx, bool *first, bool *newest,
                      struct cr_err *err)
{
    int64_t changed = 0;
    bool later = false;
    CR_TRY(store_exec(
        tx, "SELECT 1 FROM notification WHERE iccid = ? AND eid = ? AND sequence > ? LIMIT 1",
        STORE_VALUES(STORE_T(a->iccid), STORE_T(a->eid), STORE_I(a->metadata->seq_number)),
        take_flag, &later, NULL, err));
    CR_TRY(
        store_exec(tx,
                   "INSERT OR IGNORE INTO notification(iccid, eid, sequence, hash, operation,"
                   " body, received_ms) VALUES(?, ?, ?, ?, ?, ?, ?)",
                   STORE_VALUES(STORE_T(a->iccid), STORE_T(a->eid),
                                STORE_I(a->metadata->seq_number), STORE_B(CR_SPAN_ARRAY(a->hash)),
                                STORE_I((int64_t)a->metadata->profile_management_operation),
                                STORE_B(a->pending->raw), STORE_I(cr_now_ms(a->dp->env))),
                   NULL, NULL, &changed, err));
    *first = changed == 1;
    *newest = !later;
    return CR_OK;
}

/* ---- how it ends -------------------------------------------------------------------------------
 */

static cr_status drop_unknown(const struct arrival *a)
{
    cr_log(a->dp->env, CR_LOG_INFO, "notification %lld is about no profile of ours",
           (long long)a->metadata->seq_number);
    return CR_OK;
}

static cr_status drop_forged(const struct arrival *a)
{
    cr_log(a->dp->env, CR_LOG_WARNING, "notification %lld dropped: its signature is wrong",
           (long long)a->metadata->seq_number);
    return CR_OK;
}

static void written(void *ctx)
{
    const struct arrival *a = ctx;
    if (!a->known) {
        (void)drop_unknown(a);
    }
    if (a->queued) {
        smdpp_wake_outbox(a->dp);
    }
}

/* ---- ProfileInstallationResult ----------------------------------------------------------------
 */

/* What went wrong in words, for the operator and `crisp smdpp order show`. */
static const char *failure_text(const struct rsp_install_failure *failure, cr_arena *arena)
{
    const char *command = asn1_name_of(rsp_bpp_command_names, failure->bpp_command_id);
    const char *reason = asn1_name_of(rsp_install_error_names, failure->error_reason);
    cr_buf detail = {0};
    rsp_euicc_response_list responses = {0};
    if (failure->sima_response.p &&
        rsp_sima_response_decode(failure->sima_response, arena, &responses, NULL) == CR_OK) {
        rsp_sima_response_text(&responses, &detail);
    }
    const char *text = cr_arena_printf(
        arena, "%s (%lld) in %s%s%.*s", reason ? reason : "unknown error",
        (long long)failure->error_reason, command ? command : "an unknown command",
        detail.n ? ": " : "", (int)detail.n, detail.n ? (const char *)detail.p : "");
    cr_buf_free(&detail);
    return text;
}

static cr_status apply_result(struct arrival *a, struct store_tx *tx, struct smdpp_profile *profile,
                              struct cr_err *err)
{
    const struct rsp_final_result *result =
        &a->pending->profile_installation_result.data.final_result;
    enum smdpp_event event = SMDPP_EV_INSTALLED;
    struct rsp_function_status status = {.status = RSP_EXECUTED_SUCCESS};
    profile->last_error = NULL;
    if (result->which != RSP_INSTALL_SUCCESS) {
        event = rsp_install_error_temporary(result->error_result.error_reason)
                    ? SMDPP_EV_INSTALL_RETRY
                    : SMDPP_EV_INSTALL_FAILED;
        profile->last_error = failure_text(&result->error_result, a->arena);
        status =
            smdpp_failed_status("8.2.10", "4.2", profile->last_error ? profile->last_error : "");
    }
    if (!smdpp_state_next(profile->state, event)) {
        return CR_OK; /* the order was cancelled meanwhile, or the result is an old one */
    }
    CR_TRY(smdpp_profile_save_progress(tx, profile, event, cr_now_ms(a->dp->env), err));
    return smdpp_report(a->dp, tx, profile, a->eid, RSP_POINT_BPP_INSTALLATION, &status,
                        a->pending->raw, &a->queued, err);
}

static bool result_signed_by(const struct arrival *a, const struct crypto_public *key)
{
    const struct rsp_profile_installation_result *result = &a->pending->profile_installation_result;
    return crypto_verify(key, &result->data.raw, 1, result->euicc_sign_pir, NULL) == CR_OK;
}

static bool result_verifies(const struct arrival *a, const struct smdpp_profile *profile)
{
    struct crypto_public *key = NULL;
    if (crypto_public_new((enum crypto_curve)profile->euicc_curve, profile->euicc_key, &key,
                          NULL) != CR_OK) {
        return false;
    }
    bool ok = result_signed_by(a, key);
    crypto_public_free(key);
    return ok;
}

struct find_result {
    cr_span transaction_id;
    char iccid[RSP_ICCID_TEXT]; /* "" = not said */
    cr_arena *arena;
    struct smdpp_profile profile;
    bool found;
};

/* By the session that bound the package; a result of an earlier session (the chip installed, the
 * LPA gave up and tried again before it told) is found by its ICCID. */
static cr_status find_result_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct find_result *find = ctx;
    CR_TRY(smdpp_profile_by_transaction(tx, find->transaction_id, find->arena, &find->profile,
                                        &find->found, err));
    if (find->found || !find->iccid[0]) {
        return CR_OK;
    }
    CR_TRY(smdpp_profile_by_iccid(tx, find->iccid, find->arena, &find->profile, &find->found, err));
    find->found = find->found && find->profile.bound_eid && find->profile.euicc_key.p;
    return CR_OK;
}

static cr_status result_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct arrival *a = ctx;
    struct smdpp_profile profile;
    bool first;
    bool newest;
    a->queued = false;
    /* Read again: between the verification and now the row may have moved. */
    CR_TRY(smdpp_profile_by_iccid(tx, a->iccid, a->arena, &profile, &a->known, err));
    CR_TRY(keep(a, tx, &first, &newest, err));
    const struct rsp_profile_installation_result_data *data =
        &a->pending->profile_installation_result.data;
    bool same_session = cr_span_equal(profile.transaction_id, data->transaction_id);
    bool installed = data->final_result.which == RSP_INSTALL_SUCCESS;
    /* An earlier session's failure says nothing about this one; its success does. */
    if (!first || !a->known || !profile.bound_eid || strcmp(profile.bound_eid, a->eid) != 0 ||
        (!same_session && !installed)) {
        return CR_OK;
    }
    return apply_result(a, tx, &profile, err);
}

static cr_status write_result(struct arrival *a, const struct smdpp_profile *profile,
                              struct cr_err *err)
{
    a->known = true;
    a->iccid = profile->iccid;
    a->eid = profile->bound_eid ? profile->bound_eid : "";
    crypto_sha256(a->pending->profile_installation_result.data.raw, a->hash);
    return smdpp_write(a->dp, a->call, result_work, a, false, written, err);
}

/* The result of a session that this process has just bound: *handled false when there is no such,
 * or when its key does not verify (the store has the last word then). */
static cr_status handle_fresh_result(struct arrival *a, bool *handled, struct cr_err *err)
{
    cr_span id = a->pending->profile_installation_result.data.transaction_id;
    struct smdpp_memo *memo =
        smdpp_memo_take(a->dp->memos, id, SMDPP_SESSION_BOUND, cr_now_ms(a->dp->env));
    cr_status status = CR_OK;
    *handled = memo && memo->has_profile && memo->key && result_signed_by(a, memo->key);
    if (*handled) {
        struct smdpp_profile profile;
        *handled = smdpp_profile_copy(&memo->profile, a->arena, &profile);
        status = *handled ? write_result(a, &profile, err) : CR_OK;
    }
    smdpp_memo_free(memo);
    return status;
}

static cr_status handle_result(struct arrival *a, struct cr_err *err)
{
    bool handled = false;
    CR_TRY(handle_fresh_result(a, &handled, err));
    if (handled) {
        return CR_OK;
    }
    struct find_result find = {.transaction_id =
                                   a->pending->profile_installation_result.data.transaction_id,
                               .arena = a->arena};
    (void)rsp_iccid_text(a->metadata->iccid, find.iccid);
    CR_TRY(store_read(a->dp->store, find_result_work, &find, err));
    if (!find.found) {
        return drop_unknown(a);
    }
    if (!result_verifies(a, &find.profile)) {
        return drop_forged(a);
    }
    return write_result(a, &find.profile, err);
}

/* ---- enable, disable, delete -------------------------------------------------------------------
 */

/* The signature under a chain to a CI of ours; the EID. */
static bool other_verifies(struct arrival *a, char eid[RSP_EID_TEXT])
{
    const struct rsp_other_signed_notification *n = &a->pending->other_signed_notification;
    struct pki_cert chain[2];
    struct pki_expect expect = {.role = PKI_ROLE_EUICC, .now_ms = cr_now_ms(a->dp->env)};
    struct pki_verdict verdict;
    struct crypto_public *key = NULL;
    uint8_t bytes[RSP_EID];
    if (pki_cert_decode(n->euicc_certificate, &chain[0], NULL) != CR_OK ||
        pki_cert_decode(n->next_cert_in_chain, &chain[1], NULL) != CR_OK ||
        pki_chain_verify(a->dp->config->trust, chain, 2, &expect, &verdict, &key, NULL) != CR_OK) {
        return false;
    }
    bool ok = crypto_verify(key, &n->tbs_other_notification.raw, 1, n->euicc_notification_signature,
                            NULL) == CR_OK &&
              rsp_eid_parse(chain[0].subject_serial, bytes, NULL) == CR_OK &&
              rsp_eid_text(CR_SPAN_ARRAY(bytes), eid);
    crypto_public_free(key);
    return ok;
}

static const struct {
    uint64_t operation;
    enum smdpp_event event;
    enum rsp_notification_point point;
} OPERATIONS[] = {
    {RSP_EVENT_LOCAL_ENABLE, SMDPP_EV_ENABLE, RSP_POINT_ENABLE},
    {RSP_EVENT_RPM_ENABLE, SMDPP_EV_ENABLE, RSP_POINT_ENABLE},
    {RSP_EVENT_LOCAL_DISABLE, SMDPP_EV_DISABLE, RSP_POINT_DISABLE},
    {RSP_EVENT_RPM_DISABLE, SMDPP_EV_DISABLE, RSP_POINT_DISABLE},
    {RSP_EVENT_LOCAL_DELETE, SMDPP_EV_DELETE, RSP_POINT_DELETE},
    {RSP_EVENT_RPM_DELETE, SMDPP_EV_DELETE, RSP_POINT_DELETE},
};

static cr_status other_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct arrival *a = ctx;
    struct smdpp_profile profile;
    bool first;
    bool newest;
    a->queued = false;
    CR_TRY(smdpp_profile_by_iccid(tx, a->iccid, a->arena, &profile, &a->known, err));
    if (!a->known || !profile.bound_eid || strcmp(profile.bound_eid, a->eid) != 0) {
        a->known = false;
        return CR_OK;
    }
    CR_TRY(keep(a, tx, &first, &newest, err));
    if (!first || !newest) {
        return CR_OK;
    }
    for (size_t i = 0; i < CR_COUNT(OPERATIONS); i++) {
        if (a->metadata->profile_management_operation != OPERATIONS[i].operation) {
            continue;
        }
        enum smdpp_event event = OPERATIONS[i].event;
        if (profile.state == SMDPP_DOWNLOADED && smdpp_state_next(SMDPP_INSTALLED, event)) {
            /* The installation result was lost or is still under way: this proves it. */
            CR_TRY(smdpp_profile_save_progress(tx, &profile, SMDPP_EV_INSTALLED,
                                               cr_now_ms(a->dp->env), err));
        }
        if (!smdpp_state_next(profile.state, event)) {
            return CR_OK;
        }
        CR_TRY(smdpp_profile_save_progress(tx, &profile, event, cr_now_ms(a->dp->env), err));
        return smdpp_report(a->dp, tx, &profile, a->eid, OPERATIONS[i].point, NULL, a->pending->raw,
                            &a->queued, err);
    }
    return CR_OK;
}

static cr_status handle_other(struct arrival *a, struct cr_err *err)
{
    char *eid = cr_arena_alloc(a->arena, RSP_EID_TEXT);
    char *iccid = cr_arena_alloc(a->arena, RSP_ICCID_TEXT);
    if (!eid || !iccid) {
        return cr_fail_memory(err);
    }
    if (!other_verifies(a, eid)) {
        return drop_forged(a);
    }
    if (!rsp_iccid_text(a->metadata->iccid, iccid)) {
        return drop_unknown(a);
    }
    a->eid = eid;
    a->iccid = iccid;
    crypto_sha256(a->metadata->raw, a->hash);
    return smdpp_write(a->dp, a->call, other_work, a, false, written, err);
}

cr_status smdpp_handle_notification(struct smdpp *dp, const struct smdpp_call *call,
                                    const void *request, void *response, struct cr_err *err)
{
    const struct rsp_handle_notification_request *in = request;
    struct arrival *a = cr_arena_alloc(call->arena, sizeof(*a));
    (void)response;
    if (!a) {
        return cr_fail_memory(err);
    }
    *a = (struct arrival){
        .dp = dp,
        .call = call,
        .arena = call->arena,
        .pending = &in->pending_notification,
        .metadata = rsp_pending_notification_metadata(&in->pending_notification),
    };
    if (!a->metadata) {
        return cr_refuse(err, "1.3.1", "2.1", "SGP.22 5.6.4", "this is no notification");
    }
    cr_status status = CR_OK;
    for (int i = 0; i < SMDPP_CAS_TRIES; i++) {
        struct cr_err local = {0};
        if (a->pending->which == RSP_PENDING_PROFILE_INSTALLATION_RESULT) {
            status = handle_result(a, &local);
        } else if (a->pending->which == RSP_PENDING_OTHER_SIGNED_NOTIFICATION) {
            status = handle_other(a, &local);
        } /* results of RPM packages: none was sent from here */
        if (err && status != CR_OK) {
            *err = local;
        }
        if (status != CR_RESOURCE || local.code != SMDPP_LOST) {
            break;
        }
    }
    return status;
}
