#include "smdpp/inventory.h"

/*
 * The schema. Times are milliseconds since 1970; eid, iccid are digit strings. Packages stand in a
 * table of their own so that reading an order does not drag 20 KB along.
 */
const struct store_migration smdpp_migrations[] = {
    {1,
     "CREATE TABLE profile("
     " iccid TEXT PRIMARY KEY, type TEXT NOT NULL, owner TEXT NOT NULL,"
     " state INTEGER NOT NULL, revision INTEGER NOT NULL,"
     " metadata BLOB NOT NULL, class INTEGER NOT NULL, size INTEGER NOT NULL,"
     " package_version INTEGER NOT NULL, policy_rules INTEGER NOT NULL,"
     " requester TEXT, matching_id TEXT, eid TEXT, smds_address TEXT,"
     " cc_hash BLOB, cc_failures INTEGER NOT NULL, cc_limit INTEGER NOT NULL,"
     " downloads INTEGER NOT NULL, download_limit INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
     " transaction_id BLOB, bound_eid TEXT, euicc_key BLOB, euicc_curve INTEGER NOT NULL,"
     " otpk_curve INTEGER NOT NULL DEFAULT 0, otpk_euicc BLOB, otpk_dp BLOB, bound_head BLOB, "
     "host_id BLOB, last_error TEXT,"
     " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
     /* An order's MatchingID is unique among live orders; '' is the default SM-DP+ order. */
     "CREATE UNIQUE INDEX profile_matching_id ON profile(matching_id)"
     " WHERE matching_id IS NOT NULL AND matching_id <> '';"
     "CREATE INDEX profile_default ON profile(eid, created_ms) WHERE matching_id = '';"
     "CREATE UNIQUE INDEX profile_transaction ON profile(transaction_id)"
     " WHERE transaction_id IS NOT NULL;"
     "CREATE INDEX profile_stock ON profile(type, owner) WHERE state = 1;"
     "CREATE INDEX profile_state ON profile(state, iccid);"
     "CREATE TABLE package("
     " iccid TEXT PRIMARY KEY REFERENCES profile(iccid) ON DELETE CASCADE,"
     " upp BLOB NOT NULL, ppk BLOB NOT NULL, segments BLOB NOT NULL);"
     "CREATE TABLE session("
     " transaction_id BLOB PRIMARY KEY, challenge BLOB NOT NULL, state INTEGER NOT NULL,"
     " revision INTEGER NOT NULL, expires_ms INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;"
     "CREATE INDEX session_challenge ON session(challenge) WHERE state = 1;"
     "CREATE INDEX session_expires ON session(expires_ms);"
     "CREATE TABLE call("
     " requester TEXT NOT NULL, call_id TEXT NOT NULL, function TEXT NOT NULL,"
     " request_hash BLOB NOT NULL, response BLOB NOT NULL, created_ms INTEGER NOT NULL,"
     " PRIMARY KEY(requester, call_id, function));"
     "CREATE INDEX call_created ON call(created_ms);"
     "CREATE TABLE outbox("
     " id INTEGER PRIMARY KEY AUTOINCREMENT, operator TEXT NOT NULL, function TEXT NOT NULL,"
     " iccid TEXT NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL,"
     " next_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, last_error TEXT);"
     "CREATE INDEX outbox_next ON outbox(next_ms);"
     /* By the hash of what the chip signed: test chips are made anew under an old EID and count
      * from the beginning. */
     "CREATE TABLE notification("
     " hash BLOB PRIMARY KEY, eid TEXT NOT NULL, sequence INTEGER NOT NULL, iccid TEXT,"
     " operation INTEGER NOT NULL, body BLOB NOT NULL, received_ms INTEGER NOT NULL)"
     " WITHOUT ROWID;"
     "CREATE INDEX notification_profile ON notification(iccid, eid, sequence);"},
    /* Sessions in the order of their begin: those that are moved now stand side by side, and a
     * commit of several touches few pages. Nothing that moves in each step is in an index. The
     * sessions under way are begun again by their LPAs. */
    {2, "DROP TABLE session;"
        "CREATE TABLE session("
        " id INTEGER PRIMARY KEY, transaction_id BLOB NOT NULL UNIQUE, challenge BLOB NOT NULL,"
        " state INTEGER NOT NULL, revision INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
        " data BLOB NOT NULL);"
        "CREATE INDEX session_challenge ON session(challenge) WHERE state = 1;"},
    /* Each operator's messages in their order: operators are served independently. */
    {3, "DROP INDEX outbox_next; CREATE INDEX outbox_operator ON outbox(operator, id);"},
    /* What a download writes is what it costs: no index that nobody looks into, none whose order is
     * random where another would do (a page of its own for every row and commit), and the package
     * before what is only kept for the record: SQLite reads a row from its front. */
    {4,
     "DROP INDEX profile_state;"
     "DROP TABLE session;"
     "CREATE TABLE session("
     " id INTEGER PRIMARY KEY, transaction_id BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,"
     " revision INTEGER NOT NULL, expires_ms INTEGER NOT NULL, data BLOB NOT NULL);"
     "CREATE TABLE package_of("
     " iccid TEXT PRIMARY KEY REFERENCES profile(iccid) ON DELETE CASCADE,"
     " ppk BLOB NOT NULL, segments BLOB NOT NULL, upp BLOB NOT NULL);"
     "INSERT INTO package_of SELECT iccid, ppk, segments, upp FROM package;"
     "DROP TABLE package;"
     "ALTER TABLE package_of RENAME TO package;"
     "CREATE TABLE notification_of("
     " id INTEGER PRIMARY KEY, iccid TEXT NOT NULL, eid TEXT NOT NULL, sequence INTEGER NOT NULL,"
     " hash BLOB NOT NULL, operation INTEGER NOT NULL, body BLOB NOT NULL,"
     " received_ms INTEGER NOT NULL);"
     "INSERT INTO notification_of(iccid, eid, sequence, hash, operation, body, received_ms)"
     " SELECT ifnull(iccid, ''), eid, sequence, hash, operation, body, received_ms"
     " FROM notification;"
     "DROP TABLE notification;"
     "ALTER TABLE notification_of RENAME TO notification;"
     "CREATE UNIQUE INDEX notification_profile ON notification(iccid, eid, sequence, hash);"},
};
const size_t smdpp_migration_count = CR_COUNT(smdpp_migrations);

#define PROFILE_COLUMNS                                                                            \
    "iccid, type, owner, state, revision, metadata, class, size, requester, matching_id, eid, "    \
    "smds_address, cc_hash, cc_failures, cc_limit, downloads, download_limit, expires_ms, "        \
    "transaction_id, bound_eid, euicc_key, euicc_curve, otpk_euicc, otpk_dp, bound_head, "         \
    "host_id, last_error, created_ms, updated_ms, package_version, otpk_curve, policy_rules"

struct take_one {
    cr_arena *arena;
    struct smdpp_profile *out;
    bool *found;
};

static cr_status read_profile(const struct store_row *row, cr_arena *arena,
                              struct smdpp_profile *out, struct cr_err *err)
{
    *out = (struct smdpp_profile){
        .iccid = store_text(row, 0, arena),
        .type = store_text(row, 1, arena),
        .owner = store_text(row, 2, arena),
        .state = (enum smdpp_state)store_int(row, 3),
        .revision = store_int(row, 4),
        .metadata = cr_arena_copy(arena, store_bytes(row, 5)),
        .profile_class = store_int(row, 6),
        .size = store_int(row, 7),
        .requester = store_text(row, 8, arena),
        .matching_id = store_text(row, 9, arena),
        .eid = store_text(row, 10, arena),
        .smds_address = store_text(row, 11, arena),
        .cc_hash = cr_arena_copy(arena, store_bytes(row, 12)),
        .cc_failures = store_int(row, 13),
        .cc_limit = store_int(row, 14),
        .downloads = store_int(row, 15),
        .download_limit = store_int(row, 16),
        .expires_ms = store_int(row, 17),
        .transaction_id = cr_arena_copy(arena, store_bytes(row, 18)),
        .bound_eid = store_text(row, 19, arena),
        .euicc_key = cr_arena_copy(arena, store_bytes(row, 20)),
        .euicc_curve = store_int(row, 21),
        .otpk_euicc = cr_arena_copy(arena, store_bytes(row, 22)),
        .otpk_dp = cr_arena_copy(arena, store_bytes(row, 23)),
        .bound_head = cr_arena_copy(arena, store_bytes(row, 24)),
        .host_id = cr_arena_copy(arena, store_bytes(row, 25)),
        .last_error = store_text(row, 26, arena),
        .created_ms = store_int(row, 27),
        .updated_ms = store_int(row, 28),
        .package_version = store_int(row, 29),
        .otpk_curve = store_int(row, 30),
        .policy_rules = store_int(row, 31),
    };
    /* Short memory must not turn a bound order into one for anybody. */
    const bool lost[] = {
        !out->iccid,
        !out->type,
        !out->owner,
        !out->metadata.p,
        !out->requester && !store_is_null(row, 8),
        !out->matching_id && !store_is_null(row, 9),
        !out->eid && !store_is_null(row, 10),
        !out->smds_address && !store_is_null(row, 11),
        !out->cc_hash.p && !store_is_null(row, 12),
        !out->transaction_id.p && !store_is_null(row, 18),
        !out->bound_eid && !store_is_null(row, 19),
        !out->euicc_key.p && !store_is_null(row, 20),
        !out->otpk_euicc.p && !store_is_null(row, 22),
        !out->otpk_dp.p && !store_is_null(row, 23),
        !out->bound_head.p && !store_is_null(row, 24),
        !out->host_id.p && !store_is_null(row, 25),
    };
    for (size_t i = 0; i < CR_COUNT(lost); i++) {
        if (lost[i]) {
            return cr_fail_memory(err);
        }
    }
    return CR_OK;
}

bool smdpp_profile_copy(const struct smdpp_profile *from, cr_arena *arena,
                        struct smdpp_profile *out)
{
    bool sound = true;
    *out = *from;
    const char **texts[] = {&out->iccid,        &out->type,        &out->owner,
                            &out->requester,    &out->matching_id, &out->eid,
                            &out->smds_address, &out->bound_eid,   &out->last_error};
    cr_span *spans[] = {&out->metadata,   &out->cc_hash, &out->transaction_id, &out->euicc_key,
                        &out->otpk_euicc, &out->otpk_dp, &out->bound_head,     &out->host_id};
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        if (*texts[i]) {
            *texts[i] = cr_arena_strn(arena, cr_span_str(*texts[i]));
            sound = sound && *texts[i];
        }
    }
    for (size_t i = 0; i < CR_COUNT(spans); i++) {
        if (spans[i]->p) {
            *spans[i] = cr_arena_copy(arena, *spans[i]);
            sound = sound && spans[i]->p;
        }
    }
    return sound;
}

static cr_status take_one(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct take_one *take = ctx;
    *take->found = true;
    return read_profile(row, take->arena, take->out, err);
}

static cr_status find(struct store_tx *tx, const char *sql, const struct store_value *values,
                      cr_arena *arena, struct smdpp_profile *out, bool *found, struct cr_err *err)
{
    *found = false;
    struct take_one take = {arena, out, found};
    return store_exec(tx, sql, values, take_one, &take, NULL, err);
}

cr_status smdpp_profile_by_iccid(struct store_tx *tx, const char *iccid, cr_arena *arena,
                                 struct smdpp_profile *out, bool *found, struct cr_err *err)
{
    return find(tx, "SELECT " PROFILE_COLUMNS " FROM profile WHERE iccid = ?",
                STORE_VALUES(STORE_T(iccid)), arena, out, found, err);
}

cr_status smdpp_profile_by_matching_id(struct store_tx *tx, cr_span matching_id, cr_arena *arena,
                                       struct smdpp_profile *out, bool *found, struct cr_err *err)
{
    return find(
        tx, "SELECT " PROFILE_COLUMNS " FROM profile WHERE matching_id = ? AND matching_id <> ''",
        STORE_VALUES(STORE_S(matching_id)), arena, out, found, err);
}

cr_status smdpp_profile_by_default_order(struct store_tx *tx, const char *eid, cr_arena *arena,
                                         struct smdpp_profile *out, bool *found, struct cr_err *err)
{
    /* Installed and failed ones keep their order for the record: only what can be downloaded. */
    return find(tx,
                "SELECT " PROFILE_COLUMNS " FROM profile WHERE matching_id = '' AND eid = ?"
                " AND state IN (4, 5, 6) ORDER BY state = 4, created_ms LIMIT 1",
                STORE_VALUES(STORE_T(eid)), arena, out, found, err);
}

cr_status smdpp_profile_by_transaction(struct store_tx *tx, cr_span transaction_id, cr_arena *arena,
                                       struct smdpp_profile *out, bool *found, struct cr_err *err)
{
    return find(tx, "SELECT " PROFILE_COLUMNS " FROM profile WHERE transaction_id = ?",
                STORE_VALUES(STORE_B(transaction_id)), arena, out, found, err);
}

cr_status smdpp_profile_available(struct store_tx *tx, const char *type, const char *requester,
                                  cr_arena *arena, struct smdpp_profile *out, bool *found,
                                  struct cr_err *err)
{
    return find(tx,
                "SELECT " PROFILE_COLUMNS " FROM profile WHERE type = ? AND (? = '' OR"
                " owner IN ('', ?)) AND state = 1 LIMIT 1",
                STORE_VALUES(STORE_T(type), STORE_T(requester), STORE_T(requester)), arena, out,
                found, err);
}

struct type_known {
    bool *known, *allowed;
};

static cr_status take_type(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    struct type_known *take = ctx;
    *take->known = true;
    *take->allowed = *take->allowed || store_int(row, 0) != 0;
    return CR_OK;
}

cr_status smdpp_profile_type_known(struct store_tx *tx, const char *type, const char *requester,
                                   bool *known, bool *allowed, struct cr_err *err)
{
    *known = false;
    *allowed = false;
    struct type_known take = {known, allowed};
    return store_exec(tx, "SELECT DISTINCT ? = '' OR owner IN ('', ?) FROM profile WHERE type = ?",
                      STORE_VALUES(STORE_T(requester), STORE_T(requester), STORE_T(type)),
                      take_type, &take, NULL, err);
}

struct each {
    smdpp_profile_fn fn;
    void *ctx;
};

static cr_status take_each(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct each *each = ctx;
    cr_arena arena = {0};
    struct smdpp_profile profile;
    cr_status status = read_profile(row, &arena, &profile, err);
    if (status == CR_OK) {
        status = each->fn(&profile, each->ctx, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status smdpp_profile_each(struct store_tx *tx, enum smdpp_state state, const char *after,
                             int64_t limit, smdpp_profile_fn fn, void *ctx, struct cr_err *err)
{
    struct each each = {fn, ctx};
    return store_exec(tx,
                      "SELECT " PROFILE_COLUMNS " FROM profile WHERE (? = 0 OR state = ?)"
                      " AND iccid > ? ORDER BY iccid LIMIT ?",
                      STORE_VALUES(STORE_I(state), STORE_I(state), STORE_T(after ? after : ""),
                                   STORE_I(limit ? limit : -1)),
                      take_each, &each, NULL, err);
}

/* The state that event leads to (event 0 = stay). */
static cr_status move(const struct smdpp_profile *p, enum smdpp_event event, enum smdpp_state *to,
                      struct cr_err *err)
{
    *to = event ? smdpp_state_next(p->state, event) : p->state;
    if (!*to) {
        return cr_fail(err, CR_INTERNAL, "SGP.22 3.1.6", "%s is not allowed in state %s",
                       smdpp_event_name(event), smdpp_state_name(p->state));
    }
    return CR_OK;
}

/* The row as it is in the database now. */
static cr_status moved(struct smdpp_profile *p, enum smdpp_state to, int64_t now_ms,
                       int64_t changed, struct cr_err *err)
{
    if (changed != 1) {
        cr_status status = cr_fail(err, CR_RESOURCE, NULL,
                                   "profile %s was changed by somebody else meanwhile", p->iccid);
        return cr_err_code(err, status, SMDPP_LOST);
    }
    p->state = to;
    p->revision++;
    p->updated_ms = now_ms;
    return CR_OK;
}

cr_status smdpp_profile_save(struct store_tx *tx, struct smdpp_profile *p, enum smdpp_event event,
                             int64_t now_ms, struct cr_err *err)
{
    enum smdpp_state to;
    int64_t changed = 0;
    CR_TRY(move(p, event, &to, err));
    CR_TRY(store_exec(
        tx,
        "UPDATE profile SET state = ?, revision = revision + 1, metadata = ?, class = ?,"
        " requester = ?, matching_id = ?, eid = ?, smds_address = ?, cc_hash = ?,"
        " cc_failures = ?, cc_limit = ?, downloads = ?, download_limit = ?, expires_ms = ?,"
        " transaction_id = ?, bound_eid = ?, euicc_key = ?, euicc_curve = ?, otpk_euicc = ?,"
        " otpk_dp = ?, bound_head = ?, host_id = ?, last_error = ?, updated_ms = ?,"
        " otpk_curve = ?, policy_rules = ? WHERE iccid = ? AND revision = ?",
        STORE_VALUES(STORE_I(to), STORE_B(p->metadata), STORE_I(p->profile_class),
                     STORE_T(p->requester), STORE_T(p->matching_id), STORE_T(p->eid),
                     STORE_T(p->smds_address), STORE_B(p->cc_hash), STORE_I(p->cc_failures),
                     STORE_I(p->cc_limit), STORE_I(p->downloads), STORE_I(p->download_limit),
                     STORE_I(p->expires_ms), STORE_B(p->transaction_id), STORE_T(p->bound_eid),
                     STORE_B(p->euicc_key), STORE_I(p->euicc_curve), STORE_B(p->otpk_euicc),
                     STORE_B(p->otpk_dp), STORE_B(p->bound_head), STORE_B(p->host_id),
                     STORE_T(p->last_error), STORE_I(now_ms), STORE_I(p->otpk_curve),
                     STORE_I(p->policy_rules), STORE_T(p->iccid), STORE_I(p->revision)),
        NULL, NULL, &changed, err));
    if (event == SMDPP_EV_CANCEL_AVAILABLE) {
        /* Its next life starts without the notifications of this one. */
        CR_TRY(store_exec(tx, "DELETE FROM notification WHERE iccid = ?",
                          STORE_VALUES(STORE_T(p->iccid)), NULL, NULL, NULL, err));
    }
    return moved(p, to, now_ms, changed, err);
}

cr_status smdpp_profile_save_binding(struct store_tx *tx, struct smdpp_profile *p,
                                     enum smdpp_event event, int64_t now_ms, struct cr_err *err)
{
    enum smdpp_state to;
    int64_t changed = 0;
    CR_TRY(move(p, event, &to, err));
    CR_TRY(store_exec(
        tx,
        "UPDATE profile SET state = ?, revision = revision + 1, cc_failures = ?, downloads = ?,"
        " transaction_id = ?, bound_eid = ?, euicc_key = ?, euicc_curve = ?, otpk_euicc = ?,"
        " otpk_dp = ?, bound_head = ?, host_id = ?, last_error = ?, updated_ms = ?,"
        " otpk_curve = ? WHERE iccid = ? AND revision = ?",
        STORE_VALUES(STORE_I(to), STORE_I(p->cc_failures), STORE_I(p->downloads),
                     STORE_B(p->transaction_id), STORE_T(p->bound_eid), STORE_B(p->euicc_key),
                     STORE_I(p->euicc_curve), STORE_B(p->otpk_euicc), STORE_B(p->otpk_dp),
                     STORE_B(p->bound_head), STORE_B(p->host_id), STORE_T(p->last_error),
                     STORE_I(now_ms), STORE_I(p->otpk_curve), STORE_T(p->iccid),
                     STORE_I(p->revision)),
        NULL, NULL, &changed, err));
    return moved(p, to, now_ms, changed, err);
}

cr_status smdpp_profile_save_progress(struct store_tx *tx, struct smdpp_profile *p,
                                      enum smdpp_event event, int64_t now_ms, struct cr_err *err)
{
    enum smdpp_state to;
    int64_t changed = 0;
    CR_TRY(move(p, event, &to, err));
    const struct store_value counters[] = {STORE_I(p->cc_failures),
                                           STORE_I(p->downloads),
                                           STORE_T(p->last_error),
                                           STORE_I(now_ms),
                                           STORE_T(p->iccid),
                                           STORE_I(p->revision),
                                           STORE_I(to),
                                           {.kind = STORE_END}};
    /* The state stands in two indexes: left alone where it does not change. */
    const char *stay = "UPDATE profile SET revision = revision + 1, cc_failures = ?1,"
                       " downloads = ?2, last_error = ?3, updated_ms = ?4"
                       " WHERE iccid = ?5 AND revision = ?6 AND state = ?7";
    const char *go = "UPDATE profile SET revision = revision + 1, cc_failures = ?1,"
                     " downloads = ?2, last_error = ?3, updated_ms = ?4, state = ?7"
                     " WHERE iccid = ?5 AND revision = ?6";
    CR_TRY(store_exec(tx, to == p->state ? stay : go, counters, NULL, NULL, &changed, err));
    return moved(p, to, now_ms, changed, err);
}

void smdpp_profile_clear_order(struct smdpp_profile *p)
{
    p->requester = NULL;
    p->matching_id = NULL;
    p->eid = NULL;
    p->smds_address = NULL;
    p->cc_hash = (cr_span){0};
    p->cc_failures = 0;
    p->downloads = 0;
    p->expires_ms = 0;
    p->transaction_id = (cr_span){0};
    p->bound_eid = NULL;
    p->euicc_key = (cr_span){0};
    p->euicc_curve = 0;
    p->otpk_curve = 0;
    p->otpk_euicc = (cr_span){0};
    p->otpk_dp = (cr_span){0};
    p->bound_head = (cr_span){0};
    p->host_id = (cr_span){0};
    p->last_error = NULL;
}

cr_status smdpp_profile_add(struct store_tx *tx, const struct smdpp_profile *p,
                            const struct smdpp_package *package, struct cr_err *err)
{
    struct cr_err local;
    cr_status status = store_exec(
        tx,
        "INSERT INTO profile(iccid, type, owner, state, revision, metadata, class, size,"
        " package_version, policy_rules, cc_failures, cc_limit, downloads, download_limit, "
        "expires_ms, "
        "euicc_curve, created_ms,"
        " updated_ms) VALUES(?, ?, ?, 1, 1, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, ?)",
        STORE_VALUES(STORE_T(p->iccid), STORE_T(p->type), STORE_T(p->owner), STORE_B(p->metadata),
                     STORE_I(p->profile_class), STORE_I(p->size), STORE_I(p->package_version),
                     STORE_I(p->policy_rules), STORE_I(p->created_ms), STORE_I(p->created_ms)),
        NULL, NULL, NULL, &local);
    if (status == CR_REFUSED && local.code == STORE_CONSTRAINT) {
        status = cr_fail(err, CR_REFUSED, NULL,
                         "a profile with ICCID %s is in the inventory already", p->iccid);
        return cr_err_next(err, status, "remove it first, or import a package with another ICCID");
    }
    if (status != CR_OK) {
        if (err) {
            *err = local;
        }
        return status;
    }
    return store_exec(tx, "INSERT INTO package(iccid, upp, ppk, segments) VALUES(?, ?, ?, ?)",
                      STORE_VALUES(STORE_T(p->iccid), STORE_B(package->upp), STORE_B(package->ppk),
                                   STORE_B(package->segments)),
                      NULL, NULL, NULL, err);
}

cr_status smdpp_profile_remove(struct store_tx *tx, const char *iccid, bool *removed,
                               struct cr_err *err)
{
    int64_t changed = 0;
    CR_TRY(store_exec(tx, "DELETE FROM profile WHERE iccid = ? AND state IN (1, 10, 11, 12)",
                      STORE_VALUES(STORE_T(iccid)), NULL, NULL, &changed, err));
    *removed = changed == 1;
    return CR_OK;
}

bool smdpp_package_copy(const struct smdpp_package *from, cr_arena *arena,
                        struct smdpp_package *out)
{
    out->ppk = cr_arena_copy(arena, from->ppk);
    out->segments = cr_arena_copy(arena, from->segments);
    out->upp = cr_arena_copy(arena, from->upp);
    return (out->ppk.p || !from->ppk.p) && (out->segments.p || !from->segments.p) &&
           (out->upp.p || !from->upp.p);
}

struct take_package {
    cr_arena *arena;
    struct smdpp_package *out;
    bool found;
};

static cr_status take_package(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct take_package *take = ctx;
    take->found = true;
    *take->out = (struct smdpp_package){
        .ppk = cr_arena_copy(take->arena, store_bytes(row, 0)),
        .segments = cr_arena_copy(take->arena, store_bytes(row, 1)),
        .upp = cr_arena_copy(take->arena, store_bytes(row, 2)),
    };
    return take->out->ppk.p && take->out->segments.p ? CR_OK : cr_fail_memory(err);
}

cr_status smdpp_package_get(struct store_tx *tx, const char *iccid, bool want_upp, cr_arena *arena,
                            struct smdpp_package *out, struct cr_err *err)
{
    struct take_package take = {arena, out, false};
    const char *sql = want_upp ? "SELECT ppk, segments, upp FROM package WHERE iccid = ?"
                               : "SELECT ppk, segments, NULL FROM package WHERE iccid = ?";
    CR_TRY(store_exec(tx, sql, STORE_VALUES(STORE_T(iccid)), take_package, &take, NULL, err));
    if (!take.found) {
        return cr_fail(err, CR_INTERNAL, NULL, "profile %s has no package", iccid);
    }
    return CR_OK;
}
