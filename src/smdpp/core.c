#include "smdpp/core.h"

#include "base/text.h"
#include "profile/bpp.h"
#include "profile/package.h"
#include "rsp/ids.h"
#include "rsp/json_binding.h"
#include "smdpp/session.h"
#include "store/home.h"

#include <stdlib.h>

#define DEFAULT_SESSION_MS     ((int64_t)10 * 60 * 1000)
#define DEFAULT_SESSION_LIMIT  1000000
#define DEFAULT_DOWNLOAD_LIMIT 10
#define DEFAULT_CC_LIMIT       3
#define DEFAULT_RETENTION_MS   ((int64_t)90 * 24 * 3600 * 1000)
#define CALL_LIFE_MS           ((int64_t)24 * 3600 * 1000) /* how long a resent call is recognised */

static void set_defaults(struct smdpp_policy *policy)
{
    if (policy->session_ms <= 0) {
        policy->session_ms = DEFAULT_SESSION_MS;
    }
    if (policy->session_limit <= 0) {
        policy->session_limit = DEFAULT_SESSION_LIMIT;
    }
    if (policy->download_limit <= 0) {
        policy->download_limit = DEFAULT_DOWNLOAD_LIMIT;
    }
    if (policy->retention_ms <= 0) {
        policy->retention_ms = DEFAULT_RETENTION_MS;
    }
    if (policy->cc_limit <= 0) {
        policy->cc_limit = DEFAULT_CC_LIMIT;
    }
}

cr_status smdpp_open(const struct smdpp_options *options, struct smdpp **out, struct cr_err *err)
{
    struct smdpp *dp = calloc(1, sizeof(*dp));
    if (!dp) {
        return cr_fail_memory(err);
    }
    dp->config = options->config;
    dp->policy = options->policy;
    dp->env = options->env;
    dp->outbox_filled = options->outbox_filled;
    dp->outbox_ctx = options->outbox_ctx;
    set_defaults(&dp->policy);
    cr_status status = der_oid_text(dp->config->oid, dp->oid_text, err);
    if (status == CR_OK) {
        status = smdpp_memo_table_new(&dp->memos, err);
    }
    if (status == CR_OK) {
        const struct store_home home = {.dir = options->dir,
                                        .name = "smdpp.db",
                                        .migrations = smdpp_migrations,
                                        .migration_count = smdpp_migration_count,
                                        .env = dp->env};
        status = store_home_open(&home, &dp->seal, &dp->store, err);
    }
    if (status != CR_OK) {
        smdpp_close(dp);
        return status;
    }
    *out = dp;
    return CR_OK;
}

void smdpp_close(struct smdpp *dp)
{
    if (!dp) {
        return;
    }
    store_close(dp->store);
    smdpp_memo_table_free(dp->memos);
    cr_wipe(&dp->seal, sizeof(dp->seal));
    free(dp);
}

struct store *smdpp_store(struct smdpp *dp)
{
    return dp->store;
}

const struct smdpp_config *smdpp_config(const struct smdpp *dp)
{
    return dp->config;
}

smdpp_handler smdpp_handler_of(enum rsp_function_id function)
{
    static const smdpp_handler handlers[RSP_FUNCTIONS] = {
        [RSP_ES9_INITIATE_AUTHENTICATION] = smdpp_initiate_authentication,
        [RSP_ES9_AUTHENTICATE_CLIENT] = smdpp_authenticate_client,
        [RSP_ES9_GET_BOUND_PROFILE_PACKAGE] = smdpp_get_bound_profile_package,
        [RSP_ES9_HANDLE_NOTIFICATION] = smdpp_handle_notification,
        [RSP_ES9_CANCEL_SESSION] = smdpp_cancel_session,
        [RSP_ES2_DOWNLOAD_ORDER] = smdpp_download_order,
        [RSP_ES2_CONFIRM_ORDER] = smdpp_confirm_order,
        [RSP_ES2_CANCEL_ORDER] = smdpp_cancel_order,
        [RSP_ES2_RELEASE_PROFILE] = smdpp_release_profile,
    };
    return (size_t)function < CR_COUNT(handlers) ? handlers[function] : NULL;
}

cr_status smdpp_write(struct smdpp *dp, const struct smdpp_call *call, store_work work, void *ctx,
                      bool soft, void (*written)(void *ctx), struct cr_err *err)
{
    if (call->deferred) {
        *call->deferred =
            (struct smdpp_deferred){.work = work, .ctx = ctx, .soft = soft, .written = written};
        return CR_OK;
    }
    CR_TRY(soft ? store_run_soft(dp->store, work, ctx, err) : store_run(dp->store, work, ctx, err));
    if (written) {
        written(ctx);
    }
    return CR_OK;
}

/* ---- reports to the operator ------------------------------------------------------------------
 */

struct rsp_function_status smdpp_failed_status(const char *subject, const char *reason,
                                               const char *message)
{
    struct rsp_function_status status = {.status = RSP_FAILED};
    (void)cr_str_copy(status.subject_code, sizeof(status.subject_code), cr_span_str(subject));
    (void)cr_str_copy(status.reason_code, sizeof(status.reason_code), cr_span_str(reason));
    (void)cr_str_copy(status.message, sizeof(status.message), cr_span_str(message));
    return status;
}

cr_status smdpp_report(struct smdpp *dp, struct store_tx *tx, const struct smdpp_profile *profile,
                       const char *eid, enum rsp_notification_point point,
                       const struct rsp_function_status *status, cr_span result_data, bool *queued,
                       struct cr_err *err)
{
    bool always = point == RSP_POINT_CONFIRMATION_FAILURE || point == RSP_POINT_BPP_INSTALLATION ||
                  point >= RSP_POINT_DELETE || (status && status->status != RSP_EXECUTED_SUCCESS);
    const struct smdpp_operator *op =
        profile->requester ? smdpp_operator_named(dp->config, profile->requester) : NULL;
    if (!op || !op->notify || (!always && !dp->policy.report_all_points)) {
        return CR_OK;
    }
    uint8_t call_id[16];
    char call_text[33];
    char when[CR_TIME_TEXT];
    int64_t now = cr_now_ms(dp->env);
    CR_TRY(cr_random(dp->env, call_id, sizeof(call_id), err));
    struct rsp_handle_download_progress_info_request request = {
        .header = {.function_requester_identifier = cr_span_str(dp->oid_text),
                   .function_call_identifier = cr_span_str(
                       cr_hex_into(call_text, sizeof(call_text), CR_SPAN_ARRAY(call_id)))},
        .eid = cr_span_str(eid),
        .iccid = cr_span_str(profile->iccid),
        .profile_type = cr_span_str(profile->type),
        .timestamp = cr_span_str(cr_time_format(when, now)),
        .notification_point_id = point,
        .result_data = result_data,
    };
    if (status) {
        request.notification_point_status = *status;
    }
    cr_buf body = {0};
    cr_status result = rsp_json_build_request(rsp_function(RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO),
                                              &request, RSP_JSON_V2, &body, err);
    if (result == CR_OK) {
        result = store_exec(tx,
                            "INSERT INTO outbox(operator, function, iccid, body, attempts, next_ms,"
                            " created_ms) VALUES(?, 'handleDownloadProgressInfo', ?, ?, 0, ?, ?)",
                            STORE_VALUES(STORE_T(profile->requester), STORE_T(profile->iccid),
                                         STORE_B(cr_buf_span(&body)), STORE_I(now), STORE_I(now)),
                            NULL, NULL, NULL, err);
    }
    cr_buf_free(&body);
    *queued = *queued || result == CR_OK;
    return result;
}

void smdpp_wake_outbox(struct smdpp *dp)
{
    if (dp->outbox_filled) {
        dp->outbox_filled(dp->outbox_ctx);
    }
}

/* ---- import -----------------------------------------------------------------------------------
 */

struct import_row {
    struct smdpp_profile profile;
    struct smdpp_package package;
};

struct import_work {
    struct import_row *rows;
    size_t count;
};

/* The header of a package: version and ICCID; the whole must be readable elements that begin with a
 * header and finish with the end. */
static cr_status look_into(cr_span upp, struct import_row *row, char iccid[RSP_ICCID_TEXT],
                           struct cr_err *err)
{
    cr_span rest = upp;
    struct profile_element element;
    cr_arena scratch = {0};
    size_t index = 0;
    bool ended = false;
    cr_status status = CR_OK;
    iccid[0] = 0;
    while (status == CR_OK && rest.n > 0) {
        cr_arena_reset(&scratch);
        status = profile_element_next(&rest, &scratch, &element, err);
        if (status != CR_OK) {
            break;
        }
        if (ended) {
            status = cr_fail(err, CR_MALFORMED, NULL, "the package goes on behind its end element");
        } else if (index == PROFILE_MAX_ELEMENTS) {
            status = cr_fail(err, CR_MALFORMED, NULL, "the package has more than %d elements",
                             PROFILE_MAX_ELEMENTS);
        } else if (index == 0 && element.kind != PROFILE_HEADER) {
            status = cr_fail(err, CR_MALFORMED, NULL, "the package does not begin with a header");
        } else if (index == 0) {
            row->profile.package_version =
                element.profile_header.major_version << 8 | element.profile_header.minor_version;
            char hex[2 * RSP_ICCID_BYTES + 1];
            cr_hex_into(hex, sizeof(hex), element.profile_header.iccid);
            hex[strcspn(hex, "F")] = 0;
            (void)cr_str_copy(iccid, RSP_ICCID_TEXT, cr_span_str(hex));
        }
        ended = element.kind == PROFILE_END;
        index++;
    }
    cr_arena_free(&scratch);
    if (status == CR_OK && !ended) {
        status =
            cr_fail(err, CR_MALFORMED, NULL, "the package does not finish with an end element");
    }
    return status;
}

static cr_status seal_in_arena(struct smdpp *dp, const char *label, const char *iccid,
                               cr_span secret, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    cr_buf sealed = {0};
    cr_status status = store_seal(&dp->seal, label, iccid, secret, dp->env, &sealed, err);
    if (status == CR_OK) {
        *out = cr_arena_copy(arena, cr_buf_span(&sealed));
        status = out->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&sealed);
    return status;
}

static cr_status prepare_import(struct smdpp *dp, const struct smdpp_import *import,
                                cr_arena *arena, struct import_row *row, struct cr_err *err)
{
    char header_iccid[RSP_ICCID_TEXT];
    char iccid[RSP_ICCID_TEXT];
    struct rsp_store_metadata metadata;
    if (import->upp.n > SMDPP_MAX_UPP || import->metadata.n > SMDPP_MAX_METADATA) {
        return cr_fail(err, CR_REFUSED, NULL,
                       "the package or its metadata is larger than %d or %d bytes", SMDPP_MAX_UPP,
                       SMDPP_MAX_METADATA);
    }
    if ((import->type && strlen(import->type) > SMDPP_MAX_TYPE) ||
        (import->owner && strlen(import->owner) > SMDPP_MAX_OWNER)) {
        return cr_fail(err, CR_REFUSED, NULL,
                       "the profile type or the owner is longer than %d or %d characters",
                       SMDPP_MAX_TYPE, SMDPP_MAX_OWNER);
    }
    CR_TRY(look_into(import->upp, row, header_iccid, err));
    CR_TRY(asn1_decode(&rsp_store_metadata_type, import->metadata, 0, arena, &metadata, err));
    if (!rsp_iccid_text(metadata.iccid, iccid)) {
        return cr_fail(err, CR_MALFORMED, "SGP.22 2.4.4", "the metadata's ICCID is not one");
    }
    if (strcmp(iccid, header_iccid) != 0) {
        cr_status status =
            cr_fail(err, CR_REFUSED, "SGP.22 2.5.2", "the metadata says ICCID %s, the package %s",
                    iccid, header_iccid);
        return cr_err_next(err, status,
                           "a chip would refuse it with dataMismatch: make them agree");
    }
    row->profile.iccid = cr_arena_printf(arena, "%s", iccid);
    row->profile.type = import->type ? import->type : "";
    row->profile.owner = import->owner ? import->owner : "";
    row->profile.metadata = import->metadata;
    row->profile.size = (int64_t)import->upp.n;
    row->profile.profile_class = metadata.profile_class;
    row->profile.policy_rules = (int64_t)metadata.profile_policy_rules;
    row->profile.created_ms = cr_now_ms(dp->env);
    if (!row->profile.iccid) {
        return cr_fail_memory(err);
    }
    struct profile_ppp ppp = {0};
    cr_status status = profile_protect(import->upp, dp->env, &ppp, err);
    if (status == CR_OK) {
        row->package.segments = cr_arena_copy(arena, cr_buf_span(&ppp.segments));
        status = row->package.segments.p
                     ? seal_in_arena(dp, "ppk", iccid, cr_span_of(&ppp.ppk, sizeof(ppp.ppk)), arena,
                                     &row->package.ppk, err)
                     : cr_fail_memory(err);
    }
    if (status == CR_OK) {
        status = seal_in_arena(dp, "upp", iccid, import->upp, arena, &row->package.upp, err);
    }
    cr_wipe(&ppp.ppk, sizeof(ppp.ppk));
    cr_buf_free(&ppp.segments);
    return status;
}

static cr_status import_all(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct import_work *work = ctx;
    for (size_t i = 0; i < work->count; i++) {
        CR_TRY(smdpp_profile_add(tx, &work->rows[i].profile, &work->rows[i].package, err));
    }
    return CR_OK;
}

cr_status smdpp_import(struct smdpp *dp, const struct smdpp_import *profiles, size_t count,
                       struct cr_err *err)
{
    cr_arena arena = {.limit = (size_t)4 << 30};
    struct import_work work = {
        .rows = cr_arena_alloc_array(&arena, count, sizeof(struct import_row)),
        .count = count,
    };
    cr_status status = work.rows ? CR_OK : cr_fail_memory(err);
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        status = prepare_import(dp, &profiles[i], &arena, &work.rows[i], err);
    }
    if (status == CR_OK) {
        status = store_run(dp->store, import_all, &work, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- housekeeping -----------------------------------------------------------------------------
 */

#define PURGE_ROUNDS   64                 /* transactions of one purge at most */
#define SWEEP_EVERY_MS ((int64_t)3600000) /* pause between two looks at all notifications */

struct purge {
    int64_t now, limit, removed;
};

static cr_status purge_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct purge *purge = ctx;
    CR_TRY(smdpp_session_purge(tx, purge->now, purge->limit, &purge->removed, err));
    return store_exec(tx,
                      "DELETE FROM call WHERE rowid IN (SELECT rowid FROM call WHERE"
                      " created_ms < ? LIMIT ?)",
                      STORE_VALUES(STORE_I(purge->now - CALL_LIFE_MS), STORE_I(purge->limit)), NULL,
                      NULL, NULL, err);
}

struct sweep {
    int64_t before_ms, limit;
    char after[RSP_ICCID_TEXT], last[RSP_ICCID_TEXT]; /* last empty: there is nothing more */
};

static cr_status take_last(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct sweep *sweep = ctx;
    (void)err;
    (void)cr_str_copy(sweep->last, sizeof(sweep->last), store_bytes(row, 0));
    return CR_OK;
}

/* A stretch of profiles with about limit notifications: there is no index by age, which each
 * notification that comes would have to pay for. */
static cr_status sweep_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct sweep *sweep = ctx;
    sweep->last[0] = 0;
    CR_TRY(store_exec(tx,
                      "SELECT max(iccid) FROM (SELECT iccid FROM notification WHERE iccid > ?"
                      " ORDER BY iccid LIMIT ?)",
                      STORE_VALUES(STORE_T(sweep->after), STORE_I(sweep->limit)), take_last, sweep,
                      NULL, err));
    if (!sweep->last[0]) {
        return CR_OK;
    }
    return store_exec(
        tx,
        "DELETE FROM notification WHERE id IN (SELECT n.id FROM notification n"
        " WHERE n.iccid > ?1 AND n.iccid <= ?2 AND n.received_ms < ?3"
        " AND EXISTS(SELECT 1 FROM notification m WHERE m.iccid = n.iccid"
        " AND m.eid = n.eid AND m.sequence > n.sequence))",
        STORE_VALUES(STORE_T(sweep->after), STORE_T(sweep->last), STORE_I(sweep->before_ms)), NULL,
        NULL, NULL, err);
}

static cr_status sweep_notifications(struct smdpp *dp, int64_t now, int64_t limit,
                                     struct cr_err *err)
{
    struct sweep sweep = {.before_ms = now - dp->policy.retention_ms, .limit = limit};
    if (now < dp->sweep.next_ms && dp->sweep.next_ms - now <= SWEEP_EVERY_MS) {
        return CR_OK;
    }
    memcpy(sweep.after, dp->sweep.after, sizeof(sweep.after));
    CR_TRY(store_run_soft(dp->store, sweep_work, &sweep, err));
    memcpy(dp->sweep.after, sweep.last, sizeof(sweep.last)); /* empty: from the beginning */
    if (!sweep.last[0]) {
        dp->sweep.next_ms = now + SWEEP_EVERY_MS;
    }
    return CR_OK;
}

cr_status smdpp_purge(struct smdpp *dp, int64_t limit, struct cr_err *err)
{
    struct purge purge = {.now = cr_now_ms(dp->env), .limit = limit, .removed = 1};
    /* Anybody can begin sessions as fast as the machine signs: they have to go as fast. */
    for (int i = 0; i < PURGE_ROUNDS && purge.removed > 0; i++) {
        CR_TRY(store_run_soft(dp->store, purge_work, &purge, err));
    }
    return sweep_notifications(dp, purge.now, limit, err);
}
