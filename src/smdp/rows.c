#include "smdp/rows.h"

/* A BLOB or NULL in the arena. */
static bool take_blob(const struct store_row *row, int column, cr_arena *arena, cr_span *out)
{
    *out = (cr_span){0};
    if (store_is_null(row, column)) {
        return true;
    }
    *out = cr_arena_copy(arena, store_bytes(row, column));
    return out->p != NULL;
}

static bool take_text(const struct store_row *row, int column, cr_arena *arena, const char **out)
{
    *out = store_text(row, column, arena);
    return *out || store_is_null(row, column);
}

static cr_status enough(bool ok, struct cr_err *err)
{
    return ok ? CR_OK : cr_fail_memory(err);
}

/* ---- stock -------------------------------------------------------------------------------------
 */

#define PROFILE_COLUMNS                                                                            \
    "iccid, owner, type, state, revision, imsi, msisdn, pol2, size, required_memory,"              \
    " platform_type, platform_version, eid, job, last_error, created_ms, updated_ms"

struct profile_reading {
    cr_arena *arena;
    struct smdp_profile *out;
    bool found;
};

static cr_status take_profile(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct profile_reading *r = ctx;
    struct smdp_profile *p = r->out;
    *p = (struct smdp_profile){.state = (enum smdp_state)store_int(row, 3),
                               .revision = store_int(row, 4),
                               .size = store_int(row, 8),
                               .required_memory = store_int(row, 9),
                               .job = store_int(row, 13),
                               .created_ms = store_int(row, 15),
                               .updated_ms = store_int(row, 16)};
    r->found = true;
    return enough(
        take_text(row, 0, r->arena, &p->iccid) && take_text(row, 1, r->arena, &p->owner) &&
            take_text(row, 2, r->arena, &p->type) && take_text(row, 5, r->arena, &p->imsi) &&
            take_text(row, 6, r->arena, &p->msisdn) && take_blob(row, 7, r->arena, &p->pol2) &&
            take_text(row, 10, r->arena, &p->platform_type) &&
            take_text(row, 11, r->arena, &p->platform_version) &&
            take_blob(row, 12, r->arena, &p->eid) && take_text(row, 14, r->arena, &p->last_error),
        err);
}

cr_status smdp_profile_add(struct store_tx *tx, const struct smdp_profile *p, cr_span sealed,
                           struct cr_err *err)
{
    struct cr_err inner = {0};
    cr_status status =
        store_exec(tx,
                   "INSERT INTO profile(" PROFILE_COLUMNS ")"
                   " VALUES(?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, NULL, 0, NULL, ?, ?)",
                   STORE_VALUES(STORE_T(p->iccid), STORE_T(p->owner), STORE_T(p->type),
                                STORE_I(SMDP_AVAILABLE), STORE_T(p->imsi), STORE_T(p->msisdn),
                                STORE_B(p->pol2), STORE_I(p->size), STORE_I(p->required_memory),
                                STORE_T(p->platform_type), STORE_T(p->platform_version),
                                STORE_I(p->created_ms), STORE_I(p->created_ms)),
                   NULL, NULL, NULL, &inner);
    if (status == CR_REFUSED && inner.code == STORE_CONSTRAINT) {
        return cr_refuse(err, "8.2.1", "3.3", NULL, "the stock has ICCID %s already", p->iccid);
    }
    if (status != CR_OK) {
        if (err) {
            *err = inner;
        }
        return status;
    }
    return store_exec(tx, "INSERT INTO package(iccid, sealed) VALUES(?, ?)",
                      STORE_VALUES(STORE_T(p->iccid), STORE_B(sealed)), NULL, NULL, NULL, err);
}

cr_status smdp_profile_find(struct store_tx *tx, const char *iccid, cr_arena *arena,
                            struct smdp_profile *out, bool *found, struct cr_err *err)
{
    struct profile_reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx, "SELECT " PROFILE_COLUMNS " FROM profile WHERE iccid = ?",
                      STORE_VALUES(STORE_T(iccid)), take_profile, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

static cr_status take_true(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)row;
    (void)err;
    *(bool *)ctx = true;
    return CR_OK;
}

cr_status smdp_profile_pick(struct store_tx *tx, const char *type, const char *owner,
                            cr_arena *arena, struct smdp_profile *out, bool *found, bool *known,
                            struct cr_err *err)
{
    struct profile_reading r = {.arena = arena, .out = out};
    *known = false;
    CR_TRY(store_exec(tx,
                      "SELECT " PROFILE_COLUMNS " FROM profile WHERE type = ? AND owner IN (?, '')"
                      " AND state = 1 ORDER BY created_ms, iccid LIMIT 1",
                      STORE_VALUES(STORE_T(type), STORE_T(owner)), take_profile, &r, NULL, err));
    *found = *known = r.found;
    if (r.found) {
        return CR_OK;
    }
    return store_exec(tx, "SELECT 1 FROM profile WHERE type = ? AND owner IN (?, '') LIMIT 1",
                      STORE_VALUES(STORE_T(type), STORE_T(owner)), take_true, known, NULL, err);
}

cr_status smdp_profile_move(struct store_tx *tx, struct smdp_profile *p, enum smdp_move move,
                            int64_t now_ms, struct cr_err *err)
{
    enum smdp_state to = smdp_state_next(p->state, move);
    int64_t changed = 0;
    if (!to) {
        return cr_fail(err, CR_INTERNAL, NULL, "a Profile that is %s has no move '%s'",
                       smdp_state_name(p->state), smdp_move_name(move));
    }
    if (to == SMDP_AVAILABLE) {
        p->eid = (cr_span){0};
        p->job = 0;
    }
    CR_TRY(store_exec(tx,
                      "UPDATE profile SET state = ?, revision = revision + 1, owner = ?, eid = ?,"
                      " job = ?, last_error = ?, updated_ms = ? WHERE iccid = ? AND revision = ?",
                      STORE_VALUES(STORE_I(to), STORE_T(p->owner), STORE_B(p->eid), STORE_I(p->job),
                                   STORE_T(p->last_error), STORE_I(now_ms), STORE_T(p->iccid),
                                   STORE_I(p->revision)),
                      NULL, NULL, &changed, err));
    if (changed != 1) {
        return cr_fail(err, CR_INTERNAL, NULL, "the row of Profile %s was changed", p->iccid);
    }
    p->state = to;
    p->revision++;
    return CR_OK;
}

struct blob_reading {
    cr_arena *arena;
    cr_span out;
};

static cr_status take_one_blob(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct blob_reading *r = ctx;
    return enough(take_blob(row, 0, r->arena, &r->out), err);
}

cr_status smdp_profile_package(struct store_tx *tx, const char *iccid, cr_arena *arena,
                               cr_span *sealed, struct cr_err *err)
{
    struct blob_reading r = {.arena = arena};
    CR_TRY(store_exec(tx, "SELECT sealed FROM package WHERE iccid = ?",
                      STORE_VALUES(STORE_T(iccid)), take_one_blob, &r, NULL, err));
    *sealed = r.out;
    return r.out.p ? CR_OK : cr_fail(err, CR_INTERNAL, NULL, "Profile %s has no package", iccid);
}

struct profile_walk {
    cr_arena arena;
    smdp_profile_fn fn;
    void *ctx;
};

static cr_status give_profile(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct profile_walk *w = ctx;
    struct smdp_profile p;
    struct profile_reading r = {.arena = &w->arena, .out = &p};
    cr_arena_reset(&w->arena);
    CR_TRY(take_profile(row, &r, err));
    return w->fn(&p, w->ctx, err);
}

cr_status smdp_profile_each(struct store_tx *tx, smdp_profile_fn fn, void *ctx, struct cr_err *err)
{
    struct profile_walk w = {.fn = fn, .ctx = ctx};
    cr_status status = store_exec(tx, "SELECT " PROFILE_COLUMNS " FROM profile ORDER BY iccid",
                                  NULL, give_profile, &w, NULL, err);
    cr_arena_free(&w.arena);
    return status;
}

/* ---- chips -------------------------------------------------------------------------------------
 */

cr_status smdp_chip_put(struct store_tx *tx, const struct smdp_chip *c, struct cr_err *err)
{
    return store_exec(tx,
                      "INSERT OR REPLACE INTO chip(eid, smsr, curve, point, sin, sdin, eis_ms)"
                      " VALUES(?, ?, ?, ?, ?, ?, ?)",
                      STORE_VALUES(STORE_B(c->eid), STORE_T(c->smsr), STORE_I(c->curve),
                                   STORE_B(c->point), STORE_B(c->sin), STORE_B(c->sdin),
                                   STORE_I(c->eis_ms)),
                      NULL, NULL, NULL, err);
}

struct chip_reading {
    cr_arena *arena;
    struct smdp_chip *out;
    bool found;
};

static cr_status take_chip(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct chip_reading *r = ctx;
    struct smdp_chip *c = r->out;
    *c = (struct smdp_chip){.curve = (enum crypto_curve)store_int(row, 2),
                            .eis_ms = store_int(row, 6)};
    r->found = true;
    return enough(take_blob(row, 0, r->arena, &c->eid) && take_text(row, 1, r->arena, &c->smsr) &&
                      take_blob(row, 3, r->arena, &c->point) &&
                      take_blob(row, 4, r->arena, &c->sin) && take_blob(row, 5, r->arena, &c->sdin),
                  err);
}

cr_status smdp_chip_find(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smdp_chip *out,
                         bool *found, struct cr_err *err)
{
    struct chip_reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx,
                      "SELECT eid, smsr, curve, point, sin, sdin, eis_ms FROM chip WHERE eid = ?",
                      STORE_VALUES(STORE_B(eid)), take_chip, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

cr_status smdp_chip_route(struct store_tx *tx, cr_span eid, const char *smsr, int64_t now_ms,
                          struct cr_err *err)
{
    return store_exec(tx,
                      "INSERT INTO chip(eid, smsr, curve, eis_ms) VALUES(?, ?, 0, ?)"
                      " ON CONFLICT(eid) DO UPDATE SET smsr = excluded.smsr",
                      STORE_VALUES(STORE_B(eid), STORE_T(smsr), STORE_I(now_ms)), NULL, NULL, NULL,
                      err);
}

/* ---- ISD-Ps ------------------------------------------------------------------------------------
 */

cr_status smdp_isdp_put(struct store_tx *tx, const struct smdp_isdp *isdp, struct cr_err *err)
{
    return store_exec(tx,
                      "INSERT OR REPLACE INTO isdp(eid, iccid, aid, keys, token_key, counter,"
                      " tokens, consent) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                      STORE_VALUES(STORE_B(isdp->eid), STORE_T(isdp->iccid), STORE_B(isdp->aid),
                                   STORE_B(isdp->keys), STORE_B(isdp->token_key),
                                   STORE_I(isdp->counter), STORE_I(isdp->tokens),
                                   STORE_I(isdp->consent)),
                      NULL, NULL, NULL, err);
}

struct isdp_reading {
    cr_arena *arena;
    struct smdp_isdp *out;
    bool found;
};

static cr_status take_isdp(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct isdp_reading *r = ctx;
    struct smdp_isdp *d = r->out;
    *d = (struct smdp_isdp){.counter = store_int(row, 5),
                            .tokens = store_int(row, 6),
                            .consent = store_int(row, 7) != 0};
    r->found = true;
    return enough(take_blob(row, 0, r->arena, &d->eid) && take_text(row, 1, r->arena, &d->iccid) &&
                      take_blob(row, 2, r->arena, &d->aid) &&
                      take_blob(row, 3, r->arena, &d->keys) &&
                      take_blob(row, 4, r->arena, &d->token_key),
                  err);
}

cr_status smdp_isdp_find(struct store_tx *tx, cr_span eid, const char *iccid, cr_arena *arena,
                         struct smdp_isdp *out, bool *found, struct cr_err *err)
{
    struct isdp_reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx,
                      "SELECT eid, iccid, aid, keys, token_key, counter, tokens, consent FROM isdp"
                      " WHERE eid = ? AND iccid = ?",
                      STORE_VALUES(STORE_B(eid), STORE_T(iccid)), take_isdp, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

cr_status smdp_isdp_remove(struct store_tx *tx, cr_span eid, const char *iccid, struct cr_err *err)
{
    return store_exec(tx, "DELETE FROM isdp WHERE eid = ? AND iccid = ?",
                      STORE_VALUES(STORE_B(eid), STORE_T(iccid)), NULL, NULL, NULL, err);
}

/* ---- jobs --------------------------------------------------------------------------------------
 */

#define JOB_COLUMNS                                                                                \
    "id, revision, step, function, exchange, answered, requester, smsr, eid, iccid, by_type,"      \
    " enable, deadline_ms, clean, deleting, rest, aid, one_time, challenge, counter, opened,"      \
    " script, attempts, payload, status, subject, reason, message, answer, created_ms, updated_ms"

struct job_reading {
    cr_arena *arena;
    struct smdp_job *out;
    bool found;
};

static cr_status take_job(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct job_reading *r = ctx;
    struct smdp_job *j = r->out;
    cr_arena *a = r->arena;
    *j = (struct smdp_job){.id = store_int(row, 0),
                           .revision = store_int(row, 1),
                           .step = (enum smdp_step)store_int(row, 2),
                           .function = store_int(row, 3),
                           .exchange = store_int(row, 4),
                           .answered = store_int(row, 5) != 0,
                           .by_type = store_int(row, 10) != 0,
                           .enable = store_int(row, 11) != 0,
                           .deadline_ms = store_int(row, 12),
                           .clean = store_int(row, 13) != 0,
                           .deleting = store_int(row, 14) != 0,
                           .counter = store_int(row, 19),
                           .script = store_int(row, 21),
                           .attempts = store_int(row, 22),
                           .status = store_int(row, 24),
                           .created_ms = store_int(row, 29),
                           .updated_ms = store_int(row, 30)};
    r->found = true;
    bool ok = take_text(row, 6, a, &j->requester) && take_text(row, 7, a, &j->smsr) &&
              take_blob(row, 8, a, &j->eid) && take_text(row, 9, a, &j->iccid) &&
              take_text(row, 15, a, &j->rest) && take_blob(row, 16, a, &j->aid) &&
              take_blob(row, 17, a, &j->one_time) && take_blob(row, 18, a, &j->challenge) &&
              take_blob(row, 20, a, &j->opened) && take_blob(row, 23, a, &j->payload) &&
              take_text(row, 25, a, &j->subject) && take_text(row, 26, a, &j->reason) &&
              take_text(row, 27, a, &j->message) && take_blob(row, 28, a, &j->answer);
    return enough(ok, err);
}

static cr_status take_id(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

cr_status smdp_job_add(struct store_tx *tx, struct smdp_job *j, struct cr_err *err)
{
    CR_TRY(store_exec(
        tx,
        "INSERT INTO job(revision, step, function, exchange, answered, requester, smsr, eid, iccid,"
        " by_type, enable, deadline_ms, clean, deleting, counter, script, attempts, payload,"
        " status, created_ms, updated_ms)"
        " VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, 0, ?, ?) RETURNING id",
        STORE_VALUES(STORE_I(j->step), STORE_I(j->function), STORE_I(j->exchange),
                     STORE_I(j->answered), STORE_T(j->requester), STORE_T(j->smsr), STORE_B(j->eid),
                     STORE_T(j->iccid), STORE_I(j->by_type), STORE_I(j->enable),
                     STORE_I(j->deadline_ms), STORE_I(j->clean), STORE_I(j->deleting),
                     STORE_B(j->payload), STORE_I(j->created_ms), STORE_I(j->created_ms)),
        take_id, &j->id, NULL, err));
    j->revision = 1;
    return CR_OK;
}

cr_status smdp_job_save(struct store_tx *tx, struct smdp_job *j, int64_t now_ms, struct cr_err *err)
{
    int64_t changed = 0;
    CR_TRY(store_exec(
        tx,
        "UPDATE job SET revision = revision + 1, step = ?, answered = ?, clean = ?, rest = ?,"
        " aid = ?, one_time = ?, challenge = ?, counter = ?, opened = ?, script = ?, attempts = ?,"
        " payload = ?, status = ?, subject = ?, reason = ?, message = ?, answer = ?,"
        " updated_ms = ? WHERE id = ? AND revision = ?",
        STORE_VALUES(STORE_I(j->step), STORE_I(j->answered), STORE_I(j->clean), STORE_T(j->rest),
                     STORE_B(j->aid), STORE_B(j->one_time), STORE_B(j->challenge),
                     STORE_I(j->counter), STORE_B(j->opened), STORE_I(j->script),
                     STORE_I(j->attempts), STORE_B(j->payload), STORE_I(j->status),
                     STORE_T(j->subject), STORE_T(j->reason), STORE_T(j->message),
                     STORE_B(j->answer), STORE_I(now_ms), STORE_I(j->id), STORE_I(j->revision)),
        NULL, NULL, &changed, err));
    if (changed != 1) {
        return cr_fail(err, CR_INTERNAL, NULL, "the row of job %lld was changed", (long long)j->id);
    }
    j->revision++;
    j->updated_ms = now_ms;
    return CR_OK;
}

cr_status smdp_job_find(struct store_tx *tx, int64_t id, cr_arena *arena, struct smdp_job *out,
                        bool *found, struct cr_err *err)
{
    struct job_reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx, "SELECT " JOB_COLUMNS " FROM job WHERE id = ?", STORE_VALUES(STORE_I(id)),
                      take_job, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

cr_status smdp_job_mark_answered(struct store_tx *tx, const struct smdp_job *j, struct cr_err *err)
{
    return store_exec(tx,
                      "UPDATE job SET answered = 1, status = ?, subject = ?, reason = ?,"
                      " message = ? WHERE id = ?",
                      STORE_VALUES(STORE_I(j->status), STORE_T(j->subject), STORE_T(j->reason),
                                   STORE_T(j->message), STORE_I(j->id)),
                      NULL, NULL, NULL, err);
}

/* Downloads are between QUEUED (1) and UNDOING (12). */
_Static_assert(SMDP_STEP_QUEUED == 1 && SMDP_STEP_UNDOING == 12, "statements name the steps");

cr_status smdp_job_busy(struct store_tx *tx, cr_span eid, bool *busy, struct cr_err *err)
{
    *busy = false;
    return store_exec(tx,
                      "SELECT 1 FROM job WHERE eid = ? AND step < 15 AND step BETWEEN 2 AND 12"
                      " LIMIT 1",
                      STORE_VALUES(STORE_B(eid)), take_true, busy, NULL, err);
}

cr_status smdp_job_queued(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smdp_job *out,
                          bool *found, struct cr_err *err)
{
    struct job_reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx,
                      "SELECT " JOB_COLUMNS " FROM job WHERE eid = ? AND step < 15 AND step = 1"
                      " ORDER BY id LIMIT 1",
                      STORE_VALUES(STORE_B(eid)), take_job, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

cr_status smdp_job_overdue(struct store_tx *tx, int64_t now_ms, cr_arena *arena,
                           struct smdp_job *out, bool *found, struct cr_err *err)
{
    struct job_reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx,
                      "SELECT " JOB_COLUMNS " FROM job WHERE step < 15 AND answered = 0 AND"
                      " deadline_ms <= ? ORDER BY deadline_ms LIMIT 1",
                      STORE_VALUES(STORE_I(now_ms)), take_job, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

cr_status smdp_job_purge(struct store_tx *tx, int64_t before_ms, int64_t limit, struct cr_err *err)
{
    return store_exec(tx,
                      "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE step >= 15 AND"
                      " updated_ms < ? LIMIT ?)",
                      STORE_VALUES(STORE_I(before_ms), STORE_I(limit)), NULL, NULL, NULL, err);
}

struct job_walk {
    cr_arena arena;
    smdp_job_fn fn;
    void *ctx;
};

static cr_status give_job(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct job_walk *w = ctx;
    struct smdp_job j;
    struct job_reading r = {.arena = &w->arena, .out = &j};
    cr_arena_reset(&w->arena);
    CR_TRY(take_job(row, &r, err));
    return w->fn(&j, w->ctx, err);
}

cr_status smdp_job_each(struct store_tx *tx, int64_t limit, smdp_job_fn fn, void *ctx,
                        struct cr_err *err)
{
    struct job_walk w = {.fn = fn, .ctx = ctx};
    cr_status status =
        store_exec(tx, "SELECT " JOB_COLUMNS " FROM job ORDER BY id DESC LIMIT ?",
                   STORE_VALUES(STORE_I(limit > 0 ? limit : -1)), give_job, &w, NULL, err);
    cr_arena_free(&w.arena);
    return status;
}
