#include "smsr/grants.h"

#include "smsr/core.h"

/* ---- bits --------------------------------------------------------------------------------------
 */

static uint32_t bit_of(const char *const *names, const char *name)
{
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return (uint32_t)1 << i;
        }
    }
    return 0;
}

/* ES4 calls them as the lists do; what ES4 does not have cannot be granted. */
static const char *name_of(enum soap_name name)
{
    const struct soap_function *f = soap_function(SOAP_ES4, name);
    return f ? f->name : "";
}

smsr_grant smsr_grant_named(const char *name)
{
    return bit_of(soap_plma_operations, name);
}

smsr_grant smsr_grant_of(enum soap_name name)
{
    return smsr_grant_named(name_of(name));
}

uint32_t smsr_discard_of(enum soap_name name)
{
    return bit_of(soap_notifications, name_of(name));
}

static int64_t bits_of(const int *items, size_t count)
{
    int64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        bits |= (int64_t)1 << (items[i] - 1);
    }
    return bits;
}

static cr_status list_of(uint32_t bits, cr_arena *arena, int **items, size_t *count,
                         struct cr_err *err)
{
    *items = cr_arena_alloc_array(arena, 32, sizeof **items);
    *count = 0;
    if (!*items) {
        return cr_fail_memory(err);
    }
    for (int i = 0; i < 32; i++) {
        if (bits >> i & 1) {
            (*items)[(*count)++] = i + 1;
        }
    }
    return CR_OK;
}

static cr_status take_bits(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(uint32_t *)ctx = (uint32_t)store_int(row, 0);
    return CR_OK;
}

/* ---- PLMA --------------------------------------------------------------------------------------
 */

cr_status smsr_plma_find(struct store_tx *tx, const char *owner, const char *type,
                         const char *grantee, smsr_grant *out, struct cr_err *err)
{
    *out = 0;
    if (!type) {
        return CR_OK;
    }
    return store_exec(tx,
                      "SELECT operations FROM plma WHERE mno_id = ? AND profile_type = ?"
                      " AND m2m_sp_id = ?",
                      STORE_VALUES(STORE_T(owner), STORE_T(type), STORE_T(grantee)), take_bits, out,
                      NULL, err);
}

cr_status smsr_plma_put(struct store_tx *tx, const struct soap_plma *plma, struct cr_err *err)
{
    if (plma->operations.count == 0) {
        return store_exec(tx,
                          "DELETE FROM plma WHERE mno_id = ? AND profile_type = ?"
                          " AND m2m_sp_id = ?",
                          STORE_VALUES(STORE_S(plma->mno_id), STORE_S(plma->profile_type),
                                       STORE_S(plma->m2m_sp_id)),
                          NULL, NULL, NULL, err);
    }
    return store_exec(
        tx,
        "INSERT INTO plma(mno_id, profile_type, m2m_sp_id, operations) VALUES(?, ?, ?, ?)"
        " ON CONFLICT(mno_id, profile_type, m2m_sp_id) DO UPDATE SET"
        " operations = excluded.operations",
        STORE_VALUES(STORE_S(plma->mno_id), STORE_S(plma->profile_type), STORE_S(plma->m2m_sp_id),
                     STORE_I(bits_of(plma->operations.items, plma->operations.count))),
        NULL, NULL, NULL, err);
}

struct plma_reading {
    cr_arena *arena;
    struct soap_plma *items;
    size_t count;
};

static cr_status take_plma(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct plma_reading *r = ctx;
    struct soap_plma *p = &r->items[r->count++];
    CR_TRY(smsr_take_bytes(row, 0, r->arena, &p->mno_id, err));
    CR_TRY(smsr_take_bytes(row, 1, r->arena, &p->profile_type, err));
    CR_TRY(smsr_take_bytes(row, 2, r->arena, &p->m2m_sp_id, err));
    return list_of((uint32_t)store_int(row, 3), r->arena, &p->operations.items,
                   &p->operations.count, err);
}

cr_status smsr_plma_list(struct store_tx *tx, const struct smsr_plma_filter *filter,
                         cr_arena *arena, struct smsr_plmas *out, struct cr_err *err)
{
    struct plma_reading r = {.arena = arena};
    r.items = cr_arena_alloc_array(arena, SOAP_MAX_PLMAS, sizeof *r.items);
    if (!r.items) {
        return cr_fail_memory(err);
    }
    CR_TRY(store_exec(tx,
                      "SELECT mno_id, profile_type, m2m_sp_id, operations FROM plma"
                      " WHERE (?1 IS NULL OR mno_id = ?1) AND (?2 IS NULL OR m2m_sp_id = ?2)"
                      " AND (?3 IS NULL OR profile_type = ?3)"
                      " ORDER BY mno_id, profile_type, m2m_sp_id LIMIT ?4",
                      STORE_VALUES(STORE_S(filter->owner), STORE_S(filter->grantee),
                                   STORE_S(filter->type), STORE_I(SOAP_MAX_PLMAS)),
                      take_plma, &r, NULL, err));
    *out = (struct smsr_plmas){.items = r.items, .count = r.count};
    return CR_OK;
}

struct oid_reading {
    cr_arena *arena;
    struct smsr_oids *out;
};

static cr_status take_oid(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct oid_reading *r = ctx;
    if (r->out->count == SOAP_MAX_PLMAS) {
        return CR_OK;
    }
    return smsr_take_text(row, 0, r->arena, &r->out->items[r->out->count++], err);
}

cr_status smsr_plma_grantees(struct store_tx *tx, const char *owner, const char *type,
                             smsr_grant grant, cr_arena *arena, struct smsr_oids *out,
                             struct cr_err *err)
{
    *out = (struct smsr_oids){0};
    if (!type || !grant) {
        return CR_OK;
    }
    out->items = cr_arena_alloc_array(arena, SOAP_MAX_PLMAS, sizeof *out->items);
    if (!out->items) {
        return cr_fail_memory(err);
    }
    struct oid_reading r = {.arena = arena, .out = out};
    return store_exec(tx,
                      "SELECT m2m_sp_id FROM plma WHERE mno_id = ? AND profile_type = ?"
                      " AND operations & ? ORDER BY m2m_sp_id",
                      STORE_VALUES(STORE_T(owner), STORE_T(type), STORE_I(grant)), take_oid, &r,
                      NULL, err);
}

/* ---- ONC ---------------------------------------------------------------------------------------
 */

cr_status smsr_onc_put(struct store_tx *tx, const struct soap_onc *onc, struct cr_err *err)
{
    if (onc->discarded.count == 0) {
        return store_exec(tx, "DELETE FROM onc WHERE mno_id = ? AND profile_type = ?",
                          STORE_VALUES(STORE_S(onc->mno_id), STORE_S(onc->profile_type)), NULL,
                          NULL, NULL, err);
    }
    return store_exec(tx,
                      "INSERT INTO onc(mno_id, profile_type, discarded) VALUES(?, ?, ?)"
                      " ON CONFLICT(mno_id, profile_type) DO UPDATE SET"
                      " discarded = excluded.discarded",
                      STORE_VALUES(STORE_S(onc->mno_id), STORE_S(onc->profile_type),
                                   STORE_I(bits_of(onc->discarded.items, onc->discarded.count))),
                      NULL, NULL, NULL, err);
}

cr_status smsr_onc_find(struct store_tx *tx, const char *owner, const char *type, uint32_t *out,
                        struct cr_err *err)
{
    *out = 0;
    if (!type) {
        return CR_OK;
    }
    return store_exec(tx, "SELECT discarded FROM onc WHERE mno_id = ? AND profile_type = ?",
                      STORE_VALUES(STORE_T(owner), STORE_T(type)), take_bits, out, NULL, err);
}

struct onc_reading {
    cr_arena *arena;
    struct soap_onc *items;
    size_t count;
};

static cr_status take_onc(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct onc_reading *r = ctx;
    struct soap_onc *o = &r->items[r->count++];
    CR_TRY(smsr_take_bytes(row, 0, r->arena, &o->mno_id, err));
    CR_TRY(smsr_take_bytes(row, 1, r->arena, &o->profile_type, err));
    return list_of((uint32_t)store_int(row, 2), r->arena, &o->discarded.items, &o->discarded.count,
                   err);
}

cr_status smsr_onc_list(struct store_tx *tx, cr_span owner, cr_span type, cr_arena *arena,
                        struct smsr_oncs *out, struct cr_err *err)
{
    struct onc_reading r = {.arena = arena};
    r.items = cr_arena_alloc_array(arena, SOAP_MAX_PLMAS, sizeof *r.items);
    if (!r.items) {
        return cr_fail_memory(err);
    }
    CR_TRY(store_exec(tx,
                      "SELECT mno_id, profile_type, discarded FROM onc WHERE mno_id = ?1"
                      " AND (?2 IS NULL OR profile_type = ?2) ORDER BY profile_type LIMIT ?3",
                      STORE_VALUES(STORE_S(owner), STORE_S(type), STORE_I(SOAP_MAX_PLMAS)),
                      take_onc, &r, NULL, err));
    *out = (struct smsr_oncs){.items = r.items, .count = r.count};
    return CR_OK;
}
