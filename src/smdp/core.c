#include "smdp/core.h"

#include "base/text.h"
#include "profile/tree.h"
#include "rsp/ids.h"
#include "store/home.h"

#include <stdlib.h>

#define TICK_JOBS      64    /* answered EXPIRED, and removed, in one tick at most */
#define FILE_MEMORY    64    /* of a file beside its content: descriptor, access rules, name */
#define PURGE_EVERY_MS 10000 /* between two looks at what has ended */

cr_status smdp_open(const struct smdp_options *options, struct smdp **out, struct cr_err *err)
{
    struct smdp *dp = calloc(1, sizeof *dp);
    if (!dp) {
        return cr_fail_memory(err);
    }
    dp->options = *options;
    dp->env = options->env;
    const struct store_home home = {.dir = options->dir,
                                    .name = "smdp.db",
                                    .migrations = smdp_migrations,
                                    .migration_count = smdp_migration_count,
                                    .env = dp->env};
    cr_status status = store_home_open(&home, &dp->seal, &dp->store, err);
    if (status == CR_OK) {
        const struct m2m_options m2m = {.store = dp->store,
                                        .parties = options->parties,
                                        .env = options->env,
                                        .rows = smdp_functions,
                                        .answered = smdp_answered,
                                        .ctx = dp};
        status = m2m_new(&m2m, &dp->m2m, err);
    }
    if (status != CR_OK) {
        smdp_close(dp);
        return status;
    }
    *out = dp;
    return CR_OK;
}

void smdp_close(struct smdp *dp)
{
    if (!dp) {
        return;
    }
    m2m_free(dp->m2m);
    store_close(dp->store);
    cr_wipe(&dp->seal, sizeof dp->seal);
    free(dp);
}

struct store *smdp_store(struct smdp *dp)
{
    return dp->store;
}

struct m2m *smdp_m2m(struct smdp *dp)
{
    return dp->m2m;
}

cr_status smdp_seal(struct smdp *dp, const char *label, const char *whose, cr_span secret,
                    cr_arena *arena, cr_span *out, struct cr_err *err)
{
    cr_buf sealed = {0};
    cr_status status = store_seal(&dp->seal, label, whose, secret, dp->env, &sealed, err);
    if (status == CR_OK) {
        *out = cr_arena_copy(arena, cr_buf_span(&sealed));
        status = out->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&sealed);
    return status;
}

cr_status smdp_unseal(struct smdp *dp, const char *label, const char *whose, cr_span sealed,
                      cr_buf *out, struct cr_err *err)
{
    struct cr_err inner = {0};
    out->secret = true;
    /* A secret that does not open is a fault of this server, not of whoever asks. */
    if (store_unseal(&dp->seal, label, whose, sealed, out, &inner) != CR_OK) {
        return cr_fail(err, CR_INTERNAL, NULL, "%s of %s: %s", label, whose, inner.cause);
    }
    return CR_OK;
}

cr_status smdp_find_smsr(struct smdp *dp, cr_span oid, const struct m2m_party **out,
                         struct cr_err *err)
{
    const struct m2m_party *party = m2m_party_by_oid(dp->options.parties, oid);
    if (!party || !(party->roles & SOAP_SMSR)) {
        return cr_err_next(err,
                           cr_refuse(err, "8.7", "3.9", "SGP.02 5.3",
                                     "no SM-SR with OID %.*s is known here", (int)oid.n,
                                     (const char *)oid.p),
                           "Add a [party ...] with role = smsr and this oid to the configuration.");
    }
    *out = party;
    return CR_OK;
}

/* ---- import ------------------------------------------------------------------------------------
 */

struct importing {
    struct smdp_profile profile;
    cr_span sealed;
};

static cr_status import_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct importing *i = ctx;
    return smdp_profile_add(tx, &i->profile, i->sealed, err);
}

static cr_status pol2_bytes(const struct soap_pol2 *pol2, cr_arena *arena, cr_span *out,
                            struct cr_err *err)
{
    if (pol2->rules.count > SOAP_MAX_RULES) {
        return cr_refuse(err, "8.2.3", "2.1", "SGP.02 3.6", "POL2 has at most %d rules",
                         SOAP_MAX_RULES);
    }
    uint8_t *bytes = cr_arena_alloc(arena, 3 * pol2->rules.count);
    if (!bytes) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < pol2->rules.count; i++) {
        bytes[3 * i] = (uint8_t)pol2->rules.items[i].subject;
        bytes[3 * i + 1] = (uint8_t)pol2->rules.items[i].action;
        bytes[3 * i + 2] = (uint8_t)pol2->rules.items[i].qualification;
    }
    *out = cr_span_of(bytes, 3 * pol2->rules.count);
    return CR_OK;
}

/* What a chip keeps: the files, of which templates make many that the package does not spell out,
 * and everything else about as it comes. */
static cr_status estimate(const struct profile_package *package, size_t upp, cr_arena *arena,
                          int64_t *out, struct cr_err *err)
{
    struct profile_tree tree;
    CR_TRY(profile_tree_build(package, arena, NULL, &tree, err));
    *out = (int64_t)upp;
    for (size_t i = 0; i < tree.count; i++) {
        *out += FILE_MEMORY + (int64_t)tree.nodes[i].content_size;
    }
    return CR_OK;
}

static cr_status check_package(cr_span upp, cr_arena *arena, char iccid[SMDP_ICCID_DIGITS + 1],
                               int64_t *memory, struct cr_err *err)
{
    struct profile_package package;
    char text[RSP_ICCID_TEXT];
    if (upp.n == 0 || upp.n > PROFILE_MAX_PACKAGE) {
        return cr_fail(err, CR_REFUSED, NULL, "a package has 1 to %d bytes", PROFILE_MAX_PACKAGE);
    }
    CR_TRY(profile_package_read(upp, arena, &package, err));
    if (package.count < 2 || package.elements[0].kind != PROFILE_HEADER ||
        package.elements[package.count - 1].kind != PROFILE_END) {
        return cr_fail(err, CR_MALFORMED, "TCA profile interoperability 8.2",
                       "a package begins with a header and finishes with an end element");
    }
    char hex[2 * RSP_ICCID_BYTES + 1];
    uint8_t swapped[RSP_ICCID_BYTES];
    cr_hex_into(hex, sizeof hex, package.elements[0].profile_header.iccid);
    hex[strcspn(hex, "F")] = 0;
    if (rsp_iccid_parse(cr_span_str(hex), swapped, err) != CR_OK ||
        !rsp_iccid_text(CR_SPAN_ARRAY(swapped), text)) {
        return cr_fail(err, CR_MALFORMED, "SGP.02 2.2.1.2", "the header's ICCID is not one");
    }
    (void)cr_str_copy(iccid, SMDP_ICCID_DIGITS + 1, cr_span_str(text));
    return estimate(&package, upp.n, arena, memory, err);
}

static const char *text_of(cr_span s, cr_arena *arena)
{
    return s.p ? cr_arena_strn(arena, s) : NULL;
}

static cr_status prepare_import(struct smdp *dp, const struct smdp_import *import, cr_arena *arena,
                                struct importing *out, char iccid[SMDP_ICCID_DIGITS + 1],
                                struct cr_err *err)
{
    struct smdp_profile *p = &out->profile;
    if (import->type && strlen(import->type) > SMDP_MAX_TYPE) {
        return cr_fail(err, CR_REFUSED, NULL, "a profile type has at most %d characters",
                       SMDP_MAX_TYPE);
    }
    struct rsp_version version;
    if (import->platform_version &&
        !rsp_version_parse(cr_span_str(import->platform_version), &version)) {
        return cr_fail(err, CR_REFUSED, NULL, "a platform version is of three numbers (n.n.n)");
    }
    int64_t memory = 0;
    CR_TRY(check_package(import->upp, arena, iccid, &memory, err));
    *p = (struct smdp_profile){.iccid = iccid,
                               .owner = import->owner ? import->owner : "",
                               .type = import->type ? import->type : "",
                               .imsi = text_of(import->address.imsi, arena),
                               .msisdn = text_of(import->address.msisdn, arena),
                               .size = (int64_t)import->upp.n,
                               .required_memory =
                                   import->required_memory > 0 ? import->required_memory : memory,
                               .platform_type = import->platform_type,
                               .platform_version = import->platform_version,
                               .created_ms = cr_now_ms(dp->env)};
    CR_TRY(pol2_bytes(&import->pol2, arena, &p->pol2, err));
    return smdp_seal(dp, SMDP_LABEL_UPP, iccid, import->upp, arena, &out->sealed, err);
}

cr_status smdp_import(struct smdp *dp, const struct smdp_import *import,
                      char iccid[SMDP_ICCID_DIGITS + 1], struct cr_err *err)
{
    cr_arena arena = {.secret = true};
    struct importing work = {0};
    char digits[SMDP_ICCID_DIGITS + 1];
    cr_status status = prepare_import(dp, import, &arena, &work, digits, err);
    if (status == CR_OK) {
        status = store_run(dp->store, import_work, &work, err);
    }
    if (status == CR_OK && iccid) {
        memcpy(iccid, digits, sizeof digits);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- deadlines ---------------------------------------------------------------------------------
 */

struct ticking {
    struct smdp *dp;
    bool found;
};

/* The requester hears EXPIRED; what is under way goes on, so that no ISD-P is left behind. */
static cr_status expire_one(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct ticking *t = ctx;
    cr_arena arena = {0};
    struct smdp_job job;
    int64_t now = cr_now_ms(t->dp->env);
    cr_status status = smdp_job_overdue(tx, now, &arena, &job, &t->found, err);
    if (status == CR_OK && t->found) {
        struct smdp_run run = {.dp = t->dp, .tx = tx, .job = &job, .arena = &arena, .now_ms = now};
        struct cr_err over = {0};
        (void)cr_refuse(&over, "1.6", "5.3", "SGP.02 annex A", "the time of the order is over");
        status = smdp_job_note_err(&run, &over, err);
        if (status == CR_OK && job.step == SMDP_STEP_QUEUED) {
            status = smdp_job_event(&run, SMDP_EV_LOST, err);
        } else if (status == CR_OK) {
            struct soap_body body = {.has_status = true};
            struct cr_err answered = {0};
            soap_status_from_err(&over, &arena, &body.status);
            status = m2m_answer(t->dp->m2m, tx, job.exchange, &body, &answered);
            if (status == CR_REFUSED && answered.code == M2M_ANSWERED) {
                status = CR_OK; /* the connection was held until it expired */
            } else if (status != CR_OK && err) {
                *err = answered;
            }
            job.answered = true;
            /* The revision is what answers are recognised by: it stays. */
            if (status == CR_OK) {
                status = smdp_job_mark_answered(tx, &job, err);
            }
        }
    }
    cr_arena_free(&arena);
    return status;
}

static cr_status purge_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return smdp_job_purge(tx, *(const int64_t *)ctx - SMDP_KEEP_MS, TICK_JOBS, err);
}

cr_status smdp_tick(struct smdp *dp, struct cr_err *err)
{
    struct ticking t = {.dp = dp, .found = true};
    bool any = false;
    int64_t now = cr_now_ms(dp->env);
    if (now - dp->purged_ms >= PURGE_EVERY_MS) {
        CR_TRY(store_run_soft(dp->store, purge_work, &now, err));
        dp->purged_ms = now;
    }
    for (int i = 0; t.found && i < TICK_JOBS; i++) {
        CR_TRY(store_run(dp->store, expire_one, &t, err));
        any = any || t.found;
    }
    if (any) {
        m2m_poke(dp->m2m);
    }
    return CR_OK;
}
