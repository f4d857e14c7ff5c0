#include "smsr/core.h"

#include "base/file.h"
#include "pki/hierarchy.h"
#include "pki/issue.h"
#include "smsr/air.h"
#include "smsr/engine.h"
#include "smsr/handlers.h"
#include "smsr/handover.h"
#include "store/home.h"

#include <stdlib.h>
#include <sys/stat.h>

#define MAX_CI_FILE ((size_t)1 << 20) /* bytes */
#define TICK_LIMIT  200               /* rows in one transaction of the housekeeper */
#define TICK_ROUNDS 16                /* transactions of one tick at most */

static const struct store_migration migrations[] = {{1, m2m_schema},
                                                    {2, smsr_schema},
                                                    {3, smsr_air_schema},
                                                    {4, smsr_handover_schema},
                                                    {5, smsr_script_uri_schema}};

static void set_defaults(struct smsr_policy *p)
{
    p->hold_ms = p->hold_ms > 0 ? p->hold_ms : 20000;
    p->script_ms = p->script_ms > 0 ? p->script_ms : 60000;
    p->keep_ms = p->keep_ms > 0 ? p->keep_ms : (int64_t)90 * 24 * 3600 * 1000;
    p->again_ms = p->again_ms > 0 ? p->again_ms : 300000;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static cr_status add_ci(void *trust, cr_span der, struct cr_err *err)
{
    return pki_trust_add_ci(trust, der, err);
}

static cr_status open_trust(struct smsr *sr, const char *ci_file, struct cr_err *err)
{
    sr->trust = pki_trust_new();
    if (!sr->trust) {
        return cr_fail_memory(err);
    }
    if (!ci_file) {
        return CR_OK; /* registers nobody */
    }
    struct stat what;
    if (stat(ci_file, &what) == 0 && S_ISDIR(what.st_mode)) {
        return pki_hierarchy_trust(ci_file, sr->trust, err);
    }
    cr_buf content = {0};
    cr_status status = cr_file_read(ci_file, MAX_CI_FILE, &content, err);
    if (status == CR_OK) {
        status = pki_pem_each(cr_buf_span(&content), "CERTIFICATE", add_ci, sr->trust, err);
    }
    cr_buf_free(&content);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", ci_file);
}

static void on_commit(void *ctx)
{
    struct smsr *sr = ctx;
    (void)pthread_mutex_lock(&sr->lock);
    if (sr->due) {
        sr->due(sr->due_ctx);
    }
    (void)pthread_mutex_unlock(&sr->lock);
}

cr_status smsr_open(const struct smsr_options *options, struct smsr **out, struct cr_err *err)
{
    struct smsr *sr = calloc(1, sizeof *sr);
    if (!sr) {
        return cr_fail_memory(err);
    }
    sr->parties = options->parties;
    sr->env = options->env;
    sr->policy = options->policy;
    sr->radio = options->radio;
    sr->identity_count = options->identity_count;
    memcpy(sr->identities, options->identities, sizeof sr->identities);
    (void)pthread_mutex_init(&sr->lock, NULL);
    set_defaults(&sr->policy);
    cr_status status = open_trust(sr, options->ci_file, err);
    if (status == CR_OK) {
        const struct store_home home = {.dir = options->dir,
                                        .name = "smsr.db",
                                        .migrations = migrations,
                                        .migration_count = CR_COUNT(migrations),
                                        .env = sr->env};
        status = store_home_open(&home, &sr->seal, &sr->store, err);
    }
    if (status == CR_OK) {
        const struct m2m_options m2m = {.store = sr->store,
                                        .parties = sr->parties,
                                        .env = sr->env,
                                        .rows = smsr_rows,
                                        .answered = smsr_handover_answered,
                                        .committed = on_commit,
                                        .ctx = sr};
        status = m2m_new(&m2m, &sr->m2m, err);
    }
    if (status != CR_OK) {
        smsr_close(sr);
        return status;
    }
    *out = sr;
    return CR_OK;
}

void smsr_close(struct smsr *sr)
{
    if (!sr) {
        return;
    }
    m2m_free(sr->m2m);
    store_close(sr->store);
    pki_trust_free(sr->trust);
    cr_wipe(&sr->seal, sizeof sr->seal);
    (void)pthread_mutex_destroy(&sr->lock);
    free(sr);
}

struct m2m *smsr_messenger(struct smsr *sr)
{
    return sr->m2m;
}

struct store *smsr_store(struct smsr *sr)
{
    return sr->store;
}

const struct smsr_policy *smsr_policy_of(const struct smsr *sr)
{
    return &sr->policy;
}

const cr_env *smsr_env(const struct smsr *sr)
{
    return sr->env;
}

void smsr_on_script(struct smsr *sr, void (*due)(void *ctx), void *ctx)
{
    (void)pthread_mutex_lock(&sr->lock);
    sr->due = due;
    sr->due_ctx = ctx;
    (void)pthread_mutex_unlock(&sr->lock);
}

/* ---- housekeeping ------------------------------------------------------------------------------
 */

struct tick {
    struct smsr *sr;
    int64_t limit;
    bool more;
};

static cr_status tick_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct tick *tick = ctx;
    tick->more = false;
    CR_TRY(smsr_procedure_tick(tick->sr, tx, tick->limit, &tick->more, err));
    return smsr_procedure_forget(tx, cr_now_ms(tick->sr->env) - tick->sr->policy.keep_ms,
                                 TICK_LIMIT, err);
}

static cr_status postpone_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return smsr_procedure_postpone(ctx, tx, err);
}

/* One that cannot be moved must not keep the others from it: they go one by one then, and it is put
 * off. */
static cr_status tick_alone(struct smsr *sr, struct cr_err *err)
{
    struct tick tick = {.sr = sr, .limit = 1, .more = true};
    for (int i = 0; i < TICK_LIMIT && tick.more; i++) {
        struct cr_err why = {0};
        const cr_status status = store_run(sr->store, tick_work, &tick, &why);
        if (status == CR_RESOURCE) {
            return cr_fail(err, status, NULL, "%s", why.cause);
        }
        if (status != CR_OK) {
            cr_log(sr->env, CR_LOG_ERROR, "a procedure is put off: %s", why.cause);
            CR_TRY(store_run(sr->store, postpone_work, sr, err));
            tick.more = true;
        }
    }
    return CR_OK;
}

cr_status smsr_tick(struct smsr *sr, struct cr_err *err)
{
    struct tick tick = {.sr = sr, .limit = TICK_LIMIT, .more = true};
    for (int i = 0; i < TICK_ROUNDS && tick.more; i++) {
        const cr_status status = store_run(sr->store, tick_work, &tick, err);
        if (status == CR_RESOURCE) {
            return status;
        }
        if (status != CR_OK) {
            CR_TRY(tick_alone(sr, err));
            break;
        }
    }
    CR_TRY(m2m_tick(sr->m2m, TICK_LIMIT, err));
    m2m_poke(sr->m2m);
    return CR_OK;
}

/* ---- small things ------------------------------------------------------------------------------
 */

cr_status smsr_take_bytes(const struct store_row *row, int column, cr_arena *arena, cr_span *out,
                          struct cr_err *err)
{
    if (store_is_null(row, column)) {
        *out = (cr_span){0};
        return CR_OK;
    }
    *out = cr_arena_copy(arena, store_bytes(row, column));
    return out->p ? CR_OK : cr_fail_memory(err);
}

cr_status smsr_take_text(const struct store_row *row, int column, cr_arena *arena, const char **out,
                         struct cr_err *err)
{
    *out = NULL;
    if (store_is_null(row, column)) {
        return CR_OK;
    }
    *out = store_text(row, column, arena);
    return *out ? CR_OK : cr_fail_memory(err);
}

cr_status smsr_text(cr_span text, cr_arena *arena, const char **out, struct cr_err *err)
{
    *out = NULL;
    if (!text.p) {
        return CR_OK;
    }
    *out = cr_arena_strn(arena, text);
    return *out ? CR_OK : cr_fail_memory(err);
}

cr_status smsr_take_status(const struct store_row *row, int first, cr_arena *arena,
                           struct soap_status *out, struct cr_err *err)
{
    *out = (struct soap_status){.status = (int)store_int(row, first)};
    CR_TRY(smsr_take_bytes(row, first + 1, arena, &out->code.subject, err));
    CR_TRY(smsr_take_bytes(row, first + 2, arena, &out->code.reason, err));
    CR_TRY(smsr_take_bytes(row, first + 3, arena, &out->code.subject_identifier, err));
    CR_TRY(smsr_take_bytes(row, first + 4, arena, &out->code.message, err));
    out->has_code = out->code.subject.p != NULL;
    return CR_OK;
}
