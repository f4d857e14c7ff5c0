/*
 * ES2+ (SGP.22 5.3): DownloadOrder, ConfirmOrder, CancelOrder, ReleaseProfile at the SM-DP+.
 *
 * Each function is one transaction. A call that comes again (same requester, functionCallIdentifier
 * and parameters) gets the answer it got; so does an order that is repeated with the same
 * parameters under another identifier.
 */
#include "smdpp/core.h"

#include "base/text.h"
#include "rsp/activation_code.h"
#include "rsp/ids.h"

/* ---- calls that come again --------------------------------------------------------------------
 */

struct call_key {
    const char *requester;
    cr_span call_id; /* n == 0: cannot be recognised */
    const char *function;
    uint8_t hash[CRYPTO_SHA256];
};

static void call_key(struct call_key *key, const struct smdpp *dp, const struct smdpp_call *call,
                     const struct rsp_request_header *header, const char *function,
                     const cr_span *parameters, size_t count)
{
    /* Lengths go in too: ("ab", "c") is not ("a", "bc"), absent is not empty. */
    cr_span parts[33];
    uint8_t lengths[16][9];
    size_t n = 0;
    /* With the key: a confirmation code goes in, and may have but a few digits. */
    parts[n++] = CR_SPAN_ARRAY(dp->seal.key);
    for (size_t i = 0; i < count && i < 16; i++) {
        lengths[i][0] = parameters[i].p != NULL;
        for (size_t b = 0; b < 8; b++) {
            lengths[i][1 + b] = (uint8_t)((uint64_t)parameters[i].n >> (8 * b));
        }
        parts[n++] = CR_SPAN_ARRAY(lengths[i]);
        parts[n++] = cr_span_of(parameters[i].p ? parameters[i].p : lengths[i], parameters[i].n);
    }
    crypto_sha256_parts(parts, n, key->hash);
    key->requester = call->requester ? call->requester : "";
    key->call_id = header->function_call_identifier;
    key->function = function;
}

struct take_answer {
    const struct call_key *key;
    cr_arena *arena;
    cr_span answer;
};

static cr_status take_answer(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct take_answer *take = ctx;
    if (cr_span_equal(store_bytes(row, 0), CR_SPAN_ARRAY(take->key->hash))) {
        take->answer = cr_arena_copy(take->arena, store_bytes(row, 1));
        return take->answer.p ? CR_OK : cr_fail_memory(err);
    }
    return CR_OK;
}

/* The answer that this very call got, absent when it is new. */
static cr_status recall(struct store_tx *tx, const struct call_key *key, cr_arena *arena,
                        cr_span *answer, struct cr_err *err)
{
    struct take_answer take = {key, arena, {0}};
    *answer = (cr_span){0};
    if (key->call_id.n == 0) {
        return CR_OK;
    }
    CR_TRY(store_exec(
        tx,
        "SELECT request_hash, response FROM call WHERE requester = ? AND call_id = ?"
        " AND function = ?",
        STORE_VALUES(STORE_T(key->requester), STORE_S(key->call_id), STORE_T(key->function)),
        take_answer, &take, NULL, err));
    *answer = take.answer;
    return CR_OK;
}

static cr_status remember(struct store_tx *tx, const struct call_key *key, cr_span answer,
                          int64_t now_ms, struct cr_err *err)
{
    if (key->call_id.n == 0) {
        return CR_OK;
    }
    return store_exec(tx,
                      "INSERT OR REPLACE INTO call(requester, call_id, function, request_hash,"
                      " response, created_ms) VALUES(?, ?, ?, ?, ?, ?)",
                      STORE_VALUES(STORE_T(key->requester), STORE_S(key->call_id),
                                   STORE_T(key->function), STORE_B(CR_SPAN_ARRAY(key->hash)),
                                   STORE_B(answer), STORE_I(now_ms)),
                      NULL, NULL, NULL, err);
}

/* ---- what the functions share -----------------------------------------------------------------
 */

/* One function call: what its work needs and what it gives. */
struct es2_work {
    struct smdpp *dp;
    const struct smdpp_call *call;
    struct call_key key;
    const void *request;
    void *response;
    int64_t now_ms;
    char generated_id[RSP_MATCHING_ID_TEXT];
};

static const char *text(struct es2_work *w, cr_span s)
{
    return s.p ? cr_arena_strn(w->call->arena, s) : NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *requester(const struct es2_work *w)
{
    return w->call->requester ? w->call->requester : "";
}

/* The owner of this server (command line) may touch every profile, an operator its own and free
 * ones that nobody else has ordered. */
static bool may_touch(const struct es2_work *w, const struct smdpp_profile *profile)
{
    if (!w->call->requester) {
        return true;
    }
    return (!profile->owner[0] || strcmp(profile->owner, w->call->requester) == 0) &&
           (!profile->requester || strcmp(profile->requester, w->call->requester) == 0);
}

/* The profile of an ICCID that the requester may touch: 8.2.1/3.9 and 8.2.1/1.2. */
static cr_status own_profile(struct es2_work *w, struct store_tx *tx, cr_span iccid,
                             struct smdpp_profile *profile, const char *clause, struct cr_err *err)
{
    bool found = false;
    const char *digits = text(w, iccid);
    if (!digits) {
        return cr_refuse(err, "8.2.1", "2.2", clause, "iccid is missing");
    }
    CR_TRY(smdpp_profile_by_iccid(tx, digits, w->call->arena, profile, &found, err));
    if (!found) {
        return cr_refuse(err, "8.2.1", "3.9", clause, "ICCID %s is not in the inventory", digits);
    }
    if (!may_touch(w, profile)) {
        return cr_refuse(err, "8.2.1", "1.2", clause, "ICCID %s belongs to another operator",
                         digits);
    }
    return CR_OK;
}

static cr_status check_eid(cr_span eid, const char *clause, struct cr_err *err)
{
    uint8_t bytes[16];
    if (eid.n && (eid.n != RSP_EID_DIGITS || rsp_eid_parse(eid, bytes, NULL) != CR_OK)) {
        return cr_refuse(err, "8.1.1", "2.1", clause, "an EID has 32 digits");
    }
    return CR_OK;
}

static cr_status run(struct es2_work *w, store_work work, struct cr_err *err)
{
    cr_status status = CR_OK;
    for (int i = 0; i < SMDPP_CAS_TRIES; i++) {
        struct cr_err local = {0};
        w->now_ms = cr_now_ms(w->dp->env);
        status = store_run(w->dp->store, work, w, &local);
        if (status != CR_OK && err) {
            *err = local;
        }
        if (status != CR_RESOURCE || local.code != SMDPP_LOST) {
            break;
        }
    }
    return status;
}

/* ---- DownloadOrder (5.3.1) --------------------------------------------------------------------
 */

/* Whether the order that a recalled call made is still there. Where it was cancelled meanwhile the
 * call is carried out: some operators number their calls carelessly. */
static cr_status still_ordered(struct es2_work *w, struct store_tx *tx, cr_span iccid, bool *holds,
                               struct cr_err *err)
{
    struct smdpp_profile profile = {0};
    const char *digits = text(w, iccid);
    if (!digits) {
        return cr_fail_memory(err);
    }
    CR_TRY(smdpp_profile_by_iccid(tx, digits, w->call->arena, &profile, holds, err));
    *holds = *holds && profile.state != SMDPP_AVAILABLE && profile.state != SMDPP_UNAVAILABLE &&
             may_touch(w, &profile);
    return CR_OK;
}

/* Any Available profile of the type. */
static cr_status pick_by_type(struct es2_work *w, struct store_tx *tx, const char *type,
                              struct smdpp_profile *profile, struct cr_err *err)
{
    bool found = false;
    bool known = false;
    bool allowed = false;
    CR_TRY(smdpp_profile_available(tx, type, requester(w), w->call->arena, profile, &found, err));
    if (found) {
        return CR_OK;
    }
    CR_TRY(smdpp_profile_type_known(tx, type, requester(w), &known, &allowed, err));
    if (!known) {
        return cr_refuse(err, "8.2.5", "3.9", "SGP.22 5.3.1", "there is no profile type %s", type);
    }
    if (!allowed) {
        return cr_refuse(err, "8.2.5", "1.2", "SGP.22 5.3.1",
                         "profile type %s belongs to another operator", type);
    }
    cr_status status =
        cr_refuse(err, "8.2.5", "3.7", "SGP.22 5.3.1", "no profile of type %s is available", type);
    return cr_err_next(err, status, "import more profiles of this type");
}

static cr_status download_order_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct es2_work *w = ctx;
    const struct rsp_download_order_request *in = w->request;
    struct rsp_download_order_response *out = w->response;
    struct smdpp_profile profile = {0};
    const char *type = in->profile_type.n ? text(w, in->profile_type) : NULL;
    const char *eid = in->eid.n ? text(w, in->eid) : NULL;
    cr_span seen = {0};
    bool holds = false;
    CR_TRY(check_eid(in->eid, "SGP.22 5.3.1", err));
    CR_TRY(recall(tx, &w->key, w->call->arena, &seen, err));
    if (seen.p) {
        CR_TRY(still_ordered(w, tx, seen, &holds, err));
        if (holds) {
            out->iccid = seen;
            return CR_OK;
        }
    }
    if (in->iccid.n) {
        CR_TRY(own_profile(w, tx, in->iccid, &profile, "SGP.22 5.3.1", err));
        if (type && strcmp(type, profile.type) != 0) {
            return cr_refuse(err, "8.2.5", "3.8", "SGP.22 5.3.1",
                             "ICCID %s is of profile type '%s'", profile.iccid, profile.type);
        }
    } else if (type) {
        CR_TRY(pick_by_type(w, tx, type, &profile, err));
    } else {
        return cr_refuse(err, "8.2.1", "2.3", "SGP.22 5.3.1", "iccid or profileType is needed");
    }
    enum smdpp_event event = eid ? SMDPP_EV_DOWNLOAD_ORDER_EID : SMDPP_EV_DOWNLOAD_ORDER;
    if (!smdpp_state_next(profile.state, event)) {
        bool same = (profile.state == SMDPP_ALLOCATED || profile.state == SMDPP_LINKED) &&
                    same_text(profile.eid, eid);
        if (!same) {
            cr_status status = cr_refuse(err, "8.2.1", "3.3", "SGP.22 5.3.1",
                                         "ICCID %s is not available: it is %s", profile.iccid,
                                         smdpp_state_name(profile.state));
            return cr_err_next(err, status, "order another ICCID, or cancel the order it is in");
        }
    } else {
        smdpp_profile_clear_order(&profile);
        /* What the command line orders is its owner's order: he hears about it. */
        profile.requester = w->call->requester ? w->call->requester : profile.owner;
        profile.eid = eid;
        profile.download_limit = w->dp->policy.download_limit;
        profile.cc_limit = w->dp->policy.cc_limit;
        profile.expires_ms = w->dp->policy.order_ms ? w->now_ms + w->dp->policy.order_ms : 0;
        CR_TRY(smdpp_profile_save(tx, &profile, event, w->now_ms, err));
    }
    out->iccid = cr_span_str(profile.iccid);
    return remember(tx, &w->key, out->iccid, w->now_ms, err);
}

cr_status smdpp_download_order(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                               void *response, struct cr_err *err)
{
    const struct rsp_download_order_request *in = request;
    struct es2_work w = {.dp = dp, .call = call, .request = request, .response = response};
    const cr_span parameters[] = {in->eid, in->iccid, in->profile_type};
    call_key(&w.key, dp, call, &in->header, "downloadOrder", parameters, CR_COUNT(parameters));
    return run(&w, download_order_work, err);
}

/* ---- ConfirmOrder (5.3.2) ---------------------------------------------------------------------
 */

static void fill_confirm(const struct es2_work *w, const struct smdpp_profile *profile)
{
    struct rsp_confirm_order_response *out = w->response;
    out->eid = cr_span_str(profile->eid);
    out->matching_id = cr_span_str(profile->matching_id ? profile->matching_id : "");
    out->smdp_address = cr_span_str(w->dp->config->address);
}

static bool same_code(const struct es2_work *w, const struct smdpp_profile *profile, cr_span code)
{
    uint8_t kept[SMDPP_CODE_HASH];
    uint8_t given[SMDPP_CODE_HASH];
    if (!profile->cc_hash.p || code.n == 0) {
        return !profile->cc_hash.p && code.n == 0;
    }
    crypto_sha256(code, given);
    bool same =
        smdpp_unseal_code(&w->dp->seal, profile->iccid, profile->cc_hash, kept, NULL) == CR_OK &&
        cr_span_equal_ct(CR_SPAN_ARRAY(kept), CR_SPAN_ARRAY(given));
    cr_wipe(given, sizeof(given));
    cr_wipe(kept, sizeof(kept));
    return same;
}

/* True when the profile is in just the state that this request asks for. */
static bool confirmed_alike(const struct es2_work *w, const struct smdpp_profile *profile,
                            const char *eid, const char *matching_id)
{
    const struct rsp_confirm_order_request *in = w->request;
    return profile->state == (in->release_flag ? SMDPP_RELEASED : SMDPP_CONFIRMED) && matching_id &&
           same_text(profile->matching_id, matching_id) && (!eid || same_text(profile->eid, eid)) &&
           same_code(w, profile, in->confirmation_code);
}

static cr_status check_confirm(const struct rsp_confirm_order_request *in,
                               const struct smdpp_profile *profile, const char *eid,
                               struct cr_err *err)
{
    bool by_default = in->matching_id.p && in->matching_id.n == 0;
    CR_TRY(check_eid(in->eid, "SGP.22 5.3.2", err));
    if (!eid && !profile->eid && (by_default || in->smds_address.n)) {
        return cr_refuse(err, "8.1.1", "2.2", "SGP.22 5.3.2",
                         "an order without MatchingID or with an SM-DS needs an EID");
    }
    if (eid && profile->eid && strcmp(eid, profile->eid) != 0) {
        return cr_refuse(err, "8.1.1", "3.10", "SGP.22 5.3.2",
                         "ICCID %s was ordered for another EID", profile->iccid);
    }
    if (in->matching_id.n > RSP_MATCHING_ID_MAX) {
        return cr_refuse(err, "8.2.6", "2.1", "SGP.22 5.3.2", "the MatchingID is too long");
    }
    for (size_t i = 0; i < in->matching_id.n; i++) {
        uint8_t c = in->matching_id.p[i];
        if (c == '$' || c <= ' ' || c > '~') {
            return cr_refuse(err, "8.2.6", "2.1", "SGP.22 4.1",
                             "a MatchingID with '$', blanks or other characters than ASCII cannot "
                             "stand in an activation code");
        }
    }
    if (in->smds_address.n) {
        cr_status status =
            cr_refuse(err, "8.9", "5.1", "SGP.22 5.3.2", "this SM-DP+ has no way to an SM-DS");
        return cr_err_next(err, status, "confirm without smdsAddress and use the activation code");
    }
    return CR_OK;
}

static cr_status save_confirmed(struct es2_work *w, struct store_tx *tx,
                                struct smdpp_profile *profile, enum smdpp_event event,
                                struct cr_err *err)
{
    struct cr_err local;
    cr_status status = smdpp_profile_save(tx, profile, event, w->now_ms, &local);
    if (status == CR_REFUSED && local.code == STORE_CONSTRAINT) {
        return cr_refuse(err, "8.2.6", "3.3", "SGP.22 5.3.2",
                         "MatchingID %s is in use for another order", profile->matching_id);
    }
    if (status != CR_OK && err) {
        *err = local;
    }
    return status;
}

static cr_status confirm_order_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct es2_work *w = ctx;
    const struct rsp_confirm_order_request *in = w->request;
    struct smdpp_profile profile = {0};
    cr_span seen = {0};
    const char *eid = in->eid.n ? text(w, in->eid) : NULL;
    const char *matching_id = text(w, in->matching_id);
    CR_TRY(own_profile(w, tx, in->iccid, &profile, "SGP.22 5.3.2", err));
    CR_TRY(recall(tx, &w->key, w->call->arena, &seen, err));
    if (seen.p && profile.matching_id && cr_span_equal(seen, cr_span_str(profile.matching_id))) {
        fill_confirm(w, &profile);
        return CR_OK;
    }
    if (confirmed_alike(w, &profile, eid, matching_id)) {
        fill_confirm(w, &profile);
        return CR_OK;
    }
    enum smdpp_event event = in->release_flag ? SMDPP_EV_CONFIRM_RELEASE : SMDPP_EV_CONFIRM;
    if (!smdpp_state_next(profile.state, event)) {
        if (matching_id && profile.matching_id && strcmp(matching_id, profile.matching_id) != 0) {
            return cr_refuse(err, "8.2.6", "3.10", "SGP.22 5.3.2",
                             "ICCID %s is ordered with another MatchingID", profile.iccid);
        }
        return cr_refuse(err, "8.2.1", "3.5", "SGP.22 5.3.2",
                         "ICCID %s cannot be confirmed: it is %s", profile.iccid,
                         smdpp_state_name(profile.state));
    }
    CR_TRY(check_confirm(in, &profile, eid, err));
    profile.matching_id = matching_id ? matching_id : w->generated_id;
    profile.eid = profile.eid ? profile.eid : eid;
    profile.cc_hash = (cr_span){0};
    if (in->confirmation_code.n) {
        CR_TRY(smdpp_seal_code(&w->dp->seal, profile.iccid, in->confirmation_code, w->dp->env,
                               w->call->arena, &profile.cc_hash, err));
    }
    profile.cc_failures = 0;
    CR_TRY(save_confirmed(w, tx, &profile, event, err));
    if (!matching_id) {
        /* The answer outlives this frame. */
        profile.matching_id = cr_arena_printf(w->call->arena, "%s", w->generated_id);
    }
    fill_confirm(w, &profile);
    return remember(tx, &w->key, cr_span_str(profile.matching_id), w->now_ms, err);
}

cr_status smdpp_confirm_order(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                              void *response, struct cr_err *err)
{
    const struct rsp_confirm_order_request *in = request;
    struct es2_work w = {.dp = dp, .call = call, .request = request, .response = response};
    const uint8_t release[] = {in->release_flag};
    const cr_span parameters[] = {in->iccid,        in->eid,
                                  in->matching_id,  in->confirmation_code,
                                  in->smds_address, CR_SPAN_ARRAY(release)};
    CR_TRY(rsp_matching_id_generate(dp->env, w.generated_id, err));
    call_key(&w.key, dp, call, &in->header, "confirmOrder", parameters, CR_COUNT(parameters));
    return run(&w, confirm_order_work, err);
}

/* ---- CancelOrder (5.3.3) ----------------------------------------------------------------------
 */

static cr_status cancel_order_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct es2_work *w = ctx;
    const struct rsp_cancel_order_request *in = w->request;
    struct smdpp_profile profile = {0};
    cr_span seen = {0};
    CR_TRY(recall(tx, &w->key, w->call->arena, &seen, err));
    if (seen.p) {
        return CR_OK;
    }
    CR_TRY(own_profile(w, tx, in->iccid, &profile, "SGP.22 5.3.3", err));
    bool available = cr_span_equal(in->final_profile_status_indicator, cr_span_str("Available"));
    if (!available &&
        !cr_span_equal(in->final_profile_status_indicator, cr_span_str("Unavailable"))) {
        return cr_refuse(err, "1.6", "2.1", "SGP.22 5.3.3",
                         "finalProfileStatusIndicator is Available or Unavailable");
    }
    if (in->eid.n && !same_text(profile.eid, text(w, in->eid))) {
        return cr_refuse(err, "8.1.1", "3.10", "SGP.22 5.3.3",
                         "the order of ICCID %s is for another EID", profile.iccid);
    }
    if (!in->eid.n && profile.eid && w->call->requester) {
        return cr_refuse(err, "8.1.1", "2.2", "SGP.22 5.3.3",
                         "the order of ICCID %s is tied to an EID: name it", profile.iccid);
    }
    if (in->matching_id.n && !same_text(profile.matching_id, text(w, in->matching_id))) {
        return cr_refuse(err, "8.2.6", "3.10", "SGP.22 5.3.3",
                         "the order of ICCID %s has another MatchingID", profile.iccid);
    }
    enum smdpp_event event = available ? SMDPP_EV_CANCEL_AVAILABLE : SMDPP_EV_CANCEL_UNAVAILABLE;
    bool ordered = profile.state != SMDPP_AVAILABLE && profile.state != SMDPP_UNAVAILABLE;
    if (!ordered || !smdpp_state_next(profile.state, event)) {
        return cr_refuse(err, "8.2.1", ordered ? "3.3" : "3.5", "SGP.22 5.3.3",
                         "the order of ICCID %s cannot be cancelled: it is %s", profile.iccid,
                         smdpp_state_name(profile.state));
    }
    smdpp_profile_clear_order(&profile);
    CR_TRY(smdpp_profile_save(tx, &profile, event, w->now_ms, err));
    return remember(tx, &w->key, cr_span_str("done"), w->now_ms, err);
}

cr_status smdpp_cancel_order(struct smdpp *dp, const struct smdpp_call *call, const void *request,
                             void *response, struct cr_err *err)
{
    const struct rsp_cancel_order_request *in = request;
    struct es2_work w = {.dp = dp, .call = call, .request = request, .response = response};
    const cr_span parameters[] = {in->iccid, in->eid, in->matching_id,
                                  in->final_profile_status_indicator};
    call_key(&w.key, dp, call, &in->header, "cancelOrder", parameters, CR_COUNT(parameters));
    return run(&w, cancel_order_work, err);
}

/* ---- ReleaseProfile (5.3.4) -------------------------------------------------------------------
 */

static cr_status release_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct es2_work *w = ctx;
    const struct rsp_release_profile_request *in = w->request;
    struct smdpp_profile profile = {0};
    cr_span seen = {0};
    CR_TRY(own_profile(w, tx, in->iccid, &profile, "SGP.22 5.3.4", err));
    CR_TRY(recall(tx, &w->key, w->call->arena, &seen, err));
    if (seen.p && profile.state >= SMDPP_RELEASED) {
        return CR_OK;
    }
    if (!smdpp_state_next(profile.state, SMDPP_EV_RELEASE)) {
        return cr_refuse(err, "8.2.1", "3.5", "SGP.22 5.3.4",
                         "ICCID %s cannot be released: it is %s", profile.iccid,
                         smdpp_state_name(profile.state));
    }
    CR_TRY(smdpp_profile_save(tx, &profile, SMDPP_EV_RELEASE, w->now_ms, err));
    return remember(tx, &w->key, cr_span_str("done"), w->now_ms, err);
}

cr_status smdpp_release_profile(struct smdpp *dp, const struct smdpp_call *call,
                                const void *request, void *response, struct cr_err *err)
{
    const struct rsp_release_profile_request *in = request;
    struct es2_work w = {.dp = dp, .call = call, .request = request, .response = response};
    call_key(&w.key, dp, call, &in->header, "releaseProfile", &in->iccid, 1);
    return run(&w, release_work, err);
}

/* ---- what ES2+ cannot say ---------------------------------------------------------------------
 */

struct adjust_work {
    struct es2_work base;
    const char *iccid;
    const struct smdpp_order_extras *extras;
};

static cr_status new_metadata(struct smdpp_profile *profile, cr_span metadata, cr_arena *arena,
                              struct cr_err *err)
{
    struct rsp_store_metadata decoded;
    char iccid[RSP_ICCID_TEXT];
    if (metadata.n > SMDPP_MAX_METADATA) {
        return cr_fail(err, CR_REFUSED, NULL, "the metadata is larger than %d bytes",
                       SMDPP_MAX_METADATA);
    }
    CR_TRY(asn1_decode(&rsp_store_metadata_type, metadata, 0, arena, &decoded, err));
    if (!rsp_iccid_text(decoded.iccid, iccid) || strcmp(iccid, profile->iccid) != 0) {
        return cr_fail(err, CR_REFUSED, NULL, "the metadata is for another ICCID than %s",
                       profile->iccid);
    }
    profile->metadata = metadata;
    profile->profile_class = decoded.profile_class;
    profile->policy_rules = (int64_t)decoded.profile_policy_rules;
    return CR_OK;
}

static cr_status adjust_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct adjust_work *w = ctx;
    struct smdpp_profile profile = {0};
    bool found = false;
    cr_arena *arena = w->base.call->arena;
    CR_TRY(smdpp_profile_by_iccid(tx, w->iccid, arena, &profile, &found, err));
    if (!found) {
        return cr_refuse(err, "8.2.1", "3.9", NULL, "ICCID %s is not in the inventory", w->iccid);
    }
    if (profile.state == SMDPP_AVAILABLE &&
        (w->extras->expires_ms || w->extras->download_limit || w->extras->cc_limit)) {
        cr_status status =
            cr_refuse(err, "8.2.1", "3.5", NULL, "ICCID %s is not ordered", w->iccid);
        return cr_err_next(err, status, "order it first");
    }
    if (profile.state >= SMDPP_DOWNLOADED) {
        return cr_refuse(err, "8.2.1", "3.5", NULL, "ICCID %s is %s: too late to change its order",
                         w->iccid, smdpp_state_name(profile.state));
    }
    profile.expires_ms = w->extras->expires_ms ? w->extras->expires_ms : profile.expires_ms;
    profile.download_limit =
        w->extras->download_limit ? w->extras->download_limit : profile.download_limit;
    profile.cc_limit = w->extras->cc_limit ? w->extras->cc_limit : profile.cc_limit;
    if (w->extras->metadata.p) {
        CR_TRY(new_metadata(&profile, w->extras->metadata, arena, err));
    }
    return smdpp_profile_save(tx, &profile, 0, w->base.now_ms, err);
}

cr_status smdpp_order_adjust(struct smdpp *dp, const char *iccid,
                             const struct smdpp_order_extras *extras, struct cr_err *err)
{
    cr_arena arena = {0};
    struct smdpp_call call = {.arena = &arena};
    struct adjust_work w = {.base = {.dp = dp, .call = &call}, .iccid = iccid, .extras = extras};
    cr_status status = run(&w.base, adjust_work, err);
    cr_arena_free(&arena);
    return status;
}
