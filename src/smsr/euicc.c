/*
 * eUICCs as rows: what the EUM registered, and beside it what changes.
 */
#include "smsr/core.h"
#include "smsr/eis.h"

#define COLUMNS                                                                                    \
    "SELECT e.eid, eum_id, ecasd_certificate, isdp_loadfile,"                                      \
    " isdp_module, isdr_aid, isdr_tars, sin, sdin, http, cattp, remaining_memory,"                 \
    " available_memory, last_audit_ms, procedure, handover, in_doubt, notification_number,"        \
    " notification_type, notification_aid, notification_confirmed, imei, msisdn, arriving"         \
    " FROM euicc e JOIN euicc_state s ON s.eid = e.eid "

struct reading {
    cr_arena *arena;
    struct smsr_euicc *out;
    bool found;
};

static cr_status take_spans(const struct store_row *row, cr_arena *arena, struct smsr_euicc *e,
                            struct cr_err *err)
{
    const struct {
        int column;
        cr_span *out;
    } spans[] = {
        {0, &e->eid},
        {2, &e->ecasd_certificate},
        {3, &e->isdp_loadfile},
        {4, &e->isdp_module},
        {5, &e->isdr_aid},
        {6, &e->isdr_tars},
        {7, &e->sin},
        {8, &e->sdin},
        {19, &e->notification_aid},
        {21, &e->imei},
    };
    for (size_t i = 0; i < CR_COUNT(spans); i++) {
        CR_TRY(smsr_take_bytes(row, spans[i].column, arena, spans[i].out, err));
    }
    CR_TRY(smsr_take_text(row, 1, arena, &e->eum_id, err));
    return smsr_take_text(row, 22, arena, &e->msisdn, err);
}

static cr_status take_euicc(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    struct smsr_euicc *e = r->out;
    r->found = true;
    *e = (struct smsr_euicc){0};
    CR_TRY(take_spans(row, r->arena, e, err));
    e->http = store_int(row, 9) != 0;
    e->cattp = store_int(row, 10) != 0;
    e->remaining_memory = store_int(row, 11);
    e->available_memory = store_int(row, 12);
    e->last_audit_ms = store_int(row, 13);
    e->procedure = store_int(row, 14);
    e->handover = store_int(row, 15);
    e->in_doubt = store_int(row, 16) != 0;
    e->has_notification = !store_is_null(row, 17);
    e->notification_number = (uint16_t)store_int(row, 17);
    e->notification_type = (uint8_t)store_int(row, 18);
    e->notification_confirmed = store_int(row, 20) != 0;
    e->arriving = store_int(row, 23) != 0;
    return CR_OK;
}

static cr_status take_signed(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    r->found = true;
    CR_TRY(smsr_take_bytes(row, 0, r->arena, &r->out->signed_info, err));
    return smsr_take_bytes(row, 1, r->arena, &r->out->eum_signature, err);
}

cr_status smsr_euicc_signed(struct store_tx *tx, cr_arena *arena, struct smsr_euicc *euicc,
                            struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = euicc};
    CR_TRY(store_exec(tx, "SELECT signed_info, eum_signature FROM euicc_signed WHERE eid = ?",
                      STORE_VALUES(STORE_B(euicc->eid)), take_signed, &r, NULL, err));
    return r.found ? CR_OK
                   : cr_fail(err, CR_INTERNAL, NULL, "an eUICC without what its EUM signed");
}

/* ---- those that went away ----------------------------------------------------------------------
 */

struct departure {
    cr_arena *arena;
    const char *smsr;
    int64_t when_ms;
};

static cr_status take_departure(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct departure *d = ctx;
    d->when_ms = store_int(row, 1);
    return smsr_take_text(row, 0, d->arena, &d->smsr, err);
}

/* 8.1.1/1.1, and where it is to be found. */
static cr_status not_here(struct store_tx *tx, cr_span eid, cr_arena *arena, struct cr_err *err)
{
    struct departure d = {.arena = arena};
    char when[CR_TIME_TEXT];
    CR_TRY(store_exec(tx, "SELECT smsr, when_ms FROM departed WHERE eid = ?",
                      STORE_VALUES(STORE_B(eid)), take_departure, &d, NULL, err));
    if (!d.smsr) {
        return cr_refuse(err, "8.1.1", "1.1", "SGP.02 annex E",
                         "no eUICC with this EID is managed here");
    }
    (void)cr_time_format(when, d.when_ms);
    return cr_refuse(err, "8.1.1", "1.1", "SGP.02 3.8",
                     "the eUICC was handed over to the SM-SR %s at %s", d.smsr, when);
}

cr_status smsr_euicc_depart(struct store_tx *tx, cr_span eid, const char *smsr, int64_t now_ms,
                            struct cr_err *err)
{
    CR_TRY(smsr_euicc_delete(tx, eid, err));
    return store_exec(tx, "INSERT OR REPLACE INTO departed(eid, smsr, when_ms) VALUES(?, ?, ?)",
                      STORE_VALUES(STORE_B(eid), STORE_T(smsr), STORE_I(now_ms)), NULL, NULL, NULL,
                      err);
}

cr_status smsr_euicc_arrived(struct store_tx *tx, cr_span eid, struct cr_err *err)
{
    return store_exec(tx, "DELETE FROM departed WHERE eid = ?", STORE_VALUES(STORE_B(eid)), NULL,
                      NULL, NULL, err);
}

cr_status smsr_euicc_load(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smsr_euicc *out,
                          struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out};
    CR_TRY(store_exec(tx, COLUMNS "WHERE e.eid = ?", STORE_VALUES(STORE_B(eid)), take_euicc, &r,
                      NULL, err));
    return r.found ? CR_OK : not_here(tx, eid, arena, err);
}

cr_status smsr_euicc_get(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smsr_euicc *out,
                         struct cr_err *err)
{
    CR_TRY(smsr_euicc_load(tx, eid, arena, out, err));
    return out->arriving ? not_here(tx, eid, arena, err) : CR_OK;
}

cr_status smsr_euicc_next(struct store_tx *tx, cr_span after, cr_arena *arena,
                          struct smsr_euicc *out, bool *found, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out};
    cr_span from = after.p ? after : cr_span_str("");
    CR_TRY(store_exec(tx, COLUMNS "WHERE e.eid > ? AND arriving = 0 ORDER BY e.eid LIMIT 1",
                      STORE_VALUES(STORE_B(from)), take_euicc, &r, NULL, err));
    *found = r.found;
    return CR_OK;
}

cr_status smsr_euicc_update(struct store_tx *tx, const struct smsr_euicc *e, struct cr_err *err)
{
    const struct store_value none = {.kind = STORE_NULL};
    return store_exec(
        tx,
        "INSERT INTO euicc_state(eid, remaining_memory, available_memory, last_audit_ms, procedure,"
        " handover, in_doubt, notification_number, notification_type, notification_aid,"
        " notification_confirmed, imei, msisdn, arriving)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT(eid) DO UPDATE SET remaining_memory = excluded.remaining_memory,"
        " available_memory = excluded.available_memory, last_audit_ms = excluded.last_audit_ms,"
        " procedure = excluded.procedure, handover = excluded.handover,"
        " in_doubt = excluded.in_doubt, notification_number = excluded.notification_number,"
        " notification_type = excluded.notification_type,"
        " notification_aid = excluded.notification_aid,"
        " notification_confirmed = excluded.notification_confirmed, imei = excluded.imei,"
        " msisdn = excluded.msisdn, arriving = excluded.arriving",
        STORE_VALUES(STORE_B(e->eid), STORE_I(e->remaining_memory), STORE_I(e->available_memory),
                     STORE_I(e->last_audit_ms), STORE_I(e->procedure), STORE_I(e->handover),
                     STORE_I(e->in_doubt),
                     e->has_notification ? STORE_I(e->notification_number) : none,
                     e->has_notification ? STORE_I(e->notification_type) : none,
                     STORE_B(e->notification_aid), STORE_I(e->notification_confirmed),
                     STORE_B(e->imei), STORE_T(e->msisdn), STORE_I(e->arriving)),
        NULL, NULL, NULL, err);
}

cr_status smsr_euicc_put(struct store_tx *tx, const struct smsr_euicc *e, struct cr_err *err)
{
    CR_TRY(
        store_exec(tx,
                   "INSERT INTO euicc(eid, eum_id, ecasd_certificate, isdp_loadfile,"
                   " isdp_module, isdr_aid, isdr_tars, sin, sdin, http, cattp)"
                   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                   " ON CONFLICT(eid) DO UPDATE SET eum_id = excluded.eum_id,"
                   " ecasd_certificate = excluded.ecasd_certificate,"
                   " isdp_loadfile = excluded.isdp_loadfile,"
                   " isdp_module = excluded.isdp_module, isdr_aid = excluded.isdr_aid,"
                   " isdr_tars = excluded.isdr_tars, sin = excluded.sin, sdin = excluded.sdin,"
                   " http = excluded.http, cattp = excluded.cattp",
                   STORE_VALUES(STORE_B(e->eid), STORE_T(e->eum_id), STORE_B(e->ecasd_certificate),
                                STORE_B(e->isdp_loadfile), STORE_B(e->isdp_module),
                                STORE_B(e->isdr_aid), STORE_B(e->isdr_tars), STORE_B(e->sin),
                                STORE_B(e->sdin), STORE_I(e->http), STORE_I(e->cattp)),
                   NULL, NULL, NULL, err));
    CR_TRY(store_exec(
        tx,
        "INSERT INTO euicc_signed(eid, signed_info, eum_signature) VALUES(?, ?, ?)"
        " ON CONFLICT(eid) DO UPDATE SET signed_info = excluded.signed_info,"
        " eum_signature = excluded.eum_signature",
        STORE_VALUES(STORE_B(e->eid), STORE_B(e->signed_info), STORE_B(e->eum_signature)), NULL,
        NULL, NULL, err));
    return smsr_euicc_update(tx, e, err);
}

cr_status smsr_euicc_delete(struct store_tx *tx, cr_span eid, struct cr_err *err)
{
    static const char *const statements[] = {
        "DELETE FROM euicc WHERE eid = ?",        "DELETE FROM euicc_state WHERE eid = ?",
        "DELETE FROM profile WHERE eid = ?",      "DELETE FROM keyset WHERE eid = ?",
        "DELETE FROM audit WHERE eid = ?",        "DELETE FROM property WHERE eid = ?",
        "DELETE FROM script WHERE eid = ?",       "DELETE FROM air WHERE eid = ?",
        "DELETE FROM euicc_signed WHERE eid = ?",
    };
    for (size_t i = 0; i < CR_COUNT(statements); i++) {
        CR_TRY(store_exec(tx, statements[i], STORE_VALUES(STORE_B(eid)), NULL, NULL, NULL, err));
    }
    return CR_OK;
}
