#include "lpa/download.h"

#include "crypto/ec.h"
#include "lpa/install.h"
#include "lpa/profiles.h"

#define NO_CANCEL  (-1)
#define FIRST_STEP LPA_STAGE_IDENTIFY
#define LAST_STEP  LPA_STAGE_NOTIFY

/* One run of the procedure; a wrong confirmation code makes another. */
struct download {
    struct lpa *lpa;
    const struct lpa_download_order *order;
    const struct lpa_download_hooks *hooks;
    const struct lpa_device *device;
    enum lpa_notify notify;
    cr_arena *arena;
    struct lpa_download_result *result;

    struct lpa_session session;
    struct rsp_authenticate_client_ok *offered;
    const struct rsp_store_metadata *metadata; /* as offered; NULL = not told */
    struct lpa_ppr_result ppr;
    bool consented; /* in this run or one before */
    cr_buf *code;   /* confirmation code; empty = none */
    struct rsp_prepare_download_response prepared;
    cr_span bpp;
    struct rsp_segmenter segmenter;
    struct lpa_install install;
    int64_t cancel; /* reason that a stage decided on; NO_CANCEL = by the stage's row */
};

struct lpa_download_order lpa_order_from_activation_code(const struct rsp_activation_code *code)
{
    struct lpa_download_order order = {
        .smdp_address = code->smdp_address,
        .smdp_oid = code->smdp_oid,
        .confirmation_code_required = code->confirmation_code_required,
    };
    if (code->matching_id.n > 0) {
        order.matching_id = code->matching_id;
    }
    return order;
}

void lpa_hash_cc(cr_span code, cr_span transaction_id, uint8_t out[RSP_HASH])
{
    uint8_t first[CRYPTO_SHA256];
    crypto_sha256(code, first);
    cr_span parts[] = {CR_SPAN_ARRAY(first), transaction_id};
    crypto_sha256_parts(parts, CR_COUNT(parts), out);
    cr_wipe(first, sizeof(first));
}

/* ---- progress ---- */

static struct lpa_progress progress_of(enum lpa_stage stage, size_t done, size_t total)
{
    return (struct lpa_progress){.stage = stage,
                                 .step = (int)stage - (int)FIRST_STEP + 1,
                                 .steps = (int)LAST_STEP - (int)FIRST_STEP + 1,
                                 .done = done,
                                 .total = total};
}

bool lpa_fetch_progress(void *fetch_progress, size_t done, size_t total)
{
    const struct lpa_fetch_progress *p = fetch_progress;
    if (p->stop && *p->stop && !p->lpa->where.has_cancel) {
        return false;
    }
    if (p->progress && p->lpa->where.stage == LPA_STAGE_FETCH && done > 0) {
        struct lpa_progress progress = progress_of(LPA_STAGE_FETCH, done, total);
        p->progress(p->ctx, &progress);
    }
    return true;
}

static void tell(const struct download *d, size_t done, size_t total)
{
    if (d->hooks->progress) {
        struct lpa_progress progress = progress_of(d->lpa->where.stage, done, total);
        d->hooks->progress(d->hooks->ctx, &progress);
    }
}

static void entered(void *ctx, enum lpa_stage stage)
{
    (void)stage;
    tell(ctx, 0, 0);
}

static void installing(void *ctx, size_t done, size_t total)
{
    tell(ctx, done, total);
}

static void enter(struct download *d, enum lpa_stage stage)
{
    d->lpa->where.stage = stage;
    lpa_where_enter(&d->lpa->where, NULL);
    tell(d, 0, 0);
}

/* ---- stages ---- */

static cr_status authenticate(struct download *d, struct cr_err *err)
{
    struct lpa_authenticate_options options = {.server = d->order->smdp_address,
                                               .matching_id = d->order->matching_id,
                                               .server_oid = d->order->smdp_oid,
                                               .device = d->device};
    cr_status status = lpa_authenticate(d->lpa, &options, entered, d, d->arena, &d->session, err);
    d->result->is_smds = d->session.server_certificate.role == PKI_ROLE_DS_AUTH;
    return status;
}

static cr_status authenticate_client(struct download *d, struct cr_err *err)
{
    struct rsp_authenticate_client_request request = {.transaction_id = d->session.transaction_id,
                                                      .authenticate_server_response =
                                                          d->session.authenticate_server_response};
    struct rsp_authenticate_client_response *response = NULL;
    CR_TRY(es9_authenticate_client(d->lpa->server, d->session.server, &request, d->arena, &response,
                                   err));
    if (response->which != RSP_AUTHENTICATE_CLIENT_OK) {
        cr_status status = cr_fail(err, CR_MALFORMED, "SGP.22 5.6.3",
                                   "the server offers something else than a profile (remote "
                                   "management or a device change)");
        return cr_err_next(err, status, "the code is not for a download: ask the operator");
    }
    d->offered = &response->ok;
    if (!cr_span_equal(d->offered->transaction_id, d->session.transaction_id)) {
        return cr_err_field(err,
                            cr_fail(err, CR_MALFORMED, "SGP.22 5.6.3",
                                    "the server answers for another transactionId"),
                            "transactionId");
    }
    if (d->offered->has_profile_metadata) {
        d->metadata = &d->offered->profile_metadata;
        d->result->metadata = *d->metadata;
        d->result->has_metadata = true;
        d->result->iccid = d->metadata->iccid;
    }
    return CR_OK;
}

/* An eUICC without GetRAT allows no rule; what it allows it decides again at installation. */
static cr_status read_rules(struct download *d, struct rsp_get_rat_response *rat, bool *operational,
                            struct cr_err *err)
{
    cr_status status = es10b_get_rat(d->lpa->card, d->arena, rat, err);
    if (status == CR_REFUSED) {
        memset(rat, 0, sizeof(*rat));
        status = CR_OK;
    }
    CR_TRY(status);
    static const uint8_t tags[] = {0x5A, 0x95};
    rsp_profile_info_list profiles = {0};
    CR_TRY(
        es10c_get_profiles_info(d->lpa->card, NULL, CR_SPAN_ARRAY(tags), d->arena, &profiles, err));
    *operational = false;
    for (size_t i = 0; i < profiles.count; i++) {
        *operational |= lpa_profile_class(&profiles.items[i]) == RSP_CLASS_OPERATIONAL;
    }
    return CR_OK;
}

static cr_status refuse_rules(struct download *d, struct cr_err *err)
{
    static const char *const why[] = {
        [LPA_PPR_NOT_IN_RAT] = "the eUICC does not allow it for this operator",
        [LPA_PPR_FORBIDDEN] = "the eUICC forbids it altogether",
        [LPA_PPR_NO_OWNER] = "the profile does not say whose it is",
        [LPA_PPR_OPERATIONAL_EXISTS] = "another operational profile is installed",
    };
    d->cancel = RSP_CANCEL_PPR_NOT_ALLOWED;
    lpa_where_enter(&d->lpa->where, NULL); /* no function said so */
    const char *rule = lpa_ppr_text(d->ppr.rule);
    cr_status status =
        cr_fail(err, CR_REFUSED, "SGP.22 3.1.3", "the profile's policy rule %s is not allowed: %s",
                rule ? rule : "?", why[d->ppr.verdict]);
    status = cr_err_field(err, status, "profilePolicyRules");
    return cr_err_next(err, status, "%s",
                       d->ppr.verdict == LPA_PPR_OPERATIONAL_EXISTS
                           ? "delete the installed profiles first, or ask the operator for a "
                             "profile without this rule"
                           : "ask the operator for a profile without this rule");
}

static cr_status check_rules(struct download *d, const struct rsp_store_metadata *metadata,
                             struct cr_err *err)
{
    d->ppr = (struct lpa_ppr_result){.verdict = LPA_PPR_NONE};
    if (!metadata || !metadata->has_profile_policy_rules ||
        !(metadata->profile_policy_rules & (RSP_PPR1 | RSP_PPR2))) {
        return CR_OK;
    }
    struct rsp_get_rat_response rat = {0};
    bool operational = false;
    CR_TRY(read_rules(d, &rat, &operational, err));
    uint64_t forbidden = d->session.info2.has_forbidden_profile_policy_rules
                             ? d->session.info2.forbidden_profile_policy_rules
                             : 0;
    d->ppr = lpa_rat_evaluate(metadata, &rat, forbidden, operational);
    return d->ppr.verdict > LPA_PPR_CONSENT ? refuse_rules(d, err) : CR_OK;
}

static cr_status check_profile(struct download *d, struct cr_err *err)
{
    return check_rules(d, d->metadata, err);
}

static bool code_required(const struct download *d)
{
    return d->order->confirmation_code_required || d->offered->smdp_signed2.cc_required_flag;
}

static struct lpa_offer offer_of(const struct download *d,
                                 const struct rsp_store_metadata *metadata)
{
    return (struct lpa_offer){.metadata = metadata,
                              .server = d->session.server,
                              .ppr = d->ppr,
                              .confirmation_code_required = code_required(d) && d->code->n == 0};
}

static cr_status ask_consent(struct download *d, const struct rsp_store_metadata *metadata,
                             struct cr_err *err)
{
    static const struct {
        int64_t cancel;
        const char *cause;
        const char *next;
    } answers[] = {
        [LPA_ANSWER_NO] = {RSP_CANCEL_END_USER_REJECTION, "the download was declined",
                           "a server that heard of it has closed the order: ask the operator for a "
                           "new activation code if it was a mistake"},
        [LPA_ANSWER_LATER] = {RSP_CANCEL_POSTPONED, "the download was postponed",
                              "use the same code again when it suits"},
        [LPA_ANSWER_NONE] = {RSP_CANCEL_TIMEOUT, "nobody answered the question for consent",
                             "use the same code again, with --yes where nobody can be asked"},
    };
    struct lpa_offer offer = offer_of(d, metadata);
    enum lpa_answer answer =
        d->hooks->consent ? d->hooks->consent(d->hooks->ctx, &offer) : LPA_ANSWER_YES;
    if (answer == LPA_ANSWER_YES) {
        d->consented = true;
        return CR_OK;
    }
    d->cancel = answers[answer].cancel;
    cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 3.1.3", "%s", answers[answer].cause);
    return cr_err_next(err, status, "%s", answers[answer].next);
}

static cr_status ask_code(struct download *d, struct cr_err *err)
{
    struct lpa_offer offer = offer_of(d, d->metadata);
    bool given = d->hooks->confirmation_code &&
                 d->hooks->confirmation_code(d->hooks->ctx, &offer, 1, d->code);
    if (given && cr_buf_ok(d->code) && d->code->n > 0) {
        return CR_OK;
    }
    d->cancel = RSP_CANCEL_POSTPONED;
    cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 3.1.3.1",
                               "the profile needs a confirmation code and none was given");
    status = cr_err_field(err, status, "confirmationCode");
    return cr_err_next(err, status,
                       "use the same activation code again with --confirmation-code CODE; the "
                       "operator sends that code apart");
}

static cr_status consent(struct download *d, struct cr_err *err)
{
    if (!d->consented) {
        CR_TRY(ask_consent(d, d->metadata, err));
    }
    if (code_required(d) && d->code->n == 0) {
        return ask_code(d, err);
    }
    return CR_OK;
}

static cr_status prepare(struct download *d, struct cr_err *err)
{
    struct rsp_prepare_download_request request = {.smdp_signed2 = d->offered->smdp_signed2,
                                                   .smdp_signature2 = d->offered->smdp_signature2,
                                                   .smdp_certificate =
                                                       d->offered->smdp_certificate};
    uint8_t hash[RSP_HASH];
    if (d->code->n > 0) {
        lpa_hash_cc(cr_buf_span(d->code), d->session.transaction_id, hash);
        request.hash_cc = CR_SPAN_ARRAY(hash);
    }
    cr_status status = es10b_prepare_download(d->lpa->card, &request, d->arena, &d->prepared, err);
    cr_wipe(hash, sizeof(hash));
    /* What the eUICC finds wrong with the server will not mend by waiting: the operator is told. */
    if (status != CR_OK && d->lpa->where.has_result &&
        d->lpa->where.result <= RSP_DOWNLOAD_UNSUPPORTED_CURVE) {
        d->cancel = RSP_CANCEL_UNDEFINED;
    }
    return status;
}

static cr_status fetch(struct download *d, struct cr_err *err)
{
    struct rsp_get_bound_profile_package_request request = {
        .transaction_id = d->session.transaction_id, .prepare_download_response = d->prepared};
    CR_TRY(es9_get_bound_profile_package(d->lpa->server, d->session.server, &request, d->arena,
                                         &d->bpp, err));
    d->result->bpp_bytes = d->bpp.n;
    return CR_OK;
}

static cr_status refuse_difference(struct download *d, int64_t reason, const char *field,
                                   struct cr_err *err)
{
    d->cancel = reason;
    cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 3.1.3.2",
                               "the package has another %s than was announced", field);
    status = cr_err_field(err, status, field);
    return cr_err_next(err, status, "do not install what was not agreed to: tell the operator");
}

static cr_status compare_owner(struct download *d, const struct rsp_store_metadata *now,
                               struct cr_err *err)
{
    const struct rsp_operator_id *a = &d->metadata->profile_owner;
    const struct rsp_operator_id *b = &now->profile_owner;
    bool equal = d->metadata->has_profile_owner == now->has_profile_owner &&
                 (!now->has_profile_owner ||
                  (cr_span_equal(a->mcc_mnc, b->mcc_mnc) && cr_span_equal(a->gid1, b->gid1) &&
                   cr_span_equal(a->gid2, b->gid2)));
    return equal ? CR_OK : refuse_difference(d, RSP_CANCEL_METADATA_MISMATCH, "profileOwner", err);
}

/* What the person agreed to has to be what comes (3.1.3.2). */
static cr_status compare_metadata(struct download *d, const struct rsp_store_metadata *now,
                                  struct cr_err *err)
{
    const struct rsp_store_metadata *then = d->metadata;
    uint64_t rules_then = then->has_profile_policy_rules ? then->profile_policy_rules : 0;
    uint64_t rules_now = now->has_profile_policy_rules ? now->profile_policy_rules : 0;
    if (rules_then != rules_now) {
        return refuse_difference(d, RSP_CANCEL_PPR_NOT_ALLOWED, "profilePolicyRules", err);
    }
    const struct {
        const char *name;
        cr_span then, now;
    } fields[] = {
        {"iccid", then->iccid, now->iccid},
        {"serviceProviderName", then->service_provider_name, now->service_provider_name},
        {"profileName", then->profile_name, now->profile_name},
        {"icon", then->icon, now->icon},
    };
    for (size_t i = 0; i < CR_COUNT(fields); i++) {
        if (!cr_span_equal(fields[i].then, fields[i].now)) {
            return refuse_difference(d, RSP_CANCEL_METADATA_MISMATCH, fields[i].name, err);
        }
    }
    if (then->profile_class != now->profile_class) {
        return refuse_difference(d, RSP_CANCEL_METADATA_MISMATCH, "profileClass", err);
    }
    return compare_owner(d, now, err);
}

static cr_status check_package(struct download *d, struct cr_err *err)
{
    CR_TRY(lpa_install_check(d->bpp, &d->segmenter, err));
    struct rsp_store_metadata metadata = {0};
    /* What cannot be read cannot be compared with what was agreed to, and an eUICC may read it more
     * kindly: it must not come by rules that nobody was asked about. */
    cr_status status = lpa_install_metadata(d->bpp, d->arena, &metadata, err);
    if (status != CR_OK) {
        status = cr_err_context(err, status, "the metadata in the package cannot be read");
        return cr_err_next(err, status,
                           "do not install what cannot be looked into: tell the operator");
    }
    if (d->metadata) {
        CR_TRY(compare_metadata(d, &metadata, err));
    } else {
        CR_TRY(check_rules(d, &metadata, err));
        CR_TRY(ask_consent(d, &metadata, err)); /* now that it is known what to */
    }
    d->result->metadata = metadata;
    d->result->has_metadata = true;
    d->result->iccid = metadata.iccid;
    return CR_OK;
}

/* The eUICC keeps each result: the one of this session, if there is one. */
static bool find_result(struct download *d, struct cr_err *err, cr_status *verdict)
{
    struct rsp_notification_metadata *list = NULL;
    size_t count = 0;
    if (es10b_list_notification(d->lpa->card, RSP_EVENT_INSTALL, d->arena, &list, &count, NULL) !=
        CR_OK) {
        return false;
    }
    for (size_t i = count; i-- > 0;) {
        struct rsp_pending_notification pending = {0};
        bool found = false;
        if (es10b_retrieve_notification(d->lpa->card, list[i].seq_number, d->arena, &pending,
                                        &found, NULL) != CR_OK ||
            !found || pending.which != RSP_PENDING_PROFILE_INSTALLATION_RESULT ||
            !cr_span_equal(pending.profile_installation_result.data.transaction_id,
                           d->session.transaction_id)) {
            continue;
        }
        struct cr_err own;
        cr_status status =
            lpa_install_result(&d->lpa->where, pending.raw, d->arena, &d->install, &own);
        if (!d->install.has_result) {
            continue;
        }
        if (status != CR_OK && err) {
            *err = own;
        }
        *verdict = status;
        return true;
    }
    return false;
}

/* A segment was not taken. Often the eUICC had made up its mind before, and its signed verdict says
 * why: that is the error to show. */
static cr_status recover(struct download *d, cr_status status, struct cr_err *err)
{
    struct lpa_where here = d->lpa->where;
    bool card_gone = here.status_word == 0 && status == CR_RESOURCE;
    if (card_gone && es10_reset(d->lpa->card, NULL) != CR_OK) {
        d->lpa->where = here;
        return cr_err_next(err, status,
                           "put the card back and use `crisp lpa notification send`: the eUICC "
                           "keeps a result of what happened");
    }
    if (find_result(d, err, &status)) {
        return status;
    }
    d->lpa->where = here;
    lpa_session_cancel(d->lpa, &d->session, RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR);
    here = d->lpa->where;
    if (!find_result(d, err, &status)) {
        d->lpa->where = here;
    }
    return status;
}

static cr_status install(struct download *d, struct cr_err *err)
{
    cr_status status = lpa_install(d->lpa->card, &d->lpa->where, &d->segmenter, installing, d,
                                   d->arena, &d->install, err);
    d->result->segments = d->install.segments;
    if (status != CR_OK && !d->install.has_result) {
        status = recover(d, status, err);
    }
    if (d->install.has_result) {
        const struct rsp_profile_installation_result_data *data = &d->install.result.data;
        d->session.authenticated = false; /* the session ends with the result */
        d->result->seq_number = data->notification_metadata.seq_number;
        d->result->sima_text = d->install.sima_text;
        d->result->warnings = d->install.warnings;
        if (cr_span_present(data->notification_metadata.iccid)) {
            d->result->iccid = data->notification_metadata.iccid;
        }
        if (status == CR_OK) {
            d->result->isdp_aid = data->final_result.success_result.aid;
        }
    }
    return status;
}

/* The stages after mutual authentication, and how the session is cancelled when one fails and did
 * not decide otherwise. Technical trouble counts as a timeout: the order stays usable. */
static const struct {
    enum lpa_stage stage;
    cr_status (*run)(struct download *d, struct cr_err *err);
    int64_t cancel;
} stages[] = {
    {LPA_STAGE_AUTHENTICATE_CLIENT, authenticate_client, RSP_CANCEL_TIMEOUT},
    {LPA_STAGE_CHECK_PROFILE, check_profile, RSP_CANCEL_TIMEOUT},
    {LPA_STAGE_CONSENT, consent, RSP_CANCEL_TIMEOUT},
    {LPA_STAGE_PREPARE, prepare, RSP_CANCEL_TIMEOUT},
    {LPA_STAGE_FETCH, fetch, RSP_CANCEL_TIMEOUT},
    {LPA_STAGE_CHECK_PACKAGE, check_package, RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR},
    {LPA_STAGE_INSTALL, install, RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR},
};

static bool wrong_code(const struct cr_err *err)
{
    return strcmp(err->subject, "8.2.7") == 0 &&
           (strcmp(err->reason, "3.8") == 0 || strcmp(err->reason, "2.2") == 0);
}

/* A server that refused has ended the session itself (5.6); only after a refused confirmation code
 * it may still wait for another. */
static void cancel(struct download *d, int64_t by_stage, const struct cr_err *err)
{
    int64_t reason = d->cancel != NO_CANCEL ? d->cancel : by_stage;
    if (d->cancel == NO_CANCEL && err->category == CR_REFUSED && err->subject[0]) {
        reason = wrong_code(err) ? RSP_CANCEL_POSTPONED : NO_CANCEL;
    }
    if (reason != NO_CANCEL) {
        lpa_session_cancel(d->lpa, &d->session, reason);
    }
    struct lpa_where *where = &d->lpa->where;
    where->retry_makes_sense |= err->category == CR_RESOURCE;
    where->retry_makes_sense |=
        where->has_cancel && (where->cancel_reason == RSP_CANCEL_POSTPONED ||
                              where->cancel_reason == RSP_CANCEL_TIMEOUT);
}

static cr_status run_stages(struct download *d, struct cr_err *err)
{
    cr_status status = authenticate(d, err);
    if (status != CR_OK) {
        d->lpa->where.retry_makes_sense = status == CR_RESOURCE;
        return status;
    }
    for (size_t i = 0; i < CR_COUNT(stages); i++) {
        enter(d, stages[i].stage);
        status = stages[i].run(d, err);
        if (status != CR_OK) {
            cancel(d, stages[i].cancel, err);
            return status;
        }
    }
    return CR_OK;
}

/* ---- notifications of the operation ---- */

static void send_results(struct download *d, const struct lpa_notification_list *before)
{
    struct lpa_where here = d->lpa->where;
    struct cr_err err;
    enter(d, LPA_STAGE_NOTIFY);
    struct lpa_send_result *send = &d->result->send;
    cr_status status;
    if (before || d->notify == LPA_NOTIFY_ALL) {
        status = lpa_notification_send_new(d->lpa, d->notify, before, d->hooks->sent, d->hooks->ctx,
                                           send, &err);
    } else {
        struct lpa_send_options options = {.seq_numbers = &d->result->seq_number,
                                           .seq_count = 1,
                                           .report = d->hooks->sent,
                                           .ctx = d->hooks->ctx};
        status = lpa_notification_send(d->lpa, &options, send, &err);
    }
    if (status != CR_OK) {
        send->failed++;
        send->first = err;
        send->where = d->lpa->where;
    }
    d->result->notified = send->failed == 0 && send->waiting == 0;
    d->lpa->where = here;
}

/* ---- whole ---- */

/* Runs until the confirmation code is right or nobody has another. */
static cr_status run_with_code(struct download *d, struct cr_err *err)
{
    for (int attempt = 1;; attempt++) {
        struct lpa_install no_install = {0};
        d->install = no_install;
        d->cancel = NO_CANCEL;
        d->metadata = NULL;
        d->offered = NULL;
        cr_status status = run_stages(d, err);
        if (status != CR_REFUSED || !wrong_code(err) || attempt == LPA_MAX_CODE_ATTEMPTS ||
            !d->hooks->confirmation_code || !d->offered) {
            return status;
        }
        struct lpa_offer offer = offer_of(d, d->metadata);
        offer.confirmation_code_required = true;
        cr_buf_reset(d->code);
        if (!d->hooks->confirmation_code(d->hooks->ctx, &offer, attempt + 1, d->code) ||
            d->code->n == 0 || !cr_buf_ok(d->code)) {
            return status;
        }
        memset(&d->lpa->where, 0, sizeof(d->lpa->where));
    }
}

cr_status lpa_download(struct lpa *lpa, const struct lpa_download_order *order,
                       const struct lpa_download_options *options,
                       const struct lpa_download_hooks *hooks, cr_arena *arena,
                       struct lpa_download_result *result, struct cr_err *err)
{
    static const struct lpa_download_hooks no_hooks = {0};
    struct lpa_device device;
    struct cr_err own;
    cr_buf code = {.secret = true, .limit = 1024};
    lpa_device_default(&device);
    memset(result, 0, sizeof(*result));
    memset(&lpa->where, 0, sizeof(lpa->where));
    struct download d = {.lpa = lpa,
                         .order = order,
                         .hooks = hooks ? hooks : &no_hooks,
                         .device = options && options->device ? options->device : &device,
                         .notify = options ? options->notify : LPA_NOTIFY_OPERATION,
                         .arena = arena,
                         .result = result,
                         .code = &code};
    struct cr_err *failure = err ? err : &own;
    struct lpa_notification_list before = {0};
    lpa->where.stage = LPA_STAGE_IDENTIFY;
    /* Now, not later: a strict eUICC may take it ill in the middle of a session. */
    bool known = d.notify == LPA_NOTIFY_OPERATION &&
                 lpa_notification_list(lpa, arena, &before, NULL) == CR_OK;
    cr_status status = run_with_code(&d, failure);
    cr_buf_free(&code);
    if (d.install.has_result && d.notify != LPA_NOTIFY_NONE) {
        send_results(&d, known ? &before : NULL);
    }
    return status;
}
