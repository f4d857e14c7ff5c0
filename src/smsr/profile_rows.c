/*
 * Profiles of an eUICC as rows.
 */
#include "smsr/core.h"
#include "smsr/eis.h"

#define COLUMNS                                                                                    \
    "SELECT eid, aid, iccid, mno_id, smdp_id, type, imsi, msisdn, state, fallback, emergency,"     \
    " pol2, allocated_memory, free_memory FROM profile "

#define AID_SIZE 16
#define AID_TAR  12 /* bytes in front of the TAR */

struct reading {
    cr_arena *arena;
    struct smsr_profile *out; /* NULL: counts */
    size_t room, count;
};

static cr_status take_profile(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    if (r->count == r->room) {
        return cr_fail(err, CR_INTERNAL, NULL, "more Profiles than were counted");
    }
    struct smsr_profile *p = &r->out[r->count++];
    *p = (struct smsr_profile){0};
    CR_TRY(smsr_take_bytes(row, 0, r->arena, &p->eid, err));
    CR_TRY(smsr_take_bytes(row, 1, r->arena, &p->aid, err));
    const char **texts[] = {&p->iccid, &p->mno_id, &p->smdp_id, &p->type, &p->imsi, &p->msisdn};
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        CR_TRY(smsr_take_text(row, 2 + (int)i, r->arena, texts[i], err));
    }
    p->state = (enum smsr_profile_state)store_int(row, 8);
    p->fallback = store_int(row, 9) != 0;
    p->emergency = store_int(row, 10) != 0;
    p->pol2 = (unsigned)store_int(row, 11);
    p->allocated_memory = store_int(row, 12);
    p->free_memory = store_int(row, 13);
    return CR_OK;
}

cr_status smsr_profile_get(struct store_tx *tx, cr_span eid, cr_span iccid, cr_arena *arena,
                           struct smsr_profile *out, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = 1};
    CR_TRY(store_exec(tx, COLUMNS "WHERE eid = ? AND iccid = ?",
                      STORE_VALUES(STORE_B(eid), STORE_S(iccid)), take_profile, &r, NULL, err));
    return r.count ? CR_OK
                   : cr_refuse(err, "8.2.1", "3.9", "SGP.02 annex E",
                               "no Profile with this ICCID is on that eUICC");
}

cr_status smsr_profile_by_aid(struct store_tx *tx, cr_span eid, cr_span aid, cr_arena *arena,
                              struct smsr_profile *out, bool *found, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = 1};
    CR_TRY(store_exec(tx, COLUMNS "WHERE eid = ? AND aid = ?",
                      STORE_VALUES(STORE_B(eid), STORE_B(aid)), take_profile, &r, NULL, err));
    *found = r.count > 0;
    return CR_OK;
}

cr_status smsr_profile_special(struct store_tx *tx, cr_span eid, enum smsr_special which,
                               cr_arena *arena, struct smsr_profile *out, bool *found,
                               struct cr_err *err)
{
    static const char *const statements[] = {
        [SMSR_THE_ENABLED] = COLUMNS "WHERE eid = ? AND state = 3 LIMIT 1",
        [SMSR_THE_FALLBACK] = COLUMNS "WHERE eid = ? AND fallback = 1 LIMIT 1",
        [SMSR_THE_EMERGENCY] = COLUMNS "WHERE eid = ? AND emergency = 1 LIMIT 1",
    };
    _Static_assert(SMSR_ENABLED == 3, "the statement says 3");
    struct reading r = {.arena = arena, .out = out, .room = 1};
    CR_TRY(
        store_exec(tx, statements[which], STORE_VALUES(STORE_B(eid)), take_profile, &r, NULL, err));
    *found = r.count > 0;
    return CR_OK;
}

/* What the indexes have stands: their pages are not written again. */
static cr_status update(struct store_tx *tx, const struct smsr_profile *p, int64_t *changed,
                        struct cr_err *err)
{
    return store_exec(
        tx,
        "UPDATE profile SET type = ?, imsi = ?, msisdn = ?, state = ?, fallback = ?,"
        " emergency = ?, pol2 = ?, allocated_memory = ?, free_memory = ? WHERE eid = ? AND"
        " iccid = ? AND aid = ? AND mno_id = ? AND smdp_id IS ?",
        STORE_VALUES(STORE_T(p->type), STORE_T(p->imsi), STORE_T(p->msisdn), STORE_I(p->state),
                     STORE_I(p->fallback), STORE_I(p->emergency), STORE_I(p->pol2),
                     STORE_I(p->allocated_memory), STORE_I(p->free_memory), STORE_B(p->eid),
                     STORE_T(p->iccid), STORE_B(p->aid), STORE_T(p->mno_id), STORE_T(p->smdp_id)),
        NULL, NULL, changed, err);
}

cr_status smsr_profile_put(struct store_tx *tx, const struct smsr_profile *p, struct cr_err *err)
{
    int64_t changed = 0;
    CR_TRY(update(tx, p, &changed, err));
    if (changed) {
        return CR_OK;
    }
    return store_exec(
        tx,
        "INSERT INTO profile(eid, iccid, aid, mno_id, smdp_id, type, imsi, msisdn, state, fallback,"
        " emergency, pol2, allocated_memory, free_memory)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT(eid, iccid) DO UPDATE SET aid = excluded.aid, mno_id = excluded.mno_id,"
        " smdp_id = excluded.smdp_id, type = excluded.type, imsi = excluded.imsi,"
        " msisdn = excluded.msisdn, state = excluded.state, fallback = excluded.fallback,"
        " emergency = excluded.emergency, pol2 = excluded.pol2,"
        " allocated_memory = excluded.allocated_memory, free_memory = excluded.free_memory",
        STORE_VALUES(STORE_B(p->eid), STORE_T(p->iccid), STORE_B(p->aid), STORE_T(p->mno_id),
                     STORE_T(p->smdp_id), STORE_T(p->type), STORE_T(p->imsi), STORE_T(p->msisdn),
                     STORE_I(p->state), STORE_I(p->fallback), STORE_I(p->emergency),
                     STORE_I(p->pol2), STORE_I(p->allocated_memory), STORE_I(p->free_memory)),
        NULL, NULL, NULL, err);
}

cr_status smsr_profile_delete(struct store_tx *tx, cr_span eid, cr_span iccid, struct cr_err *err)
{
    return store_exec(tx, "DELETE FROM profile WHERE eid = ? AND iccid = ?",
                      STORE_VALUES(STORE_B(eid), STORE_S(iccid)), NULL, NULL, NULL, err);
}

static cr_status take_count(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

cr_status smsr_profile_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                            struct smsr_profiles *out, struct cr_err *err)
{
    int64_t count = 0;
    CR_TRY(store_exec(tx, "SELECT count(*) FROM profile WHERE eid = ?", STORE_VALUES(STORE_B(eid)),
                      take_count, &count, NULL, err));
    struct reading r = {.arena = arena, .room = (size_t)count};
    r.out = cr_arena_alloc_array(arena, r.room, sizeof *r.out);
    if (!r.out) {
        return cr_fail_memory(err);
    }
    CR_TRY(store_exec(tx, COLUMNS "WHERE eid = ? ORDER BY aid", STORE_VALUES(STORE_B(eid)),
                      take_profile, &r, NULL, err));
    out->items = r.out;
    out->count = r.count;
    return CR_OK;
}

/* ---- AIDs --------------------------------------------------------------------------------------
 */

/* SGP.02 2.2.1.2: RID of SGP.02, then a TAR in its place. */
static void aid_of(uint32_t tar, uint8_t out[AID_SIZE])
{
    static const uint8_t pattern[AID_SIZE] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                              0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x00, 0x00};
    memcpy(out, pattern, AID_SIZE);
    out[AID_TAR] = (uint8_t)(tar >> 16);
    out[AID_TAR + 1] = (uint8_t)(tar >> 8);
    out[AID_TAR + 2] = (uint8_t)tar;
}

struct gap {
    uint32_t next; /* lowest TAR that is not known to be in use */
};

/* Rows come in order of AID. */
static cr_status skip_used(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct gap *gap = ctx;
    uint8_t wanted[AID_SIZE];
    (void)err;
    aid_of(gap->next, wanted);
    if (cr_span_equal(store_bytes(row, 0), CR_SPAN_ARRAY(wanted))) {
        gap->next++;
    }
    return CR_OK;
}

cr_status smsr_profile_new_aid(struct store_tx *tx, cr_span eid, uint8_t out[AID_SIZE],
                               struct cr_err *err)
{
    struct gap gap = {.next = SMSR_ISDP_FIRST};
    uint8_t first[AID_SIZE];
    aid_of(SMSR_ISDP_FIRST, first);
    CR_TRY(store_exec(tx, "SELECT aid FROM profile WHERE eid = ? AND aid >= ? ORDER BY aid",
                      STORE_VALUES(STORE_B(eid), STORE_B(CR_SPAN_ARRAY(first))), skip_used, &gap,
                      NULL, err));
    if (gap.next > SMSR_ISDP_LAST) {
        return cr_refuse(err, "8.1", "4.8", "SGP.02 2.2.1.2", "every ISD-P AID is in use");
    }
    aid_of(gap.next, out);
    return CR_OK;
}
